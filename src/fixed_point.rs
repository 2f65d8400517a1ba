//! The self-consistent state of an infinitely wide problem: noise and penalty that one coordinate
//! sees.

use crate::equations::{Equations, channel, channel_error};
use crate::error::{Error, Result, check_non_negative};
use crate::law::Law;
use crate::quadrature::Rule;
use crate::root::falling_root;
use crate::search;
use crate::task::Samples;

/// The self-consistent state that a training problem reduces to in high dimension.
///
/// # Formula
///
/// For `alpha < r` every coordinate behaves as if its true coefficient `B` were observed once, as
/// `z = B + s Z` with `Z ~ N(0, 1)`, and estimated by the proximal map of `theta q_c`:
///
/// ```text
/// b(z) + (theta/2) asinh(b(z)/c) = z
/// E[db/dz] + kappa/theta = alpha          (fixes theta)
/// s² = (sigma² + E[(b - B)²]) / alpha     (fixes s²)
/// ```
///
/// with expectations over `Z`, the priors and the groups of the [`Law`], where
/// - `alpha`, `sigma²`: sample ratio and noise variance of the [`Samples`];
/// - `kappa`: explicit penalty strength, 0 for gradient flow to zero loss;
/// - `r`: [reachable fraction](Law::reachable_fraction), the probability of `c > 0`.
///
/// For `kappa = 0` and `alpha > r`, training is ordinary least squares on the coordinates that can
/// move: `theta = 0` and `s² = (sigma² + F)/(alpha - r)`, with `F` the mean square of the
/// coefficients on frozen coordinates. At `alpha = r` it diverges unless both `sigma²` and `F` are 0.
///
/// Source: Anguita et al. 2026 (arXiv:2602.20062), Proposition 4.2; Bayati and Montanari 2012;
/// Thrampoulidis, Oymak and Hassibi 2015.
///
/// # Examples
///
/// ```
/// use diagonet::{Group, Law, Prior, Samples, Solver};
///
/// // One lazy group: the ridgeless limit s² = v (1 - alpha)/alpha.
/// let law = Law::new(vec![Group::new("all", 1.0, Prior::gaussian(0.0, 2.0)?, 1e9)?])?;
/// let state = Solver::new().fixed_point(&law, &Samples::new(0.5)?)?;
/// assert!((state.effective_noise_variance - 2.0).abs() < 1e-12);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct FixedPoint {
    /// Variance `s²` of the effective noise on a coordinate.
    pub effective_noise_variance: f64,
    /// Strength `theta` of the effective penalty: 0 for ordinary least squares, infinite where no
    /// coordinate can move and nothing pulls.
    pub effective_penalty: f64,
    /// Evaluations of the two equations.
    pub iterations: usize,
    /// Quadrature nodes visited in all evaluations.
    pub integrand_evaluations: usize,
    /// Larger one of the two equations' relative residuals, measured at this state.
    pub residual: f64,
    tangent: Option<Tangent>,
}

/// How the state moves along a learning curve.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tangent {
    sample_ratio: f64,
    /// Derivatives of `log s²` and `log theta` in the logarithm of the sample ratio.
    slopes: [f64; 2],
}

impl FixedPoint {
    /// Logarithms of `s²` and `theta` expected at another sample ratio; `None` for least squares.
    fn extrapolate(&self, sample_ratio: f64) -> Option<[f64; 2]> {
        let tangent = self.tangent?;
        let distance = (sample_ratio / tangent.sample_ratio).ln();
        // Far away, or next to a transition, the state itself is the better guess.
        let shift = tangent.slopes.map(|slope| slope * distance);
        let trusted = distance.abs() < 0.5 && shift.iter().all(|x| x.abs() < 1.0);
        let logarithms = [self.effective_noise_variance.ln(), self.effective_penalty.ln()];
        let start =
            if trusted { [logarithms[0] + shift[0], logarithms[1] + shift[1]] } else { logarithms };
        start.iter().all(|x| x.is_finite()).then_some(start)
    }
}

