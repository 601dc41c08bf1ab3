"""The lecture from a file, in a browser: what it shows is what `descend` gives, with no server."""

import json
import re
from urllib.parse import parse_qsl, urlsplit

import jax.numpy as jnp
import pytest
from browsing import assert_accessible
from tabs import Tab

import jdescent as jd
from jdescent_playground import lecture as the_lecture
from jdescent_playground.lecture import chance, networks, one_parameter, two_parameters
from jdescent_playground.levels import LEVELS
from jdescent_playground.numbers import shown
from jdescent_playground.pages import game, one_dimension, two_dimensions

QUICK = [
    (chance, {"STEPS": 20, "SEEDS": 2}),
    (networks, {"EDGE_STEPS": 30, "LOOP_STEPS": 20}),
    (two_parameters, {"ROTATION_STEPS": 50}),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    """The whole lecture, of fewer steps, in a file."""
    with pytest.MonkeyPatch.context() as patch:
        for module, sizes in QUICK:
            for name, value in sizes.items():
                patch.setattr(module, name, value)
        page = the_lecture.lecture()
    path = tmp_path_factory.mktemp("lecture") / "index.html"
    path.write_text(page, encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def opened(browser, address):
    """A function that opens the lecture; only the file may be asked for, and nothing may fail."""
    contexts, errors, asked = [], [], []

    def open_lecture(width=1440, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.on("request", lambda request: asked.append(request.url.split("#")[0]))
        page.goto(address)
        if options.get("java_script_enabled", True):
            page.wait_for_selector("html[data-ready]")
        return page

    yield open_lecture
    for context in contexts:
        context.close()
    assert errors == []
    assert set(asked) == {address}


def readings(page, figure: str) -> dict[str, str]:
    groups = page.locator(f"#{figure} .readings div").all()
    return {g.locator("dt").inner_text(): g.locator("dd").inner_text() for g in groups}


def test_every_figure_shows_what_descend_gives(opened):
    page = opened()
    ball = page.locator("#ball")
    for rate, start, step in ((0.4, -2.5, 3), (2.1, 5.5, 7), (1.0, 0.0, 1)):
        at = {
            "learning_rate": [*one_parameter.RATES].index(rate),
            "x0": [*one_parameter.STARTS].index(start),
        }
        page.evaluate(
            "([at, row]) => { const { player } = document.getElementById('ball');"
            " player.set(at, row); }",
            [at, step],
        )
        path = jd.descend(
            one_parameter.parabola, start, jd.sgd(jnp.float32(rate)), 40,
            record=("params", "loss"), tolerance=one_parameter.ARRIVED,
        )  # fmt: skip
        x = path.record["params"]
        seen = readings(page, "ball")
        assert (seen["x"], seen["loss"]) == (shown(x[step]), shown(path.loss[step]))
        assert seen["step"] == str(step)
        if step < path.verdict.step:
            assert ball.locator(".numbers").inner_text().endswith(f"= {shown(x[step + 1])}")

    page.get_by_role("button", name="too much momentum").click()
    page.evaluate("document.getElementById('momentum').player.pause()")
    page.evaluate("document.getElementById('momentum').player.go(17)")
    loss = jd.losses.bowl((two_parameters.SLOW, two_parameters.FAST))
    path = jd.descend(
        loss, jnp.array([-2.0, 1.0]), jd.heavy_ball(0.1, 0.88), 60, record=("params", "loss")
    )
    seen = readings(page, "momentum")
    assert float(_plain(seen["loss"])) == pytest.approx(float(path.loss[17]), rel=2e-3)


def _plain(text: str) -> str:
    lowered = text.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-"))
    return lowered.replace("·10", "e")


def test_every_button_in_a_sentence_sets_its_figure(opened):
    page = opened(reduced_motion="reduce")
    buttons = page.locator("button.try").all()
    assert len(buttons) > 25
    for button in buttons:
        button.click()
        figure, at = button.get_attribute("data-figure"), button.get_attribute("data-at")
        state = page.evaluate(
            "name => { const { player } = document.getElementById(name);"
            " return [player.at, player.row, player.end()]; }",
            figure,
        )
        assert json.loads(at).items() <= state[0].items()
        plays = button.get_attribute("data-play") is not None
        assert state[1] == (state[2] if plays else 0)


def test_the_start_is_dragged_and_moved_with_keys(opened):
    page = opened()
    ring = page.locator("#ball .start")
    ring.scroll_into_view_if_needed()
    box = ring.bounding_box()
    page.mouse.move(box["x"] + 9, box["y"] + 9)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"], steps=4)
    page.mouse.up()
    dragged = float(_plain(readings(page, "ball")["x"]))
    assert dragged > -2.0
    assert dragged in one_parameter.STARTS
    ring.focus()
    page.keyboard.press("ArrowRight")
    assert float(_plain(readings(page, "ball")["x"])) == dragged + 0.5


def laboratory_of(page, figure: str) -> dict[str, str]:
    href = page.locator(f"#{figure} .laboratory a").get_attribute("href")
    assert href.startswith("http://localhost:5006/")
    return dict(parse_qsl(urlsplit(href).query))


def test_each_figure_opens_in_the_laboratory_where_it_stands(opened):
    """The live page of its address shows the same numbers, and finds nothing wrong with it."""
    page = opened()
    for figure, settings, row, build in (
        ("ball", {"learning_rate": 1.9, "x0": 5.5}, 4, one_dimension.OneDimension),
        ("limit", {"curvature": 4.0, "learning_rate": 0.25}, 1, one_dimension.OneDimension),
        ("bowl", {"curvature": 25.0, "fraction": 1.9}, 7, two_dimensions.TwoDimensions),
        ("momentum", {"learning_rate": 0.23, "momentum": 0.28}, 9, two_dimensions.TwoDimensions),
        ("rotation", {"optimizer": "heavy ball", "angle": 45.0}, 6, two_dimensions.TwoDimensions),
        ("rotation", {"optimizer": "Adam", "angle": 30.0}, 2, two_dimensions.TwoDimensions),
        ("noise", {"batch_size": "2", "seed": 1}, 3, one_dimension.OneDimension),
    ):
        page.evaluate(
            """([figure, settings, row]) => {
              const { player } = document.getElementById(figure);
              const at = Object.entries(settings).map(([name, value]) => {
                const { labels, values } = player.axis(name);
                return [name, values ? values.findIndex(each => Math.abs(each - value) < 1e-5)
                                     : labels.indexOf(value)];
              });
              player.set(Object.fromEntries(at), row);
            }""",
            [figure, settings, row],
        )
        tab, seen = Tab(build, laboratory_of(page, figure)), readings(page, figure)
        assert tab.problem == ""
        assert tab.texts["steps"] == seen["step"]
        for name, element in (("x", "x"), ("loss", "loss" if "x" in seen else "loss-0")):
            if name in seen:
                told, here = _plain(tab.texts[element]), _plain(seen[name])
                assert float(told) == pytest.approx(float(here), rel=6e-3)
    for figure in ("edge", "learners"):  # networks are not in the laboratory
        assert page.locator(f"#{figure} .laboratory").count() == 0


def test_a_click_into_the_map_runs_what_is_there(opened):
    page = opened()
    chart = page.locator("#momentum .views .map svg")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    chart.click(position={"x": box["width"] * 0.5, "y": box["height"] * 0.4})
    rate, momentum = page.locator("#momentum .control output").all_inner_texts()
    at = page.evaluate("document.getElementById('momentum').player.at")
    assert float(rate) == pytest.approx(two_parameters.MOMENTUM_RATES[at["learning_rate"]])
    assert float(momentum) == pytest.approx(two_parameters.MOMENTA[at["momentum"]])
    assert 0.1 < float(rate) < 0.3
    assert 0.3 < float(momentum) < 0.9


def test_keys_alone_reach_everything_and_all_of_it_has_a_name(opened):
    page = opened()
    names = page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, a, [tabindex]')]
          .filter(one => one.checkVisibility())
          .map(one => [one.tabIndex, (one.ariaLabel || one.getAttribute('aria-label')
            || one.labels?.[0]?.textContent || one.textContent || '').trim()])"""
    )
    assert len(names) > 80
    assert all(index == 0 and name for index, name in names)
    page.locator("#ball input[aria-label=step]").focus()
    page.keyboard.press("ArrowRight")
    assert readings(page, "ball")["step"] == "1"


@pytest.mark.parametrize("width", [360, 1440])
def test_nothing_is_cut_off_on_a_phone_or_a_large_screen(opened, width):
    page = opened(width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = page.evaluate(
        "width => [...document.querySelectorAll('.player *')]"
        ".filter(one => !one.closest('svg') && one.getBoundingClientRect().right > width + 1)"
        ".map(one => one.className)",
        width,
    )
    assert wide == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_axe_finds_nothing_to_keep_anyone_out(opened, width, scheme):
    assert_accessible(opened(width, color_scheme=scheme))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_click_changes_light_to_dark_and_dark_to_light(opened, scheme):
    page = opened(color_scheme=scheme)
    look = "getComputedStyle(document.body).backgroundColor"
    colors = [page.evaluate(look)]
    for _ in range(2):
        page.locator("#theme").click()
        colors.append(page.evaluate(look))
    assert colors[0] == colors[2] != colors[1]
    assert (colors[0] == "rgb(243, 244, 247)") == (scheme == "light")


def test_without_scripts_the_text_is_read_and_each_figure_described(opened):
    page = opened(java_script_enabled=False)
    text = page.locator("body").inner_text()
    assert "Gradient descent, from one ball to a network" in text
    assert page.locator(".player .still").count() == len(the_lecture.figures())
    assert all(still.is_visible() for still in page.locator(".player .still").all())
    assert page.locator("#ball .stills svg").count() == 2
    assert page.locator("#bowl .stills .contour").count() > 5
    drawn = page.locator(".stills path").evaluate_all(
        "all => all.map(one => one.getAttribute('d'))"
    )
    assert not any("NaN" in path or "Infinity" in path for path in drawn)


def test_on_paper_every_view_is_a_still_of_its_whole_run(opened):
    page = opened()
    views = page.locator(".views .view").count()
    assert page.locator(".stills .view:visible").count() == 0
    page.emulate_media(media="print")
    assert page.locator(".views .view:visible").count() == 0
    assert page.locator(".stills .view:visible").count() == views
    assert page.locator("#momentum .stills image").get_attribute("href").startswith("data:image/")
    assert page.locator("#momentum .stills .point").count() == 4
    seen = one_parameter.RATES_OF_LIMIT <= 4.0  # |1 − η| ≤ 3, as far as its axis reaches
    assert page.locator("#limit .stills .measured").count() == seen.sum()
    for button in page.locator("button:visible").all():  # those in sentences are its words
        assert "try" in button.get_attribute("class")


def test_the_exercise_leads_to_each_level_of_the_game(opened):
    page = opened()
    links = page.locator("#exercise a").evaluate_all("all => all.map(one => one.href)")
    for number, (link, level) in enumerate(zip(links, LEVELS, strict=True), 1):
        there = urlsplit(link)
        tab = Tab(game.Game, dict(parse_qsl(there.query)))
        assert there.path == "/game"
        assert tab.page.level == number - 1
        assert tab.texts["title"].endswith(level.title)


def test_the_text_quotes_only_what_was_computed():
    text = (the_lecture.HERE / "lecture.html").read_text(encoding="utf-8")
    ball = one_parameter.ball()
    with pytest.raises(ValueError, match="the text shows"):
        the_lecture.filled(text, {"ball": ball})
    figure = '<figure-of name="ball"></figure-of>'
    with pytest.raises(ValueError, match=r"learning_rate = 0\.3 was not computed"):
        the_lecture.filled(
            figure + '<try figure="ball" learning_rate="0.3">a</try>', {"ball": ball}
        )
    with pytest.raises(KeyError, match="steps"):
        the_lecture.filled(figure + "{{ball.steps}}", {"ball": ball})
    filled = the_lecture.filled(figure + "{{ball.fewest_steps}}", {"ball": ball})
    assert re.search(r"</div>1$", filled)
