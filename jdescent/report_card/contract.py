"""The contract: what jdescent, optax and JAX expect of an optimizer, and what it costs."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jdescent import testing
from jdescent.core import apply_updates
from jdescent.plotting import COLORS
from jdescent.report_card.findings import USUAL, Effort, Failure, Finding, Panel, Part
from jdescent.report_card.naming import RAISED, said
from jdescent.report_card.subject import Subject

NAME = "contract"
TITLE = "Contract and cost"

SIDES = (1000, 64)  # of the matrix whose update is timed, the first that fits
LARGEST = 2**30  # bytes of a state that is made
TURNS = 9
PATIENCE = 2.0  # seconds a turn, beyond which one is enough


class Promise(NamedTuple):
    """What is asked, of the optimizer at one rate or of the function that makes it."""

    name: str
    meaning: str
    check: Callable[[Any], None]
    of_rates: bool = False


PROMISES = (
    Promise("dtypes", "updates and state keep shapes and dtypes: bfloat16, float16, float32",
            testing.assert_dtypes_kept),
    Promise("one_trace", "a jitted update is traced once", testing.assert_one_trace),
    Promise("scan", "lax.scan walks the path of a loop", testing.assert_scan_equals_loop),
    Promise("vmap", "vmap gives each run what it gets alone", testing.assert_vmap_equals_loop),
    Promise("rates", "the learning rate may be traced and mapped, and updates keep their dtypes",
            testing.assert_rate_maps, True),
    Promise("optax", "optax's chain, masked and MultiSteps take it",
            testing.assert_composes_with_optax),
    Promise("nan", "a NaN in the gradient shows in the update or the state",
            testing.assert_nan_shows),
    Promise("counters", "counters stay at their largest value", testing.assert_counters_stay),
    Promise("sharding", "memories lie where the parameters lie", testing.assert_sharding_kept),
)  # fmt: skip


def measure(subject: Subject, effort: Effort = USUAL) -> Part:
    """What is kept, and memory, compile time and time of an update."""
    del effort
    findings, failures = [], []
    for promise in PROMISES:
        if promise.of_rates and not subject.takes_rate:
            continue
        try:
            why = _broken(promise, subject)
        except MissingExtraError as missing:
            findings.append(Finding(promise.name, promise.meaning, str(missing), "exact"))
            continue
        findings.append(Finding(promise.name, promise.meaning, not why, "exact"))
        if why:
            asserted = f"testing.{promise.check.__name__}"
            made = subject.code.replace("{rate}", "rate")
            on = f"lambda rate: {made}" if promise.of_rates else "optimizer"
            line = f"from jdescent import testing\n{asserted}({on})"
            failures.append(Failure(promise.meaning, why, subject.python(0.01, line)))
    costs: list[Finding] = []
    try:
        costs.extend(_costs(subject))
    except RAISED as error:
        then = "jd.descend(lambda x: jnp.sum(x**2), jnp.ones((64, 64)), optimizer, 1)"
        line = subject.python(0.01, f"import jax.numpy as jnp, jdescent as jd\n{then}")
        failures.append(Failure("memory and time of an update", said(error), line))
    return Part([*findings, *costs], failures, series={f.name: f.value for f in costs})


class MissingExtraError(Exception):
    """What a check needs is not installed."""


def _broken(promise: Promise, subject: Subject) -> str:
    """Why it is not kept; empty where it is."""
    try:
        promise.check(subject.make if promise.of_rates else subject.make(1e-2))
    except ModuleNotFoundError as error:
        if error.name in ("chex", "optax"):
            raise MissingExtraError(
                f"not tried: it needs {error.name}, pip install 'jdescent[test]'"
            ) from None
        return said(error)
    except RAISED as error:
        return said(error)
    return ""


def _costs(subject: Subject) -> Iterator[Finding]:
    optimizer = subject.make(1e-2)
    held = {side: _bytes(optimizer, side) for side in SIDES}
    side = SIDES[0]
    yield Finding(
        "memory", "numbers of four bytes kept for each parameter", held[side] / 4 / side**2,
        better="lower", note=f"of a {side} × {side} matrix in float32",
    )  # fmt: skip
    for side in SIDES:
        if held[side] > LARGEST and side != SIDES[-1]:
            continue
        try:
            yield from _times(optimizer, side)
        except Exception:  # XLA's, of what needs a matrix of all parameters
            if side == SIDES[-1]:
                raise
        else:
            return


def _bytes(optimizer: Any, side: int) -> int:
    """Of its state, without making it."""
    state = jax.eval_shape(optimizer.init, jax.ShapeDtypeStruct((side, side), jnp.float32))
    return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(state) if hasattr(x, "dtype"))


def _times(optimizer: Any, side: int) -> list[Finding]:
    x, gradient = (scale * jnp.ones((side, side), jnp.float32) for scale in (1.0, 0.5))
    update = testing.updating(optimizer)

    def step(gradient, params, state):
        updates, state = update(gradient, state, params)
        return apply_updates(params, updates), state

    compiling_floor, floor = _compiled(lambda g, x: x - 1e-2 * g, gradient, x)
    compiling, ours = _compiled(step, gradient, x, optimizer.init(x))
    ratio, spread = _ratio(ours, floor)
    where = f"{side**2:,} parameters in one leaf"
    return [
        Finding(
            "time", "time of an update, in those of x − η·g", ratio, interval=spread,
            better="lower", note=f"{where}; median and range of turns about, in one run",
        ),
        Finding(
            "compile", "processor's time to trace and compile it, in that of x − η·g",
            compiling / compiling_floor, better="lower", note=f"{where}; one measurement",
        ),
    ]  # fmt: skip


def _compiled(function: Callable[..., Any], *arguments: Any) -> tuple[float, Callable[[], Any]]:
    """Processor's seconds of tracing and compiling, and a call that waits for its result."""
    began = time.process_time()
    compiled = jax.jit(function).lower(*arguments).compile()
    seconds = time.process_time() - began
    return seconds, lambda: jax.block_until_ready(compiled(*arguments))


def _ratio(ours: Callable[[], Any], floor: Callable[[], Any]) -> tuple[float, tuple[float, float]]:
    """Median and range of the ratio of their times, measured in turn."""
    ratios = []
    for turn in range(TURNS + 1):  # the first is not counted
        taken = []
        for call in (ours, floor):
            began = time.perf_counter()
            call()
            taken.append(time.perf_counter() - began)
        if turn:
            ratios.append(taken[0] / taken[1])
        if sum(taken) > PATIENCE:
            ratios = ratios or [taken[0] / taken[1]]
            break
    return statistics.median(ratios), (min(ratios), max(ratios))


def _draw(axes: Any, series: Mapping[str, Any]) -> None:
    names = [name for name in ("memory", "time", "compile") if name in series]
    values = np.array([float(series[name]) for name in names])
    axes.barh(range(len(names)), values, color=COLORS["blue"])
    axes.set_yticks(range(len(names)), names)
    axes.axvline(1.0, color="black", linewidth=0.8, linestyle="--")
    axes.invert_yaxis()
    for row, value in enumerate(values):
        axes.annotate(f" {value:.3g}", (value, row), va="center", fontsize=7)
    axes.set(xlabel="numbers a parameter; times x − η·g", xlim=(0, 1.25 * max(1.0, values.max())))


PANELS = (Panel("Memory, time of an update, time to compile it", _draw),)
