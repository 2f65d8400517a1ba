//! Strategies of all inputs, for property tests: cargo feature `proptest`.
//!
//! Every value is legal. The extremes of the domains occur: scales from 1e-300 to 1e300, relative scales
//! next to both ends, frozen coordinates, empty supports.
//!
//! # Examples
//!
//! ```
//! use diagonet::{Law, strategies};
//! use proptest::prelude::*;
//!
//! proptest!(|(task in strategies::task(), map in strategies::scale_map())| {
//!     if let Ok(law) = Law::fine_tuning(&task, &map) {
//!         prop_assert!((0.0..=1.0).contains(&law.reachable_fraction()));
//!     }
//! });
//! ```

#[cfg(feature = "quadrature")]
use nalgebra::{DMatrix, DVector};
use proptest::prelude::*;

use crate::asymptotics::optimizer::{LabelNoise, Optimizer};
use crate::error::Result;
use crate::network::initialization::{GapScales, Initialization, LayerScales, Scales};
use crate::network::protocol::Protocol;
use crate::network::scale_map::ScaleMap;
use crate::problem::feature_class::FeatureClass;
#[cfg(feature = "quadrature")]
use crate::problem::feature_kind::FeatureKind;
use crate::problem::law::{CoordinateGroup, Law};
use crate::problem::mixture::Mixture;
use crate::problem::prior::Prior;
use crate::problem::samples::Samples;
use crate::problem::supports::{ConditionalDensities, Supports};
use crate::problem::task::Task;
#[cfg(feature = "quadrature")]
use crate::stages::sequence::{Sequence, SequenceStage};
use crate::stages::transfer::Transfer;

/// Positive numbers, uniform in their logarithm between two powers of ten.
fn decades(from: f64, to: f64) -> impl Strategy<Value = f64> {
    (from..to).prop_map(|exponent| 10.0_f64.powf(exponent))
}

/// Numbers of both signs, zero among them.
fn signed(magnitude: impl Strategy<Value = f64>) -> impl Strategy<Value = f64> {
    (magnitude, prop_oneof![4 => Just(1.0), 4 => Just(-1.0), 1 => Just(0.0)])
        .prop_map(|(magnitude, sign)| sign * magnitude)
}

/// Mostly scales that people use, and a few over the whole range of floats.
fn scale() -> impl Strategy<Value = f64> {
    prop_oneof![8 => decades(-9.0, 3.0), 1 => decades(-299.9, 299.9), 1 => Just(0.0)]
}

/// Probabilities, both ends among them.
fn probability() -> impl Strategy<Value = f64> {
    prop_oneof![8 => 0.0..=1.0_f64, 1 => Just(0.0), 1 => Just(1.0)]
}

/// Probabilities that sum to one.
fn weights(count: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(0.01..1.0_f64, count).prop_map(|parts| {
        let total: f64 = parts.iter().sum();
        parts.into_iter().map(|part| part / total).collect()
    })
}

/// Initializations of all three constructors.
pub fn initialization() -> impl Strategy<Value = Initialization> {
    let layer = || decades(-149.9, 149.9);
    prop_oneof![
        6 => (scale(), -1.0..=1.0_f64)
            .prop_map(|(absolute, relative)| Initialization::new(Scales { absolute, relative })),
        2 => (scale(), prop_oneof![decades(-299.9, 0.3), Just(0.0), Just(2.0)]).prop_map(
            |(absolute, lambda_gap)| Initialization::from_lambda_gap(GapScales { absolute, lambda_gap })
        ),
        1 => (layer(), layer()).prop_map(
            |(first_layer, readout)| Initialization::from_layers(LayerScales { first_layer, readout })
        ),
    ]
    .prop_map(|result| result.expect("all of these are legal"))
}

/// Scale maps, readouts at zero among them.
pub fn scale_map() -> impl Strategy<Value = ScaleMap> {
    let readout = prop_oneof![3 => Just(0.0), 4 => decades(-6.0, 2.0), 1 => decades(-152.9, 149.9)];
    (initialization(), readout).prop_map(|(pretraining, readout)| {
        ScaleMap::new(pretraining, readout).expect("all of these are legal")
    })
}

/// Supports, empty and full ones among them.
pub fn supports() -> impl Strategy<Value = Supports> {
    (probability(), probability(), probability()).prop_map(|(pretraining, shared, new)| {
        Supports::from_conditional(ConditionalDensities { pretraining, shared, new })
            .expect("all of these are legal")
    })
}

/// Gaussians and atoms, with means and deviations up to 1e3.
pub fn prior() -> impl Strategy<Value = Prior> {
    let variance = prop_oneof![1 => Just(0.0), 3 => decades(-6.0, 6.0)];
    (signed(decades(-3.0, 3.0)), variance).prop_map(|(mean, variance)| {
        Prior::gaussian(mean, variance).expect("all of these are legal")
    })
}

