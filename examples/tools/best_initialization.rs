//! The initialization that does best, mapped over the overlap of two tasks and the density of the
//! second.

use std::error::Error;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use diagonet::{InductiveBias, InitializationDesign, Optimum, Regime};
use support::axes::{Axis, Plot};
use support::contour::{self, Grid};
use support::corners::CORNERS;
use support::files::{Table, check_outputs, exit_code, number, report_written};
use support::heat_map::{self, NO_VALUE};
use support::in_order::in_order;
use support::problem::{Options, Problem, REQUIRED, RelativeScale, Statement, default_variance};
use support::svg::{Anchor, Colour, Font, Stroke, Svg};
use support::typeset::short;

#[allow(dead_code, reason = "each program uses a part of it")]
mod support;

const EXPLANATION: &str = "\
Maps the best initialization: for every overlap with the pretraining task and every density of the
fine-tuning task, the relative scale lambda of pretraining and the readout scale gamma of fine-tuning
with the lowest generalization error, out of all with 1 + lambda in [1e-12, 2] and gamma in [0, 100].

Of the four panels of the SVG, the first shows the best 1 + lambda: small is a small first layer, 1
are equal layers. The second shows the regime of the best initialization. The third shows what the
choice is worth: the lowest error with equal layers over the lowest error. Dashed lines enclose tasks
on which it is worth less than one percent. The fourth shows the price of implicit bias at the best
initialization: its error over that of the Bayes-optimal learner, by message passing, that knows which
features pretraining used.

The CSV has a row for every task, with the columns of a problem at the best initialization, as
`evaluate` and `simulate` read them (lambda_gap is 1 + lambda), lambda_gap_low, lambda_gap_high,
gamma_low and gamma_high (the intervals in which, with the other parameter chosen anew, the error is
within --tolerance of the lowest), l_order, pretraining_dependence, regime, feature_price, error,
error_equal_layers, gain, error_bayes, price, scale_ratio (the scale of features that pretraining used over
that of others), matched_scale_ratio (the same ratio in the best weighted ridge regression, with scales in
proportion to the signal: the rule beside which regime II is to be seen) and problem. Tasks that cannot be, because they share more features than
pretraining has or need more than there are, have no initialization. The exit code is 0 if every other
task has an answer, 1 if some task has none, 2 if there is no map.";

/// Maps the best initialization over tasks, as CSV and as one SVG figure.
#[derive(Parser)]
#[command(name = "best_initialization", version, long_about = EXPLANATION)]
struct Arguments {
    /// Where to write the map; - is standard output.
    #[arg(long, default_value = "best_initialization.csv")]
    csv: PathBuf,
    /// Where to draw the figure; - is standard output.
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
    #[arg(long, default_value_t = 49, value_parser = clap::value_parser!(u32).range(2..=200))]
    points: u32,
}

impl Arguments {
    fn overlaps(&self) -> Vec<f64> {
        (0..self.points).map(|i| f64::from(i) / f64::from(self.points - 1)).collect()
    }

    /// The problem of a task at equal layers without readout, from where an initialization is sought.
    fn statement(&self, overlap: f64, density: f64) -> Statement {
        Statement {
            rho_pt: self.rho_pt,
            rho_ft: density,
            overlap,
            beta_pt_active: self.beta_pt,
            var_ft_active: self.var_ft.unwrap_or(default_variance(density)),
            c_pt: self.c_pt,
            relative_scale: RelativeScale::Gap(1.0),
            gamma_ft: 0.0,
            alpha_ft: self.alpha,
            noise_var: self.noise_var,
            more: Options::default(),
        }
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
    /// The task, at the best initialization if there is one.
    statement: Statement,
    /// `None` for a task that cannot be.
    answer: Option<diagonet::Result<Best>>,
}

/// What the map shows of an optimum.
struct Best {
    optimum: Optimum,
    bias: InductiveBias,
    regime: Regime,
    gain: f64,
    /// Bayes-optimal error, and the price of implicit bias, where they have an answer.
    bayes_error: Option<f64>,
    price: Option<f64>,
    scale_ratio: Option<f64>,
    matched_scale_ratio: Option<f64>,
}

impl Cell {
    fn compute(arguments: &Arguments, overlap: f64, density: f64) -> Self {
        let mut statement = arguments.statement(overlap, density);
        let answer = match statement.problem() {
            Err(diagonet::Error::InfeasibleSupports { .. }) => None,
            problem => Some(problem.and_then(|problem| Best::compute(arguments, &problem))),
        };
        if let Some(Ok(Best { optimum, .. })) = &answer {
            statement.relative_scale = RelativeScale::Gap(optimum.one_plus_relative_scale.value);
            statement.gamma_ft = optimum.readout_scale.value;
        }
        Self { statement, answer }
    }

