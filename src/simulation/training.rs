//! The result of training: the network, and the record of its training.

use nalgebra::DVector;

use crate::error::{Error, Result};
use crate::simulation::dataset::{Dataset, check_length};
use crate::simulation::network::Network;
use crate::simulation::squared_loss::SquaredLoss;

/// Default target of the training error, relative to the mean square of the labels.
const RELATIVE_TARGET: f64 = 1e-20;

/// Smallest mean square of the labels of which training can lose all but the target.
const SMALLEST_LABEL_SQUARE: f64 = 1e-280;

/// Growth of the loss that no converging training shows.
const DIVERGENCE: f64 = 1e6;

/// Steps with at most this many significant binary digits are recorded.
const RECORDED_DIGITS: u32 = 5;

/// Why training stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// The training error is at its target or below.
    TargetReached,
    /// The gradient is zero, and the residual is not: it is orthogonal to the inputs of all coordinates
    /// that can move, to 1e-12 in the cosine.
    Stationary,
    /// The training error is above its target, but the residual is no larger than the rounding of the
    /// coefficients, or a step is too small to change any weight.
    ///
    /// A coefficient is a difference of products of weights: at absolute scale c, with both layers on,
    /// its accuracy is 1e-16 c.
    PrecisionLimit,
    /// The steps were used up before the end of training.
    StepLimit,
}

/// A moment of training, see [`Training::history`].
///
/// # Examples
///
/// ```
/// use diagonet::{Initialization, Scales};
/// use diagonet::simulation::{Dataset, GradientDescent, Network};
/// use nalgebra::{dmatrix, dvector};
///
/// let start = Network::uniform(&Initialization::new(Scales { absolute: 0.1, relative: 0.0 })?, 1);
/// let data = Dataset::new(dmatrix![1.0], dvector![2.0])?;
/// let first = GradientDescent::new().train(start, &data)?.history[0];
/// assert_eq!((first.step, first.time, first.training_error, first.drift), (0, 0.0, 4.0, 0.0));
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Checkpoint {
    /// Steps done.
    pub step: usize,
    /// Time of the gradient flow: the sum of the learning rates, or of the steps of the integrator.
    pub time: f64,
    /// Training error `||y - X beta||² / N`.
    pub training_error: f64,
    /// [Drift](Network::drift) of the conserved quantities since the start.
    pub drift: f64,
}

/// A trained network, with the record of its training.
///
/// # Examples
///
/// ```
/// use diagonet::{Initialization, Scales};
/// use diagonet::simulation::{Dataset, GradientDescent, GradientFlow, Network};
/// use nalgebra::{dmatrix, dvector};
///
/// let start = Network::uniform(&Initialization::new(Scales { absolute: 0.5, relative: -0.2 })?, 3);
/// let data = Dataset::new(dmatrix![1.0, 0.5, 0.0; 0.0, 0.5, 1.0], dvector![1.0, -2.0])?;
/// let flow = GradientFlow::new().train(start.clone(), &data)?.finished()?;
/// let descent = GradientDescent::new().with_learning_rate(1e-3)?.train(start, &data)?;
/// assert!(descent.distance(&flow.network.coefficients())? < 1e-6);
/// assert!(flow.drift < 1e-9 && descent.drift < 1e-2);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Training {
    /// The network at the end.
    pub network: Network,
    /// Why training stopped.
    pub stop: Stop,
    /// Steps done.
    pub steps: usize,
    /// Steps tried beside these, and rejected by the error control of the integrator.
    pub rejected_steps: usize,
    /// Time of the gradient flow: the sum of the learning rates, or of the steps of the integrator.
    pub time: f64,
    /// Training error `||y - X beta||² / N` at the end.
    pub training_error: f64,
    /// Largest [drift](Network::drift) of the conserved quantities, over the history.
    pub drift: f64,
    /// The start, the end, and the steps between that have at most five significant binary digits:
    /// all up to 32, and sixteen in every doubling from there.
    pub history: Vec<Checkpoint>,
}

impl Training {
    /// The training itself if it reached its end, an error if steps or digits ran out before.
    ///
    /// # Errors
    ///
    /// [`Error::NotConverged`] for [`Stop::StepLimit`] and [`Stop::PrecisionLimit`].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::{Dataset, GradientFlow, Network};
    /// use diagonet::{Error, Initialization, Scales};
    /// use nalgebra::{dmatrix, dvector};
    ///
    /// let start = Network::uniform(&Initialization::new(Scales { absolute: 0.5, relative: -0.2 })?, 1);
    /// let data = Dataset::new(dmatrix![1.0], dvector![1.0])?;
    /// let training = GradientFlow::new().with_max_steps(3).train(start, &data)?;
    /// assert!(matches!(training.finished(), Err(Error::NotConverged { iterations: 3, .. })));
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn finished(self) -> Result<Self> {
        match self.stop {
            Stop::TargetReached | Stop::Stationary => Ok(self),
            Stop::PrecisionLimit | Stop::StepLimit => {
                Err(Error::NotConverged { iterations: self.steps, residual: self.training_error })
            }
        }
    }

