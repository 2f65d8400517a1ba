//! Explicit penalties with the lowest error, from both sides and at both ends.

use crate::common::{config, decades, relative_error};
use diagonet::{
    BestPenalty, CoordinateGroup, ElasticNet, Estimator, Law, PenaltyPosition, Prior,
    RecoveryThreshold, Samples, Solver, basis_pursuit,
};
use proptest::prelude::*;

/// What errors are good to, in a comparison.
const ROUNDING: f64 = 1e-9;

fn samples(sample_ratio: f64, noise_variance: f64) -> Samples {
    Samples::new(sample_ratio).unwrap().with_noise_variance(noise_variance).unwrap()
}

/// Groups given by weight, variance of the prior, scale and input variance.
fn law(groups: &[[f64; 4]]) -> Law {
    let group = |(index, &[weight, variance, scale, input_variance]): (usize, &[f64; 4])| {
        let prior = Prior::gaussian(0.0, variance).unwrap();
        CoordinateGroup::new(index.to_string(), weight, prior, scale)
            .and_then(|group| group.with_input_variance(input_variance))
            .unwrap()
    };
    Law::new(groups.iter().enumerate().map(group).collect()).unwrap()
}

fn net(curvature: f64) -> Estimator {
    Estimator::ElasticNet(ElasticNet::new(curvature).unwrap())
}

fn best(estimator: Estimator, law: &Law, samples: &Samples) -> BestPenalty {
    let solver = Solver::new().with_estimator(estimator);
    solver.best_explicit_penalty(law, samples).unwrap()
}

fn error(estimator: Estimator, law: &Law, samples: &Samples, kappa: f64) -> f64 {
    let solver = Solver::new().with_estimator(estimator).with_explicit_penalty(kappa).unwrap();
    solver.solve(law, samples).unwrap().generalization_error()
}

fn estimators() -> Vec<Estimator> {
    let mut estimators = vec![Estimator::Lazy, Estimator::Rich, net(0.5)];
    if cfg!(feature = "quadrature") {
        estimators.push(Estimator::Quadrature);
    }
    estimators
}

#[test]
fn the_best_ridge_penalty_is_that_of_the_posterior_mean() {
    for (alpha, noise, variance, scale, input_variance) in [
        (0.3, 0.1, 2.0, 1.0, 1.0),
        (1.0, 0.1, 2.0, 0.3, 4.0),
        (2.5, 3.0, 0.5, 1e6, 0.1),
        (0.9, 1e-4, 1.0, 1e-6, 1.0),
    ] {
        let law = law(&[[1.0, variance, scale, input_variance]]);
        let best = best(Estimator::Lazy, &law, &samples(alpha, noise));
        let PenaltyPosition::Finite(kappa) = best.position else { panic!("{best:?}") };
        let expected = 2.0 * noise * scale / variance;
        assert!(relative_error(kappa, expected) < 1e-6, "{kappa:e}, not {expected:e}");
        let solution = best.solution.unwrap();
        assert_eq!(solution.explicit_penalty(), kappa);
        assert_eq!(solution.generalization_error(), best.generalization_error);
    }
}

#[test]
fn limits_are_limits() {
    let prior = 2.0;
    let plain = law(&[[1.0, prior, 1.0, 1.0]]);
    // Without noise, interpolation does best; without signal, no learning at all.
    for estimator in estimators() {
        let silent = law(&[[1.0, 0.0, 1.0, 1.0]]);
        let noise_alone = best(estimator, &silent, &samples(0.5, 1.0));
        assert_eq!(noise_alone.position, PenaltyPosition::Infinite, "{estimator}");
        assert_eq!((noise_alone.generalization_error, noise_alone.solution), (0.0, None));
        let determined = best(estimator, &plain, &samples(1.5, 0.0));
        assert_eq!(determined.position, PenaltyPosition::Zero, "{estimator}");
        assert_eq!(determined.generalization_error, 0.0);
        // At the threshold, the limit of no penalty diverges.
        let diverging = best(estimator, &plain, &samples(1.0, 0.1));
        assert!(matches!(diverging.position, PenaltyPosition::Finite(_)), "{estimator}");
    }
    let interpolating = best(Estimator::Lazy, &plain, &samples(0.5, 0.0));
    assert_eq!(interpolating.position, PenaltyPosition::Zero);
    let sparse = law(&[[0.1, 10.0, 1.0, 1.0], [0.9, 0.0, 1.0, 1.0]]);
    let tuned = best(Estimator::Rich, &sparse, &samples(0.25, 0.0));
    let lasso = basis_pursuit(&sparse, &samples(0.25, 0.0)).unwrap().generalization_error();
    assert!(tuned.generalization_error <= lasso);
    let recovered = best(Estimator::Rich, &sparse, &samples(0.4, 0.0));
    assert_eq!((recovered.position, recovered.generalization_error), (PenaltyPosition::Zero, 0.0));
    // Nothing can move: no penalty matters.
    let frozen = law(&[[1.0, 2.0, 0.0, 1.0]]);
    let stuck = best(Estimator::Lazy, &frozen, &samples(0.5, 0.1));
    assert_eq!((stuck.position, stuck.generalization_error), (PenaltyPosition::Zero, 2.0));
    // What least squares is asked to do, it refuses.
    let solver = Solver::new().with_estimator(Estimator::LeastSquares);
    assert!(solver.best_explicit_penalty(&plain, &samples(1.5, 0.1)).is_err());
}

