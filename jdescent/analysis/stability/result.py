"""What `largest_stable_rate` finds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jdescent._jax import enable_x64
from jdescent.analysis.stability.cycles import Oscillation
from jdescent.analysis.stability.linearization import Linearization
from jdescent.analysis.stability.measuring import STEPS, growths, measured_limit

Kind = Literal["linear", "frozen preconditioner", "periodic map", "cycle", "none"]


@dataclass(frozen=True)
class StableRate:
    """The largest stable rate of an optimizer, or why there is none.

    Attributes:
        rate: the first η at which one step of the linearized map grows; infinity where none does,
            NaN where there is no such limit. Where second moments follow the gradients, of "cycle"
            and "none" as well, it is that of deviations so small that an ε outweighs them.
        kind: "linear"; "frozen preconditioner", the even part of the state held; "periodic map",
            the product of `period` steps; "cycle", no limit but an oscillation in proportion to
            the rate; "none", see `reason`.
        reason: what the answer means, in words; empty where the kind says all.
        parity: of each leaf of the state, by path: "odd" flips its sign with the gradients, "even"
            does not, "neutral" does not depend on them.
        period: steps after which the map repeats.
        oscillation: of a "cycle".
    """

    rate: float
    kind: Kind
    reason: str = ""
    parity: Mapping[str, str] = field(default_factory=dict, repr=False)
    period: int = 1
    oscillation: Oscillation | None = None
    _linearization: Linearization | None = field(default=None, repr=False, compare=False)

    def spectral_radius(self, rate: Any) -> Any:
        """ρ(η) per step of the linearized map, elementwise; it may be traced, as under `vmap`.

        Raises:
            ValueError: there is no linear map.
        """
        if self.kind in ("cycle", "none") and not np.isfinite(self.rate):
            raise ValueError(f"there is no linear map: {self.reason}")
        if isinstance(rate, jax.core.Tracer):
            shape = jax.ShapeDtypeStruct(rate.shape, jnp.result_type(float))
            return jax.pure_callback(
                lambda r: np.asarray(self._radii(r), shape.dtype), shape, rate,
                vmap_method="expand_dims",
            )  # fmt: skip
        radii = self._radii(rate)
        return radii if np.ndim(rate) else float(radii)

    def measured(self, steps: int = STEPS, digits: float = 1e-4) -> float:
        """The rate at which small deviations of the optimizer itself begin to grow when it is run.

        Raises:
            ValueError: the step is no odd function of the gradient.
        """
        with enable_x64(True):
            return measured_limit(self._map(), steps, digits)

    def growth(self, rate: Any, steps: int = STEPS) -> Any:
        """ln of the growth per step of small deviations of the optimizer itself, elementwise.

        Raises:
            ValueError: the step is no odd function of the gradient.
        """
        rates = np.asarray(rate, np.float64)
        with enable_x64(True):
            found = growths(self._map(), rates.ravel(), steps).reshape(rates.shape)
        return found if np.ndim(rate) else float(found)

    def _map(self) -> Linearization:
        if self._linearization is None:
            raise ValueError(f"there is nothing to measure: {self.reason}")
        return self._linearization

    def _radii(self, rates: np.ndarray | Array | float) -> np.ndarray:
        rates = np.asarray(rates, np.float64)
        linear = self._map()
        with enable_x64(True):
            return linear.radii(rates.ravel()).reshape(rates.shape)

    def __str__(self) -> str:
        number = "none" if np.isnan(self.rate) else f"{self.rate:.6g}"
        if self.oscillation is not None:
            beyond = "" if np.isnan(self.rate) else "beyond, "
            return (
                f"{number} ({self.kind}: {beyond}|x| to {self.oscillation.largest:.3g} of the rate)"
            )
        return f"{number} ({self.kind})"
