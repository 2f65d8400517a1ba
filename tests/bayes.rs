//! The Bayes-optimal learner: tables, independent integrals, limits and extremes.
#![cfg(feature = "quadrature")]

mod common;

use common::{fixture, relative_error};
use diagonet::{BayesOptimal, Group, Law, Prior, Samples, Supports, Task};

fn task(pretraining: f64, fine_tuning: f64, overlap: f64) -> Task {
    Task::new(Supports::from_overlap(pretraining, fine_tuning, overlap).unwrap()).unwrap()
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
            (state.generalization_error, row["error_bayes"]),
            (state.effective_noise_variance, row["s2_bayes"]),
            (scratch.message_passing().generalization_error, row["error_bayes_scratch"]),
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
            groups.push(Group::new(label, *weight, prior, 1.0 + class as f64).unwrap());
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
            let off = relative_error(state.generalization_error, total);
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
