//! The forgetting matrix of a sequence of training stages, as CSV and SVG.

use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use diagonet::{
    FeatureKind, Initialization, Prior, Protocol, Samples, Scales, Sequence, SequenceSolution,
    SequenceStage,
};
use support::files::{Table, check_outputs, exit_code, number, open, report_written};
use support::svg::{Anchor, Colour, Font, Svg};

#[allow(dead_code, reason = "each program uses a part of it")]
mod support;

const EXPLANATION: &str = "\
Computes the error on every task after every stage of a sequence, as CSV and as one SVG figure.

STAGES and KINDS are CSV files with a header. Lists have spaces between their numbers, one for every
task. Columns of STAGES, a row for every stage:

  targets                   weights of the losses of the tasks (required)
  alpha                     samples per coordinate (unlimited)
  noise_var                 noise variance of the labels (0)
  protocol                  what is done to the weights before, like 'rescaled 3 0.5' (continued)
  gamma                     readout scale of protocols that reset the readout (0)

Columns of KINDS, a row for every kind of features:

  label                     its name (required)
  probability               share of all coordinates (required)
  factors                   coefficients in the tasks, in units of one of the prior (required)
  mean, variance            prior of the coefficient (0, 0)
  independent               yes, if every task has a coefficient of its own (no)

The CSV has a row for every stage, with the columns stage, node_error, a column error_J for every task J, and
error_J_LABEL for every kind; node_error is an estimate of the relative error that the nodes leave.
The exit code is 0 if there is an answer, 2 if there is none.";

/// Computes the error on every task after every stage of a sequence, as CSV and SVG.
#[derive(Parser)]
#[command(name = "sequence", version, long_about = EXPLANATION)]
struct Arguments {
    /// Table of stages; - is standard input.
    stages: PathBuf,
    /// Table of kinds of features.
    #[arg(long)]
    kinds: PathBuf,
    /// Absolute scale of the initialization.
    #[arg(long, default_value_t = 1e-3)]
    c: f64,
    /// Relative scale of the initialization.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    lambda: f64,
    /// Largest relative error that the nodes leave.
    #[arg(long, default_value_t = Sequence::TOLERANCE)]
    tolerance: f64,
    /// CSV file of the errors; - is standard output.
    #[arg(long, default_value = "-")]
    csv: PathBuf,
    /// SVG file of the forgetting matrix; - is standard output.
    #[arg(long)]
    svg: Option<PathBuf>,
}

/// A row of a table by the names of its columns.
struct Row {
    fields: HashMap<String, String>,
    place: String,
}

impl Row {
    /// All rows of a table that has no other than the known columns.
    fn read_all(path: &Path, known: &[&str]) -> Result<Vec<Self>, String> {
        let name = path.display();
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(open(path)?);
        let header = reader.headers().map_err(|error| format!("{name}: {error}"))?.clone();
        if let Some(unknown) = header.iter().find(|column| !known.contains(column)) {
            let known = known.join(", ");
            return Err(format!("{name}: the column '{unknown}' is none of {known}"));
        }
        let mut rows = Vec::new();
        for (index, record) in reader.records().enumerate() {
            let record = record.map_err(|error| format!("{name}: {error}"))?;
            let fields = header.iter().zip(&record).filter(|(_, field)| !field.is_empty());
            let fields = fields.map(|(column, field)| (column.to_owned(), field.to_owned()));
            let place = format!("{name}, row {}", index + 1);
            rows.push(Self { fields: fields.collect(), place });
        }
        Ok(rows)
    }

    fn text(&self, column: &str) -> Option<&str> {
        self.fields.get(column).map(String::as_str)
    }

    fn required(&self, column: &str) -> Result<&str, String> {
        self.text(column).ok_or_else(|| format!("{}: {column} is missing", self.place))
    }

    fn parse(&self, column: &str, text: &str) -> Result<f64, String> {
        let problem = |_| format!("{}: {column} = '{text}' is not a number", self.place);
        text.parse().map_err(problem)
    }

    fn number(&self, column: &str) -> Result<Option<f64>, String> {
        self.text(column).map(|text| self.parse(column, text)).transpose()
    }

    fn numbers(&self, column: &str) -> Result<Vec<f64>, String> {
        let parts = self.required(column)?.split_whitespace();
        parts.map(|text| self.parse(column, text)).collect()
    }

    /// Says where in the table something is wrong.
    fn checked<T>(&self, result: diagonet::Result<T>) -> Result<T, String> {
        result.map_err(|error| format!("{}: {error}", self.place))
    }

    fn stage(&self) -> Result<SequenceStage, String> {
        let stage = self.checked(SequenceStage::on_tasks(&self.numbers("targets")?))?;
        let protocol: Protocol = match self.text("protocol") {
            Some(text) => self.checked(text.parse())?,
            None => Protocol::Continued,
        };
        let gamma = self.number("gamma")?.unwrap_or(0.0);
        let stage = self.checked(stage.with_protocol(protocol).with_readout_scale(gamma))?;
        let noise = self.number("noise_var")?.unwrap_or(0.0);
        let Some(alpha) = self.number("alpha")? else { return Ok(stage) };
        let samples = Samples::new(alpha).and_then(|samples| samples.with_noise_variance(noise));
        Ok(stage.with_samples(self.checked(samples)?))
    }

