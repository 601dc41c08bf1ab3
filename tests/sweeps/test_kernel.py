"""Loops as kernels: interpreted on a CPU, the same runs as without; and what a GPU is sent."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import jdescent as jd
from benchmarks import kernel as benchmark
from benchmarks.problems import Problem
from benchmarks.sweep import require_agreement
from jdescent._jax import lowering_for_a_gpu
from jdescent.sweeps import kernel
from jdescent.sweeps.lanes import map_lanes
from jdescent.sweeps.lanes.programs import SPLIT_LIMIT

pytestmark = pytest.mark.skipif(jax.__version_info__ < (0, 9), reason="kernels need JAX 0.9")
BOWL, START = jd.losses.bowl((2.0, 4.0)), jnp.array([2.0, 1.0])
RATES = np.geomspace(0.02, 2.0, 6)
OPTIMIZERS = {
    "momentum": lambda rate: jd.heavy_ball(rate, 0.9),
    "adam": jd.adam,
    "lion": jd.lion,
    "schedule": lambda rate: jd.sgd(lambda step: rate / (1.0 + 0.1 * jnp.float32(step))),
}
RECORDS = {
    "nothing": {"record": None},
    "every loss": {},
    "every third state": {"record": ["params", "state"], "every": 3},
    "every seventh, and some are left": {"record": "gradient_norm", "every": 7},
    "a tolerance": {"record": None, "tolerance": 1e-2},
    "a stop": {"every": 5, "stop": lambda point: jnp.abs(point.params[0]) < 0.1},
    "further apart than the run is long": {"every": 50},
}


def rosenbrock(x):
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def assert_same_sweep(run, atol=1e-30, **axes):
    ordinary, in_kernels = (jd.sweep(run, kernel=chosen, **axes) for chosen in (False, True))
    assert set(in_kernels) == set(ordinary)
    for name, expected in ordinary.items():
        if expected.dtype.kind == "f":
            np.testing.assert_allclose(in_kernels[name], expected, rtol=1e-5, atol=atol)
        else:
            assert (in_kernels[name] == expected).all()
    return in_kernels


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_kernel_gives_what_loops_give(optimizer):
    def run(learning_rate):
        return jd.descend(BOWL, START, optimizer(learning_rate), 20, record=None, divergence=100.0)

    assert_same_sweep(run, learning_rate=RATES)


@pytest.mark.parametrize("options", RECORDS.values(), ids=RECORDS)
def test_a_kernel_records_and_judges_as_loops_do(options):
    def run(learning_rate):
        return jd.descend(BOWL, START, jd.sgd(learning_rate), 24, divergence=10.0, **options)

    grid = assert_same_sweep(run, learning_rate=RATES)
    assert "diverged" in grid.verdict


def test_verdicts_stand_where_theory_puts_them():
    """Diverged exactly where the rate is above 2/4, in lanes of one block beside each other."""
    grid = jd.sweep(
        lambda rate: jd.descend(BOWL, START, jd.sgd(rate), 300, record=None),
        rate=(rates := np.linspace(0.3, 0.7, 8)),
        kernel=True,
    )
    np.testing.assert_array_equal(grid.verdict == "diverged", rates > 0.5)


def test_lanes_of_several_blocks_and_of_unequal_boxes(monkeypatch):
    monkeypatch.setattr(kernel, "BLOCK", 4)

    def run(learning_rate, momentum):
        return jd.descend(BOWL, START, jd.heavy_ball(learning_rate, momentum), 12)

    assert_same_sweep(run, learning_rate=RATES, momentum=[0.0, 0.5, 0.9])


def test_starts_may_be_trees_and_may_be_drawn():
    """What comes before the loop is left to XLA, random numbers too."""

    def run(key, rate):
        start = {"w": jax.random.normal(key, (2, 2)), "b": jnp.float32(0.5)}

        def loss(params):
            return jnp.sum(jnp.tanh(params["w"] @ params["w"].T + params["b"]) ** 2)

        return jd.descend(loss, start, jd.adam(rate), 10, record="params")

    # numbers of size one, some of which pass 0: float32 rounds them by 6e-8 a step
    keys = jax.random.split(jax.random.key(0), 3)
    assert_same_sweep(run, atol=1e-7, key=keys, rate=[0.01, 0.1])


@pytest.mark.usefixtures("x64")
def test_a_kernel_in_float64():
    def run(learning_rate):
        return jd.descend(BOWL, START.astype(float), jd.adam(learning_rate), 10)

    assert assert_same_sweep(run, learning_rate=RATES).params.dtype == np.float64


def rows_of_each_lane(x):
    """A loop, backwards, over rows that differ from lane to lane; booleans are carried."""

    def step(carry, row):
        total, seen = carry
        total = 0.5 * total + row[0] * row[1]
        return (total, seen | (total > 1)), (total, seen)

    rows = jnp.outer(jnp.arange(1.0, 6.0), x)
    return lax.scan(step, (jnp.float32(0), jnp.array(False)), rows, reverse=True)


def turns_of_each_lane(x):
    """A loop that ends at another turn in each lane, around one of a fixed number of turns."""

    def halve(x):
        return lax.fori_loop(0, 3, lambda i, x: x - x / (3.0 + jnp.float32(i)), x)

    return lax.while_loop(lambda x: jnp.sum(x) > 1, halve, x)


def branches_of_each_lane(x):
    branches = [lambda x: x / 2, lambda x: x[::-1], lambda x: x + jnp.arange(2.0)]
    return lax.fori_loop(0, 6, lambda i, x: lax.switch(jnp.int32(x[0]) % 3, branches, x), x)


def numbered_places(x):
    """Arrays that are the same in all lanes: numbered in two dimensions, and a table."""
    numbered = lax.broadcasted_iota(jnp.int32, (2, 3), 1).astype(jnp.float32)
    table = jnp.array([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1]])
    added = (numbered * table).sum(axis=1)
    return lax.fori_loop(0, 4, lambda i, x: jnp.sin(x + added * jnp.float32(i)), x)


@pytest.mark.parametrize(
    "function", [rows_of_each_lane, turns_of_each_lane, branches_of_each_lane, numbered_places]
)
def test_loops_and_branches_of_any_kind(function):
    starts = jnp.asarray(np.random.default_rng(0).uniform(0, 5, (2, 8)), jnp.float32)
    program = jax.make_jaxpr(function)(starts[:, 0])
    expected = map_lanes(program, starts)
    for got, value in zip(kernel.map_lanes_in_kernels(program, starts), expected, strict=True):
        assert got.dtype == value.dtype
        np.testing.assert_allclose(got, value, rtol=1e-6)


def sent_to_a_gpu(monkeypatch, run):
    """The program of many lanes as JAX would give it to a GPU."""
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    program = jax.make_jaxpr(lambda rate: jax.tree.leaves(run(rate)))(0.1)
    mapped = jax.jit(lambda rates: kernel.map_lanes_in_kernels(program, rates))
    with lowering_for_a_gpu():
        traced = mapped.trace(jnp.linspace(0.1, 0.2, 512))
        return traced.lower(lowering_platforms=("cuda",)).as_text()


@pytest.mark.parametrize("loss", [BOWL, rosenbrock], ids=["bowl", "rosenbrock"])
@pytest.mark.parametrize(
    ("optimizer", "options", "kernels"),
    [
        (jd.sgd, {"record": None}, 2),
        (OPTIMIZERS["momentum"], {"record": "params", "every": 10}, 2),
        (jd.adam, {"tolerance": 1e-3}, 1),
    ],
    ids=["sgd", "momentum", "adam"],
)
def test_on_a_gpu_a_descent_is_one_kernel_and_one_for_the_last_steps_of_strides(
    monkeypatch, loss, optimizer, options, kernels
):
    text = sent_to_a_gpu(
        monkeypatch, lambda rate: jd.descend(loss, START, optimizer(rate), 1000, **options)
    )
    assert text.count("__gpu$xla.gpu.triton") == kernels
    assert "stablehlo.while" not in text


def test_on_a_gpu_steps_that_are_left_over_are_kernels_too(monkeypatch):
    text = sent_to_a_gpu(
        monkeypatch, lambda rate: jd.descend(BOWL, START, jd.sgd(rate), 1000, every=300)
    )
    assert text.count("__gpu$xla.gpu.triton") == 2
    assert "stablehlo.while" not in text


DATA = jnp.ones((SPLIT_LIMIT + 1,))


@pytest.mark.parametrize(
    ("loss", "names"),
    [
        (lambda x: jnp.sum(lax.lgamma(x) ** 2), "gamma"),
        (
            lambda x: jnp.sum(lax.erf(x) ** 2),
            "(erf|bitcast_convert_type)",
        ),  # before jax 0.12, since
        (lambda x: jnp.sum(jnp.sort(x) ** 2), "its loop calls sort"),
        (lambda x: (jax.debug.print("{}", x), jnp.sum(x**2))[1], "its loop calls debug"),
        (lambda x: jnp.max(DATA) * jnp.sum(x**2), f"reads {SPLIT_LIMIT + 1} numbers, more than"),
        (lambda x: jnp.sum((x[0] * DATA) ** 2), f"computes more than {SPLIT_LIMIT:,} numbers"),
        (
            lambda x: jnp.sum(lax.scan(lambda c, row: (c * 0.9, c), x, jnp.ones(3))[1] ** 2),
            "a loop within its loop",
        ),
    ],
)
def test_what_cannot_be_a_kernel_is_refused_by_name(loss, names):
    with pytest.raises(TypeError, match=rf"kernel=True cannot .*{names}.*without kernel=True"):
        jd.sweep(lambda rate: jd.descend(loss, START, jd.sgd(rate), 5), rate=[0.1], kernel=True)


def test_arrays_without_numbers_are_refused():
    def run(a):
        return jax.lax.fori_loop(0, 3, lambda _, c: (c[0] * a, c[1]), (1.0, jnp.zeros(0)))[0]

    with pytest.raises(TypeError, match=r"shape \(0,\).*without kernel=True"):
        jd.sweep(run, kernel=True, a=[1.0, 2.0])


def test_random_steps_are_refused():
    def run(rate):
        noise = jd.add_noise(jax.random.key(0), 0.1)
        return jd.descend(BOWL, START, jd.chain(jd.sgd(rate), noise), 5)

    with pytest.raises(TypeError, match="its loop draws random numbers"):
        jd.sweep(run, rate=[0.1], kernel=True)


def test_a_run_without_a_loop_is_refused():
    with pytest.raises(TypeError, match="it has no loop"):
        jd.sweep(lambda x: x**2, x=[1.0, 2.0], kernel=True)


def test_other_accelerators_are_refused(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "tpu")
    with pytest.raises(RuntimeError, match=r"needs a GPU, or a CPU to be tested on, .* on tpu"):
        kernel.map_lanes_in_kernels(jax.make_jaxpr(turns_of_each_lane)(START), START[:, None])


def test_a_jax_that_lowers_no_kernel_to_triton_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax.experimental.pallas.triton", None)
    with pytest.raises(RuntimeError, match=rf"to Triton.*but JAX {jax.__version__} is installed"):
        jd.sweep(lambda rate: jd.descend(BOWL, START, jd.sgd(rate), 5), rate=[0.1], kernel=True)


@pytest.mark.usefixtures("as_users_run")
def test_kernel_names_an_axis_only_in_a_mapping():
    with pytest.raises(TypeError, match=r"kernel must be True or False, .*sweep\(run, {'kernel':"):
        jd.sweep(lambda kernel: kernel, kernel=[1.0, 2.0])


def test_a_store_knows_which_way_it_was_computed(tmp_path):
    def run(rate):
        return jd.descend(BOWL, START, jd.sgd(rate), 5)

    jd.sweep(run, rate=[0.1, 0.2], store=tmp_path / "sweep.zarr", kernel=True)
    with pytest.raises(ValueError, match="kernel: True in the store, False asked for"):
        jd.sweep(run, rate=[0.1, 0.2], store=tmp_path / "sweep.zarr")


def test_a_kernel_that_would_write_more_than_it_can_index_is_refused():
    program = jax.make_jaxpr(lambda x: lax.scan(lambda x, _: (x / 2, x), x, length=16))(1.0)
    lanes = jax.ShapeDtypeStruct((2**27,), jnp.float32)
    with pytest.raises(ValueError, match=r"16×134217728 numbers.*lower max_memory, or record less"):
        jax.eval_shape(lambda x: kernel.map_lanes_in_kernels(program, x), lanes)


def test_all_that_the_benchmark_compares_ends_at_the_same_losses():
    with jax.numpy_dtype_promotion("standard"):  # optax mixes dtypes
        field = benchmark.contestants(Problem("bowl", "adam", 8, 20))
        require_agreement({name: np.asarray(entry.run()) for name, entry in field.items()})


def test_without_a_gpu_the_benchmark_says_so(capsys):
    benchmark.main()
    assert "no GPU" in capsys.readouterr().out
