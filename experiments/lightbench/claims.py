"""What LightBench's report says of optimizers, and of its own table."""

from experiments.common.claims import Claim, Source, at_least, at_most, within
from experiments.lightbench.config import Config
from experiments.lightbench.numbers import STATED
from experiments.lightbench.simulate import searched

SOURCE = Source(
    "HomebrewML",
    2025,
    "Beyond the Leaderboard: A Diagnostic Benchmark for Optimizer Reliability",
    "github.com/HomebrewML/HeavyBall, docs/benchmark.md at commit 955f061",
)
REACHED = 0.01  # of the tasks: fewer than one


def claims(config: Config) -> list[Claim]:
    tried = (
        f"{len(searched())} of its 148 tasks rebuilt, five seeds of {config.trials} random "
        f"trials of at most {config.steps:,} steps"
    )
    return [
        Claim(
            SOURCE,
            "caution raises AdamW's successes (there from 72.3 % to 75.7 %) and saves trials",
            tried + "; by a hundredth of the tasks, and a tenth of the trials",
            {"cautious_over_adamw": at_least(REACHED), "cautious_fewer_trials": at_least(1.1)},
            "the first by its mean alone: its interval over five seeds reaches 0",
        ),
        Claim(
            SOURCE,
            "successes fall from AdamW to RMSprop to Muon (there 72.3 %, 55.6 %, 51.0 %)",
            tried + "; by a hundredth of the tasks each",
            {"adamw_over_rmsprop": at_least(REACHED), "rmsprop_over_muon": at_least(REACHED)},
            "what is called Muon there is, on tasks whose parameters are vectors, the gradient and "
            "its mean, without orthogonalization; the interval of the first difference reaches 0",
        ),
        Claim(
            SOURCE,
            "ADOPT has fewer successes than Muon (there 40.5 % and 51.0 %)",
            tried + "; by a hundredth of the tasks",
            {"adopt_over_muon": at_most(-REACHED)},
            "its code computed ADOPT's mean, and stepped along the gradient as it is (repaired "
            "since): gradient descent has its outcomes here, see adopt_as_sgd",
        ),
        Claim(
            SOURCE,
            "PSGD Kron has more successes than AdamW (there 77.0 % and 72.3 %)",
            tried + "; by a hundredth of the tasks",
            {"adamw_over_psgdkron": at_most(-REACHED)},
            "tasks in which its curves across coordinates could help, the recurrent nets, are not "
            "among those rebuilt",
        ),
        Claim(
            SOURCE,
            "attempts are the mean number of trials needed for success (there 107.8 for AdamW)",
            "the rows of its own table",
            {"attempts_of_successes": within(STATED, 0.1 * STATED)},
            "the mean is taken over all rows: 1,000 for a task that failed, 0 for one that was not "
            "tried because an easier level had failed",
        ),
    ]
