//! The initialization of a network by the scales of its layers, and its weights along training.

use std::f64::consts::FRAC_1_SQRT_2;

use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::numerics::double_word::DoubleWord;

/// Absolute and relative scale of an initialization, see [`Initialization::new`].
///
/// # Examples
///
/// ```
/// use diagonet::{Initialization, Scales};
///
/// let scales = Scales { absolute: 1e-3, relative: -0.9 };
/// assert_eq!(Initialization::new(scales)?.relative_scale(), scales.relative);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Scales {
    /// Absolute scale `c`, 0 or in [1e-300, 1e300].
    pub absolute: f64,
    /// Relative scale `lambda`, in [-1, 1].
    pub relative: f64,
}

/// Absolute scale of an initialization, and distance of its relative scale from -1, see
/// [`Initialization::from_lambda_gap`].
///
/// # Examples
///
/// ```
/// use diagonet::{GapScales, Initialization};
///
/// let scales = GapScales { absolute: 1e-3, lambda_gap: 1e-20 };
/// assert_eq!(Initialization::from_lambda_gap(scales)?.lambda_gap(), scales.lambda_gap);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct GapScales {
    /// Absolute scale `c`, 0 or in [1e-300, 1e300].
    pub absolute: f64,
    /// `1 + lambda`, 0 or in [1e-300, 2].
    pub lambda_gap: f64,
}

/// Scales of the two layers of an initialization, see [`Initialization::from_layers`].
///
/// # Examples
///
/// ```
/// use diagonet::{Initialization, LayerScales};
///
/// let scales = LayerScales { first_layer: 0.6, readout: 0.8 };
/// assert_eq!(Initialization::from_layers(scales)?.readout(), scales.readout);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct LayerScales {
    /// First layer `w0`, 0 or in [1e-150, 1e150].
    pub first_layer: f64,
    /// Readout `v0`, 0 or in [1e-150, 1e150].
    pub readout: f64,
}

/// The initial weights of the two layers of a diagonal linear network.
///
/// # Formula
///
/// The network computes `$\beta = w_+ v_+ - w_- v_-$` in every coordinate, with first layer `$w$` and
/// readout `$v$`. Both paths start equal, `$w_\pm = w_0$` and `$v_\pm = v_0$`, so that
/// `$\beta(0) = 0$`, and
///
/// `$$ c = w_0^2 + v_0^2, \qquad \lambda = \frac{w_0^2 - v_0^2}{c} $$`
///
/// `$$ w_0 = \sqrt{c (1 + \lambda)/2}, \qquad v_0 = \sqrt{c (1 - \lambda)/2} $$`
///
/// where
/// - `$c$`: [absolute scale](Self::absolute_scale), 0 or in [1e-300, 1e300]; small is rich, large is
///   lazy, 0 is the limit of a vanishing initialization;
/// - `$\lambda$`: [relative scale](Self::relative_scale), in [-1, 1]; -1 is a first layer at zero, +1 a
///   readout at zero;
/// - `$w_0$`, `$v_0$`: [first layer](Self::first_layer) and [readout](Self::readout), 0 or in
///   [1e-150, 1e150].
///
/// An initialization returns the pair of numbers that it was built from to the last bit. It derives the
/// other pair without cancellation.
///
/// Derivation: [theory](crate::theory#network). Source: Anguita et al. 2026 (arXiv:2602.20062),
/// section 3.
///
/// # Examples
///
/// ```
/// use diagonet::{Initialization, LayerScales};
///
/// let small_first_layer = Initialization::from_layers(LayerScales { first_layer: 1e-12, readout: 1.0 })?;
/// assert_eq!(small_first_layer.absolute_scale(), 1.0);
/// assert_eq!(small_first_layer.relative_scale(), -1.0); // rounded: the layer is not forgotten
/// assert_eq!(small_first_layer.first_layer(), 1e-12);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(
        try_from = "crate::representation::Initialization",
        into = "crate::representation::Initialization"
    )
)]
pub struct Initialization {
    absolute_scale: f64,
    relative_scale: f64,
    first_layer: f64,
    readout: f64,
    /// w0² / c = (1 + lambda) / 2, kept because 1 + lambda is lost once lambda is rounded to -1.
    first_layer_share: f64,
    /// w0 / sqrt(c), kept because its square may underflow.
    first_layer_root: f64,
    /// v0 / sqrt(c).
    readout_root: f64,
    given: Given,
}

