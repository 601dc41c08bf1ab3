"""The table of optimizers: source, what each reads and keeps, and how near its paper it is."""

import inspect
import re
from collections.abc import Callable

import jax
import jax.numpy as jnp

import jdescent as jd
from experiments.common import markdown, report
from experiments.common.case import Case
from experiments.common.papers import cases
from experiments.common.records import record_of
from experiments.conformance.simulate import OPTAX, PAPER, Measured

STABILITY = "stability_of_optimizers"
LIMIT = "largest stable ηλ"  # as that figure's table has it

SIDE = 64
IN_WORDS = {
    "x": "parameters",
    "params": "parameters",
    "loss": "loss",
    "key": "random numbers",
    "loss_at": "loss elsewhere",
    "grad_at": "gradients elsewhere",
    "hvp": "Hessian products",
    "extra": "what the inner one reads",
}


COLUMNS = (
    "optimizer", "source", "reads beside the gradient", "memory a parameter",
    f"[{LIMIT}](README.md#stability-of-optimizers)", "beside its paper", "optax beside it",
)  # fmt: skip


def catalog(found: list[Measured], in_words: Callable[[float], str]) -> str:
    """A row an optimizer that was measured beside its paper."""
    first = {case.optimizer: case for case in reversed(cases())}
    limits = stable_rates()

    def row(name: str) -> tuple[str, ...]:
        own = [row for row in found if row.optimizer == name and not row.is_of_defaults]
        apart = ([row.distance for row in own if row.against == who] for who in (PAPER, OPTAX))
        distances = [in_words(max(them)) if them else "" for them in apart]
        case = first[name]
        limit = limits.get(name, "")
        return name, source(name), reads(case), memory(case), limit, *distances

    names = sorted({row.optimizer for row in found if row.against == PAPER})
    return markdown.table(COLUMNS, map(row, names))


def stable_rates() -> dict[str, str]:
    """What is on record of each one's largest stable rate, in its first case's settings."""
    record = record_of(report.FIGURES / f"{STABILITY}.json")
    rows = markdown.rows_of(record["shown"], LIMIT)
    return {row["optimizer"]: row[LIMIT] for row in rows}


def source(name: str) -> str:
    """What the docstring says after "Reference:", in one line."""
    text = inspect.getdoc(getattr(jd, name)) or ""
    _, _, after = text.partition("Reference: ")
    return re.sub(r"\s+", " ", after.partition("\n\n")[0]).strip().rstrip(".")


def reads(case: Case) -> str:
    names = getattr(case.build(0.1).update, "reads", ("extra",))
    return ", ".join(dict.fromkeys(IN_WORDS[name] for name in names if name in IN_WORDS))


def memory(case: Case) -> str:
    """Float32 numbers kept for each of a square matrix."""
    start = jax.eval_shape(case.build(0.1).init, jnp.ones((SIDE, SIDE), jnp.float32))
    kept = [x for x in jax.tree.leaves(start) if jnp.issubdtype(x.dtype, jnp.floating)]
    return f"{sum(x.size * x.dtype.itemsize for x in kept) / (4 * SIDE**2):.2g}"
