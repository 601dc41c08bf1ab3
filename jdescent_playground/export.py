"""A run to take away: its numbers as JSON, or a script that computes them again."""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import jdescent as jd
from jdescent_playground.catalog import METHODS
from jdescent_playground.runs import RECORDED, Run, Setup


def as_json(run: Run, shown: int) -> str:
    """The settings and every shown point; infinite and NaN are written as text ("inf", "nan").

    Example:
        >>> from jdescent_playground.curves import CURVES
        >>> from jdescent_playground.runs import compute
        >>> run = compute(Setup(CURVES["bowl"].task, "sgd", {"learning_rate": 0.5}, 3.0))
        >>> points = json.loads(as_json(run, 1))["points"]
        >>> [(point["step"], point["x"], point["loss"]) for point in points]
        [(0, 3.0, 2.5), (1, 2.0, 1.0)]
    """
    setup = run.setup
    rows = [run.row(step) for step in range(min(shown, run.last) + 1)]
    content = {
        "jdescent": jd.__version__,
        "loss": _filled(setup),
        "optimizer": METHODS[setup.method].code,
        "settings": _settings(setup),
        "schedule": setup.schedule,
        "horizon": setup.horizon,
        "clip": setup.clip,
        "batch_size": setup.batch_size,
        "seed": setup.seed,
        "start": setup.start,
        "ended": "at rest" if run.converged else str(jd.Status(int(run.verdict.status))),
        "last_step": run.last,
        "points": [
            {
                "step": row.step,
                "x": row.x,
                "loss": row.loss,
                "gradient": row.gradient,
                "update": row.update,
                "learning_rate": row.rate,
                **row.memory,
            }
            for row in rows
        ],
    }
    return json.dumps(_plain(content), indent=1, ensure_ascii=False)


def moves_as_json(visits: Sequence[tuple[float, float]]) -> str:
    """Where someone has stood who descends by hand, with the losses there.

    Example:
        >>> json.loads(moves_as_json([(-3.5, 12.7), (1.0, 0.9)]))["moves"][1]
        {'x': 1.0, 'loss': 0.9}
    """
    content = {"jdescent": jd.__version__, "moves": [{"x": x, "loss": y} for x, y in visits]}
    return json.dumps(_plain(content), indent=1)


def as_python(runs: Sequence[tuple[Run, int]]) -> str:
    """A script that descends with `jdescent.descend` and prints the same points.

    Args:
        runs: each with the steps that are shown of it; all of one loss, from one start.

    Example:
        >>> from jdescent_playground.curves import CURVES
        >>> from jdescent_playground.runs import compute
        >>> setup = Setup(CURVES["bowl"].task, "sgd", {"learning_rate": 0.5}, 3.0)
        >>> script = as_python([(compute(setup), 7)])
        >>> print(script[script.index("def run") :])
        def run(learning_rate, dampening):
            optimizer = jd.sgd(learning_rate, dampening=dampening)
            return jd.descend(
                loss, start, optimizer, 7, record=('params', 'gradient', 'state'),
                divergence=jnp.inf,
            )
        ...
    """
    setup = runs[0][0].setup
    several = len(runs) > 1
    names = [f"run_{number}" if several else "run" for number, _ in enumerate(runs, 1)]
    functions, calls = [], []
    for name, (run, shown) in zip(names, runs, strict=True):
        functions += ["", "", *_function(name, run.setup, max(min(shown, run.last), 1))]
        label = f"# {name.removeprefix('run_')}. {METHODS[run.setup.method].label}"
        calls += [f"print({label!r})"] if several else []
        numbers = ", ".join(f"{key}={value!r}" for key, value in _traced(run.setup).items())
        calls += [
            f"path = {name}({numbers})",
            'for step, x in enumerate(path.record["params"]):',
            "    print(step, x, loss(x))",
            "print(path.verdict)",
        ]
    lines = ["import jax", "import jax.numpy as jnp"]
    lines += ["import optax"] if any("optax." in line for line in functions) else []
    lines += ["", "import jdescent as jd", "", f"loss = {_filled(setup)}"]
    if setup.batch_size is not None:
        lines += [
            f"batch_loss, data = {setup.task.examples_code}()",
            f"batches = jd.batches.mini_batch(data, {setup.batch_size})",
        ]
    lines += [f"start = jnp.array({_listed(setup.start)})", *functions, "", "", *calls]
    return "\n".join(lines) + "\n"


def _function(name: str, setup: Setup, steps: int) -> list[str]:
    """The lines of a function that descends so many steps."""
    # Numbers that the page traces are traced here too: a literal 1 − β₁ would round otherwise.
    traced, defaults = _traced(setup), METHODS[setup.method].defaults
    words = {
        key: key if key in traced else repr(value)
        for key, value in _settings(setup).items()
        if key in traced or value != defaults[key]
    }
    rate = words.pop("learning_rate")
    schedule = _SCHEDULE_CODE[setup.schedule].format(
        rate=rate, steps=setup.horizon, fifth=max(setup.horizon // 5, 1)
    )
    arguments = [schedule, *(f"{key}={word}" for key, word in words.items())]
    optimizer = f"{METHODS[setup.method].code}({', '.join(arguments)})"
    if setup.clip is not None:
        optimizer = f"jd.chain(jd.clip_by_global_norm({setup.clip!r}), {optimizer})"
    descended, options = "loss", ""
    if setup.batch_size is not None:
        descended, options = "batch_loss", f", batches=batches, key=jax.random.key({setup.seed})"
    return [
        "@jax.jit",
        f"def {name}({', '.join(traced)}):",
        f"    optimizer = {optimizer}",
        "    return jd.descend(",
        f"        {descended}, start, optimizer, {steps}, record={RECORDED},",
        f"        divergence=jnp.inf{options},",
        "    )",
    ]


_SCHEDULE_CODE = {
    "constant": "{rate}",
    "warm-up": "jd.schedules.warm_up({rate}, {fifth})",
    "linear": "jd.schedules.linear({rate}, 0.0, {steps})",
    "cosine": "jd.schedules.cosine({rate}, {steps})",
    "exponential": "jd.schedules.exponential({rate}, 0.1, every={steps})",
    "one cycle": "jd.schedules.one_cycle({rate}, {steps})",
}


def _settings(setup: Setup) -> dict[str, Any]:
    return {**METHODS[setup.method].defaults, **setup.settings}


def _traced(setup: Setup) -> dict[str, float]:
    """The settings that the page does not compile anew for."""
    return {key: value for key, value in _settings(setup).items() if type(value) is float}


def _filled(setup: Setup) -> str:
    return setup.task.code.format(**setup.parameters) if setup.parameters else setup.task.code


def _listed(start: Any) -> str:
    return repr(list(start) if isinstance(start, tuple) else float(start))


def _plain(value: Any) -> Any:
    """Arrays as lists, numbers that JSON does not know as text."""
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
