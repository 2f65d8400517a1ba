//! Finite draws: coefficients of both tasks, and the data of both stages.

use nalgebra::{DMatrix, DVector};

use crate::domain::Domain;
use crate::error::Result;
use crate::label::GroupLabel;
use crate::problem::component::Component;
use crate::problem::law::CoordinateGroup;
use crate::problem::pretrained::Pretrained;
use crate::problem::prior::Prior;
use crate::problem::samples::Samples;
use crate::simulation::dataset::Dataset;
use crate::simulation::random::{Purpose, Stream};

/// Numbers of coordinates of the groups of a draw.
///
/// The theory takes the probabilities themselves. Where they make no whole numbers of coordinates, exact
/// sizes are off by up to one coordinate a group, a bias of order 1/D.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SupportSampling {
    /// The expected number of coordinates in every group, rounded so that they add up (largest remainders
    /// first).
    #[default]
    ExactSizes,
    /// The group of every coordinate is drawn independently.
    Bernoulli,
}

/// One draw of a problem with D coordinates.
///
/// Where [sizes are exact](SupportSampling::ExactSizes), the coordinates of a group are next to each
/// other: the columns of the inputs are independent, and alike within a group. A draw is a function of seed and index
/// alone, the same on every machine. The same draw with more samples begins with the same ones.
///
/// # Examples
///
/// ```
/// use diagonet::simulation::Experiment;
/// use diagonet::{Densities, Initialization, Samples, ScaleMap, Scales, Supports, Task, Transfer};
///
/// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 1.0 })?;
/// let task = Task::new(supports)?;
/// let map = ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: 0.0 })?, 0.0)?;
/// let draw = |ratio| Experiment::new(Transfer::new(&task, map), Samples::new(ratio)?, 50)?.draw(7, 0);
/// let (few, more) = (draw(0.2)?, draw(0.4)?);
/// assert_eq!(few.coefficients(), more.coefficients());
/// assert_eq!(few.data().labels(), &more.data().labels().rows(0, 10).clone_owned());
/// assert_eq!(few.labels()[few.groups()[0]].as_str(), "shared");
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Draw {
    pub(crate) pretraining_coefficients: DVector<f64>,
    pub(crate) coefficients: DVector<f64>,
    pub(crate) pretraining_data: Option<Dataset>,
    pub(crate) data: Dataset,
    pub(crate) labels: Vec<GroupLabel>,
    /// Group of every coordinate, as position in `labels`.
    pub(crate) groups: Vec<usize>,
    /// Kind of every coordinate; several kinds may share a label.
    pub(crate) kinds: Vec<usize>,
    /// Coefficients that training starts from, where there is no pretraining.
    pub(crate) start: DVector<f64>,
    /// Index of the draw, from which the batches of stochastic training follow.
    pub(crate) index: u64,
}

impl Draw {
    /// Coefficients of the pretraining task; zero where there is none.
    #[must_use]
    pub fn pretraining_coefficients(&self) -> &DVector<f64> {
        &self.pretraining_coefficients
    }

    /// Coefficients of the task that the error is about.
    #[must_use]
    pub fn coefficients(&self) -> &DVector<f64> {
        &self.coefficients
    }

    /// Data of pretraining; `None` where they are unlimited, or there is no pretraining.
    #[must_use]
    pub fn pretraining_data(&self) -> Option<&Dataset> {
        self.pretraining_data.as_ref()
    }

    /// Data of fine-tuning, or of the one stage that there is.
    #[must_use]
    pub fn data(&self) -> &Dataset {
        &self.data
    }

    /// Names of the groups, in the order of the law.
    #[must_use]
    pub fn labels(&self) -> &[GroupLabel] {
        &self.labels
    }

    /// Group of every coordinate, as position in [`labels`](Self::labels).
    #[must_use]
    pub fn groups(&self) -> &[usize] {
        &self.groups
    }
}

