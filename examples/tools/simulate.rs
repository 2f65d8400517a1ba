//! Simulation of a table of problems, and its comparison with the theory, CSV in and CSV out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use csv::ByteRecord;
use diagonet::simulation::{
    Ensemble, Experiment, GradientDescent, GradientFlow, Interpolator, MonteCarlo, Shard,
    StochasticDescent, Trainer,
};
use diagonet::{FeatureClass, Solver};
use indicatif::{ProgressBar, ProgressStyle};
use support::files::{Table, exit_code, number, open};
use support::problem::{COLUMNS, Problem, Trained};
use support::table::{Columns, Row};

#[allow(dead_code, reason = "each program uses a part of it")]
mod support;

const EXPLANATION: &str = "\
Trains real networks on draws of the problem of every row of a CSV table, and compares their mean
errors with the theory.";

const SIMULATION_COLUMNS: &str = "\
These columns of a row take the place of the options of the same name:
  dimension, draws, seed, solver
Where a row has a learning rate, fine-tuning is stochastic descent on the weights, to a training error of 1e-8
of the labels' mean square, and all else is exact.";

const OUTPUT: &str = "\
Every row is written to standard output once for each quantity, with these columns added; all others
are carried through.
  quantity               what is averaged, in total or, after a colon, by group
  count                  draws in which it has a value
  mean, standard_error   over these draws
  low, high              95 % confidence interval of the mean
  theory                 what the theory says, for the whole number of samples that was drawn. Of stochastic
                         descent it has a bracket, and says the number in it that is next to the mean
  z_score                (mean - theory) / standard_error
  problem                empty, or why there is no answer
Quantities are generalization_error, pretraining_error, pretraining_error_after_fine_tuning,
forgetting, generalization_error_from_scratch, and with one of the groups shared, new,
pretraining-only, none for example generalization_error:shared. Where input variances are not all 1,
parameter_error and pretraining_parameter_error are quantities, too. Rows with the method ridge, lasso
or elastic_net have no answer: they are no networks.

With --shard k/n only every n-th draw is done, and the outcomes of single draws are written instead,
to be put together by --merge. The result is the same to the last digit as that of one run. With GNU
parallel on 4 machines, for example:
  parallel -S a,b,c,d 'simulate table.csv --shard {}/8 > shard{}.csv' ::: 1 2 3 4 5 6 7 8
  simulate table.csv --merge shard*.csv > result.csv
or as a Slurm array:
  sbatch --array=1-8 --wrap 'simulate table.csv --shard $SLURM_ARRAY_TASK_ID/8 \\
    > shard$SLURM_ARRAY_TASK_ID.csv'

Draws run in parallel on all cores; RAYON_NUM_THREADS sets another number. The exit code is 0 if every
row has an answer, 1 if some row has none, 2 if a table cannot be read.";

/// Simulates a table of problems and compares with the theory.
#[derive(Parser)]
#[command(
    name = "simulate",
    version,
    long_about = format!("{EXPLANATION}\n\n{COLUMNS}\n\n{SIMULATION_COLUMNS}\n\n{OUTPUT}")
)]
struct Arguments {
    /// CSV file with a header, or - for standard input.
    #[arg(default_value = "-")]
    input: PathBuf,
    /// Number of coordinates.
    #[arg(long, default_value_t = 1000)]
    dimension: usize,
    /// Number of draws.
    #[arg(long, default_value_t = 20)]
    draws: u64,
    /// Seed of the draws; the same seed gives the same draws on every machine.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How networks are trained.
    #[arg(long, value_enum, default_value_t = SolverName::Exact)]
    solver: SolverName,
    /// Training error at which descent and flow stop [default: 1e-20 of the labels' mean square].
    #[arg(long)]
    target_training_error: Option<f64>,
    /// Steps after which descent and flow give up.
    #[arg(long, default_value_t = 1_000_000)]
    max_steps: usize,
    /// Stop a row as soon as the standard error of its generalization error is this small.
    #[arg(long)]
    target_standard_error: Option<f64>,
    /// Which quantities to write; give the flag once for each, or all.
    #[arg(long = "quantity", default_value = "generalization_error", value_parser = quantity)]
    quantities: Vec<String>,
    /// Do a part k/n of the draws, and write the outcome of each.
    #[arg(long, value_name = "K/N", conflicts_with = "target_standard_error")]
    shard: Option<Shard>,
    /// Put the outcomes of all shards together instead of simulating.
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["shard", "target_standard_error"])]
    merge: Vec<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum SolverName {
    /// The end point of gradient flow, by convex optimization.
    Exact,
    /// Gradient descent on the four weight vectors.
    Descent,
    /// Gradient flow of the four weight vectors, integrated in time.
    Flow,
}

