"""The learners: their bounds are what theory and solvers say, and optimizers are told apart."""

import dataclasses
import json
from itertools import groupby

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize

import jdescent as jd
from jdescent.plotting import panels
from jdescent.report_card import learners
from jdescent.report_card.findings import Effort
from jdescent.report_card.learners import deep_linear, landscapes, matrices, runs, sequences, tables
from jdescent.report_card.learners.tuning import chosen_on_others, excess_of
from jdescent.report_card.subject import subject_of

EFFORT = Effort()
TASKS = learners.tasks()[0]
ONE_PROGRAM_EACH = [
    list(group) for _, group in groupby(TASKS, lambda task: id(task.program))
]  # fmt: skip


def ascent(rate):
    return jd.Optimizer(
        lambda params: (),
        lambda g, state, params=None: (jax.tree.map(lambda g: rate * g, g), state),
    )


def standing(rate):
    return jd.Optimizer(
        lambda params: (), lambda g, state, params=None: (jax.tree.map(jnp.zeros_like, g), state)
    )


def broken(rate):
    return jd.Optimizer(
        lambda params: (),
        lambda g, state, params=None: (jax.tree.map(lambda g: g * rate * jnp.nan, g), state),
    )


@pytest.fixture
def few(monkeypatch):
    """Tables alone, which compile quickly."""
    chosen = tuple(task for task in TASKS if task.program is tables.PROGRAM)
    monkeypatch.setattr(runs, "tasks", lambda: (chosen, ()))
    return chosen


def measured(make):
    return learners.measure(subject_of(make), EFFORT)


def value(part, name):
    return next(finding.value for finding in part.findings if finding.name == name)


# -- bounds ----------------------------------------------------------------------------------------


def test_about_thirty_tasks_of_distinct_names_and_eight_programs():
    assert len({task.name for task in TASKS}) == len(TASKS) >= 30
    assert len(ONE_PROGRAM_EACH) <= 8
    assert not learners.tasks()[1]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_threshold_lies_between_the_bound_and_having_learned_nothing(task):
    assert task.floor < task.threshold < task.null
    assert task.program.steps % 20 == 0


@pytest.mark.parametrize("name", ["linear, rotated", "logistic, rare class", "Poisson regression"])
def test_the_minimum_is_that_of_another_solver(name):
    task = learners.task(name)
    rows = {key: rows.astype(float) for key, rows in task.data["rows"].items()}
    model = int(task.data["model"])

    def mean_cost(theta):
        return tables._mean_cost(model, rows["x"] @ theta[:-1] + theta[-1], rows["y"])

    found = optimize.minimize(mean_cost, np.zeros(tables.FEATURES + 1), method="BFGS", tol=1e-8)
    np.testing.assert_allclose(task.floor, found.fun, rtol=1e-6)


def test_the_values_are_where_td_stands_still():
    task = learners.task("values, TD(0)")
    rows = task.data["rows"]
    values = rows["value"]
    states, first = np.unique(np.argmax(rows["x"], axis=1), return_index=True)
    of_state = values[first][np.argsort(states)]
    later = of_state[np.argmax(rows["next_x"], axis=1)]
    update = rows["x"].T @ (rows["y"] + tables.DISCOUNT * later - values) / len(values)
    np.testing.assert_allclose(update, 0, atol=1e-6)


@pytest.mark.parametrize("name", ["text, pairs", "text, rare symbols"])
def test_the_writer_of_a_text_pays_its_entropy(name, monkeypatch):
    seen = {}
    written = sequences.written

    def watched(table, lines, rng):
        seen[len(seen)] = table
        return written(table, lines, rng)

    monkeypatch.setattr(sequences, "written", watched)
    texts = {task.name: task for task in sequences.sequences()}
    table = seen[["text, pairs", "text, rare symbols"].index(name)]
    entropy = sequences.entropy_rate(table)
    long = written(table, 4096, np.random.default_rng(0))
    per_line = [sequences.cost_of_the_writer(table, line[None]) for line in long]
    error = np.std(per_line) / np.sqrt(len(per_line))
    assert abs(np.mean(per_line) - entropy) < 3.5 * error
    held_out_error = error * np.sqrt(len(long) / sequences.HELD_OUT)
    assert abs(texts[name].floor - entropy) < 3.5 * held_out_error


