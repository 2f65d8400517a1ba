//! A law and a solution, which a caller can ask further.

use diagonet::{
    CoordinateGroup, Error, Estimator, FeatureClass, Law, PowerLaw, Prior, RecoveryThreshold,
    Samples, Solution, Solver, Statistics, TransferSolution, rich_weights,
};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::batch::{Answers, RUN, compute, each};
use crate::columns::Call;
use crate::failure::Failure;
use crate::functions::number_of_penalty;
use crate::problems::{AllSamples, ScaleMaps, Solvers, Trainings, solve_run};

/// The first error, where there is a single point.
type Answer<T> = Result<T, Failure>;

fn failed(error: Error) -> Failure {
    Failure::new(0, &error)
}

/// A result as a pair, one of which is none.
type Pair<T> = (Option<T>, Option<Failure>);

fn pair<T>(answer: Answer<T>) -> Pair<T> {
    match answer {
        Ok(value) => (Some(value), None),
        Err(failure) => (None, Some(failure)),
    }
}

/// Label, weight, mean, variance, scale, start, penalty weight and input variance of a group.
type Group = (String, f64, f64, f64, f64, f64, f64, f64);

/// The law of one coordinate.
#[pyclass(frozen, name = "Law", module = "diagonet._core")]
#[derive(Debug)]
pub(crate) struct PyLaw(Law);

#[pymethods]
impl PyLaw {
    #[staticmethod]
    fn from_groups(groups: Vec<Group>) -> Pair<Self> {
        let group = |(label, weight, mean, variance, scale, start, penalty, input): Group| {
            // Those that are not set keep the digits of the others.
            let prior =
                if variance == 0.0 { Prior::atom(mean)? } else { Prior::gaussian(mean, variance)? };
            let mut group = CoordinateGroup::new(label, weight, prior, scale)?;
            if start != 0.0 {
                group = group.with_start(start)?;
            }
            if penalty != 1.0 {
                group = group.with_penalty_weight(penalty)?;
            }
            if input != 1.0 {
                group = group.with_input_variance(input)?;
            }
            Ok(group)
        };
        let law = groups.into_iter().map(group).collect::<Result<_, _>>().and_then(Law::new);
        pair(law.map(Self).map_err(failed))
    }

    #[staticmethod]
    fn of_task(call: Call<'_>) -> PyResult<Pair<Self>> {
        let trainings = Trainings::new(&call)?;
        Ok(pair(trainings.law(0).map(Self).map_err(failed)))
    }

    #[staticmethod]
    fn from_coefficients(
        call: Call<'_>,
        pretrained: Vec<f64>,
        coefficients: Vec<f64>,
    ) -> PyResult<Pair<Self>> {
        let scale_maps = ScaleMaps::new(&call)?;
        let law = scale_maps
            .at(0)
            .and_then(|map| Law::from_coefficients(&pretrained, &coefficients, &map));
        Ok(pair(law.map(Self).map_err(failed)))
    }

    #[staticmethod]
    fn power_law(
        features: u64,
        bins: usize,
        input_exponent: f64,
        coefficient_exponent: f64,
        scale: f64,
    ) -> Pair<Self> {
        let spectrum = PowerLaw { features, bins, input_exponent, coefficient_exponent, scale };
        pair(Law::power_law(spectrum).map(Self).map_err(failed))
    }

    fn groups(&self) -> Vec<Group> {
        let group = |group: &CoordinateGroup| {
            let prior = group.prior();
            (
                group.label().to_string(),
                group.weight(),
                prior.mean(),
                prior.variance(),
                group.scale(),
                group.start(),
                group.penalty_weight(),
                group.input_variance(),
            )
        };
        self.0.groups().iter().map(group).collect()
    }

