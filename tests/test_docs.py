"""The documentation's sources: every name has its place, what pages name is there.

The pages' examples are doctests of their own (`docs/pages`); `make docs` builds the site, and
checks its links.
"""

import importlib
import json
import re
from pathlib import Path

import pytest

from docs import api, families, figures, including, links, public, tables
from experiments import NAMES
from jdescent import optimizers

ROOT = Path(__file__).parents[1]
PAGES = {str(p.relative_to(ROOT / "docs/pages")): p for p in (ROOT / "docs/pages").rglob("*.md")}
GENERATED = api.pages() | families.pages() | figures.pages()
PLACE = re.compile(r'id="([\w.]+)"|\{#([\w.]+)\}')
FILE = re.compile(r"`((?:jdescent|tests|docs|experiments|benchmarks)/[\w./]*)`")


def places(text: str) -> set[str]:
    return {a or b for a, b in PLACE.findall(text)}


def test_every_public_name_has_one_place():
    found = [place for text in GENERATED.values() for place in places(text)]
    missing = set(public.every_name()) - set(found)
    assert not missing
    qualified = [place for place in found if "." in place]
    assert len(qualified) == len(set(qualified))


def test_an_optimizer_is_on_the_page_of_its_family_with_all_that_is_known():
    for family, names in public.families().items():
        text = GENERATED[families.page_of(family)]
        for name in names:
            assert f"::: jdescent.optimizers.{family}.{name}\n" in text
    assert {name for names in public.families().values() for name in names} == set(
        optimizers.__all__
    )
    adam = GENERATED["optimizers/adam.md"]
    assert "| 38, measured 38 (frozen preconditioner) |" in adam
    assert "rounding; `experiments/common/papers/adam.py`" in adam


def test_what_mkdocstrings_is_asked_for_is_what_the_name_stands_for():
    assert public.defined_as("jdescent.adam") == "jdescent.optimizers.adam.adam"
    assert public.defined_as("jdescent.descend") == "jdescent.descend.descend"
    for name in public.every_name():
        path = public.defined_as(name)
        if path != name:
            module, _, own = path.rpartition(".")
            assert getattr(importlib.import_module(module), own) is public.thing_of(name)
            assert any(f"::: {path}\n" in text for text in GENERATED.values())


def test_the_names_of_the_playground_have_a_page_each_module():
    for name in ("serve", "player.player", "player.Ground", "export.as_python", "runs.compute"):
        assert f"jdescent_playground.{name}" in public.every_name()
    player = GENERATED["api/jdescent_playground.player.md"]
    assert "::: jdescent_playground.player.figure.player\n" in player
    assert "jdescent.md#" not in player


def test_every_record_of_an_optimizer_is_shown_with_it():
    told = {name for names in public.families().values() for name in names}
    for rows in (families.catalog(), families.distances(), families.stability()):
        assert set(rows) <= told
        assert len(rows) > 100


def test_every_figure_has_a_page_with_its_numbers_and_its_code():
    for name in NAMES:
        text = GENERATED[f"figures/{name}.md"]
        record = json.loads((ROOT / "paper_figures" / f"{name}.json").read_text(encoding="utf-8"))
        assert text.count("\n| ") >= len(record["numbers"])
        assert f"`experiments/{name}/figure.py`" in text
        assert f"({name}.md)" in GENERATED["figures/index.md"]


def test_every_claim_is_in_the_ledger():
    text = GENERATED["claims.md"]
    records = (json.loads(p.read_text("utf-8")) for p in (ROOT / "paper_figures").glob("*.json"))
    claims = [claim for record in records for claim in record.get("claims", [])]
    assert text.count("\n!!! ") == len(claims) > 0
    assert all(claim["says"][1:] in text for claim in claims)


def test_a_row_of_a_record_is_on_one_line():
    text = "words\n\n| optimizer | key |\n|---|---|\n| sgd | a \\| b |"
    assert next(tables.tables(text)) == (["optimizer", "key"], ["sgd", "a | b"])
    for name in NAMES:
        broken = [
            row
            for row in tables.text_of(name).splitlines()
            if "|" in row and not (row.startswith("|") and row.endswith("|"))
        ]
        assert not broken


