//! The best initialization, against grids and random points, and the samples that a target needs.

#![cfg(feature = "quadrature")]

use crate::common::{config, decades, relative_error};
use diagonet::{
    ConditionalDensities, CoordinateGroup, Densities, Error, Estimator, Initialization,
    InitializationDesign, Law, LayerScales, OptimumPosition, Prior, Regime, Samples, ScaleMap,
    Scales, Solver, Supports, Task,
};
use proptest::prelude::*;

/// By how much, relatively, a point may be below the optimum.
const OPTIMUM_BUDGET: f64 = 1e-9;

fn task(fine_tuning_density: f64, overlap: f64) -> Task {
    Task::new(
        Supports::new(Densities { pretraining: 0.1, fine_tuning: fine_tuning_density, overlap })
            .unwrap(),
    )
    .unwrap()
}

fn samples(sample_ratio: f64, noise_variance: f64) -> Samples {
    Samples::new(sample_ratio).unwrap().with_noise_variance(noise_variance).unwrap()
}

fn error(task: &Task, samples: &Samples, [c, gap, gamma]: [f64; 3]) -> f64 {
    // By layers, which have the digits of 1 + lambda.
    let layers = [0.5 * gap, 1.0 - 0.5 * gap].map(|share| (c * share.max(0.0)).sqrt());
    let pretraining =
        Initialization::from_layers(LayerScales { first_layer: layers[0], readout: layers[1] })
            .unwrap();
    let law = Law::fine_tuning(task, &ScaleMap::new(pretraining, gamma).unwrap()).unwrap();
    Solver::new().solve(&law, samples).unwrap().generalization_error()
}

/// Numbers with equal ratios, the ends to the last bit.
fn node(i: u32, of: u32, lowest: f64, highest: f64) -> f64 {
    let share = f64::from(i) / f64::from(of);
    if i == of { highest } else { lowest * (highest / lowest).powf(share) }
}

/// No point of a grid five times finer than the search's is below the optimum, and the nearest ones
/// come close. The tasks have their optimum inside the box, on its sides and in its corners.
#[test]
fn the_optimum_is_that_of_a_fine_grid() {
    const FINE: u32 = 160;
    for (density, overlap, alpha, noise, c) in [
        (0.1, 0.8, 0.25, 0.01, 1e-6),
        (0.1, 0.5, 0.08, 0.0, 1e-3),
        (0.1, 1.0, 0.4, 0.01, 1e-3),
        (0.03, 0.3, 0.4, 0.01, 1e-6),
        (0.1, 0.0, 0.25, 0.0, 1.0),
    ] {
        let (task, samples) = (task(density, overlap), samples(alpha, noise));
        let optimum = InitializationDesign::new(&task, samples, c).unwrap().optimum().unwrap();
        let best = optimum.solution.generalization_error();
        let mut lowest = f64::INFINITY;
        for i in 0..=FINE {
            let gap = node(i, FINE, 1e-12, 2.0);
            for j in 0..=FINE {
                let gamma = if j == 0 { 0.0 } else { node(j, FINE, 1e-9, 100.0) };
                lowest = lowest.min(error(&task, &samples, [c, gap, gamma]));
            }
        }
        assert!(lowest >= best * (1.0 - OPTIMUM_BUDGET), "{overlap} {alpha}: {lowest} {best}");
        assert!(lowest <= best * 1.003, "{overlap} {alpha}: {lowest} {best}");
        assert!(optimum.gain().unwrap() >= 1.0 - OPTIMUM_BUDGET);
        assert_eq!(optimum.unanswered, 0);
    }
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn no_initialization_does_better_than_the_best(
        density in 0.01..0.1_f64,
        overlap in 0.0..=1.0_f64,
        alpha in 0.05..0.6_f64,
        noise in prop_oneof![Just(0.0), decades(-4.0, 0.0)],
        absolute_scale in decades(-6.0, 1.0),
        others in prop::collection::vec((decades(-11.9, 0.3), decades(-8.0, 2.0)), 20),
    ) {
        let (task, samples) = (task(density, overlap), samples(alpha, noise));
        let optimum = InitializationDesign::new(&task, samples, absolute_scale).unwrap().optimum().unwrap();
        let best = optimum.solution.generalization_error();
        // The optimum is what its scale map says.
        let law = Law::fine_tuning(&task, &optimum.scale_map).unwrap();
        let again = Solver::new().solve(&law, &samples).unwrap().generalization_error();
        // The accuracy of errors is that of the mean square of signal and noise below 1e-14 of it.
        let budget = OPTIMUM_BUDGET * best + 1e-14 * (1.0 + noise);
        prop_assert!((again - best).abs() <= budget);
        for (gap, gamma) in others {
            let other = error(&task, &samples, [absolute_scale, gap, gamma]);
            prop_assert!(other >= best - budget, "{other} {best} at {gap} {gamma}");
        }
    }
}

