//! Many draws, on many threads or machines, and their statistics.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZero;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::numerics::sum::CompensatedSum;
use crate::simulation::experiment::Experiment;

/// Draws between two looks at the standard error.
const BATCH: u64 = 16;

/// A part `k/n` of the draws of an ensemble: every n-th, starting with the k-th.
///
/// # Examples
///
/// ```
/// use diagonet::simulation::Shard;
///
/// let shard: Shard = "2/8".parse()?;
/// assert_eq!((shard.number(), shard.count()), (2, 8));
/// assert!("9/8".parse::<Shard>().is_err());
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    number: u64,
    count: NonZero<u64>,
}

impl Shard {
    /// All draws, the shard 1/1.
    pub const ALL: Self = Self { number: 1, count: NonZero::<u64>::MIN };

    /// Shard `number` of `count`, from 1 on.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a count of 0, or a number outside [1, count].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::Shard;
    /// assert_eq!(Shard::new(1, 1)?, Shard::ALL);
    /// assert!(Shard::new(0, 4).is_err());
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn new(number: u64, count: u64) -> Result<Self> {
        Domain::closed(1.0, count as f64).check("shard", number as f64)?;
        let count = NonZero::new(count).unwrap_or(NonZero::<u64>::MIN);
        Ok(Self { number, count })
    }

    /// Number of this shard, from 1 on.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Number of shards.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.get()
    }

    /// How many of the first `draws` are in the shard.
    fn size(&self, draws: u64) -> u64 {
        draws.saturating_sub(self.number - 1).div_ceil(self.count.get())
    }

    /// A draw of the shard, from position 0 on.
    fn draw(&self, position: u64) -> u64 {
        self.number - 1 + position * self.count.get()
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.count)
    }
}

impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split_once('/').and_then(|(number, count)| {
            Some((number.trim().parse().ok()?, count.trim().parse().ok()?))
        });
        let (number, count) = parts.unwrap_or((0, 0));
        Self::new(number, count)
    }
}

/// Progress of a run.
///
/// # Examples
///
/// ```
/// use diagonet::simulation::Progress;
/// assert_eq!(Progress { done: 3, planned: 10 }.planned, 10);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Draws that are done.
    pub done: u64,
    /// Draws that are planned; an early stop may leave some out.
    pub planned: u64,
}

/// A run of many draws.
///
/// Draws run in parallel, on as many threads as rayon has (`RAYON_NUM_THREADS`, or a pool of the
/// caller's). Each is a function of seed and index, and they are summed in the order of their
/// indices: no number depends on how many threads or [shards](Shard) there are.
///
/// # Examples
///
/// ```
/// use diagonet::simulation::{Ensemble, Experiment, MonteCarlo, Shard};
/// use diagonet::{CoordinateGroup, Law, Prior, Samples, Solver};
///
/// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1.0)?])?;
/// let experiment = Experiment::of_law(law, Samples::new(0.5)?, 40)?;
/// let plan = MonteCarlo::new(20)?.with_seed(3);
/// let whole = plan.run(&experiment)?;
/// let error = whole.statistic("generalization_error").unwrap();
/// let [low, high] = error.confidence_interval(0.999)?;
/// assert!(low < 0.53 && 0.53 < high);
/// // On two machines, the same.
/// let half = |k| plan.with_shard(Shard::new(k, 2)?).run(&experiment);
/// assert_eq!(Ensemble::merge([half(1)?, half(2)?])?, whole);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MonteCarlo {
    draws: u64,
    seed: u64,
    shard: Shard,
    target: Option<f64>,
}

impl MonteCarlo {
    /// A run of `draws` draws with seed 0.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a number outside [1, 1e9].
    pub fn new(draws: u64) -> Result<Self> {
        Domain::COUNT.check("draws", draws as f64)?;
        Ok(Self { draws, seed: 0, shard: Shard::ALL, target: None })
    }

    /// The same run with another seed.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// A part of the same run; the parts [merge](Ensemble::merge) to the whole.
    #[must_use]
    pub fn with_shard(self, shard: Shard) -> Self {
        Self { shard, ..self }
    }

