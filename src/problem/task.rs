//! Statistics of the coefficients of two tasks.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::numerics::sum::CompensatedSum;
use crate::problem::component::Component;
use crate::problem::feature_class::FeatureClass;
use crate::problem::mixture::Mixture;
use crate::problem::prior::Prior;
use crate::problem::supports::Supports;

/// A pretraining and a fine-tuning task: which features each of them uses, and how strongly.
///
/// # Formula
///
/// Coordinates are independent. The active coefficients are
///
/// `$$ \beta_{PT} \sim P \quad \text{on the pretraining support} $$`
///
/// `$$ \beta_{FT} = m + \sqrt v \xi, \quad N(m, v) \sim Q \quad \text{on new coordinates} $$`
///
/// `$$ \beta_{FT} = m + \sqrt v \left[ q \beta_{PT}/R + \sqrt{1 - q^2} \xi \right], \quad N(m, v)
/// \sim S \quad
/// \text{on shared coordinates} $$`
///
/// with `$\xi \sim N(0, 1)$`; all others are 0. Here
/// - `$P$`: [pretraining prior](Self::pretraining_prior), a [`Mixture`] with the root mean square
///   `$R$`; the atom at 1 unless set;
/// - `$S$`, `$Q$`: priors of [shared](Self::shared_prior) and of [new](Self::new_prior) features, from
///   whose components `$N(m, v)$` is chosen at random. Both are `$N(0, 1/\rho_{FT})$` unless set, which
///   makes the mean square of the fine-tuning coefficients one;
/// - `$q$`: [correlation](Self::correlation), in [-1, 1], 0 unless set.
///
/// The correlation is between the deviation of a shared coefficient from the mean of its component and
/// the pretraining coefficient, `$\mathbb E [(\beta_{FT} - m) \beta_{PT}] / (\sqrt v R)$`. The mean
/// square of `$\beta_{FT} - m$` is `$v$` for every `$q$`; an atom (`$v = 0$`) is not correlated. With a
/// constant pretraining magnitude and `$S = N(0, v)$`, `$q = 1$` makes all shared coefficients
/// `$\sqrt v$` with the sign of pretraining, and `$q = -1$` with the opposite sign.
///
/// A task may also be given by the [coefficients themselves](Self::from_coefficients). Inputs of both
/// stages are `$x_j \sim N(0, \Lambda/D)$`, with the [input variance](Self::with_input_variance)
/// `$\Lambda$` of the feature's class, 1 unless set.
///
/// Derivation: [theory](crate::theory#tasks). Source: Anguita et al. 2026 (arXiv:2602.20062), section 5,
/// for constant magnitudes and Gaussians.
///
/// # Examples
///
/// ```
/// use diagonet::{Densities, Mixture, Prior, Supports, Task};
///
/// let supports = Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.05, overlap: 0.8 })?;
/// let task = Task::new(supports)?;
/// assert_eq!(task.shared_prior(), Prior::gaussian(0.0, 20.0)?.into());
/// // Strong features are reused, and what is new has heavy tails.
/// let other = task
///     .with_pretraining_magnitude(0.5)?
///     .with_shared_prior(Prior::gaussian(3.0, 1.0)?)?
///     .with_new_prior(Mixture::laplace(0.5)?)?;
/// assert_eq!(other.pretraining_prior(), Prior::atom(0.5)?.into());
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(try_from = "crate::representation::Task", into = "crate::representation::Task")
)]
pub struct Task {
    supports: Supports,
    coefficients: Coefficients,
    /// Of the classes, in the order of [`FeatureClass::ALL`].
    input_variances: [f64; 4],
}

/// The coefficients of a task: as distributions, or as known pairs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Coefficients {
    Random {
        pretraining: Mixture,
        shared: Mixture,
        new: Mixture,
        correlation: f64,
    },
    /// Pairs of atoms, or of small bins of them.
    Known(Arc<[Component]>),
}

impl Task {
    /// How its coefficients are given.
    #[cfg(feature = "serde")]
    pub(crate) fn coefficients(&self) -> &Coefficients {
        &self.coefficients
    }

    /// The task with known components of its coefficients.
    #[cfg(feature = "serde")]
    pub(crate) fn of_components(supports: Supports, components: Vec<Component>) -> Self {
        Self::of(supports, Coefficients::Known(components.into()))
    }

