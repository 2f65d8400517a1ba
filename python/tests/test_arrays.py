"""Broadcasting, and what happens where there is no answer."""

from __future__ import annotations

import inspect
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest
from conftest import assert_close
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import broadcastable_shapes

import diagonet as dn

TASK = dn.Task(0.1, 0.1, overlap=0.8)
KNOBS = dn.Initialization(1e-3, -0.9)


def test_numbers_give_numbers() -> None:
    error = dn.error(TASK, KNOBS, 0.3)
    assert type(error) is float
    assert isinstance(dn.regimes(KNOBS), str)
    value, message = dn.error(TASK, KNOBS, 0.3, on_error="nan")
    assert (value, message) == (error, "")
    value, message = dn.error(TASK, KNOBS, -0.3, on_error="nan")
    assert np.isnan(value) and message.startswith("sample_ratio = -0.3")


shapes = st.lists(broadcastable_shapes((2, 3), min_dims=0, max_dims=2), min_size=6, max_size=6)


@settings(deadline=None, max_examples=30, derandomize=True)
@given(shapes)
def test_every_parameter_broadcasts(shapes: list[tuple[int, ...]]) -> None:
    draw = np.random.default_rng(0).uniform
    shapes = [tuple(min(size, 3) for size in shape) for shape in shapes]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        return
    overlap, gap, readout, ratio, noise = (draw(0.1, 0.9, shape) for shape in shapes[:5])
    protocols = np.full(shapes[5], "rebalanced", dtype=object)
    protocols.flat[0] = "continued"
    arrays = np.broadcast_arrays(overlap, gap, readout, ratio, noise, protocols)
    errors = dn.error(
        dn.Task(0.2, 0.2, overlap),
        dn.Initialization(0.01, readout_scale=readout, lambda_gap=gap),
        ratio,
        noise,
        protocol=protocols,
    )
    assert np.shape(errors) == shape
    for index in np.ndindex(shape):
        own = [array[index] for array in arrays]
        alone = dn.error(
            dn.Task(0.2, 0.2, own[0]),
            dn.Initialization(0.01, readout_scale=own[2], lambda_gap=own[1]),
            own[3],
            own[4],
            protocol=str(own[5]),
        )
        assert_close(np.asarray(errors)[index], np.asarray(alone), 1e-10)


def test_long_arrays_are_those_of_their_points() -> None:
    ratios = np.linspace(0.01, 1.5, 1000).reshape(50, 20)
    errors = dn.error(TASK, KNOBS, ratios, 0.1)
    curve = dn.learning_curve(TASK, KNOBS, ratios.ravel(), 0.1)
    assert_close(errors.ravel(), curve, 1e-9)
    again = dn.error(TASK, KNOBS, ratios, 0.1)
    np.testing.assert_array_equal(errors, again)


def test_layout_does_not_matter() -> None:
    ratios = np.linspace(0.1, 0.9, 12).reshape(3, 4)
    errors = dn.error(TASK, KNOBS, ratios)
    np.testing.assert_allclose(dn.error(TASK, KNOBS, np.asfortranarray(ratios)), errors, rtol=1e-10)
    np.testing.assert_allclose(dn.error(TASK, KNOBS, ratios.T).T, errors, rtol=1e-10)
    np.testing.assert_allclose(
        dn.error(TASK, KNOBS, ratios[::2, ::-1]), errors[::2, ::-1], rtol=1e-10
    )
    assert dn.error(TASK, KNOBS, np.array([0.5, 0.25], dtype=np.float32)).dtype == np.float64
    assert dn.error(TASK, KNOBS, []).shape == (0,)
    assert dn.learning_curve(dn.Task(0.1, 0.1, [[0.5], [0.6]]), KNOBS, [0.1, 0.2, 0.3]).shape == (
        2,
        1,
        3,
    )


