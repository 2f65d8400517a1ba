//! The functions of many points. The Python side has their documentation.

use diagonet::{
    BayesOptimal, Error, Estimator, Feature, FeatureClass, InductiveBias, Initialization,
    InitializationDesign, LayerScales, OptimalParameter, Penalty, PenaltyPosition, Protocol,
    ProtocolBias, RecoveryThreshold, Regime, Samples, Solution, Solver, TargetBias, TaskBias,
    TransferSolution,
};
use pyo3::prelude::*;

use crate::batch::{Answers, RUN, compute, each};
use crate::columns::Call;
use crate::problems::{
    AllSamples, Optimizers, ScaleMaps, Solvers, Tasks, Trainings, Tuned, solve_run,
};

/// Regimes as numbers, from 1 to 4.
fn number_of(regime: Regime) -> f64 {
    match regime {
        Regime::I => 1.0,
        Regime::II => 2.0,
        Regime::III => 3.0,
        Regime::IV => 4.0,
    }
}

/// Checks tasks.
#[pyfunction]
pub(crate) fn check_task<'py>(py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
    let tasks = Tasks::new(&call)?;
    each(py, &call, RUN, |point| tasks.at(point).map(|_| [0.0]))
}

/// One plus relative scale of initializations, which checks them.
#[pyfunction]
pub(crate) fn scales<'py>(py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
    let scale_maps = ScaleMaps::new(&call)?;
    each(py, &call, RUN, |point| {
        let pretraining = scale_maps.at(point)?.pretraining();
        Ok([pretraining.relative_scale(), pretraining.lambda_gap()])
    })
}

/// Absolute scale and one plus relative scale of layers.
#[pyfunction]
pub(crate) fn scales_of_layers<'py>(py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
    let [first_layer, readout] = [call.number("first_layer")?, call.number("readout")?];
    each(py, &call, RUN, |point| {
        let layers = LayerScales { first_layer: first_layer.at(point), readout: readout.at(point) };
        let initialization = Initialization::from_layers(layers)?;
        Ok([initialization.absolute_scale(), initialization.lambda_gap()])
    })
}

/// The three scales of a regime.
#[pyfunction]
pub(crate) fn scales_of_regime(name: &str) -> Option<[f64; 3]> {
    let regime = Regime::ALL.into_iter().find(|regime| regime.to_string() == name)?;
    let map = regime.reference().ok()?;
    let pretraining = map.pretraining();
    Some([pretraining.absolute_scale(), pretraining.relative_scale(), map.readout_scale()])
}

/// Errors, in total and by class, with the state of the fixed point.
const SOLUTION: usize = 7;

fn of_solution(solution: &Solution) -> [f64; SOLUTION] {
    let class = |class: FeatureClass| solution.error_of(class).unwrap_or(f64::NAN);
    [
        solution.generalization_error(),
        class(FeatureClass::Shared),
        class(FeatureClass::New),
        class(FeatureClass::PretrainingOnly),
        class(FeatureClass::Unused),
        solution.state.effective_noise_variance,
        solution.state.effective_penalty,
    ]
}

/// Solutions of neighbouring points, reduced to `N` numbers each.
fn trained<'py, const N: usize>(
    py: Python<'py>,
    call: &Call<'py>,
    answer: impl Fn(&Solution) -> [f64; N] + Sync,
) -> PyResult<Answers<'py>> {
    let trainings = Trainings::new(call)?;
    let (samples, solvers) = (AllSamples::new(call)?, Solvers::new(call)?);
    compute(py, call, 1, RUN, |range, points| {
        let solver = |point| solvers.at(point);
        let mut begin = range.start;
        while begin < range.end {
            let is_simple = trainings.simple(begin).is_some();
            let same = |&point: &usize| trainings.simple(point).is_some() == is_simple;
            let end = begin + (begin..range.end).take_while(same).count();
            if is_simple {
                let law = |point| trainings.simple(point).unwrap_or_else(|| trainings.law(point));
                let problem = |point| Ok((law(point)?, samples.at(point)?));
                let answer = |solution: Solution| Ok(answer(&solution));
                solve_run(begin..end, points, solver, problem, answer);
            } else {
                let problem = |point| Ok((trainings.transfer(point)?, samples.at(point)?));
                let answer = |solution: TransferSolution| Ok(answer(solution.tuned()));
                solve_run(begin..end, points, solver, problem, answer);
            }
            begin = end;
        }
    })
}

