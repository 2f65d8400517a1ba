//! Numerical methods that know nothing of networks.

pub(crate) mod crossing;
pub(crate) mod double_word;
pub(crate) mod gauss_legendre;
pub(crate) mod minimum;
pub(crate) mod normal;
pub(crate) mod root;
pub(crate) mod sum;
