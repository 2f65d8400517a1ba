//! Sensitivities against differences of the solver's own answers, and the identities they obey.

#![cfg(feature = "quadrature")]

use crate::common::{config, decades, signed};
use diagonet::{
    ConditionalDensities, CoordinateGroup, Densities, ElasticNet, Error, Estimator, FeatureClass,
    GroupGradient, Initialization, Law, LawGradient, Prior, Protocol, Samples, ScaleMap, Scales,
    Sensitivities, Solver, Supports, Task, TrainedLayers, Transfer,
};
use proptest::prelude::*;

/// What differences of answers good to about 1e-12 can tell of a derivative, relative to the largest
/// of the derivatives in logarithms.
const DIFFERENCES: f64 = 2e-10;

/// The same for other protocols: their solutions are smooth to 1e-13, because centres and starts of a size
/// with the coefficients are taken off these.
const OF_PROTOCOLS: f64 = 2e-9;

/// What identities between derivatives may miss, relative to their terms.
const IDENTITIES: f64 = 1e-9;

/// A problem as plain numbers, to be moved in any of them.
#[derive(Debug, Clone)]
struct Problem {
    sample_ratio: f64,
    noise_variance: f64,
    explicit_penalty: f64,
    /// Weight, mean, variance, scale and start.
    groups: Vec<[f64; 5]>,
}

impl Problem {
    fn law(&self) -> Law {
        let sum: f64 = self.groups.iter().map(|group| group[0]).sum();
        let group = |(index, &[p, m, v, c, b0]): (usize, &[f64; 5])| {
            let prior = Prior::gaussian(m, v).unwrap();
            let group = CoordinateGroup::new(format!("{index}"), p / sum, prior, c).unwrap();
            group.with_start(b0).unwrap()
        };
        Law::new(self.groups.iter().enumerate().map(group).collect()).unwrap()
    }

    fn samples(&self) -> Samples {
        Samples::new(self.sample_ratio).unwrap().with_noise_variance(self.noise_variance).unwrap()
    }

    fn solver(&self, estimator: Estimator) -> Solver {
        Solver::new()
            .with_estimator(estimator)
            .with_explicit_penalty(self.explicit_penalty)
            .unwrap()
    }

    fn answers(&self, estimator: Estimator) -> [f64; 3] {
        let report = self.solver(estimator).solve(&self.law(), &self.samples()).unwrap();
        let state = report.state;
        [report.generalization_error(), state.effective_noise_variance, state.effective_penalty]
    }

    fn sensitivities(&self, estimator: Estimator) -> Sensitivities<LawGradient> {
        self.solver(estimator)
            .solve(&self.law(), &self.samples())
            .and_then(|s| s.sensitivities())
            .unwrap()
    }
}

/// Derivative of `f` at 0 from central differences with three extrapolations.
fn derivative(f: impl Fn(f64) -> [f64; 3], step: f64) -> [f64; 3] {
    let difference = |h: f64| {
        let (above, below) = (f(h), f(-h));
        [0, 1, 2].map(|i| (above[i] - below[i]) / (2.0 * h))
    };
    let mut table: Vec<[f64; 3]> =
        (0..4).map(|level| difference(step / f64::from(1 << level))).collect();
    for order in 1..4 {
        let factor = 4.0_f64.powi(order);
        table = table
            .windows(2)
            .map(|pair| [0, 1, 2].map(|i| (factor * pair[1][i] - pair[0][i]) / (factor - 1.0)))
            .collect();
    }
    table[0]
}

/// Derivatives of the three answers in one parameter, and its size.
#[derive(Debug)]
struct Row {
    #[allow(dead_code, reason = "it names the row of a failure")]
    name: String,
    differences: [f64; 3],
    implicit: [f64; 3],
    size: f64,
}

