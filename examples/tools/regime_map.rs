//! The triangle of regimes with the paths through it, and the phase diagram of initializations.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use diagonet::{
    Axis, Feature, InductiveBias, Initialization, Law, PhaseDiagram, Regime, Samples, ScaleMap,
    Solver, Supports, Task,
};
use files::{Table, create, exit_code, write_table};
use labels::label;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

mod files;
mod labels;

const EXPLANATION: &str = "\
Maps the regimes of fine-tuning: which initialization leads to which inductive bias, and to which
generalization error.

Four files are written, named PREFIX_triangle.svg (the triangle of regimes, with the paths that
lambda, c and gamma trace in it), PREFIX_paths.csv (the same paths: path, value of the parameter
that varies, l_order, pretraining_dependence, regime), PREFIX_phase.svg (regimes over lambda and
gamma as boundaries, the generalization error as shade) and PREFIX_phase.csv (lambda_pt, gamma_ft,
l_order, pretraining_dependence, regime, feature_price, error, problem). The exit code is 0 if every
point has an answer, 1 if some point has none, 2 if there is no map.";

/// Maps the regimes of fine-tuning over initializations, as CSV and SVG.
#[derive(Parser)]
#[command(name = "regime_map", long_about = EXPLANATION)]
struct Arguments {
    /// Start of the names of all files.
    #[arg(long, default_value = "regime_map")]
    prefix: String,
    /// Absolute scale of pretraining.
    #[arg(long, default_value_t = 1e-3, allow_negative_numbers = true)]
    c_pt: f64,
    /// Magnitude of the pretrained coefficients.
    #[arg(long, default_value_t = 1.0, allow_negative_numbers = true)]
    beta_pt: f64,
    /// Variance of the active fine-tuning coefficients.
    #[arg(long, default_value_t = 1.0, allow_negative_numbers = true)]
    var_ft: f64,
    /// Magnitude of the fine-tuning coefficient at which regimes are told apart [default: the
    /// root of the variance].
    #[arg(long, allow_negative_numbers = true)]
    beta_ft: Option<f64>,
    /// Barycentric coordinate from which a corner names the regime, in (0.5, 1].
    #[arg(long, default_value_t = InductiveBias::DEFAULT_THRESHOLD, allow_negative_numbers = true)]
    threshold: f64,
    /// Fraction of coordinates that are active in pretraining.
    #[arg(long, default_value_t = 0.1, allow_negative_numbers = true)]
    rho_pt: f64,
    /// Fraction of coordinates that are active in fine-tuning.
    #[arg(long, default_value_t = 0.1, allow_negative_numbers = true)]
    rho_ft: f64,
    /// Fraction of the fine-tuning coordinates that pretraining used.
    #[arg(long, default_value_t = 0.8, allow_negative_numbers = true)]
    overlap: f64,
    /// Samples per coordinate.
    #[arg(long, default_value_t = 0.25, allow_negative_numbers = true)]
    alpha: f64,
    /// Variance of the label noise.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    noise_var: f64,
    /// Smallest 1 + lambda of the phase diagram.
    #[arg(long, default_value_t = 1e-7, allow_negative_numbers = true)]
    lambda_gap: f64,
    /// Smallest and largest readout scale of the phase diagram.
    #[arg(long, num_args = 2, default_values_t = [1e-4, 1e2], allow_negative_numbers = true)]
    gamma: Vec<f64>,
    /// Points along each axis of the phase diagram.
    #[arg(long, default_value_t = 160, value_parser = clap::value_parser!(u32).range(2..=400))]
    points: u32,
}

impl Arguments {
    fn file(&self, rest: &str) -> PathBuf {
        PathBuf::from(format!("{}_{rest}", self.prefix))
    }

    fn feature(&self) -> Feature {
        Feature { pretrained_coefficient: self.beta_pt, coefficient: self.beta_ft() }
    }