/// Mixtures of one to three components.
pub fn mixture() -> impl Strategy<Value = Mixture> {
    (1..=3_usize)
        .prop_flat_map(|count| (weights(count), prop::collection::vec(prior(), count)))
        .prop_map(|(weights, priors)| {
            Mixture::new(weights.into_iter().zip(priors)).expect("weights sum to one")
        })
}

/// Tasks with mixtures of coefficients, correlated or not, and inputs of equal or unequal variances.
pub fn task() -> impl Strategy<Value = Task> {
    let correlation = prop_oneof![2 => Just(0.0), 2 => -1.0..=1.0_f64, 1 => Just(1.0)];
    let variance = || decades(-3.0, 3.0);
    let variances = [variance(), variance(), variance(), variance()];
    let variances = prop_oneof![3 => Just([1.0; 4]), 1 => variances];
    (supports(), mixture(), mixture(), mixture(), (correlation, variances)).prop_filter_map(
        "a fine-tuning density below 1e-300, or a correlation with nothing",
        |(supports, pretraining, shared, new, (correlation, variances))| {
            Task::new(supports)
                .and_then(|task| task.with_pretraining_prior(pretraining))
                .and_then(|task| task.with_shared_prior(shared))
                .and_then(|task| task.with_new_prior(new))
                .and_then(|task| task.with_correlation(correlation))
                .and_then(|task| {
                    let variances = FeatureClass::ALL.into_iter().zip(variances);
                    variances.into_iter().try_fold(task, |task, (class, variance)| {
                        task.with_input_variance(class, variance)
                    })
                })
                .ok()
        },
    )
}

/// Samples with and without noise, fewer and more than coordinates.
pub fn samples() -> impl Strategy<Value = Samples> {
    let ratio = prop_oneof![6 => 0.01..3.0_f64, 1 => decades(-299.9, 299.9)];
    let noise = prop_oneof![1 => Just(0.0), 2 => decades(-6.0, 3.0)];
    (ratio, noise).prop_map(|(ratio, noise)| {
        Samples::new(ratio)
            .and_then(|samples| samples.with_noise_variance(noise))
            .expect("all of these are legal")
    })
}

