//! The exponential of the Gaussian density, for inner loops: without a call, a branch or a table.

use crate::numerics::lanes::{Lanes, Machine};

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
/// by Estrin's scheme. No operation depends on the machine, and so does no digit.
#[inline(always)]
pub(crate) fn exp_of_negative<M: Machine>(x: Lanes<M>) -> Lanes<M> {
    /// What is below is 0.
    const LOWEST: f64 = -746.0;
    let (rounder, ln_2) = (x.like(ROUNDER), LN_2);
    // What is not a number stays so.
    let x = x.like(LOWEST).larger(x);
    let k = (INVERSE_LN_2 * x + rounder) - rounder;
    let r = (x - ln_2[0] * k) - ln_2[1] * k;
    let r2 = r * r;
    let r4 = r2 * r2;
    let low = (1.0 + r) + r2 * (1.0 / 2.0 + 1.0 / 6.0 * r);
    let middle = (1.0 / 24.0 + 1.0 / 120.0 * r) + r2 * (1.0 / 720.0 + 1.0 / 5040.0 * r);
    let high =
        (1.0 / 40_320.0 + 1.0 / 362_880.0 * r) + r2 * (1.0 / 3_628_800.0 + 1.0 / 39_916_800.0 * r);
    let top = 1.0 / 479_001_600.0 + 1.0 / 6_227_020_800.0 * r;
    let polynomial = low + r4 * (middle + r4 * (high + r4 * top));
    // Two powers of two, neither of which is below the normal floats. The exponent, with its bias, is in
    // the lowest bits of what the rounder is added to.
    let half = (0.5 * k + rounder) - rounder;
    let biased = x.like(ROUNDER + 1023.0);
    let first = (half + biased).lowest_bits_first();
    let second = ((k - half) + biased).lowest_bits_first();
    polynomial * first * second
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::lanes::tests::on_plain_arrays;
    use crate::numerics::lanes::{Job, LANES, best};

    struct Exponential([f64; LANES]);

    impl Job for Exponential {
        type Output = [f64; LANES];

        #[inline(always)]
        fn run<M: Machine>(self, machine: M) -> [f64; LANES] {
            exp_of_negative(Lanes::new(machine, self.0)).array()
        }
    }

    /// The same in all lanes and on all machines.
    fn exp(x: f64) -> f64 {
        let lanes = best(Exponential([-1.0, x, -800.0, 0.5 * x]));
        assert_eq!(lanes[3].to_bits(), best(Exponential([0.5 * x; LANES]))[0].to_bits());
        let plain = on_plain_arrays(|| best(Exponential([x; LANES])));
        assert_eq!(lanes[1].to_bits(), plain[1].to_bits());
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
