"""Adam and gradient descent on one steep bowl, turned by an angle against the axes."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from matplotlib.axes import Axes

import jdescent as jd
from experiments.anisotropic_bowl.config import COLORS, STEEP, Config, tuned
from experiments.common import number
from experiments.common.number import Numbers
from jdescent import analysis, plotting

METHODS = {"adam": jd.adam(0.01), "gd": tuned("gd", *STEEP)}
FALL = 1e-3
STEP_LIMIT = 4_000
# Steps at each angle by a float64 NumPy transcription of Kingma and Ba's Algorithm 1.
ADAM_STEPS = {0.0: 178, 5.0: 526, 45.0: 1370}


def turned_descent(
    angle: Array, start: Array, optimizer: jd.Optimizer, record: str | None
) -> jd.Trajectory:
    """Descent until the loss has fallen a thousandfold, bowl and start turned by the angle."""
    turn = jnp.deg2rad(angle)
    cosine, sine = jnp.cos(turn), jnp.sin(turn)
    rotation = jnp.array([[cosine, -sine], [sine, cosine]])
    curvatures = jnp.array(STEEP)

    def loss(x):
        return 0.5 * jnp.sum(curvatures * (rotation.T @ x) ** 2)

    begin = rotation @ start
    target = FALL * loss(begin)
    return jd.descend(
        loss, begin, optimizer, STEP_LIMIT, record=record, stop=lambda point: point.loss <= target
    )


def turned_bowls(config: Config) -> dict:
    """Loss curves at the named angles, and the steps of Adam and gradient descent at all."""
    angles = np.union1d(np.linspace(0, 90, config.angles), list(ADAM_STEPS))
    around = np.linspace(0, np.pi, config.directions, endpoint=False)
    directions = np.sqrt(2) * np.stack([np.cos(around), np.sin(around)], axis=1)
    starts = np.concatenate([[[1.0, 1.0], [-1.0, 1.0]], directions])

    def steps(name):
        def run(angle, start):
            path = turned_descent(angle, start, METHODS[name], record=None)
            return jnp.where(path.verdict.stopped, path.verdict.step.astype(float), jnp.nan)

        return jd.sweep(run, angle=angles, start=starts).result.values

    def losses(name):
        def run(angle):
            path = turned_descent(angle, jnp.ones(2), METHODS[name], record="loss")
            return path.loss / path.start_loss

        curves = jd.sweep(run, angle=list(ADAM_STEPS)).result.values
        return [curve[: np.argmax(curve <= FALL) + 1] for curve in curves]

    return {
        "angles": angles,
        "steps": {name: steps(name) for name in METHODS},
        "losses": {name: losses(name) for name in METHODS},
    }


def turned_numbers(turned: dict) -> Numbers:
    found = {}
    for angle, reference in ADAM_STEPS.items():
        at = int(np.flatnonzero(turned["angles"] == angle)[0])
        found[f"adam_steps_at_{angle:g}"] = number.exact(
            float(turned["steps"]["adam"][at, 0]),
            reference,
            0.0,
            "a whole number, in float64",
            f"steps of Adam until the loss is {FALL:g} of its first value, bowl and start (1, 1) "
            f"turned by {angle:g}°; beside it, an independent transcription's count",
        )
    for word, extreme in (("fewest", np.min), ("most", np.max)):
        found[f"gd_{word}_steps"] = number.exact(
            float(extreme(turned["steps"]["gd"])),
            gd_steps(),
            0.0,
            "a whole number, in float64",
            f"{word} steps tuned gradient descent takes, over all angles and starts",
        )
    return found


def gd_steps() -> float:
    """Steps after which tuned gradient descent's loss, ρ²ᵗ of its first, has fallen enough."""
    return float(np.ceil(np.log(FALL) / (2 * np.log(analysis.tuned_gd(*STEEP).rate))))


def draw_losses(axes: Axes, turned: dict) -> None:
    for losses in turned["losses"]["gd"]:
        axes.plot(losses, color=COLORS["gd"], linewidth=2)
    for angle, losses in zip(ADAM_STEPS, turned["losses"]["adam"], strict=True):
        axes.plot(losses, color=COLORS["adam"])
        last = len(losses) - 1
        words, place = f"{angle:g}°: {last}", (last, 0.85 * FALL)
        plotting.note(axes, place, words, COLORS["adam"], ha="center", va="top")
    steps = np.arange(gd_steps() + 1)
    plotting.theory(axes, steps, analysis.tuned_gd(*STEEP).rate ** (2 * steps), label=None)
    axes.plot([], [], color=COLORS["adam"], label="Adam")
    axes.plot([], [], color=COLORS["gd"], linewidth=2, label="gradient descent, any angle")
    plotting.theory(axes, [], [], label=r"$\rho^{2t}$")
    axes.axhline(FALL, color="0.6", linewidth=0.5)
    axes.set(
        yscale="log",
        xlim=(0, 1600),
        ylim=(4e-4, 1.3),
        xlabel="step $t$",
        ylabel=r"$L_t\,/\,L_0$",
    )
    axes.legend(loc="upper right")
    plotting.title(axes, "e", r"bowl of $\kappa=100$, turned")


def draw_steps(axes: Axes, turned: dict) -> None:
    angles, adam, gd = turned["angles"], turned["steps"]["adam"], turned["steps"]["gd"]
    purple, blue = COLORS["adam"], COLORS["gd"]
    low, high = adam.min(axis=1), adam.max(axis=1)
    axes.fill_between(angles, low, high, color=purple, alpha=0.25, linewidth=0)
    axes.plot(angles, adam[:, 0], color=purple)
    axes.plot(angles, gd.max(axis=1), color=blue, linewidth=2)
    plotting.theory(axes, [0, 90], [gd_steps()] * 2, label=None)
    named = np.isin(angles, list(ADAM_STEPS))
    axes.plot(angles[named], adam[named, 0], "o", color=purple, clip_on=False)
    plotting.note(axes, (45, 800), "Adam, any start", "black", ha="center")
    plotting.note(axes, (1, 1500), "Adam, start turned from $(1,1)$", purple)
    plotting.note(axes, (6, 60), f"gradient descent, any start: {gd_steps():g}", blue)
    axes.set(
        xlim=(0, 90),
        ylim=(0, 1700),
        xticks=range(0, 91, 15),
        xlabel="angle of the bowl (degrees)",
        ylabel="steps",
    )
    plotting.title(axes, "f", r"steps until $L_t\leq 10^{-3}L_0$")
