"""Stored sweeps: what reads as finished is what was written, and nothing else is lost or mixed."""

import contextlib
import copy
import errno
import os
import pickle
import re
import resource
import shutil
import tempfile
import time
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import xarray
import zarr
from hypothesis import given
from hypothesis import strategies as st

from jdescent.sweeps.encoding import Variable, flags
from jdescent.sweeps.store import ABANDONED_AFTER, Store, open_sweep
from jdescent.trajectory import Status

WORDS = [str(status) for status in Status]
RATES = np.linspace(0.1, 1, 5, dtype=np.float32)
LOSS = Variable("loss", ("step",), (4,), np.dtype("float32"))
VERDICT = Variable("verdict", (), (), np.dtype("int8"), flags(WORDS))
IDENTITY = {
    "axes": {"learning_rate": "5 values from 0.1 to 1 (sha 1f2e)"},
    "function": ["def run(learning_rate):", "    return jd.sgd(learning_rate)"],
    "precision": "float32",
    "versions": {"jax": "0.10.2", "device": "cpu"},
}


def ask(path, **changes):
    """Three chunks of a sweep over five learning rates."""
    asked = {
        "axes": {"learning_rate": 5},
        "chunk": (2,),
        "variables": [LOSS, VERDICT],
        "coordinates": {"learning_rate": RATES, "step": np.arange(0, 16, 4)},
        "identity": IDENTITY,
    }
    return Store.create_or_resume(path, **asked | changes)


def piece(place):
    """What the chunk at this place of `ask` holds: incompressible, so that files have a size."""
    lanes = 1 if place == (2,) else 2
    rng = np.random.default_rng(place)
    return {
        "loss": rng.standard_normal((lanes, 4), np.float32),
        "verdict": rng.integers(0, len(WORDS), lanes, np.int8),
    }


def complete(path, places=((0,), (1,), (2,))):
    store = ask(path)
    for place in places:
        store.write(place, piece(place))
    return store


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs" / "rates.zarr"


def files_of(path):
    return {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}


of_numpy = st.sampled_from([np.dtype(kind) for kind in "?bBiIqefdFD"])
of_jax_alone = st.sampled_from(["int4", "uint4", "float8_e4m3fn", "float8_e5m2", "bfloat16"]).map(
    lambda name: np.dtype(getattr(ml_dtypes, name))
)
dtypes = of_numpy | of_jax_alone


def any_bits(rng, shape, dtype):
    """Arrays of random bits: NaN with payloads, infinities and negative zeros among them."""
    if dtype.kind == "b" or dtype in (ml_dtypes.int4, ml_dtypes.uint4):
        return rng.integers(0, 2, shape).astype(dtype)
    count = int(np.prod(shape))
    return np.frombuffer(rng.bytes(count * dtype.itemsize), dtype).reshape(shape)


@given(data=st.data(), seed=st.integers(0, 2**32))
def test_what_reads_as_finished_is_what_was_written_bit_for_bit(data, seed):
    sizes = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    chunk = tuple(data.draw(st.integers(1, size)) for size in sizes)
    axes = {f"axis{i}": size for i, size in enumerate(sizes)}
    variables = []
    for i, dtype in enumerate(data.draw(st.lists(dtypes, min_size=1, max_size=3))):
        shape = tuple(data.draw(st.lists(st.integers(0, 3), max_size=2)))
        dims = tuple(f"v{i}_dim{j}" for j in range(len(shape)))
        variables.append(Variable(f"v{i}", dims, shape, dtype))
    rng = np.random.default_rng(seed)
    asked = {"axes": axes, "variables": variables, "identity": {"seed": seed}}
    asked["coordinates"] = {name: rng.random(size) for name, size in axes.items()}

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.zarr"
        store = Store.create_or_resume(path, chunk=chunk, **asked)
        whole = {v.name: any_bits(rng, (*sizes, *v.shape), v.dtype) for v in variables}
        done = rng.random(store.finished.shape) < 0.7
        for place in rng.permutation(np.argwhere(done)):
            region = store.region(tuple(place.tolist()))
            store.write(tuple(place.tolist()), {name: whole[name][region] for name in whole})

        resumed = Store.create_or_resume(path, chunk=tuple(sizes), **asked)
        assert resumed.chunk == chunk
        np.testing.assert_array_equal(resumed.finished, done)
        read = open_sweep(path)
        for place in np.ndindex(*done.shape):
            assert (read.finished.values[resumed.region(place)] == done[place]).all()
        for variable in variables:
            array, written = read[variable.name], whole[variable.name]
            assert array.dims == (*axes, *variable.dims)
            assert array.dtype == written.dtype or array.attrs["computed_as"] == str(written.dtype)
            written = written.astype(array.dtype)
            lanes = read.finished.values
            assert array.values[lanes].tobytes() == written[lanes].tobytes()
            left = array.values[~lanes]
            assert (np.isnan(left) if left.dtype.kind in "fc" else left == 0).all()
        for name, values in asked["coordinates"].items():
            np.testing.assert_array_equal(read[name], values)


