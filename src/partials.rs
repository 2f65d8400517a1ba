//! How one group of coordinates moves the equations of the fixed point.

use crate::channel::{Form, Slopes, Terms};
use crate::error::Result;
use crate::law::Group;

/// A derivative of the response and of the noise of a group, in the [form](Form) of its
/// [`Partials`].
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pair {
    pub(crate) response: f64,
    pub(crate) noise: f64,
}

impl Pair {
    fn scaled(self, factor: f64) -> Self {
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

/// A channel whose response and error can be differentiated in the parameters of its group.
pub(crate) trait DifferentiableChannel: Sized {
    /// Sign of the coefficients in units of the channel, where the mean of the prior is negative.
    const SIGN_OF_NEGATIVE: f64;

    /// The channel of a group that can move, in units of the root of `unit_squared`.
    fn of_group(group: &Group, unit_squared: f64) -> Result<Self>;

    /// Response and noise at noise `w` and `half_penalty = theta/2`, with their derivatives.
    fn partials(&self, w: f64, half_penalty: f64) -> Partials;
}

/// The channel of the lazy limit, with estimates `b = b0 + a (z - b0)`, `a = c/(c + theta/2)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LinearChannel {
    /// Mean of the true coefficients less the start.
    distance: f64,
    variance: f64,
    scale: f64,
}

impl DifferentiableChannel for LinearChannel {
    const SIGN_OF_NEGATIVE: f64 = 1.0;

    fn of_group(group: &Group, unit_squared: f64) -> Result<Self> {
        let unit = unit_squared.sqrt();
        Ok(Self {
            distance: (group.prior().mean() - group.start()) / unit,
            variance: group.prior().variance() / unit_squared,
            scale: group.scale() / unit,
        })
    }

    fn partials(&self, w: f64, half_penalty: f64) -> Partials {
        let signal = self.distance * self.distance + self.variance;
        let kept = 1.0 / (1.0 + half_penalty / self.scale);
        let lost = 1.0 / (1.0 + self.scale / half_penalty);
        let (moved, missed) = (kept * lost, lost * lost);
        let full = kept > 0.5;
        let pair = |response, noise| Pair { response, noise };
        let (form, value, by_noise, by_log_scale) = if full {
            let all = signal + w;
            let value = pair(lost, missed * all);
            let by_log_scale = pair(-moved, -2.0 * kept * missed * all);
            (Form::Complementary, value, pair(0.0, missed * w), by_log_scale)
        } else {
            let noise = kept * kept * w;
            let value = pair(kept, missed * signal + noise);
            let by_log_scale = pair(moved, 2.0 * moved * (kept * w - lost * signal));
            (Form::Direct, value, pair(0.0, noise), by_log_scale)
        };
        let by_mean = pair(0.0, 2.0 * missed * self.distance);
        Partials {
            form,
            value,
            by_noise,
            // Only the ratio of scale and penalty matters.
            by_penalty: by_log_scale.scaled(-1.0),
            by_mean,
            by_variance: pair(0.0, missed),
            by_log_scale,
            by_start: by_mean.scaled(-1.0),
            nodes: 0,
        }
    }
}
