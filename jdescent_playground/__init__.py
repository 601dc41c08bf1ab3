"""Descent in the browser: every number on the page is computed by jdescent in Python.

`jdescent_playground.serve()` or ``python -m jdescent_playground`` opens it. The core needs no
Bokeh: `expressions` reads typed formulas, `curves` holds the named ones, `catalog` lists the
optimizers with their hyperparameters, `runs` descends, `address` and `export` let a run be shared.
`server`, `page` and `pages` show it, on Bokeh's server (the `playground` extra).
"""

from collections.abc import Sequence
from typing import Any

__all__ = ["serve"]


def serve(
    port: int = 5006,
    open_browser: bool = True,
    address: str = "localhost",
    allow_hosts: Sequence[str] = (),
) -> None:
    """Show the playground until interrupted.

    Args:
        port: where to listen; the next free one is taken (and named) if it is in use.
        open_browser: whether to open the first page in the default browser.
        address: the host name to listen on; only this one and this machine's own are let in.
        allow_hosts: host names that are let in besides, each with a port or for any port:
            ``"lab.example:8080"``.

    Raises:
        ModuleNotFoundError: Bokeh is not installed.
        ValueError: the port is not from 0 to 65535, or a host's name is none.
        OSError: no port is free, or the address is not this machine's.
    """
    from jdescent_playground import server

    server.serve(port, open_browser, address, allow_hosts)


def main(arguments: Any = None) -> None:
    """The command line: ``--port``, ``--address``, ``--allow-host``, ``--no-browser``."""
    from jdescent_playground import server

    server.main(arguments)
