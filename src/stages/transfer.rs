//! Pretraining on finite or unlimited data, and fine-tuning after it.

use std::collections::HashMap;
use std::rc::Rc;

use crate::asymptotics::estimator::Estimator;
use crate::asymptotics::fixed_point::FixedPoint;
use crate::asymptotics::problem::{Answer, Scan, Solve};
use crate::asymptotics::solution::Solution;
use crate::asymptotics::solver::Solver;
use crate::asymptotics::statistics::Statistics;
use crate::domain::Domain;
use crate::error::{Error, Result, Stage};
use crate::network::initialization::ScaleAndStart;
#[cfg(feature = "quadrature")]
use crate::network::penalty::Penalty;
use crate::network::protocol::{Protocol, TrainedLayers};
use crate::network::scale_map::ScaleMap;
use crate::numerics::Precision;
use crate::problem::component::Component;
use crate::problem::errors::Errors;
use crate::problem::feature_class::FeatureClass;
use crate::problem::law::{CoordinateGroup, Law};
use crate::problem::pretrained::Pretrained;
use crate::problem::prior::Prior;
use crate::problem::samples::Samples;
use crate::problem::task::Task;

/// Halvings of the steps over pretrained coefficients at which they are those of the fine rule.
const FINE: u32 = 2;

/// A pretraining stage and a fine-tuning stage after it.
///
/// # Formula
///
/// Pretraining is a training problem of its own, with one scale `$c_{PT}$` for all coordinates. Its
/// [`FixedPoint`] gives the law of the pretrained coefficient,
///
/// `$$ z = B_{PT} + s_{PT} Z, \qquad
/// \beta_{PT} + \frac{\theta_{PT}}{2} \operatorname{asinh} \frac{\beta_{PT}}{c_{PT}} = z $$`
///
/// where
/// - `$B_{PT}$`: true coefficient of pretraining, with the [prior](Task::pretraining_prior) of the task;
/// - `$s_{PT}^2$`, `$\theta_{PT}$`: effective noise and penalty of pretraining, each divided by the
///   [input variance](Task::with_input_variance) of the coordinate, and `$Z \sim N(0, 1)$`.
///
/// Given `$z$`, a coordinate is fine-tuned from the scale and the start that `$\beta_{PT}$` sets
/// ([`Protocol`]), and the true coefficients of both tasks are Gaussian. Fine-tuning is the fixed point
/// of the [`Law`] with one group for every node of a quadrature over `$z$`.
///
/// Unlimited pretraining data, or noiseless data with at least one sample per coordinate, give
/// `$\beta_{PT} = B_{PT}$`; a constant magnitude then leaves the four groups of [`Law::fine_tuning`].
/// Noisy data with more than one sample per coordinate give ordinary least squares, `$\beta_{PT} = z$`
/// with `$s_{PT}^2 = \sigma_{PT}^2/(\alpha_{PT} - 1)$`.
///
/// The number of nodes is doubled, twice at least, until the error of fine-tuning changes by less than
/// [`Transfer::TOLERANCE`], relatively. The rule converges geometrically, so that the last change is far
/// above the error that is left: 1e-9 relative is the budget, 4e-10 the worst of a thousand random
/// problems. [Statistics](TransferSolution::statistics) have that accuracy, too; discovery rates are
/// integrals over the pretrained coefficients of their own.
///
/// The time grows with the square of the logarithm of signal over scale: two milliseconds at a scale of
/// 1e-3, fifteen at 1e-12, half a second at 1e-60, three seconds at 1e-120 and twenty at 1e-290.
///
/// The settings of the [`Solver`] are those of fine-tuning and of training from scratch; pretraining is
/// gradient flow to zero loss. Where the protocol freezes a layer, fine-tuning is
/// [`Estimator::Lazy`] whatever the scales, and exact; an explicit penalty is then that of
/// [`Estimator::Lazy`], too.
///
/// Derivation: [theory](crate::theory#two-stages). Source: Anguita et al. 2026 (arXiv:2602.20062),
/// Theorem 4.1 and Proposition 4.2, in both stages; Bayati and Montanari 2012 (arXiv:1008.2581) for the
/// law of the estimates.
///
/// # Errors
///
/// Solving a transfer fails
/// - as [`Solver::solve`] does, for either stage; within [`Error::InStage`] for pretraining;
/// - with [`Error::OutOfDomain`] for an absolute scale of 0 with less than one pretraining sample per
///   coordinate, or with [`Protocol::Continued`]; for scales outside of [1e-307, 1e307], and starts outside
///   of [-1e150, 1e150];
/// - with [`Error::UnknownName`] for [`Estimator::Rich`] and [`Estimator::ElasticNet`] where the protocol
///   freezes a layer;
/// - with [`Error::QuadratureDisabled`] where pretrained coefficients are not atoms and the feature
///   `quadrature` is off;
/// - with [`Error::NotConverged`] where [`Transfer::MAX_REFINEMENT`] is not enough: an error many orders
///   of magnitude below the coefficients can need more nodes than that.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "quadrature")]
/// # {
/// use diagonet::{
///     Densities, Initialization, Prior, Samples, ScaleMap, Scales, Solver, Supports, Task,
///     Transfer,
/// };
///
/// // A Gaussian pretraining task, and a fine-tuning task inside of its support and related to it.
/// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 1.0 })?;
/// let task = Task::new(supports)?
///     .with_pretraining_prior(Prior::gaussian(0.0, 5.0)?)?
///     .with_correlation(0.8)?;
/// let map = ScaleMap::new(Initialization::new(Scales { absolute: 0.01, relative: -0.9 })?, 0.0)?;
/// let pretraining = Samples::new(0.4)?.with_noise_variance(0.01)?;
/// let transfer = Transfer::new(&task, map).with_pretraining_samples(pretraining);
/// let report = Solver::new().solve(&transfer, &Samples::new(0.25)?)?;
/// assert!((report.pretraining.as_ref().unwrap().generalization_error() - 0.2911).abs() < 5e-5);
/// assert!((report.fine_tuning.generalization_error() - 0.1978).abs() < 5e-5);
/// # }
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(from = "crate::representation::Transfer", into = "crate::representation::Transfer")
)]
pub struct Transfer {
    task: Task,
    scale_map: ScaleMap,
    pretraining_samples: Option<Samples>,
    protocol: Protocol,
}

