//! The nodes of a sequence: where its stages leave the coordinates of one kind, how a stage moves them, and
//! how many of them are merged into few.

use std::cmp::Ordering;

use crate::error::{Error, Result};
use crate::estimator::quadrature::{Proximal, Rule, integrate};
use crate::estimator::signed_unit;
use crate::label::GroupLabel;
use crate::network::initialization::Initialization;
use crate::network::mirror_map::Hyperbolic;
use crate::network::paired_weights::{Departure, PairedWeights};
use crate::network::protocol::{Protocol, TrainedLayers};
use crate::numerics::sum::CompensatedSum;
use crate::problem::feature_kind::FeatureKind;
use crate::problem::law::CoordinateGroup;
use crate::problem::prior::Prior;

/// Probabilities below this, relative to all of the parent's, are left out.
const NEGLIGIBLE: f64 = 1e-15;

/// The same where nodes are merged, relative to the kind.
const NEGLIGIBLE_OF_KIND: f64 = 1e-13;

/// Scale below which, in units of the coefficients, too few are for them to matter.
const RESOLVED: f64 = 1e-17;

/// Coordinates of one kind that are in the same state.
#[derive(Debug, Clone)]
pub(crate) struct SequenceNode {
    /// Probability inside of the kind.
    pub(crate) mass: f64,
    /// Where the next stage finds the weights.
    departure: Departure,
    /// Means and covariance of the coefficients of all tasks, given what was observed.
    means: Vec<f64>,
    /// By rows.
    covariance: Vec<f64>,
    /// Whether nothing tells the two signs apart.
    symmetric: bool,
}

/// All nodes of one kind.
#[derive(Debug, Clone)]
pub(crate) struct KindNodes {
    pub(crate) label: GroupLabel,
    pub(crate) probability: f64,
    pub(crate) nodes: Vec<SequenceNode>,
    /// Covariance of the coefficients before training, by rows.
    prior_covariance: Vec<f64>,
}

/// A stage of training with its state: what it does to a node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Channel<'a> {
    pub(crate) protocol: Protocol,
    pub(crate) readout_scale: f64,
    /// Weights of the tasks in the target, which sum to 1.
    pub(crate) target: &'a [f64],
}

/// Effective noise and penalty of a stage.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StageState {
    pub(crate) noise: f64,
    pub(crate) penalty: f64,
}

/// The estimates of one node under one observation.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    /// Share of the node's probability.
    share: f64,
    /// `z - E[z]`; 0 where nothing is observed.
    deviation: f64,
    coefficient: f64,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

impl SequenceNode {
    /// Mean and variance of the target, and its covariance with the coefficients of all tasks.
    fn target(&self, weights: &[f64]) -> (f64, f64, Vec<f64>) {
        let count = weights.len();
        let covariances: Vec<f64> =
            self.covariance.chunks_exact(count).map(|row| dot(row, weights)).collect();
        let variance = dot(&covariances, weights).max(0.0);
        (dot(&self.means, weights), variance, covariances)
    }
}

impl KindNodes {
    /// The one node of a kind before training.
    pub(crate) fn new(
        kind: &FeatureKind,
        initialization: &Initialization,
        first: &Channel<'_>,
    ) -> Self {
        let means: Vec<f64> = kind.means().iter().copied().collect();
        // Symmetric, so that columns are rows.
        let covariance: Vec<f64> = kind.covariance().iter().copied().collect();
        let node = SequenceNode {
            mass: 1.0,
            departure: first.depart(&PairedWeights::at(initialization)),
            symmetric: means.iter().all(|mean| *mean == 0.0),
            means,
            covariance: covariance.clone(),
        };
        Self {
            label: kind.label().clone(),
            probability: kind.probability(),
            nodes: vec![node],
            prior_covariance: covariance,
        }
    }

    /// The groups of a law, one for every node.
    pub(crate) fn groups(&self, channel: &Channel<'_>) -> Result<Vec<CoordinateGroup>> {
        let group = |node: &SequenceNode| {
            let (mean, variance, _) = node.target(channel.target);
            let prior = Prior::gaussian(mean, variance)?;
            node.departure.group(&self.label, self.probability * node.mass, prior)
        };
        self.nodes.iter().map(group).collect()
    }

