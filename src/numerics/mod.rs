//! Numerical methods that know nothing of networks.

pub(crate) mod crossing;
pub(crate) mod double_word;
#[cfg(feature = "quadrature")]
pub(crate) mod exponential;
pub(crate) mod gauss_legendre;
#[cfg(feature = "quadrature")]
pub(crate) mod gauss_rule;
#[cfg(feature = "quadrature")]
pub(crate) mod lanes;
pub(crate) mod minimum;
pub(crate) mod normal;
pub(crate) mod root;
pub(crate) mod sum;

/// How precise a value of a function has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Precision {
    /// To within [`Precision::DRAFT`], to tell whether the value matters.
    Draft,
    /// As good as it gets.
    Full,
}

impl Precision {
    /// Relative uncertainty of drafts. Most are a thousand times better.
    pub(crate) const DRAFT: f64 = 1e-2;
}
