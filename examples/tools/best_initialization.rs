//! The initialization that does best, mapped over the overlap of two tasks and the density of the
//! second.

use std::error::Error;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use diagonet::{Design, InductiveBias, Optimum, Regime, Samples, Supports, Task};
use files::{Table, create, exit_code, write_table};
use labels::{Area, label};
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

mod files;
mod labels;

const EXPLANATION: &str = "\
Maps the best initialization: for every overlap with the pretraining task and every density of the
fine-tuning task, the relative scale lambda of pretraining and the readout scale gamma of fine-tuning
with the lowest generalization error, out of all with 1 + lambda in [1e-12, 2] and gamma in [0, 100].

Of the three panels of the SVG, the first shows the best 1 + lambda: small is a small first layer, 1
are equal layers. The second shows the regime of the best initialization. The third shows what the
choice is worth: the lowest error with equal layers over the lowest error. Dots mark tasks on which
it is worth less than one percent.

The CSV has a row for every task, with the columns overlap, rho_ft, error, lambda_gap (the best 1 +
lambda), lambda_gap_low, lambda_gap_high (the interval in which, with gamma chosen anew, the error is
within --tolerance of the lowest), gamma_ft, gamma_low, gamma_high, l_order, pretraining_dependence,
regime, feature_price, error_equal_layers, gain and problem. Tasks that cannot be, because they share
more features than pretraining has or need more than there are, are blank. The exit code is 0 if
every other task has an answer, 1 if some task has none, 2 if there is no map.";

/// Maps the best initialization over tasks, as CSV and as one SVG figure.
#[derive(Parser)]
#[command(name = "best_initialization", long_about = EXPLANATION)]
struct Arguments {
    /// Where to write the map; - is standard output.
    #[arg(long, default_value = "best_initialization.csv")]
    csv: PathBuf,
    /// Where to draw the figure.
    #[arg(long, default_value = "best_initialization.svg")]
    svg: PathBuf,
    /// Absolute scale of pretraining.
    #[arg(long, default_value_t = 1e-3, allow_negative_numbers = true)]
    c_pt: f64,
    /// Fraction of coordinates that are active in pretraining.
    #[arg(long, default_value_t = 0.1, allow_negative_numbers = true)]
    rho_pt: f64,
    /// Smallest and largest fraction of coordinates that are active in fine-tuning.
    #[arg(long, num_args = 2, default_values_t = [0.01, 0.2], allow_negative_numbers = true)]
    rho_ft: Vec<f64>,
    /// Magnitude of the pretrained coefficients.
    #[arg(long, default_value_t = 1.0, allow_negative_numbers = true)]
    beta_pt: f64,
    /// Variance of the active fine-tuning coefficients [default: the inverse of their density].
    #[arg(long, allow_negative_numbers = true)]
    var_ft: Option<f64>,
    /// Samples per coordinate.
    #[arg(long, default_value_t = 0.2, allow_negative_numbers = true)]
    alpha: f64,
    /// Variance of the label noise.
    #[arg(long, default_value_t = 0.01, allow_negative_numbers = true)]
    noise_var: f64,
    /// Relative excess of the error that the intervals of the CSV tolerate.
    #[arg(long, default_value_t = 1e-3, allow_negative_numbers = true)]
    tolerance: f64,
    /// Barycentric coordinate from which a corner names the regime, in (0.5, 1].
    #[arg(long, default_value_t = InductiveBias::DEFAULT_THRESHOLD, allow_negative_numbers = true)]
    threshold: f64,
    /// Tasks along each axis.
    #[arg(long, default_value_t = 29, value_parser = clap::value_parser!(u32).range(2..=200))]
    points: u32,
}

impl Arguments {
    fn overlaps(&self) -> Vec<f64> {
        (0..self.points).map(|i| f64::from(i) / f64::from(self.points - 1)).collect()
    }

    /// Densities with equal ratios.
    fn densities(&self) -> Vec<f64> {
        let (first, last) = (self.rho_ft[0], self.rho_ft[1]);
        let step = (last / first).ln() / f64::from(self.points - 1);
        let mut values: Vec<_> =
            (0..self.points).map(|i| first * (step * f64::from(i)).exp()).collect();
        values[self.points as usize - 1] = last;
        values
    }
}

