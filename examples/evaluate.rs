//! Generalization errors for a table of problems, CSV in and CSV out.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{ExitCode, exit};

use clap::Parser;
use csv::StringRecord;
use diagonet::{Initialization, Label, Law, Report, Samples, ScaleMap, Solver, Supports, Task};

const EXPLANATION: &str = "\
Evaluates the exact generalization error of fine-tuning for every row of a CSV table.

The header must name, in any order: rho_pt, rho_ft, overlap (statistics of the supports),
beta_pt_active (pretrained magnitude), var_ft_active (variance of the active fine-tuning
coefficients), c_pt, lambda_pt (initialization of pretraining), gamma_ft (readout scale of
fine-tuning), alpha_ft (samples per coordinate), noise_var (variance of the label noise).

The rows are written to standard output with the columns error, s2, theta, err_shared, err_new,
err_pt_only, err_none and problem, which replace columns of these names; all other columns are
carried through. The column problem is empty, or says why a row has no answer. The exit code
is 0 if every row has an answer, 1 if some row has none, 2 if the table cannot be read.";

/// Evaluates the generalization error of fine-tuning for every row of a CSV table.
#[derive(Parser)]
#[command(name = "evaluate", long_about = EXPLANATION)]
struct Arguments {
    /// CSV file with a header, or - for standard input.
    #[arg(default_value = "-")]
    input: PathBuf,
}

const INPUTS: [&str; 10] = [
    "rho_pt",
    "rho_ft",
    "overlap",
    "beta_pt_active",
    "var_ft_active",
    "c_pt",
    "lambda_pt",
    "gamma_ft",
    "alpha_ft",
    "noise_var",
];

const OUTPUTS: [&str; 8] =
    ["error", "s2", "theta", "err_shared", "err_new", "err_pt_only", "err_none", "problem"];

/// Where the columns are: the inputs, and those to carry through.
struct Columns {
    inputs: [usize; INPUTS.len()],
    carried: Vec<usize>,
}

impl Columns {
    fn locate(header: &StringRecord) -> Result<Self, String> {
        let position = |name: &str| header.iter().position(|column| column.trim() == name);
        let missing: Vec<_> = INPUTS.into_iter().filter(|name| position(name).is_none()).collect();
        if !missing.is_empty() {
            return Err(format!("the header lacks the columns {}", missing.join(", ")));
        }
        let carried = header
            .iter()
            .enumerate()
            .filter(|(_, column)| !OUTPUTS.contains(&column.trim()))
            .map(|(index, _)| index)
            .collect();
        Ok(Self { inputs: INPUTS.map(|name| position(name).unwrap_or_default()), carried })
    }

    fn numbers(&self, row: &StringRecord) -> Result<[f64; INPUTS.len()], String> {
        let mut numbers = [0.0; INPUTS.len()];
        for ((number, &index), name) in numbers.iter_mut().zip(&self.inputs).zip(INPUTS) {
            let text = row.get(index).unwrap_or_default().trim();
            *number = text.parse().map_err(|_| format!("{name} = '{text}' is not a number"))?;
        }
        Ok(numbers)
    }
}

fn solve(numbers: [f64; INPUTS.len()]) -> diagonet::Result<Report> {
    let [rho_pt, rho_ft, overlap, beta_pt, var_ft, c_pt, lambda_pt, gamma, alpha, noise] = numbers;
    let task = Task::new(Supports::from_overlap(rho_pt, rho_ft, overlap)?)?
        .with_pretraining_magnitude(beta_pt)?
        .with_fine_tuning_variance(var_ft)?;
    let scale_map = ScaleMap::new(Initialization::from_scales(c_pt, lambda_pt)?, gamma)?;
    let samples = Samples::new(alpha)?.with_noise_variance(noise)?;
    Solver::new().evaluate(&Law::fine_tuning(&task, &scale_map)?, &samples)
}

/// The output columns of a row with an answer; numbers parse back to the same floats.
fn answer(report: &Report) -> Vec<String> {
    let group = |label: Label| report.error_of(label.as_str()).unwrap_or(f64::NAN);
    let numbers = [
        report.generalization_error,
        report.state.effective_noise_variance,
        report.state.effective_penalty,
        group(Label::SHARED),
        group(Label::NEW),
        group(Label::PRETRAINING_ONLY),
        group(Label::NONE),
    ];
    numbers.iter().map(|number| format!("{number:?}")).chain([String::new()]).collect()
}

fn no_answer(problem: String) -> Vec<String> {
    let mut fields = vec![String::new(); OUTPUTS.len() - 1];
    fields.push(problem);
    fields
}

/// What to say of a table that cannot be read or written. A reader of the output that has seen
/// enough, like `head`, is no failure.
fn failed(error: csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => exit(0),
        _ => error.to_string(),
    }
}

/// Copies the table; returns whether every row has an answer.
fn evaluate(input: Box<dyn Read>) -> Result<bool, String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
    let mut writer = csv::Writer::from_writer(io::stdout().lock());
    let header = reader.headers().map_err(failed)?.clone();
    let columns = Columns::locate(&header)?;
    let mut write = |row: &StringRecord, outputs: Vec<String>| {
        let carried = columns.carried.iter().map(|&index| row.get(index).unwrap_or_default());
        writer.write_record(carried.chain(outputs.iter().map(String::as_str)))
    };
    write(&header, OUTPUTS.map(String::from).to_vec()).map_err(failed)?;
    let mut complete = true;
    for row in reader.records() {
        let row = row.map_err(failed)?;
        let result = columns
            .numbers(&row)
            .and_then(|numbers| solve(numbers).map_err(|error| error.to_string()));
        let outputs = match result {
            Ok(report) => answer(&report),
            Err(problem) => {
                complete = false;
                no_answer(problem)
            }
        };
        write(&row, outputs).map_err(failed)?;
    }
    writer.flush().map_err(|error| failed(error.into()))?;
    Ok(complete)
}

fn main() -> ExitCode {
    let Arguments { input } = Arguments::parse();
    let reader: Result<Box<dyn Read>, String> = if input.as_os_str() == "-" {
        Ok(Box::new(io::stdin()))
    } else {
        match File::open(&input) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) => Err(format!("{}: {error}", input.display())),
        }
    };
    match reader.and_then(evaluate) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(problem) => {
            eprintln!("evaluate: {problem}");
            ExitCode::from(2)
        }
    }
}
