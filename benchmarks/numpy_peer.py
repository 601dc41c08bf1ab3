"""The sweeps in NumPy: one array operation for all lanes, the lanes on the last axis."""

from collections.abc import Callable

import numpy as np

from benchmarks.problems import WIDTH, Contestant, Problem, network_data

LARGEST = 2**24  # steps of one lane a call; of a larger sweep it does the first steps alone


def contestants(problem: Problem) -> dict[str, Contestant]:
    steps = min(problem.steps, max(1, LARGEST // problem.lanes))
    value_and_gradient = {"bowl": bowl, "rosenbrock": rosenbrock, "network": network}[problem.loss]
    start = problem.start if problem.loss == "network" else {"x": problem.start}
    rule = {"sgd": sgd, "momentum": momentum, "adam": adam}[problem.optimizer]

    def run():
        params = {
            name: np.repeat(array[..., None], problem.lanes, axis=-1)
            for name, array in start.items()
        }
        rules = {name: rule(problem.rates) for name in params}
        for t in range(1, steps + 1):
            _, gradient = value_and_gradient(**params)
            for name, x in params.items():
                x += rules[name](t, gradient[name])
        return value_and_gradient(**params)[0]

    return {"NumPy": Contestant(run, problem.lanes * steps)}


def sgd(lr: np.ndarray) -> Callable:
    return lambda t, g: -lr * g


def momentum(lr: np.ndarray) -> Callable:
    v = 0

    def update(t, g):
        nonlocal v
        v = np.float32(0.9) * v + g
        return -lr * v

    return update


def adam(lr: np.ndarray) -> Callable:
    b1, b2, eps = np.array([0.9, 0.999, 1e-8], np.float32)
    m = v = 0

    def update(t, g):
        nonlocal m, v
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat = m / np.float32(1 - 0.9**t)
        v_hat = v / np.float32(1 - 0.999**t)
        return -lr * m_hat / (np.sqrt(v_hat) + eps)

    return update


def bowl(x):
    curvature = np.array([[2], [4]], np.float32)
    return (curvature * x**2).sum(0) / 2, {"x": curvature * x}


def rosenbrock(x):
    head, tail = x[:-1], x[1:]
    wall, floor = tail - head**2, 1 - head
    gradient = np.zeros_like(x)
    gradient[:-1] = -400 * head * wall - 2 * floor
    gradient[1:] += 200 * wall
    return (100 * wall**2 + floor**2).sum(0), {"x": gradient}


def network(hidden, output):
    x, y, *_ = network_data()
    inward, outward = np.float32(np.sqrt(2 / WIDTH)), np.float32(WIDTH**-1.5)
    h = np.tanh(inward * (x @ hidden.reshape(WIDTH, -1)).reshape(len(x), *output.shape))
    error = outward * (h * output).sum(1) - y[:, None]
    pull = (2 / len(x) * outward * error)[:, None]
    backward = inward * pull * output * (1 - h**2)
    gradient = {
        "hidden": (x.T @ backward.reshape(len(x), -1)).reshape(hidden.shape),
        "output": (pull * h).sum(0),
    }
    return (error**2).mean(0), gradient
