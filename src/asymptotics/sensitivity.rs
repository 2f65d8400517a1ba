//! Sensitivities of the error and of the state behind it, by implicit differentiation.
//!
//! With the residuals `R(x, parameters) = 0` of the [equations](crate::asymptotics::equations) in
//! `x = [log s², log theta]`, the state moves by `dx = -J⁻¹ dR`, where `J = dR/dx`, and the error by
//! what it depends on directly and through the state. The three rows that take `dR` to the three
//! answers are the same for all parameters, so that one pass over the groups is enough.

use crate::asymptotics::equations::{Equations, Evaluation};
use crate::asymptotics::estimator::Estimator;
use crate::asymptotics::fixed_point::FixedPoint;
use crate::asymptotics::solution::Solution;
use crate::asymptotics::weighted_l1::RichWeights;
use crate::error::{Error, Result};
use crate::estimator::weighted::Weighted;
use crate::estimator::{Pair, Partials, ScalarEstimator, signed_unit};
use crate::problem::law::{CoordinateGroup, Law};
use crate::problem::samples::Samples;

/// Derivatives of the generalization error, and of the [state](FixedPoint) behind it, in all
/// parameters.
///
/// # Formula
///
/// ```text
/// dx = -(dR/dx)⁻¹ (dR/dpi) dpi,      x = (log s², log theta)
/// ```
///
/// where
/// - `R = 0`: the two equations of the [`FixedPoint`];
/// - `pi`: the parameters, those of a law and its samples ([`LawGradient`]) or of a pretraining and
///   a fine-tuning stage ([`TransferGradient`](crate::TransferGradient)).
///
/// Where the [estimator](Solution::estimator) is a closed form, the derivatives are those of the closed
/// form.
///
/// Accuracy: 5e-12 relative for the derivatives of one group, against a table of 42 digits; with those
/// of the state, 2e-10 of the largest change of the answer, against differences extrapolated from the
/// answers themselves. Derivatives are as ill-conditioned as the error itself: next to a sharp transition
/// they lose the digits that the answer loses to a rounding of its parameters.
///
/// Source: the implicit function theorem at Proposition 4.2 of Anguita et al. 2026
/// (arXiv:2602.20062); Stein 1981 for derivatives in variances.
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
/// let samples = Samples::new(0.3)?.with_noise_variance(0.1)?;
/// let solution = Solver::new().solve(&law, &samples)?;
/// let slope = solution.sensitivities()?.generalization_error.sample_ratio;
/// let more = Samples::new(0.3 + 1e-6)?.with_noise_variance(0.1)?;
/// let error = Solver::new().solve(&law, &more)?.generalization_error();
/// assert!(((error - solution.generalization_error()) / 1e-6 - slope).abs() < 1e-4);
/// # }
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sensitivities<G> {
    /// Derivatives of the generalization error.
    pub generalization_error: G,
    /// Derivatives of the effective noise variance `s²`.
    pub effective_noise_variance: G,
    /// Derivatives of the effective penalty `theta`.
    pub effective_penalty: G,
}

/// Derivatives of one answer in the parameters of a [`Law`] and its [`Samples`].
///
/// # Examples
///
/// ```
/// use diagonet::{CoordinateGroup, Law, Prior, Samples, Solver};
///
/// // Least squares: the error is sigma² / (alpha - 1).
/// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1.0)?])?;
/// let samples = Samples::new(3.0)?.with_noise_variance(0.5)?;
/// let gradient = Solver::new().solve(&law, &samples)?.sensitivities()?.generalization_error;
/// assert_eq!((gradient.sample_ratio, gradient.noise_variance), (-0.125, 0.5));
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LawGradient {
    /// In the sample ratio `alpha`.
    pub sample_ratio: f64,
    /// In the noise variance `sigma²`; at 0, one-sided from above.
    pub noise_variance: f64,
    /// In the explicit penalty `kappa`; at 0, one-sided from above. `None` for ordinary least squares
    /// without the feature `quadrature`, which the derivative needs.
    pub explicit_penalty: Option<f64>,
    /// In the parameters of every group, in the order of the law.
    pub groups: Vec<GroupGradient>,
}

