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

DIFFERENCES = """Where they differ, and why:

- *Not tried there.* Levels are called unsolved once an easier one was. In adversarial_gradient the
  first is the hardest, the slowest push, which nobody follows to its end here either; in
  parameter_scale the first has the scales of the third. See `untried`.
- *ADOPT* there steps along the gradient as it is. See `adopt_as_sgd`, `order_with_sgd`.
- *Fewer steps here*, 4,000 rather than 100,000: scale_invariant, the hard plateau, kinks. See
  `gained_by_steps`, `gained_by_more_steps`.
- *Fewer trials here*, 40 rather than 1,000: AdamW took 538 for most levels of parameter_scale.
- *ε*: on the plateau's last levels slopes are below 10⁻²⁰; PSGD Kron has no ε. See
  `plateau_without_eps`.
- *The aim*: minimax and wide_linear ask for a place that is not a minimum, saddle_point's last two
  levels start on its ridge. See `unreachable`, `mended`. sparse_gradient's last level is mostly
  solved before the first step, which is why optimizers that fail the one before it solve it there:
  `standing_still`.
- *Not explained*: RMSprop fails larger quadratics and rastrigin there, and not here; PSGD Kron
  solves penalties and scaled layers there that it does not here.
"""

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
            DIFFERENCES.strip(),
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
