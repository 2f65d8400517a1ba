//! Pretraining on finite data, fine-tuning after it, and what fine-tuning forgets.

use diagonet::{
    Densities, Initialization, Prior, Protocol, Samples, ScaleMap, Scales, Solver, Supports, Task,
    Transfer,
};

fn main() -> diagonet::Result<()> {
    let task =
        Task::new(Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 1.0 })?)?
            .with_pretraining_prior(Prior::gaussian(0.0, 5.0)?)?
            .with_correlation(0.8)?;
    let scale_map =
        ScaleMap::new(Initialization::new(Scales { absolute: 0.01, relative: -0.9 })?, 0.0)?;
    let samples = Samples::new(0.25)?;

    println!("protocol    pretraining samples  its error  error  saved  forgotten");
    for protocol in [Protocol::REBALANCED, Protocol::Continued] {
        for ratio in [0.1, 0.4, 0.8] {
            let pretraining = Samples::new(ratio)?.with_noise_variance(0.01)?;
            let transfer = Transfer::new(&task, scale_map)
                .with_pretraining_samples(pretraining)
                .with_protocol(protocol);
            let solution = Solver::new().solve(&transfer, &samples)?;
            let before = solution.pretraining.as_ref().map_or(0.0, |s| s.generalization_error());
            let forgotten = solution.fine_tuning.forgetting()?.unwrap_or(0.0);
            println!(
                "{:10} {ratio:20}  {before:9.4}  {:.3}  {:.3}  {forgotten:9.4}",
                format!("{protocol:?}"),
                solution.fine_tuning.generalization_error(),
                solution.error_reduction()?,
            );
        }
    }
    Ok(())
}
