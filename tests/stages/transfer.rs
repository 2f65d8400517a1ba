//! Both stages: special cases that must agree, and properties of all.
#![cfg(feature = "quadrature")]

use std::f64::consts::PI;

use crate::common::{config, decades, relative_error};
use diagonet::{
    CoordinateGroup, Densities, Error, Estimator, FeatureClass, Initialization, Law, Penalty,
    Pretrained, Prior, Protocol, Samples, ScaleMap, Scales, Solver, Supports, Task, Transfer,
    TransferSolution,
};
use proptest::prelude::*;

/// Relative accuracy of a problem with nodes over pretrained coefficients, judged by twice as many.
const NODES: f64 = 1e-10;

/// Rounding of sums over groups.
const ROUNDING: f64 = 1e-12;

fn task(overlap: f64) -> Task {
    Task::new(Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap }).unwrap())
        .unwrap()
}

fn gaussian(task: Task, variance: f64) -> Task {
    task.with_pretraining_prior(Prior::gaussian(0.0, variance).unwrap()).unwrap()
}

fn map(scale: f64, relative_scale: f64) -> ScaleMap {
    ScaleMap::new(
        Initialization::new(Scales { absolute: scale, relative: relative_scale }).unwrap(),
        0.0,
    )
    .unwrap()
}

fn samples(sample_ratio: f64, noise_variance: f64) -> Samples {
    Samples::new(sample_ratio).unwrap().with_noise_variance(noise_variance).unwrap()
}

fn evaluate(transfer: &Transfer, sample_ratio: f64) -> TransferSolution {
    Solver::new().solve(&transfer, &samples(sample_ratio, 0.0)).unwrap()
}

#[test]
fn a_related_gaussian_task_after_finite_pretraining_has_its_known_errors() {
    let task = gaussian(task(1.0), 5.0).with_correlation(0.8).unwrap();
    let transfer =
        Transfer::new(&task, map(0.01, -0.9)).with_pretraining_samples(samples(0.4, 0.01));
    let report = evaluate(&transfer, 0.25);
    // Brute force: equidistant nodes in z_PT and z, the proximal maps by Newton's method.
    let pretraining = report.pretraining.as_ref().unwrap().generalization_error();
    assert!(relative_error(pretraining, 0.291_066_464_180_253_6) < 1e-12, "{pretraining}");
    let error = report.fine_tuning.generalization_error();
    assert!(relative_error(error, 0.197_783_612_115_416) < 1e-12, "{error}");
}

#[test]
fn continued_training_has_the_error_of_a_plain_integration() {
    // Brute force: 60 001 equidistant nodes in z, the proximal map by Newton's method.
    let task = task(0.5)
        .with_pretraining_magnitude(-2.0)
        .and_then(|task| task.with_correlation(0.6))
        .unwrap();
    let transfer = Transfer::new(&task, map(0.05, 0.0)).with_protocol(Protocol::Continued);
    let report = Solver::new().solve(&transfer, &samples(0.3, 0.02)).unwrap().fine_tuning;
    assert!(relative_error(report.generalization_error(), 0.493_744_915_276_853_2) < 1e-11);
    let by_group = [
        ("shared", 1.816_648_280_530_307_2),
        ("new", 3.294_973_086_618_644_4),
        ("pretraining-only", 1.091_866_082_094_878),
        ("none", 0.099_178_579_473_565_26),
    ];
    for (label, expected) in by_group {
        assert!(relative_error(report.error_of(label).unwrap(), expected) < 1e-11, "{label}");
    }
}

/// The same task with these input variances of shared, new, pretraining-only and unused features.
fn on_inputs(task: Task, variances: [f64; 4]) -> Task {
    FeatureClass::ALL
        .into_iter()
        .zip(variances)
        .fold(task, |task, (class, variance)| task.with_input_variance(class, variance).unwrap())
}

#[test]
fn an_input_variance_of_all_features_is_another_unit() {
    // Coefficients, scales and starts of three times the size, which all have to have.
    let large = 3.0_f64;
    let small = gaussian(task(0.5), 5.0).with_correlation(0.6).unwrap();
    let variance = small.shared_prior().variance();
    let same = gaussian(task(0.5), 5.0 * large * large)
        .with_fine_tuning_variance(variance * large * large)
        .and_then(|task| task.with_correlation(0.6))
        .unwrap();
    let small = on_inputs(small, [large * large; 4]);
    for protocol in [Protocol::REBALANCED, Protocol::Continued, Protocol::ProbeKept] {
        for pretraining in [None, Some(samples(0.4, 0.2)), Some(samples(1.5, 0.2))] {
            let transfer = |task: &Task, scale: f64| {
                let transfer = Transfer::new(task, map(scale, -0.5)).with_protocol(protocol);
                match pretraining {
                    Some(samples) => transfer.with_pretraining_samples(samples),
                    None => transfer,
                }
            };
            let solve = |transfer| Solver::new().solve(&transfer, &samples(0.3, 0.05)).unwrap();
            let own = solve(transfer(&small, 0.01));
            let other = solve(transfer(&same, 0.01 * large));
            let [left, right] = [&own, &other].map(TransferSolution::generalization_error);
            assert!(relative_error(left, right) < 1e-9, "{protocol}: {left} {right}");
            let parameters = own.fine_tuning.parameter_errors().total;
            assert!(relative_error(large * large * parameters, right) < 1e-9, "{protocol}");
            for class in FeatureClass::ALL {
                let [left, right] = [&own, &other].map(|s| s.pretraining_error_of(class));
                assert_eq!(left.is_some(), right.is_some());
                let Some((left, right)) = left.zip(right) else { continue };
                assert!(left == right || relative_error(left, right) < 1e-9, "{left} {right}");
            }
        }
    }
}

