"""Sweeps: lanes are the runs alone, results carry their names, memory stays in its bound."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray

import jdescent as jd
from jdescent.sweeps import chunks
from jdescent.sweeps.chunks import MIB
from jdescent.sweeps.store import Store

BOWL, START = jd.losses.bowl((2.0, 4.0)), jnp.array([2.0, 1.0])
RATES = np.linspace(0.05, 0.9, 7)
MOMENTA = np.array([0.0, 0.5, 0.9])


def run(learning_rate, momentum):
    return jd.descend(
        BOWL,
        START,
        jd.heavy_ball(learning_rate, momentum),
        steps=60,
        record="params",
        every=4,
        tolerance=1e-3,
    )


@pytest.fixture(scope="module")
def grid():
    return jd.sweep(run, learning_rate=RATES, momentum=MOMENTA)


def test_every_lane_is_the_run_alone(grid):
    single = jax.jit(run)
    statuses = set()
    for i, rate in enumerate(np.float32(RATES)):
        for j, momentum in enumerate(np.float32(MOMENTA)):
            lane, alone = grid.isel(learning_rate=i, momentum=j), single(rate, momentum)
            statuses.add(str(lane.verdict.values))
            assert lane.verdict == str(jd.Status(int(alone.verdict.status)))
            assert lane.verdict_step == alone.verdict.step
            for name, value in {
                "loss": alone.loss,
                "record_params": alone.record["params"],
                "params": alone.params,
                "verdict_loss": alone.verdict.loss,
                "verdict_gradient_norm": alone.verdict.gradient_norm,
            }.items():
                np.testing.assert_allclose(lane[name], value, rtol=1e-4, atol=1e-6)
    assert statuses == {"converged", "diverged", "step limit"}


def test_results_are_labelled_by_axis_step_and_path(grid):
    assert isinstance(grid, xarray.Dataset)
    axes = {"learning_rate": 7, "momentum": 3}
    assert dict(grid.loss.sizes) == axes | {"step": 16}
    assert dict(grid.record_params.sizes) == axes | {"step": 16, "record_params_dim1": 2}
    assert dict(grid.params.sizes) == axes | {"params_dim0": 2}
    assert dict(grid.verdict.sizes) == axes
    np.testing.assert_array_equal(grid.step, 4 * np.arange(16))
    np.testing.assert_array_equal(grid.learning_rate, np.float32(RATES))
    assert set(grid.data_vars) == {
        "loss",
        "record_params",
        "params",
        "verdict",
        "verdict_step",
        "verdict_loss",
        "verdict_gradient_norm",
    }


def test_the_boundary_of_a_sweep_is_that_of_theory(grid):
    """Diverged exactly where lr ≥ 2(1 + β)/4, for the lanes that theory settles in 60 steps."""
    limit = 2 * (1 + grid.momentum) / 4
    grown = grid.loss.isel(step=-1) > grid.loss.isel(step=0)
    settled = np.abs(grid.learning_rate / limit - 1) > 0.15
    assert ((grown == (grid.learning_rate > limit)) | ~settled).all()
    assert grown.any()
    assert not grown.all()


def two_lanes_in_mib():
    """What two lanes need on each of two devices, from the error that says so."""
    with pytest.raises(
        ValueError, match=r"2 lanes on each of 2 devices need .* MiB, more than max_memory"
    ) as error:
        jd.sweep(run, learning_rate=RATES, momentum=MOMENTA, max_memory=1e-12)
    return float(str(error.value).split("need ")[1].split(" MiB")[0])


def test_chunks_bounded_in_memory_give_the_whole_grid(grid, monkeypatch):
    engines = []

    def spy(*arguments):
        engines.append(chunks.engine_within(*arguments))
        return engines[-1]

    monkeypatch.setattr(sys.modules["jdescent.sweeps.grid"], "engine_within", spy)
    bound = 3 * two_lanes_in_mib()
    boxed = jd.sweep(run, learning_rate=RATES, momentum=MOMENTA, max_memory=bound)
    (engine,) = engines
    memory = engine.compiled.memory_analysis()
    used = memory.output_size_in_bytes + memory.temp_size_in_bytes
    assert 2 * used <= bound * MIB
    assert chunks.runs_of_chunks(engine.shape, engine.chunk).size >= 4
    for name in grid.data_vars:
        if name == "verdict":
            assert (boxed[name] == grid[name]).all()
        else:
            np.testing.assert_allclose(boxed[name], grid[name], rtol=1e-4, atol=1e-6)


def test_the_memory_of_a_lane_grows_with_what_it_records():
    def needed(every):
        def recorded(rate):
            return jd.descend(BOWL, START, jd.sgd(rate), 4096, record="params", every=every)

        with pytest.raises(ValueError, match=r"raise it, or record less \(every=, record=None\)"):
            jd.sweep(recorded, rate=[0.1], max_memory=0.01 / MIB)
        with pytest.raises(ValueError, match="2 lanes on each of 2 devices need") as error:
            jd.sweep(recorded, rate=[0.1], max_memory=1e-9)
        return float(str(error.value).split("need ")[1].split(" MiB")[0]) * MIB

    rows = 4097
    assert needed(1) > rows * 3 * 4  # two coordinates and a loss of four bytes
    assert needed(64) < needed(1) / 10


def test_axes_may_hold_starts_keys_and_seeds():
    starts = jnp.array([[2.0, 1.0], [0.5, -1.0]])
    keys = jax.random.split(jax.random.key(3), 3)
    seeds = [0, 7]

    def noisy(start, key, seed):
        optimizer = jd.chain(
            jd.add_noise(key, 0.1), jd.add_noise(jax.random.key(seed), 0.1), jd.sgd(0.1)
        )
        return jd.descend(BOWL, start, optimizer, steps=5)

    result = jd.sweep(noisy, start=starts, key=keys, seed=seeds)
    assert dict(result.params.sizes) == {"start": 2, "key": 3, "seed": 2, "params_dim0": 2}
    np.testing.assert_array_equal(result.start, [0, 1])
    np.testing.assert_array_equal(result.key, [0, 1, 2])
    np.testing.assert_array_equal(result.seed, seeds)
    alone = noisy(starts[1], keys[2], jnp.int32(7))
    np.testing.assert_allclose(
        result.params.isel(start=1, key=2).sel(seed=7), alone.params, rtol=1e-5
    )
    assert np.unique(result.params.values).size == result.params.size


def test_a_run_may_return_any_tree_and_its_arrays_are_named_by_their_paths():
    def several(a, b):
        return {
            "sum": a + b,
            "nested": (a * jnp.arange(3.0), {"deep": b}),
            "nothing": None,
            "path": jd.descend(BOWL, START, jd.sgd(0.1 * a), 4),
            "verdict": jd.descend(BOWL, START, jd.sgd(0.1 * a), 4, record=None).verdict,
            "number": 7.0,
        }

    result = jd.sweep(several, a=[1.0, 2.0], b=[10.0, 20.0, 30.0])
    np.testing.assert_allclose(result["sum"], [[11, 21, 31], [12, 22, 32]])
    np.testing.assert_allclose(result["nested_0"].sel(a=2.0, b=10.0), [0, 2, 4])
    assert result["nested_0"].dims == ("a", "b", "nested_0_dim0")
    np.testing.assert_allclose(result["nested_1_deep"].sel(b=20.0), 20)
    np.testing.assert_allclose(result["number"], 7)
    assert result["path_loss"].dims == ("a", "b", "path_step")
    assert {"path_verdict", "path_verdict_step", "verdict", "verdict_step"} <= set(result.data_vars)
    assert not any("record" in name for name in result)


def test_a_single_unnamed_result_is_called_result():
    result = jd.sweep(lambda x: x**2, x=[1.0, 2.0, 3.0])
    assert list(result.data_vars) == ["result"]
    np.testing.assert_allclose(result.result.sel(x=3.0), 9)


def test_random_keys_in_a_result_stay_out():
    def with_key(rate):
        key = jax.random.fold_in(jax.random.key(0), 3)
        return {"key": key, "twice": 2 * rate}

    result = jd.sweep(with_key, rate=[0.1, 0.2])
    np.testing.assert_allclose(result["twice"], [0.2, 0.4])
    assert not any("key" in name for name in result.data_vars)


def test_integer_and_boolean_axes_keep_their_values():
    result = jd.sweep(lambda n, flag: jnp.where(flag, n, -n), n=range(3), flag=[True, False])
    assert result.n.dtype.kind == "i"
    assert result.flag.dtype.kind == "b"
    np.testing.assert_array_equal(result.result.sel(flag=False), [0, -1, -2])


def test_sweeps_run_in_float64_when_it_is_on(x64):
    def run_from(learning_rate):
        return jd.descend(BOWL, jnp.array([2.0, 1.0]), jd.sgd(learning_rate), 30, record="params")

    result = jd.sweep(run_from, learning_rate=[0.05, 0.2, 0.45])
    assert result.loss.dtype == result.record_params.dtype == np.float64
    exact = 2 * (1 - 2 * result.learning_rate) ** result.step
    np.testing.assert_allclose(result.record_params.isel(record_params_dim1=0), exact, rtol=1e-9)


def test_the_bar_counts_lanes_when_asked_for_and_is_silent_otherwise(capsys):
    jd.sweep(lambda x: x, x=np.arange(5.0))
    assert capsys.readouterr().err == ""
    jd.sweep(lambda x: x, x=np.arange(5.0), progress=False)
    assert capsys.readouterr().err == ""
    jd.sweep(lambda x: x, x=np.arange(5.0), progress=True)
    captured = capsys.readouterr()
    assert "5.00/5.00" in captured.err
    assert captured.out == ""


def test_what_cannot_be_swept_is_refused(as_users_run):
    def identity(**axes):
        return axes

    with pytest.raises(TypeError, match="run must be a function of the axes, got 3"):
        jd.sweep(3, x=[1.0])
    with pytest.raises(TypeError, match=r"at least one axis: sweep\(run, learning_rate=rates\)"):
        jd.sweep(identity)
    with pytest.raises(ValueError, match="axis rate is empty: give it at least one value"):
        jd.sweep(identity, rate=[])
    with pytest.raises(ValueError, match=r"axis rate must have a first axis .* a scalar 0\.1"):
        jd.sweep(identity, rate=0.1)
    for bad in (["a", "b"], [[1.0], [1.0, 2.0]], [None], [jd.sgd]):
        with pytest.raises(TypeError, match="axis rate must be an array of values, got"):
            jd.sweep(identity, rate=bad)
    with pytest.raises(ValueError, match=r"axis rate holds NaN at index 2$"):
        jd.sweep(identity, rate=[1.0, 2.0, np.nan])
    with pytest.raises(ValueError, match=r"axis start holds NaN at index 1, 0$"):
        jd.sweep(identity, start=np.array([[1.0, 2.0], [np.nan, 3.0]]))


def test_two_things_of_one_name_are_refused():
    def descended(**axes):
        return jd.descend(BOWL, START, jd.sgd(next(iter(axes.values()))), 3)

    for name in ("step", "loss", "verdict", "params_dim0"):
        with pytest.raises(ValueError, match=f"{name} would name two things in the result"):
            jd.sweep(descended, **{name: [0.1, 0.2]})
    with pytest.raises(ValueError, match="a_b would name two things in the result"):
        jd.sweep(lambda x: {"a": {"b": x}, "a_b": x}, x=[1.0])


def test_axes_may_be_trees_or_lists_of_trees():
    stacked = {
        "w": jnp.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
        "b": jnp.array([0.0, 1.0, 2.0]),
    }
    listed = [jax.tree.map(lambda leaf, i=i: leaf[i], stacked) for i in range(3)]

    def total(start, scale):
        return scale * (start["w"].sum() + start["b"])

    for start in (stacked, listed):
        result = jd.sweep(total, start=start, scale=[1.0, 10.0]).result
        np.testing.assert_allclose(result, [[3, 30], [8, 80], [13, 130]])
        np.testing.assert_array_equal(result.start, [0, 1, 2])


def test_axes_of_unequal_trees_are_refused(as_users_run):
    with pytest.raises(ValueError, match=r"axis start has arrays of different lengths: \[2, 3\]"):
        jd.sweep(lambda start: start["a"], start={"a": np.zeros(2), "b": np.zeros(3)})
    with pytest.raises(ValueError, match="axis start holds trees of different structure") as error:
        jd.sweep(lambda start: start["a"], start=[{"a": 1.0}, {"a": 1.0, "b": 2.0}])
    assert "at 0: " in str(error.value)
    assert "at 1: " in str(error.value)
    with pytest.raises(ValueError, match="axis start holds trees of different shapes"):
        jd.sweep(lambda start: start["a"], start=[{"a": np.zeros(2)}, {"a": np.zeros(3)}])
    with pytest.raises(ValueError, match="axis start is empty"):
        jd.sweep(lambda start: 0.0, start={})


@pytest.mark.parametrize(
    "run",
    [
        lambda n: jnp.zeros(n),
        lambda n: jnp.arange(5)[jnp.arange(5) < n],
        lambda n: n if n > 1 else -n,
        lambda n: sum(range(n)),
        lambda n: np.asarray(n) + 1,
    ],
)
def test_a_run_that_is_another_for_another_value_is_refused(run):
    with pytest.raises(TypeError, match="run must do the same for every point") as error:
        jd.sweep(run, n=[1, 2, 3])
    assert "jnp.where" in str(error.value)


def test_a_memory_bound_that_is_none_is_refused():
    for bound in (0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="max_memory must be > 0 MiB"):
            jd.sweep(lambda x: x, x=[1.0], max_memory=bound)


def test_the_bar_says_how_many_diverged(capsys):
    rates = np.linspace(0.1, 0.9, 9)
    grid = jd.sweep(
        lambda rate: jd.descend(BOWL, START, jd.sgd(rate), 500, record=None),
        rate=rates,
        progress=True,
    )
    assert f"{int((grid.verdict == 'diverged').sum())} diverged" in capsys.readouterr().err


def test_a_stored_sweep_is_that_in_memory_and_is_not_run_again(grid, tmp_path, monkeypatch):
    path = tmp_path / "runs" / "name.zarr"
    axes = {"learning_rate": RATES, "momentum": MOMENTA}
    stored = jd.sweep(run, store=path, **axes)
    xarray.testing.assert_identical(stored.drop_attrs(), grid.drop_attrs())

    def never(*arguments):
        raise AssertionError("a complete sweep was compiled again")

    for name in ("engine_within", "engine_for"):
        monkeypatch.setattr(sys.modules["jdescent.sweeps.grid"], name, never)
    again = jd.sweep(run, store=path, **axes)
    xarray.testing.assert_identical(again.drop_attrs(), grid.drop_attrs())
    opened = jd.open_sweep(path)
    assert opened.finished.all()
    xarray.testing.assert_identical(opened.drop_vars("finished").drop_attrs(), grid.drop_attrs())


def test_another_sweep_under_the_same_name_is_refused_with_the_difference(tmp_path):
    path = tmp_path / "name.zarr"

    def swept(run, **axes):
        return jd.sweep(run, store=path, **axes)

    swept(lambda rate: jnp.sin(rate), rate=[0.1, 0.2])
    told = r"(?s)name.zarr holds another sweep:.*{}.*under another name, or delete"
    with pytest.raises(ValueError, match=told.format("axes.rate.values.*0.2.*0.3")):
        swept(lambda rate: jnp.sin(rate), rate=[0.1, 0.3])
    with pytest.raises(ValueError, match=told.format("cos")):
        swept(lambda rate: jnp.cos(rate), rate=[0.1, 0.2])
    constant = np.arange(1000.0)
    with pytest.raises(ValueError, match=told.format("function")):
        swept(lambda rate: jnp.sin(rate) + jnp.asarray(constant)[0], rate=[0.1, 0.2])
    with pytest.raises(ValueError, match=told.format("axes")):
        swept(lambda eta: jnp.sin(eta), eta=[0.1, 0.2])


def test_a_stored_sweep_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    path, bound = tmp_path / "name.zarr", 5 * two_lanes_in_mib()
    axes = {"learning_rate": RATES, "momentum": MOMENTA, "max_memory": bound}
    whole = jd.sweep(run, store=tmp_path / "whole.zarr", **axes)
    written, write = [], Store.write

    def stops_after_two(self, place, values):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(place)
        write(self, place, values)

    monkeypatch.setattr(Store, "write", stops_after_two)
    with pytest.raises(KeyboardInterrupt):
        jd.sweep(run, store=path, **axes)
    assert 0 < jd.open_sweep(path).finished.sum() < RATES.size * MOMENTA.size

    def counts(self, place, values):
        written.append(place)
        write(self, place, values)

    monkeypatch.setattr(Store, "write", counts)
    resumed = jd.sweep(run, store=path, **axes)
    assert len(written) == len(set(written)) > 2
    xarray.testing.assert_identical(resumed.drop_attrs(), whole.drop_attrs())


def test_the_same_sweep_over_other_values_is_not_compiled_again(monkeypatch):
    def of_shift(shift):
        return lambda x: jnp.float32(shift) * jax.lax.fori_loop(0, 5, lambda i, x: x / 2, x)

    compiled, compile_ = [], chunks._compile
    monkeypatch.setattr(chunks, "_COMPILED", {})
    monkeypatch.setattr(chunks, "_compile", lambda *a: compiled.append(a) or compile_(*a))
    for values in ([32.0, 64.0], [96.0, 128.0]):
        np.testing.assert_allclose(
            jd.sweep(of_shift(1.0), x=values).result, np.array(values) / 32, rtol=1e-6
        )
    assert len(compiled) == 1
    np.testing.assert_allclose(jd.sweep(of_shift(3.0), x=[32.0, 64.0]).result, [3, 6], rtol=1e-6)
    jd.sweep(of_shift(1.0), x=np.arange(200.0))  # another number of lanes a device
    assert len(compiled) == 3


def test_rows_are_labelled_by_absolute_steps_in_a_run_of_several_parts_compiled_or_not():
    def two_parts(rate):
        first = jd.descend(BOWL, START, jd.sgd(rate), 10, record=None)
        return {"path": jd.descend(BOWL, first, jd.sgd(rate), 10, every=4), "used": rate}

    plain, compiled = (jd.sweep(run, rate=[0.1, 0.2]) for run in (two_parts, jax.jit(two_parts)))
    assert plain.drop_attrs().identical(compiled.drop_attrs())
    np.testing.assert_array_equal(plain.path_step, [10, 14, 18, 20])
    assert list(plain.path_loss.dims) == ["rate", "path_step"]


def test_runs_that_go_on_from_steps_of_their_own_have_these_as_a_variable():
    """Trajectories as an axis: where each began is known only to itself."""

    def loss(params):
        return BOWL(params["x"])

    begun = [jd.descend(loss, {"x": START}, jd.sgd(0.1), n, record=None) for n in (3, 5)]
    found = jd.sweep(
        lambda start: jd.descend(loss, start, jd.sgd(0.1), 3, every=2),
        start=jax.tree.map(lambda *leaves: jnp.stack(leaves), *begun),
    )
    np.testing.assert_array_equal(found.step, [[3, 5, 6], [5, 7, 8]])
    assert list(found.loss.dims) == ["start", "row"]
    np.testing.assert_array_equal(found.verdict_step, found.step[:, -1])
