"""The map of momentum: its factors are those of the very updates, and a click launches that run."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tabs import Tab

import jdescent as jd
from jdescent_playground.catalog import METHODS
from jdescent_playground.expressions import parse
from jdescent_playground.momentum import eigenvalues, factor, measured_factor, rate_map
from jdescent_playground.pages.two_dimensions import TwoDimensions
from jdescent_playground.runs import Setup, compute
from jdescent_playground.surfaces import SURFACES, typed

KINDS = [
    ("heavy_ball", {}),
    ("nesterov", {}),
    ("sgd", {"dampening": 0.4}),
    ("sgd", {"nesterov": True}),
    ("optax.sgd", {}),
]


def roots_of_update(method, settings, rate, momentum, curvature):
    """Eigenvalues of the Jacobian of one update, in the parameter and the velocity."""
    optimizer = METHODS[method].factory(learning_rate=rate, momentum=momentum, **settings)
    x = jnp.float32(0)
    leaves, tree = jax.tree.flatten((x, optimizer.init(x)))
    moving = [i for i, leaf in enumerate(leaves) if jnp.issubdtype(leaf.dtype, jnp.floating)]

    def step(z):
        now = [*leaves]
        for place, i in enumerate(moving):
            now[i] = z[place]
        x, state = jax.tree.unflatten(tree, now)
        updates, state = optimizer.update(curvature * x, state, x)
        after = jax.tree.leaves((x + updates, state))
        return jnp.stack([after[i] for i in moving])

    return np.linalg.eigvals(np.asarray(jax.jacobian(step)(jnp.zeros(len(moving))), float))


@pytest.mark.parametrize(("method", "settings"), KINDS)
@pytest.mark.parametrize(("rate", "momentum"), [(0.13, 0.5), (0.3, 0.9), (0.02, 0.2)])
def test_eigenvalues_are_those_of_the_update(method, settings, rate, momentum):
    curvature = 2.0
    found = np.sort_complex(eigenvalues(method, settings, rate, momentum, [curvature]))
    with jax.numpy_dtype_promotion("standard"):
        update = np.sort_complex(roots_of_update(method, settings, rate, momentum, curvature))
    np.testing.assert_allclose(found, update, atol=2e-6)
    assert abs(found).max() == pytest.approx(
        factor(method, settings, rate, momentum, curvature), rel=1e-9
    )


@pytest.mark.parametrize(("method", "settings"), KINDS)
def test_no_pair_of_the_map_is_faster_than_the_tuned_one(method, settings):
    found = rate_map(method, settings, (1.0, 10.0))
    assert found.tuned.rate <= found.factor.min() < 1.1 * found.tuned.rate
    tuned = [factor(method, settings, *found.tuned[:2], c) for c in (1.0, 10.0)]
    assert max(tuned) == pytest.approx(found.tuned.rate, abs=1e-6)
    stable = found.factor < 1 - 1e-9
    np.testing.assert_array_equal(stable, found.rates < found.limit[:, None])


@pytest.mark.parametrize(("rate", "momentum"), [(0.05, 0.0), (0.1, 0.5), (0.04, 0.8)])
def test_a_run_comes_nearer_by_the_factor_of_the_map(rate, momentum):
    surface = typed(parse("(x^2 + 10 y^2)/2", ("x", "y")))
    settings = {"learning_rate": rate, "momentum": momentum}
    run = compute(Setup(surface.task, "heavy_ball", settings, (-2.0, 1.0)))
    minimum = surface.minimum_near((-2.0, 1.0))
    theory = max(factor("heavy_ball", {}, rate, momentum, c) for c in minimum.curvatures)
    assert measured_factor(run, minimum.position) == pytest.approx(theory, rel=0.01)


@pytest.mark.parametrize(
    ("text", "position", "curvatures"),
    [
        ("(x - 1)^2 + 3 (y + 2)^2", (1, -2), (2, 6)),
        ("x^2 + x y + y^2", (0, 0), (1, 3)),
        ("cosh(x) + 2 cosh(y - 0.5)", (0, 0.5), (1, 2)),
    ],
)
def test_the_minimum_of_a_typed_surface_is_found(text, position, curvatures):
    found = typed(parse(text, ("x", "y"))).minimum_near((-1.0, 1.0))
    np.testing.assert_allclose(found.position, position, atol=1e-3)
    np.testing.assert_allclose(found.curvatures, curvatures, rtol=2e-3)


@pytest.mark.parametrize("text", ["x^2 - y^2", "x + y", "x^2", "exp(x) + y^2", "log(x - 99)"])
def test_where_there_is_no_minimum_none_is_claimed(text):
    assert typed(parse(text, ("x", "y"))).minimum_near((-1.0, 1.0)) is None


BOWL = {"surface": "own", "formula": "(x^2 + 10y^2)/2", "1": "heavy_ball", "start": "-2,1"}


def test_a_click_on_the_map_launches_that_run():
    tab = Tab(TwoDimensions, BOWL)
    assert tab.properties["momentum"]["hidden"] is False
    tab.do("pointer:momentum", [0.1, 0.5, "move"])
    assert not tab.page.page.animated
    tab.do("pointer:momentum", [0.2, 0.25, "end"])
    assert tab.page.page.animated
    assert (tab.query["1.learning_rate"], tab.query["1.momentum"]) == ("0.2", "0.25")
    path = jd.descend(
        jd.losses.bowl((1.0, 10.0)), jnp.array([-2.0, 1.0]), jd.heavy_ball(0.2, 0.25), 5,
        record="params",
    )  # fmt: skip
    np.testing.assert_allclose(tab.page.runs[0].x[:6], path.record["params"], rtol=1e-5, atol=1e-6)


def test_a_drag_that_the_browser_ends_leaves_the_run_as_it_was():
    tab = Tab(TwoDimensions, BOWL | {"step": "3"})
    before = tab.page.racers[0]
    tab.do("pointer:momentum", [0.1, 0.5, "begin"])
    tab.do("pointer:momentum", [0.2, 0.7, "move"])
    assert tab.page.racers[0] != before
    tab.do("pointer:momentum", [0.2, 0.7, "cancel"])
    assert tab.page.racers[0] == before
    assert tab.page.playback.shown == 3


@pytest.mark.parametrize(
    "query", [{"1": "adam"}, {"surface": "saddle"}, {"1.schedule": "cosine"}, {"1.clip": "1"}]
)
def test_the_map_is_hidden_where_it_would_not_hold(query):
    assert Tab(TwoDimensions, BOWL | query).properties["momentum"]["hidden"] is True


def test_the_map_shows_the_chosen_surface():
    tab = Tab(TwoDimensions, {"1": "heavy_ball"})
    minimum = SURFACES["bowl-2-4"].minima[0]
    expected = rate_map("heavy_ball", {}, minimum.curvatures)
    drawn = tab.page.momentum.map.colors.data["image"][0]
    np.testing.assert_array_equal(np.isfinite(drawn), expected.factor < 1)
    stable = expected.factor < 1
    np.testing.assert_allclose(drawn[stable], expected.factor[stable], rtol=1e-6)
