"""Initializations and tasks."""

from __future__ import annotations

from typing import Literal

from numpy.typing import ArrayLike

from . import _core
from ._arrays import Call, Inputs, Names, Numbers, number, plain, shown, text


class Initialization(Inputs):
    """Initialization of pretraining, and of the readout that fine-tuning starts from.

    Parameters
    ----------
    absolute_scale : array_like
        ``c = w0**2 + v0**2`` of the first layer `w0` and the readout `v0`, in the unit of the
        coefficients; 0 or in [1e-300, 1e300]. Small is rich, large is lazy.
    relative_scale : array_like, optional
        ``lambda = (w0**2 - v0**2) / c``, in [-1, 1]; 0 (equal layers) unless given. -1 is a first layer
        at zero.
    readout_scale : array_like, optional
        ``gamma``: readouts of fine-tuning start at ``gamma / sqrt(2)``. In the root of the unit of the
        coefficients; 0 or in [1e-153, 1e150].
    lambda_gap : array_like, optional
        ``1 + lambda`` in place of `relative_scale`; it keeps its digits next to -1. 0 or in [1e-300, 2].

    Notes
    -----
    Parameters are numbers, or arrays that broadcast. Numbers are checked at once. Arrays are checked by
    the function that uses them, point by point, so that a grid may have points without answers.

    Source: Anguita et al. 2026 (arXiv:2602.20062), section 3; Azulay et al. 2021 (arXiv:2102.09769).

    Examples
    --------
    >>> import diagonet as dn
    >>> dn.Initialization(absolute_scale=1e-3, relative_scale=-0.9)
    Initialization(absolute_scale=0.001, relative_scale=-0.9, readout_scale=0.0)
    >>> dn.Initialization(1e-3, lambda_gap=[1e-12, 0.1, 1.0])
    Initialization(absolute_scale=0.001, lambda_gap=<array of shape (3,), 1e-12 to 1>, readout_scale=0.0)
    """

    def __init__(
        self,
        absolute_scale: ArrayLike,
        relative_scale: ArrayLike | None = None,
        readout_scale: ArrayLike = 0.0,
        *,
        lambda_gap: ArrayLike | None = None,
    ) -> None:
        if relative_scale is not None and lambda_gap is not None:
            raise TypeError("relative_scale and lambda_gap say the same; give one of them")
        numbers = {"absolute_scale": number("absolute_scale", absolute_scale)}
        if lambda_gap is not None:
            numbers["lambda_gap"] = number("lambda_gap", lambda_gap)
        else:
            relative = 0.0 if relative_scale is None else relative_scale
            numbers["relative_scale"] = number("relative_scale", relative)
        numbers["readout_scale"] = number("readout_scale", readout_scale)
        self._numbers = numbers
        self._texts = {}
        if self.shape == ():
            Call("raise", self).answers(_core.scales)

    @classmethod
    def from_layers(
        cls, first_layer: ArrayLike, readout: ArrayLike, readout_scale: ArrayLike = 0.0
    ) -> Initialization:
        """The initialization with these weights of both layers.

        Parameters
        ----------
        first_layer, readout : array_like
            ``w0`` and ``v0``, each 0 or in [1e-150, 1e150].
        readout_scale : array_like, optional
            As in the constructor.

        Examples
        --------
        >>> import diagonet as dn
        >>> dn.Initialization.from_layers(0.0, 0.1).relative_scale
        -1.0
        """
        call = Call("raise", numbers={"first_layer": first_layer, "readout": readout})
        (absolute, gap), _ = call.answers(_core.scales_of_layers)
        return cls(absolute, readout_scale=readout_scale, lambda_gap=gap)

    @classmethod
    def of_regime(cls, regime: Literal["I", "II", "III", "IV"]) -> Initialization:
        """A network that shows a regime, at absolute scale 1e-3.

        Source: Anguita et al. 2026 (arXiv:2602.20062), section 4.

        Examples
        --------
        >>> import diagonet as dn
        >>> dn.Initialization.of_regime("IV")
        Initialization(absolute_scale=0.001, relative_scale=-0.99, readout_scale=0.0)
        """
        scales = _core.scales_of_regime(regime)
        if scales is None:
            raise ValueError(f"regime = {regime!r} is none of I, II, III, IV")
        return cls(*scales)

    @property
    def absolute_scale(self) -> Numbers:
        """``c``."""
        return plain(self._numbers["absolute_scale"])

    @property
    def relative_scale(self) -> Numbers:
        """``lambda``."""
        if "relative_scale" in self._numbers:
            return plain(self._numbers["relative_scale"])
        return Call("raise", self).answers(_core.scales)[0][0]

    @property
    def lambda_gap(self) -> Numbers:
        """``1 + lambda``."""
        if "lambda_gap" in self._numbers:
            return plain(self._numbers["lambda_gap"])
        return Call("raise", self).answers(_core.scales)[0][1]

    @property
    def readout_scale(self) -> Numbers:
        """``gamma``."""
        return plain(self._numbers["readout_scale"])

    def __repr__(self) -> str:
        parts = (f"{name}={shown(array)}" for name, array in self._numbers.items())
        return f"Initialization({', '.join(parts)})"


