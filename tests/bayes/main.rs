//! The Bayes-optimal learner.

mod bound;
#[path = "../common/mod.rs"]
mod common;
mod optimal;