/// The solution of a [`Transfer`]: both stages, and training from scratch on request.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "quadrature")]
/// # {
/// use diagonet::{
///     Densities, Initialization, Samples, ScaleMap, Scales, Solver, Supports, Task, Transfer,
/// };
///
/// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 1.0 })?;
/// let task = Task::new(supports)?;
/// let map = ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: 0.0 })?, 0.0)?;
/// let report = Solver::new().solve(&Transfer::new(&task, map), &Samples::new(0.2)?)?;
/// assert!(report.error_reduction()? > 0.0);
/// assert_eq!((report.law().groups().len(), report.pretraining), (4, None));
/// # }
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TransferSolution {
    /// Pretraining on its own task, for the labels "active" and "inactive", or for those of the classes
    /// of either where their [input variances](Task::with_input_variance) differ; `None` for unlimited
    /// data, which leave no error.
    pub pretraining: Option<Solution>,
    /// Fine-tuning. Its [law](Solution::law) has a group for every node over pretrained coefficients.
    pub fine_tuning: Solution,
    /// How often the steps over pretrained coefficients were halved.
    pub refinement: u32,
    /// Last relative change of the error of fine-tuning with the number of nodes; 0 without an integral.
    pub change: f64,
    pub(crate) transfer: Transfer,
    pub(crate) solver: Solver,
}

impl Answer for TransferSolution {
    fn error(&self) -> f64 {
        self.fine_tuning.generalization_error()
    }

    fn state(&self) -> &FixedPoint {
        &self.fine_tuning.state
    }
}

impl Solve for Transfer {
    type Prepared = Option<Solution>;
    type Solution = TransferSolution;

    fn prepare(&self) -> Result<Option<Solution>> {
        self.pretraining()
    }

