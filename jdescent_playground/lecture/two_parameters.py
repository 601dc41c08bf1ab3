"""Two parameters: what the gradient misses, momentum, and what a rotation costs."""

import functools

import jax.numpy as jnp
import numpy as np

import jdescent as jd
from jdescent import analysis
from jdescent_playground.lecture.section import Section
from jdescent_playground.momentum import eigenvalues as of_heavy_ball
from jdescent_playground.player import Ground, History, Map, Plane, Sweep, player

STEEPNESS = (1.0, 4.0, 10.0, 25.0)
FRACTIONS = (0.1, 0.5, 1.0, 1.5, 1.9, 2.1)  # of 1/λ, the larger curvature
STARTS_X, STARTS_Y = np.linspace(-2.0, 2.0, 9), np.linspace(-1.0, 1.0, 5)
BOX = ((-2.4, 2.4), (-1.4, 1.4))
STEPS = 30


def bowl() -> Section:
    """½(x² + κy²): the gradient points across the contours, and misses the minimum."""

    def loss(p, curvature):
        return 0.5 * (p[0] ** 2 + curvature * p[1] ** 2)

    grid = jd.sweep(
        lambda curvature, fraction, x0, y0: jd.descend(
            lambda p: loss(p, curvature), jnp.stack([x0, y0]), jd.sgd(fraction / curvature), STEPS,
            record=("params", "loss"),
        ),
        curvature=jnp.array(STEEPNESS), fraction=jnp.array(FRACTIONS),
        x0=jnp.asarray(STARTS_X), y0=jnp.asarray(STARTS_Y),
    )  # fmt: skip
    figure = player(
        grid,
        Ground(loss, BOX, start=("x0", "y0"), minima=[(0.0, 0.0)]),
        History(),
        name="bowl",
        description="Contours of ½(x² + κy²), the steps of gradient descent, and −∇L at the ball: "
        "at right angles to the contour, it points past the minimum.",
        labels={"curvature": "condition number κ", "fraction": "learning rate, in units of 1/κ"},
        at={"curvature": 10.0, "fraction": 1.5, "x0": -2.0, "y0": 0.5},
        readings={"step": "{step}", "(x, y)": "{params}", "∇L": "{slope}", "loss": "{loss}"},
        laboratory=("/two", {
            "surface": "own", "formula": lambda curvature: f"(x^2 + {curvature:g}y^2)/2",
            "from": -2.4, "to": 2.4, "1": "sgd", "start": lambda x0, y0: (x0, y0),
            "1.learning_rate": lambda fraction, curvature: fraction / curvature,
        }),
    )  # fmt: skip
    return Section(figure)


SLOW, FAST = 1.0, 10.0
MOMENTUM_RATES = np.round(np.linspace(0.01, 0.4, 40), 4)
MOMENTA = np.round(np.linspace(0.0, 0.96, 25), 4)
MOMENTUM_STEPS = 60


def momentum() -> Section:
    """The heavy ball on a bowl of κ = 10: the measured factor per step over rate and momentum."""

    def loss(p):
        return 0.5 * (SLOW * p[0] ** 2 + FAST * p[1] ** 2)

    grid = jd.sweep(
        lambda learning_rate, momentum: jd.descend(
            loss, jnp.array([-2.0, 1.0]), jd.heavy_ball(learning_rate, momentum), MOMENTUM_STEPS,
            record=("params", "loss"),
        ),
        learning_rate=jnp.asarray(MOMENTUM_RATES), momentum=jnp.asarray(MOMENTA),
    )  # fmt: skip
    tuned = analysis.tuned_heavy_ball(SLOW, FAST)
    plain = analysis.tuned_gd(SLOW, FAST)
    figure = player(
        grid,
        Map(
            "factor a step; gray: it diverges", converging(measured_factor(grid)),
            "learning_rate", "momentum", (0.5, 1.0),
            lines=(np.column_stack([analysis.heavy_ball_limit(FAST, MOMENTA), MOMENTA]),),
            labels=("learning rate η", "momentum β"),
            title="distance to the minimum, a step later; dashed: η = 2(1+β)/λ",
        ),
        Ground(loss, ((-2.4, 2.4), (-1.7, 1.7)), arrow=False, minima=[(0.0, 0.0)]),
        Plane(eigenvalues, title="what each curvature's error is multiplied by a step"),
        name="momentum",
        description="How fast the heavy ball arrives on a bowl of curvatures 1 and 10, over "
        "learning rate and momentum, with the run and the eigenvalues of one step.",
        labels={"learning_rate": "learning rate η", "momentum": "momentum β"},
        at={"learning_rate": 0.1, "momentum": 0.0},
        readings={"step": "{step}", "(x, y)": "{params}", "loss": "{loss}"},
        laboratory=("/two", {
            "surface": "own", "formula": f"({SLOW:g}x^2 + {FAST:g}y^2)/2", "from": -2.4, "to": 2.4,
            "start": (-2.0, 1.0), "1": "heavy_ball",
            "1.learning_rate": lambda learning_rate: learning_rate,
            "1.momentum": lambda momentum: momentum,
        }),
    )  # fmt: skip
    return Section(
        figure,
        {
            "tuned_rate": f"{tuned.learning_rate:.2f}",
            "tuned_momentum": f"{tuned.momentum:.2f}",
            "tuned_factor": f"{tuned.rate:.2f}",
            "plain_factor": f"{plain.rate:.2f}",
        },
    )


