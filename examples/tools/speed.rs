//! The speed tables of the README, measured on this machine.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use diagonet::simulation::{Dataset, Experiment, GradientDescent, Interpolator, Network};
use diagonet::{
    CoordinateGroup, Densities, DiagramAxis, Feature, InductiveBias, Initialization,
    InitializationDesign, Law, Penalty, PhaseDiagram, Prior, Protocol, RecoveryThreshold, Samples,
    ScaleMap, Scales, Solver, Supports, TargetBias, Task, Transfer, minimum_l2,
    ordinary_least_squares, rich_weights, weighted_l1, weighted_l2,
};
use nalgebra::DVector;
use support::files::{Table, exit_code, number};

#[allow(dead_code, reason = "each program uses a part of it")]
mod support;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const EXPLANATION: &str = "\
Measures the speed of the crate and prints it as the tables of the README.

Every time is the least over many runs, so that other work on the machine matters little, and on one
core unless a row says otherwise. With a baseline, each time is followed in brackets by the factor by
which it is shorter than there. A baseline is a table that an earlier run on the same machine saved.";

/// Measures the speed of the crate, and compares it with an earlier run.
#[derive(Parser)]
#[command(name = "speed", version, long_about = EXPLANATION)]
struct Arguments {
    /// CSV of earlier times to compare with, as --save writes it.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Where to save the times as CSV.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Markdown file whose tables between the lines <!-- speed --> and <!-- /speed --> to replace.
    #[arg(long, value_name = "FILE")]
    update: Option<PathBuf>,
    /// For how many seconds each job is repeated.
    #[arg(long, default_value_t = 0.4)]
    patience: f64,
}

/// Lines between which tables are replaced.
const MARKS: [&str; 2] = ["<!-- speed -->\n", "<!-- /speed -->\n"];

/// The tables in the making.
struct Report {
    patience: Duration,
    baseline: BTreeMap<String, f64>,
    times: Vec<(String, f64)>,
    text: String,
}

impl Report {
    fn new(arguments: &Arguments) -> Outcome<Self> {
        let patience = Duration::try_from_secs_f64(arguments.patience)?;
        let mut baseline = BTreeMap::new();
        if let Some(path) = &arguments.baseline {
            for row in csv::Reader::from_path(path)?.deserialize() {
                let (job, seconds): (String, f64) = row?;
                baseline.insert(job, seconds);
            }
        }
        Ok(Self { patience, baseline, times: Vec::new(), text: String::new() })
    }

    /// Least time of one run of a job, as a cell of a table.
    fn time<T>(&mut self, name: impl Into<String>, mut job: impl FnMut() -> T) -> String {
        let mut once = |repeats: u32| {
            let start = Instant::now();
            for _ in 0..repeats {
                black_box(job());
            }
            start.elapsed().as_secs_f64() / f64::from(repeats)
        };
        let start = Instant::now();
        let mut least = once(1);
        let repeats = (1e-4 / least.max(1e-9)).clamp(1.0, 1e5) as u32;
        while start.elapsed() < self.patience {
            least = least.min(once(repeats));
        }
        self.record(name, least)
    }

    /// A measured time, as a cell of a table.
    fn record(&mut self, name: impl Into<String>, seconds: f64) -> String {
        let name = name.into();
        let factor = self.baseline.get(&name).map(|earlier| earlier / seconds);
        eprintln!("{name}: {}", show(seconds));
        self.times.push((name, seconds));
        match factor {
            Some(factor) => format!("{} ({})", show(seconds), digits(factor)),
            None => show(seconds),
        }
    }

    /// Begins a table.
    fn head(&mut self, columns: &[&str]) {
        let rule = vec!["---"; columns.len()];
        let _ = write!(self.text, "\n| {} |\n|{}|\n", columns.join(" | "), rule.join("|"));
    }

    fn row(&mut self, name: &str, cells: &[String]) {
        let _ = writeln!(self.text, "| {name} | {} |", cells.join(" | "));
    }

    /// A row of one cell.
    fn job<T>(&mut self, name: &str, job: impl FnMut() -> T) {
        let cell = self.time(name, job);
        self.row(name, &[cell]);
    }
}

/// Three digits at most.
fn digits(value: f64) -> String {
    let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.decimals$}")
}

fn show(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s < 1e-6 => (1e9 * s, "ns"),
        s if s < 1e-3 => (1e6 * s, "µs"),
        s if s < 1.0 => (1e3 * s, "ms"),
        s => (s, "s"),
    };
    format!("{} {unit}", digits(value))
}

