//! Least squares and weighted l2 norms, in closed form.

use crate::asymptotics::equations::EFFECTIVE_PENALTY;
use crate::asymptotics::estimator::Estimator;
use crate::asymptotics::fixed_point::Solved;
use crate::asymptotics::solution::Solution;
use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::numerics::root::falling_root;
use crate::numerics::sum::Gap;
use crate::problem::law::{CoordinateGroup, Law};
use crate::problem::samples::Samples;

/// Sample ratios at which the solution is unique.
pub(crate) const DETERMINED: Domain = Domain::described("[reachable fraction, 1e300]");

/// Generalization error of ordinary least squares on the coordinates that can move.
///
/// # Formula
///
/// ```text
/// error = (alpha F + r sigma²) / (alpha - r)
/// ```
///
/// where
/// - `alpha`, `sigma²`: sample ratio and noise variance of the [`Samples`], `alpha >= r`;
/// - `r`: [reachable fraction](Law::reachable_fraction) of the [`Law`], which counts scales above 0;
/// - `F = sum_g p_g Lambda_g (v_g + m_g²)` over frozen groups (scale 0): mean square of what cannot be
///   learned, with the [input variance](CoordinateGroup::input_variance) `Lambda_g`.
///
/// The formula is exact for every penalty, because the solution is unique. Without noise and frozen
/// signal the error is 0, also at `alpha = r`.
///
/// Source: Hastie et al. 2022 (arXiv:1903.08560), isotropic features, for `r = 1`.
///
/// # Errors
///
/// [`Error::OutOfDomain`] for `alpha < r`; [`Error::Diverges`] at `alpha = r` with noise or frozen
/// signal; [`Error::NotRepresentable`] where `s²` exceeds the range of floats.
///
/// # Examples
///
/// ```
/// use diagonet::{CoordinateGroup, Law, Prior, Samples, ordinary_least_squares};
///
/// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 0.1)?])?;
/// let samples = Samples::new(3.0)?.with_noise_variance(0.5)?;
/// assert_eq!(ordinary_least_squares(&law, &samples)?.generalization_error(), 0.25);
/// # Ok::<(), diagonet::Error>(())
/// ```
pub fn ordinary_least_squares(law: &Law, samples: &Samples) -> Result<Solution> {
    match least_squares(&law.whitened(), samples) {
        Some(solved) => Solution::new(law, samples, 0.0, solved?),
        None => Err(Error::OutOfDomain {
            parameter: "sample_ratio",
            value: samples.sample_ratio(),
            domain: DETERMINED,
        }),
    }
}

/// Generalization error of the interpolator with the smallest l2 norm, on the coordinates that can
/// move.
///
/// # Formula
///
/// It is [`weighted_l2`] with equal scales. Where penalty weights and
/// [input variances](CoordinateGroup::input_variance) are equal, too, and `alpha < r`,
///
/// ```text
/// error = (r - alpha)/r V + F + (sigma² + F) alpha/(r - alpha)
/// ```
///
/// where
/// - `V = sum_g p_g V_g` over groups that can move, with the mean square `V_g` of their coefficients
///   less the [start](CoordinateGroup::start);
/// - `alpha`, `sigma²`, `r`, `F`: as in [`ordinary_least_squares`], which it is for `alpha >= r`.
///
/// The formula is exact in the limit of large and equal scales, regime III.
///
/// Source: Hastie et al. 2022 (arXiv:1903.08560), isotropic features, for `r = 1`.
///
/// # Errors
///
/// [`Error::Diverges`] at `alpha = r` with noise or frozen signal; [`Error::NotRepresentable`] where
/// `s²` exceeds the range of floats.
///
/// # Examples
///
/// ```
/// use diagonet::{CoordinateGroup, Law, Prior, Samples, minimum_l2};
///
/// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 2.0)?, 0.1)?])?;
/// let samples = Samples::new(0.5)?.with_noise_variance(0.3)?;
/// let error = minimum_l2(&law, &samples)?.generalization_error();
/// assert!((error - (0.5 * 2.0 + 0.3)).abs() < 1e-15);
/// # Ok::<(), diagonet::Error>(())
/// ```
pub fn minimum_l2(law: &Law, samples: &Samples) -> Result<Solution> {
    let law = law.with_scales(|group| if group.scale() > 0.0 { 1.0 } else { 0.0 });
    let solved = quadratic(&law.whitened(), samples)?;
    Solution::new(&law, samples, 0.0, solved)
}

