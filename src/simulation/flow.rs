//! Gradient flow of the four vectors of weights.

use nalgebra::DVector;

use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::simulation::curvature::Curvature;
use crate::simulation::dataset::Dataset;
use crate::simulation::network::{Network, blocks};
use crate::simulation::squared_loss::SquaredLoss;
use crate::simulation::training::{Monitor, Progress, Training};

/// Stages of the method; the last one is the first of the next step.
const STAGES: usize = 7;

/// Weights of the earlier stages in every later one (Dormand & Prince 1980). The last row is the
/// step of order five.
const COUPLINGS: [&[f64]; STAGES - 1] = [
    &[1.0 / 5.0],
    &[3.0 / 40.0, 9.0 / 40.0],
    &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
    &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
    &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
    &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
];

/// Step of order five minus that of order four.
const ERROR_WEIGHTS: [f64; STAGES] = [
    71.0 / 57600.0,
    0.0,
    -71.0 / 16695.0,
    71.0 / 1920.0,
    -17253.0 / 339200.0,
    22.0 / 525.0,
    -1.0 / 40.0,
];

/// Longest step times curvature. The method is stable to 3.3; beyond, a residual that is too small
/// for the error control would not decay.
const STABLE: f64 = 3.0;

/// Proportional and integral exponents of the step control, its safety factor, and the bounds of
/// one change (Hairer, Nørsett & Wanner 1993, section II.4).
const PROPORTIONAL: f64 = 0.17;
const INTEGRAL: f64 = 0.04;
const SAFETY: f64 = 0.9;
const CHANGE: (f64, f64) = (0.2, 5.0);

/// Gradient flow of the weights on the squared loss, integrated in time.
///
/// # Formula
///
/// ```text
/// dw±/dt = ± (X^T r) v±,      dv±/dt = ± (X^T r) w±,      r = y - X beta
/// ```
///
/// by the embedded Runge-Kutta method of order 5(4), with steps chosen so that in every step
///
/// ```text
/// max(|error of w|, |error of v|) <= tolerance max(|w|, |v|)
/// ```
///
/// for both paths of every coordinate, where
/// - `tolerance`: in [1e-14, 1e-2], by default 1e-10.
///
/// Each path has its own bound, because the absolute scale depends on the digits of the shorter one;
/// under the flow neither vanishes. Steps also stay within the stability of the method.
///
/// Accuracy: the conserved quantities drift by less than three tolerances, from 1e-3 to 1e-11, for
/// absolute scales from 1e-4 to 10. At smaller scales c, the rounding of the weights of a coefficient
/// that grows to b and returns to zero adds about 1e-16 b/c, in any integrator.
///
/// Source: Anguita et al. 2026 (arXiv:2602.20062), section 3; Dormand & Prince 1980 for the method.
///
/// # Examples
///
/// ```
/// use diagonet::{Initialization, Scales};
/// use diagonet::simulation::{Dataset, GradientFlow, Network};
/// use nalgebra::{dmatrix, dvector};
///
/// let initialization = Initialization::new(Scales { absolute: 1e-3, relative: -0.5 })?;
/// let data = Dataset::new(dmatrix![1.0, 0.5, 0.0; 0.0, 0.5, 1.0], dvector![1.0, -2.0])?;
/// let training = GradientFlow::new().train(Network::uniform(&initialization, 3), &data)?;
/// // The weights are those that the theory gives for the coefficient.
/// let weights = training.network.weights(0).unwrap();
/// let expected = initialization.weights(weights.coefficient())?;
/// assert!((weights.minus.readout() - expected.minus.readout()).abs() < 1e-9);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GradientFlow {
    tolerance: f64,
    target: Option<f64>,
    max_steps: usize,
}

impl Default for GradientFlow {
    fn default() -> Self {
        Self { tolerance: 1e-10, target: None, max_steps: 100_000 }
    }
}

impl GradientFlow {
    /// The flow at a tolerance of 1e-10 to a training error of 1e-20 of the mean square of the
    /// labels, in at most 100 000 steps.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same flow at this relative error of a step, see [`GradientFlow`].
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a tolerance outside [1e-14, 1e-2].
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::simulation::GradientFlow;
    /// assert!(GradientFlow::new().with_tolerance(1e-6).is_ok());
    /// assert!(GradientFlow::new().with_tolerance(0.0).is_err());
    /// ```
    pub fn with_tolerance(self, tolerance: f64) -> Result<Self> {
        let tolerance = Domain::closed(1e-14, 1e-2).check("tolerance", tolerance)?;
        Ok(Self { tolerance, ..self })
    }

