"""Many minima at quick sizes: twins, matchings by brute force, paths, valleys, and one bowl."""

import dataclasses
import itertools
import re

import figures
import jax
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import log_softmax, softmax

from experiments import many_minima
from experiments.common import report
from experiments.common.perceptron import Layer
from experiments.many_minima import matching, networks, paths
from experiments.many_minima.basins import MAXIMUM, MINIMA, SURFACE
from experiments.many_minima.config import Config
from experiments.many_minima.ends import agreements

QUICK = many_minima.QUICK


@pytest.fixture(scope="module")
def data():
    return many_minima.simulate(QUICK)


@pytest.fixture(scope="module")
def starts():
    return networks.starts(np.arange(QUICK.starts), QUICK.width)


def random_networks(count, inputs=5, width=3, classes=4, seed=0):
    """Networks with biases too, stacked, in float64."""
    rng = np.random.default_rng(seed)
    return (
        Layer(rng.normal(size=(count, inputs, width)), rng.normal(size=(count, width))),
        Layer(rng.normal(size=(count, width, classes)), rng.normal(size=(count, classes))),
    )


def outputs(network, x):
    (weights, biases), (outgoing, last) = network
    weights, biases, outgoing, last = map(np.asarray, (weights, biases, outgoing, last))
    return np.tanh(x @ weights + biases) @ outgoing + last


def flat(network):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(network)])


def all_twins(network):
    rows = matching.neurons(network)
    for order in itertools.permutations(range(len(rows))):
        for signs in itertools.product([-1, 1], repeat=len(rows)):
            yield matching.with_neurons(network, np.array(signs)[:, None] * rows[list(order)])


def test_every_headline_number_agrees(data):
    assert report.off_theory(many_minima.numbers(data, QUICK)) == []


def test_the_loss_is_numpys_mean_log_probability_and_half_the_penalty(starts):
    x, labels = (np.asarray(a, float) for a in networks.digits(QUICK).train)
    loss = jax.jit(networks.penalized(networks.digits(QUICK).train, QUICK))
    for network in matching.one_by_one(networks.pick(starts, slice(2))):
        chosen = log_softmax(outputs(network, x), axis=1)[np.arange(len(x)), labels.astype(int)]
        penalty = QUICK.weight_decay / 2 * np.sum(flat(network) ** 2)
        assert loss(network) == pytest.approx(penalty - chosen.mean(), rel=1e-5)


def test_no_digit_is_both_trained_on_and_held_out():
    train, test = networks.digits(QUICK)
    assert len(train[1]) == QUICK.examples
    assert len(test[1]) == networks.held_out(QUICK)
    assert len(train[1]) + len(test[1]) == 1797


def test_all_twins_of_a_network_are_one_function_and_there_are_as_many_as_told():
    (network,) = matching.one_by_one(random_networks(1))
    x = np.random.default_rng(1).normal(size=(20, 5))
    twins = list(all_twins(network))
    assert len({flat(twin).tobytes() for twin in twins}) == 2**3 * 6
    for twin in [*twins, *(matching.twin(network, seed) for seed in range(5))]:
        np.testing.assert_allclose(outputs(twin, x), outputs(network, x), rtol=0, atol=1e-13)
    drawn = {flat(matching.twin(network, seed)).tobytes() for seed in range(500)}
    assert drawn == {flat(twin).tobytes() for twin in twins}


@pytest.mark.parametrize("seed", range(5))
def test_matching_takes_the_nearest_of_all_twins(seed):
    a, b = matching.one_by_one(random_networks(2, seed=seed))
    found = matching.matched(a, b)
    nearest = min(all_twins(b), key=lambda twin: np.linalg.norm(flat(twin) - flat(a)))
    np.testing.assert_array_equal(flat(found), flat(nearest))


def test_a_matched_twin_is_the_network_itself_bit_for_bit():
    for seed, network in enumerate(matching.one_by_one(random_networks(4, width=8))):
        found = matching.matched(network, matching.twin(network, seed))
        np.testing.assert_array_equal(flat(found), flat(network))


def test_distances_are_those_of_the_parameters_before_and_after_matching():
    models = random_networks(4)
    plain, best = matching.distances(models)
    for (i, a), (j, b) in itertools.product(enumerate(matching.one_by_one(models)), repeat=2):
        norm = np.sqrt((flat(a) @ flat(a) + flat(b) @ flat(b)) / 2)
        matched = flat(matching.matched(a, b))
        assert plain[i, j] == pytest.approx(np.linalg.norm(flat(a) - flat(b)) / norm, abs=1e-7)
        assert best[i, j] == pytest.approx(np.linalg.norm(flat(a) - matched) / norm, abs=1e-7)


