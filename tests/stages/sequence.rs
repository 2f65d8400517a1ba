//! Sequences of stages: two of them as a transfer, the numbers of unlearning and relearning, and the error of
//! the nodes.

use crate::common::relative_error;
use diagonet::*;

fn initialization(absolute: f64, relative: f64) -> Initialization {
    Initialization::new(Scales { absolute, relative }).unwrap()
}

fn samples(ratio: f64, noise_variance: f64) -> Samples {
    Samples::new(ratio).unwrap().with_noise_variance(noise_variance).unwrap()
}

/// A tenth of the features, Gaussian in task 0; task 1 forgets half of them.
fn forgetting() -> Vec<FeatureKind> {
    let prior = Prior::gaussian(0.0, 10.0).unwrap();
    vec![
        FeatureKind::in_proportion("forget", 0.05, prior, &[1.0, 0.0]).unwrap(),
        FeatureKind::in_proportion("retain", 0.05, prior, &[1.0, 1.0]).unwrap(),
        FeatureKind::known("unused", 0.9, &[0.0, 0.0]).unwrap(),
    ]
}

fn sequence(
    kinds: Vec<FeatureKind>,
    initialization: Initialization,
    stages: impl IntoIterator<Item = SequenceStage>,
) -> Sequence {
    let empty = Sequence::new(kinds, initialization).unwrap();
    stages.into_iter().fold(empty, |sequence, stage| sequence.with_stage(stage).unwrap())
}

/// Pretraining without a limit, unlearning, relearning; all of it continued training.
fn relearning() -> Sequence {
    let data = samples(0.3, 0.01);
    sequence(
        forgetting(),
        initialization(0.01, 0.0),
        [
            SequenceStage::on_task(0),
            SequenceStage::on_task(1).with_samples(data),
            SequenceStage::on_task(0).with_samples(data),
        ],
    )
}

/// The digits of an independent computation, and of networks.
#[test]
fn unlearning_and_relearning_have_the_known_errors() {
    let solution = relearning().solve().unwrap();
    assert!(solution.node_error <= Sequence::TOLERANCE);
    let after = |task: usize, stage: usize| solution.errors_on(task, stage).unwrap();
    // Two standard errors of the independent computation, which drew its nodes.
    for (computed, expected, error) in [
        (after(1, 1).total, 0.01287, 6e-5),
        (after(0, 1).of("forget").unwrap(), 8.616, 5e-3),
        (after(1, 1).of("retain").unwrap(), 0.0627, 6e-4),
        (after(0, 2).total, 0.03285, 2e-5),
        // Of 800 networks of 1000 coordinates, drawn and trained by `SequenceExperiment`.
        (after(1, 1).total, 0.013072, 5.4e-5),
        (after(0, 1).of("forget").unwrap(), 8.6416, 0.0637),
        (after(1, 1).of("retain").unwrap(), 0.064269, 5.2e-4),
        (after(0, 2).total, 0.033115, 2.13e-4),
    ] {
        assert!((computed - expected).abs() < 2.0 * error, "{computed} {expected}");
    }
    assert_eq!(after(0, 0).total, 0.0);
    assert_eq!(solution.generalization_error(), after(0, 2).total);
    let matrix = solution.forgetting_matrix();
    assert_eq!((matrix.nrows(), matrix.ncols(), matrix[(1, 1)]), (3, 2, after(1, 1).total));
}

/// Unlearning is fine-tuning on the features that are retained.
#[test]
fn unlearning_is_a_transfer() {
    let supports =
        Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.05, overlap: 1.0 }).unwrap();
    let task = Task::new(supports)
        .and_then(|task| task.with_pretraining_prior(Prior::gaussian(0.0, 10.0)?))
        .and_then(|task| task.with_fine_tuning_variance(10.0))
        .and_then(|task| task.with_correlation(1.0))
        .unwrap();
    let map = ScaleMap::new(initialization(0.01, 0.0), 0.0).unwrap();
    let transfer = Transfer::new(&task, map).with_protocol(Protocol::Continued);
    let expected = Solver::new().solve(&transfer, &samples(0.3, 0.01)).unwrap();
    let solution = relearning().with_tolerance(1e-5).unwrap().solve().unwrap();
    let unlearned = solution.stages[1].target_errors.total;
    assert!(relative_error(unlearned, expected.generalization_error()) < 1e-8);
}

