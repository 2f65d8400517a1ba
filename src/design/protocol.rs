//! The design of a protocol of fine-tuning: which of its parameters do best on a task.

use std::ops::RangeInclusive;

use crate::asymptotics::fixed_point::FixedPoint;
use crate::asymptotics::problem::Solve;
use crate::asymptotics::solver::Solver;
use crate::design::optimum::OptimalParameter;
use crate::design::{needs_quadrature, range};
use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::network::protocol::Protocol;
use crate::network::scale_map::{MIN_READOUT_SCALE, ScaleMap};
use crate::numerics::Precision;
use crate::numerics::minimum::{Landscape, PARAMETERS, Point, Range};
use crate::problem::samples::Samples;
use crate::stages::transfer::{Transfer, TransferSolution};

/// Ends of the default range of a parameter.
const DEFAULT: RangeInclusive<f64> = 1e-3..=1e3;

/// Positive readout scales below this share of the largest are passed over.
const SMALLEST_SHARE: f64 = 1e-10;

/// Names of the parameters of any protocol, by their position.
const NAMES: [&str; 2] = ["first_protocol_parameter", "second_protocol_parameter"];

/// The choice of the parameters of a protocol, for a task, an initialization and a number of samples.
///
/// # Formula
///
/// ```text
/// minimize error(parameters, gamma)      over a box
/// ```
///
/// where
/// - `parameters`: those of the [`Protocol`] of a [`Transfer`], in [1e-3, 1e3] unless set;
/// - `gamma`: readout scale of fine-tuning, that of the [`ScaleMap`] unless set;
/// - `error`: generalization error of fine-tuning.
///
/// The search and its accuracy are those of [`InitializationDesign`](crate::InitializationDesign).
///
/// Source: Anguita et al. 2026 (arXiv:2602.20062), Proposition 4.2, for the error.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "quadrature")]
/// # {
/// use diagonet::{
///     Densities, Initialization, OptimumPosition, Protocol, ProtocolDesign, Samples, ScaleMap, Scales,
///     Supports, Task, Transfer,
/// };
///
/// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.8 })?;
/// let map = ScaleMap::new(Initialization::new(Scales { absolute: 0.1, relative: -0.5 })?, 0.0)?;
/// let equal_rates = Protocol::learning_rates(1.0)?;
/// let transfer = Transfer::new(&Task::new(supports)?, map).with_protocol(equal_rates);
/// let samples = Samples::new(0.3)?.with_noise_variance(0.05)?;
/// let optimum = ProtocolDesign::new(&transfer, samples)?.optimum()?;
/// // A readout that learns faster than the first layer.
/// assert_eq!(optimum.parameters[0].position, OptimumPosition::Interior);
/// assert!(optimum.parameters[0].value > 2.0);
/// # }
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ProtocolDesign {
    transfer: Transfer,
    samples: Samples,
    solver: Solver,
    tolerance: f64,
    /// Of the first and second parameter of the protocol, and the readout scale.
    ranges: [Range; PARAMETERS],
}

/// The parameters of a protocol with the lowest generalization error, as
/// [`ProtocolDesign::optimum`] finds them.
///
/// # Examples
///
/// ```
/// use diagonet::{
///     Densities, Initialization, Protocol, ProtocolDesign, Samples, ScaleMap, Scales, Supports, Task,
///     Transfer,
/// };
///
/// // A gain of all scales does not matter to a probe.
/// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.8 })?;
/// let map = ScaleMap::new(Initialization::new(Scales { absolute: 0.1, relative: -0.5 })?, 0.0)?;
/// let probe = Protocol::probe_rebalanced(1.0)?;
/// let transfer = Transfer::new(&Task::new(supports)?, map).with_protocol(probe);
/// let optimum = ProtocolDesign::new(&transfer, Samples::new(0.3)?)?.optimum()?;
/// assert!(optimum.parameters[0].is_flat());
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ProtocolOptimum {
    /// The protocol with its best parameters.
    pub protocol: Protocol,
    /// The scale map with the best readout scale.
    pub scale_map: ScaleMap,
    /// Fine-tuning with these.
    pub solution: TransferSolution,
    /// The parameters, in the order of [`Protocol::parameters`].
    pub parameters: Vec<OptimalParameter>,
    /// The readout scale `gamma`.
    pub readout_scale: OptimalParameter,
    /// Number of points of the search that have no answer, and were passed over.
    pub unanswered: usize,
}

