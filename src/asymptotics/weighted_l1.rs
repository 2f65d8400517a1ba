//! Weighted l1 norms: the rich limit.

use crate::asymptotics::estimator::Estimator;
use crate::asymptotics::fixed_point::{self, Solved};
use crate::asymptotics::recovery::{RecoveryThreshold, check_starts, check_weights};
use crate::asymptotics::solution::Solution;
use crate::asymptotics::weighted_l2::{least_squares, unbiased};
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::estimator::soft_threshold::SoftThreshold;
use crate::network::penalty::Penalty;
use crate::numerics::Precision;
use crate::numerics::sum::CompensatedSum;
use crate::problem::law::{CoordinateGroup, Law};
use crate::problem::samples::Samples;

/// Generalization error of basis pursuit: the interpolator with the smallest l1 norm, on the
/// coordinates that can move.
///
/// It is [`weighted_l1`] with equal weights, up to penalty weights. It is exact in the limit of vanishing
/// and equal scales, regime I.
///
/// # Errors
///
/// As [`weighted_l1`].
///
/// # Examples
///
/// ```
/// use diagonet::{CoordinateGroup, Law, Prior, Samples, basis_pursuit};
///
/// let law = Law::new(vec![
///     CoordinateGroup::new("signal", 0.1, Prior::gaussian(0.0, 10.0)?, 1e-9)?,
///     CoordinateGroup::new("background", 0.9, Prior::ZERO, 1e-9)?,
/// ])?;
/// let error = |ratio| basis_pursuit(&law, &Samples::new(ratio)?).map(|r| r.generalization_error());
/// assert!((error(0.25)? - 0.200975).abs() < 1e-6);
/// assert_eq!(error(0.33)?, 0.0); // above the recovery threshold
/// # Ok::<(), diagonet::Error>(())
/// ```
pub fn basis_pursuit(law: &Law, samples: &Samples) -> Result<Solution> {
    weighted_l1(law, &vec![1.0; law.groups().len()], samples)
}

/// Generalization error of the interpolator with the smallest weighted l1 norm, on the coordinates
/// that can move.
///
/// # Formula
///
/// The [fixed point](crate::FixedPoint) with a soft threshold at `$\theta k_g w_g$`. For a prior
/// `$N(0, v)$`, with `$S^2 = v + s^2$`, `$u = \theta k_g w_g/S$` and
/// `$P = \operatorname{erfc}(u/\sqrt2)$`,
///
/// `$$ \mathbb E \left[ \frac{db}{dz} \right] = P, \qquad
/// E_g = v - 2 v P + S^2 \left[ (1 + u^2) P - u \sqrt{2/\pi} \ e^{-u^2/2} \right] $$`
///
/// and atoms and other means have the analogous form in normal densities and tails, where
/// - `$w_g$`: `weights`, one per group of the [`Law`], in (0, 1e300]; a common factor does not matter;
/// - `$k_g$`: [penalty weight](CoordinateGroup::penalty_weight) of the group, over the root of its
///   [input variance](CoordinateGroup::input_variance), by which `$v$` is multiplied;
/// - `$s^2$`, `$\theta$`: effective noise and penalty, solved for.
///
/// Without noise and frozen signal the error is 0 from the [recovery threshold](RecoveryThreshold) on.
/// For `$\alpha \ge r$` the solution is that of
/// [`ordinary_least_squares`](crate::ordinary_least_squares). Where a threshold is narrow and a mean is
/// not zero, differences of normal tails are sums over ten nodes, which keep their digits.
///
/// The formula is exact in the limit of vanishing scales, for the weights of [`rich_weights`].
/// Convergence is logarithmic in the scale: even the smallest floats are not close, so no bound is given.
///
/// Derivation: [theory](crate::theory#closed-forms). Source: Bayati and Montanari 2012
/// (arXiv:1008.2581); Anguita et al. 2026 (arXiv:2602.20062), Proposition 4.2.
///
/// # Errors
///
/// [`Error::DimensionMismatch`] unless there is one weight per group; [`Error::OutOfDomain`] for a
/// weight outside (0, 1e300], or a start other than 0; [`Error::Diverges`] at `alpha = r` with noise or
/// frozen signal; [`Error::NotRepresentable`] where `s²` leaves the range of floats, as it does within a
/// rounding below the recovery threshold; [`Error::NotConverged`] where weights are so far apart that
/// rounding hides the solution.
///
/// # Examples
///
/// ```
/// use diagonet::{CoordinateGroup, Law, Prior, Samples, basis_pursuit, weighted_l1};
///
/// let law = Law::new(vec![
///     CoordinateGroup::new("reused", 0.1, Prior::gaussian(0.0, 10.0)?, 1e-3)?,
///     CoordinateGroup::new("new", 0.9, Prior::ZERO, 1e-6)?,
/// ])?;
/// let samples = Samples::new(0.25)?.with_noise_variance(0.01)?;
/// let blind = basis_pursuit(&law, &samples)?;
/// let informed = weighted_l1(&law, &[1.0, 2.0], &samples)?;
/// assert!(informed.generalization_error() < 0.7 * blind.generalization_error());
/// # Ok::<(), diagonet::Error>(())
/// ```
pub fn weighted_l1(law: &Law, weights: &[f64], samples: &Samples) -> Result<Solution> {
    check_weights(law, weights)?;
    let solved = soft(&law.whitened(), weights, samples)?;
    Ok(Solution::new(law, samples, 0.0, solved)?.with_l1_weights(weights))
}

