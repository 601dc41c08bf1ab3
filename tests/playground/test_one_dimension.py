"""The one-dimensional page in a real browser."""

import json
import re
import struct
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import jax.numpy as jnp
import numpy as np
import pytest
from browsing import (
    assert_everything_is_reached_with_tab,
    place,
    source,
    wait_for_end,
    wait_for_step,
    wait_until,
)
from reading import read

import jdescent as jd

BOWL = jd.losses.parabola(1.0, 1.0, 0.5)


def number(page, element: str) -> float:
    return read(page.inner_text(f"#{element}"))


def readings(page) -> tuple[float, ...]:
    return tuple(number(page, element) for element in ("steps", "x", "loss", "slope"))


def descended(optimizer, start=-2.5, loss=BOWL, steps=1000):
    record = ["params", "gradient"]
    return jd.descend(loss, jnp.array(start), optimizer, steps, record=record, divergence=jnp.inf)


def test_the_numbers_on_the_page_are_descends(open_page):
    page = open_page("/")
    path = descended(jd.sgd(0.4))
    for step in range(6):
        wait_for_step(page, str(step))
        expected = (step, path.record["params"][step], path.loss[step])
        assert readings(page)[:3] == pytest.approx([float(v) for v in expected], rel=6e-4)
        assert readings(page)[3] == pytest.approx(float(path.record["gradient"][step]), rel=6e-4)
        page.click("#step")
    wait_for_step(page, "6")
    first = page.locator("#rows tr").last.inner_text().split()
    assert first == ["0", "−2.50", "6.625", "−3.50", "1.40"]
    assert page.locator("#rows tr").count() == 7


def test_the_update_is_written_out_and_carried_out(open_page):
    page = open_page("/")
    assert page.inner_text("#update .numbers") == "−2.50 − 0.40·(−3.50) = −1.10"
    page.keyboard.press("ArrowRight")
    wait_for_step(page, "1")
    assert page.inner_text("#x") == "−1.10"
    assert page.inner_text("#update .numbers").startswith("−1.10 − 0.40·(−2.10) = ")


def test_dragging_the_ball_moves_the_start_and_the_tangent_follows(open_page):
    page = open_page("/")
    page.click("#step")
    wait_for_step(page, "1")
    page.mouse.move(*place(page, "curve", -1.1, 2.705))
    page.mouse.down()
    for goal in np.linspace(-1.0, 3.0, 9):
        page.mouse.move(*place(page, "curve", goal, 3.0))
    wait_until(page, "document.getElementById('x').textContent === '3.00'")
    page.mouse.up()
    wait_for_step(page, "0")
    tangent = {name: values[0] for name, values in source(page, "curve-tangent").items()}
    slope = (tangent["y1"] - tangent["y0"]) / (tangent["x1"] - tangent["x0"])
    assert slope == pytest.approx(3.0 - 1.0, rel=0.01)
    assert (tangent["x0"] + tangent["x1"]) / 2 == pytest.approx(3.0, abs=0.02)
    assert (tangent["y0"] + tangent["y1"]) / 2 == pytest.approx(2.5, abs=0.05)
    assert source(page, "curve-ball")["x"] == pytest.approx([3.0], abs=0.02)


def test_a_finger_drags_the_ball_and_still_scrolls_the_page(open_page):
    page = open_page("/", size=(390, 844), has_touch=True, is_mobile=True)
    fingers = page.context.new_cdp_session(page)

    def drag(begin, end):
        points = np.linspace(begin, end, 8)
        for kind, (x, y) in zip(["Start", *["Move"] * 7], points, strict=True):
            touch = [{"x": x, "y": y}]
            fingers.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": touch})
        fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    drag(place(page, "curve", -2.5, 6.0), place(page, "curve", 3.0, 6.0))
    wait_until(page, "Number(document.getElementById('x').textContent) > 2.5")
    drag(place(page, "curve", 0.0, 1.0), place(page, "curve", 0.0, 9.0))
    wait_until(page, "scrollY > 50")


def test_clicking_the_curve_chooses_the_start(open_page):
    page = open_page("/")
    page.mouse.click(*place(page, "curve", 4.0, 5.0))
    wait_until(page, "document.getElementById('x').textContent === '4.00'")
    assert "start=4" in page.evaluate("location.search")


