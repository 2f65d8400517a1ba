//! The supports of two tasks.

use std::ops::RangeInclusive;

use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::problem::feature_class::FeatureClass;

/// Densities of the supports of two tasks, and their overlap, see [`Supports::new`].
///
/// # Examples
///
/// ```
/// use diagonet::{Densities, Supports};
///
/// let densities = Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 };
/// assert_eq!(Supports::new(densities)?.overlap(), Some(densities.overlap));
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Densities {
    /// Pretraining density `rho_PT`, in [0, 1].
    pub pretraining: f64,
    /// Fine-tuning density `rho_FT`, in [0, 1].
    pub fine_tuning: f64,
    /// Overlap `omega`, the fraction of the fine-tuning support that pretraining used, in [0, 1].
    pub overlap: f64,
}

/// Density of pretraining, and of fine-tuning given pretraining, see [`Supports::from_conditional`].
///
/// # Examples
///
/// ```
/// use diagonet::{ConditionalDensities, Supports};
///
/// let densities = ConditionalDensities { pretraining: 0.2, shared: 0.25, new: 0.0625 };
/// assert_eq!(Supports::from_conditional(densities)?.new_density(), Some(densities.new));
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct ConditionalDensities {
    /// Pretraining density `rho_PT`, in [0, 1].
    pub pretraining: f64,
    /// Probability `rho_shared` of being active in fine-tuning given active in pretraining, in [0, 1].
    pub shared: f64,
    /// Probability `rho_new` of being active in fine-tuning given inactive in pretraining, in [0, 1].
    pub new: f64,
}

/// The joint statistics of the supports of two tasks: which coordinates each of them uses.
///
/// # Formula
///
/// Coordinates are independent. The four probabilities of a coordinate are
///
/// `$$ P(\text{shared}) = \rho_{PT} \rho_{shared} = \omega \rho_{FT} $$`
///
/// `$$ P(\text{new}) = (1 - \rho_{PT}) \rho_{new} = (1 - \omega) \rho_{FT} $$`
///
/// `$$ P(\text{pretraining only}) = \rho_{PT} (1 - \rho_{shared}) = \rho_{PT} - \omega \rho_{FT} $$`
///
/// `$$ P(\text{none}) = (1 - \rho_{PT})(1 - \rho_{new}) = 1 - \rho_{PT} - (1 - \omega) \rho_{FT} $$`
///
/// where
/// - `$\rho_{PT}$`: [pretraining density](Self::pretraining_density), probability of being active in
///   pretraining;
/// - `$\rho_{FT}$`: [fine-tuning density](Self::fine_tuning_density), probability of being active in
///   fine-tuning;
/// - `$\omega$`: [overlap](Self::overlap), fraction of the fine-tuning support that pretraining used;
/// - `$\rho_{shared}$`, `$\rho_{new}$`: probability of being active in fine-tuning given active, or
///   inactive, in pretraining.
///
/// Derivation: [theory](crate::theory#tasks). Source: Anguita et al. 2026 (arXiv:2602.20062), section 5.
///
/// # Examples
///
/// ```
/// use diagonet::{ConditionalDensities, Densities, Supports};
///
/// let by_overlap = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 })?;
/// let conditional = Supports::from_conditional(ConditionalDensities { pretraining: 0.2, shared: 0.25, new: 0.0625 })?;
/// assert!((by_overlap.shared() - conditional.shared()).abs() < 1e-16);
/// assert!((by_overlap.new_features() - conditional.new_features()).abs() < 1e-16);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(try_from = "crate::representation::Supports", into = "crate::representation::Supports")
)]
pub struct Supports {
    shared: f64,
    new_features: f64,
    pretraining_only: f64,
    none: f64,
    pretraining_density: f64,
    given: Given,
}

/// The numbers that supports were built from besides the pretraining density. Getters return them to the
/// bit.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Given {
    Overlap { fine_tuning_density: f64, overlap: f64 },
    Conditional { shared_density: f64, new_density: f64 },
    Probabilities,
}

/// Supports that give all classes the same probability are equal.
impl PartialEq for Supports {
    fn eq(&self, other: &Self) -> bool {
        FeatureClass::ALL.iter().all(|class| self.probability(*class) == other.probability(*class))
    }
}