/// Derivatives of one answer in the parameters of a [`CoordinateGroup`].
///
/// # Formula
///
/// ```text
/// weight = d/de at e = 0, with the weights (p + e e_g) / (1 + e)
/// ```
///
/// where `e_g` is the unit vector of the group: its share grows, and those of all groups shrink in
/// proportion. Weights sum to one. For every change `dp` that keeps their sum, the answer changes
/// by `sum_g weight_g dp_g`; the mean `sum_g p_g weight_g` is 0.
///
/// # Examples
///
/// ```
/// use diagonet::{CoordinateGroup, Estimator, Law, Prior, Samples, Solver};
///
/// let law = Law::new(vec![
///     CoordinateGroup::new("reused", 0.2, Prior::gaussian(0.0, 5.0)?, 3.0)?,
///     CoordinateGroup::new("new", 0.8, Prior::ZERO, 1.0)?,
/// ])?;
/// let lazy = Solver::new().with_estimator(Estimator::Lazy);
/// let gradient = lazy.solve(&law, &Samples::new(0.4)?)?.sensitivities()?.generalization_error;
/// // Only the ratio of scales matters, and reuse pays.
/// let [reused, new] = [&gradient.groups[0], &gradient.groups[1]];
/// assert!(reused.log_scale < 0.0 && (reused.log_scale + new.log_scale).abs() < 1e-14);
/// assert!((0.2 * reused.weight + 0.8 * new.weight).abs() < 1e-14);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GroupGradient {
    /// In the weight, at the cost of all groups in proportion.
    pub weight: f64,
    /// In the mean of the prior.
    pub mean: f64,
    /// In the variance of the prior; at 0, one-sided from above.
    pub variance: f64,
    /// In the logarithm of the scale; 0 for a frozen group.
    pub log_scale: f64,
    /// In the start; 0 for a frozen group. `None` for other groups in the rich limit, which requires a
    /// start at 0.
    pub start: Option<f64>,
    /// In the logarithm of the penalty weight; 0 for a frozen group.
    pub log_penalty_weight: f64,
    /// In the logarithm of the input variance.
    pub log_input_variance: f64,
}

/// Derivatives of error, effective noise and effective penalty in one parameter.
type Answers = [f64; 3];

/// Derivatives of the answers in all parameters of a law and its samples.
#[derive(Debug)]
struct LawAnswers {
    sample_ratio: Answers,
    noise_variance: Answers,
    explicit_penalty: Option<Answers>,
    groups: Vec<GroupAnswers>,
}

#[derive(Debug, Clone, Copy)]
struct GroupAnswers {
    weight: Answers,
    mean: Answers,
    variance: Answers,
    log_scale: Answers,
    start: Option<Answers>,
    log_penalty_weight: Answers,
    log_input_variance: Answers,
}

/// What has no derivative.
const STATE: &str = "the state of the fixed point";

impl Solution {
    /// Derivatives of generalization error and state in every parameter of the law and its samples.
    ///
    /// # Errors
    ///
    /// [`Error::NotDifferentiable`](crate::Error::NotDifferentiable) for a state without signal and
    /// noise, at `alpha = r`, and where no coordinate can move and there is no explicit penalty;
    /// [`Error::NotRepresentable`](crate::Error::NotRepresentable) for a derivative above the range of
    /// floats.
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
    /// let sensitivities = Solver::new().solve(&law, &Samples::new(0.3)?)?.sensitivities()?;
    /// let gradient = &sensitivities.generalization_error;
    /// // Larger scales help where there is signal, and hurt where there is none.
    /// assert!(gradient.groups[0].log_scale < 0.0 && gradient.groups[1].log_scale > 0.0);
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn sensitivities(&self) -> Result<Sensitivities<LawGradient>> {
        differentiate(self, LeastSquaresPenalty::Implicit)
    }

