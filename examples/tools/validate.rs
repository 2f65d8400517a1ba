//! The theory's learning curves as lines, and simulation of real networks as points on them.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use diagonet::simulation::{Experiment, MonteCarlo, Statistic};
use diagonet::{
    Densities, Initialization, Law, Samples, ScaleMap, Scales, Solver, Supports, Task, Transfer,
};
use indicatif::{ProgressBar, ProgressStyle};
use statrs::distribution::{ContinuousCDF, StudentsT};
use support::curves::{Figure, Line, Mark, Panel, Series};
use support::files::{Table, check_outputs, exit_code, is_standard, number, report_written};
use support::least_norm;
use support::problem::{REQUIRED, Statement};
use support::regimes_on_tasks::Problems;

#[allow(dead_code, reason = "each program uses a part of it")]
mod support;

const EXPLANATION: &str = "\
Draws the learning curves of the theory, simulates networks of finite size on them, and compares: one
SVG figure with a panel for every task, lines for the theory and points with 95 % confidence
intervals for the means over draws; a CSV table; and the same table for people on standard output.

Every point has draws of its own, so that the z-scores, (mean - theory) / standard error, are
independent. Where the theory is exact and draws are Gaussian they follow Student's distribution; on
the steep parts of a curve, simulation at finite D is biased upwards, the less the larger D is. The
last line gives the mean square of the z-scores, and the probability that the largest of as many scores
from Student's distribution would be as large. A second table compares lazy networks of equal scales
with the exact law of their error at this size, the one case in which it is known.

The CSV has the columns task and regime, those of a problem as `evaluate` and `simulate` read them,
dimension, draws and seed, with which `simulate` repeats the draws, samples, mean, standard_error,
low, high, error (that of the theory) and z_score. The exit code is 0 if every point has an answer, 2
if there is no result. Where the CSV or the figure goes to standard output, the scores go to standard
error.
Draws run in parallel on all cores; RAYON_NUM_THREADS sets another number.";

/// Compares the theory with simulations of real networks.
#[derive(Parser)]
#[command(name = "validate", version, long_about = EXPLANATION)]
struct Arguments {
    #[command(flatten)]
    problems: Problems,
    /// Number of coordinates of the simulated networks.
    #[arg(long, default_value_t = 2000)]
    dimension: usize,
    /// Number of draws at every point.
    #[arg(long, default_value_t = 24)]
    draws: u64,
    /// Seed of the draws of the first point; the others follow.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of simulated sample ratios, evenly spaced.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    simulated: u32,
    /// Compare protocols of fine-tuning on one task instead, and draw them into this SVG file.
    #[arg(long, value_name = "FILE")]
    protocols: Option<PathBuf>,
}

/// A simulated point.
struct Point {
    task: usize,
    regime: usize,
    sample_ratio: f64,
    error: Statistic,
    interval: [f64; 2],
    z_score: f64,
}

/// Columns of the table besides those of a problem.
const NAMES: [&str; 2] = ["task", "regime"];
const RESULTS: [&str; 10] = [
    "dimension",
    "draws",
    "seed",
    "samples",
    "mean",
    "standard_error",
    "low",
    "high",
    "error",
    "z_score",
];

/// Simulates all points, and writes each as it is done.
fn simulate(arguments: &Arguments, table: &mut Table) -> Result<Vec<Point>, Box<dyn Error>> {
    let problems = &arguments.problems;
    let ratios = problems.ratios(arguments.simulated);
    let points = problems.tasks.len() * problems.regimes.len() * ratios.len();
    let bar = ProgressBar::new(points as u64 * arguments.draws)
        .with_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} draws, {eta} left")?);
    let mut seed = arguments.seed;
    let mut simulated = Vec::with_capacity(points);
    for (task, named_task) in problems.tasks.iter().enumerate() {
        for (regime, named_regime) in problems.regimes.iter().enumerate() {
            for &ratio in &ratios {
                let statement = problems.statement(named_task, named_regime, ratio);
                let problem = statement.problem()?;
                let experiment =
                    Experiment::new(problem.transfer, problem.samples, arguments.dimension)?;
                let theory = experiment.prediction(&Solver::new())?.generalization_error();
                let run = MonteCarlo::new(arguments.draws)?.with_seed(seed);
                let ensemble = run.run_with_progress(&experiment, |_| bar.inc(1))?;
                let error = ensemble.statistic("generalization_error").ok_or("no draws")?;
                let sample_ratio = experiment.samples().sample_ratio();
                let interval = error.confidence_interval(0.95)?;
                let z_score = error.z_score(theory).ok_or("a standard error needs two draws")?;
                let sizes = [
                    arguments.dimension.to_string(),
                    arguments.draws.to_string(),
                    seed.to_string(),
                    (sample_ratio * arguments.dimension as f64).round().to_string(),
                ];
                let [low, high] = interval;
                let numbers = [error.mean, error.standard_error, low, high, theory, z_score];
                // The theory is that of whole numbers of samples.
                let statement = Statement { alpha_ft: sample_ratio, ..statement };
                let names = [named_task.name.clone(), named_regime.name.clone()].into_iter();
                let fields = names.chain(statement.fields()).chain(sizes);
                table.write(fields.chain(numbers.map(number)))?;
                simulated.push(Point { task, regime, sample_ratio, error, interval, z_score });
                seed = seed.wrapping_add(1);
            }
        }
    }
    bar.finish_and_clear();
    Ok(simulated)
}

