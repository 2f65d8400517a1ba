//! Inputs of unequal variance: errors of labels and of coefficients, statistics in the coefficients' own
//! units, derivatives.

use crate::common::relative_error;
use diagonet::{
    CoordinateGroup, ElasticNet, Error, Estimator, Law, LawGradient, Prior, RecoveryThreshold,
    Samples, Solution, Solver, basis_pursuit, minimum_l2, ordinary_least_squares, rich_weights,
};

fn samples(sample_ratio: f64, noise_variance: f64) -> Samples {
    Samples::new(sample_ratio).unwrap().with_noise_variance(noise_variance).unwrap()
}

/// Parameters of a group in the coefficients' own units.
#[derive(Debug, Clone, Copy)]
struct Group {
    weight: f64,
    mean: f64,
    variance: f64,
    scale: f64,
    start: f64,
    input_variance: f64,
}

const GROUPS: [Group; 4] = [
    Group { weight: 0.1, mean: 0.0, variance: 5.0, scale: 0.5, start: 0.0, input_variance: 4.0 },
    Group { weight: 0.2, mean: -1.0, variance: 0.0, scale: 1.5, start: 0.0, input_variance: 0.3 },
    Group { weight: 0.3, mean: 0.7, variance: 0.2, scale: 0.2, start: 0.0, input_variance: 0.1 },
    Group { weight: 0.4, mean: 0.0, variance: 0.0, scale: 0.5, start: 0.0, input_variance: 2.5 },
];

const LABELS: [&str; 4] = ["slab", "atom", "both", "none"];

fn law(groups: &[Group; 4]) -> Law {
    let group = |(label, group): (&str, &Group)| {
        let prior = Prior::gaussian(group.mean, group.variance).unwrap();
        CoordinateGroup::new(label.to_owned(), group.weight, prior, group.scale)
            .and_then(|made| made.with_start(group.start))
            .and_then(|made| made.with_input_variance(group.input_variance))
            .unwrap()
    };
    Law::new(LABELS.into_iter().zip(groups).map(group).collect()).unwrap()
}

/// The same problem with inputs of unit variance, by hand.
fn by_hand(groups: &[Group; 4]) -> Law {
    let group = |(label, group): (&str, &Group)| {
        let root = group.input_variance.sqrt();
        let prior =
            Prior::gaussian(root * group.mean, group.input_variance * group.variance).unwrap();
        CoordinateGroup::new(label.to_owned(), group.weight, prior, root * group.scale)
            .and_then(|made| made.with_start(root * group.start))
            .and_then(|made| made.with_penalty_weight(root.recip()))
            .unwrap()
    };
    Law::new(LABELS.into_iter().zip(groups).map(group).collect()).unwrap()
}

/// Groups that start away from zero.
fn started() -> [Group; 4] {
    let mut groups = GROUPS;
    (groups[0].start, groups[1].start) = (0.8, -0.4);
    groups
}

/// Solvers with a problem each, without and with an explicit penalty.
fn cases() -> Vec<(Solver, [Group; 4])> {
    let explicit =
        |estimator| Solver::new().with_estimator(estimator).with_explicit_penalty(0.2).unwrap();
    let with = |estimator| Solver::new().with_estimator(estimator);
    let mut frozen = GROUPS;
    frozen[2].scale = 0.0;
    let mut cases = vec![
        (with(Estimator::Lazy), GROUPS),
        (with(Estimator::Lazy), started()),
        (with(Estimator::Lazy), frozen),
        (with(Estimator::Rich), GROUPS),
        (with(Estimator::Rich), frozen),
        (explicit(Estimator::Lazy), GROUPS),
        (explicit(Estimator::Rich), GROUPS),
        (explicit(Estimator::ElasticNet(ElasticNet::new(0.4).unwrap())), GROUPS),
    ];
    if cfg!(feature = "quadrature") {
        cases.extend([
            (with(Estimator::Quadrature), GROUPS),
            (with(Estimator::Quadrature), started()),
            (with(Estimator::Quadrature), frozen),
            (explicit(Estimator::Quadrature), GROUPS),
        ]);
    }
    cases
}

