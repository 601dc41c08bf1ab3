"""How fast tuned methods contract, coordinate by coordinate and against the condition number."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from matplotlib.axes import Axes

import jdescent as jd
from experiments.anisotropic_bowl.config import COLORS, ROUND, TITLES, TUNED, Config, tuned
from experiments.common import number
from experiments.common.number import Numbers
from jdescent import analysis, plotting

COORDINATE_RATES = {"slow": 0.1, "best": 1 / 3, "boundary": 0.5}
TABLE_CONDITIONS = (2.0, 100.0)

# A record of n entries gives ln ρ to 1.62/n at a double root, where the momentum methods' constants
# put them, and to 3/n near one (see analysis.contraction_rate); ρᵗ alone is exact to rounding.
AT_DOUBLE_ROOT, NEAR_DOUBLE_ROOT = 1.7, 3.0
ROUNDING = 1e-12
SMALLEST = 1e-290


def coordinate_paths(steps: int) -> dict[str, dict]:
    """|x|, |y| of gradient descent on x² + 2y² from (1, 1), and |1 − ηλ|ᵗ, shape (steps + 1, 2)."""
    loss, start = jd.losses.bowl(ROUND), jnp.ones(2)

    def run(rate):
        return jd.descend(loss, start, jd.sgd(rate), steps, record="params").record["params"]

    measured = np.abs(jd.sweep(run, rate=list(COORDINATE_RATES.values())).result.values)
    found = {}
    for name, distance in zip(COORDINATE_RATES, measured, strict=True):
        factor = np.abs(1 - COORDINATE_RATES[name] * np.array(ROUND))
        exact = factor[None, :] ** np.arange(steps + 1)[:, None]
        found[name] = {"measured": distance, "exact": exact}
    return found


def factor_per_step(loss: Callable, optimizer: jd.Optimizer, steps: int) -> Array:
    """The measured contraction from (1, 1); inf for a run that diverges."""
    path = jd.descend(
        loss,
        jnp.ones(2),
        optimizer,
        steps,
        # Not the Euclidean norm: its squares would end the record at half as many decades.
        record=lambda point: jnp.max(jnp.abs(point.params)),
    )
    rate = analysis.contraction_rate(path.record, floor=SMALLEST)
    return jnp.where(path.verdict.diverged, jnp.inf, rate)


def condition_sweep(config: Config) -> dict:
    """Factor per step of each tuned method, measured and exact, against the condition number."""
    conditions = np.union1d(np.geomspace(1, 1e4, config.conditions), TABLE_CONDITIONS)

    def measured(name):
        def run(condition):
            flat = jnp.ones_like(condition)
            curvatures = jnp.stack([flat, condition])
            optimizer = tuned(name, flat, condition)
            return factor_per_step(
                lambda x: 0.5 * jnp.sum(curvatures * x**2), optimizer, config.rate_steps
            )

        return jd.sweep(run, condition=conditions).result.values

    methods = {
        name: {"measured": measured(name), "exact": constants(1.0, conditions).rate}
        for name, (constants, _) in TUNED.items()
    }
    return {"conditions": conditions, "methods": methods}


def heavy_ball_grid(config: Config) -> dict:
    """Smallest factor per step on x² + 2y² over learning rates, at every momentum."""
    best = analysis.tuned_heavy_ball(*ROUND)
    rates = np.linspace(0, 1, config.grid_rates + 1)[1:]
    momenta = np.linspace(0, 0.95, config.grid_momenta)
    grid = jd.sweep(
        lambda momentum, rate: factor_per_step(
            jd.losses.bowl(ROUND), jd.heavy_ball(rate, momentum), config.grid_steps
        ),
        momentum=np.union1d(momenta, [best.momentum, 0.9]),
        rate=np.union1d(rates, best.learning_rate),
    )
    return {"momenta": grid.momentum.values, "smallest": grid.result.min("rate").values}


def coordinate_numbers(coordinates: dict) -> Numbers:
    found = {}
    for name, path in coordinates.items():
        scale = np.where(path["exact"] > 0, path["exact"], 1.0)
        found[f"exact_solution_{name}"] = number.exact(
            float(np.max(np.abs(path["measured"] - path["exact"]) / scale)),
            0.0,
            ROUNDING,
            "rounding of as many products as steps",
            "largest relative distance of |x| and |y| from |1 − 2η|ᵗ and |1 − 4η|ᵗ on x² + 2y² "
            f"at η = {COORDINATE_RATES[name]:.4g}",
            scale=1.0,
        )
    return found


def entries(rate: np.ndarray, steps: int) -> np.ndarray:
    """Length of a record that starts at 1, shrinks by `rate` and ends at SMALLEST."""
    return np.minimum(steps + 1, np.log(SMALLEST) / np.log(rate))


def rate_numbers(rates: dict, config: Config) -> Numbers:
    """Table entries, and the largest relative error of 1 − ρ."""
    methods, conditions = rates["methods"], rates["conditions"]
    descent = methods["gd"]
    table = {f"{c:g}": int(np.flatnonzero(conditions == c)[0]) for c in TABLE_CONDITIONS}
    found = {}
    for condition, at in table.items():
        found[f"gd_factor_at_{condition}"] = number.exact(
            float(descent["measured"][at]),
            float(descent["exact"][at]),
            ROUNDING,
            "rounding",
            f"factor per step of {TITLES['gd']} at κ = {condition}",
        )
    found["gd_rate_error"] = number.exact(
        worst(descent["measured"], descent["exact"]),
        0.0,
        float(np.max(ROUNDING / (1 - descent["exact"]))),
        "rounding of ρ, in units of the smallest 1 − ρ",
        f"largest relative error of {TITLES['gd']}'s 1 − ρ over all condition numbers",
        scale=1.0,
    )
    for name in methods:
        if name != "gd":
            found |= momentum_numbers(name, methods, table, config)
    return found


def momentum_numbers(name: str, methods: dict, table: dict[str, int], config: Config) -> Numbers:
    exact, measured = methods[name]["exact"], methods[name]["measured"]
    slow = exact > 0
    bound = np.full_like(exact, ROUNDING)
    bound[slow] = exact[slow] * AT_DOUBLE_ROOT / entries(exact[slow], config.rate_steps)
    found = {
        f"{name}_factor_at_{condition}": number.theory(
            float(measured[at]),
            float(exact[at]),
            float(bound[at]),
            f"a record of n entries gives ln ρ to {AT_DOUBLE_ROOT}/n at a double root",
            f"factor per step of {TITLES[name]} at κ = {condition}",
        )
        for condition, at in table.items()
    }
    found[f"{name}_rate_error"] = number.bound(
        worst(measured, exact),
        "the same; gradient descent's ρ would miss it",
        f"largest relative error of {TITLES[name]}'s 1 − ρ over all condition numbers",
        at_most=float(np.max(bound / (1 - exact))),
        missed_by=worst(methods["gd"]["exact"], exact),
    )
    return found


def worst(measured: np.ndarray, exact: np.ndarray) -> float:
    """The largest relative error of 1 − ρ."""
    return float(np.max(np.abs(measured - exact) / (1 - exact)))


def grid_numbers(grid: dict, config: Config) -> Numbers:
    best = analysis.tuned_heavy_ball(*ROUND)
    fastest, plateau = float(best.rate), 0.9**0.5
    at = int(np.flatnonzero(grid["momenta"] == 0.9)[0])
    error = NEAR_DOUBLE_ROOT / entries(np.array([fastest, plateau]), config.grid_steps)
    why = f"a record of n entries gives ln ρ to {NEAR_DOUBLE_ROOT:g}/n near a double root"
    return {
        "heavy_ball_smallest_factor": number.theory(
            float(grid["smallest"].min()),
            fastest,
            float(fastest * error[0]),
            why,
            "smallest factor per step on x² + 2y² over a grid of heavy balls that holds the "
            f"tuned η = {best.learning_rate:.5f}, β = {best.momentum:.5f}",
        ),
        "heavy_ball_smallest_factor_at_0.9": number.theory(
            float(grid["smallest"][at]),
            plateau,
            float(plateau * error[1]),
            why,
            "smallest factor per step on x² + 2y² over learning rates at momentum 0.9: √β",
        ),
    }


def draw_coordinates(axes: Axes, coordinates: dict) -> None:
    color, faces = COLORS["gd"], {"$|x_t|$": COLORS["gd"], "$|y_t|$": "white"}
    for path in coordinates.values():
        steps = np.arange(len(path["measured"]))
        for axis, face in enumerate(faces.values()):
            every = (axis, 2)  # equal decays show as markers taking turns
            measured, exact = path["measured"][:, axis], path["exact"][:, axis]
            axes.plot(steps, measured, "o", color=color, markerfacecolor=face, markevery=every)
            plotting.theory(axes, steps, np.where(exact > 0, exact, np.nan), label=None)
    for label, face in faces.items():
        axes.plot([], [], "o", color=color, markerfacecolor=face, label=label)
    plotting.theory(axes, [], [], label=r"$|1-\eta\lambda|^t$")
    plotting.note(axes, (0, 8), r"$\eta=1/2$: $x_1=0$, $y$ flips for ever", color)
    plotting.note(axes, (28, 0.02), r"$\eta=0.1$", color)
    plotting.note(axes, (21, 1e-9), r"$\eta=1/3$", color)
    axes.set(yscale="log", ylim=(1e-12, 1e6), xlabel="step $t$", ylabel="$|x_t|,\\ |y_t|$")
    axes.legend(loc="upper left", ncols=3, columnspacing=0.8, handlelength=1.4)
    plotting.title(axes, "c", "gradient descent by coordinate")


def draw_rates(axes: Axes, rates: dict) -> None:
    formulas = {
        "gd": r"$2/(\kappa+1)$",
        "heavy_ball": r"$2/(\sqrt{\kappa}+1)$",
        "nesterov": r"$1/\sqrt{\kappa}$",
        "tuned_nesterov": r"$2/\sqrt{3\kappa+1}$",
    }
    for name, factor in rates["methods"].items():
        label = f"{TITLES[name]}, {formulas[name]}"
        axes.plot(rates["conditions"], 1 - factor["measured"], "o", color=COLORS[name], label=label)
        plotting.theory(axes, rates["conditions"], 1 - factor["exact"], label=None)
    axes.set(
        xscale="log",
        yscale="log",
        ylim=(3e-6, 1.5),
        xlabel=r"condition number $\kappa$",
        ylabel=r"$1-\rho$",
    )
    axes.legend(loc="lower left", borderaxespad=0.1, handletextpad=0.3)
    plotting.title(axes, "d", "contraction per step")