    /// Mean squared [distance](Network::distance) of the trained coefficients to others, such as
    /// the exact interpolator.
    ///
    /// # Errors
    ///
    /// As [`Network::distance`].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Initialization, Scales};
    /// use diagonet::simulation::{Dataset, GradientFlow, Network};
    /// use nalgebra::{dmatrix, dvector};
    ///
    /// let start = Network::uniform(&Initialization::new(Scales { absolute: 0.5, relative: -0.2 })?, 1);
    /// let data = Dataset::new(dmatrix![2.0], dvector![1.0])?;
    /// assert!(GradientFlow::new().train(start, &data)?.distance(&dvector![0.5])? < 1e-20);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn distance(&self, reference: &DVector<f64>) -> Result<f64> {
        self.network.distance(reference)
    }
}

/// Where training is: steps tried, taken, and the time they sum to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    pub(super) steps: usize,
    pub(super) rejected_steps: usize,
    pub(super) time: f64,
    /// Whether the last step was too small to change any weight.
    pub(super) is_stalled: bool,
}

/// The stopping rules, and the record they leave.
#[derive(Debug)]
pub(super) struct Monitor {
    start: Network,
    target: f64,
    largest_loss: f64,
    max_steps: usize,
    history: Vec<Checkpoint>,
}

impl Monitor {
    /// For the training of `start` on `data`, to a training error of `target` where one is given,
    /// in at most `max_steps`.
    pub(super) fn new(
        start: &Network,
        data: &Dataset,
        target: Option<f64>,
        max_steps: usize,
    ) -> Result<Self> {
        check_length("network", start.dimension(), data.dimension())?;
        let start_error = data.training_error(&start.coefficients())?;
        let label_square = data.labels().norm_squared() / data.samples() as f64;
        if label_square < SMALLEST_LABEL_SQUARE && data.labels().amax() > 0.0 {
            return Err(Error::NotRepresentable {
                quantity: "the training error",
                reason: "the squares of the labels underflow",
            });
        }
        Ok(Self {
            start: start.clone(),
            target: target.unwrap_or(RELATIVE_TARGET * label_square),
            largest_loss: DIVERGENCE * 0.5 * data.samples() as f64 * start_error.max(label_square),
            max_steps,
            history: Vec::new(),
        })
    }

    /// Looks at the network where `loss` was evaluated, and says whether training ends here.
    pub(super) fn observe(
        &mut self,
        progress: Progress,
        network: &Network,
        loss: &SquaredLoss<'_>,
    ) -> Result<Option<Stop>> {
        let Progress { steps, rejected_steps, time, is_stalled } = progress;
        let value = loss.value();
        if !value.is_finite() || value > self.largest_loss {
            let loss = if value.is_nan() { f64::INFINITY } else { value };
            return Err(Error::TrainingDiverged { step: steps, loss });
        }
        let training_error = loss.training_error();
        let stop = if training_error <= self.target {
            Some(Stop::TargetReached)
        } else if loss.is_stationary(network) {
            Some(Stop::Stationary)
        } else if is_stalled || loss.is_rounding(network) {
            Some(Stop::PrecisionLimit)
        } else if steps + rejected_steps >= self.max_steps {
            Some(Stop::StepLimit)
        } else {
            None
        };
        if stop.is_some() || is_recorded(steps) {
            if network.flat().amax() > 1e150 {
                return Err(Error::TrainingDiverged { step: steps, loss: value });
            }
            let drift = network.drift_of_equal(&self.start);
            self.history.push(Checkpoint { step: steps, time, training_error, drift });
        }
        Ok(stop)
    }

    /// The record of a training that came to its end at `network`.
    pub(super) fn finish(
        self,
        network: Network,
        stop: Stop,
        progress: Progress,
        training_error: f64,
    ) -> Training {
        Training {
            network,
            stop,
            steps: progress.steps,
            rejected_steps: progress.rejected_steps,
            time: progress.time,
            training_error,
            drift: self.history.iter().map(|checkpoint| checkpoint.drift).fold(0.0, f64::max),
            history: self.history,
        }
    }
}

fn is_recorded(step: usize) -> bool {
    step == 0 || usize::BITS - step.leading_zeros() - step.trailing_zeros() <= RECORDED_DIGITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_all_at_first_and_sixteen_to_a_doubling_later() {
        assert!((0..=32).all(is_recorded));
        let count = |from: usize| (from..2 * from).filter(|&step| is_recorded(step)).count();
        assert_eq!([count(32), count(64), count(1 << 16)], [16; 3]);
    }
}
