//! How large a step the loss allows.

use nalgebra::{DMatrix, DVector};

use crate::simulation::dataset::Dataset;
use crate::simulation::network::{Network, blocks};
use crate::simulation::squared_loss::SquaredLoss;
use crate::simulation::sweep::sweep;

/// Growth of the bound, relative to the curvature, at which the eigenvalue is computed anew.
const SLACK: f64 = 0.1;

/// Relative change of the eigenvalue at which the Lanczos process stops if several steps in a row make
/// no more, and the steps it may take.
const TOLERANCE: f64 = 1e-5;
const STILL: usize = 3;
const LANCZOS_STEPS: usize = 200;

/// Relative growths of all weights that the rise of the eigenvalue is bounded with.
const UNIFORM_GROWTHS: [f64; 4] = [0.0, 0.02, 0.05, 0.1];

/// A bound on the curvature of the loss in the weights.
///
/// The Hessian is the Gauss-Newton matrix, whose eigenvalues are those of `K = X diag(s) X^T` with
/// `s = w+² + v+² + w-² + v-²`, and a part of norm `max_d |X^T r|_d` that goes with the residual.
/// The largest eigenvalue of `K` is from the Lanczos process, hence from below (by less than 1e-5
/// in 200 random designs). As weights grow from `s` to `s'` it becomes at most
///
/// ```text
/// (1 + a) lambda_max(K) + max_d (s'_d - (1 + a) s_d)+ lambda_max(X X^T)
/// ```
///
/// for any `a >= 0`: large weights grow by a factor, small ones by an amount.
#[derive(Debug)]
pub(super) struct Curvature<'a> {
    inputs: &'a DMatrix<f64>,
    inputs_eigenvalue: f64,
    eigenvalue: f64,
    /// `s` where the eigenvalue was computed.
    reference: DVector<f64>,
    sizes: DVector<f64>,
    direction: DVector<f64>,
    image: DVector<f64>,
}

impl<'a> Curvature<'a> {
    pub(super) fn new(data: &'a Dataset) -> Self {
        let (samples, dimension) = data.inputs().shape();
        // Multiples of the golden ratio, modulo 1: an even mixture, special to no design.
        let golden = |i| (0.618_033_988_749_894_9 * (i + 1) as f64).fract() - 0.3;
        let mut curvature = Self {
            inputs: data.inputs(),
            inputs_eigenvalue: 0.0,
            eigenvalue: 0.0,
            reference: DVector::zeros(dimension),
            sizes: DVector::from_element(dimension, 1.0),
            direction: DVector::from_fn(samples, |i, _| golden(i)).normalize(),
            image: DVector::zeros(samples),
        };
        curvature.inputs_eigenvalue = curvature.largest_eigenvalue();
        curvature
    }

    /// The bound at the weights where `loss` was evaluated.
    #[cfg(test)]
    pub(super) fn bound(&mut self, network: &Network, loss: &SquaredLoss<'_>) -> f64 {
        self.bound_beyond(0.0, network, loss)
    }

    /// The bound at the weights where `loss` was evaluated. It may be loose where it is no more than
    /// `enough`.
    pub(super) fn bound_beyond(
        &mut self,
        enough: f64,
        network: &Network,
        loss: &SquaredLoss<'_>,
    ) -> f64 {
        let [first_plus, readout_plus, first_minus, readout_minus] =
            blocks(network.flat().as_slice());
        let mut growths = [0.0; UNIFORM_GROWTHS.len()];
        for (d, size) in self.sizes.iter_mut().enumerate() {
            *size = first_plus[d] * first_plus[d]
                + readout_plus[d] * readout_plus[d]
                + first_minus[d] * first_minus[d]
                + readout_minus[d] * readout_minus[d];
            for (growth, uniform) in growths.iter_mut().zip(UNIFORM_GROWTHS) {
                let beyond = *size - (1.0 + uniform) * self.reference[d];
                *growth = if beyond > *growth { beyond } else { *growth };
            }
        }
        let pull = loss.correlations().amax();
        let rises = growths
            .iter()
            .zip(UNIFORM_GROWTHS)
            .map(|(growth, uniform)| uniform * self.eigenvalue + growth * self.inputs_eigenvalue);
        let mut rise = rises.fold(f64::INFINITY, f64::min);
        let is_close = rise <= SLACK * (self.eigenvalue + pull);
        let suffices = self.eigenvalue + rise + pull <= enough;
        // Asked so that an undefined bound is computed anew.
        if !(is_close || suffices) {
            self.reference.copy_from(&self.sizes);
            self.eigenvalue = self.largest_eigenvalue();
            rise = 0.0;
        }
        self.eigenvalue + rise + pull
    }

    /// Largest eigenvalue of `X diag(sizes) X^T`, from the last direction on.
    fn largest_eigenvalue(&mut self) -> f64 {
        let mut basis: Vec<DVector<f64>> = Vec::new();
        let mut lanczos = Tridiagonal::default();
        let (mut unit, mut eigenvalue, mut still) = (1.0, 0.0, 0);
        loop {
            self.image.fill(0.0);
            let weigh = |d: usize, feature: f64| feature * self.sizes[d];
            sweep(self.inputs, self.direction.as_slice(), weigh, self.image.as_mut_slice());
            let largest = self.image.amax();
            if !largest.is_finite() || (basis.is_empty() && largest == 0.0) {
                return largest;
            }
            // Squares of the image itself may leave the range of floats.
            if basis.is_empty() {
                unit = largest;
            }
            self.image /= unit;
            lanczos.diagonal.push(self.direction.dot(&self.image));
            basis.push(self.direction.clone());
            for vector in basis.iter().rev() {
                self.image.axpy(-vector.dot(&self.image), vector, 1.0);
            }
            let previous = eigenvalue;
            eigenvalue = lanczos.largest_eigenvalue();
            let rest = self.image.norm();
            still = if eigenvalue - previous <= TOLERANCE * eigenvalue { still + 1 } else { 0 };
            let is_done = still == STILL
                || rest <= TOLERANCE * eigenvalue
                || basis.len() == LANCZOS_STEPS.min(self.image.len());
            if is_done {
                break;
            }
            lanczos.beside.push(rest);
            self.direction.copy_from(&self.image);
            self.direction /= rest;
        }
        self.direction.fill(0.0);
        for (component, vector) in lanczos.eigenvector(eigenvalue).into_iter().zip(&basis) {
            self.direction.axpy(component, vector, 1.0);
        }
        self.direction.normalize_mut();
        unit * eigenvalue
    }
}

