"""What theory says of optimizers that take a parameter for a matrix."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from optax.contrib import _muon as optax_muon

import jdescent as jd
from jdescent._jax import explicit_meshes
from jdescent.optimizers import matrices
from jdescent.optimizers.matrices import MuonDimensionNumbers, matrixwise, newton_schulz

EXACT = ((2.0, -1.5, 0.5),) * 4 + ((1.875, -1.25, 0.375),) * 12
QUINTIC = matrices.PRESETS["standard"] * 5


def normal(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape))


def rotation(n, seed=1):
    return jnp.linalg.qr(normal(n, n, seed=seed))[0]


def steps_of(optimizer, gradients, x=None):
    """The updates of every gradient in turn, with the parameters held."""
    x = jnp.zeros_like(gradients[0]) if x is None else x
    state, updates, update = optimizer.init(x), [], jax.jit(optimizer.update)
    for g in gradients:
        u, state = update(g, state, x)
        updates.append(u)
    return jnp.stack(updates)


def close(a, b, rtol=1e-10):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * float(jnp.abs(b).max()))


# -- orthogonalization -----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (3, 1)], ids=str)
def test_exact_coefficients_reach_the_orthogonal_factor(shape, x64):
    x = normal(*shape)
    u, _, v = np.linalg.svd(x, full_matrices=False)
    close(newton_schulz(x, EXACT), u @ v, rtol=1e-8)


def test_default_coefficients_bring_singular_values_near_one(x64):
    """Of all that exceed 0.2 % of ‖x‖, as the docstring of muon says."""
    s = jnp.geomspace(0.002, 1.0, 4000)
    for a, b, c in QUINTIC:
        s = a * s + b * s**3 + c * s**5
    assert 0.68 < s.min() < 0.69
    assert 1.2 < s.max() < 1.21
    values = jnp.linalg.svd(newton_schulz(normal(8, 5), QUINTIC), compute_uv=False)
    assert values.min() > 0.68
    assert values.max() < 1.21


@pytest.mark.skipif(
    "preconditioning" not in inspect.signature(optax.contrib.muon).parameters,
    reason="this version of optax knows one bound",
)
@pytest.mark.parametrize("preconditioning", ["frobenius", "spectral", "schatten", "aol"])
@pytest.mark.parametrize("shape", [(6, 4), (4, 6)], ids=str)
def test_orthogonalization_is_optax_s_for_every_bound(preconditioning, shape, x64):
    x = normal(*shape)
    for name in ("standard", "dion"):
        steps = matrices.coefficients("ns_coeffs", name)
        theirs = optax_muon.orthogonalize_via_newton_schulz(
            x, jnp.array(steps[0] if name == "standard" else steps), 5, preconditioning, 1e-30
        )
        steps = matrices.steps_of(steps, 5)
        close(newton_schulz(x, steps, preconditioning=preconditioning, eps=1e-30), theirs)


def test_an_orthogonal_matrix_has_no_derivative_problem_at_zero_and_hides_no_nan():
    zero = jnp.zeros((3, 2))
    assert jnp.all(newton_schulz(zero, QUINTIC) == 0)
    slope = jax.grad(lambda x: newton_schulz(x, QUINTIC, eps=1e-8).sum())(zero)
    assert jnp.isfinite(slope).all()
    assert jnp.isnan(newton_schulz(zero.at[0, 0].set(jnp.nan), QUINTIC)).all()


def test_axes_that_are_neither_inputs_nor_outputs_are_a_batch():
    x = normal(2, 3, 4, 5)
    together = matrixwise(
        lambda a: newton_schulz(a, QUINTIC), x, MuonDimensionNumbers((0, 3), (-2,))
    )
    for i in range(3):
        one = x[:, i].transpose(1, 0, 2).reshape(4, 10)
        alone = newton_schulz(one, QUINTIC).reshape(4, 2, 5).transpose(1, 0, 2)
        np.testing.assert_allclose(together[:, i], alone, atol=1e-5)


# -- invariances -----------------------------------------------------------------------------------

ROTATION_EQUIVARIANT = {
    "muon": jd.muon(0.1, eps=1e-20),
    "muon adaptive": jd.muon(0.1, adaptive=True, eps=1e-20),
    "scion": jd.scion(0.1, unconstrained=True),
    "shampoo": jd.shampoo(0.1, eps=1e-3),
    "soap": jd.soap(0.1, weight_decay=0.0, precondition_frequency=2),
}


@pytest.mark.parametrize("name", ROTATION_EQUIVARIANT)
def test_rotated_gradients_rotate_the_step(name, x64):
    """u(U·g·V) = U·u(g)·V: no basis of inputs or outputs is special. (SOAP's comes of the first
    gradient, whose singular vectors must be its own: a square one.)"""
    optimizer, (u, v) = ROTATION_EQUIVARIANT[name], (rotation(4), rotation(4, seed=2))
    gradients = [normal(4, 4, seed=n) for n in range(5)]
    rotated = steps_of(optimizer, [u @ g @ v for g in gradients])
    close(rotated, u @ steps_of(optimizer, gradients) @ v, rtol=1e-8)


SCALE_FREE = {
    "muon": jd.muon(0.1, eps=0.0),
    "normuon": jd.normuon(0.1, eps=0.0),
    "adamuon": jd.adamuon(0.1, eps=0.0),
    "scion": jd.scion(0.1, eps=0.0),
    "dion": jd.dion(0.1, rank=2, eps=0.0),
    "adafactor": jd.adafactor(0.1, min_dim_size_to_factor=2, eps=0.0),
    "soap": jd.soap(0.1, eps=0.0),
    "galore": jd.galore(0.1, rank=2, base_optimizer=jd.adam(1.0, eps=0.0)),
}


@pytest.mark.parametrize("name", SCALE_FREE)
def test_the_step_does_not_depend_on_the_size_of_the_gradients(name, x64):
    gradients = [normal(4, 3, seed=n) for n in range(4)]
    scaled = steps_of(SCALE_FREE[name], [1e9 * g for g in gradients])
    close(scaled, steps_of(SCALE_FREE[name], gradients), rtol=1e-8)


def test_muon_turns_with_the_layout(x64):
    """Transposed gradients with inputs and outputs exchanged give the transposed step."""
    gradients = [normal(5, 2, seed=n) for n in range(3)]
    for make in (jd.muon, jd.normuon):
        theirs = make(0.1, muon_weight_dimension_numbers=MuonDimensionNumbers(1, 0))
        close(steps_of(theirs, [g.T for g in gradients]).mT, steps_of(make(0.1), gradients))


def test_normalized_steps_have_the_size_they_promise(x64):
    """r·lr in root mean square, for matrices of any shape."""
    for shape in ((2, 7), (4, 4)):
        for make in (jd.normuon, jd.adamuon):
            (u,) = steps_of(make(0.5, consistent_rms=0.3), [normal(*shape)])
            assert jnp.sqrt(jnp.mean(u**2)) == pytest.approx(0.15, rel=1e-10)
    per_output = steps_of(jd.normuon(1.0), [normal(6, 3)])[0]
    close(jnp.linalg.norm(per_output, axis=0), jnp.full(3, 0.2 * 6**0.5), rtol=1e-6)


# -- limits, in which one optimizer is another -----------------------------------------------------


def test_dion_of_full_rank_ends_at_the_orthogonal_factor(x64):
    g = normal(4, 3)
    optimizer = jd.dion(1.0, weight_decay=0.0, eps=0.0)
    u, _, v = np.linalg.svd(g, full_matrices=False)
    close(steps_of(optimizer, [g] * 300)[-1], -np.sqrt(3 / 4) * u @ v, rtol=1e-9)


def test_dion_keeps_what_its_rank_leaves_out(x64):
    """M₊ = M + g − (1 − μ)·P·Pᵀ·(M + g): with P a projection, nothing outside of it is lost."""
    g = normal(5, 4)
    optimizer = jd.dion(1.0, rank=2, momentum=0.7)
    _, state = optimizer.update(g, optimizer.init(g), g)
    lost = jnp.linalg.svd(g - state.parts["muon"].M[""], compute_uv=False)
    kept = jnp.linalg.svd(g, compute_uv=False)
    assert lost[1] > 1e-3
    assert lost[2] < 1e-14
    assert lost[0] <= 0.3 * kept[0] * (1 + 1e-12)


def test_shampoo_of_a_scalar_is_adagrad_and_of_orthogonal_directions_as_well(x64):
    """A diagonal g has diagonal L and R, so x moves by g/√(Σg² + ε) along the diagonal."""
    gradients = [normal(4, seed=n) for n in range(5)]
    adagrad = steps_of(jd.adagrad(0.1, 0.0, eps=1e-3), gradients)
    diagonal = steps_of(jd.shampoo(0.1, eps=1e-3), [jnp.diag(g) for g in gradients])
    close(diagonal, jax.vmap(jnp.diag)(adagrad), rtol=1e-9)
    scalar = steps_of(jd.shampoo(0.1, eps=1e-3), [g[0] for g in gradients])
    close(scalar, adagrad[:, 0], rtol=1e-9)


def test_shampoo_of_a_vector_is_adagrad_with_its_full_matrix(x64):
    gradients = [normal(3, seed=n) for n in range(4)]
    updates = steps_of(jd.shampoo(0.1, eps=1e-2), gradients)
    total = 1e-2 * jnp.eye(3)
    for g, u in zip(gradients, updates, strict=True):
        total = total + jnp.outer(g, g)
        root = total @ u / -0.1  # (Σ + ε·I)·u = lr·(Σ + ε·I)^½·g, whose length is known
        close(root @ root, g @ total @ g, rtol=1e-9)


@pytest.mark.parametrize("long", [False, True])
def test_soap_without_a_basis_is_adam_one_call_later(long, x64):
    shape, settings = ((3, 2), {"max_precondition_dim": 1}) if long else ((3,), {})
    gradients = [normal(*shape, seed=n) for n in range(5)]
    soap = steps_of(jd.soap(0.1, weight_decay=0.0, **settings), gradients)
    assert jnp.all(soap[0] == 0)
    close(soap[1:], steps_of(jd.adam(0.1, 0.95, 0.95), gradients[1:]))


def test_soap_of_rank_one_gradients_is_adam_of_their_coordinate(x64):
    """Of g = c·a·bᵀ the basis begins with a and b: Adam sees the number c there and 0 elsewhere."""
    a, b = (v / jnp.linalg.norm(v) for v in (normal(4), normal(3, seed=1)))
    numbers = jnp.array([1.0, -2.0, 0.5, 3.0, 1.0])
    updates = steps_of(
        jd.soap(0.1, weight_decay=0.0, eps=1e-6, precondition_frequency=1),
        [c * jnp.outer(a, b) for c in numbers],
    )
    along = steps_of(jd.adam(0.1, 0.95, 0.95, eps=1e-6), list(numbers[1:]))
    close(updates[1:], along[:, None, None] * jnp.outer(a, b)[None], rtol=1e-6)


def test_galore_of_full_rank_with_gradient_descent_is_gradient_descent(x64):
    gradients = [normal(3, 5, seed=n) for n in range(4)]
    full = jd.galore(0.1, rank=8, update_proj_gap=2, base_optimizer=jd.sgd(1.0))
    close(steps_of(full, gradients), steps_of(jd.sgd(0.1), gradients))


def test_galore_steps_within_the_leading_subspace(x64):
    gradients = [normal(3, 5, seed=n) for n in range(3)]
    updates = steps_of(jd.galore(0.1, rank=1, update_proj_gap=5), gradients)
    leading = np.linalg.svd(gradients[0])[0][:, :1]
    close(leading @ leading.T @ updates, updates)


def test_factored_squares_of_rank_one_are_the_squares(x64):
    """Where g² is of rank one, rows and columns lose nothing: Adafactor as with whole squares."""
    a, b = normal(4), normal(3, seed=1)
    gradients = [c * jnp.outer(a, b) for c in (1.0, -2.0, 0.5)]
    settings = {"min_dim_size_to_factor": 2, "eps": 0.0}
    x = normal(4, 3, seed=2)
    factored = steps_of(jd.adafactor(0.1, **settings), gradients, x)
    close(factored, steps_of(jd.adafactor(0.1, **settings, factored=False), gradients, x))


def test_adafactor_factors_the_two_longest_axes_that_are_long_enough():
    shapes = {
        (3, 4): ((3, 1), (1, 4)),
        (4, 2, 3): ((1, 2, 3), (4, 2, 1)),
        (2, 4): None,
        (5,): None,
    }
    for shape, expected in shapes.items():
        v = jd.adafactor(min_dim_size_to_factor=3).init(jnp.zeros(shape)).v
        assert (
            v.shape == shape if expected is None else sorted(f.shape for f in v) == sorted(expected)
        )


@pytest.mark.parametrize("norm", ["spectral", "sign"])
@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 5)])
def test_scion_of_outputs_first_steps_as_the_transposed_matrix_does(norm, shape, x64):
    gradients, x = normal(3, *shape), normal(*shape, seed=1)
    usual, outputs_first = (
        jd.scion(0.1, norm=norm, outputs_first=first) for first in (False, True)
    )
    turned = steps_of(outputs_first, jnp.swapaxes(gradients, -1, -2), jnp.swapaxes(x, -1, -2))
    close(jnp.swapaxes(turned, -1, -2), steps_of(usual, gradients, x))
    assert jnp.max(jnp.abs(turned - steps_of(usual, jnp.swapaxes(gradients, -1, -2)))) > 0.01


def test_a_constrained_scion_stays_in_its_ball(x64):
    x, optimizer = jnp.zeros((4, 3)), jd.scion(0.3, scale=2.0, ns_coeffs=EXACT)
    state = optimizer.init(x)
    for n in range(30):
        u, state = optimizer.update(normal(4, 3, seed=n), state, x)
        x = x + u
        assert jnp.linalg.norm(x, 2) <= 2.0 * (3 / 4) ** 0.5 * (1 + 1e-6)
    assert jnp.linalg.norm(x, 2) > 0.5


# -- trees, masks, meshes --------------------------------------------------------------------------


def test_what_is_no_matrix_goes_to_adamw():
    g = {"w": normal(3, 2), "conv": normal(2, 3, 4), "b": normal(2)}
    optimizer = jd.muon(0.1, adam_b1=0.5, adam_learning_rate=0.01)
    updates, state = optimizer.update(g, optimizer.init(g), g)
    rest = {name: g[name] for name in ("b", "conv")}
    adam = jd.adam(0.01, 0.5)
    expected, _ = adam.update(rest, adam.init(rest))
    for name in rest:
        np.testing.assert_array_equal(updates[name], expected[name])
    assert set(state.parts["muon"].m) == {"['w']"}


def test_dimension_numbers_may_be_a_prefix_of_optax_s_and_of_several_kinds():
    g = {"a": {"w": normal(3, 2), "c": normal(2, 4)}, "b": normal(2), "conv": normal(2, 3, 4)}
    numbers = {
        "a": getattr(optax.contrib, "MuonDimensionNumbers", MuonDimensionNumbers)(1, 0),
        "b": None,
        "conv": MuonDimensionNumbers([0, 1], -1),
    }
    ours = jd.muon(0.1, muon_weight_dimension_numbers=numbers)
    updates, state = ours.update(g, ours.init(g), g)
    assert set(state.parts) == {"adam", "muon", "muon1"}
    kernel = g["conv"].reshape(6, 4)
    alone = jd.muon(0.1).update(kernel, jd.muon(0.1).init(kernel), kernel)[0]
    np.testing.assert_allclose(updates["conv"], alone.reshape(2, 3, 4), atol=1e-6)


def test_a_mask_is_of_all_parameters():
    x = {"w": normal(3, 2), "u": normal(2, 2), "b": normal(2)}
    zero = jax.tree.map(jnp.zeros_like, x)
    for mask in ({"w": True, "u": False, "b": True}, lambda p: {"w": True, "u": False, "b": True}):
        for make in (jd.muon, jd.dion):
            optimizer = make(0.1, weight_decay=0.5, weight_decay_mask=mask)
            updates, _ = jax.jit(optimizer.update)(zero, optimizer.init(x), x)
            np.testing.assert_allclose(updates["w"], -0.05 * x["w"], rtol=1e-6)
            assert not jnp.any(updates["u"])
            assert not jnp.any(updates["b"])


KERNEL = MuonDimensionNumbers((0, 2), 3)  # of arrays 2 × batch × 3 × 4: matrices 6 × 4
LOW_RANK = {
    "dion": lambda numbers: jd.dion(0.1, rank=2, weight_dimension_numbers=numbers),
    "galore": lambda numbers: jd.galore(
        0.1, rank=2, update_proj_gap=2, weight_decay=0.01, weight_dimension_numbers=numbers
    ),
    "galore of the longer axis": lambda numbers: jd.galore(
        0.1, rank=2, proj_type="reverse_std", weight_dimension_numbers=numbers
    ),
}


@pytest.mark.parametrize("name", LOW_RANK)
def test_steps_of_low_rank_take_an_array_for_the_matrices_that_its_dimension_numbers_name(
    name, x64
):
    """Of kernels for one matrix each, and of torch's layout for the other's transpose."""
    kernels = [normal(2, 5, 3, 4, seed=n) for n in range(4)]
    together = steps_of(LOW_RANK[name](KERNEL), kernels, kernels[0])
    for i in range(5):
        alone = [g[:, i].reshape(6, 4) for g in kernels]
        expected = steps_of(LOW_RANK[name](None), alone, alone[0])
        close(together[:, :, i].reshape(-1, 6, 4), expected, rtol=1e-9)
    outputs_first = [g.T for g in alone]
    turned = LOW_RANK[name](MuonDimensionNumbers(1, 0))
    close(steps_of(turned, outputs_first, outputs_first[0]).mT, expected, rtol=1e-9)


@pytest.mark.skipif(
    not hasattr(optax.contrib, "galore")
    or "weight_dimension_numbers" not in inspect.signature(optax.contrib.galore).parameters,
    reason="this version of optax has no such galore",
)
@pytest.mark.parametrize("shape", [(4, 2, 3), (2, 3, 2), (6, 2, 3)], ids=str)
def test_galore_projects_what_optaxs_does_for_the_same_dimension_numbers(shape, x64):
    """Of tall, wide and square matrices; one of them is of all arrays of two axes or more."""
    numbers = optax.contrib.GaLoreDimensionNumbers(0, (1, 2))
    gradients = [{"w": normal(*shape, seed=n), "b": normal(2, seed=n)} for n in range(4)]
    settings = {"rank": 2, "weight_dimension_numbers": numbers}
    with jax.numpy_dtype_promotion("standard"):
        theirs = optax.contrib.galore(0.1, **settings)
        ours = jd.galore(0.1, proj_type="reverse_std", **settings)
        states = [optimizer.init(gradients[0]) for optimizer in (ours, theirs)]
        for g in gradients:
            u, states[0] = ours.update(g, states[0], g)
            want, states[1] = theirs.update(g, states[1], g)
            for key in g:
                np.testing.assert_allclose(u[key], want[key], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("size", [1e-14, 1e-22, 1e-30])
def test_apollos_step_is_the_gradient_over_its_eps_where_that_outweighs_it(size):
    """Though squares of the gradient are 0 in float32."""
    g = size * normal(4, 3).astype(jnp.float32)
    optimizer = jd.apollo(0.1, eps=1e-6, rank=2)
    step, _ = optimizer.update(g, optimizer.init(g), g)
    np.testing.assert_allclose(step, -0.1 * g / 1e-6, rtol=1e-5)


def test_dimension_numbers_that_make_no_matrix_are_refused():
    with pytest.raises(ValueError, match="an axis is an input or an output"):
        jd.muon(0.1, muon_weight_dimension_numbers=MuonDimensionNumbers(0, 0)).init(normal(2, 2))
    with pytest.raises(ValueError, match="a matrix has 2 axes or more"):
        jd.muon(0.1, muon_weight_dimension_numbers=MuonDimensionNumbers()).init(normal(2))


ALL = {
    "muon": jd.muon(0.1), "normuon": jd.normuon(0.1), "adamuon": jd.adamuon(0.1),
    "scion": jd.scion(0.1), "dion": jd.dion(0.1, rank=2), "galore": jd.galore(0.1, rank=2),
    "adafactor": jd.adafactor(0.1, min_dim_size_to_factor=2), "came": jd.came(0.1),
    "shampoo": jd.shampoo(0.1), "soap": jd.soap(0.1, precondition_1d=True),
}  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_no_gradient_makes_no_step_of_numbers_and_nan_shows(name):
    x = {"w": jnp.zeros((3, 2)), "b": jnp.zeros(2), "s": jnp.zeros(())}
    update = jax.jit(ALL[name].update)
    u, state = update(x, ALL[name].init(x), x)
    u, state = update(x, state, x)
    assert all(bool(jnp.all(leaf == 0)) for leaf in jax.tree.leaves(u))
    nan = x | {"w": x["w"].at[0, 0].set(jnp.nan)}
    u, state = update(nan, ALL[name].init(x), x)
    assert not all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves((u, state)))


@pytest.mark.skipif(not explicit_meshes, reason="this version of JAX has no explicit meshes")
@pytest.mark.parametrize("name", ALL)
def test_a_matrix_spread_over_devices_steps_as_one_that_is_not(name):
    mesh = jax.make_mesh((2,), ("d",), axis_types=(jax.sharding.AxisType.Explicit,))
    gradients = [normal(4, 6, seed=n) for n in range(2)]
    alone = steps_of(ALL[name], gradients, jnp.ones((4, 6)))
    with jax.set_mesh(mesh):
        sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(None, "d"))
        x = jax.device_put(jnp.ones((4, 6)), sharding)
        updates = steps_of(ALL[name], [jax.device_put(g, sharding) for g in gradients], x)
        np.testing.assert_allclose(updates, alone, atol=1e-5)
