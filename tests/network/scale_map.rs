//! The scale map and the weights against the reference table.

use crate::common::{fixture, relative_error};
use diagonet::{Initialization, LayerScales, ScaleMap, Scales};

/// Budget of the rounded reference table.
const TABLE_BUDGET: f64 = 1e-14;

#[test]
fn scale_map_meets_the_table() {
    let mut worst = 0.0_f64;
    for row in fixture("transfer.csv") {
        let pretraining =
            Initialization::new(Scales { absolute: row["c_pt"], relative: row["lambda_pt"] })
                .unwrap();
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
        let pretraining =
            Initialization::new(Scales { absolute: row["c_pt"], relative: row["lambda_pt"] })
                .unwrap();
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

/// A table to 120 digits, around the coefficients at which a weight changes its sign: the closest
/// floats, and others at all distances.
#[test]
fn weights_keep_their_digits_around_their_zeros() {
    let (mut worst, mut smallest) = (0.0_f64, f64::INFINITY);
    for row in fixture("weights_crossings.csv") {
        let (first, second) = (row["first"], row["second"]);
        let initialization = if row["from_layers"] == 1.0 {
            Initialization::from_layers(LayerScales { first_layer: first, readout: second })
        } else {
            Initialization::new(Scales { absolute: first, relative: second })
        };
        let weights = initialization.unwrap().weights(row["beta"]).unwrap();
        let (plus, minus) = (weights.plus, weights.minus);
        for (computed, column, opposite) in [
            (plus.first_layer(), "first_plus", "first_minus"),
            (plus.readout(), "readout_plus", "readout_minus"),
            (minus.first_layer(), "first_minus", "first_plus"),
            (minus.readout(), "readout_minus", "readout_plus"),
        ] {
            // Terms that cancel are below the sum of the same terms.
            let rounding = 1e-30 * row[opposite].abs();
            let error = (computed - row[column]).abs() - rounding;
            let budget = Initialization::WEIGHTS_ACCURACY * row[column].abs();
            assert!(error <= budget, "{column} = {computed:e} at {row:?}");
            worst = worst.max(error / row[column].abs());
            smallest = smallest.min((row[column] / row[opposite]).abs());
        }
    }
    println!("worst relative error: {worst:e}, of weights down to {smallest:e} of their terms");
    assert!(smallest < 1e-18);
}
