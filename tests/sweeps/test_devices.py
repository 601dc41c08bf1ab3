"""Devices: sweeps use all of them, and their number does not change a bit."""

import ast
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiling import fresh_environment

import jdescent as jd
from jdescent.sweeps import devices

LOSS, START = jd.losses.rosenbrock(), jnp.array([-0.5, 1.0])


def descents(lanes, store=None):
    """What XLA rounds in one way for 4 lanes, in another for 16."""
    return jd.sweep(
        lambda rate: jd.descend(LOSS, START, jd.adam(rate), 200),
        rate=np.linspace(0.005, 0.1, lanes),
        store=store,
    )


def bits_of(grid):
    """Each variable's digest."""
    return {name: hashlib.sha256(grid[name].values.tobytes()).hexdigest() for name in grid}


def python(code):
    """What a Python of its own prints, whose JAX has not started."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        env=fresh_environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


SIZES = [7, 37, 1500]


def test_five_devices_give_the_bits_of_two():
    assert len(jax.local_devices()) == 2
    five = python(
        "import jdescent as jd; jd.use_all_cores(5); from test_devices import *\n"
        "print([bits_of(descents(lanes)) for lanes in SIZES])"
    )
    assert ast.literal_eval(five) == [bits_of(descents(lanes)) for lanes in SIZES]


def test_a_stored_sweep_goes_on_as_it_was_compiled(tmp_path, monkeypatch):
    store = tmp_path / "rates.zarr"
    whole = bits_of(descents(1500, store))
    mark = min((store / "finished" / "c").iterdir())
    mark.unlink()
    with monkeypatch.context() as patch:
        first = jax.local_devices()[:1]
        patch.setattr(jax, "local_devices", lambda: first)
        with pytest.raises(ValueError, match="was begun under other versions") as error:
            descents(1500, store)
    assert (
        "compilation: for several devices, after use_all_cores in the store, "
        "for one device, after use_all_cores asked for" in str(error.value)
    )
    assert bits_of(descents(1500, store)) == whole


@pytest.mark.parametrize("lanes", SIZES)
def test_a_share_of_many_devices_gives_the_bits_of_all(lanes, monkeypatch):
    two = bits_of(descents(lanes))
    monkeypatch.setattr(jax, "device_count", lambda: 64)
    assert bits_of(descents(lanes)) == two


def test_networks_are_spread_one_by_one(monkeypatch):
    """Where lanes are large, no device waits for want of a full block."""
    inputs = jax.random.normal(jax.random.key(0), (32, 64))

    def train(rate):
        weights = {"first": jnp.full((64, 64), 0.1), "last": jnp.ones(64)}
        return jd.descend(
            lambda w: jnp.mean((jnp.tanh(inputs @ w["first"]) @ w["last"] - 1) ** 2),
            weights,
            jd.sgd(rate),
            3,
        )

    found = []

    def spy(*arguments):
        engine = engine_within(*arguments)
        found.append(engine.chunk)
        return engine

    grid = sys.modules["jdescent.sweeps.grid"]
    engine_within = grid.engine_within
    monkeypatch.setattr(grid, "engine_within", spy)
    jd.sweep(train, rate=np.linspace(0.01, 0.02, 6))
    assert found == [(3,)]


def test_too_late_is_said_and_the_same_again_does_no_harm():
    jnp.zeros(()).block_until_ready()
    with pytest.raises(
        RuntimeError, match=r"already started, with 2 CPU device\(s\): .* right"
    ) as e:
        jd.use_all_cores(3)
    assert "JAX_NUM_CPU_DEVICES=3" in str(e.value)
    jd.use_all_cores(2)
    assert len(jax.devices()) == 2


def test_what_is_no_number_of_devices_is_refused():
    with pytest.raises(ValueError, match="devices"):
        jd.use_all_cores(0)


IN_A_FRESH_PYTHON = """
import os, jax, jdescent as jd
os.environ["XLA_FLAGS"] = "--xla_cpu_enable_fast_min_max=false"
jd.use_all_cores()
print(len(jax.devices()), os.environ["XLA_FLAGS"])
"""


def test_there_is_a_device_for_each_core_and_the_flags_of_the_user_stay():
    count, *flags = python(IN_A_FRESH_PYTHON).split()
    assert int(count) == max(2, len(os.sched_getaffinity(0)))
    assert flags[0] == "--xla_cpu_enable_fast_min_max=false"
    assert f"byte_threshold={devices.SMALL_LOOP_BYTES}" in flags[1]
