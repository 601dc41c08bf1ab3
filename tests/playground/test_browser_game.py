"""The game in a real browser."""

from xml.etree import ElementTree

import numpy as np
import pytest
from browsing import place, wait_for_end, wait_for_text, wait_until
from reading import read


def run_to_its_end(page):
    page.click("#run")
    wait_until(page, "document.getElementById('run').getAttribute('aria-pressed') === 'true'")
    wait_for_end(page)


def stars(page):
    return [page.inner_text(f"#stars-{n}").count("★") for n in range(4)]


def slide(page, element, value):
    page.locator(f"#{element}").fill(str(value))


def drag(page, begin, end):
    points = np.linspace(begin, end, 6)
    page.mouse.move(*place(page, "curve", *points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*place(page, "curve", *point))
    page.mouse.up()


def test_level_one_is_won_by_dragging_the_ball_and_leads_to_level_two(open_page):
    page = open_page("/game")
    drag(page, (-3.5, 12.7), (-1.0, 8.0))
    wait_for_text(page, "steps", "1")
    assert read(page.inner_text("#x")) == pytest.approx(-1.0, abs=0.05)
    page.mouse.click(*place(page, "curve", 1.37, 5.0))
    wait_for_text(page, "status", "Found after 2 moves")
    assert page.inner_text("#best") == "Your best: 2 moves"
    assert stars(page) == [1, 0, 0, 0]
    page.click("#next")
    wait_for_text(page, "title", "Follow the slope")


def test_the_whole_of_level_one_by_keyboard(open_page):
    page = open_page("/game")
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    wait_for_text(page, "status", "Found after 10 moves")
    page.focus("#choice-0-0")
    page.keyboard.press("Enter")
    wait_until(page, "document.getElementById('why-0').textContent !== ''")
    assert page.is_disabled("#choice-0-1")


def test_level_two_walks_down_and_its_questions_earn_stars(open_page):
    page = open_page("/game?level=2")
    run_to_its_end(page)
    wait_for_text(page, "status", "Arrived after 25 steps")
    page.click("#choice-0-2")  # −1.10 − 0.40·(−2.10) = −0.26
    wait_for_text(page, "why-0", "Right.")
    assert "✓" in page.inner_text("#choice-0-2")
    page.click("#choice-1-0")
    wait_for_text(page, "why-1", "Not quite.")
    assert "✗" in page.inner_text("#choice-1-0")
    assert stars(page) == [0, 2, 0, 0]


def test_level_three_explodes_to_nan_and_recovers(open_page):
    page = open_page("/game?level=3")
    slide(page, "rate", 0.77)
    wait_for_text(page, "rate_value", "1.20")
    run_to_its_end(page)
    wait_for_text(page, "status", "NaN")
    assert page.inner_text("#loss") == "∞"
    assert "NaN" in page.locator("#rows tr").first.inner_text()
    page.click("#reset")
    wait_for_text(page, "x", "0.00")
    slide(page, "rate", 0.66)
    wait_for_text(page, "rate_value", "0.4")
    run_to_its_end(page)
    wait_for_text(page, "status", "Arrived")
    assert stars(page) == [0, 0, 1, 0]


def test_level_four_is_won_with_momentum_and_not_without(open_page):
    page = open_page("/game?level=4")
    run_to_its_end(page)
    wait_for_text(page, "status", "Trapped")
    assert stars(page) == [0, 0, 0, 0]
    slide(page, "momentum", 0.85)
    wait_for_text(page, "momentum_value", "0.85")
    run_to_its_end(page)
    wait_for_text(page, "status", "Out of the trap by momentum")
    assert stars(page) == [0, 0, 0, 1]
    assert read(page.inner_text("#x")) == pytest.approx(1.5, abs=0.01)


def test_level_four_is_won_with_small_batches(open_page):
    page = open_page("/game?level=4")
    slide(page, "batch", 5)
    wait_for_text(page, "batch_value", "2")
    run_to_its_end(page)
    wait_for_text(page, "status", "Out of the trap by noise")


def test_level_four_is_won_from_a_better_start(open_page):
    page = open_page("/game?level=4")
    drag(page, (-1.8, 1.2), (0.5, 0.5))
    wait_for_text(page, "start_value", "0.")
    run_to_its_end(page)
    wait_for_text(page, "status", "by a better start")


def test_progress_is_in_the_address(open_page):
    page = open_page("/game?level=2&step=1000")
    wait_for_text(page, "status", "Arrived")
    query = page.evaluate("location.search")
    again = open_page("/game" + query)
    wait_for_text(again, "status", "Arrived")
    assert stars(again) == [0, 1, 0, 0]


def test_the_picture_of_the_game_holds_the_landscape_and_the_losses(open_page):
    page = open_page("/game?level=2&step=3")
    page.locator("summary", has_text="Share").click()
    with page.expect_download() as waiting:
        page.click("[value=svg]")
    assert waiting.value.suggested_filename == "game.svg"
    assert len(ElementTree.parse(waiting.value.path()).getroot().findall("{*}g")) == 2


def test_the_link_is_on_the_clipboard_or_the_page_says_that_it_is_not(open_page):
    page = open_page("/game?level=3&rate=0.2&step=5", permissions=["clipboard-read"])
    page.locator("summary", has_text="Share").click()
    page.click("[data-do=copy]")
    wait_until(page, "document.getElementById('shared').textContent !== ''")
    if "on the clipboard" in page.inner_text("#shared"):
        assert page.evaluate("navigator.clipboard.readText()") == page.url
    assert "rate=0.2" in page.url
    assert "step=5" in page.url


def test_what_was_reached_is_there_on_the_next_visit_until_one_starts_over(open_page):
    page = open_page("/game?level=2&step=1000")
    wait_for_text(page, "stars-1", "★☆☆")
    page.goto(page.url.partition("?")[0])
    wait_for_text(page, "title", "1 · By hand")
    wait_for_text(page, "stars-1", "★☆☆")
    page.keyboard.press("2")
    wait_for_text(page, "best", "25 steps")
    page.click("#over")
    wait_for_text(page, "stars-1", "☆☆☆")
    page.goto(page.url.partition("?")[0])
    wait_for_text(page, "title", "1 · By hand")
    assert stars(page) == [0, 0, 0, 0]
    page.keyboard.press("2")
    wait_for_text(page, "title", "2 · Follow")
    assert page.inner_text("#best") == ""


def test_two_players_do_not_see_each_others_game(open_page):
    one, other = open_page("/game"), open_page("/game")
    one.keyboard.press("4")
    wait_for_text(one, "title", "Escape")
    other.keyboard.press("ArrowRight")
    wait_for_text(other, "steps", "1")
    assert other.inner_text("#title").startswith("1")


@pytest.mark.parametrize("query", ["", "?level=3&rate=1.2&step=1000", "?level=4&step=1000"])
@pytest.mark.parametrize("size", [(390, 844), (1280, 800)])
def test_nothing_is_wider_than_the_page(open_page, query, size):
    page = open_page("/game" + query, size=size)
    wait_until(page, "document.getElementById('x').textContent !== ''")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    too_wide = page.evaluate(
        """[...document.querySelectorAll("section:not([hidden])")]
           .filter(s => s.scrollWidth > s.clientWidth + 1).map(s => s.getAttribute("aria-label"))"""
    )
    assert too_wide == []


def test_of_a_hundred_fast_clicks_ninety_nine_are_moves_and_then_the_page_says_so(open_page):
    page = open_page("/game?valley=3")
    for direction in ("-0.1", "0.1") * 50:
        page.locator(f"#moves [value='{direction}']").click()
    wait_for_text(page, "status", "the last of 99 moves")
    assert page.inner_text("#steps") == "99"
    assert page.inner_text("#x") == "−3.60"
    page.click("#again")
    wait_for_text(page, "steps", "0")
