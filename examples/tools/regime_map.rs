//! The triangle of regimes with the paths through it, and the phase diagram of initializations.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use diagonet::{Feature, InductiveBias, Regime, Solver};
use support::axes::{Axis, Plot};
use support::contour::{self, Grid};
use support::corners::CORNERS;
use support::files::{Table, check_outputs, exit_code, number, report_written};
use support::heat_map::{self, NO_VALUE};
use support::problem::{Options, Problem, REQUIRED, RelativeScale, Statement};
use support::svg::{Anchor, Colour, Font, Position, Shape, Stroke, Svg};
use support::typeset::short;

#[allow(dead_code, reason = "each program uses a part of it")]
mod support;

const EXPLANATION: &str = "\
Maps the regimes of fine-tuning: which initialization leads to which inductive bias, and to which
generalization error.

Four files are written:
  PREFIX_triangle.svg  the triangle of regimes, with the paths that lambda, c and gamma trace in it
  PREFIX_paths.csv     the same paths
  PREFIX_phase.svg     regimes over lambda and gamma as boundaries, the generalization error as shade
  PREFIX_phase.csv     the same map
Both tables have the columns of a problem, as `evaluate` and `simulate` read them, l_order,
pretraining_dependence, regime, feature_price, error and problem; that of the paths begins with the
name of the path. The exit code is 0 if every point has an answer, 1 if some point has none, 2 if
there is no map.";

/// Maps the regimes of fine-tuning over initializations, as CSV and SVG.
#[derive(Parser)]
#[command(name = "regime_map", version, long_about = EXPLANATION)]
struct Arguments {
    /// Start of the names of all files.
    #[arg(long, default_value = "regime_map")]
    prefix: String,
    /// Where to draw the triangle, if not where the prefix says; - is standard output.
    #[arg(long, value_name = "FILE")]
    triangle_svg: Option<PathBuf>,
    /// Where to write the paths; - is standard output.
    #[arg(long, value_name = "FILE")]
    paths_csv: Option<PathBuf>,
    /// Where to draw the phase diagram; - is standard output.
    #[arg(long, value_name = "FILE")]
    phase_svg: Option<PathBuf>,
    /// Where to write the phase diagram; - is standard output.
    #[arg(long, value_name = "FILE")]
    phase_csv: Option<PathBuf>,
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

/// Where the four files go.
struct Files {
    triangle_svg: PathBuf,
    paths_csv: PathBuf,
    phase_svg: PathBuf,
    phase_csv: PathBuf,
}

impl Files {
    fn all(&self) -> [&Path; 4] {
        [&self.triangle_svg, &self.phase_svg, &self.paths_csv, &self.phase_csv]
    }
}

impl Arguments {
    fn files(&self) -> Files {
        let file = |given: &Option<PathBuf>, rest: &str| {
            given.clone().unwrap_or_else(|| PathBuf::from(format!("{}_{rest}", self.prefix)))
        };
        Files {
            triangle_svg: file(&self.triangle_svg, "triangle.svg"),
            paths_csv: file(&self.paths_csv, "paths.csv"),
            phase_svg: file(&self.phase_svg, "phase.svg"),
            phase_csv: file(&self.phase_csv, "phase.csv"),
        }
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
            "beta_PT = {}, beta_FT = {}, corners from {}",
            short(self.beta_pt),
            short(self.beta_ft()),
            short(self.threshold)
        )
    }

