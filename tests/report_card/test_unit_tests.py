"""The unit tests of Schaul et al.: how they are made and scored, and what is known of them."""

import functools
import itertools
import json
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jdescent as jd
from jdescent.plotting import panels
from jdescent.report_card.findings import Effort
from jdescent.report_card.subject import subject_of
from jdescent.report_card.unit_tests import PANELS, measure, measuring, unit_test
from jdescent.report_card.unit_tests.cost import is_dear
from jdescent.report_card.unit_tests.draws import STEPS, Draw, draws
from jdescent.report_card.unit_tests.losses import descended, expected, landscape_of, loss
from jdescent.report_card.unit_tests.reference import RATES, reference
from jdescent.report_card.unit_tests.running import batch_of, gains
from jdescent.report_card.unit_tests.scoring import (
    BLUE,
    GOOD,
    GREEN,
    NAMES,
    ORANGE,
    RED,
    best_of,
    colors,
    values,
)
from jdescent.report_card.unit_tests.shapes import SHAPES, chained
from jdescent.report_card.unit_tests.templates import (
    ALONE,
    CHAINS,
    NOISES,
    TEMPLATES,
    UnitTest,
    all_tests,
)

SLOPES = st.floats(0.01, 20).flatmap(lambda size: st.sampled_from([size, -size]))
PLAIN = {"scales": ("normal",), "noises": ("none",)}


def number_of(test: UnitTest) -> int:
    return all_tests().index(test)


# -- how many ------------------------------------------------------------------------------------


def test_75_templates_make_3944_tests_and_244_are_others_by_another_name():
    tests = all_tests()
    assert TEMPLATES == 75
    assert Counter(test.dimensions for test in tests) == {1: 3648, 2: 172, 10: 124}
    assert len(set(tests)) == 3944
    assert len({test.words for test in tests}) == 3944
    doubles = [test for test in tests if not test.is_distinct]
    assert len(doubles) == 244
    for test in doubles:
        twin = test._replace(drift="none")
        assert twin.is_distinct
        for leaf, other in zip(draws(test, 0), draws(twin, 0), strict=True):
            np.testing.assert_array_equal(leaf, other)


def test_noise_that_drifts_is_another_where_it_has_a_size():
    test = UnitTest(("line",), ("normal",), ("additive",), drift="noise")
    assert test.is_distinct
    assert (draws(test, 0).added != draws(test._replace(drift="none"), 0).added).any()


# -- shapes --------------------------------------------------------------------------------------


@given(st.sampled_from([*ALONE, *CHAINS]), SLOPES)
def test_values_and_slopes_match_where_shapes_join(chain, slope):
    names = chain.split()
    pieces = chained(names, slope)
    joins = np.arange(1, len(names)) / len(names)
    for left, right in itertools.pairwise(pieces):
        x = right.begin
        assert left.value(x) == pytest.approx(right.value(x), rel=1e-9, abs=1e-12)
        if np.isclose(joins, x, rtol=0, atol=1e-12).any():
            assert left.slope_at(x) == pytest.approx(right.slope_at(x), rel=1e-9, abs=1e-12)
    assert [piece.begin for piece in pieces] == sorted(piece.begin for piece in pieces)
    here = next(p for p in reversed(pieces) if p.begin <= 0)
    assert here.value(0) == pytest.approx(0, abs=1e-12)
    assert here.slope_at(0) == pytest.approx(0 if names[0] == "bend" else slope)


@given(st.sampled_from([*ALONE, *CHAINS]), st.floats(-0.5, 2))
def test_the_compiled_function_is_that_of_the_pieces(chain, x):
    test = UnitTest((chain,), **PLAIN)
    landscape = jax.tree.map(jnp.asarray, landscape_of(test, 0))
    x = np.float32(x)
    piece = next(p for p in reversed(chained(chain.split(), -1.0)) if p.begin <= x)
    at = functools.partial(descended, landscape)
    value, slope = jax.jvp(at, (jnp.array([x]),), (jnp.ones(1),))
    size = 1 + abs(piece.height) + abs(piece.amplitude)  # of what float32 cancels
    assert value[0] == pytest.approx(piece.value(x), rel=1e-4, abs=1e-5 * size)
    assert slope[0] == pytest.approx(piece.slope_at(x), rel=1e-3, abs=1e-5 * size)