/// Checks every derivative of the problem that can be approached from both sides.
fn check(problem: &Problem, estimator: Estimator) {
    let sensitivities = problem.sensitivities(estimator);
    let gradients = [
        &sensitivities.generalization_error,
        &sensitivities.effective_noise_variance,
        &sensitivities.effective_penalty,
    ];
    let values = problem.answers(estimator);
    let is_l1 = matches!(estimator, Estimator::Rich | Estimator::ElasticNet(_));
    let reachable = problem.law().reachable_fraction();
    let mut rows: Vec<Row> = Vec::new();
    let mut compare = |name: String,
                       size: f64,
                       moved: &dyn Fn(&mut Problem, f64),
                       implicit: &dyn Fn(&LawGradient) -> f64| {
        let answers = |x: f64| {
            let mut problem = problem.clone();
            moved(&mut problem, x);
            problem.answers(estimator)
        };
        let differences = derivative(answers, 0.02 * size);
        rows.push(Row { name, differences, implicit: gradients.map(implicit), size });
    };
    compare(
        "sample_ratio".into(),
        problem.sample_ratio.min((problem.sample_ratio - reachable).abs()),
        &|problem, x| problem.sample_ratio += x,
        &|gradient| gradient.sample_ratio,
    );
    if problem.noise_variance > 0.0 {
        compare(
            "noise_variance".into(),
            problem.noise_variance,
            &|problem, x| problem.noise_variance += x,
            &|gradient| gradient.noise_variance,
        );
    }
    if problem.explicit_penalty > 0.0 {
        compare(
            "explicit_penalty".into(),
            problem.explicit_penalty,
            &|problem, x| problem.explicit_penalty += x,
            &|gradient| gradient.explicit_penalty.unwrap(),
        );
    }
    for (index, &[weight, mean, variance, scale, start]) in problem.groups.iter().enumerate() {
        let mut of_group = |name: &str,
                            size: f64,
                            moved: &dyn Fn(&mut [f64; 5], f64),
                            implicit: &dyn Fn(&GroupGradient) -> f64| {
            compare(
                format!("{name} of {index}"),
                size,
                &|problem, x| moved(&mut problem.groups[index], x),
                &|gradient| implicit(&gradient.groups[index]),
            );
        };
        if weight > 0.0 {
            of_group("weight", weight, &|group, x| group[0] += x, &|group| group.weight);
        }
        // Weights of the rich limit jump where a group becomes active.
        if !is_l1 || mean != 0.0 || variance > 0.0 {
            of_group("mean", mean.abs().max(0.1), &|group, x| group[1] += x, &|group| group.mean);
        }
        if variance > 0.0 {
            of_group("variance", variance, &|group, x| group[2] += x, &|group| group.variance);
        }
        if scale > 0.0 {
            of_group("log_scale", 1.0, &|group, x| group[3] *= x.exp(), &|group| group.log_scale);
        }
        if scale > 0.0 && !is_l1 {
            of_group("start", start.abs().max(0.1), &|group, x| group[4] += x, &|group| {
                group.start.unwrap()
            });
        }
    }
    for (answer, value) in values.iter().enumerate() {
        let size = |row: &Row| (row.implicit[answer] * row.size).abs();
        let largest = rows.iter().map(size).fold(value.abs(), f64::max);
        for row in &rows {
            let gap = (row.differences[answer] - row.implicit[answer]).abs() * row.size;
            assert!(gap <= DIFFERENCES * largest, "answer {answer}: {row:?}");
        }
    }
}

fn problems() -> Vec<Problem> {
    let spike = |scale: f64| vec![[0.1, 0.0, 10.0, scale, 0.0], [0.9, 0.0, 0.0, scale, 0.0]];
    let problem = |sample_ratio, noise_variance, explicit_penalty, groups| Problem {
        sample_ratio,
        noise_variance,
        explicit_penalty,
        groups,
    };
    let mixture = vec![
        [0.2, 1.0, 0.5, 0.03, 0.0],
        [0.3, -0.7, 0.0, 0.2, 0.4],
        [0.1, 0.5, 0.3, 0.0, 0.0],
        [0.4, 0.0, 0.01, 1.5, -0.2],
    ];
    vec![
        problem(0.25, 0.0, 0.0, spike(1e-3)),
        problem(0.4, 0.3, 0.0, spike(1e-3)),
        problem(0.25, 0.01, 0.5, spike(1e-6)),
        problem(0.6, 0.0, 0.0, spike(1.0)),
        problem(0.3, 0.2, 0.0, mixture.clone()),
        problem(0.85, 0.2, 0.0, mixture.clone()),
        problem(0.85, 0.2, 0.7, mixture.clone()),
        problem(2.0, 0.2, 0.3, mixture),
        problem(0.999, 1e-3, 0.0, spike(0.1)),
        problem(1e-3, 5.0, 0.0, spike(0.1)),
    ]
}

#[test]
fn derivatives_are_those_of_the_fixed_point() {
    for problem in problems() {
        check(&problem, Estimator::Quadrature);
    }
}

#[test]
fn derivatives_are_those_of_the_lazy_limit() {
    let groups =
        vec![[0.2, 1.0, 0.5, 3.0, 0.0], [0.3, -0.7, 0.0, 0.2, 0.4], [0.5, 0.1, 0.0, 1.0, -0.2]];
    let problem = |sample_ratio, noise_variance| Problem {
        sample_ratio,
        noise_variance,
        explicit_penalty: 0.0,
        groups: groups.clone(),
    };
    check(&problem(0.3, 0.0), Estimator::Lazy);
    check(&problem(0.8, 0.3), Estimator::Lazy);
}

