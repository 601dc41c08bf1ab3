"""Players: what is packed is what `descend` returned, and what cannot be shown is refused."""

import base64
import gzip
import json
import struct

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jdescent as jd
from jdescent_playground.player import Ground, History, Map, Plane, Sweep, player
from jdescent_playground.player.runs import runs_of

RATES = np.array([0.1, 0.4, 12.0], np.float32)
STARTS = np.array([-2.0, 0.5], np.float32)


def parabola(x, curvature=1.0):
    return 0.5 * curvature * (x - 1) ** 2 + 0.5


def unpacked(figure):
    """The header and the arrays, read by the layout that `packed` documents."""
    whole = gzip.decompress(base64.b64decode(figure.data))
    (length,) = struct.unpack("<I", whole[:4])
    header = json.loads(whole[4 : 4 + length])
    start = (4 + length + 7) // 8 * 8
    arrays = {}
    for name, about in header["arrays"].items():
        dtype, shape = np.dtype(f"<{about['type']}"), (*about["counts"], *about["shape"])
        first, count = start + about["offset"], int(np.prod(shape, dtype=int))
        arrays[name] = np.frombuffer(whole, dtype, count, first).reshape(shape)
    return header, arrays


@pytest.fixture(scope="module")
def grid():
    return jd.sweep(
        lambda learning_rate, x0: jd.descend(
            parabola, x0, jd.sgd(learning_rate), 12, record=("params", "loss"), tolerance=1e-2
        ),
        learning_rate=RATES,
        x0=STARTS,
    )


@pytest.fixture(scope="module")
def runs(grid):
    return runs_of(grid)


def test_a_page_holds_the_very_numbers_of_descend(grid):
    header, arrays = unpacked(player(grid, Ground(parabola, start=("x0",)), History()))
    assert header["steps"] == list(range(13))
    for i, rate in enumerate(RATES):
        for j, start in enumerate(STARTS):
            path = jd.descend(
                parabola, start, jd.sgd(rate), 12, record=("params", "loss"), tolerance=1e-2
            )
            np.testing.assert_array_equal(arrays["params"][i, j], path.record["params"])
            np.testing.assert_array_equal(arrays["loss"][i, j], path.loss)
            assert arrays["last"][i, j] == int(path.verdict.step)
            slopes = jax.vmap(jax.grad(parabola))(path.record["params"])
            np.testing.assert_allclose(arrays["slope"][i, j], slopes, rtol=1e-6)
    tones = np.array([outcome["tone"] for outcome in header["outcomes"]])[arrays["outcome"]]
    assert tones.tolist() == [["slow", "slow"], ["good", "good"], ["bad", "bad"]]


def test_a_loss_may_read_axes_and_theory_may_too():
    curvatures = np.array([1.0, 3.0], np.float32)
    grid = jd.sweep(
        lambda curvature: jd.descend(
            lambda x: parabola(x, curvature), -1.0, jd.sgd(0.1), 4, record=("params", "loss")
        ),
        curvature=curvatures,
    )
    _, arrays = unpacked(
        player(
            grid,
            Ground(lambda x, curvature: parabola(x, curvature), (-2.0, 2.0)),
            History(references={"2/λ": lambda curvature: 2 / curvature}),
        )
    )
    heights = [parabola(arrays["curve_x 0"], curvature) for curvature in curvatures]
    np.testing.assert_allclose(arrays["curve_y 0"], heights, rtol=1e-5)
    np.testing.assert_allclose(arrays["reference_2/λ 1"], 2 / curvatures, rtol=1e-6)
    slopes = curvatures[:, None] * (arrays["params"] - 1)
    np.testing.assert_allclose(arrays["slope"], slopes, rtol=1e-5)


def test_contours_lie_where_the_loss_has_their_level():
    loss = jd.losses.himmelblau()
    path = jd.descend(loss, jnp.array([0.0, 0.0]), jd.sgd(0.01), 5, record=("params", "loss"))
    levels = (5.0, 40.0, 120.0)
    box = ((-5.0, 5.0), (-5.0, 5.0))
    header, _ = unpacked(player(path, Ground(loss, box, levels=levels)))
    lines = header["views"][0]["contours"]
    heights = np.concatenate([jax.vmap(loss)(jnp.array(line).reshape(-1, 2)) for line in lines])
    errors = np.abs(heights[:, None] / np.array(levels) - 1)
    assert set(errors.argmin(axis=1)) == set(range(len(levels)))
    assert errors.min(axis=1).max() < 0.02


