"""What the game says: a sentence on how things stand, the goals, and the table by hand."""

from collections.abc import Sequence

from markupsafe import Markup

from jdescent_playground import words
from jdescent_playground.game_address import MOVES
from jdescent_playground.levels import (
    BARRIER,
    FAST,
    SHORTEST,
    STAY,
    WAYS,
    Point,
    escape_step,
    uphill,
    way,
)
from jdescent_playground.numbers import counted, shown
from jdescent_playground.runs import Run

Goal = tuple[bool, str]


def goals(items: Sequence[Goal]) -> Markup:
    """A list of goals, those that are reached ticked."""
    return Markup().join(
        Markup('<li class="{}">{}&ensp;{}</li>').format(
            "good" if done else "muted", "✓" if done else "○", text
        )
        for done, text in items
    )


def fog_status(visits: Sequence[tuple[float, float]], won: bool) -> str:
    """How level 1 stands."""
    moves = len(visits) - 1
    if won:
        return (
            f"Found after {counted(moves, 'move')}, {uphill([loss for _, loss in visits])} of "
            "them uphill. The fog lifts."
        )
    if moves == 0:
        return "Drag the ball, click a place, or use ← →. Only where it lands do you learn a loss."
    if moves == MOVES:
        return f"That was the last of {MOVES} moves. Take another valley."
    change = visits[-1][1] - visits[-2][1]
    return f"The loss {'fell' if change < 0 else 'rose'} by {shown(abs(change))}."


def slope_status(run: Run, step: int) -> str:
    """How level 2 stands."""
    if step == run.last and run.converged and step < SHORTEST:
        return "That was hardly a walk. Begin further from the minimum."
    if 0 < step < run.last:
        before, now = (float(run.gradient[n]) for n in (step - 1, step))
        went = "shrank" if abs(now) < abs(before) else "grew"
        return f"The slope {went} from {shown(before)} to {shown(now)}, and the step with it."
    return words.status(run, step)


def rate_status(run: Run, step: int, after: Sequence[Point]) -> str:
    """How level 3 stands; an explosion is told to its end."""
    if step < run.last or not run.diverged:
        fast = run.converged and step == run.last
        told = words.status(run, step)
        return told if not fast or step <= FAST else f"{told} It can be done in {FAST} or fewer."
    told = ", ".join(
        f"{name} at step {point.step}"
        for name, point in zip(("the loss is ∞", "x is infinite", "x is NaN"), after, strict=False)
    )
    return f"Exploded: {told}, for ∞ − ∞ has no value. Reset, and lower the rate."


def trap_status(run: Run, step: int) -> str:
    """How level 4 stands."""
    escaped, used = escape_step(run), way(run.setup)
    x = float(run.row(step).x)
    if escaped is not None and step >= escaped:
        if used is None:
            return "Out, but by several cures at once. Which one did it? Try one alone."
        stayed = f", and stayed {STAY} steps" if run.setup.batch_size is not None else ""
        return f"Out of the trap by {used}{stayed}: the loss is {shown(run.row(step).loss)}."
    if step < run.last:
        if step == 0:
            return "Ready. Step with →, run with the space bar."
        return "In the deep well." if x > BARRIER else "On the trap's side of the barrier."
    if run.diverged:
        return words.status(run, step)
    if run.converged:
        swung = bool((run.x[: step + 1] > BARRIER).any())
        return (
            "Too much: it reached the deep well and rolled out again."
            if swung
            else f"Trapped at x = {shown(x)}: the slope is zero, and plain descent has no more to "
            "follow."
            if not run.setup.settings.get("momentum")
            else f"Trapped at x = {shown(x)}: not enough momentum to cross the barrier."
        )
    return f"{counted(step, 'step')} are over: this noise was not enough. Smaller batches?"


def fog_picture(visits: Sequence[tuple[float, float]], won: bool) -> str:
    """What the figure of level 1 shows to those who do not see it: no more than to the others."""
    x, loss = visits[-1]
    fog = "the whole valley" if won else "fog, and the valley only where the ball has been"
    return (
        f"A figure of {fog}. The ball lies at x = {shown(x)}, where the loss is {shown(loss)}, "
        f"after {counted(len(visits) - 1, 'move')}."
    )


def fog_table(visits: Sequence[tuple[float, float]]) -> Markup:
    """The moves, the last one first: the slopes nobody knows."""
    rows = []
    for n in range(len(visits) - 1, -1, -1):
        x, loss = visits[n]
        move = shown(visits[n + 1][0] - x) if n + 1 < len(visits) else ""
        rows.append(
            Markup(
                "<tr><th scope=row>{}</th><td class=x>{}</td><td class=path>{}</td>"
                "<td class=g>?</td><td>{}</td></tr>"
            ).format(n, shown(x), shown(loss), move)
        )
    return Markup().join(rows)


def run_table(run: Run, step: int, after: Sequence[Point] = ()) -> Markup:
    """The steps, the last one first, above them what came after the numbers ended."""
    beyond = Markup().join(
        Markup(
            "<tr class=bad><th scope=row>{:,}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>"
        ).format(point.step, *map(shown, (point.x, point.loss, point.slope, point.update)))
        for point in reversed(after)
        if point.step > step
    )
    return beyond + words.table(run, step)


def trap_goals(ways: Sequence[str] | set[str]) -> list[Goal]:
    """The ways out, those that were found."""
    texts = {
        WAYS[0]: "by momentum",
        WAYS[1]: "by the noise of small batches",
        WAYS[2]: "from a better start",
    }
    return [(name in ways, f"escape {text}") for name, text in texts.items()]
