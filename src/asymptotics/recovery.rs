//! Exact recovery by weighted l1.

use std::f64::consts::LN_2;

use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::numerics::normal::{elasticity, log_excess, square_excess};
use crate::numerics::root::falling_root;
use crate::problem::feature_class::FeatureClass;
use crate::problem::law::{CoordinateGroup, Law};
use crate::problem::prior::Prior;
use crate::problem::supports::Supports;

/// Fewest samples from which weighted l1 recovers every coefficient exactly, without noise.
///
/// # Formula
///
/// `$$ \alpha_c = \min_u \left\lbrace \sum_{g \text{ active}} p_g (1 + u^2 w_g^2) + \sum_{g
/// \text{ zero}} p_g
/// \left[ (1 + u^2 w_g^2) \operatorname{erfc} \frac{u w_g}{\sqrt2} - u w_g
/// \sqrt{\frac 2\pi} e^{-u^2 w_g^2/2} \right] \right\rbrace $$`
///
/// where
/// - `$p_g$`: weight of group `$g$` in the law; the values of the active coefficients do not matter;
/// - `$w_g$`: weight of the group in the l1 norm, times its
///   [penalty weight](CoordinateGroup::penalty_weight), over the root of the
///   [input variance](CoordinateGroup::input_variance);
/// - `$u$`: [threshold](Self::threshold) in units of the effective noise; the minimum is the optimal
///   one.
///
/// Groups with scale 0 are not part of the problem.
///
/// Derivation: [theory](crate::theory#recovery). Source: Donoho and Tanner 2009 (arXiv:0906.2530);
/// Khajehnejad et al. 2009 (arXiv:0901.2912) for weights; Donoho, Maleki and Montanari 2009
/// (arXiv:0907.3574) for the minimum over thresholds.
///
/// # Examples
///
/// ```
/// use diagonet::{Densities, RecoveryThreshold, Supports};
///
/// let blind = RecoveryThreshold::of_supports(&Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 1.0 })?, 1.0)?;
/// assert!((blind.sample_ratio() - 0.328793505).abs() < 5e-10);
/// // New features at twice the price: the support is known in part.
/// let informed = RecoveryThreshold::of_supports(&Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 1.0 })?, 2.0)?;
/// assert!(informed.sample_ratio() < 0.2);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RecoveryThreshold {
    sample_ratio: f64,
    threshold: f64,
}

impl RecoveryThreshold {
    /// The threshold for a law and one l1 weight per group.
    ///
    /// # Errors
    ///
    /// [`Error::DimensionMismatch`] unless there is one weight per group; [`Error::OutOfDomain`] for
    /// a weight outside (0, 1e300], or a start other than 0; [`Error::Unrecoverable`] where there is
    /// signal on frozen coordinates; [`Error::NotRepresentable`] where ratios of weights
    /// leave the range of floats.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{CoordinateGroup, Law, Prior, RecoveryThreshold};
    ///
    /// let law = Law::new(vec![
    ///     CoordinateGroup::new("signal", 0.2, Prior::atom(1.0)?, 1e-6)?,
    ///     CoordinateGroup::new("background", 0.8, Prior::ZERO, 1e-6)?,
    /// ])?;
    /// let threshold = RecoveryThreshold::of_law(&law, &[1.0, 1.0])?;
    /// assert!(threshold.recovers(0.55) && !threshold.recovers(0.45));
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn of_law(law: &Law, weights: &[f64]) -> Result<Self> {
        Self::of_norm(law, weights, 0.0)
    }

