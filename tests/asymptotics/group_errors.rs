//! Errors of groups, against integrals that share nothing with the solver but its state.

#![cfg(feature = "quadrature")]

use crate::common::relative_error;
use diagonet::{CoordinateGroup, FixedPoint, GroupError, Law, Prior, Samples, Solver};

/// `asinh x - asinh y` for `x`, `y` of the same sign, from their difference.
fn arc(x: f64, y: f64, difference: f64) -> f64 {
    (difference * ((x + y) / (x * 1.0_f64.hypot(y) + y * 1.0_f64.hypot(x)))).asinh()
}

/// `b - B` of the estimate at `z = B + noise`, for a coefficient at `atom` and a start at
/// `atom + distance`, by bisection. Both are positive, and so is the estimate.
fn deviation(atom: f64, distance: f64, scale: f64, half_penalty: f64, noise: f64) -> f64 {
    let start = atom + distance;
    // The estimate lies between the start and the observation.
    let (mut low, mut high) = (noise.min(distance), noise.max(distance));
    for _ in 0..2000 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        let arc = arc((atom + middle) / scale, start / scale, (middle - distance) / scale);
        *(if middle + half_penalty * arc < noise { &mut low } else { &mut high }) = middle;
    }
    0.5 * (low + high)
}

/// `E[(b - B)²]` at a state where `B ~ N(atom, variance)`, by the trapezoidal rule in `z`; `None`
/// where nothing is random, or estimates may have another sign than the atom.
fn error(atom: f64, variance: f64, distance: f64, scale: f64, state: &FixedPoint) -> Option<f64> {
    let noise = state.effective_noise_variance;
    let total = variance + noise;
    let (spread, half_penalty) = (total.sqrt(), 0.5 * state.effective_penalty);
    if total == 0.0 || 20.0 * spread > atom {
        return None;
    }
    let step = 0.02;
    let nodes = (-450..=450).map(|index| {
        let x = f64::from(index) * step;
        let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let moved = deviation(atom, distance, scale, half_penalty, spread * x);
        // E[B | z] - b, in terms that do not cancel.
        let bias = if variance > noise {
            let start = atom + distance;
            let arc = arc((atom + moved) / scale, start / scale, (moved - distance) / scale);
            half_penalty * arc - noise / total * spread * x
        } else {
            variance / total * spread * x - moved
        };
        step * density * bias * bias
    });
    Some(variance * (noise / total) + nodes.sum::<f64>())
}

#[test]
fn groups_that_start_next_to_their_coefficients_keep_their_digits() {
    let (mut worst, mut smallest, mut compared) = (0.0_f64, f64::INFINITY, 0);
    // What else there is to learn: variance, sample ratio and noise.
    let signals = [
        (1.0, 0.7, 0.0),
        (1e-3, 0.5, 1e-6),
        (1e-8, 0.5, 0.0),
        (1e-20, 0.3, 1e-24),
        (0.0, 0.3, 1e-26),
        (0.0, 0.3, 0.0),
    ];
    for scale in [1e-9, 1e-3, 1.0] {
        for (atom, variance) in [(1.0, 0.0), (0.7, 0.0), (3.3, 0.0), (3.3, 1e-18), (0.7, 1e-6)] {
            for distance in [0.0, 1e-2, -1e-5, 3e-7, 1e-9, -1e-12, 1e-15] {
                for (signal, alpha, noise) in signals {
                    let start = atom * (1.0 + distance);
                    let known = Prior::gaussian(atom, variance).unwrap();
                    let gaussian = Prior::gaussian(0.0, signal).unwrap();
                    let law = Law::new(vec![
                        CoordinateGroup::new("signal", 0.1, gaussian, scale).unwrap(),
                        CoordinateGroup::new("known", 0.4, known, scale)
                            .unwrap()
                            .with_start(start)
                            .unwrap(),
                        CoordinateGroup::new("none", 0.5, Prior::ZERO, scale).unwrap(),
                    ]);
                    let samples = Samples::new(alpha).unwrap().with_noise_variance(noise).unwrap();
                    let report = Solver::new().solve(&law.unwrap(), &samples).unwrap();
                    let expected = error(atom, variance, start - atom, scale, &report.state);
                    if let Some(expected) = expected {
                        let known = report.error_of("known").unwrap();
                        let difference = relative_error(known, expected);
                        assert!(
                            difference <= GroupError::ACCURACY,
                            "{known:e} is off by {difference:e} at {scale:e} {atom} {variance:e} \
                             {distance:e} {signal:e} {alpha} {noise:e}"
                        );
                        if known > 0.0 {
                            smallest = smallest.min(known);
                        }
                        worst = worst.max(difference);
                        compared += 1;
                    }
                }
            }
        }
    }
    println!("{compared} errors down to {smallest:e}, off by {worst:e} at most");
    assert!(compared > 400 && smallest < 1e-29);
}