#[test]
fn derivatives_are_those_of_the_rich_limit() {
    let spike = vec![[0.1, 0.0, 10.0, 1e-3, 0.0], [0.9, 0.0, 0.0, 1e-6, 0.0]];
    let mixture = vec![
        [0.2, 1.0, 0.5, 0.03, 0.0],
        [0.3, -0.7, 0.0, 0.2, 0.0],
        [0.1, 0.5, 0.3, 0.0, 0.0],
        [0.4, 0.0, 0.01, 1.5, 0.0],
    ];
    for (sample_ratio, noise_variance, groups) in [
        (0.2, 0.0, spike.clone()),
        (0.6, 0.1, spike),
        (0.3, 0.2, mixture.clone()),
        (0.85, 0.01, mixture),
    ] {
        let problem = Problem { sample_ratio, noise_variance, explicit_penalty: 0.0, groups };
        check(&problem, Estimator::Rich);
        // The limit has no other starts.
        let gradient = problem.sensitivities(Estimator::Rich).generalization_error;
        for (group, slopes) in problem.groups.iter().zip(&gradient.groups) {
            assert_eq!(slopes.start, (group[3] == 0.0).then_some(0.0));
        }
    }
}

#[test]
fn derivatives_are_those_of_penalized_norms() {
    let groups = vec![
        [0.2, 1.0, 0.5, 0.03, 0.0],
        [0.3, -0.7, 0.0, 0.2, 0.0],
        [0.1, 0.5, 0.3, 0.0, 0.0],
        [0.4, 0.0, 0.01, 1.5, 0.0],
    ];
    let net = |curvature| Estimator::ElasticNet(ElasticNet::new(curvature).unwrap());
    for (sample_ratio, noise_variance, explicit_penalty) in
        [(0.4, 0.1, 0.3), (0.95, 0.2, 0.01), (1.7, 0.5, 2.0), (0.6, 0.0, 0.1)]
    {
        for estimator in [Estimator::Lazy, Estimator::Rich, net(0.0), net(0.4), net(30.0)] {
            let groups = groups.clone();
            let problem = Problem { sample_ratio, noise_variance, explicit_penalty, groups };
            check(&problem, estimator);
        }
    }
    // From where there is none, to the right.
    for estimator in [Estimator::Lazy, Estimator::Rich] {
        let problem = |explicit_penalty| Problem {
            sample_ratio: 0.6,
            noise_variance: 0.1,
            explicit_penalty,
            groups: groups.clone(),
        };
        let gradient = problem(0.0).sensitivities(estimator).generalization_error;
        let slope = |kappa: f64| {
            (problem(kappa).answers(estimator)[0] - problem(0.0).answers(estimator)[0]) / kappa
        };
        let expected = 2.0 * slope(1e-6) - slope(2e-6);
        let computed = gradient.explicit_penalty.unwrap();
        assert!((computed - expected).abs() < 1e-6 * expected.abs(), "{computed} {expected}");
    }
}

#[test]
fn derivatives_are_those_of_least_squares() {
    let problem = Problem {
        sample_ratio: 1.3,
        noise_variance: 0.2,
        explicit_penalty: 0.0,
        groups: vec![
            [0.6, 1.0, 0.5, 3.0, 0.0],
            [0.3, -0.7, 0.4, 0.0, 0.0],
            [0.1, 0.1, 0.0, 1.0, 0.0],
        ],
    };
    check(&problem, Estimator::Auto);
}

/// To first order, which is all that differences to the right of zero can tell.
#[test]
fn least_squares_feel_a_weak_penalty() {
    let problem = Problem {
        sample_ratio: 1.3,
        noise_variance: 0.2,
        explicit_penalty: 0.0,
        groups: vec![[0.7, 1.0, 0.5, 0.3, 0.2], [0.3, -0.7, 0.4, 0.01, 0.0]],
    };
    let solution =
        problem.solver(Estimator::Auto).solve(&problem.law(), &problem.samples()).unwrap();
    assert_eq!(solution.estimator, Estimator::LeastSquares);
    let sensitivities = solution.sensitivities().unwrap();
    let implicit = [
        &sensitivities.generalization_error,
        &sensitivities.effective_noise_variance,
        &sensitivities.effective_penalty,
    ]
    .map(|gradient| gradient.explicit_penalty.unwrap());
    let values = problem.answers(Estimator::Auto);
    let slope = |kappa: f64| {
        let mut penalized = problem.clone();
        penalized.explicit_penalty = kappa;
        let answers = penalized.answers(Estimator::Auto);
        [0, 1, 2].map(|i| (answers[i] - values[i]) / kappa)
    };
    let (near, far) = (slope(1e-5), slope(2e-5));
    for i in 0..3 {
        let extrapolated = 2.0 * near[i] - far[i];
        assert!((extrapolated / implicit[i] - 1.0).abs() < 1e-5, "{i}");
    }
}

