//! Any number of training stages, one after another.

use std::cell::OnceCell;

use crate::asymptotics::estimator::Estimator;
use crate::asymptotics::fixed_point::{FixedPoint, Solved};
use crate::asymptotics::problem::{Answer, Scan, Solve};
use crate::asymptotics::solution::Solution;
use crate::asymptotics::solver::Solver;
use crate::domain::Domain;
use crate::error::{Error, Result, Stage};
use crate::estimator::quadrature::Rule;
use crate::network::initialization::Initialization;
use crate::network::protocol::{Protocol, TrainedLayers};
use crate::network::scale_map::check_readout_scale;
use crate::problem::errors::Errors;
use crate::problem::feature_kind::FeatureKind;
use crate::problem::law::{CoordinateGroup, Law};
use crate::problem::prior::Prior;
use crate::problem::samples::Samples;
use crate::stages::sequence_nodes::{Channel, KindNodes};
use crate::stages::stage_state::StageState;

/// Width of the cells of merged nodes over the factor of the steps.
const CELL: f64 = 0.25;

/// Steps over estimates at the coarsest, in units of those of the fine rule.
const COARSEST_STEP: f64 = 4.0;

/// Error of the nodes up to which those of one integral are refined, whatever the tolerance: they are few.
const OF_ONE_INTEGRAL: f64 = 1e-9;

/// One stage of a [`Sequence`]: its target, its data, and what is done to the weights before it.
///
/// # Formula
///
/// Labels are `y = X B + eps` with the target
///
/// `$$ B = \frac{\sum_j a_j B_j}{\sum_j a_j} $$`
///
/// where `$B_j$` are the true coefficients of task `j` and `$a_j \ge 0$` its weight. Squared losses on several
/// tasks at once, on the same inputs, have the gradient of the squared loss on that target: terms that
/// forget and retain, for instance.
///
/// Unless set, data are unlimited, and training [goes on](Protocol::Continued) from what is there.
///
/// # Examples
///
/// ```
/// use diagonet::{Protocol, Samples, SequenceStage};
///
/// let stage = SequenceStage::on_task(1)
///     .with_protocol(Protocol::REBALANCED)
///     .with_readout_scale(0.1)?
///     .with_samples(Samples::new(0.3)?);
/// assert_eq!(stage.targets(), [0.0, 1.0]);
/// assert!(SequenceStage::on_tasks(&[0.0, -1.0]).is_err());
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(
        try_from = "crate::representation::SequenceStage",
        into = "crate::representation::SequenceStage"
    )
)]
pub struct SequenceStage {
    targets: Vec<f64>,
    samples: Option<Samples>,
    protocol: Protocol,
    readout_scale: f64,
}

impl SequenceStage {
    /// Training on one task, counted from 0.
    #[must_use]
    pub fn on_task(task: usize) -> Self {
        let mut targets = vec![0.0; task + 1];
        targets[task] = 1.0;
        Self { targets, samples: None, protocol: Protocol::Continued, readout_scale: 0.0 }
    }