@pytest.mark.parametrize(
    ("preset", "rate", "ending"),
    [
        ("too-small", 0.01, "1,000 steps are over, and the slope is still"),
        ("just-right", 0.4, "Arrived after"),
        ("too-big", 1.9, "Arrived after"),
        ("diverges", 2.2, "Diverged: after"),
    ],
)
def test_the_four_presets_end_as_they_are_named(open_page, preset, rate, ending):
    page = open_page("/")
    page.click(f"#preset-{preset}")
    wait_until(page, f"document.getElementById('status').textContent.startsWith('{ending}')")
    assert read(page.input_value("#rate-typed")) == pytest.approx(rate)
    path = descended(jd.sgd(rate))
    steps, x, loss, _ = readings(page)
    assert x == pytest.approx(float(path.record["params"][int(steps)]), rel=1e-2)
    assert (loss == np.inf) == (preset == "diverges")
    if preset == "too-big":
        drawn = np.array(source(page, "curve-path")["x"][:20]) - 1
        assert (drawn[1:] * drawn[:-1] < 0).all()  # each step jumps over the minimum
    if preset == "diverges":
        assert "∞" in page.inner_text("#rows tr >> nth=0")
        assert source(page, "curve-ball")["x"] == []
        assert len(source(page, "curve-lost")["x"]) == 1
        page.click("#reset")
        wait_for_step(page, "0")
        assert readings(page) == (0, -2.5, 6.625, -3.5)
        page.click("#preset-just-right")
        wait_until(page, "document.getElementById('status').textContent.startsWith('Arrived')")


def test_the_boundary_on_the_slider_is_where_divergence_begins(open_page):
    page = open_page("/")
    assert "2/λ = 2.00" in page.inner_text("#limit_words")
    share = float(page.evaluate("limit.style.getPropertyValue('--at')"))
    assert 1e-4 * (10 / 1e-4) ** share == pytest.approx(2.0, rel=1e-3)
    page.select_option("#method", "heavy_ball")
    wait_until(page, "document.getElementById('limit_words').textContent.includes('3.80')")
    page.select_option("#curve", "parabola")
    wait_until(page, "document.getElementById('limit_words').textContent.includes('1.90')")


def test_moving_the_slider_redraws_the_shown_steps(open_page):
    page = open_page("/?step=4")
    page.fill("#rate-typed", "1.5")
    page.keyboard.press("Enter")
    wait_until(page, "document.getElementById('rate-typed').value === '1.50'")
    expected = descended(jd.sgd(1.5)).record["params"][4]
    assert readings(page)[:2] == pytest.approx((4, float(expected)), rel=6e-4)
    page.focus("#rate")
    page.keyboard.press("Home")
    wait_until(page, "document.getElementById('rate-typed').value === '1.00·10⁻⁴'")
    assert number(page, "steps") == 4


def test_momentum_writes_its_velocity_and_its_slider_acts(open_page):
    page = open_page("/?method=heavy_ball&learning_rate=0.1&step=3")
    page.click("#more summary")
    slider = page.locator("input[data-do='set:momentum']")
    slider.focus()
    page.keyboard.press("Home")
    wait_until(page, "document.getElementById('value-momentum').textContent === '0.00'")
    expected = descended(jd.heavy_ball(0.1, 0.0)).record["params"][3]
    assert number(page, "x") == pytest.approx(float(expected), rel=6e-4)
    symbols = page.locator("#update .symbols").all_inner_texts()
    assert symbols == ["v ← β·v − η·L′(x)", "x ← x + v"]


def test_the_address_restores_the_state(open_page):
    page = open_page("/?curve=double-well&method=adam&learning_rate=0.05&b1=0.8&start=0.3")
    for _ in range(3):
        page.click("#step")
    wait_for_step(page, "3")
    address = page.evaluate("location.pathname + location.search")
    query = parse_qs(urlsplit(address).query)
    assert query["step"] == ["3"]
    assert query["b1"] == ["0.8"]
    other = open_page(address)
    assert readings(other) == readings(page)
    assert other.inner_text("#rows") == page.inner_text("#rows")
    assert other.input_value("#method") == "adam"
    assert other.input_value("#curve") == "double-well"


def test_a_typed_curve_travels_in_the_address_as_text_alone(open_page):
    page = open_page("/?curve=own&formula=%3Cb%3Ex&start=1")
    assert "character" in page.inner_text("#problem")
    page.fill("#formula", "cos(3x) + x^2/4")
    page.keyboard.press("Enter")
    wait_until(page, "location.search.includes('cos')")
    other = open_page(page.evaluate("location.pathname + location.search"))
    assert other.input_value("#formula") == "cos(3x) + x^2/4"
    assert readings(other) == readings(page)


@pytest.mark.parametrize(
    "query",
    ["start=far", "step=-1", "method=none", "curve=hill", "learning_rate=1e9", "b1=0.5&momentum=2",
     "seed=x&batch=1000", "from=3&to=1", "curve=own&formula=" + "x" * 300, "%ff=%ff",
     "nesterov=on"],
)  # fmt: skip
def test_nonsense_in_the_address_leaves_a_living_page(open_page, query):
    page = open_page("/?" + query)
    page.click("#step")
    wait_for_step(page, "1")