/// Initializations with the same scales are equal, whatever pair of numbers they were built from.
impl PartialEq for Initialization {
    fn eq(&self, other: &Self) -> bool {
        let numbers = |x: &Self| {
            [
                x.absolute_scale,
                x.relative_scale,
                x.first_layer,
                x.readout,
                x.first_layer_share,
                x.first_layer_root,
                x.readout_root,
            ]
        };
        numbers(self) == numbers(other)
    }
}

/// The pair of numbers that an initialization was built from, of which the others are roundings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Given {
    AbsoluteAndRelativeScale,
    AbsoluteScaleAndShare,
    Layers,
}

impl Initialization {
    /// Which numbers it was built from.
    #[cfg(feature = "serde")]
    pub(crate) fn given(&self) -> Given {
        self.given
    }

    /// Relative accuracy budget of [`weights`](Self::weights).
    ///
    /// A weight that changes its sign meets the budget at coefficients that differ from the zero by a
    /// tenth of the spacing of floats or more, for scales above 1e-270. Two terms cancel there; their
    /// difference is computed with an error of 1e-30 of the terms.
    pub const WEIGHTS_ACCURACY: f64 = 1e-14;

    /// The initialization with first layer at `first_layer` (w0) and readout at `readout` (v0).
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a layer outside 0 or [1e-150, 1e150];
    /// [`Error::UndefinedRelativeScale`] where both layers are zero.
    pub fn from_layers(LayerScales { first_layer, readout }: LayerScales) -> Result<Self> {
        let check_layer = |parameter, value| Domain::LAYER.check(parameter, value);
        check_layer("first_layer", first_layer)?;
        check_layer("readout", readout)?;
        if first_layer == 0.0 && readout == 0.0 {
            return Err(Error::UndefinedRelativeScale);
        }
        Ok(Self::of_layers(first_layer, readout))
    }

    /// The initialization with absolute scale c and relative scale lambda.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for `absolute_scale` outside 0 or [1e-300, 1e300] and for
    /// `relative_scale` outside [-1, 1].
    pub fn new(Scales { absolute, relative }: Scales) -> Result<Self> {
        let (absolute_scale, relative_scale) = (absolute, relative);
        Domain::ABSOLUTE_SCALE.check("absolute_scale", absolute_scale)?;
        Domain::RELATIVE_SCALE.check("relative_scale", relative_scale)?;
        let first_layer_share = 0.5 * (1.0 + relative_scale);
        let first_layer_root = first_layer_share.sqrt();
        let readout_root = (0.5 * (1.0 - relative_scale)).sqrt();
        let root = absolute_scale.sqrt();
        Ok(Self {
            absolute_scale,
            relative_scale,
            first_layer: root * first_layer_root,
            readout: root * readout_root,
            first_layer_share,
            first_layer_root,
            readout_root,
            given: Given::AbsoluteAndRelativeScale,
        })
    }

    /// The initialization with absolute scale c and `lambda_gap = 1 + lambda`.
    ///
    /// It keeps the digits of a gap that is so small that lambda itself rounds to -1.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for `absolute_scale` outside 0 or [1e-300, 1e300] and for `lambda_gap`
    /// outside 0 or [1e-300, 2].
    pub fn from_lambda_gap(GapScales { absolute, lambda_gap }: GapScales) -> Result<Self> {
        Domain::LAMBDA_GAP.check("lambda_gap", lambda_gap)?;
        Self::from_first_layer_share(absolute, 0.5 * lambda_gap)
    }

