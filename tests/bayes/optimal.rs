//! The Bayes-optimal learner: tables, independent integrals, limits and extremes.
#![cfg(feature = "quadrature")]

use crate::common::{fixture, relative_error};
use diagonet::{
    BayesOptimal, ConditionalDensities, CoordinateGroup, Densities, Error, FeatureClass,
    Initialization, Law, Prior, Samples, ScaleMap, Scales, Supports, Task, Transfer,
};

fn task(pretraining: f64, fine_tuning: f64, overlap: f64) -> Task {
    Task::new(Supports::new(Densities { pretraining, fine_tuning, overlap }).unwrap()).unwrap()
}

#[test]
fn table_of_errors() {
    for row in fixture("bayes.csv") {
        let task = task(row["rho_pt"], row["rho_ft"], row["overlap"])
            .with_fine_tuning_variance(row["var_ft_active"])
            .unwrap();
        let samples =
            Samples::new(row["alpha_ft"]).unwrap().with_noise_variance(row["noise_var"]).unwrap();
        let pretrained = BayesOptimal::after_pretraining(&task).unwrap().solve(&samples).unwrap();
        let state = pretrained.message_passing();
        let scratch = BayesOptimal::from_scratch(&task).unwrap().solve(&samples).unwrap();
        for (computed, expected) in [
            (state.generalization_error(), row["error_bayes"]),
            (state.effective_noise_variance, row["s2_bayes"]),
            (scratch.message_passing().generalization_error(), row["error_bayes_scratch"]),
        ] {
            let error = relative_error(computed, expected);
            assert!(error < 1e-9, "{row:?}: {computed:e}, off by {error:e}");
        }
    }
}

#[test]
fn thresholds_of_the_theory() {
    for (density, threshold) in
        [(0.05, 0.118732), (0.1, 0.207559), (0.15, 0.285166), (0.2, 0.355411)]
    {
        let bayes = BayesOptimal::from_scratch(&task(0.5, density, 0.5)).unwrap();
        assert!((bayes.message_passing_threshold().unwrap() - threshold).abs() < 5e-7);
        assert!((bayes.information_theoretic_threshold() - density).abs() < 1e-15);
    }
    for (pretraining, fine_tuning, overlap, threshold) in
        [(0.1, 0.1, 0.5, 0.184250), (0.1, 0.1, 0.8, 0.142807), (0.2, 0.05, 1.0, 0.084017)]
    {
        let bayes =
            BayesOptimal::after_pretraining(&task(pretraining, fine_tuning, overlap)).unwrap();
        assert!((bayes.message_passing_threshold().unwrap() - threshold).abs() < 5e-7);
        assert!((bayes.information_theoretic_threshold() - fine_tuning).abs() < 1e-15);
    }
}

/// Tolerance of the independent integration where it is the reference.
const FINE: f64 = 1e-14;

/// A mixture in the independent integration: weight, mean, variance.
type Parts = Vec<[f64; 3]>;

/// Integral by Simpson's rule, halved until two levels agree.
fn simpson(function: &dyn Fn(f64) -> f64, low: f64, high: f64, floor: f64) -> f64 {
    fn refine(
        f: &dyn Fn(f64) -> f64,
        ends: [f64; 3],
        values: [f64; 3],
        whole: f64,
        depth: u32,
        floor: f64,
    ) -> f64 {
        let [a, m, b] = ends;
        let middles = [0.5 * (a + m), 0.5 * (m + b)];
        let new = middles.map(f);
        let panel = |l: f64, r: f64, v: [f64; 3]| (r - l) / 6.0 * (v[0] + 4.0 * v[1] + v[2]);
        let left = panel(a, m, [values[0], new[0], values[1]]);
        let right = panel(m, b, [values[1], new[1], values[2]]);
        let gap = left + right - whole;
        if depth == 0 || gap.abs() < floor {
            return left + right + gap / 15.0;
        }
        refine(f, [a, middles[0], m], [values[0], new[0], values[1]], left, depth - 1, 0.6 * floor)
            + refine(
                f,
                [m, middles[1], b],
                [values[1], new[1], values[2]],
                right,
                depth - 1,
                0.6 * floor,
            )
    }
    let m = 0.5 * (low + high);
    let values = [function(low), function(m), function(high)];
    let whole = (high - low) / 6.0 * (values[0] + 4.0 * values[1] + values[2]);
    refine(function, [low, m, high], values, whole, 40, floor)
}

