//! The first sample ratio at which a learning curve falls to a target.

use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::numerics::Precision;

/// Largest distance of the nodes from the ends of their interval, as a logarithm: 1e-12 of it.
const REACH: f64 = 27.6;

/// Relative differences of errors that may be rounding.
const ROUNDING: f64 = 1e-9;

/// Relative depth to which minima are searched: the accuracy of errors.
const ACCURACY: f64 = 1e-10;

/// Smallest [sample ratio](crate::Samples::new): fewer samples count as none.
const SMALLEST: f64 = 1e-300;

/// Distance from a threshold down to which nodes close in on it, as a logarithm of its width.
const INSIDE: f64 = 4.0;

/// A sample ratio, with the error there or a function of it.
type Point = (f64, f64);

/// Two neighbouring points, the first above the target and the second not.
type Bracket = [Point; 2];

/// A sample ratio at which a learning curve can peak.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Threshold {
    pub(crate) ratio: f64,
    /// Distance from it below which the curve is smooth; 0 where it may not be.
    pub(crate) width: f64,
}

impl Threshold {
    /// The threshold of a curve that may be singular there.
    pub(crate) fn sharp(ratio: f64) -> Self {
        Self { ratio, width: 0.0 }
    }

    /// How far nodes close in on it, as a logarithm of the distance in units of the interval.
    fn reach(self, interval: f64) -> f64 {
        // A width of 0 is infinitely far.
        ((interval / self.width).ln() + INSIDE).clamp(INSIDE, REACH)
    }
}

/// What is known of a learning curve before it is evaluated.
#[derive(Debug, Clone)]
pub(crate) struct Outline {
    /// The error in the limit of no samples.
    pub(crate) at_zero: f64,
    /// Sample ratio below which the curve is above the target.
    pub(crate) unmet: f64,
    /// Where it can peak, in ascending order.
    pub(crate) thresholds: Vec<Threshold>,
    /// Distance of nodes, in the logarithm of the distance to a threshold.
    pub(crate) spacing: f64,
}

/// The learning curve, with what its scan has seen.
struct Scan<F> {
    curve: F,
    target: f64,
    at_zero: f64,
    lowest: f64,
}

/// A point of the scan.
#[derive(Debug, Clone, Copy)]
struct Node {
    ratio: f64,
    error: f64,
    precision: Precision,
}

impl Node {
    /// Bounds of the error.
    fn bounds(&self) -> [f64; 2] {
        let uncertainty = match self.precision {
            Precision::Draft => Precision::DRAFT,
            Precision::Full => 0.0,
        };
        [self.error * (1.0 - uncertainty), self.error * (1.0 + uncertainty)]
    }

    fn point(&self) -> Point {
        (self.ratio, self.error)
    }
}

/// Smallest sample ratio at which `curve` is at most `target`, and 0 where already its limit at no
/// samples is.
///
/// Curves may rise to peaks before they fall: the scan runs through nodes that close in on
/// both ends of the intervals between thresholds, down to 1e-12 of the interval or to where the curve is
/// smooth; minima between nodes are searched. Nodes are drafted, and evaluated in full where the draft
/// leaves open whether they, or a minimum next to them, meet the target. The scan ends at 1e12 times the
/// last threshold. A point that diverges is above the target.
pub(crate) fn first_crossing(
    target: f64,
    outline: &Outline,
    curve: impl FnMut(f64, Precision) -> Result<f64>,
) -> Result<f64> {
    Domain::NON_NEGATIVE.check("target_error", target)?;
    let at_zero = outline.at_zero;
    if at_zero <= target {
        return Ok(0.0);
    }
    let nodes = nodes(&outline.thresholds, outline.spacing);
    // One node more, so that the minimum next to the first that counts has neighbours.
    let skipped = nodes.partition_point(|ratio| *ratio < outline.unmet).saturating_sub(2);
    let mut scan = Scan { curve, target, at_zero, lowest: at_zero };
    let origin = Node { ratio: 0.0, error: at_zero, precision: Precision::Full };
    let mut trace = vec![origin; 2];
    for &ratio in &nodes[skipped..] {
        let mut node = scan.draft(ratio)?;
        if node.bounds()[0] <= target {
            scan.refine(&mut node)?;
        }
        trace.push(node);
        let Some([before, here, next]) = trace.last_chunk_mut() else { continue };
        if next.error <= target {
            return scan.root([here.point(), next.point()]);
        }
        if is_valley([*before, *here, *next])
            && deepest(before.bounds()[1], here, next.bounds()[1], before.ratio, next.ratio)
                <= target
        {
            for node in [&mut *before, &mut *here, &mut *next] {
                scan.refine(node)?;
            }
            // A minimum between two nodes may leave them equal: one neighbour that is higher is enough.
            if is_valley([*before, *here, *next])
                && here.error < before.error.max(next.error) * (1.0 - ROUNDING)
                && let Some(bracket) = scan.dip(before.point(), here.point(), next.point())?
            {
                return scan.root(bracket);
            }
        }
    }
    // The lowest error is one in full.
    for &ratio in &nodes[..skipped] {
        trace.push(scan.draft(ratio)?);
    }
    let lowest = trace.iter().map(|node| node.bounds()[1]).fold(f64::INFINITY, f64::min);
    for node in trace.iter_mut().filter(|node| node.bounds()[0] <= lowest) {
        scan.refine(node)?;
    }
    Err(Error::UnattainableError {
        target_error: target,
        lowest_error: scan.lowest,
        highest_ratio: nodes.last().copied().unwrap_or(0.0),
    })
}

