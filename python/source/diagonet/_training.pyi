"""Written by stubs.py."""
from __future__ import annotations
from typing import Literal, overload
from ._arrays import Messages
from collections.abc import Sequence
from typing import Any, NamedTuple
import numpy as np
from numpy.typing import ArrayLike, NDArray
from . import _core
from ._arrays import Names, Numbers, OnError, number
from ._inputs import Initialization, Task
from ._parameters import INFINITY, documented, training
PROTOCOLS: tuple[str, ...] = ...

@overload
def error(task: Task, initialization: Initialization, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, protocol: Names='rebalanced', estimator: Names='auto', explicit_penalty: ArrayLike=0.0, pretrained: ArrayLike=True, on_error: Literal['raise']='raise') -> Numbers:
    ...

@overload
def error(task: Task, initialization: Initialization, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, protocol: Names='rebalanced', estimator: Names='auto', explicit_penalty: ArrayLike=0.0, pretrained: ArrayLike=True, on_error: Literal['nan']) -> tuple[Numbers, Messages]:
    ...

@overload
def learning_curve(task: Task, initialization: Initialization, sample_ratios: Sequence[float] | NDArray[np.floating[Any]], noise_variance: ArrayLike=0.0, *, pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, protocol: Names='rebalanced', estimator: Names='auto', explicit_penalty: ArrayLike=0.0, pretrained: ArrayLike=True, on_error: Literal['raise']='raise') -> Numbers:
    ...

@overload
def learning_curve(task: Task, initialization: Initialization, sample_ratios: Sequence[float] | NDArray[np.floating[Any]], noise_variance: ArrayLike=0.0, *, pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, protocol: Names='rebalanced', estimator: Names='auto', explicit_penalty: ArrayLike=0.0, pretrained: ArrayLike=True, on_error: Literal['nan']) -> tuple[Numbers, Messages]:
    ...

class ClassErrors(NamedTuple):
    total: Numbers
    shared: Numbers
    new: Numbers
    pretraining_only: Numbers
    unused: Numbers
    effective_noise_variance: Numbers
    effective_penalty: Numbers

@overload
def errors_by_class(task: Task, initialization: Initialization, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, protocol: Names='rebalanced', estimator: Names='auto', explicit_penalty: ArrayLike=0.0, pretrained: ArrayLike=True, on_error: Literal['raise']='raise') -> ClassErrors:
    ...

@overload
def errors_by_class(task: Task, initialization: Initialization, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, protocol: Names='rebalanced', estimator: Names='auto', explicit_penalty: ArrayLike=0.0, pretrained: ArrayLike=True, on_error: Literal['nan']) -> tuple[ClassErrors, Messages]:
    ...

class Transfer(NamedTuple):
    error: Numbers
    shared: Numbers
    new: Numbers
    pretraining_only: Numbers
    unused: Numbers
    pretraining_error: Numbers
    from_scratch: Numbers
    forgetting: Numbers

    @property
    def error_reduction(self) -> Numbers:
        ...

@overload
def transfer(task: Task, initialization: Initialization, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, protocol: Names='rebalanced', estimator: Names='auto', explicit_penalty: ArrayLike=0.0, on_error: Literal['raise']='raise') -> Transfer:
    ...

@overload
def transfer(task: Task, initialization: Initialization, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, protocol: Names='rebalanced', estimator: Names='auto', explicit_penalty: ArrayLike=0.0, on_error: Literal['nan']) -> tuple[Transfer, Messages]:
    ...

@overload
def required_samples(task: Task, initialization: Initialization, target_error: ArrayLike, noise_variance: ArrayLike=0.0, *, pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, protocol: Names='rebalanced', estimator: Names='auto', explicit_penalty: ArrayLike=0.0, pretrained: ArrayLike=True, on_error: Literal['raise']='raise') -> Numbers:
    ...

@overload
def required_samples(task: Task, initialization: Initialization, target_error: ArrayLike, noise_variance: ArrayLike=0.0, *, pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, protocol: Names='rebalanced', estimator: Names='auto', explicit_penalty: ArrayLike=0.0, pretrained: ArrayLike=True, on_error: Literal['nan']) -> tuple[Numbers, Messages]:
    ...

