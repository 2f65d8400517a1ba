//! Inputs of unequal variance and penalty weights: the theory against networks of finite size.

#![cfg(all(feature = "simulation", feature = "quadrature"))]

use crate::common::relative_error;
use diagonet::simulation::{Experiment, GradientDescent, GradientFlow, MonteCarlo, Trainer};
use diagonet::{
    BayesOptimal, CoordinateGroup, Densities, Error, FeatureClass, Initialization, Law, Prior,
    Protocol, Samples, ScaleMap, Scales, Solver, Supports, Task, Transfer,
};

fn samples(sample_ratio: f64, noise_variance: f64) -> Samples {
    Samples::new(sample_ratio).unwrap().with_noise_variance(noise_variance).unwrap()
}

/// Strong and weak inputs, each with one coefficient in ten.
fn structured(scale: f64, variances: [f64; 2]) -> Law {
    let slab = Prior::gaussian(0.0, 10.0).unwrap();
    let group = |label: &'static str, weight, prior, variance| {
        CoordinateGroup::new(label, weight, prior, scale)
            .and_then(|group| group.with_input_variance(variance))
            .unwrap()
    };
    let [strong, weak] = variances;
    Law::new(vec![
        group("strong", 0.05, slab, strong),
        group("strong", 0.45, Prior::ZERO, strong),
        group("weak", 0.05, slab, weak),
        group("weak", 0.45, Prior::ZERO, weak),
    ])
    .unwrap()
}

fn weighted(weights: [f64; 2]) -> Law {
    let group = |label: &'static str, weight, prior, k| {
        CoordinateGroup::new(label, weight, prior, 0.1)
            .and_then(|group| group.with_penalty_weight(k))
            .unwrap()
    };
    let slab = Prior::gaussian(0.0, 5.0).unwrap();
    let [cheap, costly] = weights;
    Law::new(vec![group("cheap", 0.3, slab, cheap), group("costly", 0.7, Prior::ZERO, costly)])
        .unwrap()
}

/// Every quantity of an experiment is that of the theory, to four standard errors and what a finite
/// dimension may add.
fn agrees(experiment: &Experiment, draws: u64) {
    let ensemble = MonteCarlo::new(draws).unwrap().with_seed(5).run(experiment).unwrap();
    let theory = experiment.predictions(&Solver::new()).unwrap();
    let quantities = experiment.quantities();
    assert_eq!(ensemble.quantities(), quantities);
    for (name, expected) in quantities.iter().zip(theory) {
        let (measured, expected) = (ensemble.statistic(name).unwrap(), expected.unwrap());
        let bias = 2.0 * expected / experiment.dimension() as f64;
        let gap = (measured.mean - expected).abs();
        assert!(
            gap < 4.0 * measured.standard_error + bias,
            "{name}: {} +- {}, not {expected}",
            measured.mean,
            measured.standard_error,
        );
    }
}

#[test]
fn errors_under_unequal_inputs_are_those_of_the_theory() {
    let law = structured(0.01, [4.0, 0.25]);
    let samples = samples(0.3, 0.01);
    let solution = Solver::new().solve(&law, &samples).unwrap();
    assert!((solution.generalization_error() - 0.375_142).abs() < 1e-6);
    assert!((solution.parameter_errors().total - 0.496_986).abs() < 1e-6);
    let experiment = Experiment::of_law(law, samples, 400).unwrap();
    assert_eq!(
        experiment.quantities()[..2],
        ["generalization_error", "generalization_error:strong"]
    );
    assert_eq!(experiment.quantities()[3], "parameter_error");
    agrees(&experiment, 60);
}

/// Two stages with inputs of another variance on each class.
fn transfer(protocol: Protocol, scale: f64) -> Transfer {
    let supports =
        Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.2, overlap: 0.5 }).unwrap();
    let task = Task::new(supports)
        .and_then(|task| task.with_pretraining_prior(Prior::gaussian(0.0, 5.0)?))
        .and_then(|task| task.with_correlation(0.6))
        .unwrap();
    let variances = FeatureClass::ALL.into_iter().zip([3.0, 0.5, 0.7, 1.5]);
    let task = variances
        .fold(task, |task, (class, variance)| task.with_input_variance(class, variance).unwrap());
    let initialization = Initialization::new(Scales { absolute: scale, relative: -0.5 }).unwrap();
    Transfer::new(&task, ScaleMap::new(initialization, 0.1).unwrap()).with_protocol(protocol)
}

#[test]
fn both_stages_on_unequal_inputs_are_those_of_the_theory() {
    for protocol in [Protocol::REBALANCED, Protocol::Continued] {
        let finite = transfer(protocol, 0.05).with_pretraining_samples(samples(0.5, 0.05));
        let experiment = Experiment::new(finite, samples(0.4, 0.05), 300).unwrap();
        let quantities = experiment.quantities();
        assert_eq!(quantities[5], "parameter_error");
        assert_eq!(quantities[15], "pretraining_parameter_error");
        agrees(&experiment.with_training_from_scratch(), 40);
    }
}