#[test]
fn classes_that_inputs_tell_apart_are_learned_apart() {
    let pretraining = samples(0.4, 0.1);
    let error = |variances| {
        let task = on_inputs(gaussian(task(0.5), 5.0), variances);
        let transfer = Transfer::new(&task, map(0.01, 0.0)).with_pretraining_samples(pretraining);
        transfer.pretraining().unwrap().unwrap()
    };
    let solution = error([4.0, 1.0, 0.25, 1.0]);
    // The law by hand: shared, pretraining-only, and the rest.
    let slab = Prior::gaussian(0.0, 5.0).unwrap();
    let group = |label: &'static str, weight, prior, variance| {
        let group = CoordinateGroup::new(label, weight, prior, 0.01).unwrap();
        group.with_input_variance(variance).unwrap()
    };
    let law = Law::new(vec![
        group("shared", 0.05, slab, 4.0),
        group("pretraining-only", 0.15, slab, 0.25),
        group("inactive", 0.8, Prior::ZERO, 1.0),
    ])
    .unwrap();
    let expected = Solver::new().solve(&law, &pretraining).unwrap();
    for label in ["shared", "pretraining-only", "inactive"] {
        let [left, right] = [&solution, &expected].map(|s| s.error_of(label).unwrap());
        assert!(relative_error(left, right) < 1e-11, "{label}: {left} {right}");
    }
    assert!(error([1.0; 4]).error_of("active").is_some());
    // Known coefficients of the two classes may differ, too.
    let known = Task::from_coefficients(&[1.0, 2.0, 0.0, 0.0], &[1.0, 0.0, 0.5, 0.0]).unwrap();
    for task in [known.clone(), on_inputs(known, [2.0, 1.0, 0.5, 1.0])] {
        let transfer = Transfer::new(&task, map(0.01, 0.0)).with_pretraining_samples(pretraining);
        let solution = transfer.pretraining().unwrap().unwrap();
        let strong = task.input_variance(FeatureClass::Shared);
        let weak = task.input_variance(FeatureClass::PretrainingOnly);
        let atom = |value| Prior::atom(value).unwrap();
        let law = Law::new(vec![
            group("a", 0.25, atom(1.0), strong),
            group("b", 0.25, atom(2.0), weak),
            group("c", 0.5, Prior::ZERO, 1.0),
        ])
        .unwrap();
        let expected = Solver::new().solve(&law, &pretraining).unwrap().generalization_error();
        assert!(relative_error(solution.generalization_error(), expected) < 1e-11);
    }
}

#[test]
fn exact_pretraining_is_the_law_of_four_groups() {
    let task = task(0.5).with_correlation(-0.6).unwrap();
    let map = map(1e-3, -0.3);
    let law = Law::fine_tuning(&task, &map).unwrap();
    let expected = Solver::new().solve(&law, &samples(0.3, 0.1)).unwrap();
    let unlimited = Transfer::new(&task, map);
    for transfer in [
        unlimited.clone(),
        unlimited.clone().with_pretraining_samples(samples(1.0, 0.0)),
        unlimited.with_pretraining_samples(samples(3.0, 0.0)),
    ] {
        let report = Solver::new().solve(&transfer, &samples(0.3, 0.1)).unwrap();
        assert_eq!(report.fine_tuning, expected);
        assert_eq!((report.refinement, report.change), (0, 0.0));
        assert_eq!(transfer.law(3).unwrap(), law);
    }
}

#[test]
fn much_pretraining_data_tends_to_unlimited_data() {
    for protocol in [Protocol::REBALANCED, Protocol::Continued] {
        for task in [task(0.5), gaussian(task(0.5), 2.0).with_correlation(0.7).unwrap()] {
            let unlimited = Transfer::new(&task, map(0.1, 0.0)).with_protocol(protocol);
            let limit = evaluate(&unlimited, 0.3).fine_tuning.generalization_error();
            let mut last = f64::INFINITY;
            for ratio in [1e2, 1e4, 1e6] {
                let finite = unlimited.clone().with_pretraining_samples(samples(ratio, 1.0));
                let error = evaluate(&finite, 0.3).fine_tuning.generalization_error();
                let difference = (error - limit).abs();
                assert!(difference < 0.05 * last && difference < 20.0 / ratio, "{difference:e}");
                last = difference;
            }
        }
    }
}

