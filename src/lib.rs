//! Exact theory of pretraining and fine-tuning in diagonal linear networks.

mod error;
mod initialization;

pub use error::{Error, Result};
pub use initialization::{ConservedQuantities, Initialization, Path, Weights};
