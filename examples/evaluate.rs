//! Generalization errors for a table of problems, CSV in and CSV out.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{ExitCode, exit};

use clap::Parser;
use csv::ByteRecord;
use diagonet::{
    Error, Feature, InductiveBias, Initialization, Label, Law, Method, RecoveryThreshold, Report,
    Samples, ScaleMap, Solver, Supports, Task,
};

const EXPLANATION: &str = "\
Evaluates the exact generalization error of fine-tuning for every row of a CSV table, and the
inductive bias behind it.

The header must name, in any order: rho_pt, rho_ft, overlap (statistics of the supports),
beta_pt_active (pretrained magnitude), var_ft_active (variance of the active fine-tuning
coefficients), c_pt, lambda_pt (initialization of pretraining), gamma_ft (readout scale of
fine-tuning), alpha_ft (samples per coordinate), noise_var (variance of the label noise). A column
method may ask for auto (the default), quadrature, lazy or rich.

The rows are written to standard output with these columns, which replace columns of the same name;
all others are carried through.
  error, s2, theta       generalization error, effective noise variance and penalty
  err_shared, err_new, err_pt_only, err_none
                         error by group of coordinates
  method                 quadrature, lazy, rich or least squares: what was used
  l_order, pretraining_dependence, regime, feature_price
                         inductive bias of a reused feature, at beta_FT = sqrt(var_ft_active) and
                         beta_PT = beta_pt_active; the price is that of a new one against it
  recovery_threshold     samples per coordinate from which an l1 norm with this price recovers the
                         task without noise; inf where it never does
  problem                empty, or why the row has no answer
The exit code is 0 if every row has an answer, 1 if some row has none, 2 if the table cannot be read.";

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

const OUTPUTS: [&str; 14] = [
    "error",
    "s2",
    "theta",
    "err_shared",
    "err_new",
    "err_pt_only",
    "err_none",
    "method",
    "l_order",
    "pretraining_dependence",
    "regime",
    "feature_price",
    "recovery_threshold",
    "problem",
];

/// Where the columns are: the inputs, and those to carry through.
struct Columns {
    count: usize,
    numbers: [usize; INPUTS.len()],
    method: Option<usize>,
    carried: Vec<usize>,
}

impl Columns {
    fn locate(header: &ByteRecord) -> Result<Self, String> {
        let names: Vec<_> = header.iter().map(<[u8]>::trim_ascii).collect();
        let positions = |name: &str| -> Vec<usize> {
            (0..names.len()).filter(|&index| names[index] == name.as_bytes()).collect()
        };
        let mut numbers = [0; INPUTS.len()];
        let mut missing = Vec::new();
        for (number, name) in numbers.iter_mut().zip(INPUTS) {
            match positions(name)[..] {
                [position] => *number = position,
                [] => missing.push(name),
                _ => return Err(format!("the header has the column {name} more than once")),
            }
        }
        if !missing.is_empty() {
            return Err(format!("the header lacks the columns {}", missing.join(", ")));
        }
        let is_output = |name: &[u8]| OUTPUTS.iter().any(|output| output.as_bytes() == name);
        Ok(Self {
            count: names.len(),
            numbers,
            method: positions("method").first().copied(),
            carried: (0..names.len()).filter(|&index| !is_output(names[index])).collect(),
        })
    }

    fn parse(&self, row: &ByteRecord) -> Result<([f64; INPUTS.len()], Method), String> {
        if row.len() != self.count {
            return Err(format!("the row has {} fields, the header {}", row.len(), self.count));
        }
        let text = |index: usize| String::from_utf8_lossy(row[index].trim_ascii());
        let mut numbers = [0.0; INPUTS.len()];
        for ((number, &index), name) in numbers.iter_mut().zip(&self.numbers).zip(INPUTS) {
            let text = text(index);
            *number = text.parse().map_err(|_| format!("{name} = '{text}' is not a number"))?;
        }
        let method = match self.method.map(text).as_deref() {
            // What the output says of least squares is not a choice.
            None | Some("" | "auto" | "least squares") => Method::Auto,
            Some("quadrature") => Method::Quadrature,
            Some("lazy") => Method::Lazy,
            Some("rich") => Method::Rich,
            Some(other) => {
                return Err(format!(
                    "method = '{other}' is not one of auto, quadrature, lazy, rich"
                ));
            }
        };
        Ok((numbers, method))
    }
}

