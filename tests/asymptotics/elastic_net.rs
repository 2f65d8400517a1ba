//! Norms with an explicit penalty: ridge regression, LASSO and elastic nets, against their limits and
//! minima at finite size.

use crate::common::relative_error;
use diagonet::{
    CoordinateGroup, ElasticNet, Estimator, Law, Prior, Samples, Solution, Solver, weighted_l1,
};
use nalgebra::{DMatrix, DVector};
use statrs::distribution::{ContinuousCDF, Normal};

fn law(scales: [f64; 2]) -> Law {
    Law::new(vec![
        CoordinateGroup::new("slab", 0.2, Prior::gaussian(0.5, 4.0).unwrap(), scales[0]).unwrap(),
        CoordinateGroup::new("none", 0.8, Prior::ZERO, scales[1]).unwrap(),
    ])
    .unwrap()
}

fn net(curvature: f64) -> Estimator {
    Estimator::ElasticNet(ElasticNet::new(curvature).unwrap())
}

fn samples(sample_ratio: f64, noise_variance: f64) -> Samples {
    Samples::new(sample_ratio).unwrap().with_noise_variance(noise_variance).unwrap()
}

fn solve(estimator: Estimator, law: &Law, samples: &Samples, kappa: f64) -> Solution {
    let solver = Solver::new().with_estimator(estimator).with_explicit_penalty(kappa).unwrap();
    let solution = solver.solve(law, samples).unwrap();
    assert_eq!(solution.estimator, estimator);
    solution
}

#[test]
fn without_curvature_it_is_lasso() {
    let law = law([0.3, 0.01]);
    for samples in [samples(0.3, 0.1), samples(0.8, 0.0), samples(2.0, 0.5)] {
        for kappa in [1e-6, 0.1, 3.0] {
            let lasso = solve(Estimator::Rich, &law, &samples, kappa);
            let same = solve(net(0.0), &law, &samples, kappa);
            let close = solve(net(1e-12), &law, &samples, kappa);
            let gap = relative_error(same.generalization_error(), lasso.generalization_error());
            assert!(gap < 1e-13, "{gap:e}");
            let gap = relative_error(close.generalization_error(), lasso.generalization_error());
            assert!(gap < 1e-10, "{gap:e}");
            let [a, b] = [&same, &lasso].map(|s| s.statistics(0.1).unwrap().total);
            assert!(relative_error(a.mean, b.mean) < 1e-14);
            assert!(relative_error(a.discovery_rate, b.discovery_rate) < 1e-14);
        }
    }
}

#[test]
fn without_a_penalty_lasso_is_weighted_l1() {
    let law = law([0.3, 0.01]);
    let samples = samples(0.3, 0.1);
    let weights = diagonet::rich_weights(&law);
    let limit = weighted_l1(&law, &weights, &samples).unwrap().generalization_error();
    let lasso = solve(Estimator::Rich, &law, &samples, 1e-13).generalization_error();
    assert!(relative_error(lasso, limit) < 1e-11);
}

#[test]
fn with_large_curvature_it_is_ridge_regression() {
    // kappa w mu b²/2 = ridge b²/(4c) at c = 1/2.
    let equal = law([0.5, 0.5]);
    let weight = diagonet::rich_weights(&equal)[0];
    for samples in [samples(0.3, 0.1), samples(0.8, 0.0), samples(2.0, 0.5)] {
        for ridge in [1e-3, 0.1, 3.0] {
            let expected = solve(Estimator::Lazy, &equal, &samples, ridge);
            let curvature = 1e9;
            let solution = solve(net(curvature), &equal, &samples, ridge / (curvature * weight));
            let gap =
                relative_error(solution.generalization_error(), expected.generalization_error());
            assert!(gap < 1e-8, "{gap:e}");
        }
    }
}

/// `theta (alpha - R) = kappa` with `a = 1/(1 + theta)`, by bisection.
#[test]
fn the_lazy_limit_with_a_penalty_is_ridge_regression() {
    let equal = law([0.5, 0.5]);
    let signal = equal.mean_square();
    for (alpha, noise, kappa) in [(0.4, 0.2, 0.3), (1.5, 0.2, 1e-3), (1.0, 0.0, 2.0)] {
        let (mut low, mut high) = (0.0_f64, 1e6_f64);
        for _ in 0..200 {
            let theta = 0.5 * (low + high);
            let excess = theta * (alpha - 1.0 / (1.0 + theta)) - kappa;
            *(if excess < 0.0 { &mut low } else { &mut high }) = theta;
        }
        let share = 1.0 / (1.0 + low);
        let bias = (1.0 - share).powi(2) * signal;
        let error = bias + share * share * (noise + bias) / (alpha - share * share);
        let solution = solve(Estimator::Lazy, &equal, &samples(alpha, noise), kappa);
        assert!(relative_error(solution.generalization_error(), error) < 1e-12);
        assert!(relative_error(solution.state.effective_penalty, low) < 1e-12);
    }
}

