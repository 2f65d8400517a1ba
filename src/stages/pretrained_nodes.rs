//! Where pretraining leaves coordinates: the law of the pretrained coefficient, as nodes of a quadrature.
//!
//! Two rules stand for that law. The fine one is the trapezoidal rule in `t = asinh(beta_PT/c_PT)` of the
//! pretraining channel. The other one compresses it: what fine-tuning makes of a coefficient is a smooth
//! function of `t`, and even where a node stands for its mirror image, too, so that the Gauss rule of the
//! measure of `t`, or of `t²`, needs a few nodes only.

#[cfg(feature = "quadrature")]
use std::cell::RefCell;
#[cfg(feature = "quadrature")]
use std::collections::HashMap;
use std::rc::Rc;

use crate::asymptotics::solution::Solution;
use crate::error::Result;
use crate::problem::prior::Prior;
use crate::stages::stage_state::StageState;

#[cfg(not(feature = "quadrature"))]
use crate::error::Error;
#[cfg(feature = "quadrature")]
use crate::{
    error::Error,
    estimator::quadrature::{Proximal, Rule, integrate},
    network::{
        mirror_map::{Hyperbolic, MirrorMap},
        penalty::Penalty,
    },
    numerics::{gauss_rule::Recurrence, sum::CompensatedSum},
    problem::law::CoordinateGroup,
};

/// Halvings of the steps over pretrained coefficients at which they are those of the fine rule.
pub(crate) const FINE: u32 = 2;

/// Halvings of the steps of a measure that is compressed, at most.
#[cfg(feature = "quadrature")]
const FINEST: u32 = 6;

/// What errors call the state that a coordinate sees.
#[cfg(feature = "quadrature")]
pub(crate) const SEEN: &str = "the state of pretraining in units of an input variance";

/// A rule over the pretrained coefficients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) enum NodeRule {
    /// The trapezoidal rule, with its steps halved so many times.
    Halved(u32),
    /// The Gauss rule, with so many nodes a component.
    #[cfg_attr(
        not(feature = "quadrature"),
        allow(dead_code, reason = "it compresses a quadrature")
    )]
    Compressed(usize),
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

/// True coefficients of pretraining, and the inputs through which they were learned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Learned {
    pub(crate) prior: Prior,
    #[cfg_attr(not(feature = "quadrature"), allow(dead_code, reason = "the law needs nodes"))]
    pub(crate) input_variance: f64,
}

/// All nodes of one rule.
pub(crate) type Nodes = Rc<[PretrainedNode]>;

/// Pretraining, solved, with the nodes that were asked for.
#[derive(Debug)]
pub struct PreparedTransfer {
    pretraining: Option<Solution>,
    state: StageState,
    /// Absolute scale of pretraining.
    #[cfg(feature = "quadrature")]
    scale: f64,
    #[cfg(feature = "quadrature")]
    nodes: RefCell<HashMap<(LearnedBits, NodeRule), Nodes>>,
    /// For every number of halvings that was asked for.
    #[cfg(feature = "quadrature")]
    measures: RefCell<HashMap<LearnedBits, Vec<Option<Measure>>>>,
}

#[cfg(feature = "quadrature")]
type LearnedBits = [u64; 3];

#[cfg(feature = "quadrature")]
impl Learned {
    fn bits(&self) -> LearnedBits {
        [self.prior.mean(), self.prior.variance(), self.input_variance].map(f64::to_bits)
    }
}

impl PreparedTransfer {
    /// Pretraining with this solution, at an absolute scale; `None` for unlimited data.
    #[cfg_attr(
        not(feature = "quadrature"),
        allow(unused_variables, reason = "the law needs nodes")
    )]
    pub(crate) fn new(pretraining: Option<Solution>, scale: f64) -> Self {
        Self {
            state: pretraining.as_ref().map_or(StageState::UNLIMITED, |s| StageState::of(&s.state)),
            pretraining,
            #[cfg(feature = "quadrature")]
            scale,
            #[cfg(feature = "quadrature")]
            nodes: RefCell::default(),
            #[cfg(feature = "quadrature")]
            measures: RefCell::default(),
        }
    }

    pub(crate) fn pretraining(&self) -> Option<&Solution> {
        self.pretraining.as_ref()
    }

    pub(crate) fn state(&self) -> StageState {
        self.state
    }

    /// Pretrained coefficients; `None` where there is no such rule.
    pub(crate) fn nodes(&self, learned: Learned, rule: NodeRule) -> Result<Option<Nodes>> {
        if learned.prior.variance() + self.state.noise > 0.0 {
            return self.integrate(learned, rule);
        }
        Ok(Some([PretrainedNode::known(learned.prior)].into()))
    }

    #[cfg(not(feature = "quadrature"))]
    fn integrate(&self, _: Learned, _: NodeRule) -> Result<Option<Nodes>> {
        Err(Error::QuadratureDisabled { quantity: "the law of pretrained coefficients" })
    }

    #[cfg(not(feature = "quadrature"))]
    pub(crate) fn compression_error(&self, _: Learned, _: usize) -> Result<f64> {
        Ok(f64::INFINITY)
    }

    #[cfg(not(feature = "quadrature"))]
    pub(crate) fn halvings(&self, _: Learned, _: usize) -> Result<u32> {
        Ok(FINE)
    }
}