    /// From the absolute scale and `(1 + lambda)/2`, which keeps its digits where lambda rounds to
    /// -1. The share lies in [0, 1].
    pub(crate) fn from_first_layer_share(absolute_scale: f64, share: f64) -> Result<Self> {
        Ok(Self {
            first_layer: absolute_scale.sqrt() * share.sqrt(),
            first_layer_share: share,
            first_layer_root: share.sqrt(),
            given: Given::AbsoluteScaleAndShare,
            ..Self::new(Scales { absolute: absolute_scale, relative: 2.0 * share - 1.0 })?
        })
    }

    /// From layer scales that are finite and not negative. Two zeros are a frozen coordinate, for
    /// which the relative scale is that of a readout at zero.
    pub(crate) fn of_layers(first_layer: f64, readout: f64) -> Self {
        let norm = first_layer.hypot(readout);
        let (first_layer_root, readout_root, difference) = if norm > 0.0 {
            (first_layer / norm, readout / norm, (first_layer - readout) / norm)
        } else {
            (1.0, 0.0, 1.0)
        };
        // The product of sum and difference keeps the digits that the squares would cancel, and the
        // difference of the layers themselves those that their ratios to the norm have lost.
        let relative_scale = difference * (first_layer_root + readout_root);
        Self {
            absolute_scale: first_layer * first_layer + readout * readout,
            relative_scale: relative_scale.clamp(-1.0, 1.0),
            first_layer,
            readout,
            first_layer_share: first_layer_root * first_layer_root,
            first_layer_root,
            readout_root,
            given: Given::Layers,
        }
    }

    /// Absolute scale `c = w0² + v0²`, conserved by gradient flow.
    #[must_use]
    pub fn absolute_scale(&self) -> f64 {
        self.absolute_scale
    }

    /// Relative scale `lambda = (w0² - v0²) / c` in [-1, 1], conserved by gradient flow.
    #[must_use]
    pub fn relative_scale(&self) -> f64 {
        self.relative_scale
    }

    /// `1 + lambda` in [0, 2], without the rounding of lambda.
    ///
    /// It is 0 where `2 w0² / c` underflows.
    #[must_use]
    pub fn lambda_gap(&self) -> f64 {
        2.0 * self.first_layer_share
    }

    /// Initial value `w0 >= 0` of both first-layer weights.
    #[must_use]
    pub fn first_layer(&self) -> f64 {
        self.first_layer
    }

    /// Initial value `v0 >= 0` of both readout weights.
    #[must_use]
    pub fn readout(&self) -> f64 {
        self.readout
    }

    /// `(1 + lambda)/2`, without the rounding of lambda.
    pub(crate) fn first_layer_share(&self) -> f64 {
        self.first_layer_share
    }

    /// `(1 + lambda) x`, without the rounding of lambda, and also where the share underflows.
    pub(crate) fn times_one_plus_relative_scale(&self, x: f64) -> f64 {
        if self.first_layer_share > 1e-280 {
            2.0 * self.first_layer_share * x
        } else {
            2.0 * self.first_layer_root * x * self.first_layer_root
        }
    }

    /// `(1 - lambda) x`, without the rounding of lambda.
    pub(crate) fn times_one_minus_relative_scale(&self, x: f64) -> f64 {
        2.0 * self.readout_root * x * self.readout_root
    }

    /// `sqrt((1 - lambda)/2)`.
    pub(crate) fn readout_root(&self) -> f64 {
        self.readout_root
    }

    /// `sqrt((1 + lambda)/2)`.
    pub(crate) fn first_layer_root(&self) -> f64 {
        self.first_layer_root
    }

