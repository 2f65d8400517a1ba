//! Time of a best initialization, over two parameters and over three, and of the samples that a
//! target needs.

use criterion::{Criterion, criterion_group, criterion_main};
use diagonet::{
    CoordinateGroup, Densities, Initialization, InitializationDesign, Law, Prior, Samples,
    ScaleMap, Scales, Solver, Supports, Task, Transfer,
};
use std::hint::black_box;

/// Four features in five shared: the optimum lies inside of the box.
fn task() -> Task {
    let supports = Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 0.8 })
        .expect("feasible");
    Task::new(supports).expect("a density that is not tiny")
}

fn design(criterion: &mut Criterion) {
    let samples = Samples::new(0.25).expect("a legal ratio");
    let samples = samples.with_noise_variance(0.01).expect("legal noise");
    let mut slow = criterion.benchmark_group("optimum");
    slow.sample_size(20);
    for scale in [1e-6, 1e-3, 1.0] {
        let design = InitializationDesign::new(&task(), samples, scale).expect("a legal scale");
        slow.bench_function(format!("two/{scale:e}"), |b| {
            b.iter(|| black_box(&design).optimum());
        });
    }
    let design = InitializationDesign::new(&task(), samples, 1e-3).expect("a legal scale");
    let all = design.clone().with_absolute_scales(1e-6..=1.0).expect("a legal range");
    slow.bench_function("three", |b| b.iter(|| black_box(&all).optimum()));
    let pretraining = Samples::new(0.4).and_then(|samples| samples.with_noise_variance(0.01));
    let finite = design.clone().with_pretraining_samples(pretraining.expect("legal samples"));
    slow.bench_function("two/finite_pretraining", |b| b.iter(|| black_box(&finite).optimum()));
    slow.finish();

    let pretraining =
        Initialization::new(Scales { absolute: 1e-3, relative: -0.9 }).expect("legal scales");
    let map = ScaleMap::new(pretraining, 0.0).expect("a legal readout scale");
    let law = Law::fine_tuning(&task(), &map).expect("scales within range");
    let mut ratio = criterion.benchmark_group("required_sample_ratio");
    ratio.sample_size(10);
    ratio.bench_function("law", |b| {
        b.iter(|| Solver::new().required_sample_ratio(black_box(&law), 0.01, 0.3));
    });
    let group = |i: u32| {
        let prior = if i < 10 { Prior::gaussian(0.0, 10.0)? } else { Prior::ZERO };
        let scale = 10.0_f64.powf(-4.0 + 0.04 * f64::from(i * 37 % 100));
        CoordinateGroup::new(i.to_string(), 0.01, prior, scale)
    };
    let groups = (0..100).map(group).collect::<Result<_, _>>().expect("legal groups");
    let hundred = Law::new(groups).expect("weights of one");
    ratio.bench_function("hundred_groups", |b| {
        b.iter(|| Solver::new().required_sample_ratio(black_box(&hundred), 0.01, 0.3));
    });
    let pretraining = Samples::new(0.4).expect("a legal ratio");
    let transfer = Transfer::new(&task(), map).with_pretraining_samples(pretraining);
    ratio.bench_function("finite_pretraining", |b| {
        b.iter(|| Solver::new().required_sample_ratio(black_box(&transfer), 0.01, 0.3));
    });
    ratio.bench_function("design", |b| {
        b.iter(|| black_box(&design).required_sample_ratio(0.3));
    });
    ratio.bench_function("design_finite_pretraining", |b| {
        b.iter(|| black_box(&finite).required_sample_ratio(0.3));
    });
    ratio.finish();
}

criterion_group!(benches, design);
criterion_main!(benches);
