//! Problems, and what a solver computes of them: points, learning curves, required samples.

use crate::asymptotics::fixed_point::FixedPoint;
use crate::asymptotics::solution::Solution;
use crate::asymptotics::solver::Solver;
use crate::error::Result;
use crate::numerics::crossing::{Outline, Threshold, first_crossing};
use crate::problem::law::Law;
use crate::problem::samples::Samples;
#[cfg(doc)]
use crate::{asymptotics::estimator::Estimator, error::Error, problem::law::CoordinateGroup};

/// A training problem that a [`Solver`] solves: a [`Law`], whose solution is a [`Solution`], a
/// [`Transfer`](crate::Transfer), whose solution is a [`TransferSolution`](crate::TransferSolution), or,
/// with the feature `quadrature`, a sequence of stages.
///
/// The trait is sealed; its methods are those of [`Solver`].
pub trait Problem: Solve {}

impl<P: Solve> Problem for P {}

impl Solver {
    /// Solves a problem, a [`Law`] or a [`Transfer`](crate::Transfer), for training on `samples`.
    ///
    /// # Errors
    ///
    /// - [`Error::Diverges`] at `alpha = r` (to rounding) with noise or signal on frozen
    ///   coordinates, where `kappa = 0`;
    /// - [`Error::OutOfDomain`] for an explicit penalty with [`Estimator::LeastSquares`], none with
    ///   [`Estimator::ElasticNet`], and starts other than 0 under an l1 norm;
    /// - [`Error::QuadratureDisabled`] where quadrature is needed and the feature is off;
    /// - [`Error::NotRepresentable`] where `s²` or `theta` leave the range of floats, or a scale is
    ///   not within 1e±303 of the root mean square of signal and noise;
    /// - [`Error::NotConverged`] where rounding keeps the equations from being solved to
    ///   [`Solver::ACCURACY`].
    ///
    /// A transfer adds those of [its own](crate::Transfer#errors).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "quadrature")]
    /// # {
    /// use diagonet::{
    ///     Densities, Error, Initialization, Law, Samples, ScaleMap, Scales, Solver, Supports,
    ///     Task,
    /// };
    ///
    /// let supports = Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 1.0 })?;
    /// let task = Task::new(supports)?;
    /// let samples = Samples::new(0.2)?;
    /// let error = |lambda| -> Result<f64, Error> {
    ///     let map = ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: lambda })?, 0.0)?;
    ///     let solution = Solver::new().solve(&Law::fine_tuning(&task, &map)?, &samples)?;
    ///     assert!(solution.state.residual < 1e-12);
    ///     Ok(solution.generalization_error())
    /// };
    /// // The same features: an initialization that reuses them wins.
    /// assert!(error(0.0)? < error(-0.999999)?);
    ///
    /// let law = Law::from_scratch(&task, &Initialization::new(Scales { absolute: 1e-3, relative: 0.0 })?)?;
    /// let threshold = Samples::new(1.0)?.with_noise_variance(0.1)?;
    /// let diverging = Solver::new().solve(&law, &threshold);
    /// assert!(matches!(diverging, Err(Error::Diverges { .. })));
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn solve<P: Problem>(&self, problem: &P, samples: &Samples) -> Result<P::Solution> {
        problem.solve_prepared(&problem.prepare()?, self, samples, None)
    }