    /// The four weights of a coordinate whose coefficient has reached `beta`.
    ///
    /// # Formula
    ///
    /// The weights are functions of the current coefficient. With `xi = asinh(beta / c)`,
    ///
    /// ```text
    /// w± = w0 cosh(xi/2) ± v0 sinh(xi/2),      v± = v0 cosh(xi/2) ± w0 sinh(xi/2)
    /// ```
    ///
    /// where
    /// - `beta`: coefficient, in [-1e300, 1e300].
    ///
    /// At `c = 0` the result is the limit of a vanishing initialization. The two differences are
    /// computed from the products
    ///
    /// ```text
    /// 2 w+ w- = c + lambda H,      2 v+ v- = c - lambda H,      H = sqrt(c² + beta²)
    /// c - |lambda| H = (2 w0 v0 - |lambda| beta) (2 w0 v0 + |lambda| beta) / (c + |lambda| H)
    /// ```
    ///
    /// for `beta >= 0`, with one difference that can cancel. Accuracy:
    /// [`WEIGHTS_ACCURACY`](Self::WEIGHTS_ACCURACY).
    ///
    /// Source: Anguita et al. 2026 (arXiv:2602.20062), proof of Theorem 4.1.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for `beta` outside [-1e300, 1e300].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Initialization, Scales};
    ///
    /// let weights = Initialization::new(Scales { absolute: 1e-3, relative: -0.5 })?.weights(0.7)?;
    /// assert!((weights.coefficient() - 0.7).abs() < 1e-15);
    /// assert!((weights.conserved().absolute_scale - 1e-3).abs() < 1e-15);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn weights(&self, beta: f64) -> Result<Weights> {
        Domain::ARGUMENT.check("beta", beta)?;
        let (c, magnitude) = (self.absolute_scale, beta.abs());
        let norm = c.hypot(magnitude);
        if norm == 0.0 {
            let rest = NetworkPath { first_layer: 0.0, readout: 0.0 };
            return Ok(Weights { plus: rest, minus: rest });
        }
        let (a, b) = (self.first_layer_root, self.readout_root);
        // sqrt(c) cosh(xi/2) and sqrt(c) sinh(xi/2), finite at c = 0.
        let cosh = FRAC_1_SQRT_2 * (c + norm).sqrt();
        let sinh = 0.5 * (magnitude / cosh);
        let growing =
            NetworkPath { first_layer: a * cosh + b * sinh, readout: b * cosh + a * sinh };
        // The layer that starts smaller is the one that changes its sign.
        let relative = self.relative_scale.abs();
        let sum = c + relative * norm;
        let [crossing, other] = if self.relative_scale < 0.0 {
            [growing.first_layer, growing.readout]
        } else {
            [growing.readout, growing.first_layer]
        };
        let crossing = if c == 0.0 {
            -relative * (0.5 * (magnitude / crossing))
        } else if crossing == 0.0 {
            0.0
        } else {
            let (rest, pull) = (c * a * (2.0 * b), relative * magnitude);
            // In this order, because the product of both differences may underflow.
            let root = sum.sqrt();
            let factor = (rest + pull) / crossing / root;
            0.5 * factor * (self.rest_less_pull(rest, pull, magnitude) / root)
        };
        let other = 0.5 * (sum / other);
        let shrinking = if self.relative_scale < 0.0 {
            NetworkPath { first_layer: crossing, readout: other }
        } else {
            NetworkPath { first_layer: other, readout: crossing }
        };
        Ok(if beta >= 0.0 {
            Weights { plus: growing, minus: shrinking }
        } else {
            Weights { plus: shrinking, minus: growing }
        })
    }

    /// `2 w0 v0 - |lambda| beta`, given both to rounding. Where they cancel, they are computed anew
    /// from the numbers that define the initialization.
    fn rest_less_pull(&self, rest: f64, pull: f64, beta: f64) -> f64 {
        let rounded = rest - pull;
        if rounded.abs() > 0.5 * rest {
            return rounded;
        }
        // In units of a power of two, so that nothing underflows.
        let root = (-0.5 * self.absolute_scale.log2().floor()).floor().exp2();
        let ExactScales { cross, relative, .. } = self.exact_scales(root);
        let pull = relative.abs() * DoubleWord::from(beta * root * root);
        let exact = (cross - pull).value() / root / root;
        if exact.is_finite() { exact } else { rounded }
    }

    /// The scales to twice the precision, in units of `1/root²`, from the numbers that define the
    /// initialization; `root` is a power of two.
    pub(crate) fn exact_scales(&self, root: f64) -> ExactScales {
        if self.given == Given::Layers {
            let (first, readout) = (self.first_layer * root, self.readout * root);
            let (sum, difference) =
                (DoubleWord::sum(first, readout), DoubleWord::sum(first, -readout));
            let scale = DoubleWord::product(first, first) + DoubleWord::product(readout, readout);
            return ExactScales {
                scale,
                relative: (sum * difference).over(scale),
                above: DoubleWord::product(2.0 * first, first),
                below: DoubleWord::product(2.0 * readout, readout),
                cross: DoubleWord::product(2.0 * first, readout),
            };
        }
        let (above, below, relative) = if self.given == Given::AbsoluteScaleAndShare {
            let share = self.first_layer_share;
            let relative = DoubleWord::sum(2.0 * share, -1.0);
            (DoubleWord::from(2.0 * share), DoubleWord::sum(2.0, -2.0 * share), relative)
        } else {
            let lambda = self.relative_scale;
            (DoubleWord::sum(1.0, lambda), DoubleWord::sum(1.0, -lambda), lambda.into())
        };
        let scale = DoubleWord::from(self.absolute_scale * root * root);
        ExactScales {
            scale,
            relative,
            above: scale * above,
            below: scale * below,
            cross: scale * (above * below).sqrt(),
        }
    }
}

