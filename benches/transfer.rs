//! Time of both stages: pretraining on finite data, and fine-tuning after it.

use criterion::{Criterion, criterion_group, criterion_main};
use diagonet::{
    Densities, Initialization, Prior, Protocol, Samples, ScaleMap, Scales, Solver, Supports, Task,
    Transfer,
};
use std::hint::black_box;

/// Half of the fine-tuning support shared, noisy pretraining below one sample a coordinate.
fn transfer(prior: Prior, protocol: Protocol) -> Transfer {
    let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 })
        .expect("feasible");
    let task = Task::new(supports)
        .and_then(|task| task.with_pretraining_prior(prior))
        .and_then(|task| task.with_correlation(0.8))
        .expect("a legal task");
    let pretraining =
        Initialization::new(Scales { absolute: 0.01, relative: -0.9 }).expect("legal scales");
    let map = ScaleMap::new(pretraining, 0.0).expect("a legal readout scale");
    let samples = Samples::new(0.4).and_then(|samples| samples.with_noise_variance(0.01));
    Transfer::new(&task, map)
        .with_protocol(protocol)
        .with_pretraining_samples(samples.expect("legal samples"))
}

fn two_stages(criterion: &mut Criterion) {
    let priors = [("constant", Prior::atom(1.0)), ("gaussian", Prior::gaussian(0.0, 5.0))];
    let samples = Samples::new(0.25).expect("a legal ratio");
    let solver = Solver::new();
    for (name, prior) in priors {
        let prior = prior.expect("a legal prior");
        for (protocol, how) in
            [(Protocol::REBALANCED, "rebalanced"), (Protocol::Continued, "continued")]
        {
            let transfer = transfer(prior, protocol);
            let report = solver.solve(&transfer, &samples).expect("a solution");
            let groups = report.law().groups().len();
            println!("{name}, {how}: {groups} groups, last change {:e}", report.change);
            criterion.bench_function(&format!("two_stages/{name}/{how}"), |b| {
                b.iter(|| solver.solve(black_box(&transfer), &samples));
            });
            criterion.bench_function(&format!("statistics/{name}/{how}"), |b| {
                b.iter(|| black_box(&report).statistics(0.1));
            });
        }
    }
}

/// Fine-tuning alone: a learning curve, whose points have their pretraining in common.
fn fine_tuning(criterion: &mut Criterion) {
    let prior = Prior::gaussian(0.0, 5.0).expect("a legal prior");
    let ratios: Vec<f64> = (1..=20).map(|i| 0.02 * f64::from(i)).collect();
    for (protocol, how) in
        [(Protocol::REBALANCED, "rebalanced"), (Protocol::Continued, "continued")]
    {
        let transfer = transfer(prior, protocol);
        criterion.bench_function(&format!("fine_tuning_of_20_points/{how}"), |b| {
            b.iter(|| Solver::new().learning_curve(black_box(&transfer), 0.0, &ratios));
        });
    }
}

criterion_group!(benches, two_stages, fine_tuning);
criterion_main!(benches);
