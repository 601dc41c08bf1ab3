"""Published claims on the edge of stability."""

from experiments.common.claims import Claim, Source, at_least, at_most, between
from experiments.edge_of_stability.config import Config
from experiments.edge_of_stability.flow_numbers import NAMES
from experiments.edge_of_stability.methods import METHODS
from experiments.edge_of_stability.problems import PROBLEMS

GRADIENT_DESCENT = Source(
    "Cohen et al.", 2021,
    "Gradient Descent on Neural Networks Typically Occurs at the Edge of Stability",
    "arXiv 2103.00065",
)  # fmt: skip
ADAPTIVE = Source(
    "Cohen et al.", 2022, "Adaptive Gradient Methods at the Edge of Stability", "arXiv 2207.14484"
)
SELF_STABILIZATION = Source(
    "Damian, Nichani & Lee", 2023,
    "Self-Stabilization: The Implicit Bias of Gradient Descent at the Edge of Stability",
    "arXiv 2209.15594", "section 4",
)  # fmt: skip
CENTRAL_FLOWS = Source(
    "Cohen et al.", 2024, "Understanding Optimization in Deep Learning with Central Flows",
    "arXiv 2410.24206",
)  # fmt: skip
STOCHASTIC = Source(
    "Andreyev & Beneventano", 2024,
    "Edge of Stochastic Stability: Revisiting the Edge of Stability for SGD", "arXiv 2412.20553",
)  # fmt: skip

HOVERS = between(0.98, 1.08)  # the papers: at the threshold or just above
SAYS = {
    "gd": (GRADIENT_DESCENT, "the sharpness of gradient descent hovers at 2/η"),
    "heavy_ball": (GRADIENT_DESCENT, "that of the heavy ball hovers at 2(1 + β)/η"),
    "nesterov": (GRADIENT_DESCENT, "that of Nesterov's momentum at (2 + 2β)/((1 + 2β)η)"),
    "rmsprop": (ADAPTIVE, "the preconditioned sharpness of RMSProp hovers at 2/η"),
    "adam_99": (ADAPTIVE, "that of Adam (β₁ = 0.9, β₂ = 0.99) hovers at 38/η"),
    "adam_999": (ADAPTIVE, "that of Adam (β₁ = 0.9, β₂ = 0.999) hovers at 38/η"),
    "nadam": (ADAPTIVE, "that of Nadam hovers where it is linearly unstable, at 13.57/η"),
}
REMARKS = {"nadam": "The paper treats the principle; its threshold for Nadam is derived here."}


def claims(config: Config) -> list[Claim]:
    tried = (
        f"a tanh network 64-{'-'.join(map(str, config.widths))}-10, half its mean squared error, "
        f"{config.examples} examples, synthetic and digits; full batches, {config.seeds} starts"
    )
    return [
        *(hovering(name, tried) for name in config.methods),
        Claim(
            GRADIENT_DESCENT,
            "before it reaches the threshold, the sharpness rises (progressive sharpening)",
            tried,
            {
                f"first_{name}_{problem}": at_most(0.9)
                for name in config.methods
                for problem in PROBLEMS
            },
            "All optimizers and both problems; where a rate is too small it rises and stops below.",
        ),
        *of_flows(config),
        *of_batches(config),
    ]


def hovering(name: str, tried: str) -> Claim:
    source, says = SAYS[name]
    rates = ", ".join(f"η = {rate:g} on {key}" for key, rate in METHODS[name].rates.items())
    return Claim(
        source, says, f"{tried}; {rates}",
        {f"ratio_{name}_{problem}": HOVERS for problem in PROBLEMS},
        REMARKS.get(name, ""),
    )  # fmt: skip


def of_flows(config: Config) -> list[Claim]:
    tried = (
        f"a tanh network 64-{config.flow_width}-10 on {config.flow_examples} digits, GD at η = 0.8 "
        f"and RMSProp (β₂ = 0.99) at η = 0.001, {config.flow_steps} steps from below the edge on"
    )
    return [
        Claim(
            SELF_STABILIZATION,
            "past the edge GD oscillates along the top eigenvector with period 2, growing by "
            "ηS − 1 a step, and the larger the oscillation the more the sharpness falls",
            tried,
            {
                "alternating": at_least(0.75),
                "pull": at_most(-0.2),
                "burst_growth": between(0.95, 1.05),
            },
            "Their 2α/β, the mean squared deviation where one direction oscillates, is tr Σ of the "
            "central flow there: see flow_variance_gd.",
        ),
        *(
            Claim(
                CENTRAL_FLOWS,
                f"the time-averaged path of {NAMES[key]} follows the central flow, as "
                "the flow without oscillations does not",
                tried,
                {f"flow_{key}": at_most(0.5), f"flow_error_{key}": at_most(0.1)},
                "Its discretization and the step of Euler's method are our own.",
            )
            for key in config.flows
        ),
    ]


def of_batches(config: Config) -> list[Claim]:
    tried = (
        f"a tanh network 64-{config.batch_width}-10 on {config.examples} digits, SGD at η = 0.3, "
        f"{config.batch_steps:,} steps"
    )
    return [
        Claim(
            STOCHASTIC,
            "what hovers at 2/η under SGD is the batch sharpness E[gᵀHg/gᵀg]",
            tried,
            {f"batch_sharpness_{size}": between(0.9, 1.1) for size in config.batch_sizes},
            "It rises throughout and is below the edge after these steps: the paper trains longer, "
            "larger networks; that it would arrive is not excluded.",
        ),
        Claim(
            STOCHASTIC,
            "small batches keep λmax of the whole loss below that of full batches",
            tried,
            {f"whole_sharpness_{size}": at_most(0.9) for size in config.batch_sizes},
        ),
    ]
