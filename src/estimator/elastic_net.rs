//! The estimator of an elastic net: a soft threshold, then a division.

use std::hash::{Hash, Hasher};

use crate::domain::Domain;
use crate::error::Result;
use crate::estimator::soft_threshold::{Beyond, SoftThreshold};
use crate::estimator::{Form, Line, Pair, Partials, Resolution, ScalarEstimator, Slopes, Terms};

/// An elastic net: an l1 norm with a curvature.
///
/// # Formula
///
/// ```text
/// min ||y - X b||²/2 + kappa sum_d w_d (|b_d| + mu b_d²/2)
/// ```
///
/// whose scalar estimator is a soft threshold at `theta w`, divided by `1 + theta w mu`, where
/// - `mu`: [curvature](Self::curvature), in [0, 1e150];
/// - `w`: weight of the coordinate, that of the rich limit ([`rich_weights`](crate::rich_weights)), times
///   the [penalty weight](crate::CoordinateGroup::penalty_weight) of its group;
/// - `kappa`: [explicit penalty](crate::Solver::with_explicit_penalty), above 0.
///
/// `mu = 0` is LASSO; with `kappa` proportional to `1/mu`, a large `mu` is ridge regression.
///
/// Source: Zou and Hastie 2005 (doi:10.1111/j.1467-9868.2005.00503.x); Bayati and Montanari 2012
/// (arXiv:1008.2581), for separable penalties.
///
/// # Examples
///
/// ```
/// use diagonet::{CoordinateGroup, ElasticNet, Estimator, Law, Prior, Samples, Solver};
///
/// let law = Law::new(vec![
///     CoordinateGroup::new("signal", 0.3, Prior::gaussian(0.0, 3.0)?, 1.0)?,
///     CoordinateGroup::new("background", 0.7, Prior::ZERO, 1.0)?,
/// ])?;
/// let samples = Samples::new(0.5)?.with_noise_variance(0.5)?;
/// let error = |estimator| {
///     let solver = Solver::new().with_estimator(estimator).with_explicit_penalty(0.3)?;
///     solver.solve(&law, &samples).map(|solution| solution.generalization_error())
/// };
/// let lasso = error(Estimator::Rich)?;
/// assert!(error(Estimator::ElasticNet(ElasticNet::new(0.3)?))? < lasso);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "f64", into = "f64"))]
pub struct ElasticNet {
    curvature: f64,
}

impl TryFrom<f64> for ElasticNet {
    type Error = crate::error::Error;

    fn try_from(curvature: f64) -> Result<Self> {
        Self::new(curvature)
    }
}

impl From<ElasticNet> for f64 {
    fn from(net: ElasticNet) -> Self {
        net.curvature
    }
}

// The curvature is a number, and not a negative zero.
impl Eq for ElasticNet {}

impl Hash for ElasticNet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.curvature.to_bits().hash(state);
    }
}

impl ElasticNet {
    /// The elastic net with this curvature.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`](crate::Error::OutOfDomain) for a curvature outside [0, 1e150].
    pub fn new(curvature: f64) -> Result<Self> {
        Domain::MAGNITUDE.check("curvature", curvature)?;
        Ok(Self { curvature: curvature + 0.0 })
    }

    /// The curvature `mu`.
    #[must_use]
    pub fn curvature(&self) -> f64 {
        self.curvature
    }
}

/// A soft threshold at `theta weight`, divided by `1 + theta weight mu`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShrunkThreshold {
    soft: SoftThreshold,
    curvature: f64,
}

impl ShrunkThreshold {
    /// The estimator of a group whose soft threshold is given, in units in which its coefficients are
    /// counted in `unit`.
    pub(crate) fn new(net: ElasticNet, soft: SoftThreshold, unit: f64) -> Self {
        Self { soft, curvature: net.curvature * unit }
    }

    /// The slope `g = 1/(1 + theta w mu)` beyond the thresholds, and what is missing to 1.
    fn shares(&self, half_penalty: f64) -> (f64, f64) {
        let ratio = self.soft.threshold(half_penalty) * self.curvature;
        (1.0 / (1.0 + ratio), 1.0 / (1.0 + ratio.recip()))
    }
}

