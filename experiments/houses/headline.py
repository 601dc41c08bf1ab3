"""The headline numbers of `house_prices`."""

import numpy as np
from scipy import stats

from experiments.houses.descents import root_mean_square
from experiments.houses.generate import NOISE
from experiments.houses.held_out import HeldOut
from experiments.houses.settings import Config
from experiments.learners.seeds import mean_interval
from experiments.learners.squared_error import Bowl
from experiments.report import Number, Numbers

FEATURES = ("raw", "normalized")

# θ rounds at 1e-16 of the prices; where they are 1e-10 of them off, that is 1e-6 of the distance.
SMALLEST_SHARE, ROUNDING = 1e-10, 1e-5


def bowl_numbers(data: dict) -> Numbers:
    """Condition numbers and stability limits, measured and by algebra."""
    correlations = np.linalg.eigvalsh(np.atleast_2d(np.corrcoef(data["table"].x.T)))
    by_algebra = {
        "raw": (data["raw"]["bowl"].condition, "the squared singular values of [X 1]"),
        # the constant, uncorrelated with the normalized features, adds an eigenvalue 1
        "normalized": (
            max(1.0, correlations[-1]) / min(1.0, correlations[0]),
            "the correlations of the features",
        ),
    }
    found: Numbers = {}
    for name, (condition, source) in by_algebra.items():
        found[f"condition_{name}"] = Number(
            data[name]["hessian_condition"],
            float(condition),
            1e-12 * float(condition) ** 2,  # the smallest eigenvalue rounds as the largest does
            f"condition number of jax.hessian with {name} features; theory: from {source}",
        )
    for name in FEATURES:
        edge = data[name]["sweep"]["edge"]
        found[f"stability_limit_{name}"] = Number(
            float(edge.position),
            data[name]["bowl"].limit,
            1.01 * float(edge.half_width),
            f"learning rate at which descent on {name} features turns from shrinking to growing "
            "along the steepest axis; theory 2/λ",
        )
    return found


def sweep_numbers(data: dict, config: Config) -> Numbers:
    """What the best of all rates leaves, and the whole sweep against the closed form."""
    smallest = SMALLEST_SHARE * root_mean_square(data["table"].y)
    found: Numbers = {}
    for name in FEATURES:
        sweep = data[name]["sweep"]
        large = sweep["exact"] > smallest
        off = np.abs(sweep["measured"] / np.where(large, sweep["exact"], 1) - 1)[large]
        found[f"sweep_error_{name}"] = Number(
            float(np.max(off, initial=0.0)),
            0.0,
            ROUNDING,
            f"largest relative distance of panel (b) from the closed form, {name} features",
        )
    best = {name: float(data[name]["sweep"]["measured"].min()) for name in FEATURES}
    for name in FEATURES:
        exact = float(data[name]["sweep"]["exact"].min())
        is_raw_house = name == "raw" and data["truth"] is not None
        found[f"best_rate_leaves_{name}"] = Number(
            best[name],
            exact,
            ROUNDING * exact + smallest,
            f"root mean squared distance, in {config.currency}, from the least-squares prices "
            f"after {config.sweep_steps} steps at the best rate of the sweep, {name} features",
            at_least=1000 * best["normalized"] if is_raw_house else None,
        )
    return found


def stopping_numbers(data: dict, config: Config) -> Numbers:
    """When the stopping rule ended a run, and why."""
    found: Numbers = {}
    for name in FEATURES:
        run = data[name]["run"]
        found[f"stop_step_{name}"] = Number(
            float(run["verdict"].step),
            min(run["steps_needed"], float(config.steps)),
            1.0,  # a gradient within rounding of the tolerance may pass it a step early or late
            f"descent on {name} features ended: {run['sentence']}; theory: the first step whose "
            f"gradient is {config.tolerance:g} of the first, {run['steps_needed']:.6g}, or the "
            f"limit of {config.steps} steps",
        )
    return found


