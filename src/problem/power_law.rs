//! Laws whose inputs and coefficients fall off as powers of the number of the feature.

use crate::domain::Domain;
use crate::error::Result;
use crate::numerics::gauss_legendre::GAUSS_LEGENDRE;
use crate::numerics::sum::CompensatedSum;
use crate::problem::law::{CoordinateGroup, Law};
use crate::problem::prior::Prior;

/// Bins with more features than this have the moments of a continuum.
const MOST_COUNTED: u64 = 4096;

/// A power-law spectrum, see [`Law::power_law`].
///
/// # Examples
///
/// ```
/// use diagonet::{Law, PowerLaw};
///
/// let spectrum = PowerLaw {
///     features: 1_000_000,
///     bins: 60,
///     input_exponent: 1.5,
///     coefficient_exponent: 0.5,
///     scale: 1e3,
/// };
/// assert!(Law::power_law(spectrum)?.groups().len() <= 120);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct PowerLaw {
    /// Number D of features, in [1, 1e15].
    pub features: u64,
    /// Number of geometric bins, in [1, 1e6].
    pub bins: usize,
    /// Exponent `a` of the variances of inputs, in [0, 10].
    pub input_exponent: f64,
    /// Exponent `b` of the variances of coefficients, in [0, 10].
    pub coefficient_exponent: f64,
    /// Absolute scale of all coordinates, 0 or in [1e-307, 1e307].
    pub scale: f64,
}

impl Law {
    /// The law of features whose inputs and coefficients fall off as powers, as those of the eigenfunctions
    /// of a kernel do.
    ///
    /// # Formula
    ///
    /// ```text
    /// x_j ~ N(0, j^-a),      B_j ~ N(0, j^-b),      j = 1 ... D
    /// ```
    ///
    /// where
    /// - `a`, `b`: [input](PowerLaw::input_exponent) and [coefficient](PowerLaw::coefficient_exponent)
    ///   exponent;
    /// - `D`: number of [features](PowerLaw::features); N samples are a sample ratio of N/D.
    ///
    /// Inputs have a variance of `j^-a` and not of `1/D` of that, `Lambda_j = D j^-a`, so that the
    /// [generalization error](crate::Solution::generalization_error) is `sum_j j^-a (b_j - B_j)²`.
    ///
    /// The features of a geometric bin are two groups, the Gauss rule of two nodes for the logarithm of
    /// `j` in the bin: number of features and mean, variance and skewness of `log j` are exact, and one or
    /// two features are themselves. The error of binning falls as the inverse fourth power of the number
    /// of bins. Measured against single features, D = 20000, at exponents up to 2, for ratios from 0.002
    /// to 0.5: at most 2e-6 of the lazy error with 60 bins, and 2e-7 with 120.
    ///
    /// The lazy error without noise falls as `N^-min(a + b - 1, 2 a)` for `1 << N << D`, `a > 1` and
    /// `a + b > 1`; [matched scales](Law::with_matched_scales) lift the saturation at `2 a`.
    ///
    /// Source: Bordelon, Canatar and Pehlevan 2020 (arXiv:2002.02561) and Cui et al. 2021
    /// (arXiv:2105.15004) for the exponents.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`](crate::Error::OutOfDomain) for a parameter outside its domain, or a scale that
    /// leaves [1e-307, 1e307] when it is multiplied by `sqrt(D j^-a)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Law, PowerLaw, Samples, weighted_l2};
    ///
    /// let (features, input_exponent, coefficient_exponent) = (100_000_000, 1.5, 0.5);
    /// let spectrum =
    ///     PowerLaw { features, bins: 60, input_exponent, coefficient_exponent, scale: 1.0 };
    /// let law = Law::power_law(spectrum)?;
    /// let error = |samples: f64| {
    ///     let samples = Samples::new(samples / features as f64)?;
    ///     weighted_l2(&law, &samples).map(|solution| solution.generalization_error())
    /// };
    /// let exponent = (error(1e3)? / error(1e4)?).log10();
    /// assert!((exponent - (1.5 + 0.5 - 1.0)).abs() < 1e-2);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn power_law(spectrum: PowerLaw) -> Result<Self> {
        let PowerLaw { features, bins, input_exponent, coefficient_exponent, scale } = spectrum;
        let count = features as f64;
        Domain::closed(1.0, 1e15).check("features", count)?;
        Domain::closed(1.0, 1e6).check("bins", bins as f64)?;
        Domain::closed(0.0, 10.0).check("input_exponent", input_exponent)?;
        Domain::closed(0.0, 10.0).check("coefficient_exponent", coefficient_exponent)?;
        let edge = |bin: usize| {
            let share = bin as f64 / bins as f64;
            ((count + 1.0).powf(share).round() as u64).clamp(1, features + 1)
        };
        let mut groups = Vec::with_capacity(2 * bins);
        let mut first = 1;
        for bin in 1..=bins {
            let next = if bin == bins { features + 1 } else { edge(bin) };
            if next <= first {
                continue;
            }
            let label = if next - first == 1 {
                first.to_string()
            } else {
                format!("{first} to {}", next - 1)
            };
            for Node { logarithm, share } in nodes(first, next) {
                let weight = share * ((next - first) as f64 / count);
                let prior = Prior::gaussian(0.0, (-coefficient_exponent * logarithm).exp())?;
                let variance = count * (-input_exponent * logarithm).exp();
                let group = CoordinateGroup::new(label.clone(), weight.min(1.0), prior, scale)?;
                groups.push(group.with_input_variance(variance)?);
            }
            first = next;
        }
        Self::new(groups)
    }
}

/// A value of `log j` with its share of a bin.
struct Node {
    logarithm: f64,
    share: f64,
}

/// The Gauss rule for `log j` with `first <= j < next`: one node for one feature, two for more.
fn nodes(first: u64, next: u64) -> Vec<Node> {
    if next - first == 1 {
        return vec![Node { logarithm: (first as f64).ln(), share: 1.0 }];
    }
    let mean = mean_over(first, next, f64::ln);
    let moment = |power: i32| mean_over(first, next, |j| (j.ln() - mean).powi(power));
    let (variance, third) = (moment(2), moment(3));
    let deviation = variance.sqrt();
    let lean = 0.5 * third / (variance * deviation);
    let root = lean.hypot(1.0);
    [-1.0, 1.0]
        .map(|side| Node {
            logarithm: mean + deviation * (lean + side * root),
            share: 0.5 * (1.0 - side * lean / root),
        })
        .into()
}

/// Mean of a smooth function over whole numbers from `first` to below `next`.
fn mean_over(first: u64, next: u64, function: impl Fn(f64) -> f64) -> f64 {
    let count = (next - first) as f64;
    if next - first <= MOST_COUNTED {
        let terms = (first..next).map(|j| function(j as f64));
        return terms.collect::<CompensatedSum>().value() / count;
    }
    // Whole numbers stand for the unit intervals around them; equal parts of the logarithm of the range
    // keep a function of it smooth.
    const PARTS: usize = 16;
    let (low, high) = (first as f64 - 0.5, next as f64 - 0.5);
    let width = (high / low).ln() / PARTS as f64;
    let part = |index: usize| {
        let middle = low.ln() + width * (index as f64 + 0.5);
        GAUSS_LEGENDRE.iter().flat_map(move |&(node, weight)| {
            [-node, node].map(|node| (middle + 0.5 * width * node, 0.5 * weight))
        })
    };
    let terms = (0..PARTS).flat_map(part).map(|(logarithm, weight)| {
        let j = logarithm.exp();
        weight * width * j * function(j)
    });
    terms.collect::<CompensatedSum>().value() / (high - low)
}
