//! Where training in noisy steps and with weight decay ends: at the interpolator of a smaller scale.

use crate::asymptotics::estimator::Estimator;
use crate::asymptotics::fixed_point::FixedPoint;
use crate::asymptotics::optimizer::{LabelNoise, Optimizer};
use crate::asymptotics::solution::Solution;
use crate::asymptotics::solver::Solver;
use crate::asymptotics::statistics::GroupEstimate;
use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::estimator::Divergence;
use crate::numerics::sum::CompensatedSum;
use crate::problem::law::{CoordinateGroup, Law};
use crate::problem::samples::Samples;

/// Relative accuracy to which the equation of the scale is solved.
const SHRINKAGE: f64 = 1e-10;

/// More evaluations than both equations take: their right sides are contractions.
const MOST_EVALUATIONS: usize = 100;

/// Degree of the polynomials that predict where the equations are solved.
const DEGREE: usize = 3;

/// Share of the mean norm over batch and learning rate up to which the upper end has a solution.
const LARGEST_SHARE: f64 = 2.0 / 3.0;

/// A bracket of the scale from which gradient flow would end where training ends, and of its error.
///
/// See [`Solver::effective_scale`].
///
/// # Examples
///
/// ```
/// use diagonet::{CoordinateGroup, Law, Optimizer, Prior, Samples, Solver};
///
/// // Weight decay alone shrinks scales by a known factor.
/// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1e9)?])?;
/// let optimizer = Optimizer::new().with_weight_decay_integral(0.5)?;
/// let bracket = Solver::new().effective_scale(&law, &Samples::new(0.5)?, &optimizer)?;
/// assert_eq!(bracket.low, bracket.high);
/// assert_eq!(bracket.low.log_shrinkage, 1.0);
/// assert_eq!(bracket.low.solution.law().groups()[0].scale(), 1e9 * (-1.0_f64).exp());
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EffectiveScale {
    /// The lowest scale.
    pub low: ShrunkScale,
    /// The highest scale.
    pub high: ShrunkScale,
}

/// One end of an [`EffectiveScale`].
///
/// # Examples
///
/// ```
/// use diagonet::{CoordinateGroup, Law, Optimizer, Prior, Samples, Solver};
///
/// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1e9)?])?;
/// let flow = Solver::new().effective_scale(&law, &Samples::new(0.5)?, &Optimizer::new())?.high;
/// assert_eq!(flow.factor(), 1.0);
/// assert!((flow.solution.generalization_error() - 0.5).abs() < 1e-12);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ShrunkScale {
    /// `ln(c/c_inf)`, not negative, the same for all coordinates.
    pub log_shrinkage: f64,
    /// The solution at the scale `c_inf`: its law has the effective scales, and its errors are those of
    /// training.
    pub solution: Solution,
}

impl ShrunkScale {
    /// `c_inf/c`, by which all scales and starts are multiplied.
    #[must_use]
    pub fn factor(&self) -> f64 {
        (-self.log_shrinkage).exp()
    }
}

impl EffectiveScale {
    /// Generalization errors at the lowest and at the highest scale, in this order. The error in between
    /// lies between them where it is monotone in the scale.
    #[must_use]
    pub fn generalization_errors(&self) -> [f64; 2] {
        [&self.low, &self.high].map(|end| end.solution.generalization_error())
    }
}