/// The best initialization for one task.
struct Cell {
    overlap: f64,
    density: f64,
    /// `None` for a task that cannot be.
    answer: Option<diagonet::Result<Best>>,
}

/// What the map shows of an optimum.
struct Best {
    optimum: Optimum,
    bias: InductiveBias,
    regime: Regime,
    gain: f64,
}

impl Cell {
    fn compute(arguments: &Arguments, overlap: f64, density: f64) -> Self {
        let answer = match Supports::from_overlap(arguments.rho_pt, density, overlap) {
            Err(diagonet::Error::InfeasibleSupports { .. }) => None,
            supports => Some(supports.and_then(|supports| Best::compute(arguments, supports))),
        };
        Self { overlap, density, answer }
    }

    fn best(&self) -> Option<&Best> {
        self.answer.as_ref()?.as_ref().ok()
    }
}

impl Best {
    fn compute(arguments: &Arguments, supports: Supports) -> diagonet::Result<Self> {
        let mut task = Task::new(supports)?.with_pretraining_magnitude(arguments.beta_pt)?;
        if let Some(variance) = arguments.var_ft {
            task = task.with_fine_tuning_variance(variance)?;
        }
        let samples = Samples::new(arguments.alpha)?.with_noise_variance(arguments.noise_var)?;
        let design = Design::new(&task, samples, arguments.c_pt)?;
        let optimum = design.with_tolerance(arguments.tolerance)?.optimum()?;
        let bias = optimum.inductive_bias()?;
        let regime = bias.regime_at(arguments.threshold)?;
        // Without an answer for equal layers, any answer is infinitely better.
        let gain = optimum.gain().unwrap_or(f64::INFINITY);
        Ok(Self { optimum, bias, regime, gain })
    }

    fn gap(&self) -> f64 {
        self.optimum.one_plus_relative_scale.value
    }
}

/// All cells, row after row of equal density, computed by as many threads as there are processors.
fn compute(arguments: &Arguments) -> Vec<Cell> {
    let (overlaps, densities) = (arguments.overlaps(), arguments.densities());
    let count = overlaps.len() * densities.len();
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        let mut cells = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return cells;
            }
            let (row, column) = (index / overlaps.len(), index % overlaps.len());
            cells.push((index, Cell::compute(arguments, overlaps[column], densities[row])));
            done.fetch_add(1, Ordering::Relaxed);
        }
    };
    let mut cells: Vec<_> = std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        report_progress(&done, count, || workers.iter().all(|worker| worker.is_finished()));
        let results = workers.into_iter().map(|worker| worker.join());
        results.flat_map(|cells| cells.expect("the library does not panic")).collect()
    });
    cells.sort_by_key(|(index, _)| *index);
    cells.into_iter().map(|(_, cell)| cell).collect()
}

/// Says on a terminal how far the work is, once it takes more than a moment.
fn report_progress(done: &AtomicUsize, count: usize, finished: impl Fn() -> bool) {
    let start = Instant::now();
    let mut written = false;
    while !finished() {
        std::thread::sleep(Duration::from_millis(20));
        if io::stderr().is_terminal() && start.elapsed() > Duration::from_secs(2) {
            eprint!("\r{} of {count} tasks", done.load(Ordering::Relaxed));
            written = true;
        }
    }
    if written {
        eprintln!();
    }
}