/// Coefficients and data of one's own, see [`Experiment::own_draw`](crate::simulation::Experiment::own_draw).
///
/// # Examples
///
/// See [`Experiment::own_draw`](crate::simulation::Experiment::own_draw).
#[derive(Debug, Clone, PartialEq)]
pub struct OwnData {
    /// Coefficients of the pretraining task.
    pub pretraining_coefficients: DVector<f64>,
    /// Coefficients of the fine-tuning task.
    pub coefficients: DVector<f64>,
    /// Data of pretraining, where they are finite.
    pub pretraining_data: Option<Dataset>,
    /// Data of fine-tuning.
    pub data: Dataset,
}

/// How coordinates of one kind are drawn.
#[derive(Debug, Clone)]
pub(crate) struct Kind {
    pub(crate) label: GroupLabel,
    pub(crate) weight: f64,
    /// Variance of its inputs, in units of 1/D.
    pub(crate) input_variance: f64,
    pub(crate) source: Source,
}

/// Where the coefficients of a coordinate come from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// A group of a law.
    Law(CoordinateGroup),
    /// A component of a pretraining and a fine-tuning task.
    Task(Component),
}

/// Coefficients of one coordinate.
#[derive(Debug, Clone, Copy)]
struct Coefficients {
    pretraining: f64,
    fine_tuning: f64,
    start: f64,
}

impl Source {
    /// Every coordinate takes two normal numbers and a uniform one, whatever its kind.
    fn draw(&self, stream: &mut Stream) -> Result<Coefficients> {
        let [first, second, third] = [stream.normal(), stream.normal(), stream.uniform()];
        let at = |prior: Prior, x: f64| prior.mean() + prior.variance().sqrt() * x;
        match self {
            Self::Law(group) => {
                let sign = if group.is_mirrored() && third < 0.5 { -1.0 } else { 1.0 };
                Ok(Coefficients {
                    pretraining: 0.0,
                    fine_tuning: sign * at(group.prior(), second),
                    start: sign * group.start(),
                })
            }
            Self::Task(component) => {
                let pretraining_coefficient = at(component.pretraining, first);
                let known = Prior::atom(pretraining_coefficient)?;
                let known = Pretrained::new(pretraining_coefficient, known)?;
                let (fine_tuning, _) = component.fine_tuning_given(known)?;
                Ok(Coefficients {
                    pretraining: pretraining_coefficient,
                    fine_tuning: at(fine_tuning, second),
                    start: 0.0,
                })
            }
        }
    }
}

/// Kind of every one of `dimension` coordinates, for kinds of these weights.
pub(super) fn assign(
    weights: &[f64],
    dimension: usize,
    sampling: SupportSampling,
    stream: &mut Stream,
) -> Vec<usize> {
    let total: f64 = weights.iter().sum();
    let shares: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
    match sampling {
        SupportSampling::Bernoulli => {
            let choose = |_| {
                let mut left = stream.uniform();
                let chosen = shares.iter().position(|share| {
                    left -= share;
                    left < 0.0
                });
                // Rounding may leave nothing chosen; then it is the last kind that occurs.
                chosen.or(shares.iter().rposition(|&share| share > 0.0)).unwrap_or(0)
            };
            (0..dimension).map(choose).collect()
        }
        SupportSampling::ExactSizes => {
            let mut sizes: Vec<usize> =
                shares.iter().map(|share| (share * dimension as f64) as usize).collect();
            let remainder = |kind: usize| {
                let exact = shares[kind] * dimension as f64;
                exact - exact.floor()
            };
            let mut order: Vec<usize> = (0..weights.len()).collect();
            order.sort_by(|&i, &j| remainder(j).total_cmp(&remainder(i)));
            let missing = dimension.saturating_sub(sizes.iter().sum());
            order.iter().cycle().take(missing).for_each(|&kind| sizes[kind] += 1);
            let blocks = sizes.iter().enumerate();
            let mut groups: Vec<usize> =
                blocks.flat_map(|(kind, &size)| std::iter::repeat_n(kind, size)).collect();
            groups.truncate(dimension);
            groups
        }
    }
}

