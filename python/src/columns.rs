//! The arguments of a call: columns of numbers and names, with one entry for every point or one for all.

use diagonet::Error;
use numpy::PyReadonlyArray1;
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// A call of a function of many points, as the Python side prepares it: all arrays are broadcast to one
/// shape and flat.
#[derive(Debug, FromPyObject)]
pub(crate) struct Call<'py> {
    /// Number of points.
    pub(crate) count: usize,
    /// Columns of numbers by the names of their parameters.
    numbers: Bound<'py, PyDict>,
    /// Distinct names, and the column of their positions, by the names of the parameters.
    names: Bound<'py, PyDict>,
    /// Whether to end at the first point without an answer.
    pub(crate) first_only: bool,
}

/// A parameter at all points.
#[derive(Debug)]
pub(crate) enum Column {
    Same(f64),
    Own(Vec<f64>),
}

impl Column {
    #[inline]
    pub(crate) fn at(&self, point: usize) -> f64 {
        match self {
            Self::Same(value) => *value,
            Self::Own(values) => values[point],
        }
    }

    fn new(array: &PyReadonlyArray1<'_, f64>) -> PyResult<Self> {
        Ok(match array.as_slice()? {
            [value] => Self::Same(*value),
            values => Self::Own(values.to_vec()),
        })
    }
}

/// A parameter with names for values, at all points.
#[derive(Debug)]
pub(crate) struct Names<T> {
    values: Vec<diagonet::Result<T>>,
    positions: Column,
}

impl<T> Names<T> {
    #[inline]
    pub(crate) fn at(&self, point: usize) -> Result<&T, Error> {
        self.values[self.positions.at(point) as usize].as_ref().map_err(Clone::clone)
    }
}

impl<'py> Call<'py> {
    /// The column of a parameter.
    pub(crate) fn number(&self, name: &str) -> PyResult<Column> {
        self.optional(name)?.ok_or_else(|| PyKeyError::new_err(name.to_owned()))
    }

    /// The column of a parameter that may be left out.
    pub(crate) fn optional(&self, name: &str) -> PyResult<Option<Column>> {
        let Some(array) = self.numbers.get_item(name)? else { return Ok(None) };
        let array: PyReadonlyArray1<'py, f64> = array.extract()?;
        Column::new(&array).map(Some)
    }

    /// The column of a parameter with names for values.
    pub(crate) fn names<T>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, Error>,
    ) -> PyResult<Names<T>> {
        let item = self.names.get_item(name)?;
        let item = item.ok_or_else(|| PyKeyError::new_err(name.to_owned()))?;
        let (texts, positions): (Vec<String>, PyReadonlyArray1<'py, f64>) = item.extract()?;
        let values = texts.iter().map(|text| parse(text)).collect();
        Ok(Names { values, positions: Column::new(&positions)? })
    }
}
