"""The address at which others open the playground, and its QR code in the terminal."""

import io
import ipaddress
import socket

ELSEWHERE = "192.0.2.1", 9  # of an address for documents: nothing is sent to it


def invitation(address: str, port: int) -> str:
    """What to tell a class; empty where nobody but this machine can open it.

    Args:
        address: that is listened on, see `jdescent_playground.serve`.
        port: that is listened on.
    """
    host = _seen_by_others(address)
    if host is None:
        return ""
    where = f"http://{host}:{port}/"
    return f"others open it at {where}\n{_qr_code(where)}"


def _seen_by_others(address: str) -> str | None:
    """The host to type elsewhere; None where there is none."""
    try:
        number = ipaddress.ip_address(address)
    except ValueError:
        return None if address.lower() == "localhost" else address
    if number.is_unspecified:
        number = ipaddress.ip_address(_own_address())
    if number.is_loopback:
        return None
    return f"[{number}]" if number.version == 6 else str(number)


def _own_address() -> str:
    """This machine's address on the network that leads elsewhere; 127.0.0.1 without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unsent:
        try:
            unsent.connect(ELSEWHERE)
        except OSError:
            return "127.0.0.1"
        return str(unsent.getsockname()[0])


def _qr_code(text: str) -> str:
    try:
        import segno
    except ModuleNotFoundError:
        return "(with `pip install segno` its QR code is shown here)"
    drawn = io.StringIO()
    segno.make(text).terminal(drawn, compact=True)
    return drawn.getvalue()
