"""An eager descent is compiled once for all calls that make its program, and for no other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jdescent as jd
from jdescent.core import remembered
from jdescent.core.remembered import compiled_once, once

compiled: list[str] = []


def _note(event: str, duration: float, **_: object) -> None:
    if event == "/jax/core/compile/backend_compile_duration":
        compiled.append(event)


jax.monitoring.register_event_duration_secs_listener(_note)


def compilations(function):
    before = len(compiled)
    result = jax.block_until_ready(function())
    return result, len(compiled) - before


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch):
    monkeypatch.setattr(remembered, "_COMPILED", {})


def distance_to(target):
    return lambda x: jnp.sum((x - target) ** 2)


def run(loss, start=(0.0, 0.0), rate=0.25, **options):
    return jd.descend(loss, jnp.array(start), jd.sgd(rate), 20, **options)


def test_a_call_that_makes_a_known_program_is_not_compiled():
    bowl = jd.losses.bowl((2.0, 4.0))
    first, some = compilations(lambda: run(bowl, (2.0, 1.0)))
    again, none = compilations(lambda: run(jd.losses.bowl((2.0, 4.0)), (2.0, 1.0)))
    assert some > 0
    assert none == 0
    jax.tree.map(np.testing.assert_array_equal, first, again)


def test_other_starts_and_data_are_given_to_the_program_that_is_there():
    run(distance_to(jnp.array([1.0, 2.0])))
    other = jnp.array([3.0, 4.0])
    path, none = compilations(lambda: run(distance_to(other), (1.0, 1.0)))
    assert none == 0
    np.testing.assert_allclose(path.params, other - (other - 1) * 0.5**20, rtol=1e-6)
    onwards, _ = compilations(lambda: jd.descend(distance_to(other), path, jd.sgd(0.25), 20))
    farther, none = compilations(lambda: jd.descend(distance_to(other), onwards, jd.sgd(0.25), 20))
    assert none == 0
    assert (int(farther.verdict.step), int(farther.steps[0])) == (60, 40)


def in_a_numpy_array(target):
    return distance_to(target)


def in_a_jitted_loss(target):
    return jax.jit(distance_to(target))


def in_a_branch(target):
    return lambda x: jnp.sum((x - target) ** 2) if target[0] < 5 else jnp.sum((x + target) ** 2)


@pytest.mark.parametrize("hidden", [in_a_numpy_array, in_a_jitted_loss, in_a_branch])
def test_data_that_were_changed_in_place_are_read_anew(hidden):
    target = np.array([1.0, 2.0], np.float32)
    run(hidden(target))
    loss = hidden(target)
    for new in ([1.0, 2.0], [3.0, 4.0], [7.0, 8.0]):
        target[:] = new
        jax.clear_caches()  # jax.jit itself keeps what it read when it traced
        minimum = -target if hidden is in_a_branch and new[0] > 5 else target
        np.testing.assert_allclose(run(loss).params, minimum, rtol=1e-5)


def test_globals_and_hyperparameters_are_those_of_the_call():
    scale = {"now": 1.0}

    def loss(x):
        return jnp.sum((scale["now"] * x - 1) ** 2)

    assert float(run(loss, rate=0.25).params[0]) == pytest.approx(1, rel=1e-5)
    scale["now"] = 2.0
    assert float(run(loss, rate=0.05).params[0]) == pytest.approx(0.5 * (1 - 0.6**20), rel=1e-5)
    assert float(run(loss, rate=0.1).params[0]) == pytest.approx(0.5 * (1 - 0.2**20), rel=1e-5)


def test_settings_make_programs_of_their_own(x64):
    loss = distance_to(np.array([1.0, 2.0]))
    assert run(loss).loss.dtype == np.float64
    with jax.default_matmul_precision("highest"):
        run(loss)
    assert len(remembered._COMPILED) == 2


def test_within_a_trace_nothing_is_remembered():
    loss = distance_to(jnp.array([1.0, 2.0]))
    jax.jit(lambda rate: run(loss, rate=rate).params)(0.1)
    jax.vmap(lambda rate: run(loss, rate=rate).params)(jnp.array([0.1, 0.2]))
    jax.grad(lambda rate: run(loss, rate=rate).verdict.loss)(0.1)
    assert not remembered._COMPILED


def test_what_calls_back_or_holds_much_is_not_remembered(monkeypatch):
    heard, data = [], jnp.array([1.0, 2.0])

    def told(x):
        jax.debug.callback(lambda x: heard.append(float(x)), x[0])
        return distance_to(data)(x)

    run(told)
    jax.effects_barrier()
    assert heard
    monkeypatch.setattr(remembered, "LARGEST", data.nbytes - 1)
    run(jax.jit(distance_to(data)))
    assert not remembered._COMPILED
    monkeypatch.setattr(remembered, "LARGEST", data.nbytes)
    run(jax.jit(distance_to(data)))
    assert len(remembered._COMPILED) == 1


def test_types_alone_tell_programs_of_hoisted_arrays_apart():
    for size in (2, 3):
        ones = jnp.ones(size)
        assert float(compiled_once(lambda x, ones=ones: x * ones.sum(), 1.0)) == size


def test_the_last_in_use_are_kept():
    found: dict[int, int] = {}
    for key in (*range(remembered.REMEMBERED), 0, -1):
        assert once(found, key, lambda key=key: 2 * key) == 2 * key
    assert len(found) == remembered.REMEMBERED
    assert 0 in found
    assert 1 not in found
