"""What a test does with a page in a browser, and what it reads there."""

import importlib.util
import os
import time

import pytest

WAIT = 30_000  # milliseconds: a machine that tests on all cores is slow


def wait_until(page, question: str):
    """Asks from outside: the page's policy lets nothing be evaluated by a script within it."""
    end = time.monotonic() + WAIT / 1000
    while not _is_so(page, question):
        assert time.monotonic() < end, f"not within {WAIT / 1000:g} s: {question}"
        page.wait_for_timeout(20)


def _is_so(page, question: str) -> bool:
    try:
        return bool(page.evaluate(question))
    except Exception as error:
        if "context was destroyed" in str(error):  # another page comes
            return False
        raise


def wait_for_text(page, element: str, text: str):
    wait_until(page, f"document.getElementById('{element}').textContent.includes('{text}')")


def wait_for_step(page, step: int | str):
    wait_until(page, f"document.getElementById('steps').textContent === '{step}'")


def wait_for_end(page):
    wait_until(page, "document.getElementById('run').getAttribute('aria-pressed') === 'false'")


def place(page, figure: str, x: float, y: float) -> tuple[float, float]:
    """Where on the screen a point of a figure is."""
    return page.evaluate(
        """([figure, x, y]) => {
          const model = Bokeh.documents[0].get_model_by_name(figure);
          const view = Bokeh.index.get_by_id(model.id);
          const box = view.canvas_view.el.getBoundingClientRect();
          return [box.x + view.frame.x_scale.compute(x), box.y + view.frame.y_scale.compute(y)];
        }""",
        [figure, x, y],
    )


def source(page, name: str) -> dict[str, list[float]]:
    """What a figure draws."""
    return page.evaluate(
        """name => {
          const data = Bokeh.documents[0].get_model_by_name(name).data;
          const columns = data instanceof Map ? [...data] : Object.entries(data);
          return Object.fromEntries(columns.map(([key, values]) => [key, Array.from(values)]));
        }""",
        name,
    )


def assert_everything_is_reached_with_tab(page):
    """The Tab key comes to every button and field; each has a name and shows that it is there."""
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    page.evaluate("document.activeElement.blur()")
    wanted = set(
        page.evaluate(
            "[...document.querySelectorAll('[data-do]')]"
            ".filter(one => one.checkVisibility() && !one.disabled).map(one => one.dataset.do)"
        )
    )
    reached, poor = set(), []
    for _ in range(60):
        page.keyboard.press("Tab")
        event, name, ring = page.evaluate(
            """() => {
              const on = document.activeElement;
              const name = on.ariaLabel || on.labels?.[0]?.textContent || on.textContent;
              return [on.dataset?.do ?? null, name.trim(), getComputedStyle(on).outlineStyle];
            }"""
        )
        reached.add(event)
        if event and (not name or ring == "none"):
            poor.append((event, name, ring))
    assert wanted <= reached
    assert poor == []


def assert_accessible(page):
    """axe-core finds nothing, with everything unfolded.

    Where it is not installed the test is skipped; under CI (the variable is set) that is a failure.
    """
    if importlib.util.find_spec("axe_playwright_python") is None:
        told = "no axe-playwright-python: pip install axe-playwright-python"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(told)
    from axe_playwright_python.sync_playwright import Axe

    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    found = Axe().run(page).response["violations"]
    told = [(one["id"], [node["target"] for node in one["nodes"]]) for one in found]
    assert told == []
