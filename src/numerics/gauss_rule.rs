//! Gauss rules of discrete measures: few nodes in place of many, for functions that are smooth.
//!
//! The rule with `n` nodes integrates polynomials below degree `2n` as the measure does. The recurrence of
//! the orthogonal polynomials is Stieltjes' procedure on the measure; the nodes are the eigenvalues of its
//! tridiagonal matrix, and the weights the squares of the first components of its eigenvectors (Golub and
//! Welsch 1969). The procedure is stable while `n` is well below the number of nodes of the measure.

/// A measure of nodes in an interval of the size of 1, with the recurrence of its orthogonal polynomials as far
/// as it was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Recurrence {
    nodes: Vec<f64>,
    /// Roots of the probabilities, times the last two orthonormal polynomials.
    last: Vec<f64>,
    current: Vec<f64>,
    diagonal: Vec<f64>,
    /// The first is that between polynomials 0 and 1.
    beside: Vec<f64>,
}

impl Recurrence {
    /// The measure of these nodes with probabilities that sum to 1.
    pub(crate) fn new(nodes: Vec<f64>, probabilities: impl Iterator<Item = f64>) -> Self {
        let current: Vec<f64> = probabilities.map(f64::sqrt).collect();
        let last = vec![0.0; nodes.len()];
        Self { nodes, last, current, diagonal: Vec::new(), beside: Vec::new() }
    }

    /// Number of nodes of the measure.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Computes the recurrence up to a polynomial's degree.
    fn extend(&mut self, count: usize) {
        while self.diagonal.len() < count {
            let below = self.beside.last().copied().unwrap_or(0.0);
            let pairs = self.nodes.iter().zip(&self.current);
            let diagonal: f64 = pairs.map(|(x, p)| x * p * p).sum();
            let mut square = 0.0;
            for ((x, p), last) in self.nodes.iter().zip(&self.current).zip(&mut self.last) {
                let next = (x - diagonal) * p - below * *last;
                *last = next;
                square += next * next;
            }
            let beside = square.sqrt();
            let inverse = beside.recip();
            self.last.iter_mut().for_each(|next| *next *= inverse);
            std::mem::swap(&mut self.last, &mut self.current);
            self.diagonal.push(diagonal);
            self.beside.push(beside);
        }
    }

    /// Nodes and weights of the Gauss rule with `count` nodes; `None` for more than half of the nodes of the
    /// measure, and where the eigenvalues are not found.
    pub(crate) fn gauss(&mut self, count: usize) -> Option<Vec<(f64, f64)>> {
        if count == 0 || 2 * count > self.len() {
            return None;
        }
        self.extend(count);
        eigenvalues(self.diagonal[..count].to_vec(), self.beside[..count].to_vec())
    }
}

/// Eigenvalues of a symmetric tridiagonal matrix, with the squares of the first components of the
/// eigenvectors, by the implicit QL method; the last of the elements `beside` the diagonal is no element.
fn eigenvalues(mut diagonal: Vec<f64>, mut beside: Vec<f64>) -> Option<Vec<(f64, f64)>> {
    const MOST_SWEEPS: usize = 60;
    let count = diagonal.len();
    let mut first = vec![0.0; count];
    first[0] = 1.0;
    beside[count - 1] = 0.0;
    for low in 0..count {
        let mut sweeps = 0;
        loop {
            let is_zero = |&k: &usize| {
                k + 1 == count
                    || beside[k].abs() <= f64::EPSILON * (diagonal[k].abs() + diagonal[k + 1].abs())
            };
            let high = (low..count).find(is_zero)?;
            if high == low {
                break;
            }
            sweeps += 1;
            if sweeps > MOST_SWEEPS {
                return None;
            }
            let half = (diagonal[low + 1] - diagonal[low]) / (2.0 * beside[low]);
            let root = half.hypot(1.0);
            let mut g = diagonal[high] - diagonal[low] + beside[low] / (half + root.copysign(half));
            let (mut sine, mut cosine, mut shift) = (1.0, 1.0, 0.0);
            let mut split = false;
            for k in (low..high).rev() {
                let f = sine * beside[k];
                let b = cosine * beside[k];
                let r = (f * f + g * g).sqrt();
                beside[k + 1] = r;
                if r == 0.0 {
                    diagonal[k + 1] -= shift;
                    beside[high] = 0.0;
                    split = true;
                    break;
                }
                sine = f / r;
                cosine = g / r;
                g = diagonal[k + 1] - shift;
                let s = (diagonal[k] - g) * sine + 2.0 * cosine * b;
                shift = sine * s;
                diagonal[k + 1] = g + shift;
                g = cosine * s - b;
                let (left, right) = (first[k], first[k + 1]);
                first[k + 1] = sine * left + cosine * right;
                first[k] = cosine * left - sine * right;
            }
            if !split {
                diagonal[low] -= shift;
                beside[low] = g;
                beside[high] = 0.0;
            }
        }
    }
    let weights = first.into_iter().map(|component| component * component);
    let rule: Vec<_> = diagonal.into_iter().zip(weights).collect();
    rule.iter().all(|(x, w)| x.is_finite() && w.is_finite()).then_some(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gaussian probabilities on an even grid.
    fn measure(count: usize) -> (Vec<f64>, Vec<f64>) {
        let nodes: Vec<f64> =
            (0..count).map(|i| 2.0 * i as f64 / (count - 1) as f64 - 1.0).collect();
        let masses: Vec<f64> =
            nodes.iter().map(|x| (-32.0 * (x - 0.1) * (x - 0.1)).exp()).collect();
        let total: f64 = masses.iter().sum();
        (nodes, masses.into_iter().map(|mass| mass / total).collect())
    }

    #[test]
    fn moments_are_those_of_the_measure() {
        let (nodes, masses) = measure(161);
        let mut recurrence = Recurrence::new(nodes.clone(), masses.iter().copied());
        for count in [1, 2, 12, 18, 27, 40, 60, 80] {
            let rule = recurrence.gauss(count).unwrap();
            for degree in 0..2 * count {
                let moment = |nodes: &mut dyn Iterator<Item = (f64, f64)>| {
                    nodes.map(|(x, w)| w * x.powi(degree as i32)).sum::<f64>()
                };
                let exact = moment(&mut nodes.iter().copied().zip(masses.iter().copied()));
                let computed = moment(&mut rule.iter().copied());
                assert!((computed - exact).abs() < 1e-14, "{count} {degree}: {computed} {exact}");
            }
        }
        assert_eq!(recurrence.gauss(81), None);
        assert_eq!(recurrence.gauss(0), None);
    }

    #[test]
    fn rules_of_a_known_measure_are_known() {
        // Nodes of Chebyshev with equal weights: the rules are those of Chebyshev.
        let count = 64;
        let node =
            |i: usize, of: usize| -((i as f64 + 0.5) * std::f64::consts::PI / of as f64).cos();
        let nodes = (0..count).map(|i| node(i, count)).collect();
        let masses = std::iter::repeat_n(1.0 / count as f64, count);
        let mut rule = Recurrence::new(nodes, masses).gauss(12).unwrap();
        rule.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (i, (x, w)) in rule.into_iter().enumerate() {
            assert!((x - node(i, 12)).abs() < 1e-14 && (w - 1.0 / 12.0).abs() < 1e-14, "{x} {w}");
        }
    }
}