    fn solve_prepared(
        &self,
        pretraining: &Option<Solution>,
        solver: &Solver,
        samples: &Samples,
        start: Option<&FixedPoint>,
    ) -> Result<TransferSolution> {
        self.resolve(pretraining.clone(), solver, samples, start)
    }

    fn scan(&self, pretraining: &Option<Solution>, target_error: f64) -> Result<Scan> {
        let state = PretrainingState::of(pretraining.as_ref());
        let law = self.law_at(state, FINE)?.whitened();
        Ok(if self.has_integral(state) {
            Scan::of_density(&law, target_error)
        } else {
            Scan::of(&law, target_error)
        })
    }
}

impl TransferSolution {
    /// Error of pretraining on the features of a class; `None` for unlimited data.
    #[must_use]
    pub fn pretraining_error_of(&self, class: FeatureClass) -> Option<f64> {
        self.of_pretraining(class, |pretraining| &pretraining.errors)
    }

    /// The same for any errors of pretraining.
    pub(crate) fn of_pretraining(
        &self,
        class: FeatureClass,
        errors: fn(&Solution) -> &Errors,
    ) -> Option<f64> {
        let pretraining = self.pretraining.as_ref()?;
        let parts = self.transfer.task.pretraining_parts();
        let part = parts.iter().find(|part| part.classes.contains(&class))?;
        errors(pretraining).of(part.label)
    }

    /// The transfer that was solved.
    #[must_use]
    pub fn transfer(&self) -> &Transfer {
        &self.transfer
    }

    /// The law that fine-tuning was solved for.
    #[must_use]
    pub fn law(&self) -> &Law {
        self.fine_tuning.law()
    }

    /// Generalization error of fine-tuning over all coordinates.
    #[must_use]
    pub fn generalization_error(&self) -> f64 {
        self.fine_tuning.generalization_error()
    }

    /// Statistics of the estimate after fine-tuning, see [`Statistics`].
    ///
    /// Discovery rates are integrals over the pretrained coefficients, to 1e-10. Those of
    /// `fine_tuning.statistics` are sums over the groups of its law: where discovery is a step in the
    /// pretrained coefficient, they are accurate to the probability of one node only.
    ///
    /// # Errors
    ///
    /// As [`Solution::statistics`].
    #[cfg(feature = "quadrature")]
    pub fn statistics(&self, discovery_cut: f64) -> Result<Statistics> {
        self.with_discovery_rates(self.fine_tuning.statistics(discovery_cut)?, discovery_cut)
    }

    /// Statistics of the estimate after fine-tuning, see [`Solution::statistics`].
    ///
    /// # Errors
    ///
    /// As [`Solution::statistics`].
    #[cfg(not(feature = "quadrature"))]
    pub fn statistics(&self, discovery_cut: f64) -> Result<Statistics> {
        self.fine_tuning.statistics(discovery_cut)
    }

    /// Solution of training from scratch on the same data, with the initialization of pretraining.
    ///
    /// # Errors
    ///
    /// As [`Solver::solve`].
    pub fn from_scratch(&self) -> Result<Solution> {
        let Transfer { task, scale_map, .. } = &self.transfer;
        let law = Law::from_scratch(task, &scale_map.pretraining())?;
        self.solver.solve(&law, &self.fine_tuning.samples())
    }

    /// The error that pretraining saves: the error of training from scratch less that of fine-tuning.
    /// It is negative where pretraining hurts.
    ///
    /// # Errors
    ///
    /// As [`TransferSolution::from_scratch`].
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "quadrature")]
    /// # {
    /// use diagonet::{
    ///     Densities, Initialization, Samples, ScaleMap, Scales, Solver, Supports, Task, Transfer,
    /// };
    ///
    /// // Nothing in common: what pretraining learned is in the way.
    /// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.0 })?;
    /// let task = Task::new(supports)?;
    /// let initialization = Initialization::new(Scales { absolute: 1e-3, relative: 0.0 })?;
    /// let map = ScaleMap::new(initialization, 0.0)?;
    /// let solution = Solver::new().solve(&Transfer::new(&task, map), &Samples::new(0.3)?)?;
    /// assert!(solution.error_reduction()? < 0.0);
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn error_reduction(&self) -> Result<f64> {
        Ok(self.from_scratch()?.generalization_error() - self.fine_tuning.generalization_error())
    }
}

