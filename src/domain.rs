//! The legal ranges of parameters, each written once.

use std::fmt;

/// The values that a parameter may take: an interval, with zero beside it where zero is a limit of its
/// own, and the condition under which the interval holds.
///
/// [`Error::OutOfDomain`](crate::Error::OutOfDomain) carries the domain, so that a program can report it in its own words or move
/// the value inside.
///
/// # Examples
///
/// ```
/// use diagonet::{Error, Samples};
///
/// let error = Samples::new(-0.25).unwrap_err();
/// let Error::OutOfDomain { domain, .. } = error else { panic!("{error}") };
/// assert_eq!(domain.to_string(), "[1e-300, 1e300]");
/// assert!(domain.contains(0.25) && !domain.contains(f64::NAN));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Domain {
    ends: [f64; 2],
    /// Whether the ends belong to it.
    closed: [bool; 2],
    zero: bool,
    condition: &'static str,
}

impl Domain {
    /// Probabilities, and shares of one.
    pub(crate) const PROBABILITY: Self = Self::closed(0.0, 1.0);
    /// Coefficients, which are squared.
    pub(crate) const COEFFICIENT: Self = Self::closed(-1e150, 1e150);
    /// Magnitudes and standard deviations, which are squared.
    pub(crate) const MAGNITUDE: Self = Self::closed(0.0, 1e150);
    /// Arguments of functions that are not squared.
    pub(crate) const ARGUMENT: Self = Self::closed(-1e300, 1e300);
    /// Variances and penalties.
    pub(crate) const NON_NEGATIVE: Self = Self::closed(0.0, 1e300);
    /// Quantities that vanish in no limit.
    pub(crate) const POSITIVE: Self = Self::half_open(0.0, 1e300);
    /// Samples per coordinate, learning rates.
    pub(crate) const RATIO: Self = Self::closed(1e-300, 1e300);
    /// Absolute scales of initializations.
    pub(crate) const ABSOLUTE_SCALE: Self = Self::closed(1e-300, 1e300).or_zero();
    /// Absolute scales of coordinates: with room for the scale map, which can make a scale a few times
    /// larger, or as much smaller as 1 + lambda is small.
    pub(crate) const SCALE: Self = Self::closed(1e-307, 1e307).or_zero();
    /// Relative scales.
    pub(crate) const RELATIVE_SCALE: Self = Self::closed(-1.0, 1.0);
    /// Correlations.
    pub(crate) const CORRELATION: Self = Self::closed(-1.0, 1.0);
    /// One plus relative scales.
    pub(crate) const LAMBDA_GAP: Self = Self::closed(1e-300, 2.0).or_zero();
    /// Scales of layers, which are squared.
    pub(crate) const LAYER: Self = Self::closed(1e-150, 1e150).or_zero();
    /// Factors of weights and learning rates, which are squared.
    pub(crate) const PROTOCOL_PARAMETER: Self = Self::closed(1e-150, 1e150);
    /// Weights of penalties.
    pub(crate) const PENALTY_WEIGHT: Self = Self::closed(1e-150, 1e150);
    /// Variances of inputs, of which the root multiplies coefficients.
    pub(crate) const INPUT_VARIANCE: Self = Self::closed(1e-150, 1e150);
    /// Readout scales, of which half the square is a scale.
    pub(crate) const READOUT_SCALE: Self = Self::closed(1e-153, 1e150).or_zero();
    /// Numbers of things that are counted.
    pub(crate) const COUNT: Self = Self::closed(1.0, 1e9);
    /// Levels of confidence.
    #[cfg(feature = "simulation")]
    pub(crate) const LEVEL: Self = Self::half_open(0.0, 1.0).below();
    /// Relative accuracies that are asked for.
    #[cfg(any(feature = "quadrature", feature = "simulation"))]
    pub(crate) const TOLERANCE: Self = Self::half_open(0.0, 1.0);
    /// Relative excess over an optimum that is tolerated.
    pub(crate) const TOLERATED_EXCESS: Self = Self::closed(1e-6, 1e6);
    /// Zero alone.
    pub(crate) const ZERO: Self = Self::closed(0.0, 0.0);

