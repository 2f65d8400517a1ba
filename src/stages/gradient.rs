//! Derivatives of the error of fine-tuning in all parameters of both stages.
//!
//! The parameters move the groups of the law of fine-tuning: their weights; their scales and starts,
//! with the coefficient that pretraining ended at; and the priors of the true coefficients given it.
//! That coefficient is a function of the observation `z = m + S x` at a fixed standardized `x`, and of
//! the state of pretraining, which has sensitivities of its own.

use std::borrow::Cow;

use crate::asymptotics::sensitivity::{GroupGradient, LawGradient, Sensitivities};
use crate::error::{Error, Result, Stage};
use crate::network::initialization::ScaleAndStart;
use crate::network::protocol::{Change, TrainedLayers};
use crate::numerics::sum::CompensatedSum;
use crate::problem::component::Component;
use crate::problem::feature_class::FeatureClass;
use crate::problem::law::{CoordinateGroup, Law};
use crate::stages::pretrained_nodes::PretrainedNode;
use crate::stages::stage_state::StageState;
use crate::stages::transfer::{Branch, Transfer, TransferSolution};

/// Derivatives of one answer in the parameters of a [`Transfer`], its tasks and the data of both
/// stages.
///
/// # Formula
///
/// ```text
/// d answer = sum_g [ D_weight dp + D_mean dm + D_variance dv + D_log_scale dlog c + D_start db0 ]_g
/// ```
///
/// where
/// - `D`: the [`LawGradient`](crate::LawGradient) of the answer, one group for every value of the
///   pretrained coefficient;
/// - `dp` to `db0`: the change of the group with the parameter, also through the fixed point of
///   pretraining.
///
/// All other parameters are fixed; in particular, the variances of fine-tuning do not follow its
/// density. At an edge of the domain of a parameter, the derivative is one-sided, into the domain.
/// `None` is a parameter that does not exist, or in which the answer has no finite derivative: frozen
/// coordinates, for example, start to move with infinite slope.
///
/// Source: the implicit function theorem at Proposition 4.2 of Anguita et al. 2026
/// (arXiv:2602.20062), in both stages.
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
/// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 })?;
/// let task = Task::new(supports)?;
/// let map = ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: -0.9 })?, 0.0)?;
/// let samples = Samples::new(0.3)?;
/// let solution = Solver::new().solve(&Transfer::new(&task, map), &samples)?;
/// let gradient = solution.sensitivities()?.generalization_error;
/// // More overlap and more samples help.
/// assert!(gradient.overlap < 0.0 && gradient.sample_ratio < 0.0);
/// // Pretraining data were unlimited.
/// assert_eq!(gradient.pretraining_sample_ratio, None);
/// # }
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TransferGradient {
    /// In the absolute scale `c_PT`.
    pub absolute_scale: Option<f64>,
    /// In the relative scale `lambda_PT`.
    pub relative_scale: Option<f64>,
    /// In the readout scale `gamma`.
    pub readout_scale: Option<f64>,
    /// In the pretraining density `rho_PT`, at fixed fine-tuning density and overlap.
    pub pretraining_density: f64,
    /// In the fine-tuning density `rho_FT`, at fixed pretraining density and overlap; `None` at 0,
    /// where there is no overlap to keep.
    pub fine_tuning_density: Option<f64>,
    /// In the overlap `omega`.
    pub overlap: f64,
    /// In the mean of the pretraining prior, with equal changes of all its components: in the magnitude,
    /// where it is an atom.
    pub pretraining_mean: Option<f64>,
    /// In the variance of the pretraining prior, with equal changes of all its components; `None` where
    /// pretraining ends at atoms themselves.
    pub pretraining_variance: Option<f64>,
    /// In the mean of the prior of shared features, with equal changes of all its components.
    pub shared_mean: f64,
    /// In the variance of the prior of shared features, with equal changes of all its components;
    /// `None` for an atom with a correlation, where the answer depends on the root of the variance.
    pub shared_variance: Option<f64>,
    /// In the mean of the prior of new features, with equal changes of all its components.
    pub new_mean: f64,
    /// In the variance of the prior of new features, with equal changes of all its components.
    pub new_variance: f64,
    /// In the correlation `q`; `None` where pretraining coefficients are 0, or all are known.
    pub correlation: Option<f64>,
    /// In the sample ratio of pretraining; `None` for unlimited data.
    pub pretraining_sample_ratio: Option<f64>,
    /// In the noise variance of pretraining; `None` for unlimited data, and at 0 with one sample
    /// per coordinate or more.
    pub pretraining_noise_variance: Option<f64>,
    /// In the sample ratio of fine-tuning.
    pub sample_ratio: f64,
    /// In the noise variance of fine-tuning.
    pub noise_variance: f64,
    /// In the explicit penalty of fine-tuning, as [`LawGradient::explicit_penalty`].
    pub explicit_penalty: Option<f64>,
    /// In the first of the protocol's own [parameters](crate::Protocol::parameters), if it has one.
    pub first_protocol_parameter: Option<f64>,
    /// In the second of the protocol's own parameters, if it has two.
    pub second_protocol_parameter: Option<f64>,
    /// In the logarithm of the [input variance](crate::Task::with_input_variance) of each class, in the
    /// order of [`FeatureClass::ALL`], in both stages.
    pub log_input_variances: [f64; 4],
}