/// Where pretraining left the coordinates of one pretraining group, at one observation `z`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PretrainedNode {
    /// Probability inside of the group.
    pub(crate) mass: f64,
    pub(crate) coefficient: f64,
    /// True coefficient of pretraining, given `z`.
    pub(crate) truth: Prior,
    /// Whether the node represents its mirror image, too.
    pub(crate) mirrored: bool,
    pub(crate) motion: Motion,
}

/// Derivatives of a pretrained coefficient in the variables that it depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Motion {
    /// `z - E[z]`.
    pub(crate) deviation: f64,
    /// Derivatives of the coefficient in `z`, `theta_PT` and `log c_PT`.
    pub(crate) by_observation: f64,
    pub(crate) by_penalty: f64,
    pub(crate) by_log_scale: f64,
}

impl PretrainedNode {
    /// The node of an atom that is observed without noise, and, since nothing else is, without a penalty
    /// on what is active.
    pub(crate) fn known(atom: Prior) -> Self {
        let motion =
            Motion { deviation: 0.0, by_observation: 1.0, by_penalty: 0.0, by_log_scale: 0.0 };
        Self { mass: 1.0, coefficient: atom.mean(), truth: atom, mirrored: false, motion }
    }

    /// The node that stands for half of a mirrored one, on the other side of zero.
    fn opposite(self) -> Result<Self> {
        let motion = Motion {
            deviation: -self.motion.deviation,
            by_observation: self.motion.by_observation,
            by_penalty: -self.motion.by_penalty,
            by_log_scale: -self.motion.by_log_scale,
        };
        Ok(Self {
            coefficient: -self.coefficient,
            truth: Prior::gaussian(-self.truth.mean(), self.truth.variance())?,
            motion,
            ..self
        })
    }
}

/// Coordinates of one component of the task, where pretraining left them.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) component: Component,
    pub(crate) weight: f64,
    pub(crate) nodes: Rc<[PretrainedNode]>,
}

/// The effective channel of pretraining.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PretrainingState {
    pub(crate) noise: f64,
    #[cfg_attr(not(feature = "quadrature"), allow(dead_code, reason = "the law needs nodes"))]
    pub(crate) penalty: f64,
}

impl Transfer {
    /// Relative change of the error of fine-tuning below which the number of nodes is no longer doubled.
    pub const TOLERANCE: f64 = 1e-7;

    /// Largest number of times that [`Solver::solve`] halves the steps over pretrained coefficients.
    pub const MAX_REFINEMENT: u32 = 8;

    /// Fine-tuning after pretraining on unlimited data, with rebalanced paths.
    #[must_use]
    pub fn new(task: &Task, scale_map: ScaleMap) -> Self {
        Self {
            task: task.clone(),
            scale_map,
            pretraining_samples: None,
            protocol: Protocol::REBALANCED,
        }
    }

    /// The same with pretraining on finite data.
    #[must_use]
    pub fn with_pretraining_samples(self, samples: Samples) -> Self {
        Self { pretraining_samples: Some(samples), ..self }
    }

    /// The same with another protocol of fine-tuning.
    #[must_use]
    pub fn with_protocol(self, protocol: Protocol) -> Self {
        Self { protocol, ..self }
    }

    /// The same with another scale map.
    pub(crate) fn with_scale_map(self, scale_map: ScaleMap) -> Self {
        Self { scale_map, ..self }
    }

    /// The two tasks.
    #[must_use]
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// Scale map, from the initialization of pretraining to the scales of fine-tuning.
    #[must_use]
    pub fn scale_map(&self) -> ScaleMap {
        self.scale_map
    }

    /// Data of pretraining; `None` where they are unlimited.
    #[must_use]
    pub fn pretraining_samples(&self) -> Option<Samples> {
        self.pretraining_samples
    }

