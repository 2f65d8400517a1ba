//! Penalty weights of groups: inputs of unequal variance, what they do to every form of the penalty,
//! and their derivatives.

use crate::common::relative_error;
use diagonet::{
    CoordinateGroup, Error, Estimator, Law, Prior, RecoveryThreshold, Samples, Solver,
    basis_pursuit, minimum_l2, weighted_l1, weighted_l2,
};

fn samples(sample_ratio: f64, noise_variance: f64) -> Samples {
    Samples::new(sample_ratio).unwrap().with_noise_variance(noise_variance).unwrap()
}

/// Three groups with the given penalty weights.
fn law(scale: f64, penalty_weights: [f64; 3]) -> Law {
    let groups = [
        ("slab", 0.1, Prior::gaussian(0.0, 5.0).unwrap(), scale),
        ("atom", 0.2, Prior::atom(-1.0).unwrap(), 3.0 * scale),
        ("none", 0.7, Prior::ZERO, scale),
    ];
    let group = |((label, weight, prior, scale), k)| {
        CoordinateGroup::new(label, weight, prior, scale).unwrap().with_penalty_weight(k).unwrap()
    };
    Law::new(groups.into_iter().zip(penalty_weights).map(group).collect()).unwrap()
}

#[cfg(feature = "quadrature")]
#[test]
fn inputs_of_unequal_variance_agree_with_an_independent_solver() {
    const BUDGET: f64 = 1e-9;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/structured_inputs.csv");
    let mut rows = 0;
    for row in csv::Reader::from_path(path).unwrap().records() {
        let row = row.unwrap();
        let number = |column: usize| row[column].parse::<f64>().unwrap();
        let mut input_variances = Vec::new();
        let group = |(index, text): (usize, &str)| {
            let parts: Vec<f64> = text.split(':').map(|part| part.parse().unwrap()).collect();
            let &[weight, variance, scale, input_variance] = &parts[..] else { panic!("{text}") };
            input_variances.push(input_variance);
            let root = input_variance.sqrt();
            let prior = Prior::gaussian(0.0, input_variance * variance).unwrap();
            let group =
                CoordinateGroup::new(index.to_string(), weight, prior, root * scale).unwrap();
            group.with_penalty_weight(root.recip()).unwrap()
        };
        let law = Law::new(row[0].split(';').enumerate().map(group).collect()).unwrap();
        let solution = Solver::new().solve(&law, &samples(number(1), number(2))).unwrap();
        let parameter_error: f64 = solution
            .errors
            .groups
            .iter()
            .zip(&input_variances)
            .map(|(group, input_variance)| group.weight * group.error / input_variance)
            .sum();
        for (computed, expected) in [
            (solution.generalization_error(), number(3)),
            (parameter_error, number(4)),
            (solution.state.effective_noise_variance, number(5)),
            (solution.state.effective_penalty, number(6)),
        ] {
            let error = relative_error(computed, expected);
            assert!(error < BUDGET, "{computed:e}, not {expected:e}: {error:e}");
        }
        rows += 1;
    }
    assert_eq!(rows, 10);
}

#[test]
fn a_common_factor_is_one_of_the_effective_penalty() {
    let samples = samples(0.6, 0.1);
    let mut methods = vec![Estimator::Lazy, Estimator::Rich];
    if cfg!(feature = "quadrature") {
        methods.push(Estimator::Quadrature);
    }
    for estimator in methods {
        let solver = Solver::new().with_estimator(estimator);
        let plain = solver.solve(&law(0.5, [1.0; 3]), &samples).unwrap();
        for k in [1e-150, 0.3, 1e150] {
            let solution = solver.solve(&law(0.5, [k; 3]), &samples).unwrap();
            let [computed, expected] =
                [&solution, &plain].map(|solution| solution.generalization_error());
            assert!(relative_error(computed, expected) < 1e-13, "{estimator} {k:e}");
            let [computed, expected] =
                [k * solution.state.effective_penalty, plain.state.effective_penalty];
            assert!(relative_error(computed, expected) < 1e-13, "{estimator} {k:e}");
            let [computed, expected] =
                [&solution, &plain].map(|solution| solution.statistics(0.1).unwrap().total);
            for (computed, expected) in [
                (computed.mean, expected.mean),
                (computed.variance, expected.variance),
                (computed.discovery_rate, expected.discovery_rate),
            ] {
                assert!(relative_error(computed, expected) < 1e-12, "{estimator} {k:e}");
            }
            let [computed, expected] = [&solution, &plain]
                .map(|solution| solution.sensitivities().unwrap().generalization_error);
            assert!(relative_error(computed.sample_ratio, expected.sample_ratio) < 1e-11);
        }
    }
}

