"""Where the heavy ball goes round for ever on a smooth, strongly convex function."""

from typing import Annotated

from jdescent.analysis.bowl_rates import curvature_span
from jdescent.analysis.inputs import Momentum, Positive, Reals, count, elementwise, namespace


@elementwise
def heavy_ball_cycle_margin(
    learning_rate: Positive,
    momentum: Momentum,
    smallest: Positive,
    largest: Positive,
    length: Annotated[Reals, count(2)],
) -> Reals:
    """How far, as an angle, the heavy ball is from losing its cycle through the K roots of unity.

    π/K − arg((a − μ)(L − a) − b² + i·b·(L − μ)),  θ = 2π/K,
    a = (1 + β)(1 − cos θ)/η,  b = (1 − β)·sin θ/η

    The iterates x_t = e^{iθt} ask for the gradients (a − ib)·x_t. A function of the plane with
    curvatures in [μ, L] has them iff the margin is not negative: ½μ|x|² + ½(L − μ)·d(x, P)², with
    d the distance from the polygon P with the corners (L − a + ib)/(L − μ)·x_t. Near each x_t it
    curves by L every way, so that a stable tuning is drawn onto the cycle, by
    `heavy_ball_rate(learning_rate, largest, momentum)` a step.

    Args:
        learning_rate: η > 0; any shape.
        momentum: β in [0, 1); broadcasts with η, as all others do.
        smallest: μ > 0, the smallest curvature of the class.
        largest: L ≥ μ, the largest curvature.
        length: K ≥ 2, a whole number.

    Returns:
        The margin in radians, in [−π/2, π/2]; the cycle is there iff it is ≥ 0.

    Raises:
        ValueError: an argument is outside its range, or smallest above largest.

    Example:
        >>> from jdescent.analysis import tuned_heavy_ball
        >>> fastest = tuned_heavy_ball(1.0, 25.0)  # on quadratics
        >>> margin = heavy_ball_cycle_margin(*fastest[:2], 1.0, 25.0, 3)
        >>> print(f"{margin:.4f}")
        0.1503

    Reference:
        Goujaud, Taylor & Dieuleveut, *Provable non-accelerations of the heavy-ball method*, 2023,
        whose condition is a polynomial in ημ that is ≤ 0 where this margin is ≥ 0.
    """
    xp = namespace(learning_rate, momentum, smallest, largest, length)
    theta = 2 * xp.pi / length
    a = (1 + momentum) * 2 * xp.sin(theta / 2) ** 2 / learning_rate
    b = (1 - momentum) * xp.sin(theta) / learning_rate
    inward = (a - smallest) * (largest - a) - b**2
    return theta / 2 - xp.arctan2(abs(b) * curvature_span(smallest, largest), inward)