impl ScalarEstimator for ShrunkThreshold {
    fn signal(&self) -> f64 {
        self.soft.signal()
    }

    // With the threshold T and the distance d = |z| - T beyond it, the shrinkage z - b is T + (1 - g) d
    // beyond, and all of z between the thresholds.
    fn terms(&self, w: f64, half_penalty: f64, form: Form, resolution: Resolution) -> Terms {
        let (kept, lost) = self.shares(half_penalty);
        let threshold = self.soft.threshold(half_penalty);
        let spread = (self.soft.variance + w).sqrt();
        let soft = self.soft.terms(w, half_penalty, Form::Complementary, resolution);
        let [above, below] = self.soft.beyond(spread, threshold);
        let sum = |part: fn(&Beyond) -> f64| part(&above) + part(&below);
        let probability = sum(|side| side.probability);
        let (distance, square) = (sum(|side| side.distance), sum(|side| side.square));
        // A threshold may be infinite where nothing is beyond.
        let extra = if probability > 0.0 {
            lost * (2.0 * threshold * distance + lost * square)
        } else {
            0.0
        };
        let shrunk = if probability > 0.0 { threshold * threshold * probability } else { 0.0 };
        let shrinkage_squared = soft.noise.value + extra;
        let response = kept * probability;
        let response_by_noise = -kept * soft.response.by_noise;
        let threshold_by_penalty = -kept * soft.response.by_penalty;
        let response_by_penalty = threshold_by_penalty - kept * lost * probability;
        let shrinkage_by_penalty = 2.0 * kept * (shrunk + extra);
        // Stein's identity; where it cancels, E[B²] + E[b²] - 2 E[B b].
        let signal = self.signal();
        let error = if signal <= w {
            let mean = kept * (above.distance - below.distance);
            let product = self.soft.mean * mean + self.soft.variance * response;
            signal - 2.0 * product + kept * kept * square
        } else {
            (shrinkage_squared + w * (2.0 * response - 1.0)).max(0.0)
        };
        let resistance = soft.response.value + lost * probability;
        let (response, noise) = match form {
            Form::Direct => (
                Slopes {
                    value: response,
                    by_noise: response_by_noise,
                    by_penalty: response_by_penalty,
                },
                Slopes {
                    value: error,
                    // Stein's identity again, without the terms that cancel.
                    by_noise: w
                        * (kept * response + threshold_by_penalty + 2.0 * response_by_noise),
                    by_penalty: shrinkage_by_penalty + 2.0 * w * response_by_penalty,
                },
            ),
            Form::Complementary => (
                Slopes {
                    value: resistance,
                    by_noise: -response_by_noise,
                    by_penalty: -response_by_penalty,
                },
                Slopes {
                    value: shrinkage_squared,
                    by_noise: w
                        * (soft.response.value + lost * lost * probability + threshold_by_penalty),
                    by_penalty: shrinkage_by_penalty,
                },
            ),
        };
        Terms { response, noise, error, nodes: 0 }
    }

    fn penalties(&self, w: f64) -> [f64; 2] {
        let [weak, strong] = self.soft.penalties(w);
        [weak.min(1e-3 / (self.curvature * self.soft.weight)), strong]
    }

    fn rough_response(&self, w: f64, half_penalty: f64) -> f64 {
        self.shares(half_penalty).0 * self.soft.rough_response(w, half_penalty)
    }

    fn responds(&self, w: f64, half_penalty: f64) -> bool {
        self.rough_response(w, half_penalty) > 0.5
    }