/// Scales of an initialization to twice the precision.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExactScales {
    /// `c`.
    pub(crate) scale: DoubleWord,
    /// `lambda`.
    pub(crate) relative: DoubleWord,
    /// `c (1 + lambda) = 2 w0²`.
    pub(crate) above: DoubleWord,
    /// `c (1 - lambda) = 2 v0²`.
    pub(crate) below: DoubleWord,
    /// `c sqrt(1 - lambda²) = 2 w0 v0`.
    cross: DoubleWord,
}

/// The two weights of one path of one coordinate.
///
/// # Examples
///
/// ```
/// use diagonet::NetworkPath;
///
/// let path = NetworkPath::new(2.0, -3.0)?;
/// assert_eq!((path.first_layer(), path.readout()), (2.0, -3.0));
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NetworkPath {
    first_layer: f64,
    readout: f64,
}

impl NetworkPath {
    /// The path with first-layer weight w and readout weight v.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a weight that is not finite or above 1e150 in magnitude.
    pub fn new(first_layer: f64, readout: f64) -> Result<Self> {
        let check_weight = |parameter, value| Domain::COEFFICIENT.check(parameter, value);
        Ok(Self {
            first_layer: check_weight("first_layer", first_layer)?,
            readout: check_weight("readout", readout)?,
        })
    }

    /// A path of a network, whose weights are finite.
    #[cfg(feature = "simulation")]
    pub(crate) fn of_network(first_layer: f64, readout: f64) -> Self {
        Self { first_layer, readout }
    }

    /// First-layer weight w.
    #[must_use]
    pub fn first_layer(&self) -> f64 {
        self.first_layer
    }

    /// Readout weight v.
    #[must_use]
    pub fn readout(&self) -> f64 {
        self.readout
    }

    /// w² - v², from a product that cannot cancel twice.
    fn imbalance(&self) -> f64 {
        (self.first_layer - self.readout) * (self.first_layer + self.readout)
    }
}

/// The four weights of one coordinate of the network.
///
/// # Examples
///
/// ```
/// use diagonet::{NetworkPath, Weights};
///
/// let weights = Weights { plus: NetworkPath::new(2.0, 3.0)?, minus: NetworkPath::new(1.0, 1.0)? };
/// assert_eq!(weights.coefficient(), 5.0);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// The path that enters the coefficient with a plus sign.
    pub plus: NetworkPath,
    /// The path that enters the coefficient with a minus sign.
    pub minus: NetworkPath,
}

impl Weights {
    /// The coefficient `beta = w+ v+ - w- v-` that the weights realize.
    #[must_use]
    pub fn coefficient(&self) -> f64 {
        self.plus.first_layer * self.plus.readout - self.minus.first_layer * self.minus.readout
    }

