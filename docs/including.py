"""What stands in a file of the repository is shown from there: nothing is written twice.

A line ``{{ README.md: Ten lines }}`` of a page becomes that section of that file, and
``{{ CHANGELOG.md }}`` the whole file.
"""

import re

from experiments.common.report import ROOT

DIRECTIVE = re.compile(r"^\{\{ (?P<file>[\w./]+)(?:: (?P<heading>[^}]+?))? \}\}$", re.MULTILINE)
LINK = re.compile(r"(?<=\]\()(?!https?:|#|mailto:)([^)\s]+)(?=\))")
PLACES = {
    "paper_figures/README.md": "figures/index.md",
    "paper_figures/README.md#conformance": "conformance.md",
    "paper_figures/CLAIMS.md": "claims.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "docs/pages/releasing.md": "releasing.md",
}


def included(text: str, page: str) -> str:
    """The page with every directive replaced."""
    depth = page.count("/")
    return DIRECTIVE.sub(lambda match: linked(read(**match.groupdict()), "../" * depth), text)


def read(file: str, heading: str | None = None) -> str:
    text = (ROOT / file).read_text(encoding="utf-8")
    return text if heading is None else section(text, heading, file)


def section(text: str, heading: str, file: str) -> str:
    """What stands under a heading, up to the next of its level; under a title, up to any.

    Raises:
        ValueError: there is no such heading.
    """
    parts = re.split(r"^(#{1,3}) (.+)$", text, flags=re.MULTILINE)
    levels, titles, bodies = parts[1::3], parts[2::3], parts[3::3]
    if heading not in titles:
        raise ValueError(f"{file} has no heading {heading!r}: it has {titles}")
    at = titles.index(heading)
    found = bodies[at]
    if levels[at] == "#":
        return found.strip()
    for level, title, body in zip(
        levels[at + 1 :], titles[at + 1 :], bodies[at + 1 :], strict=True
    ):
        if len(level) <= len(levels[at]):
            break
        found += f"{level} {title}{body}"
    return found.strip()


def linked(text: str, up: str) -> str:
    """Links to files of the repository as links to what the site has of them, or as plain words."""
    pictures = re.sub(
        r"\]\(paper_figures/([\w.]+\.(?:png|gif))\)", rf"]({up}assets/figures/\1)", text
    )
    pictures = re.sub(r"\]\(docs/([\w.]+\.png)\)", rf"]({up}assets/playground/\1)", pictures)
    return re.sub(
        LINK, lambda match: up + PLACES[match[1]] if match[1] in PLACES else match[1], pictures
    )
