//! The linear equations of a Newton step, by conjugate gradients.

use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::linalg::solvers::{Llt, SolveCore};
use faer::traits::RealField;
use faer::{Accum, Conj, Mat, MatMut, MatRef, Par, Side};
use nalgebra::{DMatrix, DVector};

use crate::simulation::sweep::sweep;

/// Change of a weight, as a factor, from which its column in a Gram matrix is renewed.
const STALE: f64 = 2.0;

/// Share of columns that are renewed by a sum over all of them.
const MOST: f64 = 0.9;

/// Conjugate-gradient steps that cost much less than a factorization.
const STEPS: usize = 10;

/// Weights, relative to the largest one when a Gram matrix was last formed, that its precision holds.
const HIGHEST: f64 = 1e12;

/// The floats of a Gram matrix.
pub(super) trait Precision: RealField + Copy {
    /// Shifts of the diagonal, relative to its largest entry, that are tried one after the other.
    const SHIFTS: &'static [f64];

    fn round(value: f64) -> Self;

    fn widen(self) -> f64;
}

impl Precision for f32 {
    const SHIFTS: &'static [f64] = &[0.0, 1e-6];

    fn round(value: f64) -> Self {
        value as Self
    }

    fn widen(self) -> f64 {
        self.into()
    }
}

impl Precision for f64 {
    const SHIFTS: &'static [Self] = &[0.0, 1e-15, 1e-13];

    fn round(value: f64) -> Self {
        value
    }

    fn widen(self) -> f64 {
        self
    }
}

/// The equations `(X diag(h) X^T + ridge) s = r` of one design, for weights h that change from step to
/// step.
///
/// They are solved in f64 by conjugate gradients. The preconditioner is a factorized Gram matrix of
/// weights that are within a factor of two of the present ones, in f32, or in f64 once f32 is too coarse.
#[derive(Debug)]
pub(super) struct NewtonEquations<'a> {
    inputs: &'a DMatrix<f64>,
    input_unit: f64,
    ridge: f64,
    preconditioner: Preconditioner,
}

#[derive(Debug)]
enum Preconditioner {
    Single(Gram<f32>),
    Double(Gram<f64>),
}

impl<'a> NewtonEquations<'a> {
    pub(super) fn new(inputs: &'a DMatrix<f64>, ridge: f64) -> Self {
        let preconditioner = Preconditioner::Single(Gram::new());
        Self { inputs, input_unit: inputs.amax(), ridge, preconditioner }
    }

    /// Changes to the next preconditioner; says whether there is one.
    pub(super) fn refine(&mut self) -> bool {
        let refines = matches!(self.preconditioner, Preconditioner::Single(_));
        if refines {
            self.preconditioner = Preconditioner::Double(Gram::new());
        }
        refines
    }

    /// Brings the preconditioner up to these weights. `None` where its precision does not hold it.
    pub(super) fn update(&mut self, weights: &[f64]) -> Option<()> {
        match &mut self.preconditioner {
            Preconditioner::Single(gram) => {
                gram.update(self.inputs, self.input_unit, weights, self.ridge)
            }
            Preconditioner::Double(gram) => {
                gram.update(self.inputs, self.input_unit, weights, self.ridge)
            }
        }
    }

    /// The step for a right-hand side, to this relative residual, or to what the steps of conjugate
    /// gradients reach; `None` where the equations leave the range of floats.
    pub(super) fn solve(
        &self,
        weights: &[f64],
        right: &DVector<f64>,
        tolerance: f64,
    ) -> Option<Step> {
        let unit = weights.iter().copied().fold(self.ridge, f64::max);
        let size = right.amax();
        let mut residual = right / size;
        let start = residual.norm();
        let mut accuracy = 1.0;
        let mut solution = DVector::zeros(right.len());
        let mut direction = DVector::zeros(right.len());
        let mut image = DVector::zeros(right.len());
        let mut descent = 0.0;
        for step in 0..STEPS {
            let preconditioned = match &self.preconditioner {
                Preconditioner::Single(gram) => gram.solve(&residual)?,
                Preconditioner::Double(gram) => gram.solve(&residual)?,
            };
            // The change of the residual is that of the last step: with it, directions stay conjugate
            // though the preconditioner rounds.
            let turned = if step == 0 { 0.0 } else { -preconditioned.dot(&image) / descent };
            direction *= turned;
            direction += &preconditioned;
            descent = residual.dot(&preconditioned);
            image.copy_from(&direction);
            image *= self.ridge / unit;
            let weigh = |d: usize, feature: f64| feature * (weights[d] / unit);
            sweep(self.inputs, direction.as_slice(), weigh, image.as_mut_slice());
            let length = descent / direction.dot(&image);
            // Asked so that an undefined length is refused, too.
            if !(length > 0.0 && length.is_finite()) {
                return None;
            }
            solution.axpy(length, &direction, 1.0);
            image *= length;
            residual -= &image;
            accuracy = residual.norm() / start;
            if accuracy <= tolerance {
                break;
            }
        }
        Some(Step { step: solution * (size / unit), accuracy })
    }
}

