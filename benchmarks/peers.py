"""What a peer's user would write: optax under `vmap(scan)`, and Python loops of optax and torch."""

import importlib.util
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import NamedSharding, PartitionSpec

from benchmarks import numpy_peer
from benchmarks.problems import EVERY, Contestant, Problem, bowl, function_of, scanned

OPTIMIZERS = {
    "sgd": optax.sgd,
    "momentum": partial(optax.sgd, momentum=0.9),
    "adam": optax.adam,
}
VMAP_SCAN = "optax vmap(scan)"


def contestants(problem: Problem) -> dict[str, Contestant]:
    """All of them, under JAX's own settings."""
    make, rates = OPTIMIZERS[problem.optimizer], problem.rates
    final = jax.jit(jax.vmap(scanned(problem, make)))
    recorded = jax.jit(jax.vmap(scanned(problem, make, EVERY)))

    def with_losses():
        final_loss, losses = recorded(rates)
        np.asarray(losses)
        return final_loss

    return {
        VMAP_SCAN: Contestant(lambda: final(rates), problem.lane_steps),
        f"{VMAP_SCAN}, every {EVERY}th loss": Contestant(with_losses, problem.lane_steps),
        **numpy_peer.contestants(problem),
        "optax, Python loop, one run": Contestant(python_loop(problem), problem.steps),
        **(torch_loop(problem) if importlib.util.find_spec("torch") else {}),
    }


def on_all_devices(problem: Problem) -> dict[str, Contestant]:
    """`vmap(scan)` with the lanes split over the devices of the process by `shard_map`."""
    devices = jax.make_mesh((jax.device_count(),), ("lanes",))
    by_lanes = PartitionSpec("lanes")
    mapped = jax.vmap(scanned(problem, OPTIMIZERS[problem.optimizer]))
    split = jax.shard_map(
        mapped, mesh=devices, in_specs=by_lanes, out_specs=by_lanes, check_vma=False
    )
    final = jax.jit(split)
    rates = jax.device_put(problem.rates, NamedSharding(devices, by_lanes))
    return {f"{VMAP_SCAN} + shard_map": Contestant(lambda: final(rates), problem.lane_steps)}


def split_host(devices: int) -> None:
    """Let JAX see the host as so many devices; before it starts."""
    jax.config.update("jax_num_cpu_devices", devices)


def python_loop(problem: Problem):
    """One run, at the middle rate: a compiled step, called from Python."""
    loss, rate = function_of(problem), problem.rates[problem.lanes // 2]
    optimizer = OPTIMIZERS[problem.optimizer](rate)

    @jax.jit
    def step(x, state):
        updates, state = optimizer.update(jax.grad(loss)(x), state, x)
        return optax.apply_updates(x, updates), state

    def run():
        x = jax.tree.map(jnp.asarray, problem.start)
        state = optimizer.init(x)
        for _ in range(problem.steps):
            x, state = step(x, state)
        return loss(x)[None]

    return run


def torch_loop(problem: Problem) -> dict[str, Contestant]:
    """One run of torch.optim on the bowl, at the middle rate."""
    import torch

    if problem.loss != "bowl":
        return {}
    rate = float(problem.rates[problem.lanes // 2])
    make = {
        "sgd": torch.optim.SGD,
        "momentum": partial(torch.optim.SGD, momentum=0.9),
        "adam": torch.optim.Adam,
    }[problem.optimizer]

    def run():
        x = torch.tensor(problem.start, requires_grad=True)
        optimizer = make([x], lr=rate)
        for _ in range(problem.steps):
            optimizer.zero_grad()
            bowl(x).backward()
            optimizer.step()
        return bowl(x).detach().numpy()[None]

    return {"torch.optim, Python loop, one run": Contestant(run, problem.steps)}