    /// Protocol of fine-tuning.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Error of pretraining on its own task, for the labels of
    /// [`TransferSolution::pretraining`]; `None` where data are unlimited.
    ///
    /// # Errors
    ///
    /// As [`Solver::solve`], within [`Error::InStage`]; [`Error::OutOfDomain`] for an absolute scale
    /// of 0 with less than one sample per coordinate, where the limit of a vanishing initialization
    /// leaves an atom of coefficients at zero.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "quadrature")]
    /// # {
    /// # use diagonet::{
    /// #     Densities, Initialization, Samples, ScaleMap, Scales, Supports, Task, Transfer,
    /// # };
    /// # let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 1.0 })?;
    /// # let task = Task::new(supports)?;
    /// let initialization = Initialization::new(Scales { absolute: 1e-3, relative: 0.0 })?;
    /// let map = ScaleMap::new(initialization, 0.0)?;
    /// let error = |ratio| -> diagonet::Result<f64> {
    ///     let transfer = Transfer::new(&task, map).with_pretraining_samples(Samples::new(ratio)?);
    ///     Ok(transfer.pretraining()?.unwrap().generalization_error())
    /// };
    /// assert!(error(0.2)? > error(0.4)? && error(1.0)? == 0.0);
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn pretraining(&self) -> Result<Option<Solution>> {
        let Some(samples) = self.pretraining_samples else {
            return Ok(None);
        };
        let solution = Solver::new().solve(&self.pretraining_law(&samples)?, &samples);
        solution.map(Some).map_err(|error| error.in_stage(Stage::Pretraining))
    }

    /// The law of a coordinate in pretraining on finite data, with the
    /// [parts](Task::pretraining_parts) of the task.
    pub(crate) fn pretraining_law(&self, samples: &Samples) -> Result<Law> {
        let mut scale = self.scale_map.pretraining().absolute_scale();
        if samples.sample_ratio() >= 1.0 && scale == 0.0 {
            // Least squares: the solution is unique, and the same for all scales.
            scale = 1.0;
        }
        Domain::POSITIVE
            .when("for less than one pretraining sample per coordinate")
            .check("absolute_scale", scale)?;
        let mut groups = Vec::new();
        for part in self.task.pretraining_parts() {
            for (share, prior) in part.prior.components() {
                let group = CoordinateGroup::new(part.label, part.weight * share, *prior, scale)?;
                groups.push(group.with_input_variance(part.input_variance)?);
            }
        }
        Law::new(groups)
    }

