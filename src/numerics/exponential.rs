//! The exponential of the Gaussian density, for inner loops: without a call, a branch or a table.

use crate::numerics::lanes::LANES;

/// `1/ln 2`.
const INVERSE_LN_2: f64 = std::f64::consts::LOG2_E;

/// `ln 2` in two parts, of which the first times an integer below 2048 is exact.
const LN_2: [f64; 2] = [f64::from_bits(0x3fe6_2e42_fee0_0000), 1.908_214_929_270_587_7e-10];

/// Adding it rounds to an integer, which is then in the lowest bits.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// `exp(x)` for every `x <= 0`, to 2 units in the last place where it is a normal float, and down to the
/// smallest floats; 0 below.
///
/// With `x = k ln 2 + r` and `|r| <= ln(2)/2` it is `2^k` times the Taylor polynomial of degree 13, summed
/// by Estrin's scheme. No instruction depends on the machine, and so does no digit.
#[inline(always)]
pub(crate) fn exp_of_negative(x: [f64; LANES]) -> [f64; LANES] {
    /// What is below is 0.
    const LOWEST: f64 = -746.0;
    let each = |f: &dyn Fn(usize) -> f64| -> [f64; LANES] { [f(0), f(1), f(2), f(3)] };
    let x = each(&|i| if x[i] < LOWEST { LOWEST } else { x[i] });
    let k = each(&|i| (x[i] * INVERSE_LN_2 + ROUNDER) - ROUNDER);
    let r = each(&|i| (x[i] - k[i] * LN_2[0]) - k[i] * LN_2[1]);
    let r2 = each(&|i| r[i] * r[i]);
    let r4 = each(&|i| r2[i] * r2[i]);
    let pair = |a: f64, b: f64| each(&|i| a + r[i] * b);
    let quad = |a: f64, b: f64, c: f64, d: f64| {
        let (low, high) = (pair(a, b), pair(c, d));
        each(&|i| low[i] + r2[i] * high[i])
    };
    let low = quad(1.0, 1.0, 1.0 / 2.0, 1.0 / 6.0);
    let middle = quad(1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0);
    let high = quad(1.0 / 40_320.0, 1.0 / 362_880.0, 1.0 / 3_628_800.0, 1.0 / 39_916_800.0);
    let top = pair(1.0 / 479_001_600.0, 1.0 / 6_227_020_800.0);
    let upper = each(&|i| high[i] + r4[i] * top[i]);
    let upper = each(&|i| middle[i] + r4[i] * upper[i]);
    let polynomial = each(&|i| low[i] + r4[i] * upper[i]);
    // Two powers of two, neither of which is below the normal floats.
    let half = each(&|i| (0.5 * k[i] + ROUNDER) - ROUNDER);
    let rest = each(&|i| k[i] - half[i]);
    let power = |k: [f64; LANES]| {
        each(&|i| f64::from_bits((k[i] + ROUNDER).to_bits().wrapping_add(1023) << 52))
    };
    let (first, second) = (power(half), power(rest));
    each(&|i| polynomial[i] * first[i] * second[i])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exp(x: f64) -> f64 {
        let lanes = exp_of_negative([-1.0, x, -800.0, 0.5 * x]);
        assert_eq!(lanes[3].to_bits(), exp_of_negative([0.5 * x; LANES])[0].to_bits());
        lanes[1]
    }

    #[test]
    fn the_exponential_is_good_to_two_units_in_the_last_place() {
        let mut worst = 0.0_f64;
        for i in 0..1_000_000 {
            let x = -708.0 * (f64::from(i) / 1e6).powi(3) - 1e-9 * f64::from(i % 7);
            let exact = libm::exp(x);
            worst = worst.max((exp(x) - exact).abs() / (exact.next_up() - exact));
        }
        println!("worst error in units in the last place: {worst}");
        assert!(worst <= 2.0, "{worst}");
    }

    #[test]
    fn the_exponential_ends_in_zero() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-0.0), 1.0);
        for x in [-709.0, -722.0, -740.0, -744.0] {
            let exact = libm::exp(x);
            assert!((exp(x) - exact).abs() <= 2.0 * 5e-324_f64.max(3e-16 * exact), "{x}");
        }
        for x in [-746.0, -1e3, -1e300, f64::NEG_INFINITY] {
            assert_eq!(exp(x), 0.0);
        }
        assert!(exp(f64::NAN).is_nan());
    }
}
