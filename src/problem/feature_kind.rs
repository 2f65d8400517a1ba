//! The coefficients that features of one kind have in every task of a sequence.

use nalgebra::{DMatrix, DVector};

use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::label::GroupLabel;
use crate::problem::prior::Prior;

/// Features that are alike: their label, their probability and their coefficients in all tasks.
///
/// # Formula
///
/// A coordinate is of this kind with probability `p`. Its coefficients `B` in the tasks are then jointly
/// Gaussian,
///
/// `$$ B = m + L \xi, \qquad \xi \sim N(0, I) $$`
///
/// where
/// - `$p$`: [probability](Self::probability), in [0, 1];
/// - `$m$`: [means](Self::means), in [-1e150, 1e150];
/// - `$L$`: [loadings](Self::loadings), a row for every task and a column for every factor, in
///   [-1e150, 1e150]; without loadings the coefficients are atoms.
///
/// Inputs are `$N(0, \Lambda/D)$` in all stages, with the [input variance](Self::with_input_variance)
/// `$\Lambda$`, 1 unless set.
///
/// A mixture within a kind is several kinds of the same label.
///
/// # Examples
///
/// ```
/// use diagonet::{FeatureKind, Prior};
///
/// // Learned in the first task, and zero in the second: to be forgotten.
/// let gaussian = Prior::gaussian(0.0, 4.0)?;
/// let forget = FeatureKind::in_proportion("forget", 0.05, gaussian, &[1.0, 0.0])?;
/// assert_eq!(forget.prior(0), Some(gaussian));
/// assert_eq!(forget.prior(1), Some(Prior::ZERO));
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(
        try_from = "crate::representation::FeatureKind",
        into = "crate::representation::FeatureKind"
    )
)]
pub struct FeatureKind {
    label: GroupLabel,
    probability: f64,
    means: DVector<f64>,
    loadings: DMatrix<f64>,
    input_variance: f64,
}

impl FeatureKind {
    /// Features whose coefficients are independent between tasks, one prior for each task.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a probability outside [0, 1], within [`Error::InGroup`], as all errors of
    /// a kind.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{FeatureKind, Prior};
    ///
    /// let priors = [Prior::gaussian(0.0, 4.0)?, Prior::atom(1.0)?];
    /// let kind = FeatureKind::independent("used", 0.2, &priors)?;
    /// assert_eq!((kind.tasks(), kind.prior(0)), (2, Some(priors[0])));
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn independent(
        label: impl Into<GroupLabel>,
        probability: f64,
        priors: &[Prior],
    ) -> Result<Self> {
        let means = DVector::from_iterator(priors.len(), priors.iter().map(Prior::mean));
        let deviations = priors.iter().map(|prior| prior.variance().sqrt());
        let deviations = DVector::from_iterator(priors.len(), deviations);
        Self::with_factors(label, probability, means, DMatrix::from_diagonal(&deviations))
    }

    /// Features whose coefficients in the tasks are multiples of one coefficient `b` that follows `prior`:
    /// `B_j = factor_j b`.
    ///
    /// # Errors
    ///
    /// As [`FeatureKind::with_factors`].
    ///
    /// # Examples
    ///
    /// See [`FeatureKind`].
    pub fn in_proportion(
        label: impl Into<GroupLabel>,
        probability: f64,
        prior: Prior,
        factors: &[f64],
    ) -> Result<Self> {
        let factors = DVector::from_column_slice(factors);
        let loadings = &factors * prior.variance().sqrt();
        let loadings = DMatrix::from_column_slice(factors.len(), 1, loadings.as_slice());
        Self::with_factors(label, probability, factors * prior.mean(), loadings)
    }

