"""Checks a built site: every link leads somewhere, nothing is fetched, every name has a place.

``python -m docs.links FOLDER``
"""

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from docs import public

LOADS = {"script": "src", "img": "src", "link": "href", "source": "src", "iframe": "src"}
LEADS = {"a": "href"} | LOADS
NOT_LOADED = {"canonical", "alternate", "next", "prev"}  # what a <link> may be instead


class Page(NamedTuple):
    """What a page is found by, leads to and loads."""

    anchors: set[str]
    leads_to: list[str]
    loads: list[str]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page(set(), [], [])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.page.anchors.update(x for x in (given.get("id"), given.get("name")) if x)
        if address := given.get(LEADS.get(tag, "")):
            self.page.leads_to.append(address)
            if tag in LOADS and given.get("rel") not in NOT_LOADED:
                self.page.loads.append(address)


def read(path: Path) -> Page:
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return reader.page


def problems(site: Path) -> list[str]:
    """One line for each thing that is wrong with the site."""
    pages = {path.resolve(): read(path) for path in sorted(site.rglob("*.html"))}
    places = set().union(*(page.anchors for page in pages.values()))
    nowhere = (f"no place for the public name {n}" for n in public.every_name() if n not in places)
    return [*wrong_links(site.resolve(), pages), *nowhere]


def wrong_links(site: Path, pages: dict[Path, Page]) -> Iterator[str]:
    for path, page in pages.items():
        here = path.relative_to(site)
        for address in page.loads:
            if urlsplit(address).scheme in ("http", "https") or address.startswith("//"):
                yield f"{here} loads {address} from the network"
        for address in page.leads_to:
            if trouble := trouble_with(address, path, site, pages):
                yield f"{here}: {address} {trouble}"


def trouble_with(address: str, path: Path, site: Path, pages: dict[Path, Page]) -> str:
    """What is wrong with a link of a page; nothing, if it is right or leads out of the site."""
    parts = urlsplit(address)
    if parts.scheme or address.startswith("//"):
        return ""
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.is_relative_to(site) or not target.exists():
        return "leads to no file"
    missing = parts.fragment and target in pages
    if missing and unquote(parts.fragment) not in pages[target].anchors:
        return "leads to no place on its page"
    return ""


if __name__ == "__main__":
    found = problems(Path(sys.argv[1]))
    sys.exit("\n".join(found) or None)
