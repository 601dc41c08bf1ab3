"""Less noise in the gradients of batches."""

import jdescent as jd
from experiments.common.case import Case


def svrg(problem, *, lr, update_interval):
    """Johnson & Zhang 2013, Figure 1 with option I: two loops. All data have the loss ½·‖x‖²."""
    x, t = problem.x0, 0
    while True:
        snapshot = x
        mean = snapshot
        for _ in range(update_interval):
            t += 1
            x = x - lr * (problem.gradient(x, t) - problem.gradient(snapshot, t) + mean)
            yield x


def half_the_square(params):
    return jd.core.dot(params, params) / 2


CASES = [
    Case(
        "svrg",
        lambda lr, **settings: jd.svrg(jd.sgd(lr), half_the_square, **settings),
        settings={"update_interval": 7},
        paper=svrg,
        rate=0.05,
    ),
]
