//! Statistics of the estimate at a fixed point: moments, discoveries, forgetting.

use std::collections::HashMap;

use crate::asymptotics::fixed_point::Estimator;
use crate::asymptotics::solution::Solution;
use crate::error::{Error, Result};
use crate::estimator::channel::{Line, ScalarChannel, exact_unit_squared, signed_unit};
use crate::estimator::linear::Linear;
use crate::estimator::soft_threshold::SoftThreshold;
use crate::numerics::normal::upper_tail;
use crate::numerics::sum::CompensatedSum;
use crate::problem::law::{Group, Label};

/// What a trained network holds besides its error: moments of the estimate, features discovered,
/// pretraining forgotten.
///
/// # Formula
///
/// At the [fixed point](crate::FixedPoint), with the estimate `b(z)`, `z = B_FT + s Z`,
///
/// ```text
/// mean = E[b],   variance = E[(b - E[b])²],   discovery_rate = P(|b| > cut)
/// forgetting         = E[(b - beta_PT)²]
/// pretraining_error  = E[(b - B_PT)²]
/// true discovery rate   = P(|b| > cut | B_FT active)
/// false discovery rate  = P(B_FT inactive | |b| > cut)
/// ```
///
/// where
/// - `beta_PT`, `B_PT`: pretrained and true coefficient of pretraining ([`Pretrained`](crate::Pretrained));
///   `||beta_hat - B_PT||²/D` is the excess test error on the pretraining task after fine-tuning;
/// - `cut`: magnitude above which a coefficient counts as discovered, in [0, 1e300];
/// - active: of a group whose [prior](Group::prior) is not zero; where a
///   [transfer](crate::Transfer) has nodes, of a coordinate that its task uses.
///
/// Moments are integrals to 1e-10 of the root mean squares that they compare, and explicit at the
/// closed forms; discovery rates are tails of the Gaussian, because `b` rises with `z`.
///
/// Source: Bayati and Montanari 2012 (arXiv:1008.2581), expectations of coordinate-wise functions.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "quadrature")]
/// # {
/// use diagonet::{Initialization, Law, Samples, ScaleMap, Solver, Supports, Task};
///
/// let task = Task::new(Supports::from_overlap(0.2, 0.1, 0.5)?)?;
/// let map = ScaleMap::new(Initialization::from_scales(1e-3, -0.9)?, 0.0)?;
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
/// use diagonet::{Group, Law, Prior, Samples, Solver};
///
/// let law = Law::new(vec![Group::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1e6)?])?;
/// let statistics = Solver::new().solve(&law, &Samples::new(0.5)?)?.statistics(0.0)?;
/// let all = &statistics.groups[0];
/// assert_eq!((all.label.as_str(), all.weight), ("all", 1.0));
/// assert_eq!(all.estimates.discovery_rate, 1.0);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GroupStatistics {
    /// Name of the coordinates.
    pub label: Label,
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
/// use diagonet::{Group, Law, Prior, Samples, Solver};
///
/// // The lazy limit shrinks by the sample ratio: b = alpha z.
/// let law = Law::new(vec![Group::new("all", 1.0, Prior::atom(1.0)?, 1e9)?])?;
/// let estimates = Solver::new().solve(&law, &Samples::new(0.5)?)?.statistics(0.0)?.total;
/// assert!((estimates.mean - 0.5).abs() < 1e-12);
/// assert!((estimates.variance - 0.25).abs() < 1e-12);
/// assert_eq!(estimates.forgetting, None);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct EstimateStatistics {
    /// Mean of the estimate.
    pub mean: f64,
    /// Variance of the estimate.
    pub variance: f64,
    /// Probability of an estimate above the cut in magnitude.
    pub discovery_rate: f64,
    /// Mean square distance from the pretrained coefficient; `None` without
    /// [pretraining](Group::with_pretrained).
    pub forgetting: Option<f64>,
    /// Mean square distance from the true coefficient of pretraining; `None` without pretraining.
    pub pretraining_error: Option<f64>,
}