    /// The same where the penalty itself is quadratic, whatever the scales.
    pub(crate) fn sensitivities_of_quadratic(&self) -> Result<Sensitivities<LawGradient>> {
        differentiate(self, LeastSquaresPenalty::Quadratic)
    }
}

/// What an explicit penalty would add to least squares.
#[derive(Debug, Clone, Copy, PartialEq)]
enum LeastSquaresPenalty {
    Implicit,
    Quadratic,
}

/// Sensitivities of a problem at its solution.
fn differentiate(
    solution: &Solution,
    penalty: LeastSquaresPenalty,
) -> Result<Sensitivities<LawGradient>> {
    let (law, samples) = (&solution.law().whitened(), &solution.samples());
    let (explicit_penalty, state) = (solution.explicit_penalty(), solution.state);
    let answers = match solution.estimator {
        Estimator::LeastSquares => least_squares(law, samples, explicit_penalty, &state, penalty)?,
        kind if kind.has_l1_weights() => {
            rich(kind, &solution.l1_weights(), law, samples, explicit_penalty, &state)?
        }
        kind => implicit(law, samples, explicit_penalty, &state, |_, group, unit_squared| {
            kind.estimator(group, 1.0, 0.0, unit_squared)
        })?,
    };
    let gradient = |answer| answers.gradient(answer);
    let (error, noise, penalty) = (gradient(0), gradient(1), gradient(2));
    if !(error.is_finite() && noise.is_finite() && penalty.is_finite()) {
        return Err(Error::NotRepresentable {
            quantity: "a derivative",
            reason: "it is above 1e308, or the problem is singular to rounding",
        });
    }
    Ok(Sensitivities {
        generalization_error: error,
        effective_noise_variance: noise,
        effective_penalty: penalty,
    })
}

impl LawAnswers {
    fn gradient(&self, answer: usize) -> LawGradient {
        let group = |group: &GroupAnswers| GroupGradient {
            weight: group.weight[answer],
            mean: group.mean[answer],
            variance: group.variance[answer],
            log_scale: group.log_scale[answer],
            start: group.start.map(|answers| answers[answer]),
            log_penalty_weight: group.log_penalty_weight[answer],
            log_input_variance: group.log_input_variance[answer],
        };
        LawGradient {
            sample_ratio: self.sample_ratio[answer],
            noise_variance: self.noise_variance[answer],
            explicit_penalty: self.explicit_penalty.map(|answers| answers[answer]),
            groups: self.groups.iter().map(group).collect(),
        }
    }
}

impl LawGradient {
    fn is_finite(&self) -> bool {
        let groups = self.groups.iter().flat_map(|group| {
            let start = group.start.unwrap_or(0.0);
            let GroupGradient { weight, mean, variance, log_scale, .. } = *group;
            let GroupGradient { log_penalty_weight, log_input_variance, .. } = *group;
            [weight, mean, variance, log_scale, start, log_penalty_weight, log_input_variance]
        });
        [self.sample_ratio, self.noise_variance, self.explicit_penalty.unwrap_or(0.0)]
            .into_iter()
            .chain(groups)
            .all(f64::is_finite)
    }
}

/// The rows that take a change of the residuals to the changes of the answers.
#[derive(Debug)]
struct Adjoint {
    rows: [[f64; 2]; 3],
    /// Units of error, noise and penalty.
    units: Answers,
}

impl Adjoint {
    /// At noise `w` and penalty theta, and with the derivatives of the error in their logarithms.
    fn new(
        evaluation: &Evaluation,
        [w, theta]: [f64; 2],
        error_by_state: [f64; 2],
        units: Answers,
    ) -> Self {
        let [[a, b], [c, d]] = evaluation.jacobian;
        let determinant = a * d - b * c;
        // -J⁻¹
        let inverse = [[-d / determinant, b / determinant], [c / determinant, -a / determinant]];
        let row = |[by_noise, by_penalty]: [f64; 2]| {
            [0, 1].map(|i| by_noise * inverse[0][i] + by_penalty * inverse[1][i])
        };
        Self { rows: [row(error_by_state), row([w, 0.0]), row([0.0, theta])], units }
    }

