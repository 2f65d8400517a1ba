//! Error of fine-tuning against sample ratio, for pretraining on little, more, and unlimited data.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use diagonet::simulation::{Experiment, MonteCarlo, Statistic};
use diagonet::{Law, Protocol, Solver};
use indicatif::{ProgressBar, ProgressStyle};
use support::curves::{self, Figure, Line, Mark, Panel};
use support::files::{Table, check_outputs, exit_code, number, report_written};
use support::problem::{
    OPTIONAL, Options, Problem, REQUIRED, RelativeScale, Statement, default_variance,
};
use support::typeset::short;

#[allow(dead_code, reason = "each program uses a part of it")]
mod support;

const EXPLANATION: &str = "\
Computes the error of fine-tuning against its sample ratio after pretraining on several amounts of
data, and from scratch, and simulates networks of finite size on the curves: one SVG figure with a
panel for each protocol (paths rebalanced, or training continued), lines for the theory and points
with 95 % confidence intervals for the means over draws; and a CSV table.

The CSV has the columns series, those of a problem as `evaluate` and `simulate` read them, dimension,
draws and seed, error (that of the theory), mean, standard_error, z_score and problem: mean and what
belongs to it are empty where nothing was simulated. Training from scratch is written as the problem
that it equals: continued training after coefficients of zero. The exit code is 0 if every point has
an answer, 1 if some point has none, 2 if there is no result. Draws run in parallel on all cores;
RAYON_NUM_THREADS sets another number.";

/// Computes and simulates fine-tuning after pretraining on finite data.
#[derive(Parser)]
#[command(name = "finite_pretraining", version, long_about = EXPLANATION)]
struct Arguments {
    /// Where to write the curves; - is standard output.
    #[arg(long, default_value = "finite_pretraining.csv")]
    csv: PathBuf,
    /// Where to draw the figure; - is standard output.
    #[arg(long, default_value = "finite_pretraining.svg")]
    svg: PathBuf,
    /// Samples of pretraining per coordinate; give the flag once for each. Unlimited data and training
    /// from scratch come besides.
    #[arg(long = "alpha-pt", default_values_t = [0.2, 0.4, 0.8], allow_negative_numbers = true)]
    alpha_pt: Vec<f64>,
    /// Variance of the label noise of pretraining.
    #[arg(long, default_value_t = 0.01, allow_negative_numbers = true)]
    noise_pt_var: f64,
    /// Variance of the label noise of fine-tuning.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    noise_var: f64,
    /// Fraction of coordinates that are active in pretraining.
    #[arg(long, default_value_t = 0.2, allow_negative_numbers = true)]
    rho_pt: f64,
    /// Fraction of coordinates that are active in fine-tuning.
    #[arg(long, default_value_t = 0.1, allow_negative_numbers = true)]
    rho_ft: f64,
    /// Fraction of these that are active in pretraining, too.
    #[arg(long, default_value_t = 1.0, allow_negative_numbers = true)]
    overlap: f64,
    /// Correlation of the shared coefficients of the two tasks.
    #[arg(long, default_value_t = 0.8, allow_negative_numbers = true)]
    correlation: f64,
    /// Variance of the active pretraining coefficients, which are Gaussian.
    #[arg(long, default_value_t = 5.0, allow_negative_numbers = true)]
    pretraining_var: f64,
    /// Absolute scale of pretraining.
    #[arg(long, default_value_t = 0.01, allow_negative_numbers = true)]
    c_pt: f64,
    /// Relative scale of pretraining.
    #[arg(long, default_value_t = -0.9, allow_negative_numbers = true)]
    lambda_pt: f64,
    /// 1 + lambda in the place of --lambda-pt.
    #[arg(long, conflicts_with = "lambda_pt", allow_negative_numbers = true)]
    lambda_gap: Option<f64>,
    /// Readout scale of fine-tuning.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    gamma_ft: f64,
    /// Largest sample ratio of fine-tuning.
    #[arg(long, default_value_t = 0.5, allow_negative_numbers = true)]
    alpha_max: f64,
    /// Number of sample ratios of the lines, evenly spaced.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    points: u32,
    /// Number of simulated sample ratios, evenly spaced; 0 simulates nothing.
    #[arg(long, default_value_t = 5)]
    simulated: u32,
    /// Number of coordinates of the simulated networks.
    #[arg(long, default_value_t = 1000)]
    dimension: usize,
    /// Number of draws at every simulated point.
    #[arg(long, default_value_t = 20)]
    draws: u64,
    /// Seed of the draws of the first point; the others follow.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Error at which lines leave the figure.
    #[arg(long, default_value_t = 1e-6)]
    floor: f64,
}

const PROTOCOLS: [(&str, Protocol); 2] = [
    ("paths rebalanced, readout reset", Protocol::REBALANCED),
    ("training continued", Protocol::Continued),
];

/// What fine-tuning starts from.
#[derive(Clone, Copy)]
enum Series {
    Scratch,
    Pretrained(Option<f64>),
}

