//! The generalization error, in total and by group.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::fixed_point::{Estimator, FixedPoint, Solution};
use crate::law::{Label, Law};
use crate::sum::CompensatedSum;

/// Generalization error of a training problem, with its breakdown and the state behind it.
///
/// # Formula
///
/// ```text
/// generalization_error = ||beta_hat - beta*||² / D = sum_g p_g error_g,      error_g = E_g[(b - B)²]
/// ```
///
/// which is also the excess error on a fresh input `x ~ N(0, I/D)`, where
/// - `p_g`: weight of group `g` of the [`Law`];
/// - `b`, `B`: estimate and true coefficient at the [`FixedPoint`].
///
/// Source: Anguita et al. 2026 (arXiv:2602.20062), Proposition 4.2.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "quadrature")]
/// # {
/// use diagonet::{Group, Law, Prior, Samples, Solver};
///
/// let law = Law::new(vec![
///     Group::new("signal", 0.1, Prior::gaussian(0.0, 10.0)?, 1e-3)?,
///     Group::new("background", 0.9, Prior::ZERO, 1e-3)?,
/// ])?;
/// let report = Solver::new().evaluate(&law, &Samples::new(0.25)?)?;
/// assert!((report.generalization_error - 0.2963).abs() < 1e-4);
/// let by_hand = 0.1 * report.error_of("signal").unwrap() + 0.9 * report.error_of("background").unwrap();
/// assert!((by_hand - report.generalization_error).abs() < 1e-15);
/// # }
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// Total error `||beta_hat - beta*||² / D`.
    pub generalization_error: f64,
    /// Error by label, in the order in which the labels first occur in the law.
    pub groups: Vec<GroupReport>,
    /// The state of the fixed point.
    pub state: FixedPoint,
    /// How the error was computed.
    pub estimator: Estimator,
    /// Bound on the difference of the total error to that of the law's own penalty: 0 where it is
    /// exact (to [`Solver::ACCURACY`](crate::Solver::ACCURACY)), `None` where no bound is known.
    pub difference_bound: Option<f64>,
}

/// Error of the coordinates under one label, see [`Report::groups`].
///
/// Accuracy: [`GroupReport::ACCURACY`].
///
/// # Examples
///
/// ```
/// use diagonet::{Group, Law, Prior, Samples, Solver};
///
/// let law = Law::new(vec![Group::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1e6)?])?;
/// let report = Solver::new().evaluate(&law, &Samples::new(0.5)?)?;
/// let all = &report.groups[0];
/// assert_eq!((all.label.as_str(), all.weight), ("all", 1.0));
/// assert!((all.error - 0.5).abs() < 1e-11);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GroupReport {
    /// Name of the coordinates.
    pub label: Label,
    /// Probability that a coordinate is one of them.
    pub weight: f64,
    /// Mean error `E[(b - B)²]` of one of them. For a label of weight zero: the error that a
    /// vanishing fraction of such coordinates would have.
    pub error: f64,
}

impl GroupReport {
    /// Relative accuracy budget of the error of a group as a function of the
    /// [state](Report::state).
    ///
    /// It is met however small the error is next to that of other groups, and however close training
    /// starts to the coefficients. The state has the accuracy of the total error,
    /// [`Solver::ACCURACY`](crate::Solver::ACCURACY); the error of a small group may depend on it
    /// more strongly than the total.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(diagonet::GroupReport::ACCURACY, 1e-10);
    /// ```
    pub const ACCURACY: f64 = 1e-10;
}

impl Report {
    pub(crate) fn new(law: &Law, solution: Solution) -> Self {
        let mut groups: Vec<GroupReport> = Vec::with_capacity(law.groups().len());
        let mut positions: HashMap<_, usize> = HashMap::with_capacity(law.groups().len());
        let mut generalization_error = CompensatedSum::new(0.0);
        for (group, error) in law.groups().iter().zip(solution.group_errors) {
            generalization_error.add(group.weight() * error);
            match positions.entry(group.label()) {
                Entry::Occupied(position) => {
                    let entry = &mut groups[*position.get()];
                    let weight = entry.weight + group.weight();
                    if weight > 0.0 {
                        entry.error += (error - entry.error) * (group.weight() / weight);
                    }
                    entry.weight = weight;
                }
                Entry::Vacant(position) => {
                    position.insert(groups.len());
                    groups.push(GroupReport {
                        label: group.label().clone(),
                        weight: group.weight(),
                        error,
                    });
                }
            }
        }
        Self {
            generalization_error: generalization_error.value(),
            groups,
            state: solution.state,
            estimator: solution.estimator,
            difference_bound: solution.difference_bound,
        }
    }

    /// Error of the coordinates with this label; `None` where the law has no such label.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "quadrature")]
    /// # {
    /// use diagonet::{Group, Law, Prior, Samples, Solver};
    ///
    /// let law = Law::new(vec![Group::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1.0)?])?;
    /// let report = Solver::new().evaluate(&law, &Samples::new(0.5)?)?;
    /// assert_eq!(report.error_of("all"), Some(report.generalization_error));
    /// assert_eq!(report.error_of("some"), None);
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn error_of(&self, label: &str) -> Option<f64> {
        self.groups.iter().find(|entry| entry.label.as_str() == label).map(|entry| entry.error)
    }
}
