//! The generalization error against reference values, limits and an independent quadrature.

#![cfg(feature = "quadrature")]

use crate::common::{fixture, relative_error};
use diagonet::{
    CoordinateGroup, Densities, Error, FeatureClass, Initialization, Law, Penalty, Prior, Result,
    Samples, ScaleMap, Scales, Solution, Solver, Supports, Task,
};

/// The table's own accuracy is 1e-10.
const TABLE_BUDGET: f64 = 1e-9;

fn solve_row(row: &std::collections::HashMap<String, f64>) -> Result<Solution> {
    let supports = Supports::new(Densities {
        pretraining: row["rho_pt"],
        fine_tuning: row["rho_ft"],
        overlap: row["overlap"],
    })?;
    let task = Task::new(supports)?
        .with_pretraining_magnitude(row["beta_pt_active"])?
        .with_fine_tuning_variance(row["var_ft_active"])?;
    let pretraining =
        Initialization::new(Scales { absolute: row["c_pt"], relative: row["lambda_pt"] })?;
    let law = Law::fine_tuning(&task, &ScaleMap::new(pretraining, row["gamma_ft"])?)?;
    let samples = Samples::new(row["alpha_ft"])?.with_noise_variance(row["noise_var"])?;
    Solver::new().solve(&law, &samples)
}

#[test]
fn generalization_error_meets_the_table() {
    for row in fixture("generalization.csv") {
        let report = solve_row(&row).unwrap();
        for (computed, column) in [
            (report.generalization_error(), "error"),
            (report.state.effective_noise_variance, "s2"),
            (report.state.effective_penalty, "theta"),
            (report.error_of("shared").unwrap(), "err_shared"),
            (report.error_of("new").unwrap(), "err_new"),
            (report.error_of("pretraining-only").unwrap(), "err_pt_only"),
            (report.error_of("none").unwrap(), "err_none"),
        ] {
            let error = relative_error(computed, row[column]);
            assert!(error <= TABLE_BUDGET, "{column}: {error:e} at {row:?}");
        }
    }
}

fn spike_and_slab(scale: f64) -> Law {
    Law::new(vec![
        CoordinateGroup::new("signal", 0.1, Prior::gaussian(0.0, 10.0).unwrap(), scale).unwrap(),
        CoordinateGroup::new("background", 0.9, Prior::ZERO, scale).unwrap(),
    ])
    .unwrap()
}

fn error_at(law: &Law, samples: Samples) -> f64 {
    Solver::new().solve(law, &samples).unwrap().generalization_error()
}

/// The slow, logarithmic approach to basis pursuit, to the four digits that are published.
#[test]
fn rich_limit_is_approached_logarithmically() {
    let samples = Samples::new(0.25).unwrap();
    for (scale, expected) in
        [(1e-3, 0.2963), (1e-6, 0.2489), (1e-12, 0.2250), (1e-30, 0.2106), (1e-300, 0.2019)]
    {
        assert!((error_at(&spike_and_slab(scale), samples) - expected).abs() < 5e-5, "{scale:e}");
    }
}

/// One lazy scale: (1 - alpha) V + sigma² alpha/(1 - alpha), up to alpha next to 1 and at any scale
/// that is large.
#[test]
fn lazy_limit_is_met_for_all_sample_ratios() {
    for scale in [1e8, 1e150, 1e300] {
        for alpha in [1e-4, 0.1, 0.5, 0.9, 0.999_999, 1.0 - 1e-12] {
            for noise in [0.0, 0.3] {
                let samples = Samples::new(alpha).unwrap().with_noise_variance(noise).unwrap();
                let gap = 1.0 - alpha;
                let expected = gap + noise * alpha / gap;
                let error = relative_error(error_at(&spike_and_slab(scale), samples), expected);
                assert!(error < Solver::ACCURACY, "c = {scale:e}, alpha = {alpha}: {error:e}");
            }
        }
    }
}

