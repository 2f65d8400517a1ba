//! Many problems in one call: lists, grids, and learning curves of many problems.
//!
//! A batch is cut into runs of neighbouring problems. Inside of a run every solution is the start of the
//! next; runs do not depend on each other, so that any number of threads gives the same digits.

use crate::asymptotics::fixed_point::FixedPoint;
use crate::asymptotics::problem::{Answer, Problem};
use crate::asymptotics::solver::Solver;
use crate::error::{Error, Result};
use crate::problem::samples::Samples;

/// Problems of a list that follow each other in one run.
const RUN: usize = 64;

/// Largest ratio of sample ratios between problems of which one is a start for the other.
const CLOSE: f64 = 2.0;

impl Solver {
    /// Solves many problems, in the order of the list. A problem that has no answer is an error of its
    /// own.
    ///
    /// Problems that are similar to the one before cost least. With the cargo feature `parallel` the list
    /// is spread over the threads of rayon's pool. The answers do not depend on their number.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{CoordinateGroup, Error, Law, Prior, Samples, Solver};
    ///
    /// let law = |scale| -> Result<Law, Error> {
    ///     Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, scale)?])
    /// };
    /// let samples = Samples::new(0.5)?;
    /// let problems = [(law(1e8)?, samples), (law(1e9)?, samples), (law(1e9)?, Samples::new(0.25)?)];
    /// let solutions = Solver::new().solve_batch(&problems);
    /// let errors: Vec<f64> =
    ///     solutions.into_iter().map(|s| Ok(s?.generalization_error())).collect::<Result<_, Error>>()?;
    /// assert!((errors[1] - 0.5).abs() < 1e-12 && (errors[2] - 0.75).abs() < 1e-12);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn solve_batch<P>(&self, problems: &[(P, Samples)]) -> Vec<Result<P::Solution>>
    where
        P: Problem + Sync,
        P::Solution: Send,
    {
        let runs = problems.len().div_ceil(RUN);
        flat(runs, problems.len(), |run| {
            let mut chain = Chain::new(self);
            let of_run = problems.iter().skip(run * RUN).take(RUN);
            of_run.map(|(problem, samples)| chain.solve(problem, samples)).collect()
        })
    }

    /// Solves the problems of a grid over two parameters and keeps what `answer` makes of every solution,
    /// row after row: `answers[row * columns + column]`.
    ///
    /// `problem` makes the problem of a row and a column when it is due, and solutions are dropped after
    /// `answer`, so that a grid takes the memory of its answers. Every problem is started from the one to
    /// the left of it. With the cargo feature `parallel` rows are spread over the threads of rayon's pool.
    /// The answers do not depend on their number.
    ///
    /// `answer` is called once for every point and can count progress; an error of `problem` is passed on
    /// to it without any solving, so that a caller who wants to stop lets `problem` fail from then on.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "quadrature")]
    /// # {
    /// use diagonet::{
    ///     Densities, Error, Initialization, Law, Samples, ScaleMap, Scales, Solver, Supports, Task,
    /// };
    ///
    /// // Relative and readout scale.
    /// let supports = Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 0.8 })?;
    /// let task = Task::new(supports)?;
    /// let samples = Samples::new(0.25)?;
    /// let (lambdas, gammas) = ([-0.99, -0.9, 0.0], [0.0, 0.01, 0.1, 1.0]);
    /// let law = |row: usize, column: usize| {
    ///     let initialization = Initialization::new(Scales { absolute: 1e-3, relative: lambdas[row] })?;
    ///     Ok((Law::fine_tuning(&task, &ScaleMap::new(initialization, gammas[column])?)?, samples))
    /// };
    /// let errors = Solver::new().solve_grid(lambdas.len(), gammas.len(), law, |solution| {
    ///     solution.map_or(f64::NAN, |solution| solution.generalization_error())
    /// });
    /// // Some dependence on pretraining is best; a large readout erases it.
    /// assert_eq!(errors.len(), 12);
    /// assert!(errors[4] < errors[0] && errors[4] < errors[8] && errors[4] < errors[7]);
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn solve_grid<P: Problem, T: Send>(
        &self,
        rows: usize,
        columns: usize,
        problem: impl Fn(usize, usize) -> Result<(P, Samples)> + Sync,
        answer: impl Fn(Result<P::Solution>) -> T + Sync,
    ) -> Vec<T> {
        flat(rows, rows.saturating_mul(columns), |row| {
            let mut chain = Chain::new(self);
            let point = |column| {
                let problem = problem(row, column);
                answer(problem.and_then(|(problem, samples)| chain.solve(&problem, &samples)))
            };
            (0..columns).map(point).collect()
        })
    }