    /// Training on several tasks at once, with the weights of their losses.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a weight outside [0, 1e300], and where their sum is not in (0, 1e300].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::SequenceStage;
    /// let balanced = SequenceStage::on_tasks(&[3.0, 3.0])?;
    /// assert_eq!(balanced.targets(), [0.5, 0.5]);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn on_tasks(weights: &[f64]) -> Result<Self> {
        for &weight in weights {
            Domain::NON_NEGATIVE.check("task_weight", weight)?;
        }
        let sum = Domain::POSITIVE.check("sum_of_task_weights", weights.iter().sum())?;
        let targets = weights.iter().map(|weight| weight / sum).collect();
        Ok(Self { targets, ..Self::on_task(0) })
    }

    /// Training on several tasks at once, with shares of the target that sum to 1 already.
    #[cfg(feature = "serde")]
    pub(crate) fn of_shares(targets: Vec<f64>) -> Result<Self> {
        for &share in &targets {
            Domain::PROBABILITY.check("task_weight", share)?;
        }
        let sum: f64 = targets.iter().sum();
        let rounding = 1e-12 * targets.len() as f64;
        if (sum - 1.0).abs() > rounding {
            return Err(Error::WeightsDoNotSumToOne { sum, groups: targets.len() });
        }
        Ok(Self { targets, ..Self::on_task(0) })
    }

    /// The same stage on finite data.
    #[must_use]
    pub fn with_samples(self, samples: Samples) -> Self {
        Self { samples: Some(samples), ..self }
    }

    /// The same stage after another protocol.
    #[must_use]
    pub fn with_protocol(self, protocol: Protocol) -> Self {
        Self { protocol, ..self }
    }

    /// The same stage with a readout that is reset to `gamma/sqrt(2)`, where the protocol resets it.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a readout scale `gamma` outside 0 or [1e-153, 1e150].
    pub fn with_readout_scale(self, readout_scale: f64) -> Result<Self> {
        Ok(Self { readout_scale: check_readout_scale(readout_scale)?, ..self })
    }

    /// Shares of the tasks in the target, which sum to 1; tasks after the last have none.
    #[must_use]
    pub fn targets(&self) -> &[f64] {
        &self.targets
    }

    /// Data of the stage; `None` where they are unlimited.
    #[must_use]
    pub fn samples(&self) -> Option<Samples> {
        self.samples
    }

    /// What is done to the weights before the stage.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Readout scale `gamma` of the protocol.
    #[must_use]
    pub fn readout_scale(&self) -> f64 {
        self.readout_scale
    }

    fn channel(&self) -> Channel<'_> {
        Channel {
            protocol: self.protocol,
            readout_scale: self.readout_scale,
            target: &self.targets,
        }
    }
}

/// Any number of training stages on tasks with common features, on fresh data in each.
///
/// # Formula
///
/// A stage acts on the weights of every coordinate by its [`Protocol`], and then trains them from the scale
/// and the start that they have. Its [`FixedPoint`] `$(s_t^2, \theta_t)$` is that of the law with a group for
/// every state in which the stages before it leave a coordinate, and
///
/// `$$ z_t = B_t + s_t Z_t, \qquad b_t + \frac{\theta_t}{2} \left[ \operatorname{asinh} \frac{b_t}{c_t} -
/// \operatorname{asinh} \frac{b_{t,0}}{c_t} \right] = z_t $$`
///
/// where
/// - `$B_t$`: the [target](SequenceStage) of stage `t`, given `$z_1, \dots, z_{t-1}$`: Gaussian within a
///   [kind](FeatureKind) of features;
/// - `$c_t$`, `$b_{t,0}$`: scale and start, functions of the weights.
///
/// The error on task `j` after stage `t` is `$E[\Lambda (b_t - B_j)^2]$`, for every `j` and `t`. The
/// [input variance](FeatureKind::with_input_variance) `$\Lambda$` of a coordinate divides noise and penalty.
///
/// A node of the computation is a state: the weights, and mean and covariance of the coefficients of all
/// tasks given the observations. Unlimited data, and atoms, leave the list of nodes finite and exact. With
/// finite data the nodes are those of a quadrature over `$z_t$`. Quadratures over two observations are kept
/// as they are at the last stage. Before it, and beyond two, nodes that are close are merged, with their
/// first three moments along the direction in which they differ most, so that the time is linear in the
/// number of stages. Steps and cells are refined until the estimate of the error that the nodes leave is
/// below the [tolerance](Self::with_tolerance), relatively; it is [reported](SequenceSolution::node_error).
/// Two stages have the accuracy of a [`Transfer`](crate::Transfer), 1e-9.
///
/// Stages before the last are gradient flow to zero loss. The last is trained on the samples that the
/// [`Solver`] is given, with its explicit penalty, so that learning curves and required samples are those
/// of the last stage: how many samples relearn what was forgotten. [`Sequence::solve`] takes the data of
/// the last stage itself.
///
/// Source: Anguita et al. 2026 (arXiv:2602.20062), Theorem 4.1 and Proposition 4.2, stage by stage; Evron et
/// al. 2022 (arXiv:2205.09588) and Goldfarb et al. 2024 (arXiv:2401.12617) on forgetting in sequences.
///
/// # Errors
///
/// Solving a sequence fails
/// - as [`Solver::solve`] does, in any stage; within [`Error::InStage`] for those before the last;
/// - with [`Error::UnknownName`] for an [`Estimator`] of the solver other than `auto` and `quadrature`;
/// - with [`Error::OutOfDomain`] for scales outside of [1e-307, 1e307] and starts outside of
///   [-1e150, 1e150];
/// - with [`Error::NotConverged`] where [`Sequence::MAX_REFINEMENT`] is not enough for the tolerance.
///
/// # Examples
///
/// ```
/// use diagonet::{
///     FeatureKind, Initialization, Prior, Protocol, Samples, Scales, Sequence, SequenceStage, Solver,
/// };
///
/// // Task 0 uses a tenth of the features; task 1 is to forget half of them.
/// let prior = Prior::gaussian(0.0, 10.0)?;
/// let kinds = vec![
///     FeatureKind::in_proportion("forget", 0.05, prior, &[1.0, 0.0])?,
///     FeatureKind::in_proportion("retain", 0.05, prior, &[1.0, 1.0])?,
///     FeatureKind::known("unused", 0.9, &[0.0, 0.0])?,
/// ];
/// let initialization = Initialization::new(Scales { absolute: 0.01, relative: 0.0 })?;
/// let unlearning = Sequence::new(kinds, initialization)?
///     .with_stage(SequenceStage::on_task(0))?
///     .with_stage(SequenceStage::on_task(1).with_protocol(Protocol::REBALANCED))?;
/// let samples = Samples::new(0.3)?.with_noise_variance(0.01)?;
/// let solution = Solver::new().solve(&unlearning, &samples)?;
/// let after = solution.stages.last().unwrap();
/// // What was to be forgotten is as far away as it was large.
/// assert!(after.errors[0].of("forget").unwrap() > 8.0);
/// assert!(after.errors[1].total < 0.02);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(try_from = "crate::representation::Sequence", into = "crate::representation::Sequence")
)]
pub struct Sequence {
    kinds: Vec<FeatureKind>,
    initialization: Initialization,
    stages: Vec<SequenceStage>,
    tolerance: f64,
}

