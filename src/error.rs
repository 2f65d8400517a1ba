//! The one error type of the crate.

use std::fmt;

use crate::domain::Domain;
use crate::label::GroupLabel;

/// The reason why an input is refused, or why a question has no finite answer.
///
/// Every variant carries what a caller needs to act on it: the parameter, its value and its domain, or
/// the quantity without an answer, and the reason. In a problem with several groups or stages,
/// [`InGroup`](Self::InGroup) and [`InStage`](Self::InStage) name the one that is meant; their
/// [`cause`](Self::cause) is the error itself.
///
/// # Examples
///
/// ```
/// use diagonet::{Error, Initialization, Scales};
///
/// let error = Initialization::new(Scales { absolute: 1.0, relative: -1.5 }).unwrap_err();
/// assert!(matches!(error, Error::OutOfDomain { parameter: "relative_scale", .. }));
/// assert_eq!(error.to_string(), "relative_scale = -1.5 is outside its domain [-1, 1]");
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An error of one group of a law.
    #[error("in the group '{label}': {error}")]
    InGroup {
        /// Label of the group.
        label: GroupLabel,
        /// What is wrong.
        error: Box<Self>,
    },

    /// An error of one stage of a transfer or a sequence.
    #[error("in {stage}: {error}")]
    InStage {
        /// The stage.
        stage: Stage,
        /// Why it has none.
        error: Box<Self>,
    },

    /// A number is NaN, infinite, or outside the domain of the parameter it was given for.
    #[error("{parameter} = {value:?} is outside its domain {domain}")]
    OutOfDomain {
        /// Name of the parameter.
        parameter: &'static str,
        /// The offending value.
        value: f64,
        /// The values that the parameter may take.
        domain: Domain,
    },

    /// A text that is none of the names of a parameter.
    #[error("{parameter} = {value:?} is none of {choices}")]
    UnknownName {
        /// Name of the parameter.
        parameter: &'static str,
        /// The offending text.
        value: String,
        /// The names the parameter may take.
        choices: &'static str,
    },

    /// Densities and overlap that no pair of supports can have.
    #[error(
        "infeasible supports: pretraining_density = {pretraining_density:?}, fine_tuning_density = \
         {fine_tuning_density:?}, overlap = {overlap:?} violate {constraint}"
    )]
    InfeasibleSupports {
        /// Fraction of coordinates active in pretraining.
        pretraining_density: f64,
        /// Fraction of coordinates active in fine-tuning.
        fine_tuning_density: f64,
        /// Fraction of the fine-tuning support that is also active in pretraining.
        overlap: f64,
        /// The inequality that does not hold.
        constraint: &'static str,
    },

    /// Two vectors that belong together have different lengths.
    #[error("{parameter} has {found} coordinates where {expected} are expected")]
    DimensionMismatch {
        /// Name of the vector.
        parameter: &'static str,
        /// Its expected length.
        expected: usize,
        /// Its actual length.
        found: usize,
    },

    /// A property of random coefficients was set for a task that is given by its coefficients.
    #[error("{parameter} cannot be set: the task is given by its coefficients")]
    KnownCoefficients {
        /// Name of the property.
        parameter: &'static str,
    },

    /// The probabilities of the groups of a law, or of the components of a mixture, do not add up to
    /// one.
    #[error("the weights of {groups} groups or components sum to {sum:?} instead of 1")]
    WeightsDoNotSumToOne {
        /// Number of groups or components.
        groups: usize,
        /// The sum of their weights.
        sum: f64,
    },

    /// Both layers start at zero, so that their relative scale is 0/0.
    ///
    /// Give the relative scale itself where the limit of a vanishing initialization is meant.
    #[error("relative_scale is undefined when both layers are initialized at zero")]
    UndefinedRelativeScale,

    /// A coordinate with scale zero cannot leave zero: the penalty of any other value is infinite.
    #[error(
        "{quantity} is infinite at coefficient {coefficient:?}: a scale of 0 freezes it at zero"
    )]
    Frozen {
        /// The quantity that has no finite value.
        quantity: &'static str,
        /// The coefficient at which it was asked for.
        coefficient: f64,
    },

    /// The order of the penalty depends on how zero is approached when coefficient and scale both
    /// vanish.
    #[error("{quantity} has no limit where coefficient and scale are both 0")]
    NoLimit {
        /// The quantity that has no limit.
        quantity: &'static str,
    },

    /// The generalization error diverges: at the interpolation threshold every direction of noise,
    /// or of signal that cannot be learned, is amplified without bound.
    #[error(
        "the generalization error diverges: sample_ratio = {sample_ratio:?} equals the reachable \
         fraction, with noise_variance = {noise_variance:?} and frozen signal {frozen_signal:?}"
    )]
    Diverges {
        /// Samples per coordinate.
        sample_ratio: f64,
        /// Variance of the label noise.
        noise_variance: f64,
        /// Mean square of the coefficients that sit on frozen coordinates.
        frozen_signal: f64,
    },

    /// No number of samples recovers coefficients on coordinates that cannot move.
    #[error(
        "coefficients on frozen coordinates, of mean square {frozen_signal:?}, are not recoverable"
    )]
    Unrecoverable {
        /// Mean square of the coefficients that sit on frozen coordinates.
        frozen_signal: f64,
    },

    /// The observer of a batch stopped it before this problem was begun.
    #[error("the batch was stopped before this problem")]
    Cancelled,

    /// The crate was built without the feature `quadrature`, and no closed form has the answer.
    #[error("{quantity} has no closed form here and needs the feature `quadrature`")]
    QuadratureDisabled {
        /// The quantity that was asked for.
        quantity: &'static str,
    },

    /// The answer exists, but lies beyond what a 64-bit float can hold at full precision.
    #[error("{quantity} lies beyond the range of f64: {reason}")]
    NotRepresentable {
        /// The quantity.
        quantity: &'static str,
        /// Where it lies.
        reason: &'static str,
    },

    /// A quantity has a value, but no finite derivative, or none that this crate computes.
    #[error("{quantity} is not differentiable: {reason}")]
    NotDifferentiable {
        /// The quantity.
        quantity: &'static str,
        /// Where it has no derivative.
        reason: &'static str,
    },

    /// A point of the triangle of regimes that no initialization realizes at the given magnitudes.
    #[error(
        "no initialization realizes pretraining_dependence = {pretraining_dependence:?} at l_order = \
         {l_order:?} with these magnitudes: it must lie in [{lowest_dependence:?}, 0]{}",
        wider_range(*lowest_dependence, *lowest_at_any_scale)
    )]
    Unattainable {
        /// The l-order asked for, in [1, 2).
        l_order: f64,
        /// The pretraining dependence asked for.
        pretraining_dependence: f64,
        /// The attainable dependences at this l-order are those from this one to 0.
        lowest_dependence: f64,
        /// Limit of the lowest dependence as the absolute scale of pretraining vanishes: a smaller
        /// scale widens the range up to here.
        lowest_at_any_scale: f64,
    },

    /// No sample ratio leads to a generalization error as low as the one asked for.
    #[error(
        "no sample ratio up to {highest_ratio:?} reaches target_error = {target_error:?}: the lowest \
         error is {lowest_error:?}"
    )]
    UnattainableError {
        /// The generalization error asked for.
        target_error: f64,
        /// The lowest one found.
        lowest_error: f64,
        /// The largest sample ratio tried.
        highest_ratio: f64,
    },
    /// The lowest value of a range is above its highest.
    #[error("the range of {parameter} is empty: {lowest:?} is above {highest:?}")]
    EmptyRange {
        /// Name of the parameter.
        parameter: &'static str,
        /// The lowest value given.
        lowest: f64,
        /// The highest value given.
        highest: f64,
    },
    /// The two axes of a phase diagram vary the same parameter.
    #[error("both axes of the phase diagram vary {parameter}")]
    EqualAxes {
        /// Name of the parameter.
        parameter: &'static str,
    },

    /// An axis of a phase diagram has no values.
    #[error("the axis {parameter} of the phase diagram has no values")]
    EmptyAxis {
        /// Name of the parameter without values.
        parameter: &'static str,
    },

    /// The loss of a network grew without bound: its learning rate is too large.
    #[error("training diverged at step {step}, where the loss is {loss:e}")]
    TrainingDiverged {
        /// The step at which it was noticed.
        step: usize,
        /// The loss there; infinite where it has overflowed.
        loss: f64,
    },

    /// An iteration stopped before it met its accuracy budget.
    #[error("no convergence after {iterations} iterations: residual {residual:e}")]
    NotConverged {
        /// Iterations done.
        iterations: usize,
        /// The largest relative residual of the equations that were to be solved; of a network, the
        /// training error.
        residual: f64,
    },

    /// Outcomes or draws of different runs do not belong together.
    #[error("what is put together is from runs with different {parameter}")]
    UnequalRuns {
        /// What differs.
        parameter: &'static str,
    },

    /// The end point of training on a dataset was not found to the tolerance asked for.
    #[error(
        "no certified end point of training after {iterations} iterations: primal residual \
         {primal_residual:e}, duality gap {duality_gap:e}"
    )]
    Uncertified {
        /// Iterations done.
        iterations: usize,
        /// Residual of the labels, relative to their norm.
        primal_residual: f64,
        /// Duality gap, relative to the penalty.
        duality_gap: f64,
    },
}

