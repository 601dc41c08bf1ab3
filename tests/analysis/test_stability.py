"""The largest stable rate of any optimizer, against closed forms and against its own runs."""

from functools import partial

import numpy as np
import optax
import pytest

import jdescent as jd
from jdescent.analysis import (
    adam_critical_sharpness,
    adamw_limit,
    ema_momentum_limit,
    gd_limit,
    heavy_ball_limit,
    largest_stable_rate,
    nadam_critical_sharpness,
    nesterov_limit,
    rmsprop_critical_sharpness,
    sgdw_limit,
)

CURVATURE, BETA, DECAY, V = 3.0, 0.9, 0.4, 49.0  # P = 1/7


def of_average(library):
    return lambda lr: library.chain(library.ema(BETA, debias=False), library.sgd(lr))


def coupled(lr):
    return optax.chain(optax.add_decayed_weights(DECAY), optax.sgd(lr, BETA))


# theory.md, section A: the limits at λ = 3, β = 0.9, P = 1/7, w = 0.4
CLOSED_FORMS = {
    "gd": (jd.sgd, None, gd_limit(CURVATURE)),
    "gd of optax": (optax.sgd, None, gd_limit(CURVATURE)),
    "heavy ball": (jd.heavy_ball, None, heavy_ball_limit(CURVATURE, BETA)),
    "heavy ball of optax": (partial(optax.sgd, momentum=BETA), None, 3.8 / 3),
    "average": (of_average(jd), None, ema_momentum_limit(CURVATURE, BETA)),
    "average of optax": (of_average(optax), None, 38 / 3),
    "dampening": (
        partial(jd.sgd, momentum=BETA, dampening=0.3),
        None,
        heavy_ball_limit(CURVATURE, BETA, 0.3),
    ),
    "nesterov": (jd.nesterov, None, nesterov_limit(CURVATURE, BETA)),
    "nesterov of optax": (partial(optax.sgd, momentum=BETA, nesterov=True), None, 3.8 / 8.4),
    "rmsprop": (partial(jd.rmsprop, eps=0.0), {"v": V}, 7 / CURVATURE * 2),
    "adam": (partial(jd.adam, eps=0.0), {"v": V}, 7 / CURVATURE * 38),
    "adam of optax": (partial(optax.adam, eps=0.0), {"nu": V}, 7 / CURVATURE * 38),
    "nadam": (partial(jd.nadam, eps=0.0), {"v": V}, 7 / CURVATURE * 3.8 / 0.28),
    "adamw": (
        partial(jd.adamw, eps=0.0, weight_decay=DECAY),
        {"v": V},
        adamw_limit(CURVATURE / 7, BETA, DECAY),
    ),
    "sgdw": (partial(jd.sgdw, weight_decay=DECAY), None, sgdw_limit(CURVATURE, BETA, DECAY)),
    "coupled": (coupled, None, heavy_ball_limit(CURVATURE + DECAY, BETA)),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_limits_equal_the_closed_forms(name):
    make, held, expected = CLOSED_FORMS[name]
    found = largest_stable_rate(make, CURVATURE, held=held)
    np.testing.assert_allclose(found.rate, expected, rtol=1e-9)
    assert found.kind == ("frozen preconditioner" if held else "linear")
    below, above = found.growth(found.rate * np.array([0.999, 1.001]))
    assert below < 0 < above


def test_critical_sharpnesses_are_the_same_limits_turned_round():
    for make, critical in [
        (partial(jd.rmsprop, eps=0.0), rmsprop_critical_sharpness),
        (partial(jd.adam, eps=0.0), adam_critical_sharpness),
        (partial(jd.nadam, eps=0.0), nadam_critical_sharpness),
    ]:
        found = largest_stable_rate(make, CURVATURE, held={"v": V})
        np.testing.assert_allclose(critical(found.rate), CURVATURE / 7, rtol=1e-9)


@pytest.mark.parametrize("period", [1, 2, 5, 6])
@pytest.mark.parametrize("share", [0.5, 0.8])
def test_lookahead_is_a_map_of_its_period(period, share):
    found = largest_stable_rate(lambda lr: jd.lookahead(jd.sgd(lr), period, share), CURVATURE)
    odd = 1 + ((2 - share) / share) ** (1 / period)
    np.testing.assert_allclose(found.rate * CURVATURE, odd if period % 2 else 2, rtol=1e-9)
    assert found.period == period
    np.testing.assert_allclose(found.measured(), found.rate, rtol=1e-3)


@pytest.mark.parametrize("make", [jd.schedule_free_sgd, optax.contrib.schedule_free_sgd])
def test_schedule_free_ends_with_that_of_its_steps(make):
    found = largest_stable_rate(partial(make, b1=BETA), CURVATURE)
    np.testing.assert_allclose(found.rate, 2 / ((1 - BETA) * CURVATURE), rtol=1e-7)