/// One stage of a [`SequenceSolution`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StageSolution {
    /// Error on every task after the stage, in total and by kind: `Lambda E[(b - B_j)²]`, with the
    /// [input variance](FeatureKind::with_input_variance) of the kind.
    pub errors: Vec<Errors>,
    /// Error of the coefficients, `E[(b - B_j)²]`; the same where input variances are 1.
    pub parameter_errors: Vec<Errors>,
    /// Excess error on the target of the stage, in total and by kind.
    pub target_errors: Errors,
    /// State of the fixed point; zero noise and penalty where data are unlimited.
    pub state: FixedPoint,
    /// Groups of the law that the stage was solved for.
    pub groups: usize,
}

/// The solution of a [`Sequence`]: errors on every task after every stage.
///
/// # Examples
///
/// ```
/// use diagonet::{
///     FeatureKind, Initialization, Prior, Samples, Scales, Sequence, SequenceStage, Solver,
/// };
///
/// let prior = Prior::gaussian(0.0, 1.0)?;
/// let kinds = vec![FeatureKind::independent("all", 1.0, &[prior, prior])?];
/// let initialization = Initialization::new(Scales { absolute: 1.0, relative: 0.0 })?;
/// let sequence = Sequence::new(kinds, initialization)?
///     .with_stage(SequenceStage::on_task(0))?
///     .with_stage(SequenceStage::on_task(1))?;
/// let solution = Solver::new().solve(&sequence, &Samples::new(0.5)?)?;
/// // Learned, and then in part forgotten.
/// let matrix = solution.forgetting_matrix();
/// assert_eq!(matrix[(0, 0)], 0.0);
/// assert!(matrix[(1, 0)] > 0.5);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SequenceSolution {
    /// All stages in order.
    pub stages: Vec<StageSolution>,
    /// How often the steps over estimates and the cells of nodes were refined, by the root of two.
    pub refinement: u32,
    /// Estimate of the largest relative error that the nodes leave in an error: the last change with
    /// their number, times its ratio to the change before where that was larger. 0 where the nodes are
    /// exact.
    pub node_error: f64,
    /// State of the last stage.
    pub state: FixedPoint,
    /// Excess error of the last stage on its target.
    pub(crate) error: f64,
}