#[test]
fn noisy_pretraining_above_one_sample_a_coordinate_is_least_squares() {
    let transfer = Transfer::new(&gaussian(task(0.5), 2.0), map(0.01, -0.5))
        .with_pretraining_samples(samples(3.0, 0.5));
    let report = evaluate(&transfer, 0.3);
    let pretraining = report.pretraining.as_ref().unwrap();
    assert_eq!(pretraining.estimator, Estimator::LeastSquares);
    assert!(relative_error(pretraining.generalization_error(), 0.25) < ROUNDING);
    // The mean square of what pretraining left is that of the true coefficients and the noise.
    let shared = report.law().groups().iter().filter(|group| group.label().as_str() == "shared");
    let square: f64 = shared
        .map(|group| group.weight() / 0.05 * group.pretrained().unwrap().coefficient().powi(2))
        .sum();
    assert!(relative_error(square, 2.25) < 1e-5, "{square}");
    let finest: f64 = transfer
        .law(2)
        .unwrap()
        .groups()
        .iter()
        .filter(|group| group.label().as_str() == "shared")
        .map(|group| group.weight() / 0.05 * group.pretrained().unwrap().coefficient().powi(2))
        .sum();
    assert!(relative_error(finest, 2.25) < ROUNDING, "{finest}");
    // It does not know of the scale, which may vanish.
    let vanishing = Transfer::new(&gaussian(task(0.5), 2.0), map(0.0, -0.5))
        .with_pretraining_samples(samples(3.0, 0.5));
    let limit = evaluate(&vanishing, 0.3).fine_tuning.generalization_error();
    let small = Transfer::new(&gaussian(task(0.5), 2.0), map(1e-9, -0.5))
        .with_pretraining_samples(samples(3.0, 0.5));
    let near = evaluate(&small, 0.3).fine_tuning.generalization_error();
    assert!(relative_error(near, limit) < 1e-6, "{near} {limit}");
}

#[test]
fn nodes_are_enough() {
    let mut worst = 0.0_f64;
    for scale in [1e-6, 1e-3, 0.1, 10.0] {
        for protocol in [Protocol::REBALANCED, Protocol::Continued] {
            for pretraining in [samples(0.1, 0.0), samples(0.4, 0.01), samples(2.0, 0.3)] {
                for (task, ratio) in [
                    (task(0.5), 0.3),
                    (task(1.0).with_correlation(-1.0).unwrap(), 0.2),
                    (gaussian(task(0.8), 3.0).with_correlation(0.9).unwrap(), 0.4),
                ] {
                    let transfer = Transfer::new(&task, map(scale, -0.5))
                        .with_protocol(protocol)
                        .with_pretraining_samples(pretraining);
                    let report = evaluate(&transfer, ratio);
                    let finest = Solver::new()
                        .solve(&transfer.law(report.refinement + 1).unwrap(), &samples(ratio, 0.0));
                    let error = relative_error(
                        report.fine_tuning.generalization_error(),
                        finest.unwrap().generalization_error(),
                    );
                    worst = worst.max(error);
                    assert!(error < NODES, "{error:e} {transfer:?} {}", report.refinement);
                }
            }
        }
    }
    println!("worst relative difference: {worst:e}");
}

/// Compressed laws against the trapezoidal rule with steps of an eighth, on related, unrelated and opposite
/// tasks of all sizes.
#[test]
fn compressed_laws_have_the_errors_of_many_nodes() {
    const BUDGET: f64 = 1e-9;
    let mut count = 0.0_f64;
    // A sequence that fills the unit interval evenly, in another order for every parameter.
    let mut uniform = |low: f64, high: f64| {
        count += 1.0;
        low + (high - low) * (count * count * 0.5 * (5.0_f64.sqrt() - 1.0)).fract()
    };
    let (mut worst, mut compressed) = (0.0_f64, 0);
    for round in 0..60 {
        let correlation = [1.0, 0.0, -1.0, 0.9, -0.6, 0.3][round % 6];
        let protocol = [Protocol::REBALANCED, Protocol::Continued][round / 6 % 2];
        let gamma = if round % 4 == 3 { 10.0_f64.powf(uniform(-3.0, 1.0)) } else { 0.0 };
        let densities = Densities {
            pretraining: uniform(0.05, 0.4),
            fine_tuning: 0.05,
            overlap: uniform(0.0, 1.0),
        };
        let base = Task::new(Supports::new(densities).unwrap()).unwrap();
        let mean = [0.0, 1.0, -3.0][round % 3];
        let variance = if round % 5 == 0 { 0.0 } else { 10.0_f64.powf(uniform(-3.0, 1.5)) };
        let prior = if mean == 0.0 && variance == 0.0 {
            Prior::atom(1.0)
        } else {
            Prior::gaussian(mean, variance)
        };
        let task = base
            .with_pretraining_prior(prior.unwrap())
            .and_then(|task| task.with_correlation(correlation))
            .unwrap();
        let scales = Scales {
            absolute: 10.0_f64.powf(uniform(-9.0, 3.0)),
            relative: 10.0_f64.powf(uniform(-6.0, 0.3)) - 1.0,
        };
        let map = ScaleMap::new(Initialization::new(scales).unwrap(), gamma).unwrap();
        let before = samples(10.0_f64.powf(uniform(-1.5, 0.7)), 10.0_f64.powf(uniform(-6.0, 0.5)));
        let after = samples(10.0_f64.powf(uniform(-1.5, -0.05)), 10.0_f64.powf(uniform(-6.0, 0.0)));
        let transfer =
            Transfer::new(&task, map).with_protocol(protocol).with_pretraining_samples(before);
        let solution = Solver::new().solve(&transfer, &after).unwrap();
        let law = transfer.law((solution.refinement + 1).max(5)).unwrap();
        compressed += usize::from(8 * solution.law().groups().len() < law.groups().len());
        let exact = Solver::new().solve(&law, &after).unwrap();
        let statistics = [solution.statistics(0.1).unwrap(), exact.statistics(0.1).unwrap()];
        let [x, y] = statistics.map(|statistics| {
            let total = statistics.total;
            let squares = [total.forgetting, total.pretraining_error_after_fine_tuning];
            [Some(total.variance), squares[0], squares[1]].map(Option::unwrap)
        });
        let errors = [solution.generalization_error(), exact.generalization_error()];
        let pairs = [errors, [x[0], y[0]], [x[1], y[1]], [x[2], y[2]]];
        for (index, [x, y]) in pairs.into_iter().enumerate() {
            let error = relative_error(x, y);
            worst = worst.max(error);
            assert!(error < BUDGET, "{round} {index}: {x} {y} {error:e} {transfer:?} {after:?}");
        }
    }
    println!("worst relative difference: {worst:e}; compressed: {compressed}");
    assert!(compressed > 50, "{compressed}");
}

