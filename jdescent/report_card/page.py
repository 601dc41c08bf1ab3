"""A card as one page that needs no network and runs no script."""

import html
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from jdescent.report_card.card import PARTS, Card
from jdescent.report_card.figure import panels_of, svg_of
from jdescent.report_card.findings import KINDS, Finding, Table
from jdescent.report_card.matching import ALIKE
from jdescent.report_card.ranks import rank

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"

FINDINGS, FAILURES = 16, 6  # that are shown; the rest is folded
TITLES = {module.NAME: module.TITLE for module in PARTS}


def page_of(card: Card, others: Sequence[Card] = ()) -> str:
    """The card as HTML; with others beside it, each finding of theirs in a column of its own."""
    body = "\n".join(
        [
            _head(card, others),
            *(_failures(one, named=bool(others)) for one in (card, *others) if one.failures),
            *(_section(name, card, others) for name in card.parts),
            _foot(card),
        ]
    )
    names = " beside ".join(
        [card.name, ", ".join(one.name for one in others)] if others else [card.name]
    )
    style = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Report card: {html.escape(names)}</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _head(card: Card, others: Sequence[Card]) -> str:
    nearest = card.findings.get("identity.nearest")
    is_one = card.findings.get("identity.equals")
    said = []
    if nearest is not None:
        apart = card.findings.get("identity.distance")
        word = "Its nearest relative is"
        if is_one is not None and is_one.value:
            word = "It equals"
        elif apart is not None and not float(apart.value) <= ALIKE:
            word = "It is near none that is known; the nearest is"
        said.append(
            f"{word} <b>{html.escape(str(nearest.value))}</b>; {html.escape(nearest.note)}."
        )
    count = len(card.failures)
    said.append(f"{count} failure{'' if count == 1 else 's'}." if count else "No failures.")
    links = "".join(f'<a href="#{name}">{html.escape(TITLES[name])}</a>' for name in card.parts)
    beside = ", ".join(html.escape(one.name) for one in others)
    return (
        f'<header>\n<p class="muted">Report card{f", beside {beside}" if beside else ""}</p>\n'
        f"<h1>{html.escape(card.name)}</h1>\n<pre>{html.escape(card.python)}</pre>\n"
        f"<p>{' '.join(said)}</p>\n<nav>{links}</nav>\n</header>"
    )


def _failures(card: Card, named: bool) -> str:
    """Those of one cause, such as an update that cannot be traced, once."""
    by_cause = sorted(card.failures, key=lambda f: (f.why, f.reproduce))
    items = []
    for (why, reproduce), group in groupby(by_cause, key=lambda f: (f.why, f.reproduce)):
        where = "; ".join(failure.where for failure in group)
        code = f"<pre>{html.escape(reproduce)}</pre>" if reproduce else ""
        items.append(f"<li><b>{html.escape(where)}</b><p>{html.escape(why)}</p>{code}</li>")
    of = f" with {html.escape(card.name)}" if named else ""
    first, rest = (f"<ul>{''.join(part)}</ul>" for part in (items[:FAILURES], items[FAILURES:]))
    folded = _folded(rest, len(items) - FAILURES)
    return f'<div class="failures">\n<h2>What went wrong{of}</h2>\n{first}{folded}\n</div>'


def _folded(inner: str, count: int) -> str:
    """What is opened by a click: the rest of a long list."""
    return f"<details><summary>{count} more</summary>{inner}</details>" if count > 0 else ""


def _section(name: str, card: Card, others: Sequence[Card]) -> str:
    part = card.parts[name]
    pictures = [
        f"<figure><figcaption>{html.escape(panel.title)}</figcaption>{svg_of(panel, own)}</figure>"
        for panel, own in panels_of(card)
        if own is part
    ]
    drawn = f'<div class="pictures">{"".join(pictures)}</div>' if pictures else ""
    inner = []
    if part.findings:
        inner.append(f'<div class="beside">{_findings(name, card, others)}{drawn}</div>')
    elif drawn:
        inner.append(drawn)
    inner += [_table(table) for table in part.tables]
    if not inner:
        inner = ['<p class="muted">Nothing was measured; see “What went wrong”.</p>']
    return (
        f'<section id="{name}">\n<h2>{html.escape(TITLES[name])}</h2>\n'
        + "\n".join(inner)
        + "\n</section>"
    )


def _findings(name: str, card: Card, others: Sequence[Card]) -> str:
    heads = ["", card.name, *(one.name for one in others), "expected", "rank", "class"]
    rows = []
    for finding in card.parts[name].findings:
        key = f"{name}.{finding.name}"
        place = rank(key, finding, card.name)
        beside = (one.findings.get(key) for one in others)
        cells = [
            f"<td>{html.escape(finding.meaning)}{_small(finding.note)}</td>",
            _value(finding),
            *("<td></td>" if other is None else _value(other) for other in beside),
            f'<td class="number">{_expected(finding)}</td>',
            f'<td class="number">{place or ""}</td>',
            f'<td class="kind" title="{html.escape(KINDS[finding.kind])}">{finding.kind}</td>',
        ]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    head = "".join(f"<th>{html.escape(text)}</th>" for text in heads)
    first, rest = (
        f'<div class="scroll"><table><tr>{head}</tr>{"".join(part)}</table></div>'
        for part in (rows[:FINDINGS], rows[FINDINGS:])
    )
    return f"<div>{first}{_folded(rest, len(rows) - FINDINGS)}</div>"


def _expected(finding: Finding) -> str:
    return "" if finding.expected is None else written(finding.expected)


def _small(text: str) -> str:
    return f"<small>{html.escape(text)}</small>" if text else ""


def _value(finding: Finding) -> str:
    if isinstance(finding.value, bool):
        word, style = ("yes", "yes") if finding.value else ("no", "no")
        return f'<td class="{style}">{word}</td>'
    if isinstance(finding.value, str):
        return f"<td>{html.escape(finding.value)}</td>"
    interval = ""
    if finding.interval is not None:
        low, high = map(written, finding.interval)
        interval = f"<small>{low} to {high}</small>"
    return f'<td class="number">{written(finding.value)}{interval}</td>'


def written(value: float) -> str:
    """A number as it is read: four digits, and words for what is none.

    Example:
        >>> written(2.00048), written(float("inf")), written(float("nan")), written(123456.0)
        ('2', '∞', 'none', '1.235e+05')
    """
    if value != value:
        return "none"
    if abs(value) == float("inf"):
        return "∞" if value > 0 else "−∞"
    return f"{value:.4g}".replace("-", "−", 1) if value < 0 else f"{value:.4g}"


def _table(table: Table) -> str:
    head = "".join(f"<th>{html.escape(text)}</th>" for text in table.columns)
    rows = "".join(
        f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows
    )
    return (
        f'<h3>{html.escape(table.title)}</h3><div class="scroll"><table><tr>{head}</tr>{rows}'
        "</table></div>"
    )


def _foot(card: Card) -> str:
    about = card.about
    if not card.findings and not about.get("seconds"):
        return '<p class="muted">Nothing was measured.</p>'
    seconds = sum(about.get("seconds", {}).values())
    effort = "thorough" if about["thorough"] else "the usual effort"
    classes = "; ".join(f"<b>{kind}</b>: {html.escape(text)}" for kind, text in KINDS.items())
    return (
        f'<p class="muted">Measured with {effort}, seed {about["seed"]}, by jdescent '
        f"{about['jdescent']} and jax {about['jax']} on {html.escape(about['device'])}, in "
        f"{seconds:.0f} s. Ranks are among the library’s optimizers. {classes}.</p>"
    )