/// Generalization errors.
#[pyfunction]
pub(crate) fn error<'py>(py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
    trained(py, &call, |solution| [solution.generalization_error()])
}

/// Errors by class, and the state.
#[pyfunction]
pub(crate) fn errors_by_class<'py>(py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
    trained(py, &call, of_solution)
}

/// Learning curves over one grid of sample ratios.
#[pyfunction]
pub(crate) fn learning_curve<'py>(
    py: Python<'py>,
    call: Call<'py>,
    sample_ratios: Vec<f64>,
) -> PyResult<Answers<'py>> {
    let trainings = Trainings::new(&call)?;
    let (samples, solvers) = (AllSamples::new(&call)?, Solvers::new(&call)?);
    fn errors<S: Tuned>(curve: Vec<diagonet::Result<S>>) -> Vec<diagonet::Result<[f64; 1]>> {
        let error = |solution: S| [solution.tuned().generalization_error()];
        curve.into_iter().map(|solution| solution.map(error)).collect()
    }
    let curve = |point: usize| -> diagonet::Result<_> {
        let (solver, noise) = (solvers.at(point)?, samples.noise_variance(point));
        Ok(match trainings.simple(point) {
            Some(law) => errors(solver.learning_curve(&law?, noise, &sample_ratios)),
            None => {
                let transfer = trainings.transfer(point)?;
                errors(solver.learning_curve(&transfer, noise, &sample_ratios))
            }
        })
    };
    compute(py, &call, sample_ratios.len(), 1, |range, points| {
        for point in range {
            let failed = |error: Error| vec![Err(error); sample_ratios.len()];
            let answers = curve(point).unwrap_or_else(failed);
            answers.into_iter().for_each(|answer| points.push(answer));
        }
    })
}

/// Smallest sample ratios that reach an error.
#[pyfunction]
pub(crate) fn required_samples<'py>(py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
    let trainings = Trainings::new(&call)?;
    let (samples, solvers) = (AllSamples::new(&call)?, Solvers::new(&call)?);
    let target = call.number("target_error")?;
    each(py, &call, 4, |point| {
        let (solver, noise) = (solvers.at(point)?, samples.noise_variance(point));
        let target = target.at(point);
        Ok([match trainings.simple(point) {
            Some(law) => solver.required_sample_ratio(&law?, noise, target)?,
            None => solver.required_sample_ratio(&trainings.transfer(point)?, noise, target)?,
        }])
    })
}

/// Solutions of both stages at neighbouring points, reduced to `N` numbers each.
fn transferred<'py, const N: usize>(
    py: Python<'py>,
    call: &Call<'py>,
    answer: impl Fn(TransferSolution) -> diagonet::Result<[f64; N]> + Sync,
) -> PyResult<Answers<'py>> {
    let trainings = Trainings::new(call)?;
    let (samples, solvers) = (AllSamples::new(call)?, Solvers::new(call)?);
    compute(py, call, 1, RUN, |range, points| {
        let problem = |point| Ok((trainings.transfer(point)?, samples.at(point)?));
        solve_run(range, points, |point| solvers.at(point), problem, &answer);
    })
}

/// Both stages: errors of pretraining, fine-tuning and training from scratch, and forgetting.
#[pyfunction]
pub(crate) fn transfer<'py>(py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
    transferred(py, &call, |solution| {
        let [error, shared, new, only, unused, ..] = of_solution(&solution.fine_tuning);
        // Unlimited data leave no error.
        let pretraining = solution.pretraining.as_ref();
        let pretraining = pretraining.map_or(0.0, Solution::generalization_error);
        let scratch = solution.from_scratch()?.generalization_error();
        let forgetting = solution.fine_tuning.forgetting()?.unwrap_or(f64::NAN);
        Ok([error, shared, new, only, unused, pretraining, scratch, forgetting])
    })
}