impl Statistics {
    /// Statistics at a solution.
    pub(crate) fn new(solution: &Solution, discovery_cut: f64) -> Result<Self> {
        let law = solution.law();
        let unit_squared = law.magnitude_squared() + solution.samples().noise_variance();
        let weights = solution.l1_weights();
        let estimates = |(index, group): (usize, &Group)| {
            of_group(group, solution, weights.of_group(index), unit_squared, discovery_cut)
        };
        let of_groups =
            law.groups().iter().enumerate().map(estimates).collect::<Result<Vec<_>>>()?;
        let weighted: Vec<_> = law.groups().iter().map(Group::weight).zip(of_groups).collect();

        let mut positions = HashMap::with_capacity(solution.groups.len());
        let mut members = vec![Vec::new(); solution.groups.len()];
        for (position, group) in solution.groups.iter().enumerate() {
            positions.insert(&group.label, position);
        }
        for (group, entry) in law.groups().iter().zip(&weighted) {
            members[positions[group.label()]].push(*entry);
        }
        let groups = solution.groups.iter().zip(&members).map(|(group, members)| GroupStatistics {
            label: group.label.clone(),
            weight: group.weight,
            estimates: EstimateStatistics::of_mixture(members),
        });
        let groups = groups.collect();
        let sum = |active: Option<bool>, discovered: bool| {
            let members = law.groups().iter().zip(&weighted);
            let members =
                members.filter(|(group, _)| active.is_none_or(|x| x == group.is_active()));
            let terms = members.map(|(_, (weight, statistics))| {
                weight * if discovered { statistics.discovery_rate } else { 1.0 }
            });
            terms.collect::<CompensatedSum>().value()
        };
        let ratio = |part: f64, whole: f64| (whole > 0.0).then(|| part / whole);
        Ok(Self {
            total: EstimateStatistics::of_mixture(&weighted),
            groups,
            true_discovery_rate: ratio(sum(Some(true), true), sum(Some(true), false)),
            false_discovery_rate: ratio(sum(Some(false), true), sum(None, true)),
        })
    }

    /// Statistics of the coordinates with this label; `None` where the law has no such label.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Group, Law, Prior, Samples, Solver};
    ///
    /// let law = Law::new(vec![Group::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1e6)?])?;
    /// let statistics = Solver::new().solve(&law, &Samples::new(0.5)?)?.statistics(0.0)?;
    /// assert_eq!(statistics.group("all").unwrap().estimates, statistics.total);
    /// assert_eq!(statistics.group("some"), None);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn group(&self, label: impl AsRef<str>) -> Option<&GroupStatistics> {
        let label = label.as_ref();
        self.groups.iter().find(|entry| entry.label.as_str() == label)
    }
}

impl EstimateStatistics {
    fn is_finite(&self) -> bool {
        let squares = [self.forgetting, self.pretraining_error].map(|x| x.unwrap_or(0.0));
        [self.mean, self.variance, self.discovery_rate]
            .iter()
            .chain(&squares)
            .all(|x| x.is_finite())
    }

    /// Statistics of a mixture of weighted parts; without any weight, of the first.
    fn of_mixture(parts: &[(f64, Self)]) -> Self {
        let whole = parts.iter().map(|(weight, _)| *weight).collect::<CompensatedSum>().value();
        let share = |index: usize, weight: f64| {
            if whole > 0.0 { weight / whole } else { f64::from(u8::from(index == 0)) }
        };
        let average = |quantity: &dyn Fn(&Self) -> f64| {
            let parts = parts.iter().enumerate();
            let terms = parts.map(|(index, (weight, part))| share(index, *weight) * quantity(part));
            terms.collect::<CompensatedSum>().value()
        };
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
            pretraining_error: optional(&|part| part.pretraining_error),
        }
    }
}

