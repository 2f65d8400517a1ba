//! Memory of large problems. One test alone in its process, so that the peak is its own.

#![cfg(feature = "quadrature")]

use std::time::Instant;

use diagonet::{Densities, Initialization, Law, Samples, ScaleMap, Scales, Solver, Supports, Task};

/// Bytes in a megabyte.
const MEGABYTE: f64 = 1e6;

/// Most memory that this process has had, where the system tells.
fn peak() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(1024.0 * kibibytes)
}

/// A point of the law of a million own coefficients.
fn a_million_coefficients() {
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
    println!("{} groups, {:?}", law.groups().len(), start.elapsed());
    assert!(law.groups().len() < 10_000);
    assert!(solution.generalization_error() > 0.0);
}

/// A square sweep over relative and readout scales.
fn sweep(side: usize) {
    let supports = Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 };
    let task = Task::new(Supports::new(supports).unwrap()).unwrap();
    let samples = Samples::new(0.25).unwrap();
    let share = |index: usize| index as f64 / side as f64;
    let problem = |row, column| {
        let scales = Scales { absolute: 1.0, relative: share(row) };
        let map = ScaleMap::new(Initialization::new(scales)?, share(column))?;
        Ok((Law::fine_tuning(&task, &map)?, samples))
    };
    let answers = Solver::new()
        .solve_grid(side, side, problem, |solution| solution.unwrap().generalization_error());
    assert_eq!(answers.len(), side * side);
}

#[test]
fn large_problems_take_little_memory() {
    // Smallest first: a peak stays.
    sweep(20);
    let small = peak();
    sweep(200);
    let large = peak();
    a_million_coefficients();
    let million = peak();
    let (Some(small), Some(large), Some(million)) = (small, large, million) else {
        println!("this system does not tell the memory of a process");
        return;
    };
    println!("peaks: {small:e}, {large:e}, {million:e} bytes");
    // The answers of the large sweep alone are 0.3 MB, twice of it while they are put together.
    assert!(large - small < 3.0 * MEGABYTE, "{large} bytes after {small}");
    assert!(million < 500.0 * MEGABYTE, "{million} bytes");
}