/// Statistics of the estimates.
#[pyfunction]
pub(crate) fn statistics<'py>(py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
    let trainings = Trainings::new(&call)?;
    let (samples, solvers) = (AllSamples::new(&call)?, Solvers::new(&call)?);
    let cut = call.number("discovery_cut")?;
    each(py, &call, 8, |point| {
        let transfer = trainings.transfer(point)?;
        let solution = solvers.at(point)?.solve(&transfer, &samples.at(point)?)?;
        let statistics = solution.statistics(cut.at(point))?;
        let total = statistics.total;
        let none = f64::NAN;
        Ok([
            total.mean,
            total.variance,
            total.discovery_rate,
            statistics.true_discovery_rate.unwrap_or(none),
            statistics.false_discovery_rate.unwrap_or(none),
            total.forgetting.unwrap_or(none),
            total.pretraining_error_after_fine_tuning.unwrap_or(none),
        ])
    })
}

/// Derivatives of the generalization error in all parameters.
#[pyfunction]
pub(crate) fn sensitivities<'py>(py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
    transferred(py, &call, |solution| {
        let gradient = solution.sensitivities()?.generalization_error;
        Ok(gradient.entries().map(|(_, derivative)| derivative.unwrap_or(f64::NAN)))
    })
}

/// The bias of features: l-order, pretraining dependence, price and regime.
#[pyfunction]
pub(crate) fn inductive_bias<'py>(py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
    let scale_maps = ScaleMaps::new(&call)?;
    let protocol = call.names("protocol", str::parse)?;
    let [pretrained, coefficient] =
        [call.number("pretrained_coefficient")?, call.number("coefficient")?];
    let threshold = call.number("threshold")?;
    each(py, &call, 4 * RUN, |point| {
        let map = scale_maps.at(point)?;
        let feature = Feature {
            pretrained_coefficient: pretrained.at(point),
            coefficient: coefficient.at(point),
        };
        let protocol: &Protocol = protocol.at(point)?;
        let threshold = threshold.at(point);
        if *protocol == Protocol::REBALANCED {
            let bias = InductiveBias::of_feature(&map, feature)?;
            return Ok([
                bias.l_order(),
                bias.pretraining_dependence(),
                bias.feature_price(),
                number_of(bias.regime_at(threshold)?),
            ]);
        }
        let bias = ProtocolBias::of_feature(protocol, &map, feature)?;
        Ok([
            bias.l_order,
            bias.pretraining_dependence,
            bias.feature_price.unwrap_or(f64::NAN),
            number_of(bias.regime_at(threshold)?),
        ])
    })
}

/// The bias of tasks: averages, and shares of features in each regime.
#[pyfunction]
pub(crate) fn task_bias<'py>(py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
    let (tasks, scale_maps) = (Tasks::new(&call)?, ScaleMaps::new(&call)?);
    let threshold = call.number("threshold")?;
    each(py, &call, RUN, |point| {
        let bias = TaskBias::of_task(&tasks.at(point)?, &scale_maps.at(point)?)?;
        let (average, shares) = (bias.average(), bias.regime_shares_at(threshold.at(point))?);
        let [first, second, third, fourth] = Regime::ALL.map(|regime| shares.share(regime));
        let (order, dependence) = (average.l_order(), average.pretraining_dependence());
        Ok([order, dependence, average.feature_price(), first, second, third, fourth])
    })
}

/// The initialization with a given bias.
#[pyfunction]
pub(crate) fn realize<'py>(py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
    let [l_order, dependence] = [call.number("l_order")?, call.number("pretraining_dependence")?];
    let [pretrained, coefficient] =
        [call.number("pretrained_coefficient")?, call.number("coefficient")?];
    let absolute_scale = call.number("absolute_scale")?;
    each(py, &call, RUN, |point| {
        let target =
            TargetBias { l_order: l_order.at(point), pretraining_dependence: dependence.at(point) };
        let feature = Feature {
            pretrained_coefficient: pretrained.at(point),
            coefficient: coefficient.at(point),
        };
        let map = InductiveBias::realize(target, feature, absolute_scale.at(point))?;
        let pretraining = map.pretraining();
        Ok([pretraining.absolute_scale(), pretraining.lambda_gap(), map.readout_scale()])
    })
}

/// Scale and start of fine-tuning.
#[pyfunction]
pub(crate) fn scale_and_start<'py>(py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
    let scale_maps = ScaleMaps::new(&call)?;
    let protocol = call.names("protocol", str::parse)?;
    let pretrained = call.number("pretrained_coefficient")?;
    each(py, &call, 4 * RUN, |point| {
        let protocol: &Protocol = protocol.at(point)?;
        let training = protocol.scale_and_start(&scale_maps.at(point)?, pretrained.at(point))?;
        Ok([training.scale, training.start])
    })
}

