//! The scale that stochastic gradients, label noise and weight decay leave.

#![cfg(feature = "quadrature")]

use diagonet::{
    CoordinateGroup, EffectiveScale, ElasticNet, Error, Estimator, LabelNoise, Law, Optimizer,
    Penalty, Prior, Samples, Solver,
};

use crate::common::relative_error;

fn sparse(scale: f64) -> Law {
    Law::new(vec![
        CoordinateGroup::new("signal", 0.1, Prior::gaussian(0.0, 10.0).unwrap(), scale).unwrap(),
        CoordinateGroup::new("background", 0.9, Prior::ZERO, scale).unwrap(),
    ])
    .unwrap()
}

fn samples(sample_ratio: f64, noise_variance: f64) -> Samples {
    Samples::new(sample_ratio).unwrap().with_noise_variance(noise_variance).unwrap()
}

fn stochastic(learning_rate: f64) -> Optimizer {
    Optimizer::new().with_learning_rate(learning_rate).unwrap()
}

fn bracket(law: &Law, samples: &Samples, optimizer: &Optimizer) -> EffectiveScale {
    Solver::new().effective_scale(law, samples, optimizer).unwrap()
}

/// `E[q_c(b)]` and `E[sqrt(c² + b²)]` of atoms at a solution of the law: by Simpson's rule over the noise.
fn moments(penalty_scale: f64, end: &diagonet::ShrunkScale) -> [f64; 2] {
    let state = end.solution.state;
    let noise = state.effective_noise_variance.sqrt();
    let penalty = Penalty::new(penalty_scale).unwrap();
    let mut sums = [0.0; 2];
    for group in end.solution.law().groups() {
        let proximal = Penalty::new(group.scale()).unwrap();
        let spread = (group.prior().variance() + noise * noise).sqrt();
        let count = 8000;
        let step = 18.0 / f64::from(count);
        for index in 0..=count {
            let ends = index == 0 || index == count;
            let simpson = if ends { 1.0 } else { 2.0 + 2.0 * f64::from(index % 2) };
            let x = f64::from(index) * step - 9.0;
            let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
            let mass = group.weight() * simpson * step / 3.0 * density;
            let z = group.prior().mean() + spread * x;
            let estimate = proximal.proximal(z, state.effective_penalty).unwrap().value;
            sums[0] += mass * penalty.value(estimate).unwrap();
            sums[1] += mass * group.scale().hypot(estimate);
        }
    }
    sums
}

#[test]
fn both_ends_solve_their_equations() {
    let noise = LabelNoise { variance: 0.3, steps_per_coordinate: 2.0 };
    for (scale, learning_rate, batch) in [(0.05, 0.5, 1), (0.05, 1.0, 5), (1.0, 0.2, 1)] {
        let optimizer = stochastic(learning_rate)
            .with_batch(batch)
            .and_then(|optimizer| optimizer.with_label_noise(noise))
            .and_then(|optimizer| optimizer.with_weight_decay_integral(0.4))
            .unwrap();
        let bracket = bracket(&sparse(scale), &samples(0.3, 0.05), &optimizer);
        let step = learning_rate / batch as f64;
        let label = learning_rate * step * 0.3 * 2.0;
        let [moved, _] = moments(scale, &bracket.high);
        let high = 0.8 + label + step * moved;
        assert!(relative_error(bracket.high.log_shrinkage, high) < 1e-8, "{bracket:?}");
        let [moved, norm] = moments(scale * bracket.low.factor(), &bracket.low);
        let norm = norm.max(scale);
        let low = 0.8 + (label + step * moved) / (1.0 - step * norm);
        assert!(relative_error(bracket.low.log_shrinkage, low) < 1e-8, "{bracket:?}");
        assert!(bracket.low.log_shrinkage > bracket.high.log_shrinkage);
    }
}