#[test]
fn what_has_no_derivative_says_so() {
    let group = |scale| {
        CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0).unwrap(), scale).unwrap()
    };
    let law = Law::new(vec![group(1.0)]).unwrap();
    let solver = Solver::new();
    let edge = |solver: &Solver, law: &Law, samples: Samples| {
        matches!(
            solver.solve(law, &samples).and_then(|s| s.sensitivities()),
            Err(Error::NotDifferentiable { .. })
        )
    };
    let half = Samples::new(0.5).unwrap();
    // Exact recovery is at the edge of the domain, too.
    let sparse = Law::new(vec![
        CoordinateGroup::new("signal", 0.1, Prior::gaussian(0.0, 1.0).unwrap(), 1.0).unwrap(),
        CoordinateGroup::new("background", 0.9, Prior::ZERO, 1.0).unwrap(),
    ])
    .unwrap();
    assert!(edge(&solver.with_estimator(Estimator::Rich), &sparse, half));
    assert!(edge(&solver, &law, Samples::new(1.0).unwrap()));
    assert!(edge(&solver, &Law::new(vec![group(0.0)]).unwrap(), half));
    let silent =
        Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::ZERO, 1.0).unwrap()]).unwrap();
    assert!(edge(&solver.with_estimator(Estimator::Lazy), &silent, half));
}

/// Both stages as plain numbers: absolute, relative and readout scale; densities and overlap; mean and
/// variance of pretraining, of shared and of new features; correlation; sample ratio and noise of
/// pretraining and fine-tuning; explicit penalty.
type Parameters = [f64; 18];

/// Input variances of the four classes.
type Variances = [f64; 4];

const EQUAL: Variances = [1.0; 4];

fn transfer(parameters: &Parameters, finite: bool, protocol: Protocol) -> Transfer {
    transfer_on(&EQUAL, parameters, finite, protocol)
}

fn transfer_on(
    variances: &Variances,
    parameters: &Parameters,
    finite: bool,
    protocol: Protocol,
) -> Transfer {
    let &[c, lambda, gamma, rho_pt, rho_ft, overlap, mean, variance, ..] = parameters;
    let &[_, _, _, _, _, _, _, _, m_s, v_s, m_n, v_n, q, ratio, noise, ..] = parameters;
    let task = Task::new(
        Supports::new(Densities { pretraining: rho_pt, fine_tuning: rho_ft, overlap }).unwrap(),
    )
    .unwrap()
    .with_pretraining_prior(Prior::gaussian(mean, variance).unwrap())
    .unwrap()
    .with_shared_prior(Prior::gaussian(m_s, v_s).unwrap())
    .unwrap()
    .with_new_prior(Prior::gaussian(m_n, v_n).unwrap())
    .unwrap()
    .with_correlation(q)
    .unwrap();
    let task = FeatureClass::ALL
        .into_iter()
        .zip(variances)
        .fold(task, |task, (class, variance)| task.with_input_variance(class, *variance).unwrap());
    let initialization = Initialization::new(Scales { absolute: c, relative: lambda }).unwrap();
    let transfer = Transfer::new(&task, ScaleMap::new(initialization, gamma).unwrap());
    let transfer = transfer.with_protocol(protocol);
    if finite {
        let samples = Samples::new(ratio).unwrap().with_noise_variance(noise).unwrap();
        transfer.with_pretraining_samples(samples)
    } else {
        transfer
    }
}

fn second_stage(parameters: &Parameters) -> (Solver, Samples) {
    let &[.., ratio, noise, kappa] = parameters;
    let solver = Solver::new().with_explicit_penalty(kappa).unwrap();
    (solver, Samples::new(ratio).unwrap().with_noise_variance(noise).unwrap())
}

fn check_transfer(budget: f64, parameters: &Parameters, finite: bool, protocol: Protocol) {
    check_transfer_on(&EQUAL, budget, parameters, finite, protocol);
}

fn check_transfer_on(
    variances: &Variances,
    budget: f64,
    parameters: &Parameters,
    finite: bool,
    protocol: Protocol,
) {
    let (solver, samples) = second_stage(parameters);
    let problem = transfer_on(variances, parameters, finite, protocol);
    let solution = solver.solve(&problem, &samples).unwrap();
    let sensitivities = solution.sensitivities().unwrap();
    // On twice the nodes, because nodes move with the parameters, and with them the error of the rule.
    let answers_on = |variances: &Variances, parameters: &Parameters, protocol| {
        let problem = transfer_on(variances, parameters, finite, protocol);
        answers(parameters, &problem.law(solution.refinement + 1).unwrap(), protocol)
    };
    let answers = |parameters: &Parameters, protocol| answers_on(variances, parameters, protocol);
    let gradients = [
        sensitivities.generalization_error.entries(),
        sensitivities.effective_noise_variance.entries(),
        sensitivities.effective_penalty.entries(),
    ];
    for (index, &value) in parameters.iter().enumerate() {
        let name = gradients[0][index].0;
        // What can only grow is not approached from both sides.
        let signed =
            ["relative_scale", "pretraining_mean", "shared_mean", "new_mean", "correlation"];
        if value == 0.0 && !signed.contains(&name) {
            continue;
        }
        if gradients[0][index].1.is_none() {
            continue;
        }
        let size = if value == 0.0 {
            0.3
        } else {
            value.abs().min(1.0 - value.abs()).max(0.1 * value.abs())
        };
        let answers = |x: f64| {
            let mut moved = *parameters;
            moved[index] += x;
            answers(&moved, protocol)
        };
        let implicit = [0, 1, 2].map(|answer| gradients[answer][index].1.unwrap());
        check_derivative(budget, name, implicit, answers, size, &(protocol, parameters));
    }
    let of_protocol = protocol.parameters();
    for (index, value) in of_protocol.iter().enumerate() {
        let answers = |x: f64| {
            let mut moved = of_protocol.clone();
            moved[index] += x;
            answers(parameters, Protocol::from_name(protocol.name(), &moved).unwrap())
        };
        let implicit = [0, 1, 2].map(|answer| gradients[answer][18 + index].1.unwrap());
        check_derivative(budget, "own", implicit, answers, 0.5 * value, &(protocol, parameters));
    }
    assert!(gradients[0][18 + of_protocol.len()..20].iter().all(|entry| entry.1.is_none()));
    for class in 0..4 {
        let answers = |x: f64| {
            let mut moved = *variances;
            moved[class] *= x.exp();
            answers_on(&moved, parameters, protocol)
        };
        let implicit = [0, 1, 2].map(|answer| gradients[answer][20 + class].1.unwrap());
        let name = gradients[0][20 + class].0;
        check_derivative(budget, name, implicit, answers, 2.0, &(protocol, parameters));
    }
}

