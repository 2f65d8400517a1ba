//! Stochastic gradient descent on the four vectors of weights, with label noise and weight decay.

use nalgebra::DMatrix;

use crate::asymptotics::optimizer::{LabelNoise, Optimizer};
use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::simulation::dataset::Dataset;
use crate::simulation::network::{Network, blocks_mut};
use crate::simulation::random::{Purpose, Stream};
use crate::simulation::squared_loss::SquaredLoss;
use crate::simulation::training::{Monitor, Progress, Training};

/// Default target of the training error, over the mean square of the labels. The loss beyond it shrinks
/// scales by as small a share of what the whole does.
const RELATIVE_TARGET: f64 = 1e-8;

/// The largest legal weight.
const LARGEST_WEIGHT: f64 = 1e150;

/// Stochastic gradient descent on the weights, with label noise and weight decay that end.
///
/// # Formula
///
/// The steps are those of the [`Optimizer`], on batches drawn with replacement. Label noise is on for the
/// first `K` steps, weight decay of constant strength for the first
/// [`decay_steps`](Self::with_decay_steps). Training goes on from there until the labels are fitted.
///
/// A step of pull `p` in a coordinate multiplies its conserved quantities by exactly
/// `(1 - eta kappa)² - (eta p)²`. [`Network::log_shrinkage`] measures what that sums to, and
/// [`Solver::effective_scale`](crate::Solver::effective_scale) predicts it.
///
/// Source: Pesme et al. 2021 (arXiv:2106.09524); Even et al. 2023 (arXiv:2302.08982).
///
/// # Examples
///
/// ```
/// use diagonet::simulation::{Dataset, Network, StochasticDescent};
/// use diagonet::{Initialization, Optimizer, Scales};
/// use nalgebra::{dmatrix, dvector};
///
/// let start = Network::uniform(&Initialization::new(Scales { absolute: 0.1, relative: 0.0 })?, 3);
/// let data = Dataset::new(dmatrix![1.0, 0.5, 0.0; 0.0, 0.5, 1.0], dvector![1.0, -2.0])?;
/// let descent = StochasticDescent::new(Optimizer::new().with_learning_rate(0.1)?)?;
/// let training = descent.train(start.clone(), &data)?.finished()?;
/// assert!(training.network.log_shrinkage(&start)? > 0.0);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StochasticDescent {
    optimizer: Optimizer,
    decay_steps: usize,
    target: Option<f64>,
    max_steps: usize,
    seed: u64,
    draw: u64,
}

impl StochasticDescent {
    /// Descent by the steps of an optimizer, to a training error of 1e-8 of the mean square of the
    /// labels, in at most ten million steps.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a learning rate of 0, which is gradient flow.
    pub fn new(optimizer: Optimizer) -> Result<Self> {
        let steps = Domain::RATIO.when("for training in steps");
        steps.check("learning_rate", optimizer.learning_rate())?;
        Ok(Self {
            optimizer,
            decay_steps: 1000,
            target: None,
            max_steps: 10_000_000,
            seed: 0,
            draw: 0,
        })
    }

