"""One run that diverges, and the same run with one thing changed.

The network is that of `common.deep_network`; it is descended by plain gradient descent on all
examples at once, so that 2/λmax is the limit of the learning rate.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from experiments.common.deep_network import GAIN, UNITS
from jdescent import schedules

RATE = 0.15
MAX_NORM = 1.0
NO_CLIPPING = 1e30

CURES = {
    "lower_rate": "a quarter of the rate",
    "warm_up": "the rate rising from 0 over the first quarter of the steps",
    "decay": "the rate halved at steps 2 and 4",
    "clipping": "gradients of norm above 1 shortened to 1",
    "normalized_inputs": "pixels without their mean, at unit variance",
    "better_start": "LeCun's first weights",
}
GROWTH = (1 - RATE * (UNITS + 1)) ** 2


class Setup(NamedTuple):
    """All that distinguishes one run from another.

    Attributes:
        rates: η at every step.
        max_norm: the global gradient norm beyond which the gradient is shortened.
        normalized: whether each pixel has its mean taken off, and all of them unit variance.
        gain: what LeCun's first weights, of variance 1/inputs, are multiplied by.
    """

    rates: Float[Array, " steps"]
    max_norm: Float[Array, ""]
    normalized: Bool[Array, ""]
    gain: Float[Array, ""]


def setups(steps: int) -> dict[str, Setup]:
    """The run that diverges, the cures by name, and a decay that is too slow to be one."""
    t = jnp.arange(steps)
    base = Setup(
        rates=schedules.constant(RATE)(t),
        max_norm=jnp.asarray(NO_CLIPPING),
        normalized=jnp.asarray(False),
        gain=jnp.asarray(GAIN),
    )
    low = RATE / 4
    fast = schedules.piecewise([RATE, RATE / 2, low], [2, 4])
    slow = schedules.cosine(RATE, steps)
    return {
        "base": base,
        "slow_decay": base._replace(rates=slow(t)),
        "lower_rate": base._replace(rates=schedules.constant(low)(t)),
        "warm_up": base._replace(rates=schedules.warm_up(RATE, steps // 4)(t)),
        "decay": base._replace(rates=fast(t)),
        "clipping": base._replace(max_norm=jnp.asarray(MAX_NORM)),
        "normalized_inputs": base._replace(normalized=jnp.asarray(True)),
        "better_start": base._replace(gain=jnp.asarray(1.0)),
    }
