//! Statistics of the two tasks, and the samples that a task is learned from.

use crate::error::{
    Error, MAX_MAGNITUDE, MAX_SQUARABLE, Result, check, check_non_negative, check_probability,
};
use crate::problem::feature_class::FeatureClass;
use crate::problem::pretrained::Pretrained;
use crate::problem::prior::Prior;

/// Which coordinates the two tasks use: the joint statistics of the two supports.
///
/// # Formula
///
/// Coordinates are independent. The four probabilities of a coordinate are
///
/// ```text
/// shared            = rho_PT rho_shared              = omega rho_FT
/// new               = (1 - rho_PT) rho_new           = (1 - omega) rho_FT
/// pretraining only  = rho_PT (1 - rho_shared)        = rho_PT - omega rho_FT
/// none              = (1 - rho_PT) (1 - rho_new)     = 1 - rho_PT - (1 - omega) rho_FT
/// ```
///
/// where
/// - `rho_PT`: [pretraining density](Self::pretraining_density), probability of being active in
///   pretraining;
/// - `rho_FT`: [fine-tuning density](Self::fine_tuning_density), probability of being active in
///   fine-tuning;
/// - `omega`: [overlap](Self::overlap), fraction of the fine-tuning support that pretraining used;
/// - `rho_shared`, `rho_new`: probability of being active in fine-tuning given active, or inactive,
///   in pretraining.
///
/// Source: Anguita et al. 2026 (arXiv:2602.20062), section 5.
///
/// # Examples
///
/// ```
/// use diagonet::Supports;
///
/// let by_overlap = Supports::from_overlap(0.2, 0.1, 0.5)?;
/// let conditional = Supports::from_conditional(0.2, 0.25, 0.0625)?;
/// assert!((by_overlap.shared() - conditional.shared()).abs() < 1e-16);
/// assert!((by_overlap.new_features() - conditional.new_features()).abs() < 1e-16);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Supports {
    shared: f64,
    new_features: f64,
    pretraining_only: f64,
    none: f64,
    pretraining_density: f64,
    given: Given,
}

/// What supports were built from besides the pretraining density, kept so that they say it of themselves
/// to the bit.
#[derive(Debug, Clone, Copy)]
enum Given {
    Overlap { fine_tuning_density: f64, overlap: f64 },
    Conditional { shared_density: f64, new_density: f64 },
}

