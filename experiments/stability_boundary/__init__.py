"""The largest learning rate at which descent is stable, measured and predicted.

(a) Distance from the minimum after a fixed number of steps of gradient descent, on (x − 3)² and
on ½(x − 1)² + ½ (curvatures λ = 2 and 1), against |1 − ηλ|ᵗ: the runs part at η = 2/λ. (b) Four
runs on ½(x − 1)² + ½ from −2.5: the loss above its minimum against (1 − η)²ᵗ. (c, d) Momentum:
color is the measured factor per step over the plane of learning rate and momentum, circles the
measured edge, the line 2(1 + β)/λ for the heavy ball and (2 + 2β)/((1 + 2β)λ) for Nesterov.
(e) The factor per step along one momentum against the exact one: the heavy ball's stays √β until
it jumps at the very edge.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

import jdescent as jd
from experiments.common import number
from experiments.common.number import Number, Numbers
from experiments.common.report import stage
from jdescent import analysis, plotting

OPTIMIZERS = {"heavy_ball": jd.heavy_ball, "nesterov": jd.nesterov}
LIMITS = {"heavy_ball": analysis.heavy_ball_limit, "nesterov": analysis.nesterov_limit}
RATES = {"heavy_ball": analysis.heavy_ball_rate, "nesterov": analysis.nesterov_rate}
TITLES = {"gd": "gradient descent", "heavy_ball": "heavy ball", "nesterov": "Nesterov"}
COLORS = dict(zip(TITLES, plotting.CYCLE, strict=False))
FLOOR = 1e-290  # of the distances that are measured: below it float64 loses digits
ROUNDING = 1e-12


@dataclass(frozen=True)
class Config:
    """Sizes of the stability experiment. Learning rates are swept in units of 1/curvature."""

    rates: int = 10_000
    """Learning rates swept on each of the two parabolas."""
    steps: int = 100
    """Steps of each of those runs."""
    plane_rates: int = 400
    """Learning rates of the momentum plane."""
    plane_momenta: int = 200
    """Momenta of the momentum plane, from 0 to 0.99."""
    plane_steps: int = 2_000
    """Steps of each run of the plane."""
    momentum: float = 0.9
    """The momentum along which the factor per step is drawn."""
    slice_rates: int = 401
    """Learning rates along that momentum."""
    runs: tuple[float, ...] = (0.05, 0.4, 1.8, 2.1)
    """Learning rates of the four named runs: too small, just right, too big, diverges."""


QUICK = Config(rates=1_000, plane_rates=40, plane_momenta=10, slice_rates=41)


def simulate(config: Config) -> dict:
    """All runs of the figure, in float64."""
    with jax.enable_x64(True):
        parabolas = {"x": jd.losses.parabola(), "half": jd.losses.parabola(1.0, 1.0, 0.5)}
        with stage(f"{config.rates} learning rates on two parabolas"):
            boundary = {name: rate_sweep(loss, config) for name, loss in parabolas.items()}
        planes = {}
        for name, make in OPTIMIZERS.items():
            count = config.plane_rates * config.plane_momenta
            with stage(f"{TITLES[name]}: {count} runs over rate and momentum"):
                planes[name] = momentum_plane(make, config)
        with stage("factor per step along one momentum"):
            slices = {name: momentum_slice(name, config) for name in TITLES}
        named = np.stack([named_run(parabolas["half"], rate) for rate in config.runs])
    return {"boundary": boundary, "planes": planes, "slices": slices, "named": named}


def curvature_of(loss: jd.losses.Landscape) -> float:
    return loss.global_minimum.curvatures[0]


def rate_sweep(loss: jd.losses.Landscape, config: Config) -> dict:
    """|x_T − x*|/|x₀ − x*| of gradient descent for rates over (0, 3/λ), and where it passes 1."""
    curvature, minimum = curvature_of(loss), loss.global_minimum.position
    rates = np.linspace(0, 3 / curvature, config.rates + 1)[1:]
    start = jnp.asarray(0.0)

    def run(learning_rate):
        path = jd.descend(
            loss, start, jd.sgd(learning_rate), config.steps, record=None, divergence=jnp.inf
        )
        return jnp.abs((path.params - minimum) / (start - minimum))

    growth = jd.sweep(run, learning_rate=rates).result.values
    return {
        "rates": rates,
        "growth": growth,
        "edge": analysis.crossing(rates, growth < 1),
        "theory": np.abs(analysis.gd_rate(rates, curvature)) ** config.steps,
        "limit": analysis.gd_limit(curvature),
    }


def factor_per_step(optimizer: jd.Optimizer, steps: int, every: int = 1) -> jax.Array:
    """The measured contraction on ½x², started at 1."""
    path = jd.descend(
        jd.losses.parabola(1.0, 0.0, 0.0),
        jnp.asarray(1.0),
        optimizer,
        steps,
        record="params",
        every=every,
        divergence=jnp.inf,
    )
    # A run that overflows is held at its last finite point: what is held is no measurement.
    held = path.verdict.diverged & (path.steps >= path.verdict.step)
    distance = jnp.where(held, jnp.inf, jnp.abs(path.record["params"]))
    even = distance[: steps // every + 1]  # where `every` leaves a rest, the last is nearer
    return jnp.asarray(analysis.contraction_rate(even, floor=FLOOR)) ** (1 / every)


def momentum_plane(make, config: Config) -> dict:
    """Factor per step over the plane, in units of 1/λ, and the edge at every momentum."""
    grid = jd.sweep(
        lambda momentum, rate: factor_per_step(make(rate, momentum), config.plane_steps, every=5),
        momentum=np.linspace(0, 0.99, config.plane_momenta),
        rate=np.linspace(0, 4.2, config.plane_rates + 1)[1:],
    )
    factor = grid.result.values
    rates = grid.rate.values
    return {
        "momenta": grid.momentum.values,
        "rates": rates,
        "factor": factor,
        "edge": analysis.crossing(rates, factor < 1, axis=1),
    }


def momentum_slice(name: str, config: Config) -> dict:
    """Factor per step against rate at one momentum (none for gradient descent)."""
    make = OPTIMIZERS.get(name)
    rates = np.linspace(0, 4.2, config.slice_rates + 1)[1:]

    def run(rate):
        optimizer = make(rate, config.momentum) if make else jd.sgd(rate)
        return factor_per_step(optimizer, config.plane_steps)

    exact = RATES[name](rates, 1.0, config.momentum) if make else analysis.gd_rate(rates, 1.0)
    return {"rates": rates, "factor": jd.sweep(run, rate=rates).result.values, "exact": exact}


def named_run(loss: jd.losses.Landscape, rate: float, steps: int = 40) -> np.ndarray:
    """Loss above the minimum, step by step."""
    path = jd.descend(loss, jnp.asarray(-2.5), jd.sgd(rate), steps, divergence=jnp.inf)
    return np.asarray(path.loss) - loss.global_minimum.loss


def numbers(data: dict, config: Config) -> Numbers:
    return {
        **boundary_numbers(data["boundary"]),
        **edge_numbers(data["planes"]),
        **factor_numbers(data["slices"], config),
    }


def boundary_numbers(boundary: dict) -> Numbers:
    found = {}
    for name, formula in (("x", "(x − 3)²"), ("half", "½(x − 1)² + ½")):
        swept = boundary[name]
        found[f"gd_boundary_{name}"] = number.theory(
            float(swept["edge"].position),
            swept["limit"],
            1.001 * float(swept["edge"].half_width),
            "half a step of the grid",
            f"learning rate at which gradient descent on {formula} turns from shrinking to growing",
        )
    return found


def edge_numbers(planes: dict) -> Numbers:
    found = {}
    for name, plane in planes.items():

        def off(limit: np.ndarray, edge: analysis.Crossing = plane["edge"]) -> float:
            return float(np.max(np.abs(edge.position - limit) / edge.half_width))

        found[f"{name}_edge_error"] = number.bound(
            off(np.asarray(LIMITS[name](1.0, plane["momenta"]))),
            "half a step of the grid, and rounding; gradient descent's 2/λ would miss it",
            f"largest distance of {TITLES[name]}'s measured edge from theory, over all momenta, in "
            "half steps of the grid of rates",
            at_most=1.001,
            missed_by=off(np.asarray(analysis.gd_limit(1.0))),
        )
    return found


def factor_numbers(slices: dict, config: Config) -> Numbers:
    """The largest error of a measured factor, in units of what its record allows."""
    swept = slices["gd"]
    found = {
        "gd_factor_error": number.exact(
            float(np.max(np.abs(swept["factor"] - swept["exact"]))),
            0.0,
            ROUNDING,
            "rounding of 2,000 products",
            "largest distance of gradient descent's measured factor per step from the exact one",
            scale=1.0,
        )
    }
    for name in OPTIMIZERS:
        rates, momentum = slices[name]["rates"], config.momentum
        allowed = allowed_error(name, rates, momentum, config.plane_steps)

        def error(exact: np.ndarray, allowed: np.ndarray = allowed, name: str = name) -> float:
            off = np.abs(slices[name]["factor"] - exact) / allowed
            return float(np.max(off[np.isfinite(off)]))

        found[f"{name}_factor_error"] = number.bound(
            error(slices[name]["exact"]),
            "how near a peak of the oscillating record there is a step; the momentum "
            f"{momentum + 1e-3:g} would miss it",
            f"largest error of {TITLES[name]}'s measured factor per step, momentum {momentum:g}, "
            f"in units of what a record of {config.plane_steps} steps allows",
            at_most=1.0,
            missed_by=error(np.asarray(RATES[name](rates, 1.0, momentum + 1e-3))),
        )
    return found | {"heavy_ball_plateau": plateau_number(slices["heavy_ball"], config)}


def plateau_number(swept: dict, config: Config) -> Number:
    at = int(np.argmin(np.abs(swept["rates"] - 3.7)))
    rate = float(swept["rates"][at])
    return number.theory(
        float(swept["factor"][at]),
        float(np.sqrt(config.momentum)),
        _allowed(*roots_of("heavy_ball", rate, config.momentum), config.plane_steps),
        "how near a peak of the oscillating record there is a step",
        f"heavy ball's factor per step at η = {rate:.3f}/λ, momentum {config.momentum}: still √β a "
        "step below the edge",
    )


def allowed_error(name: str, rates: np.ndarray, momentum: float, steps: int) -> np.ndarray:
    """How far off `contraction_rate` may be, where the record is a sum of powers of two roots.

    Conjugate roots of angle θ give a record ρᵗ|cos(θt + φ)| that is touched in two of its quarters.
    Were θt mod π at n/4 steps as much as g apart, a quarter's highest step is at worst g/2 from a
    peak, so that ln ρ is off by −ln cos(g/2) over n/4. A real root is off by the power n/4 of the
    other one over it.
    """
    return np.array([_allowed(*roots_of(name, rate, momentum), steps) for rate in rates])


def roots_of(name: str, product: float, momentum: float) -> tuple[complex, complex]:
    """Of r² − (1 + β − ηλ)r + β, or Nesterov's r² − (1 + β)(1 − ηλ)r + β(1 − ηλ), larger first."""
    left = 1 - product
    total, together = {
        "heavy_ball": (left + momentum, momentum),
        "nesterov": ((1 + momentum) * left, momentum * left),
    }[name]
    one, other = np.roots([1, -total, together])
    return (one, other) if abs(one) >= abs(other) else (other, one)


