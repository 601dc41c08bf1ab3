import inspect
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from jdescent import batches
from jdescent.losses import double_well_examples

KEY = jax.random.key(0)
RANDOM = {
    "one_example": lambda data, size: batches.one_example(data),
    "mini_batch with replacement": lambda data, size: batches.mini_batch(data, size),
    "mini_batch without": lambda data, size: batches.mini_batch(data, size, replace=False),
    "epoch_shuffled": lambda data, size: batches.epoch_shuffled(data, size),
}
SIZES = st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n)))


def draw_many(sample, draws, steps=1):
    """Batches of consecutive steps for many keys: (draws, steps, size)."""
    keys = jax.random.split(KEY, draws)
    return np.asarray(
        jax.jit(jax.vmap(lambda key: jax.vmap(lambda s: sample(key, s))(jnp.arange(steps))))(keys)
    )


@pytest.mark.parametrize("name", RANDOM)
@settings(max_examples=8)
@given(SIZES, st.integers(0, 1000))
def test_every_leaf_gives_the_same_rows_of_the_data(name, sizes, step):
    n, size = sizes
    row = np.arange(n, dtype=np.int32)
    data = {
        "row": row,
        "pair": (np.float32(row) / 7, np.stack([row, -row], axis=1)),
        "none": None,
    }
    batch = RANDOM[name](data, size)(KEY, step)
    rows = batch["row"]
    assert rows.shape == ((1,) if name == "one_example" else (size,))
    assert jax.tree.structure(batch) == jax.tree.structure(data)
    np.testing.assert_array_equal(batch["pair"][0], data["pair"][0][rows])
    np.testing.assert_array_equal(batch["pair"][1], data["pair"][1][rows])
    if "without" in name or "shuffled" in name:
        assert len(set(rows.tolist())) == len(rows)


