//! Errors with heavy-tailed coefficients do not depend on the nodes that stand for these.

use crate::asymptotics::solver::Solver;
use crate::error::Result;
use crate::problem::law::{CoordinateGroup, Law};
use crate::problem::mixture::{LAPLACE_STEP, Mixture, STUDENT_STEP};
use crate::problem::prior::Prior;
use crate::problem::samples::Samples;

/// Relative losses that the docs state.
const LAPLACE_LOSS: f64 = 1e-11;
const STUDENT_LOSS: f64 = 1e-10;

/// Error of training from scratch at density 0.2.
fn error(mixture: &Mixture, scale: f64, ratio: f64) -> f64 {
    let active = mixture.components().iter();
    let active = active.map(|(p, prior)| CoordinateGroup::new("active", 0.2 * p, *prior, scale));
    let rest = CoordinateGroup::new("rest", 0.8, Prior::ZERO, scale);
    let law = Law::new(active.chain([rest]).collect::<Result<_>>().unwrap()).unwrap();
    let solution = Solver::new().solve(&law, &Samples::new(ratio).unwrap());
    solution.unwrap().generalization_error()
}

/// Worst relative difference to rules of half the step.
fn worst(rule: &dyn Fn(f64) -> Mixture) -> f64 {
    let mut worst = 0.0_f64;
    for scale in [1e-9, 1e-6, 1e-3, 0.1, 10.0] {
        for ratio in [0.1, 0.3, 0.5, 0.9] {
            let errors = [1.0, 0.5].map(|factor| error(&rule(factor), scale, ratio));
            worst = worst.max((errors[0] / errors[1] - 1.0).abs());
        }
    }
    worst
}

#[test]
fn nodes_are_enough() {
    let laplace = |factor: f64| Mixture::laplace_with_step(1.0, factor * LAPLACE_STEP).unwrap();
    let loss = worst(&laplace);
    println!("{} nodes: {loss:e}", laplace(1.0).components().len());
    assert!(loss < LAPLACE_LOSS);
    for nu in [2.5_f64, 3.0, 5.0, 20.0, 1e3, 1e6] {
        let student = |factor: f64| {
            // The width of a narrow density counts, too.
            let step = STUDENT_STEP.min(0.7 * (2.0 / nu).sqrt());
            Mixture::student_t_with_step(nu, 1.0, factor * step).unwrap()
        };
        let loss = worst(&student);
        println!("nu = {nu}, {} nodes: {loss:e}", student(1.0).components().len());
        assert!(loss < STUDENT_LOSS);
    }
}