def _allowed(root: complex, other: complex, steps: int) -> float:
    size = abs(root)
    length = steps + 1 if size >= 1 else int(min(steps + 1, np.log(FLOOR) / np.log(size)))
    quarter = length // 4
    if abs(root.imag) > ROUNDING:
        places = np.sort(abs(np.angle(root)) * np.arange(quarter) % np.pi)
        widest = np.max(np.diff(places, append=places[0] + np.pi))
        error = -np.log(np.cos(widest / 2)) / quarter
    else:
        error = (abs(other) / size) ** quarter
    return size * (min(error, 3 / length) + ROUNDING)


def plot(data: dict, config: Config) -> Figure:
    layout = [["a", "b"], ["c", "d"], ["e", "e"]]
    with plotting.panels(layout, height=6.6) as (figure, axes):
        draw_boundary(axes["a"], data["boundary"], config)
        draw_named_runs(axes["b"], data["named"], config)
        for panel, name in (("c", "heavy_ball"), ("d", "nesterov")):
            image = draw_plane(axes[panel], panel, name, data["planes"][name])
        axes["c"].legend(loc="upper left")
        figure.colorbar(
            image,
            ax=[axes["c"], axes["d"]],
            label=r"measured factor per step $\rho$",
            ticks=[0.5, 0.75, 1, 1.25, 1.5],
            extend="both",
        )
        draw_slices(axes["e"], data["slices"], config)
    return figure


