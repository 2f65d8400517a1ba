//! The inductive bias of a feature, and its place in the triangle of regimes.

use std::fmt;

use crate::domain::Domain;
use crate::error::Result;
use crate::network::initialization::{Initialization, Scales};
use crate::network::penalty::Penalty;
use crate::network::scale_map::ScaleMap;
use crate::problem::task::Task;

/// A feature: its coefficients after pretraining and after fine-tuning.
///
/// # Examples
///
/// ```
/// let feature = diagonet::Feature { pretrained_coefficient: 1.0, coefficient: 0.5 };
/// assert_eq!(feature.coefficient, 0.5);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Feature {
    /// Coefficient `beta_PT` that pretraining ends with, in [-1e300, 1e300]; 0 is a new feature.
    pub pretrained_coefficient: f64,
    /// Coefficient `beta_FT` that fine-tuning ends with, in [-1e300, 1e300].
    pub coefficient: f64,
}

impl Feature {
    /// A shared feature of typical size of a task: both coefficients are the root mean squares of the
    /// features that pretraining uses, and of those that fine-tuning uses, shared and new.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Densities, Feature, Supports, Task};
    ///
    /// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.25, overlap: 0.5 })?;
    /// let typical = Feature { pretrained_coefficient: 1.0, coefficient: 2.0 };
    /// assert_eq!(Feature::typical_of(&Task::new(supports)?), typical);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn typical_of(task: &Task) -> Self {
        let [pretrained_coefficient, coefficient] = task.typical_coefficients();
        Self { pretrained_coefficient, coefficient }
    }

    pub(crate) fn check(&self) -> Result<()> {
        Domain::ARGUMENT.check("pretrained_coefficient", self.pretrained_coefficient)?;
        Domain::ARGUMENT.check("coefficient", self.coefficient)?;
        Ok(())
    }
}

/// A regime of fine-tuning: one of three pure regimes, or the region between them.
///
/// Where a barycentric coordinate of a point in the triangle of regimes reaches a threshold, the point
/// has the name of that corner. Elsewhere it is in [`Regime::IV`]. See [`InductiveBias::regime_at`].
///
/// Source: Anguita et al. 2026 (arXiv:2602.20062), section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Regime {
    /// Rich and independent of pretraining: the l1 norm. Corner `(l, PD) = (1, 0)`, reached by
    /// `lambda_PT -> -1` with `gamma -> 0`.
    I,
    /// Lazy and dependent on pretraining: the l2 norm weighted by `1/|beta_PT|`. Corner `(2, -1)`,
    /// reached by `c_PT -> 0` with `lambda_PT -> 1`.
    II,
    /// Lazy and independent of pretraining: the l2 norm. Corner `(2, 0)`, reached by
    /// `c_PT -> inf` or `gamma -> inf`.
    III,
    /// Between the corners. Next to the side from [I](Self::I) to [II](Self::II) it is rich and
    /// dependent on pretraining: it reuses features, and it is sparse.
    IV,
}

impl Regime {
    /// The four regimes in order.
    pub const ALL: [Self; 4] = [Self::I, Self::II, Self::III, Self::IV];

    /// A network that shows the regime: its initialization and readout scale, at absolute scale 1e-3.
    ///
    /// | regime | `lambda_PT` | `gamma` | bias of a feature with `beta_PT = beta_FT = 1` |
    /// |---|---|---|---|
    /// | I | -0.999999 | 1e-6 | l-order 1.074, pretraining dependence -0.074 |
    /// | II | 0 | 0 | 1.887, -0.886 |
    /// | III | 0 | 10 | 2.000, -0.020 |
    /// | IV | -0.99 | 0 | 1.23, -0.23 |
    ///
    /// # Errors
    ///
    /// None: the scales are legal.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Feature, InductiveBias, Regime};
    ///
    /// let feature = Feature { pretrained_coefficient: 1.0, coefficient: 1.0 };
    /// for regime in Regime::ALL {
    ///     let map = regime.reference()?;
    ///     assert_eq!(InductiveBias::of_feature(&map, feature)?.regime(), regime);
    /// }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn reference(self) -> Result<ScaleMap> {
        let (relative, readout_scale) = match self {
            Self::I => (-0.999_999, 1e-6),
            Self::II => (0.0, 0.0),
            Self::III => (0.0, 10.0),
            Self::IV => (-0.99, 0.0),
        };
        ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative })?, readout_scale)
    }
}

impl fmt::Display for Regime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::I => "I",
            Self::II => "II",
            Self::III => "III",
            Self::IV => "IV",
        })
    }
}

