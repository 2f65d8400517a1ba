//! The channel of the implicit penalty, by quadrature.

use crate::error::{Error, Result};
use crate::estimator::quadrature::{Node, Proximal, Rule, Visitor, integrate, integrate_over};
use crate::estimator::{
    Divergence, Form, Line, Partials, Resolution, ScalarEstimator, Slopes, Terms, prior_in_units,
};
use crate::network::mirror_map::{Hyperbolic, MirrorMap};
use crate::numerics::lanes::Lanes;
use crate::problem::law::CoordinateGroup;

impl Proximal {
    /// The channel of a group in units of the root of `unit_squared`, counted from the centre of its
    /// penalty.
    pub(crate) fn new(group: &CoordinateGroup, unit_squared: f64) -> Result<Self> {
        let unit = unit_squared.sqrt();
        let scale = group.scale() / unit;
        if !(1e-303..=1e303).contains(&scale) {
            return Err(Error::NotRepresentable {
                quantity: "a scale in units of signal and noise",
                reason: "it is not within 1e-303 and 1e303",
            });
        }
        let (mean, variance) = prior_in_units(group, unit_squared)?;
        let start = group.start_from_centre() / unit;
        if start.abs() > 1e150 {
            return Err(Error::NotRepresentable {
                quantity: "the start of a group of weight zero",
                reason: "it is too large in units of signal and noise",
            });
        }
        // The mean has become positive, and the start with it.
        let start = if group.mean_from_centre() < 0.0 { -start } else { start };
        Ok(Self { mean, variance, scale, start })
    }

    /// The mirror map of the group.
    pub(crate) fn map(&self) -> Hyperbolic<f64> {
        Hyperbolic::at_scale(self.scale)
    }

    /// `sqrt(c² + b²)` at the start: the scale that the first steps see.
    fn scale_at_start(&self) -> f64 {
        if self.start == 0.0 { self.scale } else { self.map().norm_of(self.start) }
    }

    /// Square of the distance at which the map bends, in units of the mean square of `z`, counted
    /// from the start.
    fn threshold_squared(&self, w: f64, half_penalty: f64) -> f64 {
        let threshold = Hyperbolic::at_scale(self.scale_at_start()).threshold(half_penalty);
        threshold * threshold / (self.signal() + w)
    }

    /// `E[(b - B)²]`.
    pub(crate) fn error(&self, w: f64, half_penalty: f64) -> f64 {
        let total = self.variance + w;
        if total == 0.0 {
            // A known coefficient, observed exactly: what is missing is what the penalty takes.
            return self.shrinkage(self.mean, half_penalty).powi(2);
        }
        let mut bias_squared = 0.0;
        integrate(self, w, half_penalty, &Rule::FINE, |node| {
            bias_squared += node.mass * node.bias * node.bias;
        });
        self.variance * (w / total) + bias_squared
    }
}

impl ScalarEstimator for Proximal {
    fn signal(&self) -> f64 {
        let distance = self.mean - self.start;
        distance * distance + self.variance
    }

    fn terms(&self, w: f64, half_penalty: f64, form: Form, resolution: Resolution) -> Terms {
        self.terms_over::<Hyperbolic<f64>>(w, half_penalty, form, resolution)
    }

    fn penalties(&self, w: f64) -> [f64; 2] {
        let scale = self.scale_at_start();
        [scale, scale.hypot((self.signal() + w).sqrt())]
    }

    /// A linear response below the threshold, and a full one above.
    fn rough_response(&self, w: f64, half_penalty: f64) -> f64 {
        let beyond = (-0.5 * self.threshold_squared(w, half_penalty)).exp();
        let scale = self.scale_at_start();
        beyond.max(scale / (scale + half_penalty))
    }

    fn responds(&self, w: f64, half_penalty: f64) -> bool {
        self.scale_at_start() > half_penalty
            || self.threshold_squared(w, half_penalty) < 2.0 * std::f64::consts::LN_2
    }

    fn is_same(&self, other: &Self) -> bool {
        self == other
    }

