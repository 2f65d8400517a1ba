//! Sums of many or of cancelling terms.

use num_traits::Signed;

/// A sum that carries its rounding error along (Neumaier 1974).
#[derive(Debug, Clone, Copy)]
pub(crate) struct CompensatedSum<T = f64> {
    sum: T,
    error: T,
}

impl<T: Signed + PartialOrd + Copy> CompensatedSum<T> {
    pub(crate) fn new(start: T) -> Self {
        Self { sum: start, error: T::zero() }
    }

    pub(crate) fn add(&mut self, term: T) {
        let sum = self.sum + term;
        let error = if self.sum.abs() >= term.abs() {
            (self.sum - sum) + term
        } else {
            (term - sum) + self.sum
        };
        self.error = self.error + error;
        self.sum = sum;
    }

    pub(crate) fn value(self) -> T {
        self.sum + self.error
    }
}

impl<T: Signed + PartialOrd + Copy> FromIterator<T> for CompensatedSum<T> {
    fn from_iter<I: IntoIterator<Item = T>>(terms: I) -> Self {
        let mut sum = Self::new(T::zero());
        terms.into_iter().for_each(|term| sum.add(term));
        sum
    }
}

/// `alpha - P`, with `P` the weight of some of the groups that can move.
///
/// It is formed from the smaller side, because weights that are decimal fractions sum to the
/// reachable fraction no better than to rounding, and term by term, because nothing of the weights
/// may be lost where it is nearly zero.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gap {
    counted: CompensatedSum,
    others: CompensatedSum,
    weights: [f64; 2],
}

impl Gap {
    pub(crate) fn new(sample_ratio: f64, reachable: f64) -> Self {
        let mut others = CompensatedSum::new(sample_ratio);
        others.add(-reachable);
        Self { counted: CompensatedSum::new(sample_ratio), others, weights: [0.0; 2] }
    }

    /// Adds a group that can move; it counts towards `P` or does not.
    pub(crate) fn add(&mut self, weight: f64, counts: bool) {
        if counts {
            self.counted.add(-weight);
        } else {
            self.others.add(weight);
        }
        self.weights[usize::from(counts)] += weight;
    }

    pub(crate) fn value(self) -> f64 {
        let [others, counted] = self.weights;
        if counted < others { self.counted.value() } else { self.others.value() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_terms_add_up() {
        let sum: CompensatedSum = std::iter::repeat_n(1e-5, 100_000).collect();
        assert_eq!(sum.value(), 1.0);
        let sum: CompensatedSum = [1.0, 1e100, 1.0, -1e100].into_iter().collect();
        assert_eq!(sum.value(), 2.0);
    }
}