/// Error, noise and penalty of fine-tuning on a law of fixed nodes.
fn answers(parameters: &Parameters, law: &Law, protocol: Protocol) -> [f64; 3] {
    let (solver, samples) = second_stage(parameters);
    let solver = match protocol.trained_layers() {
        TrainedLayers::Both => solver,
        _ => solver.with_estimator(Estimator::Lazy),
    };
    let report = solver.solve(law, &samples).unwrap();
    let state = report.state;
    [report.generalization_error(), state.effective_noise_variance, state.effective_penalty]
}

/// Differences of short steps feel the rounding of solutions, those of long ones what extrapolation
/// leaves: one of them has to agree.
fn check_derivative(
    budget: f64,
    name: &str,
    implicit: [f64; 3],
    answers: impl Fn(f64) -> [f64; 3],
    size: f64,
    problem: &dyn std::fmt::Debug,
) {
    let values = answers(0.0);
    let mut gaps = [f64::INFINITY; 3];
    for step in [0.02, 0.04, 0.08] {
        let differences = derivative(&answers, step * size);
        for answer in 0..3 {
            let scale = (implicit[answer] * size).abs().max(values[answer] * 0.1);
            let gap = (implicit[answer] - differences[answer]).abs() * size / scale;
            gaps[answer] = gaps[answer].min(gap);
        }
        if gaps.iter().all(|gap| *gap <= budget) {
            return;
        }
    }
    panic!("{name}: {gaps:?} {problem:?}");
}

#[test]
fn derivatives_of_all_protocols() {
    let base: Parameters = [
        0.01, -0.9, 0.3, 0.2, 0.1, 0.7, 0.8, 0.0, 0.0, 9.0, 0.0, 9.0, 0.6, 0.5, 0.05, 0.3, 0.02,
        0.0,
    ];
    let mut gaussian = base;
    gaussian[6..12].copy_from_slice(&[-0.7, 2.0, 0.7, 2.0, -1.2, 5.0]);
    gaussian[1] = 0.4;
    let mut centred = base;
    (centred[6], centred[7], centred[17]) = (0.0, 5.0, 0.2);
    for name in [
        "rebalanced 0.6",
        "continued",
        "rescaled 2 0.7",
        "rescaled 0.5 1.5",
        "learning_rates 5",
        "learning_rates 0.1",
        "readout_reset",
        "probe_kept",
        "probe_reset",
        "probe_rebalanced 2",
        "frozen_readout",
        "adapter 0.4",
    ] {
        let protocol = name.parse().unwrap();
        check_transfer(OF_PROTOCOLS, &base, false, protocol);
        check_transfer(OF_PROTOCOLS, &gaussian, true, protocol);
        check_transfer(OF_PROTOCOLS, &centred, false, protocol);
    }
}

#[test]
fn derivatives_of_both_stages() {
    let base: Parameters = [
        0.01, -0.9, 0.05, 0.2, 0.1, 0.7, 0.8, 0.0, 0.0, 9.0, 0.0, 9.0, 0.6, 0.5, 0.05, 0.3, 0.02,
        0.0,
    ];
    let gaussian = {
        let mut parameters = base;
        (parameters[6], parameters[7]) = (0.3, 2.0);
        parameters
    };
    let centred = {
        let mut parameters = base;
        (parameters[6], parameters[7]) = (0.0, 5.0);
        parameters[17] = 0.2;
        parameters
    };
    let negative = {
        let mut parameters = gaussian;
        parameters[6] = -1.5;
        parameters[8..12].copy_from_slice(&[0.7, 2.0, -1.2, 5.0]);
        parameters[13] = 1.5;
        parameters
    };
    for (parameters, protocol) in [
        (base, Protocol::REBALANCED),
        (gaussian, Protocol::REBALANCED),
        (centred, Protocol::Continued),
        (negative, Protocol::REBALANCED),
        (negative, Protocol::Continued),
    ] {
        check_transfer(DIFFERENCES, &parameters, true, protocol);
    }
    for protocol in [Protocol::REBALANCED, Protocol::Continued] {
        check_transfer(DIFFERENCES, &base, false, protocol);
        check_transfer(DIFFERENCES, &centred, false, protocol);
    }
}

