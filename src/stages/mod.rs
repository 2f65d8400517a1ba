//! One training stage after another.

#[cfg(feature = "quadrature")]
mod discovery;
pub(crate) mod gradient;
pub(crate) mod ranking;
pub(crate) mod transfer;
