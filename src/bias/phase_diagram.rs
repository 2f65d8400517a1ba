//! Phase diagrams: the inductive bias over a grid of two parameters.

use std::fmt;

use crate::bias::inductive_bias::{Feature, InductiveBias};
use crate::bias::task_bias::TaskBias;
use crate::domain::Domain;
use crate::error::{Error, Result};
use crate::network::initialization::{Initialization, Scales};
use crate::network::scale_map::ScaleMap;
use crate::problem::task::Task;

/// A parameter that varies along an axis of a [phase diagram](PhaseDiagram).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum DiagramAxis {
    /// Absolute scale `c_PT` of pretraining, 0 or in [1e-300, 1e300].
    AbsoluteScale,
    /// Relative scale `lambda_PT` of pretraining, in [-1, 1].
    RelativeScale,
    /// Readout scale `gamma` of fine-tuning, 0 or in [1e-153, 1e150].
    ReadoutScale,
    /// Coefficient `beta_FT` of fine-tuning, in [-1e300, 1e300]. For a task: the standard deviation
    /// of the active coefficients, in [0, 1e150].
    FineTuningCoefficient,
}

impl DiagramAxis {
    fn name(self) -> &'static str {
        match self {
            Self::AbsoluteScale => "absolute_scale",
            Self::RelativeScale => "relative_scale",
            Self::ReadoutScale => "readout_scale",
            Self::FineTuningCoefficient => "fine_tuning_coefficient",
        }
    }
}

impl fmt::Display for DiagramAxis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The inductive bias, of a feature or of a task, over a grid of two parameters.
///
/// Rows vary one [parameter](DiagramAxis), columns another. All other parameters keep the values that the
/// diagram is made with.
///
/// # Examples
///
/// ```
/// use diagonet::{
///     DiagramAxis, Feature, InductiveBias, Initialization, PhaseDiagram, Regime, ScaleMap, Scales,
/// };
///
/// let map = ScaleMap::new(Initialization::new(Scales { absolute: 1e-3, relative: 0.0 })?, 0.0)?;
/// let feature = Feature { pretrained_coefficient: 1.0, coefficient: 1.0 };
/// let diagram = PhaseDiagram::of_feature(
///     &map,
///     feature,
///     (DiagramAxis::RelativeScale, &[-0.99, 0.0]),
///     (DiagramAxis::ReadoutScale, &[0.0, 1.0, 10.0]),
/// )?;
/// let regimes: Vec<_> = diagram.cells().iter().map(InductiveBias::regime).collect();
/// assert_eq!(regimes[..3], [Regime::IV, Regime::IV, Regime::III]);
/// assert_eq!(regimes[3..], [Regime::II, Regime::IV, Regime::III]);
/// # Ok::<(), diagonet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseDiagram<T> {
    rows: (DiagramAxis, Vec<f64>),
    columns: (DiagramAxis, Vec<f64>),
    cells: Vec<T>,
}

impl PhaseDiagram<InductiveBias> {
    /// The [inductive bias](InductiveBias::of_feature) of `feature` over the grid of `rows` and
    /// `columns`, each an axis with its values.
    ///
    /// # Errors
    ///
    /// [`Error::EqualAxes`] where both axes are the same; [`Error::EmptyAxis`] for one without
    /// values; [`Error::OutOfDomain`] for a value outside the domain of its axis; and the errors of
    /// [`InductiveBias::of_feature`] for the first offending cell.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{DiagramAxis, Error, Feature, Initialization, PhaseDiagram, ScaleMap, Scales};
    ///
    /// let initialization = Initialization::new(Scales { absolute: 1e-3, relative: 0.0 })?;
    /// let map = ScaleMap::new(initialization, 0.0)?;
    /// let feature = Feature { pretrained_coefficient: 1.0, coefficient: 1.0 };
    /// let axis = (DiagramAxis::ReadoutScale, [0.0, 1.0].as_slice());
    /// let twice = PhaseDiagram::of_feature(&map, feature, axis, axis);
    /// assert_eq!(twice, Err(Error::EqualAxes { parameter: "readout_scale" }));
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn of_feature(
        scale_map: &ScaleMap,
        feature: Feature,
        rows: (DiagramAxis, &[f64]),
        columns: (DiagramAxis, &[f64]),
    ) -> Result<Self> {
        Self::new(scale_map, rows, columns, |scale_map, coefficient| {
            let coefficient = coefficient.unwrap_or(feature.coefficient);
            InductiveBias::of_feature(scale_map, Feature { coefficient, ..feature })
        })
    }
}

