//! Gaussian expectations of the proximal map.
//!
//! With `b = c sinh(t)` the proximal equation `b + h t = z` (`h = theta/2`) is explicit, so no
//! integral needs a solver inside: the integration variable is `t`, and `dz = (c cosh t + h) dt`.
//! The integrands are entire in `t` and decay double-exponentially, so that the trapezoidal rule
//! converges geometrically: its error is the Fourier transform of the integrand at
//! `omega = 2 pi / step`. Where the exponential dominates, `z - m = r e^(iy) - m` on the line
//! `Im t = y`, and the Gaussian grows by `exp((m/S)² sin²(y) / (2 cos(2y)))` while the transform falls
//! by `exp(-omega y)`: the best `y` gives `exp(-pi omega/4)` for `m = 0`, and asks for a step that
//! shrinks as `1/(1/step + shift m/S)` for other means. Where `z` is linear in `t`, the integrand is
//! a Gaussian in `t`, and the error is `exp(-2 pi² (S/(dz/dt))² / step²)`. In between, the Gaussian
//! grows by no more than `exp((c/S)² sin²(y)/2)` up to `y = pi/4`.
//!
//! Where the coefficient starts at `c sinh(t0)` instead of 0, the proximal equation is
//! `b + h (t - t0) = z`: that of a start at 0 with `z` and its mean moved by `h t0`. Only the
//! shrinkage is then counted from `t0`.

use crate::network::mirror_map::{Hyperbolic, MirrorMap, Place, Walk};
use crate::numerics::exponential::exp_of_negative;
use crate::numerics::lanes::{LANES, Lanes};

/// The Gaussian channel of one group: `z = beta* + s Z` with `beta* ~ N(mean, variance)`.
///
/// The mean is not negative; the problem is symmetric under a common change of sign.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Proximal {
    pub(crate) mean: f64,
    pub(crate) variance: f64,
    pub(crate) scale: f64,
    /// Coefficient from which training starts.
    pub(crate) start: f64,
}

impl Proximal {
    /// The marginal `P` at the start.
    fn marginal_at_start<M: MirrorMap>(&self) -> f64 {
        if self.start == 0.0 { 0.0 } else { M::at_scale(self.scale).marginal_of(self.start) }
    }

    /// The marginal `P` at the estimate of `z`, and its distance `P - P0` from that at the start.
    fn marginal_and_distance<M: MirrorMap>(&self, z: f64, half_penalty: f64) -> (f64, f64) {
        let map = M::at_scale(self.scale);
        if self.start == 0.0 {
            let marginal = if z == 0.0 { 0.0 } else { map.proximal_marginal(z, half_penalty) };
            return (marginal, marginal);
        }
        let at_start = self.marginal_at_start::<M>();
        if z == self.start {
            // A coefficient that is learned already has no error, not even one of rounding.
            return (at_start, 0.0);
        }
        // In units in which the start cannot take the sum beyond floats.
        let unit = if half_penalty > 1e300 { 0.5_f64.powi(20) } else { 1.0 };
        let shifted = unit * z + unit * half_penalty * at_start;
        let scaled = M::at_scale(unit * self.scale);
        let mut distance = scaled.proximal_marginal(shifted, unit * half_penalty) - at_start;
        if distance.abs() < 1.0 {
            // The difference has lost digits that steps in the distance itself restore.
            let start = map.point_of(self.start);
            for _ in 0..2 {
                let [moved, norm] = map.moved(start, distance);
                let speed = norm + half_penalty;
                distance -= ((moved - (z - self.start)) + half_penalty * distance) / speed;
            }
        }
        (at_start + distance, distance)
    }

    /// Shrinkage `z - b` at `z`.
    pub(crate) fn shrinkage(&self, z: f64, half_penalty: f64) -> f64 {
        half_penalty * self.marginal_and_distance::<Hyperbolic<f64>>(z, half_penalty).1
    }

    /// The `z` at which the estimate is `estimate`.
    pub(crate) fn observation_of(&self, estimate: f64, half_penalty: f64) -> f64 {
        let marginal = self.map().marginal_of(estimate);
        estimate + half_penalty * (marginal - self.marginal_at_start::<Hyperbolic<f64>>())
    }
}