/// The tolerated intervals: inside them another choice of the rest is within the tolerance, just
/// outside none is.
#[test]
fn the_tolerated_intervals_end_where_the_error_exceeds_the_tolerance() {
    const TOLERANCE: f64 = 0.01;
    let (task, samples) = (task(0.1, 0.8), samples(0.25, 0.01));
    let design =
        InitializationDesign::new(&task, samples, 1e-3).unwrap().with_tolerance(TOLERANCE).unwrap();
    let optimum = design.optimum().unwrap();
    let [low, high] = optimum.one_plus_relative_scale.tolerated;
    let [_, top] = optimum.readout_scale.tolerated;
    let limit = optimum.solution.generalization_error() * (1.0 + TOLERANCE);
    let best_at = |gap: f64| {
        let fixed = design.clone().with_relative_scales(gap - 1.0..=gap - 1.0).unwrap();
        fixed.optimum().unwrap().solution.generalization_error()
    };
    let best_with = |gamma: f64| {
        let fixed = design.clone().with_readout_scales(gamma..=gamma).unwrap();
        fixed.optimum().unwrap().solution.generalization_error()
    };
    // The ends are good to 1 %.
    for (inside, outside) in [(low * 1.001, low * 0.98), (high * 0.999, high * 1.02)] {
        assert!(best_at(inside) <= limit, "{inside}");
        assert!(best_at(outside) > limit, "{outside}");
    }
    assert!(best_with(top * 0.999) <= limit);
    assert!(best_with(top * 1.02) > limit);
}

#[test]
fn directions_without_effect_are_flat() {
    // Nothing was pretrained: 1 + lambda and gamma make one scale together.
    let supports =
        Supports::new(Densities { pretraining: 0.0, fine_tuning: 0.1, overlap: 0.0 }).unwrap();
    let design =
        InitializationDesign::new(&Task::new(supports).unwrap(), samples(0.08, 0.01), 1e-3)
            .unwrap();
    let optimum = design.optimum().unwrap();
    // The best scale needs more than the first layer at 1 + lambda = 2 can give.
    assert!(optimum.scale_map.fine_tuning_scale(0.0).unwrap() > 4e-3);
    assert!(optimum.one_plus_relative_scale.is_flat(), "{optimum:?}");
    assert!(!optimum.readout_scale.is_flat());

    // Three parameters for two scales: the absolute scale can be made up for by the others wherever
    // the scale of a new feature does not need to be below it.
    let design = InitializationDesign::new(&task(0.1, 0.5), samples(0.08, 0.0), 1e-3).unwrap();
    let free = design.clone().with_absolute_scales(1e-6..=1e-3).unwrap().optimum().unwrap();
    let fixed = design.optimum().unwrap();
    assert!(free.absolute_scale.is_flat(), "{free:?}");
    let [free, fixed] = [free, fixed].map(|optimum| optimum.solution.generalization_error());
    assert!(relative_error(free, fixed) < OPTIMUM_BUDGET, "{free} {fixed}");
}

