"""``python -m diagonet``."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import pytest

import diagonet as dn


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """The command on these arguments."""
    command = [sys.executable, "-m", "diagonet", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def test_a_table_is_evaluated(fixtures: Path) -> None:
    result = run(str(fixtures / "generalization.csv"), "--no-bayes")
    assert result.returncode == 0 and result.stderr == ""
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    with (fixtures / "generalization.csv").open() as file:
        expected = list(csv.DictReader(file))
    assert len(rows) == len(expected)
    for row, own in zip(rows, expected):
        assert float(row["error"]) == pytest.approx(float(own["error"]), rel=1e-9)
    # Its own output reads as its input, to the byte.
    assert run("--no-bayes", stdin=result.stdout).stdout == result.stdout


def test_the_command_agrees_with_the_functions() -> None:
    table = (
        "rho_pt,rho_ft,overlap,beta_pt_active,var_ft_active,c_pt,lambda_gap,gamma_ft,alpha_ft,noise_var\n"
        "0.2,0.1,0.8,1,10,0.1,0.5,0.6,0.3,0.05\n"
    )
    (row,) = csv.DictReader(io.StringIO(run(stdin=table).stdout))
    task = dn.Task(0.2, 0.1, 0.8, fine_tuning_variance=10.0)
    knobs = dn.Initialization(0.1, lambda_gap=0.5, readout_scale=0.6)
    stages = dn.transfer(task, knobs, 0.3, 0.05)
    assert float(row["error"]) == stages.error
    assert float(row["error_scratch"]) == stages.from_scratch
    assert float(row["forgetting"]) == stages.forgetting
    assert float(row["error_bayes"]) == dn.bayes_error(task, 0.3, 0.05).message_passing


def test_exit_codes() -> None:
    assert run("no such file").returncode == 2
    assert run("--help").returncode == 0 and "python -m diagonet" in run("--help").stdout
    assert run("--wrong").returncode == 2
    table = (
        "rho_pt,rho_ft,overlap,beta_pt_active,var_ft_active,c_pt,lambda_pt,gamma_ft,alpha_ft,noise_var\n"
        "0.2,0.1,0.8,1,10,0.1,-0.5,0.6,-1,0.05\n"
    )
    result = run(stdin=table)
    assert result.returncode == 1 and "alpha" in result.stdout or "sample_ratio" in result.stdout
