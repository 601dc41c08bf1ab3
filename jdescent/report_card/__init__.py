"""The report card: what is known of any optimizer by measurement, beside all others.

`jdescent.report` makes one. Each of its parts is a module with ``measure(subject, effort)``, which
returns findings, failures in words, and what its panels draw:

- `contract`: what JAX, optax and jdescent expect of an optimizer, and what it costs.
- `identity`: whom it equals, under which settings, or who is nearest.
- `symmetries`: which changes of loss and coordinates it does not notice.
- `stability`: the largest stable rate, predicted and measured.
- `speed`: steps against condition number, rotated bowls, landscapes, saddles.
- `noise`: where it settles, what large gradients do, when it leaves a well.
- `unit_tests`: 3,944 small losses with one difficulty each, after Schaul et al. 2013.
- `learners`: small models and data, with thresholds of their own, at tuned rates.
- `robustness`: how much hangs on the learning rate, and whether the best one carries over.

Code that is named on the command line or in a call is run, with the rights of whoever runs it.
"""

import dataclasses
import hashlib
import re
import tempfile
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jdescent.report_card.card import Card
    from jdescent.report_card.subject import Subject

__all__ = ["report"]

LONGEST = 120  # bytes of a file's name, before its suffix


def report(
    what: Any,
    settings: Mapping[str, Any] | None = None,
    *,
    name: str | None = None,
    out: str | PathLike[str] | None = None,
    against: Sequence[Any] = (),
    thorough: bool = False,
    seed: int = 0,
    progress: bool = True,
) -> "Card":
    """Put an optimizer to every trial, and say what came out.

    It takes about two minutes on two cores. With `out`, NAME.html (a page that needs no network),
    NAME.pdf and NAME.png (its pictures) and NAME.json are written there, the last as parts are
    finished: a card that was interrupted goes on where it was, unless the optimizer's source or
    program, jdescent or jax have changed. It is measured under JAX's usual settings, in float32
    where nothing else is said, whatever yours are. Whatever fails on the way is a failure in words.
    Needs the `figures` extra, and `test` for the contract.

    Args:
        what: an optimizer of the library by name, ``"adam"``; one of a module or a file,
            ``"optax.contrib:muon"``, ``"mine.py:my_optimizer"``; an expression,
            ``"lambda lr: jd.lookahead(jd.sgd(lr), 5, 0.5)"``; a function from the learning rate to
            an (init, update) pair; or such a pair.
        settings: keyword arguments of that function.
        name: what the card is to call it.
        out: a folder, made if need be.
        against: others, in any of these forms, whose cards stand beside this one on the page.
        thorough: more seeds, relatives and learners: some ten minutes.
        seed: of all that is random.
        progress: whether a bar shows what is measured.

    Returns:
        A `Card`: ``card.findings["stability.limit"].value``, ``card.failures``; in a notebook it
        shows itself.

    Raises:
        ValueError: there is no such optimizer, or it lacks settings, or cannot be made; a seed
            that is none; a folder that cannot be written to.
        TypeError: what is there makes no (init, update) pair.

    Example:
        >>> import jdescent as jd
        >>> card = jd.report("sgd", out="cards", against=["adam"])        # doctest: +SKIP
        >>> card.findings["stability.limit"].value                        # doctest: +SKIP
        2.0
    """
    from jdescent.report_card.card import card_of
    from jdescent.report_card.findings import effort_of
    from jdescent.report_card.subject import subject_of

    effort = effort_of(thorough, seed)
    folder = None if out is None else writable(Path(out).expanduser())
    subjects = told_apart(
        [subject_of(what, settings, name), *(subject_of(other) for other in against)]
    )
    kept = [None if folder is None else folder / f"{slug(s.name)}.json" for s in subjects]
    cards = [card_of(s, effort, k, progress) for s, k in zip(subjects, kept, strict=True)]
    if folder is not None:
        save(cards, folder)
    return cards[0]


def told_apart(subjects: "Sequence[Subject]") -> "list[Subject]":
    """With a number behind names whose cards would be one file, unless they are the same."""
    owners: dict[str, Subject] = {}
    found = []
    for subject in subjects:
        name, number = subject.name, 1
        while not owners.setdefault(slug(name), subject).is_same(subject):
            number += 1
            name = f"{subject.name} ({number})"
        found.append(dataclasses.replace(subject, name=name))
    return found


def writable(folder: Path) -> Path:
    """The folder, made if need be.

    Raises:
        ValueError: it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ValueError(f"the folder for the card cannot be written to: {error}") from None
    return folder


def save(cards: "Sequence[Card]", folder: Path) -> Path:
    """Write the first card's page, with the others beside it, its pictures and its numbers."""
    from jdescent.report_card.card import write
    from jdescent.report_card.figure import figure_of
    from jdescent.report_card.page import page_of

    first, *others = cards
    stem = folder / slug(first.name)
    folder.mkdir(parents=True, exist_ok=True)
    write(first, stem.with_name(f"{stem.name}.json"))
    figure = figure_of(first)
    for suffix in ("pdf", "png"):
        figure.savefig(stem.with_name(f"{stem.name}.{suffix}"))
    page = stem.with_name(f"{stem.name}.html")
    page.write_text(page_of(first, others), encoding="utf-8")
    return page


def slug(name: str) -> str:
    """A name as the name of a file; of a long one the beginning, and a digest.

    Example:
        >>> slug("heavy_ball(momentum=0.9)")
        'heavy_ball_momentum_0.9'
    """
    plain = re.sub(r"[^\w.-]+", "_", name).strip("_.-") or "optimizer"
    if len(plain.encode()) <= LONGEST:
        return plain
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{plain[: LONGEST // 4]}_{digest}"