impl SequenceSolution {
    /// Excess error of the last stage on its target.
    #[must_use]
    pub fn generalization_error(&self) -> f64 {
        self.error
    }

    /// Errors on a task after a stage, both counted from 0; `None` where there is no such task or stage.
    #[must_use]
    pub fn errors_on(&self, task: usize, stage: usize) -> Option<&Errors> {
        self.stages.get(stage)?.errors.get(task)
    }

    /// Error on every task after every stage: a row for every stage, a column for every task.
    #[must_use]
    pub fn forgetting_matrix(&self) -> nalgebra::DMatrix<f64> {
        let tasks = self.stages.first().map_or(0, |stage| stage.errors.len());
        nalgebra::DMatrix::from_fn(self.stages.len(), tasks, |stage, task| {
            self.stages[stage].errors[task].total
        })
    }
}

impl Answer for SequenceSolution {
    fn error(&self) -> f64 {
        self.error
    }

    fn state(&self) -> &FixedPoint {
        &self.state
    }
}

/// All stages but the last, at one refinement.
#[derive(Debug, Clone)]
struct Prefix {
    stages: Vec<StageSolution>,
    /// As the last stage finds them.
    nodes: Vec<KindNodes>,
}

impl Prefix {
    /// Integrals that the nodes are those of.
    fn integrals(&self) -> usize {
        most_integrals(&self.nodes)
    }
}

/// All stages but the last, at the refinements that were asked for.
#[derive(Debug, Default)]
pub struct PreparedSequence {
    prefixes: [OnceCell<Prefix>; 1 + Sequence::MAX_REFINEMENT as usize],
}

impl Sequence {
    /// Largest relative error that the nodes leave, unless [set](Self::with_tolerance).
    pub const TOLERANCE: f64 = 1e-4;

    /// Largest number of times that steps and cells are refined by the root of two.
    pub const MAX_REFINEMENT: u32 = 12;

    /// A sequence without stages, for features of these kinds and a network with this initialization.
    ///
    /// # Errors
    ///
    /// [`Error::WeightsDoNotSumToOne`] for probabilities of kinds that do not; [`Error::DimensionMismatch`]
    /// for kinds of different numbers of tasks; [`Error::OutOfDomain`] for kinds without tasks, for an
    /// absolute scale of 0, and for a variance above 1e300.
    ///
    /// # Examples
    ///
    /// See [`Sequence`].
    pub fn new(kinds: Vec<FeatureKind>, initialization: Initialization) -> Result<Self> {
        Domain::POSITIVE
            .when("for a sequence of stages")
            .check("absolute_scale", initialization.absolute_scale())?;
        let tasks = kinds.first().map_or(0, FeatureKind::tasks);
        Domain::RATIO.when("for the number of tasks").check("tasks", tasks as f64)?;
        let group = |kind: &FeatureKind| {
            if kind.tasks() != tasks {
                return Err(Error::DimensionMismatch {
                    parameter: "means of a kind",
                    expected: tasks,
                    found: kind.tasks(),
                });
            }
            for variance in kind.covariance().diagonal().iter() {
                Domain::NON_NEGATIVE
                    .check("variance", *variance)
                    .map_err(|error| error.in_group(kind.label()))?;
            }
            CoordinateGroup::new(kind.label().clone(), kind.probability(), Prior::ZERO, 1.0)
        };
        Law::new(kinds.iter().map(group).collect::<Result<_>>()?)?;
        Ok(Self { kinds, initialization, stages: Vec::new(), tolerance: Self::TOLERANCE })
    }

    /// The same sequence with one stage more.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a target beyond the tasks of the kinds, and for a stage after an
    /// [adapter](Protocol::Adapter), whose network is none of one branch.
    ///
    /// # Examples
    ///
    /// See [`Sequence`].
    pub fn with_stage(mut self, mut stage: SequenceStage) -> Result<Self> {
        let tasks = self.kinds[0].tasks();
        let last = stage.targets.iter().rposition(|share| *share > 0.0).unwrap_or_default();
        Domain::closed(0.0, (tasks - 1) as f64).check("task", last as f64)?;
        if let Some(Protocol::Adapter { branch }) = self.stages.last().map(|stage| stage.protocol) {
            let domain = Domain::described("the last stage alone, for an adapter");
            return Err(Error::OutOfDomain { parameter: "branch", value: branch.value(), domain });
        }
        stage.targets.resize(tasks, 0.0);
        self.stages.push(stage);
        Ok(self)
    }

