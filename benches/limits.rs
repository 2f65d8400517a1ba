//! Time of the closed forms.

use criterion::{Criterion, criterion_group, criterion_main};
use diagonet::{
    Densities, Estimator, Initialization, Law, PowerLaw, RecoveryThreshold, Samples, ScaleMap,
    Scales, Solver, Supports, Task, minimum_l2, ordinary_least_squares, rich_weights, weighted_l1,
    weighted_l2,
};
use std::hint::black_box;

fn limits(criterion: &mut Criterion) {
    let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 })
        .expect("feasible");
    let task = Task::new(supports).expect("a density that is not tiny");
    let pretraining =
        Initialization::new(Scales { absolute: 1e-3, relative: -0.9 }).expect("legal scales");
    let map = ScaleMap::new(pretraining, 0.0).expect("a legal readout scale");
    let law = Law::fine_tuning(&task, &map).expect("scales within range");
    let weights = rich_weights(&law);
    let samples = |ratio: f64| {
        let samples = Samples::new(ratio).expect("a legal ratio");
        samples.with_noise_variance(0.1).expect("a legal variance")
    };
    let (few, many) = (samples(0.3), samples(1.5));
    criterion.bench_function("ordinary_least_squares", |b| {
        b.iter(|| ordinary_least_squares(black_box(&law), &many));
    });
    criterion.bench_function("minimum_l2", |b| b.iter(|| minimum_l2(black_box(&law), &few)));
    criterion.bench_function("weighted_l2", |b| b.iter(|| weighted_l2(black_box(&law), &few)));
    criterion.bench_function("weighted_l1", |b| {
        b.iter(|| weighted_l1(black_box(&law), &weights, &few));
    });
    let lasso = Solver::new().with_estimator(Estimator::Rich);
    criterion.bench_function("tuned_lasso", |b| {
        b.iter(|| lasso.best_explicit_penalty(black_box(&law), &few));
    });
    let spectrum = PowerLaw {
        features: 1_000_000,
        bins: 60,
        input_exponent: 1.5,
        coefficient_exponent: 0.5,
        scale: 1.0,
    };
    let power_law = Law::power_law(spectrum).expect("legal exponents");
    let thousand = Samples::new(1e-3).expect("a legal ratio");
    criterion.bench_function("power_law", |b| b.iter(|| Law::power_law(black_box(spectrum))));
    criterion.bench_function("weighted_l2/power_law", |b| {
        b.iter(|| weighted_l2(black_box(&power_law), &thousand));
    });
    criterion.bench_function("recovery_threshold", |b| {
        b.iter(|| RecoveryThreshold::of_law(black_box(&law), &weights));
    });
}

criterion_group!(benches, limits);
criterion_main!(benches);