def measured_factor(grid) -> np.ndarray:
    """`contraction_rate` of the distance to the minimum, over rate and momentum."""
    params = grid.record_params.transpose("learning_rate", "momentum", "step", ...).values
    distance = np.linalg.norm(params.astype(float), axis=-1)
    ended = grid.verdict_step.values[..., None] < grid.step.values
    return np.asarray(analysis.contraction_rate(np.where(ended, np.inf, distance)))


def converging(factor: np.ndarray) -> np.ndarray:
    """The factors below 1; NaN where the distance to the minimum does not shrink."""
    return np.where(factor < 1, factor, np.nan)


def eigenvalues(learning_rate: float, momentum: float) -> np.ndarray:
    """Those of one step, for both curvatures, (4, 2): real and imaginary parts."""
    found = of_heavy_ball("heavy_ball", {}, learning_rate, momentum, (SLOW, FAST))
    return np.column_stack([found.real, found.imag])


ANGLES = np.arange(0.0, 46.0, 5.0)
KAPPA = 100.0
TUNED = analysis.tuned_heavy_ball(1.0, KAPPA)
SETTINGS: dict[str, tuple[str, float, float | None]] = {  # method, learning rate, momentum
    "gradient descent": ("sgd", 1.9 / KAPPA, None),
    "heavy ball": ("heavy_ball", float(TUNED.learning_rate), float(TUNED.momentum)),
    "RMSProp": ("rmsprop", 0.02, None),
    "Adam": ("adam", 0.1, None),
}
METHODS = {name: functools.partial(lambda one: made(*one), one) for name, one in SETTINGS.items()}
ROTATION_STEPS = 1500
SHOWN_EVERY = 5
REACHED = 1e-4  # of the loss at the start


def made(method: str, learning_rate: float, momentum: float | None) -> jd.Optimizer:
    """One of `SETTINGS`."""
    factory = getattr(jd, method)
    return factory(learning_rate) if momentum is None else factory(learning_rate, momentum)


def turned_formula(angle: float) -> str:
    """The bowl as one types it."""
    c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    return f"(({c:.9f}x + {s:.9f}y)^2 + {KAPPA:g}({c:.9f}y - {s:.9f}x)^2)/2"


def turned_start(angle: float) -> tuple[float, float]:
    """(1, 1) turned with the bowl."""
    c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    return float(c - s), float(s + c)


def rotation() -> Section:
    """The same bowl turned: methods of one rate an axis depend on where the axes lie."""

    def loss(p, angle):
        c, s = jnp.cos(jnp.deg2rad(angle)), jnp.sin(jnp.deg2rad(angle))
        along, across = c * p[0] + s * p[1], c * p[1] - s * p[0]
        return 0.5 * (along**2 + KAPPA * across**2)

    def run(optimizer, angle):
        c, s = jnp.cos(jnp.deg2rad(angle)), jnp.sin(jnp.deg2rad(angle))
        start = jnp.stack([c - s, s + c])  # turned with the bowl
        return jd.descend(
            lambda p: loss(p, angle), start, optimizer(), ROTATION_STEPS,
            record=("params", "loss"), every=SHOWN_EVERY,
        )  # fmt: skip

    grid = jd.sweep(run, optimizer=METHODS, angle=jnp.asarray(ANGLES))
    below = grid.loss.transpose("optimizer", "angle", "step").values < REACHED * (1 + KAPPA) / 2
    never = ~below.any(axis=-1)
    steps = np.where(never, np.nan, grid.step.values[below.argmax(axis=-1)])
    figure = player(
        grid,
        Ground(loss, ((-2.0, 2.0), (-1.6, 1.6)), minima=[(0.0, 0.0)]),
        Sweep("angle", {"steps": steps}, log=True, x_label="angle of the bowl", y_label="steps",
              title=f"steps until the loss is {REACHED:g} of the first"),
        name="rotation",
        description="A bowl of condition number 100, turned: the steps that each method takes.",
        labels={"optimizer": "method", "angle": "angle"},
        at={"optimizer": "Adam", "angle": 0.0},
        readings={"step": "{step}", "(x, y)": "{params}", "loss": "{loss}"},
        laboratory=("/two", {
            "surface": "own", "formula": turned_formula, "from": -2, "to": 2, "start": turned_start,
            "1": lambda optimizer: SETTINGS[optimizer][0],
            "1.learning_rate": lambda optimizer: SETTINGS[optimizer][1],
            "1.momentum": lambda optimizer: SETTINGS[optimizer][2],
        }),
    )  # fmt: skip
    at = {
        name: dict(zip(ANGLES, row, strict=True)) for name, row in zip(METHODS, steps, strict=True)
    }
    facts = {
        f"{key}_{angle}": "never" if np.isnan(at[name][angle]) else f"{at[name][angle]:.0f}"
        for key, name in (("adam", "Adam"), ("gd", "gradient descent"), ("ball", "heavy ball"))
        for angle in (0, 45)
    }
    return Section(figure, facts)
