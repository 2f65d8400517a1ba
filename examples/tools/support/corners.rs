//! The corners of the triangle of regimes, as maps draw their boundaries.

use diagonet::{BarycentricCoordinates, Regime};

/// A regime that is a corner, and the share of its corner in an inductive bias.
pub(crate) type Corner = (Regime, fn(&BarycentricCoordinates) -> f64);

/// All corners; regime IV is what they leave.
pub(crate) const CORNERS: [Corner; 3] = [
    (Regime::I, |at| at.rich_independent),
    (Regime::II, |at| at.lazy_dependent),
    (Regime::III, |at| at.lazy_independent),
];
