//! Protocols of fine-tuning: what is done to the weights between two stages, and the scale and the start
//! from which training then goes on.

use std::f64::consts::FRAC_1_SQRT_2;
use std::fmt;
use std::str::FromStr;

use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::network::initialization::{NetworkPath, ScaleAndStart, Weights};
use crate::network::scale_map::{ScaleMap, check_readout_scale, growth};
use crate::numerics::double_word::DoubleWord;

/// A number that a [`Protocol`] depends on, in [1e-150, 1e150].
///
/// The constructors of [`Protocol`] check it.
///
/// # Examples
///
/// ```
/// use diagonet::Protocol;
///
/// let Protocol::Adapter { branch } = Protocol::adapter(0.1)? else { unreachable!() };
/// assert_eq!(branch.value(), 0.1);
/// assert!(Protocol::adapter(0.0).is_err());
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProtocolParameter(f64);

impl ProtocolParameter {
    const ONE: Self = Self(1.0);

    fn new(name: &'static str, value: f64) -> Result<Self> {
        Domain::PROTOCOL_PARAMETER.check(name, value).map(Self)
    }

    /// The number.
    #[must_use]
    pub fn value(self) -> f64 {
        self.0
    }

    fn square(self) -> f64 {
        self.0 * self.0
    }
}

/// Factors of the weights of both layers, see [`Protocol::rescaled`].
///
/// # Examples
///
/// ```
/// use diagonet::{LayerFactors, Protocol};
///
/// let factors = LayerFactors { first_layer: 3.0, readout: 0.5 };
/// assert_eq!(Protocol::rescaled(factors)?.to_string(), "rescaled 3 0.5");
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct LayerFactors {
    /// Of the first layer, `a` in [1e-150, 1e150].
    pub first_layer: f64,
    /// Of the readout, `b` in [1e-150, 1e150].
    pub readout: f64,
}

/// Which layers a [`Protocol`] trains.
///
/// # Examples
///
/// ```
/// use diagonet::{Protocol, TrainedLayers};
///
/// assert_eq!(Protocol::Continued.trained_layers(), TrainedLayers::Both);
/// assert_eq!(Protocol::ProbeKept.trained_layers(), TrainedLayers::Readout);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum TrainedLayers {
    /// Both: the end point minimizes the Bregman divergence of the [`Penalty`](crate::Penalty).
    Both,
    /// The first layer alone, under a frozen readout: the end point minimizes a weighted l2 norm.
    FirstLayer,
    /// The readout alone, on a frozen first layer: the end point minimizes a weighted l2 norm.
    Readout,
}

