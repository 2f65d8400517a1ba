"""Errors of training, in one stage or two, and what they depend on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core
from ._arrays import Names, Numbers, OnError, number
from ._inputs import Initialization, Task
from ._parameters import INFINITY, documented, training

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


@documented
def error(
    task: Task,
    initialization: Initialization,
    sample_ratio: ArrayLike,
    noise_variance: ArrayLike = 0.0,
    *,
    pretraining_sample_ratio: ArrayLike = INFINITY,
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
    call = training(
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


@documented
def learning_curve(
    task: Task,
    initialization: Initialization,
    sample_ratios: Sequence[float] | NDArray[np.floating[Any]],
    noise_variance: ArrayLike = 0.0,
    *,
    pretraining_sample_ratio: ArrayLike = INFINITY,
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
    call = training(
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


@documented
def errors_by_class(
    task: Task,
    initialization: Initialization,
    sample_ratio: ArrayLike,
    noise_variance: ArrayLike = 0.0,
    *,
    pretraining_sample_ratio: ArrayLike = INFINITY,
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
    call = training(
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


@documented
def transfer(
    task: Task,
    initialization: Initialization,
    sample_ratio: ArrayLike,
    noise_variance: ArrayLike = 0.0,
    *,
    pretraining_sample_ratio: ArrayLike = INFINITY,
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
    call = training(
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


@documented
def required_samples(
    task: Task,
    initialization: Initialization,
    target_error: ArrayLike,
    noise_variance: ArrayLike = 0.0,
    *,
    pretraining_sample_ratio: ArrayLike = INFINITY,
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
    call = training(
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


@documented
def statistics(
    task: Task,
    initialization: Initialization,
    sample_ratio: ArrayLike,
    noise_variance: ArrayLike = 0.0,
    *,
    discovery_cut: ArrayLike = 0.1,
    pretraining_sample_ratio: ArrayLike = INFINITY,
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
    call = training(
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
    log_input_variance_shared: Numbers
    log_input_variance_new: Numbers
    log_input_variance_pretraining_only: Numbers
    log_input_variance_unused: Numbers


@documented
def sensitivities(
    task: Task,
    initialization: Initialization,
    sample_ratio: ArrayLike,
    noise_variance: ArrayLike = 0.0,
    *,
    pretraining_sample_ratio: ArrayLike = INFINITY,
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
    call = training(
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


class Ranking(NamedTuple):
    """Protocols with their errors, see `rank_protocols`."""

    protocol: NDArray[np.str_]
    error: NDArray[np.float64]


@documented
def rank_protocols(
    task: Task,
    initialization: Initialization,
    sample_ratio: ArrayLike,
    noise_variance: ArrayLike = 0.0,
    *,
    protocols: Sequence[str],
    pretraining_sample_ratio: ArrayLike = INFINITY,
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
    call = training(
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


@documented
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
    pretraining_sample_ratio: ArrayLike = INFINITY,
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
    call = training(
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


for _record in (ClassErrors, Transfer, Statistics, Sensitivities, Ranking, EffectiveScale):
    _record.__module__ = "diagonet"