def test_matching_never_takes_two_ends_further_apart(data):
    for plain, best in data["distances"].values():
        assert np.all(best <= plain + 1e-7)


def test_ends_are_nearer_to_each_other_once_matched_than_starts_are(data):
    pairs = np.triu_indices(QUICK.starts, 1)
    ends, starts = (data["distances"][name][1][pairs] for name in ("ends", "starts"))
    assert ends.max() < starts.min()


@pytest.mark.parametrize(
    ("heights", "barrier"),
    [
        ([1.0, 1.5, 2.0, 2.5, 3.0], 0.0),
        ([0.0, 3 / 16, 1 / 4, 3 / 16, 0.0], 0.25),
        ([1.0, 0.2, 0.1, 0.2, 1.0], 0.0),
        ([0.0, 1.25, 1.0, 1.5, 2.0], 0.75),
    ],
)
def test_a_barrier_is_the_rise_above_the_line_between_the_ends(heights, barrier):
    np.testing.assert_allclose(paths.barriers(np.array([heights])), [barrier], atol=1e-15)


def test_paths_start_and_end_where_they_should_and_bend_halfway_to_the_middle():
    a, m, b = matching.one_by_one(random_networks(3))
    for t, expected in ((0.0, flat(a)), (1.0, flat(b)), (0.5, (flat(a) + flat(b)) / 2)):
        np.testing.assert_allclose(flat(paths.straight(t, a, b)), expected, atol=1e-15)
    halfway = flat(a) / 4 + flat(m) / 2 + flat(b) / 4
    for t, expected in ((0.0, flat(a)), (1.0, flat(b)), (0.5, halfway)):
        np.testing.assert_allclose(flat(paths.bent(t, a, m, b)), expected, atol=1e-15)
    unbent = paths.bent(0.3, a, paths.straight(0.5, a, b), b)
    np.testing.assert_allclose(flat(unbent), flat(paths.straight(0.3, a, b)), atol=1e-15)


def test_heights_begin_and_end_at_the_losses_of_the_ends(data):
    losses = data["ends"]["loss"]
    for name in ("straight", "matched", "bent"):
        heights = data["between"][name]
        count = len(heights)
        np.testing.assert_allclose(heights[:, 0], losses[0 : 2 * count : 2], atol=1e-6)
        np.testing.assert_allclose(heights[:, -1], losses[1 : 2 * count : 2], atol=1e-6)


def test_matched_and_bent_paths_are_lower_for_every_pair(data):
    tops = {name: paths.barriers(heights) for name, heights in data["between"].items()}
    assert np.all(tops["matched"] < tops["straight"])
    assert np.all(tops["bent"] < tops["straight"][: QUICK.bent_pairs])


