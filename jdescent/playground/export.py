"""A run to take away: its numbers as JSON, or a script that computes them again."""

import json
import math
from typing import Any

import numpy as np

import jdescent as jd
from jdescent.playground.catalog import METHODS
from jdescent.playground.runs import RECORDED, Run, Setup


def as_json(run: Run, shown: int) -> str:
    """The settings and every shown point; infinite and NaN are written as text ("inf", "nan").

    Example:
        >>> from jdescent.playground.curves import CURVES
        >>> from jdescent.playground.runs import compute
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


def as_python(run: Run, shown: int) -> str:
    """A script that descends with `jdescent.descend` and prints the same points.

    Example:
        >>> from jdescent.playground.curves import CURVES
        >>> from jdescent.playground.runs import compute
        >>> setup = Setup(CURVES["bowl"].task, "sgd", {"learning_rate": 0.5}, 3.0)
        >>> script = as_python(compute(setup), 7)
        >>> print(script[script.index("def run") :])
        def run(learning_rate, dampening):
            optimizer = jd.sgd(learning_rate, momentum=None, nesterov=False, dampening=dampening)
            return jd.descend(
                loss, start, optimizer, 7, record=('params', 'gradient', 'state'),
                divergence=jnp.inf,
            )
        ...
    """
    setup = run.setup
    steps = max(min(shown, run.last), 1)
    # Numbers that the page traces are traced here too: a literal 1 − β₁ would round otherwise.
    settings = _settings(setup)
    traced = {name: value for name, value in settings.items() if type(value) is float}
    words = {name: name if name in traced else repr(value) for name, value in settings.items()}
    rate = words.pop("learning_rate")
    schedule = _SCHEDULE_CODE[setup.schedule].format(
        rate=rate, steps=setup.horizon, fifth=max(setup.horizon // 5, 1)
    )
    arguments = [schedule, *(f"{name}={word}" for name, word in words.items())]
    optimizer = f"{METHODS[setup.method].code}({', '.join(arguments)})"
    if setup.clip is not None:
        optimizer = f"jd.chain(jd.clip_by_global_norm({setup.clip!r}), {optimizer})"
    lines = ["import jax", "import jax.numpy as jnp"]
    lines += ["import optax"] if "optax." in optimizer else []
    lines += ["", "import jdescent as jd", "", f"loss = {_filled(setup)}"]
    descended, options = "loss", ""
    if setup.batch_size is not None:
        lines += [
            f"batch_loss, data = {setup.task.examples_code}()",
            f"batches = jd.batches.mini_batch(data, {setup.batch_size})",
        ]
        descended, options = "batch_loss", f", batches=batches, key=jax.random.key({setup.seed})"
    lines += [
        f"start = jnp.array({_listed(setup.start)})",
        "",
        "",
        "@jax.jit",
        f"def run({', '.join(traced)}):",
        f"    optimizer = {optimizer}",
        "    return jd.descend(",
        f"        {descended}, start, optimizer, {steps}, record={RECORDED},",
        f"        divergence=jnp.inf{options},",
        "    )",
        "",
        "",
        f"path = run({', '.join(f'{name}={value!r}' for name, value in traced.items())})",
        'for step, x in enumerate(path.record["params"]):',
        "    print(step, x, loss(x))",
        "print(path.verdict)",
    ]
    return "\n".join(lines) + "\n"


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
