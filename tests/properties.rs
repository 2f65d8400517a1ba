//! Properties over the legal domain, its extremes included.

mod common;

use common::relative_error;
use diagonet::{
    Error, Group, Initialization, Law, Penalty, Prior, Samples, ScaleMap, SeparablePenalty, Solver,
    Supports,
};
use nalgebra::DVector;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// A few roundings.
const ROUNDING: f64 = 2e-15;

/// The same cases on every run and machine.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(0x2602_2006_2000_0001),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Positive numbers of all sizes between two powers of ten.
fn decades(from: f64, to: f64) -> impl Strategy<Value = f64> {
    (from..to).prop_map(|exponent| 10.0_f64.powf(exponent))
}

fn signed(magnitude: impl Strategy<Value = f64>) -> impl Strategy<Value = f64> {
    (magnitude, any::<bool>()).prop_map(|(x, negative)| if negative { -x } else { x })
}

/// Scales from 1e-300 to 1e300, and zero.
fn scale() -> impl Strategy<Value = f64> {
    prop_oneof![9 => decades(-299.9, 299.9), 1 => Just(0.0)]
}

/// Coefficients of all sizes, and zero.
fn coefficient() -> impl Strategy<Value = f64> {
    prop_oneof![9 => signed(decades(-299.9, 299.9)), 1 => Just(0.0)]
}

/// Relative scales, dense next to both ends.
fn relative_scale() -> impl Strategy<Value = f64> {
    prop_oneof![
        -1.0..=1.0_f64,
        decades(-16.0, 0.0).prop_map(|gap| gap - 1.0),
        decades(-16.0, 0.0).prop_map(|gap| 1.0 - gap),
        Just(-1.0),
        Just(1.0),
    ]
}

fn initialization() -> impl Strategy<Value = Initialization> {
    (scale(), relative_scale())
        .prop_map(|(c, lambda)| Initialization::from_scales(c, lambda).unwrap())
}

fn prior() -> impl Strategy<Value = Prior> {
    prop_oneof![
        Just(Prior::ZERO),
        signed(decades(-1.0, 1.0)).prop_map(|m| Prior::atom(m).unwrap()),
        decades(-2.0, 2.0).prop_map(|v| Prior::gaussian(0.0, v).unwrap()),
        (signed(decades(-3.0, 1.0)), decades(-8.0, 1.0))
            .prop_map(|(m, v)| Prior::gaussian(m, v).unwrap()),
    ]
}

/// Mixtures of up to four groups with scales from a strategy.
fn law(scales: impl Strategy<Value = f64>) -> impl Strategy<Value = Law> {
    prop::collection::vec((0.001..1.0_f64, prior(), scales), 1..=4).prop_map(|parts| {
        let sum: f64 = parts.iter().map(|part| part.0).sum();
        let groups = parts.into_iter().enumerate().map(|(i, (weight, prior, scale))| {
            Group::new(format!("group {i}"), weight / sum, prior, scale).unwrap()
        });
        Law::new(groups.collect()).unwrap()
    })
}

/// Noiseless and noisy samples, few and many.
fn samples() -> impl Strategy<Value = Samples> {
    let ratio = prop_oneof![4 => 0.001..0.999_f64, 1 => decades(-6.0, -1.0), 1 => 1.001..3.0_f64];
    let noise = prop_oneof![Just(0.0), decades(-8.0, 1.0)];
    (ratio, noise)
        .prop_map(|(ratio, noise)| Samples::new(ratio).unwrap().with_noise_variance(noise).unwrap())
}

fn solver() -> impl Strategy<Value = Solver> {
    prop_oneof![3 => Just(0.0), 1 => decades(-4.0, 2.0)]
        .prop_map(|kappa| Solver::new().with_explicit_penalty(kappa).unwrap())
}

/// What the errors of two equal problems may differ by: the budget, above its floor.
fn agree(left: f64, right: f64, unit: f64) -> bool {
    (left - right).abs() <= Solver::ACCURACY * right + 1e-14 * unit
}

