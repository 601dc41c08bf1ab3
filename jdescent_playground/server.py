"""The server: Bokeh's, on this machine alone, with everything the pages need served by itself."""

import argparse
import contextlib
import errno
import gc
import importlib
import signal
import socket
import threading
from collections.abc import Sequence
from types import ModuleType

from bokeh.application import Application
from bokeh.application.handlers.function import FunctionHandler
from bokeh.server.server import BaseServer
from bokeh.server.util import bind_sockets
from bokeh.util.browser import view
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.platform.asyncio import BaseAsyncIOLoop

from jdescent_playground.guard import GuardedTornado, Hosts, checked_host
from jdescent_playground.invitation import invitation
from jdescent_playground.page import PAGES, is_there

PORTS_TRIED = 20
LARGEST_PORT = 65535


def serve(
    port: int = 5006,
    open_browser: bool = True,
    address: str = "localhost",
    allow_hosts: Sequence[str] = (),
) -> None:
    """Show the playground until interrupted; see `jdescent_playground.serve`."""
    server = start(port, address, allow_hosts)
    if threading.current_thread() is threading.main_thread():
        _stop_at_signals(server.io_loop)
    host = f"[{address}]" if ":" in address else address
    with contextlib.suppress(KeyboardInterrupt):
        if port and server.port != port:
            print(f"port {port} is in use, so:")
        where = f"http://{host}:{server.port}/"
        print(f"jdescent playground: {where}  (Ctrl+C ends it)", flush=True)
        if told := invitation(address, server.port or port):
            print(told, flush=True)
        if open_browser:
            server.io_loop.add_callback(view, where)
        gc.freeze()  # for every tab that closes Bokeh collects garbage, and holds up the others
        server.io_loop.start()
    gc.unfreeze()
    server.stop()


def start(
    port: int = 5006, address: str = "localhost", allow_hosts: Sequence[str] = ()
) -> BaseServer:
    """A server that listens and whose loop is not yet run; port 0 takes any free one.

    Raises:
        ValueError: the port is none, or a host's name is none.
        OSError: the port and the next ones are in use, or the address is not this machine's.
    """
    sockets, free = _listening(checked_port(port), address)
    applications = {
        path: Application(FunctionHandler(_module(module).build))
        for path, _, module in PAGES
        if is_there(module)
    }
    tornado = GuardedTornado(applications, Hosts.of(free, address, allow_hosts))
    http = HTTPServer(tornado)
    http.add_sockets(sockets)
    server = BaseServer(IOLoop.current(), tornado, http)
    server.start()
    return server


def checked_port(port: int) -> int:
    """The port, if there is such a one.

    Raises:
        ValueError: there is not.
    """
    if not 0 <= port <= LARGEST_PORT:
        raise ValueError(f"a port is a number from 0 to {LARGEST_PORT}, got {port}")
    return port


def _listening(port: int, address: str) -> tuple[list[socket.socket], int]:
    """Sockets on the first free port, and that port."""
    last = min(port + PORTS_TRIED - 1, LARGEST_PORT)
    for candidate in range(port, last + 1) if port else [0]:
        try:
            return bind_sockets(address, candidate)
        except (OSError, ValueError) as error:  # a name that is none is a ValueError
            if getattr(error, "errno", None) == errno.EADDRINUSE:
                continue
            why = getattr(error, "strerror", None) or error
            raise OSError(f"cannot listen on {address!r}, port {candidate}: {why}") from error
    raise OSError(f"ports {port} to {last} are all in use: name a free one with --port")


def _stop_at_signals(loop: IOLoop) -> None:
    """End the loop at Ctrl+C or SIGTERM, between two events: an exception in one may be lost."""
    assert isinstance(loop, BaseAsyncIOLoop)
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # on Windows Ctrl+C is an exception
            loop.asyncio_loop.add_signal_handler(number, loop.stop)


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"jdescent_playground.pages.{name}")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line of the playground."""
    options = _parser().parse_args(arguments)
    try:
        serve(options.port, not options.no_browser, options.address, options.allow_host)
    except OSError as error:
        raise SystemExit(str(error)) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jdescent play",
        description="Descend in the browser: every step is computed by jdescent's own optimizers.",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=5006,
        help="where to listen, 0 for any free port; if it is in use, the next free one is taken "
        "(default: 5006)",
    )
    parser.add_argument(
        "--address",
        type=_address,
        default="localhost",
        help="the host name or IP address to listen on, 0.0.0.0 for all of this machine; the "
        "address that others open is then printed, with its QR code "
        "(default: localhost, seen by this machine alone)",
    )
    parser.add_argument(
        "--allow-host",
        type=_host,
        action="append",
        default=[],
        metavar="HOST",
        help="answer to this host name too, HOST or HOST:PORT, as behind a proxy; may be given "
        "several times (default: only this machine's own names and the address)",
    )
    parser.add_argument("--no-browser", action="store_true", help="open no browser")
    return parser


def _port(text: str) -> int:
    try:
        return checked_port(int(text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"a port is a whole number from 0 to {LARGEST_PORT}, got {text!r}"
        ) from None


def _address(text: str) -> str:
    name = text.strip().removeprefix("[").removesuffix("]")
    if not name:
        raise argparse.ArgumentTypeError(
            "a host name or an IP address was expected, got nothing; 0.0.0.0 is all of this machine"
        )
    return name


def _host(text: str) -> str:
    try:
        return checked_host(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