    /// Mean square of what is to be learned on coordinates that cannot move.
    pub(crate) fn frozen_signal(&self, channel: &Channel<'_>) -> f64 {
        let frozen = self.nodes.iter().filter(|node| node.departure.scale == 0.0);
        let signal = |node: &SequenceNode| {
            let (mean, variance, _) = node.target(channel.target);
            let distance = mean - node.departure.start;
            node.mass * distance.mul_add(distance, variance)
        };
        frozen.map(signal).collect::<CompensatedSum>().value()
    }

    /// `E[(b - B_j)²]` for every task, after a stage with this state.
    pub(crate) fn errors(&self, channel: &Channel<'_>, state: StageState) -> Result<Vec<f64>> {
        let tasks = channel.target.len();
        let mut sums = vec![CompensatedSum::new(0.0); tasks];
        for node in &self.nodes {
            let (mean, variance, covariances) = node.target(channel.target);
            let departure = &node.departure;
            let frozen = departure.scale == 0.0;
            if state.noise == 0.0 && state.penalty == 0.0 && !frozen {
                // All is known of the target, and the coefficient is the target.
                for (task, sum) in sums.iter_mut().enumerate() {
                    let spread = variance - 2.0 * covariances[task]
                        + node.covariance[task * (tasks + 1)];
                    let distance = mean - node.means[task];
                    sum.add(node.mass * distance.mul_add(distance, spread.max(0.0)));
                }
                continue;
            }
            let total = variance + state.noise;
            let observed = !frozen && total > 0.0;
            let slopes: Vec<f64> = covariances
                .iter()
                .map(|covariance| if observed { covariance / total } else { 0.0 })
                .collect();
            let mut moments = vec![0.0; tasks];
            channel.visit(node, (mean, variance), state, &Rule::FINE, |outcome| {
                for (task, moment) in moments.iter_mut().enumerate() {
                    let conditional = slopes[task].mul_add(outcome.deviation, node.means[task]);
                    let distance = outcome.coefficient - conditional;
                    *moment += outcome.share * (distance * distance);
                }
            })?;
            for (task, sum) in sums.iter_mut().enumerate() {
                let left = node.covariance[task * (tasks + 1)] - slopes[task] * covariances[task];
                sum.add(node.mass * (moments[task] + left.max(0.0)));
            }
        }
        Ok(sums.into_iter().map(CompensatedSum::value).collect())
    }

    /// The nodes after a stage, with the rule's steps `factor` times those of the fine one, as the `next`
    /// stage finds them.
    pub(crate) fn advance(
        &self,
        channel: &Channel<'_>,
        state: StageState,
        factor: f64,
        next: &Channel<'_>,
    ) -> Result<Self> {
        let rule = Rule::with_step_factor(factor);
        let tasks = channel.target.len();
        let many = self.nodes.len() > 1;
        let mut nodes = Vec::new();
        for node in &self.nodes {
            let departure = &node.departure;
            let (mean, variance, covariances) = node.target(channel.target);
            let total = variance + state.noise;
            let observed = departure.scale > 0.0 && total > 0.0;
            let (slopes, covariance) = if observed {
                let slopes: Vec<f64> = covariances.iter().map(|c| c / total).collect();
                let covariance = (0..tasks * tasks).map(|index| {
                    let (row, column) = (index / tasks, index % tasks);
                    let left = node.covariance[index] - slopes[row] * covariances[column];
                    if row == column { left.max(0.0) } else { left }
                });
                let covariance = covariance.collect();
                (slopes, covariance)
            } else {
                (vec![0.0; tasks], node.covariance.clone())
            };
            let mut outcomes = Vec::new();
            channel.visit(node, (mean, variance), state, &rule, |outcome| {
                outcomes.push(outcome);
            })?;
            let least =
                if many { NEGLIGIBLE_OF_KIND / node.mass } else { NEGLIGIBLE }.min(0.5);
            let largest = outcomes.iter().map(|outcome| outcome.share).fold(0.0, f64::max);
            outcomes.retain(|outcome| outcome.share > least || outcome.share == largest);
            let kept = outcomes.iter().map(|outcome| outcome.share);
            let kept = kept.collect::<CompensatedSum>().value();
            for Outcome { share, deviation, coefficient } in outcomes {
                let means = node.means.iter().zip(&slopes);
                nodes.push(SequenceNode {
                    mass: node.mass * share / kept,
                    departure: next.depart(&departure.arrive(channel.protocol, coefficient)),
                    means: means.map(|(mean, slope)| slope.mul_add(deviation, *mean)).collect(),
                    covariance: covariance.clone(),
                    symmetric: node.symmetric && !observed,
                });
            }
        }
        Ok(Self {
            label: self.label.clone(),
            probability: self.probability,
            nodes,
            prior_covariance: self.prior_covariance.clone(),
        })
    }
}