#[cfg(feature = "quadrature")]
#[test]
fn an_explicit_penalty_and_its_weights_are_a_product() {
    let samples = samples(0.6, 0.1);
    let error = |kappa: f64, k: [f64; 3]| {
        let solver = Solver::new().with_explicit_penalty(kappa).unwrap();
        solver.solve(&law(0.05, k), &samples).unwrap().generalization_error()
    };
    assert!(relative_error(error(0.2, [1.5, 3.0, 6.0]), error(0.6, [0.5, 1.0, 2.0])) < 1e-12);
}

#[test]
fn in_norms_weights_are_products() {
    let samples = samples(0.5, 0.1);
    let k = [0.5, 3.0, 2.0];
    let [weighted, plain] = [law(2.0, k), law(2.0, [1.0; 3])];
    let products: Vec<f64> = [1.0, 2.0, 7.0].iter().zip(k).map(|(w, k)| w * k).collect();
    let l1 = weighted_l1(&weighted, &[1.0, 2.0, 7.0], &samples).unwrap();
    let expected = weighted_l1(&plain, &products, &samples).unwrap();
    assert!(relative_error(l1.generalization_error(), expected.generalization_error()) < 1e-13);
    assert!(
        relative_error(
            l1.statistics(0.3).unwrap().total.discovery_rate,
            expected.statistics(0.3).unwrap().total.discovery_rate
        ) < 1e-12
    );
    let threshold = RecoveryThreshold::of_law(&weighted, &[1.0, 2.0, 7.0]).unwrap();
    let expected = RecoveryThreshold::of_law(&plain, &products).unwrap();
    assert!(relative_error(threshold.sample_ratio(), expected.sample_ratio()) < 1e-14);
    assert!(relative_error(threshold.threshold(), expected.threshold()) < 1e-13);

    let l2 = weighted_l2(&weighted, &samples).unwrap();
    let divided = weighted.groups().iter().map(|group| {
        let scale = group.scale() / group.penalty_weight();
        CoordinateGroup::new(group.label().clone(), group.weight(), group.prior(), scale).unwrap()
    });
    let expected = weighted_l2(&Law::new(divided.collect()).unwrap(), &samples).unwrap();
    assert!(relative_error(l2.generalization_error(), expected.generalization_error()) < 1e-13);
    assert!(relative_error(l2.state.effective_penalty, expected.state.effective_penalty) < 1e-13);
    // The l2 norm forgets scales, and keeps penalty weights.
    let inverse = |group: &CoordinateGroup| {
        let scale = group.penalty_weight().recip();
        CoordinateGroup::new(group.label().clone(), group.weight(), group.prior(), scale).unwrap()
    };
    let inverse = Law::new(weighted.groups().iter().map(inverse).collect()).unwrap();
    let [computed, expected] = [minimum_l2(&weighted, &samples), weighted_l2(&inverse, &samples)]
        .map(|solution| solution.unwrap().generalization_error());
    assert!(relative_error(computed, expected) < 1e-13);
}

#[cfg(feature = "quadrature")]
#[test]
fn the_bound_of_the_lazy_limit_holds() {
    for scale in [30.0, 100.0, 1e3, 1e4] {
        for k in [[1.0, 10.0, 0.1], [0.01, 1.0, 5.0], [20.0, 1.0, 20.0]] {
            let law = law(scale, k);
            for samples in [samples(0.2, 0.0), samples(0.7, 0.3)] {
                let limit = weighted_l2(&law, &samples).unwrap();
                let solver = Solver::new().with_estimator(Estimator::Quadrature);
                let exact = solver.solve(&law, &samples).unwrap().generalization_error();
                let difference = (limit.generalization_error() - exact).abs();
                if let Some(bound) = limit.difference_bound {
                    assert!(difference <= bound + 1e-10 * exact, "{scale:e} {k:?}");
                } else {
                    assert!(scale < 1e3, "no bound at {scale:e} {k:?}");
                }
            }
        }
    }
}

