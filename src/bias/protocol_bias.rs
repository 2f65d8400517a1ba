//! The inductive bias of fine-tuning by any protocol, with a start.

use crate::bias::inductive_bias::{
    BarycentricCoordinates, Feature, InductiveBias, Regime, check_threshold,
};
use crate::error::{Error, Result};
use crate::network::initialization::ScaleAndStart;
use crate::network::mirror_map::Hyperbolic;
use crate::network::protocol::{Change, Protocol, TrainedLayers};
use crate::network::scale_map::ScaleMap;

/// The inductive bias of fine-tuning by a protocol in one feature: how the penalty of a displacement from
/// the start grows with it, and changes with what pretraining made of the feature.
///
/// # Formula
///
/// With the Bregman divergence `D = q_c(b0 + d) - q_c(b0) - q_c'(b0) d` of a displacement `d` from the
/// start `b0`,
///
/// ```text
/// l  = dlog D / dlog|d|                                     at least 1
/// PD = dlog D / dlog|beta_PT| = (1 - l - e) s_c + e s_0     at fixed d
/// e  = dlog D / dlog|b0|
/// ```
///
/// where
/// - `d = beta_FT - b0`: displacement that fine-tuning has to make;
/// - `c`, `b0`: scale and start of the protocol ([`Protocol::scale_and_start`]);
/// - `s_c`, `s_0`: log-sensitivities of scale and start to `beta_PT`.
///
/// For a start at 0 these are the two numbers of [`InductiveBias`]. Where a layer is frozen,
/// `D = d²/c`, so that `l = 2` and `PD = -s_c`. An adapter starts from a branch at 0, and has `PD = 0`.
///
/// A start lets the point leave the triangle of regimes, and so does a log-sensitivity of the scale
/// above 1; it is reported where it is, and [`is_in_triangle`](Self::is_in_triangle) says whether that is
/// inside.
///
/// Accuracy: 1e-12 absolute, for displacements above 1e-14 of coefficient and start.
///
/// Source: Lippl and Lindsey 2024 (arXiv:2310.02396), for the two numbers; Azulay et al. 2021
/// (arXiv:2102.09769), for the divergence.
///
/// # Examples
///
/// ```
/// use diagonet::{Feature, Initialization, Protocol, ProtocolBias, Regime, ScaleMap, Scales};
///
/// let pretraining = Initialization::new(Scales { absolute: 1e-3, relative: 0.0 })?;
/// let map = ScaleMap::new(pretraining, 0.0)?;
/// let feature = Feature { pretrained_coefficient: 1.0, coefficient: 0.5 };
/// // A probe weighs features by what pretraining made of them.
/// let probe = ProtocolBias::of_feature(&Protocol::ProbeKept, &map, feature)?;
/// assert_eq!((probe.l_order, probe.regime()), (2.0, Regime::II));
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ProtocolBias {
    /// Order `l` of the penalty in the displacement.
    pub l_order: f64,
    /// Pretraining dependence `PD` at fixed displacement.
    pub pretraining_dependence: f64,
    /// Displacement that fine-tuning has to make.
    pub displacement: f64,
    /// Price of a new feature against this one: ratio of what the last step of the displacement costs in
    /// a feature that pretraining did not use, to what it costs in this one. Infinite where only the new
    /// one is frozen; `None` where both are.
    pub feature_price: Option<f64>,
}

/// A divergence and its slopes, at one displacement.
#[derive(Debug, Clone, Copy)]
struct Divergence {
    /// `dlog D / dlog|d|`.
    order: f64,
    /// `dlog D / dlog|b0|`.
    by_start: f64,
    /// `dD/dd` over `d`.
    slope: f64,
}