/// With a quadratic penalty b²/(4c) and strength kappa, the estimate is ridge regression.
#[test]
fn explicit_penalty_in_the_lazy_limit_is_ridge_regression() {
    let scale = 1e9;
    for alpha in [0.2, 1.0, 3.0] {
        for kappa in [1e-3 * scale, scale, 1e3 * scale] {
            let samples = Samples::new(alpha).unwrap().with_noise_variance(0.2).unwrap();
            let solver = Solver::new().with_explicit_penalty(kappa).unwrap();
            let report = solver.solve(&spike_and_slab(scale), &samples).unwrap();
            // Response a of the linear estimate b = a z, from alpha = a + kappa/theta with
            // theta/2 = c (1 - a)/a.
            let ridge = kappa / (2.0 * scale);
            let sum = 1.0 + alpha + ridge;
            let a = 2.0 * alpha / (sum + (sum * sum - 4.0 * alpha).sqrt());
            let expected = (alpha * (1.0 - a) * (1.0 - a) + 0.2 * a * a) / (alpha - a * a);
            assert!(relative_error(report.generalization_error(), expected) < Solver::ACCURACY);
        }
    }
}

#[test]
fn more_samples_than_reachable_coordinates_are_least_squares() {
    let law = Law::new(vec![
        CoordinateGroup::new("moves", 0.4, Prior::gaussian(0.5, 2.0).unwrap(), 1e-3).unwrap(),
        CoordinateGroup::new("frozen", 0.6, Prior::gaussian(0.0, 0.5).unwrap(), 0.0).unwrap(),
    ])
    .unwrap();
    let samples = Samples::new(0.7).unwrap().with_noise_variance(0.2).unwrap();
    let report = Solver::new().solve(&law, &samples).unwrap();
    let frozen = 0.6 * 0.5;
    let expected = (0.7 * frozen + 0.4 * 0.2) / (0.7 - 0.4);
    assert!(relative_error(report.generalization_error(), expected) < 1e-14);
    assert_eq!(report.state.effective_penalty, 0.0);
    assert_eq!(report.error_of("frozen"), Some(0.5));
}

/// The interpolating branch close to the reachable fraction joins the divergence on both sides.
#[test]
fn frozen_signal_diverges_at_the_reachable_fraction() {
    let law = Law::new(vec![
        CoordinateGroup::new("moves", 0.5, Prior::gaussian(0.0, 1.0).unwrap(), 1e-2).unwrap(),
        CoordinateGroup::new("frozen", 0.5, Prior::atom(1.0).unwrap(), 0.0).unwrap(),
    ])
    .unwrap();
    let at = Solver::new().solve(&law, &Samples::new(0.5).unwrap());
    assert!(matches!(at, Err(Error::Diverges { frozen_signal: 0.5, .. })));
    for gap in [1e-6, 1e-9] {
        // Next to the threshold the penalty no longer matters: error gap -> F r from both sides.
        let below = error_at(&law, Samples::new(0.5 - gap).unwrap()) * gap;
        let above = error_at(&law, Samples::new(0.5 + gap).unwrap()) * gap;
        assert!((below - 0.25).abs() < 1e3 * gap && (above - 0.25).abs() < 1e3 * gap);
    }
}

#[test]
fn noiseless_samples_at_the_reachable_fraction_recover_everything() {
    assert_eq!(error_at(&spike_and_slab(0.1), Samples::new(1.0).unwrap()), 0.0);
    assert_eq!(error_at(&spike_and_slab(0.1), Samples::new(1.5).unwrap()), 0.0);
}

#[test]
fn nothing_to_estimate_is_estimated_without_error() {
    let law = Law::new(vec![
        CoordinateGroup::new("zero", 1.0, Prior::ZERO, 0.1).unwrap(),
        CoordinateGroup::new("probe", 0.0, Prior::atom(1.0).unwrap(), 0.1).unwrap(),
    ])
    .unwrap();
    let report = Solver::new().solve(&law, &Samples::new(0.5).unwrap()).unwrap();
    assert_eq!(report.generalization_error(), 0.0);
    assert!((report.state.effective_penalty - 0.2).abs() < 1e-14);
    // What a vanishing fraction of coordinates at 1 would lose to the penalty.
    let kept = Penalty::new(0.1_f64).unwrap().proximal(1.0, 0.2).unwrap().value;
    let error = report.error_of("probe").unwrap();
    assert!(relative_error(error, (1.0 - kept).powi(2)) < 1e-12);
}

