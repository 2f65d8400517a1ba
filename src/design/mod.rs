//! The design of an initialization: the one with the lowest error on a task.

pub(crate) mod optimum;
pub(crate) mod protocol;

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::rc::Rc;

use crate::asymptotics::fixed_point::FixedPoint;
use crate::asymptotics::problem::Solve;
use crate::asymptotics::solution::Solution;
use crate::asymptotics::solver::Solver;
use crate::bias::inductive_bias::Feature;
use crate::design::optimum::{OptimalParameter, Optimum};
use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::network::initialization::{GapScales, Initialization, Scales};
use crate::network::scale_map::ScaleMap;
use crate::numerics::Precision;
use crate::numerics::crossing::{Outline, Threshold, first_crossing};
use crate::numerics::minimum::{Candidate, Landscape, PARAMETERS, Point, Range};
use crate::problem::law::Law;
use crate::problem::samples::Samples;
use crate::problem::task::Task;
use crate::stages::pretrained_nodes::{NodeRule, PreparedTransfer};
use crate::stages::transfer::Transfer;

/// Positive scales below this share of the largest are passed over.
const SMALLEST_SHARE: f64 = 1e-10;

/// Smallest positive value of one plus the relative scale that is searched.
const SMALLEST_GAP: f64 = 1e-12;

/// A search for the initialization with the lowest error on a task with a number of samples.
///
/// # Formula
///
/// ```text
/// minimize error(c_PT, lambda_PT, gamma)      over a box
/// ```
///
/// where
/// - `c_PT`, `lambda_PT`, `gamma`: the [scale map](ScaleMap) from pretraining to fine-tuning;
/// - `error`: generalization error of [fine-tuning](Transfer) on the task.
///
/// The box is `c_PT` as given, `1 + lambda_PT` in [1e-12, 2] and `gamma` in [0, 100], unless set. Each
/// parameter is searched in its logarithm. A range that starts at 0 is searched at 0 itself and, for
/// `c_PT` and `gamma`, from 1e-10 of its highest value, for `1 + lambda_PT` from 1e-12.
///
/// The search is global. It starts with a grid over the box: 32 values of one free parameter, 17 by 17
/// of two, 12 by 12 by 12 of three. From the six lowest basins, quadratic models in a trusted region
/// lead down. A parameter that ends at 0 or at its lowest value is tried at 24 larger ones, with the
/// others chosen anew. The search finds every basin that is wider than the grid. The error at the bottom
/// of a basin is the minimum to 1e-9 relative, with three free parameters to 1e-7. An optimum at a bound
/// of the box is at the bound to the last bit; its [position](crate::OptimumPosition) tells a default
/// bound from one that was set. Among points with equal errors to 1e-10, one with parameters at 0 or at a
/// bound is preferred. Points without an answer are passed over.
///
/// Source: Anguita et al. 2026 (arXiv:2602.20062), Proposition 4.2, for the error.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "quadrature")]
/// # {
/// use diagonet::{Densities, InitializationDesign, Regime, Samples, Supports, Task};
///
/// // Four features in five of fine-tuning are shared with pretraining.
/// let supports = Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 0.8 })?;
/// let task = Task::new(supports)?.with_fine_tuning_variance(1.0)?;
/// let optimum = InitializationDesign::new(&task, Samples::new(0.25)?, 1e-3)?.optimum()?;
/// // A small first layer, and a readout at zero: sparse reuse.
/// assert_eq!(optimum.inductive_bias()?.regime(), Regime::IV);
/// assert!(optimum.gain().unwrap() > 1.4);
/// # }
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct InitializationDesign {
    task: Task,
    samples: Samples,
    pretraining_samples: Option<Samples>,
    solver: Solver,
    tolerance: f64,
    /// Of the absolute scale, one plus the relative scale, and the readout scale.
    ranges: [Range; PARAMETERS],
}

/// The law of every scale map.
type Family<'a> = &'a dyn Fn(&ScaleMap) -> Result<Law>;

