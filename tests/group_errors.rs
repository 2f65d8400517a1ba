//! Errors of groups against integrals that share nothing with the solver but its state.

#![cfg(feature = "quadrature")]

mod common;

use common::relative_error;
use diagonet::{FixedPoint, Group, Law, Prior, Samples, Solver};

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

/// `E[(b - B)²]` of that coordinate at a state, by the trapezoidal rule in the noise.
fn error(atom: f64, distance: f64, scale: f64, state: &FixedPoint) -> f64 {
    let spread = state.effective_noise_variance.sqrt();
    assert!(20.0 * spread < atom, "estimates have the sign of the atom");
    let step = 0.02;
    let nodes = (-450..=450).map(|index| {
        let x = f64::from(index) * step;
        let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let half_penalty = 0.5 * state.effective_penalty;
        step * density * deviation(atom, distance, scale, half_penalty, spread * x).powi(2)
    });
    nodes.sum()
}

#[test]
fn groups_that_start_next_to_their_atoms_keep_their_digits() {
    let mut worst = 0.0_f64;
    let mut smallest = f64::INFINITY;
    for scale in [1e-9, 1e-3, 1.0] {
        for atom in [1.0, 0.7, 3.3] {
            for distance in [0.0, 1e-2, -1e-5, 3e-7, 1e-9, -1e-12, 1e-15] {
                for (signal, alpha, noise) in [
                    (1.0, 0.7, 0.0),
                    (1e-3, 0.5, 1e-6),
                    (1e-8, 0.5, 0.0),
                    (1e-20, 0.3, 1e-24),
                    (0.0, 0.3, 1e-26),
                    (0.0, 0.3, 0.0),
                ] {
                    let start = atom * (1.0 + distance);
                    let group = |label, weight, prior| Group::new(label, weight, prior, scale);
                    let law = Law::new(vec![
                        group("signal", 0.1, Prior::gaussian(0.0, signal).unwrap()).unwrap(),
                        group("known", 0.4, Prior::atom(atom).unwrap())
                            .unwrap()
                            .with_start(start)
                            .unwrap(),
                        group("none", 0.5, Prior::ZERO).unwrap(),
                    ]);
                    let samples = Samples::new(alpha).unwrap().with_noise_variance(noise).unwrap();
                    let Ok(report) = Solver::new().evaluate(&law.unwrap(), &samples) else {
                        println!("no answer {scale} {atom} {distance} {signal} {noise}");
                        continue;
                    };
                    if report.state.effective_noise_variance * 400.0 > atom * atom {
                        continue;
                    }
                    let known = report.error_of("known").unwrap();
                    let expected = error(atom, start - atom, scale, &report.state);
                    let difference = relative_error(known, expected);
                    if difference > 1e-10 {
                        println!(
                            "{scale:e} {atom} {distance:e} {signal:e} {noise:e}: {known:e} {expected:e} {difference:e} {:?}",
                            report.state
                        );
                    }
                    smallest = smallest.min(known);
                    worst = worst.max(difference);
                }
            }
        }
    }
    println!("{worst:e} {smallest:e}");
    assert!(worst < 1e-10);
}
