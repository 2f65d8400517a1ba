//! The two equations of the fixed point, with their derivatives.
//!
//! Everything here is in units of the root mean square of signal and noise, and the unknowns are
//! the logarithms of `w = s²` and `theta`. With `A = E[db/dz]` and `E = E[(b - B)²]` the equations are
//!
//! ```text
//! A + kappa/theta = alpha,      sigma² + E = alpha w
//! ```
//!
//! Close to the reachable fraction `r` both sides of these are nearly equal for any state. Stein's
//! identity, `E = E[(z - b)²] + w (2A - r) + F`, turns them into equations between small quantities:
//!
//! ```text
//! E[1 - db/dz] = r - alpha + kappa/theta,      sigma² + F + E[(z - b)²] = w (r - alpha + 2 kappa/theta)
//! ```
//!
//! with expectations over the coordinates that can move, and `F` the mean square on frozen ones. The
//! first form is well conditioned for small alpha, the second for alpha near `r`.

use crate::error::{Error, Result};
use crate::law::{Group, Law};
use crate::penalty::proximal_parameter;
use crate::quadrature::{Channel, Rule, integrate};
use crate::task::Samples;

/// Which of the two forms of the equations is used.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Direct,
    Complementary,
}

/// A group of coordinates that can move and has weight.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    /// Position in the law.
    pub(crate) index: usize,
    pub(crate) weight: f64,
    pub(crate) channel: Channel,
}

/// The equations of one problem.
#[derive(Debug, Clone)]
pub(crate) struct Equations {
    pub(crate) parts: Vec<Part>,
    /// Mean square of signal and noise, in the caller's units.
    pub(crate) unit_squared: f64,
    pub(crate) sample_ratio: f64,
    pub(crate) noise_variance: f64,
    pub(crate) explicit_penalty: f64,
    frozen_signal: f64,
    reachable: f64,
    form: Form,
}

/// The equations at one point `[log w, log theta]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evaluation {
    /// Logarithms of the ratio of the sides: the first falls with theta, the second with `w` where
    /// the first is zero.
    pub(crate) residuals: [f64; 2],
    /// Their derivatives: `jacobian[i][j]` of residual i in unknown j.
    pub(crate) jacobian: [[f64; 2]; 2],
    /// Their derivatives in the logarithm of the sample ratio.
    pub(crate) by_sample_ratio: [f64; 2],
    pub(crate) nodes: usize,
}

impl Equations {
    /// The equations of a problem whose coordinates can move in part and whose signal or noise is
    /// not zero.
    pub(crate) fn new(law: &Law, samples: &Samples, explicit_penalty: f64) -> Result<Self> {
        let unit_squared = law.mean_square() + samples.noise_variance();
        let unit = unit_squared.sqrt();
        let mut parts = Vec::with_capacity(law.groups().len());
        let mut frozen_signal = 0.0;
        for (index, group) in law.groups().iter().enumerate() {
            if group.scale() == 0.0 {
                frozen_signal += group.weight() * group.prior().mean_square() / unit_squared;
            } else if group.weight() > 0.0 {
                parts.push(Part {
                    index,
                    weight: group.weight(),
                    channel: channel(group, unit_squared)?,
                });
            }
        }
        let reachable = law.reachable_fraction();
        Ok(Self {
            parts,
            unit_squared,
            sample_ratio: samples.sample_ratio(),
            noise_variance: samples.noise_variance() / unit_squared,
            explicit_penalty: explicit_penalty / unit,
            frozen_signal,
            reachable,
            form: if samples.sample_ratio() > 0.5 * reachable {
                Form::Complementary
            } else {
                Form::Direct
            },
        })
    }

