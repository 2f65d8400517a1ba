//! The solution of a training problem.

use crate::asymptotics::estimator::Estimator;
use crate::asymptotics::fixed_point::{FixedPoint, Solved};
use crate::error::{Error, Result};
use crate::problem::errors::Errors;
use crate::problem::law::Law;
use crate::problem::samples::Samples;

/// The solution of a training problem: its generalization error with a breakdown, and the fixed point
/// that gives it.
///
/// [Statistics](Self::statistics) of the estimate and [sensitivities](Self::sensitivities) follow
/// without solving again.
///
/// # Formula
///
/// `$$ \mathbb E_x \big[(x \cdot (\hat\beta - \beta^\star))^2\big] = \sum_g p_g E_g, \qquad E_g =
/// \Lambda_g \mathbb E_g [(b - B)^2] $$`
///
/// which is the excess error on a fresh input `$x_j \sim N(0, \Lambda_j/D)$`. With unit input variances it
/// is the [parameter error](Self::parameter_errors) `$\lVert \hat\beta - \beta^\star \rVert^2/D$`. Here
/// - `$p_g$`, `$\Lambda_g$`: weight and [input variance](crate::CoordinateGroup::input_variance) of group `$g$`
///   of the [`Law`];
/// - `$b$`, `$B$`: estimate and true coefficient at the [`FixedPoint`].
///
/// Derivation: [theory](crate::theory#state-evolution). Source: Anguita et al. 2026 (arXiv:2602.20062),
/// Proposition 4.2.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "quadrature")]
/// # {
/// use diagonet::{CoordinateGroup, Law, Prior, Samples, Solver};
///
/// let law = Law::new(vec![
///     CoordinateGroup::new("signal", 0.1, Prior::gaussian(0.0, 10.0)?, 1e-3)?,
///     CoordinateGroup::new("background", 0.9, Prior::ZERO, 1e-3)?,
/// ])?;
/// let report = Solver::new().solve(&law, &Samples::new(0.25)?)?;
/// assert!((report.generalization_error() - 0.2963).abs() < 1e-4);
/// let by_hand = 0.1 * report.error_of("signal").unwrap() + 0.9 * report.error_of("background").unwrap();
/// assert!((by_hand - report.generalization_error()).abs() < 1e-15);
/// # }
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Solution {
    /// Excess error on fresh inputs, in total and by label, in the order in which the labels first occur
    /// in the law.
    pub errors: Errors,
    /// The state of the fixed point.
    pub state: FixedPoint,
    /// How the error was computed.
    pub estimator: Estimator,
    /// Bound on the difference between the total error and that under the law's own penalty: 0 where it
    /// is exact (to [`Solver::ACCURACY`](crate::Solver::ACCURACY)), `None` where no bound is known.
    pub difference_bound: Option<f64>,
    /// Errors of the coefficients, where those differ from `errors`.
    parameter_errors: Option<Errors>,
    law: Law,
    samples: Samples,
    explicit_penalty: f64,
    /// Weights of the l1 norm that were given; those of the law's scales otherwise.
    l1_weights: Option<Vec<f64>>,
}

impl Solution {
    /// The solution of `law` from the one of the [whitened](Law::whitened) law.
    pub(crate) fn new(
        law: &Law,
        samples: &Samples,
        explicit_penalty: f64,
        solved: Solved,
    ) -> Result<Self> {
        let parts = law.groups().iter().zip(&solved.group_errors);
        let whitened = law.groups().iter().all(|group| group.input_variance() == 1.0);
        let parameter_errors = if whitened {
            None
        } else {
            let own = parts.clone().map(|(group, error)| {
                (group.label(), group.weight(), error / group.input_variance())
            });
            Some(Errors::of_parts(own))
        };
        if parameter_errors.as_ref().is_some_and(|errors| !errors.is_finite()) {
            return Err(Error::NotRepresentable {
                quantity: "the error of the coefficients",
                reason: "it is above 1e308",
            });
        }
        let parts = parts.map(|(group, error)| (group.label(), group.weight(), *error));
        Ok(Self {
            errors: Errors::of_parts(parts),
            parameter_errors,
            state: solved.state,
            estimator: solved.estimator,
            difference_bound: solved.difference_bound,
            law: law.clone(),
            samples: *samples,
            explicit_penalty,
            l1_weights: None,
        })
    }

    /// The same for given weights of the l1 norm.
    pub(crate) fn with_l1_weights(self, weights: &[f64]) -> Self {
        Self { l1_weights: Some(weights.to_vec()), ..self }
    }

    /// The same state, with statistics by another estimator.
    pub(crate) fn with_estimator(self, estimator: Estimator) -> Self {
        Self { estimator, ..self }
    }

    /// Weights of the l1 norm that were given.
    pub(crate) fn given_l1_weights(&self) -> Option<&[f64]> {
        self.l1_weights.as_deref()
    }

    /// Mean square of coefficients, starts and noise, as labels see them.
    pub(crate) fn mean_square(&self) -> f64 {
        self.law.whitened().magnitude_squared() + self.samples.noise_variance()
    }

    /// The law that the problem was solved for.
    #[must_use]
    pub fn law(&self) -> &Law {
        &self.law
    }

    /// The samples that the problem was solved for.
    #[must_use]
    pub fn samples(&self) -> Samples {
        self.samples
    }

    /// Strength `kappa` of the explicit penalty.
    #[must_use]
    pub fn explicit_penalty(&self) -> f64 {
        self.explicit_penalty
    }

    /// Generalization error over all coordinates, the total of [`errors`](Self::errors).
    #[must_use]
    pub fn generalization_error(&self) -> f64 {
        self.errors.total
    }

    /// Errors of the coefficients themselves, `||beta_hat - beta*||²/D`, in total and by label.
    ///
    /// # Formula
    ///
    /// ```text
    /// parameter_error = sum_g p_g error_g / Lambda_g
    /// ```
    ///
    /// where
    /// - `error_g`: the excess test error of a group, see [`errors`](Self::errors);
    /// - `Lambda_g`: its [input variance](crate::CoordinateGroup::input_variance).
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{CoordinateGroup, Law, Prior, Samples, minimum_l2};
    ///
    /// let prior = Prior::gaussian(0.0, 1.0)?;
    /// let all = CoordinateGroup::new("all", 1.0, prior, 1.0)?.with_input_variance(4.0)?;
    /// let solution = minimum_l2(&Law::new(vec![all])?, &Samples::new(0.75)?)?;
    /// assert!((solution.generalization_error() - 1.0).abs() < 1e-15);
    /// assert!((solution.parameter_errors().total - 0.25).abs() < 1e-15);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn parameter_errors(&self) -> &Errors {
        self.parameter_errors.as_ref().unwrap_or(&self.errors)
    }

    /// Error of the coordinates with this label; `None` where the law has no such label.
    #[must_use]
    pub fn error_of(&self, label: impl AsRef<str>) -> Option<f64> {
        self.errors.of(label)
    }
}
