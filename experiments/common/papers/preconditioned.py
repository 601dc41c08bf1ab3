"""Matrices along the axes of a parameter."""

import numpy as np

import jdescent as jd
from experiments.common.case import Case
from experiments.common.papers.orthogonal import by_matrix


def power(h, p):
    u, s, v = np.linalg.svd(h)
    return u @ np.diag(s**p) @ v


def shampoo(problem, *, lr, eps, decay=None, exponent=None):
    """Gupta et al. 2018, Algorithm 1 (of a matrix), Algorithm 2 (of a vector): L₀ = ε·I."""

    def updated(memory, name, new):
        n = len(new)
        if decay is None:
            memory[name] = memory.get(name, eps * np.eye(n)) + new
            return memory[name]
        memory[name] = decay * memory.get(name, np.zeros((n, n))) + (1 - decay) * new
        return memory[name] + eps * np.eye(n)

    def of_matrix(x, g, memory, t):
        p = 1 / 4 if exponent is None else exponent
        left = power(updated(memory, "L", g @ g.T), -p)
        right = power(updated(memory, "R", g.T @ g), -p)
        return lr * left @ g @ right

    def of_vector(x, g, memory, t):
        g = np.ravel(g)
        p = 1 / 2 if exponent is None else exponent
        root = power(updated(memory, "H", np.outer(g, g)), -p)
        return lr * np.reshape(root @ g, x.shape)

    return by_matrix(problem, of_matrix, of_vector)


def soap(
    problem, *, lr, b1, b2, eps, weight_decay, shampoo_beta=None, precondition_frequency,
    max_precondition_dim=100, precondition_1d=False, sort_basis=False,
):  # fmt: skip
    """Vyas et al. 2024, Algorithms 3 and 4; start, bias and decay as in the authors' code.

    Written for the flattened parameter, whose basis is the Kronecker product Q_L ⊗ Q_R.
    """
    b = b2 if shampoo_beta is None else shampoo_beta

    def step(x, g, memory, t):
        if x.ndim == 0 or (x.ndim == 1 and not precondition_1d):
            grams = []
        else:
            unfolded = [np.moveaxis(g, i, 0).reshape(g.shape[i], -1) for i in range(g.ndim)]
            grams = [u @ u.T for u in unfolded]
        chosen = [i for i in range(len(grams)) if len(grams[i]) <= max_precondition_dim]
        move = np.zeros_like(x)
        if t > 1:
            basis = np.eye(1)
            for i in range(g.ndim):
                own = memory["Q"][i] if i in chosen else np.eye(g.shape[i])
                basis = np.kron(basis, own)
            memory["m"] = m = b1 * memory.get("m", 0.0) + (1 - b1) * np.ravel(g)
            memory["v"] = v = b2 * memory.get("v", 0.0) + (1 - b2) * (basis.T @ np.ravel(g)) ** 2
            m_hat, v_hat = m / (1 - b1 ** (t - 1)), v / (1 - b2 ** (t - 1))
            adam = basis @ ((basis.T @ m_hat) / (np.sqrt(v_hat) + eps))
            move = lr * (adam.reshape(x.shape) + weight_decay * x)
        for i in chosen:
            memory[i] = h = b * memory.get(i, 0.0) + (1 - b) * grams[i]
            if t == 1:
                memory.setdefault("Q", {})[i] = np.linalg.eigh(h)[1][:, ::-1]
            elif (t - 1) % precondition_frequency == 0:
                q = memory["Q"][i]
                if sort_basis:
                    order = sorted(range(len(h)), key=lambda k, h=h, q=q: -q[:, k] @ h @ q[:, k])
                    q = q[:, order]
                    memory["v"] = np.ravel(np.take(memory["v"].reshape(x.shape), order, i))
                memory["Q"][i] = np.linalg.qr(h @ q)[0]
        return move

    return by_matrix(problem, step, step)


SOAP = {"b1": 0.7, "b2": 0.8, "eps": 1e-2, "weight_decay": 0.1, "precondition_frequency": 3}

# of a vector the first basis is any that begins with the gradient: it has no path to compare
CASES = [
    Case("shampoo", jd.shampoo, None, {"eps": 1e-1}, paper=shampoo),
    Case(
        "shampoo of means, without the root of the root", jd.shampoo, None,
        {"eps": 1e-1, "decay": 0.9, "exponent": 0.5}, paper=shampoo, rate=0.02,
    ),
    Case("soap", jd.soap, None, SOAP, paper=soap, rate=0.02),
    Case(
        "soap of one side", jd.soap, None,
        SOAP | {"shampoo_beta": 0.9, "precondition_frequency": 1, "max_precondition_dim": 3},
        paper=soap, rate=0.02,
    ),
    Case(
        "soap with its basis sorted", jd.soap, None, SOAP | {"sort_basis": True}, paper=soap,
        rate=0.02,
    ),
    Case("soap of vectors", jd.soap, None, SOAP | {"precondition_1d": True}),
]  # fmt: skip
