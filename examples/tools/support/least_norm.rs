//! The interpolator of least l2 norm, whose error has a known law at any size, against its simulation.

use std::error::Error;
use std::fmt::Write as _;

use diagonet::simulation::{Experiment, FiniteSizeLaw, MonteCarlo};
use diagonet::{CoordinateGroup, Law, Prior, Samples, weighted_l2};

/// Scale of a network that is lazy to the last digit, with coefficients of 1.
const LAZY: f64 = 1e9;

/// Simulates lazy networks of equal scales, and compares with their exact law: a line for every ratio.
pub(crate) fn report(
    ratios: &[f64],
    noise_variance: f64,
    dimension: usize,
    draws: u64,
    seed: u64,
) -> Result<String, Box<dyn Error>> {
    // Only the mean square of coefficients matters, and this one is the same in every draw.
    let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::atom(1.0)?, LAZY)?])?;
    let mut text = String::from(
        "\nleast l2 norm: theory, and the exact law at this size with its 95 % band of the mean\n  \
         alpha   theory    exact      low     high     mean   score\n",
    );
    let mut inside = 0;
    for (index, &ratio) in ratios.iter().enumerate() {
        let samples = Samples::new(ratio)?.with_noise_variance(noise_variance)?;
        let experiment = Experiment::of_law(law.clone(), samples, dimension)?;
        let samples = experiment.samples();
        let finite = FiniteSizeLaw::new(dimension, &samples, 1.0)?;
        let theory = weighted_l2(&law, &samples).map(|solution| solution.generalization_error());
        let run = MonteCarlo::new(draws)?.with_seed(seed.wrapping_add(index as u64));
        let ensemble = run.run(&experiment)?;
        let mean = ensemble.statistic("generalization_error").ok_or("no draws")?.mean;
        let (Some(exact), Some(variance), Some([low, high])) =
            (finite.mean(), finite.variance(), finite.interval_of_mean(0.95, draws)?)
        else {
            writeln!(text, "{:7.3}  no mean or no variance", samples.sample_ratio())?;
            continue;
        };
        let score = (mean - exact) / (variance / draws as f64).sqrt();
        inside += usize::from((low..=high).contains(&mean));
        let theory = theory.unwrap_or(f64::INFINITY);
        writeln!(
            text,
            "{:7.3} {theory:8.5} {exact:8.5} {low:8.5} {high:8.5} {mean:8.5} {score:7.2}",
            samples.sample_ratio(),
        )?;
    }
    writeln!(text, "{inside} of {} means inside of the band", ratios.len())?;
    text.push_str(
        "Of other norms no such law is known. Their intervals are Student's, from the spread of the draws:\n\
         they cover the expectation at this size, and not the difference of order 1/D between that and\n\
         the theory.\n",
    );
    Ok(text)
}