    /// The scale and the start of gradient flow from these weights.
    ///
    /// # Formula
    ///
    /// ```text
    /// scale = 1/2 sqrt{ [(w+ + v+)² + (w- - v-)²] [(w+ - v+)² + (w- + v-)²] }
    /// start = w+ v+ - w- v-
    /// ```
    ///
    /// where
    /// - `w±`, `v±`: first-layer and readout weights, each of magnitude 0 or in [1e-150, 1e150].
    ///
    /// Gradient flow that reaches zero loss ends at the interpolator with the smallest Bregman divergence
    /// from `start` under the [`Penalty`](crate::Penalty) of `scale`. Both are sums of squares, or one
    /// compensated difference: no digits cancel. Accuracy: 1e-15 relative.
    ///
    /// From equal paths the scale is [`absolute_scale`](ConservedQuantities::absolute_scale), and the
    /// scale stays what it is along gradient flow.
    ///
    /// Source: Azulay et al. 2021 (arXiv:2102.09769), Bregman divergence of unbalanced weights.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{NetworkPath, Weights};
    ///
    /// // A first layer alone: any weights may stand between two stages of training.
    /// let weights = Weights { plus: NetworkPath::new(3.0, 0.0)?, minus: NetworkPath::new(4.0, 0.0)? };
    /// let training = weights.scale_and_start();
    /// assert_eq!((training.scale, training.start), (12.5, 0.0));
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn scale_and_start(&self) -> ScaleAndStart {
        let Self { plus, minus } = self;
        let sum = (plus.first_layer + plus.readout).hypot(minus.first_layer - minus.readout);
        let difference = (plus.first_layer - plus.readout).hypot(minus.first_layer + minus.readout);
        // The second product with what its rounding loses, in a difference that loses none of it.
        let product = minus.first_layer * minus.readout;
        let rounding = minus.first_layer.mul_add(-minus.readout, product);
        let start = plus.first_layer.mul_add(plus.readout, -product) + rounding;
        ScaleAndStart { scale: 0.5 * sum * difference, start }
    }

    /// The quantities that gradient flow conserves, at these weights.
    ///
    /// # Formula
    ///
    /// ```text
    /// w+² - v+²,      w-² - v-²,      w+ w- + v+ v-
    /// ```
    ///
    /// From equal paths the first two are `lambda c` and the third is `c`, at all times.
    ///
    /// Source: Anguita et al. 2026 (arXiv:2602.20062), proof of Theorem 4.1.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Initialization, Scales};
    ///
    /// let initialization = Initialization::new(Scales { absolute: 0.5, relative: 0.25 })?;
    /// let conserved = initialization.weights(-3.0)?.conserved();
    /// assert!((conserved.absolute_scale - 0.5).abs() < 1e-14);
    /// assert!((conserved.imbalance_plus - 0.125).abs() < 1e-14);
    /// assert!((conserved.imbalance_minus - 0.125).abs() < 1e-14);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn conserved(&self) -> ConservedQuantities {
        ConservedQuantities {
            imbalance_plus: self.plus.imbalance(),
            imbalance_minus: self.minus.imbalance(),
            absolute_scale: self.plus.first_layer * self.minus.first_layer
                + self.plus.readout * self.minus.readout,
        }
    }
}

/// Where training of one coordinate starts, and the scale of its penalty, see
/// [`Weights::scale_and_start`] and [`Protocol::scale_and_start`](crate::Protocol::scale_and_start).
///
/// # Examples
///
/// ```
/// use diagonet::{Initialization, Scales};
///
/// let weights = Initialization::new(Scales { absolute: 0.5, relative: -0.9 })?.weights(3.0)?;
/// let training = weights.scale_and_start();
/// assert!((training.scale - 0.5).abs() < 1e-14 && (training.start - 3.0).abs() < 1e-14);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ScaleAndStart {
    /// Absolute scale `c`.
    pub scale: f64,
    /// Coefficient `b0` at which training starts.
    pub start: f64,
}

