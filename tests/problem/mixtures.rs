//! Tasks whose coefficients are mixtures, or known one by one.
#![cfg(feature = "quadrature")]

use crate::common::{config, decades, relative_error};
use diagonet::*;
use proptest::prelude::*;

/// Reference values of mixtures are given to this many digits.
const REFERENCE: f64 = 5e-7;

/// Relative difference of two ways to the same law.
const SAME: f64 = 1e-11;

fn map(scale: f64, relative: f64, readout: f64) -> ScaleMap {
    ScaleMap::new(Initialization::new(Scales { absolute: scale, relative }).unwrap(), readout)
        .unwrap()
}

fn task(overlap: f64) -> Task {
    Task::new(Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap }).unwrap())
        .unwrap()
}

fn samples(ratio: f64, noise: f64) -> Samples {
    Samples::new(ratio).unwrap().with_noise_variance(noise).unwrap()
}

fn gaussian(mean: f64, variance: f64) -> Prior {
    Prior::gaussian(mean, variance).unwrap()
}

fn error(problem: &impl Problem<Solution = TransferSolution>, ratio: f64) -> f64 {
    Solver::new().solve(problem, &samples(ratio, 0.01)).unwrap().fine_tuning.generalization_error()
}

/// One task at density 0.2 and scale 1e-3, from scratch.
fn alone(mixture: Mixture, scale: f64, ratio: f64) -> f64 {
    let supports =
        Supports::new(Densities { pretraining: 0.0, fine_tuning: 0.2, overlap: 0.0 }).unwrap();
    let task = Task::new(supports).unwrap().with_fine_tuning_prior(mixture).unwrap();
    let law = Law::from_scratch(
        &task,
        &Initialization::new(Scales { absolute: scale, relative: 0.0 }).unwrap(),
    )
    .unwrap();
    Solver::new().solve(&law, &Samples::new(ratio).unwrap()).unwrap().generalization_error()
}

#[test]
fn heavy_tails_agree_with_reference_values() {
    let laplace = alone(Mixture::laplace(1.0).unwrap(), 1e-3, 0.4);
    // By another rule: midpoints in the root of the variance.
    let count = 3000;
    let step = 6.5 / f64::from(count);
    let nodes = (0..count).map(|k| (f64::from(k) + 0.5) * step);
    let nodes: Vec<_> = nodes.map(|x| (2.0 * x * (-x * x).exp() * step, x * x)).collect();
    let mass: f64 = nodes.iter().map(|node| node.0).sum();
    let components = nodes.iter().map(|&(weight, v)| (weight / mass, gaussian(0.0, v)));
    let other = alone(Mixture::new(components).unwrap(), 1e-3, 0.4);
    // The midpoint rule is good to the square of its step.
    assert!(relative_error(laplace, other) < 4.0 * step * step, "{laplace} {other}");
    // Student's t as it is tabulated, with variance nu/(nu - 2).
    let student = alone(Mixture::student_t(3.0, 3.0).unwrap(), 1e-3, 0.4);
    assert!(relative_error(student, 0.06975817) < REFERENCE, "{student}");
}

#[test]
fn many_degrees_of_freedom_are_a_gaussian() {
    let exact = alone(gaussian(0.0, 1.0).into(), 1e-3, 0.4);
    // The excess kurtosis 6/(nu - 4) is felt to first order.
    let distances = [1e3, 1e4, 1e6]
        .map(|nu| relative_error(alone(Mixture::student_t(nu, 1.0).unwrap(), 1e-3, 0.4), exact));
    assert!(distances[0] < 5e-3 && distances[2] < 5e-6, "{distances:?}");
    assert!((distances[0] / distances[1] - 10.0).abs() < 0.5, "{distances:?}");
    assert!((distances[1] / distances[2] - 100.0).abs() < 1.0, "{distances:?}");
}

