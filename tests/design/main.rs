//! The best initialization.

#[path = "../common/mod.rs"]
mod common;
mod intervals;
mod optimum;
