//! The estimator of a weighted l1 penalty: soft thresholds, in error functions.

use std::f64::consts::FRAC_1_SQRT_2;

use crate::error::Result;
use crate::estimator::{
    Form, Line, Pair, Partials, Resolution, ScalarEstimator, Slopes, Terms, prior_in_units,
};
use crate::numerics::gauss_legendre::GAUSS_LEGENDRE;
use crate::numerics::normal::{density, excess, square_excess, upper_tail};
use crate::problem::law::CoordinateGroup;

/// Soft threshold at `theta weight` of `z = B + s Z`, with `B ~ N(mean, variance)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SoftThreshold {
    pub(super) mean: f64,
    pub(super) variance: f64,
    pub(super) weight: f64,
    /// Derivative of the logarithm of the weight in that of the scale that it stands for.
    pub(super) weight_by_log_scale: f64,
}

impl SoftThreshold {
    /// The estimator of a group with this weight, in units of the root of `unit_squared`.
    pub(crate) fn new(group: &CoordinateGroup, weight: f64, unit_squared: f64) -> Result<Self> {
        let (mean, variance) = prior_in_units(group, unit_squared)?;
        Ok(Self { mean, variance, weight, weight_by_log_scale: 0.0 })
    }

    /// The same with a weight that depends on a scale.
    pub(crate) fn with_weight_by_log_scale(self, weight_by_log_scale: f64) -> Self {
        Self { weight_by_log_scale, ..self }
    }

    pub(super) fn threshold(&self, half_penalty: f64) -> f64 {
        2.0 * half_penalty * self.weight
    }

    /// Both thresholds in standard deviations of `z` from its mean, up and down. Beyond a thousand,
    /// where nothing of the Gaussian is left, the number itself must not overflow.
    fn tails(&self, spread: f64, threshold: f64) -> [f64; 2] {
        [threshold - self.mean, threshold + self.mean]
            .map(|distance| (distance / spread).clamp(-FARTHEST, FARTHEST))
    }

    /// What `z` has beyond the thresholds, up and down.
    pub(super) fn beyond(&self, spread: f64, threshold: f64) -> [Beyond; 2] {
        [threshold - self.mean, threshold + self.mean].map(|distance| {
            let from = (distance / spread).clamp(-FARTHEST, FARTHEST);
            // What is certain lies between the threshold and where the Gaussian begins.
            let edge = if from == -FARTHEST { -distance - FARTHEST * spread } else { 0.0 };
            let (probability, first) = (upper_tail(from), spread * excess(from));
            Beyond {
                probability,
                distance: edge * probability + first,
                square: edge * edge * probability
                    + 2.0 * edge * first
                    + spread * spread * square_excess(from),
            }
        })
    }

    /// Derivatives in the mean and the variance of the prior.
    pub(super) fn by_prior(&self, w: f64, half_penalty: f64) -> ByPrior {
        let total = self.variance + w;
        let spread = total.sqrt();
        let threshold = self.threshold(half_penalty);
        let [above, below] = self.tails(spread, threshold);
        let (density_above, density_below) = (density(above), density(below));
        let terms = self.terms(w, half_penalty, Form::Complementary, Resolution::Fine);
        let resistance = terms.response.value;
        ByPrior {
            response_by_mean: (density_above - density_below) / spread,
            response_by_variance: 0.5 * (above * density_above + below * density_below) / total,
            shrinkage_by_mean: 2.0 * self.central_mean(spread, threshold, resistance),
            shrinkage_by_variance: resistance
                - (threshold / spread) * (density_above + density_below),
            edges: (density_above + density_below) / spread,
        }
    }

    /// `E[(gain b - line)²]`.
    pub(super) fn scaled_square_distance(
        &self,
        w: f64,
        half_penalty: f64,
        gain: f64,
        line: Line,
    ) -> f64 {
        let Line { level, slope } = line;
        let spread = (self.variance + w).sqrt();
        if spread == 0.0 {
            return (gain * self.mean(w, half_penalty) - level).powi(2);
        }
        let threshold = self.threshold(half_penalty);
        let [above, below] = self.tails(spread, threshold);
        // Zero between the thresholds, not negative but for rounding.
        let between = level * level + slope * slope
            - square_beyond(level, slope, above)
            - square_beyond(level, -slope, below);
        let steepness = gain * spread;
        between.max(0.0)
            + square_beyond(gain * (self.mean - threshold) - level, steepness - slope, above)
            + square_beyond(gain * (self.mean + threshold) - level, slope - steepness, below)
    }

