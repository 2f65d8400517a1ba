//! Derivatives of the channel of the implicit penalty, by quadrature.
//!
//! Along `z = B + s Z` with `B ~ N(m, v)`, a derivative in `m` moves the observation, one in `v` is half
//! of the second derivative in it (of the whole integrand, which also holds for an atom, `v = 0`),
//! and the others move the estimate at fixed `z`. With `n = sqrt(c² + b²)`, `h = theta/2` and the start
//! `b0` they are
//!
//! ```text
//! db/dz     = n / (n + h)
//! d²b/dz²   = h b / (n + h)³
//! d³b/dz³   = h [n (n + h) - 3 b²] / (n + h)⁵
//! db/dlog c = h (db/dz) (b/n - b0/n0)
//! db/db0    = h (db/dz) / n0
//! ```

use crate::estimator::quadrature::{Node, Proximal, Rule, integrate};
use crate::estimator::{Form, Pair, Partials, ScalarEstimator};
use crate::network::mirror_map::MirrorMap;

/// Spread of the observations, over `n + h` at their mean, below which the estimate is so smooth that
/// its third derivative is better averaged as such than as a moment of the second.
const NARROW: f64 = 0.1;

/// Sums over nodes. The shortfall is that of the form: the bias `E[B|z] - b` in the direct form, the
/// shrinkage `z - b` in the complementary one.
#[derive(Debug, Default)]
struct Moments {
    response: f64,
    resistance: f64,
    response_by_penalty: f64,
    response_by_scale: f64,
    response_by_start: f64,
    curvature: f64,
    curvature_deviation: f64,
    third_derivative: f64,
    response_slope: f64,
    resistance_stiffness: f64,
    resistance_shortfall: f64,
    curvature_shortfall: f64,
    shortfall_squared: f64,
    shortfall_by_penalty: f64,
    shortfall_by_scale: f64,
    shortfall_by_start: f64,
}

impl Moments {
    #[inline(always)]
    fn add(&mut self, node: &Node, form: Form) {
        let shortfall = if form == Form::Direct { node.bias } else { node.shrinkage };
        let Node { mass, slope, stiffness, inverse_speed, scale_share, estimate_share, .. } = *node;
        let by_start = node.estimate_by_start();
        // b / (n + h)
        let along = estimate_share * slope;
        let bend = node.resistance * inverse_speed;
        let curvature = bend * along;
        self.response += node.response;
        self.resistance += node.resistance;
        self.response_by_penalty += node.response_by_penalty;
        self.response_by_scale += node.resistance
            * slope
            * (scale_share * scale_share + estimate_share * stiffness * node.turn());
        self.response_by_start += bend * estimate_share * by_start;
        self.curvature += curvature;
        self.curvature_deviation += curvature * node.deviation;
        self.third_derivative += bend * (inverse_speed * (slope - 3.0 * along * along));
        self.response_slope += node.response * slope;
        self.resistance_stiffness += node.resistance * stiffness;
        self.resistance_shortfall += node.resistance * shortfall;
        self.curvature_shortfall += curvature * shortfall;
        self.shortfall_squared += mass * shortfall * shortfall;
        self.shortfall_by_penalty += node.response * node.shrinkage * shortfall;
        self.shortfall_by_scale += mass * node.estimate_by_scale() * shortfall;
        self.shortfall_by_start += mass * by_start * shortfall;
    }
}

impl Proximal {
    /// The [partials](ScalarEstimator::partials), by the given rule.
    pub(crate) fn partials_by(&self, w: f64, half_penalty: f64, rule: &Rule) -> Partials {
        let total = self.variance + w;
        let full = self.responds(w, half_penalty);
        let form = if full { Form::Complementary } else { Form::Direct };
        let mut moments = Moments::default();
        let nodes = integrate(self, w, half_penalty, rule, |node| moments.add(&node, form));

        // d²/dz² of the response, halved: its derivative in the variance of z.
        let estimate = self.mean - self.shrinkage(self.mean, half_penalty);
        let speed = self.map().norm_of(estimate) + half_penalty;
        let response_by_total = if total.sqrt() < NARROW * speed {
            0.5 * moments.third_derivative
        } else {
            0.5 * moments.curvature_deviation / total
        };
        let noise_by_variance = moments.resistance_stiffness - moments.curvature_shortfall;
        let (response, sign, explained, noise_by_noise) = if full {
            (moments.resistance, -1.0, 0.0, noise_by_variance)
        } else {
            let by_noise = moments.response_slope - moments.curvature_shortfall;
            (moments.response, 1.0, self.variance * (w / total), by_noise)
        };
        let pair = |response: f64, noise| Pair { response: sign * response, noise };
        let (by_mean, by_start) = if self.mean == 0.0 && self.start == 0.0 {
            // The sum is over one half of the nodes, and the other half would cancel it.
            (Pair::default(), Pair::default())
        } else {
            (
                pair(moments.curvature, 2.0 * moments.resistance_shortfall),
                pair(moments.response_by_start, -2.0 * moments.shortfall_by_start),
            )
        };
        Partials {
            form,
            value: Pair { response, noise: explained + moments.shortfall_squared },
            by_noise: pair(w * response_by_total, w * noise_by_noise),
            by_penalty: pair(moments.response_by_penalty, 2.0 * moments.shortfall_by_penalty),
            by_mean,
            by_variance: pair(response_by_total, noise_by_variance),
            by_log_scale: pair(moments.response_by_scale, -2.0 * moments.shortfall_by_scale),
            by_start,
            nodes,
        }
    }