impl ProtocolBias {
    /// The bias of `feature` in fine-tuning by `protocol`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a coefficient outside [-1e300, 1e300], and as
    /// [`Protocol::scale_and_start`]; [`Error::NoLimit`] for a frozen coordinate that is to stay where it
    /// starts, or starts away from 0; [`Error::NotDifferentiable`] where the start has no derivative.
    ///
    /// # Examples
    ///
    /// See [`ProtocolBias`].
    pub fn of_feature(protocol: &Protocol, map: &ScaleMap, feature: Feature) -> Result<Self> {
        feature.check()?;
        let beta_pt = feature.pretrained_coefficient;
        let training = protocol.scale_and_start(map, beta_pt)?;
        let displacement = feature.coefficient - training.start;
        let by = Change { coefficient: 1.0, ..Change::default() };
        let change = protocol.change(map, beta_pt, &by).ok_or(Error::NotDifferentiable {
            quantity: "the start of fine-tuning",
            reason: "it grows from 0 as a root",
        })?;
        let sensitivity = |value: f64, change: f64| {
            if value == 0.0 || beta_pt == 0.0 { 0.0 } else { change * (beta_pt / value) }
        };
        let of_scale = sensitivity(training.scale, change.scale);
        let of_start = sensitivity(training.start, change.start);
        let own = divergence(protocol, training, displacement)?;
        let unused = protocol.scale_and_start(map, 0.0)?;
        let feature_price = if unused.scale == 0.0 {
            (training.scale > 0.0).then_some(f64::INFINITY)
        } else {
            let new = divergence(protocol, unused, displacement)?;
            Some(if training.scale == 0.0 { 0.0 } else { new.slope / own.slope })
        };
        Ok(Self {
            l_order: own.order,
            // From zero, so that no dependence is not -0.
            pretraining_dependence: 0.0
                + ((1.0 - own.order - own.by_start) * of_scale + own.by_start * of_start),
            displacement,
            feature_price,
        })
    }

    /// Barycentric coordinates in the plane of the triangle of regimes, which sum to 1; outside of the
    /// triangle one of them is negative.
    #[must_use]
    pub fn coordinates(&self) -> BarycentricCoordinates {
        BarycentricCoordinates {
            rich_independent: 2.0 - self.l_order,
            lazy_dependent: 0.0 - self.pretraining_dependence,
            lazy_independent: (self.l_order - 1.0) + self.pretraining_dependence,
        }
    }

    /// Whether the point is inside the triangle of regimes, to 1e-12.
    #[must_use]
    pub fn is_in_triangle(&self) -> bool {
        const ROUNDING: f64 = 1e-12;
        let coordinates = self.coordinates();
        let smallest = coordinates.rich_independent.min(coordinates.lazy_dependent);
        smallest.min(coordinates.lazy_independent) >= -ROUNDING
    }

    /// The regime whose corner has a barycentric coordinate of at least
    /// [`InductiveBias::DEFAULT_THRESHOLD`], or [`Regime::IV`] where there is none.
    #[must_use]
    pub fn regime(&self) -> Regime {
        self.coordinates().regime(InductiveBias::DEFAULT_THRESHOLD)
    }

    /// The regime at another threshold, see [`InductiveBias::regime_at`].
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a threshold outside (0.5, 1].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Feature, Initialization, Protocol, ProtocolBias, Regime, ScaleMap, Scales};
    ///
    /// let map = ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: -0.99 })?, 0.0)?;
    /// let feature = Feature { pretrained_coefficient: 1.0, coefficient: 1.0 };
    /// let bias = ProtocolBias::of_feature(&Protocol::REBALANCED, &map, feature)?;
    /// assert_eq!(bias.regime_at(0.8)?, Regime::IV);
    /// assert_eq!(bias.regime_at(0.7)?, Regime::I);
    /// assert!(bias.regime_at(0.5).is_err());
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn regime_at(&self, threshold: f64) -> Result<Regime> {
        Ok(self.coordinates().regime(check_threshold(threshold)?))
    }
}