impl Departure {
    fn group(&self, label: &GroupLabel, weight: f64, prior: Prior) -> Result<CoordinateGroup> {
        CoordinateGroup::new(label.clone(), weight.min(1.0), prior, self.scale)?
            .with_start(self.start)?
            .with_centre(self.centre)
    }
}

impl Channel<'_> {
    fn depart(&self, weights: &PairedWeights) -> Departure {
        weights.depart(self.protocol, self.readout_scale)
    }

    /// Visits the estimates of a node.
    fn visit(
        &self,
        node: &SequenceNode,
        (mean, variance): (f64, f64),
        state: StageState,
        rule: &Rule,
        mut visit: impl FnMut(Outcome),
    ) -> Result<()> {
        let StageState { noise, penalty } = state;
        let Departure { scale, start, centre, .. } = node.departure;
        if scale == 0.0 {
            visit(Outcome { share: 1.0, deviation: 0.0, coefficient: start });
            return Ok(());
        }
        let frozen_layer = self.protocol.trained_layers() != TrainedLayers::Both;
        // The part of the way to the observation that a linear estimate goes.
        let part = 1.0 / (1.0 + 0.5 * penalty / scale);
        let linear = frozen_layer || penalty == 0.0;
        let total = variance + noise;
        if total == 0.0 && linear {
            let coefficient = if penalty == 0.0 { mean } else { start + part * (mean - start) };
            visit(Outcome { share: 1.0, deviation: 0.0, coefficient });
            return Ok(());
        }
        let prior = Prior::gaussian(mean, variance)?;
        let shift = mean - centre;
        let distance = if linear { 0.0 } else { start - centre };
        let unit_squared = shift.mul_add(shift, total) + distance * distance;
        if !(1e-280..=1e300).contains(&unit_squared) {
            return Err(Error::NotRepresentable {
                quantity: "the mean square of coefficients between stages",
                reason: "it is not within 1e-280 and 1e300",
            });
        }
        let unit = unit_squared.sqrt();
        let group = if linear {
            // Nodes of the observation; only the rule depends on the scale.
            let scale = scale.clamp(RESOLVED * unit, 1e17 * unit);
            CoordinateGroup::new("", 1.0, prior, scale)?
        } else {
            node.departure.group(&GroupLabel::from(""), 1.0, prior)?
        };
        let half_penalty = if linear { 0.0 } else { 0.5 * penalty / unit };
        let sign = signed_unit(&group, unit_squared);
        let channel = Proximal::new(&group, unit_squared)?;
        let origin = group.centre();
        let estimate = |estimate: f64| {
            let estimate = origin + sign * estimate;
            if linear && penalty > 0.0 { start + part * (estimate - start) } else { estimate }
        };
        if total == 0.0 {
            let coefficient = estimate(channel.mean - channel.shrinkage(channel.mean, half_penalty));
            visit(Outcome { share: 1.0, deviation: 0.0, coefficient });
            return Ok(());
        }
        let halved = channel.mean == 0.0 && channel.start == 0.0;
        let mut mass = CompensatedSum::new(0.0);
        let mut raw = Vec::new();
        integrate(&channel, noise / unit_squared, half_penalty, rule, |point| {
            mass.add(point.mass);
            raw.push((point.mass, point.deviation, point.estimate));
        });
        let mass = mass.value();
        for (part, deviation, value) in raw {
            let share = part / mass;
            if !halved || node.symmetric {
                visit(Outcome {
                    share,
                    deviation: sign * deviation,
                    coefficient: estimate(value),
                });
                continue;
            }
            for side in [1.0, -1.0] {
                visit(Outcome {
                    share: 0.5 * share,
                    deviation: side * sign * deviation,
                    coefficient: estimate(side * value),
                });
            }
        }
        Ok(())
    }
}

/// A coordinate of the space in which nodes are merged, and what cannot be averaged in it.
#[derive(Debug, Clone, Copy)]
struct Logarithm {
    /// -1, 0 or 1.
    sign: i32,
    /// `ln |x|`, 0 for `x = 0`.
    value: f64,
}