    /// [Learning curves](Self::learning_curve) of many problems over one grid of sample ratios.
    ///
    /// With the cargo feature `parallel` the curves are spread over the threads of rayon's pool. The
    /// answers do not depend on their number.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{CoordinateGroup, Error, Law, Prior, Solver};
    ///
    /// let law = |variance| -> Result<Law, Error> {
    ///     Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, variance)?, 1e9)?])
    /// };
    /// let curves = Solver::new().learning_curves(&[law(1.0)?, law(2.0)?], 0.1, &[0.25, 0.5]);
    /// let error = curves[1][1].as_ref().unwrap().generalization_error();
    /// assert!((error - 1.1).abs() < 1e-12);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn learning_curves<P>(
        &self,
        problems: &[P],
        noise_variance: f64,
        sample_ratios: &[f64],
    ) -> Vec<Vec<Result<P::Solution>>>
    where
        P: Problem + Sync,
        P::Solution: Send,
    {
        let curve = |index: usize| {
            vec![self.learning_curve(&problems[index], noise_variance, sample_ratios)]
        };
        flat(problems.len(), problems.len(), curve)
    }
}

/// Neighbouring problems, each of which starts from the solution of the last where the two are close.
struct Chain<'a> {
    solver: &'a Solver,
    /// Sample ratio and state of the last solution.
    last: Option<(f64, FixedPoint)>,
    /// State of the one before.
    before: Option<FixedPoint>,
}

impl<'a> Chain<'a> {
    fn new(solver: &'a Solver) -> Self {
        Self { solver, last: None, before: None }
    }

    fn solve<P: Problem>(&mut self, problem: &P, samples: &Samples) -> Result<P::Solution> {
        let ratio = samples.sample_ratio();
        let is_close = |(last, _): &(f64, FixedPoint)| {
            (last.recip() * ratio).max(ratio.recip() * last) < CLOSE
        };
        let last = self.last.filter(is_close).map(|(_, state)| state);
        // The last steps from problem to problem tell the next one, if they are alike.
        let start = last.map(|state| match &self.before {
            Some(before) => state.continued(before),
            None => state,
        });
        let solution: Result<P::Solution, Error> = match &start {
            Some(start) => self.solver.solve_from(problem, samples, start),
            None => self.solver.solve(problem, samples),
        };
        self.before = last;
        self.last = solution.as_ref().ok().map(|solution| (ratio, *solution.state()));
        solution
    }
}

/// The answers of all runs, one after another.
#[cfg(feature = "parallel")]
fn flat<T: Send>(runs: usize, _: usize, run: impl Fn(usize) -> Vec<T> + Sync) -> Vec<T> {
    use rayon::prelude::*;

    (0..runs).into_par_iter().flat_map_iter(&run).collect()
}

/// The answers of all runs, one after another.
#[cfg(not(feature = "parallel"))]
fn flat<T>(runs: usize, count: usize, run: impl Fn(usize) -> Vec<T>) -> Vec<T> {
    let mut answers = Vec::with_capacity(count);
    (0..runs).for_each(|index| answers.extend(run(index)));
    answers
}