def test_errors_name_the_parameter() -> None:
    with pytest.raises(dn.DomainError) as raised:
        dn.error(TASK, KNOBS, [[0.1, 0.2], [0.3, -1.0]])
    error = raised.value
    assert (error.parameter, error.value, error.index) == ("sample_ratio", -1.0, (1, 1))
    assert error.domain == "[1e-300, 1e300]" and error.kind == "OutOfDomain"
    assert "sample_ratio = -1.0 is outside its domain [1e-300, 1e300] (at index (1, 1))" == str(
        error
    )
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.index) == (dn.DomainError, str(error), (1, 1))
    with pytest.raises(ValueError, match="overlap"):
        dn.Task(0.1, 0.1, overlap=1.5)
    with pytest.raises(dn.DomainError) as raised:
        dn.error(TASK, KNOBS, 0.3, protocol="none")
    assert raised.value.parameter == "protocol" and raised.value.value == "none"
    with pytest.raises(dn.Error) as diverges:
        dn.error(TASK, KNOBS, 1.0, 0.1)
    assert diverges.value.kind == "Diverges" and not isinstance(diverges.value, dn.DomainError)


def test_wrong_arguments_say_so() -> None:
    with pytest.raises(TypeError, match="sample_ratio = 'many' is not a number"):
        dn.error(TASK, KNOBS, "many")
    with pytest.raises(TypeError, match="noise_variance"):
        dn.error(TASK, KNOBS, 0.3, 1j)
    with pytest.raises(TypeError, match="protocol = 3"):
        dn.error(TASK, KNOBS, 0.3, protocol=3)
    with pytest.raises(TypeError, match="is not a Task"):
        dn.error(KNOBS, KNOBS, 0.3)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match=r"shapes cannot be broadcast: .*overlap has \(2,\)"):
        dn.error(dn.Task(0.1, 0.1, [0.1, 0.2]), KNOBS, [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="on_error"):
        dn.error(TASK, KNOBS, 0.3, on_error="ignore")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="say the same"):
        dn.Initialization(1.0, 0.0, lambda_gap=1.0)
    with pytest.raises(ValueError, match="batch"):
        dn.effective_scale(TASK, KNOBS, 0.3, batch=0.5)
    with pytest.raises(ValueError, match="sample_ratios"):
        dn.learning_curve(TASK, KNOBS, 0.3)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="numbers are expected"):
        dn.solve(TASK, dn.Initialization([1.0, 2.0]), 0.3)
    with pytest.raises(ValueError, match="none of I, II, III, IV"):
        dn.Initialization.of_regime("V")  # type: ignore[arg-type]
    with pytest.raises(dn.Error, match="instead of 1"):
        dn.Law([dn.Group("half", 0.5, 1.0)])
    with pytest.raises(dn.DomainError, match="in the group 'half'"):
        dn.Law([dn.Group("half", 1.5, 1.0)])


def test_messages_stand_where_there_is_no_answer() -> None:
    overlap = np.linspace(0.0, 1.0, 5)
    density = np.array([[0.1], [0.6]])
    task = dn.Task(0.3, density, overlap)
    errors, messages = dn.error(task, KNOBS, 0.3, on_error="nan")
    assert errors.shape == messages.shape == (2, 5)
    np.testing.assert_array_equal(np.isnan(errors), messages != "")
    assert messages[1, 4].startswith("infeasible supports") and messages[0, 0] == ""
    with pytest.raises(dn.DomainError, match=r"at index \(1, 3\)"):
        dn.error(task, KNOBS, 0.3)
    curves, messages = dn.learning_curve(task, KNOBS, [0.2, 0.3], on_error="nan")
    np.testing.assert_array_equal(np.isnan(curves), messages != "")
    names, messages = dn.regimes(dn.Initialization([1.0, -1.0]), on_error="nan")
    assert names[1] == "" and messages[1] and names[0] == "III" or names[0] in ("II", "IV")


