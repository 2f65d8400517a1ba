//! Exact theory of pretraining and fine-tuning in diagonal linear networks.
//!
//! From the initialization of each layer and the statistics of two tasks, this crate computes the
//! generalization error of fine-tuning in the limit of many features, the inductive bias behind it,
//! and the initialization that realizes a given one. The network is `beta = w+ v+ - w- v-` in every
//! coordinate, trained by gradient flow.
//!
//! The path of data is the path of the theory, one type a station:
//!
//! | station | type |
//! |---|---|
//! | layer scales, or absolute and relative scale | [`Initialization`], [`Weights`] |
//! | implicit penalty, its proximal map | [`Penalty`], [`SeparablePenalty`] |
//! | scale at which a pretrained coordinate is fine-tuned | [`ScaleMap`] |
//! | inductive bias, regimes, and the way back to an initialization | [`InductiveBias`], [`ProtocolBias`], [`TaskBias`], [`PhaseDiagram`] |
//! | statistics of the two tasks, and of the data | [`Supports`], [`Task`], [`Samples`] |
//! | law of one coordinate: any mixture, any scales and starts | [`Law`], [`CoordinateGroup`], [`Prior`], [`Pretrained`], [`GroupLabel`] |
//! | what is done to the weights between the stages: rebalanced, continued, rescaled, probed, frozen | [`Protocol`], [`TrainedLayers`], [`ProtocolRanking`] |
//! | both stages: pretraining on finite data, fine-tuning by any protocol | [`Transfer`], [`TransferSolution`] |
//! | effective noise and penalty | [`FixedPoint`] |
//! | limits with a closed form | [`ordinary_least_squares`], [`minimum_l2`], [`weighted_l2`], [`basis_pursuit`], [`weighted_l1`] |
//! | which estimator: the implicit penalty, its limits, ridge, LASSO, elastic net | [`Estimator`], [`ElasticNet`] |
//! | exact recovery | [`RecoveryThreshold`] |
//! | entry point: error, in total and by group; learning curves | [`Solver`], [`Solution`], [`Errors`], [`GroupError`] |
//! | moments of the estimate, discoveries, forgetting | [`Statistics`], [`GroupStatistics`], [`EstimateStatistics`] |
//! | derivatives in every parameter | [`Sensitivities`], [`LawGradient`], [`GroupGradient`], [`TransferGradient`] |
//! | best initialization for a task, best parameters of a protocol | [`InitializationDesign`], [`Optimum`], [`ProtocolDesign`], [`ProtocolOptimum`] |
//! | networks of finite size, to check all of this against | `simulation`, a cargo feature |
//!
//! A value that exists is valid: constructors check their arguments and return a typed
//! [`enum@Error`] that names the parameter, its value and its domain. Answers are numbers within a
//! stated budget, or an error that says why there is none.
//!
//! # Examples
//!
//! ```
//! # #[cfg(feature = "quadrature")]
//! # {
//! use diagonet::{
//!     Densities, Initialization, Law, Samples, ScaleMap, Scales, Solver, Supports, Task,
//! };
//!
//! // One coordinate in ten is used in pretraining, and half of them again in fine-tuning.
//! let supports = Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.05, overlap: 1.0 })?;
//! let task = Task::new(supports)?;
//! let map = ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: -0.9 })?, 0.0)?;
//! let report = Solver::new().solve(&Law::fine_tuning(&task, &map)?, &Samples::new(0.2)?)?;
//! assert!(report.generalization_error() < 0.01);
//! assert!(report.error_of("shared") > report.error_of("none"));
//! # }
//! # Ok::<(), diagonet::Error>(())
//! ```
//!
//! # Features
//!
//! - `quadrature` (default): expectations under the penalty itself, by numerical integration. Without
//!   it the closed forms remain, and what needs an integral is [`Error::QuadratureDisabled`].
//! - `simulation`: networks of finite size, drawn, trained and averaged, in the module `simulation`.
//! - `serde`: all inputs and answers can be written and read; what is read is checked as by the
//!   constructors.
//! - `proptest`: strategies of all inputs for property tests of other crates, in the module
//!   `strategies`.
//!
//! Vectors are those of [`nalgebra`], which is re-exported.
//!
//! # Source
//!
//! Anguita, Locatello, Saxe, Mondelli, Mancini, Lippl, Dominé 2026, *A Theory of How Pretraining
//! Shapes Inductive Bias in Fine-Tuning*, arXiv:2602.20062. Other sources are named where they are
//! used.

mod asymptotics;
mod bias;
mod design;
mod domain;
mod error;
mod estimator;
mod label;
mod network;
mod numerics;
mod problem;
#[cfg(feature = "serde")]
mod representation;
#[cfg(feature = "simulation")]
pub mod simulation;
mod stages;
#[cfg(feature = "proptest")]
pub mod strategies;

pub use nalgebra;

pub use asymptotics::estimator::Estimator;
pub use asymptotics::fixed_point::FixedPoint;
pub use asymptotics::problem::Problem;
pub use asymptotics::recovery::RecoveryThreshold;
pub use asymptotics::sensitivity::{GroupGradient, LawGradient, Sensitivities};
pub use asymptotics::solution::Solution;
pub use asymptotics::solver::Solver;
pub use asymptotics::statistics::{EstimateStatistics, GroupStatistics, Statistics};
pub use asymptotics::weighted_l1::{basis_pursuit, rich_weights, weighted_l1};
pub use asymptotics::weighted_l2::{minimum_l2, ordinary_least_squares, weighted_l2};
pub use bias::inductive_bias::{BarycentricCoordinates, Feature, InductiveBias, Regime};
pub use bias::phase_diagram::{DiagramAxis, PhaseDiagram};
pub use bias::protocol_bias::ProtocolBias;
pub use bias::realization::TargetBias;
pub use bias::task_bias::{RegimeShares, TaskBias};
pub use design::InitializationDesign;
pub use design::optimum::{OptimalParameter, Optimum, OptimumPosition};
pub use design::protocol::{ProtocolDesign, ProtocolOptimum};
pub use domain::Domain;
pub use error::{Error, Result, Stage};
pub use estimator::elastic_net::ElasticNet;
pub use label::GroupLabel;
pub use network::initialization::{
    ConservedQuantities, GapScales, Initialization, LayerScales, NetworkPath, ScaleAndStart,
    Scales, Weights,
};
pub use network::penalty::{Penalty, ProximalPoint, SeparablePenalty};
pub use network::protocol::{LayerFactors, Protocol, ProtocolParameter, TrainedLayers};
pub use network::scale_map::ScaleMap;
pub use problem::errors::{Errors, GroupError};
pub use problem::feature_class::FeatureClass;
pub use problem::law::{CoordinateGroup, Law};
pub use problem::mixture::Mixture;
pub use problem::pretrained::Pretrained;
pub use problem::prior::Prior;
pub use problem::samples::Samples;
pub use problem::supports::{ConditionalDensities, Densities, Supports};
pub use problem::task::Task;
pub use stages::gradient::TransferGradient;
pub use stages::ranking::{ProtocolRanking, RankedProtocol};
pub use stages::transfer::{Transfer, TransferSolution};

/// The programs of the README, compiled and run as documentation tests.
#[cfg(all(doctest, feature = "quadrature"))]
#[doc = include_str!("../README.md")]
struct Readme;
