"""Every rule against its paper's equations, transcribed in NumPy float64.

Sums are written out over all past gradients where the paper's recursion allows it, so that a
mistake in a recursion cannot be made twice.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from walks import walk

import jdescent as jd

LR, B1, B2, EPS, STEPS = 0.05, 0.8, 0.95, 1e-6, 60
RANDOM = np.random.default_rng(7)
G = RANDOM.standard_normal((STEPS, 5)) * np.exp(np.cumsum(RANDOM.normal(0, 0.3, (STEPS, 1)), 0))
X0 = np.array([1.0, -2.0, 0.5, 3.0, -0.1])


def mean(decay, numbers):
    """(1 − β)·Σᵢ βᵗ⁻ⁱ·gᵢ for t = 1, 2, …"""
    ages = np.arange(STEPS)[:, None] - np.arange(STEPS)
    weights = np.where(ages >= 0, (1 - decay) * decay ** np.maximum(ages, 0).astype(float), 0)
    return weights @ numbers


def unbiased(decay, numbers, steps_ahead=0):
    t = np.arange(1, STEPS + 1)[:, None] + steps_ahead
    return mean(decay, numbers) / (1 - decay**t)


def adagrad():
    return -LR * G / np.sqrt(0.1 + np.cumsum(G**2, 0) + EPS)


def rmsprop():
    return -LR * G / np.sqrt(mean(B2, G**2) + EPS)


def rmsprop_centered_eps_outside():
    """Graves 2013, eqs. (38)-(40), with ε outside the root."""
    return -LR * G / (np.sqrt(mean(B2, G**2) - mean(B2, G) ** 2) + EPS)


def rmsprop_torch_without_momentum():
    return -LR * G / (np.sqrt(mean(B2, G**2)) + EPS)


def adadelta():
    """Zeiler 2012, Algorithm 1, line by line."""
    accumulated_g, accumulated_step = np.zeros(5), np.zeros(5)
    steps = []
    for g in G:
        accumulated_g = B2 * accumulated_g + (1 - B2) * g**2
        step = -np.sqrt(accumulated_step + EPS) / np.sqrt(accumulated_g + EPS) * g
        accumulated_step = B2 * accumulated_step + (1 - B2) * step**2
        steps.append(LR * step)
    return np.array(steps)


def adam():
    return -LR * unbiased(B1, G) / (np.sqrt(unbiased(B2, G**2)) + EPS)


def nadam():
    """Dozat 2016, Algorithm 8 with a constant μ (there n̂ is corrected as in Adam)."""
    t = np.arange(1, STEPS + 1)[:, None]
    m_bar = B1 * unbiased(B1, G, steps_ahead=1) + (1 - B1) * G / (1 - B1**t)
    return -LR * m_bar / (np.sqrt(unbiased(B2, G**2)) + EPS)


def adamax():
    """Kingma & Ba 2015, eq. (8): u is the largest β₂ᵗ⁻ⁱ·|gᵢ|, with ε added to |g|."""
    steps, past = [], []
    for g, m_hat in zip(G, unbiased(B1, G), strict=True):
        past.append(np.abs(g) + EPS)
        ages = np.arange(len(past))[::-1, None]
        steps.append(-LR * m_hat / np.max(B2**ages * np.array(past), axis=0))
    return np.array(steps)


def amsgrad():
    largest = np.maximum.accumulate(unbiased(B2, G**2), axis=0)
    return -LR * unbiased(B1, G) / (np.sqrt(largest) + EPS)


def sgd_with_dampening():
    """torch's documentation, but for the first velocity: b ← μ·b + (1 − τ)·g from b = 0."""
    return -LR * (1 - 0.3) * mean(B1, G) / (1 - B1)


def sgd_with_nesterov():
    return -LR * (G + B1 * mean(B1, G) / (1 - B1))


def sign_sgd():
    return -LR * np.sign(G)


TEXTBOOK = {
    adagrad: jd.adagrad(LR, eps=EPS),
    rmsprop: jd.rmsprop(LR, decay=B2, eps=EPS),
    rmsprop_centered_eps_outside: jd.rmsprop(LR, B2, EPS, eps_in_sqrt=False, centered=True),
    rmsprop_torch_without_momentum: jd.rmsprop(LR, B2, EPS, eps_in_sqrt=False),
    adadelta: jd.adadelta(LR, rho=B2, eps=EPS),
    adam: jd.adam(LR, B1, B2, EPS),
    nadam: jd.nadam(LR, B1, B2, EPS),
    adamax: jd.adamax(LR, B1, B2, EPS),
    amsgrad: jd.amsgrad(LR, B1, B2, EPS),
    sgd_with_dampening: jd.sgd(LR, B1, dampening=0.3),
    sgd_with_nesterov: jd.sgd(LR, B1, nesterov=True),
    sign_sgd: jd.sign_sgd(LR),
}


