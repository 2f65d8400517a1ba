//! The fixed points of the Bayes-optimal learner.

use crate::problem::errors::Errors;

/// A fixed point of the posterior mean, see [`BayesSolution`].
///
/// # Examples
///
/// ```
/// use diagonet::{BayesOptimal, Densities, Samples, Supports, Task};
///
/// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 })?;
/// let task = Task::new(supports)?;
/// let solution = BayesOptimal::after_pretraining(&task)?.solve(&Samples::new(0.1)?)?;
/// let state = solution.message_passing();
/// let by_hand: f64 = state.errors.groups.iter().map(|group| group.weight * group.error).sum();
/// assert!((by_hand / state.generalization_error() - 1.0).abs() < 1e-12);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BayesState {
    /// Excess error of the posterior mean on fresh inputs, in total, `M`, and by label, in the order of the
    /// task or the law. A label is left out where the learner cannot have a prior for it: all of its class
    /// has weight zero.
    pub errors: Errors,
    /// Errors of the coefficients, where those differ from `errors`.
    pub(crate) own: Option<Errors>,
    /// Effective noise variance `s² = (sigma² + M)/alpha`.
    pub effective_noise_variance: f64,
    /// The potential, in nats per coordinate: its minimum is the information-theoretic error. Without
    /// noise it is given up to a constant, and infinite for exact recovery.
    pub potential: f64,
    /// Whether state evolution that starts close by ends here.
    pub is_stable: bool,
}

impl BayesState {
    /// Generalization error over all coordinates, the total of [`errors`](Self::errors).
    #[must_use]
    pub fn generalization_error(&self) -> f64 {
        self.errors.total
    }

    /// Errors of the coefficients themselves, `||beta_hat - beta*||² / D`, in total and by label, as
    /// [`Solution::parameter_errors`](crate::Solution::parameter_errors).
    #[must_use]
    pub fn parameter_errors(&self) -> &Errors {
        self.own.as_ref().unwrap_or(&self.errors)
    }

    /// Error of the coordinates with this label; `None` where there is no such label.
    #[must_use]
    pub fn error_of(&self, label: impl AsRef<str>) -> Option<f64> {
        self.errors.of(label)
    }
}

/// All fixed points of the [Bayes-optimal](crate::BayesOptimal) learner for one set of samples.
///
/// Message passing ends at the largest error; the least error that any algorithm can have is that of
/// the lowest potential. Where the two differ, no efficient algorithm is known that reaches the
/// latter: the problem is hard.
///
/// Source: Krzakala et al. 2012 (arXiv:1109.4424); Barbier et al. 2016 (arXiv:1607.02335); Reeves and
/// Pfister 2016 (arXiv:1607.02524).
///
/// # Examples
///
/// ```
/// use diagonet::{BayesOptimal, Densities, Samples, Supports, Task};
///
/// let bayes = BayesOptimal::from_scratch(&Task::new(Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 0.5 })?)?)?;
/// // More samples than active coordinates, but fewer than message passing needs.
/// let solution = bayes.solve(&Samples::new(0.15)?)?;
/// assert!(solution.is_hard());
/// assert_eq!(solution.information_theoretic().generalization_error(), 0.0);
/// assert!(solution.message_passing().generalization_error() > 0.1);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BayesSolution {
    /// All fixed points, in the order of ascending errors.
    pub states: Vec<BayesState>,
    pub(crate) information_theoretic: usize,
}

impl BayesSolution {
    /// The fixed point of the largest error: what approximate message passing reaches.
    #[must_use]
    pub fn message_passing(&self) -> &BayesState {
        &self.states[self.states.len() - 1]
    }

    /// The fixed point of the lowest potential: the least error of any learner.
    #[must_use]
    pub fn information_theoretic(&self) -> &BayesState {
        &self.states[self.information_theoretic]
    }

    /// Whether message passing does not reach the least error.
    #[must_use]
    pub fn is_hard(&self) -> bool {
        self.information_theoretic + 1 < self.states.len()
    }
}
