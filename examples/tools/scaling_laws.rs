//! Scaling laws: how the error of several initializations falls with samples, where inputs and
//! coefficients fall off as powers.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use clap::Parser;
use diagonet::{Estimator, Law, PowerLaw, Samples, Solver};
use support::curves::{Figure, Line, Panel, Series};
use support::files::{Table, check_outputs, exit_code, number, report_written};

#[allow(dead_code, reason = "each program uses a part of it")]
mod support;

const EXPLANATION: &str = "\
Computes the error against samples of networks with several initializations, of ridge regression at its
best penalty and of the best weighted ridge regression, for D features with inputs of variance j^-a and
Gaussian coefficients of variance j^-b, as CSV and as one SVG figure on logarithmic axes: a panel for
every spectrum, a line for every learner. Exponents are fitted to the last two decades of samples, and
stand beside those of the literature:

  lazy networks, no noise      min(a + b - 1, 2 a)       Bordelon, Canatar and Pehlevan 2020
                                                         (arXiv:2002.02561)
  lazy networks, noise         0: interpolation never forgets the noise; Cui et al. 2021
                                                         (arXiv:2105.15004)
  ridge, best penalty, noise   g/(1 + g), g = min(a + b - 1, 2 a); Cui et al. 2021
  scales c_j ~ j^-b, as the    a + b - 1, and with noise (a + b - 1)/(a + b); Caponnetto and De Vito 2007
  best weighted ridge          (doi:10.1007/s10208-006-0196-8). No other learner does better: for Gaussian
                               coefficients it is the Bayes-optimal one

of errors ~ N^-exponent for 1 << N << D, a > 1 and a + b > 1. Of rich networks none is known.

The CSV has a row for every point, with the columns spectrum, input_exponent, coefficient_exponent,
noise_var, learner, samples, error, fitted_exponent, known_exponent and problem, which is empty or says
why the point has no answer. The exit code is 0 if every point has an answer, 1 if some point has none, 2
if there are no curves. Giving --spectrum or --scale replaces the default ones.";

/// Computes error against samples for power-law spectra, as CSV and as one SVG figure.
#[derive(Parser)]
#[command(name = "scaling_laws", version, long_about = EXPLANATION)]
struct Arguments {
    /// Where to draw the figure; - is standard output.
    #[arg(long, default_value = "scaling_laws.svg")]
    svg: PathBuf,
    /// Where to write the curves; - is standard output.
    #[arg(long, default_value = "scaling_laws.csv")]
    csv: PathBuf,
    /// Spectra with their exponents a and b and the noise variance; give the flag once for each.
    #[arg(
        long = "spectrum",
        value_name = "NAME:A:B:NOISE",
        default_values = [
            "a = 1.5, b = 0.5:1.5:0.5:0",
            "a = 1.2, b = 3:1.2:3:0",
            "a = 1.2, b = 1.3, noise 0.1:1.2:1.3:0.1",
        ]
    )]
    spectra: Vec<Spectrum>,
    /// Absolute scales of networks, from scratch; give the flag once for each. Those from 100 on count as
    /// lazy.
    #[arg(long = "scale", value_name = "C", default_values_t = [1e6, 1e-2, 1e-12])]
    scales: Vec<f64>,
    /// Number of features.
    #[arg(long, default_value_t = 1_000_000_000)]
    features: u64,
    /// Number of geometric bins of features.
    #[arg(long, default_value_t = 90)]
    bins: usize,
    /// Smallest and largest number of samples.
    #[arg(long, num_args = 2, value_names = ["FIRST", "LAST"], default_values_t = [10.0, 1e6])]
    samples: Vec<f64>,
    /// Number of points of a line, evenly spaced in the logarithm of samples.
    #[arg(long, default_value_t = 41, value_parser = clap::value_parser!(u32).range(3..))]
    points: u32,
}

/// Exponents of inputs and coefficients, and the noise, by name.
#[derive(Debug, Clone)]
struct Spectrum {
    name: String,
    input: f64,
    coefficient: f64,
    noise: f64,
}

impl FromStr for Spectrum {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fields: Vec<_> = text.split(':').collect();
        let [name, input, coefficient, noise] = fields[..] else {
            return Err("expected a name and three numbers, separated by colons".into());
        };
        let parse =
            |field: &str| field.trim().parse().map_err(|_| format!("'{field}' is not a number"));
        let [input, coefficient, noise] = [parse(input)?, parse(coefficient)?, parse(noise)?];
        Ok(Self { name: name.into(), input, coefficient, noise })
    }
}