impl Solver {
    /// Brackets the scale from which gradient flow ends where training with an [`Optimizer`] ends, and
    /// computes the error at both ends.
    ///
    /// # Formula
    ///
    /// Training multiplies the scale and the start of every coordinate by the same factor:
    ///
    /// ```text
    /// ln(c/c_inf) = (eta/n) E[D_q(b, b0)] + eta² delta² K/(n D) + 2 int kappa dt
    /// ```
    ///
    /// where
    /// - `D_q(b, b0)`: Bregman divergence of the [penalty](crate::Penalty) between the estimate at the fixed
    ///   point for the scale `c_inf` and the start, which training uses up in noisy gradients;
    /// - `eta`, `n`, `delta²`, `K/D`, `int kappa dt`: settings of the [`Optimizer`].
    ///
    /// Where scales shrink at the end of training, the penalty is `q_c`. Where they shrink at the start, it
    /// is `q_{c_inf}`, with the start `(c_inf/c) b0`. The lesser divergence gives the highest scale. The
    /// greater one gives the lowest, with both terms of noise divided by `1 - (eta/n) E[sqrt(c² + b²)]`, the
    /// larger expectation of the start and the end of training: to second order, a step lowers the
    /// divergence by that share of what it does to first order.
    ///
    /// Weight decay alone gives both ends the same scale, and is exact. Stochastic gradients are covered
    /// to first order in the learning rate. The formula holds for small batches: the mean gradient of large
    /// ones is not uniform over coordinates. Momentum and Adam are not covered; Adam has no mirror
    /// potential. Weight decay that stays on to the end makes training a LASSO, with
    /// [`Estimator::Rich`] and an [explicit penalty](Solver::with_explicit_penalty).
    ///
    /// The shrinkage solves its equation to 1e-10 relative.
    ///
    /// Source: Pesme et al. 2021 (arXiv:2106.09524), Even et al. 2023 (arXiv:2302.08982), on stochastic
    /// gradients; Jacobs et al. 2025 (arXiv:2504.12883), on weight decay.
    ///
    /// # Errors
    ///
    /// - [`Error::OutOfDomain`] for an explicit penalty, and for a learning rate at which
    ///   `(eta/n) E[sqrt(c² + b²)]` is above 2/3, where the upper end has no solution;
    /// - [`Error::UnknownName`] for an estimator without a scale (rich limit, elastic net);
    /// - [`Error::OutOfDomain`] with stochastic gradients for [input
    ///   variances](CoordinateGroup::input_variance) and [penalty weights](CoordinateGroup::penalty_weight)
    ///   other than 1, under which noise is not uniform over coordinates; and for more samples than
    ///   coordinates that can move with labels that cannot be fitted, where noise never ends;
    /// - [`Error::NotRepresentable`] for an effective scale below 1e-307;
    /// - those of [`Solver::solve`].
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "quadrature")]
    /// # {
    /// use diagonet::{CoordinateGroup, Law, Optimizer, Prior, Samples, Solver};
    ///
    /// let law = Law::new(vec![
    ///     CoordinateGroup::new("signal", 0.1, Prior::gaussian(0.0, 10.0)?, 0.05)?,
    ///     CoordinateGroup::new("background", 0.9, Prior::ZERO, 0.05)?,
    /// ])?;
    /// let (solver, samples) = (Solver::new(), Samples::new(0.3)?);
    /// let optimizer = Optimizer::new().with_learning_rate(0.5)?;
    /// let bracket = solver.effective_scale(&law, &samples, &optimizer)?;
    /// assert!(bracket.high.log_shrinkage < bracket.low.log_shrinkage);
    /// // Noise of the gradient acts as a smaller initialization: sparse signals gain.
    /// let flow = solver.solve(&law, &samples)?.generalization_error();
    /// assert!(bracket.generalization_errors().iter().all(|error| *error < flow));
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn effective_scale(
        &self,
        law: &Law,
        samples: &Samples,
        optimizer: &Optimizer,
    ) -> Result<EffectiveScale> {
        Training::new(self, law, samples, optimizer)?.bracket()
    }
}

/// A training problem, with the terms of the shrinkage that are known.
#[derive(Debug)]
struct Training<'a> {
    solver: Solver,
    law: &'a Law,
    samples: &'a Samples,
    learning_rate: f64,
    /// `eta/n`.
    step: f64,
    /// Of label noise.
    noise: f64,
    /// Of weight decay.
    decay: f64,
    /// `E[sqrt(c² + b0²)]`.
    norm_at_start: f64,
}

/// The end of training from a scale that has shrunk.
#[derive(Debug)]
struct Waypoint {
    shrinkage: f64,
    solution: Solution,
    divergence: Divergence,
}

/// The ends of a bracket.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    Least,
    Most,
}

impl<'a> Training<'a> {
    fn new(
        solver: &Solver,
        law: &'a Law,
        samples: &'a Samples,
        optimizer: &Optimizer,
    ) -> Result<Self> {
        let interpolating = Domain::ZERO.when("for training to zero loss");
        interpolating.check("explicit_penalty", solver.explicit_penalty())?;
        if solver.estimator().has_l1_weights() {
            return Err(Error::UnknownName {
                parameter: "estimator",
                value: solver.estimator().to_string(),
                choices: "auto, quadrature, lazy, least squares, for an effective scale",
            });
        }
        let learning_rate = optimizer.learning_rate();
        let step = learning_rate / optimizer.batch() as f64;
        let LabelNoise { variance, steps_per_coordinate } = optimizer.label_noise();
        let kick = learning_rate * variance.sqrt();
        let norm = |group: &CoordinateGroup| group.scale().hypot(group.start_from_centre());
        let training = Self {
            solver: *solver,
            law,
            samples,
            learning_rate,
            step,
            noise: if steps_per_coordinate > 0.0 {
                kick * (kick * steps_per_coordinate) / optimizer.batch() as f64
            } else {
                0.0
            },
            decay: 2.0 * optimizer.weight_decay_integral(),
            norm_at_start: mean(law, |_, group| Ok(norm(group)))?,
        };
        if training.is_stochastic() {
            training.check_noise()?;
        }
        Ok(training)
    }

