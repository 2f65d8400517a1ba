//! The entry point: the solver, which computes the generalization error of a law and samples.

use crate::asymptotics::estimator::Estimator;
use crate::asymptotics::fixed_point::{FixedPoint, Solved};
use crate::asymptotics::penalized::penalized;
use crate::asymptotics::solution::Solution;
use crate::asymptotics::{weighted_l1, weighted_l2};
use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::numerics::Precision;
use crate::problem::law::{CoordinateGroup, Law};
use crate::problem::samples::Samples;

/// Share of the smallest scale below which a penalty changes no response by a rounding.
const NEGLIGIBLE: f64 = 1e-30;

/// Computes the generalization error of training on samples when coordinates follow a law.
///
/// # Formula
///
/// The solver finds the state `$(s^2, \theta)$` of the [`FixedPoint`],
///
/// `$$ \theta \left( \alpha - \mathbb E \left[ \frac{db}{dz} \right] \right) = \kappa, \qquad
/// \alpha s^2 - \mathbb E [(b - B)^2] = \sigma^2 $$`
///
/// where
/// - `$\alpha$`, `$\sigma^2$`: sample ratio and noise variance of the [`Samples`];
/// - `$\kappa$`: [explicit penalty](Self::with_explicit_penalty), 0 unless set;
/// - `$b(z)$`, `$B$`: estimate and true coefficient of a coordinate of the [`Law`].
///
/// It takes a closed form where one is exact or within the [tolerance](Self::with_tolerance)
/// ([`Estimator`]). Elsewhere it solves the equations by Newton's method in `(log s², log theta)`, with
/// analytic derivatives, on a coarse quadrature first and on the fine one to the end. Where that does
/// not converge, nested bracketed root searches take over; they need no more than that the fixed point is
/// a saddle point. Accuracy: [`Solver::ACCURACY`]. Wider instructions change no digit of the quadrature; the
/// logarithms and exponentials of the platform around it may differ in the last digits, so that machines
/// differ by a rounding of the state, far below that budget.
///
/// The time is proportional to the number of quadrature nodes. An evaluation of the equations visits
/// about a hundred nodes per group at scales next to the signal, and fifteen more for every decade that a
/// scale is below it (twice as many where a mean or a start is not zero), ten thousand at most. Newton's
/// method takes fewer than ten evaluations in nine problems of ten, and fewer than twenty in 99 of a
/// hundred, over the whole domain. Brackets take some hundreds; after some thousands they end with
/// [`Error::NotConverged`].
///
/// Derivation: [theory](crate::theory#state-evolution).
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "quadrature")]
/// # {
/// use diagonet::{
///     Densities, Initialization, Law, Samples, ScaleMap, Scales, Solver, Supports, Task,
/// };
///
/// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.05, overlap: 1.0 })?;
/// let task = Task::new(supports)?;
/// let map = ScaleMap::new(Initialization::new(Scales { absolute: 0.01, relative: -0.98 })?, 0.0)?;
/// let law = Law::fine_tuning(&task, &map)?;
/// let report = Solver::new().solve(&law, &Samples::new(0.35)?)?;
/// assert!((report.generalization_error() / 0.0002003973495014532 - 1.0).abs() < Solver::ACCURACY);
/// # }
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(try_from = "crate::representation::Solver", into = "crate::representation::Solver")
)]
pub struct Solver {
    explicit_penalty: f64,
    estimator: Estimator,
    tolerance: f64,
    precision: Precision,
}

impl Default for Solver {
    fn default() -> Self {
        Self {
            explicit_penalty: 0.0,
            estimator: Estimator::Auto,
            tolerance: Self::ACCURACY,
            precision: Precision::Full,
        }
    }
}

