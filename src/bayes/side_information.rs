//! What pretraining tells the learner of each coordinate: classes that it can tell apart.

use std::collections::HashMap;

use crate::bayes::mixture::{Component, Mixture};
use crate::bayes::rule::{Extent, Seen, visit};
use crate::error::{Error, Result};
use crate::label::GroupLabel;
use crate::problem::feature_class::FeatureClass;
use crate::problem::law::{CoordinateGroup, Law};
use crate::problem::task::{PretrainingPart, Task};

/// Accuracy of the rule over what pretraining observes, as minus a logarithm.
const DIGITS: f64 = 32.0;

/// Probabilities below this are left out.
const NEGLIGIBLE: f64 = 1e-18;

/// Probabilities below this do not count where others are larger: how little the error is next to the
/// coefficients does not matter.
const UNSEEN: f64 = 1e-60;

/// The names of the components, with their probabilities.
pub(crate) type Labels = Vec<(GroupLabel, f64)>;

/// Coefficients of both tasks on some coordinates: `B_PT ~ N(m, v)` and
/// `sqrt(Lambda) B_FT = mean + slope (B_PT - m) + N(0, rest)`, with the input variance `Lambda`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct JointComponent {
    /// Position in the list of labels.
    pub(crate) label: usize,
    /// Probability of the component.
    pub(crate) weight: f64,
    /// Fraction of the coordinates under the label.
    pub(crate) share: f64,
    pub(crate) input_variance: f64,
    pub(crate) pretraining_mean: f64,
    pub(crate) pretraining_variance: f64,
    pub(crate) mean: f64,
    pub(crate) slope: f64,
    pub(crate) rest: f64,
}

/// The prior of both tasks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JointPrior {
    pub(crate) labels: Labels,
    pub(crate) components: Vec<JointComponent>,
}

impl JointPrior {
    /// The prior of a task, a component for each class of features. What a task is made of is known
    /// here alone.
    pub(crate) fn of_task(task: &Task) -> Self {
        let component = |part: crate::problem::component::Component| {
            let input_variance = task.input_variance(part.class);
            let unit = input_variance.sqrt();
            let variance = input_variance * part.fine_tuning.variance();
            let slope = if part.correlation == 0.0 { 0.0 } else { part.slope() / part.size };
            let mean = slope.mul_add(part.pretraining.mean(), part.fine_tuning.mean());
            JointComponent {
                input_variance,
                label: part.class as usize,
                weight: task.probability(&part),
                share: part.share,
                pretraining_mean: part.pretraining.mean(),
                pretraining_variance: part.pretraining.variance(),
                mean: unit * mean,
                slope: unit * slope,
                rest: variance * part.independent(),
            }
        };
        Self {
            labels: FeatureClass::ALL
                .map(|class| (class.into(), task.supports().probability(class)))
                .to_vec(),
            components: task.components().into_iter().map(component).collect(),
        }
    }

    /// The prior of the pretraining task alone: the coordinates of each input variance.
    pub(crate) fn pretraining_of_task(task: &Task) -> (Labels, Vec<Whitened>) {
        let mut labels: Labels = Vec::new();
        let mut components = Vec::new();
        let parts = task.pretraining_parts();
        for part in &parts {
            let of_label = |other: &&PretrainingPart| other.label == part.label;
            let total: f64 = parts.iter().filter(of_label).map(|other| other.weight).sum();
            let is_known = |(label, _): &(GroupLabel, f64)| label.as_str() == part.label;
            let label = labels.iter().position(is_known).unwrap_or_else(|| {
                labels.push((part.label.into(), total));
                labels.len() - 1
            });
            let portion = if total > 0.0 { part.weight / total } else { 1.0 };
            for &(share, prior) in part.prior.components() {
                let component = Component {
                    label,
                    weight: part.weight * share,
                    share: portion * share,
                    mean: part.input_variance.sqrt() * prior.mean(),
                    variance: part.input_variance * prior.variance(),
                };
                components.push((part.input_variance, component));
            }
        }
        (labels, by_input_variance(components, |part| part.0, |part| part.1))
    }

    /// Mean square of what the coefficients of fine-tuning add to labels.
    pub(crate) fn mean_square(&self) -> f64 {
        let square = |part: &JointComponent| {
            let related = part.slope * part.pretraining_variance.sqrt();
            part.weight * (part.mean * part.mean + related * related + part.rest)
        };
        self.components.iter().map(square).sum()
    }

