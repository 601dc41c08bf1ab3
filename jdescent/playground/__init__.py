"""Descent in the browser: every number on the page is computed by jdescent in Python.

`jdescent.playground.serve()` or ``python -m jdescent.playground`` opens it. The core needs no
Bokeh: `expressions` reads typed formulas, `curves` holds the named ones, `catalog` lists the
optimizers with their hyperparameters, `runs` descends, `address` and `export` let a run be shared.
`server`, `page` and `pages` show it, on Bokeh's server (the `playground` extra).
"""

from typing import Any


def serve(port: int = 5006, open_browser: bool = True, address: str = "localhost") -> None:
    """Show the playground until interrupted.

    Args:
        port: where to listen; the next free one is taken (and named) if it is in use.
        open_browser: whether to open the first page in the default browser.
        address: the host name to listen on; only this one and this machine's own are let in.

    Raises:
        ModuleNotFoundError: Bokeh is not installed.
        OSError: no port is free, or the address is not this machine's.
    """
    from jdescent.playground import server

    server.serve(port, open_browser, address)


def main(arguments: Any = None) -> None:
    """The command line: ``--port``, ``--address``, ``--no-browser``."""
    from jdescent.playground import server

    server.main(arguments)
