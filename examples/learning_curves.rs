//! Generalization error against sample ratio in the four regimes, on three tasks.

use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use clap::Parser;
use diagonet::{Initialization, Law, Samples, ScaleMap, Solver, Supports, Task};
use plotters::prelude::*;

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
    /// Where to write the curves; - is standard output.
    #[arg(long, default_value = "learning_curves.csv")]
    csv: PathBuf,
    /// Where to draw the figure.
    #[arg(long, default_value = "learning_curves.svg")]
    svg: PathBuf,
    /// Absolute scale of pretraining.
    #[arg(long, default_value_t = 1e-3, allow_negative_numbers = true)]
    c_pt: f64,
    /// Regimes with their relative and readout scales; give the flag once for each.
    #[arg(
        long = "regime",
        value_name = "NAME:LAMBDA:GAMMA",
        allow_hyphen_values = true,
        default_values = [
            "I rich, independent:-0.999999:1e-6",
            "II lazy, dependent:0:0",
            "III lazy, independent:0:10",
            "IV rich, dependent:-0.99:0",
        ]
    )]
    regimes: Vec<Named>,
    /// Tasks with their fine-tuning densities and overlaps; give the flag once for each.
    #[arg(
        long = "task",
        value_name = "NAME:RHO_FT:OVERLAP",
        default_values = [
            "no overlap, rho_FT = 0.1:0.1:0",
            "full overlap, rho_FT = 0.1:0.1:1",
            "full overlap, rho_FT = 0.01:0.01:1",
        ]
    )]
    tasks: Vec<Named>,
    /// Fraction of coordinates that are active in pretraining.
    #[arg(long, default_value_t = 0.1, allow_negative_numbers = true)]
    rho_pt: f64,
    /// Magnitude of the pretrained coefficients.
    #[arg(long, default_value_t = 1.0, allow_negative_numbers = true)]
    beta_pt: f64,
    /// Variance of the active fine-tuning coefficients [default: the inverse of their density].
    #[arg(long, allow_negative_numbers = true)]
    var_ft: Option<f64>,
    /// Variance of the label noise.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    noise_var: f64,
    /// Largest sample ratio.
    #[arg(long, default_value_t = 0.5, allow_negative_numbers = true)]
    alpha_max: f64,
    /// Error at which lines leave the figure.
    #[arg(long, default_value_t = 1e-8)]
    floor: f64,
    /// Number of sample ratios, evenly spaced.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    points: u32,
}

/// A name with two numbers.
#[derive(Debug, Clone)]
struct Named {
    name: String,
    numbers: [f64; 2],
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fields: Vec<_> = text.split(':').collect();
        let [name, first, second] = fields[..] else {
            return Err("expected a name and two numbers, separated by colons".into());
        };
        let number =
            |field: &str| field.trim().parse().map_err(|_| format!("'{field}' is not a number"));
        Ok(Self { name: name.into(), numbers: [number(first)?, number(second)?] })
    }
}

/// One line of the figure: a regime on a task.
struct Curve {
    task: usize,
    regime: usize,
    /// Sample ratio with the error, or why there is none.
    points: Vec<(f64, Result<f64, diagonet::Error>)>,
}

fn compute(arguments: &Arguments) -> diagonet::Result<Vec<Curve>> {
    Samples::new(arguments.alpha_max)?;
    let ratios: Vec<f64> = (1..=arguments.points)
        .map(|i| arguments.alpha_max * f64::from(i) / f64::from(arguments.points))
        .collect();
    let mut curves = Vec::new();
    for (task_index, named) in arguments.tasks.iter().enumerate() {
        let [rho_ft, overlap] = named.numbers;
        let supports = Supports::from_overlap(arguments.rho_pt, rho_ft, overlap)?;
        let mut task = Task::new(supports)?.with_pretraining_magnitude(arguments.beta_pt)?;
        if let Some(variance) = arguments.var_ft {
            task = task.with_fine_tuning_variance(variance)?;
        }
        for (regime_index, named) in arguments.regimes.iter().enumerate() {
            let [lambda, gamma] = named.numbers;
            let pretraining = Initialization::from_scales(arguments.c_pt, lambda)?;
            let law = Law::fine_tuning(&task, &ScaleMap::new(pretraining, gamma)?)?;
            let reports = Solver::new().learning_curve(&law, arguments.noise_var, &ratios);
            let errors = reports.into_iter().map(|report| Ok(report?.generalization_error));
            curves.push(Curve {
                task: task_index,
                regime: regime_index,
                points: ratios.iter().copied().zip(errors).collect(),
            });
        }
    }
    Ok(curves)
}

fn write_csv(arguments: &Arguments, curves: &[Curve]) -> Result<(), Box<dyn Error>> {
    let output: Box<dyn Write> = if arguments.csv.as_os_str() == "-" {
        Box::new(io::stdout().lock())
    } else {
        Box::new(create(&arguments.csv)?)
    };
    let mut writer = csv::Writer::from_writer(output);
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
        let (task, regime) = (&arguments.tasks[curve.task], &arguments.regimes[curve.regime]);
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
    writer.flush()?;
    Ok(())
}

