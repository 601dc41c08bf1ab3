"""The best point of a sweep: as plain loops over its points find it, diverged runs counted."""

import statistics

import jax.numpy as jnp
import numpy as np
import pytest
import xarray
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import jdescent as jd

VERDICTS = np.array(["step limit", "diverged", "non-finite"])


def a_grid(losses, verdicts=None):
    """A sweep's result over optimizers, rates and seeds."""
    axes = ("optimizer", "rate", "seed")
    verdicts = (
        np.where(np.isfinite(losses), "step limit", "diverged") if verdicts is None else verdicts
    )
    coords = {"rate": 0.1 * np.arange(losses.shape[1]), "optimizer": list("ab")[: len(losses)]}
    data = {"verdict_loss": (axes, losses), "verdict": (axes, verdicts)}
    return xarray.Dataset(data, coords=coords)


losses = st.sampled_from([0.0, 0.5, 1.0, 3.0, np.inf, np.nan])


@given(data=st.data(), by=st.sampled_from(["mean", "median"]), largest=st.booleans())
def test_the_best_point_is_what_loops_find(data, by, largest):
    shape = tuple(data.draw(st.tuples(*[st.integers(1, 3)] * 2, st.integers(1, 5))))
    shape, size = (min(shape[0], 2), *shape[1:]), min(shape[0], 2) * shape[1] * shape[2]
    numbers = np.array(data.draw(st.lists(losses, min_size=size, max_size=size)))
    numbers = numbers.reshape(shape)
    found = jd.best(a_grid(numbers), over="seed", each="optimizer", by=by, largest=largest)
    worst = -np.inf if largest else np.inf
    average = {
        "mean": np.mean,
        "median": statistics.median_low if largest else statistics.median_high,
    }
    for i, of_rates in enumerate(numbers):
        each = []
        for of_seeds in of_rates:
            counted = [x if np.isfinite(x) else worst for x in of_seeds]
            exact = statistics.median(counted) if np.isfinite(counted).all() else None
            value = average[by](counted) if by == "mean" or exact is None else exact
            each.append(value)
        extreme = max(each) if largest else min(each)
        here, at = found.isel(optimizer=i), each.index(extreme)
        assert here.verdict_loss == pytest.approx(extreme)
        assert here.rate == 0.1 * at
        assert here.ties == sum(value == pytest.approx(extreme) for value in each)
        assert here.diverged == np.mean(~np.isfinite(of_rates[at]))
        assert here.runs == shape[2]
        assert here.low <= here.verdict_loss <= here.high


def test_the_interval_of_a_mean_is_that_of_scipy():
    numbers = np.random.default_rng(1).normal(size=(1, 1, 12))
    found = jd.best(a_grid(numbers), over="seed", level=0.9)
    expected = stats.ttest_1samp(numbers[0, 0], 0).confidence_interval(0.9)
    np.testing.assert_allclose([found.low, found.high], [expected.low, expected.high])


@pytest.mark.parametrize("quantile", [0.25, 0.5, 0.8])
def test_the_interval_of_a_quantile_covers_it_as_often_as_it_says(quantile):
    """At least: counts are whole numbers. 4000 samples, five standard errors of each tail."""
    numbers = np.random.default_rng(2).exponential(size=(1, 4000, 15))
    missed = []
    for samples in (a_grid(numbers), a_grid(np.where(numbers > 2.0, np.inf, numbers))):
        found = jd.best(samples, over="seed", each=("optimizer", "rate"), by=quantile)
        exact = -np.log1p(-quantile)  # below 2: what diverged there is above it
        missed += [(found.low > exact).mean(), (found.high < exact).mean()]
        expected = stats.quantile_test(numbers[0, 0], p=quantile).confidence_interval(0.95)
        np.testing.assert_allclose(found.low[0, 0], expected.low)
        if quantile < 0.8:
            np.testing.assert_allclose(found.high[0, 0], expected.high)
        else:  # all 15 lie below the quantile in 0.8¹⁵ = 3.5 % of the cases
            assert np.isinf(found.high).all()
            assert np.isnan(expected.high)
    assert max(missed) < 0.025 + 5 * np.sqrt(0.025 * 0.975 / 4000)


