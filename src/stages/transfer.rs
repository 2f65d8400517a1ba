//! Pretraining on finite or unlimited data, and fine-tuning after it.

use crate::asymptotics::estimator::Estimator;
use crate::asymptotics::fixed_point::FixedPoint;
use crate::asymptotics::problem::{Answer, Scan, Solve};
use crate::asymptotics::solution::Solution;
use crate::asymptotics::solver::Solver;
use crate::asymptotics::statistics::Statistics;
use crate::domain::Domain;
use crate::error::{Error, Result, Stage};
use crate::network::initialization::ScaleAndStart;
use crate::network::protocol::{Protocol, TrainedLayers};
use crate::network::scale_map::ScaleMap;
use crate::numerics::Precision;
use crate::problem::component::Component;
use crate::problem::errors::Errors;
use crate::problem::feature_class::FeatureClass;
use crate::problem::law::{CoordinateGroup, Law};
use crate::problem::pretrained::Pretrained;
use crate::problem::samples::Samples;
use crate::problem::task::Task;
use crate::stages::pretrained_nodes::{
    FINE, Learned, NodeRule, Nodes, PreparedTransfer, PretrainedNode, two_sided,
};
use crate::stages::stage_state::StageState;

/// Nodes of the compressed rules that are tried one after the other.
const COMPRESSED: [usize; 6] = [8, 12, 18, 27, 40, 60];

/// Relative change of the error of fine-tuning below which a compressed rule has nodes enough.
const COMPRESSED_TOLERANCE: f64 = 1e-9;

/// What a compressed rule may be off in mean squares of pretraining: rounding.
const ROUNDING: f64 = 5e-13;