/// Whether the middle one of three nodes may be the lowest.
fn is_valley([before, here, next]: [Node; 3]) -> bool {
    let lowest = here.bounds()[0];
    lowest <= before.bounds()[1] && lowest <= next.bounds()[1]
}

/// A bound of the minimum next to a node with neighbours of at most these errors, see [`Scan::dip`].
fn deepest(before: f64, here: &Node, next: f64, low: f64, high: f64) -> f64 {
    let middle = here.bounds()[0];
    middle - depth((low, before), (here.ratio, middle), (high, next))
}

/// How far below the middle one of three points a curve may fall that bends four times as much as the
/// chords say.
fn depth(low: Point, middle: Point, high: Point) -> f64 {
    let (left, right) = (middle.0 - low.0, high.0 - middle.0);
    4.0 * ((low.1 - middle.1) / left * right).max((high.1 - middle.1) / right * left)
}

/// Ascending sample ratios, closing in on every threshold from both sides, and the thresholds.
fn nodes(thresholds: &[Threshold], spacing: f64) -> Vec<f64> {
    let logarithms = |from: f64, to: f64| {
        let count = ((from + to) / spacing).ceil() as usize;
        (0..=count).map(move |i| -from + (from + to) * i as f64 / count as f64)
    };
    let (mut nodes, mut last) = (Vec::new(), Threshold::sharp(0.0));
    for &threshold in thresholds {
        let (low, high) = (last.ratio, threshold.ratio);
        let width = high - low;
        nodes.extend(logarithms(last.reach(width), threshold.reach(width)).map(|t| {
            if t < 0.0 { low + width / (1.0 + (-t).exp()) } else { high - width / (1.0 + t.exp()) }
        }));
        nodes.push(high);
        last = threshold;
    }
    let low = last.ratio;
    nodes.extend(logarithms(last.reach(low), REACH).map(|t| low + low * t.exp()));
    nodes
}

impl<F: FnMut(f64, Precision) -> Result<f64>> Scan<F> {
    /// The error to the precision of a draft, or in full where that fails.
    fn draft(&mut self, ratio: f64) -> Result<Node> {
        let node = |error, precision| Node { ratio, error, precision };
        if ratio < SMALLEST {
            return Ok(node(self.at_zero, Precision::Full));
        }
        match (self.curve)(ratio, Precision::Draft) {
            Ok(error) => Ok(node(error, Precision::Draft)),
            Err(_) => Ok(node(self.at(ratio)?, Precision::Full)),
        }
    }

    /// Evaluates a node in full.
    fn refine(&mut self, node: &mut Node) -> Result<()> {
        if node.precision == Precision::Draft {
            node.error = self.at(node.ratio)?;
            node.precision = Precision::Full;
        }
        Ok(())
    }

    fn at(&mut self, ratio: f64) -> Result<f64> {
        if ratio < SMALLEST {
            return Ok(self.at_zero);
        }
        let error = match (self.curve)(ratio, Precision::Full) {
            Err(Error::Diverges { .. }) => f64::INFINITY,
            result => result?,
        };
        self.lowest = self.lowest.min(error);
        Ok(error)
    }

