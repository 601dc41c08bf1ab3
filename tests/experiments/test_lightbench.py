"""The experiment on LightBench's tasks: what is counted, and that its record is of what is here."""

import itertools

import figures
import jax.numpy as jnp
import numpy as np
import pytest

import jdescent as jd
from experiments import lightbench
from experiments.common import report
from experiments.lightbench import counting
from experiments.lightbench.candidates import BESIDE, CANDIDATES
from experiments.lightbench.numbers import standing_still_chance
from experiments.lightbench.searches import DRAWS, LONGER, SEEDS, on_record
from experiments.lightbench.simulate import ON_THE_RIDGE, searched
from jdescent.report_card.lightbench import LEVELS, families

QUICK = lightbench.QUICK


@pytest.fixture(scope="module")
def data():
    return lightbench.simulate(QUICK)


@pytest.fixture(scope="module")
def found(data):
    return lightbench.numbers(data, QUICK)


def test_every_headline_number_agrees_with_theory(found):
    assert report.off_theory(found) == []


def test_claims_are_decided_by_numbers_that_there_are(found):
    for claim in lightbench.claims(QUICK):
        assert claim.verdict(found)


def test_the_figure_is_legible_and_the_table_has_every_candidate(data):
    figure = figures.drawn(lightbench, data, QUICK)
    panels = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert len(panels) == 5
    figures.assert_labeled(axes for axes in panels if axes.get_label() != "here")
    text = lightbench.shown(data, QUICK)
    for name in (*CANDIDATES, *(family.name for family in families())):
        assert f"\n| {name} | " in text


def test_the_record_has_every_search_and_all_trials():
    searches = on_record()
    assert set(searches) == {*CANDIDATES, *BESIDE, LONGER}
    for of_optimizer in (searches[name] for name in CANDIDATES):
        for family in families():
            first = of_optimizer[family.name].first
            assert first.shape[:2] == (len(family.levels), SEEDS)
        assert of_optimizer["beale"].first.shape[2] == DRAWS


def test_trials_in_random_order_by_counting_all_orders():
    wins = [True, False, False, True, False]
    first = np.where(wins, 7, -1)[None, None, None]
    orders = list(itertools.permutations(wins))
    places = [order.index(True) + 1 for order in orders]
    np.testing.assert_allclose(counting.trials_until_solved(first), np.mean(places))
    for n in range(1, 6):
        share = np.mean([any(order[:n]) for order in orders])
        np.testing.assert_allclose(counting.solved_after(first, n), share, atol=1e-12)


def test_published_outcomes_stand_by_task():
    there = counting.published_trials()
    ridge = [searched().index(("saddle_point", level)) for level in LEVELS[ON_THE_RIDGE]]
    assert np.all(np.isinf(there[:, ridge]))
    assert there[counting.INDEX["PSGDKron"], searched().index(("beale", "trivial"))] == 6


def test_what_stands_for_muon_is_the_gradient_and_its_mean():
    x = jnp.array([1.0, -2.0])
    optimizer = CANDIDATES["Muon"](1.01, 0.9, 0.99, 0.1)
    state, m = optimizer.init(x), x
    for step, g in enumerate([x, 3 * x, -x]):
        m = g if step == 0 else 0.9 * m + 0.1 * g
        update, state = optimizer.update(g, state, x)
        np.testing.assert_allclose(update, -0.01 * (step + 1) * (g + m), rtol=1e-5)


def test_soap_leaves_vectors_to_adam():
    gradients = [jnp.array([1.0, -2.0]), jnp.array([0.5, 3.0]), jnp.array([-1.0, 0.1])]
    soap, adam = jd.soap(0.1, 0.9, 0.99, weight_decay=0.0), jd.adam(0.1, 0.9, 0.99)
    x = jnp.ones(2)
    state_s, state_a = soap.init(x), adam.init(x)
    _, state_s = soap.update(gradients[0], state_s, x)  # which only fills its matrices
    for g in gradients:
        by_soap, state_s = soap.update(g, state_s, x)
        by_adam, state_a = adam.update(g, state_a, x)
        np.testing.assert_allclose(by_soap, by_adam, rtol=1e-5)


def test_the_chance_to_be_solved_at_once_by_simulation():
    rng = np.random.default_rng(0)
    shown = rng.poisson(4, 20000)
    heights = np.array([np.sum(rng.normal(size=n) ** 2) for n in shown])
    np.testing.assert_allclose(np.mean(heights <= 6.5536), standing_still_chance(), atol=0.01)
