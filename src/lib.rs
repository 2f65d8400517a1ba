#![doc = include_str!("../README.md")]

mod equations;
mod error;
mod fixed_point;
mod inductive_bias;
mod initialization;
mod law;
mod penalty;
mod phase_diagram;
mod quadrature;
mod report;
mod root;
mod scale_map;
mod search;
mod task;
mod task_bias;

pub use error::{Error, Result};
pub use fixed_point::{FixedPoint, Solver};
pub use inductive_bias::{BarycentricCoordinates, Feature, InductiveBias, Regime, TargetBias};
pub use initialization::{ConservedQuantities, Initialization, Path, Weights};
pub use law::{Group, Label, Law, Prior};
pub use penalty::{Penalty, ProximalPoint, SeparablePenalty};
pub use phase_diagram::{Axis, PhaseDiagram};
pub use report::{GroupReport, Report};
pub use scale_map::ScaleMap;
pub use task::{Samples, Supports, Task};
pub use task_bias::{RegimeShares, TaskBias};