/// The equations hold at the returned state, by a midpoint rule in z that shares no code with the
/// crate's quadrature, at the rule's own accuracy.
#[test]
fn fixed_point_equations_hold_under_an_independent_quadrature() {
    const NODES: usize = 200_000;
    const BUDGET: f64 = 1e-9;
    let law = Law::new(vec![
        CoordinateGroup::new("shared", 0.1, Prior::gaussian(0.3, 5.0).unwrap(), 0.05).unwrap(),
        CoordinateGroup::new("atom", 0.2, Prior::atom(-1.5).unwrap(), 0.01).unwrap(),
        CoordinateGroup::new("none", 0.7, Prior::ZERO, 0.002).unwrap(),
    ])
    .unwrap();
    for kappa in [0.0, 0.05] {
        let samples = Samples::new(0.4).unwrap().with_noise_variance(0.01).unwrap();
        let solver = Solver::new().with_explicit_penalty(kappa).unwrap();
        let report = solver.solve(&law, &samples).unwrap();
        let (noise, theta) =
            (report.state.effective_noise_variance, report.state.effective_penalty);
        let (mut response, mut error) = (0.0, 0.0);
        for group in law.groups() {
            let (m, v) = (group.prior().mean(), group.prior().variance());
            let penalty = Penalty::new(group.scale()).unwrap();
            let total = v + noise;
            let width = 20.0 / NODES as f64;
            for node in 0..NODES {
                let u = -10.0 + width * (node as f64 + 0.5);
                let mass = width * (-0.5 * u * u).exp() / (2.0 * std::f64::consts::PI).sqrt();
                let z = m + total.sqrt() * u;
                let point = penalty.proximal(z, theta).unwrap();
                let bias = m + v / total * (z - m) - point.value;
                response += group.weight() * mass * point.slope_in_z;
                error += group.weight() * mass * (v * noise / total + bias * bias);
            }
        }
        assert!(relative_error(error, report.generalization_error()) < BUDGET);
        assert!(relative_error(response + kappa / theta, 0.4) < BUDGET);
        assert!(relative_error((0.01 + error) / 0.4, noise) < BUDGET);
    }
}

#[test]
fn learning_curve_is_the_same_as_its_points() {
    let law = spike_and_slab(1e-6);
    let ratios: Vec<f64> = (1..=40).map(|i| 0.02 * f64::from(i)).collect();
    let curve = Solver::new().learning_curve(&law, 0.01, &ratios);
    for (ratio, point) in ratios.iter().zip(&curve) {
        let samples = Samples::new(*ratio).unwrap().with_noise_variance(0.01).unwrap();
        let warm = point.as_ref().unwrap().generalization_error();
        assert!(relative_error(warm, error_at(&law, samples)) < Solver::ACCURACY);
    }
}

#[test]
fn learning_curve_reports_a_bad_point_and_goes_on() {
    let curve = Solver::new().learning_curve(&spike_and_slab(1.0), 0.1, &[0.5, f64::NAN, 1.0, 2.0]);
    assert!(curve[0].is_ok());
    assert!(matches!(curve[1], Err(Error::OutOfDomain { parameter: "sample_ratio", .. })));
    assert!(matches!(curve[2], Err(Error::Diverges { .. })));
    assert!(curve[3].is_ok());
}