    fn error<'py>(&self, py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
        let (samples, solvers) = (AllSamples::new(&call)?, Solvers::new(&call)?);
        compute(py, &call, 1, RUN, |range, points| {
            solve_run(
                range,
                points,
                |point| solvers.at(point),
                |point| Ok((&self.0, samples.at(point)?)),
                |solution: Solution| Ok([solution.generalization_error()]),
            );
        })
    }

    fn required_samples<'py>(&self, py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
        let (samples, solvers) = (AllSamples::new(&call)?, Solvers::new(&call)?);
        let target = call.number("target_error")?;
        each(py, &call, 4, |point| {
            let (solver, noise) = (solvers.at(point)?, samples.noise_variance(point));
            Ok([solver.required_sample_ratio(&self.0, noise, target.at(point))?])
        })
    }

    fn best_penalty<'py>(&self, py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
        let samples = AllSamples::new(&call)?;
        let estimator = call.names("estimator", str::parse)?;
        each(py, &call, 1, |point| {
            let estimator: Estimator = *estimator.at(point)?;
            let solver = Solver::new().with_estimator(estimator);
            let best = solver.best_explicit_penalty(&self.0, &samples.at(point)?)?;
            Ok([number_of_penalty(best.position), best.generalization_error])
        })
    }

    #[pyo3(signature = (weights=None))]
    fn recovery_threshold(&self, weights: Option<Vec<f64>>) -> Pair<f64> {
        let weights = weights.unwrap_or_else(|| rich_weights(&self.0));
        let threshold = RecoveryThreshold::of_law(&self.0, &weights);
        pair(threshold.map(|threshold| threshold.sample_ratio()).map_err(failed))
    }

    fn solve(&self, py: Python<'_>, call: Call<'_>) -> PyResult<Pair<PySolution>> {
        let (samples, solvers) = (AllSamples::new(&call)?, Solvers::new(&call)?);
        let solution = py.detach(|| {
            let samples: Samples = samples.at(0)?;
            solvers.at(0)?.solve(&self.0, &samples)
        });
        Ok(pair(solution.map(|solution| PySolution(Kind::Law(Box::new(solution)))).map_err(failed)))
    }
}

#[derive(Debug)]
enum Kind {
    Law(Box<Solution>),
    Transfer(Box<TransferSolution>),
}

/// A solution.
#[pyclass(frozen, name = "Solution", module = "diagonet._core")]
#[derive(Debug)]
pub(crate) struct PySolution(Kind);

impl PySolution {
    fn tuned(&self) -> &Solution {
        match &self.0 {
            Kind::Law(solution) => solution,
            Kind::Transfer(solution) => &solution.fine_tuning,
        }
    }
}

/// Solves a problem of one point.
#[pyfunction]
pub(crate) fn solve(py: Python<'_>, call: Call<'_>) -> PyResult<Pair<PySolution>> {
    let trainings = Trainings::new(&call)?;
    let (samples, solvers) = (AllSamples::new(&call)?, Solvers::new(&call)?);
    let solution = py.detach(|| {
        let (solver, samples) = (solvers.at(0)?, samples.at(0)?);
        Ok(if trainings.is_pretrained(0) {
            Kind::Transfer(Box::new(solver.solve(&trainings.transfer(0)?, &samples)?))
        } else {
            Kind::Law(Box::new(solver.solve(&trainings.scratch_law(0)?, &samples)?))
        })
    });
    Ok(pair(solution.map(PySolution).map_err(failed)))
}

#[pymethods]
impl PySolution {
    fn error(&self) -> f64 {
        self.tuned().generalization_error()
    }

    fn errors(&self) -> Vec<(String, f64)> {
        let groups = &self.tuned().errors.groups;
        groups.iter().map(|group| (group.label.to_string(), group.error)).collect()
    }

    fn parameter_errors(&self) -> (f64, Vec<(String, f64)>) {
        let errors = self.tuned().parameter_errors();
        let groups = errors.groups.iter();
        (errors.total, groups.map(|group| (group.label.to_string(), group.error)).collect())
    }

    fn sample_ratio(&self) -> f64 {
        self.tuned().samples().sample_ratio()
    }

    fn noise_variance(&self) -> f64 {
        self.tuned().samples().noise_variance()
    }

    fn explicit_penalty(&self) -> f64 {
        self.tuned().explicit_penalty()
    }

    fn effective_noise_variance(&self) -> f64 {
        self.tuned().state.effective_noise_variance
    }

    fn effective_penalty(&self) -> f64 {
        self.tuned().state.effective_penalty
    }

