//! Generalization errors for a table of problems, CSV in and CSV out.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use csv::ByteRecord;
use diagonet::{
    BayesOptimal, EffectiveScale, Error, Feature, FeatureClass, InductiveBias, Law, Protocol,
    ProtocolBias, RecoveryThreshold, Regime, ScaleAndStart, ShrunkScale, Solution, Solver,
    TransferSolution,
};
use support::files::{Table, csv_row, exit_code, number, open};
use support::in_order::in_order;
use support::norm::NormAnswer;
use support::problem::{COLUMNS, Problem, Trained};
use support::table::{Columns, Row};

#[allow(dead_code, reason = "each program uses a part of it")]
mod support;

const EXPLANATION: &str = "\
Evaluates the exact generalization error of fine-tuning for every row of a CSV table, and the
inductive bias behind it.";

const OUTPUT: &str = "\
The rows are written to standard output with these columns, which replace columns of the same name;
all others are carried through.
  error, s2, theta       generalization error (on fresh inputs), effective noise variance and penalty
  parameter_error        mean square error of the coefficients, the same where input variances are 1
  err_shared, err_new, err_pt_only, err_none
                         error by group of coordinates
  estimator              quadrature, lazy, rich, least squares or elastic net: what was used
  tuned_penalty          the best penalty of ridge, lasso or elastic_net where none is given; inf where
                         it is best to learn nothing
  difference_bound       bound on what its error differs by from that of quadrature; 0 where it is
                         exact, empty where no bound is known
  error_pt               generalization error of pretraining on its own task
  forgetting             mean square distance of the fine-tuned coefficients to the pretrained ones
  error_scratch          generalization error of training from scratch on the same data
  error_bayes            least error that message passing reaches with the same data and the same
                         knowledge of pretraining: no protocol or initialization is below it
  error_bayes_scratch    the same without pretraining
  price                  error over error_bayes, the price of implicit bias, or of a norm
  l_order, pretraining_dependence, regime, feature_price
                         inductive bias of a reused feature, at beta_FT = sqrt(var_ft_active) and
                         beta_PT = beta_pt_active; the price is that of a new one against it. With a
                         start, the displacement is held fixed, and the point may leave the triangle
  recovery_threshold     samples per coordinate from which an l1 norm with this price recovers the
                         task without noise; inf where it never does, empty for protocols with other
                         scales or starts than rebalanced
  scale_active, start_active
                         scale and start of fine-tuning where pretraining ended at beta_pt_active
  scale_ratio            scale_active over the scale where pretraining ended at 0
  matched_scale_ratio    the same ratio in the best weighted ridge regression, whose scales are in
                         proportion to the signal of features that pretraining used, and of others: the
                         rule that regime II follows as far as pretraining tells the signal
  c_low, c_high          bracket of the scale from which gradient flow ends where the training of the row
                         ends, where pretraining ended at beta_pt_active; empty for gradient flow
  error_low, error_high  generalization errors at the lowest and at the highest scale
  protocol_best          with --rank-protocols, the protocol with the lowest error by gradient flow: the row's
                         own, or one of rebalanced, continued, readout_reset, probe_kept, probe_reset,
                         probe_rebalanced and frozen_readout
  problem                empty, or why the row has no answer
All columns but c_low to error_high are those of training by gradient flow.
The exit code is 0 if every row has an answer, 1 if some row has none, 2 if the table cannot be read.";

/// Evaluates the generalization error of fine-tuning for every row of a CSV table.
#[derive(Parser)]
#[command(name = "evaluate", version, long_about = format!("{EXPLANATION}\n\n{COLUMNS}\n\n{OUTPUT}"))]
pub(crate) struct Arguments {
    /// CSV file with a header, or - for standard input.
    #[arg(default_value = "-")]
    input: PathBuf,
    /// Leave the columns of the Bayes-optimal learner empty, which take most of the time.
    #[arg(long)]
    no_bayes: bool,
    /// Rank protocols of fine-tuning, and write the best one.
    #[arg(long)]
    rank_protocols: bool,
}

