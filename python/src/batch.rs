//! Many points without the interpreter's lock, on all cores.

use std::ops::Range;
use std::time::Instant;

use diagonet::Error;
use numpy::PyArray1;
use pyo3::prelude::*;
use rayon::prelude::*;

use crate::columns::Call;
use crate::failure::Failure;

/// Points that follow each other in one run, inside of which solutions start from each other.
pub(crate) const RUN: usize = 64;

/// Seconds between two looks at the interpreter, which tells of an interrupt.
const PATIENCE: f64 = 0.1;

/// Seconds of work that are not worth waking other threads for.
const SHORT: f64 = 2e-3;

/// Arrays of answers, and the points without.
pub(crate) type Answers<'py> = (Vec<Bound<'py, PyArray1<f64>>>, Vec<Failure>);

/// `N` numbers for each of some points.
#[derive(Debug)]
pub(crate) struct Points<const N: usize> {
    columns: [Vec<f64>; N],
    failures: Vec<(usize, Error)>,
}

impl<const N: usize> Points<N> {
    fn with_capacity(capacity: usize) -> Self {
        let columns = std::array::from_fn(|_| Vec::with_capacity(capacity));
        Self { columns, failures: Vec::new() }
    }

    /// Adds the answer of the next point.
    #[inline]
    pub(crate) fn push(&mut self, answer: diagonet::Result<[f64; N]>) {
        let values = answer.unwrap_or_else(|error| {
            self.failures.push((self.columns[0].len(), error));
            [f64::NAN; N]
        });
        self.columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
    }

    fn append(&mut self, other: Self) {
        let before = self.columns[0].len();
        let failures = other.failures.into_iter();
        self.failures.extend(failures.map(|(point, error)| (before + point, error)));
        let columns = self.columns.iter_mut().zip(other.columns);
        columns.for_each(|(column, values)| column.extend(values));
    }
}

/// Computes `N` numbers for each of the points, `width` times the count of the call.
///
/// `run` adds the answers of all points of the entries in a range of the count. The ranges begin at multiples
/// of `length`, and do not depend on the number of threads, so that neither do the digits.
pub(crate) fn compute<'py, const N: usize>(
    py: Python<'py>,
    call: &Call<'py>,
    width: usize,
    length: usize,
    run: impl Fn(Range<usize>, &mut Points<N>) + Sync,
) -> PyResult<Answers<'py>> {
    let (count, first_only) = (call.count, call.first_only);
    let runs = count.div_ceil(length);
    let range = |index: usize| index * length..count.min((index + 1) * length);
    let mut points = Points::with_capacity(count * width);
    // The first run shows how long the others take.
    let (mut begun, mut share, mut is_short) = (0, 1, true);
    while begun < runs && (!first_only || points.failures.is_empty()) {
        let end = runs.min(begun + share);
        let clock = Instant::now();
        let points = &mut points;
        py.detach(|| {
            if is_short {
                (begun..end).for_each(|index| run(range(index), points));
                return;
            }
            let parts = (begun..end).into_par_iter().map(|index| {
                let mut part = Points::with_capacity(range(index).len() * width);
                run(range(index), &mut part);
                part
            });
            let parts: Vec<Points<N>> = parts.collect();
            parts.into_iter().for_each(|part| points.append(part));
        });
        py.check_signals()?;
        let rate = (end - begun) as f64 / clock.elapsed().as_secs_f64().max(1e-9);
        begun = end;
        is_short = (runs - begun) as f64 <= SHORT * rate;
        let threads = rayon::current_num_threads();
        share = if is_short { runs } else { ((rate * PATIENCE) as usize).max(4 * threads) };
    }
    if first_only {
        points.failures.truncate(1);
    }
    let columns = points.columns.into_iter().map(|column| PyArray1::from_vec(py, column));
    let failures = points.failures.into_iter().map(|(point, error)| Failure::new(point, &error));
    Ok((columns.collect(), failures.collect()))
}

/// Points that have nothing to do with each other.
pub(crate) fn each<'py, const N: usize>(
    py: Python<'py>,
    call: &Call<'py>,
    length: usize,
    answer: impl Fn(usize) -> diagonet::Result<[f64; N]> + Sync,
) -> PyResult<Answers<'py>> {
    compute(py, call, 1, length, |range, points| range.for_each(|point| points.push(answer(point))))
}