def test_codes_come_back_as_the_words_they_stand_for(path):
    store = complete(path, places=[(0,), (2,)])
    codes = np.concatenate([piece((0,))["verdict"], piece((2,))["verdict"]])
    verdict = store.dataset().verdict
    assert verdict.dtype == np.array(WORDS).dtype
    np.testing.assert_array_equal(verdict[[0, 1, 4]], np.array(WORDS)[codes])
    np.testing.assert_array_equal(verdict[[2, 3]], "")
    assert "step limit" in WORDS


def test_a_dataset_reads_from_disk_what_is_asked_of_it(path):
    store = ask(path)
    data = store.dataset()
    store.write((1,), piece((1,)))
    np.testing.assert_array_equal(data.loss[2:4], piece((1,))["loss"])
    assert list(data.data_vars) == ["loss", "verdict"]
    np.testing.assert_array_equal(data.step, [0, 4, 8, 12])


def test_what_the_sweep_is_stands_beside_its_numbers(path):
    attrs = complete(path).dataset().attrs
    assert attrs["function"] == "def run(learning_rate):\n    return jd.sgd(learning_rate)"
    assert attrs["versions.jax"] == "0.10.2"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", attrs["created"])


def test_xarray_alone_opens_a_store(path):
    store = complete(path)
    raw = xarray.open_zarr(path, chunks=None, consolidated=False)
    np.testing.assert_array_equal(raw.loss, store.dataset().loss)
    assert raw.finished.all()
    assert raw.verdict.attrs["flag_meanings"] == (
        "step_limit converged diverged non-finite stopped"
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"identity": IDENTITY | {"axes": {"learning_rate": "9 values from 1 to 2 (sha 03)"}}},
            r"learning_rate: 5 values from 0\.1 to 1 \(sha 1f2e\) in the store, "
            r"9 values from 1 to 2 \(sha 03\) asked for",
        ),
        (
            {"identity": IDENTITY | {"function": [IDENTITY["function"][0], "    return 0"]}},
            r"function:\n +--- in the store\n +\+\+\+ asked for\n.*\n"
            r" +-    return jd\.sgd\(learning_rate\)\n +\+    return 0\n",
        ),
        (
            {"identity": IDENTITY | {"constants": {"beta": "float32[] (sha 77)"}}},
            r"constants\.beta: nothing in the store, float32\[\] \(sha 77\) asked for",
        ),
        (
            {"variables": [LOSS._replace(shape=(7,)), VERDICT]},
            r"variables\.loss\.dims: step 4 in the store, step 7 asked for",
        ),
        (
            {"variables": [LOSS._replace(dtype=np.dtype("float64")), VERDICT]},
            r"variables\.loss\.dtype: float32 in the store, float64 asked for",
        ),
        ({"variables": [LOSS]}, r"variables\.verdict\.dtype: int8 in the store, nothing asked for"),
        (
            {"axes": {"momentum": 1, "learning_rate": 5}, "chunk": (1, 2)},
            r"grid: learning_rate 5 in the store, momentum 1 × learning_rate 5 asked for",
        ),
    ],
)
def test_another_sweep_is_refused_with_what_differs_and_changes_nothing(path, changes, said):
    complete(path, places=[(1,)])
    before = files_of(path)
    mend = rf"store this one under another name, or delete {re.escape(str(path))} to begin anew$"
    with pytest.raises(
        ValueError, match=rf"(?s)rates\.zarr holds another sweep:\n.*{said}.*{mend}"
    ):
        ask(path, **changes)
    assert files_of(path) == before


def test_a_long_difference_of_functions_is_cut(path):
    ask(path)
    rewritten = [f"    line {i}" for i in range(100)]
    with pytest.raises(ValueError, match=r"\n +…\n") as refusal:
        ask(path, identity=IDENTITY | {"function": rewritten})
    assert str(refusal.value).count("\n") <= 16


