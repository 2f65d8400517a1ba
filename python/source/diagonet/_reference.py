"""Reference lines: what other estimators and other learners reach."""

from __future__ import annotations

from typing import NamedTuple

from numpy.typing import ArrayLike

from . import _core
from ._arrays import Call, Names, Numbers, OnError
from ._inputs import Initialization, Task
from ._parameters import INFINITY, checked, documented, training

#: For functions that do not depend on it.
_ANY = Initialization(1.0)


class BayesError(NamedTuple):
    """Errors of the Bayes-optimal learner, see `bayes_error`."""

    message_passing: Numbers
    information_theoretic: Numbers


@documented
def bayes_error(
    task: Task,
    sample_ratio: ArrayLike,
    noise_variance: ArrayLike = 0.0,
    *,
    pretraining_sample_ratio: ArrayLike = INFINITY,
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
    call = training(
        on_error,
        task,
        _ANY,
        pretraining=(pretraining_sample_ratio, pretraining_noise_variance),
        pretrained=pretrained,
        sample_ratio=sample_ratio,
        noise_variance=noise_variance,
    )
    return call.record(BayesError, _core.bayes_error)  # type: ignore[no-any-return]


@documented
def bayes_threshold(
    task: Task,
    *,
    pretraining_sample_ratio: ArrayLike = INFINITY,
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
    call = training(
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


@documented
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
    call = training(
        on_error,
        task,
        initialization,
        estimator=estimator,
        pretrained=pretrained,
        sample_ratio=sample_ratio,
        noise_variance=noise_variance,
    )
    return call.record(BestPenalty, _core.best_penalty)  # type: ignore[no-any-return]


@documented
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
    call = Call(on_error, checked(task, Task), numbers={"price": price})
    return call.answer(_core.recovery_threshold)


for _record in (BayesError, BestPenalty):
    _record.__module__ = "diagonet"