impl ProtocolDesign {
    /// The design of the protocol of `transfer`, whose own parameters play no part, for fine-tuning on
    /// `samples`.
    ///
    /// # Errors
    ///
    /// None beyond those of the arguments' constructors.
    ///
    /// # Examples
    ///
    /// See [`ProtocolDesign`].
    pub fn new(transfer: &Transfer, samples: Samples) -> Result<Self> {
        let gamma = transfer.scale_map().readout_scale();
        let free = transfer.protocol().parameters().len();
        let parameter = |index: usize| {
            if index < free {
                Range::new(*DEFAULT.start(), *DEFAULT.end(), *DEFAULT.start())
                    .with_default_bounds([true; 2])
            } else {
                Range::new(1.0, 1.0, 1.0)
            }
        };
        Ok(Self {
            transfer: transfer.clone(),
            samples,
            solver: Solver::new(),
            tolerance: 1e-3,
            ranges: [parameter(0), parameter(1), Range::new(gamma, gamma, gamma)],
        })
    }

    /// The same design with another range of the parameter at a position in
    /// [`Protocol::parameters`].
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a position beyond the last parameter, and an end outside
    /// [1e-150, 1e150]; [`Error::EmptyRange`] for a range without values.
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::*;
    /// # let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.8 })?;
    /// # let map = ScaleMap::new(Initialization::new(Scales { absolute: 0.1, relative: -0.5 })?, 0.0)?;
    /// let transfer = Transfer::new(&Task::new(supports)?, map).with_protocol(Protocol::adapter(1.0)?);
    /// let design = ProtocolDesign::new(&transfer, Samples::new(0.3)?)?;
    /// assert!(design.clone().with_parameters(0, 0.1..=10.0).is_ok());
    /// assert!(design.with_parameters(1, 0.1..=10.0).is_err());
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_parameters(self, position: usize, values: RangeInclusive<f64>) -> Result<Self> {
        let count = self.transfer.protocol().parameters().len();
        Domain::described("below the number of parameters of the protocol").check_if(
            position < count,
            "position",
            position as f64,
        )?;
        let name = NAMES[position];
        let smallest = *values.start();
        let mut ranges = self.ranges;
        ranges[position] =
            range(name, values, smallest, |value| Domain::PROTOCOL_PARAMETER.check(name, value))?;
        Ok(Self { ranges, ..self })
    }

    /// The same design with a range of readout scales `gamma`, for protocols that
    /// [reset the readout](Protocol::resets_readout).
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for an end outside 0 or [1e-153, 1e150]; [`Error::EmptyRange`] for a
    /// range without values.
    ///
    /// # Examples
    ///
    /// ```
    /// # use diagonet::*;
    /// # let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 0.8 })?;
    /// # let map = ScaleMap::new(Initialization::new(Scales { absolute: 0.1, relative: -0.5 })?, 0.0)?;
    /// let transfer = Transfer::new(&Task::new(supports)?, map).with_protocol(Protocol::ProbeReset);
    /// let samples = Samples::new(0.3)?.with_noise_variance(0.05)?;
    /// let design = ProtocolDesign::new(&transfer, samples)?.with_readout_scales(0.0..=10.0)?;
    /// // Coefficients are as likely positive as negative, but features are of one sign.
    /// assert!(design.optimum()?.readout_scale.value >= 0.0);
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn with_readout_scales(self, scales: RangeInclusive<f64>) -> Result<Self> {
        let smallest = (SMALLEST_SHARE * scales.end()).max(MIN_READOUT_SCALE);
        let range = range("readout_scale", scales, smallest, |scale| {
            Domain::READOUT_SCALE.check("readout_scale", scale)
        })?;
        let [first, second, _] = self.ranges;
        Ok(Self { ranges: [first, second, range], ..self })
    }

