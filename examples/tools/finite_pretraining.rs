//! Error of fine-tuning against sample ratio, for pretraining on little, more, and unlimited data.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use diagonet::simulation::{Experiment, MonteCarlo, Statistic};
use diagonet::{
    Initialization, Law, Prior, Protocol, Samples, ScaleMap, Solver, Supports, Task, Transfer,
};
use files::{Table, exit_code, write_table};
use indicatif::{ProgressBar, ProgressStyle};
use panels::{Figure, Line, Mark, Panel};

mod files;
mod panels;

const EXPLANATION: &str = "\
Computes the error of fine-tuning against its sample ratio after pretraining on several amounts of
data, and from scratch, and simulates networks of finite size on the curves: one SVG figure with a
panel for each protocol (paths rebalanced, or training continued), lines for the theory and points
with 95 % confidence intervals for the means over draws; and a CSV table.

The CSV has the columns protocol, alpha_pt, alpha_ft, theory, mean, standard_error, z_score and
problem: the mean is empty where nothing was simulated; alpha_pt is inf for unlimited data, and 0 for
training from scratch. The exit code is 0 if every point has an answer, 1 if some point has none, 2 if
there is no result. Draws run in parallel on all cores; RAYON_NUM_THREADS sets another number.";

/// Computes and simulates fine-tuning after pretraining on finite data.
#[derive(Parser)]
#[command(name = "finite_pretraining", long_about = EXPLANATION)]
struct Arguments {
    /// Where to write the curves.
    #[arg(long, default_value = "finite_pretraining.csv")]
    csv: PathBuf,
    /// Where to draw the figure.
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

const PROTOCOLS: [(&str, &str, Protocol); 2] = [
    ("rebalanced", "paths rebalanced, readout reset", Protocol::Rebalanced),
    ("continued", "training continued", Protocol::Continued),
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

    /// The series in the table: its pretraining samples per coordinate.
    fn ratio(self) -> f64 {
        match self {
            Self::Scratch => 0.0,
            Self::Pretrained(ratio) => ratio.unwrap_or(f64::INFINITY),
        }
    }
}

/// A point of a curve; simulated or not.
struct Point {
    protocol: usize,
    series: usize,
    sample_ratio: f64,
    theory: diagonet::Result<f64>,
    simulated: Option<Statistic>,
}

impl Arguments {
    fn series(&self) -> Vec<Series> {
        let finite = self.alpha_pt.iter().map(|&ratio| Series::Pretrained(Some(ratio)));
        let unlimited = [Series::Pretrained(None)];
        [Series::Scratch].into_iter().chain(finite).chain(unlimited).collect()
    }

    fn transfer(&self, series: Series, protocol: Protocol) -> diagonet::Result<Transfer> {
        let task = Task::new(Supports::from_overlap(self.rho_pt, self.rho_ft, self.overlap)?)?
            .with_pretraining_prior(Prior::gaussian(0.0, self.pretraining_var)?)?
            .with_correlation(self.correlation)?;
        let pretraining = Initialization::from_scales(self.c_pt, self.lambda_pt)?;
        let scale_map = ScaleMap::new(pretraining, self.gamma_ft)?;
        let transfer = Transfer::new(&task, scale_map).with_protocol(protocol);
        match series {
            Series::Pretrained(Some(ratio)) => {
                let samples = Samples::new(ratio)?.with_noise_variance(self.noise_pt_var)?;
                Ok(transfer.with_pretraining_samples(samples))
            }
            _ => Ok(transfer),
        }
    }

    fn samples(&self, sample_ratio: f64) -> diagonet::Result<Samples> {
        Samples::new(sample_ratio)?.with_noise_variance(self.noise_var)
    }

