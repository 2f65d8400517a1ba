"""The law of one coordinate, and solutions that can be asked further."""

from __future__ import annotations

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

_T = TypeVar("_T")


class Group(NamedTuple):
    """Coordinates of a `Law` that have everything in common.

    Attributes
    ----------
    label : str
        Their name.
    weight : float
        Probability that a coordinate is one of them, in [0, 1].
    scale : float
        ``c`` of training, 0 (frozen) or in [1e-307, 1e307].
    variance, mean : float
        Of their true coefficients, which are Gaussian, or an atom at the mean for a variance of 0.
    start : float
        Coefficient that training starts from.
    penalty_weight : float
        Factor of their penalty.
    input_variance : float
        Variance of their inputs.
    """

    label: str
    weight: float
    scale: float
    variance: float = 0.0
    mean: float = 0.0
    start: float = 0.0
    penalty_weight: float = 1.0
    input_variance: float = 1.0


class Law:
    """The law of one coordinate: what training depends on, beside its samples.

    Parameters
    ----------
    groups : sequence of Group
        Groups of coordinates, whose weights sum to 1.

    Notes
    -----
    Source: Anguita et al. 2026 (arXiv:2602.20062), Proposition 4.2.

    Examples
    --------
    >>> import diagonet as dn
    >>> law = dn.Law([
    ...     dn.Group("signal", 0.1, scale=1e-3, variance=10.0),
    ...     dn.Group("background", 0.9, scale=1e-3),
    ... ])
    >>> law
    Law(2 groups: signal, background)
    >>> law.error([0.25, 0.5]).round(4)
    array([0.2963, 0.0025])
    """

    _law: _core.Law

    def __init__(self, groups: Sequence[Group]) -> None:
        rows = [
            (
                group.label,
                *(float(value) for value in (group.weight, group.mean, group.variance)),
                *(float(value) for value in group[2:3] + group[5:]),
            )
            for group in map(_group, groups)
        ]
        self._law = _solved(_core.Law.from_groups(rows))

    @classmethod
    def _of(cls, law: _core.Law) -> Law:
        own = cls.__new__(cls)
        own._law = law
        return own

    @classmethod
    def fine_tuning(cls, task: Task, initialization: Initialization) -> Law:
        """Fine-tuning with rebalanced paths, after pretraining on unlimited data.

        Examples
        --------
        >>> import diagonet as dn
        >>> dn.Law.fine_tuning(dn.Task(0.1, 0.1, overlap=0.8), dn.Initialization(1e-3, -0.9))
        Law(4 groups: shared, new, pretraining-only, none)
        """
        call = training("raise", task, initialization)
        return cls._of(_solved(_core.Law.of_task(_point(call))))

    @classmethod
    def from_scratch(cls, task: Task, initialization: Initialization) -> Law:
        """Training on the fine-tuning task from scratch.

        Examples
        --------
        >>> import diagonet as dn
        >>> law = dn.Law.from_scratch(dn.Task(0.1, 0.1, overlap=0.8), dn.Initialization(1e-3))
        >>> {group.scale for group in law.groups}
        {0.001}
        """
        call = training("raise", task, initialization, pretrained=False)
        return cls._of(_solved(_core.Law.of_task(_point(call))))

    @classmethod
    def from_coefficients(
        cls, pretrained: ArrayLike, coefficients: ArrayLike, initialization: Initialization
    ) -> Law:
        """Fine-tuning with known coefficients of both tasks, one pair a coordinate.

        Examples
        --------
        >>> import diagonet as dn
        >>> dn.Law.from_coefficients([1.0, 0.0, 0.0], [0.5, 0.3, 0.0], dn.Initialization(1e-3))
        Law(3 groups: shared, new, none)
        """
        arrays = [
            number(name, value).ravel().tolist()
            for name, value in (("pretrained", pretrained), ("coefficients", coefficients))
        ]
        call = _point(Call("raise", checked(initialization, Initialization)))
        return cls._of(_solved(_core.Law.from_coefficients(call, *arrays)))

    @classmethod
    def power_law(
        cls,
        features: int,
        input_exponent: float,
        coefficient_exponent: float,
        *,
        scale: float,
        bins: int = 120,
    ) -> Law:
        """Inputs and coefficients of which the variances fall off as powers of the rank of a feature.

        Parameters
        ----------
        features : int
            Number of features, in [1, 1e15].
        input_exponent, coefficient_exponent : float
            Variances are ``rank**-exponent``, with exponents in [0, 10].
        scale : float
            ``c`` of all coordinates.
        bins : int, optional
            Number of geometric bins of ranks, in [1, 1e6].

        Examples
        --------
        >>> import diagonet as dn
        >>> len(dn.Law.power_law(10**6, 1.5, 1.0, scale=1e3).groups) <= 120
        True
        """
        exponents = float(input_exponent), float(coefficient_exponent)
        law = _core.Law.power_law(int(features), int(bins), *exponents, float(scale))
        return cls._of(_solved(law))

    @property
    def groups(self) -> list[Group]:
        """Groups of coordinates."""
        return [
            Group(label, weight, scale, variance, mean, *rest)
            for label, weight, mean, variance, scale, *rest in self._law.groups()
        ]

    @documented
    def error(
        self,
        sample_ratio: ArrayLike,
        noise_variance: ArrayLike = 0.0,
        *,
        estimator: Names = "auto",
        explicit_penalty: ArrayLike = 0.0,
        on_error: OnError = "raise",
    ) -> Numbers:
        """Generalization error.

        Parameters
        ----------
        [samples]
        [solver]
        [on_error]

        Returns
        -------
        float or ndarray
            The error, with the shape to which the parameters broadcast.

        Examples
        --------
        >>> import diagonet as dn
        >>> law = dn.Law([dn.Group("all", 1.0, scale=1e9, variance=1.0)])
        >>> law.error([0.25, 0.5, 2.0], 0.1).round(6)
        array([0.783333, 0.6     , 0.1     ])
        """
        call = self._call(
            on_error, estimator, explicit_penalty, noise_variance, sample_ratio=sample_ratio
        )
        return call.answer(self._law.error)

    @documented
    def required_samples(
        self,
        target_error: ArrayLike,
        noise_variance: ArrayLike = 0.0,
        *,
        estimator: Names = "auto",
        explicit_penalty: ArrayLike = 0.0,
        on_error: OnError = "raise",
    ) -> Numbers:
        """Smallest sample ratio at which the error is at most a target.

        Parameters
        ----------
        target_error : array_like
            The error to reach, in (0, 1e300].
        [noise]
        [solver]
        [on_error]

        Returns
        -------
        float or ndarray
            Samples per coordinate.

        Examples
        --------
        >>> import diagonet as dn
        >>> law = dn.Law([dn.Group("all", 1.0, scale=1e9, variance=1.0)])
        >>> round(law.required_samples(0.25), 9)
        0.75
        """
        call = self._call(
            on_error, estimator, explicit_penalty, noise_variance, target_error=target_error
        )
        return call.answer(self._law.required_samples)

    @documented
    def best_penalty(
        self,
        sample_ratio: ArrayLike,
        noise_variance: ArrayLike = 0.0,
        *,
        estimator: Names = "auto",
        on_error: OnError = "raise",
    ) -> BestPenalty:
        """The explicit penalty with the lowest error, see `diagonet.best_penalty`.

        Parameters
        ----------
        [samples]
        estimator : str or array of str, optional
            As in `diagonet.best_penalty`.
        [on_error]

        Examples
        --------
        >>> import diagonet as dn
        >>> law = dn.Law([dn.Group("all", 1.0, scale=1.0, variance=2.0)])
        >>> print(f"{law.best_penalty(0.9, 0.5, estimator='lazy').explicit_penalty:.6f}")
        0.500000
        """
        call = self._call(on_error, estimator, 0.0, noise_variance, sample_ratio=sample_ratio)
        return call.record(BestPenalty, self._law.best_penalty)  # type: ignore[no-any-return]

    def recovery_threshold(self, l1_weights: Sequence[float] | None = None) -> float:
        """Sample ratio from which a weighted l1 norm recovers the coefficients without noise.

        Parameters
        ----------
        l1_weights : sequence of float, optional
            Weights of the groups; those of the rich limit unless given.

        Notes
        -----
        Source: Donoho and Tanner 2009 (arXiv:0906.2530); Khajehnejad et al. 2009 (arXiv:0901.2912).

        Examples
        --------
        >>> import diagonet as dn
        >>> law = dn.Law([dn.Group("signal", 0.1, 1e-3, 1.0), dn.Group("background", 0.9, 1e-3)])
        >>> print(f"{law.recovery_threshold():.6f}")
        0.328794
        """
        weights = None if l1_weights is None else [float(weight) for weight in l1_weights]
        return _solved(self._law.recovery_threshold(weights))

    def solve(
        self,
        sample_ratio: float,
        noise_variance: float = 0.0,
        *,
        estimator: str = "auto",
        explicit_penalty: float = 0.0,
    ) -> Solution:
        """The solution of one problem.

        Examples
        --------
        >>> import diagonet as dn
        >>> dn.Law([dn.Group("all", 1.0, scale=1e9, variance=1.0)]).solve(0.5)
        Solution(error=0.5 at sample_ratio=0.5, noise_variance=0.0; estimator 'lazy')
        """
        call = self._call(
            "raise", estimator, explicit_penalty, noise_variance, sample_ratio=sample_ratio
        )
        return Solution._of(_solved(self._law.solve(_point(call))))

    @staticmethod
    def _call(
        on_error: OnError,
        estimator: Names,
        explicit_penalty: ArrayLike,
        noise_variance: ArrayLike,
        **numbers: ArrayLike,
    ) -> Call:
        numbers |= {"explicit_penalty": explicit_penalty, "noise_variance": noise_variance}
        return Call(on_error, numbers=numbers, texts={"estimator": estimator})

    def __repr__(self) -> str:
        labels = list(dict.fromkeys(row[0] for row in self._law.groups()))
        count = len(self._law.groups())
        return f"Law({count} group{'s' * (count != 1)}: {', '.join(labels)})"


