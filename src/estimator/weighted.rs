//! An estimator under a multiple of the penalty: the one place where the penalty weight of a group
//! enters.

use crate::estimator::{Divergence, Form, Line, Partials, Resolution, ScalarEstimator, Terms};
use crate::problem::law::CoordinateGroup;

/// The estimator of a group, which sees `factor` times the penalty of the state.
///
/// Only the product of factor and penalty matters, so that the derivative in the logarithm of the one
/// is that in the logarithm of the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weighted<E> {
    estimator: E,
    factor: f64,
}

impl<E> Weighted<E> {
    /// `estimator` under the [penalty weight](CoordinateGroup::penalty_weight) of its group, where
    /// penalties are counted with the weight `penalty_unit`.
    pub(crate) fn new(group: &CoordinateGroup, penalty_unit: f64, estimator: E) -> Self {
        Self { estimator, factor: group.penalty_weight() / penalty_unit }
    }
}

impl<E: ScalarEstimator> ScalarEstimator for Weighted<E> {
    fn signal(&self) -> f64 {
        self.estimator.signal()
    }

    fn terms(&self, w: f64, half_penalty: f64, form: Form, resolution: Resolution) -> Terms {
        self.estimator.terms(w, self.factor * half_penalty, form, resolution)
    }

    fn penalties(&self, w: f64) -> [f64; 2] {
        self.estimator.penalties(w).map(|half_penalty| half_penalty / self.factor)
    }

    fn rough_response(&self, w: f64, half_penalty: f64) -> f64 {
        self.estimator.rough_response(w, self.factor * half_penalty)
    }

    fn responds(&self, w: f64, half_penalty: f64) -> bool {
        self.estimator.responds(w, self.factor * half_penalty)
    }

    fn is_same(&self, other: &Self) -> bool {
        self.factor == other.factor && self.estimator.is_same(&other.estimator)
    }

    fn partials(&self, w: f64, half_penalty: f64) -> Partials {
        self.estimator.partials(w, self.factor * half_penalty)
    }

    fn mean(&self, w: f64, half_penalty: f64) -> f64 {
        self.estimator.mean(w, self.factor * half_penalty)
    }

    fn square_distance(&self, w: f64, half_penalty: f64, line: Line) -> f64 {
        self.estimator.square_distance(w, self.factor * half_penalty, line)
    }

    fn observation(&self, half_penalty: f64, estimate: f64) -> f64 {
        self.estimator.observation(self.factor * half_penalty, estimate)
    }

    fn divergence(&self, w: f64, half_penalty: f64, stretch: f64) -> Option<Divergence> {
        self.estimator.divergence(w, self.factor * half_penalty, stretch)
    }
}
