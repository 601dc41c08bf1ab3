"""The published claims that the counterexamples decide, and the ranges that decide them."""

from experiments.common.claims import Claim, Source, at_least, at_most, between, within
from experiments.counterexamples import logistic, online, three_cycle
from experiments.counterexamples.config import Config

PROVEN_FACTOR = 50 / 3


def claims(config: Config) -> list[Claim]:
    return [three_cycle_claim(), tunings_claim(config), *adam_claims(config), logistic_claim()]


def three_cycle_claim() -> Claim:
    points = {
        f"three_cycle_{i}": within(float(point), 1e-6) for i, point in enumerate(three_cycle.CYCLE)
    }
    return Claim(
        Source(
            "Lessard, Recht & Packard",
            2016,
            "Analysis and Design of Optimization Algorithms via Integral Quadratic Constraints",
            "SIAM Journal on Optimization 26, arXiv 1408.3595",
            "section 4.6",
        ),
        "the heavy ball tuned for quadratics cycles between 792/1225, −2208/1225 and 2592/1225 on "
        "a function of one variable with curvatures 1 and 25",
        "the paper's function and start, 3.3 at rest",
        points | {"other_ends": between(0, 0)},
        "the section is from memory; the fractions are worked out here",
    )


def tunings_claim(config: Config) -> Claim:
    return Claim(
        Source(
            "Goujaud, Taylor & Dieuleveut",
            2023,
            "Provable non-accelerations of the heavy-ball method",
            "arXiv 2307.11291",
            "theorems on cycles and on their absence",
        ),
        "every heavy ball either cycles through the K roots of unity on some smooth strongly "
        "convex function of the plane, or its 1 − ρ on quadratics is at most a constant times "
        "gradient descent's",
        f"{config.tunings}² tunings at κ = 100 and K up to {config.longest_cycle}, each run on the "
        "function made for it; the fastest tuning without a cycle at κ up to "
        f"{config.conditions[-1]:g}",
        {
            "cycles_mistaken": between(0, 0),
            "attraction_error": at_most(3),
            "class_slack": at_least(-1e-12),
            "fastest_that_does_not": at_most(PROVEN_FACTOR),
            "speed_limit": at_most(PROVEN_FACTOR),
        },
        "the paper's condition, a polynomial, is from memory and agrees with one derived here in "
        "another form; its constant 50/3 is from memory as well, and the best one, worked out "
        "here, is 8",
    )


def adam_claims(config: Config) -> list[Claim]:
    paper = "Reddi, Kale & Kumar", 2018, "On the Convergence of Adam and Beyond", "arXiv 1904.09237"
    width = 0.01
    says = (
        "Adam goes to +1, the worst point of [−1, 1], and AMSGrad to −1, the best, on losses C·x "
        "and −x, with C·x "
    )
    tried = "C = 3 and 10, β₁ = 0, β₂ = 1/(1 + C²), α_t = α/√t, from 0, "

    def ends(kind):
        return {
            f"end_{name}_{kind}_{steep:g}": within(online.ENDS[name], width)
            for name in online.METHODS
            for steep in online.STEEP
        }

    regrets = {
        f"regret_adam_{steep:g}": within((2 * steep - 4) / 3, width * steep)
        for steep in online.STEEP
    }
    remark = (
        "Adam here corrects its bias, which the paper leaves out; it is gone after a few steps. "
        "The theorems' settings are from memory"
    )
    return [
        Claim(
            Source(*paper, "theorem 1"),
            says + "at every third step; so that Adam's mean regret does not vanish",
            tried + f"{config.online_steps} steps",
            ends("turn") | regrets,
            remark,
        ),
        Claim(
            Source(*paper, "theorem 3"),
            says + "drawn at random",
            tried + f"chance 1/3, {config.online_steps} steps, {config.seeds} seeds",
            ends("random"),
            remark + "; the paper's own plots are of C = 101 with chance 0.01, and longer",
        ),
    ]


def logistic_claim() -> Claim:
    names = ", ".join(str(label) for label in logistic.CLASSES)
    return Claim(
        Source(
            "Wu, Bartlett, Telgarsky & Yu",
            2024,
            "Large Stepsize Gradient Descent for Logistic Loss: Non-Monotonicity of the Loss "
            "Improves Optimization Efficiency",
            "arXiv 2402.15926",
        ),
        "on separable data gradient descent with any η oscillates for O(η) steps at most, then "
        "its loss falls as Õ(1/(ηt)), so that η ∝ T gives Õ(1/T²)",
        f"scikit-learn's digits {names} and two points, logistic regression from 0",
        {
            "settling": at_most(1),
            "rises_after": at_most(0),
            "settled_ratio": at_most(1),
            "rises_before_digits": at_least(1),
            "rises_before_two_points": at_least(1),
        },
        "the bounds' constants are worked out here, the paper's differ. They are loose: runs "
        "settle far sooner, and at η = T the loss falls faster than T⁻²; no exponent is claimed",
    )
