//! Inductive bias and regimes.

#[path = "../common/mod.rs"]
mod common;
mod inductive_bias;