/// How finely and how far to integrate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    /// Largest step in `t` around a mean of zero.
    step: f64,
    /// Growth of the inverse step with the estimate at the mean, in standard deviations of `z`.
    shift: f64,
    /// Largest step in units of the standard deviation of `z`.
    deviations: f64,
    /// Distance of the cut-off from where the map responds, in standard deviations of `z`.
    reach: f64,
}

impl Rule {
    /// Relative accuracy 1e-12 of the integrals, and mostly 1e-14.
    pub(crate) const FINE: Self = Self { step: 0.15, shift: 1.15, deviations: 0.6, reach: 8.9 };

    /// Relative accuracy of some 1e-3, at a quarter of the cost.
    pub(crate) const ROUGH: Self = Self { step: 0.6, shift: 0.4, deviations: 1.3, reach: 4.5 };

    /// Relative accuracy 1e-6, at half the cost.
    pub(crate) const COARSE: Self = Self { step: 0.28, shift: 0.8, deviations: 0.9, reach: 6.4 };

    /// The fine rule with steps `factor` times as long.
    pub(crate) fn with_step_factor(factor: f64) -> Self {
        let Self { step, shift, deviations, reach } = Self::FINE;
        Self { step: step * factor, shift: shift / factor, deviations: deviations * factor, reach }
    }

    /// Steps of 0.15 `factor`, and all else so that the errors, which the top of this file gives, have the
    /// same logarithm: `-pi²/(2 step)`, `-2 pi² shift²`, `-2 pi²/deviations²` and `-reach²/2` are about
    /// `-36/factor`.
    pub(crate) fn with_accuracy_factor(factor: f64) -> Self {
        let root = factor.sqrt();
        Self { step: 0.15 * factor, shift: 1.35 / root, deviations: 0.74 * root, reach: 8.5 / root }
    }

    /// A rule to judge the others by.
    #[cfg(test)]
    pub(crate) const REFERENCE: Self =
        Self { step: 0.05, shift: 3.0, deviations: 0.2, reach: 12.0 };
}

/// More nodes than any walk takes: `t` changes by less than 1600 over all floats, and a mean that the
/// walk passes on its way from zero is within 38 deviations, which bounds the step from below by 1/52
/// under the fine rule, and by a 64th of that where the steps are halved most often.
const MOST_NODES: usize = 1 << 23;

/// One node of the rule, or several in lanes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<T = f64> {
    /// Probability mass of the node, the quadrature weight of an expectation.
    pub(crate) mass: T,
    /// Mass times `db/dz`.
    pub(crate) response: T,
    /// Mass times `1 - db/dz`.
    pub(crate) resistance: T,
    /// Mass times the derivative of `db/dz` in log theta at fixed `z`.
    pub(crate) response_by_penalty: T,
    /// The estimate `b`.
    pub(crate) estimate: T,
    /// `h (P - P0)`, the shrinkage `z - b`.
    pub(crate) shrinkage: T,
    /// `z - mean`.
    pub(crate) deviation: T,
    /// `(z - mean)² / (variance + s²)`.
    pub(crate) deviation_squared: T,
    /// `E[beta* | z] - b`.
    pub(crate) bias: T,
    /// `db/dz`.
    pub(crate) slope: T,
    /// `1 - db/dz`.
    pub(crate) stiffness: T,
    /// `1 / (sqrt(c² + b²) + h)`.
    pub(crate) inverse_speed: T,
    /// `c / sqrt(c² + b²)`.
    pub(crate) scale_share: T,
    /// `b / sqrt(c² + b²)`.
    pub(crate) estimate_share: T,
    /// `P - P0`.
    distance: T,
    /// `h db/dz`.
    pull: T,
    at_start: Start,
}

/// Functions of the start `b0` at a node.
#[derive(Debug, Clone, Copy)]
struct Start {
    /// `1 / sqrt(c² + b0²)`.
    inverse_norm: f64,
    /// `c / sqrt(c² + b0²)`.
    scale_share: f64,
    /// `b0 / sqrt(c² + b0²)`.
    estimate_share: f64,
}

