//! Time of a fixed point: cold, warm, and along a learning curve.

use criterion::{Criterion, criterion_group, criterion_main};
use diagonet::{Densities, Initialization, Law, Samples, ScaleMap, Scales, Solver, Supports, Task};
use std::hint::black_box;

const SCALES: [f64; 3] = [1e-6, 1e-3, 1.0];

/// The four groups of a task with partial overlap, all of them with weight.
fn law(scale: f64) -> Law {
    let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 })
        .expect("feasible");
    let task = Task::new(supports).expect("a density that is not tiny");
    let pretraining =
        Initialization::new(Scales { absolute: scale, relative: 0.0 }).expect("legal scales");
    let map = ScaleMap::new(pretraining, 0.0).expect("a legal readout scale");
    Law::fine_tuning(&task, &map).expect("scales within range")
}

fn samples(sample_ratio: f64) -> Samples {
    Samples::new(sample_ratio).expect("a legal ratio")
}

fn fixed_point(criterion: &mut Criterion) {
    let ratios: Vec<f64> = (1..=100).map(|i| 0.005 * f64::from(i)).collect();
    for scale in SCALES {
        let law = law(scale);
        let solver = Solver::new();
        let cold = solver.solve(&law, &samples(0.25)).expect("a solution").state;
        let neighbour = solver.solve(&law, &samples(0.245)).expect("a solution").state;
        let warm_nodes = solver
            .solve_from(&law, &samples(0.25), &neighbour)
            .expect("a solution")
            .state
            .integrand_evaluations;
        let curve_nodes: usize = solver
            .learning_curve(&law, 0.0, &ratios)
            .iter()
            .map(|point| point.as_ref().expect("a solution").state.integrand_evaluations)
            .sum();
        println!(
            "c = {scale:e}: integrand evaluations cold {}, warm {warm_nodes}, curve {curve_nodes}",
            cold.integrand_evaluations
        );
        criterion.bench_function(&format!("cold/{scale:e}"), |b| {
            b.iter(|| solver.solve(black_box(&law), &samples(0.25)));
        });
        criterion.bench_function(&format!("warm/{scale:e}"), |b| {
            b.iter(|| solver.solve_from(black_box(&law), &samples(0.25), &neighbour));
        });
        criterion.bench_function(&format!("curve_of_100/{scale:e}"), |b| {
            b.iter(|| solver.learning_curve(black_box(&law), 0.0, &ratios));
        });
    }
}

/// A grid over relative and readout scales, of 100 by 100 points.
fn sweep(criterion: &mut Criterion) {
    const SIDE: usize = 100;
    let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 });
    let task = supports.and_then(Task::new).expect("feasible");
    let share = |i: usize| i as f64 / (SIDE - 1) as f64;
    let problem = |row, column| {
        let scales = Scales { absolute: 1e-3, relative: 2.0 * share(row) - 1.0 };
        let readout = 10.0_f64.powf(4.0 * share(column) - 3.0);
        let map = ScaleMap::new(Initialization::new(scales)?, readout)?;
        Ok((Law::fine_tuning(&task, &map)?, Samples::new(0.25)?))
    };
    let mut group = criterion.benchmark_group("sweep");
    group.sample_size(10);
    group.bench_function("100x100", |b| {
        b.iter(|| {
            Solver::new().solve_grid(SIDE, SIDE, problem, |solution| {
                solution.map(|solution| solution.generalization_error())
            })
        });
    });
    group.finish();
}

criterion_group!(benches, fixed_point, sweep);
criterion_main!(benches);