/// How fine-tuning starts from what pretraining left.
///
/// # Formula
///
/// A protocol is what it does to the four weights of a coordinate. Gradient flow from the new weights
/// sees them by a scale and a start alone ([`Weights::scale_and_start`]). With
/// `H = sqrt(c² + beta_PT²)`:
///
/// ```text
/// protocol           scale                                                   start
/// rebalanced         g² (1+lambda) (c+H) + gamma²/2                          0
/// continued          c                                                       beta_PT
/// rescaled           1/2 sqrt{ [(a²+b²) c + (a²-b²) lambda H]²
///                              + (a²-b²)² (1-lambda²) beta_PT² }             a b beta_PT
/// learning_rates     rescaled, a = r^(1/4), b = 1/a                          beta_PT
/// readout_reset      1/2 sqrt{ [c + lambda H + gamma²]²
///                              + (1-lambda²) beta_PT² }                      R
/// adapter            a0², centred at beta_PT                                 beta_PT
/// probe_kept         H + lambda c                                            beta_PT
/// probe_reset        H + lambda c                                            R
/// probe_rebalanced   2 g² (1+lambda) (c+H)                                   0
/// frozen_readout     H - lambda c                                            beta_PT
/// ```
///
/// where
/// - `c`, `lambda`, `gamma`: absolute and relative scale of pretraining, and readout scale of fine-tuning,
///   those of the [`ScaleMap`];
/// - `beta_PT`: pretrained coefficient;
/// - `g`, `a`, `b`, `r`, `a0`: parameters of the protocol, in [1e-150, 1e150];
/// - `R = (gamma/sqrt 2) sqrt(1-lambda) beta_PT / sqrt(c+H)`: `gamma/sqrt(2)` times the difference of the
///   first layers of both paths.
///
/// Where one layer is frozen, the scale is `w+² + w-²` of the frozen one, and the end point is the
/// interpolator with the smallest `sum_d (beta_d - start_d)²/scale_d`, for every `c`.
///
/// Source: Anguita et al. 2026 (arXiv:2602.20062), section 3, for the paper's own protocol; Azulay et al. 2021
/// (arXiv:2102.09769) and Kunin et al. 2024 (arXiv:2406.06158) for unbalanced weights and learning rates.
///
/// # Examples
///
/// ```
/// use diagonet::{Initialization, Protocol, ScaleMap, Scales};
///
/// let map = ScaleMap::new(Initialization::new(Scales { absolute: 0.1, relative: -0.5 })?, 0.6)?;
/// let continued = Protocol::Continued.scale_and_start(&map, 2.0)?;
/// assert_eq!((continued.scale, continued.start), (0.1, 2.0));
/// // Other learning rates, another bias.
/// let faster_readout = Protocol::learning_rates(16.0)?.scale_and_start(&map, 2.0)?;
/// assert!(faster_readout.scale > 10.0 * continued.scale && faster_readout.start == 2.0);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "String", into = "String"))]
pub enum Protocol {
    /// Paths rebalanced and readout reset, with an input gain `g` on the first layer. It makes what
    /// pretraining learned a matter of scales alone: coefficients start at 0.
    Rebalanced {
        /// Factor `g` of the first layer; 1 is the source paper's.
        input_gain: ProtocolParameter,
    },
    /// Training goes on where it ended: coefficients start at `beta_PT`, with the scale of
    /// pretraining. It is what is done where nothing is done; relative scale and readout scale play no
    /// part.
    Continued,
    /// Both layers rescaled, and nothing reset. It moves training between lazy and rich without touching
    /// what was learned.
    Rescaled {
        /// Factor `a` of the first layer.
        first_layer: ProtocolParameter,
        /// Factor `b` of the readout.
        readout: ProtocolParameter,
    },
    /// Learning rates of their own for the two layers, which is a rescaling that leaves the coefficient.
    /// It is the most common change to fine-tuning of all layers.
    LearningRates {
        /// `r = eta_readout/eta_first`.
        ratio: ProtocolParameter,
    },
    /// Readout reset to `gamma/sqrt(2)`, paths kept. It is fine-tuning with a new head.
    ReadoutReset,
    /// Linear probe: the readout goes on, the first layer is frozen. It is the cheapest test of features.
    ProbeKept,
    /// Linear probe with the readout reset to `gamma/sqrt(2)`. It is a new head on frozen features.
    ProbeReset,
    /// Linear probe on rebalanced paths with an input gain `g`. It reads the features that
    /// [`Rebalanced`](Self::Rebalanced) starts from.
    ProbeRebalanced {
        /// Factor `g` of the first layer; a common factor of all scales, which matters for an explicit
        /// penalty only.
        input_gain: ProtocolParameter,
    },
    /// The first layer goes on, the readout is frozen. It adapts the features to a given head.
    FrozenReadout,
    /// The network is frozen, and a new branch with first layer `a0` and readout 0 is trained beside it. It
    /// leaves all that was learned in place and learns the difference of the tasks.
    Adapter {
        /// First layer `a0` of both paths of the branch.
        branch: ProtocolParameter,
    },
}

/// The source paper's: [`Protocol::REBALANCED`].
impl Default for Protocol {
    fn default() -> Self {
        Self::REBALANCED
    }
}

/// The form of all names.
const CHOICES: &str = "rebalanced (or, with an input gain, rebalanced 0.5), continued, rescaled 3 0.5, \
                       learning_rates 5, readout_reset, probe_kept, probe_reset, probe_rebalanced (or \
                       probe_rebalanced 0.5), frozen_readout, adapter 0.1";

impl Protocol {
    /// Paths rebalanced and readout reset, without an input gain: the source paper's protocol.
    pub const REBALANCED: Self = Self::Rebalanced { input_gain: ProtocolParameter::ONE };