    /// The law of a coordinate in fine-tuning, with the steps of the rule over pretrained coefficients
    /// halved `refinement` times.
    ///
    /// The refinement that is enough depends on the data of fine-tuning; [`Solver::solve`] finds it and
    /// [reports](TransferSolution::refinement) it. Where pretrained coefficients are constants, the law
    /// is the same at every refinement.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a refinement above [`Transfer::MAX_REFINEMENT`]; otherwise as
    /// [`Solver::solve`].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Densities, Initialization, Law, ScaleMap, Scales, Supports, Task, Transfer};
    ///
    /// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 1.0 })?;
    /// let task = Task::new(supports)?;
    /// let initialization = Initialization::new(Scales { absolute: 1e-3, relative: 0.0 })?;
    /// let map = ScaleMap::new(initialization, 0.0)?;
    /// assert_eq!(Transfer::new(&task, map).law(0)?, Law::fine_tuning(&task, &map)?);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn law(&self, refinement: u32) -> Result<Law> {
        Domain::closed(0.0, f64::from(Self::MAX_REFINEMENT))
            .check("refinement", f64::from(refinement))?;
        self.law_at(PretrainingState::of(self.pretraining()?.as_ref()), refinement)
    }

    /// Halves the steps of the rule down to those of the fine one, so that all statistics of the law
    /// have its accuracy, and on until the error no longer changes.
    fn resolve(
        &self,
        pretraining: Option<Solution>,
        solver: &Solver,
        samples: &Samples,
        start: Option<&FixedPoint>,
    ) -> Result<TransferSolution> {
        let state = PretrainingState::of(pretraining.as_ref());
        let exact = !self.has_integral(state);
        let mut coarser: Option<Solution> = None;
        let mut change = f64::INFINITY;
        for refinement in 0..=Self::MAX_REFINEMENT {
            let law = self.law_at(state, refinement)?;
            let start = coarser.as_ref().map(|solution| &solution.state).or(start);
            let fine_tuning = self.fine_tune(&law, solver, samples, start)?;
            if let Some(coarser) = coarser {
                let error = fine_tuning.generalization_error();
                let difference = (error - coarser.generalization_error()).abs();
                change = if difference == 0.0 { 0.0 } else { difference / error };
            }
            let (tolerance, least) = match solver.precision() {
                Precision::Draft => (Precision::DRAFT, 1),
                Precision::Full => (Self::TOLERANCE, FINE),
            };
            if exact || (change <= tolerance && refinement >= least) {
                return Ok(TransferSolution {
                    pretraining,
                    fine_tuning,
                    refinement,
                    change: if exact { 0.0 } else { change },
                    transfer: self.clone(),
                    solver: *solver,
                });
            }
            coarser = Some(fine_tuning);
        }
        let iterations = 1 + Self::MAX_REFINEMENT as usize;
        Err(Error::NotConverged { iterations, residual: change })
    }

    /// Solves a law of fine-tuning: with a frozen layer, the closed form that is exact there.
    pub(crate) fn fine_tune(
        &self,
        law: &Law,
        solver: &Solver,
        samples: &Samples,
        start: Option<&FixedPoint>,
    ) -> Result<Solution> {
        if self.protocol.trained_layers() == TrainedLayers::Both {
            return solver.solve_law(law, samples, start);
        }
        let estimator = match solver.estimator() {
            Estimator::Auto | Estimator::Quadrature => Estimator::Lazy,
            estimator @ (Estimator::Lazy | Estimator::LeastSquares) => estimator,
            estimator @ (Estimator::Rich | Estimator::ElasticNet(_)) => {
                return Err(Error::UnknownName {
                    parameter: "estimator",
                    value: estimator.to_string(),
                    choices: "auto, quadrature, lazy, least squares, where a layer is frozen",
                });
            }
        };
        let mut solution = solver.with_estimator(estimator).solve_law(law, samples, start)?;
        solution.difference_bound = Some(0.0);
        Ok(solution)
    }

    fn law_at(&self, state: PretrainingState, refinement: u32) -> Result<Law> {
        let mut groups = Vec::new();
        for branch in self.branches(state, refinement)? {
            // The error of a label without weight is that of its one group.
            if branch.weight > 0.0 || branch.nodes.len() == 1 {
                self.add_groups(&branch, &mut groups)?;
            }
        }
        Law::new(groups)
    }

    /// Whether pretrained coefficients are integrated over; otherwise the law is exact at every
    /// refinement.
    fn has_integral(&self, state: PretrainingState) -> bool {
        let is_random =
            |component: &Component| component.pretraining.variance() + state.noise > 0.0;
        self.task.components().iter().any(is_random)
    }

    /// Weights and pretrained coefficients of all components of the task.
    pub(crate) fn branches(&self, state: PretrainingState, refinement: u32) -> Result<Vec<Branch>> {
        // At the coarsest, four times the steps of the fine rule.
        let factor = 4.0 * 0.5_f64.powi(refinement as i32);
        let mut known: HashMap<([u64; 3], bool), Rc<[PretrainedNode]>> = HashMap::new();
        let mut branches = Vec::new();
        for component in self.task.components() {
            let Component { pretraining, fine_tuning, .. } = component;
            // A mean of fine-tuning tells the two sides of pretraining apart.
            let one_sided = fine_tuning.mean() == 0.0;
            let input_variance = self.task.input_variance(component.class);
            let numbers = [pretraining.mean(), pretraining.variance(), input_variance];
            let key = (numbers.map(f64::to_bits), one_sided);
            let nodes = match known.get(&key) {
                Some(nodes) => Rc::clone(nodes),
                None => {
                    let state = state.on_inputs(input_variance)?;
                    let nodes = self.nodes(pretraining, state, factor)?;
                    let nodes = if one_sided { nodes } else { two_sided(nodes)? };
                    Rc::clone(known.entry(key).or_insert(nodes.into()))
                }
            };
            branches.push(Branch { component, weight: self.task.probability(&component), nodes });
        }
        Ok(branches)
    }

    /// Adds the groups of the coordinates of a component, one for every node.
    pub(crate) fn add_groups(
        &self,
        branch: &Branch,
        groups: &mut Vec<CoordinateGroup>,
    ) -> Result<()> {
        groups.reserve(branch.nodes.len());
        for node in branch.nodes.iter() {
            groups.push(self.group(&branch.component, branch.weight, node)?);
        }
        Ok(())
    }

    /// The group of the coordinates of this component at a node.
    pub(crate) fn group(
        &self,
        component: &Component,
        weight: f64,
        node: &PretrainedNode,
    ) -> Result<CoordinateGroup> {
        let pretrained = Pretrained::new(node.coefficient, node.truth)?;
        let (prior, pretrained) = component.fine_tuning_given(pretrained)?;
        let ScaleAndStart { scale, start } =
            self.protocol.scale_and_start(&self.scale_map, node.coefficient)?;
        let group = CoordinateGroup::new(component.class, weight * node.mass, prior, scale)?
            .with_input_variance(self.task.input_variance(component.class))?
            .with_start(start)?
            .with_centre(if self.protocol.adds_branch() { start } else { 0.0 })?
            .with_pretrained(pretrained)?;
        let group = if node.mirrored { group.with_mirror_image() } else { group };
        Ok(if component.is_active() { group.among_active() } else { group })
    }

    /// Pretrained coefficients where the true ones follow `prior`.
    fn nodes(
        &self,
        prior: Prior,
        state: PretrainingState,
        factor: f64,
    ) -> Result<Vec<PretrainedNode>> {
        if prior.variance() + state.noise > 0.0 {
            return self.integrate(prior, state, factor);
        }
        Ok(vec![PretrainedNode::known(prior)])
    }

    #[cfg(feature = "quadrature")]
    fn integrate(
        &self,
        prior: Prior,
        state: PretrainingState,
        factor: f64,
    ) -> Result<Vec<PretrainedNode>> {
        use crate::estimator::quadrature::{Proximal, Rule, integrate};
        use crate::numerics::sum::CompensatedSum;

        /// Probabilities below this are left out.
        const NEGLIGIBLE: f64 = 1e-15;
        /// Scale below which, in units of the coefficients, too few are for them to matter.
        const RESOLVED: f64 = 1e-17;

        let unit_squared = prior.mean_square() + state.noise;
        let unit = unit_squared.sqrt();
        if !(1e-280..=1e300).contains(&unit_squared) {
            return Err(Error::NotRepresentable {
                quantity: "the mean square of pretrained coefficients",
                reason: "it is not within 1e-280 and 1e300",
            });
        }
        let mut scale = self.scale_map.pretraining().absolute_scale();
        if state.penalty == 0.0 {
            // Coefficients do not depend on the scale, only the rule does.
            scale = scale.clamp(RESOLVED * unit, 1e17 * unit);
        }
        let channel = Proximal::new(&CoordinateGroup::new("", 1.0, prior, scale)?, unit_squared)?;
        let (noise, half_penalty) = (state.noise / unit_squared, 0.5 * state.penalty / unit);
        let total = channel.variance + noise;
        let slope = channel.variance / total;
        let variance = (prior.variance() * (noise / total)).min(prior.variance());
        let sign = if prior.mean() < 0.0 { -unit } else { unit };
        let mirrored = prior.mean() == 0.0;
        let mut raw = Vec::new();
        let mut sum = CompensatedSum::new(0.0);
        let rule = Rule::with_step_factor(factor);
        integrate(&channel, noise, half_penalty, &rule, |node| {
            sum.add(node.mass);
            let mean = channel.mean + slope * node.deviation;
            let motion = Motion {
                deviation: sign * node.deviation,
                by_observation: node.slope,
                by_penalty: 0.5 * (sign / unit) * node.estimate_by_half_penalty(),
                by_log_scale: sign * node.estimate_by_scale(),
            };
            raw.push((node.mass, sign * node.estimate, sign * mean, motion));
        });
        let sum = sum.value();
        // The estimate zero itself has no probability: where a vanishing scale would freeze it, the
        // coefficients next to it are not frozen.
        let frozen = |coefficient: f64| {
            coefficient == 0.0 && self.scale_map.pretraining().absolute_scale() == 0.0
        };
        raw.retain(|(mass, coefficient, ..)| *mass > NEGLIGIBLE * sum && !frozen(*coefficient));
        let sum = raw.iter().map(|(mass, ..)| *mass).collect::<CompensatedSum>().value();
        let node = |(mass, coefficient, mean, motion): (f64, f64, f64, Motion)| {
            let truth = Prior::gaussian(mean, variance)?;
            Ok(PretrainedNode { mass: mass / sum, coefficient, truth, mirrored, motion })
        };
        raw.into_iter().map(node).collect()
    }

    /// The pretraining channel of coefficients with this prior.
    #[cfg(feature = "quadrature")]
    pub(crate) fn observations(
        &self,
        prior: Prior,
        state: PretrainingState,
    ) -> Result<Observations> {
        let total = prior.variance() + state.noise;
        let scale = self.scale_map.pretraining().absolute_scale();
        Ok(Observations {
            prior,
            total,
            explained: prior.variance() / total,
            unexplained: prior.variance() * (state.noise / total),
            penalty: if state.penalty > 0.0 {
                Some((Penalty::new(scale)?, state.penalty))
            } else {
                None
            },
        })
    }

    #[cfg(not(feature = "quadrature"))]
    fn integrate(&self, _: Prior, _: PretrainingState, _: f64) -> Result<Vec<PretrainedNode>> {
        Err(Error::QuadratureDisabled { quantity: "the law of pretrained coefficients" })
    }
}

