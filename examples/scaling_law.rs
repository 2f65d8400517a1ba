//! Scaling laws: how the error falls with samples where inputs and coefficients fall off as powers.

use diagonet::{Estimator, Law, PowerLaw, Samples, Solver};

fn main() -> diagonet::Result<()> {
    let (features, bins, scale) = (1_000_000_000, 120, 1.0);
    let noise = 0.1;
    let lazy = Solver::new().with_estimator(Estimator::Lazy);
    let ridge = lazy.with_explicit_penalty(2.0 * noise)?;
    println!("exponents between 1e4 and 1e5 samples, and those of the literature");
    println!("  a    b    equal scales      matched scales    matched, with noise");
    for (a, b) in [(1.5, 0.5), (1.2, 1.3), (1.5, 2.0), (1.5, 3.0)] {
        let spectrum =
            PowerLaw { features, bins, input_exponent: a, coefficient_exponent: b, scale };
        let equal = Law::power_law(spectrum)?;
        let matched = equal.with_matched_scales()?;
        let exponent = |solver: &Solver, law: &Law, noise: f64| -> diagonet::Result<f64> {
            let error = |samples: f64| {
                let samples = Samples::new(samples / features as f64)?;
                solver.solve(law, &samples.with_noise_variance(noise)?)
            };
            let [few, many] = [error(1e4)?, error(1e5)?].map(|s| s.generalization_error());
            Ok((few / many).log10())
        };
        // Bordelon et al. 2020 (arXiv:2002.02561) and Cui et al. 2021 (arXiv:2105.15004): equal scales
        // saturate at 2a. Caponnetto and De Vito 2007: the best ridge regression under noise.
        println!(
            "{a:3.1}  {b:3.1}    {:.3} ({:.3})     {:.3} ({:.3})     {:.3} ({:.3})",
            exponent(&lazy, &equal, 0.0)?,
            f64::min(a + b - 1.0, 2.0 * a),
            exponent(&lazy, &matched, 0.0)?,
            a + b - 1.0,
            exponent(&ridge, &matched, noise)?,
            (a + b - 1.0) / (a + b),
        );
    }
    Ok(())
}
