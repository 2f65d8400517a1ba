//! What a network learned, unlearning of half of it, and how many samples bring it back.

use std::path::Path;

use diagonet::{
    FeatureKind, Initialization, Prior, Protocol, Samples, Scales, Sequence, SequenceStage, Solver,
};
use support::curves::{Figure, Line, Panel, Series};

#[allow(dead_code, reason = "each program uses a part of it")]
#[path = "tools/support/mod.rs"]
mod support;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Task 0 uses a tenth of the features. Task 1 asks for zero on half of these.
    let prior = Prior::gaussian(0.0, 10.0)?;
    let kinds = vec![
        FeatureKind::in_proportion("forget", 0.05, prior, &[1.0, 0.0])?,
        FeatureKind::in_proportion("retain", 0.05, prior, &[1.0, 1.0])?,
        FeatureKind::known("unused", 0.9, &[0.0, 0.0])?,
    ];
    let initialization = Initialization::new(Scales { absolute: 0.01, relative: 0.0 })?;
    let samples = Samples::new(0.3)?.with_noise_variance(0.01)?;
    let learning = Sequence::new(kinds, initialization)?
        .with_tolerance(1e-3)?
        .with_stage(SequenceStage::on_task(0))?;
    let relearning = |protocol| {
        let stage =
            |task| SequenceStage::on_task(task).with_protocol(protocol).with_samples(samples);
        learning.clone().with_stage(stage(1))?.with_stage(stage(0))
    };
    let ways = [
        ("relearn: go on", relearning(Protocol::Continued)?),
        ("relearn: rebalanced", relearning(Protocol::REBALANCED)?),
        ("learn at first", learning.clone()),
    ];
    let solver = Solver::new();
    let ratios: Vec<f64> = (1..=60).map(|index| 0.01 * f64::from(index)).collect();
    let mut panel = Panel::default();
    println!(
        "error on what was unlearned, and samples per feature to an error of 0.05 on the old task"
    );
    for (series, (name, sequence)) in ways.iter().enumerate() {
        let forgotten = match sequence.stages().len() {
            1 => String::new(),
            _ => format!(
                "{:.3}",
                sequence.solve()?.stages[1].errors[0].of("forget").unwrap_or_default()
            ),
        };
        println!("{forgotten:8}{:.3}  {name}", solver.required_sample_ratio(sequence, 0.01, 0.05)?);
        let curve = solver.learning_curve(sequence, 0.01, &ratios);
        let errors = curve.into_iter().map(|point| Some(point.ok()?.generalization_error()));
        panel.lines.push(Line { series, points: ratios.iter().copied().zip(errors).collect() });
    }
    let path = std::env::args().nth(1).unwrap_or(String::from("unlearn_relearn.svg"));
    let series = ways
        .iter()
        .enumerate()
        .map(|(index, (name, _))| Series { name: (*name).to_owned(), is_reference: index == 2 });
    let figure = Figure {
        title: String::from("Error on the old task against samples of relearning"),
        panels: vec![Panel { title: String::from("Unlearned is not forgotten"), ..panel }],
        series: series.collect(),
        x_axis: String::from("alpha, samples per feature of the last stage"),
        y_axis: String::from("error on the old task"),
        x_min: None,
        x_max: 0.6,
        floor: 1e-4,
        premises: vec![
            String::from("half of the features unlearned on alpha = 0.3"),
            String::from("c = 0.01, lambda = 0, noise variance 0.01"),
        ],
    };
    figure.draw(Path::new(&path))?;
    println!("{path}");
    Ok(())
}
