//! The exponential of the Gaussian density, for inner loops: without a call, a branch or a table.

/// `1/ln 2`.
const INVERSE_LN_2: f64 = std::f64::consts::LOG2_E;

/// `ln 2` in two parts, of which the first times an integer below 2048 is exact.
const LN_2: [f64; 2] = [f64::from_bits(0x3fe6_2e42_fee0_0000), 1.908_214_929_270_587_7e-10];

/// Adding it rounds to an integer, which is then in the lowest bits.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// `exp(x)` for `x <= 0`, to 2 units in the last place where it is a normal float, and down to the
/// smallest floats; 0 below.
///
/// With `x = k ln 2 + r` and `|r| <= ln(2)/2` it is `2^k` times the Taylor polynomial of degree 13, summed
/// by Estrin's scheme. No instruction depends on the machine, and so does no digit.
#[inline(always)]
pub(crate) fn exp_of_negative(x: f64) -> f64 {
    /// What is below is 0.
    const LOWEST: f64 = -746.0;
    let x = if x < LOWEST { LOWEST } else { x };
    let shifted = x * INVERSE_LN_2 + ROUNDER;
    let k = shifted - ROUNDER;
    let r = (x - k * LN_2[0]) - k * LN_2[1];
    let r2 = r * r;
    let r4 = r2 * r2;
    let low = (1.0 + r) + r2 * (1.0 / 2.0 + r * (1.0 / 6.0));
    let middle = (1.0 / 24.0 + r * (1.0 / 120.0)) + r2 * (1.0 / 720.0 + r * (1.0 / 5040.0));
    let high = (1.0 / 40_320.0 + r * (1.0 / 362_880.0))
        + r2 * (1.0 / 3_628_800.0 + r * (1.0 / 39_916_800.0));
    let top = 1.0 / 479_001_600.0 + r * (1.0 / 6_227_020_800.0);
    let polynomial = low + r4 * (middle + r4 * (high + r4 * top));
    // Two powers of two, neither of which is below the normal floats.
    let exponent = shifted.to_bits().wrapping_sub(ROUNDER.to_bits()) as i64;
    let half = exponent >> 1;
    let power = |k: i64| f64::from_bits(((k + 1023) as u64) << 52);
    polynomial * power(half) * power(exponent - half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_good_to_two_units_in_the_last_place() {
        let mut worst = 0.0_f64;
        for i in 0..1_000_000 {
            let x = -708.0 * (f64::from(i) / 1e6).powi(3) - 1e-9 * f64::from(i % 7);
            let exact = libm::exp(x);
            worst = worst.max((exp_of_negative(x) - exact).abs() / (exact.next_up() - exact));
        }
        println!("worst error in units in the last place: {worst}");
        assert!(worst <= 2.0, "{worst}");
    }

    #[test]
    fn the_exponential_ends_in_zero() {
        assert_eq!(exp_of_negative(0.0), 1.0);
        assert_eq!(exp_of_negative(-0.0), 1.0);
        for x in [-709.0, -722.0, -740.0, -744.0] {
            let exact = libm::exp(x);
            assert!(
                (exp_of_negative(x) - exact).abs() <= 2.0 * 5e-324_f64.max(3e-16 * exact),
                "{x}"
            );
        }
        for x in [-746.0, -1e3, -1e300, f64::NEG_INFINITY] {
            assert_eq!(exp_of_negative(x), 0.0);
        }
        assert!(exp_of_negative(f64::NAN).is_nan());
    }
}