def gaussian(x, near, far):
    """a − b·exp(−(x − μ)²/c²) on [0, 1] from far to near widths c of μ, with slope −1 at 0."""
    c = 1 / (far - near)
    μ = far * c
    return -np.exp(-((x - μ) ** 2) / c**2) / (2 * far / c * np.exp(-(far**2)))


def laplacian(x, near, far):
    c = 1 / (far - near)
    μ = far * c
    return -c * np.exp(-np.abs(x - μ) / c) / np.exp(-far)


CLOSED_FORMS = {
    "line": lambda x: -x,
    "relu": lambda x: -np.minimum(x, 1 / (1 + np.sqrt(2))),
    "abs": lambda x: np.abs(x - 0.5),
    "exponential": lambda x: 1000.0 ** (-x) / np.log(1000),
    "quad_convex": lambda x: -x + 0.45 * x**2,
    "quad_bowl": lambda x: (x - 0.5) ** 2,
    "gauss_nonconvex": lambda x: gaussian(x, np.sqrt(0.5), 4),
    "gauss_convex": lambda x: gaussian(x, 0.1, np.sqrt(0.5)),
    "gauss_bowl": lambda x: gaussian(x, -0.1, 0.1),
    "laplace_nonconvex": lambda x: laplacian(x, 1, 8),
    "laplace_convex": lambda x: laplacian(x, 0.1, 1),
    "laplace_bowl": lambda x: laplacian(x, -0.1, 0.1),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_shapes_are_their_closed_forms(name):
    pieces, form = chained([name], -1.0), CLOSED_FORMS[name]
    for x in np.linspace(0, 1, 41):
        piece = next(p for p in reversed(pieces) if p.begin <= x)
        assert piece.value(x) == pytest.approx(form(x) - form(0), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("name", "turn"), [("cliff", -10), ("ridge", 10), ("abs", -1)])
@pytest.mark.parametrize("slope", [-1.0, -10.0, 1.0, -0.1])
def test_angles_are_of_two_lines_of_equal_length(name, turn, slope):
    first, second = chained([name], slope)
    assert second.slope == turn * slope
    kink = second.begin
    lengths = np.hypot(kink, first.value(kink)), np.hypot(1 - kink, second.value(1) - second.height)
    assert lengths[0] == pytest.approx(lengths[1])


def test_a_bend_goes_on_with_the_slope_before_the_plateau():
    assert [round(piece.slope, 3) for piece in chained(["relu", "bend"], -0.5)] == [
        -0.5,
        0,
        0,
        -0.5,
    ]
    assert len(SHAPES) == 15


# -- noise ---------------------------------------------------------------------------------------


def sample(noise: str) -> tuple[np.ndarray, np.ndarray]:
    """Factors and additions of 20,000 steps."""
    drawn = [draws(UnitTest(("line",), ("normal",), (noise,)), n) for n in range(20)]
    return np.ravel([d.factor for d in drawn]), np.ravel([d.added for d in drawn])


@pytest.mark.parametrize("noise", NOISES)
def test_noise_has_the_mean_and_variance_it_claims(noise):
    factor, added = sample(noise)
    n = len(added)
    law = NOISES[noise]
    if law.cauchy:
        quartiles = np.quantile(added, [0.25, 0.5, 0.75])
        error = np.pi / 2 * np.array([2**0.5 * 3**0.5 / 2**0.5, 1, 3**0.5]) / np.sqrt(n)
        assert (np.abs(quartiles - [-1, 0, 1]) < 5 * error).all()
    else:
        assert abs(added.mean()) <= 5 * law.normal / np.sqrt(n)
        assert added.std() == pytest.approx(law.normal, rel=5 / np.sqrt(2 * n))
    if law.masked:
        assert set(np.unique(factor)) == {0, 1}
        p = law.masked
        assert (factor == 0).mean() == pytest.approx(p, abs=5 * np.sqrt(p * (1 - p) / n))
    else:
        logs = np.log(factor)
        assert abs(logs.mean()) <= 5 * law.log_normal / np.sqrt(n)
        assert logs.std() == pytest.approx(law.log_normal, rel=5 / np.sqrt(2 * n))


def test_drifts_are_walks_that_go_on_every_ten_steps():
    base = UnitTest(("line",), ("normal",), ("additive",))
    logs = {
        "slope": lambda n: np.log(draws(base._replace(drift="slope"), n).stretch) / 0.1,
        "shift": lambda n: draws(base._replace(drift="shift"), n).shift / 0.1,
        "noise": lambda n: (
            np.log(
                draws(base._replace(drift="noise"), n).added[..., 0] / draws(base, n).added[..., 0]
            )
            / 0.5
        ),
    }
    for drift, walk in logs.items():
        w = np.concatenate([walk(n) for n in range(40)]).reshape(-1, 10, 10)
        assert np.abs(w[:, 0]).max() < 1e-5, drift
        assert np.abs(w - w[..., :1]).max() < 1e-4, drift
        moves = np.diff(w[..., 0], axis=1).ravel()
        assert len(moves) == 3600
        assert abs(moves.mean()) < 5 / 60
        assert moves.std() == pytest.approx(1, rel=5 / np.sqrt(7200))


# -- the loss ------------------------------------------------------------------------------------


def of_two(rotated: bool, curled: bool, noises=("additive_low", "additive_high")) -> UnitTest:
    return UnitTest(("cliff", "quad_bowl"), ("normal",) * 2, noises, rotated, curled)


def landscape_and_draw(test: UnitTest, step: int = 3):
    number = 7
    drawn = jax.tree.map(lambda leaf: jnp.asarray(leaf[0, step]), draws(test, number))
    return jax.tree.map(jnp.asarray, landscape_of(test, number)), drawn


@pytest.mark.parametrize("noise", NOISES)
def test_the_gradient_is_the_noisy_one_and_belongs_to_the_value(noise):
    test = UnitTest(("quad_bowl",), ("steep",), (noise,))
    landscape, draw = landscape_and_draw(test)
    x = jnp.array([0.3])
    value, gradient = jax.value_and_grad(functools.partial(loss, landscape))(x, draw)
    m, a = float(draw.factor[0]), float(draw.added[0])
    f, slope = 200 + 10 * (0.2**2 - 0.5**2), 20 * (0.3 - 0.5)
    assert value == pytest.approx(m * f + a * 0.3, rel=1e-5)
    assert gradient[0] == pytest.approx(m * slope + a, rel=1e-4)


def test_a_rotated_test_is_the_plain_one_of_rotated_parameters():
    plain, draw = landscape_and_draw(of_two(False, False))
    turned, _ = landscape_and_draw(of_two(True, False))
    R = turned.rotation
    np.testing.assert_allclose(R @ R.T, np.eye(2), atol=1e-6)
    assert float(jnp.linalg.det(R)) == pytest.approx(1, abs=1e-6)
    x = jnp.array([0.4, -0.7])
    np.testing.assert_allclose(loss(turned, x, draw), loss(plain, R @ x, draw), rtol=1e-6)
    gradient = jax.grad(loss, 1)(turned, x, draw)
    np.testing.assert_allclose(gradient, R.T @ jax.grad(loss, 1)(plain, R @ x, draw), rtol=1e-4)


def test_a_curl_is_in_the_gradient_and_not_in_the_value():
    plain, draw = landscape_and_draw(of_two(False, False))
    curled, _ = landscape_and_draw(of_two(False, True))
    x = jnp.array([0.4, -0.7])
    assert loss(curled, x, draw) == loss(plain, x, draw)
    more = jax.grad(loss, 1)(curled, x, draw) - jax.grad(loss, 1)(plain, x, draw)
    np.testing.assert_allclose(more, curled.curl @ x, atol=1e-4)
    assert jnp.abs(curled.curl - curled.curl.T).max() > 0.1  # so it is no gradient of a loss


@pytest.mark.parametrize("x", [(0.4, -0.7), (30.0, -20.0)])
def test_the_expected_loss_is_the_mean_of_noisy_ones(x):
    test, x = of_two(True, False, ("additive", "additive_high")), jnp.array(x)
    landscape = jax.tree.map(jnp.asarray, landscape_of(test, 7))
    drawn = [draws(test, n) for n in range(20)]
    steps = [leaf.reshape(-1, *leaf.shape[3:]) for leaf in map(np.stack, zip(*drawn, strict=True))]
    flat = Draw(*map(jnp.asarray, steps))
    noisy = np.asarray(jax.vmap(functools.partial(loss, landscape, x))(flat), np.float64) - 400
    mean = expected(landscape, x, jax.tree.map(lambda leaf: leaf[0], flat))
    assert mean == pytest.approx(noisy.mean(), abs=5 * noisy.std() / np.sqrt(len(noisy)))
    without = loss(landscape, x, landscape_and_draw(of_two(True, False, ("none",) * 2))[1]) - 400
    assert mean >= without - 1e-3  # folding adds


# -- scores --------------------------------------------------------------------------------------


def color_of(runs, reference=-1.0) -> str:
    return NAMES[colors(np.array([runs], float), np.array([reference]))[0]]


nan = np.nan


@pytest.mark.parametrize(
    ("runs", "color"),
    [
        ([-1.0] * 10, "green"),
        ([-2.0] * 10, "green"),
        ([-2.1] * 10, "blue"),
        ([-0.11] * 10, "green"),
        ([-0.1] * 10, "orange"),
        ([5.0] * 10, "orange"),
        ([-1.0] * 8 + [0.0] * 2, "green"),
        ([-1.0] * 7 + [0.0] * 3, "yellow"),
        ([-3.0] * 7 + [0.0] * 3, "yellow"),
        ([-1.0] * 4 + [0.0] * 6, "orange"),
        ([-1.0] * 9 + [nan], "violet"),
        ([-1.0] * 5 + [nan] * 5, "violet"),
        ([0.0] * 9 + [nan], "orange"),
        ([-1.0] * 4 + [nan] * 6, "red"),
        ([nan] * 10, "red"),
        ([2e10] * 10, "red"),
        ([np.inf] * 6 + [-1.0] * 4, "red"),
    ],
)
def test_colors_of_numbers_by_hand(runs, color):
    assert color_of(runs) == color


def test_a_value_is_the_median_beside_the_reference():
    found = values(np.array([[-1.0, -2, -4, -8], [nan, -1, -2, -3]]), np.array([-2.0, -4.0]))
    np.testing.assert_allclose(found, [1.5, 0.5])


# -- what is known -------------------------------------------------------------------------------


def ascent(learning_rate):
    return jd.Optimizer(
        lambda params: (), lambda grads, state, params=None: (learning_rate * grads, state)
    )


def colors_of(what, rates, batch):
    of = reference().gain[batch.numbers]
    kept = of < 0
    final = gains(subject_of(what), rates, batch)[:, kept]
    return [all_tests()[n] for n in np.array(batch.numbers)[kept]], colors(final, of[kept])


def test_sgd_at_its_reference_rate_scores_one():
    batch = batch_of(1, one_in=101)
    final = gains(subject_of("sgd"), RATES, batch)
    best, at = best_of(final)
    of = reference().gain[batch.numbers]
    improved = of < 0
    assert improved.sum() > 25
    np.testing.assert_allclose(best[improved] / of[improved], 1, rtol=1e-3)
    own = np.stack([final[rate, place] for place, rate in enumerate(at)])[improved]
    assert set(colors(own, of[improved])).isdisjoint({RED, ORANGE, BLUE})


def test_ascent_gets_nowhere_where_there_is_a_slope():
    rates = np.array([1e-5, 1e-3, 1e-1])
    tests, found = colors_of(ascent, rates, batch_of(1, one_in=7))
    gentle = ("none", "multiplicative_low", "multiplicative", "mask_low", "mask_high")
    still = [test.drift in ("none", "slope") and test.noises[0] in gentle for test in tests]
    assert sum(still) > 50
    assert np.isin(found[:, still], (RED, ORANGE)).all()


def test_sgd_fails_on_steep_walls_at_large_rates_and_not_at_small_ones():
    test = UnitTest(("cliff",), ("steep",), ("none",))
    problem = unit_test(number_of(test))

    def gain(rate):
        path = jd.descend(*problem[:2], jd.sgd(rate), STEPS, batches=problem.batches)
        return float(problem.gain(path.params))

    best = reference().gain[number_of(test)]
    assert gain(1.0) / best < 0.1
    assert gain(1e-3) / best > 0.9


def test_what_the_paper_says_of_methods():
    rates, batch = subject_of("sgd").rates(), batch_of(1, one_in=11)
    good, blue = {}, {}
    for name in ("sgd", "adam", "rprop"):
        tests, found = colors_of(name, rates, batch)
        good[name], blue[name] = np.isin(found, GOOD), found == BLUE
    loud = np.array(["additive_high" in test.noises for test in tests])
    for each in good.values():
        assert each.mean(axis=1).max() < 0.8  # no setting solves all
        assert each[:, loud].mean(axis=1).max() < 0.8 * each[:, ~loud].mean(axis=1).max()
    assert good["sgd"].any(axis=0).mean() > 0.85  # tuned, SGD is hard to beat,
    assert blue["adam"].mean(axis=1).max() < 0.2
    # and RPROP hardly needs a rate.
    assert (good["rprop"].mean(axis=1) > 0.5).all()
    assert (good["sgd"].mean(axis=1) > 0.5).mean() < 0.6


# -- the part of a card --------------------------------------------------------------------------


def plain(learning_rate=0.1):
    return jd.sgd(learning_rate)


@pytest.fixture(scope="module")
def part():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "ONE_IN", 101)
        patch.setattr(measuring, "is_dear", lambda subject: True)
        return measure(subject_of(plain), Effort())