impl Series {
    fn name(self) -> String {
        match self {
            Self::Scratch => "from scratch".into(),
            Self::Pretrained(None) => "pretrained on unlimited data".into(),
            Self::Pretrained(Some(ratio)) => format!("pretrained at alpha_PT = {ratio}"),
        }
    }
}

/// A point of a curve.
struct Point {
    protocol: usize,
    series: usize,
    sample_ratio: f64,
    error: Option<f64>,
    simulated: Option<Statistic>,
}

/// Columns of the table besides those of a problem.
const RESULTS: [&str; 8] =
    ["dimension", "draws", "seed", "error", "mean", "standard_error", "z_score", "problem"];

impl Arguments {
    fn series(&self) -> Vec<Series> {
        let finite = self.alpha_pt.iter().map(|&ratio| Series::Pretrained(Some(ratio)));
        let unlimited = [Series::Pretrained(None)];
        [Series::Scratch].into_iter().chain(finite).chain(unlimited).collect()
    }

    fn statement(&self, series: Series, protocol: Protocol, sample_ratio: f64) -> Statement {
        let alpha_pt = match series {
            Series::Pretrained(ratio) => ratio,
            Series::Scratch => None,
        };
        Statement {
            rho_pt: self.rho_pt,
            rho_ft: self.rho_ft,
            overlap: self.overlap,
            beta_pt_active: self.pretraining_var.sqrt(),
            var_ft_active: default_variance(self.rho_ft),
            c_pt: self.c_pt,
            relative_scale: self.relative_scale(),
            gamma_ft: self.gamma_ft,
            alpha_ft: sample_ratio,
            noise_var: self.noise_var,
            more: Options {
                alpha_pt,
                noise_pt_var: alpha_pt.map(|_| self.noise_pt_var),
                is_pretraining_gaussian: true,
                correlation: self.correlation,
                protocol,
                ..Options::default()
            },
        }
    }

    fn relative_scale(&self) -> RelativeScale {
        self.lambda_gap.map_or(RelativeScale::Lambda(self.lambda_pt), RelativeScale::Gap)
    }

    fn ratios(&self, count: u32) -> impl Iterator<Item = f64> {
        (1..=count).map(move |i| self.alpha_max * f64::from(i) / f64::from(count))
    }
}

/// The problem of the two tables: for training from scratch, one that ends at the same errors.
fn tabulated(statement: Statement, series: Series) -> Statement {
    match series {
        Series::Pretrained(_) => statement,
        Series::Scratch => Statement {
            beta_pt_active: 0.0,
            more: Options { protocol: Protocol::Continued, ..Options::default() },
            ..statement
        },
    }
}

/// The error of a series.
fn theory(problem: &Problem, series: Series) -> diagonet::Result<f64> {
    let Problem { transfer, samples, .. } = problem;
    let solver = Solver::new();
    let solution = match series {
        Series::Scratch => {
            let pretraining = transfer.scale_map().pretraining();
            solver.solve(&Law::from_scratch(transfer.task(), &pretraining)?, samples)
        }
        Series::Pretrained(_) => Ok(solver.solve(transfer, samples)?.fine_tuning),
    };
    Ok(solution?.generalization_error())
}

/// What a simulated point was drawn with.
struct Draws {
    dimension: usize,
    count: u64,
    seed: u64,
}

fn write(
    table: &mut Table,
    (statement, series): (Statement, Series),
    error: &diagonet::Result<f64>,
    simulated: Option<(Statistic, Draws)>,
) -> Result<(), String> {
    let answer = error.as_ref().ok().copied();
    let draws = simulated.as_ref().map(|(_, draws)| draws);
    let sizes = [
        draws.map(|draws| draws.dimension.to_string()),
        draws.map(|draws| draws.count.to_string()),
        draws.map(|draws| draws.seed.to_string()),
    ];
    let statistic = simulated.as_ref().map(|(statistic, _)| statistic);
    let results = [
        number(answer),
        number(statistic.map(|statistic| statistic.mean)),
        number(statistic.map(|s| s.standard_error).filter(|error| error.is_finite())),
        number(statistic.zip(answer).and_then(|(s, theory)| s.z_score(theory))),
        error.as_ref().err().map(ToString::to_string).unwrap_or_default(),
    ];
    let statement = tabulated(statement, series);
    let problem = statement.fields().into_iter().chain(statement.optional_fields());
    let sizes = sizes.map(Option::unwrap_or_default);
    table.write([series.name()].into_iter().chain(problem).chain(sizes).chain(results))
}

fn lines(arguments: &Arguments, table: &mut Table) -> Result<Vec<Point>, Box<dyn Error>> {
    let mut points = Vec::new();
    for (protocol, (_, kind)) in PROTOCOLS.iter().enumerate() {
        for (index, series) in arguments.series().into_iter().enumerate() {
            for sample_ratio in arguments.ratios(arguments.points) {
                let statement = arguments.statement(series, *kind, sample_ratio);
                let error = theory(&statement.problem()?, series);
                write(table, (statement, series), &error, None)?;
                let error = error.ok();
                points.push(Point {
                    protocol,
                    series: index,
                    sample_ratio,
                    error,
                    simulated: None,
                });
            }
        }
    }
    Ok(points)
}