fn draw(problems: &Problems, points: &[Point], subtitle: String) -> Result<(), Box<dyn Error>> {
    let ratios = problems.line_ratios();
    let mut panels = Vec::new();
    for (task, named_task) in problems.tasks.iter().enumerate() {
        let mut panel = Panel { title: named_task.name.clone(), ..Panel::default() };
        for (series, regime) in problems.regimes.iter().enumerate() {
            // The last sample ratio stands for all of them.
            let statement = problems.statement(named_task, regime, ratios[ratios.len() - 1]);
            let problem = statement.problem()?;
            let law = Law::fine_tuning(problem.transfer.task(), &problem.transfer.scale_map())?;
            let noise_variance = problem.samples.noise_variance();
            let curve = Solver::new().learning_curve(&law, noise_variance, &ratios);
            let errors = curve.into_iter().map(|report| Some(report.ok()?.generalization_error()));
            panel.lines.push(Line { series, points: ratios.iter().copied().zip(errors).collect() });
        }
        panel.marks = points
            .iter()
            .filter(|point| point.task == task)
            .map(|point| Mark {
                series: point.regime,
                x: point.sample_ratio,
                mean: point.error.mean,
                low: point.interval[0],
                high: point.interval[1],
            })
            .collect();
        panels.push(panel);
    }
    let mut figure = problems.figure(panels, &[]);
    figure.premises.push(subtitle);
    figure.draw(&problems.svg)?;
    Ok(())
}

/// The z-scores, a table for every task.
fn scores(problems: &Problems, points: &[Point]) -> Result<String, Box<dyn Error>> {
    let mut text = String::new();
    for (task, named) in problems.tasks.iter().enumerate() {
        writeln!(text, "\nz-scores, {}", named.name)?;
        for (regime, named) in problems.regimes.iter().enumerate() {
            let chosen = || points.iter().filter(|p| p.task == task && p.regime == regime);
            if regime == 0 {
                let ratios = chosen().map(|point| format!("{:7.3}", point.sample_ratio));
                writeln!(text, "{:24}{}", "alpha", ratios.collect::<String>())?;
            }
            let scores = chosen().map(|point| format!("{:7.2}", point.z_score));
            writeln!(text, "{:24}{}", named.name, scores.collect::<String>())?;
        }
    }
    let count = points.len() as f64;
    let mean_square = points.iter().map(|point| point.z_score.powi(2)).sum::<f64>() / count;
    let largest = points.iter().map(|point| point.z_score.abs()).fold(0.0, f64::max);
    // Two-sided tail of one score, and of the largest of so many, where the theory is exact.
    let freedom = points[0].error.count as f64 - 1.0;
    let student = StudentsT::new(0.0, 1.0, freedom)?;
    let chance = -f64::exp_m1(count * f64::ln_1p(-2.0 * student.sf(largest)));
    writeln!(
        text,
        "\n{count} points: mean square {mean_square:.2}, largest {largest:.2} (chance {chance:.2})"
    )?;
    Ok(text)
}

/// Protocols of the one task, in words.
const PROTOCOLS: [(&str, &str); 6] = [
    ("continued", "continued"),
    ("rebalanced", "rebalanced"),
    ("readout_reset", "new head, all layers"),
    ("probe_reset", "new head, probe"),
    ("frozen_readout", "frozen readout"),
    ("adapter 0.3", "adapter"),
];