#[test]
fn an_optimum_at_a_bound_is_at_the_bound() {
    let optimum = |task, samples: Samples, gamma: std::ops::RangeInclusive<f64>| {
        let design = InitializationDesign::new(&task, samples, 1e-3).unwrap();
        design.with_readout_scales(gamma).unwrap().optimum().unwrap()
    };
    // Everything is reused.
    let reuse = optimum(task(0.1, 1.0), samples(0.08, 0.0), 1e-5..=1.0);
    assert_eq!(reuse.one_plus_relative_scale.position, OptimumPosition::Highest);
    assert_eq!(reuse.one_plus_relative_scale.value, 2.0);
    assert_eq!(reuse.readout_scale.position, OptimumPosition::Lowest);
    assert_eq!(reuse.scale_map.readout_scale(), 1e-5);
    // Nothing is.
    let forget = optimum(task(0.1, 0.0), samples(0.4, 0.0), 0.0..=1.0);
    assert_eq!(forget.one_plus_relative_scale.position, OptimumPosition::DefaultBound);
    assert_eq!(forget.one_plus_relative_scale.value, 1e-12);
    assert_eq!(forget.readout_scale.value, 0.0);
    assert_eq!(forget.inductive_bias().unwrap().regime(), Regime::I);
    // Too much noise to learn anything: a network that cannot move, if it is in the box.
    let design = InitializationDesign::new(&task(0.1, 0.5), samples(0.9, 50.0), 1e-3).unwrap();
    let frozen = design.with_relative_scales(-1.0..=1.0).unwrap().optimum().unwrap();
    assert_eq!(frozen.one_plus_relative_scale.value, 0.0);
    assert_eq!(frozen.readout_scale.value, 0.0);
    assert_eq!(frozen.solution.generalization_error(), 1.0);
    // A value that does better the smaller it is, and worst at 0, where new features are frozen.
    let vanishing = InitializationDesign::new(&task(0.1, 0.8), samples(0.25, 0.0), 0.0).unwrap();
    let vanishing = vanishing.optimum().unwrap();
    assert_eq!(vanishing.readout_scale.position, OptimumPosition::SmallestPositive);
    assert_eq!(vanishing.readout_scale.value, 1e-8);
}

#[test]
fn a_design_without_an_answer_says_why() {
    let diverging = InitializationDesign::new(&task(0.1, 0.5), samples(1.0, 0.1), 1e-3).unwrap();
    assert!(matches!(diverging.optimum(), Err(Error::Diverges { .. })));
    let design = InitializationDesign::new(&task(0.1, 0.5), samples(0.5, 0.1), 1e-3).unwrap();
    assert!(matches!(
        design.clone().with_readout_scales(1.0..=0.5),
        Err(Error::EmptyRange { parameter: "readout_scale", .. })
    ));
    assert!(matches!(
        design.clone().with_relative_scales(f64::NAN..=1.0),
        Err(Error::OutOfDomain { parameter: "relative_scale", .. })
    ));
    assert!(design.with_tolerance(0.0).is_err());
}

proptest! {
    #![proptest_config(config(48))]

    /// At the required ratio the target is met; at no smaller ratio of a fine grid it is.
    #[test]
    fn the_required_ratio_is_the_smallest(
        density in 0.01..0.1_f64,
        overlap in 0.0..=1.0_f64,
        noise in prop_oneof![Just(0.0), decades(-6.0, 0.0)],
        absolute_scale in decades(-6.0, 1.0),
        gap in decades(-6.0, 0.3),
        target in decades(-3.0, -0.05),
    ) {
        let task = task(density, overlap);
        let pretraining = Initialization::new(Scales { absolute: absolute_scale, relative: (gap - 1.0).min(1.0) }).unwrap();
        let law = Law::fine_tuning(&task, &ScaleMap::new(pretraining, 0.0).unwrap()).unwrap();
        let solver = Solver::new();
        let error = |alpha: f64| {
            solver.solve(&law, &samples(alpha, noise)).unwrap().generalization_error()
        };
        let ratio = solver.required_sample_ratio(&law, noise, target).unwrap();
        prop_assert!(error(ratio) <= target * (1.0 + 1e-9), "{ratio}");
        for i in 1..200 {
            let smaller = ratio * (f64::from(i) / 200.0);
            // Not at the thresholds themselves.
            prop_assert!(smaller == 1.0 || error(smaller) > target, "{smaller} of {ratio}");
        }
    }
}

