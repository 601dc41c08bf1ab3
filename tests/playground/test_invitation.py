"""What `jdescent play` tells a class: an address that leads here, or nothing."""

import importlib.util
import socket

import pytest

from jdescent_playground import invitation as module
from jdescent_playground.invitation import invitation


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1", "127.0.0.7", "::1", "LocalHost"])
def test_a_server_of_this_machine_alone_invites_nobody(address):
    assert invitation(address, 5006) == ""


@pytest.mark.parametrize(
    ("address", "where"),
    [("10.0.0.7", "http://10.0.0.7:5006/"), ("lab.example", "http://lab.example:5006/"),
     ("fe80::1", "http://[fe80::1]:5006/"), ("0.0.0.0", "http://192.168.1.20:5006/"),
     ("::", "http://192.168.1.20:5006/")],
)  # fmt: skip
def test_the_address_is_one_that_can_be_typed_elsewhere(monkeypatch, address, where):
    monkeypatch.setattr(module, "_own_address", lambda: "192.168.1.20")
    assert invitation(address, 5006).splitlines()[0] == f"others open it at {where}"


def test_without_a_network_nobody_is_invited(monkeypatch):
    def unreachable(self, address):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    assert invitation("0.0.0.0", 5006) == ""


def test_a_qr_code_is_drawn_or_it_is_said_how_to_have_one():
    """A code of version 2, which an address of this length needs, has 25 modules a side, and a
    margin of 4: two rows of modules stand in one line."""
    lines = invitation("10.0.0.7", 5006).splitlines()[1:]
    if importlib.util.find_spec("segno") is None:
        assert lines == ["(with `pip install segno` its QR code is shown here)"]
    else:
        assert len(lines) == len(range(0, 25 + 2 * 4, 2))