#[test]
fn nodes_resolve_what_fine_tuning_sees_of_a_fully_related_task() {
    // Given its pretraining, a coefficient of fine-tuning is nearly known, and its error is small.
    let base = gaussian(task(1.0), 2.0).with_correlation(1.0).unwrap();
    let transfer =
        Transfer::new(&base, map(0.9, -0.94)).with_pretraining_samples(samples(3e4, 1e-9));
    let report = evaluate(&transfer, 0.94);
    assert!(report.refinement > 3, "{}", report.refinement);
    let finer = transfer.law(report.refinement + 1).unwrap();
    let finer = Solver::new().solve(&finer, &samples(0.94, 0.0)).unwrap().generalization_error();
    assert!(relative_error(report.fine_tuning.generalization_error(), finer) < 1e-8);
}

#[test]
fn least_squares_has_the_moments_of_both_tasks() {
    // No error asks for nodes here, but b = z, and E[(z - B_PT)²] = s² + E[(B_FT - B_PT)²].
    for correlation in [-1.0, 0.0, 0.8] {
        let base = gaussian(task(0.5), 2.0).with_correlation(correlation).unwrap();
        for protocol in [Protocol::REBALANCED, Protocol::Continued] {
            let transfer = Transfer::new(&base, map(0.1, 0.0)).with_protocol(protocol);
            let law = evaluate(&transfer, 1.5).law().clone();
            assert!(relative_error(law.mean_square(), 1.0) < ROUNDING);
            let noisy = samples(1.5, 0.1);
            let total =
                Solver::new().solve(&law, &noisy).and_then(|s| s.statistics(0.0)).unwrap().total;
            let product = 0.05 * correlation * 20.0_f64.sqrt();
            let expected = 0.2 + 1.0 + 0.4 - 2.0 * product;
            assert!(relative_error(total.forgetting.unwrap(), expected) < ROUNDING);
            assert!(
                relative_error(total.pretraining_error_after_fine_tuning.unwrap(), expected)
                    < ROUNDING
            );
            assert!(relative_error(total.variance, 1.2) < ROUNDING);
        }
    }
}

#[test]
fn a_node_at_zero_is_active_where_its_neighbours_are() {
    // Fully related tasks: what fine-tuning is to learn is known given pretraining, at one node zero.
    for correlation in [-1.0, 1.0] {
        let base = gaussian(task(0.5), 2.0).with_correlation(correlation).unwrap();
        let transfer = Transfer::new(&base, map(0.1, 0.0));
        let law = transfer.law(2).unwrap();
        assert!(law.groups().iter().any(|group| {
            *group.label() == FeatureClass::Shared.into()
                && group.prior() == Prior::ZERO
                && group.weight() > 1e-5
        }));
        let on_nodes = Solver::new().solve(&law, &samples(0.3, 0.0)).unwrap();
        for statistics in [evaluate(&transfer, 0.3).statistics(0.2), on_nodes.statistics(0.2)] {
            let statistics = statistics.unwrap();
            let rate = |label| statistics.group(label).unwrap().estimates.discovery_rate;
            let power = 0.5 * (rate("shared") + rate("new"));
            assert!(relative_error(statistics.true_discovery_rate.unwrap(), power) < ROUNDING);
            let inactive = 1.0 - 0.1 * power / statistics.total.discovery_rate;
            assert!(relative_error(statistics.false_discovery_rate.unwrap(), inactive) < ROUNDING);
        }
    }
}

