//! The inductive bias of a task: averages over the features that fine-tuning uses.

use crate::bias::inductive_bias::{Feature, InductiveBias, Regime, check_threshold};
use crate::bias::realization::parameter_of_order;
use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::network::penalty::{Penalty, scaled_sinh};
use crate::network::scale_map::{FeatureScales, ScaleMap};
use crate::problem::component::Component;
use crate::problem::mixture::Mixture;
use crate::problem::pretrained::Pretrained;
use crate::problem::prior::Prior;
use crate::problem::task::Task;

/// The share of features in each regime, see [`TaskBias::regime_shares`].
///
/// # Examples
///
/// ```
/// use diagonet::{Densities, Initialization, Regime, ScaleMap, Scales, Supports, Task, TaskBias};
///
/// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 })?;
/// let task = Task::new(supports)?;
/// let lazy = ScaleMap::new(Initialization::new(Scales { absolute: 1e300, relative: 0.0 })?, 0.0)?;
/// # if cfg!(feature = "quadrature") {
/// let shares = TaskBias::of_task(&task, &lazy)?.regime_shares();
/// assert_eq!(shares.share(Regime::III), 1.0);
/// # }
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RegimeShares {
    shares: [f64; 4],
}

impl RegimeShares {
    /// Share of the features in `regime`, in [0, 1]. The four shares sum to 1.
    #[must_use]
    pub fn share(&self, regime: Regime) -> f64 {
        self.shares[index(regime)]
    }
}

fn index(regime: Regime) -> usize {
    match regime {
        Regime::I => 0,
        Regime::II => 1,
        Regime::III => 2,
        Regime::IV => 3,
    }
}

/// The inductive bias of fine-tuning on a task: averages over the features that fine-tuning uses,
/// and the share of them in each regime.
///
/// # Formula
///
/// ```text
/// E[l],   E[PD],   P(regime)      over features that fine-tuning uses, (beta_PT, beta_FT)
/// ```
///
/// where
/// - `beta_PT`: pretraining coefficient, an atom of the [pretraining prior](Task::pretraining_prior) for
///   a shared feature, 0 for a new one;
/// - `beta_FT`: fine-tuning coefficient, from a component `N(m, v)` of the prior of
///   [shared](Task::shared_prior) or [new](Task::new_prior) features, given `beta_PT`;
/// - `l`, `PD`: the [inductive bias](InductiveBias) of a feature.
///
/// The averages are integrals by the trapezoidal rule, to 1e-13 absolute. The order `l` falls with
/// `|beta_FT|`, and `PD/(1 - l)` does not depend on it. Every regime is therefore an interval of
/// `|beta_FT|`, and its share a difference of error functions, to 1e-14 absolute.
///
/// Source: Anguita et al. 2026 (arXiv:2602.20062), sections 4 and 5.
///
/// # Examples
///
/// ```
/// use diagonet::{Densities, Initialization, Regime, ScaleMap, Scales, Supports, Task, TaskBias};
///
/// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 })?;
/// let task = Task::new(supports)?;
/// let map = ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: 0.0 })?, 0.0)?;
/// # if cfg!(feature = "quadrature") {
/// let bias = TaskBias::of_task(&task, &map)?;
/// // New features are learned richly for the most part, shared ones lazily or in between.
/// assert!((bias.average().l_order() - 1.45427).abs() < 1e-5);
/// let shares = bias.regime_shares();
/// assert!((shares.share(Regime::I) - 0.45076).abs() < 1e-5);
/// assert!((shares.share(Regime::II) - 0.19123).abs() < 1e-5);
/// # }
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TaskBias {
    groups: Vec<FeatureGroup>,
    average: InductiveBias,
    shares: RegimeShares,
}

/// Features with equal scales.
#[derive(Debug, Clone, Copy, PartialEq)]
struct FeatureGroup {
    /// Probability among the features that fine-tuning uses.
    weight: f64,
    /// Mean and standard deviation of the coefficients.
    mean: f64,
    deviation: f64,
    scales: FeatureScales,
}

