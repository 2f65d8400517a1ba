//! Helpers shared by the integration tests.
#![allow(dead_code, reason = "each test binary uses some of the helpers")]

use std::collections::HashMap;

/// Rows of a fixture file as maps from column name to value.
pub(crate) fn fixture(name: &str) -> Vec<HashMap<String, f64>> {
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
