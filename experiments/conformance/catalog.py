"""The table of optimizers: source, what each reads and keeps, and how near its paper it is."""

import inspect
import re
from collections.abc import Callable

import jax
import jax.numpy as jnp

import jdescent as jd
from experiments.common.case import Case
from experiments.common.papers import cases
from experiments.conformance.simulate import OPTAX, PAPER, Measured

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


def catalog(found: list[Measured], in_words: Callable[[float], str]) -> str:
    """A row an optimizer that was measured beside its paper."""
    lines = [
        "| optimizer | source | reads beside the gradient | memory a parameter | beside its paper "
        "| optax beside it |",
        "|---|---|---|---|---|---|",
    ]
    first = {case.optimizer: case for case in reversed(cases())}
    for name in sorted({row.optimizer for row in found if row.against == PAPER}):
        case = first[name]
        apart = {
            against: [
                row.distance for row in found
                if (row.optimizer, row.against) == (name, against) and not row.is_of_defaults
            ]
            for against in (PAPER, OPTAX)
        }  # fmt: skip
        distances = [in_words(max(them)) if them else "" for them in apart.values()]
        cells = [name, source(name), reads(case), memory(case), *distances]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


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
