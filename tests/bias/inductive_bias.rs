//! The triangle of regimes: check points, bounds to the last bit, and the way back.

use crate::common::{config, decades, relative_error, relative_scale, signed};
use diagonet::{
    ConditionalDensities, Densities, DiagramAxis, Error, Feature, InductiveBias, Initialization,
    LayerScales, Penalty, PhaseDiagram, Regime, ScaleMap, Scales, Supports, TargetBias, Task,
    TaskBias,
};
use proptest::prelude::*;

/// Budget of an inductive bias, and of the way to an initialization and back, absolute.
const BUDGET: f64 = 4e-15;

/// Scales of all sizes, dense around one, and zero.
fn scale() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => decades(-299.9, 299.9),
        4 => decades(-4.0, 2.0),
        1 => Just(0.0),
        1 => Just(1e300),
        1 => Just(1e-300),
    ]
}

/// Coefficients of all sizes, dense around one, and zero.
fn coefficient() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => signed(decades(-323.0, 299.9)),
        4 => signed(decades(-3.0, 3.0)),
        1 => Just(0.0),
        1 => Just(1e300),
    ]
}

fn readout_scale() -> impl Strategy<Value = f64> {
    prop_oneof![
        3 => decades(-152.9, 149.9),
        3 => decades(-4.0, 2.0),
        3 => Just(0.0),
        1 => Just(1e150),
    ]
}

fn scale_map() -> impl Strategy<Value = ScaleMap> {
    let from_scales = (scale(), relative_scale()).prop_map(|(c, lambda)| {
        Initialization::new(Scales { absolute: c, relative: lambda }).unwrap()
    });
    let from_layers = (decades(-149.9, 149.9), decades(-149.9, 149.9)).prop_map(|(w, v)| {
        Initialization::from_layers(LayerScales { first_layer: w, readout: v }).unwrap()
    });
    (prop_oneof![4 => from_scales, 1 => from_layers], readout_scale())
        .prop_map(|(pretraining, gamma)| ScaleMap::new(pretraining, gamma).unwrap())
}

fn feature() -> impl Strategy<Value = Feature> {
    (coefficient(), coefficient()).prop_map(|(pretrained_coefficient, coefficient)| Feature {
        pretrained_coefficient,
        coefficient,
    })
}

const UNIT: Feature = Feature { pretrained_coefficient: 1.0, coefficient: 1.0 };

fn map(c: f64, lambda: f64, gamma: f64) -> ScaleMap {
    ScaleMap::new(Initialization::new(Scales { absolute: c, relative: lambda }).unwrap(), gamma)
        .unwrap()
}

#[test]
fn check_points_are_met() {
    for (regime, l_order, dependence, decimals) in [
        (Regime::I, 1.074, -0.074, 3),
        (Regime::II, 1.886, -0.885, 3),
        (Regime::III, 2.000, -0.020, 3),
        (Regime::IV, 1.23, -0.23, 2),
    ] {
        let bias = InductiveBias::of_feature(&regime.reference().unwrap(), UNIT).unwrap();
        // The published digits are cut off, not rounded.
        let unit = 10.0_f64.powi(-decimals);
        assert!((bias.l_order() - l_order).abs() < unit, "{bias:?}");
        assert!((bias.pretraining_dependence() - dependence).abs() < unit, "{bias:?}");
        assert_eq!(bias.regime(), regime);
    }
}

#[test]
fn corners_are_exact() {
    let coordinates = |map: &ScaleMap, feature| {
        let corner = InductiveBias::of_feature(map, feature).unwrap().coordinates();
        [corner.rich_independent, corner.lazy_dependent, corner.lazy_independent]
    };
    assert_eq!(coordinates(&map(1e-3, -1.0, 0.0), UNIT), [1.0, 0.0, 0.0]);
    let unused = Feature { coefficient: 0.0, ..UNIT };
    assert_eq!(coordinates(&map(0.0, 1.0, 0.0), unused), [0.0, 1.0, 0.0]);
    assert_eq!(coordinates(&map(1e-3, -1.0, 1e150), UNIT), [0.0, 0.0, 1.0]);
    assert_eq!(coordinates(&map(1e300, 0.0, 0.0), UNIT), [0.0, 0.0, 1.0]);
    // Nothing depends on a coefficient of zero.
    let fresh = Feature { pretrained_coefficient: 0.0, ..UNIT };
    let bias = InductiveBias::of_feature(&map(1e-3, 0.0, 0.0), fresh).unwrap();
    assert!(bias.pretraining_dependence() == 0.0 && bias.feature_price() == 1.0);
}

