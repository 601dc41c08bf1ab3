"""One dimension: a ball on a curve, moved by the optimizer one step at a time."""

from html import escape
from typing import Any

import numpy as np
from bokeh.document import Document

from jdescent.playground import address, curves, export, sharing, words
from jdescent.playground.catalog import METHODS, Value, limit_formula, stability_limit
from jdescent.playground.curves import CURVES, Curve
from jdescent.playground.equation import update_lines, without_tags
from jdescent.playground.expressions import ExpressionError, parse
from jdescent.playground.method_panel import MethodPanel
from jdescent.playground.numbers import shown
from jdescent.playground.page import Page
from jdescent.playground.pages.one_dimension_figures import CurveFigure, LossFigure
from jdescent.playground.playback import Playback
from jdescent.playground.rates import outcomes, presets
from jdescent.playground.runs import Run, Setup, compute

OWN = "own"
BATCHES = (1, 2, 4, 8, 16, 32)
DEFAULTS: dict[str, Any] = {
    "curve": "bowl", "from": curves.DOMAIN[0], "to": curves.DOMAIN[1], "method": "sgd",
    "schedule": "constant", "horizon": 100, "clip": None, "batch": None, "seed": 0, "step": 0,
}  # fmt: skip
READERS: dict[str, address.Read] = {
    "curve": address.choice((*CURVES, OWN)),
    "formula": str,
    "from": address.number(-1e6, 1e6),
    "to": address.number(-1e6, 1e6),
    "start": address.number(-1e6, 1e6),
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
        self.start = self.curve.start
        self.batch_size: int | None = None
        self.seed = 0
        self.run: Run
        self.sound: dict[str, Value] = {}  # hyperparameters that go together
        self.picture, self.history = CurveFigure(), LossFigure()
        figures = [self.picture.figure, self.history.figure]
        self.page = Page(document, "/", "one_dimension.html", figures)
        self.panel = MethodPanel(self.page, self.recompute)
        self.playback = Playback(self.page, lambda: self.run.last, self.draw)
        self._listen()
        complaints = self._read_address()
        self._show_choices()
        self._show_starts()
        self.recompute(True)
        if complaints:
            self._complain("; ".join(complaints) + ".")
        self.page.on_paint(self.picture.paint)
        self.page.on_paint(self.history.paint)
        self.page.show()

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
        page.text(steps=f"{step:,}", x=shown(x), loss=shown(row.loss), slope=shown(slope))
        lines = update_lines(run, step)
        page.html(update=words.update(lines), rows=words.table(run, step))
        page.css("update", characters=str(max(len(without_tags(one)) for _, one in lines)))
        page.text(status=words.status(run, step))
        page.set("status", className=f"status {words.mood(run, step)}")
        if not page.animated:
            page.address(self._query())

    def choose_curve(self, name: str) -> None:
        if name not in CURVES and name != OWN:
            return
        self.own = name == OWN
        if self.own:
            self._own(self.formula)
        else:
            self._take(CURVES[name])
        self._show_choices()

    def move_start(self, x: float, done: bool = True) -> None:
        """Put the ball somewhere else, before its first step."""
        low, high = self.curve.domain
        digits = 2 - int(np.floor(np.log10((high - low) / 5)))
        self.start = round(min(max(float(x), low), high), max(digits, 0)) + 0.0
        self.playback.pause()
        self.playback.shown = 0
        self.recompute(done)

    def _take(self, curve: Curve) -> None:
        self.curve, self.start = curve, curve.start
        self._show_starts()
        self.history.remember(None, 0)
        self.playback.pause()
        self.playback.shown = 0
        self.recompute()

    def _own(self, text: str) -> None:
        """Take a typed formula, or say what is wrong with it and keep the curve there is."""
        self.formula = text
        try:
            curve = curves.typed(parse(text), self.domain)
        except ExpressionError as error:
            self._complain(str(error))
            self.page.set("formula", aria_invalid=True)
            return
        self.page.set("formula", aria_invalid=False)
        self._take(curve)

    def _listen(self) -> None:
        page, figure = self.page, self.picture.figure
        page.on("curve", self.choose_curve)
        page.on("formula", self._own)
        page.on("from", lambda text: self._set_domain(text, self.domain[1]))
        page.on("to", lambda text: self._set_domain(self.domain[0], text))
        page.on("preset", self._preset)
        page.on("start", self._set_start)
        page.on("batch", self._set_batch)
        page.on("seed", self._set_seed)
        page.on("reset", lambda value: self._reset())
        page.on_key("r R Home", self._reset)
        sharing.offer(
            page, "run", self._query,
            lambda: export.as_json(self.run, self.playback.shown),
            lambda: export.as_python([(self.run, self.playback.shown)]),
        )  # fmt: skip
        page.on_key("Shift+ArrowLeft", lambda: self._nudge(-1))
        page.on_key("Shift+ArrowRight", lambda: self._nudge(1))
        page.on_pointer(figure, lambda x, y, done: self.move_start(x, done))

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

    def _set_domain(self, low: Any, high: Any) -> None:
        try:
            low, high = (float(str(end).replace("−", "-").replace(",", ".")) for end in (low, high))
        except ValueError:
            self._complain("from and to are numbers, such as −4 and 4.")
            return
        if not -1e6 <= low < high <= 1e6 or high - low < 1e-3:
            self._complain("from must lie left of to, by 0.001 at least, within a million.")
            return
        self.domain = (low, high)
        self._own(self.formula)

    def _set_batch(self, text: str) -> None:
        self.batch_size = int(text) if text.isdigit() and int(text) in BATCHES else None
        self.recompute()

    def _set_seed(self, text: str) -> None:
        values, complaints = address.read({"seed": text.strip()}, READERS)
        self.seed = values.get("seed", self.seed)
        self.page.set("seed", value=str(self.seed))
        if complaints:
            self._complain("the seed is a whole number from 0 to 1000000.")
        else:
            self.recompute()

    def _survey(self) -> None:
        """What happens at every rate, and the limit that theory gives at the minimum below."""
        below = self.curve.minimum_below(self.start)
        limit = None
        told = "" if below is None else f"curvature λ = {shown(below[1])}"
        if below is not None and self.panel.schedule == "constant" and self.panel.clip is None:
            limit = stability_limit(self.panel.name, self.panel.settings, below[1])
        if limit is not None and below is not None:
            formula = limit_formula(self.panel.name, self.panel.settings)
            told = f"<b>{formula} = {shown(limit)}</b> &ensp;({told})"
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
        self.page.html(
            curve="".join(
                f'<option value="{name}">{escape(label)}</option>'
                for name, label in (*options, (OWN, "your own formula"))
            ),
            batch='<option value="">all</option>'
            + "".join(f'<option value="{size}">{size}</option>' for size in BATCHES),
        )
        self.page.set("curve", value=OWN if self.own else self.curve.name)
        self.page.set("own", hidden=not self.own)
        self.page.set("formula", value=self.formula)
        self.page.set("from", value=shown(self.domain[0]))
        self.page.set("to", value=shown(self.domain[1]))
        self.page.set("noise", hidden=self.curve.task.examples is None)
        self.page.set("batch", value="" if self.batch_size is None else str(self.batch_size))
        self.page.set("seed", value=str(self.seed))
        self.panel.draw()

    def _read_address(self) -> list[str]:
        """Begin where the address says; returns what could not be read."""
        values, complaints = address.read(self.page.query, READERS)
        self.formula = values.get("formula", self.formula)
        low, high = values.get("from", self.domain[0]), values.get("to", self.domain[1])
        if high - low >= 1e-3:
            self.domain = (low, high)
        self.own = values.get("curve") == OWN
        if self.own:
            try:
                self.curve = curves.typed(parse(self.formula), self.domain)
            except ExpressionError as error:
                complaints.append(f"the address says formula={self.formula[:40]}: {error}")
        else:
            self.curve = CURVES[values.get("curve", self.curve.name)]
        low, high = self.curve.domain
        self.start = min(max(values.get("start", self.curve.start), low), high)
        self.batch_size = values.get("batch")
        self.seed = values.get("seed", self.seed)
        complaints += self.panel.read(self.page.query)
        self.playback.shown = values.get("step", 0)
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