    /// The same design, computing errors with another solver.
    #[must_use]
    pub fn with_solver(self, solver: Solver) -> Self {
        Self { solver, ..self }
    }

    /// The same design with another relative excess of the error over the optimum that is
    /// [tolerated](OptimalParameter::tolerated); 1e-3 unless set.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfDomain`] for a tolerance outside [1e-6, 1e6].
    pub fn with_tolerance(self, tolerance: f64) -> Result<Self> {
        Domain::TOLERATED_EXCESS.check("tolerance", tolerance)?;
        Ok(Self { tolerance, ..self })
    }

    /// The parameters with the lowest generalization error in the box.
    ///
    /// # Errors
    ///
    /// Where no point of the grid has an answer, the error of the first, as [`Solver::solve`] gives it;
    /// [`Error::QuadratureDisabled`] where a point needs quadrature and the feature is off.
    ///
    /// # Examples
    ///
    /// See [`ProtocolDesign`].
    pub fn optimum(&self) -> Result<ProtocolOptimum> {
        let pretraining = self.transfer.prepare()?;
        let solution = |point: Point, precision: Precision, warm: Option<&FixedPoint>| {
            let value = |axis: usize| self.ranges[axis].value(point[axis]);
            let transfer = self.at(value(0), value(1), value(2))?;
            let solver = self.solver.with_precision(precision);
            transfer.solve_prepared(&pretraining, &solver, &self.samples, warm)
        };
        let (mut warm, mut unanswered) = (None, 0);
        let mut problem: Option<Error> = None;
        let mut landscape = Landscape::new(self.ranges, |point, precision| {
            let mut found = solution(point, precision, warm.as_ref());
            if found.is_err() && precision == Precision::Draft {
                found = solution(point, Precision::Full, warm.as_ref());
            }
            match found {
                Ok(solution) => {
                    warm = Some(solution.fine_tuning.state);
                    solution.generalization_error().ln()
                }
                Err(error) => {
                    unanswered += 1;
                    if problem.is_none() || needs_quadrature(&error) {
                        problem = Some(error);
                    }
                    f64::INFINITY
                }
            }
        });
        let minimum = landscape.minimum(None);
        let limit = minimum.value + self.tolerance.ln_1p();
        let mut parameters = Vec::with_capacity(PARAMETERS);
        for axis in 0..PARAMETERS {
            let range = self.ranges[axis];
            let mut parameter = OptimalParameter::new(range.value(minimum.point[axis]), &range);
            if minimum.value < f64::INFINITY {
                parameter.tolerated = landscape.extent(minimum, axis, limit);
            }
            parameters.push(parameter);
        }
        match problem {
            Some(problem) if minimum.value == f64::INFINITY || needs_quadrature(&problem) => {
                return Err(problem);
            }
            _ => {}
        }
        let solution = solution(minimum.point, Precision::Full, None)?;
        let readout_scale = parameters[2];
        parameters.truncate(self.transfer.protocol().parameters().len());
        Ok(ProtocolOptimum {
            protocol: solution.transfer.protocol(),
            scale_map: solution.transfer.scale_map(),
            solution,
            parameters,
            readout_scale,
            unanswered,
        })
    }

    /// The transfer with these parameters.
    fn at(&self, first: f64, second: f64, readout_scale: f64) -> Result<Transfer> {
        let protocol = self.transfer.protocol();
        let count = protocol.parameters().len();
        let protocol = Protocol::from_name(protocol.name(), &[first, second][..count])?;
        let map = ScaleMap::new(self.transfer.scale_map().pretraining(), readout_scale)?;
        Ok(self.transfer.clone().with_scale_map(map).with_protocol(protocol))
    }
}
