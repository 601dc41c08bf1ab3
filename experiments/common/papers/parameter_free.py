"""Distance over gradients, coin betting, D-Adaptation and Prodigy."""

import numpy as np
from optax import contrib

import jdescent as jd
from experiments.common.case import Case


def dog(problem, *, lr, first, eps=0.0, weight_decay=0.0):
    """Ivgi et al. 2023: ηₜ = max_{i ≤ t} ‖xᵢ − x₀‖ / √(Σ_{i ≤ t} ‖gᵢ‖²), from all the past."""
    kind, value = first
    x = problem.x0
    xs, gs = [], []
    for t in range(1, problem.steps + 1):
        xs.append(x)
        gs.append(problem.gradient(x, t) + weight_decay * x)
        first = {"heuristic": value * (1 + np.linalg.norm(xs[0])), "distance": value}.get(kind, 0)
        farthest = max(first, *(np.linalg.norm(past - xs[0]) for past in [*xs, xs[0]]))
        eta = farthest / np.sqrt(sum(g @ g for g in gs) + eps)
        if kind == "learning_rate" and t == 1:
            eta = value
        x = x - lr * eta * gs[-1]
        yield x


def ldog(problem, *, lr, first, eps, weight_decay=0.0):
    """L-DoG: the same with the norms of each layer."""
    starts = problem.leaves(problem.x0)
    farthest = [first * (1 + np.linalg.norm(start)) for start in starts]
    squares = [eps for _ in starts]
    x = problem.x0
    for t in range(1, problem.steps + 1):
        layers = problem.leaves(x)
        gradients = problem.leaves(problem.gradient(x, t) + weight_decay * x)
        for i, g in enumerate(gradients):
            farthest[i] = max(farthest[i], np.linalg.norm(layers[i] - starts[i]))
            squares[i] += np.sum(g**2)
            layers[i] = layers[i] - lr * farthest[i] / np.sqrt(squares[i]) * g
        x = problem.joined(layers)
        yield x


def dowg(problem, *, lr, first_square, eps, weight_decay):
    """Khaled et al. 2023, Algorithm 1, with ε beside √v."""
    x, radius, v = problem.x0, np.sqrt(first_square), 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t) + weight_decay * x
        radius = max(radius, np.linalg.norm(x - problem.x0))
        v += (radius * np.linalg.norm(g)) ** 2
        x = x - lr * radius**2 / (np.sqrt(v) + eps) * g
        yield x


def cocob(problem, *, lr, alpha, eps, weight_decay):
    """Orabona and Tommasi 2017, Algorithm 2, coordinate by coordinate; g is the negative slope."""
    start, w = problem.x0, problem.x0.copy()
    largest = np.full(len(w), eps)
    total, reward, theta = np.zeros((3, len(w)))
    for t in range(1, problem.steps + 1):
        slopes = lr * (problem.gradient(w, t) + weight_decay * w)
        for i, g in enumerate(-slopes):
            largest[i] = max(largest[i], abs(g))
            total[i] += abs(g)
            reward[i] = max(reward[i] + (w[i] - start[i]) * g, 0)
            theta[i] += g
            bet = theta[i] / (largest[i] * max(total[i] + largest[i], alpha * largest[i]))
            w[i] = start[i] + bet * (largest[i] + reward[i])
        yield w


def mean(values, beta):
    """(1 − β)·Σ βᵗ⁻ⁱ·valueᵢ, from all the past."""
    ages = range(len(values) - 1, -1, -1)
    return (1 - beta) * sum(beta**age * value for age, value in zip(ages, values, strict=True))


def correction(b1, b2, t):
    return np.sqrt(1 - b2**t) / (1 - b1**t)


def dadapt_adam(problem, *, lr, betas, eps, d0, weight_decay, bias_correction=False):
    """Defazio and Mishchenko 2023, as in version 3 of their code, from all the past."""
    b1, b2 = betas
    x, d, v, s = problem.x0, d0, 0.0, np.zeros_like(problem.x0)
    products, steps, squares = [], [], []
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        rate = d * lr * (correction(b1, b2, t) if bias_correction else 1)
        products.append(rate * np.sum(g * s / (np.sqrt(v) + eps)))
        steps.append(rate * g)
        squares.append(g**2)
        v, s = mean(squares, b2), mean(steps, np.sqrt(b2))
        d_hat = mean(products, np.sqrt(b2)) / ((1 - np.sqrt(b2)) * np.abs(s).sum())
        d = max(d, d_hat)
        x = x - weight_decay * rate * x - mean(steps, b1) / (np.sqrt(v) + eps)
        yield x


def prodigy(
    problem, *, lr, betas, eps, d0, b3=None, weight_decay=0.0, coefficient=1.0, corrected=False
):
    """Mishchenko and Defazio 2024, Algorithm 4, from all the past."""
    b1, b2 = betas
    b3 = np.sqrt(b2) if b3 is None else b3
    x, d = problem.x0, d0
    first, second, products, steps = [], [], [], []
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        gamma = lr * (correction(b1, b2, t) if corrected else 1)
        first.append(d * g)
        second.append(d**2 * g**2)
        products.append(gamma * d**2 * (g @ (problem.x0 - x)))
        steps.append(gamma * d**2 * g)
        d_hat = coefficient * mean(products, b3) / np.abs(mean(steps, b3)).sum()
        x = x - gamma * d * (
            mean(first, b1) / (np.sqrt(mean(second, b2)) + d * eps) + weight_decay * x
        )
        d = max(d, d_hat)
        yield x


