"""Foreign hosts and pages are turned away; what is sent forbids everything that is not needed."""

import socket
from urllib.parse import urlsplit

import pytest
from bokeh.util.token import generate_jwt_token, generate_session_id
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from jdescent_playground.guard import Hosts, checked_host, headers


def answer(playground, request: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of a request that is sent as it is written."""
    port = urlsplit(playground).port
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        text = request.replace("PORT", str(port)).replace("\n", "\r\n") + "\r\n\r\n"
        connection.sendall(text.encode("latin-1"))
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65536)
        head, _, body = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        found = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        while len(body) < min(int(found.get("content-length", 0)), 4096):
            body += connection.recv(65536)
    return int(first.split()[1]), found, body.decode("utf-8", "replace")


def websocket(host: str, origin: str | None = None) -> str:
    token = generate_jwt_token(generate_session_id())
    asks = f"\nOrigin: {origin}" if origin else ""
    return (
        f"GET /ws HTTP/1.1\nHost: {host}{asks}\nUpgrade: websocket\nConnection: Upgrade\n"
        "Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n"
        f"Sec-WebSocket-Protocol: bokeh, {token}"
    )


OWN = [
    "localhost:PORT", "LOCALHOST:PORT", "localhost.:PORT", "127.0.0.1:PORT", "[::1]:PORT",
    "localhost", f"{socket.gethostname()}:PORT", "lab.example:PORT", "Lab.Example",
    "proxy.example:8443",
]  # fmt: skip
FOREIGN = [
    "evil.example:PORT", "evil.example", "localhost.evil.example:PORT", "127.0.0.1.nip.io:PORT",
    "192.0.2.1:PORT", "notlab.example", "sub.lab.example:PORT", "proxy.example:8444",
    "proxy.example", "[::2]:PORT", "", "127.1:PORT", "localhost:PORT;x",
]  # fmt: skip
MALFORMED = [
    "localhost@evil.example",
    "localhost:PORT, evil.example",
    "localhost:PORT/x",
    "<script>alert(1)</script>",
]


@pytest.mark.parametrize("host", OWN)
def test_own_and_named_hosts_are_answered(playground, host):
    assert answer(playground, f"GET /web/theme.js HTTP/1.1\nHost: {host}")[0] == 200
    assert answer(playground, websocket(host, f"http://{host}"))[0] == 101


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("path", ["/", "/web/theme.js", "/static/js/bokeh.min.js", "/nothing"])
def test_foreign_hosts_are_refused_in_words(playground, host, path):
    """DNS rebinding: the page's own name points here, so that host and origin are the same."""
    status, sent, body = answer(playground, f"GET {path} HTTP/1.1\nHost: {host}\nConnection: close")
    assert status == 403
    assert sent["content-type"].startswith("text/plain")
    assert "does not answer to the host" in body
    assert "--allow-host" in body


@pytest.mark.parametrize("host", FOREIGN)
def test_a_websocket_under_a_foreign_host_is_refused(playground, host):
    for origin in (None, f"http://{host}", "http://localhost:PORT"):
        assert answer(playground, websocket(host, origin))[0] == 403


@pytest.mark.parametrize("host", MALFORMED)
def test_what_is_no_host_is_refused(playground, host):
    assert answer(playground, f"GET / HTTP/1.1\nHost: {host}")[0] in (400, 403)
    assert answer(playground, websocket(host, f"http://{host}"))[0] in (400, 403)


def test_a_request_that_names_no_host_or_two_is_refused(playground):
    assert answer(playground, "GET / HTTP/1.0")[0] in (400, 403)
    two = "GET / HTTP/1.1\nHost: localhost:PORT\nHost: evil.example"
    assert answer(playground, two)[0] in (400, 403)


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "http://evil.example:PORT", "null", "http://localhost:1", "file://",
     "https://localhost.evil.example", "http://localhost:PORT@evil.example", "http://lab.example.x",
     "http://proxy.example:1"],
)  # fmt: skip
def test_pages_of_other_origins_are_refused(playground, origin):
    host = "localhost:PORT"
    assert answer(playground, websocket(host, origin))[0] == 403
    status, _, body = answer(playground, f"GET / HTTP/1.1\nHost: {host}\nOrigin: {origin}")
    assert status == 403
    assert "does not answer pages of" in body


