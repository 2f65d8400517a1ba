//! Pretraining and fine-tuning after it.

#[path = "../common/mod.rs"]
mod common;
mod protocols;
#[cfg(feature = "quadrature")]
mod sequence;
mod transfer;
