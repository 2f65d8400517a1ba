//! Closed forms against the fixed point, against each other, and against the literature.

use crate::common::{config, relative_error};
use diagonet::{
    CoordinateGroup, Densities, Error, Estimator, Law, Prior, RecoveryThreshold, Samples, Solution,
    Solver, Supports, basis_pursuit, minimum_l2, ordinary_least_squares, rich_weights, weighted_l1,
    weighted_l2,
};
use proptest::prelude::*;
use statrs::function::erf::erfc;

/// Two routes to the same closed form.
const ROUNDING: f64 = 1e-13;
/// What statrs promises of its error functions.
const STATRS: f64 = 1e-9;

fn samples(ratio: f64, noise: f64) -> Samples {
    Samples::new(ratio).unwrap().with_noise_variance(noise).unwrap()
}

fn spike_and_slab(density: f64, scale: f64) -> Law {
    let slab = Prior::gaussian(0.0, 1.0 / density).unwrap();
    Law::new(vec![
        CoordinateGroup::new("signal", density, slab, scale).unwrap(),
        CoordinateGroup::new("background", 1.0 - density, Prior::ZERO, scale).unwrap(),
    ])
    .unwrap()
}

/// Reused and new features with a ratio of scales, atoms and slabs.
fn mixture(scale: f64, ratio: f64) -> Law {
    Law::new(vec![
        CoordinateGroup::new("slab", 0.1, Prior::gaussian(0.0, 5.0).unwrap(), ratio * scale)
            .unwrap(),
        CoordinateGroup::new("atom", 0.05, Prior::atom(2.0).unwrap(), scale).unwrap(),
        CoordinateGroup::new("offset", 0.05, Prior::gaussian(-1.0, 0.5).unwrap(), 3.0 * scale)
            .unwrap(),
        CoordinateGroup::new("zero", 0.8, Prior::ZERO, scale).unwrap(),
    ])
    .unwrap()
}

fn weighted_sum(report: &Solution) -> f64 {
    report.errors.groups.iter().map(|group| group.weight * group.error).sum()
}

#[test]
fn one_scale_is_the_textbook_formula() {
    for alpha in [1e-6, 0.2, 0.5, 0.999_999] {
        for noise in [0.0, 0.3] {
            let expected = (1.0 - alpha) + noise * alpha / (1.0 - alpha);
            for limit in [minimum_l2, weighted_l2] {
                let report = limit(&spike_and_slab(0.1, 7.0), &samples(alpha, noise)).unwrap();
                assert!(relative_error(report.generalization_error(), expected) < ROUNDING);
                assert!(relative_error(weighted_sum(&report), expected) < ROUNDING);
            }
        }
    }
}

#[test]
fn two_scales_by_the_quadratic_are_two_scales_by_the_root_search() {
    for ratio in [1.5, 1e3, 1e9] {
        for alpha in [1e-4, 0.05, 0.3, 0.9, 0.999_9] {
            let group =
                |weight, prior, scale| CoordinateGroup::new("g", weight, prior, scale).unwrap();
            let slab = Prior::gaussian(0.0, 2.0).unwrap();
            let two = vec![group(0.3, slab, ratio), group(0.7, Prior::ZERO, 1.0)];
            // A third scale that is nearly the second, and one of negligible weight in between.
            let mut three = vec![
                group(0.3, slab, ratio),
                group(0.7 - 1e-15, Prior::ZERO, 1.0),
                group(1e-15, Prior::ZERO, 1.0 + 1e-9),
            ];
            let explicit = weighted_l2(&Law::new(two).unwrap(), &samples(alpha, 0.1)).unwrap();
            three.swap(0, 2);
            let searched = weighted_l2(&Law::new(three).unwrap(), &samples(alpha, 0.1)).unwrap();
            let (x, y) = (explicit.generalization_error(), searched.generalization_error());
            assert!(relative_error(x, y) < 1e-11, "{ratio} {alpha}: {x} {y}");
        }
    }
}

/// To the last bit, whatever the norm was given by.
fn assert_same_answer(left: &Solution, right: &Solution) {
    assert_eq!(left.generalization_error(), right.generalization_error());
    assert_eq!(left.errors.groups, right.errors.groups);
    assert_eq!(left.state, right.state);
    assert_eq!(left.estimator, right.estimator);
    assert_eq!(left.difference_bound, right.difference_bound);
}