#[cfg(feature = "quadrature")]
impl PreparedTransfer {
    fn integrate(&self, learned: Learned, rule: NodeRule) -> Result<Option<Nodes>> {
        let bits = learned.bits();
        if let Some(nodes) = self.nodes.borrow().get(&(bits, rule)) {
            return Ok(Some(Rc::clone(nodes)));
        }
        let nodes = match rule {
            NodeRule::Halved(halvings) => {
                Channel::new(learned, self.state, self.scale)?.nodes(halvings)?
            }
            NodeRule::Compressed(count) => {
                let compressed =
                    self.with_measure(learned, count, |measure| measure.gauss(count))?;
                let Some(compressed) = compressed.flatten() else { return Ok(None) };
                compressed?
            }
        };
        let nodes: Nodes = nodes.into();
        self.nodes.borrow_mut().insert((bits, rule), Rc::clone(&nodes));
        Ok(Some(nodes))
    }

    /// By how much, relatively, mean squares of what pretraining observed and learned differ between the
    /// compressed rule and the measure; infinity where there is no such rule.
    pub(crate) fn compression_error(&self, learned: Learned, count: usize) -> Result<f64> {
        if learned.prior.variance() + self.state.noise == 0.0 {
            return Ok(0.0);
        }
        let Some(nodes) = self.integrate(learned, NodeRule::Compressed(count))? else {
            return Ok(f64::INFINITY);
        };
        let error = self.with_measure(learned, count, |measure| {
            let moments = measure.channel.mean_squares(&nodes);
            let errors =
                moments.iter().zip(&measure.mean_squares).map(|(x, y)| (x / y - 1.0).abs());
            errors.fold(0.0, f64::max)
        })?;
        Ok(error.unwrap_or(f64::INFINITY))
    }

    /// How often the steps of the measure are halved that a rule of `count` compresses.
    pub(crate) fn halvings(&self, learned: Learned, count: usize) -> Result<u32> {
        if learned.prior.variance() + self.state.noise == 0.0 {
            return Ok(0);
        }
        Ok(self.with_measure(learned, count, |measure| measure.halvings)?.unwrap_or(FINE))
    }

    /// What `read` finds in the coarsest measure of enough nodes for a rule of `count`; `None` where there is
    /// none.
    fn with_measure<T>(
        &self,
        learned: Learned,
        count: usize,
        read: impl FnOnce(&mut Measure) -> T,
    ) -> Result<Option<T>> {
        let bits = learned.bits();
        let mut measures = self.measures.borrow_mut();
        let measures = measures.entry(bits).or_default();
        for (index, halvings) in (FINE..=FINEST).enumerate() {
            if index == measures.len() {
                let channel = Channel::new(learned, self.state, self.scale)?;
                measures.push(Measure::new(channel, halvings)?);
            }
            match &mut measures[index] {
                Some(measure) if measure.recurrence.len() < 2 * count => {}
                measure => return Ok(measure.as_mut().map(read)),
            }
        }
        Ok(None)
    }
}

/// The effective channel of pretraining for coefficients with one prior.
#[cfg(feature = "quadrature")]
#[derive(Debug, Clone, Copy)]
struct Channel {
    prior: Prior,
    state: StageState,
    /// Scale of the mirror map; where there is no penalty, that of the rule alone.
    scale: f64,
    /// Where nothing but zero is frozen.
    is_frozen_at_zero: bool,
    /// Mean square of pretrained coefficients, and its root.
    unit_squared: f64,
    unit: f64,
}

