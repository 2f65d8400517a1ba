//! The initialization with the lowest error, and how much freedom it leaves.

use diagonet::{Densities, InitializationDesign, Samples, Supports, Task};

fn main() -> diagonet::Result<()> {
    println!("overlap   error   gain  1 + lambda [tolerated]            gamma [tolerated]");
    for overlap in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let task =
            Task::new(Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap })?)?;
        let samples = Samples::new(0.25)?.with_noise_variance(0.01)?;
        let optimum = InitializationDesign::new(&task, samples, 1e-3)?.optimum()?;
        let (gap, readout) = (optimum.one_plus_relative_scale, optimum.readout_scale);
        println!(
            "{overlap:7}  {:.4}  {:5.3}  {:.2e} [{:.1e}, {:.1e}]  {:.2e} [{:.1e}, {:.1e}]",
            optimum.solution.generalization_error(),
            optimum.gain().unwrap_or(f64::NAN),
            gap.value,
            gap.tolerated[0],
            gap.tolerated[1],
            readout.value,
            readout.tolerated[0],
            readout.tolerated[1],
        );
    }
    Ok(())
}