    /// The same in units of `unit` for the coefficients of fine-tuning.
    pub(crate) fn in_units(&self, unit: f64) -> Result<Self> {
        let component = |part: &JointComponent| {
            Ok(JointComponent {
                mean: part.mean / unit,
                slope: part.slope / unit,
                rest: scaled_variance(part.rest, unit)?,
                ..*part
            })
        };
        let components = self.components.iter().map(component).collect::<Result<_>>()?;
        Ok(Self { labels: self.labels.clone(), components })
    }

    /// Whether what pretraining observes moves the means of fine-tuning.
    pub(crate) fn is_related(&self) -> bool {
        self.components.iter().any(|part| part.slope != 0.0 && part.pretraining_variance > 0.0)
    }

    /// All coordinates of an input variance in one class: nothing else is known.
    pub(crate) fn unobserved(&self) -> Vec<Mixture> {
        let component = |part: &JointComponent| {
            let related = part.slope * part.pretraining_variance.sqrt();
            Component {
                label: part.label,
                weight: part.weight,
                share: part.share,
                mean: part.mean,
                variance: related.mul_add(related, part.rest),
            }
        };
        by_input_variance(self.components.iter(), |part| part.input_variance, component)
            .into_iter()
            .map(Whitened::mixture)
            .collect()
    }

    /// The classes of what `sqrt(Lambda) B_PT + s_PT Z` can be, with `noise = s_PT²`: for each input
    /// variance one for every node of a rule, or a single one where all are alike.
    pub(crate) fn observed(&self, noise: f64, step_factor: f64) -> Vec<Mixture> {
        let alike =
            by_input_variance(self.components.iter(), |part| part.input_variance, |part| *part);
        let classes = alike.into_iter().flat_map(|Alike { input_variance, members }| {
            let classes = observed_alike(&members, noise / input_variance, step_factor);
            classes.into_iter().map(move |class| class.on_inputs(input_variance))
        });
        classes.collect()
    }
}

/// The same for coordinates of one input variance.
fn observed_alike(components: &[JointComponent], noise: f64, step_factor: f64) -> Vec<Mixture> {
    let mut classes = Vec::new();
    let mut spread: Vec<JointComponent> = Vec::new();
    let mut atoms: HashMap<u64, Vec<Component>> = HashMap::new();
    let mut places = Vec::new();
    for part in components {
        if part.pretraining_variance + noise > 0.0 {
            spread.push(*part);
            continue;
        }
        let place = (part.pretraining_mean + 0.0).to_bits();
        let components = atoms.entry(place).or_default();
        if components.is_empty() {
            places.push(place);
        }
        components.push(Component {
            label: part.label,
            weight: part.weight,
            share: part.share,
            mean: part.mean,
            variance: part.rest,
        });
    }
    classes.extend(places.iter().filter_map(|place| atoms.remove(place)).map(Mixture::new));
    let Some(first) = spread.first() else {
        return classes;
    };
    let alike = spread.iter().all(|part| {
        part.pretraining_mean == first.pretraining_mean
            && part.pretraining_variance == first.pretraining_variance
    });
    let related = spread.iter().any(|part| part.slope != 0.0 && part.pretraining_variance > 0.0);
    if alike && !related {
        let component = |part: &JointComponent| Component {
            label: part.label,
            weight: part.weight,
            share: part.share,
            mean: part.mean,
            variance: part.rest,
        };
        classes.push(Mixture::new(spread.iter().map(component).collect()));
        return classes;
    }
    let width = |part: &JointComponent| (part.pretraining_variance + noise).sqrt();
    // The nodes cover what has no weight, too.
    let seen: Vec<Seen> = spread
        .iter()
        .map(|part| Seen::new(part.weight.max(1e-15), part.pretraining_mean, width(part)))
        .collect();
    let units: Vec<Seen> =
        spread.iter().map(|part| Seen::new(1.0, part.pretraining_mean, width(part))).collect();
    let mut layout: Vec<Seen> = Vec::new();
    for part in seen {
        match layout.iter_mut().find(|one| one.mean == part.mean && one.width == part.width) {
            Some(one) => {
                let sum = one.log_height.exp() + part.log_height.exp();
                one.log_height = if sum > 0.0 { sum.ln() } else { one.log_height };
            }
            None => layout.push(part),
        }
    }
    let mirrored = !related || spread.iter().all(|part| part.mean == 0.0);
    let norm = 1.0 / (2.0 * std::f64::consts::PI).sqrt();
    visit(&layout, Extent::Everywhere, DIGITS, step_factor, mirrored, |z, step| {
        let component = |(part, unit): (&JointComponent, &Seen)| {
            let probability = norm * step * unit.log_density(z).exp();
            let probability = if probability < UNSEEN { 0.0 } else { probability };
            let variance = part.pretraining_variance;
            let total = variance + noise;
            let unexplained = part.slope * (variance * (noise / total)).sqrt();
            let estimate = (variance / total) * (z - part.pretraining_mean);
            Component {
                label: part.label,
                weight: part.weight * probability,
                share: part.share * probability,
                mean: part.slope.mul_add(estimate, part.mean),
                variance: unexplained.mul_add(unexplained, part.rest),
            }
        };
        let components: Vec<_> = spread.iter().zip(&units).map(component).collect();
        if components.iter().any(|part| part.share > NEGLIGIBLE) {
            classes.push(Mixture::new(components));
        }
    });
    classes
}