    /// A bracket of the first ratio at which the curve falls to the target between two nodes around
    /// the minimum `middle`: a point above the target and one not above it.
    ///
    /// By parabolas, and the golden section where they do not close in. The search ends where even a
    /// curve that bends four times as much as the chords around the minimum say stays above the
    /// target.
    fn dip(
        &mut self,
        mut low: Point,
        mut middle: Point,
        mut high: Point,
    ) -> Result<Option<Bracket>> {
        const SECTION: f64 = 0.381_966_011_250_105_1;
        /// More than the golden section needs from any bracket to neighbouring floats.
        const LIMIT: usize = 120;
        let mut widths = [f64::INFINITY; 2];
        for _ in 0..LIMIT {
            let (left, right) = (middle.0 - low.0, high.0 - middle.0);
            let (fall, rise) = ((low.1 - middle.1) / left, (high.1 - middle.1) / right);
            let depth = depth(low, middle, high);
            if middle.1 - depth > self.target || depth < ACCURACY * middle.1 {
                break;
            }
            let width = left + right;
            let golden = SECTION * if right > left { right } else { -left };
            let bend = (fall + rise) / width;
            // Next to the vertex, a step at which the curve has risen by what can be resolved.
            let shortest = (ACCURACY * middle.1 / (8.0 * bend)).sqrt();
            let vertex = 0.5 * (bend * right - rise) / bend;
            let step = if width > 0.5 * widths[0] || !vertex.is_finite() {
                golden
            } else if vertex.abs() < shortest {
                shortest.min(golden.abs()).copysign(golden)
            } else {
                vertex
            };
            widths = [widths[1], width];
            let ratio = middle.0 + step;
            if !(ratio > low.0 && ratio < high.0) || ratio == middle.0 {
                break;
            }
            let point = (ratio, self.at(ratio)?);
            if point.1 <= self.target {
                let above = if ratio > middle.0 { middle } else { low };
                return Ok(Some([above, point]));
            }
            match (point.1 < middle.1, ratio > middle.0) {
                (true, true) => (low, middle) = (middle, point),
                (true, false) => (high, middle) = (middle, point),
                (false, true) => high = point,
                (false, false) => low = point,
            }
        }
        Ok(None)
    }

    /// The sample ratio between a point above and one not above the target at which the curve
    /// reaches the target, from the side that is not above, to neighbouring floats.
    ///
    /// By Chandrupatla's method: inverse quadratic interpolation where the last three points say that
    /// the curve is monotonic between them, and bisection elsewhere. No point is closer to a bound
    /// than the resolution, so that an end at which the interpolation has settled is closed in from
    /// the other side.
    fn root(&mut self, bracket: Bracket) -> Result<f64> {
        /// Interpolations end here; what is left is bisection.
        const INTERPOLATIONS: usize = 40;
        /// Bisections between any two positive floats.
        const BISECTIONS: usize = 64;
        let target = self.target;
        let excess = |(ratio, error): Point| (ratio, (error / target).ln());
        let [mut low, mut high] = bracket.map(|(ratio, _)| ratio);
        let [mut opposite, mut latest] = bracket.map(excess);
        let mut share = secant(latest, opposite);
        for iteration in 0..INTERPOLATIONS + BISECTIONS {
            let resolution = 2.0 * f64::EPSILON * high;
            if high - low <= 2.0 * resolution {
                break;
            }
            let point = match share.filter(|_| iteration < INTERPOLATIONS) {
                Some(share) => latest.0 + share * (opposite.0 - latest.0),
                None => bisection(low, high),
            };
            let point = point.clamp(low + resolution, high - resolution);
            let point = (point, self.at(point)?);
            let met = point.1 <= target;
            let replaces_latest = met == (latest.0 == high);
            *(if met { &mut high } else { &mut low }) = point.0;
            let point = excess(point);
            let previous = if replaces_latest {
                std::mem::replace(&mut latest, point)
            } else {
                let before = std::mem::replace(&mut opposite, latest);
                latest = point;
                before
            };
            share = interpolation(latest, opposite, previous);
        }
        Ok(high)
    }
}

