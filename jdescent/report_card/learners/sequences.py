"""Text that a chain of known entropy writes, and lines to repeat, for a transformer of one block.

Each symbol hangs on the two before it, drawn from a table of probabilities, or on the one before it
with symbols as frequent as Zipf has it; or a line of random symbols is written twice, of which the
second half counts. Who knows the table, or reads the first half, pays what is the floor.

    h = E[s] + P,  h ← h + Attention(|h|),  h ← h + W₂ relu(W₁|h|),  logits = C|h|

with two heads, causal, |h| divided by its root mean square.

References: C. E. Shannon, 1948, A Mathematical Theory of Communication, §7; A. Vaswani et al.,
2017, Attention Is All You Need, eq. (1).
"""

import jax
import jax.numpy as jnp
import numpy as np

from jdescent.report_card.learners.task import Program, Task, between, key_of, rows_at_random

SYMBOLS, LENGTH, BATCH, STEPS = 8, 12, 8, 240
WIDTH, HEADS, HIDDEN = 16, 2, 32
LINES, HELD_OUT = 4096, 128


def sequences() -> list[Task]:
    """Two texts and a line to repeat."""
    rng = np.random.default_rng(7)
    shape = (SYMBOLS, SYMBOLS, SYMBOLS)
    pairs = rng.dirichlet(np.full(SYMBOLS, 0.15), size=shape[:2])
    zipf = 1 / (1 + np.arange(SYMBOLS)) ** 1.5
    rare = np.stack([rng.permutation(SYMBOLS) for _ in range(SYMBOLS)])
    rare = np.broadcast_to((zipf / zipf.sum())[rare][None] * zipf, shape)
    rare = rare / rare.sum(axis=-1, keepdims=True)
    first = rng.integers(SYMBOLS, size=(LINES, LENGTH // 2))
    copies = np.concatenate([first, first, first[:, :1]], axis=1)
    return [
        _text("text, pairs", pairs, rng, 0.36),
        _text("text, rare symbols", rare, rng, 0.1),
        _sequence("copy a line", copies, LENGTH // 2 - 1, 0.0, float(np.log(SYMBOLS)), 0.01),
    ]


def written(table: np.ndarray, lines: int, rng: np.random.Generator) -> np.ndarray:
    """Lines that the table of P(next | last but one, last) writes, long after their beginning."""
    text = rng.integers(SYMBOLS, size=(lines, 2))
    for _ in range(50 + LENGTH):
        below = rng.random(lines)[:, None] > np.cumsum(table[text[:, -2], text[:, -1]], axis=1)
        drawn = np.minimum(below.sum(axis=1), SYMBOLS - 1)
        text = np.column_stack([text, drawn])
    return text[:, -LENGTH - 1 :]


def cost_of_the_writer(table: np.ndarray, text: np.ndarray) -> float:
    """The mean −log P that the table pays, of the symbols that have two before them."""
    p = table[text[:, :-2], text[:, 1:-1], text[:, 2:]]
    return float(-np.mean(np.log(p)))


def entropy_rate(table: np.ndarray) -> float:
    """−Σ π(a, b) P(c | a, b) log P(c | a, b), π the chain's stationary distribution."""
    pi = np.full((SYMBOLS, SYMBOLS), SYMBOLS**-2)
    for _ in range(1000):
        pi = np.einsum("ab,abc->bc", pi, table)
    return float(-np.sum(pi[..., None] * table * np.log(np.maximum(table, 1e-300))))


def _text(name: str, table: np.ndarray, rng: np.random.Generator, share: float) -> Task:
    text = written(table, LINES, rng)
    floor = cost_of_the_writer(table, text[:HELD_OUT])
    frequency = np.bincount(text.ravel(), minlength=SYMBOLS) / text.size
    null = float(-np.mean(np.log(frequency[text[:HELD_OUT, 2:]])))
    return _sequence(name, text, 1, floor, null, share)


def _sequence(name, text, first_counted, floor, null, share) -> Task:
    text = text.astype(np.int32)
    counted = np.arange(LENGTH) >= first_counted
    data = {
        "held_out": text[:HELD_OUT],
        "rows": text[HELD_OUT:],
        "counted": (counted / counted.sum()).astype(np.float32),
    }
    return Task(
        name, "text", PROGRAM, data, floor, null, between(floor, null, share),
        "what the writer of the text pays", f"cross-entropy of {HELD_OUT} held-out lines",
    )  # fmt: skip


# -- the program that they share -------------------------------------------------------------------


def start(key, data):
    keys = iter(jax.random.split(key, 8))

    def weights(rows, columns, size):
        shape = (rows, columns)
        return np.float32(size) * jax.random.normal(next(keys), shape, jnp.float32)

    by_width = WIDTH**-0.5
    return {
        "E": weights(SYMBOLS, WIDTH, 0.5),
        "P": weights(LENGTH, WIDTH, 0.5),
        "Q": weights(WIDTH, WIDTH, by_width),
        "K": weights(WIDTH, WIDTH, by_width),
        "V": weights(WIDTH, WIDTH, by_width),
        "W1": weights(WIDTH, HIDDEN, by_width),
        "W2": weights(HIDDEN, WIDTH, HIDDEN**-0.5),
        "C": weights(WIDTH, SYMBOLS, by_width),
    }


def normalized(h):
    return h * jax.lax.rsqrt(jnp.mean(h**2, axis=-1, keepdims=True) + 1e-6)


def attention(params, h):
    def heads(name):
        return (h @ params[name]).reshape(*h.shape[:2], HEADS, WIDTH // HEADS)

    scores = jnp.einsum("bthd,bshd->bhts", heads("Q"), heads("K")) / np.sqrt(WIDTH / HEADS)
    past = np.tril(np.ones((LENGTH, LENGTH), bool))
    weights = jax.nn.softmax(jnp.where(past[None, None], scores, -1e9))
    return jnp.einsum("bhts,bshd->bthd", weights, heads("V")).reshape(h.shape)


def logits(params, symbols):
    h = params["E"][symbols] + params["P"][None]
    h = h + attention(params, normalized(h))
    h = h + jax.nn.relu(normalized(h) @ params["W1"]) @ params["W2"]
    return normalized(h) @ params["C"]


def batch(key, step, data):
    return rows_at_random(key_of(key, step), data["rows"], BATCH)


def loss(params, data, batch):
    log_p = jax.nn.log_softmax(logits(params, batch[:, :-1]))
    costs = -jnp.take_along_axis(log_p, batch[:, 1:, None], axis=-1)[..., 0]
    return jnp.mean(costs @ data["counted"])


def metric(params, data, step):
    return loss(params, data, data["held_out"])


PROGRAM = Program("transformer", STEPS, start, batch, loss, metric)
