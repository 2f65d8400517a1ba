//! The scale map from pretraining to fine-tuning.

use std::f64::consts::FRAC_1_SQRT_2;

use nalgebra::{DVector, RealField};

use crate::domain::Domain;
use crate::error::Result;
use crate::network::initialization::Initialization;
use crate::network::penalty::ratio_of_slopes;

/// Smallest readout scale, whose square keeps its digits.
pub(crate) const MIN_READOUT_SCALE: f64 = 1e-153;

/// The map from a pretrained coefficient to the scale at which its coordinate is fine-tuned.
///
/// # Formula
///
/// After pretraining, the paths are rebalanced (both first-layer weights become `$w_+ + w_-$`, the sum of
/// the pretrained values) and the readout is reset (both weights become `$\gamma/\sqrt2$`). The
/// coefficient is zero again, and its scale is
///
/// `$$ c_{FT} = c_{PT} (1 + \lambda_{PT}) \left( 1 + \sqrt{1 + (\beta_{PT}/c_{PT})^2} \right) +
/// \frac{\gamma^2}{2} $$`
///
/// where
/// - `$c_{PT}$`, `$\lambda_{PT}$`: scales of the [`Initialization`] of pretraining;
/// - `$\gamma$`: readout scale of fine-tuning, 0 or in [1e-153, 1e150];
/// - `$\beta_{PT}$`: pretrained coefficient, in [-1e300, 1e300].
///
/// The formula is evaluated as `(1 + lambda)(c_PT + hypot(c_PT, beta_PT)) + gamma²/2`. This form holds at
/// `c_PT = 0`, `beta_PT = 0` and `lambda = ±1`, and overflows nowhere. Accuracy: 1e-15 relative.
///
/// Derivation: [theory](crate::theory#scale-map). Source: Anguita et al. 2026 (arXiv:2602.20062),
/// section 3.
///
/// # Examples
///
/// ```
/// use diagonet::{Initialization, ScaleMap, Scales};
///
/// let map = ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: -0.99 })?, 0.0)?;
/// let reused = map.fine_tuning_scale(1.0)?;
/// let new = map.fine_tuning_scale(0.0)?;
/// assert!((reused - 0.010010005).abs() < 1e-11);
/// assert!((new - 2e-5).abs() < 1e-18);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(try_from = "crate::representation::ScaleMap", into = "crate::representation::ScaleMap")
)]
pub struct ScaleMap {
    pretraining: Initialization,
    readout_scale: f64,
}

impl ScaleMap {
    /// The map from a pretraining initialization and the readout scale gamma of fine-tuning.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`](crate::Error::OutOfDomain) for `readout_scale` outside 0 or
    /// [1e-153, 1e150].
    pub fn new(pretraining: Initialization, readout_scale: f64) -> Result<Self> {
        Ok(Self { pretraining, readout_scale: check_readout_scale(readout_scale)? })
    }

    /// Initialization of pretraining.
    #[must_use]
    pub fn pretraining(&self) -> Initialization {
        self.pretraining
    }

    /// Readout scale gamma of fine-tuning.
    #[must_use]
    pub fn readout_scale(&self) -> f64 {
        self.readout_scale
    }

