"""Loops and branches of many lanes.

A loop carries each value as a tree: an array where it is shared, the list of its entries where it
is split, else Stacked, lanes first. Its kind says which, and which entries differ by lane.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax import lax

from jdescent.sweeps.lanes.programs import scan_counts
from jdescent.sweeps.lanes.values import (
    Entry,
    Split,
    Stacked,
    Value,
    align,
    as_entries,
    is_shared,
    lanes_first,
    scalar_entry,
    shape_of,
    split,
    stack,
)

if TYPE_CHECKING:
    from jdescent.sweeps.lanes.walk import Walk

STACKED = "stacked"


Kind = tuple[bool, ...] | str | None


def kind_of(walk: "Walk", value: Value) -> Kind:
    if is_shared(value):
        return None
    if not walk.splits:
        return STACKED
    return tuple(jnp.ndim(entry) == 1 for entry in split(value).entries.flat)


def _joined(kinds: Sequence[Kind], others: Sequence[Kind]) -> list[Kind]:
    """The narrowest kinds that hold both."""

    def join(a: Kind, b: Kind) -> Kind:
        if isinstance(a, tuple) and isinstance(b, tuple):
            return tuple(map(max, a, b))
        return a if a is not None else b

    return [join(a, b) for a, b in zip(kinds, others, strict=True)]


def _remembered(
    walk: "Walk", equation, inputs: Sequence[Value], find: Callable[[], list[Kind]]
) -> list[Kind]:
    """The kinds found for an equation of inputs of these kinds: tracing it takes long."""
    key = (id(equation), walk.splits, *(kind_of(walk, value) for value in inputs))
    if key not in walk.settled:
        walk.settled[key] = find()
    return walk.settled[key]


def settled_kinds(walk: "Walk", turn: Callable, start: list[Value]) -> list[Kind]:
    """The kinds that stay what they are when a loop turns."""
    kinds, shapes = [kind_of(walk, value) for value in start], [shape_of(value) for value in start]
    while True:
        found: list[Kind] = []

        def once(trees, found=found):
            found += [kind_of(walk, value) for value in turn(from_trees(trees, shapes))]

        jax.eval_shape(once, to_trees(walk, start, kinds))
        joined = _joined(kinds, found)
        if joined == kinds:
            return kinds
        kinds = joined


def to_trees(walk: "Walk", values: Sequence[Value], kinds: Sequence[Kind]) -> list:
    def tree(value, kind):
        if kind is None:
            return jnp.asarray(value)
        if kind is STACKED:
            return lanes_first(value, walk.lanes)
        entries = split(value).entries.flat
        return [
            jnp.broadcast_to(entry, (walk.lanes,) if differs else ())
            for entry, differs in zip(entries, kind, strict=True)
        ]

    return [tree(value, kind) for value, kind in zip(values, kinds, strict=True)]


def from_trees(trees: list, shapes: Sequence[tuple[int, ...]]) -> list[Value]:
    return [
        Split(as_entries(tree, shape)) if isinstance(tree, list) else tree
        for tree, shape in zip(trees, shapes, strict=True)
    ]


def run_scan(walk: "Walk", equation, inputs: list[Value]) -> list[Value]:
    params, lanes = equation.params, walk.lanes
    if params["length"] == 0:
        return walk.mapped(equation, inputs)
    body, (first_carry, carries) = params["jaxpr"], scan_counts(equation)
    first_row = first_carry + carries
    consts, start = inputs[:first_carry], inputs[first_carry:first_row]
    rows = [
        jnp.asarray(value) if is_shared(value) else Stacked(stack(value, lanes))
        for value in inputs[first_row:]
    ]

    def turn(carry, row):
        return walk.run(body, [*consts, *carry, *row])

    def one_turn(carry):
        row = jax.tree.map(lambda array: array[0], rows)
        return turn(carry, row)[:carries]

    kinds = _remembered(walk, equation, inputs, lambda: settled_kinds(walk, one_turn, start))
    shapes = [variable.aval.shape for variable in body.jaxpr.outvars]
    kept_kinds: list[Kind] = []

    def step(trees, row):
        outputs = turn(from_trees(trees, shapes[:carries]), row)
        carry, kept = outputs[:carries], outputs[carries:]
        kept_kinds[:] = [kind_of(walk, value) for value in kept]
        return to_trees(walk, carry, kinds), to_trees(walk, kept, kept_kinds)

    options = {name: params[name] for name in ("length", "reverse", "unroll")}
    end, kept = lax.scan(step, to_trees(walk, start, kinds), rows, **options)
    return [
        *from_trees(end, shapes[:carries]),
        *(
            _rows_kept(tree, shape, lanes)
            for tree, shape in zip(kept, shapes[carries:], strict=True)
        ),
    ]


def _rows_kept(tree, shape: tuple[int, ...], lanes: int) -> Value:
    """What a scan stacked, (rows,) or (rows, lanes) an entry, as one value (rows, *shape)."""
    if isinstance(tree, Stacked):
        return Stacked(jnp.moveaxis(tree.array, 1, -1))
    if not isinstance(tree, list):
        return tree
    columns = [
        column if column.ndim == 2 else jnp.broadcast_to(column[:, None], (len(column), lanes))
        for column in tree
    ]
    return Stacked(jnp.stack(columns, axis=1).reshape(len(columns[0]), *shape, lanes))


def run_while(walk: "Walk", equation, inputs: list[Value]) -> list[Value]:
    params = equation.params
    of_test, of_body = params["cond_nconsts"], params["body_nconsts"]
    test_consts, body_consts = inputs[:of_test], inputs[of_test : of_test + of_body]
    start = inputs[of_test + of_body :]
    shapes = [shape_of(value) for value in start]

    def goes_on(carry) -> Entry:
        (value,) = walk.run(params["cond_jaxpr"], [*test_consts, *carry])
        return scalar_entry(value)

    def turn(carry):
        going = goes_on(carry)
        new = walk.run(params["body_jaxpr"], [*body_consts, *carry])
        return new if jnp.ndim(going) == 0 else _choose(walk, going, carry, new)

    kinds = _remembered(walk, equation, inputs, lambda: settled_kinds(walk, turn, start))
    end = lax.while_loop(
        lambda trees: walk.any_lane(goes_on(from_trees(trees, shapes))),
        lambda trees: to_trees(walk, turn(from_trees(trees, shapes)), kinds),
        to_trees(walk, start, kinds),
    )
    return from_trees(end, shapes)


def run_cond(walk: "Walk", equation, inputs: list[Value]) -> list[Value]:
    branches = equation.params["branches"]
    which = scalar_entry(inputs[0])
    shapes = [variable.aval.shape for variable in equation.outvars]

    def branch(program) -> Callable[[], list[Value]]:
        return lambda: walk.run(program, inputs[1:])

    def chosen_by_lane() -> list[Value]:
        values = branch(branches[0])()
        for number, program in enumerate(branches[1:], start=1):
            values = _choose(walk, which == number, values, branch(program)())
        return values

    if jnp.ndim(which) == 0:
        ways, way = [branch(program) for program in branches], which
    else:  # where no lane leaves the first branch, the others are not run
        ways, way = [branch(branches[0]), chosen_by_lane], jnp.int32(walk.any_lane(which != 0))

    def kinds_of_all_ways() -> list[Kind]:
        kinds: list[Kind] = [None] * len(shapes)
        for take in ways:
            found: list[Kind] = []
            jax.eval_shape(lambda: found.extend(kind_of(walk, value) for value in take()))  # noqa: B023
            kinds = _joined(kinds, found)
        return kinds

    kinds = _remembered(walk, equation, inputs, kinds_of_all_ways)
    trees = lax.switch(way, [lambda take=take: to_trees(walk, take(), kinds) for take in ways])
    return from_trees(trees, shapes)


def _choose(walk: "Walk", which: Entry, old: Sequence[Value], new: Sequence[Value]) -> list[Value]:
    """The new values in the lanes where `which` is true."""

    def choose(before: Value, after: Value) -> Value:
        if before is after or 0 in shape_of(before):
            return before
        if not walk.splits:
            arrays = [lanes_first(value, walk.lanes).array for value in (before, after)]
            lanes = which.reshape(-1, *[1] * (arrays[0].ndim - 1))
            return Stacked(lax.select_n(jnp.broadcast_to(lanes, arrays[0].shape), *arrays), 0)
        befores, afters = split(before).entries, split(after).entries
        pairs = zip(befores.flat, afters.flat, strict=True)
        return Split(
            as_entries([lax.select_n(*align(which, *pair)) for pair in pairs], befores.shape)
        )

    return [choose(before, after) for before, after in zip(old, new, strict=True)]


RUN_LOOP = {"scan": run_scan, "while": run_while}
