//! A sequence of stages at finite size.

use nalgebra::DVector;

use crate::domain::Domain;
use crate::error::{Result, Stage};
use crate::problem::errors::Errors;
use crate::simulation::dataset::Dataset;
use crate::simulation::draw::{SupportSampling, assign, data, whole};
use crate::simulation::experiment::Trainer;
use crate::simulation::network::Network;
use crate::simulation::random::{Purpose, Stream};
use crate::stages::sequence::{Sequence, SequenceSolution, SequenceStage};

/// A finite-size version of a [`Sequence`] that can be drawn and trained repeatedly.
///
/// Every stage draws data of its own. Its [`Protocol`](crate::Protocol) acts on the four weights of every
/// coordinate, as the stage before left them, and the [`Trainer`] trains them from there. Stages on unlimited
/// data end at their target.
///
/// # Examples
///
/// ```
/// use diagonet::simulation::{MonteCarlo, SequenceExperiment};
/// use diagonet::{FeatureKind, Initialization, Prior, Samples, Scales, Sequence, SequenceStage};
///
/// let prior = Prior::gaussian(0.0, 5.0)?;
/// let kinds = vec![
///     FeatureKind::in_proportion("forget", 0.2, prior, &[1.0, 0.0])?,
///     FeatureKind::known("unused", 0.8, &[0.0, 0.0])?,
/// ];
/// let initialization = Initialization::new(Scales { absolute: 0.1, relative: 0.0 })?;
/// let data = Samples::new(0.4)?.with_noise_variance(0.01)?;
/// let sequence = Sequence::new(kinds, initialization)?
///     .with_stage(SequenceStage::on_task(0))?
///     .with_stage(SequenceStage::on_task(1).with_samples(data))?;
/// let experiment = SequenceExperiment::new(sequence, 200)?;
/// let theory = experiment.prediction()?.errors_on(1, 1).unwrap().total;
/// let ensemble = MonteCarlo::new(20)?.run_with(
///     experiment.quantities(),
///     |_| {},
///     |seed, index| Ok(experiment.values(&experiment.run(seed, index)?)),
/// )?;
/// // The error on task 1 after stage 1.
/// let error = ensemble.statistic("error_1_after_1").unwrap();
/// assert!(error.z_score(theory).unwrap().abs() < 4.0);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SequenceExperiment {
    sequence: Sequence,
    dimension: usize,
    trainer: Trainer,
}

/// Result of training on one draw of a [`SequenceExperiment`].
///
/// # Examples
///
/// See [`SequenceExperiment`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SequenceOutcome {
    /// Coefficients after every stage.
    pub coefficients: Vec<DVector<f64>>,
    /// Errors after every stage, on every task.
    pub errors: Vec<Vec<Errors>>,
}

impl SequenceExperiment {
    /// The sequence with `dimension` coordinates, in kinds of the expected sizes.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`](crate::Error::OutOfDomain) for a dimension outside [1, 1e9], and for samples of
    /// a stage that are fewer than a half one, or have more than 1e9 inputs in all.
    pub fn new(sequence: Sequence, dimension: usize) -> Result<Self> {
        Domain::COUNT.check("dimension", dimension as f64)?;
        let empty = Sequence::new(sequence.kinds().to_vec(), sequence.initialization())?
            .with_tolerance(sequence.tolerance())?;
        let whole_stage = |stage: &SequenceStage| {
            Ok(match stage.samples() {
                Some(samples) => stage.clone().with_samples(whole(&samples, dimension)?),
                None => stage.clone(),
            })
        };
        let stages = sequence.stages().iter().map(whole_stage).collect::<Result<Vec<_>>>()?;
        let sequence = stages.into_iter().try_fold(empty, Sequence::with_stage)?;
        Ok(Self { sequence, dimension, trainer: Trainer::default() })
    }

    /// The same experiment with this training of all stages, exact unless set.
    #[must_use]
    pub fn with_trainer(self, trainer: Trainer) -> Self {
        Self { trainer, ..self }
    }

    /// The sequence on the whole numbers of samples that are drawn.
    #[must_use]
    pub fn sequence(&self) -> &Sequence {
        &self.sequence
    }

    /// The solution of the theory, at the samples that are drawn.
    ///
    /// # Errors
    ///
    /// As [`Sequence::solve`].
    pub fn prediction(&self) -> Result<SequenceSolution> {
        self.sequence.solve()
    }