def test_the_best_map_of_a_rank_is_that_of_principal_components():
    x = np.random.default_rng(0).normal(size=(50, 6)) * np.arange(1, 7)
    left = np.linalg.eigvalsh(x.T @ x / len(x))[:2].sum() / 2  # the two least, of rank 4
    np.testing.assert_allclose(deep_linear.reduced_rank_regression(x, x, 4), left)
    task = learners.task("linear autoencoder")
    x = task.data["x"].astype(float)
    np.testing.assert_allclose(
        task.floor, np.linalg.eigvalsh(x.T @ x / len(x))[:-4].sum() / 2, rtol=1e-5
    )


@pytest.mark.parametrize(
    "name", ["matrix factorization", "matrix completion", "embeddings, rare words"]
)
def test_the_true_factors_reach_the_bound(name):
    task = learners.task(name)
    u, s, vt = np.linalg.svd(task.data["true"])
    k = matrices.RANK
    params = {"U": jnp.asarray(u[:, :k] * s[:k]), "V": jnp.asarray(vt[:k].T)}
    np.testing.assert_allclose(task.metric(params), task.floor, atol=2e-6)


@pytest.mark.parametrize("which", range(len(landscapes.SURFACES)))
def test_a_landscape_has_the_minimum_0(which):
    task = learners.task(landscapes.SURFACES[which][0])
    c = jnp.asarray(task.data["c"])
    lowest = c if task.name not in ("Rosenbrock", "saddle") else jnp.ones_like(c)
    around = lowest[None] + jax.random.normal(jax.random.key(0), (200, landscapes.SIZE))
    heights = jax.vmap(lambda x: landscapes.height(x, task.data))(around)
    assert abs(task.metric(lowest)) < 1e-6 < jnp.min(heights)


def test_a_net_that_knows_the_teacher_pays_the_noise():
    regression = learners.task("tanh MLP")
    np.testing.assert_allclose(regression.floor, 0.1**2 / 2, rtol=0.2)
    classes = learners.task("MLP, parity of two")
    entropy = -0.1 * np.log(0.1) - 0.9 * np.log(0.9)
    wrong_logit = np.log(9)  # the cost of a held-out row varies by this, one in ten
    error = wrong_logit * np.sqrt(0.09 / len(classes.data["held_out"]["y"]))
    assert abs(classes.floor - entropy) < 3 * error


# -- starts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", ONE_PROGRAM_EACH, ids=lambda group: group[0].program.name)
def test_at_the_start_gradients_are_finite_and_nothing_is_solved(group):
    program = group[0].program
    data = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(task.data for task in group))

    @jax.jit
    @jax.vmap
    def begun(data):
        key = jax.random.key(3)
        params = program.start(key, data)
        batch = program.batch(key, 0, data)
        loss, gradient = jax.value_and_grad(program.loss)(params, data, batch)
        return loss, gradient, program.metric(params, data, 0)

    loss, gradient, metric = begun(data)
    assert np.all(np.isfinite(loss))
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))
    length = sum(np.sum(np.square(g).reshape(len(group), -1), 1) for g in jax.tree.leaves(gradient))
    assert np.all(length > 0)
    assert np.all(np.asarray(metric) > np.array([task.threshold for task in group]))


# -- optimizers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", ONE_PROGRAM_EACH, ids=lambda group: group[0].program.name)
def test_adam_improves_on_every_task(group):
    """By a loop of its own."""
    program = group[0].program
    data = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(task.data for task in group))

    def metric(rate, data):
        optimizer, key = jd.adam(rate), jax.random.key(5)
        params = program.start(key, data)

        def step(carry, t):
            params, state = carry
            gradient = jax.grad(program.loss)(params, data, program.batch(key, t, data))
            updates, state = optimizer.update(gradient, state, params)
            return (jd.apply_updates(params, updates), state), None

        (params, _), _ = jax.lax.scan(
            step, (params, optimizer.init(params)), jnp.arange(program.steps)
        )
        return program.metric(params, data, program.steps)

    rates = jnp.array([0.01, 0.03, 0.1, 0.3])
    each = jax.jit(jax.vmap(jax.vmap(metric, (0, None)), (None, 0)))(rates, data)
    best = np.nanmin(each, axis=1)
    left = {task.name: float(task.excess(m)) for task, m in zip(group, best, strict=True)}
    assert max(left.values()) < 0.6, left
    assert np.mean([left[task.name] <= task.excess(task.threshold) for task in group]) >= 0.5