    /// The threshold for the norm `sum_d w_d (|b_d| + mu b_d²/2)` with a curvature `mu`: active groups are
    /// pulled by `w (1 + mu |b|)` in place of `w`.
    pub(crate) fn of_norm(law: &Law, weights: &[f64], curvature: f64) -> Result<Self> {
        check_weights(law, weights)?;
        check_starts(law)?;
        // Weights are those of coefficients in the labels' units.
        let law = &law.whitened();
        let frozen_signal = law.frozen_signal();
        if frozen_signal > 0.0 {
            return Err(Error::Unrecoverable { frozen_signal });
        }
        // In two steps, because products of weights may leave the range of floats.
        let unit = law.movable().map(|(index, _)| weights[index]).fold(0.0, f64::max);
        let penalty_unit = law.penalty_unit();
        let product = |(index, group): (usize, &CoordinateGroup)| {
            weights[index] / unit * (group.penalty_weight() / penalty_unit)
        };
        let largest = law.movable().map(product).fold(0.0, f64::max);
        let pull = |group: &CoordinateGroup| {
            if curvature == 0.0 || !group.is_active() {
                return 1.0;
            }
            let prior = group.prior();
            let (mean, size) = (prior.mean_magnitude(), prior.root_mean_square());
            let [mean, size] = [mean, size].map(|x| curvature * (x / group.unit()));
            (1.0 + 2.0 * mean).sqrt().hypot(size)
        };
        let parts = |active: bool| -> Vec<(f64, f64)> {
            let members = law.movable().filter(|(_, group)| group.is_active() == active);
            let part = |part: (usize, &CoordinateGroup)| {
                (part.1.weight(), product(part) / largest * pull(part.1))
            };
            members.map(part).collect()
        };
        let [active, others] = [true, false].map(parts);
        if active.is_empty() {
            // Nothing to recover: no sample is needed, at the largest threshold.
            return Ok(Self { sample_ratio: 0.0, threshold: f64::INFINITY });
        }
        let threshold = if others.is_empty() {
            0.0
        } else {
            // Logarithms of the derivatives in log u: of the active groups, which rises, and of
            // the others, which falls in magnitude. The terms themselves may underflow.
            let rise = log_sum(active.iter().map(|(p, w)| p.ln() + 2.0 * w.ln()));
            let logs: Vec<f64> = others.iter().map(|(p, w)| LN_2 + p.ln() + w.ln()).collect();
            let log_threshold = falling_root(0.0, [-705.0, 705.0], "the threshold", |log_u| {
                let u = log_u.exp();
                let parts = || logs.iter().zip(&others).map(|(log, (_, w))| (log, u * w));
                let fall = |(log, x): (&f64, f64)| log + log_excess(x);
                let total = log_sum(parts().map(fall));
                let bend = parts().map(|part| {
                    let share = (fall(part) - total).exp();
                    if share > 0.0 { share * elasticity(part.1) } else { 0.0 }
                });
                Ok((total - (rise + log_u), -bend.sum::<f64>() - 1.0))
            })?;
            log_threshold.exp()
        };
        let active = active.iter().map(|(p, w)| {
            // The square alone may overflow.
            let x = threshold * w;
            p + (p * x) * x
        });
        let others = others.iter().map(|(p, w)| 2.0 * p * square_excess(threshold * w));
        let (active, others): (f64, f64) = (active.sum(), others.sum());
        Ok(Self {
            sample_ratio: active + others,
            threshold: threshold / largest / unit / penalty_unit,
        })
    }

    /// The threshold for the supports of two tasks, when a feature that pretraining did not use has
    /// `weight_ratio` times the l1 weight of one that it did.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a `weight_ratio` outside (0, 1e300].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Densities, RecoveryThreshold, Supports};
    ///
    /// let needed = |overlap, ratio| -> diagonet::Result<f64> {
    ///     let supports = Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap })?;
    ///     Ok(RecoveryThreshold::of_supports(&supports, ratio)?.sample_ratio())
    /// };
    /// assert!(needed(1.0, 3.0)? < needed(1.0, 1.0)?); // reuse helps what is shared
    /// assert!(needed(0.0, 3.0)? > needed(0.0, 1.0)?); // and hurts what is not
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn of_supports(supports: &Supports, weight_ratio: f64) -> Result<Self> {
        Domain::POSITIVE.check("weight_ratio", weight_ratio)?;
        let active = Prior::atom(1.0)?;
        let group = |class: FeatureClass| {
            let prior = if class.in_fine_tuning() { active } else { Prior::ZERO };
            CoordinateGroup::new(class, supports.probability(class), prior, 1.0)
        };
        let weight = |class: FeatureClass| if class.in_pretraining() { 1.0 } else { weight_ratio };
        let groups = FeatureClass::ALL.into_iter().map(group).collect::<Result<_>>()?;
        Self::of_law(&Law::new(groups)?, &FeatureClass::ALL.map(weight))
    }

    /// The sample ratio `alpha_c`, in [0, 1].
    #[must_use]
    pub fn sample_ratio(&self) -> f64 {
        self.sample_ratio
    }

    /// The optimal threshold `u`, a factor of the weights `w_g`, in units of the standard deviation of
    /// the effective noise; infinite where nothing is active.
    #[must_use]
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// Whether noiseless samples at this ratio determine every coefficient.
    #[must_use]
    pub fn recovers(&self, sample_ratio: f64) -> bool {
        sample_ratio >= self.sample_ratio
    }
}

pub(crate) fn check_weights(law: &Law, weights: &[f64]) -> Result<()> {
    if weights.len() != law.groups().len() {
        return Err(Error::DimensionMismatch {
            parameter: "weights",
            expected: law.groups().len(),
            found: weights.len(),
        });
    }
    for (group, &weight) in law.groups().iter().zip(weights) {
        Domain::POSITIVE.check("weight", weight).map_err(|error| error.in_group(group.label()))?;
    }
    Ok(())
}

/// The rich limit has no form for other starts, or centres.
pub(crate) fn check_starts(law: &Law) -> Result<()> {
    for group in law.groups() {
        for (parameter, value) in [("start", group.start()), ("centre", group.centre())] {
            Domain::ZERO
                .when("for the rich limit")
                .check(parameter, value)
                .map_err(|error| error.in_group(group.label()))?;
        }
    }
    Ok(())
}

/// Logarithm of a sum, given those of its terms.
fn log_sum(terms: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = terms.clone().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    largest + terms.map(|term| (term - largest).exp()).sum::<f64>().ln()
}