#[test]
fn signs_of_pretraining_do_not_matter_once_rebalanced() {
    for base in [task(0.5), gaussian(task(0.5), 2.0)] {
        let error = |correlation: f64, protocol| {
            let transfer =
                Transfer::new(&base.clone().with_correlation(correlation).unwrap(), map(0.1, 0.0))
                    .with_protocol(protocol)
                    .with_pretraining_samples(samples(0.5, 0.1));
            evaluate(&transfer, 0.3).fine_tuning.generalization_error()
        };
        let rebalanced = [-0.9, 0.9].map(|correlation| error(correlation, Protocol::REBALANCED));
        assert!(relative_error(rebalanced[0], rebalanced[1]) < 1e-10, "{rebalanced:?}");
        let continued = [-0.9, 0.0, 0.9].map(|correlation| error(correlation, Protocol::Continued));
        assert!(continued[2] < continued[1] && continued[1] < continued[0], "{continued:?}");
    }
}

#[test]
fn continued_training_from_nothing_is_training_from_scratch() {
    let task = task(0.5).with_pretraining_magnitude(0.0).unwrap();
    for scale in [1e-6, 0.1, 10.0] {
        let transfer = Transfer::new(&task, map(scale, 0.3)).with_protocol(Protocol::Continued);
        for transfer in [transfer.clone(), transfer.with_pretraining_samples(samples(0.3, 0.0))] {
            let report = evaluate(&transfer, 0.3);
            let error = report.fine_tuning.generalization_error();
            assert_eq!(error, report.from_scratch().unwrap().generalization_error());
            assert_eq!(report.error_reduction(), Ok(0.0));
        }
    }
}

#[test]
fn continued_training_on_the_same_task_has_nothing_to_learn() {
    let supports =
        Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.2, overlap: 1.0 }).unwrap();
    let task = Task::new(supports)
        .and_then(|task| task.with_fine_tuning_variance(4.0))
        .and_then(|task| task.with_pretraining_magnitude(2.0))
        .and_then(|task| task.with_correlation(1.0))
        .unwrap();
    let transfer = Transfer::new(&task, map(0.1, 0.0)).with_protocol(Protocol::Continued);
    let report = evaluate(&transfer, 0.1);
    assert_eq!(report.fine_tuning.generalization_error(), 0.0);
    assert!(report.fine_tuning.state.effective_penalty > 0.0);
    let statistics = report.statistics(1.0).unwrap();
    assert_eq!(statistics.total.forgetting, Some(0.0));
    assert_eq!(statistics.true_discovery_rate, Some(1.0));
    assert_eq!(statistics.false_discovery_rate, Some(0.0));
    // With noise there is, and the state is continuous in it.
    let noisy = |variance| {
        let report = Solver::new().solve(&transfer, &samples(0.1, variance)).unwrap();
        report.fine_tuning
    };
    let (little, less) = (noisy(1e-8), noisy(1e-10));
    assert!((little.generalization_error() / less.generalization_error() - 100.0).abs() < 0.1);
    let penalty = report.fine_tuning.state.effective_penalty;
    assert!(relative_error(less.state.effective_penalty, penalty) < 1e-4);
}

#[test]
fn continued_lazy_training_learns_the_difference() {
    let task = task(0.5).with_correlation(0.5).unwrap();
    let (alpha, noise) = (0.4, 0.3);
    let transfer = Transfer::new(&task, map(1e6, 0.0)).with_protocol(Protocol::Continued);
    let report = Solver::new().solve(&transfer, &samples(alpha, noise)).unwrap();
    assert_eq!(report.fine_tuning.estimator, Estimator::Lazy);
    // E[(beta_FT - beta_PT)²], with E[beta_FT²] = 1 and E[beta_PT²] = 0.2.
    let difference = 1.0 + 0.2 - 2.0 * 0.05 * 0.5 * 10.0_f64.sqrt();
    let expected = (1.0 - alpha) * difference + noise * alpha / (1.0 - alpha);
    let error = report.fine_tuning.generalization_error();
    assert!(relative_error(error, expected) < 1e-10, "{error} {expected}");
    let solver = Solver::new().with_estimator(Estimator::Quadrature);
    let numerical = solver.solve(report.law(), &samples(alpha, noise)).unwrap();
    assert!(relative_error(numerical.generalization_error(), expected) < 1e-10);
    // The bound on the difference holds at scales that are not so large.
    for scale in [60.0, 300.0, 1e4] {
        let law = Transfer::new(&task, map(scale, 0.0))
            .with_protocol(Protocol::Continued)
            .law(0)
            .unwrap();
        let lazy =
            Solver::new().with_estimator(Estimator::Lazy).solve(&law, &samples(alpha, noise));
        let lazy = lazy.unwrap();
        let exact = solver.solve(&law, &samples(alpha, noise)).unwrap();
        let difference = (lazy.generalization_error() - exact.generalization_error()).abs();
        let Some(bound) = lazy.difference_bound else { panic!("no bound at {scale}") };
        assert!(difference <= bound + 1e-11, "{difference:e} {bound:e}");
    }
}

