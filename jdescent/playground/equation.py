"""The update of one step, written out with its numbers as HTML: −2.50 − 0.40·(−3.50) = −1.10.

Each line is (symbols, numbers); the classes x, g, v and rate carry the colors that these things
have in the figures. What stands behind the equals sign is what the optimizer returned.
"""

from html import escape

import numpy as np

from jdescent.playground.catalog import METHODS
from jdescent.playground.numbers import bracketed, shown
from jdescent.playground.runs import Run

Line = tuple[str, str]


def update_lines(run: Run, step: int) -> list[Line]:
    """The lines of the step that leaves the point `step` of a run in one dimension.

    Example:
        >>> from jdescent.playground.curves import CURVES
        >>> from jdescent.playground.runs import Setup, compute
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
    eta = f'<span class="rate">{shown(rate)}</span>'
    slope = "ℓ′(x)" if setup.batch_size else "L′(x)"
    symbols = {
        "x": '<i class="x">x</i>',
        "g": f'<i class="g">{slope}</i>',
        "v": '<i class="v">v</i>',
    }
    plain = setup.clip is None and not settings.get("nesterov") and not settings.get("dampening")
    base = setup.method.removeprefix("optax.")
    if plain and base == "sgd" and settings["momentum"] is None:
        return [
            (
                "{x} ← {x} − <i class='rate'>η</i>·{g}".format(**symbols),
                f"{x} − {eta}·{g} = {arrived}",
            )
        ]
    if plain and setup.method in ("heavy_ball", "sgd"):
        before, now = row.memory["v"], _after(run, step, "v")
        inside = setup.method == "heavy_ball"
        beta = shown(settings["momentum"])
        pull = f"− {eta}·{g}" if inside else f"+ {g}"
        pull_symbols = "− <i class='rate'>η</i>·{g}" if inside else "+ {g}"
        velocity = (
            ("{v} ← β·{v} " + pull_symbols).format(**symbols),
            f"{beta}·{_span('v', before, True)} {pull} = {_span('v', now)}",
        )
        move = (
            ("{x} ← {x} + {v}" if inside else "{x} ← {x} − <i class='rate'>η</i>·{v}").format(
                **symbols
            ),
            f"{x} + {_span('v', now, True)} = {arrived}"
            if inside
            else f"{x} − {eta}·{_span('v', now, True)} = {arrived}",
        )
        return [velocity, move]
    label = escape(METHODS[setup.method].label)
    step_line = (
        f"{symbols['x']} ← {symbols['x']} + <i class='v'>step of {label}</i>",
        f"{x} + {_span('v', row.update, True)} = {arrived}",
    )
    if not row.memory:
        return [step_line]
    remembered = ", &ensp;".join(
        f"<i>{escape(name.replace('_', ' '))}</i> = {shown(_after(run, step, name))}"
        for name in row.memory
    )
    return [("its memory after this slope", f'<span class="memory">{remembered}</span>'), step_line]


def without_tags(html: str) -> str:
    """The text of such a line."""
    text, inside = "", False
    for character in html:
        inside = character == "<" or (inside and character != ">")
        text += "" if inside or character == ">" else character
    return text


def _after(run: Run, step: int, name: str) -> float:
    """A memory after the step: that of the next point."""
    return float(run.memory[name][min(step + 1, len(run.loss) - 1)])


def _span(kind: str, value: object, in_brackets: bool = False) -> str:
    number = float(np.asarray(value))
    return f'<span class="{kind}">{bracketed(number) if in_brackets else shown(number)}</span>'
