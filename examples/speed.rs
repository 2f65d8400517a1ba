//! The speed tables of the README, measured on this machine: `cargo run --release --example speed`.
//!
//! Every time is the least over many runs, so that other work on the machine matters little.

use std::hint::black_box;
use std::time::{Duration, Instant};

use diagonet::{
    Densities, Error, Initialization, InitializationDesign, Law, Prior, Protocol, Samples,
    ScaleMap, Scales, Solver, Supports, Task, Transfer,
};

/// How long a job is repeated.
const PATIENCE: Duration = Duration::from_millis(400);

/// Least time of one run of a job.
fn time<T>(mut job: impl FnMut() -> T) -> Duration {
    let mut once = |repeats: u32| {
        let start = Instant::now();
        for _ in 0..repeats {
            black_box(job());
        }
        start.elapsed() / repeats
    };
    let start = Instant::now();
    let mut least = once(1);
    let repeats = (100_000 / least.as_nanos().max(1)).max(1) as u32;
    while start.elapsed() < PATIENCE {
        least = least.min(once(repeats));
    }
    least
}

/// Two digits more than the first, and a unit.
fn show(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (value, unit) = match seconds {
        s if s < 1e-6 => (1e9 * s, "ns"),
        s if s < 1e-3 => (1e6 * s, "µs"),
        s if s < 1.0 => (1e3 * s, "ms"),
        s => (s, "s"),
    };
    let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.decimals$} {unit}")
}

fn row(name: &str, cells: impl IntoIterator<Item = String>) {
    let cells: Vec<_> = cells.into_iter().collect();
    println!("| {name} | {} |", cells.join(" | "));
}

/// The four groups of a task with partial overlap, all of them with weight.
fn task(overlap: f64) -> Result<Task, Error> {
    Task::new(Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap })?)
}

fn scale_map(absolute: f64, relative: f64, readout: f64) -> Result<ScaleMap, Error> {
    ScaleMap::new(Initialization::new(Scales { absolute, relative })?, readout)
}

fn points() -> Result<(), Error> {
    let solver = Solver::new();
    let samples = Samples::new(0.25)?;
    let neighbouring = Samples::new(0.245)?;
    let ratios: Vec<f64> = (1..=100).map(|i| 0.005 * f64::from(i)).collect();
    let laws =
        [1e-6, 1e-3, 1.0].map(|scale| Law::fine_tuning(&task(0.5)?, &scale_map(scale, 0.0, 0.0)?));
    let [mut cold, mut warm, mut curve, mut derivatives] = [const { Vec::new() }; 4];
    for law in laws {
        let law = law?;
        let solution = solver.solve(&law, &samples)?;
        let nodes = solution.state.integrand_evaluations;
        cold.push(format!(
            "{}, {nodes} evaluations",
            show(time(|| solver.solve(black_box(&law), &samples)))
        ));
        let start = solver.solve(&law, &neighbouring)?.state;
        let next = || solver.solve_from(black_box(&law), &samples, &start);
        let nodes = next()?.state.integrand_evaluations;
        warm.push(format!("{}, {nodes}", show(time(next))));
        let whole = || solver.learning_curve(black_box(&law), 0.0, &ratios);
        let nodes = whole().into_iter().map(|point| Ok(point?.state.integrand_evaluations));
        let nodes: usize = nodes.sum::<Result<_, Error>>()?;
        curve.push(format!("{}, {nodes}", show(time(whole))));
        derivatives.push(show(time(|| solver.solve(black_box(&law), &samples)?.sensitivities())));
    }
    println!("| | c = 1e-6 | c = 1e-3 | c = 1 |\n|---|---|---|---|");
    row("fixed point, cold", cold);
    row("next point of a learning curve", warm);
    row("learning curve of 100 points", curve);
    row("error with all of its derivatives", derivatives);

    println!("\n| | c = 1e-300 | c = 1e-30 | c = 1e-12 |\n|---|---|---|---|");
    let mut tiny = Vec::new();
    for scale in [1e-300, 1e-30, 1e-12] {
        let law = Law::fine_tuning(&task(0.5)?, &scale_map(scale, 0.0, 0.0)?)?;
        tiny.push(show(time(|| solver.solve(black_box(&law), &samples))));
    }
    row("fixed point, cold", tiny);
    Ok(())
}

/// A square grid over relative and readout scales.
fn sweep(side: usize) -> Result<f64, Error> {
    let (task, samples) = (task(0.5)?, Samples::new(0.25)?);
    let share = |i: usize| i as f64 / (side - 1) as f64;
    let problem = |row, column| {
        let readout = 10.0_f64.powf(4.0 * share(column) - 3.0);
        let map = scale_map(1e-3, 2.0 * share(row) - 1.0, readout)?;
        Ok((Law::fine_tuning(&task, &map)?, samples))
    };
    let errors = Solver::new().solve_grid(side, side, problem, |solution| {
        solution.map(|solution| solution.generalization_error())
    });
    errors.into_iter().sum()
}