impl TaskBias {
    /// The inductive bias of fine-tuning on `task` with the scales of `scale_map`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`](crate::Error::OutOfDomain) for a task whose fine-tuning support is
    /// empty, or whose pretraining prior has components other than atoms;
    /// [`Error::NoLimit`](crate::Error::NoLimit) where coefficients are 0 and fine-tuning starts frozen;
    /// [`Error::QuadratureDisabled`](crate::Error::QuadratureDisabled) where the averages are
    /// integrals and the crate was built without its feature `quadrature`.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Densities, Initialization, ScaleMap, Scales, Supports, Task, TaskBias};
    ///
    /// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 1.0 })?;
    /// let task = Task::new(supports)?;
    /// // Without a first layer and a readout, every coordinate is frozen: the rich limit.
    /// let initialization = Initialization::new(Scales { absolute: 1.0, relative: -1.0 })?;
    /// let map = ScaleMap::new(initialization, 0.0)?;
    /// assert_eq!(TaskBias::of_task(&task, &map)?.average().l_order(), 1.0);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn of_task(task: &Task, scale_map: &ScaleMap) -> Result<Self> {
        let typical = Feature::typical_of(task);
        Self::of_components(task, scale_map, typical, |component| {
            let known = Pretrained::new(component.pretraining.mean(), component.pretraining)?;
            let (prior, _) = component.fine_tuning_given(known)?;
            Ok([prior.mean(), prior.variance().sqrt()])
        })
    }

    /// The same with Gaussian coefficients of fine-tuning of this standard deviation.
    pub(crate) fn with_deviation(
        task: &Task,
        scale_map: &ScaleMap,
        deviation: f64,
    ) -> Result<Self> {
        let typical = Feature { coefficient: deviation, ..Feature::typical_of(task) };
        Self::of_components(task, scale_map, typical, |_| Ok([0.0, deviation]))
    }

    /// The inductive bias averaged over a list of features, each with the same weight.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyAxis`](crate::Error::EmptyAxis) for an empty list; otherwise as
    /// [`InductiveBias::of_feature`].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Feature, Initialization, Regime, ScaleMap, Scales, TaskBias};
    ///
    /// let initialization = Initialization::new(Scales { absolute: 1e-3, relative: 0.0 })?;
    /// let map = ScaleMap::new(initialization, 0.0)?;
    /// let features = [(1.0, 1.0), (0.0, 1.0), (0.0, -0.5), (2.0, 0.1)]
    ///     .map(|(pretrained_coefficient, coefficient)| Feature { pretrained_coefficient, coefficient });
    /// let bias = TaskBias::of_features(&features, &map)?;
    /// // The two new features are learned richly, the shared ones reused.
    /// assert_eq!(bias.regime_shares().share(Regime::II), 0.5);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn of_features(features: &[Feature], scale_map: &ScaleMap) -> Result<Self> {
        if features.is_empty() {
            return Err(Error::EmptyAxis { parameter: "features" });
        }
        let weight = 1.0 / features.len() as f64;
        let group = |feature: &Feature| {
            // Its checks are those of every feature.
            InductiveBias::of_feature(scale_map, *feature)?;
            let scales = scale_map.feature_scales(feature.pretrained_coefficient)?;
            Ok(FeatureGroup { weight, mean: feature.coefficient, deviation: 0.0, scales })
        };
        let root_mean_square = |part: fn(&Feature) -> f64| {
            let priors = features.iter().map(|feature| Ok((weight, Prior::atom(part(feature))?)));
            Ok(Mixture::of_proportions(priors.collect::<Result<_>>()?).root_mean_square())
        };
        let typical = Feature {
            pretrained_coefficient: root_mean_square(|feature| feature.pretrained_coefficient)?,
            coefficient: root_mean_square(|feature| feature.coefficient)?,
        };
        Self::new(features.iter().map(group).collect::<Result<_>>()?, typical, scale_map)
    }

    /// The bias of the components of a task that fine-tuning uses, with mean and deviation of each.
    fn of_components(
        task: &Task,
        scale_map: &ScaleMap,
        typical: Feature,
        moments: impl Fn(&Component) -> Result<[f64; 2]>,
    ) -> Result<Self> {
        let supports = task.supports();
        // The sum of its parts, so that their shares of it sum to 1.
        let density = supports.shared() + supports.new_features();
        Domain::half_open(0.0, 1.0).check("fine_tuning_density", density)?;
        let domain = Domain::ZERO.when("for the bias of a task: that of known magnitudes");
        let mut groups = Vec::new();
        for component in task.components().into_iter().filter(|c| c.class.in_fine_tuning()) {
            domain.check("pretraining_variance", component.pretraining.variance())?;
            let [mean, deviation] = moments(&component)?;
            groups.push(FeatureGroup {
                weight: task.probability(&component) / density,
                mean,
                deviation,
                scales: scale_map.feature_scales(component.pretraining.mean())?,
            });
        }
        Self::new(groups, typical, scale_map)
    }

    fn new(groups: Vec<FeatureGroup>, typical: Feature, scale_map: &ScaleMap) -> Result<Self> {
        let (mut excess, mut dependence) = (0.0, 0.0);
        for group in groups.iter().filter(|group| group.weight > 0.0) {
            let mean = group.mean_excess()?;
            excess += group.weight * mean;
            dependence += group.weight * (mean * group.scales.sensitivity);
        }
        // The weights may sum to a rounding more than 1.
        let l_order = 1.0 + excess.min(1.0);
        let sensitivity = if excess > 0.0 { (dependence / excess).min(1.0) } else { 0.0 };
        let price = price(typical, scale_map)?;
        let average = InductiveBias::from_parts(l_order, sensitivity, price);
        let shares = regime_shares(&groups, InductiveBias::DEFAULT_THRESHOLD)?;
        Ok(Self { groups, average, shares })
    }

    /// The average point `(E[l], E[PD])` in the triangle of regimes.
    ///
    /// Its [feature price](InductiveBias::feature_price) is that of a new feature against a shared one at
    /// typical magnitudes, the root mean squares of the coefficients of both tasks.
    #[must_use]
    pub fn average(&self) -> InductiveBias {
        self.average
    }

    /// The share of features in each regime, at the threshold
    /// [`InductiveBias::DEFAULT_THRESHOLD`].
    #[must_use]
    pub fn regime_shares(&self) -> RegimeShares {
        self.shares
    }

    /// The share of features in each regime at another threshold, see
    /// [`InductiveBias::regime_at`].
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`](crate::Error::OutOfDomain) for a threshold outside (0.5, 1].
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::{
    /// #     Densities, Initialization, Regime, ScaleMap, Scales, Supports, Task, TaskBias,
    /// # };
    /// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 1.0 })?;
    /// let task = Task::new(supports)?;
    /// let initialization = Initialization::new(Scales { absolute: 1e-3, relative: 0.0 })?;
    /// let map = ScaleMap::new(initialization, 0.0)?;
    /// # if cfg!(feature = "quadrature") {
    /// let bias = TaskBias::of_task(&task, &map)?;
    /// let between = |threshold| Ok::<_, diagonet::Error>(
    ///     bias.regime_shares_at(threshold)?.share(Regime::IV),
    /// );
    /// assert!(between(0.6)? < between(0.8)? && between(0.8)? < between(1.0)?);
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn regime_shares_at(&self, threshold: f64) -> Result<RegimeShares> {
        regime_shares(&self.groups, check_threshold(threshold)?)
    }
}

impl FeatureGroup {
    /// Average of `l - 1`.
    fn mean_excess(&self) -> Result<f64> {
        let penalty = Penalty::at_mapped_scale(self.scales.active);
        if self.deviation == 0.0 || self.scales.active == 0.0 {
            return Ok(penalty.l_order(self.mean.abs().max(self.deviation))? - 1.0);
        }
        self.integrate_excess(&penalty)
    }

    #[cfg(feature = "quadrature")]
    fn integrate_excess(&self, penalty: &Penalty<f64>) -> Result<f64> {
        let rule = &crate::estimator::quadrature::Rule::FINE;
        integrate_excess(self.mean, self.deviation, penalty, rule)
    }

    #[cfg(not(feature = "quadrature"))]
    fn integrate_excess(&self, _: &Penalty<f64>) -> Result<f64> {
        Err(crate::error::Error::QuadratureDisabled { quantity: "the inductive bias of a task" })
    }

    /// Probability that the magnitude of the coefficient is below (first) and above (second)
    /// `c sinh(t)`.
    fn split(&self, t: f64) -> [f64; 2] {
        let edge = scaled_sinh(self.scales.active, t);
        let sides = [edge - self.mean, edge + self.mean]
            .map(|distance| distance / self.deviation * std::f64::consts::FRAC_1_SQRT_2);
        [libm::erf, libm::erfc].map(|part| 0.5 * sides.into_iter().map(part).sum::<f64>())
    }
}

/// Price of a new feature against a shared one at these coefficients.
fn price(Feature { pretrained_coefficient, coefficient }: Feature, map: &ScaleMap) -> Result<f64> {
    let scales = map.feature_scales(pretrained_coefficient)?;
    if scales.active == 0.0 {
        return Ok(1.0);
    }
    let (_, arc) = Penalty::at_mapped_scale(scales.active).l_order_and_arc(coefficient)?;
    Ok(scales.price(coefficient, arc))
}

/// Average of `l - 1` over Gaussian coefficients of this mean and standard deviation.
#[cfg(feature = "quadrature")]
fn integrate_excess(
    mean: f64,
    deviation: f64,
    penalty: &Penalty<f64>,
    rule: &crate::estimator::quadrature::Rule,
) -> Result<f64> {
    use crate::estimator::quadrature::{Proximal, integrate};

    // The rule is made for t = asinh(b/c). Below a ratio of 1e-17, it may be made for that ratio:
    // only coefficients too rare to matter feel the difference.
    let scale = (penalty.scale() / deviation).clamp(1e-17, 1e300);
    let center = mean.abs() / deviation;
    let channel = Proximal { mean: center, variance: 1.0, scale, start: 0.0 };
    let (mut mass, mut sum) = (0.0, 0.0);
    let mut outcome = Ok(());
    let coefficient = |deviations: f64| (center + deviations) * deviation;
    integrate(&channel, 0.0, 0.0, rule, |node| {
        match penalty.l_order(coefficient(node.deviation)) {
            Ok(order) => {
                mass += node.mass;
                sum += node.mass * (order - 1.0);
            }
            Err(error) => outcome = Err(error),
        }
    });
    outcome.map(|()| (sum / mass).clamp(0.0, 1.0))
}

fn regime_shares(groups: &[FeatureGroup], threshold: f64) -> Result<RegimeShares> {
    let mut shares = [0.0; 4];
    // The same for all groups: rich is where l - 1 is at most 1 - threshold.
    let rich_from =
        if threshold < 1.0 { parameter_of_order(1.0 - threshold)? } else { f64::INFINITY };
    for group in groups.iter().filter(|group| group.weight > 0.0) {
        let FeatureScales { active, sensitivity, .. } = group.scales;
        if active == 0.0 || group.deviation == 0.0 {
            let magnitude = group.mean.abs().max(group.deviation);
            let l_order = Penalty::at_mapped_scale(active).l_order(magnitude)?;
            let point = InductiveBias::from_parts(l_order, sensitivity, 1.0);
            shares[index(point.regime_at(threshold)?)] += group.weight;
            continue;
        }
        let [not_rich, rich] = group.split(rich_from);
        // At most one of the lazy corners is within reach, where l - 1 is large enough.
        let (corner, largest) = if sensitivity >= 0.5 {
            (Regime::II, sensitivity)
        } else {
            (Regime::III, 1.0 - sensitivity)
        };
        let lazy = if largest > threshold {
            group.split(parameter_of_order(threshold / largest)?)[0]
        } else {
            0.0
        };
        shares[index(Regime::I)] += group.weight * rich;
        shares[index(corner)] += group.weight * lazy;
        shares[index(Regime::IV)] += group.weight * (not_rich - lazy).max(0.0);
    }
    Ok(RegimeShares { shares: shares.map(|share| share.min(1.0)) })
}

#[cfg(all(test, feature = "quadrature"))]
mod tests {
    use super::*;
    use crate::estimator::quadrature::Rule;

    #[test]
    fn averages_agree_with_a_finer_rule() {
        let mut worst = 0.0_f64;
        for exponent in -308..=308 {
            for deviation in [1e-150, 1e-3, 1.0, 30.0, 1e150] {
                let penalty = Penalty::at_mapped_scale(10.0_f64.powi(exponent));
                let fine = integrate_excess(0.0, deviation, &penalty, &Rule::FINE).unwrap();
                let finer = integrate_excess(0.0, deviation, &penalty, &Rule::REFERENCE).unwrap();
                let error = (fine - finer).abs();
                assert!(error <= 2e-14, "{error:e} at 1e{exponent} and {deviation:e}");
                worst = worst.max(error);
            }
        }
        println!("worst absolute error: {worst:e}");
    }
}