#[test]
fn ends_are_solutions_at_their_scales() {
    let bracket = bracket(&sparse(0.05), &samples(0.3, 0.01), &stochastic(0.3));
    let errors = bracket.generalization_errors();
    for (end, error) in [bracket.low, bracket.high].into_iter().zip(errors) {
        let law = sparse(0.05 * end.factor());
        let solution = Solver::new().solve(&law, &samples(0.3, 0.01)).unwrap();
        assert!(relative_error(solution.generalization_error(), error) < Solver::ACCURACY);
        assert_eq!(end.solution.law(), &law);
    }
}

#[test]
fn the_bracket_closes_as_the_learning_rate_vanishes() {
    for scale in [1e-9, 0.05, 20.0, 1e6] {
        let samples = samples(0.3, 0.01);
        let flow = Solver::new().solve(&sparse(scale), &samples).unwrap();
        for learning_rate in [1e-3, 1e-6, 1e-12, 1e-290] {
            let learning_rate = learning_rate / f64::max(scale, 1.0);
            let EffectiveScale { low, high, .. } =
                bracket(&sparse(scale), &samples, &stochastic(learning_rate));
            let width = low.log_shrinkage / high.log_shrinkage - 1.0;
            assert!(
                (-1e-9..5.0 * learning_rate * scale.max(1.0) + 1e-9).contains(&width),
                "{width:e}"
            );
            let drift = high.solution.generalization_error() - flow.generalization_error();
            assert!(drift.abs() <= 10.0 * high.log_shrinkage + 1e-9);
        }
    }
}

#[test]
fn the_quadratic_limit_continues_the_quadrature() {
    let samples = samples(0.4, 0.1);
    let of = |estimator| {
        let solver = Solver::new().with_estimator(estimator);
        solver.effective_scale(&sparse(1e4), &samples, &stochastic(2e-5)).unwrap()
    };
    let (limit, exact) = (of(Estimator::Lazy), of(Estimator::Quadrature));
    for (limit, exact) in [(limit.low, exact.low), (limit.high, exact.high)] {
        assert!(relative_error(limit.log_shrinkage, exact.log_shrinkage) < 1e-6);
    }
}

#[test]
fn least_squares_without_noise_moves_to_the_coefficients() {
    let law = sparse(0.05);
    let bracket = bracket(&law, &samples(2.0, 0.0), &stochastic(0.1));
    assert_eq!(bracket.generalization_errors(), [0.0; 2]);
    // The coefficients are those of the prior.
    let [moved, _] = {
        let penalty = Penalty::new(0.05).unwrap();
        let count = 8000;
        let step = 18.0 / f64::from(count);
        let sum: f64 = (0..=count)
            .map(|index| {
                let ends = index == 0 || index == count;
                let simpson = if ends { 1.0 } else { 2.0 + 2.0 * f64::from(index % 2) };
                let x = f64::from(index) * step - 9.0;
                let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
                simpson * step / 3.0 * density * penalty.value(10.0_f64.sqrt() * x).unwrap()
            })
            .sum();
        [0.1 * sum, 0.0]
    };
    assert!(relative_error(bracket.high.log_shrinkage, 0.1 * moved) < 1e-6);
    let noisy = Solver::new().effective_scale(&law, &samples(2.0, 0.1), &stochastic(0.1));
    assert!(matches!(noisy, Err(Error::OutOfDomain { parameter: "sample_ratio", value: 2.0, .. })));
    // Weight decay that ends does not need interpolation.
    let decay = Optimizer::new().with_weight_decay_integral(1.0).unwrap();
    let solution = Solver::new().effective_scale(&law, &samples(2.0, 0.1), &decay).unwrap().low;
    assert!(relative_error(solution.solution.generalization_error(), 0.1) < 1e-12);
}

