//! Statistics of the estimate at a fixed point: moments, discoveries, forgetting.

use std::collections::HashMap;

use crate::asymptotics::estimator::Estimator;
use crate::asymptotics::solution::Solution;
use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::estimator::linear::Linear;
use crate::estimator::weighted::Weighted;
use crate::estimator::{Divergence, Line, ScalarEstimator, exact_unit_squared, signed_unit};
use crate::label::GroupLabel;
use crate::numerics::normal::upper_tail;
use crate::numerics::sum::CompensatedSum;
use crate::problem::law::CoordinateGroup;

/// Moments of the estimate, discovery rates and forgetting at a fixed point.
///
/// # Formula
///
/// At the [fixed point](crate::FixedPoint), with the estimate `b(z)`, `z = B_FT + s Z`,
///
/// ```text
/// mean = E[b],   variance = E[(b - E[b])²],   discovery_rate = P(|b| > cut)
/// forgetting         = E[(b - beta_PT)²]
/// pretraining_error_after_fine_tuning  = E[(b - B_PT)²]
/// true discovery rate   = P(|b| > cut | B_FT active)
/// false discovery rate  = P(B_FT inactive | |b| > cut)
/// ```
///
/// where
/// - `beta_PT`, `B_PT`: pretrained and true coefficient of pretraining
///   ([`Pretrained`](crate::Pretrained)); `||beta_hat - B_PT||²/D` is the excess test error on the
///   pretraining task after fine-tuning;
/// - `cut`: magnitude above which a coefficient counts as discovered, in [0, 1e300];
/// - active: of a group whose [prior](CoordinateGroup::prior) is not zero; where a
///   [transfer](crate::Transfer) has nodes, of a coordinate that its task uses.
///
/// Moments of closed forms are explicit. Others are integrals, to 1e-10 of the root mean squares that
/// they compare. Discovery rates are tails of the Gaussian, because `b` rises with `z`.
///
/// Source: Bayati and Montanari 2012 (arXiv:1008.2581), expectations of coordinate-wise functions.
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
/// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 })?;
/// let task = Task::new(supports)?;
/// let map = ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: -0.9 })?, 0.0)?;
/// let law = Law::fine_tuning(&task, &map)?;
/// let statistics = Solver::new().solve(&law, &Samples::new(0.3)?)?.statistics(0.1)?;
/// assert!((statistics.true_discovery_rate.unwrap() - 0.8531).abs() < 1e-4);
/// assert!((statistics.false_discovery_rate.unwrap() - 0.7336).abs() < 1e-4);
/// // Coefficients were one in pretraining, and fine-tuning has little use for them.
/// let only = statistics.group("pretraining-only").unwrap();
/// assert!((only.estimates.forgetting.unwrap() - 1.2281).abs() < 1e-4);
/// # }
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Statistics {
    /// Statistics over all coordinates.
    pub total: EstimateStatistics,
    /// Statistics by label, in the order in which the labels first occur in the law.
    pub groups: Vec<GroupStatistics>,
    /// Probability that an active coordinate is discovered; `None` where none is active.
    pub true_discovery_rate: Option<f64>,
    /// Probability that a discovered coordinate is inactive; `None` where none is discovered.
    pub false_discovery_rate: Option<f64>,
}

/// Statistics of the coordinates under one label, see [`Statistics::groups`].
///
/// # Examples
///
/// ```
/// use diagonet::{CoordinateGroup, Law, Prior, Samples, Solver};
///
/// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1e6)?])?;
/// let statistics = Solver::new().solve(&law, &Samples::new(0.5)?)?.statistics(0.0)?;
/// let all = &statistics.groups[0];
/// assert_eq!((all.label.as_str(), all.weight), ("all", 1.0));
/// assert_eq!(all.estimates.discovery_rate, 1.0);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GroupStatistics {
    /// Name of the coordinates.
    pub label: GroupLabel,
    /// Probability that a coordinate is one of them.
    pub weight: f64,
    /// Statistics of their estimates.
    pub estimates: EstimateStatistics,
}