#[test]
fn prices_have_their_limits() {
    let price = |map: &ScaleMap, b: f64| {
        InductiveBias::of_feature(map, Feature { coefficient: b, ..UNIT }).unwrap().feature_price()
    };
    let rich = map(1e-3, 0.0, 0.0);
    let ratio = rich.fine_tuning_scale(1.0).unwrap() / rich.fine_tuning_scale(0.0).unwrap();
    assert_eq!(price(&rich, 0.0), ratio);
    assert!(relative_error(price(&rich, 1e-9), ratio) < 1e-12);
    // The slope of the smaller scale is of order one, that of the larger underflows.
    let steep = map(1e-300, 1.0, 0.0);
    let shallow = Feature { pretrained_coefficient: 1e300, coefficient: 1e-300 };
    let expected = 0.25_f64.asinh() * 2.0 * 1e300 / 1e-300;
    let computed = InductiveBias::of_feature(&steep, shallow).unwrap().feature_price();
    assert_eq!((computed, expected), (f64::INFINITY, f64::INFINITY));
    let moderate = Feature { pretrained_coefficient: 1e-50, ..shallow };
    let computed = InductiveBias::of_feature(&steep, moderate).unwrap().feature_price();
    assert!(relative_error(computed, 0.25_f64.asinh() * 2e250) < 1e-13);
    assert_eq!(price(&map(0.0, 0.0, 0.0), 1.0), f64::INFINITY);
    assert_eq!(price(&map(1.0, -1.0, 0.0), 1.0), 1.0);
}

#[test]
fn targets_outside_say_what_is_attainable() {
    let target = |l_order, pretraining_dependence| TargetBias { l_order, pretraining_dependence };
    // Lazy pretraining: s <= 1 - c/sqrt(c² + beta²) = 1 - 0.8.
    let feature = Feature { pretrained_coefficient: 3.0, coefficient: 1.0 };
    let Err(Error::Unattainable { l_order, pretraining_dependence, lowest_dependence, .. }) =
        InductiveBias::realize(target(1.5, -0.3), feature, 4.0)
    else {
        panic!("the target is attainable");
    };
    assert_eq!((l_order, pretraining_dependence), (1.5, -0.3));
    assert!((lowest_dependence + 0.1).abs() < 1e-15);
    assert!(InductiveBias::realize(target(1.5, -0.1), feature, 4.0).is_ok());
    let error = InductiveBias::realize(target(1.5, -0.3), feature, 4.0).unwrap_err();
    assert!(error.to_string().contains("at l_order = 1.5"), "{error}");
    // A relative scale of at most 1 bounds the scale that pretraining can reach.
    let weak = Feature { pretrained_coefficient: 1e-3, coefficient: 1.0 };
    let bounded = InductiveBias::realize(target(1.9, -0.9), weak, 0.0);
    assert!(matches!(bounded, Err(Error::Unattainable { lowest_dependence, .. })
        if lowest_dependence > -0.01 && lowest_dependence < 0.0));
    // New features, and the l1 norm, do not depend on pretraining.
    let fresh = Feature { pretrained_coefficient: 0.0, coefficient: 1.0 };
    for (target, feature) in [(target(1.5, -0.1), fresh), (target(1.0, -1e-9), UNIT)] {
        let result = InductiveBias::realize(target, feature, 1.0);
        assert!(matches!(result, Err(Error::Unattainable { lowest_dependence: 0.0, .. })));
    }
}