#[test]
fn starts_shrink_with_the_scales() {
    let group = |scale, start| {
        let prior = Prior::gaussian(1.0, 0.5).unwrap();
        CoordinateGroup::new("all", 1.0, prior, scale).unwrap().with_start(start).unwrap()
    };
    let law = Law::new(vec![group(0.1, 2.0)]).unwrap();
    let decay = Optimizer::new().with_weight_decay_integral(0.25).unwrap();
    let end = bracket(&law, &samples(0.5, 0.0), &decay).low;
    let factor = (-0.5_f64).exp();
    assert_eq!(end.solution.law(), &Law::new(vec![group(0.1 * factor, 2.0 * factor)]).unwrap());
    // From any start, the low end is the lower one.
    for start in [-3.0, 0.5, 1.0, 1.5, 6.0] {
        let law = Law::new(vec![group(0.1, start)]).unwrap();
        let bracket = bracket(&law, &samples(0.5, 0.01), &stochastic(0.05));
        assert!(bracket.low.log_shrinkage >= bracket.high.log_shrinkage);
        assert!(bracket.high.log_shrinkage > 0.0);
    }
}

#[test]
fn conditions_are_named() {
    let law = sparse(0.05);
    let of = |solver: Solver, law: &Law, optimizer: &Optimizer| {
        solver.effective_scale(law, &samples(0.3, 0.01), optimizer).unwrap_err()
    };
    let error = of(Solver::new(), &law, &stochastic(5.0));
    let Error::OutOfDomain { parameter: "learning_rate", domain, .. } = error else {
        panic!("{error}")
    };
    assert!(domain.ends()[1] < 5.0);
    let penalized = Solver::new().with_explicit_penalty(0.1).unwrap();
    let error = of(penalized, &law, &stochastic(0.1));
    assert!(matches!(error, Error::OutOfDomain { parameter: "explicit_penalty", .. }));
    for estimator in [Estimator::Rich, Estimator::ElasticNet(ElasticNet::new(0.5).unwrap())] {
        let error = of(Solver::new().with_estimator(estimator), &law, &stochastic(0.1));
        assert!(matches!(error, Error::UnknownName { parameter: "estimator", .. }));
    }
    let group =
        || CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0).unwrap(), 0.1).unwrap();
    for (group, name) in [
        (group().with_input_variance(2.0).unwrap(), "input_variance"),
        (group().with_penalty_weight(2.0).unwrap(), "penalty_weight"),
    ] {
        let law = Law::new(vec![group]).unwrap();
        let error = of(Solver::new(), &law, &stochastic(0.1));
        assert!(
            matches!(error.cause(), Error::OutOfDomain { parameter, .. } if *parameter == name)
        );
        let decay = Optimizer::new().with_weight_decay_integral(0.1).unwrap();
        assert!(Solver::new().effective_scale(&law, &samples(0.3, 0.01), &decay).is_ok());
    }
    let decay = Optimizer::new().with_weight_decay_integral(1e300).unwrap();
    assert!(matches!(of(Solver::new(), &law, &decay), Error::NotRepresentable { .. }));
    let decay = Optimizer::new().with_weight_decay_integral(353.0).unwrap();
    let error = of(Solver::new(), &sparse(1e-2), &decay);
    assert!(matches!(error.cause(), Error::NotRepresentable { .. }), "{error}");
}

#[test]
fn extreme_settings_are_answers_or_errors() {
    let law = sparse(0.05);
    for learning_rate in [0.0, 1e-300, 1e-10, 0.1, 1e10, 1e300] {
        for variance in [0.0, 1e-300, 1.0, 1e300] {
            for steps_per_coordinate in [0.0, 1e-300, 1.0, 1e300] {
                let noise = LabelNoise { variance, steps_per_coordinate };
                let optimizer = stochastic(learning_rate).with_label_noise(noise).unwrap();
                match Solver::new().effective_scale(&law, &samples(0.3, 0.01), &optimizer) {
                    Ok(bracket) => assert!(
                        bracket.low.log_shrinkage >= bracket.high.log_shrinkage
                            && bracket.high.log_shrinkage >= 0.0
                    ),
                    Err(error) => assert!(
                        matches!(
                            error.cause(),
                            Error::NotRepresentable { .. }
                                | Error::OutOfDomain { parameter: "learning_rate", .. }
                        ),
                        "{error}"
                    ),
                }
            }
        }
    }
}
