//! The scale map and the weights against the reference table.

mod common;

use common::{fixture, relative_error};
use diagonet::{Initialization, ScaleMap};

/// Budget of the rounded reference table.
const TABLE_BUDGET: f64 = 1e-14;

#[test]
fn scale_map_meets_the_table() {
    let mut worst = 0.0_f64;
    for row in fixture("transfer.csv") {
        let pretraining = Initialization::from_scales(row["c_pt"], row["lambda_pt"]).unwrap();
        let map = ScaleMap::new(pretraining, row["gamma_ft"]).unwrap();
        let beta = row["beta_pt"];
        let weights = pretraining.weights(beta).unwrap();
        for (computed, column) in [
            (map.fine_tuning_scale(beta).unwrap(), "c_ft"),
            (map.log_sensitivity(beta).unwrap(), "dlogcft_dlogbetapt"),
            (weights.plus.first_layer(), "first_plus"),
            (weights.plus.readout(), "readout_plus"),
            (weights.minus.first_layer(), "first_minus"),
            (weights.minus.readout(), "readout_minus"),
        ] {
            let error = relative_error(computed, row[column]);
            assert!(error <= TABLE_BUDGET, "{column}: {error:e} at {row:?}");
            worst = worst.max(error);
        }
    }
    println!("worst relative error: {worst:e}");
}

#[test]
fn fine_tuning_starts_where_the_table_says() {
    for row in fixture("transfer.csv") {
        let pretraining = Initialization::from_scales(row["c_pt"], row["lambda_pt"]).unwrap();
        let map = ScaleMap::new(pretraining, row["gamma_ft"]).unwrap();
        let start = map.fine_tuning_initialization(row["beta_pt"]).unwrap();
        let first_layer = row["first_plus"] + row["first_minus"];
        // The sum of the table's columns is rounded at the size of its terms.
        let slack = TABLE_BUDGET * (first_layer + row["first_plus"].abs());
        assert!((start.first_layer() - first_layer).abs() <= slack, "{row:?}");
        let readout = row["gamma_ft"] / std::f64::consts::SQRT_2;
        assert!((start.readout() - readout).abs() <= TABLE_BUDGET * readout);
        assert!(relative_error(start.absolute_scale(), row["c_ft"]) <= TABLE_BUDGET);
    }
}
