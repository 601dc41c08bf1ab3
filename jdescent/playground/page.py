"""What every page is made of: figures by Bokeh, words and controls in HTML, all logic in Python.

The browser sends what the person does (`bridge.js` forwards clicks, inputs and keys by name), a
handler in Python answers, and what it changed goes back in one message. Nothing is computed there.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
from bokeh.document import Document
from bokeh.events import Pan, PanEnd, PanStart, Tap
from bokeh.models import Plot
from bokeh.models.widgets import Div

from jdescent.playground.look import LIGHT, PALETTES, Palette

WEB = Path(__file__).parent / "web"

PAGES = (
    ("/", "One dimension", "one_dimension"),
    ("/two", "Two dimensions", "two_dimensions"),
    ("/game", "The game", "game"),
)
"""(path, title, module in `pages`): a page whose module is missing is not shown."""

Handler = Callable[[Any], None]


class Page:
    """One person's page: it hears of events by name and changes elements by id.

    Elements are those of the page's template. An element with ``data-do="name"`` sends the event
    ``name``: a button with its ``value`` or None, an input or select with its value as text.

    Args:
        document: Bokeh's, one for every browser tab.
        path: the page's own, a key of `PAGES`.
        template: a file in `web/`.
        figures: they stand in the template as ``{{ plot("name") }}`` by their names.
    """

    def __init__(
        self, document: Document, path: str, template: str, figures: Sequence[Plot]
    ) -> None:
        self.document = document
        self.palette: Palette = LIGHT
        self._handlers: dict[str, Handler] = {}
        self._keys: dict[str, Callable[[], None]] = {}
        self._repaint: list[Callable[[Palette], None]] = []
        self._changes: list[dict[str, Any]] = []
        self._messages = 0
        self._animation: Any = None
        self._inbox, self._outbox = Div(name="inbox"), Div(name="outbox")
        self._inbox.on_change("text", self._hear)
        self.on("hello", self._greet)
        self.on("theme", self._paint)
        self.on("key", self._press)
        document.template = _environment().get_template(template)
        document.template_variables.update(
            pages=[(where, title) for where, title, module in PAGES if is_there(module)],
            here=path,
            style=(WEB / "style.css").read_text("utf-8"),
            bridge=(WEB / "bridge.js").read_text("utf-8"),
        )
        document.title = "jdescent playground"
        self._roots = (*figures, self._inbox, self._outbox)
        document.on_session_destroyed(lambda session: self.rest())

    def on(self, event: str, handler: Handler) -> None:
        """Call ``handler(value)`` when the event comes."""
        self._handlers[event] = handler

    def on_key(self, keys: str, handler: Callable[[], None]) -> None:
        """Call a handler when one of some keys is pressed, outside text fields and the like.

        Args:
            keys: the browser's names with a space between, ``"ArrowRight"``, ``"Space"``, ``"r"``,
                ``"Shift+ArrowLeft"``.
            handler: takes nothing.
        """
        for key in keys.split():
            self._keys[key] = handler
        self.document.template_variables["keys"] = " ".join(self._keys)

    def on_pointer(self, figure: Plot, handler: Callable[[float, float, bool], None]) -> None:
        """Call ``handler(x, y, done)`` where a figure is clicked, and along a drag.

        Args:
            figure: one that is not yet shown.
            handler: takes the place in the figure's coordinates, and whether the finger is lifted.
        """

        def hear(event: Any) -> None:
            if event.x is not None and math.isfinite(event.x) and math.isfinite(event.y):
                handler(event.x, event.y, isinstance(event, PanEnd | Tap))
                self.flush()

        for kind in (Tap, PanStart, Pan, PanEnd):
            figure.on_event(kind, hear)

    def show(self) -> None:
        """Give everything to the browser, once handlers are in place: the last line of `build`."""
        self.flush()
        for root in self._roots:  # Bokeh hears only of events asked for before this
            self.document.add_root(root)

    def on_paint(self, handler: Callable[[Palette], None]) -> None:
        """Call a handler with the palette, now and whenever light turns to dark or back."""
        self._repaint.append(handler)
        handler(self.palette)

    def text(self, **texts: str) -> None:
        """Put text into elements: ``page.text(steps="7")``."""
        self._changes += [{"id": name, "text": text} for name, text in texts.items()]

    def html(self, **contents: str) -> None:
        """Put HTML into elements. Escape what a person typed with `html.escape`."""
        self._changes += [{"id": name, "html": content} for name, content in contents.items()]

    def set(self, element: str, **properties: Any) -> None:
        """Set properties (value, disabled, hidden, checked, …) of an element.

        ``aria_pressed=True`` sets the attribute ``aria-pressed``; so with ``data_…``.
        """
        self._changes.append({"id": element, "set": properties})

    def css(self, element: str, **variables: str) -> None:
        """Set CSS variables of an element: ``page.css("rate", limit="62%")`` sets ``--limit``."""
        self._changes.append({"id": element, "css": variables})

    def address(self, query: str) -> None:
        """Put the state into the browser's address, without loading anything."""
        self._changes.append({"address": query})

    def keep(self, query: str) -> None:
        """Let the browser remember an address that this page is to begin with, "" for none.

        It is taken where the page is opened without an address of its own.
        """
        self._changes.append({"keep": query})

    def download(self, name: str, text: str) -> None:
        """Let the browser save a text as a file."""
        self._changes.append({"download": name, "text": text})

    def picture(self, kind: str, name: str) -> None:
        """Let the browser save all figures in sight as one picture, "png" or "svg".

        The first stands at the left, the others below one another beside it.
        """
        color = self.palette.surface
        self._changes.append({"picture": kind, "name": name, "color": color})

    def copy(self, text: str) -> None:
        """Put a text on the clipboard; "here" stands for the address of the page.

        The event ``copied`` then says whether the browser has let that happen.
        """
        self._changes.append({"copy": text})

    def flush(self) -> None:
        """Send what was changed; done by itself after every handler and every frame."""
        if self._changes:
            self._messages += 1
            self._outbox.text = json.dumps([self._messages, self._changes])
            self._changes = []

    def animate(self, frame: Callable[[], None], every: int) -> None:
        """Call ``frame`` every so many milliseconds, until `rest`."""
        self.rest()

        def draw() -> None:
            frame()
            self.flush()

        self._animation = self.document.add_periodic_callback(draw, every)

    def rest(self) -> None:
        """Stop the animation, if there is one."""
        if self._animation is not None:
            self.document.remove_periodic_callback(self._animation)
            self._animation = None

    @property
    def animated(self) -> bool:
        return self._animation is not None

    @property
    def query(self) -> Mapping[str, str]:
        """What the address asked for when the page was opened: the first value of each name."""
        request = getattr(self.document.session_context, "request", None)
        arguments = request.arguments if request else {}
        return {
            name: values[0].decode("utf-8", "replace")
            for name, values in arguments.items()
            if values
        }

    def dispatch(self, event: str, value: Any = None) -> None:
        """What the browser's messages do: handle one event and send the answer."""
        handler = self._handlers.get(event)
        if handler is not None:
            handler(value)
        self._changes.append({"answered": event})
        self.flush()

    def _hear(self, attribute: str, old: str, new: str) -> None:
        del attribute, old
        _, event, value = json.loads(new)
        self.dispatch(event, value)

    def _greet(self, theme: str) -> None:
        self._paint(theme)
        self._changes.append({"ready": True})

    def _paint(self, theme: str) -> None:
        self.palette = PALETTES.get(theme, LIGHT)
        for handler in self._repaint:
            handler(self.palette)

    def _press(self, key: str) -> None:
        if key in self._keys:
            self._keys[key]()


def is_there(module: str) -> bool:
    """Whether a page's module exists."""
    return (Path(__file__).parent / "pages" / f"{module}.py").exists()


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(WEB), autoescape=False, undefined=jinja2.StrictUndefined
    )
