//! What the problems of `overhead.py` take without Python: seconds, one line for each.
//!
//! Arguments: how often to run each; the least time counts.

use std::hint::black_box;
use std::time::Instant;

use diagonet::{
    Densities, Feature, GapScales, InductiveBias, Initialization, Law, Result, Samples, ScaleMap,
    Solver, Supports, Task,
};

const SIDE: usize = 100;

/// `SIDE` values between two ends.
fn line(low: f64, high: f64) -> Vec<f64> {
    (0..SIDE).map(|index| low + (high - low) * index as f64 / (SIDE - 1) as f64).collect()
}

fn least(times: usize, work: impl Fn() -> Result<f64>) -> Result<f64> {
    let mut seconds = f64::INFINITY;
    for _ in 0..times {
        let clock = Instant::now();
        black_box(work()?);
        seconds = seconds.min(clock.elapsed().as_secs_f64());
    }
    Ok(seconds)
}

fn main() -> Result<()> {
    let times = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(5);
    let gaps: Vec<f64> = line(-3.0, 0.0).into_iter().map(|power| 10_f64.powf(power)).collect();
    let (overlaps, coefficients) = (line(0.0, 1.0), line(0.1, 3.0));
    let ratios = line(0.05, 0.6);
    let map = |gap| {
        let scales = GapScales { absolute: 1e-3, lambda_gap: gap };
        ScaleMap::new(Initialization::from_lambda_gap(scales)?, 0.0)
    };
    let task = |overlap| {
        Task::new(Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap })?)
    };
    let samples = Samples::new(0.3)?.with_noise_variance(0.01)?;

    let errors = least(times, || {
        let problem = |row: usize, column: usize| {
            Ok((Law::fine_tuning(&task(overlaps[row])?, &map(gaps[column])?)?, samples))
        };
        let answers = Solver::new().solve_grid(SIDE, SIDE, problem, |solution| {
            solution.map(|solution| solution.generalization_error())
        });
        answers.into_iter().sum()
    })?;
    println!("error {errors}");

    let curves = least(times, || {
        let laws: Vec<Law> = gaps
            .iter()
            .map(|&gap| Law::fine_tuning(&task(0.8)?, &map(gap)?))
            .collect::<Result<_>>()?;
        let curves = Solver::new().learning_curves(&laws, 0.01, &ratios);
        let points = curves.into_iter().flatten();
        points.map(|point| point.map(|solution| solution.generalization_error())).sum()
    })?;
    println!("learning_curve {curves}");

    let biases = least(times, || {
        let mut answers = Vec::with_capacity(SIDE * SIDE);
        for &coefficient in &coefficients {
            for &gap in &gaps {
                let feature = Feature { pretrained_coefficient: 1.0, coefficient };
                let bias = InductiveBias::of_feature(&map(gap)?, feature)?;
                answers.push((
                    bias.l_order(),
                    bias.pretraining_dependence(),
                    bias.feature_price(),
                    bias.regime(),
                ));
            }
        }
        Ok(answers.iter().map(|answer| answer.0).sum())
    })?;
    println!("inductive_bias {biases}");
    Ok(())
}