    fn beta_ft(&self) -> f64 {
        self.beta_ft.unwrap_or(self.var_ft.sqrt())
    }

    /// What the regimes of a figure depend on.
    fn premises(&self) -> String {
        format!(
            "beta_PT = {:?}, beta_FT = {:?}, corners from {:?}",
            self.beta_pt,
            self.beta_ft(),
            self.threshold
        )
    }

    /// 1 + lambda along the axis of the phase diagram.
    fn gaps(&self) -> Vec<f64> {
        spaced(self.lambda_gap, 2.0, self.points)
    }

    fn gammas(&self) -> Vec<f64> {
        spaced(self.gamma[0], self.gamma[1], self.points)
    }
}

/// Numbers from `first` to `last` with equal ratios.
fn spaced(first: f64, last: f64, points: u32) -> Vec<f64> {
    let step = (last / first).ln() / f64::from(points - 1);
    let mut values: Vec<_> = (0..points).map(|i| first * (step * f64::from(i)).exp()).collect();
    // To the last digit, which the end of a domain asks for.
    values[points as usize - 1] = last;
    values
}

/// A walk through the triangle: one parameter varies, the others stay.
struct Walk {
    name: &'static str,
    colour: RGBColor,
    points: Vec<(f64, InductiveBias)>,
}

fn walks(arguments: &Arguments) -> diagonet::Result<Vec<Walk>> {
    let feature = arguments.feature();
    let bias = |c, lambda, gamma| {
        let pretraining = Initialization::from_scales(c, lambda)?;
        InductiveBias::of_feature(&ScaleMap::new(pretraining, gamma)?, feature)
    };
    let c = arguments.c_pt;
    let along = |values: Vec<f64>, point: &dyn Fn(f64) -> diagonet::Result<InductiveBias>| {
        values.into_iter().map(|value| Ok((value, point(value)?))).collect::<diagonet::Result<_>>()
    };
    Ok(vec![
        Walk {
            name: "lambda from -1 + 1e-14 to 1, gamma = 0",
            colour: RGBColor(213, 94, 0),
            points: along(
                spaced(1e-14, 2.0, 400).iter().map(|gap| (gap - 1.0).min(1.0)).collect(),
                &|lambda| bias(c, lambda, 0.0),
            )?,
        },
        Walk {
            name: "c from 1e-6 to 1e4, lambda = 0, gamma = 0",
            colour: RGBColor(0, 114, 178),
            points: along(spaced(1e-6, 1e4, 400), &|c| bias(c, 0.0, 0.0))?,
        },
        Walk {
            name: "gamma from 1e-4 to 1e3, lambda = -0.999999",
            colour: RGBColor(0, 158, 115),
            points: along(spaced(1e-4, 1e3, 400), &|gamma| bias(c, -0.999_999, gamma))?,
        },
        Walk {
            name: "gamma from 1e-4 to 1e3, lambda = -0.99",
            colour: RGBColor(204, 121, 167),
            points: along(spaced(1e-4, 1e3, 400), &|gamma| bias(c, -0.99, gamma))?,
        },
    ])
}

/// Regimes and errors over (lambda, gamma), rows along gamma.
struct Phase {
    gaps: Vec<f64>,
    gammas: Vec<f64>,
    biases: PhaseDiagram<InductiveBias>,
    errors: Vec<diagonet::Result<f64>>,
}