/// As many nodes after many stages as after a few.
#[test]
fn nodes_of_long_sequences_are_merged() {
    let data = samples(0.3, 0.01);
    let prior = Prior::gaussian(0.0, 10.0).unwrap();
    for protocol in [Protocol::REBALANCED, Protocol::Continued] {
        let kinds = vec![
            FeatureKind::independent("used", 0.1, &[prior, prior]).unwrap(),
            FeatureKind::known("unused", 0.9, &[0.0, 0.0]).unwrap(),
        ];
        let stages = (0..8).map(|stage| {
            SequenceStage::on_task(stage % 2).with_samples(data).with_protocol(if stage == 0 {
                Protocol::Continued
            } else {
                protocol
            })
        });
        let stages = sequence(kinds, initialization(0.01, 0.0), stages);
        let clock = std::time::Instant::now();
        let solution = stages.with_tolerance(1e-2).unwrap().solve().unwrap();
        let groups: Vec<_> = solution.stages.iter().map(|stage| stage.groups).collect();
        println!("{protocol}: {:?}, {} {groups:?}", clock.elapsed(), solution.node_error);
        assert!(groups[7] < 3 * groups[4], "{groups:?}");
    }
}

/// Two stages of a sequence under a protocol, and the same as a transfer.
fn two_stages(protocol: Protocol, pretraining: Option<Samples>, variances: [f64; 4]) -> [f64; 2] {
    let (gamma, data) = (0.3, samples(0.25, 0.05));
    let (gaussian, active) =
        (Prior::gaussian(0.0, 5.0).unwrap(), Prior::gaussian(0.0, 10.0).unwrap());
    let correlation = 0.8_f64;
    let covariance = nalgebra::dmatrix![
        5.0_f64.sqrt(), 0.0;
        10.0_f64.sqrt() * correlation, 10.0_f64.sqrt() * (1.0 - correlation * correlation).sqrt()
    ];
    let kinds = vec![
        FeatureKind::with_factors("shared", 0.08, nalgebra::dvector![0.0, 0.0], covariance)
            .unwrap(),
        FeatureKind::independent("new", 0.02, &[Prior::ZERO, active]).unwrap(),
        FeatureKind::independent("pretraining-only", 0.12, &[gaussian, Prior::ZERO]).unwrap(),
        FeatureKind::known("none", 0.78, &[0.0, 0.0]).unwrap(),
    ];
    let kinds = kinds.into_iter().zip(variances);
    let kinds = kinds.map(|(kind, variance)| kind.with_input_variance(variance).unwrap());
    let kinds: Vec<_> = kinds.collect();
    let first = SequenceStage::on_task(0);
    let first = pretraining.map_or(first.clone(), |samples| first.with_samples(samples));
    let second =
        SequenceStage::on_task(1).with_protocol(protocol).with_readout_scale(gamma).unwrap();
    let stages = sequence(kinds, initialization(0.05, -0.4), [first, second]);
    let stages = stages.with_tolerance(1e-7).unwrap();
    let supports =
        Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.8 }).unwrap();
    let task = Task::new(supports)
        .and_then(|task| task.with_pretraining_prior(gaussian))
        .and_then(|task| task.with_correlation(correlation))
        .unwrap();
    let task = FeatureClass::ALL
        .into_iter()
        .zip(variances)
        .fold(task, |task, (class, variance)| task.with_input_variance(class, variance).unwrap());
    let map = ScaleMap::new(initialization(0.05, -0.4), gamma).unwrap();
    let transfer = Transfer::new(&task, map).with_protocol(protocol);
    let transfer = match pretraining {
        Some(samples) => transfer.with_pretraining_samples(samples),
        None => transfer,
    };
    let solver = Solver::new();
    let by_stages = solver.solve(&stages, &data).unwrap();
    let by_transfer = solver.solve(&transfer, &data).unwrap();
    for kind in ["shared", "new", "pretraining-only", "none"] {
        let computed = by_stages.errors_on(1, 1).unwrap().of(kind).unwrap();
        let expected = by_transfer.fine_tuning.error_of(kind).unwrap();
        assert!(relative_error(computed, expected) < 1e-7, "{protocol} {kind}");
    }
    let own = [
        by_stages.stages[1].parameter_errors[1].total,
        by_transfer.fine_tuning.parameter_errors().total,
    ];
    assert!(relative_error(own[0], own[1]) < 1e-7, "{protocol} {own:?}");
    if let Some(pretraining) = &by_transfer.pretraining {
        let computed = by_stages.errors_on(0, 0).unwrap().total;
        assert!(relative_error(computed, pretraining.generalization_error()) < 1e-9);
    }
    // The error on the task of pretraining, which a transfer has from its statistics.
    let forgotten = by_stages.stages[1].parameter_errors[0].total;
    let expected =
        by_transfer.statistics(0.0).unwrap().total.pretraining_error_after_fine_tuning.unwrap();
    assert!(relative_error(forgotten, expected) < 1e-8, "{protocol} {forgotten} {expected}");
    [by_stages.generalization_error(), by_transfer.generalization_error()]
}

