//! The problems of `learning_curves` and `validate`: every regime on every task.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use diagonet::Regime;

use super::curves::{Figure, Panel, Series};
use super::problem::{Options, RelativeScale, Statement, default_variance};
use super::typeset::short;

/// Options that say which problems.
#[derive(Args)]
pub(crate) struct Problems {
    /// Where to draw the figure; - is standard output.
    #[arg(long, default_value = concat!(env!("CARGO_CRATE_NAME"), ".svg"))]
    pub(crate) svg: PathBuf,
    /// Where to write the curves; - is standard output.
    #[arg(long, default_value = concat!(env!("CARGO_CRATE_NAME"), ".csv"))]
    pub(crate) csv: PathBuf,
    /// Absolute scale of pretraining.
    #[arg(long, default_value_t = 1e-3, allow_negative_numbers = true)]
    c_pt: f64,
    /// Regimes with their relative and readout scales; give the flag once for each. The relative scale
    /// is lambda, or `lambda_gap=` and 1 + lambda.
    #[arg(
        long = "regime",
        value_name = "NAME:LAMBDA:GAMMA",
        allow_hyphen_values = true,
        default_values_t = reference_regimes()
    )]
    pub(crate) regimes: Vec<NamedRegime>,
    /// Tasks with their fine-tuning densities and overlaps; give the flag once for each.
    #[arg(
        long = "task",
        value_name = "NAME:RHO_FT:OVERLAP",
        default_values = [
            "no overlap, rho_FT = 0.1:0.1:0",
            "full overlap, rho_FT = 0.1:0.1:1",
            "full overlap, rho_FT = 0.01:0.01:1",
        ]
    )]
    pub(crate) tasks: Vec<NamedTask>,
    /// Fraction of coordinates that are active in pretraining.
    #[arg(long, default_value_t = 0.1, allow_negative_numbers = true)]
    rho_pt: f64,
    /// Magnitude of the pretrained coefficients.
    #[arg(long, default_value_t = 1.0, allow_negative_numbers = true)]
    beta_pt: f64,
    /// Variance of the active fine-tuning coefficients [default: the inverse of their density].
    #[arg(long, allow_negative_numbers = true)]
    var_ft: Option<f64>,
    /// Variance of the label noise.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    noise_var: f64,
    /// Largest sample ratio.
    #[arg(long, default_value_t = 0.5, allow_negative_numbers = true)]
    alpha_max: f64,
    /// Error at which lines leave the figure.
    #[arg(long, default_value_t = 1e-8)]
    floor: f64,
    /// Number of sample ratios of the lines, evenly spaced.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    points: u32,
}

/// A regime by name.
#[derive(Debug, Clone)]
pub(crate) struct NamedRegime {
    pub(crate) name: String,
    relative_scale: RelativeScale,
    gamma: f64,
}

/// A task by name.
#[derive(Debug, Clone)]
pub(crate) struct NamedTask {
    pub(crate) name: String,
    rho_ft: f64,
    overlap: f64,
}

/// The reference points of the four regimes.
fn reference_regimes() -> Vec<NamedRegime> {
    let names = [
        "I rich, independent",
        "II lazy, dependent",
        "III lazy, independent",
        "IV rich, dependent",
    ];
    let named = Regime::ALL.into_iter().zip(names).map(|(regime, name)| {
        let scale_map = regime.reference().expect("reference points are legal");
        NamedRegime {
            name: name.into(),
            relative_scale: RelativeScale::Lambda(scale_map.pretraining().relative_scale()),
            gamma: scale_map.readout_scale(),
        }
    });
    named.collect()
}

/// The text that [`FromStr`] reads.
impl fmt::Display for NamedRegime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.relative_scale {
            RelativeScale::Lambda(lambda) => write!(f, "{}:{lambda}:{}", self.name, self.gamma),
            RelativeScale::Gap(gap) => write!(f, "{}:lambda_gap={gap}:{}", self.name, self.gamma),
        }
    }
}

fn fields(text: &str) -> Result<[&str; 3], String> {
    let fields: Vec<_> = text.split(':').collect();
    let fields = fields.try_into();
    fields.map_err(|_| "expected a name and two numbers, separated by colons".into())
}

fn parse(field: &str) -> Result<f64, String> {
    field.trim().parse().map_err(|_| format!("'{field}' is not a number"))
}

impl FromStr for NamedRegime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let [name, relative_scale, gamma] = fields(text)?;
        let (relative_scale, gamma) = (relative_scale.parse()?, parse(gamma)?);
        Ok(Self { name: name.into(), relative_scale, gamma })
    }
}

impl FromStr for NamedTask {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let [name, rho_ft, overlap] = fields(text)?;
        Ok(Self { name: name.into(), rho_ft: parse(rho_ft)?, overlap: parse(overlap)? })
    }
}

impl Problems {
    /// The problem of a regime on a task.
    pub(crate) fn statement(
        &self,
        task: &NamedTask,
        regime: &NamedRegime,
        sample_ratio: f64,
    ) -> Statement {
        Statement {
            rho_pt: self.rho_pt,
            rho_ft: task.rho_ft,
            overlap: task.overlap,
            beta_pt_active: self.beta_pt,
            var_ft_active: self.var_ft.unwrap_or(default_variance(task.rho_ft)),
            c_pt: self.c_pt,
            relative_scale: regime.relative_scale,
            gamma_ft: regime.gamma,
            alpha_ft: sample_ratio,
            noise_var: self.noise_var,
            more: Options::default(),
        }
    }

    /// `count` evenly spaced sample ratios, up to the largest.
    pub(crate) fn ratios(&self, count: u32) -> Vec<f64> {
        (1..=count).map(|i| self.alpha_max * f64::from(i) / f64::from(count)).collect()
    }

    /// The sample ratios of the lines.
    pub(crate) fn line_ratios(&self) -> Vec<f64> {
        self.ratios(self.points)
    }

    /// The figure of the problems, a panel for every task, with lines of reference after those of the
    /// regimes.
    pub(crate) fn figure(&self, panels: Vec<Panel>, references: &[&str]) -> Figure {
        let regime = |NamedRegime { name, relative_scale, gamma }: &NamedRegime| Series {
            name: format!("{name} ({relative_scale}, gamma = {})", short(*gamma)),
            is_reference: false,
        };
        let reference = |name: &&str| Series { name: (*name).into(), is_reference: true };
        let series = self.regimes.iter().map(regime).chain(references.iter().map(reference));
        let premises = format!(
            "c_PT = {}, rho_PT = {}, beta_PT = {}, noise variance {}; lines end at an error of {:e}",
            short(self.c_pt),
            short(self.rho_pt),
            short(self.beta_pt),
            short(self.noise_var),
            self.floor
        );
        Figure {
            title: "Generalization error against sample ratio in the regimes of fine-tuning".into(),
            panels,
            series: series.collect(),
            x_axis: "sample ratio alpha = N/D".into(),
            y_axis: "generalization error".into(),
            x_min: None,
            x_max: self.alpha_max,
            floor: self.floor,
            premises: vec![premises],
        }
    }
}