    /// Evaluates residuals and derivatives, and the error of each part into `errors`.
    pub(crate) fn evaluate(
        &self,
        [log_noise, log_penalty]: [f64; 2],
        rule: &Rule,
        errors: &mut [f64],
    ) -> Evaluation {
        let w = log_noise.exp();
        let half_penalty = 0.5 * log_penalty.exp();
        let mut sum = Sums::default();
        let mut nodes = 0;
        for (part, error) in self.parts.iter().zip(errors) {
            let total = part.channel.variance + w;
            let channel = ChannelState {
                weight: part.weight,
                w,
                signal_share: part.channel.variance / total,
                noise_share: w / total,
            };
            nodes += match self.form {
                Form::Direct => {
                    let mut m = DirectMoments::default();
                    let nodes = integrate(&part.channel, w, half_penalty, rule, |node| m.add(node));
                    *error = m.close(&channel, &mut sum);
                    nodes
                }
                Form::Complementary => {
                    let mut m = ComplementaryMoments::default();
                    let nodes = integrate(&part.channel, w, half_penalty, rule, |node| m.add(node));
                    *error = m.close(&channel, &mut sum);
                    nodes
                }
            };
        }
        let pull = self.explicit_penalty / (2.0 * half_penalty);
        let alpha = self.sample_ratio;
        let (residuals, jacobian, by_sample_ratio) = match self.form {
            Form::Direct => {
                let response = sum.response + pull;
                let noise = self.noise_variance + self.frozen_signal + sum.error;
                (
                    [(response / alpha).ln(), (noise / (alpha * w)).ln()],
                    [
                        [
                            sum.response_by_noise / response,
                            (sum.response_by_penalty - pull) / response,
                        ],
                        [sum.error_by_noise / noise - 1.0, sum.error_by_penalty / noise],
                    ],
                    [-1.0, -1.0],
                )
            }
            Form::Complementary => {
                let resistance = -sum.response;
                let (by_noise, by_penalty) = (-sum.response_by_noise, -sum.response_by_penalty);
                let noise = self.noise_variance + self.frozen_signal + sum.error;
                let (noise_by_noise, noise_by_penalty) =
                    (sum.error_by_noise / noise - 1.0, sum.error_by_penalty / noise);
                let gap = self.reachable - alpha;
                if gap >= 0.0 {
                    let (once, twice) = (gap + pull, gap + 2.0 * pull);
                    (
                        [(once / resistance).ln(), (noise / (w * twice)).ln()],
                        [
                            [-by_noise / resistance, -by_penalty / resistance - pull / once],
                            [noise_by_noise, noise_by_penalty + 2.0 * pull / twice],
                        ],
                        [-alpha / once, alpha / twice],
                    )
                } else {
                    // The same equations, with the negative gap on the other side.
                    let (once, twice) = (resistance - gap, 2.0 * resistance - gap);
                    (
                        [(pull / once).ln(), (noise / (w * twice)).ln()],
                        [
                            [-by_noise / once, -by_penalty / once - 1.0],
                            [
                                noise_by_noise - 2.0 * by_noise / twice,
                                noise_by_penalty - 2.0 * by_penalty / twice,
                            ],
                        ],
                        [-alpha / once, -alpha / twice],
                    )
                }
            }
        };
        Evaluation { residuals, jacobian, by_sample_ratio, nodes }
    }

    /// A start for the search: every coordinate responds linearly below its threshold, and fully
    /// above.
    pub(crate) fn guess(&self) -> [f64; 2] {
        let signal: f64 =
            self.parts.iter().map(|part| part.weight * part.channel.mean_square()).sum();
        let unresolved = (1.0 - self.sample_ratio / self.reachable).max(0.05);
        let w =
            (self.noise_variance + self.frozen_signal + unresolved * signal) / self.sample_ratio;
        // Between a penalty that no coordinate feels and one under which none responds enough.
        let largest = self
            .parts
            .iter()
            .map(|part| part.channel.scale.hypot((part.channel.mean_square() + w).sqrt()))
            .fold(0.0, f64::max);
        let strongest = (largest * self.reachable + self.explicit_penalty) / self.sample_ratio;
        let smallest =
            self.parts.iter().map(|part| part.channel.scale).fold(f64::INFINITY, f64::min);
        let weakest = smallest.min(largest) * (self.reachable / self.sample_ratio - 1.0).max(1e-3);
        let (mut low, mut high) = (weakest.max(1e-290).ln(), strongest.ln());
        while high - low > 0.5 {
            let middle = 0.5 * (low + high);
            let h = middle.exp();
            let mut response = 0.5 * self.explicit_penalty / h;
            for Part { weight, channel, .. } in &self.parts {
                let threshold = h * (2.0 * h / channel.scale).ln_1p();
                let beyond = (-0.5 * threshold * threshold / (channel.mean_square() + w)).exp();
                response += weight * beyond.max(channel.scale / (channel.scale + h));
            }
            *(if response > self.sample_ratio { &mut low } else { &mut high }) = middle;
        }
        [w.ln(), 0.5 * (low + high) + std::f64::consts::LN_2]
    }
}

/// The channel of a group in units of the root of `unit_squared`.
pub(crate) fn channel(group: &Group, unit_squared: f64) -> Result<Channel> {
    let unit = unit_squared.sqrt();
    let scale = group.scale() / unit;
    if !(1e-303..=1e303).contains(&scale) {
        return Err(Error::NotRepresentable {
            quantity: "a scale in units of signal and noise",
            reason: "their ratio is not within 1e-303 and 1e303",
        });
    }
    Ok(Channel {
        mean: group.prior().mean().abs() / unit,
        variance: group.prior().variance() / unit_squared,
        scale,
    })
}