/// The points of one search: the state to start from, and what was met on the way.
struct Evaluations<'a> {
    design: &'a InitializationDesign,
    /// Laws in place of those of fine-tuning on the task.
    family: Option<Family<'a>>,
    ranges: [Range; PARAMETERS],
    samples: Samples,
    warm: Option<FixedPoint>,
    /// Pretraining, which depends on the absolute scale only, at those that were met.
    pretraining: Rc<Pretraining>,
    /// The last point at which the nodes over pretrained coefficients were chosen, and these.
    nodes: Option<(Point, NodeRule)>,
    unanswered: usize,
    problem: Option<Error>,
}

/// Pretraining at absolute scales, by their bits.
#[derive(Debug, Default)]
struct Pretraining(RefCell<HashMap<u64, Rc<PreparedTransfer>>>);

impl Pretraining {
    /// Scales that are kept at most.
    const MOST: usize = 256;

    fn of(&self, transfer: &Transfer) -> Result<Rc<PreparedTransfer>> {
        let bits = transfer.scale_map().pretraining().absolute_scale().to_bits();
        if let Some(known) = self.0.borrow().get(&bits) {
            return Ok(Rc::clone(known));
        }
        let prepared = Rc::new(transfer.prepare()?);
        let mut known = self.0.borrow_mut();
        if known.len() == Self::MOST {
            known.clear();
        }
        known.insert(bits, Rc::clone(&prepared));
        Ok(prepared)
    }
}

impl InitializationDesign {
    /// The design for fine-tuning on `task` with `samples`, at absolute scale `c_PT` of pretraining.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for an absolute scale outside 0 or [1e-300, 1e300].
    pub fn new(task: &Task, samples: Samples, absolute_scale: f64) -> Result<Self> {
        let design = Self {
            task: task.clone(),
            samples,
            pretraining_samples: None,
            solver: Solver::new(),
            tolerance: 1e-3,
            ranges: [
                Range::new(0.0, 0.0, 0.0),
                // The other ends are those of the parameters.
                Range::new(SMALLEST_GAP, 2.0, SMALLEST_GAP).with_default_bounds([true, false]),
                Range::new(0.0, 100.0, 100.0 * SMALLEST_SHARE).with_default_bounds([false, true]),
            ],
        };
        design.with_absolute_scales(absolute_scale..=absolute_scale)
    }

    /// The same design with a range of absolute scales `c_PT`.
    ///
    /// The three parameters then set two scales, those of features that pretraining used and of others.
    /// A line of initializations leads to each pair of scales, and the
    /// [tolerated](OptimalParameter::tolerated) intervals are wide.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for an end outside 0 or [1e-300, 1e300]; [`Error::EmptyRange`] for a
    /// range without values.
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::{Densities, InitializationDesign, Samples, Supports, Task};
    /// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 })?;
    /// let task = Task::new(supports)?;
    /// let design = InitializationDesign::new(&task, Samples::new(0.3)?, 1e-3)?;
    /// assert!(design.clone().with_absolute_scales(1e-6..=1.0).is_ok());
    /// assert!(design.with_absolute_scales(1.0..=1e-6).is_err());
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_absolute_scales(self, scales: RangeInclusive<f64>) -> Result<Self> {
        let smallest = (SMALLEST_SHARE * scales.end()).max(1e-300);
        let range = range("absolute_scale", scales, smallest, |scale| {
            Initialization::new(Scales { absolute: scale, relative: 0.0 })?;
            Ok(scale)
        })?;
        let [_, gaps, readouts] = self.ranges;
        Ok(Self { ranges: [range, gaps, readouts], ..self })
    }

    /// The same design with another range of relative scales `lambda_PT`.
    ///
    /// A range that starts at -1 contains the first layer at zero. With it, fine-tuning does not depend
    /// on pretraining, and with a readout at zero, no coordinate can move.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for an end outside [-1, 1]; [`Error::EmptyRange`] for a range without
    /// values.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "quadrature")]
    /// # {
    /// # use diagonet::{Densities, InitializationDesign, Samples, Supports, Task};
    /// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.0 })?;
    /// let task = Task::new(supports)?;
    /// let design = InitializationDesign::new(&task, Samples::new(0.3)?, 1e-3)?;
    /// let equal_layers = design.with_relative_scales(0.0..=0.0)?.optimum()?;
    /// assert_eq!(equal_layers.scale_map.pretraining().relative_scale(), 0.0);
    /// assert!((equal_layers.gain().unwrap() - 1.0).abs() < 1e-9);
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_relative_scales(self, scales: RangeInclusive<f64>) -> Result<Self> {
        let range = range("relative_scale", scales, SMALLEST_GAP, |scale| {
            Initialization::new(Scales { absolute: 1.0, relative: scale })?;
            Ok(1.0 + scale)
        })?;
        let [scales, _, readouts] = self.ranges;
        Ok(Self { ranges: [scales, range, readouts], ..self })
    }

