//! Exact recovery: how the error of rich networks closes in on the threshold of the l1 norm.

use diagonet::{CoordinateGroup, Law, Prior, RecoveryThreshold, Samples, Solver};

fn main() -> diagonet::Result<()> {
    let law = |scale: f64| {
        Law::new(vec![
            CoordinateGroup::new("features", 0.1, Prior::gaussian(0.0, 10.0)?, scale)?,
            CoordinateGroup::new("nothing", 0.9, Prior::ZERO, scale)?,
        ])
    };
    let threshold = RecoveryThreshold::of_law(&law(1.0)?, &[1.0, 1.0])?.sample_ratio();
    println!("the l1 norm recovers from {threshold:.6} samples per coordinate on\n");
    println!("samples   c = 1e-3     1e-6    1e-12    1e-30");
    for step in -4..=4 {
        let ratio = threshold + 0.02 * f64::from(step);
        print!("{ratio:7.4}");
        for scale in [1e-3, 1e-6, 1e-12, 1e-30] {
            let solution = Solver::new().solve(&law(scale)?, &Samples::new(ratio)?)?;
            print!("  {:8.1e}", solution.generalization_error());
        }
        println!();
    }
    Ok(())
}