def our_walk(optimizer):
    return jax.jit(lambda g, x: walk(optimizer, g, x))(jnp.asarray(G), jnp.asarray(X0))


@pytest.mark.parametrize("textbook", TEXTBOOK, ids=lambda f: f.__name__)
def test_updates_equal_the_papers_equations(textbook, x64):
    updates, _ = our_walk(TEXTBOOK[textbook])
    # at t = 1 the centered variance is a difference of near-equals, (1 − α)α·g²: still 1e-12
    np.testing.assert_allclose(updates, textbook(), rtol=1e-12, atol=1e-12 * LR)


def test_adamw_follows_algorithm_2_of_its_paper(x64):
    """θ ← θ − η(α·m̂/(√v̂ + ε) + λ·θ), with η·α = lr and η·λ = lr·w."""
    w, x, expected = 0.1, X0, []
    for adam_step in adam():
        x = x + adam_step - LR * w * x
        expected.append(x)
    _, path = our_walk(jd.adamw(LR, B1, B2, EPS, weight_decay=w))
    np.testing.assert_allclose(path, np.array(expected), rtol=1e-12)


def test_lion_follows_algorithm_2_of_its_paper(x64):
    w, x, m, expected = 0.1, X0, np.zeros(5), []
    for g in G:
        c = B1 * m + (1 - B1) * g
        x = x - LR * (np.sign(c) + w * x)
        m = B2 * m + (1 - B2) * g
        expected.append(x)
    _, path = our_walk(jd.lion(LR, B1, B2, weight_decay=w))
    np.testing.assert_allclose(path, np.array(expected), rtol=1e-12)


def test_rmsprop_with_momentum_sums_its_normalized_steps(x64):
    """velocityₜ = Σᵢ βᵗ⁻ⁱ·uᵢ; Nesterov's look-ahead steps along u + β·velocity."""
    u = rmsprop()
    velocity = mean(B1, u) / (1 - B1)
    plain, _ = our_walk(jd.rmsprop(LR, B2, EPS, momentum=B1))
    ahead, _ = our_walk(jd.rmsprop(LR, B2, EPS, momentum=B1, nesterov=True))
    np.testing.assert_allclose(plain, velocity, rtol=1e-12, atol=1e-12 * LR)
    np.testing.assert_allclose(ahead, u + B1 * velocity, rtol=1e-12, atol=1e-12 * LR)


def rosenbrock_gradient(x):
    return np.array([-400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0]), 200 * (x[1] - x[0] ** 2)])


def descended(optimizer, start, steps=200):
    path = jd.descend(
        jd.losses.rosenbrock(), jnp.asarray(start), optimizer, steps=steps, record="params"
    )
    return np.asarray(path.record["params"])


def test_the_heavy_ball_is_polyaks_two_term_recursion(x64):
    """x₊ = x − α·∇f(x) + β·(x − x₋), Polyak 1964, eq. (9), on Rosenbrock's function."""
    rate, beta = 1e-4, 0.9
    xs = [np.array([-1.2, 1.0])] * 2
    for _ in range(200):
        xs.append(xs[-1] - rate * rosenbrock_gradient(xs[-1]) + beta * (xs[-1] - xs[-2]))
    path = descended(jd.heavy_ball(rate, beta), xs[0])
    np.testing.assert_allclose(path, xs[1:], rtol=1e-10)


def test_nesterov_is_the_y_of_the_two_sequence_form(x64):
    """x̃ ← y − lr·∇f(y), y ← x̃ + β·(x̃ − x̃_previous), Nesterov 1983, on Rosenbrock's function."""
    rate, beta = 1e-4, 0.9
    previous = y = np.array([-1.2, 1.0])
    ys = [y]
    for _ in range(200):
        x = y - rate * rosenbrock_gradient(y)
        y = x + beta * (x - previous)
        previous = x
        ys.append(y)
    path = descended(jd.nesterov(rate, beta), ys[0])
    np.testing.assert_allclose(path, ys, rtol=1e-10)
