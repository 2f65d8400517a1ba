//! Gradient descent on the four vectors of weights.

use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::simulation::curvature::Curvature;
use crate::simulation::dataset::Dataset;
use crate::simulation::network::{Network, blocks_mut};
use crate::simulation::squared_loss::SquaredLoss;
use crate::simulation::training::{Monitor, Progress, Training};

/// Largest automatic learning rate, times the largest gradient in a coefficient.
const GROWTH: f64 = 0.02;

/// Full-batch gradient descent on the squared loss of the weights.
///
/// # Formula
///
/// ```text
/// w± := w± ± eta (X^T r) v±,      v± := v± ± eta (X^T r) w±,      r = y - X beta
/// ```
///
/// all at once, where
/// - `eta`: learning rate, positive; by default
///   `min(1 / (lambda_max(K) + G), 0.02 / G)`, which follows the weights as they grow, with
///   `K = X diag(w+² + v+² + w-² + v-²) X^T` and `G = max_d |X^T r|_d`.
///
/// The first term is half the stability limit, which is two over the curvature of the loss. The second
/// keeps an epoch close to the flow while a small initialization grows: an epoch multiplies the conserved
/// quantities of coordinate `d` by exactly `1 - (eta (X^T r)_d)²`. At a fixed time of training, their
/// drift is therefore of first order in the learning rate.
///
/// Source: Anguita et al. 2026 (arXiv:2602.20062), section 3.
///
/// # Examples
///
/// ```
/// use diagonet::{Initialization, Scales};
/// use diagonet::simulation::{Dataset, GradientDescent, Network, Stop};
/// use nalgebra::{dmatrix, dvector};
///
/// let start = Network::uniform(&Initialization::new(Scales { absolute: 0.1, relative: 0.0 })?, 3);
/// let data = Dataset::new(dmatrix![1.0, 0.5, 0.0; 0.0, 0.5, 1.0], dvector![1.0, -2.0])?;
/// let descent = GradientDescent::new().with_target_training_error(1e-12)?;
/// let training = descent.train(start, &data)?;
/// assert_eq!(training.stop, Stop::TargetReached);
/// assert!(data.training_error(&training.network.coefficients())? <= 1e-12);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradientDescent {
    rate: Rate,
    target: Option<f64>,
    max_epochs: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Rate {
    Fixed(f64),
    /// A fraction of the stability limit.
    Stable(f64),
}

impl Default for GradientDescent {
    fn default() -> Self {
        Self { rate: Rate::Stable(0.5), target: None, max_epochs: 100_000 }
    }
}