fn write_csv(cells: &[Cell], writer: &mut Table) -> Result<(), Box<dyn Error>> {
    writer.write_record([
        "overlap",
        "rho_ft",
        "error",
        "lambda_gap",
        "lambda_gap_low",
        "lambda_gap_high",
        "gamma_ft",
        "gamma_low",
        "gamma_high",
        "l_order",
        "pretraining_dependence",
        "regime",
        "feature_price",
        "error_equal_layers",
        "gain",
        "problem",
    ])?;
    let number = |number: f64| format!("{number:?}");
    for cell in cells {
        let mut row = vec![number(cell.overlap), number(cell.density)];
        let problem = match &cell.answer {
            Some(Ok(best)) => {
                let Best { optimum, bias, regime, gain } = best;
                let (gap, gamma) = (optimum.one_plus_relative_scale, optimum.readout_scale);
                row.extend(
                    [
                        optimum.solution.generalization_error(),
                        gap.value,
                        gap.tolerated[0],
                        gap.tolerated[1],
                        gamma.value,
                        gamma.tolerated[0],
                        gamma.tolerated[1],
                        bias.l_order(),
                        bias.pretraining_dependence(),
                    ]
                    .map(number),
                );
                row.push(regime.to_string());
                row.push(number(bias.feature_price()));
                row.push(optimum.balanced_error.map_or(String::new(), number));
                row.push(number(*gain));
                String::new()
            }
            Some(Err(problem)) => problem.to_string(),
            None => "there are no such tasks".into(),
        };
        row.resize(15, String::new());
        row.push(problem);
        writer.write_record(row)?;
    }
    Ok(())
}

/// Colour of a task in a panel.
type Colour<'a> = &'a dyn Fn(&Best) -> RGBColor;

/// Gain below which the choice is not worth its while.
const WORTHLESS: f64 = 1.01;

/// Shade of tasks that cannot be.
const NO_TASK: RGBColor = RGBColor(225, 225, 225);

/// Gains at which the scale of shades can end.
const GAINS: [f64; 7] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];

/// Gap from which the colour stays the same.
const SMALLEST_GAP: f64 = 1e-6;