impl PhaseDiagram<TaskBias> {
    /// The [inductive bias](TaskBias::of_task) of `task` over the grid of `rows` and `columns`,
    /// each an axis with its values.
    ///
    /// # Errors
    ///
    /// As [`PhaseDiagram::of_feature`], with the errors of [`TaskBias::of_task`] for the first
    /// offending cell.
    ///
    /// # Examples
    ///
    /// ```
    /// use diagonet::{
    ///     DiagramAxis, Densities, Initialization, PhaseDiagram, Regime, ScaleMap, Scales, Supports,
    ///     Task,
    /// };
    ///
    /// let initialization = Initialization::new(Scales { absolute: 1e-3, relative: 0.0 })?;
    /// let map = ScaleMap::new(initialization, 0.0)?;
    /// let supports = Supports::new(Densities { pretraining: 0.2, fine_tuning: 0.1, overlap: 1.0 })?;
    /// let task = Task::new(supports)?;
    /// # if cfg!(feature = "quadrature") {
    /// let diagram = PhaseDiagram::of_task(
    ///     &task,
    ///     &map,
    ///     (DiagramAxis::AbsoluteScale, &[1e-6, 1.0, 1e6]),
    ///     (DiagramAxis::FineTuningCoefficient, &[0.1, 1.0]),
    /// )?;
    /// let lazy = diagram.cells()[4].regime_shares();
    /// assert_eq!(lazy.share(Regime::III), 1.0);
    /// # }
    /// # Ok::<(), diagonet::Error>(())
    /// ```
    pub fn of_task(
        task: &Task,
        scale_map: &ScaleMap,
        rows: (DiagramAxis, &[f64]),
        columns: (DiagramAxis, &[f64]),
    ) -> Result<Self> {
        Self::new(scale_map, rows, columns, |scale_map, coefficient| {
            let Some(deviation) = coefficient else {
                return TaskBias::of_task(task, scale_map);
            };
            Domain::MAGNITUDE.check("fine_tuning_coefficient", deviation)?;
            TaskBias::with_deviation(task, scale_map, deviation)
        })
    }
}

impl<T> PhaseDiagram<T> {
    /// The diagram of `cell`, a function of the scale map and of the coefficient where it varies.
    fn new(
        scale_map: &ScaleMap,
        (row_axis, row_values): (DiagramAxis, &[f64]),
        (column_axis, column_values): (DiagramAxis, &[f64]),
        cell: impl Fn(&ScaleMap, Option<f64>) -> Result<T>,
    ) -> Result<Self> {
        if row_axis == column_axis {
            return Err(Error::EqualAxes { parameter: row_axis.name() });
        }
        for (axis, values) in [(row_axis, row_values), (column_axis, column_values)] {
            if values.is_empty() {
                return Err(Error::EmptyAxis { parameter: axis.name() });
            }
        }
        let mut cells = Vec::with_capacity(row_values.len().saturating_mul(column_values.len()));
        for &row in row_values {
            let (along_row, coefficient) = vary(scale_map, row_axis, row)?;
            for &column in column_values {
                let (scale_map, other) = vary(&along_row, column_axis, column)?;
                cells.push(cell(&scale_map, coefficient.or(other))?);
            }
        }
        Ok(Self {
            rows: (row_axis, row_values.to_vec()),
            columns: (column_axis, column_values.to_vec()),
            cells,
        })
    }

    /// The parameter that varies from row to row.
    #[must_use]
    pub fn row_axis(&self) -> DiagramAxis {
        self.rows.0
    }

    /// The parameter that varies from column to column.
    #[must_use]
    pub fn column_axis(&self) -> DiagramAxis {
        self.columns.0
    }

    /// The value of each row.
    #[must_use]
    pub fn row_values(&self) -> &[f64] {
        &self.rows.1
    }

    /// The value of each column.
    #[must_use]
    pub fn column_values(&self) -> &[f64] {
        &self.columns.1
    }

    /// All cells, row after row.
    #[must_use]
    pub fn cells(&self) -> &[T] {
        &self.cells
    }

    /// The cell in a row and a column, counted from 0; `None` outside the grid.
    #[must_use]
    pub fn get(&self, row: usize, column: usize) -> Option<&T> {
        if column < self.columns.1.len() {
            self.cells.chunks(self.columns.1.len()).nth(row)?.get(column)
        } else {
            None
        }
    }
}

/// The scale map with one parameter set, or the coefficient if that is the parameter.
fn vary(scale_map: &ScaleMap, axis: DiagramAxis, value: f64) -> Result<(ScaleMap, Option<f64>)> {
    let (pretraining, readout_scale) = (scale_map.pretraining(), scale_map.readout_scale());
    let scale_map = match axis {
        // The share has digits that the relative scale has not.
        DiagramAxis::AbsoluteScale => ScaleMap::new(
            Initialization::from_first_layer_share(value, pretraining.first_layer_share())?,
            readout_scale,
        )?,
        DiagramAxis::RelativeScale => ScaleMap::new(
            Initialization::new(Scales {
                absolute: pretraining.absolute_scale(),
                relative: value,
            })?,
            readout_scale,
        )?,
        DiagramAxis::ReadoutScale => ScaleMap::new(pretraining, value)?,
        DiagramAxis::FineTuningCoefficient => return Ok((*scale_map, Some(value))),
    };
    Ok((scale_map, None))
}