def test_without_seeds_enough_an_interval_says_nothing():
    found = jd.best(a_grid(np.arange(5.0).reshape(1, 1, 5)), over="seed", by="median")
    assert (found.low, found.verdict_loss, found.high) == (-np.inf, 2, np.inf)
    alone = jd.best(a_grid(np.ones((2, 3, 1))))
    assert (alone.low, alone.high, alone.ties, alone.runs) == (-np.inf, np.inf, 6, 1)


def test_runs_that_diverged_count_whatever_number_they_left():
    numbers = np.array([[[0.1, 0.1, 0.1], [0.5, 0.5, 0.6]]])
    verdicts = np.array([[["step limit", "diverged", "non-finite"], ["converged"] * 3]])
    grid = a_grid(numbers, verdicts)
    found = jd.best(grid, over="seed")
    assert (found.rate, found.diverged) == (0.1, 0)
    np.testing.assert_array_equal(jd.finite(grid), [[[True, False, False], [True] * 3]])
    np.testing.assert_array_equal(
        grid.verdict_loss.where(jd.finite(grid)), np.where(jd.finite(grid), numbers, np.nan)
    )


def test_of_a_sweep_the_largest_stable_rate_is_where_runs_stay_finite():
    limit = 2 / 4

    def run(rate, optimizer):
        return jd.descend(
            jd.losses.bowl((2.0, 4.0)), jnp.ones(2), optimizer(rate), 400, record=None
        )

    grid = jd.sweep(run, rate=[0.3, 0.49, 0.51, 0.7], optimizer={"sgd": jd.sgd, "adam": jd.adam})
    stable = jd.finite(grid)
    np.testing.assert_array_equal(stable.sel(optimizer="sgd"), grid.rate < limit)
    assert stable.dims == ("rate", "optimizer")
    found = jd.best(grid, each="optimizer")
    assert found.rate.sel(optimizer="sgd") == np.float32(0.3)
    unnamed = jd.sweep(lambda x: {"a": jnp.sqrt(x), "b": jnp.arange(2.0) / x}, x=[-1.0, 0.0, 1.0])
    np.testing.assert_array_equal(jd.finite(unnamed), [False, False, True])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"variable": "loss"}, "no variable 'loss', but verdict_loss, verdict, path"),
        ({"over": "seeds"}, "no axis 'seeds', but optimizer, rate, seed"),
        ({"over": "seed", "each": "seed"}, "over and each share seed"),
        ({"variable": "path"}, r"more than one number a run, along step: .*path\.isel\(step=-1\)"),
        ({"by": "max"}, "by must be 'mean', 'median' or a quantile between 0 and 1, got 'max'"),
        ({"by": 1.0}, "by must be"),
        ({"level": 95}, "level must be between 0 and 1, got 95"),
    ],
)
def test_what_has_no_best_is_refused(asked, said, as_users_run):
    grid = a_grid(np.zeros((2, 3, 2)))
    grid["path"] = grid.verdict_loss.expand_dims(step=4, axis=-1)
    with pytest.raises(ValueError, match=said):
        jd.best(grid, **asked)


def test_a_sweep_that_is_not_finished_has_no_best_yet():
    grid = a_grid(np.zeros((1, 2, 2)), np.array([[["step limit", ""], ["step limit"] * 2]]))
    with pytest.raises(ValueError, match="1 of 4 runs are not finished"):
        jd.best(grid, over="seed")
    marked = a_grid(np.zeros((1, 2, 2))).assign(finished=(("optimizer", "rate"), [[True, False]]))
    assert not jd.finite(marked).sel(rate=0.1).any()
    with pytest.raises(ValueError, match="1 of 2 runs are not finished"):
        jd.best(marked, over="seed")
