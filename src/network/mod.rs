//! A coordinate of the network: its initialization, its implicit penalty, and the scale that
//! pretraining leaves.

pub(crate) mod initialization;
pub(crate) mod mirror_map;
#[cfg(feature = "quadrature")]
pub(crate) mod paired_weights;
pub(crate) mod penalty;
pub(crate) mod protocol;
pub(crate) mod scale_map;