/// Generalization error in the lazy limit: the interpolator with the smallest weighted l2 norm,
/// `sum_d k_d beta_d²/c_d`.
///
/// # Formula
///
/// Estimates are linear, `$b = b_{0,g} + a_g (z - b_{0,g})$` in group `$g$`, with
///
/// `$$ a_g = \frac{c_g \Lambda_g}{c_g \Lambda_g + k_g t}, \qquad \sum_g p_g a_g = \alpha \quad (\text{fixes } t =
/// \theta/2 > 0) $$`
///
/// `$$ s^2 = \frac{\sigma^2 + \sum_g p_g (1 - a_g)^2 \Lambda_g V_g}{\sum_g p_g a_g (1 - a_g)},
/// \qquad E_g = (1 - a_g)^2 \Lambda_g V_g + a_g^2 s^2 $$`
///
/// where
/// - `$p_g$`, `$c_g$`, `$b_{0,g}$`, `$k_g$`: weight, scale, [start](CoordinateGroup::start) and
///   [penalty weight](CoordinateGroup::penalty_weight) of the group; only ratios of `$c_g/k_g$` matter;
/// - `$\Lambda_g$`: [input variance](CoordinateGroup::input_variance) of the group;
/// - `$V_g$`: mean square of the true coefficients less the start;
/// - `$\alpha$`, `$\sigma^2$`: sample ratio and noise variance of the [`Samples`].
///
/// The equation of `$t$` is linear for one scale and quadratic for two, and has one root for more.
/// For `$\alpha \ge r$` the solution is that of [`ordinary_least_squares`].
///
/// The formula is exact in the limit of large scales at fixed ratios, regimes II and III. At finite
/// scales the relative difference falls as the square of signal over scale; where the limit is close, the
/// solution carries a bound ([`Solution::difference_bound`]).
///
/// Derivation: [theory](crate::theory#closed-forms). Source: Wu and Xu 2020 (arXiv:2006.05800) for
/// weighted l2 regression; Anguita et al. 2026 (arXiv:2602.20062), Proposition 4.2, for the penalty.
///
/// # Errors
///
/// [`Error::Diverges`] at `alpha = r` with noise or frozen signal; [`Error::NotRepresentable`] where
/// `s²` exceeds the range of floats, or a scale over its penalty weight is not within 1e-307 and 1e307.
///
/// # Examples
///
/// ```
/// use diagonet::{CoordinateGroup, Law, Prior, Samples, Solver, weighted_l2};
///
/// let law = Law::new(vec![
///     CoordinateGroup::new("reused", 0.2, Prior::gaussian(0.0, 5.0)?, 3e5)?,
///     CoordinateGroup::new("new", 0.8, Prior::ZERO, 1e5)?,
/// ])?;
/// let samples = Samples::new(0.4)?;
/// let limit = weighted_l2(&law, &samples)?;
/// let exact = Solver::new().solve(&law, &samples)?;
/// let difference = (limit.generalization_error() - exact.generalization_error()).abs();
/// assert!(difference <= limit.difference_bound.unwrap() + 1e-10);
/// # Ok::<(), diagonet::Error>(())
/// ```
pub fn weighted_l2(law: &Law, samples: &Samples) -> Result<Solution> {
    Solution::new(law, samples, 0.0, lazy(&law.whitened(), samples)?)
}

/// The solution for as many samples as coordinates that can move, or more; `None` for fewer.
pub(crate) fn least_squares(law: &Law, samples: &Samples) -> Option<Result<Solved>> {
    let reachable = law.reachable_fraction();
    let excess = samples.sample_ratio() - reachable;
    let rounding = 4.0 * f64::EPSILON * reachable;
    if excess < -rounding {
        return None;
    }
    let (noise_variance, frozen_signal) = (samples.noise_variance(), law.frozen_signal());
    let disturbance = noise_variance + frozen_signal;
    let noise = if disturbance == 0.0 {
        0.0
    } else if excess > rounding {
        disturbance / excess
    } else {
        let sample_ratio = samples.sample_ratio();
        return Some(Err(Error::Diverges { sample_ratio, noise_variance, frozen_signal }));
    };
    // Where nothing can move, the residual stays, whatever pulls.
    let theta = if reachable > 0.0 { 0.0 } else { f64::INFINITY };
    Some(unbiased(law, noise, theta))
}