#[test]
fn two_stages_are_a_transfer() {
    let factors = LayerFactors { first_layer: 2.0, readout: 0.7 };
    let mut worst = 0.0_f64;
    for protocol in [
        Protocol::REBALANCED,
        Protocol::rebalanced(0.3).unwrap(),
        Protocol::Continued,
        Protocol::rescaled(factors).unwrap(),
        Protocol::learning_rates(5.0).unwrap(),
        Protocol::ReadoutReset,
        Protocol::ProbeKept,
        Protocol::ProbeReset,
        Protocol::probe_rebalanced(2.0).unwrap(),
        Protocol::FrozenReadout,
        Protocol::adapter(0.4).unwrap(),
    ] {
        for pretraining in [None, Some(samples(0.4, 0.01)), Some(samples(1.5, 0.1))] {
            let [computed, expected] = two_stages(protocol, pretraining, [1.0; 4]);
            let error = relative_error(computed, expected);
            worst = worst.max(error);
            assert!(error < 1e-9, "{protocol} {pretraining:?}: {computed} {expected} {error:e}");
        }
    }
    for protocol in [Protocol::REBALANCED, Protocol::Continued, Protocol::ProbeKept] {
        for pretraining in [None, Some(samples(0.4, 0.01)), Some(samples(1.5, 0.1))] {
            let [computed, expected] = two_stages(protocol, pretraining, [3.0, 0.5, 0.7, 1.8]);
            let error = relative_error(computed, expected);
            worst = worst.max(error);
            assert!(error < 1e-9, "{protocol} {pretraining:?}: {computed} {expected} {error:e}");
        }
    }
    println!("worst {worst:e}");
}

