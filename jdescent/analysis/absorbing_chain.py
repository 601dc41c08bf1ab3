"""Absorbing Markov chains without subtraction: times up to 1e300 keep their digits.

A chain is a matrix K of probabilities among its states and the probability e of leaving from each,
with rows that sum to 1 − e. Where leaving is rare, I − K loses e to rounding, and its inverse every
digit. State reduction (Grassmann, Taksar & Heyman) takes 1 − K_ss as the sum of all that leaves s,
so that only positive numbers are added, multiplied and divided.

Reference:
    Grassmann, Taksar & Heyman, *Regenerative Analysis and Steady State Distributions for Markov
    Chains*, 1985; relative accuracy of every entry: O'Cinneide, *Entrywise Perturbation Theory and
    Error Analysis for Markov Chains*, 1993.
"""

import numpy as np
from jaxtyping import Float, Int

BLOCK = 32  # states eliminated at once, so that most of the work is products of matrices


def mean_steps(
    kernel: Float[np.ndarray, "states states"], leaving: Float[np.ndarray, " states"]
) -> Float[np.ndarray, " states"]:
    """Mean number of steps until the chain has left, from each state: (I − K)⁻¹1.

    Infinity where the chain leaves with probability 0, or below about 1e-308 a step.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        steps = _reduced(kernel.copy(), leaving.copy())
    return np.where(np.isfinite(steps), steps, np.inf)


def _reduced(among: np.ndarray, leaves: np.ndarray) -> np.ndarray:
    states, steps = leaves.size, np.ones(leaves.size)
    starts = range(BLOCK * ((states - 1) // BLOCK), -1, -BLOCK)
    for start in starts:
        block, before = slice(start, start + BLOCK), slice(0, start)
        outside = np.column_stack((among[block, before], leaves[block], steps[block]))
        outside = _until_outside(among[block, block], outside)
        among[block, before] = outside[:, :-2]
        leaves[block], steps[block] = outside[:, -2:].T
        into = among[before, block]
        among[before, before] += into @ among[block, before]
        leaves[before] += into @ leaves[block]
        steps[before] += into @ steps[block]
    for start in reversed(starts):
        block, before = slice(start, start + BLOCK), slice(0, start)
        steps[block] += among[block, before] @ steps[before]
    return steps


def _until_outside(
    among: Float[np.ndarray, "block block"], outside: Float[np.ndarray, "block columns"]
) -> Float[np.ndarray, "block columns"]:
    """From each state of a block, where it first goes outside; last column: steps until then."""
    among, outside = among.copy(), outside.copy()
    for s in range(len(among) - 1, -1, -1):
        leaving = among[s, :s].sum() + outside[s, :-1].sum()
        among[s, :s] /= leaving
        outside[s] /= leaving
        among[:s, :s] += np.outer(among[:s, s], among[s, :s])
        outside[:s] += np.outer(among[:s, s], outside[s])
    for s in range(1, len(among)):
        outside[s] += among[s, :s] @ outside[:s]
    return outside


def survival(
    kernel: Float[np.ndarray, "states states"],
    leaving: Float[np.ndarray, " states"],
    steps: Int[np.ndarray, " times"],
) -> Float[np.ndarray, "states times"]:
    """P(not yet left after t steps) from each state: Kᵗ1, by repeated squaring.

    The probability of having left by 2ᵏ steps is carried along as a sum of positive terms, and the
    rows of a power are held to what it leaves over: rounding would grow with t otherwise.
    """
    power, left, remaining = kernel, leaving, np.asarray(steps, np.int64)
    stays = np.ones((leaving.size, remaining.size))
    while remaining.any():
        odd = remaining % 2 == 1
        stays[:, odd] = power @ stays[:, odd]
        remaining = remaining // 2
        left = left + power @ left
        power = power @ power
        is_kept = left < 0.5
        power[is_kept] *= ((1 - left[is_kept]) / power[is_kept].sum(axis=1))[:, None]
    return stays