/// Barycentric coordinates in the triangle of regimes, see [`InductiveBias::coordinates`].
///
/// # Examples
///
/// ```
/// use diagonet::{Feature, InductiveBias, Initialization, ScaleMap, Scales};
///
/// let map = ScaleMap::new(Initialization::new(Scales { absolute: 0.0, relative: 0.0 })?, 0.0)?;
/// let unused = Feature { pretrained_coefficient: 1.0, coefficient: 0.0 };
/// let coordinates = InductiveBias::of_feature(&map, unused)?.coordinates();
/// assert_eq!(coordinates.lazy_dependent, 1.0);
/// assert_eq!(coordinates.rich_independent + coordinates.lazy_independent, 0.0);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BarycentricCoordinates {
    /// On the corner of regime I: `2 - l`, in [0, 1].
    pub rich_independent: f64,
    /// On the corner of regime II: `-PD`, in [0, 1].
    pub lazy_dependent: f64,
    /// On the corner of regime III: `l + PD - 1`, in [0, 1].
    pub lazy_independent: f64,
}

impl BarycentricCoordinates {
    pub(crate) fn regime(&self, threshold: f64) -> Regime {
        if self.rich_independent >= threshold {
            Regime::I
        } else if self.lazy_dependent >= threshold {
            Regime::II
        } else if self.lazy_independent >= threshold {
            Regime::III
        } else {
            Regime::IV
        }
    }
}

/// The inductive bias of fine-tuning in one feature: the exponents with which its penalty grows with the
/// fine-tuning coefficient, and falls with the pretrained one.
///
/// # Formula
///
/// `$$ l = \frac{d \log q}{d \log |\beta_{FT}|} \in [1, 2], \qquad
/// PD = \frac{d \log q}{d \log |\beta_{PT}|} = (1 - l) \varsigma \in [-1, 0], \qquad
/// 1 \le l + PD \le 2 $$`
///
/// where
/// - `$q$`: [penalty](Penalty) of `$\beta_{FT}$` at the fine-tuning scale `$c_{FT}$` of the
///   [scale map](ScaleMap);
/// - `$\varsigma$`: [log-sensitivity](ScaleMap::log_sensitivity) of `$c_{FT}$` to `$\beta_{PT}$`, in
///   [0, 1].
///
/// The inequalities hold to the last bit. They bound a triangle, with a pure regime at each
/// [corner](Self::coordinates). Accuracy: 4e-15 absolute of both numbers, wherever `$c_{FT}$` is at
/// least 1e-307 or exactly 0.
///
/// Derivation: [theory](crate::theory#regimes). Source: Lippl and Lindsey 2024 (arXiv:2310.02396);
/// Anguita et al. 2026 (arXiv:2602.20062), section 4.
///
/// # Examples
///
/// ```
/// use diagonet::{Feature, InductiveBias, Initialization, Regime, ScaleMap, Scales};
///
/// let reused = Feature { pretrained_coefficient: 1.0, coefficient: 1.0 };
/// let bias = |lambda, gamma| {
///     let pretraining = Initialization::new(Scales { absolute: 1e-3, relative: lambda })?;
///     InductiveBias::of_feature(&ScaleMap::new(pretraining, gamma)?, reused)
/// };
/// assert_eq!(bias(-0.999_999, 1e-6)?.regime(), Regime::I);
/// assert_eq!(bias(0.0, 0.0)?.regime(), Regime::II);
/// assert_eq!(bias(0.0, 10.0)?.regime(), Regime::III);
/// assert_eq!(bias(-0.99, 0.0)?.regime(), Regime::IV);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct InductiveBias {
    l_order: f64,
    pretraining_dependence: f64,
    feature_price: f64,
}

impl InductiveBias {
    /// The threshold of [`InductiveBias::regime`].
    pub const DEFAULT_THRESHOLD: f64 = 0.8;