#[cfg(feature = "quadrature")]
#[test]
fn an_independent_solver_agrees() {
    const BUDGET: f64 = 1e-9;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/structured_inputs.csv");
    let mut rows = 0;
    for row in csv::Reader::from_path(path).unwrap().records() {
        let row = row.unwrap();
        let number = |column: usize| row[column].parse::<f64>().unwrap();
        let group = |(index, text): (usize, &str)| {
            let parts: Vec<f64> = text.split(':').map(|part| part.parse().unwrap()).collect();
            let &[weight, variance, scale, input_variance] = &parts[..] else { panic!("{text}") };
            CoordinateGroup::new(
                index.to_string(),
                weight,
                Prior::gaussian(0.0, variance).unwrap(),
                scale,
            )
            .and_then(|group| group.with_input_variance(input_variance))
            .unwrap()
        };
        let law = Law::new(row[0].split(';').enumerate().map(group).collect()).unwrap();
        let solution = Solver::new().solve(&law, &samples(number(1), number(2))).unwrap();
        for (computed, expected) in [
            (solution.generalization_error(), number(3)),
            (solution.parameter_errors().total, number(4)),
            (solution.state.effective_noise_variance, number(5)),
            (solution.state.effective_penalty, number(6)),
        ] {
            assert!(relative_error(computed, expected) < BUDGET, "{computed} {expected} {row:?}");
        }
        rows += 1;
    }
    assert_eq!(rows, 10);
}

#[test]
fn structured_inputs_are_unit_inputs_in_other_units() {
    for (solver, groups) in cases() {
        let estimator = solver.estimator();
        let samples = samples(0.45, 0.1);
        let solution = solver.solve(&law(&groups), &samples).unwrap();
        if !matches!(estimator, Estimator::Rich | Estimator::ElasticNet(_)) {
            let unit = solver.solve(&by_hand(&groups), &samples).unwrap();
            for (own, whitened) in solution.errors.groups.iter().zip(&unit.errors.groups) {
                assert!(relative_error(own.error, whitened.error) < 1e-12, "{estimator}");
            }
        }
        let weighted = |errors: &diagonet::Errors, by: fn(&Group) -> f64| -> f64 {
            errors.groups.iter().zip(&groups).map(|(e, group)| e.weight * e.error * by(group)).sum()
        };
        let parameters = solution.parameter_errors();
        let total = weighted(parameters, |_| 1.0);
        assert!(relative_error(parameters.total, total) < 1e-14);
        let excess = weighted(parameters, |group| group.input_variance);
        assert!(relative_error(solution.generalization_error(), excess) < 1e-14);
    }
}

#[test]
fn statistics_are_those_of_the_coefficients() {
    for (solver, groups) in cases() {
        let estimator = solver.estimator();
        let solution = solver.solve(&law(&groups), &samples(0.45, 0.1)).unwrap();
        let statistics = solution.statistics(0.3).unwrap();
        // Atoms: the error is bias and variance.
        for index in [1, 3] {
            let estimates = statistics.groups[index].estimates;
            let bias = estimates.mean - groups[index].mean;
            let error = bias * bias + estimates.variance;
            let expected = solution.parameter_errors().groups[index].error;
            assert!(relative_error(error, expected) < 1e-9, "{estimator} {error} {expected}");
        }
        if matches!(estimator, Estimator::Rich | Estimator::ElasticNet(_)) {
            continue;
        }
        // The cut is one of a coefficient.
        let unit = solver.solve(&by_hand(&groups), &samples(0.45, 0.1)).unwrap();
        for (index, group) in groups.iter().enumerate() {
            let cut = 0.3 * group.input_variance.sqrt();
            let whitened = unit.statistics(cut).unwrap().groups[index].estimates;
            let rate = statistics.groups[index].estimates.discovery_rate;
            assert!((rate - whitened.discovery_rate).abs() < 1e-10, "{estimator} {index}");
        }
    }
}

