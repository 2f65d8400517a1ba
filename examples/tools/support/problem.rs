//! A problem in numbers and words: as the options of a program or the row of a table state it.

use std::fmt;
use std::str::FromStr;

use diagonet::{
    Densities, Error, Estimator, FeatureClass, GapScales, Initialization, LabelNoise, Optimizer,
    Prior, Protocol, Samples, ScaleMap, Scales, Supports, Task, Transfer,
};

use super::files::number;
use super::norm::{Norm, NormName};
use super::table::Row;
use super::typeset::short;

/// The columns of a problem, for the explanation of a program.
pub(crate) const COLUMNS: &str = "\
The header must name, in any order:
  rho_pt, rho_ft, overlap   statistics of the supports
  beta_pt_active            root mean square of the active pretraining coefficients
  var_ft_active             variance of the active fine-tuning coefficients
  c_pt, lambda_pt           initialization of pretraining
  gamma_ft                  readout scale of fine-tuning
  alpha_ft, noise_var       samples per coordinate, and variance of the label noise
In the place of lambda_pt, or beside it, lambda_gap may stand: 1 + lambda, which keeps its digits next
to lambda = -1. A row says one of the two, or the same in both.
It may name, with empty fields for the default:
  alpha_pt, noise_pt_var    samples and noise of pretraining (unlimited data, no noise)
  pretraining_magnitude     constant or gaussian active pretraining coefficients (constant)
  correlation               of shared coefficients in the two tasks, from -1 to 1 (0)
  protocol                  rebalanced, continued, rescaled, learning_rates, readout_reset, probe_kept,
                            probe_reset, probe_rebalanced, frozen_readout or adapter (rebalanced)
  protocol_x, protocol_y    its parameters: input gain of rebalanced and probe_rebalanced (1); factors of
                            first layer and readout of rescaled; rate of the readout over that of the first
                            layer of learning_rates; first layer of the branch of adapter. For rebalanced,
                            readout_reset and probe_reset, protocol_y is the readout scale, in the place of
                            gamma_ft. Fields of what a protocol has not are empty
  learning_rate, batch      fine-tuning by stochastic gradients (gradient flow; 1 sample a step)
  label_noise_var, label_noise_steps
                            variance of noise on the labels of every step, and the number of steps that it
                            lasts over that of coordinates (no noise)
  weight_decay_integral     of weight decay that is switched off before the end, over time (0)
  method                    auto, quadrature, lazy or rich for networks (auto); ridge, lasso or elastic_net for
                            norms with an explicit penalty, from scratch on the data of fine-tuning
  penalty                   kappa of ridge, kappa |b|^2/2, of lasso, kappa |b|, and of elastic_net,
                            kappa (|b| + mu |b|^2/2) (the best one)
  curvature                 mu of elastic_net (1)
  input_variance_shared, input_variance_new, input_variance_pt_only, input_variance_none
                            variances of the inputs of the four groups of features, in units of 1/D (1)
Other columns may have any name that does not look like a misspelling of these: names that differ
from them only by case, or by case and one letter, are refused.";

/// Columns that a table of problems has, but for one of two that say the same.
pub(crate) const REQUIRED: [&str; 11] = [
    "rho_pt",
    "rho_ft",
    "overlap",
    "beta_pt_active",
    "var_ft_active",
    "c_pt",
    "lambda_pt",
    "lambda_gap",
    "gamma_ft",
    "alpha_ft",
    "noise_var",
];

/// Columns of training beyond gradient flow.
const TRAINING: [&str; 5] =
    ["learning_rate", "batch", "label_noise_var", "label_noise_steps", "weight_decay_integral"];

/// All columns that a table may have.
pub(crate) fn optional() -> impl Iterator<Item = &'static str> {
    OPTIONAL.into_iter().chain(TRAINING)
}

