//! Properties of the fixed point over the legal domain, its extremes included.

#![cfg(feature = "quadrature")]

use crate::common::{config, decades, relative_error, signed};
use diagonet::{CoordinateGroup, Error, Law, Prior, Samples, Solver};
use proptest::prelude::*;

/// Scales from 1e-300 to 1e300, and zero.
fn scale() -> impl Strategy<Value = f64> {
    prop_oneof![9 => decades(-299.9, 299.9), 1 => Just(0.0)]
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
            CoordinateGroup::new(format!("group {i}"), weight / sum, prior, scale).unwrap()
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
    fn error_is_finite_over_twelve_decades_of_rich_and_six_of_lazy(
        law in law(prop_oneof![12 => decades(-12.0, 6.0), 1 => Just(0.0)]),
        samples in samples(),
        solver in solver(),
    ) {
        match solver.solve(&law, &samples) {
            Ok(report) => {
                let error = report.generalization_error();
                prop_assert!(error.is_finite() && error >= 0.0);
                prop_assert!(report.errors.groups.iter().all(|group| group.error >= 0.0));
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
        match solver.solve(&law, &samples) {
            Ok(report) => prop_assert!(report.generalization_error() >= 0.0),
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
        let weight: f64 = law.groups()[..count].iter().map(CoordinateGroup::weight).sum();
        let samples = |ratio: f64| {
            Samples::new(ratio).unwrap().with_noise_variance(noise).unwrap()
        };
        let ratio = (weight * (1.0 + nudge)).min(1.0 - 1e-9);
        let solver = Solver::new();
        let cold = solver.solve(&law, &samples(ratio)).unwrap().generalization_error();
        let state = solver.solve(&law, &samples(0.8 * ratio)).unwrap().state;
        let warm = solver.solve_from(&law, &samples(ratio), &state).unwrap();
        let unit = law.mean_square() + noise;
        prop_assert!(agree(warm.generalization_error(), cold, unit), "{warm:?} {cold:e}");
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
                CoordinateGroup::new(group.label().clone(), weight, prior, group.scale()).unwrap()
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
            (solver.solve(&law, &samples).unwrap(), solver.solve(&other, &samples).unwrap());
        let unit = law.mean_square() + samples.noise_variance();
        prop_assert!(agree(left.generalization_error(), right.generalization_error(), unit));
        prop_assert_eq!(left.errors.groups.len(), right.errors.groups.len());
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
            CoordinateGroup::new(group.label().clone(), group.weight(), prior, k * group.scale()).unwrap()
        });
        let scaled = Law::new(groups.collect()).unwrap();
        let noise = k * k * samples.noise_variance();
        let scaled_samples =
            Samples::new(samples.sample_ratio()).unwrap().with_noise_variance(noise).unwrap();
        let solver = |kappa: f64| Solver::new().with_explicit_penalty(kappa).unwrap();
        let error = |solver: Solver, law: &Law, samples| {
            solver.solve(law, samples).unwrap().generalization_error()
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
        let cold = solver.solve(&law, &samples).unwrap().generalization_error();
        let state = solver.solve(&law, &other).unwrap().state;
        let warm =
            solver.solve_from(&law, &samples, &state).unwrap().generalization_error();
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
        let report = solver.solve(&law, &samples).unwrap();
        let (noise, theta) =
            (report.state.effective_noise_variance, report.state.effective_penalty);
        let unit = law.mean_square() + samples.noise_variance();
        prop_assume!(theta > 0.0 && report.generalization_error() > 1e-14 * unit);
        let (mut response, mut error) = (0.0, 0.0);
        for group in law.groups() {
            let [group_response, group_error] = panels::moments(group, noise, theta);
            response += group.weight() * group_response;
            error += group.weight() * group_error;
        }
        prop_assert!(relative_error(response + kappa / theta, samples.sample_ratio()) < 1e-9);
        prop_assert!(relative_error(error, report.generalization_error()) < 1e-9, "{error:e}");
        let expected = samples.sample_ratio() * noise;
        prop_assert!(relative_error(samples.noise_variance() + error, expected) < 1e-9);
    }
}

/// Few samples and tiny scales: only the far tail of the effective noise passes the threshold, and the
/// exponential of the parameter `asinh(b/c)` overflows.
#[test]
fn fixed_point_equations_hold_where_few_samples_meet_tiny_scales() {
    for scale in [1e-200, 1e-290, 5e-301] {
        let group = |weight, prior| CoordinateGroup::new("group", weight, prior, scale).unwrap();
        let law = Law::new(vec![
            group(0.2, Prior::gaussian(0.0, 3.0).unwrap()),
            group(0.1, Prior::atom(-1.0).unwrap()),
            group(0.7, Prior::ZERO),
        ])
        .unwrap();
        for exponent in [3, 20, 33, 36, 60, 80] {
            let ratio = 10.0_f64.powi(-exponent);
            for noise in [0.0, 1e4] {
                let samples = Samples::new(ratio).unwrap().with_noise_variance(noise).unwrap();
                let report = Solver::new().solve(&law, &samples).unwrap();
                let (variance, theta) =
                    (report.state.effective_noise_variance, report.state.effective_penalty);
                let (mut response, mut error) = (0.0, 0.0);
                for group in law.groups() {
                    let moments = panels::moments(group, variance, theta);
                    response += group.weight() * moments[0];
                    error += group.weight() * moments[1];
                }
                // The response in the tail multiplies the rounding of theta by the square of the
                // threshold.
                assert!(relative_error(response, ratio) < 1e-9, "{scale} {ratio} {response:e}");
                assert!(relative_error(error, report.generalization_error()) < 1e-9);
            }
        }
    }
}

/// An independent quadrature for the response and the error of a group.
mod panels {
    use diagonet::{CoordinateGroup, Penalty};

    /// Nodes and weights of the 10-point Gauss-Legendre rule on [-1, 1].
    const RULE: [(f64, f64); 5] = [
        (0.148_874_338_981_631_21, 0.295_524_224_714_752_87),
        (0.433_395_394_129_247_2, 0.269_266_719_309_996_36),
        (0.679_409_568_299_024_4, 0.219_086_362_515_982_04),
        (0.865_063_366_688_984_5, 0.149_451_349_150_580_6),
        (0.973_906_528_517_171_7, 0.066_671_344_308_688_14),
    ];

    pub(crate) fn moments(group: &CoordinateGroup, noise: f64, theta: f64) -> [f64; 2] {
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
        let logarithm = theta.ln() - group.scale().ln();
        let arc = if logarithm < 700.0 { logarithm.exp().asinh() } else { logarithm };
        let bend = 0.5 * theta * (1.0 + arc);
        // What is beyond a threshold in the tail counts, too.
        let reach = (9.5 + bend / spread).min(38.0) * spread;
        let (low, high) = (m - reach, m + reach);
        let mut edges = vec![low, m, high];
        let mut width = 2.0 * reach;
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