/// Four groups, all of them with weight.
fn task() -> Outcome<Task> {
    let densities = Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 };
    Ok(Task::new(Supports::new(densities)?)?)
}

/// Four features in five shared: the best initialization lies inside of the box.
fn related() -> Outcome<Task> {
    let densities = Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 0.8 };
    Ok(Task::new(Supports::new(densities)?)?)
}

fn scale_map(absolute: f64, relative: f64, readout: f64) -> diagonet::Result<ScaleMap> {
    ScaleMap::new(Initialization::new(Scales { absolute, relative })?, readout)
}

fn points(report: &mut Report) -> Outcome {
    let solver = Solver::new();
    let samples = Samples::new(0.25)?;
    let neighbouring = Samples::new(0.245)?;
    let ratios: Vec<f64> = (1..=100).map(|i| 0.005 * f64::from(i)).collect();
    let [mut cold, mut next, mut curve, mut derivatives] = [const { Vec::new() }; 4];
    let [mut penalties, mut proximal, mut classes] = [const { Vec::new() }; 3];
    report.head(&["", "c = 1e-6", "c = 1e-3", "c = 1"]);
    for scale in [1e-6, 1e-3, 1.0] {
        let law = Law::fine_tuning(&task()?, &scale_map(scale, 0.0, 0.0)?)?;
        let nodes = solver.solve(&law, &samples)?.state.integrand_evaluations;
        let time =
            report.time(format!("cold {scale:e}"), || solver.solve(black_box(&law), &samples));
        cold.push(format!("{time}, {nodes} evaluations"));
        let start = solver.solve(&law, &neighbouring)?.state;
        let warm = || solver.solve_from(black_box(&law), &samples, &start);
        let nodes = warm()?.state.integrand_evaluations;
        next.push(format!("{}, {nodes}", report.time(format!("next {scale:e}"), warm)));
        let whole = || solver.learning_curve(black_box(&law), 0.0, &ratios);
        let nodes = whole().into_iter().map(|point| Ok(point?.state.integrand_evaluations));
        let nodes: usize = nodes.sum::<diagonet::Result<_>>()?;
        curve.push(format!("{}, {nodes}", report.time(format!("curve {scale:e}"), whole)));
        derivatives.push(report.time(format!("derivatives {scale:e}"), || {
            solver.solve(black_box(&law), &samples)?.sensitivities()
        }));
        let penalty = Penalty::new(scale)?;
        penalties.push(report.time(format!("penalty {scale:e}"), || penalty.value(black_box(0.7))));
        proximal.push(report.time(format!("proximal {scale:e}"), || {
            penalty.proximal(black_box(0.7), black_box(0.3))
        }));
        let map = scale_map(scale, -0.5, 0.1)?;
        classes.push(report.time(format!("regime {scale:e}"), || {
            InductiveBias::of_feature(black_box(&map), black_box(FEATURE)).map(|bias| bias.regime())
        }));
    }
    for (name, cells) in [
        ("fixed point, cold", cold),
        ("next point of a learning curve", next),
        ("learning curve of 100 points", curve),
        ("error with all of its derivatives", derivatives),
        ("penalty of a coefficient", penalties),
        ("proximal map with slopes", proximal),
        ("regime of a feature", classes),
    ] {
        report.row(name, &cells);
    }

    report.head(&["", "c = 1e-12", "c = 1e-30", "c = 1e-300"]);
    let mut tiny = Vec::new();
    for scale in [1e-12, 1e-30, 1e-300] {
        let law = Law::fine_tuning(&task()?, &scale_map(scale, 0.0, 0.0)?)?;
        let name = format!("cold {scale:e}");
        tiny.push(report.time(name, || solver.solve(black_box(&law), &samples)));
    }
    report.row("fixed point, cold", &tiny);
    Ok(())
}

const FEATURE: Feature = Feature { pretrained_coefficient: 1.0, coefficient: 0.7 };

