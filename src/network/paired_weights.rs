//! The four weights of a coordinate in the combinations that training multiplies by a number: what a
//! chain of protocols and stages does to them.
//!
//! With `Ws = w+ + w-`, `Wd = w+ - w-` and `Vs`, `Vd` alike, gradient flow turns the pairs `(Ws, Vd)` and
//! `(Vs, Wd)` by the same hyperbolic angle. So
//!
//! ```text
//! P = Ws + Vd,   R = Vs + Wd      grow by e^τ,
//! Q = Ws - Vd,   S = Vs - Wd      fall by e^τ,
//!
//! scale = 1/4 sqrt{ (P² + R²) (Q² + S²) },      coefficient = (P² + R² - Q² - S²)/8,
//! e^2τ = (b + H)/(b0 + H0),      H = sqrt(scale² + b²)
//! ```
//!
//! and no digits cancel along a chain of stages that starts from equal paths.

use crate::network::initialization::Initialization;
use crate::network::protocol::{LayerChange, Protocol, TrainedLayers};
use crate::network::scale_map::growth;

/// The weights, with the coefficient and the scale that they have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PairedWeights {
    /// `P`, `Q`, `R` and `S`.
    pub(crate) pairs: [f64; 4],
    pub(crate) scale: f64,
    pub(crate) coefficient: f64,
}

/// What a stage of training sees of the weights of a coordinate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Departure {
    pub(crate) weights: PairedWeights,
    /// Scale of the penalty.
    pub(crate) scale: f64,
    /// Coefficient at which training starts.
    pub(crate) start: f64,
    /// What a frozen network contributes.
    pub(crate) centre: f64,
}

/// `b + H`, without cancellation.
fn grown(scale: f64, coefficient: f64) -> f64 {
    let (norm, _) = growth(scale, coefficient);
    if coefficient >= 0.0 { norm + coefficient } else { scale * (scale / (norm - coefficient)) }
}

impl PairedWeights {
    /// The weights of an initialization.
    pub(crate) fn at(initialization: &Initialization) -> Self {
        Self::trained_from(initialization, 0.0)
    }

    /// The weights that training from an initialization leaves at a coefficient.
    fn trained_from(initialization: &Initialization, coefficient: f64) -> Self {
        let scale = initialization.absolute_scale();
        let [up, down] = [coefficient, -coefficient].map(|b| grown(scale, b).sqrt());
        let [first, readout] =
            [initialization.first_layer_root(), initialization.readout_root()].map(|x| 2.0 * x);
        Self { pairs: [first * up, first * down, readout * up, readout * down], scale, coefficient }
    }

    pub(crate) fn of_pairs(pairs: [f64; 4], coefficient: f64) -> Self {
        let [p, q, r, s] = pairs;
        Self { pairs, scale: 0.25 * p.hypot(r) * q.hypot(s), coefficient }
    }

    /// `Ws`, `Vd`, `Vs` and `Wd`.
    fn sums(&self) -> [f64; 4] {
        let [p, q, r, s] = self.pairs.map(|x| 0.5 * x);
        [p + q, p - q, r + s, r - s]
    }

    fn of_sums([ws, vd, vs, wd]: [f64; 4], coefficient: f64) -> Self {
        Self::of_pairs([ws + vd, ws - vd, vs + wd, vs - wd], coefficient)
    }

    /// The weights after a change of both layers.
    fn changed(&self, changes: [LayerChange; 2]) -> Self {
        use LayerChange::Scaled;

        if changes == [Scaled(1.0); 2] {
            return *self;
        }
        let [ws, vd, vs, wd] = self.sums();
        let [[ws, wd], [vs, vd]] = [changes[0].of_sums([ws, wd]), changes[1].of_sums([vs, vd])];
        let coefficient = match changes {
            [Scaled(first_layer), Scaled(readout)] => first_layer * self.coefficient * readout,
            _ => 0.5 * (ws * vd + wd * vs),
        };
        Self::of_sums([ws, vd, vs, wd], coefficient)
    }

    /// What training sees after a protocol with a readout scale.
    pub(crate) fn depart(&self, protocol: Protocol, readout_scale: f64) -> Departure {
        let trained = self.changed(protocol.layer_changes(readout_scale));
        let [ws, vd, vs, wd] = trained.sums();
        let of_layer = |sum: f64, difference: f64| 0.5 * sum.hypot(difference).powi(2);
        let scale = match protocol.trained_layers() {
            TrainedLayers::Both => trained.scale,
            TrainedLayers::Readout => of_layer(ws, wd),
            TrainedLayers::FirstLayer => of_layer(vs, vd),
        };
        // A branch is trained beside the network.
        let (weights, centre) =
            if protocol.adds_branch() { (*self, self.coefficient) } else { (trained, 0.0) };
        Departure { weights, scale, start: weights.coefficient, centre }
    }
}