    fn estimator(&self) -> String {
        self.tuned().estimator.to_string()
    }

    fn difference_bound(&self) -> Option<f64> {
        self.tuned().difference_bound
    }

    fn law(&self) -> PyLaw {
        PyLaw(self.tuned().law().clone())
    }

    fn pretraining_error(&self) -> Option<f64> {
        match &self.0 {
            Kind::Law(_) => None,
            Kind::Transfer(solution) => {
                let pretraining = solution.pretraining.as_ref();
                Some(pretraining.map_or(0.0, Solution::generalization_error))
            }
        }
    }

    fn scratch(&self, py: Python<'_>) -> Pair<Self> {
        match &self.0 {
            Kind::Law(_) => (None, None),
            Kind::Transfer(solution) => {
                let scratch = py.detach(|| solution.from_scratch());
                pair(scratch.map(|scratch| Self(Kind::Law(Box::new(scratch)))).map_err(failed))
            }
        }
    }

    fn statistics(&self, py: Python<'_>, cut: f64) -> Pair<Py<PyDict>> {
        let statistics = py.detach(|| match &self.0 {
            Kind::Law(solution) => solution.statistics(cut),
            Kind::Transfer(solution) => solution.statistics(cut),
        });
        let statistics = match statistics {
            Ok(statistics) => statistics,
            Err(error) => return (None, Some(failed(error))),
        };
        (of_statistics(py, &statistics).ok(), None)
    }

    fn sensitivities(&self, py: Python<'_>) -> PyResult<Pair<Py<PyDict>>> {
        let dictionary = PyDict::new(py);
        match &self.0 {
            Kind::Transfer(solution) => match py.detach(|| solution.sensitivities()) {
                Err(error) => return Ok((None, Some(failed(error)))),
                Ok(found) => {
                    for (name, derivative) in found.generalization_error.entries() {
                        dictionary.set_item(name, derivative)?;
                    }
                }
            },
            Kind::Law(solution) => match py.detach(|| solution.sensitivities()) {
                Err(error) => return Ok((None, Some(failed(error)))),
                Ok(found) => {
                    let gradient = found.generalization_error;
                    dictionary.set_item("sample_ratio", gradient.sample_ratio)?;
                    dictionary.set_item("noise_variance", gradient.noise_variance)?;
                    dictionary.set_item("explicit_penalty", gradient.explicit_penalty)?;
                    let names = solution.law().groups().iter();
                    for (position, (group, own)) in names.zip(&gradient.groups).enumerate() {
                        let entries = [
                            ("weight", Some(own.weight)),
                            ("mean", Some(own.mean)),
                            ("variance", Some(own.variance)),
                            ("log_scale", Some(own.log_scale)),
                            ("start", own.start),
                            ("log_penalty_weight", Some(own.log_penalty_weight)),
                            ("log_input_variance", Some(own.log_input_variance)),
                        ];
                        for (name, derivative) in entries {
                            let key = format!("{position} {} {name}", group.label());
                            dictionary.set_item(key, derivative)?;
                        }
                    }
                }
            },
        }
        Ok((Some(dictionary.unbind()), None))
    }
}

/// Statistics in total, with rates.
fn of_statistics(py: Python<'_>, statistics: &Statistics) -> PyResult<Py<PyDict>> {
    let total = &statistics.total;
    let dictionary = PyDict::new(py);
    let entries = [
        ("mean", Some(total.mean)),
        ("variance", Some(total.variance)),
        ("discovery_rate", Some(total.discovery_rate)),
        ("true_discovery_rate", statistics.true_discovery_rate),
        ("false_discovery_rate", statistics.false_discovery_rate),
        ("forgetting", total.forgetting),
        ("pretraining_error_after_fine_tuning", total.pretraining_error_after_fine_tuning),
    ];
    for (name, value) in entries {
        dictionary.set_item(name, value)?;
    }
    Ok(dictionary.unbind())
}

/// The labels of the four classes of features, in their order.
#[pyfunction]
pub(crate) fn classes() -> [&'static str; 4] {
    FeatureClass::ALL.map(FeatureClass::label)
}
