//! Helpers shared by the integration tests.
#![allow(dead_code, reason = "each test binary uses some of the helpers")]

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Rows of a fixture file as maps from column name to value.
pub(crate) fn fixture(name: &str) -> Vec<HashMap<String, f64>> {
    let number = |(name, text): (String, String)| (name, text.parse().expect("a number"));
    fixture_text(name).into_iter().map(|row| row.into_iter().map(number).collect()).collect()
}

/// Rows of a fixture file as maps from column name to text.
pub(crate) fn fixture_text(name: &str) -> Vec<HashMap<String, String>> {
    let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut reader = csv::Reader::from_path(&path).expect("the fixture exists");
    let rows: Vec<_> = reader.deserialize().map(|row| row.expect("the fixture parses")).collect();
    assert!(!rows.is_empty(), "{name} is empty");
    rows
}

/// |computed / expected - 1|, zero where both are equal.
pub(crate) fn relative_error(computed: f64, expected: f64) -> f64 {
    if computed == expected { 0.0 } else { ((computed - expected) / expected).abs() }
}

/// Distance in units in the last place of the expected value.
pub(crate) fn ulps(computed: f64, expected: f64) -> f64 {
    let ulp = expected.abs().next_up() - expected.abs();
    (computed - expected).abs() / ulp
}

/// The same cases on every run and machine.
pub(crate) fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(0x2602_2006_2000_0001),
        failure_persistence: None,
        max_global_rejects: 100_000,
        ..ProptestConfig::default()
    }
}

/// Positive numbers of all sizes between two powers of ten.
pub(crate) fn decades(from: f64, to: f64) -> impl Strategy<Value = f64> {
    (from..to).prop_map(|exponent| 10.0_f64.powf(exponent))
}

/// Numbers of these magnitudes, with both signs.
pub(crate) fn signed(magnitude: impl Strategy<Value = f64>) -> impl Strategy<Value = f64> {
    (magnitude, any::<bool>()).prop_map(|(x, negative)| if negative { -x } else { x })
}

/// Relative scales, dense next to both ends.
pub(crate) fn relative_scale() -> impl Strategy<Value = f64> {
    prop_oneof![
        -1.0..=1.0_f64,
        decades(-16.0, 0.0).prop_map(|gap| gap - 1.0),
        decades(-16.0, 0.0).prop_map(|gap| 1.0 - gap),
        Just(-1.0),
        Just(1.0),
    ]
}