    fn is_stochastic(&self) -> bool {
        self.step > 0.0
    }

    /// Checks that gradients are noisy to the same degree in all coordinates, until the labels are
    /// fitted.
    fn check_noise(&self) -> Result<()> {
        let one = Domain::closed(1.0, 1.0).when("for stochastic gradients");
        for group in self.law.groups() {
            one.check("input_variance", group.input_variance())
                .and_then(|_| one.check("penalty_weight", group.penalty_weight()))
                .map_err(|error| error.in_group(group.label()))?;
        }
        let reachable = self.law.reachable_fraction();
        let fits_all = self.samples.noise_variance() == 0.0 && self.law.frozen_signal() == 0.0;
        if !fits_all {
            Domain::closed(1e-300, reachable)
                .below()
                .when("for stochastic gradients and labels that only interpolation fits")
                .check("sample_ratio", self.samples.sample_ratio())?;
        }
        Ok(())
    }

    fn bracket(&self) -> Result<EffectiveScale> {
        let known = self.decay + self.noise;
        if !self.is_stochastic() {
            let end = self.end_point(known, None)?;
            let end = ShrunkScale { log_shrinkage: known, solution: end };
            return Ok(EffectiveScale { low: end.clone(), high: end });
        }
        let mut path = vec![self.waypoint(known, None)?];
        let mut ends: [Option<ShrunkScale>; 2] = [None, None];
        let mut residual = f64::INFINITY;
        while path.len() < MOST_EVALUATIONS {
            for (side, end) in [Side::Least, Side::Most].into_iter().zip(&mut ends) {
                if end.is_some() {
                    continue;
                }
                let next = self.predicted(side, &path)?;
                let found = path.iter().position(|point| point.shrinkage == next);
                if found.is_none() {
                    let start = predicted_state(last_of(&path), next);
                    path.push(self.waypoint(next, Some(&start))?);
                }
                let point = &path[found.unwrap_or(path.len() - 1)];
                let image = self.image(side, point.divergence)?;
                let distance = image - point.shrinkage;
                residual = if distance == 0.0 { 0.0 } else { distance.abs() / image };
                if residual <= SHRINKAGE {
                    let solution = point.solution.clone();
                    *end = Some(ShrunkScale { log_shrinkage: point.shrinkage, solution });
                }
            }
            if let [Some(high), Some(low)] = ends {
                // Ends that are the same may be found in the wrong order.
                let low = if low.log_shrinkage < high.log_shrinkage { high.clone() } else { low };
                return Ok(EffectiveScale { low, high });
            }
        }
        Err(Error::NotConverged { iterations: path.len(), residual })
    }

    /// The end of training from a shrunk scale.
    fn waypoint(&self, shrinkage: f64, start: Option<&FixedPoint>) -> Result<Waypoint> {
        let solution = self.end_point(shrinkage, start)?;
        let divergence = divergence(&solution, shrinkage.exp())?;
        Ok(Waypoint { shrinkage, solution, divergence })
    }

    /// Where the shrinkage is its own image, by the polynomials through the last waypoints.
    fn predicted(&self, side: Side, path: &[Waypoint]) -> Result<f64> {
        let path = last_of(path);
        let Waypoint { shrinkage: last, divergence, .. } = path[path.len() - 1];
        // Checks the last waypoint, too.
        let image = self.image(side, divergence)?;
        let mut shrinkage = image;
        if path.len() == 1 {
            return Ok(shrinkage);
        }
        let mut before = [last, image];
        for _ in 0..MOST_EVALUATIONS {
            let Ok(image) = self.image(side, predicted_divergence(path, shrinkage)) else { break };
            let distance = image - shrinkage;
            if distance.abs() <= 0.01 * SHRINKAGE * image {
                return Ok(image);
            }
            // The slope of a contraction is below one.
            let slope = (image - before[1]) / (shrinkage - before[0]);
            let slope = if slope.is_finite() { slope.clamp(-1.0, 0.9) } else { 0.0 };
            before = [shrinkage, image];
            shrinkage = (shrinkage + distance / (1.0 - slope)).max(0.0);
        }
        Ok(image)
    }

    fn end_point(&self, shrinkage: f64, start: Option<&FixedPoint>) -> Result<Solution> {
        let factor = (-shrinkage).exp();
        if !factor.is_normal() {
            return Err(Error::NotRepresentable {
                quantity: "the effective scale over the scale",
                reason: "it is below 1e-307",
            });
        }
        let law = self.law.shrunk(factor)?;
        match start {
            Some(state) => self.solver.solve_from(&law, self.samples, state),
            None => self.solver.solve(&law, self.samples),
        }
    }

