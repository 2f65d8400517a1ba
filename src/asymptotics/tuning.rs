//! Explicit penalties with the lowest error: tuned ridge regression, LASSO, elastic net.

use crate::asymptotics::estimator::Estimator;
use crate::asymptotics::fixed_point::Solved;
use crate::asymptotics::penalized::penalized;
use crate::asymptotics::recovery::RecoveryThreshold;
use crate::asymptotics::solution::Solution;
use crate::asymptotics::solver::Solver;
use crate::asymptotics::weighted_l1::{RichWeights, rich_weights};
use crate::asymptotics::weighted_l2;
use crate::error::{Error, Result};
use crate::estimator::weighted::Weighted;
use crate::estimator::{ScalarEstimator, exact_unit_squared};
use crate::numerics::Precision;
use crate::problem::law::Law;
use crate::problem::samples::Samples;

/// Distance of the penalties at which the error is looked at, in logarithms: responses to a penalty
/// change over about one.
const SPACING: f64 = 0.5;

/// Factor by which the search goes beyond the penalties that matter: what is farther changes the error
/// by less than its accuracy.
const MARGIN: f64 = 1e10;

/// The smallest effective noise for which penalties matter, relative to signal and noise.
const LEAST_NOISE: f64 = 1e-12;

/// Valleys of the grid that are descended into.
const VALLEYS: usize = 3;

/// Relative difference below which errors count as equal.
const EQUAL: f64 = 2.0 * Solver::ACCURACY;

/// Where the lowest error lies on the axis of explicit penalties.
///
/// # Examples
///
/// ```
/// assert_ne!(diagonet::PenaltyPosition::Zero, diagonet::PenaltyPosition::Finite(1.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum PenaltyPosition {
    /// At no penalty, or its limit: interpolation, or least squares.
    Zero,
    /// At this penalty `kappa`.
    Finite(f64),
    /// In the limit of an infinite penalty, in which nothing is learned.
    Infinite,
}

/// The explicit penalty with the lowest generalization error, see [`Solver::best_explicit_penalty`].
///
/// # Examples
///
/// See [`Solver::best_explicit_penalty`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BestPenalty {
    /// Where it is.
    pub position: PenaltyPosition,
    /// The generalization error there.
    pub generalization_error: f64,
    /// The solution there; `None` for an infinite penalty, under which coefficients stay at their
    /// starts.
    pub solution: Option<Solution>,
}

/// The error at a penalty.
#[derive(Debug, Clone)]
struct Node {
    log_penalty: f64,
    solution: Solution,
}

impl Node {
    fn error(&self) -> f64 {
        self.solution.generalization_error()
    }
}

