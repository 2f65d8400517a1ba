//! Tasks, laws, and what every type promises.

#[path = "../common/mod.rs"]
mod common;
mod errors;
mod mixtures;
mod power_law;
mod round_trips;
mod source_conventions;
mod strategies;
mod supports;
mod traits;