/// Statistics belong to the norm that was given, not to that of the law's scales.
#[test]
fn statistics_are_those_of_the_norm() {
    let law = mixture(0.1, 2.0);
    let (some, rooms) = (samples(0.3, 0.1), law.groups().len());
    let total = |solution: Solution| solution.statistics(0.0).unwrap().total;
    // An l1 norm finds as many features as it has samples, and the weights decide which.
    let even = total(basis_pursuit(&law, &some).unwrap());
    let weights: Vec<f64> = (1..=rooms).map(|i| i as f64).collect();
    let uneven = total(weighted_l1(&law, &weights, &some).unwrap());
    assert!(
        (even.discovery_rate - 0.3).abs() < 1e-10 && (uneven.discovery_rate - 0.3).abs() < 1e-10
    );
    assert!((even.variance - uneven.variance).abs() > 1e-3);
    // The l2 norm shrinks all coordinates alike.
    let solution = minimum_l2(&law, &some).unwrap();
    let square = law.mean_square() + solution.state.effective_noise_variance;
    let estimates = total(solution);
    let expected = 0.3 * 0.3 * square - estimates.mean * estimates.mean;
    assert!(relative_error(estimates.variance, expected) < ROUNDING);
}

#[test]
fn more_samples_than_coordinates_are_least_squares_in_every_limit() {
    let law = mixture(0.1, 2.0);
    let many = samples(1.5, 0.2);
    let expected = ordinary_least_squares(&law, &many).unwrap();
    assert!(relative_error(expected.generalization_error(), 0.4) < ROUNDING);
    for report in [
        minimum_l2(&law, &many).unwrap(),
        weighted_l2(&law, &many).unwrap(),
        basis_pursuit(&law, &many).unwrap(),
        Solver::new().solve(&law, &many).unwrap(),
    ] {
        assert_same_answer(&report, &expected);
        assert_eq!(report.estimator, Estimator::LeastSquares);
    }
}

/// The formula of the theory, written out with the error function of another library.
#[test]
fn soft_thresholds_agree_with_an_independent_error_function() {
    let law = Law::new(vec![
        CoordinateGroup::new("signal", 0.2, Prior::gaussian(0.0, 5.0).unwrap(), 1.0).unwrap(),
        CoordinateGroup::new("background", 0.8, Prior::ZERO, 1.0).unwrap(),
    ])
    .unwrap();
    let weights = [1.0, 1.7];
    for (alpha, noise) in [(0.1, 0.0), (0.3, 0.2), (0.7, 0.1), (0.95, 1.0)] {
        let report = weighted_l1(&law, &weights, &samples(alpha, noise)).unwrap();
        let (s2, theta) = (report.state.effective_noise_variance, report.state.effective_penalty);
        let (mut response, mut error) = (0.0, 0.0);
        for (group, weight) in law.groups().iter().zip(weights) {
            let v = group.prior().variance();
            let total = v + s2;
            let u = theta * weight / total.sqrt();
            let p = erfc(u / 2.0_f64.sqrt());
            let bell = u * (2.0 / std::f64::consts::PI).sqrt() * (-0.5 * u * u).exp();
            let expected = v - 2.0 * v * p + total * ((1.0 + u * u) * p - bell);
            let computed = report.error_of(group.label().as_str()).unwrap();
            assert!((computed - expected).abs() < STATRS * (v + s2), "{computed} {expected}");
            response += group.weight() * p;
            error += group.weight() * expected;
        }
        assert!(relative_error(response, alpha) < STATRS);
        assert!(relative_error((noise + error) / alpha, s2) < STATRS);
    }
}

/// rho = 0.1, v = 10, alpha = 0.25: five digits of the theory.
#[test]
fn basis_pursuit_meets_the_published_limit() {
    let report = basis_pursuit(&spike_and_slab(0.1, 1e-3), &samples(0.25, 0.0)).unwrap();
    assert!((report.generalization_error() - 0.20097).abs() < 1e-5);
}