/// Who learns.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Learner {
    /// A network of equal scales, from scratch.
    Network(f64),
    /// Ridge regression at its best penalty.
    Ridge,
    /// The best weighted ridge regression.
    Matched,
}

/// Scale from which a network counts as lazy: coefficients are at most 1.
const LAZY: f64 = 100.0;

impl fmt::Display for Learner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(scale) if *scale >= LAZY => write!(f, "lazy network, c = {scale:e}"),
            Self::Network(scale) => write!(f, "network, c = {scale:e}"),
            Self::Ridge => f.write_str("ridge, best penalty"),
            Self::Matched => f.write_str("best weighted ridge = Bayes-optimal"),
        }
    }
}

impl Spectrum {
    fn law(&self, arguments: &Arguments, scale: f64) -> diagonet::Result<Law> {
        Law::power_law(PowerLaw {
            features: arguments.features,
            bins: arguments.bins,
            input_exponent: self.input,
            coefficient_exponent: self.coefficient,
            scale,
        })
    }

    /// The exponent of the literature, where there is one.
    fn known_exponent(&self, learner: Learner) -> Option<f64> {
        let Self { input: a, coefficient: b, noise, .. } = *self;
        let (best, equal) = (a + b - 1.0, (a + b - 1.0).min(2.0 * a));
        let with_noise = |exponent: f64| {
            if noise > 0.0 { exponent / (1.0 + exponent) } else { exponent }
        };
        if a <= 1.0 || best <= 0.0 {
            return None;
        }
        match learner {
            Learner::Network(scale) if scale < LAZY => None,
            Learner::Network(_) => Some(if noise > 0.0 { 0.0 } else { equal }),
            Learner::Ridge => Some(with_noise(equal)),
            Learner::Matched => Some(with_noise(best)),
        }
    }

    /// Errors at numbers of samples.
    fn curve(
        &self,
        arguments: &Arguments,
        learner: Learner,
        samples: &[f64],
    ) -> diagonet::Result<Vec<diagonet::Result<f64>>> {
        let lazy = Solver::new().with_estimator(Estimator::Lazy);
        let error = |solution: diagonet::Solution| solution.generalization_error();
        let ratios: Vec<f64> = samples.iter().map(|n| n / arguments.features as f64).collect();
        let solve = |solver: &Solver, law: &Law| -> Vec<_> {
            let curve = solver.learning_curve(law, self.noise, &ratios);
            curve.into_iter().map(|solution| solution.map(error)).collect()
        };
        Ok(match learner {
            Learner::Network(scale) => solve(&Solver::new(), &self.law(arguments, scale)?),
            Learner::Matched => {
                let law = self.law(arguments, 1.0)?.with_matched_scales()?;
                solve(&lazy.with_explicit_penalty(2.0 * self.noise)?, &law)
            }
            Learner::Ridge => {
                let law = self.law(arguments, 1.0)?;
                let best = |&ratio: &f64| {
                    let samples = Samples::new(ratio)?.with_noise_variance(self.noise)?;
                    Ok(lazy.best_explicit_penalty(&law, &samples)?.generalization_error)
                };
                ratios.iter().map(best).collect()
            }
        })
    }
}

/// Minus the slope of the regression line through the logarithms of points, within the last two decades.
fn fitted_exponent(points: &[(f64, Option<f64>)]) -> Option<f64> {
    let last = points.last()?.0;
    let logarithms: Vec<(f64, f64)> = points
        .iter()
        .filter(|(samples, _)| *samples >= 0.999e-2 * last)
        .filter_map(|(samples, error)| Some((samples.ln(), (*error)?.ln())))
        .filter(|(_, error)| error.is_finite())
        .collect();
    let count = logarithms.len() as f64;
    let mean = |part: fn(&(f64, f64)) -> f64| logarithms.iter().map(part).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let products = logarithms.iter().map(|point| (point.0 - x) * (point.1 - y)).sum::<f64>();
    let squares = logarithms.iter().map(|point| (point.0 - x).powi(2)).sum::<f64>();
    (squares > 0.0).then(|| -products / squares)
}