    /// The same sequence with another tolerance of the nodes, [`Sequence::TOLERANCE`] unless set.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a tolerance outside (0, 1].
    pub fn with_tolerance(self, tolerance: f64) -> Result<Self> {
        Domain::TOLERANCE.check("tolerance", tolerance)?;
        Ok(Self { tolerance, ..self })
    }

    /// Kinds of features.
    #[must_use]
    pub fn kinds(&self) -> &[FeatureKind] {
        &self.kinds
    }

    /// Initialization of the network.
    #[must_use]
    pub fn initialization(&self) -> Initialization {
        self.initialization
    }

    /// Stages in order.
    #[must_use]
    pub fn stages(&self) -> &[SequenceStage] {
        &self.stages
    }

    /// Largest relative error that the nodes leave.
    #[must_use]
    pub fn tolerance(&self) -> f64 {
        self.tolerance
    }

    /// Solves the sequence on the data of its stages, by gradient flow to zero loss in each.
    ///
    /// # Errors
    ///
    /// As those of [the sequence](Sequence#errors); [`Error::OutOfDomain`] for a sequence without stages.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{FeatureKind, Initialization, Scales, Sequence, SequenceStage};
    ///
    /// let kinds = vec![FeatureKind::known("all", 1.0, &[1.0, -1.0])?];
    /// let initialization = Initialization::new(Scales { absolute: 1.0, relative: 0.0 })?;
    /// let sequence = Sequence::new(kinds, initialization)?.with_stage(SequenceStage::on_task(0))?;
    /// // Unlimited data: the first task is learned, and the second is as far as the coefficients are.
    /// let errors = &sequence.solve()?.stages[0].errors;
    /// assert_eq!((errors[0].total, errors[1].total), (0.0, 4.0));
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn solve(&self) -> Result<SequenceSolution> {
        let samples = self.last()?.samples;
        self.refine(&PreparedSequence::default(), &Solver::new(), samples, None)
    }

    fn last(&self) -> Result<&SequenceStage> {
        self.stages.last().ok_or(Error::OutOfDomain {
            parameter: "stages",
            value: 0.0,
            domain: Domain::closed(1.0, 1e300),
        })
    }

    /// Refines steps and cells until no error changes.
    fn refine(
        &self,
        prepared: &PreparedSequence,
        solver: &Solver,
        samples: Option<Samples>,
        start: Option<&FixedPoint>,
    ) -> Result<SequenceSolution> {
        if !matches!(solver.estimator(), Estimator::Auto | Estimator::Quadrature) {
            return Err(Error::UnknownName {
                parameter: "estimator",
                value: solver.estimator().to_string(),
                choices: "auto, quadrature, for a sequence of stages",
            });
        }
        let last = self.last()?;
        let mut coarser: Option<SequenceSolution> = None;
        let (mut change, mut node_error) = (f64::INFINITY, f64::INFINITY);
        for refinement in 0..=Self::MAX_REFINEMENT {
            let prefix = self.prefix(prepared, refinement)?;
            let start = coarser.as_ref().map(|solution| &solution.state).or(start);
            let mut stages = prefix.stages.clone();
            let (solved, _) =
                self.train(last, samples, solver, &prefix.nodes, start, step_factor(refinement))?;
            let (state, error) = (solved.state, solved.target_errors.total);
            stages.push(solved);
            if let Some(coarser) = &coarser {
                let last = std::mem::replace(&mut change, largest_change(&coarser.stages, &stages));
                // Changes fall at least as fast as a geometric series.
                node_error =
                    if last.is_finite() { change * (change / last).min(1.0) } else { change };
            }
            let tolerance = match prefix.integrals() {
                0 => f64::INFINITY,
                1 => self.tolerance.min(OF_ONE_INTEGRAL),
                _ => self.tolerance,
            };
            if prefix.integrals() == 0 {
                node_error = 0.0;
            }
            let solution = SequenceSolution { stages, refinement, node_error, state, error };
            if node_error <= tolerance {
                return Ok(solution);
            }
            coarser = Some(solution);
        }
        let iterations = 1 + Self::MAX_REFINEMENT as usize;
        Err(Error::NotConverged { iterations, residual: node_error })
    }

