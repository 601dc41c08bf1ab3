"""One random program in every way: many runs together, and each of them alone."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

import jdescent as jd
from fuzzing.operations import one_of
from fuzzing.programs import Program, draw
from jdescent.sweeps import chunks
from jdescent.sweeps.lanes import costs, map_lanes

# What adding in another order changes: a few units of rounding in each of some dozens of
# operations, none of which is magnified (see `operations`), though roots and logarithms may lose a
# digit or two.
# A half-precision operation enters with weight 1/32 or so, its own rounding being 2⁻⁸.
ROUNDING = {"float32": 2e-4, "float64": 1e-11}
HALF_ROUNDING = 2e-2


def check(seed: int, sizes: int = 4) -> None:
    """Raise AssertionError where runs together are not what they are alone.

    Programs of so many `sizes` take turns, the largest of blocks of so many operations at most.
    """
    program, rng = draw(seed, 1 + seed % sizes), np.random.default_rng(seed + 1)
    with ExitStack() as settings:
        settings.enter_context(jax.numpy_dtype_promotion("standard"))
        settings.enter_context(jax.numpy_rank_promotion("allow"))
        if rng.random() < 0.25:
            settings.enter_context(jax.enable_x64(True))
        runs = int(rng.integers(2, 6))
        arguments = program.arguments(runs, seed)
        alone = jax.jit(program.run)
        expected = [alone(*(argument[r] for argument in arguments)) for r in (0, runs - 1)]
        try:
            if rng.random() < 0.5:
                found = _by_the_engine(program, arguments, always=rng.random() < 0.8)
            else:
                found = _by_sweep(program, arguments, rng)
        except Exception:
            if _is_mapped(program, arguments):
                raise
            return  # such as a batching rule of one's own in a branch
        for r, one in zip((0, runs - 1), expected, strict=True):
            _require_equal(jax.tree.map(lambda a, r=r: a[r], found), one, program, f"run {r} alone")
        same_draws = program.generator == "threefry2x32"
        if same_draws and rng.random() < 0.3 and _is_mapped(program, arguments):
            mapped = jax.jit(jax.vmap(program.run))(*arguments)
            _require_equal(found, mapped, program, "vmap")


def _is_mapped(program: Program, arguments) -> bool:
    """Whether JAX itself can map it."""
    try:
        jax.eval_shape(jax.vmap(program.run), *arguments)
    except Exception:
        return False
    return True


def _by_the_engine(program: Program, arguments, always: bool) -> dict[str, np.ndarray]:
    """All runs through `map_lanes`; where `always`, with loops scalarized whatever that costs."""
    one = [argument[0] for argument in arguments]
    traced, shape = jax.make_jaxpr(program.run, return_shape=True)(*one)
    lanes_last = [np.moveaxis(argument, 0, -1) for argument in arguments]
    usual = costs.SLOWER_AT_MOST
    try:
        costs.SLOWER_AT_MOST = np.inf if always else usual
        outputs = jax.jit(lambda *a: map_lanes(traced, *a))(*lanes_last)
    finally:
        costs.SLOWER_AT_MOST = usual
    assert isinstance(traced, core.ClosedJaxpr)
    outputs = [np.moveaxis(np.asarray(output), -1, 0) for output in outputs]
    return jax.tree.unflatten(jax.tree.structure(shape), outputs)


def _by_sweep(program: Program, arguments, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """All runs through `jd.sweep`, at once or one or two at a time, with or without a store."""
    point = dict(zip(("start", "integers", "seed"), map(jnp.asarray, arguments), strict=True))
    stored = rng.random() < 0.3 and "own batching" not in program.words  # refused without a version
    with tempfile.TemporaryDirectory() as folder, _chunks_of(one_of(rng, [1, 2, 100])):
        result = jd.sweep(
            lambda point: program.run(**point),
            point=point,
            store=Path(folder, "sweep.zarr") if stored else None,
            scalarize=bool(rng.random() < 0.9),
        ).load()
    return {str(name): variable.values for name, variable in result.data_vars.items()}


@contextmanager
def _chunks_of(runs: int) -> Iterator[None]:
    usual = dict(chunks.CHUNK_LANES)
    try:
        chunks.CHUNK_LANES["cpu"] = runs
        yield
    finally:
        chunks.CHUNK_LANES.update(usual)


def _require_equal(found, expected, program: Program, against: str) -> None:
    assert set(found) == set(expected)
    for name in expected:
        have, want = np.asarray(found[name]), np.asarray(expected[name])
        said = f"{name} is not what {against} gives, in {program.words}"
        assert have.dtype == want.dtype, f"{said}: {have.dtype}, {want.dtype}"
        if np.issubdtype(want.dtype, np.inexact):
            atol = ROUNDING[str(want.dtype)]
            atol = max(atol, HALF_ROUNDING) if program.half_precision else atol
            np.testing.assert_allclose(have, want, rtol=0, atol=atol, err_msg=said)
        else:
            np.testing.assert_array_equal(have, want, err_msg=said)