def draw_boundary(axes: Axes, boundary: dict, config: Config) -> None:
    labels = {"x": r"$\lambda=2$", "half": r"$\lambda=1$"}
    for (name, swept), color in zip(boundary.items(), plotting.CYCLE, strict=False):
        axes.plot(swept["rates"], swept["growth"], color=color, linewidth=2.4)
        plotting.theory(axes, swept["rates"], swept["theory"], label=None)
        axes.axvline(swept["limit"], color=color, linewidth=0.6, linestyle=":")
        axes.annotate(
            f"{labels[name]}\nedge at\n{swept['edge'].position:.5f}",
            (0.58 if name == "x" else 1.45, 1e-2),
            ha="center",
            va="top",
            color=color,
            fontsize=7,
        )
    plotting.theory(axes, [], [], label=r"$|1-\eta\lambda|^t$")
    axes.set(
        yscale="log",
        ylim=(1e-16, 1e14),
        xlim=(0, 2.5),
        xlabel=r"learning rate $\eta$",
        ylabel=rf"$|x_t-x^\star|\,/\,|x_0-x^\star|$ at $t={config.steps}$",
    )
    axes.axhline(1, color="0.6", linewidth=0.5)
    axes.legend(loc="upper left", handlelength=1)
    plotting.title(axes, "a", r"gradient descent parts at $2/\lambda$")


