"""Written by stubs.py."""
from __future__ import annotations
from typing import Literal, overload
from ._arrays import Messages
import math
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar
from numpy.typing import ArrayLike
from . import _core
from ._arrays import Call, Names, Numbers, OnError, number
from ._errors import Failure, error_of
from ._inputs import Initialization, Task
from ._parameters import checked, documented, training
from ._reference import BestPenalty

class Group(NamedTuple):
    label: str
    weight: float
    scale: float
    variance: float = 0.0
    mean: float = 0.0
    start: float = 0.0
    penalty_weight: float = 1.0
    input_variance: float = 1.0

class Law:
    _law: _core.Law

    def __init__(self, groups: Sequence[Group]) -> None:
        ...

    @classmethod
    def _of(cls, law: _core.Law) -> Law:
        ...

    @classmethod
    def fine_tuning(cls, task: Task, initialization: Initialization) -> Law:
        ...

    @classmethod
    def from_scratch(cls, task: Task, initialization: Initialization) -> Law:
        ...

    @classmethod
    def from_coefficients(cls, pretrained: ArrayLike, coefficients: ArrayLike, initialization: Initialization) -> Law:
        ...

    @classmethod
    def power_law(cls, features: int, input_exponent: float, coefficient_exponent: float, *, scale: float, bins: int=120) -> Law:
        ...

    @property
    def groups(self) -> list[Group]:
        ...

    @overload
    def error(self, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, estimator: Names='auto', explicit_penalty: ArrayLike=0.0, on_error: Literal['raise']='raise') -> Numbers:
        ...

    @overload
    def error(self, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, estimator: Names='auto', explicit_penalty: ArrayLike=0.0, on_error: Literal['nan']) -> tuple[Numbers, Messages]:
        ...

    @overload
    def required_samples(self, target_error: ArrayLike, noise_variance: ArrayLike=0.0, *, estimator: Names='auto', explicit_penalty: ArrayLike=0.0, on_error: Literal['raise']='raise') -> Numbers:
        ...

    @overload
    def required_samples(self, target_error: ArrayLike, noise_variance: ArrayLike=0.0, *, estimator: Names='auto', explicit_penalty: ArrayLike=0.0, on_error: Literal['nan']) -> tuple[Numbers, Messages]:
        ...

    @overload
    def best_penalty(self, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, estimator: Names='auto', on_error: Literal['raise']='raise') -> BestPenalty:
        ...

    @overload
    def best_penalty(self, sample_ratio: ArrayLike, noise_variance: ArrayLike=0.0, *, estimator: Names='auto', on_error: Literal['nan']) -> tuple[BestPenalty, Messages]:
        ...

    def recovery_threshold(self, l1_weights: Sequence[float] | None=None) -> float:
        ...

    def solve(self, sample_ratio: float, noise_variance: float=0.0, *, estimator: str='auto', explicit_penalty: float=0.0) -> Solution:
        ...

    @staticmethod
    def _call(on_error: OnError, estimator: Names, explicit_penalty: ArrayLike, noise_variance: ArrayLike, **numbers: ArrayLike) -> Call:
        ...

    def __repr__(self) -> str:
        ...

class Solution:
    _solution: _core.Solution

    def __init__(self) -> None:
        ...

    @classmethod
    def _of(cls, solution: _core.Solution) -> Solution:
        ...

    @property
    def error(self) -> float:
        ...

    @property
    def errors(self) -> dict[str, float]:
        ...

    @property
    def parameter_errors(self) -> dict[str, float]:
        ...

    @property
    def sample_ratio(self) -> float:
        ...

    @property
    def noise_variance(self) -> float:
        ...

    @property
    def explicit_penalty(self) -> float:
        ...

    @property
    def effective_noise_variance(self) -> float:
        ...

    @property
    def effective_penalty(self) -> float:
        ...

    @property
    def estimator(self) -> str:
        ...

    @property
    def difference_bound(self) -> float:
        ...

    @property
    def law(self) -> Law:
        ...

    @property
    def pretraining_error(self) -> float:
        ...

    def from_scratch(self) -> Solution:
        ...

    def statistics(self, discovery_cut: float=0.1) -> dict[str, float]:
        ...

    def sensitivities(self) -> dict[str, float]:
        ...

    def __repr__(self) -> str:
        ...

def solve(task: Task, initialization: Initialization, sample_ratio: float, noise_variance: float=0.0, *, pretraining_sample_ratio: float=math.inf, pretraining_noise_variance: float=0.0, protocol: str='rebalanced', estimator: str='auto', explicit_penalty: float=0.0, pretrained: bool=True) -> Solution:
    ...