@settings(max_examples=15)
@given(SIZES, st.integers(0, 2**31 - 1))
def test_an_epoch_visits_no_example_twice_and_all_of_them_if_the_size_divides(sizes, seed):
    n, size = sizes
    sample, key = batches.epoch_shuffled(jnp.arange(n), size), jax.random.key(seed)
    for epoch in range(3):
        seen = np.concatenate([sample(key, epoch * (n // size) + k) for k in range(n // size)])
        assert len(set(seen.tolist())) == len(seen) == n - n % size


def test_each_epoch_has_its_own_permutation():
    sample = batches.epoch_shuffled(jnp.arange(64), 64)
    orders = {tuple(sample(KEY, epoch).tolist()) for epoch in range(20)}
    assert len(orders) == 20


@pytest.mark.parametrize(
    ("name", "possible"),
    [
        ("one_example", list(itertools.product(range(4), repeat=1))),
        ("mini_batch with replacement", list(itertools.product(range(4), repeat=2))),
        ("mini_batch without", list(itertools.permutations(range(4), 2))),
        ("epoch_shuffled", list(itertools.permutations(range(4), 2))),
    ],
)
@pytest.mark.parametrize("step", [0, 1])
def test_every_ordered_batch_is_equally_likely(name, possible, step):
    drawn = draw_many(RANDOM[name](jnp.arange(4), 2), 20_000, steps=2)[:, step]
    counts = [np.sum(np.all(drawn == batch, axis=1)) for batch in possible]
    assert sum(counts) == len(drawn)
    assert scipy.stats.chisquare(counts).pvalue > 1e-4


def variance_of_the_mean(values, size, replace):
    """By enumeration of every ordered batch."""
    everything = (
        itertools.product(values, repeat=size) if replace else itertools.permutations(values, size)
    )
    return np.var([np.mean(batch) for batch in everything])


@given(st.lists(st.integers(-9, 9), min_size=2, max_size=6), st.integers(1, 4))
def test_variance_formulas_of_the_docstring_hold_by_enumeration(values, size):
    n, variance = len(values), np.var(values)
    size = min(size, n)
    with_replacement = variance_of_the_mean(values, size, replace=True)
    without = variance_of_the_mean(values, size, replace=False)
    assert with_replacement == pytest.approx(variance / size, abs=1e-12)
    assert without == pytest.approx(variance / size * (n - size) / (n - 1), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("mini_batch with replacement", 1.0),
        ("mini_batch without", (12 - 4) / (12 - 1)),
        ("epoch_shuffled", (12 - 4) / (12 - 1)),
    ],
)
def test_measured_variance_of_a_batch_mean_is_the_formulas(name, factor):
    values = np.random.default_rng(0).normal(size=12)
    means = draw_many(RANDOM[name](jnp.asarray(values, jnp.float32), 4), 40_000)[:, 0].mean(axis=1)
    squares = (means - values.mean()) ** 2
    z = (squares.mean() - factor * values.var() / 4) / (squares.std() / np.sqrt(len(squares)))
    assert abs(z) < 4
    assert abs(means.mean() - values.mean()) < 4 * means.std() / np.sqrt(len(means))


@pytest.mark.parametrize(
    ("name", "covariance"),
    [
        ("mini_batch with replacement", 0.0),
        ("mini_batch without", 0.0),
        ("epoch_shuffled", -1 / (12 - 1)),
    ],
)
def test_steps_are_independent_but_anti_correlated_within_a_shuffled_epoch(name, covariance):
    values = np.random.default_rng(0).normal(size=12)
    means = draw_many(RANDOM[name](jnp.asarray(values, jnp.float32), 4), 40_000, 2).mean(axis=2)
    products = np.prod(means - values.mean(), axis=1)
    z = (products.mean() - covariance * values.var()) / (products.std() / np.sqrt(len(products)))
    assert abs(z) < 4


def test_noise_of_a_shuffled_epoch_sums_to_zero():
    values = jnp.arange(12) - 6
    batch_sums = draw_many(batches.epoch_shuffled(values, 3), 100, steps=8).sum(axis=2)
    np.testing.assert_array_equal(batch_sums[:, :4].sum(axis=1), np.sum(values))
    np.testing.assert_array_equal(batch_sums[:, 4:].sum(axis=1), np.sum(values))


def escape_times(sample, runs, steps):
    """First step at which SGD from the double well's local minimum has x ≥ 1; `steps` if none."""
    slope = jax.grad(double_well_examples()[0])

    def step(x, s, key):
        x = x - 0.1 * slope(x, sample(key, s))
        return x, x >= 1

    def escaped(key):
        return jax.lax.scan(lambda x, s: step(x, s, key), jnp.array(-1.0), jnp.arange(steps))[1]

    over = np.asarray(jax.jit(jax.vmap(escaped))(jax.random.split(KEY, runs)))
    return np.where(over.any(axis=1), 1 + over.argmax(axis=1), steps)


def test_escape_takes_276_steps_with_replacement_and_many_more_epoch_shuffled():
    _, data = double_well_examples()
    times = escape_times(batches.mini_batch(data, 4), runs=1000, steps=3000)
    # 276.0 is the exact mean of the chain; of 1000 runs e^(-3000/276) × 1000 ≈ 0.02 do not finish
    assert abs(times.mean() - 276.0) < 4 * times.std() / np.sqrt(len(times))
    shuffled = escape_times(batches.epoch_shuffled(data, 4), runs=150, steps=1000)
    events = np.sum(shuffled < 1000)
    # the 1e-4 lower bound on the mean waiting time, from the time at risk of all runs
    assert 2 * shuffled.sum() / scipy.stats.chi2.ppf(1 - 1e-4, 2 * events + 2) > 4 * 276


@pytest.mark.parametrize("name", RANDOM)
def test_batch_depends_on_the_key_and_the_step_alone(name):
    sample = RANDOM[name](jnp.arange(1000), 20)
    again = RANDOM[name](jnp.arange(1000), 20)
    compiled = jax.jit(sample)
    for step in (0, 1, 49, 50, np.int64(123_456)):
        batch = sample(KEY, step)
        np.testing.assert_array_equal(batch, again(KEY, step))
        np.testing.assert_array_equal(batch, compiled(KEY, step))
    draws = [tuple(sample(jax.random.key(k), s).tolist()) for k in range(4) for s in range(4)]
    assert len(set(draws)) > 12  # of 16; two single draws of 1000 coincide now and then


@pytest.mark.parametrize("name", RANDOM)
def test_raw_keys_typed_keys_and_both_precisions_draw_the_same_rows(name):
    data = np.arange(100, dtype=np.int32)
    sample = RANDOM[name](data, 20)
    typed, raw = sample(jax.random.key(3), 7), sample(jax.random.PRNGKey(3), 7)
    np.testing.assert_array_equal(typed, raw)
    with jax.enable_x64(True):
        np.testing.assert_array_equal(typed, RANDOM[name](data, 20)(jax.random.key(3), 7))


@pytest.mark.parametrize("name", RANDOM)
def test_vmap_over_keys_and_steps_equals_a_loop(name):
    sample, keys = RANDOM[name](jnp.arange(50), 6), jax.random.split(KEY, 5)
    over_keys = jax.vmap(sample, in_axes=(0, None))(keys, 11)
    np.testing.assert_array_equal(over_keys, jnp.stack([sample(key, 11) for key in keys]))
    _, scanned = jax.lax.scan(lambda _, step: (_, sample(KEY, step)), None, jnp.arange(20))
    np.testing.assert_array_equal(scanned, jnp.stack([sample(KEY, step) for step in range(20)]))


def test_full_gives_the_very_same_data_without_a_key():
    data = {"x": np.arange(6.0).reshape(3, 2), "y": jnp.arange(3)}
    sample = batches.full(data)
    assert sample(None, 0) is data
    assert sample(KEY, 9) is data


def test_the_whole_data_without_replacement_has_no_noise():
    for sample in (
        batches.mini_batch(jnp.arange(7), 7, replace=False),
        batches.epoch_shuffled(jnp.arange(7), 7),
    ):
        np.testing.assert_array_equal(jnp.sort(sample(KEY, 3)), jnp.arange(7))


EVERY = {"full": lambda data, size: batches.full(data), **RANDOM}


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, r"data=\{\} holds no array"),
        (jnp.zeros((0, 2)), r"data is empty: data has 0 examples"),
        ({"x": jnp.ones(3), "y": 2.0}, r"data\['y'\] is a scalar"),
        ([1.0, 2.0], r"data\[0\], data\[1\] is a scalar.*wrap them in jnp.array"),
        (
            (jnp.ones((5, 2)), jnp.ones(4)),
            r"unequal numbers of examples: data\[0\] has 5, data\[1\] has 4",
        ),
    ],
)
def test_data_without_a_common_number_of_examples_is_refused(name, data, message):
    with pytest.raises(ValueError, match=message):
        EVERY[name](data, 1)