    /// The interval with both ends.
    pub(crate) const fn closed(lowest: f64, highest: f64) -> Self {
        Self { ends: [lowest, highest], closed: [true, true], zero: false, condition: "" }
    }

    /// The interval with its upper end only.
    pub(crate) const fn half_open(above: f64, highest: f64) -> Self {
        Self { closed: [false, true], ..Self::closed(above, highest) }
    }

    /// The interval without its upper end.
    pub(crate) const fn below(self) -> Self {
        Self { closed: [self.closed[0], false], ..self }
    }

    /// The interval, and zero.
    pub(crate) const fn or_zero(self) -> Self {
        Self { zero: true, ..self }
    }

    /// The same values, with the condition under which no others are legal.
    pub(crate) const fn when(self, condition: &'static str) -> Self {
        Self { condition, ..self }
    }

    /// All numbers that meet a condition that is no interval.
    pub(crate) const fn described(condition: &'static str) -> Self {
        Self::closed(f64::INFINITY, f64::NEG_INFINITY).when(condition)
    }

    /// Whether the domain is an interval, or an interval and zero; otherwise it is a condition in words.
    #[must_use]
    pub const fn is_interval(&self) -> bool {
        self.ends[0] <= self.ends[1]
    }

    /// Lowest and highest value of the interval. An end belongs to the interval if that is closed there.
    #[must_use]
    pub const fn ends(&self) -> [f64; 2] {
        self.ends
    }

    /// Whether a value is in the interval, or the zero beside it.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        let [lowest, highest] = self.ends;
        let above = if self.closed[0] { value >= lowest } else { value > lowest };
        let below = if self.closed[1] { value <= highest } else { value < highest };
        (above && below) || (self.zero && value == 0.0)
    }
}

/// Numbers as they are written: `1`, `0.5`, `1e-300`.
struct Number(f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        if size == 0.0 || (0.01..1e4).contains(&size) {
            write!(f, "{}", self.0)
        } else {
            write!(f, "{:e}", self.0)
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [lowest, highest] = self.ends;
        if !self.is_interval() {
            return f.write_str(self.condition);
        }
        if self.zero {
            f.write_str("0 or ")?;
        }
        if lowest == highest {
            write!(f, "{}", Number(lowest))?;
        } else {
            let brackets = [["(", "["], [")", "]"]];
            let bracket = |side: usize| brackets[side][usize::from(self.closed[side])];
            write!(f, "{}{}, {}{}", bracket(0), Number(lowest), Number(highest), bracket(1))?;
        }
        if self.condition.is_empty() { Ok(()) } else { write!(f, ", {}", self.condition) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_read_as_they_are_written() {
        for (domain, text) in [
            (Domain::PROBABILITY, "[0, 1]"),
            (Domain::ABSOLUTE_SCALE, "0 or [1e-300, 1e300]"),
            (Domain::POSITIVE, "(0, 1e300]"),
            (Domain::closed(1.0, 2.0).below(), "[1, 2)"),
            (Domain::half_open(0.5, 1.0), "(0.5, 1]"),
            (Domain::ZERO.when("for the rich limit"), "0, for the rich limit"),
            (Domain::described("finite"), "finite"),
        ] {
            assert_eq!(domain.to_string(), text);
        }
    }

    #[test]
    fn only_what_is_between_the_ends_is_legal() {
        assert!(Domain::ABSOLUTE_SCALE.contains(0.0) && Domain::ABSOLUTE_SCALE.contains(1e-300));
        assert!(!Domain::ABSOLUTE_SCALE.contains(1e-301));
        assert!(!Domain::POSITIVE.contains(0.0));
        assert!(!Domain::described("finite").contains(1.0));
        for domain in [Domain::PROBABILITY, Domain::SCALE, Domain::ARGUMENT] {
            assert!(!domain.contains(f64::NAN) && !domain.contains(f64::INFINITY));
        }
    }
}