#[test]
fn a_range_from_zero_on_loses_nothing_and_stays_legal() {
    // All of fine-tuning is within pretraining, and sparse: the smaller the first layer the better.
    let supports = Supports::from_conditional(ConditionalDensities {
        pretraining: 0.0036,
        shared: 0.49,
        new: 0.0,
    })
    .unwrap();
    let sparse = Task::new(supports).unwrap().with_pretraining_magnitude(2.9).unwrap();
    let design = InitializationDesign::new(&sparse, samples(0.037, 0.0), 1e-5).unwrap();
    let optimum = design.optimum().unwrap();
    assert!(optimum.one_plus_relative_scale.value < 1e-10);
    let from_zero = design.with_relative_scales(-1.0..=1.0).unwrap().optimum().unwrap();
    let errors = [&optimum, &from_zero].map(|optimum| optimum.solution.generalization_error());
    assert!(errors[1] <= errors[0] * (1.0 + OPTIMUM_BUDGET), "{errors:?}");
    let design = InitializationDesign::new(&task(0.1, 0.5), samples(0.3, 0.0), 1e-3).unwrap();
    for largest in [1e-153, 1e-150] {
        let optimum = design.clone().with_readout_scales(0.0..=largest).unwrap().optimum().unwrap();
        assert_eq!(optimum.unanswered, 0);
    }
}

#[test]
fn flat_valleys_are_followed_to_their_floor() {
    // Noise above all signals: two of three parameters hardly matter, and equal layers are in the box.
    let supports = Supports::from_conditional(ConditionalDensities {
        pretraining: 0.43,
        shared: 0.98,
        new: 0.0,
    })
    .unwrap();
    let base = Task::new(supports).unwrap().with_correlation(0.7).unwrap();
    let large = base.with_pretraining_magnitude(10.0).unwrap();
    let noisy =
        InitializationDesign::new(&large, samples(0.03, 10.0), 1e-3).unwrap().optimum().unwrap();
    assert!(noisy.gain().unwrap() > 1.0 - OPTIMUM_BUDGET, "{:?}", noisy.gain());
    // Three parameters, of which the smallest features are indifferent to two.
    let supports = Supports::from_conditional(ConditionalDensities {
        pretraining: 0.56,
        shared: 0.19,
        new: 0.18,
    })
    .unwrap();
    let small = Task::new(supports).unwrap().with_pretraining_magnitude(1.4e-3).unwrap();
    let design = InitializationDesign::new(&small, samples(0.9, 0.1), 1.0).unwrap();
    let free = design.with_absolute_scales(1e-6..=10.0).unwrap().optimum().unwrap();
    assert!(free.gain().unwrap() > 1.0 - OPTIMUM_BUDGET, "{:?}", free.gain());
}

#[test]
fn no_samples_are_required_for_what_the_start_knows() {
    // The lazy limit learns the difference from the start: error (1 - alpha) (3 - 1)².
    let start_at = |mean| {
        let group = CoordinateGroup::new("all", 1.0, Prior::atom(mean).unwrap(), 1.0).unwrap();
        Law::new(vec![group.with_start(3.0).unwrap()]).unwrap()
    };
    let solver = Solver::new().with_estimator(Estimator::Lazy);
    let ratio = |mean, target| solver.required_sample_ratio(&start_at(mean), 0.0, target).unwrap();
    assert_eq!(ratio(1.0, 4.0), 0.0);
    assert!((ratio(1.0, 2.0) - 0.5).abs() < 1e-12);
    assert_eq!(ratio(3.0, 0.0), 0.0);
}

#[test]
fn the_best_initialization_needs_the_fewest_samples() {
    const TARGET: f64 = 0.3;
    let task = task(0.1, 0.8);
    let design = InitializationDesign::new(&task, samples(0.5, 0.01), 1e-3).unwrap();
    let least = design.required_sample_ratio(TARGET).unwrap();
    // At this ratio the best error is the target.
    let there =
        InitializationDesign::new(&task, samples(least, 0.01), 1e-3).unwrap().optimum().unwrap();
    assert!(relative_error(there.solution.generalization_error(), TARGET) < 1e-8);
    // That initialization needs no fewer samples, and others need more.
    let required = |map: &ScaleMap| {
        let law = Law::fine_tuning(&task, map).unwrap();
        Solver::new().required_sample_ratio(&law, 0.01, TARGET).unwrap()
    };
    assert!(relative_error(required(&there.scale_map), least) < 1e-8);
    for (lambda, gamma) in [(0.0, 0.0), (-0.9, 0.0), (-1.0, 0.1), (0.0, 1.0)] {
        let pretraining = Initialization::new(Scales { absolute: 1e-3, relative: lambda }).unwrap();
        assert!(required(&ScaleMap::new(pretraining, gamma).unwrap()) > least);
    }
}