@pytest.mark.parametrize("factory", [batches.mini_batch, batches.epoch_shuffled])
@pytest.mark.parametrize("size", [0, -1, 6])
def test_sizes_outside_one_to_n_are_refused(factory, size):
    with pytest.raises(ValueError, match=rf"size={size} must lie between 1 and the 5 examples"):
        factory(jnp.ones(5), size)


@pytest.mark.parametrize("factory", [batches.mini_batch, batches.epoch_shuffled])
@pytest.mark.parametrize("size", [2.0, "2", None, True])
def test_sizes_that_are_not_integers_are_refused(factory, size):
    # unwrapped, so that the check speaks and not the type checker that tests add around it
    with pytest.raises(TypeError, match=r"size=.* must be an integer"):
        inspect.unwrap(factory)(jnp.ones(5), size)


@pytest.mark.parametrize("name", RANDOM)
def test_a_missing_key_is_refused_with_the_remedy(name):
    with pytest.raises(ValueError, match=r"key is None.*pass key=jax.random.key\(0\)"):
        RANDOM[name](jnp.ones(5), 2)(None, 0)


def test_windows_are_whole_runs_of_the_sequence_with_its_further_axes():
    sequence = np.arange(60, dtype=np.float32).reshape(20, 3)
    drawn = draw_many(batches.windows(sequence, 6, 4), 30, steps=2)
    assert drawn.shape == (30, 2, 4, 6, 3)
    for window in drawn.reshape(-1, 6, 3):
        first = int(window[0, 0]) // 3
        np.testing.assert_array_equal(window, sequence[first : first + 6])


@pytest.mark.parametrize(("n", "length"), [(9, 4), (9, 1), (9, 9)])
def test_windows_start_at_every_place_equally_often_the_first_and_the_last_included(n, length):
    drawn = draw_many(batches.windows(jnp.arange(n), length, 3), 6000)
    counts = np.bincount(drawn[..., 0].ravel(), minlength=n - length + 1)
    assert counts.size == n - length + 1
    if counts.size > 1:
        assert scipy.stats.chisquare(counts).pvalue > 1e-4


def test_windows_of_one_batch_and_of_two_steps_are_drawn_independently():
    drawn = draw_many(batches.windows(jnp.arange(6), 4, 2), 9000, steps=2)[..., 0]
    for first, second in (drawn[:, 0].T, drawn[:, :, 0].T):
        counts = np.bincount(3 * first + second, minlength=9)
        assert scipy.stats.chisquare(counts).pvalue > 1e-4


def test_windows_depend_on_the_key_and_the_step_alone():
    sample, again = (batches.windows(jnp.arange(1000), 5, 3) for _ in range(2))
    for step in (0, 1, np.int64(123_456)):
        windows = sample(KEY, step)
        np.testing.assert_array_equal(windows, again(KEY, step))
        np.testing.assert_array_equal(windows, jax.jit(sample)(KEY, step))
        with jax.enable_x64(True):
            np.testing.assert_array_equal(windows, sample(jax.random.key(0), step))
    draws = {str(sample(jax.random.key(k), step)) for k in range(4) for step in range(4)}
    assert len(draws) == 16


def test_windows_map_over_keys_and_scan_over_steps_as_a_loop():
    sample, keys = batches.windows(jnp.arange(50), 7, 3), jax.random.split(KEY, 5)
    over_keys = jax.vmap(sample, in_axes=(0, None))(keys, 11)
    np.testing.assert_array_equal(over_keys, jnp.stack([sample(key, 11) for key in keys]))
    _, scanned = jax.lax.scan(lambda _, step: (_, sample(KEY, step)), None, jnp.arange(20))
    np.testing.assert_array_equal(scanned, jnp.stack([sample(KEY, step) for step in range(20)]))