    /// The same run, ended as soon as the standard error of the first quantity is at most `target`.
    ///
    /// It is checked after every 16 draws, whatever the number of threads. One shard among several does
    /// not have the draws of the others, and cannot be ended early.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a target outside (0, 1e300].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::{Experiment, MonteCarlo};
    /// use diagonet::{CoordinateGroup, Law, Prior, Samples};
    ///
    /// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1.0)?])?;
    /// let experiment = Experiment::of_law(law, Samples::new(0.5)?, 40)?;
    /// let plan = MonteCarlo::new(1000)?.with_target_standard_error(0.03)?;
    /// let error = plan.run(&experiment)?.statistic("generalization_error").unwrap();
    /// assert!(error.standard_error <= 0.03 && error.count < 100);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_target_standard_error(self, target: f64) -> Result<Self> {
        Domain::POSITIVE.check("target_standard_error", target)?;
        Ok(Self { target: Some(target), ..self })
    }

    /// Runs the draws of an experiment.
    ///
    /// # Errors
    ///
    /// As [`MonteCarlo::run_with`] and [`Experiment::run`].
    pub fn run(&self, experiment: &Experiment) -> Result<Ensemble> {
        self.run_with_progress(experiment, |_| {})
    }

    /// Runs the draws of an experiment, and calls `progress` after every one of them, from the thread
    /// that did it.
    ///
    /// # Errors
    ///
    /// As [`MonteCarlo::run`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// use diagonet::simulation::{Experiment, MonteCarlo};
    /// use diagonet::{CoordinateGroup, Law, Prior, Samples};
    ///
    /// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1.0)?])?;
    /// let experiment = Experiment::of_law(law, Samples::new(0.5)?, 10)?;
    /// let draws = AtomicU64::new(0);
    /// MonteCarlo::new(5)?.run_with_progress(&experiment, |_| {
    ///     draws.fetch_add(1, Ordering::Relaxed);
    /// })?;
    /// assert_eq!(draws.into_inner(), 5);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn run_with_progress(
        &self,
        experiment: &Experiment,
        progress: impl Fn(Progress) + Sync,
    ) -> Result<Ensemble> {
        self.run_with(experiment.quantities(), progress, |seed, draw| {
            Ok(experiment.run(seed, draw)?.values())
        })
    }

    /// Runs the draws of any trial.
    ///
    /// `trial` takes seed and index of a draw and returns a number, or none, for every one of the named
    /// quantities. `progress` is called after every draw, from the thread that did it.
    ///
    /// # Errors
    ///
    /// The error of the first draw that has one; [`Error::OutOfDomain`] for an early stop of one shard
    /// among several; [`Error::DimensionMismatch`] where `trial` returns more or fewer numbers than
    /// there are names.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// use diagonet::simulation::MonteCarlo;
    ///
    /// let latest = AtomicU64::new(0);
    /// let names = vec!["index".to_owned()];
    /// let ensemble = MonteCarlo::new(5)?.run_with(
    ///     names,
    ///     |progress| {
    ///         latest.fetch_max(progress.done, Ordering::Relaxed);
    ///     },
    ///     |_, draw| Ok(vec![Some(draw as f64)]),
    /// )?;
    /// assert_eq!(latest.into_inner(), 5);
    /// assert_eq!(ensemble.statistic("index").unwrap().mean, 2.0);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn run_with(
        &self,
        quantities: Vec<String>,
        progress: impl Fn(Progress) + Sync,
        trial: impl Fn(u64, u64) -> Result<Vec<Option<f64>>> + Sync,
    ) -> Result<Ensemble> {
        if let Some(target) = self.target
            && self.shard != Shard::ALL
        {
            let domain = Domain::described("unset, for a shard of several");
            return Err(Error::OutOfDomain {
                parameter: "target_standard_error",
                value: target,
                domain,
            });
        }
        let planned = self.shard.size(self.draws);
        let done = AtomicU64::new(0);
        let run = |position: u64| -> Result<(u64, Vec<Option<f64>>)> {
            let draw = self.shard.draw(position);
            let values = trial(self.seed, draw)?;
            progress(Progress { done: done.fetch_add(1, Ordering::Relaxed) + 1, planned });
            Ok((draw, values))
        };
        let mut ensemble = Ensemble::new(quantities, self.seed, self.draws);
        let batch = if self.target.is_some() { BATCH } else { planned.max(1) };
        for first in (0..planned).step_by(batch as usize) {
            let batch = first..(first + batch).min(planned);
            let outcomes: Vec<Result<_>> = batch.into_par_iter().map(run).collect();
            for outcome in outcomes {
                let (draw, values) = outcome?;
                ensemble.insert(draw, values)?;
            }
            let reached = |target| ensemble.first().is_some_and(|s| s.standard_error <= target);
            if self.target.is_some_and(reached) {
                break;
            }
        }
        Ok(ensemble)
    }
}

