//! The estimator of a weighted l2 penalty: linear in the observation.
//!
//! Least squares is the case of no penalty, `theta = 0`.

use crate::estimator::{
    Divergence, Form, Line, Pair, Partials, Resolution, ScalarEstimator, Terms, signed_unit,
};
use crate::problem::law::CoordinateGroup;

/// Estimates `b = b0 + a (z - b0)`, `a = c/(c + theta/2)`, of `z = B + s Z` with
/// `B ~ N(mean, variance)`. A coordinate of scale 0 stays at its start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Linear {
    mean: f64,
    variance: f64,
    scale: f64,
    start: f64,
}

impl Linear {
    /// The estimator of a group in units of the root of `unit_squared`.
    pub(crate) fn new(group: &CoordinateGroup, unit_squared: f64) -> Self {
        let unit = signed_unit(group, unit_squared);
        Self {
            mean: group.prior().mean() / unit,
            variance: group.prior().variance() / unit_squared,
            scale: group.scale() / unit.abs(),
            start: group.start() / unit,
        }
    }

    /// The estimator of a group that stays at its start.
    pub(crate) fn at_start(group: &CoordinateGroup, unit_squared: f64) -> Self {
        Self { scale: 0.0, ..Self::new(group, unit_squared) }
    }

    /// Mean of the true coefficients less the start.
    fn distance(&self) -> f64 {
        self.mean - self.start
    }

    /// `a`, and what is missing to 1.
    fn shares(&self, half_penalty: f64) -> (f64, f64) {
        if self.scale == 0.0 {
            return (0.0, 1.0);
        }
        (1.0 / (1.0 + half_penalty / self.scale), 1.0 / (1.0 + self.scale / half_penalty))
    }
}

impl ScalarEstimator for Linear {
    fn signal(&self) -> f64 {
        self.distance() * self.distance() + self.variance
    }

    fn terms(&self, w: f64, half_penalty: f64, form: Form, _: Resolution) -> Terms {
        self.partials_in(w, half_penalty, form).terms(w)
    }

    fn penalties(&self, _: f64) -> [f64; 2] {
        [self.scale; 2]
    }

    fn rough_response(&self, _: f64, half_penalty: f64) -> f64 {
        self.shares(half_penalty).0
    }

    fn responds(&self, _: f64, half_penalty: f64) -> bool {
        self.shares(half_penalty).0 > 0.5
    }

    fn partials(&self, w: f64, half_penalty: f64) -> Partials {
        let full = self.responds(w, half_penalty);
        let form = if full { Form::Complementary } else { Form::Direct };
        self.partials_in(w, half_penalty, form)
    }

    fn mean(&self, _: f64, half_penalty: f64) -> f64 {
        self.start + self.shares(half_penalty).0 * self.distance()
    }

    fn square_distance(&self, w: f64, half_penalty: f64, line: Line) -> f64 {
        let level = self.mean(w, half_penalty) - line.level;
        let slope = self.shares(half_penalty).0 * (self.variance + w).sqrt() - line.slope;
        level * level + slope * slope
    }

    fn observation(&self, half_penalty: f64, estimate: f64) -> f64 {
        let (kept, _) = self.shares(half_penalty);
        if kept > 0.0 {
            self.start + (estimate - self.start) / kept
        } else {
            f64::INFINITY.copysign(estimate)
        }
    }

    /// That of the limit, in which the penalty is `b²/(4 c)` and `c` is above all coefficients.
    fn divergence(&self, w: f64, half_penalty: f64, stretch: f64) -> Option<Divergence> {
        if self.scale == 0.0 {
            return Some(Divergence { norm: self.start.abs(), ..Divergence::default() });
        }
        let moved = |start| {
            let line = Line { level: start, slope: 0.0 };
            0.25 * self.square_distance(w, half_penalty, line)
        };
        Some(Divergence {
            own: moved(self.start) / self.scale,
            stretched: moved(stretch * self.start) / (stretch * self.scale),
            norm: self.scale,
        })
    }
}

impl Linear {
    fn partials_in(&self, w: f64, half_penalty: f64, form: Form) -> Partials {
        let signal = self.signal();
        let (kept, lost) = self.shares(half_penalty);
        let (moved, missed) = (kept * lost, lost * lost);
        let pair = |response, noise| Pair { response, noise };
        let (value, by_noise, by_log_scale) = match form {
            Form::Complementary => {
                let all = signal + w;
                let by_log_scale = pair(-moved, -2.0 * kept * missed * all);
                (pair(lost, missed * all), pair(0.0, missed * w), by_log_scale)
            }
            Form::Direct => {
                let noise = kept * kept * w;
                let by_log_scale = pair(moved, 2.0 * moved * (kept * w - lost * signal));
                (pair(kept, missed * signal + noise), pair(0.0, noise), by_log_scale)
            }
        };
        let by_mean = pair(0.0, 2.0 * missed * self.distance());
        Partials {
            form,
            value,
            by_noise,
            // Only the ratio of scale and penalty matters.
            by_penalty: by_log_scale.scaled(-1.0),
            by_mean,
            by_variance: pair(0.0, missed),
            by_log_scale,
            by_start: by_mean.scaled(-1.0),
            nodes: 0,
        }
    }
}