def _group(value: Group) -> Group:
    if not isinstance(value, Group):
        raise TypeError(f"{value!r} is not a Group")
    return value


def _point(call: Call) -> Call:
    """The call, which must be one of numbers."""
    if call.shape:
        raise ValueError(f"numbers are expected, not arrays of shape {call.shape}")
    return call


def _solved(pair: tuple[_T | None, Any]) -> _T:
    """What the compiled part returns, or raises."""
    value, failure = pair
    if value is None:
        raise error_of(Failure(**failure))
    return value


def _plain(value: float | None) -> float:
    return math.nan if value is None else value


class Solution:
    """The solution of one problem, as `solve` and `Law.solve` return it.

    Examples
    --------
    >>> import diagonet as dn
    >>> solution = dn.solve(dn.Task(0.1, 0.1, overlap=0.8), dn.Initialization(1e-3, -0.9), 0.2)
    >>> sorted(solution.errors)
    ['new', 'none', 'pretraining-only', 'shared']
    >>> solution.sensitivities()["overlap"] < 0
    True
    """

    _solution: _core.Solution

    def __init__(self) -> None:
        raise TypeError("solutions come from solve and Law.solve")

    @classmethod
    def _of(cls, solution: _core.Solution) -> Solution:
        own = cls.__new__(cls)
        own._solution = solution
        return own

    @property
    def error(self) -> float:
        """Generalization error, ``||beta_hat - beta||**2 / D``."""
        return self._solution.error()

    @property
    def errors(self) -> dict[str, float]:
        """Errors by class of features, or by label of a law."""
        return dict(self._solution.errors())

    @property
    def parameter_errors(self) -> dict[str, float]:
        """Errors of the coefficients, which differ from `errors` for inputs of other variances than 1."""
        return dict(self._solution.parameter_errors()[1])

    @property
    def sample_ratio(self) -> float:
        """Samples per coordinate."""
        return self._solution.sample_ratio()

    @property
    def noise_variance(self) -> float:
        """Variance of the label noise."""
        return self._solution.noise_variance()

    @property
    def explicit_penalty(self) -> float:
        """``kappa``."""
        return self._solution.explicit_penalty()

    @property
    def effective_noise_variance(self) -> float:
        """``s**2`` of the scalar channel ``z = B + s Z``."""
        return self._solution.effective_noise_variance()

    @property
    def effective_penalty(self) -> float:
        """``theta``."""
        return self._solution.effective_penalty()

    @property
    def estimator(self) -> str:
        """How the error was computed."""
        return self._solution.estimator()

    @property
    def difference_bound(self) -> float:
        """Bound on the difference from the error under the implicit penalty; NaN where none is known."""
        return _plain(self._solution.difference_bound())

    @property
    def law(self) -> Law:
        """The law that was solved."""
        return Law._of(self._solution.law())

    @property
    def pretraining_error(self) -> float:
        """Error of pretraining on its own task: 0 for unlimited data, NaN without pretraining."""
        return _plain(self._solution.pretraining_error())

    def from_scratch(self) -> Solution:
        """Training from scratch on the same data.

        Examples
        --------
        >>> import diagonet as dn
        >>> tuned = dn.solve(dn.Task(0.1, 0.1, overlap=0.8), dn.Initialization(1e-3, -0.9), 0.2)
        >>> tuned.error < tuned.from_scratch().error
        True
        """
        if self._solution.pretraining_error() is None:
            return self
        return Solution._of(_solved(self._solution.scratch()))

    def statistics(self, discovery_cut: float = 0.1) -> dict[str, float]:
        """Moments of the estimate, discovery rates and forgetting, by name.

        Examples
        --------
        >>> import diagonet as dn
        >>> tuned = dn.solve(dn.Task(0.1, 0.1, overlap=0.8), dn.Initialization(1e-3, -0.9), 0.3)
        >>> round(tuned.statistics()["true_discovery_rate"], 2)
        0.96
        """
        found = _solved(self._solution.statistics(float(discovery_cut)))
        return {name: _plain(value) for name, value in found.items()}

    def sensitivities(self) -> dict[str, float]:
        """Derivatives of the generalization error by the name of the parameter.

        For the solution of a `Law`, parameters of groups are named by the number and label of the group:
        ``"0 signal variance"``. NaN where there is no derivative.

        Examples
        --------
        >>> import diagonet as dn
        >>> law = dn.Law([dn.Group("all", 1.0, scale=1.0, variance=1.0)])
        >>> slopes = law.solve(3.0, noise_variance=0.5).sensitivities()
        >>> slopes["sample_ratio"], slopes["noise_variance"]
        (-0.125, 0.5)
        """
        found = _solved(self._solution.sensitivities())
        return {name: _plain(value) for name, value in found.items()}

    def __repr__(self) -> str:
        return (
            f"Solution(error={self.error:.6g} at sample_ratio={self.sample_ratio:g}, "
            f"noise_variance={self.noise_variance}; estimator {self.estimator!r})"
        )


@documented
def solve(
    task: Task,
    initialization: Initialization,
    sample_ratio: float,
    noise_variance: float = 0.0,
    *,
    pretraining_sample_ratio: float = math.inf,
    pretraining_noise_variance: float = 0.0,
    protocol: str = "rebalanced",
    estimator: str = "auto",
    explicit_penalty: float = 0.0,
    pretrained: bool = True,
) -> Solution:
    """The solution of one problem, which can be asked further.

    All parameters are numbers, or single names.

    Parameters
    ----------
    [task]
    [initialization]
    [samples]
    [pretraining]
    [protocol]
    [solver]
    [pretrained]

    Returns
    -------
    Solution

    Notes
    -----
    Source: as `error`.

    Examples
    --------
    >>> import diagonet as dn
    >>> dn.solve(dn.Task(0.1, 0.1, overlap=0.8), dn.Initialization(1e-3, -0.9), 0.2)
    Solution(error=0.0911935 at sample_ratio=0.2, noise_variance=0.0; estimator 'quadrature')
    """
    call = training(
        "raise",
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
    return Solution._of(_solved(_core.solve(_point(call))))


for _class in (Group, Law, Solution):
    _class.__module__ = "diagonet"
