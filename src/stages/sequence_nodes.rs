//! The nodes of a sequence: where its stages leave the coordinates of one kind, how a stage moves them, and
//! how many of them are merged into few.

use std::cmp::Ordering;
use std::f64::consts::SQRT_2;

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
use crate::stages::stage_state::StageState;

/// Probabilities below this, relative to all of the parent's, are left out.
const NEGLIGIBLE: f64 = 1e-15;

/// The same where nodes are merged, relative to the kind.
const NEGLIGIBLE_OF_KIND: f64 = 1e-13;

/// Scale below which, in units of the coefficients, too few are for them to matter.
const RESOLVED: f64 = 1e-17;

/// What errors call the state that a coordinate sees.
const SEEN: &str = "the state of a stage in units of an input variance";

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
    pub(crate) input_variance: f64,
    pub(crate) nodes: Vec<SequenceNode>,
    /// Integrals that the nodes are those of, all at once.
    pub(crate) integrals: usize,
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
            input_variance: kind.input_variance(),
            nodes: vec![node],
            integrals: 0,
            prior_covariance: covariance,
        }
    }

    /// Integrals whose nodes are as many as they are, where no other integral follows. Merged nodes count
    /// as theirs.
    pub(crate) const KEPT: usize = 2;

    /// Steps of the next integral over those of the first: what depends on several observations is smoother
    /// in each of them.
    pub(crate) fn step_factor(&self) -> f64 {
        if self.integrals == 0 { 1.0 } else { SQRT_2 }
    }

    /// The groups of a law, one for every node.
    pub(crate) fn groups(&self, channel: &Channel<'_>) -> Result<Vec<CoordinateGroup>> {
        let group = |node: &SequenceNode| {
            let (mean, variance, _) = node.target(channel.target);
            let prior = Prior::gaussian(mean, variance)?;
            let group = node.departure.group(&self.label, self.probability * node.mass, prior)?;
            group.with_input_variance(self.input_variance)
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
    pub(crate) fn errors(
        &self,
        channel: &Channel<'_>,
        state: StageState,
        rule: &Rule,
    ) -> Result<Vec<f64>> {
        let state = state.on_inputs(self.input_variance, SEEN)?;
        let tasks = channel.target.len();
        let mut sums = vec![CompensatedSum::new(0.0); tasks];
        for node in &self.nodes {
            let (mean, variance, covariances) = node.target(channel.target);
            let departure = &node.departure;
            let frozen = departure.scale == 0.0;
            if state.noise == 0.0 && state.penalty == 0.0 && !frozen {
                // All is known of the target, and the coefficient is the target.
                for (task, sum) in sums.iter_mut().enumerate() {
                    let spread =
                        variance - 2.0 * covariances[task] + node.covariance[task * (tasks + 1)];
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
            channel.visit(node, (mean, variance), state, rule, |outcome| {
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

    /// The nodes after a stage, those of a rule, as the `next` stage finds them.
    pub(crate) fn advance(
        &self,
        channel: &Channel<'_>,
        state: StageState,
        rule: &Rule,
        next: &Channel<'_>,
    ) -> Result<Self> {
        let state = state.on_inputs(self.input_variance, SEEN)?;
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
            channel.visit(node, (mean, variance), state, rule, |outcome| {
                outcomes.push(outcome);
            })?;
            let least = if many { NEGLIGIBLE_OF_KIND / node.mass } else { NEGLIGIBLE }.min(0.5);
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
            input_variance: self.input_variance,
            integrals: self.integrals + usize::from(nodes.len() > self.nodes.len()),
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
            let coefficient =
                estimate(channel.mean - channel.shrinkage(channel.mean, half_penalty));
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
                visit(Outcome { share, deviation: sign * deviation, coefficient: estimate(value) });
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

/// Directions in which the nodes of a cell may differ after merging.
const DIRECTIONS: usize = 2;

/// Standard deviation, in units of the width of a cell, that is not worth a direction.
const NARROW: f64 = 3e-3;

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
    let pairs = [
        pair(like_p, p + up),
        pair(like_q, q + down),
        pair(like_r, r + up),
        pair(like_s, s + down),
    ];
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
    /// Width of a cell.
    cell: f64,
    dimension: usize,
    coordinates: Vec<f64>,
}

impl KindNodes {
    /// Nodes in the same cell of width `cell`, put together as four at most.
    ///
    /// A cell spans the logarithms of scales and pairs, and the means of the targets to come in units of
    /// their standard deviations. Along the two directions in which the weights vary most, the new nodes
    /// have the first three moments of those that they replace; all else follows by linear regression. What
    /// that leaves of the means is added to the covariance, so that second moments of all coefficients are
    /// exact.
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
        let cells = Cells { nodes: &self.nodes, cell, dimension, coordinates };
        let mut nodes = Vec::new();
        for members in order.chunk_by(|&a, &b| key(a) == key(b)) {
            if members.len() < FEW {
                nodes.extend(members.iter().map(|&index| self.nodes[index].clone()));
            } else {
                cells.merge(members, &mut nodes);
            }
        }
        Self { nodes, integrals: Self::KEPT, ..self }
    }
}

impl Cells<'_> {
    fn coordinates_of(&self, index: usize) -> &[f64] {
        &self.coordinates[self.dimension * index..self.dimension * (index + 1)]
    }

    /// Adds the nodes that stand for the members of a cell.
    fn merge(&self, members: &[usize], merged: &mut Vec<SequenceNode>) {
        let first = &self.nodes[members[0]];
        let (dimension, tasks) = (self.dimension, first.means.len());
        let masses: Vec<f64> = members.iter().map(|&index| self.nodes[index].mass).collect();
        let mass: f64 = masses.iter().sum();
        let shares: Vec<f64> = masses.iter().map(|part| part / mass).collect();
        // Coordinates, and then the means of all tasks, of one member after another.
        let width = dimension + tasks;
        let mut rest = Vec::with_capacity(width * members.len());
        for &index in members {
            rest.extend(self.coordinates_of(index));
            rest.extend(&self.nodes[index].means);
        }
        let origin = rest[..width].to_vec();
        let mut level = vec![0.0; width];
        for (row, share) in rest.chunks_exact_mut(width).zip(&shares) {
            for ((x, origin), level) in row.iter_mut().zip(&origin).zip(&mut level) {
                *x -= origin;
                *level += share * *x;
            }
        }
        for row in rest.chunks_exact_mut(width) {
            row.iter_mut().zip(&level).for_each(|(x, level)| *x -= level);
        }
        level.iter_mut().zip(&origin).for_each(|(level, origin)| *level += origin);
        let mut directions = Vec::new();
        while directions.len() < DIRECTIONS {
            // What is left of the means goes into the covariance, unless nothing else varies.
            let dimension = if directions.is_empty() { dimension } else { WEIGHT_COORDINATES };
            let Some(direction) = self.direction(&mut rest, width, dimension, &shares) else {
                break;
            };
            directions.push(direction);
        }
        let covariance: Vec<f64> = (0..tasks * tasks)
            .map(|entry| {
                let (row, column) = (dimension + entry / tasks, dimension + entry % tasks);
                let members = members.iter().zip(rest.chunks_exact(width)).zip(&shares);
                let terms = members.map(|((&index, rest), share)| {
                    share * rest[row].mul_add(rest[column], self.nodes[index].covariance[entry])
                });
                terms.sum()
            })
            .collect();
        let mut points = vec![(1.0, level)];
        for Direction { slopes, skewness } in directions {
            let root = skewness.hypot(2.0);
            // Two points of mean 0, variance 1 and this skewness; their product is -1.
            let far = 0.5 * (skewness.abs() + root) * if skewness < 0.0 { -1.0 } else { 1.0 };
            let near = -far.recip();
            let share = far / (far - near);
            let split = |(mass, level): &(f64, Vec<f64>)| {
                [(share, near), (1.0 - share, far)].map(|(share, at)| {
                    let line = level.iter().zip(&slopes);
                    (mass * share, line.map(|(level, slope)| level + slope * at).collect())
                })
            };
            points = points.iter().flat_map(split).collect();
        }
        for (share, point) in points {
            merged.push(SequenceNode {
                mass: mass * share,
                departure: departure_at(&point[..WEIGHT_COORDINATES], &first.departure),
                means: point[dimension..].to_vec(),
                covariance: covariance.clone(),
                symmetric: first.symmetric,
            });
        }
    }

    /// The direction in which what is left of the coordinates varies most, which is then taken out of it;
    /// the weights have precedence.
    fn direction(
        &self,
        rest: &mut [f64],
        width: usize,
        dimension: usize,
        shares: &[f64],
    ) -> Option<Direction> {
        let variance = |axis: usize| {
            let rows = rest.chunks_exact(width).zip(shares);
            rows.map(|(row, share)| share * row[axis] * row[axis]).sum::<f64>()
        };
        let largest = |axes: std::ops::Range<usize>| {
            let variances = axes.map(|axis| (axis, variance(axis)));
            let widest = variances.max_by(|(_, a), (_, b)| a.total_cmp(b));
            widest.filter(|(_, variance)| variance.sqrt() > NARROW * self.cell)
        };
        let (axis, variance) =
            largest(0..WEIGHT_COORDINATES).or_else(|| largest(WEIGHT_COORDINATES..dimension))?;
        let deviation = variance.sqrt();
        let scores: Vec<f64> = rest.chunks_exact(width).map(|row| row[axis] / deviation).collect();
        let skewness = scores.iter().zip(shares).map(|(score, share)| share * score.powi(3)).sum();
        let mut slopes = vec![0.0; width];
        for ((row, score), share) in rest.chunks_exact(width).zip(&scores).zip(shares) {
            slopes.iter_mut().zip(row).for_each(|(slope, x)| *slope += share * score * x);
        }
        for (row, score) in rest.chunks_exact_mut(width).zip(&scores) {
            row.iter_mut().zip(&slopes).for_each(|(x, slope)| *x -= slope * score);
        }
        Some(Direction { slopes, skewness })
    }
}

/// A direction in which the members of a cell vary, by one standard deviation.
struct Direction {
    slopes: Vec<f64>,
    skewness: f64,
}