    /// The same flow to this training error, `||y - X beta||² / N`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a target outside [0, 1e300].
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::simulation::GradientFlow;
    /// assert!(GradientFlow::new().with_target_training_error(1e-4).is_ok());
    /// assert!(GradientFlow::new().with_target_training_error(f64::NAN).is_err());
    /// ```
    pub fn with_target_training_error(self, target: f64) -> Result<Self> {
        let target = Some(Domain::NON_NEGATIVE.check("target_training_error", target)?);
        Ok(Self { target, ..self })
    }

    /// The same flow in at most this many steps, rejected ones included.
    #[must_use]
    pub fn with_max_steps(self, max_steps: usize) -> Self {
        Self { max_steps, ..self }
    }

    /// Trains `network` on `data`.
    ///
    /// A training that uses up its steps is no error: it ends with
    /// [`Stop::StepLimit`](super::Stop::StepLimit), and [`Training::finished`] returns that as an error.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] where network and data have different dimensions;
    /// [`Error::NotRepresentable`] where the residual of the start overflows, the
    /// squares of the labels underflow, or the steps leave the range of `f64`;
    /// [`Error::TrainingDiverged`] where a weight grows beyond 1e150.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Initialization, Scales};
    /// use diagonet::simulation::{Dataset, GradientFlow, Network};
    /// use nalgebra::{dmatrix, dvector};
    ///
    /// let start = Network::uniform(&Initialization::new(Scales { absolute: 1.0, relative: 0.5 })?, 2);
    /// let data = Dataset::new(dmatrix![3.0, 4.0], dvector![10.0])?;
    /// let training = GradientFlow::new().train(start, &data)?.finished()?;
    /// assert!(training.training_error <= 1e-18);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn train(&self, mut network: Network, data: &Dataset) -> Result<Training> {
        let mut monitor = Monitor::new(&network, data, self.target, self.max_steps)?;
        let mut loss = SquaredLoss::new(data);
        let mut curvature = Curvature::new(data);
        let mut method = DormandPrince::new(&network);
        let mut progress = Progress::default();
        let (mut step, mut last_error) = (f64::INFINITY, 1e-4_f64);

        loss.evaluate(&network);
        method.start(&network, &loss);
        loop {
            if let Some(stop) = monitor.observe(progress, &network, &loss)? {
                return Ok(monitor.finish(network, stop, progress, loss.training_error()));
            }
            let longest = STABLE / curvature.bound_beyond(STABLE / step, &network, &loss);
            // The first step is one that any start allows.
            step = if progress.steps == 0 { 1e-2 * longest } else { step.min(longest) };
            // Refused steps get shorter until one is accepted, or until none are left.
            loop {
                if !step.is_normal() {
                    return Err(Error::NotRepresentable {
                        quantity: "the step of the integrator",
                        reason: "the curvature of the loss overflows or underflows",
                    });
                }
                let error = method.attempt(&network, &mut loss, step) / self.tolerance;
                if error <= 1.0 {
                    method.accept(&mut network);
                    progress.steps += 1;
                    progress.time += step;
                    let change = SAFETY * error.powf(-PROPORTIONAL) * last_error.powf(INTEGRAL);
                    step *= change.clamp(CHANGE.0, CHANGE.1);
                    last_error = error.max(1e-4);
                    break;
                }
                progress.rejected_steps += 1;
                step *= (SAFETY * error.powf(-0.2)).max(CHANGE.0);
                if progress.steps + progress.rejected_steps >= self.max_steps {
                    loss.evaluate(&network);
                    break;
                }
            }
        }
    }
}

/// The embedded method of Dormand and Prince, with its buffers.
#[derive(Debug)]
struct DormandPrince {
    velocities: [DVector<f64>; STAGES],
    /// The weights of a stage; after the last stage, those at the end of the step.
    stage: Network,
    error: DVector<f64>,
}

impl DormandPrince {
    fn new(network: &Network) -> Self {
        let zeros = DVector::zeros(network.flat().len());
        Self {
            velocities: std::array::from_fn(|_| zeros.clone()),
            stage: network.clone(),
            error: zeros,
        }
    }