@pytest.mark.parametrize(
    "origin",
    ["http://localhost:PORT", "http://127.0.0.1:PORT", "http://[::1]:PORT", "https://lab.example",
     "https://proxy.example:8443"],
)  # fmt: skip
def test_pages_of_its_own_and_of_named_hosts_are_answered(playground, origin):
    assert answer(playground, websocket("localhost:PORT", origin))[0] == 101


REQUESTS = {
    "page": "GET /two HTTP/1.1\nHost: localhost:PORT",
    "file": "GET /web/style.css HTTP/1.1\nHost: localhost:PORT",
    "bokeh": "GET /static/js/bokeh.min.js HTTP/1.1\nHost: localhost:PORT",
    "missing": "GET /nothing HTTP/1.1\nHost: localhost:PORT",
    "method": "DELETE / HTTP/1.1\nHost: localhost:PORT",
    "refused": "GET / HTTP/1.1\nHost: evil.example",
    "metadata": "GET /metadata HTTP/1.1\nHost: localhost:PORT",
}


@pytest.mark.parametrize("kind", [*REQUESTS, "websocket"])
def test_every_answer_carries_the_headers(playground, kind):
    host = "localhost:PORT"
    request = websocket(host, f"http://{host}") if kind == "websocket" else REQUESTS[kind]
    _, sent, _ = answer(playground, request)
    policy = dict(part.split(" ", 1) for part in sent["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert "https:" not in sent["content-security-policy"]
    assert "*" not in sent["content-security-policy"]
    assert sent["x-content-type-options"] == "nosniff"
    assert sent["x-frame-options"] == "DENY"
    assert sent["referrer-policy"] == "no-referrer"
    assert sent["cross-origin-opener-policy"] == "same-origin"
    assert sent["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in sent["permissions-policy"]


def test_no_page_holds_a_script_of_its_own(playground):
    """So that the policy needs no exception for any."""
    for path in ("/", "/two", "/game"):
        _, _, page = answer(playground, f"GET {path} HTTP/1.1\nHost: localhost:PORT")
        assert page.count("<script") == page.count("<script src=") == 3
        assert "bokeh.min.js" in page
        for unused in ("mathjax", "widgets", "tables", "gl.min"):
            assert unused not in page


def request(host: str, **more: str) -> HTTPServerRequest:
    line = RequestStartLine("GET", "/", "HTTP/1.1")
    return HTTPServerRequest(headers=HTTPHeaders({"Host": host, **more}), start_line=line)


def test_the_address_that_is_bound_is_one_of_its_own():
    hosts = Hosts.of(80, "rack7.example")
    assert hosts.refusal(request("rack7.example", Origin="http://rack7.example")) is None
    assert hosts.refusal(request("rack7.example", Origin="https://rack7.example:81")) is not None
    assert hosts.refusal(request("rack8.example")) is not None


def test_a_refusal_repeats_no_more_than_a_line_of_what_came():
    told = Hosts.of(80, "localhost").refusal(request("x" * 5000))
    assert told is not None
    assert len(told) < 400


@pytest.mark.parametrize(
    "name", ["http://lab.example", "lab.example/x", "*", "*.example", "a b", "", "x:99999999", ";"]
)
def test_what_is_no_host_cannot_be_named(name):
    with pytest.raises(ValueError, match=r"a host name such as lab\.example"):
        checked_host(name)


def test_ipv6_hosts_are_named_with_and_without_brackets():
    for name in ("fe80::1", "[fe80::1]"):
        hosts = Hosts.of(80, "localhost", [name])
        assert hosts.refusal(request("[FE80::1]:8080")) is None


def test_the_policy_names_no_host_but_the_one_that_was_asked_for():
    assert (
        "connect-src 'self' ws://lab.example:8 wss://lab.example:8"
        in (headers("lab.example:8")["Content-Security-Policy"])
    )
