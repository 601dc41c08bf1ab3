"""One jitted update beside optax's: of one large array, of many small ones, and of matrices.

Large arrays are bound by memory: the floor is an array added to another by numba, 12 bytes an
element, and as long for each byte more.
Compiling is measured by the processor's time, as neighbours on the machine lengthen the clock's.
Matrix rules stand beside another implementation for JAX, each over ten steps, as some decompose a
matrix every tenth. Of those that are not installed the row says so: psgdax is on PyPI, and
haydn-jones/SOAP_JAX and google-research/precondition come by pip install git+https://github.com/….
"""

import importlib
import os
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

# threads of OpenBLAS wait for one another: on a busy machine a decomposition takes 100 times longer
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import jax
import jax.numpy as jnp
import numba
import numpy as np
import optax

import jdescent as jd
from benchmarks.timing import interleaved

PARAMETERS = 25_000_000
ALIKE = (10, 400, 2_000)
SIDE = 64


class Pair(NamedTuple):
    """The same rule twice, and the bytes that a float32 parameter's step reads and writes."""

    ours: jd.Optimizer
    theirs: optax.GradientTransformation
    traffic: int


# The gradient and the parameter are read and the parameter is written: 12 bytes; each memory is
# read and written: 8 more.
PAIRS = {
    "sgd": Pair(jd.sgd(0.01), optax.sgd(0.01), 12),
    "sgd with momentum": Pair(jd.sgd(0.01, 0.9), optax.sgd(0.01, 0.9), 20),
    "rmsprop": Pair(jd.rmsprop(0.01), optax.rmsprop(0.01), 20),
    "adagrad": Pair(jd.adagrad(0.01), optax.adagrad(0.01), 20),
    "adam": Pair(jd.adam(0.01), optax.adam(0.01), 28),
    "adamw": Pair(jd.adamw(0.01), optax.adamw(0.01), 28),
    "nadam": Pair(jd.nadam(0.01), optax.nadam(0.01), 28),
    "adabelief": Pair(jd.adabelief(0.01), optax.adabelief(0.01), 28),
    "lion": Pair(jd.lion(0.01), optax.lion(0.01), 20),
    "lamb": Pair(jd.lamb(0.01), optax.lamb(0.01), 28),
    "adan": Pair(jd.adan(0.01), optax.adan(0.01), 44),
}
STEPS = 10  # of a matrix rule, timed together


class Peer(NamedTuple):
    """A matrix rule, and another's: of which module, made how."""

    ours: jd.Optimizer
    module: str
    make: Callable[[Any], Any]


EVERY_STEP = {"preconditioning_compute_steps": 1, "start_preconditioning_step": 1}
MATRIX_RULES = {
    "muon": Peer(jd.muon(0.01), "optax.contrib", lambda contrib: contrib.muon(0.01)),
    "adafactor": Peer(jd.adafactor(0.01), "optax", lambda optax: optax.adafactor(0.01)),
    "soap": Peer(jd.soap(0.01, weight_decay=0.0), "soap_jax", lambda soap_jax: soap_jax.soap(0.01)),
    "shampoo": Peer(
        jd.shampoo(0.01),
        "precondition.distributed_shampoo",
        lambda them: them.distributed_shampoo(0.01, block_size=1024, **EVERY_STEP),
    ),
    "psgd_kron": Peer(
        jd.psgd_kron(0.01, key=jax.random.key(0)), "psgdax", lambda psgdax: psgdax.kron(0.01)
    ),
}


class Compiled(NamedTuple):
    """A donated step that goes on from where it ended; seconds of the processor to make it."""

    step: Callable[[], None]
    tracing: float
    compiling: float


def compiled(optimizer: Any, params: Any, gradient: Any) -> Compiled:
    def step(params, state, gradient):
        updates, state = optimizer.update(gradient, state, params)
        return optax.apply_updates(params, updates), state

    carry = [jax.tree.map(jnp.copy, params), jax.jit(optimizer.init)(params)]
    began = time.process_time()
    lowered = jax.jit(step, donate_argnums=(0, 1)).lower(*carry, gradient)
    traced = time.process_time()
    program = lowered.compile()
    ended = time.process_time()

    def work() -> None:
        carry[:] = jax.block_until_ready(program(*carry, gradient))

    return Compiled(work, traced - began, ended - traced)