    /// The task with inputs of unit variance.
    fn of(supports: Supports, coefficients: Coefficients) -> Self {
        Self { supports, coefficients, input_variances: [1.0; 4] }
    }

    /// The task with unit pretraining magnitude, unit mean square of the fine-tuning coefficients
    /// (unit variance on an empty fine-tuning support) and no correlation of the two.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a fine-tuning density so small that `1/rho_FT` exceeds 1e300.
    pub fn new(supports: Supports) -> Result<Self> {
        let density = supports.fine_tuning_density();
        // Rounding may make it a little larger than 1.
        let legal = density == 0.0 || density >= 1e-300;
        Domain::closed(1e-300, 1.0).or_zero().check_if(legal, "fine_tuning_density", density)?;
        let fine_tuning =
            Mixture::from(Prior::gaussian(0.0, if density > 0.0 { 1.0 / density } else { 1.0 })?);
        let coefficients = Coefficients::Random {
            pretraining: Prior::atom(1.0)?.into(),
            shared: fine_tuning.clone(),
            new: fine_tuning,
            correlation: 0.0,
        };
        Ok(Self::of(supports, coefficients))
    }

    /// The task with known coefficients `beta_PT` and `beta_FT`, one pair a coordinate.
    ///
    /// Equal pairs are counted together. The theory holds for these coefficients in random order, in
    /// the limit of many copies of them. Vectors of nalgebra are passed with `as_slice()`.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] for vectors of different lengths, or without coordinates;
    /// [`Error::OutOfDomain`] for a coefficient outside [-1e150, 1e150].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::Task;
    ///
    /// let pretrained = [1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0];
    /// let coefficients = [0.5, 0.3, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    /// let task = Task::from_coefficients(&pretrained, &coefficients)?;
    /// assert_eq!(task.supports().overlap(), Some(0.5));
    /// assert_eq!(task.supports().none(), 0.625);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn from_coefficients(pretrained: &[f64], coefficients: &[f64]) -> Result<Self> {
        let mut pairs = Pairs::default();
        for [before, now] in pairs_of(pretrained, coefficients)? {
            pairs.add([before, now].map(f64::to_bits), [before, now]);
        }
        pairs.task(pretrained.len())
    }

    /// The task with known coefficients, where close pairs count as one: for vectors of millions of
    /// coordinates.
    ///
    /// Two pairs are close if, in each task, both coefficients have the same sign and fall into the same
    /// bin of `log |beta|` of width `width`. The coefficients of a bin are replaced by their mean; those
    /// of fine-tuning keep their variance, as a Gaussian. Classes of features are never mixed.
    ///
    /// The relative change of the generalization error shrinks with the square of the width. It is at
    /// most 1e-4 at a width of 0.1, measured on Gaussian and heavy-tailed coefficients.
    ///
    /// # Errors
    ///
    /// As [`Task::from_coefficients`], and [`Error::OutOfDomain`] for a width outside [1e-3, 1].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Initialization, Law, ScaleMap, Scales, Task};
    ///
    /// let wave = |k: usize, speed: f64| (speed * k as f64).sin();
    /// let pretrained: Vec<f64> = (0..10_000).map(|k| wave(k, 0.37)).collect();
    /// let coefficients: Vec<f64> = (0..10_000).map(|k| wave(k, 0.91)).collect();
    /// let task = Task::from_coefficients_in_bins(&pretrained, &coefficients, 0.5)?;
    /// let initialization = Initialization::new(Scales { absolute: 1e-3, relative: 0.0 })?;
    /// let map = ScaleMap::new(initialization, 0.0)?;
    /// assert!(Law::fine_tuning(&task, &map)?.groups().len() < 500);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn from_coefficients_in_bins(
        pretrained: &[f64],
        coefficients: &[f64],
        width: f64,
    ) -> Result<Self> {
        Domain::closed(1e-3, 1.0).check("width", width)?;
        let bin = |value: f64| {
            // Zero has a bin of its own, and the two signs have different parities.
            let position = if value == 0.0 {
                i64::MIN >> 1
            } else {
                (value.abs().ln() / width).floor() as i64
            };
            (2 * position + i64::from(value < 0.0)).cast_unsigned()
        };
        let mut pairs = Pairs::default();
        for [before, now] in pairs_of(pretrained, coefficients)? {
            pairs.add([bin(before), bin(now)], [before, now]);
        }
        pairs.task(pretrained.len())
    }

    /// The same task with the constant pretraining coefficient `magnitude`: the atom at it as
    /// [pretraining prior](Self::with_pretraining_prior).
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a magnitude outside [-1e150, 1e150]; otherwise as
    /// [`Task::with_pretraining_prior`].
    pub fn with_pretraining_magnitude(self, magnitude: f64) -> Result<Self> {
        Domain::COEFFICIENT.check("pretraining_magnitude", magnitude)?;
        self.with_pretraining_prior(Prior::atom(magnitude)?)
    }

    /// The same task with another prior of the active pretraining coefficients.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a prior that is zero, where the task has a correlation;
    /// [`Error::KnownCoefficients`] for a task that is given by its coefficients.
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::{Densities, Mixture, Prior, Supports, Task};
    /// let supports = Supports::new(Densities { pretraining: 0.5, fine_tuning: 0.25, overlap: 1.0 })?;
    /// let task = Task::new(supports)?;
    /// let gaussian = Prior::gaussian(0.0, 2.0)?;
    /// assert_eq!(task.with_pretraining_prior(gaussian)?.pretraining_prior(), gaussian.into());
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_pretraining_prior(mut self, prior: impl Into<Mixture>) -> Result<Self> {
        *self.random("pretraining_prior")?.pretraining = prior.into();
        let correlation = self.correlation();
        self.with_correlation(correlation)
    }

    /// The same task with correlation `q` between the coefficients of shared coordinates.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a correlation outside [-1, 1], or other than 0 with a pretraining
    /// prior that is zero; [`Error::KnownCoefficients`] for a task that is given by its coefficients.
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::{Densities, Initialization, Law, Prior, ScaleMap, Scales, Supports, Task};
    /// let supports = Supports::new(Densities { pretraining: 0.5, fine_tuning: 0.25, overlap: 1.0 })?;
    /// let task = Task::new(supports)?;
    /// let opposite = task.with_correlation(-1.0)?;
    /// let scratch = Law::from_scratch(&opposite, &Initialization::new(Scales { absolute: 1.0, relative: 0.0 })?)?;
    /// assert_eq!(scratch.groups()[0].prior(), Prior::atom(-2.0)?); // v is 4
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_correlation(mut self, correlation: f64) -> Result<Self> {
        let random = self.random("correlation")?;
        let domain = if random.pretraining.is_zero() {
            Domain::ZERO.when("where pretraining coefficients are 0")
        } else {
            Domain::CORRELATION
        };
        *random.correlation = domain.check("correlation", correlation)?;
        Ok(self)
    }

    /// The same task with variance `v` of the active fine-tuning coefficients: the prior `N(0, v)` for
    /// shared and new features.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a variance outside [0, 1e300]; [`Error::KnownCoefficients`] for a
    /// task that is given by its coefficients.
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::{Densities, Prior, Supports, Task};
    /// let supports = Supports::new(Densities { pretraining: 0.5, fine_tuning: 0.25, overlap: 1.0 })?;
    /// let task = Task::new(supports)?;
    /// let weaker = task.with_fine_tuning_variance(3.0)?;
    /// assert_eq!(weaker.shared_prior(), Prior::gaussian(0.0, 3.0)?.into());
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_fine_tuning_variance(self, variance: f64) -> Result<Self> {
        Domain::NON_NEGATIVE.check("fine_tuning_variance", variance)?;
        self.with_fine_tuning_prior(Prior::gaussian(0.0, variance)?)
    }

    /// The same task with another prior of the active fine-tuning coefficients, shared and new.
    ///
    /// # Errors
    ///
    /// [`Error::KnownCoefficients`] for a task that is given by its coefficients.
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::{Densities, Mixture, Supports, Task};
    /// let supports = Supports::new(Densities { pretraining: 0.5, fine_tuning: 0.25, overlap: 1.0 })?;
    /// let task = Task::new(supports)?;
    /// let sparse = task.with_fine_tuning_prior(Mixture::laplace(4.0)?)?;
    /// assert_eq!(sparse.shared_prior(), sparse.new_prior());
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_fine_tuning_prior(self, prior: impl Into<Mixture>) -> Result<Self> {
        let prior = prior.into();
        self.with_shared_prior(prior.clone())?.with_new_prior(prior)
    }

    /// The same task with another prior of the fine-tuning coefficients of shared features.
    ///
    /// # Errors
    ///
    /// As [`Task::with_fine_tuning_prior`].
    pub fn with_shared_prior(mut self, prior: impl Into<Mixture>) -> Result<Self> {
        *self.random("shared_prior")?.shared = prior.into();
        Ok(self)
    }

    /// The same task with another prior of the fine-tuning coefficients of new features.
    ///
    /// # Errors
    ///
    /// As [`Task::with_fine_tuning_prior`].
    pub fn with_new_prior(mut self, prior: impl Into<Mixture>) -> Result<Self> {
        *self.random("new_prior")?.new = prior.into();
        Ok(self)
    }

    /// The same task, with inputs of another variance on the features of a class, in both stages.
    ///
    /// # Formula
    ///
    /// ```text
    /// x_j ~ N(0, Lambda/D)
    /// ```
    ///
    /// where `Lambda` is the input variance, in [1e-150, 1e150]. Coefficients stay what they are. What it
    /// does to training is said at [`CoordinateGroup`](crate::CoordinateGroup::with_input_variance).
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for an input variance outside [1e-150, 1e150].
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "quadrature")]
    /// # {
    /// use diagonet::{
    ///     Densities, FeatureClass, Initialization, Samples, ScaleMap, Scales, Solver, Supports, Task,
    ///     Transfer,
    /// };
    ///
    /// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 1.0 })?;
    /// let map = ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: 0.0 })?, 0.0)?;
    /// let samples = Samples::new(0.25)?.with_noise_variance(0.1)?;
    /// let parameter_error = |variance| -> diagonet::Result<f64> {
    ///     let task = Task::new(supports)?.with_input_variance(FeatureClass::Shared, variance)?;
    ///     let solution = Solver::new().solve(&Transfer::new(&task, map), &samples)?;
    ///     Ok(solution.fine_tuning.parameter_errors().total)
    /// };
    /// // Strong inputs tell more of their coefficients.
    /// assert!(parameter_error(4.0)? < 0.5 * parameter_error(0.25)?);
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_input_variance(mut self, class: FeatureClass, input_variance: f64) -> Result<Self> {
        self.input_variances[class as usize] = Domain::INPUT_VARIANCE
            .check("input_variance", input_variance)
            .map_err(|error| error.in_group(&class.into()))?;
        Ok(self)
    }

    /// Variance `Lambda` of the inputs of a class, in units of 1/D.
    #[must_use]
    pub fn input_variance(&self, class: FeatureClass) -> f64 {
        self.input_variances[class as usize]
    }

    /// Statistics of the supports.
    #[must_use]
    pub fn supports(&self) -> Supports {
        self.supports
    }

    /// Distribution of the active coefficients of pretraining.
    #[must_use]
    pub fn pretraining_prior(&self) -> Mixture {
        match &self.coefficients {
            Coefficients::Random { pretraining, .. } => pretraining.clone(),
            Coefficients::Known(_) => {
                self.marginal(FeatureClass::in_pretraining, |component| component.pretraining)
            }
        }
    }

    /// Distribution of the coefficients of pretraining on the features of a class.
    fn prior_in_pretraining(&self, class: FeatureClass) -> Mixture {
        match &self.coefficients {
            _ if !class.in_pretraining() => Prior::ZERO.into(),
            Coefficients::Random { pretraining, .. } => pretraining.clone(),
            Coefficients::Known(_) => {
                self.marginal(|other| other == class, |component| component.pretraining)
            }
        }
    }

    /// Distribution of the fine-tuning coefficients of shared features, apart from their correlation
    /// with pretraining.
    #[must_use]
    pub fn shared_prior(&self) -> Mixture {
        match &self.coefficients {
            Coefficients::Random { shared, .. } => shared.clone(),
            Coefficients::Known(_) => self.fine_tuning_prior_of(FeatureClass::Shared),
        }
    }

    /// Distribution of the fine-tuning coefficients of new features.
    #[must_use]
    pub fn new_prior(&self) -> Mixture {
        match &self.coefficients {
            Coefficients::Random { new, .. } => new.clone(),
            Coefficients::Known(_) => self.fine_tuning_prior_of(FeatureClass::New),
        }
    }

    /// Correlation `q` between the coefficients of shared coordinates; 0 for a task that is given by
    /// its coefficients.
    #[must_use]
    pub fn correlation(&self) -> f64 {
        match self.coefficients {
            Coefficients::Random { correlation, .. } => correlation,
            Coefficients::Known(_) => 0.0,
        }
    }

    /// Mean square `E[beta_FT²]` over all coordinates: the error of estimating nothing, where training
    /// starts at 0 and input variances are 1.
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::{Densities, Supports, Task};
    /// let supports = Supports::new(Densities { pretraining: 0.5, fine_tuning: 0.25, overlap: 1.0 })?;
    /// let task = Task::new(supports)?;
    /// assert_eq!(task.mean_square(), 1.0);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn mean_square(&self) -> f64 {
        let [shared, new] = [FeatureClass::Shared, FeatureClass::New].map(|class| {
            let probability = self.supports.probability(class);
            // Coordinates that do not occur add nothing, whatever their prior.
            if probability > 0.0 { probability * self.mean_square_of(class) } else { 0.0 }
        });
        shared + new
    }

    /// Scale of the features that pretraining used over that of the others, in the best weighted ridge
    /// regression that knows no more of them: the design rule beside which
    /// [regime II](crate::Regime::II) is to be seen, whose scales follow pretraining.
    ///
    /// # Formula
    ///
    /// ```text
    /// V_used / V_other,      V_used = P(active | used) S²,   V_other = P(active | other) Q²
    /// ```
    ///
    /// where `S²` and `Q²` are mean squares of the active fine-tuning coefficients of shared and of new
    /// features. It does not depend on input variances. `None` where pretraining uses no features or all of
    /// them, and where others have no signal.
    ///
    /// Derivation: [`Law::with_matched_scales`](crate::Law::with_matched_scales).
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Densities, Initialization, ScaleMap, Scales, Supports, Task};
    ///
    /// let supports = Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 0.5 })?;
    /// let best = Task::new(supports)?.matched_scale_ratio().unwrap();
    /// assert!((best - 9.0).abs() < 1e-12); // 0.5 over 0.05/0.9
    /// // A rich initialization with lambda = 0 reuses features far more than that.
    /// let map = ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: 0.0 })?, 0.0)?;
    /// assert!(map.fine_tuning_scale(1.0)? / map.fine_tuning_scale(0.0)? > 50.0 * best);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn matched_scale_ratio(&self) -> Option<f64> {
        let signal = |active: FeatureClass, inactive: FeatureClass| {
            let [active_part, rest] = [active, inactive].map(|c| self.supports.probability(c));
            if active_part == 0.0 {
                return (rest > 0.0).then_some(0.0);
            }
            Some(active_part / (active_part + rest) * self.mean_square_of(active))
        };
        let used = signal(FeatureClass::Shared, FeatureClass::PretrainingOnly)?;
        let other = signal(FeatureClass::New, FeatureClass::Unused)?;
        let ratio = used / other;
        ratio.is_finite().then_some(ratio)
    }

    /// The error of estimating nothing where training starts at 0: the mean square of what coefficients add
    /// to labels.
    pub(crate) fn signal(&self) -> f64 {
        let [shared, new] = [FeatureClass::Shared, FeatureClass::New].map(|class| {
            let probability = self.supports.probability(class);
            if probability == 0.0 {
                return 0.0;
            }
            probability * self.input_variance(class) * self.mean_square_of(class)
        });
        shared + new
    }

    fn mean_square_of(&self, class: FeatureClass) -> f64 {
        let components = self.components_of(class).into_iter();
        let term = |component: Component| {
            let square = component.fine_tuning_alone().map_or(f64::INFINITY, |p| p.mean_square());
            component.share * square
        };
        components.map(term).collect::<CompensatedSum>().value()
    }

    /// Typical coefficients of a shared feature: root mean squares of pretraining and of fine-tuning, the
    /// latter over shared and new features.
    pub(crate) fn typical_coefficients(&self) -> [f64; 2] {
        let density = self.supports.shared() + self.supports.new_features();
        let fine_tuning = if density > 0.0 {
            (self.mean_square() / density).sqrt()
        } else {
            self.shared_prior().root_mean_square()
        };
        [self.pretraining_prior().root_mean_square(), fine_tuning]
    }

    /// Whether a correlation can be given to it.
    pub(crate) fn takes_correlation(&self) -> bool {
        match &self.coefficients {
            Coefficients::Random { pretraining, .. } => !pretraining.is_zero(),
            Coefficients::Known(_) => false,
        }
    }

    /// Components of the coordinates of a class; none where it does not occur in known coefficients.
    pub(crate) fn components_of(&self, class: FeatureClass) -> Vec<Component> {
        let (pretraining, fine_tuning, correlation, size) = match &self.coefficients {
            Coefficients::Known(components) => {
                return components.iter().filter(|c| c.class == class).copied().collect();
            }
            Coefficients::Random { pretraining, shared, new, correlation } => {
                let zero = Mixture::from(Prior::ZERO);
                let fine_tuning = match class {
                    FeatureClass::Shared => shared,
                    FeatureClass::New => new,
                    FeatureClass::PretrainingOnly | FeatureClass::Unused => &zero,
                };
                let is_shared = class == FeatureClass::Shared;
                (
                    if class.in_pretraining() { pretraining.clone() } else { zero.clone() },
                    fine_tuning.clone(),
                    if is_shared { *correlation } else { 0.0 },
                    pretraining.root_mean_square(),
                )
            }
        };
        let mut components = Vec::new();
        for (probability, pretraining) in pretraining.components() {
            for (conditional, fine_tuning) in fine_tuning.components() {
                components.push(Component {
                    class,
                    share: probability * conditional,
                    pretraining: *pretraining,
                    fine_tuning: *fine_tuning,
                    correlation,
                    size,
                });
            }
        }
        components
    }

    /// The coordinates by what they are in pretraining: those that it uses, then those that it does not.
    ///
    /// Two classes are one part where nothing tells them apart: where inputs have the same variance and
    /// coefficients of pretraining the same distribution.
    pub(crate) fn pretraining_parts(&self) -> Vec<PretrainingPart> {
        let density = self.supports.pretraining_density();
        let sides = [(true, "active", density), (false, "inactive", 1.0 - density)];
        let mut parts = Vec::new();
        for (is_active, label, weight) in sides {
            let classes = FeatureClass::ALL.into_iter().filter(|c| c.in_pretraining() == is_active);
            let classes: Vec<_> = classes.collect();
            let variances = [0, 1].map(|index| self.input_variance(classes[index]));
            let is_uniform = variances[0] == variances[1];
            let is_random = matches!(self.coefficients, Coefficients::Random { .. });
            if is_uniform && (is_random || !is_active) {
                let prior = self.prior_in_pretraining(classes[0]);
                let input_variance = variances[0];
                parts.push(PretrainingPart { label, classes, weight, input_variance, prior });
                continue;
            }
            for (class, input_variance) in classes.into_iter().zip(variances) {
                parts.push(PretrainingPart {
                    label: if is_uniform { label } else { class.label() },
                    classes: vec![class],
                    weight: self.supports.probability(class),
                    input_variance,
                    prior: self.prior_in_pretraining(class),
                });
            }
        }
        parts
    }

    /// Components of all classes, in the order of [`FeatureClass::ALL`].
    pub(crate) fn components(&self) -> Vec<Component> {
        FeatureClass::ALL.into_iter().flat_map(|class| self.components_of(class)).collect()
    }

    /// Probability of a component.
    pub(crate) fn probability(&self, component: &Component) -> f64 {
        self.supports.probability(component.class) * component.share
    }

    fn fine_tuning_prior_of(&self, class: FeatureClass) -> Mixture {
        self.marginal(|other| other == class, |component| component.fine_tuning)
    }

    /// Mixture of a coefficient over known coordinates of some classes.
    fn marginal(
        &self,
        includes: impl Fn(FeatureClass) -> bool,
        prior: impl Fn(&Component) -> Prior,
    ) -> Mixture {
        let components = self.components().into_iter().filter(|c| includes(c.class));
        let weighted: Vec<_> = components.map(|c| (self.probability(&c), prior(&c))).collect();
        Mixture::of_proportions(weighted)
    }

    /// The parts of a task that may be set.
    fn random(&mut self, parameter: &'static str) -> Result<Parts<'_>> {
        match &mut self.coefficients {
            Coefficients::Random { pretraining, shared, new, correlation } => {
                Ok(Parts { pretraining, shared, new, correlation })
            }
            Coefficients::Known(_) => Err(Error::KnownCoefficients { parameter }),
        }
    }
}

