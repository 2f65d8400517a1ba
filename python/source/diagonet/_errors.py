"""Exceptions."""

from __future__ import annotations

from typing import NamedTuple


class Failure(NamedTuple):
    """A point without an answer, as the compiled part reports it."""

    point: int
    kind: str
    message: str
    parameter: str | None
    value: float | str | None
    domain: str | None


class Error(ValueError):
    """A problem that has no answer.

    Attributes
    ----------
    kind : str
        Name of the error in the Rust crate: ``"Diverges"``, ``"NotConverged"`` and so on.
    parameter : str or None
        Parameter at fault, if it is a single one.
    value : float, str or None
        Its value.
    domain : str or None
        The values that it may have.
    index : tuple of int
        Index of the first point without an answer in the broadcast arrays; ``()`` for numbers.

    Examples
    --------
    >>> import diagonet as dn
    >>> task = dn.Task(0.1, 0.1, overlap=0.8)
    >>> try:
    ...     dn.error(task, dn.Initialization(1.0), sample_ratio=[0.5, 1.0], noise_variance=0.1)
    ... except dn.Error as error:
    ...     print(error.kind, error.parameter, error.value, error.index)
    Diverges sample_ratio 1.0 (1,)
    """

    kind: str
    parameter: str | None
    value: float | str | None
    domain: str | None
    index: tuple[int, ...]

    def __init__(self, failure: Failure, index: tuple[int, ...] = ()) -> None:
        place = f" (at index {index if len(index) > 1 else index[0]})" if index else ""
        super().__init__(failure.message + place)
        self.kind = failure.kind
        self.parameter = failure.parameter
        self.value = failure.value
        self.domain = failure.domain
        self.index = index
        self._failure = failure

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self._failure, self.index)


class DomainError(Error):
    """A parameter outside of its domain.

    Examples
    --------
    >>> import diagonet as dn
    >>> dn.Initialization(absolute_scale=1.0, relative_scale=-1.5)
    Traceback (most recent call last):
        ...
    diagonet.DomainError: relative_scale = -1.5 is outside its domain [-1, 1]
    """


#: Kinds of errors that are the argument's fault alone.
_OF_DOMAIN = frozenset({"OutOfDomain", "UnknownName", "InfeasibleSupports", "EmptyRange"})

for _class in (Error, DomainError):
    _class.__module__ = "diagonet"


def error_of(failure: Failure, index: tuple[int, ...] = ()) -> Error:
    """The exception for a point without an answer."""
    kind = DomainError if failure.kind in _OF_DOMAIN else Error
    return kind(failure, index)