@pytest.mark.parametrize("length", [0, -1, 6])
def test_windows_longer_than_the_sequence_or_empty_are_refused(length):
    said = rf"length={length} must lie between 1 and the 5 entries of the sequence"
    with pytest.raises(ValueError, match=said):
        batches.windows(jnp.ones(5), length, 2)


@pytest.mark.parametrize("size", [0, -3])
def test_fewer_windows_than_one_are_refused(size):
    with pytest.raises(ValueError, match=rf"size={size} must be at least 1"):
        batches.windows(jnp.ones(5), 2, size)


@pytest.mark.parametrize("name", ["length", "size"])
@pytest.mark.parametrize("number", [2.0, "2", None, True])
def test_lengths_and_sizes_of_windows_that_are_not_integers_are_refused(name, number):
    numbers = {"length": 2, "size": 2, name: number}
    with pytest.raises(TypeError, match=rf"{name}=.* must be an integer"):
        inspect.unwrap(batches.windows)(jnp.ones(5), **numbers)


@pytest.mark.parametrize(
    ("sequence", "message"),
    [(jnp.ones(()), "data is a scalar"), (jnp.ones((0, 3)), "data is empty: data has 0 examples")],
)
def test_sequences_without_entries_are_refused(sequence, message):
    with pytest.raises(ValueError, match=message):
        batches.windows(sequence, 1, 1)


def test_windows_without_a_key_are_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"key is None.*pass key=jax.random.key\(0\)"):
        batches.windows(jnp.ones(5), 2, 1)(None, 0)


SAMPLERS = {
    **{name: lambda data, f=f: f(data, 2) for name, f in RANDOM.items()},
    "windows": lambda data: batches.windows(data, 2, 2),
}


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("step", [-1, 2**31, 2**32 + 1, np.int64(2**32 + 1), np.int64(-1)])
def test_steps_that_int32_does_not_count_are_refused_and_never_read_as_others(name, step):
    with pytest.raises(ValueError, match=f"step={step} must lie between 0 and 2³¹ − 1"):
        SAMPLERS[name](np.arange(50))(KEY, step)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("step", [1.5, 1.0, True, np.float32(1), jnp.array(2.0)])
def test_steps_that_are_no_integers_are_refused(name, step):
    with pytest.raises(TypeError, match=r"step=.* must be an integer"):
        SAMPLERS[name](np.arange(50))(KEY, step)


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_last_step_that_int32_counts_has_a_batch_of_its_own(name):
    sample, last = SAMPLERS[name](np.arange(50)), 2**31 - 1
    np.testing.assert_array_equal(sample(KEY, last), jax.jit(sample)(KEY, jnp.int32(last)))
    drawn = {str(np.asarray(sample(KEY, step)).tolist()) for step in range(last - 24, last + 1)}
    assert len(drawn) > 15


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize(
    ("number", "told"), [(2**40 + 1, r"int32 .* become 1\."), (-1e300, r"float32 .* become -inf\.")]
)
def test_data_that_jax_would_hold_as_other_numbers_are_refused(name, number, told):
    data = np.array([1, 2, number, 4, 5])
    with pytest.raises(ValueError, match=rf"holds .* at \(2,\), which {told}.*jax_enable_x64"):
        SAMPLERS[name](data)
    with jax.enable_x64(True):
        drawn = np.asarray(SAMPLERS[name](data)(KEY, 0)).ravel()
        assert set(drawn.tolist()) <= set(data.tolist())


def test_data_of_narrower_dtypes_stay_as_they_are():
    data = {"tokens": np.arange(200, dtype=np.uint8), "half": np.ones(200, np.float16)}
    batch = batches.mini_batch(data, 3)(KEY, 0)
    assert (batch["tokens"].dtype, batch["half"].dtype) == (jnp.uint8, jnp.float16)


@pytest.mark.parametrize("replace", ["no", 0, None])
def test_a_replace_that_is_no_boolean_is_refused(replace):
    with pytest.raises(TypeError, match="replace must be True or False, got"):
        inspect.unwrap(batches.mini_batch)(jnp.ones(5), 2, replace)


def test_words_beyond_int32_are_refused():
    words = np.array([1, 2**32 + 1, 3, 4, 5, 6])
    with pytest.raises(ValueError, match=f"words must be numbers below 2³¹, got {2**32 + 1}"):
        batches.skip_grams(words, 2, window=1, noise=np.ones(9))


def test_data_of_text_is_refused_by_name():
    with pytest.raises(TypeError, match=r"data\['x'\] is of dtype <U1: give numbers"):
        batches.mini_batch({"x": np.array(["a", "b"])}, 1)
