"""The largest stable rate of everything that optax has to offer, at λ = 3 and its defaults."""

import inspect
from functools import partial

import jax.numpy as jnp
import numpy as np
import optax
import pytest
from optax import contrib
from optax._src import alias

import jdescent as jd
from jdescent.analysis import (
    gd_limit,
    largest_stable_rate,
    lookahead_limit,
    nesterov_limit,
    optimistic_limit,
    schedule_free_limit,
)

# optax's own, of arguments that it will want otherwise
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:optax", "ignore:Specifying a key:UserWarning"
)

CURVATURE = 3.0

# The kind of limit, or what the reason says where there is none.
EXPECTED = {
    "linear": """
        apply_if_finite fromage lars noisy_sgd optimistic_gradient_descent schedule_free
        schedule_free_sgd sgd sophia split_real_and_imaginary
    """,
    "periodic map": "multi_steps sam",
    "inf": "momo momo_adam reduce_on_plateau",
    "cycle": """
        adabelief adadelta adafactor adam adamax adamaxw adamw adan ademamix galore lion muon nadam
        nadamw novograd optimistic_adam optimistic_adam_v2 radam rmsprop schedule_free_adamw
        sign_sgd signum simplified_ademamix
    """,
    "reaches the minimum": """
        adagrad adopt amsgrad cocob madgrad mechanize rprop sm3 yogi
    """,
    "leaves the minimum": "acprop dadapt_adamw dog dowg prodigy",
    "not additive": "lamb lbfgs",
    "the rate changes nothing": "polyak_sgd",
    "NaN or infinite at the minimum": "normalize",
}
KIND_OF = {name: kind for kind, names in EXPECTED.items() for name in names.split()}

CLOSED_FORMS = {
    "sgd": gd_limit(CURVATURE),
    "noisy_sgd": gd_limit(CURVATURE),
    "apply_if_finite": gd_limit(CURVATURE),
    "multi_steps": gd_limit(CURVATURE),
    "split_real_and_imaginary": gd_limit(CURVATURE),
    "optimistic_gradient_descent": optimistic_limit(CURVATURE),
    "schedule_free_sgd": schedule_free_limit(CURVATURE),
    "schedule_free": schedule_free_limit(CURVATURE),
    "sam": gd_limit(CURVATURE * (1 + 0.05 * CURVATURE)),  # g at x + ρg is λ(1 + ρλ)x
}

# What is called otherwise than with a learning rate alone.
SET = {
    "apply_if_finite": lambda lr: optax.apply_if_finite(optax.sgd(lr), 3),
    "mechanize": lambda lr: contrib.mechanize(optax.sgd(lr)),
    "multi_steps": lambda lr: optax.MultiSteps(optax.sgd(lr), 4).gradient_transformation(),
    "normalize": lambda lr: optax.chain(contrib.normalize(), optax.sgd(lr)),
    "reduce_on_plateau": lambda lr: optax.chain(optax.sgd(lr), contrib.reduce_on_plateau()),
    "sam": lambda lr: contrib.sam(optax.sgd(lr), optax.sgd(0.05)),
    "schedule_free": lambda lr: contrib.schedule_free(optax.sgd(lr), lr),
    "split_real_and_imaginary": lambda lr: contrib.split_real_and_imaginary(optax.sgd(lr)),
}

# What is no optimizer of one gradient: why, and the error that says so.
OF_EXAMPLES = "reads a gradient for each example"
CANNOT = {
    "dpsgd": (
        OF_EXAMPLES,
        partial(contrib.dpsgd, l2_norm_clip=1.0, noise_multiplier=0.1, seed=0),
        IndexError,
    ),
    "differentially_private_aggregate": (
        OF_EXAMPLES,
        lambda lr: optax.chain(
            contrib.differentially_private_aggregate(1.0, 0.1, 0), optax.sgd(lr)
        ),
        IndexError,
    ),
    "lookahead": (
        "moves pairs of parameters, fast and slow",
        lambda lr: optax.lookahead(optax.sgd(lr), 5, 0.5),
        AttributeError,
    ),
}
NOT_OPTIMIZERS = {"hutchinson_estimator_diag_hessian", "schedule_free_eval_params"}


