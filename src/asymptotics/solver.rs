//! The entry point: from a law and samples to the generalization error.

#[cfg(feature = "quadrature")]
use crate::asymptotics::fixed_point::Estimator;
use crate::asymptotics::fixed_point::{FixedPoint, Solution};
use crate::asymptotics::limits;
use crate::asymptotics::newton::EFFECTIVE_PENALTY;
use crate::asymptotics::report::Report;
use crate::asymptotics::sensitivity::{self, LawGradient, Sensitivities};
use crate::asymptotics::statistics::Statistics;
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
/// let report = Solver::new().evaluate(&law, &Samples::new(0.5)?)?;
/// assert_eq!(report.estimator, Estimator::Lazy); // within tolerance, and explicit
/// # #[cfg(feature = "quadrature")]
/// # {
/// let solver = Solver::new().with_method(Method::Quadrature);
/// let numerical = solver.evaluate(&law, &Samples::new(0.5)?)?;
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
/// let report = Solver::new().evaluate(&law, &Samples::new(0.35)?)?;
/// assert!((report.generalization_error / 0.0002003973495014532 - 1.0).abs() < Solver::ACCURACY);
/// # }
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Solver {
    explicit_penalty: f64,
    warm_start: Option<FixedPoint>,
    method: Method,
    tolerance: f64,
}

impl Default for Solver {
    fn default() -> Self {
        Self {
            explicit_penalty: 0.0,
            warm_start: None,
            method: Method::Auto,
            tolerance: Self::ACCURACY,
        }
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
    /// let interpolating = Solver::new().evaluate(&law, &samples)?;
    /// let penalized = Solver::new().with_explicit_penalty(2.0)?.evaluate(&law, &samples)?;
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
    /// let report = solver.evaluate(&law, &Samples::new(0.5)?)?;
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
    /// let report = solver.evaluate(&law, &Samples::new(0.5)?)?;
    /// assert_eq!(report.estimator, Estimator::Lazy);
    /// assert!(report.difference_bound.unwrap() <= 1e-3 * report.generalization_error);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_tolerance(self, tolerance: f64) -> Result<Self> {
        check("tolerance", tolerance, "[0, 1]", |x| (0.0..=1.0).contains(&x))?;
        Ok(Self { tolerance, ..self })
    }

    /// The same solver, starting from the state of a similar problem; for a neighbouring sample ratio
    /// of the same problem, from the state extrapolated along the learning curve.
    ///
    /// The start changes the time a solution takes, not the solution; the state of least squares is
    /// no start and passed over.
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
    /// let state = Solver::new().fixed_point(&law, &Samples::new(0.30)?)?;
    /// let cold = Solver::new().fixed_point(&law, &Samples::new(0.31)?)?;
    /// let warm = Solver::new().with_warm_start(state).fixed_point(&law, &Samples::new(0.31)?)?;
    /// assert!(warm.integrand_evaluations < cold.integrand_evaluations);
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn with_warm_start(self, state: FixedPoint) -> Self {
        Self { warm_start: Some(state), ..self }
    }

