//! Problems of the crate from columns.

use diagonet::{
    Densities, Error, Estimator, FeatureClass, GapScales, Initialization, Law, Mixture, Optimizer,
    Prior, Problem, Protocol, Result, Samples, ScaleMap, Scales, Solution, Solver, Supports, Task,
    Transfer, TransferSolution,
};
use pyo3::prelude::*;

use crate::batch::Points;
use crate::columns::{Call, Column, Names};

/// The distribution of coefficients around zero, given their mean square.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Constant,
    Gaussian,
    Laplace,
}

impl Shape {
    fn parse(parameter: &'static str, name: &str) -> Result<Self> {
        match name {
            "constant" => Ok(Self::Constant),
            "gaussian" => Ok(Self::Gaussian),
            "laplace" => Ok(Self::Laplace),
            _ => Err(Error::UnknownName {
                parameter,
                value: name.to_owned(),
                choices: "constant, gaussian, laplace",
            }),
        }
    }

    fn mixture(self, variance: f64) -> Result<Mixture> {
        Ok(match self {
            Self::Constant => Prior::atom(variance.sqrt())?.into(),
            Self::Gaussian => Prior::gaussian(0.0, variance)?.into(),
            Self::Laplace => Mixture::laplace(variance)?,
        })
    }
}

/// A class in the name of a parameter.
fn snake_case(class: FeatureClass) -> &'static str {
    match class {
        FeatureClass::Shared => "shared",
        FeatureClass::New => "new",
        FeatureClass::PretrainingOnly => "pretraining_only",
        // No others are documented.
        _ => "unused",
    }
}

/// Tasks.
#[derive(Debug)]
pub(crate) struct Tasks {
    pretraining_density: Column,
    fine_tuning_density: Column,
    overlap: Column,
    pretraining_magnitude: Column,
    pretraining_prior: Names<Shape>,
    fine_tuning_variance: Option<Column>,
    fine_tuning_prior: Names<Shape>,
    correlation: Column,
    /// Of the classes in their order, where they are not 1.
    input_variances: Vec<(FeatureClass, Column)>,
}

impl Tasks {
    pub(crate) fn new(call: &Call<'_>) -> PyResult<Self> {
        let prior = |parameter| call.names(parameter, |name| Shape::parse(parameter, name));
        let mut input_variances = Vec::new();
        for class in FeatureClass::ALL {
            let name = format!("input_variance_{}", snake_case(class));
            input_variances.extend(call.optional(&name)?.map(|column| (class, column)));
        }
        Ok(Self {
            pretraining_density: call.number("pretraining_density")?,
            fine_tuning_density: call.number("fine_tuning_density")?,
            overlap: call.number("overlap")?,
            pretraining_magnitude: call.number("pretraining_magnitude")?,
            pretraining_prior: prior("pretraining_prior")?,
            fine_tuning_variance: call.optional("fine_tuning_variance")?,
            fine_tuning_prior: prior("fine_tuning_prior")?,
            correlation: call.number("correlation")?,
            input_variances,
        })
    }

    pub(crate) fn supports(&self, point: usize) -> Result<Supports> {
        Supports::new(Densities {
            pretraining: self.pretraining_density.at(point),
            fine_tuning: self.fine_tuning_density.at(point),
            overlap: self.overlap.at(point),
        })
    }

    pub(crate) fn at(&self, point: usize) -> Result<Task> {
        let mut task = Task::new(self.supports(point)?)?;
        let magnitude = self.pretraining_magnitude.at(point);
        // Checked as a magnitude, whatever the prior.
        task = task.with_pretraining_magnitude(magnitude)?;
        let shape = *self.pretraining_prior.at(point)?;
        if !matches!(shape, Shape::Constant) {
            task = task.with_pretraining_prior(shape.mixture(magnitude * magnitude)?)?;
        }
        if let Some(variance) = &self.fine_tuning_variance {
            task = task.with_fine_tuning_variance(variance.at(point))?;
        }
        let shape = *self.fine_tuning_prior.at(point)?;
        if !matches!(shape, Shape::Gaussian) {
            let prior = shape.mixture(task.new_prior().mean_square())?;
            task = task.with_fine_tuning_prior(prior)?;
        }
        let correlation = self.correlation.at(point);
        if correlation != 0.0 {
            task = task.with_correlation(correlation)?;
        }
        for (class, column) in &self.input_variances {
            task = task.with_input_variance(*class, column.at(point))?;
        }
        Ok(task)
    }
}