    fn best(&self) -> Option<&Best> {
        self.answer.as_ref()?.as_ref().ok()
    }

    fn write(&self, table: &mut Table) -> Result<(), String> {
        let mut problem = self.statement.fields();
        if self.best().is_none() {
            // No initialization is the best one.
            for (field, name) in problem.iter_mut().zip(REQUIRED) {
                if ["lambda_pt", "lambda_gap", "gamma_ft"].contains(&name) {
                    field.clear();
                }
            }
        }
        let mut results = match self.best() {
            Some(best @ Best { optimum, bias, regime, gain, .. }) => {
                let (gap, gamma) = (optimum.one_plus_relative_scale, optimum.readout_scale);
                vec![
                    number(gap.tolerated[0]),
                    number(gap.tolerated[1]),
                    number(gamma.tolerated[0]),
                    number(gamma.tolerated[1]),
                    number(bias.l_order()),
                    number(bias.pretraining_dependence()),
                    regime.to_string(),
                    number(bias.feature_price()),
                    number(optimum.solution.generalization_error()),
                    number(optimum.balanced_error),
                    number(*gain),
                    number(best.bayes_error),
                    number(best.price),
                    number(best.scale_ratio),
                    number(best.matched_scale_ratio),
                ]
            }
            None => vec![String::new(); RESULTS.len() - 1],
        };
        results.push(match &self.answer {
            Some(Ok(_)) => String::new(),
            Some(Err(problem)) => problem.to_string(),
            None => "there are no such tasks".into(),
        });
        table.write(problem.into_iter().chain(results))
    }
}

/// Columns of the table besides those of a problem.
const RESULTS: [&str; 16] = [
    "lambda_gap_low",
    "lambda_gap_high",
    "gamma_low",
    "gamma_high",
    "l_order",
    "pretraining_dependence",
    "regime",
    "feature_price",
    "error",
    "error_equal_layers",
    "gain",
    "error_bayes",
    "price",
    "scale_ratio",
    "matched_scale_ratio",
    "problem",
];

impl Best {
    fn compute(arguments: &Arguments, problem: &Problem) -> diagonet::Result<Self> {
        let design =
            InitializationDesign::new(problem.transfer.task(), problem.samples, arguments.c_pt)?;
        let optimum = design.with_tolerance(arguments.tolerance)?.optimum()?;
        let bias = optimum.inductive_bias()?;
        let regime = bias.regime_at(arguments.threshold)?;
        // Without an answer for equal layers, any answer is infinitely better.
        let gain = optimum.gain().unwrap_or(f64::INFINITY);
        let [used, other] =
            [arguments.beta_pt, 0.0].map(|beta| optimum.scale_map.fine_tuning_scale(beta));
        let scale_ratio = Some(used? / other?).filter(|ratio| ratio.is_finite());
        let matched_scale_ratio = problem.transfer.task().matched_scale_ratio();
        let bayes = optimum.bayes_optimal().ok();
        let bayes_error =
            bayes.as_ref().map(|bayes| bayes.message_passing().generalization_error());
        let price = bayes.map(|bayes| bayes.price_of(optimum.solution.generalization_error()));
        Ok(Self {
            optimum,
            bias,
            regime,
            gain,
            bayes_error,
            price,
            scale_ratio,
            matched_scale_ratio,
        })
    }

    /// Not a number where the Bayes-optimal learner has no answer.
    fn price(&self) -> f64 {
        self.price.unwrap_or(f64::NAN)
    }

    fn gap(&self) -> f64 {
        self.optimum.one_plus_relative_scale.value
    }
}

/// All cells, row after row of equal density, computed by as many threads as there are processors. Each
/// is written as soon as it and all before it are done.
fn compute(arguments: &Arguments, table: &mut Table) -> Result<Vec<Cell>, String> {
    let (overlaps, densities) = (arguments.overlaps(), arguments.densities());
    let count = overlaps.len() * densities.len();
    let work = |index: usize| {
        let (row, column) = (index / overlaps.len(), index % overlaps.len());
        Cell::compute(arguments, overlaps[column], densities[row])
    };
    let mut progress = Progress::new(count);
    let mut cells = Vec::with_capacity(count);
    in_order(0..count, work, |ready| {
        ready.iter().try_for_each(|cell| cell.write(table))?;
        cells.extend(ready);
        progress.report(cells.len());
        Ok::<_, String>(())
    })?;
    Ok(cells)
}

/// What a terminal says of the work, once it takes more than a moment.
struct Progress {
    count: usize,
    start: Instant,
    is_written: bool,
}

impl Progress {
    fn new(count: usize) -> Self {
        Self { count, start: Instant::now(), is_written: false }
    }