/// A symmetric tridiagonal matrix of positive entries beside its diagonal.
#[derive(Debug, Default)]
struct Tridiagonal {
    diagonal: Vec<f64>,
    beside: Vec<f64>,
}

impl Tridiagonal {
    /// Pivots of the elimination of `value` less this matrix, which are all positive above the
    /// largest eigenvalue.
    fn pivots(&self, value: f64) -> impl Iterator<Item = f64> {
        let mut coupled = 0.0;
        self.diagonal.iter().enumerate().map(move |(row, entry)| {
            let pivot = value - entry - coupled;
            coupled = self.beside.get(row).map_or(0.0, |beside| beside * (beside / pivot));
            pivot
        })
    }

    /// By bisection, to the float above it.
    fn largest_eigenvalue(&self) -> f64 {
        let beside = |row: usize| self.beside.get(row).copied().unwrap_or(0.0);
        let mut low = self.diagonal.iter().copied().fold(0.0, f64::max);
        let mut high = low;
        for (row, entry) in self.diagonal.iter().enumerate() {
            let before = if row == 0 { 0.0 } else { beside(row - 1) };
            high = high.max(entry + before + beside(row));
        }
        loop {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                return high;
            }
            *(if self.pivots(middle).all(|pivot| pivot > 0.0) { &mut high } else { &mut low }) =
                middle;
        }
    }

    /// Components of the eigenvector of the largest eigenvalue, up to a factor.
    fn eigenvector(&self, eigenvalue: f64) -> Vec<f64> {
        let mut component = 1.0;
        let mut vector = vec![component];
        for (beside, pivot) in self.beside.iter().zip(self.pivots(eigenvalue)) {
            component *= pivot / beside;
            vector.push(component);
        }
        vector
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::initialization::{Initialization, Scales};
    use crate::simulation::dataset::draws;

    #[test]
    fn eigenvalue_is_that_of_a_dense_decomposition() {
        // As the documentation says.
        const SHORTFALL: f64 = 1e-5;
        for seed in 0..200 {
            let data = draws::noise(5 + seed as usize % 40, 60, seed);
            let mut curvature = Curvature::new(&data);
            for exponent in [0.0, 1.0, 4.0] {
                let size = |d: usize| 10.0_f64.powf(exponent * (d * 37 % 60) as f64 / 60.0);
                curvature.sizes = DVector::from_fn(60, |d, _| size(d));
                let diagonal = DMatrix::from_diagonal(&curvature.sizes);
                let matrix = data.inputs() * diagonal * data.inputs().transpose();
                let exact = matrix.symmetric_eigenvalues().max();
                let shortfall = 1.0 - curvature.largest_eigenvalue() / exact;
                assert!(
                    shortfall > -1e-13 && shortfall < SHORTFALL,
                    "{seed} {exponent} {shortfall}"
                );
            }
        }
    }

    #[test]
    fn a_loose_bound_is_no_more_than_enough() {
        let data = draws::noise(20, 50, 2);
        let mut loss = SquaredLoss::new(&data);
        let mut curvature = Curvature::new(&data);
        let mut bound_at = |c: f64, enough: f64| {
            let network = Network::uniform(
                &Initialization::new(Scales { absolute: c, relative: 0.2 }).unwrap(),
                50,
            );
            loss.evaluate(&network);
            let loose = curvature.bound_beyond(enough, &network, &loss);
            (loose, curvature.bound(&network, &loss))
        };
        for c in [1e-3, 1.0, 1e3, 1e150] {
            let (loose, close) = bound_at(c, 100.0);
            assert!(loose <= 100.0 || loose == close, "{c} {loose} {close}");
            assert!(loose >= close * (1.0 - 1e-3), "{c} {loose} {close}");
        }
    }

    #[test]
    fn bound_holds_and_is_close() {
        const SHORTFALL: f64 = 1e-3;
        let data = draws::noise(20, 50, 1);
        let mut loss = SquaredLoss::new(&data);
        let mut curvature = Curvature::new(&data);
        for growth in [1.0, 1.01, 1.02, 2.0, 30.0] {
            let initializations = (0..50).map(|d| {
                let c = if d % 7 == 0 { growth } else { 0.01 };
                Initialization::new(Scales { absolute: c, relative: 0.2 }).unwrap()
            });
            let network = Network::new(&initializations.collect::<Vec<_>>());
            loss.evaluate(&network);
            let sizes = 2.0 * network.absolute_scales();
            let matrix = data.inputs() * DMatrix::from_diagonal(&sizes) * data.inputs().transpose();
            let exact = matrix.symmetric_eigenvalues().max() + loss.correlations().amax();
            let bound = curvature.bound(&network, &loss);
            assert!(
                bound > (1.0 - SHORTFALL) * exact && bound < 1.1 * exact,
                "{growth}: {bound} {exact}"
            );
        }
    }
}