/// All that is said of a row, as far as it has answers.
#[derive(Default)]
struct Answer {
    report: Option<Report>,
    bias: Option<InductiveBias>,
    recovery_threshold: Option<f64>,
    problem: Option<String>,
}

impl Answer {
    fn new(numbers: [f64; INPUTS.len()], method: Method) -> Self {
        let mut answer = Self::default();
        if let Err(error) = answer.fill(numbers, method) {
            answer.problem = Some(error.to_string());
        }
        answer
    }

    /// Fills in what there is; error and bias do not depend on each other.
    fn fill(&mut self, numbers: [f64; INPUTS.len()], method: Method) -> diagonet::Result<()> {
        let [rho_pt, rho_ft, overlap, beta_pt, var_ft, c_pt, lambda_pt, gamma, alpha, noise] =
            numbers;
        let task = Task::new(Supports::from_overlap(rho_pt, rho_ft, overlap)?)?
            .with_pretraining_magnitude(beta_pt)?
            .with_fine_tuning_variance(var_ft)?;
        let scale_map = ScaleMap::new(Initialization::from_scales(c_pt, lambda_pt)?, gamma)?;
        let samples = Samples::new(alpha)?.with_noise_variance(noise)?;
        let law = Law::fine_tuning(&task, &scale_map)?;
        let report = Solver::new().with_method(method).evaluate(&law, &samples);
        let feature = Feature { pretrained_coefficient: beta_pt, coefficient: var_ft.sqrt() };
        let bias = InductiveBias::of_feature(&scale_map, feature);
        self.report = report.as_ref().ok().cloned();
        self.bias = bias.as_ref().ok().copied();
        let threshold = bias.and_then(|bias| recovery_threshold(&law, bias.feature_price()));
        self.recovery_threshold = threshold.as_ref().ok().copied();
        report.and(threshold)?;
        Ok(())
    }

    /// The output columns; numbers parse back to the same floats.
    fn fields(&self) -> [String; OUTPUTS.len()] {
        let number = |number: Option<f64>| number.map(|x| format!("{x:?}")).unwrap_or_default();
        let report = self.report.as_ref();
        let group = |label: Label| number(report.and_then(|r| r.error_of(label.as_str())));
        [
            number(report.map(|r| r.generalization_error)),
            number(report.map(|r| r.state.effective_noise_variance)),
            number(report.map(|r| r.state.effective_penalty)),
            group(Label::SHARED),
            group(Label::NEW),
            group(Label::PRETRAINING_ONLY),
            group(Label::NONE),
            report.map(|r| r.estimator.to_string()).unwrap_or_default(),
            number(self.bias.map(|bias| bias.l_order())),
            number(self.bias.map(|bias| bias.pretraining_dependence())),
            self.bias.map(|bias| bias.regime().to_string()).unwrap_or_default(),
            number(self.bias.map(|bias| bias.feature_price())),
            number(self.recovery_threshold),
            self.problem.clone().unwrap_or_default(),
        ]
    }
}

/// The recovery threshold where new features have `price` times the l1 weight of reused ones.
fn recovery_threshold(law: &Law, price: f64) -> diagonet::Result<f64> {
    // An infinite price is that of frozen coordinates, whose weight plays no part.
    let price = price.min(1e300);
    match RecoveryThreshold::of_law(law, &[1.0, price, 1.0, price]) {
        Ok(threshold) => Ok(threshold.sample_ratio()),
        Err(Error::Unrecoverable { .. }) => Ok(f64::INFINITY),
        Err(error) => Err(error),
    }
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
    let header = reader.byte_headers().map_err(failed)?.clone();
    let columns = Columns::locate(&header)?;
    let mut write = |row: &ByteRecord, outputs: [String; OUTPUTS.len()]| {
        let carried = columns.carried.iter().map(|&index| row.get(index).unwrap_or_default());
        writer.write_record(carried.chain(outputs.iter().map(String::as_bytes))).map_err(failed)
    };
    write(&header, OUTPUTS.map(String::from))?;
    let mut complete = true;
    for row in reader.byte_records() {
        let row = row.map_err(failed)?;
        let answer = match columns.parse(&row) {
            Ok((numbers, method)) => Answer::new(numbers, method),
            Err(problem) => Answer { problem: Some(problem), ..Answer::default() },
        };
        complete &= answer.problem.is_none();
        write(&row, answer.fields())?;
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
