//! Initializations, penalties and scale maps.

#[path = "../common/mod.rs"]
mod common;
mod derivatives;
mod penalty;
mod properties;
mod scale_map;