fn closed_forms(report: &mut Report) -> Outcome {
    let map = scale_map(1e-3, -0.9, 0.0)?;
    let law = Law::fine_tuning(&task()?, &map)?;
    let weights = rich_weights(&law);
    let few = Samples::new(0.3)?.with_noise_variance(0.1)?;
    let many = Samples::new(1.5)?.with_noise_variance(0.1)?;
    report.job("least squares", || ordinary_least_squares(black_box(&law), &many));
    report.job("minimum l2", || minimum_l2(black_box(&law), &few));
    report.job("weighted l2", || weighted_l2(black_box(&law), &few));
    report.job("weighted l1 with noise", || weighted_l1(black_box(&law), &weights, &few));
    report.job("recovery threshold", || RecoveryThreshold::of_law(black_box(&law), &weights));
    let target = TargetBias { l_order: 1.25, pretraining_dependence: -0.2 };
    report.job("initialization that realizes a bias", || {
        InductiveBias::realize(black_box(target), FEATURE, black_box(1e-3))
    });
    let map = scale_map(1e-3, -0.5, 0.1)?;
    let axis = |from: f64, to: f64| -> Vec<f64> {
        (0..200).map(|i| from + (to - from) * f64::from(i) / 199.0).collect()
    };
    let (gaps, gammas) = (axis(-1.0, 1.0), axis(0.0, 3.0));
    report.job("phase diagram of 200 by 200 features", || {
        let rows = (DiagramAxis::RelativeScale, gaps.as_slice());
        let columns = (DiagramAxis::ReadoutScale, gammas.as_slice());
        PhaseDiagram::of_feature(black_box(&map), FEATURE, rows, columns)
    });
    Ok(())
}

/// A square sweep over two parameters, each from 0 to 1 along its axis.
fn sweep(
    side: usize,
    problem: impl Fn(f64, f64) -> diagonet::Result<(Law, Samples)> + Sync,
) -> diagonet::Result<f64> {
    let share = |i: usize| i as f64 / (side - 1) as f64;
    let problem = |row, column| problem(share(row), share(column));
    let errors = Solver::new().solve_grid(side, side, problem, |solution| {
        solution.map(|solution| solution.generalization_error())
    });
    errors.into_iter().sum()
}

fn sweeps(report: &mut Report) -> Outcome {
    const SIDE: usize = 300;
    let (task, samples) = (task()?, Samples::new(0.25)?);
    let initializations = || {
        sweep(SIDE, |row, column| {
            let map = scale_map(1e-3, 2.0 * row - 1.0, 10.0_f64.powf(4.0 * column - 3.0))?;
            Ok((Law::fine_tuning(&task, &map)?, samples))
        })
    };
    report.job("sweep of 300 by 300 points over lambda and gamma", initializations);
    report.job("sweep of 300 by 300 points over lambda and alpha", || {
        sweep(SIDE, |row, column| {
            let law = Law::fine_tuning(&task, &scale_map(1e-3, 2.0 * row - 1.0, 0.0)?)?;
            Ok((law, Samples::new(0.05 + 0.9 * column)?))
        })
    });
    // One per processor.
    let all = rayon::ThreadPoolBuilder::new().build()?;
    all.install(|| {
        report.job("sweep over lambda and gamma, all cores", initializations);
    });
    Ok(())
}

fn two_stages(report: &mut Report) -> Outcome {
    let solver = Solver::new();
    let samples = Samples::new(0.25)?;
    let pretraining = Samples::new(0.4)?.with_noise_variance(0.01)?;
    let ratios: Vec<f64> = (1..=100).map(|i| 0.005 * f64::from(i)).collect();
    for (prior, priors) in [
        (Prior::atom(1.0)?, "constant pretrained coefficients"),
        (Prior::gaussian(0.0, 5.0)?, "Gaussian pretrained coefficients"),
    ] {
        for protocol in [Protocol::REBALANCED, Protocol::Continued] {
            let task = task()?.with_pretraining_prior(prior)?.with_correlation(0.8)?;
            let transfer = Transfer::new(&task, scale_map(0.01, -0.9, 0.0)?)
                .with_pretraining_samples(pretraining)
                .with_protocol(protocol);
            let name = protocol.name();
            report.job(&format!("both stages, {priors}, {name}"), || {
                solver.solve(black_box(&transfer), &samples)
            });
            report.job(
                &format!("learning curve of 100 points after these, {priors}, {name}"),
                || solver.learning_curve(black_box(&transfer), 0.0, &ratios),
            );
        }
    }
    Ok(())
}

