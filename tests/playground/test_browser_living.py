"""The page in a browser as people live with it: fingers, reloads, restarts, what it says."""

import re
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from browsing import place, source, wait_for_end, wait_for_step, wait_for_text, wait_until


def swipe(page, begin, end, ending="touchEnd"):
    fingers = page.context.new_cdp_session(page)
    for number, (x, y) in enumerate(np.linspace(begin, end, 8)):
        kind = "touchMove" if number else "touchStart"
        touches = [{"x": float(x), "y": float(y)}]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
    page.wait_for_timeout(150)  # a finger that is lifted while it moves lets the page roll on
    fingers.send("Input.dispatchTouchEvent", {"type": ending, "touchPoints": []})


PHONE = {"size": (390, 844), "has_touch": True, "is_mobile": True}
PLOTS = [
    ("/", "curve", (1.0, 3.0), (3.0, 3.0), "start=3"),
    ("/two", "surface", (0.5, 0.3), (2.0, 0.3), "start=2%2C0.3"),
    ("/game", "curve", (0.0, 10.0), (2.0, 10.0), "visited=-3.5%2C2"),
    ("/game?level=4", "curve", (-0.5, 0.0), (-1.5, 0.0), "start=-1.5"),
]


@pytest.mark.parametrize(("path", "figure", "here", "there", "written"), PLOTS)
def test_a_vertical_swipe_scrolls_and_moves_nothing_a_horizontal_one_drags(
    open_page, path, figure, here, there, written
):
    page = open_page(path, **PHONE)
    state = page.url, page.inner_text("#status"), page.inner_text("#steps")
    x, y = place(page, figure, *here)
    swipe(page, (x, y), (x + 12, y - 200))
    wait_until(page, "scrollY > 50")
    page.wait_for_timeout(300)
    assert (page.url, page.inner_text("#status"), page.inner_text("#steps")) == state
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(300)
    swipe(page, place(page, figure, *here), place(page, figure, *there))
    wait_until(page, f"location.search.includes('{written}')")
    assert page.evaluate("scrollY") < 5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_for_a_lecture_hall_all_is_larger_and_panels_are_left_out(open_page, theme):
    page = open_page("/?step=3", size=(1920, 1080), theme=theme)
    size = "parseFloat(getComputedStyle(document.querySelector('.numbers')).fontSize)"
    usual, panels = page.evaluate(size), page.locator(".foot, .by-hand, .keys, .starts")
    assert [panel.is_visible() for panel in panels.all()] == [True] * 4
    page.click("#present")
    assert page.evaluate(size) > 1.25 * usual
    assert [panel.is_visible() for panel in panels.all()] == [False] * 4
    wait_until(page, "document.getElementById('run').getBoundingClientRect().bottom < innerHeight")
    page.keyboard.press("ArrowRight")  # it lives as before
    wait_for_step(page, "4")
    page.click("nav a[href='/two']")
    wait_until(page, "document.documentElement.dataset.ready === ''")
    assert page.get_attribute("#present", "aria-pressed") == "true"
    assert not page.locator(".foot").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("#present").blur()
    page.keyboard.press("p")
    assert page.get_attribute("#present", "aria-pressed") == "false"
    assert page.locator(".foot").is_visible()


def test_a_drag_that_the_browser_ends_is_taken_back(open_page):
    page = open_page("/?step=3", **PHONE)
    before = page.url
    swipe(page, place(page, "curve", 1, 3), place(page, "curve", 3, 3), ending="touchCancel")
    wait_until(page, "location.search.includes('start=-2.5')")
    wait_for_step(page, "3")
    assert page.url == before


def test_a_tap_moves_the_ball_and_a_finger_on_it_drags_it_up_and_down(open_page):
    page = open_page("/two", **PHONE)
    page.touchscreen.tap(*place(page, "surface", 0.5, 0.5))
    wait_until(page, "location.search.includes('start=0.5%2C0.5')")
    swipe(page, place(page, "surface", 0.5, 0.5), place(page, "surface", 0.5, -1.0))
    wait_until(page, "location.search.includes('start=0.5%2C-1')")
    assert page.evaluate("scrollY") == 0


PAGES = ["/?learning_rate=0.05", "/two?1=sgd&1.learning_rate=0.03", "/game?level=3&rate=0.03"]


def shown(page):
    return {name: page.inner_text(f"#{name}") for name in ("steps", "status")}


@pytest.mark.parametrize("path", PAGES)
def test_a_reload_after_run_and_after_pause_keeps_the_state(open_page, path):
    page = open_page(path)
    page.click("#run")
    wait_until(page, "Number(document.getElementById('steps').textContent) > 12")
    page.click("#run")
    wait_for_end(page)
    paused = shown(page)
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert shown(page) == paused
    page.click("#run")
    wait_for_end_of_run(page)
    ended = shown(page)
    page.reload()
    page.wait_for_selector("html[data-ready]")
    assert shown(page) == ended
    page.click("#back")
    wait_until(page, f"document.getElementById('steps').textContent !== '{ended['steps']}'")
    assert f"step={page.inner_text('#steps').replace(',', '')}" in page.url