def public_optimizers() -> set[str]:
    of_optax = {
        name for name, value in vars(alias).items()
        if callable(value) and name in vars(optax) and name != "MultiSteps"
        and "learning_rate" in _arguments(value)
    }  # fmt: skip
    of_contrib = {
        name for name, value in vars(contrib).items()
        if inspect.isfunction(value) and not name.startswith(("_", "scale_by"))
    }  # fmt: skip
    return of_optax | of_contrib


def _arguments(value) -> set[str]:
    try:
        return set(inspect.signature(value).parameters)
    except (TypeError, ValueError):
        return set()


def make_of(name):
    return SET.get(name) or getattr(optax, name, None) or getattr(contrib, name)


def test_every_public_optimizer_has_an_expected_kind_or_a_reason():
    assert public_optimizers() <= set(KIND_OF) | set(CANNOT) | NOT_OPTIMIZERS


@pytest.mark.parametrize("name", KIND_OF)
def test_every_optimizer_of_optax(name):
    # its SM3 fails on a parameter without a dimension
    found = largest_stable_rate(make_of(name), [CURVATURE], params=jnp.zeros(1))
    kind = KIND_OF[name]
    if kind == "inf":
        assert found.rate == np.inf
        assert found.growth(1e3) <= 1e-3
    elif kind in ("linear", "periodic map"):
        assert found.kind == kind
        if name in CLOSED_FORMS:
            np.testing.assert_allclose(found.rate, CLOSED_FORMS[name], rtol=1e-7)
        np.testing.assert_allclose(found.measured(), found.rate, rtol=1.1e-3)
    elif kind == "cycle":
        assert found.kind == kind
        assert 1e-4 < found.oscillation.largest < 3
    else:
        assert found.kind == "none"
        assert kind in found.reason


@pytest.mark.parametrize("name", CANNOT)
def test_what_is_no_optimizer_of_one_gradient_says_so(name):
    _, make, error = CANNOT[name]
    with pytest.raises(error):
        largest_stable_rate(make, CURVATURE)


def test_nesterov_and_lookahead_have_their_limits_in_optax_too():
    nesterov = partial(optax.sgd, momentum=0.9, nesterov=True)
    np.testing.assert_allclose(
        largest_stable_rate(nesterov, CURVATURE).rate, nesterov_limit(CURVATURE, 0.9), rtol=1e-9
    )
    ours = largest_stable_rate(lambda lr: jd.lookahead(optax.sgd(lr), 5, 0.5), CURVATURE)
    np.testing.assert_allclose(ours.rate, lookahead_limit(CURVATURE, 5, 0.5), rtol=1e-9)


@pytest.mark.parametrize("make", [jd.muon, contrib.muon])
def test_muon_stays_within_two_rates_of_a_matrix(make):
    found = largest_stable_rate(make, 1.0, params=jnp.zeros((8, 6)))
    assert found.kind == "cycle"
    assert 0.75 < found.oscillation.mean < 1.05
    assert 1.2 < found.oscillation.largest < 2.2


def test_a_loop_of_its_own_finds_the_same_amplitude_of_muon(x64):
    rate, start = 0.1, np.random.default_rng(0).normal(size=(8, 6))
    path = jd.descend(
        lambda W: 0.5 * jnp.sum(W**2), jnp.asarray(start), jd.muon(rate), 2000, record="params"
    )
    norms = np.linalg.norm(np.asarray(path.record["params"])[1000:], 2, (1, 2)) / rate
    np.testing.assert_allclose(norms.mean(), 0.95, atol=0.02)
    assert 1.4 < norms.max() < 2.2