const OUTPUTS: [&str; 32] = [
    "error",
    "s2",
    "theta",
    "parameter_error",
    "err_shared",
    "err_new",
    "err_pt_only",
    "err_none",
    "estimator",
    "tuned_penalty",
    "difference_bound",
    "error_pt",
    "forgetting",
    "error_scratch",
    "error_bayes",
    "error_bayes_scratch",
    "price",
    "l_order",
    "pretraining_dependence",
    "regime",
    "feature_price",
    "recovery_threshold",
    "scale_active",
    "start_active",
    "scale_ratio",
    "matched_scale_ratio",
    "c_low",
    "c_high",
    "error_low",
    "error_high",
    "protocol_best",
    "problem",
];

/// The bias of a reused feature.
#[derive(Clone, Copy)]
struct Bias {
    l_order: f64,
    pretraining_dependence: f64,
    regime: Regime,
    feature_price: Option<f64>,
}

impl From<InductiveBias> for Bias {
    fn from(bias: InductiveBias) -> Self {
        Self {
            l_order: bias.l_order(),
            pretraining_dependence: bias.pretraining_dependence(),
            regime: bias.regime(),
            feature_price: Some(bias.feature_price()),
        }
    }
}

impl From<ProtocolBias> for Bias {
    fn from(bias: ProtocolBias) -> Self {
        Self {
            l_order: bias.l_order,
            pretraining_dependence: bias.pretraining_dependence,
            regime: bias.regime(),
            feature_price: bias.feature_price,
        }
    }
}

/// All that is said of a row, as far as it has answers.
#[derive(Default)]
struct Answer {
    report: Option<TransferSolution>,
    norm: Option<NormAnswer>,
    is_tuned: bool,
    from_scratch: Option<Solution>,
    bayes: [Option<f64>; 2],
    forgetting: Option<f64>,
    training: Option<ScaleAndStart>,
    scale_ratio: Option<f64>,
    matched_scale_ratio: Option<f64>,
    bias: Option<Bias>,
    recovery_threshold: Option<f64>,
    effective: Option<EffectiveScale>,
    best: Option<Protocol>,
    problem: Option<String>,
}

impl Answer {
    fn new(columns: &Columns, record: &ByteRecord, arguments: &Arguments) -> Self {
        let mut answer = Self::default();
        let problem = Row::new(columns, record).and_then(|row| Problem::parse(&row));
        let filled = problem.and_then(|problem| {
            if !arguments.no_bayes {
                answer.bayes = bayes(&problem);
            }
            if arguments.rank_protocols {
                answer.best = best_protocol(&problem);
            }
            answer.fill(&problem).map_err(|error| error.to_string())
        });
        answer.problem = filled.err();
        answer
    }

