"""The playground's server without a browser: pages that are dragged as fast as it answers.

Each session is a websocket of Bokeh's that sends a place along a drag, waits for the answer, and
sends the next. What a browser needs to draw is not in these numbers; `playground` measures it.
"""

import asyncio
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

SECONDS = 8.0
WARM = 2.0  # seconds of dragging before anything is counted
PAGES = {"one dimension": ("/", "curve"), "two dimensions": ("/two", "surface")}
SESSIONS = (1, 2, 20)
PACE = 0.5  # seconds between two steps of one of many sessions: a class that presses a key


def main(quick: bool = False) -> None:
    print("### the playground's server, without a browser\n")
    print("| page | sessions | what | updates a second in all | median, ms | 90 %, ms "
          "| CPU, ms an update | messages an update | bytes an update |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|")
    with served() as (address, process):
        for (name, (path, figure)), count in itertools.product(PAGES.items(), SESSIONS):
            for what, pace in (("drags", 0.0), ("steps", PACE)):
                if (count == max(SESSIONS)) != (what == "steps"):
                    continue
                seconds = SECONDS / 4 if quick else SECONDS
                asyncio.run(measured(address, process, name, path, figure, count, pace, seconds))
    print()


async def measured(
    address: str, process: int, name: str, path: str, figure: str, count: int, pace: float,
    seconds: float,
) -> None:  # fmt: skip
    sessions = await asyncio.gather(*(Session.opened(address, path) for _ in range(count)))
    driven = [
        one.stepped(pace, pace * i / count) if pace else one.dragged(figure)
        for i, one in enumerate(sessions)
    ]
    tasks = [asyncio.create_task(each) for each in driven]
    await asyncio.sleep(WARM)
    for one in sessions:
        one.forget()
    began, cpu = time.perf_counter(), cpu_seconds(process)
    await asyncio.sleep(seconds)
    passed, cpu = time.perf_counter() - began, cpu_seconds(process) - cpu
    for task in tasks:
        task.cancel()
    times = sorted(1e3 * each for one in sessions for each in one.times)
    updates = max(len(times), 1)
    print(
        f"| {name} | {count} | {'steps' if pace else 'drags'} | {len(times) / passed:.0f} "
        f"| {statistics.median(times):.0f} | {times[int(0.9 * len(times))]:.0f} "
        f"| {1e3 * cpu / updates:.1f} | {sum(one.messages for one in sessions) / updates:.1f} "
        f"| {sum(one.size for one in sessions) / updates:,.0f} |",
        flush=True,
    )
    for one in sessions:
        one.socket.close()


@dataclass
class Session:
    """A page that was opened, and what came from its server."""

    socket: WebSocketClientConnection
    inbox: str
    sent: int = 0
    messages: int = 0
    size: int = 0
    times: list[float] = field(default_factory=list)

    @classmethod
    async def opened(cls, address: str, path: str) -> "Session":
        """Open a page and wait until it has drawn what is seen first."""
        answer = await AsyncHTTPClient().fetch(address + path, request_timeout=300)
        token = re.search(r'data-token="([^"]+)"', answer.body.decode())
        assert token is not None
        where = f"{address.replace('http', 'ws', 1)}{path.rstrip('/')}/ws"
        socket = await websocket_connect(
            HTTPRequest(where, headers={"Origin": address}, request_timeout=300),
            subprotocols=["bokeh", token[1]],
        )
        socket.protocol.stream.set_nodelay(True)  # as browsers do
        one = cls(socket, "")
        await one._message()  # that the session is there
        await one._send("PULL-DOC-REQ", {})
        document = json.loads((await one._message())[2])["doc"]
        one.inbox = _channel(document, "inbox")
        await one.done("hello", "light")
        return one

    async def dragged(self, figure: str) -> None:
        """Drag the start to and fro for ever."""
        await self.done(f"pointer:{figure}", [0.0, 1.0, "begin"])
        for i in itertools.count():
            x = -2.5 + 4.0 * abs((i / 100) % 2 - 1)
            await self.timed(f"pointer:{figure}", [x, 1.0, "move"])

    async def stepped(self, pace: float, later: float) -> None:
        """Step, again and again, at a pace."""
        await asyncio.sleep(later)
        for i in itertools.count():
            began = time.perf_counter()
            await self.timed("reset" if i % 20 == 19 else "step", None)
            await asyncio.sleep(max(pace - (time.perf_counter() - began), 0.0))

    def forget(self) -> None:
        """Count anew."""
        self.messages = self.size = 0
        self.times = []

    async def timed(self, event: str, value: object) -> None:
        began = time.perf_counter()
        await self.done(event, value)
        self.times.append(time.perf_counter() - began)

    async def done(self, event: str, value: object) -> None:
        """Send one event and wait until it is answered."""
        self.sent += 1
        change = {"kind": "ModelChanged", "model": {"id": self.inbox}, "attr": "text",
                  "new": json.dumps([self.sent, event, value])}  # fmt: skip
        await self._send("PATCH-DOC", {"events": [change]})
        answered = json.dumps(json.dumps({"answered": event}))[1:-1]
        while answered not in "".join(await self._message()):
            pass

    async def _send(self, kind: str, content: object) -> None:
        for part in ({"msgid": f"{self.inbox}-{self.sent}", "msgtype": kind}, {}, content):
            await self.socket.write_message(json.dumps(part))

    async def _message(self) -> Sequence[str]:
        """The texts of the next message; its buffers are counted."""
        parts = [await self._part() for _ in range(3)]
        for _ in range(2 * json.loads(parts[0]).get("num_buffers", 0)):
            await self._part()
        self.messages += 1
        return [str(part) for part in parts]

    async def _part(self) -> str | bytes:
        part = await self.socket.read_message()
        assert part is not None, "the server closed the connection"
        self.size += len(part)
        return part


def _channel(document: object, name: str) -> str:
    """The id of a model by its name, anywhere in a document."""
    if isinstance(document, dict):
        if document.get("attributes", {}).get("name") == name:
            return str(document["id"])
        document = list(document.values())
    if isinstance(document, list):
        return next((found for each in document if (found := _channel(each, name))), "")
    return ""


def cpu_seconds(process: int) -> float:
    """What a process has used of the processors."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def served() -> Iterator[tuple[str, int]]:
    """The address of a playground in a process of its own, and that process."""
    command = [sys.executable, "-m", "jdescent", "play", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        found = re.search(r"http://\S+(?=/)", server.stdout.readline())
        assert found is not None
        yield found.group(), server.pid
        server.terminate()
