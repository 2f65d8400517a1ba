//! Time of the classification of a feature, of its inverse, and of phase diagrams.

use criterion::{Criterion, criterion_group, criterion_main};
use diagonet::{
    Densities, DiagramAxis, Feature, InductiveBias, Initialization, PhaseDiagram, ScaleMap, Scales,
    Supports, TargetBias, Task, TaskBias,
};
use std::hint::black_box;

const FEATURE: Feature = Feature { pretrained_coefficient: 1.0, coefficient: 0.7 };

fn scale_map(scale: f64) -> ScaleMap {
    let pretraining =
        Initialization::new(Scales { absolute: scale, relative: -0.5 }).expect("legal scales");
    ScaleMap::new(pretraining, 0.1).expect("a legal readout scale")
}

fn grid(from: f64, to: f64) -> Vec<f64> {
    (0..200).map(|i| from + (to - from) * f64::from(i) / 199.0).collect()
}

fn inductive_bias(criterion: &mut Criterion) {
    let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 })
        .expect("feasible");
    let task = Task::new(supports).expect("a density that is not tiny");
    for scale in [1e-6, 1e-3, 1.0] {
        let map = scale_map(scale);
        criterion.bench_function(&format!("classification/{scale:e}"), |b| {
            b.iter(|| {
                InductiveBias::of_feature(black_box(&map), black_box(FEATURE))
                    .map(|bias| bias.regime())
            });
        });
        criterion.bench_function(&format!("task/{scale:e}"), |b| {
            b.iter(|| TaskBias::of_task(black_box(&task), black_box(&map)));
        });
    }
    let target = TargetBias { l_order: 1.25, pretraining_dependence: -0.2 };
    criterion.bench_function("realize", |b| {
        b.iter(|| InductiveBias::realize(black_box(target), FEATURE, black_box(1e-3)));
    });
    let (map, relative_scales, readout_scales) = (scale_map(1e-3), grid(-1.0, 1.0), grid(0.0, 3.0));
    let rows = (DiagramAxis::RelativeScale, relative_scales.as_slice());
    let columns = (DiagramAxis::ReadoutScale, readout_scales.as_slice());
    criterion.bench_function("phase_diagram_200x200/feature", |b| {
        b.iter(|| PhaseDiagram::of_feature(black_box(&map), FEATURE, rows, columns));
    });
    let mut slow = criterion.benchmark_group("phase_diagram_200x200");
    slow.sample_size(10);
    slow.bench_function("task", |b| {
        b.iter(|| PhaseDiagram::of_task(black_box(&task), black_box(&map), rows, columns));
    });
    slow.finish();
}

criterion_group!(benches, inductive_bias);
criterion_main!(benches);