/// A name of a quantity, as it stands; one that no row can have would write nothing, silently.
fn quantity(name: &str) -> Result<String, String> {
    const TOTALS: [&str; 7] = [
        "generalization_error",
        "parameter_error",
        "pretraining_error",
        "pretraining_parameter_error",
        "pretraining_error_after_fine_tuning",
        "forgetting",
        "generalization_error_from_scratch",
    ];
    let (total, label) = name.split_once(':').map_or((name, None), |(t, l)| (t, Some(l)));
    let is_label = |label: &str| FeatureClass::ALL.iter().any(|known| known.label() == label);
    if name == "all" || (TOTALS.contains(&total) && label.is_none_or(is_label)) {
        Ok(name.to_owned())
    } else {
        Err(format!("quantities are all, {}, and these with a group", TOTALS.join(", ")))
    }
}

impl Arguments {
    fn trainer(&self, name: SolverName) -> diagonet::Result<Trainer> {
        Ok(match name {
            SolverName::Exact => Trainer::Exact(Interpolator::new()),
            SolverName::Descent => {
                let descent = GradientDescent::new().with_max_epochs(self.max_steps);
                Trainer::Descent(match self.target_training_error {
                    Some(target) => descent.with_target_training_error(target)?,
                    None => descent,
                })
            }
            SolverName::Flow => {
                let flow = GradientFlow::new().with_max_steps(self.max_steps);
                Trainer::Flow(match self.target_training_error {
                    Some(target) => flow.with_target_training_error(target)?,
                    None => flow,
                })
            }
        })
    }

    fn is_written(&self, quantity: &str) -> bool {
        self.quantities.iter().any(|name| name == quantity || name == "all")
    }
}

/// What a row asks for.
struct Task {
    experiment: Experiment,
    plan: MonteCarlo,
    solver: Solver,
    seed: u64,
    draws: u64,
}

impl Task {
    fn parse(arguments: &Arguments, row: &Row<'_>) -> Result<Self, String> {
        let Problem { transfer, samples, trained, optimizer } = Problem::parse(row)?;
        let Trained::Network(estimator) = trained else {
            let method = row.text("method").unwrap_or_default();
            return Err(format!("method = '{method}' is that of a norm, and no network has it"));
        };
        let dimension = row.number("dimension")?.unwrap_or(arguments.dimension);
        let draws = row.number("draws")?.unwrap_or(arguments.draws);
        let seed = row.number("seed")?.unwrap_or(arguments.seed);
        let names = [
            ("exact", SolverName::Exact),
            ("descent", SolverName::Descent),
            ("flow", SolverName::Flow),
        ];
        let name = match row.text("solver") {
            Some(_) => row.choice("solver", &names)?,
            None => arguments.solver,
        };
        let build = || {
            let trainer = match optimizer {
                Some(optimizer) => Trainer::Stochastic(
                    StochasticDescent::new(optimizer)?.with_max_steps(arguments.max_steps),
                ),
                None => arguments.trainer(name)?,
            };
            let experiment = Experiment::new(transfer, samples, dimension)?
                .with_trainer(trainer)
                .with_training_from_scratch();
            let mut plan = MonteCarlo::new(draws)?
                .with_seed(seed)
                .with_shard(arguments.shard.unwrap_or(Shard::ALL));
            if let Some(target) = arguments.target_standard_error {
                plan = plan.with_target_standard_error(target)?;
            }
            let solver = Solver::new().with_estimator(estimator);
            Ok(Self { experiment, plan, solver, seed, draws })
        };
        build().map_err(|error: diagonet::Error| error.to_string())
    }

    /// Runs the draws, with a bar if that is of use to anyone.
    fn run(&self, number: usize) -> Result<Ensemble, String> {
        let style = "row {msg} {wide_bar} {pos}/{len} draws, {eta} left";
        let bar = ProgressBar::new(self.draws)
            .with_style(ProgressStyle::with_template(style).map_err(|error| error.to_string())?)
            .with_message(number.to_string());
        let ensemble = self.plan.run_with_progress(&self.experiment, |progress| {
            bar.set_length(progress.planned);
            bar.set_position(progress.done);
        });
        bar.finish_and_clear();
        ensemble.map_err(|error| error.to_string())
    }
}

