//! The problem of the Bayes-optimal learner, and its solution.

use crate::bayes::mixture::{Accuracy, Component, Mixture};
use crate::bayes::roots::{Equation, largest_ratio, moments};
use crate::bayes::side_information::{
    JointPrior, Labels, Whitened, classes_of_law, scaled_variance,
};
use crate::bayes::solution::{BayesSolution, BayesState};
use crate::error::{Error, Result, Stage};
use crate::numerics::sum::CompensatedSum;
use crate::problem::errors::{Errors, GroupError};
use crate::problem::law::Law;
use crate::problem::samples::Samples;
use crate::problem::task::Task;
use crate::stages::transfer::Transfer;

/// Steps over what pretraining observed, before they are halved, in units of those that are fine enough
/// for what does not depend on more.
const COARSEST: f64 = 3.0;

/// Relative change with halved steps that leaves about its square, because the rule converges
/// geometrically.
const GEOMETRIC: f64 = 1e-7;

/// The Bayes-optimal learner: it knows the prior of the coefficients, and of each coordinate what
/// pretraining told.
///
/// # Formula
///
/// Coordinates that the learner cannot tell apart make a class. A class has the probability `P` and a
/// mixture of Gaussians and atoms as its prior, with the posterior mean `E[B | z]`:
///
/// ```text
/// z = B + s Z,      M(s²) = sum P E[(B - E[B | z])²],      s² = (sigma² + M(s²))/alpha
/// ```
///
/// The equation may have several roots; [`solve`](Self::solve) finds all of them. Message passing
/// reaches the largest. The information-theoretic root minimizes the potential
///
/// ```text
/// sum P I(B; B + s Z) + (alpha/2) [ ln(1 + M/sigma²) - M/(sigma² + M) ]
/// ```
///
/// where
/// - `alpha`, `sigma²`: sample ratio and noise variance of the [`Samples`];
/// - `I`: mutual information, in nats.
///
/// What is known depends on what the learner is made from:
///
/// | made by | the learner knows |
/// |---|---|
/// | [`from_scratch`](Self::from_scratch) | nothing of single coordinates |
/// | [`after_pretraining`](Self::after_pretraining) | the true coefficient of pretraining |
/// | [`of_transfer`](Self::of_transfer) | `B_PT + s_PT Z` with the Bayes-optimal `s_PT` |
/// | [`of_law`](Self::of_law) | pretrained coefficient, scale and start |
///
/// and the variance of the inputs of each coordinate. Where that is `Lambda`, coefficients are observed
/// with noise `s²/Lambda`, and `Lambda` multiplies their error in `M`: it is that on fresh inputs.
///
/// No protocol and no estimator of this crate has a smaller error than the learner that knows the
/// same, at the root of message passing.
///
/// Accuracy: [`BayesOptimal::ACCURACY`].
///
/// Source: Krzakala et al. 2012 (arXiv:1109.4424); Barbier et al. 2016 (arXiv:1607.02335); Reeves and
/// Pfister 2016 (arXiv:1607.02524); Wu and Verdú 2010 for the threshold without noise.
///
/// # Examples
///
/// ```
/// use diagonet::{BayesOptimal, Densities, Samples, Supports, Task};
///
/// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.05, overlap: 0.5 })?;
/// let task = Task::new(supports)?;
/// let samples = Samples::new(0.05)?.with_noise_variance(0.5)?;
/// let error = |bayes: BayesOptimal| -> diagonet::Result<f64> {
///     Ok(bayes.solve(&samples)?.message_passing().generalization_error())
/// };
/// let (pretrained, scratch) =
///     (error(BayesOptimal::after_pretraining(&task)?)?, error(BayesOptimal::from_scratch(&task)?)?);
/// assert!((pretrained - 0.928246).abs() < 1e-6);
/// assert!((scratch - 0.947741).abs() < 1e-6);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct BayesOptimal {
    labels: Labels,
    /// Root of the mean square of the coefficients: the unit of all that follows.
    unit: f64,
    classes: Vec<Mixture>,
    /// What the classes are nodes of, where their number has to be found.
    channel: Option<Channel>,
    pretraining: Option<BayesSolution>,
}

/// The pretraining channel behind a list of classes.
#[derive(Debug, Clone)]
struct Channel {
    prior: JointPrior,
    noise: f64,
}