/// Outcomes of a number of draws.
///
/// # Examples
///
/// ```
/// use diagonet::simulation::Ensemble;
///
/// let mut ensemble = Ensemble::new(vec!["error".into()], 7, 3);
/// for (draw, error) in [(0, 1.0), (1, 2.0), (2, 6.0)] {
///     ensemble.insert(draw, vec![Some(error)])?;
/// }
/// let error = ensemble.statistic("error").unwrap();
/// assert_eq!((error.mean, error.count), (3.0, 3));
/// assert!((error.standard_error - (7.0_f64 / 3.0).sqrt()).abs() < 1e-15);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Ensemble {
    quantities: Vec<String>,
    seed: u64,
    draws: u64,
    outcomes: BTreeMap<u64, Vec<Option<f64>>>,
}

impl Ensemble {
    /// An ensemble without outcomes yet, of a run with this seed and number of draws.
    #[must_use]
    pub fn new(quantities: Vec<String>, seed: u64, draws: u64) -> Self {
        Self { quantities, seed, draws, outcomes: BTreeMap::new() }
    }

    /// Adds the outcome of a draw, a number or none for every quantity.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] for more or fewer numbers than quantities;
    /// [`Error::OutOfDomain`] for a draw beyond those planned or already there, and for a number that
    /// is not finite.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::Ensemble;
    ///
    /// let mut ensemble = Ensemble::new(vec!["error".into()], 0, 10);
    /// assert!(ensemble.insert(9, vec![Some(1.0)]).is_ok());
    /// assert!(ensemble.insert(9, vec![Some(1.0)]).is_err());
    /// assert!(ensemble.insert(0, vec![Some(f64::NAN)]).is_err());
    /// ```
    pub fn insert(&mut self, draw: u64, values: Vec<Option<f64>>) -> Result<()> {
        if values.len() != self.quantities.len() {
            let (expected, found) = (self.quantities.len(), values.len());
            return Err(Error::DimensionMismatch { parameter: "outcome", expected, found });
        }
        let is_open = draw < self.draws && !self.outcomes.contains_key(&draw);
        Domain::described("a draw of the run that has no outcome yet").check_if(
            is_open,
            "draw",
            draw as f64,
        )?;
        for value in values.iter().flatten() {
            Domain::described("finite").check_if(value.is_finite(), "outcome", *value)?;
        }
        self.outcomes.insert(draw, values);
        Ok(())
    }

    /// Puts the shards of a run together.
    ///
    /// # Errors
    ///
    /// [`Error::UnequalRuns`] where quantities, seeds or numbers of draws differ;
    /// [`Error::OutOfDomain`] for a draw that occurs twice.
    pub fn merge(shards: impl IntoIterator<Item = Self>) -> Result<Self> {
        let mut shards = shards.into_iter();
        let mut merged = shards.next().unwrap_or_else(|| Self::new(Vec::new(), 0, 0));
        for shard in shards {
            let differs = [
                ("quantities", shard.quantities != merged.quantities),
                ("seed", shard.seed != merged.seed),
                ("draws", shard.draws != merged.draws),
            ];
            if let Some((parameter, _)) = differs.into_iter().find(|(_, differs)| *differs) {
                return Err(Error::UnequalRuns { parameter });
            }
            for (draw, values) in shard.outcomes {
                merged.insert(draw, values)?;
            }
        }
        Ok(merged)
    }

    /// Names of the quantities.
    #[must_use]
    pub fn quantities(&self) -> &[String] {
        &self.quantities
    }

    /// Whether every planned draw has an outcome.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.outcomes.len() as u64 == self.draws
    }

    /// The outcomes by draw, in the order of the draws.
    pub fn outcomes(&self) -> impl Iterator<Item = (u64, &[Option<f64>])> {
        self.outcomes.iter().map(|(draw, values)| (*draw, values.as_slice()))
    }

    /// Mean and standard error of a quantity over the draws in which it has a value; `None` where
    /// there is no such quantity, no value, or no finite mean.
    #[must_use]
    pub fn statistic(&self, quantity: &str) -> Option<Statistic> {
        let position = self.quantities.iter().position(|name| name == quantity)?;
        Statistic::of(self.outcomes.values().filter_map(|values| values[position]))
    }

    fn first(&self) -> Option<Statistic> {
        Statistic::of(self.outcomes.values().filter_map(|values| *values.first()?))
    }
}