impl Node<Lanes> {
    /// Nodes that leave every sum undefined.
    fn undefined() -> Self {
        let nan = Lanes::splat(f64::NAN);
        Self {
            mass: nan,
            response: nan,
            resistance: nan,
            response_by_penalty: nan,
            estimate: nan,
            shrinkage: nan,
            deviation: nan,
            deviation_squared: nan,
            bias: nan,
            slope: nan,
            stiffness: nan,
            inverse_speed: nan,
            scale_share: nan,
            estimate_share: nan,
            distance: nan,
            pull: nan,
            at_start: Start {
                inverse_norm: f64::NAN,
                scale_share: f64::NAN,
                estimate_share: f64::NAN,
            },
        }
    }

    /// The node of one lane.
    #[inline(always)]
    fn lane(&self, lane: usize) -> Node {
        Node {
            mass: self.mass.0[lane],
            response: self.response.0[lane],
            resistance: self.resistance.0[lane],
            response_by_penalty: self.response_by_penalty.0[lane],
            estimate: self.estimate.0[lane],
            shrinkage: self.shrinkage.0[lane],
            deviation: self.deviation.0[lane],
            deviation_squared: self.deviation_squared.0[lane],
            bias: self.bias.0[lane],
            slope: self.slope.0[lane],
            stiffness: self.stiffness.0[lane],
            inverse_speed: self.inverse_speed.0[lane],
            scale_share: self.scale_share.0[lane],
            estimate_share: self.estimate_share.0[lane],
            distance: self.distance.0[lane],
            pull: self.pull.0[lane],
            at_start: self.at_start,
        }
    }
}

impl Node {
    /// `tanh t - tanh t0`.
    pub(crate) fn turn(&self) -> f64 {
        let start = self.at_start;
        // Beyond, the hyperbolic sine may overflow, and the two are not close.
        if start.estimate_share != 0.0 && self.distance.abs() < 300.0 {
            self.distance.sinh() * self.scale_share * start.scale_share
        } else {
            self.estimate_share - start.estimate_share
        }
    }

    /// The penalty of the estimate, where training starts at 0.
    pub(crate) fn penalty_from_zero(&self) -> f64 {
        let chord = self.estimate_share / (1.0 + self.scale_share);
        0.5 * self.estimate * (self.distance - chord)
    }

    /// `db/dlog c` at fixed `z`.
    pub(crate) fn estimate_by_scale(&self) -> f64 {
        self.pull * self.turn()
    }

    /// `db/dh` at fixed `z`.
    pub(crate) fn estimate_by_half_penalty(&self) -> f64 {
        -self.distance * self.slope
    }

    /// `db/db0` at fixed `z`.
    pub(crate) fn estimate_by_start(&self) -> f64 {
        self.pull * self.at_start.inverse_norm
    }
}

/// Visits the nodes of the rule for `z ~ N(mean, variance + noise)`, with `noise = s²` and
/// `half_penalty = theta/2`, and returns their number. Where floats cannot hold the step, the one
/// node is undefined, and with it every sum.
#[inline(always)]
pub(crate) fn integrate(
    channel: &Proximal,
    noise: f64,
    half_penalty: f64,
    rule: &Rule,
    mut visit: impl FnMut(Node),
) -> usize {
    integrate_over::<Hyperbolic<f64>>(channel, noise, half_penalty, rule, &mut OneByOne(&mut visit))
}

/// What is done with nodes, several at a time: the first `count` are nodes, and the others have no mass.
pub(crate) trait Visitor {
    fn visit(&mut self, nodes: &Node<Lanes>, count: usize);
}

/// Visits one node after the other.
struct OneByOne<F>(F);

impl<F: FnMut(Node)> Visitor for OneByOne<F> {
    #[inline(always)]
    fn visit(&mut self, nodes: &Node<Lanes>, count: usize) {
        (0..count).for_each(|lane| (self.0)(nodes.lane(lane)));
    }
}