#[test]
fn derivatives_of_both_stages_on_unequal_inputs() {
    let base: Parameters = [
        0.01, -0.9, 0.3, 0.2, 0.1, 0.7, 0.8, 0.0, 0.0, 9.0, 0.0, 9.0, 0.6, 0.5, 0.05, 0.3, 0.02,
        0.0,
    ];
    let mut gaussian = base;
    gaussian[6..12].copy_from_slice(&[0.3, 2.0, 0.7, 2.0, -1.2, 5.0]);
    let variances = [3.0, 0.5, 0.7, 1.8];
    for (parameters, protocol) in [
        (base, Protocol::REBALANCED),
        (gaussian, Protocol::REBALANCED),
        (gaussian, Protocol::Continued),
        (gaussian, Protocol::ProbeKept),
    ] {
        check_transfer_on(&variances, OF_PROTOCOLS, &parameters, true, protocol);
        check_transfer_on(&variances, OF_PROTOCOLS, &parameters, false, protocol);
    }
}

/// Sum of all derivatives with the exponents that a change of the unit of coefficients gives.
fn by_unit(problem: &Problem, gradient: &LawGradient) -> (f64, f64) {
    let data = [
        2.0 * problem.noise_variance * gradient.noise_variance,
        problem.explicit_penalty * gradient.explicit_penalty.unwrap_or(0.0),
    ];
    let groups = problem.groups.iter().zip(&gradient.groups).flat_map(|(group, slopes)| {
        let &[_, mean, variance, _, start] = group;
        [
            mean * slopes.mean,
            2.0 * variance * slopes.variance,
            slopes.log_scale,
            start * slopes.start.unwrap_or(0.0),
        ]
    });
    let terms: Vec<f64> = data.into_iter().chain(groups).collect();
    (terms.iter().sum(), terms.iter().map(|term| term.abs()).sum())
}

fn problem() -> impl Strategy<Value = Problem> {
    let mean = prop_oneof![1 => Just(0.0), 1 => signed(decades(-3.0, 1.0))];
    let variance = prop_oneof![1 => Just(0.0), 2 => decades(-8.0, 1.0)];
    let scale = prop_oneof![12 => decades(-12.0, 6.0), 1 => Just(0.0)];
    let start = prop_oneof![2 => Just(0.0), 1 => signed(decades(-3.0, 1.0))];
    let group = (0.001..1.0_f64, mean, variance, scale, start)
        .prop_map(|(p, m, v, c, b0)| [p, m, v, c, if c < 1e-3 { 0.0 } else { b0 }]);
    let ratio = prop_oneof![4 => 0.001..0.999_f64, 1 => decades(-6.0, -1.0), 1 => 1.001..3.0_f64];
    let noise = prop_oneof![Just(0.0), decades(-8.0, 1.0)];
    let kappa = prop_oneof![3 => Just(0.0), 1 => decades(-4.0, 2.0)];
    (ratio, noise, kappa, prop::collection::vec(group, 1..=4)).prop_map(
        |(sample_ratio, noise_variance, explicit_penalty, groups)| Problem {
            sample_ratio,
            noise_variance,
            explicit_penalty,
            groups,
        },
    )
}

