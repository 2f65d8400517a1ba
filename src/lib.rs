//! Exact theory of pretraining and fine-tuning in diagonal linear networks.
//!
//! This crate computes the generalization error of fine-tuning from the initialization of each layer and
//! the statistics of two tasks, in the limit of many features. It computes the inductive bias behind the
//! error, too, and the initialization that has a given bias or the lowest error. The network is
//! `beta = w+ v+ - w- v-` in every coordinate, trained by gradient flow. The module [`theory`] derives
//! all formulas.
//!
//! The types follow the derivation, one station after another:
//!
//! | station | items |
//! |---|---|
//! | weights of the two layers, by their scales | [`Initialization`], [`Weights`] |
//! | implicit penalty of a coordinate, and its proximal map | [`Penalty`], [`SeparablePenalty`] |
//! | scale at which a pretrained coordinate is fine-tuned | [`ScaleMap`] |
//! | inductive bias and regimes, and the initialization that has a given bias | [`InductiveBias`], [`ProtocolBias`], [`TaskBias`], [`PhaseDiagram`], [`TargetBias`] |
//! | supports, coefficients and samples of the two tasks | [`Supports`], [`Task`], [`Mixture`], [`Samples`] |
//! | law of one coordinate; power laws of many features | [`Law`], [`CoordinateGroup`], [`Prior`], [`Pretrained`], [`PowerLaw`] |
//! | what is done to the weights between the stages: rebalanced, continued, rescaled, probed, frozen | [`Protocol`], [`TrainedLayers`], [`ProtocolRanking`] |
//! | pretraining on finite data, and fine-tuning by any protocol | [`Transfer`], [`TransferSolution`] |
//! | any number of stages, and what they forget | `Sequence`, with the feature `quadrature` |
//! | numbers of the source authors' code | [`SourceConventions`] |
//! | solver: a point, a learning curve, the samples that an error needs | [`Solver`], [`Problem`] |
//! | stochastic gradients, label noise and weight decay: the scale that training ends at | [`Optimizer`], [`LabelNoise`], [`EffectiveScale`], [`ShrunkScale`] |
//! | estimator: the penalty itself, its lazy and rich limits, ridge, LASSO, elastic net | [`Estimator`], [`ElasticNet`] |
//! | closed forms | [`ordinary_least_squares`], [`minimum_l2`], [`weighted_l2`], [`basis_pursuit`], [`weighted_l1`], [`rich_weights`] |
//! | the explicit penalty with the lowest error | [`BestPenalty`], [`PenaltyPosition`] |
//! | sample ratio of exact recovery | [`RecoveryThreshold`] |
//! | solution: error in total and by group, effective noise and penalty | [`Solution`], [`Errors`], [`FixedPoint`] |
//! | moments of the estimate, discovery rates, forgetting | [`Statistics`] |
//! | derivatives in all parameters | [`Sensitivities`], [`LawGradient`], [`TransferGradient`] |
//! | best initialization for a task, best parameters of a protocol | [`InitializationDesign`], [`Optimum`], [`ProtocolDesign`], [`ProtocolOptimum`] |
//! | the least error of any learner, what message passing reaches, thresholds | `BayesOptimal`, with the feature `quadrature` |
//! | networks of finite size | `simulation`, a cargo feature |
//!
//! A value that exists is valid: constructors check their arguments and return a typed
//! [`enum@Error`] that names the parameter, its value and its [domain](Domain). Answers are numbers
//! within a stated budget, or an error that says why there is none. Inputs have private fields and
//! getters; answers have public fields.
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
//! // Pretraining uses one coordinate in ten. Fine-tuning uses half of these.
//! let supports = Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.05, overlap: 1.0 })?;
//! let task = Task::new(supports)?;
//! let map = ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: -0.9 })?, 0.0)?;
//! let law = Law::fine_tuning(&task, &map)?;
//! let solution = Solver::new().solve(&law, &Samples::new(0.2)?)?;
//! assert!(solution.generalization_error() < 0.01);
//! assert!(solution.error_of("shared") > solution.error_of("none"));
//! # }
//! # Ok::<(), diagonet::Error>(())
//! ```
//!
//! # Features
//!
//! - `quadrature` (default): expectations under the penalty itself, by numerical integration. Without
//!   it the closed forms remain, and a problem that needs an integral is
//!   [`Error::QuadratureDisabled`].
//! - `parallel`: batches of problems ([`Solver::solve_batch`], [`Solver::solve_grid`],
//!   [`Solver::learning_curves`]) over all processors, with the same digits.
//! - `simulation`: networks of finite size, drawn, trained and averaged, in the module `simulation`.
//! - `serde`: reading and writing of all inputs and answers; inputs are checked as by their
//!   constructors.
//! - `proptest`: strategies of all inputs for property tests of other crates, in the module
//!   `strategies`.
//!
//! Vectors of coordinates are taken as slices, arrays, `Vec`s, or vectors of [`nalgebra`], which is
//! re-exported; they are returned as vectors of `nalgebra`.
//!
//! # Source
//!
//! Anguita, Locatello, Saxe, Mondelli, Mancini, Lippl, Dominé 2026, *A Theory of How Pretraining
//! Shapes Inductive Bias in Fine-Tuning*, arXiv:2602.20062. The [`theory`](theory#sources) lists all
//! sources.