/// Coordinates that can move are estimated without bias, `b = z`; frozen ones stay at zero.
pub(crate) fn unbiased(law: &Law, noise: f64, theta: f64) -> Result<Solved> {
    let error = |group: &CoordinateGroup| {
        if group.scale() > 0.0 { noise } else { group.signal() }
    };
    let errors = law.groups().iter().map(error).collect();
    Solved::explicit(Estimator::LeastSquares, noise, theta, errors)
}

/// The weighted l2 norm of the law's own scales, with a bound on the difference to its penalty.
pub(crate) fn lazy(law: &Law, samples: &Samples) -> Result<Solved> {
    let mut solution = quadratic(law, samples)?;
    if solution.estimator == Estimator::Lazy {
        solution.difference_bound = lazy_bound(law, samples, &solution);
    }
    Ok(solution)
}

/// Interpolation with a quadratic penalty, `k b²/c` in every group that can move.
fn quadratic(law: &Law, samples: &Samples) -> Result<Solved> {
    if let Some(solution) = least_squares(law, samples) {
        return solution;
    }
    for (_, group) in law.movable() {
        if !(1e-307..=1e307).contains(&group.quadratic_scale()) {
            let error = Error::NotRepresentable {
                quantity: "a scale over its penalty weight",
                reason: "it is not within 1e-307 and 1e307",
            };
            return Err(error.in_group(group.label()));
        }
    }
    let balance = Balance::new(law, samples.sample_ratio())?;
    // The estimate's share of z, and what is missing to 1.
    let shares = |group: &CoordinateGroup| {
        if group.scale() == 0.0 {
            return (0.0, 1.0);
        }
        let ratio = balance.ratio(group.quadratic_scale());
        (1.0 / (1.0 + ratio), 1.0 / (1.0 + ratio.recip()))
    };
    let (mut bias, mut spread) = (samples.noise_variance(), 0.0);
    for group in law.groups() {
        let (kept, lost) = shares(group);
        bias += group.weight() * lost * lost * group.signal();
        spread += group.weight() * kept * lost;
    }
    let noise = bias / spread;
    let errors = law.groups().iter().map(|group| {
        let (kept, lost) = shares(group);
        lost * lost * group.signal() + kept * kept * noise
    });
    let theta = 2.0 * balance.ratio(1.0);
    let solution = Solved::explicit(Estimator::Lazy, noise, theta, errors.collect())?;
    Ok(Solved { difference_bound: None, ..solution })
}

/// Root `t > 0` of `sum p c/(c + t) = alpha`, with the quadratic scales of groups as `c`.
#[derive(Debug, Clone, Copy)]
enum Balance {
    /// `t` itself.
    Number(f64),
    /// `log t`, where scales are too far apart for the explicit solution, or there are more than
    /// two.
    Logarithm(f64),
}

