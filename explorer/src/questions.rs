//! The questions of the page.
//!
//! Every function takes a [`State`] and a list of further numbers.

use diagonet::{
    BayesOptimal, Errors, Estimator, Feature, FeatureClass, InitializationDesign, ProtocolBias,
    Regime, Result, ScaleMap, Solver, Supports, TrainedLayers, Transfer,
};

use crate::state::State;

/// Refinement of the laws of finite pretraining that a search for an optimum takes; the error at the
/// optimum is that of the [`Solver`], with as many nodes as it needs.
const SEARCH_REFINEMENT: u32 = 2;

/// Numbers, and why some of them do not exist.
///
/// # Examples
///
/// See [`learning_curve`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// The numbers; NaN where there is none.
    pub values: Vec<f64>,
    /// Positions of the numbers that do not exist, each with the reason.
    pub messages: Vec<(usize, String)>,
}

impl Answer {
    fn push(&mut self, value: Result<f64>) {
        self.extend(value.map(|value| [value]));
    }

    /// Adds numbers that exist or do not exist together.
    fn extend<const N: usize>(&mut self, values: Result<[f64; N]>) {
        let values = values.unwrap_or_else(|error| {
            self.messages.push((self.values.len(), error.to_string()));
            [f64::NAN; N]
        });
        self.values.extend(values);
    }
}

impl FromIterator<Result<f64>> for Answer {
    fn from_iter<T: IntoIterator<Item = Result<f64>>>(values: T) -> Self {
        let mut answer = Self::default();
        values.into_iter().for_each(|value| answer.push(value));
        answer
    }
}

/// A line of the plot of learning curves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Current,
    Regime(Regime),
    FromScratch,
    BayesOptimal,
    Lasso,
}

impl Line {
    fn at(position: f64) -> Self {
        match position as usize {
            1 => Self::Regime(Regime::I),
            2 => Self::Regime(Regime::II),
            3 => Self::Regime(Regime::III),
            4 => Self::Regime(Regime::IV),
            5 => Self::FromScratch,
            6 => Self::BayesOptimal,
            7 => Self::Lasso,
            _ => Self::Current,
        }
    }
}

/// Errors on one line of the plot at a list of sample ratios: the first number is the line (0 the state
/// itself, 1 to 4 the regimes, 5 training from scratch, 6 the Bayes-optimal learner of both stages, 7 the
/// LASSO with the best penalty), the others are the ratios.
///
/// # Errors
///
/// Where there is no curve at all.
///
/// # Examples
///
/// ```
/// use diagonet_explorer::{State, questions};
///
/// let numbers = [1e-3, 1.0, 0.0, 0.1, 0.1, 1.0, 0.2, 0.01, f64::INFINITY, 0.0, 0.0, 1.0, 1.0];
/// let curve = questions::learning_curve(&State::read(&numbers)?, &[0.0, 0.2, 1.0])?;
/// assert!(curve.values[0] > 0.0);
/// // Noise is amplified without bound at the interpolation threshold.
/// assert!(curve.values[1].is_nan() && curve.messages[0].1.contains("diverges"));
/// # Ok::<(), diagonet::Error>(())
/// ```
pub fn learning_curve(state: &State, numbers: &[f64]) -> Result<Answer> {
    let Some((line, ratios)) = numbers.split_first() else {
        return Ok(Answer::default());
    };
    match Line::at(*line) {
        Line::Current => Ok(curve(state.transfer(), state, ratios)),
        Line::Regime(regime) => Ok(curve(&state.in_regime(regime)?, state, ratios)),
        Line::FromScratch => {
            let curve = Solver::new().learning_curve(
                &state.from_scratch()?,
                state.samples().noise_variance(),
                ratios,
            );
            Ok(curve.into_iter().map(|point| Ok(point?.generalization_error())).collect())
        }
        Line::BayesOptimal => {
            let bayes = BayesOptimal::of_transfer(state.transfer())?;
            let curve = bayes.learning_curve(state.samples().noise_variance(), ratios);
            let error = |point: Result<diagonet::BayesSolution>| {
                Ok(point?.message_passing().generalization_error())
            };
            Ok(curve.into_iter().map(error).collect())
        }
        Line::Lasso => {
            let law = state.from_scratch()?;
            let solver = Solver::new().with_estimator(Estimator::Rich);
            let noise = state.samples().noise_variance();
            let error = |ratio: &f64| {
                let samples = diagonet::Samples::new(*ratio)?.with_noise_variance(noise)?;
                Ok(solver.best_explicit_penalty(&law, &samples)?.generalization_error)
            };
            Ok(ratios.iter().map(error).collect())
        }
    }
}