/// Supports are equal that give all classes the same probability.
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
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Error, Supports};
    ///
    /// let supports = Supports::from_overlap(0.2, 0.1, 1.0)?;
    /// assert_eq!(supports.new_features(), 0.0);
    /// // Fine-tuning on more shared coordinates than pretraining has.
    /// let impossible = Supports::from_overlap(0.1, 0.4, 0.5);
    /// assert!(matches!(impossible, Err(Error::InfeasibleSupports { .. })));
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn from_overlap(
        pretraining_density: f64,
        fine_tuning_density: f64,
        overlap: f64,
    ) -> Result<Self> {
        check_probability("pretraining_density", pretraining_density)?;
        check_probability("fine_tuning_density", fine_tuning_density)?;
        check_probability("overlap", overlap)?;
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

    /// Supports with pretraining density `rho_PT` and conditional densities `rho_shared` (given
    /// active in pretraining) and `rho_new` (given inactive). Every choice is feasible.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for an argument outside [0, 1].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::Supports;
    ///
    /// let supports = Supports::from_conditional(0.5, 0.25, 0.0)?;
    /// assert_eq!(supports.fine_tuning_density(), 0.125);
    /// assert_eq!(supports.overlap(), Some(1.0));
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn from_conditional(
        pretraining_density: f64,
        shared_density: f64,
        new_density: f64,
    ) -> Result<Self> {
        check_probability("pretraining_density", pretraining_density)?;
        check_probability("shared_density", shared_density)?;
        check_probability("new_density", new_density)?;
        Ok(Self {
            pretraining_density,
            given: Given::Conditional { shared_density, new_density },
            shared: pretraining_density * shared_density,
            new_features: (1.0 - pretraining_density) * new_density,
            pretraining_only: pretraining_density * (1.0 - shared_density),
            none: (1.0 - pretraining_density) * (1.0 - new_density),
        })
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
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::Supports;
    /// assert_eq!(Supports::from_overlap(0.5, 0.25, 0.5)?.pretraining_density(), 0.5);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn pretraining_density(&self) -> f64 {
        self.pretraining_density
    }

    /// Fine-tuning density `rho_FT`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::Supports;
    /// assert_eq!(Supports::from_conditional(0.5, 0.5, 0.25)?.fine_tuning_density(), 0.375);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn fine_tuning_density(&self) -> f64 {
        match self.given {
            Given::Overlap { fine_tuning_density, .. } => fine_tuning_density,
            Given::Conditional { .. } => self.shared + self.new_features,
        }
    }

    /// Overlap `omega`, the fraction of the fine-tuning support that is active in pretraining;
    /// `None` where the fine-tuning support is empty.
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::Supports;
    /// assert_eq!(Supports::from_conditional(0.5, 0.5, 0.5)?.overlap(), Some(0.5));
    /// assert_eq!(Supports::from_conditional(0.5, 0.0, 0.0)?.overlap(), None);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn overlap(&self) -> Option<f64> {
        match self.given {
            Given::Overlap { fine_tuning_density, overlap } => {
                (fine_tuning_density > 0.0).then_some(overlap)
            }
            Given::Conditional { .. } => fraction(self.shared, self.fine_tuning_density()),
        }
    }

    /// Probability `rho_shared` of being active in fine-tuning given active in pretraining; `None`
    /// where the pretraining support is empty.
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::Supports;
    /// assert_eq!(Supports::from_overlap(0.5, 0.25, 1.0)?.shared_density(), Some(0.5));
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn shared_density(&self) -> Option<f64> {
        match self.given {
            Given::Conditional { shared_density, .. } => {
                (self.pretraining_density > 0.0).then_some(shared_density)
            }
            Given::Overlap { .. } => fraction(self.shared, self.pretraining_density),
        }
    }

    /// Probability `rho_new` of being active in fine-tuning given inactive in pretraining; `None`
    /// where every coordinate is active in pretraining.
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::Supports;
    /// assert_eq!(Supports::from_overlap(0.5, 0.25, 0.0)?.new_density(), Some(0.5));
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn new_density(&self) -> Option<f64> {
        match self.given {
            Given::Conditional { new_density, .. } => {
                (self.pretraining_density < 1.0).then_some(new_density)
            }
            Given::Overlap { .. } => fraction(self.new_features, self.new_features + self.none),
        }
    }
}

fn fraction(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// A pretraining and a fine-tuning task with spike-and-slab coefficients.
///
/// # Formula
///
/// ```text
/// beta_PT ~ P                                                 on the pretraining support
/// beta_FT = sqrt(v) xi                                        on new coordinates
/// beta_FT = sqrt(v) [ q beta_PT/R + sqrt(1 - q²) xi ]         on shared coordinates
/// ```
///
/// and 0 elsewhere, with `xi ~ N(0, 1)`, where
/// - `P`: [pretraining prior](Self::pretraining_prior), the atom at 1 unless set, with the root mean
///   square `R`;
/// - `v`: [fine-tuning variance](Self::fine_tuning_variance), in [0, 1e300], `1/rho_FT` unless set,
///   which makes the mean square of the coefficients one;
/// - `q`: [correlation](Self::correlation), in [-1, 1], 0 unless set.
///
/// The correlation is the normalized second moment of the two tasks on shared coordinates,
/// `E[beta_FT beta_PT] / sqrt(E[beta_FT²] E[beta_PT²])`, and the mean square of `beta_FT` is `v` for
/// every `q`. With a constant magnitude, `q = 1` makes all shared coefficients `sqrt(v)` with the sign
/// of pretraining, and `q = -1` with the opposite sign.
///
/// Source: Anguita et al. 2026 (arXiv:2602.20062), section 5.
///
/// # Examples
///
/// ```
/// use diagonet::{Prior, Supports, Task};
///
/// let task = Task::new(Supports::from_overlap(0.1, 0.05, 1.0)?)?;
/// assert_eq!(task.fine_tuning_variance(), 20.0);
/// let weaker = task.with_pretraining_magnitude(0.5)?.with_fine_tuning_variance(1.0)?;
/// assert_eq!(weaker.pretraining_prior(), Prior::atom(0.5)?);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Task {
    supports: Supports,
    pretraining_prior: Prior,
    fine_tuning_variance: f64,
    correlation: f64,
}