    fn kind(&self) -> Result<FeatureKind, String> {
        let label = self.required("label")?.to_owned();
        let probability = self.parse("probability", self.required("probability")?)?;
        let factors = self.numbers("factors")?;
        let mean = self.number("mean")?.unwrap_or(0.0);
        let variance = self.number("variance")?.unwrap_or(0.0);
        match self.text("independent").unwrap_or("no") {
            "no" => {
                self.checked(Prior::gaussian(mean, variance).and_then(|prior| {
                    FeatureKind::in_proportion(label, probability, prior, &factors)
                }))
            }
            "yes" => {
                let prior =
                    |factor: &f64| Prior::gaussian(factor * mean, factor * factor * variance);
                let priors = factors.iter().map(prior).collect::<diagonet::Result<Vec<_>>>();
                let priors = self.checked(priors)?;
                self.checked(FeatureKind::independent(label, probability, &priors))
            }
            other => Err(format!("{}: independent = '{other}' is not yes or no", self.place)),
        }
    }
}

fn sequence(arguments: &Arguments) -> Result<Sequence, Box<dyn Error>> {
    let kinds = ["label", "probability", "factors", "mean", "variance", "independent"];
    let kinds = Row::read_all(&arguments.kinds, &kinds)?;
    let kinds = kinds.iter().map(Row::kind).collect::<Result<_, _>>()?;
    let scales = Scales { absolute: arguments.c, relative: arguments.lambda };
    let mut sequence =
        Sequence::new(kinds, Initialization::new(scales)?)?.with_tolerance(arguments.tolerance)?;
    let stages = ["targets", "alpha", "noise_var", "protocol", "gamma"];
    for row in Row::read_all(&arguments.stages, &stages)? {
        sequence = row.checked(sequence.with_stage(row.stage()?))?;
    }
    Ok(sequence)
}

fn write_table(path: &Path, solution: &SequenceSolution) -> Result<(), String> {
    let mut header = vec![String::from("stage"), String::from("node_error")];
    for (task, errors) in solution.stages[0].errors.iter().enumerate() {
        header.push(format!("error_{task}"));
        header.extend(errors.groups.iter().map(|group| format!("error_{task}_{}", group.label)));
    }
    let mut table = Table::create(path, header)?;
    for (index, stage) in solution.stages.iter().enumerate() {
        let mut row = vec![(index + 1).to_string(), number(solution.node_error)];
        for errors in &stage.errors {
            row.push(number(errors.total));
            row.extend(errors.groups.iter().map(|group| number(group.error)));
        }
        table.write(row)?;
    }
    Ok(())
}

/// White where there is no error, blue at the largest.
fn shade(share: f64) -> Colour {
    let Colour(red, green, blue) = Colour::SKY;
    let mix = |end: u8| (255.0 + (f64::from(end) - 255.0) * share).round() as u8;
    Colour(mix(red), mix(green), mix(blue))
}

fn draw(path: &Path, sequence: &Sequence, solution: &SequenceSolution) -> Result<(), String> {
    const CELL: (f64, f64) = (110.0, 42.0);
    const CORNER: (f64, f64) = (260.0, 74.0);
    const SIZE: f64 = 13.0;
    let matrix = solution.forgetting_matrix();
    let (rows, columns) = (matrix.nrows() as f64, matrix.ncols() as f64);
    let (width, height) = (CORNER.0 + columns * CELL.0 + 20.0, CORNER.1 + rows * CELL.1 + 20.0);
    let mut figure = Svg::new(width, height);
    let largest = matrix.iter().copied().fold(0.0, f64::max);
    let middle = CORNER.0 + 0.5 * columns * CELL.0;
    figure.text("error on task", (middle, 22.0), Font::new(SIZE, Anchor::Middle));
    for task in 0..matrix.ncols() {
        let x = CORNER.0 + (task as f64 + 0.5) * CELL.0;
        figure.text(&task.to_string(), (x, 52.0), Font::new(SIZE, Anchor::Middle));
    }
    for (index, stage) in sequence.stages().iter().enumerate() {
        let y = CORNER.1 + index as f64 * CELL.1;
        let centre = y + 0.5 * CELL.1;
        let trained: Vec<_> = (0..stage.targets().len())
            .filter(|&task| stage.targets()[task] > 0.0)
            .map(|task| task.to_string())
            .collect();
        let title = format!("{}: {}, task {}", index + 1, stage.protocol(), trained.join(" and "));
        let title_end = (CORNER.0 - 14.0, centre);
        figure.text(&title, title_end, Font::new(SIZE, Anchor::End).with_colour(Colour::DARK));
        for task in 0..matrix.ncols() {
            let x = CORNER.0 + task as f64 * CELL.0;
            let error = matrix[(index, task)];
            let share = if largest > 0.0 { error / largest } else { 0.0 };
            let to = (x + CELL.0 - 2.0, y + CELL.1 - 2.0);
            figure.rectangle((x, y), to, shade(share));
            let text = format!("{error:.4}");
            figure.text(&text, (x + 0.5 * CELL.0, centre), Font::new(SIZE, Anchor::Middle));
        }
    }
    figure.write(path, "Error on every task after every stage")
}

fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let outputs: Vec<&Path> =
        [Some(arguments.csv.as_path()), arguments.svg.as_deref()].into_iter().flatten().collect();
    check_outputs(&outputs)?;
    let sequence = sequence(arguments)?;
    let solution = sequence.solve()?;
    write_table(&arguments.csv, &solution)?;
    if let Some(path) = &arguments.svg {
        draw(path, &sequence, &solution)?;
    }
    report_written(&outputs);
    Ok(true)
}

fn main() -> ExitCode {
    exit_code("sequence", run(&Arguments::parse()))
}
