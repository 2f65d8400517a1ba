//! Exact theory of pretraining and fine-tuning in diagonal linear networks.

mod equations;
mod error;
mod initialization;
mod law;
mod penalty;
mod quadrature;
mod scale_map;
mod task;

pub use error::{Error, Result};
pub use initialization::{ConservedQuantities, Initialization, Path, Weights};
pub use law::{Group, Label, Law, Prior};
pub use penalty::{Penalty, ProximalPoint, SeparablePenalty};
pub use scale_map::ScaleMap;
pub use task::{Samples, Supports, Task};