fn create(path: &Path) -> Result<File, String> {
    File::create(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Regimes side by side in the legend.
const LEGEND_COLUMNS: usize = 2;

/// Colours that remain distinct to the colour-blind (Okabe and Ito).
const COLOURS: [RGBColor; 6] = [
    RGBColor(213, 94, 0),
    RGBColor(0, 114, 178),
    RGBColor(120, 120, 120),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
];

fn draw(arguments: &Arguments, curves: &[Curve]) -> Result<(), Box<dyn Error>> {
    create(&arguments.svg)?;
    let tasks = arguments.tasks.len();
    let legend_rows = arguments.regimes.len().div_ceil(LEGEND_COLUMNS);
    let width = 400 * tasks as u32 + 20;
    let root =
        SVGBackend::new(&arguments.svg, (width, 424 + 24 * legend_rows as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    let (panels, legend) = root.split_vertically(392);
    let shown = |error: &Result<f64, _>| match error {
        Ok(error) if *error >= arguments.floor => Some(*error),
        _ => None,
    };
    let errors = || curves.iter().flat_map(|curve| &curve.points).filter_map(|(_, e)| shown(e));
    let top = errors().fold(1.0, f64::max) * 1.5;
    let bottom = errors().fold(0.1, f64::min) / 1.5;
    for (task, panel) in panels.split_evenly((1, tasks)).iter().enumerate() {
        let mut chart = ChartBuilder::on(panel)
            .caption(&arguments.tasks[task].name, ("sans-serif", 17))
            .margin(8)
            .margin_right(16)
            .x_label_area_size(42)
            .y_label_area_size(66)
            .build_cartesian_2d(0.0..arguments.alpha_max, (bottom..top).log_scale())?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.12))
            .x_desc("sample ratio alpha = N / D")
            .y_desc(if task == 0 { "generalization error" } else { "" })
            .x_labels(6)
            .y_labels(9)
            .x_label_formatter(&|x| format!("{}", (x * 1e9).round() / 1e9))
            .y_label_formatter(&|y| format!("{y:.0e}"))
            .label_style(("sans-serif", 13))
            .axis_desc_style(("sans-serif", 15))
            .draw()?;
        for curve in curves.iter().filter(|curve| curve.task == task) {
            let style = COLOURS[curve.regime % COLOURS.len()].stroke_width(2);
            // A missing point interrupts the line.
            for run in curve.points.split(|(_, error)| shown(error).is_none()) {
                let points = run.iter().filter_map(|(x, error)| Some((*x, shown(error)?)));
                chart.draw_series(LineSeries::new(points, style))?;
            }
        }
    }
    for (index, regime) in arguments.regimes.iter().enumerate() {
        let (x, y) = (
            70 + (index % LEGEND_COLUMNS) as i32 * (width as i32 - 80) / LEGEND_COLUMNS as i32,
            (index / LEGEND_COLUMNS) as i32 * 24 + 10,
        );
        let style = COLOURS[index % COLOURS.len()].stroke_width(3);
        legend.draw(&PathElement::new(vec![(x, y), (x + 28, y)], style))?;
        let [lambda, gamma] = regime.numbers;
        let text = format!("{} (lambda {lambda}, gamma {gamma})", regime.name);
        legend.draw(&Text::new(text, (x + 34, y - 7), ("sans-serif", 13)))?;
    }
    let premises = format!(
        "c_PT = {:?}, rho_PT = {:?}, beta_PT = {:?}, noise {:?}; lines end at an error of {:e}",
        arguments.c_pt, arguments.rho_pt, arguments.beta_pt, arguments.noise_var, arguments.floor
    );
    let below = legend_rows as i32 * 24 + 3;
    legend.draw(&Text::new(premises, (70, below), ("sans-serif", 13)))?;
    root.present()?;
    Ok(())
}

/// Returns whether every point has an answer.
fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let curves = compute(arguments)?;
    let in_file = |error| format!("{}: {error}", arguments.csv.display());
    match write_csv(arguments, &curves) {
        Err(error) if is_broken_pipe(error.as_ref()) => {}
        result => result.map_err(in_file)?,
    }
    draw(arguments, &curves)?;
    eprintln!("wrote {} and {}", arguments.csv.display(), arguments.svg.display());
    Ok(curves.iter().flat_map(|curve| &curve.points).all(|(_, error)| error.is_ok()))
}

/// A reader of the output that has seen enough, like `head`, is no failure.
fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let io_error = match error.downcast_ref::<csv::Error>().map(csv::Error::kind) {
        Some(csv::ErrorKind::Io(error)) => Some(error),
        _ => error.downcast_ref::<io::Error>(),
    };
    io_error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(problem) => {
            eprintln!("learning_curves: {problem}");
            ExitCode::from(2)
        }
    }
}