/// The stated error of the nodes, against ones of a hundredth of the tolerance: three stages on finite data.
#[test]
fn the_error_of_merged_nodes_is_within_the_tolerance() {
    let data = samples(0.35, 0.02);
    let prior = Prior::gaussian(0.0, 5.0).unwrap();
    for protocol in [Protocol::REBALANCED, Protocol::Continued, Protocol::ReadoutReset] {
        let kinds = vec![
            FeatureKind::independent("both", 0.1, &[prior, prior]).unwrap(),
            FeatureKind::in_proportion("first", 0.1, prior, &[1.0, 0.0]).unwrap(),
            FeatureKind::known("unused", 0.8, &[0.0, 0.0]).unwrap(),
        ];
        let stage = |task: usize| {
            SequenceStage::on_task(task)
                .with_protocol(protocol)
                .with_readout_scale(0.2)
                .unwrap()
                .with_samples(data)
        };
        let stages = [SequenceStage::on_task(0).with_samples(data), stage(1), stage(0)];
        let stages = sequence(kinds, initialization(0.05, -0.3), stages);
        let solve = |tolerance: f64| {
            let clock = std::time::Instant::now();
            let solution = stages.clone().with_tolerance(tolerance).unwrap().solve().unwrap();
            let groups: Vec<_> = solution.stages.iter().map(|stage| stage.groups).collect();
            println!(
                "{protocol} {tolerance:e}: {:?}, refinement {}, node error {:e}, groups {groups:?}",
                clock.elapsed(),
                solution.refinement,
                solution.node_error
            );
            solution
        };
        let reference = solve(1e-5).forgetting_matrix();
        for tolerance in [1e-2, 1e-3, 1e-4] {
            let matrix = solve(tolerance).forgetting_matrix();
            for (computed, expected) in matrix.iter().zip(&reference) {
                let error = relative_error(*computed, *expected);
                assert!(error <= tolerance, "{protocol}: {computed} {expected} {error:e}");
            }
        }
    }
}

/// Atoms under unlimited data leave one node of each kind.
#[test]
fn atoms_and_unlimited_data_are_exact() {
    let kinds = vec![
        FeatureKind::known("first", 0.1, &[1.0, 0.0]).unwrap(),
        FeatureKind::known("second", 0.2, &[0.0, -2.0]).unwrap(),
        FeatureKind::known("unused", 0.7, &[0.0, 0.0]).unwrap(),
    ];
    let stages = [
        SequenceStage::on_task(0),
        SequenceStage::on_task(1).with_protocol(Protocol::REBALANCED),
        SequenceStage::on_tasks(&[1.0, 3.0]).unwrap(),
        SequenceStage::on_task(0)
            .with_protocol(Protocol::REBALANCED)
            .with_samples(samples(0.3, 0.0)),
    ];
    let solution = sequence(kinds, initialization(0.1, 0.0), stages).solve().unwrap();
    assert_eq!((solution.refinement, solution.node_error), (0, 0.0));
    assert!(solution.stages.iter().all(|stage| stage.groups == 3));
    let matrix = solution.forgetting_matrix();
    let distance = 0.1 + 0.2 * 4.0;
    assert_eq!((matrix[(0, 0)], matrix[(1, 1)]), (0.0, 0.0));
    assert!(relative_error(matrix[(0, 1)], distance) < 1e-15);
    // On the joint target (1/4, 3/4), the distances are 3/4 and 1/4 of the way.
    assert_eq!(solution.stages[2].target_errors.total, 0.0);
    assert!(relative_error(matrix[(2, 0)], distance * 9.0 / 16.0) < 1e-15);
    assert!(relative_error(matrix[(2, 1)], distance / 16.0) < 1e-15);
}

#[test]
fn learning_curves_and_required_samples_are_those_of_the_last_stage() {
    let stages = relearning().with_tolerance(1e-3).unwrap();
    let solver = Solver::new();
    let ratio = solver.required_sample_ratio(&stages, 0.01, 0.05).unwrap();
    let at =
        |ratio: f64| solver.solve(&stages, &samples(ratio, 0.01)).unwrap().generalization_error();
    assert!(relative_error(at(ratio), 0.05) < 1e-3 && at(0.99 * ratio) > 0.05);
    let curve = solver.learning_curve(&stages, 0.01, &[0.1, 0.3]);
    let [low, high] = [0, 1].map(|index| curve[index].as_ref().unwrap().generalization_error());
    assert!(low > high && relative_error(high, at(0.3)) < 1e-3);
}