    /// Answers to a change of the residuals, and of the error at a fixed state, with a parameter in
    /// the given unit.
    fn answers(&self, residuals: [f64; 2], error: f64, unit: f64) -> Answers {
        let mut answers = self.rows.map(|row| row[0] * residuals[0] + row[1] * residuals[1]);
        answers[0] += error;
        [0, 1, 2].map(|i| answers[i] * (self.units[i] / unit))
    }
}

/// Sensitivities of an estimator with an l1 norm, with weights `w_g = asinh(B/c_g)` that follow the
/// scales and the typical magnitude `B` of the law, both in the coefficients' own units.
fn rich(
    kind: Estimator,
    weights: &RichWeights<'_>,
    law: &Law,
    samples: &Samples,
    explicit_penalty: f64,
    state: &FixedPoint,
) -> Result<LawAnswers> {
    let estimator = |index: usize, group: &CoordinateGroup, unit_squared| {
        let (weight, by_log_scale) = (weights.of_group(index), weights.by_log_scale(index));
        kind.estimator(group, weight, by_log_scale, unit_squared)
    };
    let mut answers = implicit(law, samples, explicit_penalty, state, estimator)?;
    // Only the ratios B/c_g matter: a larger B does what smaller scales of all groups do.
    let sum = |i: usize| -answers.groups.iter().map(|group| group.log_scale[i]).sum::<f64>();
    let by_log_magnitude = [sum(0), sum(1), sum(2)];
    let groups = weights.law().groups();
    for (index, (group, own)) in groups.iter().zip(&mut answers.groups).enumerate() {
        let through = weights.log_magnitude_gradient(group);
        for (i, by_log_magnitude) in by_log_magnitude.into_iter().enumerate() {
            own.weight[i] += through.weight * by_log_magnitude;
            own.mean[i] += through.mean * by_log_magnitude;
            own.variance[i] += through.variance * by_log_magnitude;
        }
        if weights.movable(index) {
            own.start = None;
        }
    }
    Ok(answers)
}

