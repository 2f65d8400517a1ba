"""Written by stubs.py."""
from __future__ import annotations
from typing import Literal, overload
from ._arrays import Messages
from typing import Any, NamedTuple
from numpy.typing import ArrayLike
from . import _core
from ._arrays import Call, Messages, Names, Numbers, OnError
from ._inputs import Initialization, Task
from ._parameters import checked, documented, regime_names

class InductiveBias(NamedTuple):
    l_order: Numbers
    pretraining_dependence: Numbers
    price: Numbers
    regime: Any

@overload
def inductive_bias(initialization: Initialization, pretrained_coefficient: ArrayLike=1.0, coefficient: ArrayLike=1.0, *, protocol: Names='rebalanced', threshold: ArrayLike=0.8, on_error: Literal['raise']='raise') -> InductiveBias:
    ...

@overload
def inductive_bias(initialization: Initialization, pretrained_coefficient: ArrayLike=1.0, coefficient: ArrayLike=1.0, *, protocol: Names='rebalanced', threshold: ArrayLike=0.8, on_error: Literal['nan']) -> tuple[InductiveBias, Messages]:
    ...

@overload
def regimes(initialization: Initialization, pretrained_coefficient: ArrayLike=1.0, coefficient: ArrayLike=1.0, *, protocol: Names='rebalanced', threshold: ArrayLike=0.8, on_error: Literal['raise']='raise') -> Any:
    ...

@overload
def regimes(initialization: Initialization, pretrained_coefficient: ArrayLike=1.0, coefficient: ArrayLike=1.0, *, protocol: Names='rebalanced', threshold: ArrayLike=0.8, on_error: Literal['nan']) -> tuple[Any, Messages]:
    ...

@overload
def price(initialization: Initialization, pretrained_coefficient: ArrayLike=1.0, coefficient: ArrayLike=1.0, *, protocol: Names='rebalanced', on_error: Literal['raise']='raise') -> Numbers:
    ...

@overload
def price(initialization: Initialization, pretrained_coefficient: ArrayLike=1.0, coefficient: ArrayLike=1.0, *, protocol: Names='rebalanced', on_error: Literal['nan']) -> tuple[Numbers, Messages]:
    ...

class TaskBias(NamedTuple):
    l_order: Numbers
    pretraining_dependence: Numbers
    price: Numbers
    share_of_I: Numbers
    share_of_II: Numbers
    share_of_III: Numbers
    share_of_IV: Numbers

@overload
def task_bias(task: Task, initialization: Initialization, *, threshold: ArrayLike=0.8, on_error: Literal['raise']='raise') -> TaskBias:
    ...

@overload
def task_bias(task: Task, initialization: Initialization, *, threshold: ArrayLike=0.8, on_error: Literal['nan']) -> tuple[TaskBias, Messages]:
    ...

def initialization_with(l_order: ArrayLike, pretraining_dependence: ArrayLike, pretrained_coefficient: ArrayLike=1.0, coefficient: ArrayLike=1.0, *, absolute_scale: ArrayLike=0.001) -> Initialization:
    ...

class ScaleAndStart(NamedTuple):
    scale: Numbers
    start: Numbers

@overload
def scale_and_start(initialization: Initialization, pretrained_coefficient: ArrayLike=1.0, *, protocol: Names='rebalanced', on_error: Literal['raise']='raise') -> ScaleAndStart:
    ...

@overload
def scale_and_start(initialization: Initialization, pretrained_coefficient: ArrayLike=1.0, *, protocol: Names='rebalanced', on_error: Literal['nan']) -> tuple[ScaleAndStart, Messages]:
    ...

class Penalty(NamedTuple):
    value: Numbers
    derivative: Numbers
    curvature: Numbers
    l_order: Numbers

@overload
def penalty(coefficient: ArrayLike, scale: ArrayLike, *, on_error: Literal['raise']='raise') -> Penalty:
    ...

@overload
def penalty(coefficient: ArrayLike, scale: ArrayLike, *, on_error: Literal['nan']) -> tuple[Penalty, Messages]:
    ...

class Proximal(NamedTuple):
    value: Numbers
    slope: Numbers

@overload
def proximal(z: ArrayLike, theta: ArrayLike, scale: ArrayLike, *, on_error: Literal['raise']='raise') -> Proximal:
    ...

@overload
def proximal(z: ArrayLike, theta: ArrayLike, scale: ArrayLike, *, on_error: Literal['nan']) -> tuple[Proximal, Messages]:
    ...