class Task(Inputs):
    """Statistics of the coefficients of pretraining and of fine-tuning.

    A coordinate is active in pretraining, in fine-tuning, in both (shared) or in neither. Active
    coefficients have a distribution, others are zero.

    Parameters
    ----------
    pretraining_density, fine_tuning_density : array_like
        ``rho_PT`` and ``rho_FT``, probabilities that a coordinate is active, in [0, 1].
    overlap : array_like
        ``omega``, fraction of the fine-tuning support that pretraining used, in [0, 1]. Feasible are
        ``omega rho_FT <= rho_PT`` and ``rho_PT + (1 - omega) rho_FT <= 1``.
    pretraining_magnitude : array_like, optional
        Root mean square of active pretraining coefficients, in [0, 1e150].
    pretraining_prior : {"constant", "gaussian", "laplace"} or array of these, optional
        Distribution of active pretraining coefficients.
    fine_tuning_variance : array_like, optional
        Variance of active fine-tuning coefficients, in the square of their unit, in [0, 1e300];
        ``1 / rho_FT`` unless given, so that the mean square of all coefficients is 1.
    fine_tuning_prior : {"gaussian", "laplace", "constant"} or array of these, optional
        Distribution of active fine-tuning coefficients.
    correlation : array_like, optional
        Correlation of shared coefficients between the two tasks, in [-1, 1].
    input_variance_shared, input_variance_new, input_variance_pretraining_only, input_variance_unused : \
array_like, optional
        Variances of the inputs of each class of features, in [1e-150, 1e150].

    Notes
    -----
    Numbers are checked at once, and arrays point by point when they are used, as those of
    `Initialization`.

    Source: Anguita et al. 2026 (arXiv:2602.20062), section 5.

    Examples
    --------
    >>> import diagonet as dn
    >>> dn.Task(pretraining_density=0.1, fine_tuning_density=0.1, overlap=0.8)
    Task(pretraining_density=0.1, fine_tuning_density=0.1, overlap=0.8)
    >>> dn.Task(0.1, 0.2, overlap=1.0)
    Traceback (most recent call last):
        ...
    diagonet.DomainError: infeasible supports: pretraining_density = 0.1, fine_tuning_density = 0.2, \
overlap = 1.0 violate overlap * fine_tuning_density <= pretraining_density
    """

    def __init__(
        self,
        pretraining_density: ArrayLike,
        fine_tuning_density: ArrayLike,
        overlap: ArrayLike,
        *,
        pretraining_magnitude: ArrayLike = 1.0,
        pretraining_prior: Names = "constant",
        fine_tuning_variance: ArrayLike | None = None,
        fine_tuning_prior: Names = "gaussian",
        correlation: ArrayLike = 0.0,
        input_variance_shared: ArrayLike = 1.0,
        input_variance_new: ArrayLike = 1.0,
        input_variance_pretraining_only: ArrayLike = 1.0,
        input_variance_unused: ArrayLike = 1.0,
    ) -> None:
        self._numbers = {
            "pretraining_density": number("pretraining_density", pretraining_density),
            "fine_tuning_density": number("fine_tuning_density", fine_tuning_density),
            "overlap": number("overlap", overlap),
            "pretraining_magnitude": number("pretraining_magnitude", pretraining_magnitude),
            "correlation": number("correlation", correlation),
        }
        if fine_tuning_variance is not None:
            variance = number("fine_tuning_variance", fine_tuning_variance)
            self._numbers["fine_tuning_variance"] = variance
        variances = {
            "input_variance_shared": input_variance_shared,
            "input_variance_new": input_variance_new,
            "input_variance_pretraining_only": input_variance_pretraining_only,
            "input_variance_unused": input_variance_unused,
        }
        arrays = {name: number(name, value) for name, value in variances.items()}
        # Those that are 1 are not asked about, point by point.
        own = {name: array for name, array in arrays.items() if array.ndim or array != 1.0}
        self._numbers |= own
        self._texts = {
            "pretraining_prior": text("pretraining_prior", pretraining_prior),
            "fine_tuning_prior": text("fine_tuning_prior", fine_tuning_prior),
        }
        if self.shape == ():
            Call("raise", self).answers(_core.check_task)

    @property
    def pretraining_density(self) -> Numbers:
        """``rho_PT``."""
        return plain(self._numbers["pretraining_density"])

    @property
    def fine_tuning_density(self) -> Numbers:
        """``rho_FT``."""
        return plain(self._numbers["fine_tuning_density"])

    @property
    def overlap(self) -> Numbers:
        """``omega``."""
        return plain(self._numbers["overlap"])

    @property
    def pretraining_magnitude(self) -> Numbers:
        """Root mean square of active pretraining coefficients."""
        return plain(self._numbers["pretraining_magnitude"])

    @property
    def pretraining_prior(self) -> Names:
        """Distribution of active pretraining coefficients."""
        return plain(self._texts["pretraining_prior"])  # type: ignore[no-any-return]

    @property
    def fine_tuning_variance(self) -> Numbers:
        """Variance of active fine-tuning coefficients."""
        if "fine_tuning_variance" in self._numbers:
            return plain(self._numbers["fine_tuning_variance"])
        return 1.0 / self.fine_tuning_density

    @property
    def fine_tuning_prior(self) -> Names:
        """Distribution of active fine-tuning coefficients."""
        return plain(self._texts["fine_tuning_prior"])  # type: ignore[no-any-return]

    @property
    def correlation(self) -> Numbers:
        """Correlation of shared coefficients."""
        return plain(self._numbers["correlation"])

    @property
    def input_variances(self) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """Variances of the inputs of shared, new, pretraining-only and unused features."""
        names = ("shared", "new", "pretraining_only", "unused")
        one = number("input_variance", 1.0)
        first, second, third, fourth = (
            plain(self._numbers.get(f"input_variance_{name}", one)) for name in names
        )
        return first, second, third, fourth

    def __repr__(self) -> str:
        usual = {"pretraining_magnitude": "1.0", "correlation": "0.0"}
        usual |= {"pretraining_prior": "'constant'", "fine_tuning_prior": "'gaussian'"}
        arrays = {**self._numbers, **self._texts}
        parts = ((name, shown(array)) for name, array in arrays.items())
        told = (f"{name}={value}" for name, value in parts if usual.get(name) != value)
        return f"Task({', '.join(told)})"


for _class in (Initialization, Task):
    _class.__module__ = "diagonet"
