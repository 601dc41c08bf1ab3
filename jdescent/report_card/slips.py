"""Optimizers as they are often got wrong, each as a rule whose path can be recognized."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jdescent import optimizers
from jdescent.core import (
    Decay,
    Memory,
    NonNegative,
    Optimizer,
    OptimizerLike,
    Positive,
    Rate,
    Scheduled,
    apply_updates,
    leafwise,
    optimizer,
)
from jdescent.core.contract import accept_extra
from jdescent.core.signature import hyperparameters_of
from jdescent.numerics import ratio, root

ADAM_MEMORIES = {"m": 0, "v": Memory(wide=True)}


class Slip(NamedTuple):
    """A mistake: the optimizer that was meant, what is wrong in words, and what is then made."""

    of: str
    wrong: str
    factory: Callable[..., Optimizer]


def _adam(step: Callable[..., Any]) -> Callable[..., Optimizer]:
    """Adam with a step of its own, ``step(t, m, v, v_before, b1, b2, eps)``, of the new m and v."""

    @optimizer
    def made(
        learning_rate: Rate, b1: Decay = 0.9, b2: Decay = 0.999, eps: NonNegative = 1e-8
    ) -> Optimizer:
        def rule(lr, t, g, m, v):
            v_before = v
            m = b1 * m + (1 - b1) * g
            v = b2 * v + (1 - b2) * g**2
            return -lr * step(t, m, v, v_before, b1, b2, eps), m, v

        return leafwise(rule, learning_rate, **ADAM_MEMORIES)

    return made


def _uncorrected(t, m, v, v_before, b1, b2, eps):
    return ratio(m, root(v), eps)


def _m_uncorrected(t, m, v, v_before, b1, b2, eps):
    return ratio(m, root(v / (1 - b2**t)), eps)


def _v_uncorrected(t, m, v, v_before, b1, b2, eps):
    return ratio(m / (1 - b1**t), root(v), eps)


def _corrected_late(t, m, v, v_before, b1, b2, eps):
    return ratio(m / (1 - b1 ** (t + 1)), root(v / (1 - b2 ** (t + 1))), eps)


def _eps_before_correction(t, m, v, v_before, b1, b2, eps):
    return jnp.sqrt(1 - b2**t) * ratio(m / (1 - b1**t), root(v), eps)


def _old_v(t, m, v, v_before, b1, b2, eps):
    return ratio(m / (1 - b1**t), root(v_before / (1 - b2**t)), eps)


def _old_v_corrected(t, m, v, v_before, b1, b2, eps):
    correction = jnp.where(t == 1, 1, 1 - b2 ** jnp.maximum(t - 1, 1))
    return ratio(m / (1 - b1**t), root(v_before / correction), eps)


def _without_root(t, m, v, v_before, b1, b2, eps):
    return ratio(m / (1 - b1**t), v / (1 - b2**t), eps)


@optimizer
def _adam_eps_inside(
    learning_rate: Rate, b1: Decay = 0.9, b2: Decay = 0.999, eps: NonNegative = 1e-8
) -> Optimizer:
    return optimizers.adam(learning_rate, b1, b2, eps=0.0, eps_root=eps)


@optimizer
def _adam_coupled(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: NonNegative = 1e-8,
    weight_decay: Scheduled = 1e-2,
) -> Optimizer:
    def rule(lr, t, g, x, m, v):
        g = g + weight_decay * x
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        return -lr * ratio(m / (1 - b1**t), root(v / (1 - b2**t)), eps), m, v

    return leafwise(rule, learning_rate, **ADAM_MEMORIES)


@optimizer
def _lion_from_memory(
    learning_rate: Rate, b1: Decay = 0.9, b2: Decay = 0.99, weight_decay: Scheduled = 1e-3
) -> Optimizer:
    def rule(lr, g, x, m):
        m = b2 * m + (1 - b2) * g
        c = b1 * m + (1 - b1) * g
        return -lr * (jnp.sign(c) + weight_decay * x), m

    return leafwise(rule, learning_rate, m=0)


@optimizer
def _acprop_about_old_m(
    learning_rate: Rate,
    b1: Decay = 0.9,
    b2: Decay = 0.999,
    eps: NonNegative = 1e-16,
    eps_root: NonNegative = 1e-16,
) -> Optimizer:
    def rule(lr, t, g, m, variance):
        s = jnp.where(t == 1, 1, variance / (1 - b2 ** jnp.maximum(t - 1, 1)))
        step = -lr * ratio(g, root(s), eps)
        variance = b2 * variance + (1 - b2) * (g - m) ** 2 + eps_root
        return step, b1 * m + (1 - b1) * g, variance

    return leafwise(rule, learning_rate, m=0, variance=Memory(wide=True))


@optimizer
def _adan_swapped(
    learning_rate: Rate,
    b1: Decay = 0.98,
    b2: Decay = 0.92,
    b3: Decay = 0.99,
    eps: NonNegative = 1e-8,
    eps_root: NonNegative = 1e-8,
) -> Optimizer:
    def rule(lr, t, g, m, m_d, n, g_before):
        d = jnp.where(t == 1, g - g, g - g_before)
        m = b1 * m + (1 - b1) * g
        m_d = b2 * m_d + (1 - b2) * d
        n = b3 * n + (1 - b3) * (g + (1 - b2) * d) ** 2
        numerator = m / (1 - b1**t) + (1 - b2) * (m_d / (1 - b2**t))
        step = -lr * ratio(numerator, root(n / (1 - b3**t), eps_root), eps)
        return step, m, m_d, n, g

    return leafwise(rule, learning_rate, m=0, m_d=0, n=Memory(wide=True), g_before=0)


@optimizer
def _rprop_late(
    learning_rate: Rate,
    eta_minus: Positive = 0.5,
    eta_plus: Positive = 1.2,
    min_step_size: NonNegative = 1e-6,
    max_step_size: NonNegative = 50.0,
) -> Optimizer:
    def rule(g, delta, step_before):
        agree = jnp.sign(g) * jnp.sign(step_before)
        changed = jnp.where(agree > 0, eta_plus, eta_minus) * delta
        delta = jnp.where(agree == 0, delta, jnp.clip(changed, min_step_size, max_step_size))
        step = jnp.where(agree < 0, 0, delta * jnp.sign(g))
        return -jnp.where(agree < 0, 0, step_before), delta, step

    return leafwise(rule, delta=Memory(learning_rate), step_before=0)


@optimizer
def _undecayed(learning_rate: Rate) -> Optimizer:
    def rule(lr, g, velocity):
        velocity = velocity - lr * g
        return velocity, velocity

    return leafwise(rule, learning_rate, velocity=0)


def late(made: OptimizerLike) -> Optimizer:
    """Each update one step late; the first is 0."""
    update = accept_extra(made.update)

    def init(params):
        return jax.tree.map(jnp.zeros_like, params), made.init(params)

    def updated(grads, state, params=None, **extra):
        before, inner = state
        updates, inner = update(grads, inner, params, **extra)
        return before, (updates, inner)

    return Optimizer(init, updated)


def replacing(made: OptimizerLike) -> Optimizer:
    """The new parameters instead of what is to be added to them."""
    update = accept_extra(made.update)

    def updated(grads, state, params=None, **extra):
        updates, state = update(grads, state, params, **extra)
        return apply_updates(params, updates), state

    return Optimizer(made.init, updated)


def _with(change: Callable[[OptimizerLike], Optimizer], name: str) -> Callable[..., Any]:
    """The optimizer of that name, changed, with the same hyperparameters."""
    factory = vars(optimizers)[name]

    @functools.wraps(factory)
    def made(learning_rate, **settings):
        return change(factory(learning_rate, **settings))

    return made


def _growing(name: str) -> Callable[..., Any]:
    """The optimizer of that name, whose decay w is of the wrong sign: x grows by lr·w·x."""
    factory = vars(optimizers)[name]
    usual = hyperparameters_of(factory)["weight_decay"].default

    @functools.wraps(factory)
    def made(learning_rate, weight_decay=usual, **settings):
        def growing(x):
            return learning_rate * weight_decay * x

        plain = factory(learning_rate, weight_decay=0.0, **settings)
        update = accept_extra(plain.update)

        def updated(grads, state, params=None, **extra):
            updates, state = update(grads, state, params, **extra)
            return jax.tree.map(lambda u, x: u + growing(x), updates, params), state

        return Optimizer(plain.init, updated)

    return made


SLIPS = (
    Slip("adam", "neither bias is corrected", _adam(_uncorrected)),
    Slip("adam", "the bias of m is not corrected", _adam(_m_uncorrected)),
    Slip("adam", "the bias of v is not corrected", _adam(_v_uncorrected)),
    Slip("adam", "the biases are corrected for one step too many", _adam(_corrected_late)),
    Slip("adam", "ε stands inside the root", _adam_eps_inside),
    Slip("adam", "ε is added to √v before its bias is corrected", _adam(_eps_before_correction)),
    Slip("adam", "v is that of the step before, corrected for this one", _adam(_old_v)),
    Slip("adam", "v is that of the step before", _adam(_old_v_corrected)),
    Slip("adam", "v is divided by without its root", _adam(_without_root)),
    Slip("adamw", "the decay is added to the gradient (L2), not decoupled", _adam_coupled),
    Slip("lion", "the sign is taken with the new m, not with the one before", _lion_from_memory),
    Slip("acprop", "the spread is taken about the m before this gradient", _acprop_about_old_m),
    Slip("adan", "1 − β₂ stands where β₂ belongs", _adan_swapped),
    Slip("rprop", "it remembers a step where the gradient belongs, and steps late", _rprop_late),
    Slip("heavy_ball", "the velocity is never decayed (β = 1)", _undecayed),
    *(
        Slip(name, "its weight decay has the wrong sign", _growing(name))
        for name in ("adamw", "lion", "sgdw")
    ),
    *(
        Slip(name, "each update comes one step late", _with(late, name))
        for name in ("sgd", "adam", "rmsprop", "lion")
    ),
    *(
        Slip(
            name, "it returns the new parameters, not what is added to them", _with(replacing, name)
        )
        for name in ("sgd", "heavy_ball", "adam")
    ),
)