/// The divergence of a displacement from the start.
fn divergence(protocol: &Protocol, training: ScaleAndStart, d: f64) -> Result<Divergence> {
    let ScaleAndStart { scale, start } = training;
    if protocol.trained_layers() != TrainedLayers::Both {
        return Ok(Divergence { order: 2.0, by_start: 0.0, slope: scale.recip() });
    }
    // Counted from the centre of the penalty.
    let start = if protocol.adds_branch() { 0.0 } else { start };
    if scale == 0.0 {
        return if d == 0.0 || start != 0.0 {
            Err(Error::NoLimit { quantity: "the divergence of a frozen coordinate" })
        } else {
            Ok(Divergence { order: 1.0, by_start: 0.0, slope: f64::INFINITY })
        };
    }
    let map = Hyperbolic { scale };
    let end = start + d;
    let [first, last] = [start, end].map(|b| scale.hypot(b));
    let arc = |b: f64| map.slopes(b).arc;
    // asinh(end/c) - asinh(start/c), without cancellation.
    let sinh = (d / first) * ((end + start) / (end + start * (last / first)));
    let t =
        if end * start > 0.0 && sinh.is_finite() { sinh.asinh() } else { arc(end) - arc(start) };
    let ratio = start / first;
    if t.abs() < 1e-8 {
        // To first order in the displacement.
        let by_start = -ratio * ratio;
        return Ok(Divergence { order: 2.0 - ratio * t / 3.0, by_start, slope: first.recip() });
    }
    // Twice the divergence, and t - d/first.
    let (divergence, bend) = if t.abs() < 1.0 {
        let [even, odd, rest] = small_moments(t);
        let square = 2.0 * (0.5 * t).sinh().powi(2);
        (first * (even + ratio * odd), -rest - ratio * square)
    } else {
        (t * end - d * ((start + end) / (first + last)), t - d / first)
    };
    Ok(Divergence {
        order: d * (t / divergence),
        by_start: start * (bend / divergence),
        slope: t / d,
    })
}

/// `t sinh t - cosh t + 1`, `t cosh t - sinh t` and `sinh t - t` for `|t| < 1`, by their series.
fn small_moments(t: f64) -> [f64; 3] {
    let square = t * t;
    let (mut even, mut odd, mut rest) = (0.0, 0.0, 0.0);
    // t^(2k)/(2k)!
    let mut power = 1.0;
    for k in 1..=10 {
        let n = f64::from(2 * k);
        power *= square / (n * (n - 1.0));
        even += power * (n - 1.0);
        odd += power * t * n / (n + 1.0);
        rest += power * t / (n + 1.0);
    }
    [even, odd, rest]
}

#[cfg(test)]
mod tests {
    use nalgebra::RealField;

    use super::*;
    use crate::network::initialization::{Initialization, Scales};

    #[test]
    fn moments_are_those_of_the_functions() {
        for t in [-0.99_f64, -0.3, 0.5, 0.9] {
            let [even, odd, rest] = small_moments(t);
            assert!((even - (t * t.sinh() - t.cosh() + 1.0)).abs() < 1e-15);
            assert!((odd - (t * t.cosh() - t.sinh())).abs() < 1e-15);
            assert!((rest - (t.sinh() - t)).abs() < 1e-15);
        }
    }

    /// `log D`, of any numbers.
    fn log_divergence<N: RealField + Copy>(c: N, b0: N, d: N) -> N {
        let q = |b: N| {
            let x = b / c;
            c * (x * x.asinh() - (x * x + N::one()).sqrt() + N::one())
        };
        (q(b0 + d) - q(b0) - (b0 / c).asinh() * d).ln()
    }

    #[test]
    fn slopes_are_derivatives_of_the_divergence() {
        use num_dual::Dual64;
        for c in [0.01, 0.5, 3.0] {
            for start in [-2.0, -0.1, 0.0, 0.7, 5.0] {
                for d in [-4.0, -0.5, 0.3, 2.0] {
                    let training = ScaleAndStart { scale: c, start };
                    let own = divergence(&Protocol::Continued, training, d).unwrap();
                    let [c, b0, d] = [c, start, d].map(Dual64::from_re);
                    let order = log_divergence(c, b0, d.derivative()).eps * d.re;
                    let by_start = log_divergence(c, b0.derivative(), d).eps * start;
                    assert!((own.order - order).abs() < 1e-10, "{own:?} {order}");
                    assert!((own.by_start - by_start).abs() < 1e-10, "{own:?} {by_start}");
                }
            }
        }
    }