/// Posterior probabilities and means of the parts at `z`.
fn posterior(parts: &Parts, noise: f64, z: f64) -> Vec<(f64, f64)> {
    let logs: Vec<f64> = parts
        .iter()
        .map(|[w, m, v]| w.ln() - 0.5 * (v + noise).ln() - 0.5 * (z - m).powi(2) / (v + noise))
        .collect();
    let highest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logs.iter().map(|log| (log - highest).exp()).sum();
    let mean = |[_, m, v]: &[f64; 3]| (m * noise + v * z) / (v + noise);
    logs.iter().zip(parts).map(|(log, part)| ((log - highest).exp() / sum, mean(part))).collect()
}

/// Expectation of a function of `z` where the coefficient follows a part: in pieces that end at
/// every width of every part.
fn expectation(
    parts: &Parts,
    of: [f64; 3],
    noise: f64,
    floor: f64,
    function: &dyn Fn(f64) -> f64,
) -> f64 {
    let (mean, width) = (of[1], (of[2] + noise).sqrt());
    let mut ends = vec![mean - 12.0 * width, mean + 12.0 * width];
    for part in parts.iter().chain([&of]) {
        let width = (part[2] + noise).sqrt();
        for multiple in
            [-16.0, -12.0, -8.0, -6.0, -4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 16.0]
        {
            ends.push(part[1] + multiple * width);
        }
    }
    ends.retain(|z| (z - mean).abs() <= 12.0 * width);
    ends.sort_by(f64::total_cmp);
    let density = |z: f64| {
        (-0.5 * ((z - mean) / width).powi(2)).exp() / width / (2.0 * std::f64::consts::PI).sqrt()
    };
    // In units of the width of the piece's surroundings, so that tolerances are probabilities.
    ends.windows(2)
        .map(|pair| simpson(&|z| density(z) * function(z), pair[0], pair[1], floor))
        .sum()
}

/// Mean squared error of a coefficient that follows `of`, where the prior is `parts`.
fn slow_error(parts: &Parts, of: [f64; 3], noise: f64, floor: f64) -> f64 {
    let [_, m, v] = of;
    let scale = noise;
    let excess = |z: f64| {
        let estimate: f64 = posterior(parts, noise, z).iter().map(|(p, mean)| p * mean).sum();
        ((m * noise + v * z) / (v + noise) - estimate).powi(2) / scale
    };
    v * noise / (v + noise) + scale * expectation(parts, of, noise, floor, &excess)
}

fn slow_total(classes: &[Parts], noise: f64, floor: f64) -> f64 {
    let error = |parts: &Parts| {
        parts.iter().map(|part| part[0] * slow_error(parts, *part, noise, floor)).sum::<f64>()
    };
    classes.iter().map(error).sum()
}

/// Mutual information of coefficient and observation, from the entropy of the observation.
fn slow_information(parts: &Parts, noise: f64) -> f64 {
    let weight: f64 = parts.iter().map(|part| part[0]).sum();
    let log_density = |z: f64| {
        let logs: Vec<f64> = parts
            .iter()
            .map(|[w, m, v]| {
                (w / weight).ln() - 0.5 * (v / noise).ln_1p() - 0.5 * (z - m).powi(2) / (v + noise)
            })
            .collect();
        let highest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        highest + logs.iter().map(|log| (log - highest).exp()).sum::<f64>().ln()
    };
    // E[-ln p(z)] less the same for noise alone, 1/2, both but for ln(2 pi s²)/2.
    let part = |part: &[f64; 3]| {
        part[0] * expectation(parts, *part, noise, FINE, &|z| -log_density(z) - 0.5)
    };
    parts.iter().map(part).sum()
}