@numba.njit(parallel=True)
def _add(total, a):
    for i in numba.prange(total.size):
        total[i] += a[i]


def one_array(count: int) -> None:
    params = jnp.linspace(-1, 1, count, dtype=jnp.float32)
    gradient, total, added = jnp.cos(params), np.ones(count, np.float32), np.ones(count, np.float32)
    print(f"### one update of {count / 1e6:g} M parameters in one array\n")
    print("| | jdescent ms | optax ms | ratio | share of the floor |\n|---|---|---|---|---|")
    for name, (ours, theirs, traffic) in PAIRS.items():
        seconds = interleaved(
            {
                "ours": compiled(ours, params, gradient).step,
                "theirs": compiled(theirs, params, gradient).step,
                "floor": lambda: _add(total, added),
            },
            turns=15,
        )
        mine, other = seconds["ours"].median, seconds["theirs"].median
        share = seconds["floor"].median * traffic / 12 / mine
        print(
            f"| {name} | {1e3 * mine:.3g} | {1e3 * other:.3g} | {mine / other:.2f} | {share:.0%} |"
        )
    print()


def many_arrays(counts: tuple[int, ...], side: int, rounds: int) -> None:
    print(f"### adamw of many arrays of {side} × {side}: jdescent / optax\n")
    print(
        "| arrays | tracing | compiling | tracing and compiling, s | step |\n|---|---|---|---|---|"
    )
    for count in counts:
        params = {
            f"w{i}": jnp.linspace(-1, 1, side * side).reshape(side, side) for i in range(count)
        }
        gradient = jax.tree.map(jnp.cos, params)
        made: dict[str, list[Compiled]] = {"ours": [], "theirs": []}
        for _ in range(rounds):
            made["ours"].append(compiled(jd.adamw(0.01), params, gradient))
            made["theirs"].append(compiled(optax.adamw(0.01), params, gradient))
        seconds = interleaved({name: programs[-1].step for name, programs in made.items()}, 31)
        tracing, compiling = (
            {name: statistics.median(p[part] for p in made[name]) for name in made}
            for part in (1, 2)
        )
        both = " / ".join(f"{tracing[name] + compiling[name]:.2f}" for name in made)
        print(
            f"| {count:,} | {tracing['ours'] / tracing['theirs']:.2f} "
            f"| {compiling['ours'] / compiling['theirs']:.2f} | {both} "
            f"| {seconds['ours'].median / seconds['theirs'].median:.2f} |"
        )
    print()


def matrices(side: int, count: int) -> None:
    print(f"### {STEPS} steps of {count} matrices of {side} × {side}: jdescent / another\n")
    print("| | beside | tracing and compiling | steps |\n|---|---|---|---|")
    params = {f"w{i}": jnp.linspace(-1, 1, side * side).reshape(side, side) for i in range(count)}
    gradient = jax.tree.map(lambda x: jnp.cos(40 * x + x.T), params)
    for name, peer in MATRIX_RULES.items():
        try:
            theirs = peer.make(importlib.import_module(peer.module))
        except ImportError:
            print(f"| {name} | {peer.module}: not installed | | |")
            continue
        programs = [compiled(optimizer, params, gradient) for optimizer in (peer.ours, theirs)]
        seconds = interleaved({"ours": some(programs[0].step), "theirs": some(programs[1].step)})
        making = [program.tracing + program.compiling for program in programs]
        ratio = seconds["ours"].median / seconds["theirs"].median
        print(f"| {name} | {peer.module} | {making[0] / making[1]:.2f} | {ratio:.2f} |")
    print()


def some(step: Callable[[], None]) -> Callable[[], None]:
    def steps() -> None:
        for _ in range(STEPS):
            step()

    return steps


def main(quick: bool = False) -> None:
    one_array(PARAMETERS // 100 if quick else PARAMETERS)
    many_arrays(ALIKE[:1] if quick else ALIKE, SIDE, rounds=1 if quick else 3)
    matrices(SIDE if quick else 512, 4)