fn curve(transfer: &Transfer, state: &State, ratios: &[f64]) -> Answer {
    let noise = state.samples().noise_variance();
    let curve = Solver::new().learning_curve(transfer, noise, ratios);
    curve.into_iter().map(|point| Ok(point?.generalization_error())).collect()
}

/// Errors at the sample ratio of the state. Nine numbers for the state itself: total error, and for the
/// classes shared, new, pretraining only and unused the probability and the mean error of a feature. Then
/// nine for training from scratch, and the error of pretraining on its own task.
///
/// # Errors
///
/// None: what does not exist is in the messages.
///
/// # Examples
///
/// ```
/// use diagonet_explorer::{State, questions};
///
/// let numbers = [1e-3, 0.1, 0.0, 0.1, 0.1, 0.5, 0.25, 0.01, f64::INFINITY, 0.0, 0.0, 1.0, 1.0];
/// let state = State::read(&numbers)?;
/// let errors = questions::errors(&state, &[])?.values;
/// // The total is the sum over the classes.
/// let sum: f64 = errors[1..9].chunks(2).map(|class| class[0] * class[1]).sum();
/// assert!((errors[0] / sum - 1.0).abs() < 1e-12 && errors[0] < errors[9]);
/// # Ok::<(), diagonet::Error>(())
/// ```
pub fn errors(state: &State, _: &[f64]) -> Result<Answer> {
    let mut answer = Answer::default();
    let (solver, samples) = (Solver::new(), state.samples());
    let probabilities = FeatureClass::ALL.map(|class| state.task().supports().probability(class));
    let solution = solver.solve(state.transfer(), &samples);
    let pretraining = solution.as_ref().map_or(f64::NAN, |solution| {
        solution.pretraining.as_ref().map_or(0.0, |solution| solution.generalization_error())
    });
    answer.extend(solution.map(|solution| by_class(&solution.fine_tuning.errors, probabilities)));
    let scratch = state.from_scratch().and_then(|law| solver.solve(&law, &samples));
    answer.extend(scratch.map(|solution| by_class(&solution.errors, probabilities)));
    answer.push(Ok(pretraining));
    Ok(answer)
}

fn by_class(errors: &Errors, probabilities: [f64; 4]) -> [f64; 9] {
    let mut numbers = [errors.total; 9];
    for (index, (class, probability)) in FeatureClass::ALL.iter().zip(probabilities).enumerate() {
        numbers[1 + 2 * index] = probability;
        // A class without features has no error.
        numbers[2 + 2 * index] = errors.of(class).unwrap_or(0.0);
    }
    numbers
}

/// The inductive bias of a shared feature of typical size: order `l`, pretraining dependence `PD`, the
/// three barycentric coordinates, the price of a new feature (infinite where it is frozen, NaN without
/// one), and the number of the regime.
///
/// # Errors
///
/// Those of [`ProtocolBias::of_feature`].
///
/// # Examples
///
/// ```
/// use diagonet_explorer::{State, questions};
///
/// let numbers = [1e-3, 0.01, 0.0, 1.0, 1.0, 1.0, 0.2, 0.01, f64::INFINITY, 0.0, 0.0, 1.0, 1.0];
/// let bias = questions::bias(&State::read(&numbers)?, &[])?;
/// assert!((bias.values[0] - 1.23).abs() < 0.005 && bias.values[6] == 4.0);
/// # Ok::<(), diagonet::Error>(())
/// ```
pub fn bias(state: &State, _: &[f64]) -> Result<Answer> {
    let mut answer = Answer::default();
    answer.extend(bias_of(state.transfer()));
    Ok(answer)
}

fn bias_of(transfer: &Transfer) -> Result<[f64; 7]> {
    let typical = Feature::typical_of(transfer.task());
    let bias = ProtocolBias::of_feature(&transfer.protocol(), &transfer.scale_map(), typical)?;
    let at = bias.coordinates();
    Ok([
        bias.l_order,
        bias.pretraining_dependence,
        at.rich_independent,
        at.lazy_dependent,
        at.lazy_independent,
        bias.feature_price.unwrap_or(f64::NAN),
        match bias.regime() {
            Regime::I => 1.0,
            Regime::II => 2.0,
            Regime::III => 3.0,
            Regime::IV => 4.0,
        },
    ])
}

