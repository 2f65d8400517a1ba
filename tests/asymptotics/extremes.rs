//! Finite numbers or typed errors at the extremes of the legal domain, and right ones.

use crate::common::{config, decades, signed};
use diagonet::{
    ConditionalDensities, CoordinateGroup, Error, Estimator, Law, Prior, RecoveryThreshold,
    Samples, Solver, Supports, rich_weights,
};
use proptest::prelude::*;
use statrs::function::erf::erfc;

/// Accuracy of the other library's error function.
const ERROR_FUNCTION: f64 = 1e-9;

fn law(groups: &[[f64; 4]]) -> Law {
    let group = |&[weight, mean, variance, scale]: &[f64; 4]| {
        CoordinateGroup::new("group", weight, Prior::gaussian(mean, variance).unwrap(), scale)
            .unwrap()
    };
    Law::new(groups.iter().map(group).collect()).unwrap()
}

/// `E[max(Z - x, 0)²]`: by the error function, and in the tail by the first terms of its expansion.
fn square_excess(x: f64) -> f64 {
    let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if x < 8.0 {
        (1.0 + x * x) * 0.5 * erfc(x / 2.0_f64.sqrt()) - x * density
    } else {
        let y = 1.0 / (x * x);
        2.0 * density / (x * x * x) * (1.0 - 6.0 * y + 45.0 * y * y - 420.0 * y * y * y)
    }
}

/// What the threshold `u` costs, with the weights 1 and `ratio`.
fn cost(supports: &Supports, ratio: f64, u: f64) -> f64 {
    let active = |p: f64, w: f64| if p > 0.0 { p + (p * (u * w)) * (u * w) } else { 0.0 };
    let other = |p: f64, w: f64| 2.0 * p * square_excess(u * w);
    active(supports.shared(), 1.0)
        + active(supports.new_features(), ratio)
        + other(supports.pretraining_only(), 1.0)
        + other(supports.none(), ratio)
}

/// Densities down to the smallest of floats.
fn density() -> impl Strategy<Value = f64> {
    prop_oneof![2 => 0.0..=1.0_f64, 3 => decades(-300.0, 0.0), 1 => Just(0.0), 1 => Just(1.0)]
}

