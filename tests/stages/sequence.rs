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

#[test]
fn probe() {
    for lambda in [0.0, -0.9, 0.9] {
        for protocol in [Protocol::REBALANCED, Protocol::Continued] {
            let data = samples(0.3, 0.01);
            let sequence = Sequence::new(forgetting(), initialization(0.01, lambda))
                .unwrap()
                .with_stage(SequenceStage::on_task(0))
                .unwrap()
                .with_stage(SequenceStage::on_task(1).with_protocol(protocol).with_samples(data))
                .unwrap()
                .with_stage(SequenceStage::on_task(0).with_protocol(protocol).with_samples(data))
                .unwrap();
            for tolerance in [1e-2, 1e-4] {
                let now = std::time::Instant::now();
                let sequence = sequence.clone().with_tolerance(tolerance).unwrap();
                let solution = sequence.solve();
                println!("{lambda} {protocol} {tolerance} {:?}", now.elapsed());
                let Ok(solution) = solution else { println!("{:?}", solution); continue };
                let unlearned = &solution.stages[1];
                println!(
                    "{} {} {} {:?} {:?} {:?} {}",
                    solution.refinement,
                    solution.change,
                    unlearned.errors[1].total,
                    unlearned.errors[0].of("forget"),
                    unlearned.errors[1].of("retain"),
                    solution.stages.iter().map(|s| s.groups).collect::<Vec<_>>(),
                    solution.generalization_error()
                );
            }
        }
    }
}