/// Statistics of the estimate of a coordinate, see [`Statistics`] for their definitions.
///
/// # Examples
///
/// ```
/// use diagonet::{CoordinateGroup, Law, Prior, Samples, Solver};
///
/// // The lazy limit shrinks by the sample ratio: b = alpha z.
/// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::atom(1.0)?, 1e9)?])?;
/// let estimates = Solver::new().solve(&law, &Samples::new(0.5)?)?.statistics(0.0)?.total;
/// assert!((estimates.mean - 0.5).abs() < 1e-12);
/// assert!((estimates.variance - 0.25).abs() < 1e-12);
/// assert_eq!(estimates.forgetting, None);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EstimateStatistics {
    /// Mean of the estimate.
    pub mean: f64,
    /// Variance of the estimate.
    pub variance: f64,
    /// Probability of an estimate above the cut in magnitude.
    pub discovery_rate: f64,
    /// Mean square distance from the pretrained coefficient; `None` without
    /// [pretraining](CoordinateGroup::with_pretrained).
    pub forgetting: Option<f64>,
    /// Mean square distance from the true coefficient of pretraining; `None` without pretraining.
    pub pretraining_error_after_fine_tuning: Option<f64>,
}

impl Solution {
    /// Statistics of the estimate: moments, discoveries above `discovery_cut` in magnitude, and
    /// forgetting, where the law has a pretraining stage.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`](crate::Error::OutOfDomain) for a cut outside [0, 1e300].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{CoordinateGroup, Estimator, Law, Prior, Samples, Solver};
    ///
    /// let law = Law::new(vec![
    ///     CoordinateGroup::new("signal", 0.1, Prior::gaussian(0.0, 10.0)?, 1e-9)?,
    ///     CoordinateGroup::new("background", 0.9, Prior::ZERO, 1e-9)?,
    /// ])?;
    /// let rich = Solver::new().with_estimator(Estimator::Rich);
    /// let statistics = rich.solve(&law, &Samples::new(0.25)?)?.statistics(0.0)?;
    /// // An l1 norm finds as many features as it has samples.
    /// assert!((statistics.total.discovery_rate - 0.25).abs() < 1e-11);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn statistics(&self, discovery_cut: f64) -> Result<Statistics> {
        Domain::NON_NEGATIVE.check("discovery_cut", discovery_cut)?;
        Statistics::new(self, discovery_cut)
    }

    /// Forgetting `$\mathbb E[(b - \beta_\mathrm{PT})^2]$`: mean square distance of the estimate from the
    /// pretrained coefficient. `None` where a group of the law has no
    /// [pretraining](CoordinateGroup::with_pretrained).
    ///
    /// It is [`EstimateStatistics::forgetting`] of the [total](Statistics::total), at a fraction of the
    /// time of all statistics.
    ///
    /// # Errors
    ///
    /// As [`Solution::statistics`].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{CoordinateGroup, Law, Pretrained, Prior, Samples, Solver};
    ///
    /// // Lazy training from 0 on half of the samples halves a coefficient that both tasks share.
    /// let group = CoordinateGroup::new("all", 1.0, Prior::atom(1.0)?, 1e9)?;
    /// let law = Law::new(vec![group.with_pretrained(Pretrained::new(1.0, Prior::atom(1.0)?)?)?])?;
    /// let solution = Solver::new().solve(&law, &Samples::new(0.5)?)?;
    /// assert!((solution.forgetting()?.unwrap() - 0.5).abs() < 1e-12);
    /// assert_eq!(solution.forgetting()?, solution.statistics(0.0)?.total.forgetting);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn forgetting(&self) -> Result<Option<f64>> {
        let (weights, mean_square) = (self.l1_weights(), self.mean_square());
        let mut parts = Vec::with_capacity(self.law().groups().len());
        for (index, group) in self.law().groups().iter().enumerate() {
            let l1_weight = weights.of_group(index);
            let estimate = GroupEstimate::new(group, self, l1_weight, mean_square)?;
            let Some(forgetting) = estimate.forgetting() else { return Ok(None) };
            if !forgetting.is_finite() {
                return Err(NOT_FINITE);
            }
            parts.push((group.weight(), forgetting));
        }
        Ok(Some(average(&parts, |forgetting| *forgetting)))
    }
}

/// A statistic that floats cannot hold.
const NOT_FINITE: Error = Error::NotRepresentable {
    quantity: "a statistic of the estimates",
    reason: "it, or the penalty in units of the coefficients, is above 1e308",
};

