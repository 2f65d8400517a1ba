//! Time of a gradient against that of the error alone.

use criterion::{Criterion, criterion_group, criterion_main};
use diagonet::{
    Densities, Initialization, Law, Prior, Samples, ScaleMap, Scales, Solver, Supports, Task,
    Transfer,
};
use std::hint::black_box;

fn task() -> Task {
    let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 })
        .expect("feasible");
    Task::new(supports).expect("a density that is not tiny")
}

fn scale_map(scale: f64) -> ScaleMap {
    let pretraining =
        Initialization::new(Scales { absolute: scale, relative: 0.0 }).expect("legal scales");
    ScaleMap::new(pretraining, 0.0).expect("a legal readout scale")
}

/// The law of four groups, in all parameters of the groups and the samples.
fn law(criterion: &mut Criterion) {
    let samples = Samples::new(0.25).expect("a legal ratio");
    let solver = Solver::new();
    for scale in [1e-6, 1e-3, 1.0] {
        let law = Law::fine_tuning(&task(), &scale_map(scale)).expect("scales within range");
        criterion.bench_function(&format!("law/error/{scale:e}"), |b| {
            b.iter(|| solver.solve(black_box(&law), &samples));
        });
        criterion.bench_function(&format!("law/gradient/{scale:e}"), |b| {
            b.iter(|| solver.solve(black_box(&law), &samples).and_then(|s| s.sensitivities()));
        });
    }
}

/// Both stages, in all of their parameters.
fn transfer(criterion: &mut Criterion) {
    let samples = Samples::new(0.25).expect("a legal ratio");
    let pretraining = Samples::new(0.5).expect("a legal ratio");
    let solver = Solver::new();
    let gaussian = Prior::gaussian(0.0, 5.0).expect("a legal prior");
    let task = task().with_pretraining_prior(gaussian).expect("no correlation");
    let finite = Transfer::new(&task, scale_map(1e-3)).with_pretraining_samples(pretraining);
    let unlimited = Transfer::new(&self::task(), scale_map(1e-3));
    for (name, transfer) in [("unlimited", unlimited), ("finite", finite)] {
        criterion.bench_function(&format!("transfer/error/{name}"), |b| {
            b.iter(|| solver.solve(black_box(&transfer), &samples));
        });
        criterion.bench_function(&format!("transfer/gradient/{name}"), |b| {
            b.iter(|| solver.solve(black_box(&transfer), &samples).and_then(|s| s.sensitivities()));
        });
    }
}

criterion_group!(benches, law, transfer);
criterion_main!(benches);