/// Groups of all kinds, each with its own true coefficient in place of that of pretraining.
fn law_of_itself(scale: f64, start: f64) -> Law {
    let group = |label: &'static str, weight, mean, variance, scale, start| {
        let prior = Prior::gaussian(mean, variance).unwrap();
        let truth = Pretrained::new(start, prior).unwrap().with_covariance(variance).unwrap();
        CoordinateGroup::new(label, weight, prior, scale)
            .and_then(|group| group.with_start(start))
            .and_then(|group| group.with_pretrained(truth))
            .unwrap()
    };
    Law::new(vec![
        group("slab", 0.1, 0.0, 4.0, scale, start),
        group("off-centre", 0.1, -1.0, 0.5, 3.0 * scale, -start),
        group("atom", 0.2, 1.5, 0.0, scale, start),
        group("none", 0.5, 0.0, 0.0, scale, 0.0),
        group("frozen", 0.1, 0.5, 0.1, 0.0, 0.0),
    ])
    .unwrap()
}

#[test]
fn the_error_on_a_task_is_its_generalization_error() {
    for (method, scale, start) in [
        (Estimator::Quadrature, 1e-6, 0.0),
        (Estimator::Quadrature, 1e-3, 0.8),
        (Estimator::Quadrature, 0.5, -2.0),
        (Estimator::Quadrature, 40.0, 0.8),
        (Estimator::Lazy, 40.0, 0.8),
        (Estimator::Rich, 1e-6, 0.0),
    ] {
        let law = law_of_itself(scale, start);
        let solver = Solver::new().with_estimator(method);
        for sample_ratio in [0.05, 0.4, 0.8, 1.5] {
            let solution = solver.solve(&law, &samples(sample_ratio, 0.2)).unwrap();
            let statistics = solution.statistics(0.3).unwrap();
            for (group, report) in statistics.groups.iter().zip(&solution.errors.groups) {
                let error = group.estimates.pretraining_error_after_fine_tuning.unwrap();
                assert!(
                    relative_error(error, report.error) < 1e-12,
                    "{error} {report:?} {method:?} {scale} {start}"
                );
            }
            let total = statistics.total.pretraining_error_after_fine_tuning.unwrap();
            assert!(relative_error(total, solution.generalization_error()) < 1e-12);
            // Forgetting is the distance from the start.
            let slab = &statistics.groups[0].estimates;
            let square = slab.variance + (slab.mean - start).powi(2);
            assert!(relative_error(slab.forgetting.unwrap(), square) < 1e-12);
        }
    }
}

#[test]
fn discoveries_are_counted_where_the_estimate_is_above_the_cut() {
    let (scale, cut) = (0.05, 0.2);
    let law = law_of_itself(scale, 0.0);
    let solution = Solver::new().solve(&law, &samples(0.4, 0.2)).unwrap();
    let (state, statistics) = (solution.state, solution.statistics(cut).unwrap());
    let count = |mean: f64, variance: f64, scale: f64| {
        let penalty = Penalty::new(scale).unwrap();
        let spread = (variance + state.effective_noise_variance).sqrt();
        let steps = 200_000;
        let terms = (0..steps).map(|i| {
            let x = -9.0 + 18.0 * (f64::from(i) + 0.5) / f64::from(steps);
            let point = penalty.proximal(mean + spread * x, state.effective_penalty).unwrap();
            let found = f64::from(u8::from(point.value.abs() > cut));
            let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
            let mass = density * 18.0 / f64::from(steps);
            [mass * found, mass * point.value, mass * point.value * point.value]
        });
        terms.fold([0.0; 3], |sum, term| [0, 1, 2].map(|i| sum[i] + term[i]))
    };
    let expected = [
        count(0.0, 4.0, scale),
        count(-1.0, 0.5, 3.0 * scale),
        count(1.5, 0.0, scale),
        count(0.0, 0.0, scale),
        [0.0; 3],
    ];
    for (group, [rate, mean, square]) in statistics.groups.iter().zip(expected) {
        let estimates = group.estimates;
        assert!((estimates.discovery_rate - rate).abs() < 1e-4, "{group:?} {rate}");
        assert!((estimates.mean - mean).abs() < 1e-9, "{group:?} {mean}");
        assert!((estimates.variance + mean * mean - square).abs() < 1e-9, "{group:?} {square}");
    }
    let rates = expected.map(|[rate, ..]| rate);
    let found = 0.1 * rates[0] + 0.1 * rates[1] + 0.2 * rates[2];
    let (power, all) = (found / 0.5, found + 0.5 * rates[3]);
    assert!((statistics.true_discovery_rate.unwrap() - power).abs() < 1e-4);
    assert!((statistics.false_discovery_rate.unwrap() - 0.5 * rates[3] / all).abs() < 1e-4);
}

