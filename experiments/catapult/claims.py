"""The published claims on the catapult, and the ranges that decide them."""

from dataclasses import replace

from experiments.catapult import theory
from experiments.catapult.config import Config
from experiments.catapult.networks import NETWORKS
from experiments.catapult.numbers import CATAPULT
from experiments.catapult.phases import PEAK_RATES
from experiments.common.claims import Claim, Source, at_least, at_most, between, within

SOURCE = Source(
    "Lewkowycz, Bahri, Dyer, Sohl-Dickstein & Gur-Ari", 2020,
    "The large learning rate phase of deep learning: the catapult mechanism", "arXiv 2003.02218",
)  # fmt: skip
WARMUP, FULL = replace(SOURCE, place="section 2.1"), replace(SOURCE, place="section 2.2")
EXPERIMENTS = replace(SOURCE, place="section 3")
DEEP = ("relu_2", "relu_3")


def claims(config: Config) -> list[Claim]:
    return [*of_one_example(config), *of_networks(config)]


def of_one_example(config: Config) -> list[Claim]:
    tried = f"f = v·u/√n, n = {config.width:,}, one example, weights N(0, 1), {config.seeds} starts"
    later = {
        f"peak_step_per_width_{rate:g}": within(rate_of(rate), 0.15 * rate_of(rate))
        for rate in PEAK_RATES
    }
    return [
        Claim(
            WARMUP,
            "gradient descent on this network is exactly f ← f(1 − ηλ + η²f²/n), "
            "λ ← λ + (ηf²/n)(ηλ − 4)",
            tried,
            {"map_error": at_most(1e-12)},
        ),
        Claim(
            WARMUP,
            "it is lazy up to η = 2/λ₀, where the loss begins to rise, and diverges from 4/λ₀ on",
            tried,
            {"critical": within(2, 0.02), "divergent": within(4, 0.05)},
            "The paper argues for large widths. The map gives 4 for every width and start: below "
            "it ηλ can only fall, above only rise. At 4 itself f is chaotic, 2cos(3ᵗθ)·√n/η.",
        ),
        Claim(
            WARMUP,
            "a catapult ends with ηλ < 2, in a minimum flatter by a factor of order 1",
            tried,
            {"largest_end": at_most(2.0), "flatter": at_most(0.5)},
            f"From ηλ₀ = {CATAPULT:g}. Just above 2 it ends as far below: at 2 − δ − ⅔δ² from "
            "2 + δ (derived here).",
        ),
        Claim(
            WARMUP,
            "the loss peaks at order n, after of order ln n steps",
            f"the same with n from {min(config.widths):,} to {max(config.widths):,}, "
            f"{config.peak_seeds} starts of each",
            {f"peak_exponent_{rate:g}": within(1, 0.05) for rate in PEAK_RATES} | later,
            "The number of steps for each unit of ln n, 1/(2 ln(ηλ₀ − 1)), is not in the paper.",
        ),
    ]


def rate_of(rate: float) -> float:
    return theory.steps_per_width(rate)


def of_networks(config: Config) -> list[Claim]:
    shallow, deep = pick(config, "relu"), pick(config, *DEEP)
    rectified, many = shallow + deep, [n for n in config.networks if NETWORKS[n].outputs > 1]
    tried = (
        f"{config.examples} digits, full batches, hidden layers of {config.network_width}, tangent "
        f"kernel's parametrization, {config.network_steps} steps, {config.network_seeds} starts"
    )
    found = [
        (
            FULL, "with many examples and labels the largest rate is 4/λ₀ as well",
            pick(config, "linear"), "limit", within(4, 0.1), "",
        ),
        (
            EXPERIMENTS, "ReLU networks train up to about 12/λ₀ (here: 9 to 15)",
            deep, "limit", between(9, 15),
            "Networks of two and three hidden layers. The range was set after trial runs.",
        ),
        (
            EXPERIMENTS,
            "ReLU networks train up to about 12/λ₀ whatever else their architecture",
            shallow, "limit", between(9, 15),
            "One hidden layer. It never diverges: units die instead, and past 30/λ₀ it learns "
            "little or nothing, which is where training is said to fail here (a loss no better "
            "than that of the best constant).",
        ),
        (
            EXPERIMENTS, "below 2/λ₀ the curvature is constant throughout training (here: 10 %)",
            list(config.networks), "lazy", within(1, 0.1),
            "Linear and tanh networks keep it, ReLU networks of this width lose more; the paper "
            "asks for sufficiently wide ones.",
        ),
        (
            EXPERIMENTS, "ReLU networks at rates from 2/λ₀ to 4/λ₀ end with ηλ < 2",
            rectified, "catapult", at_most(2.0), "",
        ),
        (
            EXPERIMENTS, "networks of other activations at rates from 2/λ₀ to 4/λ₀ end with ηλ < 2",
            pick(config, "linear", "tanh"), "catapult", at_most(2.0),
            "The tanh network sharpens again and hovers at the edge of stability, 1 to 4 % above.",
        ),
        (
            EXPERIMENTS, "for equal numbers of steps the best rate is in the catapult phase",
            many, "best_rate", at_least(2.0), "By accuracy on 450 held-out digits.",
        ),
        (
            EXPERIMENTS,
            "for equal time t·η, catapults match or exceed lazy training (here: by 1 % at most "
            "below it)",
            many, "gain_time", at_least(0.99),
            "Each at the best of its rates, of which the catapult phase has more; at the largest "
            "rates so few steps are left that it is far worse.",
        ),
    ]  # fmt: skip
    return [
        Claim(source, says, tried, {f"{what}_{name}": holds for name in names}, remark)
        for source, says, names, what, holds, remark in found
        if names
    ]


def pick(config: Config, *names: str) -> list[str]:
    return [name for name in names if name in config.networks]