    fn report(&mut self, done: usize) {
        if io::stderr().is_terminal() && self.start.elapsed() > Duration::from_secs(2) {
            eprint!("\r{done} of {} tasks", self.count);
            self.is_written = true;
        }
        if self.is_written && done == self.count {
            eprintln!();
        }
    }
}

/// Gain below which the choice is not worth its while.
const WORTHLESS: f64 = 1.01;

/// Gains and prices at which the scale of shades can end.
const GAINS: [f64; 7] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];

/// Gap from which the colour stays the same.
const SMALLEST_GAP: f64 = 1e-6;

/// Points along each axis of the boundary of tasks that can be, which takes no time to compute.
const FINE: usize = 200;

/// Colours that remain distinct to the colour-blind (after Okabe and Ito), and words.
fn regime_legend(regime: Regime) -> (Colour, &'static str) {
    match regime {
        Regime::I => (Colour(240, 190, 80), "I: forget pretraining, use few features"),
        Regime::II => (Colour::BLUE, "II: reuse features, use many of them"),
        Regime::III => (Colour(150, 150, 150), "III: forget pretraining, use many features"),
        Regime::IV => (Colour(110, 200, 170), "IV: in between, reuse and use few"),
    }
}

const PANEL: (f64, f64) = (330.0, 310.0);
const PITCH: f64 = 414.0;
const TOP: f64 = 100.0;
const FOOTER: f64 = TOP + PANEL.1 + 66.0;

/// The cells of the map, as figures need them.
struct Map<'a> {
    arguments: &'a Arguments,
    cells: &'a [Cell],
    /// The cells with those that cannot be replaced by their nearest neighbour of the same density: what
    /// lies beyond the boundary is covered, and shades and lines run up to it.
    continued: Vec<Option<&'a Best>>,
}

impl<'a> Map<'a> {
    fn new(arguments: &'a Arguments, cells: &'a [Cell]) -> Self {
        let columns = arguments.points as usize;
        let nearest = |index: usize| {
            let (start, column) = (index - index % columns, index % columns);
            let possible = (0..columns).filter(|other| cells[start + other].answer.is_some());
            let nearest = possible.min_by_key(|other| other.abs_diff(column))?;
            cells[start + nearest].best()
        };
        Self { arguments, cells, continued: (0..cells.len()).map(nearest).collect() }
    }

    fn columns(&self) -> usize {
        self.arguments.points as usize
    }

    /// A quantity over the map, not a number where there is none.
    fn grid(&self, quantity: impl Fn(&Best) -> f64) -> Grid {
        let values = self.continued.iter().map(|best| best.map_or(f64::NAN, &quantity));
        Grid::new(self.columns(), values.collect())
    }

    fn plot(&self, panel: usize) -> Plot {
        let y_label = if panel == 0 { "density rho_FT of features in fine-tuning" } else { "" };
        let [lowest, highest] = self.arguments.rho_ft[..] else {
            unreachable!("clap asks for two")
        };
        Plot {
            corner: (PITCH * panel as f64 + 68.0, TOP),
            width: PANEL.0,
            height: PANEL.1,
            x: Axis::linear(0.0, 1.0, "overlap omega with features of pretraining"),
            y: Axis::logarithmic(lowest, highest, y_label),
        }
    }

    /// What is the same in all panels, above the data.
    fn finish(&self, figure: &mut Svg, plot: &Plot, title: &str) {
        // A task shares no more features than pretraining has, and has no more new ones than it leaves.
        let (rho_pt, steps) = (self.arguments.rho_pt, (FINE - 1) as f64);
        let missing = |index: usize| {
            let overlap = plot.x.at((index % FINE) as f64 / steps);
            let density = plot.y.at((index / FINE) as f64 / steps);
            (overlap * density - rho_pt).max((1.0 - overlap) * density - (1.0 - rho_pt))
        };
        // Next to no more, where the boundary runs along an edge.
        let rings = Grid::new(FINE, (0..FINE * FINE).map(missing).collect()).rings(1e-9);
        let rings: Vec<Vec<_>> = rings
            .into_iter()
            .map(|ring| ring.into_iter().map(|at| plot.at_shares(at)).collect())
            .collect();
        figure.area(&rings, Colour::LIGHT);
        for ring in &rings {
            figure.line(ring, Stroke::solid(Colour::BLACK, 0.8));
        }
        plot.draw_frame(figure);
        let centre = (plot.corner.0 + 0.5 * PANEL.0, TOP - 18.0);
        figure.text(title, centre, Font::new(14.0, Anchor::Middle));
    }

