"""Formulas as MathML, which browsers draw themselves: nothing to load, and no script."""

import html
import importlib.resources
import re
from pathlib import Path

import latex2mathml.converter

FORMULA = re.compile(
    r'<(?P<tag>span|div) class="arithmatex">\\[(\[](?P<tex>.*?)\\[)\]]</(?P=tag)>', re.DOTALL
)


def font() -> dict[str, Path]:
    """STIX Two Math, from a package that brings it along, for browsers that have no such font."""
    name = "STIXTwoMath-Regular.ttf"
    return {f"assets/{name}": Path(str(importlib.resources.files("ziamath") / "fonts" / name))}


def drawn(page: str) -> str:
    """The page with each formula that arithmatex has marked as MathML."""
    return FORMULA.sub(_drawn, page)


def _drawn(match: re.Match[str]) -> str:
    tex, is_block = html.unescape(match["tex"]).strip(), match["tag"] == "div"
    formula = latex2mathml.converter.convert(tex, display="block" if is_block else "inline")
    return f'<div class="formula">{formula}</div>' if is_block else formula