    /// All stages but the last, at one refinement.
    fn prefix<'a>(&self, prepared: &'a PreparedSequence, refinement: u32) -> Result<&'a Prefix> {
        let cell = &prepared.prefixes[refinement as usize];
        if let Some(prefix) = cell.get() {
            return Ok(prefix);
        }
        let coarser = match refinement {
            0 => None,
            _ => prepared.prefixes[refinement as usize - 1].get(),
        };
        let prefix = self.compute_prefix(coarser, step_factor(refinement))?;
        Ok(cell.get_or_init(|| prefix))
    }

    fn compute_prefix(&self, coarser: Option<&Prefix>, factor: f64) -> Result<Prefix> {
        let first = self.last().map(|_| self.stages[0].channel())?;
        let mut nodes: Vec<KindNodes> = self
            .kinds
            .iter()
            .map(|kind| KindNodes::new(kind, &self.initialization, &first))
            .collect();
        let mut stages = Vec::with_capacity(self.stages.len());
        for (index, pair) in self.stages.windows(2).enumerate() {
            let [stage, next] = pair else { continue };
            let start = coarser.map(|coarser| &coarser.stages[index].state);
            let advance = || {
                let (solved, state) =
                    self.train(stage, stage.samples, &Solver::new(), &nodes, start, factor)?;
                let targets: Vec<&[f64]> =
                    self.stages[index + 1..].iter().map(SequenceStage::targets).collect();
                let advanced = nodes.iter().map(|kind| {
                    let (channel, next) = (stage.channel(), next.channel());
                    let advanced = kind.advance(
                        &channel,
                        state,
                        &Rule::with_accuracy_factor(factor * kind.step_factor()),
                        &next,
                    )?;
                    // Those of one integral never are so many that merging pays.
                    let last = index + 2 == self.stages.len();
                    let most = if last { KindNodes::KEPT } else { 1 };
                    Ok(if advanced.integrals > most && advanced.nodes.len() > kind.nodes.len() {
                        advanced.merged(&targets, CELL * factor)
                    } else {
                        advanced
                    })
                });
                Ok((solved, advanced.collect::<Result<Vec<_>>>()?))
            };
            let (solved, advanced) =
                advance().map_err(|error: Error| error.in_stage(Stage::Number(index + 1)))?;
            nodes = advanced;
            stages.push(solved);
        }
        Ok(Prefix { stages, nodes })
    }

    /// Trains a stage, and computes the errors on all tasks after it.
    fn train(
        &self,
        stage: &SequenceStage,
        samples: Option<Samples>,
        solver: &Solver,
        nodes: &[KindNodes],
        start: Option<&FixedPoint>,
        factor: f64,
    ) -> Result<(StageSolution, StageState)> {
        let channel = stage.channel();
        // As fine as the nodes are.
        let rule = if most_integrals(nodes) == 0 {
            Rule::FINE
        } else {
            Rule::with_accuracy_factor(factor.clamp(1.0, 2.0))
        };
        let solution = match samples {
            None => None,
            Some(samples) => {
                let groups = nodes.iter().map(|kind| kind.groups(&channel));
                let groups: Vec<_> = groups.collect::<Result<Vec<_>>>()?.concat();
                Some(solve(&Law::new(groups)?, stage.protocol, solver, &samples, start)?)
            }
        };
        let state = match &solution {
            Some(solution) => solution.state,
            None => Solved::explicit(Estimator::LeastSquares, 0.0, 0.0, Vec::new())?.state,
        };
        let channel_state = StageState::of(&state);
        let by_kind: Vec<Vec<f64>> = nodes
            .iter()
            .map(|kind| kind.errors(&channel, channel_state, &rule))
            .collect::<Result<_>>()?;
        let target = stage.targets.iter().position(|share| *share == 1.0);
        let parts =
            |task: usize, factor: fn(&KindNodes) -> f64| {
                let kinds = nodes.iter().zip(&by_kind);
                Errors::of_parts(kinds.map(|(kind, errors)| {
                    (&kind.label, kind.probability, factor(kind) * errors[task])
                }))
            };
        let tasks = 0..stage.targets.len();
        let mut errors: Vec<Errors> =
            tasks.clone().map(|task| parts(task, |kind| kind.input_variance)).collect();
        let mut parameter_errors: Vec<Errors> = tasks.map(|task| parts(task, |_| 1.0)).collect();
        let target_errors = match (&solution, target) {
            (Some(solution), _) => solution.errors.clone(),
            (None, Some(task)) => errors[task].clone(),
            // What cannot move is not learned, even from unlimited data.
            (None, None) => {
                let kinds = nodes.iter();
                Errors::of_parts(kinds.map(|kind| {
                    let error = kind.input_variance * kind.frozen_signal(&channel);
                    (&kind.label, kind.probability, error)
                }))
            }
        };
        if let (Some(solution), Some(task)) = (&solution, target) {
            errors[task] = target_errors.clone();
            parameter_errors[task] = solution.parameter_errors().clone();
        }
        let groups = nodes.iter().map(|kind| kind.nodes.len()).sum();
        let solved = StageSolution { errors, parameter_errors, target_errors, state, groups };
        Ok((solved, channel_state))
    }
}