def draw_named_runs(axes: Axes, named: np.ndarray, config: Config) -> None:
    words = ("too small", "just right", "too big", "diverges")
    bottom, last = 1e-12, named.shape[1] - 1
    steps = np.arange(last + 1)
    for word, rate, losses, color in zip(words, config.runs, named, plotting.CYCLE, strict=False):
        axes.plot(steps, losses, "o", color=color)
        plotting.theory(axes, steps, losses[0] * (1 - rate) ** (2 * steps), label=None)
        end = int(np.max(steps[losses > 1e3 * bottom]))
        axes.annotate(
            f"$\\eta={rate:g}$\n{word}",
            (end, max(losses[end], bottom)),
            xytext=(11, 0),
            textcoords="offset points",
            va="center",
            color=color,
            fontsize=7,
        )
    plotting.theory(axes, [], [], label=r"$(1-\eta)^{2t}$")
    axes.set(
        yscale="log",
        ylim=(bottom, 1e8),
        xlim=(0, 1.4 * last),
        xlabel="step $t$",
        ylabel=r"$L(x_t)-\min L$",
    )
    axes.legend(loc="upper left")
    plotting.title(axes, "b", r"four runs on $\frac{1}{2}(x-1)^2+\frac{1}{2}$")


def draw_plane(axes: Axes, panel: str, name: str, plane: dict) -> QuadMesh:
    image = axes.pcolormesh(
        plane["rates"],
        plane["momenta"],
        plane["factor"],
        norm=TwoSlopeNorm(1.0, 0.5, 1.5),
        cmap="PuOr_r",
        shading="nearest",
        rasterized=True,
    )
    thin = slice(None, None, max(1, len(plane["momenta"]) // 20))
    axes.plot(
        plane["edge"].position[thin],
        plane["momenta"][thin],
        "o",
        color="black",
        markerfacecolor="none",
        label="measured edge",
    )
    plotting.theory(axes, LIMITS[name](1.0, plane["momenta"]), plane["momenta"])
    axes.set(xlabel=r"$\eta\lambda$", ylabel=r"momentum $\beta$", xlim=(0, 4.2), ylim=(0, 0.99))
    formula = {
        "heavy_ball": r"$\eta\lambda=2(1+\beta)$",
        "nesterov": r"$\eta\lambda=\frac{2+2\beta}{1+2\beta}$",
    }[name]
    plotting.title(axes, panel, f"{TITLES[name]}: {formula}")
    return image


def draw_slices(axes: Axes, slices: dict, config: Config) -> None:
    for name, swept in slices.items():
        thin = slice(None, None, max(1, len(swept["rates"]) // 80))
        beta = "" if name == "gd" else rf", $\beta={config.momentum:g}$"
        axes.plot(
            swept["rates"][thin],
            swept["factor"][thin],
            "o",
            color=COLORS[name],
            label=f"{TITLES[name]}{beta}",
        )
        plotting.theory(axes, swept["rates"], swept["exact"], label=None)
    plotting.theory(axes, [], [], label="exact")
    axes.axhline(1, color="0.6", linewidth=0.5)
    axes.set(
        xlabel=r"$\eta\lambda$", ylabel=r"factor per step $\rho$", xlim=(0, 4.2), ylim=(0, 1.5)
    )
    axes.legend(loc="upper left", bbox_to_anchor=(0.55, 0.6))
    plotting.title(axes, "e", r"contraction per step: the heavy ball's cliff at $2(1+\beta)$")