/// Draws the learning curves of all protocols on one task, and simulates networks on them.
fn run_protocols(arguments: &Arguments, path: &Path) -> Result<bool, Box<dyn Error>> {
    let Arguments { dimension, draws, simulated, .. } = *arguments;
    check_outputs(&[path])?;
    let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.8 })?;
    let pretraining = Initialization::new(Scales { absolute: 0.1, relative: -0.5 })?;
    let transfer = Transfer::new(&Task::new(supports)?, ScaleMap::new(pretraining, 0.6)?);
    let noise_variance = 0.05;
    let ratios = |count: u32| (1..=count).map(move |k| 0.9 * f64::from(k) / f64::from(count));
    let line_ratios: Vec<f64> = ratios(90).collect();
    let bar = ProgressBar::new(PROTOCOLS.len() as u64 * u64::from(simulated) * draws)
        .with_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} draws, {eta} left")?);
    let mut panel = Panel { title: String::from("Protocols of fine-tuning"), ..Panel::default() };
    let mut squares = Vec::new();
    for (series, (name, _)) in PROTOCOLS.into_iter().enumerate() {
        let transfer = transfer.clone().with_protocol(name.parse()?);
        let curve = Solver::new().learning_curve(&transfer, noise_variance, &line_ratios);
        let errors = curve.into_iter().map(|point| Some(point.ok()?.generalization_error()));
        let points = line_ratios.iter().copied().zip(errors).collect();
        panel.lines.push(Line { series, points });
        for (index, ratio) in ratios(simulated).enumerate() {
            let samples = Samples::new(ratio)?.with_noise_variance(noise_variance)?;
            let experiment = Experiment::new(transfer.clone(), samples, dimension)?;
            let theory = experiment.prediction(&Solver::new())?.generalization_error();
            let seed = arguments.seed + (series as u64 * u64::from(simulated)) + index as u64;
            let run = MonteCarlo::new(draws)?.with_seed(seed);
            let ensemble = run.run_with_progress(&experiment, |_| bar.inc(1))?;
            let error = ensemble.statistic("generalization_error").ok_or("no draws")?;
            let [low, high] = error.confidence_interval(0.95)?;
            let score = error.z_score(theory).ok_or("a standard error needs two draws")?;
            let x = experiment.samples().sample_ratio();
            println!("{name:16}{x:8.3}{theory:12.6}{:12.6}{score:8.2}", error.mean);
            squares.push(score * score);
            panel.marks.push(Mark { series, x, mean: error.mean, low, high });
        }
    }
    bar.finish_and_clear();
    let mean_square = squares.iter().sum::<f64>() / squares.len() as f64;
    println!("{} points: mean square of the z-scores {mean_square:.2}", squares.len());
    let series = PROTOCOLS.map(|(_, words)| Series { name: words.to_owned(), is_reference: false });
    let figure = Figure {
        title: String::from("Errors of protocols of fine-tuning, theory and simulation"),
        panels: vec![panel],
        series: series.into(),
        x_axis: String::from("alpha, samples per feature"),
        y_axis: String::from("generalization error"),
        x_min: None,
        x_max: 0.95,
        floor: 1e-3,
        premises: vec![
            String::from("rho_PT = 0.2, rho_FT = 0.1, overlap 0.8, c_PT = 0.1, lambda_PT = -0.5"),
            String::from("gamma_FT = 0.6, noise variance 0.05, adapter 0.3"),
            format!("lines: theory; marks: means over {draws} draws, D = {dimension}"),
        ],
    };
    figure.draw(path)?;
    report_written(&[path]);
    Ok(true)
}

fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    if let Some(path) = &arguments.protocols {
        return run_protocols(arguments, path);
    }
    let problems = &arguments.problems;
    check_outputs(&[&problems.csv, &problems.svg])?;
    let header = NAMES.iter().chain(&REQUIRED).chain(&RESULTS);
    let mut table = Table::create(&problems.csv, header)?;
    let points = simulate(arguments, &mut table)?;
    let Arguments { dimension, draws, .. } = arguments;
    let subtitle = format!(
        "lines: theory; marks: means over {draws} draws with D = {dimension}, 95 % confidence intervals"
    );
    draw(problems, &points, subtitle)?;
    let mut scores = scores(problems, &points)?;
    let ratios = problems.ratios(arguments.simulated);
    scores += &least_norm::report(
        &ratios,
        problems.noise_variance(),
        *dimension,
        *draws,
        arguments.seed,
    )?;
    if is_standard(&problems.csv) || is_standard(&problems.svg) {
        eprint!("{scores}");
    } else {
        print!("{scores}");
    }
    report_written(&[&problems.csv, &problems.svg]);
    Ok(true)
}

fn main() -> ExitCode {
    exit_code("validate", run(&Arguments::parse()))
}
