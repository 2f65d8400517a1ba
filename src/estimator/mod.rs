//! The estimate of one coordinate from one noisy observation, and all that the theory asks of it.

pub(crate) mod channel;
pub(crate) mod linear;
pub(crate) mod partials;
#[cfg(feature = "quadrature")]
pub(crate) mod proximal;
#[cfg(feature = "quadrature")]
pub(crate) mod proximal_partials;
#[cfg(feature = "quadrature")]
pub(crate) mod quadrature;
pub(crate) mod soft_threshold;