#[cfg(feature = "quadrature")]
impl Channel {
    fn new(learned: Learned, state: StageState, scale: f64) -> Result<Self> {
        /// Scale below which, in units of the coefficients, too few are for them to matter.
        const RESOLVED: f64 = 1e-17;

        let Learned { prior, input_variance } = learned;
        let state = state.on_inputs(input_variance, SEEN)?;
        let unit_squared = prior.mean_square() + state.noise;
        let unit = unit_squared.sqrt();
        if !(1e-280..=1e300).contains(&unit_squared) {
            return Err(Error::NotRepresentable {
                quantity: "the mean square of pretrained coefficients",
                reason: "it is not within 1e-280 and 1e300",
            });
        }
        let is_frozen_at_zero = scale == 0.0;
        // Without a penalty, coefficients do not depend on the scale, only the rule does.
        let scale =
            if state.penalty == 0.0 { scale.clamp(RESOLVED * unit, 1e17 * unit) } else { scale };
        Ok(Self { prior, state, scale, is_frozen_at_zero, unit_squared, unit })
    }

    /// Nodes of the trapezoidal rule.
    fn nodes(&self, halvings: u32) -> Result<Vec<PretrainedNode>> {
        /// Probabilities below this are left out.
        const NEGLIGIBLE: f64 = 1e-15;

        let &Self { prior, state, scale, unit_squared, unit, .. } = self;
        // At the coarsest, four times the steps of the fine rule.
        let rule = Rule::with_step_factor(4.0 * 0.5_f64.powi(halvings as i32));
        let channel = Proximal::new(&CoordinateGroup::new("", 1.0, prior, scale)?, unit_squared)?;
        let (noise, half_penalty) = (state.noise / unit_squared, 0.5 * state.penalty / unit);
        let slope = channel.variance / (channel.variance + noise);
        let variance = unexplained(prior, state);
        let sign = if prior.mean() < 0.0 { -unit } else { unit };
        let mirrored = prior.mean() == 0.0;
        let mut raw = Vec::new();
        let mut sum = CompensatedSum::new(0.0);
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
        let frozen = |coefficient: f64| coefficient == 0.0 && self.is_frozen_at_zero;
        raw.retain(|(mass, coefficient, ..)| *mass > NEGLIGIBLE * sum && !frozen(*coefficient));
        let sum = raw.iter().map(|(mass, ..)| *mass).collect::<CompensatedSum>().value();
        let node = |(mass, coefficient, mean, motion): (f64, f64, f64, Motion)| {
            let truth = Prior::gaussian(mean, variance)?;
            Ok(PretrainedNode { mass: mass / sum, coefficient, truth, mirrored, motion })
        };
        raw.into_iter().map(node).collect()
    }

    /// The node at `t = asinh(beta_PT/c)`.
    fn node(&self, mass: f64, t: f64) -> Result<PretrainedNode> {
        let &Self { prior, state, scale, .. } = self;
        let map = Hyperbolic::at_scale(scale);
        let half_penalty = 0.5 * state.penalty;
        let point = map.point(t);
        let (coefficient, norm) = (map.coefficient_at(t, point), map.norm(point));
        let by_observation = norm / (norm + half_penalty);
        let deviation = coefficient + half_penalty * t - prior.mean();
        let motion = Motion {
            deviation,
            by_observation,
            by_penalty: -0.5 * t * by_observation,
            by_log_scale: half_penalty * by_observation * t.tanh(),
        };
        Ok(PretrainedNode {
            mass,
            coefficient,
            truth: truth(prior, state, deviation)?,
            mirrored: prior.mean() == 0.0,
            motion,
        })
    }

    /// Mean squares of coefficients and of the distance of observations from their mean.
    fn mean_squares(&self, nodes: &[PretrainedNode]) -> [f64; 2] {
        let mut sums = [CompensatedSum::new(0.0), CompensatedSum::new(0.0)];
        for node in nodes {
            for (sum, x) in sums.iter_mut().zip([node.coefficient, node.motion.deviation]) {
                let x = x / self.unit;
                sum.add(node.mass * x * x);
            }
        }
        sums.map(|sum| sum.value())
    }
}

/// The measure of `t`, or where a node stands for its mirror image, of `t²`, with the moments that a rule has
/// to have.
#[cfg(feature = "quadrature")]
#[derive(Debug)]
struct Measure {
    channel: Channel,
    halvings: u32,
    /// In the variable that runs over an interval of the size of 1.
    recurrence: Recurrence,
    /// Middle and half the length of the interval of `t`; the middle is 0 where it is `t²` that counts.
    middle: f64,
    half: f64,
    mean_squares: [f64; 2],
}