impl GradientDescent {
    /// Descent at half the stability limit, or less, to a training error of 1e-20 of the mean
    /// square of the labels, in at most 100 000 epochs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same descent at a fixed learning rate eta.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a rate outside [1e-300, 1e300].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::{Dataset, GradientDescent, Network};
    /// use diagonet::{Error, Initialization, Scales};
    /// use nalgebra::{dmatrix, dvector};
    ///
    /// let start = Network::uniform(&Initialization::new(Scales { absolute: 1.0, relative: 0.0 })?, 1);
    /// let data = Dataset::new(dmatrix![1.0], dvector![1.0])?;
    /// let descent = |rate| GradientDescent::new().with_learning_rate(rate);
    /// assert!(descent(0.1)?.train(start.clone(), &data).is_ok());
    /// let error = descent(9.0)?.train(start, &data).unwrap_err();
    /// assert!(matches!(error, Error::TrainingDiverged { .. }));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn with_learning_rate(self, rate: f64) -> Result<Self> {
        let rate = Domain::RATIO.check("learning_rate", rate)?;
        Ok(Self { rate: Rate::Fixed(rate), ..self })
    }

    /// The same descent at this fraction of the stability limit `2 / (lambda_max(K) + G)`, and at
    /// most at `0.02 / G`, see [`GradientDescent`].
    ///
    /// The curvature is bounded anew in every epoch, from an eigenvalue that is less than 1e-5 too low
    /// in 200 random designs.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a fraction outside [1e-6, 0.9].
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::simulation::GradientDescent;
    /// assert!(GradientDescent::new().with_stability_fraction(0.05).is_ok());
    /// assert!(GradientDescent::new().with_stability_fraction(1.0).is_err());
    /// ```
    pub fn with_stability_fraction(self, fraction: f64) -> Result<Self> {
        let fraction = Domain::closed(1e-6, 0.9).check("stability_fraction", fraction)?;
        Ok(Self { rate: Rate::Stable(fraction), ..self })
    }

    /// The same descent to this training error, `||y - X beta||² / N`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a target outside [0, 1e300].
    pub fn with_target_training_error(self, target: f64) -> Result<Self> {
        let target = Some(Domain::NON_NEGATIVE.check("target_training_error", target)?);
        Ok(Self { target, ..self })
    }

    /// The same descent in at most this many epochs.
    #[must_use]
    pub fn with_max_epochs(self, max_epochs: usize) -> Self {
        Self { max_epochs, ..self }
    }

    /// Trains `network` on `data`.
    ///
    /// A training that uses up its epochs is no error: it ends with
    /// [`Stop::StepLimit`](super::Stop::StepLimit), and [`Training::finished`] returns that as an error.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] where network and data have different dimensions;
    /// [`Error::TrainingDiverged`] where the loss grows to 1e6 times that of the start, or of a
    /// network at zero; [`Error::NotRepresentable`] where the residual of the start overflows, the
    /// squares of the labels underflow, or the learning rate leaves the range of `f64`.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Initialization, Scales};
    /// use diagonet::simulation::{Dataset, GradientDescent, Network};
    /// use nalgebra::{dmatrix, dvector};
    ///
    /// let start = Network::uniform(&Initialization::new(Scales { absolute: 1.0, relative: 0.5 })?, 2);
    /// let data = Dataset::new(dmatrix![3.0, 4.0], dvector![10.0])?;
    /// let training = GradientDescent::new().train(start, &data)?.finished()?;
    /// assert!(training.training_error <= 1e-18);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn train(&self, mut network: Network, data: &Dataset) -> Result<Training> {
        let mut monitor = Monitor::new(&network, data, self.target, self.max_epochs)?;
        let mut loss = SquaredLoss::new(data);
        let mut rate = match self.rate {
            Rate::Fixed(rate) => LearningRate::Fixed(rate),
            Rate::Stable(fraction) => LearningRate::Stable(fraction, Curvature::new(data)),
        };
        let mut progress = Progress::default();
        loop {
            loss.evaluate(&network);
            if let Some(stop) = monitor.observe(progress, &network, &loss)? {
                return Ok(monitor.finish(network, stop, progress, loss.training_error()));
            }
            let rate = rate.at(&network, &loss)?;
            progress.is_stalled = !descend(&mut network, &loss, rate);
            progress.steps += 1;
            progress.time += rate;
        }
    }
}

/// [`Rate`], with what it takes to follow the weights.
#[derive(Debug)]
enum LearningRate<'a> {
    Fixed(f64),
    Stable(f64, Curvature<'a>),
}

impl LearningRate<'_> {
    fn at(&mut self, network: &Network, loss: &SquaredLoss<'_>) -> Result<f64> {
        match self {
            Self::Fixed(rate) => Ok(*rate),
            Self::Stable(fraction, curvature) => {
                let growth = GROWTH / loss.correlations().amax();
                // Where growth decides, the bound on the curvature need not be close.
                let enough = 2.0 * *fraction / growth;
                let rate =
                    growth.min(2.0 * *fraction / curvature.bound_beyond(enough, network, loss));
                if rate.is_normal() {
                    Ok(rate)
                } else {
                    Err(Error::NotRepresentable {
                        quantity: "the learning rate",
                        reason: "the curvature of the loss overflows or underflows",
                    })
                }
            }
        }
    }
}

