"""The cards of all of the library's optimizers, and the record of their findings for ranks.

``python -m jdescent.report_card.library --store FOLDER`` measures what is not in the folder yet,
some hours on two cores, and writes library.json beside this file.
"""

import argparse
import functools
import multiprocessing
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from jdescent import optimizers
from jdescent.report_card import slug
from jdescent.report_card.card import PARTS, Card, card_of, read
from jdescent.report_card.encoding import encoded
from jdescent.report_card.findings import Effort
from jdescent.report_card.ranks import RECORD
from jdescent.report_card.subject import Subject, subject_of

# Of what stands around another optimizer, around gradient descent or Adam.
AROUND = {
    "asam": "jd.asam(jd.sgd(lr))",
    "cautious": "jd.cautious(jd.adam(lr))",
    "grokfast": "jd.grokfast(jd.adam(lr))",
    "gsam": "jd.gsam(jd.sgd(lr))",
    "lookahead": "jd.lookahead(jd.sgd(lr), 5, 0.5)",
    "mechanize": "jd.mechanize(jd.adam(lr))",
    "sam": "jd.sam(jd.sgd(lr))",
    "schedule_free": "jd.schedule_free(jd.sgd(lr), lr)",
    "trac": "jd.trac(jd.adam(lr))",
}
A_PROCESS = 8  # cards, after which its compiled programs are let go
LINKS = (  # of a chain, which make no optimizer by themselves
    "backtracking_linesearch", "ema", "hutchinson", "reduce_on_plateau", "zoom_linesearch",
)  # fmt: skip


@functools.cache
def subjects() -> Mapping[str, Subject]:
    """The library's optimizers that a learning rate makes, or nothing, by name."""
    found = {}
    for name in optimizers.__all__:
        if name in LINKS:
            continue
        if name in AROUND:
            found[name] = subject_of(f"lambda lr: {AROUND[name]}", name=name)
            continue
        try:
            found[name] = subject_of(name)
        except ValueError:  # it needs data, or another optimizer that it leaves as it is
            continue
    return found


def measured(name: str, store: Path, parts: Sequence[str]) -> Card:
    """One card, kept in the store part by part."""
    kept = store / f"{slug(name)}.json"
    return card_of(subjects()[name], Effort(), kept, progress=False, wanted=parts)


def record_of(cards: Sequence[Card]) -> dict[str, dict[str, Any]]:
    """Values by finding and optimizer, in alphabetical order; failures are counted."""
    found: dict[str, dict[str, Any]] = {"failures": {}}
    for card in sorted(cards, key=lambda card: card.name):
        found["failures"][card.name] = len(card.failures)
        for key, finding in card.findings.items():
            found.setdefault(key, {})[card.name] = finding.value
    return dict(sorted(found.items()))


def write_record(store: Path, record: Path = RECORD) -> Mapping[str, Mapping[str, Any]]:
    """Of all cards in the store."""
    found = record_of([read(path) for path in sorted(store.glob("*.json"))])
    record.write_text(encoded(found), "utf-8")
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m jdescent.report_card.library", description=__doc__
    )
    parser.add_argument("names", nargs="*", help="optimizers; all by default")
    parser.add_argument("--store", type=Path, required=True, help="where cards are kept")
    parser.add_argument("--parts", default=",".join(module.NAME for module in PARTS),
                        help="names of parts (default: %(default)s)")  # fmt: skip
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at once")
    options = parser.parse_args(arguments)
    options.store.mkdir(parents=True, exist_ok=True)
    names = options.names or list(subjects())
    make = functools.partial(measured, store=options.store, parts=options.parts.split(","))
    spawning = multiprocessing.get_context("spawn")
    with spawning.Pool(options.jobs, maxtasksperchild=A_PROCESS) as pool:
        for card in tqdm(pool.imap_unordered(make, names), total=len(names), unit="card"):
            tqdm.write(str(card).partition("\n")[0])
    write_record(options.store)


if __name__ == "__main__":
    main()
