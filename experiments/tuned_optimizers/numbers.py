"""The headline numbers: every method beside Adam, at rates that were chosen on other seeds."""

import numpy as np
from jaxtyping import Float

from experiments.common import number
from experiments.common.number import Numbers
from experiments.common.statistics import Estimate, geometric_mean, mean
from experiments.tuned_optimizers.config import Config
from experiments.tuned_optimizers.simulate import (
    ADAM,
    DECAYED,
    FREE,
    METHODS,
    Data,
)

KEYS = {name: name.lower().replace(",", "").replace(" ", "_").replace("-", "_") for name in METHODS}


def numbers(data: Data, config: Config) -> Numbers:
    found: Numbers = {}
    for kind in config.kinds:
        found[f"left_by_adam_{kind}"] = number.regression(
            geometric_mean(log_mean(data.runs[ADAM].tuned[data.of(kind), :, -1])),
            f"what tuned Adam leaves of what can be learned, geometric mean over {kind}",
        )
        for name in METHODS:
            if name != ADAM:
                found[key_of_left(name, kind)] = number.regression(
                    left(data, name, kind),
                    f"what tuned {name} leaves over what tuned Adam leaves, geometric mean over "
                    f"{kind}",
                )
            found[key_of_share(name, kind)] = number.regression(
                share(data, name, kind),
                f"share of Adam's steps after which {name} is where tuned Adam ends, mean over "
                f"{kind}; 1 where it does not arrive",
            )
        found[f"free_over_decay_{kind}"] = number.regression(
            left(data, FREE, kind, than=DECAYED),
            f"what tuned {FREE} AdamW leaves over what tuned Adam with linear decay leaves, "
            f"geometric mean over {kind}",
        )
    for name in METHODS:
        if name != ADAM:
            found[f"rate_{KEYS[name]}"] = number.regression(
                best_rate(data, name),
                f"best learning rate of {name} over Adam's, geometric mean over all tasks",
            )
    return found


def key_of_left(name: str, kind: str) -> str:
    return f"left_by_{KEYS[name]}_{kind}"


def key_of_share(name: str, kind: str) -> str:
    return f"steps_of_{KEYS[name]}_{kind}"


def log_mean(values: Float[np.ndarray, "tasks seeds"]) -> Float[np.ndarray, " seeds"]:
    """Geometric means over tasks."""
    return np.exp(np.log(values).mean(axis=0))


def left(data: Data, name: str, kind: str, than: str = ADAM) -> Estimate:
    """What one method leaves over what another leaves, of the same starts and batches."""
    ends, others = (data.runs[each].tuned[data.of(kind), :, -1] for each in (name, than))
    return geometric_mean(log_mean(ends / others))


def share(data: Data, name: str, kind: str) -> Estimate:
    """Of the steps, until the method has left no more than tuned Adam at its end."""
    return mean(shares(data, name)[data.of(kind)].mean(axis=0))


def shares(data: Data, name: str) -> Float[np.ndarray, "tasks seeds"]:
    path, aim = data.runs[name].tuned, data.runs[ADAM].tuned[..., -1:]
    arrived = path <= aim
    first = np.argmax(arrived, axis=-1) / (path.shape[-1] - 1)
    return np.where(arrived.any(axis=-1), first, 1.0)


def best_rate(data: Data, name: str) -> Estimate:
    return geometric_mean(log_mean(best_rates(data, name) / best_rates(data, ADAM)))


def best_rates(data: Data, name: str) -> Float[np.ndarray, "tasks seeds"]:
    """Where the parabola through the best point and its neighbours is lowest, in logarithms."""
    ends = np.log(data.runs[name].ends)
    best = np.clip(np.argmin(ends, axis=1), 1, ends.shape[1] - 2)
    before, at, after = (
        np.take_along_axis(ends, (best + shift)[:, None], axis=1)[:, 0] for shift in (-1, 0, 1)
    )
    bend = before - 2 * at + after
    shift = np.where(bend > 0, (before - after) / 2 / np.where(bend > 0, bend, 1), 0)
    logs = np.log(data.rates)
    return np.exp(logs[best] + np.clip(shift, -1, 1) * (logs[1] - logs[0]))