def test_runs_by_name_stand_side_by_side():
    paths = {
        name: jd.descend(parabola, -1.0, optimizer, 6)
        for name, optimizer in (("sgd", jd.sgd(0.1)), ("adam", jd.adam(0.1)))
    }
    header, arrays = unpacked(player(paths))
    assert header["axes"][0]["labels"] == ["sgd", "adam"]
    np.testing.assert_array_equal(arrays["loss"], [path.loss for path in paths.values()])


def test_what_is_hostile_in_a_title_stays_text(grid):
    text = '</script><script>alert(1)</script><img src=x onerror="alert(2)">'
    page = player(grid, title=text, description=text).html()
    assert "<script>alert" not in page
    assert "<img" not in page
    assert page.count("<script") == 2


def test_an_axis_is_logarithmic_where_its_values_grow_by_one_factor(runs):
    def axis(values):
        grid = jd.sweep(
            lambda rate: jd.descend(parabola, 0.0, jd.sgd(rate), 1), rate=jnp.array(values)
        )
        return runs_of(grid).axis("rate")

    assert axis([0.01, 0.1, 1.0]).logarithmic
    assert not axis([0.1, 0.2, 0.3]).logarithmic
    assert runs.axis("learning_rate").index(0.4) == 1


@pytest.mark.parametrize(
    ("views", "options", "message"),
    [
        ((History(("sharpness",)),), {}, "'sharpness' was not recorded"),
        ((Ground(parabola, start=("x1",)),), {}, "no axis is called 'x1'"),
        ((Ground(lambda x, width: x),), {}, "no axis is called 'width'"),
        ((Map("m", np.zeros(3), "learning_rate", "x0", (0, 1)),), {}, r"of shape \(3, 2\)"),
        ((Sweep("seed", {}),), {}, "no axis is called 'seed'"),
        ((History(()),), {}, "one number a step or more"),
        ((History(range=(0.0, 1.0), log=True),), {}, "0 < low < high"),
        ((History(references={"a": lambda: [1.0, 2.0]}),), {}, r"theory has \(2,\)"),
        ((Ground(parabola, (3.0, -3.0)),), {}, "bounds are"),
        ((Ground(parabola, minima=(1, 1)),), {}, "minima are pairs"),
        ((Map("m", lambda: 0.0, "x0", "x0", (0, 1)),), {}, "over two axes"),
        ((Map("m", lambda: 0.0, "learning_rate", "x0", (1, 1)),), {}, "low < high"),
        ((Plane(lambda: [[0.0, 0.0]], (0, 0, 0, 0)),), {}, "low < high"),
        ((), {"readings": {"loss": "{loss:.3f}"}}, "in braces stands a name"),
        ((), {"readings": {"loss": "{loss"}}, "in braces stands a name"),
        ((), {"name": "1 a"}, "letters"),
        ((), {"at": {"learning_rate": 0.2}}, "0.2 was not computed; there are 0.10, 0.40"),
        ((), {"marks": {"learning_rate": {"limits": lambda: [1.0, 2.0]}}}, "theory has"),
        ((), {"overlay": "seed"}, "no axis is called 'seed'"),
        ((), {"readings": {"v": "{velocity}"}}, "{velocity}"),
        ((Plane(lambda seed: np.zeros((1, 2))),), {}, "no axis is called 'seed'"),
    ],
)
def test_what_was_not_computed_is_refused_by_name(grid, views, options, message):
    with pytest.raises(ValueError, match=message):
        player(grid, *views, **options)


def test_the_step_at_which_a_run_ended_is_that_of_its_verdict():
    path = jd.descend(parabola, -2.0, jd.sgd(0.1), 40, every=5, tolerance=0.1)
    _, arrays = unpacked(player(path))
    assert int(path.verdict.step) % 5
    assert arrays["ended"] == int(path.verdict.step)
    assert arrays["loss"][arrays["last"]] == path.verdict.loss


def axis_of(values):
    grid = jd.sweep(lambda rate: jd.descend(parabola, 0.0, jd.sgd(rate), 1), rate=values)
    return runs_of(grid).axis("rate")


def test_neighboring_settings_are_told_apart_and_found():
    near = np.array([1.999, 2.0, 2.001], np.float32)
    assert axis_of(near).labels == ("1.999", "2", "2.001")
    tiny = axis_of(np.array([1e-14, 1e-13, 1e-12], np.float32))
    assert [tiny.index(value) for value in (1e-14, 1e-13, 1e-12)] == [0, 1, 2]


