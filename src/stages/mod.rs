//! One training stage after another.

pub(crate) mod gradient;
pub(crate) mod transfer;