    /// [`Rebalanced`](Self::Rebalanced) with an input gain `g`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a gain outside [1e-150, 1e150].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::Protocol;
    /// assert_eq!(Protocol::rebalanced(1.0)?, Protocol::REBALANCED);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn rebalanced(input_gain: f64) -> Result<Self> {
        Ok(Self::Rebalanced { input_gain: ProtocolParameter::new("input_gain", input_gain)? })
    }

    /// [`Rescaled`](Self::Rescaled) by two factors.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a factor outside [1e-150, 1e150].
    ///
    /// # Examples
    ///
    /// See [`LayerFactors`].
    pub fn rescaled(LayerFactors { first_layer, readout }: LayerFactors) -> Result<Self> {
        Ok(Self::Rescaled {
            first_layer: ProtocolParameter::new("first_layer_factor", first_layer)?,
            readout: ProtocolParameter::new("readout_factor", readout)?,
        })
    }

    /// [`LearningRates`](Self::LearningRates) of ratio `eta_readout/eta_first`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a ratio outside [1e-150, 1e150].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::Protocol;
    /// assert!(Protocol::learning_rates(10.0).is_ok());
    /// assert!(Protocol::learning_rates(-1.0).is_err());
    /// ```
    pub fn learning_rates(ratio: f64) -> Result<Self> {
        Ok(Self::LearningRates { ratio: ProtocolParameter::new("learning_rate_ratio", ratio)? })
    }

    /// [`ProbeRebalanced`](Self::ProbeRebalanced) with an input gain `g`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a gain outside [1e-150, 1e150].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::Protocol;
    /// assert_eq!(Protocol::probe_rebalanced(1.0)?.to_string(), "probe_rebalanced");
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn probe_rebalanced(input_gain: f64) -> Result<Self> {
        let input_gain = ProtocolParameter::new("input_gain", input_gain)?;
        Ok(Self::ProbeRebalanced { input_gain })
    }

    /// [`Adapter`](Self::Adapter) of first layer `a0`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a first layer outside [1e-150, 1e150].
    ///
    /// # Examples
    ///
    /// See [`ProtocolParameter`].
    pub fn adapter(branch: f64) -> Result<Self> {
        Ok(Self::Adapter { branch: ProtocolParameter::new("branch", branch)? })
    }

    /// The protocol with a name and its parameters, in the order in which it prints them.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownName`] for another name, or another number of parameters than belong to it;
    /// [`Error::OutOfDomain`] for a parameter outside [1e-150, 1e150].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::Protocol;
    ///
    /// let protocol = Protocol::from_name("rescaled", &[3.0, 0.5])?;
    /// assert_eq!((protocol.name(), protocol.parameters()), ("rescaled", vec![3.0, 0.5]));
    /// assert!(Protocol::from_name("rescaled", &[3.0]).is_err());
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn from_name(name: &str, parameters: &[f64]) -> Result<Self> {
        match (name, parameters) {
            ("rebalanced", []) => Ok(Self::REBALANCED),
            ("rebalanced", &[gain]) => Self::rebalanced(gain),
            ("continued", []) => Ok(Self::Continued),
            ("rescaled", &[first_layer, readout]) => {
                Self::rescaled(LayerFactors { first_layer, readout })
            }
            ("learning_rates", &[ratio]) => Self::learning_rates(ratio),
            ("readout_reset", []) => Ok(Self::ReadoutReset),
            ("probe_kept", []) => Ok(Self::ProbeKept),
            ("probe_reset", []) => Ok(Self::ProbeReset),
            ("probe_rebalanced", []) => Self::probe_rebalanced(1.0),
            ("probe_rebalanced", &[gain]) => Self::probe_rebalanced(gain),
            ("frozen_readout", []) => Ok(Self::FrozenReadout),
            ("adapter", &[branch]) => Self::adapter(branch),
            _ => Err(Error::UnknownName {
                parameter: "protocol",
                value: named(name, parameters),
                choices: CHOICES,
            }),
        }
    }

    /// Name without parameters.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Rebalanced { .. } => "rebalanced",
            Self::Continued => "continued",
            Self::Rescaled { .. } => "rescaled",
            Self::LearningRates { .. } => "learning_rates",
            Self::ReadoutReset => "readout_reset",
            Self::ProbeKept => "probe_kept",
            Self::ProbeReset => "probe_reset",
            Self::ProbeRebalanced { .. } => "probe_rebalanced",
            Self::FrozenReadout => "frozen_readout",
            Self::Adapter { .. } => "adapter",
        }
    }

    /// Parameters in the order of the fields.
    #[must_use]
    pub fn parameters(&self) -> Vec<f64> {
        let parameters: &[ProtocolParameter] = match self {
            Self::Rebalanced { input_gain } | Self::ProbeRebalanced { input_gain } => {
                &[*input_gain]
            }
            Self::Rescaled { first_layer, readout } => &[*first_layer, *readout],
            Self::LearningRates { ratio } => &[*ratio],
            Self::Adapter { branch } => &[*branch],
            Self::Continued
            | Self::ReadoutReset
            | Self::ProbeKept
            | Self::ProbeReset
            | Self::FrozenReadout => &[],
        };
        parameters.iter().map(|parameter| parameter.value()).collect()
    }

    /// Layers that are trained.
    #[must_use]
    pub fn trained_layers(&self) -> TrainedLayers {
        match self {
            Self::ProbeKept | Self::ProbeReset | Self::ProbeRebalanced { .. } => {
                TrainedLayers::Readout
            }
            Self::FrozenReadout => TrainedLayers::FirstLayer,
            _ => TrainedLayers::Both,
        }
    }

    /// Whether a branch is trained beside the frozen network, whose coefficient is the centre of its
    /// penalty.
    pub(crate) fn adds_branch(&self) -> bool {
        matches!(self, Self::Adapter { .. })
    }

    /// Whether the readout scale `gamma` of the [`ScaleMap`] has a part in it.
    #[must_use]
    pub fn resets_readout(&self) -> bool {
        matches!(self, Self::Rebalanced { .. } | Self::ReadoutReset | Self::ProbeReset)
    }

    /// Whether the readout scale enters the scale of fine-tuning.
    pub(crate) fn resets_scale(&self) -> bool {
        matches!(self, Self::Rebalanced { .. } | Self::ReadoutReset)
    }

    /// Scale and start of fine-tuning for a coordinate that pretraining left at `beta_pt`.
    ///
    /// # Formula
    ///
    /// The table of [`Protocol`], with
    ///
    /// ```text
    /// H ± lambda c = beta_PT²/(c+H) + (1 ± lambda) c
    /// (a²+b²) c + (a²-b²) lambda H
    ///     = a² (1+lambda) c + b² (1-lambda) c + (a²-b²) lambda beta_PT²/(c+H)
    /// ```
    ///
    /// where at most one difference is left, which is taken in twice the precision where it cancels.
    /// Accuracy: 1e-14 relative.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for `beta_pt` outside [-1e300, 1e300], and for an absolute scale of 0 with
    /// [`Continued`](Self::Continued); [`Error::NotRepresentable`] where the scale or the start exceeds
    /// floats.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Initialization, Protocol, ScaleMap, Scales};
    ///
    /// let map = ScaleMap::new(Initialization::new(Scales { absolute: 0.3, relative: 0.0 })?, 0.0)?;
    /// // A frozen layer weighs features by what pretraining made of them.
    /// let probe = Protocol::ProbeKept.scale_and_start(&map, 0.4)?;
    /// assert!((probe.scale - 0.5).abs() < 1e-15 && probe.start == 0.4);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn scale_and_start(&self, map: &ScaleMap, beta_pt: f64) -> Result<ScaleAndStart> {
        Domain::ARGUMENT.check("beta_pt", beta_pt)?;
        let pretraining = map.pretraining();
        let c = pretraining.absolute_scale();
        let (_, grown) = growth(c, beta_pt);
        let excess = excess(beta_pt, grown);
        let kept_input = || excess + pretraining.times_one_plus_relative_scale(c);
        let reset_start = || {
            if grown > 0.0 {
                map.readout_scale() * pretraining.readout_root() * (beta_pt / grown.sqrt())
            } else {
                0.0
            }
        };
        let (scale, start) = match self {
            Self::Rebalanced { input_gain } => {
                let first_layer = pretraining.times_one_plus_relative_scale(grown);
                (input_gain.square() * first_layer + map.readout_square(), 0.0)
            }
            Self::Continued => {
                let domain = Domain::POSITIVE.when("for continued training");
                (domain.check("absolute_scale", c)?, beta_pt)
            }
            Self::Rescaled { first_layer: a, readout: b } => {
                let squares = [a, b].map(|x| DoubleWord::product(x.0, x.0));
                let scale = unbalanced_scale(map, beta_pt, excess, squares, 0.0);
                (scale, a.0 * beta_pt * b.0)
            }
            Self::LearningRates { ratio } => {
                let root = DoubleWord::from(ratio.0).sqrt();
                let squares = [root, DoubleWord::from(1.0).over(root)];
                (unbalanced_scale(map, beta_pt, excess, squares, 0.0), beta_pt)
            }
            Self::ReadoutReset => {
                let squares = [1.0, 0.0].map(DoubleWord::from);
                let scale = unbalanced_scale(map, beta_pt, excess, squares, map.readout_scale());
                (scale, reset_start())
            }
            Self::ProbeKept => (kept_input(), beta_pt),
            Self::ProbeReset => (kept_input(), reset_start()),
            Self::ProbeRebalanced { input_gain } => {
                let first_layer = pretraining.times_one_plus_relative_scale(grown);
                (2.0 * input_gain.square() * first_layer, 0.0)
            }
            Self::FrozenReadout => {
                (excess + pretraining.times_one_minus_relative_scale(c), beta_pt)
            }
            Self::Adapter { branch } => (branch.square(), beta_pt),
        };
        if scale.is_finite() && start.is_finite() {
            Ok(ScaleAndStart { scale, start })
        } else {
            Err(Error::NotRepresentable {
                quantity: "the scale or the start of fine-tuning",
                reason: "it is above 1e308",
            })
        }
    }

    /// The weights from which fine-tuning starts, given those of pretraining and the readout scale `gamma`.
    ///
    /// With learning rates of ratio `r` it is the network that trains alike at equal rates, with
    /// `w r^(1/4)` and `v r^(-1/4)`. Of an adapter it is the branch, which adds to the frozen network. Where
    /// a layer is [frozen](Self::trained_layers), its weights stay what they are.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for `readout_scale` outside 0 or [1e-153, 1e150], and where a weight leaves
    /// [-1e150, 1e150].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Initialization, Protocol, ScaleMap, Scales};
    ///
    /// let map = ScaleMap::new(Initialization::new(Scales { absolute: 0.1, relative: -0.5 })?, 0.6)?;
    /// let pretrained = map.pretraining().weights(2.0)?;
    /// let weights = Protocol::ReadoutReset.weights(pretrained, map.readout_scale())?;
    /// let by_weights = weights.scale_and_start();
    /// let closed_form = Protocol::ReadoutReset.scale_and_start(&map, 2.0)?;
    /// assert!((by_weights.scale - closed_form.scale).abs() < 1e-14);
    /// assert!((by_weights.start - closed_form.start).abs() < 1e-14);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn weights(&self, pretrained: Weights, readout_scale: f64) -> Result<Weights> {
        changed(pretrained, self.layer_changes(check_readout_scale(readout_scale)?))
    }

    /// The weights after training under this protocol, in the units that they had before it.
    #[cfg(all(feature = "simulation", feature = "quadrature"))]
    pub(crate) fn weights_after(&self, trained: Weights) -> Result<Weights> {
        changed(trained, self.layer_changes_after())
    }

    /// What is done to the first layer and to the readout before training.
    pub(crate) fn layer_changes(&self, readout_scale: f64) -> [LayerChange; 2] {
        use LayerChange::{Balanced, Reset, Scaled};

        let kept = Scaled(1.0);
        let reset = Reset(FRAC_1_SQRT_2 * readout_scale);
        match self {
            Self::Rebalanced { input_gain } => [Balanced(input_gain.0), reset],
            Self::ProbeRebalanced { input_gain } => [Balanced(input_gain.0), Reset(0.0)],
            Self::Continued | Self::ProbeKept | Self::FrozenReadout => [kept, kept],
            Self::Rescaled { first_layer, readout } => [Scaled(first_layer.0), Scaled(readout.0)],
            Self::LearningRates { ratio } => {
                let root = ratio.0.sqrt().sqrt();
                [Scaled(root), Scaled(root.recip())]
            }
            Self::ReadoutReset | Self::ProbeReset => [kept, reset],
            Self::Adapter { branch } => [Reset(branch.0), Reset(0.0)],
        }
    }

    /// What is done to both layers after training: learning rates act as a rescaling that ends with it.
    #[cfg(feature = "quadrature")]
    pub(crate) fn layer_changes_after(&self) -> [LayerChange; 2] {
        match self {
            Self::LearningRates { ratio } => {
                let root = ratio.0.sqrt().sqrt();
                [LayerChange::Scaled(root.recip()), LayerChange::Scaled(root)]
            }
            _ => [LayerChange::Scaled(1.0); 2],
        }
    }
}

