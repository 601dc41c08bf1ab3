"""Less noise in the gradients of batches."""

import functools

import numpy as np

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


def saga(problem, *, lr, examples, order):
    """Defazio et al. 2014, section 2, eq. (1): φ is a table of points, not of gradients, and the
    mean is taken anew. Example i has the loss i·½·‖x‖² until it is drawn at step t, and from then
    on, as the problem's gradient is given for it, that of the problem at step t."""
    x, t = problem.x0, 0
    table = [(lambda x, i=i: i * x, x) for i in range(examples)]
    while True:
        j = order(t) % examples
        t += 1
        before = table[j]
        mean = np.mean([gradient(phi) for gradient, phi in table], axis=0)
        table[j] = (lambda x, t=t: problem.gradient(x, t), x)
        (new, phi), (old, old_phi) = table[j], before
        x = x - lr * (new(phi) - old(old_phi) + mean)
        yield x


def in_turn(step):
    return step


def at_uneven_intervals(step):
    return 3 * step + step // 4


def multiples_of_half_the_square(params, i):
    half = half_the_square(params)
    return i.astype(half.dtype) * half


def of_order(order):
    """SAGA of gradient descent, of multiples of ½·‖x‖² that are drawn in this order."""
    return lambda lr, examples: jd.saga(
        jd.sgd(lr), multiples_of_half_the_square, examples, lambda step: order(step) % examples
    )


CASES = [
    Case(
        "saga",
        of_order(in_turn),
        settings={"examples": 2},
        paper=functools.partial(saga, order=in_turn),
        rate=0.05,
    ),
    Case(
        "saga at uneven intervals",
        of_order(at_uneven_intervals),
        settings={"examples": 5},
        paper=functools.partial(saga, order=at_uneven_intervals),
        rate=0.05,
    ),
    Case(
        "svrg",
        lambda lr, **settings: jd.svrg(jd.sgd(lr), half_the_square, **settings),
        settings={"update_interval": 7},
        paper=svrg,
        rate=0.05,
    ),
]
