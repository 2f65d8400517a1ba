//! Problems in which there is nothing to learn.

use crate::asymptotics::equations::EFFECTIVE_PENALTY;
use crate::asymptotics::estimator::Estimator;
use crate::asymptotics::fixed_point::Solved;
use crate::error::{Error, Result};
use crate::estimator::exact_unit_squared;
use crate::numerics::root::falling_root;
use crate::problem::law::{CoordinateGroup, Law};
use crate::problem::samples::Samples;

/// Whether there is nothing to learn: no noise, and no signal that is not in the starts.
///
/// A start one rounding off an atom is a signal: the units of the equations keep the difference.
pub(crate) fn is_silent(law: &Law, samples: &Samples) -> bool {
    let silent = |group: &CoordinateGroup| group.weight() == 0.0 || group.is_learned();
    samples.noise_variance() == 0.0 && law.groups().iter().all(silent)
}

/// The state where there [is nothing to learn](is_silent), and no error. The effective penalty is its
/// limit for a vanishing signal, to which a group responds by `c/(c + k theta/2)` with the given scale.
///
/// `error` gives that of a group of weight zero without noise, in units of a mean square, under a half
/// penalty.
pub(crate) fn silent(
    kind: Estimator,
    law: &Law,
    samples: &Samples,
    kappa: f64,
    scale: impl Fn(&CoordinateGroup) -> f64,
    error: impl Fn(usize, &CoordinateGroup, f64, f64) -> Result<f64>,
) -> Result<Solved> {
    let movable = || law.movable().map(|(_, group)| group);
    let bend = |group: &CoordinateGroup| scale(group).ln() - group.penalty_weight().ln();
    // Without any response, the explicit penalty is all there is.
    let pull = (0.5 * kappa / samples.sample_ratio()).ln();
    let largest = movable().map(bend).fold(pull, f64::max);
    let bounds = [-705.0, 705.0];
    let log_half_penalty = falling_root(largest, bounds, EFFECTIVE_PENALTY, |log_half_penalty| {
        let h = log_half_penalty.exp();
        let (mut response, mut slope) = (0.5 * kappa / h, -0.5 * kappa / h);
        for group in movable() {
            let scale = scale(group);
            let share = scale / (scale + group.penalty_weight() * h);
            response += group.weight() * share;
            slope -= group.weight() * share * (1.0 - share);
        }
        Ok(((response / samples.sample_ratio()).ln(), slope / response))
    })?;
    let half_penalty = log_half_penalty.exp();
    let error = |(index, group): (usize, &CoordinateGroup)| {
        if group.weight() > 0.0 {
            return Ok(0.0);
        }
        let signal = group.signal();
        if group.scale() == 0.0 || signal == 0.0 {
            return Ok(signal);
        }
        let square = exact_unit_squared(group.magnitude_squared());
        let half_penalty = group.penalty_weight() * half_penalty / square.sqrt();
        Ok(error(index, group, square, half_penalty)? * square)
    };
    let errors: Vec<f64> = law.groups().iter().enumerate().map(error).collect::<Result<_>>()?;
    if errors.iter().any(|error| !error.is_finite()) {
        return Err(Error::NotRepresentable {
            quantity: "the error of a group of weight zero",
            reason: "its scale and penalty are too far apart",
        });
    }
    Solved::explicit(kind, 0.0, 2.0 * half_penalty, errors)
}
