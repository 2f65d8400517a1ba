//! The best initialization, and how far the error depends on it.

use crate::asymptotics::solution::Solution;
#[cfg(feature = "quadrature")]
use crate::bayes::{optimal::BayesOptimal, solution::BayesSolution};
use crate::bias::inductive_bias::{Feature, InductiveBias};
use crate::error::Result;
use crate::network::scale_map::ScaleMap;
use crate::numerics::minimum::Range;
use crate::stages::transfer::Transfer;

/// Position of the best value of a parameter in its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum OptimumPosition {
    /// The parameter was fixed.
    Fixed,
    /// At the lowest value, to the last bit.
    Lowest,
    /// At the smallest positive value that is searched, in a range that starts at 0, where the error is
    /// higher. Still smaller values may have lower errors.
    SmallestPositive,
    /// Between the lowest and the highest value.
    Interior,
    /// At the highest value, to the last bit.
    Highest,
    /// At a bound that the design has by default, to the last bit: `1 + lambda_PT` of 1e-12 or a
    /// readout scale of 100, unless set. Values beyond it are legal, and may have lower errors.
    DefaultBound,
}

/// The best value of a parameter, and the interval of values with nearly the same error, see [`Optimum`].
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "quadrature")]
/// # {
/// use diagonet::{Densities, InitializationDesign, OptimumPosition, Samples, Supports, Task};
///
/// let supports = Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 0.8 })?;
/// let task = Task::new(supports)?.with_fine_tuning_variance(1.0)?;
/// let optimum = InitializationDesign::new(&task, Samples::new(0.25)?, 1e-3)?.optimum()?;
/// let gamma = optimum.readout_scale;
/// assert_eq!((gamma.value, gamma.position), (0.0, OptimumPosition::Lowest));
/// // It may as well be small.
/// assert!((gamma.tolerated[1] / 6.8e-4 - 1.0).abs() < 0.02);
/// assert!(!gamma.is_flat());
/// let gap = optimum.one_plus_relative_scale;
/// assert!((gap.value - 0.0573).abs() < 1e-4 && gap.position == OptimumPosition::Interior);
/// # }
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct OptimalParameter {
    /// The best value.
    pub value: f64,
    /// Position of the value in the range of the design.
    pub position: OptimumPosition,
    /// Ends of the interval around the value in which the error exceeds the optimum by no more than the
    /// [tolerance](crate::InitializationDesign::with_tolerance).
    ///
    /// At each value of the interval the other parameters of the design are chosen anew, by a grid over
    /// them where the nearest choice exceeds the tolerance. Ends inside the range are accurate to 1 %.
    /// The error is checked at values apart by a factor of at most 1.65, or by a 64th of the range
    /// where that is more. An end at a bound of the range is that bound; values beyond a
    /// [default](OptimumPosition::DefaultBound) may be tolerated, too. `[0, 0]` of a free parameter
    /// means that no positive value that is searched is tolerated.
    pub tolerated: [f64; 2],
    range: Range,
}

impl OptimalParameter {
    pub(crate) fn new(value: f64, range: &Range) -> Self {
        let position = if range.is_fixed() {
            OptimumPosition::Fixed
        } else if range.is_default_bound(value) {
            OptimumPosition::DefaultBound
        } else if value == range.lowest() {
            OptimumPosition::Lowest
        } else if value == range.highest() {
            OptimumPosition::Highest
        } else if Some(value) == range.smallest_positive() {
            OptimumPosition::SmallestPositive
        } else {
            OptimumPosition::Interior
        };
        Self { value, position, tolerated: [value, value], range: *range }
    }

    /// Whether the parameter is free and every value of its range is tolerated.
    #[must_use]
    pub fn is_flat(&self) -> bool {
        !self.range.is_fixed() && self.tolerated == [self.range.lowest(), self.range.highest()]
    }
}