/// The same problem with inputs and coefficients of other size: only labels matter.
#[test]
fn l1_norms_count_coefficients_in_their_own_units() {
    let samples = samples(0.45, 0.1);
    let factor = 6.25_f64;
    let scaled = GROUPS.map(|group| Group {
        mean: group.mean / factor.sqrt(),
        variance: group.variance / factor,
        scale: group.scale / factor.sqrt(),
        input_variance: group.input_variance * factor,
        ..group
    });
    // A curvature is one of coefficients.
    let nets = [0.4, 0.4 * factor.sqrt()].map(|mu| ElasticNet::new(mu).unwrap());
    for estimators in [[Estimator::Rich; 2], nets.map(Estimator::ElasticNet)] {
        // The penalty counts coefficients, too.
        let penalties = [0.2, 0.2 * factor.sqrt()];
        let [one, other] = [(GROUPS, 0), (scaled, 1)].map(|(groups, i)| {
            let solver = Solver::new().with_estimator(estimators[i]);
            let solver = solver.with_explicit_penalty(penalties[i]).unwrap();
            solver.solve(&law(&groups), &samples).unwrap().generalization_error()
        });
        assert!(relative_error(one, other) < 1e-11, "{one} {other}");
    }
    assert_eq!(rich_weights(&law(&GROUPS)).len(), 4);
}

#[test]
fn derivatives_are_those_of_the_answers() {
    const STEP: f64 = 1e-3;
    type Parameter = (&'static str, fn(&mut Group, f64), fn(&LawGradient, usize) -> Option<f64>);
    let parameters: [Parameter; 5] = [
        (
            "log_input_variance",
            |group, step| group.input_variance *= step.exp(),
            |gradient, index| Some(gradient.groups[index].log_input_variance),
        ),
        (
            "mean",
            |group, step| group.mean += step,
            |gradient, index| Some(gradient.groups[index].mean),
        ),
        (
            "variance",
            |group, step| group.variance *= step.exp(),
            |gradient, index| Some(gradient.groups[index].variance),
        ),
        (
            "log_scale",
            |group, step| group.scale *= step.exp(),
            |gradient, index| Some(gradient.groups[index].log_scale),
        ),
        (
            "start",
            |group, step| group.start += step,
            |gradient, index| gradient.groups[index].start,
        ),
    ];
    let mut cases: Vec<_> =
        cases().into_iter().map(|(solver, groups)| (solver, groups, 0.45)).collect();
    cases.push((Solver::new(), GROUPS, 1.7));
    let mut frozen = GROUPS;
    frozen[2].scale = 0.0;
    cases.push((Solver::new(), frozen, 1.7));
    for (solver, groups, ratio) in cases {
        let samples = samples(ratio, 0.1);
        let solution = solver.solve(&law(&groups), &samples).unwrap();
        let sensitivities = solution.sensitivities().unwrap();
        let gradients = [
            &sensitivities.generalization_error,
            &sensitivities.effective_noise_variance,
            &sensitivities.effective_penalty,
        ];
        let values = |solution: &Solution| {
            let state = solution.state;
            [
                solution.generalization_error(),
                state.effective_noise_variance,
                state.effective_penalty,
            ]
        };
        for (name, shift, read) in parameters {
            for index in 0..4 {
                let variance = groups[index].variance;
                // Frozen groups have neither, and one-sided derivatives have their own test.
                if (name == "start" && groups[index].scale == 0.0)
                    || (name == "variance" && variance == 0.0)
                    || read(gradients[0], index).is_none()
                    || (name == "mean" && (groups[index].mean, variance) == (0.0, 0.0))
                {
                    continue;
                }
                let at = |step: f64| {
                    let mut moved = groups;
                    shift(&mut moved[index], step);
                    values(&solver.solve(&law(&moved), &samples).unwrap())
                };
                let [far, near] = [2.0 * STEP, STEP].map(|step| (at(step), at(-step), step));
                for (i, gradient) in gradients.into_iter().enumerate() {
                    let difference = |(above, below, step): &([f64; 3], [f64; 3], f64)| {
                        (above[i] - below[i]) / (2.0 * step)
                    };
                    let expected = (4.0 * difference(&near) - difference(&far)) / 3.0;
                    let unit = if name == "variance" { variance } else { 1.0 };
                    let computed = read(gradient, index).unwrap() * unit;
                    assert!(
                        (computed - expected).abs() < 1e-8 * values(&solution)[i].max(0.1),
                        "{} {name} {index} {i}: {computed:e}, not {expected:e}",
                        solver.estimator(),
                    );
                }
            }
        }
    }
}

#[test]
fn recovery_and_closed_forms_see_input_variances() {
    let group = |name: &'static str, weight, prior, input_variance| {
        CoordinateGroup::new(name, weight, prior, 1.0)
            .and_then(|group| group.with_input_variance(input_variance))
            .unwrap()
    };
    let atom = Prior::atom(1.0).unwrap();
    let plain = |input_variance| {
        let signal = CoordinateGroup::new("signal", 0.1, atom, 1.0).unwrap();
        Law::new(vec![signal, group("background", 0.9, Prior::ZERO, input_variance)]).unwrap()
    };
    // A quarter of the variance is twice the weight.
    let threshold = RecoveryThreshold::of_law(&plain(0.25), &[1.0, 1.0]).unwrap();
    let weighted = RecoveryThreshold::of_law(&plain(1.0), &[1.0, 2.0]).unwrap();
    assert!(relative_error(threshold.sample_ratio(), weighted.sample_ratio()) < 1e-14);
    let ratio = threshold.sample_ratio();
    let error =
        |ratio| basis_pursuit(&plain(0.25), &samples(ratio, 0.0)).unwrap().generalization_error();
    assert!(error(1.01 * ratio) == 0.0 && error(0.99 * ratio) > 0.0);
    // The signal is the error without samples.
    let law = Law::new(vec![group("all", 1.0, atom, 9.0)]).unwrap();
    let solver = Solver::new().with_estimator(Estimator::Lazy);
    assert_eq!(solver.required_sample_ratio(&law, 0.0, 9.0), Ok(0.0));
    let half = solver.required_sample_ratio(&law, 0.0, 4.5).unwrap();
    assert!((half - 0.5).abs() < 1e-12);
    let solution = minimum_l2(&law, &samples(0.25, 0.0)).unwrap();
    assert!((solution.generalization_error() - 6.75).abs() < 1e-14);
    assert!((solution.parameter_errors().total - 0.75).abs() < 1e-15);
    // Least squares does not see what inputs are like, but its coefficients do.
    let solution = ordinary_least_squares(&law, &samples(2.0, 0.5)).unwrap();
    assert_eq!(solution.generalization_error(), 0.5);
    assert_eq!(solution.parameter_errors().total, 0.5 / 9.0);
    assert_eq!(solution.parameter_errors().of("all"), Some(0.5 / 9.0));
}