mod asymptotics;
#[cfg(feature = "quadrature")]
mod bayes;
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
pub mod theory;

pub use nalgebra;

pub use asymptotics::batch::Batch;
pub use asymptotics::effective_scale::{EffectiveScale, ShrunkScale};
pub use asymptotics::estimator::Estimator;
pub use asymptotics::fixed_point::FixedPoint;
pub use asymptotics::optimizer::{LabelNoise, Optimizer};
pub use asymptotics::problem::Problem;
pub use asymptotics::recovery::RecoveryThreshold;
pub use asymptotics::sensitivity::{GroupGradient, LawGradient, Sensitivities};
pub use asymptotics::solution::Solution;
pub use asymptotics::solver::Solver;
pub use asymptotics::statistics::{EstimateStatistics, GroupStatistics, Statistics};
pub use asymptotics::tuning::{BestPenalty, PenaltyPosition};
pub use asymptotics::weighted_l1::{basis_pursuit, rich_weights, weighted_l1};
pub use asymptotics::weighted_l2::{minimum_l2, ordinary_least_squares, weighted_l2};
#[cfg(feature = "quadrature")]
pub use bayes::optimal::BayesOptimal;
#[cfg(feature = "quadrature")]
pub use bayes::solution::{BayesSolution, BayesState};
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
#[cfg(feature = "quadrature")]
pub use problem::feature_kind::FeatureKind;
pub use problem::law::{CoordinateGroup, Law};
pub use problem::mixture::Mixture;
pub use problem::power_law::PowerLaw;
pub use problem::pretrained::Pretrained;
pub use problem::prior::Prior;
pub use problem::samples::Samples;
pub use problem::source_conventions::{ReadoutReset, RelativeScaleSign, SourceConventions};
pub use problem::supports::{ConditionalDensities, Densities, Supports};
pub use problem::task::Task;
pub use stages::gradient::TransferGradient;
pub use stages::ranking::{ProtocolRanking, RankedProtocol};
#[cfg(feature = "quadrature")]
pub use stages::sequence::{Sequence, SequenceSolution, SequenceStage, StageSolution};
pub use stages::transfer::{Transfer, TransferSolution};

/// The programs of the README, compiled and run as documentation tests.
#[cfg(all(doctest, feature = "quadrature"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// The calls of the README's table.
///
/// ```
/// # use diagonet::*;
/// let supports = Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 0.8 })?;
/// let task = Task::new(supports)?;
/// let scale_map = ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: -0.9 })?, 0.0)?;
/// let law = Law::fine_tuning(&task, &scale_map)?;
/// let transfer = Transfer::new(&task, scale_map);
/// let samples = Samples::new(0.3)?.with_noise_variance(0.01)?;
/// let feature = Feature { pretrained_coefficient: 1.0, coefficient: 1.0 };
/// let target = TargetBias { l_order: 1.5, pretraining_dependence: -0.4 };
/// let solver = Solver::new();
///
/// let solution = solver.solve(&law, &samples)?;
/// solver.solve(&law, &samples)?.generalization_error();
/// solver.solve(&transfer, &samples)?;
/// solver.solve(&transfer, &samples)?.error_reduction()?;
/// solution.error_of(FeatureClass::New).unwrap();
/// solution.statistics(0.1)?;
/// solution.sensitivities()?;
/// assert!(solver.learning_curve(&law, 0.01, &[0.1, 0.2, 0.3]).iter().all(|point| point.is_ok()));
/// solver.required_sample_ratio(&law, 0.01, 0.1)?;
/// InductiveBias::of_feature(&scale_map, feature)?;
/// TaskBias::of_task(&task, &scale_map)?.regime_shares();
/// InductiveBias::realize(target, feature, 1e-3)?;
/// InitializationDesign::new(&task, samples, 1e-3)?.optimum()?;
/// InitializationDesign::new(&task, samples, 1e-3)?.required_sample_ratio(0.1)?;
/// RecoveryThreshold::of_law(&law, &rich_weights(&law))?.sample_ratio();
/// let optimizer = Optimizer::new().with_learning_rate(0.1)?.with_weight_decay_integral(0.5)?;
/// solver.effective_scale(&law, &samples, &optimizer)?.generalization_errors();
/// let solver = solver.with_estimator(Estimator::Rich).with_explicit_penalty(0.1)?;
/// solver.solve(&law, &samples)?;
/// # #[cfg(feature = "simulation")]
/// simulation::Experiment::new(transfer, samples, 100)?.run(1, 0)?;
/// # Ok::<(), Error>(())
/// ```
#[cfg(all(doctest, feature = "quadrature"))]
struct Calls;