/// Mean of a quantity with its standard error.
///
/// # Formula
///
/// ```text
/// mean = sum_i x_i / n,      standard_error = sqrt( sum_i (x_i - mean)² / (n (n - 1)) )
/// ```
///
/// # Examples
///
/// ```
/// use diagonet::simulation::Statistic;
///
/// let statistic = Statistic::of([1.0, 3.0]).unwrap();
/// assert_eq!((statistic.mean, statistic.standard_error, statistic.count), (2.0, 1.0, 2));
/// assert_eq!(statistic.z_score(0.5), Some(1.5));
/// assert!(Statistic::of([]).is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Statistic {
    /// Mean.
    pub mean: f64,
    /// Standard error of the mean; infinite for a single value.
    pub standard_error: f64,
    /// Number of values.
    pub count: u64,
}

impl Statistic {
    /// The statistic of some values; `None` if there are none, or if their mean or standard error is
    /// not a finite number.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values.into_iter().collect();
        if values.is_empty() {
            return None;
        }
        let count = values.len() as f64;
        let mean = values.iter().copied().collect::<CompensatedSum>().value() / count;
        let largest = values.iter().map(|x| (x - mean).abs()).fold(0.0, f64::max);
        if !(mean.is_finite() && largest.is_finite()) {
            return None;
        }
        // In units of the largest, because squares leave the range of floats before their root does.
        let unit = if largest > 0.0 { largest } else { 1.0 };
        let squares = values.iter().map(|x| ((x - mean) / unit).powi(2));
        let standard_error = if values.len() > 1 {
            let squares = squares.collect::<CompensatedSum>().value();
            unit * (squares / (count * (count - 1.0))).sqrt()
        } else {
            f64::INFINITY
        };
        Some(Self { mean, standard_error, count: values.len() as u64 })
    }

    /// How many standard errors the mean is above `expected`; `None` where no value deviates from
    /// the mean, or there is only one.
    #[must_use]
    pub fn z_score(&self, expected: f64) -> Option<f64> {
        let usable = self.standard_error > 0.0 && self.standard_error.is_finite();
        usable.then(|| (self.mean - expected) / self.standard_error)
    }

    /// Interval that contains the expectation with probability `level`, by Student's distribution with
    /// n - 1 degrees of freedom: exact for Gaussian values, and for many values of any kind.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a level outside (0, 1); [`Error::NotRepresentable`] for less than two
    /// values.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::simulation::Statistic;
    ///
    /// let [low, high] = Statistic::of([1.0, 3.0]).unwrap().confidence_interval(0.5)?;
    /// // One degree of freedom: Cauchy's distribution, with quartiles at 1.
    /// assert!((low - 1.0).abs() < 1e-6 && (high - 3.0).abs() < 1e-6);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn confidence_interval(&self, level: f64) -> Result<[f64; 2]> {
        Domain::LEVEL.check("level", level)?;
        let unbounded = Error::NotRepresentable {
            quantity: "a confidence interval",
            reason: "there are less than two values",
        };
        let freedom = self.count.saturating_sub(1) as f64;
        let student = StudentsT::new(0.0, 1.0, freedom).map_err(|_| unbounded)?;
        let reach = self.standard_error * student.inverse_cdf(0.5 + 0.5 * level);
        Ok([self.mean - reach, self.mean + reach])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(plan: MonteCarlo) -> Ensemble {
        plan.run_with(
            vec!["x".into()],
            |_| {},
            |seed, draw| Ok(vec![Some(((seed + draw * draw) as f64).sin())]),
        )
        .unwrap()
    }

    #[test]
    fn statistics_are_finite_or_none() {
        for (scale, relative) in [(1e-200, 1e-15), (1.0, 1e-15), (1e300, 1e-15)] {
            let statistic = Statistic::of([scale, 3.0 * scale]).unwrap();
            assert!((statistic.mean / (2.0 * scale) - 1.0).abs() < relative);
            assert!((statistic.standard_error / scale - 1.0).abs() < relative);
        }
        for values in [[f64::NAN; 2], [f64::INFINITY; 2], [1e308; 2]] {
            assert_eq!(Statistic::of(values), None);
        }
        let constant = Statistic::of([3.0; 5]).unwrap();
        assert_eq!((constant.mean, constant.standard_error), (3.0, 0.0));
    }

    #[test]
    fn a_shard_has_every_nth_draw() {
        for draws in [1, 7, 12] {
            for count in [1, 5, 7, 20, u64::MAX] {
                for number in [1, 2, count.min(7), count].map(|number| number.min(count)) {
                    let shard = Shard::new(number, count).unwrap();
                    let expected: Vec<_> =
                        (0..draws).filter(|draw| draw % count == number - 1).collect();
                    let found: Vec<_> = (0..shard.size(draws)).map(|at| shard.draw(at)).collect();
                    assert_eq!(found, expected, "{shard} of {draws}");
                }
            }
        }
    }

    #[test]
    fn an_early_stop_costs_no_more_than_the_draws_it_takes() {
        // Of a billion draws, which would be gigabytes of indices alone.
        let plan = MonteCarlo::new(1_000_000_000).unwrap();
        let ensemble = numbers(plan.with_target_standard_error(1.0).unwrap());
        assert_eq!(ensemble.outcomes().count() as u64, BATCH);
    }

    #[test]
    fn shards_merge_to_the_whole() {
        let plan = MonteCarlo::new(37).unwrap().with_seed(5);
        let whole = numbers(plan);
        assert!(whole.is_complete());
        for count in [1, 2, 5, 37, 50] {
            let shards = (1..=count)
                .rev()
                .map(|number| numbers(plan.with_shard(Shard::new(number, count).unwrap())));
            assert_eq!(Ensemble::merge(shards).unwrap(), whole);
        }
    }

    #[test]
    fn shards_of_different_runs_do_not_merge() {
        let plan = MonteCarlo::new(4).unwrap();
        let half =
            |plan: MonteCarlo, number| numbers(plan.with_shard(Shard::new(number, 2).unwrap()));
        let merge = |a, b| Ensemble::merge([a, b]).unwrap_err();
        assert_eq!(
            merge(half(plan, 1), half(plan.with_seed(1), 2)),
            Error::UnequalRuns { parameter: "seed" }
        );
        assert_eq!(
            merge(half(plan, 1), half(MonteCarlo::new(6).unwrap(), 2)),
            Error::UnequalRuns { parameter: "draws" }
        );
        assert!(matches!(merge(half(plan, 1), half(plan, 1)), Error::OutOfDomain { .. }));
    }

    #[test]
    fn threads_do_not_matter() {
        let plan = MonteCarlo::new(200).unwrap().with_target_standard_error(0.08).unwrap();
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| numbers(plan))
        };
        let one = on(1);
        assert_eq!(one, on(3));
        // Stopped early, at a whole number of batches.
        let count = one.outcomes().count() as u64;
        assert!(count < 200 && count.is_multiple_of(BATCH), "{count}");
    }

    #[test]
    fn a_shard_cannot_stop_early() {
        let plan = MonteCarlo::new(4).unwrap().with_target_standard_error(1.0).unwrap();
        let shard = plan.with_shard(Shard::new(1, 2).unwrap());
        let result = shard.run_with(Vec::new(), |_| {}, |_, _| Ok(Vec::new()));
        assert!(matches!(
            result,
            Err(Error::OutOfDomain { parameter: "target_standard_error", .. })
        ));
    }

    #[test]
    fn the_first_error_is_returned() {
        let result = MonteCarlo::new(9).unwrap().run_with(
            Vec::new(),
            |_| {},
            |_, draw| {
                if draw > 3 {
                    Err(Error::NotConverged { iterations: draw as usize, residual: 1.0 })
                } else {
                    Ok(Vec::new())
                }
            },
        );
        assert_eq!(result, Err(Error::NotConverged { iterations: 4, residual: 1.0 }));
    }

    #[test]
    fn quantities_without_values_are_passed_over() {
        let mut ensemble = Ensemble::new(vec!["x".into(), "y".into()], 0, 3);
        for (draw, x) in [(0, None), (1, Some(2.0)), (2, Some(4.0))] {
            ensemble.insert(draw, vec![x, None]).unwrap();
        }
        assert_eq!(ensemble.statistic("x").unwrap().mean, 3.0);
        assert_eq!(ensemble.statistic("x").unwrap().count, 2);
        assert_eq!(ensemble.statistic("y"), None);
        assert_eq!(ensemble.statistic("z"), None);
    }
}
