"""A loss of one parameter: what a step is, and why rates beyond 2/λ diverge."""

import jax.numpy as jnp
import numpy as np

import jdescent as jd
from jdescent_playground.lecture.section import Section
from jdescent_playground.player import Ground, History, Sweep, player

STEPS = 40
ARRIVED = 1e-4  # of the gradient
MINIMUM = 1.0
PRESETS = (0.02, 0.4, 1.0, 1.9, 2.0, 2.1)
RATES = np.unique(np.round(np.concatenate([np.geomspace(0.01, 2.5, 26), PRESETS]), 3))
STARTS = np.linspace(-3.5, 5.5, 19)
CURVATURES = (0.5, 1.0, 2.0, 4.0)
RATES_OF_LIMIT = np.unique(np.round([*np.arange(0.1, 4.51, 0.1), 0.05, 0.25], 3))


def parabola(x):
    return 0.5 * (x - MINIMUM) ** 2 + 0.5


def ball() -> Section:
    """Gradient descent on ½(x − 1)² + ½, from any start at any rate."""
    grid = jd.sweep(
        lambda learning_rate, x0: jd.descend(
            parabola, x0, jd.sgd(learning_rate), STEPS, record=("params", "loss"), tolerance=ARRIVED
        ),
        learning_rate=jnp.asarray(RATES),
        x0=jnp.asarray(STARTS),
    )
    figure = player(
        grid,
        Ground(parabola, (-4.0, 6.0), start=("x0",)),
        History(log=False, references={"the least there is": 0.5}),
        name="ball",
        description="The curve ½(x − 1)² + ½, a ball on it that takes the steps of gradient "
        "descent, and the loss after each step.",
        labels={"learning_rate": "learning rate η"},
        at={"learning_rate": 0.4, "x0": -2.5},
        marks={"learning_rate": {"2/λ": 2.0}},
        lines=[("x ← x − η·L′(x)", "{params} − {learning_rate}·{slope|b} = {params+1}")],
        readings={"step": "{step}", "x": "{params}", "loss": "{loss}", "slope L′(x)": "{slope}"},
        laboratory=("/", {
            "curve": "own", "formula": "(x - 1)^2/2 + 1/2", "from": -4, "to": 6,
            "learning_rate": lambda learning_rate: learning_rate, "start": lambda x0: x0,
        }),
    )  # fmt: skip
    ends = grid.sel(x0=-2.5, method="nearest")
    arrived = ends.verdict_step.where(ends.verdict == "converged")
    return Section(figure, {"fewest_steps": int(arrived.min())})


def limit() -> Section:
    """|1 − ηλ| per step, measured beside the formula, for parabolas of four curvatures."""

    def bowl(x, curvature):
        return 0.5 * curvature * x**2

    grid = jd.sweep(
        lambda curvature, learning_rate: jd.descend(
            lambda x: bowl(x, curvature), 1.0, jd.sgd(learning_rate), STEPS,
            record=("params", "loss"), tolerance=ARRIVED,
        ),
        curvature=jnp.array(CURVATURES),
        learning_rate=jnp.asarray(RATES_OF_LIMIT),
    )  # fmt: skip
    distance = abs(grid.record_params.transpose("curvature", "learning_rate", "step").values)
    factor = distance[..., 1] / distance[..., 0]
    figure = player(
        grid,
        Ground(bowl, (-2.2, 2.2)),
        Sweep(
            "learning_rate",
            {"factor": factor},
            {"factor": lambda learning_rate, curvature: abs(1 - learning_rate * curvature),
             "one": 1.0},
            range=(0.0, 3.0), x_label="learning rate η", y_label="factor a step",
            title="distance to the minimum, after a step over before it; dashed: |1 − ηλ|, and 1",
        ),
        name="limit",
        description="Parabolas of curvature λ: the distance to the minimum is multiplied by "
        "|1 − ηλ| at each step, so it grows where η is above 2/λ.",
        labels={"learning_rate": "learning rate η", "curvature": "curvature λ"},
        at={"learning_rate": 0.5, "curvature": 1.0},
        marks={"learning_rate": {"2/λ": lambda curvature: 2 / curvature}},
        readings={"step": "{step}", "x": "{params}", "loss": "{loss}"},
        laboratory=("/", {
            "curve": "own", "formula": lambda curvature: f"{curvature:g}x^2/2",
            "from": -2.2, "to": 2.2, "start": 1.0,
            "learning_rate": lambda learning_rate: learning_rate,
        }),
    )  # fmt: skip
    return Section(figure)
