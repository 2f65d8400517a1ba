//! Integrals of functions of one variable that may jump.

#[cfg(feature = "quadrature")]
use crate::error::{Error, Result};

/// Positive nodes of the ten-point Gauss-Legendre rule on [-1, 1], and their weights.
pub(crate) const GAUSS_LEGENDRE: [(f64, f64); 5] = [
    (0.148_874_338_981_631_21, 0.295_524_224_714_752_87),
    (0.433_395_394_129_247_2, 0.269_266_719_309_996_36),
    (0.679_409_568_299_024_4, 0.219_086_362_515_982_04),
    (0.865_063_366_688_984_5, 0.149_451_349_150_580_6),
    (0.973_906_528_517_171_7, 0.066_671_344_308_688_14),
];

/// Panels that are halved at most; a jump takes about fifty.
#[cfg(feature = "quadrature")]
const MOST_HALVINGS: usize = 20_000;

/// Integral over an interval, to `tolerance` in absolute terms: ten Gauss-Legendre nodes a panel, and
/// panels halved until both halves agree with the whole.
#[cfg(feature = "quadrature")]
pub(crate) fn adaptive(
    [low, high]: [f64; 2],
    panels: usize,
    tolerance: f64,
    mut function: impl FnMut(f64) -> Result<f64>,
) -> Result<f64> {
    let mut panel = |a: f64, b: f64| {
        let (middle, half) = (0.5 * (a + b), 0.5 * (b - a));
        let mut sum = 0.0;
        for (node, weight) in GAUSS_LEGENDRE {
            sum += weight * (function(middle - half * node)? + function(middle + half * node)?);
        }
        Ok(half * sum)
    };
    let width = (high - low) / panels as f64;
    let mut open = Vec::new();
    for i in 0..panels {
        let a = low + width * i as f64;
        open.push((a, a + width, panel(a, a + width)?));
    }
    let (mut total, mut halvings) = (0.0, 0);
    while let Some((a, b, whole)) = open.pop() {
        let middle = 0.5 * (a + b);
        let (left, right) = (panel(a, middle)?, panel(middle, b)?);
        let gap = (left + right - whole).abs();
        let share = tolerance * ((b - a) / (high - low)).max(1e-3);
        if gap <= share || middle <= a || middle >= b || b - a < f64::EPSILON * (high - low) {
            total += left + right;
            continue;
        }
        halvings += 1;
        if halvings > MOST_HALVINGS || gap.is_nan() {
            return Err(Error::NotConverged { iterations: halvings, residual: gap });
        }
        open.push((a, middle, left));
        open.push((middle, b, right));
    }
    Ok(total)
}

#[cfg(all(test, feature = "quadrature"))]
mod tests {
    use super::*;

    #[test]
    fn jumps_and_peaks_are_found() {
        for edge in [0.1, 0.123_456_789, 0.9] {
            let step = |x: f64| Ok(f64::from(u8::from(x > edge)));
            let integral = adaptive([0.0, 1.0], 8, 1e-12, step).unwrap();
            assert!((integral - (1.0 - edge)).abs() < 1e-10, "{integral}");
        }
        let peak = |x: f64| Ok(1e-4 / (x * x + 1e-8));
        let integral = adaptive([-1.0, 1.0], 8, 1e-12, peak).unwrap();
        assert!((integral - 2.0 * 1e4_f64.atan()).abs() < 1e-10, "{integral}");
        let undefined = adaptive([0.0, 1.0], 8, 1e-12, |_| Ok(f64::NAN));
        assert!(matches!(undefined, Err(Error::NotConverged { .. })));
    }
}