/// Penalty, derivative, curvature and l-order.
#[pyfunction]
pub(crate) fn penalty<'py>(py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
    let [coefficient, scale] = [call.number("coefficient")?, call.number("scale")?];
    each(py, &call, 4 * RUN, |point| {
        let (penalty, beta) = (Penalty::new(scale.at(point))?, coefficient.at(point));
        let (value, derivative) = (penalty.value(beta)?, penalty.derivative(beta)?);
        Ok([value, derivative, penalty.curvature(beta)?, penalty.l_order(beta)?])
    })
}

/// The proximal map, with its slope in its argument.
#[pyfunction]
pub(crate) fn proximal<'py>(py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
    let [z, theta, scale] = [call.number("z")?, call.number("theta")?, call.number("scale")?];
    each(py, &call, 4 * RUN, |point| {
        let penalty = Penalty::new(scale.at(point))?;
        let mapped = penalty.proximal(z.at(point), theta.at(point))?;
        Ok([mapped.value, mapped.slope_in_z])
    })
}

/// Errors of the Bayes-optimal learner: what message passing reaches, and what any learner does.
#[pyfunction]
pub(crate) fn bayes_error<'py>(py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
    let (trainings, samples) = (Trainings::new(&call)?, AllSamples::new(&call)?);
    each(py, &call, 1, |point| {
        let learner = bayes_optimal(&trainings, point)?;
        let solution = learner.solve(&samples.at(point)?)?;
        Ok([
            solution.message_passing().generalization_error(),
            solution.information_theoretic().generalization_error(),
        ])
    })
}

/// Sample ratios from which the Bayes-optimal learner recovers without noise.
#[pyfunction]
pub(crate) fn bayes_threshold<'py>(py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
    let trainings = Trainings::new(&call)?;
    each(py, &call, 1, |point| {
        let learner = bayes_optimal(&trainings, point)?;
        let reached = learner.message_passing_threshold()?;
        Ok([reached, learner.information_theoretic_threshold()])
    })
}

fn bayes_optimal(trainings: &Trainings, point: usize) -> diagonet::Result<BayesOptimal> {
    if trainings.is_pretrained(point) {
        BayesOptimal::of_transfer(&trainings.transfer(point)?)
    } else {
        BayesOptimal::from_scratch(&trainings.tasks.at(point)?)
    }
}

/// The best explicit penalty, and its error.
#[pyfunction]
pub(crate) fn best_penalty<'py>(py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
    let (trainings, samples) = (Trainings::new(&call)?, AllSamples::new(&call)?);
    let estimator = call.names("estimator", str::parse)?;
    each(py, &call, 1, |point| {
        let estimator: Estimator = *estimator.at(point)?;
        let solver = Solver::new().with_estimator(estimator);
        let best = solver.best_explicit_penalty(&trainings.law(point)?, &samples.at(point)?)?;
        Ok([number_of_penalty(best.position), best.generalization_error])
    })
}

/// A penalty between its limits, 0 and infinity.
pub(crate) fn number_of_penalty(position: PenaltyPosition) -> f64 {
    match position {
        PenaltyPosition::Finite(penalty) => penalty,
        PenaltyPosition::Infinite => f64::INFINITY,
        // No others are documented.
        _ => 0.0,
    }
}

/// Sample ratios from which weighted l1 recovers without noise.
#[pyfunction]
pub(crate) fn recovery_threshold<'py>(py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
    let (tasks, price) = (Tasks::new(&call)?, call.number("price")?);
    each(py, &call, RUN, |point| {
        let supports = tasks.supports(point)?;
        Ok([RecoveryThreshold::of_supports(&supports, price.at(point))?.sample_ratio()])
    })
}

