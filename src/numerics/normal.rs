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

/// `E[max(Z - x, 0)]`, to a relative error of `EPSILON (64 + x²)`.
pub(crate) fn excess(x: f64) -> f64 {
    if x < FAR { density(x) - x * upper_tail(x) } else { upper_tail(x) * ratios(x)[0] }
}

/// `E[max(Z - x, 0)²]`, to the same relative error.
pub(crate) fn square_excess(x: f64) -> f64 {
    if x < FAR {
        (1.0 + x * x) * upper_tail(x) - x * density(x)
    } else {
        let [first, second] = ratios(x);
        2.0 * upper_tail(x) * first * second
    }
}

/// Logarithm of the [`excess`], also where that underflows.
pub(crate) fn log_excess(x: f64) -> f64 {
    if x < 30.0 {
        return excess(x).ln();
    }
    // Of the upper tail, density over x + I_1/I_0; its logarithm and that of the ratio.
    let first = ratios(x)[0];
    -0.5 * x * x - 0.5 * (2.0 * PI).ln() - (x + first).ln() + first.ln()
}

/// Minus the derivative of the logarithm of the [`excess`] in that of `x`: `x I_0/I_1`.
pub(crate) fn elasticity(x: f64) -> f64 {
    if x < FAR { x * upper_tail(x) / excess(x) } else { x / ratios(x)[0] }
}

/// Where the closed forms of the excesses start to cancel: they lose a digit here, and `x⁴` further
/// on.
const FAR: f64 = 2.0;

/// `I_1/I_0` and `I_2/I_1`, where `I_0` is the upper tail and `I_n` the integral of `I_(n-1)` from `x`
/// on.
///
/// `I_n/I_(n-1) = 1/(x + (n + 1) I_(n+1)/I_n)`, of positive terms, is followed down from an order so
/// high that how it starts there is lost to rounding.
fn ratios(x: f64) -> [f64; 2] {
    let orders = 15 + (300.0 / (x * x)) as u32;
    let mut second = 2.0 / (x + (x * x + 4.0 * f64::from(orders)).sqrt());
    for order in (3..=orders).rev() {
        second = 1.0 / (x + f64::from(order) * second);
    }
    [1.0 / (x + 2.0 * second), second]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excesses_keep_their_digits_in_the_tail() {
        // With 60 digits in between.
        for (x, first, second) in [
            (-3.0, 3.000_382_154_317_047_7, 9.999_796_564_919_514),
            (0.0, 0.398_942_280_401_432_7, 0.5),
            (1.5, 0.029_306_793_762_604_63, 0.022_847_010_624_951_123),
            (1.999, 0.008_513_479_762_264_81, 0.005_785_730_887_891_528),
            (2.0, 0.008_490_702_616_829_637, 0.005_768_726_714_519_932),
            (2.5, 0.002_004_137_179_128_199_3, 0.001_199_322_377_955_636_5),
            (4.0, 7.145_258_432_405_667e-6, 3.090_208_103_497_254e-6),
            (10.0, 7.474_560_254_589_328e-25, 1.452_927_695_711_980_4e-25),
            (28.5, 2.050_107_795_273_719_4e-180, 1.433_403_727_623_742_5e-181),
            (37.0, 1.545_199_190_512_202_4e-301, 8.334_217_629_427_724e-303),
        ] {
            // The closed forms cancel a digit, and the exponent of the density is rounded.
            let budget = f64::EPSILON * (64.0 + x * x);
            assert!((excess(x) / first - 1.0).abs() < budget, "{x}: {:e}", excess(x));
            assert!(
                (square_excess(x) / second - 1.0).abs() < budget,
                "{x}: {:e}",
                square_excess(x)
            );
        }
    }
}
