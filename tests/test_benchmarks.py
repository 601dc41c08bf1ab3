"""Benchmarks compare like work: every contestant ends at the same losses, and takes its turn."""

import functools
import json
import os
import time

import jax
import numpy as np
import pytest

import jdescent as jd
from benchmarks import __main__, floors, loop, ours, peers, ratios, sweep
from benchmarks.problems import Problem, network_data
from benchmarks.timing import Entrant, race
from benchmarks.workers import Turn, Worker, covered

SMALL = [
    Problem("bowl", "sgd", 8, 20),
    Problem("bowl", "momentum", 8, 20),
    Problem("bowl", "adam", 8, 20),
    Problem("rosenbrock", "adam", 8, 20, dimension=4),
    Problem("network", "sgd", 4, 10),
]


@pytest.fixture(params=SMALL, ids=str)
def losses(request):
    """The final losses of every contestant; numba's kernel as Python runs it, not yet compiled."""
    problem = request.param
    with jax.numpy_dtype_promotion("standard"):  # optax mixes dtypes
        makers = peers.contestants, peers.on_all_devices, ours.contestants
        contestants = {name: entry for make in makers for name, entry in make(problem).items()}
        ends = {name: np.asarray(entry.run()) for name, entry in contestants.items()}
    kernel = floors.kernel_of(problem)
    interpreted = functools.partial(kernel.func.py_func, *kernel.args, **kernel.keywords)
    return ends | {sweep.FLOOR: interpreted(problem.rates, problem.steps)}


def test_all_contestants_end_at_the_same_losses(losses):
    assert {peers.VMAP_SCAN, ours.RECORD, "NumPy", sweep.FLOOR} <= set(losses)
    sweep.require_agreement(losses)
    assert np.ptp(losses[peers.VMAP_SCAN]) > 50 * sweep.AGREEMENT * np.max(losses[sweep.FLOOR])


def test_a_contestant_that_does_other_work_is_refused():
    right = np.array([3.0, 2.0, 1.0])
    sweep.require_agreement({"all": right, "the middle one": np.array([2.0])})
    with pytest.raises(ValueError, match="wrong and all end at different losses"):
        sweep.require_agreement({"all": right, "wrong": np.array([3.0, 2.01, 1.0])})
    with pytest.raises(ValueError, match="the first one and all end at different losses"):
        sweep.require_agreement({"all": right, "the first one": np.array([3.0])})


def test_the_floor_s_tanh_is_tanh_to_float32_rounding():
    from benchmarks.floors.network import tanh

    x = np.linspace(-10, 10, 2001, dtype=np.float32)
    np.testing.assert_allclose([tanh(value) for value in x], np.tanh(x), atol=3e-7)


def test_the_network_has_as_many_examples_as_weights():
    x, y, hidden, output = network_data()
    assert len(x) == len(y) == hidden.size + output.size == 272


class Recorder:
    """Stands in for a worker: each turn takes as long as it is told."""

    def __init__(self, seconds):
        self.seconds, self.order = seconds, []

    def turn(self, name, at_least=0.0):
        self.order.append(name)
        return Turn(self.seconds * len(self.order), self.seconds, 2 * self.seconds)


def test_entrants_take_turns_and_compiling_is_told_from_running():
    worker = Recorder(1.0)
    results = race([Entrant(worker, "a", 100), Entrant(worker, "b", 100)], turns=4)
    assert worker.order == ["a", "b"] * 5
    assert results["a"].first == 1.0  # turns of a take 3, 5, 7, 9 s, of which 1 s each compiles
    assert results["a"].call == (6.0, 3.0, 9.0)
    assert results["a"].running == (5.0, 2.0, 8.0)
    assert results["b"].compiling == 1.0
    assert results["b"].processor == 2.0
    assert results["a"].throughput == 100 / 5.0 / 1e6


def test_impatience_leaves_three_rounds():
    worker = Recorder(1.0)
    race([Entrant(worker, "a", 1)], turns=50, patience=0.0)
    assert len(worker.order) == 4


def test_nested_and_overlapping_spans_count_once():
    assert covered([(0.0, 4.0), (1.0, 2.0), (3.0, 5.0), (7.0, 8.0)]) == 6.0
    assert covered([]) == 0.0


