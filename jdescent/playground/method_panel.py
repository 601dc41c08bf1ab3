"""The panel of one optimizer: which, its learning rate, its other numbers as sliders."""

import functools
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import numpy as np

from jdescent.playground import address
from jdescent.playground.catalog import METHODS, Hyperparameter, Method, Value
from jdescent.playground.numbers import shown
from jdescent.playground.page import Page
from jdescent.playground.rates import PRESETS, Outcomes
from jdescent.playground.runs import SCHEDULES, Setup

NUDGE = 1.1  # what an arrow key does to the learning rate


class MethodPanel:
    """The optimizer a person has chosen.

    The template places it with ``parts.method()``, ``parts.rate()`` and ``parts.settings()``.

    Args:
        page: the page.
        change: called when anything has changed, with whether more than the learning rate has.
    """

    def __init__(self, page: Page, change: Callable[[bool], None]) -> None:
        self.page, self._change = page, change
        self.name = "sgd"
        self.rate = 0.4
        self.others: dict[str, Value] = {}
        self.schedule, self.horizon = "constant", 100
        self.clip: float | None = None
        self.presets: Mapping[str, float | None] = dict.fromkeys(PRESETS)
        page.on("method", self.choose)
        page.on("rate", lambda position: self.set_rate(self._rate.value(float(position))))
        page.on("rate-typed", self._typed_rate)
        page.on("schedule", self._set_schedule)
        page.on("horizon", self._set_horizon)
        page.on("clip", self._set_clip)
        page.on_key("ArrowUp", lambda: self.set_rate(self.rate * NUDGE))
        page.on_key("ArrowDown", lambda: self.set_rate(self.rate / NUDGE))

    @property
    def method(self) -> Method:
        return METHODS[self.name]

    @property
    def settings(self) -> dict[str, Value]:
        """What differs from the signature's defaults, and the learning rate."""
        return {"learning_rate": self.rate, **self.others}

    def apply(self, setup: Setup) -> Setup:
        """The setup with this optimizer in it."""
        return setup.but(
            method=self.name, settings=self.settings, schedule=self.schedule,
            horizon=self.horizon, clip=self.clip,
        )  # fmt: skip

    def choose(self, name: str) -> None:
        """Another optimizer, at its defaults and the same learning rate."""
        if name in METHODS:
            self.name, self.others = name, {}
            self.draw()
            self._change(True)

    def set_rate(self, rate: Value) -> None:
        """Another learning rate, kept within the slider's ends."""
        low, high = self._rate.low, self._rate.high
        self.rate = float(f"{min(max(float(rate or low), low), high):.3g}")
        self.draw_rate()
        self._change(False)

    def read(self, query: Mapping[str, str]) -> list[str]:
        """Take the optimizer from an address; returns complaints."""
        chosen, complaints = address.read(query, {"method": address.choice(METHODS)})
        self.name = chosen.get("method", self.name)
        readers = address.setting_readers(self.name)
        settings, more = address.read(query, readers)
        self.rate = settings.pop("learning_rate", self.rate)
        self.others = settings
        values, still_more = address.read(query, _READERS)
        self.schedule = values.get("schedule", self.schedule)
        self.horizon = values.get("horizon", self.horizon)
        self.clip = values.get("clip", self.clip)
        return complaints + more + still_more

    def written(self) -> dict[str, Any]:
        """What an address says of it."""
        return {
            "method": self.name, **self.settings,
            "schedule": self.schedule, "horizon": self.horizon, "clip": self.clip,
        }  # fmt: skip

    def draw(self) -> None:
        """Show everything."""
        self.page.html(method=_options(self.name), settings=self._sliders())
        self.page.set("method", value=self.name)
        self.page.html(equations=escape(self.method.equations))
        self.page.set("equations", hidden=not self.method.equations)
        for one in self.method.hyperparameters[1:]:
            self.page.on(f"set:{one.name}", functools.partial(self._set, one))
            self._draw_value(one)
        self.page.html(schedule=_plain_options(SCHEDULES, self.schedule))
        self.page.set("horizon", value=str(self.horizon), disabled=self.schedule == "constant")
        self.page.set("clip", value="" if self.clip is None else f"{self.clip:g}")
        self.draw_rate()

    def draw_rate(self) -> None:
        self.page.set("rate", value=f"{self._rate.position(self.rate):.4f}")
        self.page.set("rate", aria_valuetext=shown(self.rate))
        self.page.set("rate-typed", value=shown(self.rate))
        for name, rate in self.presets.items():
            matches = rate is not None and abs(rate / self.rate - 1) < 1e-6
            self.page.set(_id(name), aria_pressed=matches)

    def draw_limit(self, limit: float | None, words: str) -> None:
        """Mark the largest stable rate on the slider, and say in words what it is."""
        self.page.set("limit", hidden=limit is None)
        self.page.html(limit_words=words)
        if limit is not None:
            self.page.css("limit", at=f"{self._rate.position(limit):.4f}")

    def draw_outcomes(self, ends: Outcomes, presets: Mapping[str, float | None]) -> None:
        """Color the strip beneath the slider by how the run ends, and offer the presets."""
        self.presets = presets
        colors = np.where(ends.diverged, "bad", np.where(ends.converged, "good", "slow"))
        width = 100 / (len(colors) - 1)
        stops = [
            f"var(--strip-{color}) {max((i - 0.5) * width, 0):.2f}% {(i + 0.5) * width:.2f}%"
            for i, color in enumerate(colors)
        ]
        self.page.css("outcomes", strip=f"linear-gradient(to right, {', '.join(stops)})")
        for name, rate in presets.items():
            self.page.set(_id(name), disabled=rate is None)
            self.page.set(_id(name), title="" if rate is None else f"η = {shown(rate)}")
        self.draw_rate()

    @property
    def _rate(self) -> Hyperparameter:
        return self.method.hyperparameters[0]

    def _typed_rate(self, text: str) -> None:
        try:
            self.set_rate(float(text.replace("−", "-").replace(",", ".")))
        except ValueError:
            self.draw_rate()

    def _set(self, one: Hyperparameter, value: Any) -> None:
        self.others[one.name] = value if isinstance(value, bool) else one.value(float(value))
        self._draw_value(one)
        self._change(True)

    def _set_schedule(self, name: str) -> None:
        if name in SCHEDULES:
            self.schedule = name
            self.page.set("horizon", disabled=name == "constant")
            self._change(True)

    def _set_horizon(self, text: str) -> None:
        values, _ = address.read({"horizon": text.strip()}, _READERS)
        self.horizon = values.get("horizon", self.horizon)
        self.page.set("horizon", value=str(self.horizon))
        self._change(True)

    def _set_clip(self, text: str) -> None:
        values, _ = address.read({"clip": text.strip()}, _READERS)
        self.clip = values.get("clip")
        self.page.set("clip", value="" if self.clip is None else f"{self.clip:g}")
        self._change(True)

    def _sliders(self) -> str:
        others = self.method.hyperparameters[1:]
        return "".join(_slider(one, self.others.get(one.name, one.default)) for one in others)

    def _draw_value(self, one: Hyperparameter) -> None:
        value = self.others.get(one.name, one.default)
        if not isinstance(value, bool):
            self.page.text(**{f"value-{one.name}": "none" if value is None else shown(value)})


