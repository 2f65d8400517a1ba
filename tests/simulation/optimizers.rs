//! Stochastic gradients, label noise and weight decay as training loops, against the scale that the theory
//! says they leave.

#![cfg(all(feature = "simulation", feature = "quadrature"))]

use diagonet::simulation::{Experiment, Interpolator, Network, StochasticDescent};
use diagonet::{
    CoordinateGroup, EffectiveScale, Initialization, LabelNoise, Law, Optimizer, Penalty, Prior,
    Samples, Scales, Solver,
};

const SCALE: f64 = 0.05;
const DIMENSION: usize = 500;

fn law() -> Law {
    let group = |label: &'static str, weight, variance| {
        let prior = Prior::gaussian(0.0, variance).unwrap();
        CoordinateGroup::new(label, weight, prior, SCALE).unwrap()
    };
    Law::new(vec![group("signal", 0.1, 10.0), group("background", 0.9, 0.0)]).unwrap()
}

fn stochastic(learning_rate: f64, batch: usize) -> Optimizer {
    Optimizer::new().with_learning_rate(learning_rate).unwrap().with_batch(batch).unwrap()
}

fn noisy(optimizer: Optimizer, variance: f64, steps_per_coordinate: f64) -> Optimizer {
    optimizer.with_label_noise(LabelNoise { variance, steps_per_coordinate }).unwrap()
}

/// Mean of numbers with its standard error.
fn mean(values: &[f64]) -> [f64; 2] {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let square = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    [mean, (square / (count - 1.0) / count).sqrt()]
}

/// Trains networks, and compares the shrinkage of their scales with the bracket of the theory, and with
/// that of the same formulas at the coefficients of each network, to four standard errors. The end point
/// is the interpolator at the smaller scale, to the relative distance `tolerance`.
///
/// Returns the shrinkage beyond the upper end without the loss that label noise adds, with its standard
/// error.
fn lies_in_the_bracket(name: &str, optimizer: Optimizer, draws: u64, tolerance: f64) -> [f64; 2] {
    let samples = Samples::new(0.3).unwrap();
    let experiment = Experiment::of_law(law(), samples, DIMENSION).unwrap();
    let scales = Scales { absolute: SCALE, relative: 0.0 };
    let start = Network::uniform(&Initialization::new(scales).unwrap(), DIMENSION);
    let EffectiveScale { low, high, .. } =
        Solver::new().effective_scale(&law(), &samples, &optimizer).unwrap();
    let step = optimizer.learning_rate() / optimizer.batch() as f64;
    let noise = optimizer.label_noise();
    let label = optimizer.learning_rate() * step * noise.variance * noise.steps_per_coordinate;
    let decay = 2.0 * optimizer.weight_decay_integral();

    let (mut measured, mut above_least, mut below_most) = (Vec::new(), Vec::new(), Vec::new());
    let mut added = Vec::new();
    let mut distances = [0.0; 2];
    for index in 0..draws {
        let draw = experiment.draw(17, index).unwrap();
        let descent = StochasticDescent::new(optimizer).unwrap().with_seed(index);
        let training = descent.train(start.clone(), draw.data()).unwrap().finished().unwrap();
        let shrinkage = training.network.log_shrinkage(&start).unwrap();
        let coefficients = training.network.coefficients();
        let average = |f: &dyn Fn(f64) -> f64| {
            coefficients.iter().map(|b| f(*b)).sum::<f64>() / DIMENSION as f64
        };
        let penalty = |scale: f64| {
            let penalty = Penalty::new(scale).unwrap();
            average(&|b| penalty.value(b).unwrap())
        };
        let end_scale = SCALE * (-shrinkage).exp();
        let least = decay + label + step * penalty(SCALE);
        let share = step * average(&|b| end_scale.hypot(b));
        let most = decay + (label + step * penalty(end_scale)) / (1.0 - share);
        measured.push(shrinkage);
        above_least.push(shrinkage - least);
        below_most.push(most - shrinkage);
        added.push(shrinkage - (most - label * share / (1.0 - share)));
        for (distance, scale) in distances.iter_mut().zip([end_scale, SCALE]) {
            let scales = nalgebra::DVector::from_element(DIMENSION, scale);
            let exact = Interpolator::new().solve(draw.data(), &scales).unwrap();
            *distance += (training.distance(&exact.coefficients).unwrap() * DIMENSION as f64)
                .sqrt()
                / exact.coefficients.norm()
                / draws as f64;
        }
    }
    let ([shrinkage, error], above_least, below_most) =
        (mean(&measured), mean(&above_least), mean(&below_most));
    println!(
        "{name}: {shrinkage:.4} +- {error:.4} in [{:.4}, {:.4}]; {above_least:.4?} {below_most:.4?} \
         {distances:.4?}",
        high.log_shrinkage, low.log_shrinkage,
    );
    for [distance, error] in [above_least, below_most] {
        assert!(distance > -4.0 * error, "{name}");
    }
    assert!(shrinkage > high.log_shrinkage - 4.0 * error, "{name}");
    assert!(shrinkage < low.log_shrinkage + 4.0 * error, "{name}");
    // The end point is that of the smaller scale.
    assert!(distances[0] < tolerance && distances[0] < 0.5 * distances[1], "{name}");
    mean(&added)
}

#[test]
fn stochastic_gradients_shrink_the_scale() {
    lies_in_the_bracket("eta .2", stochastic(0.2, 1), 6, 0.01);
    lies_in_the_bracket("eta .5", stochastic(0.5, 1), 6, 0.02);
}

#[test]
fn small_steps_shrink_it_little() {
    lies_in_the_bracket("eta .05", stochastic(0.05, 1), 3, 0.003);
}

#[test]
fn batches_shrink_it_less() {
    lies_in_the_bracket("eta 1, batch 5", stochastic(1.0, 5), 6, 0.01);
}

#[test]
fn label_noise_shrinks_it_further() {
    let optimizer = noisy(stochastic(1.0, 5), 0.1, 1.0);
    lies_in_the_bracket("label noise", optimizer, 6, 0.01);
}

/// The loss that label noise adds is noise of the gradient, too.
#[test]
fn label_noise_adds_to_the_loss() {
    let optimizer = noisy(stochastic(0.5, 1), 0.05, 100.0);
    let [added, error] = lies_in_the_bracket("long label noise", optimizer, 6, 0.05);
    println!("beyond the end without that loss: {added:.4} +- {error:.4}");
    assert!(added > 4.0 * error);
}

#[test]
fn weight_decay_that_ends_shrinks_it_at_will() {
    let optimizer = stochastic(0.2, 1).with_weight_decay_integral(1.2).unwrap();
    lies_in_the_bracket("decay", optimizer, 4, 0.01);
}

#[test]
fn all_of_it_adds_up() {
    let optimizer = noisy(stochastic(1.0, 5), 0.1, 1.0).with_weight_decay_integral(1.2).unwrap();
    lies_in_the_bracket("all", optimizer, 4, 0.01);
}