    /// `E[z; |z| < threshold]`.
    fn central_mean(&self, spread: f64, threshold: f64, resistance: f64) -> f64 {
        let shift = self.mean / spread;
        let inside = threshold / spread;
        if inside < 0.5 {
            // The closed form cancels, as that of the second moment.
            let term = |(node, weight): (f64, f64)| {
                let x = node * inside;
                weight * inside * x * (density(x - shift) - density(x + shift))
            };
            return spread * GAUSS_LEGENDRE.into_iter().map(term).sum::<f64>();
        }
        let [above, below] = self.tails(spread, threshold);
        self.mean * resistance + spread * (density(below) - density(above))
    }
}

/// Deviations beyond which nothing of a Gaussian is left.
const FARTHEST: f64 = 1e3;

/// Moments of what an observation has beyond a threshold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beyond {
    pub(super) probability: f64,
    /// Mean of the distance to the threshold, 0 on this side of it.
    pub(super) distance: f64,
    /// Mean of its square.
    pub(super) square: f64,
}

/// Derivatives of `E[db/dz]` and of `E[(z - b)²] = E[min(z², threshold²)]`, whose integrands have a jump
/// and a kink at the thresholds.
#[derive(Debug, Clone, Copy)]
pub(super) struct ByPrior {
    pub(super) response_by_mean: f64,
    pub(super) response_by_variance: f64,
    pub(super) shrinkage_by_mean: f64,
    pub(super) shrinkage_by_variance: f64,
    /// Density of the observations at both thresholds together.
    pub(super) edges: f64,
}

/// `E[(level + slope x)²; x > from]` for a standard normal `x`.
fn square_beyond(level: f64, slope: f64, from: f64) -> f64 {
    let edge = level + slope * from;
    if upper_tail(from) == 0.0 {
        // Of an edge that may overflow, nothing.
        return 0.0;
    }
    edge * edge * upper_tail(from)
        + 2.0 * edge * slope * excess(from)
        + slope * slope * square_excess(from)
}

/// `E[Z²; |Z| < u]`, to full relative precision.
fn central_square(u: f64) -> f64 {
    if u < 0.7 {
        // sqrt(2/pi) exp(-u²/2) (u³/3 + u⁵/15 + u⁷/105 + ...), whose terms are all positive.
        let mut term = u * u * u / 3.0;
        let mut sum = 0.0;
        let mut order = 3.0;
        while term > f64::EPSILON * sum {
            sum += term;
            order += 2.0;
            term *= u * u / order;
        }
        2.0 * density(u) * sum
    } else {
        libm::erf(u * FRAC_1_SQRT_2) - 2.0 * u * density(u)
    }
}

/// Probability of `|z| < inside S`, and `E[z²; |z| < inside S]`, for `z ~ N(shift S, S²)` with the
/// spread `S`, on an interval of less than a standard deviation.
///
/// The closed forms cancel there to the third power of the threshold. Ten Gauss-Legendre nodes are
/// exact to rounding for a Gaussian on so short an interval.
fn narrow(shift: f64, spread: f64, inside: f64) -> (f64, f64) {
    let (mut probability, mut moment) = (0.0, 0.0);
    for (node, weight) in GAUSS_LEGENDRE {
        let x = node * inside;
        let mass = weight * inside * (density(x - shift) + density(x + shift));
        probability += mass;
        moment += mass * x * x;
    }
    (probability, spread * spread * moment)
}

