"""A stored sweep that is killed, again and again, loses nothing and makes nothing up."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
from compiling import fresh_environment

import jdescent as jd
from jdescent.sweeps.store import Store

KILLS = 20
RATES = np.linspace(0.05, 0.9, 60)
MAX_MEMORY = 0.02  # MiB: some 20 chunks

SCRIPT = """
import sys
import test_kill, jdescent as jd
jd.use_all_cores(2)
print("ready", flush=True)
for path in sys.stdin:
    test_kill.swept(path.strip())
    print("done", flush=True)
"""


def swept(path):
    bowl, start = jd.losses.bowl((2.0, 4.0)), np.array([2.0, 1.0], np.float32)
    return jd.sweep(
        lambda rate: jd.descend(bowl, start, jd.heavy_ball(rate, 0.5), 40, record="params"),
        rate=RATES,
        store=path,
        max_memory=MAX_MEMORY,
    )


class Sweeper:
    """A process that has started JAX and waits to be told where to sweep to."""

    def __init__(self):
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=os.path.dirname(__file__),
            env=fresh_environment(),
        )

    def wait_until_ready(self):
        assert self.process.stdout.readline() == "ready\n"

    def start(self, path):
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()

    def finish(self):
        assert self.process.stdout.readline() == "done\n"

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        assert self.process.wait() == -signal.SIGKILL
        self.process.stdin.close()
        self.process.stdout.close()


@contextlib.contextmanager
def sweepers():
    """Ever new processes, the next of which starts while the last is at work."""
    made = [Sweeper(), Sweeper()]

    def take():
        made.append(Sweeper())
        sweeper = made[-3]
        sweeper.wait_until_ready()
        return sweeper

    yield take
    for sweeper in made:
        if sweeper.process.returncode is None:
            sweeper.kill()


def wait_for_chunks(count, path):
    """Until so many files say that a chunk is finished."""
    while sum(file.is_file() for file in path.glob("finished/c/**/*")) < count:
        time.sleep(0.002)


def assert_finished_lanes_are(expected, path):
    """Every lane that counts as finished holds the bits of the sweep that was never killed."""
    grid = jd.open_sweep(path)
    finished = grid.finished.values
    for name in expected.data_vars:
        np.testing.assert_array_equal(grid[name].values[finished], expected[name].values[finished])
    return finished


def test_killed_at_any_moment(tmp_path):
    draw = random.Random(7)
    killed_while: dict[str, int] = {"nothing was there": 0, "some was finished": 0}
    with sweepers() as take:
        whole = take()
        began = time.perf_counter()
        whole.start(tmp_path / "whole.zarr")
        whole.finish()
        seconds = time.perf_counter() - began
        expected = jd.open_sweep(tmp_path / "whole.zarr").drop_vars("finished")
        assert Store(tmp_path / "whole.zarr").finished.size >= 15

        path, kills = tmp_path / "killed0.zarr", 0
        while kills < KILLS:
            sweeper = take()
            sweeper.start(path)
            if kills % 2:  # while it writes, however busy the machine is
                wait_for_chunks(draw.randint(1, 8), path)
                time.sleep(draw.uniform(0, 0.01))
            else:
                time.sleep(draw.uniform(0, seconds))
            sweeper.kill()
            kills += 1
            if not path.exists():
                killed_while["nothing was there"] += 1
                continue
            finished = assert_finished_lanes_are(expected, path)
            if finished.all():
                path = tmp_path / f"killed{kills}.zarr"
            elif finished.any():
                killed_while["some was finished"] += 1

        last = take()
        for left in tmp_path.glob("killed*.zarr"):
            last.start(left)
            last.finish()
            assert assert_finished_lanes_are(expected, left).all()
    assert all(killed_while.values()), killed_while