/// Weights after a change of both layers.
fn changed(weights: Weights, [first_layer, readout]: [LayerChange; 2]) -> Result<Weights> {
    let Weights { plus, minus } = weights;
    let [w_plus, w_minus] = first_layer.of_paths([plus.first_layer(), minus.first_layer()]);
    let [v_plus, v_minus] = readout.of_paths([plus.readout(), minus.readout()]);
    Ok(Weights {
        plus: NetworkPath::new(w_plus, v_plus)?,
        minus: NetworkPath::new(w_minus, v_minus)?,
    })
}

/// What a protocol does to one layer of both paths.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum LayerChange {
    /// Both paths times a factor.
    Scaled(f64),
    /// Both paths to their sum, times a factor.
    Balanced(f64),
    /// Both paths to a number.
    Reset(f64),
}

impl LayerChange {
    /// The layer of the plus and the minus path.
    fn of_paths(self, [plus, minus]: [f64; 2]) -> [f64; 2] {
        match self {
            Self::Scaled(factor) => [factor * plus, factor * minus],
            Self::Balanced(factor) => [factor * (plus + minus); 2],
            Self::Reset(value) => [value; 2],
        }
    }

    /// The same in their sum and difference.
    #[cfg(feature = "quadrature")]
    pub(crate) fn of_sums(self, [sum, difference]: [f64; 2]) -> [f64; 2] {
        match self {
            Self::Scaled(factor) => [factor * sum, factor * difference],
            Self::Balanced(factor) => [2.0 * factor * sum, 0.0],
            Self::Reset(value) => [2.0 * value, 0.0],
        }
    }
}

