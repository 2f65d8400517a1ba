"""The tables of the crate's tests, each in one call, at the budgets of the crate."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import assert_close, table, texts

import diagonet as dn

#: Budgets of the tables.
GENERALIZATION, PENALTY = 1e-9, 1e-14


def test_errors_of_fine_tuning() -> None:
    rows = table("generalization.csv")
    task = dn.Task(
        rows["rho_pt"],
        rows["rho_ft"],
        rows["overlap"],
        pretraining_magnitude=rows["beta_pt_active"],
        fine_tuning_variance=rows["var_ft_active"],
    )
    knobs = dn.Initialization(rows["c_pt"], rows["lambda_pt"], rows["gamma_ft"])
    samples = rows["alpha_ft"], rows["noise_var"]
    errors = dn.errors_by_class(task, knobs, *samples)
    columns = ["error", "err_shared", "err_new", "err_pt_only", "err_none", "s2", "theta"]
    for computed, column in zip(errors, columns):
        assert_close(computed, rows[column], GENERALIZATION)
    # Whether in one call or in many, from whichever neighbour: within the accuracy of the crate.
    assert_close(dn.error(task, knobs, *samples), errors.total, 1e-10)
    alone = [
        dn.solve(
            dn.Task(
                *(rows[name][i] for name in ("rho_pt", "rho_ft", "overlap")),
                pretraining_magnitude=rows["beta_pt_active"][i],
                fine_tuning_variance=rows["var_ft_active"][i],
            ),
            dn.Initialization(*(rows[name][i] for name in ("c_pt", "lambda_pt", "gamma_ft"))),
            rows["alpha_ft"][i],
            rows["noise_var"][i],
        ).error
        for i in range(0, len(rows["error"]), 7)
    ]
    assert_close(alone, rows["error"][::7], GENERALIZATION)


def test_penalties() -> None:
    rows = table("penalty.csv")
    computed = dn.penalty(rows["beta"], rows["c"])
    for values, column in zip(computed, ["q", "dq_dbeta", "d2q_dbeta2", "l_order"]):
        assert_close(values, rows[column], PENALTY)
    rows = table("prox.csv")
    value, slope = dn.proximal(rows["z"], rows["theta"], rows["c"])
    assert_close(value, rows["prox"], PENALTY)
    assert_close(slope, rows["dprox_dz"], PENALTY)


def test_scale_map() -> None:
    rows = table("transfer.csv")
    knobs = dn.Initialization(rows["c_pt"], rows["lambda_pt"], rows["gamma_ft"])
    training = dn.scale_and_start(knobs, rows["beta_pt"])
    assert_close(training.scale, rows["c_ft"], 1e-14)
    assert not np.any(training.start)


def protocol(kind: str, x: str, y: str) -> tuple[str, float]:
    """A protocol of a table with its parameters, and the readout scale."""
    if kind in ("rebalanced", "probe_rebalanced"):
        return f"{kind} {x}", float(y)
    if kind == "rescaled":
        return f"{kind} {x} {y}", 0.0
    if kind == "learning_rates":
        return f"{kind} {x}", 0.0
    return kind, float(y)


def test_protocols() -> None:
    rows = texts("protocols.csv")
    names, readouts = zip(*(protocol(row["kind"], row["x"], row["y"]) for row in rows))
    numbers = {
        name: np.array([float(row[name]) for row in rows])
        for name in ("c_pt", "lambda_pt", "beta_pt", "scale", "start")
    }
    knobs = dn.Initialization(numbers["c_pt"], numbers["lambda_pt"], readouts)
    training = dn.scale_and_start(knobs, numbers["beta_pt"], protocol=names)
    assert_close(training.scale, numbers["scale"], 1e-14)
    assert_close(training.start, numbers["start"], 1e-14)


def test_errors_of_protocols() -> None:
    rows = texts("protocol_errors.csv")
    names, readouts = zip(*(protocol(row["protocol"], row["x"], row["y"]) for row in rows))
    numbers = {
        name: np.array([float(row[name]) for row in rows]) for name in rows[0] if name != "protocol"
    }
    task = dn.Task(
        numbers["rho_pt"],
        numbers["rho_ft"],
        numbers["overlap"],
        pretraining_magnitude=numbers["beta_pt_active"],
        fine_tuning_variance=numbers["var_ft_active"],
    )
    knobs = dn.Initialization(numbers["c_pt"], numbers["lambda_pt"], readouts)
    errors = dn.errors_by_class(
        task, knobs, numbers["alpha_ft"], numbers["noise_var"], protocol=names
    )
    assert_close(errors.total, numbers["error"], 1e-9)
    assert_close(errors.effective_noise_variance, numbers["s2"], 1e-9)
    assert_close(errors.effective_penalty, numbers["theta"], 1e-9)


def test_bayes_errors() -> None:
    rows = table("bayes.csv")
    task = dn.Task(
        rows["rho_pt"], rows["rho_ft"], rows["overlap"], fine_tuning_variance=rows["var_ft_active"]
    )
    samples = rows["alpha_ft"], rows["noise_var"]
    pretrained = np.array([[True], [False]])
    errors = dn.bayes_error(task, *samples, pretrained=pretrained).message_passing
    assert_close(errors[0], rows["error_bayes"], 1e-9)
    assert_close(errors[1], rows["error_bayes_scratch"], 1e-9)


def test_structured_inputs() -> None:
    for row in texts("structured_inputs.csv"):
        groups = []
        for index, text in enumerate(next(iter(row.values())).split(";")):
            weight, variance, scale, inputs = map(float, text.split(":"))
            groups.append(
                dn.Group(str(index), weight, scale, variance=variance, input_variance=inputs)
            )
        law = dn.Law(groups)
        assert law.groups == groups
        solution = law.solve(float(row["alpha"]), float(row["noise_var"]))
        assert solution.error == pytest.approx(float(row["excess_test_error"]), rel=1e-9)
        assert solution.effective_noise_variance == pytest.approx(float(row["s2"]), rel=1e-9)
        assert solution.effective_penalty == pytest.approx(float(row["theta"]), rel=1e-9)
        own = sum(group.weight * solution.parameter_errors[group.label] for group in law.groups)
        assert own == pytest.approx(float(row["parameter_error"]), rel=1e-9)


@pytest.mark.parametrize(
    ("regime", "l_order", "dependence"),
    [("I", 1.074, -0.074), ("II", 1.887, -0.886), ("III", 2.0, -0.020), ("IV", 1.23, -0.23)],
)
def test_regimes(regime: str, l_order: float, dependence: float) -> None:
    bias = dn.inductive_bias(dn.Initialization.of_regime(regime))  # type: ignore[arg-type]
    assert bias.regime == regime
    assert bias.l_order == pytest.approx(l_order, abs=6e-4)
    assert bias.pretraining_dependence == pytest.approx(dependence, abs=6e-4)


def test_thresholds() -> None:
    density = np.array([0.05, 0.1, 0.15, 0.2])
    threshold = dn.bayes_threshold(dn.Task(0.5, density, 0.5), pretrained=False)
    expected = np.array([0.118732, 0.207559, 0.285166, 0.355411])
    np.testing.assert_allclose(threshold.message_passing, expected, atol=5e-7)
    np.testing.assert_allclose(threshold.information_theoretic, density, rtol=1e-14)
    # Donoho and Tanner, at a density of one tenth.
    assert dn.recovery_threshold(dn.Task(0.1, 0.1, 0.5)) == pytest.approx(0.328793505, abs=5e-10)


def test_networks_that_were_trained() -> None:
    """250 networks of 800 coordinates each, within twice their standard errors."""
    task = dn.Task(0.2, 0.1, 0.8, fine_tuning_variance=10.0)
    protocols = [
        "probe_kept",
        "probe_rebalanced",
        "continued",
        "rescaled 3 0.5",
        "rescaled 0.3 1.5",
    ]
    errors = dn.error(task, dn.Initialization(0.1, -0.5), 0.3, 0.05, protocol=protocols)
    expected = [0.410137, 0.421042, 0.670627, 0.362104, 0.309471]
    np.testing.assert_allclose(errors, expected, atol=6e-7)


def test_finite_pretraining() -> None:
    task = dn.Task(
        0.2, 0.1, 1.0, pretraining_prior="gaussian", pretraining_magnitude=5**0.5, correlation=0.8
    )
    stages = dn.transfer(
        task,
        dn.Initialization(0.01, -0.9),
        0.25,
        pretraining_sample_ratio=0.4,
        pretraining_noise_variance=0.01,
    )
    assert stages.pretraining_error == pytest.approx(0.2911, abs=5e-5)
    assert stages.error == pytest.approx(0.1978, abs=5e-5)


def test_input_variances() -> None:
    """A common variance of all inputs is a matter of units."""
    knobs, ratios = dn.Initialization(0.01, -0.5), np.array([0.2, 0.4])
    plain = dn.Task(0.2, 0.1, 0.8, fine_tuning_variance=10.0)
    scaled = dn.Task(
        0.2,
        0.1,
        0.8,
        fine_tuning_variance=10.0,
        input_variance_shared=4.0,
        input_variance_new=4.0,
        input_variance_pretraining_only=4.0,
        input_variance_unused=4.0,
    )
    assert scaled.input_variances == (4.0, 4.0, 4.0, 4.0) and plain.input_variances[0] == 1.0
    errors = dn.error(scaled, knobs, ratios, 0.4)
    assert_close(errors, 4.0 * dn.error(plain, knobs, ratios, 0.1), 1e-9)
