//! A problem of finite size, and the training of its draws in both stages.

use nalgebra::DVector;

use crate::asymptotics::solution::Solution;
use crate::asymptotics::solver::Solver;
use crate::asymptotics::statistics::EstimateStatistics;
use crate::domain::Domain;
use crate::error::{Error, Result, Stage};
use crate::label::GroupLabel;
use crate::network::initialization::{Initialization, ScaleAndStart, Scales};
use crate::network::protocol::TrainedLayers;
use crate::numerics::sum::CompensatedSum;
use crate::problem::component::Component;
use crate::problem::errors::Errors;
use crate::problem::feature_class::FeatureClass;
use crate::problem::law::Law;
use crate::problem::samples::Samples;
use crate::simulation::dataset::{Dataset, check_length};
use crate::simulation::descent::GradientDescent;
use crate::simulation::draw::{
    Draw, Kind, OwnData, Plan, Source, SupportSampling, distinct_labels, whole,
};
use crate::simulation::flow::GradientFlow;
use crate::simulation::interpolator::Interpolator;
use crate::simulation::network::Network;
use crate::simulation::stochastic_descent::StochasticDescent;
use crate::stages::transfer::Transfer;

/// How the networks of an [`Experiment`] are trained.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Trainer {
    /// The end point of gradient flow, by convex optimization.
    Exact(Interpolator),
    /// Gradient descent on the weights.
    Descent(GradientDescent),
    /// Gradient flow of the weights, integrated in time.
    Flow(GradientFlow),
    /// Fine-tuning, or the one stage that there is, by stochastic descent on the weights; pretraining and
    /// training from scratch by gradient flow. Every draw has batches of its own.
    Stochastic(StochasticDescent),
}

impl Trainer {
    /// The network at the end of its training on data of a draw.
    pub(super) fn train(&self, network: Network, data: &Dataset, draw: u64) -> Result<Network> {
        let training = match self {
            Self::Exact(interpolator) => return interpolator.train(&network, data),
            Self::Descent(descent) => descent.train(network, data)?,
            Self::Flow(flow) => flow.train(network, data)?,
            Self::Stochastic(descent) => descent.with_draw(draw).train(network, data)?,
        };
        Ok(training.finished()?.network)
    }

    /// How the other stages are trained.
    fn before(&self) -> Self {
        match self {
            Self::Stochastic(_) => Self::default(),
            other => *other,
        }
    }
}

/// The name that [`FromStr`](std::str::FromStr) reads.
impl std::fmt::Display for Trainer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Exact(_) => "exact",
            Self::Descent(_) => "descent",
            Self::Flow(_) => "flow",
            Self::Stochastic(_) => "stochastic",
        })
    }
}

/// With the settings that they have by default; [`Error::UnknownName`] for any other text than exact,
/// descent, flow. Stochastic descent has no default rate, and is not read.
impl std::str::FromStr for Trainer {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "exact" => Ok(Self::Exact(Interpolator::default())),
            "descent" => Ok(Self::Descent(GradientDescent::default())),
            "flow" => Ok(Self::Flow(GradientFlow::default())),
            _ => Err(Error::UnknownName {
                parameter: "trainer",
                value: name.to_owned(),
                choices: "exact, descent, flow",
            }),
        }
    }
}

impl Default for Trainer {
    fn default() -> Self {
        Self::Exact(Interpolator::new())
    }
}

