"""The game without a browser: events go in, what the page would say comes out."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from bokeh.document import Document
from reading import read

import jdescent as jd
from jdescent_playground import levels, questions
from jdescent_playground.page import Page
from jdescent_playground.pages.game import FOG, RATE, SLOPE, TRAP, Game
from jdescent_playground.runs import Setup, compute


class Player:
    """A person at the game, who sees only what is sent to the browser."""

    def __init__(self, monkeypatch, query=""):
        asked = dict(part.split("=") for part in query.split("&") if part)
        monkeypatch.setattr(Page, "query", property(lambda page: asked))
        self.document = Document()
        self.game = Game(self.document)
        self.seen: dict[str, dict] = {}
        self.address = ""
        self.files: dict[str, str] = {}
        self._look()

    def does(self, event, value=None):
        self.game.page.dispatch(event, value)
        self._look()

    def presses(self, *keys):
        for key in keys:
            self.does("key", key)

    def walks_on(self):
        """Steps until there is nowhere to step to."""
        for _ in range(1001):
            if self.seen["step"]["disabled"]:
                return
            self.does("step")

    def text(self, element):
        return self.seen[element]["text"]

    def number(self, element):
        return read(self.text(element))

    def shows(self, element):
        return not self.seen[element]["hidden"]

    def stars(self):
        return [self.text(f"stars-{n}").count("★") for n in range(4)]

    def answers(self, number, rightly=True):
        question = self.game.panel.asked[number]
        choice = question.right if rightly else (question.right + 1) % len(question.choices)
        self.does("answer", f"{number}:{choice}")

    def _look(self):
        outbox = self.document.get_model_by_name("outbox")
        for change in json.loads(outbox.text)[1]:
            known = self.seen.setdefault(change.get("id", ""), {})
            known.update(change.get("set", {}))
            known.update({kind: change[kind] for kind in ("text", "html") if kind in change})
            self.address = change.get("address", self.address)
            if "download" in change:
                self.files[change["download"]] = change["text"]


@pytest.fixture
def play(monkeypatch):
    return lambda query="": Player(monkeypatch, query)


def drawn(player, name):
    return player.document.get_model_by_name(f"curve-{name}").data


def test_the_fog_shows_the_curve_only_where_someone_has_stood(play):
    player = play()
    player.does("move", "0.5")
    player.game._point(2.0, 0.0, True)
    x = np.array(drawn(player, "curve")["x"])
    stood = np.array([-3.5, -3.0, 2.0])
    distance = np.abs(x[np.isfinite(x)][:, None] - stood).min(axis=1)
    assert distance.max() < 0.2
    assert player.text("slope") == "?"
    assert not player.shows("equation")
    assert not player.shows("walk")


def test_the_fog_tells_the_loss_where_the_ball_lands_and_not_on_the_way(play):
    player = play()
    before = player.text("loss")
    player.game._point(1.0, 0.0, False)
    player.game.page.flush()
    player._look()
    assert player.text("loss") == before
    assert player.text("steps") == "0"
    player.game._point(1.0, 0.0, True)
    player.game.page.flush()
    player._look()
    assert player.text("steps") == "1"
    assert player.number("loss") == pytest.approx(0.5 * (1.0 - 1.37) ** 2 + 0.8, rel=6e-4)


def test_every_hidden_valley_fits_the_view_and_can_be_found(play):
    player = play()
    for curve in levels.HIDDEN:
        assert player.game.curve is curve
        place, _ = curve.minima[0]
        assert curve.height(-4.0) < 22
        assert curve.height(4.0) < 22
        player.game.move_to(place)
        player.does("none")
        assert "Found after 1 move" in player.text("status")
        player.does("again")


def test_fewest_moves_are_kept_as_the_best(play):
    player = play()
    for x in (0.0, 2.5, 1.4):
        player.game.move_to(x)
    player.does("again")
    player.game.move_to(-1.62)
    player.does("again")
    for x in (0.0, 0.44):
        player.game.move_to(x)
    player.does("none")
    assert player.text("best") == "Your best: 1 move"
    assert "best=1%2C-" in player.address


def test_level_one_asks_for_the_slope_between_two_places_and_the_moves_uphill():
    visits = [(-3.0, 9.0), (-1.0, 4.0), (2.0, 5.0), (0.5, 1.0)]
    slope, climbs = questions.by_hand(visits)
    assert read(slope.choices[slope.right]) == pytest.approx(-2.5)
    assert climbs.choices[climbs.right] == "1"


def test_arrow_keys_move_the_ball_in_the_fog_and_step_elsewhere(play):
    player = play()
    player.presses("ArrowRight", "ArrowRight", "Shift+ArrowLeft")
    assert player.number("x") == pytest.approx(-3.5 + 1.0 - 0.1)
    assert player.text("steps") == "3"
    player.presses("2", "ArrowRight", "ArrowRight", "ArrowLeft")
    assert player.text("steps") == "1"
    assert player.text("title").startswith("2")


def test_level_two_shows_descends_numbers_and_the_slope_shrinking(play):
    player = play("level=2")
    path = jd.descend(
        jd.losses.parabola(1.0, 1.0, 0.5), jnp.array(-2.5), jd.sgd(0.4), 25,
        record=["params", "gradient"],
    )  # fmt: skip
    slopes = []
    for step in range(10):
        assert player.number("x") == pytest.approx(float(path.record["params"][step]), rel=6e-4)
        slopes.append(player.number("slope"))
        assert slopes[-1] == pytest.approx(float(path.record["gradient"][step]), rel=6e-4)
        player.does("step")
    assert (np.diff(np.abs(slopes)) < 0).all()
    assert player.stars() == [0, 0, 0, 0]
    player.walks_on()
    assert player.stars() == [0, 1, 0, 0]
    assert player.shows("questions")


def test_level_two_asks_where_the_step_leads_and_what_shrinks_the_slope(play):
    player = play("level=2&step=1000")
    leads, shrinks = player.game.panel.asked
    assert read(leads.choices[leads.right]) == pytest.approx(-1.1 + 0.4 * 2.1)
    assert read(shrinks.choices[shrinks.right]) == pytest.approx(1 - 0.4)


def test_level_two_is_not_won_from_the_bottom(play):
    player = play("level=2&start=1&step=1000")
    assert player.stars() == [0, 0, 0, 0]
    assert "further" in player.text("status")


def explode(player):
    """Turn the rate up with the keys until past the border, and let it run."""
    while player.game.rate < 1.1:
        player.presses("ArrowUp")
    player.game.playback.show(1000)
    player.does("none")


def test_an_explosion_is_told_to_infinity_and_to_nan(play):
    player = play("level=3")
    explode(player)
    assert player.text("loss") == "∞"
    told = player.text("status")
    assert "∞ at step" in told
    assert "infinite" in told
    assert "NaN" in told
    first = player.seen["rows"]["html"].split("</tr>")[0]
    assert first.count("NaN") == 4


def test_what_comes_after_is_what_the_optimizer_computes():
    task = levels.LEVELS[RATE].curve.task
    run = compute(Setup(task, "sgd", {"learning_rate": 1.3}, 0.0))
    infinite_loss, infinite_x, nan = levels.aftermath(run)
    x, rate = np.float32(0.0), np.float32(1.3)
    seen = {}
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(1000):
            seen[step] = x
            x = x + -rate * (np.float32(2.0) * (x - np.float32(3.0)))
    first_inf = min(step for step, x in seen.items() if np.isinf(x))
    first_nan = min(step for step, x in seen.items() if np.isnan(x))
    assert (infinite_x.step, nan.step) == (first_inf, first_nan)
    assert np.isfinite(infinite_loss.x)
    assert infinite_loss.loss == np.inf


def test_level_three_is_won_by_recovering_and_only_after_an_explosion(play):
    player = play("level=3&rate=0.4&step=1000")
    assert player.stars() == [0, 0, 0, 0]
    explode(player)
    assert player.stars() == [0, 0, 0, 0]
    player.does("reset")
    assert player.text("steps") == "0"
    assert player.number("x") == 0.0
    while player.game.rate > 0.5:
        player.presses("ArrowDown")
    player.walks_on()
    assert player.stars() == [0, 0, 1, 0]
    assert player.number("x") == pytest.approx(3.0)


def test_level_three_asks_for_the_factor_and_the_border(play):
    player = play("level=3&rate=0.4&exploded=1.2&step=1000")
    factor, border = player.game.panel.asked
    assert read(factor.choices[factor.right]) == pytest.approx(1 - 1.2 * 2)
    assert read(border.choices[border.right]) == pytest.approx(2 / 2.0)
    assert not player.shows("limit")
    player.answers(0)
    player.answers(1)
    assert player.shows("limit")


@pytest.mark.parametrize("start", [-2.0, -1.8, -1.3, -1.0, -0.7, -0.2])
def test_plain_descent_stays_in_the_trap(play, start):
    player = play(f"level=4&start={start}")
    player.walks_on()
    assert player.number("x") == pytest.approx(-1.0, abs=1e-3)
    assert player.stars() == [0, 0, 0, 0]
    if start != -1.0:
        assert "Trapped" in player.text("status")


@pytest.mark.parametrize(
    ("way", "dials"),
    [
        ("momentum", [("momentum", "0.85")]),
        ("noise", [("batch", "5")]),
        ("a better start", [("start", "0.4")]),
    ],
)
def test_each_cure_alone_leads_out_of_the_trap(play, way, dials):
    player = play("level=4")
    for event, value in dials:
        player.does(event, value)
    player.walks_on()
    assert player.number("x") > 0.5
    assert player.stars() == [0, 0, 0, 1]
    assert f"by {way}" in player.text("status")
    assert player.game.progress.ways == {way}
    assert player.seen["goals"]["html"].count("✓") == 1


def test_several_cures_at_once_do_not_tell_which_one_it_was(play):
    player = play("level=4&momentum=0.85&start=0.4&step=1000")
    assert player.number("x") == pytest.approx(1.5, abs=1e-3)
    assert player.stars() == [0, 0, 0, 0]
    assert "several" in player.text("status")


def test_too_little_and_too_much_momentum_are_told_apart(play):
    assert "not enough momentum" in play("level=4&momentum=0.5&step=1000").text("status")
    assert "Too much" in play("level=4&momentum=0.95&step=1000").text("status")


def test_noise_has_to_stay_in_the_deep_well(play):
    player = play("level=4&batch=2&step=1000")
    step, run = player.game.playback.shown, player.game.run
    assert (run.x[step - levels.STAY + 1 : step + 1] > 0).all()
    assert run.x[step - levels.STAY] <= 0


@pytest.mark.parametrize(
    ("query", "expected"),
    [("momentum=0.85", "velocity"), ("batch=2", "batch"), ("start=0.4", "downhill leads")],
)
def test_level_four_asks_what_carried_the_ball_over(play, query, expected):
    player = play(f"level=4&{query}&step=1000")
    carried, stays = player.game.panel.asked
    assert expected in carried.choices[carried.right]
    assert read(stays.choices[stays.right]) == 0.0


def test_the_velocity_in_the_question_is_the_optimizers(play):
    player = play("level=4&momentum=0.85&step=1000")
    run = player.game.run
    step = int(np.argmax(run.x[1:] > 0))
    named = player.game.panel.asked[0].choices[player.game.panel.asked[0].right].rsplit(" ", 1)[1]
    assert read(named) == pytest.approx(0.85 * float(run.memory["velocity"][step]), rel=6e-4)


def test_right_answers_earn_stars_and_wrong_ones_are_explained(play):
    player = play("level=2&step=1000")
    player.answers(0)
    player.answers(1, rightly=False)
    assert player.stars() == [0, 2, 0, 0]
    assert player.text("why-0").startswith("Right.")
    assert player.text("why-1").startswith("Not quite.")
    assert "0.60" in player.text("why-1")
    player.answers(1)
    assert player.stars() == [0, 2, 0, 0]  # the first answer counts


def test_stars_never_go_down(play):
    player = play("level=2&step=1000&stars=0,3,0,0")
    player.answers(0, rightly=False)
    assert player.stars() == [0, 3, 0, 0]


def test_choices_of_every_question_differ(play):
    queries = (
        "visited=-3.5,-2,1,1.4", "visited=-3.5,1.4", "level=2&step=1000",
        "level=2&start=4&step=1000", "level=3&rate=0.5&exploded=2&step=1000",
        "level=4&momentum=0.85&step=1000", "level=4&batch=1&step=1000",
    )  # fmt: skip
    for query in queries:
        asked = play(query).game.panel.asked
        assert len(asked) == 2, query
        for question in asked:
            assert 2 <= len(set(question.choices)) == len(question.choices) <= questions.CHOICES


@pytest.mark.parametrize(
    "query",
    [
        "visited=-3.5,-2,1,2.5",
        "level=2&start=3&step=4",
        "level=3&rate=1.2&step=12",
        "level=4&momentum=0.5&step=7&start=-1.4",
        "level=4&batch=8&seed=3&step=20",
    ],
)
def test_the_address_restores_the_state(play, query):
    first = play(query)
    first.does("none")
    first.game.draw()
    first.does("none")
    again = play(first.address.replace("%2C", ",").replace("+", " "))
    again.does("none")
    for element in ("x", "loss", "slope", "steps", "status", "title"):
        assert again.text(element) == first.text(element), element


def test_an_address_that_makes_no_sense_is_told_and_the_game_goes_on(play):
    player = play("level=9&stars=4,0,0&visited=a,b&batch=7&ways=magic")
    told = player.text("problem")
    for name in ("level=9", "stars=4,0,0", "visited=a,b", "batch=7", "ways=magic"):
        assert name in told
    player.presses("ArrowRight")
    assert player.text("steps") == "1"


def test_a_level_begins_afresh_and_what_was_reached_stays(play):
    player = play("level=4&momentum=0.85&step=1000")
    player.does("level", str(SLOPE))
    player.does("level", str(TRAP))
    assert player.text("steps") == "0"
    assert player.text("momentum_value") == "0.00"
    assert player.stars() == [0, 0, 0, 1]
    player.does("level", str(FOG))
    assert player.shows("moves")


def test_the_moves_by_hand_and_the_runs_can_be_taken_away(play):
    player = play("visited=-3.5,1")
    player.does("json")
    moves = json.loads(player.files["game.json"])["moves"]
    assert moves == [
        {"x": x, "loss": pytest.approx(0.5 * (x - 1.37) ** 2 + 0.8, rel=1e-6)} for x in (-3.5, 1)
    ]
    assert not player.shows("python")
    player.does("level", str(TRAP))
    assert player.shows("python")
    player.does("momentum", "0.85")
    player.walks_on()
    player.does("json")
    points = json.loads(player.files["game.json"])["points"]
    assert len(points) == player.number("steps") + 1
    assert points[-1]["x"] == pytest.approx(player.number("x"), abs=6e-4)
    player.does("python")
    assert "jd.heavy_ball(" in player.files["game.py"]
