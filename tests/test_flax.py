"""Networks of flax, trained by every optimizer through flax's own TrainState and by nnx."""

import flax.linen as nn
import jax
import numpy as np
import pytest
from cases import CASES, by_name
from flax import nnx
from flax.training.train_state import TrainState

import jdescent as jd
from experiments.common.digits import split_digits

STEPS = 5
ONE_A_RULE = list({case.ours: case for case in CASES}.values())


class Network(nn.Module):
    """Dense, relu, Dense: the logits of ten digits."""

    hidden: int

    @nn.compact
    def __call__(self, x):
        x = nn.Dense(self.hidden, param_dtype=float)(x)
        return nn.Dense(10, param_dtype=float)(nn.relu(x))


SMALL, LARGE = Network(hidden=8), Network(hidden=32)


@jax.jit
def gradient_of_small(params, batch):
    return jax.grad(jd.losses.cross_entropy(SMALL.apply))(params, batch)


@pytest.mark.parametrize("case", ONE_A_RULE, ids=by_name)
def test_a_train_state_takes_the_steps_of_our_own_loop(case, x64):
    """In float64, where no rounding turns a sign."""
    examples = split_digits(train=100).train
    params = SMALL.init(jax.random.key(0), examples[0])
    state = TrainState.create(apply_fn=SMALL.apply, params=params, tx=case.build(0.01))
    apply = jax.jit(lambda state, gradient: state.apply_gradients(grads=gradient))
    for _ in range(STEPS):
        state = apply(state, gradient_of_small(state.params, examples))
    loss = jd.losses.cross_entropy(SMALL.apply)
    batches = jd.batches.full(examples)
    descend = jax.jit(lambda x: jd.descend(loss, x, case.build(0.01), STEPS, batches=batches))
    ours = descend(params)
    assert state.step == ours.step == STEPS
    for theirs, own, start in zip(
        *map(jax.tree.leaves, (state.params, ours.params, params)), strict=True
    ):
        np.testing.assert_allclose(theirs, own, rtol=0, atol=1e-12)
        assert np.max(np.abs(theirs - start)) > 1e-5


def test_a_train_state_with_our_adam_learns_to_read_digits():
    digits = split_digits()
    batches, key = jd.batches.epoch_shuffled(digits.train, 100), jax.random.key(0)
    loss, accuracy = (score(LARGE.apply) for score in (jd.losses.cross_entropy, jd.losses.accuracy))
    start = LARGE.init(key, digits.train[0])
    optimizer = jd.chain(jd.clip_by_global_norm(1.0), jd.adam(jd.schedules.cosine(0.02, 300)))
    state = TrainState.create(apply_fn=LARGE.apply, params=start, tx=optimizer)

    @jax.jit
    def step(state):
        gradient = jax.grad(loss)(state.params, batches(key, state.step))
        return state.apply_gradients(grads=gradient)

    for _ in range(300):
        state = step(state)
    assert accuracy(start, digits.test) < 0.25
    assert accuracy(state.params, digits.test) > 0.95


KINDS = {
    "an array at a time": jd.adam(0.01),
    "a wrapper": jd.lookahead(jd.adam(0.01), 2, 0.5),
    "with random numbers": jd.noisy_sgd(0.01),
    "with the loss": jd.polyak_sgd(),
    "with the loss elsewhere": jd.sam(jd.sgd(0.01)),
    "matrices": jd.muon(0.01),
}


@pytest.mark.parametrize(
    ("kind", "holds_the_model"), [*((kind, False) for kind in KINDS), ("with the loss", True)]
)
def test_the_optimizers_of_nnx_take_the_steps_of_our_own_loop(kind, holds_the_model, x64):
    x, labels = split_digits(train=100).train
    model = nnx.Linear(64, 10, param_dtype=float, rngs=nnx.Rngs(0))
    graph, start = nnx.split(model)

    def loss(model):
        return jd.losses.cross_entropy(lambda model, x: model(x))(model, (x, labels))

    def loss_of(params):
        return loss(nnx.merge(graph, params))

    ours = jd.descend(loss_of, start, KINDS[kind], STEPS)
    make = nnx.ModelAndOptimizer if holds_the_model else nnx.Optimizer
    optimizer = make(model, KINDS[kind], wrt=nnx.Param)
    for _ in range(STEPS):
        value, gradient = nnx.value_and_grad(loss)(model)
        to = (gradient,) if holds_the_model else (model, gradient)
        optimizer.update(*to, value=value, value_fn=loss_of)
    for theirs, own in zip(*map(jax.tree.leaves, (nnx.state(model), ours.params)), strict=True):
        np.testing.assert_allclose(theirs, own, rtol=0, atol=1e-12)
