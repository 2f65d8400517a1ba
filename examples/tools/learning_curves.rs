//! Generalization error against sample ratio in the four regimes, on three tasks.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use diagonet::{BayesOptimal, BayesSolution, Law, Solver};
use support::curves::{Line, Panel};
use support::files::{Table, check_outputs, exit_code, number, report_written};
use support::norm::{Norm, NormName};
use support::problem::REQUIRED;
use support::regimes_on_tasks::{NamedTask, Problems};

#[allow(dead_code, reason = "each program uses a part of it")]
mod support;

const EXPLANATION: &str = "\
Computes learning curves of fine-tuning, as CSV and as one SVG figure: a panel for every task, a
line for every regime.

The CSV has a row for every point, with the columns task and regime, those of a problem as
`evaluate` and `simulate` read them, error, error_bayes, error_lasso and problem; error_bayes is what the
Bayes-optimal learner reaches by message passing with the same knowledge, error_lasso that of LASSO from
scratch at its best penalty; problem is empty, or says why the point has no answer. The exit code is 0 if every point has an answer, 1 if some point has none, 2 if there are no
curves. Giving --regime or --task replaces the default ones; their names may not contain a colon.";

/// Computes learning curves of fine-tuning, as CSV and as one SVG figure.
#[derive(Parser)]
#[command(name = "learning_curves", version, long_about = EXPLANATION)]
struct Arguments {
    #[command(flatten)]
    problems: Problems,
}

/// Computes the curves and writes each as it is done. Returns the panels of the figure, and whether
/// every point has an answer.
fn compute(problems: &Problems, table: &mut Table) -> Result<(Vec<Panel>, bool), Box<dyn Error>> {
    let ratios = problems.line_ratios();
    let mut panels = Vec::new();
    let mut complete = true;
    for task in &problems.tasks {
        let mut panel = Panel { title: task.name.clone(), ..Panel::default() };
        let bayes = bayes(problems, task, &ratios)?;
        let lasso = lasso(problems, task, &ratios)?;
        for (series, regime) in problems.regimes.iter().enumerate() {
            let statement = |ratio: f64| problems.statement(task, regime, ratio);
            // The last sample ratio stands for all of them.
            let problem = statement(ratios[ratios.len() - 1]).problem()?;
            let law = Law::fine_tuning(problem.transfer.task(), &problem.transfer.scale_map())?;
            let noise_variance = problem.samples.noise_variance();
            let curve = Solver::new().learning_curve(&law, noise_variance, &ratios);
            let mut points = Vec::new();
            let references = bayes.iter().zip(&lasso);
            for ((&ratio, solution), (least, lasso)) in ratios.iter().zip(curve).zip(references) {
                let error = solution.map(|solution| solution.generalization_error());
                let answer = error.as_ref().ok().copied();
                let problem = error.err().map(|error| error.to_string()).unwrap_or_default();
                complete &= answer.is_some();
                points.push((ratio, answer));
                let names = [task.name.clone(), regime.name.clone()].into_iter();
                let fields = names.chain(statement(ratio).fields());
                table.write(fields.chain([
                    number(answer),
                    number(*least),
                    number(*lasso),
                    problem,
                ]))?;
            }
            panel.lines.push(Line { series, points });
        }
        for (index, errors) in [bayes, lasso].into_iter().enumerate() {
            let points = ratios.iter().copied().zip(errors).collect();
            panel.lines.push(Line { series: problems.regimes.len() + index, points });
        }
        panels.push(panel);
    }
    Ok((panels, complete))
}

/// Errors of the Bayes-optimal learner that knows which features pretraining used.
fn bayes(
    problems: &Problems,
    task: &NamedTask,
    ratios: &[f64],
) -> Result<Vec<Option<f64>>, Box<dyn Error>> {
    // The regime plays no part.
    let problem = problems.statement(task, &problems.regimes[0], ratios[0]).problem()?;
    let learner = BayesOptimal::after_pretraining(problem.transfer.task())?;
    let curve = learner.learning_curve(problem.samples.noise_variance(), ratios);
    let error = |solution: diagonet::Result<BayesSolution>| {
        Some(solution.ok()?.message_passing().generalization_error())
    };
    Ok(curve.into_iter().map(error).collect())
}

/// Errors of LASSO from scratch at its best penalty.
fn lasso(
    problems: &Problems,
    task: &NamedTask,
    ratios: &[f64],
) -> Result<Vec<Option<f64>>, Box<dyn Error>> {
    let error = |&ratio: &f64| {
        let problem = problems.statement(task, &problems.regimes[0], ratio).problem()?;
        let answer = Norm::tuned(NormName::Lasso).solve(problem.transfer.task(), &problem.samples);
        Ok(answer.ok().map(|answer| answer.error()))
    };
    ratios.iter().map(error).collect()
}

/// Returns whether every point has an answer.
fn run(problems: &Problems) -> Result<bool, Box<dyn Error>> {
    check_outputs(&[&problems.csv, &problems.svg])?;
    let header = ["task", "regime"].iter().chain(&REQUIRED).chain(&[
        "error",
        "error_bayes",
        "error_lasso",
        "problem",
    ]);
    let mut table = Table::create(&problems.csv, header)?;
    let (panels, complete) = compute(problems, &mut table)?;
    problems
        .figure(panels, &["Bayes-optimal, by message passing", "tuned LASSO, from scratch"])
        .draw(&problems.svg)?;
    report_written(&[&problems.csv, &problems.svg]);
    Ok(complete)
}

fn main() -> ExitCode {
    exit_code("learning_curves", run(&Arguments::parse().problems))
}
