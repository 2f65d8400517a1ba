//! The programs of the examples folder.

#[path = "../common/mod.rs"]
mod common;
mod programs;
