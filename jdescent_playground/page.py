"""What every page is made of: figures by Bokeh, words and controls in HTML, all logic in Python.

The browser sends what the person does (`bridge.js` forwards clicks, inputs, keys and pointers by
name), a handler in Python answers, and what it changed goes back in one message. Nothing is
computed there. Handlers run in threads, so that a run that is compiled holds up nobody else.
"""

import base64
import contextlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jinja2
from bokeh.core.properties import String
from bokeh.document import Document
from bokeh.model import DataModel
from bokeh.models import Plot
from bokeh.server.views.static_handler import StaticHandler as BokehFiles
from markupsafe import Markup
from tornado.ioloop import IOLoop
from tornado.web import StaticFileHandler

from jdescent_playground.guard import WEB
from jdescent_playground.look import LIGHT, PALETTES, Palette, enlarge

PAGES = (
    ("/", "One dimension", "one_dimension"),
    ("/two", "Two dimensions", "two_dimensions"),
    ("/game", "The game", "game"),
)
"""(path, title, module in `pages`): a page whose module is missing is not shown."""

WRITTEN_EVERY = 5  # frames of an animation: browsers bear few changes of the address a second

Handler = Callable[[Any], None]

_WORKERS = ThreadPoolExecutor(64, thread_name_prefix="page")
"""More than processors: a handler that waits for a compilation keeps none of the others waiting."""


class Channel(DataModel):
    """Messages one way, as text: nothing shows it, so nothing takes it for HTML."""

    text = String(default="")


