//! The entry point: from a law and samples to the generalization error.

#[cfg(feature = "quadrature")]
use crate::asymptotics::fixed_point::Estimator;
use crate::asymptotics::fixed_point::{FixedPoint, Solved};
use crate::asymptotics::limits;
use crate::asymptotics::newton::EFFECTIVE_PENALTY;
use crate::asymptotics::problem::{Answer, Problem, Scan};
use crate::asymptotics::solution::Solution;
use crate::error::{Error, Result, check, check_non_negative};
use crate::numerics::crossing::first_crossing;
use crate::problem::law::{Group, Law};
use crate::problem::task::Samples;

/// Which way to a generalization error a [`Solver`] takes.
///
/// Where there are as many samples as coordinates that can move, or more, every method is
/// [ordinary least squares](crate::ordinary_least_squares).
///
/// # Examples
///
/// ```
/// use diagonet::{Estimator, Group, Law, Method, Prior, Samples, Solver};
///
/// let law = Law::new(vec![Group::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1e9)?])?;
/// let report = Solver::new().solve(&law, &Samples::new(0.5)?)?;
/// assert_eq!(report.estimator, Estimator::Lazy); // within tolerance, and explicit
/// # #[cfg(feature = "quadrature")]
/// # {
/// let solver = Solver::new().with_method(Method::Quadrature);
/// let numerical = solver.solve(&law, &Samples::new(0.5)?)?;
/// assert_eq!(numerical.estimator, Estimator::Quadrature);
/// assert!((numerical.generalization_error - report.generalization_error).abs() < 1e-11);
/// # }
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Method {
    /// A closed form where it is exact or provably within the [tolerance](Solver::with_tolerance),
    /// quadrature elsewhere.
    #[default]
    Auto,
    /// The penalty itself, by quadrature. Needs the feature `quadrature`.
    Quadrature,
    /// The lazy limit at the law's ratios of scales, [`weighted_l2`](crate::weighted_l2).
    Lazy,
    /// The rich limit with the law's [`rich_weights`](crate::rich_weights),
    /// [`weighted_l1`](crate::weighted_l1).
    Rich,
}

/// The name that [`FromStr`](std::str::FromStr) reads.
impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Auto => "auto",
            Self::Quadrature => "quadrature",
            Self::Lazy => "lazy",
            Self::Rich => "rich",
        })
    }
}

/// [`Error::UnknownName`](crate::Error::UnknownName) for any other text than auto, quadrature, lazy, rich.
impl std::str::FromStr for Method {
    type Err = crate::Error;

    fn from_str(name: &str) -> crate::Result<Self> {
        match name {
            "auto" => Ok(Self::Auto),
            "quadrature" => Ok(Self::Quadrature),
            "lazy" => Ok(Self::Lazy),
            "rich" => Ok(Self::Rich),
            _ => Err(crate::Error::UnknownName {
                parameter: "method",
                value: name.to_owned(),
                choices: "auto, quadrature, lazy, rich",
            }),
        }
    }
}

/// The way from a law and samples to the generalization error.
///
/// A closed form where it is exact or within tolerance ([`Method`]), and otherwise the fixed point by
/// Newton's method with analytic derivatives in `(log s², log theta)`, on a coarse quadrature first
/// and on the fine one to the end; where it does not converge, nested bracketed root searches that
/// need no more than that the fixed point is a saddle point. Accuracy: [`Solver::ACCURACY`].
///
/// Time is that of the nodes visited. An evaluation of the equations visits about a hundred nodes per
/// group at scales next to the signal, and fifteen more for every decade that a scale is below it
/// (twice as many where a mean or a start is not zero): at most some ten thousand. Newton's method
/// takes fewer than ten evaluations in nine problems of ten, and fewer than twenty in 99 of a hundred,
/// over the whole domain. Brackets take some hundreds, and end with [`Error::NotConverged`] after some
/// thousands.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "quadrature")]
/// # {
/// use diagonet::{Initialization, Law, Samples, ScaleMap, Solver, Supports, Task};
///
/// let task = Task::new(Supports::from_overlap(0.2, 0.05, 1.0)?)?;
/// let map = ScaleMap::new(Initialization::from_scales(0.01, -0.98)?, 0.0)?;
/// let law = Law::fine_tuning(&task, &map)?;
/// let report = Solver::new().solve(&law, &Samples::new(0.35)?)?;
/// assert!((report.generalization_error / 0.0002003973495014532 - 1.0).abs() < Solver::ACCURACY);
/// # }
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Solver {
    explicit_penalty: f64,
    method: Method,
    tolerance: f64,
}

