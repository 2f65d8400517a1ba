//! The initialization that has a given inductive bias.

use crate::bias::inductive_bias::{Feature, InductiveBias};
use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::network::initialization::{Initialization, Scales};
use crate::network::penalty::Penalty;
use crate::network::scale_map::{MIN_READOUT_SCALE, ScaleMap};
use crate::numerics::root::falling_root;

/// A point of the triangle of regimes for which an initialization is [wanted](InductiveBias::realize).
///
/// # Examples
///
/// ```
/// let target = diagonet::TargetBias { l_order: 1.23, pretraining_dependence: -0.23 };
/// assert_eq!(target.l_order, 1.23);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TargetBias {
    /// Order `l` of the penalty, in [1, 2).
    pub l_order: f64,
    /// Pretraining dependence `PD`, in [-1, 0].
    pub pretraining_dependence: f64,
}

impl InductiveBias {
    /// The scale map with which `feature` has the inductive bias `target`, after pretraining with
    /// absolute scale `absolute_scale`. It chooses relative scale and readout scale.
    ///
    /// # Formula
    ///
    /// ```text
    /// l = t / (t - tanh(t/2)),      c_FT = |beta_FT| / sinh(t),      s = -PD / (l - 1)
    /// 1 + lambda = s c_FT H / beta_PT²
    /// gamma²/2 = c_FT [ 1 - s / (1 - c_PT/H) ],      H = sqrt(c_PT² + beta_PT²)
    /// ```
    ///
    /// where
    /// - `l`, `PD`: the target, `l` in [1, 2) and `PD` in [-1, 0];
    /// - `c_PT`: absolute scale of pretraining, 0 or in [1e-300, 1e300];
    /// - `beta_FT`: coefficient, in [-1e300, 1e300] without 0;
    /// - `beta_PT`: pretrained coefficient, in [-1e300, 1e300].
    ///
    /// The first equation is solved for `t` within a bracket; the rest is explicit. The attainable
    /// targets are
    ///
    /// ```text
    /// 1 < l < 2,      0 <= s <= min(1 - c_PT/H, 2 beta_PT² / (H c_FT))
    /// ```
    ///
    /// and `l = 1` with `PD = 0`, by `lambda = -1` and `gamma = 0`. A target that misses a bound by its
    /// own rounding counts as on the bound, and `s` below 1e-290 counts as 0. At `beta_PT = 0` only
    /// `PD = 0` is attainable. Many pairs attain it; the one with the smallest representable readout
    /// scale is returned. Accuracy: the [inductive bias](Self::of_feature) of the result differs from
    /// the target by 4e-15 at most.
    ///
    /// Source: [`ScaleMap`] and [`InductiveBias`], solved for the initialization.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for an argument outside its domain; [`Error::Unattainable`] for a target
    /// outside the attainable ones, with the range of attainable pretraining dependences and the wider
    /// one that a smaller `absolute_scale` approaches; [`Error::NotRepresentable`] where the solution
    /// lies beyond the domains of [`Initialization`] and [`ScaleMap`], as it does for l-orders within
    /// about 1/700 of 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Error, Feature, InductiveBias, TargetBias};
    ///
    /// let feature = Feature { pretrained_coefficient: 1.0, coefficient: 1.0 };
    /// let target = TargetBias { l_order: 1.25, pretraining_dependence: -0.2 };
    /// let map = InductiveBias::realize(target, feature, 1e-3)?;
    /// let bias = InductiveBias::of_feature(&map, feature)?;
    /// assert!((bias.l_order() - 1.25).abs() < 4e-15);
    /// assert!((bias.pretraining_dependence() + 0.2).abs() < 4e-15);
    /// // An l2 norm that depends on pretraining needs features to be pretrained richly.
    /// let beyond = TargetBias { l_order: 1.9, pretraining_dependence: -0.9 };
    /// let lazily = InductiveBias::realize(beyond, feature, 10.0);
    /// assert!(matches!(lazily, Err(Error::Unattainable { .. })));
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn realize(target: TargetBias, feature: Feature, absolute_scale: f64) -> Result<ScaleMap> {
        let TargetBias { l_order, pretraining_dependence } = target;
        Domain::closed(1.0, 2.0).below().check("l_order", l_order)?;
        Domain::closed(-1.0, 0.0).check("pretraining_dependence", pretraining_dependence)?;
        feature.check()?;
        let domain = Domain::ARGUMENT.when("without 0");
        let magnitude =
            domain.check_if(feature.coefficient != 0.0, "coefficient", feature.coefficient)?.abs();
        let frozen = Initialization::new(Scales { absolute: absolute_scale, relative: -1.0 })?;
        let pretrained = feature.pretrained_coefficient.abs();
        // With the largest sensitivities here and in the limit of a vanishing absolute scale.
        let unattainable = |highest: f64, at_any_scale: f64| Error::Unattainable {
            l_order,
            pretraining_dependence,
            lowest_dependence: 0.0 - (l_order - 1.0) * highest,
            lowest_at_any_scale: 0.0 - (l_order - 1.0) * at_any_scale.max(highest),
        };
        let excess = l_order - 1.0;
        if (excess == 0.0 || pretrained == 0.0) && pretraining_dependence != 0.0 {
            return Err(unattainable(0.0, 0.0));
        }
        if excess == 0.0 {
            return ScaleMap::new(frozen, 0.0);
        }
        let parameter = parameter_of_order(excess)?;
        let scale = check_solution(magnitude_over_sinh(magnitude, parameter))?;
        // The last digit of the target moves the sensitivity, and its last digits as an l-order are
        // computed move the scale.
        let rounding = 4.0 * f64::EPSILON * (1.0 + excess.recip());
        let slack = f64::from(Penalty::ULPS) * f64::EPSILON * scale_by_order(parameter) + rounding;
        let (share, readout_square) = if pretrained == 0.0 {
            let most = 4.0 * absolute_scale;
            let share = scale / most;
            if scale >= most {
                (1.0, scale - most)
            } else if share >= MIN_SHARE {
                (share, 0.0)
            } else {
                // A share too small to be represented is left to the readout.
                (0.0, scale)
            }
        } else {
            let size = absolute_scale.hypot(pretrained);
            // The largest sensitivities, without a readout and with lambda = 1. The first is
            // 1 - c_PT/H, written without the difference.
            let without_readout = (pretrained / size) * (pretrained / (absolute_scale + size));
            let by_share = without_readout * (2.0 * ((absolute_scale + size) / scale));
            let at_any_scale = (2.0 * (pretrained / scale)).min(1.0);
            let sensitivity = match -pretraining_dependence / excess {
                // Too close to the smallest float for a comparison with the bounds.
                tiny if tiny < NO_SENSITIVITY => 0.0,
                sensitivity => sensitivity,
            };
            // The part of the scale that comes from the first layer.
            let part = if sensitivity == 0.0 { 0.0 } else { sensitivity / without_readout };
            if part > 1.0 + rounding {
                return Err(unattainable(without_readout.min(by_share), at_any_scale));
            }
            let part = part.min(1.0);
            let share = scale * part / (2.0 * (absolute_scale + size));
            if share > 1.0 + slack {
                return Err(unattainable(without_readout.min(by_share), at_any_scale));
            }
            if part > 0.0 && share < MIN_SHARE {
                return Err(Error::NotRepresentable {
                    quantity: "the first layer that realizes the target",
                    reason: "its share of the absolute scale is below 1e-307",
                });
            }
            // On the bound of the share the whole scale follows, which keeps the sensitivity.
            (share.min(1.0), scale / share.max(1.0) * (1.0 - part))
        };
        let readout_scale = match (2.0 * readout_square).sqrt() {
            // Too small for a readout, and no more than rounding of the scale.
            tiny if tiny < MIN_READOUT_SCALE && readout_square <= slack * scale => 0.0,
            other => other,
        };
        if readout_scale != 0.0 && !Domain::READOUT_SCALE.contains(readout_scale) {
            return Err(Error::NotRepresentable {
                quantity: "the readout scale that realizes the target",
                reason: "it is outside [1e-153, 1e150]",
            });
        }
        ScaleMap::new(Initialization::from_first_layer_share(absolute_scale, share)?, readout_scale)
    }
}

