"""Parameters that many functions have."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from ._arrays import Call, Inputs, Names, Numbers, OnError
from ._inputs import Initialization, Task

INFINITY = math.inf

#: Parameters that many functions have, by a mark in their documentation.
_PARAMETERS = {
    "task": """
    task : Task
        Statistics of the coefficients.
    """,
    "initialization": """
    initialization : Initialization
        Scales of pretraining, and the readout scale of fine-tuning.
    """,
    "samples": """
    sample_ratio : array_like
        ``alpha = N / D``, samples of fine-tuning per coordinate, in [1e-300, 1e300].
    noise_variance : array_like, optional
        ``sigma**2`` of the labels, in the square of the unit of coefficients, in [0, 1e300].
    """,
    "noise": """
    noise_variance : array_like, optional
        ``sigma**2`` of the labels, in the square of the unit of coefficients, in [0, 1e300].
    """,
    "pretraining": """
    pretraining_sample_ratio, pretraining_noise_variance : array_like, optional
        Samples per coordinate and noise of pretraining; an infinite ratio stands for unlimited data.
    """,
    "protocol": """
    protocol : str or array of str, optional
        What is done to the weights between the stages, with its parameters: one of `PROTOCOLS`, with one
        factor for ``"learning_rates 4"``, ``"adapter 0.1"`` and, if not 1, ``"rebalanced 2"`` and
        ``"probe_rebalanced 2"``, and two for ``"rescaled 3 0.5"`` (first layer and readout).
    """,
    "solver": """
    estimator : str or array of str, optional
        ``"auto"`` and ``"quadrature"`` for the implicit penalty, ``"lazy"`` and ``"rich"`` for its limits
        (weighted l2 and l1), ``"least squares"``, ``"elastic net 0.5"`` with its curvature.
    explicit_penalty : array_like, optional
        ``kappa``: training minimizes ``||y - X b||**2 / 2 + kappa sum(q(b))``; in [0, 1e300].
    """,
    "pretrained": """
    pretrained : array_like of bool, optional
        Whether there is a pretraining stage; otherwise training on the data of fine-tuning starts from
        scratch, with the initialization of pretraining.
    """,
    "feature": """
    pretrained_coefficient, coefficient : array_like, optional
        Coefficients of the feature after pretraining and after fine-tuning, in [-1e300, 1e300]. A feature
        with ``pretrained_coefficient = 0`` is a new one.
    """,
    "on_error": """
    on_error : {"raise", "nan"}, optional
        With ``"raise"``, the first point without an answer is an `Error`. With ``"nan"``, the return value is
        a pair: the answers with NaN at such points, and messages of the same shape, empty where there
        is an answer.
    """,
}


_F = TypeVar("_F", bound=Callable[..., Any])


def documented(function: _F) -> _F:
    """Fills in the parameters that many functions have."""
    text = function.__doc__ or ""

    def parameters(mark: re.Match[str]) -> str:
        own = textwrap.dedent(_PARAMETERS[mark["name"]]).strip("\n")
        return textwrap.indent(own, mark["indent"])

    # From 3.13 on, the indent of a documentation is that of its first line.
    filled = re.sub(r"^(?P<indent> *)\[(?P<name>[a-z_]+)\]$", parameters, text, flags=re.M)
    function.__doc__ = filled
    function.__module__ = "diagonet"
    return function


def training(
    on_error: OnError,
    task: Task,
    initialization: Initialization,
    *,
    pretraining: tuple[ArrayLike, ArrayLike] = (INFINITY, 0.0),
    protocol: Names = "rebalanced",
    estimator: Names = "auto",
    pretrained: ArrayLike = True,
    **numbers: ArrayLike,
) -> Call:
    """The call of a function of training problems."""
    ratio, noise = pretraining
    shared: dict[str, ArrayLike] = {
        "pretraining_sample_ratio": ratio,
        "pretraining_noise_variance": noise,
        "pretrained": pretrained,
        "explicit_penalty": 0.0,
        "noise_variance": 0.0,
    }
    texts = {"protocol": protocol, "estimator": estimator}
    return Call(
        on_error,
        checked(task, Task),
        checked(initialization, Initialization),
        numbers=shared | numbers,
        texts=texts,
    )


def checked(value: Inputs, kind: type[Inputs]) -> Inputs:
    """An argument of the right kind."""
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is not a {kind.__name__}")
    return value


_REGIMES = np.array(["", "I", "II", "III", "IV"])


def regime_names(numbers: Numbers) -> Any:
    """Names of regimes; empty where there is no answer."""
    codes = np.asarray(numbers)
    names = _REGIMES.take(np.where(codes > 0.0, codes, 0.0).astype(np.intp))
    return str(names) if names.ndim == 0 else names