    /// Solves a problem from the state of a similar one. For a neighbouring sample ratio of the same
    /// problem, that state is extrapolated along the learning curve first.
    ///
    /// The start changes the time that a solution takes, and not the solution. A state of least squares
    /// is ignored.
    ///
    /// # Errors
    ///
    /// As [`Solver::solve`].
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "quadrature")]
    /// # {
    /// use diagonet::{CoordinateGroup, Law, Prior, Samples, Solver};
    ///
    /// let law = Law::new(vec![
    ///     CoordinateGroup::new("signal", 0.1, Prior::gaussian(0.0, 10.0)?, 1e-6)?,
    ///     CoordinateGroup::new("background", 0.9, Prior::ZERO, 1e-6)?,
    /// ])?;
    /// let (solver, samples) = (Solver::new(), Samples::new(0.31)?);
    /// let neighbour = solver.solve(&law, &Samples::new(0.30)?)?.state;
    /// let cold = solver.solve(&law, &samples)?.state;
    /// let warm = solver.solve_from(&law, &samples, &neighbour)?.state;
    /// assert!(warm.integrand_evaluations < cold.integrand_evaluations);
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn solve_from<P: Problem>(
        &self,
        problem: &P,
        samples: &Samples,
        start: &FixedPoint,
    ) -> Result<P::Solution> {
        problem.solve_prepared(&problem.prepare()?, self, samples, Some(start))
    }

    /// Generalization error over a grid of sample ratios, at one noise variance.
    ///
    /// For quadrature, every solved point is the start of the next: a grid in order costs least. A point
    /// without an answer (a ratio outside its domain, for example) is an error of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{CoordinateGroup, Error, Law, Prior, Solver};
    ///
    /// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1e9)?])?;
    /// let curve = Solver::new().learning_curve(&law, 0.1, &[0.5, 1.0, 2.0]);
    /// let error = |point: &Result<diagonet::Solution, Error>| point.clone().map(|r| r.generalization_error());
    /// assert!((error(&curve[0])? - 0.6).abs() < 1e-12);
    /// assert!(matches!(curve[1], Err(Error::Diverges { .. })));
    /// assert!((error(&curve[2])? - 0.1).abs() < 1e-12);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn learning_curve<P: Problem>(
        &self,
        problem: &P,
        noise_variance: f64,
        sample_ratios: &[f64],
    ) -> Vec<Result<P::Solution>> {
        let prepared = problem.prepare();
        let mut state = None;
        let point = |&sample_ratio| {
            let samples = Samples::new(sample_ratio)?.with_noise_variance(noise_variance)?;
            let prepared = prepared.as_ref().map_err(Clone::clone)?;
            let solution = problem.solve_prepared(prepared, self, &samples, state.as_ref())?;
            state = Some(*solution.state());
            Ok(solution)
        };
        sample_ratios.iter().map(point).collect()
    }

    /// Smallest sample ratio at which the generalization error is at most `target_error`.
    ///
    /// # Formula
    ///
    /// ```text
    /// inf { alpha : error(alpha) <= target }
    /// ```
    ///
    /// It is 0 where the target is at least the mean square of the coefficients less their
    /// [start](CoordinateGroup::start), times [input variances](CoordinateGroup::input_variance): the
    /// error without samples.
    ///
    /// The error may fall, rise and fall again; the first fall counts. It rises to peaks with noise,
    /// and also without: what some groups have not learned is noise to those that move first. The
    /// learning curve is scanned at nodes that converge to the ratios where it can peak (the total
    /// weights of the groups of largest scale, where the next scale is at most a third of theirs), to a
    /// fiftieth of the width of the peak or 1e-12 of the distance between peaks, and by a factor of at
    /// most 1.65 each. Minima between nodes are searched; a narrower dip is missed. Ratios at which no
    /// estimate can meet the target are not scanned. The returned ratio meets the target, and a ratio
    /// smaller by 1e-12 of it does not, up to the [accuracy](Self::ACCURACY) of the error.
    ///
    /// The scan takes at most 113 evaluations of the curve per peak and as many beyond the last, of
    /// which most are drafts: those that leave the target open are repeated in full. The search takes at
    /// most 104, and a dip that comes near the target at most 120. Scales within the range of floats make a
    /// bounded number of peaks, so that the time is linear in the number of groups.
    ///
    /// Source: Hastie et al. 2022 (arXiv:1903.08560), on the peaks.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a target outside [0, 1e300] or noise outside [0, 1e300];
    /// [`Error::UnattainableError`], with the lowest error, where no ratio up to 1e12 times the
    /// [reachable fraction](Law::reachable_fraction) meets the target; and the errors of
    /// [`Solver::solve`], other than a divergence, at the first point of the curve
    /// that has no answer before the target is met.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{CoordinateGroup, Error, Estimator, Law, Prior, Solver};
    ///
    /// // One lazy group: the error 1 - alpha + noise alpha/(1 - alpha) has a minimum before its peak.
    /// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1.0)?])?;
    /// let solver = Solver::new().with_estimator(Estimator::Lazy);
    /// let ratio = |noise, target| solver.required_sample_ratio(&law, noise, target);
    /// assert!((ratio(0.0, 0.25)? - 0.75).abs() < 1e-12);
    /// assert!((ratio(0.01, 0.25)? - 0.786_933_761).abs() < 1e-9);
    /// assert!((ratio(0.01, 0.1)? - 1.1).abs() < 1e-12); // beyond the peak
    /// assert!(matches!(ratio(0.01, 0.0), Err(Error::UnattainableError { .. })));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn required_sample_ratio<P: Problem>(
        &self,
        problem: &P,
        noise_variance: f64,
        target_error: f64,
    ) -> Result<f64> {
        let prepared = problem.prepare()?;
        let outline = problem.scan(&prepared, target_error)?.0;
        let mut state = None;
        first_crossing(target_error, &outline, |sample_ratio, precision| {
            let samples = Samples::new(sample_ratio)?.with_noise_variance(noise_variance)?;
            let solver = self.with_precision(precision);
            let solution = problem.solve_prepared(&prepared, &solver, &samples, state.as_ref())?;
            state = Some(*solution.state());
            Ok(solution.error())
        })
    }
}