#[test]
fn what_has_no_answer_says_why() {
    let result = Transfer::new(&task(0.5), map(0.1, 0.0)).law(9);
    assert!(matches!(result, Err(Error::OutOfDomain { parameter: "refinement", .. })));
    let frozen = Transfer::new(&task(0.5), map(0.0, 0.0));
    let result = frozen.clone().with_pretraining_samples(samples(0.5, 0.0)).law(0);
    assert!(matches!(result, Err(Error::OutOfDomain { parameter: "absolute_scale", .. })));
    let result = frozen.clone().with_protocol(Protocol::Continued).law(0);
    assert!(matches!(result, Err(Error::OutOfDomain { parameter: "absolute_scale", .. })));
    let threshold = frozen.with_pretraining_samples(samples(1.0, 0.1)).law(0);
    assert!(matches!(threshold.unwrap_err().cause(), Error::Diverges { .. }));
    let law = law_of_itself(1e-3, 0.5);
    let rich = Solver::new().with_estimator(Estimator::Rich).solve(&law, &samples(0.3, 0.1));
    let error = rich.unwrap_err();
    assert!(matches!(error.cause(), Error::OutOfDomain { parameter: "start", .. }));
    let statistics = Solver::new().solve(&law, &samples(0.3, 0.1)).and_then(|s| s.statistics(-1.0));
    assert!(matches!(statistics, Err(Error::OutOfDomain { parameter: "discovery_cut", .. })));
}

proptest! {
    #![proptest_config(config(60))]

    #[test]
    fn any_transfer_has_errors_that_make_sense(
        scale in decades(-8.0, 2.0),
        relative_scale in -0.99..1.0_f64,
        pretraining_ratio in 0.05..3.0_f64,
        noise in 0.01..1.0_f64,
        ratio in 0.05..0.95_f64,
        correlation in -1.0..1.0_f64,
        mean in -2.0..2.0_f64,
        variance in 0.0..3.0_f64,
        overlap in 0.0..1.0_f64,
        continued in any::<bool>(),
    ) {
        prop_assume!((pretraining_ratio - 1.0).abs() > 0.05);
        let prior = Prior::gaussian(mean, variance).unwrap();
        let task = task(overlap)
            .with_pretraining_prior(prior)
            .and_then(|task| task.with_correlation(correlation))
            .unwrap();
        let protocol = if continued { Protocol::Continued } else { Protocol::REBALANCED };
        let transfer = Transfer::new(&task, map(scale, relative_scale))
            .with_protocol(protocol)
            .with_pretraining_samples(samples(pretraining_ratio, noise));
        let solver = Solver::new();
        let report = solver.solve(&transfer, &samples(ratio, noise)).unwrap();
        let error = report.fine_tuning.generalization_error();
        prop_assert!(error > 0.0 && error.is_finite());
        let weight: f64 = report.law().groups().iter().map(CoordinateGroup::weight).sum();
        prop_assert!((weight - 1.0).abs() < ROUNDING);
        // Coefficients of fine-tuning have their marginal law, whatever pretraining knows of them.
        prop_assert!(relative_error(report.law().mean_square(), 1.0) < 1e-5);
        let by_group: f64 =
            report.fine_tuning.errors.groups.iter().map(|group| group.weight * group.error).sum();
        prop_assert!(relative_error(by_group, error) < ROUNDING);
        // What pretraining left is as far from its task as its own error says.
        let distance: f64 = report
            .law()
            .groups()
            .iter()
            .map(|group| {
                let pretrained = group.pretrained().unwrap();
                let shift = pretrained.coefficient() - pretrained.prior().mean();
                group.weight() * (shift * shift + pretrained.prior().variance())
            })
            .sum();
        let pretraining = report.pretraining.as_ref().unwrap().generalization_error();
        prop_assert!(relative_error(distance, pretraining) < 1e-5, "{} {}", distance, pretraining);
        // The triangle inequality of estimate, pretrained coefficient and true one.
        let statistics = report.statistics(0.1).unwrap();
        let [moved, lost] = [statistics.total.forgetting, statistics.total.pretraining_error_after_fine_tuning]
            .map(|square| square.unwrap().sqrt());
        prop_assert!((moved - lost).abs() <= pretraining.sqrt() * (1.0 + 1e-5));
        let rates = [statistics.true_discovery_rate, statistics.false_discovery_rate];
        prop_assert!(rates.iter().flatten().all(|rate| (0.0..=1.0).contains(rate)));
    }
}

#[test]
fn learning_curves_and_required_samples_follow_both_stages() {
    let task = Task::new(
        Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.8 }).unwrap(),
    )
    .unwrap();
    let scarce = Samples::new(0.4).unwrap().with_noise_variance(0.01).unwrap();
    for protocol in [Protocol::REBALANCED, Protocol::Continued] {
        let transfer = Transfer::new(&task, map(1e-2, -0.5))
            .with_pretraining_samples(scarce)
            .with_protocol(protocol);
        let solver = Solver::new();
        let error = |ratio: f64| {
            let solution = solver.solve(&transfer, &samples(ratio, 0.01)).unwrap();
            solution.fine_tuning.generalization_error()
        };
        let ratios = [0.1, 0.2, 0.4];
        let curve = solver.learning_curve(&transfer, 0.01, &ratios);
        for (ratio, point) in ratios.into_iter().zip(curve) {
            let point = point.unwrap().fine_tuning.generalization_error();
            assert!(relative_error(point, error(ratio)) < NODES);
        }
        let target = error(0.3);
        let needed = solver.required_sample_ratio(&transfer, 0.01, target * (1.0 + 1e-8)).unwrap();
        assert!((needed - 0.3).abs() < 1e-6, "{needed}");
    }
}

