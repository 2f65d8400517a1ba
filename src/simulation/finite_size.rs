//! The exact law of the error at finite size, where it is known: the interpolator of least l2 norm.

use std::f64::consts::FRAC_PI_2;

use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::beta::beta_reg;

use crate::domain::Domain;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::numerics::gauss_legendre::GAUSS_LEGENDRE;
use crate::problem::samples::Samples;
use crate::simulation::draw::whole;

/// Panels of the integral over the share of the signal that samples see.
const PANELS: usize = 32;

/// Half of the range of the integral, in standard deviations.
const REACH: f64 = 9.0;

/// Exact law, over draws of inputs and noise, of the error of the interpolator of least l2 norm in
/// finite dimension: that of lazy networks with equal scales.
///
/// # Formula
///
/// ```text
/// error = V (1 - B) + sigma² R
/// B ~ Beta(N/2, (D - N)/2),      R ~ chi²_n / chi²_(|D - N| + 1),      n = min(N, D)
/// ```
///
/// with independent `B` and `R`, and no first term for `N >= D`, where
/// - `D`, `N`: dimension, and number of samples, all inputs being `N(0, 1/D)`;
/// - `V`: mean square of the true coefficients, `||beta*||²/D`, which are given; where they are drawn, too,
///   it differs between draws, and the law is one for each;
/// - `sigma²`: noise variance.
///
/// For `N < D` the mean is `(1 - alpha) V + sigma² N/(D - N - 1)`, where the theory has
/// `sigma² alpha/(1 - alpha)`; its noiseless part is exact at any dimension.
///
/// No such law is known for other penalties, ratios of scales or unequal inputs: there, the interval of a
/// simulated mean is that of [Student's distribution](crate::simulation::Statistic::confidence_interval),
/// and says nothing of the difference of order 1/D between its expectation and the theory.
///
/// Source: rotational invariance of Gaussian inputs, by which the row space is uniform and independent
/// of the singular values, and the inverse of a Wishart matrix in a given direction; Muirhead 1982,
/// *Aspects of Multivariate Statistical Theory*, section 3.2. Accuracy: 1e-9 of probabilities.
///
/// # Examples
///
/// ```
/// use diagonet::Samples;
/// use diagonet::simulation::FiniteSizeLaw;
///
/// let samples = Samples::new(0.5)?.with_noise_variance(0.1)?;
/// let law = FiniteSizeLaw::new(100, &samples, 2.0)?;
/// assert!((law.mean().unwrap() - (1.0 + 0.1 * 50.0 / 49.0)).abs() < 1e-14);
/// let [low, high] = law.interval(0.95)?;
/// assert!(law.cumulative_probability(low)? < 0.0251 && law.cumulative_probability(high)? > 0.9749);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FiniteSizeLaw {
    dimension: f64,
    samples: f64,
    mean_square: f64,
    noise_variance: f64,
}

impl FiniteSizeLaw {
    /// The law for `dimension` coordinates with the given mean square of coefficients; the number of
    /// samples is rounded as in an [`Experiment`](crate::simulation::Experiment).
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a dimension outside [1, 1e9], less than half a sample, more than 1e9
    /// inputs in all, or a mean square outside [0, 1e300].
    ///
    /// # Examples
    ///
    /// See [`FiniteSizeLaw`].
    pub fn new(dimension: usize, samples: &Samples, mean_square: f64) -> Result<Self> {
        Domain::COUNT.check("dimension", dimension as f64)?;
        Domain::NON_NEGATIVE.check("mean_square", mean_square)?;
        let whole = whole(samples, dimension)?;
        let dimension = dimension as f64;
        let samples = (whole.sample_ratio() * dimension).round();
        Ok(Self { dimension, samples, mean_square, noise_variance: whole.noise_variance() })
    }

    /// Degrees of freedom of numerator and denominator of `R`.
    fn freedoms(&self) -> [f64; 2] {
        [self.samples.min(self.dimension), (self.dimension - self.samples).abs() + 1.0]
    }

    /// `V` where some signal is left, or 0.
    fn signal(&self) -> f64 {
        if self.samples < self.dimension { self.mean_square } else { 0.0 }
    }

