//! One training stage after another.

#[cfg(feature = "quadrature")]
mod discovery;
mod effective_scale;
pub(crate) mod gradient;
pub(crate) mod pretrained_nodes;
pub(crate) mod ranking;
#[cfg(feature = "quadrature")]
pub(crate) mod sequence;
#[cfg(feature = "quadrature")]
mod sequence_nodes;
pub(crate) mod stage_state;
pub(crate) mod transfer;
