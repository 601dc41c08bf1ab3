"""Every part of the figure, two at a time: threads share what XLA compiles and runs."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from experiments.common.report import stage
from experiments.width_transfer.config import Config
from experiments.width_transfer.first_step import first_steps
from experiments.width_transfer.parametrization import STANDARD
from experiments.width_transfer.starting import curvatures
from experiments.width_transfer.training import (
    SETUPS,
    Trained,
    train_base,
    train_wider,
    widths_of,
)

THREADS = 2


def simulate(config: Config) -> dict:
    with stage("training at every width and rate"):
        trained = train_all(config)
    with stage("curvature at the start"):
        started = merged(curvatures, [(width, config) for width in config.start_widths])
    with stage("first steps"):
        stepped = merged(first_steps, [(width, config) for width in config.step_widths])
    return {"trained": trained, "started": started, "stepped": stepped}


def train_all(config: Config) -> Trained:
    found = merged(train_base, [(setup, config) for setup in SETUPS])
    jobs = []
    for setup in SETUPS:
        base, *wider = widths_of(setup, config)
        jobs += [(setup, width, found[setup, STANDARD, base], config) for width in wider]
    return found | merged(train_wider, sorted(jobs, key=lambda job: -job[1]))


def merged(work: Callable[..., dict], jobs: Iterable[tuple]) -> dict:
    """What all jobs find."""
    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(lambda job: work(*job), jobs))
    return {key: value for result in results for key, value in result.items()}
