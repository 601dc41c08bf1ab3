"""Walks other libraries' optimizers on the problem and keeps their paths in float64.

``pip install -r experiments/conformance/references/requirements.txt`` into an environment of its
own, then ``python -m experiments.conformance.references.make`` writes `paths.npz` anew.
"""

import contextlib
import importlib
import io
import pathlib
import sys
from typing import Any

import numpy as np
import torch

from experiments.common.problem import Problem
from experiments.conformance.references.rows import ROWS

PATHS = pathlib.Path(__file__).with_name("paths.npz")


def walk(row, problem: Problem) -> np.ndarray:
    """The parameters after each step, one flat vector a row."""
    module, name = row.theirs.split(":")
    params = [torch.tensor(leaf, requires_grad=True) for leaf in problem.leaves(problem.x0)]
    rate = {row.rate_name: row.rate} if row.rate_name else {}
    make = getattr(importlib.import_module(module), name)
    torch.manual_seed(0)
    with contextlib.redirect_stdout(io.StringIO()):
        optimizer = make(params, **rate, **row.their_settings)
    getattr(optimizer, "train", lambda: None)()
    path = []
    for t in range(1, problem.steps + 1):

        def closure(t=t):
            x = problem.joined([p.detach().numpy() for p in params])
            for p, g in zip(params, problem.leaves(problem.gradient(x, t)), strict=True):
                p.grad = torch.tensor(g)
            return torch.tensor(problem.loss(x, t))

        closure()
        optimizer.step(closure)
        path.append(problem.joined([p.detach().numpy() for p in params]))
    return np.array(path)


def main() -> None:
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    problem = Problem()
    paths: dict[str, Any] = {}
    for row in ROWS:
        paths[row.key] = walk(row, problem)
        finite = np.isfinite(paths[row.key]).all()
        print(f"{row.key}{'' if finite else ': not finite'}", file=sys.stderr)
    np.savez_compressed(PATHS, **paths)


if __name__ == "__main__":
    main()
