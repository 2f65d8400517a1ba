//! A part of a task in which the coefficients of both tasks are jointly Gaussian.

use crate::error::Result;
use crate::problem::feature_class::FeatureClass;
use crate::problem::pretrained::Pretrained;
use crate::problem::prior::Prior;

/// Coordinates of one class, with one component of the coefficients of each task.
///
/// `beta_PT ~ pretraining`, and `beta_FT = m + sqrt(v) [q beta_PT/R + sqrt(1 - q²) xi]` with `m` and `v`
/// of `fine_tuning`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Component {
    pub(crate) class: FeatureClass,
    /// Probability among the coordinates of the class.
    pub(crate) share: f64,
    pub(crate) pretraining: Prior,
    /// Distribution of `beta_FT` without correlation.
    pub(crate) fine_tuning: Prior,
    /// Correlation `q`.
    pub(crate) correlation: f64,
    /// Root mean square `R` of the active coefficients of pretraining.
    pub(crate) size: f64,
}

impl Component {
    /// Whether fine-tuning uses the coordinates.
    pub(crate) fn is_active(&self) -> bool {
        self.fine_tuning != Prior::ZERO
    }

    /// `sqrt(v) q`, the slope of `beta_FT` in `beta_PT/R`.
    pub(crate) fn slope(&self) -> f64 {
        self.fine_tuning.variance().sqrt() * self.correlation
    }

    /// `1 - q²`, the part of the variance that pretraining does not explain.
    pub(crate) fn independent(&self) -> f64 {
        (1.0 - self.correlation) * (1.0 + self.correlation)
    }

    /// Distribution of `beta_FT` given that of `beta_PT`, with their covariance.
    pub(crate) fn fine_tuning_given(&self, pretrained: Pretrained) -> Result<(Prior, Pretrained)> {
        if self.correlation == 0.0 {
            return Ok((self.fine_tuning, pretrained));
        }
        // Both ratios are formed before they can overflow.
        let (slope, variance) = (self.slope(), self.fine_tuning.variance());
        let deviation = pretrained.prior().variance().sqrt();
        let explained = slope * (deviation / self.size);
        let mean = self.fine_tuning.mean() + slope * (pretrained.prior().mean() / self.size);
        let prior =
            Prior::gaussian(mean, explained.mul_add(explained, variance * self.independent()))?;
        Ok((prior, pretrained.with_covariance(explained * deviation)?))
    }

    /// Distribution of `beta_FT`, whatever pretraining was.
    pub(crate) fn fine_tuning_alone(&self) -> Result<Prior> {
        if self.correlation == 0.0 {
            return Ok(self.fine_tuning);
        }
        let variance = self.fine_tuning.variance();
        let mean = self.fine_tuning.mean() + self.slope() * (self.pretraining.mean() / self.size);
        let share = (self.pretraining.variance().sqrt() / self.size).powi(2);
        // From the side that cancels less, 1 - q² + q² share.
        let left = if share < 0.5 {
            (self.correlation * self.correlation).mul_add(share, self.independent())
        } else {
            1.0 - self.correlation * self.correlation * (1.0 - share)
        };
        Prior::gaussian(mean, variance * left)
    }
}