    /// The same descent with weight decay in this many steps, 1000 unless set.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for no steps.
    pub fn with_decay_steps(self, decay_steps: usize) -> Result<Self> {
        let legal = decay_steps > 0;
        Domain::described("at least 1").check_if(legal, "decay_steps", decay_steps as f64)?;
        Ok(Self { decay_steps, ..self })
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

    /// The same descent in at most this many steps.
    #[must_use]
    pub fn with_max_steps(self, max_steps: usize) -> Self {
        Self { max_steps, ..self }
    }

    /// The same descent with other batches and noise, those of the seed 0 unless set.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The same descent with the batches and the noise of a draw of an experiment.
    pub(super) fn with_draw(self, draw: u64) -> Self {
        Self { draw, ..self }
    }

    /// The steps and their noise.
    #[must_use]
    pub fn optimizer(&self) -> Optimizer {
        self.optimizer
    }

    /// Trains `network` on `data`.
    ///
    /// The training error is looked at once for as many drawn samples as the data have, and the end of
    /// training is judged after label noise and weight decay only. The training ends with
    /// [`Stop::StepLimit`](super::Stop::StepLimit) where it uses up its steps.
    ///
    /// # Errors
    ///
    /// As [`GradientDescent::train`](super::GradientDescent::train); [`Error::OutOfDomain`] for weight
    /// decay that takes more than all of a weight in a step.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::{Dataset, Network, StochasticDescent};
    /// use diagonet::{Initialization, Optimizer, Scales};
    /// use nalgebra::{dmatrix, dvector};
    ///
    /// let start = Network::uniform(&Initialization::new(Scales { absolute: 0.1, relative: 0.0 })?, 2);
    /// let data = Dataset::new(dmatrix![1.0, 0.5], dvector![1.0])?;
    /// let descent = StochasticDescent::new(Optimizer::new().with_learning_rate(0.05)?)?;
    /// let coefficients = |seed| -> diagonet::Result<_> {
    ///     Ok(descent.with_seed(seed).train(start.clone(), &data)?.network.coefficients())
    /// };
    /// assert_eq!(coefficients(3)?, coefficients(3)?);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn train(&self, mut network: Network, data: &Dataset) -> Result<Training> {
        let (samples, dimension) = (data.samples(), data.dimension());
        let LabelNoise { variance, steps_per_coordinate } = self.optimizer.label_noise();
        // Beyond the largest number of steps, noise lasts to the end.
        let noisy_steps = (steps_per_coordinate * dimension as f64).round() as usize;
        let decay = self.optimizer.weight_decay_integral() / self.decay_steps as f64;
        Domain::PROBABILITY
            .when("for the weight decay of a step")
            .check("weight_decay_integral", decay)?;
        let decay_steps = if decay > 0.0 { self.decay_steps } else { 0 };
        let noisy_steps = if variance > 0.0 { noisy_steps } else { 0 };
        let disturbed = noisy_steps.max(decay_steps);

        let label_square = data.labels().norm_squared() / samples as f64;
        let target = self.target.unwrap_or(RELATIVE_TARGET * label_square);
        let mut monitor = Monitor::new(&network, data, Some(target), self.max_steps)?;
        let mut loss = SquaredLoss::new(data);
        let mut stream = Stream::new(self.seed, self.draw, Purpose::Batches);
        let mut steps = Steps::new(&self.optimizer, data);
        let epoch = samples.div_ceil(self.optimizer.batch());
        let mut progress = Progress::default();
        loop {
            if network.flat().iter().any(|weight| weight.is_nan() || weight.abs() > LARGEST_WEIGHT)
            {
                return Err(Error::TrainingDiverged { step: progress.steps, loss: f64::INFINITY });
            }
            if progress.steps >= disturbed.min(self.max_steps) {
                loss.evaluate(&network);
                if let Some(stop) = monitor.observe(progress, &network, &loss)? {
                    return Ok(monitor.finish(network, stop, progress, loss.training_error()));
                }
            }
            for _ in 0..epoch {
                let noise = if progress.steps < noisy_steps { variance.sqrt() } else { 0.0 };
                let decay = if progress.steps < decay_steps { decay } else { 0.0 };
                steps.step(&mut network, &mut stream, noise, decay);
                progress.steps += 1;
                progress.time += self.optimizer.learning_rate();
                if progress.steps >= self.max_steps {
                    break;
                }
            }
        }
    }
}

/// What steps are made of.
#[derive(Debug)]
struct Steps<'a> {
    data: &'a Dataset,
    /// The inputs, one a column.
    transposed: DMatrix<f64>,
    /// `eta/n`.
    rate: f64,
    batch: Vec<usize>,
    coefficients: Vec<f64>,
    /// `eta p`.
    pulls: Vec<f64>,
}

impl<'a> Steps<'a> {
    fn new(optimizer: &Optimizer, data: &'a Dataset) -> Self {
        Self {
            data,
            transposed: data.inputs().transpose(),
            rate: optimizer.learning_rate() / optimizer.batch() as f64,
            batch: vec![0; optimizer.batch()],
            coefficients: vec![0.0; data.dimension()],
            pulls: vec![0.0; data.dimension()],
        }
    }

