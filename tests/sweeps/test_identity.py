"""Two programs that compute different numbers never share an identity; equal ones always do."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import programs
import pytest
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir
from programs import NUMBERS, OPAQUE, PLACES, WRAPPERS, X, program

import jdescent as jd
from jdescent.core.identity import identify

EQUAL_ON_CPU = {"in_a_precision"}


def described(identity):
    return json.loads(json.dumps([identity.text, identity.constants]))


@pytest.mark.parametrize("place", sorted(set(PLACES) - EQUAL_ON_CPU))
def test_the_cases_show_something(place):
    one, other = (PLACES[place](number)(X) for number in NUMBERS)
    assert one != other


@pytest.mark.parametrize("wrapper", WRAPPERS, ids=lambda wrapper: wrapper.__name__)
def test_programs_are_told_apart_by_a_number_wherever_it_hides(wrapper):
    for place in PLACES:
        first, second = (identify(program(place, wrapper, number)) for number in NUMBERS)
        assert first != second, place
        assert described(first) != described(second), place
        assert not first.opaque
        again = identify(program(place, wrapper, NUMBERS[0]))
        assert first == again, place
        assert hash(first) == hash(again)


def test_another_process_describes_the_same_programs_the_same():
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, programs.__file__], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    theirs = json.loads(done.stdout)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        ours = json.loads(json.dumps(programs.identities()))
    assert ours == theirs


@pytest.mark.parametrize("wrapper", OPAQUE, ids=lambda wrapper: wrapper.__name__)
def test_what_cannot_be_described_is_told_apart_by_the_object(wrapper):
    one, other = (identify(program("in_a_constant", wrapper, number)) for number in NUMBERS)
    assert one.opaque
    assert one != other
    assert identify(program("in_a_constant", wrapper, NUMBERS[0])) != one


def test_one_callback_is_itself():
    callback = lambda x: np.float32(x)  # noqa: E731
    traced = jax.make_jaxpr(
        lambda x: jax.pure_callback(callback, jax.ShapeDtypeStruct((), np.float32), x)
    )
    assert identify(traced(X)) == identify(traced(X))


@pytest.mark.parametrize("wrapper", [*WRAPPERS, *OPAQUE], ids=lambda wrapper: wrapper.__name__)
def test_a_sweep_gives_the_numbers_of_its_own_function(wrapper):
    for place in ("in_a_constant", "in_a_global"):
        for number in NUMBERS:
            f = wrapper(PLACES[place](number))
            together = jax.vmap(f)(jnp.array([0.5, 1.25]))
            swept = jd.sweep(lambda x, f=f: f(x), x=[0.5, 1.25]).result
            np.testing.assert_allclose(swept, together, rtol=1e-6)


@pytest.mark.parametrize("wrapper", WRAPPERS[:4], ids=lambda wrapper: wrapper.__name__)
def test_a_store_refuses_another_number_and_takes_the_same(wrapper, tmp_path):
    first, second = (wrapper(PLACES["in_a_numpy_array"](number)) for number in NUMBERS)
    again = wrapper(PLACES["in_a_numpy_array"](NUMBERS[0]))
    store = tmp_path / "x.zarr"
    stored = jd.sweep(lambda x: first(x), store=store, x=[0.5, 1.25]).result.values
    with pytest.raises(ValueError, match=r"holds another sweep:\s+constants"):
        jd.sweep(lambda x: second(x), store=store, x=[0.5, 1.25])
    resumed = jd.sweep(lambda x: again(x), store=store, x=[0.5, 1.25]).result
    np.testing.assert_array_equal(resumed, stored)


def test_renamed_functions_and_variables_are_the_same_program():
    data = jnp.array([1.0, 2.0])

    @jax.jit
    def loss(x):
        residual = x - data
        return jnp.sum(residual**2)

    @jax.jit
    def renamed(y):
        r = y - data
        return jnp.sum(r**2)

    assert identify(jax.make_jaxpr(loss)(X)) == identify(jax.make_jaxpr(renamed)(X))


@pytest.mark.parametrize("setting", ["jax_threefry_partitionable", "jax_enable_x64"])
def test_settings_that_change_numbers_change_the_identity(setting):
    def drawn(x):
        return x + jnp.sum(jax.random.uniform(jax.random.key(0), (5,), jnp.float32))

    before = identify(jax.make_jaxpr(drawn)(X))
    old = getattr(jax.config, setting)
    try:
        jax.config.update(setting, not old)
        after = identify(jax.make_jaxpr(drawn)(X))
    finally:
        jax.config.update(setting, old)
    assert before != after
    assert before.settings != after.settings
    assert identify(jax.make_jaxpr(drawn)(X)) == before


def test_what_the_compiler_was_told_is_part_of_the_identity(monkeypatch):
    program = jax.make_jaxpr(lambda x: x)(X)
    before = identify(program).settings
    flags = os.environ.get("XLA_FLAGS", "")
    monkeypatch.setenv("XLA_FLAGS", f"{flags} --xla_force_host_platform_device_count=7")
    assert identify(program).settings == before
    monkeypatch.setenv("XLA_FLAGS", f"{flags} --xla_cpu_enable_fast_math=true")
    assert "fast_math" in identify(program).settings["XLA_FLAGS"]


def test_settings_that_change_no_number_are_no_part_of_it():
    program = jax.make_jaxpr(lambda x: x)(X)
    before = identify(program).settings
    with jax.default_device(jax.devices()[0]):
        assert identify(program).settings == before


def test_the_combiner_of_a_reduction_is_told_by_its_program():
    def identified(k):
        return identify(
            jax.make_jaxpr(lambda x: lax.reduce(x, 1.0, lambda a, b: a * b * k, (0,)))(jnp.ones(3))
        )

    assert identified(2.0) == identified(2.0)
    assert identified(2.0) != identified(3.0)
    assert not identified(2.0).opaque


def test_the_precision_of_products_is_part_of_a_store(tmp_path):
    matrix = jnp.ones((2, 2))

    def swept():
        return jd.sweep(lambda x: jnp.sum((x * matrix) @ matrix), store=tmp_path / "m", x=[1.0])

    swept()
    with jax.default_matmul_precision("highest"), pytest.raises(ValueError, match="highest"):
        swept()


def test_a_setting_that_only_refuses_programs_changes_no_store(tmp_path):
    def swept():
        return jd.sweep(lambda x: 2 * x, store=tmp_path / "x.zarr", x=[1.0]).result.item()

    assert swept() == 2
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        assert swept() == 2


def test_weak_types_tell_programs_apart():
    strong, weak = (jax.make_jaxpr(lambda x: x + 1)(x) for x in (jnp.int8(1), 1))
    assert identify(strong) != identify(weak)
    assert identify(jax.make_jaxpr(lambda x: x * 2)(1.0)) != identify(
        jax.make_jaxpr(lambda x: x * 2)(jnp.float32(1.0))
    )


def test_axes_are_told_apart_by_their_trees():
    def swept(run, **axes):
        return jd.sweep(run, **axes).result.values

    values = {"a": jnp.array([1.0, 2.0]), "b": jnp.array([3.0, 4.0])}
    np.testing.assert_array_equal(swept(lambda p: p["a"] + p["b"], p=values), [4, 6])
    grid = swept(lambda a, b: a + b, **values)
    np.testing.assert_array_equal(grid, [[4, 5], [5, 6]])
    np.testing.assert_array_equal(swept(lambda p: p["a"] + p["b"], p=values), [4, 6])


def test_a_rule_that_reads_what_changed_is_traced_anew():
    factor = {"now": 2.0}

    @jax.custom_batching.custom_vmap
    def scaled(x):
        return x

    scaled.def_vmap(lambda size, batched, x: (factor["now"] * x, True))
    for now in (2.0, 3.0):
        factor["now"] = now
        swept = jd.sweep(lambda x: scaled(x), x=[1.0, 2.0]).result
        np.testing.assert_array_equal(swept, [now, 2 * now])


def test_a_callback_reads_its_own_data_as_it_runs():
    data = np.array([2.0], np.float32)

    def run(x):
        shape = jax.ShapeDtypeStruct((), np.float32)
        return jax.pure_callback(lambda x: data[0] * x, shape, x, vmap_method="sequential")

    for now in (2.0, 3.0):
        data[0] = now
        np.testing.assert_array_equal(jd.sweep(run, x=[1.0, 2.0]).result, [now, 2 * now])


def test_each_debug_callback_is_called_in_its_own_sweep():
    heard = []

    def run_saying(word):
        def run(x):
            jax.debug.callback(lambda x: heard.append(word), x)
            return x

        return run

    for word in ("first", "second"):
        heard.clear()
        jd.sweep(run_saying(word), x=[1.0]).load()
        jax.effects_barrier()
        assert set(heard) == {word}


def test_a_store_needs_a_version_of_what_it_cannot_describe(tmp_path):
    def run(x):
        shape = jax.ShapeDtypeStruct((), np.float32)
        return jax.pure_callback(lambda x: np.float32(2 * x), shape, x, vmap_method="sequential")

    def swept(**options):
        return jd.sweep(run, store=tmp_path / "x.zarr", x=[1.0], **options).result.values

    with pytest.raises(ValueError, match=r"(?s)pure_callback.*version='1'") as error:
        swept()
    assert not (tmp_path / "x.zarr").exists()
    assert "leave out store=" in str(error.value)
    assert swept(version="twice") == swept(version="twice") == 2
    with pytest.raises(ValueError, match="version: twice in the store, thrice asked for"):
        swept(version="thrice")


def test_a_primitive_of_ones_own_is_opaque():
    def made(factor):
        primitive = Primitive("scaled")
        primitive.def_impl(lambda x: factor * x)
        primitive.def_abstract_eval(lambda x: x)
        mlir.register_lowering(primitive, mlir.lower_fun(lambda x: factor * x, False))
        batching.defvectorized(primitive)
        return lambda x: primitive.bind(x)

    twice, thrice = made(2.0), made(3.0)
    assert identify(jax.make_jaxpr(twice)(X)) != identify(jax.make_jaxpr(thrice)(X))
    assert identify(jax.make_jaxpr(twice)(X)) == identify(jax.make_jaxpr(twice)(X))
    for f, factor in ((twice, 2.0), (thrice, 3.0)):
        np.testing.assert_array_equal(jd.sweep(lambda x, f=f: f(x), x=[1.0]).result, factor)


def test_a_description_is_short_and_legible():
    def loss(x):
        return lax.fori_loop(0, 3, lambda i, x: 0.5 * x, x)

    text = "\n".join(identify(jax.make_jaxpr(jax.jit(loss))(X)).text)
    assert re.search(r"v\d+:float32\[\] = mul\[\] 0\.5:float32\[\] v\d+", text)
    assert str(Path(__file__).parent) not in text
    assert "0x" not in text
