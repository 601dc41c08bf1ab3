"""The server keeps to this machine and its own pages, and says clearly what is wrong."""

import errno
import http.client
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from bokeh.util.token import generate_jwt_token, generate_session_id

from jdescent_playground.server import main, start

COMMAND = [sys.executable, "-m", "jdescent_playground"]


def run(*arguments, timeout=120):
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=timeout)


def test_help_names_every_option():
    shown = run("--help").stdout
    for option in ("--port", "--address", "--allow-host", "--no-browser"):
        assert option in shown


def test_an_address_that_is_not_this_machines_is_an_error_in_words():
    told = run("--no-browser", "--address", "192.0.2.1", "--port", "0")
    assert told.returncode == 1
    assert "cannot listen on '192.0.2.1'" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--port", "70000"], "a port is a whole number from 0 to 65535, got '70000'"),
     (["--port", "-1"], "got '-1'"), (["--port", "1e3"], "got '1e3'"),
     (["--port", "9" * 40], "a port is"), (["--address", ""], "got nothing"),
     (["--allow-host", "http://lab.example/"], "a host name such as lab.example"),
     (["--allow-host", "*"], "a host name such as")],
)  # fmt: skip
def test_what_cannot_be_taken_is_said_with_the_usage(arguments, words, capsys):
    with pytest.raises(SystemExit) as end:
        main(["--no-browser", *arguments])
    assert end.value.code == 2
    told = capsys.readouterr().err
    assert words in told
    assert told.startswith("usage: jdescent play")


@pytest.mark.parametrize("address", ["no.such.host.invalid", "a..b", "x" * 300, "256.1.1.1", "a b"])
def test_an_address_that_is_none_is_said_in_a_sentence(address):
    with pytest.raises(SystemExit) as end:
        main(["--no-browser", "--port", "0", "--address", address])
    assert str(end.value).startswith(f"cannot listen on {address!r}")


def test_a_port_that_is_none_is_a_value_error_of_serve():
    with pytest.raises(ValueError, match="a port is a number from 0 to 65535, got 70000"):
        start(port=70000)


def test_the_last_ports_are_tried_and_no_further(monkeypatch):
    def in_use(address, port):
        assert port <= 65535
        raise OSError(errno.EADDRINUSE, "in use")

    monkeypatch.setattr("jdescent_playground.server.bind_sockets", in_use)
    with pytest.raises(OSError, match="ports 65530 to 65535 are all in use"):
        start(port=65530)


def test_a_port_in_use_is_said_and_the_next_one_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with subprocess.Popen(
            [*COMMAND, "--no-browser", "--port", str(port)], stdout=subprocess.PIPE, text=True
        ) as server:
            lines = [server.stdout.readline(), server.stdout.readline()]
            server.terminate()
        assert f"port {port} is in use" in lines[0]
        assert urlsplit(lines[1].split()[2]).port in range(port + 1, port + 20)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_told_to_even_if_nobody_reads_what_it_says(end):
    server = subprocess.Popen([*COMMAND, "--no-browser", "--port", "0"], stdout=subprocess.PIPE)
    server.stdout.readline()
    server.stdout.close()
    server.send_signal(end)
    try:
        assert server.wait(timeout=60) == 0
    finally:
        server.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="listening sockets are read from /proc")
def test_it_listens_on_this_machine_alone(playground):
    port = f":{urlsplit(playground).port:04X}"
    sockets = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    assert {place for place in sockets if place.endswith(port)} == {"0100007F" + port}


def websocket_status(port: int, origin: str) -> int:
    """What the server answers to a browser's page of some origin that opens a websocket."""
    connection = http.client.HTTPConnection("localhost", port, timeout=60)
    headers = {
        "Origin": origin, "Upgrade": "websocket", "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": f"bokeh, {generate_jwt_token(generate_session_id())}",
    }  # fmt: skip
    connection.request("GET", "/ws", headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://localhost:{port}", 101), ("http://127.0.0.1:{port}", 101),
     ("http://evil.example", 403), ("http://localhost:1", 403), ("null", 403)],
)  # fmt: skip
def test_a_websocket_of_another_origin_is_turned_away(playground, origin, status):
    port = urlsplit(playground).port
    assert websocket_status(port, origin.format(port=port)) == status
