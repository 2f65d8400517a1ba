//! What the theory asks of the estimate of one group of coordinates.

use crate::error::{Error, Result};
use crate::estimator::partials::Partials;
use crate::problem::law::Group;

/// The square of the largest power of two that is not above the root of a mean square. Dividing by
/// such a unit is exact: a start that is close to an atom stays as close, to the last digit.
pub(crate) fn exact_unit_squared(mean_square: f64) -> f64 {
    if mean_square == 0.0 {
        return 0.0;
    }
    2.0_f64.powf(2.0 * (0.5 * mean_square.log2()).floor())
}

/// The root of `unit_squared`, with the sign of the mean of a group.
pub(crate) fn signed_unit(group: &Group, unit_squared: f64) -> f64 {
    let unit = unit_squared.sqrt();
    if group.prior().mean() < 0.0 { -unit } else { unit }
}

/// Mean (its magnitude) and variance of a group's prior, in units of the root of `unit_squared`. Only
/// a group of weight zero can be too large for them.
pub(crate) fn prior_in_units(group: &Group, unit_squared: f64) -> Result<(f64, f64)> {
    let mean = group.prior().mean().abs() / unit_squared.sqrt();
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

/// How a group enters the [equations](crate::asymptotics::equations): as one that responds, or as one that does
/// not respond fully.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Form {
    Direct,
    Complementary,
}

/// How finely to evaluate, where that is a choice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Resolution {
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
/// ([`signed_unit`]). The state is the noise `w = s²` and `half_penalty = theta/2`.
pub(crate) trait ScalarChannel: std::fmt::Debug {
    /// Mean square of what is to be learned, the true coefficient less the start.
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

    /// Response and noise with their derivatives in state and parameters.
    fn partials(&self, w: f64, half_penalty: f64) -> Partials;

    /// `E[b]`.
    fn mean(&self, w: f64, half_penalty: f64) -> f64;

    /// `E[(b - line)²]`.
    fn square_distance(&self, w: f64, half_penalty: f64, line: Line) -> f64;

    /// The observation at which the estimate is `estimate`, or leaves it away from zero where many
    /// are mapped to it; infinite where none is.
    fn observation(&self, half_penalty: f64, estimate: f64) -> f64;
}
