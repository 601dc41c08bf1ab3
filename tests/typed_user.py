"""What a type checker tells a user: read by mypy in `make lint`, where a wrong line is an error."""

from typing import Any, assert_type

import jax
import jax.numpy as jnp
import xarray

import jdescent as jd

assert_type(jd.adam(1e-3), jd.Optimizer)
assert_type(jd.chain(jd.clip(1.0), jd.sgd(0.1)), jd.Optimizer)
assert_type(jd.schedules.cosine(0.1, steps=100)(3), jax.Array)
assert_type(jd.adamw(jd.schedules.cosine(0.1, steps=100), weight_decay=0.1), jd.Optimizer)
path = jd.descend(lambda x: x**2, jnp.array(1.0), jd.adam(1e-3), steps=10)
assert_type(path, jd.Trajectory)
assert_type(path.verdict.diverged, jax.Array)
assert_type(jd.losses.bowl((1.0, 2.0)), jd.losses.Landscape)


def swept(run: Any) -> xarray.Dataset:
    return jd.sweep(run, learning_rate=[0.1, 0.2])


def mistakes() -> None:
    jd.adam(1e-3, beta1=0.9)  # type: ignore[call-arg]
    jd.adam()  # type: ignore[call-arg]
    jd.descend(lambda x: x**2, jnp.array(1.0), jd.adam, steps=10)  # type: ignore[arg-type]