/// A vanishing elastic net recovers what is sparse, too, from more samples than LASSO takes.
#[test]
fn elastic_nets_have_a_noiseless_limit() {
    let sparse = law(&[[0.1, 10.0, 1.0, 1.0], [0.9, 0.0, 1.0, 2.0]]);
    let threshold = RecoveryThreshold::of_law(&sparse, &[1.0, 1.0]).unwrap().sample_ratio();
    let below = samples(0.99 * threshold, 0.0);
    assert!(best(Estimator::Rich, &sparse, &below).generalization_error > 0.0);
    for (curvature, ratio, recovers) in [
        (0.0, 1.01 * threshold, true),
        (0.1, 1.01 * threshold, false),
        (0.1, 0.6, true),
        (1.0, 0.6, false),
    ] {
        let samples = samples(ratio, 0.0);
        let best = best(net(curvature), &sparse, &samples);
        let is_exact = (best.position, best.generalization_error) == (PenaltyPosition::Zero, 0.0);
        assert_eq!(is_exact, recovers, "{curvature} {best:?}");
        // As the error vanishes with the square of the penalty, or does not.
        let close = [1e-5, 1e-6].map(|kappa| error(net(curvature), &sparse, &samples, kappa));
        assert_eq!((close[0] / close[1] - 100.0).abs() < 1.0, recovers, "{curvature} {close:?}");
    }
}

#[test]
fn matched_scales_are_the_best_weighted_ridge() {
    let groups =
        [[0.2, 4.0, 1.0, 0.5], [0.3, 0.5, 2.0, 3.0], [0.1, 0.02, 0.1, 10.0], [0.4, 0.0, 1.0, 1.0]];
    for (alpha, noise) in [(0.4, 0.1), (0.55, 0.02), (1.7, 1.0), (0.4, 0.0)] {
        let samples = samples(alpha, noise);
        let matched = law(&groups).with_matched_scales().unwrap();
        assert_eq!(matched.groups()[3].scale(), 0.0);
        let least = best(Estimator::Lazy, &matched, &samples);
        if noise > 0.0 {
            let PenaltyPosition::Finite(kappa) = least.position else { panic!("{least:?}") };
            assert!(relative_error(kappa, 2.0 * noise) < 1e-6, "{kappa:e}");
        } else {
            assert_eq!(least.position, PenaltyPosition::Zero);
        }
        // At the minimum, no scale has a slope.
        let gradient = least.solution.unwrap().sensitivities().unwrap().generalization_error;
        for group in &gradient.groups {
            assert!(group.log_scale.abs() < 1e-8 * least.generalization_error);
        }
        for other in [
            groups.map(|[p, v, c, l]| [p, v, c, l]),
            groups.map(|[p, v, _, l]| [p, v, v.max(1e-3), l]),
            groups.map(|[p, v, _, l]| [p, v, (1.2 * v).powf(1.1).max(1e-9), l]),
        ] {
            let other = best(Estimator::Lazy, &law(&other), &samples);
            assert!(other.generalization_error >= (1.0 - ROUNDING) * least.generalization_error);
        }
    }
}

/// One to three groups, the last without signal.
fn laws() -> impl Strategy<Value = Law> {
    let group = || (0.05..1.0_f64, decades(-1.0, 1.0), decades(-2.0, 2.0), decades(-1.0, 1.0));
    prop::collection::vec(group(), 1..=3).prop_map(|groups| {
        let total: f64 = groups.iter().map(|group| group.0).sum();
        let count = groups.len();
        let group = |(index, (weight, variance, scale, input)): (usize, (f64, f64, f64, f64))| {
            let variance = if index > 0 && index + 1 == count { 0.0 } else { variance };
            [weight / total, variance, scale, input]
        };
        law(&groups.into_iter().enumerate().map(group).collect::<Vec<_>>())
    })
}

proptest! {
    #![proptest_config(config(40))]

    #[test]
    fn no_penalty_has_a_lower_error(
        law in laws(),
        ratio in 0.1..2.0_f64,
        noise in prop_oneof![1 => Just(0.0), 3 => decades(-3.0, 1.0)],
        others in prop::collection::vec(decades(-8.0, 8.0), 12),
    ) {
        let samples = samples(ratio, noise);
        for estimator in estimators() {
            let best = best(estimator, &law, &samples);
            let least = (1.0 - ROUNDING) * best.generalization_error;
            let mut penalties = others.clone();
            if let PenaltyPosition::Finite(kappa) = best.position {
                penalties.extend([0.5, 0.9, 0.99, 1.01, 1.1, 2.0].map(|factor| factor * kappa));
                let slope = best.solution.unwrap().sensitivities().unwrap();
                let slope = slope.generalization_error.explicit_penalty.unwrap() * kappa;
                prop_assert!(slope.abs() < 1e-7 * best.generalization_error, "{slope:e}");
            }
            for kappa in penalties {
                let other = error(estimator, &law, &samples, kappa);
                prop_assert!(other >= least, "{estimator} {kappa:e}: {other:e} below {least:e}");
            }
        }
    }
}

#[test]
fn extremes_have_an_answer_or_an_error() {
    for scale in [1e-300, 1e-9, 1e300] {
        for variance in [1e-200, 1.0, 1e200] {
            for noise in [0.0, 1e-200, 1e200] {
                for ratio in [1e-200, 0.5, 1e200] {
                    let law = law(&[[0.5, variance, scale, 1.0], [0.5, 0.0, 1.0, 1.0]]);
                    for estimator in [Estimator::Lazy, Estimator::Rich] {
                        let solver = Solver::new().with_estimator(estimator);
                        let best = solver.best_explicit_penalty(&law, &samples(ratio, noise));
                        let Ok(best) = best else { continue };
                        let error = best.generalization_error;
                        let most = 0.5 * variance * (1.0 + ROUNDING);
                        assert!((0.0..=most).contains(&error), "{estimator} {error:e}");
                    }
                }
            }
        }
    }
}