/// Few samples of atoms, whose estimates are nearly all zero; 30-digit values.
#[test]
fn few_samples_of_atoms_keep_their_digits() {
    let all =
        Law::new(vec![CoordinateGroup::new("a", 1.0, Prior::atom(1.0).unwrap(), 1.0).unwrap()])
            .unwrap();
    for (alpha, expected) in [(1e-8, 1.056_259_122_280_0), (1e-10, 1.044_860_431_7)] {
        let error = basis_pursuit(&all, &samples(alpha, 0.0)).unwrap().generalization_error();
        assert!(relative_error(error, expected) < 1e-10, "{alpha:e}: {error}");
    }
    let some = Law::new(vec![
        CoordinateGroup::new("a", 0.1, Prior::atom(1.0).unwrap(), 1.0).unwrap(),
        CoordinateGroup::new("zero", 0.9, Prior::ZERO, 1.0).unwrap(),
    ])
    .unwrap();
    for (alpha, expected) in
        [(1e-8, 0.111_251_826_512_27), (1e-12, 0.107_456_843_702), (1e-14, 0.106_377_464_0)]
    {
        let error = basis_pursuit(&some, &samples(alpha, 0.1)).unwrap().generalization_error();
        assert!(relative_error(error, expected) < 1e-9, "{alpha:e}: {error}");
    }
}

/// As many samples as coordinates whose l1 weight is next to nothing.
#[test]
fn weights_far_apart_keep_their_digits_at_the_interior_threshold() {
    let law = Law::new(vec![
        CoordinateGroup::new("cheap", 0.25, Prior::gaussian(0.0, 1.0).unwrap(), 1.0).unwrap(),
        CoordinateGroup::new("dear", 0.75, Prior::atom(1.0).unwrap(), 1.0).unwrap(),
    ])
    .unwrap();
    for (ratio, expected, budget) in [(1e8, 8_534_645.343_8, 1e-10), (1e16, 5.803_9e14, 1e-4)] {
        let error = weighted_l1(&law, &[1.0, ratio], &samples(0.25, 0.0)).unwrap();
        let error = error.generalization_error();
        assert!(relative_error(error, expected) < budget, "{ratio:e}: {error}");
    }
}

/// Groups that are no part of the problem have no say in it, whatever their weight.
#[test]
fn frozen_groups_do_not_set_the_unit_of_weights() {
    let law = Law::new(vec![
        CoordinateGroup::new("signal", 0.1, Prior::atom(1.0).unwrap(), 1.0).unwrap(),
        CoordinateGroup::new("zero", 0.7, Prior::ZERO, 1.0).unwrap(),
        CoordinateGroup::new("frozen", 0.2, Prior::ZERO, 0.0).unwrap(),
    ])
    .unwrap();
    let threshold =
        |weights: &[f64]| RecoveryThreshold::of_law(&law, weights).unwrap().sample_ratio();
    let expected = threshold(&[1.0, 1.0, 1.0]);
    assert!(relative_error(threshold(&[1e-300, 1e-300, 1e300]), expected) < ROUNDING);
}

/// Above the threshold the error is zero, next to it below it vanishes continuously.
#[test]
fn recovery_sets_in_at_the_threshold() {
    let law = mixture(1e-3, 10.0);
    let weights = rich_weights(&law);
    let critical = RecoveryThreshold::of_law(&law, &weights).unwrap().sample_ratio();
    let error =
        |ratio| weighted_l1(&law, &weights, &samples(ratio, 0.0)).unwrap().generalization_error();
    assert_eq!(error(critical), 0.0);
    assert_eq!(error(critical + 0.01), 0.0);
    let (near, nearer) = (error(critical * (1.0 - 1e-3)), error(critical * (1.0 - 1e-5)));
    assert!(nearer > 0.0 && nearer < 0.1 * near && near < 0.01);
    // With noise there is no transition.
    let noisy = weighted_l1(&law, &weights, &samples(critical + 0.01, 1e-6)).unwrap();
    assert!(noisy.generalization_error() > 1e-6);
}

