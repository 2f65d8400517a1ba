//! Random numbers that are the same on every machine.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// What the numbers of a stream are for. Streams of different purposes are independent, so that
/// more data of one stage leaves everything else of the draw as it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Purpose {
    Coefficients,
    Pretraining,
    FineTuning,
    /// Batches and label noise of stochastic training.
    Batches,
}

/// A stream of random numbers that depends on nothing but its seed, the index of the draw and the
/// purpose.
#[derive(Debug, Clone)]
pub(crate) struct Stream {
    generator: Pcg64Mcg,
    /// The second number of the last pair of normal ones.
    spare: Option<f64>,
}

impl Stream {
    pub(crate) fn new(seed: u64, draw: u64, purpose: Purpose) -> Self {
        let key = [draw, purpose as u64].into_iter().fold(mix(seed), |key, part| mix(key ^ part));
        Self { generator: Pcg64Mcg::seed_from_u64(key), spare: None }
    }

    /// The stream of the data of a stage of a sequence, counted from 0.
    #[cfg(feature = "quadrature")]
    pub(crate) fn of_stage(seed: u64, draw: u64, stage: usize) -> Self {
        let key = Purpose::Batches as u64 + 1 + stage as u64;
        let key = [draw, key].into_iter().fold(mix(seed), |key, part| mix(key ^ part));
        Self { generator: Pcg64Mcg::seed_from_u64(key), spare: None }
    }

    /// A uniform number in [0, 1), on a grid of 2^-53.
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.generator.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A standard normal number, by Marsaglia's polar method. Square roots are exact to rounding, and
    /// the logarithm of `libm` is the same code everywhere, unlike that of the platform.
    pub(crate) fn normal(&mut self) -> f64 {
        if let Some(normal) = self.spare.take() {
            return normal;
        }
        loop {
            let [x, y] = [2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0];
            let square = x * x + y * y;
            if square < 1.0 && square > 0.0 {
                let factor = (-2.0 * libm::log(square) / square).sqrt();
                self.spare = Some(y * factor);
                return x * factor;
            }
        }
    }
}

/// The finalizer of `SplitMix64` (Steele, Lea and Flood 2014), which sends neighbours far apart.
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_stable() {
        // A change of these numbers is a change of every draw that was ever published.
        let mut stream = Stream::new(7, 3, Purpose::FineTuning);
        let numbers = [stream.normal(), stream.normal(), stream.uniform()];
        assert_eq!(numbers, [0.8308305288082146, 0.3998725885868322, 0.6935195050030616]);
    }

    #[test]
    fn streams_differ_by_seed_draw_and_purpose() {
        let mut firsts = Vec::new();
        for seed in 0..10 {
            for draw in 0..10 {
                for purpose in [
                    Purpose::Coefficients,
                    Purpose::Pretraining,
                    Purpose::FineTuning,
                    Purpose::Batches,
                ] {
                    firsts.push(Stream::new(seed, draw, purpose).uniform().to_bits());
                }
            }
        }
        firsts.sort_unstable();
        firsts.dedup();
        assert_eq!(firsts.len(), 400);
    }

    #[test]
    fn normal_numbers_have_the_moments_of_a_gaussian() {
        // Five standard errors of each moment; the seed is fixed.
        let count = 200_000;
        let mut stream = Stream::new(1, 0, Purpose::Coefficients);
        let mut moments = [0.0; 4];
        for _ in 0..count {
            let x = stream.normal();
            for (power, moment) in (1..).zip(&mut moments) {
                *moment += x.powi(power) / f64::from(count);
            }
        }
        let variances = [1.0, 2.0, 15.0, 96.0];
        for ((moment, expected), variance) in
            moments.iter().zip([0.0, 1.0, 0.0, 3.0]).zip(variances)
        {
            let error: f64 = moment - expected;
            assert!(error.abs() < 5.0 * (variance / f64::from(count)).sqrt(), "{moments:?}");
        }
    }
}