def test_malformed_and_broken_expressions_are_told_and_nothing_dies(open_page):
    page = open_page("/")
    page.select_option("#curve", "own")
    page.wait_for_selector("#formula:visible")

    def typed(formula, words):
        page.fill("#formula", formula)
        page.keyboard.press("Enter")
        quoted = json.dumps(words)
        wait_until(page, f"document.getElementById('problem').textContent.includes({quoted})")

    typed("x^2 +", "not a formula")
    typed("import os", "is not known")
    typed("(1).__class__", "is not read")
    typed("sin x", "write sin(x)")
    typed("1/(x - 1)", "pole near x = 1.00")
    typed("log(x)", "not a number left of")
    assert np.isfinite(number(page, "loss"))
    page.keyboard.press("Tab")
    page.click("#run")
    wait_for_end(page)
    typed("sqrt(0 - 1 - x^2)", "not a number anywhere")
    assert "Put the ball somewhere else" in page.inner_text("#status")
    typed("9^9^9 x", "anywhere")
    page.fill("#formula", "x^2")
    page.keyboard.press("Enter")
    wait_until(page, "document.getElementById('problem').textContent === ''")
    page.click("#reset")
    page.click("#step")
    wait_for_step(page, "1")


def test_running_off_the_edge_of_the_domain_of_a_formula_is_said(open_page):
    page = open_page("/?curve=own&formula=log(x)&from=0.1&to=4&start=0.5&learning_rate=0.4")
    page.click("#run")
    wait_until(page, "document.getElementById('status').textContent.startsWith('Diverged')")
    assert "NaN" in page.inner_text("#status") + page.inner_text("#rows")


def test_keyboard_alone(open_page):
    page = open_page("/")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    wait_for_step(page, "2")
    page.keyboard.press("ArrowLeft")
    wait_for_step(page, "1")
    page.keyboard.press("Space")
    wait_until(page, "Number(document.getElementById('steps').textContent) > 3")
    page.keyboard.press("Space")
    wait_for_end(page)
    page.keyboard.press("r")
    wait_for_step(page, "0")
    page.keyboard.press("ArrowUp")
    wait_until(page, "document.getElementById('rate-typed').value === '0.44'")
    page.keyboard.press("Shift+ArrowRight")
    wait_until(page, "document.getElementById('x').textContent === '−2.36'")


def test_starts_to_choose_from(open_page):
    page = open_page("/?curve=double-well&step=3")
    for words, x in [("far-left", "−1.82"), ("near-a-minimum", "1.77"), ("far-right", "2.314")]:
        page.click(f"#start-{words}")
        wait_until(page, f"document.getElementById('x').textContent === '{x}'")
        assert page.inner_text("#steps") == "0"
    page.click("#start-on-a-top")
    wait_until(page, "document.getElementById('x').textContent === '0.00'")
    assert "nothing to follow" in page.inner_text("#status")
    page.select_option("#curve", "bowl")
    wait_until(page, "document.getElementById('start-on-a-top').hidden")


def test_everything_can_be_reached_with_tab_and_has_a_name(open_page):
    assert_everything_is_reached_with_tab(open_page("/"))


def test_a_hundred_fast_clicks_are_a_hundred_steps(open_page):
    page = open_page("/?learning_rate=0.01")
    page.evaluate("for (let i = 0; i < 100; i++) document.getElementById('step').click()")
    wait_for_step(page, "100")
    expected = descended(jd.sgd(0.01)).record["params"][100]
    assert number(page, "x") == pytest.approx(float(expected), rel=6e-4)


def test_a_thousand_steps_are_animated_while_the_page_stays_responsive(open_page):
    page = open_page("/?learning_rate=0.001")
    page.click("#run")
    seen = set()
    while "over" not in page.inner_text("#status"):
        seen.add(number(page, "steps") if page.inner_text("#steps").isdigit() else 1000)
        page.wait_for_timeout(50)
    assert len(seen) > 8
    assert page.inner_text("#steps") == "1,000"
    assert len(source(page, "loss-line")["x"]) == 1001


STEP_TIMES = """async () => {
  const steps = document.getElementById("steps"), times = [];
  for (let i = 0; i < 30; i++) {
    const begun = performance.now();
    const painted = new Promise(done => new MutationObserver((_, observer) => {
      observer.disconnect();
      requestAnimationFrame(() => requestAnimationFrame(done));
    }).observe(steps, {childList: true}));
    document.getElementById("step").click();
    await painted;
    times.push(performance.now() - begun);
  }
  return times;
}"""