/// Points of the triangle of regimes, `l` and `PD`, on the path of a knob: the first number is the knob (0
/// `c`, 1 `1 + lambda`, 2 `gamma`), the others are its values.
///
/// # Errors
///
/// None: what does not exist is in the messages.
///
/// # Examples
///
/// ```
/// use diagonet_explorer::{State, questions};
///
/// let numbers = [1e-3, 0.1, 0.0, 0.1, 0.1, 0.5, 0.25, 0.01, f64::INFINITY, 0.0, 0.0, 1.0, 1.0];
/// let state = State::read(&numbers)?;
/// let path = questions::path(&state, &[2.0, 0.0, 100.0])?.values;
/// // A large readout leads to the corner of regime III.
/// assert!((path[2] - 2.0).abs() < 1e-3 && path[3].abs() < 1e-3);
/// # Ok::<(), diagonet::Error>(())
/// ```
pub fn path(state: &State, numbers: &[f64]) -> Result<Answer> {
    let mut answer = Answer::default();
    let Some((knob, values)) = numbers.split_first() else {
        return Ok(answer);
    };
    let map = state.transfer().scale_map();
    let own =
        [map.pretraining().absolute_scale(), map.pretraining().lambda_gap(), map.readout_scale()];
    for value in values {
        let mut scales = own;
        if let Some(scale) = scales.get_mut(*knob as usize) {
            *scale = *value;
        }
        answer.extend(scale_map(scales).and_then(|map| {
            let [order, dependence, ..] = bias_of(&state.with_scale_map(map))?;
            Ok([order, dependence])
        }));
    }
    Ok(answer)
}

fn scale_map([absolute, lambda_gap, readout]: [f64; 3]) -> Result<ScaleMap> {
    let scales = diagonet::GapScales { absolute, lambda_gap };
    ScaleMap::new(diagonet::Initialization::from_lambda_gap(scales)?, readout)
}

/// Errors over a grid of `1 + lambda` and `gamma`, row by row: the first number is the count of columns,
/// then come the values of `1 + lambda` of the columns, and the values of `gamma` of the rows.
///
/// # Errors
///
/// None: what does not exist is in the messages.
///
/// # Examples
///
/// ```
/// use diagonet_explorer::{State, questions};
///
/// let numbers = [1e-3, 0.1, 0.0, 0.1, 0.1, 0.5, 0.25, 0.01, f64::INFINITY, 0.0, 0.0, 1.0, 1.0];
/// let state = State::read(&numbers)?;
/// let map = questions::error_map(&state, &[2.0, 0.01, 1.0, 0.0, 10.0])?.values;
/// // A small first layer is better here, and a large readout is worse.
/// assert!(map[0] < map[1] && map[1] < map[3]);
/// # Ok::<(), diagonet::Error>(())
/// ```
pub fn error_map(state: &State, numbers: &[f64]) -> Result<Answer> {
    let (gaps, readouts) = axes(numbers);
    let problem = |row: usize, column: usize| {
        Ok((state.with_scales(gaps[column], readouts[row])?, state.samples()))
    };
    let errors = Solver::new().solve_grid(readouts.len(), gaps.len(), problem, |solution| {
        solution.map(|solution| solution.generalization_error())
    });
    Ok(errors.into_iter().collect())
}

/// Barycentric coordinates in the triangle of regimes over the same grid: three numbers a point, on I, II
/// and III.
///
/// # Errors
///
/// None: what does not exist is in the messages.
///
/// # Examples
///
/// ```
/// use diagonet_explorer::{State, questions};
///
/// let numbers = [1e-3, 0.1, 0.0, 0.1, 0.1, 0.5, 0.25, 0.01, f64::INFINITY, 0.0, 0.0, 1.0, 1.0];
/// let state = State::read(&numbers)?;
/// let map = questions::regime_map(&state, &[1.0, 1e-6, 0.0])?.values;
/// assert!(map[0] > 0.8 && (map.iter().sum::<f64>() - 1.0).abs() < 1e-12);
/// # Ok::<(), diagonet::Error>(())
/// ```
pub fn regime_map(state: &State, numbers: &[f64]) -> Result<Answer> {
    let (gaps, readouts) = axes(numbers);
    let mut answer = Answer::default();
    for readout in readouts {
        for gap in gaps {
            let transfer = state.with_scales(*gap, *readout);
            answer.extend(transfer.and_then(|transfer| {
                let [_, _, first, second, third, ..] = bias_of(&transfer)?;
                Ok([first, second, third])
            }));
        }
    }
    Ok(answer)
}

fn axes(numbers: &[f64]) -> (&[f64], &[f64]) {
    let Some((columns, values)) = numbers.split_first() else {
        return (&[], &[]);
    };
    values.split_at((*columns as usize).min(values.len()))
}