impl Statistics {
    /// Statistics at a solution.
    pub(crate) fn new(solution: &Solution, discovery_cut: f64) -> Result<Self> {
        let law = solution.law();
        let (weights, mean_square) = (solution.l1_weights(), solution.mean_square());
        let estimates = |(index, group): (usize, &CoordinateGroup)| {
            let weight = weights.of_group(index);
            GroupEstimate::new(group, solution, weight, mean_square)?.statistics(discovery_cut)
        };
        let of_groups =
            law.groups().iter().enumerate().map(estimates).collect::<Result<Vec<_>>>()?;
        let weighted: Vec<_> =
            law.groups().iter().map(CoordinateGroup::weight).zip(of_groups).collect();

        let mut positions = HashMap::with_capacity(solution.errors.groups.len());
        let mut members = vec![Vec::new(); solution.errors.groups.len()];
        for (position, group) in solution.errors.groups.iter().enumerate() {
            positions.insert(&group.label, position);
        }
        for (group, entry) in law.groups().iter().zip(&weighted) {
            members[positions[group.label()]].push(*entry);
        }
        let groups =
            solution.errors.groups.iter().zip(&members).map(|(group, members)| GroupStatistics {
                label: group.label.clone(),
                weight: group.weight,
                estimates: EstimateStatistics::of_mixture(members),
            });
        let groups = groups.collect();
        let rates = law.groups().iter().zip(&weighted).map(|(group, (weight, statistics))| Rate {
            weight: *weight,
            is_active: group.is_active(),
            discovery_rate: statistics.discovery_rate,
        });
        let [true_discovery_rate, false_discovery_rate] =
            discovery_rates(&rates.collect::<Vec<_>>());
        Ok(Self {
            total: EstimateStatistics::of_mixture(&weighted),
            groups,
            true_discovery_rate,
            false_discovery_rate,
        })
    }

    /// Statistics of the coordinates with this label; `None` where the law has no such label.
    #[must_use]
    pub fn group(&self, label: impl AsRef<str>) -> Option<&GroupStatistics> {
        let label = label.as_ref();
        self.groups.iter().find(|entry| entry.label.as_str() == label)
    }
}

impl EstimateStatistics {
    fn is_finite(&self) -> bool {
        let squares =
            [self.forgetting, self.pretraining_error_after_fine_tuning].map(|x| x.unwrap_or(0.0));
        [self.mean, self.variance, self.discovery_rate]
            .iter()
            .chain(&squares)
            .all(|x| x.is_finite())
    }

    /// Statistics of a mixture of weighted parts; without any weight, of the first.
    fn of_mixture(parts: &[(f64, Self)]) -> Self {
        let average = |quantity: &dyn Fn(&Self) -> f64| average(parts, quantity);
        let optional = |quantity: &dyn Fn(&Self) -> Option<f64>| {
            let known = parts.iter().all(|(_, part)| quantity(part).is_some());
            known.then(|| average(&|part| quantity(part).unwrap_or_default()))
        };
        let mean = average(&|part| part.mean);
        Self {
            mean,
            variance: average(&|part| part.variance + (part.mean - mean).powi(2)),
            discovery_rate: average(&|part| part.discovery_rate).min(1.0),
            forgetting: optional(&|part| part.forgetting),
            pretraining_error_after_fine_tuning: optional(&|part| {
                part.pretraining_error_after_fine_tuning
            }),
        }
    }
}

/// Average over weighted parts; without any weight, of the first.
fn average<T>(parts: &[(f64, T)], quantity: impl Fn(&T) -> f64) -> f64 {
    let whole = parts.iter().map(|(weight, _)| *weight).collect::<CompensatedSum>().value();
    let share = |index: usize, weight: f64| {
        if whole > 0.0 { weight / whole } else { f64::from(u8::from(index == 0)) }
    };
    let terms = parts.iter().enumerate();
    let terms = terms.map(|(index, (weight, part))| share(index, *weight) * quantity(part));
    terms.collect::<CompensatedSum>().value()
}

/// The discovery rate of some coordinates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) weight: f64,
    pub(crate) is_active: bool,
    pub(crate) discovery_rate: f64,
}

/// True and false discovery rate of a mixture.
pub(crate) fn discovery_rates(rates: &[Rate]) -> [Option<f64>; 2] {
    let sum = |active: Option<bool>, discovered: bool| {
        let members = rates.iter().filter(|rate| active.is_none_or(|x| x == rate.is_active));
        let terms =
            members.map(|rate| rate.weight * if discovered { rate.discovery_rate } else { 1.0 });
        terms.collect::<CompensatedSum>().value()
    };
    let ratio = |part: f64, whole: f64| (whole > 0.0).then(|| (part / whole).min(1.0));
    [
        ratio(sum(Some(true), true), sum(Some(true), false)),
        ratio(sum(Some(false), true), sum(None, true)),
    ]
}

/// A group with the estimator of a solution, at its state.
#[derive(Debug)]
pub(crate) struct GroupEstimate<'a> {
    group: &'a CoordinateGroup,
    estimator: Weighted<Box<dyn ScalarEstimator>>,
    /// Unit of the estimator in the coefficients' own, with its sign.
    unit: f64,
    /// Variance of the effective noise on the coefficient.
    noise: f64,
    w: f64,
    half_penalty: f64,
}