fn marks(arguments: &Arguments, table: &mut Table) -> Result<Vec<Point>, Box<dyn Error>> {
    let all_series = arguments.series();
    let runs = PROTOCOLS.len() as u64 * all_series.len() as u64 * u64::from(arguments.simulated);
    let bar = ProgressBar::new(runs * arguments.draws)
        .with_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} draws, {eta} left")?);
    let mut seed = arguments.seed;
    let mut points = Vec::new();
    for (protocol, (_, kind)) in PROTOCOLS.iter().enumerate() {
        for (index, &series) in all_series.iter().enumerate() {
            for sample_ratio in arguments.ratios(arguments.simulated) {
                // That of the table, so that `simulate` repeats the draws.
                let given = tabulated(arguments.statement(series, *kind, sample_ratio), series);
                let problem = given.problem()?;
                let dimension = arguments.dimension;
                let experiment = Experiment::new(problem.transfer, problem.samples, dimension)?;
                let run = MonteCarlo::new(arguments.draws)?.with_seed(seed);
                let ensemble = run.run_with_progress(&experiment, |_| bar.inc(1))?;
                let statistic = ensemble.statistic("generalization_error");
                // The theory is that of whole numbers of samples.
                let sample_ratio = experiment.samples().sample_ratio();
                let statement = arguments.statement(series, *kind, sample_ratio);
                let error = theory(&statement.problem()?, series);
                let draws = Draws { dimension, count: arguments.draws, seed };
                write(table, (statement, series), &error, statistic.map(|s| (s, draws)))?;
                points.push(Point {
                    protocol,
                    series: index,
                    sample_ratio,
                    error: error.ok(),
                    simulated: statistic,
                });
                seed = seed.wrapping_add(1);
            }
        }
    }
    bar.finish_and_clear();
    Ok(points)
}

fn draw(arguments: &Arguments, lines: &[Point], marks: &[Point]) -> Result<(), String> {
    let all_series = arguments.series();
    let panels = PROTOCOLS.iter().enumerate().map(|(protocol, (title, _))| {
        let lines = (0..all_series.len()).map(|series| {
            let points = lines.iter().filter(|p| p.protocol == protocol && p.series == series);
            let points = points.map(|point| (point.sample_ratio, point.error));
            Line { series, points: points.collect() }
        });
        let marks = marks.iter().filter(|point| point.protocol == protocol);
        let marks = marks.filter_map(|point| {
            let statistic = point.simulated?;
            let [low, high] = statistic.confidence_interval(0.95).ok()?;
            let (series, x, mean) = (point.series, point.sample_ratio, statistic.mean);
            Some(Mark { series, x, mean, low, high })
        });
        Panel { title: (*title).into(), lines: lines.collect(), marks: marks.collect() }
    });
    let task = format!(
        "rho_PT = {}, rho_FT = {}, overlap omega = {}, correlation {}; c_PT = {}, {}, gamma = {}",
        short(arguments.rho_pt),
        short(arguments.rho_ft),
        short(arguments.overlap),
        short(arguments.correlation),
        short(arguments.c_pt),
        arguments.relative_scale(),
        short(arguments.gamma_ft)
    );
    let noise = format!(
        "noise variance {} in pretraining, {} in fine-tuning",
        short(arguments.noise_pt_var),
        short(arguments.noise_var)
    );
    let marks = format!(
        "lines: theory; marks: means over {} draws with D = {}, 95 % confidence intervals",
        arguments.draws, arguments.dimension
    );
    let series = all_series.iter().map(|series| curves::Series {
        name: series.name(),
        is_reference: matches!(series, Series::Scratch),
    });
    let figure = Figure {
        title: "Error of fine-tuning against its samples, for several amounts of pretraining data"
            .into(),
        panels: panels.collect(),
        series: series.collect(),
        x_axis: "fine-tuning samples per coordinate, alpha_FT".into(),
        y_axis: "generalization error".into(),
        x_min: None,
        x_max: arguments.alpha_max,
        floor: arguments.floor,
        premises: vec![task, noise, marks],
    };
    figure.draw(&arguments.svg)
}

/// Returns whether every point has an answer.
fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    check_outputs(&[&arguments.csv, &arguments.svg])?;
    let header = ["series"].iter().chain(&REQUIRED).chain(&OPTIONAL).chain(&RESULTS);
    let mut table = Table::create(&arguments.csv, header)?;
    let lines = lines(arguments, &mut table)?;
    let marks = marks(arguments, &mut table)?;
    draw(arguments, &lines, &marks)?;
    report_written(&[&arguments.csv, &arguments.svg]);
    Ok(lines.iter().chain(&marks).all(|point| point.error.is_some()))
}

fn main() -> ExitCode {
    exit_code("finite_pretraining", run(&Arguments::parse()))
}
