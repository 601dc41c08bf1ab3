"""Adam's cycle of two steps by hand, against Adam itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jdescent import analysis

DECAYS = st.floats(0.0, 0.999)


def step(state, b1, b2, nesterov):
    """One step of Adam on ½x² at rate 1, long after the start."""
    x, m, v = state
    m, v = b1 * m + (1 - b1) * x, b2 * v + (1 - b2) * x * x
    ahead = b1 * m + (1 - b1) * x if nesterov else m
    return np.array([x - ahead / np.sqrt(v), m, v])


def on_the_cycle(b1, b2, nesterov):
    x = analysis.adam_cycle(b1, b2, nesterov).amplitude
    return np.array([x, -(1 - b1) / (1 + b1) * x, x * x])


@given(DECAYS, DECAYS, st.booleans())
def test_a_step_from_the_cycle_changes_its_sign(b1, b2, nesterov):
    state = on_the_cycle(b1, b2, nesterov)
    np.testing.assert_allclose(step(state, b1, b2, nesterov), state * [-1, -1, 1], rtol=1e-9)


@given(st.floats(0.0, 0.95), st.floats(0.5, 0.999), st.booleans())
def test_multipliers_are_those_of_the_jacobian_of_a_step(b1, b2, nesterov):
    state = on_the_cycle(b1, b2, nesterov)
    flips, columns = np.array([-1, -1, 1]), []
    for i in range(3):
        d = np.zeros(3)
        d[i] = 1e-6 * abs(state[i])
        up, down = step(state + d, b1, b2, nesterov), step(state - d, b1, b2, nesterov)
        columns.append(flips * (up - down) / (2 * d[i]))
    found = np.poly(np.array(columns).T)  # eigenvalues that meet are not smooth in the entries
    sizes = np.sort(np.abs(np.roots(found)))[::-1]
    exact = analysis.adam_cycle(b1, b2, nesterov).multipliers
    np.testing.assert_allclose(sizes, exact, atol=2e-3)
    np.testing.assert_allclose(np.prod(exact), abs(found[3]), atol=1e-6)


@given(st.floats(0.12, 0.9999))
def test_without_momentum_the_multipliers_are_the_root_of_the_decay(b2):
    found = analysis.adam_cycle(0.0, b2)
    np.testing.assert_allclose(found.multipliers, [b2**0.5, b2**0.5, 0], atol=1e-6)
    assert found.is_stable


def test_decays_out_of_range_are_refused():
    with pytest.raises(ValueError, match="b1"):
        analysis.adam_cycle(1.0, 0.9)