    fn partials(&self, w: f64, half_penalty: f64) -> Partials {
        self.partials_by(w, half_penalty, &Rule::FINE)
    }

    fn mean(&self, w: f64, half_penalty: f64) -> f64 {
        if self.variance + w == 0.0 {
            return self.mean - self.shrinkage(self.mean, half_penalty);
        }
        self.average(w, half_penalty, |_, estimate| estimate)
    }

    fn square_distance(&self, w: f64, half_penalty: f64, line: Line) -> f64 {
        let Line { level, slope } = line;
        if self.variance + w == 0.0 {
            return (self.mean(w, half_penalty) - level).powi(2);
        }
        self.average(w, half_penalty, |x, estimate| (estimate - level - slope * x).powi(2))
    }

    fn observation(&self, half_penalty: f64, estimate: f64) -> f64 {
        self.observation_of(estimate, half_penalty)
    }

    fn divergence(&self, w: f64, half_penalty: f64, stretch: f64) -> Option<Divergence> {
        let own = self.map();
        let stretched = Hyperbolic::at_scale(stretch * self.scale);
        let of_stretched = |estimate| stretched.divergence(estimate, stretch * self.start);
        if self.variance + w == 0.0 {
            let estimate = self.mean(w, half_penalty);
            return Some(Divergence {
                own: own.divergence(estimate, self.start),
                stretched: of_stretched(estimate),
                norm: own.norm_of(estimate),
            });
        }
        let (mut mass, mut sum) = (0.0, Divergence::default());
        // An even function from a start of zero: the one side that is visited stands for both.
        integrate(self, w, half_penalty, &Rule::FINE, |node| {
            mass += node.mass;
            sum.own += node.mass
                * if self.start == 0.0 {
                    node.penalty_from_zero()
                } else {
                    own.divergence(node.estimate, self.start)
                };
            sum.stretched += node.mass * of_stretched(node.estimate);
            sum.norm += node.mass * (node.slope / node.inverse_speed);
        });
        let Divergence { own, stretched, norm } = sum;
        Some(Divergence { own: own / mass, stretched: stretched / mass, norm: norm / mass })
    }
}

impl Proximal {
    /// The [terms](ScalarEstimator::terms) under any mirror map.
    #[inline]
    pub(crate) fn terms_over<M: MirrorMap>(
        &self,
        w: f64,
        half_penalty: f64,
        form: Form,
        resolution: Resolution,
    ) -> Terms {
        let rule = match resolution {
            Resolution::Rough => Rule::ROUGH,
            Resolution::Coarse => Rule::COARSE,
            Resolution::Fine => Rule::FINE,
            #[cfg(test)]
            Resolution::Reference => Rule::REFERENCE,
        };
        match form {
            Form::Direct => {
                let mut moments = DirectMoments::default();
                let nodes = integrate_over::<M>(self, w, half_penalty, &rule, &mut moments);
                moments.terms(self.variance, w, nodes)
            }
            Form::Complementary => {
                let mut moments = ComplementaryMoments::default();
                let nodes = integrate_over::<M>(self, w, half_penalty, &rule, &mut moments);
                moments.terms(self.variance, w, nodes)
            }
        }
    }

    /// Average of a function of the standardized observation and the estimate.
    fn average(&self, w: f64, half_penalty: f64, function: impl Fn(f64, f64) -> f64) -> f64 {
        let spread = (self.variance + w).sqrt();
        let symmetric = self.mean == 0.0 && self.start == 0.0;
        let (mut mass, mut sum) = (0.0, 0.0);
        integrate(self, w, half_penalty, &Rule::FINE, |node| {
            let x = node.deviation / spread;
            let value = function(x, node.estimate);
            // One side stands for both where they are alike.
            let value =
                if symmetric { 0.5 * (value + function(-x, -node.estimate)) } else { value };
            mass += node.mass;
            sum += node.mass * value;
        });
        sum / mass
    }
}