/// The same for drafts.
const DRAFTED: f64 = 1e-4;

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
/// What fine-tuning makes of a coefficient is a smooth function of `$\operatorname{asinh}(\beta_{PT}/c_{PT})$`.
/// The law of that number is integrated by its Gauss rule: with 8, 12, 18, 27, 40 and 60 nodes a component,
/// until the rule has the mean squares of pretraining and the error of fine-tuning changes by less than 1e-9,
/// relatively. Where 60 are too few, and at an absolute scale of 0, the nodes are those of the trapezoidal
/// rule, and their number is doubled, twice at least, until the error changes by less than
/// [`Transfer::TOLERANCE`]. Both rules converge geometrically, so that the last change is far above the error
/// that is left: 1e-9 relative is the budget. [Statistics](TransferSolution::statistics) have that accuracy,
/// too; discovery rates are integrals over the pretrained coefficients of their own, and derivatives take
/// more nodes.
///
/// The time grows with the logarithm of signal over scale, and with its square where 60 nodes are too few.
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
    /// How often the steps over pretrained coefficients were halved, also where the law is that of a Gauss
    /// rule with fewer nodes.
    pub refinement: u32,
    /// Last relative change of the error of fine-tuning with the number of nodes; 0 without an integral.
    pub change: f64,
    /// The rule over pretrained coefficients.
    pub(crate) rule: NodeRule,
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
    type Prepared = PreparedTransfer;
    type Solution = TransferSolution;

    fn prepare(&self) -> Result<PreparedTransfer> {
        let scale = self.scale_map.pretraining().absolute_scale();
        Ok(PreparedTransfer::new(self.pretraining()?, scale))
    }

    fn solve_prepared(
        &self,
        prepared: &PreparedTransfer,
        solver: &Solver,
        samples: &Samples,
        start: Option<&FixedPoint>,
    ) -> Result<TransferSolution> {
        if !self.has_integral(prepared.state()) {
            return self.solve_on(NodeRule::Halved(0), prepared, solver, samples, start);
        }
        if let Some(solution) = self.compressed(prepared, solver, samples, start)? {
            return Ok(solution);
        }
        self.halved(prepared, solver, samples, start)
    }

    fn scan(&self, prepared: &PreparedTransfer, target_error: f64) -> Result<Scan> {
        let law = self.law_of(prepared, NodeRule::Halved(FINE))?;
        let law = law.whitened();
        Ok(if self.has_integral(prepared.state()) {
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

    /// Pretraining, as it was before fine-tuning.
    pub(crate) fn prepared(&self) -> PreparedTransfer {
        let scale = self.transfer.scale_map.pretraining().absolute_scale();
        PreparedTransfer::new(self.pretraining.clone(), scale)
    }

    /// The rule over pretrained coefficients for derivatives, which bend more than the error.
    pub(crate) fn rule_of_slopes(&self, prepared: &PreparedTransfer) -> Result<NodeRule> {
        let NodeRule::Compressed(chosen) = self.rule else { return Ok(self.rule) };
        let larger = COMPRESSED.iter().filter(|&&count| count > chosen).nth(1);
        if let Some(&count) = larger
            && self.transfer.compression_error(prepared, count)? <= ROUNDING
        {
            return Ok(NodeRule::Compressed(count));
        }
        Ok(NodeRule::Halved(self.refinement.max(FINE)))
    }

    /// The law that is not compressed.
    pub(crate) fn fine_law(&self) -> Result<Law> {
        match self.rule {
            NodeRule::Halved(_) => Ok(self.law().clone()),
            NodeRule::Compressed(_) => {
                self.transfer.law_of(&self.prepared(), NodeRule::Halved(FINE))
            }
        }
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

/// Coordinates of one component of the task, where pretraining left them.
#[derive(Debug)]
pub(crate) struct Branch {
    pub(crate) component: Component,
    pub(crate) weight: f64,
    pub(crate) nodes: Nodes,
}

impl Transfer {
    /// Relative change of the error of fine-tuning below which the number of nodes of the trapezoidal rule is
    /// no longer doubled.
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
        self.law_of(&self.prepare()?, NodeRule::Halved(refinement))
    }

    /// The solution with a compressed rule: with more and more nodes, until the error no longer changes;
    /// `None` where no compressed rule has nodes enough.
    fn compressed(
        &self,
        prepared: &PreparedTransfer,
        solver: &Solver,
        samples: &Samples,
        start: Option<&FixedPoint>,
    ) -> Result<Option<TransferSolution>> {
        if self.scale_map.pretraining().absolute_scale() == 0.0 {
            // Scales are not smooth in the coefficient at zero.
            return Ok(None);
        }
        let is_draft = solver.precision() == Precision::Draft;
        let enough = if is_draft { DRAFTED } else { ROUNDING };
        let mut first = None;
        for (index, &count) in COMPRESSED.iter().enumerate() {
            if self.compression_error(prepared, count)? <= enough {
                first = Some(index);
                break;
            }
        }
        let Some(first) = first else { return Ok(None) };
        // One rule is there to compare the first with that may be enough.
        let from = if is_draft { first } else { first.saturating_sub(1) };
        let mut coarser: Option<TransferSolution> = None;
        for &count in &COMPRESSED[from..] {
            let rule = NodeRule::Compressed(count);
            let start = coarser.as_ref().map(|solution| &solution.fine_tuning.state).or(start);
            // What has no answer has none with the fine rule, which says so.
            let Ok(mut solution) = self.solve_on(rule, prepared, solver, samples, start) else {
                return Ok(None);
            };
            if is_draft {
                return Ok(Some(solution));
            }
            solution.change = change(&solution, coarser.as_ref());
            if solution.change <= COMPRESSED_TOLERANCE
                && self.compression_error(prepared, count)? <= ROUNDING
            {
                return Ok(Some(solution));
            }
            coarser = Some(solution);
        }
        Ok(None)
    }

    /// The largest error of the compressed rules of all components in mean squares of pretraining.
    fn compression_error(&self, prepared: &PreparedTransfer, count: usize) -> Result<f64> {
        let mut largest = 0.0_f64;
        for component in self.task.components() {
            largest = largest.max(prepared.compression_error(self.learned(&component), count)?);
        }
        Ok(largest)
    }

    /// How often the steps of the measures of all components are halved that rules of `count` compress.
    fn halvings(&self, prepared: &PreparedTransfer, count: usize) -> Result<u32> {
        let mut most = 0;
        for component in self.task.components() {
            most = most.max(prepared.halvings(self.learned(&component), count)?);
        }
        Ok(most)
    }

    /// Halves the steps of the rule down to those of the fine one, so that all statistics of the law
    /// have its accuracy, and on until the error no longer changes.
    fn halved(
        &self,
        prepared: &PreparedTransfer,
        solver: &Solver,
        samples: &Samples,
        start: Option<&FixedPoint>,
    ) -> Result<TransferSolution> {
        let (tolerance, least) = match solver.precision() {
            Precision::Draft => (Precision::DRAFT, 1),
            Precision::Full => (Self::TOLERANCE, FINE),
        };
        let mut coarser: Option<TransferSolution> = None;
        let mut residual = f64::INFINITY;
        for refinement in 0..=Self::MAX_REFINEMENT {
            let rule = NodeRule::Halved(refinement);
            let start = coarser.as_ref().map(|solution| &solution.fine_tuning.state).or(start);
            let mut solution = self.solve_on(rule, prepared, solver, samples, start)?;
            residual = change(&solution, coarser.as_ref());
            solution.change = residual;
            if residual <= tolerance && refinement >= least {
                return Ok(solution);
            }
            coarser = Some(solution);
        }
        let iterations = 1 + Self::MAX_REFINEMENT as usize;
        Err(Error::NotConverged { iterations, residual })
    }

    /// The solution with one rule over pretrained coefficients.
    pub(crate) fn solve_on(
        &self,
        rule: NodeRule,
        prepared: &PreparedTransfer,
        solver: &Solver,
        samples: &Samples,
        start: Option<&FixedPoint>,
    ) -> Result<TransferSolution> {
        let law = self.law_of(prepared, rule)?;
        Ok(TransferSolution {
            pretraining: prepared.pretraining().cloned(),
            fine_tuning: self.fine_tune(&law, solver, samples, start)?,
            refinement: match rule {
                NodeRule::Halved(refinement) => refinement,
                NodeRule::Compressed(count) => self.halvings(prepared, count)?,
            },
            change: 0.0,
            rule,
            transfer: self.clone(),
            solver: *solver,
        })
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

    /// The law of fine-tuning, with one rule over pretrained coefficients.
    pub(crate) fn law_of(&self, prepared: &PreparedTransfer, rule: NodeRule) -> Result<Law> {
        let mut groups = Vec::new();
        for branch in self.branches(prepared, rule)? {
            // The error of a label without weight is that of its one group.
            if branch.weight > 0.0 || branch.nodes.len() == 1 {
                self.add_groups(&branch, &mut groups)?;
            }
        }
        Law::new(groups)
    }

    /// Whether pretrained coefficients are integrated over; otherwise the law is exact at every
    /// refinement.
    fn has_integral(&self, state: StageState) -> bool {
        let is_random =
            |component: &Component| component.pretraining.variance() + state.noise > 0.0;
        self.task.components().iter().any(is_random)
    }

    /// Weights and pretrained coefficients of all components of the task.
    pub(crate) fn branches(
        &self,
        prepared: &PreparedTransfer,
        rule: NodeRule,
    ) -> Result<Vec<Branch>> {
        let branch = |component: Component| {
            let nodes = prepared.nodes(self.learned(&component), rule)?;
            let nodes = nodes.ok_or(Error::NotRepresentable {
                quantity: "the compressed law of pretrained coefficients",
                reason: "its nodes are too close",
            })?;
            // A mean of fine-tuning tells the two sides of pretraining apart.
            let one_sided = component.fine_tuning.mean() == 0.0;
            let nodes = if one_sided { nodes } else { two_sided(&nodes)?.into() };
            Ok(Branch { component, weight: self.task.probability(&component), nodes })
        };
        self.task.components().into_iter().map(branch).collect()
    }

    /// What pretraining learned of the coefficients of a component.
    fn learned(&self, component: &Component) -> Learned {
        Learned {
            prior: component.pretraining,
            input_variance: self.task.input_variance(component.class),
        }
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
}

/// Relative change of the error of fine-tuning from a solution with fewer nodes; infinity without one.
fn change(solution: &TransferSolution, coarser: Option<&TransferSolution>) -> f64 {
    let Some(coarser) = coarser else { return f64::INFINITY };
    let error = solution.generalization_error();
    let difference = (error - coarser.generalization_error()).abs();
    if difference == 0.0 { 0.0 } else { difference / error }
}