/// Weights of the l1 norm that a law tends to in the rich limit.
///
/// # Formula
///
/// ```text
/// w_g = asinh(B/c_g)
/// ```
///
/// twice the marginal penalty `q_c'(B)` at the typical magnitude of a coefficient, where
/// - `c_g`: scale of group `g`;
/// - `B`: root mean square of the coefficients that are not zero (1 where all are).
///
/// When all scales vanish as powers of one small number, the ratios of weights tend to the ratios
/// of exponents. A frozen group has weight 1, without effect. The
/// [penalty weight](CoordinateGroup::penalty_weight) of a group multiplies its weight.
///
/// Source: Anguita et al. 2026 (arXiv:2602.20062), section 4.
///
/// # Examples
///
/// ```
/// use diagonet::{CoordinateGroup, Law, Prior, rich_weights};
///
/// let law = Law::new(vec![
///     CoordinateGroup::new("reused", 0.5, Prior::atom(1.0)?, 1e-100)?,
///     CoordinateGroup::new("new", 0.5, Prior::ZERO, 1e-200)?,
/// ])?;
/// let weights = rich_weights(&law);
/// assert!((weights[1] / weights[0] - 2.0).abs() < 5e-3);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[must_use]
pub fn rich_weights(law: &Law) -> Vec<f64> {
    RichWeights::new(law).weights
}

/// The [`rich_weights`] of a law, with what they depend on.
#[derive(Debug)]
pub(crate) struct RichWeights<'a> {
    law: &'a Law,
    density: f64,
    magnitude: f64,
    weights: Vec<f64>,
}

/// Derivatives of the logarithm of the typical magnitude in the parameters of a group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MagnitudeGradient {
    /// At the cost of all groups in proportion.
    pub(crate) weight: f64,
    pub(crate) mean: f64,
    pub(crate) variance: f64,
}

/// `asinh(B/c)`; 1 for a frozen group.
fn rich_weight(scale: f64, magnitude: f64) -> f64 {
    let marginal = Penalty::new(scale).and_then(|q| q.derivative(magnitude));
    marginal.map_or(1.0, |slope| 2.0 * slope)
}