    fn partials(&self, w: f64, half_penalty: f64) -> Partials {
        let full = self.responds(w, half_penalty);
        let form = if full { Form::Complementary } else { Form::Direct };
        let Terms { response, noise, .. } = self.terms(w, half_penalty, form, Resolution::Fine);
        let (kept, lost) = self.shares(half_penalty);
        let threshold = self.soft.threshold(half_penalty);
        let soft = self.soft.by_prior(w, half_penalty);
        let [above, below] = self.soft.beyond((self.soft.variance + w).sqrt(), threshold);
        let pair = |by_response: f64, by_shrinkage: f64| {
            if full {
                Pair { response: -by_response, noise: by_shrinkage }
            } else {
                // Stein's identity.
                Pair { response: by_response, noise: by_shrinkage + 2.0 * w * by_response }
            }
        };
        let probability = above.probability + below.probability;
        let shrinkage_by_mean = soft.shrinkage_by_mean
            + 2.0 * lost * threshold * (above.probability - below.probability)
            + 2.0 * lost * lost * (above.distance - below.distance);
        let shrinkage_by_variance =
            soft.shrinkage_by_variance + lost * threshold * soft.edges + lost * lost * probability;
        let by_penalty = Pair { response: response.by_penalty, noise: noise.by_penalty };
        Partials {
            form,
            value: Pair { response: response.value, noise: noise.value },
            by_noise: Pair { response: response.by_noise, noise: noise.by_noise },
            by_penalty,
            by_mean: pair(kept * soft.response_by_mean, shrinkage_by_mean),
            by_variance: pair(kept * soft.response_by_variance, shrinkage_by_variance),
            by_log_scale: by_penalty.scaled(self.soft.weight_by_log_scale),
            // As the soft threshold, it exists for a start at zero only.
            by_start: Pair { response: f64::NAN, noise: f64::NAN },
            nodes: 0,
        }
    }

    fn mean(&self, w: f64, half_penalty: f64) -> f64 {
        self.shares(half_penalty).0 * self.soft.mean(w, half_penalty)
    }

    fn square_distance(&self, w: f64, half_penalty: f64, line: Line) -> f64 {
        let (kept, _) = self.shares(half_penalty);
        self.soft.scaled_square_distance(w, half_penalty, kept, line)
    }

    fn observation(&self, half_penalty: f64, estimate: f64) -> f64 {
        let (kept, _) = self.shares(half_penalty);
        let soft = if estimate == 0.0 { estimate } else { estimate / kept };
        self.soft.observation(half_penalty, soft)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::normal::density;

    fn channel([mean, variance, curvature]: [f64; 3]) -> ShrunkThreshold {
        let soft = SoftThreshold { mean, variance, weight: 0.8, weight_by_log_scale: -0.5 };
        ShrunkThreshold { soft, curvature }
    }

    fn channels() -> impl Iterator<Item = (ShrunkThreshold, f64, f64)> {
        [(0.0, 0.0), (0.0, 2.0), (0.0, 0.1), (1.0, 0.0), (0.3, 1.0)].into_iter().flat_map(
            |(mean, variance)| {
                [0.0, 0.1, 2.0, 100.0].into_iter().flat_map(move |curvature| {
                    [0.03, 0.5, 4.0].into_iter().flat_map(move |w| {
                        [0.05, 0.4, 1.5].map(|half_penalty| {
                            (channel([mean, variance, curvature]), w, half_penalty)
                        })
                    })
                })
            },
        )
    }

    fn estimate(channel: &ShrunkThreshold, z: f64, half_penalty: f64) -> f64 {
        let threshold = 2.0 * half_penalty * channel.soft.weight;
        z.signum() * (z.abs() - threshold).max(0.0) / (1.0 + threshold * channel.curvature)
    }

    /// Expectations of functions of observation and estimate by the midpoint rule, split at the kinks.
    fn by_midpoints<const N: usize>(
        channel: &ShrunkThreshold,
        w: f64,
        half_penalty: f64,
        function: impl Fn(f64, f64) -> [f64; N],
    ) -> [f64; N] {
        let mean = channel.soft.mean;
        let spread = (channel.soft.variance + w).sqrt();
        let threshold = 2.0 * half_penalty * channel.soft.weight;
        let mut edges = vec![mean - 12.0 * spread, mean + 12.0 * spread];
        edges.extend([-threshold, threshold].iter().filter(|t| (**t - mean).abs() < 12.0 * spread));
        edges.sort_by(f64::total_cmp);
        let mut sums = [0.0; N];
        for pair in edges.windows(2) {
            let count = 20_000;
            let width = (pair[1] - pair[0]) / f64::from(count);
            for i in 0..count {
                let z = pair[0] + width * (f64::from(i) + 0.5);
                let mass = width * density((z - mean) / spread) / spread;
                let values = function(z, estimate(channel, z, half_penalty));
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += mass * value);
            }
        }
        sums
    }

