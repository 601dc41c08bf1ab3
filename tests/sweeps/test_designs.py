"""Paired axes and designs: what varies together, evenly, and what it is in the result."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import jdescent as jd

RANGES = {"rate": jd.log_uniform(1e-3, 1.0), "momentum": (-1.0, 3.0)}


@pytest.fixture(autouse=True)
def unchecked(as_users_run):
    """What a wrong argument meets is the library's own error."""


def test_a_pair_is_the_diagonal_of_the_grid():
    rates, momenta = [0.1, 0.2, 0.4], [0.9, 0.5, 0.0]

    def run(rate, momentum, seed):
        return jd.descend(
            jd.losses.bowl((2.0, 4.0)), jnp.ones(2) + seed, jd.sgd(rate, momentum), 20, record=None
        )

    grid = jd.sweep(run, rate=rates, momentum=momenta, seed=[0.0, 1.0])
    line = jd.sweep(run, point=jd.paired(rate=rates, momentum=momenta), seed=[0.0, 1.0])
    assert line.params.dims == ("point", "seed", "params_dim0")
    for k, (rate, momentum) in enumerate(zip(rates, momenta, strict=True)):
        here, there = line.isel(point=k), grid.isel(rate=k, momentum=k)
        assert (here.rate, here.momentum) == (np.float32(rate), np.float32(momentum))
        np.testing.assert_allclose(here.params, there.params, rtol=1e-5)
        np.testing.assert_array_equal(here.verdict, there.verdict)


def test_a_pair_may_be_named_as_one_of_its_arguments():
    grid = jd.sweep(lambda x, y: x * y, x=jd.paired(x=[2.0, 3.0], y=[5.0, 7.0]))
    assert grid.result.sel(x=3.0).item() == 21
    np.testing.assert_array_equal(grid.y, [5, 7])
    assert grid.y.dims == ("x",)


def test_starts_and_keys_can_be_paired_and_stay_in_the_result(tmp_path):
    starts = {"w": jnp.arange(6.0).reshape(3, 2), "b": jnp.arange(3)}
    keys = jax.random.split(jax.random.key(3), 3)

    def run(start, key, x):
        return start["w"].sum() + jnp.float32(start["b"]) + x + jax.random.normal(key)

    axes = {"sample": jd.paired(start=starts, key=keys), "x": [0.0, 10.0]}
    grid = jd.sweep(run, axes)
    for found in (grid, jd.sweep(run, axes, store=tmp_path / "a"), jd.open_sweep(tmp_path / "a")):
        np.testing.assert_array_equal(found.start_values_w, starts["w"])
        np.testing.assert_array_equal(found.start_values_b, starts["b"])
        np.testing.assert_array_equal(found.sample, [0, 1, 2])
        assert found.key_values.dtype == np.uint32
        assert found.start_values_w.dims[0] == found.key_values.dims[0] == "sample"
        again = jax.random.wrap_key_data(
            jnp.asarray(found.key_values.values), impl=found.key_values.attrs["key_impl"]
        )
        assert (again == keys).all()
    np.testing.assert_allclose(
        grid.result[1, 1], 5 + 1 + 10 + jax.random.normal(keys[1]), rtol=1e-6
    )


