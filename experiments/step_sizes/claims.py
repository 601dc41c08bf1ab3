"""The published claims that the experiment on step sizes decides, and the ranges that do it."""

from experiments.common.claims import Claim, Source, at_least, at_most, within
from experiments.step_sizes import bowls, smooth
from experiments.step_sizes.config import Config


def claims(config: Config) -> list[Claim]:
    return [
        silver_claim(config),
        long_step_claim(config),
        chebyshev_claim(config),
        *restart_claims(config),
        *schedule_claims(config),
    ]


def silver_claim(config: Config) -> Claim:
    return Claim(
        Source(
            "Altschuler & Parrilo",
            2023,
            "Acceleration by Stepsize Hedging II: Silver Stepsize Schedule for Smooth Convex "
            "Optimization",
            "arXiv 2309.16530",
            "theorem 1.1",
        ),
        "after n = 2ᵏ − 1 silver steps the loss of a smooth convex function is at most "
        "L|x₀ − x*|²/(1 + √(4ρ²ᵏ − 3)) above its minimum, so that it falls as n^−1.2716",
        f"{config.functions} Huber functions and as many quadratics, n up to "
        f"{2**config.doublings - 1}",
        {
            "silver_over_bound": at_most(1),
            "silver_exponent": within(-float(smooth.EXPONENT), 0.01),
        },
        "the bound's constant is from memory. The worst function here takes half of it; what is "
        "worst for these steps may be another",
    )


def long_step_claim(config: Config) -> Claim:
    return Claim(
        Source(
            "Grimmer",
            2023,
            "Provably Faster Gradient Descent via Long Steps",
            "arXiv 2307.06324",
            "table 1",
        ),
        "gradient descent that repeats a pattern with steps far beyond 2/L loses at most "
        "L·D²/(h̄·T) + O(1/T²), h̄ the mean step of the pattern",
        "the patterns of 3 and of 15, the same functions, after about "
        f"{2**config.doublings - 1} steps",
        {f"long_{length}_over_bound": at_most(1) for length in smooth.LONG_STEPS},
        "on the quadratic of curvature L a pattern all but stands still (a factor of 0.975 for "
        "three steps): before T is large the second term decides. For the pattern of 7 it does so "
        "for thousands of steps, and it is left out",
    )


def chebyshev_claim(config: Config) -> Claim:
    return Claim(
        Source(
            "Young",
            1953,
            "On Richardson's Method for Solving Linear Systems with Positive Definite Matrices",
            "Journal of Mathematics and Physics 32",
        ),
        "with Chebyshev's n step sizes the worst error on quadratics is 1/Tₙ((κ + 1)/(κ − 1)), "
        "the least that any n gradients reach",
        f"κ = {bowls.CONDITION:g}, {bowls.DENSE} curvatures",
        {
            f"chebyshev_{n}": within(bowls.least_error(n), 1e-6 * bowls.least_error(n))
            for n in config.chebyshev_steps
        },
    )


def restart_claims(config: Config) -> list[Claim]:
    source = (
        "O'Donoghue & Candès",
        2015,
        "Adaptive Restart for Accelerated Gradient Schemes",
        "arXiv 1204.3982",
    )
    tried = (
        f"bowls with {config.curvatures} curvatures, evenly or geometrically spaced, κ = "
        f"{config.restart_conditions[0]:g} to {config.restart_conditions[-1]:g}, from all ones"
    )
    keys = [
        f"restarted_{spectrum}_{condition:g}"
        for spectrum in bowls.SPECTRA
        for condition in config.restart_conditions
    ]
    ripples = {
        f"ripples_{condition:g}": within(bowls.ripple(condition), 0.01 * bowls.ripple(condition))
        for condition in config.restart_conditions
    }
    return [
        Claim(
            Source(*source),
            "without a restart the loss ripples with a period proportional to √κ",
            tried,
            ripples,
            "the factor π is worked out here",
        ),
        Claim(
            Source(*source),
            "restarts recover the rate 1 − 1/√κ without knowing κ, within 5 %",
            tried + "; gradient scheme",
            {key: within(1, 0.05) for key in keys},
            "the 5 % are ours. Evenly spaced curvatures are descended faster, geometrically spaced "
            "ones up to 30 % more slowly: a constant that depends on the spectrum",
        ),
        Claim(
            Source(*source),
            "restarts recover the order of that rate",
            tried + "; gradient scheme; at least half of it",
            {key: at_least(0.5) for key in keys},
        ),
    ]


def schedule_claims(config: Config) -> list[Claim]:
    convex = f"SGD on least absolute deviations, {config.convex_seeds} seeds"
    digits = (
        f"a perceptron on 1,347 digits, Adam, {config.digit_steps} steps, {config.digit_seeds} "
        "seeds; each schedule at its best rate"
    )
    defazio = Source(
        "Defazio, Cutkosky, Mehta & Mishchenko",
        2023,
        "Optimal Linear Decay Learning Rate Schedules and Further Refinements",
        "arXiv 2310.07831",
    )
    hagele = Source(
        "Hägele et al.",
        2024,
        "Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations",
        "arXiv 2405.18392",
    )
    return [
        Claim(
            defazio,
            "after linear decay from D/(G√T) the mean loss of SGD's last point is at most D·G/√T "
            "above the least, for convex losses",
            convex,
            {"linear_decay_over_bound": at_most(1)},
            "the constant is from memory. The bound is loose here, where the loss rises steeply on "
            "all sides of its minimum",
        ),
        Claim(
            defazio,
            "linear decay to zero is as good as cosine or better, and better than a constant rate",
            f"{convex}, {config.convex_tuned_steps} steps; {digits}",
            {
                "convex_linear_over_cosine": at_most(1.02),
                "digits_linear_over_cosine": at_most(1.02),
                "convex_constant_over_linear": at_least(1.02),
                "digits_constant_over_linear": at_least(1.02),
            },
            "2 % are ours; the intervals of the networks are wider",
        ),
        Claim(
            hagele,
            "a constant rate with a cooldown over the last fifth reaches cosine, within 2 %",
            digits + "; warm-up over a twentieth, linear cooldown",
            {"digits_cooldown_over_cosine": at_most(1.02)},
            "the paper's are language models; 2 % are ours, and the interval is wider",
        ),
        Claim(
            hagele,
            "the same on a convex loss, which the paper does not try",
            f"{convex}, {config.convex_tuned_steps} steps",
            {"convex_cooldown_over_cosine": at_most(1.02)},
        ),
    ]
