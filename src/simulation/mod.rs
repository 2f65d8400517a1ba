//! Networks trained for real, to check the theory against.
//!
//! Nothing here knows the implicit bias: a [`Network`] is four vectors of weights, and its training
//! follows the gradient of the squared loss in these weights, in steps ([`GradientDescent`]) or
//! continuously ([`GradientFlow`]).

mod curvature;
mod dataset;
mod descent;
mod flow;
mod network;
mod squared_loss;
mod training;

pub use dataset::Dataset;
pub use descent::GradientDescent;
pub use flow::GradientFlow;
pub use network::Network;
pub use training::{Checkpoint, Stop, Training};