impl Channel {
    /// The classes, with steps halved `refinement` times.
    fn classes(&self, refinement: u32) -> Vec<Mixture> {
        self.prior.observed(self.noise, COARSEST * 0.5_f64.powi(refinement as i32))
    }
}

impl BayesOptimal {
    /// Relative accuracy budget of errors and of the effective noise variance: where they are
    /// functions of classes. It is 1e-9 where the classes are nodes over what pretraining observed.
    pub const ACCURACY: f64 = 1e-10;

    /// Halvings of the steps over what pretraining observed, at most.
    pub const MAX_REFINEMENT: u32 = 7;

    /// The learner without pretraining.
    ///
    /// # Errors
    ///
    /// [`Error::NotRepresentable`] for variances that are less than 1e-250 of the mean square, both times
    /// those of the inputs.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{BayesOptimal, Densities, Supports, Task};
    ///
    /// let bayes = BayesOptimal::from_scratch(&Task::new(Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 })?)?)?;
    /// assert!((bayes.message_passing_threshold()? - 0.207559).abs() < 1e-6);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn from_scratch(task: &Task) -> Result<Self> {
        let (prior, unit) = in_own_units(&JointPrior::of_task(task))?;
        let classes = prior.unobserved();
        Ok(Self { labels: prior.labels, unit, classes, channel: None, pretraining: None })
    }

    /// The learner after pretraining on unlimited data: it knows the true coefficients of pretraining.
    ///
    /// # Errors
    ///
    /// As [`from_scratch`](Self::from_scratch).
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{BayesOptimal, Densities, Supports, Task};
    ///
    /// let supports = Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 0.8 })?;
    /// let task = Task::new(supports)?;
    /// let threshold = BayesOptimal::after_pretraining(&task)?.message_passing_threshold()?;
    /// assert!((threshold - 0.142807).abs() < 1e-6);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn after_pretraining(task: &Task) -> Result<Self> {
        Self::observing(&JointPrior::of_task(task), 0.0, None)
    }

    /// The learner of both stages of a transfer: of pretraining it knows the observation
    /// `z_PT = B_PT + s_PT Z` that the Bayes-optimal learner of the pretraining task ends with.
    ///
    /// `s_PT²` is the largest root for the pretraining task, the one that message passing reaches. The
    /// pretraining data are used for pretraining only: a learner that keeps them, and revises with the
    /// data of fine-tuning what it knows of `B_PT`, can do better. Scales and protocol play no part.
    ///
    /// # Errors
    ///
    /// Those of [`from_scratch`](Self::from_scratch); those of [`solve`](Self::solve), within
    /// [`Error::InStage`].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{
    ///     BayesOptimal, Densities, Initialization, Prior, Samples, ScaleMap, Scales, Supports, Task,
    ///     Transfer,
    /// };
    ///
    /// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 1.0 })?;
    /// let task = Task::new(supports)?
    ///     .with_pretraining_prior(Prior::gaussian(0.0, 5.0)?)?
    ///     .with_correlation(0.8)?;
    /// let initialization = Initialization::new(Scales { absolute: 0.01, relative: -0.9 })?;
    /// let map = ScaleMap::new(initialization, 0.0)?;
    /// let pretraining = Samples::new(0.4)?.with_noise_variance(0.01)?;
    /// let transfer = Transfer::new(&task, map).with_pretraining_samples(pretraining);
    /// let solution = BayesOptimal::of_transfer(&transfer)?.solve(&Samples::new(0.25)?)?;
    /// // Gradient flow has 0.1978.
    /// assert!(solution.message_passing().generalization_error() < 0.1);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn of_transfer(transfer: &Transfer) -> Result<Self> {
        let task = transfer.task();
        let Some(samples) = transfer.pretraining_samples() else {
            return Self::after_pretraining(task);
        };
        let (labels, components) = JointPrior::pretraining_of_task(task);
        let solution = Self::of_classes(labels, components)
            .and_then(|bayes| bayes.solve(&samples))
            .map_err(|error| error.in_stage(Stage::Pretraining))?;
        let noise = solution.message_passing().effective_noise_variance;
        Self::observing(&JointPrior::of_task(task), noise, Some(solution))
    }

    /// The learner of a law. It knows of each coordinate what training from it depends on: pretrained
    /// coefficient, scale, start and input variance. Groups with the same of all four make a class,
    /// whatever their labels. Its errors are those on fresh inputs. A [mirrored](crate::CoordinateGroup::with_mirror_image) group is in two classes.
    ///
    /// # Errors
    ///
    /// As [`from_scratch`](Self::from_scratch), within [`Error::InGroup`].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{BayesOptimal, CoordinateGroup, Law, Prior, Samples};
    ///
    /// let law = Law::new(vec![
    ///     CoordinateGroup::new("signal", 0.1, Prior::gaussian(0.0, 10.0)?, 1e-3)?,
    ///     CoordinateGroup::new("background", 0.9, Prior::ZERO, 1e-3)?,
    /// ])?;
    /// let solution = BayesOptimal::of_law(&law)?.solve(&Samples::new(0.25)?)?;
    /// // Gradient flow has 0.2963.
    /// assert_eq!(solution.message_passing().generalization_error(), 0.0);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn of_law(law: &Law) -> Result<Self> {
        let unit = unit_of(law.whitened().mean_square());
        let (labels, classes) = classes_of_law(law, unit)?;
        Ok(Self { labels, unit, classes, channel: None, pretraining: None })
    }

    fn of_classes(labels: Labels, classes: Vec<Whitened>) -> Result<Self> {
        let square = |part: &Component| part.weight * part.mean.mul_add(part.mean, part.variance);
        let squares = classes.iter().flat_map(|class| class.members.iter().map(square));
        let unit = unit_of(squares.sum());
        let scale = |part: Component| {
            let variance = scaled_variance(part.variance, unit)?;
            Ok(Component { mean: part.mean / unit, variance, ..part })
        };
        let mixture = |class: Whitened| {
            let members = class.members.into_iter().map(scale).collect::<Result<_>>()?;
            Ok(Whitened { members, ..class }.mixture())
        };
        let classes = classes.into_iter().map(mixture).collect::<Result<_>>()?;
        Ok(Self { labels, unit, classes, channel: None, pretraining: None })
    }

    fn observing(
        prior: &JointPrior,
        noise: f64,
        pretraining: Option<BayesSolution>,
    ) -> Result<Self> {
        let (prior, unit) = in_own_units(prior)?;
        let labels = prior.labels.clone();
        if prior.components.iter().any(|part| noise / part.input_variance > 1e300) {
            return Err(Error::NotRepresentable {
                quantity: "the noise of pretraining in units of an input variance",
                reason: "it is above 1e300",
            });
        }
        // Without relation, classes are nodes of an integrand whose poles are known.
        let is_related = prior.is_related();
        let channel = Channel { prior, noise };
        let classes =
            if is_related { channel.classes(0) } else { channel.prior.observed(noise, 1.0) };
        let channel = is_related.then_some(channel);
        Ok(Self { labels, unit, classes, channel, pretraining })
    }

    /// The solution for pretraining, where its data are finite.
    #[must_use]
    pub fn pretraining(&self) -> Option<&BayesSolution> {
        self.pretraining.as_ref()
    }

    /// Finds all fixed points for training on `samples`.
    ///
    /// Without noise, exact recovery is always one of them. Pairs of roots closer than 1e-7 in the
    /// logarithm of `s²` count as none.
    ///
    /// Where both tasks are correlated and pretrained coefficients have a density, roots are searched
    /// with the coarsest rule over what pretraining observed, and followed to finer ones until `s²`
    /// changes by less than 1e-7, relatively; the rule converges geometrically, so that much less is
    /// left. Roots so small that `s` is below the steps of the coarsest rule can be missed there.
    ///
    /// # Errors
    ///
    /// [`Error::NotRepresentable`] where the effective noise is not within 1e-290 and 1e290 of the mean
    /// square of the coefficients; [`Error::NotConverged`] where
    /// [`MAX_REFINEMENT`](Self::MAX_REFINEMENT) is not enough.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{BayesOptimal, Densities, Samples, Supports, Task};
    ///
    /// let bayes = BayesOptimal::from_scratch(&Task::new(Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 0.5 })?)?)?;
    /// let solution = bayes.solve(&Samples::new(0.19)?.with_noise_variance(1e-6)?)?;
    /// // Two that are stable, and one between them.
    /// let stable: Vec<_> = solution.states.iter().map(|state| state.is_stable).collect();
    /// assert_eq!(stable, [true, false, true]);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn solve(&self, samples: &Samples) -> Result<BayesSolution> {
        let noise_variance = samples.noise_variance() / self.unit / self.unit;
        let lost = samples.noise_variance() > 0.0 && noise_variance < 1e-290;
        if lost || noise_variance > 1e290 {
            return Err(Error::NotRepresentable {
                quantity: "noise_variance",
                reason: "it is not within 1e-290 and 1e290 of the mean square of the coefficients",
            });
        }
        let sample_ratio = samples.sample_ratio();
        let equation = Equation { classes: &self.classes, sample_ratio, noise_variance };
        let mut roots = equation.roots()?;
        let Some(channel) = &self.channel else {
            return self.solution(&equation, &roots);
        };
        let mut change = f64::INFINITY;
        for refinement in 1..=Self::MAX_REFINEMENT {
            let classes = channel.classes(refinement);
            let equation = Equation { classes: &classes, sample_ratio, noise_variance };
            let polished: Result<Vec<f64>> =
                roots.iter().map(|root| equation.polish(*root)).collect();
            let (finer, again) = match polished {
                Ok(finer) => (finer, false),
                Err(_) => (equation.roots()?, true),
            };
            change = f64::INFINITY;
            if !again {
                let changes =
                    finer.iter().zip(&roots).map(|(fine, coarse)| (fine / coarse - 1.0).abs());
                change = changes.fold(0.0, f64::max);
            }
            roots = finer;
            if change < GEOMETRIC {
                return self.solution(&equation, &roots);
            }
        }
        let iterations = 1 + Self::MAX_REFINEMENT as usize;
        Err(Error::NotConverged { iterations, residual: change })
    }

    /// Solutions over a grid of sample ratios, at one noise variance. A point that has no answer (a
    /// ratio outside its domain included) is an error of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{BayesOptimal, Densities, Supports, Task};
    ///
    /// let bayes = BayesOptimal::from_scratch(&Task::new(Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 0.5 })?)?)?;
    /// let curve = bayes.learning_curve(0.01, &[0.1, 0.2, 0.4]);
    /// let errors: Vec<f64> = curve
    ///     .into_iter()
    ///     .map(|point| Ok(point?.message_passing().generalization_error()))
    ///     .collect::<diagonet::Result<_>>()?;
    /// assert!(errors[0] > errors[1] && errors[1] > errors[2]);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn learning_curve(
        &self,
        noise_variance: f64,
        sample_ratios: &[f64],
    ) -> Vec<Result<BayesSolution>> {
        let point = |&sample_ratio: &f64| {
            self.solve(&Samples::new(sample_ratio)?.with_noise_variance(noise_variance)?)
        };
        sample_ratios.iter().map(point).collect()
    }

    /// Sample ratio above which some learner recovers all coefficients exactly, without noise.
    ///
    /// # Formula
    ///
    /// ```text
    /// alpha_IT = P(coefficient is no atom, given what is known)
    /// ```
    ///
    /// the information dimension of the coefficients.
    ///
    /// Source: Wu and Verdú 2010, *Rényi information dimension: fundamental limits of almost lossless
    /// analog compression*.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{BayesOptimal, Densities, Supports, Task};
    ///
    /// let bayes = BayesOptimal::from_scratch(&Task::new(Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 })?)?)?;
    /// assert!((bayes.information_theoretic_threshold() - 0.1).abs() < 1e-15);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn information_theoretic_threshold(&self) -> f64 {
        dimension(&self.classes)
    }

    /// Sample ratio above which message passing recovers all coefficients exactly, without noise.
    ///
    /// # Formula
    ///
    /// ```text
    /// alpha_AMP = sup_s M(s²)/s²
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::NotConverged`] where [`MAX_REFINEMENT`](Self::MAX_REFINEMENT) is not enough.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{BayesOptimal, Densities, Samples, Supports, Task};
    ///
    /// let bayes = BayesOptimal::from_scratch(&Task::new(Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.05, overlap: 0.5 })?)?)?;
    /// let threshold = bayes.message_passing_threshold()?;
    /// assert!((threshold - 0.118732).abs() < 1e-6);
    /// assert!(bayes.solve(&Samples::new(threshold - 1e-4)?)?.is_hard());
    /// assert!(!bayes.solve(&Samples::new(threshold + 1e-4)?)?.is_hard());
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn message_passing_threshold(&self) -> Result<f64> {
        let mut threshold = largest_ratio(&self.classes)?;
        let Some(channel) = &self.channel else {
            return Ok(threshold);
        };
        let mut change = f64::INFINITY;
        for refinement in 1..=Self::MAX_REFINEMENT {
            let classes = channel.classes(refinement);
            let finer = largest_ratio(&classes)?;
            change = (finer / threshold - 1.0).abs();
            threshold = finer;
            if change < GEOMETRIC {
                return Ok(threshold);
            }
        }
        let iterations = 1 + Self::MAX_REFINEMENT as usize;
        Err(Error::NotConverged { iterations, residual: change })
    }

    /// The states at the roots, and at exact recovery where there is no noise.
    fn solution(&self, equation: &Equation<'_>, roots: &[f64]) -> Result<BayesSolution> {
        let mut states = Vec::with_capacity(roots.len() + 1);
        if equation.noise_variance == 0.0 {
            states.push(self.exact_recovery(equation));
        }
        states.extend(roots.iter().map(|&noise| self.state(equation, noise)));
        if states.is_empty() {
            // There always is a root: rounding has hidden it.
            return Err(Error::NotConverged { iterations: 0, residual: f64::INFINITY });
        }
        let mut information_theoretic = 0;
        for (index, state) in states.iter().enumerate() {
            if state.potential < states[information_theoretic].potential {
                information_theoretic = index;
            }
        }
        Ok(BayesSolution { states, information_theoretic })
    }

    fn exact_recovery(&self, equation: &Equation<'_>) -> BayesState {
        let recovers = equation.sample_ratio > dimension(equation.classes);
        BayesState {
            errors: Errors {
                total: 0.0,
                groups: self.groups(equation.classes, |class| vec![0.0; class.components().len()]),
            },
            own: None,
            effective_noise_variance: 0.0,
            potential: if recovers { f64::NEG_INFINITY } else { f64::INFINITY },
            is_stable: recovers,
        }
    }

    fn state(&self, equation: &Equation<'_>, noise: f64) -> BayesState {
        let Equation { classes, sample_ratio, noise_variance } = *equation;
        let moments = moments(classes, noise, Accuracy::Full);
        let information = classes
            .iter()
            .map(|class| class.information(noise))
            .collect::<CompensatedSum>()
            .value();
        // alpha s² is sigma² + M.
        let data = if noise_variance > 0.0 {
            let ratio = sample_ratio * (noise / noise_variance);
            ratio.ln() + 1.0 / ratio - 1.0
        } else {
            sample_ratio.ln() + noise.ln() - 1.0
        };
        let square = |error: f64| error * self.unit * self.unit;
        let groups =
            self.groups(classes, |class| class.errors(noise).into_iter().map(square).collect());
        let is_structured = classes.iter().any(|class| class.input_variance() != 1.0);
        let own = is_structured.then(|| {
            let groups = self.groups(classes, |class| {
                let own = |error: f64| square(error) / class.input_variance();
                class.errors(noise).into_iter().map(own).collect()
            });
            let total = groups.iter().map(|group| group.weight * group.error);
            Errors { total: total.collect::<CompensatedSum>().value(), groups }
        });
        BayesState {
            errors: Errors { total: square(moments.error), groups },
            own,
            effective_noise_variance: square(noise),
            potential: information + 0.5 * sample_ratio * data,
            is_stable: moments.by_log_noise < noise_variance + moments.error,
        }
    }

    /// Errors by label, from those of the components of each class.
    fn groups(
        &self,
        classes: &[Mixture],
        errors: impl Fn(&Mixture) -> Vec<f64>,
    ) -> Vec<GroupError> {
        let mut sums = vec![(0.0, 0.0); self.labels.len()];
        for class in classes.iter().filter(|class| class.weight() > 0.0) {
            for (component, error) in class.components().iter().zip(errors(class)) {
                sums[component.label].0 += component.share;
                sums[component.label].1 += component.share * error;
            }
        }
        let group = |((label, weight), (share, error)): (&(_, f64), &(f64, f64))| GroupError {
            label: Clone::clone(label),
            weight: *weight,
            error: error / share,
        };
        let groups = self.labels.iter().zip(&sums);
        groups.filter(|(_, (share, _))| *share > 1e-9).map(group).collect()
    }
}

fn dimension(classes: &[Mixture]) -> f64 {
    classes.iter().map(Mixture::dimension).collect::<CompensatedSum>().value()
}

/// The unit of coefficients with this mean square.
fn unit_of(mean_square: f64) -> f64 {
    if mean_square > 0.0 { mean_square.sqrt() } else { 1.0 }
}

fn in_own_units(prior: &JointPrior) -> Result<(JointPrior, f64)> {
    let unit = unit_of(prior.mean_square());
    Ok((prior.in_units(unit)?, unit))
}