#[test]
fn derivatives_are_those_of_the_answers() {
    const STEP: f64 = 1e-3;
    let samples = samples(0.6, 0.1);
    let mut cases = vec![(Estimator::Lazy, 0.5), (Estimator::Rich, 0.5)];
    if cfg!(feature = "quadrature") {
        cases.extend([(Estimator::Quadrature, 0.5), (Estimator::Quadrature, 1e-4)]);
    }
    for (estimator, scale) in cases {
        let solver = Solver::new().with_estimator(estimator);
        let k = [0.5, 2.0, 1.3];
        let solution = solver.solve(&law(scale, k), &samples).unwrap();
        let sensitivities = solution.sensitivities().unwrap();
        for index in 0..3 {
            let at = |step: f64| {
                let mut moved = k;
                moved[index] *= step.exp();
                let solution = solver.solve(&law(scale, moved), &samples).unwrap();
                let state = solution.state;
                [
                    solution.generalization_error(),
                    state.effective_noise_variance,
                    state.effective_penalty,
                ]
            };
            let [far, near] = [2.0 * STEP, STEP].map(|step| (at(step), at(-step), step));
            let implicit = [
                &sensitivities.generalization_error,
                &sensitivities.effective_noise_variance,
                &sensitivities.effective_penalty,
            ];
            for (i, gradient) in implicit.into_iter().enumerate() {
                let difference = |(above, below, step): &([f64; 3], [f64; 3], f64)| {
                    (above[i] - below[i]) / (2.0 * step)
                };
                let expected = (4.0 * difference(&near) - difference(&far)) / 3.0;
                let computed = gradient.groups[index].log_penalty_weight;
                let gap = (computed - expected).abs();
                assert!(
                    gap < 1e-8 * at(0.0)[i],
                    "{estimator} {index} {i}: {computed:e}, not {expected:e}"
                );
            }
        }
        // A factor of all is one of theta.
        let sum: f64 = sensitivities
            .effective_penalty
            .groups
            .iter()
            .map(|group| group.log_penalty_weight)
            .sum();
        assert!(relative_error(sum, -solution.state.effective_penalty) < 1e-12);
    }
}

#[test]
fn weights_outside_their_domain_are_refused() {
    let group = || CoordinateGroup::new("group", 1.0, Prior::ZERO, 1.0).unwrap();
    for k in [0.0, -1.0, 1e-151, 1e151, f64::NAN, f64::INFINITY] {
        let error = group().with_penalty_weight(k).unwrap_err();
        let expected =
            matches!(error.cause(), Error::OutOfDomain { parameter: "penalty_weight", .. });
        assert!(expected, "{error}");
    }
    assert_eq!(group().penalty_weight(), 1.0);
    let law = |scale, k| {
        let group =
            CoordinateGroup::new("group", 1.0, Prior::gaussian(0.0, 1.0).unwrap(), scale).unwrap();
        Law::new(vec![group.with_penalty_weight(k).unwrap()]).unwrap()
    };
    let error = weighted_l2(&law(1e300, 1e-150), &samples(0.5, 0.0)).unwrap_err();
    assert!(matches!(error.cause(), Error::NotRepresentable { .. }), "{error}");
}

#[cfg(feature = "quadrature")]
#[test]
fn one_group_has_the_same_error_under_any_weight() {
    let law = |scale, k| {
        let group =
            CoordinateGroup::new("group", 1.0, Prior::gaussian(0.0, 1.0).unwrap(), scale).unwrap();
        Law::new(vec![group.with_penalty_weight(k).unwrap()]).unwrap()
    };
    for scale in [1e-100, 1.0, 1e100] {
        for k in [1e-150, 1e150] {
            let error = Solver::new().solve(&law(scale, k), &samples(0.5, 0.0)).unwrap();
            let expected = Solver::new().solve(&law(scale, 1.0), &samples(0.5, 0.0)).unwrap();
            let gap = relative_error(error.generalization_error(), expected.generalization_error());
            assert!(gap < 1e-12, "{scale:e} {k:e}: {gap:e}");
        }
    }
}

