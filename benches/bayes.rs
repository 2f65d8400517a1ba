//! Time of the Bayes-optimal learner: a point, a hard point, thresholds, finite pretraining.

use criterion::{Criterion, criterion_group, criterion_main};
use diagonet::{
    BayesOptimal, Densities, Initialization, Prior, Samples, ScaleMap, Scales, Supports, Task,
    Transfer,
};
use std::hint::black_box;

fn task() -> Task {
    let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 })
        .expect("feasible");
    Task::new(supports).expect("a density that is not tiny")
}

fn samples(sample_ratio: f64, noise_variance: f64) -> Samples {
    let samples = Samples::new(sample_ratio).expect("a legal ratio");
    samples.with_noise_variance(noise_variance).expect("a legal variance")
}

fn transfer(correlation: f64) -> Transfer {
    let task = task()
        .with_pretraining_prior(Prior::gaussian(0.0, 5.0).expect("legal"))
        .and_then(|task| task.with_correlation(correlation))
        .expect("legal");
    let pretraining =
        Initialization::new(Scales { absolute: 0.01, relative: -0.9 }).expect("legal scales");
    let map = ScaleMap::new(pretraining, 0.0).expect("a legal readout scale");
    Transfer::new(&task, map).with_pretraining_samples(samples(0.4, 0.01))
}

fn bayes(criterion: &mut Criterion) {
    let learners = [
        ("scratch", BayesOptimal::from_scratch(&task())),
        ("pretrained", BayesOptimal::after_pretraining(&task())),
        ("finite", BayesOptimal::of_transfer(&transfer(0.0))),
        ("finite_correlated", BayesOptimal::of_transfer(&transfer(0.8))),
    ];
    for (name, learner) in learners {
        let learner = learner.expect("a learner");
        for (ratio, noise) in [(0.05, 0.5), (0.25, 0.1), (0.3, 0.001), (0.14, 1e-6), (0.15, 0.0)] {
            criterion.bench_function(&format!("{name}/{ratio}_{noise:e}"), |b| {
                b.iter(|| learner.solve(black_box(&samples(ratio, noise))));
            });
        }
        criterion.bench_function(&format!("{name}/threshold"), |b| {
            b.iter(|| black_box(&learner).message_passing_threshold());
        });
    }
    criterion.bench_function("learner/finite", |b| {
        b.iter(|| BayesOptimal::of_transfer(black_box(&transfer(0.0))));
    });
}

criterion_group!(benches, bayes);
criterion_main!(benches);
