//! How a network is trained, beyond gradient flow.

use crate::domain::Domain;
use crate::error::Result;

/// Noise that is added to the labels anew in every step of training, see [`Optimizer`].
///
/// # Examples
///
/// ```
/// use diagonet::{LabelNoise, Optimizer};
///
/// let noise = LabelNoise { variance: 0.1, steps_per_coordinate: 20.0 };
/// assert_eq!(Optimizer::new().with_label_noise(noise)?.label_noise(), noise);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct LabelNoise {
    /// Variance `delta²` of the noise on every label, in [0, 1e300].
    pub variance: f64,
    /// Steps with noise over the number of coordinates, `K/D`, in [0, 1e300].
    pub steps_per_coordinate: f64,
}

/// Stochastic gradient descent with label noise and weight decay, as far as they decide where training
/// ends.
///
/// # Formula
///
/// A step on a batch of `n` samples, with weight decay in all weights:
///
/// ```text
/// w± := w± ± eta p v± - eta kappa w±,      v± := v± ± eta p w± - eta kappa v±
/// p = (1/n) sum_i x_i (y_i + delta xi_i - x_i · beta),      xi_i ~ N(0, 1)
/// ```
///
/// where
/// - `eta`: [learning rate](Self::with_learning_rate) on half the squared loss of a sample, 0 (gradient
///   flow, unless set) or in [1e-300, 1e300];
/// - `n`: [batch](Self::with_batch), 1 unless set;
/// - `delta²`: variance of the [label noise](Self::with_label_noise), which lasts for `K` steps and is then
///   switched off; 0 unless set;
/// - `kappa`: strength of the weight decay, which is switched off in the end. Only its
///   [integral](Self::with_weight_decay_integral) `sum eta kappa` over steps matters; 0 unless set.
///
/// [`Solver::effective_scale`](crate::Solver::effective_scale) says where such training ends.
///
/// Source: Pesme et al. 2021 (arXiv:2106.09524) for stochastic gradients; Jacobs et al. 2025
/// (arXiv:2504.12883) for weight decay.
///
/// # Examples
///
/// ```
/// use diagonet::Optimizer;
///
/// let optimizer = Optimizer::new().with_learning_rate(0.5)?.with_batch(5)?;
/// assert_eq!((optimizer.learning_rate(), optimizer.batch()), (0.5, 5));
/// assert!(Optimizer::new().with_batch(0).is_err());
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(
        try_from = "crate::representation::Optimizer",
        into = "crate::representation::Optimizer"
    )
)]
pub struct Optimizer {
    learning_rate: f64,
    batch: usize,
    label_noise: LabelNoise,
    weight_decay_integral: f64,
}

impl Default for Optimizer {
    fn default() -> Self {
        Self {
            learning_rate: 0.0,
            batch: 1,
            label_noise: LabelNoise::default(),
            weight_decay_integral: 0.0,
        }
    }
}

impl Optimizer {
    /// Gradient flow, without label noise and weight decay.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same optimizer in steps of this learning rate eta on half the squared loss of a sample.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`](crate::Error::OutOfDomain) for a rate other than 0 or in [1e-300, 1e300].
    pub fn with_learning_rate(self, learning_rate: f64) -> Result<Self> {
        let learning_rate = Domain::RATIO.or_zero().check("learning_rate", learning_rate)?;
        Ok(Self { learning_rate, ..self })
    }

    /// The same optimizer with this many samples in a step, drawn with replacement.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`](crate::Error::OutOfDomain) for an empty batch.
    pub fn with_batch(self, batch: usize) -> Result<Self> {
        Domain::described("at least 1").check_if(batch > 0, "batch", batch as f64)?;
        Ok(Self { batch, ..self })
    }

    /// The same optimizer with noise on the labels.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`](crate::Error::OutOfDomain) for a variance or a number of steps outside
    /// [0, 1e300].
    pub fn with_label_noise(self, label_noise: LabelNoise) -> Result<Self> {
        let LabelNoise { variance, steps_per_coordinate } = label_noise;
        Domain::NON_NEGATIVE.check("label_noise_variance", variance)?;
        Domain::NON_NEGATIVE.check("steps_per_coordinate", steps_per_coordinate)?;
        Ok(Self { label_noise, ..self })
    }

    /// The same optimizer with weight decay that is switched off before the end, of this integral over
    /// time.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`](crate::Error::OutOfDomain) for an integral outside [0, 1e300].
    pub fn with_weight_decay_integral(self, integral: f64) -> Result<Self> {
        let weight_decay_integral =
            Domain::NON_NEGATIVE.check("weight_decay_integral", integral)?;
        Ok(Self { weight_decay_integral, ..self })
    }

    /// Learning rate eta; 0 for gradient flow.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    /// Number of samples in a step.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Noise on the labels.
    #[must_use]
    pub fn label_noise(&self) -> LabelNoise {
        self.label_noise
    }

    /// Integral of the weight decay over time.
    #[must_use]
    pub fn weight_decay_integral(&self) -> f64 {
        self.weight_decay_integral
    }
}
