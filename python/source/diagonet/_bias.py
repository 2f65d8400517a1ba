"""The inductive bias of features and tasks, and the penalty behind it."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import ArrayLike

from . import _core
from ._arrays import Call, Messages, Names, Numbers, OnError
from ._inputs import Initialization, Task
from ._parameters import checked, documented, regime_names


class InductiveBias(NamedTuple):
    """The inductive bias of a feature, see `inductive_bias`."""

    l_order: Numbers
    pretraining_dependence: Numbers
    price: Numbers
    regime: Any


def _bias(
    on_error: OnError,
    initialization: Initialization,
    pretrained_coefficient: ArrayLike,
    coefficient: ArrayLike,
    protocol: Names,
    threshold: ArrayLike,
) -> tuple[InductiveBias, Messages, Call]:
    numbers = {
        "pretrained_coefficient": pretrained_coefficient,
        "coefficient": coefficient,
        "threshold": threshold,
    }
    checked(initialization, Initialization)
    call = Call(on_error, initialization, numbers=numbers, texts={"protocol": protocol})
    (order, dependence, price, regime), messages = call.answers(_core.inductive_bias)
    return InductiveBias(order, dependence, price, regime_names(regime)), messages, call


@documented
def inductive_bias(
    initialization: Initialization,
    pretrained_coefficient: ArrayLike = 1.0,
    coefficient: ArrayLike = 1.0,
    *,
    protocol: Names = "rebalanced",
    threshold: ArrayLike = 0.8,
    on_error: OnError = "raise",
) -> InductiveBias:
    """The inductive bias of fine-tuning in a feature.

    Parameters
    ----------
    [initialization]
    [feature]
    [protocol]
    threshold : array_like, optional
        Barycentric coordinate from which a point of the triangle has the name of a corner, in (0.5, 1].
    [on_error]

    Returns
    -------
    InductiveBias
        `l_order`, ``dlog q / dlog|beta_FT|``, from 1 (rich) to 2 (lazy); `pretraining_dependence`,
        ``dlog q / dlog|beta_PT|``, from -1 to 0; `price` of a new feature against this one; and the name
        of the `regime`.

    Notes
    -----
    Source: Lippl and Lindsey 2024 (arXiv:2310.02396); Anguita et al. 2026 (arXiv:2602.20062), section 4.

    Examples
    --------
    >>> import diagonet as dn
    >>> bias = dn.inductive_bias(dn.Initialization(1e-3, -0.99))
    >>> print(f"l-order {bias.l_order:.3f}, {bias.pretraining_dependence:.3f}, regime {bias.regime}")
    l-order 1.230, -0.230, regime IV
    """
    bias, messages, call = _bias(
        on_error, initialization, pretrained_coefficient, coefficient, protocol, threshold
    )
    return call.returned(bias, messages)  # type: ignore[no-any-return]


@documented
def regimes(
    initialization: Initialization,
    pretrained_coefficient: ArrayLike = 1.0,
    coefficient: ArrayLike = 1.0,
    *,
    protocol: Names = "rebalanced",
    threshold: ArrayLike = 0.8,
    on_error: OnError = "raise",
) -> Any:
    """Regimes of features, by name.

    Parameters
    ----------
    [initialization]
    [feature]
    [protocol]
    threshold : array_like, optional
        As in `inductive_bias`.
    [on_error]

    Returns
    -------
    str or ndarray of str
        ``"I"`` (rich, independent of pretraining), ``"II"`` (lazy, dependent on it), ``"III"`` (lazy,
        independent) or ``"IV"`` (between them); empty where there is no answer.

    Notes
    -----
    Source: Anguita et al. 2026 (arXiv:2602.20062), section 4.

    Examples
    --------
    >>> import diagonet as dn
    >>> dn.regimes(dn.Initialization(1e-3, [-0.999999, 0.0, 0.0, -0.99], [1e-6, 0.0, 10.0, 0.0]))
    array(['I', 'II', 'III', 'IV'], dtype='<U3')
    """
    bias, messages, call = _bias(
        on_error, initialization, pretrained_coefficient, coefficient, protocol, threshold
    )
    return call.returned(bias.regime, messages)


@documented
def price(
    initialization: Initialization,
    pretrained_coefficient: ArrayLike = 1.0,
    coefficient: ArrayLike = 1.0,
    *,
    protocol: Names = "rebalanced",
    on_error: OnError = "raise",
) -> Numbers:
    """Price of a new feature against a reused one: the ratio of their marginal penalties.

    Parameters
    ----------
    [initialization]
    [feature]
    [protocol]
    [on_error]

    Returns
    -------
    float or ndarray
        ``asinh(b / c_new) / asinh(b / c_reused)`` at equal magnitude ``b``; infinite where only the new
        feature is frozen.

    Notes
    -----
    Source: derivative of the penalty of Woodworth et al. 2020 (arXiv:2002.09277) at the two scales.

    Examples
    --------
    >>> import diagonet as dn
    >>> dn.price(dn.Initialization(1e-3, lambda_gap=[1e-3, 1.0])).round(2)
    array([1.82, 7.84])
    """
    bias, messages, call = _bias(
        on_error, initialization, pretrained_coefficient, coefficient, protocol, 0.8
    )
    return call.returned(bias.price, messages)


class TaskBias(NamedTuple):
    """The inductive bias of a task, see `task_bias`."""

    l_order: Numbers
    pretraining_dependence: Numbers
    price: Numbers
    share_of_I: Numbers
    share_of_II: Numbers
    share_of_III: Numbers
    share_of_IV: Numbers


@documented
def task_bias(
    task: Task,
    initialization: Initialization,
    *,
    threshold: ArrayLike = 0.8,
    on_error: OnError = "raise",
) -> TaskBias:
    """The inductive bias of a task: averages over the features that fine-tuning uses.

    Parameters
    ----------
    [task]
    [initialization]
    threshold : array_like, optional
        As in `inductive_bias`.
    [on_error]

    Returns
    -------
    TaskBias
        Average l-order and pretraining dependence, price at typical magnitudes, and the share of features
        in each regime.

    Notes
    -----
    Source: as `inductive_bias`. Pretraining priors other than ``"constant"`` have no answer.

    Examples
    --------
    >>> import diagonet as dn
    >>> bias = dn.task_bias(dn.Task(0.1, 0.1, overlap=0.5), dn.Initialization(1e-3))
    >>> print(f"{bias.share_of_I:.2f} of the features in regime I, {bias.share_of_II:.2f} in II")
    0.45 of the features in regime I, 0.19 in II
    """
    checked(initialization, Initialization)
    call = Call(on_error, checked(task, Task), initialization, numbers={"threshold": threshold})
    return call.record(TaskBias, _core.task_bias)  # type: ignore[no-any-return]


def initialization_with(
    l_order: ArrayLike,
    pretraining_dependence: ArrayLike,
    pretrained_coefficient: ArrayLike = 1.0,
    coefficient: ArrayLike = 1.0,
    *,
    absolute_scale: ArrayLike = 1e-3,
) -> Initialization:
    """The initialization with a given inductive bias.

    Parameters
    ----------
    l_order, pretraining_dependence : array_like
        The bias, as that of `inductive_bias`; in [1, 2) and [-1, 0].
    pretrained_coefficient, coefficient : array_like, optional
        Coefficients of the feature that has it.
    absolute_scale : array_like, optional
        ``c`` of pretraining.

    Returns
    -------
    Initialization

    Raises
    ------
    Error
        For a bias that no initialization has at this absolute scale.

    Notes
    -----
    Source: the formulas of `inductive_bias`, solved for the initialization.

    Examples
    --------
    >>> import diagonet as dn
    >>> knobs = dn.initialization_with(1.25, -0.2)
    >>> print(f"{dn.inductive_bias(knobs).l_order:.12f}")
    1.250000000000
    """
    call = Call(
        "raise",
        numbers={
            "l_order": l_order,
            "pretraining_dependence": pretraining_dependence,
            "pretrained_coefficient": pretrained_coefficient,
            "coefficient": coefficient,
            "absolute_scale": absolute_scale,
        },
    )
    (scale, gap, readout), _ = call.answers(_core.realize)
    return Initialization(scale, readout_scale=readout, lambda_gap=gap)


class ScaleAndStart(NamedTuple):
    """Where fine-tuning of a coordinate begins, see `scale_and_start`."""

    scale: Numbers
    start: Numbers


@documented
def scale_and_start(
    initialization: Initialization,
    pretrained_coefficient: ArrayLike = 1.0,
    *,
    protocol: Names = "rebalanced",
    on_error: OnError = "raise",
) -> ScaleAndStart:
    """Scale and start of a coordinate in fine-tuning.

    Parameters
    ----------
    [initialization]
    pretrained_coefficient : array_like, optional
        Coefficient that pretraining ends with, in [-1e300, 1e300].
    [protocol]
    [on_error]

    Returns
    -------
    ScaleAndStart
        In the unit of coefficients. For the rebalanced protocol
        ``scale = c (1 + lambda) (1 + sqrt(1 + (beta / c)**2)) + gamma**2 / 2`` and ``start = 0``.

    Notes
    -----
    Source: Anguita et al. 2026 (arXiv:2602.20062), Theorem 4.1.

    Examples
    --------
    >>> import diagonet as dn
    >>> dn.scale_and_start(dn.Initialization(1.0), [0.0, 1.0]).scale.round(3)
    array([2.   , 2.414])
    """
    call = Call(
        on_error,
        checked(initialization, Initialization),
        numbers={"pretrained_coefficient": pretrained_coefficient},
        texts={"protocol": protocol},
    )
    return call.record(ScaleAndStart, _core.scale_and_start)  # type: ignore[no-any-return]


class Penalty(NamedTuple):
    """The implicit penalty of a coordinate, see `penalty`."""

    value: Numbers
    derivative: Numbers
    curvature: Numbers
    l_order: Numbers


@documented
def penalty(coefficient: ArrayLike, scale: ArrayLike, *, on_error: OnError = "raise") -> Penalty:
    """The implicit penalty ``q`` of a coefficient.

    Parameters
    ----------
    coefficient : array_like
        In [-1e300, 1e300].
    scale : array_like
        ``c`` of the coordinate, in the unit of coefficients; 0 or in [1e-307, 1e307].
    [on_error]

    Returns
    -------
    Penalty
        ``q = (c / 2) (1 - sqrt(1 + x**2) + x asinh(x))`` with ``x = coefficient / c``, its first and second
        derivative, and the l-order ``dlog q / dlog|coefficient|``.

    Notes
    -----
    Accuracy: 8 ulp. Source: Woodworth et al. 2020 (arXiv:2002.09277).

    Examples
    --------
    >>> import diagonet as dn
    >>> dn.penalty([0.01, 1.0, 100.0], scale=1.0).l_order.round(2)
    array([2.  , 1.89, 1.23])
    """
    call = Call(on_error, numbers={"coefficient": coefficient, "scale": scale})
    return call.record(Penalty, _core.penalty)  # type: ignore[no-any-return]


class Proximal(NamedTuple):
    """The proximal map of the penalty, see `proximal`."""

    value: Numbers
    slope: Numbers


@documented
def proximal(
    z: ArrayLike, theta: ArrayLike, scale: ArrayLike, *, on_error: OnError = "raise"
) -> Proximal:
    """The estimate of a coefficient from an observation: the proximal map of ``theta q``.

    Parameters
    ----------
    z : array_like
        Observation, in [-1e300, 1e300].
    theta : array_like
        Effective penalty, in [0, 1e300].
    scale : array_like
        ``c`` of the coordinate, in the unit of coefficients; 0 or in [1e-307, 1e307].
    [on_error]

    Returns
    -------
    Proximal
        ``b`` with ``b + (theta / 2) asinh(b / c) = z``, and ``db / dz``.

    Notes
    -----
    Accuracy: 8 ulp. Source: Anguita et al. 2026 (arXiv:2602.20062), Proposition 4.2.

    Examples
    --------
    >>> import diagonet as dn
    >>> dn.proximal([0.5, 5.0], theta=1.0, scale=1e-3).value.round(2)
    array([0.  , 1.14])
    """
    call = Call(on_error, numbers={"z": z, "theta": theta, "scale": scale})
    return call.record(Proximal, _core.proximal)  # type: ignore[no-any-return]


initialization_with.__module__ = "diagonet"
for _record in (InductiveBias, TaskBias, ScaleAndStart, Penalty, Proximal):
    _record.__module__ = "diagonet"