/// Columns that it may have, but for those of training.
pub(crate) const OPTIONAL: [&str; 14] = [
    "alpha_pt",
    "noise_pt_var",
    "pretraining_magnitude",
    "correlation",
    "protocol",
    "protocol_x",
    "protocol_y",
    "method",
    "penalty",
    "curvature",
    "input_variance_shared",
    "input_variance_new",
    "input_variance_pt_only",
    "input_variance_none",
];

/// The columns of input variances, in the order of the classes.
const INPUT_VARIANCES: [&str; 4] = [
    "input_variance_shared",
    "input_variance_new",
    "input_variance_pt_only",
    "input_variance_none",
];

/// Whether two columns say the same number.
pub(crate) fn is_alternative(name: &str, other: &str) -> bool {
    matches!((name, other), ("lambda_pt", "lambda_gap") | ("lambda_gap", "lambda_pt"))
}

/// The relative scale of pretraining, as it was given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum RelativeScale {
    /// lambda itself.
    Lambda(f64),
    /// 1 + lambda, which keeps its digits next to lambda = -1.
    Gap(f64),
}

impl RelativeScale {
    pub(crate) fn initialization(self, absolute_scale: f64) -> diagonet::Result<Initialization> {
        match self {
            Self::Lambda(lambda) => {
                Initialization::new(Scales { absolute: absolute_scale, relative: lambda })
            }
            Self::Gap(gap) => Initialization::from_lambda_gap(GapScales {
                absolute: absolute_scale,
                lambda_gap: gap,
            }),
        }
    }

    /// From the two columns of a row.
    fn parse(row: &Row<'_>) -> Result<Self, String> {
        match (row.number("lambda_pt")?, row.number("lambda_gap")?) {
            (None, Some(gap)) => Ok(Self::Gap(gap)),
            (Some(lambda), None) => Ok(Self::Lambda(lambda)),
            // Neither: what the row says of the missing number.
            (None, None) => row.required("lambda_pt").map(Self::Lambda),
            // The gap has more digits, or as many.
            (Some(lambda), Some(gap)) if (gap - 1.0 - lambda).abs() <= 2.0 * f64::EPSILON => {
                Ok(Self::Gap(gap))
            }
            (Some(lambda), Some(gap)) => {
                Err(format!("lambda_pt = {lambda:?} is not lambda_gap = {gap:?} less 1"))
            }
        }
    }

    /// The two columns, one of them empty.
    fn fields(self) -> [String; 2] {
        match self {
            Self::Lambda(lambda) => [number(lambda), String::new()],
            Self::Gap(gap) => [String::new(), number(gap)],
        }
    }
}

/// As in a figure.
impl fmt::Display for RelativeScale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lambda(lambda) => write!(f, "lambda = {}", short(*lambda)),
            Self::Gap(gap) => write!(f, "1 + lambda = {}", short(*gap)),
        }
    }
}

/// As on a command line: lambda, or `lambda_gap=` and 1 + lambda.
impl FromStr for RelativeScale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = |text: &str| {
            text.trim().parse::<f64>().map_err(|_| format!("'{text}' is not a number"))
        };
        match text.trim().strip_prefix("lambda_gap=") {
            Some(gap) => parse(gap).map(Self::Gap),
            None => parse(text).map(Self::Lambda),
        }
    }
}

/// A problem as it is stated; its numbers may lie outside their domains.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statement {
    pub(crate) rho_pt: f64,
    pub(crate) rho_ft: f64,
    pub(crate) overlap: f64,
    pub(crate) beta_pt_active: f64,
    pub(crate) var_ft_active: f64,
    pub(crate) c_pt: f64,
    pub(crate) relative_scale: RelativeScale,
    pub(crate) gamma_ft: f64,
    pub(crate) alpha_ft: f64,
    pub(crate) noise_var: f64,
    pub(crate) more: Options,
}

/// What is trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Method {
    /// A network, whose error is computed by this estimator.
    Network(Estimator),
    /// A norm, in the place of a network.
    Norm(NormName),
}