impl Phase {
    fn compute(arguments: &Arguments) -> diagonet::Result<Self> {
        let (gaps, gammas) = (arguments.gaps(), arguments.gammas());
        let lambdas: Vec<_> = gaps.iter().map(|gap| (gap - 1.0).min(1.0)).collect();
        let pretraining = Initialization::from_scales(arguments.c_pt, 0.0)?;
        let biases = PhaseDiagram::of_feature(
            &ScaleMap::new(pretraining, 0.0)?,
            arguments.feature(),
            (Axis::ReadoutScale, &gammas),
            (Axis::RelativeScale, &lambdas),
        )?;
        let supports =
            Supports::from_overlap(arguments.rho_pt, arguments.rho_ft, arguments.overlap)?;
        let task = Task::new(supports)?
            .with_pretraining_magnitude(arguments.beta_pt)?
            .with_fine_tuning_variance(arguments.var_ft)?;
        let samples = Samples::new(arguments.alpha)?.with_noise_variance(arguments.noise_var)?;
        let mut errors = Vec::with_capacity(gaps.len() * gammas.len());
        for &gamma in &gammas {
            for &lambda in &lambdas {
                let pretraining = Initialization::from_scales(arguments.c_pt, lambda)?;
                let law = Law::fine_tuning(&task, &ScaleMap::new(pretraining, gamma)?)?;
                let report = Solver::new().solve(&law, &samples);
                errors.push(report.map(|report| report.generalization_error()));
            }
        }
        Ok(Self { gaps, gammas, biases, errors })
    }

    fn bias(&self, row: usize, column: usize) -> &InductiveBias {
        &self.biases.cells()[row * self.gaps.len() + column]
    }
}

fn number(number: f64) -> String {
    format!("{number:?}")
}

fn write_paths(
    arguments: &Arguments,
    walks: &[Walk],
    writer: &mut Table,
) -> Result<(), Box<dyn Error>> {
    writer.write_record(["path", "value", "l_order", "pretraining_dependence", "regime"])?;
    for walk in walks {
        for (value, bias) in &walk.points {
            writer.write_record([
                walk.name,
                &number(*value),
                &number(bias.l_order()),
                &number(bias.pretraining_dependence()),
                &bias.regime_at(arguments.threshold)?.to_string(),
            ])?;
        }
    }
    Ok(())
}

fn write_phase(
    arguments: &Arguments,
    phase: &Phase,
    writer: &mut Table,
) -> Result<(), Box<dyn Error>> {
    writer.write_record([
        "lambda_pt",
        "gamma_ft",
        "l_order",
        "pretraining_dependence",
        "regime",
        "feature_price",
        "error",
        "problem",
    ])?;
    for (row, gamma) in phase.gammas.iter().enumerate() {
        for (column, lambda) in phase.biases.column_values().iter().enumerate() {
            let bias = phase.bias(row, column);
            let (error, problem) = match &phase.errors[row * phase.gaps.len() + column] {
                Ok(error) => (number(*error), String::new()),
                Err(problem) => (String::new(), problem.to_string()),
            };
            writer.write_record([
                number(*lambda),
                number(*gamma),
                number(bias.l_order()),
                number(bias.pretraining_dependence()),
                bias.regime_at(arguments.threshold)?.to_string(),
                number(bias.feature_price()),
                error,
                problem,
            ])?;
        }
    }
    Ok(())
}