impl Logarithm {
    fn of(x: f64) -> Self {
        if x == 0.0 {
            return Self { sign: 0, value: 0.0 };
        }
        Self { sign: if x > 0.0 { 1 } else { -1 }, value: x.abs().ln() }
    }
}

/// Coordinates of a departure: `ln scale`, `asinh(start/scale)`, and the logarithms of the pairs less those
/// that equal paths would have there.
const WEIGHT_COORDINATES: usize = 6;

fn weight_coordinates(departure: &Departure) -> ([f64; WEIGHT_COORDINATES], [i32; 5]) {
    let scale = Logarithm::of(departure.scale);
    let turn = if scale.sign == 0 {
        departure.start
    } else {
        Hyperbolic { scale: departure.scale }.slopes(departure.start).arc
    };
    let [p, q, r, s] = departure.weights.pairs.map(Logarithm::of);
    let up = 0.5 * (scale.value + turn);
    let down = 0.5 * (scale.value - turn);
    (
        [scale.value, turn, p.value - up, q.value - down, r.value - up, s.value - down],
        [scale.sign, p.sign, q.sign, r.sign, s.sign],
    )
}

/// The departure at coordinates, for what has the signs and the protocol of another.
fn departure_at(coordinates: &[f64], like: &Departure) -> Departure {
    let &[log_scale, turn, p, q, r, s] = coordinates else { return *like };
    let scale = if like.scale == 0.0 { 0.0 } else { log_scale.exp() };
    let start = if scale == 0.0 {
        turn
    } else {
        Hyperbolic { scale }.coefficient(turn.abs()).copysign(turn)
    };
    let (up, down) = (0.5 * (log_scale + turn), 0.5 * (log_scale - turn));
    let pair = |known: f64, value: f64| {
        if known == 0.0 { 0.0 } else { value.exp().copysign(known) }
    };
    let [like_p, like_q, like_r, like_s] = like.weights.pairs;
    let pairs =
        [pair(like_p, p + up), pair(like_q, q + down), pair(like_r, r + up), pair(like_s, s + down)];
    Departure {
        weights: PairedWeights::of_pairs(pairs, start),
        scale,
        start,
        centre: if like.centre == 0.0 { 0.0 } else { start },
    }
}

/// Nodes of a kind with their coordinates, in the order of their cells.
struct Cells<'a> {
    nodes: &'a [SequenceNode],
    dimension: usize,
    coordinates: Vec<f64>,
}

impl KindNodes {
    /// Nodes in the same cell of width `cell`, put together as two at most.
    ///
    /// A cell spans the logarithm of scales and pairs, and the means of the targets to come in units of
    /// their standard deviations. Along the coordinate of largest variance the two nodes have the first
    /// three moments of those that they replace; the others follow by linear regression. What it leaves of
    /// the means is added to the covariance, so that second moments of all coefficients are exact. The
    /// error is of fourth order in the width where one coordinate varies, and of third order otherwise.
    pub(crate) fn merged(self, targets: &[&[f64]], cell: f64) -> Self {
        /// Fewer nodes than this are not worth an error.
        const FEW: usize = 3;
        let tasks = targets.first().map_or(0, |target| target.len());
        let mut axes: Vec<(&[f64], f64)> = Vec::new();
        for target in targets {
            let covariances = self.prior_covariance.chunks_exact(tasks).map(|row| dot(row, target));
            let variance = dot(&covariances.collect::<Vec<_>>(), target);
            if variance > 0.0 && axes.iter().all(|(known, _)| known != target) {
                axes.push((target, variance.sqrt()));
            }
        }
        let dimension = WEIGHT_COORDINATES + axes.len();
        let mut coordinates = Vec::with_capacity(dimension * self.nodes.len());
        let mut keys = Vec::new();
        for node in &self.nodes {
            let (weights, signs) = weight_coordinates(&node.departure);
            coordinates.extend(weights);
            let means = axes.iter().map(|(target, deviation)| dot(target, &node.means) / deviation);
            coordinates.extend(means);
            let own = &coordinates[coordinates.len() - dimension..];
            keys.extend(signs);
            keys.extend(own.iter().map(|x| (x / cell).round() as i32));
        }
        let stride = keys.len() / self.nodes.len().max(1);
        let key = |index: usize| &keys[stride * index..stride * (index + 1)];
        let mut order: Vec<usize> = (0..self.nodes.len()).collect();
        order.sort_by(|&a, &b| match key(a).cmp(key(b)) {
            Ordering::Equal => a.cmp(&b),
            unequal => unequal,
        });
        let cells = Cells { nodes: &self.nodes, dimension, coordinates };
        let mut nodes = Vec::new();
        for members in order.chunk_by(|&a, &b| key(a) == key(b)) {
            if members.len() < FEW {
                nodes.extend(members.iter().map(|&index| self.nodes[index].clone()));
            } else {
                cells.merge(members, &mut nodes);
            }
        }
        Self { nodes, ..self }
    }
}

