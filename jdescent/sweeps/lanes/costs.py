"""What a loop costs, scalarized or batched by `jax.vmap`: compiling it, and running it.

Scalarized, XLA is given one operation for each number of each array; an operation that cannot be
scalarized needs its operands stacked and its results unstacked besides. What runs in a third of the
time may thus take ten times as long to compile, so a loop is scalarized only where its first call
is not expected to take much longer.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jax.extend import core

from jdescent.sweeps.lanes.entries import elementwise, rule_of
from jdescent.sweeps.lanes.programs import (
    CALLS,
    LOOPS,
    carried,
    is_empty,
    is_walked,
    numbers_computed,
    program_of,
    scan_counts,
    size,
    value_bytes,
)

SLOWER_AT_MOST = 1.75  # the expected calls of a scalarized loop, first and later, × the batched's

# Measured on XLA for CPUs, jax 0.10, one core of a server: `python -m benchmarks first_calls`.
ANY_PROGRAM = 100.0  # milliseconds that a program takes to trace and to compile, however short
BESIDE = 1.0  # milliseconds of an equation outside of loops
OPERATION = 0.7, 0.35  # milliseconds of one operation, scalarized and batched
LEFT = 5.0  # milliseconds of one that cannot be scalarized, such as a sort
RESTACKED = 1.0  # milliseconds of a number that is stacked or unstacked for it
CARRIED = 16.0, 0.2  # milliseconds of n arrays that a loop carries: of n, and of n²
NUMBER = 0.08, 0.24  # nanoseconds of one number of one run, scalarized and batched
LONG_ROW = 16  # numbers from which on arithmetic on rows is as fast batched as scalarized
RESTACKED_NUMBER = 0.5  # nanoseconds of a number that is stacked or unstacked
LEFT_NUMBER = 0.5  # nanoseconds of a number of what cannot be scalarized


class Cost(NamedTuple):
    """Milliseconds of compiling, nanoseconds a run."""

    compiling: float = 0.0
    running: float = 0.0


# Costs are arrays of two rows, scalarized and batched, each of compiling and running.
_NOTHING = np.zeros((2, 2))


def _costs(scalarized: Cost, batched: Cost) -> np.ndarray:
    return np.array([scalarized, batched])


class Workload(NamedTuple):
    """For how many runs a program is compiled, and how many equations it has outside of loops."""

    runs: int
    equations: int


NO_WORK = Workload(0, 0)


def workload(program: core.ClosedJaxpr, runs: int) -> Workload:
    def count(program) -> int:
        calls = [e for e in program.jaxpr.eqns if e.primitive.name in CALLS]
        return len(program.jaxpr.eqns) + sum(count(program_of(call)) for call in calls)

    return Workload(runs, count(program))


def pays(loop, shared: Sequence[bool], work: Workload) -> bool:
    """Whether a loop is to be scalarized, if these of its inputs are shared by all runs."""
    costs, _ = _of_equation(loop, list(shared))
    later = 1e-6 * work.runs * costs[:, 1]
    first = ANY_PROGRAM + BESIDE * work.equations + costs[:, 0] + later
    return all(a <= SLOWER_AT_MOST * b for a, b in (first.tolist(), later.tolist()))


def carried_bytes(program: core.ClosedJaxpr, runs: int) -> int | None:
    """Bytes a lane that the largest scalarized loop carries; None if there is no such loop."""
    if not is_walked(program):
        return None
    found: list[int] = []
    work = workload(program, runs)

    def look(equation, shared: list[bool]) -> None:
        if equation.primitive.name in LOOPS and not all(shared) and pays(equation, shared, work):
            found.append(sum(map(value_bytes, carried(equation))))

    _of_program(program, [False] * len(program.jaxpr.invars), look)
    return max(found, default=None)


def _of_program(program: core.ClosedJaxpr, shared: Sequence[bool], look=None):
    """The costs of a program, and which of its results are shared by all lanes, as these inputs."""
    of_jaxpr = _of_jaxpr if look is None else _of_jaxpr.__wrapped__
    return of_jaxpr(program.jaxpr, tuple(shared), look)


@functools.lru_cache(maxsize=256)  # loops in loops are asked for many times
def _of_jaxpr(jaxpr, shared: tuple[bool, ...], look) -> tuple[np.ndarray, list[bool]]:
    known = dict(zip(jaxpr.invars, shared, strict=True))
    costs = _NOTHING

    def is_shared(variable) -> bool:
        return isinstance(variable, core.Literal) or known.get(variable, True)

    for equation in jaxpr.eqns:
        here = [is_shared(variable) for variable in equation.invars]
        if look is not None and equation.primitive.name in LOOPS:
            look(equation, here)
        added, results = _of_equation(equation, here, look)
        costs = costs + added
        known |= zip(equation.outvars, results, strict=True)
    return costs, [is_shared(variable) for variable in jaxpr.outvars]


def forget() -> None:
    """Let go of the programs that were looked at, and of the data in them."""
    _of_jaxpr.cache_clear()


def _of_equation(equation, shared: list[bool], look=None) -> tuple[np.ndarray, list[bool]]:
    name, outputs = equation.primitive.name, equation.outvars
    if all(shared):
        once = Cost(OPERATION[1])
        return _costs(once, once), [True] * len(outputs)
    if name in CALLS:
        return _of_program(program_of(equation), shared, look)
    if name == "optimization_barrier":
        return _NOTHING, shared
    if name in _OF_CONTROL:
        return _OF_CONTROL[name](equation, shared)
    return _of_operation(equation, shared), [is_empty(variable) for variable in outputs]


def _of_operation(equation, shared: list[bool]) -> np.ndarray:
    rule = rule_of(equation)
    if rule is None:
        inputs = zip(equation.invars, shared, strict=True)
        restacked = sum(size(variable) for variable, same in inputs if not same)
        restacked += sum(map(size, equation.outvars))
        batched = Cost(LEFT, LEFT_NUMBER * sum(map(size, equation.outvars)))
        extra = Cost(RESTACKED * restacked, RESTACKED_NUMBER * restacked)
        return _costs(extra, Cost()) + _costs(batched, batched)
    name = equation.primitive.name
    numbers = 0 if name in _REARRANGING else numbers_computed(equation)
    if name.startswith("reduce_") and name != "reduce_precision":
        numbers = size(equation.invars[0])
    row = equation.outvars[0].aval.shape[-1:]
    is_long = rule is elementwise and row >= (LONG_ROW,)
    scalarized = Cost(OPERATION[0] * numbers, NUMBER[0] * numbers)
    return _costs(scalarized, Cost(OPERATION[1], NUMBER[not is_long] * numbers))


_REARRANGING = (
    "broadcast_in_dim", "concatenate", "pad", "reshape", "rev", "slice", "squeeze", "transpose",
)  # fmt: skip


def _carrying(variables: Sequence, shared: Sequence[bool]) -> np.ndarray:
    """What a loop or a branch costs for carrying these."""

    def cost(count: int) -> Cost:
        return Cost(CARRIED[0] * count + CARRIED[1] * count**2)

    numbers = [1 if same else size(v) for v, same in zip(variables, shared, strict=True)]
    return _costs(cost(sum(numbers)), cost(len(numbers)))


def _of_scan(scan, shared: list[bool]) -> tuple[np.ndarray, list[bool]]:
    first_carry, carries = scan_counts(scan)
    first_row, length = first_carry + carries, scan.params["length"]
    carry = shared[first_carry:first_row]
    while True:
        inputs = [*shared[:first_carry], *carry, *shared[first_row:]]
        costs, results = _of_program(scan.params["jaxpr"], inputs)
        settled = list(map(min, carry, results[:carries]))
        if settled == carry:
            break
        carry = settled
    rows = [*scan.invars[first_row:], *scan.outvars[carries:]]
    kept = [*shared[first_row:], *results[carries:]]
    numbers = sum(size(v) for v, same in zip(rows, kept, strict=True) if not same)
    numbers = numbers // length if length else 0
    costs = costs * [_copies(scan), length]
    costs = costs + _costs(Cost(RESTACKED * numbers), Cost())
    return costs + _carrying(carried(scan), carry), [*carry, *results[carries:]]


def _copies(scan) -> int:
    """How often the body of a scan stands in the compiled program."""
    length, unroll = scan.params["length"], max(1, int(scan.params["unroll"]))
    return length if unroll >= length else unroll + length % unroll


def _of_while(loop, shared: list[bool]) -> tuple[np.ndarray, list[bool]]:
    of_test, of_body = loop.params["cond_nconsts"], loop.params["body_nconsts"]
    test, body = shared[:of_test], shared[of_test : of_test + of_body]
    carry = shared[of_test + of_body :]
    while True:
        of_tests, (ends_together,) = _of_program(loop.params["cond_jaxpr"], [*test, *carry])
        costs, results = _of_program(loop.params["body_jaxpr"], [*body, *carry])
        settled = list(map(min, carry, results)) if ends_together else [False] * len(carry)
        if settled == carry:
            break
        carry = settled
    return costs + 2 * of_tests + _carrying(loop.outvars, carry), carry


def _of_cond(cond, shared: list[bool]) -> tuple[np.ndarray, list[bool]]:
    ways = [_of_program(branch, shared[1:]) for branch in cond.params["branches"]]
    costs = np.sum([costs for costs, _ in ways], axis=0)
    costs[:, 1] = np.min([costs[:, 1] for costs, _ in ways], axis=0)  # the others may be rare
    results = [shared[0] and all(of_ways) for of_ways in zip(*(r for _, r in ways), strict=True)]
    return costs + _carrying(cond.outvars, results), results


_OF_CONTROL = {"scan": _of_scan, "while": _of_while, "cond": _of_cond}
