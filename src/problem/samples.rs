//! The samples of a training stage.

use crate::domain::Domain;
use crate::error::Result;

/// The data of one training stage, in the limit of many coordinates.
///
/// # Formula
///
/// ```text
/// y = X beta* + eps,      X_ij ~ N(0, 1/D),      eps ~ N(0, sigma²),      alpha = N / D
/// ```
///
/// where
/// - `D`: number of coordinates, `N`: number of samples, both tending to infinity;
/// - `alpha`: [sample ratio](Self::sample_ratio), in [1e-300, 1e300];
/// - `sigma²`: [noise variance](Self::noise_variance), in [0, 1e300], 0 unless set.
///
/// Source: Anguita et al. 2026 (arXiv:2602.20062), section 2.
///
/// # Examples
///
/// ```
/// use diagonet::Samples;
///
/// let samples = Samples::new(0.25)?.with_noise_variance(0.1)?;
/// assert_eq!((samples.sample_ratio(), samples.noise_variance()), (0.25, 0.1));
/// assert!(Samples::new(0.0).is_err());
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(try_from = "crate::representation::Samples", into = "crate::representation::Samples")
)]
pub struct Samples {
    sample_ratio: f64,
    noise_variance: f64,
}

impl Samples {
    /// Noiseless samples, `sample_ratio` of them per coordinate.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`](crate::Error::OutOfDomain) for a ratio outside [1e-300, 1e300].
    pub fn new(sample_ratio: f64) -> Result<Self> {
        Domain::RATIO.check("sample_ratio", sample_ratio)?;
        Ok(Self { sample_ratio, noise_variance: 0.0 })
    }

    /// The same samples with label noise of variance `sigma²`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`](crate::Error::OutOfDomain) for a variance outside [0, 1e300].
    pub fn with_noise_variance(self, noise_variance: f64) -> Result<Self> {
        Domain::NON_NEGATIVE.check("noise_variance", noise_variance)?;
        Ok(Self { noise_variance, ..self })
    }

    /// Samples per coordinate, `alpha = N/D`.
    #[must_use]
    pub fn sample_ratio(&self) -> f64 {
        self.sample_ratio
    }

    /// Variance of the label noise, `sigma²`.
    #[must_use]
    pub fn noise_variance(&self) -> f64 {
        self.noise_variance
    }
}
