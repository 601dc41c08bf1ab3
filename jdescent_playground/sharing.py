"""The buttons that share a page: its link, its pictures, its runs."""

from collections.abc import Callable

from jdescent_playground.page import Page

COPIED = "The link is on the clipboard, and in the address above."
NOT_COPIED = "The link is in the address above; this browser keeps its clipboard closed."


def offer(
    page: Page,
    name: str,
    query: Callable[[], str],
    as_json: Callable[[], str],
    as_python: Callable[[], str],
    as_gif: Callable[[], bytes],
) -> None:
    """Let the buttons of ``parts.share()`` work.

    Args:
        page: the page.
        name: what the files are called, without their ends.
        query: the state as an address.
        as_json: the run as JSON.
        as_python: a script that computes it again.
        as_gif: the run as a moving picture.
    """

    def copy() -> None:
        page.address(query)
        page.copy("here")

    def draw() -> None:
        try:
            page.download(f"{name}.gif", as_gif())
        except (ModuleNotFoundError, ValueError) as error:
            page.text(shared=f"No moving picture: {error}.")

    page.on("copy", lambda value: copy())
    page.on("copied", lambda done: page.text(shared=COPIED if done else NOT_COPIED))
    page.on("picture", lambda kind: page.picture("svg" if kind == "svg" else "png", name))
    page.on("json", lambda value: page.download(f"{name}.json", as_json()))
    page.on("gif", lambda value: draw())
    page.on("python", lambda value: page.download(f"{name}.py", as_python()))
