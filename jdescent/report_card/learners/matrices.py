"""Two thin matrices whose product is to be a matrix, of which each step sees some entries.

    S = U Vᵀ,   cost ½(Sᵢⱼ − Mᵢⱼ)², or log(1 + e^Sᵢⱼ) − yᵢⱼSᵢⱼ with yᵢⱼ = 1 of probability σ(Mᵢⱼ)

M has the rank of the factors, so that the floor is 0, the noise, or the mean entropy of σ(M): the
second cost is that of embeddings told pairs from pairs drawn at random, Mᵢⱼ their pointwise mutual
information (O. Levy and Y. Goldberg, 2014, Neural Word Embedding as Implicit Matrix Factorization,
eq. (7)); there words are as frequent as Zipf has it, the k-th as 1/k.
"""

import jax
import jax.numpy as jnp
import numpy as np
from scipy import special

from jdescent.report_card.learners.task import Program, Task, between, key_of

SIZE, RANK, STEPS = 24, 4, 240
SEEN = 0.25  # of the entries that there are, in each step
NOISE = 0.1


def matrices() -> list[Task]:
    """Factorization, completion of what is missing, and embeddings."""
    rng = np.random.default_rng(5)
    u, v = rng.normal(size=(2, SIZE, RANK))
    flat = u @ v.T / np.sqrt(RANK)
    steep = (u * np.array([2, 1, 0.5, 0.25])) @ v.T / np.sqrt(RANK)
    everywhere = np.ones((SIZE, SIZE))
    known = rng.random((SIZE, SIZE)) < 0.6
    noisy = flat + NOISE * rng.normal(size=flat.shape)
    zipf = 1 / (1 + np.arange(SIZE))
    pairs = np.sqrt(np.outer(zipf, zipf))
    return [
        _squared("matrix factorization", steep, everywhere, steep, everywhere, 0.3, 0.002),
        _squared("factorization, small start", steep, everywhere, steep, everywhere, 1e-3, 0.002),
        _squared("matrix completion", noisy, known, flat, ~known, 0.3, 0.02),
        _embeddings(2 * flat, pairs),
    ]


def _squared(name, told, known, true, asked, size, share) -> Task:
    null = float(np.mean(true[asked.astype(bool)] ** 2) / 2)
    return Task(
        name, "matrix", PROGRAM, _data(False, told, known, true, asked, size), 0.0, null,
        between(0.0, null, share), "no error at all, which a matrix of this rank reaches",
        "half the squared error of " + ("all entries" if asked.all() else "entries never told"),
    )  # fmt: skip


def _embeddings(information, pairs) -> Task:
    weights = pairs / pairs.sum()
    floor = float(np.sum(weights * entropy(special.expit(information))))
    null = float(np.log(2))
    return Task(
        "embeddings, rare words", "embedding", PROGRAM,
        _data(True, information, pairs, information, pairs, 0.3), floor, null,
        between(floor, null, 0.3), "the entropy of the pairs", "expected cost of a pair",
    )  # fmt: skip


def entropy(p: np.ndarray) -> np.ndarray:
    """Of a yes of probability p, in nats."""
    return special.entr(p) + special.entr(1 - p)


def _data(logistic, told, known, true, asked, size) -> dict:
    arrays = {"told": told, "known": known, "true": true, "asked": asked, "size": size}
    data = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
    return {**data, "logistic": np.bool_(logistic)}


# -- the program that they share -------------------------------------------------------------------


def start(key, data):
    u, v = data["size"] * jax.random.normal(key, (2, SIZE, RANK), jnp.float32)
    return {"U": u, "V": v}


def cost(data, S, y):
    return jnp.where(data["logistic"], jax.nn.softplus(S) - y * S, (S - y) ** 2 / 2)


def batch(key, step, data):
    which, label = jax.random.split(key_of(key, step))
    shape = (SIZE, SIZE)
    seen = jax.random.bernoulli(which, SEEN * data["known"], shape)
    labels = jax.random.bernoulli(label, jax.nn.sigmoid(data["told"]), shape)
    y = jnp.where(data["logistic"], labels.astype(jnp.float32), data["told"])
    return {"seen": seen.astype(jnp.float32), "y": y}


def loss(params, data, batch):
    S = params["U"] @ params["V"].T
    expected = SEEN * jnp.sum(data["known"]) / SIZE  # entries that are seen of a row
    return jnp.sum(batch["seen"] * cost(data, S, batch["y"])) / expected


def metric(params, data, step):
    S = params["U"] @ params["V"].T
    y = jnp.where(data["logistic"], jax.nn.sigmoid(data["true"]), data["true"])
    return jnp.sum(data["asked"] * cost(data, S, y)) / jnp.sum(data["asked"])


PROGRAM = Program("matrices", STEPS, start, batch, loss, metric)
