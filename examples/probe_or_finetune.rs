//! Probe, or fine-tune? A map of which does better, over the overlap of the tasks and the samples.

use std::path::Path;

use diagonet::{
    Densities, Initialization, Protocol, Samples, ScaleMap, Scales, Solver, Supports, Task,
    Transfer,
};
use support::axes::{Axis, Plot};
use support::contour::Grid;
use support::svg::{Anchor, Colour, Font, Stroke, Svg};

#[allow(dead_code, reason = "each program uses a part of it")]
#[path = "tools/support/mod.rs"]
mod support;

/// Points of the map along each axis.
const POINTS: usize = 49;

/// Binary logarithms of a half and of three quarters.
const STEPS: [f64; 2] = [-1.0, -0.415_037_499_278_843_8];

/// Binary logarithm of the error of fine-tuning over that of the probe.
fn advantage(overlap: f64, sample_ratio: f64) -> diagonet::Result<f64> {
    let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap })?;
    let pretraining = Initialization::new(Scales { absolute: 0.1, relative: 0.0 })?;
    let transfer = Transfer::new(&Task::new(supports)?, ScaleMap::new(pretraining, 0.0)?);
    let samples = Samples::new(sample_ratio)?.with_noise_variance(0.05)?;
    let error = |protocol| {
        let solution = Solver::new().solve(&transfer.clone().with_protocol(protocol), &samples)?;
        Ok(solution.generalization_error())
    };
    Ok((error(Protocol::Continued)? / error(Protocol::ProbeKept)?).log2())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let plot = Plot {
        corner: (70.0, 60.0),
        width: 420.0,
        height: 380.0,
        x: Axis::linear(
            0.0,
            1.0,
            "overlap: share of the new task's features that pretraining used",
        ),
        y: Axis::linear(0.02, 0.98, "alpha, samples per feature"),
    };
    let share = |index: usize| index as f64 / (POINTS - 1) as f64;
    let points = (0..POINTS * POINTS)
        .map(|index| advantage(plot.x.at(share(index % POINTS)), plot.y.at(share(index / POINTS))));
    let values = points.collect::<diagonet::Result<Vec<_>>>()?;
    let grid = Grid::new(POINTS, values.clone());
    let mut figure = Svg::new(520.0, 520.0);
    // From fine-tuning, orange, to the probe, blue.
    let place = |ring: Vec<(f64, f64)>| ring.into_iter().map(|at| plot.at_shares(at)).collect();
    let bottom = plot.at_shares((0.0, 1.0));
    figure.rectangle(bottom, plot.at_shares((1.0, 0.0)), Colour(230, 145, 56));
    for (level, colour) in [
        (STEPS[0], Colour(243, 183, 120)),
        (STEPS[1], Colour(252, 224, 190)),
        (0.0, Colour(205, 226, 243)),
        (-STEPS[1], Colour(140, 186, 224)),
        (-STEPS[0], Colour(76, 140, 196)),
    ] {
        figure.area(&grid.rings(level).into_iter().map(place).collect::<Vec<_>>(), colour);
    }
    for (level, text) in
        [(STEPS[0], "1/2"), (STEPS[1], "3/4"), (0.0, "equal"), (-STEPS[1], "4/3"), (-STEPS[0], "2")]
    {
        for line in grid.lines(level) {
            let line: Vec<_> = line.into_iter().map(|at| plot.at_shares(at)).collect();
            figure.line(&line, Stroke::solid(Colour::BLACK, if level == 0.0 { 2.4 } else { 0.8 }));
            if line.len() > 8 {
                let font = Font { has_edge: true, ..Font::new(12.0, Anchor::Middle) };
                figure.text(text, line[line.len() / 2], font);
            }
        }
    }
    plot.draw_frame(&mut figure);
    let title = Font::new(15.0, Anchor::Middle);
    figure.text("Freeze the features, or train all layers?", (280.0, 20.0), title);
    let note = Font::new(12.0, Anchor::Middle).with_colour(Colour::DARK);
    figure.text("lines: error of fine-tuning over that of the probe", (280.0, 42.0), note);
    let name = Font { has_edge: true, ..Font::new(15.0, Anchor::Middle) };
    figure.text("the probe wins", plot.at(0.6, 0.1), name);
    figure.text("fine-tuning wins", plot.at(0.2, 0.62), name);
    let premise = "rho_PT = 0.2, rho_FT = 0.1, c_PT = 0.1, lambda_PT = 0, noise variance 0.05";
    figure.text(premise, (280.0, 500.0), note);
    let path = std::env::args().nth(1).unwrap_or(String::from("probe_or_finetune.svg"));
    figure.write(
        Path::new(&path),
        "Which does better: a linear probe, or fine-tuning of all layers",
    )?;
    let wins = values.iter().filter(|value| **value > 0.0).count() as f64;
    println!("the probe wins on {:.0} % of the map, {path}", 100.0 * wins / values.len() as f64);
    Ok(())
}