    /// Fine-tuning scale `c_FT` of a coordinate that pretraining left at `beta_pt`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`](crate::Error::OutOfDomain) for `beta_pt` outside [-1e300, 1e300].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Initialization, ScaleMap, Scales};
    ///
    /// // A vanishing initialization keeps what pretraining built: c_FT = (1 + lambda) |beta_PT|.
    /// let initialization = Initialization::new(Scales { absolute: 0.0, relative: -0.5 })?;
    /// let map = ScaleMap::new(initialization, 0.0)?;
    /// assert_eq!(map.fine_tuning_scale(-3.0)?, 1.5);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn fine_tuning_scale(&self, beta_pt: f64) -> Result<f64> {
        Ok(self.feature_scales(beta_pt)?.active)
    }

    /// Log-sensitivity of the fine-tuning scale to the pretrained coefficient.
    ///
    /// # Formula
    ///
    /// ```text
    /// s = d log c_FT / d log|beta_PT|
    ///   = c_PT (1 + lambda_PT) (beta_PT/c_PT)² / sqrt(1 + (beta_PT/c_PT)²) / c_FT
    /// ```
    ///
    /// in [0, 1]: 1 where the scale is proportional to the coefficient, 0 where it does not depend
    /// on it. A frozen coordinate (`c_FT = 0`) has 0.
    ///
    /// Source: Anguita et al. 2026 (arXiv:2602.20062), section 4.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`](crate::Error::OutOfDomain) for `beta_pt` outside [-1e300, 1e300].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Initialization, ScaleMap, Scales};
    ///
    /// let initialization = Initialization::new(Scales { absolute: 1e-300, relative: 0.5 })?;
    /// let map = ScaleMap::new(initialization, 0.0)?;
    /// assert_eq!(map.log_sensitivity(1.0)?, 1.0);
    /// assert_eq!(map.log_sensitivity(0.0)?, 0.0);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn log_sensitivity(&self, beta_pt: f64) -> Result<f64> {
        Ok(self.feature_scales(beta_pt)?.sensitivity)
    }

    /// Scales and log-sensitivity of a coordinate that pretraining left at `beta_pt`.
    pub(crate) fn feature_scales(&self, beta_pt: f64) -> Result<FeatureScales> {
        Domain::ARGUMENT.check("beta_pt", beta_pt)?;
        let c = self.pretraining.absolute_scale();
        let (norm, grown) = growth(c, beta_pt);
        let readout = self.readout_square();
        let first_layer = self.pretraining.times_one_plus_relative_scale(grown);
        let active = first_layer + readout;
        let sensitivity = if active == 0.0 || beta_pt == 0.0 {
            0.0
        } else {
            // Three ratios of at most 1, so that nothing on the way underflows before the result
            // does. The minimum takes back a rounding beyond the exact bound.
            (first_layer / active * ((beta_pt / grown) * (beta_pt / norm))).min(1.0)
        };
        let inactive = self.pretraining.times_one_plus_relative_scale(c + c) + readout;
        Ok(FeatureScales { active, inactive, sensitivity })
    }

    /// Initialization of fine-tuning: both first-layer weights at the sum of the pretrained ones,
    /// both readouts at `gamma/sqrt(2)`.
    ///
    /// Its relative scale is +1 for `gamma = 0`, a frozen coordinate included.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`](crate::Error::OutOfDomain) for `beta_pt` outside [-1e300, 1e300].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Initialization, ScaleMap, Scales};
    ///
    /// let pretraining = Initialization::new(Scales { absolute: 1.0, relative: 0.0 })?;
    /// let weights = pretraining.weights(2.0)?;
    /// let start = ScaleMap::new(pretraining, 0.2)?.fine_tuning_initialization(2.0)?;
    /// let sum = weights.plus.first_layer() + weights.minus.first_layer();
    /// assert!((start.first_layer() - sum).abs() < 1e-15);
    /// assert!((start.readout() - 0.2 / 2.0_f64.sqrt()).abs() < 1e-16);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn fine_tuning_initialization(&self, beta_pt: f64) -> Result<Initialization> {
        Domain::ARGUMENT.check("beta_pt", beta_pt)?;
        let (_, grown) = growth(self.pretraining.absolute_scale(), beta_pt);
        let first_layer = self.pretraining.first_layer_root() * (2.0 * grown).sqrt();
        Ok(Initialization::of_layers(first_layer, FRAC_1_SQRT_2 * self.readout_scale))
    }

    /// [Fine-tuning scales](Self::fine_tuning_scale) of a vector of pretrained coefficients.
    ///
    /// # Errors
    ///
    /// As [`ScaleMap::fine_tuning_scale`], for the first offending coordinate.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Initialization, ScaleMap, Scales};
    /// use nalgebra::dvector;
    ///
    /// let initialization = Initialization::new(Scales { absolute: 0.0, relative: 0.0 })?;
    /// let map = ScaleMap::new(initialization, 0.0)?;
    /// assert_eq!(map.fine_tuning_scales([1.0, -2.0])?, dvector![1.0, 2.0]);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn fine_tuning_scales(&self, beta_pt: impl AsRef<[f64]>) -> Result<DVector<f64>> {
        map_coordinates(beta_pt.as_ref(), |beta| self.fine_tuning_scale(beta))
    }

    /// [Log-sensitivities](Self::log_sensitivity) of a vector of pretrained coefficients.
    ///
    /// # Errors
    ///
    /// As [`ScaleMap::log_sensitivity`], for the first offending coordinate.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Initialization, ScaleMap, Scales};
    /// use nalgebra::dvector;
    ///
    /// let initialization = Initialization::new(Scales { absolute: 0.0, relative: 0.0 })?;
    /// let map = ScaleMap::new(initialization, 0.0)?;
    /// assert_eq!(map.log_sensitivities(&dvector![1.0, 0.0])?, dvector![1.0, 0.0]);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn log_sensitivities(&self, beta_pt: impl AsRef<[f64]>) -> Result<DVector<f64>> {
        map_coordinates(beta_pt.as_ref(), |beta| self.log_sensitivity(beta))
    }

    /// [Fine-tuning initializations](Self::fine_tuning_initialization) of a vector of pretrained
    /// coefficients.
    ///
    /// # Errors
    ///
    /// As [`ScaleMap::fine_tuning_initialization`], for the first offending coordinate.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Initialization, ScaleMap, Scales};
    ///
    /// let initialization = Initialization::new(Scales { absolute: 0.0, relative: 0.0 })?;
    /// let map = ScaleMap::new(initialization, 1.0)?;
    /// let starts = map.fine_tuning_initializations([0.0, 0.5])?;
    /// assert_eq!(starts[0].relative_scale(), -1.0);
    /// assert_eq!(starts[1].relative_scale(), 0.0);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn fine_tuning_initializations(
        &self,
        beta_pt: impl AsRef<[f64]>,
    ) -> Result<Vec<Initialization>> {
        beta_pt.as_ref().iter().map(|&beta| self.fine_tuning_initialization(beta)).collect()
    }

    /// `gamma²/2`.
    pub(crate) fn readout_square(&self) -> f64 {
        0.5 * self.readout_scale * self.readout_scale
    }
}