#[cfg(feature = "quadrature")]
impl Measure {
    /// The measure of the trapezoidal rule; `None` where `t` hardly changes, and differences of it would
    /// lose digits.
    fn new(channel: Channel, halvings: u32) -> Result<Option<Self>> {
        const NARROW: f64 = 1e-4;
        let map = Hyperbolic::at_scale(channel.scale);
        let nodes = channel.nodes(halvings)?;
        let points: Vec<f64> = nodes.iter().map(|node| map.marginal_of(node.coefficient)).collect();
        let low = points.iter().copied().fold(f64::INFINITY, f64::min);
        let high = points.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mirrored = channel.prior.mean() == 0.0;
        let (middle, half) =
            if mirrored { (0.0, high) } else { (0.5 * (low + high), 0.5 * (high - low)) };
        if !half.is_normal() || half < NARROW * middle.abs() {
            return Ok(None);
        }
        let standard = |t: &f64| {
            let x = (t - middle) / half;
            if mirrored { x * x } else { x }
        };
        let points = points.iter().map(standard).collect();
        let mean_squares = channel.mean_squares(&nodes);
        let recurrence = Recurrence::new(points, nodes.iter().map(|node| node.mass));
        Ok(Some(Self { channel, halvings, recurrence, middle, half, mean_squares }))
    }

    /// The Gauss rule with `count` nodes.
    fn gauss(&mut self, count: usize) -> Option<Result<Vec<PretrainedNode>>> {
        /// Probabilities below this are left out.
        const NEGLIGIBLE: f64 = 1e-17;
        let mut rule = self.recurrence.gauss(count)?;
        rule.retain(|(_, mass)| *mass > NEGLIGIBLE);
        let sum = rule.iter().map(|(_, mass)| *mass).collect::<CompensatedSum>().value();
        let node = |(x, mass): (f64, f64)| {
            let x = if self.channel.prior.mean() == 0.0 { x.max(0.0).sqrt() } else { x };
            self.channel.node(mass / sum, self.middle + self.half * x)
        };
        Some(rule.into_iter().map(node).collect())
    }
}

/// Both halves of mirrored nodes, as nodes of their own.
pub(crate) fn two_sided(nodes: &[PretrainedNode]) -> Result<Vec<PretrainedNode>> {
    let mut sides = Vec::with_capacity(2 * nodes.len());
    for &node in nodes {
        if node.mirrored {
            let half = PretrainedNode { mass: 0.5 * node.mass, mirrored: false, ..node };
            sides.extend([half, half.opposite()?]);
        } else {
            sides.push(node);
        }
    }
    Ok(sides)
}

/// What pretraining observes of coefficients, and makes of them, at any observation.
#[cfg(feature = "quadrature")]
#[derive(Debug)]
pub(crate) struct Observations {
    prior: Prior,
    state: StageState,
    /// The penalty at the absolute scale of pretraining; `None` without one.
    penalty: Option<Penalty<f64>>,
}

#[cfg(feature = "quadrature")]
impl Observations {
    /// Of coefficients with this prior, by a state as they see it.
    pub(crate) fn new(prior: Prior, state: StageState, scale: f64) -> Result<Self> {
        let penalty = (state.penalty > 0.0).then(|| Penalty::new(scale)).transpose()?;
        Ok(Self { prior, state, penalty })
    }

    /// The node at a standardized observation.
    pub(crate) fn node(&self, x: f64) -> Result<PretrainedNode> {
        let deviation = (self.prior.variance() + self.state.noise).sqrt() * x;
        let z = self.prior.mean() + deviation;
        let coefficient = match &self.penalty {
            Some(penalty) => penalty.proximal(z, self.state.penalty)?.value,
            None => z,
        };
        let motion = Motion { deviation, by_observation: 1.0, by_penalty: 0.0, by_log_scale: 0.0 };
        let truth = truth(self.prior, self.state, deviation)?;
        Ok(PretrainedNode { mass: 1.0, coefficient, truth, mirrored: false, motion })
    }
}

/// The true coefficient, given by how much the observation deviates from its mean.
#[cfg(feature = "quadrature")]
fn truth(prior: Prior, state: StageState, deviation: f64) -> Result<Prior> {
    let explained = prior.variance() / (prior.variance() + state.noise);
    Prior::gaussian(prior.mean() + explained * deviation, unexplained(prior, state))
}

/// Variance of the true coefficient, given the observation.
#[cfg(feature = "quadrature")]
fn unexplained(prior: Prior, state: StageState) -> f64 {
    let (variance, noise) = (prior.variance(), state.noise);
    (variance * (noise / (variance + noise))).min(variance)
}