/// Solver of the fixed point.
///
/// Newton's method with analytic derivatives in `(log s², log theta)`, on a coarse quadrature first
/// and on the fine one to the end; where it does not converge, nested bracketed root searches that
/// need no more than the monotonicity of the equations. Accuracy: [`Solver::ACCURACY`].
///
/// # Examples
///
/// ```
/// use diagonet::{Initialization, Law, Samples, ScaleMap, Solver, Supports, Task};
///
/// let task = Task::new(Supports::from_overlap(0.2, 0.05, 1.0)?)?;
/// let map = ScaleMap::new(Initialization::from_scales(0.01, -0.98)?, 0.0)?;
/// let law = Law::fine_tuning(&task, &map)?;
/// let report = Solver::new().evaluate(&law, &Samples::new(0.35)?)?;
/// assert!((report.generalization_error / 0.0002003973495014532 - 1.0).abs() < Solver::ACCURACY);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Solver {
    explicit_penalty: f64,
    warm_start: Option<FixedPoint>,
}

impl Solver {
    /// Relative accuracy budget of the generalization error.
    ///
    /// It is met for generalization errors above 1e-14 of the mean square of signal and noise, and
    /// scales from 1e-300 to 1e300 of its root.
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
    /// use diagonet::{Group, Law, Prior, Samples, Solver};
    ///
    /// // Noise makes regularization pay.
    /// let law = Law::new(vec![Group::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1.0)?])?;
    /// let samples = Samples::new(0.9)?.with_noise_variance(1.0)?;
    /// let interpolating = Solver::new().evaluate(&law, &samples)?;
    /// let penalized = Solver::new().with_explicit_penalty(2.0)?.evaluate(&law, &samples)?;
    /// assert!(penalized.generalization_error < 0.1 * interpolating.generalization_error);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_explicit_penalty(self, kappa: f64) -> Result<Self> {
        let explicit_penalty = check_non_negative("explicit_penalty", kappa)?;
        Ok(Self { explicit_penalty, ..self })
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
    /// - [`Error::NotRepresentable`] where `s²` or `theta` leave the range of floats, or a scale is
    ///   not within 1e±303 of the root mean square of signal and noise;
    /// - [`Error::NotConverged`] where rounding keeps the equations from being solved to
    ///   [`Solver::ACCURACY`].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Error, Group, Law, Prior, Samples, Solver};
    ///
    /// let law = Law::new(vec![Group::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1.0)?])?;
    /// let state = Solver::new().fixed_point(&law, &Samples::new(0.5)?)?;
    /// assert!(state.residual < 1e-12);
    /// let threshold = Samples::new(1.0)?.with_noise_variance(0.1)?;
    /// let diverging = Solver::new().fixed_point(&law, &threshold);
    /// assert!(matches!(diverging, Err(Error::Diverges { .. })));
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn fixed_point(&self, law: &Law, samples: &Samples) -> Result<FixedPoint> {
        Ok(self.solve(law, samples)?.state)
    }

    /// The state, with the error of every group of the law.
    pub(crate) fn solve(&self, law: &Law, samples: &Samples) -> Result<Solution> {
        let (alpha, kappa) = (samples.sample_ratio(), self.explicit_penalty);
        let reachable = law.reachable_fraction();
        if reachable == 0.0 {
            let theta = if kappa > 0.0 { kappa / alpha } else { f64::INFINITY };
            return least_squares(law, samples, alpha, theta);
        }
        let excess = alpha - reachable;
        let rounding = 4.0 * f64::EPSILON * reachable;
        if kappa == 0.0 && excess > rounding {
            return least_squares(law, samples, excess, 0.0);
        }
        if kappa == 0.0 && excess >= -rounding {
            return at_threshold(law, samples);
        }
        if law.mean_square() + samples.noise_variance() == 0.0 {
            return silent(law, samples, kappa);
        }
        self.interpolating(law, samples)
    }

    /// The general case: some coordinates move, and there is something to estimate.
    fn interpolating(&self, law: &Law, samples: &Samples) -> Result<Solution> {
        let equations = Equations::new(law, samples, self.explicit_penalty)?;
        let unit = equations.unit_squared.sqrt();
        let start = self
            .warm_start
            .and_then(|state| state.extrapolate(equations.sample_ratio))
            .map(|[noise, penalty]| [noise - equations.unit_squared.ln(), penalty - unit.ln()]);
        let mut part_errors = vec![0.0; equations.parts.len()];
        let root = search::solve(&equations, start, &mut part_errors)?;
        let [noise, penalty] = root.point.map(f64::exp);

        let fine = Rule::fine(samples.sample_ratio());
        let mut solved = equations.parts.iter().zip(part_errors).peekable();
        let mut group_errors = Vec::with_capacity(law.groups().len());
        for (index, group) in law.groups().iter().enumerate() {
            group_errors.push(if group.scale() == 0.0 {
                group.prior().mean_square()
            } else if let Some((_, error)) = solved.next_if(|(part, _)| part.index == index) {
                error * equations.unit_squared
            } else {
                // A group of weight zero takes no part in the equations.
                let channel = channel(group, equations.unit_squared)?;
                channel_error(&channel, noise, 0.5 * penalty, &fine) * equations.unit_squared
            });
        }
        let state = FixedPoint {
            effective_noise_variance: noise * equations.unit_squared,
            effective_penalty: penalty * unit,
            iterations: root.iterations,
            integrand_evaluations: root.nodes,
            residual: root.residual,
            tangent: Some(Tangent { sample_ratio: equations.sample_ratio, slopes: root.tangent }),
        };
        Ok(Solution { state, group_errors })
    }
}