/// Both halves of mirrored nodes, as nodes of their own.
fn two_sided(nodes: Vec<PretrainedNode>) -> Result<Vec<PretrainedNode>> {
    let mut sides = Vec::with_capacity(2 * nodes.len());
    for node in nodes {
        if node.mirrored {
            let half = PretrainedNode { mass: 0.5 * node.mass, mirrored: false, ..node };
            sides.extend([half, half.opposite()?]);
        } else {
            sides.push(node);
        }
    }
    Ok(sides)
}

/// What pretraining observes of coefficients, and makes of them.
#[cfg(feature = "quadrature")]
#[derive(Debug)]
pub(crate) struct Observations {
    prior: Prior,
    total: f64,
    explained: f64,
    unexplained: f64,
    penalty: Option<(Penalty<f64>, f64)>,
}

#[cfg(feature = "quadrature")]
impl Observations {
    /// The node at a standardized observation.
    pub(crate) fn node(&self, x: f64) -> Result<PretrainedNode> {
        let deviation = self.total.sqrt() * x;
        let z = self.prior.mean() + deviation;
        let coefficient = match &self.penalty {
            Some((penalty, theta)) => penalty.proximal(z, *theta)?.value,
            None => z,
        };
        let motion = Motion { deviation, by_observation: 1.0, by_penalty: 0.0, by_log_scale: 0.0 };
        Ok(PretrainedNode {
            mass: 1.0,
            coefficient,
            truth: Prior::gaussian(
                self.prior.mean() + self.explained * deviation,
                self.unexplained.min(self.prior.variance()),
            )?,
            mirrored: false,
            motion,
        })
    }
}

impl PretrainingState {
    /// The state of a pretraining stage; unlimited data are observed without noise.
    pub(crate) fn of(report: Option<&Solution>) -> Self {
        let state = report.map(|report| report.state);
        Self {
            noise: state.map_or(0.0, |state| state.effective_noise_variance),
            penalty: state.map_or(0.0, |state| state.effective_penalty),
        }
    }

    /// The state as coordinates with inputs of this variance see it.
    pub(crate) fn on_inputs(self, input_variance: f64) -> Result<Self> {
        let [noise, penalty] = [self.noise, self.penalty].map(|part| part / input_variance);
        if noise.is_finite() && penalty.is_finite() {
            return Ok(Self { noise, penalty });
        }
        Err(Error::NotRepresentable {
            quantity: "the state of pretraining in units of an input variance",
            reason: "it is above 1e308",
        })
    }
}