#[test]
fn a_split_component_changes_nothing() {
    let whole = gaussian(0.3, 2.0);
    let halves = Mixture::new([(0.25, whole), (0.75, whole)]).unwrap();
    let base = task(0.5).with_correlation(0.6).unwrap();
    let scale_map = map(0.01, -0.5, 0.1);
    for pretraining in [gaussian(0.0, 1.5), gaussian(1.0, 0.0), gaussian(-0.5, 0.2)] {
        for finite in [None, Some(samples(0.5, 0.1)), Some(samples(1.5, 0.1))] {
            for protocol in [Protocol::REBALANCED, Protocol::Continued] {
                let solve = |task: Task| {
                    let transfer = Transfer::new(&task, scale_map).with_protocol(protocol);
                    let transfer = match finite {
                        Some(samples) => transfer.with_pretraining_samples(samples),
                        None => transfer,
                    };
                    Solver::new().solve(&transfer, &samples(0.3, 0.01)).unwrap()
                };
                let once = base.clone().with_pretraining_prior(pretraining).unwrap();
                let twice = Mixture::new([(0.4, pretraining), (0.6, pretraining)]).unwrap();
                let one = solve(once.clone().with_fine_tuning_prior(whole).unwrap());
                let two = solve(
                    once.with_pretraining_prior(twice)
                        .and_then(|task| task.with_fine_tuning_prior(halves.clone()))
                        .unwrap(),
                );
                for class in FeatureClass::ALL {
                    let errors = [&one, &two].map(|s| s.fine_tuning.error_of(class).unwrap());
                    assert!(relative_error(errors[1], errors[0]) < SAME, "{errors:?}");
                }
                let scratch =
                    [&one, &two].map(|s| s.from_scratch().unwrap().generalization_error());
                assert!(relative_error(scratch[1], scratch[0]) < SAME);
                let statistics = [&one, &two].map(|s| s.statistics(0.1).unwrap());
                let rates = statistics.map(|s| [s.true_discovery_rate, s.false_discovery_rate]);
                for (a, b) in rates[0].iter().zip(&rates[1]) {
                    assert!((a.unwrap() - b.unwrap()).abs() < 1e-9, "{rates:?}");
                }
                let gradients =
                    [&one, &two].map(|s| s.sensitivities().unwrap().generalization_error);
                let derivatives = gradients[0].entries().into_iter().filter_map(|entry| entry.1);
                let largest = derivatives.fold(0.0, |largest: f64, x| largest.max(x.abs()));
                for (a, b) in gradients[0].entries().iter().zip(gradients[1].entries()) {
                    let same = match (a.1, b.1) {
                        (Some(x), Some(y)) => (x - y).abs() < 1e-8 * largest,
                        (x, y) => x == y,
                    };
                    assert!(same, "{a:?} {b:?} {protocol:?}");
                }
            }
        }
    }
}

#[test]
fn both_signs_are_one_where_nothing_tells_them_apart() {
    let signs = Mixture::new([(0.5, gaussian(-1.0, 0.0)), (0.5, gaussian(1.0, 0.0))]).unwrap();
    for finite in [None, Some(samples(0.4, 0.2))] {
        let transfer = |prior: Mixture| {
            let task = task(0.7).with_correlation(0.9).unwrap();
            let task = task.with_pretraining_prior(prior).unwrap();
            let transfer = Transfer::new(&task, map(0.05, 0.2, 0.0));
            match finite {
                Some(samples) => transfer.with_pretraining_samples(samples),
                None => transfer,
            }
        };
        let one = error(&transfer(gaussian(1.0, 0.0).into()), 0.3);
        assert!(relative_error(error(&transfer(signs.clone()), 0.3), one) < SAME);
    }
}

#[test]
fn shared_and_new_features_have_their_own_strength() {
    let base = task(0.5);
    let scale_map = map(1e-3, -0.9, 0.0);
    let solve = |task: &Task| {
        let solution = Solver::new().solve(&Transfer::new(task, scale_map), &samples(0.3, 0.01));
        solution.unwrap().fine_tuning
    };
    let by_hand = |shared: Prior, new: Prior| {
        let scales = [1.0, 0.0].map(|beta| scale_map.fine_tuning_scale(beta).unwrap());
        let group = |label, weight, prior, scale| {
            CoordinateGroup::new(label, weight, prior, scale).unwrap()
        };
        let law = Law::new(vec![
            group("shared", 0.05, shared, scales[0]),
            group("new", 0.05, new, scales[1]),
            group("pretraining-only", 0.15, Prior::ZERO, scales[0]),
            group("none", 0.75, Prior::ZERO, scales[1]),
        ]);
        Solver::new().solve(&law.unwrap(), &samples(0.3, 0.01)).unwrap()
    };
    for (shared, new) in [
        (gaussian(0.0, 5.0), gaussian(0.0, 0.5)),
        (gaussian(2.0, 0.1), gaussian(-1.0, 1.0)),
        (gaussian(1.0, 0.0), gaussian(0.0, 4.0)),
    ] {
        let rich = base.clone().with_shared_prior(shared).unwrap().with_new_prior(new).unwrap();
        let (task, hand) = (solve(&rich), by_hand(shared, new));
        for label in ["shared", "new", "pretraining-only", "none"] {
            let errors = [task.error_of(label).unwrap(), hand.error_of(label).unwrap()];
            assert!(relative_error(errors[0], errors[1]) < SAME, "{label} {errors:?}");
        }
    }
}