/// Changes of what the scale and the start of fine-tuning depend on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Change {
    pub(crate) absolute_scale: f64,
    pub(crate) relative_scale: f64,
    pub(crate) readout_scale: f64,
    pub(crate) coefficient: f64,
    /// Of the protocol, in the order of its [parameters](Protocol::parameters).
    pub(crate) parameters: [f64; 2],
}

impl Protocol {
    /// Changes of scale and start with what they depend on, one-sided at the edges of domains; `None` where
    /// they are infinite.
    pub(crate) fn change(
        &self,
        map: &ScaleMap,
        beta_pt: f64,
        by: &Change,
    ) -> Option<ScaleAndStart> {
        let pretraining = map.pretraining();
        let (c, gamma) = (pretraining.absolute_scale(), map.readout_scale());
        let (norm, grown) = growth(c, beta_pt);
        // Away from zero, the norm grows as what leaves it.
        let (by_scale, by_coefficient) =
            if norm > 0.0 { (c / norm, beta_pt / norm) } else { (1.0, 1.0) };
        let norm_change = by.absolute_scale * by_scale + by.coefficient * by_coefficient;
        let grown_change = by.absolute_scale * (1.0 + by_scale) + by.coefficient * by_coefficient;
        let excess = excess(beta_pt, grown);
        let excess_change = if norm > 0.0 {
            by.coefficient * by_coefficient - by.absolute_scale * (excess / norm)
        } else {
            norm_change - by.absolute_scale
        };
        // Of (1 + lambda) x and (1 - lambda) x.
        let above = |x: f64, change: f64| {
            pretraining.times_one_plus_relative_scale(change) + x * by.relative_scale
        };
        let below = |x: f64, change: f64| {
            pretraining.times_one_minus_relative_scale(change) - x * by.relative_scale
        };
        let first_layer = |gain: f64| {
            gain * gain * above(grown, grown_change)
                + 2.0 * gain * by.parameters[0] * pretraining.times_one_plus_relative_scale(grown)
        };
        let kept_input = || excess_change + above(c, by.absolute_scale);
        let unbalanced = |[first, readout]: [f64; 2],
                          [first_change, readout_change]: [f64; 2],
                          gamma| {
            let squares = [first, readout].map(DoubleWord::from);
            let [sum, cross] = unbalanced_parts(map, beta_pt, excess, squares, gamma);
            let (difference, difference_change) = (first - readout, first_change - readout_change);
            let lambda = pretraining.relative_scale();
            let sum_change = first * above(c, by.absolute_scale)
                + readout * below(c, by.absolute_scale)
                + first_change * pretraining.times_one_plus_relative_scale(c)
                + readout_change * pretraining.times_one_minus_relative_scale(c)
                + 2.0 * gamma * if gamma > 0.0 { by.readout_scale } else { 0.0 }
                + difference_change * lambda * excess
                + difference * (by.relative_scale * excess + lambda * excess_change);
            let norm = sum.hypot(cross);
            if norm == 0.0 {
                return 0.5 * sum_change;
            }
            // 1 - lambda²
            let open = 4.0
                * pretraining.first_layer_root()
                * pretraining.readout_root()
                * pretraining.first_layer_root()
                * pretraining.readout_root();
            let cross_change = (difference * beta_pt / norm)
                * (difference_change * open * beta_pt + difference * open * by.coefficient
                    - difference * beta_pt * lambda * by.relative_scale);
            0.5 * ((sum / norm) * sum_change + cross_change)
        };
        let reset_start = || {
            let root = pretraining.readout_root();
            let ratio = if grown > 0.0 { beta_pt / grown.sqrt() } else { 0.0 };
            let ratio_change = if grown > 0.0 {
                by.coefficient / grown.sqrt() - 0.5 * ratio * (grown_change / grown)
            } else if by.coefficient == 0.0 || gamma * root == 0.0 {
                0.0
            } else {
                return None;
            };
            let root_change = if by.relative_scale == 0.0 || gamma * ratio == 0.0 {
                0.0
            } else if root > 0.0 {
                -0.25 * by.relative_scale / root
            } else {
                return None;
            };
            Some(
                by.readout_scale * root * ratio
                    + gamma * (root_change * ratio + root * ratio_change),
            )
        };
        let (scale, start) = match self {
            Self::Rebalanced { input_gain } => {
                (first_layer(input_gain.0) + gamma * by.readout_scale, 0.0)
            }
            Self::Continued => (by.absolute_scale, by.coefficient),
            Self::Rescaled { first_layer: ProtocolParameter(a), readout: ProtocolParameter(b) } => {
                let [a_change, b_change] = by.parameters;
                let squares = [2.0 * a * a_change, 2.0 * b * b_change];
                let start = a * by.coefficient * b + (a_change * b + a * b_change) * beta_pt;
                (unbalanced([a * a, b * b], squares, 0.0), start)
            }
            Self::LearningRates { ratio: ProtocolParameter(ratio) } => {
                let root = ratio.sqrt();
                let half = 0.5 * by.parameters[0] / ratio;
                let squares = [root, root.recip()];
                (unbalanced(squares, [half * root, -half / root], 0.0), by.coefficient)
            }
            Self::ReadoutReset => (unbalanced([1.0, 0.0], [0.0; 2], gamma), reset_start()?),
            Self::ProbeKept => (kept_input(), by.coefficient),
            Self::ProbeReset => (kept_input(), reset_start()?),
            Self::ProbeRebalanced { input_gain } => (2.0 * first_layer(input_gain.0), 0.0),
            Self::FrozenReadout => (excess_change + below(c, by.absolute_scale), by.coefficient),
            Self::Adapter { branch } => (2.0 * branch.0 * by.parameters[0], by.coefficient),
        };
        Some(ScaleAndStart { scale, start })
    }
}

