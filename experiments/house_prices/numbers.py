"""The headline numbers; theory here holds for any data, but for what is said of the truth."""

import numpy as np
from scipy import stats

from experiments.common import number
from experiments.common.number import Baseline, Number, Numbers
from experiments.common.squared_error import Bowl
from experiments.common.statistics import positive_mean
from experiments.house_prices.config import Config
from experiments.house_prices.descents import root_mean_square
from experiments.house_prices.generate import NOISE
from experiments.house_prices.held_out import HeldOut

FEATURES = ("raw", "normalized")
# θ rounds at 1e-16 of the prices; where they are 1e-10 of them off, that is 1e-6 of the distance.
SMALLEST_SHARE, ROUNDING = 1e-10, 1e-5


def numbers(data: dict, config: Config) -> Numbers:
    """Theory here holds for any data, but for what is said of the truth of the houses."""
    return {
        **bowl_numbers(data),
        **sweep_numbers(data, config),
        **stopping_numbers(data, config),
        **price_numbers(data, config),
        **held_out_numbers(data, config),
    }


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
        found[f"condition_{name}"] = number.exact(
            data[name]["hessian_condition"],
            float(condition),
            1e-12 * float(condition) ** 2,
            "the smallest eigenvalue rounds as the largest does",
            f"condition number of jax.hessian with {name} features; theory: from {source}",
        )
    for name in FEATURES:
        edge = data[name]["sweep"]["edge"]
        found[f"stability_limit_{name}"] = number.theory(
            float(edge.position),
            data[name]["bowl"].limit,
            1.01 * float(edge.half_width),
            "half a step of the grid",
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
        found[f"sweep_error_{name}"] = number.exact(
            float(np.max(off, initial=0.0)),
            0.0,
            ROUNDING,
            "rounding of prices, where they are 1e-10 off",
            f"largest relative distance of panel (b) from the closed form, {name} features",
            scale=1.0,
        )
    best = {name: float(data[name]["sweep"]["measured"].min()) for name in FEATURES}
    for name in FEATURES:
        exact = float(data[name]["sweep"]["exact"].min())
        found[f"best_rate_leaves_{name}"] = number.exact(
            best[name],
            exact,
            ROUNDING * exact + smallest,
            "rounding of prices",
            f"root mean squared distance, in {config.currency}, from the least-squares prices "
            f"after {config.sweep_steps} steps at the best rate of the sweep, {name} features",
            scale=root_mean_square(data["table"].y),
        )
    if data["truth"] is not None:
        found["best_rate_gains"] = number.bound(
            best["raw"] / best["normalized"],
            "three orders of magnitude; were normalizing no help, it would be 1",
            "the former of these distances over the latter",
            at_least=1000.0,
            missed_by=1.0,
        )
    return found


def stopping_numbers(data: dict, config: Config) -> Numbers:
    """When the stopping rule ended a run, and why."""
    found: Numbers = {}
    for name in FEATURES:
        run = data[name]["run"]
        found[f"stop_step_{name}"] = number.theory(
            float(run["verdict"].step),
            min(run["steps_needed"], float(config.steps)),
            1.0,
            "a gradient within rounding of the limit passes it a step early or late",
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
        name: number.theory(
            float(natural[i]),
            float(solution[i]),
            float(bounds[i]),
            "what the gradient at the stop allows",
            f"{what}: descent on normalized features, taken back to natural units; theory: least "
            "squares on raw features",
            signed=True,
        )
        for i, (name, what) in enumerate(unit.items())
    }
    found["distance_from_least_squares"] = number.bound(
        float(bowl.distance_from_best(bowl.along_axes(run["theta"]))),
        "what the gradient at the stop allows; raw features, at their best rate, miss it",
        f"root mean squared distance, in {config.currency}, of predicted {table.target} from that "
        "of least squares",
        at_most=1.001 * gradient / float(np.sqrt(2 * flattest)) + rounding,
        missed_by=float(data["raw"]["sweep"]["measured"].min()),
    )
    if data["truth"] is not None:
        found["distance_from_truth"] = truth_number(
            natural, data["truth"], data["raw"]["bowl"], len(table.y)
        )
    return found


def truth_number(found: np.ndarray, truth: np.ndarray, bowl: Bowl, count: int) -> Number:
    def in_noise(off: np.ndarray) -> float:
        return float(count * bowl.excess_loss(off @ bowl.axes) / NOISE**2)

    return number.bound(
        in_noise(found - truth),
        "passed in one of 1,000 data sets; to know no feature's worth would miss it",
        f"‖X₁(θ − truth)‖² over the noise's variance: χ² of {truth.size} degrees of freedom",
        tolerance=1e-3,
        at_most=float(stats.chi2.ppf(0.999, truth.size)),
        missed_by=in_noise(-truth),
    )


def held_out_numbers(data: dict, config: Config) -> Numbers:
    """Errors on rows that were not trained on, beside the baseline that knows no features."""
    scores: HeldOut = data["held_out"]
    is_known = data["truth"] is not None
    rows, parameters = len(data["table"].y), len(data["table"].features) + 1
    trained = rows - scores.true.size
    descent, of_mean = positive_mean(scores.descent), positive_mean(scores.mean)
    over = (
        f"mean over {config.splits} random splits (which share rows, so that the interval is of "
        f"splitting anew, not of new data), in {config.currency}"
    )
    what = f"root mean squared error on {scores.true.size} held-out rows, {over}"
    best = Baseline("least squares", float(scores.least_squares.mean()))
    same, rounding = 1e-6 * of_mean.value, "rounding: the splits are the same on every machine"
    return {
        "held_out_rmse": number.theory(
            descent,
            float(NOISE * np.sqrt(1 + parameters / trained)),
            float(number.ERRORS * NOISE / np.sqrt(2 * rows)),
            f"{number.ERRORS} standard errors of a deviation known from all rows",
            f"{what}; theory: σ√(1 + p/n)",
            baseline=best,
        )
        if is_known
        else number.regression(descent, what, tolerance=same, why=rounding, baseline=best),
        "held_out_rmse_of_mean": number.regression(
            of_mean,
            f"the same of predicting the training rows' mean {data['table'].target}, {over}",
            tolerance=same,
            why=rounding,
        ),
        "held_out_gap": number.bound(
            float(np.max(np.abs(scores.descent - scores.least_squares))),
            "what the gradients at the stops allow; the training rows' mean would miss it",
            "largest difference of the error from that of least squares on the same rows, over all "
            "splits",
            at_most=float(np.max(scores.bound)) + 1e-9 * of_mean.value,
            missed_by=float(np.max(np.abs(scores.mean - scores.least_squares))),
        ),
    }