/// A finite-size version of a problem that can be drawn and trained repeatedly.
///
/// With a [`Transfer`], it draws the coefficients of both tasks with their overlap. A network is
/// pretrained on the first task, or starts from its exact coefficients where pretraining data are
/// unlimited. The [`Protocol`](crate::Protocol) then acts on its weights. It is then fine-tuned on N
/// samples of the second task. With a [`Law`], it draws one task, and trains a network with the scales
/// of the law. Inputs have the variances of the [task](crate::Task::with_input_variance) or of the
/// [law](crate::CoordinateGroup::input_variance).
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "quadrature")]
/// # {
/// use diagonet::simulation::Experiment;
/// use diagonet::{
///     Densities, Initialization, Samples, ScaleMap, Scales, Solver, Supports, Task, Transfer,
/// };
///
/// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 1.0 })?;
/// let task = Task::new(supports)?;
/// let map = ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: -0.5 })?, 0.0)?;
/// let experiment = Experiment::new(Transfer::new(&task, map), Samples::new(0.25)?, 400)?;
/// let outcome = experiment.run(1, 0)?;
/// let theory = experiment.prediction(&Solver::new())?.generalization_error();
/// // One draw of 400 coordinates.
/// assert!((outcome.generalization_error() - theory).abs() < 0.1);
/// # }
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Experiment {
    problem: Problem,
    dimension: usize,
    samples: Samples,
    sampling: SupportSampling,
    trainer: Trainer,
    from_scratch: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Problem {
    Alone(Law),
    Transfer(Box<Transfer>),
}

impl Experiment {
    /// Both stages of `transfer` with `dimension` coordinates, fine-tuning on `samples`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`](crate::Error::OutOfDomain) for a dimension outside [1, 1e9], and for
    /// samples of a stage that are fewer than a half one, or have more than 1e9 inputs in all.
    pub fn new(transfer: Transfer, samples: Samples, dimension: usize) -> Result<Self> {
        let transfer = match transfer.pretraining_samples() {
            Some(samples) => transfer.with_pretraining_samples(whole(&samples, dimension)?),
            None => transfer,
        };
        Self::of(Problem::Transfer(Box::new(transfer)), samples, dimension)
    }

    /// Training on `samples` of one task with `dimension` coordinates that follow `law`.
    ///
    /// # Errors
    ///
    /// As [`Experiment::new`].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::Experiment;
    /// use diagonet::{CoordinateGroup, Law, Prior, Samples};
    ///
    /// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1e-2)?])?;
    /// let outcome = Experiment::of_law(law, Samples::new(0.5)?, 20)?.run(1, 0)?;
    /// assert_eq!(outcome.coefficients.len(), 20);
    /// assert!(outcome.pretraining.is_none());
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn of_law(law: Law, samples: Samples, dimension: usize) -> Result<Self> {
        Self::of(Problem::Alone(law), samples, dimension)
    }

    fn of(problem: Problem, samples: Samples, dimension: usize) -> Result<Self> {
        Domain::COUNT.check("dimension", dimension as f64)?;
        let samples = whole(&samples, dimension)?;
        let (sampling, trainer) = (SupportSampling::default(), Trainer::default());
        Ok(Self { problem, dimension, samples, sampling, trainer, from_scratch: false })
    }

    /// The same experiment with this choice of group sizes, exact unless set.
    #[must_use]
    pub fn with_support_sampling(self, sampling: SupportSampling) -> Self {
        Self { sampling, ..self }
    }

    /// The same experiment with this training, exact unless set.
    #[must_use]
    pub fn with_trainer(self, trainer: Trainer) -> Self {
        Self { trainer, ..self }
    }

    /// The same experiment with training from scratch beside fine-tuning: on the same data, with the
    /// initialization of pretraining, but without pretraining. An experiment with one task always
    /// trains from scratch.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::Experiment;
    /// use diagonet::{
    ///     Densities, Initialization, Samples, ScaleMap, Scales, Supports, Task, Transfer,
    /// };
    ///
    /// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 1.0 })?;
    /// let task = Task::new(supports)?;
    /// let initialization = Initialization::new(Scales { absolute: 1e-3, relative: 0.0 })?;
    /// let map = ScaleMap::new(initialization, 0.0)?;
    /// let experiment = Experiment::new(Transfer::new(&task, map), Samples::new(0.25)?, 100)?;
    /// let outcome = experiment.with_training_from_scratch().run(1, 0)?;
    /// let from_scratch = outcome.from_scratch.as_ref().unwrap();
    /// assert!(from_scratch.total > outcome.generalization_error());
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn with_training_from_scratch(self) -> Self {
        Self { from_scratch: true, ..self }
    }

    /// Number D of coordinates.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The samples of fine-tuning as they are drawn: their ratio is that of a whole number of
    /// samples, at which the theory can be evaluated.
    #[must_use]
    pub fn samples(&self) -> Samples {
        self.samples
    }

    /// One draw, a function of `seed` and `index` alone.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for coefficients or noise so large that inputs or labels leave
    /// [-1e150, 1e150].
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::simulation::Experiment;
    /// # use diagonet::{CoordinateGroup, Law, Prior, Samples};
    /// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1.0)?])?;
    /// let experiment = Experiment::of_law(law, Samples::new(0.5)?, 10)?;
    /// assert_eq!(experiment.draw(3, 1)?, experiment.draw(3, 1)?);
    /// assert_ne!(experiment.draw(3, 1)?, experiment.draw(3, 2)?);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn draw(&self, seed: u64, index: u64) -> Result<Draw> {
        let plan = Plan {
            kinds: &self.kinds(),
            dimension: self.dimension,
            sampling: self.sampling,
            pretraining: self.pretraining_samples(),
            fine_tuning: self.samples,
        };
        plan.draw(seed, index)
    }

    /// A draw of two tasks from coefficients and data of one's own. Coordinates belong to the class that
    /// their coefficients say; the statistics of the experiment's task play no part in training.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] for vectors or inputs of another dimension than that of the experiment;
    /// [`Error::UnequalRuns`] for pretraining data where the experiment has none, the other way round,
    /// or an experiment of one task.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::{Dataset, Experiment, OwnData};
    /// use diagonet::{Initialization, Samples, ScaleMap, Scales, Task, Transfer};
    /// use nalgebra::{dmatrix, dvector};
    ///
    /// let (before, now) = (dvector![1.0, 0.0, 0.0, 1.0], dvector![0.5, 0.0, 0.0, 0.0]);
    /// let task = Task::from_coefficients(before.as_slice(), now.as_slice())?;
    /// let map = ScaleMap::new(Initialization::new(Scales { absolute: 1e-6, relative: 0.0 })?, 0.0)?;
    /// let experiment = Experiment::new(Transfer::new(&task, map), Samples::new(0.5)?, 4)?;
    /// let inputs = dmatrix![1.0, 0.3, -0.2, 0.1; -0.4, 0.2, 0.9, 0.8];
    /// let labels = &inputs * &now;
    /// let draw = experiment.own_draw(OwnData {
    ///     pretraining_coefficients: before,
    ///     coefficients: now,
    ///     pretraining_data: None,
    ///     data: Dataset::new(inputs, labels)?,
    /// })?;
    /// // Two features that pretraining used, and two samples.
    /// assert!(experiment.train(&draw)?.generalization_error() < 1e-6);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn own_draw(&self, data: OwnData) -> Result<Draw> {
        let OwnData { pretraining_coefficients, coefficients, pretraining_data, data } = data;
        let Problem::Transfer(_) = self.problem else {
            return Err(Error::UnequalRuns { parameter: "groups" });
        };
        check_length("pretraining_coefficients", pretraining_coefficients.len(), self.dimension)?;
        check_length("coefficients", coefficients.len(), self.dimension)?;
        for data in pretraining_data.iter().chain([&data]) {
            check_length("inputs", data.inputs().ncols(), self.dimension)?;
        }
        let kinds = self.kinds();
        let (labels, positions) = distinct_labels(&kinds);
        let kind = |(before, now): (&f64, &f64)| {
            let class = FeatureClass::of_activity(*before != 0.0, *now != 0.0);
            let of_class = |kind: &Kind| kind.label == GroupLabel::from(class);
            kinds.iter().position(of_class).ok_or(Error::UnequalRuns { parameter: "groups" })
        };
        let pairs = pretraining_coefficients.iter().zip(&coefficients);
        let kinds = pairs.map(kind).collect::<Result<Vec<_>>>()?;
        let draw = Draw {
            start: DVector::zeros(self.dimension),
            index: 0,
            groups: kinds.iter().map(|&kind| positions[kind]).collect(),
            pretraining_coefficients,
            coefficients,
            pretraining_data,
            data,
            labels,
            kinds,
        };
        self.check_draw(&draw)?;
        Ok(draw)
    }

    /// The samples of pretraining, where it has data of finite size.
    fn pretraining_samples(&self) -> Option<Samples> {
        match &self.problem {
            Problem::Transfer(transfer) => transfer.pretraining_samples(),
            Problem::Alone(_) => None,
        }
    }

    fn kinds(&self) -> Vec<Kind> {
        match &self.problem {
            Problem::Alone(law) => law
                .groups()
                .iter()
                .map(|group| Kind {
                    label: group.label().clone(),
                    weight: group.weight(),
                    input_variance: group.input_variance(),
                    source: Source::Law(group.clone()),
                })
                .collect(),
            Problem::Transfer(transfer) => {
                let task = transfer.task();
                let kind = |component: Component| Kind {
                    label: component.class.into(),
                    weight: task.probability(&component),
                    input_variance: task.input_variance(component.class),
                    source: Source::Task(component),
                };
                task.components().into_iter().map(kind).collect()
            }
        }
    }

    /// Draws and trains, see [`Experiment::draw`] and [`Experiment::train`].
    ///
    /// # Errors
    ///
    /// Those of both.
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::simulation::Experiment;
    /// # use diagonet::{CoordinateGroup, Law, Prior, Samples};
    /// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1.0)?])?;
    /// let experiment = Experiment::of_law(law, Samples::new(2.0)?, 10)?;
    /// // More samples than coordinates, and no noise.
    /// assert!(experiment.run(3, 1)?.generalization_error() < 1e-25);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn run(&self, seed: u64, index: u64) -> Result<Outcome> {
        self.train(&self.draw(seed, index)?)
    }

    /// Trains the network on a draw, in both stages.
    ///
    /// # Errors
    ///
    /// - [`Error::DimensionMismatch`] for a draw of another dimension or number of groups;
    /// - [`Error::UnequalRuns`] for one with other groups, or with pretraining data where this experiment
    ///   has none, and the other way round;
    /// - [`Error::Uncertified`] where exact training fails;
    /// - [`Error::NotConverged`] where descent or flow stop before their target, and what else they
    ///   refuse;
    /// - [`Error::OutOfDomain`] for pretrained coefficients that the scale map sends out of range, and, with
    ///   descent and flow, for [penalty weights](crate::CoordinateGroup::penalty_weight) that differ between
    ///   groups: training knows of none.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::{Experiment, GradientDescent, Trainer};
    /// use diagonet::{
    ///     Densities, Initialization, Samples, ScaleMap, Scales, Supports, Task, Transfer,
    /// };
    ///
    /// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.2, overlap: 1.0 })?;
    /// let task = Task::new(supports)?;
    /// let initialization = Initialization::new(Scales { absolute: 0.1, relative: 0.0 })?;
    /// let map = ScaleMap::new(initialization, 0.0)?;
    /// let exact = Experiment::new(Transfer::new(&task, map), Samples::new(0.3)?, 30)?;
    /// let descent = exact.clone().with_trainer(Trainer::Descent(GradientDescent::new()));
    /// let draw = exact.draw(1, 0)?;
    /// let errors = [exact, descent].map(|e| e.train(&draw).map(|o| o.generalization_error()));
    /// assert!((errors[0].clone()? - errors[1].clone()?).abs() < 1e-2);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn train(&self, draw: &Draw) -> Result<Outcome> {
        self.check_draw(draw)?;
        let stages = match self.trainer {
            Trainer::Exact(interpolator) => self.coefficients(draw, &interpolator)?,
            trainer => self.networks(draw, trainer)?,
        };
        self.outcome(draw, stages)
    }

    /// Checks that a draw may be one of this experiment.
    fn check_draw(&self, draw: &Draw) -> Result<()> {
        for (parameter, length) in [
            ("pretraining_coefficients", draw.pretraining_coefficients.len()),
            ("coefficients", draw.coefficients.len()),
            ("groups", draw.groups.len()),
            ("kinds", draw.kinds.len()),
            ("start", draw.start.len()),
        ] {
            check_length(parameter, length, self.dimension)?;
        }
        let kinds = self.kinds();
        let (labels, positions) = distinct_labels(&kinds);
        check_length("labels", draw.labels.len(), labels.len())?;
        let groups = draw.kinds.iter().map(|&kind| positions.get(kind));
        let is_known = draw.labels == labels && groups.eq(draw.groups.iter().map(Some));
        let has_pretraining_data = self.pretraining_samples().is_some();
        for (parameter, agrees) in [
            ("groups", is_known),
            ("pretraining_data", draw.pretraining_data.is_some() == has_pretraining_data),
        ] {
            if !agrees {
                return Err(Error::UnequalRuns { parameter });
            }
        }
        Ok(())
    }

    /// Both stages in coefficients and scales, which is all that the end point of gradient flow
    /// depends on.
    fn coefficients(&self, draw: &Draw, interpolator: &Interpolator) -> Result<Stages> {
        let (scales, start, centre, pretrained) = match &self.problem {
            Problem::Alone(law) => {
                let centre = self.of_coordinates(draw, |kind| law.groups()[kind].centre());
                let scales = self.of_coordinates(draw, |kind| law.groups()[kind].scale());
                (scales, draw.start.clone(), centre, None)
            }
            Problem::Transfer(transfer) => {
                let scale_map = transfer.scale_map();
                let scale = scale_map.pretraining().absolute_scale();
                let uniform = DVector::from_element(self.dimension, scale);
                let pretrained = match &draw.pretraining_data {
                    Some(data) => {
                        let end = interpolator.solve(data, &uniform);
                        end.map_err(|error| error.in_stage(Stage::Pretraining))?.coefficients
                    }
                    None => draw.pretraining_coefficients.clone(),
                };
                let protocol = transfer.protocol();
                let training =
                    pretrained.iter().map(|&beta| protocol.scale_and_start(&scale_map, beta));
                let training = training.collect::<Result<Vec<_>>>()?;
                let vector = |part: fn(&ScaleAndStart) -> f64| {
                    DVector::from_iterator(self.dimension, training.iter().map(part))
                };
                let (scales, start) = (vector(|t| t.scale), vector(|t| t.start));
                let centre = if protocol.adds_branch() {
                    pretrained.clone()
                } else {
                    DVector::zeros(self.dimension)
                };
                (scales, start, centre, Some(pretrained))
            }
        };
        let freezes_layer = match &self.problem {
            Problem::Alone(_) => false,
            Problem::Transfer(transfer) => {
                transfer.protocol().trained_layers() != TrainedLayers::Both
            }
        };
        let train = |data: &Dataset, start: &DVector<f64>| {
            let end = match self.penalty_weights(draw) {
                _ if freezes_layer => interpolator.solve_frozen(data, &scales, start),
                Some(weights) => interpolator.solve_weighted(data, &scales, start, &weights),
                None => interpolator.solve_from(data, &scales, start),
            };
            Ok::<_, Error>(end?.coefficients)
        };
        let coefficients = if centre.iter().all(|&centre| centre == 0.0) {
            train(&draw.data, &start)?
        } else {
            let data = beside(&draw.data, &centre)?;
            &centre + train(&data, &(start - &centre))?
        };
        let from_scratch = match self.scratch_initialization() {
            Some(initialization) => {
                let scale = initialization.absolute_scale();
                let scales = DVector::from_element(self.dimension, scale);
                let end = interpolator.solve(&draw.data, &scales);
                Some(end.map_err(|error| error.in_stage(Stage::FromScratch))?.coefficients)
            }
            None => None,
        };
        Ok(Stages { pretrained, coefficients, from_scratch })
    }

    /// Both stages in the weights of a network.
    fn networks(&self, draw: &Draw, trainer: Trainer) -> Result<Stages> {
        let train = |network, data: &Dataset| trainer.train(network, data, draw.index);
        let train_before = |network, data: &Dataset| trainer.before().train(network, data, 0);
        let (start, centre, pretrained) = match &self.problem {
            Problem::Alone(law) => {
                check_penalty_weights(law)?;
                let scales = self.of_coordinates(draw, |kind| law.groups()[kind].scale());
                let centre = self.of_coordinates(draw, |kind| law.groups()[kind].centre());
                let from_centre = &draw.start - &centre;
                let weights = scales.iter().zip(&from_centre).map(|(&scale, &start)| {
                    // The end point does not depend on the relative scale.
                    Initialization::new(Scales { absolute: scale, relative: 0.0 })?.weights(start)
                });
                (Network::from_weights(&weights.collect::<Result<Vec<_>>>()?), centre, None)
            }
            Problem::Transfer(transfer) => {
                let scale_map = transfer.scale_map();
                let initialization = scale_map.pretraining();
                let network = match &draw.pretraining_data {
                    Some(data) => {
                        train_before(Network::uniform(&initialization, self.dimension), data)
                            .map_err(|error: Error| error.in_stage(Stage::Pretraining))?
                    }
                    None => {
                        let coefficients = draw.pretraining_coefficients.iter();
                        let weights = coefficients.map(|&beta| initialization.weights(beta));
                        Network::from_weights(&weights.collect::<Result<Vec<_>>>()?)
                    }
                };
                let pretrained = network.coefficients();
                let protocol = transfer.protocol();
                let start = network.under(&protocol, scale_map.readout_scale())?;
                let centre = if protocol.adds_branch() {
                    pretrained.clone()
                } else {
                    DVector::zeros(self.dimension)
                };
                (start, centre, Some(pretrained))
            }
        };
        let coefficients = if centre.iter().all(|&centre| centre == 0.0) {
            train(start, &draw.data)?.coefficients()
        } else {
            &centre + train(start, &beside(&draw.data, &centre)?)?.coefficients()
        };
        let from_scratch = match self.scratch_initialization() {
            Some(initialization) => {
                let start = Network::uniform(&initialization, self.dimension);
                let network = train_before(start, &draw.data);
                Some(
                    network
                        .map_err(|error: Error| error.in_stage(Stage::FromScratch))?
                        .coefficients(),
                )
            }
            None => None,
        };
        Ok(Stages { pretrained, coefficients, from_scratch })
    }

    /// Initialization of training from scratch, where that is asked for.
    fn scratch_initialization(&self) -> Option<Initialization> {
        match &self.problem {
            Problem::Transfer(transfer) if self.from_scratch => {
                Some(transfer.scale_map().pretraining())
            }
            _ => None,
        }
    }

    /// A number for every coordinate, which depends on its kind.
    fn of_coordinates(&self, draw: &Draw, number: impl Fn(usize) -> f64) -> DVector<f64> {
        DVector::from_iterator(self.dimension, draw.kinds.iter().map(|&kind| number(kind)))
    }

    /// The penalty weight of every coordinate, where some are not 1.
    fn penalty_weights(&self, draw: &Draw) -> Option<DVector<f64>> {
        let Problem::Alone(law) = &self.problem else { return None };
        let is_weighted = law.groups().iter().any(|group| group.penalty_weight() != 1.0);
        is_weighted.then(|| self.of_coordinates(draw, |kind| law.groups()[kind].penalty_weight()))
    }

    /// Whether input variances are not all 1.
    fn is_structured(&self) -> bool {
        self.kinds().iter().any(|kind| kind.input_variance != 1.0)
    }

    fn outcome(&self, draw: &Draw, stages: Stages) -> Result<Outcome> {
        let Stages { pretrained, coefficients, from_scratch } = stages;
        let error =
            |estimate: &DVector<f64>, truth: &DVector<f64>| errors(draw, estimate, truth, |_| 1.0);
        let kinds = self.kinds();
        let excess = |estimate: &DVector<f64>, truth: &DVector<f64>| {
            errors(draw, estimate, truth, |kind| kinds[kind].input_variance)
        };
        Ok(Outcome {
            labels: draw.labels.clone(),
            errors: excess(&coefficients, &draw.coefficients),
            parameter_errors: error(&coefficients, &draw.coefficients),
            is_structured: self.is_structured(),
            training_error: draw.data.training_error(&coefficients)?,
            pretraining: pretrained.map(|pretrained| PretrainingOutcome {
                error: excess(&pretrained, &draw.pretraining_coefficients),
                parameter_error: error(&pretrained, &draw.pretraining_coefficients),
                error_after_fine_tuning: error(&coefficients, &draw.pretraining_coefficients),
                forgetting: error(&coefficients, &pretrained),
                coefficients: pretrained,
            }),
            from_scratch: from_scratch.map(|estimate| excess(&estimate, &draw.coefficients)),
            coefficients,
        })
    }

    /// The solution of the theory for the experiment, at the samples that it draws.
    ///
    /// # Errors
    ///
    /// As [`Solver::solve`].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::Experiment;
    /// use diagonet::{CoordinateGroup, Law, Prior, Samples, Solver};
    ///
    /// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1e9)?])?;
    /// let experiment = Experiment::of_law(law, Samples::new(0.33)?, 10)?;
    /// let report = experiment.prediction(&Solver::new())?;
    /// assert!((report.generalization_error() - 0.7).abs() < 1e-10); // 3 samples, not 3.3
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn prediction(&self, solver: &Solver) -> Result<Solution> {
        match &self.problem {
            Problem::Alone(law) => solver.solve(law, &self.samples),
            Problem::Transfer(transfer) => {
                Ok(solver.solve(transfer.as_ref(), &self.samples)?.fine_tuning)
            }
        }
    }

    /// The value of the theory for every one of the [quantities](Self::quantities); `None` for groups
    /// that have no weight.
    ///
    /// # Errors
    ///
    /// As [`Solver::solve`] and [`Solution::statistics`](crate::Solution::statistics).
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::Experiment;
    /// use diagonet::{CoordinateGroup, Law, Prior, Samples, Solver};
    ///
    /// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1e9)?])?;
    /// let experiment = Experiment::of_law(law, Samples::new(0.33)?, 10)?;
    /// let theory = experiment.predictions(&Solver::new())?;
    /// assert_eq!(theory.len(), experiment.quantities().len());
    /// assert!((theory[0].unwrap() - 0.7).abs() < 1e-10);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn predictions(&self, solver: &Solver) -> Result<Vec<Option<f64>>> {
        let labels = distinct_labels(&self.kinds()).0;
        let mut predictions = Vec::new();
        let mut add = |total: Option<f64>, group: &dyn Fn(&GroupLabel) -> Option<f64>| {
            predictions.push(total);
            predictions.extend(labels.iter().map(group));
        };
        match &self.problem {
            Problem::Alone(law) => {
                let report = solver.solve(law, &self.samples)?;
                add(Some(report.generalization_error()), &|label| report.error_of(label));
                if self.is_structured() {
                    let errors = report.parameter_errors();
                    add(Some(errors.total), &|label| errors.of(label));
                }
            }
            Problem::Transfer(transfer) => {
                let report = solver.solve(transfer.as_ref(), &self.samples)?;
                let tuned = &report.fine_tuning;
                add(Some(tuned.generalization_error()), &|label| tuned.error_of(label));
                if self.is_structured() {
                    let errors = tuned.parameter_errors();
                    add(Some(errors.total), &|label| errors.of(label));
                }
                // Unlimited data leave no error.
                let of_class = |label: &GroupLabel, errors: fn(&Solution) -> &Errors| {
                    let class = FeatureClass::ALL.into_iter().find(|c| label == &(*c).into())?;
                    Some(report.of_pretraining(class, errors).unwrap_or(0.0))
                };
                let mut add_pretraining = |errors: fn(&Solution) -> &Errors| {
                    let total = report.pretraining.as_ref().map_or(0.0, |r| errors(r).total);
                    add(Some(total), &|label| of_class(label, errors));
                };
                add_pretraining(|solution| &solution.errors);
                if self.is_structured() {
                    add_pretraining(Solution::parameter_errors);
                }
                let statistics = tuned.statistics(0.0)?;
                for quantity in [
                    |estimates: &EstimateStatistics| estimates.pretraining_error_after_fine_tuning,
                    |estimates: &EstimateStatistics| estimates.forgetting,
                ] {
                    add(quantity(&statistics.total), &|label| {
                        quantity(&statistics.group(label)?.estimates)
                    });
                }
                if self.from_scratch {
                    let scratch = report.from_scratch()?;
                    add(Some(scratch.generalization_error()), &|label| scratch.error_of(label));
                }
            }
        }
        Ok(predictions)
    }

    /// The range of the theory for every one of the [quantities](Self::quantities): one number, but for
    /// [stochastic descent](Trainer::Stochastic), whose end has the bracket of
    /// [`Solver::effective_scale`]. `None` for groups that have no weight.
    ///
    /// # Errors
    ///
    /// As [`Experiment::predictions`] and [`Solver::effective_scale`].
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "quadrature")]
    /// # {
    /// use diagonet::simulation::{Experiment, StochasticDescent, Trainer};
    /// use diagonet::{CoordinateGroup, Law, Optimizer, Prior, Samples, Solver};
    ///
    /// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 0.1)?])?;
    /// let descent = StochasticDescent::new(Optimizer::new().with_learning_rate(0.2)?)?;
    /// let experiment = Experiment::of_law(law, Samples::new(0.4)?, 50)?
    ///     .with_trainer(Trainer::Stochastic(descent));
    /// let [low, high] = experiment.predicted_ranges(&Solver::new())?[0].unwrap();
    /// assert!(low < high);
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn predicted_ranges(&self, solver: &Solver) -> Result<Vec<Option<[f64; 2]>>> {
        let numbers = self.predictions(solver)?;
        let mut ranges: Vec<_> = numbers.into_iter().map(|x| x.map(|x| [x, x])).collect();
        let Trainer::Stochastic(descent) = &self.trainer else { return Ok(ranges) };
        let optimizer = descent.optimizer();
        let effective = match &self.problem {
            Problem::Alone(law) => solver.effective_scale(law, &self.samples, &optimizer)?,
            Problem::Transfer(transfer) => {
                solver.solve(transfer.as_ref(), &self.samples)?.effective_scale(&optimizer)?
            }
        };
        let [low, high] = [&effective.low, &effective.high].map(|end| &end.solution);
        let statistics = [low.statistics(0.0)?, high.statistics(0.0)?];
        let quantities = self.quantities();
        for (name, range) in quantities.iter().zip(&mut ranges) {
            let (quantity, label) = match name.split_once(':') {
                Some((quantity, label)) => (quantity, Some(label)),
                None => (name.as_str(), None),
            };
            let of_statistics = |part: fn(&EstimateStatistics) -> Option<f64>| {
                statistics.each_ref().map(|statistics| match label {
                    None => part(&statistics.total),
                    Some(label) => part(&statistics.group(label)?.estimates),
                })
            };
            let ends = match quantity {
                "generalization_error" => [low, high].map(|end| match label {
                    None => Some(end.generalization_error()),
                    Some(label) => end.error_of(label),
                }),
                "pretraining_error_after_fine_tuning" => {
                    of_statistics(|estimates| estimates.pretraining_error_after_fine_tuning)
                }
                "forgetting" => of_statistics(|estimates| estimates.forgetting),
                _ => continue,
            };
            *range = match ends {
                [Some(a), Some(b)] => Some([a.min(b), a.max(b)]),
                _ => None,
            };
        }
        Ok(ranges)
    }

    /// Names of the [values](Outcome::values) of an outcome.
    ///
    /// They are `generalization_error` and, for two stages, `pretraining_error`,
    /// `pretraining_error_after_fine_tuning`, `forgetting` and, if
    /// [asked for](Self::with_training_from_scratch), `generalization_error_from_scratch`, each in
    /// total and, as in `generalization_error:shared`, by group. Where inputs have
    /// [variances](crate::CoordinateGroup::input_variance) of their own, `parameter_error` and
    /// `pretraining_parameter_error` follow the errors on fresh inputs.
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::simulation::Experiment;
    /// # use diagonet::{CoordinateGroup, Law, Prior, Samples};
    /// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::ZERO, 1.0)?])?;
    /// let experiment = Experiment::of_law(law, Samples::new(0.5)?, 20)?;
    /// let names = ["generalization_error", "generalization_error:all"];
    /// assert_eq!(experiment.quantities(), names);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn quantities(&self) -> Vec<String> {
        let mut totals = vec!["generalization_error"];
        let is_structured = self.is_structured();
        if is_structured {
            totals.push("parameter_error");
        }
        if let Problem::Transfer(_) = self.problem {
            totals.push("pretraining_error");
            if is_structured {
                totals.push("pretraining_parameter_error");
            }
            totals.extend(["pretraining_error_after_fine_tuning", "forgetting"]);
            if self.from_scratch {
                totals.push("generalization_error_from_scratch");
            }
        }
        let labels = distinct_labels(&self.kinds()).0;
        let mut quantities = Vec::with_capacity(totals.len() * (1 + labels.len()));
        for total in totals {
            quantities.push(total.to_owned());
            quantities.extend(labels.iter().map(|label| format!("{total}:{label}")));
        }
        quantities
    }
}