/// Sensitivities at a solution of the two equations; `estimator` makes that of a group, in units of
/// the root of a mean square.
fn implicit<E: ScalarEstimator>(
    law: &Law,
    samples: &Samples,
    explicit_penalty: f64,
    state: &FixedPoint,
    estimator: impl Fn(usize, &CoordinateGroup, f64) -> Result<E>,
) -> Result<LawAnswers> {
    if state.effective_noise_variance == 0.0 {
        return Err(Error::NotDifferentiable {
            quantity: STATE,
            reason: "without signal and noise, it is at the edge of its domain",
        });
    }
    let equations = Equations::new(law, samples, explicit_penalty, &estimator)?;
    let unit_squared = equations.unit_squared;
    let unit = unit_squared.sqrt();
    let penalty_unit = unit / equations.penalty_unit;
    let w = state.effective_noise_variance / unit_squared;
    let theta = state.effective_penalty / penalty_unit;

    let mut sides = equations.sides();
    let mut error_by_state = [0.0; 2];
    // E[1 - db/dz] and E[db/dz] of all coordinates; their error less w, and itself.
    let (mut resistance, mut response, mut excess, mut error) = (0.0, 0.0, 0.0, 0.0);
    let mut parts = equations.parts.iter().peekable();
    let mut partials = Vec::with_capacity(law.groups().len());
    for (index, group) in law.groups().iter().enumerate() {
        let weight = group.weight();
        let own = if group.scale() == 0.0 {
            Partials::frozen(group, unit_squared)
        } else {
            let own = match parts.next_if(|part| part.index == index) {
                Some(part) => part.channel.partials(w, 0.5 * theta),
                None => {
                    let own = estimator(index, group, unit_squared)?;
                    Weighted::new(group, equations.penalty_unit, own).partials(w, 0.5 * theta)
                }
            };
            if weight > 0.0 {
                sides.add(weight, own.form, &own.terms(w));
            }
            own
        };
        let [by_noise, by_penalty] = own.error_by_state(w);
        error_by_state[0] += weight * by_noise;
        error_by_state[1] += weight * by_penalty;
        let [own_resistance, own_response, own_excess, own_error] = own.totals(w);
        resistance += weight * own_resistance;
        response += weight * own_response;
        excess += weight * own_excess;
        error += weight * own_error;
        partials.push(own);
    }

    let evaluation = sides.balance([w.ln(), theta.ln()]);
    let [by_responding, by_missing, by_noise] = evaluation.by_sums;
    let units = [unit_squared, unit_squared, penalty_unit];
    let adjoint = Adjoint::new(&evaluation, [w, theta], error_by_state, units);
    let alpha = samples.sample_ratio();
    let combine = |first: [f64; 2], a: f64, b: f64| {
        [first[0] * a + by_noise[0] * b, first[1] * a + by_noise[1] * b]
    };
    let group = |(group, own): (&CoordinateGroup, &Partials)| {
        let by_response = if own.is_full() { by_missing } else { by_responding };
        let weight = group.weight();
        let answers = |pair: Pair, unit| {
            let residuals = combine(by_response, weight * pair.response, weight * pair.noise);
            adjoint.answers(residuals, weight * own.error_by(pair, w), unit)
        };
        // Differences to all coordinates, from the smaller side.
        let [own_resistance, own_response, own_excess, own_error] = own.totals(w);
        let (response, error) = if own.is_full() {
            (resistance - own_resistance, own_excess - excess)
        } else {
            (own_response - response, own_error - error)
        };
        // With the sign of the estimator, which a group that cannot move has not, and in the
        // coefficients' own units.
        let unit = if group.scale() == 0.0 { unit } else { signed_unit(group, unit_squared) };
        let unit = unit / group.unit();
        // To its own coefficients, an input variance divides noise and penalty, and it multiplies
        // their error.
        let by_state = |part: fn(&Pair) -> f64| part(&own.by_noise) + part(&own.by_penalty);
        let by_log_input_variance = Pair {
            response: -by_state(|pair| pair.response),
            noise: own.value.noise - by_state(|pair| pair.noise),
        };
        GroupAnswers {
            weight: adjoint.answers(combine(by_responding, response, error), error, 1.0),
            mean: answers(own.by_mean, unit),
            variance: answers(own.by_variance, unit_squared / (group.unit() * group.unit())),
            log_scale: answers(own.by_log_scale, 1.0),
            start: Some(answers(own.by_start, unit)),
            // Only its product with the penalty matters.
            log_penalty_weight: answers(own.by_penalty, 1.0),
            log_input_variance: answers(by_log_input_variance, 1.0),
        }
    };
    Ok(LawAnswers {
        sample_ratio: adjoint.answers(evaluation.by_sample_ratio, 0.0, alpha),
        noise_variance: adjoint.answers(by_noise, 0.0, unit_squared),
        explicit_penalty: Some(adjoint.answers(by_responding, 0.0, theta * penalty_unit)),
        groups: law.groups().iter().zip(&partials).map(group).collect(),
    })
}

