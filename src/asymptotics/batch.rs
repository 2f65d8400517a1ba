//! Many problems in one call: lists, grids, and learning curves of many problems.
//!
//! A batch is cut into runs of neighbouring problems. Inside of a run every solution is the start of the
//! next; runs do not depend on each other, so that any number of threads gives the same digits.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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
    /// A batch that can be watched and stopped: see [`Batch`].
    #[must_use]
    pub fn batch(&self) -> Batch<'_> {
        Batch { solver: self, observer: None }
    }

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
        self.batch().solve(problems)
    }

    /// Solves the problems of a grid over two parameters and keeps what `answer` makes of every solution,
    /// row after row: `answers[row * columns + column]`.
    ///
    /// `problem` makes the problem of a row and a column when it is due, and solutions are dropped after
    /// `answer`, so that a grid takes the memory of its answers. Every problem is started from the one to
    /// the left of it. With the cargo feature `parallel` rows are spread over the threads of rayon's pool.
    /// The answers do not depend on their number.
    ///
    /// `answer` is called once for every point. An error of `problem` is passed on to it without any
    /// solving.
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
        self.batch().solve_grid(rows, columns, problem, answer)
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
        self.batch().learning_curves(problems, noise_variance, sample_ratios)
    }
}

/// What a batch tells after every problem: how many are done.
type Observer<'a> = dyn Fn(usize) -> ControlFlow<()> + Sync + 'a;

/// A batch of problems that reports its progress and can be stopped.
///
/// The methods are those of [`Solver`]: [`Solver::solve_batch`], [`Solver::solve_grid`] and
/// [`Solver::learning_curves`], with an observer.
///
/// # Examples
///
/// ```
/// use std::ops::ControlFlow;
///
/// use diagonet::{CoordinateGroup, Error, Law, Prior, Samples, Solver};
///
/// let group = CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1e9)?;
/// let law = Law::new(vec![group])?;
/// let problems = vec![(law, Samples::new(0.5)?); 1000];
/// let solver = Solver::new();
/// // Prints and stops halfway.
/// let observer = |done: usize| {
///     if done % 100 == 0 {
///         eprintln!("{done} of 1000");
///     }
///     if done < 500 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
/// };
/// let solutions = solver.batch().with_observer(&observer).solve(&problems);
/// assert!(solutions[0].is_ok());
/// assert_eq!(solutions[999], Err(Error::Cancelled));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Batch<'a> {
    solver: &'a Solver,
    observer: Option<&'a Observer<'a>>,
}

impl fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_observed = self.observer.is_some();
        f.debug_struct("Batch")
            .field("solver", self.solver)
            .field("is_observed", &is_observed)
            .finish()
    }
}

impl<'a> Batch<'a> {
    /// Calls `observer` after every problem, or every curve of [`learning_curves`](Self::learning_curves),
    /// with the number of those that are done. Once it returns [`ControlFlow::Break`], all problems that
    /// are not yet begun are [`Error::Cancelled`].
    ///
    /// Threads call it at the same time, so that a number may come before a smaller one.
    #[must_use]
    pub fn with_observer(self, observer: &'a (dyn Fn(usize) -> ControlFlow<()> + Sync)) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// [`Solver::solve_batch`] under the observer.
    #[must_use]
    pub fn solve<P>(&self, problems: &[(P, Samples)]) -> Vec<Result<P::Solution>>
    where
        P: Problem + Sync,
        P::Solution: Send,
    {
        let progress = Progress::new(self.observer);
        let runs = problems.len().div_ceil(RUN);
        flat(runs, problems.len(), |run| {
            let mut chain = Chain::new(self.solver);
            let of_run = problems.iter().skip(run * RUN).take(RUN);
            let solve = |(problem, samples): &(P, Samples)| {
                progress.count(|| chain.solve(problem, samples))
            };
            of_run.map(solve).collect()
        })
    }

    /// [`Solver::solve_grid`] under the observer.
    #[must_use]
    pub fn solve_grid<P: Problem, T: Send>(
        &self,
        rows: usize,
        columns: usize,
        problem: impl Fn(usize, usize) -> Result<(P, Samples)> + Sync,
        answer: impl Fn(Result<P::Solution>) -> T + Sync,
    ) -> Vec<T> {
        let progress = Progress::new(self.observer);
        flat(rows, rows.saturating_mul(columns), |row| {
            let mut chain = Chain::new(self.solver);
            let point = |column| {
                answer(progress.count(|| {
                    let (problem, samples) = problem(row, column)?;
                    chain.solve(&problem, &samples)
                }))
            };
            (0..columns).map(point).collect()
        })
    }

    /// [`Solver::learning_curves`] under the observer.
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
        let progress = Progress::new(self.observer);
        flat(problems.len(), problems.len(), |index| {
            let curve = progress.count(|| {
                Ok(self.solver.learning_curve(&problems[index], noise_variance, sample_ratios))
            });
            let cancelled =
                |error: Error| sample_ratios.iter().map(|_| Err(error.clone())).collect();
            vec![curve.unwrap_or_else(cancelled)]
        })
    }
}

/// How far a batch is, for its observer.
struct Progress<'a> {
    observer: Option<&'a Observer<'a>>,
    done: AtomicUsize,
    is_cancelled: AtomicBool,
}

impl<'a> Progress<'a> {
    fn new(observer: Option<&'a Observer<'a>>) -> Self {
        Self { observer, done: AtomicUsize::new(0), is_cancelled: AtomicBool::new(false) }
    }

    /// Does a piece of work, unless the batch is cancelled, and tells the observer.
    fn count<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let Some(observer) = self.observer else { return work() };
        if self.is_cancelled.load(Ordering::Relaxed) {
            return Err(Error::Cancelled);
        }
        let answer = work();
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if observer(done).is_break() {
            self.is_cancelled.store(true, Ordering::Relaxed);
        }
        answer
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