/// The data that a branch has to explain beside a frozen network of the given coefficients.
fn beside(data: &Dataset, frozen: &DVector<f64>) -> Result<Dataset> {
    Dataset::new(data.inputs().clone(), data.residual(frozen)?)
}

/// Coefficients after the stages of a draw.
struct Stages {
    pretrained: Option<DVector<f64>>,
    coefficients: DVector<f64>,
    from_scratch: Option<DVector<f64>>,
}

/// Descent and flow of a network minimize the penalty itself, whose weights only differ by a factor of
/// all.
fn check_penalty_weights(law: &Law) -> Result<()> {
    let mut movable = law.movable().map(|(_, group)| group);
    let Some(first) = movable.next() else { return Ok(()) };
    for group in movable {
        let weight = group.penalty_weight();
        Domain::described("the same for all groups, where networks are trained by descent or flow")
            .check_if(weight == first.penalty_weight(), "penalty_weight", weight)
            .map_err(|error| error.in_group(group.label()))?;
    }
    Ok(())
}

/// Mean squared difference of two vectors of coefficients, with a factor for every kind of coordinate.
fn errors(
    draw: &Draw,
    estimate: &DVector<f64>,
    truth: &DVector<f64>,
    factor: impl Fn(usize) -> f64,
) -> Errors {
    let mut sums = vec![(CompensatedSum::new(0.0), 0_usize); draw.labels.len()];
    for (((a, b), &group), &kind) in estimate.iter().zip(truth).zip(&draw.groups).zip(&draw.kinds) {
        sums[group].0.add((a - b) * (a - b) * factor(kind));
        sums[group].1 += 1;
    }
    let parts = draw.labels.iter().zip(sums).filter(|(_, (_, count))| *count > 0);
    Errors::of_parts(parts.map(|(label, (sum, count))| {
        let count = count as f64;
        (label, count / draw.groups.len() as f64, sum.value() / count)
    }))
}