def test_a_step_is_on_the_screen_at_once(open_page):
    """About 60 ms on an idle machine of two cores; the bound is for one that tests on both."""
    page = open_page("/?learning_rate=0.01")
    assert np.median(page.evaluate(STEP_TIMES)) < 400


def test_two_browsers_do_not_see_each_other(open_page):
    one, other = open_page("/"), open_page("/")
    one.click("#step")
    one.select_option("#curve", "rugged")
    other.click("#step")
    wait_for_step(other, "1")
    wait_until(one, "document.getElementById('x').textContent === '2.70'")
    assert readings(other)[:2] == (1, -1.1)
    assert other.input_value("#curve") == "bowl"


def test_noise_changes_with_its_seed_and_not_without(open_page):
    query = "/?curve=double-well&learning_rate=0.1&start=-1&step=40&batch=4&seed="
    one, same, other = (open_page(query + seed) for seed in ("1", "1", "2"))
    assert readings(one) == readings(same) != readings(other)


@pytest.mark.parametrize(
    ("size", "theme"),
    [((390, 844), "light"), ((768, 1024), "dark"), ((1280, 800), "light"), ((1920, 1080), "dark")],
)
@pytest.mark.parametrize("query", ["?method=heavy_ball&step=5", "?curve=double-well&step=3"])
def test_everything_fits_at_any_width_and_in_both_lights(open_page, size, theme, query):
    page = open_page("/" + query, size=size, theme=theme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for element in ("run", "step", "update", "rate"):
        box = page.locator(f"#{element}").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]
    overflowing = page.evaluate(
        "[...document.querySelectorAll('section, button, output, .numbers')]"
        ".filter(one => one.clientWidth && one.scrollWidth > one.clientWidth + 1)"
        ".map(one => one.id || one.className)"
    )
    assert overflowing == []
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == theme
    ink = {"light": "rgb(27, 31, 39)", "dark": "rgb(238, 240, 244)"}[theme]
    assert page.evaluate("getComputedStyle(document.body).color") == ink


def test_the_figures_follow_a_resized_window_and_the_toggled_light(open_page):
    page = open_page("/")
    width = "document.querySelector('#plot-curve').clientWidth"
    before = page.evaluate(width)
    page.set_viewport_size({"width": 700, "height": 900})
    wait_until(page, f"{width} < {before}")
    page.wait_for_timeout(300)
    x, _ = place(page, "curve", 5.2, 0.0)
    assert x < 700
    page.click("#theme")
    wait_until(page, "document.documentElement.dataset.theme === 'dark'")
    ink = "Bokeh.documents[0].get_model_by_name('curve').renderers[0].glyph.line_color"
    wait_until(page, f"({ink}.value ?? {ink}) === '#eef0f4'")


@pytest.mark.parametrize(
    ("button", "name", "begins"),
    [
        ("[data-do=json]", "run.json", b"{"),
        ("[data-do=python]", "run.py", b"import jax"),
        ("[value=png]", "run.png", b"\x89PNG"),
        ("[value=svg]", "run.svg", b"<svg"),
    ],
)
def test_exports(open_page, button, name, begins):
    page = open_page("/?step=3")
    page.locator("summary", has_text="Share").click()
    with page.expect_download() as waiting:
        page.click(button)
    assert waiting.value.suggested_filename == name
    content = waiting.value.path().read_bytes()
    assert content.startswith(begins)
    if name == "run.json":
        x = [point["x"] for point in json.loads(content)["points"]]
        np.testing.assert_allclose(x, 1 - 3.5 * 0.6 ** np.arange(4), rtol=1e-6)
    if name == "run.svg":
        drawn = ElementTree.fromstring(content)
        figures = drawn.findall("{*}g")
        assert len(figures) == 2  # the curve, and the loss against the step
        for one in figures:
            assert len(one.findall(".//{*}path")) > 3  # no empty canvas
    if name == "run.png":
        width, height = struct.unpack(">2I", content[16:24])
        curve, loss = (page.locator(f"#plot-{name}").bounding_box() for name in ("curve", "loss"))
        assert width == pytest.approx(curve["width"] + loss["width"], abs=2)
        assert height == pytest.approx(max(curve["height"], loss["height"]), abs=2)


def test_every_optimizer_can_be_chosen_on_the_page(open_page):
    page = open_page("/")
    names = page.locator("#method option").evaluate_all("all => all.map(one => one.value)")
    assert {"sgd", "adam", "lion", "optax.adam"} <= set(names)
    for name in ("rmsprop", "optax.radam"):
        page.select_option("#method", name)
        wait_until(page, f"location.search.includes('method={name}')")
    assert re.search(r"x|step", page.inner_text("#update"))
