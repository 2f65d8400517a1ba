//! Generalization error against sample ratio in the four regimes, on three tasks.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use diagonet::{Law, Solver};
use files::{Table, exit_code, write_table};
use panels::{Line, Panel};
use regimes_on_tasks::{Named, Problems};

mod files;
mod panels;
mod regimes_on_tasks;

const EXPLANATION: &str = "\
Computes learning curves of fine-tuning, as CSV and as one SVG figure: a panel for every task, a
line for every regime.

The CSV has a row for every point, with the columns task, rho_ft, overlap, regime, lambda_pt,
gamma_ft, alpha_ft, error and problem; problem is empty, or says why the point has no answer. The
exit code is 0 if every point has an answer, 1 if some point has none, 2 if there are no curves.
Giving --regime or --task replaces the default ones; their names may not contain a colon.";

/// Computes learning curves of fine-tuning, as CSV and as one SVG figure.
#[derive(Parser)]
#[command(name = "learning_curves", long_about = EXPLANATION)]
struct Arguments {
    #[command(flatten)]
    problems: Problems,
}

/// One line of the figure: a regime on a task.
struct Curve {
    task: usize,
    regime: usize,
    /// Sample ratio with the error, or why there is none.
    points: Vec<(f64, Result<f64, diagonet::Error>)>,
}

fn compute(problems: &Problems) -> diagonet::Result<Vec<Curve>> {
    let ratios = problems.line_ratios();
    let last = ratios.last().copied().unwrap_or_default();
    problems.samples(last)?;
    let mut curves = Vec::new();
    for (task_index, task) in problems.tasks.iter().enumerate() {
        for (regime_index, regime) in problems.regimes.iter().enumerate() {
            let transfer = problems.transfer(task, regime)?;
            let law = Law::fine_tuning(transfer.task(), &transfer.scale_map())?;
            let noise_variance = problems.noise_variance();
            let reports = Solver::new().learning_curve(&law, noise_variance, &ratios);
            let errors = reports.into_iter().map(|report| Ok(report?.generalization_error()));
            curves.push(Curve {
                task: task_index,
                regime: regime_index,
                points: ratios.iter().copied().zip(errors).collect(),
            });
        }
    }
    Ok(curves)
}

fn write_csv(
    problems: &Problems,
    curves: &[Curve],
    writer: &mut Table,
) -> Result<(), Box<dyn Error>> {
    writer.write_record([
        "task",
        "rho_ft",
        "overlap",
        "regime",
        "lambda_pt",
        "gamma_ft",
        "alpha_ft",
        "error",
        "problem",
    ])?;
    for curve in curves {
        let (task, regime) = (&problems.tasks[curve.task], &problems.regimes[curve.regime]);
        let numbers = |named: &Named| named.numbers.map(|number| format!("{number:?}"));
        let ([rho_ft, overlap], [lambda, gamma]) = (numbers(task), numbers(regime));
        for (ratio, error) in &curve.points {
            let (error, problem) = match error {
                Ok(error) => (format!("{error:?}"), String::new()),
                Err(problem) => (String::new(), problem.to_string()),
            };
            writer.write_record([
                &task.name,
                &rho_ft,
                &overlap,
                &regime.name,
                &lambda,
                &gamma,
                &format!("{ratio:?}"),
                &error,
                &problem,
            ])?;
        }
    }
    Ok(())
}

fn draw(problems: &Problems, curves: &[Curve]) -> Result<(), Box<dyn Error>> {
    let panels = problems.tasks.iter().enumerate().map(|(task, named)| {
        let lines = curves.iter().filter(|curve| curve.task == task).map(|curve| {
            let value = |error: &Result<f64, _>| error.as_ref().ok().copied();
            let points = curve.points.iter().map(|(x, error)| (*x, value(error)));
            Line { series: curve.regime, points: points.collect() }
        });
        Panel { title: named.name.clone(), lines: lines.collect(), ..Panel::default() }
    });
    problems.figure(panels.collect()).draw(&problems.svg)
}

/// Returns whether every point has an answer.
fn run(problems: &Problems) -> Result<bool, Box<dyn Error>> {
    let curves = compute(problems)?;
    write_table(&problems.csv, |writer| write_csv(problems, &curves, writer))?;
    draw(problems, &curves)?;
    eprintln!("wrote {} and {}", problems.csv.display(), problems.svg.display());
    Ok(curves.iter().flat_map(|curve| &curve.points).all(|(_, error)| error.is_ok()))
}

fn main() -> ExitCode {
    exit_code("learning_curves", run(&Arguments::parse().problems))
}
