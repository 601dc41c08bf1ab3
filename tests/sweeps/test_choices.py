"""Choices of Python objects: each is compiled for, labelled, and told apart from every other."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import jdescent as jd

BOWL, START = jd.losses.bowl((2.0, 4.0)), jnp.array([2.0, 1.0])
OPTIMIZERS = {"sgd": jd.sgd, "adam": jd.adam}


def test_each_choice_is_what_a_sweep_with_it_alone_gives():
    rates = [0.1, 0.2, 0.6]

    def run(learning_rate, optimizer, steps):
        return jd.descend(BOWL, START, optimizer(learning_rate), steps, record=None)

    grid = jd.sweep(run, learning_rate=rates, optimizer=OPTIMIZERS, steps=jd.static([5, 30]))
    assert grid.verdict.dims == ("learning_rate", "optimizer", "steps")
    assert grid.optimizer.values.tolist() == ["sgd", "adam"]
    assert grid.steps.values.tolist() == [5, 30]
    for label, optimizer in OPTIMIZERS.items():
        for steps in (5, 30):
            alone = jd.sweep(
                functools.partial(run, optimizer=optimizer, steps=steps), learning_rate=rates
            )
            here = grid.sel(optimizer=label, steps=steps, drop=True)
            xarray.testing.assert_identical(here.drop_attrs(), alone.drop_attrs())


def test_a_choice_may_decide_whatever_python_decides():
    def run(width, deep, activation, scale):
        layers = [jnp.ones(width)] * (2 if deep else 1)
        bounded = activation is not None
        total = sum(layer.sum() for layer in layers)
        return scale * (activation(total) if bounded else total)

    grid = jd.sweep(
        run,
        width=jd.static(range(1, 4)),
        deep=jd.static([False, True]),
        activation={"none": None, "root": jnp.sqrt},
        scale=[1.0, 10.0],
    )
    width, deep = grid.width, 1 + grid.deep.astype(int)
    widths = (width * deep).transpose("width", "deep").expand_dims(scale=grid.scale, axis=2)
    np.testing.assert_allclose(grid.result.sel(activation="none"), widths * grid.scale, rtol=1e-6)
    np.testing.assert_allclose(
        grid.result.sel(activation="root"), np.sqrt(widths) * grid.scale, rtol=1e-6
    )
    assert grid.deep.dtype == bool


def test_a_choice_of_one_is_stored(tmp_path):
    """Whose code is 0, what zarr takes for nothing."""
    stored = jd.sweep(lambda f, x: f(x), f={"sin": jnp.sin}, x=[0], store=tmp_path / "a.zarr")
    assert stored.f.values.tolist() == ["sin"]
    assert jd.open_sweep(tmp_path / "a.zarr").sel(f="sin").result.values.tolist() == [0]


def test_choices_alone_are_a_grid():
    grid = jd.sweep(
        lambda a, b: {"product": jnp.float32(a * len(b)), "row": jnp.arange(2)},
        a=jd.static([1, 2, 3]),
        b=jd.static(["x", "yy"]),
    )
    np.testing.assert_array_equal(grid["product"], np.outer([1, 2, 3], [1, 2]))
    assert dict(grid.row.sizes) == {"a": 3, "b": 2, "row_dim0": 2}
    assert grid.b.values.tolist() == ["x", "yy"]


def test_lists_of_bools_and_numbers_are_mapped_over_as_before():
    seen = []

    def run(n, flag):
        seen.append(isinstance(n, jax.core.Tracer) and isinstance(flag, jax.core.Tracer))
        return jnp.where(flag, n, -n)

    jd.sweep(run, n=[1, 2], flag=[True, False])
    assert seen == [True]


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([16, 32], [16, 32]),
        (np.array([0.5, 2.0]), [0.5, 2.0]),
        ([np.int64(3), 4], [3, 4]),
        ([True, False], [True, False]),
        ([True, 1], ["True", "1"]),
        ([None, "relu", jnp.tanh, (16, 8)], ["None", "relu", "tanh", "(16, 8)"]),
        ([jd.sgd(0.1)], ["sgd(learning_rate=0.1)"]),
        ([2**70, 1], [str(2**70), "1"]),
        ({"a": [1, 2], 3: None}, ["a", "3"]),
        ({0.1: "low", 1: "high"}, [0.1, 1]),
    ],
)
def test_what_labels_choices(values, labels):
    found = list(jd.static(values).choices)
    assert found == labels
    assert list(map(type, found)) == list(map(type, labels))


@pytest.mark.parametrize(
    ("values", "error", "said"),
    [
        ([], ValueError, "static is empty"),
        ({}, ValueError, "static is empty"),
        (3, TypeError, "must be given a list of values, or a dictionary"),
        ("adam", TypeError, "must be given a list of values, or a dictionary"),
        ([1, 1.0], ValueError, "two values of one label, 1"),
        ([lambda x: x, lambda x: -x], ValueError, "two values of one label, <lambda>"),
        ([float("nan"), 1.0], ValueError, "static has NaN for a label"),
        ([object()], TypeError, r"needs a label for .*static\(\{'name': value\}\)"),
        ([functools.partial(jd.sgd, 0.1)], TypeError, "needs a label for functools"),
    ],
)
def test_choices_without_labels_of_their_own_are_refused(values, error, said, as_users_run):
    with pytest.raises(error, match=said):
        jd.static(values)


def test_a_dictionary_is_a_tree_or_a_choice_or_refused():
    rows = {"w": jnp.ones((3, 2)), "b": jnp.arange(3.0), "nothing": None}
    assert jd.sweep(lambda p: p["w"].sum() + p["b"], p=rows).result.values.tolist() == [2, 3, 4]
    numbers = jd.sweep(lambda p: jnp.float32(p), p={"low": 1.0, "high": 2.0})
    assert numbers.p.values.tolist() == ["low", "high"]
    for part in (0.0, jnp.tanh, "b"):
        with pytest.raises(ValueError, match=r"axis p must have a first axis .* 'b'.*jd\.static"):
            jd.sweep(lambda p: 0.0, p={"w": jnp.ones((3, 2)), "b": part})
    data = {"first": jnp.ones(3), "second": jnp.arange(3.0)}
    both = jd.sweep(lambda p: p.sum(), p=jd.static(data))
    assert both.result.values.tolist() == [3, 3]


def test_results_that_differ_in_shape_are_refused_with_the_way_to_leave_them_out():
    def run(width, rate, keep=lambda path: path):
        return keep(jd.descend(lambda x: jnp.sum(x**2), jnp.ones(width), jd.sgd(rate), 4))

    axes = {"width": jd.static([2, 3]), "rate": [0.1, 0.2]}
    with pytest.raises(ValueError, match=r"(?s)params: float32\[2\] .* width=2, float32\[3\]") as e:
        jd.sweep(run, **axes)
    assert "path._replace(params=None)" in str(e.value)
    left = jd.sweep(functools.partial(run, keep=lambda path: path._replace(params=None)), **axes)
    assert left.loss.dims == ("width", "rate", "step")
    np.testing.assert_allclose(left.loss.isel(step=0, rate=0), [2, 3])
    for differing, said in {
        lambda w: {"a": 1.0} if w == 1 else {"b": 1.0}: "a: .* at w=1, nothing at w=2",
        lambda w: jnp.zeros(2, {1: jnp.int32, 2: jnp.float32}[w]): r"int32\[2\].*float32\[2\]",
        lambda w: jd.descend(BOWL, START, jd.sgd(0.1), 4 * w, every=w): "step: 0, 1, …, 4, 5 in",
    }.items():
        with pytest.raises(ValueError, match=f"(?s)differ from choice to choice.*{said}"):
            jd.sweep(differing, w=jd.static([1, 2]))


def test_an_error_in_one_choice_says_in_which():
    def run(width):
        return jnp.ones(2) @ jnp.ones(width)

    with pytest.raises(TypeError) as error:
        jd.sweep(run, width=jd.static([2, 3]))
    assert error.value.__notes__[-1] == "this happened at width=3"


def test_another_object_under_the_same_label_is_another_sweep(tmp_path):
    def stored(**objects):
        return jd.sweep(
            lambda f, x: f(x), f=objects, x=[1.0, 2.0, 3.0], store=tmp_path / "name.zarr"
        )

    stored(first=jnp.sin, second=jnp.cos)
    stored(first=lambda x: jnp.sin(x), second=jnp.cos)  # the same program
    with pytest.raises(ValueError, match=r"(?s)holds another sweep:.*programs\.f='second'"):
        stored(first=jnp.sin, second=jnp.tan)
    with pytest.raises(ValueError, match=r"(?s)holds another sweep:.*programs\.f='first'"):
        stored(first=jnp.cos, second=jnp.sin)
    with pytest.raises(ValueError, match=r"(?s)holds another sweep:.*axes\.f\.labels"):
        stored(first=jnp.sin, third=jnp.cos)


def test_a_choice_that_calls_python_back_needs_a_version(tmp_path):
    def back(x):
        shape = jax.ShapeDtypeStruct((), jnp.float32)
        return jax.pure_callback(np.sin, shape, x, vmap_method="sequential")

    def swept(**options):
        functions = {"plain": jnp.sin, "back": back}
        return jd.sweep(lambda f, x: f(x), f=functions, x=[1.0], store=tmp_path / "a", **options)

    with pytest.raises(ValueError, match=r"a store cannot tell from other Python .*version='1'"):
        swept()
    np.testing.assert_allclose(swept(version="1").result, np.sin(np.ones((2, 1))), rtol=1e-6)


def test_a_sweep_of_choices_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    from jdescent.sweeps.store import Store

    axes = {"f": {"sin": jnp.sin, "cos": jnp.cos}, "x": np.arange(5.0), "k": jd.static([1, 2])}
    whole = jd.sweep(lambda f, x, k: f(k * x), **axes)
    write, written = Store.write, []

    def stops(self, place, values):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(place)
        write(self, place, values)

    def stored():
        return jd.sweep(lambda f, x, k: f(k * x), store=tmp_path / "name.zarr", **axes)

    monkeypatch.setattr(Store, "write", stops)
    with pytest.raises(KeyboardInterrupt):
        stored()
    left = jd.open_sweep(tmp_path / "name.zarr")
    done = left.finished.values
    assert 0 < done.sum() < done.size
    np.testing.assert_array_equal(left.result.values[done], whole.result.values[done])
    monkeypatch.setattr(Store, "write", lambda *a: (written.append(a[1]), write(*a)))
    xarray.testing.assert_identical(stored().drop_attrs(), whole.drop_attrs())
    assert len(written) == len(set(written))


MAPPED = st.lists(st.sampled_from([0.5, 1.0, 2.0, 3.0]), min_size=1, max_size=3)
AXES = {
    "mapped": MAPPED,
    "paired": st.lists(st.tuples(*[st.sampled_from([0.25, 4.0, 8.0])] * 2), min_size=1, max_size=3),
    "chosen": st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=2, unique=True),
    "function": st.sets(st.sampled_from(["sin", "cos", "exp"]), min_size=1, max_size=2).map(sorted),
}


@settings(max_examples=8, phases=[Phase.generate])  # shrinking would compile for minutes
@given(values=st.fixed_dictionaries(AXES), order=st.permutations(list(AXES)))
def test_every_point_of_a_grid_of_all_kinds_of_axes_is_the_single_call(
    values, order, tmp_path_factory
):
    def run(x, y, z, n, f):
        return {"value": f(x / 2) * n + y - z, "row": jnp.arange(2.0) * x}

    given_axes = {
        "mapped": ("x", values["mapped"]),
        "paired": ("both", jd.paired(y=[y for y, _ in values["paired"]],
                                     z=[z for _, z in values["paired"]])),
        "chosen": ("n", jd.static(values["chosen"])),
        "function": ("f", {name: getattr(jnp, name) for name in values["function"]}),
    }  # fmt: skip
    axes = dict(given_axes[kind] for kind in order)
    grid = jd.sweep(run, axes)
    assert list(grid.value.dims) == list(axes)
    stored = jd.sweep(run, axes, store=tmp_path_factory.mktemp("grid") / "a.zarr")
    xarray.testing.assert_identical(stored.drop_attrs(), grid.drop_attrs())
    for place in np.ndindex(*grid.value.shape):
        point = dict(zip(grid.value.dims, place, strict=True))
        here = grid.isel(point)
        y, z = values["paired"][point["both"]]
        assert (here.y, here.z) == (y, z)
        x, n = values["mapped"][point["x"]], values["chosen"][point["n"]]
        label = values["function"][point["f"]]
        assert (here.x, here.n, here.f) == (x, n, label)
        alone = run(*map(jnp.float32, (x, y, z)), n, getattr(jnp, label))
        np.testing.assert_allclose(here.value, alone["value"], rtol=1e-5)
        np.testing.assert_array_equal(here.row, alone["row"])