/// An approximate step, with its relative residual.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) step: DVector<f64>,
    pub(super) accuracy: f64,
}

/// A Gram matrix `X diag(h) X^T`, in units of its largest weight and input, with its factorization.
#[derive(Debug)]
struct Gram<T: Precision> {
    matrix: Mat<T>,
    weights: Vec<f64>,
    unit: f64,
    factor: Option<Llt<T>>,
}

impl<T: Precision> Gram<T> {
    fn new() -> Self {
        Self { matrix: Mat::new(), weights: Vec::new(), unit: 0.0, factor: None }
    }

    fn update(
        &mut self,
        inputs: &DMatrix<f64>,
        input_unit: f64,
        weights: &[f64],
        ridge: f64,
    ) -> Option<()> {
        let samples = inputs.nrows();
        let (mut risen, mut fallen) = (Vec::new(), Vec::new());
        for (d, (&old, &new)) in self.weights.iter().zip(weights).enumerate() {
            if new > STALE * old {
                risen.push(d);
            } else if old > STALE * new {
                fallen.push(d);
            }
        }
        let all = weights.len();
        let largest = weights.iter().copied().fold(ridge, f64::max);
        if self.weights.is_empty()
            || (risen.len() + fallen.len()) as f64 > MOST * all as f64
            || largest > HIGHEST * self.unit
        {
            self.unit = largest;
            self.matrix = Mat::zeros(samples, samples);
            self.weights = vec![0.0; all];
            (risen, fallen) = ((0..all).collect(), Vec::new());
        }
        if self.factor.is_some() && risen.is_empty() && fallen.is_empty() {
            return Some(());
        }
        for (columns, sign) in [(risen, 1.0), (fallen, -1.0)] {
            if columns.is_empty() {
                continue;
            }
            let mut weighted = Vec::with_capacity(samples * columns.len());
            for &d in &columns {
                let change = (weights[d] - self.weights[d]).abs() / self.unit;
                let factor = change.sqrt() / input_unit;
                let column = &inputs.as_slice()[d * samples..][..samples];
                weighted.extend(column.iter().map(|input| T::round(factor * input)));
                self.weights[d] = weights[d];
            }
            let weighted = MatRef::from_column_major_slice(&weighted, samples, columns.len());
            let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
            let to = self.matrix.as_mut();
            let sign = T::round(sign);
            matmul(
                to,
                lower,
                Accum::Add,
                weighted,
                full,
                weighted.transpose(),
                full,
                sign,
                Par::Seq,
            );
        }
        let ridge = ridge / self.unit / input_unit / input_unit;
        self.factor = self.factorize(ridge);
        self.factor.as_ref().map(|_| ())
    }

    fn factorize(&mut self, ridge: f64) -> Option<Llt<T>> {
        let samples = self.matrix.nrows();
        let diagonal: Vec<T> = (0..samples).map(|row| self.matrix[(row, row)]).collect();
        let largest = diagonal.iter().map(|entry| entry.widen()).fold(0.0, f64::max) + ridge;
        if !T::round(largest).widen().is_finite() {
            return None;
        }
        let mut attempt = |shift: f64| {
            for (row, entry) in diagonal.iter().enumerate() {
                self.matrix[(row, row)] = T::round(entry.widen() + ridge + shift * largest);
            }
            Llt::new(self.matrix.as_ref(), Side::Lower).ok()
        };
        let factor = T::SHIFTS.iter().find_map(|&shift| attempt(shift));
        diagonal.iter().enumerate().for_each(|(row, &entry)| self.matrix[(row, row)] = entry);
        factor
    }

    /// The solution up to a positive factor.
    fn solve(&self, right: &DVector<f64>) -> Option<DVector<f64>> {
        let factor = self.factor.as_ref()?;
        let size = right.amax();
        let mut rounded: Vec<T> = right.iter().map(|entry| T::round(entry / size)).collect();
        let to = MatMut::from_column_major_slice_mut(&mut rounded, right.len(), 1);
        factor.solve_in_place_with_conj(Conj::No, to);
        let solution = rounded.into_iter().map(|entry| size * entry.widen());
        Some(DVector::from_iterator(right.len(), solution))
    }
}
