"""The optimizer at the minimum, where all that is odd is 0: what its even numbers are there.

Some go their own way whatever the gradients are: counters and powers of β are taken to where they
lead. Others depend on the gradients, as second moments do: those are held where the caller says.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jdescent.analysis.stability.parity import Parity, plain
from jdescent.analysis.stability.system import Lanes, System

# Steps, of which the periods to 8, and many others, are divisors: 2³·3·5·7.
SETTLING = 840
FAR = 257_400 * SETTLING  # steps that counters are moved on at once: 2⁶·3³·5³·7·11·13
_STRAIGHT, _SETTLED, _SECANTS = 1e-6, 1e-13, 30


class Holding(NamedTuple):
    """What the caller says of the state.

    Attributes:
        held: elements of z that are to come out of every step as `values` says.
        state: a whole state of the caller's, z without x and the rest; None for none.
        step: how many steps went before; None for as many as it takes to settle.
    """

    held: np.ndarray
    values: np.ndarray
    state: tuple[np.ndarray, list] | None
    step: int | None

    def negative_paths(self, system: System) -> list[str]:
        """Where it holds what is less than 0."""
        negative = np.flatnonzero(self.held & (self.values < 0))
        return sorted({system.float_paths[system.path_of(int(i))] for i in negative})


def holding(system: System, parity: Parity, held: Mapping[str, Any] | None, state, step) -> Holding:
    """`held` and `state` of `largest_stable_rate`, by element."""
    if state is not None and (held is not None or step is not None):
        raise ValueError("give either state=, which has all even numbers, or held= and step=")
    if step is not None and (isinstance(step, bool) or not float(step).is_integer() or step < 0):
        raise ValueError(f"step must be a whole number of steps, zero or more, got {step!r}")
    if not isinstance(held, Mapping | None):
        raise TypeError(
            f"held must map names of even parts to numbers, as {{'v': 1.0}}, got {held!r}"
        )
    values, mask = np.zeros(system.size), np.zeros(system.size, bool)
    given = None
    if state is not None:
        given = system.whole(state)
        values[system.problem.size :] = given[0]
        mask = parity.driven
        if not np.all(np.isfinite(values)):
            raise ValueError("state must be finite, got NaN or an infinity in it")
    for name, value in (held or {}).items():
        found = _elements(system, parity, name)
        mask |= found
        values[found] = _of_shape(system, name, value, found)
    return Holding(mask, values, given, None if step is None else int(step))


def _elements(system: System, parity: Parity, name: str) -> np.ndarray:
    """Those of the even leaves whose path has the name."""
    leaf = np.array([system.path_of(i) for i in range(system.size)])
    paths = system.float_paths
    named = [i for i, path in enumerate(paths) if i > 0 and name in _names(path)]
    found = np.isin(leaf, named) & ~parity.odd
    if not found.any():
        known = [path for path, words in parity.leaves.items() if "even" in words]
        raise ValueError(
            f"held names no even part of the state: {name!r} is none of "
            f"{known or 'its parts, of which none depends evenly on the gradients'}"
        )
    return found


def _names(path: str) -> list[str]:
    """The parts of a path such as ".memory['v']['w'][0]", and the whole."""
    cleaned = path.replace("[", ".").replace("]", "").replace("'", "")
    return [*filter(None, cleaned.split(".")), path]


def _of_shape(system: System, name: str, value: Any, found: np.ndarray) -> np.ndarray:
    numbers = np.concatenate([np.ravel(np.asarray(a, float)) for a in jax.tree.leaves(value)])
    if numbers.size not in (1, found.sum()):
        raise ValueError(
            f"held {name!r} must be one number or {found.sum()} of them, got {numbers.size}"
        )
    if not np.all(np.isfinite(numbers)):
        raise ValueError(f"held {name!r} must be finite, got {value!r}")
    return numbers


def at_rest(system: System, parity: Parity, hold: Holding, rates: np.ndarray) -> Lanes:
    """Lanes at x = 0, each at its rate, before the next step."""
    lanes = system.start(rates, np.zeros((system.lanes, system.problem.size)))
    if hold.state is not None:
        numbers, rest = hold.state
        z = np.tile(np.concatenate([np.zeros(system.problem.size), numbers]), (system.lanes, 1))
        spread = [jnp.stack([a] * system.lanes) for a in rest]
        lanes = _one_step_before(system, parity, Lanes(rates, z, spread))
        return lanes.with_z(np.where(parity.odd, 0.0, lanes.z))
    settled = _settled(system, parity, hold, lanes, hold.held)
    if not np.isfinite(settled.z).all():  # 0/0 without any second moment
        settled = _settled(system, parity, hold, lanes, hold.held | parity.driven)
    return settled.with_z(np.where(parity.odd, 0.0, settled.z))


def has_rest(system: System, parity: Parity, hold: Holding, rates: np.ndarray) -> bool:
    """Whether steps are numbers where no gradient ever was; not so of 0/0 without a second moment.

    `at_rest` then leaves what gradients make of the state.
    """
    lanes = system.start(rates, np.zeros((system.lanes, system.problem.size)))
    return bool(np.isfinite(_settled(system, parity, hold, lanes, hold.held).z).all())


def _one_step_before(system: System, parity: Parity, lanes: Lanes) -> Lanes:
    """Counters are to come out of the step as they are given."""
    start = lanes.with_z(np.where(parity.odd, 0.0, lanes.z))
    after, _, _ = system.advance(start, 1)

    def earlier(now, then):
        if not _is_counted(now) or np.array_equal(now, then):
            return now
        return jnp.maximum(2 * now - then, 0).astype(now.dtype)

    before = start._replace(rest=jax.tree.map(earlier, start.rest, after.rest))
    again, _, _ = system.advance(before, 1)
    kept = [
        b if np.array_equal(plain(a), plain(n)) else n
        for a, b, n in zip(again.rest, before.rest, start.rest, strict=True)
    ]
    return start._replace(rest=kept)


def _settled(
    system: System, parity: Parity, hold: Holding, lanes: Lanes, pinned: np.ndarray
) -> Lanes:
    """What goes its own way, where it leads: a line far on, a geometric sequence at its end."""
    pins = np.broadcast_to(np.where(hold.held, hold.values, parity.fed), np.shape(lanes.z))
    feed = system.feed(pinned=pinned, pins=pins)
    if hold.step is not None:
        return system.advance(lanes, hold.step, feed)[0]
    seen = [lanes]
    for _ in range(4):
        seen.append(system.advance(seen[-1], SETTLING, feed)[0])
    z = np.where(parity.own, _led(*(some.z for some in seen[1:])), seen[-1].z)
    rest = [
        jnp.asarray(_led(*map(np.asarray, of_leaf)), of_leaf[0].dtype)
        if _is_counted(of_leaf[0]) else of_leaf[-1]
        for of_leaf in zip(*(some.rest for some in seen[1:]), strict=True)
    ]  # fmt: skip
    return system.advance(Lanes(lanes.rates, z, rest), SETTLING, feed)[0]


def _led(*seen):
    """Where a sequence leads that is seen every 840 steps: far along a line, or to the end of a
    geometric sequence; integers along lines alone."""
    a, b, c, d = (x.astype(np.float64) for x in seen)
    with np.errstate(all="ignore"):  # of what has become infinite
        last, before = d - c, c - b
        is_line = (last != 0) & (np.abs(last - before) <= _STRAIGHT * np.abs(last))
        is_line &= np.abs(before - (b - a)) <= _STRAIGHT * np.abs(last)
    far = d + FAR / SETTLING * last
    if seen[0].dtype.kind == "i":
        far = np.minimum(far, np.iinfo(np.int32).max - 10 * SETTLING)
        return np.where(is_line & (last > 0), far, d)
    with np.errstate(all="ignore"):
        ratio = last / before
        is_geometric = (ratio > 0) & (ratio < 1) & (np.abs(last) > _SETTLED * np.abs(d))
        is_geometric &= np.abs(before - ratio * (b - a)) <= _STRAIGHT * np.abs(before)
        end = d + last * ratio / (1 - ratio)
    return np.where(is_line, far, np.where(is_geometric & ~is_line, end, d))


def counted_half(lanes: Lanes, period: int) -> Lanes:
    """Lanes whose counters are where they were half of `FAR` steps ago, if they are as far; so many
    as are whole periods."""
    ago = FAR // 2 - FAR // 2 % period
    rest = [
        jnp.where(leaf > ago, leaf - ago, leaf) if _is_counted(leaf) else leaf
        for leaf in lanes.rest
    ]
    return lanes._replace(rest=rest)


def _is_counted(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jnp.integer)


def pins_of(system: System, parity: Parity, hold: Holding, lanes: Lanes) -> np.ndarray:
    """What is held, as it must go into the next step to come out of it as given; (lanes, size)."""
    wanted = np.broadcast_to(hold.values, np.shape(lanes.z))
    pinned = hold.held | parity.odd

    def out(into):
        pins = np.where(hold.held, into, 0.0)
        return system.advance(lanes, 1, system.feed(pinned=pinned, pins=pins))[0].z

    into, before, came_before = wanted, wanted, wanted
    for _ in range(_SECANTS):
        came = out(into)
        missing = np.where(hold.held, wanted - came, 0.0)
        if np.all(np.abs(missing) <= _SETTLED * np.abs(wanted)):
            return into
        with np.errstate(all="ignore"):
            slope = (came - came_before) / (into - before)
        slope = np.where(np.isfinite(slope) & (slope != 0), slope, 1.0)
        into, before, came_before = into + missing / slope, into, came
    path = system.float_paths[system.path_of(int(np.argmax(np.abs(missing).max(axis=0))))]
    raise ValueError(
        f"what is held cannot come out of a step as given: the nearest to {path!r} was "
        f"{np.abs(missing).max():g} away"
    )
