//! The solution of a training problem.

use crate::asymptotics::estimator::Estimator;
use crate::asymptotics::fixed_point::{FixedPoint, Solved};
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
/// `$$ \frac{\lVert \hat\beta - \beta^\star \rVert^2}{D} = \sum_g p_g E_g, \qquad E_g =
/// \mathbb E_g [(b - B)^2] $$`
///
/// which is also the excess error on a fresh input `$x \sim N(0, I/D)$`, where
/// - `$p_g$`: weight of group `$g$` of the [`Law`];
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
    /// Error in total, `||beta_hat - beta*||² / D`, and by label, in the order in which the labels first
    /// occur in the law.
    pub errors: Errors,
    /// The state of the fixed point.
    pub state: FixedPoint,
    /// How the error was computed.
    pub estimator: Estimator,
    /// Bound on the difference between the total error and that under the law's own penalty: 0 where it
    /// is exact (to [`Solver::ACCURACY`](crate::Solver::ACCURACY)), `None` where no bound is known.
    pub difference_bound: Option<f64>,
    law: Law,
    samples: Samples,
    explicit_penalty: f64,
    /// Weights of the l1 norm that were given; those of the law's scales otherwise.
    l1_weights: Option<Vec<f64>>,
}

impl Solution {
    pub(crate) fn new(law: &Law, samples: &Samples, explicit_penalty: f64, solved: Solved) -> Self {
        let parts = law.groups().iter().zip(solved.group_errors);
        let parts = parts.map(|(group, error)| (group.label(), group.weight(), error));
        Self {
            errors: Errors::of_parts(parts),
            state: solved.state,
            estimator: solved.estimator,
            difference_bound: solved.difference_bound,
            law: law.clone(),
            samples: *samples,
            explicit_penalty,
            l1_weights: None,
        }
    }

    /// The same for given weights of the l1 norm.
    pub(crate) fn with_l1_weights(self, weights: &[f64]) -> Self {
        Self { l1_weights: Some(weights.to_vec()), ..self }
    }

    /// Weights of the l1 norm that were given.
    pub(crate) fn given_l1_weights(&self) -> Option<&[f64]> {
        self.l1_weights.as_deref()
    }

    /// Mean square of coefficients, starts and noise.
    pub(crate) fn mean_square(&self) -> f64 {
        self.law.magnitude_squared() + self.samples.noise_variance()
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

    /// Error of the coordinates with this label; `None` where the law has no such label.
    #[must_use]
    pub fn error_of(&self, label: impl AsRef<str>) -> Option<f64> {
        self.errors.of(label)
    }
}
