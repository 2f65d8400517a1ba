//! The self-consistent state of an infinitely wide problem: effective noise and penalty of one
//! coordinate.

use crate::asymptotics::equations::Equations;
use crate::asymptotics::estimator::Estimator;
use crate::asymptotics::newton;
use crate::error::{Error, Result};
use crate::estimator::weighted::Weighted;
use crate::estimator::{Form, Resolution, ScalarEstimator, Slopes};
use crate::numerics::Precision;
use crate::problem::law::{CoordinateGroup, Law};
use crate::problem::samples::Samples;

/// The self-consistent state that a training problem reduces to in high dimension.
///
/// # Formula
///
/// For `$\alpha < r$` every coordinate behaves as if its true coefficient `$B$` were observed once, as
/// `$z = B + s Z$` with `$Z \sim N(0, 1)$`, and estimated by the proximal map of `$\theta k q_c$`:
///
/// `$$ b(z) + \frac{k \theta}{2} \left[ \operatorname{asinh} \frac{b(z)}{c} - \operatorname{asinh}
/// \frac{b_0}{c} \right] = z $$`
///
/// `$$ \mathbb E \left[ \frac{db}{dz} \right] + \frac{\kappa}{\theta} = \alpha \quad (\text{fixes }
/// \theta), \qquad
/// s^2 = \frac{\sigma^2 + \mathbb E [(b - B)^2]}{\alpha} \quad (\text{fixes } s^2) $$`
///
/// with expectations over `$Z$`, the priors and the groups of the [`Law`], where
/// - `$\alpha$`, `$\sigma^2$`: sample ratio and noise variance of the [`Samples`];
/// - `$c$`, `$b_0$`, `$k$`: [scale](CoordinateGroup::scale), [start](CoordinateGroup::start) and
///   [penalty weight](CoordinateGroup::penalty_weight) of the group;
/// - `$\kappa$`: explicit penalty strength, 0 for gradient flow to zero loss;
/// - `$r$`: [reachable fraction](Law::reachable_fraction), the probability of `$c > 0$`.
///
/// For `$\kappa = 0$` and `$\alpha > r$`, training is ordinary least squares on the coordinates that can
/// move: `$\theta = 0$` and `$s^2 = (\sigma^2 + F)/(\alpha - r)$`, with `$F$` the mean square of the
/// coefficients on frozen coordinates. At `$\alpha = r$` it diverges unless both `$\sigma^2$` and `$F$`
/// are 0.
///
/// Derivation: [theory](crate::theory#state-evolution). Source: Anguita et al. 2026 (arXiv:2602.20062),
/// Proposition 4.2; Bayati and Montanari 2012; Thrampoulidis, Oymak and Hassibi 2015.
///
/// # Examples
///
/// ```
/// use diagonet::{CoordinateGroup, Law, Prior, Samples, Solver};
///
/// // One lazy group: the ridgeless limit s² = v (1 - alpha)/alpha.
/// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 2.0)?, 1e9)?])?;
/// let state = Solver::new().solve(&law, &Samples::new(0.5)?)?.state;
/// assert!((state.effective_noise_variance - 2.0).abs() < 1e-12);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FixedPoint {
    /// Variance `s²` of the effective noise on a coordinate.
    pub effective_noise_variance: f64,
    /// Strength `theta` of the effective penalty: 0 for ordinary least squares, infinite where no
    /// coordinate can move and there is no explicit penalty.
    pub effective_penalty: f64,
    /// Evaluations of the two equations.
    pub iterations: usize,
    /// Quadrature nodes visited in all evaluations.
    pub integrand_evaluations: usize,
    /// Larger one of the two equations' relative residuals at this state: measured, or, where the state
    /// is one step of Newton's method from the last that was evaluated, predicted by the curvature that
    /// the steps before it show.
    pub residual: f64,
    tangent: Option<Tangent>,
}

