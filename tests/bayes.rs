//! The Bayes-optimal learner: tables, independent integrals, limits and extremes.
#![cfg(feature = "quadrature")]

mod common;

use common::{fixture, relative_error};
use diagonet::{BayesOptimal, Samples, Supports, Task};

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
    for (density, threshold) in [(0.05, 0.118732), (0.1, 0.207559), (0.15, 0.285166), (0.2, 0.355411)] {
        let bayes = BayesOptimal::from_scratch(&task(0.5, density, 0.5)).unwrap();
        assert!((bayes.message_passing_threshold().unwrap() - threshold).abs() < 5e-7);
        assert!((bayes.information_theoretic_threshold() - density).abs() < 1e-15);
    }
    for (pretraining, fine_tuning, overlap, threshold) in
        [(0.1, 0.1, 0.5, 0.184250), (0.1, 0.1, 0.8, 0.142807), (0.2, 0.05, 1.0, 0.084017)]
    {
        let bayes = BayesOptimal::after_pretraining(&task(pretraining, fine_tuning, overlap)).unwrap();
        assert!((bayes.message_passing_threshold().unwrap() - threshold).abs() < 5e-7);
        assert!((bayes.information_theoretic_threshold() - fine_tuning).abs() < 1e-15);
    }
}
