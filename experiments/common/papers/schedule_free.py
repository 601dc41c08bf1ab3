"""Schedule-free learning."""

import numpy as np
from optax import contrib

import jdescent as jd
from experiments.common.case import Case


def schedule_free(problem, lr, b1, power, step):
    """Defazio et al. 2024, with all three sequences; step gives γₜ and the direction at y."""
    x = y = z = problem.x0
    total = 0.0
    for t in range(1, problem.steps + 1):
        gamma, direction = step(t, y, problem.gradient(y, t))
        z = z - gamma * direction
        total += gamma**power
        x = (1 - gamma**power / total) * x + gamma**power / total * z
        y = (1 - b1) * z + b1 * x
        yield y


def warm(t, steps):
    return min(1, t / steps)


def sgd(problem, *, lr, warmup_steps=1, b1, weight_decay=0.0, weight_lr_power=2.0):
    def step(t, y, g):
        return lr * warm(t, warmup_steps), g + weight_decay * y

    yield from schedule_free(problem, lr, b1, weight_lr_power, step)


def adamw(problem, *, lr, b1, b2, eps, weight_decay, warmup_steps=1, in_the_rate=False):
    """Algorithm 1 where the bias is corrected in the rate; their later code where it is not."""
    squares = []

    def step(t, y, g):
        squares.append(g**2)
        v = (1 - b2) * sum(b2 ** (t - 1 - i) * square for i, square in enumerate(squares))
        bias = 1 - b2**t
        gamma = lr * warm(t, warmup_steps) * (np.sqrt(bias) if in_the_rate else 1)
        denominator = np.sqrt(v) if in_the_rate else np.sqrt(v / bias)
        return gamma, g / (denominator + eps) + weight_decay * y

    yield from schedule_free(problem, lr, b1, 2.0, step)


def wrapped(learning_rate, **settings):
    return jd.schedule_free(jd.sgd(learning_rate), learning_rate, **settings)


def optax_wrapped(learning_rate, **settings):
    return contrib.schedule_free(jd.sgd(learning_rate), learning_rate, **settings)


ADAM = {"b1": 0.7, "b2": 0.8, "eps": 0.1, "weight_decay": 0.1}

CASES = [
    Case("schedule_free", wrapped, optax_wrapped, {"b1": 0.7}, paper=sgd, rate=0.05),
    Case(
        "schedule_free_sgd",
        jd.schedule_free_sgd,
        contrib.schedule_free_sgd,
        {"b1": 0.7, "weight_decay": 0.1},
        paper=sgd,
        rate=0.05,
    ),
    Case(
        "schedule_free_sgd warmed up",
        jd.schedule_free_sgd,
        contrib.schedule_free_sgd,
        {"b1": 0.7, "warmup_steps": 20, "weight_lr_power": 1.5},
        paper=sgd,
        rate=0.05,
        differs="optax's warm-up starts at 0, and the weights are one step ahead of it",
        twin_distance=0.0468,
    ),
    Case(
        "schedule_free_adamw",
        jd.schedule_free_adamw,
        contrib.schedule_free_adamw,
        ADAM,
        paper=adamw,
        rate=0.2,
    ),
    Case(
        "schedule_free_adamw as in the paper",
        jd.schedule_free_adamw,
        contrib.schedule_free_adamw,
        {**ADAM, "warmup_steps": 20, "corrects_rate": True},
        {**ADAM, "warmup_steps": 20},
        paper=adamw,
        paper_settings={**ADAM, "warmup_steps": 20, "in_the_rate": True},
        rate=0.2,
        differs="optax corrects the bias in v, not in the rate, and starts its warm-up at 0",
        twin_distance=0.02775,
    ),
]
