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

criterion_group!(benches, fixed_point);
criterion_main!(benches);