/// Initializations of pretraining, with the readout scale of fine-tuning.
#[derive(Debug)]
pub(crate) struct ScaleMaps {
    absolute_scale: Column,
    relative_scale: Option<Column>,
    lambda_gap: Option<Column>,
    readout_scale: Column,
}

impl ScaleMaps {
    pub(crate) fn new(call: &Call<'_>) -> PyResult<Self> {
        Ok(Self {
            absolute_scale: call.number("absolute_scale")?,
            relative_scale: call.optional("relative_scale")?,
            lambda_gap: call.optional("lambda_gap")?,
            readout_scale: call.number("readout_scale")?,
        })
    }

    #[inline]
    pub(crate) fn at(&self, point: usize) -> Result<ScaleMap> {
        let absolute = self.absolute_scale.at(point);
        let pretraining = match (&self.lambda_gap, &self.relative_scale) {
            (Some(gap), _) => {
                let lambda_gap = gap.at(point);
                Initialization::from_lambda_gap(GapScales { absolute, lambda_gap })?
            }
            (None, relative) => {
                let relative = relative.as_ref().map_or(0.0, |column| column.at(point));
                Initialization::new(Scales { absolute, relative })?
            }
        };
        ScaleMap::new(pretraining, self.readout_scale.at(point))
    }
}

/// Samples of fine-tuning.
#[derive(Debug)]
pub(crate) struct AllSamples {
    sample_ratio: Option<Column>,
    noise_variance: Column,
}

impl AllSamples {
    pub(crate) fn new(call: &Call<'_>) -> PyResult<Self> {
        Ok(Self {
            sample_ratio: call.optional("sample_ratio")?,
            noise_variance: call.number("noise_variance")?,
        })
    }

    pub(crate) fn at(&self, point: usize) -> Result<Samples> {
        // Without a column, one that plays no part.
        let ratio = self.sample_ratio.as_ref().map_or(1.0, |column| column.at(point));
        Samples::new(ratio)?.with_noise_variance(self.noise_variance.at(point))
    }

    pub(crate) fn noise_variance(&self, point: usize) -> f64 {
        self.noise_variance.at(point)
    }
}

/// Samples of pretraining; an infinite sample ratio stands for unlimited data.
#[derive(Debug)]
pub(crate) struct PretrainingSamples {
    sample_ratio: Column,
    noise_variance: Column,
}

impl PretrainingSamples {
    pub(crate) fn new(call: &Call<'_>) -> PyResult<Self> {
        Ok(Self {
            sample_ratio: call.number("pretraining_sample_ratio")?,
            noise_variance: call.number("pretraining_noise_variance")?,
        })
    }

    /// Whether data are unlimited, in legal words.
    pub(crate) fn is_unlimited(&self, point: usize) -> bool {
        self.at(point) == Ok(None)
    }

    pub(crate) fn at(&self, point: usize) -> Result<Option<Samples>> {
        let ratio = self.sample_ratio.at(point);
        let unlimited = ratio == f64::INFINITY;
        // Of unlimited data the noise does not matter, but has to be one.
        let samples = Samples::new(if unlimited { 1.0 } else { ratio })?
            .with_noise_variance(self.noise_variance.at(point))?;
        Ok((!unlimited).then_some(samples))
    }
}

/// Pretraining and fine-tuning after it, or training from scratch on the data of fine-tuning.
#[derive(Debug)]
pub(crate) struct Trainings {
    pub(crate) tasks: Tasks,
    pub(crate) scale_maps: ScaleMaps,
    pub(crate) pretraining: PretrainingSamples,
    protocol: Names<Protocol>,
    pretrained: Column,
}

impl Trainings {
    pub(crate) fn new(call: &Call<'_>) -> PyResult<Self> {
        Ok(Self {
            tasks: Tasks::new(call)?,
            scale_maps: ScaleMaps::new(call)?,
            pretraining: PretrainingSamples::new(call)?,
            protocol: call.names("protocol", str::parse)?,
            pretrained: call.number("pretrained")?,
        })
    }

    pub(crate) fn is_pretrained(&self, point: usize) -> bool {
        self.pretrained.at(point) != 0.0
    }

    pub(crate) fn transfer(&self, point: usize) -> Result<Transfer> {
        let transfer = Transfer::new(&self.tasks.at(point)?, self.scale_maps.at(point)?)
            .with_protocol(*self.protocol.at(point)?);
        Ok(match self.pretraining.at(point)? {
            Some(samples) => transfer.with_pretraining_samples(samples),
            None => transfer,
        })
    }

