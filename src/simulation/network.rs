//! The weights of a finite network.

use nalgebra::DVector;

use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::network::initialization::{Initialization, NetworkPath, ScaleAndStart, Weights};
use crate::network::protocol::{Protocol, TrainedLayers};
use crate::simulation::dataset::check_length;

/// A diagonal linear network of finite width: four vectors of weights.
///
/// # Formula
///
/// ```text
/// f(x) = x · beta,      beta_d = w+_d v+_d - w-_d v-_d
/// ```
///
/// where
/// - `w±`: weights of the first layer;
/// - `v±`: weights of the readout.
///
/// Source: Anguita et al. 2026 (arXiv:2602.20062), section 3.
///
/// # Examples
///
/// ```
/// use diagonet::{Initialization, Scales};
/// use diagonet::simulation::{Dataset, GradientFlow, Network};
/// use nalgebra::{dmatrix, dvector};
///
/// let start = Network::uniform(&Initialization::new(Scales { absolute: 1e-2, relative: 0.3 })?, 2);
/// let data = Dataset::new(dmatrix![1.0, 0.5], dvector![1.0])?;
/// let trained = GradientFlow::new().train(start, &data)?.network;
/// // The implicit bias: asinh(beta/c) is a multiple of the one input.
/// let arc = |d: usize| (trained.coefficients()[d] / 1e-2).asinh();
/// assert!((arc(0) - 2.0 * arc(1)).abs() < 1e-8);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// The blocks w+, v+, w-, v-, one after the other.
    weights: DVector<f64>,
    trained_layers: TrainedLayers,
}

impl Network {
    /// The network with each coordinate at its own initialization.
    #[must_use]
    pub fn new(initializations: &[Initialization]) -> Self {
        Self::from_paths(initializations.iter().map(|initialization| {
            let path =
                NetworkPath::of_network(initialization.first_layer(), initialization.readout());
            Weights { plus: path, minus: path }
        }))
    }

    /// The network with all coordinates at one initialization.
    #[must_use]
    pub fn uniform(initialization: &Initialization, dimension: usize) -> Self {
        Self::new(&vec![*initialization; dimension])
    }