/// An error and its parts by label, as [`Experiment::quantities`] lists them.
fn listed<'a>(
    errors: &'a Errors,
    labels: &'a [GroupLabel],
) -> impl Iterator<Item = Option<f64>> + 'a {
    std::iter::once(Some(errors.total)).chain(labels.iter().map(|label| errors.of(label)))
}

/// Result of training on one draw.
///
/// # Examples
///
/// ```
/// use diagonet::simulation::Experiment;
/// use diagonet::{Densities, Initialization, Samples, ScaleMap, Scales, Supports, Task, Transfer};
///
/// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.2, overlap: 1.0 })?;
/// let task = Task::new(supports)?;
/// let map = ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: 0.0 })?, 0.0)?;
/// let experiment = Experiment::new(Transfer::new(&task, map), Samples::new(0.3)?, 50)?;
/// let outcome = experiment.run(1, 0)?;
/// assert!(outcome.training_error < 1e-20);
/// // Pretraining was on unlimited data.
/// assert_eq!(outcome.pretraining.as_ref().unwrap().error.total, 0.0);
/// assert_eq!(outcome.values().len(), experiment.quantities().len());
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Outcome {
    /// Coefficients at the end of training.
    pub coefficients: DVector<f64>,
    /// Excess error on fresh inputs.
    pub errors: Errors,
    /// Error of the coefficients themselves; the same where input variances are 1.
    pub parameter_errors: Errors,
    /// Training error `||y - X beta||² / N`.
    pub training_error: f64,
    /// Result of pretraining; `None` without it.
    pub pretraining: Option<PretrainingOutcome>,
    /// Error of training from scratch on the same data, where that was
    /// [asked for](Experiment::with_training_from_scratch).
    pub from_scratch: Option<Errors>,
    /// Labels of the draw, in the order of the law.
    labels: Vec<GroupLabel>,
    /// Whether input variances are not all 1.
    is_structured: bool,
}

