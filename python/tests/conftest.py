"""What the tests share."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

FIXTURES = Path(__file__).parents[2] / "tests" / "fixtures"

Table = dict[str, NDArray[np.float64]]


def texts(name: str) -> list[dict[str, str]]:
    """Rows of a table of the crate's tests."""
    with (FIXTURES / name).open() as file:
        return list(csv.DictReader(file))


def table(name: str) -> Table:
    """Columns of a table of numbers."""
    rows = texts(name)
    assert rows
    return {column: np.array([float(row[column]) for row in rows]) for column in rows[0]}


def assert_close(computed: object, expected: NDArray[np.float64], budget: float) -> None:
    """Relative agreement, of zeros to the last bit."""
    np.testing.assert_allclose(np.asarray(computed), expected, rtol=budget, atol=0.0)


@pytest.fixture
def fixtures() -> Path:
    """The folder of the tables."""
    return FIXTURES
