"""Every recipe at every rate, descent around its limit, and warm-up."""

from experiments.common.digits import (
    as_good_as_linear,
    baseline_accuracies,
    best_baseline,
    majority_accuracy,
    split_digits,
)
from experiments.common.report import stage
from experiments.learning_rate_curves.config import Config
from experiments.learning_rate_curves.edge import edge_of_descent
from experiments.learning_rate_curves.training import draw_seeds, train
from experiments.learning_rate_curves.warm_up import warm_up_in_depth


def simulate(config: Config) -> dict:
    """All runs of the figure."""
    data = split_digits()
    seeds = draw_seeds(config)
    with stage("every method, schedule and rate"):
        runs = train(config, data, seeds)
    with stage("full-batch descent around 2/λmax"):
        edge = edge_of_descent(config, data.train, seeds)
    with stage("warm-up of a deep network"):
        deep = warm_up_in_depth(config)
    return {
        "runs": runs,
        "edge": edge,
        "deep": deep,
        "majority": majority_accuracy(data),
        "as_good_as_linear": as_good_as_linear(data),
        "nearest_mean": baseline_accuracies(data)["nearest mean"],
        "baseline": best_baseline(data),
    }