fn searches(report: &mut Report) -> Outcome {
    let solver = Solver::new();
    let noisy = Samples::new(0.25)?.with_noise_variance(0.01)?;
    let related = related()?;
    let design = InitializationDesign::new(&related, noisy, 1e-3)?;
    let all = design.clone().with_absolute_scales(1e-6..=1.0)?;
    let pretraining = Samples::new(0.4)?.with_noise_variance(0.01)?;
    let finite = design.clone().with_pretraining_samples(pretraining);
    report.job("best lambda and gamma", || design.optimum());
    report.job("best lambda, gamma and c", || all.optimum());
    report.job("best lambda and gamma, finite pretraining", || finite.optimum());

    let map = scale_map(1e-3, -0.9, 0.0)?;
    let law = Law::fine_tuning(&related, &map)?;
    report.job("samples that an error needs, four groups", || {
        solver.required_sample_ratio(black_box(&law), 0.01, 0.3)
    });
    let hundred = hundred_groups()?;
    report.job("samples that an error needs, 100 groups", || {
        solver.required_sample_ratio(black_box(&hundred), 0.01, 0.3)
    });
    let transfer = Transfer::new(&task()?, map).with_pretraining_samples(pretraining);
    report.job("samples that an error needs, finite pretraining", || {
        solver.required_sample_ratio(black_box(&transfer), 0.01, 0.3)
    });
    report.job("samples that an error needs, best lambda and gamma, finite pretraining", || {
        finite.required_sample_ratio(0.3)
    });

    let [before, now] = power_laws(1000);
    let own = Law::from_coefficients(&before, &now, &scale_map(1e-3, -0.5, 0.0)?)?;
    report.job("law of 1000 own coefficients, one point", || solver.solve(black_box(&own), &noisy));
    let [before, now] = power_laws(1_000_000);
    report.job("law of a million own coefficients, made and one point", || {
        let task = Task::from_coefficients_in_bins(&before, &now, 0.25)?;
        solver.solve(&Law::fine_tuning(&task, &scale_map(1e-3, -0.5, 0.0)?)?, &noisy)
    });
    Ok(())
}

/// A hundred groups of different scales.
fn hundred_groups() -> diagonet::Result<Law> {
    let group = |i: u32| {
        let prior = if i < 10 { Prior::gaussian(0.0, 10.0)? } else { Prior::ZERO };
        let scale = 10.0_f64.powf(-4.0 + 0.04 * f64::from(i * 37 % 100));
        CoordinateGroup::new(i.to_string(), 0.01, prior, scale)
    };
    Law::new((0..100).map(group).collect::<diagonet::Result<_>>()?)
}

/// Coefficients before and now: power laws of both signs, on other features.
fn power_laws(count: u32) -> [Vec<f64>; 2] {
    let coefficient =
        |i: u32| f64::from(i + 1).powf(-0.6) * if i.is_multiple_of(2) { 1.0 } else { -1.0 };
    let before = (0..count).map(coefficient).collect();
    [before, (0..count).map(|i| coefficient((i * 7 + 3) % count)).collect()]
}

/// Fine-tuning in regime IV on a task with full overlap: data, scales, and the network at its start.
fn draw(dimension: usize, sample_ratio: f64) -> Outcome<(Dataset, DVector<f64>, Network)> {
    let densities = Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 1.0 };
    let task = Task::new(Supports::new(densities)?)?;
    let map = scale_map(1e-3, -0.99, 0.0)?;
    let samples = Samples::new(sample_ratio)?;
    let draw = Experiment::new(Transfer::new(&task, map), samples, dimension)?.draw(1, 0)?;
    let pretrained = draw.pretraining_coefficients();
    let scales = map.fine_tuning_scales(pretrained)?;
    let start = Network::new(&map.fine_tuning_initializations(pretrained)?);
    Ok((draw.data().clone(), scales, start))
}

fn networks(report: &mut Report) -> Outcome {
    for (dimension, sample_ratio) in
        [(1000, 0.157), (1000, 0.45), (2000, 0.157), (2000, 0.45), (5000, 0.157), (5000, 0.45)]
    {
        let (data, scales, _) = draw(dimension, sample_ratio)?;
        let solution = Interpolator::new().solve(&data, &scales)?;
        let name = format!("D = {dimension}, N = {}", data.samples());
        let time = report.time(format!("end point, {name}"), || {
            Interpolator::new().solve(black_box(&data), &scales)
        });
        let residual = format!("{:.0e}", solution.primal_residual);
        report.row(&name, &[time, solution.iterations.to_string(), residual]);
    }
    Ok(())
}

