//! Properties of initialization, penalty, scale map and task, extremes included.

use crate::common::{config, decades, relative_error, relative_scale, signed};
use diagonet::{
    ConditionalDensities, Densities, Initialization, LayerScales, Penalty, ScaleMap, Scales,
    SeparablePenalty, Supports,
};
use nalgebra::DVector;
use proptest::prelude::*;

/// A few roundings.
const ROUNDING: f64 = 2e-15;

/// Scales from 1e-300 to 1e300, and zero.
fn scale() -> impl Strategy<Value = f64> {
    prop_oneof![9 => decades(-299.9, 299.9), 1 => Just(0.0)]
}

/// Coefficients of all sizes, and zero.
fn coefficient() -> impl Strategy<Value = f64> {
    prop_oneof![9 => signed(decades(-299.9, 299.9)), 1 => Just(0.0)]
}

fn initialization() -> impl Strategy<Value = Initialization> {
    (scale(), relative_scale()).prop_map(|(c, lambda)| {
        Initialization::new(Scales { absolute: c, relative: lambda }).unwrap()
    })
}

proptest! {
    #![proptest_config(config(1000))]

    #[test]
    fn scales_and_layers_convert_into_each_other(
        c in decades(-280.0, 290.0),
        lambda in relative_scale(),
    ) {
        let from_scales = Initialization::new(Scales { absolute: c, relative: lambda }).unwrap();
        let layers = (from_scales.first_layer(), from_scales.readout());
        let again = Initialization::from_layers(LayerScales { first_layer: layers.0, readout: layers.1 }).unwrap();
        prop_assert!(relative_error(again.absolute_scale(), c) <= ROUNDING);
        prop_assert!((again.relative_scale() - lambda).abs() <= ROUNDING);
        prop_assert_eq!((again.first_layer(), again.readout()), layers);
    }

    #[test]
    fn the_smaller_layer_is_not_forgotten(
        first_layer in decades(-149.9, 149.9),
        readout in decades(-149.9, 149.9),
        beta in coefficient(),
    ) {
        let initialization = Initialization::from_layers(LayerScales { first_layer, readout }).unwrap();
        let at_start = initialization.weights(0.0).unwrap();
        prop_assert!(relative_error(at_start.plus.first_layer(), first_layer) <= ROUNDING);
        prop_assert!(relative_error(at_start.minus.readout(), readout) <= ROUNDING);
        let map = ScaleMap::new(initialization, 0.0).unwrap();
        let scale = map.fine_tuning_scale(0.0).unwrap();
        prop_assert!(relative_error(scale, 4.0 * first_layer * first_layer) <= ROUNDING);
        let start = map.fine_tuning_initialization(beta).unwrap();
        let scale = map.fine_tuning_scale(beta).unwrap();
        prop_assert!(relative_error(start.first_layer(), scale.sqrt()) <= ROUNDING);
    }

    #[test]
    fn weights_reproduce_coefficient_and_invariants(
        initialization in initialization(),
        beta in coefficient(),
    ) {
        let (c, lambda) = (initialization.absolute_scale(), initialization.relative_scale());
        let weights = initialization.weights(beta).unwrap();
        let size = c.hypot(beta);
        prop_assert!((weights.coefficient() - beta).abs() <= ROUNDING * size);
        let conserved = weights.conserved();
        prop_assert!((conserved.absolute_scale - c).abs() <= ROUNDING * size);
        prop_assert!((conserved.imbalance_plus - lambda * c).abs() <= 2.0 * ROUNDING * size);
        prop_assert!((conserved.imbalance_minus - lambda * c).abs() <= 2.0 * ROUNDING * size);
    }

    #[test]
    fn weights_of_the_opposite_coefficient_swap_paths(
        initialization in initialization(),
        beta in signed(decades(-299.9, 299.9)),
    ) {
        let (there, back) =
            (initialization.weights(beta).unwrap(), initialization.weights(-beta).unwrap());
        prop_assert_eq!(there.plus, back.minus);
        prop_assert_eq!(there.minus, back.plus);
    }

    #[test]
    fn fine_tuning_scale_grows_with_the_pretrained_coefficient(
        pretraining in initialization(),
        gamma in prop_oneof![Just(0.0), decades(-140.0, 140.0)],
        beta in coefficient(),
    ) {
        let map = ScaleMap::new(pretraining, gamma).unwrap();
        let at_zero = map.fine_tuning_scale(0.0).unwrap();
        let scale = map.fine_tuning_scale(beta).unwrap();
        prop_assert!(scale.is_finite() && scale >= at_zero);
        prop_assert_eq!(scale, map.fine_tuning_scale(-beta).unwrap());
        prop_assert!((0.0..=1.0).contains(&map.log_sensitivity(beta).unwrap()));
        let start = map.fine_tuning_initialization(beta).unwrap();
        prop_assert!(relative_error(start.absolute_scale(), scale) <= ROUNDING);
        let weights = pretraining.weights(beta).unwrap();
        let sum = weights.plus.first_layer() + weights.minus.first_layer();
        prop_assert!((start.first_layer() - sum).abs()
            <= ROUNDING * (weights.plus.first_layer().abs() + weights.minus.first_layer().abs()));
    }

    #[test]
    fn proximal_map_inverts_its_equation(
        z in signed(decades(-290.0, 290.0)),
        theta in prop_oneof![Just(0.0), decades(-290.0, 290.0)],
        c in decades(-290.0, 290.0),
    ) {
        let penalty = Penalty::new(c).unwrap();
        let point = penalty.proximal(z, theta).unwrap();
        // Neither the point nor its slope underflows.
        prop_assume!(point.value.abs() > 1e-300 && point.value.abs() / c > 1e-300);
        let back = point.value + theta * penalty.derivative(point.value).unwrap();
        // 8 ulp of b move its image by up to twice that.
        prop_assert!(relative_error(back, z) <= 4e-15);
    }

    #[test]
    fn proximal_map_is_odd_monotone_and_a_contraction(
        z in decades(-5.0, 3.0),
        gap in decades(-3.0, 3.0),
        theta in decades(-6.0, 3.0),
        c in decades(-290.0, 3.0),
    ) {
        let penalty = Penalty::new(c).unwrap();
        let (low, high) =
            (penalty.proximal(z, theta).unwrap(), penalty.proximal(z + gap, theta).unwrap());
        prop_assert_eq!(penalty.proximal(-z, theta).unwrap().value, -low.value);
        prop_assert!(high.value >= low.value);
        prop_assert!(high.value - low.value <= gap + ROUNDING * (z + gap));
        prop_assert!((0.0..=1.0).contains(&low.slope_in_z));
        prop_assert!(low.slope_in_theta <= 0.0 && high.slope_in_z >= low.slope_in_z);
    }

    #[test]
    fn penalty_is_homogeneous_of_degree_one(
        beta in signed(decades(-100.0, 100.0)),
        c in decades(-100.0, 100.0),
        k in decades(-100.0, 100.0),
    ) {
        let (plain, scaled) = (Penalty::new(c).unwrap(), Penalty::new(k * c).unwrap());
        // The product k beta is rounded, and enters squared.
        let budget = 16.0 * f64::EPSILON;
        let values = (plain.value(beta).unwrap(), scaled.value(k * beta).unwrap());
        prop_assert!(relative_error(values.1, k * values.0) <= budget);
        let orders = (plain.l_order(beta).unwrap(), scaled.l_order(k * beta).unwrap());
        prop_assert!(relative_error(orders.1, orders.0) <= budget);
        prop_assert!((1.0..=2.0).contains(&orders.0));
    }

    #[test]
    fn separable_penalty_is_the_sum_of_its_parts(
        parts in prop::collection::vec((decades(-9.0, 9.0), signed(decades(-9.0, 9.0))), 1..20),
    ) {
        let scales = DVector::from_iterator(parts.len(), parts.iter().map(|part| part.0));
        let beta = DVector::from_iterator(parts.len(), parts.iter().map(|part| part.1));
        let value = SeparablePenalty::new(&scales).unwrap().value(&beta).unwrap();
        let sum: f64 = parts.iter().map(|&(c, b)| Penalty::new(c).unwrap().value(b).unwrap()).sum();
        prop_assert!(relative_error(value, sum) <= 1e-14);
    }

    /// Built again from what they say of themselves, supports are the same to the bit.
    #[test]
    fn supports_read_back(rho in 0.0..=1.0_f64, first in 0.0..=1.0_f64, second in 0.0..=1.0_f64) {
        let conditional = Supports::from_conditional(ConditionalDensities { pretraining: rho, shared: first, new: second }).unwrap();
        let again = Supports::from_conditional(ConditionalDensities { pretraining: conditional.pretraining_density(), shared: conditional.shared_density().unwrap_or(first), new: conditional.new_density().unwrap_or(second) });
        prop_assert_eq!(again, Ok(conditional));
        if let Ok(overlapping) = Supports::new(Densities { pretraining: rho, fine_tuning: first, overlap: second }) {
            let again = Supports::new(Densities { pretraining: overlapping.pretraining_density(), fine_tuning: overlapping.fine_tuning_density(), overlap: overlapping.overlap().unwrap_or(second) });
            prop_assert_eq!(again, Ok(overlapping));
        }
    }

    #[test]
    fn supports_are_probabilities(rho_pt in 0.0..=1.0_f64, shared in 0.0..=1.0_f64, new in 0.0..=1.0_f64) {
        let supports = Supports::from_conditional(ConditionalDensities { pretraining: rho_pt, shared, new }).unwrap();
        let parts =
            [supports.shared(), supports.new_features(), supports.pretraining_only(), supports.none()];
        prop_assert!(parts.iter().all(|p| (0.0..=1.0).contains(p)));
        prop_assert!((parts.iter().sum::<f64>() - 1.0).abs() <= ROUNDING);
        if let Some(overlap) = supports.overlap() {
            let again = Supports::new(Densities { pretraining: supports.pretraining_density(), fine_tuning: supports.fine_tuning_density(), overlap }).unwrap();
            prop_assert!((again.shared() - supports.shared()).abs() <= ROUNDING);
            prop_assert!((again.none() - supports.none()).abs() <= ROUNDING);
        }
    }

    #[test]
    fn feasible_or_not_is_decided_by_the_two_inequalities(
        rho_pt in 0.0..=1.0_f64, rho_ft in 0.0..=1.0_f64, overlap in 0.0..=1.0_f64,
    ) {
        let feasible = overlap * rho_ft <= rho_pt && rho_pt + (1.0 - overlap) * rho_ft <= 1.0;
        let supports = Supports::new(Densities { pretraining: rho_pt, fine_tuning: rho_ft, overlap });
        prop_assert_eq!(supports.is_ok(), feasible);
    }
}
