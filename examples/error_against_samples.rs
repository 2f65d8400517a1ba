//! A learning curve: the error of fine-tuning against samples, beside training from scratch.

use diagonet::{Densities, Initialization, Law, ScaleMap, Scales, Solver, Supports, Task};

fn main() -> diagonet::Result<()> {
    // One feature in ten is used by each task, and eight in ten of them by both.
    let task =
        Task::new(Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 0.8 })?)?;
    let pretraining = Initialization::new(Scales { absolute: 1e-3, relative: -0.9 })?;
    let tuned = Law::fine_tuning(&task, &ScaleMap::new(pretraining, 0.0)?)?;
    let scratch = Law::from_scratch(&task, &pretraining)?;

    let ratios: Vec<f64> = (1..=20).map(|i| 0.02 * f64::from(i)).collect();
    let noise_variance = 0.01;
    let solver = Solver::new();
    let curves = [&tuned, &scratch].map(|law| solver.learning_curve(law, noise_variance, &ratios));

    println!("samples per coordinate  fine-tuning  from scratch");
    for ((ratio, tuned), scratch) in ratios.iter().zip(&curves[0]).zip(&curves[1]) {
        let error = |point: &diagonet::Result<diagonet::Solution>| {
            point.as_ref().map_or(f64::NAN, |solution| solution.generalization_error())
        };
        println!("{ratio:22.2}  {:11.4}  {:12.4}", error(tuned), error(scratch));
    }
    Ok(())
}
