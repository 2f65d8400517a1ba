//! How large a step the loss allows.

use nalgebra::{DMatrix, DVector};

use crate::simulation::dataset::Dataset;
use crate::simulation::network::{Network, blocks};
use crate::simulation::squared_loss::SquaredLoss;

/// Growth of the bound, relative to the curvature, at which the eigenvalue is computed anew.
const SLACK: f64 = 0.1;

/// Relative change at which the power iteration stops, and the iterations it may take.
const POWER_TOLERANCE: f64 = 1e-5;
const POWER_ITERATIONS: usize = 200;

/// A bound on the curvature of the loss in the weights.
///
/// The Hessian is the Gauss-Newton matrix, whose eigenvalues are those of `K = X diag(s) X^T` with
/// `s = w+² + v+² + w-² + v-²`, and a part of norm `max_d |X^T r|_d` that goes with the residual.
/// The largest eigenvalue of `K` is from power iteration, hence from below (by 2e-4 in the worst of
/// 200 random designs); as weights grow it rises by no more than `max_d Δs_d` times that of `X X^T`.
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
    features: DVector<f64>,
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
            features: DVector::zeros(dimension),
        };
        curvature.inputs_eigenvalue = curvature.power_iteration();
        curvature
    }

    /// The bound at the weights where `loss` was evaluated.
    pub(super) fn bound(&mut self, network: &Network, loss: &SquaredLoss<'_>) -> f64 {
        let [first_plus, readout_plus, first_minus, readout_minus] =
            blocks(network.flat().as_slice());
        let mut growth = 0.0_f64;
        for (d, size) in self.sizes.iter_mut().enumerate() {
            *size = first_plus[d] * first_plus[d]
                + readout_plus[d] * readout_plus[d]
                + first_minus[d] * first_minus[d]
                + readout_minus[d] * readout_minus[d];
            growth = growth.max(*size - self.reference[d]);
        }
        let pull = loss.correlations().amax();
        let mut rise = growth * self.inputs_eigenvalue;
        if rise > SLACK * (self.eigenvalue + pull) {
            self.reference.copy_from(&self.sizes);
            self.eigenvalue = self.power_iteration();
            rise = 0.0;
        }
        self.eigenvalue + rise + pull
    }

    /// Largest eigenvalue of `X diag(sizes) X^T`, from the last direction on.
    fn power_iteration(&mut self) -> f64 {
        let mut eigenvalue = 0.0;
        for _ in 0..POWER_ITERATIONS {
            self.features.gemv_tr(1.0, self.inputs, &self.direction, 0.0);
            self.features.component_mul_assign(&self.sizes);
            self.image.gemv(1.0, self.inputs, &self.features, 0.0);
            // Squares of the image itself may leave the range of floats.
            let largest = self.image.amax();
            if largest == 0.0 || !largest.is_finite() {
                return largest;
            }
            self.direction.copy_from(&self.image);
            self.direction /= largest;
            let norm = self.direction.norm();
            self.direction /= norm;
            let previous = eigenvalue;
            eigenvalue = largest * norm;
            if (eigenvalue - previous).abs() <= POWER_TOLERANCE * eigenvalue {
                break;
            }
        }
        eigenvalue
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::initialization::{Initialization, Scales};
    use crate::simulation::dataset::draws;

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
