//! Power laws in bins: against single features, and the exponents of their scaling laws.

use crate::common::relative_error;
use diagonet::{
    CoordinateGroup, Error, Estimator, Law, PenaltyPosition, PowerLaw, Prior, Samples, Solver,
    weighted_l2,
};

fn binned(features: u64, bins: usize, exponents: [f64; 2], scale: f64) -> Law {
    let [input_exponent, coefficient_exponent] = exponents;
    Law::power_law(PowerLaw { features, bins, input_exponent, coefficient_exponent, scale })
        .unwrap()
}

/// A group for every feature.
fn single(features: u64, [a, b]: [f64; 2], scale: f64) -> Law {
    let count = features as f64;
    let group = |j: u64| {
        let j = j as f64;
        let prior = Prior::gaussian(0.0, j.powf(-b)).unwrap();
        CoordinateGroup::new("all", count.recip(), prior, scale)
            .and_then(|group| group.with_input_variance(count * j.powf(-a)))
            .unwrap()
    };
    Law::new((1..=features).map(group).collect()).unwrap()
}

fn samples(sample_ratio: f64, noise_variance: f64) -> Samples {
    Samples::new(sample_ratio).unwrap().with_noise_variance(noise_variance).unwrap()
}

#[test]
fn bins_stand_for_single_features() {
    let (mut coarse, mut fine) = (0.0_f64, 0.0_f64);
    for exponents in [[1.0, 1.0], [1.5, 0.5], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]] {
        let law = single(20_000, exponents, 1.0);
        let [sixty, twice] = [60, 120].map(|bins| binned(20_000, bins, exponents, 1.0));
        assert!(relative_error(sixty.mean_square(), law.mean_square()) < 1e-3);
        for ratio in [0.002, 0.02, 0.5] {
            for noise in [0.0, 0.1] {
                let error = |law: &Law| {
                    weighted_l2(law, &samples(ratio, noise)).unwrap().generalization_error()
                };
                let expected = error(&law);
                coarse = coarse.max(relative_error(error(&sixty), expected));
                fine = fine.max(relative_error(error(&twice), expected));
            }
        }
    }
    assert!(coarse < 2e-6 && fine < 2e-7, "{coarse:e} {fine:e}");
}

#[cfg(feature = "quadrature")]
#[test]
fn bins_stand_for_single_features_of_rich_networks() {
    for (exponents, scale) in [([1.0, 1.0], 1e-4), ([0.0, 2.0], 1e-6)] {
        let [single, binned] = [single(1000, exponents, scale), binned(1000, 60, exponents, scale)]
            .map(|law| {
                Solver::new().solve(&law, &samples(0.1, 0.01)).unwrap().generalization_error()
            });
        assert!(relative_error(binned, single) < 1e-4, "{binned} {single}");
    }
}

#[test]
fn few_features_are_themselves() {
    let law = binned(3, 1000, [1.0, 2.0], 0.5);
    assert_eq!(law.groups().len(), 3);
    for (group, j) in law.groups().iter().zip([1.0_f64, 2.0, 3.0]) {
        assert!(relative_error(group.input_variance(), 3.0 / j) < 1e-14);
        assert!(relative_error(group.prior().variance(), j.powi(-2)) < 1e-14);
        assert_eq!((group.label().as_str(), group.scale()), (j.to_string().as_str(), 0.5));
    }
    // Two features in a bin are two nodes.
    let law = binned(2, 1, [1.0, 2.0], 0.5);
    let variances: Vec<f64> = law.groups().iter().map(CoordinateGroup::input_variance).collect();
    assert!(relative_error(variances[0], 2.0) < 1e-14 && relative_error(variances[1], 1.0) < 1e-14);
    assert_eq!(law.groups()[0].label().as_str(), "1 to 2");
    // As many as there may be.
    let law = binned(1_000_000_000_000_000, 60, [1.5, 0.5], 1.0);
    assert!(law.groups().len() > 100);
    assert_eq!(binned(1, 5, [1.0, 1.0], 1.0).groups().len(), 1);
}

