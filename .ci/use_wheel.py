"""What a user of the wheel does first, in an environment that has nothing else."""

import importlib.resources
import importlib.util
from pathlib import Path

import jax.numpy as jnp

import jdescent as jd

package = importlib.resources.files("jdescent")
assert Path.cwd() in Path(str(package)).parents, f"this is not the wheel: {package}"
assert (package / "py.typed").is_file()
assert importlib.util.find_spec("experiments") is None, "a wheel must not claim that name"
path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.adam(0.1), steps=200)
grid = jd.sweep(
    lambda rate: jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.sgd(rate), steps=99),
    rate=[0.1, 1.1],
)
print(path.verdict)
print(grid.verdict.values)
