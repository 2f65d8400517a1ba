//! Values as they are written and read: the numbers that they were made of, checked by their
//! constructors.

#[cfg(feature = "quadrature")]
use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

use crate::asymptotics::estimator::Estimator;
use crate::asymptotics::{optimizer, solver};
use crate::error::{Error, Result};
use crate::label::GroupLabel;
use crate::network::initialization::{self, GapScales, LayerScales, Scales};
use crate::network::protocol::Protocol;
use crate::network::scale_map;
use crate::problem::component::Component;
use crate::problem::feature_class::FeatureClass;
#[cfg(feature = "quadrature")]
use crate::problem::feature_kind;
use crate::problem::supports::{self, ConditionalDensities, Densities};
use crate::problem::{law, mixture, pretrained, prior, samples, task};
#[cfg(feature = "quadrature")]
use crate::stages::sequence;
use crate::stages::transfer;

/// The pair of scales that an initialization was given by.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Initialization {
    Scales(Scales),
    Gap(GapScales),
    Layers(LayerScales),
}

impl From<initialization::Initialization> for Initialization {
    fn from(value: initialization::Initialization) -> Self {
        let absolute = value.absolute_scale();
        match value.given() {
            initialization::Given::AbsoluteAndRelativeScale => {
                Self::Scales(Scales { absolute, relative: value.relative_scale() })
            }
            initialization::Given::AbsoluteScaleAndShare => {
                Self::Gap(GapScales { absolute, lambda_gap: value.lambda_gap() })
            }
            initialization::Given::Layers => Self::Layers(LayerScales {
                first_layer: value.first_layer(),
                readout: value.readout(),
            }),
        }
    }
}

impl TryFrom<Initialization> for initialization::Initialization {
    type Error = Error;

    fn try_from(value: Initialization) -> Result<Self> {
        match value {
            Initialization::Scales(scales) => Self::new(scales),
            Initialization::Gap(scales) => Self::from_lambda_gap(scales),
            Initialization::Layers(scales) => Self::from_layers(scales),
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScaleMap {
    pretraining: initialization::Initialization,
    readout_scale: f64,
}

impl From<scale_map::ScaleMap> for ScaleMap {
    fn from(value: scale_map::ScaleMap) -> Self {
        Self { pretraining: value.pretraining(), readout_scale: value.readout_scale() }
    }
}

impl TryFrom<ScaleMap> for scale_map::ScaleMap {
    type Error = Error;

    fn try_from(value: ScaleMap) -> Result<Self> {
        Self::new(value.pretraining, value.readout_scale)
    }
}

/// The numbers that supports were given by.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Supports {
    Densities(Densities),
    Conditional(ConditionalDensities),
    Probabilities(Probabilities),
}

/// Probabilities of the four classes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Probabilities {
    shared: f64,
    new: f64,
    pretraining_only: f64,
    none: f64,
}

impl From<supports::Supports> for Supports {
    fn from(value: supports::Supports) -> Self {
        let pretraining = value.pretraining_density();
        match value.given() {
            supports::Given::Overlap { fine_tuning_density, overlap } => {
                Self::Densities(Densities {
                    pretraining,
                    fine_tuning: fine_tuning_density,
                    overlap,
                })
            }
            supports::Given::Conditional { shared_density, new_density } => {
                let (shared, new) = (shared_density, new_density);
                Self::Conditional(ConditionalDensities { pretraining, shared, new })
            }
            supports::Given::Probabilities => Self::Probabilities(Probabilities {
                shared: value.shared(),
                new: value.new_features(),
                pretraining_only: value.pretraining_only(),
                none: value.none(),
            }),
        }
    }
}

impl TryFrom<Supports> for supports::Supports {
    type Error = Error;

