//! The pretrained coefficient of a group of coordinates.

use crate::domain::Domain;
use crate::error::Result;
use crate::problem::prior::Prior;

/// The pretrained coefficient of a group of coordinates, with the distribution of their true coefficients
/// in the pretraining task.
///
/// # Formula
///
/// The coefficients of the two tasks are jointly Gaussian within a group:
///
/// ```text
/// B_PT ~ N(m, v),      Cov(B_FT, B_PT) = k,      pretraining ended at beta_PT
/// ```
///
/// where
/// - `beta_PT`: [coefficient](Self::coefficient) at the end of pretraining, in [-1e150, 1e150];
/// - `m`, `v`: mean and variance of the true coefficient of pretraining, a [`Prior`];
/// - `k`: [covariance](Self::covariance) with the true coefficient of fine-tuning, 0 unless set.
///
/// Forgetting and the error on the pretraining task depend on these; the fixed point does not.
///
/// # Examples
///
/// ```
/// use diagonet::{Pretrained, Prior};
///
/// // Pretraining without noise on enough data ends at the true coefficient.
/// let learned = Pretrained::new(1.5, Prior::atom(1.5)?)?;
/// assert_eq!(learned.coefficient(), learned.prior().mean());
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(
        try_from = "crate::representation::Pretrained",
        into = "crate::representation::Pretrained"
    )
)]
pub struct Pretrained {
    coefficient: f64,
    prior: Prior,
    covariance: f64,
}

impl Pretrained {
    /// Pretraining that ended at `coefficient`, where the true coefficients follow `prior`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`](crate::Error::OutOfDomain) for a coefficient outside [-1e150, 1e150].
    pub fn new(coefficient: f64, prior: Prior) -> Result<Self> {
        Domain::COEFFICIENT.check("coefficient", coefficient)?;
        Ok(Self { coefficient, prior, covariance: 0.0 })
    }

    /// The same with covariance `k` of the true coefficients of the two tasks.
    ///
    /// A [group](crate::CoordinateGroup::with_pretrained) accepts it if its variances allow it.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`](crate::Error::OutOfDomain) for a covariance outside [-1e300, 1e300].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Pretrained, Prior};
    /// let related = Pretrained::new(0.3, Prior::gaussian(0.2, 0.1)?)?.with_covariance(0.05)?;
    /// assert_eq!(related.covariance(), 0.05);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_covariance(self, covariance: f64) -> Result<Self> {
        Domain::ARGUMENT.check("covariance", covariance)?;
        Ok(Self { covariance, ..self })
    }

    /// Coefficient `beta_PT` at the end of pretraining.
    #[must_use]
    pub fn coefficient(&self) -> f64 {
        self.coefficient
    }

    /// Distribution of the true coefficient of pretraining.
    #[must_use]
    pub fn prior(&self) -> Prior {
        self.prior
    }

    /// Covariance `k` of the true coefficients of the two tasks.
    #[must_use]
    pub fn covariance(&self) -> f64 {
        self.covariance
    }
}
