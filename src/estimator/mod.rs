//! The estimate of one coordinate from one noisy observation, with its moments and derivatives.

#[cfg(feature = "quadrature")]
pub(crate) mod centred;
pub(crate) mod elastic_net;
pub(crate) mod linear;
#[cfg(feature = "quadrature")]
pub(crate) mod proximal;
#[cfg(feature = "quadrature")]
pub(crate) mod proximal_partials;
#[cfg(feature = "quadrature")]
pub(crate) mod quadrature;
pub(crate) mod soft_threshold;
pub(crate) mod weighted;

use crate::error::{Error, Result};
use crate::problem::law::CoordinateGroup;

/// The square of the largest power of two that is not above the root of a mean square. Dividing by
/// such a unit is exact: a start that is close to an atom stays as close, to the last digit.
pub(crate) fn exact_unit_squared(mean_square: f64) -> f64 {
    if mean_square == 0.0 {
        return 0.0;
    }
    2.0_f64.powf(2.0 * (0.5 * mean_square.log2()).floor())
}

/// The root of `unit_squared`, with the sign of the mean of a group, counted from its centre.
pub(crate) fn signed_unit(group: &CoordinateGroup, unit_squared: f64) -> f64 {
    let unit = unit_squared.sqrt();
    if group.mean_from_centre() < 0.0 { -unit } else { unit }
}

/// Mean (its magnitude, counted from the centre) and variance of a group's prior, in units of the root of `unit_squared`. Only
/// a group of weight zero can be too large for them.
pub(crate) fn prior_in_units(group: &CoordinateGroup, unit_squared: f64) -> Result<(f64, f64)> {
    let mean = group.mean_from_centre().abs() / unit_squared.sqrt();
    let variance = group.prior().variance() / unit_squared;
    if mean > 1e150 || variance > 1e300 {
        let error = Error::NotRepresentable {
            quantity: "the prior of a group of weight zero",
            reason: "it is too large in units of signal and noise",
        };
        return Err(error.in_group(group.label()));
    }
    Ok((mean, variance))
}

/// How a group enters the [equations](crate::asymptotics::equations). Direct sums the response of a
/// group. Complementary sums what it lacks to a full response, and is used when the response exceeds
/// about one half.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Form {
    Direct,
    Complementary,
}

/// How finely to evaluate, where that is a choice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Resolution {
    /// To follow a search from afar.
    Rough,
    /// To come as close as one fine step needs.
    Coarse,
    Fine,
    /// A resolution to judge the others by.
    #[cfg(all(test, feature = "quadrature"))]
    Reference,
}

/// A quantity with its derivatives in the logarithms of the noise `w = s²` and of the penalty theta.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Slopes {
    pub(crate) value: f64,
    pub(crate) by_noise: f64,
    pub(crate) by_penalty: f64,
}

impl Slopes {
    pub(crate) fn add(&mut self, weight: f64, other: Self) {
        self.value += weight * other.value;
        self.by_noise += weight * other.by_noise;
        self.by_penalty += weight * other.by_penalty;
    }
}

/// The contribution of one group to the equations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// `E[db/dz]`; in the complementary form `E[1 - db/dz]`.
    pub(crate) response: Slopes,
    /// `E[(b - B)²]`; in the complementary form `E[(z - b)²]`.
    pub(crate) noise: Slopes,
    /// `E[(b - B)²]`.
    pub(crate) error: f64,
    /// Evaluations of an integrand.
    pub(crate) nodes: usize,
}

impl Terms {
    /// `E[(b - B)²]` with its derivatives, at the noise `w`.
    pub(crate) fn error(&self, form: Form, w: f64) -> Slopes {
        let Self { response, noise, error, .. } = *self;
        match form {
            Form::Direct => Slopes { value: error, ..noise },
            // Stein's identity, E[(b - B)²] = E[(z - b)²] + w (1 - 2 E[1 - db/dz]).
            Form::Complementary => Slopes {
                value: error,
                by_noise: noise.by_noise + w * (1.0 - 2.0 * (response.value + response.by_noise)),
                by_penalty: noise.by_penalty - 2.0 * w * response.by_penalty,
            },
        }
    }
}

/// A line `level + slope x` that an estimate is compared with, in the standardized observation
/// `x = (z - E[z])/S`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) level: f64,
    pub(crate) slope: f64,
}

/// A scalar channel `z = B + s Z`, `B ~ N(m, v)`, with an estimator `b(z)` that rises with `z`.
///
/// Quantities are in a unit that the caller chooses, with the sign in which `m` is not negative
/// ([`signed_unit`]), counted from the centre of a penalty that has one. The state is the noise `w = s²` and `half_penalty = theta/2`.
pub(crate) trait ScalarEstimator: std::fmt::Debug {
    /// Mean square of the true coefficient less the start.
    fn signal(&self) -> f64;

    /// Contribution to the equations.
    fn terms(&self, w: f64, half_penalty: f64, form: Form, resolution: Resolution) -> Terms;

    /// Halves of penalties of which the first leaves nearly all of the response, and the second
    /// little.
    fn penalties(&self, w: f64) -> [f64; 2];

    /// A rough `E[db/dz]`, to start a search from.
    fn rough_response(&self, w: f64, half_penalty: f64) -> f64;

    /// Whether the rough response is above a half.
    fn responds(&self, w: f64, half_penalty: f64) -> bool;

    /// Whether the other is known to be the same in all that the state does to it, so that one
    /// evaluation stands for both.
    fn is_same(&self, _other: &Self) -> bool
    where
        Self: Sized,
    {
        false
    }

    /// Response and noise with their derivatives in state and parameters.
    fn partials(&self, w: f64, half_penalty: f64) -> Partials;