impl Supports {
    /// Supports with densities `rho_PT`, `rho_FT` and overlap `omega`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for an argument outside [0, 1]; [`Error::InfeasibleSupports`] unless
    /// `omega rho_FT <= rho_PT` and `rho_PT + (1 - omega) rho_FT <= 1` (up to rounding).
    pub fn new(densities: Densities) -> Result<Self> {
        let Densities {
            pretraining: pretraining_density,
            fine_tuning: fine_tuning_density,
            overlap,
        } = densities;
        Domain::PROBABILITY.check("pretraining_density", pretraining_density)?;
        Domain::PROBABILITY.check("fine_tuning_density", fine_tuning_density)?;
        Domain::PROBABILITY.check("overlap", overlap)?;
        let shared = overlap * fine_tuning_density;
        let new_features = (1.0 - overlap) * fine_tuning_density;
        // A boundary that decimal fractions miss by a rounding is meant to be the boundary.
        let remainder = |value: f64, size: f64, constraint| {
            if value >= -4.0 * f64::EPSILON * size {
                Ok(value.max(0.0))
            } else {
                Err(Error::InfeasibleSupports {
                    pretraining_density,
                    fine_tuning_density,
                    overlap,
                    constraint,
                })
            }
        };
        Ok(Self {
            pretraining_density,
            given: Given::Overlap { fine_tuning_density, overlap },
            shared: shared.min(pretraining_density),
            new_features,
            pretraining_only: remainder(
                pretraining_density - shared,
                pretraining_density,
                "overlap * fine_tuning_density <= pretraining_density",
            )?,
            none: remainder(
                (1.0 - pretraining_density) - new_features,
                1.0,
                "pretraining_density + (1 - overlap) * fine_tuning_density <= 1",
            )?,
        })
    }

    /// The overlaps that two densities can have: from the lowest to the highest, `None` for an empty
    /// fine-tuning support, of which every overlap is the same.
    ///
    /// # Formula
    ///
    /// ```text
    /// max(0, (rho_PT + rho_FT - 1)/rho_FT) <= omega <= min(1, rho_PT/rho_FT)
    /// ```
    ///
    /// where
    /// - `rho_PT`, `rho_FT`: densities of pretraining and of fine-tuning, in [0, 1];
    /// - `omega`: overlap, the fraction of the fine-tuning support that pretraining used.
    ///
    /// [`Supports::new`] takes both ends.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a density outside [0, 1].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::Supports;
    ///
    /// assert_eq!(Supports::feasible_overlaps(0.1, 0.2)?, Some(0.0..=0.5));
    /// let crowded = Supports::feasible_overlaps(0.75, 0.5)?.unwrap();
    /// assert_eq!(crowded, 0.5..=1.0);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn feasible_overlaps(
        pretraining_density: f64,
        fine_tuning_density: f64,
    ) -> Result<Option<RangeInclusive<f64>>> {
        Domain::PROBABILITY.check("pretraining_density", pretraining_density)?;
        Domain::PROBABILITY.check("fine_tuning_density", fine_tuning_density)?;
        if fine_tuning_density == 0.0 {
            return Ok(None);
        }
        // Both differences are at most one rounding off, which `new` allows for.
        let unavoidable = fine_tuning_density - (1.0 - pretraining_density);
        let lowest = (unavoidable / fine_tuning_density).max(0.0);
        let highest = (pretraining_density / fine_tuning_density).min(1.0);
        Ok(Some(lowest..=highest))
    }

    /// Supports with pretraining density `rho_PT` and conditional densities `rho_shared` (given
    /// active in pretraining) and `rho_new` (given inactive). Every choice is feasible.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for an argument outside [0, 1].
    pub fn from_conditional(densities: ConditionalDensities) -> Result<Self> {
        let ConditionalDensities {
            pretraining: pretraining_density,
            shared: shared_density,
            new: new_density,
        } = densities;
        Domain::PROBABILITY.check("pretraining_density", pretraining_density)?;
        Domain::PROBABILITY.check("shared_density", shared_density)?;
        Domain::PROBABILITY.check("new_density", new_density)?;
        Ok(Self {
            pretraining_density,
            given: Given::Conditional { shared_density, new_density },
            shared: pretraining_density * shared_density,
            new_features: (1.0 - pretraining_density) * new_density,
            pretraining_only: pretraining_density * (1.0 - shared_density),
            none: (1.0 - pretraining_density) * (1.0 - new_density),
        })
    }

    /// What it was built from.
    #[cfg(feature = "serde")]
    pub(crate) fn given(&self) -> Given {
        self.given
    }

    /// Supports with the probabilities of all classes, which sum to 1.
    pub(crate) fn from_probabilities(
        [shared, new_features, pretraining_only, none]: [f64; 4],
    ) -> Self {
        Self {
            shared,
            new_features,
            pretraining_only,
            none,
            pretraining_density: shared + pretraining_only,
            given: Given::Probabilities,
        }
    }

    /// Probability that a feature is of this class.
    #[must_use]
    pub fn probability(&self, class: FeatureClass) -> f64 {
        match class {
            FeatureClass::Shared => self.shared,
            FeatureClass::New => self.new_features,
            FeatureClass::PretrainingOnly => self.pretraining_only,
            FeatureClass::Unused => self.none,
        }
    }

    /// Probability of being active in both tasks.
    #[must_use]
    pub fn shared(&self) -> f64 {
        self.shared
    }

    /// Probability of being active in fine-tuning only.
    #[must_use]
    pub fn new_features(&self) -> f64 {
        self.new_features
    }

    /// Probability of being active in pretraining only.
    #[must_use]
    pub fn pretraining_only(&self) -> f64 {
        self.pretraining_only
    }

    /// Probability of being active in neither task.
    #[must_use]
    pub fn none(&self) -> f64 {
        self.none
    }

    /// Pretraining density `rho_PT`.
    #[must_use]
    pub fn pretraining_density(&self) -> f64 {
        self.pretraining_density
    }

    /// Fine-tuning density `rho_FT`.
    #[must_use]
    pub fn fine_tuning_density(&self) -> f64 {
        match self.given {
            Given::Overlap { fine_tuning_density, .. } => fine_tuning_density,
            _ => self.shared + self.new_features,
        }
    }

    /// Overlap `omega`, the fraction of the fine-tuning support that is active in pretraining;
    /// `None` where the fine-tuning support is empty.
    #[must_use]
    pub fn overlap(&self) -> Option<f64> {
        match self.given {
            Given::Overlap { fine_tuning_density, overlap } => {
                (fine_tuning_density > 0.0).then_some(overlap)
            }
            _ => fraction(self.shared, self.fine_tuning_density()),
        }
    }

    /// Probability `rho_shared` of being active in fine-tuning given active in pretraining; `None`
    /// where the pretraining support is empty.
    #[must_use]
    pub fn shared_density(&self) -> Option<f64> {
        match self.given {
            Given::Conditional { shared_density, .. } => {
                (self.pretraining_density > 0.0).then_some(shared_density)
            }
            _ => fraction(self.shared, self.pretraining_density),
        }
    }

    /// Probability `rho_new` of being active in fine-tuning given inactive in pretraining; `None`
    /// where every coordinate is active in pretraining.
    #[must_use]
    pub fn new_density(&self) -> Option<f64> {
        match self.given {
            Given::Conditional { new_density, .. } => {
                (self.pretraining_density < 1.0).then_some(new_density)
            }
            _ => fraction(self.new_features, self.new_features + self.none),
        }
    }
}

