//! Pretraining and fine-tuning after it.

#[path = "../common/mod.rs"]
mod common;
mod protocols;
mod transfer;