const OUTPUTS: [&str; 9] =
    ["quantity", "count", "mean", "standard_error", "low", "high", "theory", "z_score", "problem"];

/// The lines of a row: one for every quantity that is asked for.
fn summary(
    arguments: &Arguments,
    task: &Task,
    ensemble: &Ensemble,
) -> Vec<[String; OUTPUTS.len()]> {
    let theory = task.experiment.predicted_ranges(&task.solver);
    let problem = theory.as_ref().err().map(ToString::to_string).unwrap_or_default();
    let theory = theory.unwrap_or_default();
    let mut lines = Vec::new();
    for (position, quantity) in ensemble.quantities().iter().enumerate() {
        if !arguments.is_written(quantity) {
            continue;
        }
        let statistic = ensemble.statistic(quantity);
        let range = theory.get(position).copied().flatten();
        let expected = range.zip(statistic).map(|([low, high], s)| s.mean.clamp(low, high));
        let expected = expected.or(range.map(|[low, _]| low));
        let interval = statistic.and_then(|statistic| statistic.confidence_interval(0.95).ok());
        let z_score = statistic.zip(expected).and_then(|(s, expected)| s.z_score(expected));
        lines.push([
            quantity.clone(),
            statistic.map_or(0, |statistic| statistic.count).to_string(),
            number(statistic.map(|statistic| statistic.mean)),
            number(statistic.map(|s| s.standard_error).filter(|error| error.is_finite())),
            number(interval.map(|[low, _]| low)),
            number(interval.map(|[_, high]| high)),
            number(expected),
            number(z_score),
            problem.clone(),
        ]);
    }
    lines
}

const OUTCOMES: [&str; 8] =
    ["row", "dimension", "seed", "draws", "draw", "quantity", "value", "problem"];

/// The lines of a row's shard: one for every draw and quantity.
fn outcomes(row: usize, task: &Task, ensemble: &Ensemble) -> Vec<[String; OUTCOMES.len()]> {
    let Task { seed, draws, .. } = task;
    let line = |draw: u64, quantity: &String, value: Option<f64>| {
        [
            row.to_string(),
            task.experiment.dimension().to_string(),
            seed.to_string(),
            draws.to_string(),
            draw.to_string(),
            quantity.clone(),
            number(value),
            String::new(),
        ]
    };
    let draws = ensemble.outcomes().flat_map(|(draw, values)| {
        let values = ensemble.quantities().iter().zip(values);
        values.map(move |(quantity, &value)| line(draw, quantity, value))
    });
    draws.collect()
}

/// One line of a shard.
#[derive(Default)]
struct Recorded {
    row: usize,
    dimension: usize,
    seed: u64,
    draws: u64,
    draw: u64,
    quantity: String,
    value: Option<f64>,
    /// Why the row has no outcomes in this shard; then the numbers mean nothing.
    problem: Option<String>,
}

/// Reads the outcomes in a shard's file.
fn read_shard(path: &Path) -> Result<Vec<Recorded>, String> {
    let in_file = |problem: String| format!("{}: {problem}", path.display());
    let mut reader = csv::Reader::from_reader(open(path)?);
    let header = reader.headers().map_err(|error| in_file(error.to_string()))?;
    if header.is_empty() {
        return Err(in_file(String::from("the file is empty")));
    }
    if *header != OUTCOMES[..] {
        return Err(in_file(String::from("not what --shard writes")));
    }
    let mut recorded = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| in_file(error.to_string()))?;
        let whole = |field: usize| record[field].parse::<u64>();
        let parse = || -> Result<Recorded, Box<dyn std::error::Error>> {
            if !record[7].is_empty() {
                let problem = Some(record[7].to_owned());
                return Ok(Recorded { row: whole(0)? as usize, problem, ..Recorded::default() });
            }
            let value = (!record[6].is_empty()).then(|| record[6].parse()).transpose()?;
            let quantity = record[5].to_owned();
            let (row, dimension) = (whole(0)? as usize, whole(1)? as usize);
            let (seed, draws, draw) = (whole(2)?, whole(3)?, whole(4)?);
            Ok(Recorded { row, dimension, seed, draws, draw, quantity, value, problem: None })
        };
        recorded.push(parse().map_err(|error| in_file(error.to_string()))?);
    }
    Ok(recorded)
}