    /// The problem at an initialization.
    fn statement(&self, c_pt: f64, lambda_gap: f64, gamma_ft: f64) -> Statement {
        Statement {
            rho_pt: self.rho_pt,
            rho_ft: self.rho_ft,
            overlap: self.overlap,
            beta_pt_active: self.beta_pt,
            var_ft_active: self.var_ft,
            c_pt,
            relative_scale: RelativeScale::Gap(lambda_gap),
            gamma_ft,
            alpha_ft: self.alpha,
            noise_var: self.noise_var,
            more: Options::default(),
        }
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

/// Columns of both tables besides those of a problem.
const RESULTS: [&str; 6] =
    ["l_order", "pretraining_dependence", "regime", "feature_price", "error", "problem"];

/// An initialization with what it leads to.
struct Point {
    statement: Statement,
    bias: InductiveBias,
    regime: Regime,
    error: diagonet::Result<f64>,
}

impl Point {
    /// Points of a grid, row after row.
    fn grid(
        arguments: &Arguments,
        columns: usize,
        statements: Vec<Statement>,
    ) -> diagonet::Result<Vec<Self>> {
        let problem = |row: usize, column: usize| {
            let Problem { transfer, samples, .. } = statements[row * columns + column].problem()?;
            Ok((transfer, samples))
        };
        let rows = statements.len() / columns;
        let errors = Solver::new().solve_grid(rows, columns, problem, |solution| {
            Ok(solution?.fine_tuning.generalization_error())
        });
        let point = |(statement, error): (&Statement, _)| {
            let scale_map = statement.problem()?.transfer.scale_map();
            let bias = InductiveBias::of_feature(&scale_map, arguments.feature())?;
            let regime = bias.regime_at(arguments.threshold)?;
            Ok(Self { statement: *statement, bias, regime, error })
        };
        statements.iter().zip(errors).map(point).collect()
    }

    /// A row of a table; that of a path begins with its name.
    fn write(&self, path: Option<&str>, table: &mut Table) -> Result<(), String> {
        let results = [
            number(self.bias.l_order()),
            number(self.bias.pretraining_dependence()),
            self.regime.to_string(),
            number(self.bias.feature_price()),
            number(self.error.as_ref().ok().copied()),
            self.error.as_ref().err().map(ToString::to_string).unwrap_or_default(),
        ];
        let path = path.map(str::to_owned).into_iter();
        table.write(path.chain(self.statement.fields()).chain(results))
    }
}

/// A walk through the triangle: one parameter varies, the others stay.
struct Walk {
    name: &'static str,
    stroke: Stroke,
    shape: Shape,
    points: Vec<Point>,
}

/// Computes the walks, and writes each as it is done.
fn walks(arguments: &Arguments, table: &mut Table) -> Result<Vec<Walk>, Box<dyn Error>> {
    const POINTS: u32 = 400;
    let c = arguments.c_pt;
    let stroke = |colour, dashes| Stroke { colour, width: 3.0, dashes };
    let mut walk = |name, stroke, shape, statements: Vec<Statement>| {
        let points = Point::grid(arguments, statements.len(), statements)?;
        points.iter().try_for_each(|point| point.write(Some(name), table))?;
        Ok::<_, Box<dyn Error>>(Walk { name, stroke, shape, points })
    };
    let along = |first, last, statement: &dyn Fn(f64) -> Statement| {
        spaced(first, last, POINTS).into_iter().map(statement).collect()
    };
    Ok(vec![
        walk(
            "1 + lambda from 1e-14 to 2, gamma = 0",
            stroke(Colour::VERMILION, ""),
            Shape::Circle,
            along(1e-14, 2.0, &|gap| arguments.statement(c, gap, 0.0)),
        )?,
        walk(
            "c from 1e-6 to 1e4, lambda = 0, gamma = 0",
            stroke(Colour::BLUE, "10 4"),
            Shape::Square,
            along(1e-6, 1e4, &|c| arguments.statement(c, 1.0, 0.0)),
        )?,
        walk(
            "gamma from 1e-4 to 1e3, 1 + lambda = 1e-6",
            stroke(Colour::GREEN, "5 3"),
            Shape::Diamond,
            along(1e-4, 1e3, &|gamma| arguments.statement(c, 1e-6, gamma)),
        )?,
        walk(
            "gamma from 1e-4 to 1e3, 1 + lambda = 0.01",
            stroke(Colour::PURPLE, "10 3 3 3"),
            Shape::Triangle,
            along(1e-4, 1e3, &|gamma| arguments.statement(c, 0.01, gamma)),
        )?,
    ])
}

/// Regimes and errors over (lambda, gamma), rows along gamma.
struct Phase {
    gaps: Vec<f64>,
    gammas: Vec<f64>,
    points: Vec<Point>,
}

impl Phase {
    /// Computes and writes the map.
    fn compute(arguments: &Arguments, table: &mut Table) -> Result<Self, Box<dyn Error>> {
        let (gaps, gammas) = (arguments.gaps(), arguments.gammas());
        let statement =
            |gamma| gaps.iter().map(move |gap| arguments.statement(arguments.c_pt, *gap, gamma));
        let statements = gammas.iter().flat_map(|gamma| statement(*gamma)).collect();
        let points = Point::grid(arguments, gaps.len(), statements)?;
        points.iter().try_for_each(|point| point.write(None, table))?;
        Ok(Self { gaps, gammas, points })
    }
}

fn draw_triangle(arguments: &Arguments, walks: &[Walk], path: &Path) -> Result<(), String> {
    let mut figure = Svg::new(860.0, 680.0);
    let premises = format!(
        "c_PT = {} where it does not vary, {}",
        short(arguments.c_pt),
        arguments.premises()
    );
    let plot = Plot {
        corner: (90.0, 50.0),
        width: 740.0,
        height: 560.0,
        x: Axis::linear(
            0.95,
            2.05,
            "l-order (1: rich, like the l1 norm; 2: lazy, like the l2 norm)",
        ),
        y: Axis::linear(-1.05, 0.15, "pretraining dependence (0: none; −1: full)"),
    };
    let explain = |size, anchor| Font::new(size, anchor).with_colour(Colour::DARK);
    figure.text(&premises, (460.0, 26.0), explain(13.0, Anchor::Middle));
    plot.draw_grid(&mut figure);
    // What is left of the triangle beyond the threshold, at each corner.
    let rest = 1.0 - arguments.threshold;
    let corners = [(1.0, 0.0), (2.0, -1.0), (2.0, 0.0)];
    let at = |(l, dependence): Position| plot.at(l, dependence);
    let towards = |from: Position, to: Position| {
        (from.0 + rest * (to.0 - from.0), from.1 + rest * (to.1 - from.1))
    };
    figure.area(&[corners.map(at).to_vec()], Colour(247, 247, 247));
    for corner in corners {
        let others = corners.into_iter().filter(|other| *other != corner);
        let points = [corner].into_iter().chain(others.map(|other| towards(corner, other)));
        figure.area(&[points.map(at).collect()], Colour(218, 218, 218));
    }
    let outline: Vec<_> = corners.iter().chain(&corners[..1]).copied().map(at).collect();
    figure.line(&outline, Stroke::solid(Colour::BLACK, 1.0));
    for walk in walks {
        let biases = walk.points.iter().map(|point| &point.bias);
        let points: Vec<_> =
            biases.map(|bias| plot.at(bias.l_order(), bias.pretraining_dependence())).collect();
        figure.line(&points, walk.stroke);
        figure.mark(points[points.len() - 1], 6.0, walk.shape, walk.stroke.colour);
    }
    // Regimes in words, next to their corners.
    let words = [
        (
            plot.at(0.97, 0.12),
            Anchor::Start,
            ["I  rich, pretraining-independent", "l1 norm: sparse, all features cost the same", ""],
        ),
        (
            plot.at(2.03, 0.12),
            Anchor::End,
            [
                "III  lazy, pretraining-independent",
                "l2 norm: spread out, pretraining is forgotten",
                "",
            ],
        ),
        (
            plot.at(1.88, -0.95),
            Anchor::End,
            ["II  lazy, pretraining-dependent", "weighted l2 norm: reuse, without sparsity", ""],
        ),
        (
            plot.at(1.69, -0.24),
            Anchor::Middle,
            [
                "IV  in between",
                "towards the lower side: rich,",
                "pretraining-dependent, sparse reuse",
            ],
        ),
    ];
    for ((x, y), anchor, [name, norm, more]) in words {
        let font = Font { has_edge: true, ..Font::new(16.0, anchor) };
        figure.text(name, (x, y), font);
        for (line, text) in [norm, more].into_iter().enumerate() {
            let font = Font { has_edge: true, ..explain(13.0, anchor) };
            figure.text(text, (x, y + 20.0 + 17.0 * line as f64), font);
        }
    }
    let (x, y) = plot.at(0.98, -0.62);
    figure.text("Paths, with a mark at their end:", (x, y), explain(13.0, Anchor::Start));
    for (index, walk) in walks.iter().enumerate() {
        let y = y + 24.0 * (index + 1) as f64;
        figure.line(&[(x, y), (x + 44.0, y)], walk.stroke);
        figure.mark((x + 44.0, y), 5.0, walk.shape, walk.stroke.colour);
        figure.text(walk.name, (x + 58.0, y), Font::new(13.0, Anchor::Start));
    }
    plot.draw_frame(&mut figure);
    figure
        .write(path, "The triangle of regimes of fine-tuning, with paths of initializations in it")
}

fn draw_phase(arguments: &Arguments, phase: &Phase, path: &Path) -> Result<(), Box<dyn Error>> {
    let mut figure = Svg::new(860.0, 650.0);
    let premises = [
        format!(
            "c_PT = {}, rho_PT = {}, rho_FT = {}, overlap omega = {}, alpha = {}, noise variance {}",
            short(arguments.c_pt),
            short(arguments.rho_pt),
            short(arguments.rho_ft),
            short(arguments.overlap),
            short(arguments.alpha),
            short(arguments.noise_var)
        ),
        format!("regimes at {}", arguments.premises()),
    ];
    for (index, premise) in premises.iter().enumerate() {
        let font = Font::new(13.0, Anchor::Middle).with_colour(Colour::DARK);
        figure.text(premise, (400.0, 18.0 + 19.0 * index as f64), font);
    }
    let columns = phase.gaps.len();
    let plot = Plot {
        corner: (80.0, 56.0),
        width: 640.0,
        height: 530.0,
        x: Axis::logarithmic(
            arguments.lambda_gap,
            2.0,
            "1 + lambda (left: first layer small; right: readout small)",
        ),
        y: Axis::logarithmic(
            arguments.gamma[0],
            arguments.gamma[1],
            "readout scale gamma of fine-tuning",
        ),
    };
    let errors: Vec<_> =
        phase.points.iter().map(|point| point.error.as_ref().ok().copied()).collect();
    let positive = || errors.iter().flatten().copied().filter(|error| *error > 0.0);
    let lowest = positive().fold(f64::INFINITY, f64::min);
    let highest = positive().fold(0.0, f64::max);
    if lowest > highest {
        return Err("no point has an error to draw".into());
    }
    // A little wider, so that there is a range in any case.
    let key = Axis::logarithmic(lowest / 1.01, highest * 1.01, "");
    let shares: Vec<_> = errors.iter().map(|error| error.map(|error| key.share(error))).collect();
    heat_map::draw(&mut figure, &plot, columns, &shares)?;
    for (_, corner) in CORNERS {
        let values = phase.points.iter().map(|point| corner(&point.bias.coordinates()));
        for line in Grid::new(columns, values.collect()).lines(arguments.threshold) {
            let line: Vec<_> = line.into_iter().map(|at| plot.at_shares(at)).collect();
            figure.line(&line, Stroke::solid(Colour::WHITE, 4.0));
            figure.line(&line, Stroke::solid(Colour::BLACK, 1.8));
        }
    }
    let regimes: Vec<_> = phase.points.iter().map(|point| point.regime).collect();
    for regime in Regime::ALL {
        let inside: Vec<_> = regimes.iter().map(|other| *other == regime).collect();
        if let Some((position, room)) = contour::middle(columns, &inside)
            // A sliver has no room for its name.
            && room > 0.025
        {
            let font = Font { has_edge: true, ..Font::new(26.0, Anchor::Middle) };
            figure.text(&regime.to_string(), plot.at_shares(position), font);
        }
    }
    let answered = (0..errors.len()).filter_map(|index| Some((index, errors[index]?)));
    if let Some((best, _)) = answered.min_by(|a, b| a.1.total_cmp(&b.1)) {
        let (x, y) = plot.at(phase.gaps[best % columns], phase.gammas[best / columns]);
        draw_cross(&mut figure, (x, y));
    }
    plot.draw_frame(&mut figure);
    let left = 748.0;
    figure.text("error", (left, 80.0), Font::new(14.0, Anchor::Start));
    heat_map::draw_key(&mut figure, &key, (left, 96.0), (24.0, 350.0))?;
    let explain = Font::new(12.0, Anchor::Start).with_colour(Colour::DARK);
    draw_cross(&mut figure, (left + 6.0, 474.0));
    figure.text("lowest error", (left + 20.0, 474.0), explain);
    for (line, text) in ["I, III: no reuse", "II, IV: reuse"].into_iter().enumerate() {
        figure.text(text, (left, 498.0 + 20.0 * line as f64), explain);
    }
    if errors.contains(&None) {
        figure.rectangle((left, 538.0), (left + 14.0, 550.0), NO_VALUE);
        figure.text("no answer", (left + 20.0, 544.0), explain);
    }
    let title = "Generalization error and regimes over initializations";
    Ok(figure.write(path, title)?)
}

/// A mark on any ground.
fn draw_cross(figure: &mut Svg, (x, y): Position) {
    for stroke in [Stroke::solid(Colour::WHITE, 5.0), Stroke::solid(Colour::BLACK, 2.2)] {
        let size = if stroke.colour == Colour::WHITE { 7.5 } else { 6.5 };
        figure.line(&[(x - size, y - size), (x + size, y + size)], stroke);
        figure.line(&[(x - size, y + size), (x + size, y - size)], stroke);
    }
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
    let files = arguments.files();
    check_outputs(&files.all())?;
    let header = || REQUIRED.iter().chain(&RESULTS);
    let mut table = Table::create(&files.paths_csv, ["path"].iter().chain(header()))?;
    let walks = walks(arguments, &mut table)?;
    let mut table = Table::create(&files.phase_csv, header())?;
    let phase = Phase::compute(arguments, &mut table)?;
    draw_triangle(arguments, &walks, &files.triangle_svg)?;
    draw_phase(arguments, &phase, &files.phase_svg)?;
    report_written(&files.all());
    let points = walks.iter().flat_map(|walk| &walk.points).chain(&phase.points);
    Ok(points.into_iter().all(|point| point.error.is_ok()))
}

fn main() -> ExitCode {
    exit_code("regime_map", run(&Arguments::parse()))
}