#[test]
fn variances_that_leave_a_domain_are_refused() {
    let atom = Prior::atom(1e100).unwrap();
    let group = || CoordinateGroup::new("group", 1.0, atom, 1.0).unwrap();
    let parameter = |result: diagonet::Result<CoordinateGroup>| match result.unwrap_err().cause() {
        Error::OutOfDomain { parameter, .. } => *parameter,
        error => panic!("{error}"),
    };
    for variance in [0.0, -1.0, 1e-151, 1e151, 1e120, f64::NAN, f64::INFINITY] {
        assert_eq!(parameter(group().with_input_variance(variance)), "input_variance");
    }
    let wide = group().with_input_variance(1e90).unwrap();
    assert_eq!(wide.input_variance(), 1e90);
    assert_eq!(parameter(wide.clone().with_start(1e140)), "start");
    assert_eq!(parameter(wide.with_penalty_weight(1e-110)), "penalty_weight");
    assert_eq!(group().input_variance(), 1.0);
}

/// Variances as far apart as they may be.
#[test]
fn extreme_variances_have_answers() {
    let solver = Solver::new().with_estimator(Estimator::Lazy);
    for variance in [1e-150, 1e-75, 1e75, 1e150] {
        let group = |name: &'static str| {
            CoordinateGroup::new(name, 0.5, Prior::gaussian(0.0, 1.0).unwrap(), 1.0).unwrap()
        };
        let extreme = group("extreme").with_input_variance(variance).unwrap();
        let law = Law::new(vec![group("plain"), extreme]).unwrap();
        let solution = solver.solve(&law, &samples(0.25, 0.0)).unwrap();
        let [plain, extreme] = [0, 1].map(|index| solution.parameter_errors().groups[index].error);
        // What is by far the strongest is learned by half of the samples that it takes, alone.
        let (learned, left) = if variance > 1.0 { (extreme, plain) } else { (plain, extreme) };
        assert!((learned - 0.5).abs() < 1e-12, "{variance} {learned}");
        assert!(left >= 1.0, "{variance} {left}");
        solution.sensitivities().unwrap();
    }
}
