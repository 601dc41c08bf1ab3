"""Who may speak to the server, and what its answers forbid the browser to do.

A page of another site may make a browser send requests here, even under a name of its own that it
lets point to this machine (DNS rebinding). So the host that was asked for must be one that was
named or this machine's own, and the origin that asks one of those too.
"""

import re
import socket
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bokeh.document.events import DocumentPatchedEvent
from bokeh.protocol import Protocol
from bokeh.server.connection import ServerConnection
from bokeh.server.tornado import BokehTornado
from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler, StaticFileHandler
from tornado.websocket import WebSocketHandler

WEB = Path(__file__).parent / "web"
ASSETS = r"/web/([a-z]+\.(?:css|js))"

_NETLOC = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>\d{1,5}))?")
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<netloc>[^/?#]+)")
_USUAL_PORTS = {"http": "80", "https": "443"}


@dataclass(frozen=True)
class Hosts:
    """The hosts that a server answers to.

    Attributes:
        port: where it listens.
        own: names of this machine.
        named: (name, port) of those that were named besides, with the port "" for any.
    """

    port: int
    own: frozenset[str]
    named: frozenset[tuple[str, str]] = frozenset()

    @classmethod
    def of(cls, port: int, address: str, named: Iterable[str] = ()) -> "Hosts":
        """Those of this machine, of the address that is bound, and those that were named.

        Raises:
            ValueError: a name is none, see `checked_host`.
        """
        machine = socket.gethostname()
        own = ("localhost", "127.0.0.1", "::1", machine, f"{machine}.local", socket.getfqdn())
        return cls(
            port,
            frozenset(_bare(name) for name in (*own, address) if name),
            frozenset(host for name in named if (host := _netloc(checked_host(name)))),
        )

    def refusal(self, request: HTTPServerRequest) -> str | None:
        """Why a request gets no answer; None for one that gets its answer."""
        asked, reached = request.headers.get_list("Host"), _reached(request)
        if len(asked) != 1 or not self._may_be_asked(asked[0], reached):
            host = ", ".join(asked)[:100]
            found = _netloc(host)
            name = found[0] if found else "HOST"
            return (
                f"This playground does not answer to the host {host!r}. "
                f"If that is its name, start it with --allow-host {name}"
            )
        for origin in _origins(request):
            if not self._may_ask(origin, asked[0], reached):
                return (
                    f"This playground does not answer pages of {origin[:100]!r}, only its own. "
                    "Open it by its own address."
                )
        return None

    def _may_be_asked(self, netloc: str, reached: str) -> bool:
        found = _netloc(netloc)
        return found is not None and (
            found[0] in self.own or found[0] == reached or self._is_named(*found)
        )

    def _may_ask(self, origin: str, asked: str, reached: str) -> bool:
        matched = _ORIGIN.fullmatch(origin.lower())
        found = _netloc(matched["netloc"]) if matched else None
        if matched is None or found is None:
            return False
        name, port = found[0], found[1] or _USUAL_PORTS[matched["scheme"]]
        at_home = (name in self.own or name == reached) and port == str(self.port)
        return at_home or found == _netloc(asked) or self._is_named(*found)

    def _is_named(self, name: str, port: str) -> bool:
        return not self.named.isdisjoint({(name, ""), (name, port)})


def checked_host(text: str) -> str:
    """A host as it may be named: ``lab.example``, ``10.0.0.7:8080``, ``[fe80::1]``.

    Raises:
        ValueError: it is something else.

    Example:
        >>> checked_host("Lab.Example:8080")
        'lab.example:8080'
    """
    found = _NETLOC.fullmatch(text.lower()) or _NETLOC.fullmatch(f"[{text.lower()}]")
    if found is None:
        raise ValueError(
            f"a host name such as lab.example or lab.example:8080 was expected, got {text!r}"
        )
    return found.group()


class GuardedTornado(BokehTornado):
    """Bokeh's server, which refuses foreign hosts and origins and sends `headers` with all.

    Args:
        applications: by their paths.
        hosts: that it answers to.
    """

    def __init__(self, applications: Mapping[str, Any], hosts: Hosts) -> None:
        self._hosts = hosts
        assets: Any = [(ASSETS, StaticFileHandler, {"path": WEB})]
        super().__init__(applications, extra_patterns=assets, use_index=False)

    def new_connection(self, protocol: Protocol, socket: Any, *about: Any) -> ServerConnection:
        """A connection to a browser, which sends what a handler has changed as one message."""
        connection = super().new_connection(protocol, socket, *about)
        connection.send_patch_document = Patches(protocol, socket).send  # type: ignore[method-assign]
        return connection

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        """A handler for the request, or one that refuses it."""
        refusal = self._hosts.refusal(request)
        if refusal is not None:
            return self.get_handler_delegate(request, _Refusal, {"why": refusal})
        return super().find_handler(request, **kwargs)

    def get_handler_delegate(
        self, request: HTTPServerRequest, target_class: type[RequestHandler], *args: Any, **kw: Any
    ) -> Any:
        """Any handler, with the headers."""
        return super().get_handler_delegate(request, _guarded(target_class), *args, **kw)


def headers(host: str) -> dict[str, str]:
    """What is sent with every answer.

    Nothing is loaded or run but files of this server: a page has no script of its own, so that one
    that got into it would not run. BokehJS makes its style sheets at run time, as elements and
    attributes, so styles alone may stand in the page; it needs neither ``eval`` nor inline scripts.

    Args:
        host: the one that was asked for, one of those it answers to.
    """
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "connect-src": f"'self' ws://{host} wss://{host}",  # not every browser's 'self' has ws:
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{what} {whence}" for what, whence in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": ", ".join(f"{name}=()" for name in _DEVICES),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


_DEVICES = ("camera", "microphone", "geolocation", "payment", "usb", "serial", "hid", "midi",
            "display-capture")  # fmt: skip


class Patches:
    """Changes of a document, gathered until they are sent.

    Bokeh makes a message of every property that changes, and awaits all of them once the handler is
    done: the first here takes the others along.
    """

    def __init__(self, protocol: Protocol, socket: Any) -> None:
        self._protocol, self._socket = protocol, socket
        self._events: list[DocumentPatchedEvent] = []

    async def _sent(self) -> None:
        events, self._events = self._events, []
        if events:
            await self._socket.send_message(self._protocol.create("PATCH-DOC", events))

    def send(self, event: DocumentPatchedEvent) -> Awaitable[None]:
        """What sends the change when it is awaited, with those that came until then."""
        self._events.append(event)
        return self._sent()


class _Guarded:
    """What every handler gets in front of its own class."""

    def set_default_headers(self) -> None:
        handler: Any = self
        host = _NETLOC.fullmatch(handler.request.headers.get("Host", "").lower())
        for name, value in headers(host.group() if host else "localhost").items():
            handler.set_header(name, value)

    def check_origin(self, origin: str) -> bool:
        """Whether a websocket may be opened: `Hosts` has been asked before."""
        del origin
        return True


class _GuardedSocket(_Guarded):
    """Sends what it has at once: a message of Bokeh's is many small writes, and TCP would hold each
    back until the browser has confirmed the last, which takes it 40 ms."""

    def open(self, *args: str, **kwargs: str) -> Any:
        handler: Any = self
        handler.set_nodelay(True)
        return super().open(*args, **kwargs)  # type: ignore[misc]


class _Refusal(RequestHandler):
    """Answers 403 with a sentence."""

    def initialize(self, why: str) -> None:
        self._why = why

    def prepare(self) -> None:
        self.set_status(403)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(self._why + "\n")


def _guarded(handler: type[RequestHandler]) -> type[RequestHandler]:
    if handler not in _GUARDED:
        guard = _GuardedSocket if issubclass(handler, WebSocketHandler) else _Guarded
        _GUARDED[handler] = type(handler.__name__, (guard, handler), {})
    return _GUARDED[handler]


_GUARDED: dict[type[RequestHandler], type[RequestHandler]] = {}


def _netloc(text: str) -> tuple[str, str] | None:
    """(name, port) of a host as a header writes it, the port "" if there is none."""
    found = _NETLOC.fullmatch(text.lower())
    return None if found is None else (_bare(found["name"]), found["port"] or "")


def _origins(request: HTTPServerRequest) -> list[str]:
    return [
        origin
        for header in ("Origin", "Sec-WebSocket-Origin")
        for origin in request.headers.get_list(header)
    ]


def _bare(name: str) -> str:
    """A name without what may be around it: ``[::1]`` is ``::1``, ``Localhost.`` is localhost."""
    return name.lower().rstrip(".").removeprefix("[").removesuffix("]")


def _reached(request: HTTPServerRequest) -> str:
    """The address of this machine that the request came to."""
    stream = getattr(request.connection, "stream", None)
    end = getattr(stream, "socket", None)
    return str(end.getsockname()[0]) if end is not None else ""
