//! Sums of many or of cancelling terms.

/// A sum that carries its rounding error along (Neumaier 1974).
#[derive(Debug, Clone, Copy)]
pub(crate) struct CompensatedSum {
    sum: f64,
    error: f64,
}

impl CompensatedSum {
    pub(crate) fn new(start: f64) -> Self {
        Self { sum: start, error: 0.0 }
    }

    pub(crate) fn add(&mut self, term: f64) {
        let sum = self.sum + term;
        self.error += if self.sum.abs() >= term.abs() {
            (self.sum - sum) + term
        } else {
            (term - sum) + self.sum
        };
        self.sum = sum;
    }

    pub(crate) fn value(self) -> f64 {
        self.sum + self.error
    }
}

impl FromIterator<f64> for CompensatedSum {
    fn from_iter<I: IntoIterator<Item = f64>>(terms: I) -> Self {
        let mut sum = Self::new(0.0);
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
