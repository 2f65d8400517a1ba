//! Probe, or fine-tune? Protocols of fine-tuning on one task, for few and for many samples.

use diagonet::{
    Densities, Initialization, LayerFactors, Protocol, Samples, ScaleMap, Scales, Solver, Supports,
    Task, Transfer,
};

fn main() -> diagonet::Result<()> {
    let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.8 })?;
    let task = Task::new(supports)?;
    let pretraining = Initialization::new(Scales { absolute: 0.1, relative: -0.5 })?;
    let transfer = Transfer::new(&task, ScaleMap::new(pretraining, 0.6)?);
    let protocols = [
        Protocol::REBALANCED,
        Protocol::Continued,
        Protocol::rescaled(LayerFactors { first_layer: 0.3, readout: 1.5 })?,
        Protocol::ReadoutReset,
        Protocol::ProbeReset,
        Protocol::adapter(0.3)?,
    ];
    for sample_ratio in [0.05, 0.15, 0.3, 0.6] {
        let samples = Samples::new(sample_ratio)?.with_noise_variance(0.05)?;
        let ranking = Solver::new().rank_protocols(&transfer, &samples, &protocols)?;
        let best = ranking.best();
        let gain = best.solution.error_reduction()?;
        println!("{sample_ratio} samples per coordinate: {ranking}");
        println!("    it saves {gain:.3} of the error of training from scratch");
        let gradient = best.solution.sensitivities()?.generalization_error;
        if let Some(slope) = gradient.first_protocol_parameter {
            println!("    and {slope:+.3} per unit of its parameter");
        }
    }
    Ok(())
}