fn draw_triangle(arguments: &Arguments, walks: &[Walk]) -> Result<(), Box<dyn Error>> {
    let path = arguments.file("triangle.svg");
    create(&path)?;
    let root = SVGBackend::new(&path, (900, 640)).into_drawing_area();
    root.fill(&WHITE)?;
    let plot = root.margin(70, 20, 10, 60);
    let premises =
        format!("c_PT = {:?} where it does not vary, {}", arguments.c_pt, arguments.premises());
    label(&root, &premises, (450, 12), 13, HPos::Center)?;
    let mut chart = ChartBuilder::on(&plot)
        .x_label_area_size(46)
        .y_label_area_size(66)
        .build_cartesian_2d(0.95..2.1, -1.05..0.05)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.08))
        .x_desc("l-order (1: rich, like the l1 norm; 2: lazy, like the l2 norm)")
        .y_desc("pretraining dependence (0: none; -1: full)")
        .x_labels(6)
        .y_labels(6)
        .x_label_formatter(&|x| format!("{x:.1}"))
        // Adding zero takes the sign from -0.
        .y_label_formatter(&|y: &f64| format!("{:.1}", (y * 10.0).round() / 10.0 + 0.0))
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 15))
        .draw()?;
    // What is left of the triangle beyond the threshold, at each corner.
    let rest = 1.0 - arguments.threshold;
    let corners = [(1.0, 0.0), (2.0, -1.0), (2.0, 0.0)];
    let towards = |from: (f64, f64), to: (f64, f64)| {
        (from.0 + rest * (to.0 - from.0), from.1 + rest * (to.1 - from.1))
    };
    chart.draw_series([Polygon::new(corners.to_vec(), BLACK.mix(0.03))])?;
    for corner in corners {
        let mut points = vec![corner];
        points.extend(corners.iter().filter(|c| **c != corner).map(|c| towards(corner, *c)));
        chart.draw_series([Polygon::new(points, BLACK.mix(0.10))])?;
    }
    let outline: Vec<_> = corners.iter().chain(&corners[..1]).copied().collect();
    chart.draw_series([PathElement::new(outline, BLACK.stroke_width(1))])?;
    for walk in walks {
        let points: Vec<_> = walk
            .points
            .iter()
            .map(|(_, bias)| (bias.l_order(), bias.pretraining_dependence()))
            .collect();
        let last = points[points.len() - 1];
        chart.draw_series([PathElement::new(points, walk.colour.stroke_width(3))])?;
        chart.draw_series([Circle::new(last, 5, walk.colour.filled())])?;
    }
    let at = |l: f64, dependence: f64| {
        let (x, y) = chart.backend_coord(&(l, dependence));
        (x, y)
    };
    // Regimes in words, next to their corners.
    let (x, y) = at(1.0, 0.0);
    label(&root, "I  rich, pretraining-independent", (x - 10, y - 44), 16, HPos::Left)?;
    label(&root, "l1 norm: sparse, all features cost the same", (x - 10, y - 26), 13, HPos::Left)?;
    let (x, y) = at(2.0, 0.0);
    label(&root, "III  lazy, pretraining-independent", (x + 40, y - 44), 16, HPos::Right)?;
    label(
        &root,
        "l2 norm: spread out, pretraining is forgotten",
        (x + 40, y - 26),
        13,
        HPos::Right,
    )?;
    let (x, y) = at(1.97, -1.0);
    label(&root, "II  lazy, pretraining-dependent", (x - 20, y - 16), 16, HPos::Right)?;
    label(&root, "weighted l2 norm: reuse, without sparsity", (x - 20, y + 4), 13, HPos::Right)?;
    let (x, y) = at(1.62, -0.28);
    label(&root, "IV  in between", (x, y), 16, HPos::Center)?;
    label(
        &root,
        "towards the lower side: rich, pretraining-dependent,",
        (x, y + 20),
        13,
        HPos::Center,
    )?;
    label(&root, "sparse reuse", (x, y + 36), 13, HPos::Center)?;
    label(&root, "Paths, with a dot at their end:", (110, 386), 13, HPos::Left)?;
    for (index, walk) in walks.iter().enumerate() {
        let (x, y) = (110, 410 + 24 * index as i32);
        root.draw(&PathElement::new(vec![(x, y), (x + 28, y)], walk.colour.stroke_width(3)))?;
        root.draw(&Circle::new((x + 28, y), 4, walk.colour.filled()))?;
        label(&root, walk.name, (x + 40, y), 13, HPos::Left)?;
    }
    root.present()?;
    Ok(())
}

/// Shade of a cell without an answer.
const NO_ANSWER: RGBColor = RGBColor(190, 190, 190);

