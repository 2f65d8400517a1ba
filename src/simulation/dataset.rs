//! Inputs and labels of a finite training set.

use nalgebra::{DMatrix, DVector};

use crate::domain::Domain;
use crate::error::{Error, Result};

/// A training set: one input a row, one label each.
///
/// # Formula
///
/// ```text
/// training_error = ||y - X beta||² / N
/// ```
///
/// where
/// - `X`: inputs, N rows by D columns, entries in [-1e150, 1e150];
/// - `y`: the N labels, in [-1e150, 1e150];
/// - `beta`: coefficients of the network.
///
/// The theory assumes inputs `X_ij ~ N(0, 1/D)`; training is defined for any.
///
/// Source: Anguita et al. 2026 (arXiv:2602.20062), section 3.
///
/// # Examples
///
/// ```
/// use diagonet::simulation::Dataset;
/// use nalgebra::{dmatrix, dvector};
///
/// let data = Dataset::new(dmatrix![1.0, 0.0, 2.0; 0.0, 1.0, 0.0], dvector![3.0, -1.0])?;
/// assert_eq!((data.samples(), data.dimension()), (2, 3));
/// assert_eq!(data.training_error(&dvector![1.0, 0.0, 1.0])?, 0.5);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    inputs: DMatrix<f64>,
    labels: DVector<f64>,
}

impl Dataset {
    /// The training set with the rows of `inputs` (X) labelled by `labels` (y).
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] where there are not as many labels as rows;
    /// [`Error::OutOfDomain`] for an entry outside [-1e150, 1e150], and without rows or columns.
    pub fn new(inputs: DMatrix<f64>, labels: DVector<f64>) -> Result<Self> {
        for (parameter, size) in [("samples", inputs.nrows()), ("dimension", inputs.ncols())] {
            Domain::described("at least 1").check_if(size > 0, parameter, size as f64)?;
        }
        check_length("labels", labels.len(), inputs.nrows())?;
        let check_entry = |parameter, value| Domain::COEFFICIENT.check(parameter, value);
        for &input in &inputs {
            check_entry("inputs", input)?;
        }
        for &label in &labels {
            check_entry("labels", label)?;
        }
        Ok(Self { inputs, labels })
    }

    /// Inputs X, one a row.
    #[must_use]
    pub fn inputs(&self) -> &DMatrix<f64> {
        &self.inputs
    }

    /// Labels y.
    #[must_use]
    pub fn labels(&self) -> &DVector<f64> {
        &self.labels
    }

    /// Number N of samples.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.inputs.nrows()
    }

    /// Number D of coordinates.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.inputs.ncols()
    }

    /// Residual `y - X beta` of the labels.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] where `beta` does not have one entry a column;
    /// [`Error::NotRepresentable`] where the residual overflows.
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::simulation::Dataset;
    /// # use nalgebra::{dmatrix, dvector};
    /// let data = Dataset::new(dmatrix![1.0, 2.0], dvector![3.0])?;
    /// assert_eq!(data.residual(&dvector![1.0, 0.5])?, dvector![1.0]);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn residual(&self, beta: &DVector<f64>) -> Result<DVector<f64>> {
        check_length("beta", beta.len(), self.dimension())?;
        let mut residual = self.labels.clone();
        residual.gemv(-1.0, &self.inputs, beta, 1.0);
        if residual.iter().all(|r| r.is_finite()) {
            Ok(residual)
        } else {
            Err(Error::NotRepresentable { quantity: "the residual", reason: "it overflows" })
        }
    }

    /// Training error `||y - X beta||² / N`, see [`Dataset`].
    ///
    /// # Errors
    ///
    /// As [`Dataset::residual`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::simulation::Dataset;
    /// # use nalgebra::{dmatrix, dvector};
    /// let data = Dataset::new(dmatrix![1.0; 1.0], dvector![1.0, 3.0])?;
    /// assert_eq!(data.training_error(&dvector![2.0])?, 1.0);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn training_error(&self, beta: &DVector<f64>) -> Result<f64> {
        let error = self.residual(beta)?.norm_squared() / self.samples() as f64;
        if error.is_finite() {
            Ok(error)
        } else {
            Err(Error::NotRepresentable { quantity: "the training error", reason: "it overflows" })
        }
    }
}

/// Checks that a vector has the length that goes with the others.
pub(super) fn check_length(parameter: &'static str, found: usize, expected: usize) -> Result<()> {
    if found == expected {
        Ok(())
    } else {
        Err(Error::DimensionMismatch { parameter, expected, found })
    }
}

/// Training sets for the tests.
#[cfg(test)]
pub(super) mod draws {
    use super::{DMatrix, DVector, Dataset};
    use crate::simulation::random::{Purpose, Stream};

    /// Inputs of the theory, with labels that are noise.
    pub(crate) fn noise(samples: usize, dimension: usize, seed: u64) -> Dataset {
        let mut stream = Stream::new(seed, 0, Purpose::FineTuning);
        let std_dev = 1.0 / (dimension as f64).sqrt();
        let inputs = DMatrix::from_fn(samples, dimension, |_, _| std_dev * stream.normal());
        let labels = DVector::from_fn(samples, |_, _| stream.normal());
        Dataset::new(inputs, labels).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_without_rows_or_columns_are_refused() {
        for (samples, dimension) in [(0, 3), (3, 0)] {
            let data = Dataset::new(DMatrix::zeros(samples, dimension), DVector::zeros(samples));
            assert!(matches!(data, Err(Error::OutOfDomain { value: 0.0, .. })));
        }
    }

    #[test]
    fn overflow_is_an_error() {
        let data = Dataset::new(DMatrix::from_element(1, 1, 1e100), DVector::zeros(1)).unwrap();
        for (beta, quantity) in [(1e300, "the residual"), (1e60, "the training error")] {
            let error = data.training_error(&DVector::from_element(1, beta)).unwrap_err();
            assert!(matches!(error, Error::NotRepresentable { quantity: q, .. } if q == quantity));
        }
    }
}
