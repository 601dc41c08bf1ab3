"""The two-dimensional page in a real browser."""

import time

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


def test_dragging_the_start_moves_the_ball_and_its_arrows(open_page):
    page = open_page("/two?step=2")
    page.mouse.move(*place(page, "surface", -2.0, 2.0))
    page.mouse.down()
    for share in np.linspace(0, 1, 6):
        page.mouse.move(*place(page, "surface", -2.0 + 4.0 * share, 2.0 - 3.0 * share))
    wait_until(page, "location.search.includes('start=2')")
    page.mouse.up()
    wait_for_step(page, "0")
    ball = source(page, "surface-balls")
    assert (ball["x"][-1], ball["y"][-1]) == pytest.approx((2.0, -1.0), abs=0.03)
    arrow = source(page, "surface-gradient")
    move = np.array([arrow["x1"][0] - arrow["x0"][0], arrow["y1"][0] - arrow["y0"][0]])
    np.testing.assert_allclose(move / np.linalg.norm(move), [-0.7071, 0.7071], atol=0.02)


def test_one_unit_is_as_long_in_both_directions_also_after_a_resize(open_page):
    page = open_page("/two?surface=himmelblau")
    for size in [{"width": 1280, "height": 800}, {"width": 600, "height": 900}]:
        page.set_viewport_size(size)
        page.wait_for_timeout(1000)
        (x0, y0), (x1, _), (_, y1) = (
            place(page, "surface", *at) for at in [(0, 0), (1, 0), (0, 1)]
        )
        assert x1 - x0 == pytest.approx(y0 - y1, rel=0.02)


def test_the_address_restores_the_race(open_page):
    page = open_page("/two?surface=bowl&kappa=20&1=sgd&1.learning_rate=0.05&2=adam")
    page.click("#step")
    page.click("#step")
    wait_for_step(page, "2")
    page.keyboard.press("2")
    wait_until(page, "location.search.includes('chosen=2')")
    other = open_page(page.evaluate("location.pathname + location.search"))
    for element in ("racers", "components", "status", "limit_words"):
        assert other.inner_text(f"#{element}") == page.inner_text(f"#{element}")
    assert other.input_value("#method") == "adam"


def test_turning_the_bowl_with_the_slider_costs_adam_alone(open_page):
    page = open_page("/two?surface=bowl&step=20")
    before = [read(page.inner_text(f"#loss-{index}")) for index in range(3)]
    page.focus("#turn")
    for _ in range(4):
        page.keyboard.press("PageUp")
    wait_until(page, "location.search.includes('turn=36')")
    after = [read(page.inner_text(f"#loss-{index}")) for index in range(3)]
    assert after[:2] == pytest.approx(before[:2], rel=1e-2)
    assert after[2] > 1.2 * before[2]
    assert page.is_visible("#plot-angles")


def test_divergence_is_shown_and_the_page_recovers(open_page):
    page = open_page("/two?1=sgd&2=adam")
    page.click("#preset-diverges")
    wait_until(page, "document.getElementById('how-0').textContent.startsWith('diverged')")
    assert page.inner_text("#loss-0") == "∞"
    page.click("#reset")
    wait_for_step(page, "0")
    page.click("#preset-just-right")
    wait_until(page, "document.getElementById('how-0').textContent.startsWith('arrived')")


def test_a_race_runs_on_and_can_be_paused_by_keyboard_alone(open_page):
    page = open_page("/two")
    page.keyboard.press("Space")
    wait_until(page, "Number(document.getElementById('steps').textContent) > 5")
    page.keyboard.press("Space")
    wait_for_end(page)
    page.keyboard.press("r")
    wait_for_step(page, "0")
    page.keyboard.press("Shift+ArrowLeft")
    wait_until(page, "location.search.includes('start=-2.1')")


@pytest.mark.parametrize(("size", "theme"), [((390, 844), "dark"), ((1280, 800), "light")])
def test_everything_fits_at_any_width(open_page, size, theme):
    page = open_page("/two?surface=himmelblau&step=40", size=size, theme=theme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    overflowing = page.evaluate(
        "[...document.querySelectorAll('section, button, #components td, #racers td')]"
        ".filter(one => one.scrollWidth > one.clientWidth + 1 && one.clientWidth)"
        ".map(one => one.id || one.className || one.textContent)"
    )
    assert overflowing == []


def test_everything_can_be_reached_with_tab_and_has_a_name(open_page):
    assert_everything_is_reached_with_tab(open_page("/two?surface=bowl"))


@pytest.mark.parametrize(
    ("button", "name", "begins"),
    [("[value=png]", "race.png", b"\x89PNG"), ("[value=svg]", "race.svg", b"<svg"),
     ("#gif", "race.gif", b"GIF89a")],
)  # fmt: skip
def test_pictures_of_the_race(open_page, button, name, begins):
    page = open_page("/two?step=3")
    page.locator("summary", has_text="Share").click()
    with page.expect_download() as waiting:
        page.click(button)
    assert waiting.value.suggested_filename == name
    content = waiting.value.path().read_bytes()
    assert content.startswith(begins)
    assert len(content) > 5000


def test_a_step_reaches_the_screen_at_once(open_page):
    page = open_page("/two")
    times = []
    for step in range(1, 12):
        before = time.perf_counter()
        page.evaluate("document.getElementById('step').click()")
        wait_for_step(page, str(step))
        times.append(time.perf_counter() - before)
    assert np.median(times) < 1.0  # 0.1 on a machine that does nothing else
