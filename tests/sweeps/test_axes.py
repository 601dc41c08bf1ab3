"""Axes: what a run is given is what was asked for, or an error."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jdescent as jd
from jdescent.sweeps.axes import Axis


@pytest.fixture(autouse=True)
def unchecked(as_users_run):
    """What a wrong argument meets is the library's own error."""


@pytest.mark.parametrize(
    ("value", "said"),
    {
        "a large seed": ([2**32, 0], "holds 4294967296 at index 0, which int32 does not hold"),
        "a larger one": ([0, 2**40 + 1], "holds 1099511627777 at index 1"),
        "of NumPy": (np.array([2**63], np.uint64), "which uint32 does not hold"),
        "no dtype": ([2**64], "integers that no dtype holds"),
        "no dtype for both": ([2**63, -1], "integers that no dtype holds"),
        "a rate that vanishes": ([1.0, 1e-50], "holds 1e-50 at index 1, which float32 does not"),
        "a rate below all normal ones": ([1e-40], "which float32 does not hold"),
        "a rate that overflows": ([[1.0, -1e39]], r"holds -1e\+39 at index 0, 1"),
        "a part of a complex one": ([1e-50 + 1j], "which complex64 does not hold"),
        "among rates": ([16777217, 0.5], "holds 16777217 among floating-point.*16777216"),
        "in a list of trees": ([{"a": 2**40}, {"a": 1}], "holds 1099511627776 at index 0"),
        "in a tree of lists": ({"a": [1.0], "b": [1e-50]}, "holds 1e-50 at index 0"),
    }.values(),
)  # fmt: skip
def test_a_value_that_jax_would_change_is_refused(value, said):
    with pytest.raises(ValueError, match=f"axis x .*{said}"):
        jd.sweep(lambda x: jnp.float32(0), x=value)


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        (np.array([1, 2], "timedelta64[s]"), TypeError, r"of dtype timedelta64\[s\]"),
        (np.array([1, 2], np.longdouble), TypeError, "a dtype that JAX has"),
        ([jax.random.key(0), jax.random.key(0, impl="rbg")], ValueError, "several kinds"),
    ],
)
def test_what_jax_has_no_array_for_is_refused_by_the_name_of_its_axis(value, error, said):
    with pytest.raises(error, match=f"axis x .*{said}"):
        jd.sweep(lambda x: jnp.float32(0), x=value)


def test_with_64_bits_more_is_held(x64):
    values = [2**40 + 1, 2**63 - 1]
    np.testing.assert_array_equal(jd.sweep(lambda x: x, x=values).result, values)
    assert jd.sweep(lambda x: x, x=[1e-50]).result.item() == 1e-50


@given(st.lists(st.integers(-(2**70), 2**70), min_size=1, max_size=4))
def test_integers_are_exact_or_refused(integers):
    try:
        axis = Axis("x", integers)
    except ValueError:
        assert min(integers) < -(2**31) or max(integers) >= 2**31
    else:
        assert list(map(int, axis.tree)) == integers


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=4))
def test_rates_are_rounded_or_refused(rates):
    limits = np.finfo(np.float32)
    try:
        axis = Axis("x", rates)
    except ValueError:
        sizes = [abs(rate) for rate in rates if rate != 0 and np.isfinite(rate)]
        assert min(sizes) < float(limits.tiny) or max(sizes) > float(limits.max)
    else:
        wide = np.array(rates)
        off = np.abs(np.asarray(axis.tree, np.float64) - wide)[np.isfinite(wide)]
        assert np.all(off <= limits.eps / 2 * np.abs(wide[np.isfinite(wide)]))


@pytest.mark.parametrize(
    "value",
    [["sgd", "adam"], [jd.sgd, jd.adam], [jd.sgd(0.1), jd.adam(0.1)], {1.0, 2.0},
     np.array(["2026-11-01"], "M8[D]"), np.ma.masked_array([1.0, 2.0], [0, 1])],
    ids=["words", "functions", "optimizers", "a set", "dates", "masked"],
)  # fmt: skip
def test_what_is_no_array_of_numbers_is_refused_with_what_to_do(value):
    with pytest.raises(TypeError, match=r"(?s)axis x must be an array of values, got .*jd\.static"):
        jd.sweep(lambda x: 0.0, x=value)


def test_a_list_of_random_keys_is_an_axis():
    keys = [jax.random.key(3), jax.random.key(4)]
    drawn = jd.sweep(lambda key: jax.random.normal(key), key=keys).result
    np.testing.assert_array_equal(drawn, [jax.random.normal(key) for key in keys])


def test_a_tree_may_hold_lists():
    swept = jd.sweep(lambda p: p["a"] - p["b"], p={"a": [1.0, 2.0], "b": [4.0, 8.0]}).result
    np.testing.assert_array_equal(swept, [-3, -6])


RESERVED = ("run", "axes", "store", "version", "max_memory", "progress", "kernel")


def test_a_tree_may_hold_tuples_of_trees_as_networks_do():
    """A tuple of layers is no tuple of rows: it is mapped over leaf by leaf, to any depth."""
    layers = tuple(
        {"weights": jnp.full((3, 2, 2), place), "biases": jnp.arange(3.0)} for place in (1.0, 2.0)
    )

    def run(start):
        (first, second), deep = start["params"], start["deep"][0][0]
        return first["weights"].sum() + 10 * second["weights"].sum() + first["biases"] + deep["x"]

    grid = jd.sweep(run, start={"params": layers, "deep": [[{"x": jnp.zeros(3)}]]})
    np.testing.assert_array_equal(grid.result, [84, 85, 86])


def test_any_name_can_be_an_axis():
    axes = {name: [1.0 + i] for i, name in enumerate(RESERVED)}
    grid = jd.sweep(lambda **point: sum(point.values()), axes)
    assert grid.result.item() == sum(range(1, len(RESERVED) + 1))
    assert set(grid.sizes) == set(RESERVED)


@pytest.mark.parametrize("name", sorted(set(RESERVED) - {"run", "axes"}))
def test_an_option_that_was_meant_for_an_axis_is_refused_with_the_way(name):
    with pytest.raises(TypeError, match=rf"sweep\(run, {{'{name}': values}}\)"):
        jd.sweep(lambda **point: 0.0, **{name: [1.0, 2.0]})


def test_axes_that_are_no_mapping_or_named_twice_are_refused():
    with pytest.raises(TypeError, match=r"must be a mapping .* sweep\(run, learning_rate=rates\)"):
        jd.sweep(lambda x: x, [1.0, 2.0])
    with pytest.raises(TypeError, match="axes named twice: x"):
        jd.sweep(lambda x: x, {"x": [1.0]}, x=[2.0])


@pytest.mark.parametrize(
    ("result", "error", "said"),
    [
        ("adam", TypeError, "result is 'adam'"),
        ({"optimizer": jd.sgd(0.1)}, TypeError, "optimizer_init is <function"),
        ({"count": 2**40}, ValueError, "run returns as count 1099511627776, which int32"),
        ({"small": 1e-50}, ValueError, "run returns as small 1e-50, which float32"),
    ],
    ids=["a word", "an optimizer", "a large integer", "a small number"],
)
def test_what_a_run_cannot_return_is_refused_by_name(result, error, said):
    with pytest.raises(error, match=said):
        jd.sweep(lambda x: result, x=[1.0])
