//! Batches of problems, against the problems one by one.

#![cfg(feature = "quadrature")]

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use diagonet::{
    Densities, Error, Initialization, Law, Samples, ScaleMap, Scales, Solution, Solver, Supports,
    Task,
};

/// What a start may change: the budgets of both solutions.
const BUDGET: f64 = 2.0 * Solver::ACCURACY;

fn task() -> Task {
    let densities = Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 };
    Task::new(Supports::new(densities).unwrap()).unwrap()
}

fn law(absolute: f64, relative: f64, readout: f64) -> Result<Law, Error> {
    let initialization = Initialization::new(Scales { absolute, relative })?;
    Law::fine_tuning(&task(), &ScaleMap::new(initialization, readout)?)
}

/// Two hundred problems, neighbours close and far, some without an answer.
fn problems() -> Vec<(Law, Samples)> {
    let problem = |i: i32| {
        let scale = 10.0_f64.powi(-(i * 7 % 10));
        let ratio = [0.1, 0.11, 0.3, 1.0][i as usize % 4];
        let samples = Samples::new(ratio).unwrap().with_noise_variance(0.01).unwrap();
        (law(scale, -0.9 + 0.009 * f64::from(i), 0.0).unwrap(), samples)
    };
    (0..200).map(problem).collect()
}

#[test]
fn a_batch_has_the_answers_of_its_problems() {
    let (solver, problems) = (Solver::new(), problems());
    let solutions = solver.solve_batch(&problems);
    assert_eq!(solutions.len(), problems.len());
    for ((law, samples), together) in problems.iter().zip(solutions) {
        match (solver.solve(law, samples), together) {
            (Ok(alone), Ok(together)) => {
                let ratio = together.generalization_error() / alone.generalization_error();
                assert!((ratio - 1.0).abs() < BUDGET, "{ratio} {alone:?}");
                assert_eq!(together.law(), law);
            }
            (alone, together) => assert_eq!(alone, together),
        }
    }
}

#[test]
fn a_grid_is_in_order_and_passes_errors_on() {
    let solver = Solver::new();
    let (rows, columns) = (7, 5);
    let readout = |column: usize| [0.0, 1e-3, 1e-2, -1.0, 1.0][column];
    let samples = Samples::new(0.3).unwrap();
    let made = |row: usize, column| law(1e-3, 0.1 * row as f64, readout(column));
    let answered = AtomicUsize::new(0);
    let answers = solver.solve_grid(
        rows,
        columns,
        |row, column| Ok((made(row, column)?, samples)),
        |solution| {
            answered.fetch_add(1, Ordering::Relaxed);
            solution.map(|solution| solution.generalization_error())
        },
    );
    assert_eq!((answers.len(), answered.into_inner()), (35, 35));
    for (index, answer) in answers.into_iter().enumerate() {
        let alone = made(index / columns, index % columns)
            .and_then(|law| solver.solve(&law, &samples))
            .map(|solution| solution.generalization_error());
        match (alone, answer) {
            (Ok(alone), Ok(answer)) => assert!((answer / alone - 1.0).abs() < BUDGET, "{index}"),
            (alone, answer) => assert_eq!(alone, answer),
        }
    }
    let none = solver.solve_grid(0, 3, |_, _| Ok((law(1.0, 0.0, 0.0)?, samples)), |_| ());
    assert!(none.is_empty());
}

#[test]
fn curves_of_a_batch_are_those_of_its_problems() {
    let laws = [1e-6, 1e-3, 1.0].map(|scale| law(scale, 0.0, 0.0).unwrap());
    let ratios = [0.1, 0.2, -1.0, 0.3];
    let solver = Solver::new();
    let curves = solver.learning_curves(&laws, 0.01, &ratios);
    for (law, curve) in laws.iter().zip(curves) {
        assert_eq!(curve, solver.learning_curve(law, 0.01, &ratios));
    }
}

#[cfg(feature = "parallel")]
#[test]
fn digits_do_not_depend_on_the_number_of_threads() {
    let problems = problems();
    let errors = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let solutions = pool.install(|| Solver::new().solve_batch(&problems));
        solutions.into_iter().map(|s| Some(s.ok()?.generalization_error())).collect::<Vec<_>>()
    };
    assert_eq!(errors(1), errors(3));
}

#[test]
fn an_observer_counts_every_problem_and_stops_the_rest() {
    let (solver, problems) = (Solver::new(), problems());
    let largest = AtomicUsize::new(0);
    let count = |done: usize| {
        largest.fetch_max(done, Ordering::Relaxed);
        ControlFlow::Continue(())
    };
    let batch = solver.batch().with_observer(&count);
    assert_eq!(batch.solve(&problems), solver.solve_batch(&problems));
    assert_eq!(largest.load(Ordering::Relaxed), problems.len());

    let stop = |done| if done < 20 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
    let batch = solver.batch().with_observer(&stop);
    let is_cancelled =
        |solution: &Result<Solution, Error>| matches!(solution, Err(Error::Cancelled));
    let solved = batch.solve(&problems).into_iter().filter(|s| !is_cancelled(s)).count();
    // Other threads end what they have begun.
    assert!((20..40).contains(&solved), "{solved}");
    let samples = Samples::new(0.3).unwrap();
    let cells = batch.solve_grid(8, 8, |_, _| Ok((law(1.0, 0.0, 0.0)?, samples)), |s| s);
    let solved = cells.iter().filter(|s| !is_cancelled(s)).count();
    assert!((20..40).contains(&solved), "{solved}");

    let laws = vec![law(1.0, 0.0, 0.0).unwrap(); 60];
    let curves = batch.learning_curves(&laws, 0.0, &[0.1, 0.2]);
    assert!(curves.iter().all(|curve| curve.len() == 2));
    let solved = curves.iter().filter(|curve| !is_cancelled(&curve[1])).count();
    assert!((20..40).contains(&solved), "{solved}");
}

#[test]
fn neighbours_tell_where_to_start() {
    // A coarse and a fine evaluation of the equations are enough for most points.
    const FEW: f64 = 2.2;
    let solver = Solver::new();
    let ratios: Vec<f64> = (0..50).map(|i| 0.2 + 0.004 * f64::from(i)).collect();
    let curve = solver.learning_curve(&law(1e-6, 0.0, 0.0).unwrap(), 0.0, &ratios);
    let points: Vec<_> = curve.into_iter().map(|point| point.unwrap().state).collect();
    let mean = |counts: &[usize]| counts.iter().sum::<usize>() as f64 / counts.len() as f64;
    let along: Vec<usize> = points.iter().map(|state| state.iterations).collect();
    let problem = |_, column| {
        let readout = 10.0_f64.powf(0.01 * column as f64 - 2.0);
        Ok((law(1e-3, -0.5, readout)?, Samples::new(0.25)?))
    };
    let row = solver.solve_grid(1, 100, problem, |solution| solution.unwrap());
    let across: Vec<usize> = row.iter().map(|solution| solution.state.iterations).collect();
    assert!(mean(&along) < FEW && mean(&across) < FEW, "{along:?} {across:?}");
    for (column, solution) in row.iter().enumerate() {
        let (law, samples) = problem(0, column).unwrap();
        let alone = solver.solve(&law, &samples).unwrap().generalization_error();
        assert!((solution.generalization_error() / alone - 1.0).abs() < BUDGET, "{column}");
    }
}