proptest! {
    #![proptest_config(config(2000))]

    #[test]
    fn no_threshold_recovers_from_fewer_samples(
        rho in density(), shared in density(), new in density(), ratio in decades(-300.0, 300.0),
    ) {
        let supports = Supports::from_conditional(ConditionalDensities { pretraining: rho, shared, new }).unwrap();
        let threshold = match RecoveryThreshold::of_supports(&supports, ratio) {
            Ok(threshold) => threshold.sample_ratio(),
            Err(Error::NotRepresentable { .. }) => return Ok(()),
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        let known = supports.shared() + supports.new_features();
        prop_assert!(threshold >= known * (1.0 - 1e-12) && threshold <= 1.0 + 1e-12, "{threshold:e}");
        for exponent in 0..=6100 {
            let u = 10.0_f64.powf(-310.0 + 0.1 * f64::from(exponent));
            let cost = cost(&supports, ratio, u);
            prop_assert!(cost >= threshold * (1.0 - ERROR_FUNCTION), "{u:e}: {cost:e} {threshold:e}");
        }
    }

    /// Weights are those of any unit, and positive.
    #[test]
    fn rich_weights_have_no_unit(
        size in decades(-149.0, 149.0), weight in decades(-300.0, -1.0), scale in decades(-150.0, 150.0),
        unit in -400..400_i32, variance in any::<bool>(),
    ) {
        let unit = 2.0_f64.powi(unit);
        let inside = |x: f64| (1e-150..1e150).contains(&x);
        prop_assume!(inside(size * unit) && (1e-300..1e300).contains(&(scale * unit)));
        let weights = |unit: f64| {
            let (mean, variance) = if variance && inside((unit * size).powi(2)) {
                (0.0, (unit * size).powi(2))
            } else {
                (unit * size, 0.0)
            };
            rich_weights(&law(&[
                [weight, mean, variance, unit * scale],
                [1.0 - weight, 0.0, 0.0, 3.0 * unit * scale],
            ]))
        };
        let (one, other) = (weights(1.0), weights(unit));
        for (one, other) in one.into_iter().zip(other) {
            prop_assert!(one > 0.0 && (one / other - 1.0).abs() < 1e-13, "{one:e} {other:e}");
        }
    }

    /// Whatever a solution is asked for.
    #[test]
    fn answers_are_finite_or_say_why(
        size in decades(-149.0, 149.0), other in decades(-149.0, 149.0), mean in signed(decades(-149.0, 149.0)),
        weight in decades(-300.0, 0.0), scales in [decades(-300.0, 300.0), decades(-300.0, 300.0)],
        alpha in prop_oneof![decades(-300.0, 300.0), (1e-16..1e-3_f64).prop_map(|x| 1.0 - x)],
        noise in prop_oneof![1 => Just(0.0), 2 => decades(-300.0, 300.0)],
        method in prop_oneof![Just(Estimator::Auto), Just(Estimator::Lazy), Just(Estimator::Rich)],
    ) {
        let law = law(&[
            [weight, 0.0, size * size.min(1e149), scales[0]],
            [1.0 - weight, mean, other.min(1e149), scales[1]],
        ]);
        let samples = Samples::new(alpha).unwrap().with_noise_variance(noise).unwrap();
        let Ok(solution) = Solver::new().with_estimator(method).solve(&law, &samples) else {
            return Ok(());
        };
        let state = solution.state;
        prop_assert!(solution.generalization_error().is_finite(), "{solution:?}");
        prop_assert!(state.effective_noise_variance.is_finite(), "{state:?}");
        prop_assert!(solution.errors.groups.iter().all(|group| group.error.is_finite()), "{solution:?}");
        if let Ok(statistics) = solution.statistics(1.0) {
            let total = statistics.total;
            let numbers = [total.mean, total.variance, total.discovery_rate];
            prop_assert!(numbers.into_iter().all(f64::is_finite), "{statistics:?} {solution:?}");
        }
    }
}

#[cfg(feature = "quadrature")]
#[test]
fn effective_noise_beyond_floats_is_no_answer() {
    for (groups, alpha, noise) in
        [([[1.0, 0.0, 1.0, 1.0]], 1.0 - 1e-14, 1e300), ([[1.0, 0.0, 1e100, 1.0]], 1e-250, 0.0)]
    {
        let samples = Samples::new(alpha).unwrap().with_noise_variance(noise).unwrap();
        let result = Solver::new().solve(&law(&groups), &samples);
        assert!(matches!(result, Err(Error::NotRepresentable { .. })), "{result:?}");
    }
}

#[test]
fn recovery_of_nearly_nothing_is_found() {
    // With 60 digits.
    let supports = Supports::from_conditional(ConditionalDensities {
        pretraining: 3.8968e-293,
        shared: 1.95714e-173,
        new: 3.29215e-296,
    })
    .unwrap();
    let threshold = RecoveryThreshold::of_supports(&supports, 2.698e-34).unwrap();
    assert!((threshold.sample_ratio() / 4.417_039_58e-293 - 1.0).abs() < 1e-8);
    // Where reuse is all but forbidden, nearly every sample is needed.
    let supports = Supports::from_conditional(ConditionalDensities {
        pretraining: 2.383e-260,
        shared: 1.290e-59,
        new: 0.1,
    })
    .unwrap();
    let threshold = RecoveryThreshold::of_supports(&supports, 2.282e-164).unwrap();
    assert!(threshold.sample_ratio() < 1.0 && threshold.sample_ratio() > 1.0 - 1e-8);
}
