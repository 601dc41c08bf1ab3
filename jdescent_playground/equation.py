"""The update of one step, written out with its numbers as HTML: −2.50 − 0.40·(−3.50) = −1.10.

Each line is (symbols, numbers); the classes x, g, v and rate carry the colors that these things
have in the figures. What stands behind the equals sign is what the optimizer returned.
"""

import re

import numpy as np
from markupsafe import Markup

from jdescent_playground.catalog import METHODS
from jdescent_playground.numbers import bracketed, shown
from jdescent_playground.runs import Run

Line = tuple[Markup, Markup]


def update_lines(run: Run, step: int) -> list[Line]:
    """The lines of the step that leaves the point `step` of a run in one dimension.

    Example:
        >>> from jdescent_playground.curves import CURVES
        >>> from jdescent_playground.runs import Setup, compute
        >>> run = compute(Setup(CURVES["bowl"].task, "sgd", {"learning_rate": 0.4}, -2.5))
        >>> without_tags(update_lines(run, 0)[0][1])
        '−2.50 − 0.40·(−3.50) = −1.10'
    """
    setup, row = run.setup, run.row(step)
    settings = {**METHODS[setup.method].defaults, **setup.settings}
    with np.errstate(over="ignore", invalid="ignore"):
        after = row.x + row.update
    x, g, rate, arrived = (
        _span("x", row.x),
        _span("g", row.gradient, True),
        row.rate,
        _span("x", after),
    )
    eta = Markup('<span class="rate">{}</span>').format(shown(rate))
    slope = "ℓ′(x)" if setup.batch_size else "L′(x)"
    symbols = {
        "x": Markup('<i class="x">x</i>'),
        "g": Markup('<i class="g">{}</i>').format(slope),
        "v": Markup('<i class="v">v</i>'),
        "η": Markup('<i class="rate">η</i>'),
    }
    plain = setup.clip is None and not settings.get("nesterov") and not settings.get("dampening")
    base = setup.method.removeprefix("optax.")
    if plain and base == "sgd" and settings["momentum"] is None:
        return [
            (
                Markup("{x} ← {x} − {η}·{g}").format(**symbols),
                Markup("{} − {}·{} = {}").format(x, eta, g, arrived),
            )
        ]
    if plain and setup.method in ("heavy_ball", "sgd"):
        inside = setup.method == "heavy_ball"
        name = "velocity" if inside else "b"
        before, now = row.memory[name], _after(run, step, name)
        beta = shown(settings["momentum"])
        pull = Markup("− {}·{}").format(eta, g) if inside else Markup("+ {}").format(g)
        pulled = Markup("{v} ← β·{v} − {η}·{g}") if inside else Markup("{v} ← β·{v} + {g}")
        moved = Markup("{x} ← {x} + {v}") if inside else Markup("{x} ← {x} − {η}·{v}")
        velocity = Markup("{}·{} {} = {}").format(
            beta, _span("v", before, True), pull, _span("v", now)
        )
        shift = Markup("+ ") if inside else Markup("− {}·").format(eta)
        move = Markup("{} {}{} = {}").format(x, shift, _span("v", now, True), arrived)
        return [(pulled.format(**symbols), velocity), (moved.format(**symbols), move)]
    step_line = (
        Markup("{x} ← {x} + <i class='v'>step of {label}</i>").format(
            **symbols, label=METHODS[setup.method].label
        ),
        Markup("{} + {} = {}").format(x, _span("v", row.update, True), arrived),
    )
    numbers = [name for name, value in row.memory.items() if np.ndim(value) == 0]
    if not numbers:
        return [step_line]
    remembered = Markup(", &ensp;").join(
        Markup("<i>{}</i> = {}").format(name.replace("_", " "), shown(_after(run, step, name)))
        for name in numbers
    )
    memory = Markup('<span class="memory">{}</span>').format(remembered)
    return [(Markup("its memory after this slope"), memory), step_line]


def without_tags(html: str) -> str:
    """The text of such a line."""
    return re.sub("<[^>]*>", "", html)


def _after(run: Run, step: int, name: str) -> float:
    """A memory after the step: that of the next point."""
    return float(run.memory[name][min(step + 1, len(run.loss) - 1)])


def _span(kind: str, value: object, in_brackets: bool = False) -> Markup:
    number = float(np.asarray(value))
    text = bracketed(number) if in_brackets else shown(number)
    return Markup('<span class="{}">{}</span>').format(kind, text)
