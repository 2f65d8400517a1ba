"""Properties of the theory, over random problems."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import diagonet as dn

SETTINGS = settings(deadline=None, max_examples=60, derandomize=True)

unit = st.floats(0.01, 0.99)
exponents = st.floats(-6.0, 3.0)


@st.composite
def tasks(draw: st.DrawFn) -> dn.Task:
    """Tasks of any feasible supports."""
    density = draw(st.floats(0.02, 0.45))
    return dn.Task(density, draw(st.floats(0.01, 1.0)) * density, draw(unit))


@st.composite
def knobs(draw: st.DrawFn) -> dn.Initialization:
    """Initializations, dense next to lambda = -1."""
    gap = 2.0 * 10.0 ** draw(st.floats(-8.0, 0.0))
    return dn.Initialization(
        10.0 ** draw(exponents),
        lambda_gap=gap,
        readout_scale=draw(st.just(0.0) | st.floats(1e-3, 3.0)),
    )


@SETTINGS
@given(tasks(), knobs(), unit, st.floats(1e-6, 1.0))
def test_no_training_beats_the_bayes_optimal_learner(
    task: dn.Task, initialization: dn.Initialization, ratio: float, noise: float
) -> None:
    errors = dn.error(task, initialization, ratio, noise, pretrained=[True, False])
    least = dn.bayes_error(task, ratio, noise, pretrained=[True, False])
    assert np.all(errors >= least.information_theoretic * (1 - 1e-8))


@SETTINGS
@given(knobs(), st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_biases_lie_in_the_triangle(
    initialization: dn.Initialization, before: float, now: float
) -> None:
    bias = dn.inductive_bias(initialization, before, now)
    assert 1.0 <= bias.l_order <= 2.0 and -1.0 <= bias.pretraining_dependence <= 0.0
    assert 1.0 <= bias.l_order + bias.pretraining_dependence <= 2.0
    assert bias.price >= 1.0 and bias.regime in ("I", "II", "III", "IV")


@SETTINGS
@given(st.floats(1.05, 1.9), st.floats(0.0, 1.0))
def test_biases_are_realized(order: float, share: float) -> None:
    dependence = -0.5 * share * (order - 1.0)
    bias = dn.inductive_bias(dn.initialization_with(order, dependence))
    assert math.isclose(bias.l_order, order, abs_tol=4e-15)
    assert math.isclose(bias.pretraining_dependence, dependence, abs_tol=4e-15)


@SETTINGS
@given(tasks(), knobs(), unit)
def test_required_samples_reach_their_target(
    task: dn.Task, initialization: dn.Initialization, target: float
) -> None:
    ratio, message = dn.required_samples(task, initialization, target, on_error="nan")
    assert message == ""
    if ratio > 0.0:
        assert dn.error(task, initialization, ratio) <= target * (1 + 1e-9)


@SETTINGS
@given(tasks(), knobs(), st.floats(0.1, 0.9), st.floats(0.01, 1.0))
def test_sensitivities_are_derivatives(
    task: dn.Task, initialization: dn.Initialization, ratio: float, noise: float
) -> None:
    slopes = dn.sensitivities(task, initialization, ratio, noise)
    step = 1e-5
    at = ratio * (1 + step * np.array([-1.0, 0.0, 1.0]))
    low, middle, high = dn.error(task, initialization, at, noise)
    difference = (high - low) / (2 * step * ratio)
    assert math.isclose(
        slopes.sample_ratio, difference, rel_tol=1e-4, abs_tol=1e-5 * middle / step * 1e-2
    )


@SETTINGS
@given(tasks(), knobs(), unit, st.floats(0.0, 1.0))
def test_solutions_say_what_functions_say(
    task: dn.Task, initialization: dn.Initialization, ratio: float, noise: float
) -> None:
    solution = dn.solve(task, initialization, ratio, noise)
    stages = dn.transfer(task, initialization, ratio, noise)
    assert solution.error == stages.error
    assert solution.from_scratch().error == stages.from_scratch
    assert solution.errors["new"] == stages.new
    assert solution.pretraining_error == stages.pretraining_error == 0.0
    statistics = solution.statistics(0.1)
    assert statistics == dn.statistics(task, initialization, ratio, noise)._asdict()
    gradient = dn.sensitivities(task, initialization, ratio, noise)._asdict()
    own = solution.sensitivities()
    assert own.keys() == gradient.keys()
    np.testing.assert_array_equal(list(own.values()), list(gradient.values()))
    law = dn.Law.fine_tuning(task, initialization)
    assert math.isclose(law.error(ratio, noise), solution.error, rel_tol=1e-10)
    assert math.isclose(law.solve(ratio, noise).error, solution.error, rel_tol=1e-10)


@SETTINGS
@given(tasks(), unit, st.floats(0.01, 1.0))
def test_the_best_penalty_is_best(task: dn.Task, ratio: float, noise: float) -> None:
    lazy = dn.Initialization(1.0)
    best = dn.best_penalty(task, lazy, ratio, noise, estimator="lazy", pretrained=False)
    penalties = 10.0 ** np.linspace(-3, 3, 25)
    errors = dn.error(
        task,
        lazy,
        ratio,
        noise,
        estimator="lazy",
        explicit_penalty=penalties,
        pretrained=False,
    )
    assert best.error <= errors.min() * (1 + 1e-9)


@settings(deadline=None, max_examples=4, derandomize=True)
@given(tasks(), st.floats(0.1, 0.5))
def test_the_best_initialization_is_best(task: dn.Task, ratio: float) -> None:
    best = dn.best_initialization(task, ratio, 0.01)
    gaps = np.array([1e-6, 1e-3, 0.1, 1.0, 2.0])[:, None]
    readouts = np.array([0.0, 0.01, 1.0, 10.0])
    grid = dn.Initialization(1e-3, lambda_gap=gaps, readout_scale=readouts)
    assert best.error <= dn.error(task, grid, ratio, 0.01).min() * (1 + 1e-9)
    again = dn.error(task, best.initialization, ratio, 0.01)
    assert math.isclose(best.error, again, rel_tol=1e-9)
    low, high = best.tolerated_lambda_gap
    assert low <= best.lambda_gap <= high
