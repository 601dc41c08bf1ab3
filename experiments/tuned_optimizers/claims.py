"""What is said of five optimizers in general, on eight small tasks."""

from collections.abc import Sequence

from experiments.common.claims import Claim, Source, at_least, at_most, between
from experiments.tuned_optimizers.config import NETS, TRANSFORMERS, Config
from experiments.tuned_optimizers.numbers import KEYS, key_of_left, key_of_share
from experiments.tuned_optimizers.simulate import (
    LION,
    MOMENTUM,
    MUON,
)

SIZES = "networks of a few thousand weights and runs of 240 steps are not what the source is about"


def claims(config: Config) -> list[Claim]:
    found = [lion_is_slower(config), schedule_free(config)]
    if TRANSFORMERS in config.kinds:
        found += [adam_on_attention(config), muon_is_twice_as_fast(config)]
    if NETS in config.kinds:
        found.append(descent_generalizes(config))
    return found


OF = {
    TRANSFORMERS: "three tasks for a transformer",
    NETS: "five tasks for perceptrons of width 16",
}


def tried(kinds: Sequence[str], config: Config) -> str:
    return (
        f"{' and '.join(OF[kind] for kind in kinds)}, {config.rates_a_decade} rates a decade from "
        f"{config.slowest:g} to {config.fastest:g}, {config.seeds} starts"
    )


def adam_on_attention(config: Config) -> Claim:
    return Claim(
        Source(
            "Zhang et al.", 2020, "Why are Adaptive Methods Good for Attention Models?",
            "arXiv 1912.03194",
        ),
        "on transformers SGD with momentum ends behind Adam (taken here as: leaves a quarter more "
        "of what can be learned, both tuned)",
        tried([TRANSFORMERS], config),
        {key_of_left(MOMENTUM, TRANSFORMERS): at_least(1.25)},
        SIZES,
    )  # fmt: skip


def descent_generalizes(config: Config) -> Claim:
    return Claim(
        Source(
            "Wilson et al.", 2017,
            "The Marginal Value of Adaptive Gradient Methods in Machine Learning",
            "arXiv 1705.08292",
        ),
        "solutions that SGD with momentum finds generalize at least as well as Adam's, both tuned",
        tried([NETS], config) + ", loss on held-out rows",
        {key_of_left(MOMENTUM, NETS): at_most(1.0)},
        SIZES,
    )  # fmt: skip


def muon_is_twice_as_fast(config: Config) -> Claim:
    return Claim(
        Source("Liu et al.", 2025, "Muon is Scalable for LLM Training", "arXiv 2502.16982"),
        "Muon needs about half (52 %) of AdamW's training to the same loss",
        tried([TRANSFORMERS], config),
        {key_of_share(MUON, TRANSFORMERS): between(0.4, 0.65)},
        f"counted in steps until where Adam ends, at which Adam itself has been before its end "
        f"(steps_of_adam_{TRANSFORMERS}); {SIZES}",
    )


def lion_is_slower(config: Config) -> Claim:
    return Claim(
        Source("Chen et al.", 2023, "Symbolic Discovery of Optimization Algorithms",
               "arXiv 2302.06675", "section 5"),
        "a suitable rate of Lion is a tenth to a third of Adam's",
        tried(config.kinds, config),
        {f"rate_{KEYS[LION]}": between(0.1, 1 / 3)},
        SIZES,
    )  # fmt: skip


def schedule_free(config: Config) -> Claim:
    return Claim(
        Source("Defazio et al.", 2024, "The Road Less Scheduled", "arXiv 2405.15682"),
        "schedule-free AdamW ends where AdamW with a decaying rate does, or before (taken here as: "
        "leaves at most a tenth more)",
        tried(config.kinds, config),
        {f"free_over_decay_{kind}": at_most(1.1) for kind in config.kinds},
        f"the decay is linear, to 0; schedule-free warms up over a twentieth of the run; {SIZES}",
    )