/// Error `E[(b - B)²]` of a channel.
pub(crate) fn channel_error(channel: &Channel, w: f64, half_penalty: f64, rule: &Rule) -> f64 {
    let total = channel.variance + w;
    if total == 0.0 {
        // A known coefficient, observed exactly: what is missing is what the penalty takes.
        let shrinkage =
            half_penalty * proximal_parameter(channel.mean, half_penalty, channel.scale);
        return shrinkage * shrinkage;
    }
    let mut bias_squared = 0.0;
    integrate(channel, w, half_penalty, rule, |node| {
        bias_squared += node.mass * node.bias * node.bias;
    });
    channel.variance * (w / total) + bias_squared
}

/// What the moments of one channel are weighted with.
struct ChannelState {
    weight: f64,
    w: f64,
    signal_share: f64,
    noise_share: f64,
}

/// Expectations over all parts that enter the equations. In the complementary form `response` is
/// `-E[1 - db/dz]` and `error` is `E[(z - b)²]`.
#[derive(Debug, Default)]
struct Sums {
    response: f64,
    response_by_noise: f64,
    response_by_penalty: f64,
    error: f64,
    error_by_noise: f64,
    error_by_penalty: f64,
}

// Derivatives in w move the Gaussian density, by ((z - m)²/S² - 1)/(2S²), and in the error also
// the posterior mean. Derivatives in theta move b, by -(t/2) db/dz.

/// Sums over nodes for the direct form.
#[derive(Debug, Default)]
struct DirectMoments {
    response: f64,
    response_deviation_squared: f64,
    response_by_penalty: f64,
    bias_squared: f64,
    bias_squared_deviation_squared: f64,
    bias_deviation: f64,
    response_bias_shrinkage: f64,
}

impl DirectMoments {
    #[inline(always)]
    fn add(&mut self, node: crate::quadrature::Node) {
        let bias_squared = node.mass * node.bias * node.bias;
        self.response += node.response;
        self.response_deviation_squared += node.response * node.deviation_squared;
        self.response_by_penalty += node.response_by_penalty;
        self.bias_squared += bias_squared;
        self.bias_squared_deviation_squared += bias_squared * node.deviation_squared;
        self.bias_deviation += node.mass * node.bias * node.deviation;
        self.response_bias_shrinkage += node.response * node.bias * node.shrinkage;
    }

    /// Adds the channel to the sums and returns its error.
    fn close(&self, channel: &ChannelState, sum: &mut Sums) -> f64 {
        let &ChannelState { weight, w, signal_share, noise_share } = channel;
        let error = signal_share * w + self.bias_squared;
        sum.response += weight * self.response;
        sum.response_by_noise +=
            weight * 0.5 * noise_share * (self.response_deviation_squared - self.response);
        sum.response_by_penalty += weight * self.response_by_penalty;
        sum.error += weight * error;
        sum.error_by_noise += weight
            * (w * signal_share * signal_share
                + 0.5 * noise_share * (self.bias_squared_deviation_squared - self.bias_squared)
                - 2.0 * signal_share * noise_share * self.bias_deviation);
        sum.error_by_penalty += weight * 2.0 * self.response_bias_shrinkage;
        error
    }
}

/// Sums over nodes for the complementary form.
#[derive(Debug, Default)]
struct ComplementaryMoments {
    resistance: f64,
    resistance_deviation_squared: f64,
    response_by_penalty: f64,
    shrinkage_squared: f64,
    shrinkage_squared_deviation_squared: f64,
    response_shrinkage_squared: f64,
    bias_squared: f64,
}

impl ComplementaryMoments {
    #[inline(always)]
    fn add(&mut self, node: crate::quadrature::Node) {
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

    /// Adds the channel to the sums and returns its error.
    fn close(&self, channel: &ChannelState, sum: &mut Sums) -> f64 {
        let &ChannelState { weight, w, signal_share, noise_share } = channel;
        sum.response -= weight * self.resistance;
        sum.response_by_noise -=
            weight * 0.5 * noise_share * (self.resistance_deviation_squared - self.resistance);
        sum.response_by_penalty += weight * self.response_by_penalty;
        sum.error += weight * self.shrinkage_squared;
        sum.error_by_noise += weight
            * 0.5
            * noise_share
            * (self.shrinkage_squared_deviation_squared - self.shrinkage_squared);
        sum.error_by_penalty += weight * 2.0 * self.response_shrinkage_squared;
        signal_share * w + self.bias_squared
    }
}