/// Result of pretraining, see [`Outcome::pretraining`].
///
/// # Examples
///
/// ```
/// use diagonet::simulation::Experiment;
/// use diagonet::{Densities, Initialization, Samples, ScaleMap, Scales, Supports, Task, Transfer};
///
/// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.2, overlap: 1.0 })?;
/// let task = Task::new(supports)?;
/// let map = ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: 0.0 })?, 0.0)?;
/// let outcome = Experiment::new(Transfer::new(&task, map), Samples::new(0.3)?, 50)?.run(1, 0)?;
/// let pretraining = outcome.pretraining.unwrap();
/// // Where pretraining found the truth, its task is what is forgotten.
/// assert_eq!(pretraining.forgetting, pretraining.error_after_fine_tuning);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PretrainingOutcome {
    /// Pretrained coefficients.
    pub coefficients: DVector<f64>,
    /// Excess error of the pretrained coefficients on fresh inputs of the pretraining task.
    pub error: Errors,
    /// Difference of the pretrained coefficients to those of the pretraining task; the same where input
    /// variances are 1.
    pub parameter_error: Errors,
    /// Difference of the fine-tuned coefficients to those of the pretraining task.
    pub error_after_fine_tuning: Errors,
    /// Difference of the fine-tuned coefficients to the pretrained ones.
    pub forgetting: Errors,
}