def test_shares_of_colors_are_of_all_tests(part):
    found = {finding.name: finding for finding in part.findings}
    assert sum(found[name].value for name in NAMES) == pytest.approx(1)
    assert found["good"].value == pytest.approx(found["green"].value + found["blue"].value)
    low, high = found["good"].interval
    assert low < found["good"].value < high
    assert found["good_at_some_rate"].value >= found["good"].value
    assert len(found) == len(part.findings)


def test_series_and_findings_agree(part):
    series = part.series
    found = {finding.name: finding.value for finding in part.findings}
    best = series["colors"][series["best"]]
    assert sum(series["sizes"]) == len(best)
    assert (best.count("G") + best.count("B")) / len(best) == pytest.approx(found["good"])
    assert series["rates"][series["best"]] == found["best_rate"]
    by_default = series["colors"][int(np.argmin(np.abs(np.array(series["rates"]) - 0.1)))]
    good = (by_default.count("G") + by_default.count("B")) / len(by_default)
    assert good == pytest.approx(found["good_at_default_rate"])
    assert good != found["good"]


def test_the_lines_of_the_table_show_what_it_says(part):
    rate = {finding.name: finding.value for finding in part.findings}["best_rate"]
    prototype, _, color, code = part.tables[0].rows[0]
    problem = eval(code, {"unit_test": unit_test})
    assert problem.words.startswith(prototype)
    number = int(code.removeprefix("unit_test(").removesuffix(")"))
    final = []
    for run in range(10):
        problem = unit_test(number, run)
        path = jd.descend(
            *problem[:2], jd.sgd(rate), STEPS, batches=problem.batches, divergence=jnp.inf
        )
        sound = path.verdict.status != jd.Status.NON_FINITE
        final.append(float(problem.gain(path.params)) if sound else nan)
    assert color_of(final, reference().gain[number]) == color


