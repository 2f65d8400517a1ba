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

/// Arrays of answers, and the points without.
pub(crate) type Answers<'py> = (Vec<Bound<'py, PyArray1<f64>>>, Vec<Failure>);

/// Computes `N` numbers for each of the points, `width` times the count of the call.
///
/// `run` takes the entries of a range of the count to the answers of all of its points. The ranges begin
/// at multiples of `length`, and do not depend on the number of threads, so that neither do the digits.
pub(crate) fn compute<'py, const N: usize>(
    py: Python<'py>,
    call: &Call<'py>,
    width: usize,
    length: usize,
    run: impl Fn(Range<usize>) -> Vec<diagonet::Result<[f64; N]>> + Sync,
) -> PyResult<Answers<'py>> {
    let (count, first_only) = (call.count, call.first_only);
    let mut columns: [Vec<f64>; N] =
        std::array::from_fn(|_| Vec::with_capacity(count * width));
    let mut failures: Vec<(usize, Error)> = Vec::new();
    let runs = count.div_ceil(length);
    let (mut begun, mut share) = (0, rayon::current_num_threads());
    while begun < runs {
        let end = runs.min(begun + share);
        let clock = Instant::now();
        let range = |index: usize| index * length..count.min((index + 1) * length);
        let (columns, failures) = (&mut columns, &mut failures);
        py.detach(|| {
            let answers: Vec<_> =
                (begun..end).into_par_iter().map(|index| run(range(index))).collect();
            for answer in answers.into_iter().flatten() {
                let values = answer.unwrap_or_else(|error| {
                    failures.push((columns[0].len(), error));
                    [f64::NAN; N]
                });
                columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
            }
        });
        py.check_signals()?;
        if first_only && !failures.is_empty() {
            failures.truncate(1);
            break;
        }
        // As many as take the time between two looks, from what the last ones took.
        let rate = (end - begun) as f64 / clock.elapsed().as_secs_f64().max(1e-9);
        share = ((rate * PATIENCE) as usize).clamp(rayon::current_num_threads(), 16 * share);
        begun = end;
    }
    let columns = columns.into_iter().map(|column| PyArray1::from_vec(py, column)).collect();
    let failures = failures.into_iter().map(|(point, error)| Failure::new(point, &error));
    Ok((columns, failures.collect()))
}

/// Points that have nothing to do with each other.
pub(crate) fn each<'py, const N: usize>(
    py: Python<'py>,
    call: &Call<'py>,
    length: usize,
    answer: impl Fn(usize) -> diagonet::Result<[f64; N]> + Sync,
) -> PyResult<Answers<'py>> {
    compute(py, call, 1, length, |range| range.map(&answer).collect())
}
