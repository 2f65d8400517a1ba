//! The inductive bias of an initialization, its regimes, and the initialization that has a given bias.

pub(crate) mod inductive_bias;
pub(crate) mod phase_diagram;
pub(crate) mod protocol_bias;
pub(crate) mod realization;
pub(crate) mod task_bias;
