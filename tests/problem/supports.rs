//! The overlaps that two densities can have.

use diagonet::{Densities, Supports};
use proptest::prelude::*;

proptest! {
    #[test]
    fn supports_take_exactly_the_feasible_overlaps(
        pretraining in 0.0..=1.0_f64,
        fine_tuning in 1e-6..=1.0_f64,
        share in 0.0..=1.0_f64,
    ) {
        let overlaps = Supports::feasible_overlaps(pretraining, fine_tuning)?.unwrap();
        let (lowest, highest) = (*overlaps.start(), *overlaps.end());
        prop_assert!(0.0 <= lowest && lowest <= highest && highest <= 1.0);
        let supports = |overlap| Supports::new(Densities { pretraining, fine_tuning, overlap });
        for overlap in [lowest, highest, lowest + share * (highest - lowest)] {
            prop_assert!(supports(overlap).is_ok(), "{overlap:?} of {overlaps:?}");
        }
        for beyond in [lowest - 1e-6 / fine_tuning, highest + 1e-6 / fine_tuning] {
            prop_assert!(supports(beyond).is_err(), "{beyond:?} beyond {overlaps:?}");
        }
    }
}

#[test]
fn densities_out_of_their_domain_are_refused() {
    assert!(Supports::feasible_overlaps(1.5, 0.1).is_err());
    assert!(Supports::feasible_overlaps(0.1, f64::NAN).is_err());
    assert_eq!(Supports::feasible_overlaps(0.1, 0.0), Ok(None));
}
