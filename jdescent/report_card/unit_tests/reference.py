"""What SGD reaches on each unit test at the best of 34 rates: the measure of all others.

`python -m jdescent.report_card.unit_tests` computes the file anew, in some twenty seconds.
"""

import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jdescent.report_card.subject import subject_of
from jdescent.report_card.unit_tests.running import DIMENSIONS, batch_of, gains
from jdescent.report_card.unit_tests.scoring import best_of
from jdescent.report_card.unit_tests.templates import all_tests

FILE = Path(__file__).with_name("reference.npz")
RATES = np.geomspace(1e-10, 1.0, 34)


class Reference(NamedTuple):
    """Of each of the 3,944 tests; NaN of those that are another one by another name."""

    gain: Float[np.ndarray, " tests"]
    rate: Float[np.ndarray, " tests"]


def computed(seed: int = 0) -> Reference:
    gain, rate = np.full((2, len(all_tests())), np.nan)
    for dimensions in DIMENSIONS:
        batch = batch_of(dimensions, seed)
        best, at = best_of(gains(subject_of("sgd"), RATES, batch))
        gain[batch.numbers], rate[batch.numbers] = best, RATES[at]
    return Reference(gain, rate)


@functools.cache
def reference(seed: int = 0) -> Reference:
    """f* − f₀, below 0 where SGD improves a test, and the rate it takes; of other draws than the
    first it is computed first."""
    if seed != 0:
        return computed(seed)
    with np.load(FILE) as file:
        return Reference(**file)
