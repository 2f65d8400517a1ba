"""Written by stubs.py."""
from __future__ import annotations
from typing import Literal, overload
from ._arrays import Messages
from typing import Any, NamedTuple
from numpy.typing import ArrayLike
from . import _core
from ._arrays import Call, Names, Numbers, OnError
from ._inputs import Initialization, Task
from ._parameters import INFINITY, checked, documented, regime_names

class BestInitialization(NamedTuple):
    absolute_scale: Numbers
    lambda_gap: Numbers
    readout_scale: Numbers
    error: Numbers
    equal_layers_error: Numbers
    gain: Numbers
    l_order: Numbers
    pretraining_dependence: Numbers
    regime: Any
    tolerated_absolute_scale: tuple[Numbers, Numbers]
    tolerated_lambda_gap: tuple[Numbers, Numbers]
    tolerated_readout_scale: tuple[Numbers, Numbers]

    @property
    def initialization(self) -> Initialization:
        ...

@overload
def best_initialization(task: Task, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, absolute_scale: ArrayLike | tuple[ArrayLike, ArrayLike]=0.001, relative_scale: ArrayLike | tuple[ArrayLike, ArrayLike] | None=None, readout_scale: ArrayLike | tuple[ArrayLike, ArrayLike] | None=None, tolerance: ArrayLike=0.001, pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, estimator: Names='auto', explicit_penalty: ArrayLike=0.0, on_error: Literal['raise']='raise') -> BestInitialization:
    ...

@overload
def best_initialization(task: Task, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, absolute_scale: ArrayLike | tuple[ArrayLike, ArrayLike]=0.001, relative_scale: ArrayLike | tuple[ArrayLike, ArrayLike] | None=None, readout_scale: ArrayLike | tuple[ArrayLike, ArrayLike] | None=None, tolerance: ArrayLike=0.001, pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, estimator: Names='auto', explicit_penalty: ArrayLike=0.0, on_error: Literal['nan']) -> tuple[BestInitialization, Messages]:
    ...