    /// A panel of shades.
    fn draw_shades(
        &self,
        figure: &mut Svg,
        panel: usize,
        key: &Axis,
        quantity: impl Fn(&Best) -> f64,
    ) -> Result<Plot, Box<dyn Error>> {
        let plot = self.plot(panel);
        let share = |best: &Best| {
            let share = key.share(quantity(best));
            (!share.is_nan()).then(|| share.clamp(0.0, 1.0))
        };
        let shares: Vec<_> = self.continued.iter().map(|best| best.and_then(share)).collect();
        heat_map::draw(figure, &plot, self.columns(), &shares)?;
        heat_map::draw_key(figure, key, (plot.corner.0, FOOTER), (PANEL.0, 16.0))?;
        Ok(plot)
    }

    /// The panel of regimes.
    fn draw_regimes(&self, figure: &mut Svg, panel: usize, title: &str) {
        let plot = self.plot(panel);
        let (low, high) = (plot.at_shares((0.0, 1.0)), plot.at_shares((1.0, 0.0)));
        figure.rectangle(low, high, regime_legend(Regime::IV).0);
        for (regime, corner) in CORNERS {
            let grid = self.grid(|best| corner(&best.bias.coordinates()));
            let place = |line: Vec<_>| line.into_iter().map(|at| plot.at_shares(at)).collect();
            let rings: Vec<Vec<_>> =
                grid.rings(self.arguments.threshold).into_iter().map(place).collect();
            figure.area(&rings, regime_legend(regime).0);
            for line in grid.lines(self.arguments.threshold) {
                figure.line(&place(line), Stroke::solid(Colour::BLACK, 1.2));
            }
        }
        // Where there is no answer.
        let unknown = self.continued.iter().map(|best| f64::from(u8::from(best.is_none())));
        let rings = Grid::new(self.columns(), unknown.collect()).rings(0.5);
        let place = |ring: Vec<_>| ring.into_iter().map(|at| plot.at_shares(at)).collect();
        figure.area(&rings.into_iter().map(place).collect::<Vec<_>>(), NO_VALUE);
        self.finish(figure, &plot, title);
        for (line, regime) in Regime::ALL.into_iter().enumerate() {
            let is_regime = |cell: &Cell| cell.best().is_some_and(|best| best.regime == regime);
            let inside: Vec<_> = self.cells.iter().map(is_regime).collect();
            if let Some((position, room)) = contour::middle(self.columns(), &inside)
                && room > 0.04
            {
                let font = Font { has_edge: true, ..Font::new(22.0, Anchor::Middle) };
                figure.text(&regime.to_string(), plot.at_shares(position), font);
            }
            let (colour, words) = regime_legend(regime);
            let (x, y) = (plot.corner.0, FOOTER + 8.0 + 20.0 * line as f64);
            figure.rectangle((x, y - 6.0), (x + 18.0, y + 6.0), colour);
            figure.text(words, (x + 26.0, y), Font::new(12.0, Anchor::Start));
        }
    }
}