def price_numbers(data: dict, config: Config) -> Numbers:
    """θ in natural units against least squares, within what the last gradient allows.

    A gradient g leaves ‖θ − θ*‖ ≤ ‖g‖/λ and √(J − J*) ≤ ‖g‖/√(2λ), λ the smallest curvature.
    """
    table, scaling, bowl = data["table"], data["scaling"], data["normalized"]["bowl"]
    run = data["normalized"]["run"]
    gradient, flattest = float(run["verdict"].gradient_norm), bowl.curvatures[-1]
    natural, solution = scaling.natural(run["theta"]), data["raw"]["bowl"].minimum
    shift = np.sqrt(1 + np.sum((scaling.mean / scaling.deviation) ** 2))
    rounding = 1e-9 * root_mean_square(table.y)
    bounds = (gradient / flattest + rounding) * np.append(1 / scaling.deviation, shift)
    unit = {f"worth_of_{name}": f"{config.currency} per unit of {name}" for name in table.features}
    unit["base"] = f"{config.currency} where all features are 0"
    found = {
        name: Number(
            float(natural[i]),
            float(solution[i]),
            float(bounds[i]),
            f"{what}: descent on normalized features, taken back to natural units; theory: least "
            "squares on raw features, tolerance by the gradient at the stop",
        )
        for i, (name, what) in enumerate(unit.items())
    }
    found["distance_from_least_squares"] = Number(
        float(bowl.distance_from_best(bowl.along_axes(run["theta"]))),
        0.0,
        1.001 * gradient / float(np.sqrt(2 * flattest)) + rounding,
        f"root mean squared distance, in {config.currency}, of predicted {table.target} from that "
        "of least squares; tolerance by the gradient at the stop",
    )
    if data["truth"] is not None:
        found["distance_from_truth"] = truth_number(
            natural - data["truth"], data["raw"]["bowl"], len(table.y)
        )
    return found


def truth_number(off: np.ndarray, bowl: Bowl, count: int) -> Number:
    return Number(
        float(count * bowl.excess_loss(off @ bowl.axes) / NOISE**2),
        None,
        1e-3,
        f"‖X₁(θ − truth)‖² over the noise's variance: χ² of {off.size} degrees of freedom, which "
        "is below the bound in 999 of 1,000 data sets",
        at_most=float(stats.chi2.ppf(0.999, off.size)),
    )


def held_out_numbers(data: dict, config: Config) -> Numbers:
    """Errors on rows that were not trained on, beside the baseline that knows no features."""
    scores: HeldOut = data["held_out"]
    is_known = data["truth"] is not None
    rows, parameters = len(data["table"].y), len(data["table"].features) + 1
    trained = rows - scores.true.size
    descent, interval = mean_interval(scores.descent)
    baseline, baseline_interval = mean_interval(scores.mean)
    over = (
        f"mean over {config.splits} random splits (which share rows, so that the interval is of "
        f"splitting anew, not of new data), in {config.currency}; "
    )
    return {
        "held_out_rmse": Number(
            descent,
            float(NOISE * np.sqrt(1 + parameters / trained)) if is_known else None,
            # four standard errors of a deviation known from all rows
            float(4 * NOISE / np.sqrt(2 * rows)) if is_known else 1e-6 * baseline,
            f"root mean squared error on {scores.true.size} held-out rows, {over}theory where the "
            "truth is known: σ√(1 + p/n)",
            interval,
            at_most=baseline if is_known else None,
        ),
        "held_out_rmse_of_mean": Number(
            baseline,
            None,
            1e-6 * baseline,
            f"the same of predicting the training rows' mean {data['table'].target}, {over}the "
            "baseline",
            baseline_interval,
        ),
        "held_out_gap": Number(
            float(np.max(np.abs(scores.descent - scores.least_squares))),
            0.0,
            float(np.max(scores.bound)) + 1e-9 * baseline,
            "largest difference of the error from that of least squares on the same rows, over all "
            "splits; tolerance by the gradients at the stops",
        ),
    }
