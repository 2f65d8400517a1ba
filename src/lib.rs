//! Exact theory of pretraining and fine-tuning in diagonal linear networks.

mod error;

pub use error::{Error, Result};