    /// The same design with another range of `1 + lambda_PT`, without the digits that a relative scale
    /// next to -1 loses.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for an end outside [0, 2]; [`Error::EmptyRange`] for a range without
    /// values.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "quadrature")]
    /// # {
    /// # use diagonet::{Densities, InitializationDesign, OptimumPosition, Samples, Supports, Task};
    /// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.0 })?;
    /// let task = Task::new(supports)?;
    /// let design = InitializationDesign::new(&task, Samples::new(0.3)?, 1e-3)?;
    /// // Nothing is shared: the smallest first layer is best.
    /// let gap = design.with_lambda_gaps(1e-6..=2.0)?.optimum()?.one_plus_relative_scale;
    /// assert_eq!((gap.value, gap.position), (1e-6, OptimumPosition::Lowest));
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_lambda_gaps(self, gaps: RangeInclusive<f64>) -> Result<Self> {
        let range = range("lambda_gap", gaps, SMALLEST_GAP, |lambda_gap| {
            Initialization::from_lambda_gap(GapScales { absolute: 1.0, lambda_gap })?;
            Ok(lambda_gap)
        })?;
        let [scales, _, readouts] = self.ranges;
        Ok(Self { ranges: [scales, range, readouts], ..self })
    }

    /// The same design with another range of readout scales `gamma`.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for an end outside 0 or [1e-153, 1e150]; [`Error::EmptyRange`] for a
    /// range without values.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "quadrature")]
    /// # {
    /// # use diagonet::{Densities, InitializationDesign, OptimumPosition, Samples, Supports, Task};
    /// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 })?;
    /// let task = Task::new(supports)?;
    /// let design = InitializationDesign::new(&task, Samples::new(0.3)?, 1e-3)?;
    /// let optimum = design.with_readout_scales(0.1..=0.1)?.optimum()?;
    /// assert_eq!(optimum.scale_map.readout_scale(), 0.1);
    /// assert_eq!(optimum.readout_scale.position, OptimumPosition::Fixed);
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_readout_scales(self, scales: RangeInclusive<f64>) -> Result<Self> {
        let pretraining = Initialization::new(Scales { absolute: 1.0, relative: 0.0 })?;
        let smallest = (SMALLEST_SHARE * scales.end()).max(1e-153);
        let range = range("readout_scale", scales, smallest, |scale| {
            ScaleMap::new(pretraining, scale)?;
            Ok(scale)
        })?;
        let [scales, gaps, _] = self.ranges;
        Ok(Self { ranges: [scales, gaps, range], ..self })
    }

    /// The same design for pretraining on `samples` instead of unlimited data. Pretraining is solved once for
    /// every absolute scale; an optimum takes about sixty times as long.
    #[must_use]
    pub fn with_pretraining_samples(self, samples: Samples) -> Self {
        Self { pretraining_samples: Some(samples), ..self }
    }

    /// The same design with another solver: with an explicit penalty, for example, or in a limit.
    #[must_use]
    pub fn with_solver(self, solver: Solver) -> Self {
        Self { solver, ..self }
    }