def test_other_versions_may_read_a_complete_store_but_not_go_on_with_one(path):
    newer = IDENTITY | {"versions": {"jax": "0.11.0", "device": "gpu"}}
    complete(path, places=[(0,), (2,)])
    with pytest.raises(ValueError, match=r"begun under other versions, with 2 of 3 .*:") as refusal:
        ask(path, identity=newer)
    assert "versions.jax: 0.10.2 in the store, 0.11.0 asked for\n" in str(refusal.value)
    assert "versions.device: cpu in the store, gpu asked for\n" in str(refusal.value)
    complete(path, places=[(1,)])
    assert ask(path, identity=newer).complete
    with pytest.raises(ValueError, match=r"precision: float32 in the store, float64 asked for"):
        ask(path, identity=newer | {"precision": "float64"})


def make_file(path):
    path.write_text("notes")


def make_folder(path):
    path.mkdir()
    notes = path / "notes.partial"
    notes.write_text("notes")
    os.utime(notes, (0, 0))


def make_group(path):
    zarr.create_group(path, zarr_format=3, attributes={"author": "another"})


def make_array(path):
    zarr.create_array(path, shape=(3,), dtype="float32")[...] = 1


@pytest.mark.parametrize("make", [make_file, make_folder, make_group, make_array])
def test_what_is_no_sweep_is_refused_and_left_as_it_is(path, make):
    path.parent.mkdir()
    make(path)
    before = files_of(path.parent)
    for attempt in (ask, open_sweep):
        with pytest.raises(ValueError, match=r"rates\.zarr is there but is no sweep .*: choose"):
            attempt(path)
    assert files_of(path.parent) == before


def test_names_that_cannot_be_stored_are_refused(path):
    with pytest.raises(ValueError, match="finished marks what is stored: rename the axis"):
        ask(path, variables=[LOSS._replace(name="finished")])
    for name in ("a/b", "..", "", "__c"):
        with pytest.raises(ValueError, match=f"'{name}' cannot name a file: rename what run"):
            ask(path, variables=[LOSS._replace(name=name)])
    with pytest.raises(TypeError, match="an array of <U3 cannot be kept: return numbers"):
        ask(path, variables=[LOSS._replace(dtype=np.dtype("<U3"))])
    assert not list(path.parent.glob("*"))


def test_a_chunk_of_another_shape_dtype_or_name_is_refused(path):
    store = ask(path)
    good = piece((0,))
    for bad in (
        piece((2,)),
        good | {"loss": good["loss"].astype("float64")},
        good | {"extra": good["loss"]},
        {"loss": good["loss"]},
    ):
        with pytest.raises(ValueError, match=r"'loss': 'float32\(2, 4\)', 'verdict': .* got \{"):
            store.write((0,), bad)
    assert not ask(path).finished.any()


@pytest.mark.parametrize("part", ["finished/c/1", "loss/c/1/0", "verdict/c/1"])
@pytest.mark.parametrize("damage", ["missing", "empty", "short", "checksum alone", "one bit"])
def test_a_chunk_of_which_a_file_is_torn_is_not_finished_and_can_be_written_again(
    path, part, damage
):
    complete(path)
    whole = (path / part).read_bytes()
    torn = {
        "empty": b"",
        "short": whole[:-1],
        "checksum alone": whole[-4:],
        "one bit": bytes([whole[0] ^ 1]) + whole[1:],
    }
    if damage == "missing":
        (path / part).unlink()
    else:
        (path / part).write_bytes(torn[damage])

    read = open_sweep(path)
    np.testing.assert_array_equal(read.finished, [True, True, False, False, True])
    np.testing.assert_array_equal(np.isnan(read.loss).all("step"), ~read.finished)
    np.testing.assert_array_equal(read.verdict == "", ~read.finished)
    store = ask(path)
    np.testing.assert_array_equal(store.finished, [True, False, True])
    store.write((1,), piece((1,)))
    assert ask(path).complete
    np.testing.assert_array_equal(store.dataset().loss[2:4], piece((1,))["loss"])


def test_leftovers_of_the_dead_are_removed_and_those_of_the_living_stay(path):
    complete(path, places=[(0,)])
    longer_ago = time.time() - 2 * ABANDONED_AFTER
    dead = [path.parent / f".{path.name}.1.creating", path / "loss" / "c" / "0" / "0.1.partial"]
    living = [path.parent / f".{path.name}.2.creating", path / "loss" / "c" / "0" / "0.2.partial"]
    of_others = [path.parent / ".other.zarr.1.creating", path.parent / "notes.partial"]
    for leftover in dead + living + of_others:
        if leftover.suffix == ".creating":
            shutil.copytree(path, leftover)
        else:
            leftover.write_bytes(b"half")
    for leftover in dead + of_others:
        os.utime(leftover, (longer_ago, longer_ago))

    np.testing.assert_array_equal(ask(path).finished, [True, False, False])
    assert not any(leftover.exists() for leftover in dead)
    assert all(leftover.exists() for leftover in living + of_others)


