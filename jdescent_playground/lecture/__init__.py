"""The lecture: one page of text with figures that play, made whole and opened without a server.

`lecture` computes every run and returns the page; ``python -m jdescent_playground.lecture`` (or
``make lecture``) writes it. The text is `lecture.html`: ``<figure-of name="…">`` stands for a
figure, ``<try figure="…" setting="…">`` for a button in a sentence that sets it, and ``{{…}}`` for
a number that was computed with it.
"""

import html
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from jdescent_playground.lecture.section import Section
from jdescent_playground.player.page import page

HERE = Path(__file__).parent
TITLE = "Gradient descent, from one ball to a network"

_FIGURE = re.compile(r'<figure-of name="(\w+)"></figure-of>')
_TRY = re.compile(r"<try ([^>]*)>(.*?)</try>", re.DOTALL)
_SETTING = re.compile(r'(\w+)="([^"]*)"')
_FACT = re.compile(r"\{\{(\w+)\.([\w.]+)\}\}")


def figures() -> dict[str, Callable[[], Section]]:
    """What computes each figure, by its name in the text."""
    from jdescent_playground.lecture import chance, networks, one_parameter, two_parameters

    found = (
        one_parameter.ball, one_parameter.limit, two_parameters.bowl, two_parameters.momentum,
        two_parameters.rotation, chance.noise, networks.edge, networks.learners,
    )  # fmt: skip
    return {function.__name__: function for function in found}


def lecture(told: Callable[[str], None] = lambda name: None) -> str:
    """The page as HTML; every run is computed anew.

    Args:
        told: called with each figure's name before it is computed.
    """
    text = (HERE / "lecture.html").read_text(encoding="utf-8")
    sections = {}
    for name, compute in figures().items():
        told(name)
        sections[name] = compute()
    return page(TITLE, filled(text, sections), (HERE / "lecture.css").read_text(encoding="utf-8"))


def filled(text: str, sections: Mapping[str, Section]) -> str:
    """The text with its figures, buttons and numbers.

    Raises:
        ValueError: a button asks for a setting that was not computed; a figure is not shown once.
        KeyError: the text quotes a number that no figure has.
    """
    shown = sorted(_FIGURE.findall(text))
    if shown != sorted(sections):
        raise ValueError(f"the text shows {shown}, and {sorted(sections)} were computed")
    text = _TRY.sub(lambda found: _button(found[1], found[2], sections), text)
    text = _FACT.sub(lambda found: html.escape(str(sections[found[1]].facts[found[2]])), text)
    return _FIGURE.sub(lambda found: sections[found[1]].figure.element(), text)


def _button(attributes: str, words: str, sections: Mapping[str, Section]) -> str:
    settings = dict(_SETTING.findall(attributes))
    name = settings.pop("figure")
    axes = {axis.name: axis for axis in sections[name].figure.axes}
    at = {axis: axes[axis].index(value) for axis, value in settings.items()}
    play = " data-play" if attributes.split()[-1] == "play" else ""
    told = html.escape(json.dumps(at))
    what = f'data-figure="{name}" data-at="{told}"{play}'
    return f'<button type="button" class="try" {what}>{words}</button>'