/// A mixture of colours at equal distances, for a number in [0, 1].
fn mixture(stops: &[RGBColor], x: f64) -> RGBColor {
    let position = x.clamp(0.0, 1.0) * (stops.len() - 1) as f64;
    let index = (position as usize).min(stops.len() - 2);
    let (from, to, share) = (stops[index], stops[index + 1], position - index as f64);
    let mix = |from: u8, to: u8| {
        (f64::from(from) + (f64::from(to) - f64::from(from)) * share).round() as u8
    };
    RGBColor(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

/// Where 1 + lambda lies between `SMALLEST_GAP` and 2, and its colour there.
fn gap_share(gap: f64) -> f64 {
    (gap / SMALLEST_GAP).ln() / (2.0 / SMALLEST_GAP).ln()
}

fn gap_colour(share: f64) -> RGBColor {
    // From orange by white-yellow to blue: distinct to the colour-blind, and in grey.
    const STOPS: [RGBColor; 4] = [
        RGBColor(166, 54, 3),
        RGBColor(241, 140, 60),
        RGBColor(250, 230, 180),
        RGBColor(49, 110, 175),
    ];
    mixture(&STOPS, share)
}

/// Where a gain lies between 1 and `largest`, and its colour there.
fn gain_share(gain: f64, largest: f64) -> f64 {
    gain.ln() / largest.ln()
}

fn gain_colour(share: f64) -> RGBColor {
    mixture(&[RGBColor(247, 251, 255), RGBColor(90, 160, 205), RGBColor(8, 48, 107)], share)
}

/// Colours that remain distinct to the colour-blind (after Okabe and Ito), and words.
fn regime_legend(regime: Regime) -> (RGBColor, &'static str) {
    match regime {
        Regime::I => (RGBColor(230, 159, 0), "I: forget pretraining, use few features"),
        Regime::II => (RGBColor(0, 114, 178), "II: reuse features, use many of them"),
        Regime::III => (RGBColor(150, 150, 150), "III: forget pretraining, use many features"),
        Regime::IV => (RGBColor(0, 158, 115), "IV: in between, reuse and use few"),
    }
}

const PANEL: (u32, u32) = (410, 400);
const HEADER: u32 = 62;
const FOOTER: u32 = 118;

fn draw(arguments: &Arguments, cells: &[Cell]) -> Result<(), Box<dyn Error>> {
    create(&arguments.svg)?;
    let size = (3 * PANEL.0 + 10, HEADER + PANEL.1 + FOOTER);
    let root = SVGBackend::new(&arguments.svg, size).into_drawing_area();
    root.fill(&WHITE)?;
    let (header, rest) = root.split_vertically(HEADER);
    let (panels, footer) = rest.split_vertically(PANEL.1);
    let centre = size.0 as i32 / 2;
    let title = "Which initialization of pretraining makes fine-tuning generalize best?";
    label(&header, title, (centre, 20), 21, HPos::Center)?;
    let variance = arguments.var_ft.map_or("1/rho_FT".into(), |variance| format!("{variance:?}"));
    let premises = format!(
        "c_PT = {:?}, rho_PT = {:?}, beta_PT = {:?}, variance of beta_FT {variance}, \
         alpha = {:?} samples per coordinate, noise variance {:?}",
        arguments.c_pt, arguments.rho_pt, arguments.beta_pt, arguments.alpha, arguments.noise_var
    );
    label(&header, &premises, (centre, 46), 13, HPos::Center)?;
    let panels = panels.split_evenly((1, 3));
    let best = |cell: &Cell| cell.best().map(|best| best.gain);
    let top = cells.iter().filter_map(best).fold(1.0, f64::max);
    let largest = GAINS[1..].iter().copied().find(|gain| *gain >= top).unwrap_or(GAINS[6]);
    let by_gap = |best: &Best| gap_colour(gap_share(best.gap()));
    let by_regime = |best: &Best| regime_legend(best.regime).0;
    let by_gain = |best: &Best| gain_colour(gain_share(best.gain, largest));
    let contents: [(&str, Colour<'_>); 3] = [
        ("Best size of the first layer: 1 + lambda", &by_gap),
        ("Regime of the best initialization", &by_regime),
        ("What it is worth: error with equal layers / lowest error", &by_gain),
    ];
    for (index, (panel, (caption, colour))) in panels.iter().zip(contents).enumerate() {
        draw_panel(arguments, cells, (&root, panel), caption, index == 0, colour)?;
    }
    let (left, right) = (66, PANEL.0 as i32 - 22);
    let column = |panel: i32| panel * PANEL.0 as i32;
    draw_bar(&footer, column(0) + left..column(0) + right, gap_colour)?;
    let position = |share: f64, panel: i32| {
        column(panel) + left + (f64::from(right - left) * share).round() as i32
    };
    let gaps = [(1e-6, "1e-6 or less"), (1e-4, "1e-4"), (1e-2, "0.01"), (2.0, "2")];
    for (gap, text) in gaps {
        label(&footer, text, (position(gap_share(gap), 0), 34), 12, HPos::Center)?;
    }
    for (text, y) in [("2: readout at zero", 54), ("1 (light blue): equal layers", 72)] {
        label(&footer, text, (column(0) + right + 8, y), 12, HPos::Right)?;
    }
    label(&footer, "small first layer", (column(0) + left - 28, 54), 12, HPos::Left)?;
    for (index, regime) in Regime::ALL.into_iter().enumerate() {
        let (colour, words) = regime_legend(regime);
        let (x, y) = (column(1) + left, 12 + 20 * index as i32);
        footer.draw(&Rectangle::new([(x, y - 6), (x + 18, y + 6)], colour.filled()))?;
        label(&footer, words, (x + 26, y), 12, HPos::Left)?;
    }
    draw_bar(&footer, column(2) + left..column(2) + right, gain_colour)?;
    for gain in GAINS.into_iter().filter(|gain| *gain <= largest) {
        let more = if gain == largest && top > largest { " or more" } else { "" };
        let x = position(gain_share(gain, largest), 2);
        label(&footer, &format!("{gain}{more}"), (x, 34), 12, HPos::Center)?;
    }
    let dots = "dots: equal layers do as well, to 1 %";
    label(&footer, dots, (column(2) + left, 54), 12, HPos::Left)?;
    if cells.iter().any(|cell| cell.answer.is_none()) {
        let blank = "light grey: no such task (it would share more features than pretraining has)";
        label(&footer, blank, (centre, 102), 12, HPos::Center)?;
    }
    if cells.iter().any(|cell| matches!(cell.answer, Some(Err(_)))) {
        label(&footer, "black: no answer", (column(0) + left, 102), 12, HPos::Left)?;
    }
    root.present()?;
    Ok(())
}

fn draw_bar(
    area: &Area<'_>,
    along: std::ops::Range<i32>,
    colour: impl Fn(f64) -> RGBColor,
) -> Result<(), Box<dyn Error>> {
    const STEPS: i32 = 80;
    for step in 0..STEPS {
        let x = |step: i32| along.start + (along.end - along.start) * step / STEPS;
        let share = (f64::from(step) + 0.5) / f64::from(STEPS);
        area.draw(&Rectangle::new([(x(step), 8), (x(step + 1), 24)], colour(share).filled()))?;
    }
    Ok(())
}

fn draw_panel(
    arguments: &Arguments,
    cells: &[Cell],
    (root, panel): (&Area<'_>, &Area<'_>),
    caption: &str,
    first: bool,
    colour: Colour<'_>,
) -> Result<(), Box<dyn Error>> {
    let (overlaps, densities) = (arguments.overlaps(), arguments.densities());
    let points = arguments.points as usize;
    let width = 1.0 / (points - 1) as f64;
    let height = (densities[points - 1] / densities[0]).log10() / (points - 1) as f64;
    // Cells end half a step beyond their points.
    let centre = |index: usize| (overlaps[index % points], densities[index / points].log10());
    let (low, high) = (centre(0), centre(cells.len() - 1));
    let mut chart = ChartBuilder::on(panel)
        .caption(caption, ("sans-serif", 15))
        .margin(6)
        .margin_right(16)
        .x_label_area_size(44)
        .y_label_area_size(60)
        .build_cartesian_2d(
            low.0 - 0.5 * width..high.0 + 0.5 * width,
            low.1 - 0.5 * height..high.1 + 0.5 * height,
        )?;
    chart
        .configure_mesh()
        .disable_mesh()
        .x_desc("overlap: share of these features that pretraining used")
        .y_desc(if first { "rho_FT: fraction of features in fine-tuning" } else { "" })
        .x_labels(6)
        .y_labels(0)
        .x_label_formatter(&|x| format!("{:.1}", x))
        .label_style(("sans-serif", 12))
        .axis_desc_style(("sans-serif", 14))
        .draw()?;
    for (index, cell) in cells.iter().enumerate() {
        let (x, y) = centre(index);
        let corners = [(x - 0.5 * width, y - 0.5 * height), (x + 0.5 * width, y + 0.5 * height)];
        let shade = match &cell.answer {
            None => NO_TASK,
            Some(Err(_)) => BLACK,
            Some(Ok(best)) => colour(best),
        };
        chart.draw_series([Rectangle::new(corners, shade.filled())])?;
        if cell.best().is_some_and(|best| best.gain < WORTHLESS) {
            chart.draw_series([Circle::new((x, y), 1, BLACK.mix(0.6).filled())])?;
        }
    }
    for density in round_numbers() {
        let y = density.log10();
        if y > low.1 - 0.5 * height && y < high.1 + 0.5 * height {
            let (x, y) = chart.backend_coord(&(low.0 - 0.5 * width, y));
            root.draw(&PathElement::new(vec![(x - 5, y), (x, y)], BLACK.stroke_width(1)))?;
            label(
                root,
                &format!("{}", (density * 1e12).round() / 1e12),
                (x - 9, y),
                12,
                HPos::Right,
            )?;
        }
    }
    Ok(())
}

/// Numbers that begin with 1, 2 or 5.
fn round_numbers() -> impl Iterator<Item = f64> {
    (-12..1).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10.0_f64.powi(power)))
}

/// Returns whether every task that can be has an answer.
fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    if !(arguments.rho_ft[0] > 0.0 && arguments.rho_ft[0] < arguments.rho_ft[1]) {
        return Err("--rho-ft does not span a range above 0".into());
    }
    let cells = compute(arguments);
    let answers = || cells.iter().filter_map(|cell| cell.answer.as_ref());
    if let Some(Err(problem)) = answers().next()
        && answers().all(Result::is_err)
    {
        return Err(problem.clone().into());
    }
    write_table(&arguments.csv, |writer| write_csv(&cells, writer))?;
    draw(arguments, &cells)?;
    eprintln!("wrote {} and {}", arguments.csv.display(), arguments.svg.display());
    Ok(answers().all(Result::is_ok))
}

fn main() -> ExitCode {
    exit_code("best_initialization", run(&Arguments::parse()))
}