/// What a problem need not state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// `None` for unlimited data.
    pub(crate) alpha_pt: Option<f64>,
    pub(crate) noise_pt_var: Option<f64>,
    pub(crate) is_pretraining_gaussian: bool,
    pub(crate) correlation: f64,
    pub(crate) protocol: Protocol,
    pub(crate) optimizer: OptimizerNumbers,
    pub(crate) method: Method,
    /// Penalty and curvature of a norm.
    pub(crate) penalty: Option<f64>,
    pub(crate) curvature: Option<f64>,
    /// Of shared, new, pretraining-only and unused features.
    pub(crate) input_variances: [f64; 4],
}

impl Default for Options {
    fn default() -> Self {
        Self {
            alpha_pt: None,
            noise_pt_var: None,
            is_pretraining_gaussian: false,
            correlation: 0.0,
            protocol: Protocol::default(),
            optimizer: OptimizerNumbers::default(),
            method: Method::Network(Estimator::Auto),
            penalty: None,
            curvature: None,
            input_variances: [1.0; 4],
        }
    }
}

/// Numbers of an optimizer, as they are stated.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OptimizerNumbers {
    learning_rate: Option<f64>,
    batch: Option<usize>,
    label_noise: Option<LabelNoise>,
    weight_decay_integral: Option<f64>,
}

impl OptimizerNumbers {
    fn parse(row: &Row<'_>) -> Result<Self, String> {
        let noise = ["label_noise_var", "label_noise_steps"];
        let label_noise = match (row.number(noise[0])?, row.number(noise[1])?) {
            (None, None) => None,
            (Some(variance), Some(steps_per_coordinate)) => {
                Some(LabelNoise { variance, steps_per_coordinate })
            }
            _ => return Err(format!("{} and {} go together", noise[0], noise[1])),
        };
        Ok(Self {
            learning_rate: row.number("learning_rate")?,
            batch: row.number("batch")?,
            label_noise,
            weight_decay_integral: row.number("weight_decay_integral")?,
        })
    }

    /// The optimizer; `None` for gradient flow.
    fn optimizer(self) -> diagonet::Result<Option<Optimizer>> {
        let Self { learning_rate, batch, label_noise, weight_decay_integral } = self;
        let optimizer = Optimizer::new()
            .with_learning_rate(learning_rate.unwrap_or(0.0))?
            .with_batch(batch.unwrap_or(1))?
            .with_label_noise(label_noise.unwrap_or_default())?
            .with_weight_decay_integral(weight_decay_integral.unwrap_or(0.0))?;
        Ok((optimizer != Optimizer::new()).then_some(optimizer))
    }
}

/// The problem that a statement in its domains states.
pub(crate) struct Problem {
    pub(crate) transfer: Transfer,
    pub(crate) samples: Samples,
    pub(crate) trained: Trained,
    /// How fine-tuning is trained; `None` for gradient flow.
    pub(crate) optimizer: Option<Optimizer>,
}

/// What a problem trains.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Trained {
    /// A network, whose error is computed by this estimator.
    Network(Estimator),
    /// A norm, in the place of a network.
    Norm(Norm),
}

const MAGNITUDES: [(&str, bool); 2] = [("constant", false), ("gaussian", true)];
/// Names of protocols, with the number of parameters that each must have.
const PROTOCOLS: [(&str, usize); 10] = [
    ("rebalanced", 0),
    ("continued", 0),
    ("rescaled", 2),
    ("learning_rates", 1),
    ("readout_reset", 0),
    ("probe_kept", 0),
    ("probe_reset", 0),
    ("probe_rebalanced", 0),
    ("frozen_readout", 0),
    ("adapter", 1),
];
const METHODS: [(&str, Method); 7] = [
    ("auto", Method::Network(Estimator::Auto)),
    ("quadrature", Method::Network(Estimator::Quadrature)),
    ("lazy", Method::Network(Estimator::Lazy)),
    ("rich", Method::Network(Estimator::Rich)),
    ("ridge", Method::Norm(NormName::Ridge)),
    ("lasso", Method::Norm(NormName::Lasso)),
    ("elastic_net", Method::Norm(NormName::ElasticNet)),
];