    #[test]
    fn small_displacements_are_the_limit() {
        for start in [-3.0, 0.2, 8.0] {
            let training = ScaleAndStart { scale: 0.4, start };
            let at = |d: f64| divergence(&Protocol::Continued, training, d * start.abs()).unwrap();
            for d in [1e-12, 1e-9, 1e-7] {
                let (near, limit) = (at(d), at(0.0));
                assert!((near.order - limit.order).abs() < 2.0 * d);
                assert!((near.by_start - limit.by_start).abs() < 20.0 * d);
                assert!((near.slope / limit.slope - 1.0).abs() < 20.0 * d);
            }
        }
    }

    #[test]
    fn rebalanced_paths_have_the_bias_of_the_scale_map() {
        for (c, lambda, gamma) in [(1e-3, -0.999, 1e-6), (1e-3, -0.99, 0.0), (2.0, 0.5, 1.0)] {
            let pretraining =
                Initialization::new(Scales { absolute: c, relative: lambda }).unwrap();
            let map = ScaleMap::new(pretraining, gamma).unwrap();
            for (pretrained_coefficient, coefficient) in [(1.0, 1.0), (-0.3, 2.0), (1.0, 1e-5)] {
                let feature = Feature { pretrained_coefficient, coefficient };
                let expected = InductiveBias::of_feature(&map, feature).unwrap();
                let bias = ProtocolBias::of_feature(&Protocol::REBALANCED, &map, feature).unwrap();
                assert!((bias.l_order - expected.l_order()).abs() < 1e-13);
                let dependence = expected.pretraining_dependence();
                assert!((bias.pretraining_dependence - dependence).abs() < 1e-13);
                let price = bias.feature_price.unwrap() / expected.feature_price();
                assert!((price - 1.0).abs() < 1e-12);
                assert_eq!(bias.regime(), expected.regime());
                assert!(bias.is_in_triangle());
            }
        }
    }

    /// The dependence against differences of the divergence itself, for every protocol.
    #[test]
    fn dependences_are_derivatives_at_fixed_displacement() {
        let pretraining = Initialization::new(Scales { absolute: 0.2, relative: -0.6 }).unwrap();
        let map = ScaleMap::new(pretraining, 0.7).unwrap();
        let names = ["rebalanced 2", "continued", "rescaled 2 0.5", "learning_rates 9"];
        let others =
            ["readout_reset", "probe_kept", "probe_reset", "frozen_readout", "adapter 0.3"];
        for name in names.iter().chain(&others) {
            let protocol: Protocol = name.parse().unwrap();
            for (beta_pt, coefficient) in [(1.0, 1.7), (-0.8, 0.5), (2.0, 0.1)] {
                let feature = Feature { pretrained_coefficient: beta_pt, coefficient };
                let bias = ProtocolBias::of_feature(&protocol, &map, feature).unwrap();
                let log = |step: f64| {
                    let training = protocol.scale_and_start(&map, beta_pt * step.exp()).unwrap();
                    let ScaleAndStart { scale, start } = training;
                    let start = if protocol.adds_branch() { 0.0 } else { start };
                    if protocol.trained_layers() == TrainedLayers::Both {
                        log_divergence(scale, start, bias.displacement)
                    } else {
                        -scale.ln()
                    }
                };
                let step = 1e-3;
                let slope = |h: f64| (log(h) - log(-h)) / (2.0 * h);
                let expected = (4.0 * slope(step) - slope(2.0 * step)) / 3.0;
                let gap = (bias.pretraining_dependence - expected).abs();
                assert!(gap < 1e-9, "{name}: {bias:?} {expected}");
            }
        }
    }
}
