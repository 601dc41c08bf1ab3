"""Nothing that a person types, or that an address says, is taken for a script."""

import ast
import html
import json
from urllib.parse import urlencode

import pytest
from browsing import wait_until
from tabs import Tab

from jdescent.playground import address, method_panel, scene
from jdescent.playground.catalog import METHODS
from jdescent.playground.game_address import READERS as GAME
from jdescent.playground.look import LIGHT
from jdescent.playground.page import PAGES, Page
from jdescent.playground.pages import game, one_dimension, two_dimensions
from jdescent.playground.race import LARGEST

ATTACKS = [
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "'--></title></textarea><svg onload=alert(1)>",
    "javascript:alert(1)",
    '");\nimport os\nprint("\\',
    "&lt;img src=x onerror=alert(1)&gt;",
    "{{ 7*7 }}${alert(1)}",
]
PANEL = {"method", *method_panel._READERS, *(n for m in METHODS for n in address.setting_readers(m))}
RACE = {f"{n}.{name}" for n in range(1, LARGEST + 1) for name in PANEL - {"method"}}
PARAMETERS = {
    "/": {*one_dimension.READERS, *PANEL, "unknown"},
    "/two": {*scene._READERS, *two_dimensions.READERS, *map(str, range(1, LARGEST + 1)), *RACE},
    "/game": {*GAME, "unknown"},
}
NEEDED = {  # what makes a page look at a parameter
    "formula": {"/": {"curve": "own"}, "/two": {"surface": "own"}},
    **{f"{n}.{name}": {"/two": {str(n): "adam"}} for n in range(1, LARGEST + 1) for name in PANEL},
}
BUILDS = {
    "/": one_dimension.OneDimension,
    "/two": two_dimensions.TwoDimensions,
    "/game": game.Game,
}


def test_every_page_is_attacked():
    assert set(BUILDS) == set(PARAMETERS) == {path for path, _, _ in PAGES}
    assert all(len(names) > 8 for names in PARAMETERS.values())


def query(path: str, name: str, attack: str) -> dict[str, str]:
    return {**NEEDED.get(name, {}).get(path, {}), name: attack}


@pytest.mark.parametrize("path", BUILDS)
def test_what_an_address_says_is_repeated_as_text_and_never_as_html(path, monkeypatch):
    """Every parameter; the page itself is made of few, so one attack for each is enough here."""
    monkeypatch.setattr("jdescent.playground.rates.POINTS", 3)
    names = sorted(PARAMETERS[path] - RACE) + sorted(RACE & PARAMETERS[path])[:12]
    for number, name in enumerate(names):
        attack = ATTACKS[number % len(ATTACKS)]
        tab = Tab(BUILDS[path], query(path, name, attack))
        for change in tab.sent:
            markup = str(change.get("html", ""))
            assert "alert(1)" not in markup
            assert "import os" not in markup
        assert attack not in json.dumps(tab.query, ensure_ascii=False)


def test_html_is_built_of_escaped_pieces_or_refused():
    page = Tab(one_dimension.OneDimension).page.page
    with pytest.raises(TypeError, match=r"HTML is markupsafe\.Markup, got str"):
        page.html(rows="<b>")


SUSPECTS = """() => {
  const found = [], look = root => root.querySelectorAll("*").forEach(one => {
    if (one.shadowRoot) look(one.shadowRoot);
    const own = [...one.attributes].some(it => /^on/.test(it.name) || /^javascript:/.test(it.value));
    if (own || ["IMG", "IFRAME", "OBJECT", "EMBED"].includes(one.tagName)) found.push(one.outerHTML);
  });
  look(document);
  return found;
}"""


def alive_and_unharmed(page, dialogs):
    assert dialogs == []
    assert page.evaluate(SUSPECTS) == []
    before = page.inner_text("#status")
    page.keyboard.press("ArrowRight")
    assert before


@pytest.mark.parametrize("path", PARAMETERS)
@pytest.mark.parametrize("attack", ATTACKS)
def test_no_dialog_opens_whatever_every_parameter_says(open_page, path, attack):
    """All parameters at once, but those that others would keep from being read, which are alone."""
    alone = [name for name in ("formula",) if name in PARAMETERS[path]]
    together = {name: attack for name in PARAMETERS[path] if name not in alone}
    for asked in [together, *(query(path, name, attack) for name in alone)]:
        dialogs = []
        page = open_page(watch=lambda page, to=dialogs: page.on("dialog", lambda one: to.append(one)))
        page.goto(page.url.rstrip("/") + f"{path}?" + urlencode(asked))
        page.wait_for_selector("html[data-ready]")
        wait_until(page, "document.getElementById('problem').textContent.includes('the address')")
        assert " ".join(attack.split())[:37] in page.inner_text("#problem")
        alive_and_unharmed(page, dialogs)


@pytest.mark.parametrize("path", ["/?curve=own&schedule=cosine&batch=4", "/two?surface=own"])
def test_no_dialog_opens_whatever_is_typed_into_a_text_field(open_page, path):
    dialogs = []
    page = open_page(path, watch=lambda page: page.on("dialog", lambda one: dialogs.append(one)))
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    shown = page.locator("input:not([type])").evaluate_all(
        "all => all.filter(one => one.checkVisibility() && !one.disabled).map(one => one.id)"
    )
    assert {"formula", "from", "to", "rate-typed", "clip"} <= set(shown)
    for field in shown:
        for attack in ATTACKS[:3]:
            page.fill(f"#{field}", attack)
            page.keyboard.press("Enter")
            wait_until(page, f"document.getElementById('{field}').ariaInvalid === 'true'")
            assert page.input_value(f"#{field}") == attack
            assert page.inner_text("#problem") != ""
    alive_and_unharmed(page, dialogs)


FORMULAS = ["x^2 + 1", "sin²(x) + |x|", "½x⁴ − x", "x^2\n+\n3", "  x·x  "]


@pytest.mark.parametrize("formula", FORMULAS)
def test_an_exported_script_holds_the_formula_as_code_of_jnp_and_no_more(formula):
    tab = Tab(one_dimension.OneDimension, {"curve": "own", "formula": formula})
    tab.do("python")
    tab.do("json")
    names = {node.id for node in ast.walk(ast.parse(tab.files["run.py"])) if isinstance(node, ast.Name)}
    known = {"jax", "jnp", "jd", "loss", "start", "run", "optimizer", "path", "print", "enumerate"}
    assert names <= known | {"x", "step", "learning_rate", "dampening"}
    assert json.loads(tab.files["run.json"])["loss"].startswith("lambda x: ")


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_refused_formula_is_in_no_export(attack):
    tab = Tab(one_dimension.OneDimension, {"curve": "own", "formula": attack})
    tab.do("formula", attack)
    for event in ("python", "json"):
        tab.do(event)
    for content in tab.files.values():
        assert attack not in html.unescape(content)
        assert "import os" not in content


def test_names_of_files_are_the_pages_own():
    tab = Tab(one_dimension.OneDimension)
    tab.do("picture", "../../<b>.svg")
    (change,) = [one for one in tab.sent if "picture" in one]
    assert (change["picture"], change["name"], change["color"]) == ("png", "run", LIGHT.surface)
    assert isinstance(tab.page.page, Page)