impl<'a> RichWeights<'a> {
    pub(crate) fn new(law: &'a Law) -> Self {
        let active = law.groups().iter().filter(|group| group.is_active());
        let density: f64 = active.map(CoordinateGroup::weight).sum();
        let magnitude = if density > 0.0 {
            // In the largest one, because squares, and their products with weights, may underflow.
            // Coefficients and scales are those of the group itself, before whitening.
            let size = |group: &CoordinateGroup| group.prior().root_mean_square() / group.unit();
            let weighted = || law.groups().iter().filter(|group| group.weight() > 0.0);
            let largest = weighted().map(size).fold(0.0, f64::max);
            let share = |group: &CoordinateGroup| {
                (group.weight() / density) * (size(group) / largest).powi(2)
            };
            largest * weighted().map(share).collect::<CompensatedSum>().value().sqrt()
        } else {
            1.0
        };
        let weight = |group: &CoordinateGroup| rich_weight(group.scale() / group.unit(), magnitude);
        let weights = law.groups().iter().map(weight).collect();
        Self { law, density, magnitude, weights }
    }

    /// Weights that do not depend on the law.
    pub(crate) fn given(law: &'a Law, weights: Vec<f64>) -> Self {
        Self { law, density: 0.0, magnitude: 0.0, weights }
    }

    pub(crate) fn law(&self) -> &Law {
        self.law
    }

    pub(crate) fn movable(&self, index: usize) -> bool {
        self.law.groups()[index].scale() > 0.0
    }

    /// The weight that a group of this scale would have.
    #[cfg(feature = "quadrature")]
    pub(crate) fn of_scale(&self, scale: f64) -> f64 {
        rich_weight(scale, self.magnitude)
    }

    pub(crate) fn of_group(&self, index: usize) -> f64 {
        self.weights[index]
    }

    /// Derivative of the logarithm of a weight in that of the scale, `-(B/h) / asinh(B/c)` with
    /// `h = sqrt(c² + B²)`.
    pub(crate) fn by_log_scale(&self, index: usize) -> f64 {
        let hypotenuse = self.law.groups()[index].scale().hypot(self.magnitude);
        -self.magnitude / hypotenuse / self.weights[index]
    }

    /// How the typical magnitude moves with a group.
    pub(crate) fn log_magnitude_gradient(&self, group: &CoordinateGroup) -> MagnitudeGradient {
        if self.density == 0.0 {
            return MagnitudeGradient { weight: 0.0, mean: 0.0, variance: 0.0 };
        }
        let (prior, magnitude) = (group.prior(), self.magnitude);
        let active = f64::from(u8::from(group.is_active()));
        let share = group.weight() / self.density / magnitude;
        MagnitudeGradient {
            weight: 0.5 * ((prior.root_mean_square() / magnitude).powi(2) - active) / self.density,
            mean: share * (prior.mean() / magnitude),
            variance: 0.5 * share / magnitude,
        }
    }
}

/// Interpolation with a weighted l1 penalty.
pub(crate) fn soft(law: &Law, weights: &[f64], samples: &Samples) -> Result<Solved> {
    if let Some(solution) = least_squares(law, samples) {
        return solution;
    }
    check_starts(law)?;
    let undisturbed = samples.noise_variance() + law.frozen_signal() == 0.0;
    if undisturbed && RecoveryThreshold::of_law(law, weights)?.recovers(samples.sample_ratio()) {
        let mut exact = unbiased(law, 0.0, 0.0)?;
        (exact.estimator, exact.difference_bound) = (Estimator::Rich, None);
        return Ok(exact);
    }
    let unit = law.movable().map(|(index, _)| weights[index]).fold(0.0, f64::max);
    let mut solution = fixed_point::solve(
        law,
        samples,
        0.0,
        None,
        Precision::Full,
        Estimator::Rich,
        |index, group, square| SoftThreshold::new(group, weights[index] / unit, square),
    )?;
    solution.state.effective_penalty /= unit;
    solution.difference_bound = None;
    Ok(solution)
}

impl Solution {
    /// Weights of the l1 norm, where the solution is that of one.
    pub(crate) fn l1_weights(&self) -> RichWeights<'_> {
        match self.given_l1_weights() {
            Some(weights) => RichWeights::given(self.law(), weights.to_vec()),
            None => RichWeights::new(self.law()),
        }
    }
}