impl TransferGradient {
    /// All derivatives with the names of their parameters, in the order of the fields.
    #[must_use]
    pub fn entries(&self) -> [(&'static str, Option<f64>); 24] {
        let [shared, new, pretraining_only, unused] = self.log_input_variances;
        [
            ("absolute_scale", self.absolute_scale),
            ("relative_scale", self.relative_scale),
            ("readout_scale", self.readout_scale),
            ("pretraining_density", Some(self.pretraining_density)),
            ("fine_tuning_density", self.fine_tuning_density),
            ("overlap", Some(self.overlap)),
            ("pretraining_mean", self.pretraining_mean),
            ("pretraining_variance", self.pretraining_variance),
            ("shared_mean", Some(self.shared_mean)),
            ("shared_variance", self.shared_variance),
            ("new_mean", Some(self.new_mean)),
            ("new_variance", Some(self.new_variance)),
            ("correlation", self.correlation),
            ("pretraining_sample_ratio", self.pretraining_sample_ratio),
            ("pretraining_noise_variance", self.pretraining_noise_variance),
            ("sample_ratio", Some(self.sample_ratio)),
            ("noise_variance", Some(self.noise_variance)),
            ("explicit_penalty", self.explicit_penalty),
            ("first_protocol_parameter", self.first_protocol_parameter),
            ("second_protocol_parameter", self.second_protocol_parameter),
            ("log_input_variance_shared", Some(shared)),
            ("log_input_variance_new", Some(new)),
            ("log_input_variance_pretraining_only", Some(pretraining_only)),
            ("log_input_variance_unused", Some(unused)),
        ]
    }
}

/// A direction in which to move the parameters.
#[derive(Debug, Clone, Copy, Default)]
struct Direction {
    absolute_scale: f64,
    relative_scale: f64,
    readout_scale: f64,
    /// Weights of the four classes.
    weights: [f64; 4],
    pretraining_mean: f64,
    pretraining_variance: f64,
    /// Means and variances of the components of shared and of new features.
    means: [f64; 2],
    variances: [f64; 2],
    correlation: f64,
    /// Logarithms of the input variances of the four classes.
    log_input_variances: [f64; 4],
    /// Parameters of the protocol.
    protocol: [f64; 2],
    /// Effective noise variance and penalty of pretraining.
    noise: f64,
    penalty: f64,
}

impl Direction {
    /// With what the parameter does to the state of pretraining.
    fn through(self, [noise, penalty]: [f64; 2]) -> Self {
        Self { noise, penalty, ..self }
    }
}

/// Derivatives of the state of pretraining `[s², theta]` in its parameters.
#[derive(Debug, Clone, Copy, Default)]
struct PretrainingSlopes {
    absolute_scale: [f64; 2],
    /// In the weights and in the logarithms of the input variances of the four classes.
    weights: [[f64; 2]; 4],
    log_input_variances: [[f64; 2]; 4],
    mean: [f64; 2],
    variance: [f64; 2],
    sample_ratio: [f64; 2],
    noise_variance: [f64; 2],
}

impl TransferSolution {
    /// Derivatives of generalization error and state of fine-tuning in every parameter of both stages.
    ///
    /// # Errors
    ///
    /// As [`Solution::sensitivities`](crate::Solution::sensitivities), for both stages.
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
    /// let initialization = Initialization::new(Scales { absolute: 1e-3, relative: 0.0 })?;
    /// let map = ScaleMap::new(initialization, 0.0)?;
    /// let noisy = Samples::new(0.3)?.with_noise_variance(0.01)?;
    /// let transfer = Transfer::new(&task, map).with_pretraining_samples(noisy);
    /// let solution = Solver::new().solve(&transfer, &Samples::new(0.2)?)?;
    /// // More data help in both stages.
    /// let gradient = solution.sensitivities()?.generalization_error;
    /// assert!(gradient.pretraining_sample_ratio.unwrap() < 0.0 && gradient.sample_ratio < 0.0);
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn sensitivities(&self) -> Result<Sensitivities<TransferGradient>> {
        let slopes = PretrainingSlopes::new(self)?;
        let transfer = &self.transfer;
        let prepared = self.prepared();
        let state = prepared.state();
        let rule = self.rule_of_slopes(&prepared)?;
        let branches = transfer.branches(&prepared, rule)?;
        let mut solution = Cow::Borrowed(&self.fine_tuning);
        let nodes = branches.iter().map(|branch| branch.nodes.len()).sum::<usize>();
        if rule != self.rule || nodes > solution.law().groups().len() {
            // Components that have no weight may get some.
            let mut groups = Vec::new();
            for branch in &branches {
                transfer.add_groups(branch, &mut groups)?;
            }
            let (law, samples) = (Law::new(groups)?, solution.samples());
            let solved = transfer.fine_tune(&law, &self.solver, &samples, Some(&solution.state))?;
            solution = Cow::Owned(solved);
        }
        let of_law = match transfer.protocol().trained_layers() {
            TrainedLayers::Both => solution.sensitivities()?,
            TrainedLayers::FirstLayer | TrainedLayers::Readout => {
                solution.sensitivities_of_quadratic()?
            }
        };
        let pretraining_mean = transfer.task().pretraining_prior().mean();
        let problem =
            Problem { transfer, law: solution.law(), branches: &branches, pretraining_mean, state };
        let gradient = |of_law: &LawGradient| problem.gradient(&slopes, of_law);
        Ok(Sensitivities {
            generalization_error: gradient(&of_law.generalization_error)?,
            effective_noise_variance: gradient(&of_law.effective_noise_variance)?,
            effective_penalty: gradient(&of_law.effective_penalty)?,
        })
    }
}

impl PretrainingSlopes {
    /// Derivatives along a change of the weights of the four classes.
    fn of_weights(&self, weights: [f64; 4]) -> [f64; 2] {
        // Classes that are alike in pretraining cancel to the last bit.
        [0, 1].map(|answer| {
            let term = |class: usize| weights[class] * self.weights[class][answer];
            (term(0) + term(2)) + (term(1) + term(3))
        })
    }