#[test]
fn derivatives_follow_the_priors() {
    const STEP: f64 = 1e-4;
    let build = |[mean, variance, new_mean, new_variance, shift, spread]: [f64; 6]| {
        let shared = Mixture::new([
            (0.3, gaussian(1.0 + mean, 0.5 + variance)),
            (0.7, gaussian(-0.2 + mean, 2.0 + variance)),
        ]);
        let pretraining = Mixture::new([
            (0.4, gaussian(-1.0 + shift, 0.3 + spread)),
            (0.6, gaussian(0.5 + shift, 1.0 + spread)),
        ]);
        let task = task(0.6).with_pretraining_prior(pretraining.unwrap()).unwrap();
        task.with_correlation(0.5)
            .and_then(|task| task.with_shared_prior(shared.unwrap()))
            .and_then(|task| task.with_new_prior(gaussian(0.4 + new_mean, 1.0 + new_variance)))
            .unwrap()
    };
    for protocol in [Protocol::REBALANCED, Protocol::Continued] {
        let transfer = |point: [f64; 6]| {
            Transfer::new(&build(point), map(0.05, 0.3, 0.2))
                .with_pretraining_samples(samples(0.5, 0.1))
                .with_protocol(protocol)
        };
        let solution = Solver::new().solve(&transfer([0.0; 6]), &samples(0.3, 0.01)).unwrap();
        let gradient = solution.sensitivities().unwrap().generalization_error;
        let expected = [
            gradient.shared_mean,
            gradient.shared_variance.unwrap(),
            gradient.new_mean,
            gradient.new_variance,
            gradient.pretraining_mean.unwrap(),
            gradient.pretraining_variance.unwrap(),
        ];
        for (index, expected) in expected.into_iter().enumerate() {
            let at = |step: f64| {
                let mut point = [0.0; 6];
                point[index] = step;
                error(&transfer(point), 0.3)
            };
            // Extrapolated central differences.
            let slope = |step: f64| (at(step) - at(-step)) / (2.0 * step);
            let difference = (4.0 * slope(STEP) - slope(2.0 * STEP)) / 3.0;
            assert!(
                (difference - expected).abs() < 1e-6 * expected.abs().max(1e-3),
                "{index} {protocol:?}: {difference} {expected}"
            );
        }
    }
}

#[test]
fn known_coefficients_are_their_own_law() {
    let pretrained = [1.0, -1.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0];
    let coefficients = [0.5, 0.3, 0.7, 0.0, 0.0, -0.0, 0.0, 0.0, 0.5, 0.0];
    let task = Task::from_coefficients(&pretrained, &coefficients).unwrap();
    assert_eq!(task.supports().probability(FeatureClass::Shared), 0.3);
    assert_eq!(task.supports().overlap(), Some(0.3 / 0.4));
    let scale_map = map(1e-2, -0.5, 0.0);
    let law = Law::fine_tuning(&task, &scale_map).unwrap();
    assert_eq!(law.groups().len(), 5);
    assert_eq!(law, Law::from_coefficients(&pretrained, &coefficients, &scale_map).unwrap());
    assert!((law.mean_square() - task.mean_square()).abs() < 1e-16);
    let solver = Solver::new();
    let transfer = Transfer::new(&task, scale_map);
    let solution = solver.solve(&transfer, &samples(0.5, 0.01)).unwrap();
    let direct = solver.solve(&law, &samples(0.5, 0.01)).unwrap();
    assert_eq!(solution.fine_tuning.generalization_error(), direct.generalization_error());
    // The names of what cannot be set.
    let fixed = [
        task.clone().with_correlation(0.1),
        task.clone().with_pretraining_prior(Prior::ZERO),
        task.clone().with_new_prior(Prior::ZERO),
        task.clone().with_shared_prior(Prior::ZERO),
    ];
    let names = ["correlation", "pretraining_prior", "new_prior", "shared_prior"];
    for (result, parameter) in fixed.into_iter().zip(names) {
        assert_eq!(result.unwrap_err(), Error::KnownCoefficients { parameter });
    }
    // Finite pretraining spreads every atom, much data hardly.
    let finite =
        |ratio| error(&transfer.clone().with_pretraining_samples(samples(ratio, 0.1)), 0.5);
    let exact = solution.fine_tuning.generalization_error();
    let gaps = [2.0, 1e2, 1e6].map(|ratio| relative_error(finite(ratio), exact));
    assert!(gaps[0] > gaps[1] && gaps[1] > gaps[2] && gaps[2] < 1e-4, "{gaps:?}");
}