/// Half way between two floats: of their values, and of their logarithms where these are far apart.
fn bisection(low: f64, high: f64) -> f64 {
    if high <= 4.0 * low {
        0.5 * (low + high)
    } else {
        // Bits of positive floats are in their order, and nearly linear in their logarithm.
        f64::from_bits(low.to_bits().midpoint(high.to_bits()))
    }
}

/// Share of the way from `a` to `b` at which the line through them has its zero.
fn secant(a: Point, b: Point) -> Option<f64> {
    Some(a.1 / (a.1 - b.1)).filter(|share| share.is_finite())
}

/// Share of the way from `a` to `b` at which the inverse parabola through three points has its zero,
/// if it is monotonic there.
fn interpolation(a: Point, b: Point, c: Point) -> Option<f64> {
    let position = (a.0 - b.0) / (c.0 - b.0);
    let value = (a.1 - b.1) / (c.1 - b.1);
    let is_monotonic = value * value < position && (1.0 - value).powi(2) < 1.0 - position;
    let share = a.1 / (b.1 - a.1) * (c.1 / (b.1 - c.1))
        + (c.0 - a.0) / (b.0 - a.0) * (a.1 / (c.1 - a.1)) * (b.1 / (c.1 - b.1));
    (is_monotonic && (0.0..=1.0).contains(&share)).then_some(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(at_zero: f64, threshold: f64, spacing: f64) -> Outline {
        let thresholds = vec![Threshold::sharp(threshold)];
        Outline { at_zero, unmet: 0.0, thresholds, spacing }
    }

    fn crossing(target: f64, curve: impl Fn(f64) -> f64) -> Result<f64> {
        first_crossing(target, &outline(curve(0.0), 1.0, 0.5), |ratio, _| Ok(curve(ratio)))
    }

    #[test]
    fn the_first_of_several_crossings_is_found() {
        // Noise next to the threshold: the minimum of 2 sigma at 1 - alpha = sigma, up to its square.
        for sigma in [0.2, 1e-2, 1e-4, 1e-6] {
            let curve = |ratio: f64| {
                if ratio < 1.0 {
                    (1.0 - ratio) + sigma * sigma * ratio / (1.0 - ratio)
                } else {
                    sigma * sigma / (ratio - 1.0)
                }
            };
            let lowest = 2.0 * sigma - sigma * sigma;
            let x = crossing(lowest * 1.001, curve).unwrap();
            assert!(x < 1.0 - sigma && curve(x) <= lowest * 1.001, "{sigma} {x}");
            // Below the dip, the answer lies beyond the threshold.
            let x = crossing(lowest * 0.999, curve).unwrap();
            let exact = 1.0 + sigma * sigma / (lowest * 0.999);
            assert!((x / exact - 1.0).abs() < 1e-14, "{sigma} {x} {exact}");
        }
    }

    #[test]
    fn sharp_transitions_are_located_to_rounding() {
        let curve = |ratio: f64| (-40.0 * ((ratio - 0.3) * 1e9).tanh() - 40.0).exp();
        let x = crossing(1e-17, curve).unwrap();
        let exact = 0.3 - (1e-17_f64.ln() / 40.0 + 1.0).atanh() * 1e-9;
        assert!((x - exact).abs() < 2e-16, "{x} {exact}");
    }

    #[test]
    fn the_crossing_is_the_smallest_ratio_whatever_the_shape_of_the_curve() {
        // Steps, kinks and powers, at targets of all sizes: the float below does not meet them.
        type Curve = (&'static str, fn(f64) -> f64);
        let curves: [Curve; 6] = [
            ("line", |x| (1.0 - x).max(0.0)),
            ("power", |x| (1.0 - x).max(0.0).powi(7)),
            ("root", |x| (1.0 - x).max(0.0).powf(0.1)),
            ("step", |x| if x < 0.237 { 1.0 } else { 1e-9 }),
            ("kink", |x| if x < 0.4 { 1.0 - 1e-6 * x } else { (1.0 - x).max(0.0) * 1.6 }),
            ("wave", |x| (1.0 + 0.3 * (40.0 * x).sin() - 0.7 * x) / (1.0 + x).powi(3)),
        ];
        for (name, curve) in curves {
            for i in 1..400 {
                let target = curve(0.0) * (-0.05 * f64::from(i)).exp();
                let mut evaluations = 0;
                let counted = |ratio: f64, _| {
                    evaluations += 1;
                    Ok(curve(ratio))
                };
                let x = first_crossing(target, &outline(curve(0.0), 1.0, 0.1), counted).unwrap();
                assert!(curve(x) <= target, "{name} {target} {x}");
                let below = x * (1.0 - 1e-15);
                assert!(curve(below) > target, "{name} {target} {x}");
                // None before it, either.
                let before = (0..10_000).map(|k| below * f64::from(k) / 1e4);
                assert!(before.map(curve).all(|error| error > target), "{name} {target} {x}");
                assert!(evaluations < 3 * 600, "{name} {target}: {evaluations}");
            }
        }
    }

    #[test]
    fn minima_are_found_down_to_their_last_digits() {
        for (centre, width) in [(0.3, 1.0), (0.5, 0.3), (0.77, 1e-1), (0.999, 1e-3)] {
            for power in [2, 4] {
                let curve = |x: f64| {
                    let distance = (x - centre) / width;
                    if x < 1.0 { 0.5 + distance.powi(power) } else { f64::INFINITY }
                };
                for excess in [1e-2, 1e-4, 1e-7, 1e-9] {
                    let target = 0.5 * (1.0 + excess);
                    let x = crossing(target, curve).unwrap();
                    let distance = width * (0.5_f64 * excess).powf(1.0 / f64::from(power));
                    // Values of the curve are rounded.
                    let budget = distance * 1e-15 / excess + 1e-15;
                    let exact = centre - distance;
                    assert!((x - exact).abs() < budget, "{centre} {power} {excess} {x}");
                }
                assert!(crossing(0.499_999, curve).is_err());
            }
        }
    }

    #[test]
    fn a_minimum_half_way_between_two_nodes_is_found() {
        // The two nodes are equal but for a tilt that may be rounding.
        let nodes = nodes(&[Threshold::sharp(1.0)], 0.5);
        for pair in nodes.windows(2).filter(|pair| pair[1] > 1e-3 && pair[1] < 0.999) {
            for tilt in [0.0, 1e-12, -1e-12] {
                let curve = |x: f64| {
                    let distance = (x - pair[0]) * (x - pair[1]) / (pair[1] - pair[0]).powi(2);
                    if x < 1.0 { 0.5 + distance * (1.0 + tilt) + tilt * x } else { 1e3 }
                };
                let x = crossing(0.26, curve).unwrap();
                assert!(x > pair[0] && x < 0.5 * (pair[0] + pair[1]), "{x}");
            }
        }
    }

    #[test]
    fn the_number_of_evaluations_is_bounded() {
        // Down to the smallest sample ratio, and at thresholds of any size.
        for threshold in [1e-290, 1e-150, 1e-20, 1e-3, 1.0] {
            for at in [0.0, 1e-300, 1e-200, 1e-40, 0.3, 0.999_999_999] {
                let mut evaluations = 0;
                let step = at * threshold;
                let curve = |x: f64, _| {
                    evaluations += 1;
                    assert!(x >= SMALLEST, "{x}");
                    Ok(if x <= step { 1.0 } else { 0.0 })
                };
                let x = first_crossing(0.0, &outline(1.0, threshold, 0.5), curve).unwrap();
                let exact = step.next_up().max(SMALLEST);
                assert!((x / exact - 1.0).abs() < 1e-14, "{threshold} {at} {x}");
                assert!(evaluations < 250, "{threshold} {at}: {evaluations}");
            }
        }
    }

    #[test]
    fn no_samples_suffice_for_no_aim_and_no_samples_for_too_high_a_one() {
        assert_eq!(crossing(1.0, |ratio| (1.0 - ratio).max(0.0)), Ok(0.0));
        assert_eq!(crossing(0.0, |ratio| (1.0 - ratio).max(0.0)), Ok(1.0));
        let floor = crossing(0.5, |ratio| 0.6 + 0.4 / (1.0 + ratio));
        assert!(matches!(floor, Err(Error::UnattainableError { lowest_error, .. })
            if lowest_error > 0.6 && lowest_error < 0.6 + 1e-11));
        assert!(matches!(crossing(f64::NAN, |_| 0.0), Err(Error::OutOfDomain { .. })));
    }
}