/// Weight and name of a group; prior, scale, start and input variance, and whether it is mirrored.
type Named = ((f64, &'static str), (Prior, f64, (f64, f64), bool));

/// Laws of one to four groups, with starts, input variances and mirror images.
pub fn law() -> impl Strategy<Value = Law> {
    let group = || {
        let start = prop_oneof![3 => Just(0.0), 1 => signed(decades(-3.0, 3.0))];
        let input_variance = prop_oneof![3 => Just(1.0), 1 => decades(-3.0, 3.0)];
        (prior(), scale(), (start, input_variance), any::<bool>())
    };
    (1..=4_usize)
        .prop_flat_map(move |count| (weights(count), prop::collection::vec(group(), count)))
        .prop_map(|(weights, groups)| {
            let names = ["first", "second", "third", "fourth"];
            let group = |((weight, name), (prior, scale, (start, variance), mirrored)): Named| {
                // What cannot move stays at zero.
                let start = if scale == 0.0 { 0.0 } else { start };
                let group = CoordinateGroup::new(name, weight, prior, scale)?.with_start(start)?;
                // At the ends of the range of scales, there is no room for other variances.
                let group = group.clone().with_input_variance(variance).unwrap_or(group);
                Ok(if mirrored { group.with_mirror_image() } else { group })
            };
            let groups = weights.into_iter().zip(names).zip(groups).map(group);
            let groups: Result<Vec<_>> = groups.collect();
            groups.and_then(Law::new).expect("all of these are legal")
        })
}

/// Protocols of all kinds, with parameters from a thousandth to a thousand.
pub fn protocol() -> impl Strategy<Value = Protocol> {
    let parameter = || (-3.0..3.0_f64).prop_map(|exponent| 10.0_f64.powf(exponent));
    let built = |name: &'static str, parameters: &[f64]| {
        Protocol::from_name(name, parameters).expect("all of these are legal")
    };
    prop_oneof![
        Just(Protocol::REBALANCED),
        Just(Protocol::Continued),
        Just(Protocol::ReadoutReset),
        Just(Protocol::ProbeKept),
        Just(Protocol::ProbeReset),
        Just(Protocol::FrozenReadout),
        parameter().prop_map(move |gain| built("rebalanced", &[gain])),
        (parameter(), parameter()).prop_map(move |(a, b)| built("rescaled", &[a, b])),
        parameter().prop_map(move |ratio| built("learning_rates", &[ratio])),
        parameter().prop_map(move |gain| built("probe_rebalanced", &[gain])),
        parameter().prop_map(move |branch| built("adapter", &[branch])),
    ]
}

/// Transfers with and without finite pretraining data, in all protocols.
pub fn transfer() -> impl Strategy<Value = Transfer> {
    (task(), scale_map(), prop::option::of(samples()), protocol()).prop_map(
        |(task, scale_map, samples, protocol)| {
            let transfer = Transfer::new(&task, scale_map).with_protocol(protocol);
            match samples {
                Some(samples) => transfer.with_pretraining_samples(samples),
                None => transfer,
            }
        },
    )
}

/// Optimizers of all kinds: gradient flow, steps with and without label noise, weight decay.
pub fn optimizer() -> impl Strategy<Value = Optimizer> {
    let rate = prop_oneof![1 => Just(0.0), 4 => decades(-3.0, 0.0), 1 => decades(-299.9, 299.9)];
    let noise = (prop_oneof![1 => Just(0.0), 1 => decades(-3.0, 1.0)], decades(-2.0, 2.0));
    let decay = prop_oneof![1 => Just(0.0), 2 => decades(-3.0, 1.0)];
    (rate, 1..=64_usize, noise, decay).prop_map(|(rate, batch, (variance, steps), decay)| {
        let noise = LabelNoise { variance, steps_per_coordinate: steps };
        Optimizer::new()
            .with_learning_rate(rate)
            .and_then(|optimizer| optimizer.with_batch(batch))
            .and_then(|optimizer| optimizer.with_label_noise(noise))
            .and_then(|optimizer| optimizer.with_weight_decay_integral(decay))
            .expect("all of these are legal")
    })
}

/// Lists of one to three kinds of features whose probabilities sum to one, of this many tasks.
#[cfg(feature = "quadrature")]
pub fn feature_kinds(tasks: usize) -> impl Strategy<Value = Vec<FeatureKind>> {
    let mean = || prop_oneof![2 => Just(0.0), 1 => signed(decades(-3.0, 3.0))];
    let loading = || prop_oneof![1 => Just(0.0), 2 => signed(decades(-3.0, 3.0))];
    let kind = move || {
        (0..=2_usize).prop_flat_map(move |factors| {
            let means = prop::collection::vec(mean(), tasks);
            (Just(factors), means, prop::collection::vec(loading(), tasks * factors))
        })
    };
    (1..=3_usize)
        .prop_flat_map(move |count| (weights(count), prop::collection::vec(kind(), count)))
        .prop_map(move |(weights, kinds)| {
            let names = ["first", "second", "third"];
            let kinds = weights.into_iter().zip(names).zip(kinds);
            let kind = kinds.map(|((weight, name), (factors, means, loadings))| {
                let loadings = DMatrix::from_vec(tasks, factors, loadings);
                FeatureKind::with_factors(name, weight, DVector::from_vec(means), loadings)
            });
            kind.collect::<Result<_>>().expect("all of these are legal")
        })
}

/// Stages on one or several of so many tasks, on finite and on unlimited data, after all protocols but
/// adapters.
#[cfg(feature = "quadrature")]
pub fn sequence_stage(tasks: usize) -> impl Strategy<Value = SequenceStage> {
    let protocol = protocol().prop_map(|protocol| match protocol {
        // Only a last stage may be one.
        Protocol::Adapter { .. } => Protocol::Continued,
        other => other,
    });
    let readout = prop_oneof![1 => Just(0.0), 2 => decades(-3.0, 1.0)];
    let shares = prop::collection::vec(0.01..1.0_f64, tasks);
    let one = (0..tasks).prop_map(SequenceStage::on_task);
    let several =
        shares.prop_map(|shares| SequenceStage::on_tasks(&shares).expect("their sum is positive"));
    (prop_oneof![2 => one, 1 => several], prop::option::of(samples()), protocol, readout).prop_map(
        |(stage, samples, protocol, readout)| {
            let stage = stage.with_protocol(protocol).with_readout_scale(readout);
            let stage = stage.expect("all of these are legal");
            match samples {
                Some(samples) => stage.with_samples(samples),
                None => stage,
            }
        },
    )
}

/// Sequences of one to three stages on one or two tasks.
#[cfg(feature = "quadrature")]
pub fn sequence() -> impl Strategy<Value = Sequence> {
    (1..=2_usize)
        .prop_flat_map(|tasks| {
            let stages = prop::collection::vec(sequence_stage(tasks), 1..=3);
            (feature_kinds(tasks), initialization(), stages)
        })
        .prop_filter_map("an absolute scale of 0", |(kinds, initialization, stages)| {
            let empty = Sequence::new(kinds, initialization).ok()?;
            let whole = stages.into_iter().try_fold(empty, Sequence::with_stage);
            Some(whole.expect("all of these are legal"))
        })
}
