//! What training of a stage leaves of the data: an effective channel.

use crate::asymptotics::fixed_point::FixedPoint;
#[cfg(feature = "quadrature")]
use crate::error::{Error, Result};

/// Effective noise and penalty of a stage.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StageState {
    pub(crate) noise: f64,
    #[cfg_attr(not(feature = "quadrature"), allow(dead_code, reason = "the law needs nodes"))]
    pub(crate) penalty: f64,
}

impl StageState {
    /// Of unlimited data, which are observed without noise.
    pub(crate) const UNLIMITED: Self = Self { noise: 0.0, penalty: 0.0 };

    pub(crate) fn of(state: &FixedPoint) -> Self {
        Self { noise: state.effective_noise_variance, penalty: state.effective_penalty }
    }

    /// The state as coordinates with inputs of this variance see it. An error calls it `quantity`.
    #[cfg(feature = "quadrature")]
    pub(crate) fn on_inputs(self, input_variance: f64, quantity: &'static str) -> Result<Self> {
        let [noise, penalty] = [self.noise, self.penalty].map(|part| part / input_variance);
        if noise.is_finite() && penalty.is_finite() {
            return Ok(Self { noise, penalty });
        }
        Err(Error::NotRepresentable { quantity, reason: "it is above 1e308" })
    }
}
