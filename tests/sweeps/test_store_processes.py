"""Stores under processes that die at every moment, and under several that write at once."""

import itertools
import json
import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path

import numpy as np

from jdescent.sweeps.encoding import Variable
from jdescent.sweeps.store import Store, open_sweep

POWERS = np.arange(10.0)


def ask(path, lanes, chunk):
    """A sweep over x of the powers of x."""
    return Store.create_or_resume(
        path,
        axes={"x": lanes},
        chunk=(chunk,),
        variables=[Variable("power", ("n",), (10,), np.dtype("float64"))],
        coordinates={"x": np.arange(lanes), "n": POWERS},
        identity={},
    )


def go_on(path, lanes, chunk, part=slice(None)):
    """Write those of this part of the chunks that are not finished."""
    store = ask(path, lanes, chunk)
    for place in range(len(store.finished))[part]:
        if not store.finished[place]:
            x = np.arange(lanes, dtype=float)[store.region((place,))]
            store.write((place,), {"power": x[:, None] ** POWERS})


def in_process(scenario, folder):
    """What the scenario gives in a fresh Python, which unlike that of pytest can be forked."""
    imported_before_the_forks = "import xarray, zarr, zarr.codecs, zarr.storage"
    code = f"from test_store_processes import {scenario.__name__} as run; run()"
    done = subprocess.run(
        [sys.executable, "-c", f"{imported_before_the_forks}; {code}"],
        cwd=Path(__file__).parent,
        env=os.environ | {"FOLDER": str(folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def fork(action, *arguments):
    """The id of a process that does this and no more."""
    child = os.fork()
    if child:
        return child
    try:
        action(*arguments)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def end_of(child):
    return os.waitpid(child, 0)[1]


def die_at(number):
    """Kill this process just before the call of this number that changes the file system."""
    calls = itertools.count()

    def hook(event, arguments):
        changes = event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir") or (
            event == "open" and not str(arguments[1]).startswith("r")
        )
        if changes and next(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def go_on_until(number, path):
    die_at(number)
    go_on(path, lanes=5, chunk=2)


def finished_lanes(path):
    """How many lanes read as finished, once it is sure that they are right and the others blank."""
    read = open_sweep(path)
    there, power = read.finished.values, read.power.values
    np.testing.assert_array_equal(power[there], read.x.values[there, None] ** POWERS)
    assert np.isnan(power[~there]).all()
    return int(there.sum())


def check_what_is_left(path, report):
    """What reads as finished is right; the same call then makes the whole."""
    report.write_text(json.dumps(path.exists() and finished_lanes(path)))
    go_on(path, lanes=5, chunk=2)
    assert finished_lanes(path) == 5


def deaths():
    folder = Path(os.environ["FOLDER"])
    left = []
    for number in itertools.count():
        path, report = folder / f"{number}.zarr", folder / "report"
        end = end_of(fork(go_on_until, number, path))
        assert end_of(fork(check_what_is_left, path, report)) == 0
        left.append(json.loads(report.read_text()))
        if end == 0:
            break
        assert end == signal.SIGKILL
    print(json.dumps(left))


def test_a_death_at_any_change_of_the_file_system_loses_nothing_finished(tmp_path):
    left = in_process(deaths, tmp_path)
    created = left.index(0)
    assert left[:created] == [False] * created
    assert left[created:] == sorted(left[created:])  # who dies later leaves no less
    assert set(left[created:]) == {0, 2, 4, 5}
    assert min(left.count(lanes) for lanes in (False, 0, 2, 4)) >= 6


def two_writers():
    folder = Path(os.environ["FOLDER"])
    for attempt in range(3):
        path = folder / f"{attempt}.zarr"
        parts = slice(0, None, 2), slice(1, None, 2)
        children = [fork(go_on, path, 40, 1, part) for part in parts]
        assert [end_of(child) for child in children] == [0, 0]
    print("null")


def test_two_processes_make_one_store_together(tmp_path):
    in_process(two_writers, tmp_path)
    stores = sorted(tmp_path.iterdir())
    assert [path.name for path in stores] == ["0.zarr", "1.zarr", "2.zarr"]
    assert [finished_lanes(path) for path in stores] == [40, 40, 40]


def go_over(path, lanes):
    """Write every chunk, finished or not."""
    store = Store(path, checked=False)
    for place in range(lanes):
        store.write((place,), {"power": np.array([float(place)])[:, None] ** POWERS})


def writers_of_the_same():
    path = Path(os.environ["FOLDER"]) / "s.zarr"
    ask(path, 30, 1)
    children = [fork(go_over, path, 30) for _ in range(3)]
    assert [end_of(child) for child in children] == [0, 0, 0]
    seen = finished_lanes(path)
    assert not list(path.glob("**/*.partial"))
    print(json.dumps(seen))


def test_writers_of_the_same_chunks_leave_each_whole(tmp_path):
    assert in_process(writers_of_the_same, tmp_path) == 30
