"""All searches, measured once: ``python -m experiments.lightbench.searches --store FOLDER``.

What is there already is not measured again; at the end `RECORD` is written. It takes some ten
minutes of one core.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from tqdm.auto import tqdm

from experiments.lightbench.candidates import BESIDE, CANDIDATES
from jdescent.report_card.lightbench import Family, Search, families, search
from jdescent.report_card.lightbench.unreachable import mended

RECORD = Path(__file__).with_suffix(".npz")
SEEDS, DRAWS, STEPS = 5, 40, 4000
UNREACHABLE = ("minimax", "wide_linear")
STEPS_UNREACHABLE, DRAWS_UNREACHABLE = 512, 10  # so many show it

LONGER = "AdamW, 30,000 steps"
STEPS_LONGER, FAMILY_LONGER = 30_000, "scale_invariant"

Searches = Mapping[str, Mapping[str, Search]]  # by optimizer and family


@dataclass(frozen=True)
class Options:
    """Measure what optimizers of LightBench's table do on its tasks."""

    store: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """Where each search is kept as it is done."""


def measured(optimizer: str, family: Family) -> Search:
    """The search of one family by one optimizer, of the sizes on record."""
    if optimizer == LONGER:
        return search(CANDIDATES["AdamW"], family, range(SEEDS), DRAWS, STEPS_LONGER)
    size = DRAWS, STEPS
    if family.name.startswith(UNREACHABLE):
        size = DRAWS_UNREACHABLE, STEPS_UNREACHABLE
    return search({**CANDIDATES, **BESIDE}[optimizer], family, range(SEEDS), *size)


def on_record() -> Searches:
    """All of them."""
    found: dict[str, dict[str, Search]] = {name: {} for name in (*CANDIDATES, *BESIDE, LONGER)}
    with np.load(RECORD) as file:
        for key, first in file.items():
            optimizer, family = key.split("/")
            found[optimizer][family] = Search(first, np.array([]))
    return found


def main(options: Options) -> None:
    options.store.mkdir(parents=True, exist_ok=True)
    pairs = [(name, family) for family in (*families(), mended()) for name in CANDIDATES]
    reachable = [family for family in families() if family.name not in UNREACHABLE]
    pairs += [(name, family) for family in reachable for name in BESIDE]
    pairs += [(LONGER, family) for family in reachable if family.name == FAMILY_LONGER]
    found = {}
    for optimizer, family in tqdm(pairs):
        path = options.store / f"{optimizer}, {family.name}.npy"
        if not path.exists():
            np.save(path, measured(optimizer, family).first.astype(np.int16))
        found[f"{optimizer}/{family.name}"] = np.load(path)
    np.savez_compressed(RECORD, **found)


if __name__ == "__main__":
    main(tyro.cli(Options))