    /// Solves for the state of `law` under `samples`.
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
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "quadrature")]
    /// # {
    /// use diagonet::{Error, Group, Law, Prior, Samples, Solver};
    ///
    /// let law = Law::new(vec![Group::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1.0)?])?;
    /// let state = Solver::new().fixed_point(&law, &Samples::new(0.5)?)?;
    /// assert!(state.residual < 1e-12);
    /// let threshold = Samples::new(1.0)?.with_noise_variance(0.1)?;
    /// let diverging = Solver::new().fixed_point(&law, &threshold);
    /// assert!(matches!(diverging, Err(Error::Diverges { .. })));
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn fixed_point(&self, law: &Law, samples: &Samples) -> Result<FixedPoint> {
        Ok(self.solve(law, samples)?.state)
    }

    /// The state, with the error of every group of the law.
    fn solve(&self, law: &Law, samples: &Samples) -> Result<Solution> {
        if self.explicit_penalty > 0.0 {
            return self.penalized(law, samples);
        }
        if let Some(solution) = limits::least_squares(law, samples) {
            return solution;
        }
        match self.method {
            Method::Lazy => limits::lazy(law, samples),
            Method::Rich => limits::soft(law, &limits::rich_weights(law), samples),
            Method::Quadrature => self.numerical(law, samples),
            Method::Auto => match self.close_limit(law, samples) {
                Some(solution) => Ok(solution),
                None => self.numerical(law, samples),
            },
        }
    }

    fn penalized(&self, law: &Law, samples: &Samples) -> Result<Solution> {
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
        let result = self.numerical(law, samples);
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
    fn close_limit(&self, law: &Law, samples: &Samples) -> Option<Solution> {
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
    fn numerical(&self, law: &Law, samples: &Samples) -> Result<Solution> {
        use crate::estimator::quadrature::Channel;

        let silent = |group: &Group| group.weight() == 0.0 || group.is_learned();
        if samples.noise_variance() == 0.0 && law.groups().iter().all(silent) {
            return crate::estimator::proximal::silent(law, samples, self.explicit_penalty);
        }
        crate::asymptotics::fixed_point::solve(
            law,
            samples,
            self.explicit_penalty,
            self.warm_start,
            Estimator::Quadrature,
            |_, group, unit_squared| Channel::new(group, unit_squared),
        )
    }

    #[cfg(not(feature = "quadrature"))]
    fn numerical(&self, _: &Law, _: &Samples) -> Result<Solution> {
        Err(Error::QuadratureDisabled { quantity: "the generalization error" })
    }

    /// Generalization error of training on `samples` when coordinates follow `law`.
    ///
    /// # Errors
    ///
    /// As [`Solver::fixed_point`].
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "quadrature")]
    /// # {
    /// use diagonet::{Initialization, Law, Samples, ScaleMap, Solver, Supports, Task};
    ///
    /// let task = Task::new(Supports::from_overlap(0.1, 0.1, 1.0)?)?;
    /// let samples = Samples::new(0.2)?;
    /// let error = |lambda| -> Result<f64, diagonet::Error> {
    ///     let map = ScaleMap::new(Initialization::from_scales(1e-3, lambda)?, 0.0)?;
    ///     Ok(Solver::new().evaluate(&Law::fine_tuning(&task, &map)?, &samples)?.generalization_error)
    /// };
    /// // The same features: an initialization that reuses them wins.
    /// assert!(error(0.0)? < error(-0.999999)?);
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn evaluate(&self, law: &Law, samples: &Samples) -> Result<Report> {
        Ok(Report::new(law, self.solve(law, samples)?))
    }

    /// Statistics of the estimate when training on `samples` and coordinates follow `law`:
    /// moments, discoveries above `discovery_cut` in magnitude, and, where the law knows of a
    /// pretraining stage, forgetting.
    ///
    /// # Errors
    ///
    /// As [`Solver::fixed_point`]; [`Error::OutOfDomain`] for a cut outside [0, 1e300].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Group, Law, Method, Prior, Samples, Solver};
    ///
    /// let law = Law::new(vec![
    ///     Group::new("signal", 0.1, Prior::gaussian(0.0, 10.0)?, 1e-9)?,
    ///     Group::new("background", 0.9, Prior::ZERO, 1e-9)?,
    /// ])?;
    /// let rich = Solver::new().with_method(Method::Rich);
    /// let statistics = rich.statistics(&law, &Samples::new(0.25)?, 0.0)?;
    /// // An l1 norm finds as many features as it has samples.
    /// assert!((statistics.total.discovery_rate - 0.25).abs() < 1e-11);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn statistics(
        &self,
        law: &Law,
        samples: &Samples,
        discovery_cut: f64,
    ) -> Result<Statistics> {
        check_non_negative("discovery_cut", discovery_cut)?;
        let report = self.evaluate(law, samples)?;
        Statistics::new(law, samples.noise_variance(), report, discovery_cut)
    }

    /// Generalization error and state of training on `samples` when coordinates follow `law`, with
    /// their derivatives in every parameter.
    ///
    /// # Errors
    ///
    /// As [`Solver::fixed_point`]; [`Error::NotDifferentiable`] for [`Method::Rich`], for a state
    /// without signal and noise, at `alpha = r`, and where no coordinate can move and nothing pulls;
    /// [`Error::NotRepresentable`] for a derivative above the range of floats.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "quadrature")]
    /// # {
    /// use diagonet::{Group, Law, Prior, Samples, Solver};
    ///
    /// let law = Law::new(vec![
    ///     Group::new("signal", 0.1, Prior::gaussian(0.0, 10.0)?, 1e-3)?,
    ///     Group::new("background", 0.9, Prior::ZERO, 1e-3)?,
    /// ])?;
    /// let sensitivities = Solver::new().sensitivities(&law, &Samples::new(0.3)?)?;
    /// let gradient = &sensitivities.generalization_error;
    /// // Larger scales help where there is signal, and hurt where there is none.
    /// assert!(gradient.groups[0].log_scale < 0.0 && gradient.groups[1].log_scale > 0.0);
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn sensitivities(
        &self,
        law: &Law,
        samples: &Samples,
    ) -> Result<Sensitivities<LawGradient>> {
        self.sensitivities_at(law, samples, self.evaluate(law, samples)?)
    }

    /// Sensitivities of a problem that this solver has solved.
    pub(crate) fn sensitivities_at(
        &self,
        law: &Law,
        samples: &Samples,
        report: Report,
    ) -> Result<Sensitivities<LawGradient>> {
        sensitivity::differentiate(law, samples, self.explicit_penalty, report)
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
    /// let error = |point: &Result<diagonet::Report, Error>| point.clone().map(|r| r.generalization_error);
    /// assert!((error(&curve[0])? - 0.6).abs() < 1e-12);
    /// assert!(matches!(curve[1], Err(Error::Diverges { .. })));
    /// assert!((error(&curve[2])? - 0.1).abs() < 1e-12);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn learning_curve(
        &self,
        law: &Law,
        noise_variance: f64,
        sample_ratios: &[f64],
    ) -> Vec<Result<Report>> {
        let mut solver = *self;
        let point = |&sample_ratio| {
            let samples = Samples::new(sample_ratio)?.with_noise_variance(noise_variance)?;
            let report = solver.evaluate(law, &samples)?;
            solver = solver.with_warm_start(report.state);
            Ok(report)
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
    /// It is 0 for a target that estimating nothing meets, the mean square of the coefficients less
    /// their [start](Group::start). With noise the error may fall and rise again before it falls for good; the first
    /// fall counts. The learning curve is scanned at nodes that close in on the ratios where it can
    /// peak (the total weights of the groups of largest scale), to 1e-12 of the distance between them
    /// and by a factor of at most 1.65 each, and minima between nodes are searched: a dip that is
    /// narrower is missed. The returned ratio meets the target, and one smaller by 1e-12 of it does
    /// not, up to the [accuracy](Self::ACCURACY) of the error.
    ///
    /// Source: Hastie et al. 2022 (arXiv:1903.08560), on the peaks.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a target outside [0, 1e300] or noise outside [0, 1e300];
    /// [`Error::UnattainableError`], with the lowest error, where no ratio up to 1e12 times the
    /// [reachable fraction](Law::reachable_fraction) meets the target; and the errors of
    /// [`Solver::fixed_point`], other than a divergence, of the first point of the curve
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
    pub fn required_sample_ratio(
        &self,
        law: &Law,
        noise_variance: f64,
        target_error: f64,
    ) -> Result<f64> {
        const SPACING: f64 = 0.5;
        let mut solver = *self;
        first_crossing(target_error, law.signal(), &peaks(law), SPACING, |sample_ratio| {
            let samples = Samples::new(sample_ratio)?.with_noise_variance(noise_variance)?;
            let solution = solver.solve(law, &samples)?;
            solver = solver.with_warm_start(solution.state);
            Ok(Report::new(law, solution).generalization_error)
        })
    }
}

/// Ascending sample ratios at which a learning curve can peak: as many samples as coordinates of the
/// largest scales.
fn peaks(law: &Law) -> Vec<f64> {
    let mut movable: Vec<_> =
        law.movable().map(|(_, group)| (group.scale(), group.weight())).collect();
    movable.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut peaks = Vec::with_capacity(movable.len());
    let (mut total, mut last) = (0.0, f64::INFINITY);
    for (scale, weight) in movable {
        if scale < last && total > 0.0 {
            peaks.push(total);
        }
        total += weight;
        last = scale;
    }
    let reachable = law.reachable_fraction();
    peaks.retain(|peak| *peak < reachable);
    // Where nothing can move, the error is the same at any ratio.
    peaks.push(if reachable > 0.0 { reachable } else { 1.0 });
    peaks
}