#[test]
fn limits_of_the_inverse() {
    let target = TargetBias { l_order: 1.0, pretraining_dependence: 0.0 };
    let rich = InductiveBias::realize(target, UNIT, 0.5).unwrap();
    assert_eq!(rich, map(0.5, -1.0, 0.0));
    // New features: a first layer alone as far as it reaches, and a readout beyond.
    let fresh = Feature { pretrained_coefficient: 0.0, coefficient: 1.0 };
    let target = TargetBias { l_order: 1.5, pretraining_dependence: 0.0 };
    let first_layer = InductiveBias::realize(target, fresh, 10.0).unwrap();
    assert!(first_layer.readout_scale() == 0.0);
    let both = InductiveBias::realize(target, fresh, 1e-3).unwrap();
    assert!(both.readout_scale() > 0.0 && both.pretraining().relative_scale() == 1.0);
    let readout = InductiveBias::realize(target, fresh, 0.0).unwrap();
    for map in [first_layer, both, readout] {
        let bias = InductiveBias::of_feature(&map, fresh).unwrap();
        assert!((bias.l_order() - 1.5).abs() <= BUDGET && bias.pretraining_dependence() == 0.0);
    }
    // A first layer whose share of 1e-200 is lost in lambda = -1.
    let small = Feature { pretrained_coefficient: 1e-200, coefficient: 1e-200 };
    let target = TargetBias { l_order: 1.5, pretraining_dependence: -0.25 };
    let map = InductiveBias::realize(target, small, 0.0).unwrap();
    assert!(map.fine_tuning_scale(1e-200).unwrap() > 0.0);
    let lazy = Feature { pretrained_coefficient: 1.0, coefficient: 1e-200 };
    let map = InductiveBias::realize(target, lazy, 1e-3).unwrap();
    assert_eq!(map.pretraining().relative_scale(), -1.0);
    let bias = InductiveBias::of_feature(&map, lazy).unwrap();
    assert!((bias.pretraining_dependence() + 0.25).abs() <= BUDGET);
}

#[test]
fn inputs_outside_their_domain_name_the_parameter() {
    #[track_caller]
    fn assert_names<T: std::fmt::Debug>(result: diagonet::Result<T>, name: &str) {
        match result {
            Err(Error::OutOfDomain { parameter, .. }) => assert_eq!(parameter, name),
            other => panic!("expected {name} to be out of its domain, found {other:?}"),
        }
    }
    let map = map(1.0, 0.0, 0.0);
    let target = TargetBias { l_order: 1.5, pretraining_dependence: -0.1 };
    let not_numbers = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
    for x in not_numbers.into_iter().chain([1e301, -1e301]) {
        let coefficient = Feature { coefficient: x, ..UNIT };
        let pretrained = Feature { pretrained_coefficient: x, ..UNIT };
        assert_names(InductiveBias::of_feature(&map, coefficient), "coefficient");
        assert_names(InductiveBias::of_feature(&map, pretrained), "pretrained_coefficient");
        assert_names(InductiveBias::realize(target, coefficient, 1.0), "coefficient");
        assert_names(InductiveBias::realize(target, pretrained, 1.0), "pretrained_coefficient");
        assert_names(InductiveBias::realize(target, UNIT, x), "absolute_scale");
        for axis in
            [DiagramAxis::AbsoluteScale, DiagramAxis::RelativeScale, DiagramAxis::ReadoutScale]
        {
            let other = (DiagramAxis::FineTuningCoefficient, [1.0].as_slice());
            let diagram = PhaseDiagram::of_feature(&map, UNIT, (axis, &[x]), other);
            assert_names(diagram, &axis.to_string());
        }
    }
    let unused = Feature { coefficient: 0.0, ..UNIT };
    assert_names(InductiveBias::realize(target, unused, 1.0), "coefficient");
    for x in not_numbers.into_iter().chain([1.0_f64.next_down(), 2.0]) {
        assert_names(
            InductiveBias::realize(TargetBias { l_order: x, ..target }, UNIT, 1.0),
            "l_order",
        );
    }
    for x in not_numbers.into_iter().chain([1e-300, (-1.0_f64).next_down()]) {
        let target = TargetBias { pretraining_dependence: x, ..target };
        assert_names(InductiveBias::realize(target, UNIT, 1.0), "pretraining_dependence");
    }
    let bias = InductiveBias::of_feature(&map, UNIT).unwrap();
    for x in not_numbers.into_iter().chain([0.5, 1.0_f64.next_up(), -0.8]) {
        assert_names(bias.regime_at(x), "threshold");
    }
    let unused = Task::new(
        Supports::from_conditional(ConditionalDensities {
            pretraining: 0.2,
            shared: 0.0,
            new: 0.0,
        })
        .unwrap(),
    )
    .unwrap();
    assert_names(TaskBias::of_task(&unused, &map), "fine_tuning_density");
}

