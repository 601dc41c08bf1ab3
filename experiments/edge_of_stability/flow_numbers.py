"""Headline numbers of the oscillation, of the flows that average it, and of small batches."""

import numpy as np
from numpy.typing import ArrayLike

from experiments.common import number
from experiments.common.number import Number, Numbers
from experiments.common.statistics import Estimate, positive_mean
from experiments.edge_of_stability.averaged import (
    WINDOW,
    Averaged,
    alternating,
    distances,
    first_burst,
    growth,
    moved,
    pull,
    variances,
)
from experiments.edge_of_stability.batches import Sharpness
from experiments.edge_of_stability.config import Config

BLOCKS = 5
NAMES = {"gd": "GD", "rmsprop": "RMSProp"}
ERRORS = number.ERRORS
EULER = {"loss": 0.02, "variance": 0.12}  # twice the substeps changed GD's by 1.3 % and 11 %
OF_BLOCKS = (
    f"{ERRORS} standard errors of {BLOCKS} blocks of steps, each of many periods of the "
    "oscillation, and what twice as many Euler steps of the flow change"
)


def oscillation_numbers(run: Averaged) -> Numbers:
    burst = first_burst(run)
    if burst.stop == burst.start:
        return {}
    measured, predicted = growth(run)
    return {
        "burst_growth": number.theory(
            measured / predicted,
            1.0,
            0.05,
            "the gradient that the way itself has along the eigenvector, and the cubic terms at "
            "the end of the growth",
            "growth of GD's deviation along the top eigenvector in its first burst, "
            f"{burst.stop - burst.start} steps: ln of what it is, over the sum of ln(ηS − 1)",
        ),
        "alternating": number.bound(
            alternating(run),
            "half of the steps, as of a deviation without a period",
            "share of GD's steps, since that burst began, at which this deviation changes its sign",
            at_least=0.75,
            missed_by=0.5,
            tolerance=0.1,
        ),
        "pull": number.bound(
            pull(run),
            "0, as where the oscillation does not act on the sharpness",
            "correlation of the squared deviation with the change of the sharpness in two steps",
            at_most=-0.2,
            missed_by=0.0,
            tolerance=abs(pull(run)) / 2,
            signed=True,
        ),
    }


def flow_numbers(name: str, run: Averaged) -> Numbers:
    """At the edge: from where the flow is first there, and after the first third of the steps."""
    central, stable = distances(run, run.central), distances(run, run.stable)
    late, half = slice(len(central) // 3, len(central)), WINDOW // 2
    shifted = slice(half + late.start, half + late.stop)
    return {
        f"flow_{name}": number.bound(
            float(central[-1] / stable[-1]),
            "1, were oscillations of no effect on the way",
            f"distance of {NAMES[name]}'s averaged path from the central flow, over that from the "
            f"flow without oscillations, after {len(run.loss)} steps",
            at_most=0.5,
            missed_by=1.0,
            tolerance=float(central[-1] / stable[-1] / 2),
        ),
        f"flow_error_{name}": number.bound(
            float(central[-1] / moved(run)[-1]),
            "a tenth of the way",
            f"the same distance over the length of {NAMES[name]}'s way",
            at_most=0.1,
            missed_by=float(stable[-1] / moved(run)[-1]),
            tolerance=float(central[-1] / moved(run)[-1] / 2),
        ),
        f"flow_loss_{name}": averaged_number(
            run.loss[shifted],
            (run.central.loss + run.central.excess)[shifted],
            EULER["loss"],
            f"mean loss of {NAMES[name]}'s iterates at the edge; theory: L + ½⟨Σ, H⟩ of the flow",
        ),
        f"flow_variance_{name}": averaged_number(
            variances(run)[late],
            run.central.variance[shifted],
            EULER["variance"],
            f"mean ‖w − average‖² of {NAMES[name]}'s iterates at the edge; theory: tr Σ of the "
            "flow",
        ),
    }


def averaged_number(
    measured: ArrayLike, predicted: ArrayLike, euler: float, meaning: str
) -> Number:
    """Ratios of block means, which stand for the errors of what is autocorrelated and drifts."""
    measured, predicted = np.asarray(measured), np.asarray(predicted)
    theory = float(np.mean(predicted))
    ratios = [
        float(np.mean(a) / np.mean(b))
        for a, b in zip(
            np.array_split(measured, BLOCKS), np.array_split(predicted, BLOCKS), strict=True
        )
    ]
    value, error, interval = positive_mean(ratios)
    estimate = Estimate(
        theory * value, theory * error, interval and (theory * interval[0], theory * interval[1])
    )
    tolerance = float(np.hypot(ERRORS * estimate.error, euler * theory))
    return number.theory(estimate, theory, tolerance, OF_BLOCKS, meaning)


def late(series: np.ndarray) -> np.ndarray:
    """The mean over the last third of the measurements, of each seed."""
    return series[:, -(series.shape[1] // 3) :].mean(axis=1)


def batch_numbers(batches: dict[int, Sharpness], config: Config) -> Numbers:
    """Runs of one seed have one start, so that ratios of two of them are of a pair."""
    found: Numbers = {}
    whole = late(batches[config.examples].whole)
    for size in config.batch_sizes:
        of_batch = batches[size]
        found[f"batch_sharpness_{size}"] = number.regression(
            positive_mean(late(of_batch.batch)),
            f"η/2 · E[gᵀHg/gᵀg] over batches of {size} at the end of SGD; said to be 1",
        )
        found[f"whole_sharpness_{size}"] = number.below(
            positive_mean(late(of_batch.whole) / whole),
            1.0,
            f"λmax of all examples at the end of SGD with batches of {size}, over that after as "
            "many steps of gradient descent",
            why="batches then being of no effect",
        )
    return found | {
        "whole_sharpness_full": number.regression(
            positive_mean(whole), "η/2 · λmax at the end of gradient descent at that rate"
        )
    }
