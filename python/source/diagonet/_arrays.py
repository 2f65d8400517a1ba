"""Arguments to flat columns, and flat answers back to arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._errors import Failure, error_of

#: A float where all arguments are numbers, an array of floats otherwise.
Numbers: TypeAlias = Any
#: An empty text, or why there is no answer: a ``str``, or an array of them.
Messages: TypeAlias = Any
#: A text, or an array of texts.
Names: TypeAlias = "str | ArrayLike"
#: What to do where there is no answer.
OnError: TypeAlias = Literal["raise", "nan"]

_Flat: TypeAlias = "NDArray[np.float64]"
_Function: TypeAlias = "Callable[..., tuple[list[_Flat], list[Any]]]"


def number(name: str, value: ArrayLike) -> NDArray[np.float64]:
    """The array of a parameter, with its name in what is wrong with it."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} = {value!r} is not a number or an array of numbers")
    return array.astype(np.float64, copy=False)


def text(name: str, value: Names) -> NDArray[np.str_]:
    """The array of a parameter with names for values."""
    array = np.asarray(value)
    if array.dtype.kind == "O" and all(isinstance(item, str) for item in array.flat):
        array = array.astype(np.str_)
    if array.dtype.kind != "U":
        raise TypeError(f"{name} = {value!r} is not a text or an array of texts")
    return array


class Inputs:
    """Parameters that several functions take together."""

    _numbers: Mapping[str, NDArray[np.float64]]
    _texts: Mapping[str, NDArray[np.str_]]

    @property
    def shape(self) -> tuple[int, ...]:
        """Common shape of the parameters, ``()`` for numbers."""
        return _shape({**self._numbers, **self._texts})

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        same: Callable[[Any, Any], bool] = lambda a, b: a.keys() == b.keys() and all(
            np.array_equal(a[key], b[key]) for key in a
        )
        return same(self._numbers, other._numbers) and same(self._texts, other._texts)

    def __hash__(self) -> int:
        items = (*self._numbers.items(), *self._texts.items())
        return hash(tuple((key, array.shape, array.tobytes()) for key, array in items))


def shown(array: NDArray[Any]) -> str:
    """A parameter as in the representation of an object."""
    if array.ndim == 0:
        return repr(array.item())
    if array.size == 0 or array.dtype.kind == "U":
        return f"<array of shape {array.shape}>"
    return f"<array of shape {array.shape}, {array.min():g} to {array.max():g}>"


def plain(array: NDArray[Any]) -> Any:
    """A number for an array without axes."""
    return array.item() if array.ndim == 0 else array


def _shape(arrays: Mapping[str, NDArray[Any]]) -> tuple[int, ...]:
    own = {name: array.shape for name, array in arrays.items() if array.ndim}
    try:
        return np.broadcast_shapes(*own.values())
    except ValueError:
        shapes = ", ".join(f"{name} has {shape}" for name, shape in own.items())
        raise ValueError(f"shapes cannot be broadcast: {shapes}") from None


class Call:
    """A call of a function of the compiled part, at all points of the broadcast arguments."""

    def __init__(
        self,
        on_error: OnError,
        *inputs: Inputs,
        numbers: Mapping[str, ArrayLike] | None = None,
        texts: Mapping[str, Names] | None = None,
    ) -> None:
        if on_error not in ("raise", "nan"):
            raise ValueError(f"on_error = {on_error!r} is neither 'raise' nor 'nan'")
        self.first_only = on_error == "raise"
        arrays = {name: number(name, value) for name, value in (numbers or {}).items()}
        words = {name: text(name, value) for name, value in (texts or {}).items()}
        for own in inputs:
            arrays.update(own._numbers)
            words.update(own._texts)
        self.shape = _shape({**arrays, **words})
        self.count = int(np.prod(self.shape, dtype=np.int64))
        self.numbers = {name: self._flat(array) for name, array in arrays.items()}
        self.names = {name: self._coded(array) for name, array in words.items()}

    def _flat(self, array: NDArray[np.float64]) -> _Flat:
        if array.ndim == 0:
            return array.reshape(1)
        return np.ascontiguousarray(np.broadcast_to(array, self.shape)).reshape(-1)

    def _coded(self, array: NDArray[np.str_]) -> tuple[list[str], _Flat]:
        if array.ndim == 0:
            return [str(array)], np.zeros(1)
        names, codes = np.unique(array, return_inverse=True)
        positions = codes.reshape(array.shape).astype(np.float64)
        return [str(name) for name in names], self._flat(positions)

    def answers(
        self, function: _Function, *rest: Any, width: int | None = None
    ) -> tuple[list[Numbers], Messages]:
        """Answers of `function` as arrays, with a last axis of `width` if that is given."""
        columns, failures = function(self, *rest)
        shape = self.shape if width is None else (*self.shape, width)
        if failures and self.first_only:
            failure = Failure(**failures[0])
            index = np.unravel_index(failure.point, shape)
            raise error_of(failure, tuple(int(position) for position in index))
        messages: Messages = ""
        if not self.first_only and shape:
            messages = np.full(shape, "", dtype=object)
            for failure in failures:
                messages.flat[failure["point"]] = failure["message"]
        elif failures:
            messages = failures[0]["message"]
        return [plain(column.reshape(shape)) for column in columns], messages

    def answer(self, function: _Function, *rest: Any, width: int | None = None) -> Any:
        """The only answer; with its messages where errors do not raise."""
        (numbers,), messages = self.answers(function, *rest, width=width)
        return self.returned(numbers, messages)

    def record(self, kind: Callable[..., Any], function: _Function, *rest: Any) -> Any:
        """All answers by name; with their messages where errors do not raise."""
        numbers, messages = self.answers(function, *rest)
        return self.returned(kind(*numbers), messages)

    def returned(self, answer: Any, messages: Messages) -> Any:
        """What a function returns."""
        return answer if self.first_only else (answer, messages)
