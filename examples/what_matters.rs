//! What matters: the gradient of fine-tuning's error in all parameters of both stages, ranked.

use diagonet::{
    Densities, Initialization, Samples, ScaleMap, Scales, Solver, Supports, Task, Transfer,
};

fn main() -> diagonet::Result<()> {
    let task =
        Task::new(Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.8 })?)?
            .with_correlation(0.5)?;
    let scale_map =
        ScaleMap::new(Initialization::new(Scales { absolute: 0.01, relative: -0.9 })?, 0.1)?;
    let pretraining = Samples::new(0.5)?.with_noise_variance(0.05)?;
    let transfer = Transfer::new(&task, scale_map).with_pretraining_samples(pretraining);
    let solution =
        Solver::new().solve(&transfer, &Samples::new(0.25)?.with_noise_variance(0.05)?)?;

    let gradient = solution.sensitivities()?.generalization_error;
    let entries = gradient.entries().into_iter();
    let mut known: Vec<_> = entries.filter_map(|(name, slope)| Some((name, slope?))).collect();
    known.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    println!("error {:.4}; its derivatives:", solution.fine_tuning.generalization_error());
    for (name, slope) in known {
        println!("{slope:+10.4}  {name}");
    }
    Ok(())
}