/// Smallest share of the first layer that keeps its digits.
const MIN_SHARE: f64 = 1e-307;

/// Sensitivities below this one count as 0.
const NO_SENSITIVITY: f64 = 1e-290;

/// The order of the penalty at `t = asinh(x)`, with both its distances from the bounds and their
/// logarithmic derivatives, none of which cancels.
struct Order {
    /// `l - 1 = h / (t - h)` with `h = tanh(t/2)`.
    excess: f64,
    /// `2 - l = (t - 2h) / (t - h)`.
    defect: f64,
    /// Derivative of `log(l - 1)` in `log t`.
    excess_slope: f64,
    /// Derivative of `log(2 - l)` in `log t`.
    defect_slope: f64,
}

impl Order {
    fn at(t: f64) -> Self {
        let h = (0.5 * t).tanh();
        let numerator = if t < 0.1 {
            // The series of t - 2 tanh(t/2), to 1e-15 relative.
            let square = t * t;
            t * square / 12.0
                * (1.0
                    - square / 10.0
                        * (1.0
                            - square * 17.0 / 168.0
                                * (1.0 - square * 31.0 / 306.0 * (1.0 - square * 691.0 / 6820.0))))
        } else {
            t - 2.0 * h
        };
        let denominator = t - h;
        let denominator_slope = t * (0.5 * (1.0 + h * h) / denominator);
        Self {
            excess: h / denominator,
            defect: numerator / denominator,
            excess_slope: t * (0.5 * (1.0 - h * h) / h) - denominator_slope,
            defect_slope: t * (h * h / numerator) - denominator_slope,
        }
    }
}

