"""What the loop refuses, and that it says so: name, what came, what was expected."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jdescent as jd
from jdescent.trajectory import Status

PARABOLA = jd.losses.parabola()
pytestmark = pytest.mark.usefixtures("as_users_run")


def run(loss=PARABOLA, start=0.0, optimizer=None, steps=3, **options):
    return jd.descend(loss, start, optimizer or jd.sgd(0.1), steps, **options)


@pytest.mark.parametrize(
    ("loss", "told"),
    [
        (lambda x: jnp.stack([x, x]), r"got shape \(2,\): take its mean or sum"),
        (lambda x: (x, x), r"got PyTreeDef\(\(\*, \*\)\)"),
        (lambda x: None, r"got PyTreeDef\(None\)"),
        (lambda x: jnp.array(1), "got dtype int32"),
        (lambda x: x > 1, "got dtype bool"),
        (lambda x: jnp.asarray(x, jnp.complex64), "got dtype complex64"),
    ],
)
def test_a_loss_that_is_not_one_real_scalar(loss, told):
    with pytest.raises(TypeError, match="loss must return one real scalar, " + told):
        run(loss)


@pytest.mark.parametrize(
    "loss", [jd.losses.bowl, lambda x, batch: x @ x, lambda: 0.0, lambda x: np.asarray(x).sum()]
)
def test_an_error_in_the_loss_says_how_it_was_called(loss):
    with pytest.raises((TypeError, ValueError)) as caught:
        jd.descend(loss, jnp.ones(2), jd.sgd(0.1), 1)
    assert "loss(params)" in caught.value.__notes__[-1]
    assert "losses.bowl()" in caught.value.__notes__[-1]


@pytest.mark.parametrize("name", ["steps", "every"])
def test_counts_that_are_not_positive_integers(name):
    for count in (0, -1, np.int32(-5)):
        with pytest.raises(ValueError, match=f"{name} must be at least 1, got {int(count)}"):
            run(**{name: count})
    for count in (1.5, "3", [3], np.array([3, 4]), True, np.True_):
        with pytest.raises(TypeError, match=f"{name} must be a Python integer, got"):
            run(**{name: count})
    with pytest.raises(TypeError, match=f"{name} must be a Python integer, got"):
        jax.jit(lambda count: run(**{name: count}).params)(3)
    assert run(**{name: np.int64(2)}).params == run(**{name: 2}).params


@pytest.mark.parametrize("name", ["tolerance", "divergence"])
def test_bounds_that_are_not_numbers_at_least_zero(name):
    for bound in (-1e-3, float("nan"), jnp.array(-1.0)):
        with pytest.raises(ValueError, match=f"{name} must be ≥ 0, got {float(bound)}"):
            run(**{name: bound})
    with pytest.raises(ValueError, match=rf"{name} must be a scalar, got shape \(2,\)"):
        run(**{name: jnp.array([1.0, 2.0])})
    for bound in ("small", True, 1j, [1.0]):
        with pytest.raises(TypeError, match=f"{name} must be a real number, got"):
            run(**{name: bound})
    reached = {"tolerance": (Status.CONVERGED, 0), "divergence": (Status.STEP_LIMIT, 3)}[name]
    verdict = run(**{name: jnp.inf}).verdict
    assert (verdict.status, verdict.step) == reached


def test_a_divergence_of_none():
    with pytest.raises(TypeError, match="divergence must be a real number, got None"):
        run(divergence=None)


def test_a_missing_key_where_batches_are_drawn():
    def loss(x, batch):
        return jnp.mean((x - batch) ** 2)

    for sampler in (jd.batches.mini_batch, jd.batches.epoch_shuffled):
        with pytest.raises(ValueError, match=r"key is None.*pass key=jax\.random\.key\(0\)"):
            run(loss, batches=sampler(jnp.arange(4.0), 2))
    assert run(loss, batches=jd.batches.full(jnp.arange(4.0))).step == 3


@pytest.mark.parametrize(
    ("stop", "told"),
    [
        (lambda p: jnp.array([True, False]), r"got bool of shape \(2,\)"),
        (lambda p: p.loss, r"got float32 of shape \(\)"),
        (lambda p: 1, r"got int32 of shape \(\)"),
        (lambda p: None, "got None"),
        (lambda p: "bool", "got 'bool'"),
    ],
)
def test_a_stop_that_is_not_one_boolean(stop, told):
    with pytest.raises(TypeError, match="stop must return one boolean, " + told):
        run(stop=stop)


def test_a_key_that_nothing_draws_from():
    with pytest.raises(ValueError, match="key is given, but nothing draws from it: pass batches="):
        run(key=jax.random.key(0))


@pytest.mark.parametrize("name", ["loss", "stop"])
def test_what_should_be_a_function_and_is_not(name):
    with pytest.raises(TypeError, match=f"{name} must be a function, got 0.5"):
        run(**{name: 0.5})


@pytest.mark.parametrize("record", [3, True, 0.5, np.array("params")])
def test_a_record_that_is_neither_names_nor_a_function(record):
    told = f"record must be names, .* or None, got {re.escape(repr(record))}"
    with pytest.raises(TypeError, match=told):
        run(record=record)


def test_an_interval_that_no_step_counter_holds():
    with pytest.raises(ValueError, match="every must be at most 2147483647, got 2147483648"):
        run(every=2**31)
    np.testing.assert_array_equal(run(every=2**31 - 1).steps, [0, 3])


@pytest.mark.parametrize("record", ["speed", ("params", "speed"), ["speed"], np.array(["speed"])])
def test_a_record_that_is_not_known(record):
    with pytest.raises(
        ValueError, match=r"record does not know \[.*'speed'.*\]: name some of \['aux"
    ):
        run(record=record)


@pytest.mark.parametrize("start", [3, jnp.arange(2), {"w": jnp.array(1j)}, True])
def test_starts_that_cannot_be_descended_on(start):
    with pytest.raises(TypeError, match="parameters must be floating-point: "):
        run(start=start)


def test_an_optimizer_that_has_not_been_made():
    with pytest.raises(TypeError, match=r"optimizer must have init and update, got <.*sgd.*>: "):
        jd.descend(PARABOLA, 0.0, jd.sgd, 3)
    with pytest.raises(TypeError, match=r"optimizer must have init and update, got 0\.1"):
        jd.chain(jd.clip(1.0), 0.1)


def test_nothing_is_computed_before_the_arguments_are_checked():
    def explosive(x):
        raise RuntimeError("the loss was called")

    with pytest.raises(ValueError, match="steps must be"):
        run(explosive, steps=0)
    with pytest.raises(ValueError, match="record does not know"):
        run(explosive, record="speed")


def test_data_where_a_sampler_belongs():
    data = jnp.arange(3.0)
    with pytest.raises(TypeError, match=r"sampler \(key, step\) -> batch.*batches\.full\(data\)"):
        run(lambda x, batch: jnp.mean((x - batch) ** 2), batches=data)


def test_what_is_returned_and_is_no_array_is_refused_by_name():
    for name, wrong in {
        "what record returns": {"record": lambda point: {"a": "abc"}},
        "what the loss returns": {"loss": lambda x: {"a": "abc"}},
        "the optimizer's state": {
            "optimizer": jd.Optimizer(lambda x: {"a": "abc"}, lambda g, s, x: (g, s))
        },
    }.items():
        with pytest.raises(TypeError, match=rf"{name} must be numbers or arrays: \['a'\] is 'abc'"):
            run(**wrong)


NO_KEYS = [0, jnp.ones(2), np.uint32(3), jnp.zeros(2, int), jnp.zeros(3, jnp.uint32), "key"]
KEYS = [jax.random.split(make(0), (3, 2)) for make in (jax.random.key, jax.random.PRNGKey)]
DRAWN_BY = {
    "descend": lambda key: run(
        lambda x, batch: jnp.mean((x - batch) ** 2),
        batches=jd.batches.full(jnp.arange(4.0)),
        key=key,
    ),
    "sampler": lambda key: jd.batches.mini_batch(jnp.arange(4.0), 2)(key, 0),
    "add_noise": lambda key: jd.add_noise(key, 0.1),
}


@pytest.mark.parametrize("name", DRAWN_BY)
def test_what_is_not_one_random_key(name):
    for key in NO_KEYS:
        with pytest.raises(
            TypeError, match=r"key must be a random key, got .*jax\.random\.key\(0\)"
        ):
            DRAWN_BY[name](key)
    for keys in KEYS:
        told = r"key must be one random key, got a batch of shape \(3, 2\): .*jax\.vmap"
        with pytest.raises(ValueError, match=told):
            DRAWN_BY[name](keys)
        DRAWN_BY[name](keys[0, 0])
        DRAWN_BY[name](
            np.asarray(jax.random.key_data(keys[0, 0]) if keys.ndim == 2 else keys[0, 0])
        )
