//! Double descent: the peak of the error where samples meet coordinates, and the penalty that cures it.

use diagonet::{CoordinateGroup, Error, Law, Prior, Samples, Solver};

fn main() -> diagonet::Result<()> {
    let law = Law::new(vec![
        CoordinateGroup::new("features", 0.2, Prior::gaussian(0.0, 5.0)?, 0.1)?,
        CoordinateGroup::new("nothing", 0.8, Prior::ZERO, 0.1)?,
    ])?;
    let strengths = [0.0, 0.01, 0.1, 1.0];
    println!("samples    kappa = 0      0.01       0.1       1.0");
    for ratio in [0.2, 0.5, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.5, 3.0] {
        let samples = Samples::new(ratio)?.with_noise_variance(0.2)?;
        print!("{ratio:7}");
        for kappa in strengths {
            match Solver::new().with_explicit_penalty(kappa)?.solve(&law, &samples) {
                Ok(solution) => print!("  {:10.4}", solution.generalization_error()),
                Err(Error::Diverges { .. }) => print!("    diverges"),
                Err(error) => return Err(error),
            }
        }
        println!();
    }
    Ok(())
}