#[test]
fn stages_that_do_not_fit_are_errors() {
    let start = initialization(0.01, 0.0);
    let empty = Sequence::new(forgetting(), start).unwrap();
    assert!(matches!(empty.solve(), Err(Error::OutOfDomain { parameter: "stages", .. })));
    let third = empty.clone().with_stage(SequenceStage::on_task(2));
    assert!(matches!(third, Err(Error::OutOfDomain { parameter: "task", .. })));
    let adapter = SequenceStage::on_task(0).with_protocol(Protocol::adapter(0.3).unwrap());
    let after = empty.clone().with_stage(adapter).unwrap().with_stage(SequenceStage::on_task(0));
    assert!(matches!(after, Err(Error::OutOfDomain { parameter: "branch", .. })));
    assert!(empty.clone().with_tolerance(0.0).is_err());
    let vanishing = Sequence::new(forgetting(), initialization(0.0, 0.0));
    assert!(matches!(vanishing, Err(Error::OutOfDomain { parameter: "absolute_scale", .. })));
    let none = Sequence::new(Vec::new(), start);
    assert!(matches!(none, Err(Error::OutOfDomain { parameter: "tasks", .. })));
    let half = vec![FeatureKind::known("half", 0.5, &[0.0]).unwrap()];
    assert!(matches!(Sequence::new(half, start), Err(Error::WeightsDoNotSumToOne { .. })));
    let mut unequal = forgetting();
    unequal.push(FeatureKind::known("more", 0.0, &[0.0]).unwrap());
    assert!(matches!(Sequence::new(unequal, start), Err(Error::DimensionMismatch { .. })));
    assert!(SequenceStage::on_tasks(&[0.0, 0.0]).is_err());
    assert!(SequenceStage::on_tasks(&[f64::NAN]).is_err());
    let rich =
        Solver::new().with_estimator(Estimator::Rich).solve(&relearning(), &samples(0.3, 0.0));
    assert!(matches!(rich, Err(Error::UnknownName { parameter: "estimator", .. })));
    // Noise at the interpolation threshold of an earlier stage.
    let first = SequenceStage::on_task(0).with_samples(samples(1.0, 0.1));
    let stages = empty.with_stage(first).unwrap().with_stage(SequenceStage::on_task(1)).unwrap();
    let error = stages.solve().unwrap_err();
    assert!(error.to_string().starts_with("in stage 1: "), "{error}");
    assert!(matches!(error.cause(), Error::Diverges { .. }));
}

#[test]
fn extreme_scales_have_answers() {
    for absolute in [1e-300, 1e-30, 1e30] {
        for protocol in [Protocol::REBALANCED, Protocol::Continued] {
            let kinds = vec![
                FeatureKind::known("used", 0.2, &[1.0, -1.0]).unwrap(),
                FeatureKind::known("unused", 0.8, &[0.0, 0.0]).unwrap(),
            ];
            let stage = |task: usize| SequenceStage::on_task(task).with_protocol(protocol);
            let data = samples(0.4, 0.01);
            let stages = [SequenceStage::on_task(0), stage(1), stage(0).with_samples(data)];
            let solution = sequence(kinds, initialization(absolute, 0.0), stages).solve().unwrap();
            assert!(solution.generalization_error().is_finite(), "{absolute:e} {protocol}");
        }
    }
}

/// The same where pretraining is unlimited, as in unlearning: nodes of two integrals, which are not merged.
#[test]
fn the_error_of_nodes_after_unlimited_pretraining_is_within_the_tolerance() {
    for protocol in [Protocol::Continued, Protocol::REBALANCED, Protocol::ReadoutReset] {
        let data = samples(0.3, 0.01);
        let stage =
            |task: usize| SequenceStage::on_task(task).with_protocol(protocol).with_samples(data);
        let stages = [SequenceStage::on_task(0), stage(1), stage(0)];
        let stages = sequence(forgetting(), initialization(0.01, 0.0), stages);
        let solve = |tolerance: f64| stages.clone().with_tolerance(tolerance).unwrap().solve();
        let reference = solve(1e-7).unwrap().forgetting_matrix();
        for tolerance in [1e-2, 1e-3, 1e-4, 1e-5] {
            let solution = solve(tolerance).unwrap();
            assert!(solution.node_error <= tolerance);
            for (computed, expected) in solution.forgetting_matrix().iter().zip(&reference) {
                let error = relative_error(*computed, *expected);
                assert!(error <= tolerance, "{protocol}: {computed} {expected} {error:e}");
            }
        }
    }
}
