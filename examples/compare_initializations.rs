//! Three initializations on one task: which features each of them gets wrong.

use diagonet::{
    Densities, FeatureClass, Initialization, Law, Samples, ScaleMap, Scales, Solver, Supports, Task,
};

fn main() -> diagonet::Result<()> {
    let task =
        Task::new(Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 0.6 })?)?;
    let samples = Samples::new(0.25)?.with_noise_variance(0.01)?;
    let candidates = [
        ("balanced layers, readout at zero", 0.0, 0.0),
        ("small first layer, readout at zero", -0.98, 0.0),
        ("balanced layers, large readout", 0.0, 3.0),
    ];
    for (name, relative_scale, readout_scale) in candidates {
        let pretraining = Initialization::new(Scales { absolute: 1e-3, relative: relative_scale })?;
        let law = Law::fine_tuning(&task, &ScaleMap::new(pretraining, readout_scale)?)?;
        let solution = Solver::new().solve(&law, &samples)?;
        println!("{name}: error {:.4}", solution.generalization_error());
        for class in FeatureClass::ALL {
            // What a class adds to the total, not the error of one of its features.
            let share = task.supports().probability(class)
                * solution.error_of(class).expect("the law has all classes");
            println!("    {class:16} {share:.4}");
        }
    }
    Ok(())
}