/// The invariants of gradient flow in one coordinate, see [`Weights::conserved`].
///
/// # Examples
///
/// ```
/// use diagonet::{NetworkPath, Weights};
///
/// let path = NetworkPath::new(2.0, 1.0)?;
/// let conserved = Weights { plus: path, minus: path }.conserved();
/// assert_eq!(conserved.absolute_scale, 5.0);
/// assert_eq!(conserved.imbalance_plus, 3.0);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConservedQuantities {
    /// `w+² - v+²`, equal to `lambda c` from equal paths.
    pub imbalance_plus: f64,
    /// `w-² - v-²`, equal to `lambda c` from equal paths.
    pub imbalance_minus: f64,
    /// `w+ w- + v+ v-`, equal to `c` from equal paths.
    pub absolute_scale: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_survive_a_relative_scale_that_rounds_to_minus_one() {
        let initialization =
            Initialization::from_layers(LayerScales { first_layer: 1e-20, readout: 1.0 }).unwrap();
        assert_eq!(initialization.relative_scale(), -1.0);
        assert!((initialization.times_one_plus_relative_scale(1.0) / 2e-40 - 1.0).abs() < 4e-16);
    }

    #[test]
    fn scales_are_returned_as_given() {
        for c in [0.0, 1e-300, 0.1, 1e300] {
            for lambda in [-1.0, -0.999_999, 0.1, 1.0] {
                let initialization =
                    Initialization::new(Scales { absolute: c, relative: lambda }).unwrap();
                assert_eq!(initialization.absolute_scale(), c);
                assert_eq!(initialization.relative_scale(), lambda);
            }
        }
    }

    #[test]
    fn weights_of_a_vanishing_initialization_are_the_limit() {
        let limit = Initialization::new(Scales { absolute: 0.0, relative: -0.3 })
            .unwrap()
            .weights(2.0)
            .unwrap();
        let close = Initialization::new(Scales { absolute: 1e-200, relative: -0.3 })
            .unwrap()
            .weights(2.0)
            .unwrap();
        assert!((limit.coefficient() - 2.0).abs() < 1e-15);
        assert!((limit.plus.first_layer - close.plus.first_layer).abs() < 1e-15);
        assert!((limit.minus.readout - close.minus.readout).abs() < 1e-15);
    }

    #[test]
    fn layers_that_are_nearly_equal_keep_the_digits_of_their_difference() {
        for exponent in 1..50 {
            let gap = 2.0_f64.powi(-exponent);
            // Layers 1 and 1 + gap, in any unit.
            let expected = -gap * (2.0 + gap) / (2.0 + 2.0 * gap + gap * gap);
            for unit in [1.0, 0.5, 2.0_f64.powi(-300)] {
                let layers = Initialization::from_layers(LayerScales {
                    first_layer: unit,
                    readout: unit * (1.0 + gap),
                })
                .unwrap();
                let error = (layers.relative_scale() / expected - 1.0).abs();
                assert!(error < 1e-15, "{gap:e}: {error:e}");
            }
        }
    }

    #[test]
    fn weights_are_numbers_at_the_ends_of_all_domains() {
        let smallest = 5e-324;
        for c in [0.0, 1e-300, 1.0, 1e300] {
            for lambda in [-1.0, -0.16, -smallest, 0.0, smallest, 1.0 - f64::EPSILON, 1.0] {
                let initialization =
                    Initialization::new(Scales { absolute: c, relative: lambda }).unwrap();
                for beta in [0.0, smallest, 1e-310, 1e-300, 1e-20, 1.0, 1e300] {
                    let Weights { plus, minus } = initialization.weights(-beta).unwrap();
                    for (growing, shrinking) in
                        [(minus.first_layer, plus.first_layer), (minus.readout, plus.readout)]
                    {
                        assert!(
                            growing * (1.0 + 1e-15) >= shrinking.abs(),
                            "{c:e} {lambda:e} {beta:e}"
                        );
                    }
                    let size = c.sqrt().max(beta.sqrt());
                    let larger = minus.first_layer.hypot(minus.readout);
                    assert!(larger >= 0.7 * size && larger <= 2.0 * size, "{c:e} {beta:e}");
                }
            }
        }
    }

    #[test]
    fn both_layers_at_zero_have_no_relative_scale() {
        assert_eq!(
            Initialization::from_layers(LayerScales { first_layer: 0.0, readout: 0.0 }),
            Err(Error::UndefinedRelativeScale)
        );
    }
}