/// How a problem is solved. Not nameable from outside, so that [`Problem`] is sealed.
pub trait Solve {
    /// What is the same for all samples of the problem.
    type Prepared;
    /// The answer.
    type Solution: Answer;

    /// Computes the part of the problem that does not depend on the samples.
    fn prepare(&self) -> Result<Self::Prepared>;

    /// Solves the problem, from a state that is close to its own if one is given.
    fn solve_prepared(
        &self,
        prepared: &Self::Prepared,
        solver: &Solver,
        samples: &Samples,
        start: Option<&FixedPoint>,
    ) -> Result<Self::Solution>;

    /// Where a scan of the learning curve for an error has to look.
    fn scan(&self, prepared: &Self::Prepared, target_error: f64) -> Result<Scan>;
}

/// What all solutions have.
pub trait Answer {
    /// The generalization error.
    fn error(&self) -> f64;
    /// The state of the fixed point.
    fn state(&self) -> &FixedPoint;
}

/// A learning curve, to be scanned.
#[derive(Debug, Clone)]
pub struct Scan(Outline);

impl Scan {
    const SPACING: f64 = 0.5;

    /// The curve of a law, with the peaks that its scales make.
    pub(crate) fn of(law: &Law, target_error: f64) -> Self {
        Self(Outline {
            at_zero: law.signal(),
            unmet: unmet(law, target_error),
            thresholds: peaks(law),
            spacing: Self::SPACING,
        })
    }

    /// The curve of a law whose scales have a density: only where none is left to be filled the error
    /// can peak.
    pub(crate) fn of_density(law: &Law, target_error: f64) -> Self {
        let mut scan = Self::of(law, target_error);
        scan.0.thresholds.drain(..scan.0.thresholds.len() - 1);
        scan
    }
}

impl Answer for Solution {
    fn error(&self) -> f64 {
        self.generalization_error()
    }

    fn state(&self) -> &FixedPoint {
        &self.state
    }
}

impl<P: Solve> Solve for &P {
    type Prepared = P::Prepared;
    type Solution = P::Solution;

    fn prepare(&self) -> Result<P::Prepared> {
        (**self).prepare()
    }

    fn solve_prepared(
        &self,
        prepared: &P::Prepared,
        solver: &Solver,
        samples: &Samples,
        start: Option<&FixedPoint>,
    ) -> Result<P::Solution> {
        (**self).solve_prepared(prepared, solver, samples, start)
    }

