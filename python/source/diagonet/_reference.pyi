"""Written by stubs.py."""
from __future__ import annotations
from typing import Literal, overload
from ._arrays import Messages
from typing import NamedTuple
from numpy.typing import ArrayLike
from . import _core
from ._arrays import Call, Names, Numbers, OnError
from ._inputs import Initialization, Task
from ._parameters import INFINITY, checked, documented, training

class BayesError(NamedTuple):
    message_passing: Numbers
    information_theoretic: Numbers

@overload
def bayes_error(task: Task, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, pretrained: ArrayLike=True, on_error: Literal['raise']='raise') -> BayesError:
    ...

@overload
def bayes_error(task: Task, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, pretrained: ArrayLike=True, on_error: Literal['nan']) -> tuple[BayesError, Messages]:
    ...

@overload
def bayes_threshold(task: Task, *, pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, pretrained: ArrayLike=True, on_error: Literal['raise']='raise') -> BayesError:
    ...

@overload
def bayes_threshold(task: Task, *, pretraining_sample_ratio: ArrayLike=INFINITY, pretraining_noise_variance: ArrayLike=0.0, pretrained: ArrayLike=True, on_error: Literal['nan']) -> tuple[BayesError, Messages]:
    ...

class BestPenalty(NamedTuple):
    explicit_penalty: Numbers
    error: Numbers

@overload
def best_penalty(task: Task, initialization: Initialization, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, estimator: Names='auto', pretrained: ArrayLike=True, on_error: Literal['raise']='raise') -> BestPenalty:
    ...

@overload
def best_penalty(task: Task, initialization: Initialization, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, estimator: Names='auto', pretrained: ArrayLike=True, on_error: Literal['nan']) -> tuple[BestPenalty, Messages]:
    ...

@overload
def recovery_threshold(task: Task, price: ArrayLike=1.0, *, on_error: Literal['raise']='raise') -> Numbers:
    ...

@overload
def recovery_threshold(task: Task, price: ArrayLike=1.0, *, on_error: Literal['nan']) -> tuple[Numbers, Messages]:
    ...
