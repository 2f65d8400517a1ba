//! Time of one exact end point of training, in factorizations of its matrix, and the time of gradient
//! descent on the same draw.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use diagonet::simulation::{Dataset, Experiment, GradientDescent, Interpolator, Network};
use diagonet::{Densities, Initialization, Samples, ScaleMap, Scales, Supports, Task, Transfer};
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::linalg::solvers::Llt;
use faer::{Accum, Mat, MatRef, Par, Side};
use nalgebra::{DMatrix, DVector};

/// Sizes: coordinates and samples per coordinate.
const SIZES: [(usize, f64); 6] =
    [(1000, 0.157), (1000, 0.45), (2000, 0.157), (2000, 0.45), (5000, 0.157), (5000, 0.45)];

/// Fine-tuning in regime IV on a task with full overlap: data, scales, and the network at its start.
fn problem(dimension: usize, sample_ratio: f64) -> (Dataset, DVector<f64>, Network) {
    let supports = Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 1.0 })
        .expect("feasible");
    let pretraining =
        Initialization::new(Scales { absolute: 1e-3, relative: -0.99 }).expect("legal");
    let map = ScaleMap::new(pretraining, 0.0).expect("legal");
    let task = Task::new(supports).expect("legal");
    let samples = Samples::new(sample_ratio).expect("legal");
    let experiment = Experiment::new(Transfer::new(&task, map), samples, dimension).expect("legal");
    let draw = experiment.draw(1, 0).expect("finite");
    let pretrained = draw.pretraining_coefficients();
    let scales = map.fine_tuning_scales(pretrained).expect("legal");
    let start = map.fine_tuning_initializations(pretrained).expect("legal");
    (draw.data().clone(), scales, Network::new(&start))
}

/// One weighted Gram matrix and its factorization in `f64`, by both libraries.
fn factorize_by_faer(inputs: &DMatrix<f64>) -> f64 {
    let (rows, columns) = inputs.shape();
    let view = MatRef::from_column_major_slice(inputs.as_slice(), rows, columns);
    let mut gram = Mat::zeros(rows, rows);
    let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
    let accumulate = Accum::Replace;
    matmul(gram.as_mut(), lower, accumulate, view, full, view.transpose(), full, 1.0, Par::Seq);
    Llt::new(gram.as_ref(), Side::Lower).expect("positive definite").L()[(0, 0)]
}

fn factorize_by_nalgebra(inputs: &DMatrix<f64>) -> f64 {
    let gram = inputs * inputs.transpose();
    gram.cholesky().expect("positive definite").l_dirty()[(0, 0)]
}

fn median<T>(mut run: impl FnMut() -> T) -> Duration {
    let mut times: Vec<Duration> = (0..3)
        .map(|_| {
            let start = Instant::now();
            black_box(run());
            start.elapsed()
        })
        .collect();
    times.sort();
    times[1]
}

fn interpolator(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("interpolator");
    group.sample_size(10);
    for (dimension, sample_ratio) in SIZES {
        let (data, scales, _) = problem(dimension, sample_ratio);
        group.bench_function(format!("D = {dimension}, N = {}", data.samples()), |bencher| {
            bencher.iter(|| Interpolator::new().solve(black_box(&data), &scales));
        });
        let result = Interpolator::new().solve(&data, &scales).expect("certified");
        let whole = median(|| Interpolator::new().solve(&data, &scales));
        let faer = median(|| factorize_by_faer(data.inputs()));
        let nalgebra = median(|| factorize_by_nalgebra(data.inputs()));
        println!(
            "{} Newton steps in {whole:?}, the time of {:.1} factorizations; one by faer {faer:?}, by \
             nalgebra {nalgebra:?}; residual {:.0e}, gap {:.0e}",
            result.iterations,
            whole.div_duration_f64(faer),
            result.primal_residual,
            result.duality_gap
        );
    }
}

/// Epochs of gradient descent, at a learning rate that is given and at the automatic one. Training is
/// set up for every hundred.
fn epochs(criterion: &mut Criterion) {
    const EPOCHS: usize = 100;
    let mut group = criterion.benchmark_group("gradient descent");
    group.sample_size(10);
    let (data, _, start) = problem(5000, 0.157);
    let descent = GradientDescent::new().with_max_epochs(EPOCHS);
    let fixed = descent.with_learning_rate(0.1).expect("legal");
    for (name, descent) in [("automatic learning rate", descent), ("learning rate 0.1", fixed)] {
        group.bench_function(format!("{EPOCHS} epochs, D = 5000, N = 785, {name}"), |bencher| {
            bencher.iter(|| descent.train(black_box(start.clone()), &data));
        });
    }
}

/// Gradient descent to a training error of 1e-4 on the same draw, at several learning rates. It takes
/// a minute, and runs once.
fn descent(_: &mut Criterion) {
    let (data, scales, start) = problem(5000, 0.157);
    let exact = Interpolator::new().solve(&data, &scales).expect("certified").coefficients;
    let time = median(|| Interpolator::new().solve(&data, &scales));
    println!("D = 5000, N = 785: the exact end point takes {time:?}");
    let descent = GradientDescent::new()
        .with_target_training_error(1e-4)
        .expect("legal")
        .with_max_epochs(1_000_000);
    let at_rate = |rate| descent.with_learning_rate(rate).expect("legal");
    for (name, descent) in [
        ("automatic learning rate", descent),
        ("learning rate 0.1", at_rate(0.1)),
        ("learning rate 0.01", at_rate(0.01)),
    ] {
        let clock = Instant::now();
        let training = descent.train(start.clone(), &data).expect("converging");
        let elapsed = clock.elapsed();
        let distance = training.distance(&exact).expect("finite").sqrt();
        println!(
            "descent, {name}: {elapsed:?} for {} epochs, {:.1} times as long; {distance:.1e} rms from \
             the exact end point",
            training.steps,
            elapsed.div_duration_f64(time)
        );
    }
}

criterion_group!(benches, interpolator, epochs, descent);
criterion_main!(benches);
