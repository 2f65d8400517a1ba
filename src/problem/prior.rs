//! The distribution of a true coefficient.

use crate::domain::Domain;
use crate::error::Result;
use crate::numerics::normal::excess;

/// Distribution of the true coefficient of a coordinate: a Gaussian, or an atom.
///
/// # Formula
///
/// ```text
/// beta* ~ N(m, v)
/// ```
///
/// where
/// - `m`: mean, in [-1e150, 1e150];
/// - `v`: variance, in [0, 1e300]; zero is an atom at `m`.
///
/// # Examples
///
/// ```
/// use diagonet::Prior;
///
/// assert_eq!(Prior::gaussian(1.0, 2.0)?.mean_square(), 3.0);
/// assert_eq!(Prior::atom(-2.0)?, Prior::gaussian(-2.0, 0.0)?);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(try_from = "crate::representation::Prior", into = "crate::representation::Prior")
)]
pub struct Prior {
    mean: f64,
    variance: f64,
}

impl Prior {
    /// An atom at zero: the coordinate is not used.
    pub const ZERO: Self = Self { mean: 0.0, variance: 0.0 };

    /// A Gaussian with mean `m` and variance `v`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`](crate::Error::OutOfDomain) for a mean outside [-1e150, 1e150] or a
    /// variance outside [0, 1e300].
    pub fn gaussian(mean: f64, variance: f64) -> Result<Self> {
        Ok(Self {
            mean: Domain::COEFFICIENT.check("mean", mean)?,
            variance: Domain::NON_NEGATIVE.check("variance", variance)?,
        })
    }

    /// An atom at `value`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`](crate::Error::OutOfDomain) for a value outside [-1e150, 1e150].
    pub fn atom(value: f64) -> Result<Self> {
        Self::gaussian(value, 0.0)
    }

    /// Mean `m`.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Variance `v`.
    #[must_use]
    pub fn variance(&self) -> f64 {
        self.variance
    }

    /// Mean square `v + m²`.
    #[must_use]
    pub fn mean_square(&self) -> f64 {
        self.mean.mul_add(self.mean, self.variance)
    }

    /// The distribution of `sqrt(square)` times the coefficient, where both are in their domains.
    pub(crate) fn scaled(&self, square: f64) -> Self {
        Self { mean: square.sqrt() * self.mean, variance: square * self.variance }
    }

    /// Mean of the magnitude, `E[|beta*|]`.
    pub(crate) fn mean_magnitude(&self) -> f64 {
        let (mean, spread) = (self.mean.abs(), self.variance.sqrt());
        if spread == 0.0 {
            return mean;
        }
        let x = mean / spread;
        mean + 2.0 * spread * excess(x)
    }

    /// Root of the mean square, also where the square underflows.
    pub(crate) fn root_mean_square(&self) -> f64 {
        self.mean.hypot(self.variance.sqrt())
    }
}