def test_softmax_regression_has_no_barrier_between_any_two_points(x64):
    """It is convex: its loss lies below the line between any two points, ends or not."""
    rng = np.random.default_rng(0)
    a, b = ((Layer(rng.normal(size=(4, 64, 10)), rng.normal(size=(4, 10))),) for _ in range(2))
    heights = paths.straight_heights(a, b, QUICK)
    np.testing.assert_allclose(paths.barriers(heights), 0, atol=1e-14)
    assert np.all(heights[:, QUICK.points // 2] < (heights[:, 0] + heights[:, -1]) / 2)


def test_softmax_regressions_ends_are_one_to_what_strong_convexity_allows(data):
    linear = data["linear"]
    assert linear["gap"] <= linear["bound"] + 1e-12
    assert np.ptp(linear["loss"]) < 1e-12
    assert np.ptp(linear["accuracy"]) == 0


def test_softmax_regression_ends_where_numpys_gradient_is_zero(x64, data):
    """J being strictly convex, there is no other such point."""
    (layer,) = data["linear"]["ends"]
    pictures, labels = (np.asarray(a) for a in networks.digits(QUICK).train)
    x = np.column_stack([pictures, np.ones(len(pictures))])
    for weights, biases in zip(*layer, strict=True):
        theta = np.vstack([weights, biases])
        residual = softmax(x @ theta, axis=1) - np.eye(10)[labels]
        gradient = x.T @ residual / len(x) + QUICK.weight_decay * theta
        np.testing.assert_allclose(gradient, 0, atol=1e-12)


def test_agreement_is_counted_over_pairs_that_share_no_network(data, starts):
    models = networks.pick(starts, slice(7))
    x, labels = networks.digits(QUICK).test
    guesses = [outputs(n, np.asarray(x)).argmax(axis=1) for n in matching.one_by_one(models)]
    found = agreements(models, QUICK)
    assert len(found["measured"]) == len(found["independent"]) == 3
    for k, measured in enumerate(found["measured"]):
        alike = np.mean(guesses[2 * k] == guesses[2 * k + 1])
        assert measured == pytest.approx(alike, abs=3 / len(labels))  # a near tie may round
    assert np.all(data["agreement"]["measured"] > data["agreement"]["independent"])


def test_the_plane_goes_through_its_three_networks_at_their_own_distances(data, starts):
    corners = matching.one_by_one(networks.pick(starts, slice(3)))
    plane = paths.plane(corners, QUICK)
    for i, j in itertools.combinations(range(3), 2):
        apart = np.linalg.norm(flat(corners[i]) - flat(corners[j]))
        assert np.linalg.norm(plane.corners[i] - plane.corners[j]) == pytest.approx(apart, rel=1e-5)
    assert plane.x[0] < plane.corners[:, 0].min() < plane.corners[:, 0].max() < plane.x[-1]
    loss = jax.jit(networks.penalized(networks.digits(QUICK).train, QUICK))
    frame_axes = np.linalg.lstsq(
        plane.corners[1:], np.stack([flat(c) - flat(corners[0]) for c in corners[1:]])
    )[0]
    x, y = plane.x[2], plane.y[-1]
    there = flat(corners[0]) + np.array([x, y]) @ frame_axes
    params = paths.unraveled(there.astype(np.float32), corners[0])
    assert plane.loss[-1, 2] == pytest.approx(float(loss(params)), rel=1e-4)


def downhill(start, time=5.0):
    """The gradient's flow, by scipy."""
    slope = jax.jit(jax.grad(SURFACE))
    flow = solve_ivp(lambda _, x: -np.asarray(slope(x)), (0, time), start, rtol=1e-6)
    return flow.y.T


def test_starts_are_colored_by_the_minimum_that_the_flow_takes_them_to(x64, data):
    found, n = data["valleys"], QUICK.valley_starts
    for row, column in np.random.default_rng(0).integers(0, n, (6, 2)):
        start = -5 + 10 * (np.array([column, row]) + 0.5) / n
        end = downhill(start)[-1]
        minimum = found["predicted"][row, column]
        np.testing.assert_allclose(end, MINIMA[minimum], atol=1e-4)


def test_every_run_on_the_plane_arrives_at_a_minimum(data):
    assert data["valleys"]["farthest"] < 1e-4


def test_the_lines_part_starts_that_flow_to_different_minima(x64, data):
    parted = set()
    for line in data["valleys"]["lines"]:
        for radius in (1.0, 4.0):
            away = np.linalg.norm(line - MAXIMUM, axis=1)
            place = int(np.argmin(np.abs(away - radius)))
            along = line[place + 1] - line[place - 1]
            aside = 0.05 * np.array([-along[1], along[0]]) / np.linalg.norm(along)
            ends = [downhill(line[place] + side * aside)[-1] for side in (-1, 1)]
            gaps = np.linalg.norm(MINIMA - np.array(ends)[:, None], axis=-1)
            assert gaps.min(axis=1).max() < 1e-3
            parted.add(tuple(gaps.argmin(axis=1).tolist()))
    assert len(parted) == 4  # as valleys follow each other around the maximum
    assert all(one != other for one, other in parted)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"starts": 5}, "starts=5 must be at least 6: intervals are over pairs of ends"),
        ({"long_starts": 4}, "long_starts=4 must be at least 6"),
        ({"width_starts": 2}, "width_starts=2 must be at least 6"),
        ({"width_starts": 14}, "width_starts=14 must be at most starts=12"),
        ({"long_starts": 13}, "long_starts=13 must be at most starts=12"),
        ({"longer": 1}, "longer=1 must be at least 2"),
        ({"bent_pairs": 1}, "bent_pairs=1 must be from 2 to the 6 pairs"),
        ({"bent_pairs": 7}, "bent_pairs=7 must be from 2 to the 6 pairs"),
        ({"examples": 1790}, "examples=1790 must leave ten of the 1797 digits on either side"),
        ({"widths": (8,)}, r"widths=\(8,\) must be two or more"),
    ],
)
def test_sizes_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(QUICK, **changes)


def test_the_default_sizes_are_the_hundred_starts_of_the_caption():
    config = Config()
    assert (config.starts, config.width, config.bent_pairs) == (100, 16, 10)


def test_every_panel_is_labeled_and_no_text_is_below_seven_points(data):
    figure = figures.drawn(many_minima, data, QUICK)
    titles = " ".join(axes.get_title(loc="left") for axes in figure.axes)
    assert "".join(re.findall(r"\{\((.)\)\}", titles)) == "abcdefg"