    fn ratios(&self, count: u32) -> impl Iterator<Item = f64> {
        (1..=count).map(move |i| self.alpha_max * f64::from(i) / f64::from(count))
    }
}

/// The error of a series at some samples.
fn theory(transfer: &Transfer, series: Series, samples: &Samples) -> diagonet::Result<f64> {
    let solver = Solver::new();
    let report = match series {
        Series::Scratch => {
            let pretraining = transfer.scale_map().pretraining();
            solver.solve(&Law::from_scratch(transfer.task(), &pretraining)?, samples)
        }
        Series::Pretrained(_) => Ok(solver.solve(transfer, samples)?.fine_tuning),
    };
    Ok(report?.generalization_error())
}

fn lines(arguments: &Arguments) -> diagonet::Result<Vec<Point>> {
    let mut points = Vec::new();
    for (protocol, (.., kind)) in PROTOCOLS.iter().enumerate() {
        for (index, series) in arguments.series().into_iter().enumerate() {
            let transfer = arguments.transfer(series, *kind)?;
            for sample_ratio in arguments.ratios(arguments.points) {
                let theory = theory(&transfer, series, &arguments.samples(sample_ratio)?);
                points.push(Point {
                    protocol,
                    series: index,
                    sample_ratio,
                    theory,
                    simulated: None,
                });
            }
        }
    }
    Ok(points)
}

fn marks(arguments: &Arguments) -> Result<Vec<Point>, Box<dyn Error>> {
    let all_series = arguments.series();
    let runs = PROTOCOLS.len() as u64 * all_series.len() as u64 * u64::from(arguments.simulated);
    let bar = ProgressBar::new(runs * arguments.draws)
        .with_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} draws, {eta} left")?);
    let mut seed = arguments.seed;
    let mut points = Vec::new();
    for (protocol, (.., kind)) in PROTOCOLS.iter().enumerate() {
        for (index, &series) in all_series.iter().enumerate() {
            let transfer = arguments.transfer(series, *kind)?;
            for sample_ratio in arguments.ratios(arguments.simulated) {
                let samples = arguments.samples(sample_ratio)?;
                let experiment = Experiment::new(transfer.clone(), samples, arguments.dimension)?;
                let (experiment, quantity) = match series {
                    Series::Scratch => (
                        experiment.with_training_from_scratch(),
                        "generalization_error_from_scratch",
                    ),
                    Series::Pretrained(_) => (experiment, "generalization_error"),
                };
                let run = MonteCarlo::new(arguments.draws)?.with_seed(seed);
                let ensemble = run.run_with_progress(&experiment, |_| bar.inc(1))?;
                points.push(Point {
                    protocol,
                    series: index,
                    sample_ratio: experiment.samples().sample_ratio(),
                    theory: theory(&transfer, series, &experiment.samples()),
                    simulated: ensemble.statistic(quantity),
                });
                seed = seed.wrapping_add(1);
            }
        }
    }
    bar.finish_and_clear();
    Ok(points)
}

fn write_csv(
    arguments: &Arguments,
    points: &[Point],
    writer: &mut Table,
) -> Result<(), Box<dyn Error>> {
    writer.write_record([
        "protocol",
        "alpha_pt",
        "alpha_ft",
        "theory",
        "mean",
        "standard_error",
        "z_score",
        "problem",
    ])?;
    let number = |number: Option<f64>| number.map(|x| format!("{x:?}")).unwrap_or_default();
    let series = arguments.series();
    for point in points {
        let theory = point.theory.as_ref().ok().copied();
        let z_score = point.simulated.zip(theory).and_then(|(s, theory)| s.z_score(theory));
        writer.write_record([
            PROTOCOLS[point.protocol].0.to_owned(),
            number(Some(series[point.series].ratio())),
            number(Some(point.sample_ratio)),
            number(theory),
            number(point.simulated.map(|statistic| statistic.mean)),
            number(point.simulated.map(|s| s.standard_error).filter(|error| error.is_finite())),
            number(z_score),
            point.theory.as_ref().err().map(ToString::to_string).unwrap_or_default(),
        ])?;
    }
    Ok(())
}

fn draw(arguments: &Arguments, lines: &[Point], marks: &[Point]) -> Result<(), Box<dyn Error>> {
    let series = arguments.series();
    let panels = PROTOCOLS.iter().enumerate().map(|(protocol, (_, title, _))| {
        let lines = (0..series.len()).map(|index| {
            let points = lines.iter().filter(|p| p.protocol == protocol && p.series == index);
            let points = points.map(|p| (p.sample_ratio, p.theory.as_ref().ok().copied()));
            Line { series: index, points: points.collect() }
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
        "rho_PT = {:?}, rho_FT = {:?}, overlap {:?}, correlation {:?}; c_PT = {:?}, lambda {:?}, gamma {:?}",
        arguments.rho_pt,
        arguments.rho_ft,
        arguments.overlap,
        arguments.correlation,
        arguments.c_pt,
        arguments.lambda_pt,
        arguments.gamma_ft
    );
    let noise = format!(
        "noise variance {:?} in pretraining, {:?} in fine-tuning; lines: theory; points: means over {} \
         draws with D = {}",
        arguments.noise_pt_var, arguments.noise_var, arguments.draws, arguments.dimension
    );
    let figure = Figure {
        panels: panels.collect(),
        series: series.into_iter().map(Series::name).collect(),
        x_axis: "fine-tuning samples per coordinate, alpha_FT",
        y_axis: "generalization error",
        x_max: arguments.alpha_max,
        floor: arguments.floor,
        premises: vec![task, noise],
    };
    figure.draw(&arguments.svg)
}

/// Returns whether every point has an answer.
fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let lines = lines(arguments)?;
    let marks = marks(arguments)?;
    draw(arguments, &lines, &marks)?;
    let points: Vec<Point> = lines.into_iter().chain(marks).collect();
    write_table(&arguments.csv, |writer| write_csv(arguments, &points, writer))?;
    eprintln!("wrote {} and {}", arguments.csv.display(), arguments.svg.display());
    Ok(points.iter().all(|point| point.theory.is_ok()))
}

fn main() -> ExitCode {
    exit_code("finite_pretraining", run(&Arguments::parse()))
}
