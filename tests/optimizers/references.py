"""Every optimizer's equations in 80-bit floats: what a step is once nothing is rounded.

Each takes the step number, the gradient and its memories (all 0 or as they start) and returns the
update and the memories, in the symbols of the docstrings.
"""

import numpy as np

wide = np.longdouble


def bias(beta, t):
    """1 − βᵗ."""
    return -np.expm1(t * np.log1p(-(1 - beta))) if beta > 0 else wide(1)


def quotient(numerator, denominator):
    """With 0/0 = 0."""
    nothing = (numerator == 0) & (denominator == 0)
    return np.where(nothing, 0, numerator / np.where(nothing, 1, denominator))


def sgd(t, g, x, *, lr):
    return -lr * g, ()


def momentum(t, g, x, v, *, lr, beta, dampening=0.0, nesterov=False):
    v = beta * v + (1 - wide(dampening)) * g
    return -lr * (g + beta * v if nesterov else v), (v,)


def heavy_ball(t, g, x, v, *, lr, beta):
    v = beta * v - lr * g
    return v, (v,)


def nesterov(t, g, x, v, *, lr, beta):
    v = beta * v - lr * g
    return beta * v - lr * g, (v,)


def adagrad(t, g, x, s, *, lr, eps):
    s = s + g**2
    return -lr * quotient(g, np.sqrt(s + eps)), (s,)


def rmsprop(t, g, x, v, *, lr, beta, eps, inside=True, corrected=False):
    v = beta * v + (1 - beta) * g**2
    v_hat = v / bias(beta, t) if corrected else v
    root = np.sqrt(v_hat + eps) if inside else np.sqrt(v_hat) + eps
    return -lr * quotient(g, root), (v,)


def centered(t, g, x, v, m, *, lr, beta, eps, corrected):
    """The mean square less the mean's square, as papers write it: 64 bits bear the difference."""
    v, m = beta * v + (1 - beta) * g**2, beta * m + (1 - beta) * g
    c = bias(beta, t) if corrected else wide(1)
    return -lr * quotient(g, np.sqrt(np.maximum(v / c - (m / c) ** 2, 0) + eps)), (v, m)


def adadelta(t, g, x, v, s, *, lr, beta, eps):
    v = beta * v + (1 - beta) * g**2
    u = np.sqrt(s + eps) * quotient(g, np.sqrt(v + eps))
    return -lr * u, (v, beta * s + (1 - beta) * u**2)


def adam(t, g, x, m, v, *, lr, b1, b2, eps, decay=0.0):
    m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
    step = quotient(m / bias(b1, t), np.sqrt(v / bias(b2, t)) + eps)
    return -lr * (step + decay * x), (m, v)


def nadam(t, g, x, m, v, *, lr, b1, b2, eps):
    m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
    m_hat = b1 * m / bias(b1, t + 1) + (1 - b1) * g / bias(b1, t)
    return -lr * quotient(m_hat, np.sqrt(v / bias(b2, t)) + eps), (m, v)


def adamax(t, g, x, m, u, *, lr, b1, b2, eps):
    m, u = b1 * m + (1 - b1) * g, np.maximum(b2 * u, np.abs(g) + eps)
    return -lr * quotient(m / bias(b1, t), u), (m, u)


def amsgrad(t, g, x, m, v, v_max, *, lr, b1, b2, eps):
    m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
    v_max = np.maximum(v_max, v / bias(b2, t))
    return -lr * quotient(m / bias(b1, t), np.sqrt(v_max) + eps), (m, v, v_max)


def sign_sgd(t, g, x, *, lr):
    return -lr * np.sign(g), ()


def lion(t, g, x, m, *, lr, b1, b2, decay):
    c = b1 * m + (1 - b1) * g
    return -lr * (np.sign(c) + decay * x), (b2 * m + (1 - b2) * g,)
