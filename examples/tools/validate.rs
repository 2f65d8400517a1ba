//! The theory's learning curves as lines, and simulation of real networks as points on them.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use diagonet::simulation::{Experiment, MonteCarlo, Statistic};
use diagonet::{Law, Solver};
use files::{Table, exit_code, write_table};
use indicatif::{ProgressBar, ProgressStyle};
use panels::{Line, Mark, Panel};
use regimes_on_tasks::Problems;
use statrs::distribution::{ContinuousCDF, StudentsT};

mod files;
mod panels;
mod regimes_on_tasks;

const EXPLANATION: &str = "\
Draws the learning curves of the theory, simulates networks of finite size on them, and compares: one
SVG figure with a panel for every task, lines for the theory and points with 95 % confidence
intervals for the means over draws; a CSV table; and the same table for people on standard output.

Every point has draws of its own, so that the z-scores, (mean - theory) / standard error, are
independent. Where the theory is exact and draws are Gaussian they follow Student's distribution; on
the steep parts of a curve, simulation at finite D is biased upwards, the less the larger D is. The
last line gives the mean square of the z-scores, and the probability that the largest of as many scores
from Student's distribution would be as large.

The CSV has the columns task, regime, dimension, samples, alpha_ft, draws, mean, standard_error, low,
high, theory and z_score. The exit code is 0 if every point has an answer, 2 if there is no result.
Draws run in parallel on all cores; RAYON_NUM_THREADS sets another number.";

/// Compares the theory with simulations of real networks.
#[derive(Parser)]
#[command(name = "validate", long_about = EXPLANATION)]
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
}

/// A simulated point.
struct Point {
    task: usize,
    regime: usize,
    samples: f64,
    sample_ratio: f64,
    error: Statistic,
    interval: [f64; 2],
    theory: f64,
    z_score: f64,
}

fn simulate(arguments: &Arguments) -> Result<Vec<Point>, Box<dyn Error>> {
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
                let transfer = problems.transfer(named_task, named_regime)?;
                let experiment =
                    Experiment::new(transfer, problems.samples(ratio)?, arguments.dimension)?;
                let theory = experiment.prediction(&Solver::new())?.generalization_error();
                let run = MonteCarlo::new(arguments.draws)?.with_seed(seed);
                let ensemble = run.run_with_progress(&experiment, |_| bar.inc(1))?;
                let error = ensemble.statistic("generalization_error").ok_or("no draws")?;
                let sample_ratio = experiment.samples().sample_ratio();
                simulated.push(Point {
                    task,
                    regime,
                    samples: (sample_ratio * arguments.dimension as f64).round(),
                    sample_ratio,
                    error,
                    interval: error.confidence_interval(0.95)?,
                    theory,
                    z_score: error.z_score(theory).ok_or("a standard error needs two draws")?,
                });
                seed = seed.wrapping_add(1);
            }
        }
    }
    bar.finish_and_clear();
    Ok(simulated)
}

fn write_csv(
    arguments: &Arguments,
    points: &[Point],
    writer: &mut Table,
) -> Result<(), Box<dyn Error>> {
    let problems = &arguments.problems;
    writer.write_record([
        "task",
        "regime",
        "dimension",
        "samples",
        "alpha_ft",
        "draws",
        "mean",
        "standard_error",
        "low",
        "high",
        "theory",
        "z_score",
    ])?;
    for point in points {
        let [low, high] = point.interval;
        let names = [&problems.tasks[point.task].name, &problems.regimes[point.regime].name];
        let sizes = [arguments.dimension as f64, point.samples];
        let numbers =
            [point.error.mean, point.error.standard_error, low, high, point.theory, point.z_score];
        let names = names.map(String::clone).into_iter();
        let sizes = sizes.into_iter().map(|size| size.to_string());
        let fields = names
            .chain(sizes)
            .chain([format!("{:?}", point.sample_ratio), point.error.count.to_string()])
            .chain(numbers.into_iter().map(|number| format!("{number:?}")));
        writer.write_record(fields)?;
    }
    Ok(())
}

fn draw(problems: &Problems, points: &[Point], subtitle: String) -> Result<(), Box<dyn Error>> {
    let ratios = problems.line_ratios();
    let mut panels = Vec::new();
    for (task, named_task) in problems.tasks.iter().enumerate() {
        let mut panel = Panel { title: named_task.name.clone(), ..Panel::default() };
        for (series, regime) in problems.regimes.iter().enumerate() {
            let transfer = problems.transfer(named_task, regime)?;
            let law = Law::fine_tuning(transfer.task(), &transfer.scale_map())?;
            let curve = Solver::new().learning_curve(&law, problems.noise_variance(), &ratios);
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
    let mut figure = problems.figure(panels);
    figure.premises.push(subtitle);
    figure.draw(&problems.svg)
}

/// The z-scores, a table for every task.
fn print(problems: &Problems, points: &[Point]) -> Result<(), Box<dyn Error>> {
    for (task, named) in problems.tasks.iter().enumerate() {
        println!("\nz-scores, {}", named.name);
        for (regime, named) in problems.regimes.iter().enumerate() {
            let chosen = || points.iter().filter(|p| p.task == task && p.regime == regime);
            if regime == 0 {
                let ratios = chosen().map(|point| format!("{:7.3}", point.sample_ratio));
                println!("{:24}{}", "alpha", ratios.collect::<String>());
            }
            let scores = chosen().map(|point| format!("{:7.2}", point.z_score));
            println!("{:24}{}", named.name, scores.collect::<String>());
        }
    }
    let count = points.len() as f64;
    let mean_square = points.iter().map(|point| point.z_score.powi(2)).sum::<f64>() / count;
    let largest = points.iter().map(|point| point.z_score.abs()).fold(0.0, f64::max);
    // Two-sided tail of one score, and of the largest of so many, where the theory is exact.
    let freedom = points[0].error.count as f64 - 1.0;
    let student = StudentsT::new(0.0, 1.0, freedom)?;
    let chance = -f64::exp_m1(count * f64::ln_1p(-2.0 * student.sf(largest)));
    println!(
        "\n{count} points: mean square {mean_square:.2}, largest {largest:.2} (chance {chance:.2})"
    );
    Ok(())
}

fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let problems = &arguments.problems;
    let points = simulate(arguments)?;
    write_table(&problems.csv, |writer| write_csv(arguments, &points, writer))?;
    let Arguments { dimension, draws, .. } = arguments;
    let subtitle = format!(
        "lines: theory; points: means over {draws} draws with D = {dimension}, 95 % confidence intervals"
    );
    draw(problems, &points, subtitle)?;
    print(problems, &points)?;
    eprintln!("wrote {} and {}", problems.csv.display(), problems.svg.display());
    Ok(true)
}

fn main() -> ExitCode {
    exit_code("validate", run(&Arguments::parse()))
}