    /// Draws coefficients and data and trains a network in all stages: a function of `seed` and `index`
    /// alone.
    ///
    /// # Errors
    ///
    /// Those of the trainer and of [`Network::under`], within [`Error::InStage`](crate::Error::InStage).
    ///
    /// # Examples
    ///
    /// See [`SequenceExperiment`].
    pub fn run(&self, seed: u64, index: u64) -> Result<SequenceOutcome> {
        let kinds = self.sequence.kinds();
        let tasks = kinds[0].tasks();
        let mut stream = Stream::new(seed, index, Purpose::Coefficients);
        let weights: Vec<f64> = kinds.iter().map(|kind| kind.probability()).collect();
        let of_coordinates =
            assign(&weights, self.dimension, SupportSampling::ExactSizes, &mut stream);
        let mut truths = vec![DVector::zeros(self.dimension); tasks];
        for (coordinate, &kind) in of_coordinates.iter().enumerate() {
            let kind = &kinds[kind];
            let factors = DVector::from_fn(kind.loadings().ncols(), |_, _| stream.normal());
            let coefficients = kind.means() + kind.loadings() * factors;
            for (truth, coefficient) in truths.iter_mut().zip(&coefficients) {
                truth[coordinate] = *coefficient;
            }
        }
        let mut network = Network::uniform(&self.sequence.initialization(), self.dimension);
        let mut outcome = SequenceOutcome { coefficients: Vec::new(), errors: Vec::new() };
        for (number, stage) in self.sequence.stages().iter().enumerate() {
            let targets = truths.iter().zip(stage.targets());
            let target = targets
                .fold(DVector::zeros(self.dimension), |sum, (truth, share)| sum + truth * *share);
            let stream = Stream::of_stage(seed, index, number);
            let trained = self.train(stage, &network, &target, index, stream);
            let (coefficients, trained) =
                trained.map_err(|error| error.in_stage(Stage::Number(number + 1)))?;
            network = trained;
            let on_task = |truth: &DVector<f64>| {
                let squares = coefficients.iter().zip(truth).map(|(b, truth)| (b - truth).powi(2));
                let parts = squares.zip(&of_coordinates).map(|(square, &kind)| {
                    (kinds[kind].label(), 1.0 / self.dimension as f64, square)
                });
                Errors::of_parts(parts)
            };
            outcome.errors.push(truths.iter().map(on_task).collect());
            outcome.coefficients.push(coefficients);
        }
        Ok(outcome)
    }

    /// Coefficients and network after one stage.
    fn train(
        &self,
        stage: &SequenceStage,
        before: &Network,
        target: &DVector<f64>,
        index: u64,
        stream: Stream,
    ) -> Result<(DVector<f64>, Network)> {
        let protocol = stage.protocol();
        let start = before.under(&protocol, stage.readout_scale())?;
        // What a frozen network contributes.
        let centre = if protocol.adds_branch() {
            before.coefficients()
        } else {
            DVector::zeros(self.dimension)
        };
        let trained = match stage.samples() {
            None => start.trained_to(&(target - &centre))?,
            Some(samples) => {
                let data = data(target, &vec![1.0; self.dimension], &samples, stream)?;
                let data = if protocol.adds_branch() {
                    Dataset::new(data.inputs().clone(), data.residual(&centre)?)?
                } else {
                    data
                };
                self.trainer.train(start, &data, index)?
            }
        };
        Ok((centre + trained.coefficients(), trained.after(&protocol)?))
    }

    /// Names of the [values](Self::values) of an outcome: `error_J_after_T` for task J and stage T, both
    /// counted from 0, in total and, as in `error_0_after_1:forget`, by kind.
    #[must_use]
    pub fn quantities(&self) -> Vec<String> {
        let labels = self.labels();
        let mut names = Vec::new();
        for stage in 0..self.sequence.stages().len() {
            for task in 0..self.sequence.kinds()[0].tasks() {
                let total = format!("error_{task}_after_{stage}");
                let of_kinds = labels.iter().map(|label| format!("{total}:{label}"));
                names.extend(std::iter::once(total.clone()).chain(of_kinds));
            }
        }
        names
    }

    /// The numbers that [`quantities`](Self::quantities) names; `None` for kinds without coordinates.
    #[must_use]
    pub fn values(&self, outcome: &SequenceOutcome) -> Vec<Option<f64>> {
        self.listed(outcome.errors.iter().flatten())
    }

    /// The values of the theory for the [`quantities`](Self::quantities).
    ///
    /// # Errors
    ///
    /// As [`SequenceExperiment::prediction`].
    pub fn predictions(&self) -> Result<Vec<Option<f64>>> {
        let solution = self.prediction()?;
        Ok(self.listed(solution.stages.iter().flat_map(|stage| &stage.errors)))
    }

    fn listed<'a>(&self, errors: impl Iterator<Item = &'a Errors>) -> Vec<Option<f64>> {
        let labels = self.labels();
        let of = |errors: &'a Errors| {
            let of_kinds = labels.iter().map(|label| errors.of(label)).collect::<Vec<_>>();
            std::iter::once(Some(errors.total)).chain(of_kinds)
        };
        errors.flat_map(of).collect()
    }

    /// Labels of the kinds, each once.
    fn labels(&self) -> Vec<String> {
        let mut labels: Vec<String> = Vec::new();
        for kind in self.sequence.kinds() {
            let label = kind.label().as_str();
            if labels.iter().all(|known| known != label) {
                labels.push(label.to_owned());
            }
        }
        labels
    }
}
