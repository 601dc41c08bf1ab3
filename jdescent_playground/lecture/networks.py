"""Networks: training sharpens to 2/η and stays; and one loop trains a line and a language model."""

import codecs
import contextlib
import io
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

import jdescent as jd
from jdescent import analysis
from jdescent_playground.lecture.section import Section
from jdescent_playground.player import Ground, History, player

EXAMPLES, INPUTS, HIDDEN = 60, 8, 16
EDGE_RATES = (0.2, 0.4, 0.6, 0.8)
EDGE_STEPS, EDGE_EVERY = 3000, 15
PLANE_ROOM = 0.25  # of the path's extent, around it


def edge() -> Section:
    """A tanh network under full-batch gradient descent: its sharpness, and its path on a plane."""
    of_inputs, of_teacher, of_start = jax.random.split(jax.random.key(0), 3)
    inputs = jax.random.normal(of_inputs, (EXAMPLES, INPUTS))
    targets = jnp.sign(inputs @ jax.random.normal(of_teacher, (INPUTS,)))
    first, second = jax.random.split(of_start)
    start, unravel = ravel_pytree({
        "in": jax.random.normal(first, (INPUTS, HIDDEN)) / math.sqrt(INPUTS),
        "out": jax.random.normal(second, (HIDDEN,)) / math.sqrt(HIDDEN),
    })  # fmt: skip

    def loss(weights):
        layers = unravel(weights)
        return 0.5 * jnp.mean((jnp.tanh(inputs @ layers["in"]) @ layers["out"] - targets) ** 2)

    def seen(point):
        sharpness = analysis.sharpness(loss, point.params)
        return {"sharpness": sharpness, "weights": point.params}

    grid = jd.sweep(
        lambda learning_rate: jd.descend(
            loss, start, jd.sgd(learning_rate), EDGE_STEPS, record=seen, every=EDGE_EVERY
        ),
        learning_rate=jnp.array(EDGE_RATES),
    )
    weights = grid.record_weights.transpose("learning_rate", "step", ...).values
    center, plane = principal_plane(weights.reshape(-1, weights.shape[-1]))
    grid = grid.drop_vars("record_weights")
    grid["record_params"] = (("learning_rate", "step", "plane"), (weights - center) @ plane.T)

    def on_plane(p):
        return loss(jnp.asarray(center) + p @ jnp.asarray(plane))

    flat = grid.record_params.values.reshape(-1, 2)
    low, high = flat.min(axis=0), flat.max(axis=0)
    room = PLANE_ROOM * (high - low)
    ends = grid.record_sharpness.isel(step=slice(-60, None)).mean("step").values
    figure = player(
        grid,
        History(("sharpness",), log=False, y_label="sharpness",
                references={"2/η": lambda learning_rate: 2 / learning_rate}),
        History(("loss",), y_label="loss"),
        Ground(on_plane, np.column_stack([low - room, high + room]).tolist(), arrow=False,
               x_label="first principal direction", y_label="second"),
        name="edge",
        description="Sharpness of a small network along gradient descent: it rises until it "
        "reaches 2/η, and hovers there.",
        labels={"learning_rate": "learning rate η"},
        at={"learning_rate": 0.4},
        readings={"step": "{step}", "loss": "{loss}", "sharpness": "{sharpness}"},
    )  # fmt: skip
    products = {
        f"edge_{rate}": f"{rate * end:.2f}" for rate, end in zip(EDGE_RATES, ends, strict=True)
    }
    return Section(figure, products)