#[test]
fn impossible_diagrams_and_points_say_why() {
    let (readout, empty) = (
        (DiagramAxis::ReadoutScale, [0.0].as_slice()),
        (DiagramAxis::RelativeScale, [].as_slice()),
    );
    let diagram =
        |rows, columns| PhaseDiagram::of_feature(&map(1.0, 0.0, 0.0), UNIT, rows, columns);
    let equal = diagram(readout, readout).unwrap_err();
    assert_eq!(equal, Error::EqualAxes { parameter: "readout_scale" });
    assert_eq!(equal.to_string(), "both axes of the phase diagram vary readout_scale");
    for empty in [diagram(readout, empty), diagram(empty, readout)] {
        assert_eq!(empty, Err(Error::EmptyAxis { parameter: "relative_scale" }));
    }
    let unused = Feature { coefficient: 0.0, ..UNIT };
    let frozen = InductiveBias::of_feature(&map(1.0, -1.0, 0.0), unused);
    assert_eq!(frozen, Err(Error::NoLimit { quantity: "l_order" }));
    // Orders that only scales below 1e-307 have, or readout scales above 1e150.
    for (l_order, coefficient) in [(1.0 + 1e-6, 1.0), (2.0_f64.next_down(), 1e300)] {
        let target = TargetBias { l_order, pretraining_dependence: 0.0 };
        let result = InductiveBias::realize(target, Feature { coefficient, ..UNIT }, 1.0);
        assert!(matches!(result, Err(Error::NotRepresentable { .. })), "{result:?}");
    }
}

