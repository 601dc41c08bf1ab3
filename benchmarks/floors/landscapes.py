"""Descents of landscapes: blocks of lanes, each block's state in the first-level cache.

Everything that makes arithmetic fast is allowed except reassociation, which would fold a step of
gradient descent on a parabola into one multiplication.
"""

import numba
import numpy as np

SAME_STEP = {"contract", "nsz", "nnan", "ninf", "arcp"}
BLOCK = 512  # lanes
TURNS = 10  # steps between a load of a lane's state and its store; all steps are a multiple
TWO, FOUR = np.float32(2), np.float32(4)
ONE, BETA, B1, B2, EPS = (np.float32(value) for value in (1, 0.9, 0.9, 0.999, 1e-8))


@numba.njit(parallel=True, fastmath=SAME_STEP, error_model="numpy")
def bowl_sgd(rates, steps):
    losses = np.empty_like(rates)
    for block in numba.prange((rates.size + BLOCK - 1) // BLOCK):
        lr = rates[block * BLOCK : (block + 1) * BLOCK]
        x, y = np.full(lr.size, TWO), np.full(lr.size, ONE)
        for _ in range(steps // TURNS):
            for i in range(lr.size):
                rate, xi, yi = lr[i], x[i], y[i]
                for _ in range(TURNS):
                    xi -= rate * (TWO * xi)
                    yi -= rate * (FOUR * yi)
                x[i], y[i] = xi, yi
        losses[block * BLOCK : (block + 1) * BLOCK] = x * x + TWO * y * y
    return losses


@numba.njit(parallel=True, fastmath=SAME_STEP, error_model="numpy")
def bowl_momentum(rates, steps):
    losses = np.empty_like(rates)
    for block in numba.prange((rates.size + BLOCK - 1) // BLOCK):
        lr = rates[block * BLOCK : (block + 1) * BLOCK]
        x, y = np.full(lr.size, TWO), np.full(lr.size, ONE)
        mx, my = np.zeros_like(lr), np.zeros_like(lr)
        for _ in range(steps // TURNS):
            for i in range(lr.size):
                rate, xi, yi, mxi, myi = lr[i], x[i], y[i], mx[i], my[i]
                for _ in range(TURNS):
                    mxi = BETA * mxi + TWO * xi
                    myi = BETA * myi + FOUR * yi
                    xi -= rate * mxi
                    yi -= rate * myi
                x[i], y[i], mx[i], my[i] = xi, yi, mxi, myi
        losses[block * BLOCK : (block + 1) * BLOCK] = x * x + TWO * y * y
    return losses


@numba.njit(parallel=True, fastmath=SAME_STEP, error_model="numpy")
def bowl_adam(rates, steps):
    losses = np.empty_like(rates)
    for block in numba.prange((rates.size + BLOCK - 1) // BLOCK):
        lr = rates[block * BLOCK : (block + 1) * BLOCK]
        x, y = np.full(lr.size, TWO), np.full(lr.size, ONE)
        mx, my, vx, vy = (
            np.zeros_like(lr),
            np.zeros_like(lr),
            np.zeros_like(lr),
            np.zeros_like(lr),
        )
        for t in range(1, steps + 1):
            c1, c2 = np.float32(1 / (1 - 0.9**t)), np.float32(1 / (1 - 0.999**t))
            for i in range(lr.size):
                gx, gy = TWO * x[i], FOUR * y[i]
                mx[i] = B1 * mx[i] + (ONE - B1) * gx
                my[i] = B1 * my[i] + (ONE - B1) * gy
                vx[i] = B2 * vx[i] + (ONE - B2) * (gx * gx)
                vy[i] = B2 * vy[i] + (ONE - B2) * (gy * gy)
                x[i] -= lr[i] * (c1 * mx[i]) / (np.sqrt(c2 * vx[i]) + EPS)
                y[i] -= lr[i] * (c1 * my[i]) / (np.sqrt(c2 * vy[i]) + EPS)
        losses[block * BLOCK : (block + 1) * BLOCK] = x * x + TWO * y * y
    return losses


@numba.njit(fastmath=SAME_STEP, error_model="numpy")
def rosenbrock_coordinate(x, after, inner, wall, m, v, lr, c1, c2):
    """Adam on coordinate k of a block; `wall` is 100·(xₖ − xₖ₋₁²) before, that of k + 1 after."""
    for i in range(lr.size):
        here = inner * np.float32(100) * (after[i] - x[i] * x[i])
        g = TWO * wall[i] - FOUR * x[i] * here - inner * TWO * (ONE - x[i])
        wall[i] = here
        m[i] = B1 * m[i] + (ONE - B1) * g
        v[i] = B2 * v[i] + (ONE - B2) * (g * g)
        x[i] -= lr[i] * (c1 * m[i]) / (np.sqrt(c2 * v[i]) + EPS)


@numba.njit(parallel=True)
def rosenbrock_adam(rates, steps, start):
    losses = np.zeros_like(rates)
    dimension = start.size
    width = min(BLOCK, max(128, 1280 // dimension))
    for block in numba.prange((rates.size + width - 1) // width):
        lr = rates[block * width : (block + 1) * width]
        x = np.repeat(start, lr.size).reshape(dimension, lr.size)
        m, v = np.zeros_like(x), np.zeros_like(x)
        for t in range(1, steps + 1):
            c1, c2 = np.float32(1 / (1 - 0.9**t)), np.float32(1 / (1 - 0.999**t))
            wall = np.zeros_like(lr)
            for k in range(dimension):
                inner, after = np.float32(k + 1 < dimension), x[min(k + 1, dimension - 1)]
                rosenbrock_coordinate(x[k], after, inner, wall, m[k], v[k], lr, c1, c2)
        for k in range(dimension - 1):
            wall = np.float32(100) * (x[k + 1] - x[k] ** 2) ** 2 + (ONE - x[k]) ** 2
            losses[block * width : (block + 1) * width] += wall
    return losses
