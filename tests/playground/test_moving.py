"""Moving pictures: a frame for each step that is shown, of the run's own numbers."""

import io
import itertools

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from tabs import Tab

import jdescent as jd
from jdescent_playground import moving
from jdescent_playground.curves import CURVES
from jdescent_playground.pace import steps_shown
from jdescent_playground.pages.one_dimension import OneDimension
from jdescent_playground.player import Ground, History, player
from jdescent_playground.player.packing import unpacked
from jdescent_playground.player.pictures import Shown, picture
from jdescent_playground.race import Racer
from jdescent_playground.runs import Setup, compute
from jdescent_playground.surfaces import SURFACES

STEPS = 6


def parabola(x):
    return 0.5 * (x - 1) ** 2 + 0.5


@pytest.fixture(scope="module")
def path():
    return jd.descend(parabola, -2.5, jd.sgd(1.9), steps=STEPS, record=("params", "loss"))


@pytest.fixture(scope="module")
def figure(path):
    return player(path, Ground(parabola, (-4.0, 6.0)), History())


def frames(content):
    image = Image.open(io.BytesIO(content))
    seen = []
    for i in range(image.n_frames):
        image.seek(i)
        pixels = np.asarray(image.convert("RGB"), int)
        seen.append((image.info["duration"], pixels))
    return seen


@pytest.mark.parametrize("name", ["run.gif", "deep/run.webp", "run.png"])
def test_a_picture_has_a_frame_for_each_step_and_stays_at_the_last(figure, tmp_path, name):
    saved = figure.save(tmp_path / name)
    durations, pictures = zip(*frames(saved.read_bytes()), strict=True)
    assert len(pictures) == STEPS + 1
    assert durations[-1] > 10 * durations[0]
    for one, other in itertools.pairwise(pictures):
        assert abs(one - other).max() > 100


def test_the_page_is_saved_as_before(figure, tmp_path):
    assert "<script" in figure.save(tmp_path / "run.html").read_text(encoding="utf-8")


def test_dark_is_dark(figure):
    light, dark = (frames(figure.animation(theme=theme))[0][1].mean() for theme in THEMES)
    assert light > 220
    assert dark < 60


THEMES = ("light", "dark")


@pytest.mark.parametrize("name", ["run.mp4", "run", "run.svg"])
def test_another_ending_is_refused_with_those_there_are(figure, tmp_path, name):
    with pytest.raises(ValueError, match=r"\.html or as \.gif, \.webp, \.png.*ffmpeg"):
        figure.save(tmp_path / name)
    assert not (tmp_path / name).exists()


def test_another_theme_is_refused(figure):
    with pytest.raises(ValueError, match="one of light, dark, got 'sepia'"):
        figure.animation(theme="sepia")


def test_a_picture_shows_the_numbers_of_the_run(figure, path):
    header, numbers = unpacked(figure.data)
    shown = Shown(header["axes"], np.array(header["steps"]), numbers, {}, row=3)
    curve, history = (picture(about, shown) for about in header["views"])
    lines, dots = dict(curve.lines), dict(curve.dots)
    x, loss = path.record["params"], path.record["loss"]
    np.testing.assert_array_equal(lines["path"], np.column_stack([x, loss])[:4])
    np.testing.assert_array_equal(dots["ball"], [[x[3], loss[3]]])
    (left, right) = lines["tangent"]
    assert (right[1] - left[1]) / (right[0] - left[0]) == pytest.approx(float(x[3]) - 1, rel=1e-5)
    np.testing.assert_array_equal(dict(history.dots)["now"], [[3, loss[3]]])


def test_runs_beside_one_another_keep_their_own_color():
    bowl = jd.losses.bowl((1.0, 10.0))
    runs = {
        name: jd.descend(bowl, jnp.array([-2.0, 1.0]), one, 5, record=("params", "loss"))
        for name, one in {"sgd": jd.sgd(0.1), "adam": jd.adam(0.1)}.items()
    }
    figure = player(runs, Ground(bowl, ((-3, 3), (-2, 2))), overlay="run")
    header, numbers = unpacked(figure.data)
    shown = Shown(header["axes"], np.array(header["steps"]), numbers, {"run": 0}, 5, "run")
    drawn = dict(picture(header["views"][0], shown).lines)
    for i, path in enumerate(runs.values()):
        np.testing.assert_array_equal(drawn[f"run-{i}"], path.record["params"])
    assert len(frames(figure.animation())) == 6


@pytest.mark.parametrize("last", [0, 1, 24, 1000])
def test_every_step_that_is_shown_follows_the_one_before(last):
    steps = steps_shown(last)
    assert steps[0] == 0
    assert steps[-1] == last
    assert (np.diff(steps) > 0).all()
    assert steps[:25] == list(range(min(last, 24) + 1))


def test_a_run_that_diverges_is_drawn_up_to_its_end():
    curve = CURVES["bowl"]
    run = compute(Setup(curve.task, "sgd", {"learning_rate": 9.0}, -2.5))
    assert run.diverged
    assert len(frames(moving.of_curve(curve, run, 0))) == len(steps_shown(run.last))


def test_a_race_is_one_picture():
    surface = SURFACES["bowl-2-4"]
    racers = [Racer("sgd", 0.1), Racer("adam", 0.5)]
    bare = Setup(surface.task, "sgd", {}, (-2.0, 2.3), surface.parameters)
    runs = [compute(racer.apply(bare)) for racer in racers]
    assert len(frames(moving.of_race(surface, racers, runs, 4))) == 5
    assert len(frames(moving.of_race(surface, racers[:1], runs[:1], 2, "dark"))) == 3


def test_the_button_saves_what_is_shown():
    tab = Tab(OneDimension, {"step": "3"})
    tab.do("gif")
    assert len(frames(tab.files["run.gif"])) == 4