    /// Derivatives of the state of pretraining.
    fn new(solution: &TransferSolution) -> Result<Self> {
        let Some(pretraining) = &solution.pretraining else {
            return Ok(Self::default());
        };
        let noise = pretraining.state.effective_noise_variance;
        if noise == 0.0 && pretraining.samples().sample_ratio() >= 1.0 {
            // Coefficients are known, and stay so.
            return Ok(Self::default());
        }
        let sensitivities = pretraining.sensitivities();
        let sensitivities = sensitivities.map_err(|error| error.in_stage(Stage::Pretraining))?;
        let scale = solution.transfer.scale_map().pretraining().absolute_scale();
        let both = |part: &dyn Fn(&LawGradient) -> f64| {
            [part(&sensitivities.effective_noise_variance), part(&sensitivities.effective_penalty)]
        };
        let parts = solution.transfer.task().pretraining_parts();
        // The groups of the law, with the part of each and the share that it has of it.
        let mut members = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            members.extend(part.prior.components().iter().map(|(share, _)| (index, *share)));
        }
        let over = |gradient: &LawGradient, part: &dyn Fn(usize, f64, &GroupGradient) -> f64| {
            let groups = gradient.groups.iter().zip(&members);
            groups.map(|(group, &(index, share))| part(index, share, group)).sum::<f64>()
        };
        let of_active = |gradient: &LawGradient, slope: fn(&GroupGradient) -> f64| {
            let is_active = |index: usize| parts[index].classes[0].in_pretraining();
            over(gradient, &|index, _, group| if is_active(index) { slope(group) } else { 0.0 })
        };
        let by_log_scale = both(&|gradient| over(gradient, &|_, _, group| group.log_scale));
        let of_class = |class: FeatureClass, slope: &dyn Fn(usize, f64, &GroupGradient) -> f64| {
            let includes = |index: usize| parts[index].classes.contains(&class);
            both(&|gradient| {
                over(gradient, &|index, share, group| {
                    if includes(index) { slope(index, share, group) } else { 0.0 }
                })
            })
        };
        // Classes of one part share what its input variance does.
        let supports = solution.transfer.task().supports();
        let part_of = |class: FeatureClass, index: usize| match &parts[index] {
            part if part.classes.len() == 1 => 1.0,
            part => supports.probability(class) / part.weight,
        };
        Ok(Self {
            absolute_scale: by_log_scale
                .map(|slope| if slope == 0.0 { 0.0 } else { slope / scale }),
            weights: FeatureClass::ALL
                .map(|class| of_class(class, &|_, share, group| share * group.weight)),
            log_input_variances: FeatureClass::ALL.map(|class| {
                of_class(class, &|index, _, group| match group.log_input_variance {
                    0.0 => 0.0,
                    slope => part_of(class, index) * slope,
                })
            }),
            mean: both(&|gradient| of_active(gradient, |group| group.mean)),
            variance: both(&|gradient| of_active(gradient, |group| group.variance)),
            sample_ratio: both(&|gradient| gradient.sample_ratio),
            noise_variance: both(&|gradient| gradient.noise_variance),
        })
    }
}

