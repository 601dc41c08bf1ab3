"""The one loop: what it trains is plain descent, and what it tells is what was learned."""

import dataclasses
from itertools import pairwise

import jax
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import jdescent as jd
from experiments import one_loop as experiment
from experiments.common import report
from experiments.one_loop import corpus
from experiments.one_loop.shown import table_rows
from experiments.one_loop.simulate import Learned, train
from experiments.one_loop.table import rows

CONFIG = experiment.QUICK


@pytest.fixture(scope="module")
def data() -> Learned:
    return experiment.simulate(CONFIG)


def test_every_learner_has_learned_something_on_every_seed(data):
    for trained in data.rows:
        losses = trained.losses
        assert len(losses) == CONFIG.seeds
        assert (losses[:, -1] < losses[:, 0]).all(), trained.row.name
        assert len(trained.results) == CONFIG.seeds


def test_the_loop_is_plain_descent_whatever_its_segments_and_devices():
    row = rows(CONFIG)[3]
    whole = train(row, CONFIG)
    cut = train(row._replace(segments=3), CONFIG)
    loss = row.loss(row.model.predict)

    @jax.jit
    def alone(key):
        start = row.model.start(key)
        optimizer = row.optimizer(whole.steps)
        return jd.descend(loss, start, optimizer, whole.steps, batches=row.data.batches, key=key)

    for seed, key in enumerate(jax.random.split(jax.random.key(0), CONFIG.seeds)):
        path = alone(key)
        np.testing.assert_allclose(whole.losses[seed], path.loss[:-1], rtol=1e-5)
        np.testing.assert_allclose(cut.losses[seed], path.loss[:-1], rtol=1e-5)
    assert whole.steps == cut.steps == 30


def test_the_parameters_are_counted_as_their_models_say(data):
    counted = {trained.row.name: trained.parameters for trained in data.rows}
    assert counted["linear regression"] == 10 + 1
    assert counted["logistic regression"] == 30 + 1
    assert counted["recommender"] == 1 + (1797 + 64) * (16 + 1)
    assert counted["neural network"] == (64 + 1) * 128 + (128 + 1) * 10


def test_a_score_short_of_its_promise_is_a_miss_from_full_effort_on(data):
    assert report.off_theory(experiment.numbers(data, CONFIG)) == []
    full = dataclasses.replace(CONFIG, effort=1.0)
    missed = {miss.name for miss in report.off_theory(experiment.numbers(data, full))}
    assert {"recommender", "neural_network", "language_model", "word_vectors_p_value"} <= missed
    numbers = experiment.numbers(data, full)
    results = {trained.row.name: trained.results[0] for trained in data.rows}
    promised = {
        "neural_network": results["neural network"].more["softmax_regression"],
        "sentence_vectors": results["sentence vectors"].more["recall_at_10_untrained"],
        "language_model": results["language model"].best.score,
        "word_vectors": results["word vectors"].best.score,
        "recommender": results["recommender"].baseline,
    }
    for name, limit in promised.items():
        assert numbers[name].missed_by == limit


def test_every_score_stands_beside_the_best_simple_method_also_where_it_loses(data):
    numbers = experiment.numbers(data, dataclasses.replace(CONFIG, effort=1.0))
    cells = {row[0]: row[-1] for row in table_rows(data)}
    for trained in data.rows:
        best = trained.results[0].best
        name = trained.row.name.replace(" ", "_").replace("-", "_")
        assert numbers[name].baseline == best
        assert best.name in cells[trained.row.name]


def test_deterministic_learners_have_no_interval_and_give_every_seed_one_score(data):
    numbers = experiment.numbers(data, CONFIG)
    for trained in data.rows:
        name = trained.row.name.replace(" ", "_").replace("-", "_")
        scores = {result.score for result in trained.results}
        if not trained.row.random:
            assert len(scores) == 1
            assert numbers[name].interval is None


def test_what_is_shown_names_every_row_its_words_and_the_text_it_read(data):
    shown = experiment.shown(data, CONFIG)
    for trained in data.rows:
        assert f"| {trained.row.name} | {trained.parameters:,} |" in shown
        assert f"**{trained.row.name}**" in shown
    assert corpus.text_hash() in shown


def test_no_cell_of_the_table_runs_into_the_next(data):
    figure = experiment.plot(data, CONFIG)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    axes = next(a for a in figure.axes if a.get_title("left").endswith("the table"))
    boxes = [text.get_window_extent(renderer) for text in axes.texts]
    for line in {round(box.y0) for box in boxes}:
        row = sorted((box.x0, box.x1) for box in boxes if round(box.y0) == line)
        assert all(end < begin for (_, end), (begin, _) in pairwise(row))


@pytest.mark.parametrize("setting", [{"seeds": 1}, {"effort": 0.0}, {"effort": float("nan")}])
def test_settings_that_make_no_sense_are_refused(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        dataclasses.replace(CONFIG, **setting)