    /// `E[b]`.
    fn mean(&self, w: f64, half_penalty: f64) -> f64;

    /// `E[(b - line)²]`.
    fn square_distance(&self, w: f64, half_penalty: f64, line: Line) -> f64;

    /// The observation at which the estimate is `estimate`, or leaves it away from zero where many
    /// are mapped to it; infinite where none is.
    fn observation(&self, half_penalty: f64, estimate: f64) -> f64;

    /// How far training moves the coefficient, where the penalty has a scale; see [`Divergence`].
    fn divergence(&self, _w: f64, _half_penalty: f64, _stretch: f64) -> Option<Divergence> {
        None
    }
}

/// How far training moves a coefficient, by the penalty `q` at scale `c` with the start `b0`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Divergence {
    /// `E[D_q(b, b0)]`, the Bregman divergence of the penalty.
    pub(crate) own: f64,
    /// The same where scale and start are `stretch` times as large.
    pub(crate) stretched: f64,
    /// `E[sqrt(c² + b²)]`, or a bound above it.
    pub(crate) norm: f64,
}

impl ScalarEstimator for Box<dyn ScalarEstimator> {
    fn signal(&self) -> f64 {
        (**self).signal()
    }

    fn terms(&self, w: f64, half_penalty: f64, form: Form, resolution: Resolution) -> Terms {
        (**self).terms(w, half_penalty, form, resolution)
    }

    fn penalties(&self, w: f64) -> [f64; 2] {
        (**self).penalties(w)
    }

    fn rough_response(&self, w: f64, half_penalty: f64) -> f64 {
        (**self).rough_response(w, half_penalty)
    }

    fn responds(&self, w: f64, half_penalty: f64) -> bool {
        (**self).responds(w, half_penalty)
    }

    fn partials(&self, w: f64, half_penalty: f64) -> Partials {
        (**self).partials(w, half_penalty)
    }

    fn mean(&self, w: f64, half_penalty: f64) -> f64 {
        (**self).mean(w, half_penalty)
    }

    fn square_distance(&self, w: f64, half_penalty: f64, line: Line) -> f64 {
        (**self).square_distance(w, half_penalty, line)
    }

    fn observation(&self, half_penalty: f64, estimate: f64) -> f64 {
        (**self).observation(half_penalty, estimate)
    }

    fn divergence(&self, w: f64, half_penalty: f64, stretch: f64) -> Option<Divergence> {
        (**self).divergence(w, half_penalty, stretch)
    }
}

/// A derivative of the response and of the noise of a group, in the [form](Form) of its
/// [`Partials`].
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pair {
    pub(crate) response: f64,
    pub(crate) noise: f64,
}

impl Pair {
    pub(crate) fn scaled(self, factor: f64) -> Self {
        Self { response: factor * self.response, noise: factor * self.noise }
    }
}

/// Response and noise of a group, with their derivatives in all that they depend on, in units of
/// signal and noise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Partials {
    pub(crate) form: Form,
    pub(crate) value: Pair,
    /// In the logarithm of the noise `w = s²`.
    pub(crate) by_noise: Pair,
    /// In the logarithm of the penalty theta.
    pub(crate) by_penalty: Pair,
    pub(crate) by_mean: Pair,
    pub(crate) by_variance: Pair,
    pub(crate) by_log_scale: Pair,
    pub(crate) by_start: Pair,
    /// Evaluations of an integrand.
    pub(crate) nodes: usize,
}

impl Partials {
    /// Those of a group that cannot move.
    pub(crate) fn frozen(group: &CoordinateGroup, unit_squared: f64) -> Self {
        let pair = |noise| Pair { response: 0.0, noise };
        Self {
            form: Form::Direct,
            value: pair(group.signal() / unit_squared),
            by_noise: Pair::default(),
            by_penalty: Pair::default(),
            by_mean: pair(2.0 * group.prior().mean() / unit_squared.sqrt()),
            by_variance: pair(1.0),
            by_log_scale: Pair::default(),
            by_start: Pair::default(),
            nodes: 0,
        }
    }

    /// The contribution to the equations.
    pub(crate) fn terms(&self, w: f64) -> Terms {
        let slopes = |part: fn(&Pair) -> f64| Slopes {
            value: part(&self.value),
            by_noise: part(&self.by_noise),
            by_penalty: part(&self.by_penalty),
        };
        Terms {
            response: slopes(|pair| pair.response),
            noise: slopes(|pair| pair.noise),
            error: self.totals(w)[3],
            nodes: self.nodes,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.form == Form::Complementary
    }

    /// `E[1 - db/dz]` and `E[db/dz]`, and `E[(b - B)²]` less `w` and itself.
    pub(crate) fn totals(&self, w: f64) -> [f64; 4] {
        let Pair { response, .. } = self.value;
        let error = self.error_by(self.value, w);
        if self.is_full() {
            [response, 1.0 - response, error, error + w]
        } else {
            [1.0 - response, response, error - w, error]
        }
    }

    /// Derivative of `E[(b - B)²]` that belongs to that of response and noise.
    pub(crate) fn error_by(&self, derivative: Pair, w: f64) -> f64 {
        // Stein's identity, E[(b - B)²] = E[(z - b)²] + w (1 - 2 E[1 - db/dz]).
        if self.is_full() {
            derivative.noise - 2.0 * w * derivative.response
        } else {
            derivative.noise
        }
    }

    /// Derivatives of `E[(b - B)²]` in the logarithms of noise and penalty.
    pub(crate) fn error_by_state(&self, w: f64) -> [f64; 2] {
        let explicit = if self.is_full() { w * (1.0 - 2.0 * self.value.response) } else { 0.0 };
        [self.error_by(self.by_noise, w) + explicit, self.error_by(self.by_penalty, w)]
    }
}