fn draw(arguments: &Arguments, cells: &[Cell]) -> Result<(), Box<dyn Error>> {
    let map = Map::new(arguments, cells);
    let mut figure = Svg::new(4.0 * PITCH, FOOTER + 112.0);
    let centre = 2.0 * PITCH;
    let title = "Which initialization of pretraining makes fine-tuning generalize best?";
    figure.text(title, (centre, 22.0), Font::new(20.0, Anchor::Middle));
    let premises = format!(
        "c_PT = {}, rho_PT = {}, beta_PT = {}, variance of beta_FT {}, sample ratio alpha = {}, noise variance {}",
        short(arguments.c_pt),
        short(arguments.rho_pt),
        short(arguments.beta_pt),
        arguments.var_ft.map_or("1/rho_FT".into(), short),
        short(arguments.alpha),
        short(arguments.noise_var)
    );
    let explain = |anchor| Font::new(12.0, anchor).with_colour(Colour::DARK);
    figure.text(&premises, (centre, 50.0), explain(Anchor::Middle));
    let gaps = Axis::logarithmic(SMALLEST_GAP, 2.0, "");
    let title = "Best size of the first layer: 1 + lambda";
    let plot = map.draw_shades(&mut figure, 0, &gaps, Best::gap)?;
    map.finish(&mut figure, &plot, title);
    let (left, right) = (plot.corner.0, plot.corner.0 + PANEL.0);
    figure.text("small first layer", (left, FOOTER + 52.0), explain(Anchor::Start));
    figure.text("1: equal layers", (right, FOOTER + 52.0), explain(Anchor::End));
    let smaller = format!("{SMALLEST_GAP:e} stands for less, too");
    figure.text(&smaller, (left, FOOTER + 72.0), explain(Anchor::Start));
    figure.text("2: readout at zero", (right, FOOTER + 72.0), explain(Anchor::End));

    map.draw_regimes(&mut figure, 1, "Regime of the best initialization");

    let top = cells.iter().filter_map(|cell| Some(cell.best()?.gain)).fold(1.0, f64::max);
    let largest = GAINS[1..].iter().copied().find(|gain| *gain >= top).unwrap_or(GAINS[6]);
    let gains = Axis::logarithmic(1.0, largest, "");
    let title = "Gain: error with equal layers / lowest error";
    let plot = map.draw_shades(&mut figure, 2, &gains, |best| best.gain)?;
    // Without bound, where equal layers have no answer.
    let grid = map.grid(|best| best.gain.ln().min(1e3));
    for line in grid.lines(WORTHLESS.ln()) {
        let line: Vec<_> = line.into_iter().map(|at| plot.at_shares(at)).collect();
        figure.line(&line, Stroke { colour: Colour::WHITE, width: 2.0, dashes: "6 4" });
    }
    map.finish(&mut figure, &plot, title);
    let left = plot.corner.0;
    let more =
        if top > largest { format!(" {largest} stands for more, too.") } else { String::new() };
    let dashes = format!("dashed: inside, equal layers do as well, to 1 %{more}");
    figure.text(&dashes, (left, FOOTER + 52.0), explain(Anchor::Start));
    if cells.iter().any(|cell| cell.answer.is_none()) {
        figure.rectangle((left, FOOTER + 66.0), (left + 18.0, FOOTER + 78.0), Colour::LIGHT);
        let blank = "no such task: it shares more features than pretraining has";
        figure.text(blank, (left + 26.0, FOOTER + 72.0), explain(Anchor::Start));
    }
    if cells.iter().any(|cell| matches!(cell.answer, Some(Err(_)))) {
        figure.rectangle((left, FOOTER + 86.0), (left + 18.0, FOOTER + 98.0), NO_VALUE);
        figure.text("no answer", (left + 26.0, FOOTER + 92.0), explain(Anchor::Start));
    }

    let prices = cells.iter().filter_map(|cell| Some(cell.best()?.price()));
    let top = prices.filter(|price| price.is_finite()).fold(1.0, f64::max);
    let largest = GAINS[1..].iter().copied().find(|price| *price >= top).unwrap_or(GAINS[6]);
    let prices = Axis::logarithmic(1.0, largest, "");
    let title = "Price of bias: lowest error / Bayes-optimal error";
    let plot = map.draw_shades(&mut figure, 3, &prices, Best::price)?;
    map.finish(&mut figure, &plot, title);
    let known = "the learner knows the prior, and which features pretraining used";
    figure.text(known, (plot.corner.0, FOOTER + 52.0), explain(Anchor::Start));
    if top > largest {
        let more = format!("{largest} stands for more, too");
        figure.text(&more, (plot.corner.0, FOOTER + 72.0), explain(Anchor::Start));
    }
    let title = "The best initialization over overlap and density of tasks";
    Ok(figure.write(&arguments.svg, title)?)
}

/// Returns whether every task that can be has an answer.
fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    if !(arguments.rho_ft[0] > 0.0 && arguments.rho_ft[0] < arguments.rho_ft[1]) {
        return Err("--rho-ft does not span a range above 0".into());
    }
    check_outputs(&[&arguments.csv, &arguments.svg])?;
    let mut table = Table::create(&arguments.csv, REQUIRED.iter().chain(&RESULTS))?;
    let cells = compute(arguments, &mut table)?;
    let answers = || cells.iter().filter_map(|cell| cell.answer.as_ref());
    if let Some(Err(problem)) = answers().next()
        && answers().all(Result::is_err)
    {
        return Err(problem.clone().into());
    }
    draw(arguments, &cells)?;
    report_written(&[&arguments.csv, &arguments.svg]);
    Ok(answers().all(Result::is_ok))
}

fn main() -> ExitCode {
    exit_code("best_initialization", run(&Arguments::parse()))
}