fn two_stages() -> Result<(), Error> {
    let solver = Solver::new();
    let samples = Samples::new(0.25)?;
    let pretraining = Samples::new(0.4)?.with_noise_variance(0.01)?;
    for (name, prior) in [("constant", Prior::atom(1.0)?), ("Gaussian", Prior::gaussian(0.0, 5.0)?)]
    {
        let task = task(0.5)?.with_pretraining_prior(prior)?.with_correlation(0.8)?;
        let transfer =
            Transfer::new(&task, scale_map(0.01, -0.9, 0.0)?).with_pretraining_samples(pretraining);
        let both = [Protocol::REBALANCED, Protocol::Continued].map(|protocol| {
            let transfer = transfer.clone().with_protocol(protocol);
            show(time(|| solver.solve(black_box(&transfer), &samples)))
        });
        row(
            &format!("both stages, {name} pretraining prior: rebalanced, continued"),
            [both.join(", ")],
        );
        let ratios: Vec<f64> = (1..=20).map(|i| 0.02 * f64::from(i)).collect();
        let points = [Protocol::REBALANCED, Protocol::Continued].map(|protocol| {
            let transfer = transfer.clone().with_protocol(protocol);
            show(time(|| solver.learning_curve(black_box(&transfer), 0.0, &ratios)) / 20)
        });
        row(
            &format!("next fine-tuning point, {name} pretraining prior: rebalanced, continued"),
            [points.join(", ")],
        );
    }
    Ok(())
}

fn searches() -> Result<(), Error> {
    let solver = Solver::new();
    let noisy = Samples::new(0.25)?.with_noise_variance(0.01)?;
    let supports = Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 0.8 })?;
    let related = Task::new(supports)?;
    let design = InitializationDesign::new(&related, noisy, 1e-3)?;
    let all = design.clone().with_absolute_scales(1e-6..=1.0)?;
    let best = [design, all].map(|design| show(time(|| design.optimum())));
    row("best lambda and gamma for a task; with c free", [best.join("; ")]);
    let pretraining = Samples::new(0.4)?.with_noise_variance(0.01)?;
    let finite =
        InitializationDesign::new(&related, noisy, 1e-3)?.with_pretraining_samples(pretraining);
    let open = finite.clone().with_absolute_scales(1e-6..=1.0)?;
    let best = [&finite, &open].map(|design| show(time(|| design.optimum())));
    let required = show(time(|| finite.required_sample_ratio(0.3)));
    row("the same after finite pretraining", [best.join("; ")]);
    row(
        "samples that an error needs, of the best lambda and gamma after finite pretraining",
        [required],
    );

    let map = scale_map(1e-3, -0.9, 0.0)?;
    let law = Law::fine_tuning(&related, &map)?;
    let four = show(time(|| solver.required_sample_ratio(black_box(&law), 0.01, 0.3)));
    let transfer = Transfer::new(&task(0.5)?, map).with_pretraining_samples(pretraining);
    let finite = show(time(|| solver.required_sample_ratio(black_box(&transfer), 0.01, 0.3)));
    let hundred = hundred_groups()?;
    let hundred = show(time(|| solver.required_sample_ratio(black_box(&hundred), 0.01, 0.3)));
    row(
        "samples that an error needs: four groups; 100 groups; finite pretraining",
        [[four, hundred, finite].join("; ")],
    );

    let own = own_coefficients(1000)?;
    row(
        "law of 1000 coefficients, one point",
        [show(time(|| solver.solve(black_box(&own), &noisy)))],
    );
    row("sweep of 300 by 300 points over lambda and gamma", [show(time(|| sweep(300)))]);
    Ok(())
}

/// A hundred groups of different scales.
fn hundred_groups() -> Result<Law, Error> {
    let group = |i: u32| {
        let prior = if i < 10 { Prior::gaussian(0.0, 10.0)? } else { Prior::ZERO };
        let scale = 10.0_f64.powf(-4.0 + 0.04 * f64::from(i * 37 % 100));
        diagonet::CoordinateGroup::new(i.to_string(), 0.01, prior, scale)
    };
    Law::new((0..100).map(group).collect::<Result<_, Error>>()?)
}

/// Coefficients of a power law, of both signs, the same features in both tasks in part.
fn own_coefficients(count: u32) -> Result<Law, Error> {
    let coefficient =
        |i: u32| f64::from(i + 1).powf(-0.6) * if i.is_multiple_of(2) { 1.0 } else { -1.0 };
    let before: Vec<f64> = (0..count).map(coefficient).collect();
    let now: Vec<f64> = (0..count).map(|i| coefficient((i * 7 + 3) % count)).collect();
    Law::from_coefficients(&before, &now, &scale_map(1e-3, -0.5, 0.0)?)
}

fn main() -> Result<(), Error> {
    points()?;
    println!("\n| | |\n|---|---|");
    two_stages()?;
    searches()
}