/// The same in closed form, on an interval that ends `above` and starts `below` standard deviations
/// from the mean.
fn wide(shift: f64, spread: f64, above: f64, below: f64) -> (f64, f64) {
    let probability = if above < 0.0 {
        upper_tail(-above) - upper_tail(below)
    } else {
        1.0 - upper_tail(above) - upper_tail(below)
    };
    if probability == 0.0 {
        return (0.0, 0.0);
    }
    let (density_above, density_below) = (density(above), density(below));
    let moment = (shift * shift + 1.0) * probability
        + 2.0 * shift * (density_below - density_above)
        - (above * density_above + below * density_below);
    // The moment of a probability is not negative; what is below is rounding.
    (probability, spread * spread * moment.max(0.0))
}

impl ScalarEstimator for SoftThreshold {
    fn signal(&self) -> f64 {
        self.mean * self.mean + self.variance
    }

    fn terms(&self, w: f64, half_penalty: f64, form: Form, _: Resolution) -> Terms {
        let total = self.variance + w;
        let spread = total.sqrt();
        let threshold = self.threshold(half_penalty);
        let [above, below] = self.tails(spread, threshold);
        let scaled = (threshold / spread).min(1e3);
        let (density_above, density_below) = (density(above), density(below));
        let response = upper_tail(above) + upper_tail(below);
        let (resistance, central) = if self.mean == 0.0 {
            (libm::erf(scaled * FRAC_1_SQRT_2), total * central_square(scaled))
        } else if scaled < 0.5 {
            narrow(self.mean / spread, spread, scaled)
        } else {
            wide(self.mean / spread, spread, above, below)
        };
        let shrunk = if response > 0.0 { threshold * threshold * response } else { 0.0 };
        let shrinkage_squared = central + shrunk;
        let noise_share = w / total;
        let response_by_noise = 0.5 * noise_share * (above * density_above + below * density_below);
        let response_by_penalty = -scaled * (density_above + density_below);
        let shrinkage_by_penalty = 2.0 * shrunk;
        // Stein's identity; where it cancels, E[B²] + E[b²] - 2 E[B b] from the tails beyond the
        // thresholds.
        let error = if self.signal() <= w {
            let estimate_squared = total * (square_excess(above) + square_excess(below));
            let estimate = spread * (excess(above) - excess(below));
            let signal = self.signal() - 2.0 * (self.mean * estimate + self.variance * response);
            signal + estimate_squared
        } else {
            (shrinkage_squared + w * (2.0 * response - 1.0)).max(0.0)
        };
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
                    by_noise: w * (response + response_by_penalty + 2.0 * response_by_noise),
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
                    by_noise: w * (resistance + response_by_penalty),
                    by_penalty: shrinkage_by_penalty,
                },
            ),
        };
        Terms { response, noise, error, nodes: 0 }
    }

    fn penalties(&self, w: f64) -> [f64; 2] {
        let spread = (self.signal() + w).sqrt();
        [1e-3 * spread / self.weight, 10.0 * spread / self.weight]
    }

    fn rough_response(&self, w: f64, half_penalty: f64) -> f64 {
        libm::erfc(FRAC_1_SQRT_2 * self.rough_threshold(w, half_penalty))
    }

    fn responds(&self, w: f64, half_penalty: f64) -> bool {
        // The upper quartile of the standard normal distribution.
        self.rough_threshold(w, half_penalty) < 0.6745
    }

    fn partials(&self, w: f64, half_penalty: f64) -> Partials {
        let full = self.responds(w, half_penalty);
        let form = if full { Form::Complementary } else { Form::Direct };
        let Terms { response, noise, .. } = self.terms(w, half_penalty, form, Resolution::Fine);
        let slopes = self.by_prior(w, half_penalty);
        let pair = |by_response: f64, by_shrinkage: f64| {
            if full {
                Pair { response: -by_response, noise: by_shrinkage }
            } else {
                // Stein's identity.
                Pair { response: by_response, noise: by_shrinkage + 2.0 * w * by_response }
            }
        };
        let by_penalty = Pair { response: response.by_penalty, noise: noise.by_penalty };
        Partials {
            form,
            value: Pair { response: response.value, noise: noise.value },
            by_noise: Pair { response: response.by_noise, noise: noise.by_noise },
            by_penalty,
            by_mean: pair(slopes.response_by_mean, slopes.shrinkage_by_mean),
            by_variance: pair(slopes.response_by_variance, slopes.shrinkage_by_variance),
            by_log_scale: by_penalty.scaled(self.weight_by_log_scale),
            // The limit exists for a start at zero only.
            by_start: Pair { response: f64::NAN, noise: f64::NAN },
            nodes: 0,
        }
    }

    fn mean(&self, w: f64, half_penalty: f64) -> f64 {
        let spread = (self.variance + w).sqrt();
        let threshold = self.threshold(half_penalty);
        if spread == 0.0 {
            return (self.mean - threshold).max(0.0);
        }
        let [above, below] = self.beyond(spread, threshold);
        above.distance - below.distance
    }

    fn square_distance(&self, w: f64, half_penalty: f64, line: Line) -> f64 {
        self.scaled_square_distance(w, half_penalty, 1.0, line)
    }

    fn observation(&self, half_penalty: f64, estimate: f64) -> f64 {
        estimate + self.threshold(half_penalty).copysign(estimate)
    }
}