/// How the state moves along a learning curve.
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Tangent {
    sample_ratio: f64,
    /// Derivatives of `log s²` and `log theta` in the logarithm of the sample ratio.
    slopes: [f64; 2],
    /// Their derivatives, and the derivatives of those, as the start of the search tells, if it is of the
    /// same curve.
    #[cfg_attr(feature = "serde", serde(default))]
    bends: Option<[[f64; 2]; 2]>,
}

impl Tangent {
    /// The tangent at `logarithms`, `[log s², log theta]`, with the bends of the cubic through it and the
    /// start of the search.
    fn new(
        sample_ratio: f64,
        slopes: [f64; 2],
        logarithms: [f64; 2],
        start: Option<&FixedPoint>,
    ) -> Self {
        let bends = start.and_then(|start| {
            let before = start.tangent?;
            let distance = (sample_ratio / before.sample_ratio).ln();
            let values = start.logarithms();
            let bends = [0, 1].map(|i| {
                let [chord, slope, slope_before] =
                    [(logarithms[i] - values[i]) / distance, slopes[i], before.slopes[i]];
                [
                    (4.0 * slope + 2.0 * slope_before - 6.0 * chord) / distance,
                    6.0 * (slope + slope_before - 2.0 * chord) / (distance * distance),
                ]
            });
            let is_finite = bends.iter().flatten().all(|bend| bend.is_finite());
            (is_finite && (1e-6..0.5).contains(&distance.abs())).then_some(bends)
        });
        Self { sample_ratio, slopes, bends }
    }

    /// Change of the logarithms at a distance in the logarithm of the sample ratio.
    fn shift(&self, distance: f64) -> [f64; 2] {
        let shift = self.slopes.map(|slope| slope * distance);
        let Some(bends) = self.bends else {
            return shift;
        };
        let of_bends = bends
            .map(|[second, third]| (0.5 * second + third * distance / 6.0) * distance * distance);
        // Of another curve, the start tells nothing of the bends of this one.
        if of_bends.iter().all(|change| change.abs() < CURVED) {
            [shift[0] + of_bends[0], shift[1] + of_bends[1]]
        } else {
            shift
        }
    }
}

/// Largest change of a logarithm that is believed to be due to the bend of a learning curve.
const CURVED: f64 = 0.1;

impl FixedPoint {
    /// The same state with the penalty counted in other units.
    pub(crate) fn with_penalty_times(self, factor: f64) -> Self {
        Self { effective_penalty: self.effective_penalty * factor, ..self }
    }

    /// `[log s², log theta]`.
    fn logarithms(&self) -> [f64; 2] {
        [self.effective_noise_variance.ln(), self.effective_penalty.ln()]
    }

    /// The state expected of the next of three problems of equal distance, the first two of which have
    /// the states `before` and this one; this one where that does not tell.
    pub(crate) fn continued(self, before: &Self) -> Self {
        /// Largest change of a logarithm that is continued.
        const SMALL: f64 = 0.3;
        let same_curve = |a: Tangent, b: Tangent| a.sample_ratio == b.sample_ratio;
        let is_comparable =
            self.tangent.zip(before.tangent).is_some_and(|(now, last)| same_curve(now, last));
        let (now, last) = (self.logarithms(), before.logarithms());
        let change = [now[0] - last[0], now[1] - last[1]];
        // Asked so that what is undefined is not continued.
        if !is_comparable || !change.iter().all(|x| x.abs() < SMALL) {
            return self;
        }
        Self {
            effective_noise_variance: self.effective_noise_variance * change[0].exp(),
            effective_penalty: self.effective_penalty * change[1].exp(),
            ..self
        }
    }

    /// Logarithms of `s²` and `theta` expected at another sample ratio; `None` for least squares.
    fn extrapolate(&self, sample_ratio: f64) -> Option<[f64; 2]> {
        let tangent = self.tangent?;
        let distance = (sample_ratio / tangent.sample_ratio).ln();
        // Far away, or next to a transition, the state itself is the better guess.
        let shift = tangent.shift(distance);
        let trusted = distance.abs() < 0.5 && shift.iter().all(|x| x.abs() < 1.0);
        let logarithms = self.logarithms();
        let start =
            if trusted { [logarithms[0] + shift[0], logarithms[1] + shift[1]] } else { logarithms };
        start.iter().all(|x| x.is_finite()).then_some(start)
    }
}