@contextlib.contextmanager
def read_only(folder):
    """No leave to write in the folder; root, whom permissions do not bind, becomes nobody."""
    kept = {place: place.stat().st_mode for place in [folder, *folder.rglob("*")]}
    for place in kept:
        place.chmod(0o555 if place.is_dir() else 0o444)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)
        yield
    finally:
        os.seteuid(user)
        for place, mode in kept.items():
            place.chmod(mode)


@pytest.fixture
def open_path():
    """A path that every user of the machine can reach, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder) / "rates.zarr"


def test_a_folder_that_cannot_be_written_in_is_refused_before_anything_is_computed(open_path):
    refusal = "cannot make the store .*rates.zarr: Permission denied; nothing was computed"
    with read_only(open_path.parent), pytest.raises(PermissionError, match=refusal):
        ask(open_path)
    assert not list(open_path.parent.iterdir())
    with pytest.raises(NotADirectoryError, match=r"cannot make the store .*: Not a directory; "):
        ask(Path(__file__) / "runs" / "rates.zarr")


def test_a_store_in_a_read_only_folder_is_read_but_not_gone_on_with(open_path):
    store = complete(open_path, places=[(0,), (2,)])
    safe = "cannot write to .*: Permission denied; 2 of 3 chunks are safe there, and the same call"
    with read_only(open_path.parent):
        with pytest.raises(PermissionError, match=safe):
            ask(open_path)
        with pytest.raises(PermissionError, match=safe):
            store.write((1,), piece((1,)))
        assert not store.complete
        np.testing.assert_array_equal(
            open_sweep(open_path).finished, [True, True, False, False, True]
        )
    complete(open_path, places=[(1,)])
    with read_only(open_path.parent):
        assert ask(open_path).complete
        np.testing.assert_array_equal(ask(open_path).dataset().loss[4:], piece((2,))["loss"])


@contextlib.contextmanager
def files_no_longer_than(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [0, 6, 20])
def test_without_room_nothing_finished_is_lost_and_the_same_call_goes_on(path, room):
    """Room for no file, for the marks alone, and for the verdicts but not the losses."""
    store = complete(path, places=[(0,)])
    before = files_of(path)
    with files_no_longer_than(room), pytest.raises(OSError, match=r"large; 1 of 3 .* safe") as full:
        store.write((1,), piece((1,)))
    assert full.value.errno == errno.EFBIG
    assert files_of(path).items() >= before.items()
    assert not list(path.rglob("*.partial"))
    np.testing.assert_array_equal(ask(path).finished, [True, False, False])
    store.write((1,), piece((1,)))
    np.testing.assert_array_equal(ask(path).finished, [True, True, False])


def test_without_room_for_a_store_there_is_none(path):
    with files_no_longer_than(100), pytest.raises(OSError, match="too large; nothing was computed"):
        ask(path)
    assert not list(path.parent.iterdir())
    assert not ask(path).finished.any()


# -- paths ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    ["s3://bucket/a.zarr", "gs://b/a.zarr", "file:///tmp/a.zarr", "https://x/a", "s3:/b/a"],
)
@pytest.mark.parametrize("make", [str, Path])
def test_an_address_is_no_folder(address, make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for use in (ask, open_sweep):
        with pytest.raises(ValueError, match="is an address, but a store must be a folder"):
            use(make(address))
    assert not list(tmp_path.iterdir())


def test_the_home_folder_is_found_and_the_working_folder_may_change(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    complete("~/runs/a.zarr")
    assert (tmp_path / "home" / "runs" / "a.zarr").is_dir()
    store = complete("b.zarr")
    data, unfinished = store.dataset(), complete("c.zarr", [(1,)]).dataset()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    np.testing.assert_array_equal(data.loss[2:4], piece((1,))["loss"])
    np.testing.assert_array_equal(unfinished.loss[2:4], piece((1,))["loss"])
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("path", ["", "  ", "~no-such-user-here/a.zarr"])
def test_a_path_that_leads_nowhere_is_refused(path):
    with pytest.raises(ValueError, match=r"empty|no home"):
        ask(path)


# -- what gets lost ------------------------------------------------------------------------------


def test_another_store_in_the_place_of_one_is_an_error_to_read(path):
    data = complete(path).dataset()
    kept = pickle.dumps(data)
    shutil.rmtree(path)
    anew = complete(path).dataset()
    for name in ("loss", "verdict"):
        for old in (data, pickle.loads(kept)):
            with pytest.raises(ValueError, match=r"now holds another sweep.*open_sweep"):
                old[name].load()
        np.testing.assert_array_equal(anew[name][:2], open_sweep(path)[name][:2])


def test_a_folder_in_the_place_of_a_file_is_no_finished_chunk(path):
    store = complete(path)
    file = next(store._files((1,)))
    file.unlink()
    file.mkdir()
    np.testing.assert_array_equal(ask(path).finished, [True, False, True])


def test_an_empty_folder_becomes_a_store(path):
    path.mkdir(parents=True)
    assert complete(path).complete


def test_a_store_whose_description_lost_its_parts_is_refused(path):
    zarr.open_group(complete(path).path, mode="r+").attrs.put({"format": "jdescent sweep 2"})
    with pytest.raises(ValueError, match="or is broken"):
        open_sweep(path)


def test_a_store_that_was_removed_is_an_error_to_read(path):
    data = complete(path).dataset()
    shutil.rmtree(path)
    for name in ("loss", "verdict"):
        with pytest.raises(FileNotFoundError, match=f"gone.*{name}/c/"):
            data[name].load()


@pytest.mark.parametrize("name", ["loss", "verdict"])
def test_a_chunk_that_was_removed_is_an_error_to_read_and_computed_again(path, name):
    data = complete(path).dataset()
    chunk = path / name / "c" / "1"
    shutil.rmtree(chunk) if chunk.is_dir() else chunk.unlink()
    with pytest.raises(FileNotFoundError, match=f"{name}/c/1"):
        data[name].load()
    np.testing.assert_array_equal(ask(path).finished, [True, False, True])


LOST = [
    f"{name}/{file}"
    for name in ("learning_rate", "step", "loss", "verdict", "finished")
    for file in ("zarr.json", "c/0")
    if not (file == "c/0" and name in ("loss", "verdict", "finished"))
]


@pytest.mark.parametrize("torn", [False, True], ids=["removed", "torn"])
@pytest.mark.parametrize("lost", LOST)
def test_what_describes_a_sweep_is_missed_and_written_again(path, lost, torn):
    before = complete(path).dataset().load()
    if torn:
        (path / lost).write_bytes((path / lost).read_bytes()[:3])
    else:
        (path / lost).unlink()
    with pytest.raises((ValueError, OSError), match=re.escape(lost.split("/")[0])):
        open_sweep(path).load()
    repaired = ask(path)
    assert repaired.complete
    xarray.testing.assert_identical(repaired.dataset().load(), before)
    xarray.testing.assert_identical(open_sweep(path).drop_vars("finished").load(), before)


def test_another_sweep_repairs_nothing(path):
    complete(path)
    (path / "step" / "c" / "0").unlink()
    with pytest.raises(ValueError, match="holds another sweep"):
        ask(path, identity=IDENTITY | {"precision": "float64"})
    assert not (path / "step" / "c" / "0").exists()


def test_a_store_of_an_earlier_version_is_read_but_not_gone_on_with(path):
    before = complete(path, [(0,), (2,)]).dataset().load()
    group = zarr.open_group(path, mode="r+")
    layout = {k: v for k, v in group.attrs["layout"].items() if k != "coordinates"}
    group.update_attributes({"format": "jdescent sweep 1", "layout": layout})
    files = files_of(path)
    xarray.testing.assert_identical(open_sweep(path).drop_vars("finished").load(), before)
    with pytest.raises(ValueError, match=r"earlier version .*jd\.open_sweep") as error:
        ask(path)
    assert "could take one sweep for another" in str(error.value)
    assert files_of(path) == files


# -- what is read --------------------------------------------------------------------------------


@pytest.mark.parametrize("places", [[(0,), (1,), (2,)], [(1,)]], ids=["complete", "unfinished"])
def test_a_stored_sweep_can_be_pickled(path, places):
    data = complete(path, places).dataset()
    xarray.testing.assert_identical(pickle.loads(pickle.dumps(data)), data)
    xarray.testing.assert_identical(copy.deepcopy(open_sweep(path)).load(), open_sweep(path).load())


def test_words_are_made_when_they_are_asked_for(path):
    verdict = complete(path).dataset().verdict
    assert verdict[0].item() in WORDS
    assert (verdict == verdict.values).all()
    assert verdict.isel(learning_rate=[4, 0]).values.tolist() == verdict.values[[4, 0]].tolist()
    assert not verdict.variable._in_memory
