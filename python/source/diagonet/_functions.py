"""Functions of arrays of problems."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core
from ._arrays import Call, Inputs, Messages, Names, Numbers, OnError, number
from ._inputs import Initialization, Task

_INFINITY = math.inf

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


def _documented(function: _F) -> _F:
    """Fills in the parameters that many functions have."""
    text = function.__doc__ or ""
    filled = re.sub(r"\n    \[(\w+)\]", lambda mark: _PARAMETERS[mark[1]].rstrip(), text)
    function.__doc__ = filled
    function.__module__ = "diagonet"
    return function


def _training(
    on_error: OnError,
    task: Task,
    initialization: Initialization,
    *,
    pretraining: tuple[ArrayLike, ArrayLike] = (_INFINITY, 0.0),
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
        _checked(task, Task),
        _checked(initialization, Initialization),
        numbers=shared | numbers,
        texts=texts,
    )


def _checked(value: Inputs, kind: type[Inputs]) -> Inputs:
    """An argument of the right kind."""
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is not a {kind.__name__}")
    return value


#: For functions that do not depend on it.
_ANY = Initialization(1.0)

#: Names of all protocols of fine-tuning.
PROTOCOLS: tuple[str, ...] = (
    "rebalanced",
    "continued",
    "rescaled",
    "learning_rates",
    "readout_reset",
    "probe_kept",
    "probe_reset",
    "probe_rebalanced",
    "frozen_readout",
    "adapter",
)

_REGIMES = np.array(["", "I", "II", "III", "IV"])


def _regime(numbers: Numbers) -> Any:
    """Names of regimes; empty where there is no answer."""
    names = _REGIMES[np.nan_to_num(np.asarray(numbers)).astype(np.intp)]
    return str(names) if names.ndim == 0 else names


@_documented
def error(
    task: Task,
    initialization: Initialization,
    sample_ratio: ArrayLike,
    noise_variance: ArrayLike = 0.0,
    *,
    pretraining_sample_ratio: ArrayLike = _INFINITY,
    pretraining_noise_variance: ArrayLike = 0.0,
    protocol: Names = "rebalanced",
    estimator: Names = "auto",
    explicit_penalty: ArrayLike = 0.0,
    pretrained: ArrayLike = True,
    on_error: OnError = "raise",
) -> Numbers:
    """Generalization error of fine-tuning.

    ``||beta_hat - beta||**2 / D``, the excess test error on inputs ``x ~ N(0, I/D)``, in the limit of many
    coordinates. Accuracy: 1e-10 relative, 1e-9 with pretraining on finite data.

    Parameters
    ----------
    [task]
    [initialization]
    [samples]
    [pretraining]
    [protocol]
    [solver]
    [pretrained]
    [on_error]

    Returns
    -------
    float or ndarray
        The error, in the square of the unit of coefficients, with the shape to which all parameters
        broadcast, those of `task` and `initialization` among them.

    Raises
    ------
    Error
        At the first point without an answer, unless `on_error` is ``"nan"``.

    See Also
    --------
    learning_curve : faster for many sample ratios of finite pretraining.

    Notes
    -----
    Source: Anguita et al. 2026 (arXiv:2602.20062), Theorem 4.1 and Proposition 4.2.

    Examples
    --------
    >>> import diagonet as dn
    >>> task = dn.Task(0.1, 0.1, overlap=[0.0, 0.5, 1.0])
    >>> dn.error(task, dn.Initialization(1e-3, -0.9), sample_ratio=0.3).round(4)
    array([0.2882, 0.0537, 0.    ])
    >>> values, messages = dn.error(
    ...     task, dn.Initialization(1e-3), [-1.0, 0.3, 0.3], on_error="nan")
    >>> messages[0]
    'sample_ratio = -1.0 is outside its domain [1e-300, 1e300]'
    """
    call = _training(
        on_error,
        task,
        initialization,
        pretraining=(pretraining_sample_ratio, pretraining_noise_variance),
        protocol=protocol,
        estimator=estimator,
        pretrained=pretrained,
        explicit_penalty=explicit_penalty,
        sample_ratio=sample_ratio,
        noise_variance=noise_variance,
    )
    return call.answer(_core.error)


@_documented
def learning_curve(
    task: Task,
    initialization: Initialization,
    sample_ratios: Sequence[float] | NDArray[np.floating[Any]],
    noise_variance: ArrayLike = 0.0,
    *,
    pretraining_sample_ratio: ArrayLike = _INFINITY,
    pretraining_noise_variance: ArrayLike = 0.0,
    protocol: Names = "rebalanced",
    estimator: Names = "auto",
    explicit_penalty: ArrayLike = 0.0,
    pretrained: ArrayLike = True,
    on_error: OnError = "raise",
) -> Numbers:
    """Generalization error over a grid of sample ratios, for every problem.

    Every point starts from the solution of the one before, and pretraining is solved once a curve.

    Parameters
    ----------
    [task]
    [initialization]
    sample_ratios : array_like, one-dimensional
        Samples per coordinate, in order for speed.
    [noise]
    [pretraining]
    [protocol]
    [solver]
    [pretrained]
    [on_error]

    Returns
    -------
    ndarray
        Errors, as those of `error`. The last axis is that of the sample ratios; those before it are the
        shape to which all other parameters broadcast.

    Notes
    -----
    Source: as `error`.

    Examples
    --------
    >>> import diagonet as dn
    >>> knobs = dn.Initialization(1e-3, lambda_gap=[0.001, 0.1, 1.0])
    >>> dn.learning_curve(dn.Task(0.1, 0.1, overlap=0.8), knobs, [0.1, 0.2]).shape
    (3, 2)
    """
    ratios = number("sample_ratios", sample_ratios)
    if ratios.ndim != 1:
        raise ValueError(f"sample_ratios has {ratios.ndim} axes where one is expected")
    call = _training(
        on_error,
        task,
        initialization,
        pretraining=(pretraining_sample_ratio, pretraining_noise_variance),
        protocol=protocol,
        estimator=estimator,
        pretrained=pretrained,
        explicit_penalty=explicit_penalty,
        noise_variance=noise_variance,
    )
    return call.answer(_core.learning_curve, ratios.tolist(), width=len(ratios))


class ClassErrors(NamedTuple):
    """Errors by class of features, see `errors_by_class`."""

    total: Numbers
    shared: Numbers
    new: Numbers
    pretraining_only: Numbers
    unused: Numbers
    effective_noise_variance: Numbers
    effective_penalty: Numbers


@_documented
def errors_by_class(
    task: Task,
    initialization: Initialization,
    sample_ratio: ArrayLike,
    noise_variance: ArrayLike = 0.0,
    *,
    pretraining_sample_ratio: ArrayLike = _INFINITY,
    pretraining_noise_variance: ArrayLike = 0.0,
    protocol: Names = "rebalanced",
    estimator: Names = "auto",
    explicit_penalty: ArrayLike = 0.0,
    pretrained: ArrayLike = True,
    on_error: OnError = "raise",
) -> ClassErrors:
    """Generalization error by class of features, with the state of the fixed point.

    Parameters
    ----------
    [task]
    [initialization]
    [samples]
    [pretraining]
    [protocol]
    [solver]
    [pretrained]
    [on_error]

    Returns
    -------
    ClassErrors
        Mean square errors of a coordinate: in `total`, of features that are `shared`, `new`,
        `pretraining_only` and `unused`; then ``s**2`` and ``theta`` of the scalar channel.

    Notes
    -----
    The total is the mean of the classes, weighted by their probabilities. Source: as `error`.

    Examples
    --------
    >>> import diagonet as dn
    >>> errors = dn.errors_by_class(dn.Task(0.1, 0.1, overlap=0.8), dn.Initialization(1e-3, -0.9), 0.2)
    >>> print(f"{errors.shared:.2f} of shared features, {errors.new:.2f} of new ones")
    0.57 of shared features, 1.57 of new ones
    """
    call = _training(
        on_error,
        task,
        initialization,
        pretraining=(pretraining_sample_ratio, pretraining_noise_variance),
        protocol=protocol,
        estimator=estimator,
        pretrained=pretrained,
        explicit_penalty=explicit_penalty,
        sample_ratio=sample_ratio,
        noise_variance=noise_variance,
    )
    return call.record(ClassErrors, _core.errors_by_class)  # type: ignore[no-any-return]


class Transfer(NamedTuple):
    """Both stages of training, see `transfer`."""

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
        """What pretraining saves: the error from scratch less that of fine-tuning."""
        return self.from_scratch - self.error


@_documented
def transfer(
    task: Task,
    initialization: Initialization,
    sample_ratio: ArrayLike,
    noise_variance: ArrayLike = 0.0,
    *,
    pretraining_sample_ratio: ArrayLike = _INFINITY,
    pretraining_noise_variance: ArrayLike = 0.0,
    protocol: Names = "rebalanced",
    estimator: Names = "auto",
    explicit_penalty: ArrayLike = 0.0,
    on_error: OnError = "raise",
) -> Transfer:
    """Errors of pretraining, of fine-tuning and of training from scratch, and what is forgotten.

    Parameters
    ----------
    [task]
    [initialization]
    [samples]
    [pretraining]
    [protocol]
    [solver]
    [on_error]

    Returns
    -------
    Transfer
        Errors of fine-tuning, in total and by class; of pretraining on its own task (0 for unlimited
        data); of training from scratch; and the mean square distance of the fine-tuned coefficients from the
        pretrained ones. All in the square of the unit of coefficients.

    Notes
    -----
    Source: as `error`, in both stages; Bayati and Montanari 2012 (arXiv:1008.2581) for the law of the
    pretrained coefficients.

    Examples
    --------
    >>> import diagonet as dn
    >>> task = dn.Task(0.2, 0.1, 1.0, pretraining_prior="gaussian", pretraining_magnitude=5**0.5,
    ...                correlation=0.8)
    >>> stages = dn.transfer(task, dn.Initialization(0.01, -0.9), 0.25,
    ...                      pretraining_sample_ratio=0.4, pretraining_noise_variance=0.01)
    >>> print(f"{stages.pretraining_error:.4f}, then {stages.error:.4f}")
    0.2911, then 0.1978
    """
    call = _training(
        on_error,
        task,
        initialization,
        pretraining=(pretraining_sample_ratio, pretraining_noise_variance),
        protocol=protocol,
        estimator=estimator,
        explicit_penalty=explicit_penalty,
        sample_ratio=sample_ratio,
        noise_variance=noise_variance,
    )
    return call.record(Transfer, _core.transfer)  # type: ignore[no-any-return]


@_documented
def required_samples(
    task: Task,
    initialization: Initialization,
    target_error: ArrayLike,
    noise_variance: ArrayLike = 0.0,
    *,
    pretraining_sample_ratio: ArrayLike = _INFINITY,
    pretraining_noise_variance: ArrayLike = 0.0,
    protocol: Names = "rebalanced",
    estimator: Names = "auto",
    explicit_penalty: ArrayLike = 0.0,
    pretrained: ArrayLike = True,
    on_error: OnError = "raise",
) -> Numbers:
    """Smallest sample ratio at which the generalization error is at most a target.

    Parameters
    ----------
    [task]
    [initialization]
    target_error : array_like
        The error to reach, in the square of the unit of coefficients, in (0, 1e300].
    [noise]
    [pretraining]
    [protocol]
    [solver]
    [pretrained]
    [on_error]

    Returns
    -------
    float or ndarray
        Samples per coordinate, with the shape to which all parameters broadcast.

    Notes
    -----
    Errors may fall, rise and fall again with samples; the first fall counts. Source: as `error`.

    Examples
    --------
    >>> import diagonet as dn
    >>> task, knobs = dn.Task(0.1, 0.1, overlap=0.8), dn.Initialization(1e-3, -0.9)
    >>> dn.required_samples(task, knobs, 0.1, pretrained=[True, False]).round(3)
    array([0.196, 0.331])
    """
    call = _training(
        on_error,
        task,
        initialization,
        pretraining=(pretraining_sample_ratio, pretraining_noise_variance),
        protocol=protocol,
        estimator=estimator,
        pretrained=pretrained,
        explicit_penalty=explicit_penalty,
        target_error=target_error,
        noise_variance=noise_variance,
    )
    return call.answer(_core.required_samples)


class Statistics(NamedTuple):
    """Statistics of the estimate of a coordinate, see `statistics`."""

    mean: Numbers
    variance: Numbers
    discovery_rate: Numbers
    true_discovery_rate: Numbers
    false_discovery_rate: Numbers
    forgetting: Numbers
    pretraining_error_after_fine_tuning: Numbers


@_documented
def statistics(
    task: Task,
    initialization: Initialization,
    sample_ratio: ArrayLike,
    noise_variance: ArrayLike = 0.0,
    *,
    discovery_cut: ArrayLike = 0.1,
    pretraining_sample_ratio: ArrayLike = _INFINITY,
    pretraining_noise_variance: ArrayLike = 0.0,
    protocol: Names = "rebalanced",
    estimator: Names = "auto",
    explicit_penalty: ArrayLike = 0.0,
    on_error: OnError = "raise",
) -> Statistics:
    """Moments of the estimate, discovery rates, and what is forgotten.

    Parameters
    ----------
    [task]
    [initialization]
    [samples]
    discovery_cut : array_like, optional
        A coordinate is discovered where its estimate is above this magnitude, in [0, 1e150].
    [pretraining]
    [protocol]
    [solver]
    [on_error]

    Returns
    -------
    Statistics
        NaN where a rate is one of nothing.

    Notes
    -----
    Source: Bayati and Montanari 2012 (arXiv:1008.2581), for the law of the estimates.

    Examples
    --------
    >>> import diagonet as dn
    >>> found = dn.statistics(dn.Task(0.1, 0.1, overlap=0.8), dn.Initialization(1e-3, -0.9), [0.1, 0.3])
    >>> found.true_discovery_rate.round(2)
    array([0.77, 0.96])
    """
    call = _training(
        on_error,
        task,
        initialization,
        pretraining=(pretraining_sample_ratio, pretraining_noise_variance),
        protocol=protocol,
        estimator=estimator,
        explicit_penalty=explicit_penalty,
        sample_ratio=sample_ratio,
        noise_variance=noise_variance,
        discovery_cut=discovery_cut,
    )
    return call.record(Statistics, _core.statistics)  # type: ignore[no-any-return]


class Sensitivities(NamedTuple):
    """Derivatives of the generalization error in every parameter, see `sensitivities`."""

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


@_documented
def sensitivities(
    task: Task,
    initialization: Initialization,
    sample_ratio: ArrayLike,
    noise_variance: ArrayLike = 0.0,
    *,
    pretraining_sample_ratio: ArrayLike = _INFINITY,
    pretraining_noise_variance: ArrayLike = 0.0,
    protocol: Names = "rebalanced",
    estimator: Names = "auto",
    explicit_penalty: ArrayLike = 0.0,
    on_error: OnError = "raise",
) -> Sensitivities:
    """Derivatives of the generalization error in every parameter of both stages.

    Parameters
    ----------
    [task]
    [initialization]
    [samples]
    [pretraining]
    [protocol]
    [solver]
    [on_error]

    Returns
    -------
    Sensitivities
        Exact derivatives, not differences; NaN for a parameter that the problem does not have, or
        in which the error has no derivative. Densities and overlap are moved one at a time.

    Notes
    -----
    Source: the implicit function theorem at Proposition 4.2 of Anguita et al. 2026 (arXiv:2602.20062).

    Examples
    --------
    >>> import diagonet as dn
    >>> slopes = dn.sensitivities(dn.Task(0.2, 0.1, overlap=0.5), dn.Initialization(1e-3, -0.9), 0.3)
    >>> slopes.overlap < 0 and slopes.sample_ratio < 0
    True
    """
    call = _training(
        on_error,
        task,
        initialization,
        pretraining=(pretraining_sample_ratio, pretraining_noise_variance),
        protocol=protocol,
        estimator=estimator,
        explicit_penalty=explicit_penalty,
        sample_ratio=sample_ratio,
        noise_variance=noise_variance,
    )
    return call.record(Sensitivities, _core.sensitivities)  # type: ignore[no-any-return]


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
    _checked(initialization, Initialization)
    call = Call(on_error, initialization, numbers=numbers, texts={"protocol": protocol})
    (order, dependence, price, regime), messages = call.answers(_core.inductive_bias)
    return InductiveBias(order, dependence, price, _regime(regime)), messages, call


@_documented
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


@_documented
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


@_documented
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


@_documented
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
    _checked(initialization, Initialization)
    call = Call(
        on_error, _checked(task, Task), initialization, numbers={"threshold": threshold}
    )
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


@_documented
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
        _checked(initialization, Initialization),
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


@_documented
def penalty(
    coefficient: ArrayLike, scale: ArrayLike, *, on_error: OnError = "raise"
) -> Penalty:
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


@_documented
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


class BayesError(NamedTuple):
    """Errors of the Bayes-optimal learner, see `bayes_error`."""

    message_passing: Numbers
    information_theoretic: Numbers


@_documented
def bayes_error(
    task: Task,
    sample_ratio: ArrayLike,
    noise_variance: ArrayLike = 0.0,
    *,
    pretraining_sample_ratio: ArrayLike = _INFINITY,
    pretraining_noise_variance: ArrayLike = 0.0,
    pretrained: ArrayLike = True,
    on_error: OnError = "raise",
) -> BayesError:
    """The least error of any learner with the same data and the same knowledge of pretraining.

    Parameters
    ----------
    [task]
    [samples]
    [pretraining]
    pretrained : array_like of bool, optional
        Whether the learner knows what pretraining found.
    [on_error]

    Returns
    -------
    BayesError
        What message passing reaches, and what is possible in principle; they differ in the hard phase.

    Notes
    -----
    Source: Krzakala et al. 2012 (arXiv:1109.4424); Barbier et al. 2016 (arXiv:1607.02335).

    Examples
    --------
    >>> import diagonet as dn
    >>> task = dn.Task(0.2, 0.05, overlap=0.5)
    >>> least = dn.bayes_error(task, 0.05, 0.5, pretrained=[True, False])
    >>> least.message_passing.round(6)
    array([0.928246, 0.947741])
    """
    call = _training(
        on_error,
        task,
        _ANY,
        pretraining=(pretraining_sample_ratio, pretraining_noise_variance),
        pretrained=pretrained,
        sample_ratio=sample_ratio,
        noise_variance=noise_variance,
    )
    return call.record(BayesError, _core.bayes_error)  # type: ignore[no-any-return]


@_documented
def bayes_threshold(
    task: Task,
    *,
    pretraining_sample_ratio: ArrayLike = _INFINITY,
    pretraining_noise_variance: ArrayLike = 0.0,
    pretrained: ArrayLike = True,
    on_error: OnError = "raise",
) -> BayesError:
    """Sample ratios from which the Bayes-optimal learner recovers a task without noise.

    Parameters
    ----------
    [task]
    [pretraining]
    pretrained : array_like of bool, optional
        Whether the learner knows what pretraining found.
    [on_error]

    Returns
    -------
    BayesError
        By message passing, and in principle.

    Notes
    -----
    Source: as `bayes_error`; Wu and Verdú 2010 for the threshold in principle.

    Examples
    --------
    >>> import diagonet as dn
    >>> threshold = dn.bayes_threshold(dn.Task(0.2, 0.1, overlap=0.5), pretrained=False)
    >>> print(f"{threshold.message_passing:.6f}, {threshold.information_theoretic:.6f}")
    0.207559, 0.100000
    """
    call = _training(
        on_error,
        task,
        _ANY,
        pretraining=(pretraining_sample_ratio, pretraining_noise_variance),
        pretrained=pretrained,
    )
    return call.record(BayesError, _core.bayes_threshold)  # type: ignore[no-any-return]


class BestPenalty(NamedTuple):
    """The best explicit penalty, see `best_penalty`."""

    explicit_penalty: Numbers
    error: Numbers


@_documented
def best_penalty(
    task: Task,
    initialization: Initialization,
    sample_ratio: ArrayLike,
    noise_variance: ArrayLike = 0.0,
    *,
    estimator: Names = "auto",
    pretrained: ArrayLike = True,
    on_error: OnError = "raise",
) -> BestPenalty:
    """The explicit penalty with the lowest generalization error.

    Parameters
    ----------
    [task]
    [initialization]
    [samples]
    estimator : str or array of str, optional
        ``"lazy"`` for ridge regression, ``"rich"`` for LASSO, ``"elastic net 0.5"``, or ``"auto"`` for the
        implicit penalty itself.
    [pretrained]
    [on_error]

    Returns
    -------
    BestPenalty
        The penalty ``kappa``, 0 for interpolation and infinite where nothing is best learned, and the error.

    Notes
    -----
    Pretraining data are unlimited and paths rebalanced. Source: Dobriban and Wager 2018
    (arXiv:1507.03003) for ridge regression; Mousavi, Maleki and Baraniuk 2018 (arXiv:1705.08617) for LASSO.

    Examples
    --------
    >>> import diagonet as dn
    >>> task, equal = dn.Task(1.0, 1.0, overlap=1.0), dn.Initialization(1.0)
    >>> ridge = dn.best_penalty(task, equal, 0.9, 0.5, estimator="lazy", pretrained=False)
    >>> print(f"{ridge.explicit_penalty:.6f}")  # q = b**2 / (4 c), and the best one is sigma**2 b**2 / 2
    1.000000
    """
    call = _training(
        on_error,
        task,
        initialization,
        estimator=estimator,
        pretrained=pretrained,
        sample_ratio=sample_ratio,
        noise_variance=noise_variance,
    )
    return call.record(BestPenalty, _core.best_penalty)  # type: ignore[no-any-return]


@_documented
def recovery_threshold(
    task: Task, price: ArrayLike = 1.0, *, on_error: OnError = "raise"
) -> Numbers:
    """Sample ratio from which a weighted l1 norm recovers a task without noise.

    Parameters
    ----------
    [task]
    price : array_like, optional
        l1 weight of features that pretraining did not use, in units of the weight of others, in (0, 1e300].
    [on_error]

    Returns
    -------
    float or ndarray
        Samples per coordinate.

    Notes
    -----
    Source: Donoho and Tanner 2009 (arXiv:0906.2530); Khajehnejad et al. 2009 (arXiv:0901.2912).

    Examples
    --------
    >>> import diagonet as dn
    >>> dn.recovery_threshold(dn.Task(0.1, 0.1, overlap=1.0), price=[1.0, 3.0]).round(6)
    array([0.328794, 0.153972])
    """
    call = Call(on_error, _checked(task, Task), numbers={"price": price})
    return call.answer(_core.recovery_threshold)


class Ranking(NamedTuple):
    """Protocols with their errors, see `rank_protocols`."""

    protocol: NDArray[np.str_]
    error: NDArray[np.float64]


@_documented
def rank_protocols(
    task: Task,
    initialization: Initialization,
    sample_ratio: ArrayLike,
    noise_variance: ArrayLike = 0.0,
    *,
    protocols: Sequence[str],
    pretraining_sample_ratio: ArrayLike = _INFINITY,
    pretraining_noise_variance: ArrayLike = 0.0,
    estimator: Names = "auto",
    explicit_penalty: ArrayLike = 0.0,
    on_error: OnError = "raise",
) -> Ranking:
    """Protocols of fine-tuning in the order of their errors.

    Parameters
    ----------
    [task]
    [initialization]
    [samples]
    protocols : sequence of str
        Protocols with their parameters, as in `error`.
    [pretraining]
    [solver]
    [on_error]

    Returns
    -------
    Ranking
        Protocols and their errors, the lowest first on the last axis. Protocols without an answer are last,
        with an error of NaN; it is an `Error` where none has one.

    Notes
    -----
    Source: as `error`.

    Examples
    --------
    >>> import diagonet as dn
    >>> ranking = dn.rank_protocols(
    ...     dn.Task(0.2, 0.1, overlap=0.8), dn.Initialization(0.1, -0.5, 0.6), 0.3, 0.05,
    ...     protocols=["continued", "rebalanced", "probe_reset"])
    >>> [str(name) for name in ranking.protocol]
    ['rebalanced', 'probe_reset', 'continued']
    """
    names = [str(name) for name in protocols]
    if not names:
        raise ValueError("protocols is empty")
    call = _training(
        on_error,
        task,
        initialization,
        pretraining=(pretraining_sample_ratio, pretraining_noise_variance),
        estimator=estimator,
        explicit_penalty=explicit_penalty,
        sample_ratio=sample_ratio,
        noise_variance=noise_variance,
    )
    (errors,), messages = call.answers(_core.protocol_errors, names, width=len(names))
    order = np.argsort(errors, axis=-1, kind="stable")
    ranking = Ranking(np.array(names)[order], np.take_along_axis(errors, order, axis=-1))
    return call.returned(ranking, messages)  # type: ignore[no-any-return]


class EffectiveScale(NamedTuple):
    """Where training with noise and decay ends, see `effective_scale`."""

    low_factor: Numbers
    high_factor: Numbers
    low_error: Numbers
    high_error: Numbers


@_documented
def effective_scale(
    task: Task,
    initialization: Initialization,
    sample_ratio: ArrayLike,
    noise_variance: ArrayLike = 0.0,
    *,
    learning_rate: ArrayLike = 0.0,
    batch: ArrayLike = 1,
    label_noise_variance: ArrayLike = 0.0,
    steps_per_coordinate: ArrayLike = 0.0,
    weight_decay_integral: ArrayLike = 0.0,
    pretraining_sample_ratio: ArrayLike = _INFINITY,
    pretraining_noise_variance: ArrayLike = 0.0,
    protocol: Names = "rebalanced",
    pretrained: ArrayLike = True,
    on_error: OnError = "raise",
) -> EffectiveScale:
    """What stochastic gradients, label noise and weight decay do: they shrink all scales.

    Parameters
    ----------
    [task]
    [initialization]
    [samples]
    learning_rate : array_like, optional
        ``eta`` on half the squared loss of a sample, 0 or in [1e-300, 1e300].
    batch : array_like of int, optional
        Samples of a step, at least 1.
    label_noise_variance, steps_per_coordinate : array_like, optional
        Variance of noise that is added to labels at every step, and the number of such steps over the
        number of coordinates, in [0, 1e300].
    weight_decay_integral : array_like, optional
        Strength of weight decay, integrated over training time, in [0, 1e300].
    [pretraining]
    [protocol]
    [pretrained]
    [on_error]

    Returns
    -------
    EffectiveScale
        Bounds on the factor by which scales shrink, and the errors at both.

    Notes
    -----
    Source: Pesme et al. 2021 (arXiv:2106.09524), Even et al. 2023 (arXiv:2302.08982), Jacobs et al. 2025
    (arXiv:2504.12883).

    Examples
    --------
    >>> import diagonet as dn
    >>> end = dn.effective_scale(
    ...     dn.Task(0.2, 0.1, 0.5), dn.Initialization(0.1), 0.3, weight_decay_integral=[0.0, 0.5])
    >>> end.high_factor.round(4)
    array([1.    , 0.3679])
    """
    steps = number("batch", batch)
    if not np.all((steps >= 1) & (steps <= 2**53) & (steps == np.floor(steps))):
        raise ValueError(f"batch = {batch!r} is not a whole number of at least 1")
    call = _training(
        on_error,
        task,
        initialization,
        pretraining=(pretraining_sample_ratio, pretraining_noise_variance),
        protocol=protocol,
        pretrained=pretrained,
        sample_ratio=sample_ratio,
        noise_variance=noise_variance,
        learning_rate=learning_rate,
        batch=steps,
        label_noise_variance=label_noise_variance,
        steps_per_coordinate=steps_per_coordinate,
        weight_decay_integral=weight_decay_integral,
    )
    return call.record(EffectiveScale, _core.effective_scale)  # type: ignore[no-any-return]


class BestInitialization(NamedTuple):
    """The best initialization, see `best_initialization`."""

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
        """The initialization itself."""
        return Initialization(
            self.absolute_scale, readout_scale=self.readout_scale, lambda_gap=self.lambda_gap
        )


@_documented
def best_initialization(
    task: Task,
    sample_ratio: ArrayLike,
    noise_variance: ArrayLike = 0.0,
    *,
    absolute_scale: ArrayLike | tuple[ArrayLike, ArrayLike] = 1e-3,
    relative_scale: ArrayLike | tuple[ArrayLike, ArrayLike] | None = None,
    readout_scale: ArrayLike | tuple[ArrayLike, ArrayLike] | None = None,
    tolerance: ArrayLike = 1e-3,
    pretraining_sample_ratio: ArrayLike = _INFINITY,
    pretraining_noise_variance: ArrayLike = 0.0,
    estimator: Names = "auto",
    explicit_penalty: ArrayLike = 0.0,
    on_error: OnError = "raise",
) -> BestInitialization:
    """The initialization with the lowest generalization error.

    Parameters
    ----------
    [task]
    [samples]
    absolute_scale : array_like or pair of array_like, optional
        ``c``; a tuple of two is a range to search, its lowest and highest value.
    relative_scale : array_like or pair of array_like, optional
        ``lambda``, or its range; ``1 + lambda`` in [1e-12, 2] unless given.
    readout_scale : array_like or pair of array_like, optional
        ``gamma``, or its range; [0, 100] unless given.
    tolerance : array_like, optional
        Relative excess of the error that the tolerated intervals allow, in [1e-6, 1e6].
    [pretraining]
    [solver]
    [on_error]

    Returns
    -------
    BestInitialization
        The best scales with their error; the lowest error with equal layers and its ratio to the best;
        the inductive bias there; and for each scale the ends of the interval in which the error stays
        within the tolerance.

    Notes
    -----
    The search is global: a grid, then descents from its lowest basins. Source: as `error`.

    Examples
    --------
    >>> import diagonet as dn
    >>> best = dn.best_initialization(dn.Task(0.1, 0.1, 0.8, fine_tuning_variance=1.0), 0.25)
    >>> print(f"1 + lambda = {best.lambda_gap:.4f}, regime {best.regime}, gain {best.gain:.2f}")
    1 + lambda = 0.0573, regime IV, gain 1.62
    """
    ranges = {
        "absolute_scale": absolute_scale,
        "relative_scale": relative_scale,
        "readout_scale": readout_scale,
    }
    numbers: dict[str, Any] = {
        "sample_ratio": sample_ratio,
        "noise_variance": noise_variance,
        "pretraining_sample_ratio": pretraining_sample_ratio,
        "pretraining_noise_variance": pretraining_noise_variance,
        "explicit_penalty": explicit_penalty,
        "tolerance": tolerance,
    }
    for name, values in ranges.items():
        if values is None:
            continue
        ends = values if isinstance(values, tuple) else (values, values)
        if len(ends) != 2:
            raise ValueError(f"{name} = {values!r} is not a pair of a lowest and a highest value")
        numbers[f"{name}_low"], numbers[f"{name}_high"] = ends
    call = Call(on_error, _checked(task, Task), numbers=numbers, texts={"estimator": estimator})
    found, messages = call.answers(_core.best_initialization)
    *values, regime = found[:9]
    pairs = zip(found[9::2], found[10::2])
    best = BestInitialization(*values, _regime(regime), *pairs)
    return call.returned(best, messages)  # type: ignore[no-any-return]


initialization_with.__module__ = "diagonet"
for _record in (
    ClassErrors,
    Transfer,
    Statistics,
    Sensitivities,
    InductiveBias,
    TaskBias,
    ScaleAndStart,
    Penalty,
    Proximal,
    BayesError,
    BestPenalty,
    Ranking,
    EffectiveScale,
    BestInitialization,
):
    _record.__module__ = "diagonet"

