"""``jdescent report``: a card from the command line."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jdescent.report_card import report, save, slug, writable
from jdescent.report_card.card import PARTS, Card, about_measuring
from jdescent.report_card.findings import Effort, Failure, Part, effort_of
from jdescent.report_card.subject import setting_of, subject_of

EPILOG = """examples:
  jdescent report adam
  jdescent report heavy_ball --set momentum=0.9 --against sgd,adam
  jdescent report optax.contrib:muon --out cards
  jdescent report mine.py:my_optimizer --set b1=0.95 --fail-under limits.json
  jdescent report "lambda lr: jd.lookahead(jd.sgd(lr), 5, 0.5)" --name lookahead

limits.json holds bounds by finding, such as
  {"failures": {"at_most": 0}, "stability.limit": {"at_least": 1.9},
   "contract.scan": {"equals": true}}
and the names of findings stand in NAME.json. The code of the optimizer is run as yours."""


def main(arguments: Sequence[str]) -> int:
    """Make the card and say in short what came out; 1 where it could not, or a bound is missed."""
    options = _parser().parse_args(arguments)
    out = options.out.expanduser()
    try:
        limits = _limits(options.fail_under)
        settings = dict(setting_of(text) for text in options.set)
        effort = effort_of(options.thorough, options.seed)
        writable(out)
        others = [subject_of(name) for names in options.against for name in _names(names)]
    except (ValueError, TypeError) as error:
        print(f"jdescent report: {error}", file=sys.stderr)
        return 2
    try:
        subject = subject_of(options.optimizer, settings, options.name)
    except (ValueError, TypeError) as error:
        given = ", ".join(options.set)
        name = options.name or options.optimizer + (f"({given})" if given else "")
        return _refused(name, options.optimizer, error, effort, out)
    try:
        card = report(
            subject, out=out, against=others, thorough=options.thorough, seed=options.seed,
            progress=not options.quiet,
        )  # fmt: skip
    except KeyboardInterrupt:
        print("jdescent report: interrupted; the same call goes on from here", file=sys.stderr)
        return 130
    print(card)
    print(out / f"{slug(card.name)}.html")
    missed = list(_missed(card, limits))
    for line in missed:
        print(f"missed: {line}", file=sys.stderr)
    return 1 if missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jdescent report",
        description="What is known of an optimizer by measurement, as a page, figures and JSON.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("optimizer", help='NAME, MODULE:NAME, FILE.py:NAME, or "lambda lr: …"')
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", default=[],
                        help="a hyperparameter; may be given several times")  # fmt: skip
    parser.add_argument("--out", metavar="FOLDER", type=Path, default=Path("report_cards"),
                        help="where the card goes, and where one that was interrupted goes on "
                        "(default: %(default)s)")  # fmt: skip
    parser.add_argument("--name", help="what the card calls it")
    parser.add_argument("--against", metavar="NAME,NAME", action="append", default=[],
                        help="others, whose numbers stand beside it")  # fmt: skip
    parser.add_argument("--thorough", action="store_true", help="some ten minutes, not two")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random")
    parser.add_argument("--fail-under", metavar="FILE", type=Path,
                        help="bounds in JSON; exit with status 1 where one is missed")  # fmt: skip
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser


def _names(text: str) -> list[str]:
    """What commas divide, but not those within brackets.

    Example:
        >>> _names("adam, lambda lr: jd.lookahead(jd.sgd(lr), 5, 0.5)")
        ['adam', 'lambda lr: jd.lookahead(jd.sgd(lr), 5, 0.5)']
    """
    names, depth = [""], 0
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and not depth:
            names.append("")
        else:
            names[-1] += letter
    return [name.strip() for name in names if name.strip()]


def _refused(name: str, what: str, error: Exception, effort: Effort, out: Path) -> int:
    """A page that says why there is nothing to measure."""
    failure = Failure("it cannot be made", str(error))
    card = Card(name, what, {PARTS[0].NAME: Part(failures=[failure])}, about_measuring(effort))
    page = save([card], out)
    print(f"jdescent report: {error}", file=sys.stderr)
    print(page)
    return 1


BOUNDS = {
    "at_least": lambda value, bound: value >= bound,
    "at_most": lambda value, bound: value <= bound,
    "equals": lambda value, bound: value == bound,
}


def _limits(path: Path | None) -> Mapping[str, Mapping[str, Any]]:
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"--fail-under {path} cannot be read: {error}") from None
    if not isinstance(found, dict) or not all(isinstance(row, dict) for row in found.values()):
        raise ValueError(f"--fail-under {path} must hold bounds by finding, got {found!r:.80}")
    for key, row in found.items():
        unknown = sorted(set(row) - set(BOUNDS))
        if unknown or not row:
            raise ValueError(
                f"--fail-under {path}: {key} must have {' or '.join(BOUNDS)}, got {row!r}"
            )
        for word, bound in row.items():
            if not isinstance(bound, float | int | (str if word == "equals" else float)):
                what = "a number, a yes or no, or words" if word == "equals" else "a number"
                raise ValueError(
                    f"--fail-under {path}: {key} must be {word.replace('_', ' ')} {what}, got "
                    f"{bound!r:.80}"
                )
    return found


def _missed(card: Card, limits: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Sentences about the bounds that are not kept; what was not measured keeps none."""
    said = []
    for key, bounds in limits.items():
        if key == "failures":
            value: Any = len(card.failures)
        elif key in card.findings:
            value = card.findings[key].value
        else:
            said.append(f"{key} was not measured")
            continue
        for word, bound in bounds.items():
            comparable = isinstance(value, str) == isinstance(bound, str)
            if not comparable or not BOUNDS[word](value, bound):
                must = "equal" if word == "equals" else f"be {word.replace('_', ' ')}"
                said.append(f"{key} is {value}, and must {must} {bound}")
    return said