    /// Features whose coefficients are known: an atom in every task.
    ///
    /// # Errors
    ///
    /// As [`FeatureKind::with_factors`].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{FeatureKind, Prior};
    ///
    /// let unused = FeatureKind::known("unused", 0.9, &[0.0, 0.0])?;
    /// assert_eq!(unused.prior(1), Some(Prior::ZERO));
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn known(
        label: impl Into<GroupLabel>,
        probability: f64,
        coefficients: &[f64],
    ) -> Result<Self> {
        let means = DVector::from_column_slice(coefficients);
        Self::with_factors(label, probability, means, DMatrix::zeros(coefficients.len(), 0))
    }

    /// Features whose coefficients `B = m + L xi` are jointly Gaussian.
    ///
    /// # Errors
    ///
    /// Within [`Error::InGroup`]: [`Error::OutOfDomain`] for a probability outside [0, 1], or a mean or
    /// loading outside [-1e150, 1e150]; [`Error::DimensionMismatch`] for another number of rows of the
    /// loadings than of means.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::FeatureKind;
    /// use diagonet::nalgebra::{dmatrix, dvector};
    ///
    /// // Unit variances, and a correlation of 0.6.
    /// let loadings = dmatrix![1.0, 0.0; 0.6, 0.8];
    /// let kind = FeatureKind::with_factors("related", 0.1, dvector![0.0, 0.0], loadings)?;
    /// assert_eq!(kind.covariance()[(0, 1)], 0.6);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_factors(
        label: impl Into<GroupLabel>,
        probability: f64,
        means: DVector<f64>,
        loadings: DMatrix<f64>,
    ) -> Result<Self> {
        let label = label.into();
        let check = || {
            Domain::PROBABILITY.check("probability", probability)?;
            for &mean in &means {
                Domain::COEFFICIENT.check("mean", mean)?;
            }
            for &loading in &loadings {
                Domain::COEFFICIENT.check("loading", loading)?;
            }
            if loadings.nrows() != means.len() {
                return Err(Error::DimensionMismatch {
                    parameter: "loadings",
                    expected: means.len(),
                    found: loadings.nrows(),
                });
            }
            Ok(())
        };
        check().map_err(|error| error.in_group(&label))?;
        Ok(Self { label, probability, means, loadings, input_variance: 1.0 })
    }

    /// The same features, with inputs of another variance in all stages.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for an input variance outside [1e-150, 1e150], within [`Error::InGroup`].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{FeatureKind, Prior};
    ///
    /// let prior = Prior::gaussian(0.0, 1.0)?;
    /// let strong = FeatureKind::independent("strong", 0.1, &[prior, prior])?.with_input_variance(4.0)?;
    /// assert_eq!(strong.input_variance(), 4.0);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_input_variance(self, input_variance: f64) -> Result<Self> {
        Domain::INPUT_VARIANCE
            .check("input_variance", input_variance)
            .map_err(|error| error.in_group(&self.label))?;
        Ok(Self { input_variance, ..self })
    }

    /// Label of the kind.
    #[must_use]
    pub fn label(&self) -> &GroupLabel {
        &self.label
    }

    /// Probability that a coordinate is of this kind.
    #[must_use]
    pub fn probability(&self) -> f64 {
        self.probability
    }

    /// Variance `Lambda` of the inputs, in units of 1/D.
    #[must_use]
    pub fn input_variance(&self) -> f64 {
        self.input_variance
    }

    /// Number of tasks.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.means.len()
    }

    /// Mean coefficient in every task.
    #[must_use]
    pub fn means(&self) -> &DVector<f64> {
        &self.means
    }

    /// Loadings, a row for every task.
    #[must_use]
    pub fn loadings(&self) -> &DMatrix<f64> {
        &self.loadings
    }

    /// Covariance of the coefficients of all tasks.
    #[must_use]
    pub fn covariance(&self) -> DMatrix<f64> {
        &self.loadings * self.loadings.transpose()
    }

    /// Prior of the coefficient in one task; `None` where there is no such task, or its variance is above
    /// 1e300.
    #[must_use]
    pub fn prior(&self, task: usize) -> Option<Prior> {
        let mean = *self.means.get(task)?;
        let row = self.loadings.row(task);
        Prior::gaussian(mean, row.dot(&row)).ok()
    }
}
