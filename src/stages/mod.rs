//! One training stage after another.

#[cfg(feature = "quadrature")]
mod discovery;
mod effective_scale;
pub(crate) mod gradient;
pub(crate) mod ranking;
pub(crate) mod transfer;