impl Solver {
    /// Relative accuracy budget of the generalization error.
    ///
    /// It holds for generalization errors above 1e-14 of the mean square of signal and noise, and
    /// scales from 1e-12 to 1e6 of its root. Scales from 1e-303 to 1e303 of it are accepted. Next to a
    /// sharp transition, where a rounding of the sample ratio moves the error by more, the answer is
    /// exact for a sample ratio within 1e-12 of the given one.
    pub const ACCURACY: f64 = 1e-10;

    /// The solver for gradient flow to zero training loss.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same solver for training with an explicit penalty,
    /// `min ||y - X b||²/2 + kappa sum_d k_d q_{c_d}(b_d)`.
    ///
    /// An [estimator](Estimator) that is a norm replaces `q`. In the lazy limit it is `b²/(4c)`: ridge
    /// regression. In the rich limit it is `w |b|`, with the [`rich_weights`](crate::rich_weights) `w`:
    /// LASSO. An [`ElasticNet`](crate::ElasticNet) has its own. The equation of theta is
    /// `theta (alpha - E[db/dz]) = kappa` in all cases.
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
    /// use diagonet::{CoordinateGroup, Law, Prior, Samples, Solver};
    ///
    /// // Noise makes regularization pay.
    /// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1.0)?])?;
    /// let samples = Samples::new(0.9)?.with_noise_variance(1.0)?;
    /// let interpolating = Solver::new().solve(&law, &samples)?;
    /// let penalized = Solver::new().with_explicit_penalty(2.0)?.solve(&law, &samples)?;
    /// assert!(penalized.generalization_error() < 0.1 * interpolating.generalization_error());
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_explicit_penalty(self, kappa: f64) -> Result<Self> {
        let explicit_penalty = Domain::NON_NEGATIVE.check("explicit_penalty", kappa)?;
        Ok(Self { explicit_penalty, ..self })
    }

    /// The same solver with this estimator, [`Estimator::Auto`] unless set.
    #[must_use]
    pub fn with_estimator(self, estimator: Estimator) -> Self {
        Self { estimator, ..self }
    }

    /// The same solver with this tolerance of closed forms, [`Solver::ACCURACY`] unless set.
    ///
    /// It accepts a closed form whose bound on the difference of the total error is at most `tolerance`
    /// times that error. Errors of groups of small weight may differ by more.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a tolerance outside [0, 1].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{CoordinateGroup, Estimator, Law, Prior, Samples, Solver};
    ///
    /// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1e3)?])?;
    /// let solver = Solver::new().with_tolerance(1e-3)?;
    /// let report = solver.solve(&law, &Samples::new(0.5)?)?;
    /// assert_eq!(report.estimator, Estimator::Lazy);
    /// assert!(report.difference_bound.unwrap() <= 1e-3 * report.generalization_error());
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_tolerance(self, tolerance: f64) -> Result<Self> {
        Domain::PROBABILITY.check("tolerance", tolerance)?;
        Ok(Self { tolerance, ..self })
    }

    /// The same solver with this precision of the state.
    pub(crate) fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// Precision of the state.
    pub(crate) fn precision(&self) -> Precision {
        self.precision
    }

    /// How errors are computed.
    #[must_use]
    pub fn estimator(&self) -> Estimator {
        self.estimator
    }

    /// Strength `kappa` of the explicit penalty.
    #[must_use]
    pub fn explicit_penalty(&self) -> f64 {
        self.explicit_penalty
    }

    /// Relative difference up to which [`Estimator::Auto`] takes a limit for the error.
    #[must_use]
    pub fn tolerance(&self) -> f64 {
        self.tolerance
    }

    pub(crate) fn solve_law(
        &self,
        law: &Law,
        samples: &Samples,
        start: Option<&FixedPoint>,
    ) -> Result<Solution> {
        let solved = self.solved(&law.whitened(), samples, start)?;
        Solution::new(law, samples, self.explicit_penalty, solved)
    }