impl Solver {
    /// The explicit penalty `kappa` with the lowest generalization error, for the estimator of this
    /// solver: the tuned ridge regression for [`Estimator::Lazy`], LASSO for [`Estimator::Rich`], elastic
    /// net of given curvature for [`Estimator::ElasticNet`], and the implicit penalty `q` otherwise. The
    /// solver's own explicit penalty plays no part.
    ///
    /// # Formula
    ///
    /// ```text
    /// argmin over kappa in [0, infinity] of error(kappa),      theta (alpha - E[db/dz]) = kappa
    /// ```
    ///
    /// The error is scanned at penalties apart by a factor of 1.65, from 1e-10 of the smallest at which
    /// a group may respond to 1e10 times the largest, since the error of unequal scales can have several
    /// minima. The three lowest valleys are descended into, to the root of the analytic derivative: the
    /// penalty is good to about 1e-9 where the error is curved. Both limits are solved for themselves,
    /// and preferred unless a penalty between them has an error lower by more than its
    /// [accuracy](Self::ACCURACY).
    ///
    /// For weighted ridge regression, the penalty and all scales have a joint optimum:
    /// [`Law::with_matched_scales`] at `kappa = 2 sigma²`.
    ///
    /// Source: Bayati and Montanari 2012 (arXiv:1008.2581), Dobriban and Wager 2018 (arXiv:1507.03003)
    /// for ridge regression; Mousavi, Maleki and Baraniuk 2018 (arXiv:1705.08617) for LASSO.
    ///
    /// # Errors
    ///
    /// As [`Solver::solve`] with an explicit penalty, other than
    /// [`Error::NotRepresentable`](crate::Error::NotRepresentable) at penalties towards the ends of the
    /// search, which is then shorter.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{CoordinateGroup, Estimator, Law, PenaltyPosition, Prior, Samples, Solver};
    ///
    /// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 2.0)?, 1.0)?])?;
    /// let samples = Samples::new(0.9)?.with_noise_variance(0.5)?;
    /// let ridge = Solver::new().with_estimator(Estimator::Lazy);
    /// let best = ridge.best_explicit_penalty(&law, &samples)?;
    /// // The penalty is kappa b²/(4c), and the best one b² sigma²/(2V).
    /// let PenaltyPosition::Finite(kappa) = best.position else { panic!() };
    /// assert!((kappa - 0.5).abs() < 1e-8);
    /// let interpolating = ridge.solve(&law, &samples)?.generalization_error();
    /// assert!(best.generalization_error < 0.2 * interpolating);
    /// // Without noise, interpolation is best.
    /// let noiseless = ridge.best_explicit_penalty(&law, &Samples::new(0.9)?)?;
    /// assert_eq!(noiseless.position, PenaltyPosition::Zero);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn best_explicit_penalty(&self, law: &Law, samples: &Samples) -> Result<BestPenalty> {
        let nothing_learned = law.whitened().signal();
        let unpenalized = match self.without_penalty(law, samples) {
            Err(Error::Diverges { .. }) => None,
            solution => Some(solution?),
        };
        let lowest_of_limits = unpenalized
            .as_ref()
            .map_or(f64::INFINITY, Solution::generalization_error)
            .min(nothing_learned);
        if lowest_of_limits > 0.0
            && let Some(best) = self.lowest_between(law, samples)?
            && best.error() < (1.0 - EQUAL) * lowest_of_limits
        {
            return Ok(BestPenalty {
                position: PenaltyPosition::Finite(best.solution.explicit_penalty()),
                generalization_error: best.error(),
                solution: Some(best.solution),
            });
        }
        Ok(match unpenalized {
            Some(solution) if solution.generalization_error() <= nothing_learned => BestPenalty {
                position: PenaltyPosition::Zero,
                generalization_error: solution.generalization_error(),
                solution: Some(solution),
            },
            _ => BestPenalty {
                position: PenaltyPosition::Infinite,
                generalization_error: nothing_learned,
                solution: None,
            },
        })
    }

    /// The limit of a vanishing penalty.
    fn without_penalty(&self, law: &Law, samples: &Samples) -> Result<Solution> {
        let whitened = law.whitened();
        let Estimator::ElasticNet(net) = self.estimator() else {
            return self.with_explicit_penalty(0.0)?.solve(law, samples);
        };
        // The interpolator of least norm, which no solver without a penalty is asked for.
        if let Some(solved) = weighted_l2::least_squares(&whitened, samples) {
            return Solution::new(law, samples, 0.0, solved?);
        }
        let undisturbed = samples.noise_variance() + whitened.frozen_signal() == 0.0;
        let recovers = || {
            let weights = rich_weights(&whitened);
            let threshold = RecoveryThreshold::of_norm(&whitened, &weights, net.curvature())?;
            Ok::<_, Error>(threshold.recovers(samples.sample_ratio()))
        };
        let solved = if undisturbed && recovers()? {
            let exact = weighted_l2::unbiased(&whitened, 0.0, 0.0)?;
            Solved { estimator: self.estimator(), difference_bound: None, ..exact }
        } else {
            penalized(self.estimator(), &whitened, samples, 0.0, None, Precision::Full)?
        };
        Solution::new(law, samples, 0.0, solved)
    }

    /// The lowest error at a penalty within the range of the search; `None` where nothing can move.
    fn lowest_between(&self, law: &Law, samples: &Samples) -> Result<Option<Node>> {
        let Some([low, high]) = self.log_penalties(law, samples)? else { return Ok(None) };
        let steps = ((high - low) / SPACING).ceil();
        let at = |index: f64| low + (high - low) * (index / steps);
        let middle = (0.5 * steps).round();
        let mut nodes = vec![self.node(law, samples, at(middle), None)?];
        // From the middle to both ends, each solution the start of the next.
        for direction in [-1.0, 1.0] {
            let mut index = middle + direction;
            while (0.0..=steps).contains(&index) {
                let nearest = nodes.last();
                match self.node(law, samples, at(index), nearest) {
                    Err(error) if matches!(error.cause(), Error::NotRepresentable { .. }) => break,
                    node => nodes.push(node?),
                }
                index += direction;
            }
            // The middle is last, for the other direction; in the end, penalties ascend.
            if direction < 0.0 {
                nodes.reverse();
            }
        }
        let is_valley = |i: &usize| {
            let beside = [i.checked_sub(1), Some(i + 1)].into_iter().flatten();
            beside.filter_map(|j| nodes.get(j)).all(|other| nodes[*i].error() <= other.error())
        };
        let mut valleys: Vec<usize> = (0..nodes.len()).filter(is_valley).collect();
        valleys.sort_by(|&i, &j| nodes[i].error().total_cmp(&nodes[j].error()));
        let mut lowest: Option<Node> = None;
        for &i in valleys.iter().take(VALLEYS) {
            let sides = [i.saturating_sub(1), (i + 1).min(nodes.len() - 1)];
            let sides = sides.map(|side| nodes[side].log_penalty);
            let bottom = self.descend(law, samples, &nodes[i], sides)?;
            if lowest.as_ref().is_none_or(|lowest| bottom.error() < lowest.error()) {
                lowest = Some(bottom);
            }
        }
        Ok(lowest)
    }

    fn node(
        &self,
        law: &Law,
        samples: &Samples,
        log_penalty: f64,
        nearest: Option<&Node>,
    ) -> Result<Node> {
        let solver = self.with_explicit_penalty(log_penalty.exp())?;
        let start = nearest.map(|node| &node.solution.state);
        Ok(Node { log_penalty, solution: solver.solve_law(law, samples, start)? })
    }

    /// The bottom of a valley, by the sign of the derivative: by secants, and by halves where these do
    /// not close in.
    fn descend(&self, law: &Law, samples: &Samples, node: &Node, sides: [f64; 2]) -> Result<Node> {
        const STEPS: usize = 60;
        const NARROW: f64 = 1e-11;
        let slope = |node: &Node| {
            let slope = node.solution.sensitivities()?.generalization_error.explicit_penalty;
            Ok::<_, Error>(slope.unwrap_or(0.0) * node.log_penalty.exp())
        };
        let mut best = node.clone();
        let mut inner = (node.log_penalty, slope(node)?);
        let mut outer = (sides[usize::from(inner.1 < 0.0)], f64::NAN);
        for step in 0..STEPS {
            let width = outer.0 - inner.0;
            if inner.1 == 0.0 || width.abs() <= NARROW {
                break;
            }
            let share = -inner.1 / (outer.1 - inner.1);
            let is_secant = step % 3 != 2 && share > 0.0 && share < 1.0;
            let share = if is_secant { share.clamp(1e-4, 1.0 - 1e-4) } else { 0.5 };
            let next = self.node(law, samples, inner.0 + share * width, Some(&best))?;
            let point = (next.log_penalty, slope(&next)?);
            // On the side of `inner` the error falls towards `outer`.
            *(if point.1 * inner.1 > 0.0 { &mut inner } else { &mut outer }) = point;
            let is_bottom = point.1 == 0.0;
            if next.error() <= best.error() {
                best = next;
            }
            if is_bottom {
                break;
            }
        }
        // Errors next to the bottom are equal to their accuracy, where the derivative tells more.
        let bottom = if inner.1.abs() <= outer.1.abs() || outer.1.is_nan() { inner } else { outer };
        let bottom = self.node(law, samples, bottom.0, Some(&best))?;
        Ok(if bottom.error() <= (1.0 + Self::ACCURACY) * best.error() { bottom } else { best })
    }

    /// Logarithms of the smallest and the largest penalty of the search; `None` where no coordinate can
    /// move.
    fn log_penalties(&self, law: &Law, samples: &Samples) -> Result<Option<[f64; 2]>> {
        let law = &law.whitened();
        let alpha = samples.sample_ratio();
        let unit_squared = exact_unit_squared(law.magnitude_squared() + samples.noise_variance());
        let most_noise = (law.magnitude_squared() + samples.noise_variance()) / alpha;
        let noises = [LEAST_NOISE, 1.0].map(|share| share * (most_noise / unit_squared));
        let weights = RichWeights::new(law);
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for (index, group) in law.movable() {
            let weight = weights.of_group(index);
            let estimator = self.estimator().estimator(group, weight, 0.0, unit_squared)?;
            let estimator = Weighted::new(group, 1.0, estimator);
            for noise in noises {
                let [weakest, strongest] = estimator.penalties(noise);
                (low, high) = (low.min(weakest.ln()), high.max(strongest.ln()));
            }
        }
        if low > high {
            return Ok(None);
        }
        // Of theta, in the units of the law; kappa is at most alpha theta.
        let unit = (2.0 * unit_squared.sqrt()).ln() + alpha.ln();
        let range = [low - MARGIN.ln(), high + MARGIN.ln()];
        Ok(Some(range.map(|log_penalty| (log_penalty + unit).clamp(-690.0, 690.0))))
    }
}
