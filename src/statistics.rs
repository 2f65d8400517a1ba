//! Statistics of the estimate at a fixed point: moments, discoveries, forgetting.

use std::collections::HashMap;

use crate::error::Result;
use crate::fixed_point::Estimator;
use crate::law::{Group, Label, Law};
use crate::limits::rich_weights;
use crate::normal::{excess, square_excess, upper_tail};
use crate::report::Report;
use crate::sum::CompensatedSum;

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
/// let statistics = Solver::new().statistics(&law, &Samples::new(0.3)?, 0.1)?;
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
    /// The error, and the state.
    pub report: Report,
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
/// let statistics = Solver::new().statistics(&law, &Samples::new(0.5)?, 0.0)?;
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
/// let estimates = Solver::new().statistics(&law, &Samples::new(0.5)?, 0.0)?.total;
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
    /// Statistics at the state of `report`, the solution for `law` and samples with
    /// `noise_variance`.
    pub(crate) fn new(
        law: &Law,
        noise_variance: f64,
        report: Report,
        discovery_cut: f64,
    ) -> Result<Self> {
        let unit_squared = law.magnitude_squared() + noise_variance;
        let weights = rich_weights(law);
        let of_group = |(group, weight): (&Group, &f64)| {
            let map = Map::new(group, &report, *weight, unit_squared)?;
            Ok(map.statistics(group, report.state.effective_noise_variance, discovery_cut))
        };
        let of_groups =
            law.groups().iter().zip(&weights).map(of_group).collect::<Result<Vec<_>>>()?;
        let weighted: Vec<_> = law.groups().iter().map(Group::weight).zip(of_groups).collect();

        let mut positions = HashMap::with_capacity(report.groups.len());
        let mut members = vec![Vec::new(); report.groups.len()];
        for (position, group) in report.groups.iter().enumerate() {
            positions.insert(&group.label, position);
        }
        for (group, entry) in law.groups().iter().zip(&weighted) {
            members[positions[group.label()]].push(*entry);
        }
        let groups = report.groups.iter().zip(&members).map(|(group, members)| GroupStatistics {
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
            report,
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
    /// let statistics = Solver::new().statistics(&law, &Samples::new(0.5)?, 0.0)?;
    /// assert_eq!(statistics.group("all").unwrap().estimates, statistics.total);
    /// assert_eq!(statistics.group("some"), None);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn group(&self, label: &str) -> Option<&GroupStatistics> {
        self.groups.iter().find(|entry| entry.label.as_str() == label)
    }
}

impl EstimateStatistics {
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

/// How the estimate of a group follows from the observation.
#[derive(Debug, Clone, Copy)]
enum Map {
    /// `b = b0 + share (z - b0)`.
    Linear { start: f64, share: f64 },
    /// A soft threshold.
    Soft { threshold: f64 },
    /// The proximal map, by quadrature.
    #[cfg(feature = "quadrature")]
    Proximal(ProximalMap),
}

/// The proximal map of a channel.
#[cfg(feature = "quadrature")]
#[derive(Debug, Clone, Copy)]
struct ProximalMap {
    channel: crate::quadrature::Channel,
    noise: f64,
    half_penalty: f64,
    /// Unit of the channel, with the sign of the group's mean.
    unit: f64,
}

/// A Gaussian that the estimate is compared with: `level + slope x` at the standardized observation
/// `x = (z - E[z])/S`.
#[derive(Debug, Clone, Copy)]
struct Target {
    level: f64,
    slope: f64,
}

impl Map {
    fn new(group: &Group, report: &Report, rich_weight: f64, unit_squared: f64) -> Result<Self> {
        let (noise, theta) =
            (report.state.effective_noise_variance, report.state.effective_penalty);
        let start = group.start();
        if group.scale() == 0.0 || (noise == 0.0 && group.is_learned()) {
            return Ok(Self::Linear { start, share: 0.0 });
        }
        match report.estimator {
            Estimator::LeastSquares => Ok(Self::Linear { start, share: 1.0 }),
            Estimator::Lazy => {
                Ok(Self::Linear { start, share: 1.0 / (1.0 + 0.5 * theta / group.scale()) })
            }
            Estimator::Rich => Ok(Self::Soft { threshold: theta * rich_weight }),
            Estimator::Quadrature => Self::proximal(group, noise, theta, unit_squared),
        }
    }

    #[cfg(feature = "quadrature")]
    fn proximal(group: &Group, noise: f64, theta: f64, unit_squared: f64) -> Result<Self> {
        use crate::equations::exact_unit_squared;

        // Where nothing that has weight is to be learned, the group has its own unit.
        let square = if unit_squared > 0.0 { unit_squared } else { group.magnitude_squared() };
        let square = exact_unit_squared(square);
        let unit = square.sqrt();
        Ok(Self::Proximal(ProximalMap {
            channel: crate::quadrature::Channel::new(group, square)?,
            noise: noise / square,
            half_penalty: 0.5 * theta / unit,
            unit: if group.prior().mean() < 0.0 { -unit } else { unit },
        }))
    }

    #[cfg(not(feature = "quadrature"))]
    fn proximal(_: &Group, _: f64, _: f64, _: f64) -> Result<Self> {
        Err(crate::Error::QuadratureDisabled { quantity: "the statistics of estimates" })
    }

    fn statistics(&self, group: &Group, noise: f64, cut: f64) -> EstimateStatistics {
        let total = group.prior().variance() + noise;
        let (center, spread) = (group.prior().mean(), total.sqrt());
        let mean = self.mean(center, spread);
        let distance = |target| self.mean_square_distance(center, spread, target);
        let variance = distance(Target { level: mean, slope: 0.0 });
        let (mean, variance) =
            if group.is_mirrored() { (0.0, variance + mean * mean) } else { (mean, variance) };
        let forgetting = group
            .pretrained()
            .map(|pretrained| distance(Target { level: pretrained.coefficient(), slope: 0.0 }));
        let pretraining_error = group.pretrained().map(|pretrained| {
            let slope = if total > 0.0 { pretrained.covariance() / spread } else { 0.0 };
            // What z leaves open; not negative but for rounding.
            let open = (pretrained.prior().variance() - slope * slope).max(0.0);
            open + distance(Target { level: pretrained.prior().mean(), slope })
        });
        let discovery_rate = if total > 0.0 {
            let [above, below] = [cut, -cut].map(|estimate| self.observation(estimate));
            (upper_tail((above - center) / spread) + upper_tail((center - below) / spread)).min(1.0)
        } else {
            f64::from(u8::from(mean.abs() > cut))
        };
        EstimateStatistics { mean, variance, discovery_rate, forgetting, pretraining_error }
    }

    /// The observation at which the estimate is `estimate`, or gets there from its side of zero.
    fn observation(&self, estimate: f64) -> f64 {
        match self {
            Self::Linear { start, share } if *share > 0.0 => start + (estimate - start) / share,
            Self::Linear { .. } => f64::INFINITY.copysign(estimate),
            Self::Soft { threshold } => estimate + threshold.copysign(estimate),
            #[cfg(feature = "quadrature")]
            Self::Proximal(map) => {
                map.unit * map.channel.observation(estimate / map.unit, map.half_penalty)
            }
        }
    }

    /// `E[b]` for `z ~ N(center, spread²)`.
    fn mean(&self, center: f64, spread: f64) -> f64 {
        match self {
            Self::Linear { start, share } => start + share * (center - start),
            Self::Soft { threshold } if spread == 0.0 => {
                (center.abs() - threshold).max(0.0).copysign(center)
            }
            Self::Soft { threshold } => {
                let [above, below] = tails(*threshold, center, spread);
                spread * (excess(above) - excess(below))
            }
            #[cfg(feature = "quadrature")]
            Self::Proximal(ProximalMap { channel, half_penalty, unit, .. }) if spread == 0.0 => {
                unit * (channel.mean - channel.shrinkage(channel.mean, *half_penalty))
            }
            #[cfg(feature = "quadrature")]
            Self::Proximal(map) => map.unit * map.average(|_, estimate| estimate),
        }
    }

    /// `E[(b - T)²]` for the target `T`.
    fn mean_square_distance(&self, center: f64, spread: f64, target: Target) -> f64 {
        let Target { level, slope } = target;
        if spread == 0.0 {
            return (self.mean(center, spread) - level).powi(2);
        }
        match self {
            Self::Linear { start, share } => {
                let distance = start + share * (center - start) - level;
                distance.powi(2) + (share * spread - slope).powi(2)
            }
            Self::Soft { threshold } => {
                let [above, below] = tails(*threshold, center, spread);
                // Zero between the thresholds, not negative but for rounding.
                let between = level * level + slope * slope
                    - square_beyond(level, slope, above)
                    - square_beyond(level, -slope, below);
                between.max(0.0)
                    + square_beyond(center - threshold - level, spread - slope, above)
                    + square_beyond(center + threshold - level, slope - spread, below)
            }
            #[cfg(feature = "quadrature")]
            Self::Proximal(map) => {
                let (level, slope) = (level / map.unit, slope / map.unit.abs());
                map.unit.powi(2) * map.average(|x, estimate| (estimate - level - slope * x).powi(2))
            }
        }
    }
}

#[cfg(feature = "quadrature")]
impl ProximalMap {
    /// Average of a function of the standardized observation and the estimate, in units.
    fn average(&self, function: impl Fn(f64, f64) -> f64) -> f64 {
        use crate::quadrature::{Rule, integrate};

        let spread = (self.channel.variance + self.noise).sqrt();
        let symmetric = self.channel.mean == 0.0 && self.channel.start == 0.0;
        let (mut mass, mut sum) = (0.0, 0.0);
        integrate(&self.channel, self.noise, self.half_penalty, &Rule::FINE, |node| {
            let x = node.deviation / spread;
            let value = function(x, node.estimate);
            // One side stands for both where they are alike.
            let value =
                if symmetric { 0.5 * (value + function(-x, -node.estimate)) } else { value };
            mass += node.mass;
            sum += node.mass * value;
        });
        sum / mass
    }
}

/// Both thresholds in standard deviations from the mean, up and down.
fn tails(threshold: f64, center: f64, spread: f64) -> [f64; 2] {
    [threshold - center, threshold + center].map(|distance| (distance / spread).clamp(-1e3, 1e3))
}

/// `E[(level + slope x)²; x > from]` for a standard normal `x`.
fn square_beyond(level: f64, slope: f64, from: f64) -> f64 {
    let edge = level + slope * from;
    edge * edge * upper_tail(from)
        + 2.0 * edge * slope * excess(from)
        + slope * slope * square_excess(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soft_thresholds_are_the_integrals() {
        let (center, spread, threshold) = (0.4, 0.8, 0.5);
        let map = Map::Soft { threshold };
        let target = Target { level: 0.3, slope: 0.25 };
        let (mut mean, mut distance) = (0.0, 0.0);
        let count = 400_000;
        for i in 0..count {
            let x = -10.0 + 20.0 * (f64::from(i) + 0.5) / f64::from(count);
            let mass = crate::normal::density(x) * 20.0 / f64::from(count);
            let z: f64 = center + spread * x;
            let estimate = z.signum() * (z.abs() - threshold).max(0.0);
            mean += mass * estimate;
            distance += mass * (estimate - target.level - target.slope * x).powi(2);
        }
        assert!((map.mean(center, spread) - mean).abs() < 1e-9);
        assert!((map.mean_square_distance(center, spread, target) - distance).abs() < 1e-9);
    }
}