fn fraction(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parametrizations_name_the_same_supports() {
        for (shared, new) in [(0.0, 0.3), (0.4, 0.0), (0.25, 0.6), (1.0, 1.0)] {
            let supports =
                Supports::from_conditional(ConditionalDensities { pretraining: 0.3, shared, new })
                    .unwrap();
            let again = Supports::new(Densities {
                pretraining: supports.pretraining_density(),
                fine_tuning: supports.fine_tuning_density(),
                overlap: supports.overlap().unwrap(),
            })
            .unwrap();
            assert!((supports.shared - again.shared).abs() < 1e-15);
            assert!((supports.none - again.none).abs() < 1e-15);
            assert!((again.shared_density().unwrap() - shared).abs() < 1e-15);
            assert!((again.new_density().unwrap() - new).abs() < 1e-15);
        }
    }

    #[test]
    fn boundaries_that_decimals_miss_by_a_rounding_are_feasible() {
        let supports =
            Supports::new(Densities { pretraining: 0.7, fine_tuning: 0.3, overlap: 0.0 }).unwrap();
        assert!(supports.none() < 1e-15);
        assert!(
            Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.3, overlap: 1.0 / 3.0 })
                .unwrap()
                .pretraining_only()
                < 1e-15
        );
    }

    #[test]
    fn more_new_features_than_there_is_room_for_are_infeasible() {
        let result = Supports::new(Densities { pretraining: 0.8, fine_tuning: 0.3, overlap: 0.0 });
        assert!(matches!(
            result,
            Err(Error::InfeasibleSupports { constraint, .. }) if constraint.ends_with("<= 1")
        ));
    }
}