/// A state with the error of every group of the law.
#[derive(Debug, Clone)]
pub(crate) struct Solution {
    pub(crate) state: FixedPoint,
    pub(crate) group_errors: Vec<f64>,
}

impl Solution {
    /// A state that is known without a search.
    fn explicit(noise: f64, penalty: f64, group_errors: Vec<f64>) -> Self {
        let state = FixedPoint {
            effective_noise_variance: noise,
            effective_penalty: penalty,
            iterations: 0,
            integrand_evaluations: 0,
            residual: 0.0,
            tangent: None,
        };
        Self { state, group_errors }
    }
}

fn frozen_signal(law: &Law) -> f64 {
    let frozen = law.groups().iter().filter(|group| group.scale() == 0.0);
    frozen.map(|group| group.weight() * group.prior().mean_square()).sum()
}

/// Coordinates that can move are estimated without bias, `b = z`; frozen ones stay at zero.
fn least_squares(law: &Law, samples: &Samples, excess: f64, theta: f64) -> Result<Solution> {
    let noise = (samples.noise_variance() + frozen_signal(law)) / excess;
    if !noise.is_finite() {
        return Err(Error::NotRepresentable {
            quantity: "the effective noise variance",
            reason: "it is above 1e308",
        });
    }
    let errors = law
        .groups()
        .iter()
        .map(|group| if group.scale() > 0.0 { noise } else { group.prior().mean_square() });
    Ok(Solution::explicit(noise, theta, errors.collect()))
}

/// As many samples as coordinates that can move: a unique interpolator, exact without noise.
fn at_threshold(law: &Law, samples: &Samples) -> Result<Solution> {
    let (noise_variance, frozen_signal) = (samples.noise_variance(), frozen_signal(law));
    if noise_variance + frozen_signal > 0.0 {
        let sample_ratio = samples.sample_ratio();
        return Err(Error::Diverges { sample_ratio, noise_variance, frozen_signal });
    }
    least_squares(law, samples, 1.0, 0.0)
}

/// Neither signal nor noise: nothing to estimate, and no error. The effective penalty is its limit
/// for a vanishing signal.
fn silent(law: &Law, samples: &Samples, kappa: f64) -> Result<Solution> {
    let movable =
        || law.groups().iter().filter(|group| group.scale() > 0.0 && group.weight() > 0.0);
    let log_half_penalty = falling_root(
        movable().map(|group| group.scale().ln()).fold(f64::NEG_INFINITY, f64::max),
        [-705.0, 705.0],
        "the effective penalty",
        |log_half_penalty| {
            let h = log_half_penalty.exp();
            let (mut response, mut slope) = (0.5 * kappa / h, -0.5 * kappa / h);
            for group in movable() {
                let share = group.scale() / (group.scale() + h);
                response += group.weight() * share;
                slope -= group.weight() * share * (1.0 - share);
            }
            Ok(((response / samples.sample_ratio()).ln(), slope / response))
        },
    )?;
    let half_penalty = log_half_penalty.exp();
    let errors = law.groups().iter().map(|group| -> Result<f64> {
        let unit_squared = group.prior().mean_square();
        if group.weight() > 0.0 || unit_squared == 0.0 {
            return Ok(0.0);
        }
        if group.scale() == 0.0 {
            return Ok(unit_squared);
        }
        let unit = unit_squared.sqrt();
        let fine = Rule::fine(samples.sample_ratio());
        Ok(channel_error(&channel(group, unit_squared)?, 0.0, half_penalty / unit, &fine)
            * unit_squared)
    });
    Ok(Solution::explicit(0.0, 2.0 * half_penalty, errors.collect::<Result<_>>()?))
}
