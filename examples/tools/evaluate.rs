//! Generalization errors for a table of problems, CSV in and CSV out.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use csv::ByteRecord;
use diagonet::{
    BayesOptimal, EffectiveScale, Error, Feature, FeatureClass, InductiveBias, Law, Protocol,
    ProtocolBias, RecoveryThreshold, Regime, ScaleAndStart, ShrunkScale, Solution, Solver,
    Statistics, TransferSolution,
};
use support::files::{Table, exit_code, number, open};
use support::problem::{COLUMNS, Problem};
use support::table::{Columns, Row};

#[allow(dead_code, reason = "each program uses a part of it")]
mod support;

const EXPLANATION: &str = "\
Evaluates the exact generalization error of fine-tuning for every row of a CSV table, and the
inductive bias behind it.";

const OUTPUT: &str = "\
The rows are written to standard output with these columns, which replace columns of the same name;
all others are carried through.
  error, s2, theta       generalization error, effective noise variance and penalty
  err_shared, err_new, err_pt_only, err_none
                         error by group of coordinates
  estimator              quadrature, lazy, rich or least squares: what was used
  difference_bound       bound on what its error differs by from that of quadrature; 0 where it is
                         exact, empty where no bound is known
  error_pt               generalization error of pretraining on its own task
  forgetting             mean square distance of the fine-tuned coefficients to the pretrained ones
  error_scratch          generalization error of training from scratch on the same data
  error_bayes            least error that message passing reaches with the same data and the same
                         knowledge of pretraining: no protocol or initialization is below it
  error_bayes_scratch    the same without pretraining
  price                  error over error_bayes, the price of implicit bias
  l_order, pretraining_dependence, regime, feature_price
                         inductive bias of a reused feature, at beta_FT = sqrt(var_ft_active) and
                         beta_PT = beta_pt_active; the price is that of a new one against it. With a
                         start, the displacement is held fixed, and the point may leave the triangle
  recovery_threshold     samples per coordinate from which an l1 norm with this price recovers the
                         task without noise; inf where it never does, empty for protocols with other
                         scales or starts than rebalanced
  scale_active, start_active
                         scale and start of fine-tuning where pretraining ended at beta_pt_active
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
struct Arguments {
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

const OUTPUTS: [&str; 28] = [
    "error",
    "s2",
    "theta",
    "err_shared",
    "err_new",
    "err_pt_only",
    "err_none",
    "estimator",
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
    from_scratch: Option<Solution>,
    bayes: [Option<f64>; 2],
    statistics: Option<Statistics>,
    training: Option<ScaleAndStart>,
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
        let Problem { transfer, samples, estimator, optimizer } = problem;
        let solver = Solver::new().with_estimator(*estimator);
        let report = solver.solve(transfer, samples);
        self.report = report.as_ref().ok().cloned();
        self.from_scratch = report.as_ref().ok().and_then(|report| report.from_scratch().ok());
        let effective = match (&report, optimizer) {
            (Ok(report), Some(optimizer)) => report.effective_scale(optimizer).map(Some),
            _ => Ok(None),
        };
        self.effective = effective.as_ref().ok().cloned().flatten();
        let statistics = report.and_then(|report| report.statistics(0.0));
        self.statistics = statistics.as_ref().ok().cloned();
        let (task, scale_map) = (transfer.task(), transfer.scale_map());
        let protocol = transfer.protocol();
        let magnitude = task.pretraining_prior().mean_square().sqrt();
        let coefficient = task.shared_prior().mean_square().sqrt();
        let feature = Feature { pretrained_coefficient: magnitude, coefficient };
        self.training = protocol.scale_and_start(&scale_map, magnitude).ok();
        if protocol != Protocol::REBALANCED {
            let bias = ProtocolBias::of_feature(&protocol, &scale_map, feature);
            self.bias = bias.as_ref().ok().copied().map(Bias::from);
            statistics?;
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
        statistics?;
        effective?;
        threshold?;
        Ok(())
    }

    /// The output columns.
    fn fields(&self) -> [String; OUTPUTS.len()] {
        let report = self.report.as_ref();
        let tuned = report.map(|report| &report.fine_tuning);
        let pretraining = report.and_then(|report| report.pretraining.as_ref());
        let from_scratch = self.from_scratch.as_ref();
        let group = |class: FeatureClass| number(tuned.and_then(|r| r.error_of(class)));
        // Unlimited data leave no error.
        let exact = report.filter(|report| report.pretraining.is_none()).map(|_| 0.0);
        let error = tuned.map(Solution::generalization_error);
        let price = error.zip(self.bayes[0]).map(|(error, least)| error / least);
        // Both may recover exactly.
        let price = price.filter(|price| price.is_finite());
        let forgetting = self.statistics.as_ref().and_then(|s| s.total.forgetting);
        let errors = self.effective.as_ref().map(EffectiveScale::generalization_errors);
        let scale = |end: fn(&EffectiveScale) -> &ShrunkScale| {
            let factor = self.effective.as_ref().map(|effective| end(effective).factor());
            number(self.training.zip(factor).map(|(training, factor)| training.scale * factor))
        };
        [
            number(tuned.map(|r| r.generalization_error())),
            number(tuned.map(|r| r.state.effective_noise_variance)),
            number(tuned.map(|r| r.state.effective_penalty)),
            group(FeatureClass::Shared),
            group(FeatureClass::New),
            group(FeatureClass::PretrainingOnly),
            group(FeatureClass::Unused),
            tuned.map(|r| r.estimator.to_string()).unwrap_or_default(),
            number(tuned.and_then(|r| r.difference_bound)),
            number(pretraining.map(|r| r.generalization_error()).or(exact)),
            number(forgetting),
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
            scale(|effective| &effective.low),
            scale(|effective| &effective.high),
            number(errors.map(|[low, _]| low)),
            number(errors.map(|[_, high]| high)),
            self.best.map(|protocol| protocol.to_string()).unwrap_or_default(),
            self.problem.clone().unwrap_or_default(),
        ]
    }
}

/// The protocol with the lowest error, where some have one.
fn best_protocol(problem: &Problem) -> Option<Protocol> {
    let Problem { transfer, samples, estimator, .. } = problem;
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

/// Copies the table, each row as soon as it has its answers; returns whether all have.
fn evaluate(input: Box<dyn Read>, arguments: &Arguments) -> Result<bool, String> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
    let header = reader.byte_headers().map_err(|error| error.to_string())?.clone();
    let columns = Columns::locate(&header, &[], &OUTPUTS)?;
    let outputs = OUTPUTS.iter().map(|name| name.as_bytes());
    let mut table = Table::create(Path::new("-"), columns.carried(&header).chain(outputs))?;
    let mut complete = true;
    for row in reader.byte_records() {
        let row = row.map_err(|error| error.to_string())?;
        let answer = Answer::new(&columns, &row, arguments);
        complete &= answer.problem.is_none();
        let fields = answer.fields();
        table.write(columns.carried(&row).chain(fields.iter().map(String::as_bytes)))?;
        if table.is_closed() {
            return Ok(true);
        }
    }
    Ok(complete)
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let evaluated = open(&arguments.input).and_then(|input| evaluate(input, &arguments));
    exit_code("evaluate", evaluated.map_err(Into::into))
}