    /// `E[1/sqrt(c² + z²)]`, the fall of the response with `theta/2` where that is zero.
    pub(crate) fn mean_curvature(&self, w: f64) -> f64 {
        let mut sum = 0.0;
        integrate(self, w, 0.0, &Rule::FINE, |node| sum += node.mass * node.inverse_speed);
        sum
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Relative accuracy of a derivative.
    const BUDGET: f64 = 5e-12;

    /// Difference to a finer rule, in units of the larger of the derivative and of what is
    /// differentiated over the distance at which it changes.
    const RULES: f64 = 1e-10;

    #[test]
    fn partials_meet_their_budget_against_a_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/partials.csv");
        let mut table = csv::Reader::from_path(path).expect("the fixture exists");
        let mut rows = 0;
        for row in table.deserialize() {
            let row: HashMap<String, f64> = row.expect("the fixture parses");
            let channel = Proximal {
                mean: row["mean"],
                variance: row["variance"],
                scale: row["scale"],
                start: row["start"],
            };
            let partials = channel.partials(row["noise"], row["half_penalty"]);
            let (noise, sign) =
                if partials.is_full() { ("shrinkage_squared", -1.0) } else { ("error", 1.0) };
            let check = |suffix: &str, pair: Pair| {
                let columns = [
                    (format!("response{suffix}"), sign * pair.response),
                    (format!("{noise}{suffix}"), pair.noise),
                ];
                for (name, computed) in columns {
                    let expected = row[&name];
                    let gap = (computed - expected).abs();
                    assert!(
                        gap <= BUDGET * expected.abs(),
                        "{name} = {computed:e}, not {expected:e}"
                    );
                }
            };
            check("_by_noise", partials.by_noise);
            check("_by_penalty", partials.by_penalty);
            check("_by_mean", partials.by_mean);
            check("_by_variance", partials.by_variance);
            check("_by_log_scale", partials.by_log_scale);
            check("_by_start", partials.by_start);
            rows += 1;
        }
        assert_eq!(rows, 15);
    }

    fn channels() -> impl Iterator<Item = Proximal> {
        let means = [0.0, 1e-3, 0.3, 1.0].into_iter();
        let priors = means.flat_map(|mean| [0.0, 1e-6, 0.3, 1.0].map(|variance| (mean, variance)));
        let starts = priors.flat_map(|prior| [0.0, -1.0, 1e-3, 0.7].map(|start| (prior, start)));
        starts.flat_map(|((mean, variance), start)| {
            [1e-12, 1e-5, 1e-2, 1.0, 1e3].map(|scale| Proximal { mean, variance, scale, start })
        })
    }

    #[test]
    fn partials_agree_with_a_finer_rule() {
        for channel in channels() {
            for (w, half_penalty) in [1e-8, 1e-3, 0.5]
                .into_iter()
                .flat_map(|w| [1e-6, 1e-2, 0.3, 1e2].map(|half_penalty| (w, half_penalty)))
            {
                let [fine, finer] = [Rule::FINE, Rule::REFERENCE]
                    .map(|rule| channel.partials_by(w, half_penalty, &rule));
                let spread = (channel.variance + w).sqrt();
                let start = channel.scale.hypot(channel.start).min(spread);
                for (fine, derivative, distance) in [
                    (fine.by_noise, finer.by_noise, 1.0),
                    (fine.by_penalty, finer.by_penalty, 1.0),
                    (fine.by_mean, finer.by_mean, spread),
                    (fine.by_variance, finer.by_variance, spread * spread),
                    (fine.by_log_scale, finer.by_log_scale, 1.0),
                    (fine.by_start, finer.by_start, start),
                ] {
                    for (fine, derivative, value) in [
                        (fine.response, derivative.response, finer.value.response),
                        (fine.noise, derivative.noise, finer.value.noise),
                    ] {
                        let budget = RULES * derivative.abs().max(value / distance);
                        let gap = (fine - derivative).abs();
                        assert!(gap <= budget, "{fine:e}, not {derivative:e}: {channel:?}");
                    }
                }
            }
        }
    }
}