    /// The same design with another relative excess of the error over the optimum that counts as
    /// [tolerated](OptimalParameter::tolerated); 1e-3 unless set.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a tolerance outside [1e-6, 1e6].
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "quadrature")]
    /// # {
    /// # use diagonet::{Densities, InitializationDesign, Samples, Supports, Task};
    /// let supports = Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.05, overlap: 0.8 })?;
    /// let task = Task::new(supports)?;
    /// let design = InitializationDesign::new(&task, Samples::new(0.15)?, 1e-3)?;
    /// let [low, high] = design.optimum()?.one_plus_relative_scale.tolerated;
    /// let [lower, higher] =
    ///     design.with_tolerance(0.1)?.optimum()?.one_plus_relative_scale.tolerated;
    /// assert!(lower < low && high < higher);
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_tolerance(self, tolerance: f64) -> Result<Self> {
        Domain::TOLERATED_EXCESS.check("tolerance", tolerance)?;
        Ok(Self { tolerance, ..self })
    }

    /// The initialization and readout scale with the lowest generalization error in the box.
    ///
    /// # Errors
    ///
    /// Where no point of the grid has an answer, the error of the first, as [`Solver::solve`]
    /// gives it; [`Error::QuadratureDisabled`] where a point needs
    /// quadrature and the feature is off.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "quadrature")]
    /// # {
    /// use diagonet::{Densities, InitializationDesign, OptimumPosition, Samples, Supports, Task};
    ///
    /// // The same features as in pretraining, and few samples: reuse as much as possible.
    /// let supports = Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 1.0 })?;
    /// let task = Task::new(supports)?;
    /// let optimum = InitializationDesign::new(&task, Samples::new(0.08)?, 1e-3)?.optimum()?;
    /// assert_eq!(optimum.one_plus_relative_scale.position, OptimumPosition::Highest);
    /// assert_eq!(optimum.scale_map.pretraining().relative_scale(), 1.0);
    /// assert_eq!(optimum.scale_map.readout_scale(), 0.0);
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn optimum(&self) -> Result<Optimum> {
        self.optimum_of(None)
    }

    /// The initialization and readout scale with the lowest generalization error in the box, for any
    /// family of laws: `family` takes the scale map of a point of the box to the law that it is trained
    /// for, in place of fine-tuning on the task of the design. The task still says what a typical feature
    /// of the [inductive bias](Optimum::inductive_bias) is; pretraining samples have no effect.
    ///
    /// # Errors
    ///
    /// As [`InitializationDesign::optimum`], with the errors of `family`.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "quadrature")]
    /// # {
    /// use diagonet::{Densities, InitializationDesign, Law, Samples, ScaleMap, Supports, Task};
    ///
    /// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 })?;
    /// let design = InitializationDesign::new(&Task::new(supports)?, Samples::new(0.3)?, 1e-3)?;
    /// let design = design.with_readout_scales(0.0..=0.0)?;
    /// // One's own coefficients of both tasks.
    /// let before = [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    /// let now = [1.5, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0];
    /// let laws = |map: &ScaleMap| Law::from_coefficients(&before, &now, map);
    /// let [own, random] = [design.optimum_over(&laws)?, design.optimum()?];
    /// assert_ne!(own.scale_map, random.scale_map);
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn optimum_over(&self, family: &dyn Fn(&ScaleMap) -> Result<Law>) -> Result<Optimum> {
        self.optimum_of(Some(family))
    }

    fn optimum_of(&self, family: Option<Family<'_>>) -> Result<Optimum> {
        let pretraining = Rc::default();
        let balanced = self.balanced(family, &pretraining);
        let known = balanced.filter(|_| self.ranges[1].contains(1.0)).map(|(point, _)| point);
        let mut evaluations = self.evaluations(self.ranges, self.samples, family, &pretraining);
        let minimum = evaluations.minimum(known)?;
        let limit = minimum.value + self.tolerance.ln_1p();
        let mut parameters = [0, 1, 2].map(|axis| {
            let range = self.ranges[axis];
            OptimalParameter::new(range.value(minimum.point[axis]), &range)
        });
        let unanswered = evaluations.unanswered;
        let mut landscape =
            Landscape::new(self.ranges, |point, precision| evaluations.value(point, precision));
        for (axis, parameter) in parameters.iter_mut().enumerate() {
            parameter.tolerated = landscape.extent(minimum, axis, limit);
        }
        let [absolute_scale, one_plus_relative_scale, readout_scale] = parameters;
        let (scale_map, solution) = evaluations.answer(minimum.point)?;
        let transfer = family.is_none().then(|| self.transfer(scale_map));
        Ok(Optimum {
            scale_map,
            solution,
            absolute_scale,
            one_plus_relative_scale,
            readout_scale,
            balanced_error: balanced.map(|(_, error)| error),
            unanswered,
            typical_feature: Feature::typical_of(&self.task),
            transfer,
        })
    }

    /// Smallest sample ratio at which the best initialization of the box has a generalization error
    /// of at most `target_error`.
    ///
    /// The sample ratio of this design has no effect; its noise has. The learning curve of the best
    /// initializations is scanned and searched as by [`Solver::required_sample_ratio`], with a peak at
    /// a ratio of 1 and with nodes closer than a factor of 4.5 to it and to 0. Errors may rise with
    /// samples; the first ratio that meets the target counts. It meets the target, and a ratio smaller by
    /// 1e-12 of it does not, up to the accuracy of the optimum.
    ///
    /// # Errors
    ///
    /// As [`Solver::required_sample_ratio`], with the errors of [`InitializationDesign::optimum`].
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "quadrature")]
    /// # {
    /// use diagonet::{
    ///     Densities, InitializationDesign, Initialization, Law, Samples, ScaleMap, Scales, Solver, Supports,
    ///     Task,
    /// };
    ///
    /// let supports = Supports::new(Densities { pretraining: 0.1, fine_tuning: 0.1, overlap: 1.0 })?;
    /// let task = Task::new(supports)?;
    /// let design = InitializationDesign::new(&task, Samples::new(0.3)?, 1e-3)?;
    /// let best = design.required_sample_ratio(0.1)?;
    /// let initialization = Initialization::new(Scales { absolute: 1e-3, relative: -0.9 })?;
    /// let map = ScaleMap::new(initialization, 0.0)?;
    /// let law = Law::fine_tuning(&task, &map)?;
    /// assert!(best < Solver::new().required_sample_ratio(&law, 0.0, 0.1)?);
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn required_sample_ratio(&self, target_error: f64) -> Result<f64> {
        const SPACING: f64 = 1.5;
        let outline = Outline {
            at_zero: self.task.signal(),
            unmet: 0.0,
            thresholds: vec![Threshold::sharp(1.0)],
            spacing: SPACING,
        };
        let pretraining = Rc::default();
        first_crossing(target_error, &outline, |sample_ratio, _| {
            let samples =
                Samples::new(sample_ratio)?.with_noise_variance(self.samples.noise_variance())?;
            let mut evaluations = self.evaluations(self.ranges, samples, None, &pretraining);
            let minimum = evaluations.minimum(None)?;
            Ok(evaluations.answer(minimum.point)?.1.generalization_error())
        })
    }

    /// The point with equal layers and the lowest error, with that, if there is an answer.
    fn balanced(
        &self,
        family: Option<Family<'_>>,
        pretraining: &Rc<Pretraining>,
    ) -> Option<(Point, f64)> {
        let [scales, _, readouts] = self.ranges;
        let equal_layers = Range::new(1.0, 1.0, 1.0);
        let ranges = [scales, equal_layers, readouts];
        let mut evaluations = self.evaluations(ranges, self.samples, family, pretraining);
        let minimum = evaluations.minimum(None).ok()?;
        let solution = evaluations.answer(minimum.point).ok()?.1;
        Some((minimum.point, solution.generalization_error()))
    }

    fn transfer(&self, scale_map: ScaleMap) -> Transfer {
        let transfer = Transfer::new(&self.task, scale_map);
        match self.pretraining_samples {
            Some(samples) => transfer.with_pretraining_samples(samples),
            None => transfer,
        }
    }

    fn evaluations<'a>(
        &'a self,
        ranges: [Range; PARAMETERS],
        samples: Samples,
        family: Option<Family<'a>>,
        pretraining: &Rc<Pretraining>,
    ) -> Evaluations<'a> {
        Evaluations {
            design: self,
            family,
            ranges,
            samples,
            warm: None,
            pretraining: Rc::clone(pretraining),
            nodes: None,
            unanswered: 0,
            problem: None,
        }
    }
}

