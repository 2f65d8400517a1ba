//! Networks of finite size, to check the theory against: cargo feature `simulation`.
//!
//! | station | type |
//! |---|---|
//! | problem to draw and train, from tasks or from any law | [`Experiment`], [`SupportSampling`] |
//! | any number of stages to draw and train | `SequenceExperiment`, with the feature `quadrature` |
//! | a draw: coefficients of both tasks, data of both stages | [`Draw`], [`Dataset`] |
//! | the exact end point of gradient flow, certified | [`Interpolator`], [`Interpolation`] |
//! | networks trained in their weights | [`Network`], [`GradientDescent`], [`StochasticDescent`], [`GradientFlow`], [`Training`] |
//! | errors of a draw | [`Outcome`], [`PretrainingOutcome`], with [`Errors`](crate::Errors) |
//! | many draws, on threads and machines | [`MonteCarlo`], [`Shard`], [`Ensemble`], [`Statistic`] |
//!
//! Training in the weights makes no use of the implicit bias: a [`Network`] is four vectors, and
//! training follows the gradient of the squared loss in them, in steps or continuously. The
//! [`Interpolator`] takes the bias from the theory, and follows no path. Both end at the same
//! coefficients, which tests the implicit bias. Their errors agree with the [`Solver`](crate::Solver), which
//! tests the formula of the error.
//!
//! Draws are the same on every machine. Results computed from them are the same to rounding, because
//! dense linear algebra uses the widest instructions of a machine.
//!
//! # Examples
//!
//! ```
//! # #[cfg(feature = "quadrature")]
//! # {
//! use diagonet::simulation::{Experiment, MonteCarlo};
//! use diagonet::{
//!     Densities, Initialization, Samples, ScaleMap, Scales, Solver, Supports, Task, Transfer,
//! };
//!
//! let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 1.0 })?;
//! let task = Task::new(supports)?;
//! let map = ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: -0.9 })?, 0.0)?;
//! let experiment = Experiment::new(Transfer::new(&task, map), Samples::new(0.2)?, 200)?;
//! let error = MonteCarlo::new(40)?.run(&experiment)?.statistic("generalization_error").unwrap();
//! let theory = experiment.prediction(&Solver::new())?.generalization_error();
//! // The seed is fixed, and the difference is one of many draws.
//! assert!(error.z_score(theory).unwrap().abs() < 4.0);
//! # }
//! # Ok::<(), diagonet::Error>(())
//! ```

mod curvature;
mod dataset;
mod descent;
mod draw;
mod experiment;
mod finite_size;
mod flow;
mod interpolator;
mod monte_carlo;
mod network;
mod newton_equations;
mod random;
#[cfg(feature = "quadrature")]
mod sequence_experiment;
mod squared_loss;
mod stochastic_descent;
mod sweep;
mod training;

pub use dataset::Dataset;
pub use descent::GradientDescent;
pub use draw::{Draw, OwnData, SupportSampling};
pub use experiment::{Experiment, Outcome, PretrainingOutcome, Trainer};
pub use finite_size::FiniteSizeLaw;
pub use flow::GradientFlow;
pub use interpolator::{Interpolation, Interpolator};
pub use monte_carlo::{Ensemble, MonteCarlo, Progress, Shard, Statistic};
pub use network::Network;
#[cfg(feature = "quadrature")]
pub use sequence_experiment::{SequenceExperiment, SequenceOutcome};
pub use stochastic_descent::StochasticDescent;
pub use training::{Checkpoint, Stop, Training};
