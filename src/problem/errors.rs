//! Errors by class of coordinates, in theory and simulation.

use std::collections::HashMap;

use crate::label::GroupLabel;
use crate::numerics::sum::CompensatedSum;

/// A mean squared error, in total and by label. Theory computes it, and simulation measures it.
///
/// # Formula
///
/// ```text
/// total = sum_g p_g error_g,      error_g = E_g[Lambda (a - b)²]
/// ```
///
/// where
/// - `a`, `b`: the coefficients that are compared, as estimate and truth;
/// - `Lambda`: [input variance](crate::CoordinateGroup::input_variance) of the coordinate in an error on
///   fresh inputs, 1 in an error of the coefficients;
/// - `p_g`: weight of the coordinates under label `g`; in a simulation, their share of all D
///   coordinates.
///
/// # Examples
///
/// ```
/// use diagonet::{CoordinateGroup, Law, Prior, Samples, Solver};
///
/// let law = Law::new(vec![
///     CoordinateGroup::new("signal", 0.25, Prior::gaussian(0.0, 1.0)?, 1e6)?,
///     CoordinateGroup::new("background", 0.75, Prior::ZERO, 1e6)?,
/// ])?;
/// let errors = Solver::new().solve(&law, &Samples::new(0.5)?)?.errors;
/// let by_hand = 0.25 * errors.of("signal").unwrap() + 0.75 * errors.of("background").unwrap();
/// assert!((errors.total - by_hand).abs() < 1e-15);
/// assert_eq!(errors.of("noise"), None);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Errors {
    /// Error over all coordinates.
    pub total: f64,
    /// Error by label, in the order of the law. A simulation leaves out labels without coordinates.
    pub groups: Vec<GroupError>,
}

/// Error of the coordinates under one label, see [`Errors::groups`].
///
/// Accuracy: [`GroupError::ACCURACY`].
///
/// # Examples
///
/// ```
/// use diagonet::{CoordinateGroup, Law, Prior, Samples, Solver};
///
/// let law = Law::new(vec![CoordinateGroup::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1e6)?])?;
/// let solution = Solver::new().solve(&law, &Samples::new(0.5)?)?;
/// let all = &solution.errors.groups[0];
/// assert_eq!((all.label.as_str(), all.weight), ("all", 1.0));
/// assert!((all.error - 0.5).abs() < 1e-11);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GroupError {
    /// Name of the coordinates.
    pub label: GroupLabel,
    /// Probability that a coordinate is one of them.
    pub weight: f64,
    /// Mean error `E[(a - b)²]` of one of them. For a label of weight zero: the error that a
    /// vanishing fraction of such coordinates would have.
    pub error: f64,
}

impl GroupError {
    /// Relative accuracy budget of the error of a group as a function of the
    /// [state](crate::Solution::state).
    ///
    /// It holds for errors much smaller than those of other groups, and for starts of training
    /// arbitrarily close to the coefficients. The state has the accuracy of the total error,
    /// [`Solver::ACCURACY`](crate::Solver::ACCURACY); the error of a small group may depend on it more
    /// strongly than the total.
    pub const ACCURACY: f64 = 1e-10;
}

impl Errors {
    /// The errors of parts, each with label, weight and mean error; parts with the same label are put
    /// together.
    pub(crate) fn of_parts<'a>(
        parts: impl IntoIterator<Item = (&'a GroupLabel, f64, f64)>,
    ) -> Self {
        /// Labels up to which a look at all of them is quicker than a table.
        const FEW: usize = 8;
        let mut groups: Vec<GroupError> = Vec::with_capacity(4);
        let mut positions: HashMap<&GroupLabel, usize> = HashMap::new();
        let mut total = CompensatedSum::new(0.0);
        for (label, weight, error) in parts {
            total.add(weight * error);
            let among_first = groups.iter().take(FEW).position(|group| group.label == *label);
            let position = match among_first {
                Some(position) => position,
                None if groups.len() < FEW => groups.len(),
                None => *positions.entry(label).or_insert(groups.len()),
            };
            let Some(group) = groups.get_mut(position) else {
                groups.push(GroupError { label: label.clone(), weight, error });
                continue;
            };
            let sum = group.weight + weight;
            if sum > 0.0 {
                group.error += (error - group.error) * (weight / sum);
            }
            group.weight = sum;
        }
        Self { total: total.value(), groups }
    }

    pub(crate) fn is_finite(&self) -> bool {
        self.total.is_finite() && self.groups.iter().all(|group| group.error.is_finite())
    }

    /// Error of the coordinates with this label; `None` where there are none.
    #[must_use]
    pub fn of(&self, label: impl AsRef<str>) -> Option<f64> {
        let label = label.as_ref();
        self.groups.iter().find(|group| group.label.as_str() == label).map(|group| group.error)
    }
}
