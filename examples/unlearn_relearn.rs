//! What a network learned, unlearning of half of it, and how many samples bring it back.

use diagonet::{
    FeatureKind, Initialization, Prior, Protocol, Samples, Scales, Sequence, SequenceStage, Solver,
};

fn main() -> diagonet::Result<()> {
    // Task 0 uses a tenth of the features. Task 1 asks for zero on half of these.
    let prior = Prior::gaussian(0.0, 10.0)?;
    let kinds = vec![
        FeatureKind::in_proportion("forget", 0.05, prior, &[1.0, 0.0])?,
        FeatureKind::in_proportion("retain", 0.05, prior, &[1.0, 1.0])?,
        FeatureKind::known("unused", 0.9, &[0.0, 0.0])?,
    ];
    let initialization = Initialization::new(Scales { absolute: 0.01, relative: 0.0 })?;
    let samples = Samples::new(0.3)?.with_noise_variance(0.01)?;
    let solver = Solver::new();
    let ratio = |sequence: &Sequence| solver.required_sample_ratio(sequence, 0.01, 0.05);

    let scratch = Sequence::new(kinds, initialization)?
        .with_tolerance(1e-3)?
        .with_stage(SequenceStage::on_task(0))?;
    println!("samples per coordinate to an error of 0.05, at first: {:.3}", ratio(&scratch)?);
    println!("protocol    unlearned  forgotten  retained  relearned  samples to relearn");
    for protocol in [Protocol::Continued, Protocol::REBALANCED] {
        let stage = |task: usize| {
            SequenceStage::on_task(task).with_protocol(protocol).with_samples(samples)
        };
        let sequence = scratch.clone().with_stage(stage(1))?.with_stage(stage(0))?;
        let solution = sequence.solve()?;
        let unlearned = &solution.stages[1].errors;
        println!(
            "{:10}  {:9.5}  {:9.3}  {:8.4}  {:9.5}  {:18.3}",
            protocol.to_string(),
            unlearned[1].total,
            unlearned[0].of("forget").unwrap_or_default(),
            unlearned[1].of("retain").unwrap_or_default(),
            solution.generalization_error(),
            ratio(&sequence)?,
        );
    }
    Ok(())
}