impl Cells<'_> {
    fn coordinates_of(&self, index: usize) -> &[f64] {
        &self.coordinates[self.dimension * index..self.dimension * (index + 1)]
    }

    /// Adds the nodes that stand for the members of a cell.
    fn merge(&self, members: &[usize], merged: &mut Vec<SequenceNode>) {
        /// Variance of a coordinate that is one of rounding.
        const ROUNDING: f64 = 1e-24;
        let first = &self.nodes[members[0]];
        let tasks = first.means.len();
        let mass: f64 = members.iter().map(|&index| self.nodes[index].mass).sum();
        let average = |values: &dyn Fn(usize) -> f64| {
            members.iter().map(|&index| self.nodes[index].mass * values(index)).sum::<f64>() / mass
        };
        let centre: Vec<f64> = (0..self.dimension)
            .map(|axis| {
                let origin = self.coordinates_of(members[0])[axis];
                origin + average(&|index| self.coordinates_of(index)[axis] - origin)
            })
            .collect();
        let means: Vec<f64> =
            (0..tasks).map(|task| average(&|index| self.nodes[index].means[task])).collect();
        let distance = |index: usize, axis: usize| self.coordinates_of(index)[axis] - centre[axis];
        let variances: Vec<f64> = (0..self.dimension)
            .map(|axis| average(&|index| distance(index, axis).powi(2)))
            .collect();
        let principal = (0..self.dimension)
            .max_by(|&a, &b| variances[a].total_cmp(&variances[b]))
            .unwrap_or_default();
        let variance = variances[principal];
        let deviation = variance.sqrt();
        let along = |index: usize| distance(index, principal) / deviation;
        let is_point = variance <= ROUNDING;
        let slope = |values: &dyn Fn(usize) -> f64| {
            if is_point { 0.0 } else { average(&|index| along(index) * values(index)) }
        };
        let slopes: Vec<f64> =
            (0..self.dimension).map(|axis| slope(&|index| distance(index, axis))).collect();
        let mean_distance = |index: usize, task: usize| self.nodes[index].means[task] - means[task];
        let mean_slopes: Vec<f64> =
            (0..tasks).map(|task| slope(&|index| mean_distance(index, task))).collect();
        let covariance: Vec<f64> = (0..tasks * tasks)
            .map(|entry| {
                let (row, column) = (entry / tasks, entry % tasks);
                let within = average(&|index| self.nodes[index].covariance[entry]);
                let between =
                    average(&|index| mean_distance(index, row) * mean_distance(index, column));
                let left = between - mean_slopes[row] * mean_slopes[column];
                within + if row == column { left.max(0.0) } else { left }
            })
            .collect();
        let points = if is_point {
            vec![(1.0, 0.0)]
        } else {
            let skewness = average(&|index| along(index).powi(3));
            let root = skewness.hypot(2.0);
            // Their product is -1.
            let larger = 0.5 * (skewness.abs() + root) * if skewness < 0.0 { -1.0 } else { 1.0 };
            let smaller = -larger.recip();
            let share = larger / (larger - smaller);
            vec![(share, smaller), (1.0 - share, larger)]
        };
        for (share, at) in points {
            let line = |level: &[f64], slopes: &[f64]| {
                level.iter().zip(slopes).map(|(level, slope)| level + slope * at).collect::<Vec<_>>()
            };
            let coordinates = line(&centre, &slopes);
            merged.push(SequenceNode {
                mass: mass * share,
                departure: departure_at(&coordinates[..WEIGHT_COORDINATES], &first.departure),
                means: line(&means, &mean_slopes),
                covariance: covariance.clone(),
                symmetric: first.symmetric,
            });
        }
    }
}
