//! The Bayes-optimal learner: the least error that any learner with the same data can have.

pub(crate) mod mixture;
pub(crate) mod optimal;
mod price;
pub(crate) mod roots;
pub(crate) mod rule;
pub(crate) mod side_information;
pub(crate) mod solution;
