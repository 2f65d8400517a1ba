"""Exact theory of pretraining and fine-tuning in diagonal linear networks.

The package computes the generalization error of fine-tuning from the initialization of each layer and the
statistics of two tasks, in the limit of many features, with the Rust crate of the same name. Functions
broadcast over NumPy arrays in every parameter, those of `Task` and `Initialization` included, and use all
cores. What has no answer is an `Error` that names the parameter, or NaN with a message.

Coefficients are in any unit. Absolute scales ``c`` are in the same unit, errors and variances in its
square, and ``gamma`` in its root; all other parameters have none.

Examples
--------
>>> import numpy as np
>>> import diagonet as dn
>>> task = dn.Task(pretraining_density=0.1, fine_tuning_density=0.1, overlap=0.8)
>>> gaps = np.array([1e-3, 0.06, 1.0])  # 1 + lambda: a first layer next to zero, small, equal
>>> dn.error(task, dn.Initialization(1e-3, lambda_gap=gaps), sample_ratio=0.25).round(4)
array([0.0328, 0.0209, 0.023 ])
"""

from ._bias import (
    InductiveBias,
    Penalty,
    Proximal,
    ScaleAndStart,
    TaskBias,
    inductive_bias,
    initialization_with,
    penalty,
    price,
    proximal,
    regimes,
    scale_and_start,
    task_bias,
)
from ._core import classes as _classes
from ._design import BestInitialization, best_initialization
from ._errors import DomainError, Error
from ._inputs import Initialization, Task
from ._law import Group, Law, Solution, solve
from ._reference import (
    BayesError,
    BestPenalty,
    bayes_error,
    bayes_threshold,
    best_penalty,
    recovery_threshold,
)
from ._training import (
    PROTOCOLS,
    ClassErrors,
    EffectiveScale,
    Ranking,
    Sensitivities,
    Statistics,
    Transfer,
    effective_scale,
    error,
    errors_by_class,
    learning_curve,
    rank_protocols,
    required_samples,
    sensitivities,
    statistics,
    transfer,
)

#: Labels of the four classes of features.
CLASSES: tuple[str, ...] = tuple(_classes())

__all__ = [
    "CLASSES",
    "PROTOCOLS",
    "BayesError",
    "BestInitialization",
    "BestPenalty",
    "ClassErrors",
    "DomainError",
    "EffectiveScale",
    "Error",
    "Group",
    "InductiveBias",
    "Initialization",
    "Law",
    "Penalty",
    "Proximal",
    "Ranking",
    "ScaleAndStart",
    "Sensitivities",
    "Solution",
    "Statistics",
    "Task",
    "TaskBias",
    "Transfer",
    "bayes_error",
    "bayes_threshold",
    "best_initialization",
    "best_penalty",
    "effective_scale",
    "error",
    "errors_by_class",
    "inductive_bias",
    "initialization_with",
    "learning_curve",
    "penalty",
    "price",
    "proximal",
    "rank_protocols",
    "recovery_threshold",
    "regimes",
    "required_samples",
    "scale_and_start",
    "sensitivities",
    "solve",
    "statistics",
    "task_bias",
    "transfer",
]
