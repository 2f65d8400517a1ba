//! Roots of functions of one variable.

use crate::error::{Error, Result};

/// More evaluations than any function takes: two dozen steps reach the farther bound, and every
/// eighth halves the bracket, at most 62 times from the widest one to rounding.
const MOST_ITERATIONS: usize = 600;

/// Root of a function that is positive below and negative above it, given with its slope, inside
/// of `bounds`: Newton's method, kept in a bracket that is grown from `start`.
pub(crate) fn falling_root(
    start: f64,
    bounds: [f64; 2],
    quantity: &'static str,
    mut function: impl FnMut(f64) -> Result<(f64, f64)>,
) -> Result<f64> {
    let [mut low, mut high] = [f64::NEG_INFINITY, f64::INFINITY];
    let mut x = start.clamp(bounds[0], bounds[1]);
    let (mut shortest, mut longest) = (f64::EPSILON, 1.0);
    // Lengths of the last step in the bracket and of the one before.
    let mut lengths = [f64::INFINITY; 2];
    for iteration in 1..=MOST_ITERATIONS {
        let (value, slope) = function(x)?;
        if value == 0.0 {
            return Ok(x);
        }
        if value.is_nan() {
            return Err(Error::NotConverged { iterations: iteration, residual: f64::INFINITY });
        }
        *(if value > 0.0 { &mut low } else { &mut high }) = x;
        if low == bounds[1] || high == bounds[0] {
            return Err(Error::NotRepresentable {
                quantity,
                reason: if high == bounds[0] {
                    "it is below the range of the search"
                } else {
                    "it is above the range of the search"
                },
            });
        }
        let newton = -value / slope;
        let spacing = 4.0 * f64::EPSILON * x.abs().max(1.0);
        if low.is_finite() && high.is_finite() {
            if newton.abs() <= spacing && slope.is_finite() {
                return Ok(x);
            }
            let mut next = x + newton;
            // Bisection where Newton's steps do not shrink fast; and in between, because they may
            // close in from one side only: that bounds the number of iterations.
            let fast = newton.abs() <= 0.5 * lengths[1];
            if !(fast && next > low && next < high) || iteration % 8 == 0 {
                next = 0.5 * (low + high);
            }
            let length = (next - x).abs();
            if high - low <= spacing || length <= spacing {
                return Ok(x);
            }
            lengths = [length, lengths[0]];
            x = next;
        } else {
            // On to the other side of the root, by Newton's step if it is neither too short to
            // get there nor wild.
            let direction = 1.0_f64.copysign(value);
            shortest *= 8.0;
            longest *= 2.0;
            let step = if newton * direction > 0.0 { newton.abs() } else { longest };
            let shortest = shortest.max(2.0 * spacing).min(longest);
            x = (x + direction * step.clamp(shortest, longest)).clamp(bounds[0], bounds[1]);
        }
    }
    Err(Error::NotConverged { iterations: MOST_ITERATIONS, residual: f64::INFINITY })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn falling_root_reports_a_root_beyond_the_bounds() {
        let above = falling_root(0.0, [-10.0, 10.0], "x", |x| Ok((20.0 - x, -1.0)));
        assert!(matches!(above, Err(Error::NotRepresentable { quantity: "x", .. })));
        let below = falling_root(0.0, [-10.0, 10.0], "x", |x| Ok((-20.0 - x, -1.0)));
        assert!(matches!(below, Err(Error::NotRepresentable { quantity: "x", .. })));
    }

    #[test]
    fn falling_root_survives_slopes_that_mislead() {
        let function = |x: f64| Ok(((7.0 - x).tanh(), 1e-9));
        let root = falling_root(-5.0, [-100.0, 100.0], "x", function).unwrap();
        assert!((root - 7.0).abs() < 1e-13);
    }
}