    /// The network with these weights.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::Network;
    /// use diagonet::{NetworkPath, Weights};
    ///
    /// let weights = Weights { plus: NetworkPath::new(2.0, 3.0)?, minus: NetworkPath::new(1.0, 1.0)? };
    /// assert_eq!(Network::from_weights(&[weights]).coefficients()[0], 5.0);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn from_weights(weights: &[Weights]) -> Self {
        Self::from_paths(weights.iter().copied())
    }

    fn from_paths(coordinates: impl ExactSizeIterator<Item = Weights>) -> Self {
        let mut weights = DVector::zeros(4 * coordinates.len());
        let [first_plus, readout_plus, first_minus, readout_minus] =
            blocks_mut(weights.as_mut_slice());
        for (d, Weights { plus, minus }) in coordinates.enumerate() {
            first_plus[d] = plus.first_layer();
            readout_plus[d] = plus.readout();
            first_minus[d] = minus.first_layer();
            readout_minus[d] = minus.readout();
        }
        Self { weights, trained_layers: TrainedLayers::Both }
    }

    /// The same network with other layers that training moves, both unless set.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::{Dataset, GradientFlow, Network};
    /// use diagonet::{Initialization, Scales, TrainedLayers};
    /// use nalgebra::{dmatrix, dvector};
    ///
    /// let start = Network::uniform(&Initialization::new(Scales { absolute: 0.5, relative: 0.0 })?, 1);
    /// let first_layer = start.weights(0).unwrap().plus.first_layer();
    /// let probe = start.with_trained_layers(TrainedLayers::Readout);
    /// let data = Dataset::new(dmatrix![1.0], dvector![2.0])?;
    /// let trained = GradientFlow::new().train(probe, &data)?.network;
    /// assert_eq!(trained.weights(0).unwrap().plus.first_layer(), first_layer);
    /// assert!((trained.coefficients()[0] - 2.0).abs() < 1e-9);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn with_trained_layers(self, trained_layers: TrainedLayers) -> Self {
        Self { trained_layers, ..self }
    }

    /// Layers that training moves.
    #[must_use]
    pub fn trained_layers(&self) -> TrainedLayers {
        self.trained_layers
    }

    /// Learning rates of first layer and readout: 1, or 0 where the layer is frozen.
    pub(super) fn rates(&self) -> [f64; 2] {
        match self.trained_layers {
            TrainedLayers::Both => [1.0, 1.0],
            TrainedLayers::FirstLayer => [1.0, 0.0],
            TrainedLayers::Readout => [0.0, 1.0],
        }
    }

    /// Number D of coordinates.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.weights.len() / 4
    }

    /// The four weights of a coordinate; `None` beyond the last.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Initialization, LayerScales};
    /// use diagonet::simulation::Network;
    ///
    /// let network = Network::uniform(&Initialization::from_layers(LayerScales { first_layer: 0.3, readout: 0.4 })?, 1);
    /// assert_eq!(network.weights(0).unwrap().conserved().absolute_scale, 0.25);
    /// assert_eq!(network.weights(1), None);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn weights(&self, coordinate: usize) -> Option<Weights> {
        let [first_plus, readout_plus, first_minus, readout_minus] =
            blocks(self.weights.as_slice());
        Some(Weights {
            plus: NetworkPath::of_network(*first_plus.get(coordinate)?, readout_plus[coordinate]),
            minus: NetworkPath::of_network(first_minus[coordinate], readout_minus[coordinate]),
        })
    }

    /// The weights, coordinate by coordinate.
    pub(super) fn coordinates(&self) -> impl Iterator<Item = Weights> {
        (0..self.dimension()).map_while(|d| self.weights(d))
    }

    /// The blocks w+, v+, w-, v-, one after the other.
    pub(super) fn flat(&self) -> &DVector<f64> {
        &self.weights
    }

    /// As [`Network::flat`], to train.
    pub(super) fn flat_mut(&mut self) -> &mut DVector<f64> {
        &mut self.weights
    }

    /// Coefficients `beta = w+ v+ - w- v-`.
    #[must_use]
    pub fn coefficients(&self) -> DVector<f64> {
        let mut coefficients = DVector::zeros(self.dimension());
        self.write_coefficients(&mut coefficients);
        coefficients
    }

    pub(super) fn write_coefficients(&self, coefficients: &mut DVector<f64>) {
        let [first_plus, readout_plus, first_minus, readout_minus] =
            blocks(self.weights.as_slice());
        for (d, coefficient) in coefficients.iter_mut().enumerate() {
            *coefficient = first_plus[d] * readout_plus[d] - first_minus[d] * readout_minus[d];
        }
    }

    /// Absolute scales `w+ w- + v+ v-`, which training by gradient flow conserves.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Initialization, Scales};
    /// use diagonet::simulation::Network;
    ///
    /// let initialization = Initialization::new(Scales { absolute: 0.25, relative: 0.5 })?;
    /// let network = Network::from_weights(&[initialization.weights(3.0)?]);
    /// assert!((network.absolute_scales()[0] - 0.25).abs() < 1e-15);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn absolute_scales(&self) -> DVector<f64> {
        let scales = self.coordinates().map(|weights| weights.conserved().absolute_scale);
        DVector::from_iterator(self.dimension(), scales)
    }

    /// The network at the start of fine-tuning: paths rebalanced, readout reset.
    ///
    /// # Formula
    ///
    /// ```text
    /// w+ = w- := w+ + w-,      v+ = v- := gamma / sqrt(2)
    /// ```
    ///
    /// where
    /// - `gamma`: readout scale, 0 or in [1e-153, 1e150].
    ///
    /// Source: Anguita et al. 2026 (arXiv:2602.20062), section 3.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for `readout_scale` outside its domain, and where the sum of two
    /// weights lies beyond 1e150.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::Network;
    /// use diagonet::{Initialization, ScaleMap, Scales};
    ///
    /// let pretraining = Initialization::new(Scales { absolute: 0.1, relative: -0.5 })?;
    /// let pretrained = Network::from_weights(&[pretraining.weights(2.0)?]);
    /// let scale = pretrained.rebalanced(0.3)?.absolute_scales()[0];
    /// let expected = ScaleMap::new(pretraining, 0.3)?.fine_tuning_scale(2.0)?;
    /// assert!((scale - expected).abs() < 1e-14);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn rebalanced(&self, readout_scale: f64) -> Result<Self> {
        self.under(&Protocol::REBALANCED, readout_scale)
    }

    /// The network at the start of fine-tuning by a protocol, see [`Protocol::weights`], with the
    /// [layers](Self::trained_layers) that it trains.
    ///
    /// # Errors
    ///
    /// As [`Protocol::weights`], for the first offending coordinate.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::Network;
    /// use diagonet::{Initialization, Protocol, Scales};
    ///
    /// let pretraining = Initialization::new(Scales { absolute: 0.1, relative: -0.5 })?;
    /// let pretrained = Network::from_weights(&[pretraining.weights(2.0)?]);
    /// assert_eq!(pretrained.under(&Protocol::Continued, 0.0)?, pretrained);
    /// assert_eq!(pretrained.under(&Protocol::ReadoutReset, 0.0)?.coefficients()[0], 0.0);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn under(&self, protocol: &Protocol, readout_scale: f64) -> Result<Self> {
        let weights = self.coordinates().map(|weights| protocol.weights(weights, readout_scale));
        let network = Self::from_weights(&weights.collect::<Result<Vec<_>>>()?);
        Ok(network.with_trained_layers(protocol.trained_layers()))
    }

    /// The network that gradient flow of the [trained layers](Self::trained_layers) leaves where it ends at
    /// these coefficients. What cannot move stays.
    ///
    /// # Formula
    ///
    /// With the [scale and start](Weights::scale_and_start) `c`, `b0` of a coordinate, training of both layers
    /// multiplies `w+ + v+` and `w- - v-` by `e^t` and `w+ - v+` and `w- + v-` by `e^-t`, where
    ///
    /// ```text
    /// e^2t = (beta + sqrt(c² + beta²)) / (b0 + sqrt(c² + b0²))
    /// ```
    ///
    /// Training of the readout alone adds `±(beta - b0) w± / (w+² + w-²)` to `v±`, and the same with the layers
    /// exchanged.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] for another number of coefficients; [`Error::OutOfDomain`] where a
    /// weight leaves [-1e150, 1e150].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::Network;
    /// use diagonet::{Initialization, Scales};
    /// use nalgebra::dvector;
    ///
    /// let initialization = Initialization::new(Scales { absolute: 0.1, relative: -0.5 })?;
    /// let trained = Network::uniform(&initialization, 1).trained_to(&dvector![2.0])?;
    /// let expected = Network::from_weights(&[initialization.weights(2.0)?]);
    /// assert!((trained.coefficients() - dvector![2.0]).norm() < 1e-14);
    /// assert!(trained.drift(&expected)? < 1e-14);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn trained_to(&self, coefficients: &DVector<f64>) -> Result<Self> {
        check_length("coefficients", coefficients.len(), self.dimension())?;
        let weights = self.coordinates().zip(coefficients).map(|(weights, &coefficient)| {
            let Weights { plus, minus } = weights;
            let [w, v] =
                [[plus.first_layer(), minus.first_layer()], [plus.readout(), minus.readout()]];
            let moved = |layer: [f64; 2], frozen: [f64; 2]| {
                let scale = frozen[0].mul_add(frozen[0], frozen[1] * frozen[1]);
                let distance = coefficient - weights.coefficient();
                let step = if scale > 0.0 { distance / scale } else { 0.0 };
                [layer[0] + step * frozen[0], layer[1] - step * frozen[1]]
            };
            let [w, v] = match self.trained_layers {
                TrainedLayers::Readout => [w, moved(v, w)],
                TrainedLayers::FirstLayer => [moved(w, v), v],
                TrainedLayers::Both => {
                    let ScaleAndStart { scale, start } = weights.scale_and_start();
                    let grown = |b: f64| {
                        let norm = scale.hypot(b);
                        if b >= 0.0 { norm + b } else { scale * (scale / (norm - b)) }
                    };
                    let up =
                        if scale > 0.0 { (grown(coefficient) / grown(start)).sqrt() } else { 1.0 };
                    let [plus_up, plus_down] = [(w[0] + v[0]) * up, (w[0] - v[0]) / up];
                    let [minus_up, minus_down] = [(w[1] - v[1]) * up, (w[1] + v[1]) / up];
                    [
                        [0.5 * (plus_up + plus_down), 0.5 * (minus_down + minus_up)],
                        [0.5 * (plus_up - plus_down), 0.5 * (minus_down - minus_up)],
                    ]
                }
            };
            Ok(Weights {
                plus: NetworkPath::new(w[0], v[0])?,
                minus: NetworkPath::new(w[1], v[1])?,
            })
        });
        let network = Self::from_weights(&weights.collect::<Result<Vec<_>>>()?);
        Ok(network.with_trained_layers(self.trained_layers))
    }

    /// The network after training under a protocol whose learning rates acted as a rescaling.
    #[cfg(feature = "quadrature")]
    pub(super) fn after(&self, protocol: &Protocol) -> Result<Self> {
        let weights = self.coordinates().map(|weights| protocol.weights_after(weights));
        Ok(Self::from_weights(&weights.collect::<Result<Vec<_>>>()?))
    }

    /// Mean squared distance `||beta - reference||² / D` of the coefficients to others.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] where `reference` has another dimension; [`Error::OutOfDomain`]
    /// where it leaves [-1e150, 1e150]; [`Error::NotRepresentable`] where the distance overflows.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Initialization, Scales};
    /// use diagonet::simulation::Network;
    /// use nalgebra::dvector;
    ///
    /// let start = Network::uniform(&Initialization::new(Scales { absolute: 1.0, relative: 0.0 })?, 2);
    /// assert_eq!(start.distance(&dvector![1.0, -3.0])?, 5.0);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn distance(&self, reference: &DVector<f64>) -> Result<f64> {
        check_length("reference", reference.len(), self.dimension())?;
        for &coefficient in reference {
            Domain::COEFFICIENT.check("reference", coefficient)?;
        }
        let difference = self.coefficients() - reference;
        let distance = difference.norm_squared() / self.dimension().max(1) as f64;
        if distance.is_finite() {
            Ok(distance)
        } else {
            Err(Error::NotRepresentable { quantity: "the distance", reason: "it overflows" })
        }
    }

    /// Drift of the conserved quantities from those of another network.
    ///
    /// # Formula
    ///
    /// The largest, over coordinates, of the differences
    ///
    /// ```text
    /// |Δ(w+² - v+²)| / p+²,      |Δ(w-² - v-²)| / p-²,      |Δ(w+ w- + v+ v-)| / (p+ p-)
    /// ```
    ///
    /// where
    /// - `p± = sqrt(w±² + v±²)`: lengths of the paths of this network, which bound the quantities.
    ///
    /// From equal paths, `p+ p-` is `c` or more at all times. Training of one layer conserves none of them,
    /// and its drift is 0.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] where `start` has another dimension.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Initialization, Scales};
    /// use diagonet::simulation::Network;
    ///
    /// let initialization = Initialization::new(Scales { absolute: 0.1, relative: -0.8 })?;
    /// let network = |beta| Ok(Network::from_weights(&[initialization.weights(beta)?]));
    /// assert!(network(5.0)?.drift(&network(0.0)?)? < 1e-14);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn drift(&self, start: &Self) -> Result<f64> {
        check_length("start", start.dimension(), self.dimension())?;
        Ok(self.drift_of_equal(start))
    }

    /// How far training has shrunk the absolute scales from those of another network.
    ///
    /// # Formula
    ///
    /// ```text
    /// mean_d ln(c_d(start) / c_d)
    /// ```
    ///
    /// over the coordinates that can move, `c_d(start) > 0`; 0 without any.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] where `start` has another dimension; [`Error::NotRepresentable`] where
    /// a scale has changed its sign or vanished, in a step that was too large.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Initialization, Scales};
    /// use diagonet::simulation::Network;
    ///
    /// let network = |scale| -> diagonet::Result<_> {
    ///     let scales = Scales { absolute: scale, relative: 0.5 };
    ///     Ok(Network::uniform(&Initialization::new(scales)?, 2))
    /// };
    /// let shrinkage = network(0.1)?.log_shrinkage(&network(0.2)?)?;
    /// assert!((shrinkage - 2.0_f64.ln()).abs() < 1e-14);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn log_shrinkage(&self, start: &Self) -> Result<f64> {
        check_length("start", start.dimension(), self.dimension())?;
        let (mut sum, mut count) = (0.0, 0_usize);
        for (now, start) in self.absolute_scales().iter().zip(start.absolute_scales().iter()) {
            if *start > 0.0 {
                sum += start.ln() - now.ln();
                count += 1;
            }
        }
        let mean = if count == 0 { 0.0 } else { sum / count as f64 };
        if mean.is_finite() {
            Ok(mean)
        } else {
            Err(Error::NotRepresentable {
                quantity: "the logarithm of an absolute scale",
                reason: "a step was so large that the scale changed its sign or vanished",
            })
        }
    }

    /// As [`Network::drift`], for a network of the same dimension.
    pub(super) fn drift_of_equal(&self, start: &Self) -> f64 {
        if self.trained_layers != TrainedLayers::Both {
            return 0.0;
        }
        let drift = |(now, start): (Weights, Weights)| {
            let length = |path: NetworkPath| path.first_layer().hypot(path.readout());
            let (plus, minus) = (length(now.plus), length(now.minus));
            let (now, start) = (now.conserved(), start.conserved());
            let relative = |now: f64, start: f64, size: f64| {
                if now == start { 0.0 } else { (now - start).abs() / size }
            };
            relative(now.imbalance_plus, start.imbalance_plus, plus * plus)
                .max(relative(now.imbalance_minus, start.imbalance_minus, minus * minus))
                .max(relative(now.absolute_scale, start.absolute_scale, plus * minus))
        };
        self.coordinates().zip(start.coordinates()).map(drift).fold(0.0, f64::max)
    }
}