/// The variance of active coefficients of fine-tuning where none is given: the inverse of their
/// density, so that the mean square of all coefficients is 1.
pub(crate) fn default_variance(rho_ft: f64) -> f64 {
    1.0 / rho_ft
}

impl Statement {
    /// Reads the row of a table.
    pub(crate) fn parse(row: &Row<'_>) -> Result<Self, String> {
        let (protocol, readout_scale) = protocol(row)?;
        Ok(Self {
            rho_pt: row.required("rho_pt")?,
            rho_ft: row.required("rho_ft")?,
            overlap: row.required("overlap")?,
            beta_pt_active: row.required("beta_pt_active")?,
            var_ft_active: row.required("var_ft_active")?,
            c_pt: row.required("c_pt")?,
            relative_scale: RelativeScale::parse(row)?,
            gamma_ft: match readout_scale {
                Some(readout_scale) => readout_scale,
                None => row.required("gamma_ft")?,
            },
            alpha_ft: row.required("alpha_ft")?,
            noise_var: row.required("noise_var")?,
            more: Options {
                is_pretraining_gaussian: row.choice("pretraining_magnitude", &MAGNITUDES)?,
                protocol,
                optimizer: OptimizerNumbers::parse(row)?,
                method: row.choice("method", &METHODS)?,
                penalty: row.number("penalty")?,
                curvature: row.number("curvature")?,
                input_variances: input_variances(row)?,
                correlation: row.number("correlation")?.unwrap_or(0.0),
                alpha_pt: row.number("alpha_pt")?,
                noise_pt_var: row.number("noise_pt_var")?,
            },
        })
    }

    /// The required columns of a table, for a row that reads as this problem.
    pub(crate) fn fields(&self) -> [String; REQUIRED.len()] {
        let [lambda_pt, lambda_gap] = self.relative_scale.fields();
        [
            number(self.rho_pt),
            number(self.rho_ft),
            number(self.overlap),
            number(self.beta_pt_active),
            number(self.var_ft_active),
            number(self.c_pt),
            lambda_pt,
            lambda_gap,
            number(self.gamma_ft),
            number(self.alpha_ft),
            number(self.noise_var),
        ]
    }

    /// The optional columns.
    pub(crate) fn optional_fields(&self) -> [String; OPTIONAL.len()] {
        let Options { alpha_pt, noise_pt_var, is_pretraining_gaussian, .. } = self.more;
        let Options { correlation, protocol, method, penalty, curvature, .. } = self.more;
        let [shared, new, pt_only, none] = self.more.input_variances.map(number);
        let is_default = protocol == Protocol::default();
        let mut parameters = protocol.parameters().into_iter().filter(|_| !is_default);
        [
            number(alpha_pt),
            number(noise_pt_var),
            name(&MAGNITUDES, is_pretraining_gaussian),
            number(correlation),
            protocol.name().to_owned(),
            number(parameters.next()),
            number(parameters.next()),
            name(&METHODS, method),
            number(penalty),
            number(curvature),
            shared,
            new,
            pt_only,
            none,
        ]
    }