/// The `t = asinh(x)` at which `l - 1` is `excess`, in (0, 1).
pub(crate) fn parameter_of_order(excess: f64) -> Result<f64> {
    let quantity = "the ratio of coefficient and scale at an l-order";
    // In the smaller of the distances from the bounds, which is a power of t close to them.
    let log_parameter = if excess <= 0.5 {
        falling_root((1.0 + excess.recip()).ln(), [-800.0, 800.0], quantity, |log_t| {
            let order = Order::at(log_t.exp());
            Ok(((order.excess / excess).ln(), order.excess_slope))
        })?
    } else {
        let defect = 1.0 - excess;
        falling_root(0.5 * (6.0 * defect).ln(), [-800.0, 800.0], quantity, |log_t| {
            let order = Order::at(log_t.exp());
            Ok(((defect / order.defect).ln(), -order.defect_slope))
        })?
    };
    Ok(log_parameter.exp())
}

/// `|d log c / d l|` along `c = b / sinh(t)` at fixed `b`.
fn scale_by_order(t: f64) -> f64 {
    let order = Order::at(t);
    let slope = if order.excess <= 0.5 {
        order.excess * order.excess_slope
    } else {
        order.defect * order.defect_slope
    };
    (t / t.tanh() / slope).abs()
}

/// `b / sinh(t)`, also where `sinh(t)` overflows.
fn magnitude_over_sinh(b: f64, t: f64) -> f64 {
    if t < 20.0 {
        b / t.sinh()
    } else {
        let root = (-0.5 * t).exp();
        2.0 * b * root * root
    }
}

fn check_solution(scale: f64) -> Result<f64> {
    if (1e-307..=1e307).contains(&scale) {
        Ok(scale)
    } else {
        Err(Error::NotRepresentable {
            quantity: "the fine-tuning scale that realizes the target",
            reason: "it is outside [1e-307, 1e307]",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_from_the_bounds_add_up_and_have_their_slopes() {
        for t in [1e-7, 1e-3, 0.05, 0.0999, 0.1001, 0.5, 2.0, 10.0, 700.0] {
            let order = Order::at(t);
            assert!((order.excess + order.defect - 1.0).abs() <= 4e-15, "{t}");
            // Central differences in log t.
            let step: f64 = 1e-5;
            let [below, above] = [(-step).exp(), step.exp()].map(|factor| Order::at(t * factor));
            let excess_slope = (above.excess / below.excess).ln() / (2.0 * step);
            let defect_slope = (above.defect / below.defect).ln() / (2.0 * step);
            assert!((order.excess_slope - excess_slope).abs() < 1e-8, "{t}");
            assert!((order.defect_slope - defect_slope).abs() < 1e-8, "{t}");
        }
    }

    #[test]
    fn series_meets_the_closed_form() {
        let (series, closed) = (Order::at(0.1_f64.next_down()).defect, Order::at(0.1).defect);
        assert!((series / closed - 1.0).abs() < 1e-12);
        // t²/6 - t⁴/360 - ..., the expansion of 2 - l.
        let t = 1e-3_f64;
        assert!((Order::at(t).defect / (t * t / 6.0) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn parameters_have_the_order_they_were_asked_for() {
        for excess in [1e-15, 1e-6, 0.01, 0.2, 0.5, 0.500_001, 0.8, 0.999, 1.0 - 1e-12] {
            let order = Order::at(parameter_of_order(excess).unwrap());
            let error = (order.excess / excess - 1.0).abs();
            assert!(error <= 4e-14, "{error:e} at {excess}");
            if excess > 0.5 {
                assert!((order.defect / (1.0 - excess) - 1.0).abs() <= 4e-14);
            }
        }
    }
}