    /// The first velocity, at the weights where `loss` was evaluated.
    fn start(&mut self, network: &Network, loss: &SquaredLoss<'_>) {
        loss.write_velocity(network, &mut self.velocities[0]);
    }

    /// Tries a step and returns the largest relative error of a path. The loss is left at its end.
    fn attempt(&mut self, network: &Network, loss: &mut SquaredLoss<'_>, step: f64) -> f64 {
        for (couplings, next) in COUPLINGS.iter().zip(1..) {
            let weights = self.stage.flat_mut();
            weights.copy_from(network.flat());
            for (&coupling, velocity) in couplings.iter().zip(&self.velocities) {
                weights.axpy(step * coupling, velocity, 1.0);
            }
            loss.evaluate(&self.stage);
            loss.write_velocity(&self.stage, &mut self.velocities[next]);
        }
        self.error.fill(0.0);
        for (weight, velocity) in ERROR_WEIGHTS.iter().zip(&self.velocities) {
            self.error.axpy(step * weight, velocity, 1.0);
        }
        self.relative_error(network)
    }

    fn relative_error(&self, network: &Network) -> f64 {
        let errors = blocks(self.error.as_slice());
        let (from, to) = (blocks(network.flat().as_slice()), blocks(self.stage.flat().as_slice()));
        let mut largest = 0.0_f64;
        for (first, readout) in [(0, 1), (2, 3)] {
            let length = |of: [&[f64]; 4], d: usize| of[first][d].abs().max(of[readout][d].abs());
            for d in 0..network.dimension() {
                let error = length(errors, d);
                // Asked of both, because a maximum passes over an undefined number.
                if !(errors[first][d].is_finite() && errors[readout][d].is_finite()) {
                    return f64::INFINITY;
                }
                if error > 0.0 {
                    largest = largest.max(error / length(from, d).max(length(to, d)));
                }
            }
        }
        largest
    }