    fn try_from(value: Supports) -> Result<Self> {
        let Probabilities { shared, new, pretraining_only, none } = match value {
            Supports::Densities(densities) => return Self::new(densities),
            Supports::Conditional(densities) => return Self::from_conditional(densities),
            Supports::Probabilities(probabilities) => probabilities,
        };
        let probabilities = [shared, new, pretraining_only, none];
        // The sum, and each of them, as those of a mixture.
        mixture::Mixture::new(probabilities.map(|p| (p, prior::Prior::ZERO)))?;
        Ok(Self::from_probabilities(probabilities))
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prior {
    mean: f64,
    variance: f64,
}

impl From<prior::Prior> for Prior {
    fn from(value: prior::Prior) -> Self {
        Self { mean: value.mean(), variance: value.variance() }
    }
}

impl TryFrom<Prior> for prior::Prior {
    type Error = Error;

    fn try_from(value: Prior) -> Result<Self> {
        Self::gaussian(value.mean, value.variance)
    }
}

/// A component of a mixture.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    weight: f64,
    mean: f64,
    variance: f64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Mixture(Vec<Part>);

impl From<mixture::Mixture> for Mixture {
    fn from(value: mixture::Mixture) -> Self {
        let part = |(weight, prior): &(f64, prior::Prior)| Part {
            weight: *weight,
            mean: prior.mean(),
            variance: prior.variance(),
        };
        Self(value.components().iter().map(part).collect())
    }
}

impl TryFrom<Mixture> for mixture::Mixture {
    type Error = Error;

    fn try_from(value: Mixture) -> Result<Self> {
        let component =
            |part: Part| Ok((part.weight, prior::Prior::gaussian(part.mean, part.variance)?));
        Self::new(value.0.into_iter().map(component).collect::<Result<Vec<_>>>()?)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Optimizer {
    #[serde(default)]
    learning_rate: f64,
    #[serde(default = "one_sample")]
    batch: usize,
    #[serde(default)]
    label_noise: optimizer::LabelNoise,
    #[serde(default)]
    weight_decay_integral: f64,
}

fn one_sample() -> usize {
    1
}

impl From<optimizer::Optimizer> for Optimizer {
    fn from(value: optimizer::Optimizer) -> Self {
        Self {
            learning_rate: value.learning_rate(),
            batch: value.batch(),
            label_noise: value.label_noise(),
            weight_decay_integral: value.weight_decay_integral(),
        }
    }
}

impl TryFrom<Optimizer> for optimizer::Optimizer {
    type Error = Error;

    fn try_from(value: Optimizer) -> Result<Self> {
        Self::new()
            .with_learning_rate(value.learning_rate)?
            .with_batch(value.batch)?
            .with_label_noise(value.label_noise)?
            .with_weight_decay_integral(value.weight_decay_integral)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Samples {
    sample_ratio: f64,
    #[serde(default)]
    noise_variance: f64,
}

impl From<samples::Samples> for Samples {
    fn from(value: samples::Samples) -> Self {
        Self { sample_ratio: value.sample_ratio(), noise_variance: value.noise_variance() }
    }
}

impl TryFrom<Samples> for samples::Samples {
    type Error = Error;

    fn try_from(value: Samples) -> Result<Self> {
        Self::new(value.sample_ratio)?.with_noise_variance(value.noise_variance)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pretrained {
    coefficient: f64,
    prior: prior::Prior,
    #[serde(default)]
    covariance: f64,
}

impl From<pretrained::Pretrained> for Pretrained {
    fn from(value: pretrained::Pretrained) -> Self {
        Self {
            coefficient: value.coefficient(),
            prior: value.prior(),
            covariance: value.covariance(),
        }
    }
}

impl TryFrom<Pretrained> for pretrained::Pretrained {
    type Error = Error;

    fn try_from(value: Pretrained) -> Result<Self> {
        Self::new(value.coefficient, value.prior)?.with_covariance(value.covariance)
    }
}

/// A task by the distributions of its coefficients, or by known ones.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Task {
    Random(RandomTask),
    Known(KnownTask),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RandomTask {
    supports: supports::Supports,
    pretraining_prior: mixture::Mixture,
    shared_prior: mixture::Mixture,
    new_prior: mixture::Mixture,
    #[serde(default)]
    correlation: f64,
    /// Of shared, new, pretraining-only and unused features.
    #[serde(default = "unit_variances")]
    input_variances: [f64; 4],
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KnownTask {
    supports: supports::Supports,
    coefficients: Vec<KnownCoefficients>,
    #[serde(default = "unit_variances")]
    input_variances: [f64; 4],
}

fn unit_variances() -> [f64; 4] {
    [1.0; 4]
}

/// Coordinates of a class with equal, or close, coefficients.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KnownCoefficients {
    class: FeatureClass,
    /// Share of the class.
    share: f64,
    pretraining: f64,
    fine_tuning: prior::Prior,
}

impl From<task::Task> for Task {
    fn from(value: task::Task) -> Self {
        let supports = value.supports();
        let input_variances = FeatureClass::ALL.map(|class| value.input_variance(class));
        match value.coefficients() {
            task::Coefficients::Random { pretraining, shared, new, correlation } => {
                Self::Random(RandomTask {
                    supports,
                    pretraining_prior: pretraining.clone(),
                    shared_prior: shared.clone(),
                    new_prior: new.clone(),
                    correlation: *correlation,
                    input_variances,
                })
            }
            task::Coefficients::Known(components) => {
                let known = |component: &Component| KnownCoefficients {
                    class: component.class,
                    share: component.share,
                    pretraining: component.pretraining.mean(),
                    fine_tuning: component.fine_tuning,
                };
                Self::Known(KnownTask {
                    supports,
                    coefficients: components.iter().map(known).collect(),
                    input_variances,
                })
            }
        }
    }
}

impl TryFrom<Task> for task::Task {
    type Error = Error;

    fn try_from(value: Task) -> Result<Self> {
        let (task, input_variances) = match value {
            Task::Random(task) => (
                Self::new(task.supports)?
                    .with_pretraining_prior(task.pretraining_prior)?
                    .with_shared_prior(task.shared_prior)?
                    .with_new_prior(task.new_prior)?
                    .with_correlation(task.correlation)?,
                task.input_variances,
            ),
            Task::Known(task) => {
                for class in FeatureClass::ALL {
                    let of_class = task.coefficients.iter().filter(|known| known.class == class);
                    let shares: Vec<_> =
                        of_class.map(|known| (known.share, known.fine_tuning)).collect();
                    if !shares.is_empty() || task.supports.probability(class) > 0.0 {
                        mixture::Mixture::new(shares)?;
                    }
                }
                let component = |known: KnownCoefficients| {
                    Ok(Component {
                        class: known.class,
                        share: known.share,
                        pretraining: prior::Prior::atom(known.pretraining)?,
                        fine_tuning: known.fine_tuning,
                        correlation: 0.0,
                        size: 1.0,
                    })
                };
                let components = task.coefficients.into_iter().map(component);
                (
                    Self::of_components(task.supports, components.collect::<Result<_>>()?),
                    task.input_variances,
                )
            }
        };
        let variances = FeatureClass::ALL.into_iter().zip(input_variances);
        variances
            .into_iter()
            .try_fold(task, |task, (class, variance)| task.with_input_variance(class, variance))
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CoordinateGroup {
    label: GroupLabel,
    weight: f64,
    prior: prior::Prior,
    scale: f64,
    #[serde(default)]
    start: f64,
    #[serde(default)]
    centre: f64,
    #[serde(default = "one")]
    penalty_weight: f64,
    #[serde(default = "one")]
    input_variance: f64,
    #[serde(default)]
    pretrained: Option<pretrained::Pretrained>,
    #[serde(default)]
    is_mirrored: bool,
    #[serde(default)]
    is_active: bool,
}

fn one() -> f64 {
    1.0
}

impl From<law::CoordinateGroup> for CoordinateGroup {
    fn from(value: law::CoordinateGroup) -> Self {
        Self {
            label: value.label().clone(),
            weight: value.weight(),
            prior: value.prior(),
            scale: value.scale(),
            start: value.start(),
            centre: value.centre(),
            penalty_weight: value.penalty_weight(),
            input_variance: value.input_variance(),
            pretrained: value.pretrained(),
            is_mirrored: value.is_mirrored(),
            is_active: value.is_active(),
        }
    }
}

impl TryFrom<CoordinateGroup> for law::CoordinateGroup {
    type Error = Error;

    fn try_from(value: CoordinateGroup) -> Result<Self> {
        let group = Self::new(value.label, value.weight, value.prior, value.scale)?
            .with_start(value.start)?
            .with_centre(value.centre)?
            .with_penalty_weight(value.penalty_weight)?
            .with_input_variance(value.input_variance)?;
        let group = match value.pretrained {
            Some(pretrained) => group.with_pretrained(pretrained)?,
            None => group,
        };
        let group = if value.is_mirrored { group.with_mirror_image() } else { group };
        Ok(if value.is_active { group.among_active() } else { group })
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Law {
    groups: Vec<law::CoordinateGroup>,
}

impl From<law::Law> for Law {
    fn from(value: law::Law) -> Self {
        Self { groups: value.groups().to_vec() }
    }
}

impl TryFrom<Law> for law::Law {
    type Error = Error;

    fn try_from(value: Law) -> Result<Self> {
        Self::new(value.groups)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transfer {
    task: task::Task,
    scale_map: scale_map::ScaleMap,
    #[serde(default)]
    pretraining_samples: Option<samples::Samples>,
    #[serde(default)]
    protocol: Protocol,
}

impl From<transfer::Transfer> for Transfer {
    fn from(value: transfer::Transfer) -> Self {
        Self {
            task: value.task().clone(),
            scale_map: value.scale_map(),
            pretraining_samples: value.pretraining_samples(),
            protocol: value.protocol(),
        }
    }
}

impl From<Transfer> for transfer::Transfer {
    fn from(value: Transfer) -> Self {
        let transfer = Self::new(&value.task, value.scale_map).with_protocol(value.protocol);
        match value.pretraining_samples {
            Some(samples) => transfer.with_pretraining_samples(samples),
            None => transfer,
        }
    }
}

#[cfg(feature = "quadrature")]
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeatureKind {
    label: GroupLabel,
    probability: f64,
    means: Vec<f64>,
    /// By rows, one for every task.
    #[serde(default)]
    loadings: Vec<Vec<f64>>,
}

#[cfg(feature = "quadrature")]
impl From<feature_kind::FeatureKind> for FeatureKind {
    fn from(value: feature_kind::FeatureKind) -> Self {
        let rows = value.loadings().row_iter();
        let rows = rows.map(|row| row.iter().copied().collect()).collect::<Vec<Vec<f64>>>();
        let has_loadings = value.loadings().ncols() > 0;
        Self {
            label: value.label().clone(),
            probability: value.probability(),
            means: value.means().iter().copied().collect(),
            loadings: if has_loadings { rows } else { Vec::new() },
        }
    }
}

#[cfg(feature = "quadrature")]
impl TryFrom<FeatureKind> for feature_kind::FeatureKind {
    type Error = Error;

    fn try_from(value: FeatureKind) -> Result<Self> {
        let FeatureKind { label, probability, means, loadings } = value;
        if loadings.is_empty() {
            return Self::known(label, probability, &means);
        }
        let factors = loadings[0].len();
        if let Some(row) = loadings.iter().find(|row| row.len() != factors) {
            let error = Error::DimensionMismatch {
                parameter: "loadings of a task",
                expected: factors,
                found: row.len(),
            };
            return Err(error.in_group(&label));
        }
        let entries = loadings.concat();
        let loadings = DMatrix::from_row_slice(loadings.len(), factors, &entries);
        Self::with_factors(label, probability, DVector::from_vec(means), loadings)
    }
}

#[cfg(feature = "quadrature")]
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SequenceStage {
    targets: Vec<f64>,
    #[serde(default)]
    samples: Option<samples::Samples>,
    #[serde(default = "continued")]
    protocol: Protocol,
    #[serde(default)]
    readout_scale: f64,
}

#[cfg(feature = "quadrature")]
fn continued() -> Protocol {
    Protocol::Continued
}

#[cfg(feature = "quadrature")]
impl From<sequence::SequenceStage> for SequenceStage {
    fn from(value: sequence::SequenceStage) -> Self {
        Self {
            targets: value.targets().to_vec(),
            samples: value.samples(),
            protocol: value.protocol(),
            readout_scale: value.readout_scale(),
        }
    }
}

#[cfg(feature = "quadrature")]
impl TryFrom<SequenceStage> for sequence::SequenceStage {
    type Error = Error;

    fn try_from(value: SequenceStage) -> Result<Self> {
        let stage = Self::of_shares(value.targets)?
            .with_protocol(value.protocol)
            .with_readout_scale(value.readout_scale)?;
        Ok(match value.samples {
            Some(samples) => stage.with_samples(samples),
            None => stage,
        })
    }
}

#[cfg(feature = "quadrature")]
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sequence {
    kinds: Vec<feature_kind::FeatureKind>,
    initialization: initialization::Initialization,
    stages: Vec<sequence::SequenceStage>,
    #[serde(default = "tolerance")]
    tolerance: f64,
}

#[cfg(feature = "quadrature")]
fn tolerance() -> f64 {
    sequence::Sequence::TOLERANCE
}

#[cfg(feature = "quadrature")]
impl From<sequence::Sequence> for Sequence {
    fn from(value: sequence::Sequence) -> Self {
        Self {
            kinds: value.kinds().to_vec(),
            initialization: value.initialization(),
            stages: value.stages().to_vec(),
            tolerance: value.tolerance(),
        }
    }
}

#[cfg(feature = "quadrature")]
impl TryFrom<Sequence> for sequence::Sequence {
    type Error = Error;

    fn try_from(value: Sequence) -> Result<Self> {
        let empty =
            Self::new(value.kinds, value.initialization)?.with_tolerance(value.tolerance)?;
        value.stages.into_iter().try_fold(empty, Self::with_stage)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Solver {
    #[serde(default)]
    estimator: Estimator,
    #[serde(default)]
    explicit_penalty: f64,
    tolerance: f64,
}

impl From<solver::Solver> for Solver {
    fn from(value: solver::Solver) -> Self {
        Self {
            estimator: value.estimator(),
            explicit_penalty: value.explicit_penalty(),
            tolerance: value.tolerance(),
        }
    }
}

impl TryFrom<Solver> for solver::Solver {
    type Error = Error;

    fn try_from(value: Solver) -> Result<Self> {
        Self::new()
            .with_estimator(value.estimator)
            .with_explicit_penalty(value.explicit_penalty)?
            .with_tolerance(value.tolerance)
    }
}