    /// Fills in what there is; error and bias do not depend on each other.
    fn fill(&mut self, problem: &Problem) -> diagonet::Result<()> {
        let Problem { transfer, samples, trained, optimizer } = problem;
        let estimator = match trained {
            Trained::Network(estimator) => estimator,
            Trained::Norm(norm) => {
                // The initialization plays no part, and neither does the bias that it gives.
                self.is_tuned = norm.penalty.is_none();
                self.norm = Some(norm.solve(transfer.task(), samples)?);
                return Ok(());
            }
        };
        let solver = Solver::new().with_estimator(*estimator);
        let report = solver.solve(transfer, samples);
        self.report = report.as_ref().ok().cloned();
        self.from_scratch = report.as_ref().ok().and_then(|report| report.from_scratch().ok());
        let effective = match (&report, optimizer) {
            (Ok(report), Some(optimizer)) => report.effective_scale(optimizer).map(Some),
            _ => Ok(None),
        };
        self.effective = effective.as_ref().ok().cloned().flatten();
        let forgetting = report.and_then(|report| report.fine_tuning.forgetting());
        self.forgetting = forgetting.as_ref().ok().copied().flatten();
        let (task, scale_map) = (transfer.task(), transfer.scale_map());
        let protocol = transfer.protocol();
        let magnitude = task.pretraining_prior().mean_square().sqrt();
        let coefficient = task.shared_prior().mean_square().sqrt();
        let feature = Feature { pretrained_coefficient: magnitude, coefficient };
        self.training = protocol.scale_and_start(&scale_map, magnitude).ok();
        let scale_at_zero = protocol.scale_and_start(&scale_map, 0.0).ok().map(|t| t.scale);
        let ratio = self.training.zip(scale_at_zero).map(|(training, zero)| training.scale / zero);
        self.scale_ratio = ratio.filter(|ratio| ratio.is_finite());
        self.matched_scale_ratio = task.matched_scale_ratio();
        if protocol != Protocol::REBALANCED {
            let bias = ProtocolBias::of_feature(&protocol, &scale_map, feature);
            self.bias = bias.as_ref().ok().copied().map(Bias::from);
            forgetting?;
            effective?;
            return bias.map(|_| ());
        }
        let bias = InductiveBias::of_feature(&scale_map, feature);
        self.bias = bias.as_ref().ok().copied().map(Bias::from);
        let threshold = bias.and_then(|bias| {
            // Where the price is to be paid: the groups that a constant magnitude makes.
            let constant =
                task.clone().with_correlation(0.0)?.with_pretraining_magnitude(magnitude)?;
            recovery_threshold(&Law::fine_tuning(&constant, &scale_map)?, bias.feature_price())
        });
        self.recovery_threshold = threshold.as_ref().ok().copied();
        forgetting?;
        effective?;
        threshold?;
        Ok(())
    }

    /// The output columns.
    fn fields(&self) -> [String; OUTPUTS.len()] {
        let report = self.report.as_ref();
        let norm = self.norm.as_ref();
        let of_norm = norm.and_then(|norm| norm.solution.as_ref());
        let tuned = report.map(|report| &report.fine_tuning).or(of_norm);
        let pretraining = report.and_then(|report| report.pretraining.as_ref());
        let from_scratch = self.from_scratch.as_ref();
        let group = |class: FeatureClass| match norm {
            Some(norm) => number(norm.error_of(class)),
            None => number(tuned.and_then(|r| r.error_of(class))),
        };
        // Unlimited data leave no error.
        let exact = report.filter(|report| report.pretraining.is_none()).map(|_| 0.0);
        let error = norm.map(NormAnswer::error).or(tuned.map(Solution::generalization_error));
        let parameter_error =
            norm.map(NormAnswer::parameter_error).or(tuned.map(|r| r.parameter_errors().total));
        let tuned_penalty = norm.filter(|_| self.is_tuned).map(|norm| norm.penalty);
        let price = error.zip(self.bayes[0]).map(|(error, least)| error / least);
        // Both may recover exactly.
        let price = price.filter(|price| price.is_finite());
        let errors = self.effective.as_ref().map(EffectiveScale::generalization_errors);
        let scale = |end: fn(&EffectiveScale) -> &ShrunkScale| {
            let factor = self.effective.as_ref().map(|effective| end(effective).factor());
            number(self.training.zip(factor).map(|(training, factor)| training.scale * factor))
        };
        [
            number(error),
            number(tuned.map(|r| r.state.effective_noise_variance)),
            number(match norm {
                Some(norm) => norm.effective_penalty(),
                None => tuned.map(|r| r.state.effective_penalty),
            }),
            number(parameter_error),
            group(FeatureClass::Shared),
            group(FeatureClass::New),
            group(FeatureClass::PretrainingOnly),
            group(FeatureClass::Unused),
            tuned.map(|r| r.estimator.to_string()).unwrap_or_default(),
            number(tuned_penalty),
            number(tuned.and_then(|r| r.difference_bound)),
            number(pretraining.map(|r| r.generalization_error()).or(exact)),
            number(self.forgetting),
            number(from_scratch.map(|r| r.generalization_error())),
            number(self.bayes[0]),
            number(self.bayes[1]),
            number(price),
            number(self.bias.map(|bias| bias.l_order)),
            number(self.bias.map(|bias| bias.pretraining_dependence)),
            self.bias.map(|bias| bias.regime.to_string()).unwrap_or_default(),
            number(self.bias.and_then(|bias| bias.feature_price)),
            number(self.recovery_threshold),
            number(self.training.map(|training| training.scale)),
            number(self.training.map(|training| training.start)),
            number(self.scale_ratio),
            number(self.matched_scale_ratio),
            scale(|effective| &effective.low),
            scale(|effective| &effective.high),
            number(errors.map(|[low, _]| low)),
            number(errors.map(|[_, high]| high)),
            self.best.map(|protocol| protocol.to_string()).unwrap_or_default(),
            self.problem.clone().unwrap_or_default(),
        ]
    }
}

