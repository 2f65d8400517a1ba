//! One training stage after another.

#[cfg(feature = "quadrature")]
mod discovery;
pub(crate) mod gradient;
#[cfg(feature = "quadrature")]
pub(crate) mod sequence;
#[cfg(feature = "quadrature")]
mod sequence_nodes;
pub(crate) mod transfer;
