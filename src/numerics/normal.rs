//! The standard normal distribution, to full precision.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// Density at `x`.
pub(crate) fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * PI).sqrt()
}

/// Probability above `x`.
pub(crate) fn upper_tail(x: f64) -> f64 {
    0.5 * libm::erfc(x * FRAC_1_SQRT_2)
}

/// `E[max(Z - x, 0)]`.
pub(crate) fn excess(x: f64) -> f64 {
    (density(x) - x * upper_tail(x)).max(0.0)
}

/// `E[max(Z - x, 0)²]`.
pub(crate) fn square_excess(x: f64) -> f64 {
    ((1.0 + x * x) * upper_tail(x) - x * density(x)).max(0.0)
}
