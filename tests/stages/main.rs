//! Pretraining and fine-tuning after it.

#[path = "../common/mod.rs"]
mod common;
mod transfer;
