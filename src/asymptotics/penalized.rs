//! Norms with an explicit penalty: ridge regression, LASSO, elastic net.

use crate::asymptotics::estimator::Estimator;
use crate::asymptotics::fixed_point::{self, FixedPoint, Solved};
use crate::asymptotics::recovery::check_starts;
use crate::asymptotics::silent::{is_silent, silent};
use crate::asymptotics::weighted_l1::rich_weights;
use crate::error::Result;
use crate::estimator::{Form, Resolution, ScalarEstimator};
use crate::numerics::Precision;
use crate::problem::law::{CoordinateGroup, Law};
use crate::problem::samples::Samples;

/// The minimum of squared error and `kappa` times the norm of a kind: `sum_d k_d b_d²/(4 c_d)` in the
/// lazy limit, `sum_d k_d w_d |b_d|` in the rich one.
pub(crate) fn penalized(
    kind: Estimator,
    law: &Law,
    samples: &Samples,
    kappa: f64,
    start: Option<&FixedPoint>,
    precision: Precision,
) -> Result<Solved> {
    let (weights, unit) = if kind.has_l1_weights() {
        check_starts(law)?;
        let weights = rich_weights(law);
        let unit = law.movable().map(|(index, _)| weights[index]).fold(0.0, f64::max);
        (weights, unit)
    } else {
        (vec![1.0; law.groups().len()], 1.0)
    };
    // The penalty is counted in units of the largest weight, as that of the start.
    let start = start.map(|state| state.with_penalty_times(unit));
    let estimator = |index: usize, group: &CoordinateGroup, square| {
        kind.estimator(group, weights[index] / unit, 0.0, square)
    };
    let mut solved = if is_silent(law, samples) {
        // No threshold lets a vanishing signal through.
        let scale =
            |group: &CoordinateGroup| if kind.has_l1_weights() { 0.0 } else { group.scale() };
        silent(kind, law, samples, kappa * unit, scale, |index, group, square, half_penalty| {
            let estimator = estimator(index, group, square)?;
            if group.prior().variance() == 0.0 {
                let miss =
                    group.prior().mean().abs() / square.sqrt() - estimator.mean(0.0, half_penalty);
                return Ok(miss * miss);
            }
            Ok(estimator.terms(0.0, half_penalty, Form::Direct, Resolution::Fine).error)
        })?
    } else {
        fixed_point::solve(law, samples, kappa * unit, start.as_ref(), precision, kind, estimator)?
    };
    solved.state = solved.state.with_penalty_times(unit.recip());
    solved.difference_bound = None;
    Ok(solved)
}