    /// The law of the whole problem, where it is one of training from scratch or of the source paper's
    /// protocol after unlimited pretraining: such a law takes less time than a transfer.
    pub(crate) fn simple(&self, point: usize) -> Option<Result<Law>> {
        let is_simple = !self.is_pretrained(point)
            || (self.pretraining.is_unlimited(point)
                && self.protocol.at(point) == Ok(&Protocol::REBALANCED)
                && self.tasks.pretraining_prior.at(point) == Ok(&Shape::Constant));
        is_simple.then(|| self.law(point))
    }

    pub(crate) fn scratch_law(&self, point: usize) -> Result<Law> {
        let task = self.tasks.at(point)?;
        Law::from_scratch(&task, &self.scale_maps.at(point)?.pretraining())
    }

    /// The law of fine-tuning after unlimited pretraining, by the source paper's protocol.
    pub(crate) fn law(&self, point: usize) -> Result<Law> {
        if self.is_pretrained(point) {
            Law::fine_tuning(&self.tasks.at(point)?, &self.scale_maps.at(point)?)
        } else {
            self.scratch_law(point)
        }
    }
}

/// Solvers.
#[derive(Debug)]
pub(crate) struct Solvers {
    estimator: Names<Estimator>,
    explicit_penalty: Column,
}

impl Solvers {
    pub(crate) fn new(call: &Call<'_>) -> PyResult<Self> {
        Ok(Self {
            estimator: call.names("estimator", str::parse)?,
            explicit_penalty: call.number("explicit_penalty")?,
        })
    }

    pub(crate) fn at(&self, point: usize) -> Result<Solver> {
        let solver = Solver::new().with_estimator(*self.estimator.at(point)?);
        solver.with_explicit_penalty(self.explicit_penalty.at(point))
    }
}

/// Settings of stochastic gradient descent.
#[derive(Debug)]
pub(crate) struct Optimizers {
    learning_rate: Column,
    batch: Column,
    label_noise_variance: Column,
    steps_per_coordinate: Column,
    weight_decay_integral: Column,
}

impl Optimizers {
    pub(crate) fn new(call: &Call<'_>) -> PyResult<Self> {
        Ok(Self {
            learning_rate: call.number("learning_rate")?,
            batch: call.number("batch")?,
            label_noise_variance: call.number("label_noise_variance")?,
            steps_per_coordinate: call.number("steps_per_coordinate")?,
            weight_decay_integral: call.number("weight_decay_integral")?,
        })
    }

    pub(crate) fn at(&self, point: usize) -> Result<Optimizer> {
        // Whole numbers by the Python side.
        Optimizer::new()
            .with_learning_rate(self.learning_rate.at(point))?
            .with_batch(self.batch.at(point) as usize)?
            .with_label_noise(diagonet::LabelNoise {
                variance: self.label_noise_variance.at(point),
                steps_per_coordinate: self.steps_per_coordinate.at(point),
            })?
            .with_weight_decay_integral(self.weight_decay_integral.at(point))
    }
}

/// The part of a solution that all kinds of problems have.
pub(crate) trait Tuned {
    fn tuned(&self) -> &Solution;
}

impl Tuned for Solution {
    fn tuned(&self) -> &Solution {
        self
    }
}

impl Tuned for TransferSolution {
    fn tuned(&self) -> &Solution {
        &self.fine_tuning
    }
}

/// Adds the answers of neighbouring problems, which start from each other where they share a solver.
pub(crate) fn solve_run<P: Problem, const N: usize>(
    range: std::ops::Range<usize>,
    points: &mut Points<N>,
    solver: impl Fn(usize) -> Result<Solver>,
    problem: impl Fn(usize) -> Result<(P, Samples)> + Sync,
    answer: impl Fn(P::Solution) -> Result<[f64; N]> + Sync,
) {
    let mut begin = range.start;
    while begin < range.end {
        let own = match solver(begin) {
            Ok(own) => own,
            Err(error) => {
                points.push(Err(error));
                begin += 1;
                continue;
            }
        };
        let same = (begin..range.end).take_while(|&point| solver(point).as_ref() == Ok(&own));
        let length = same.count();
        let answers = own.solve_grid(
            1,
            length,
            |_, column| problem(begin + column),
            |solution| solution.and_then(&answer),
        );
        answers.into_iter().for_each(|answer| points.push(answer));
        begin += length;
    }
}
