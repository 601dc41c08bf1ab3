"""Searches that drive sweeps: the example in `jdescent.sweeps.designs`, as it stands there."""

import math
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jdescent as jd

BOWL, START = jd.losses.bowl((2.0, 40.0)), jnp.array([2.0, 1.0])


def run(learning_rate, momentum, seed):
    start = START + jax.random.normal(jax.random.key(seed), 2)
    return jd.descend(BOWL, start, jd.sgd(learning_rate, momentum), steps=30, record=None)


def test_a_study_asks_for_batches_and_is_told_what_they_gave():
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    _, example = jd.designs.__doc__.split("With\nOptuna, whose study can do both::\n")
    code = textwrap.dedent(example.split("\nThe batches of one study")[0])
    found = {"optuna": optuna, "jd": jd, "math": math, "run": run}
    exec(code, found)
    study = found["study"]
    assert len(study.trials) == 64
    alone = jax.jit(lambda **point: run(**point).verdict)
    states = optuna.trial.TrialState
    for trial in study.trials[::9]:
        ends = [alone(**trial.params, seed=seed) for seed in range(4)]
        losses = [math.inf if end.diverged else float(end.loss) for end in ends]
        if trial.state == states.COMPLETE:
            assert trial.value == pytest.approx(np.median(losses), rel=1e-3, abs=1e-30)
        else:
            assert sum(map(math.isinf, losses)) >= 2
    of_batch = [min([t.value for t in study.trials[i : i + 16] if t.value is not None])
                for i in range(0, 64, 16)]  # fmt: skip
    assert min(of_batch[1:]) < of_batch[0]
    assert {trial.state for trial in study.trials} == {states.COMPLETE, states.FAIL}
