//! What the fixed point asks of one group of coordinates.

use crate::error::{Error, Result};
use crate::law::Group;

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

/// How a group enters the [equations](crate::equations): as one that responds, or as one that does
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

/// A scalar channel `z = B + s Z` with an estimator `b(z)`, in units of signal and noise.
pub(crate) trait ScalarChannel {
    /// Mean square of what is to be learned, the true coefficient less the start.
    fn signal(&self) -> f64;

    /// Contribution to the equations at noise `w` and `half_penalty = theta/2`.
    fn terms(&self, w: f64, half_penalty: f64, form: Form, resolution: Resolution) -> Terms;

    /// Halves of penalties of which the first leaves nearly all of the response, and the second
    /// little.
    fn penalties(&self, w: f64) -> [f64; 2];

    /// A rough `E[db/dz]`, to start a search from.
    fn rough_response(&self, w: f64, half_penalty: f64) -> f64;

    /// Whether the rough response is above a half.
    fn responds(&self, w: f64, half_penalty: f64) -> bool;
}