    /// The shrinkage to which a divergence leads.
    fn image(&self, side: Side, divergence: Divergence) -> Result<f64> {
        let Divergence { own, stretched, norm } = divergence;
        if side == Side::Least {
            return Ok(self.decay + self.noise + self.step * own.min(stretched));
        }
        let norm = norm.max(self.norm_at_start);
        let share = self.step * norm;
        if share > LARGEST_SHARE {
            let largest = LARGEST_SHARE / norm * (self.learning_rate / self.step);
            return Err(Error::OutOfDomain {
                parameter: "learning_rate",
                value: self.learning_rate,
                domain: Domain::closed(0.0, largest).when("for these scales and coefficients"),
            });
        }
        let noise = self.noise + self.step * own.max(stretched);
        Ok(self.decay + noise / (1.0 - share))
    }
}

/// Waypoints that predictions are made from, the last one last.
fn last_of(path: &[Waypoint]) -> &[Waypoint] {
    &path[path.len().saturating_sub(DEGREE + 1)..]
}

/// Weights of waypoints in the polynomial through them, at a shrinkage.
fn weights(path: &[Waypoint], shrinkage: f64) -> impl Iterator<Item = (f64, &Waypoint)> {
    path.iter().enumerate().map(move |(index, point)| {
        let others = path.iter().enumerate().filter(|(other, _)| *other != index);
        let factors = others
            .map(|(_, other)| (shrinkage - other.shrinkage) / (point.shrinkage - other.shrinkage));
        (factors.product(), point)
    })
}

/// The divergence at a shrinkage, by the polynomials through waypoints.
fn predicted_divergence(path: &[Waypoint], shrinkage: f64) -> Divergence {
    let mut sum = Divergence::default();
    for (weight, point) in weights(path, shrinkage) {
        sum.own += weight * point.divergence.own;
        sum.stretched += weight * point.divergence.stretched;
        sum.norm += weight * point.divergence.norm;
    }
    sum
}

/// The state at a shrinkage, by the polynomials of its logarithms through waypoints; that of the last one
/// where there are no logarithms.
fn predicted_state(path: &[Waypoint], shrinkage: f64) -> FixedPoint {
    let last = path[path.len() - 1].solution.state;
    let of = |part: fn(&FixedPoint) -> f64| {
        let logarithm =
            weights(path, shrinkage).map(|(w, point)| w * part(&point.solution.state).ln());
        let value = logarithm.sum::<f64>().exp();
        if value.is_normal() { value } else { part(&last) }
    };
    let mut state = last;
    state.effective_noise_variance = of(|state| state.effective_noise_variance);
    state.effective_penalty = of(|state| state.effective_penalty);
    state
}

/// How far training moves coefficients, on average, where the scale was `stretch` times that of the
/// solution.
fn divergence(solution: &Solution, stretch: f64) -> Result<Divergence> {
    let law = solution.law();
    // Without noise, least squares learns the coefficients under any penalty.
    let solution = match solution.estimator {
        Estimator::LeastSquares => &solution.clone().with_estimator(Estimator::Quadrature),
        _ => solution,
    };
    let mean_square = solution.mean_square();
    let of_groups = law.groups().iter().map(|group| {
        let estimate = GroupEstimate::new(group, solution, 1.0, mean_square)?;
        let divergence = estimate.divergence(stretch).unwrap_or_default();
        if [divergence.own, divergence.stretched, divergence.norm].iter().all(|x| x.is_finite()) {
            Ok(divergence)
        } else {
            let error = Error::NotRepresentable {
                quantity: "the divergence of the end of training from its start",
                reason: "it is above 1e308",
            };
            Err(error.in_group(group.label()))
        }
    });
    let of_groups = of_groups.collect::<Result<Vec<_>>>()?;
    let total = |part: fn(&Divergence) -> f64| mean(law, |index, _| Ok(part(&of_groups[index])));
    Ok(Divergence {
        own: total(|divergence| divergence.own)?,
        stretched: total(|divergence| divergence.stretched)?,
        norm: total(|divergence| divergence.norm)?,
    })
}

/// Mean of a quantity over the coordinates that can move.
fn mean(law: &Law, quantity: impl Fn(usize, &CoordinateGroup) -> Result<f64>) -> Result<f64> {
    let terms = law.movable().map(|(index, group)| Ok(group.weight() * quantity(index, group)?));
    Ok(terms.collect::<Result<CompensatedSum>>()?.value())
}