/// The l1 phase transition in the parametric form of Donoho, Maleki and Montanari 2009
/// (arXiv:0907.3574): `delta = 2 phi(z)/(z + 2 (phi(z) - z Phi(-z)))` samples per coordinate suffice for
/// `rho = 1 - z Phi(-z)/phi(z)` active coordinates per sample.
#[test]
fn thresholds_meet_the_published_phase_transition() {
    for z in [0.05, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0] {
        let tail = 0.5 * erfc(z / 2.0_f64.sqrt());
        let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let delta = 2.0 * density / (z + 2.0 * (density - z * tail));
        let rho = 1.0 - z * tail / density;
        let supports =
            Supports::new(Densities { pretraining: 0.0, fine_tuning: rho * delta, overlap: 0.0 })
                .unwrap();
        let threshold = RecoveryThreshold::of_supports(&supports, 1.0).unwrap();
        // The published rho loses what its two terms share.
        let budget = STATRS / rho;
        assert!(relative_error(threshold.sample_ratio(), delta) < budget, "{z}: {threshold:?}");
        assert!(relative_error(threshold.threshold(), z) < 1e-6, "{z}: {threshold:?}");
    }
    // The same transition at the density that the theory quotes.
    let tenth =
        Supports::new(Densities { pretraining: 0.0, fine_tuning: 0.1, overlap: 0.0 }).unwrap();
    let threshold = RecoveryThreshold::of_supports(&tenth, 1.0).unwrap();
    assert!((threshold.sample_ratio() - 0.328_793_505).abs() < 5e-10);
    assert!((threshold.threshold() - 1.140_17).abs() < 5e-6);
}

#[test]
fn thresholds_of_extreme_supports() {
    let threshold = |density, ratio| {
        let supports =
            Supports::new(Densities { pretraining: 0.0, fine_tuning: density, overlap: 0.0 })
                .unwrap();
        RecoveryThreshold::of_supports(&supports, ratio).unwrap()
    };
    assert_eq!(threshold(0.0, 1.0).sample_ratio(), 0.0);
    assert_eq!(threshold(1.0, 5.0).sample_ratio(), 1.0);
    // A support that is known: as many samples as features.
    let known =
        Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 1.0 }).unwrap();
    let known = RecoveryThreshold::of_supports(&known, 1e9).unwrap();
    assert!((known.sample_ratio() - 0.1).abs() < 1e-12);
}

#[test]
fn methods_say_what_they_used() {
    let law = mixture(0.01, 2.0);
    let some = samples(0.3, 0.01);
    let rich = Solver::new().with_estimator(Estimator::Rich).solve(&law, &some).unwrap();
    assert_eq!(rich.estimator, Estimator::Rich);
    assert_eq!(rich.difference_bound, None);
    assert_same_answer(&rich, &weighted_l1(&law, &rich_weights(&law), &some).unwrap());
    let lazy = Solver::new().with_estimator(Estimator::Lazy).solve(&law, &some).unwrap();
    assert_eq!(lazy, weighted_l2(&law, &some).unwrap());
    let least_squares = Solver::new().with_estimator(Estimator::LeastSquares);
    let many = samples(1.5, 0.2);
    let expected = ordinary_least_squares(&law, &many).unwrap();
    assert_same_answer(&least_squares.solve(&law, &many).unwrap(), &expected);
    assert!(matches!(
        least_squares.solve(&law, &some),
        Err(Error::OutOfDomain { parameter: "sample_ratio", .. })
    ));
    let close = Solver::new().solve(&mixture(1e7, 2.0), &some).unwrap();
    assert_eq!(close.estimator, Estimator::Lazy);
}

#[cfg(feature = "quadrature")]
mod against_quadrature {
    use diagonet::{Initialization, ScaleMap, Scales, Task};

    use super::*;

    fn exact(law: &Law, samples: &Samples) -> f64 {
        let solver = Solver::new().with_estimator(Estimator::Quadrature);
        solver.solve(law, samples).unwrap().generalization_error()
    }

    /// The relative difference falls as the square of signal over scale.
    #[test]
    fn lazy_limit_is_approached_quadratically() {
        for (alpha, noise) in [(0.1, 0.0), (0.4, 0.2), (0.8, 0.0), (0.95, 0.1)] {
            let difference = |scale| {
                let law = mixture(scale, 4.0);
                let limit = weighted_l2(&law, &samples(alpha, noise)).unwrap();
                relative_error(exact(&law, &samples(alpha, noise)), limit.generalization_error())
            };
            let (coarse, fine) = (difference(1e2), difference(1e3));
            let order = (coarse / fine).log10();
            println!("alpha {alpha}, noise {noise}: {coarse:e}, {fine:e}, order {order}");
            assert!((1.97..2.03).contains(&order), "order {order}");
        }
    }

