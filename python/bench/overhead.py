"""Compares the time of calls with 1e4 points with that of the same problems in Rust, on one core.

``python bench/overhead.py`` builds and runs ``own_time.rs`` by turns with the calls, and prints a table. Its exit
code is 1 where a call of a microsecond a point or more takes more than 20 % longer than Rust.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

# Before the first call makes its pool of threads.
os.environ["RAYON_NUM_THREADS"] = "1"

import numpy as np

import diagonet as dn

ROOT = Path(__file__).parents[1]
SIDE, TURNS, TIMES = 100, 5, 5
#: Overhead in parts of the time of Rust, where that is at least so many seconds a point.
LIMIT, LEAST = 0.2, 1e-6


def calls() -> dict[str, Callable[[], object]]:
    """The calls, by the names of their functions."""
    gaps = 10.0 ** np.linspace(-3.0, 0.0, SIDE)
    overlaps, coefficients = np.linspace(0.0, 1.0, SIDE), np.linspace(0.1, 3.0, SIDE)
    ratios = np.linspace(0.05, 0.6, SIDE)
    return {
        "error": lambda: dn.error(
            dn.Task(0.1, 0.1, overlaps[:, None]),
            dn.Initialization(1e-3, lambda_gap=gaps),
            0.3,
            0.01,
        ),
        "learning_curve": lambda: dn.learning_curve(
            dn.Task(0.1, 0.1, 0.8), dn.Initialization(1e-3, lambda_gap=gaps), ratios, 0.01
        ),
        "inductive_bias": lambda: dn.inductive_bias(
            dn.Initialization(1e-3, lambda_gap=gaps), 1.0, coefficients[:, None]
        ),
    }


def rust() -> dict[str, float]:
    """Seconds of Rust."""
    command = ["cargo", "run", "--release", "--quiet", "--example", "own_time", "--", str(TIMES)]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return {name: float(seconds) for name, seconds in map(str.split, output.splitlines())}


def python() -> dict[str, float]:
    """Seconds of the calls, the least of several."""
    least = {}
    for name, call in calls().items():
        seconds = []
        for _ in range(TIMES):
            begin = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - begin)
        least[name] = min(seconds)
    return least


def main() -> int:
    """Prints the table."""
    turns = [(rust(), python()) for _ in range(TURNS)]
    is_slow = False
    print("| 1e4 points | Rust | from Python | overhead |\n|---|---|---|---|")
    for name in calls():
        own, whole = (min(turn[side][name] for turn in turns) for side in (0, 1))
        overhead = whole / own - 1.0
        is_slow |= overhead > LIMIT and own > LEAST * SIDE**2
        print(f"| `{name}` | {own * 1e3:.2f} ms | {whole * 1e3:.2f} ms | {overhead:.1%} |")
    return int(is_slow)


if __name__ == "__main__":
    sys.exit(main())
