#![cfg_attr(feature = "quadrature", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "quadrature"),
    doc = "Exact theory of pretraining and fine-tuning in diagonal linear networks: closed forms."
)]

mod channel;
mod equations;
mod error;
mod fixed_point;
mod inductive_bias;
mod initialization;
mod law;
mod limits;
mod penalty;
mod phase_diagram;
#[cfg(feature = "quadrature")]
mod quadrature;
mod recovery;
mod report;
mod root;
mod scale_map;
mod search;
#[cfg(feature = "quadrature")]
mod smooth_channel;
mod soft_threshold;
mod solver;
mod sum;
mod task;
mod task_bias;

pub use error::{Error, Result};
pub use fixed_point::{Estimator, FixedPoint};
pub use inductive_bias::{BarycentricCoordinates, Feature, InductiveBias, Regime, TargetBias};
pub use initialization::{ConservedQuantities, Initialization, Path, Weights};
pub use law::{Group, Label, Law, Prior};
pub use limits::{
    basis_pursuit, minimum_l2, ordinary_least_squares, rich_weights, weighted_l1, weighted_l2,
};
pub use penalty::{Penalty, ProximalPoint, SeparablePenalty};
pub use phase_diagram::{Axis, PhaseDiagram};
pub use recovery::RecoveryThreshold;
pub use report::{GroupReport, Report};
pub use scale_map::ScaleMap;
pub use solver::{Method, Solver};
pub use task::{Samples, Supports, Task};
pub use task_bias::{RegimeShares, TaskBias};