impl<'a> GroupEstimate<'a> {
    /// The estimate of a group as part of a solution, with the weight that it has in an l1 norm. The
    /// [mean square](Solution::mean_square) is a sum over the law, and given so as to be taken once.
    pub(crate) fn new(
        group: &'a CoordinateGroup,
        solution: &Solution,
        l1_weight: f64,
        mean_square: f64,
    ) -> Result<Self> {
        let whitened = &group.whitened();
        let state = &solution.state;
        let noise = state.effective_noise_variance;
        let fixed = group.scale() == 0.0 || (noise == 0.0 && group.is_learned());
        let unit_squared = match solution.estimator {
            Estimator::Auto | Estimator::Quadrature if !fixed => {
                // Where nothing that has weight is to be learned, the group has its own unit.
                let square =
                    if mean_square > 0.0 { mean_square } else { whitened.magnitude_squared() };
                exact_unit_squared(square)
            }
            // Closed forms need no unit.
            _ => 1.0,
        };
        let estimator: Box<dyn ScalarEstimator> = if fixed {
            Box::new(Linear::at_start(whitened, unit_squared))
        } else {
            solution.estimator.estimator(whitened, l1_weight, 0.0, unit_squared)?
        };
        let estimator = Weighted::new(whitened, 1.0, estimator);
        let unit = signed_unit(group, unit_squared);
        let half_penalty = 0.5 * state.effective_penalty / unit.abs();
        let w = noise / unit_squared;
        let (unit, noise) = (unit / whitened.unit(), noise / group.input_variance());
        Ok(Self { group, estimator, unit, noise, w, half_penalty })
    }

    fn mean(&self) -> f64 {
        self.unit * self.estimator.mean(self.w, self.half_penalty)
    }

    /// `E[(b - level - slope x)²]`.
    fn square_distance(&self, level: f64, slope: f64) -> f64 {
        let line = Line { level: level / self.unit, slope: slope / self.unit.abs() };
        self.unit * self.unit * self.estimator.square_distance(self.w, self.half_penalty, line)
    }

    /// `E[(b - beta_PT)²]`, where there is a pretrained coefficient.
    fn forgetting(&self) -> Option<f64> {
        let pretrained = self.group.pretrained()?;
        Some(self.square_distance(pretrained.coefficient(), 0.0))
    }

    /// How far training moves the coefficient; `None` for an estimator without a scale.
    pub(crate) fn divergence(&self, stretch: f64) -> Option<Divergence> {
        let Divergence { own, stretched, norm } =
            self.estimator.divergence(self.w, self.half_penalty, stretch)?;
        // Homogeneous of degree one in coefficient, scale and start.
        let unit = self.unit.abs();
        Some(Divergence { own: unit * own, stretched: unit * stretched, norm: unit * norm })
    }

    /// `P(|b| > cut)`.
    pub(crate) fn discovery_rate(&self, cut: f64) -> f64 {
        let spread = (self.group.prior().variance() + self.noise).sqrt();
        if spread == 0.0 {
            return f64::from(u8::from(self.mean().abs() > cut));
        }
        let center = self.group.prior().mean();
        let [above, below] = [cut, -cut].map(|estimate| {
            self.unit * self.estimator.observation(self.half_penalty, estimate / self.unit)
        });
        (upper_tail((above - center) / spread) + upper_tail((center - below) / spread)).min(1.0)
    }

    fn statistics(&self, cut: f64) -> Result<EstimateStatistics> {
        let group = self.group;
        let total = group.prior().variance() + self.noise;
        let mean = self.mean();
        let variance = self.square_distance(mean, 0.0);
        let (mean, variance) =
            if group.is_mirrored() { (0.0, variance + mean * mean) } else { (mean, variance) };
        let pretraining_error_after_fine_tuning = group.pretrained().map(|pretrained| {
            let slope = if total > 0.0 { pretrained.covariance() / total.sqrt() } else { 0.0 };
            // What z leaves open; not negative but for rounding.
            let open = (pretrained.prior().variance() - slope * slope).max(0.0);
            open + self.square_distance(pretrained.prior().mean(), slope)
        });
        let statistics = EstimateStatistics {
            mean,
            variance,
            discovery_rate: self.discovery_rate(cut),
            forgetting: self.forgetting(),
            pretraining_error_after_fine_tuning,
        };
        if statistics.is_finite() { Ok(statistics) } else { Err(NOT_FINITE) }
    }
}
