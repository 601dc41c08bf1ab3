"""The two-dimensional page without a browser: what its events do, what it writes and draws."""

import json
import re
from urllib.parse import parse_qsl

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bokeh.document import Document
from reading import read

import jdescent as jd
from jdescent_playground.page import Page
from jdescent_playground.pages.two_dimensions import TwoDimensions
from jdescent_playground.surfaces import SURFACES


class Tab:
    """A browser's tab: it applies what the page sends, and sends what a person does."""

    def __init__(self, query=None):
        self.document = Document()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Page, "query", dict(query or {}))
            self.page = TwoDimensions(self.document)
        self.texts, self.properties, self.address, self.downloads = {}, {}, "", {}
        self._take()

    def do(self, event, value=None):
        self.page.page.dispatch(event, value)
        self._take()

    def key(self, name):
        self.do("key", name)

    def show(self, steps):
        self.page.playback.show(steps)
        self.page.page.flush()
        self._take()

    def drag(self, x, y):
        self.page.move_start(x, y, done=False)
        self.page.page.flush()
        self._take()

    def source(self, name):
        return self.document.get_model_by_name(name).data

    def figure(self, name):
        return self.document.get_model_by_name(name)

    def number(self, element):
        return read(self.texts[element])

    def resize(self, width, height):
        figure = self.figure("surface")
        figure.set_from_json("inner_width", width)  # as Bokeh's protocol does
        figure.set_from_json("inner_height", height)
        self._take()

    @property
    def query(self):
        return dict(parse_qsl(self.address))

    def _take(self):
        _, changes = json.loads(self.figure("outbox").text)
        for change in changes:
            name = change.get("id")
            if "text" in change and name:
                self.texts[name] = change["text"]
            if "html" in change:
                self.texts[name] = re.sub("<[^>]*>", "", change["html"]).replace("&ensp;", " ")
            self.properties.setdefault(name, {}).update(change.get("set", {}))
            self.address = change.get("address", self.address)
            if "download" in change:
                self.downloads[change["download"]] = change["text"]


def descended(optimizer, loss, start, steps):
    run = jax.jit(lambda: jd.descend(loss, jnp.array(start), optimizer, steps, record=["params"]))
    return run()


def test_every_racer_shows_the_numbers_of_descend():
    tab = Tab({"1": "sgd", "2": "adam", "2.learning_rate": "0.2", "start": "-3,2"})
    for _ in range(3):
        tab.do("step")
    loss = jd.losses.bowl()
    for index, optimizer in enumerate((jd.sgd(0.1), jd.adam(0.2))):
        path = descended(optimizer, loss, (-3.0, 2.0), 3)
        assert tab.number(f"loss-{index}") == pytest.approx(float(path.loss[3]), rel=6e-3)
        ball = tab.source("surface-balls")
        at = [str(number) for number in ball["text"]].index(str(index + 1))
        place = (ball["x"][at], ball["y"][at])
        np.testing.assert_allclose(place, path.record["params"][3], rtol=1e-5)


def test_adam_s_step_is_written_beside_gradient_descent_s():
    tab = Tab({"start": "-3,2", "1": "sgd", "2": "adam", "2.learning_rate": "0.25"})
    written = tab.texts["components"]
    assert "Δx −0.10·(−6.00) = 0.60" in written
    assert "Δy −0.10·8.00 = −0.80" in written
    assert "Δx −0.25·(−6.00)/6.00 = 0.25" in written
    assert "Δy −0.25·8.00/8.00 = −0.25" in written


@pytest.mark.parametrize("method", ["sgd", "heavy_ball", "adam"])
@pytest.mark.parametrize("surface", ["bowl-2-4", "himmelblau"])
def test_the_written_products_are_the_steps(method, surface):
    tab = Tab({"surface": surface, "1": method, "step": "7"})
    lines = re.findall(r"Δ[xy] ([^Δ]*?) = ([−\d.·⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)", tab.texts["components"])
    run = tab.page.runs[0]
    assert len(lines) == 2
    for (left, right), update in zip(lines, run.update[7], strict=True):
        assert read(right) == pytest.approx(float(update), rel=0.01)
        size = float(np.abs(run.x[8] - run.x[7]).max()) + 0.1
        assert evaluated(left) == pytest.approx(float(update), rel=0.02, abs=0.01 * size)