#[test]
fn diagrams_hold_the_bias_of_every_cell() {
    let values: [(DiagramAxis, &[f64]); 4] = [
        (DiagramAxis::AbsoluteScale, &[0.0, 1e-3, 1.0]),
        (DiagramAxis::RelativeScale, &[-1.0, -0.9, 1.0]),
        (DiagramAxis::ReadoutScale, &[0.0, 0.3]),
        (DiagramAxis::FineTuningCoefficient, &[-2.0, 0.1]),
    ];
    for rows in values {
        for columns in values.into_iter().filter(|axis| axis.0 != rows.0) {
            let base = map(1e-2, -0.5, 0.1);
            let diagram = PhaseDiagram::of_feature(&base, UNIT, rows, columns).unwrap();
            assert_eq!((diagram.row_axis(), diagram.column_axis()), (rows.0, columns.0));
            assert_eq!((diagram.row_values(), diagram.column_values()), (rows.1, columns.1));
            assert_eq!(diagram.cells().len(), rows.1.len() * columns.1.len());
            for (i, &row) in rows.1.iter().enumerate() {
                for (j, &column) in columns.1.iter().enumerate() {
                    let pick = |axis, base: f64| match axis {
                        _ if axis == rows.0 => row,
                        _ if axis == columns.0 => column,
                        _ => base,
                    };
                    let map = map(
                        pick(DiagramAxis::AbsoluteScale, 1e-2),
                        pick(DiagramAxis::RelativeScale, -0.5),
                        pick(DiagramAxis::ReadoutScale, 0.1),
                    );
                    let coefficient = pick(DiagramAxis::FineTuningCoefficient, 1.0);
                    let feature = Feature { coefficient, ..UNIT };
                    let expected = InductiveBias::of_feature(&map, feature).unwrap();
                    assert_eq!(diagram.get(i, j), Some(&expected));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(config(20_000))]

    #[test]
    fn every_legal_point_is_inside_the_triangle(map in scale_map(), feature in feature()) {
        let bias = match InductiveBias::of_feature(&map, feature) {
            Ok(bias) => bias,
            Err(error) => {
                // The only point without a limit.
                let scale = map.fine_tuning_scale(feature.pretrained_coefficient).unwrap();
                prop_assert_eq!(error, Error::NoLimit { quantity: "l_order" });
                prop_assert!(scale == 0.0 && feature.coefficient == 0.0);
                return Ok(());
            }
        };
        let (l_order, dependence) = (bias.l_order(), bias.pretraining_dependence());
        prop_assert!((1.0..=2.0).contains(&l_order));
        prop_assert!((-1.0..=0.0).contains(&dependence));
        prop_assert!((1.0..=2.0).contains(&(l_order + dependence)));
        let corner = bias.coordinates();
        let parts = [corner.rich_independent, corner.lazy_dependent, corner.lazy_independent];
        prop_assert!(parts.iter().all(|part| (0.0..=1.0).contains(part)));
        prop_assert!((parts.iter().sum::<f64>() - 1.0).abs() <= f64::EPSILON);
        prop_assert!(bias.feature_price() >= 1.0);
        let strict = bias.regime_at(1.0).unwrap();
        prop_assert!(strict == Regime::IV || strict == bias.regime());
        let opposite = Feature {
            pretrained_coefficient: -feature.pretrained_coefficient,
            coefficient: -feature.coefficient,
        };
        prop_assert_eq!(InductiveBias::of_feature(&map, opposite), Ok(bias));
    }

    #[test]
    fn forward_of_inverse_is_the_identity(
        l_order in prop_oneof![
            4 => 1.0..2.0_f64,
            1 => decades(-2.8, 0.0).prop_map(|gap| (1.0 + gap).min(2.0_f64.next_down())),
            1 => decades(-15.9, 0.0).prop_map(|gap| 2.0 - gap),
        ],
        position in prop_oneof![3 => 0.0..=1.0_f64, 1 => Just(0.0), 1 => Just(1.0)],
        c in scale(),
        feature in feature(),
    ) {
        prop_assume!(feature.coefficient != 0.0);
        let realize = |pretraining_dependence| {
            let target = TargetBias { l_order, pretraining_dependence };
            InductiveBias::realize(target, feature, c)
        };
        // The bound of what is attainable, from the error of the opposite corner.
        let lowest = match realize(1.0 - l_order) {
            Err(Error::Unattainable { lowest_dependence, .. }) => lowest_dependence,
            Err(error) => {
                prop_assert!(matches!(error, Error::NotRepresentable { .. }), "{error}");
                return Ok(());
            }
            Ok(_) => 1.0 - l_order,
        };
        prop_assert!((1.0 - l_order..=0.0).contains(&lowest));
        let dependence = position * lowest;
        match realize(dependence) {
            Ok(map) => {
                let bias = InductiveBias::of_feature(&map, feature).unwrap();
                let found = (bias.l_order(), bias.pretraining_dependence());
                prop_assert!((found.0 - l_order).abs() <= BUDGET, "{found:?}");
                prop_assert!((found.1 - dependence).abs() <= BUDGET, "{found:?} {dependence:e}");
            }
            Err(error) => prop_assert!(matches!(error, Error::NotRepresentable { .. }), "{error}"),
        }
        // A target below the range is refused, by more than rounding.
        let below = lowest - 1e-6 * (l_order - 1.0) - 1e-13;
        if below > -1.0 && 2.0 - l_order > 1e-6 {
            let refused = realize(below);
            prop_assert!(matches!(refused, Err(Error::Unattainable { .. })), "{refused:?}");
        }
    }

    #[test]
    fn every_representable_point_is_attainable(map in scale_map(), feature in feature()) {
        let pretrained = feature.pretrained_coefficient;
        let c = map.pretraining().absolute_scale();
        prop_assume!(feature.coefficient != 0.0 && (c == 0.0 || (1e-300..=1e300).contains(&c)));
        let bias = InductiveBias::of_feature(&map, feature).unwrap();
        prop_assume!(bias.l_order() < 2.0);
        let target = TargetBias {
            l_order: bias.l_order(),
            pretraining_dependence: bias.pretraining_dependence(),
        };
        match InductiveBias::realize(target, feature, c) {
            Ok(again) => {
                let again = InductiveBias::of_feature(&again, feature).unwrap();
                prop_assert!((again.l_order() - bias.l_order()).abs() <= BUDGET);
                let difference = again.pretraining_dependence() - bias.pretraining_dependence();
                prop_assert!(difference.abs() <= BUDGET);
            }
            Err(Error::NotRepresentable { .. }) => {
                let scale = map.fine_tuning_scale(pretrained).unwrap();
                // A share of the first layer below 1e-307, too.
                let share = (map.pretraining().first_layer() / c.sqrt()).powi(2);
                prop_assert!(!(1e-300..=1e299).contains(&scale) || share < 1e-300, "{scale:e}");
            }
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}

#[cfg(feature = "quadrature")]
mod tasks {
    use super::*;

    fn task(overlap: f64, deviation: f64) -> Task {
        Task::new(Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap }).unwrap())
            .unwrap()
            .with_fine_tuning_variance(deviation * deviation)
            .unwrap()
    }

    /// Average over a Gaussian by the trapezoidal rule in the logarithm of the magnitude,
    /// independent of the crate's rule.
    fn average(deviation: f64, mut function: impl FnMut(f64) -> f64) -> f64 {
        let step = 0.01;
        let (mut sum, mut mass) = (0.0, 0.0);
        for i in -4500..=250 {
            let u = (step * f64::from(i)).exp();
            let weight = u * (-0.5 * u * u).exp();
            sum += weight * function(u * deviation);
            mass += weight;
        }
        sum / mass
    }

    #[test]
    fn averages_agree_with_an_independent_rule() {
        let mut worst = 0.0_f64;
        for c in [0.0, 1e-300, 1e-200, 1e-20, 1e-12, 1e-6, 1e-3, 1e-2, 0.1, 1.0, 10.0, 1e3, 1e300] {
            for (lambda, gamma) in [(-0.999, 0.0), (0.0, 0.0), (0.5, 0.1), (1.0, 3.0)] {
                for deviation in [1e-150, 1e-3, 1.0, 1e150] {
                    let map = map(c, lambda, gamma);
                    let bias = TaskBias::of_task(&task(0.3, deviation), &map).unwrap().average();
                    let (mut l_order, mut dependence) = (0.0, 0.0);
                    for (weight, pretrained_coefficient) in [(0.3, 1.0), (0.7, 0.0)] {
                        let point = |coefficient| {
                            let feature = Feature { pretrained_coefficient, coefficient };
                            InductiveBias::of_feature(&map, feature).unwrap()
                        };
                        l_order += weight * average(deviation, |b| point(b).l_order());
                        dependence +=
                            weight * average(deviation, |b| point(b).pretraining_dependence());
                    }
                    let error = (bias.l_order() - l_order)
                        .abs()
                        .max((bias.pretraining_dependence() - dependence).abs());
                    assert!(error <= 1e-13, "{error:e} at {c:e} {lambda} {gamma} {deviation:e}");
                    worst = worst.max(error);
                }
            }
        }
        println!("worst absolute error: {worst:e}");
    }

    #[test]
    fn shares_agree_with_the_classification_of_quantiles() {
        use statrs::function::erf::erf_inv;
        const QUANTILES: usize = 20_000;
        for (c, lambda, gamma) in [
            (1e-3, 0.0, 0.0),
            (1e-3, -0.99, 0.0),
            (0.3, 0.0, 0.0),
            (1e-3, 0.5, 1.0),
            (1e-9, -0.9, 1e-3),
            (1e3, 0.0, 0.0),
            (0.0, 0.0, 0.0),
        ] {
            let map = map(c, lambda, gamma);
            let bias = TaskBias::of_task(&task(0.3, 1.5), &map).unwrap();
            for threshold in [0.55, 0.8, 0.95, 1.0] {
                let shares = bias.regime_shares_at(threshold).unwrap();
                let mut expected = [0.0; 4];
                for i in 0..QUANTILES {
                    let quantile = (i as f64 + 0.5) / QUANTILES as f64;
                    let coefficient = 1.5 * std::f64::consts::SQRT_2 * erf_inv(quantile);
                    for (weight, pretrained_coefficient) in [(0.3, 1.0), (0.7, 0.0)] {
                        let feature = Feature { pretrained_coefficient, coefficient };
                        let regime = InductiveBias::of_feature(&map, feature)
                            .unwrap()
                            .regime_at(threshold)
                            .unwrap();
                        let place = Regime::ALL.iter().position(|&other| other == regime);
                        expected[place.unwrap()] += weight / QUANTILES as f64;
                    }
                }
                for (regime, expected) in Regime::ALL.into_iter().zip(expected) {
                    // As fine as the quantiles.
                    let share = shares.share(regime);
                    assert!(
                        (share - expected).abs() <= 1.5 / QUANTILES as f64,
                        "{regime}: {share} {expected} at {c:e} {lambda} {gamma} {threshold}"
                    );
                }
            }
            assert_eq!(bias.regime_shares_at(0.8), Ok(bias.regime_shares()));
        }
    }

    #[test]
    fn coefficients_without_variance_have_the_limit_of_the_feature() {
        let atom = task(0.3, 0.0);
        let map = map(1e-3, 0.0, 0.0);
        let average = TaskBias::of_task(&atom, &map).unwrap().average();
        assert_eq!(average.l_order(), 2.0);
        let sensitivity = map.log_sensitivity(1.0).unwrap();
        assert!((average.pretraining_dependence() + 0.3 * sensitivity).abs() <= BUDGET);
        let shares = TaskBias::of_task(&atom, &map).unwrap().regime_shares();
        assert!((shares.share(Regime::II) - 0.3).abs() <= BUDGET);
        assert!((shares.share(Regime::III) - 0.7).abs() <= BUDGET);
        let frozen = TaskBias::of_task(&atom, &super::map(0.0, -1.0, 0.0));
        assert_eq!(frozen, Err(Error::NoLimit { quantity: "l_order" }));
    }

    #[test]
    fn diagrams_of_tasks_vary_the_standard_deviation() {
        let (base, deviations) = (map(1e-2, -0.5, 0.1), [0.0, 0.1, 2.0]);
        let diagram = PhaseDiagram::of_task(
            &task(0.5, 1.0),
            &base,
            (DiagramAxis::ReadoutScale, &[0.1, 1.0]),
            (DiagramAxis::FineTuningCoefficient, &deviations),
        )
        .unwrap();
        for (j, deviation) in deviations.into_iter().enumerate() {
            let cell = diagram.get(0, j).unwrap().average();
            let expected = TaskBias::of_task(&task(0.5, deviation), &base).unwrap().average();
            assert!((cell.l_order() - expected.l_order()).abs() <= 1e-15);
        }
        let negative = PhaseDiagram::of_task(
            &task(0.5, 1.0),
            &base,
            (DiagramAxis::ReadoutScale, &[0.1]),
            (DiagramAxis::FineTuningCoefficient, &[-1.0]),
        );
        assert!(matches!(
            negative,
            Err(Error::OutOfDomain { parameter: "fine_tuning_coefficient", value: -1.0, .. })
        ));
    }

    proptest! {
        #![proptest_config(config(2000))]

        #[test]
        fn every_legal_task_is_inside_the_triangle(
            map in scale_map(),
            overlap in 0.0..=1.0_f64,
            magnitude in signed(decades(-149.9, 149.9)),
            deviation in prop_oneof![decades(-160.0, 149.9), decades(-2.0, 2.0)],
            threshold in 0.501..=1.0_f64,
        ) {
            let task = task(overlap, deviation).with_pretraining_magnitude(magnitude).unwrap();
            let bias = match TaskBias::of_task(&task, &map) {
                Ok(bias) => bias,
                Err(error) => {
                    prop_assert_eq!(error, Error::NoLimit { quantity: "l_order" });
                    prop_assert!(task.shared_prior().variance() == 0.0);
                    return Ok(());
                }
            };
            let (l_order, dependence) =
                (bias.average().l_order(), bias.average().pretraining_dependence());
            prop_assert!((1.0..=2.0).contains(&l_order));
            prop_assert!((-1.0..=0.0).contains(&dependence));
            prop_assert!((1.0..=2.0).contains(&(l_order + dependence)));
            prop_assert!(bias.average().feature_price() >= 1.0);
            let shares = bias.regime_shares_at(threshold).unwrap();
            let shares = Regime::ALL.map(|regime| shares.share(regime));
            prop_assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)));
            prop_assert!((shares.iter().sum::<f64>() - 1.0).abs() <= 1e-15);
        }
    }
}

#[cfg(not(feature = "quadrature"))]
#[test]
fn integrals_need_the_feature() {
    let task = Task::new(
        Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 }).unwrap(),
    )
    .unwrap();
    let result = TaskBias::of_task(&task, &map(1.0, 0.0, 0.0));
    assert!(matches!(result, Err(Error::QuadratureDisabled { .. })));
    assert!(result.unwrap_err().to_string().contains("needs the feature `quadrature`"));
}

#[test]
fn orders_are_those_of_the_penalty() {
    let map = map(1e-3, -0.5, 0.1);
    let penalty = Penalty::new(map.fine_tuning_scale(1.0).unwrap()).unwrap();
    for coefficient in [-3.0, 0.0, 1e-3, 1.0] {
        let bias = InductiveBias::of_feature(&map, Feature { coefficient, ..UNIT }).unwrap();
        assert_eq!(Ok(bias.l_order()), penalty.l_order(coefficient));
    }
}
