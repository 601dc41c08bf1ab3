"""Optimizers around another: momentum of 0.5 with the rate outside, unless a paper says its own."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jdescent as jd
from experiments.common.case import Case

BETA = 0.5


class Momentum:
    """The optimizer within: x moves by −lr·b, b ← β·b + g."""

    def __init__(self, lr):
        self.lr, self.b = lr, 0.0

    def step(self, g):
        self.b = BETA * self.b + g
        return -self.lr * self.b


def momentum(problem, *, lr, **unused):
    inner, x = Momentum(lr), problem.x0
    for t in range(1, problem.steps + 1):
        x = x + inner.step(problem.gradient(x, t))
        yield x


def lookahead(problem, *, lr, sync_period, slow_step_size, reset_state=False):
    """Zhang et al. 2019, Algorithm 1: two loops."""
    slow, inner, t = problem.x0, Momentum(lr), 0
    while True:
        fast = slow
        if reset_state:
            inner = Momentum(lr)
        for i in range(sync_period):
            t += 1
            fast = fast + inner.step(problem.gradient(fast, t))
            if i < sync_period - 1:
                yield fast
        slow = slow + slow_step_size * (fast - slow)
        yield slow


def multi_steps(problem, *, lr, every_k_schedule, use_grad_mean=True):
    x, inner, t, made = problem.x0, Momentum(lr), 0, 0
    while True:
        k = every_k_schedule(made) if callable(every_k_schedule) else every_k_schedule
        gradients = []
        for _ in range(k):
            t += 1
            gradients.append(problem.gradient(x, t))
            if len(gradients) < k:
                yield x
        x = x + inner.step((np.mean if use_grad_mean else np.sum)(gradients, axis=0))
        made += 1
        yield x


def cautious(problem, *, lr, xi=1.0):
    """Liang et al. 2024: φ and the rescaling of each array."""
    x, inner = problem.x0, Momentum(lr)

    def caution(u, g):
        phi = np.where(-u * g > 0, 1.0, 0.0)
        return u * phi * (phi.size / (np.count_nonzero(phi) + xi))

    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        x = x + problem.leafwise(caution, inner.step(g), g)
        yield x


def grokfast(problem, *, lr, alpha, lamb):
    """The authors' gradfilter_ema."""
    x, inner, mean = problem.x0, Momentum(lr), None
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        mean = g if mean is None else mean
        mean = mean * alpha + g * (1 - alpha)
        x = x + inner.step(g + mean * lamb)
        yield x


def ema(problem, *, lr, decay, debias):
    """Plain gradient descent along the mean, written as its sum."""
    x, seen = problem.x0, []
    for t in range(1, problem.steps + 1):
        seen.append(problem.gradient(x, t))
        weights = (1 - decay) * decay ** np.arange(t - 1, -1, -1.0)
        x = x - lr * (weights @ seen) / (weights.sum() if debias else 1)
        yield x


def masked_decay(problem, *, lr, decay):
    """Coupled decay of the matrix alone."""
    x = problem.x0
    matrix = problem.joined([np.full(np.shape(a), np.ndim(a) == 2) for a in problem.leaves(x)])
    for t in range(1, problem.steps + 1):
        x = x - lr * (problem.gradient(x, t) + decay * matrix * x)
        yield x


def frozen_matrix(problem, *, lr):
    x = problem.x0
    moves = problem.joined([np.full(np.shape(a), np.ndim(a) != 2) for a in problem.leaves(x)])
    for t in range(1, problem.steps + 1):
        x = x - lr * moves * problem.gradient(x, t)
        yield x


def is_matrix(params):
    return jax.tree.map(lambda x: jnp.ndim(x) == 2, params)


def around(wrapper):
    return lambda lr, **settings: wrapper(jd.sgd(lr, BETA), **settings)


def around_optax(wrapper):
    return lambda lr, **settings: wrapper(optax.sgd(lr, BETA), **settings)


class Pair(NamedTuple):
    state: object
    slow: object


def optax_lookahead(lr, **settings):
    """optax's, whose parameters are pairs, as one of plain parameters."""
    pairs = optax.lookahead(optax.sgd(lr, BETA), **settings)

    def init(params):
        return Pair(pairs.init(optax.LookaheadParams(params, params)), params)

    def update(grads, state, params):
        pair = optax.LookaheadParams(params, state.slow)
        updates, inner = pairs.update(grads, state.state, pair)
        return updates.fast, Pair(inner, optax.apply_updates(state.slow, updates.slow))

    return optax.GradientTransformation(init, update)


