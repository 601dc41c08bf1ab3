"""Programs that nobody wrote for us: optax's optimizers, and other libraries' where installed."""

import functools
import importlib
import importlib.util
import inspect
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib
from jax.extend import core

import jdescent as jd
from jdescent.sweeps.lanes import costs, map_lanes

RUNS = 3
CASES: dict[str, Callable[[jax.Array], jax.Array]] = {}


def rosenbrock(x: jax.Array, _=None) -> jax.Array:
    return jnp.sum(4 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


# -- optax ---------------------------------------------------------------------------------------

NOT_DESCENDING = {
    "dpsgd", "sophia",  # want gradients of each example; an objective of their own
    "scale_by_learning_rate", "scale_by_rprop", "scale_by_madgrad", "schedule_free",  # parts
    "optimistic_adam",  # deprecated
}  # fmt: skip
RATES = {"learning_rate", "max_learning_rate"}
FURTHER = {"galore": {"rank": 1}, "noisy_sgd": {"key": 0}}
AS_MATRIX = ("galore", "muon", "adafactor")


def optax_optimizers() -> dict[str, Callable]:
    found = {}
    for module in (optax, optax.contrib):
        for name in dir(module):
            maker = getattr(module, name)
            is_maker = inspect.isfunction(maker) or isinstance(maker, functools.partial)
            if name.startswith("_") or name in NOT_DESCENDING or not is_maker:
                continue
            if RATES & set(inspect.signature(maker).parameters):
                found[name] = maker
    return found


def _descent(name: str, maker: Callable) -> Callable[[jax.Array], jax.Array]:
    def run(rate):
        (rate_name,) = RATES & set(inspect.signature(maker).parameters)
        optimizer = maker(**{rate_name: rate}, **FURTHER.get(name, {}))
        start = jnp.array([-0.5, 0.8, 0.3, 0.1])
        if name in AS_MATRIX:
            start = start.reshape(2, 2)
        return jd.descend(lambda x: rosenbrock(x.reshape(-1)), start, optimizer, 6).params

    return run


for _name, _maker in optax_optimizers().items():
    CASES[f"optax.{_name}"] = _descent(_name, _maker)


# -- others, where they are installed ------------------------------------------------------------


def case(library: str) -> Callable[[Callable], Callable]:
    def keep(run: Callable) -> Callable:
        if importlib.util.find_spec(library):
            CASES[f"{library}: {run.__name__.replace('_', ' ')}"] = run
        return run

    return keep


def _start(scale: jax.Array) -> jax.Array:
    return jnp.array([-0.5, 0.8, 0.3]) * (1 + scale)


def _minimised(solver: str) -> Callable[[jax.Array], jax.Array]:
    def run(scale):
        optimistix = importlib.import_module("optimistix")
        method = getattr(optimistix, solver)(rtol=1e-3, atol=1e-3)
        return optimistix.minimise(
            rosenbrock, method, _start(scale), max_steps=20, throw=False
        ).value

    run.__name__ = f"minimise with {solver}"
    return run


for _solver in ("BFGS", "NelderMead", "NonlinearCG", "LBFGS", "DFP"):
    case("optimistix")(_minimised(_solver))


@case("optimistix")
def least_squares(scale):
    optimistix = importlib.import_module("optimistix")
    return optimistix.least_squares(
        lambda x, _: jnp.concatenate([2 * (x[1:] - x[:-1] ** 2), 1 - x[:-1]]),
        optimistix.LevenbergMarquardt(rtol=1e-3, atol=1e-3), _start(scale), max_steps=8, throw=False,  # noqa: E501
    ).value  # fmt: skip


@case("optimistix")
def root_of_a_chain(scale):
    optimistix = importlib.import_module("optimistix")
    return optimistix.root_find(
        lambda x, _: x + 0.3 * jnp.tanh(jnp.roll(x, 1)) - scale,
        optimistix.Newton(rtol=1e-4, atol=1e-4), _start(scale), max_steps=20, throw=False,
    ).value  # fmt: skip


def _solved(solver: str, adaptive: bool) -> Callable[[jax.Array], jax.Array]:
    def run(scale):
        diffrax = importlib.import_module("diffrax")
        steps = diffrax.PIDController(1e-3, 1e-4) if adaptive else diffrax.ConstantStepSize()

        def field(t, y, args):
            return jnp.stack([y[1], scale * (1 - y[0] ** 2) * y[1] - y[0]])

        return diffrax.diffeqsolve(
            diffrax.ODETerm(field), getattr(diffrax, solver)(), 0.0, 1.0, 0.05,
            jnp.array([1.0, 0.0]), stepsize_controller=steps, max_steps=200,
            saveat=diffrax.SaveAt(ts=jnp.linspace(0.0, 1.0, 4)),
        ).ys  # fmt: skip

    run.__name__ = f"{solver}, {'adaptive' if adaptive else 'fixed'} steps"
    return run


for _solver, _adaptive in [("Tsit5", True), ("Euler", False), ("Kvaerno3", True)]:
    case("diffrax")(_solved(_solver, _adaptive))


def _sampled(sampler: str, **options) -> Callable[[jax.Array], jax.Array]:
    def run(scale):
        blackjax = importlib.import_module("blackjax")
        start, key = _start(scale), jax.random.key(jnp.int32(1000 * scale))
        algorithm = getattr(blackjax, sampler)(lambda x: -jnp.sum(x**2) / 2, **options)
        state = algorithm.init(start)

        def step(state, key):
            state, _ = algorithm.step(key, state)
            return state, state.position

        return jax.lax.scan(step, state, jax.random.split(key, 3))[1]

    run.__name__ = f"{sampler}"
    return run


_METRIC = {"step_size": 0.1, "inverse_mass_matrix": np.ones(3, np.float32)}
case("blackjax")(_sampled("hmc", num_integration_steps=4, **_METRIC))
case("blackjax")(_sampled("nuts", max_num_doublings=3, **_METRIC))
case("blackjax")(_sampled("mala", step_size=0.1))


def _evolved(strategy: str) -> Callable[[jax.Array], jax.Array]:
    def run(scale):
        algorithms = importlib.import_module("evosax.algorithms")
        search = getattr(algorithms, strategy)(population_size=6, solution=jnp.zeros(3))
        params = search.default_params
        key = jax.random.key(jnp.int32(1000 * scale))
        state = search.init(key, _start(scale), params)

        def step(state, key):
            asking, telling = jax.random.split(key)
            population, state = search.ask(asking, state, params)
            losses = jnp.sum((population - scale) ** 2, 1)
            state, _ = search.tell(telling, population, losses, state, params)
            return state, jnp.min(losses)

        return jax.lax.scan(step, state, jax.random.split(key, 3))[1]

    run.__name__ = strategy
    return run


for _strategy in ("CMA_ES", "Open_ES", "SNES"):
    case("evosax")(_evolved(_strategy))


def check(name: str, always: bool = True) -> None:
    """Raise AssertionError where a case scalarized is not what it is under vmap and alone."""
    usual = costs.SLOWER_AT_MOST
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        run, scales = CASES[name], jnp.geomspace(1e-2, 0.3, RUNS)
        program = jax.make_jaxpr(run)(scales[0])
        try:
            costs.SLOWER_AT_MOST = np.inf if always else usual
            (ours,) = jax.jit(lambda x: map_lanes(program, x))(scales)
        finally:
            costs.SLOWER_AT_MOST = usual
        (mapped,) = jax.jit(jax.vmap(core.jaxpr_as_fun(program)))(scales)
    ours = np.moveaxis(np.asarray(ours), -1, 0)
    # orthogonalizing multiplies rounding by 3.4445 in each of its five iterations
    atol = 2e-3 if name == "optax.muon" else 2e-4
    np.testing.assert_allclose(ours, mapped, rtol=2e-3, atol=atol, err_msg=name)