def principal_plane(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean, and the two directions of most variance, (2, dimension)."""
    center = points.mean(axis=0)
    return center, np.linalg.svd(points - center, full_matrices=False)[2][:2]


class Task(NamedTuple):
    """All that changes from one learner to the next."""

    model: Callable[[Any, Any], Any]
    loss: Callable[[Callable], Callable]
    data: tuple
    start: Any
    rate: float
    simple: float  # the loss of the best simple method on the same data


LOOP_STEPS, LOOP_EVERY = 1000, 10


def learn(task: Task) -> jd.Trajectory:
    """The one loop."""
    loss = task.loss(task.model)
    return jd.descend(
        lambda params: loss(params, task.data), task.start, jd.adam(task.rate), LOOP_STEPS,
        record="loss", every=LOOP_EVERY,
    )  # fmt: skip


def learners() -> Section:
    """A line, a classifier, a network, a language model: one loop, other losses."""
    tasks = {"a line": line(), "a classifier": classifier(), "a network": network(),
             "a language model": language_model()}  # fmt: skip
    paths = {name: learn(task) for name, task in tasks.items()}
    figure = player(
        paths,
        History(("loss",), references={"the best simple method": lambda run: tasks[run].simple},
                whole=True),
        name="learners",
        description="The loss of four models, from a line to a language model, in one loop.",
        labels={"run": "model"},
        readings={"step": "{step}", "loss": "{loss}"},
    )  # fmt: skip
    sizes = [ravel_pytree(task.start)[0].size for task in tasks.values()]
    facts = {f"size_{i}": f"{size:,}" for i, size in enumerate(sizes)}
    last = {f"loss_{i}": f"{path.verdict.loss:.2g}" for i, path in enumerate(paths.values())}
    return Section(figure, facts | last)


def line() -> Task:
    """y = 2x on five points; beside it, the mean of y."""
    x = jnp.arange(1.0, 6.0)
    start = {"w": jnp.float32(0.0), "b": jnp.float32(0.0)}
    loss = jd.losses.mean_squared_error
    return Task(jd.losses.linear_model, loss, (x, 2 * x), start, 0.05, float(jnp.var(2 * x)))


def straight(params, x):
    """Logits of a straight boundary."""
    return x @ params["w"] + params["b"]


STRAIGHT = {"w": jnp.zeros(2), "b": jnp.zeros(())}


def classifier(examples: int = 200) -> Task:
    """Logistic regression on two clouds; beside it, the frequency of the classes."""
    y = jnp.arange(examples) % 2
    centers = jnp.where(y == 1, 1.0, -1.0)[:, None]
    x = jax.random.normal(jax.random.key(1), (examples, 2)) + centers
    return Task(straight, jd.losses.binary_cross_entropy, (x, y), STRAIGHT, 0.05, math.log(2))


def network() -> Task:
    """Two spirals, which no line parts; beside it, logistic regression on them."""
    turns = jnp.linspace(0.5, 3.0, 100) * jnp.pi
    arm = jnp.stack([jnp.cos(turns), jnp.sin(turns)], axis=1) * turns[:, None] / (3 * jnp.pi)
    x, y = jnp.concatenate([arm, -arm]), jnp.repeat(jnp.arange(2), 100)
    keys, widths = jax.random.split(jax.random.key(2), 3), (2, 32, 32, 1)
    start = [
        (jax.random.normal(key, (a, b)) * math.sqrt(2 / a), jnp.zeros((1, b)))
        for key, a, b in zip(keys, widths[:-1], widths[1:], strict=True)
    ]

    def perceptron(params, x):
        *hidden, (w, b) = params
        for v, c in hidden:
            x = jax.nn.relu(x @ v + c)
        return (x @ w + b)[:, 0]

    loss = jd.losses.binary_cross_entropy
    simple = learn(Task(straight, loss, (x, y), STRAIGHT, 0.05, math.nan)).verdict.loss
    return Task(perceptron, loss, (x, y), start, 0.01, float(simple))


CONTEXT, WIDTH, HIDDEN_OF_TEXT = 4, 12, 64


def zen_of_python() -> str:
    """The text that Python comes with; importing it prints it."""
    with contextlib.redirect_stdout(io.StringIO()):
        import this
    return codecs.decode(this.s, "rot13")


def language_model() -> Task:
    """The next character of a text from the four before; beside it, from the last one alone.

    All of the text is trained on: it shows the loop, not what was learned of the language.
    """
    text = zen_of_python()
    alphabet = sorted(set(text))
    codes = jnp.array([alphabet.index(character) for character in text])
    windows = jnp.stack([codes[i : len(codes) - CONTEXT + i] for i in range(CONTEXT)], axis=1)
    keys, count = jax.random.split(jax.random.key(3), 3), len(alphabet)
    inputs = CONTEXT * WIDTH
    start = {
        "embedding": jax.random.normal(keys[0], (count, WIDTH)),
        "hidden": jax.random.normal(keys[1], (inputs, HIDDEN_OF_TEXT)) / math.sqrt(inputs),
        "out": jax.random.normal(keys[2], (HIDDEN_OF_TEXT, count)) / math.sqrt(HIDDEN_OF_TEXT),
    }

    def next_character(params, windows):
        seen = params["embedding"][windows].reshape(len(windows), -1)
        return jnp.tanh(seen @ params["hidden"]) @ params["out"]

    data = windows, codes[CONTEXT:]
    simple = bigram_entropy(np.asarray(codes))
    return Task(next_character, jd.losses.cross_entropy, data, start, 0.005, simple)


def bigram_entropy(codes: np.ndarray) -> float:
    """Mean −ln p of each character after its last, p the frequencies in the text itself (nats)."""
    pairs = np.zeros((codes.max() + 1,) * 2)
    np.add.at(pairs, (codes[CONTEXT - 1 : -1], codes[CONTEXT:]), 1)
    p = pairs / np.maximum(pairs.sum(axis=1, keepdims=True), 1)
    return float(-(pairs[pairs > 0] * np.log(p[pairs > 0])).sum() / pairs.sum())