def test_all_functions_answer_and_fail_alike() -> None:
    task, knobs = dn.Task(0.2, 0.1, [0.5, 2.0]), KNOBS
    calls: list[Any] = [
        lambda **more: dn.error(task, knobs, 0.3, **more),
        lambda **more: dn.learning_curve(task, knobs, [0.3], **more),
        lambda **more: dn.errors_by_class(task, knobs, 0.3, **more),
        lambda **more: dn.transfer(task, knobs, 0.3, **more),
        lambda **more: dn.required_samples(task, knobs, 0.1, **more),
        lambda **more: dn.statistics(task, knobs, 0.3, **more),
        lambda **more: dn.sensitivities(task, knobs, 0.3, **more),
        lambda **more: dn.task_bias(task, knobs, **more),
        lambda **more: dn.bayes_error(task, 0.3, 0.1, **more),
        lambda **more: dn.bayes_threshold(task, **more),
        lambda **more: dn.best_penalty(task, knobs, 0.3, 0.1, **more),
        lambda **more: dn.recovery_threshold(task, **more),
        lambda **more: dn.effective_scale(task, knobs, 0.3, learning_rate=0.1, **more),
        lambda **more: dn.best_initialization(task, 0.3, **more),
        lambda **more: dn.rank_protocols(task, knobs, 0.3, protocols=["continued"], **more),
    ]
    for call in calls:
        with pytest.raises(dn.DomainError) as raised:
            call()
        assert raised.value.parameter == "overlap" and raised.value.index[0] == 1
        answer, messages = call(on_error="nan")
        first = answer if isinstance(answer, np.ndarray) else answer[-1]
        first = answer.error if isinstance(answer, (dn.Ranking, dn.BestInitialization)) else first
        if isinstance(answer, dn.Sensitivities):
            first = answer.sample_ratio
        assert np.isfinite(np.ravel(first)[0]) and np.isnan(np.ravel(first)[1])
        assert np.ravel(messages)[0] == "" and "overlap" in np.ravel(messages)[1]


def test_objects_read_well() -> None:
    assert repr(TASK) == "Task(pretraining_density=0.1, fine_tuning_density=0.1, overlap=0.8)"
    grid = dn.Initialization(1e-3, lambda_gap=np.ones((2, 3)), readout_scale=[0.0, 1.0, 2.0])
    assert "lambda_gap=<array of shape (2, 3), 1 to 1>" in repr(grid)
    assert grid.shape == (2, 3) and TASK.shape == ()
    assert dn.Initialization(1.0, -1.0) == dn.Initialization(1.0, -1) != KNOBS
    assert hash(dn.Initialization(1.0, -1.0)) == hash(dn.Initialization(1.0, -1))
    assert pickle.loads(pickle.dumps(grid)) == grid
    assert dn.Initialization(1.0, lambda_gap=1e-20).lambda_gap == 1e-20
    assert dn.Initialization(1.0, lambda_gap=1e-20).relative_scale == -1.0
    assert repr(dn.solve(TASK, KNOBS, 0.3)).startswith("Solution(error=")
    with pytest.raises(TypeError):
        dn.Solution()


def test_other_threads_run() -> None:
    ticks = []
    done = threading.Event()

    def tick() -> None:
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    begin = time.perf_counter()
    dn.error(TASK, KNOBS, np.linspace(0.05, 0.9, 20_000))
    end = time.perf_counter()
    done.set()
    thread.join()
    during = [moment for moment in ticks if begin < moment < end]
    assert len(during) >= 3


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_an_interrupt_ends_a_long_call() -> None:
    code = (
        "import numpy as np, diagonet as dn; print('begun', flush=True);"
        "dn.error(dn.Task(.1, .1, .8), dn.Initialization(1e-300, -.9), np.linspace(.01, .9, 10**6))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, problems = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in problems


def test_documentation_is_complete() -> None:
    public = [getattr(dn, name) for name in dn.__all__]
    methods = [getattr(dn.Law, name) for name in vars(dn.Law) if not name.startswith("_")]
    for item in [*public, *methods]:
        if callable(item):
            text = item.__doc__
            assert text and not re.search(r"^ *\[[a-z_]+\]$", text, flags=re.M), item
    for function in public:
        if inspect.isfunction(function):
            text = function.__doc__ or ""
            for part in ("Parameters\n", "Returns\n", "Examples\n", "Source: "):
                assert part in text, (function, part)
            named = re.findall(r"^ *([\w, \n]+?) :", text, flags=re.M)
            documented = {name.strip() for names in named for name in names.split(",")}
            assert set(inspect.signature(function).parameters) <= documented, function
