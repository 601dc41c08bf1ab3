"""Stored sweeps that grow, and parts of them: the old stays bit for bit, the new is what it is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import jdescent as jd
from jdescent.sweeps import layout
from jdescent.sweeps.store import Store

FUNCTIONS = {"sin": jnp.sin, "cos": jnp.cos, "tan": jnp.tan}


def run(f, x, y=1.0):
    return {"value": f(x) * y, "row": y * jnp.arange(3.0)}


@pytest.fixture
def written(monkeypatch):
    """The chunks that are written, as they are."""
    places, write = [], Store.write

    def noted(self, place, values):
        places.append(place)
        write(self, place, values)

    monkeypatch.setattr(Store, "write", noted)
    return places


def same(found, expected):
    xarray.testing.assert_equal(found.drop_vars("finished", errors="ignore").load(), expected)


def all_of(path):
    return {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}


values = st.lists(st.integers(-20, 20), min_size=1, max_size=7, unique=True)


@settings(max_examples=4, phases=[Phase.generate])
@given(data=st.data(), first=st.fixed_dictionaries({"x": values, "y": values}))
def test_a_sweep_that_grew_is_one_that_was_whole(data, first, tmp_path_factory):
    """Chunks of two points, so that old and new values meet in one."""
    path = tmp_path_factory.mktemp("grown") / "a.zarr"
    labels = data.draw(st.permutations(list(FUNCTIONS)))
    asked = {"f": labels[:1], **first}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jdescent.sweeps.chunks.CHUNK_LANES", {"cpu": 2})
        patch.setattr("jdescent.sweeps.chunks._kept_together", lambda *_: 1)
        for new in range(2):
            if new:
                grown = {name: [*asked[name], *data.draw(values)] for name in "xy"}
                asked = {name: data.draw(st.permutations(list(dict.fromkeys(grown[name]))))
                         for name in "xy"} | {"f": labels[: new + 1]}  # fmt: skip
            axes = {
                "x": np.array(asked["x"], "f"),
                "f": {label: FUNCTIONS[label] for label in asked["f"]},
                "y": np.array(asked["y"], "f"),
            }
            before = jd.open_sweep(path).load() if new else None
            part = data.draw(st.sampled_from([0.2, None]))
            if part is not None:
                jd.sweep(run, axes, store=path, part=part)
            found = jd.sweep(run, axes, store=path)
            same(found, jd.sweep(run, axes))
            same(jd.sweep(run, axes, store=path), found.load())
            if before is not None:
                after = jd.open_sweep(path).isel({k: slice(n) for k, n in before.sizes.items()})
                xarray.testing.assert_equal(after.load(), before)


def test_only_the_new_is_computed(tmp_path, written):
    def swept(**axes):
        return jd.sweep(run, store=tmp_path / "a.zarr", **axes)

    swept(f={"sin": jnp.sin}, x=np.arange(4.0))
    assert written == [(0, 0), (0, 1)]  # one for each of two devices
    written.clear()
    swept(f={"cos": jnp.cos, "sin": jnp.sin}, x=np.arange(4.0))
    assert written == [(1, 0), (1, 1)]
    written.clear()
    grid = swept(f={"cos": jnp.cos, "sin": jnp.sin}, x=np.arange(-1.0, 5.0))
    assert written == [(0, 2), (1, 2)]
    np.testing.assert_array_equal(grid.x, np.arange(-1.0, 5.0))
    assert grid.f.values.tolist() == ["cos", "sin"]
    np.testing.assert_allclose(grid.value.sel(f="cos"), np.cos(grid.x), rtol=1e-6)
    stored = jd.open_sweep(tmp_path / "a.zarr")
    assert stored.f.values.tolist() == ["sin", "cos"]
    assert stored.x.values.tolist() == [0, 1, 2, 3, -1, 4]


def test_old_runs_keep_their_bits_where_a_chunk_holds_old_and_new(tmp_path):
    """Marked by other numbers than they would be computed as."""
    path = tmp_path / "a.zarr"

    def swept(x):
        return jd.sweep(lambda x: {"a": x + 1, "n": jnp.int32(x)}, x=np.float32(x), store=path)

    swept([1, 2, 3])
    store = Store(path)
    for place in np.ndindex(*store.finished.shape):
        size = store.region(place)[0].stop - store.region(place)[0].start
        store.write(place, {"a": np.full(size, 7, "f"), "n": np.full(size, 9, np.int32)})
    grid = swept([1, 2, 3, 4, 5])
    np.testing.assert_array_equal(grid.a, [7, 7, 7, 5, 6])
    np.testing.assert_array_equal(grid.n, [9, 9, 9, 4, 5])


@pytest.mark.parametrize("stopped_at", range(4))
def test_an_extension_that_is_stopped_anywhere_goes_on(tmp_path, monkeypatch, stopped_at):
    path, calls, grow = tmp_path / "a.zarr", iter(range(100)), layout._grow

    def swept(x):
        return jd.sweep(
            lambda x, start: {"a": jnp.sin(x) + start[0], "row": jnp.ones(2)},
            {"x": np.float32(x), "start": np.ones((2, 3))},
            store=path,
        )

    def stops(*arguments):
        if next(calls) == stopped_at:
            raise KeyboardInterrupt
        grow(*arguments)

    swept([1, 2, 3])
    monkeypatch.setattr(layout, "_grow", stops)
    with pytest.raises(KeyboardInterrupt):
        swept([0, 1, 2, 3, 4])
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"holds another sweep|was being extended"):
        swept([1, 2, 3])
    if stopped_at > 0:
        with pytest.raises(ValueError, match=r"was being extended .* goes on with it"):
            jd.open_sweep(path)
    found = swept([0, 1, 2, 3, 4])
    np.testing.assert_allclose(found.a.isel(start=0), np.sin(np.arange(5.0)) + 1, rtol=1e-6)
    assert jd.open_sweep(path).finished.all()


def test_starts_and_keys_can_be_added(tmp_path):
    starts = np.random.default_rng(0).normal(size=(4, 2)).astype("f")
    keys = jax.random.split(jax.random.key(0), 4)

    def swept(places):
        return jd.sweep(
            lambda start, key, rate: start.sum() * rate + jax.random.normal(key),
            store=tmp_path / "a.zarr",
            sample=jd.paired(start=starts[places], key=keys[np.array(places)]),
            rate=[1.0, 2.0],
        )

    swept([2, 0])
    grid = swept([0, 1, 2, 3])
    np.testing.assert_array_equal(grid.start_values, starts)
    noise = np.array([jax.random.normal(key) for key in keys])
    np.testing.assert_allclose(grid.result[:, 0], starts.sum(1) + noise, rtol=1e-5)
    np.testing.assert_array_equal(jax.random.key_data(keys), grid.key_values)


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ({"x": [1.0, 2.0]}, "axes.x.values"),
        ({"x": [1.0, 2.0, 4.0]}, "axes.x.values"),
        ({"x": [1.0, 2.0, 3.0, 3.0, 1.0][::-1]}, "axes.x.values"),
        ({"x": [1.0, 2.0, 3.0, 4.0], "y": [1.0]}, "axes.y"),
        ({"x": np.arange(1, 5, dtype=np.float16)}, "function"),
        ({"x": [1.0, 2.0, 3.0, 4.0], "scale": 2.0}, "function"),
    ],
)
def test_what_is_not_more_of_the_same_is_refused_and_changes_nothing(tmp_path, axes, said):
    def swept(x, scale=1.0, **more):
        return jd.sweep(
            lambda x, **_: jnp.sin(x * scale), {"x": x, **more}, store=tmp_path / "a.zarr"
        )

    swept([1.0, 2.0, 3.0])
    before = all_of(tmp_path)
    with pytest.raises((ValueError, TypeError), match=f"(?s)holds another sweep:.*{said}"):
        swept(**axes)
    assert all_of(tmp_path) == before


def test_under_other_versions_nothing_is_added(tmp_path, monkeypatch):
    def swept(x):
        return jd.sweep(lambda x: x + 1, x=x, store=tmp_path / "a.zarr")

    swept([1.0])
    monkeypatch.setattr("jdescent.sweeps.provenance.versions_of_libraries", lambda: {"jax": "0.1"})
    swept([1.0])
    with pytest.raises(ValueError, match=r"(?s)was made under other versions:.*versions\.jax"):
        swept([1.0, 2.0])


def test_parts_make_the_whole(tmp_path, written):
    axes = {"f": FUNCTIONS, "x": np.arange(6.0), "y": [1.0, 2.0]}
    path = tmp_path / "a.zarr"
    first = jd.sweep(run, axes, store=path, part={"f": "cos", "x": slice(0, 2)})
    assert first.finished.sel(f="cos", x=slice(0, 1)).all()
    assert not first.finished.sel(f=["sin", "tan"]).any()
    assert first.finished.attrs["unfinished"].startswith("30 of 36 runs, within f[0:3], x[0:6]")
    assert jd.open_sweep(path).finished.attrs == first.finished.attrs
    jd.sweep(run, axes, store=path, part={"f": ["tan", "sin"], "y": 2.0})
    assert jd.open_sweep(path).finished.sel(f=["tan", "sin"], y=2.0).all()
    half = jd.sweep(run, axes, store=path, part=0.5)
    assert half.finished.values.ravel()[:18].all()
    whole = jd.sweep(run, axes, store=path)
    assert len(written) == len(set(written))
    assert not jd.open_sweep(path).finished.attrs
    same(whole, jd.sweep(run, axes))


@pytest.mark.parametrize(
    ("part", "error", "said"),
    [
        ([1.0, 2.0], TypeError, r"sweep\(run, {'part': values}\)"),
        (0.0, ValueError, "a fraction between 0 and 1"),
        (1.5, ValueError, "a fraction between 0 and 1"),
        ({"z": 1}, ValueError, "part selects z, which is no axis"),
        ({"x": 9.0}, ValueError, "part selects 9.0 of x, which is none of its values"),
        ({"x": slice(5, 9)}, ValueError, "in which none of its 2 points is"),
    ],
)
def test_what_is_no_part_is_refused(tmp_path, part, error, said, as_users_run):
    with pytest.raises(error, match=said):
        jd.sweep(lambda x: x, x=[1.0, 2.0], store=tmp_path / "a.zarr", part=part)
    with pytest.raises((TypeError, ValueError)):
        jd.sweep(lambda x: x, x=[1.0, 2.0], part=part)


def test_who_interrupts_is_told_how_to_go_on(tmp_path, monkeypatch):
    def interrupted(self, place, values):
        raise KeyboardInterrupt

    for kind in ("memory.Memory", "store.Store"):
        monkeypatch.setattr(f"jdescent.sweeps.{kind}.write", interrupted)
    with pytest.raises(KeyboardInterrupt) as error:
        jd.sweep(lambda x: x, x=[1.0, 2.0])
    assert (
        "0 of 2 chunks were computed, and are lost; with sweep(…, store="
        in error.value.__notes__[0]
    )
    with pytest.raises(KeyboardInterrupt) as error:
        jd.sweep(lambda x: x, x=[1.0, 2.0], store=tmp_path / "a.zarr")
    assert "0 of 2 chunks are safe in" in error.value.__notes__[0]
    assert "the same call goes on from them" in error.value.__notes__[0]