/// A law of fine-tuning with its task, scale map and pretraining.
#[derive(Debug)]
struct Problem<'a> {
    transfer: &'a Transfer,
    law: &'a Law,
    branches: &'a [Branch],
    /// Mean of the active coefficients of pretraining.
    pretraining_mean: f64,
    state: StageState,
}

impl Problem<'_> {
    /// The gradient in the parameters of the transfer, from that in those of the law.
    fn gradient(
        &self,
        slopes: &PretrainingSlopes,
        gradient: &LawGradient,
    ) -> Result<TransferGradient> {
        let along = |direction: Direction| self.along(direction, gradient);
        let unmoved = Direction::default();
        let task = self.transfer.task();
        let supports = task.supports();
        let overlap = supports.overlap();
        let components = task.components();
        let is_random = components.iter().any(|component| component.pretraining.variance() > 0.0);

        let parameters = self.transfer.protocol().parameters().len();
        let density = supports.fine_tuning_density();
        let finite = self.transfer.pretraining_samples().is_some();
        let noisy = self.state.noise > 0.0;
        let weights =
            |weights| along(Direction { weights, ..unmoved }.through(slopes.of_weights(weights)));
        let optional = |legal: bool, direction: Direction| {
            if legal { along(direction) } else { Ok(None) }
        };
        let required = |derivative: Option<f64>| {
            derivative.ok_or(Error::NotDifferentiable {
                quantity: "the generalization error",
                reason: "frozen coordinates would start to move",
            })
        };
        let mut log_input_variances = [0.0; 4];
        for (class, derivative) in log_input_variances.iter_mut().enumerate() {
            let mut direction = unmoved.through(slopes.log_input_variances[class]);
            direction.log_input_variances[class] = 1.0;
            *derivative = required(along(direction)?)?;
        }
        Ok(TransferGradient {
            log_input_variances,
            absolute_scale: along(
                Direction { absolute_scale: 1.0, ..unmoved }.through(slopes.absolute_scale),
            )?,
            relative_scale: along(Direction { relative_scale: 1.0, ..unmoved })?,
            readout_scale: along(Direction { readout_scale: 1.0, ..unmoved })?,
            pretraining_density: required(weights([0.0, 0.0, 1.0, -1.0])?)?,
            fine_tuning_density: match overlap {
                Some(share) => weights([share, 1.0 - share, -share, share - 1.0])?,
                None => None,
            },
            overlap: required(weights([density, -density, -density, density])?)?,
            pretraining_mean: along(
                Direction { pretraining_mean: 1.0, ..unmoved }.through(slopes.mean),
            )?,
            pretraining_variance: optional(
                noisy || is_random,
                Direction { pretraining_variance: 1.0, ..unmoved }.through(slopes.variance),
            )?,
            shared_mean: required(along(Direction { means: [1.0, 0.0], ..unmoved })?)?,
            shared_variance: along(Direction { variances: [1.0, 0.0], ..unmoved })?,
            new_mean: required(along(Direction { means: [0.0, 1.0], ..unmoved })?)?,
            new_variance: required(along(Direction { variances: [0.0, 1.0], ..unmoved })?)?,
            correlation: optional(
                task.takes_correlation(),
                Direction { correlation: 1.0, ..unmoved },
            )?,
            pretraining_sample_ratio: optional(finite, unmoved.through(slopes.sample_ratio))?,
            pretraining_noise_variance: optional(
                finite && noisy,
                unmoved.through(slopes.noise_variance),
            )?,
            sample_ratio: gradient.sample_ratio,
            noise_variance: gradient.noise_variance,
            explicit_penalty: gradient.explicit_penalty,
            first_protocol_parameter: optional(
                parameters > 0,
                Direction { protocol: [1.0, 0.0], ..unmoved },
            )?,
            second_protocol_parameter: optional(
                parameters > 1,
                Direction { protocol: [0.0, 1.0], ..unmoved },
            )?,
        })
    }

    /// The derivative along a direction; `None` where it is not finite.
    fn along(&self, direction: Direction, gradient: &LawGradient) -> Result<Option<f64>> {
        let mut sum = CompensatedSum::new(0.0);
        let mut groups = self.law.groups().iter().zip(&gradient.groups);
        for branch in self.branches {
            let component = &branch.component;
            let weight = direction.weights[component.class as usize] * component.share;
            for (node, (group, slopes)) in branch.nodes.iter().zip(groups.by_ref()) {
                let pretrained = self.pretrained(component, node, &direction);
                let Some(prior) = self.prior(component, node, group, &direction, &pretrained)
                else {
                    return Ok(None);
                };
                let training = self.training(node, group, &direction, &pretrained);
                let Some(LogScaleAndStart { log_scale, start, centre }) = training else {
                    return Ok(None);
                };
                sum.add(slopes.weight * (weight * node.mass));
                // Means, starts and centres that move alike change nothing.
                sum.add(slopes.mean * (prior.mean - centre));
                sum.add(slopes.variance * prior.variance);
                sum.add(slopes.log_scale * log_scale);
                let input_variance = direction.log_input_variances[component.class as usize];
                if input_variance != 0.0 {
                    sum.add(slopes.log_input_variance * input_variance);
                }
                // Without a derivative, starts stay at 0.
                sum.add(slopes.start.unwrap_or(0.0) * (start - centre));
            }
        }
        let derivative = sum.value();
        if derivative.is_finite() {
            Ok(Some(derivative))
        } else {
            Err(Error::NotRepresentable { quantity: "a derivative", reason: "it is above 1e308" })
        }
    }

    /// How pretrained and true coefficient of pretraining move, at a fixed standardized observation.
    fn pretrained(
        &self,
        component: &Component,
        node: &PretrainedNode,
        direction: &Direction,
    ) -> PretrainedChange {
        let prior = component.pretraining;
        let (mut mean, variance) = if component.class.in_pretraining() {
            (direction.pretraining_mean, direction.pretraining_variance)
        } else {
            (0.0, 0.0)
        };
        if node.mirrored {
            // The two halves move in opposite directions.
            mean = 0.0;
        }
        // The state of pretraining, and its changes, as inputs of this variance see it.
        let input_variance = self.transfer.task().input_variance(component.class);
        let by_input_variance = direction.log_input_variances[component.class as usize];
        let seen = |state: f64, change: f64| {
            let state = state / input_variance;
            (state, change / input_variance - state * by_input_variance)
        };
        let (state_noise, noise) = seen(self.state.noise, direction.noise);
        let (_, penalty) = seen(self.state.penalty, direction.penalty);
        let motion = node.motion;
        let total = prior.variance() + state_noise;
        let mut change = PretrainedChange { coefficient: 0.0, mean, variance: 0.0 };
        let mut observation = mean;
        if total > 0.0 {
            let (share, rest) = (prior.variance() / total, state_noise / total);
            let deviation = motion.deviation / total;
            observation += 0.5 * deviation * (variance + noise);
            change.mean +=
                deviation * (0.5 * share * (variance + noise) + rest * variance - share * noise);
            change.variance = rest * rest * variance + share * share * noise;
        }
        change.coefficient = motion.by_observation * observation + motion.by_penalty * penalty;
        if direction.absolute_scale != 0.0 && motion.by_log_scale != 0.0 {
            let scale = self.transfer.scale_map().pretraining().absolute_scale();
            change.coefficient += motion.by_log_scale * (direction.absolute_scale / scale);
        }
        change
    }

    /// How the prior of fine-tuning moves.
    fn prior(
        &self,
        component: &Component,
        node: &PretrainedNode,
        group: &CoordinateGroup,
        direction: &Direction,
        pretrained: &PretrainedChange,
    ) -> Option<PriorChange> {
        let (mut mean_change, by_variance) = match component.class {
            FeatureClass::Shared => (direction.means[0], direction.variances[0]),
            FeatureClass::New => (direction.means[1], direction.variances[1]),
            FeatureClass::PretrainingOnly | FeatureClass::Unused => (0.0, 0.0),
        };
        if node.mirrored {
            // The two halves move in opposite directions.
            mean_change = 0.0;
        }
        let size = component.size;
        if component.class != FeatureClass::Shared || size == 0.0 {
            return Some(PriorChange { mean: mean_change, variance: by_variance });
        }
        let (variance, correlation) = (component.fine_tuning.variance(), component.correlation);
        // Mean and variance of the true coefficient of pretraining, in its root mean square.
        let mean = node.truth.mean() / size;
        let share = node.truth.variance() / size / size;
        let size_change = (self.pretraining_mean / size * direction.pretraining_mean
            + 0.5 * direction.pretraining_variance / size)
            / size;
        let truth_change = pretrained.mean / size - mean * size_change;
        let share_change = pretrained.variance / size / size - 2.0 * share * size_change;
        let slope = component.slope();
        let mut change = PriorChange {
            mean: mean_change
                + variance.sqrt() * mean * direction.correlation
                + slope * truth_change,
            variance: by_variance * (component.independent() + correlation * correlation * share)
                + 2.0 * correlation * variance * (share - 1.0) * direction.correlation
                + slope * slope * share_change,
        };
        if variance > 0.0 {
            change.mean += 0.5 * slope * mean * (by_variance / variance);
        } else if by_variance != 0.0 && correlation * mean != 0.0 {
            // The mean grows as a root, which is felt as its square, like a variance; next to another
            // mean or start it is felt itself.
            if group.start() != 0.0 || component.fine_tuning.mean() != 0.0 {
                return None;
            }
            change.variance += by_variance * (correlation * mean) * (correlation * mean);
        }
        Some(change)
    }

    /// How the logarithm of the scale, the start and the centre move; `None` for a frozen group whose scale
    /// does, and where they do so with infinite slope.
    fn training(
        &self,
        node: &PretrainedNode,
        group: &CoordinateGroup,
        direction: &Direction,
        pretrained: &PretrainedChange,
    ) -> Option<LogScaleAndStart> {
        let protocol = self.transfer.protocol();
        let by = Change {
            absolute_scale: direction.absolute_scale,
            relative_scale: direction.relative_scale,
            readout_scale: direction.readout_scale,
            coefficient: pretrained.coefficient,
            parameters: direction.protocol,
        };
        let map = self.transfer.scale_map();
        let ScaleAndStart { scale, start } = protocol.change(&map, node.coefficient, &by)?;
        let centre = if protocol.adds_branch() { start } else { 0.0 };
        if group.scale() > 0.0 {
            return Some(LogScaleAndStart { log_scale: scale / group.scale(), start, centre });
        }
        let thaws = scale != 0.0 || (direction.readout_scale != 0.0 && protocol.resets_scale());
        (!thaws || group.weight() == 0.0).then_some(LogScaleAndStart {
            log_scale: 0.0,
            start,
            centre,
        })
    }
}

/// Changes of the logarithm of the scale, of the start and of the centre.
#[derive(Debug, Clone, Copy)]
struct LogScaleAndStart {
    log_scale: f64,
    start: f64,
    centre: f64,
}

/// Changes of the pretrained coefficient, and of mean and variance of the true one of pretraining.
#[derive(Debug, Clone, Copy)]
struct PretrainedChange {
    coefficient: f64,
    mean: f64,
    variance: f64,
}

/// Changes of mean and variance of the prior of fine-tuning.
#[derive(Debug, Clone, Copy)]
struct PriorChange {
    mean: f64,
    variance: f64,
}
