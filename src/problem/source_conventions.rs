//! Numbers of the source authors' code in the conventions of this crate.

use std::f64::consts::SQRT_2;

use crate::error::Result;
use crate::network::initialization::{Initialization, Scales};
use crate::network::scale_map::ScaleMap;
use crate::problem::samples::Samples;

/// Sign of the relative scale in a script of the source authors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum RelativeScaleSign {
    /// `lambda c = w0² - v0²`, as in the paper and here: -1 is a first layer at zero.
    #[default]
    FirstLayerLessReadout,
    /// `lambda c = v0² - w0²`, as in one initializer of the code: -1 is a readout at zero.
    ReadoutLessFirstLayer,
}

/// Readout after a reset in a script of the source authors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum ReadoutReset {
    /// `v = gamma/sqrt(2)`, as in the paper and here.
    #[default]
    OverRootTwo,
    /// `v = gamma`, as in another initializer of the code.
    Whole,
}

/// The conventions of a script of the source authors, which turn its numbers into those of this crate.
///
/// # Formula
///
/// ```text
/// quantity        here                          code                        here, from the code
/// inputs          X_ij ~ N(0, 1/D)              X_ij ~ N(0, 1/N)            sqrt(alpha) X
/// labels          y = X B + eps                 y = X B + eps0              sqrt(alpha) y
/// noise           sigma² = Var(eps)             sigma0² = Var(eps0)         sigma² = alpha sigma0²
/// relative scale  lambda c = w0² - v0²          sign by the initializer     lambda or -lambda
/// readout reset   v = gamma/sqrt(2)             gamma/sqrt(2), or gamma     gamma, or sqrt(2) gamma
/// ```
///
/// where
/// - `alpha = N/D`: samples per coordinate;
/// - `sigma0²`: noise variance of the code, so that `alpha sigma0²` is in [0, 1e300].
///
/// Three formulas of stored scripts differ from the theory, which this crate follows:
///
/// ```text
/// theory                                                        script
/// s² = (sigma² + E)/alpha                                       alpha (sigma² + E), in two solvers of three
///                                                               stages
/// s_PT² = sigma²/(alpha_PT - 1), least squares, alpha_PT > 1    sigma²
/// ```
///
/// Source: code of Anguita et al. 2026 (arXiv:2602.20062).
///
/// # Examples
///
/// ```
/// use diagonet::{ReadoutReset, RelativeScaleSign, Scales, SourceConventions};
///
/// let script = SourceConventions {
///     relative_scale: RelativeScaleSign::ReadoutLessFirstLayer,
///     readout: ReadoutReset::Whole,
/// };
/// let map = script.scale_map(Scales { absolute: 1e-3, relative: 0.9 }, 0.5)?;
/// assert_eq!(map.pretraining().relative_scale(), -0.9);
/// assert_eq!(map.readout_scale(), 0.5 * 2.0_f64.sqrt());
/// assert_eq!(script.samples(0.25, 0.4)?.noise_variance(), 0.1);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct SourceConventions {
    /// Sign of the relative scale.
    pub relative_scale: RelativeScaleSign,
    /// Readout after a reset.
    pub readout: ReadoutReset,
}

impl SourceConventions {
    /// The initialization with scales in the conventions of the script.
    ///
    /// # Errors
    ///
    /// As [`Initialization::new`].
    ///
    /// # Examples
    ///
    /// See [`SourceConventions`].
    pub fn initialization(&self, scales: Scales) -> Result<Initialization> {
        Initialization::new(match self.relative_scale {
            RelativeScaleSign::FirstLayerLessReadout => scales,
            RelativeScaleSign::ReadoutLessFirstLayer => {
                Scales { relative: -scales.relative, ..scales }
            }
        })
    }

    /// The scale map with scales and a readout in the conventions of the script.
    ///
    /// # Errors
    ///
    /// As [`Initialization::new`] and [`ScaleMap::new`].
    ///
    /// # Examples
    ///
    /// See [`SourceConventions`].
    pub fn scale_map(&self, scales: Scales, readout: f64) -> Result<ScaleMap> {
        let readout_scale = match self.readout {
            ReadoutReset::OverRootTwo => readout,
            ReadoutReset::Whole => SQRT_2 * readout,
        };
        ScaleMap::new(self.initialization(scales)?, readout_scale)
    }

    /// The samples with a noise variance `sigma0²` for inputs of variance `1/N`.
    ///
    /// # Errors
    ///
    /// As [`Samples::new`] and [`Samples::with_noise_variance`].
    ///
    /// # Examples
    ///
    /// See [`SourceConventions`].
    pub fn samples(&self, sample_ratio: f64, noise_variance: f64) -> Result<Samples> {
        Samples::new(sample_ratio)?.with_noise_variance(sample_ratio * noise_variance)
    }
}