def test_settings_hold_in_a_worker_alone_and_its_errors_come_back():
    with Worker(os.putenv, ("JDESCENT_TEST", "a"), {"JDESCENT_BENCH": "yes"}) as worker:
        assert worker.do(os.getenv, "JDESCENT_BENCH") == "yes"
        assert os.getenv("JDESCENT_BENCH") is None
        with pytest.raises(ZeroDivisionError):
            worker.do(divmod, 1, 0)


def test_an_unknown_benchmark_is_refused_by_name(capsys):
    with pytest.raises(SystemExit):
        __main__.main(["sweeps"])
    assert "no benchmark is called sweeps: see --help" in capsys.readouterr().err


@pytest.mark.parametrize("optimizer", loop.OPTIMIZERS)
def test_all_loops_take_the_same_steps(optimizer):
    start = np.array([2.0, 1.0], np.float32)
    with jax.numpy_dtype_promotion("standard"):  # optax mixes dtypes
        functions = loop.contestants(loop.bowl, start, optimizer, 12)
        by_hand = functions.pop("optax")(0.1)
        for function in functions.values():
            params, verdict, _ = function(0.1)
            np.testing.assert_allclose(params, by_hand, atol=1e-4)  # of optax's 1 − β₂ᵗ
            assert (verdict.status, verdict.step) == (jd.Status.STEP_LIMIT, 12)


class Here:
    """Stands in for a worker: runs contestants in this process."""

    def prepare(self, make, *arguments):
        self.held = make(*arguments)
        return {name: contestant.steps for name, contestant in self.held.items()}

    def losses(self, name):
        return np.asarray(self.held[name].run())

    def turn(self, name, at_least=0.0):
        began = time.perf_counter()
        self.losses(name)
        return Turn(time.perf_counter() - began, 0.0, time.process_time())


TINY = (
    ratios.Case("bowl", "adam", runs=3, steps=6, speed=1e-9),
    ratios.Case("network", "sgd", runs=2, steps=4, speed=1e9),
)


def test_the_table_of_ratios_can_be_made(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "RATES", (1e-3, 1e-2))
    with jax.numpy_dtype_promotion("standard"):  # optax mixes dtypes
        ratios.check(TINY[0], Here(), Here())
        rows = [ratios.measured(case, Here(), Here(), turns=1) for case in TINY]
    head, rule, *lines = ratios.table(rows).splitlines()
    assert {line.count("|") for line in (head, rule, *lines)} == {len(ratios.HEAD) + 1}
    assert lines[0].startswith("| adam, bowl | 3 |")
    first, second = rows
    assert first.ratio(ratios.OPTAX, ratios.SWEEP) * first.ratio(
        ratios.SWEEP, ratios.OPTAX
    ) == pytest.approx(1)
    assert first.goals["sweep"].is_met
    assert not second.goals["sweep"].is_met
    assert "sweep ≥ 1e+09" in lines[1]
    assert "sweep ≥" not in lines[0]
    ratios.write(rows, tmp_path / "results" / "ratios.json", seconds=1.0)
    written = json.loads((tmp_path / "results" / "ratios.json").read_text(encoding="utf-8"))
    seconds = written["measured"][0]["seconds"][ratios.SWEEP]
    assert seconds["warm"]["median"] == first.results[ratios.SWEEP].call.median
    assert written["measured"][1]["goals"]["sweep"]["bound"] == 1e9


def test_the_table_has_every_size_of_the_goals():
    speeds = {(case.optimizer, case.runs): case.speed for case in ratios.cases(quick=False)}
    assert speeds["adam", 1_048_576] == 3.0
    assert speeds["sgd", 262_144] == 1.3
    assert speeds["momentum", 16_384] == 0.7
    assert speeds["sgd", 1_024] == 4.0  # the network of 272 weights
    assert speeds["adam", 64] == 1.0  # digits
    assert all(case.runs <= 8 and case.steps <= 20 for case in ratios.cases(quick=True))


def test_ratios_of_other_work_are_refused():
    ends = {ratios.OPTAX: np.array([[1.0, 2.0]]), "same": np.array([[1.0, 2.0001]])}
    ratios.require_same_ends(ends)
    with pytest.raises(ValueError, match="other and optax end at different parameters"):
        ratios.require_same_ends(ends | {"other": np.array([[1.0, 2.1]])})