/// The protocol with the lowest error, where some have one; `None` for a norm.
fn best_protocol(problem: &Problem) -> Option<Protocol> {
    let Problem { transfer, samples, trained, .. } = problem;
    let Trained::Network(estimator) = trained else { return None };
    let mut protocols = vec![
        Protocol::REBALANCED,
        Protocol::Continued,
        Protocol::ReadoutReset,
        Protocol::ProbeKept,
        Protocol::ProbeReset,
        Protocol::probe_rebalanced(1.0).ok()?,
        Protocol::FrozenReadout,
    ];
    if !protocols.contains(&transfer.protocol()) {
        protocols.insert(0, transfer.protocol());
    }
    let solver = Solver::new().with_estimator(*estimator);
    let ranking = solver.rank_protocols(transfer, samples, &protocols).ok()?;
    Some(ranking.best().protocol)
}

/// Errors that message passing reaches after pretraining, and without it, where they have answers.
fn bayes(problem: &Problem) -> [Option<f64>; 2] {
    let Problem { transfer, samples, .. } = problem;
    [BayesOptimal::of_transfer(transfer), BayesOptimal::from_scratch(transfer.task())].map(
        |learner| {
            let solution = learner.and_then(|learner| learner.solve(samples)).ok()?;
            Some(solution.message_passing().generalization_error())
        },
    )
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

/// Copies the table, each row as soon as it and all before it have their answers; returns whether all
/// have.
fn evaluate(input: Box<dyn Read + Send>, arguments: &Arguments) -> Result<bool, String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
    let header = reader.byte_headers().map_err(|error| error.to_string())?.clone();
    let columns = Columns::locate(&header, &[], &OUTPUTS)?;
    let outputs = OUTPUTS.iter().map(|name| name.as_bytes());
    let mut table = Table::create(Path::new("-"), columns.carried(&header).chain(outputs))?;
    let work = |row: csv::Result<ByteRecord>| {
        let row = row.map_err(|error| error.to_string())?;
        let answer = Answer::new(&columns, &row, arguments);
        let fields = answer.fields();
        let row = csv_row(columns.carried(&row).chain(fields.iter().map(String::as_bytes)))?;
        Ok::<_, String>((answer.problem.is_none(), row))
    };
    let mut complete = true;
    // The error is `None` once nobody reads any more.
    let take = |answers: Vec<Result<(bool, Vec<u8>), String>>| {
        let mut rows = Vec::new();
        let read = answers.into_iter().try_for_each(|answer| {
            let (has_answer, row) = answer?;
            complete &= has_answer;
            rows.extend(row);
            Ok::<_, String>(())
        });
        // What comes before an unreadable row is good.
        table.write_rows(&rows)?;
        read?;
        if table.is_closed() { Err(None) } else { Ok(()) }
    };
    match in_order(reader.into_byte_records(), work, take) {
        Err(Some(problem)) => Err(problem),
        Err(None) => Ok(true),
        Ok(()) => Ok(complete),
    }
}

/// Runs the program; whether every row has an answer, or why there is no result.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, String> {
    open(&arguments.input).and_then(|input| evaluate(input, arguments))
}

fn main() -> ExitCode {
    exit_code("evaluate", run(&Arguments::parse()).map_err(Into::into))
}
