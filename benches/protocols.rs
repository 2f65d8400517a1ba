//! Time of protocols of fine-tuning, and of sequences of three stages.

use criterion::{Criterion, criterion_group, criterion_main};
use diagonet::{
    Densities, FeatureKind, Initialization, Prior, Protocol, Samples, ScaleMap, Scales, Sequence,
    SequenceStage, Solver, Supports, Task, Transfer,
};
use std::hint::black_box;

fn samples(ratio: f64, noise_variance: f64) -> Samples {
    let samples = Samples::new(ratio).expect("a legal ratio");
    samples.with_noise_variance(noise_variance).expect("a legal variance")
}

/// A point of every protocol after unlimited pretraining, on the four groups of a task.
fn points(criterion: &mut Criterion) {
    let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.8 })
        .expect("feasible");
    let task = Task::new(supports).expect("a density that is not tiny");
    let pretraining =
        Initialization::new(Scales { absolute: 0.1, relative: -0.5 }).expect("legal scales");
    let map = ScaleMap::new(pretraining, 0.6).expect("a legal readout scale");
    let (solver, samples) = (Solver::new(), samples(0.3, 0.05));
    for name in [
        "rebalanced",
        "continued",
        "rescaled 3 0.5",
        "learning_rates 5",
        "readout_reset",
        "adapter 0.3",
        "probe_kept",
        "probe_reset",
        "probe_rebalanced",
        "frozen_readout",
    ] {
        let protocol: Protocol = name.parse().expect("a name");
        let transfer = Transfer::new(&task, map).with_protocol(protocol);
        criterion.bench_function(&format!("protocol/{}", protocol.name()), |b| {
            b.iter(|| solver.solve(black_box(&transfer), &samples));
        });
        let law = transfer.law(0).expect("a law");
        criterion.bench_function(&format!("protocol_of_law/{}", protocol.name()), |b| {
            let solver = match name.starts_with("probe") || name == "frozen_readout" {
                true => solver.with_estimator(diagonet::Estimator::Lazy),
                false => solver,
            };
            b.iter(|| solver.solve(black_box(&law), &samples));
        });
    }
}

/// Learning, unlearning of half of it, and relearning.
fn three_stages(criterion: &mut Criterion) {
    let prior = Prior::gaussian(0.0, 10.0).expect("a legal prior");
    let kinds = || -> diagonet::Result<Vec<FeatureKind>> {
        Ok(vec![
            FeatureKind::in_proportion("forget", 0.05, prior, &[1.0, 0.0])?,
            FeatureKind::in_proportion("retain", 0.05, prior, &[1.0, 1.0])?,
            FeatureKind::known("unused", 0.9, &[0.0, 0.0])?,
        ])
    };
    let initialization =
        Initialization::new(Scales { absolute: 0.01, relative: 0.0 }).expect("legal scales");
    let data = samples(0.3, 0.01);
    for (pretraining, name) in [(None, "unlimited"), (Some(data), "finite")] {
        for protocol in [Protocol::REBALANCED, Protocol::Continued, Protocol::ReadoutReset] {
            let stage = |task: usize| {
                SequenceStage::on_task(task).with_protocol(protocol).with_samples(data)
            };
            let first = SequenceStage::on_task(0);
            let first = match pretraining {
                Some(samples) => first.with_samples(samples),
                None => first,
            };
            let sequence = Sequence::new(kinds().expect("legal kinds"), initialization)
                .and_then(|sequence| sequence.with_stage(first))
                .and_then(|sequence| sequence.with_stage(stage(1)))
                .and_then(|sequence| sequence.with_stage(stage(0)))
                .expect("legal stages");
            criterion.bench_function(&format!("three_stages/{name}/{protocol}"), |b| {
                b.iter(|| black_box(&sequence).solve());
            });
        }
    }
}

criterion_group!(benches, points, three_stages);
criterion_main!(benches);
