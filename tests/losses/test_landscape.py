import itertools

import jax
import jax.numpy as jnp
import pytest

from jdescent import losses
from jdescent.losses import Landscape, StationaryPoint


def test_a_landscape_is_a_static_argument_traced_once():
    traces = []

    def twice(landscape, x):
        traces.append(landscape.name)
        return 2 * landscape(x)

    jitted = jax.jit(twice, static_argnums=0)
    bowl = losses.bowl()
    for value in (1.0, 2.0):
        assert jitted(bowl, jnp.array([value, 0.0])) == 2 * value**2
    assert traces == ["bowl"]
    assert losses.himmelblau() == losses.himmelblau()
    assert losses.bowl((1.0, 2.0), angle=10) != losses.bowl((1.0, 2.0), angle=20)
    assert len({losses.beale(), losses.beale(), bowl}) == 2


@pytest.mark.parametrize("signs", list(itertools.product([-2.0, 3.0], repeat=3)))
def test_kind_of_a_stationary_point_is_the_inertia_of_its_hessian(signs):
    kind = StationaryPoint((0.0,) * 3, 0.0, tuple(sorted(signs))).kind
    assert kind == {0: "minimum", 3: "maximum"}.get(sum(c < 0 for c in signs), "saddle")


def test_kind_is_not_guessed_where_a_curvature_is_zero():
    assert StationaryPoint((0.0,) * 3, 0.0, (-1.0, 0.0, 1.0)).kind == "saddle"
    with pytest.raises(ValueError, match=r"\(0.0, 1.0\) at \(2.0, 1.0\) include a zero"):
        StationaryPoint((2.0, 1.0), 0.0, (0.0, 1.0)).kind  # noqa: B018


def test_a_saddle_has_no_global_minimum():
    with pytest.raises(ValueError, match="saddle lists no minimum"):
        losses.saddle().global_minimum  # noqa: B018


@pytest.mark.parametrize("transform", [lambda f: f, jax.jit, jax.grad])
def test_wrong_shape_names_both_shapes_also_under_transformations(transform):
    with pytest.raises(ValueError, match=r"\(3,\), bowl takes shape \(2,\)"):
        transform(losses.bowl())(jnp.ones(3))
    with pytest.raises(ValueError, match=r"\(1,\), parabola takes shape \(\)"):
        transform(losses.parabola())(jnp.ones(1))
    with pytest.raises(ValueError, match=r"\(4, 2\), Beale takes shape \(2,\).*jax.vmap"):
        transform(losses.beale())(jnp.ones((4, 2)))
    with pytest.raises(ValueError, match=r"\(3,\), bowl takes shape \(2,\)"):
        jax.vmap(losses.bowl())(jnp.ones((5, 3)))


@pytest.mark.parametrize("x", [jnp.array([1, 2]), jnp.array([True, False]), jnp.array([1j, 2])])
def test_x_that_is_not_floating_is_refused(x):
    with pytest.raises(TypeError, match=rf"dtype {x.dtype}, bowl takes a floating dtype"):
        losses.bowl()(x)


def test_truth_that_does_not_fit_the_shape_of_x_is_refused():
    with pytest.raises(ValueError, match=r"domain has 1 .* needs 2"):
        Landscape("f", jnp.sum, (), domain=((0.0, 1.0),), start=(0.0, 0.0))
    vector = StationaryPoint((0.0,), 0.0, (1.0,))
    with pytest.raises(ValueError, match=r"does not fit start=0.0: .* position of shape \(\)"):
        Landscape("f", jnp.sin, (vector,), domain=((0.0, 1.0),), start=0.0)
    one_curvature = StationaryPoint((0.0, 0.0), 0.0, (1.0,))
    with pytest.raises(ValueError, match="and 2 curvatures"):
        Landscape("f", jnp.sum, (one_curvature,), domain=((0.0, 1.0),) * 2, start=(0.0, 0.0))