#[cfg(feature = "quadrature")]
#[test]
fn the_lazy_limit_with_a_penalty_is_that_of_the_implicit_one() {
    let far = law([3e6, 1e6]);
    let kappa = 1e6;
    let exact = solve(Estimator::Quadrature, &far, &samples(0.7, 0.2), kappa);
    let limit = solve(Estimator::Lazy, &far, &samples(0.7, 0.2), kappa);
    assert!(relative_error(limit.generalization_error(), exact.generalization_error()) < 1e-10);
}

#[test]
fn curves_and_required_samples_are_those_of_points() {
    let law = law([0.3, 0.01]);
    let estimator = net(0.2);
    let solver = Solver::new().with_estimator(estimator).with_explicit_penalty(0.2).unwrap();
    let ratios = [0.2, 0.5, 0.9, 1.0, 1.1, 3.0];
    for (ratio, point) in ratios.iter().zip(solver.learning_curve(&law, 0.1, &ratios)) {
        let cold = solve(estimator, &law, &samples(*ratio, 0.1), 0.2).generalization_error();
        assert!(relative_error(point.unwrap().generalization_error(), cold) < 1e-10);
    }
    let target = 0.3;
    let ratio = solver.required_sample_ratio(&law, 0.1, target).unwrap();
    let reached = solve(estimator, &law, &samples(ratio, 0.1), 0.2).generalization_error();
    assert!(relative_error(reached, target) < 1e-9);
}

#[test]
fn nothing_to_learn_is_learned_without_error() {
    let zero = |weight| CoordinateGroup::new("zero", weight, Prior::ZERO, 1.0).unwrap();
    let rare = CoordinateGroup::new("rare", 0.0, Prior::atom(3.0).unwrap(), 1.0).unwrap();
    let law = Law::new(vec![zero(1.0), rare]).unwrap();
    for estimator in [Estimator::Lazy, Estimator::Rich, net(0.5)] {
        let solution = solve(estimator, &law, &samples(0.5, 0.0), 0.4);
        assert_eq!(solution.generalization_error(), 0.0);
        let error = solution.error_of("rare").unwrap();
        let theta = solution.state.effective_penalty;
        let weight = diagonet::rich_weights(&law)[1];
        let expected = match estimator {
            Estimator::Lazy => 3.0 / (1.0 + 0.5 * theta) - 3.0,
            Estimator::Rich => -(theta * weight).min(3.0),
            _ => (3.0 - theta * weight).max(0.0) / (1.0 + 0.5 * theta * weight) - 3.0,
        };
        assert!(relative_error(error, expected * expected) < 1e-12, "{estimator}: {error}");
        if estimator != Estimator::Lazy {
            assert!(relative_error(theta, 0.8) < 1e-12);
        }
    }
}

/// Numbers from an independent generator.
struct Random(u64);

