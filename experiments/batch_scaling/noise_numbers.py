"""The headline numbers of single steps and of the noise scale along training."""

from experiments.batch_scaling import jackknife
from experiments.batch_scaling.noise_scale import SINGLE, Along, Step
from experiments.common import number
from experiments.common.number import Numbers
from experiments.common.statistics import geometric_mean

BENT = 0.1  # what third derivatives may change


def noise_numbers(single: Step, along: Along) -> Numbers:
    found: Numbers = {}
    for B, rates, decreases in zip(SINGLE, single.rates, single.decreases, strict=True):
        share = 1 / (1 + single.noise / B)
        for key, parts, whole, meaning in (
            ("decrease", decreases, single.largest, "by how much a step lowers the loss at best"),
            ("rate", rates, single.full_rate, "the rate of the best step"),
        ):
            ratio = jackknife.estimate(parts / (whole * share), positive=True)
            found[f"step_{key}_{B:.0f}"] = number.theory(
                ratio, 1.0, number.ERRORS * ratio.error + BENT,
                f"{number.ERRORS} standard errors, and {BENT:.0%} for third derivatives",
                f"{meaning}, batches of {B:.0f} digits, over that of a quadratic loss",
            )  # fmt: skip
    late = along.simple[:, -(along.simple.shape[1] // 3) :]
    growth = geometric_mean(late.mean(axis=1) / along.simple[:, 0])
    since = geometric_mean(late.mean(axis=1) / along.simple[:, 1])
    return found | {
        "noise_growth": number.above(
            growth, 1.0, "simple noise scale in the last third of training over that at the start"
        ),
        "noise_growth_later": number.regression(
            since, f"the same over that at a loss of {along.loss[:, 1].mean():.2f}"
        ),
    }