// Derivatives in w move the Gaussian density, by ((z - m)²/S² - 1)/(2S²), and in the error also
// the posterior mean. Derivatives in theta move b, by -((t - t0)/2) db/dz.

/// Sums over nodes for the direct form.
#[derive(Debug, Default)]
struct DirectMoments {
    response: Lanes,
    response_deviation_squared: Lanes,
    response_by_penalty: Lanes,
    bias_squared: Lanes,
    bias_squared_deviation_squared: Lanes,
    bias_deviation: Lanes,
    response_bias_shrinkage: Lanes,
}

impl Visitor for DirectMoments {
    #[inline(always)]
    fn visit(&mut self, node: &Node<Lanes>, _: usize) {
        let bias_squared = node.mass * node.bias * node.bias;
        self.response += node.response;
        self.response_deviation_squared += node.response * node.deviation_squared;
        self.response_by_penalty += node.response_by_penalty;
        self.bias_squared += bias_squared;
        self.bias_squared_deviation_squared += bias_squared * node.deviation_squared;
        self.bias_deviation += node.mass * node.bias * node.deviation;
        self.response_bias_shrinkage += node.response * node.bias * node.shrinkage;
    }
}

impl DirectMoments {
    fn terms(&self, variance: f64, w: f64, nodes: usize) -> Terms {
        let total = variance + w;
        let (signal_share, noise_share) = (variance / total, w / total);
        let error = signal_share * w + self.bias_squared.sum();
        let response = Slopes {
            value: self.response.sum(),
            by_noise: 0.5
                * noise_share
                * (self.response_deviation_squared.sum() - self.response.sum()),
            by_penalty: self.response_by_penalty.sum(),
        };
        let noise = Slopes {
            value: error,
            by_noise: w * signal_share * signal_share
                + 0.5
                    * noise_share
                    * (self.bias_squared_deviation_squared.sum() - self.bias_squared.sum())
                - 2.0 * signal_share * noise_share * self.bias_deviation.sum(),
            by_penalty: 2.0 * self.response_bias_shrinkage.sum(),
        };
        Terms { response, noise, error, nodes }
    }
}

/// Sums over nodes for the complementary form.
#[derive(Debug, Default)]
struct ComplementaryMoments {
    resistance: Lanes,
    resistance_deviation_squared: Lanes,
    response_by_penalty: Lanes,
    shrinkage_squared: Lanes,
    shrinkage_squared_deviation_squared: Lanes,
    response_shrinkage_squared: Lanes,
    bias_squared: Lanes,
}

impl Visitor for ComplementaryMoments {
    #[inline(always)]
    fn visit(&mut self, node: &Node<Lanes>, _: usize) {
        let shrinkage_squared = node.shrinkage * node.shrinkage;
        self.resistance += node.resistance;
        self.resistance_deviation_squared += node.resistance * node.deviation_squared;
        self.response_by_penalty += node.response_by_penalty;
        self.shrinkage_squared += node.mass * shrinkage_squared;
        self.shrinkage_squared_deviation_squared +=
            node.mass * shrinkage_squared * node.deviation_squared;
        self.response_shrinkage_squared += node.response * shrinkage_squared;
        self.bias_squared += node.mass * node.bias * node.bias;
    }
}

impl ComplementaryMoments {
    fn terms(&self, variance: f64, w: f64, nodes: usize) -> Terms {
        let total = variance + w;
        let noise_share = w / total;
        let response = Slopes {
            value: self.resistance.sum(),
            by_noise: 0.5
                * noise_share
                * (self.resistance_deviation_squared.sum() - self.resistance.sum()),
            by_penalty: -self.response_by_penalty.sum(),
        };
        let noise = Slopes {
            value: self.shrinkage_squared.sum(),
            by_noise: 0.5
                * noise_share
                * (self.shrinkage_squared_deviation_squared.sum() - self.shrinkage_squared.sum()),
            by_penalty: 2.0 * self.response_shrinkage_squared.sum(),
        };
        let error = variance * noise_share + self.bias_squared.sum();
        Terms { response, noise, error, nodes }
    }
}
