//! The generalization error, in total and by group, and its learning curve.

use crate::error::Result;
use crate::fixed_point::{FixedPoint, Solution, Solver};
use crate::law::{Label, Law};
use crate::task::Samples;

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
}

/// Error of the coordinates under one label, see [`Report::groups`].
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

impl Report {
    fn new(law: &Law, solution: Solution) -> Self {
        let mut groups: Vec<GroupReport> = Vec::with_capacity(law.groups().len());
        let mut generalization_error = 0.0;
        for (group, error) in law.groups().iter().zip(solution.group_errors) {
            generalization_error += group.weight() * error;
            match groups.iter_mut().find(|entry| entry.label == *group.label()) {
                Some(entry) => {
                    let weight = entry.weight + group.weight();
                    if weight > 0.0 {
                        entry.error += (error - entry.error) * (group.weight() / weight);
                    }
                    entry.weight = weight;
                }
                None => groups.push(GroupReport {
                    label: group.label().clone(),
                    weight: group.weight(),
                    error,
                }),
            }
        }
        Self { generalization_error, groups, state: solution.state }
    }

    /// Error of the coordinates with this label; `None` where the law has no such label.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Group, Law, Prior, Samples, Solver};
    ///
    /// let law = Law::new(vec![Group::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1.0)?])?;
    /// let report = Solver::new().evaluate(&law, &Samples::new(0.5)?)?;
    /// assert_eq!(report.error_of("all"), Some(report.generalization_error));
    /// assert_eq!(report.error_of("some"), None);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    #[must_use]
    pub fn error_of(&self, label: &str) -> Option<f64> {
        self.groups.iter().find(|entry| entry.label.as_str() == label).map(|entry| entry.error)
    }
}

impl Solver {
    /// Generalization error of training on `samples` when coordinates follow `law`.
    ///
    /// # Errors
    ///
    /// As [`Solver::fixed_point`].
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Initialization, Law, Samples, ScaleMap, Solver, Supports, Task};
    ///
    /// let task = Task::new(Supports::from_overlap(0.1, 0.1, 1.0)?)?;
    /// let samples = Samples::new(0.2)?;
    /// let error = |lambda| -> Result<f64, diagonet::Error> {
    ///     let map = ScaleMap::new(Initialization::from_scales(1e-3, lambda)?, 0.0)?;
    ///     Ok(Solver::new().evaluate(&Law::fine_tuning(&task, &map)?, &samples)?.generalization_error)
    /// };
    /// // The same features: an initialization that reuses them wins.
    /// assert!(error(0.0)? < error(-0.999999)?);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn evaluate(&self, law: &Law, samples: &Samples) -> Result<Report> {
        Ok(Report::new(law, self.solve(law, samples)?))
    }

    /// Generalization error over a grid of sample ratios, at one noise variance.
    ///
    /// Every solved point is the start of the next, so that a grid in order costs least. A point
    /// that has no answer (a ratio outside its domain included) is an error of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{Error, Group, Law, Prior, Solver};
    ///
    /// let law = Law::new(vec![Group::new("all", 1.0, Prior::gaussian(0.0, 1.0)?, 1e9)?])?;
    /// let curve = Solver::new().learning_curve(&law, 0.1, &[0.5, 1.0, 2.0]);
    /// let error = |point: &Result<diagonet::Report, Error>| point.clone().map(|r| r.generalization_error);
    /// assert!((error(&curve[0])? - 0.6).abs() < 1e-12);
    /// assert!(matches!(curve[1], Err(Error::Diverges { .. })));
    /// assert!((error(&curve[2])? - 0.1).abs() < 1e-12);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn learning_curve(
        &self,
        law: &Law,
        noise_variance: f64,
        sample_ratios: &[f64],
    ) -> Vec<Result<Report>> {
        let mut solver = *self;
        let point = |&sample_ratio| {
            let samples = Samples::new(sample_ratio)?.with_noise_variance(noise_variance)?;
            let report = solver.evaluate(law, &samples)?;
            solver = solver.with_warm_start(report.state);
            Ok(report)
        };
        sample_ratios.iter().map(point).collect()
    }
}