/// Coordinates that are alike in pretraining.
#[derive(Debug, Clone)]
pub(crate) struct PretrainingPart {
    pub(crate) label: &'static str,
    pub(crate) classes: Vec<FeatureClass>,
    pub(crate) weight: f64,
    pub(crate) input_variance: f64,
    /// Distribution of their coefficients.
    pub(crate) prior: Mixture,
}

struct Parts<'a> {
    pretraining: &'a mut Mixture,
    shared: &'a mut Mixture,
    new: &'a mut Mixture,
    correlation: &'a mut f64,
}

/// The pairs of two vectors, with zeros of one sign.
fn pairs_of<'a>(
    pretrained: &'a [f64],
    coefficients: &'a [f64],
) -> Result<impl Iterator<Item = [f64; 2]> + 'a> {
    let mismatch =
        |parameter, expected, found| Err(Error::DimensionMismatch { parameter, expected, found });
    if pretrained.is_empty() {
        return mismatch("pretrained", 1, 0);
    }
    if pretrained.len() != coefficients.len() {
        return mismatch("coefficients", pretrained.len(), coefficients.len());
    }
    for (parameter, vector) in [("pretrained", pretrained), ("coefficients", coefficients)] {
        for &value in vector {
            Domain::COEFFICIENT.check(parameter, value)?;
        }
    }
    Ok(pretrained.iter().zip(coefficients).map(|(&before, &now)| [before + 0.0, now + 0.0]))
}

