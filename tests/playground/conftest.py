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
            *(sys.executable, "-m", "jdescent.playground", "--no-browser", "--port", "0"),
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


@pytest.fixture
def open_page(playground: str, browser) -> Iterator[Callable]:
    """A function that opens a page in a browser of its own and waits until it lives.

    Afterwards no page may have met an error, or asked anything of another host.
    """
    contexts, errors, hosts = [], [], set()

    def open_page(path="/", *, size=(1280, 800), theme="light", watch=None, **options):
        width, height = size
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        page.on("websocket", lambda socket: hosts.add(urlsplit(socket.url).netloc))
        if watch is not None:
            watch(page)
        page.goto(playground + path)
        page.wait_for_selector("html[data-ready]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []
    assert hosts <= {urlsplit(playground).netloc, ""}


def _missing(why: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
