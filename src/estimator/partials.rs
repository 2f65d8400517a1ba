//! How one group of coordinates moves the equations of the fixed point.

use crate::estimator::channel::{Form, Slopes, Terms};
use crate::problem::law::Group;

/// A derivative of the response and of the noise of a group, in the [form](Form) of its
/// [`Partials`].
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pair {
    pub(crate) response: f64,
    pub(crate) noise: f64,
}

impl Pair {
    pub(crate) fn scaled(self, factor: f64) -> Self {
        Self { response: factor * self.response, noise: factor * self.noise }
    }
}

/// Response and noise of a group, with their derivatives in all that they depend on, in units of
/// signal and noise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Partials {
    pub(crate) form: Form,
    pub(crate) value: Pair,
    /// In the logarithm of the noise `w = s²`.
    pub(crate) by_noise: Pair,
    /// In the logarithm of the penalty theta.
    pub(crate) by_penalty: Pair,
    pub(crate) by_mean: Pair,
    pub(crate) by_variance: Pair,
    pub(crate) by_log_scale: Pair,
    pub(crate) by_start: Pair,
    /// Evaluations of an integrand.
    pub(crate) nodes: usize,
}

impl Partials {
    /// Those of a group that cannot move.
    pub(crate) fn frozen(group: &Group, unit_squared: f64) -> Self {
        let pair = |noise| Pair { response: 0.0, noise };
        Self {
            form: Form::Direct,
            value: pair(group.signal() / unit_squared),
            by_noise: Pair::default(),
            by_penalty: Pair::default(),
            by_mean: pair(2.0 * group.prior().mean() / unit_squared.sqrt()),
            by_variance: pair(1.0),
            by_log_scale: Pair::default(),
            by_start: Pair::default(),
            nodes: 0,
        }
    }

    /// The contribution to the equations.
    pub(crate) fn terms(&self, w: f64) -> Terms {
        let slopes = |part: fn(&Pair) -> f64| Slopes {
            value: part(&self.value),
            by_noise: part(&self.by_noise),
            by_penalty: part(&self.by_penalty),
        };
        Terms {
            response: slopes(|pair| pair.response),
            noise: slopes(|pair| pair.noise),
            error: self.totals(w)[3],
            nodes: self.nodes,
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.form == Form::Complementary
    }

    /// `E[1 - db/dz]` and `E[db/dz]`, and `E[(b - B)²]` less `w` and itself.
    pub(crate) fn totals(&self, w: f64) -> [f64; 4] {
        let Pair { response, .. } = self.value;
        let error = self.error_by(self.value, w);
        if self.is_full() {
            [response, 1.0 - response, error, error + w]
        } else {
            [1.0 - response, response, error - w, error]
        }
    }

    /// Derivative of `E[(b - B)²]` that belongs to that of response and noise.
    pub(crate) fn error_by(&self, derivative: Pair, w: f64) -> f64 {
        // Stein's identity, E[(b - B)²] = E[(z - b)²] + w (1 - 2 E[1 - db/dz]).
        if self.is_full() {
            derivative.noise - 2.0 * w * derivative.response
        } else {
            derivative.noise
        }
    }

    /// Derivatives of `E[(b - B)²]` in the logarithms of noise and penalty.
    pub(crate) fn error_by_state(&self, w: f64) -> [f64; 2] {
        let explicit = if self.is_full() { w * (1.0 - 2.0 * self.value.response) } else { 0.0 };
        [self.error_by(self.by_noise, w) + explicit, self.error_by(self.by_penalty, w)]
    }
}
