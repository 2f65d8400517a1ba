//! Many coordinates trained together: the fixed point, its closed forms, and what follows from it.

pub(crate) mod equations;
pub(crate) mod fixed_point;
pub(crate) mod limits;
pub(crate) mod newton;
pub(crate) mod problem;
pub(crate) mod recovery;
pub(crate) mod sensitivity;
pub(crate) mod solution;
pub(crate) mod solver;
pub(crate) mod statistics;
