//! A law of your own: any mixture of Gaussians and atoms, with any scales.

use diagonet::{CoordinateGroup, Law, Prior, Samples, Solver};

fn main() -> diagonet::Result<()> {
    // Few strong features that pretraining prepared, many weak ones that it did not, and nothing.
    let law = Law::new(vec![
        CoordinateGroup::new("strong, prepared", 0.02, Prior::atom(4.0)?, 0.5)?,
        CoordinateGroup::new("strong, not prepared", 0.02, Prior::atom(4.0)?, 1e-3)?,
        CoordinateGroup::new("weak", 0.20, Prior::gaussian(0.0, 0.25)?, 1e-3)?,
        CoordinateGroup::new("nothing", 0.76, Prior::ZERO, 1e-3)?,
    ])?;
    for ratio in [0.1, 0.2, 0.4, 0.8] {
        let solution =
            Solver::new().solve(&law, &Samples::new(ratio)?.with_noise_variance(0.01)?)?;
        println!("{ratio} samples per coordinate: error {:.4}", solution.generalization_error());
        let statistics = solution.statistics(0.1)?;
        for (group, estimates) in solution.errors.groups.iter().zip(&statistics.groups) {
            let found = estimates.estimates.discovery_rate;
            println!("    {:20} error {:.4}, found {found:.3}", group.label.as_str(), group.error);
        }
    }
    Ok(())
}