class Statistics(NamedTuple):
    mean: Numbers
    variance: Numbers
    discovery_rate: Numbers
    true_discovery_rate: Numbers
    false_discovery_rate: Numbers
    forgetting: Numbers
    pretraining_error_after_fine_tuning: Numbers

@overload
def statistics(task: Task, initialization: Initialization, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, discovery_cut: ArrayLike=0.1, pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, protocol: Names='rebalanced', estimator: Names='auto', explicit_penalty: ArrayLike=0.0, on_error: Literal['raise']='raise') -> Statistics:
    ...

@overload
def statistics(task: Task, initialization: Initialization, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, discovery_cut: ArrayLike=0.1, pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, protocol: Names='rebalanced', estimator: Names='auto', explicit_penalty: ArrayLike=0.0, on_error: Literal['nan']) -> tuple[Statistics, Messages]:
    ...

class Sensitivities(NamedTuple):
    absolute_scale: Numbers
    relative_scale: Numbers
    readout_scale: Numbers
    pretraining_density: Numbers
    fine_tuning_density: Numbers
    overlap: Numbers
    pretraining_mean: Numbers
    pretraining_variance: Numbers
    shared_mean: Numbers
    shared_variance: Numbers
    new_mean: Numbers
    new_variance: Numbers
    correlation: Numbers
    pretraining_sample_ratio: Numbers
    pretraining_noise_variance: Numbers
    sample_ratio: Numbers
    noise_variance: Numbers
    explicit_penalty: Numbers
    first_protocol_parameter: Numbers
    second_protocol_parameter: Numbers
    log_input_variance_shared: Numbers
    log_input_variance_new: Numbers
    log_input_variance_pretraining_only: Numbers
    log_input_variance_unused: Numbers

@overload
def sensitivities(task: Task, initialization: Initialization, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, protocol: Names='rebalanced', estimator: Names='auto', explicit_penalty: ArrayLike=0.0, on_error: Literal['raise']='raise') -> Sensitivities:
    ...

@overload
def sensitivities(task: Task, initialization: Initialization, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, protocol: Names='rebalanced', estimator: Names='auto', explicit_penalty: ArrayLike=0.0, on_error: Literal['nan']) -> tuple[Sensitivities, Messages]:
    ...

class Ranking(NamedTuple):
    protocol: NDArray[np.str_]
    error: NDArray[np.float64]

@overload
def rank_protocols(task: Task, initialization: Initialization, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, protocols: Sequence[str], pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, estimator: Names='auto', explicit_penalty: ArrayLike=0.0, on_error: Literal['raise']='raise') -> Ranking:
    ...

@overload
def rank_protocols(task: Task, initialization: Initialization, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, protocols: Sequence[str], pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, estimator: Names='auto', explicit_penalty: ArrayLike=0.0, on_error: Literal['nan']) -> tuple[Ranking, Messages]:
    ...

class EffectiveScale(NamedTuple):
    low_factor: Numbers
    high_factor: Numbers
    low_error: Numbers
    high_error: Numbers

@overload
def effective_scale(task: Task, initialization: Initialization, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, learning_rate: ArrayLike=0.0, batch: ArrayLike=1, label_noise_variance: ArrayLike=0.0, steps_per_coordinate: ArrayLike=0.0, weight_decay_integral: ArrayLike=0.0, pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, protocol: Names='rebalanced', pretrained: ArrayLike=True, on_error: Literal['raise']='raise') -> EffectiveScale:
    ...

@overload
def effective_scale(task: Task, initialization: Initialization, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, learning_rate: ArrayLike=0.0, batch: ArrayLike=1, label_noise_variance: ArrayLike=0.0, steps_per_coordinate: ArrayLike=0.0, weight_decay_integral: ArrayLike=0.0, pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, protocol: Names='rebalanced', pretrained: ArrayLike=True, on_error: Literal['nan']) -> tuple[EffectiveScale, Messages]:
    ...