class Page:
    """One person's page: it hears of events by name and changes elements by id.

    Elements are those of the page's template. An element with ``data-do="name"`` sends the event
    ``name``: a button with its ``value`` or None, an input or select with its value as text.

    Args:
        document: Bokeh's, one for every browser tab.
        path: the page's own, a key of `PAGES`.
        template: a file in `web/`.
        figures: they stand in the template as ``{{ plot("name") }}`` by their names, in this order,
            by which Bokeh finds their places.
    """

    def __init__(
        self, document: Document, path: str, template: str, figures: Sequence[Plot]
    ) -> None:
        self.document = document
        self._context = document.session_context
        self.palette: Palette = LIGHT
        self.calm = False
        self._handlers: dict[str, Handler] = {}
        self._keys: dict[str, Callable[[], None]] = {}
        self._repaint: list[Callable[[Palette], None]] = []
        self._changes: list[dict[str, Any]] = []
        self._messages = 0
        self._begin: Callable[[], None] = lambda: None
        self._animation = _Timer(document.add_periodic_callback, document.remove_periodic_callback)
        self._delay = _Timer(document.add_timeout_callback, document.remove_timeout_callback)
        self._frames = 0
        self._query: Callable[[], str] | None = None
        self._inbox, self._outbox = Channel(name="inbox"), Channel(name="outbox")
        self._inbox.on_change("text", self._hear)
        self._pointers: list[str] = []
        self.on("hello", self._greet)
        self.on("theme", self._paint)
        self.on("calm", self._set_calm)
        self.on("presents", self._set_presents)
        self.on("key", self._press)
        document.template = _environment().get_template(template)
        document.template_variables.update(
            pages=[(where, title) for where, title, module in PAGES if is_there(module)],
            here=path,
            pointers=self._pointers,
            keys="",
        )
        document.title = "jdescent playground"
        document.config.update(reconnect_session=False, notify_connection_status=False)
        self._figures = tuple(figures)
        self._figures[0].tags = [self._inbox, self._outbox]  # in the document, and not on the page

    def on(self, event: str, handler: Handler) -> None:
        """Call ``handler(value)`` when the event comes."""
        self._handlers[event] = handler

    def on_typed(self, field: str, read: Callable[[str], Any], take: Handler) -> None:
        """Take what is typed into a field, or say why not and leave it standing there.

        Args:
            field: its id, and its event.
            read: gives what the text says, or raises ValueError in words.
            take: called with what was read.
        """

        def hear(text: str) -> None:
            try:
                value = read(text)
            except ValueError as error:
                self.text(problem=f"{error}.")
                self.set(field, aria_invalid=True)
            else:
                self.set(field, aria_invalid=False)
                take(value)

        self.on(field, hear)

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

    def on_pointer(
        self,
        figure: Plot,
        handler: Callable[[float, float, bool], None],
        remember: Callable[[], Callable[[], None]],
    ) -> None:
        """Call ``handler(x, y, done)`` where a figure is clicked or tapped, and along a drag.

        Args:
            figure: one that is not yet shown.
            handler: takes the place in the figure's coordinates, and whether the finger is lifted.
            remember: called when a drag begins; gives what takes it back if the browser ends it.
        """
        take_back: list[Callable[[], None]] = []

        def hear(value: Any) -> None:
            x, y, phase = value
            if phase == "begin":
                take_back[:] = [remember()]
            elif phase == "cancel":
                while take_back:
                    take_back.pop()()
            if phase != "cancel" and all(map(math.isfinite, (x, y))):
                handler(float(x), float(y), phase == "end")

        self._pointers.append(str(figure.name))
        self.on(f"pointer:{figure.name}", hear)

    def show(self, begin: Callable[[], None]) -> None:
        """Give everything to the browser, once handlers are in place: the last line of `build`.

        Args:
            begin: computes and draws what is seen first. A browser asks for it when it is there,
                so that a page that opens holds up nobody else; without one it is done at once.
        """
        self._begin = begin
        if self.document.session_context is None:
            self._begin_once()
            self.flush()
        for root in self._figures:
            self.document.add_root(root)

    def on_paint(self, handler: Callable[[Palette], None]) -> None:
        """Call a handler with the palette, now and whenever light turns to dark or back."""
        self._repaint.append(handler)
        handler(self.palette)

    def text(self, **texts: str) -> None:
        """Put text into elements: ``page.text(steps="7")``."""
        self._changes += [{"id": name, "text": text} for name, text in texts.items()]

    def html(self, **contents: Markup) -> None:
        """Put HTML into elements.

        Raises:
            TypeError: it is a plain string: `markupsafe.Markup` escapes what is put into it.
        """
        for name, content in contents.items():
            if not isinstance(content, Markup):
                raise TypeError(f"{name}: HTML is markupsafe.Markup, got {type(content).__name__}")
            self._changes.append({"id": name, "html": str(content)})

    def set(self, element: str, **properties: Any) -> None:
        """Set properties (value, disabled, hidden, checked, …) of an element.

        ``aria_pressed=True`` sets the attribute ``aria-pressed``; so with ``data_…``.
        """
        self._changes.append({"id": element, "set": properties})

    def css(self, element: str, **variables: str) -> None:
        """Set CSS variables of an element: ``page.css("rate", limit="62%")`` sets ``--limit``."""
        self._changes.append({"id": element, "css": variables})

    def describe(self, figure: str, words: str) -> None:
        """Say in words what a figure shows, to those who do not see it."""
        self.set(f"plot-{figure}", aria_label=words)

    def address(self, query: Callable[[], str]) -> None:
        """Put the state into the browser's address, without loading anything.

        Args:
            query: the state; not asked for in every frame of an animation.
        """
        self._query = query
        if not self.animated or self._frames % WRITTEN_EVERY == 0:
            self._changes.append({"address": query()})

    def keep(self, query: str) -> None:
        """Let the browser remember an address that this page is to begin with, "" for none.

        It is taken where the page is opened without an address of its own.
        """
        self._changes.append({"keep": query})

    def download(self, name: str, content: str | bytes) -> None:
        """Let the browser save a text, or bytes, as a file."""
        if isinstance(content, bytes):
            coded = base64.b64encode(content).decode("ascii")
            self._changes.append({"download": name, "base64": coded})
        else:
            self._changes.append({"download": name, "text": content})

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
            self._outbox.update(text=json.dumps([self._messages, self._changes]))
            self._changes = []

    def animate(self, frame: Callable[[], None], every: int) -> None:
        """Call ``frame`` every so many milliseconds, until `rest`."""

        def draw() -> None:
            if self.animated:
                self._frames += 1
                frame()
                self.flush()

        self._frames = 0
        self._animation.want(self._in_a_thread(draw), every)

    def rest(self) -> None:
        """Stop the animation, if there is one, with the address where it stands."""
        if self.animated:
            self._animation.want(None)
            if self._query is not None:
                self.address(self._query)

    def later(self, action: Callable[[], None], after: int) -> None:
        """Do something after so many milliseconds, instead of what was to be done later."""

        def act() -> None:
            self._delay.done()
            action()
            self.flush()

        self._delay.want(self._in_a_thread(act), after)

    @property
    def animated(self) -> bool:
        return self._animation.wanted

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
        try:
            if handler is not None:
                handler(value)
        finally:  # or the browser would wait for it
            self._changes.append({"answered": event})
            self.flush()

    def _hear(self, attribute: str, old: str, new: str) -> None:
        del attribute, old
        _, event, value = json.loads(new)
        if self.document.session_context is None:
            self.dispatch(event, value)
        else:
            action = self._in_a_thread(lambda: self.dispatch(event, value))
            self.document.add_next_tick_callback(action)

    def _in_a_thread(self, action: Callable[[], None]) -> Callable[[], Any]:
        """What does it off the loop, with the document locked; timers are then set on the loop."""

        async def act() -> None:
            try:
                await IOLoop.current().run_in_executor(_WORKERS, action)
            finally:
                if not self._gone:
                    self._animation.settle()
                    self._delay.settle()

        return act

    @property
    def _gone(self) -> bool:
        """Whether its browser has left: Bokeh then takes the timers away. To be told of it would
        cost the server a garbage collection a tab, which holds up everybody."""
        return self._context is not None and self._context.destroyed

    def _begin_once(self) -> None:
        begin, self._begin = self._begin, lambda: None
        begin()

    def _greet(self, theme: str) -> None:
        self.palette = PALETTES.get(theme, LIGHT)
        self._begin_once()
        self._paint(theme)
        self._changes.append({"ready": True})

    def _paint(self, theme: str) -> None:
        self.palette = PALETTES.get(theme, LIGHT)
        for handler in self._repaint:
            handler(self.palette)

    def _set_calm(self, calm: Any) -> None:
        self.calm = bool(calm)

    def _set_presents(self, presents: Any) -> None:
        for view in self._figures:
            enlarge(view, bool(presents))

    def _press(self, key: str) -> None:
        if key in self._keys:
            self._keys[key]()


