"""The escape experiment: its numbers, its theory, and its bookkeeping of segments and lanes."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy

import jdescent as jd
from experiments import local_minimum_escape as experiment
from experiments.local_minimum_escape import basins, coasting, noise, theories
from experiments.local_minimum_escape.config import BARRIER, SLOPE, TARGET, THRESHOLD, VALLEY, WELL

CONFIG = experiment.QUICK


@pytest.fixture(scope="module")
def data() -> dict:
    return experiment.simulate(CONFIG)


def test_every_headline_number_agrees_with_its_theory(data):
    numbers = experiment.numbers(data, CONFIG)
    misses = {name: number for name, number in numbers.items() if not number.agrees}
    assert not misses
    assert {f"escape_steps_batch_{size}" for size in CONFIG.batch_sizes} <= set(numbers)


def test_segments_with_lanes_dropped_equal_one_long_run_bit_for_bit(data):
    size = max(CONFIG.batch_sizes)
    run = data["escapes"][size]
    watched = int(run["times"][~run["escaped"]].min())
    loss, examples = jd.losses.double_well_examples()

    @jax.jit
    @jax.vmap
    def whole(key):
        return jd.descend(
            loss,
            jnp.asarray(-1.0),
            jd.sgd(CONFIG.learning_rate),
            watched,
            batches=jd.batches.mini_batch(examples, size),
            key=key,
            record=None,
            stop=lambda point: point.params >= THRESHOLD,
        ).verdict

    verdict = whole(noise.run_keys(size, run["times"].size, CONFIG))
    assert watched >= 2 * noise.SHORTEST
    assert run["times"].size % noise.LANES
    np.testing.assert_array_equal(run["times"], verdict.step)
    np.testing.assert_array_equal(run["escaped"], verdict.stopped)


def test_means_are_drawn_as_often_as_batches_have_them():
    """χ² of what is drawn against the exact law, and of the batches themselves."""
    _, examples = jd.losses.double_well_examples()
    law = jd.analysis.batch_noise(np.asarray(examples), 4)
    keys = jax.random.split(jax.random.key(5), 20_000)
    for sampler in (theories.sampler_of_means(examples, 4), jd.batches.mini_batch(examples, 4)):
        means = np.asarray(jax.vmap(lambda key, draw=sampler: jnp.mean(draw(key, 3)))(keys), float)
        places = np.abs(means[:, None] - law.values).argmin(axis=1)
        np.testing.assert_allclose(means, law.values[places], atol=1e-5)
        counts = np.bincount(places, minlength=law.values.size)
        expected = len(keys) * law.probabilities
        assert scipy.stats.chisquare(counts, expected).pvalue > 1e-3


def test_the_smallest_probabilities_are_drawn_to_a_word(monkeypatch):
    """The edges are the law's to 2⁻³²."""
    _, examples = jd.losses.double_well_examples()
    law = jd.analysis.batch_noise(np.asarray(examples), 12)
    edges = np.cumsum(law.probabilities)[:-1] * 2.0**32
    sampler = theories.sampler_of_means(examples, 12)
    for i, edge in enumerate(edges.astype(np.uint32)):
        for word, place in ((edge, i + 1), (edge - np.uint32(1), i)):
            monkeypatch.setattr(
                jax.random, "bits", lambda key, dtype, w=word: jnp.asarray(w, dtype)
            )
            np.testing.assert_allclose(
                sampler(jax.random.key(0), 0)[0], law.values[place], rtol=1e-6, atol=1e-6
            )


def test_many_escapes_tell_kramers_from_the_exact_chain(data):
    (many,) = data["many"].values()
    assert many.errors_from(many.exact) < 3 < many.errors_from(many.kramers)
    assert many.mean.events > 0.9 * CONFIG.many_runs