def test_settings_are_put_in_ascending_order_with_their_runs():
    rates = np.array([0.5, 0.1, 0.3], np.float32)
    grid = jd.sweep(lambda rate: jd.descend(parabola, 0.0, jd.sgd(rate), 3), rate=rates)
    header, arrays = unpacked(player(grid))
    np.testing.assert_array_equal(header["axes"][0]["values"], np.sort(rates))
    np.testing.assert_array_equal(arrays["loss"], grid.loss.values[np.argsort(rates)])


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32])
def test_narrow_numbers_are_shown_as_they_are(dtype):
    path = jd.descend(
        lambda x: (x - 1) ** 2, jnp.asarray(-2.0, dtype), jd.sgd(0.1), 5, record=("params", "loss")
    )
    _, arrays = unpacked(player(path, Ground(lambda x: (x - 1) ** 2)))
    np.testing.assert_array_equal(arrays["params"], np.asarray(path.record["params"], np.float32))


def test_what_is_recorded_has_one_name_for_a_run_and_for_a_sweep():
    def run(rate):
        start = {"w": jnp.float32(1.0), "b": jnp.float32(2.0)}
        loss = lambda p: p["w"] ** 2 + p["b"] ** 2  # noqa: E731
        return jd.descend(loss, start, jd.sgd(rate), 4, record=("params", "loss"))

    names = {"loss", "params_w", "params_b"}
    assert names <= set(runs_of(run(0.1)).numbers)
    assert names <= set(runs_of(jd.sweep(run, rate=[0.1, 0.2])).numbers)
    alone = jd.descend(parabola, 0.0, jd.sgd(0.1), 4, record=lambda point: 2 * point.loss)
    np.testing.assert_array_equal(runs_of(alone).recorded("record").array, 2 * alone.loss)


def test_runs_without_a_finite_loss_are_shown_as_diverged():
    path = jd.descend(lambda x: jnp.log(x) + x**2, -1.0, jd.sgd(0.1), 5, record=("params", "loss"))
    header, arrays = unpacked(player(path))
    assert header["outcomes"][int(arrays["outcome"])]["tone"] == "bad"
    assert arrays["ended"] == 0
    assert not header["views"][0]["y_log"]


def test_views_of_one_kind_stand_beside_one_another(grid):
    ground = Ground(parabola, (-2.0, 2.0))
    wide = Ground(lambda x: 4 * parabola(x), (-4.0, 4.0))
    header, arrays = unpacked(player(grid, ground, wide))
    first, second = (about["arrays"] for about in header["views"])
    np.testing.assert_allclose(
        arrays[second["curve_y"]], 4 * parabola(arrays[second["curve_x"]]), rtol=1e-5
    )
    np.testing.assert_allclose(arrays[first["curve_x"]][[0, -1]], [-2, 2])
    np.testing.assert_array_equal(arrays["slope"], arrays[first["slope"]])


def test_what_could_be_mistaken_is_refused():
    taken = jd.descend(parabola, 0.0, jd.sgd(0.1), 3, record={"slope": lambda p: p.loss})
    with pytest.raises(ValueError, match="'slope' is recorded"):
        player(taken)
    with pytest.raises(TypeError, match="a view is a Ground"):
        player(jd.descend(parabola, 0.0, jd.sgd(0.1), 3), Ground)
    with pytest.raises(TypeError, match="a line is a pair"):
        player(jd.descend(parabola, 0.0, jd.sgd(0.1), 3), lines=["x = {loss}"])
    wide = jd.descend(lambda x: jnp.sum(x**2), jnp.ones((3, 3)), jd.sgd(0.1), 3, record="params")
    with pytest.raises(ValueError, match="too many to be written"):
        player(wide, readings={"x": "{params}"})


def test_other_things_than_runs_are_refused():
    with pytest.raises(TypeError, match="shows a Trajectory"):
        player([1.0, 2.0])
    with pytest.raises(ValueError, match="not recorded"):
        player(jd.descend(parabola, 0.0, jd.sgd(0.1), 3, record=None))
    many = jax.vmap(lambda x: jd.descend(parabola, x, jd.sgd(0.1), 3))(jnp.ones(4))
    with pytest.raises(ValueError, match="runs without names"):
        player(many)
    with pytest.raises(ValueError, match="record='loss'"):
        player(jd.sweep(lambda x: {"square": x**2}, x=jnp.arange(3.0)))
    wide = jd.descend(lambda x: jnp.sum(x**2), jnp.ones(3), jd.sgd(0.1), 3, record="params")
    with pytest.raises(ValueError, match="one or two parameters"):
        player(wide, Ground(lambda x: jnp.sum(x**2)))
    unequal = {str(n): jd.descend(parabola, 0.0, jd.sgd(0.1), n) for n in (3, 4)}
    with pytest.raises(ValueError, match="other steps"):
        player(unequal)