@pytest.mark.parametrize("name", ["sgd", "optax:sgd"])
def test_failures_say_how_to_reproduce_them(name):
    steep = UnitTest(("quad_bowl",), ("steep",), ("none",))
    numbers = np.array([0, number_of(steep)])
    at = measuring.Scored(numbers, np.array([[GREEN, RED]]), failed=np.array([[0, 3]]))
    (failure,) = measuring._failures(at, 0, subject_of(name), rate=10.0, seed=0)
    assert failure.where == f"1 of 2 unit tests, such as: {steep.words}"
    assert f"unit_test({number_of(steep)}, run=3)" in failure.reproduce
    names: dict = {}
    exec(failure.reproduce, names)
    assert names["path"].verdict.status == jd.Status.DIVERGED


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.draw.__name__)
def test_panels_draw_what_comes_of_json(part, panel):
    series = json.loads(json.dumps(part.series))
    alone = {**series, "takes_rate": False, "rates": [1.0], "colors": series["colors"][:1]}
    for these in (series, {**alone, "best": 0}):
        with panels([["only"]], height=3) as (figure, axes):
            panel.draw(axes["only"], these)
            figure.draw_without_rendering()


def test_the_run_that_is_shown_is_one_that_failed():
    def nan_from_run_two(subject, rates, batch):
        final = np.full((len(rates), len(batch.numbers), 10), -1e10)
        final[..., 2:] = nan
        return final

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "gains", nan_from_run_two)
        at = measuring.scored(subject_of("sgd"), [0.1], one_in=101)
    assert (at.colors == RED).all()
    assert (at.failed == 2).all()


def test_line_searches_are_dear_and_the_usual_rules_are_not():
    dear = {"sgd": False, "adam": False, "lion": False, "zoom_linesearch": True, "newton": True}
    assert {name: is_dear(subject_of(name)) for name in dear} == dear


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((3944,), ValueError, "number must be at most 3943, got 3944"),
        ((-1,), ValueError, "number must be at least 0, got -1"),
        ((0, 10), ValueError, "run must be at most 9, got 10"),
        ((True,), TypeError, "number must be a Python integer, got True"),
    ],
)
def test_there_is_no_such_test(arguments, error, words):
    with pytest.raises(error, match=words):
        unit_test(*arguments)