/// The ensemble of a row, from the outcomes of all shards.
fn merged(number: usize, task: &Task, shards: &[Vec<Recorded>]) -> Result<Ensemble, String> {
    let quantities = task.experiment.quantities();
    let mut parts = Vec::new();
    for shard in shards {
        let lines: Vec<_> = shard.iter().filter(|line| line.row == number).collect();
        let Some(first) = lines.first() else { continue };
        if let Some(problem) = &first.problem {
            return Err(problem.clone());
        }
        // The theory is asked about the whole numbers of samples that this dimension has.
        let dimension = task.experiment.dimension();
        if first.dimension != dimension {
            return Err(format!("the shards have dimension {}, not {dimension}", first.dimension));
        }
        let mut part = Ensemble::new(quantities.clone(), first.seed, first.draws);
        for lines in lines.chunks(quantities.len()) {
            let expected = lines.iter().map(|line| &line.quantity).eq(&quantities)
                && lines.iter().all(|line| line.draw == lines[0].draw);
            if !expected {
                return Err(String::from("the shards are of another problem"));
            }
            let values = lines.iter().map(|line| line.value).collect();
            part.insert(lines[0].draw, values).map_err(|error| error.to_string())?;
        }
        parts.push(part);
    }
    // The run that is asked for, so that shards of another one do not pass for it.
    let empty = Ensemble::new(quantities, task.seed, task.draws);
    let whole = Ensemble::merge(std::iter::once(empty).chain(parts));
    let whole = whole.map_err(|error| error.to_string())?;
    if whole.is_complete() {
        Ok(whole)
    } else {
        Err(format!("the shards have {} of {} draws", whole.outcomes().count(), task.draws))
    }
}

/// Simulates the table; returns whether every row has an answer.
fn simulate(arguments: &Arguments) -> Result<bool, String> {
    let shards = arguments.merge.iter().map(|path| read_shard(path));
    let shards = shards.collect::<Result<Vec<_>, _>>()?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(open(&arguments.input)?);
    let header = reader.byte_headers().map_err(|error| error.to_string())?.clone();
    let extra = ["dimension", "draws", "seed", "solver"];
    let columns = Columns::locate(&header, &extra, &OUTPUTS)?;
    let carried = columns.carried(&header).map(<[u8]>::to_vec);
    let outputs = OUTPUTS.iter().map(|name| name.as_bytes().to_vec());
    let mut table = match arguments.shard {
        Some(_) => Table::create(Path::new("-"), OUTCOMES)?,
        None => Table::create(Path::new("-"), carried.chain(outputs))?,
    };
    let write = |table: &mut Table, row: Option<&ByteRecord>, line: &[String]| {
        let carried = row.map(|row| columns.carried(row)).into_iter().flatten();
        table.write(carried.chain(line.iter().map(String::as_bytes)))
    };
    let mut complete = true;
    for (index, row) in reader.byte_records().enumerate() {
        if table.is_closed() {
            return Ok(true);
        }
        let (index, row) = (index + 1, row.map_err(|error| error.to_string())?);
        let task = Row::new(&columns, &row).and_then(|row| Task::parse(arguments, &row));
        let answer = task.and_then(|task| {
            let ensemble = if arguments.merge.is_empty() {
                task.run(index)
            } else {
                merged(index, &task, &shards)
            };
            Ok((ensemble?, task))
        });
        match (answer, arguments.shard) {
            (Ok((ensemble, task)), Some(_)) => {
                for line in outcomes(index, &task, &ensemble) {
                    write(&mut table, None, &line)?;
                }
            }
            (Ok((ensemble, task)), None) => {
                for line in summary(arguments, &task, &ensemble) {
                    complete &= line[OUTPUTS.len() - 1].is_empty();
                    write(&mut table, Some(&row), &line)?;
                }
            }
            (Err(problem), shard) => {
                complete = false;
                let mut line = vec![String::new(); OUTPUTS.len() - 1];
                if shard.is_some() {
                    line.truncate(OUTCOMES.len() - 1);
                    line[0] = index.to_string();
                }
                line.push(problem);
                write(&mut table, shard.is_none().then_some(&row), &line)?;
            }
        }
    }
    Ok(complete)
}

fn main() -> ExitCode {
    exit_code("simulate", simulate(&Arguments::parse()).map_err(Into::into))
}