/// One epoch, from the weights where `loss` was evaluated. Says whether it changed any.
fn descend(network: &mut Network, loss: &SquaredLoss<'_>, rate: f64) -> bool {
    let [of_first, of_readout] = network.rates();
    let [first_plus, readout_plus, first_minus, readout_minus] =
        blocks_mut(network.flat_mut().as_mut_slice());
    let mut moved = false;
    for (d, pull) in loss.correlations().iter().enumerate() {
        let [of_first, of_readout] = [of_first * (rate * pull), of_readout * (rate * pull)];
        let before = [first_plus[d], readout_plus[d], first_minus[d], readout_minus[d]];
        first_plus[d] += of_first * before[1];
        readout_plus[d] += of_readout * before[0];
        first_minus[d] -= of_first * before[3];
        readout_minus[d] -= of_readout * before[2];
        moved |= before != [first_plus[d], readout_plus[d], first_minus[d], readout_minus[d]];
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::initialization::{Initialization, Scales};
    use crate::simulation::dataset::draws;
    use crate::simulation::{GradientFlow, Stop};

    fn start(absolute_scale: f64, relative_scale: f64, dimension: usize) -> Network {
        let initialization =
            Initialization::new(Scales { absolute: absolute_scale, relative: relative_scale })
                .unwrap();
        Network::uniform(&initialization, dimension)
    }

    #[test]
    fn an_epoch_shrinks_the_conserved_quantities_by_a_known_factor() {
        let data = draws::noise(5, 8, 1);
        let mut network = start(0.3, -0.4, 8);
        let mut loss = SquaredLoss::new(&data);
        for _ in 0..3 {
            loss.evaluate(&network);
            let before = network.clone();
            descend(&mut network, &loss, 0.2);
            for (d, (now, before)) in network.coordinates().zip(before.coordinates()).enumerate() {
                let (now, before) = (now.conserved(), before.conserved());
                let factor = 1.0 - (0.2 * loss.correlations()[d]).powi(2);
                for (now, before) in [
                    (now.imbalance_plus, before.imbalance_plus),
                    (now.imbalance_minus, before.imbalance_minus),
                    (now.absolute_scale, before.absolute_scale),
                ] {
                    assert!((now / (factor * before) - 1.0).abs() < 1e-14);
                }
            }
        }
    }

    #[test]
    fn drift_and_distance_to_flow_are_of_first_order_in_the_rate() {
        let data = draws::noise(10, 25, 2);
        for (c, lambda) in [(0.01, -0.5), (0.1, 0.9), (3.0, 0.0)] {
            let flow = GradientFlow::new().train(start(c, lambda, 25), &data).unwrap();
            let exact = flow.network.coefficients();
            let at = |rate| {
                let descent = GradientDescent::new().with_learning_rate(rate).unwrap();
                let descent = descent.with_target_training_error(1e-18).unwrap();
                let training = descent.train(start(c, lambda, 25), &data).unwrap();
                assert_eq!(training.stop, Stop::TargetReached);
                (training.drift, training.distance(&exact).unwrap().sqrt())
            };
            let (coarse, fine) = (at(4e-3), at(2e-3));
            for (coarse, fine) in [(coarse.0, fine.0), (coarse.1, fine.1)] {
                assert!((coarse / fine - 2.0).abs() < 0.1, "{coarse:e} {fine:e}");
            }
        }
    }

    #[test]
    fn the_automatic_rate_converges_in_all_regimes() {
        let data = draws::noise(10, 25, 3);
        for (c, lambda) in [(1e-8, -0.5), (1e-4, 0.9), (0.1, 0.0), (1.0, -1.0), (100.0, 1.0)] {
            for fraction in [0.1, 0.5, 0.9] {
                let descent = GradientDescent::new().with_stability_fraction(fraction).unwrap();
                let training = descent.train(start(c, lambda, 25), &data).unwrap();
                assert_eq!(training.stop, Stop::TargetReached, "{c} {lambda} {fraction}");
                assert!(training.drift < 0.5);
            }
        }
    }

    #[test]
    fn a_rate_beyond_the_stability_limit_diverges() {
        let data = draws::noise(10, 25, 4);
        for (c, rate) in [(1.0, 10.0), (1e-3, 1e3), (1.0, 1e300)] {
            let descent = GradientDescent::new().with_learning_rate(rate).unwrap();
            let error = descent.train(start(c, 0.0, 25), &data).unwrap_err();
            let Error::TrainingDiverged { step, loss } = error else { panic!("{error}") };
            assert!(step < 100 && loss > 1e6 * 0.5);
        }
    }

    #[test]
    fn epochs_run_out_with_a_full_record() {
        let data = draws::noise(10, 25, 5);
        let descent = GradientDescent::new().with_max_epochs(70);
        let training = descent.train(start(0.1, 0.0, 25), &data).unwrap();
        assert_eq!((training.stop, training.steps), (Stop::StepLimit, 70));
        let steps: Vec<_> = training.history.iter().map(|checkpoint| checkpoint.step).collect();
        let expected: Vec<_> = (0..=32).chain((34..=64).step_by(2)).chain([68, 70]).collect();
        assert_eq!(steps, expected);
        assert!(training.history.is_sorted_by(|a, b| a.training_error > b.training_error));
        assert!(training.history.is_sorted_by(|a, b| a.time < b.time));
        let last = training.history[training.history.len() - 1];
        assert_eq!((last.time, last.training_error), (training.time, training.training_error));
        let computed = data.training_error(&training.network.coefficients()).unwrap();
        assert!((training.training_error / computed - 1.0).abs() < 1e-14);
    }
}