    #[test]
    fn closed_form_and_fixed_point_agree_where_both_hold() {
        for (alpha, noise) in [(0.1, 0.0), (0.4, 0.2), (0.8, 0.0), (0.95, 0.1)] {
            for scale in [1e7, 1e12, 1e100] {
                let law = mixture(scale, 4.0);
                let limit = weighted_l2(&law, &samples(alpha, noise)).unwrap();
                let exact = exact(&law, &samples(alpha, noise));
                assert!(relative_error(limit.generalization_error(), exact) < 1e-10);
            }
        }
    }

    /// With the law's own weights, the difference falls as one over the logarithm of the scale.
    #[test]
    fn rich_limit_is_approached_logarithmically() {
        for (alpha, noise) in [(0.15, 0.0), (0.3, 0.1), (0.6, 0.3)] {
            let difference = |exponent: f64| {
                let law = spike_and_slab(0.1, 10.0_f64.powf(-exponent));
                let limit = basis_pursuit(&law, &samples(alpha, noise)).unwrap();
                exact(&law, &samples(alpha, noise)) - limit.generalization_error()
            };
            let (coarse, fine) = (difference(100.0), difference(200.0));
            let order = (coarse / fine).log2();
            println!("alpha {alpha}, noise {noise}: {coarse:e}, {fine:e}, order {order}");
            assert!((0.9..1.1).contains(&order), "order {order}");
        }
    }

    proptest! {
        #![proptest_config(config(300))]

        /// The difference stays below the bound, wherever there is one.
        #[test]
        fn lazy_bound_holds(
            scales in prop::collection::vec(0.0..3.0_f64, 3),
            base in 1.5..5.0_f64,
            weights in prop::collection::vec(0.05..1.0_f64, 3),
            variance in 0.1..10.0_f64,
            mean in -2.0..2.0_f64,
            alpha in 0.02..0.98_f64,
            noise in prop_oneof![Just(0.0), 0.01..1.0_f64],
        ) {
            let sum: f64 = weights.iter().sum();
            let priors = [
                Prior::gaussian(0.0, variance).unwrap(),
                Prior::gaussian(mean, 0.0).unwrap(),
                Prior::ZERO,
            ];
            let groups = (0..3).map(|i| {
                let scale = 10.0_f64.powf(base + scales[i]);
                CoordinateGroup::new(format!("g{i}"), weights[i] / sum, priors[i], scale).unwrap()
            });
            let law = Law::new(groups.collect()).unwrap();
            let report = weighted_l2(&law, &samples(alpha, noise)).unwrap();
            let error = report.generalization_error();
            let difference = (exact(&law, &samples(alpha, noise)) - error).abs();
            if let Some(bound) = report.difference_bound {
                prop_assert!(difference <= bound + 1e-11 * error, "{difference:e} {bound:e}");
            }
        }

        #[test]
        fn automatic_choice_keeps_its_tolerance(
            exponent in 0.0..8.0_f64,
            alpha in 0.02..0.98_f64,
            tolerance in 1e-10..1e-1_f64,
        ) {
            let law = mixture(10.0_f64.powf(exponent), 3.0);
            let solver = Solver::new().with_tolerance(tolerance).unwrap();
            let report = solver.solve(&law, &samples(alpha, 0.1)).unwrap();
            let exact = exact(&law, &samples(alpha, 0.1));
            prop_assert!(
                relative_error(report.generalization_error(), exact) <= tolerance + Solver::ACCURACY
            );
        }
    }

    /// Laws at which the first order of the difference vanishes, so that the second decides.
    #[test]
    fn lazy_bound_holds_where_the_first_order_cancels() {
        for (y, l) in [(0.04, 1e-12), (0.04, 1e-10), (0.02, 1e-14), (0.01, 1e-8)] {
            let t = 1.0 / y;
            let variance = (l + l * l) / (l * l);
            let law = Law::new(vec![
                CoordinateGroup::new("zero", 0.5, Prior::ZERO, l * t).unwrap(),
                CoordinateGroup::new("slab", 0.5, Prior::gaussian(0.0, variance).unwrap(), t / l)
                    .unwrap(),
            ])
            .unwrap();
            let some = samples(0.5, 0.5 * l * (1.0 - l));
            let limit = weighted_l2(&law, &some).unwrap();
            let difference = (exact(&law, &some) - limit.generalization_error()).abs();
            if let Some(bound) = limit.difference_bound {
                assert!(difference <= bound, "{y} {l}: {difference:e} {bound:e}");
            }
        }
    }