/// What has inputs of one variance.
#[derive(Debug, Clone)]
pub(crate) struct Alike<T> {
    pub(crate) input_variance: f64,
    pub(crate) members: Vec<T>,
}

/// Components of coordinates with inputs of one variance, by whose root they are multiplied.
pub(crate) type Whitened = Alike<Component>;

impl Whitened {
    pub(crate) fn mixture(self) -> Mixture {
        Mixture::new(self.members).on_inputs(self.input_variance)
    }
}

/// Puts together what has inputs of the same variance.
fn by_input_variance<P, T>(
    parts: impl IntoIterator<Item = P>,
    input_variance: impl Fn(&P) -> f64,
    member: impl Fn(P) -> T,
) -> Vec<Alike<T>> {
    let mut all: Vec<Alike<T>> = Vec::new();
    for part in parts {
        let input_variance = input_variance(&part);
        match all.iter_mut().find(|alike| alike.input_variance == input_variance) {
            Some(alike) => alike.members.push(member(part)),
            None => all.push(Alike { input_variance, members: vec![member(part)] }),
        }
    }
    all
}

/// The classes of a law: groups with the same pretrained coefficient, scale, start and input variance
/// cannot be told apart before training.
pub(crate) fn classes_of_law(law: &Law, unit: f64) -> Result<(Labels, Vec<Mixture>)> {
    let mut labels: Labels = Vec::new();
    let mut counts: Vec<usize> = Vec::new();
    let mut positions = HashMap::new();
    for group in law.groups() {
        let position = *positions.entry(group.label()).or_insert_with(|| {
            labels.push((group.label().clone(), 0.0));
            counts.push(0);
            labels.len() - 1
        });
        labels[position].1 += group.weight();
        counts[position] += 1;
    }
    let mut classes: Vec<Whitened> = Vec::new();
    let mut known: HashMap<[u64; 5], usize> = HashMap::new();
    for group in law.groups() {
        let label = positions[group.label()];
        let total = labels[label].1;
        let share = if total > 0.0 { group.weight() / total } else { 1.0 / counts[label] as f64 };
        let whitened = group.whitened();
        let halves: &[f64] = if group.is_mirrored() { &[1.0, -1.0] } else { &[1.0] };
        for sign in halves {
            let class = *known.entry(knowledge(group, *sign)).or_insert_with(|| {
                let input_variance = group.input_variance();
                classes.push(Alike { input_variance, members: Vec::new() });
                classes.len() - 1
            });
            let part = 1.0 / halves.len() as f64;
            classes[class].members.push(Component {
                label,
                weight: part * group.weight(),
                share: part * share,
                mean: sign * whitened.prior().mean() / unit,
                variance: scaled_variance(whitened.prior().variance(), unit)
                    .map_err(|error| error.in_group(group.label()))?,
            });
        }
    }
    Ok((labels, classes.into_iter().map(Whitened::mixture).collect()))
}

/// What is known of a coordinate of a group before training, to the bit.
fn knowledge(group: &CoordinateGroup, sign: f64) -> [u64; 5] {
    let pretrained = group.pretrained().map(|pretrained| pretrained.coefficient());
    // Zeros of both signs are one.
    [
        f64::from(u8::from(pretrained.is_some())),
        sign * pretrained.unwrap_or(0.0) + 0.0,
        group.scale(),
        sign * group.start() + 0.0,
        group.input_variance(),
    ]
    .map(f64::to_bits)
}

/// A variance in units of the mean square, unless it is too small for floats there.
pub(crate) fn scaled_variance(variance: f64, unit: f64) -> Result<f64> {
    let scaled = variance / unit / unit;
    if variance > 0.0 && scaled < 1e-250 {
        return Err(Error::NotRepresentable {
            quantity: "the variance of a component",
            reason: "it is less than 1e-250 of the mean square of all",
        });
    }
    Ok(scaled)
}
