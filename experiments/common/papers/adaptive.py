"""Steps divided by the root of squared gradients."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jdescent as jd
from experiments.common.case import Case


def adagrad(problem, *, lr, initial_accumulator_value, eps, lr_decay=0.0):
    """Duchi et al. 2011, section 1.1: the diagonal of δI + G^½; the rate's decay is torch's."""
    x, past = problem.x0, []
    for t in range(1, problem.steps + 1):
        past.append(problem.gradient(x, t))
        root = np.sqrt(initial_accumulator_value + np.sum(np.square(past), axis=0))
        x = x - lr / (1 + (t - 1) * lr_decay) * past[-1] / (root + eps)
        yield x


def rmsprop(problem, *, lr, decay, eps, momentum=0.0):
    """torch.optim.RMSprop as its documentation writes it."""
    x, v, b = problem.x0, 0.0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t)
        v = decay * v + (1 - decay) * g**2
        b = momentum * b + g / (np.sqrt(v) + eps)
        x = x - lr * b
        yield x


def sm3(problem, *, lr, momentum, eps=0.0):
    """Anil et al. 2019, SM3-II, over the slices of an array; element by element."""
    xs = problem.leaves(problem.x0.copy())
    steps = [np.zeros_like(x) for x in xs]
    mus: list[dict] = [{} for _ in xs]  # of slices, each named by an axis and a place on it
    for t in range(1, problem.steps + 1):
        gs = problem.leaves(problem.gradient(problem.joined(xs), t))
        for x, g, step, mu in zip(xs, gs, steps, mus, strict=True):
            new: dict = {}
            for i in itertools.product(*map(range, x.shape)):
                slices = list(enumerate(i)) or [()]
                nu = min(mu.get(r, 0.0) for r in slices) + g[i] ** 2
                for r in slices:
                    new[r] = max(new.get(r, 0.0), nu)
                step[i] = momentum * step[i] + (1 - momentum) * g[i] / np.sqrt(nu + eps)
            mu.update(new)
            x -= lr * step
        yield problem.joined(xs)


def optax_sm3_of_scalars_as_vectors(learning_rate, momentum):
    """optax's fails on scalars."""
    sm3 = optax.sm3(learning_rate, momentum)

    def update(grads, state, params=None):
        updates, state = sm3.update(jax.tree.map(jnp.atleast_1d, grads), state)
        return jax.tree.map(lambda u, g: u.reshape(g.shape), updates, grads), state

    return optax.GradientTransformation(
        lambda params: sm3.init(jax.tree.map(jnp.atleast_1d, params)), update
    )


def adadelta(problem, *, lr, rho, eps, weight_decay):
    """Zeiler 2012, Algorithm 1, with a rate, and L2 regularization as torch documents it."""
    x, square, moved = problem.x0, 0.0, 0.0
    for t in range(1, problem.steps + 1):
        g = problem.gradient(x, t) + weight_decay * x
        square = rho * square + (1 - rho) * g**2
        step = -np.sqrt(moved + eps) / np.sqrt(square + eps) * g
        moved = rho * moved + (1 - rho) * step**2
        x = x + lr * step
        yield x


CASES = [
    Case(
        "adadelta",
        jd.adadelta,
        optax.adadelta,
        {"rho": 0.8, "eps": 1e-3, "weight_decay": 0.1},
        paper=adadelta,
        rate=1.0,
    ),
    Case(
        "adagrad of the paper",
        jd.adagrad,
        None,
        {"initial_accumulator_value": 0.0, "eps": 0.1, "eps_in_sqrt": False},
        paper=adagrad,
        paper_settings={"initial_accumulator_value": 0.0, "eps": 0.1},
    ),
    Case(
        "adagrad of torch",
        jd.adagrad,
        None,
        {"initial_accumulator_value": 0.3, "eps": 0.1, "eps_in_sqrt": False, "lr_decay": 0.2},
        paper=adagrad,
        paper_settings={"initial_accumulator_value": 0.3, "eps": 0.1, "lr_decay": 0.2},
    ),
    Case(
        "rmsprop of torch",
        jd.rmsprop,
        None,
        {
            "decay": 0.8,
            "eps": 0.1,
            "momentum": 0.7,
            "eps_in_sqrt": False,
            "lr_in_velocity": False,
        },
        paper=rmsprop,
        paper_settings={"decay": 0.8, "eps": 0.1, "momentum": 0.7},
        rate=0.01,
    ),
    Case(
        "sm3",
        jd.sm3,
        optax_sm3_of_scalars_as_vectors,
        {"momentum": 0.8},
        paper=sm3,
        differs="optax adds ε = 1e-8 to ν",
        twin_distance=6.37e-8,
    ),
    Case(
        "sm3 as optax has it",
        jd.sm3,
        optax_sm3_of_scalars_as_vectors,
        {"momentum": 0.8, "eps": 1e-8},
        {"momentum": 0.8},
        paper=sm3,
    ),
]
