#![doc = include_str!("../README.md")]

mod equations;
mod error;
mod fixed_point;
mod initialization;
mod law;
mod penalty;
mod quadrature;
mod report;
mod root;
mod scale_map;
mod search;
mod task;

pub use error::{Error, Result};
pub use fixed_point::{FixedPoint, Solver};
pub use initialization::{ConservedQuantities, Initialization, Path, Weights};
pub use law::{Group, Label, Law, Prior};
pub use penalty::{Penalty, ProximalPoint, SeparablePenalty};
pub use report::{GroupReport, Report};
pub use scale_map::ScaleMap;
pub use task::{Samples, Supports, Task};