fn law(classes: &[Parts]) -> Law {
    let mut groups = Vec::new();
    for (class, parts) in classes.iter().enumerate() {
        for (index, [weight, mean, variance]) in parts.iter().enumerate() {
            let prior = Prior::gaussian(*mean, *variance).unwrap();
            let label = format!("{class}/{index}");
            groups.push(CoordinateGroup::new(label, *weight, prior, 1.0 + class as f64).unwrap());
        }
    }
    Law::new(groups).unwrap()
}

fn problems() -> Vec<(Vec<Parts>, f64, f64)> {
    vec![
        (vec![vec![[0.1, 0.0, 10.0], [0.9, 0.0, 0.0]]], 0.18, 1e-4),
        (vec![vec![[0.1, 0.0, 10.0], [0.9, 0.0, 0.0]]], 0.3, 0.1),
        // Atoms of both signs, and a third.
        (vec![vec![[0.05, 1.0, 0.0], [0.05, -1.0, 0.0], [0.9, 0.0, 0.0]]], 0.2, 0.01),
        (vec![vec![[0.25, 1.0, 0.0], [0.25, -1.0, 0.0], [0.5, 0.2, 0.0]]], 0.6, 0.05),
        // Means that differ, and widths that differ by decades.
        (vec![vec![[0.2, 3.0, 1.0], [0.8, 0.0, 0.0]]], 0.3, 0.05),
        (vec![vec![[0.2, -1.0, 2.0], [0.3, 1.0, 0.3], [0.5, 0.0, 0.0]]], 0.4, 0.02),
        (
            vec![vec![[0.05, 0.0, 1e4], [0.15, 0.0, 1.0], [0.2, 0.0, 1e-4], [0.6, 0.0, 0.0]]],
            0.2,
            1e-3,
        ),
        (vec![vec![[0.05, 0.0, 1e8], [0.15, 5.0, 1.0], [0.8, 0.0, 0.0]]], 0.25, 1e-5),
        // Two classes.
        (
            vec![
                vec![[0.08, 0.0, 5.0], [0.02, 0.0, 0.0]],
                vec![[0.05, 2.0, 1.0], [0.05, -2.0, 1.0], [0.8, 0.0, 0.0]],
            ],
            0.25,
            0.01,
        ),
    ]
}

#[test]
fn states_solve_their_equation_by_an_independent_integration() {
    for (classes, ratio, noise) in problems() {
        let law = law(&classes);
        let samples = Samples::new(ratio).unwrap().with_noise_variance(noise).unwrap();
        let solution = BayesOptimal::of_law(&law).unwrap().solve(&samples).unwrap();
        for state in &solution.states {
            let at = state.effective_noise_variance;
            let total = slow_total(&classes, at, FINE);
            let off = relative_error(state.generalization_error(), total);
            assert!(off < 1e-10, "{classes:?} at {at:e}: error off by {off:e}");
            let off = relative_error((noise + total) / ratio, at);
            assert!(off < 1e-10, "{classes:?} at {at:e}: equation off by {off:e}");
            for (class, parts) in classes.iter().enumerate() {
                for (index, part) in parts.iter().enumerate() {
                    let error = state.error_of(format!("{class}/{index}")).unwrap();
                    let off = relative_error(error, slow_error(parts, *part, at, FINE));
                    assert!(off < 1e-9, "{classes:?} {class}/{index} at {at:e}: {off:e}");
                }
            }
            let information: f64 = classes.iter().map(|parts| slow_information(parts, at)).sum();
            let data = (1.0 + total / noise).ln() - total / (noise + total);
            let potential = information + 0.5 * ratio * data;
            let off = (state.potential - potential).abs();
            assert!(off < 1e-9, "{classes:?} at {at:e}: potential off by {off:e}");
        }
    }
}