def evaluated(line):
    """A written sum of products and quotients, worked out."""
    plain = re.sub(r"·10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda m: "e" + m[1].translate(_LOWERED), line)
    return eval(plain.translate(str.maketrans("−·", "-*")))


_LOWERED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def test_the_gradient_stands_upright_on_the_contour_and_gradient_descent_follows_it():
    tab = Tab({"start": "-2,2.3"})
    arrow = {name: values[0] for name, values in tab.source("surface-gradient").items()}
    direction = np.array([arrow["x1"] - arrow["x0"], arrow["y1"] - arrow["y0"]])
    np.testing.assert_allclose(direction / np.linalg.norm(direction), [0.3987, -0.9171], atol=1e-3)
    level = tab.source("surface-level")
    contour = np.column_stack([level["x"], level["y"]])
    near = contour[np.argsort(np.linalg.norm(contour - [-2, 2.3], axis=1))[:2]]
    along = near[1] - near[0]
    assert abs(along @ direction) < 0.03 * np.linalg.norm(along) * np.linalg.norm(direction)
    steps = tab.source("surface-steps")
    moves = np.column_stack(
        [np.subtract(steps["x1"], steps["x0"]), np.subtract(steps["y1"], steps["y0"])]
    )
    by_color = dict(zip(steps["color"], moves, strict=True))
    palette = tab.page.page.palette.race
    np.testing.assert_allclose(by_color[palette[0]], [0.4, -0.92], rtol=1e-5)
    np.testing.assert_allclose(by_color[palette[2]], [0.5, -0.5], rtol=1e-4)
    assert "misses the minimum by 18°" in tab.texts["status"]


def test_the_field_points_downhill_everywhere():
    tab = Tab({"surface": "himmelblau"})
    field = {name: np.array(values) for name, values in tab.source("surface-field").items()}
    middle = np.stack([field["x0"] + field["x1"], field["y0"] + field["y1"]], axis=-1) / 2
    move = np.stack([field["x1"] - field["x0"], field["y1"] - field["y0"]], axis=-1)
    gradient = jax.vmap(jax.grad(jd.losses.himmelblau()))(jnp.asarray(middle, float))
    cosines = -(gradient * move).sum(-1) / jnp.linalg.norm(gradient, axis=-1)
    assert len(middle) > 100
    np.testing.assert_allclose(cosines, np.linalg.norm(move, axis=-1), rtol=1e-3)


def test_both_axes_keep_one_scale_in_a_figure_of_any_shape():
    tab = Tab({"surface": "himmelblau"})
    figure = tab.figure("surface")
    for width, height in [(900, 400), (300, 600), (500, 500)]:
        tab.resize(width, height)
        sizes = [axis.end - axis.start for axis in (figure.x_range, figure.y_range)]
        assert sizes[0] / sizes[1] == pytest.approx(width / height)
        for axis, (low, high) in zip(
            (figure.x_range, figure.y_range), SURFACES["himmelblau"].domain, strict=True
        ):
            assert axis.start <= low + 1e-9
            assert axis.end >= high - 1e-9


def test_dragging_puts_all_back_at_the_start_under_the_hand():
    tab = Tab({"step": "5"})
    tab.drag(1.2345, -0.5)
    assert tab.texts["steps"] == "0"
    assert all(run.x[0].tolist() == pytest.approx([1.23, -0.5]) for run in tab.page.runs)
    assert tab.query["start"] == "1.23,-0.5"


def test_turning_the_bowl_does_nothing_to_gradient_descent_and_costs_adam():
    tab = Tab({"surface": "bowl"})
    tab.page.try_angles()
    for _ in range(20):
        tab.do("step")
    before = {index: tab.number(f"loss-{index}") for index in range(3)}
    tab.do("turn", "45")
    assert tab.number("loss-0") == pytest.approx(before[0], rel=1e-2)
    assert tab.number("loss-1") == pytest.approx(before[1], rel=1e-2)
    assert tab.number("loss-2") > 1.5 * before[2]
    gd, heavy_ball, adam = (np.array(steps) for steps in tab.source("angles-lines")["ys"])
    assert np.ptp(gd) <= 1
    assert np.ptp(heavy_ball) <= 1
    assert adam[9] > 2 * adam[0]
    assert tab.query["turn"] == "45"


def test_the_limit_is_two_over_the_largest_curvature_and_true():
    tab = Tab({"surface": "bowl", "1": "sgd"})
    assert "2/λmax = 0.04" in tab.texts["limit_words"]
    tab.do("kappa", f"{np.log(20) / np.log(200):.6f}")
    assert "2/λmax = 0.10" in tab.texts["limit_words"]
    for rate, ending in [(0.098, "arrived"), (0.11, "diverged")]:
        tab.do("rate-typed", str(rate))
        tab.show(1000)
        assert tab.texts["how-0"].startswith(ending)


def test_divergence_is_shown_as_what_it_is_and_ends_with_reset():
    tab = Tab({"1": "sgd", "1.learning_rate": "0.7"})
    tab.show(1000)
    assert tab.texts["how-0"].startswith("diverged after")
    assert tab.texts["loss-0"] == "∞"
    assert "diverged" in tab.texts["status"]
    assert tab.source("surface-balls")["x"] == []
    assert len(tab.source("surface-lost")["x"]) == 1
    tab.do("reset")
    assert tab.texts["loss-0"] == "14.58"
    assert len(tab.source("surface-balls")["x"]) == 1


def test_a_valley_that_is_not_the_lowest_is_called_a_trap():
    tab = Tab({"surface": "double-well", "1": "sgd"})
    tab.show(1000)
    assert tab.texts["how-0"].startswith("trapped")


@pytest.mark.parametrize("surface", [*SURFACES, "own"])
def test_the_first_race_on_every_surface_stays_in_view(surface):
    tab = Tab({"surface": surface})
    tab.page.playback.show(30)
    for run in tab.page.runs:
        assert not run.diverged or surface == "saddle"
        assert np.isfinite(run.loss[:30]).all()
        assert run.loss[30] < run.loss[0]
    assert len(tab.source("surface-balls")["x"]) == 3


def test_optimizers_come_and_go_and_each_keeps_its_numbers():
    tab = Tab()
    tab.key("3")
    tab.do("rate-typed", "0.02")
    tab.do("set:b1", "0.5")
    tab.do("add")
    tab.do("method", "lion")
    assert [racer.method for racer in tab.page.racers] == ["sgd", "heavy_ball", "adam", "lion"]
    tab.do("remove", "1")
    assert tab.query["1"] == "sgd"
    assert tab.query["2"] == "adam"
    assert tab.query["2.learning_rate"] == "0.02"
    assert tab.query["2.b1"] == "0.968"
    assert tab.query["3"] == "lion"
    assert tab.page.racers[tab.page.chosen].method == "lion"
    for _ in range(5):
        tab.do("add")
    assert len(tab.page.racers) == 6
    for _ in range(8):
        tab.do("remove", "0")
    assert len(tab.page.racers) == 1


def test_the_address_restores_the_whole_race():
    first = Tab(
        {"surface": "bowl", "kappa": "20", "turn": "30", "1": "adam", "1.b2": "0.9",
         "1.learning_rate": "0.07", "2": "heavy_ball", "2.momentum": "0.5", "2.clip": "3",
         "2.schedule": "cosine", "chosen": "2", "step": "9"}
    )  # fmt: skip
    first.key("Shift+ArrowUp")
    first.show(11)
    second = Tab(first.query)
    for element in ("loss-0", "loss-1", "steps", "components", "status", "limit_words"):
        assert second.texts[element] == first.texts[element]
    assert second.address == first.address
    assert second.page.racers == first.page.racers


@pytest.mark.parametrize(
    "query",
    [{"surface": "hill"}, {"start": "far"}, {"start": "1"}, {"1": "none"}, {"kappa": "-3"},
     {"1": "adam", "1.b1": "7"}, {"surface": "own", "formula": "x +"}, {"turn": "nan"},
     {"surface": "own", "formula": "x y", "from": "3", "to": "1"}, {"chosen": "6"},
     {"1": "sgd", "1.nesterov": "on"}, {"step": "-1"}],
)  # fmt: skip
def test_nonsense_in_the_address_leaves_a_living_page(query):
    tab = Tab(query)
    tab.do("step")
    assert tab.texts["steps"] == "1"
    assert len(tab.page.racers) in (1, 3)


def test_what_the_address_cannot_say_is_told():
    assert "1=none: the name of an optimizer" in Tab({"1": "none"}).texts["problem"]
    assert "kappa=-3" in Tab({"kappa": "-3"}).texts["problem"]


def test_typed_surfaces_are_drawn_or_refused_with_the_place():
    tab = Tab({"1": "sgd"})
    tab.do("surface", "own")
    tab.do("formula", "x^2 + 3y^2")
    assert tab.texts["problem"] == ""
    assert tab.query["formula"] == "x^2 + 3y^2"
    for text, words in [("x +", "not a formula"), ("z^2", "'z' is not known"),
                        ("__import__('os')", "not read"), ("1/x + y", "pole"),
                        ("log(x) + y", "not a number on 50")]:  # fmt: skip
        tab.do("formula", text)
        assert words in tab.texts["problem"]
        tab.do("step")
        assert tab.texts["steps"] == "1"
        tab.do("reset")
    tab.do("to", "many")
    assert "are numbers" in tab.texts["problem"]


def test_impossible_hyperparameters_are_told_and_taken_back():
    tab = Tab({"1": "sgd"})
    tab.do("set:nesterov", True)
    assert "gradient descent:" in tab.texts["problem"]
    tab.do("step")
    assert tab.texts["steps"] == "1"


def test_the_exported_numbers_and_script_are_the_race(capsys):
    tab = Tab({"surface": "bowl", "turn": "20", "1": "sgd", "2": "adam", "step": "4"})
    tab.do("json")
    race = json.loads(tab.downloads["race.json"])["race"]
    assert [run["optimizer"] for run in race] == ["jd.sgd", "jd.adam"]
    assert [len(run["points"]) for run in race] == [5, 5]
    tab.do("python")
    exec(tab.downloads["race.py"], {})
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("4 ")]
    ends = [
        [float(part) for part in re.findall(r"-?\d+\.?\d*(?:e-?\d+)?", line)[1:]] for line in lines
    ]
    for end, run in zip(ends, race, strict=True):
        point = run["points"][4]
        assert end == pytest.approx([*point["x"], point["loss"]], rel=1e-4)


def test_keys_move_the_start_and_choose_the_racer():
    tab = Tab()
    before = tab.page.scene.start
    tab.key("Shift+ArrowUp")
    assert tab.page.scene.start[1] > before[1]
    tab.key("Shift+ArrowRight")
    assert tab.page.scene.start[0] > before[0]
    tab.key("2")
    assert tab.texts["status"].startswith("Heavy ball")
    tab.key("9")
    tab.key("ArrowRight")
    assert tab.texts["steps"] == "1"


def test_a_ball_below_another_shows_no_number():
    tab = Tab({"1": "sgd", "2": "sgd", "3": "adam", "step": "3", "chosen": "2"})
    balls = tab.source("surface-balls")
    assert len(balls["x"]) == 3
    assert sorted(map(str, balls["text"])) == ["", "2", "3"]
