//! Time of a bracket of the effective scale against that of a point.

use criterion::{Criterion, criterion_group, criterion_main};
use diagonet::{CoordinateGroup, Law, Optimizer, Prior, Samples, Solver};
use std::hint::black_box;

fn law(scale: f64) -> Law {
    let group = |label: &'static str, weight, variance| {
        let prior = Prior::gaussian(0.0, variance).expect("a legal prior");
        CoordinateGroup::new(label, weight, prior, scale).expect("a legal group")
    };
    Law::new(vec![group("signal", 0.1, 10.0), group("background", 0.9, 0.0)]).expect("a whole")
}

fn bracket(criterion: &mut Criterion) {
    let samples = Samples::new(0.3).expect("a legal ratio");
    let samples = samples.with_noise_variance(0.01).expect("a legal variance");
    let optimizer = Optimizer::new().with_learning_rate(0.2).expect("a legal rate");
    let solver = Solver::new();
    for scale in [1e-6, 0.05, 1.0] {
        let law = law(scale);
        criterion.bench_function(&format!("effective_scale/point/{scale:e}"), |b| {
            b.iter(|| solver.solve(black_box(&law), &samples));
        });
        criterion.bench_function(&format!("effective_scale/bracket/{scale:e}"), |b| {
            b.iter(|| solver.effective_scale(black_box(&law), &samples, &optimizer));
        });
    }
}

criterion_group!(benches, bracket);
criterion_main!(benches);