    /// Next to the weight of the groups with the larger scales, where a rounding of the sample ratio
    /// can matter more than the limit.
    #[test]
    fn automatic_choice_is_safe_at_interior_thresholds() {
        for exponent in [0, 6, 10, 14] {
            let ratio = 10.0_f64.powi(exponent);
            let slab = |variance| Prior::gaussian(0.0, variance).unwrap();
            let law = Law::new(vec![
                CoordinateGroup::new("a", 0.1, slab(1.0), 2e5 * ratio).unwrap(),
                CoordinateGroup::new("b", 0.2, slab(2.0), 1e5 * ratio).unwrap(),
                CoordinateGroup::new("c", 0.7, Prior::ZERO, 1e5).unwrap(),
            ])
            .unwrap();
            for noise in [0.0, 0.1] {
                let some = samples(0.3, noise);
                let report = Solver::new().solve(&law, &some).unwrap();
                let error = relative_error(report.generalization_error(), exact(&law, &some));
                assert!(error < 1e-9, "{exponent} {noise}: {error:e}");
            }
        }
    }

    /// The weighted limit of a task is closer to its finite scales than the unweighted one.
    #[test]
    fn rich_weights_know_what_pretraining_did() {
        let task = Task::new(
            Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 0.8 }).unwrap(),
        )
        .unwrap();
        let pretraining =
            Initialization::new(Scales { absolute: 1e-8, relative: -0.9999 }).unwrap();
        let law = Law::fine_tuning(&task, &ScaleMap::new(pretraining, 0.0).unwrap()).unwrap();
        let some = samples(0.2, 0.01);
        let exact = exact(&law, &some);
        let blind = basis_pursuit(&law, &some).unwrap().generalization_error();
        let informed =
            weighted_l1(&law, &rich_weights(&law), &some).unwrap().generalization_error();
        assert!((informed - exact).abs() < 0.3 * (blind - exact).abs());
    }
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn limits_are_finite_and_add_up(
        scales in prop::collection::vec(-300.0..300.0_f64, 4),
        weights in prop::collection::vec(0.001..1.0_f64, 4),
        variance in 1e-3..1e3_f64,
        mean in -10.0..10.0_f64,
        alpha in 1e-4..0.9999_f64,
        noise in prop_oneof![Just(0.0), 1e-6..10.0_f64],
    ) {
        let sum: f64 = weights.iter().sum();
        let priors = [
            Prior::gaussian(0.0, variance).unwrap(),
            Prior::atom(mean).unwrap(),
            Prior::gaussian(mean, variance).unwrap(),
            Prior::ZERO,
        ];
        let groups = (0..4).map(|i| {
            let scale = 10.0_f64.powf(scales[i]);
            CoordinateGroup::new(format!("g{i}"), weights[i] / sum, priors[i], scale).unwrap()
        });
        let law = Law::new(groups.collect()).unwrap();
        for report in [
            minimum_l2(&law, &samples(alpha, noise)),
            weighted_l2(&law, &samples(alpha, noise)),
            basis_pursuit(&law, &samples(alpha, noise)),
            weighted_l1(&law, &rich_weights(&law), &samples(alpha, noise)),
        ] {
            let report = report.unwrap();
            let error = report.generalization_error();
            prop_assert!(error.is_finite() && error >= 0.0);
            prop_assert!(report.errors.groups.iter().all(|group| group.error >= 0.0));
            let expected = alpha * report.state.effective_noise_variance;
            prop_assert!(
                (error + noise - expected).abs() <= 1e-9 * expected, "{report:?}"
            );
        }
    }

    /// The threshold is the point at which recovery sets in, for any two-group problem.
    #[test]
    fn threshold_is_where_the_error_vanishes(density in 0.01..0.9_f64, ratio in 0.1..10.0_f64) {
        let law = spike_and_slab(density, 1.0);
        let weights = [1.0, ratio];
        let critical = RecoveryThreshold::of_law(&law, &weights).unwrap().sample_ratio();
        let error = |at: f64| {
            weighted_l1(&law, &weights, &samples(at, 0.0)).unwrap().generalization_error()
        };
        prop_assert!(error(critical * (1.0 - 1e-6)) > 0.0);
        prop_assert_eq!(error((critical * (1.0 + 1e-9)).min(1.0)), 0.0);
    }
}
