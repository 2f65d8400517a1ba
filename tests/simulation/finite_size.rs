//! The exact law of the error of least l2 norm at finite size, against networks.

#![cfg(all(feature = "simulation", feature = "quadrature"))]

use crate::common::relative_error;
use diagonet::simulation::{Experiment, FiniteSizeLaw, Statistic};
use diagonet::{CoordinateGroup, Error, Law, Prior, Samples, Solver};

const DRAWS: u64 = 400;

/// Errors of lazy networks with coefficients of one size, in ascending order.
fn errors(dimension: usize, samples: &Samples, size: f64) -> Vec<f64> {
    let group = CoordinateGroup::new("all", 1.0, Prior::atom(size).unwrap(), 1e9).unwrap();
    let law = Law::new(vec![group.with_mirror_image()]).unwrap();
    let experiment = Experiment::of_law(law, *samples, dimension).unwrap();
    let error = |index| experiment.run(17, index).unwrap().generalization_error();
    let mut errors: Vec<f64> = (0..DRAWS).map(error).collect();
    errors.sort_by(f64::total_cmp);
    errors
}

#[test]
fn networks_of_any_size_follow_the_law() {
    for (dimension, ratio, noise) in [
        (30, 0.4, 0.0),
        (30, 0.4, 0.5),
        (12, 0.75, 0.2),
        (5, 0.2, 1.0),
        (10, 2.0, 0.3),
        (8, 1.0, 0.1),
    ] {
        let samples = Samples::new(ratio).unwrap().with_noise_variance(noise).unwrap();
        let size = 1.5;
        let law = FiniteSizeLaw::new(dimension, &samples, size * size).unwrap();
        let errors = errors(dimension, &samples, size);
        // Kolmogorov and Smirnov, at one in a thousand.
        let distance = errors.iter().enumerate().map(|(index, &error)| {
            let expected = law.cumulative_probability(error).unwrap();
            let [below, above] = [index, index + 1].map(|i| i as f64 / DRAWS as f64);
            (expected - below).abs().max((above - expected).abs())
        });
        let distance = distance.fold(0.0, f64::max);
        assert!(distance < 1.95 / (DRAWS as f64).sqrt(), "{dimension} {ratio} {noise}: {distance}");
        let [low, high] = law.interval(0.95).unwrap();
        let inside = errors.iter().filter(|error| (low..=high).contains(error)).count();
        // 380 +- 4.4.
        assert!((365..=396).contains(&inside), "{dimension} {ratio} {noise}: {inside}");
        if let Some([low, high]) = law.interval_of_mean(0.9999, DRAWS).unwrap() {
            let mean = Statistic::of(errors).unwrap().mean;
            assert!((low..=high).contains(&mean), "{dimension} {ratio} {noise}: {mean}");
        }
    }
}

#[test]
fn large_networks_follow_the_theory() {
    let group = CoordinateGroup::new("all", 1.0, Prior::atom(1.5).unwrap(), 1e9).unwrap();
    let law = Law::new(vec![group]).unwrap();
    for (ratio, noise) in [(0.4, 0.0), (0.4, 0.5), (2.5, 0.5)] {
        let samples = Samples::new(ratio).unwrap().with_noise_variance(noise).unwrap();
        let theory = Solver::new().solve(&law, &samples).unwrap().generalization_error();
        let finite = FiniteSizeLaw::new(10_000, &samples, 2.25).unwrap();
        let mean = finite.mean().unwrap();
        assert!(relative_error(mean, theory) < if noise > 0.0 { 2e-4 } else { 1e-9 });
        let deviation = finite.variance().unwrap().sqrt();
        // Nearly Gaussian.
        let [low, high] = finite.interval(0.95).unwrap();
        assert!(relative_error(high - low, 2.0 * 1.959_964 * deviation) < 1e-3);
    }
}

#[test]
fn moments_that_do_not_exist_are_absent() {
    let law = |samples: usize, noise: f64| {
        let samples =
            Samples::new(samples as f64 / 10.0).unwrap().with_noise_variance(noise).unwrap();
        FiniteSizeLaw::new(10, &samples, 1.0).unwrap()
    };
    for (samples, has_mean, has_variance) in [
        (6, true, true),
        (7, true, false),
        (8, true, false),
        (9, false, false),
        (10, false, false),
        (11, false, false),
        (12, true, false),
        (14, true, true),
    ] {
        let finite = law(samples, 0.1);
        assert_eq!(finite.mean().is_some(), has_mean, "{samples}");
        assert_eq!(finite.variance().is_some(), has_variance, "{samples}");
        assert_eq!(finite.interval_of_mean(0.95, 10).unwrap().is_some(), has_variance);
        assert!(law(samples, 0.0).mean().is_some() && law(samples, 0.0).variance().is_some());
    }
    assert_eq!(law(12, 0.0).interval(0.95), Ok([0.0, 0.0]));
    let illegal = [law(5, 0.1).interval(1.0).err(), law(5, 0.1).cumulative_probability(-1.0).err()];
    assert!(illegal.iter().all(|error| matches!(error, Some(Error::OutOfDomain { .. }))));
}