    fn scan(&self, prepared: &P::Prepared, target_error: f64) -> Result<Scan> {
        (**self).scan(prepared, target_error)
    }
}

impl Solve for Law {
    type Prepared = ();
    type Solution = Solution;

    fn prepare(&self) -> Result<()> {
        Ok(())
    }

    fn solve_prepared(
        &self,
        (): &(),
        solver: &Solver,
        samples: &Samples,
        start: Option<&FixedPoint>,
    ) -> Result<Solution> {
        solver.solve_law(self, samples, start)
    }

    fn scan(&self, (): &(), target_error: f64) -> Result<Scan> {
        Ok(Scan::of(&self.whitened(), target_error))
    }
}

/// Ascending sample ratios at which a learning curve can peak: as many samples as coordinates of the
/// largest scales in units of their penalty weights, where the next scale is far below.
///
/// Next to such a ratio `P` the estimates are linear where they are sharpest, with the response
/// `c/(c + t)`: what those below respond and what those above do not,
///
/// ```text
/// alpha - P = L/t - t U,      L = sum_below p c,      U = sum_above p/c
/// ```
///
/// are equal at `t = sqrt(L/U)`, and `2 sqrt(L U)` is the width of the transition between the two. Where
/// coefficients have grown, what they see is a larger scale, at most by the root of their mean square.
fn peaks(law: &Law) -> Vec<Threshold> {
    /// Ratio of neighbouring scales below which what both learn overlaps.
    const APART: f64 = 3.0;
    let mut movable: Vec<_> = law
        .movable()
        .map(|(_, group)| {
            let grown = group.scale().hypot(group.magnitude_squared().sqrt());
            let largest = grown / group.penalty_weight();
            (group.quadratic_scale(), largest, group.weight())
        })
        .collect();
    movable.sort_by(|a, b| b.0.total_cmp(&a.0));
    let responses = movable.iter().rev().scan(0.0, |sum, (scale, _, weight)| {
        *sum += scale * weight;
        Some(*sum)
    });
    let mut below: Vec<f64> = responses.collect();
    below.reverse();
    let reachable = law.reachable_fraction();
    let mut peaks = Vec::new();
    let (mut total, mut missing, mut last) = (0.0, 0.0, f64::INFINITY);
    for (&(scale, largest, weight), below) in movable.iter().zip(below) {
        if APART * scale < last && total > 0.0 && total < reachable {
            peaks.push(Threshold { ratio: total, width: 2.0 * (below * missing).sqrt() });
        }
        total += weight;
        missing += weight / largest;
        last = scale;
    }
    // Where nothing can move, the error is the same at any ratio.
    peaks.push(Threshold::sharp(if reachable > 0.0 { reachable } else { 1.0 }));
    peaks
}

/// A sample ratio below which no estimate has an error of at most `target`; 0 where none is known.
///
/// Where training starts at 0, estimates are odd functions of their observations, whose slope rises with
/// the distance from 0. With the mean square `V` and the response `A` of a group, then
///
/// ```text
/// E[b B] <= V A,      sum p A <= alpha,      error >= V - 2 E[b B] + E[b B]²/V   (over all coordinates)
/// ```
///
/// where the response is best spent on the groups of largest mean square.
fn unmet(law: &Law, target: f64) -> f64 {
    /// Share by which groups that stand for a density may be off.
    const SLACK: f64 = 1e-3;
    let groups = law.groups();
    if groups.iter().any(|group| group.start() != 0.0) {
        return 0.0;
    }
    let total = law.signal();
    // Of E[b B].
    let mut missing = (total - (total * target).sqrt()) * (1.0 - SLACK);
    let mut signals: Vec<_> = groups.iter().map(|group| (group.signal(), group.weight())).collect();
    signals.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut ratio = 0.0;
    for (signal, weight) in signals {
        if missing <= weight * signal {
            return if missing > 0.0 { ratio + missing / signal } else { ratio };
        }
        missing -= weight * signal;
        ratio += weight;
    }
    0.0
}