    #[test]
    fn closed_forms_are_the_integrals() {
        for (channel, w, half_penalty) in channels() {
            let SoftThreshold { mean, variance, .. } = channel.soft;
            let total = variance + w;
            let (kept, _) = channel.shares(half_penalty);
            let line = Line { level: 0.3, slope: 0.25 };
            let expected = by_midpoints(&channel, w, half_penalty, |z, b| {
                let bias = mean + variance / total * (z - mean) - b;
                let response = if b == 0.0 { 0.0 } else { kept };
                let distance = b - line.level - line.slope * (z - mean) / total.sqrt();
                [
                    response,
                    1.0 - response,
                    (z - b).powi(2),
                    variance * w / total + bias * bias,
                    b,
                    distance * distance,
                ]
            });
            let direct = channel.terms(w, half_penalty, Form::Direct, Resolution::Fine);
            let other = channel.terms(w, half_penalty, Form::Complementary, Resolution::Fine);
            let computed = [
                direct.response.value,
                other.response.value,
                other.noise.value,
                direct.error,
                channel.mean(w, half_penalty),
                channel.square_distance(w, half_penalty, line),
            ];
            for (x, y) in computed.iter().zip(&expected) {
                assert!((x - y).abs() <= 1e-6 * y.abs() + 1e-9, "{x} {y} {channel:?} {w}");
            }
            for b in [0.2, -3.0] {
                let z = channel.observation(half_penalty, b);
                assert!((estimate(&channel, z, half_penalty) - b).abs() < 1e-14 * b.abs());
            }
        }
    }

    #[test]
    fn slopes_and_partials_are_derivatives() {
        const STEP: f64 = 1e-5;
        for (channel, w, half_penalty) in channels() {
            for form in [Form::Direct, Form::Complementary] {
                let at = |x: f64, y: f64| {
                    let (w, half_penalty) = (w * x.exp(), half_penalty * y.exp());
                    let terms = channel.terms(w, half_penalty, form, Resolution::Fine);
                    [terms.response, terms.noise]
                };
                let shifted = [at(STEP, 0.0), at(-STEP, 0.0), at(0.0, STEP), at(0.0, -STEP)];
                for (i, exact) in at(0.0, 0.0).iter().enumerate() {
                    let [right, left, up, down] = shifted.map(|slopes| slopes[i].value);
                    let by_noise = (right - left) / (2.0 * STEP);
                    let by_penalty = (up - down) / (2.0 * STEP);
                    assert!((by_noise - exact.by_noise).abs() < 1e-8, "{channel:?}");
                    assert!((by_penalty - exact.by_penalty).abs() < 1e-8, "{channel:?}");
                }
            }
            let partials = channel.partials(w, half_penalty);
            let at = |mean: f64, variance: f64| {
                let mut moved = channel;
                moved.soft.mean += mean;
                moved.soft.variance += variance;
                let terms = moved.terms(w, half_penalty, partials.form, Resolution::Fine);
                [terms.response.value, terms.noise.value]
            };
            let square = STEP * (channel.soft.variance + w);
            for (right, left, step, exact) in [
                (at(STEP, 0.0), at(-STEP, 0.0), STEP, partials.by_mean),
                (at(0.0, square), at(0.0, -square), square, partials.by_variance),
            ] {
                for (i, exact) in [exact.response, exact.noise].into_iter().enumerate() {
                    let numeric = (right[i] - left[i]) / (2.0 * step);
                    assert!((numeric - exact).abs() < 1e-8 * exact.abs().max(1.0), "{channel:?}");
                }
            }
            assert_eq!(partials.by_log_scale.noise, -0.5 * partials.by_penalty.noise);
        }
    }
}
