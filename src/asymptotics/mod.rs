//! Many coordinates trained together: the fixed point, its closed forms, and what follows from it.

pub(crate) mod batch;
pub(crate) mod effective_scale;
pub(crate) mod equations;
pub(crate) mod estimator;
pub(crate) mod fixed_point;
#[cfg(all(test, feature = "quadrature"))]
mod heavy_tails;
pub(crate) mod newton;
pub(crate) mod optimizer;
pub(crate) mod penalized;
pub(crate) mod problem;
pub(crate) mod recovery;
pub(crate) mod sensitivity;
pub(crate) mod silent;
pub(crate) mod solution;
pub(crate) mod solver;
pub(crate) mod statistics;
#[cfg(all(test, feature = "quadrature"))]
mod third_layer;
pub(crate) mod tuning;
pub(crate) mod weighted_l1;
pub(crate) mod weighted_l2;
