"""A playground on a free port, and a browser to open it with.

Where there is no browser the tests that need one are skipped, saying why; under CI (the variable is
set) that is a failure.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from browsing import WAIT


@pytest.fixture(scope="session")
def playground() -> Iterator[str]:
    """The address of a playground that runs in a process of its own."""
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "jdescent_playground", "--no-browser", "--port", "0"),
            *("--allow-host", "lab.example", "--allow-host", "proxy.example:8443"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    told = server.stdout.readline()
    found = re.search(r"http://\S+(?=/)", told)
    assert found, told
    yield found.group()
    server.terminate()
    server.wait(timeout=20)
    server.stdout.close()


@pytest.fixture(scope="module")  # it holds the thread's event loop, so not for longer
def browser() -> Iterator:
    """Chromium, driven by Playwright."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        _missing("no chromium on the PATH: apt-get install chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        _missing("no playwright: pip install playwright")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


class Lent:
    """A page in a browser of its own, lent to one test after another: to open one takes seconds."""

    def __init__(self, browser, address: str, options: dict):
        self.address = address
        self.page = browser.new_context(**options).new_page()
        self.page.set_default_timeout(WAIT)
        self.errors: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self.page.on("websocket", lambda socket: self.hosts.add(urlsplit(socket.url).netloc))

    def leave(self) -> None:
        """Forgets what the test left behind, and checks what its page met and asked."""
        self.page.mouse.up()
        self.page.mouse.move(0, 0)
        self.page.goto("about:blank")
        what = {"origin": self.address, "storageTypes": "local_storage"}
        session = self.page.context.new_cdp_session(self.page)
        session.send("Storage.clearDataForOrigin", what)
        session.detach()
        errors, hosts = self.errors.copy(), self.hosts.copy()
        self.errors.clear()
        self.hosts.clear()
        assert errors == []
        assert hosts <= {urlsplit(self.address).netloc, ""}


@pytest.fixture(scope="module")
def idle_pages(browser) -> dict[str, list[Lent]]:
    """Pages that no test has now, by the options of their browsers."""
    return {}


@pytest.fixture
def open_page(playground: str, browser, idle_pages: dict[str, list[Lent]]) -> Iterator[Callable]:
    """A function that opens a page in a browser of its own and waits until it lives.

    Afterwards no page may have met an error, or asked anything of another host. What a test
    watches from before the page lives is a page that nobody had.
    """
    lent: list[tuple[str, Lent]] = []

    def open_page(path="/", *, size=(1280, 800), theme="light", watch=None, **options):
        kind = f"watched for {watch}" if watch else repr(sorted(options.items()))
        idle = idle_pages.setdefault(kind, [])
        one = idle.pop() if idle else Lent(browser, playground, options)
        lent.append((kind, one))
        page = one.page
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.emulate_media(color_scheme=theme)
        if watch is not None:
            watch(page)
        page.goto(playground + path)
        page.wait_for_selector("html[data-ready]")
        return page

    yield open_page
    for _, one in lent:
        one.leave()
    for kind, one in lent:
        idle_pages[kind].append(one)


def _missing(why: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
