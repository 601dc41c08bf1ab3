"""One dimension: a ball on a curve, moved by the optimizer one step at a time."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from bokeh.document import Document
from markupsafe import Markup

from jdescent_playground import address, curves, export, fields, moving, sharing, words
from jdescent_playground.catalog import METHODS, Value, limit_formula, stability_limit
from jdescent_playground.curves import CURVES, Curve
from jdescent_playground.equation import update_lines, without_tags
from jdescent_playground.expressions import ExpressionError, parse
from jdescent_playground.method_panel import MethodPanel, option
from jdescent_playground.numbers import shown
from jdescent_playground.page import Page
from jdescent_playground.pages.noise_panel import NoisePanel
from jdescent_playground.pages.one_dimension_figures import CurveFigure, LossFigure
from jdescent_playground.playback import Playback
from jdescent_playground.rates import outcomes, presets
from jdescent_playground.runs import Run, Setup, compute

OWN = "own"
BATCHES = (1, 2, 4, 8, 16, 32)
DEFAULTS: dict[str, Any] = {
    "curve": "bowl", "from": curves.DOMAIN[0], "to": curves.DOMAIN[1], "method": "sgd",
    "schedule": "constant", "horizon": 100, "clip": None, "batch": None, "seed": 0, "step": 0,
}  # fmt: skip
READERS: dict[str, address.Read] = {
    "curve": address.choice((*CURVES, OWN)),
    "formula": str,
    "from": address.number(-fields.FAR, fields.FAR),
    "to": address.number(-fields.FAR, fields.FAR),
    "start": address.number(-fields.FAR, fields.FAR),
    "batch": address.optional(address.whole(1, 96)),
    "seed": address.whole(0, 10**6),
    "step": address.whole(0, 1000),
}


def build(document: Document) -> None:
    """One person's page."""
    OneDimension(document)


