//! An estimator whose penalty is least away from zero: the one place where the centre of a group enters
//! what is said of its estimates.

use crate::estimator::{
    Divergence, Form, Line, Partials, Resolution, ScalarEstimator, Terms, signed_unit,
};
use crate::problem::law::CoordinateGroup;

/// An estimator of coefficients that are counted from `centre`, in its units.
///
/// Responses and errors do not depend on where one counts from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Centred<E> {
    estimator: E,
    centre: f64,
}

impl<E> Centred<E> {
    /// `estimator` of a group, in units of the root of `unit_squared`.
    pub(crate) fn new(group: &CoordinateGroup, unit_squared: f64, estimator: E) -> Self {
        Self { estimator, centre: group.centre() / signed_unit(group, unit_squared) }
    }
}

impl<E: ScalarEstimator> ScalarEstimator for Centred<E> {
    fn signal(&self) -> f64 {
        self.estimator.signal()
    }

    fn terms(&self, w: f64, half_penalty: f64, form: Form, resolution: Resolution) -> Terms {
        self.estimator.terms(w, half_penalty, form, resolution)
    }

    fn penalties(&self, w: f64) -> [f64; 2] {
        self.estimator.penalties(w)
    }

    fn rough_response(&self, w: f64, half_penalty: f64) -> f64 {
        self.estimator.rough_response(w, half_penalty)
    }

    fn responds(&self, w: f64, half_penalty: f64) -> bool {
        self.estimator.responds(w, half_penalty)
    }

    fn partials(&self, w: f64, half_penalty: f64) -> Partials {
        self.estimator.partials(w, half_penalty)
    }

    fn mean(&self, w: f64, half_penalty: f64) -> f64 {
        self.centre + self.estimator.mean(w, half_penalty)
    }

    fn square_distance(&self, w: f64, half_penalty: f64, line: Line) -> f64 {
        let line = Line { level: line.level - self.centre, ..line };
        self.estimator.square_distance(w, half_penalty, line)
    }

    fn observation(&self, half_penalty: f64, estimate: f64) -> f64 {
        self.centre + self.estimator.observation(half_penalty, estimate - self.centre)
    }

    fn divergence(&self, w: f64, half_penalty: f64, stretch: f64) -> Option<Divergence> {
        self.estimator.divergence(w, half_penalty, stretch)
    }
}