/// Draws data of `coefficients`, sample by sample; inputs have `deviations` in units of those of the unit
/// law.
pub(super) fn data(
    coefficients: &DVector<f64>,
    deviations: &[f64],
    samples: &Samples,
    mut stream: Stream,
) -> Result<Dataset> {
    let dimension = coefficients.len();
    let scale = (dimension as f64).sqrt().recip();
    let noise = samples.noise_variance().sqrt();
    let samples = (samples.sample_ratio() * dimension as f64).round() as usize;
    let mut inputs = DMatrix::zeros(samples, dimension);
    let mut labels = DVector::zeros(samples);
    for sample in 0..samples {
        // Summed in order, so that labels are the same everywhere, too.
        let mut label = 0.0;
        for (coordinate, coefficient) in coefficients.iter().enumerate() {
            let input = scale * stream.normal() * deviations[coordinate];
            inputs[(sample, coordinate)] = input;
            label += input * coefficient;
        }
        labels[sample] = label + noise * stream.normal();
    }
    Dataset::new(inputs, labels)
}

/// The samples of a stage, with the ratio that a whole number of samples has.
pub(crate) fn whole(samples: &Samples, dimension: usize) -> Result<Samples> {
    let count = (samples.sample_ratio() * dimension as f64).round();
    let is_feasible = count >= 1.0 && count * dimension as f64 <= 1e9;
    Domain::described("at least half a sample, at most 1e9 inputs in all").check_if(
        is_feasible,
        "sample_ratio",
        samples.sample_ratio(),
    )?;
    Samples::new(count / dimension as f64)?.with_noise_variance(samples.noise_variance())
}

/// The labels of the kinds, and the position among them of each kind's.
pub(crate) fn distinct_labels(kinds: &[Kind]) -> (Vec<GroupLabel>, Vec<usize>) {
    let mut labels: Vec<GroupLabel> = Vec::new();
    let mut position = |label: &GroupLabel| {
        labels.iter().position(|known| known == label).unwrap_or_else(|| {
            labels.push(label.clone());
            labels.len() - 1
        })
    };
    let positions = kinds.iter().map(|kind| position(&kind.label)).collect();
    (labels, positions)
}

/// All that a draw depends on besides its seed and index.
pub(crate) struct Plan<'a> {
    pub(crate) kinds: &'a [Kind],
    pub(crate) dimension: usize,
    pub(crate) sampling: SupportSampling,
    pub(crate) pretraining: Option<Samples>,
    pub(crate) fine_tuning: Samples,
}

impl Plan<'_> {
    pub(crate) fn draw(&self, seed: u64, index: u64) -> Result<Draw> {
        let mut stream = Stream::new(seed, index, Purpose::Coefficients);
        let weights: Vec<f64> = self.kinds.iter().map(|kind| kind.weight).collect();
        let kinds = assign(&weights, self.dimension, self.sampling, &mut stream);
        let coordinates = kinds.iter().map(|&kind| self.kinds[kind].source.draw(&mut stream));
        let coordinates = coordinates.collect::<Result<Vec<_>>>()?;
        let vector = |part: fn(&Coefficients) -> f64| {
            DVector::from_iterator(self.dimension, coordinates.iter().map(part))
        };
        let pretrained = vector(|coordinate| coordinate.pretraining);
        let tuned = vector(|coordinate| coordinate.fine_tuning);
        let deviation = |&kind: &usize| self.kinds[kind].input_variance.sqrt();
        let deviations: Vec<f64> = kinds.iter().map(deviation).collect();
        let stage = |coefficients: &DVector<f64>, samples: &Samples, purpose| {
            data(coefficients, &deviations, samples, Stream::new(seed, index, purpose))
        };
        let pretraining_data = match &self.pretraining {
            Some(samples) => Some(stage(&pretrained, samples, Purpose::Pretraining)?),
            None => None,
        };
        let fine_tuning_data = stage(&tuned, &self.fine_tuning, Purpose::FineTuning)?;
        let (labels, positions) = distinct_labels(self.kinds);
        Ok(Draw {
            pretraining_coefficients: pretrained,
            coefficients: tuned,
            pretraining_data,
            data: fine_tuning_data,
            labels,
            groups: kinds.iter().map(|&kind| positions[kind]).collect(),
            kinds,
            start: vector(|coordinate| coordinate.start),
            index,
        })
    }
}