def growing(steps_made):
    return 1 + steps_made % 4


LOOKAHEAD = {"sync_period": 4, "slow_step_size": 0.3}


def hyperball(problem, *, lr):
    """Wen et al. 2025: the matrix's step has length η·‖W₀‖, and W the norm of W₀."""
    inner, x = Momentum(lr), problem.x0
    radius = np.linalg.norm(problem.leaves(x)[2])
    for t in range(1, problem.steps + 1):
        b, s, w = problem.leaves(x + inner.step(problem.gradient(x, t)))
        before = problem.leaves(x)[2]
        moved = before + lr * radius * (w - before) / np.linalg.norm(w - before)
        x = problem.joined([b, s, radius * moved / np.linalg.norm(moved)])
        yield x


def hyperball_of_momentum(learning_rate):
    return jd.hyperball(learning_rate, jd.sgd(learning_rate, momentum=BETA))


CASES = [
    Case("hyperball", hyperball_of_momentum, paper=hyperball, rate=0.05),
    Case("lookahead", around(jd.lookahead), optax_lookahead, LOOKAHEAD, paper=lookahead),
    Case(
        "lookahead with a new start",
        around(jd.lookahead),
        optax_lookahead,
        LOOKAHEAD | {"reset_state": True},
        paper=lookahead,
    ),
    Case(
        "multi_steps",
        around(jd.multi_steps),
        around_optax(optax.MultiSteps),
        {"every_k_schedule": 3},
        {"every_k_schedule": 3, "accumulator_dtype": jnp.float64},
        paper=multi_steps,
        rate=0.05,
    ),
    Case(
        "multi_steps of sums and a schedule",
        around(jd.multi_steps),
        around_optax(optax.MultiSteps),
        {"every_k_schedule": growing, "use_grad_mean": False},
        {
            "every_k_schedule": growing,
            "use_grad_mean": False,
            "accumulator_dtype": jnp.float64,
        },
        paper=multi_steps,
        rate=0.01,
    ),
    Case(
        "apply_if_finite",
        around(jd.apply_if_finite),
        around_optax(optax.apply_if_finite),
        {"max_consecutive_errors": 3},
        paper=momentum,
        rate=0.05,
    ),
    Case("cautious", around(jd.cautious), paper=cautious, rate=0.05),
    Case("cautious xi", around(jd.cautious), settings={"xi": 0.3}, paper=cautious, rate=0.05),
    Case(
        "grokfast",
        around(jd.grokfast),
        settings={"alpha": 0.8, "lamb": 2.0},
        paper=grokfast,
        rate=0.02,
    ),
    *(
        Case(
            f"ema debias={debias}",
            lambda lr, **settings: jd.chain(jd.ema(**settings), jd.sgd(lr)),
            lambda lr, **settings: optax.chain(optax.ema(**settings), optax.sgd(lr)),
            {"decay": 0.7, "debias": debias},
            paper=ema,
            rate=0.05,
        )
        for debias in (True, False)
    ),
    Case(
        "masked",
        lambda lr, decay: jd.chain(jd.masked(jd.add_decayed_weights(decay), is_matrix), jd.sgd(lr)),
        lambda lr, decay: optax.chain(
            optax.masked(optax.add_decayed_weights(decay), is_matrix), optax.sgd(lr)
        ),
        {"decay": 0.5},
        paper=masked_decay,
        rate=0.05,
    ),
    Case(
        "freeze",
        lambda lr: jd.chain(jd.sgd(lr), jd.freeze(is_matrix)),
        lambda lr: optax.chain(optax.sgd(lr), optax.freeze(is_matrix)),
        paper=frozen_matrix,
        rate=0.05,
    ),
    Case("polyak_average", around(jd.polyak_average), paper=momentum, rate=0.05),
    Case("ema_params", around(jd.ema_params), settings={"decay": 0.9}, paper=momentum, rate=0.05),
    Case(
        "swa",
        around(jd.swa),
        settings={"swa_start": 20, "swa_freq": 5},
        paper=momentum,
        rate=0.05,
    ),
]