#[test]
fn as_many_roots_as_a_dense_scan_finds() {
    for (classes, ratio, _) in problems() {
        for (factor, noise) in
            [(0.7, 1e-6), (1.0, 1e-6), (1.3, 1e-6), (1.0, 1e-3), (1.5, 1e-2), (2.0, 0.3)]
        {
            let ratio = factor * ratio;
            let samples = Samples::new(ratio).unwrap().with_noise_variance(noise).unwrap();
            let solution = BayesOptimal::of_law(&law(&classes)).unwrap().solve(&samples).unwrap();
            let square: f64 = classes.iter().flatten().map(|[w, m, v]| w * (m * m + v)).sum();
            let (low, high) = ((noise / ratio).ln() - 0.1, ((noise + square) / ratio).ln() + 0.1);
            let steps = ((high - low) / 0.05) as usize;
            let residual = |i: usize| {
                let at = (low + (high - low) * i as f64 / steps as f64).exp();
                ratio * at - noise - slow_total(&classes, at, 1e-8)
            };
            let signs: Vec<bool> = (0..=steps).map(|i| residual(i) > 0.0).collect();
            let changes = signs.windows(2).filter(|pair| pair[0] != pair[1]).count();
            assert_eq!(solution.states.len(), changes, "{classes:?} at {ratio} and {noise}");
            // Every second root is unstable.
            for (index, state) in solution.states.iter().enumerate() {
                assert_eq!(state.is_stable, index % 2 == 0);
            }
        }
    }
}

/// Two channels: a dense trapezoid over what pretraining observes, and the slow integral within.
#[test]
fn finite_pretraining_by_an_independent_integration() {
    let (density, shared, new, variance) = (0.2, 0.5, 0.0625, 10.0);
    for (correlation, mean, spread) in
        [(0.0, 0.0, 5.0), (0.8, 0.0, 5.0), (-0.6, 1.5, 0.0), (0.7, 1.0, 1.0)]
    {
        let supports =
            Supports::from_conditional(ConditionalDensities { pretraining: density, shared, new })
                .unwrap();
        let task = Task::new(supports)
            .and_then(|task| task.with_fine_tuning_variance(variance))
            .and_then(|task| task.with_pretraining_prior(Prior::gaussian(mean, spread)?))
            .and_then(|task| task.with_correlation(correlation))
            .unwrap();
        let map = ScaleMap::new(
            Initialization::new(Scales { absolute: 0.1, relative: 0.0 }).unwrap(),
            0.0,
        )
        .unwrap();
        let pretraining = Samples::new(0.4).unwrap().with_noise_variance(0.05).unwrap();
        let transfer = Transfer::new(&task, map).with_pretraining_samples(pretraining);
        let bayes = BayesOptimal::of_transfer(&transfer).unwrap();
        let before = bayes.pretraining().unwrap().message_passing().effective_noise_variance;
        let parts = vec![vec![[density, mean, spread], [1.0 - density, 0.0, 0.0]]];
        let pretrained = (0.05 + slow_total(&parts, before, FINE)) / 0.4;
        assert!(relative_error(pretrained, before) < 1e-10);

        let samples = Samples::new(0.25).unwrap().with_noise_variance(0.02).unwrap();
        let solution = bayes.solve(&samples).unwrap();
        let at = solution.message_passing().effective_noise_variance;
        let slope = (variance / (mean * mean + spread)).sqrt() * correlation;
        let rest = variance * (1.0 - correlation * correlation);
        let (wide, narrow) = (spread + before, before);
        let normal = |z: f64, m: f64, v: f64| {
            (-0.5 * (z - m).powi(2) / v).exp() / (2.0 * std::f64::consts::PI * v).sqrt()
        };
        let error = |z: f64| {
            let active = density * normal(z, mean, wide);
            let inactive = (1.0 - density) * normal(z, 0.0, narrow);
            let known = slope * (mean + spread / wide * (z - mean));
            let left = rest + slope * slope * spread * before / wide;
            let weights =
                [active * shared, inactive * new, active * (1.0 - shared) + inactive * (1.0 - new)];
            let total: f64 = weights.iter().sum();
            let parts = vec![
                [weights[0] / total, known, left],
                [weights[1] / total, 0.0, variance],
                [weights[2] / total, 0.0, 0.0],
            ];
            total * slow_total(&[parts], at, 1e-12)
        };
        let (low, high) = (mean.min(0.0) - 8.0 * wide.sqrt(), mean + 8.0 * wide.sqrt());
        let steps = 500;
        let step = (high - low) / f64::from(steps);
        let total: f64 = (0..=steps).map(|i| step * error(low + step * f64::from(i))).sum();
        let off = relative_error((0.02 + total) / 0.25, at);
        assert!(off < 1e-9, "correlation {correlation}: off by {off:e}");
    }
}