    /// The state, with the error of every group of a whitened law.
    fn solved(&self, law: &Law, samples: &Samples, start: Option<&FixedPoint>) -> Result<Solved> {
        if self.explicit_penalty > 0.0 {
            return self.penalized(law, samples, start);
        }
        if let Some(solution) = weighted_l2::least_squares(law, samples) {
            return solution;
        }
        match self.estimator {
            Estimator::LeastSquares => Err(Error::OutOfDomain {
                parameter: "sample_ratio",
                value: samples.sample_ratio(),
                domain: weighted_l2::DETERMINED,
            }),
            Estimator::Lazy => weighted_l2::lazy(law, samples),
            Estimator::Rich => weighted_l1::soft(law, &weighted_l1::rich_weights(law), samples),
            Estimator::ElasticNet(_) => Err(Error::OutOfDomain {
                parameter: "explicit_penalty",
                value: 0.0,
                domain: Domain::POSITIVE
                    .when("for an elastic net with fewer samples than coordinates that can move"),
            }),
            Estimator::Quadrature => self.numerical(law, samples, start),
            Estimator::Auto => match self.close_limit(law, samples) {
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
        if self.estimator == Estimator::LeastSquares {
            return Err(Error::OutOfDomain {
                parameter: "explicit_penalty",
                value: kappa,
                domain: Domain::ZERO.when("for least squares"),
            });
        }
        if law.reachable_fraction() == 0.0 {
            let alpha = samples.sample_ratio();
            let noise = (samples.noise_variance() + law.frozen_signal()) / alpha;
            return weighted_l2::unbiased(law, noise, kappa / alpha);
        }
        let result = match self.estimator {
            Estimator::Auto | Estimator::Quadrature => self.numerical(law, samples, start),
            kind => penalized(kind, law, samples, kappa, start, self.precision),
        };
        // theta (alpha - E[db/dz]) = kappa, where the response is at most r: with more samples than
        // that, a penalty can be too weak for floats, and then leaves least squares.
        let excess = samples.sample_ratio() - law.reachable_fraction();
        let smallest = law.movable().map(|(_, group)| group.scale()).fold(f64::INFINITY, f64::min);
        let is_negligible = excess > 0.0 && kappa / excess < NEGLIGIBLE * smallest;
        if let Err(Error::NotRepresentable { .. }) = result
            && is_negligible
            && let Some(solution) = weighted_l2::least_squares(law, samples)
        {
            return solution;
        }
        result
    }

    /// The lazy limit, if it is within tolerance.
    fn close_limit(&self, law: &Law, samples: &Samples) -> Option<Solved> {
        // No bound is good where a scale is not above signal and noise: spare the attempt.
        let unit_squared = law.magnitude_squared() + samples.noise_variance();
        let mut movable =
            law.groups().iter().map(CoordinateGroup::scale).filter(|scale| *scale > 0.0);
        if movable.any(|scale| scale * scale < unit_squared) {
            return None;
        }
        let solution = weighted_l2::lazy(law, samples).ok()?;
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
        use crate::asymptotics::silent::{is_silent, silent};
        use crate::estimator::quadrature::Proximal;

        if is_silent(law, samples) {
            let error = |_: usize, group: &CoordinateGroup, square, half_penalty| {
                Ok(Proximal::new(group, square)?.error(0.0, half_penalty))
            };
            let (kind, scale) = (Estimator::Quadrature, CoordinateGroup::scale_at_start);
            return silent(kind, law, samples, self.explicit_penalty, scale, error);
        }
        crate::asymptotics::fixed_point::solve(
            law,
            samples,
            self.explicit_penalty,
            start,
            self.precision,
            Estimator::Quadrature,
            |_, group, unit_squared| Proximal::new(group, unit_squared),
        )
    }

    #[cfg(not(feature = "quadrature"))]
    fn numerical(&self, _: &Law, _: &Samples, _: Option<&FixedPoint>) -> Result<Solved> {
        Err(Error::QuadratureDisabled { quantity: "the generalization error" })
    }
}