    /// Checks the numbers.
    pub(crate) fn problem(&self) -> diagonet::Result<Problem> {
        let Options { alpha_pt, noise_pt_var, protocol, .. } = self.more;
        let prior = Prior::atom(self.beta_pt_active)?;
        let prior = if self.more.is_pretraining_gaussian {
            Prior::gaussian(0.0, prior.mean_square())?
        } else {
            prior
        };
        let task = Task::new(Supports::new(Densities {
            pretraining: self.rho_pt,
            fine_tuning: self.rho_ft,
            overlap: self.overlap,
        })?)?
        .with_pretraining_prior(prior)?
        .with_fine_tuning_variance(self.var_ft_active)?
        .with_correlation(self.more.correlation)?;
        let mut variances = FeatureClass::ALL.into_iter().zip(self.more.input_variances);
        let task = variances
            .try_fold(task, |task, (class, variance)| task.with_input_variance(class, variance))?;
        let pretraining = self.relative_scale.initialization(self.c_pt)?;
        let scale_map = ScaleMap::new(pretraining, self.gamma_ft)?;
        let samples = Samples::new(self.alpha_ft)?.with_noise_variance(self.noise_var)?;
        let mut transfer = Transfer::new(&task, scale_map).with_protocol(protocol);
        // Of unlimited data the noise does not matter, but has to be one.
        let pretraining = Samples::new(alpha_pt.unwrap_or(1.0))?
            .with_noise_variance(noise_pt_var.unwrap_or(0.0))?;
        if alpha_pt.is_some() {
            transfer = transfer.with_pretraining_samples(pretraining);
        }
        let optimizer = self.more.optimizer.optimizer()?;
        Ok(Problem { transfer, samples, trained: self.more.trained(), optimizer })
    }
}

impl Options {
    fn trained(&self) -> Trained {
        match self.method {
            Method::Network(estimator) => Trained::Network(estimator),
            Method::Norm(name) => {
                let (penalty, curvature) = (self.penalty, self.curvature.unwrap_or(1.0));
                Trained::Norm(Norm { name, penalty, curvature })
            }
        }
    }
}

impl Problem {
    /// Reads the row of a table.
    pub(crate) fn parse(row: &Row<'_>) -> Result<Self, String> {
        let statement = Statement::parse(row)?;
        let Options { method, penalty, curvature, .. } = statement.more;
        let is_penalized = matches!(method, Method::Norm(_));
        let is_net = method == Method::Norm(NormName::ElasticNet);
        // What would have no effect was meant to have one.
        for (name, value, has_effect, methods) in [
            ("penalty", penalty, is_penalized, "ridge, lasso and elastic_net"),
            ("curvature", curvature, is_net, "elastic_net"),
        ] {
            if let Some(value) = value.filter(|_| !has_effect) {
                return Err(format!("{name} = '{value:?}' is not empty, but is for {methods}"));
            }
        }
        statement.problem().map_err(|error| error.to_string())
    }
}

/// The protocol of a row, from three columns, and the readout scale that they say.
fn protocol(row: &Row<'_>) -> Result<(Protocol, Option<f64>), String> {
    let needed = row.choice("protocol", &PROTOCOLS)?;
    let name = row.text("protocol").unwrap_or("rebalanced".into());
    let fields = ["protocol_x", "protocol_y"];
    let mut parameters = [row.number(fields[0])?, row.number(fields[1])?];
    let resets_readout = ["rebalanced", "readout_reset", "probe_reset"].contains(&&*name);
    let readout_scale = if resets_readout { parameters[1].take() } else { None };
    let parameters: Vec<f64> = match parameters {
        [None, Some(_)] => return Err("protocol_y is given without protocol_x".to_owned()),
        parameters => parameters.into_iter().flatten().collect(),
    };
    match Protocol::from_name(&name, &parameters) {
        Err(Error::UnknownName { .. }) => Err(if parameters.len() < needed {
            format!("{} = '' is not a number, for {name}", fields[parameters.len()])
        } else {
            let last = parameters.len() - 1;
            format!("{} = '{:?}' is not empty, for {name}", fields[last], parameters[last])
        }),
        Ok(protocol) => Ok((protocol, readout_scale)),
        Err(error) => Err(error.to_string()),
    }
}

/// The input variances of a row.
fn input_variances(row: &Row<'_>) -> Result<[f64; 4], String> {
    let mut variances = [1.0; 4];
    for (variance, name) in variances.iter_mut().zip(INPUT_VARIANCES) {
        *variance = row.number(name)?.unwrap_or(1.0);
    }
    Ok(variances)
}

fn name<T: PartialEq>(choices: &[(&str, T)], value: T) -> String {
    let found = choices.iter().find(|(_, choice)| *choice == value);
    found.map_or(String::new(), |(name, _)| (*name).to_owned())
}