/// Inputs of unequal variance: the task, and the law with the same knowledge, whose inputs are tested
/// against coefficients of another size.
#[test]
fn input_variances_of_a_task_are_those_of_its_law() {
    let variances = [3.0, 0.5, 0.7, 1.8];
    let supports = |densities| Task::new(Supports::new(densities).unwrap()).unwrap();
    let task = supports(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 });
    let task = FeatureClass::ALL
        .into_iter()
        .zip(variances)
        .fold(task, |task, (class, variance)| task.with_input_variance(class, variance).unwrap());
    let initialization = Initialization::new(Scales { absolute: 0.1, relative: 0.0 }).unwrap();
    let samples = Samples::new(0.2).unwrap().with_noise_variance(0.05).unwrap();
    let solve = |bayes: BayesOptimal| {
        let solution = bayes.solve(&samples).unwrap();
        let state = solution.message_passing();
        assert!(state.parameter_errors() != &state.errors);
        [state.generalization_error(), state.parameter_errors().total]
    };
    let map = ScaleMap::new(initialization, 0.0).unwrap();
    for (of_task, law) in [
        (BayesOptimal::from_scratch(&task).unwrap(), Law::from_scratch(&task, &initialization)),
        (BayesOptimal::after_pretraining(&task).unwrap(), Law::fine_tuning(&task, &map)),
    ] {
        let of_law = solve(BayesOptimal::of_law(&law.unwrap()).unwrap());
        for (left, right) in solve(of_task).into_iter().zip(of_law) {
            assert!(relative_error(left, right) < 1e-12, "{left} {right}");
        }
    }
    // Finite pretraining, related: all in other units.
    let pretraining = Samples::new(0.4).unwrap().with_noise_variance(0.1).unwrap();
    let related = |size: f64, variance: f64| {
        let square = size * size;
        let task = supports(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.8 })
            .with_pretraining_prior(Prior::gaussian(0.0, 5.0 * square).unwrap())
            .and_then(|task| task.with_fine_tuning_variance(10.0 * square))
            .and_then(|task| task.with_correlation(0.8))
            .unwrap();
        let task = FeatureClass::ALL
            .into_iter()
            .fold(task, |task, class| task.with_input_variance(class, variance).unwrap());
        let transfer = Transfer::new(&task, map).with_pretraining_samples(pretraining);
        let solution = BayesOptimal::of_transfer(&transfer).unwrap().solve(&samples).unwrap();
        solution.message_passing().generalization_error()
    };
    assert!(relative_error(related(1.0, 9.0), related(3.0, 1.0)) < 1e-9);
}