/// Pairs of coefficients by key, in the order in which they first occur.
#[derive(Default)]
struct Pairs {
    positions: HashMap<[u64; 2], usize>,
    bins: Vec<Bin>,
}

/// Moments of pairs of coefficients, relative to the first of them.
struct Bin {
    first: [f64; 2],
    count: usize,
    sums: [CompensatedSum; 2],
    square: CompensatedSum,
}

impl Pairs {
    fn add(&mut self, key: [u64; 2], pair: [f64; 2]) {
        let next = self.bins.len();
        let position = *self.positions.entry(key).or_insert(next);
        if position == next {
            let zero = CompensatedSum::new(0.0);
            self.bins.push(Bin { first: pair, count: 0, sums: [zero; 2], square: zero });
        }
        let bin = &mut self.bins[position];
        let deviations = [pair[0] - bin.first[0], pair[1] - bin.first[1]];
        bin.count += 1;
        bin.sums[0].add(deviations[0]);
        bin.sums[1].add(deviations[1]);
        bin.square.add(deviations[1] * deviations[1]);
    }

    /// The task of all pairs of `dimension` coordinates.
    fn task(self, dimension: usize) -> Result<Task> {
        let class = |bin: &Bin| {
            let [before, now] = bin.first;
            FeatureClass::of_activity(before != 0.0, now != 0.0)
        };
        let counts = FeatureClass::ALL.map(|of| {
            self.bins.iter().filter(|bin| class(bin) == of).map(|bin| bin.count).sum::<usize>()
        });
        let component = |of: FeatureClass, of_class: usize, bin: &Bin| {
            let count = bin.count as f64;
            let [before, now] = [0, 1].map(|k| bin.sums[k].value() / count);
            let variance = (bin.square.value() / count - now * now).max(0.0);
            Ok(Component {
                class: of,
                share: count / of_class as f64,
                pretraining: Prior::atom(bin.first[0] + before)?,
                fine_tuning: Prior::gaussian(bin.first[1] + now, variance)?,
                correlation: 0.0,
                size: 1.0,
            })
        };
        let mut components = Vec::with_capacity(self.bins.len());
        for (of, of_class) in FeatureClass::ALL.into_iter().zip(counts) {
            for bin in self.bins.iter().filter(|bin| class(bin) == of) {
                components.push(component(of, of_class, bin)?);
            }
        }
        let supports =
            Supports::from_probabilities(counts.map(|count| count as f64 / dimension as f64));
        Ok(Task::of(supports, Coefficients::Known(components.into())))
    }
}