#[test]
fn vectors_that_do_not_match_are_refused() {
    let mismatch = |result: Result<Task>, name: &str| {
        assert!(
            matches!(result, Err(Error::DimensionMismatch { parameter, .. }) if parameter == name)
        );
    };
    mismatch(Task::from_coefficients(&[1.0], &[1.0, 2.0]), "coefficients");
    mismatch(Task::from_coefficients(&[], &[]), "pretrained");
    mismatch(Task::from_coefficients_in_bins(&[], &[], 0.1), "pretrained");
    for (pair, name) in [([f64::NAN, 0.0], "pretrained"), ([0.0, 1e151], "coefficients")] {
        let result = Task::from_coefficients(&pair[..1], &pair[1..]);
        assert!(matches!(result, Err(Error::OutOfDomain { parameter, .. }) if parameter == name));
    }
    assert!(Task::from_coefficients_in_bins(&[1.0], &[1.0], 0.0).is_err());
}

/// Standard normal numbers, the same everywhere.
fn normals(count: usize, seed: f64) -> Vec<f64> {
    use statrs::distribution::{ContinuousCDF, Normal};
    let normal = Normal::standard();
    let golden = 0.618_033_988_749_895;
    (0..count).map(|k| normal.inverse_cdf(((k as f64 + 0.5) * golden + seed).fract())).collect()
}

#[test]
fn bins_keep_the_error() {
    let count = 1500;
    let (x, y, u) = (normals(count, 0.1), normals(count, 0.437), normals(count, 0.77));
    for power in [1, 3] {
        let heavy = |z: f64| z.powi(power);
        let pretrained: Vec<f64> =
            (0..count).map(|k| if k % 5 == 0 { heavy(x[k]) } else { 0.0 }).collect();
        let coefficients: Vec<f64> = (0..count)
            .map(|k| {
                if k % 10 == 0 || k % 33 == 1 {
                    heavy(0.6 * x[k] + 0.8 * y[k] + 0.1 * u[k])
                } else {
                    0.0
                }
            })
            .collect();
        for (scale, relative, ratio) in [(1e-6, -0.9, 0.2), (1e-3, 0.5, 0.3), (1.0, 0.0, 0.5)] {
            let scale_map = map(scale, relative, 0.0);
            let solve = |task: Task| {
                let law = Law::fine_tuning(&task, &scale_map).unwrap();
                Solver::new().solve(&law, &samples(ratio, 1e-3)).unwrap().generalization_error()
            };
            let exact = solve(Task::from_coefficients(&pretrained, &coefficients).unwrap());
            let errors = [0.1, 0.2, 0.4].map(|width| {
                let binned =
                    Task::from_coefficients_in_bins(&pretrained, &coefficients, width).unwrap();
                relative_error(solve(binned), exact)
            });
            assert!(errors[0] < 1e-4, "{errors:?}");
        }
    }
}

proptest! {
    #![proptest_config(config(48))]

    #[test]
    fn mixtures_of_all_sizes_have_an_answer(
        weights in [0.01..1.0_f64, 0.01..1.0, 0.01..1.0],
        sizes in [decades(-6.0, 6.0), decades(-6.0, 6.0), decades(-6.0, 6.0)],
        atoms in [any::<bool>(), any::<bool>(), any::<bool>()],
        scale in decades(-12.0, 6.0),
        relative in -1.0..=1.0_f64,
        correlation in -1.0..=1.0_f64,
        ratio in 0.05..0.95_f64,
    ) {
        let total: f64 = weights.iter().sum();
        let component = |k: usize| {
            let prior = if atoms[k] { gaussian(sizes[k], 0.0) } else { gaussian(0.0, sizes[k] * sizes[k]) };
            (weights[k] / total, prior)
        };
        let mixture = Mixture::new((0..3).map(component)).unwrap();
        let atoms = Mixture::new((0..3).map(|k| (weights[k] / total, gaussian(sizes[2 - k], 0.0)))).unwrap();
        let task = task(0.4)
            .with_pretraining_prior(atoms)
            .and_then(|task| task.with_fine_tuning_prior(mixture))
            .and_then(|task| task.with_correlation(correlation))
            .unwrap();
        let scale_map = map(scale, relative, 0.01);
        let law = Law::fine_tuning(&task, &scale_map).unwrap();
        prop_assert!(relative_error(law.mean_square(), task.mean_square()) < 1e-12);
        let solution = Solver::new().solve(&law, &samples(ratio, 0.01)).unwrap();
        prop_assert!(solution.generalization_error() > 0.0);
        let bias = TaskBias::of_task(&task, &scale_map).unwrap();
        let sum: f64 = Regime::ALL.iter().map(|&regime| bias.regime_shares().share(regime)).sum();
        prop_assert!((sum - 1.0).abs() < 1e-14);
        prop_assert!((1.0..=2.0).contains(&bias.average().l_order()));
    }
}