fn descent(report: &mut Report) -> Outcome {
    const EPOCHS: usize = 100;
    let (data, _, start) = draw(5000, 0.157)?;
    let descent = GradientDescent::new().with_max_epochs(EPOCHS);
    let fixed = descent.with_learning_rate(0.1)?;
    for (name, descent) in [("0.1", fixed), ("automatic", descent)] {
        let name = format!("100 epochs of gradient descent, D = 5000, N = 785, rate {name}");
        report.job(&name, || descent.train(black_box(start.clone()), &data));
    }
    let descent =
        GradientDescent::new().with_target_training_error(1e-4)?.with_max_epochs(1_000_000);
    let clock = Instant::now();
    let training = descent.train(start, &data)?;
    let name = "gradient descent to a training error of 1e-4, automatic rate";
    let time = report.record(name, clock.elapsed().as_secs_f64());
    report.row(name, &[format!("{time}, {} epochs", training.steps)]);
    Ok(())
}

/// Tables for `evaluate`: rows, and what ends each of them.
const TABLES: [(&str, u32, &str); 2] = [
    ("`evaluate --no-bayes`, table of 100 000 rows, all cores", 100_000, ""),
    ("`evaluate --no-bayes`, 2000 rows with finite pretraining, all cores", 2000, ",0.4,0.01"),
];

/// The program beside this one, where it has been built.
fn tools(report: &mut Report) -> Outcome {
    let program = std::env::current_exe()?.with_file_name("evaluate");
    if !program.exists() {
        eprintln!("evaluate has not been built: its rows are left out");
        return Ok(());
    }
    for (name, rows, end) in TABLES {
        let directory = std::env::temp_dir();
        let path = directory.join(format!("diagonet-speed-{}.csv", std::process::id()));
        let mut table = String::from(
            "rho_pt,rho_ft,overlap,beta_pt_active,var_ft_active,c_pt,lambda_pt,gamma_ft,alpha_ft,noise_var",
        );
        table += if end.is_empty() { "\n" } else { ",alpha_pt,noise_pt_var\n" };
        for row in 0..rows {
            // Points of a lattice that fills the square of exponent and relative scale.
            let shares = [0.618_033_988_749_895, 0.754_877_666_246_693];
            let [x, y] = shares.map(|share| (f64::from(row) * share).fract());
            let c = 10.0_f64.powf(-4.0 * x);
            let _ = writeln!(table, "0.2,0.1,0.5,1,10,{c:e},{},0.01,0.3,0.01{end}", 2.0 * y - 1.0);
        }
        fs::write(&path, table)?;
        let mut command = Command::new(&program);
        command.arg("--no-bayes").arg(&path).stdout(Stdio::null());
        let clock = Instant::now();
        let ended = command.status()?;
        let seconds = clock.elapsed().as_secs_f64();
        fs::remove_file(&path)?;
        if !ended.success() {
            return Err("evaluate has no answer for some row".into());
        }
        let cell = report.record(name, seconds);
        report.row(name, &[cell]);
    }
    Ok(())
}

/// Replaces what a file has between the marks.
fn update(path: &Path, tables: &str) -> Outcome {
    let text = fs::read_to_string(path)?;
    let parts = text.split_once(MARKS[0]).and_then(|(head, rest)| {
        let (_, tail) = rest.split_once(MARKS[1])?;
        Some((head, tail))
    });
    let (head, tail) = parts.ok_or_else(|| {
        format!("{} has no lines {} and {}", path.display(), MARKS[0].trim(), MARKS[1].trim())
    })?;
    let [begin, end] = MARKS;
    Ok(fs::write(path, format!("{head}{begin}{tables}\n{end}{tail}"))?)
}

fn run(arguments: &Arguments) -> Outcome<bool> {
    // Before anything takes its time.
    let save = arguments.save.as_ref().map(|path| Table::create(path, ["job", "seconds"]));
    let save = save.transpose()?;
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global()?;
    let mut report = Report::new(arguments)?;
    points(&mut report)?;
    report.head(&["", ""]);
    closed_forms(&mut report)?;
    report.head(&["", ""]);
    sweeps(&mut report)?;
    two_stages(&mut report)?;
    searches(&mut report)?;
    report.head(&["exact end point", "time", "Newton steps", "residual"]);
    networks(&mut report)?;
    report.head(&["", ""]);
    descent(&mut report)?;
    tools(&mut report)?;
    print!("{}", report.text);
    if let Some(mut table) = save {
        for (name, seconds) in &report.times {
            table.write([name.clone(), number(*seconds)])?;
        }
    }
    if let Some(path) = &arguments.update {
        update(path, &report.text)?;
    }
    Ok(true)
}

fn main() -> ExitCode {
    exit_code("speed", run(&Arguments::parse()))
}