impl Task {
    /// The task with unit pretraining magnitude, unit mean square of the fine-tuning coefficients
    /// (unit variance on an empty fine-tuning support) and no correlation of the two.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a fine-tuning density so small that `1/rho_FT` exceeds 1e300.
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::{Supports, Task};
    /// let task = Task::new(Supports::from_overlap(0.5, 0.25, 1.0)?)?;
    /// assert_eq!((task.fine_tuning_variance(), task.correlation()), (4.0, 0.0));
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn new(supports: Supports) -> Result<Self> {
        let density = supports.fine_tuning_density();
        check("fine_tuning_density", density, "0 or [1e-300, 1]", |x| {
            x == 0.0 || x >= 1.0 / MAX_MAGNITUDE
        })?;
        let fine_tuning_variance = if density > 0.0 { 1.0 / density } else { 1.0 };
        let pretraining_prior = Prior::atom(1.0)?;
        Ok(Self { supports, pretraining_prior, fine_tuning_variance, correlation: 0.0 })
    }

    /// The same task with the constant pretraining coefficient `magnitude`: the atom at it as
    /// [pretraining prior](Self::with_pretraining_prior).
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a magnitude outside [-1e150, 1e150], or 0 for a task with
    /// correlation.
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::{Prior, Supports, Task};
    /// let task = Task::new(Supports::from_overlap(0.5, 0.25, 1.0)?)?;
    /// assert_eq!(task.with_pretraining_magnitude(3.0)?.pretraining_prior(), Prior::atom(3.0)?);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_pretraining_magnitude(self, magnitude: f64) -> Result<Self> {
        check("pretraining_magnitude", magnitude, "[-1e150, 1e150]", |x| x.abs() <= MAX_SQUARABLE)?;
        self.with_pretraining_prior(Prior::atom(magnitude)?)
    }

    /// The same task with another prior of the active pretraining coefficients.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for [`Prior::ZERO`] and a task with correlation.
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::{Prior, Supports, Task};
    /// let task = Task::new(Supports::from_overlap(0.5, 0.25, 1.0)?)?;
    /// let gaussian = Prior::gaussian(0.0, 2.0)?;
    /// assert_eq!(task.with_pretraining_prior(gaussian)?.pretraining_prior(), gaussian);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_pretraining_prior(self, prior: Prior) -> Result<Self> {
        Self { pretraining_prior: prior, ..self }.with_correlation(self.correlation)
    }

    /// The same task with correlation `q` between the coefficients of shared coordinates.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a correlation outside [-1, 1], or other than 0 with the pretraining
    /// prior [`Prior::ZERO`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::{Initialization, Law, Prior, ScaleMap, Supports, Task};
    /// let task = Task::new(Supports::from_overlap(0.5, 0.25, 1.0)?)?;
    /// let opposite = task.with_correlation(-1.0)?;
    /// let scratch = Law::from_scratch(&opposite, &Initialization::from_scales(1.0, 0.0)?)?;
    /// assert_eq!(scratch.groups()[0].prior(), Prior::atom(-2.0)?); // v is 4
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_correlation(self, correlation: f64) -> Result<Self> {
        let (domain, largest) = if self.pretraining_prior == Prior::ZERO {
            ("0, where pretraining coefficients are 0", 0.0)
        } else {
            ("[-1, 1]", 1.0)
        };
        check("correlation", correlation, domain, |x| x.abs() <= largest)?;
        Ok(Self { correlation, ..self })
    }

    /// The same task with variance `v` of the active fine-tuning coefficients.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a variance outside [0, 1e300].
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::{Supports, Task};
    /// let task = Task::new(Supports::from_overlap(0.5, 0.25, 1.0)?)?;
    /// assert_eq!(task.with_fine_tuning_variance(3.0)?.fine_tuning_variance(), 3.0);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_fine_tuning_variance(self, variance: f64) -> Result<Self> {
        check_non_negative("fine_tuning_variance", variance)?;
        Ok(Self { fine_tuning_variance: variance, ..self })
    }

    /// Statistics of the supports.
    #[must_use]
    pub fn supports(&self) -> Supports {
        self.supports
    }

    /// Distribution of the active coefficients of pretraining.
    #[must_use]
    pub fn pretraining_prior(&self) -> Prior {
        self.pretraining_prior
    }

    /// Correlation `q` between the coefficients of shared coordinates.
    #[must_use]
    pub fn correlation(&self) -> f64 {
        self.correlation
    }

    /// Variance `v` of the active coefficients of fine-tuning.
    #[must_use]
    pub fn fine_tuning_variance(&self) -> f64 {
        self.fine_tuning_variance
    }

    /// The constant pretraining coefficient, for what is not an integral over others; `domain` says
    /// what the variance has to be, for what, and where else to go.
    pub(crate) fn constant_magnitude(&self, domain: &'static str) -> Result<f64> {
        let variance = self.pretraining_prior.variance();
        check("pretraining_variance", variance, domain, |x| x == 0.0)?;
        Ok(self.pretraining_prior.mean())
    }

    /// Distribution of `beta_PT` on coordinates of a class.
    pub(crate) fn pretraining_prior_of(&self, class: FeatureClass) -> Prior {
        if class.in_pretraining() { self.pretraining_prior } else { Prior::ZERO }
    }

    /// Distribution of `beta_FT` on coordinates of a class given what is known of `beta_PT`, with their
    /// covariance.
    pub(crate) fn fine_tuning_given(
        &self,
        class: FeatureClass,
        pretrained: Pretrained,
    ) -> Result<(Prior, Pretrained)> {
        if class != FeatureClass::Shared || self.correlation == 0.0 {
            return Ok((self.fine_tuning_prior_of(class)?, pretrained));
        }
        // beta_FT = slope beta_PT/R + the rest, with both ratios formed before they can overflow.
        let slope = self.fine_tuning_variance.sqrt() * self.correlation;
        let size = self.pretraining_prior.root_mean_square();
        let deviation = pretrained.prior().variance().sqrt();
        let explained = slope * (deviation / size);
        let rest =
            self.fine_tuning_variance * ((1.0 - self.correlation) * (1.0 + self.correlation));
        let mean = slope * (pretrained.prior().mean() / size);
        let prior = Prior::gaussian(mean, explained.mul_add(explained, rest))?;
        Ok((prior, pretrained.with_covariance(explained * deviation)?))
    }

    /// Distribution of `beta_FT` on coordinates of a class, whatever pretraining was.
    pub(crate) fn fine_tuning_prior_of(&self, class: FeatureClass) -> Result<Prior> {
        if !class.in_fine_tuning() {
            return Ok(Prior::ZERO);
        }
        let variance = self.fine_tuning_variance;
        if class == FeatureClass::New || self.correlation == 0.0 {
            return Prior::gaussian(0.0, variance);
        }
        let prior = self.pretraining_prior;
        // What part of the mean square is that of the mean.
        let share = self.correlation * (prior.mean() / prior.root_mean_square());
        Prior::gaussian(variance.sqrt() * share, variance * ((1.0 - share) * (1.0 + share)))
    }
}

