"""The published claims that these runs decide, and the ranges that decide them."""

from experiments.common.claims import Claim, Source, at_least, at_most, between, within
from experiments.stability_of_optimizers import curves, cycles
from experiments.stability_of_optimizers.config import Config
from jdescent.analysis import adam_cycle

A_PART = 1e-3  # of a limit
DERIVED = "the number is derived here from the paper's equations"


def claims(config: Config) -> list[Claim]:
    return [
        momentum(),
        frozen(),
        optimistic(),
        lookahead(config),
        schedule_free(config),
        adam_cycles(config),
        adam_cannot_settle(),
        adagrad(),
        sign_descent(),
        lion(),
    ]


def near(value: float, part: float = A_PART):
    return within(value, part * value)


def momentum() -> Claim:
    return Claim(
        Source(
            "Cohen, Kaur, Li, Kolter & Talwalkar",
            2021,
            "Gradient Descent on Neural Networks Typically Occurs at the Edge of Stability",
            "arXiv 2103.00065",
            "equation 1",
        ),
        "on a quadratic the heavy ball is stable up to ηλ = 2 + 2β, Nesterov's momentum up to "
        "(2 + 2β)/(1 + 2β)",
        "β = 0.9: 3.8 and 1.357; the Jacobian of one update, and runs of 2,000 steps",
        {
            "heavy_ball_measured": near(3.8),
            "nesterov_measured": near(3.8 / 2.8),
            "heavy_ball_linearized": at_most(1e-9),
            "nesterov_linearized": at_most(1e-9),
        },
    )


def frozen() -> Claim:
    return Claim(
        Source(
            "Cohen et al.",
            2022,
            "Adaptive Gradient Methods at the Edge of Stability",
            "arXiv 2207.14484",
            "section 2 and appendix A",
        ),
        "with its preconditioner P frozen Adam is stable up to Pλ = (2 + 2β₁)/((1 − β₁)η) = 38/η, "
        "RMSProp up to 2/η",
        "½λx², v held at 1, so that P = 1; the optimizers themselves are run, ours and optax's; "
        "Nadam's 13.57/η beside them",
        {
            "limit_adam_frozen": near(38),
            "limit_adam_frozen_of_optax": near(38),
            "limit_rmsprop_frozen": near(2),
            "limit_rmsprop_frozen_of_optax": near(2),
            "limit_nadam_frozen": near(38 / 2.8),
        },
        "Nadam's number is derived here",
    )


def optimistic() -> Claim:
    return Claim(
        Source(
            "Daskalakis, Ilyas, Syrgkanis & Zeng",
            2018,
            "Training GANs with Optimism",
            "arXiv 1711.00141",
            "optimistic gradient descent",
        ),
        "minimizing a quadratic, optimistic gradient descent, x ← x − η(2g − g₋₁), is stable up to "
        "ηλ = 2/3, a third of gradient descent's",
        "½x², ours and optax's, runs of 2,000 steps",
        {f"optimistic_of_{library}": near(2 / 3) for library in curves.OPTIMISTIC},
        DERIVED,
    )


def lookahead(config: Config) -> Claim:
    theory = curves.lookahead_theory(config)[:, config.shares.index(0.5)]
    return Claim(
        Source(
            "Zhang, Lucas, Hinton & Ba",
            2019,
            "Lookahead Optimizer: k steps forward, 1 step back",
            "arXiv 1907.08610",
            "algorithm 1",
        ),
        "lookahead improves the stability of gradient descent on a quadratic: up to "
        "ηλ = 1 + ((2 − α)/α)^{1/k} for odd k, and not at all for even k",
        f"α = 0.5, k = {', '.join(map(str, config.periods))}; runs of {curves.PERIODS} periods",
        {
            f"lookahead_{k}": near(float(limit), 3e-3)
            for k, limit in zip(config.periods, theory, strict=True)
        },
        "that it helps is the paper's; " + DERIVED,
    )


def schedule_free(config: Config) -> Claim:
    longest = max(steps for steps in config.horizons if steps >= 300)
    return Claim(
        Source(
            "Defazio et al.",
            2024,
            "The Road Less Scheduled",
            "arXiv 2405.15682",
            "equations 3 to 5",
        ),
        "schedule-free SGD is stable on a quadratic up to η = 2/((1 − β₁)λ) in the limit of many "
        "steps, ten times gradient descent's at β₁ = 0.9",
        f"the largest rate at which a run of {longest:,} steps ends no farther than it began",
        {f"schedule_free_{longest}": near(20, 0.015)},
        DERIVED + ": c_t = 1/t → 0 leaves z alone. After T steps it is smaller by β₁ ln T / "
        "(2(1−β₁)T)",
    )