proptest! {
    #![proptest_config(config(1000))]

    #[test]
    fn gradients_obey_what_the_equations_say(problem in problem()) {
        let solver = problem.solver(Estimator::Auto);
        let report = solver.solve(&problem.law(), &problem.samples()).unwrap();
        let sensitivities = match report.sensitivities() {
            Err(Error::NotDifferentiable { .. }) => return Ok(()),
            result => result.unwrap(),
        };
        // Below, the error itself is beyond its budget.
        let unit = problem.law().mean_square() + problem.noise_variance;
        prop_assume!(report.generalization_error() >= 1e-14 * unit);
        let answers = [
            (&sensitivities.generalization_error, 2.0 * report.generalization_error()),
            (&sensitivities.effective_noise_variance, 2.0 * report.state.effective_noise_variance),
            (&sensitivities.effective_penalty, report.state.effective_penalty),
        ];
        // Other units of coefficients are units of the answers.
        for (gradient, expected) in answers {
            let (sum, size) = by_unit(&problem, gradient);
            prop_assert!((sum - expected).abs() <= IDENTITIES * (size + expected),
                "unit: {sum:e}, not {expected:e}, size {size:e}");
        }
        // Weights sum to one.
        let total: f64 = problem.groups.iter().map(|group| group[0]).sum();
        for (gradient, _) in answers {
            let terms = || problem.groups.iter().zip(&gradient.groups)
                .map(|(group, slopes)| group[0] / total * slopes.weight);
            let (sum, size) = (terms().sum::<f64>(), terms().map(f64::abs).sum::<f64>());
            prop_assert!(sum.abs() <= IDENTITIES * size, "weights: {sum:e} of {size:e}");
        }
        // alpha s² = sigma² + error.
        let (error, noise) =
            (&sensitivities.generalization_error, &sensitivities.effective_noise_variance);
        let alpha = problem.sample_ratio;
        let close = |left: f64, right: f64, size: f64| {
            (left - right).abs() <= IDENTITIES * (left.abs() + right.abs() + size)
        };
        let s = report.state.effective_noise_variance;
        prop_assert!(close(alpha * noise.sample_ratio + s, error.sample_ratio, s));
        prop_assert!(close(alpha * noise.noise_variance, 1.0 + error.noise_variance, 1.0));
        for (error, noise) in error.groups.iter().zip(&noise.groups) {
            let size = alpha * s;
            prop_assert!(close(alpha * noise.weight, error.weight, size));
            prop_assert!(close(alpha * noise.log_scale, error.log_scale, size));
        }
    }
}

/// Problems in units of any size, with scales and groups of any size in them.
fn extremes() -> impl Strategy<Value = Problem> {
    let scales = prop::collection::vec(decades(-299.0, 299.0), 4);
    (problem(), scales, decades(-120.0, 120.0), any::<bool>()).prop_map(
        |(mut problem, scales, unit, far)| {
            problem.noise_variance *= unit * unit;
            problem.explicit_penalty *= unit;
            for (group, scale) in problem.groups.iter_mut().zip(scales) {
                let start = if far { 0.0 } else { group[4] * unit };
                group[1] *= unit;
                group[2] *= unit * unit;
                group[3] = if far && group[3] > 0.0 { scale } else { group[3] * unit };
                group[4] = start;
            }
            problem
        },
    )
}

