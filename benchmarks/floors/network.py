"""Gradient descent of a network with one hidden layer: blocks of networks, products by BLAS."""

import numba
import numpy as np

NETWORKS = 16  # side by side in a block, so that x·W is one product with 16 times the columns
ONE, TWO = np.float32(1), np.float32(2)


@numba.njit(fastmath=True, error_model="numpy")
def tanh(x):
    """Eigen's rational function, to 3 units in the last place, which XLA evaluates as well."""
    x = min(max(x, np.float32(-7.9053111)), np.float32(7.9053111))
    s = x * x
    p = np.float32(-2.76076847742355e-16)
    p = s * p + np.float32(2.00018790482477e-13)
    p = s * p + np.float32(-8.60467152213735e-11)
    p = s * p + np.float32(5.12229709037114e-08)
    p = s * p + np.float32(1.48572235717979e-05)
    p = s * p + np.float32(6.37261928875436e-04)
    p = s * p + np.float32(4.89352455891786e-03)
    q = np.float32(1.19825839466702e-06)
    q = s * q + np.float32(1.18534705686654e-04)
    q = s * q + np.float32(2.26843463243900e-03)
    q = s * q + np.float32(4.89352518554385e-03)
    return x * p / q


@numba.njit(fastmath=True, error_model="numpy")
def network_example(h, y, v, pulls, dv, loss, examples):
    """Forward and back through one example: h is x·W going in, the pull on it coming out."""
    lanes, width = loss.size, v.size // loss.size
    inward, outward = np.float32(np.sqrt(2 / width)), np.float32(width**-1.5)
    for i in range(v.size):
        h[i] = tanh(inward * h[i])
        pulls[i] = h[i] * v[i]
    half = width // 2
    while half:
        for i in range(half * lanes):
            pulls[i] += pulls[half * lanes + i]
        half //= 2
    for i in range(lanes):
        error = outward * pulls[i] - y
        loss[i] += error * error
        pulls[i] = TWO / examples * outward * error
    for j in range(1, width):
        pulls[j * lanes : (j + 1) * lanes] = pulls[:lanes]
    for i in range(v.size):
        dv[i] += pulls[i] * h[i]
        h[i] = inward * pulls[i] * v[i] * (ONE - h[i] * h[i])


@numba.njit(parallel=True)
def network_sgd(rates, steps, x, y, hidden, output):
    losses = np.empty_like(rates)
    examples = np.float32(y.size)
    for block in numba.prange((rates.size + NETWORKS - 1) // NETWORKS):
        lr = rates[block * NETWORKS : (block + 1) * NETWORKS]
        w, v = np.repeat(hidden, lr.size).reshape(hidden.shape[0], -1), np.repeat(output, lr.size)
        h, dw = np.empty((y.size, v.size), np.float32), np.empty_like(w)
        dv, pulls, rate = np.empty_like(v), np.empty_like(v), np.empty_like(v)
        for j in range(output.size):
            rate[j * lr.size : (j + 1) * lr.size] = lr
        for step in range(steps + 1):
            loss = np.zeros_like(lr)
            dv[:] = 0
            np.dot(x, w, h)
            for n in range(y.size):
                network_example(h[n], y[n], v, pulls, dv, loss, examples)
            if step < steps:
                np.dot(x.T, h, dw)
                w -= rate * dw
                v -= rate * dv
        losses[block * NETWORKS : (block + 1) * NETWORKS] = loss / examples
    return losses