def adam_cycles(config: Config) -> Claim:
    decided = {}
    for b1 in config.b1s:
        key = cycles.adam_name(b1, 0.99).replace(" ", "_").replace(".", "")
        theory = adam_cycle(b1, 0.99)
        decided[f"{key}_amplitude"] = near(theory.amplitude)
        decided[f"{key}_multiplier"] = within(theory.multipliers[0], 1e-5)
    return Claim(
        Source(
            "Bock & Weiß",
            2019,
            "Non-Convergence and Limit Cycles in the Adam optimizer",
            "ICANN 2019, arXiv 2210.02070",
        ),
        "Adam has a cycle of two steps on every quadratic, whatever its settings; its amplitude is "
        "η(1 − β₁)/(2(1 + β₁)), and it attracts only for small β₁",
        f"½x², β₂ = 0.99, β₁ = {', '.join(f'{b1:g}' for b1 in config.b1s)}: Newton's method on the "
        "update",
        decided,
        "that there are cycles is the paper's, from its abstract; the amplitude and the factors by "
        "which deviations change, eigenvalues of a 3 × 3 matrix, are derived here",
    )


def adam_cannot_settle() -> Claim:
    return Claim(
        Source(
            "Bock & Weiß",
            2021,
            "Local Convergence of Adaptive Gradient Descent Optimizers",
            "arXiv 2102.09804",
        ),
        "Adam at a constant rate converges at a minimum of curvature λ only if "
        "ηλ(1 − β₁) < (2 + 2β₁)ε: at η = 0.01, ε = 10⁻⁸ for λ below 3.8·10⁻⁵ alone",
        "½λx²; from 10⁻²⁵ for the edge; from η for what is left",
        {
            "adam_eps_edge": near(38 * cycles.EPS / cycles.RATE, 5e-3),
            "adam_left_above": at_least(0.1 / 38),
            "adam_left_below": at_most(1e-6 / 38),
        },
        "the paper's condition, from memory, is this with √ε, its ε being inside the root",
    )


def adagrad() -> Claim:
    return Claim(
        Source(
            "Ward, Wu & Bottou",
            2019,
            "AdaGrad stepsizes: Sharp convergence over nonconvex landscapes, from any "
            "initialization",
            "arXiv 1806.01811",
            "theorem 2.2",
        ),
        "AdaGrad without noise converges at every learning rate, whatever the curvature",
        f"½x² from 1, 51 rates from 0.1 to 10,000, {cycles.ADAGRAD_STEPS:,} steps",
        {"adagrad_end": at_most(1e-6), "adagrad_root": at_least(1)},
        "the theorem's number is from memory; in one dimension the paper's norm version is AdaGrad",
    )


def sign_descent() -> Claim:
    return Claim(
        Source(
            "Bernstein, Wang, Azizzadenesheli & Anandkumar",
            2018,
            "signSGD: Compressed Optimisation for Non-Convex Problems",
            "arXiv 1802.04434",
            "algorithm 1",
        ),
        "sign descent without noise ends in a cycle r, r − η of mean distance η/2 from the minimum",
        "½λx², λ = 1 and 64, η = 1/128 and 1/8",
        {
            "sign_sgd_mean": within(0.5, 1e-9),
            "sign_sgd_largest": between(0.5, 1),
            "sign_sgd_invariance": at_most(1e-9),
        },
        DERIVED,
    )


def lion() -> Claim:
    return Claim(
        Source(
            "Chen et al.",
            2023,
            "Symbolic Discovery of Optimization Algorithms",
            "arXiv 2302.06675",
            "algorithm 2",
        ),
        "Lion's steps have one size, so that how far it stays from a minimum is in proportion to "
        "the rate, whatever the curvature: 0.5 to 0.56 of the rate on average, 1.3 to 1.5 at most",
        "½λx², λ = 1 and 64, η = 1/128 and 1/8, no decay",
        {
            "lion_invariance": at_most(1e-9),
            "lion_mean": between(0.5, 0.56),
            "lion_largest": between(1.3, 1.5),
        },
        "that steps have one size is the paper's; the numbers are of measurements made before",
    )