def test_values_whose_names_cannot_be_files_or_meet_get_others(tmp_path):
    start = {"mlp/~/linear": jnp.ones((2, 3)), "a_b": jnp.zeros(2), "a": {"b": jnp.ones(2)}}
    grid = jd.sweep(lambda start: start["a_b"], start=start, store=tmp_path / "a.zarr")
    names = {"start", "start_values_mlp_~_linear", "start_values_a_b", "start_values_a_b_"}
    assert set(grid.coords) == names
    with pytest.raises(ValueError, match="start_values_a_b would name two things in the result"):
        jd.sweep(lambda start: {"start_values_a_b": start["a_b"]}, start=start)


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: jd.paired(), TypeError, "paired needs the arguments that vary together"),
        (lambda: jd.paired(f={"a": jd.sgd}, x=[1.0]), TypeError, "f cannot be paired.*own"),
        (lambda: jd.paired(f=jd.static([1])), TypeError, "f cannot be paired.*static"),
        (lambda: jd.paired(f=jd.paired(x=[1.0])), TypeError, "f cannot be paired"),
        (
            lambda: jd.sweep(lambda x, y: x, s=jd.paired(x=[1.0], y=[1.0, 2.0])),
            ValueError,
            "axis s has arrays of different lengths: x 1, y 2",
        ),
        (
            lambda: jd.sweep(lambda x: x, s=jd.paired(x=[1.0]), x=[2.0]),
            TypeError,
            "axes named twice: x",
        ),
        (lambda: jd.sweep(lambda x: x, s=jd.paired(x=[])), ValueError, "axis x is empty"),
        (lambda: jd.designs.sobol(48, **RANGES), ValueError, "a power of two, such as 32 or 64"),
        (lambda: jd.designs.latin(0, **RANGES), ValueError, "number of points must be .* 0"),
        (lambda: jd.designs.sobol(2.5, **RANGES), TypeError, "number of points must be .* 2.5"),
        (lambda: jd.designs.latin(4), TypeError, "a design needs ranges"),
        (lambda: jd.designs.uniform(4, x=(1.0, 1.0)), ValueError, "x must have low < high"),
        (lambda: jd.designs.uniform(4, x=0.1), TypeError, "x must be .low, high. or log_uniform"),
        (lambda: jd.log_uniform(2.0, 1.0), ValueError, "0 < low < high < ∞, got 2.0 and 1.0"),
    ],
)
def test_what_is_no_pair_or_design_is_refused(make, error, said):
    with pytest.raises(error, match=said):
        make()


@pytest.mark.parametrize("design", ["sobol", "latin"])
def test_every_strip_of_every_range_holds_one_point(design):
    points = getattr(jd.designs, design)(64, seed=3, **RANGES).arguments
    for u in (np.log10(points["rate"]) / 3 + 1, (points["momentum"] + 1) / 4):
        assert (np.histogram(u, bins=64, range=(0, 1))[0] == 1).all()


def test_random_points_are_uniform_in_the_scale_of_their_range():
    points = jd.designs.uniform(4000, seed=5, **RANGES).arguments
    u = np.log10(points["rate"]) / 3 + 1
    v = (points["momentum"] + 1) / 4
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    assert stats.kstest(v, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(u, v)[0, 1]) < 5 / np.sqrt(4000)


@pytest.mark.parametrize("design", ["sobol", "latin", "uniform"])
def test_a_seed_decides_the_points_and_the_grid_can_be_stored(design, tmp_path):
    make = functools.partial(getattr(jd.designs, design), 4, **RANGES)
    first, again, other = make(seed=1), make(seed=1), make(seed=2)
    for name in RANGES:
        np.testing.assert_array_equal(first.arguments[name], again.arguments[name])
        assert (first.arguments[name] != other.arguments[name]).all()

    def stored(design):
        return jd.sweep(lambda rate, momentum: rate * momentum, sample=design, store=tmp_path / "a")

    grid = stored(first)
    np.testing.assert_array_equal(grid.rate, first.arguments["rate"].astype("f"))
    assert stored(again).identical(grid)
    with pytest.raises(ValueError, match="holds another sweep"):
        stored(other)


def test_arguments_that_are_no_axis_are_fixed_by_partial():
    def run(rate, steps):
        return jd.descend(lambda x: x**2, jnp.float32(1), jd.sgd(rate), steps, record=None)

    swept = jd.sweep(functools.partial(run, steps=7), rate=[0.1])
    assert swept.verdict_step.item() == 7
    with pytest.raises(ValueError, match=r"axis steps .* fix it, as by .*\(run, steps="):
        jd.sweep(run, rate=[0.1], steps=7)


@pytest.mark.parametrize("design", [jd.designs.sobol, jd.designs.latin, jd.designs.uniform])
@pytest.mark.parametrize("wide", [(-1e308, 1e308), jd.log_uniform(1e-320, 1e300)])
def test_a_range_as_wide_as_floats_are_is_filled(design, wide):
    """low + (high − low)·u and low·(high/low)ᵘ overflow there."""
    low, high = wide
    values = np.asarray(design(8, a=wide).arguments["a"])
    assert np.all((low <= values) & (values <= high))
    assert len(set(values)) == 8