def test_the_recorded_run_passes_the_threshold_at_its_median_escape_step(data):
    paths = data["paths"]
    times = data["escapes"][paths["size"]]["times"]
    first = int(np.argmax(paths["mini"] >= THRESHOLD))
    assert first == np.sort(times)[times.size // 2]
    assert np.abs(paths["full"] - VALLEY.position).max() < 1e-6


def test_full_batch_descent_never_leaves_the_valley(data):
    assert data["ends"].shape == (CONFIG.starts,)
    np.testing.assert_allclose(data["ends"], -1.0, rtol=0, atol=4 * np.finfo(float).eps)


def test_a_start_beyond_the_jump_start_crosses_the_barrier_in_one_step(x64):
    rates = np.array([0.05, 0.3, 0.9])
    for side in (-1, 1):
        start = basins.jump_start(rates, side)
        np.testing.assert_allclose(start - rates * jax.vmap(jax.grad(WELL))(start), 0, atol=1e-12)
        beyond = start + 0.01 * side
        assert np.all(side * (beyond - rates * jax.vmap(jax.grad(WELL))(beyond)) < 0)


@pytest.mark.parametrize("minimum", [VALLEY, TARGET], ids=["valley", "target"])
def test_a_valley_holds_its_runs_up_to_the_holding_limit_and_no_further(minimum):
    limit = basins.holding_limit(minimum)

    def farthest_back(rate, steps=20_000):
        """The least of side·x over a run started at the turning point of the map."""
        side = np.sign(minimum.position)
        roots = (1 - rate * SLOPE.deriv()).roots()
        x, least = roots[np.sign(roots) == side].item(), np.inf
        for _ in range(steps):
            x = x - rate * (x + 1) * x * (x - 1.5)
            least = min(least, side * x)
            if least < 0:
                break
        return least

    assert farthest_back(limit * (1 - 1e-6)) > 0
    assert farthest_back(limit * (1 + 1e-6)) < 0


def test_outcomes_are_those_of_known_runs(x64):
    def ends(rate, start):
        return int(basins.outcome(jd.sgd(rate), jnp.asarray(start), 2_000))

    assert ends(0.1, -2.0) == basins.LEFT
    assert ends(0.1, -3.2) == basins.RIGHT  # beyond the jump start of −3.15
    assert ends(0.85, -0.9) == basins.LEFT_CYCLE
    assert ends(0.6, 1.4) == basins.RIGHT_CYCLE
    assert ends(0.5, 4.0) == basins.DIVERGES
    assert ends(0.1, BARRIER.position) == basins.CROSSES


@pytest.mark.parametrize("momentum", [0.85, 0.9, 0.95])
def test_the_oscillator_ends_in_different_valleys_on_either_side_of_a_coasting_start(momentum):
    damping = coasting.friction(0.01, momentum)

    def end(start):
        forward = scipy.integrate.solve_ivp(
            lambda _, state: (state[1], -damping * state[1] - SLOPE(state[0])),
            (0, 60 / damping),
            (start, 0.0),
            rtol=1e-9,
            atol=1e-11,
        )
        return np.sign(forward.y[0, -1])

    starts = coasting.coasting_starts(damping, farthest=3.3)
    assert starts
    assert starts == sorted(starts, reverse=True)
    for start in starts:
        assert end(start - 1e-3) != end(start + 1e-3)
    assert end(starts[0] + 0.05) == -1


def test_the_heavy_ball_approaches_the_oscillator_as_h_squared(x64):
    """At one friction the error of the path falls by four when the learning rate does."""

    def error(rate):
        momentum = 1 - 0.5 * math.sqrt(rate)
        h = coasting.time_step(rate, momentum)
        steps = int(6 / h)
        config = dataclasses.replace(CONFIG, ball_rate=rate, ball_start=-1.3)
        run = coasting.ball_path(momentum, config, steps)
        return np.abs(run["ball"][:steps] - run["oscillator"]).max()

    assert 3.5 < error(0.01) / error(0.01 / 4) < 4.5


def test_every_axes_is_labelled(data, tmp_path):
    figure = experiment.plot(data, CONFIG)
    figure.savefig(tmp_path / "figure.png")
    assert len(figure.axes) == 7
    for axes in figure.axes:
        assert axes.get_xlabel()
        assert axes.get_ylabel()
        assert axes.get_title(loc="left")