/// `H - c`, given `c + H`.
fn excess(beta_pt: f64, grown: f64) -> f64 {
    if grown > 0.0 { beta_pt.abs() * (beta_pt.abs() / grown) } else { 0.0 }
}

/// The scale of unbalanced weights, half of the norm of its [parts](unbalanced_parts).
fn unbalanced_scale(
    map: &ScaleMap,
    beta_pt: f64,
    excess: f64,
    squares: [DoubleWord; 2],
    gamma: f64,
) -> f64 {
    let [sum, cross] = unbalanced_parts(map, beta_pt, excess, squares, gamma);
    0.5 * sum.hypot(cross)
}

/// The two numbers
///
/// ```text
/// a² (1+lambda) c + b² (1-lambda) c + gamma² + (a²-b²) lambda (H-c),      (a²-b²) sqrt(1-lambda²) beta
/// ```
///
/// given the squares of `a` and `b`, and `H - c`.
fn unbalanced_parts(
    map: &ScaleMap,
    beta_pt: f64,
    excess: f64,
    [first, readout]: [DoubleWord; 2],
    gamma: f64,
) -> [f64; 2] {
    let pretraining = map.pretraining();
    let c = pretraining.absolute_scale();
    let (a, b) = (first.value(), readout.value());
    let difference = (first - readout).value();
    let rest = a * pretraining.times_one_plus_relative_scale(c)
        + b * pretraining.times_one_minus_relative_scale(c)
        + gamma * gamma;
    let pull = difference * pretraining.relative_scale() * excess;
    let mut sum = rest + pull;
    if sum.abs() < 0.5 * rest {
        // In units of a power of two, so that nothing underflows.
        let root = (-0.5 * c.max(beta_pt.abs()).log2().floor()).floor().exp2();
        let beta = DoubleWord::from(beta_pt * root * root);
        let scales = pretraining.exact_scales(root);
        let norm = (scales.scale * scales.scale + beta * beta).sqrt();
        let gamma = DoubleWord::product(gamma * root, gamma * root);
        let excess = (beta * beta).over(scales.scale + norm);
        let exact = first * scales.above
            + readout * scales.below
            + gamma
            + (first - readout) * scales.relative * excess;
        let exact = exact.value() / root / root;
        sum = if exact.is_finite() { exact } else { sum };
    }
    let roots = 2.0 * pretraining.first_layer_root() * pretraining.readout_root();
    [sum, difference * roots * beta_pt]
}