/// Exponent of the error between two numbers of samples.
fn exponent(features: u64, error: impl Fn(f64) -> f64, between: [f64; 2]) -> f64 {
    let [few, many] = between.map(|samples| error(samples / features as f64));
    (few / many).ln() / (between[1] / between[0]).ln()
}

#[test]
fn exponents_are_those_of_the_literature() {
    const FEATURES: u64 = 1_000_000_000_000;
    for (a, b) in [(1.5, 0.5), (1.2, 1.3), (1.5, 3.0), (2.0, 4.0)] {
        let law = binned(FEATURES, 200, [a, b], 1.0);
        let lazy = |law: &Law, ratio: f64| {
            weighted_l2(law, &samples(ratio, 0.0)).unwrap().generalization_error()
        };
        let measured = exponent(FEATURES, |ratio| lazy(&law, ratio), [1e3, 1e4]);
        // Bordelon et al. 2020, Cui et al. 2021: saturation at twice the exponent of the kernel.
        let expected = f64::min(a + b - 1.0, 2.0 * a);
        assert!((measured / expected - 1.0).abs() < 0.02, "{a} {b}: {measured}, not {expected}");
        let matched = law.with_matched_scales().unwrap();
        let measured = exponent(FEATURES, |ratio| lazy(&matched, ratio), [1e3, 1e4]);
        assert!((measured / (a + b - 1.0) - 1.0).abs() < 0.02, "{a} {b}: {measured}");
    }
    // Tuned ridge regression under noise: Caponnetto and De Vito 2007, of the kernel with matched scales.
    let (a, b) = (1.5, 0.5);
    let law = binned(FEATURES, 200, [a, b], 1.0).with_matched_scales().unwrap();
    let noise = 0.1;
    let tuned = |ratio: f64| {
        let solver = Solver::new().with_estimator(Estimator::Lazy);
        let matched = solver.with_explicit_penalty(2.0 * noise).unwrap();
        matched.solve(&law, &samples(ratio, noise)).unwrap().generalization_error()
    };
    let measured = exponent(FEATURES, tuned, [1e5, 1e6]);
    let expected = (a + b - 1.0) / (a + b);
    assert!((measured / expected - 1.0).abs() < 0.02, "{measured}, not {expected}");
    let best = Solver::new()
        .with_estimator(Estimator::Lazy)
        .best_explicit_penalty(&law, &samples(1e5 / FEATURES as f64, noise))
        .unwrap();
    let PenaltyPosition::Finite(kappa) = best.position else { panic!("{best:?}") };
    assert!(relative_error(kappa, 2.0 * noise) < 1e-6, "{kappa}");
}

#[test]
fn spectra_outside_their_domain_are_refused() {
    let legal = PowerLaw {
        features: 10,
        bins: 3,
        input_exponent: 1.0,
        coefficient_exponent: 1.0,
        scale: 1.0,
    };
    for (illegal, expected) in [
        (PowerLaw { features: 0, ..legal }, "features"),
        (PowerLaw { features: u64::MAX, ..legal }, "features"),
        (PowerLaw { bins: 0, ..legal }, "bins"),
        (PowerLaw { input_exponent: -1.0, ..legal }, "input_exponent"),
        (PowerLaw { input_exponent: f64::NAN, ..legal }, "input_exponent"),
        (PowerLaw { coefficient_exponent: 11.0, ..legal }, "coefficient_exponent"),
        (PowerLaw { scale: -1.0, ..legal }, "scale"),
        (PowerLaw { scale: 1e307, ..legal }, "input_variance"),
    ] {
        let error = Law::power_law(illegal).unwrap_err();
        let Error::OutOfDomain { parameter, .. } = error.cause() else { panic!("{error}") };
        assert_eq!(*parameter, expected);
    }
    let extreme = PowerLaw { features: 1_000_000_000_000_000, input_exponent: 10.0, ..legal };
    Law::power_law(PowerLaw { coefficient_exponent: 10.0, ..extreme }).unwrap();
}