impl Departure {
    /// The weights that training under the protocol of this departure leaves at a coefficient.
    ///
    /// An adapter leaves the frozen network.
    pub(crate) fn arrive(&self, protocol: Protocol, coefficient: f64) -> PairedWeights {
        let weights = &self.weights;
        if self.scale == 0.0 || protocol.adds_branch() {
            return *weights;
        }
        match protocol.trained_layers() {
            TrainedLayers::Both => {
                let turn = |sign: f64| {
                    let [from, to] = [self.start, coefficient].map(|b| grown(self.scale, sign * b));
                    (to / from).sqrt()
                };
                let (up, down) = (turn(1.0), turn(-1.0));
                let [p, q, r, s] = weights.pairs;
                let trained = PairedWeights {
                    pairs: [p * up, q * down, r * up, s * down],
                    scale: self.scale,
                    coefficient,
                };
                trained.changed(protocol.layer_changes_after())
            }
            layers => {
                let step = (coefficient - self.start) / self.scale;
                let [ws, vd, vs, wd] = weights.sums();
                let sums = if layers == TrainedLayers::Readout {
                    [ws, vd + step * ws, vs + step * wd, wd]
                } else {
                    [ws + step * vd, vd, vs, wd + step * vs]
                };
                PairedWeights::of_sums(sums, coefficient)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::initialization::{GapScales, NetworkPath, Weights};
    use crate::network::protocol::LayerFactors;
    use crate::network::scale_map::ScaleMap;

    fn protocols() -> Vec<Protocol> {
        let factors = LayerFactors { first_layer: 2.0, readout: 0.7 };
        vec![
            Protocol::rebalanced(0.3).unwrap(),
            Protocol::Continued,
            Protocol::rescaled(factors).unwrap(),
            Protocol::learning_rates(5.0).unwrap(),
            Protocol::ReadoutReset,
            Protocol::ProbeKept,
            Protocol::ProbeReset,
            Protocol::probe_rebalanced(2.0).unwrap(),
            Protocol::FrozenReadout,
        ]
    }

    fn close(a: f64, b: f64, unit: f64) -> bool {
        (a - b).abs() <= 1e-13 * unit.max(b.abs())
    }

    #[test]
    fn departures_are_the_closed_forms() {
        for c in [1e-6, 0.3, 40.0] {
            for gap in [1e-8, 0.3, 1.0, 2.0] {
                let pretraining =
                    Initialization::from_lambda_gap(GapScales { absolute: c, lambda_gap: gap })
                        .unwrap();
                for gamma in [0.0, 0.6] {
                    let map = ScaleMap::new(pretraining, gamma).unwrap();
                    for beta in [-3.0, 0.0, 1e-3, 2.0] {
                        let weights = PairedWeights::trained_from(&pretraining, beta);
                        for protocol in protocols() {
                            let closed = protocol.scale_and_start(&map, beta).unwrap();
                            let departure = weights.depart(protocol, gamma);
                            let unit = c + beta.abs();
                            assert!(
                                close(departure.scale, closed.scale, unit)
                                    && close(departure.start, closed.start, unit),
                                "{protocol} {c} {gap} {gamma} {beta}: {departure:?} {closed:?}"
                            );
                        }
                    }
                }
            }
        }
    }

    /// The weights themselves, through three stages under all pairs of protocols.
    #[test]
    fn chains_are_those_of_the_weights() {
        let unpaired = |weights: &PairedWeights| {
            let [ws, vd, vs, wd] = weights.sums().map(|x| 0.5 * x);
            Weights {
                plus: NetworkPath::new(ws + wd, vs + vd).unwrap(),
                minus: NetworkPath::new(ws - wd, vs - vd).unwrap(),
            }
        };
        let pretraining =
            Initialization::from_lambda_gap(GapScales { absolute: 0.2, lambda_gap: 0.6 }).unwrap();
        let gamma = 0.8;
        for first in protocols() {
            for second in protocols() {
                let mut weights = PairedWeights::trained_from(&pretraining, 1.3);
                for (protocol, target) in [(first, -0.7), (second, 0.4), (first, 2.0)] {
                    let departure = weights.depart(protocol, gamma);
                    let by_weights = protocol.weights(unpaired(&weights), gamma).unwrap();
                    let conserved = by_weights.scale_and_start();
                    if protocol.trained_layers() == TrainedLayers::Both {
                        assert!(close(departure.scale, conserved.scale, 1.0), "{first} {second}");
                    }
                    assert!(close(departure.start, conserved.start, 1.0), "{first} {second}");
                    weights = departure.arrive(protocol, target);
                    let trained = unpaired(&weights);
                    assert!(close(trained.coefficient(), target, 1.0), "{first} {second}");
                    assert!(close(weights.scale, trained.scale_and_start().scale, 1.0));
                }
            }
        }
    }
}
