"""The panels of a card: all as one figure, and each alone as SVG for the page."""

import io
import re
import textwrap
import zlib
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jdescent.plotting import COLUMN_WIDTH, STYLE, title
from jdescent.report_card.card import PARTS, Card
from jdescent.report_card.findings import Panel, Part

COLUMNS = 2
PANEL_HEIGHT = 2.4  # inches
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def panels_of(card: Card) -> Iterator[tuple[Panel, Part]]:
    """The panels whose part measured something to draw."""
    for module in PARTS:
        part = card.parts.get(module.NAME)
        if part is not None and part.series:
            for panel in module.PANELS:
                yield panel, part


def figure_of(card: Card) -> Figure:
    """All panels, lettered; a panel as wide as the page where it asks for that."""
    drawn = list(panels_of(card))
    rows = _rows([panel for panel, _ in drawn])
    heights = [max(PANEL_HEIGHT * panel.height for panel in row) for row in rows]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(COLUMN_WIDTH * 1.5, sum(heights) or PANEL_HEIGHT))
        layout: list[Any] = [
            [id(panel) for panel in (row if len(row) == COLUMNS else [row[0]] * COLUMNS)]
            for row in rows
        ]
        by_panel = figure.subplot_mosaic(layout, height_ratios=heights) if rows else {}
        for letter, (panel, part) in zip(LETTERS, drawn, strict=False):
            axes = by_panel[id(panel)]
            title(axes, letter, panel.title)
            panel.draw(axes, part.series)
        figure.suptitle(textwrap.fill(card.name, 80), fontsize=9, parse_math=False)
    return figure


def _rows(panels: list[Panel]) -> list[list[Panel]]:
    rows: list[list[Panel]] = []
    for panel in panels:
        alone = panel.wide or not rows or len(rows[-1]) == COLUMNS or rows[-1][0].wide
        if alone:
            rows.append([panel])
        else:
            rows[-1].append(panel)
    return rows


def svg_of(panel: Panel, part: Part) -> str:
    """One panel as SVG that stands within HTML; its text is text."""
    with mpl.rc_context({**STYLE, "svg.fonttype": "none", "svg.hashsalt": panel.title}):
        width = COLUMN_WIDTH * (1.5 if panel.wide else 0.85)
        figure = Figure(figsize=(width, PANEL_HEIGHT * panel.height))
        axes: Axes = figure.add_subplot()
        panel.draw(axes, part.series)
        for text in figure.findobj(mpl.text.Text):
            text.set_fontfamily("sans-serif")
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None})
    drawing = stream.getvalue()
    body = drawing[drawing.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    return _own_ids(body, f"p{zlib.crc32(panel.title.encode())}_")


def _own_ids(svg: str, prefix: str) -> str:
    """Its ids begin with a prefix, so that several stand in one page."""
    svg = re.sub(r'\bid="', f'id="{prefix}', svg)
    svg = re.sub(r'(xlink:href|href)="#', rf'\1="#{prefix}', svg)
    return re.sub(r"url\(#", f"url(#{prefix}", svg)