/// A readout scale: 0, or a number whose square keeps its digits.
pub(crate) fn check_readout_scale(value: f64) -> Result<f64> {
    Domain::READOUT_SCALE.check("readout_scale", value)
}

/// What decides the inductive bias of a feature besides its coefficient.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FeatureScales {
    /// Fine-tuning scale of the feature.
    pub(crate) active: f64,
    /// Fine-tuning scale of a feature that pretraining left at 0.
    pub(crate) inactive: f64,
    /// Log-sensitivity of the first.
    pub(crate) sensitivity: f64,
}

impl FeatureScales {
    /// Price of a new feature against this one, see
    /// [`InductiveBias::feature_price`](crate::InductiveBias::feature_price), with `arc` as from
    /// [`Penalty::l_order_and_arc`](crate::Penalty).
    pub(crate) fn price(&self, coefficient: f64, arc: f64) -> f64 {
        ratio_of_slopes(coefficient.abs(), self.inactive, self.active, arc)
    }
}

/// `N = hypot(c_PT, beta_PT)`, and `c_PT + N`, which is the square of `w+ + w-` over `1 + lambda`.
pub(crate) fn growth<T: RealField + Copy>(scale: T, beta_pt: T) -> (T, T) {
    let norm = scale.hypot(beta_pt);
    (norm, scale + norm)
}

fn map_coordinates(vector: &[f64], f: impl Fn(f64) -> Result<f64>) -> Result<DVector<f64>> {
    let values = vector.iter().map(|&x| f(x)).collect::<Result<Vec<_>>>()?;
    Ok(DVector::from_vec(values))
}

#[cfg(test)]
mod tests {
    use num_dual::Dual64;

    use super::*;
    use crate::network::initialization::Scales;

    #[test]
    fn log_sensitivity_is_the_derivative_of_the_map() {
        for c in [1e-9, 1e-3, 1.0, 30.0] {
            for lambda in [-0.999, -0.3, 0.0, 0.7, 1.0] {
                for gamma in [0.0, 1e-3, 2.0] {
                    for beta in [1e-6, 0.2, 1.0, 50.0] {
                        let initialization =
                            Initialization::new(Scales { absolute: c, relative: lambda }).unwrap();
                        let map = ScaleMap::new(initialization, gamma).unwrap();
                        let (_, grown) =
                            growth(Dual64::from_re(c), Dual64::from_re(beta).derivative());
                        let dual = grown * (1.0 + lambda) + 0.5 * gamma * gamma;
                        let expected = beta * dual.eps / dual.re;
                        let computed = map.log_sensitivity(beta).unwrap();
                        assert!((computed - expected).abs() <= 1e-14 * expected);
                    }
                }
            }
        }
    }

    #[test]
    fn tiny_log_sensitivities_keep_their_digits() {
        // Share times coefficient is 1e-313; s = (beta/c)²/2 without a readout.
        let share = 1e-197;
        let pretraining = Initialization::from_first_layer_share(1e-79, share).unwrap();
        let computed = ScaleMap::new(pretraining, 0.0).unwrap().log_sensitivity(1e-116).unwrap();
        assert!((computed / 0.5e-74 - 1.0).abs() < 1e-14);
    }

    #[test]
    fn limits_of_the_map_are_exact() {
        let map = |c, lambda, gamma| {
            ScaleMap::new(
                Initialization::new(Scales { absolute: c, relative: lambda }).unwrap(),
                gamma,
            )
            .unwrap()
        };
        assert_eq!(map(0.0, 0.5, 0.0).fine_tuning_scale(2.0), Ok(3.0));
        assert_eq!(map(0.0, 0.5, 2.0).fine_tuning_scale(0.0), Ok(2.0));
        assert_eq!(map(0.5, 1.0, 0.0).fine_tuning_scale(0.0), Ok(2.0));
        assert_eq!(map(0.5, -1.0, 0.0).fine_tuning_scale(7.0), Ok(0.0));
        assert_eq!(map(0.5, -1.0, 0.0).log_sensitivity(7.0), Ok(0.0));
        assert_eq!(map(1e300, 1.0, 0.0).fine_tuning_scale(0.0), Ok(4e300));
    }
}