/// A name with its parameters, as it is printed.
fn named(name: &str, parameters: &[f64]) -> String {
    parameters.iter().fold(name.to_owned(), |text, parameter| format!("{text} {parameter}"))
}

impl From<Protocol> for String {
    fn from(value: Protocol) -> Self {
        value.to_string()
    }
}

impl TryFrom<String> for Protocol {
    type Error = Error;

    fn try_from(name: String) -> Result<Self> {
        name.parse()
    }
}

/// The name that [`FromStr`](std::str::FromStr) reads: without an input gain of 1, with all other
/// parameters.
impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rebalanced { input_gain } | Self::ProbeRebalanced { input_gain }
                if *input_gain == ProtocolParameter::ONE =>
            {
                f.pad(self.name())
            }
            _ => f.pad(&named(self.name(), &self.parameters())),
        }
    }
}

/// A name and its parameters, with blanks between them; [`Error::UnknownName`] for any other text.
impl FromStr for Protocol {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unknown = || Error::UnknownName {
            parameter: "protocol",
            value: text.to_owned(),
            choices: CHOICES,
        };
        let mut words = text.split(' ');
        let name = words.next().unwrap_or_default();
        let parameters: Vec<f64> =
            words.map(str::parse).collect::<std::result::Result<_, _>>().map_err(|_| unknown())?;
        Self::from_name(name, &parameters).map_err(|error| match error {
            Error::UnknownName { .. } => unknown(),
            error => error,
        })
    }
}