/// The same for any mirror map and visitor.
#[inline(always)]
pub(crate) fn integrate_over<M: MirrorMap>(
    channel: &Proximal,
    noise: f64,
    half_penalty: f64,
    rule: &Rule,
    visitor: &mut impl Visitor,
) -> usize {
    let &Proximal { mean, variance, mut scale, start } = channel;
    let mut half_penalty = half_penalty;
    let total = variance + noise;
    let spread = total.sqrt();
    // A response that is all in the tail of the Gaussian must be resolved, too: it is largest at the
    // threshold, or before it where the exponential wins over the Gaussian. Beyond 38 deviations the
    // density underflows.
    let threshold = M::at_scale(scale).threshold(half_penalty);
    let tail = (threshold / spread).min(spread / half_penalty);
    let cut = (rule.reach + tail).min(38.0) * spread;
    // Where t stays this small, sinh(t) = t to the last bit and only the ratio of scale and penalty
    // matters: a common factor keeps t itself away from underflow.
    let largest = 1e8 * (mean + start.abs() + cut);
    let sum = scale + half_penalty;
    let mut factor = 1.0;
    if largest < sum && 1e8 * start.abs() <= largest * (scale / sum) {
        scale = largest * (scale / sum);
        half_penalty = largest * (half_penalty / sum);
        factor = largest / sum;
    }
    let scaled = Proximal { scale, ..*channel };
    let map = M::at_scale(scale);
    let (mean_marginal, mean_distance) = scaled.marginal_and_distance::<M>(mean, half_penalty);
    let mean_parameter = map.parameter(mean_marginal);
    let at_mean = map.point(mean_parameter);
    // dz/dP at the mean.
    let speed = map.norm(at_mean) + half_penalty;
    let estimate_at_mean = map.coefficient_at(mean_parameter, at_mean);
    let bend =
        spread / rule.step + rule.shift * estimate_at_mean.abs() + 0.5 * (scale + half_penalty);
    let bend = M::GROWTH * bend.max(speed / rule.deviations);
    // Where t changes by so little that floats cannot hold it, the map is linear, and t is counted in
    // smaller units from the mean.
    let linear = spread / bend < 1e-200;
    let stretch = if linear { 2.0_f64.powi(500) } else { 1.0 };
    let step = spread * stretch / bend;
    if !step.is_normal() {
        // All of the Gaussian is within a distance in t that underflows.
        visitor.visit(&Node::undefined(), 1);
        return 1;
    }

    // Nodes are counted from the mean, so that a narrow Gaussian around a large mean keeps its
    // digits, unless the Gaussian extends to an estimate of zero, where the exponentials of the mean
    // would cancel.
    let start_marginal = mean_marginal - mean_distance;
    let mean_from_zero = mean + half_penalty * start_marginal;
    let symmetric = mean == 0.0 && start == 0.0;
    let centred = cut <= mean_from_zero.abs() || symmetric || linear;
    // `P - P0` at the origin.
    let origin = if centred { mean_distance } else { -start_marginal };
    let origin_point = if centred { at_mean } else { map.point(0.0) };
    let origin_estimate = if centred { estimate_at_mean } else { 0.0 };
    let origin_deviation = if centred { 0.0 } else { -mean_from_zero };

    // E[beta*|z] - b, written so that neither a small noise nor a small variance cancels.
    let slope = variance / total;
    let [bias_0, bias_shrinkage, bias_deviation, bias_estimate] = if variance > noise {
        [0.0, 1.0, -noise / total, 0.0]
    } else if centred {
        [half_penalty * mean_distance, 0.0, slope, -1.0]
    } else {
        [mean, 0.0, slope, -1.0]
    };

    let density = step / (spread * stretch * (2.0 * std::f64::consts::PI).sqrt());
    let inverse_spread = spread.recip();
    let inverse_norm_at_start = reciprocal(map.norm_of(start));
    let at_start = Start {
        inverse_norm: factor * inverse_norm_at_start,
        scale_share: scale * inverse_norm_at_start,
        estimate_share: factor * (start * inverse_norm_at_start),
    };
    let pull_per_tau = half_penalty / stretch;
    let whole_half_penalty = half_penalty / factor;
    let mut count = 0;
    // One pass away from the origin, up or down.
    let mut walk = |sign: f64, first: usize, multiplicity: f64| {
        let mut walk = map.walk(origin_point, sign, step, stretch, first);
        for block in (first..MOST_NODES).step_by(LANES) {
            let lanes: [usize; LANES] = std::array::from_fn(|lane| lane);
            let mut places = lanes.map(|lane| {
                let place = walk.place(block + lane);
                walk.advance();
                place
            });
            let deviation_at =
                |at: &Place| origin_deviation + sign * (at.moved + pull_per_tau * at.turned);
            // Asked so that an undefined deviation ends the walk, too.
            let is_inside = |at: &Place| sign * deviation_at(at) <= cut;
            let mut masses = [multiplicity * density; LANES];
            if block == 0 {
                masses[0] = density;
            }
            let mut inside = LANES;
            if !is_inside(&places[LANES - 1]) {
                inside = places.iter().position(|at| !is_inside(at)).unwrap_or(LANES);
                if inside == 0 {
                    return true;
                }
                // What is not visited has no mass, and no numbers that are undefined.
                let first = places[0];
                places[inside..].fill(first);
                masses[inside..].fill(0.0);
            }
            let of = |part: fn(&Place) -> f64| Lanes::from_fn(|lane| part(&places[lane]));
            let (estimate, norm) = (of(|at| at.moved), of(|at| at.norm));
            let (tau, rate) = (of(|at| at.turned), of(|at| at.rate));
            let deviation = origin_deviation + sign * (estimate + pull_per_tau * tau);
            let standardized = inverse_spread * deviation;
            let deviation_squared = standardized * standardized;
            let exponential = Lanes(exp_of_negative((-0.5 * deviation_squared).0));
            let weight = Lanes(masses) * exponential * rate;
            let shrinkage = if linear {
                half_penalty * origin + sign * (pull_per_tau * tau)
            } else {
                half_penalty * (origin + sign * tau)
            };
            let speed = half_penalty + norm;
            let response = weight * norm;
            let resistance = half_penalty * weight;
            let inverse_speed = speed.recip();
            let signed_estimate = origin_estimate + sign * estimate;
            let bend = Lanes::from_fn(|lane| map.bend_of(signed_estimate.0[lane], norm.0[lane]));
            let pull = bend * (shrinkage * inverse_speed);
            let slope = norm * inverse_speed;
            let inverse_norm = norm.map(reciprocal);
            let nodes = Node {
                mass: weight * speed,
                response,
                resistance,
                response_by_penalty: -resistance * (norm + pull) * inverse_speed,
                estimate: signed_estimate,
                shrinkage,
                deviation,
                deviation_squared,
                bias: (bias_0 + bias_shrinkage * shrinkage)
                    + bias_deviation * deviation
                    + (bias_estimate * sign) * estimate,
                slope,
                stiffness: half_penalty * inverse_speed,
                inverse_speed: factor * inverse_speed,
                scale_share: scale * inverse_norm,
                estimate_share: factor * (signed_estimate * inverse_norm),
                distance: factor * (origin + sign * tau.map(|tau| tau / stretch)),
                pull: whole_half_penalty * slope,
                at_start,
            };
            visitor.visit(&nodes, inside);
            count += inside;
            if inside < LANES {
                return true;
            }
        }
        false
    };
    let ended = if symmetric { walk(1.0, 0, 2.0) } else { walk(1.0, 0, 1.0) && walk(-1.0, 1, 1.0) };
    if !ended {
        visitor.visit(&Node::undefined(), 1);
    }
    count
}

