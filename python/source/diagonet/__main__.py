"""The command ``python -m diagonet``: evaluates a CSV table of problems.

It is the program ``evaluate`` of the Rust crate: ``python -m diagonet --help`` explains the columns.
"""

import signal
import sys

from ._core import evaluate_table


def main() -> int:
    """Runs the command; returns its exit code."""
    # The table is computed outside of the interpreter, which would not see an interrupt.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return evaluate_table(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