/// Statistics of the estimates of a group, by the estimator that the report used.
fn of_group(
    group: &Group,
    solution: &Solution,
    rich_weight: f64,
    unit_squared: f64,
    cut: f64,
) -> Result<EstimateStatistics> {
    let noise = solution.state.effective_noise_variance;
    if group.scale() == 0.0 || (noise == 0.0 && group.is_learned()) {
        return of_estimator(&Linear::at_start(group, 1.0), group, solution, 1.0, cut);
    }
    match solution.estimator {
        Estimator::LeastSquares | Estimator::Lazy => {
            of_estimator(&Linear::new(group, 1.0), group, solution, 1.0, cut)
        }
        Estimator::Rich => {
            let estimator = SoftThreshold::new(group, rich_weight, 1.0)?;
            of_estimator(&estimator, group, solution, 1.0, cut)
        }
        Estimator::Quadrature => {
            // Where nothing that has weight is to be learned, the group has its own unit.
            let square = if unit_squared > 0.0 { unit_squared } else { group.magnitude_squared() };
            proximal(group, solution, exact_unit_squared(square), cut)
        }
    }
}

#[cfg(feature = "quadrature")]
fn proximal(
    group: &Group,
    solution: &Solution,
    unit_squared: f64,
    cut: f64,
) -> Result<EstimateStatistics> {
    let estimator = crate::estimator::quadrature::Channel::new(group, unit_squared)?;
    of_estimator(&estimator, group, solution, unit_squared, cut)
}

#[cfg(not(feature = "quadrature"))]
fn proximal(_: &Group, _: &Solution, _: f64, _: f64) -> Result<EstimateStatistics> {
    Err(Error::QuadratureDisabled { quantity: "the statistics of estimates" })
}

/// Statistics of the estimates of a group, whose `estimator` is in units of the root of
/// `unit_squared`.
fn of_estimator(
    estimator: &impl ScalarChannel,
    group: &Group,
    solution: &Solution,
    unit_squared: f64,
    cut: f64,
) -> Result<EstimateStatistics> {
    let unit = signed_unit(group, unit_squared);
    let noise = solution.state.effective_noise_variance;
    let w = noise / unit_squared;
    let half_penalty = 0.5 * solution.state.effective_penalty / unit.abs();
    let distance = |level: f64, slope: f64| {
        let line = Line { level: level / unit, slope: slope / unit.abs() };
        unit * unit * estimator.square_distance(w, half_penalty, line)
    };
    let total = group.prior().variance() + noise;
    let (center, spread) = (group.prior().mean(), total.sqrt());
    let mean = unit * estimator.mean(w, half_penalty);
    let variance = distance(mean, 0.0);
    let (mean, variance) =
        if group.is_mirrored() { (0.0, variance + mean * mean) } else { (mean, variance) };
    let forgetting = group.pretrained().map(|pretrained| distance(pretrained.coefficient(), 0.0));
    let pretraining_error = group.pretrained().map(|pretrained| {
        let slope = if total > 0.0 { pretrained.covariance() / spread } else { 0.0 };
        // What z leaves open; not negative but for rounding.
        let open = (pretrained.prior().variance() - slope * slope).max(0.0);
        open + distance(pretrained.prior().mean(), slope)
    });
    let discovery_rate = if total > 0.0 {
        let [above, below] =
            [cut, -cut].map(|estimate| unit * estimator.observation(half_penalty, estimate / unit));
        (upper_tail((above - center) / spread) + upper_tail((center - below) / spread)).min(1.0)
    } else {
        f64::from(u8::from(mean.abs() > cut))
    };
    let statistics =
        EstimateStatistics { mean, variance, discovery_rate, forgetting, pretraining_error };
    if statistics.is_finite() {
        Ok(statistics)
    } else {
        Err(Error::NotRepresentable {
            quantity: "a statistic of the estimates",
            reason: "it, or the penalty in units of the coefficients, is above 1e308",
        })
    }
}