proptest! {
    #![proptest_config(config(1000))]

    #[test]
    fn every_derivative_of_a_law_is_finite_or_says_why(problem in extremes()) {
        let (law, samples) = (problem.law(), problem.samples());
        let solver = problem.solver(Estimator::Auto);
        prop_assume!(solver.solve(&law, &samples).is_ok());
        match solver.solve(&law, &samples).and_then(|s| s.sensitivities()) {
            Ok(sensitivities) => {
                for gradient in [
                    &sensitivities.generalization_error,
                    &sensitivities.effective_noise_variance,
                    &sensitivities.effective_penalty,
                ] {
                    prop_assert!(gradient.sample_ratio.is_finite());
                    prop_assert!(gradient.explicit_penalty.is_none_or(f64::is_finite));
                    for group in &gradient.groups {
                        prop_assert!((group.weight + group.log_scale).is_finite());
                        prop_assert!((group.mean + group.variance).is_finite());
                        prop_assert!(group.start.is_some_and(f64::is_finite));
                    }
                }
            }
            Err(Error::NotDifferentiable { .. } | Error::NotRepresentable { .. }) => {}
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}

/// Scales of all sizes, and what a transfer can be at the edges of its domain.
fn edges() -> impl Strategy<Value = (Parameters, bool, Protocol)> {
    let scale = prop_oneof![8 => decades(-8.0, 4.0), 1 => decades(-290.0, 290.0), 1 => Just(0.0)];
    let readout = prop_oneof![2 => Just(0.0), 3 => decades(-6.0, 2.0)];
    let densities =
        (0.0..=1.0_f64, 0.0..=1.0_f64, 0.0..=1.0_f64).prop_map(|(rho_pt, shared, new)| {
            let snap = |p: f64| {
                if p < 0.1 {
                    0.0
                } else if p > 0.9 {
                    1.0
                } else {
                    p
                }
            };
            let supports = Supports::from_conditional(ConditionalDensities {
                pretraining: rho_pt,
                shared: snap(shared),
                new: snap(new),
            })
            .unwrap();
            let overlap = supports.overlap().unwrap_or(0.0);
            [supports.pretraining_density(), supports.fine_tuning_density(), overlap]
        });
    let mean = || prop_oneof![1 => Just(0.0), 2 => signed(decades(-2.0, 1.0))];
    let variance = || prop_oneof![1 => Just(0.0), 2 => decades(-3.0, 1.0)];
    let correlation =
        prop_oneof![1 => Just(0.0), 1 => Just(1.0), 1 => Just(-1.0), 3 => -1.0..1.0_f64];
    let ratio = || prop_oneof![4 => 0.05..0.95_f64, 1 => 1.05..3.0_f64];
    let noise = || prop_oneof![1 => Just(0.0), 1 => decades(-3.0, 0.0)];
    let kappa = prop_oneof![2 => Just(0.0), 1 => decades(-3.0, 1.0)];
    (
        (scale, crate::common::relative_scale(), readout, densities),
        (mean(), variance(), mean(), variance(), mean(), variance(), correlation),
        (ratio(), noise(), ratio(), noise(), kappa),
        (prop::bool::weighted(0.1), any::<bool>()),
    )
        .prop_map(|((c, lambda, gamma, rho), priors, data, (finite, continued))| {
            let (m, v_pt, m_s, v_s, m_n, v_n, q) = priors;
            let [rho_pt, rho_ft, overlap] = rho;
            let q = if m == 0.0 && v_pt == 0.0 { 0.0 } else { q };
            let (ratio_pt, noise_pt, ratio, noise, kappa) = data;
            let parameters = [
                c, lambda, gamma, rho_pt, rho_ft, overlap, m, v_pt, m_s, v_s, m_n, v_n, q,
                ratio_pt, noise_pt, ratio, noise, kappa,
            ];
            let protocol = if continued { Protocol::Continued } else { Protocol::REBALANCED };
            (parameters, finite, protocol)
        })
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn every_derivative_of_a_transfer_is_finite_or_absent((parameters, finite, protocol) in edges()) {
        let transfer = transfer(&parameters, finite, protocol);
        let (solver, samples) = second_stage(&parameters);
        prop_assume!(solver.solve(&transfer, &samples).is_ok());
        match solver.solve(&transfer, &samples).and_then(|s| s.sensitivities()) {
            Ok(sensitivities) => {
                for (name, derivative) in sensitivities.generalization_error.entries() {
                    prop_assert!(derivative.is_none_or(f64::is_finite), "{name}: {derivative:?}");
                }
            }
            // Of either stage.
            Err(error) => prop_assert!(
                matches!(
                    error.cause(),
                    Error::NotDifferentiable { .. } | Error::NotRepresentable { .. }
                ),
                "{error}"
            ),
        }
    }
}

/// What differences to one side can tell of a derivative.
const DIFFERENCES_TO_ONE_SIDE: f64 = 1e-9;

/// Derivative to the right (or, for a negative step, to the left) of 0, from three extrapolations.
fn one_sided(f: impl Fn(f64) -> f64, step: f64) -> f64 {
    let at_zero = f(0.0);
    let mut table: Vec<f64> =
        (0..5).map(|level| step / f64::from(1 << level)).map(|h| (f(h) - at_zero) / h).collect();
    for order in 1..5 {
        let factor = 2.0_f64.powi(order);
        table =
            table.windows(2).map(|pair| (factor * pair[1] - pair[0]) / (factor - 1.0)).collect();
    }
    table[0]
}

#[test]
fn derivatives_at_edges_are_one_sided() {
    // Rows: a parameter, its value at the edge, and the step into the domain.
    let base: Parameters = [
        0.5, -0.5, 0.3, 0.2, 0.1, 0.7, 0.8, 0.0, 0.0, 9.0, 0.0, 9.0, 0.6, 0.5, 0.05, 0.3, 0.02, 0.1,
    ];
    for finite in [false, true] {
        for (index, edge, step) in [
            (0, 0.0, 1e-4),
            (1, -1.0, 1e-3),
            (1, 1.0, -1e-2),
            (2, 0.0, 1e-2),
            (5, 1.0, -1e-2),
            (5, 0.0, 1e-2),
            (7, 0.0, 1e-2),
            (9, 0.0, 1e-2),
            (11, 0.0, 1e-2),
            (12, 1.0, -1e-2),
            (14, 0.0, 1e-3),
            (16, 0.0, 1e-3),
            (17, 0.0, 1e-2),
        ] {
            // A vanishing scale needs unlimited pretraining data, or enough.
            let mut parameters = base;
            parameters[index] = edge;
            if index == 0 {
                parameters[13] = 2.0;
            }
            let (solver, samples) = second_stage(&parameters);
            let sensitivities = solver
                .solve(&transfer(&parameters, finite, Protocol::REBALANCED), &samples)
                .and_then(|solution| solution.sensitivities())
                .unwrap();
            let (name, implicit) = sensitivities.generalization_error.entries()[index];
            let Some(implicit) = implicit else {
                assert!(!finite && (name.starts_with("pretraining")), "{name}");
                continue;
            };
            let error = |x: f64| {
                let mut moved = parameters;
                moved[index] += x;
                let (solver, samples) = second_stage(&moved);
                let law = transfer(&moved, finite, Protocol::REBALANCED).law(3).unwrap();
                solver.solve(&law, &samples).unwrap().generalization_error()
            };
            // In a vanishing scale, noisy coefficients make the error c + c² log c, which is no series.
            let budget = if finite && index == 0 { 1e-5 } else { DIFFERENCES_TO_ONE_SIDE };
            let gap = (one_sided(error, step) - implicit).abs();
            assert!(gap <= budget * implicit.abs().max(0.1), "{name}, {finite}: {gap:e}");
        }
    }
}