/// The line of a known exponent below the end of a curve, over the last two decades.
fn known_line(points: &[(f64, Option<f64>)], exponent: f64) -> Option<Vec<(f64, Option<f64>)>> {
    /// How far below, so that both are seen.
    const BELOW: f64 = 0.4;
    let &(last, error) = points.last()?;
    let error = error?;
    let ends = [1e-2 * last, last]
        .map(|samples| (samples, Some(BELOW * error * (last / samples).powf(exponent))));
    Some(ends.to_vec())
}

/// Returns whether every point has an answer.
fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    check_outputs(&[&arguments.csv, &arguments.svg])?;
    let [first, last] = arguments.samples[..] else { return Err("two numbers of samples".into()) };
    if !(first > 0.0 && last > first) {
        return Err("numbers of samples have to ascend from above 0".into());
    }
    let steps = f64::from(arguments.points - 1);
    let samples = |index: u32| first * (last / first).powf(f64::from(index) / steps);
    let samples: Vec<f64> = (0..arguments.points).map(samples).collect();
    let learners: Vec<Learner> = arguments
        .scales
        .iter()
        .map(|scale| Learner::Network(*scale))
        .chain([Learner::Ridge, Learner::Matched])
        .collect();
    let header = [
        "spectrum",
        "input_exponent",
        "coefficient_exponent",
        "noise_var",
        "learner",
        "samples",
        "error",
        "fitted_exponent",
        "known_exponent",
        "problem",
    ];
    let mut table = Table::create(&arguments.csv, header)?;
    let (mut panels, mut premises, mut complete) = (Vec::new(), Vec::new(), true);
    for spectrum in &arguments.spectra {
        let mut panel = Panel { title: spectrum.name.clone(), ..Panel::default() };
        let mut exponents = Vec::new();
        for (series, &learner) in learners.iter().enumerate() {
            // Without noise, the best penalty is none: the lazy network.
            if learner == Learner::Ridge && spectrum.noise == 0.0 {
                continue;
            }
            let curve = spectrum.curve(arguments, learner, &samples)?;
            let errors = curve.iter().map(|error| error.as_ref().ok().copied());
            let points: Vec<_> = samples.iter().copied().zip(errors).collect();
            let (fitted, known) = (fitted_exponent(&points), spectrum.known_exponent(learner));
            for ((samples, error), answer) in points.iter().zip(&curve) {
                let problem = answer.as_ref().err().map(ToString::to_string).unwrap_or_default();
                complete &= problem.is_empty();
                table.write([
                    spectrum.name.clone(),
                    number(spectrum.input),
                    number(spectrum.coefficient),
                    number(spectrum.noise),
                    learner.to_string(),
                    number(*samples),
                    number(*error),
                    number(fitted),
                    number(known),
                    problem,
                ])?;
            }
            let fitted = fitted.map_or("none".to_owned(), |fitted| {
                // No minus in front of zero.
                format!("{:.3}", (1e3 * fitted).round() / 1e3 + 0.0)
            });
            exponents.push(match known {
                Some(known) => format!("{fitted} ({known:.3})"),
                None => fitted,
            });
            if let Some(points) = known.and_then(|known| known_line(&points, known)) {
                panel.lines.push(Line { series: learners.len(), points });
            }
            panel.lines.push(Line { series, points });
        }
        premises.push(format!("{}: {}", spectrum.name, exponents.join(", ")));
        panels.push(panel);
    }
    let known = Series { name: "slope of the known exponent".into(), is_reference: true };
    let named = |learner: &Learner| Series { name: learner.to_string(), is_reference: false };
    let caption = format!(
        "inputs of variance j^-a, coefficients of variance j^-b, j = 1 ... {:e}; exponents fitted to the \
         last two decades, in the order of the legend (known):",
        arguments.features as f64
    );
    let figure = Figure {
        title: "Generalization error against samples for power-law spectra, with scaling exponents"
            .into(),
        panels,
        series: learners.iter().map(named).chain([known]).collect(),
        x_axis: "samples N".into(),
        y_axis: "generalization error".into(),
        x_min: Some(first),
        x_max: last,
        floor: 1e-20,
        premises: std::iter::once(caption).chain(premises).collect(),
    };
    figure.draw(&arguments.svg)?;
    report_written(&[&arguments.csv, &arguments.svg]);
    Ok(complete)
}

fn main() -> ExitCode {
    exit_code("scaling_laws", run(&Arguments::parse()))
}