impl Default for Solver {
    fn default() -> Self {
        Self { explicit_penalty: 0.0, method: Method::Auto, tolerance: Self::ACCURACY }
    }
}

impl Solver {
    /// Relative accuracy budget of the generalization error.
    ///
    /// It is met for generalization errors above 1e-14 of the mean square of signal and noise, and
    /// scales from 1e-12 to 1e6 of its root; scales are taken from 1e-303 to 1e303 of it. Where a
    /// rounding of the sample ratio moves the error by more, next to a sharp transition, the answer
    /// is exact for a sample ratio within 1e-12 of the given one.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(diagonet::Solver::ACCURACY, 1e-10);
    /// ```
    pub const ACCURACY: f64 = 1e-10;

    /// The solver for gradient flow to zero training loss.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(diagonet::Solver::new(), diagonet::Solver::default());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same solver for training with an explicit penalty,
    /// `min ||y - X b||²/2 + kappa sum_d q_{c_d}(b_d)`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for `kappa` outside [0, 1e300].
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "quadrature")]
    /// # {
    /// use diagonet::{Group, Law, Prior, Samples, Solver};
    ///
    /// // Noise makes regularization pay.
    /// let law = Law::new(vec![Group::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1.0)?])?;
    /// let samples = Samples::new(0.9)?.with_noise_variance(1.0)?;
    /// let interpolating = Solver::new().solve(&law, &samples)?;
    /// let penalized = Solver::new().with_explicit_penalty(2.0)?.solve(&law, &samples)?;
    /// assert!(penalized.generalization_error < 0.1 * interpolating.generalization_error);
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_explicit_penalty(self, kappa: f64) -> Result<Self> {
        let explicit_penalty = check_non_negative("explicit_penalty", kappa)?;
        Ok(Self { explicit_penalty, ..self })
    }

    /// The same solver, taking the given way to the error.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Estimator, Group, Law, Method, Prior, Samples, Solver};
    ///
    /// let law = Law::new(vec![Group::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1.0)?])?;
    /// let solver = Solver::new().with_method(Method::Lazy);
    /// let report = solver.solve(&law, &Samples::new(0.5)?)?;
    /// assert_eq!(report.estimator, Estimator::Lazy);
    /// assert_eq!(report.difference_bound, None); // a scale of one is not close to the limit
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn with_method(self, method: Method) -> Self {
        Self { method, ..self }
    }

    /// The same solver, accepting a closed form whose bound on the difference of the total error is
    /// at most `tolerance` times that error; groups of small weight may differ by more. [`Solver::ACCURACY`] unless set.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a tolerance outside [0, 1].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Estimator, Group, Law, Prior, Samples, Solver};
    ///
    /// let law = Law::new(vec![Group::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1e3)?])?;
    /// let solver = Solver::new().with_tolerance(1e-3)?;
    /// let report = solver.solve(&law, &Samples::new(0.5)?)?;
    /// assert_eq!(report.estimator, Estimator::Lazy);
    /// assert!(report.difference_bound.unwrap() <= 1e-3 * report.generalization_error);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_tolerance(self, tolerance: f64) -> Result<Self> {
        check("tolerance", tolerance, "[0, 1]", |x| (0.0..=1.0).contains(&x))?;
        Ok(Self { tolerance, ..self })
    }

    /// Solves a problem, a [`Law`] or a [`Transfer`](crate::Transfer), for training on `samples`.
    ///
    /// # Errors
    ///
    /// - [`Error::Diverges`] at `alpha = r` (to rounding) with noise or signal on frozen
    ///   coordinates, where `kappa = 0`;
    /// - [`Error::OutOfDomain`] for an explicit penalty with [`Method::Lazy`] or [`Method::Rich`];
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
    /// use diagonet::{Error, Initialization, Law, Samples, ScaleMap, Solver, Supports, Task};
    ///
    /// let task = Task::new(Supports::from_overlap(0.1, 0.1, 1.0)?)?;
    /// let samples = Samples::new(0.2)?;
    /// let error = |lambda| -> Result<f64, Error> {
    ///     let map = ScaleMap::new(Initialization::from_scales(1e-3, lambda)?, 0.0)?;
    ///     let solution = Solver::new().solve(&Law::fine_tuning(&task, &map)?, &samples)?;
    ///     assert!(solution.state.residual < 1e-12);
    ///     Ok(solution.generalization_error)
    /// };
    /// // The same features: an initialization that reuses them wins.
    /// assert!(error(0.0)? < error(-0.999999)?);
    ///
    /// let law = Law::from_scratch(&task, &Initialization::from_scales(1e-3, 0.0)?)?;
    /// let threshold = Samples::new(1.0)?.with_noise_variance(0.1)?;
    /// let diverging = Solver::new().solve(&law, &threshold);
    /// assert!(matches!(diverging, Err(Error::Diverges { .. })));
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn solve<P: Problem>(&self, problem: &P, samples: &Samples) -> Result<P::Solution> {
        problem.solve_prepared(&problem.prepare()?, self, samples, None)
    }

    /// Solves a problem from the state of a similar one; for a neighbouring sample ratio of the same
    /// problem, from that state extrapolated along the learning curve.
    ///
    /// The start changes the time that a solution takes, not the solution. The state of least squares
    /// is no start and passed over.
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
    /// use diagonet::{Group, Law, Prior, Samples, Solver};
    ///
    /// let law = Law::new(vec![
    ///     Group::new("signal", 0.1, Prior::gaussian(0.0, 10.0)?, 1e-6)?,
    ///     Group::new("background", 0.9, Prior::ZERO, 1e-6)?,
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

    pub(crate) fn solve_law(
        &self,
        law: &Law,
        samples: &Samples,
        start: Option<&FixedPoint>,
    ) -> Result<Solution> {
        let solved = self.solved(law, samples, start)?;
        Ok(Solution::new(law, samples, self.explicit_penalty, solved))
    }

    /// The state, with the error of every group of the law.
    fn solved(&self, law: &Law, samples: &Samples, start: Option<&FixedPoint>) -> Result<Solved> {
        if self.explicit_penalty > 0.0 {
            return self.penalized(law, samples, start);
        }
        if let Some(solution) = limits::least_squares(law, samples) {
            return solution;
        }
        match self.method {
            Method::Lazy => limits::lazy(law, samples),
            Method::Rich => limits::soft(law, &limits::rich_weights(law), samples),
            Method::Quadrature => self.numerical(law, samples, start),
            Method::Auto => match self.close_limit(law, samples) {
                Some(solution) => Ok(solution),
                None => self.numerical(law, samples, start),
            },
        }
    }

    fn penalized(
        &self,
        law: &Law,
        samples: &Samples,
        start: Option<&FixedPoint>,
    ) -> Result<Solved> {
        let kappa = self.explicit_penalty;
        if matches!(self.method, Method::Lazy | Method::Rich) {
            return Err(Error::OutOfDomain {
                parameter: "explicit_penalty",
                value: kappa,
                domain: "0, for the lazy and the rich limit",
            });
        }
        if law.reachable_fraction() == 0.0 {
            let alpha = samples.sample_ratio();
            let noise = (samples.noise_variance() + law.frozen_signal()) / alpha;
            return limits::unbiased(law, noise, kappa / alpha);
        }
        let result = self.numerical(law, samples, start);
        if let Err(Error::NotRepresentable { quantity: EFFECTIVE_PENALTY, .. }) = result
            && kappa < samples.sample_ratio() - law.reachable_fraction()
            && let Some(solution) = limits::least_squares(law, samples)
        {
            // A penalty too weak for floats leaves least squares.
            return solution;
        }
        result
    }

    /// The lazy limit, if it is within tolerance.
    fn close_limit(&self, law: &Law, samples: &Samples) -> Option<Solved> {
        // No bound is good where a scale is not above signal and noise: spare the attempt.
        let unit_squared = law.magnitude_squared() + samples.noise_variance();
        let mut movable = law.groups().iter().map(Group::scale).filter(|scale| *scale > 0.0);
        if movable.any(|scale| scale * scale < unit_squared) {
            return None;
        }
        let solution = limits::lazy(law, samples).ok()?;
        let weighted = law.groups().iter().zip(&solution.group_errors);
        let error: f64 = weighted.map(|(group, error)| group.weight() * error).sum();
        (solution.difference_bound? <= self.tolerance * error).then_some(solution)
    }

    #[cfg(feature = "quadrature")]
    fn numerical(
        &self,
        law: &Law,
        samples: &Samples,
        start: Option<&FixedPoint>,
    ) -> Result<Solved> {
        use crate::estimator::quadrature::Channel;

        if crate::estimator::proximal::is_silent(law, samples) {
            return crate::estimator::proximal::silent(law, samples, self.explicit_penalty);
        }
        crate::asymptotics::fixed_point::solve(
            law,
            samples,
            self.explicit_penalty,
            start,
            Estimator::Quadrature,
            |_, group, unit_squared| Channel::new(group, unit_squared),
        )
    }

    #[cfg(not(feature = "quadrature"))]
    fn numerical(&self, _: &Law, _: &Samples, _: Option<&FixedPoint>) -> Result<Solved> {
        Err(Error::QuadratureDisabled { quantity: "the generalization error" })
    }

    /// Generalization error over a grid of sample ratios, at one noise variance.
    ///
    /// For quadrature, every solved point is the start of the next, so that a grid in order costs
    /// least. A point
    /// that has no answer (a ratio outside its domain included) is an error of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Error, Group, Law, Prior, Solver};
    ///
    /// let law = Law::new(vec![Group::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1e9)?])?;
    /// let curve = Solver::new().learning_curve(&law, 0.1, &[0.5, 1.0, 2.0]);
    /// let error = |point: &Result<diagonet::Solution, Error>| point.clone().map(|r| r.generalization_error);
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
    /// It is 0 for a target that estimating nothing meets: the mean square of the coefficients less
    /// their [start](Group::start). The error may fall, rise and fall again; the first fall counts.
    /// Noise makes it rise to peaks, and so does, without noise, what other groups have not learned:
    /// that is noise to those that move first. The learning curve is scanned at nodes that close in
    /// on the ratios where it can peak (the total weights of the groups of largest scale), to 1e-12 of
    /// the distance between them and by a factor of at most 1.65 each. Minima between nodes are
    /// searched; a dip that is narrower is missed. The returned ratio meets the target, and one
    /// smaller by 1e-12 of it does not, up to the [accuracy](Self::ACCURACY) of the error.
    ///
    /// The scan takes at most 113 evaluations of the curve per peak and as many beyond the last, the
    /// search at most 104, and a dip that comes near the target at most 120.
    ///
    /// Source: Hastie et al. 2022 (arXiv:1903.08560), on the peaks.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a target outside [0, 1e300] or noise outside [0, 1e300];
    /// [`Error::UnattainableError`], with the lowest error, where no ratio up to 1e12 times the
    /// [reachable fraction](Law::reachable_fraction) meets the target; and the errors of
    /// [`Solver::solve`], other than a divergence, of the first point of the curve
    /// that has no answer before the target is met.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Error, Group, Law, Method, Prior, Solver};
    ///
    /// // One lazy group: the error 1 - alpha + noise alpha/(1 - alpha) has a minimum before its peak.
    /// let law = Law::new(vec![Group::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1.0)?])?;
    /// let solver = Solver::new().with_method(Method::Lazy);
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
        let Scan { error_without_samples, peaks, spacing } = problem.scan(&prepared)?;
        let mut state = None;
        first_crossing(target_error, error_without_samples, &peaks, spacing, |sample_ratio| {
            let samples = Samples::new(sample_ratio)?.with_noise_variance(noise_variance)?;
            let solution = problem.solve_prepared(&prepared, self, &samples, state.as_ref())?;
            state = Some(*solution.state());
            Ok(solution.error())
        })
    }
}