/// Sample ratios equal to the weight of the coordinates with the larger scale, where all of their
/// response is used up and nothing of the others' is needed; 40-digit values.
#[test]
fn sample_ratios_at_the_weight_of_a_group_keep_the_budget() {
    let two = |weight: f64, variance: f64, low: f64, high: f64| {
        Law::new(vec![
            CoordinateGroup::new("low", 1.0 - weight, Prior::ZERO, low).unwrap(),
            CoordinateGroup::new("high", weight, Prior::gaussian(0.0, variance).unwrap(), high)
                .unwrap(),
        ])
        .unwrap()
    };
    for (weight, low, high, variance) in [
        (0.25, 1e-12, 1e3, 1.0),
        (0.3, 1e-12, 1e5, 1.0),
        (0.3, 1e-11, 1e6, 1.0),
        (0.1, 1e-12, 1e6, 10.0),
    ] {
        let samples = Samples::new(weight).unwrap();
        let law = two(weight, variance, low, high);
        let cold = Solver::new().solve(&law, &samples).unwrap();
        let other = Solver::new().solve(&law, &Samples::new(0.9 * weight).unwrap()).unwrap().state;
        let warm = Solver::new().solve_from(&law, &samples, &other).unwrap();
        let error = relative_error(warm.generalization_error(), cold.generalization_error());
        assert!(error < Solver::ACCURACY, "{weight} {low} {high}: {error:e}");
    }
    let task = Task::new(
        Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.05, overlap: 1.0 }).unwrap(),
    )
    .unwrap()
    .with_pretraining_magnitude(1e6)
    .unwrap();
    let pretraining = Initialization::new(Scales { absolute: 1e-12, relative: 0.0 }).unwrap();
    let law = Law::fine_tuning(&task, &ScaleMap::new(pretraining, 0.0).unwrap()).unwrap();
    let error = error_at(&law, Samples::new(0.1).unwrap());
    assert!(relative_error(error, 2.121_945_251_495_115e-9) < Solver::ACCURACY, "{error:e}");
}

/// Inputs at the ends of their domains come to an end themselves.
#[test]
fn extreme_ratios_and_penalties_terminate() {
    let law = spike_and_slab(1e-3);
    for alpha in [1e-300, 1e-290, 1e-205, 1e300] {
        let samples = Samples::new(alpha).unwrap();
        if let Ok(report) = Solver::new().solve(&law, &samples) {
            assert!(report.generalization_error().is_finite());
        }
    }
    let atom =
        Law::new(vec![CoordinateGroup::new("a", 1.0, Prior::atom(1.0).unwrap(), 1.0).unwrap()])
            .unwrap();
    let noisy = |alpha: f64| Samples::new(alpha).unwrap().with_noise_variance(0.1).unwrap();
    for kappa in [1e-300, 1e-250] {
        let solver = Solver::new().with_explicit_penalty(kappa).unwrap();
        let error = solver.solve(&atom, &noisy(2.0)).unwrap().generalization_error();
        assert!(relative_error(error, 0.1) < Solver::ACCURACY);
    }
    let strong = Solver::new().with_explicit_penalty(1e300).unwrap();
    let error = strong.solve(&atom, &noisy(0.5)).unwrap().generalization_error();
    assert!(relative_error(error, 1.0) < Solver::ACCURACY);
}

/// A start from another world is passed over.
#[test]
fn starts_in_other_units_are_passed_over() {
    let tiny = Law::new(vec![
        CoordinateGroup::new("signal", 0.01, Prior::gaussian(0.0, 100.0).unwrap(), 1e-138).unwrap(),
        CoordinateGroup::new("background", 0.99, Prior::ZERO, 1e-138).unwrap(),
    ])
    .unwrap();
    let huge = Law::new(vec![
        CoordinateGroup::new("signal", 0.5, Prior::atom(1e30).unwrap(), 1e29).unwrap(),
        CoordinateGroup::new("background", 0.5, Prior::ZERO, 1e29).unwrap(),
    ])
    .unwrap();
    let state = Solver::new().solve(&tiny, &Samples::new(0.9).unwrap()).unwrap().state;
    let samples = Samples::new(0.3).unwrap();
    let warm = Solver::new().solve_from(&huge, &samples, &state).unwrap();
    assert!(
        relative_error(warm.generalization_error(), error_at(&huge, samples)) < Solver::ACCURACY
    );
}

