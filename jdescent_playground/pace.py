"""How fast a run is shown: the first steps one by one, then ever more at once."""

UNHURRIED = 24  # steps that are shown one a frame; then ever more, so that 1,000 take 8 seconds


def after(step: int) -> int:
    """The step that is shown after a step.

    Example:
        >>> after(0), after(23), after(480)
        (1, 24, 500)
    """
    return step + max(step // UNHURRIED, 1)


def steps_shown(last: int) -> list[int]:
    """All steps that are shown of a run, the last among them.

    Example:
        >>> steps_shown(3), len(steps_shown(1000)), steps_shown(1000)[-1]
        ([0, 1, 2, 3], 130, 1000)
    """
    steps = [0]
    while steps[-1] < last:
        steps.append(min(after(steps[-1]), last))
    return steps
