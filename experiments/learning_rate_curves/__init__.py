"""Learning rates too low, right and too high, and rates that change, on handwritten digits.

A network of 64 relu units on batches of 32, eight seeds; lines are means, bands ranges over them.
(a) SGD's loss, 20 batches a point, at a rate too low, the right one (of the lowest loss in c) and
one too high, beside the accuracy on held-out digits. Dashed: ten times the low rate, drawn at ten
times its steps, as a small rate only sets the pace. Nothing diverges at the high rate: its relus
die, and the loss stays at chance. (b) Held-out accuracy; dotted, the best simple baseline (the
commonest digit of the three nearest pictures), which none of these networks reaches. (c) loss on
all training digits and (d) share of runs that end no better than chance, a loss of log 10, against
the rate. Dashed in (c): SGD's curve moved to where momentum's should be, whose steps add up to η/(1
− β), β = 0.9. (e) Four schedules of momentum's rate and (f) the losses they give: the constant
rate's noise keeps its loss up, every decay ends lower. (g) The loss at the end against the peak
rate: decay pays at the rates that are large, and costs where a constant rate has no noise to lose.
(h) Where warm-up moves the largest usable rate: full-batch descent on the deep, badly started
network of `divergence_cures`, whose loss is sharpest at the start, at a constant rate and rising
over half of the steps; in the network of (a–g) warm-up hardly moves it. (i) Full-batch descent on
that one, rates in units of 2/λmax at its start: share of runs whose loss ever rises in 40 steps,
which theory has begin at 1 (dashed), and share that does not halve it: descent learns at up to
three times the limit.
"""

from matplotlib.figure import Figure

from experiments.common.digits import (
    as_good_as_linear,
    baseline_accuracies,
    best_baseline,
    majority_accuracy,
    split_digits,
)
from experiments.common.number import Numbers
from experiments.common.report import stage
from experiments.learning_rate_curves import claims, drawing
from experiments.learning_rate_curves.config import QUICK, Config
from experiments.learning_rate_curves.edge import edge_of_descent
from experiments.learning_rate_curves.training import draw_seeds, train
from experiments.learning_rate_curves.warm_up import warm_up_in_depth
from jdescent import plotting

__all__ = ["QUICK", "Config", "numbers", "plot", "simulate"]


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


def numbers(data: dict, config: Config) -> Numbers:
    return claims.numbers(data, config)


def plot(data: dict, config: Config) -> Figure:
    layout = [[[["a", "b"], ["c", "d"], ["e", "f"]]], [[["g", "h", "i"]]]]
    with plotting.panels(layout, height=7.8, height_ratios=(3.1, 1.0)) as (figure, axes):
        drawing.draw_three_rates(axes["a"], data["runs"]["sgd"])
        drawing.draw_accuracy(axes["b"], data["runs"], data["majority"], data["baseline"])
        drawing.draw_end_loss(axes["c"], data["runs"])
        drawing.draw_failures(axes["d"], data["runs"])
        drawing.draw_schedules(axes["e"], config)
        drawing.draw_schedule_losses(axes["f"], data["runs"])
        drawing.draw_peak_rates(axes["g"], data["runs"])
        drawing.draw_warm_up(axes["h"], data["deep"])
        drawing.draw_edge(axes["i"], data["edge"])
        handles, labels = axes["b"].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure
