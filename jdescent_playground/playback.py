"""Step, back, run, pause and reset: what they do to the number of steps that are shown."""

from collections.abc import Callable
from typing import Any

from jdescent_playground.pace import after
from jdescent_playground.page import Page

FRAME = 70  # milliseconds


class Playback:
    """The row of transport buttons of a page, and their keys.

    The template places them with ``parts.transport()``.

    Args:
        page: the page.
        last: gives the last step there is to show.
        draw: shows the point after `shown` steps.
    """

    def __init__(self, page: Page, last: Callable[[], int], draw: Callable[[], None]) -> None:
        self.page, self._last, self._draw = page, last, draw
        self.shown = 0
        for event, keys, handler in (
            ("step", "ArrowRight", self.step),
            ("back", "ArrowLeft", self.back),
            ("run", "Space", self.run_or_pause),
            ("reset", "r R Home", self.reset),
        ):
            page.on(event, _ignoring_its_value(handler))
            page.on_key(keys, handler)

    def step(self) -> None:
        self.pause()
        self.show(self.shown + 1)

    def back(self) -> None:
        self.pause()
        self.show(self.shown - 1)

    def reset(self) -> None:
        self.pause()
        self.show(0)

    def run_or_pause(self) -> None:
        if self.page.animated:
            self.pause()
        else:
            self.run()

    def run(self) -> None:
        """Run on, from the beginning if it stands at the end; at once where nothing may move."""
        if self.shown >= self._last():
            self.show(0)
        if self.page.calm:
            self.show(self._last())
        elif self._last():
            self.page.animate(self._frame, FRAME)
        self.tell()

    def pause(self) -> None:
        self.page.rest()
        self.tell()

    def show(self, steps: int) -> None:
        """Show the point after so many steps, as far as there are."""
        self.shown = min(max(steps, 0), self._last())
        self._draw()
        self.tell()

    def tell(self) -> None:
        """Bring the buttons up to date."""
        runs = self.page.animated
        self.page.text(run="❚❚\u2002Pause" if runs else "▶\u2002Run")
        self.page.set("run", aria_pressed=runs)
        self.page.set("step", disabled=self.shown >= self._last())
        self.page.set("back", disabled=self.shown == 0)

    def _frame(self) -> None:
        self.show(after(self.shown))
        if self.shown >= self._last():
            self.pause()


def _ignoring_its_value(handler: Callable[[], None]) -> Callable[[Any], None]:
    return lambda value: handler()
