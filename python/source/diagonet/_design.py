"""The best initialization."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import ArrayLike

from . import _core
from ._arrays import Call, Names, Numbers, OnError
from ._inputs import Initialization, Task
from ._parameters import INFINITY, checked, documented, regime_names


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


@documented
def best_initialization(
    task: Task,
    sample_ratio: ArrayLike,
    noise_variance: ArrayLike = 0.0,
    *,
    absolute_scale: ArrayLike | tuple[ArrayLike, ArrayLike] = 1e-3,
    relative_scale: ArrayLike | tuple[ArrayLike, ArrayLike] | None = None,
    readout_scale: ArrayLike | tuple[ArrayLike, ArrayLike] | None = None,
    tolerance: ArrayLike = 1e-3,
    pretraining_sample_ratio: ArrayLike = INFINITY,
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
    call = Call(on_error, checked(task, Task), numbers=numbers, texts={"estimator": estimator})
    found, messages = call.answers(_core.best_initialization)
    scale, gap, readout, error, equal, gain, order, dependence, regime, *rest = found
    best = BestInitialization(
        absolute_scale=scale,
        lambda_gap=gap,
        readout_scale=readout,
        error=error,
        equal_layers_error=equal,
        gain=gain,
        l_order=order,
        pretraining_dependence=dependence,
        regime=regime_names(regime),
        tolerated_absolute_scale=(rest[0], rest[1]),
        tolerated_lambda_gap=(rest[2], rest[3]),
        tolerated_readout_scale=(rest[4], rest[5]),
    )
    return call.returned(best, messages)  # type: ignore[no-any-return]


BestInitialization.__module__ = "diagonet"