/// The blocks w+, v+, w-, v- of a flat vector.
pub(super) fn blocks(flat: &[f64]) -> [&[f64]; 4] {
    let (plus, minus) = flat.split_at(flat.len() / 2);
    let (first_plus, readout_plus) = plus.split_at(plus.len() / 2);
    let (first_minus, readout_minus) = minus.split_at(minus.len() / 2);
    [first_plus, readout_plus, first_minus, readout_minus]
}

/// As [`blocks`], to write.
pub(super) fn blocks_mut(flat: &mut [f64]) -> [&mut [f64]; 4] {
    let (plus, minus) = flat.split_at_mut(flat.len() / 2);
    let (first_plus, readout_plus) = plus.split_at_mut(plus.len() / 2);
    let (first_minus, readout_minus) = minus.split_at_mut(minus.len() / 2);
    [first_plus, readout_plus, first_minus, readout_minus]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_returned_as_given() {
        let weights = [
            Weights {
                plus: NetworkPath::new(1.0, 2.0).unwrap(),
                minus: NetworkPath::new(3.0, 4.0).unwrap(),
            },
            Weights {
                plus: NetworkPath::new(5.0, 6.0).unwrap(),
                minus: NetworkPath::new(7.0, 8.0).unwrap(),
            },
        ];
        let network = Network::from_weights(&weights);
        assert_eq!(network.coordinates().collect::<Vec<_>>(), weights);
        assert_eq!(network.coefficients(), DVector::from_vec(vec![-10.0, -26.0]));
        assert_eq!(network.absolute_scales(), DVector::from_vec(vec![11.0, 83.0]));
    }

    #[test]
    fn drift_is_that_of_the_worst_quantity() {
        let network = |values: [f64; 4]| {
            Network::from_weights(&[Weights {
                plus: NetworkPath::new(values[0], values[1]).unwrap(),
                minus: NetworkPath::new(values[2], values[3]).unwrap(),
            }])
        };
        let start = network([3.0, 4.0, 3.0, 4.0]);
        // The paths turned: of equal length, 7 apart in imbalance, 1 in absolute scale.
        assert_eq!(network([4.0, 3.0, 3.0, 4.0]).drift(&start), Ok(14.0 / 25.0));
        assert_eq!(network([3.0, 4.0, 4.0, 3.0]).drift(&start), Ok(14.0 / 25.0));
        assert_eq!(network([3.0, 4.0, -3.0, -4.0]).drift(&start), Ok(2.0));
        assert_eq!(network([0.0; 4]).drift(&network([0.0; 4])), Ok(0.0));
    }

    #[test]
    fn a_distance_that_overflows_is_an_error() {
        let path = NetworkPath::new(1e150, 1e10).unwrap();
        let rest = NetworkPath::new(0.0, 0.0).unwrap();
        let network = Network::from_weights(&[Weights { plus: path, minus: rest }]);
        let error = network.distance(&DVector::zeros(1)).unwrap_err();
        assert!(matches!(error, Error::NotRepresentable { quantity: "the distance", .. }));
    }

    #[test]
    fn rebalanced_weights_stay_in_their_domain() {
        let path = NetworkPath::new(1e150, 0.0).unwrap();
        let network = Network::from_weights(&[Weights { plus: path, minus: path }]);
        let error = network.rebalanced(0.0).unwrap_err();
        assert!(matches!(error, Error::OutOfDomain { parameter: "first_layer", .. }));
        let error = network.rebalanced(-1.0).unwrap_err();
        assert!(matches!(error, Error::OutOfDomain { parameter: "readout_scale", .. }));
    }
}
