"""The table in LightBench's form, with its own numbers beside those measured here."""

from typing import Any

import numpy as np

from experiments.common.markdown import table
from experiments.common.statistics import mean
from experiments.lightbench import counting
from experiments.lightbench.candidates import CANDIDATES
from experiments.lightbench.config import Config
from experiments.lightbench.counting import PUBLISHED
from experiments.lightbench.simulate import searched
from jdescent.report_card.lightbench import LEFT_OUT, families
from jdescent.report_card.lightbench.published import details, summary

HEAD = (
    "optimizer", "there: all tasks", "attempts", "there: tasks rebuilt", "trials of successes",
    "here: tasks rebuilt", "trials of successes",
)  # fmt: skip


def shown(data: dict[str, Any], config: Config) -> str:
    """Optimizers, families, and what is left out."""
    first = data["first"]
    n = len(searched())
    there, trials = counting.published_trials(), counting.trials_here(first)
    successes = np.sum(counting.solved(first), axis=1)
    rows = []
    for i, (name, published) in enumerate(PUBLISHED.items()):
        solved, counted, attempts = summary()[published]
        here = mean(successes[i])
        low, high = here.ends
        both = np.isfinite(there[i]) & np.isfinite(trials[i])
        rows.append(
            (
                name,
                f"{solved}/{counted}",
                f"{attempts:.1f}",
                f"{np.isfinite(there[i]).sum()}/{n}",
                f"{geometric(there[i][both]):.1f}",
                f"{here.value:.1f} [{low:.1f}, {high:.1f}]/{n}",
                f"{geometric(trials[i][both]):.1f}",
            )
        )
    by_name = {family.name: family.says for family in families()}
    rebuilt = [(name, says, differs(first, name)) for name, says in by_name.items()]
    return "\n\n".join(
        [
            table(HEAD, rows),
            f"Successes here are means over seeds, of {config.trials} random trials each, with "
            "95 % intervals; trials are geometric means over the tasks that are solved in both. "
            "A failed task of one level counts as six there, which is why not all are of 148; "
            "attempts are means that count failures as 1,000 and tasks that were not tried as 0. "
            f"Of the same vectors there SOAP, which leaves them to Adam, has {soap()}.",
            table(("rebuilt", "loss and aim", "optimizers and levels that differ"), rebuilt),
            table(("left out", "because of"), LEFT_OUT.items()),
        ]
    )


def geometric(values: np.ndarray) -> float:
    return float(np.exp(np.mean(np.log(values)))) if values.size else np.nan


def soap() -> str:
    """How often SOAP's outcome is AdamW's in the published rows of the tasks rebuilt."""
    soap, adamw = (details(name) for name in ("ForeachSOAP", "AdamW"))
    names = [f"{family}-{level}" for family, level in searched()]
    same = sum((soap.get(name, -1) > 0) == (adamw.get(name, -1) > 0) for name in names)
    return f"AdamW's outcome on {same} of the {len(names)} tasks"


def differs(first: counting.Cells, family: str) -> str:
    """Cells of a family with the other outcome than there: solved here alone, or there alone."""
    members = [i for i, (name, _) in enumerate(searched()) if name == family]
    if not members:
        return "0: never solved, in either"
    here = np.mean(counting.solved(first), axis=2)[:, members] > 0.5
    there = np.isfinite(counting.published_trials())[:, members]
    alone = {
        "here alone": np.argwhere(here & ~there),
        "there alone": np.argwhere(there & ~here),
    }
    names = list(CANDIDATES)
    parts = [
        f"{where} {len(found)} ({', '.join(dict.fromkeys(names[i] for i, _ in found))})"
        for where, found in alone.items()
        if len(found)
    ]
    return f"of {here.size}: " + ("; ".join(parts) if parts else "none")