/// The best `1 + lambda` and `gamma` at the state's `c`, whatever its own: the numbers are the ends of the
/// ranges of `1 + lambda` and of `gamma`.
///
/// The answer: `1 + lambda`, `gamma` and the error there; the order `l`, the price of a new feature and the
/// number of the regime there; the ends of the tolerated interval of `1 + lambda`, and of that of `gamma`.
///
/// # Errors
///
/// Those of [`InitializationDesign::optimum`].
///
/// # Examples
///
/// ```
/// use diagonet_explorer::{State, questions};
///
/// let numbers = [1e-3, 0.1, 0.0, 0.1, 0.1, 0.5, 0.25, 0.01, f64::INFINITY, 0.0, 0.0, 1.0, 1.0];
/// let state = State::read(&numbers)?;
/// let best = questions::optimum(&state, &[1e-6, 2.0, 0.0, 100.0])?.values;
/// let own = questions::errors(&state, &[])?.values[0];
/// assert!(best[0] < 0.1 && best[1] == 0.0 && best[2] < own);
/// # Ok::<(), diagonet::Error>(())
/// ```
pub fn optimum(state: &State, numbers: &[f64]) -> Result<Answer> {
    let &[lowest_gap, highest_gap, lowest_readout, highest_readout] = numbers else {
        return Ok(Answer::default());
    };
    let transfer = state.transfer();
    let absolute = transfer.scale_map().pretraining().absolute_scale();
    let design = InitializationDesign::new(state.task(), state.samples(), absolute)?
        .with_lambda_gaps(lowest_gap..=highest_gap)?
        .with_readout_scales(lowest_readout..=highest_readout)?;
    let frozen = transfer.protocol().trained_layers() != TrainedLayers::Both;
    let estimator = if frozen { Estimator::Lazy } else { Estimator::Auto };
    let laws = |map: &ScaleMap| state.with_scale_map(*map).law(SEARCH_REFINEMENT);
    let optimum =
        design.with_solver(Solver::new().with_estimator(estimator)).optimum_over(&laws)?;

    let best = state.with_scale_map(optimum.scale_map);
    let (gap, readout) =
        (optimum.scale_map.pretraining().lambda_gap(), optimum.scale_map.readout_scale());
    let mut answer = Answer { values: vec![gap, readout], messages: Vec::new() };
    let solution = Solver::new().solve(&best, &state.samples());
    answer.push(solution.map(|solution| solution.generalization_error()));
    answer.extend(bias_of(&best).map(|[order, .., price, regime]| [order, price, regime]));
    answer.values.extend(optimum.one_plus_relative_scale.tolerated);
    answer.values.extend(optimum.readout_scale.tolerated);
    Ok(answer)
}

/// Errors with one knob moved: the numbers are a value of `1 + lambda` and one of `gamma`, the answer is the
/// error with the first alone, and with the second alone.
///
/// # Errors
///
/// None: what does not exist is in the messages.
///
/// # Examples
///
/// ```
/// use diagonet_explorer::{State, questions};
///
/// let numbers = [1e-3, 0.1, 0.0, 0.1, 0.1, 0.5, 0.25, 0.01, f64::INFINITY, 0.0, 0.0, 1.0, 1.0];
/// let state = State::read(&numbers)?;
/// let moved = questions::moved(&state, &[0.01, 10.0])?.values;
/// assert!(moved[0] < moved[1]);
/// # Ok::<(), diagonet::Error>(())
/// ```
pub fn moved(state: &State, numbers: &[f64]) -> Result<Answer> {
    let &[gap, readout] = numbers else {
        return Ok(Answer::default());
    };
    let own = state.transfer().scale_map();
    let moves = [(gap, own.readout_scale()), (own.pretraining().lambda_gap(), readout)];
    let error = |(gap, readout)| {
        let solution = Solver::new().solve(&state.with_scales(gap, readout)?, &state.samples())?;
        Ok(solution.generalization_error())
    };
    Ok(moves.into_iter().map(error).collect())
}

/// The lowest and the highest overlap that two densities can have: those of pretraining and of
/// fine-tuning.
///
/// # Errors
///
/// Those of [`Supports::feasible_overlaps`].
///
/// # Examples
///
/// ```
/// use diagonet_explorer::questions;
///
/// assert_eq!(questions::overlaps(&[0.1, 0.2])?.values, [0.0, 0.5]);
/// # Ok::<(), diagonet::Error>(())
/// ```
pub fn overlaps(densities: &[f64]) -> Result<Answer> {
    let &[pretraining, fine_tuning] = densities else {
        return Ok(Answer::default());
    };
    let overlaps = Supports::feasible_overlaps(pretraining, fine_tuning)?.unwrap_or(0.0..=1.0);
    Ok(Answer { values: vec![*overlaps.start(), *overlaps.end()], messages: Vec::new() })
}
