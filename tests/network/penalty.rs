//! The penalty against high-precision tables.

use crate::common::{fixture, relative_error, ulps};
use diagonet::Penalty;

/// Budget of the rounded reference tables that come with the theory.
const TABLE_BUDGET: f64 = 1e-14;

#[test]
fn penalty_meets_the_tables() {
    for row in fixture("penalty.csv") {
        let penalty = Penalty::new(row["c"]).unwrap();
        let beta = row["beta"];
        for (computed, column) in [
            (penalty.value(beta), "q"),
            (penalty.derivative(beta), "dq_dbeta"),
            (penalty.curvature(beta), "d2q_dbeta2"),
            (penalty.l_order(beta), "l_order"),
        ] {
            assert!(
                relative_error(computed.unwrap(), row[column]) <= TABLE_BUDGET,
                "{column} {row:?}"
            );
        }
    }
}

#[test]
fn proximal_map_meets_the_table() {
    for row in fixture("prox.csv") {
        let point = Penalty::new(row["c"]).unwrap().proximal(row["z"], row["theta"]).unwrap();
        assert!(relative_error(point.value, row["prox"]) <= TABLE_BUDGET, "{row:?}");
        assert!(relative_error(point.slope_in_z, row["dprox_dz"]) <= TABLE_BUDGET, "{row:?}");
    }
}

/// Coefficients and scales from 1e-300 to 1e300, computed with 1400 digits.
#[test]
fn penalty_keeps_its_ulps_over_the_whole_domain() {
    let budget = f64::from(Penalty::ULPS);
    let mut worst = [0.0_f64; 4];
    for row in fixture("penalty_extremes.csv") {
        let penalty = Penalty::new(row["c"]).unwrap();
        let beta = row["beta"];
        for (slot, (computed, column)) in worst.iter_mut().zip([
            (penalty.value(beta), "q"),
            (penalty.derivative(beta), "dq_dbeta"),
            (penalty.curvature(beta), "d2q_dbeta2"),
            (penalty.l_order(beta), "l_order"),
        ]) {
            let error = ulps(computed.unwrap(), row[column]);
            assert!(error <= budget, "{column}: {error} ulp at {row:?}");
            *slot = slot.max(error);
        }
    }
    println!("worst ulps: {worst:?}");
}

/// Points, strengths and scales from 1e-300 to 1e300, computed with 60 digits.
#[test]
fn proximal_map_keeps_its_ulps_over_the_whole_domain() {
    let budget = f64::from(Penalty::ULPS);
    let mut worst = [0.0_f64; 2];
    for row in fixture("prox_extremes.csv") {
        let point = Penalty::new(row["c"]).unwrap().proximal(row["z"], row["theta"]).unwrap();
        for (slot, (computed, column)) in
            worst.iter_mut().zip([(point.value, "prox"), (point.slope_in_z, "dprox_dz")])
        {
            let error = ulps(computed, row[column]);
            assert!(error <= budget, "{column}: {error} ulp at {row:?}");
            *slot = slot.max(error);
        }
    }
    println!("worst ulps: {worst:?}");
}

/// A slope that underflows must not take the last step with it: with 60 digits.
#[test]
fn proximal_map_keeps_its_ulps_where_its_slope_underflows() {
    let (scale, z, theta) =
        (3.737_737_151_802_238e-280, 2.262_019_315_604_396e250, 1.012_198_353_107_456_7e248);
    let point = Penalty::new(scale).unwrap().proximal(z, theta).unwrap();
    assert_eq!(point.slope_in_z, 0.0);
    let error = ulps(point.value, 2.400_345_207_569_041_6e-86);
    assert!(error <= f64::from(Penalty::ULPS), "{error} ulp");
}