    /// The inductive bias of `feature` in fine-tuning with the scales of `scale_map`.
    ///
    /// A coefficient of 0 has `l = 2`, the exact limit. A frozen coordinate (`c_FT = 0`) with another
    /// coefficient has `l = 1` and `PD = 0`, the limit of vanishing scales.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`](crate::Error::OutOfDomain) for a coefficient of the feature outside
    /// [-1e300, 1e300]; [`Error::NoLimit`](crate::Error::NoLimit) for a coefficient of 0 on a frozen
    /// coordinate.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Feature, InductiveBias, Initialization, ScaleMap, Scales};
    ///
    /// let initialization = Initialization::new(Scales { absolute: 1e-3, relative: -0.99 })?;
    /// let map = ScaleMap::new(initialization, 0.0)?;
    /// let feature = Feature { pretrained_coefficient: 1.0, coefficient: 1.0 };
    /// let bias = InductiveBias::of_feature(&map, feature)?;
    /// assert!((bias.l_order() - 1.2299).abs() < 1e-4);
    /// assert!((bias.pretraining_dependence() + 0.2296).abs() < 1e-4);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn of_feature(scale_map: &ScaleMap, feature: Feature) -> Result<Self> {
        feature.check()?;
        let scales = scale_map.feature_scales(feature.pretrained_coefficient)?;
        let (l_order, arc) =
            Penalty::at_mapped_scale(scales.active).l_order_and_arc(feature.coefficient)?;
        Ok(Self::from_parts(l_order, scales.sensitivity, scales.price(feature.coefficient, arc)))
    }

    /// From an l-order in [1, 2] and a sensitivity in [0, 1].
    pub(crate) fn from_parts(l_order: f64, sensitivity: f64, feature_price: f64) -> Self {
        // Exact, as is the difference of the rounded product from it at its bounds 0 and l - 1:
        // this is what keeps the point inside the triangle.
        let excess = l_order - 1.0;
        // From zero, so that no dependence is not -0.
        Self { l_order, pretraining_dependence: 0.0 - excess * sensitivity, feature_price }
    }

    /// Order `l` of the penalty, in [1, 2]: 1 is rich, 2 is lazy.
    #[must_use]
    pub fn l_order(&self) -> f64 {
        self.l_order
    }

    /// Pretraining dependence `PD`, in [-1, 0]: the exponent with which the penalty falls with the
    /// pretrained coefficient.
    #[must_use]
    pub fn pretraining_dependence(&self) -> f64 {
        self.pretraining_dependence
    }

    /// Barycentric coordinates in the triangle of regimes: none is negative, and their sum is 1.
    ///
    /// # Formula
    ///
    /// ```text
    /// (l, PD) = (2 - l) (1, 0)  +  (-PD) (2, -1)  +  (l + PD - 1) (2, 0)
    /// ```
    ///
    /// with the corners of the regimes I, II and III.
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::{Feature, InductiveBias, Initialization, ScaleMap, Scales};
    /// let initialization = Initialization::new(Scales { absolute: 1e300, relative: 0.0 })?;
    /// let map = ScaleMap::new(initialization, 0.0)?;
    /// let feature = Feature { pretrained_coefficient: 1.0, coefficient: 1.0 };
    /// let coordinates = InductiveBias::of_feature(&map, feature)?.coordinates();
    /// assert_eq!(coordinates.lazy_independent, 1.0);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn coordinates(&self) -> BarycentricCoordinates {
        BarycentricCoordinates {
            rich_independent: 2.0 - self.l_order,
            lazy_dependent: self.pretraining_dependence.abs(),
            lazy_independent: (self.l_order - 1.0) + self.pretraining_dependence,
        }
    }

    /// Price of a new feature against this one: the ratio of their marginal penalties at equal magnitude.
    ///
    /// # Formula
    ///
    /// ```text
    /// asinh(b/c_inactive) / asinh(b/c_active)  >=  1
    /// ```
    ///
    /// where
    /// - `b`: magnitude `|beta_FT|` of the coefficient;
    /// - `c_active`: fine-tuning scale of this feature;
    /// - `c_inactive`: fine-tuning scale of a feature with `beta_PT = 0`.
    ///
    /// At `b = 0` it is the limit `c_active/c_inactive`, to which it tends in the lazy regimes. It is
    /// 1 where both features are frozen. It is infinite where only new features are frozen, and where it
    /// exceeds the range of `f64`.
    ///
    /// Source: [`Penalty::derivative`] at the two scales.
    #[must_use]
    pub fn feature_price(&self) -> f64 {
        self.feature_price
    }

    /// The regime at the threshold [`InductiveBias::DEFAULT_THRESHOLD`].
    #[must_use]
    pub fn regime(&self) -> Regime {
        self.coordinates().regime(Self::DEFAULT_THRESHOLD)
    }

    /// The regime whose corner has a barycentric coordinate of at least `threshold`, or
    /// [`Regime::IV`] where there is none.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`](crate::Error::OutOfDomain) for a threshold outside (0.5, 1]: a smaller one
    /// could name two corners.
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::{Feature, InductiveBias, Initialization, Regime, ScaleMap, Scales};
    /// let initialization = Initialization::new(Scales { absolute: 1e-3, relative: -0.99 })?;
    /// let map = ScaleMap::new(initialization, 0.0)?;
    /// let feature = Feature { pretrained_coefficient: 1.0, coefficient: 1.0 };
    /// let bias = InductiveBias::of_feature(&map, feature)?;
    /// assert_eq!(bias.regime_at(0.8)?, Regime::IV);
    /// assert_eq!(bias.regime_at(0.7)?, Regime::I);
    /// assert!(bias.regime_at(0.5).is_err());
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn regime_at(&self, threshold: f64) -> Result<Regime> {
        Ok(self.coordinates().regime(check_threshold(threshold)?))
    }
}

pub(crate) fn check_threshold(threshold: f64) -> Result<f64> {
    Domain::half_open(0.5, 1.0).check("threshold", threshold)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_points_have_their_coordinates() {
        let pretraining = Initialization::new(Scales { absolute: 1e-3, relative: -0.99 }).unwrap();
        let map = ScaleMap::new(pretraining, 0.0).unwrap();
        let feature = Feature { pretrained_coefficient: 1.0, coefficient: 1.0 };
        let corner = InductiveBias::of_feature(&map, feature).unwrap().coordinates();
        assert_eq!(corner.regime(0.7), Regime::I);
        assert_eq!(corner.regime(0.8), Regime::IV);
    }
}