#[test]
fn weights_far_apart_have_an_answer_or_an_error() {
    let extremes = [1e-150, 1e-3, 1.0, 1e150];
    // Where only coordinates without signal move, the error is largest, under an l1 norm.
    let frozen = law(1.0, [1.0; 3]);
    let frozen = frozen.groups().iter().map(|group| {
        let scale = f64::from(u8::from(group.prior() == Prior::ZERO));
        CoordinateGroup::new(group.label().clone(), group.weight(), group.prior(), scale).unwrap()
    });
    let frozen = Law::new(frozen.collect()).unwrap();
    let largest = basis_pursuit(&frozen, &samples(0.6, 0.1)).unwrap().generalization_error();
    for estimator in [Estimator::Auto, Estimator::Lazy, Estimator::Rich] {
        for scale in [1e-200, 1e-6, 1.0, 1e200] {
            for first in extremes {
                for last in extremes {
                    for kappa in [0.0, 1e-200, 1.0, 1e200] {
                        let solver = Solver::new().with_estimator(estimator);
                        let solver = solver.with_explicit_penalty(kappa).unwrap();
                        let law = law(scale, [first, 1.0, last]);
                        if let Ok(solution) = solver.solve(&law, &samples(0.6, 0.1)) {
                            let error = solution.generalization_error();
                            assert!((0.0..=largest + 1e-9).contains(&error), "{error:e}");
                        }
                    }
                }
            }
        }
    }
    // What costs nothing learns everything, and the rest nothing.
    let expected = minimum_l2(&frozen, &samples(0.6, 0.1)).unwrap().generalization_error();
    let solution = weighted_l2(&law(1.0, [1.0, 1.0, 1e-150]), &samples(0.6, 0.1)).unwrap();
    assert!(relative_error(solution.generalization_error(), expected) < 1e-12);
}

/// Against minima at finite size, with and without an explicit penalty.
#[cfg(all(feature = "quadrature", feature = "simulation"))]
#[test]
fn weights_agree_with_networks_of_finite_size() {
    use diagonet::simulation::{Dataset, Interpolator};
    use nalgebra::{DMatrix, DVector};
    use rand_pcg::Pcg64Mcg;
    use rand_pcg::rand_core::{Rng, SeedableRng};
    use statrs::distribution::{ContinuousCDF, Normal};

    const DIMENSION: usize = 500;
    const DRAWS: usize = 24;
    let mut random = Pcg64Mcg::seed_from_u64(15);
    let standard = Normal::standard();
    let mut normal = || {
        let uniform = ((random.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
        standard.inverse_cdf(uniform)
    };
    let law = law(0.02, [1.0, 0.4, 3.0]);
    let samples = samples(0.5, 0.05);
    let group = |index: usize| {
        let part = (index as f64 + 0.5) / DIMENSION as f64;
        &law.groups()[if part < 0.1 {
            0
        } else if part < 0.3 {
            1
        } else {
            2
        }]
    };
    let of_groups = |value: &dyn Fn(&CoordinateGroup) -> f64| {
        DVector::from_fn(DIMENSION, |index, _| value(group(index)))
    };
    let scales = of_groups(&CoordinateGroup::scale);
    let weights = of_groups(&CoordinateGroup::penalty_weight);
    let start = DVector::zeros(DIMENSION);
    let rows = DIMENSION / 2;
    for kappa in [0.0, 0.2] {
        let solver = Solver::new().with_explicit_penalty(kappa).unwrap();
        let expected = solver.solve(&law, &samples).unwrap().generalization_error();
        let interpolator = Interpolator::new().with_explicit_penalty(kappa).unwrap();
        let errors: Vec<f64> = (0..DRAWS)
            .map(|_| {
                let size = (DIMENSION as f64).sqrt();
                let inputs = DMatrix::from_fn(rows, DIMENSION, |_, _| normal() / size);
                let truth = DVector::from_fn(DIMENSION, |index, _| {
                    let prior = group(index).prior();
                    prior.mean() + prior.variance().sqrt() * normal()
                });
                let noise = DVector::from_fn(rows, |_, _| 0.05_f64.sqrt() * normal());
                let data = Dataset::new(inputs.clone(), &inputs * &truth + noise).unwrap();
                let result = interpolator.solve_weighted(&data, &scales, &start, &weights).unwrap();
                (result.coefficients - truth).norm_squared() / DIMENSION as f64
            })
            .collect();
        let mean = errors.iter().sum::<f64>() / DRAWS as f64;
        let variance = errors.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (DRAWS - 1) as f64;
        let deviation = (variance / DRAWS as f64).sqrt();
        println!("kappa {kappa}: {mean} +- {deviation}, theory {expected}");
        // Three deviations, and what is of the order of 1/D.
        assert!((mean - expected).abs() < 3.0 * deviation + 2.0 * expected / DIMENSION as f64);
        // Without the weights, the answer is another.
        let plain = solver.solve(&self::law(0.02, [1.0; 3]), &samples).unwrap();
        assert!((mean - plain.generalization_error()).abs() > 6.0 * deviation);
    }
}