/// A Gaussian has the closed form of the linear estimator, at all sizes.
#[test]
fn extremes_have_right_answers_or_typed_errors() {
    for (variance, ratio, noise) in [
        (1.0, 0.5, 0.0),
        (1e-300, 0.5, 0.0),
        (1e300, 0.5, 1e280),
        (1e-280, 1e-5, 1e-290),
        (1e10, 1e200, 1.0),
        (1.0, 1e-250, 1.0),
        (1.0, 3.0, 1e-250),
    ] {
        let law = Law::new(vec![
            CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, variance).unwrap(), 1.0).unwrap(),
        ]);
        let samples = Samples::new(ratio).unwrap().with_noise_variance(noise).unwrap();
        let solution = BayesOptimal::of_law(&law.unwrap())
            .and_then(|bayes| bayes.solve(&samples))
            .map_err(|error| format!("{variance} {ratio} {noise}: {error}"))
            .unwrap();
        let state = solution.message_passing();
        let at = state.effective_noise_variance;
        let error = if at == 0.0 { 0.0 } else { at / (1.0 + at / variance) };
        assert!(
            relative_error(state.generalization_error(), error) < 1e-12,
            "{variance} {ratio} {noise}"
        );
        assert!(relative_error((noise + error) / ratio, at) < 1e-12, "{variance} {ratio} {noise}");
    }
    // Thirty decades between variances, and noise far below both.
    let parts = vec![[0.1, 0.0, 1e15], [0.1, 0.0, 1e-15], [0.8, 0.0, 0.0]];
    let law = law(&[parts]);
    for noise in [0.0, 1e-25, 1e-10, 1.0, 1e12] {
        let samples = Samples::new(0.35).unwrap().with_noise_variance(noise).unwrap();
        let solution = BayesOptimal::of_law(&law).unwrap().solve(&samples).unwrap();
        for state in &solution.states {
            let back = (noise + state.generalization_error()) / 0.35;
            assert!(relative_error(back, state.effective_noise_variance) < 1e-10, "{noise}");
        }
    }
    // Most active coordinates are inside of the noise: they are as good as not there.
    let supports =
        Supports::new(Densities { pretraining: 0.2, fine_tuning: 1e-300, overlap: 0.5 }).unwrap();
    let task = Task::new(supports).unwrap().with_fine_tuning_variance(1.0).unwrap();
    for bayes in [BayesOptimal::from_scratch(&task), BayesOptimal::after_pretraining(&task)] {
        let outcome = bayes
            .and_then(|bayes| bayes.solve(&Samples::new(0.1).unwrap().with_noise_variance(1.0)?));
        match outcome {
            Ok(solution) => {
                let error = solution.message_passing().generalization_error();
                assert!(error > 0.0 && error <= 1e-300 * (1.0 + 1e-9), "{error}");
            }
            Err(error) => assert!(matches!(error, Error::NotRepresentable { .. }), "{error}"),
        }
    }
    let nothing = Task::new(
        Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.0, overlap: 0.0 }).unwrap(),
    )
    .unwrap();
    let solution =
        BayesOptimal::after_pretraining(&nothing).unwrap().solve(&Samples::new(0.1).unwrap());
    assert_eq!(solution.unwrap().message_passing().generalization_error(), 0.0);
}

/// Just above the information-theoretic threshold the unstable root comes from zero.
#[test]
fn roots_without_noise_at_both_thresholds() {
    let bayes = BayesOptimal::from_scratch(&task(0.5, 0.1, 0.5)).unwrap();
    let amp = bayes.message_passing_threshold().unwrap();
    for (ratio, count) in [
        (0.05, 2),
        (0.0999, 2),
        (0.1001, 3),
        (0.100001, 3),
        (0.15, 3),
        (amp - 1e-6, 3),
        (amp + 1e-6, 1),
        (0.5, 1),
        (2.0, 1),
    ] {
        let solution = bayes
            .solve(&Samples::new(ratio).unwrap())
            .map_err(|error| format!("{ratio}: {error}"))
            .unwrap();
        assert_eq!(solution.states.len(), count, "{ratio}");
        let exact = solution.information_theoretic().generalization_error() == 0.0;
        assert_eq!(exact, ratio > 0.1);
        assert_eq!(solution.is_hard(), count == 3);
    }
}

/// As many samples as active coordinates, whose support is known: the last error is gone.
#[test]
fn known_supports_are_recovered_at_their_size() {
    for density in [0.1, 0.3, 0.77] {
        let bayes = BayesOptimal::after_pretraining(&task(density, density, 1.0)).unwrap();
        let at = |ratio| bayes.solve(&Samples::new(ratio).unwrap()).unwrap();
        assert_eq!(at(density).message_passing().generalization_error(), 0.0);
        // Linear below: 1 - alpha/rho.
        let below = at(density * (1.0 - 1e-6)).message_passing().generalization_error();
        assert!(relative_error(below, 1e-6) < 1e-8, "{below}");
    }
}
