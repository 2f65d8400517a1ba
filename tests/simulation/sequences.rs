//! Sequences of stages in networks of finite size, against the theory.

#![cfg(all(feature = "simulation", feature = "quadrature"))]

use diagonet::simulation::{GradientFlow, MonteCarlo, SequenceExperiment, Trainer};
use diagonet::*;

/// A tenth of the features, Gaussian in task 0; task 1 forgets half of them.
fn kinds() -> Vec<FeatureKind> {
    let prior = Prior::gaussian(0.0, 10.0).unwrap();
    vec![
        FeatureKind::in_proportion("forget", 0.05, prior, &[1.0, 0.0]).unwrap(),
        FeatureKind::in_proportion("retain", 0.05, prior, &[1.0, 1.0]).unwrap(),
        FeatureKind::known("unused", 0.9, &[0.0, 0.0]).unwrap(),
    ]
}

fn experiment(
    protocol: Protocol,
    pretraining: Option<Samples>,
    dimension: usize,
) -> SequenceExperiment {
    let data = Samples::new(0.3).unwrap().with_noise_variance(0.01).unwrap();
    let stage = |task: usize| {
        let stage = SequenceStage::on_task(task).with_samples(data).with_protocol(protocol);
        stage.with_readout_scale(0.2).unwrap()
    };
    let first = SequenceStage::on_task(0);
    let first = match pretraining {
        Some(samples) => first.with_samples(samples),
        None => first,
    };
    let initialization = Initialization::new(Scales { absolute: 0.05, relative: -0.3 }).unwrap();
    let stages = [first, stage(1), stage(0)];
    let empty = Sequence::new(kinds(), initialization).unwrap();
    let sequence =
        stages.into_iter().fold(empty, |sequence, stage| sequence.with_stage(stage).unwrap());
    SequenceExperiment::new(sequence, dimension).unwrap()
}

/// Every error on every task after every stage, within 4.5 standard errors of 16 draws and an allowance of
/// 3 % for the finite dimension. Errors of one draw share its data, so that their scores are correlated.
#[test]
fn errors_of_all_stages_are_those_of_the_theory() {
    let samples = Samples::new(0.5).unwrap().with_noise_variance(0.01).unwrap();
    for protocol in [
        Protocol::Continued,
        Protocol::REBALANCED,
        Protocol::ReadoutReset,
        Protocol::learning_rates(4.0).unwrap(),
        Protocol::ProbeKept,
        Protocol::FrozenReadout,
    ] {
        for pretraining in [None, Some(samples)] {
            let experiment = experiment(protocol, pretraining, 300);
            let theory = experiment.predictions().unwrap();
            let trial = |seed, index| Ok(experiment.values(&experiment.run(seed, index)?));
            let run = MonteCarlo::new(16).unwrap().with_seed(5);
            let ensemble = run.run_with(experiment.quantities(), |_| {}, trial).unwrap();
            let mut scores = Vec::new();
            for (name, expected) in experiment.quantities().iter().zip(theory) {
                let (statistic, expected) = (ensemble.statistic(name).unwrap(), expected.unwrap());
                if expected == 0.0 {
                    // Unlimited data, to rounding.
                    assert!(statistic.mean < 1e-25, "{protocol} {name}: {statistic:?}");
                    continue;
                }
                let allowed = statistic.standard_error.hypot(0.03 * expected);
                let score = (statistic.mean - expected) / allowed;
                assert!(score.abs() < 4.5, "{protocol} {name}: {statistic:?} {expected} {score}");
                scores.push(score);
            }
            println!("{protocol}, {pretraining:?}: {scores:.1?}");
        }
    }
}

/// The weights themselves, followed in time, end where the convex optimization and the weights that belong
/// to it do.
#[test]
fn flow_of_the_weights_ends_at_the_same_coefficients() {
    for protocol in [
        Protocol::Continued,
        Protocol::REBALANCED,
        Protocol::ReadoutReset,
        Protocol::learning_rates(4.0).unwrap(),
        Protocol::ProbeReset,
        Protocol::FrozenReadout,
    ] {
        let exact = experiment(protocol, None, 40);
        let flow = exact.clone().with_trainer(Trainer::Flow(GradientFlow::new()));
        let [exact, flow] = [exact, flow].map(|experiment| experiment.run(3, 1).unwrap());
        for (stage, (exact, flow)) in exact.coefficients.iter().zip(&flow.coefficients).enumerate()
        {
            let distance = (exact - flow).norm() / exact.norm().max(1.0);
            assert!(distance < 1e-6, "{protocol} after stage {stage}: {distance:e}");
        }
    }
}