/// Steps over estimates in units of those of the fine rule, after so many refinements.
fn step_factor(refinement: u32) -> f64 {
    COARSEST_STEP * 0.5_f64.powf(0.5 * f64::from(refinement))
}

/// Integrals that the nodes of a kind are those of, at most.
fn most_integrals(nodes: &[KindNodes]) -> usize {
    nodes.iter().map(|kind| kind.integrals).max().unwrap_or(0)
}

/// Solves the law of a stage; with a frozen layer, the closed form that is exact there.
fn solve(
    law: &Law,
    protocol: Protocol,
    solver: &Solver,
    samples: &Samples,
    start: Option<&FixedPoint>,
) -> Result<Solution> {
    if protocol.trained_layers() == TrainedLayers::Both {
        solver.solve_law(law, samples, start)
    } else {
        solver.with_estimator(Estimator::Lazy).solve_law(law, samples, start)
    }
}

/// Largest relative change of an error, in total, of any task after any stage.
fn largest_change(coarser: &[StageSolution], finer: &[StageSolution]) -> f64 {
    let errors = |stages: &[StageSolution]| -> Vec<f64> {
        let of_stage = |stage: &StageSolution| {
            let tasks = stage.errors.iter().map(|errors| errors.total);
            tasks.chain([stage.target_errors.total]).collect::<Vec<_>>()
        };
        stages.iter().flat_map(of_stage).collect()
    };
    let changes = errors(coarser).into_iter().zip(errors(finer)).map(|(coarser, finer)| {
        let difference = (finer - coarser).abs();
        if difference == 0.0 { 0.0 } else { difference / finer }
    });
    changes.fold(0.0, f64::max)
}

impl Solve for Sequence {
    type Prepared = PreparedSequence;
    type Solution = SequenceSolution;

    fn prepare(&self) -> Result<PreparedSequence> {
        Ok(PreparedSequence::default())
    }

    fn solve_prepared(
        &self,
        prepared: &PreparedSequence,
        solver: &Solver,
        samples: &Samples,
        start: Option<&FixedPoint>,
    ) -> Result<SequenceSolution> {
        self.refine(prepared, solver, Some(*samples), start)
    }

    fn scan(&self, prepared: &PreparedSequence, target_error: f64) -> Result<Scan> {
        let channel = self.last()?.channel();
        let prefix = self.prefix(prepared, 0)?;
        let groups = prefix.nodes.iter().map(|kind| kind.groups(&channel));
        let law = Law::new(groups.collect::<Result<Vec<_>>>()?.concat())?;
        let law = law.whitened();
        Ok(if prefix.integrals() == 0 {
            Scan::of(&law, target_error)
        } else {
            Scan::of_density(&law, target_error)
        })
    }
}