def prodigy_safeguarded(problem, *, lr, betas, eps, d0):
    """The same with s of d²·g, without γ."""
    b1, b2 = betas
    b3 = np.sqrt(b2)
    x, d, m, v, r, s = problem.x0, d0, 0.0, 0.0, 0.0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        m, v = b1 * m + (1 - b1) * d * g, b2 * v + (1 - b2) * d**2 * g**2
        r, s = b3 * r + lr * d**2 * (g @ (problem.x0 - x)), b3 * s + d**2 * g
        x = x - lr * d * m / (np.sqrt(v) + d * eps)
        d = max(d, r / np.abs(s).sum())
        yield x


DOG = {"init_step": ("heuristic", 0.01), "eps": 1.0, "weight_decay": 0.1}
ADAM = {"betas": (0.8, 0.9), "eps": 0.1, "estim_lr0": 0.01, "weight_decay": 0.1}
ADAM_PAPER = {"betas": (0.8, 0.9), "eps": 0.1, "d0": 0.01, "weight_decay": 0.1}
PRODIGY = {"betas": (0.8, 0.9), "estim_lr0": 0.01, "beta3": 0.9, "estim_lr_coef": 0.7}
PRODIGY_PAPER = {"betas": (0.8, 0.9), "d0": 0.01, "b3": 0.9, "coefficient": 0.7}

CASES = [
    Case(
        "dog",
        jd.dog,
        contrib.dog,
        DOG,
        paper=dog,
        paper_settings={"first": DOG["init_step"], "eps": 1.0, "weight_decay": 0.1},
        rate=0.7,
    ),
    Case(
        "dog from a distance",
        jd.dog,
        contrib.dog,
        {"init_step": ("distance", 0.1), "eps": 0.0},
        paper=dog,
        paper_settings={"first": ("distance", 0.1)},
        rate=1.0,
    ),
    Case(
        "dog from a rate",
        jd.dog,
        contrib.dog,
        {"init_step": ("learning_rate", 0.02)},
        paper=dog,
        paper_settings={"first": ("learning_rate", 0.02), "eps": 1e-8},
        rate=1.0,
    ),
    Case(
        "ldog",
        jd.ldog,
        None,
        DOG,
        paper=ldog,
        paper_settings={"first": 0.01, "eps": 1.0, "weight_decay": 0.1},
        rate=0.7,
    ),
    Case(
        "dowg",
        jd.dowg,
        contrib.dowg,
        {"eps": 0.01, "weight_decay": 0.1},
        paper=dowg,
        paper_settings={"first_square": 0.01, "eps": 0.01, "weight_decay": 0.1},
        rate=0.7,
    ),
    Case(
        "dowg from a distance",
        jd.dowg,
        contrib.dowg,
        {"init_estim_sq_dist": 0.3, "eps": 0.0},
        paper=dowg,
        paper_settings={"first_square": 0.3, "eps": 0.0, "weight_decay": 0.0},
        rate=0.7,
    ),
    Case(
        "cocob",
        jd.cocob,
        contrib.cocob,
        {"alpha": 10.0, "eps": 0.1, "weight_decay": 0.1},
        paper=cocob,
    ),
    Case(
        "dadapt_adamw",
        jd.dadapt_adamw,
        contrib.dadapt_adamw,
        ADAM,
        ADAM,
        paper=dadapt_adam,
        paper_settings=ADAM_PAPER,
        rate=1.0,
        differs="optax corrects the bias",
        twin_distance=0.01484,
    ),
    Case(
        "dadapt_adamw corrected",
        jd.dadapt_adamw,
        contrib.dadapt_adamw,
        {**ADAM, "bias_correction": True},
        ADAM,
        paper=dadapt_adam,
        paper_settings={**ADAM_PAPER, "bias_correction": True},
        rate=1.0,
    ),
    Case(
        "prodigy",
        jd.prodigy,
        contrib.prodigy,
        {**PRODIGY, "eps": 0.1, "weight_decay": 0.1},
        paper=prodigy,
        paper_settings={**PRODIGY_PAPER, "eps": 0.1, "weight_decay": 0.1},
        rate=0.5,
        differs="optax corrects the bias and multiplies ε by the new d",
        twin_distance=0.04221,
    ),
    Case(
        "prodigy corrected",
        jd.prodigy,
        contrib.prodigy,
        {**PRODIGY, "eps": 0.0, "weight_decay": 0.1, "bias_correction": True},
        {**PRODIGY, "eps": 0.0, "weight_decay": 0.1},
        paper=prodigy,
        paper_settings={**PRODIGY_PAPER, "eps": 0.0, "weight_decay": 0.1, "corrected": True},
        rate=0.5,
    ),
    Case(
        "prodigy safeguarded",
        jd.prodigy,
        contrib.prodigy,
        {"betas": (0.8, 0.9), "estim_lr0": 0.01, "eps": 0.01, "safeguard_warmup": True},
        paper=prodigy_safeguarded,
        paper_settings={"betas": (0.8, 0.9), "d0": 0.01, "eps": 0.01},
        rate=0.5,
        differs="optax corrects the bias and multiplies ε by the new d",
        twin_distance=0.06853,
    ),
]