/// Sensitivities of ordinary least squares, `s² = (sigma² + F)/(alpha - r)`, `theta = 0`.
fn least_squares(
    law: &Law,
    samples: &Samples,
    explicit_penalty: f64,
    state: &FixedPoint,
    penalty: LeastSquaresPenalty,
) -> Result<LawAnswers> {
    let alpha = samples.sample_ratio();
    let (reachable, frozen_signal) = (law.reachable_fraction(), law.frozen_signal());
    let excess = alpha - reachable;
    if excess <= 4.0 * f64::EPSILON * reachable {
        return Err(Error::NotDifferentiable {
            quantity: STATE,
            reason: "the sample ratio is the reachable fraction, where interpolation ends",
        });
    }
    let noise = state.effective_noise_variance;
    let (by_explicit_penalty, penalty_by_sample_ratio) = if reachable > 0.0 {
        let curvature = match penalty {
            LeastSquaresPenalty::Implicit => mean_curvature(law, noise)?,
            LeastSquaresPenalty::Quadratic => {
                let terms =
                    law.movable().map(|(_, group)| group.weight() / group.quadratic_scale());
                Some(terms.sum())
            }
        };
        (curvature.map(|curvature| weakly_penalized(curvature, noise, excess, alpha)), 0.0)
    } else if state.effective_penalty.is_finite() {
        // Nothing moves, and theta = kappa/alpha.
        (Some([0.0, 0.0, alpha.recip()]), -explicit_penalty / alpha / alpha)
    } else {
        return Err(Error::NotDifferentiable {
            quantity: "the effective penalty",
            reason: "no coordinate can move, and nothing pulls",
        });
    };
    // Changes of r and F, and of s² with them and with alpha.
    let answers = |reachable_change: f64, frozen_change: f64| {
        let noise_change = (frozen_change + noise * reachable_change) / excess;
        let error = frozen_change + reachable * noise_change + noise * reachable_change;
        [error, noise_change, 0.0]
    };
    let group = |group: &CoordinateGroup| {
        let frozen = group.scale() == 0.0;
        let (moves, signal) = if frozen { (0.0, group.signal()) } else { (1.0, 0.0) };
        let weight = if frozen { group.weight() } else { 0.0 };
        let unit = group.unit();
        let mean = 2.0 * group.prior().mean() * unit;
        GroupAnswers {
            weight: answers(moves - reachable, signal - frozen_signal),
            mean: answers(0.0, weight * mean),
            variance: answers(0.0, weight * unit * unit),
            log_scale: [0.0; 3],
            start: Some([0.0; 3]),
            log_penalty_weight: [0.0; 3],
            log_input_variance: answers(0.0, weight * signal),
        }
    };
    Ok(LawAnswers {
        sample_ratio: {
            let slope = -noise / excess;
            [reachable * slope, slope, penalty_by_sample_ratio]
        },
        noise_variance: [reachable / excess, excess.recip(), 0.0],
        explicit_penalty: by_explicit_penalty,
        groups: law.groups().iter().map(group).collect(),
    })
}

/// Sensitivities of ordinary least squares to an explicit penalty `kappa = (alpha - r) theta`, to
/// first order: `E[db/dz] = r - (theta/2) K`, given `K`.
fn weakly_penalized(curvature: f64, noise: f64, excess: f64, alpha: f64) -> Answers {
    let slope = if noise > 0.0 { -curvature * (noise / excess) / excess } else { 0.0 };
    [alpha * slope, slope, excess.recip()]
}

/// `K = E[k/sqrt(c² + z²)]`, which does not matter without noise.
#[cfg(feature = "quadrature")]
fn mean_curvature(law: &Law, noise: f64) -> Result<Option<f64>> {
    use crate::estimator::quadrature::Proximal;

    let mut curvature = 0.0;
    if noise > 0.0 {
        for (_, group) in law.movable() {
            let unit_squared = group.prior().mean_square() + noise;
            let channel = Proximal::new(group, unit_squared)?;
            let mean = channel.mean_curvature(noise / unit_squared);
            curvature += group.weight() * group.penalty_weight() * mean / unit_squared.sqrt();
        }
    }
    Ok(Some(curvature))
}

#[cfg(not(feature = "quadrature"))]
fn mean_curvature(_: &Law, noise: f64) -> Result<Option<f64>> {
    Ok((noise == 0.0).then_some(0.0))
}