class _Timer:
    """A callback of Bokeh's, wanted from any thread and set on the loop's own."""

    def __init__(
        self, add: Callable[[Callable[[], Any], int], Any], remove: Callable[[Any], None]
    ) -> None:
        self._add, self._remove = add, remove
        self._wanted: tuple[Callable[[], Any], int] | None = None
        self._set: tuple[Callable[[], Any], int] | None = None
        self._handle: Any = None

    @property
    def wanted(self) -> bool:
        return self._wanted is not None

    def want(self, action: Callable[[], Any] | None, milliseconds: int = 0) -> None:
        self._wanted = None if action is None else (action, milliseconds)

    def done(self) -> None:
        """Nothing is set any more: a timeout takes itself away."""
        self._wanted = self._set = self._handle = None

    def settle(self) -> None:
        """Set what is wanted, and nothing else."""
        if self._wanted is self._set:
            return
        if self._handle is not None:
            with contextlib.suppress(ValueError):  # it is due already, and waits for its turn
                self._remove(self._handle)
        self._set = self._wanted
        self._handle = None if self._set is None else self._add(*self._set)


def is_there(module: str) -> bool:
    """Whether a page's module exists."""
    return (WEB.parent / "pages" / f"{module}.py").exists()


def _asset(name: str) -> str:
    """The address of a file in `web/`, another one whenever its content is."""
    version = StaticFileHandler.get_version({"static_path": str(WEB)}, name)
    return f"/web/{name}?v={version}"


def _bokeh(name: str) -> str:
    return f"/static/{BokehFiles.append_version(name)}"


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(WEB), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.globals.update(asset=_asset, bokeh=_bokeh)
    return environment
