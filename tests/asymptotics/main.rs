//! The fixed point, its limits, derivatives and searches.

mod batch;
#[path = "../common/mod.rs"]
mod common;
mod effective_scale;
mod elastic_net;
mod extremes;
mod generalization;
mod group_errors;
mod input_variances;
mod limits;
mod penalty_weights;
mod required_samples;
mod sensitivities;
mod solver_properties;
mod tuning;
mod watchdog;