/// Number of king's moves from each cell to another regime or out of the diagram.
fn depths(regimes: &[Regime], columns: usize) -> Vec<usize> {
    let rows = regimes.len() / columns;
    let mut depths = vec![usize::MAX; regimes.len()];
    // A sweep in each direction carries the distances along.
    for backwards in [false, true] {
        for step in 0..regimes.len() {
            let index = if backwards { regimes.len() - 1 - step } else { step };
            let (row, column) = (index / columns, index % columns);
            let on_edge = row == 0 || column == 0 || row + 1 == rows || column + 1 == columns;
            let mut depth = if on_edge { 1 } else { depths[index] };
            for (y, x) in (0..9).map(|k| (row + k / 3, column + k % 3)) {
                if !on_edge {
                    let neighbour = (y - 1) * columns + (x - 1);
                    let other = regimes[neighbour] != regimes[index];
                    depth = depth.min(if other { 1 } else { depths[neighbour].saturating_add(1) });
                }
            }
            depths[index] = depth;
        }
    }
    depths
}

/// Shade of a number in [0, 1]: light is small.
fn shade(x: f64) -> RGBColor {
    let mix = |from: f64, to: f64| (from + (to - from) * x) as u8;
    RGBColor(mix(247.0, 8.0), mix(251.0, 69.0), mix(255.0, 148.0))
}

