"""Adam on a quadratic without noise: the cycle x, −x about the minimum, and whether it attracts."""

from typing import NamedTuple

import numpy as np

from jdescent.analysis.inputs import Momentum, checked


class AdamCycle(NamedTuple):
    """The cycle of two steps of Adam, or of one of its kin.

    Attributes:
        amplitude: |x| on the cycle in units of the learning rate, whatever the curvature.
        multipliers: the sizes of the three factors by which a deviation from it changes in a step,
            from the largest: one of them 0 without momentum.
    """

    amplitude: float
    multipliers: tuple[float, float, float]

    @property
    def is_stable(self) -> bool:
        """Whether runs that begin near the cycle approach it."""
        return self.multipliers[0] < 1


@checked
def adam_cycle(b1: Momentum, b2: Momentum, nesterov: bool = False) -> AdamCycle:
    """The cycle of Adam; with `nesterov` of Nadam, with b1=0 of RMSProp.

    On ½λx² without ε and long after the start, Adam's step is ηm/√v. Where x changes its sign at
    every step, v = (λx)², m = (1−β₁)λx / (1+β₁), and the step must be 2x:

        |x| = η(1−β₁) / (2(1+β₁)),    with Nesterov's m̂ = β₁m + (1−β₁)g larger by 1 + 2β₁

    Of relative deviations p of m, s of v and r of x, each counted along the cycle,

        p ← −β₁p + (1+β₁)r,    s ← β₂s + 2(1−β₂)r,    r ← −r + 2n − s

    with the new p and s on the right, where n = p, or (β₁p + (1+β₁)r) / (1+2β₁) with Nesterov. The
    multipliers are the eigenvalues of this map. Without momentum they are √β₂, if β₂ ≥ 1/9:
    RMSProp settles on its cycle. Those of Adam at its usual β₁ exceed 1, so that it does not.

    Args:
        b1: β₁ in [0, 1).
        b2: β₂ in [0, 1).
        nesterov: whether the step looks ahead as Nadam's.

    Returns:
        The amplitude and the multipliers, exact to rounding.

    Raises:
        ValueError: an argument is outside its range.

    Example:
        >>> adam_cycle(0.0, 0.99).amplitude
        0.5
        >>> found = adam_cycle(0.9, 0.99)
        >>> print(f"{found.amplitude:.6f}, {found.multipliers[0]:.4f}")
        0.026316, 1.1437

    Reference:
        The cycles: Bock & Weiß, *Non-Convergence and Limit Cycles in the Adam optimizer*, 2019,
        arXiv 2210.02070. Their multipliers in this form: derived here.
    """
    p, s, r = np.eye(3)
    new_p = -b1 * p + (1 + b1) * r
    new_s = b2 * s + 2 * (1 - b2) * r
    n = (b1 * new_p + (1 + b1) * r) / (1 + 2 * b1) if nesterov else new_p
    step = np.stack([new_p, new_s, -r + 2 * n - new_s])
    sizes = sorted(np.abs(np.linalg.eigvals(step)).tolist(), reverse=True)
    amplitude = (1 - b1) / (2 * (1 + b1)) * (1 + 2 * b1 if nesterov else 1)
    return AdamCycle(float(amplitude), (sizes[0], sizes[1], sizes[2]))
