//! The squared loss of a network, and its gradient in the four vectors of weights.

use nalgebra::{DMatrix, DVector};

use crate::simulation::dataset::Dataset;
use crate::simulation::network::{Network, blocks, blocks_mut};
use crate::simulation::sweep::sweep;

/// Cosine between residual and column below which they are orthogonal to rounding.
const ORTHOGONAL: f64 = 1e-12;

/// Roundings of the labels and of the products of weights that a residual may be.
const ROUNDINGS: f64 = 16.0;

/// `L = ||y - X beta||² / 2` at the weights where it was last evaluated.
#[derive(Debug)]
pub(super) struct SquaredLoss<'a> {
    data: &'a Dataset,
    /// The inputs, one a column: an evaluation reads each once, for its residual and its pull.
    transposed: DMatrix<f64>,
    label_norm: f64,
    column_norms: DVector<f64>,
    coefficients: DVector<f64>,
    residual: DVector<f64>,
    /// `X^T r`, minus the derivative of the loss by the coefficients.
    correlations: DVector<f64>,
    residual_square: f64,
}

impl<'a> SquaredLoss<'a> {
    pub(super) fn new(data: &'a Dataset) -> Self {
        let (samples, dimension) = data.inputs().shape();
        let norms = data.inputs().column_iter().map(|column| column.norm());
        Self {
            data,
            transposed: data.inputs().transpose(),
            label_norm: data.labels().norm(),
            column_norms: DVector::from_iterator(dimension, norms),
            coefficients: DVector::zeros(dimension),
            residual: DVector::zeros(samples),
            correlations: DVector::zeros(dimension),
            residual_square: 0.0,
        }
    }

    /// Moves to the weights of `network`, which has the dimension of the data.
    pub(super) fn evaluate(&mut self, network: &Network) {
        network.write_coefficients(&mut self.coefficients);
        self.correlations.fill(0.0);
        let (labels, residual) = (self.data.labels(), &mut self.residual);
        let explain = |sample: usize, output: f64| {
            residual[sample] = labels[sample] - output;
            residual[sample]
        };
        let coefficients = self.coefficients.as_slice();
        sweep(&self.transposed, coefficients, explain, self.correlations.as_mut_slice());
        self.residual_square = self.residual.norm_squared();
    }

    pub(super) fn value(&self) -> f64 {
        0.5 * self.residual_square
    }

    pub(super) fn training_error(&self) -> f64 {
        self.residual_square / self.data.samples() as f64
    }

    /// `X^T r`.
    pub(super) fn correlations(&self) -> &DVector<f64> {
        &self.correlations
    }

    /// Whether nothing that can move is pulled by more than rounding.
    pub(super) fn is_stationary(&self, network: &Network) -> bool {
        let residual = self.residual_square.sqrt();
        let [first_plus, readout_plus, first_minus, readout_minus] =
            blocks(network.flat().as_slice());
        // What a weight is pulled by is the other one of its path.
        let [of_first, of_readout] = network.rates();
        let weights = [
            (of_readout, first_plus),
            (of_first, readout_plus),
            (of_readout, first_minus),
            (of_first, readout_minus),
        ];
        let pulls = self.correlations.iter().zip(&self.column_norms);
        pulls.enumerate().all(|(d, (correlation, norm))| {
            correlation.abs() <= ORTHOGONAL * norm * residual
                || weights.iter().all(|(rate, block)| rate * block[d] == 0.0)
        })
    }

    /// Whether the residual is no more than the rounding of labels and coefficients. Where the
    /// products of weights are much larger than their difference, that can be a lot.
    pub(super) fn is_rounding(&self, network: &Network) -> bool {
        let [first_plus, readout_plus, first_minus, readout_minus] =
            blocks(network.flat().as_slice());
        let products = self.column_norms.iter().enumerate().map(|(d, norm)| {
            norm * (first_plus[d] * readout_plus[d])
                .abs()
                .max((first_minus[d] * readout_minus[d]).abs())
        });
        let size = products.fold(self.label_norm, f64::max);
        self.residual_square.sqrt() <= ROUNDINGS * f64::EPSILON * size
    }

    /// Minus the gradient, `dw± = ± (X^T r) v±` and `dv± = ± (X^T r) w±`, at the weights where the
    /// loss was evaluated; 0 for a layer that is frozen.
    pub(super) fn write_velocity(&self, network: &Network, velocity: &mut DVector<f64>) {
        let [first_plus, readout_plus, first_minus, readout_minus] =
            blocks(network.flat().as_slice());
        let [to_first_plus, to_readout_plus, to_first_minus, to_readout_minus] =
            blocks_mut(velocity.as_mut_slice());
        let [of_first, of_readout] = network.rates();
        for (d, &pull) in self.correlations.iter().enumerate() {
            let [of_first, of_readout] = [of_first * pull, of_readout * pull];
            to_first_plus[d] = of_first * readout_plus[d];
            to_readout_plus[d] = of_readout * first_plus[d];
            to_first_minus[d] = -of_first * readout_minus[d];
            to_readout_minus[d] = -of_readout * first_minus[d];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::initialization::{NetworkPath, Weights};
    use crate::simulation::dataset::draws;
    use crate::simulation::random::{Purpose, Stream};

    fn random_network(dimension: usize, seed: u64) -> Network {
        let mut stream = Stream::new(seed, 0, Purpose::Coefficients);
        let mut path = || NetworkPath::new(stream.normal(), stream.normal()).unwrap();
        let mut weights = || Weights { plus: path(), minus: path() };
        Network::from_weights(&(0..dimension).map(|_| weights()).collect::<Vec<_>>())
    }

    #[test]
    fn velocity_is_minus_the_gradient_of_the_loss() {
        let data = draws::noise(5, 7, 1);
        let network = random_network(7, 2);
        let mut loss = SquaredLoss::new(&data);
        loss.evaluate(&network);
        let mut velocity = DVector::zeros(28);
        loss.write_velocity(&network, &mut velocity);
        // Along one weight the loss is a polynomial of degree 2: central differences are exact.
        let step = 0.125;
        for weight in 0..28 {
            let mut at = |step| {
                let mut moved = network.clone();
                moved.flat_mut()[weight] += step;
                loss.evaluate(&moved);
                loss.value()
            };
            let slope = (at(step) - at(-step)) / (2.0 * step);
            assert!((velocity[weight] + slope).abs() < 1e-13);
        }
    }

    #[test]
    fn training_error_is_that_of_the_data() {
        let data = draws::noise(5, 7, 3);
        let network = random_network(7, 4);
        let mut loss = SquaredLoss::new(&data);
        loss.evaluate(&network);
        let expected = data.training_error(&network.coefficients()).unwrap();
        assert!((loss.training_error() / expected - 1.0).abs() < 1e-15);
        assert!((loss.value() / (2.5 * expected) - 1.0).abs() < 1e-15);
    }
}