    /// Expectation of the error; `None` where it is infinite, with noise and `|D - N| < 2`.
    ///
    /// # Examples
    ///
    /// See [`FiniteSizeLaw`].
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        let bias = self.signal() * (1.0 - (self.samples / self.dimension).min(1.0));
        let [numerator, denominator] = self.freedoms();
        if self.noise_variance == 0.0 {
            return Some(bias);
        }
        (denominator > 2.0).then(|| bias + self.noise_variance * (numerator / (denominator - 2.0)))
    }

    /// Variance of the error,
    /// `2 alpha (1 - alpha) V²/(D + 2) + 2 sigma⁴ n (n + m - 2)/((m - 2)² (m - 4))` with `m = |D - N| + 1`;
    /// `None` where it is infinite, with noise and `|D - N| < 4`.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::Samples;
    /// use diagonet::simulation::FiniteSizeLaw;
    ///
    /// let law = FiniteSizeLaw::new(98, &Samples::new(0.5)?, 3.0)?;
    /// assert!((law.variance().unwrap() - 9.0 / 200.0).abs() < 1e-15);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn variance(&self) -> Option<f64> {
        let seen = (self.samples / self.dimension).min(1.0);
        let bias = self.signal() * (2.0 * seen * (1.0 - seen) / (self.dimension + 2.0)).sqrt();
        let [n, m] = self.freedoms();
        if self.noise_variance == 0.0 {
            return Some(bias * bias);
        }
        let spread = (2.0 * n * (n + m - 2.0) / (m - 4.0)).sqrt() / (m - 2.0);
        let noise = self.noise_variance * spread;
        (m > 4.0).then(|| bias.mul_add(bias, noise * noise))
    }

    /// Probability of an error of at most `error`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for an error outside [0, 1e300].
    ///
    /// # Examples
    ///
    /// See [`FiniteSizeLaw`].
    pub fn cumulative_probability(&self, error: f64) -> Result<f64> {
        Domain::NON_NEGATIVE.check("error", error)?;
        Ok(self.probability_below(error))
    }

    fn probability_below(&self, error: f64) -> f64 {
        let [numerator, denominator] = self.freedoms();
        let of_noise = |left: f64| {
            if left < 0.0 {
                return 0.0;
            }
            if self.noise_variance == 0.0 {
                return 1.0;
            }
            let ratio = left / self.noise_variance;
            beta_reg(0.5 * numerator, 0.5 * denominator, 1.0 / (1.0 + ratio.recip()))
        };
        let signal = self.signal();
        if signal == 0.0 {
            return of_noise(error);
        }
        let [seen, unseen] = [self.samples, self.dimension - self.samples];
        if self.noise_variance == 0.0 {
            return beta_reg(0.5 * unseen, 0.5 * seen, (error / signal).min(1.0));
        }
        // B = sin² phi has a smooth density, which is normalized by its own sum.
        let center = (seen / self.dimension).sqrt().asin();
        let deviation = (2.0 * (self.dimension + 2.0)).sqrt().recip();
        let low = (center - REACH * deviation).max(0.0);
        let high = (center + REACH * deviation).min(FRAC_PI_2);
        let half = 0.5 * (high - low) / PANELS as f64;
        let log_density =
            |phi: f64| (seen - 1.0) * phi.sin().ln() + (unseen - 1.0) * phi.cos().ln();
        let peak = log_density(center);
        let (mut sum, mut total) = (0.0, 0.0);
        for panel in 0..PANELS {
            let middle = low + half * (2 * panel + 1) as f64;
            for (node, weight) in GAUSS_LEGENDRE {
                for phi in [middle - half * node, middle + half * node] {
                    let density = weight * (log_density(phi) - peak).exp();
                    total += density;
                    sum += density * of_noise(error - signal * phi.cos().powi(2));
                }
            }
        }
        sum / total
    }

    /// Interval around the median that contains the error of one draw with probability `level`, as much
    /// being beyond either end.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a level outside (0, 1).
    ///
    /// # Examples
    ///
    /// See [`FiniteSizeLaw`].
    pub fn interval(&self, level: f64) -> Result<[f64; 2]> {
        Domain::LEVEL.check("level", level)?;
        Ok([0.5 - 0.5 * level, 0.5 + 0.5 * level].map(|probability| self.quantile(probability)))
    }

    /// Interval for the mean over `draws`: exact mean and variance, and the central limit theorem, which
    /// leaves an error of order `1/sqrt(draws D)` of the probability. `None` where the variance is
    /// infinite.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a level outside (0, 1), or no draws.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::Samples;
    /// use diagonet::simulation::FiniteSizeLaw;
    ///
    /// let law = FiniteSizeLaw::new(98, &Samples::new(0.5)?, 3.0)?;
    /// let [low, high] = law.interval_of_mean(0.95, 100)?.unwrap();
    /// assert!((high - low - 2.0 * 1.959964 * 0.1 * (9.0_f64 / 200.0).sqrt()).abs() < 1e-6);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn interval_of_mean(&self, level: f64, draws: u64) -> Result<Option<[f64; 2]>> {
        Domain::LEVEL.check("level", level)?;
        Domain::closed(1.0, f64::MAX).check("draws", draws as f64)?;
        let quantile = Normal::standard().inverse_cdf(0.5 + 0.5 * level);
        Ok(self.mean().zip(self.variance()).map(|(mean, variance)| {
            let reach = quantile * (variance / draws as f64).sqrt();
            [mean - reach, mean + reach]
        }))
    }

    /// The error that is not exceeded with a probability.
    fn quantile(&self, probability: f64) -> f64 {
        let (mut low, mut high) = (0.0, self.signal() + self.noise_variance);
        if high == 0.0 {
            return 0.0;
        }
        while self.probability_below(high) < probability && high < 1e300 {
            (low, high) = (high, 2.0 * high);
        }
        while high - low > 4.0 * f64::EPSILON * high {
            let middle = 0.5 * (low + high);
            let is_low = self.probability_below(middle) < probability;
            *(if is_low { &mut low } else { &mut high }) = middle;
        }
        high
    }
}
