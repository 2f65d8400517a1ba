//! Problems of many coordinates: their laws stay small, and their time is printed.

#![cfg(feature = "quadrature")]

use std::time::Instant;

use diagonet::{Initialization, Law, Samples, ScaleMap, Scales, Solver, Task};

#[test]
fn a_million_coefficients_are_one_law() {
    const COUNT: u32 = 1_000_000;
    let start = Instant::now();
    let coefficient = |i: u32| {
        let magnitude = f64::from(i + 1).powf(-0.6);
        if i.is_multiple_of(2) { magnitude } else { -magnitude }
    };
    let before: Vec<f64> = (0..COUNT).map(coefficient).collect();
    let now: Vec<f64> = (0..COUNT).map(|i| coefficient((i * 7 + 3) % COUNT)).collect();
    let task = Task::from_coefficients_in_bins(&before, &now, 0.25).unwrap();
    let initialization = Initialization::new(Scales { absolute: 1e-3, relative: -0.5 }).unwrap();
    let law = Law::fine_tuning(&task, &ScaleMap::new(initialization, 0.0).unwrap()).unwrap();
    let samples = Samples::new(0.25).unwrap().with_noise_variance(1e-4).unwrap();
    let solution = Solver::new().solve(&law, &samples).unwrap();
    let elapsed = start.elapsed();
    println!("{} groups, {elapsed:?}", law.groups().len());
    assert!(law.groups().len() < 10_000);
    assert!(solution.generalization_error() > 0.0);
}