impl Error {
    /// The error itself, without the group and the stage that it belongs to.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{CoordinateGroup, Error, Prior};
    ///
    /// let error = CoordinateGroup::new("reused", 1.5, Prior::ZERO, 1.0).unwrap_err();
    /// let message = "in the group 'reused': weight = 1.5 is outside its domain [0, 1]";
    /// assert_eq!(error.to_string(), message);
    /// assert!(matches!(error.cause(), Error::OutOfDomain { parameter: "weight", .. }));
    /// ```
    #[must_use]
    pub fn cause(&self) -> &Self {
        match self {
            Self::InGroup { error, .. } | Self::InStage { error, .. } => error.cause(),
            other => other,
        }
    }

    /// The same error, with the group it belongs to.
    pub(crate) fn in_group(self, label: &GroupLabel) -> Self {
        Self::InGroup { label: label.clone(), error: Box::new(self) }
    }

    /// The same error, with the stage it belongs to.
    pub(crate) fn in_stage(self, stage: Stage) -> Self {
        Self::InStage { stage, error: Box::new(self) }
    }
}

/// A stage of a transfer other than fine-tuning, to which errors without a stage belong, or of a
/// sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Pretraining on finite data.
    Pretraining,
    /// Training from scratch on the data of fine-tuning.
    FromScratch,
    /// A stage of a sequence, counted from 1.
    Number(usize),
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pretraining => f.write_str("pretraining"),
            Self::FromScratch => f.write_str("training from scratch"),
            Self::Number(number) => write!(f, "stage {number}"),
        }
    }
}

/// The way out of a range of dependences that is too narrow, where there is one.
fn wider_range(lowest: f64, lowest_at_any_scale: f64) -> String {
    if lowest_at_any_scale < lowest {
        format!("; a smaller absolute_scale widens this range towards [{lowest_at_any_scale:?}, 0]")
    } else {
        String::new()
    }
}

/// `Result` with the crate's [`enum@Error`].
///
/// # Examples
///
/// ```
/// fn scale() -> diagonet::Result<f64> {
///     let layers = diagonet::LayerScales { first_layer: 0.3, readout: 0.4 };
///     Ok(diagonet::Initialization::from_layers(layers)?.absolute_scale())
/// }
/// assert_eq!(scale(), Ok(0.25));
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Domain {
    /// Passes a legal value through.
    pub(crate) fn check(self, parameter: &'static str, value: f64) -> Result<f64> {
        self.check_if(self.contains(value), parameter, value)
    }

    /// Passes a value through that is legal by what its caller knows.
    pub(crate) fn check_if(self, legal: bool, parameter: &'static str, value: f64) -> Result<f64> {
        if legal { Ok(value) } else { Err(Error::OutOfDomain { parameter, value, domain: self }) }
    }
}