proptest! {
    #![proptest_config(config(1000))]

    #[test]
    fn scales_and_layers_convert_into_each_other(
        c in decades(-280.0, 290.0),
        lambda in relative_scale(),
    ) {
        let from_scales = Initialization::from_scales(c, lambda).unwrap();
        let layers = (from_scales.first_layer(), from_scales.readout());
        let again = Initialization::from_layer_scales(layers.0, layers.1).unwrap();
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
        let initialization = Initialization::from_layer_scales(first_layer, readout).unwrap();
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

    #[test]
    fn supports_are_probabilities(rho_pt in 0.0..=1.0_f64, shared in 0.0..=1.0_f64, new in 0.0..=1.0_f64) {
        let supports = Supports::from_conditional(rho_pt, shared, new).unwrap();
        let parts =
            [supports.shared(), supports.new_features(), supports.pretraining_only(), supports.none()];
        prop_assert!(parts.iter().all(|p| (0.0..=1.0).contains(p)));
        prop_assert!((parts.iter().sum::<f64>() - 1.0).abs() <= ROUNDING);
        if let Some(overlap) = supports.overlap() {
            let again = Supports::from_overlap(
                supports.pretraining_density(),
                supports.fine_tuning_density(),
                overlap,
            ).unwrap();
            prop_assert!((again.shared() - supports.shared()).abs() <= ROUNDING);
            prop_assert!((again.none() - supports.none()).abs() <= ROUNDING);
        }
    }

    #[test]
    fn feasible_or_not_is_decided_by_the_two_inequalities(
        rho_pt in 0.0..=1.0_f64, rho_ft in 0.0..=1.0_f64, overlap in 0.0..=1.0_f64,
    ) {
        let feasible = overlap * rho_ft <= rho_pt && rho_pt + (1.0 - overlap) * rho_ft <= 1.0;
        let supports = Supports::from_overlap(rho_pt, rho_ft, overlap);
        prop_assert_eq!(supports.is_ok(), feasible);
    }

    #[test]
    fn error_is_finite_over_twelve_decades_of_rich_and_six_of_lazy(
        law in law(prop_oneof![12 => decades(-12.0, 6.0), 1 => Just(0.0)]),
        samples in samples(),
        solver in solver(),
    ) {
        match solver.evaluate(&law, &samples) {
            Ok(report) => {
                let error = report.generalization_error;
                prop_assert!(error.is_finite() && error >= 0.0);
                prop_assert!(report.groups.iter().all(|group| group.error >= 0.0));
                prop_assert!(report.state.residual < 1e-10, "{report:?}");
                let expected = samples.sample_ratio() * report.state.effective_noise_variance;
                prop_assert!(relative_error(error + samples.noise_variance(), expected) < 1e-9
                    || error < 1e-14);
            }
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn extreme_scales_have_an_answer_or_lie_beyond_floats(
        law in law(scale()),
        samples in samples(),
        solver in solver(),
    ) {
        match solver.evaluate(&law, &samples) {
            Ok(report) => prop_assert!(report.generalization_error >= 0.0),
            Err(Error::NotRepresentable { .. }) => {}
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    /// Next to the weight of a set of groups, where the balance of responses is most delicate.
    #[test]
    fn interior_thresholds_do_not_depend_on_the_start(
        law in law(decades(-12.0, 6.0)),
        noise in prop_oneof![Just(0.0), decades(-8.0, 1.0)],
        count in any::<prop::sample::Index>(),
        nudge in prop_oneof![Just(0.0), signed(decades(-12.0, -3.0))],
    ) {
        let count = count.index(law.groups().len()) + 1;
        let weight: f64 = law.groups()[..count].iter().map(Group::weight).sum();
        let samples = |ratio: f64| {
            Samples::new(ratio).unwrap().with_noise_variance(noise).unwrap()
        };
        let ratio = (weight * (1.0 + nudge)).min(1.0 - 1e-9);
        let solver = Solver::new();
        let cold = solver.evaluate(&law, &samples(ratio)).unwrap().generalization_error;
        let state = solver.fixed_point(&law, &samples(0.8 * ratio)).unwrap();
        let warm = solver.with_warm_start(state).evaluate(&law, &samples(ratio)).unwrap();
        let unit = law.mean_square() + noise;
        prop_assert!(agree(warm.generalization_error, cold, unit), "{warm:?} {cold:e}");
    }

    #[test]
    fn error_does_not_change_when_a_group_is_split_or_its_sign_flipped(
        law in law(decades(-12.0, 6.0)),
        samples in samples(),
        solver in solver(),
        share in 0.0..=1.0_f64,
        which in any::<prop::sample::Index>(),
    ) {
        let which = which.index(law.groups().len());
        let groups = law.groups().iter().enumerate().flat_map(|(i, group)| {
            let prior = group.prior();
            let flipped = Prior::gaussian(-prior.mean(), prior.variance()).unwrap();
            let part = |weight, prior| {
                Group::new(group.label().clone(), weight, prior, group.scale()).unwrap()
            };
            if i == which {
                vec![
                    part(share * group.weight(), prior),
                    part((1.0 - share) * group.weight(), flipped),
                ]
            } else {
                vec![group.clone()]
            }
        });
        let other = Law::new(groups.collect()).unwrap();
        let (left, right) =
            (solver.evaluate(&law, &samples).unwrap(), solver.evaluate(&other, &samples).unwrap());
        let unit = law.mean_square() + samples.noise_variance();
        prop_assert!(agree(left.generalization_error, right.generalization_error, unit));
        prop_assert_eq!(left.groups.len(), right.groups.len());
    }

    #[test]
    fn error_scales_with_the_square_of_the_unit(
        law in law(decades(-12.0, 6.0)),
        samples in samples(),
        kappa in prop_oneof![Just(0.0), decades(-4.0, 2.0)],
        k in decades(-60.0, 60.0),
    ) {
        let groups = law.groups().iter().map(|group| {
            let prior = group.prior();
            let prior = Prior::gaussian(k * prior.mean(), k * k * prior.variance()).unwrap();
            Group::new(group.label().clone(), group.weight(), prior, k * group.scale()).unwrap()
        });
        let scaled = Law::new(groups.collect()).unwrap();
        let noise = k * k * samples.noise_variance();
        let scaled_samples =
            Samples::new(samples.sample_ratio()).unwrap().with_noise_variance(noise).unwrap();
        let solver = |kappa: f64| Solver::new().with_explicit_penalty(kappa).unwrap();
        let error = |solver: Solver, law, samples| {
            solver.evaluate(law, samples).unwrap().generalization_error
        };
        let left = error(solver(kappa), &law, &samples);
        let right = error(solver(k * kappa), &scaled, &scaled_samples) / (k * k);
        let unit = law.mean_square() + samples.noise_variance();
        prop_assert!(agree(left, right, unit), "{left:e} {right:e}");
    }

    #[test]
    fn the_start_does_not_matter(
        law in law(decades(-12.0, 6.0)),
        samples in samples(),
        other in samples(),
        solver in solver(),
    ) {
        let cold = solver.evaluate(&law, &samples).unwrap().generalization_error;
        let state = solver.fixed_point(&law, &other).unwrap();
        let warm =
            solver.with_warm_start(state).evaluate(&law, &samples).unwrap().generalization_error;
        let unit = law.mean_square() + samples.noise_variance();
        prop_assert!(agree(warm, cold, unit), "{warm:e} {cold:e}");
    }
}

proptest! {
    #![proptest_config(config(60))]

    /// Gauss-Legendre panels in z, independent of the crate's rule in every respect. Panels are
    /// refined around the points where the proximal map bends.
    #[test]
    fn fixed_point_equations_hold(
        law in law(decades(-12.0, 6.0)),
        samples in samples(),
        kappa in prop_oneof![3 => Just(0.0), 1 => decades(-4.0, 2.0)],
    ) {
        let solver = Solver::new().with_explicit_penalty(kappa).unwrap();
        let report = solver.evaluate(&law, &samples).unwrap();
        let (noise, theta) =
            (report.state.effective_noise_variance, report.state.effective_penalty);
        let unit = law.mean_square() + samples.noise_variance();
        prop_assume!(theta > 0.0 && report.generalization_error > 1e-14 * unit);
        let (mut response, mut error) = (0.0, 0.0);
        for group in law.groups() {
            let [group_response, group_error] = panels::moments(group, noise, theta);
            response += group.weight() * group_response;
            error += group.weight() * group_error;
        }
        prop_assert!(relative_error(response + kappa / theta, samples.sample_ratio()) < 1e-9);
        prop_assert!(relative_error(error, report.generalization_error) < 1e-9, "{error:e}");
        let expected = samples.sample_ratio() * noise;
        prop_assert!(relative_error(samples.noise_variance() + error, expected) < 1e-9);
    }
}

/// An independent quadrature for the response and the error of a group.
mod panels {
    use diagonet::{Group, Penalty};

    /// Nodes and weights of the 10-point Gauss-Legendre rule on [-1, 1].
    const RULE: [(f64, f64); 5] = [
        (0.148_874_338_981_631_21, 0.295_524_224_714_752_87),
        (0.433_395_394_129_247_2, 0.269_266_719_309_996_36),
        (0.679_409_568_299_024_4, 0.219_086_362_515_982_04),
        (0.865_063_366_688_984_5, 0.149_451_349_150_580_6),
        (0.973_906_528_517_171_7, 0.066_671_344_308_688_14),
    ];

    pub(crate) fn moments(group: &Group, noise: f64, theta: f64) -> [f64; 2] {
        let (m, v) = (group.prior().mean(), group.prior().variance());
        let total = v + noise;
        let spread = total.sqrt();
        let penalty = Penalty::new(group.scale()).unwrap();
        let integrand = |z: f64| {
            let u = (z - m) / spread;
            // m + (v/S²)(z - m) - b, without cancellation for a small noise.
            let point = penalty.proximal(z, theta).unwrap();
            let shrinkage = theta * penalty.derivative(point.value).unwrap();
            let bias = if v > noise {
                shrinkage - noise / total * (z - m)
            } else {
                m + v / total * (z - m) - point.value
            };
            let density = (-0.5 * u * u).exp() / (spread * (2.0 * std::f64::consts::PI).sqrt());
            [density * point.slope_in_z, density * bias * bias]
        };
        // The map bends where its two terms are equal, over a width that shrinks with the scale.
        let bend = 0.5 * theta * (1.0 + (theta / group.scale()).asinh());
        let (low, high) = (m - 9.5 * spread, m + 9.5 * spread);
        let mut edges = vec![low, m, high];
        let mut width = 20.0 * spread;
        while width > 1e-6 * (group.scale() + theta).min(spread) {
            for centre in [-bend, 0.0, bend, m] {
                for side in [-1.0, 1.0] {
                    edges.push(centre + side * width);
                }
            }
            width *= 0.5;
        }
        edges.extend([-bend, 0.0, bend]);
        edges.retain(|edge| (low..=high).contains(edge));
        edges.sort_by(f64::total_cmp);
        let mut sums = [0.0, v * noise / total];
        for pair in edges.windows(2) {
            let (middle, half) = (0.5 * (pair[0] + pair[1]), 0.5 * (pair[1] - pair[0]));
            for (x, weight) in RULE {
                for z in [middle - half * x, middle + half * x] {
                    let values = integrand(z);
                    sums[0] += half * weight * values[0];
                    sums[1] += half * weight * values[1];
                }
            }
        }
        sums
    }
}