/// `1/x`; 0 where a scale that is nothing next to the penalty has made `x` underflow, and shares of it
/// belong to a response of 0.
#[inline(always)]
fn reciprocal(x: f64) -> f64 {
    if x >= f64::MIN_POSITIVE { x.recip() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Budgets of the rules. For the fine one, the largest errors are those of the second moments at
    /// small scales, and the rounding of thousands of terms at tiny ones.
    const FINE: f64 = 1e-12;
    const COARSE: f64 = 2e-6;

    /// Budgets of both rules where training starts elsewhere than at 0.
    const FROM_STARTS: [f64; 2] = [2e-12, COARSE];
    /// The same at scales of 1e-100 of the signal and below, where `t0` is in the hundreds.
    const FROM_FAR: [f64; 2] = [1e-10, 1e-3];

    /// Mass, response, `E[(z - b)²]` and squared bias.
    fn moments(channel: &Proximal, noise: f64, half_penalty: f64, rule: &Rule) -> [f64; 4] {
        let mut sums = [0.0; 4];
        integrate(channel, noise, half_penalty, rule, |node| {
            sums[0] += node.mass;
            sums[1] += node.response;
            sums[2] += node.mass * node.shrinkage * node.shrinkage;
            sums[3] += node.mass * node.bias * node.bias;
        });
        sums
    }

    fn channels(starts: &[f64]) -> impl Iterator<Item = (Proximal, f64, f64)> {
        let mut channels = Vec::new();
        for mean in [0.0, 1e-3, 0.3, 1.0] {
            for variance in [0.0, 1e-6, 1e-2, 1.0] {
                for noise in [1e-14, 1e-6, 1e-2, 0.1, 0.4, 1.0, 30.0] {
                    for scale in [1e-300, 1e-30, 1e-12, 1e-6, 1e-3, 0.1, 1.0, 1e3, 1e9, 1e300] {
                        for penalty in [1e-9, 1e-3, 0.1, 1.0, 1e3] {
                            channels.extend(starts.iter().map(|&start| {
                                (Proximal { mean, variance, scale, start }, noise, penalty)
                            }));
                        }
                    }
                }
            }
        }
        channels.into_iter()
    }

    fn assert_accurate(starts: &[f64], budgets: impl Fn(f64) -> [f64; 2]) {
        let mut worst = 0.0_f64;
        for (channel, noise, penalty) in channels(starts) {
            let exact = moments(&channel, noise, penalty, &Rule::REFERENCE);
            let [fine, coarse] = budgets(channel.scale);
            for (rule, budget) in [(Rule::FINE, fine), (Rule::COARSE, coarse)] {
                let computed = moments(&channel, noise, penalty, &rule);
                for (moment, (x, y)) in computed.iter().zip(&exact).enumerate() {
                    // What is left of a bias far below the noise need not be resolved.
                    let floor = [0.0, 0.0, 0.0, noise][moment];
                    let (error, size) = ((x - y).abs(), y.max(floor));
                    if budget == fine {
                        // Of nothing, the ratio is not a number, which the maximum passes over.
                        worst = worst.max(error / size);
                    }
                    assert!(
                        error <= budget * size,
                        "moment {moment}: {x:e} {y:e} {channel:?} {noise:e} {penalty:e}"
                    );
                }
            }
        }
        println!("worst relative error of the fine rule: {worst:e}");
    }

    #[test]
    fn rules_meet_their_accuracy() {
        assert_accurate(&[0.0], |_| [FINE, COARSE]);
    }

    #[test]
    fn rules_meet_their_accuracy_from_other_starts() {
        assert_accurate(&[1e-6, 0.3, -0.3, 1.0, -1.0, 30.0, -30.0], |scale| {
            if scale < 1e-100 { FROM_FAR } else { FROM_STARTS }
        });
    }

    #[test]
    fn nodes_solve_the_proximal_equation() {
        for start in [0.0, 1e-3, 0.7, -0.7, 40.0] {
            for (scale, half_penalty) in [(1e-9, 0.2), (1e-3, 1e-4), (0.5, 3.0), (30.0, 1e6)] {
                let channel = Proximal { mean: 0.4, variance: 0.3, scale, start };
                integrate(&channel, 0.2, half_penalty, &Rule::FINE, |node| {
                    let distance = (node.estimate / scale).asinh() - (start / scale).asinh();
                    let z = channel.mean + node.deviation;
                    assert!((node.estimate + node.shrinkage - z).abs() < 1e-12 * (1.0 + z.abs()));
                    let expected = half_penalty * distance;
                    let rounding = 1e-14 * (half_penalty * (1.0 + (start / scale).asinh().abs()));
                    // Within rounding, or that of estimates next to zero.
                    let estimate = 1e-15 * half_penalty / scale.hypot(node.estimate);
                    let budget = rounding + estimate + 1e-12 * expected.abs();
                    assert!((node.shrinkage - expected).abs() < budget, "{node:?} {channel:?}");
                    let observation = channel.observation_of(node.estimate, half_penalty);
                    assert!((observation - z).abs() < budget + 1e-12 * (1.0 + z.abs()));
                });
            }
        }
    }

    #[test]
    fn tails_are_resolved() {
        // Responses down to 1e-150, from deep in the tail of the Gaussian.
        for (scale, penalty) in [(1e-14, 0.3), (1e-60, 0.1), (1e-200, 0.05), (1e-150, 0.02)] {
            let channel = Proximal { mean: 0.0, variance: 0.0, scale, start: 0.0 };
            let exact = moments(&channel, 1.0, penalty, &Rule::REFERENCE)[1];
            assert!(exact < 1e-11 && exact > 0.0, "{exact:e}");
            let computed = moments(&channel, 1.0, penalty, &Rule::FINE)[1];
            assert!((computed / exact - 1.0).abs() < FINE, "{scale:e} {computed:e} {exact:e}");
        }
    }
}
