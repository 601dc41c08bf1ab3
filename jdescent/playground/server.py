"""The server: Bokeh's, on this machine alone, with everything the pages need served by itself."""

import argparse
import contextlib
import errno
import importlib
import signal
import threading
from collections.abc import Sequence
from types import ModuleType

from bokeh.application import Application
from bokeh.application.handlers.function import FunctionHandler
from bokeh.server.server import Server
from bokeh.server.util import bind_sockets
from tornado.ioloop import IOLoop
from tornado.platform.asyncio import BaseAsyncIOLoop

from jdescent.playground.page import PAGES, is_there

PORTS_TRIED = 20
LOCAL = ("localhost", "127.0.0.1")


def serve(port: int = 5006, open_browser: bool = True, address: str = "localhost") -> None:
    """Show the playground until interrupted; see `jdescent.playground.serve`."""
    server = start(port, address)
    if threading.current_thread() is threading.main_thread():
        _stop_at_signals(server.io_loop)
    host = f"[{address}]" if ":" in address else address
    with contextlib.suppress(KeyboardInterrupt):
        if port and server.port != port:
            print(f"port {port} is in use, so:")
        where = f"http://{host}:{server.port}/"
        print(f"jdescent playground: {where}  (Ctrl+C ends it)", flush=True)
        if open_browser:
            server.io_loop.add_callback(server.show, "/")
        server.io_loop.start()
    server.stop()


def start(port: int = 5006, address: str = "localhost") -> Server:
    """A server that listens and whose loop is not yet run; port 0 takes any free one.

    Raises:
        OSError: the port and the next ones are in use, or the address is not this machine's.
    """
    applications = {
        path: Application(FunctionHandler(_module(module).build))
        for path, _, module in PAGES
        if is_there(module)
    }
    for candidate in range(port, port + PORTS_TRIED) if port else [0]:
        try:
            sockets, free = bind_sockets(address, candidate)
            for socket in sockets:
                socket.close()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            raise OSError(f"cannot listen on {address!r}: {error.strerror or error}") from error
        origins = [f"{name}:{free}" for name in (*LOCAL, address)]
        server = Server(applications, port=free, address=address, allow_websocket_origin=origins)
        server.start()
        return server
    raise OSError(
        f"ports {port} to {port + PORTS_TRIED - 1} are all in use: name a free one with --port"
    )


def _stop_at_signals(loop: IOLoop) -> None:
    """End the loop at Ctrl+C or SIGTERM, between two events: an exception in one may be lost."""
    assert isinstance(loop, BaseAsyncIOLoop)
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # on Windows Ctrl+C is an exception
            loop.asyncio_loop.add_signal_handler(number, loop.stop)


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"jdescent.playground.pages.{name}")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line of the playground."""
    parser = argparse.ArgumentParser(
        prog="jdescent play",
        description="Descend in the browser: every step is computed by jdescent's own optimizers.",
    )
    parser.add_argument("--port", type=int, default=5006, help="where to listen (default: 5006)")
    parser.add_argument(
        "--address",
        default="localhost",
        help="the host name to listen on (default: localhost, seen by this machine alone)",
    )
    parser.add_argument("--no-browser", action="store_true", help="open no browser")
    options = parser.parse_args(arguments)
    try:
        serve(options.port, not options.no_browser, options.address)
    except OSError as error:
        raise SystemExit(str(error)) from error
