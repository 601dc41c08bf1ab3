"""Trajectories and verdicts as values: their steps, their summaries, copies and stored forms."""

import copy
import pickle
from types import SimpleNamespace

import flax.serialization
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from walks import assert_same

import jdescent as jd

PARABOLA = jd.losses.parabola()


@jax.jit
def of_rates(rates):
    return jax.vmap(lambda rate: jd.descend(PARABOLA, 0.0, jd.heavy_ball(rate, 0.5), 12))(rates)


@pytest.fixture(scope="module")
def found():
    """One run, that run in two parts, nothing recorded, many runs."""
    run = jax.jit(lambda start: jd.descend(PARABOLA, start, jd.adam(0.1), 10, every=4))
    one = run(0.0)
    return SimpleNamespace(
        one=one,
        resumed=run(one),
        unrecorded=jd.descend(PARABOLA, one, jd.adam(0.1), 10, record=None),
        many=of_rates(jnp.array([0.1, 0.4, 9.0])),
    )


def test_steps_are_counted_as_the_verdicts_are_and_end_with_the_last(found):
    np.testing.assert_array_equal(found.one.steps, [0, 4, 8, 10])
    np.testing.assert_array_equal(found.resumed.steps, [10, 14, 18, 20])
    assert (found.resumed.first, found.resumed.step, found.resumed.verdict.step) == (10, 20, 20)
    assert found.resumed.steps.dtype == jnp.int32
    with pytest.raises(ValueError, match="nothing was recorded"):
        _ = found.unrecorded.steps


def test_what_is_held_after_a_runs_end_is_told_by_its_steps_after_resuming_too():
    """The parabola's loss grows by 81 a step: beyond 10⁸ at step 5, and held from there on."""
    run = jax.jit(lambda start: jd.descend(PARABOLA, start, jd.sgd(5.0), 3, divergence=1e8))
    path = run(run(4.0))
    held = path.steps >= path.verdict.step
    np.testing.assert_array_equal(held, [False, False, True, True])
    np.testing.assert_array_equal(path.loss[held], path.verdict.loss)
    assert np.all(path.loss[~held] < path.verdict.loss)


def test_runs_of_a_batch_share_their_steps_and_those_that_do_not_are_refused(found):
    np.testing.assert_array_equal(found.many.steps, np.arange(13))
    mixed = jax.tree.map(lambda *leaves: jnp.stack(leaves), found.one, found.resumed)
    with pytest.raises(ValueError, match="different numbers of steps: ask one of them"):
        _ = mixed.steps
    np.testing.assert_array_equal(jax.jit(lambda path: path.steps)(found.many), np.arange(13))
    np.testing.assert_array_equal(jax.jit(lambda path: path.steps)(mixed), -1)
    np.testing.assert_array_equal(jax.vmap(lambda path: path.steps)(mixed)[1], [10, 14, 18, 20])


def test_steps_are_known_while_a_run_is_traced():
    """What a sweep labels its rows with, before anything has been computed."""
    told = []

    def run(rate):
        first = jd.descend(PARABOLA, 0.0, jd.sgd(rate), 3, record=None)
        told.append(jd.descend(PARABOLA, first, jd.sgd(rate), 5, every=2))
        return told[-1].params

    jax.make_jaxpr(run)(0.1)
    assert isinstance(told[0].first, np.integer)
    assert (told[0].first, told[0].step) == (3, 8)


COPIES = {
    "pickle": lambda path: pickle.loads(pickle.dumps(path)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "device_get": jax.device_get,
    "tree_map": lambda path: jax.tree.map(lambda leaf: leaf, path),
    "flax bytes": lambda path: flax.serialization.from_bytes(
        path, flax.serialization.to_bytes(path)
    ),
    "flax state": lambda path: flax.serialization.from_state_dict(
        path, flax.serialization.to_state_dict(path)
    ),
}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_is_the_same_and_goes_on_as_the_original(found, how):
    for name, path in vars(found).items():
        twin = COPIES[how](path)
        assert type(twin) is jd.Trajectory
        assert_same(twin, path)
        assert_same(COPIES[how](path.verdict), path.verdict)
        if name == "one":
            goes_on = jax.jit(lambda start: jd.descend(PARABOLA, start, jd.adam(0.1), 10, every=4))
            assert_same(goes_on(twin), found.resumed)


def test_a_trajectory_is_stored_by_the_names_of_its_fields(found):
    state = flax.serialization.to_state_dict(found.one)
    assert list(state) == list(jd.Trajectory._fields)
    assert list(state["verdict"]) == list(jd.Verdict._fields)


def test_the_interval_and_the_loss_name_are_no_leaves(found):
    """Under a batch or a loop they would become arrays."""
    paths = [jax.tree_util.keystr(p) for p, _ in jax.tree_util.tree_leaves_with_path(found.many)]
    assert ".params" in paths
    assert not {".every", ".names_loss"} & set(paths)
    assert found.many.every == 1
    later = jax.lax.fori_loop(
        0, 3, lambda i, path: jd.descend(PARABOLA, path, jd.adam(0.1), 10, every=4), found.one
    )
    np.testing.assert_array_equal(later.steps, [30, 34, 38, 40])


def test_a_run_tells_its_verdict_shapes_and_record(found):
    told = repr(found.resumed)
    assert told == (
        f"Trajectory({found.resumed.verdict}; params float32[]; record of loss in 4 rows)"
    )
    assert "record" not in repr(found.unrecorded)


def test_many_runs_are_counted_by_verdict(found):
    counted = "3 runs: 2 step limit, 1 diverged"
    assert repr(found.many) == (
        f"Trajectory({counted}; params float32[3]; record of loss in 13 rows)"
    )
    assert str(found.many.verdict) == repr(found.many.verdict) == f"Verdict({counted})"


@given(st.lists(st.sampled_from(list(jd.Status)), max_size=6))
def test_counts_of_verdicts_add_up(statuses):
    zeros = np.zeros(len(statuses))
    told = repr(jd.Verdict(np.array(statuses, np.int8), zeros.astype(np.int32), zeros, zeros))
    for status in set(statuses):
        assert f"{statuses.count(status)} {status}" in told
    assert len(told) < 120


def test_summaries_are_short_whatever_a_trajectory_holds(found):
    layers = {f"layer {i}": {"w": jnp.ones((300, 300)), "b": jnp.zeros(300)} for i in range(40)}
    path = found.one._replace(params=layers)
    assert len(repr(path)) < 400
    assert "['layer 0']['b'] float32[300]" in repr(path)
    assert "and 76 more" in repr(path)


def test_summaries_work_where_there_are_no_numbers_to_show(found):
    shapes = jax.eval_shape(lambda path: path, found.many)
    told = []
    jax.jit(lambda path: told.append((repr(path), str(path.verdict))) or path.params)(found.many)
    assert told == [(repr(shapes), str(shapes.verdict))]
    assert "int8[3]" in told[0][0]
    assert "float32[3]" in told[0][0]
    repr(jax.tree.map(jnp.shape, found.one))
    repr(jax.tree.map(lambda leaf: None, found.one))
