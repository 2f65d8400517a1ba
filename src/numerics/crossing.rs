//! The first sample ratio at which a learning curve falls to a target.

use crate::error::{Error, Result, check_non_negative};

/// Largest distance of the nodes from the ends of their interval, as a logarithm: 1e-12 of it.
const REACH: f64 = 27.6;

/// Relative differences of errors that may be rounding.
const ROUNDING: f64 = 1e-9;

/// The learning curve, with what its scan has seen.
struct Scan<F> {
    curve: F,
    target: f64,
    lowest: f64,
}

/// Smallest sample ratio at which `curve` is at most `target`, and 0 where already its limit at no
/// samples, `at_zero`, is.
///
/// Curves with noise rise to peaks before they fall: the scan runs through nodes that close in on
/// both ends of the intervals between `thresholds`, the ascending ratios at which peaks are, down
/// to 1e-12 of the interval, `spacing` apart in the logarithm of the distance; minima between nodes
/// are searched. The scan ends at 1e12 times the last threshold. A point that diverges is above the
/// target.
pub(crate) fn first_crossing(
    target: f64,
    at_zero: f64,
    thresholds: &[f64],
    spacing: f64,
    curve: impl FnMut(f64) -> Result<f64>,
) -> Result<f64> {
    check_non_negative("target_error", target)?;
    if at_zero <= target {
        return Ok(0.0);
    }
    let nodes = nodes(thresholds, spacing);
    let mut scan = Scan { curve, target, lowest: at_zero };
    let mut previous = [(0.0, at_zero); 2];
    for &ratio in &nodes {
        let error = scan.at(ratio)?;
        if error <= target {
            return scan.root(previous[1], (ratio, error));
        }
        let [before, here] = previous;
        if here.1 <= error
            && here.1 < before.1 * (1.0 - ROUNDING)
            && let Some(dip) = scan.dip(before, here, ratio)?
        {
            return scan.root(before, dip);
        }
        previous = [here, (ratio, error)];
    }
    Err(Error::UnattainableError {
        target_error: target,
        lowest_error: scan.lowest,
        highest_ratio: nodes.last().copied().unwrap_or(0.0),
    })
}

/// Ascending sample ratios, closing in on every threshold from both sides, and the thresholds.
fn nodes(thresholds: &[f64], spacing: f64) -> Vec<f64> {
    let count = (2.0 * REACH / spacing).ceil() as usize;
    let logarithms = || (0..=count).map(|i| -REACH + 2.0 * REACH * i as f64 / count as f64);
    let (mut nodes, mut low) = (Vec::new(), 0.0);
    for &high in thresholds {
        let width = high - low;
        nodes.extend(logarithms().map(|t| {
            if t < 0.0 { low + width / (1.0 + (-t).exp()) } else { high - width / (1.0 + t.exp()) }
        }));
        nodes.push(high);
        low = high;
    }
    nodes.extend(logarithms().map(|t| low + low * t.exp()));
    nodes
}

impl<F: FnMut(f64) -> Result<f64>> Scan<F> {
    fn at(&mut self, ratio: f64) -> Result<f64> {
        let error = match (self.curve)(ratio) {
            Err(Error::Diverges { .. }) => f64::INFINITY,
            result => result?,
        };
        self.lowest = self.lowest.min(error);
        Ok(error)
    }

    /// A point at or below the target between two nodes around the minimum `middle`, by the golden
    /// section.
    fn dip(
        &mut self,
        (mut low, _): (f64, f64),
        mut middle: (f64, f64),
        mut high: f64,
    ) -> Result<Option<(f64, f64)>> {
        const SECTION: f64 = 0.381_966_011_250_105_1;
        // The minimum is flat: a point next to it is as low to the square of the distance.
        while high - low > 1e-7 * (high - low).max(middle.0) {
            let right = high - middle.0 > middle.0 - low;
            let far = if right { high } else { low };
            let ratio = middle.0 + SECTION * (far - middle.0);
            let error = self.at(ratio)?;
            if error <= self.target {
                return Ok(Some((ratio, error)));
            }
            if error < middle.1 {
                *(if right { &mut low } else { &mut high }) = middle.0;
                middle = (ratio, error);
            } else {
                *(if right { &mut high } else { &mut low }) = ratio;
            }
        }
        Ok(None)
    }

    /// The sample ratio between a point above and one not above the target at which the curve
    /// reaches the target, from the side that is not above.
    fn root(&mut self, (mut low, above): (f64, f64), (mut high, below): (f64, f64)) -> Result<f64> {
        let excess = |error: f64, target: f64| (error / target).ln();
        let (mut over, mut under) = (excess(above, self.target), excess(below, self.target));
        let mut last = None;
        for iteration in 1_usize.. {
            if high - low <= 4.0 * f64::EPSILON * high {
                break;
            }
            // The false position, an end that stays discounted, and bisection in between.
            let share = over / (over - under);
            let middle = if iteration % 3 == 0 || !(share > 0.0 && share < 1.0) {
                0.5 * (low + high)
            } else {
                low + share * (high - low)
            };
            if middle <= low || middle >= high {
                break;
            }
            let error = self.at(middle)?;
            let met = error <= self.target;
            let stale = if last == Some(met) { 0.5 } else { 1.0 };
            if met {
                (high, under) = (middle, excess(error, self.target));
                over *= stale;
            } else {
                (low, over) = (middle, excess(error, self.target));
                under *= stale;
            }
            last = Some(met);
        }
        Ok(high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crossing(target: f64, curve: impl Fn(f64) -> f64) -> Result<f64> {
        first_crossing(target, curve(0.0), &[1.0], 0.5, |ratio| Ok(curve(ratio)))
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
    fn no_samples_suffice_for_no_aim_and_no_samples_for_too_high_a_one() {
        assert_eq!(crossing(1.0, |ratio| (1.0 - ratio).max(0.0)), Ok(0.0));
        assert_eq!(crossing(0.0, |ratio| (1.0 - ratio).max(0.0)), Ok(1.0));
        let floor = crossing(0.5, |ratio| 0.6 + 0.4 / (1.0 + ratio));
        assert!(matches!(floor, Err(Error::UnattainableError { lowest_error, .. })
            if lowest_error > 0.6 && lowest_error < 0.6 + 1e-11));
        assert!(matches!(crossing(f64::NAN, |_| 0.0), Err(Error::OutOfDomain { .. })));
    }
}