impl SoftThreshold {
    /// The threshold in units of the root mean square of `z`.
    pub(super) fn rough_threshold(&self, w: f64, half_penalty: f64) -> f64 {
        self.threshold(half_penalty) / (self.signal() + w).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Midpoint rule over twelve standard deviations, split at the kinks.
    fn by_midpoints(channel: &SoftThreshold, w: f64, half_penalty: f64) -> [f64; 4] {
        let SoftThreshold { mean, variance, weight, .. } = *channel;
        let total = variance + w;
        let spread = total.sqrt();
        let threshold = 2.0 * half_penalty * weight;
        let mut edges = vec![mean - 12.0 * spread, mean + 12.0 * spread];
        edges.extend([-threshold, threshold].iter().filter(|t| (**t - mean).abs() < 12.0 * spread));
        edges.sort_by(f64::total_cmp);
        let mut sums = [0.0; 4];
        for pair in edges.windows(2) {
            let count = 20_000;
            let width = (pair[1] - pair[0]) / f64::from(count);
            for i in 0..count {
                let z = pair[0] + width * (f64::from(i) + 0.5);
                let mass = width * density((z - mean) / spread) / spread;
                let estimate = z.signum() * (z.abs() - threshold).max(0.0);
                let bias = mean + variance / total * (z - mean) - estimate;
                sums[0] += mass * f64::from(u8::from(z.abs() > threshold));
                sums[1] += mass * f64::from(u8::from(z.abs() < threshold));
                sums[2] += mass * (z - estimate).powi(2);
                sums[3] += mass * (variance * w / total + bias * bias);
            }
        }
        sums
    }

    fn channels() -> impl Iterator<Item = (SoftThreshold, f64, f64)> {
        [(0.0, 0.0), (0.0, 2.0), (0.0, 0.1), (1.0, 0.0), (0.3, 1.0)].into_iter().flat_map(|prior| {
            [0.03, 0.5, 4.0].into_iter().flat_map(move |w| {
                [0.05, 0.4, 1.5].map(|half_penalty| {
                    let (mean, variance) = prior;
                    let channel =
                        SoftThreshold { mean, variance, weight: 0.8, weight_by_log_scale: 0.0 };
                    (channel, w, half_penalty)
                })
            })
        })
    }

    #[test]
    fn closed_forms_are_the_integrals() {
        for (channel, w, half_penalty) in channels() {
            let expected = by_midpoints(&channel, w, half_penalty);
            let direct = channel.terms(w, half_penalty, Form::Direct, Resolution::Fine);
            let other = channel.terms(w, half_penalty, Form::Complementary, Resolution::Fine);
            let computed =
                [direct.response.value, other.response.value, other.noise.value, direct.error];
            for (x, y) in computed.iter().zip(&expected) {
                assert!((x - y).abs() <= 1e-6 * y + 1e-9, "{x} {y} {channel:?} {w} {half_penalty}");
            }
        }
    }

    #[test]
    fn slopes_are_derivatives() {
        const STEP: f64 = 1e-5;
        for form in [Form::Direct, Form::Complementary] {
            for (channel, w, half_penalty) in channels() {
                let at = |x: f64, y: f64| {
                    let terms =
                        channel.terms(w * x.exp(), half_penalty * y.exp(), form, Resolution::Fine);
                    [terms.response, terms.noise]
                };
                let shifted = [at(STEP, 0.0), at(-STEP, 0.0), at(0.0, STEP), at(0.0, -STEP)];
                for (i, exact) in at(0.0, 0.0).iter().enumerate() {
                    let [right, left, up, down] = shifted.map(|slopes| slopes[i].value);
                    let (by_noise, by_penalty) =
                        ((right - left) / (2.0 * STEP), (up - down) / (2.0 * STEP));
                    assert!((by_noise - exact.by_noise).abs() < 1e-8, "{channel:?}");
                    assert!((by_penalty - exact.by_penalty).abs() < 1e-8, "{channel:?}");
                }
            }
        }
    }

    #[test]
    fn partials_are_derivatives() {
        const STEP: f64 = 1e-5;
        for (channel, w, half_penalty) in channels() {
            let partials = channel.partials(w, half_penalty);
            let at = |mean: f64, variance: f64| {
                let moved = SoftThreshold {
                    mean: channel.mean + mean,
                    variance: channel.variance + variance,
                    ..channel
                };
                // The error of an atom is a smooth function of a variance around zero.
                let terms = moved.terms(w, half_penalty, partials.form, Resolution::Fine);
                [terms.response.value, terms.noise.value]
            };
            let difference = |step: f64, [right, left]: [[f64; 2]; 2]| {
                [0, 1].map(|i| (right[i] - left[i]) / (2.0 * step))
            };
            let square = STEP * (channel.variance + w);
            let by_mean = difference(STEP, [at(STEP, 0.0), at(-STEP, 0.0)]);
            let by_variance = difference(square, [at(0.0, square), at(0.0, -square)]);
            for (numeric, exact) in
                [(by_mean, partials.by_mean), (by_variance, partials.by_variance)]
            {
                for (numeric, exact) in numeric.into_iter().zip([exact.response, exact.noise]) {
                    assert!((numeric - exact).abs() < 1e-8 * exact.abs().max(1.0), "{channel:?}");
                }
            }
        }
    }

    #[test]
    fn statistics_are_the_integrals() {
        let channel =
            SoftThreshold { mean: 0.4, variance: 0.64, weight: 0.5, weight_by_log_scale: 0.0 };
        let line = Line { level: 0.3, slope: 0.25 };
        let (w, half_penalty) = (0.0, 0.5);
        let threshold = channel.threshold(half_penalty);
        let (mut mean, mut distance) = (0.0, 0.0);
        let count = 400_000;
        for i in 0..count {
            let x = -10.0 + 20.0 * (f64::from(i) + 0.5) / f64::from(count);
            let mass = density(x) * 20.0 / f64::from(count);
            let z: f64 = 0.4 + 0.8 * x;
            let estimate = z.signum() * (z.abs() - threshold).max(0.0);
            mean += mass * estimate;
            distance += mass * (estimate - line.level - line.slope * x).powi(2);
        }
        assert!((channel.mean(w, half_penalty) - mean).abs() < 1e-9);
        assert!((channel.square_distance(w, half_penalty, line) - distance).abs() < 1e-9);
    }

    #[test]
    fn means_of_narrow_observations_are_exact() {
        let channel =
            SoftThreshold { mean: 1.0, variance: 0.0, weight: 0.5, weight_by_log_scale: 0.0 };
        for w in [0.0, 1e-300, 1e-20, 1e-8, 1e-4] {
            assert!((channel.mean(w, 0.25) - 0.75).abs() < 1e-15, "{w:e}");
        }
    }

    #[test]
    fn central_square_keeps_its_digits() {
        // gamma(3/2, u²/2) / Gamma(3/2), with 30 digits.
        for (u, expected) in [
            (1e-3, 2.659_614_404_791_799_7e-10),
            (0.5, 0.030_859_595_783_726_73),
            (0.7, 0.078_917_188_840_388_2),
            (2.0, 0.738_535_870_050_889_4),
        ] {
            assert!(
                (central_square(u) / expected - 1.0).abs() < 4e-15,
                "{u}: {}",
                central_square(u)
            );
        }
    }
}