_READERS = {
    "schedule": address.choice(SCHEDULES),
    "horizon": address.whole(4, 1000),
    "clip": address.optional(address.number(1e-6, 1e6)),
}


def _slider(one: Hyperparameter, value: Value) -> str:
    event, label = f"set:{one.name}", escape(one.label)
    if isinstance(value, bool):
        checked = " checked" if value else ""
        box = f'<input type="checkbox" data-do="{event}"{checked}>'
        return f'<label class="switch">{box} {label}</label>'
    return (
        f'<label>{label} <b id="value-{one.name}"></b>'
        f'<input type="range" min="0" max="1" step="0.005" value="{one.position(value):.4f}" '
        f'data-do="{event}"></label>'
    )


def _options(chosen: str) -> str:
    """All methods, jdescent's before optax's."""
    groups: dict[str, str] = {"jdescent": "", "optax": ""}
    for name, method in METHODS.items():
        groups["optax" if name.startswith("optax.") else "jdescent"] += _option(
            name, method.label, chosen
        )
    return "".join(
        f'<optgroup label="{library}">{options}</optgroup>'
        for library, options in groups.items()
        if options
    )


def _plain_options(names: Any, chosen: str) -> str:
    return "".join(_option(name, name, chosen) for name in names)


def _option(name: str, label: str, chosen: str) -> str:
    selected = " selected" if name == chosen else ""
    return f'<option value="{escape(name)}"{selected}>{escape(label)}</option>'


def _id(preset: str) -> str:
    return "preset-" + preset.replace(" ", "-")
