//! Sums and products in twice the precision of `f64`, as unevaluated sums of two of them.

use std::ops::{Add, Mul, Neg, Sub};

/// The number `high + low`, with `low` below the rounding of `high`: about 31 digits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DoubleWord {
    high: f64,
    low: f64,
}

impl DoubleWord {
    /// The sum of two numbers, without rounding.
    pub(crate) fn sum(x: f64, y: f64) -> Self {
        let high = x + y;
        let from_y = high - x;
        Self { high, low: (x - (high - from_y)) + (y - from_y) }
    }

    /// The product of two numbers, without rounding unless it underflows.
    pub(crate) fn product(x: f64, y: f64) -> Self {
        let high = x * y;
        Self { high, low: x.mul_add(y, -high) }
    }

    /// The root of a positive number.
    pub(crate) fn sqrt(self) -> Self {
        let root = self.high.sqrt();
        let rest = self - Self::product(root, root);
        Self::sum(root, 0.5 * rest.value() / root)
    }

    pub(crate) fn over(self, divisor: Self) -> Self {
        let quotient = self.high / divisor.high;
        let rest = self - divisor * Self::from(quotient);
        Self::sum(quotient, rest.value() / divisor.high)
    }

    pub(crate) fn abs(self) -> Self {
        if self.high < 0.0 { -self } else { self }
    }

    /// The closest `f64`.
    pub(crate) fn value(self) -> f64 {
        self.high + self.low
    }
}

impl From<f64> for DoubleWord {
    fn from(high: f64) -> Self {
        Self { high, low: 0.0 }
    }
}

impl Neg for DoubleWord {
    type Output = Self;

    fn neg(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }
}

impl Add for DoubleWord {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (high, low) = (Self::sum(self.high, other.high), Self::sum(self.low, other.low));
        let sum = Self::sum(high.high, high.low + low.high);
        Self::sum(sum.high, sum.low + low.low)
    }
}

impl Sub for DoubleWord {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for DoubleWord {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let product = Self::product(self.high, other.high);
        Self::sum(product.high, product.low + (self.high * other.low + self.low * other.high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_keep_thirty_digits() {
        // Products, quotients and roots of numbers that differ by 2^-60.
        let tiny = 2.0_f64.powi(-60);
        let [x, y] = [DoubleWord::sum(3.0, tiny), DoubleWord::sum(1.0, -tiny)];
        let product = x * y - DoubleWord::from(3.0);
        assert!((product.value() / (-2.0 * tiny) - 1.0).abs() < 1e-12);
        let back = (x * y).over(y) - x;
        assert!(back.value().abs() < 1e-31);
        let root = x.sqrt();
        assert!((root * root - x).value().abs() < 1e-31);
        assert!(
            (DoubleWord::product(0.1, 0.1) - DoubleWord::from(0.1) * 0.1.into()).value() == 0.0
        );
    }
}