    /// One step on a new batch, with noise of this standard deviation on its labels, and decay by this
    /// share of the weights.
    fn step(&mut self, network: &mut Network, stream: &mut Stream, noise: f64, decay: f64) {
        let [of_first, of_readout] = network.rates();
        let [first_plus, readout_plus, first_minus, readout_minus] =
            blocks_mut(network.flat_mut().as_mut_slice());
        for (d, coefficient) in self.coefficients.iter_mut().enumerate() {
            *coefficient = first_plus[d] * readout_plus[d] - first_minus[d] * readout_minus[d];
        }
        for sample in &mut self.batch {
            // The product may round up to the number of samples.
            let drawn = (stream.uniform() * self.data.samples() as f64) as usize;
            *sample = drawn.min(self.data.samples() - 1);
        }
        self.pulls.fill(0.0);
        for &sample in &self.batch {
            let inputs = self.transposed.column(sample);
            let inputs = inputs.as_slice();
            let label = self.data.labels()[sample];
            let label = if noise > 0.0 { label + noise * stream.normal() } else { label };
            let mut output = 0.0;
            for (input, coefficient) in inputs.iter().zip(&self.coefficients) {
                output += input * coefficient;
            }
            let factor = self.rate * (label - output);
            for (pull, input) in self.pulls.iter_mut().zip(inputs) {
                *pull += factor * input;
            }
        }
        let [kept_first, kept_readout] = [1.0 - decay * of_first, 1.0 - decay * of_readout];
        for (d, pull) in self.pulls.iter().enumerate() {
            let [to_first, to_readout] = [of_first * pull, of_readout * pull];
            let before = [first_plus[d], readout_plus[d], first_minus[d], readout_minus[d]];
            first_plus[d] = kept_first * before[0] + to_first * before[1];
            readout_plus[d] = kept_readout * before[1] + to_readout * before[0];
            first_minus[d] = kept_first * before[2] - to_first * before[3];
            readout_minus[d] = kept_readout * before[3] - to_readout * before[2];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::initialization::{Initialization, Scales};
    use crate::simulation::dataset::draws;
    use crate::simulation::{GradientDescent, Stop};

    fn start(dimension: usize) -> Network {
        let scales = Scales { absolute: 0.3, relative: -0.4 };
        Network::uniform(&Initialization::new(scales).unwrap(), dimension)
    }

    fn optimizer(learning_rate: f64, batch: usize) -> Optimizer {
        Optimizer::new().with_learning_rate(learning_rate).unwrap().with_batch(batch).unwrap()
    }

    #[test]
    fn a_step_shrinks_the_conserved_quantities_by_a_known_factor() {
        let data = draws::noise(5, 8, 1);
        let mut network = start(8);
        let mut stream = Stream::new(1, 0, Purpose::Batches);
        let mut steps = Steps::new(&optimizer(0.4, 3), &data);
        for decay in [0.0, 0.0, 0.1, 0.1] {
            let before = network.clone();
            steps.step(&mut network, &mut stream, 0.5, decay);
            for (d, (now, before)) in network.coordinates().zip(before.coordinates()).enumerate() {
                let (now, before) = (now.conserved(), before.conserved());
                let factor = (1.0 - decay) * (1.0 - decay) - steps.pulls[d] * steps.pulls[d];
                for (now, before) in [
                    (now.imbalance_plus, before.imbalance_plus),
                    (now.imbalance_minus, before.imbalance_minus),
                    (now.absolute_scale, before.absolute_scale),
                ] {
                    assert!((now / (factor * before) - 1.0).abs() < 1e-13);
                }
            }
        }
    }

    #[test]
    fn steps_are_stable_and_their_mean_is_that_of_descent() {
        let data = draws::noise(6, 10, 2);
        let train = |seed| {
            let descent = StochasticDescent::new(optimizer(1e-3, 2)).unwrap().with_seed(seed);
            descent.with_target_training_error(1e-4).unwrap().train(start(10), &data).unwrap()
        };
        let [one, other] = [train(1), train(2)];
        assert_eq!(one, train(1));
        assert_ne!(one.network, other.network);
        let full = GradientDescent::new().with_target_training_error(1e-4).unwrap();
        let end = full.train(start(10), &data).unwrap().network.coefficients();
        for training in [one, other] {
            assert_eq!(training.stop, Stop::TargetReached);
            assert!(training.distance(&end).unwrap() < 1e-3 * end.norm_squared() / 10.0);
        }
    }

    #[test]
    fn noise_and_decay_are_over_before_the_end_is_judged() {
        let data = draws::noise(4, 10, 3);
        let noise = LabelNoise { variance: 0.01, steps_per_coordinate: 30.0 };
        let optimizer = optimizer(0.05, 1).with_label_noise(noise).unwrap();
        let optimizer = optimizer.with_weight_decay_integral(0.2).unwrap();
        let descent = StochasticDescent::new(optimizer).unwrap().with_decay_steps(450).unwrap();
        let training = descent.train(start(10), &data).unwrap().finished().unwrap();
        assert!(training.steps > 450);
        assert!(training.network.log_shrinkage(&start(10)).unwrap() > 0.4);
        let limited = descent.with_max_steps(7).train(start(10), &data).unwrap();
        assert_eq!((limited.stop, limited.steps), (Stop::StepLimit, 7));
    }

    #[test]
    fn illegal_settings_and_divergence_are_errors() {
        let data = draws::noise(4, 10, 3);
        let flow = StochasticDescent::new(Optimizer::new()).unwrap_err();
        assert!(matches!(flow, Error::OutOfDomain { parameter: "learning_rate", value: 0.0, .. }));
        let descent = StochasticDescent::new(optimizer(1e3, 1)).unwrap();
        let error = descent.train(start(10), &data).unwrap_err();
        assert!(matches!(error, Error::TrainingDiverged { .. }), "{error}");
        let decay = optimizer(0.1, 1).with_weight_decay_integral(1e4).unwrap();
        let error = StochasticDescent::new(decay).unwrap().train(start(10), &data).unwrap_err();
        assert!(matches!(error, Error::OutOfDomain { parameter: "weight_decay_integral", .. }));
    }
}
