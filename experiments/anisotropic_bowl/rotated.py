"""Adam and gradient descent on one steep bowl, rotated by an angle against the axes."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

import jdescent as jd
from experiments.anisotropic_bowl.config import STEEP, Config, tuned
from jdescent import analysis

METHODS = {"adam": jd.adam(0.01), "gd": tuned("gd", *STEEP)}
FALL = 1e-3
STEP_LIMIT = 4_000
# Steps at each angle by a float64 NumPy transcription of Kingma and Ba's Algorithm 1.
ADAM_STEPS = {0.0: 178, 5.0: 526, 45.0: 1370}


def rotated_descent(
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


def rotated_bowls(config: Config) -> dict:
    """Loss curves at the named angles, and the steps of Adam and gradient descent at all."""
    angles = np.union1d(np.linspace(0, 90, config.angles), list(ADAM_STEPS))
    around = np.linspace(0, np.pi, config.directions, endpoint=False)
    directions = np.sqrt(2) * np.stack([np.cos(around), np.sin(around)], axis=1)
    starts = np.concatenate([[[1.0, 1.0], [-1.0, 1.0]], directions])

    def steps(name):
        def run(angle, start):
            path = rotated_descent(angle, start, METHODS[name], record=None)
            return jnp.where(path.verdict.stopped, path.verdict.step.astype(float), jnp.nan)

        return jd.sweep(run, angle=angles, start=starts).result.values

    def losses(name):
        def run(angle):
            path = rotated_descent(angle, jnp.ones(2), METHODS[name], record="loss")
            return path.loss / path.start_loss

        curves = jd.sweep(run, angle=list(ADAM_STEPS)).result.values
        return [curve[: np.argmax(curve <= FALL) + 1] for curve in curves]

    return {
        "angles": angles,
        "steps": {name: steps(name) for name in METHODS},
        "losses": {name: losses(name) for name in METHODS},
    }


def gd_steps() -> float:
    """Steps after which tuned gradient descent's loss, ρ²ᵗ of its first, has fallen enough."""
    return float(np.ceil(np.log(FALL) / (2 * np.log(analysis.tuned_gd(*STEEP).rate))))
