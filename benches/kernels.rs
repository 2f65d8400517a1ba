//! Time of the scalar kernels.

use criterion::{Criterion, criterion_group, criterion_main};
use diagonet::{Initialization, Penalty, ScaleMap, Scales};
use std::hint::black_box;

fn kernels(criterion: &mut Criterion) {
    for scale in [1e-6, 1e-3, 1.0] {
        let penalty = Penalty::new(scale).expect("a legal scale");
        let initialization =
            Initialization::new(Scales { absolute: scale, relative: -0.5 }).expect("legal scales");
        let map = ScaleMap::new(initialization, 0.1).expect("a legal readout scale");
        let name = |kernel: &str| format!("{kernel}/{scale:e}");
        criterion.bench_function(&name("value"), |b| b.iter(|| penalty.value(black_box(0.7))));
        criterion
            .bench_function(&name("derivative"), |b| b.iter(|| penalty.derivative(black_box(0.7))));
        criterion
            .bench_function(&name("curvature"), |b| b.iter(|| penalty.curvature(black_box(0.7))));
        criterion.bench_function(&name("l_order"), |b| b.iter(|| penalty.l_order(black_box(0.7))));
        criterion.bench_function(&name("proximal"), |b| {
            b.iter(|| penalty.proximal(black_box(0.7), black_box(0.3)));
        });
        criterion.bench_function(&name("fine_tuning_scale"), |b| {
            b.iter(|| map.fine_tuning_scale(black_box(0.7)));
        });
        criterion.bench_function(&name("weights"), |b| {
            b.iter(|| initialization.weights(black_box(0.7)));
        });
    }
}

criterion_group!(benches, kernels);
criterion_main!(benches);
