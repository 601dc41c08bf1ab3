"""Formulas as MathML, which browsers draw themselves: nothing to load, and no script."""

import html
import re

import latex2mathml.converter

FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<tex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL
)


def drawn(page: str) -> str:
    """The page with each formula that arithmatex has marked as MathML."""
    return FORMULA.sub(_drawn, page)


def _drawn(match: re.Match[str]) -> str:
    display = "block" if match["tag"] == "div" else "inline"
    return latex2mathml.converter.convert(html.unescape(match["tex"]).strip(), display=display)