    /// Moves to the end of the step.
    fn accept(&mut self, network: &mut Network) {
        std::mem::swap(network, &mut self.stage);
        self.velocities.swap(0, STAGES - 1);
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::{DMatrix, DVector};

    use super::*;
    use crate::network::initialization::{Initialization, NetworkPath, Scales, Weights};
    use crate::network::scale_map::ScaleMap;
    use crate::simulation::GradientDescent;
    use crate::simulation::dataset::draws;
    use crate::simulation::training::Stop;

    const SAMPLES: usize = 20;
    const DIMENSION: usize = 50;

    /// Absolute and relative scales from rich to lazy.
    const REGIMES: [(f64, f64); 5] =
        [(1e-4, -0.99), (1e-4, 0.9), (1e-2, 0.0), (1.0, -0.5), (10.0, 0.9)];

    /// Budget of flow at the default tolerance, relative.
    const BUDGET: f64 = 2e-10;

    fn uniform(absolute_scale: f64, relative_scale: f64) -> Initialization {
        Initialization::new(Scales { absolute: absolute_scale, relative: relative_scale }).unwrap()
    }

    fn train(initialization: &Initialization, data: &Dataset) -> Training {
        let start = Network::uniform(initialization, data.dimension());
        GradientFlow::new().train(start, data).unwrap().finished().unwrap()
    }

    /// Largest component of `asinh(beta/c)` outside the row space of the inputs, relative to its
    /// largest: zero at the interpolator of least penalty.
    fn outside(beta: &DVector<f64>, scales: &DVector<f64>, data: &Dataset) -> f64 {
        let arc = beta.zip_map(scales, |beta, scale| (beta / scale).asinh());
        let inputs = data.inputs();
        let dual = (inputs * inputs.transpose()).cholesky().unwrap().solve(&(inputs * &arc));
        (&arc - inputs.tr_mul(&dual)).amax() / arc.amax()
    }

    #[test]
    fn a_step_that_overflows_is_rejected() {
        let network = Network::uniform(&uniform(1.0, 0.0), 2);
        let mut method = DormandPrince::new(&network);
        for overflow in [f64::INFINITY, f64::NAN] {
            method.error[1] = overflow;
            method.stage.flat_mut()[1] = overflow;
            assert_eq!(method.relative_error(&network), f64::INFINITY);
        }
    }

    #[test]
    fn flow_ends_at_the_interpolator_of_least_penalty() {
        for (c, lambda) in REGIMES {
            let data = draws::noise(SAMPLES, DIMENSION, 1);
            let training = train(&uniform(c, lambda), &data);
            assert_eq!(training.stop, Stop::TargetReached);
            assert!(training.drift < BUDGET);
            let scales = DVector::from_element(DIMENSION, c);
            assert!(outside(&training.network.coefficients(), &scales, &data) < BUDGET);
        }
    }

    #[test]
    fn fine_tuning_ends_at_the_interpolator_of_the_mapped_scales() {
        let (old, new) = (draws::noise(SAMPLES, DIMENSION, 3), draws::noise(SAMPLES, DIMENSION, 4));
        for (c, lambda) in REGIMES {
            let pretrained = train(&uniform(c, lambda), &old).network;
            for gamma in [0.0, 0.1] {
                let map = ScaleMap::new(uniform(c, lambda), gamma).unwrap();
                let scales = map.fine_tuning_scales(pretrained.coefficients()).unwrap();
                let start = pretrained.rebalanced(gamma).unwrap();
                assert_eq!(start.coefficients(), DVector::zeros(DIMENSION));
                let ratios = start.absolute_scales().component_div(&scales);
                assert!(ratios.add_scalar(-1.0).amax() < BUDGET);
                let training = GradientFlow::new().train(start, &new).unwrap();
                assert_eq!(training.stop, Stop::TargetReached);
                assert!(outside(&training.network.coefficients(), &scales, &new) < BUDGET);
            }
        }
    }

    #[test]
    fn weights_along_training_are_those_of_the_theory() {
        let data = draws::noise(SAMPLES, DIMENSION, 5);
        for (c, lambda) in REGIMES {
            let initialization = uniform(c, lambda);
            for max_steps in [10, 30, 100, 1000] {
                let flow = GradientFlow::new().with_max_steps(max_steps);
                let start = Network::uniform(&initialization, DIMENSION);
                let training = flow.train(start, &data).unwrap();
                for weights in training.network.coordinates() {
                    let theory = initialization.weights(weights.coefficient()).unwrap();
                    let pairs = [(weights.plus, theory.plus), (weights.minus, theory.minus)];
                    for (path, theory) in pairs {
                        let length = theory.first_layer().hypot(theory.readout());
                        let first_layer = path.first_layer() - theory.first_layer();
                        let readout = path.readout() - theory.readout();
                        assert!(first_layer.hypot(readout) < BUDGET * length);
                    }
                }
            }
        }
    }

    #[test]
    fn time_is_that_of_the_flow_of_one_coordinate() {
        // d beta/dt = 2 (y - beta) sqrt(c² + beta²), integrated by partial fractions.
        for (c, lambda) in REGIMES {
            for y in [0.3_f64, 2.0, -5.0] {
                let data =
                    Dataset::new(DMatrix::from_element(1, 1, 1.0), DVector::from_element(1, y));
                let flow = GradientFlow::new().with_target_training_error(0.25 * y * y).unwrap();
                let start = Network::uniform(&uniform(c, lambda), 1);
                let training = flow.train(start, &data.unwrap()).unwrap();
                let (beta, norm) = (training.network.coefficients()[0], c.hypot(y));
                let antiderivative =
                    |x: f64| ((norm * c.hypot(x) + y * x + c * c) / (y - x).abs()).ln();
                let time = (antiderivative(beta) - antiderivative(0.0)) / (2.0 * norm);
                // The coefficient is a difference of products of the size of c.
                assert!((training.time / time - 1.0).abs() < BUDGET * (1.0 + c / y.abs()));
            }
        }
    }

    #[test]
    fn drift_follows_the_tolerance() {
        let data = draws::noise(SAMPLES, DIMENSION, 6);
        for (c, lambda) in REGIMES {
            for tolerance in [1e-3, 1e-5, 1e-7, 1e-9, 1e-11] {
                let flow = GradientFlow::new().with_tolerance(tolerance).unwrap();
                let start = Network::uniform(&uniform(c, lambda), DIMENSION);
                let drift = flow.train(start, &data).unwrap().drift;
                assert!(drift < 3.0 * tolerance, "{c} {lambda} {tolerance:e}: {drift:e}");
            }
        }
    }

    #[test]
    fn flow_without_an_interpolator_ends_at_least_squares() {
        let data = draws::noise(30, 5, 7);
        let training = train(&uniform(0.01, 0.3), &data);
        assert_eq!(training.stop, Stop::Stationary);
        let inputs = data.inputs();
        let normal = (inputs.transpose() * inputs).cholesky().unwrap();
        let exact = normal.solve(&inputs.tr_mul(data.labels()));
        assert!(training.distance(&exact).unwrap() < 1e-22 * exact.norm_squared());
    }

    #[test]
    fn frozen_coordinates_stay_at_zero() {
        let data = draws::noise(3, 8, 8);
        let scales = DVector::from_fn(8, |d, _| if d < 4 { 0.0 } else { 0.1 });
        let map = ScaleMap::new(uniform(0.0, 0.5), 0.0).unwrap();
        let training = GradientFlow::new()
            .train(Network::new(&map.fine_tuning_initializations(&scales).unwrap()), &data)
            .unwrap();
        assert_eq!(training.stop, Stop::TargetReached);
        let beta = training.network.coefficients();
        assert!(beta.rows(0, 4).iter().all(|&beta| beta == 0.0));
        assert!(beta.rows(4, 4).iter().all(|&beta| beta != 0.0));

        let training = train(&uniform(0.0, 0.0), &data);
        assert_eq!((training.stop, training.steps), (Stop::Stationary, 0));
    }

    #[test]
    fn any_size_of_data_and_scale_is_trained() {
        let data = draws::noise(4, 6, 9);
        for (input, label, c) in [
            (1.0, 1.0, 1e-12),
            (1.0, 1e-100, 1e-100),
            (1.0, 1e100, 1e90),
            (1e50, 1.0, 1e-50),
            (1e-50, 1e-30, 1e20),
            (1e-120, 1e-130, 1e-10),
        ] {
            let data = Dataset::new(input * data.inputs(), label * data.labels()).unwrap();
            let training = train(&uniform(c, -0.2), &data);
            let scales = DVector::from_element(6, c);
            // Coefficients a few times this size that return to zero take their rounding along.
            let budget = BUDGET + 32.0 * f64::EPSILON * (label / input) / c;
            assert!(training.drift < budget, "{c:e}: {:e} {budget:e}", training.drift);
            assert!(outside(&training.network.coefficients(), &scales, &data) < budget);
        }
    }

    #[test]
    fn coefficients_below_the_rounding_of_the_weights_are_not_waited_for() {
        let data = draws::noise(SAMPLES, DIMENSION, 11);
        for c in [1e7, 1e10, 1e15, 1e100] {
            let start = Network::uniform(&uniform(c, 0.0), DIMENSION);
            let flow = GradientFlow::new().train(start.clone(), &data).unwrap();
            let descent = GradientDescent::new().train(start, &data).unwrap();
            for training in [flow, descent] {
                assert_eq!(training.stop, Stop::PrecisionLimit);
                assert!(training.steps < 1000 && training.training_error < 1e-29 * c * c);
                assert!(matches!(training.finished(), Err(Error::NotConverged { .. })));
            }
            // A readout at zero leaves nothing to cancel.
            assert_eq!(train(&uniform(c, 1.0), &data).stop, Stop::TargetReached);
        }
    }

    #[test]
    fn steps_beyond_the_range_of_floats_are_an_error() {
        let path = NetworkPath::new(1e150, 0.0).unwrap();
        let start = Network::from_weights(&[Weights { plus: path, minus: path }]);
        let data = Dataset::new(DMatrix::from_element(1, 1, 1e100), DVector::from_element(1, 1.0));
        let error = GradientFlow::new().train(start, &data.unwrap()).unwrap_err();
        assert!(matches!(error, Error::NotRepresentable { .. }));
    }

    #[test]
    fn labels_whose_squares_underflow_are_an_error() {
        let data = Dataset::new(DMatrix::from_element(1, 1, 1.0), DVector::from_element(1, 1e-150));
        let start = Network::uniform(&uniform(1.0, 0.0), 1);
        let error = GradientFlow::new().train(start, &data.unwrap()).unwrap_err();
        assert!(matches!(error, Error::NotRepresentable { quantity: "the training error", .. }));
    }

    #[test]
    fn network_and_data_have_one_dimension() {
        let start = Network::uniform(&uniform(1.0, 0.0), 3);
        let error = GradientFlow::new().train(start, &draws::noise(2, 4, 10)).unwrap_err();
        let expected = Error::DimensionMismatch { parameter: "network", expected: 4, found: 3 };
        assert_eq!(error, expected);
    }
}
