//! The problems of `learning_curves` and `validate`: every regime on every task.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use diagonet::{Initialization, Samples, ScaleMap, Supports, Task, Transfer};

use crate::panels::{Figure, Panel};

/// Options that say which problems.
#[derive(Args)]
pub(crate) struct Problems {
    /// Where to draw the figure.
    #[arg(long, default_value = concat!(env!("CARGO_CRATE_NAME"), ".svg"))]
    pub(crate) svg: PathBuf,
    /// Where to write the curves; - is standard output.
    #[arg(long, default_value = concat!(env!("CARGO_CRATE_NAME"), ".csv"))]
    pub(crate) csv: PathBuf,
    /// Absolute scale of pretraining.
    #[arg(long, default_value_t = 1e-3, allow_negative_numbers = true)]
    c_pt: f64,
    /// Regimes with their relative and readout scales; give the flag once for each.
    #[arg(
        long = "regime",
        value_name = "NAME:LAMBDA:GAMMA",
        allow_hyphen_values = true,
        default_values = [
            "I rich, independent:-0.999999:1e-6",
            "II lazy, dependent:0:0",
            "III lazy, independent:0:10",
            "IV rich, dependent:-0.99:0",
        ]
    )]
    pub(crate) regimes: Vec<Named>,
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
    pub(crate) tasks: Vec<Named>,
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

/// A name with two numbers.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) numbers: [f64; 2],
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fields: Vec<_> = text.split(':').collect();
        let [name, first, second] = fields[..] else {
            return Err("expected a name and two numbers, separated by colons".into());
        };
        let number =
            |field: &str| field.trim().parse().map_err(|_| format!("'{field}' is not a number"));
        Ok(Self { name: name.into(), numbers: [number(first)?, number(second)?] })
    }
}

impl Problems {
    /// The problem of a regime on a task.
    pub(crate) fn transfer(&self, task: &Named, regime: &Named) -> diagonet::Result<Transfer> {
        let [rho_ft, overlap] = task.numbers;
        let supports = Supports::from_overlap(self.rho_pt, rho_ft, overlap)?;
        let mut task = Task::new(supports)?.with_pretraining_magnitude(self.beta_pt)?;
        if let Some(variance) = self.var_ft {
            task = task.with_fine_tuning_variance(variance)?;
        }
        let [lambda, gamma] = regime.numbers;
        let pretraining = Initialization::from_scales(self.c_pt, lambda)?;
        Ok(Transfer::new(&task, ScaleMap::new(pretraining, gamma)?))
    }

    /// The samples of a point.
    pub(crate) fn samples(&self, sample_ratio: f64) -> diagonet::Result<Samples> {
        Samples::new(sample_ratio)?.with_noise_variance(self.noise_var)
    }

    /// Variance of the label noise.
    pub(crate) fn noise_variance(&self) -> f64 {
        self.noise_var
    }

    /// `count` evenly spaced sample ratios, up to the largest.
    pub(crate) fn ratios(&self, count: u32) -> Vec<f64> {
        (1..=count).map(|i| self.alpha_max * f64::from(i) / f64::from(count)).collect()
    }

    /// The sample ratios of the lines.
    pub(crate) fn line_ratios(&self) -> Vec<f64> {
        self.ratios(self.points)
    }

    /// The figure of the problems, a panel for every task.
    pub(crate) fn figure(&self, panels: Vec<Panel>) -> Figure<'static> {
        let series = self.regimes.iter().map(|Named { name, numbers: [lambda, gamma] }| {
            format!("{name} (lambda {lambda}, gamma {gamma})")
        });
        let premises = format!(
            "c_PT = {:?}, rho_PT = {:?}, beta_PT = {:?}, noise {:?}; lines end at an error of {:e}",
            self.c_pt, self.rho_pt, self.beta_pt, self.noise_var, self.floor
        );
        Figure {
            panels,
            series: series.collect(),
            x_axis: "sample ratio alpha = N / D",
            y_axis: "generalization error",
            x_max: self.alpha_max,
            floor: self.floor,
            premises: vec![premises],
        }
    }
}
