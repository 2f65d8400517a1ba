//! Property tests with the strategies that other crates get: whatever is legal is answered, or refused
//! with a reason.
#![cfg(all(feature = "proptest", feature = "quadrature"))]

use crate::common::config;
use diagonet::strategies;
use diagonet::*;
use proptest::prelude::*;

/// An answer is a number within its bounds; a refusal says what is out of reach.
fn answered(result: &Result<Solution>) -> std::result::Result<(), TestCaseError> {
    match result {
        Ok(solution) => {
            prop_assert!(solution.generalization_error() >= 0.0);
            prop_assert!(solution.generalization_error().is_finite());
            prop_assert!(solution.errors.groups.iter().all(|group| group.error >= 0.0));
        }
        Err(error) => {
            let expected = matches!(
                error.cause(),
                Error::Diverges { .. } | Error::NotRepresentable { .. } | Error::OutOfDomain { .. }
            );
            prop_assert!(expected, "{error}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn laws_are_answered(law in strategies::law(), samples in strategies::samples()) {
        answered(&Solver::new().solve(&law, &samples))?;
    }

    #[test]
    fn tasks_are_answered(
        task in strategies::task(),
        map in strategies::scale_map(),
        samples in strategies::samples(),
    ) {
        let solver = Solver::new();
        answered(&Law::fine_tuning(&task, &map).and_then(|law| solver.solve(&law, &samples)))?;
        let scratch = Law::from_scratch(&task, &map.pretraining());
        answered(&scratch.and_then(|law| solver.solve(&law, &samples)))?;
    }

    #[test]
    fn brackets_are_answered(optimizer in strategies::optimizer(), law in strategies::law()) {
        let samples = Samples::new(0.3).unwrap();
        if let Ok(bracket) = Solver::new().effective_scale(&law, &samples, &optimizer) {
            prop_assert!(bracket.low.log_shrinkage >= bracket.high.log_shrinkage);
            let errors = bracket.generalization_errors();
            prop_assert!(errors.iter().all(|error| *error >= 0.0 && error.is_finite()));
        }
    }

    #[test]
    fn sequences_are_answered(sequence in strategies::sequence()) {
        // Whatever the nodes: a coarse answer, or a refusal with a reason.
        match sequence.with_tolerance(1.0).unwrap().solve() {
            Ok(solution) => {
                let matrix = solution.forgetting_matrix();
                prop_assert!(matrix.iter().all(|error| *error >= 0.0 && error.is_finite()));
            }
            Err(error) => {
                let expected = matches!(
                    error.cause(),
                    Error::Diverges { .. }
                        | Error::NotRepresentable { .. }
                        | Error::OutOfDomain { .. }
                        | Error::NotConverged { .. }
                );
                prop_assert!(expected, "{error}");
            }
        }
    }
}