impl Random {
    fn normal(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        let mut x = self.0 ^ (self.0 >> 33);
        x = x.wrapping_mul(0xff51_afd7_ed55_8ccd);
        let uniform = (((x ^ (x >> 29)) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        Normal::standard().inverse_cdf(uniform)
    }
}

/// The minimum of `|y - X b|²/2 + kappa sum_d w_d (|b_d| + mu b_d²/2)`, one coordinate at a time.
fn coordinate_descent(
    inputs: &DMatrix<f64>,
    labels: &DVector<f64>,
    penalties: &[f64],
    curvature: f64,
) -> DVector<f64> {
    let squares: Vec<f64> = inputs.column_iter().map(|column| column.norm_squared()).collect();
    let mut beta: DVector<f64> = DVector::zeros(inputs.ncols());
    let mut residual = labels.clone();
    for _ in 0..5_000 {
        let mut largest = 0.0_f64;
        for (d, column) in inputs.column_iter().enumerate() {
            let pull = column.dot(&residual) + squares[d] * beta[d];
            let size = (pull.abs() - penalties[d]).max(0.0);
            let next = pull.signum() * size / (squares[d] + penalties[d] * curvature);
            let step: f64 = next - beta[d];
            if step != 0.0 {
                residual.axpy(-step, &column, 1.0);
                beta[d] = next;
                largest = largest.max(step.abs());
            }
        }
        if largest < 1e-9 {
            return beta;
        }
    }
    panic!("coordinate descent did not converge");
}

#[test]
fn it_agrees_with_minima_of_finite_size() {
    const DIMENSION: usize = 400;
    const DRAWS: usize = 24;
    let mut random = Random(20);
    let law = law([0.3, 0.01]);
    let weights = diagonet::rich_weights(&law);
    let group = |d: usize| usize::from(d >= DIMENSION / 5);
    for (curvature, kappa, sample_ratio) in [(0.5, 0.2, 0.5), (0.0, 0.1, 0.5), (2.0, 0.05, 1.5)] {
        let noise = 0.1_f64;
        let rows = (sample_ratio * DIMENSION as f64) as usize;
        let solution = solve(net(curvature), &law, &samples(sample_ratio, noise), kappa);
        let expected = solution.generalization_error();
        let penalties: Vec<f64> = (0..DIMENSION).map(|d| kappa * weights[group(d)]).collect();
        let mut discovered = 0;
        let errors: Vec<f64> = (0..DRAWS)
            .map(|_| {
                let size = (DIMENSION as f64).sqrt();
                let inputs = DMatrix::from_fn(rows, DIMENSION, |_, _| random.normal() / size);
                let truth = DVector::from_fn(DIMENSION, |d, _| {
                    let prior = law.groups()[group(d)].prior();
                    prior.mean() + prior.variance().sqrt() * random.normal()
                });
                let noise = DVector::from_fn(rows, |_, _| noise.sqrt() * random.normal());
                let labels = &inputs * &truth + noise;
                let beta = coordinate_descent(&inputs, &labels, &penalties, curvature);
                discovered += beta.iter().filter(|b| **b != 0.0).count();
                (beta - truth).norm_squared() / DIMENSION as f64
            })
            .collect();
        let mean = errors.iter().sum::<f64>() / DRAWS as f64;
        let variance = errors.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (DRAWS - 1) as f64;
        let deviation = (variance / DRAWS as f64).sqrt();
        let rate = discovered as f64 / (DRAWS * DIMENSION) as f64;
        let expected_rate = solution.statistics(0.0).unwrap().total.discovery_rate;
        println!("{mean} +- {deviation}, theory {expected}; found {rate}, theory {expected_rate}");
        assert!((mean - expected).abs() < 3.0 * deviation + 2.0 * expected / DIMENSION as f64);
        assert!((rate - expected_rate).abs() < 0.01);
    }
}

#[test]
fn extremes_have_an_answer_or_an_error() {
    for estimator in [Estimator::Lazy, Estimator::Rich, net(0.0), net(1e-150), net(1.0), net(1e150)]
    {
        for size in [1e-120, 1.0, 1e120] {
            for kappa in [1e-300, 1e-9, 1.0, 1e300] {
                for (ratio, noise) in [(1e-6, 0.0), (0.5, 0.0), (1.0, 1.0), (3.0, 1e-9)] {
                    let prior = Prior::gaussian(0.3 * size, size * size).unwrap();
                    let law = Law::new(vec![
                        CoordinateGroup::new("slab", 0.2, prior, 1e-3 * size).unwrap(),
                        CoordinateGroup::new("none", 0.8, Prior::ZERO, 10.0 * size).unwrap(),
                    ])
                    .unwrap();
                    let samples = samples(ratio, noise * size * size);
                    let solver = Solver::new()
                        .with_estimator(estimator)
                        .with_explicit_penalty(kappa)
                        .unwrap();
                    // Next to as many samples as coordinates, a weak penalty bounds little.
                    let largest = if ratio == 1.0 { f64::INFINITY } else { 1e12 };
                    if let Ok(solution) = solver.solve(&law, &samples) {
                        let error = solution.generalization_error() / (size * size);
                        assert!(
                            (0.0..largest).contains(&error),
                            "{estimator} {kappa:e}: {error:e}"
                        );
                        // Finite, or an error.
                        let _ = (solution.statistics(0.0), solution.sensitivities());
                    }
                }
            }
        }
    }
}