/// The data of one training stage, in the limit of many coordinates.
///
/// # Formula
///
/// ```text
/// y = X beta* + eps,      X_ij ~ N(0, 1/D),      eps ~ N(0, sigma²),      alpha = N / D
/// ```
///
/// where
/// - `D`: number of coordinates, `N`: number of samples, both tending to infinity;
/// - `alpha`: [sample ratio](Self::sample_ratio), in [1e-300, 1e300];
/// - `sigma²`: [noise variance](Self::noise_variance), in [0, 1e300], 0 unless set.
///
/// Source: Anguita et al. 2026 (arXiv:2602.20062), section 2.
///
/// # Examples
///
/// ```
/// use diagonet::Samples;
///
/// let samples = Samples::new(0.25)?.with_noise_variance(0.1)?;
/// assert_eq!((samples.sample_ratio(), samples.noise_variance()), (0.25, 0.1));
/// assert!(Samples::new(0.0).is_err());
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Samples {
    sample_ratio: f64,
    noise_variance: f64,
}

impl Samples {
    /// Noiseless samples, `sample_ratio` of them per coordinate.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a ratio outside [1e-300, 1e300].
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::Samples;
    /// assert_eq!(Samples::new(2.0)?.noise_variance(), 0.0);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn new(sample_ratio: f64) -> Result<Self> {
        check("sample_ratio", sample_ratio, "[1e-300, 1e300]", |x| {
            (1.0 / MAX_MAGNITUDE..=MAX_MAGNITUDE).contains(&x)
        })?;
        Ok(Self { sample_ratio, noise_variance: 0.0 })
    }

    /// The same samples with label noise of variance `sigma²`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a variance outside [0, 1e300].
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::Samples;
    /// assert!(Samples::new(2.0)?.with_noise_variance(-1.0).is_err());
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_noise_variance(self, noise_variance: f64) -> Result<Self> {
        check_non_negative("noise_variance", noise_variance)?;
        Ok(Self { noise_variance, ..self })
    }

    /// Samples per coordinate, `alpha = N/D`.
    #[must_use]
    pub fn sample_ratio(&self) -> f64 {
        self.sample_ratio
    }

    /// Variance of the label noise, `sigma²`.
    #[must_use]
    pub fn noise_variance(&self) -> f64 {
        self.noise_variance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parametrizations_name_the_same_supports() {
        for (shared, new) in [(0.0, 0.3), (0.4, 0.0), (0.25, 0.6), (1.0, 1.0)] {
            let supports = Supports::from_conditional(0.3, shared, new).unwrap();
            let again = Supports::from_overlap(
                supports.pretraining_density(),
                supports.fine_tuning_density(),
                supports.overlap().unwrap(),
            )
            .unwrap();
            assert!((supports.shared - again.shared).abs() < 1e-15);
            assert!((supports.none - again.none).abs() < 1e-15);
            assert!((again.shared_density().unwrap() - shared).abs() < 1e-15);
            assert!((again.new_density().unwrap() - new).abs() < 1e-15);
        }
    }

    #[test]
    fn boundaries_that_decimals_miss_by_a_rounding_are_feasible() {
        let supports = Supports::from_overlap(0.7, 0.3, 0.0).unwrap();
        assert!(supports.none() < 1e-15);
        assert!(Supports::from_overlap(0.1, 0.3, 1.0 / 3.0).unwrap().pretraining_only() < 1e-15);
    }

    #[test]
    fn more_new_features_than_there_is_room_for_are_infeasible() {
        let result = Supports::from_overlap(0.8, 0.3, 0.0);
        assert!(matches!(
            result,
            Err(Error::InfeasibleSupports { constraint, .. }) if constraint.ends_with("<= 1")
        ));
    }
}