class OneDimension:
    """The state of the page, and what its events do to it."""

    def __init__(self, document: Document) -> None:
        self.curve, self.own = CURVES["bowl"], False
        self.formula, self.domain = "x^4/4 - x^2 + x/4", curves.DOMAIN
        self.ends = [fields.exact(end) for end in self.domain]  # as typed
        self._refused = ""  # a formula of the address that cannot be read
        self.start = self.curve.start
        self.batch_size: int | None = None
        self.seed = 0
        self.run: Run
        self.sound: dict[str, Value] = {}  # hyperparameters that go together
        self.picture, self.history = CurveFigure(), LossFigure()
        self.noise = NoisePanel()
        figures = [self.picture.figure, *self.noise.figures, self.history.figure]
        self.page = Page(document, "/", "one_dimension.html", figures)
        self.panel = MethodPanel(self.page, self.recompute)
        self.playback = Playback(self.page, lambda: self.run.last, self.draw)
        self._listen()
        self.page.show(self._begin)

    def _begin(self) -> None:
        complaints = self._read_address()
        self._show_choices()
        self._show_starts()
        self.recompute(True)
        if self._refused:  # it can be mended where it stands
            self.page.set("own", hidden=False)
            self.page.set("formula", value=self._refused, aria_invalid=True)
        if complaints:
            self._complain("; ".join(complaints) + ".")
        for one in (self.picture, self.history, self.noise):
            self.page.on_paint(one.paint)

    @property
    def setup(self) -> Setup:
        bare = Setup(self.curve.task, "sgd", {}, self.start, seed=self.seed)
        batch_size = self.batch_size if self.curve.task.examples else None
        return self.panel.apply(bare.but(batch_size=batch_size))

    def recompute(self, all_rates: bool = True) -> None:
        """Descend anew after something has changed; the step that is shown stays.

        Args:
            all_rates: whether what happens at other learning rates has changed too.
        """
        complaint = ""
        try:
            run = compute(self.setup)
        except (ValueError, TypeError) as error:  # hyperparameters that contradict one another
            complaint = f"{METHODS[self.panel.name].label}: {error}."
            self.panel.others = dict(self.sound)
            self.panel.draw()
            run = compute(self.setup)
        self.run, self.sound = run, dict(self.panel.others)
        self._complain(complaint or self.curve.remark())
        if all_rates:
            self._survey()
        self.playback.show(self.playback.shown)

    def draw(self) -> None:
        """Show the point after `playback.shown` steps, everywhere."""
        run, step, page = self.run, self.playback.shown, self.page
        row = run.row(step)
        x, slope = float(row.x), float(row.gradient)
        self.picture.draw(self.curve, run, step)
        self.history.draw(self.curve, run, step)
        self.noise.draw(self.curve, run, step)
        page.text(steps=f"{step:,}", x=shown(x), loss=shown(row.loss), slope=shown(slope))
        lines = update_lines(run, step)
        page.html(update=words.update(lines), rows=words.table(run, step))
        page.css("update", characters=str(max(len(without_tags(one)) for _, one in lines)))
        page.text(status=words.status(run, step))
        page.set("status", className=f"status {words.mood(run, step)}")
        page.address(self._query)
        if not page.animated:
            page.describe("curve", words.picture(self.curve, run, step))
            page.describe("loss", words.losses(run, step))

    def choose_curve(self, name: str) -> None:
        if name not in CURVES and name != OWN:
            return
        self.own = name == OWN
        self._take(self._typed_curve(self.formula) if self.own else CURVES[name])
        self._show_choices()

    def move_start(self, x: float, done: bool = True) -> None:
        """Put the ball somewhere else, before its first step."""
        low, high = self.curve.domain
        digits = 2 - int(np.floor(np.log10((high - low) / 5)))
        self.start = min(max(round(float(x), max(digits, 0)), low), high) + 0.0
        self._at_start(done)

    def _take(self, curve: Curve) -> None:
        self.curve, self.start = curve, curve.start
        self._show_starts()
        self.history.remember(None, 0)
        self._at_start()

    def _at_start(self, all_rates: bool = True) -> None:
        self.playback.pause()
        self.playback.shown = 0
        self.recompute(all_rates)

    def _remember_start(self) -> Callable[[], None]:
        start, shown_steps = self.start, self.playback.shown

        def put_back() -> None:
            self.start, self.playback.shown = start, shown_steps
            self.recompute()

        return put_back

    def _typed_curve(self, text: str) -> Curve:
        return curves.typed(parse(text), self.domain)

    def _own(self, curve: Curve) -> None:
        """Take a typed formula."""
        self.own, self.formula = True, curve.formula
        self._take(curve)

    def _listen(self) -> None:
        page, figure = self.page, self.picture.figure
        page.on("curve", self.choose_curve)
        page.on_typed("formula", self._typed_curve, self._own)
        page.on_typed("from", lambda text: self._typed_ends(0, text), self._set_domain)
        page.on_typed("to", lambda text: self._typed_ends(1, text), self._set_domain)
        page.on("preset", self._preset)
        page.on("start", self._set_start)
        page.on("batch", self._set_batch)
        page.on_typed("seed", fields.whole("the seed", 0, 10**6), self._set_seed)
        page.on("reset", lambda value: self._reset())
        page.on_key("r R Home", self._reset)
        sharing.offer(
            page, "run", self._query,
            lambda: export.as_json(self.run, self.playback.shown),
            lambda: export.as_python([(self.run, self.playback.shown)]),
            lambda: moving.of_curve(
                self.curve, self.run, self.playback.shown, self.page.palette.name
            ),
        )  # fmt: skip
        self.noise.listen(page, self._set_seed)
        page.on_key("Shift+ArrowLeft", lambda: self._nudge(-1))
        page.on_key("Shift+ArrowRight", lambda: self._nudge(1))
        page.on_pointer(figure, lambda x, y, done: self.move_start(x, done), self._remember_start)

    def _reset(self) -> None:
        self.history.remember(self.run, self.playback.shown)
        self.playback.reset()

    def _nudge(self, sign: int) -> None:
        low, high = self.curve.domain
        self.move_start(self.start + sign * (high - low) / 60)

    def _preset(self, name: str) -> None:
        rate = self.panel.presets.get(name)
        if rate is not None:
            self._reset()
            self.panel.set_rate(rate)
            self.playback.run()

    def _set_start(self, name: str) -> None:
        if name in self.curve.starts:
            self.move_start(self.curve.starts[name])

    def _typed_ends(self, which: int, text: str) -> tuple[float, float]:
        """Both ends, one of which was typed now: the other may have been refused before."""
        self.ends[which] = text
        return fields.interval(*self.ends)

    def _set_domain(self, ends: tuple[float, float]) -> None:
        self.domain = ends
        self._own(self._typed_curve(self.formula))
        self._show_ends()

    def _show_ends(self) -> None:
        self.ends = [fields.exact(end) for end in self.domain]
        for name, text in zip(("from", "to"), self.ends, strict=True):
            self.page.set(name, value=text, aria_invalid=False)

    def _set_batch(self, text: str) -> None:
        self.batch_size = int(text) if text.isdigit() and int(text) in BATCHES else None
        self.recompute()

    def _set_seed(self, seed: int) -> None:
        self.seed = seed
        self.page.set("seed", value=str(seed))
        self.recompute()

    def _survey(self) -> None:
        """What happens at every rate, and the limit that theory gives at the minimum below."""
        below = self.curve.minimum_below(self.start)
        limit = None
        told = Markup() if below is None else Markup(f"curvature λ = {shown(below[1])}")
        if below is not None and self.panel.schedule == "constant" and self.panel.clip is None:
            limit = stability_limit(self.panel.name, self.panel.settings, below[1])
        if limit is not None and below is not None:
            formula = limit_formula(self.panel.name, self.panel.settings)
            told = Markup("<b>{} = {}</b> &ensp;({})").format(formula, shown(limit), told)
        elif below is not None:
            told += ", no fixed limit: this method rescales its slopes"
        self.panel.draw_limit(limit, told)
        exact = limit if self.curve.parabola else None
        self.panel.draw_outcomes(ends := outcomes(self.setup), presets(ends, exact))

    def _show_starts(self) -> None:
        for name in curves.STARTS:
            there = name in self.curve.starts
            self.page.set("start-" + name.replace(" ", "-"), hidden=not there)

    def _show_choices(self) -> None:
        options = [(name, curve.formula) for name, curve in CURVES.items()]
        sizes = [(str(size), str(size)) for size in sorted({*BATCHES, self.batch_size or 1})]
        self.page.html(
            curve=Markup().join(
                option(name, label) for name, label in (*options, (OWN, "your own formula"))
            ),
            batch=Markup().join(option(*one) for one in [("", "all"), *sizes]),
        )
        self.page.set("curve", value=OWN if self.own else self.curve.name)
        self.page.set("own", hidden=not self.own)
        self.page.set("formula", value=self.formula, aria_invalid=False)
        self._show_ends()
        self.page.set("noise", hidden=self.curve.task.examples is None)
        self.page.set("batch", value="" if self.batch_size is None else str(self.batch_size))
        self.page.set("seed", value=str(self.seed))
        self.panel.draw()

    def _read_address(self) -> list[str]:
        """Begin where the address says; returns what could not be read."""
        query = self.page.query
        values, complaints = address.read(query, READERS)
        complaints += self._read_curve(query, values)
        self.start = self.curve.start
        if "start" in values:
            low, high = self.curve.domain
            if low <= values["start"] <= high:
                self.start = values["start"]
            else:
                told = f"start must be between {low:g} and {high:g} on this curve"
                complaints.append(address.complaint("start", query["start"], told))
        self.batch_size = values.get("batch")
        if self.batch_size and not self.curve.task.examples:
            told = "this curve has no examples to draw batches from"
            complaints.append(address.complaint("batch", query["batch"], told))
        self.seed = values.get("seed", self.seed)
        complaints += self.panel.read(query)
        self.playback.shown = values.get("step", 0)
        return complaints

    def _read_curve(self, query: Mapping[str, str], values: Mapping[str, Any]) -> list[str]:
        """The curve that an address names; the bowl if it cannot be had."""
        ends = [query.get(name, end) for name, end in zip(("from", "to"), self.ends, strict=True)]
        complaints = []
        if {"from", "to"} & set(values):
            try:
                self.domain = fields.interval(*ends)
            except ValueError as error:
                complaints.append(f"the address is not read: {error}")
        if values.get("curve") != OWN:
            self.curve = CURVES[values.get("curve", self.curve.name)]
            return complaints
        try:
            self.curve = self._typed_curve(values.get("formula", self.formula))
        except ExpressionError as error:
            complaints.append(address.complaint("formula", values["formula"], str(error)))
            self._refused = values["formula"]
        else:
            self.own, self.formula = True, self.curve.formula
        return complaints

    def _query(self) -> str:
        """The state as an address: the defaults are left out."""
        typed = {"formula": self.formula, "from": self.domain[0], "to": self.domain[1]}
        values = {
            "curve": OWN if self.own else self.curve.name,
            **(typed if self.own else {}),
            **self.panel.written(),
            "start": self.start,
            "batch": self.batch_size if self.curve.task.examples else None,
            "seed": self.seed,
            "step": self.playback.shown,
        }
        return address.write(values, DEFAULTS)

    def _complain(self, sentence: str) -> None:
        self.page.text(problem=sentence)
