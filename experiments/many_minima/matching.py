"""Networks that are one function: neurons may change places and signs.

As tanh is odd, a neuron whose weights, bias and outgoing weights all change sign does what it did
before. A network with h hidden neurons therefore has 2ʰ h! twins, which share its loss everywhere.
Matching a network b to a network a takes the twin of b that is nearest to a. For one hidden layer
it is found exactly, by assignment: with a row aᵢ, bⱼ of numbers for each neuron, it is the one that
maximizes Σᵢ |aᵢ·b_π(i)|.

Reference: Ainsworth, Hayase & Srinivasa 2023, "Git Re-Basin: Merging Models modulo Permutation
Symmetries", §3.2 (there without signs, and for many layers).
"""

from itertools import combinations

import jax
import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

from experiments.common.perceptron import Layer, Perceptron

Neurons = Float[np.ndarray, "*networks neurons numbers"]


def neurons(network: Perceptron) -> Neurons:
    """A row for each hidden neuron: its weights, its bias, its outgoing weights."""
    (weights, biases), (outgoing, _) = network
    rows = [np.swapaxes(weights, -1, -2), np.asarray(biases)[..., None], np.asarray(outgoing)]
    return np.concatenate(rows, axis=-1)


def with_neurons(network: Perceptron, rows: Neurons) -> Perceptron:
    """The network with other neurons."""
    inputs, last = np.shape(network[0].weights)[-2], network[1].biases
    weights, biases, outgoing = np.split(rows, [inputs, inputs + 1], axis=-1)
    first = np.swapaxes(weights, -1, -2), biases[..., 0]
    return Layer._make(first), Layer._make((outgoing, last))


def assignment(
    reference: Neurons, rows: Neurons
) -> tuple[Int[np.ndarray, " neurons"], Float[np.ndarray, " neurons"], float]:
    """Which neuron comes to each place, its sign there, and the Σ |a·b| that this gives."""
    products = reference @ rows.T
    places, chosen = linear_sum_assignment(np.abs(products), maximize=True)
    best = products[places, chosen]
    return chosen, np.where(best < 0, -1, 1).astype(rows.dtype), float(np.sum(np.abs(best)))


def matched(reference: Perceptron, network: Perceptron) -> Perceptron:
    """The twin of a network that is nearest to the reference."""
    rows = neurons(network)
    order, signs, _ = assignment(neurons(reference), rows)
    return with_neurons(network, signs[:, None] * rows[order])


def all_matched(references: Perceptron, networks: Perceptron) -> Perceptron:
    """Every network's twin that is nearest to its own reference."""
    pairs = zip(one_by_one(references), one_by_one(networks), strict=True)
    twins = [matched(reference, network) for reference, network in pairs]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *twins)


def one_by_one(networks: Perceptron) -> list[Perceptron]:
    return [
        jax.tree.map(lambda leaf, i=i: leaf[i], networks) for i in range(len(networks[0].biases))
    ]


def twin(network: Perceptron, seed: int) -> Perceptron:
    """A twin drawn at random from all."""
    rng, rows = np.random.default_rng(seed), neurons(network)
    signs = rng.choice(np.array([-1, 1], rows.dtype), len(rows))
    return with_neurons(network, signs[:, None] * rng.permutation(rows))


def distances(networks: Perceptron) -> tuple[Float[np.ndarray, "n n"], Float[np.ndarray, "n n"]]:
    """Between all, as they are and matched, relative to their root mean square norm.

    √2 is the distance of two networks at a right angle, 0 that of equal ones.
    """
    last, rows = np.asarray(networks[-1].biases, float), neurons(networks).astype(float)
    shared = last @ last.T  # what no matching changes
    flat = rows.reshape(len(rows), -1)
    plain = flat @ flat.T + shared
    best = plain.copy()
    for i, j in combinations(range(len(rows)), 2):
        best[i, j] = best[j, i] = assignment(rows[i], rows[j])[2] + shared[i, j]
    squares = np.diag(plain)
    norms = squares[:, None] + squares[None]

    def distance(products):
        return np.sqrt(np.maximum(norms - 2 * products, 0) / (norms / 2))

    return distance(plain), distance(best)
