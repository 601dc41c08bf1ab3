"""What holds an update up is kept off it: many messages, writes that wait, compiling twice."""

import asyncio
import json
import threading
from types import SimpleNamespace

import jax.numpy as jnp
from bokeh.document import Document
from bokeh.models import ColumnDataSource
from bokeh.protocol import Protocol
from bokeh.server.views.ws import WSHandler

from benchmarks.playground_server import Session
from jdescent_playground import runs
from jdescent_playground.guard import Patches, _guarded
from jdescent_playground.page import Page
from jdescent_playground.pages.one_dimension_figures import CurveFigure


class Sent:
    """A websocket that keeps what is sent."""

    def __init__(self):
        self.messages = []

    async def send_message(self, message):
        self.messages.append(message)


def test_changes_of_one_handler_are_one_message_with_the_same_numbers():
    document, socket = Document(), Sent()
    sources = [ColumnDataSource({"x": [0.0]}) for _ in range(3)]
    for source in sources:
        document.add_root(source)
    copy = Document.from_json(document.to_json())
    patches, waiting = Patches(Protocol(), socket), []
    document.on_change(lambda event: waiting.append(patches.send(event)))
    for i, source in enumerate(sources):
        source.data = {"x": [i + 0.5]}

    async def write():
        for each in waiting:
            await each

    asyncio.run(write())
    (message,) = socket.messages
    message.apply_to_document(copy)
    assert [dict(root.data) for root in copy.roots] == [{"x": [i + 0.5]} for i in range(3)]


def test_a_websocket_waits_for_no_confirmation(monkeypatch):
    asked = []
    monkeypatch.setattr(WSHandler, "open", lambda self: asked.append("open"))
    monkeypatch.setattr(WSHandler, "set_nodelay", lambda self, value: asked.append(value))
    guarded = _guarded(WSHandler)
    guarded.open(guarded.__new__(guarded))
    assert asked == [True, "open"]


def test_threads_that_ask_at_once_compile_once():
    traced, found = [], []

    def double(x):
        traced.append(x)
        return 2 * x

    call = runs._compiled_once(double)
    threads = [
        threading.Thread(target=lambda: found.append(call(jnp.float32(3)))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [float(each) for each in found] == [6.0] * 8
    assert len(traced) == 1


def test_a_page_whose_browser_has_left_sets_no_timer():
    session = SimpleNamespace(destroyed=False, request=None)
    document = Document()
    document._session_context = lambda: session
    page = Page(document, "/", "one_dimension.html", [CurveFigure().figure])
    act = page._in_a_thread(lambda: page.animate(lambda: None, 70))
    asyncio.run(act())
    assert len(document.session_callbacks) == 1
    session.destroyed = True
    asyncio.run(page._in_a_thread(lambda: page.later(lambda: None, 20))())
    assert len(document.session_callbacks) == 1


def test_a_drag_of_the_server_answers_with_what_the_ball_shows(playground):
    """One message answers a place of a drag, with ball and words of the same run."""

    async def drag():
        session = await Session.opened(playground, "/")
        await session.done("pointer:curve", [0.0, 1.0, "begin"])
        session.forget()
        await session.done("pointer:curve", [-1.5, 1.0, "move"])
        seen, size = session.messages, session.size
        session.socket.close()
        return seen, size

    messages, size = asyncio.run(drag())
    assert messages <= 2  # the answer, and Bokeh's word that the question has come
    assert size < 8000


def test_the_benchmark_finds_the_inbox_wherever_it_stands():
    from benchmarks.playground_server import _channel

    document = json.loads('{"roots": [{"id": "p1", "attributes": {"tags": [{"id": "p2", '
                          '"attributes": {"name": "inbox"}}]}}]}')  # fmt: skip
    assert _channel(document, "inbox") == "p2"
    assert _channel(document, "outbox") == ""