#[test]
fn networks_of_two_stages_on_unequal_inputs_end_at_the_exact_end_point() {
    let finite = transfer(Protocol::REBALANCED, 0.3).with_pretraining_samples(samples(0.5, 0.05));
    let exact = Experiment::new(finite, samples(0.4, 0.05), 60).unwrap();
    let draw = exact.draw(3, 0).unwrap();
    let expected = exact.train(&draw).unwrap();
    let flow = Trainer::Flow(GradientFlow::new());
    let outcome = exact.clone().with_trainer(flow).train(&draw).unwrap();
    let distance = (outcome.coefficients - &expected.coefficients).norm();
    assert!(distance < 1e-6 * expected.coefficients.norm(), "{distance:e}");
    let [excess, own] = [&expected.errors, &expected.parameter_errors];
    for (class, factor) in FeatureClass::ALL.into_iter().zip([3.0, 0.5, 0.7, 1.5]) {
        let [excess, own] = [excess, own].map(|errors| errors.of(class).unwrap());
        assert!(relative_error(excess, factor * own) < 1e-14, "{class}");
    }
    assert_eq!(expected.values().len(), exact.quantities().len());
}

#[test]
fn networks_on_unequal_inputs_end_at_the_exact_end_point() {
    let law = structured(0.3, [4.0, 0.25]);
    let exact = Experiment::of_law(law, samples(0.4, 0.01), 60).unwrap();
    let draw = exact.draw(3, 0).unwrap();
    let expected = exact.train(&draw).unwrap();
    let flow = Trainer::Flow(GradientFlow::new());
    let outcome = exact.clone().with_trainer(flow).train(&draw).unwrap();
    let distance = (outcome.coefficients - &expected.coefficients).norm();
    assert!(distance < 1e-7 * expected.coefficients.norm(), "{distance:e}");
    // Strong inputs are four times as large in the error on fresh inputs.
    let [excess, own] = [&expected.errors, &expected.parameter_errors];
    for (label, factor) in [("strong", 4.0), ("weak", 0.25)] {
        assert!(relative_error(excess.of(label).unwrap(), factor * own.of(label).unwrap()) < 1e-14);
    }
    assert_eq!(expected.values().len(), exact.quantities().len());
}

#[test]
fn penalty_weights_are_those_of_the_theory() {
    let samples = samples(0.45, 0.05);
    let solve = |weights| {
        let solution = Solver::new().solve(&weighted(weights), &samples).unwrap();
        solution.generalization_error()
    };
    // Far enough apart for the test to tell them.
    assert!(solve([1.0, 3.0]) < 0.7 * solve([1.0, 1.0]));
    agrees(&Experiment::of_law(weighted([1.0, 3.0]), samples, 300).unwrap(), 60);
}

#[test]
fn networks_know_of_no_penalty_weights() {
    let of = |weights, trainer| {
        let experiment = Experiment::of_law(weighted(weights), samples(0.45, 0.05), 40).unwrap();
        experiment.with_trainer(trainer).run(1, 0)
    };
    let trainers = [Trainer::Flow(GradientFlow::new()), Trainer::Descent(GradientDescent::new())];
    for trainer in trainers {
        let error = of([1.0, 3.0], trainer).unwrap_err();
        assert!(matches!(&error, Error::InGroup { label, .. } if label.as_str() == "costly"));
        let cause = error.cause();
        assert!(
            matches!(cause, Error::OutOfDomain { parameter: "penalty_weight", value: 3.0, .. }),
            "{cause}"
        );
    }
    // A factor of all groups changes nothing.
    let flow = of([3.0, 3.0], Trainer::Flow(GradientFlow::new())).unwrap().coefficients;
    let exact = of([3.0, 3.0], Trainer::default()).unwrap().coefficients;
    assert!((&flow - &exact).norm() < 1e-6 * exact.norm());
}

#[test]
fn no_gradient_flow_beats_the_bayes_optimal_learner_on_unequal_inputs() {
    for variances in [[4.0, 0.25], [9.0, 9.0], [100.0, 0.01]] {
        for scale in [1e-4, 0.1, 10.0] {
            let law = structured(scale, variances);
            let samples = samples(0.3, 0.05);
            let bayes = BayesOptimal::of_law(&law).unwrap().solve(&samples).unwrap();
            let bound = bayes.message_passing().generalization_error();
            let error = Solver::new().solve(&law, &samples).unwrap().generalization_error();
            assert!(bound < error, "{bound} {error}");
        }
    }
    // Inputs of nine times the variance are coefficients of three times the size.
    let group = |deviation: f64, variance| {
        let prior = Prior::gaussian(deviation, deviation * deviation).unwrap();
        let group = CoordinateGroup::new("signal", 0.2, prior, 1.0).unwrap();
        let none = CoordinateGroup::new("none", 0.8, Prior::ZERO, 1.0).unwrap();
        let groups = [group, none].map(|group| group.with_input_variance(variance).unwrap());
        let law = Law::new(groups.to_vec()).unwrap();
        let solution = BayesOptimal::of_law(&law).unwrap().solve(&samples(0.4, 0.1)).unwrap();
        solution.message_passing().generalization_error()
    };
    assert!(relative_error(group(1.0, 9.0), group(3.0, 1.0)) < 1e-12);
}