impl Outcome {
    /// Generalization error over all coordinates, the total of [`errors`](Self::errors).
    #[must_use]
    pub fn generalization_error(&self) -> f64 {
        self.errors.total
    }

    /// The numbers that [`Experiment::quantities`] names; `None` for groups without coordinates.
    #[must_use]
    pub fn values(&self) -> Vec<Option<f64>> {
        let mut errors = vec![&self.errors];
        if self.is_structured {
            errors.push(&self.parameter_errors);
        }
        if let Some(pretraining) = &self.pretraining {
            errors.push(&pretraining.error);
            if self.is_structured {
                errors.push(&pretraining.parameter_error);
            }
            errors.extend([&pretraining.error_after_fine_tuning, &pretraining.forgetting]);
        }
        errors.extend(&self.from_scratch);
        errors.into_iter().flat_map(|errors| listed(errors, &self.labels)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::scale_map::ScaleMap;
    use crate::problem::law::CoordinateGroup;
    use crate::problem::prior::Prior;
    use crate::problem::supports::{Densities, Supports};
    use crate::problem::task::Task;

    #[test]
    fn draws_of_other_experiments_are_refused() {
        let samples = Samples::new(0.5).unwrap();
        let alone = |names: &[&str], dimension| {
            let weight = 1.0 / names.len() as f64;
            let group = |name: &&str| {
                CoordinateGroup::new(
                    (*name).to_owned(),
                    weight,
                    Prior::gaussian(0.0, 1.0).unwrap(),
                    0.1,
                )
            };
            let law = Law::new(names.iter().map(|name| group(name).unwrap()).collect()).unwrap();
            Experiment::of_law(law, samples, dimension).unwrap()
        };
        let experiment = alone(&["a", "b"], 10);
        let mismatch = |parameter, expected, found| {
            Err(Error::DimensionMismatch { parameter, expected, found })
        };
        let train = |other: &Experiment| experiment.train(&other.draw(0, 0).unwrap()).map(|_| ());
        assert_eq!(train(&experiment), Ok(()));
        assert_eq!(train(&alone(&["a", "b"], 20)), mismatch("pretraining_coefficients", 10, 20));
        assert_eq!(train(&alone(&["a", "b", "c"], 10)), mismatch("labels", 2, 3));
        let unequal = |parameter| Err(Error::UnequalRuns { parameter });
        assert_eq!(train(&alone(&["a", "c"], 10)), unequal("groups"));
        let mut draw = experiment.draw(0, 0).unwrap();
        draw.groups[3] = 7;
        assert_eq!(experiment.train(&draw).map(|_| ()), unequal("groups"));

        let task = Task::new(
            Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.2, overlap: 1.0 }).unwrap(),
        )
        .unwrap();
        let initialization = Initialization::new(Scales { absolute: 0.1, relative: 0.0 }).unwrap();
        let transfer = Transfer::new(&task, ScaleMap::new(initialization, 0.0).unwrap());
        let unlimited = Experiment::new(transfer.clone(), samples, 10).unwrap();
        let limited =
            Experiment::new(transfer.with_pretraining_samples(samples), samples, 10).unwrap();
        for (one, other) in [(&unlimited, &limited), (&limited, &unlimited)] {
            let result = one.train(&other.draw(0, 0).unwrap()).map(|_| ());
            assert_eq!(result, unequal("pretraining_data"));
        }
    }
}
