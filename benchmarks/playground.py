"""The playground in a real browser: from the click to the screen, and a run that animates.

The floor is the way to Python and back by Bokeh's websocket, with nothing to do there.
"""

import shutil
import statistics
import time
from typing import Any

from benchmarks.playground_server import served

PAGES = {
    "one dimension": "/?learning_rate=0.001",
    "two dimensions, three optimizers": "/two?start=-3,2",
    "two dimensions, Himmelblau": "/two?surface=himmelblau",
    "game, level 2": "/game?level=2&start=-3",
    "game, level 4, noise": "/game?level=4&batch=2",
}
ROUND_TRIP = """async times => {
  const of = name => Bokeh.documents[0].get_model_by_name(name);
  const inbox = of("inbox"), outbox = of("outbox"), found = [];
  for (let i = 0; i < times; i++) {
    const began = performance.now();
    const answered = new Promise(done => outbox.properties.text.change.connect(done));
    inbox.text = JSON.stringify([`floor ${i}`, "nothing", null]);
    await answered;
    found.push(performance.now() - began);
    await new Promise(done => setTimeout(done, 50));
  }
  return found;
}"""
STEPS = """async times => {
  const steps = document.getElementById("steps"), found = [];
  const changed = before => new Promise(done => { (function look() {
    if (steps.textContent === before) setTimeout(look, 1);
    else requestAnimationFrame(() => requestAnimationFrame(done));
  })(); });
  for (let i = 0; i < times; i++) {
    const before = steps.textContent, began = performance.now();
    document.getElementById("step").click();
    await changed(before);
    found.push(performance.now() - began);
    await new Promise(done => setTimeout(done, 100));
  }
  return found;
}"""
ANIMATION = """async () => {
  const run = document.getElementById("run"), frames = [];
  const pressed = () => run.getAttribute("aria-pressed") === "true";
  document.getElementById("reset").click();
  run.click();
  while (!pressed()) await new Promise(requestAnimationFrame);
  let last = performance.now();
  while (pressed()) {
    await new Promise(requestAnimationFrame);
    frames.push(performance.now() - last);
    last = performance.now();
  }
  return [Number(document.getElementById("steps").textContent.replace(",", "")), frames];
}"""


DRAG_SECONDS = 2.0
HAND = """async ([x, y, width, seconds]) => {
  const plot = document.querySelector(".plot"), began = performance.now();
  const outbox = Bokeh.documents[0].get_model_by_name("outbox"), shown = [];
  outbox.properties.text.change.connect(() => { shown.push(performance.now()); });
  const hand = { pointerId: 1, pointerType: "mouse", isPrimary: true, bubbles: true, clientY: y };
  let moves = 0, passed = 0;
  for (; passed < seconds; passed = (performance.now() - began) / 1000, moves++) {
    const clientX = x + width * passed / seconds;
    plot.dispatchEvent(new PointerEvent("pointermove", { ...hand, clientX }));
    await new Promise(done => setTimeout(done, 8));
  }
  const during = shown.length, ended = performance.now();
  await new Promise(done => setTimeout(done, 3000));
  return [moves / seconds, during / seconds, Math.max((shown.at(-1) ?? ended) - ended, 0)];
}"""


def main(quick: bool = False) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("The playground was not measured: no chromium on the PATH.\n")
        return
    from playwright.sync_api import sync_playwright

    print("### the playground in Chromium, 1280 × 800; medians, in milliseconds but where said\n")
    print(
        "| page | opens, s | again, s | floor | step | 90 % | steps animated, s | longest frame "
        "| moves a second of a drag | updates | last one late |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    times = 5 if quick else 20
    with served() as (address, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, path in PAGES.items():
            opened, again = (seconds_to_open(browser, address + path) for _ in range(2))
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            open_in(page, address + path)
            page.wait_for_timeout(1000)  # every angle is tried once the hand is calm
            floor = statistics.median(page.evaluate(ROUND_TRIP, times))
            step = sorted(page.evaluate(STEPS, times))
            shown, frames = page.evaluate(ANIMATION)
            moves, updates, late = dragged(page)
            print(
                f"| {name} | {opened:.1f} | {again:.1f} | {floor:.0f} "
                f"| {statistics.median(step):.0f} | {step[int(0.9 * len(step))]:.0f} "
                f"| {shown:,} in {sum(frames) / 1e3:.1f} | {max(frames):.0f} "
                f"| {moves:.0f} | {updates:.0f} | {late:.0f} |",
                flush=True,
            )
            page.close()
        browser.close()
    print()


def dragged(page: Any) -> tuple[float, float, float]:
    """Moves and updates a second of a drag over the plot; milliseconds from its end to the last.

    The hand moves within the page: from here each move would wait until the browser has taken it,
    for a frame or two, and no drag would be faster than that.
    """
    box = page.locator(".plot").first.bounding_box()
    x, y = box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    moves, updates, late = page.evaluate(HAND, [x, y, 0.4 * box["width"], DRAG_SECONDS])
    page.mouse.up()
    return moves, updates, late


def seconds_to_open(browser: Any, address: str) -> float:
    page = browser.new_page()
    began = time.perf_counter()
    open_in(page, address)
    seconds = time.perf_counter() - began
    page.close()
    return seconds


def open_in(page: Any, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
