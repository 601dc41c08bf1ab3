"""The panel of one optimizer: which, its learning rate, its other numbers as sliders."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from markupsafe import Markup

from jdescent_playground import address, fields
from jdescent_playground.catalog import METHODS, Hyperparameter, Method, Value
from jdescent_playground.numbers import shown
from jdescent_playground.page import Page
from jdescent_playground.rates import PRESETS, Outcomes
from jdescent_playground.runs import SCHEDULES, Setup

NUDGE = 1.1  # what an arrow key does to the learning rate
HORIZONS = (4, 1000)  # steps over which a schedule may reach
CLIPS = (1e-6, 1e6)  # norms that a slope may be clipped to


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
        page.on_typed("rate-typed", self._read_rate, self._take_rate)
        page.on("schedule", self._set_schedule)
        page.on_typed("horizon", fields.whole("the steps", *HORIZONS), self._set_horizon)
        page.on_typed("clip", fields.optional(fields.number("the clip", *CLIPS)), self._set_clip)
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
        """Another learning rate, kept within the slider's ends, to three digits."""
        low, high = self._rate.low, self._rate.high
        self._take_rate(float(f"{min(max(float(rate or low), low), high):.3g}"))

    def set_momentum(self, rate: float, momentum: float, done: bool = True) -> None:
        """Another learning rate and momentum at once, kept within their sliders' ends.

        Args:
            rate: the learning rate.
            momentum: of a method that has one.
            done: whether the hand that chooses them is at rest.
        """
        slider = self.method.hyperparameter("momentum")
        self.others["momentum"] = float(f"{min(max(momentum, slider.low), slider.high):.3f}")
        self.rate = float(f"{min(max(rate, self._rate.low), self._rate.high):.3g}")
        if done:
            self.draw()
        else:
            self.draw_rate()
        self._change(done)

    def read(self, query: Mapping[str, str], prefix: str = "") -> list[str]:
        """Take the optimizer from an address, named with a prefix; returns complaints."""
        chosen, complaints = address.read(query, {"method": address.choice(METHODS)}, prefix)
        self.name = chosen.get("method", self.name)
        readers = address.setting_readers(self.name)
        settings, more = address.read(query, readers, prefix)
        self.rate = settings.pop("learning_rate", self.rate)
        self.others = settings
        values, still_more = address.read(query, _READERS, prefix)
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
        self.page.text(equations=self.method.equations)
        self.page.set("equations", hidden=not self.method.equations)
        for one in self.method.hyperparameters[1:]:
            self.page.on(f"set:{one.name}", functools.partial(self._set, one))
            self._draw_value(one)
        self.page.html(schedule=_plain_options(SCHEDULES, self.schedule))
        self.page.set("horizon", disabled=self.schedule == "constant")
        self._draw_horizon()
        self._draw_clip()
        self.draw_rate()

    def draw_rate(self) -> None:
        self.page.set("rate", value=f"{self._rate.position(self.rate):.4f}")
        self.page.set("rate", aria_valuetext=shown(self.rate))
        self.page.set("rate-typed", value=fields.exact(self.rate), aria_invalid=False)
        for name, rate in self.presets.items():
            matches = rate is not None and abs(rate / self.rate - 1) < 1e-6
            self.page.set(_id(name), aria_pressed=matches)

    def draw_limit(self, limit: float | None, words: Markup) -> None:
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

    def _read_rate(self, text: str) -> float:
        return fields.number("the learning rate", self._rate.low, self._rate.high)(text)

    def _take_rate(self, rate: float) -> None:
        self.rate = rate
        self.draw_rate()
        self._change(False)

    def _set(self, one: Hyperparameter, value: Any) -> None:
        self.others[one.name] = value if isinstance(value, bool) else one.value(float(value))
        self._draw_value(one)
        self._change(True)

    def _set_schedule(self, name: str) -> None:
        if name in SCHEDULES:
            self.schedule = name
            self.page.set("horizon", disabled=name == "constant")
            self._change(True)

    def _set_horizon(self, steps: int) -> None:
        self.horizon = steps
        self._draw_horizon()
        self._change(True)

    def _draw_horizon(self) -> None:
        self.page.set("horizon", value=str(self.horizon), aria_invalid=False)

    def _set_clip(self, norm: float | None) -> None:
        self.clip = norm
        self._draw_clip()
        self._change(True)

    def _draw_clip(self) -> None:
        text = "" if self.clip is None else fields.exact(self.clip)
        self.page.set("clip", value=text, aria_invalid=False)

    def _sliders(self) -> Markup:
        others = self.method.hyperparameters[1:]
        return Markup().join(_slider(one, self.others.get(one.name, one.default)) for one in others)

    def _draw_value(self, one: Hyperparameter) -> None:
        value = self.others.get(one.name, one.default)
        if not isinstance(value, bool):
            self.page.text(**{f"value-{one.name}": "none" if value is None else shown(value)})


_READERS = {
    "schedule": address.choice(SCHEDULES),
    "horizon": address.whole(*HORIZONS),
    "clip": address.optional(address.number(*CLIPS)),
}


def _slider(one: Hyperparameter, value: Value) -> Markup:
    event = f"set:{one.name}"
    if isinstance(value, bool):
        return Markup(
            '<label class="switch"><input type="checkbox" data-do="{}" {}> {}</label>'
        ).format(event, "checked" if value else "", one.label)
    return Markup(
        '<label>{} <b id="value-{}"></b>'
        '<input type="range" min="0" max="1" step="0.005" value="{:.4f}" data-do="{}"></label>'
    ).format(one.label, one.name, one.position(value), event)


def _options(chosen: str) -> Markup:
    """All methods, jdescent's before optax's."""
    groups: dict[str, list[Markup]] = {"jdescent": [], "optax": []}
    for name, method in METHODS.items():
        library = "optax" if name.startswith("optax.") else "jdescent"
        groups[library].append(option(name, method.label, chosen))
    return Markup().join(
        Markup('<optgroup label="{}">{}</optgroup>').format(library, Markup().join(options))
        for library, options in groups.items()
        if options
    )


def _plain_options(names: Any, chosen: str) -> Markup:
    return Markup().join(option(name, name, chosen) for name in names)


def option(name: str, label: str, chosen: str = "") -> Markup:
    """One entry of a list to choose from."""
    selected = "selected" if name == chosen else ""
    return Markup('<option value="{}" {}>{}</option>').format(name, selected, label)


def _id(preset: str) -> str:
    return "preset-" + preset.replace(" ", "-")