#[test]
fn laws_of_many_groups_are_summed_without_loss() {
    let groups = (0..100_000).map(|_| {
        CoordinateGroup::new("all", 1e-5, Prior::gaussian(0.0, 1.0).unwrap(), 1e9).unwrap()
    });
    let law = Law::new(groups.collect()).unwrap();
    assert_eq!(law.reachable_fraction(), 1.0);
    let error = error_at(&law, Samples::new(0.25).unwrap());
    assert!(relative_error(error, 0.75) < Solver::ACCURACY);
}

/// Coefficients in any order are the law of their kinds.
#[test]
fn own_coefficients_are_a_law_of_atoms() {
    let map =
        ScaleMap::new(Initialization::new(Scales { absolute: 1e-2, relative: -0.5 }).unwrap(), 0.1)
            .unwrap();
    // A task with correlation 1: shared coefficients are one number.
    let task = Task::new(
        Supports::new(Densities { pretraining: 0.25, fine_tuning: 0.125, overlap: 1.0 }).unwrap(),
    )
    .and_then(|task| task.with_correlation(1.0)?.with_fine_tuning_variance(4.0))
    .unwrap();
    let (mut pretrained, mut coefficients) = (vec![0.0; 800], vec![-0.0; 800]);
    for index in 0..200 {
        pretrained[(index * 7) % 800] = 1.0;
    }
    for index in 0..100 {
        coefficients[(index * 7) % 800] = 2.0;
    }
    let own = Law::from_coefficients(&pretrained, &coefficients, &map).unwrap();
    assert_eq!(own.groups().len(), 3);
    let law = Law::fine_tuning(&task, &map).unwrap();
    let samples = Samples::new(0.1).unwrap().with_noise_variance(0.01).unwrap();
    let [left, right] = [own, law].map(|law| Solver::new().solve(&law, &samples).unwrap());
    let difference = left.generalization_error() / right.generalization_error() - 1.0;
    assert!(difference.abs() < Solver::ACCURACY, "{difference:e}");
    for class in [FeatureClass::Shared, FeatureClass::PretrainingOnly, FeatureClass::Unused] {
        let [x, y] = [&left, &right].map(|solution| solution.error_of(class).unwrap());
        assert!((x / y - 1.0).abs() < Solver::ACCURACY);
    }
    assert!(matches!(
        Law::from_coefficients(&pretrained, &coefficients[1..], &map),
        Err(Error::DimensionMismatch { expected: 800, found: 799, .. })
    ));
    assert!(Law::from_coefficients(&[], &[], &map).is_err());
    assert!(Law::from_coefficients(&[f64::NAN], &[0.0], &map).is_err());
}

#[test]
fn hardly_any_samples_learn_nothing_at_any_scale() {
    // Down to the smallest ratio that samples may have, where s² is above 1e299.
    for alpha in [1e-300, 1e-300_f64.next_up(), 3e-300, 1e-299] {
        let samples = Samples::new(alpha).unwrap();
        for exponent in [-300, -100, -12, -6, -3, 0, 3, 6] {
            let scale = 10.0_f64.powi(exponent);
            for (weight, ratio) in [(0.5, 1.0), (0.5, 3.0), (1e-3, 1.0), (1e-3, 3.0)] {
                let law = Law::new(vec![
                    CoordinateGroup::new(
                        "signal",
                        weight,
                        Prior::gaussian(0.0, 1.0).unwrap(),
                        scale,
                    )
                    .unwrap(),
                    CoordinateGroup::new("rest", 1.0 - weight, Prior::ZERO, ratio * scale).unwrap(),
                ])
                .unwrap();
                for noise in [0.0, 0.1] {
                    let samples = samples.with_noise_variance(noise).unwrap();
                    let report = Solver::new().solve(&law, &samples);
                    let error = report.expect("there is an answer").generalization_error();
                    let learned = error / weight - 1.0;
                    assert!(learned.abs() < 1e-10, "{alpha:e} {scale:e} {weight}: {learned:e}");
                }
            }
        }
    }
}