impl Balance {
    /// The root for `alpha` below the reachable fraction.
    fn new(law: &Law, alpha: f64) -> Result<Self> {
        let reachable = law.reachable_fraction();
        let gap = reachable - alpha;
        let movable = || law.movable().map(|(_, group)| group);
        let high = movable().map(CoordinateGroup::quadratic_scale).fold(0.0, f64::max);
        let low = movable().map(CoordinateGroup::quadratic_scale).fold(f64::INFINITY, f64::min);
        if low == high {
            return Ok(Self::Number(high * (gap / alpha)));
        }
        // alpha less the weight at one of the scales.
        let beyond = |value: f64| {
            let mut gap = Gap::new(alpha, reachable);
            movable().for_each(|group| gap.add(group.weight(), group.quadratic_scale() == value));
            gap.value()
        };
        let others = movable().any(|group| ![low, high].contains(&group.quadratic_scale()));
        // Beyond this ratio, products underflow.
        if !others && low > 1e-140 * high {
            // alpha t² + linear t - c (r - alpha) = 0, in units of the larger scale.
            let c = low / high;
            let linear = beyond(high) + c * beyond(low);
            let root = (linear * linear + 4.0 * alpha * c * gap).sqrt();
            let t = if linear > 0.0 {
                2.0 * c * gap / (linear + root)
            } else {
                (root - linear) / (2.0 * alpha)
            };
            return Ok(Self::Number(high * t));
        }
        let start = high.ln() + (gap / alpha).ln();
        let log_t = falling_root(start, [-1500.0, 1500.0], EFFECTIVE_PENALTY, |log_t| {
            // The groups that respond for the most part by what they lack, as in the equations of
            // the fixed point.
            let (mut kept, mut lost, mut slope) = (0.0, 0.0, 0.0);
            let mut gap = Gap::new(alpha, reachable);
            for group in movable() {
                let ratio = (log_t - group.quadratic_scale().ln()).exp();
                let (share, rest) = (1.0 / (1.0 + ratio), 1.0 / (1.0 + ratio.recip()));
                gap.add(group.weight(), ratio < 1.0);
                if ratio < 1.0 {
                    lost += group.weight() * rest;
                } else {
                    kept += group.weight() * share;
                }
                slope += group.weight() * share * rest;
            }
            let gap = gap.value();
            let (left, right) = (kept + (-gap).max(0.0), lost + gap.max(0.0));
            Ok(((left / right).ln(), -slope / left.max(right)))
        })?;
        Ok(Self::Logarithm(log_t))
    }

    /// `t / c`.
    fn ratio(self, scale: f64) -> f64 {
        match self {
            Self::Number(t) => t / scale,
            Self::Logarithm(log_t) => (log_t - scale.ln()).exp(),
        }
    }
}

/// Bound on the difference of the total error between the penalty of the law and its lazy limit;
/// `None` where the limit is not close.
///
/// With `y = z/(c + t)`, the inequality `x - x³/6 <= asinh(x) <= x` gives `b - a z <= 0.2 a t y³` and
/// `b' - a <= 0.56 a (1 - a) y²` for `|y| <= 1/2`, and Gaussian moments bound what these, and a
/// rounding of the sample ratio, do to the two equations at the lazy state. A start `b0` moves `z` by
/// `t asinh(b0/c)`, which differs from `t b0/c` by at most `t (b0/c)³/6`. In the first, that is
/// answered by a step of `log t`; in the second, by one of the noise, which also takes the first and
/// second order of the error in `log t`. The factor of two covers what is beyond, for steps below a
/// tenth.
fn lazy_bound(law: &Law, samples: &Samples, solution: &Solved) -> Option<f64> {
    let alpha = samples.sample_ratio();
    let noise = solution.state.effective_noise_variance;
    let t = 0.5 * solution.state.effective_penalty;
    let (mut response, mut error) = (4.0 * f64::EPSILON * alpha, 0.0);
    let (mut stiffness, mut slope, mut curvature) = (0.0, 0.0, 0.0);
    for group in law.groups().iter().filter(|group| group.scale() > 0.0) {
        let (p, c) = (group.weight(), group.scale());
        let t = group.penalty_weight() * t;
        let (kept, lost) = (c / (c + t), t / (c + t));
        let signal = group.signal();
        let start = group.start_from_centre().abs();
        // Root mean square of y, with the start.
        let mean = group.mean_from_centre().abs() + t / c * start;
        let y = (mean * mean + group.prior().variance() + noise).sqrt() / (c + t);
        if y > 0.05 || start > 0.05 * c {
            return None;
        }
        response += 0.56 * p * kept * lost * y * y;
        let shift =
            0.2 * 15.0_f64.sqrt() * kept * t * y * y * y + kept * t * (start / c).powi(3) / 6.0;
        let linear = lost * lost * signal + kept * kept * noise;
        error += p * shift * (2.0 * linear.sqrt() + shift);
        stiffness += p * kept * lost;
        slope += 2.0 * p * kept * lost * (lost * signal - kept * noise);
        // Half of a bound on the second derivative, 4 a (1 - a) E[z²].
        curvature += 2.0 * p * kept * lost * (signal + noise);
    }
    let penalty_step = response / stiffness;
    // In units of the noise, which may be zero.
    let noise_step = (error + (slope.abs() + curvature * penalty_step) * penalty_step) / stiffness;
    let close = penalty_step < 0.1 && noise_step <= 0.1 * noise;
    close.then_some(2.0 * alpha * noise_step)
}