/// The range of the parameter that `parse` makes of the ends, from 0 on with a `smallest` positive
/// value.
fn range(
    parameter: &'static str,
    ends: RangeInclusive<f64>,
    smallest: f64,
    parse: impl Fn(f64) -> Result<f64>,
) -> Result<Range> {
    let (&lowest, &highest) = (ends.start(), ends.end());
    let range = Range::new(parse(lowest)?, parse(highest)?, smallest);
    if lowest > highest {
        return Err(Error::EmptyRange { parameter, lowest, highest });
    }
    Ok(range)
}

fn needs_quadrature(problem: &Error) -> bool {
    matches!(problem.cause(), Error::QuadratureDisabled { .. })
}

impl Evaluations<'_> {
    /// The best point of the box, searched from a `known` one, too.
    fn minimum(&mut self, known: Option<Point>) -> Result<Candidate> {
        let found = self.landscape().minimum(known);
        match &self.problem {
            Some(problem) if found.value == f64::INFINITY || needs_quadrature(problem) => {
                Err(problem.clone())
            }
            _ => Ok(found),
        }
    }

    /// The box, and the logarithm of the error over it.
    fn landscape(&mut self) -> Landscape<impl FnMut(Point, Precision) -> f64> {
        Landscape::new(self.ranges, |point, precision| self.value(point, precision))
    }

    /// Logarithm of the error at a point.
    fn value(&mut self, point: Point, precision: Precision) -> f64 {
        let mut solution = self.solution(point, precision);
        if solution.is_err() && precision == Precision::Draft {
            solution = self.solution(point, Precision::Full);
        }
        match solution {
            Ok((_, solution)) => {
                self.warm = Some(solution.state);
                solution.generalization_error().ln()
            }
            Err(problem) => {
                self.unanswered += 1;
                // The lack of a feature says more than any other problem.
                if self.problem.is_none() || needs_quadrature(&problem) {
                    self.problem = Some(problem);
                }
                f64::INFINITY
            }
        }
    }

    fn solution(&mut self, point: Point, precision: Precision) -> Result<(ScaleMap, Solution)> {
        let value = |axis: usize| self.ranges[axis].value(point[axis]);
        let pretraining = Initialization::from_first_layer_share(value(0), 0.5 * value(1))?;
        let scale_map = ScaleMap::new(pretraining, value(2))?;
        let solver = self.design.solver.with_precision(precision);
        let (samples, start) = (self.samples, self.warm);
        if let Some(family) = self.family {
            let law = family(&scale_map)?;
            let solution = law.solve_prepared(&(), &solver, &samples, start.as_ref())?;
            return Ok((scale_map, solution));
        }
        let transfer = self.design.transfer(scale_map);
        let prepared = self.pretraining.of(&transfer)?;
        // Differences between neighbours are those of errors, not of rules.
        let near = self.nodes_near(&point, precision);
        let near =
            near.map(|rule| transfer.solve_on(rule, &prepared, &solver, &samples, start.as_ref()));
        if let Some(Ok(solution)) = near {
            return Ok((scale_map, solution.fine_tuning));
        }
        let solution = transfer.solve_prepared(&prepared, &solver, &samples, start.as_ref())?;
        if precision == Precision::Full {
            self.nodes = Some((point, solution.rule));
        }
        Ok((scale_map, solution.fine_tuning))
    }

    /// The answer at a point, its nodes over pretrained coefficients chosen for it.
    fn answer(&mut self, point: Point) -> Result<(ScaleMap, Solution)> {
        self.nodes = None;
        self.solution(point, Precision::Full)
    }

    /// The rule over pretrained coefficients that was chosen next to a point.
    fn nodes_near(&self, point: &Point, precision: Precision) -> Option<NodeRule> {
        /// Distance in the logarithm of each parameter at which rules are chosen anew.
        const NEAR: f64 = 0.02;
        let (chosen, rule) = self.nodes?;
        let is_near = |(a, b): (&f64, &f64)| a == b || (a - b).abs() < NEAR;
        let is_near = point.iter().zip(&chosen).all(is_near);
        (precision == Precision::Full && is_near).then_some(rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asymptotics::estimator::Estimator;
    use crate::problem::supports::{Densities, Supports};

    fn task(variance: f64) -> Task {
        let supports =
            Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.5 }).unwrap();
        Task::new(supports).unwrap().with_fine_tuning_variance(variance).unwrap()
    }

    #[cfg(not(feature = "quadrature"))]
    #[test]
    fn without_quadrature_there_is_no_optimum_among_some_of_the_points() {
        // Closed forms answer at large readout scales; the best of these is not the best.
        let design =
            InitializationDesign::new(&task(1.0), Samples::new(0.5).unwrap(), 1e-3).unwrap();
        assert!(needs_quadrature(&design.optimum().unwrap_err()));
        let lazy = design.with_solver(Solver::new().with_estimator(Estimator::Lazy));
        assert!(lazy.optimum().unwrap().solution.generalization_error() < 0.1);
    }

    #[cfg(feature = "quadrature")]
    #[test]
    fn with_nothing_to_learn_every_initialization_is_best() {
        let samples = Samples::new(0.5).unwrap();
        let design = InitializationDesign::new(&task(0.0), samples, 1e-3).unwrap();
        let optimum = design.optimum().unwrap();
        assert_eq!(optimum.solution.generalization_error(), 0.0);
        assert_eq!(optimum.gain(), Some(1.0));
        assert!(optimum.one_plus_relative_scale.is_flat());
        assert!(optimum.readout_scale.is_flat());
        assert_eq!(design.required_sample_ratio(0.0), Ok(0.0));
    }

    #[cfg(feature = "quadrature")]
    #[test]
    fn a_finer_grid_in_full_finds_the_same_minima_as_one_of_drafts() {
        // A sequence that fills the unit interval evenly, in another order for every parameter.
        let mut count = 0.0_f64;
        let mut uniform = |low: f64, high: f64| {
            count += 1.0;
            low + (high - low) * (count * count * 0.5 * (5.0_f64.sqrt() - 1.0)).fract()
        };
        let mut worst = 0.0_f64;
        for _ in 0..150 {
            let densities = Densities {
                pretraining: 10.0_f64.powf(uniform(-2.0, -0.5)),
                fine_tuning: 10.0_f64.powf(uniform(-2.0, -0.5)),
                overlap: 0.0,
            };
            let most = (densities.pretraining / densities.fine_tuning).min(1.0);
            let overlap = uniform(0.0, most);
            let task = Task::new(Supports::new(Densities { overlap, ..densities }).unwrap());
            let ratio = 10.0_f64.powf(uniform(-1.5, -0.05));
            let noise = 10.0_f64.powf(uniform(-4.0, 0.0));
            let samples = Samples::new(ratio).unwrap().with_noise_variance(noise).unwrap();
            let scale = 10.0_f64.powf(uniform(-6.0, 1.0));
            let design = InitializationDesign::new(&task.unwrap(), samples, scale).unwrap();
            let mut evaluations = design.evaluations(design.ranges, samples, None, &Rc::default());
            let found = evaluations.minimum(None).unwrap();
            let full = |point, _| evaluations.value(point, Precision::Full);
            let exact = Landscape::new(design.ranges, full).minimum_from(32, None);
            worst = worst.max(found.value - exact.value);
            assert!(found.value < exact.value + 1e-9, "{found:?} {exact:?} {design:?}");
        }
        println!("largest excess of the logarithm: {worst:e}");
    }

    #[test]
    fn a_range_of_one_value_is_that_value() {
        let solver = Solver::new().with_estimator(Estimator::Lazy);
        let samples = Samples::new(0.5).unwrap();
        let design =
            InitializationDesign::new(&task(1.0), samples, 0.25).unwrap().with_solver(solver);
        let fixed = design.with_relative_scales(-0.5..=-0.5).unwrap();
        let optimum = fixed.with_readout_scales(2.0..=2.0).unwrap().optimum().unwrap();
        let pretraining = Initialization::new(Scales { absolute: 0.25, relative: -0.5 }).unwrap();
        let scale_map = ScaleMap::new(pretraining, 2.0).unwrap();
        assert_eq!(optimum.scale_map, scale_map);
        let law = Law::fine_tuning(&task(1.0), &scale_map).unwrap();
        assert_eq!(optimum.solution, solver.solve(&law, &samples).unwrap());
        // Equal layers are outside of the box, and may be better.
        assert_ne!(optimum.gain(), Some(1.0));
    }

    #[test]
    fn the_family_of_a_task_is_the_task() {
        let solver = Solver::new().with_estimator(Estimator::Lazy);
        let task = task(1.0);
        let design = InitializationDesign::new(&task, Samples::new(0.5).unwrap(), 0.25).unwrap();
        let design = design.with_solver(solver);
        let laws = |map: &ScaleMap| Law::fine_tuning(&task, map);
        let mut optimum = design.optimum().unwrap();
        // A family of laws need not be that of two stages.
        assert!(optimum.transfer.take().is_some());
        assert_eq!(design.optimum_over(&laws).unwrap(), optimum);
    }
}
