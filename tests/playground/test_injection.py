"""Nothing that a person types, or that an address says, is taken for a script."""

import ast
import html
import json
from urllib.parse import urlencode

import pytest
from browsing import wait_until
from tabs import Tab

from jdescent_playground import address, method_panel, scene
from jdescent_playground.catalog import METHODS
from jdescent_playground.game_address import READERS as GAME
from jdescent_playground.look import LIGHT
from jdescent_playground.page import PAGES, Page
from jdescent_playground.pages import game, one_dimension, two_dimensions
from jdescent_playground.race import LARGEST

ATTACKS = [
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "'--></title></textarea><svg onload=alert(1)>",
    "javascript:alert(1)",
    '");\nimport os\nprint("\\',
    "&lt;img src=x onerror=alert(1)&gt;",
    "{{ 7*7 }}${alert(1)}",
]
SETTINGS = {name for method in METHODS for name in address.setting_readers(method)}
PANEL = {"method", *method_panel._READERS, *SETTINGS}
RACE = {f"{n}.{name}" for n in range(1, LARGEST + 1) for name in PANEL - {"method"}}
PARAMETERS = {
    "/": {*one_dimension.READERS, *PANEL, "unknown"},
    "/two": {*scene._READERS, *two_dimensions.READERS, *map(str, range(1, LARGEST + 1)), *RACE},
    "/game": {*GAME, "unknown"},
}
BUILDS = {
    "/": one_dimension.OneDimension,
    "/two": two_dimensions.TwoDimensions,
    "/game": game.Game,
}


def test_every_page_is_attacked():
    assert set(BUILDS) == set(PARAMETERS) == {path for path, _, _ in PAGES}
    assert all(len(names) > 8 for names in PARAMETERS.values())


def settings_by_method() -> dict[str, list[str]]:
    """Methods that have all hyperparameters between them, each with those that are new in it."""
    found, known = {}, set()
    for method in METHODS:
        new = [name for name in address.setting_readers(method) if name not in known]
        known |= set(new)
        found |= {method: new} if new else {}
    return found


def queries(path: str, attack: str) -> list[tuple[dict[str, str], list[str]]]:
    """Addresses with an attack in every parameter: those together that are read together."""
    own = {"/": "curve", "/two": "surface"}.get(path)
    of_page = {"/": one_dimension.READERS, "/two": {*scene._READERS, *two_dimensions.READERS}}
    elsewhere = (RACE | SETTINGS) - set(of_page[path]) if own else set()
    names = sorted(PARAMETERS[path] - elsewhere - {"formula", "unknown"})
    asked = [(dict.fromkeys(names, attack), names)]
    if own:
        asked.append(({own: "own", "formula": attack}, ["formula"]))
    for method, new in settings_by_method().items() if own else ():
        if path == "/":
            asked.append(({"method": method, **dict.fromkeys(new, attack)}, new))
        else:
            dotted = [f"{LARGEST}.{name}" for name in new]
            asked.append(({str(LARGEST): method, **dict.fromkeys(dotted, attack)}, dotted))
    return asked


@pytest.mark.parametrize("path", BUILDS)
def test_what_an_address_says_is_repeated_as_text_and_never_as_html(path, monkeypatch):
    monkeypatch.setattr("jdescent_playground.rates.POINTS", 3)
    answered = set()
    for number, (_, _) in enumerate(queries(path, "")):
        asked, names = queries(path, ATTACKS[number % len(ATTACKS)])[number]
        tab = Tab(BUILDS[path], asked)
        for name in names:
            assert f"the address says {name}=" in tab.problem
        answered |= set(names)
        for change in tab.sent:
            for mark in ("alert(1)", "import os", "onerror", "<script"):
                assert mark not in str(change.get("html", ""))
                assert mark not in change.get("address", "")
    assert PARAMETERS[path] - RACE - answered <= {"unknown"}


def test_html_is_built_of_escaped_pieces_or_refused():
    page = Tab(one_dimension.OneDimension).page.page
    with pytest.raises(TypeError, match=r"HTML is markupsafe\.Markup, got str"):
        page.html(rows="<b>")


SUSPECTS = """() => {
  const found = [], look = root => root.querySelectorAll("*").forEach(one => {
    if (one.shadowRoot) look(one.shadowRoot);
    const runs = ({ name, value }) => /^on/.test(name) || /^javascript:/.test(value);
    const foreign = ["IMG", "IFRAME", "OBJECT", "EMBED"].includes(one.tagName);
    if (foreign || [...one.attributes].some(runs)) found.push(one.outerHTML);
  });
  look(document);
  return found;
}"""


def hearing(dialogs: list[str]):
    """Watches a page for dialogs, and takes down what they say."""

    def hear(dialog):
        dialogs.append(dialog.message)
        dialog.dismiss()

    return lambda page: page.on("dialog", hear)


def alive_and_unharmed(page, dialogs):
    assert dialogs == []
    assert page.evaluate(SUSPECTS) == []
    page.keyboard.press("ArrowRight")
    wait_until(page, "document.getElementById('steps').textContent === '1'")


@pytest.mark.parametrize("attack", ATTACKS[:2])
@pytest.mark.parametrize("path", PARAMETERS)
def test_no_dialog_opens_whatever_every_parameter_says(open_page, path, attack):
    dialogs = []
    asked = dict.fromkeys(PARAMETERS[path], attack)
    address = f"{path}?{urlencode(asked)}"
    page = open_page(address, watch=hearing(dialogs))
    assert attack in page.inner_text("#problem")
    alive_and_unharmed(page, dialogs)


@pytest.mark.parametrize("path", ["/?curve=own", "/two?surface=own"])
def test_no_dialog_opens_whatever_the_formula_of_an_address_is(open_page, path):
    dialogs = []
    address = f"{path}&{urlencode({'formula': ATTACKS[0]})}"
    page = open_page(address, watch=hearing(dialogs))
    assert page.input_value("#formula") == ATTACKS[0]
    assert ATTACKS[0] in page.inner_text("#problem")
    alive_and_unharmed(page, dialogs)


@pytest.mark.parametrize("path", ["/?curve=own&schedule=cosine&batch=4", "/two?surface=own"])
def test_no_dialog_opens_whatever_is_typed_into_a_text_field(open_page, path):
    dialogs = []
    page = open_page(path, watch=hearing(dialogs))
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    shown = page.locator("input:not([type])").evaluate_all(
        "all => all.filter(one => one.checkVisibility() && !one.disabled).map(one => one.id)"
    )
    assert {"formula", "from", "to", "rate-typed", "clip"} <= set(shown)
    for field in shown:
        for attack in ATTACKS[:2]:
            page.fill(f"#{field}", attack)
            page.keyboard.press("Enter")
            wait_until(page, f"document.getElementById('{field}').ariaInvalid === 'true'")
            assert page.input_value(f"#{field}") == attack
            assert page.inner_text("#problem") != ""
    page.evaluate("document.activeElement.blur()")
    alive_and_unharmed(page, dialogs)


FORMULAS = ["x^2 + 1", "sin²(x) + |x|", "½x⁴ − x", "x^2\n+\n3", "  x·x  "]


@pytest.mark.parametrize("formula", FORMULAS)
def test_an_exported_script_holds_the_formula_as_code_of_jnp_and_no_more(formula):
    tab = Tab(one_dimension.OneDimension, {"curve": "own", "formula": formula})
    tab.do("python")
    tab.do("json")
    names = {
        node.id for node in ast.walk(ast.parse(tab.files["run.py"])) if isinstance(node, ast.Name)
    }
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
