//! Training problems: tasks, samples, and the law of one coordinate.

pub(crate) mod component;
pub(crate) mod errors;
pub(crate) mod feature_class;
#[cfg(feature = "quadrature")]
pub(crate) mod feature_kind;
pub(crate) mod law;
pub(crate) mod mixture;
pub(crate) mod power_law;
pub(crate) mod pretrained;
pub(crate) mod prior;
pub(crate) mod samples;
pub(crate) mod source_conventions;
pub(crate) mod supports;
pub(crate) mod task;
