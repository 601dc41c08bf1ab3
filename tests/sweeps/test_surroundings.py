"""Sweeps under a mesh, with effects, under JAX's own checks, within other transformations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.experimental import io_callback
from jax.sharding import AxisType

import jdescent as jd
from jdescent._jax import explicit_meshes


@pytest.mark.parametrize("max_memory", [1024, 2e-3])
@pytest.mark.parametrize("runs", [1, 3, 7, 12])
def test_a_callback_with_an_effect_is_called_once_for_each_point(runs, max_memory):
    called = []

    def noted(x):
        called.append(float(x))
        return x

    def run(a, b):
        return io_callback(noted, jax.ShapeDtypeStruct((), jnp.float32), a + 100 * b)

    swept = jd.sweep(run, a=np.arange(1.0 * runs), b=[0.0, 1.0, 2.0], max_memory=max_memory)
    assert sorted(called) == [a + 100.0 * b for b in range(3) for a in range(runs)]
    np.testing.assert_array_equal(swept.result, np.arange(runs)[:, None] + [[0, 100, 200]])


def test_what_is_printed_in_a_loop_is_printed_once_for_each_point(capfd):
    def run(a):
        def turn(i, x):
            jax.debug.print("turn {} of {}", i, a)
            return x + a

        return lax.fori_loop(0, 2, turn, 0.0)

    jd.sweep(run, a=[1.0, 2.0, 3.0])
    jax.effects_barrier()
    lines = capfd.readouterr().out.splitlines()
    assert sorted(lines) == [f"turn {i} of {a}" for i in range(2) for a in (1.0, 2.0, 3.0)]


@pytest.mark.skipif(not explicit_meshes, reason="this version of JAX has no explicit meshes")
@pytest.mark.parametrize("kind", [AxisType.Auto, AxisType.Explicit])
def test_under_a_mesh_of_the_user_a_sweep_is_what_it_is_without(kind):
    def run(rate):
        return jd.descend(lambda x: x @ x, jnp.ones(2), jd.adam(rate), 5).loss

    rates = np.linspace(0.1, 0.5, 3)
    without = jd.sweep(run, rate=rates)
    with jax.set_mesh(jax.make_mesh((len(jax.devices()),), ("d",), axis_types=(kind,))):
        within = jd.sweep(run, rate=rates)
    np.testing.assert_allclose(within.result, without.result, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["int4", "uint4", "int2", "float4_e2m1fn", "float8_e4m3fn"])
def test_axes_of_narrow_numbers(dtype):
    values = jnp.array([1, 0, 1], dtype)
    swept = jd.sweep(lambda a: {"same": a, "wide": 3 * a.astype(jnp.float32)}, a=values)
    np.testing.assert_array_equal(swept.same.values.astype(float), [1, 0, 1])
    np.testing.assert_array_equal(swept.wide, [3, 0, 3])


@pytest.mark.parametrize(
    ("dtype", "kept"),
    [
        ("int4", "int8"),
        ("uint4", "uint8"),
        ("bfloat16", "float32"),
        ("float8_e5m2", "float32"),
        ("float32", "float32"),
    ],
)
def test_a_sweep_in_memory_and_a_stored_one_have_the_same_dtypes(dtype, kept, tmp_path):
    values = jnp.array([1, 0, 1], dtype)
    for store in (None, tmp_path / "sweep.zarr"):
        swept = jd.sweep(lambda a: {"same": a}, a=values, store=store)
        assert swept.same.dtype == swept.a.dtype == kept
        assert swept.same.attrs == ({} if dtype == kept else {"computed_as": dtype})
        np.testing.assert_array_equal(swept.same, [1, 0, 1])
    assert jd.open_sweep(tmp_path / "sweep.zarr").same.dtype == kept


@pytest.mark.parametrize("scalarize", [True, False])
def test_effects_that_have_an_order_happen_point_by_point(scalarize):
    noted = []

    def run(a):
        def note(x):
            noted.append(float(x))
            return x

        def say(x):
            return io_callback(note, jax.ShapeDtypeStruct((), jnp.float32), x, ordered=True)

        return say(10 * say(a))

    swept = jd.sweep(run, a=np.arange(1.0, 6.0), scalarize=scalarize)
    assert noted == [x for a in range(1, 6) for x in (a, 10 * a)]
    np.testing.assert_array_equal(swept.result, [10, 20, 30, 40, 50])


@pytest.mark.parametrize("scalarize", [True, False])
def test_what_vmap_cannot_map_is_run_point_after_point(scalarize, capfd):
    triple = lax.composite(lambda x: 3 * x, "jdescent.triple")
    x = jax.ShapeDtypeStruct((), jnp.float32)
    doubled = jax.export.export(jax.jit(lambda x: 2 * x))(x)

    def run(a):
        jax.debug.print("at {}", a)
        return lax.fori_loop(0, 2, lambda i, x: triple(x), doubled.call(a))

    for function in (run, lambda a: triple(doubled.call(a))):
        swept = jd.sweep(function, a=[1.0, 2.0, 5.0], scalarize=scalarize)
        times = 18 if function is run else 6
        np.testing.assert_array_equal(swept.result, times * np.array([1, 2, 5]))
    jax.effects_barrier()
    assert sorted(capfd.readouterr().out.splitlines()) == ["at 1.0", "at 2.0", "at 5.0"]


@pytest.mark.parametrize(("check", "given"), [(jax.debug_nans, "nan"), (jax.debug_infs, "inf")])
def test_a_run_that_fails_jax_s_own_check_of_numbers_says_how_to_find_it(check, given):
    function = {"nan": jnp.log, "inf": jnp.exp}[given]
    told = f"a run of this sweep gives {given}.* call the function alone"
    with check(True), pytest.raises(FloatingPointError, match=told):
        jd.sweep(lambda a: function(a), a=[1.0, -1.0, 1000.0])
    with check(True):
        np.testing.assert_allclose(jd.sweep(lambda a: function(a), a=[1.0]).result, function(1.0))


@pytest.mark.skipif(not hasattr(jax, "new_ref"), reason="this JAX has no references")
def test_references_are_made_within_a_run_or_refused():
    kept = jax.new_ref(jnp.float32(0))

    def write(a):
        kept[...] = a
        return a

    for run in (write, lambda a: a + kept[...]):
        with pytest.raises(TypeError, match=r"reference that was made outside.*make it inside run"):
            jd.sweep(run, a=[1.0, 2.0])
    for run in (lambda a: kept, jax.new_ref):
        with pytest.raises(TypeError, match="but result is a reference: return its value"):
            jd.sweep(lambda a, run=run: run(a), a=[1.0, 2.0])

    def within(a):
        total = jax.new_ref(a)
        total[...] = 2 * total[...]
        return total[...]

    np.testing.assert_array_equal(jd.sweep(within, a=[1.0, 2.0]).result, [2, 4])


def test_keys_of_a_dictionary_that_cannot_be_sorted_are_refused():
    told = "has a dictionary whose keys cannot be sorted.*make them all of one type"
    with pytest.raises(TypeError, match=f"what run returns {told}"):
        jd.sweep(lambda a: {1: a, "1": a}, a=[1.0])
    with pytest.raises(TypeError, match=f"axis a {told}"):
        jd.sweep(lambda a: a[1], a={1: [1.0], "1": [1.0]})


def test_no_tracer_outlives_a_sweep():
    with jax.checking_leaks():
        swept = jd.sweep(lambda a: lax.fori_loop(0, 3, lambda i, x: 2 * x, a), a=[1.0, 2.0])
    np.testing.assert_array_equal(swept.result, [8, 16])


def test_a_sweep_in_another_transformation_is_refused():
    def of_an_axis(x):
        return jd.sweep(lambda a: 2 * a, a=x[None]).result.values

    def of_a_closure(x):
        return jd.sweep(lambda a: x * a, a=np.array([1.0, 2.0])).result.values

    for function in (of_an_axis, of_a_closure):
        for transform in (jax.jit, jax.grad, lambda f: lambda x: jax.vmap(f)(x[None])):
            with pytest.raises(TypeError, match=r"traced.*jax\.vmap maps a run"):
                transform(function)(jnp.float32(2.0))


def test_without_compilation_a_sweep_says_what_to_do():
    with jax.disable_jit(), pytest.raises(ValueError, match="call it yourself at one point"):
        jd.sweep(lambda a: 2 * a, a=[1.0])


def test_no_bound_on_memory_is_infinite():
    np.testing.assert_array_equal(jd.sweep(lambda a: a, a=[1.0], max_memory=np.inf).result, [1])