def wait_for_end_of_run(page):
    wait_until(page, "document.getElementById('step').disabled")
    wait_for_end(page)


def test_the_address_follows_a_run(open_page):
    page = open_page("/?learning_rate=0.001")
    page.click("#run")
    wait_until(page, "Number(new URLSearchParams(location.search).get('step')) > 10")
    assert page.get_attribute("#run", "aria-pressed") == "true"


def test_a_page_comes_back_with_its_state_when_its_server_was_started_again(browser):
    def start(port: int):
        server = subprocess.Popen(
            [sys.executable, "-m", "jdescent_playground", "--no-browser", "--port", str(port)],
            stdout=subprocess.PIPE,
            text=True,
        )
        return server, re.search(r"http://\S+:(\d+)/", server.stdout.readline())

    def end(server):
        server.send_signal(signal.SIGKILL)
        server.wait()
        server.stdout.close()

    server, found = start(0)
    page = browser.new_page()
    page.goto(found.group())
    page.wait_for_selector("html[data-ready]")
    page.click("#step")
    page.click("#step")
    wait_for_step(page, "2")
    end(server)
    wait_until(page, "!document.getElementById('lost').hidden")
    server, _ = start(int(found.group(1)))
    try:
        wait_until(page, "document.documentElement.dataset.ready === undefined || lost.hidden")
        page.wait_for_selector("html[data-ready]")
        wait_for_step(page, "2")
        assert page.locator("#lost").is_hidden()
        page.click("#step")
        wait_for_step(page, "3")
    finally:
        page.close()
        end(server)


def test_where_motion_is_unwelcome_a_run_is_at_its_end_at_once(open_page):
    page = open_page("/", reduced_motion="reduce")
    page.evaluate(
        """() => { window.seen = new Set();
          new MutationObserver(() => seen.add(document.getElementById("steps").textContent))
            .observe(document.getElementById("steps"), {childList: true}); }"""
    )
    page.click("#run")
    wait_for_step(page, "25")
    assert page.evaluate("[...seen]") == ["25"]
    assert page.get_attribute("#run", "aria-pressed") == "false"
    style = "getComputedStyle(document.querySelector('.plot'))"
    assert page.evaluate(f"{style}.transitionProperty") == "none"


@pytest.mark.parametrize(
    ("path", "figure", "words"),
    [
        ("/?step=2", "curve", "The ball lies at x = −0.26 after 2 steps"),
        ("/?step=2", "loss", "6.625 at the start"),
        ("/two?step=2", "surface", "gradient descent at ("),
        ("/two?step=2", "losses", "after 2 steps"),
        ("/game", "curve", "The ball lies at x = −3.50"),
        ("/game?level=2&step=1", "loss", "after 1 step"),
    ],
)
def test_every_figure_is_told_to_those_who_do_not_see_it(open_page, path, figure, words):
    page = open_page(path)
    assert page.get_attribute(f"#plot-{figure}", "role") == "img"
    wait_until(page, f"document.getElementById('plot-{figure}').ariaLabel.includes('{words}')")
    before = page.get_attribute(f"#plot-{figure}", "aria-label")
    page.keyboard.press("ArrowRight")
    wait_until(page, f"document.getElementById('plot-{figure}').ariaLabel !== {before!r}")


@pytest.mark.parametrize("path", ["/", "/two", "/game"])
def test_every_page_has_a_title_and_every_column_a_name(open_page, path):
    page = open_page(path)
    assert page.locator("h1").count() == 1
    assert page.locator("h1").text_content() != ""
    heads = page.locator("thead th").all_text_contents()
    assert heads
    assert "" not in heads


@pytest.mark.parametrize("path", ["/", "/two", "/game"])
def test_only_scripts_that_are_used_are_loaded(open_page, path):
    sizes = {}
    page = open_page(
        path, watch=lambda page: page.on(
            "response", lambda got: sizes.update({got.url: int(got.headers["content-length"])})
            if got.request.resource_type == "script" else None,
        ),
    )  # fmt: skip
    assert len(sizes) == 3
    assert sum(sizes.values()) < 1.5e6
    assert page.evaluate("document.documentElement.lang") == "en"


def test_an_explosion_is_drawn_by_powers_of_ten(open_page):
    page = open_page("/?learning_rate=2.5&step=1000")
    wait_for_text(page, "status", "Diverged")
    losses = np.array(source(page, "loss-line")["y"])
    growth = np.diff(losses[5:-2])
    np.testing.assert_allclose(growth, 2 * np.log10(1.5), rtol=1e-2)  # (1 − ηλ)² a step
    page.click("#reset")
    wait_for_step(page, "0")
    assert source(page, "loss-line")["y"] == [6.625]


def test_a_rate_that_is_too_large_is_said_to_lead_uphill(open_page):
    page = open_page("/?learning_rate=2.3")
    for _ in range(4):
        page.click("#step")
    wait_for_step(page, "4")
    assert "uphill" in page.inner_text("#status")
    assert "Downhill" not in page.inner_text("#status")


def test_chromium_is_there_for_all_this():
    assert shutil.which("chromium") or shutil.which("chromium-browser")