def test_every_part_of_the_card_has_each_task(few):
    part = measured(jd.adam)
    assert value(part, "solved") > 0.7 * len(few)
    assert len(part.tables[0].rows) == len(few) == len(part.series["learner"])
    assert {f"loss: {task.name}" for task in few} <= {f.name for f in part.findings}
    assert json.loads(json.dumps(part.series)) == part.series
    with panels([["a", "b", "c"]], height=3.0) as (figure, axes):
        for name, panel in zip("abc", learners.PANELS, strict=True):
            panel.draw(axes[name], part.series)
        figure.draw_without_rendering()


def test_the_line_that_reproduces_gives_the_run(few, capsys):
    subject = subject_of("adam")
    outcomes = learners.outcomes(subject, EFFORT)
    at = next(i for i, task in enumerate(outcomes.tasks) if task.name == "linear regression")
    run = learners.task("linear regression").run(jd.adam(float(outcomes.rates[4])), seed=0)
    np.testing.assert_allclose(run.metric, outcomes.metric[at, 4, 0], rtol=1e-4)
    exec(runs.reproduce(subject, outcomes.tasks[at], float(outcomes.rates[4])), {})
    assert "step limit at step 240" in capsys.readouterr().out


@pytest.mark.parametrize("make", [ascent, standing])
def test_ascent_and_standing_still_solve_nothing(few, make):
    part = measured(make)
    assert value(part, "solved") == value(part, "solved trials") == 0
    assert value(part, "left") > 0.99
    assert {failure.where for failure in part.failures} == {task.name for task in few}


def test_the_same_subject_and_seed_give_the_same_numbers(few):
    one, other = measured(jd.sgd), measured(jd.sgd)
    assert repr(one.findings) == repr(other.findings)
    assert one.series == other.series
    elsewhere = learners.measure(subject_of(jd.sgd), Effort(seed=1))
    assert elsewhere.series["excess"] != one.series["excess"]


def test_nan_is_told_in_words(few):
    part = measured(broken)
    assert len(part.failures) == 1
    assert "no run stayed finite" in part.failures[0].why
    assert value(part, "solved") == 0


def test_what_cannot_be_run_is_told_in_words(few):
    def fails(rate):
        def update(g, state, params=None):
            raise RuntimeError("no such update")

        return jd.Optimizer(lambda params: (), update)

    part = measured(fails)
    assert "RuntimeError: no such update" in part.failures[0].why
    assert part.findings == ()


def test_without_scikit_learn_digits_are_left_out_in_words(monkeypatch):
    def missing():
        raise ImportError("No module named 'sklearn'")

    monkeypatch.setattr(runs, "KINDS", (missing, tables.tables))
    found, failures = runs.tasks.__wrapped__()
    assert len(found) == len(tables.tables())
    assert "sklearn" in failures[0].why


# -- choosing --------------------------------------------------------------------------------------


def test_a_lucky_seed_does_not_choose_its_own_rate():
    excess = np.array([[[0.0, 0.9, 0.9], [0.5, 0.5, 0.5]]])
    np.testing.assert_array_equal(chosen_on_others(excess), [[1, 0, 0]])
    np.testing.assert_array_equal(chosen_on_others(excess[..., :1]), [[0]])


def test_excess_is_a_share_of_what_can_be_learned():
    task = learners.task("linear regression")
    middle = (task.floor + task.null) / 2
    metric = np.array([task.floor, middle, task.null, np.inf, np.nan]).reshape(1, 5, 1, 1)
    outcome = runs.Outcomes([task], np.ones(5), metric, np.zeros((1, 5, 1), int), ())
    np.testing.assert_allclose(excess_of(outcome)[0, :, 0], [0, 0.5, 1, 1, 1], atol=1e-12)


def test_an_unknown_task_is_an_error_that_names_the_known():
    with pytest.raises(ValueError, match=r"no task 'deep': there are .*deep linear"):
        learners.task("deep")


def test_tasks_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TASKS[0].floor = 0.0