/// A state with the error of every group of the law.
#[derive(Debug, Clone)]
pub(crate) struct Solved {
    pub(crate) estimator: Estimator,
    pub(crate) state: FixedPoint,
    pub(crate) group_errors: Vec<f64>,
    /// Largest possible difference of the total error to that of the penalty itself, if known.
    pub(crate) difference_bound: Option<f64>,
}

impl Solved {
    /// A state that is known without a search, and exact.
    pub(crate) fn explicit(
        estimator: Estimator,
        noise: f64,
        penalty: f64,
        group_errors: Vec<f64>,
    ) -> Result<Self> {
        if !noise.is_finite() {
            return Err(Error::NotRepresentable {
                quantity: "the effective noise variance",
                reason: "it is above 1e308",
            });
        }
        let state = FixedPoint {
            effective_noise_variance: noise,
            effective_penalty: penalty,
            iterations: 0,
            integrand_evaluations: 0,
            residual: 0.0,
            tangent: None,
        };
        Ok(Self { estimator, state, group_errors, difference_bound: Some(0.0) })
    }
}

/// Solves the equations of a problem in which some coordinates move and there is something to
/// estimate; `channel` makes the channel of a group, in units of the root of a mean square.
pub(crate) fn solve<C: ScalarEstimator>(
    law: &Law,
    samples: &Samples,
    explicit_penalty: f64,
    start: Option<&FixedPoint>,
    precision: Precision,
    estimator: Estimator,
    channel: impl Fn(usize, &CoordinateGroup, f64) -> Result<C>,
) -> Result<Solved> {
    let equations = Equations::new(law, samples, explicit_penalty, &channel)?.joined();
    let unit_squared = equations.unit_squared;
    // Of the effective penalty.
    let unit = unit_squared.sqrt() / equations.penalty_unit;
    let guess = start
        .and_then(|state| state.extrapolate(equations.sample_ratio))
        .map(|[noise, penalty]| [noise - unit_squared.ln(), penalty - unit.ln()]);
    let mut part_errors = vec![Slopes::default(); equations.parts.len()];
    let root = newton::solve(&equations, guess, precision, &mut part_errors)?;
    let [noise, penalty] = root.point.map(f64::exp);

    let mut solved = vec![None; law.groups().len()];
    for (part, error) in equations.parts.iter().zip(part_errors) {
        solved[part.index] = Some(error.value * unit_squared);
    }
    let error = |(index, group): (usize, &CoordinateGroup)| match solved[index] {
        Some(error) => Ok(error),
        None if group.scale() == 0.0 => Ok(group.signal()),
        // A group of weight zero takes no part in the equations.
        None => {
            let channel = channel(index, group, unit_squared)?;
            let channel = Weighted::new(group, equations.penalty_unit, channel);
            let terms = channel.terms(noise, 0.5 * penalty, Form::Direct, Resolution::Fine);
            Ok(terms.error * unit_squared)
        }
    };
    let group_errors: Vec<f64> =
        law.groups().iter().enumerate().map(error).collect::<Result<_>>()?;
    let noise = noise * unit_squared;
    if !noise.is_finite() || group_errors.iter().any(|error| !error.is_finite()) {
        return Err(Error::NotRepresentable {
            quantity: "the effective noise variance",
            reason: "it is above 1e308",
        });
    }
    let penalty = penalty * unit;
    let logarithms = [noise.ln(), penalty.ln()];
    let state = FixedPoint {
        effective_noise_variance: noise,
        effective_penalty: penalty,
        iterations: root.iterations,
        integrand_evaluations: root.nodes,
        residual: root.residual,
        tangent: Some(Tangent::new(equations.sample_ratio, root.tangent, logarithms, start)),
    };
    Ok(Solved { estimator, state, group_errors, difference_bound: Some(0.0) })
}