/// The initialization and readout scale with the lowest generalization error, as
/// [`InitializationDesign::optimum`](crate::InitializationDesign::optimum) finds it.
///
/// # Formula
///
/// ```text
/// gain = min { error : lambda = 0 } / min { error }
/// ```
///
/// both over the box of the design, where
/// - `lambda`: relative scale of pretraining, 0 for equal layers;
/// - `error`: generalization error of fine-tuning.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "quadrature")]
/// # {
/// use diagonet::{Densities, InitializationDesign, Regime, Samples, Supports, Task};
///
/// let supports = Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 0.0 })?;
/// let task = Task::new(supports)?;
/// let optimum = InitializationDesign::new(&task, Samples::new(0.4)?, 1e-3)?.optimum()?;
/// // No feature is shared: forget pretraining, and be sparse.
/// assert_eq!(optimum.inductive_bias()?.regime(), Regime::I);
/// let gain = optimum.balanced_error.unwrap() / optimum.solution.generalization_error();
/// assert_eq!(optimum.gain(), Some(gain));
/// assert!(gain > 2.0);
/// // A learner that knows how sparse the task is does better still.
/// assert!(optimum.price_of_bias()? > 1.5);
/// # }
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Optimum {
    /// The best initialization of pretraining and readout scale of fine-tuning. It keeps the digits of
    /// `1 + lambda`, which a relative scale next to -1 loses.
    pub scale_map: ScaleMap,
    /// Solution there: the error, in total and by group.
    pub solution: Solution,
    /// The absolute scale `c_PT` of pretraining.
    pub absolute_scale: OptimalParameter,
    /// One plus the relative scale, `1 + lambda_PT`, of pretraining.
    pub one_plus_relative_scale: OptimalParameter,
    /// The readout scale `gamma` of fine-tuning.
    pub readout_scale: OptimalParameter,
    /// Lowest error with equal layers in pretraining, `lambda_PT = 0`, and the other parameters within
    /// their ranges; `None` where no such point has an answer.
    pub balanced_error: Option<f64>,
    /// Number of points of the search without an answer.
    pub unanswered: usize,
    pub(crate) typical_feature: Feature,
    /// Both stages; `None` for a family of laws.
    #[cfg_attr(not(feature = "quadrature"), allow(dead_code, reason = "for the best learner"))]
    pub(crate) transfer: Option<Transfer>,
}

impl Optimum {
    /// Ratio of the lowest error with equal layers to the optimum: at least 1, to 1e-9, where the
    /// design allows equal layers. It is 1 where both errors are zero, and `None` without an answer for
    /// equal layers.
    #[must_use]
    pub fn gain(&self) -> Option<f64> {
        let (balanced, best) = (self.balanced_error?, self.solution.generalization_error());
        Some(if balanced == best { 1.0 } else { balanced / best })
    }

    /// What the Bayes-optimal learner reaches with the same data and the same knowledge of pretraining:
    /// that of both stages, or, for a family of laws, that of the law at the optimum.
    ///
    /// # Errors
    ///
    /// As [`BayesOptimal::of_transfer`], [`BayesOptimal::of_law`] and [`BayesOptimal::solve`].
    #[cfg(feature = "quadrature")]
    pub fn bayes_optimal(&self) -> Result<BayesSolution> {
        let bayes = match &self.transfer {
            Some(transfer) => BayesOptimal::of_transfer(transfer)?,
            None => BayesOptimal::of_law(self.solution.law())?,
        };
        bayes.solve(&self.solution.samples())
    }

    /// The error that message passing reaches, see [`Optimum::bayes_optimal`].
    ///
    /// # Errors
    ///
    /// As [`Optimum::bayes_optimal`].
    #[cfg(feature = "quadrature")]
    pub fn bayes_error(&self) -> Result<f64> {
        Ok(self.bayes_optimal()?.message_passing().generalization_error())
    }

    /// Price of implicit bias at the optimum: its error over the [Bayes-optimal](Self::bayes_error) one,
    /// see [`BayesSolution::price_of`].
    ///
    /// # Errors
    ///
    /// As [`Optimum::bayes_optimal`].
    #[cfg(feature = "quadrature")]
    pub fn price_of_bias(&self) -> Result<f64> {
        Ok(self.bayes_optimal()?.price_of(self.solution.generalization_error()))
    }

    /// The inductive bias at the optimum of a shared feature of typical size: pretrained to the
    /// root mean square of the [pretraining prior](crate::Task::pretraining_prior), with that of
    /// the fine-tuning coefficients, shared and new, as coefficient.
    ///
    /// # Errors
    ///
    /// As [`InductiveBias::of_feature`].
    pub fn inductive_bias(&self) -> Result<InductiveBias> {
        InductiveBias::of_feature(&self.scale_map, self.typical_feature)
    }
}