/// The errors of several protocols, which share their pretraining; NaN for those without an answer,
/// unless none has one.
#[pyfunction]
pub(crate) fn protocol_errors<'py>(
    py: Python<'py>,
    call: Call<'py>,
    protocols: Vec<String>,
) -> PyResult<Answers<'py>> {
    let trainings = Trainings::new(&call)?;
    let (samples, solvers) = (AllSamples::new(&call)?, Solvers::new(&call)?);
    let protocols: Vec<diagonet::Result<Protocol>> =
        protocols.iter().map(|name| name.parse()).collect();
    let errors = |point: usize| -> diagonet::Result<Vec<f64>> {
        let protocols: Vec<Protocol> = protocols.iter().cloned().collect::<Result<_, _>>()?;
        let solver: Solver = solvers.at(point)?;
        let samples: Samples = samples.at(point)?;
        let ranking = solver.rank_protocols(&trainings.transfer(point)?, &samples, &protocols)?;
        let error = |protocol: &Protocol| {
            let found = ranking.ranked.iter().find(|ranked| ranked.protocol == *protocol);
            found.map_or(f64::NAN, |ranked| ranked.generalization_error())
        };
        Ok(protocols.iter().map(error).collect())
    };
    compute(py, &call, protocols.len(), 1, |range, points| {
        for point in range {
            match errors(point) {
                Ok(errors) => errors.into_iter().for_each(|error| points.push(Ok([error]))),
                Err(error) => protocols.iter().for_each(|_| points.push(Err(error.clone()))),
            }
        }
    })
}

/// Scales, and errors, at which training with noise and decay ends.
#[pyfunction]
pub(crate) fn effective_scale<'py>(py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
    let trainings = Trainings::new(&call)?;
    let (samples, solvers) = (AllSamples::new(&call)?, Solvers::new(&call)?);
    let optimizers = Optimizers::new(&call)?;
    each(py, &call, 4, |point| {
        let (solver, samples) = (solvers.at(point)?, samples.at(point)?);
        let optimizer = optimizers.at(point)?;
        let scale = if trainings.is_pretrained(point) {
            solver.solve(&trainings.transfer(point)?, &samples)?.effective_scale(&optimizer)?
        } else {
            solver.effective_scale(&trainings.scratch_law(point)?, &samples, &optimizer)?
        };
        let [low, high] = scale.generalization_errors();
        Ok([scale.low.factor(), scale.high.factor(), low, high])
    })
}

/// The best initialization in a box.
#[pyfunction]
pub(crate) fn best_initialization<'py>(py: Python<'py>, call: Call<'py>) -> PyResult<Answers<'py>> {
    let (tasks, samples) = (Tasks::new(&call)?, AllSamples::new(&call)?);
    let (pretraining, solvers) =
        (crate::problems::PretrainingSamples::new(&call)?, Solvers::new(&call)?);
    let tolerance = call.number("tolerance")?;
    let range = |name: &str| -> PyResult<_> {
        let ends =
            [call.optional(&format!("{name}_low"))?, call.optional(&format!("{name}_high"))?];
        Ok(move |point: usize| match &ends {
            [Some(low), Some(high)] => Some(low.at(point)..=high.at(point)),
            _ => None,
        })
    };
    let (absolute, relative, readout) =
        (range("absolute_scale")?, range("relative_scale")?, range("readout_scale")?);
    each(py, &call, 1, |point| {
        let (task, samples) = (tasks.at(point)?, samples.at(point)?);
        let mut design = InitializationDesign::new(&task, samples, 1.0)?
            .with_solver(solvers.at(point)?)
            .with_tolerance(tolerance.at(point))?;
        if let Some(range) = absolute(point) {
            design = design.with_absolute_scales(range)?;
        }
        if let Some(range) = relative(point) {
            design = design.with_relative_scales(range)?;
        }
        if let Some(range) = readout(point) {
            design = design.with_readout_scales(range)?;
        }
        if let Some(samples) = pretraining.at(point)? {
            design = design.with_pretraining_samples(samples);
        }
        let optimum = design.optimum()?;
        let bias = optimum.inductive_bias()?;
        let pretraining = optimum.scale_map.pretraining();
        let ends = |parameter: &OptimalParameter| parameter.tolerated;
        let [absolute_low, absolute_high] = ends(&optimum.absolute_scale);
        let [gap_low, gap_high] = ends(&optimum.one_plus_relative_scale);
        let [readout_low, readout_high] = ends(&optimum.readout_scale);
        Ok([
            pretraining.absolute_scale(),
            pretraining.lambda_gap(),
            optimum.scale_map.readout_scale(),
            optimum.solution.generalization_error(),
            optimum.balanced_error.unwrap_or(f64::NAN),
            optimum.gain().unwrap_or(f64::NAN),
            bias.l_order(),
            bias.pretraining_dependence(),
            number_of(bias.regime()),
            absolute_low,
            absolute_high,
            gap_low,
            gap_high,
            readout_low,
            readout_high,
        ])
    })
}
