"""All runs of six methods on eight tasks."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

import jdescent as jd
from experiments.common.report import stage
from experiments.common.threads import in_threads
from experiments.tuned_optimizers.config import NETS, TRANSFORMERS, Config
from jdescent.report_card.learners import Task, tasks
from jdescent.report_card.learners.tuning import chosen_on_others
from jdescent.trajectory import Point

ADAM, DECAYED = "Adam", "Adam, linear decay"
MOMENTUM, LION, MUON, FREE = "SGD, momentum", "Lion", "Muon", "schedule-free"
PROGRAMS = {"transformer": TRANSFORMERS, "MLP of width 16": NETS}
WARM_UP = 20  # a run's steps over those of schedule-free's warm-up
LEAST = 1e-3  # what is left of what can be learned; less is as good
COMPILED_QUICKLY = {"xla_backend_optimization_level": 1}  # it takes most of the time


class Method(NamedTuple):
    """An optimizer of a rate and the number of steps, and the parameters that it is measured at."""

    make: Callable[[Any, int], Any]
    at: Callable[[Point], Any] = lambda point: point.params


METHODS: Mapping[str, Method] = {
    ADAM: Method(lambda rate, steps: jd.adam(rate)),
    DECAYED: Method(lambda rate, steps: jd.adam(jd.schedules.linear(rate, 0.0, steps))),
    MOMENTUM: Method(lambda rate, steps: jd.heavy_ball(rate, 0.9)),
    LION: Method(lambda rate, steps: jd.lion(rate)),
    MUON: Method(lambda rate, steps: jd.muon(rate)),
    FREE: Method(
        lambda rate, steps: jd.schedule_free_adamw(rate, warmup_steps=steps // WARM_UP),
        lambda point: jd.schedule_free_eval_params(point.state, point.params),
    ),
}


class Runs(NamedTuple):
    """What is left of what can be learned, at each twentieth of the runs of one method.

    Attributes:
        left: 1 where nothing was learned or the run diverged.
    """

    left: Float[np.ndarray, "tasks rates seeds evaluations"]

    @property
    def ends(self) -> Float[np.ndarray, "tasks rates seeds"]:
        return self.left[..., -1]

    @property
    def tuned(self) -> Float[np.ndarray, "tasks seeds evaluations"]:
        """Of each seed at the rate that is best on the others."""
        chosen = chosen_on_others(self.ends)[:, None, :, None]
        return np.take_along_axis(self.left, chosen, axis=1)[:, 0]


class Data(NamedTuple):
    """The tasks, of which kind each is, the rates, and the runs of each method."""

    names: Sequence[str]
    kinds: Sequence[str]
    rates: Float[np.ndarray, " rates"]
    runs: Mapping[str, Runs]

    def of(self, kind: str) -> list[int]:
        """The places of its tasks."""
        return [place for place, its_kind in enumerate(self.kinds) if its_kind == kind]


def simulate(config: Config) -> Data:
    rates = learning_rates(config)
    groups = [
        list(group) for _, group in groupby(chosen_tasks(config), lambda task: task.program.name)
    ]
    found = {}
    for name in METHODS:
        with stage(name):
            parts = in_threads(partial(run, name, rates=rates, config=config), groups)
            found[name] = Runs(np.concatenate(parts))
    in_order = [task for group in groups for task in group]
    kinds = [PROGRAMS[task.program.name] for task in in_order]
    return Data([task.name for task in in_order], kinds, rates, found)


def chosen_tasks(config: Config) -> list[Task]:
    return [task for task in tasks()[0] if PROGRAMS.get(task.program.name) in config.kinds]


def learning_rates(config: Config) -> Float[np.ndarray, " rates"]:
    decades = np.log10(config.fastest / config.slowest)
    count = round(decades * config.rates_a_decade) + 1
    return np.geomspace(config.slowest, config.fastest, count).astype(np.float32)


def run(
    name: str, group: Sequence[Task], rates: np.ndarray, config: Config
) -> Float[np.ndarray, "tasks rates seeds evaluations"]:
    """What is left of tasks that share a program, in one program."""
    method, program = METHODS[name], group[0].program
    data = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(task.data for task in group))
    keys = jax.vmap(jax.random.key)(jnp.arange(config.seeds))

    def one(data, rate, key):
        return program.run(method.make(rate, program.steps), data, key, method.at).metric

    of_seeds = jax.vmap(one, (None, None, 0))
    of_rates = jax.vmap(of_seeds, (None, 0, None))
    of_tasks = jax.vmap(of_rates, (0, None, None))
    mapped = jax.jit(of_tasks, compiler_options=COMPILED_QUICKLY)
    metric = np.asarray(mapped(data, rates, keys), float)
    left = np.stack([task.excess(of_task) for task, of_task in zip(group, metric, strict=True)])
    return np.clip(np.nan_to_num(left, nan=1.0, posinf=1.0), LEAST, 1.0)