fn draw_phase(arguments: &Arguments, phase: &Phase) -> Result<(), Box<dyn Error>> {
    let path = arguments.file("phase.svg");
    create(&path)?;
    let root = SVGBackend::new(&path, (900, 640)).into_drawing_area();
    root.fill(&WHITE)?;
    let logs = phase.errors.iter().flatten().filter(|error| **error > 0.0).map(|e| e.log10());
    let (lowest, highest) =
        logs.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
    let span = (highest - lowest).max(1e-9);
    let (plot, bar) = root.split_horizontally(770);
    // Cells end half a step beyond their points.
    let edge = |values: &[f64], index: usize| {
        let step = (values[1] / values[0]).log10();
        values[0].log10() + step * (index as f64 - 0.5)
    };
    let (columns, rows) = (phase.gaps.len(), phase.gammas.len());
    let x_range = edge(&phase.gaps, 0)..edge(&phase.gaps, columns);
    let y_range = edge(&phase.gammas, 0)..edge(&phase.gammas, rows);
    let power = |x: &f64| format!("1e{:.0}", x.round());
    let caption = format!(
        "c_PT = {:?}, rho_PT = {:?}, rho_FT = {:?}, overlap {:?}, alpha = {:?}, noise {:?}; {}",
        arguments.c_pt,
        arguments.rho_pt,
        arguments.rho_ft,
        arguments.overlap,
        arguments.alpha,
        arguments.noise_var,
        arguments.premises()
    );
    let mut chart = ChartBuilder::on(&plot)
        .caption(caption, ("sans-serif", 13))
        .margin(10)
        .x_label_area_size(46)
        .y_label_area_size(66)
        .build_cartesian_2d(x_range, y_range)?;
    chart
        .configure_mesh()
        .disable_mesh()
        .x_desc("1 + lambda (left: first layer small; right: readout small)")
        .y_desc("readout scale gamma of fine-tuning")
        .x_label_formatter(&power)
        .y_label_formatter(&power)
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 15))
        .draw()?;
    let regimes: Vec<_> = phase
        .biases
        .cells()
        .iter()
        .map(|bias| bias.regime_at(arguments.threshold))
        .collect::<diagonet::Result<_>>()?;
    let mut boundaries = Vec::new();
    for row in 0..rows {
        let (bottom, top) = (edge(&phase.gammas, row), edge(&phase.gammas, row + 1));
        // Neighbours of one shade share a rectangle.
        let fill = |column: usize| match &phase.errors[row * columns + column] {
            Ok(error) => shade(((error.log10() - lowest) / span).clamp(0.0, 1.0)),
            Err(_) => NO_ANSWER,
        };
        let mut start = 0;
        for column in 0..columns {
            let (left, right) = (edge(&phase.gaps, column), edge(&phase.gaps, column + 1));
            if column + 1 == columns || fill(column + 1) != fill(start) {
                let corner = (edge(&phase.gaps, start), bottom);
                chart
                    .draw_series([Rectangle::new([corner, (right, top)], fill(start).filled())])?;
                start = column + 1;
            }
            let regime = regimes[row * columns + column];
            if column + 1 < columns && regimes[row * columns + column + 1] != regime {
                boundaries.push(vec![(right, bottom), (right, top)]);
            }
            if row + 1 < rows && regimes[(row + 1) * columns + column] != regime {
                boundaries.push(vec![(left, top), (right, top)]);
            }
        }
    }
    for line in boundaries {
        chart.draw_series([PathElement::new(line, BLACK.stroke_width(2))])?;
    }
    let depths = depths(&regimes, columns);
    for regime in Regime::ALL {
        let cells = (0..regimes.len()).filter(|&index| regimes[index] == regime);
        let Some(cell) = cells.max_by_key(|&index| depths[index]) else { continue };
        // A sliver has no room for its name.
        if depths[cell] * 40 < rows.min(columns) {
            continue;
        }
        let position =
            (edge(&phase.gaps, cell % columns + 1), edge(&phase.gammas, cell / columns + 1));
        let style = ("sans-serif", 26)
            .into_font()
            .color(&RGBColor(235, 90, 20))
            .pos(Pos::new(HPos::Center, VPos::Center));
        chart.draw_series([Text::new(regime.to_string(), position, style)])?;
    }
    let answered =
        (0..phase.errors.len()).filter_map(|i| Some((i, *phase.errors[i].as_ref().ok()?)));
    if let Some((best, _)) = answered.min_by(|a, b| a.1.total_cmp(&b.1)) {
        let position = (phase.gaps[best % columns].log10(), phase.gammas[best / columns].log10());
        chart.draw_series([Cross::new(position, 7, BLACK.stroke_width(2))])?;
    }
    // The key of the shades.
    let (top, bottom, steps) = (60, 540, 100);
    for step in 0..steps {
        let y = |i: i32| bottom - (bottom - top) * i / steps;
        let colour = shade((f64::from(step) + 0.5) / f64::from(steps));
        bar.draw(&Rectangle::new([(20, y(step + 1)), (44, y(step))], colour.filled()))?;
    }
    label(&bar, "error", (32, top - 18), 14, HPos::Center)?;
    for (i, line) in ["x: lowest error", "grey: no answer", "I, III: no reuse", "II, IV: reuse"]
        .iter()
        .enumerate()
    {
        label(&bar, line, (8, bottom + 20 + 16 * i as i32), 12, HPos::Left)?;
    }
    for i in 0..=4 {
        let y = bottom - (bottom - top) * i / 4;
        let value = 10.0_f64.powf(lowest + span * f64::from(i) / 4.0);
        label(&bar, &format!("{value:.1e}"), (50, y), 13, HPos::Left)?;
    }
    root.present()?;
    Ok(())
}

/// Returns whether every point has an answer.
fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    for (name, value) in [
        ("--lambda-gap", arguments.lambda_gap / 2.0),
        ("--gamma", arguments.gamma[0] / arguments.gamma[1]),
    ] {
        if !(value > 0.0 && value < 1.0) {
            return Err(format!("{name} does not span a range above 0").into());
        }
    }
    let walks = walks(arguments)?;
    let phase = Phase::compute(arguments)?;
    write_table(&arguments.file("paths.csv"), |writer| write_paths(arguments, &walks, writer))?;
    write_table(&arguments.file("phase.csv"), |writer| write_phase(arguments, &phase, writer))?;
    draw_triangle(arguments, &walks)?;
    draw_phase(arguments, &phase)?;
    eprintln!(
        "wrote {0}_triangle.svg, {0}_phase.svg, {0}_paths.csv, {0}_phase.csv",
        arguments.prefix
    );
    Ok(phase.errors.iter().all(Result::is_ok))
}

fn main() -> ExitCode {
    exit_code("regime_map", run(&Arguments::parse()))
}