/// `P(|b| > cut)` on the features of fine-tuning without overlap, continued, by the midpoint rule over the
/// observation of pretraining.
fn discovery_rate_of_new_features(solution: &TransferSolution, scale: f64, cut: f64) -> f64 {
    const STEPS: u32 = 400_000;
    let penalty = Penalty::new(scale).unwrap();
    let (before, after) =
        (solution.pretraining.as_ref().unwrap().state, solution.fine_tuning.state);
    let half_penalty = 0.5 * after.effective_penalty;
    let spread = (1.0 + after.effective_noise_variance).sqrt();
    let upper_tail = |x: f64| 0.5 * statrs::function::erf::erfc(x / 2.0_f64.sqrt());
    let terms = (0..STEPS).map(|i| {
        let x = -9.0 + 18.0 * (f64::from(i) + 0.5) / f64::from(STEPS);
        let mass = 18.0 / f64::from(STEPS) * (-0.5 * x * x).exp() / (2.0 * PI).sqrt();
        let z = before.effective_noise_variance.sqrt() * x;
        let start = penalty.proximal(z, before.effective_penalty).unwrap().value;
        // b + (theta/2) [asinh(b/c) - asinh(start/c)] = z
        let observation =
            |b: f64| b + half_penalty * ((b / scale).asinh() - (start / scale).asinh());
        mass * (upper_tail(observation(cut) / spread) + upper_tail(-observation(-cut) / spread))
    });
    terms.sum()
}

#[test]
fn discoveries_that_hang_on_pretraining_are_integrated() {
    let scale = 1.009_884_553_165_820_5;
    let task = Task::new(
        Supports::new(Densities {
            pretraining: 0.05,
            fine_tuning: 0.301_637_579_369_179_6,
            overlap: 0.0,
        })
        .unwrap(),
    )
    .and_then(|task| task.with_fine_tuning_variance(1.0))
    .and_then(|task| task.with_pretraining_prior(Prior::gaussian(0.0, 0.478_311_060_005_448_2)?))
    .unwrap();
    let transfer = Transfer::new(&task, map(scale, -0.9))
        .with_pretraining_samples(samples(0.4, 0.1))
        .with_protocol(Protocol::Continued);
    // From estimates that hardly leave their start to such that forget it.
    for ratio in [1e-6, 0.001_514_907_311_133_350_2, 0.02, 0.2] {
        let solution = evaluate(&transfer, ratio);
        for cut in [0.01, 0.1, 0.3] {
            let statistics = solution.statistics(cut).unwrap();
            let rate = statistics.true_discovery_rate.unwrap();
            let expected = discovery_rate_of_new_features(&solution, scale, cut);
            assert!((rate - expected).abs() < 1e-5, "{ratio} {cut}: {rate} {expected}");
            let new = statistics.group("new").unwrap().estimates.discovery_rate;
            assert!((new - rate).abs() < ROUNDING);
        }
    }
    let rate = evaluate(&transfer, 0.001_514_907_311_133_350_2).statistics(0.1).unwrap();
    assert!((rate.true_discovery_rate.unwrap() - 0.705_14).abs() < 5e-6);
}

/// Observed and continued without noise, an estimate is its start: the rates are those of pretraining.
#[test]
fn discoveries_of_known_coefficients_are_steps() {
    let task = Task::new(
        Supports::new(Densities { pretraining: 0.3, fine_tuning: 0.2, overlap: 1.0 }).unwrap(),
    )
    .and_then(|task| task.with_pretraining_prior(Prior::gaussian(0.0, 2.0)?))
    .and_then(|task| task.with_correlation(1.0)?.with_fine_tuning_variance(2.0))
    .unwrap();
    let transfer = Transfer::new(&task, map(1e-3, 0.0));
    let solution = evaluate(&transfer, 0.9);
    for cut in [0.1, 0.5, 1.0] {
        let statistics = solution.statistics(cut).unwrap();
        let spread = (2.0 + solution.fine_tuning.state.effective_noise_variance).sqrt();
        let rate = statistics.group("shared").unwrap().estimates.discovery_rate;
        let expected = statrs::function::erf::erfc(cut / spread / 2.0_f64.sqrt());
        // The penalty still takes a little.
        assert!((rate - expected).abs() < 0.02, "{cut}: {rate} {expected}");
        let finer = Solver::new().solve(&transfer.law(8).unwrap(), &samples(0.9, 0.0)).unwrap();
        let on_nodes = finer.statistics(cut).unwrap();
        let on_nodes = on_nodes.group("shared").unwrap().estimates.discovery_rate;
        assert!((rate - on_nodes).abs() < 2e-3, "{cut}: {rate} {on_nodes}");
    }
}