@pytest.mark.parametrize("page", PAGES)
def test_files_that_a_page_names_are_there(page):
    missing = [path for path in FILE.findall(PAGES[page].read_text("utf-8")) if not
               (ROOT / path).exists()]  # fmt: skip
    assert not missing


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_includes_is_there(page):
    text = including.included(PAGES[page].read_text(encoding="utf-8"), page)
    assert not including.DIRECTIVE.search(text)
    assert len(text) > 50


def test_a_section_ends_where_the_next_begins():
    text = "# Top\nfirst\n## One\na\n### Inner\nb\n## Two\nc\n"
    assert including.section(text, "Top", "f") == "first"
    assert including.section(text, "One", "f") == "a\n### Inner\nb"
    with pytest.raises(ValueError, match=r"f has no heading 'Three': it has .*'Two'"):
        including.section(text, "Three", "f")


def site(folder: Path, **pages: str) -> Path:
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(f"<html><body>{text}</body></html>")
    return folder


def test_a_dead_link_a_missing_place_and_a_thing_from_the_network_are_found(tmp_path):
    good = '<h1 id="top">T</h1><a href="b.html#x">b</a><a href="https://jax.dev">out</a>'
    folder = site(tmp_path, a=good, b='<a id="x" href="a.html"></a><img src="a.html">')
    pages = {path.resolve(): links.read(path) for path in folder.glob("*.html")}
    assert not list(links.wrong_links(folder.resolve(), pages))
    bad = '<a href="c.html"></a><a href="a.html#y"></a><script src="https://cdn.io/x"></script>'
    folder = site(tmp_path, b=f'{bad}<a href="../../etc/passwd"></a>')
    pages = {path.resolve(): links.read(path) for path in folder.glob("*.html")}
    assert sorted(links.wrong_links(folder.resolve(), pages)) == [
        "a.html: b.html#x leads to no place on its page",
        "b.html loads https://cdn.io/x from the network",
        "b.html: ../../etc/passwd leads to no file",
        "b.html: a.html#y leads to no place on its page",
        "b.html: c.html leads to no file",
    ]


def test_a_public_name_without_a_place_fails_the_build(tmp_path):
    everything = "".join(f'<a id="{name}"></a>' for name in public.every_name())
    assert not links.problems(site(tmp_path, a=everything))
    without = everything.replace('"jdescent.adam"', '"jdescent.eve"')
    assert links.problems(site(tmp_path, a=without)) == [
        "no place for the public name jdescent.adam"
    ]


def test_formulas_become_mathml():
    mathematics = pytest.importorskip("docs.mathematics", reason="of the extra docs")
    page = r'a <span class="arithmatex">\(x &lt; \frac{1}{2}\)</span> b'
    drawn = mathematics.drawn(page)
    assert drawn.startswith('a <math xmlns="http://www.w3.org/1998/Math/MathML" display="inline">')
    assert "<mfrac>" in drawn
    assert "&#x0003C;" in drawn or "&lt;" in drawn
    block = mathematics.drawn('<div class="arithmatex">\\[\ny\n\\]</div>')
    assert block.startswith('<div class="formula"><math')


def test_docstrings_are_read_as_markdown():
    docstrings = pytest.importorskip("docs.docstrings", reason="of the extra docs")
    text = """x* and w*, added *to* it::

    x ← x*y

Example:
    >>> 1 * 2

Differs from: the paper, which
has none.

Reference: A. Author, 2020."""
    assert (
        docstrings.for_griffe(text)
        == r"""x\* and w\*, added *to* it:

    x ← x*y

Examples:
    >>> 1 * 2

**Differs from** the paper, which has none.

**Reference** A. Author, 2020."""
    )


def test_who_cites_it_is_told_a_title_and_authors():
    told = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    for key in ("cff-version", "message", "title", "authors", "license"):
        assert re.search(rf"^{key}:", told, re.MULTILINE), key
