"""Two dimensions: optimizers race from one start on a surface seen from above."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from bokeh.document import Document
from markupsafe import Markup

from jdescent_playground import address, export, fields, moving, race, race_words, sharing
from jdescent_playground.look import Palette
from jdescent_playground.method_panel import MethodPanel, option
from jdescent_playground.numbers import brief, shown
from jdescent_playground.page import Page
from jdescent_playground.pages.momentum_panel import MomentumPanel
from jdescent_playground.pages.race_figures import AngleFigure, LossesFigure
from jdescent_playground.pages.surface_figure import SurfaceFigure, ink_on
from jdescent_playground.playback import Playback
from jdescent_playground.race import Racer, Shown
from jdescent_playground.rates import outcomes, presets
from jdescent_playground.runs import Run, Setup, compute
from jdescent_playground.scene import FIRST, OWN, Scene
from jdescent_playground.surfaces import SURFACES, Point

CALM = 200  # milliseconds without a change before every angle is tried again
READERS: dict[str, address.Read] = {
    "chosen": address.whole(1, race.LARGEST),
    "step": address.whole(0, 1000),
}
DEFAULTS: dict[str, Any] = {"surface": FIRST, "chosen": 1, "step": 0}


def build(document: Document) -> None:
    """One person's page."""
    TwoDimensions(document)


class TwoDimensions:
    """The state of the page, and what its events do to it."""

    def __init__(self, document: Document) -> None:
        self.scene = Scene()
        self.racers: list[Racer] = []
        self.runs: list[Run] = []
        self.by_angle: list[np.ndarray] = []
        self.chosen = 0
        self.picture = SurfaceFigure(self._redraw)
        self.losses, self.angles = LossesFigure(), AngleFigure()
        self.momentum = MomentumPanel()
        beside = [one.figure for one in (self.losses, self.angles)]
        figures = [self.picture.figure, *self.momentum.figures, *beside]
        self.page = Page(document, "/two", "two_dimensions.html", figures)
        self.panel = MethodPanel(self.page, self._edited)
        self.playback = Playback(self.page, lambda: max(run.last for run in self.runs), self.draw)
        self.ends = [fields.exact(end) for end in self.scene.ends]  # as typed
        self._listen()
        self.page.show(self._begin)

    def _begin(self) -> None:
        complaints = self._read_address()
        self._show_surface()
        self._show_racers()
        self.recompute()
        if self.scene.refused:  # it can be mended where it stands
            self.page.set("own", hidden=False)
            self.page.set("formula", value=self.scene.refused, aria_invalid=True)
        if complaints:
            self._complain("; ".join(complaints) + ".")
        for one in (self.picture, self.losses, self.angles, self.momentum):
            self.page.on_paint(one.paint)
        self.page.on_paint(self._paint)
        self._try_angles_later()

    def setup(self, racer: Racer) -> Setup:
        """What one optimizer runs."""
        surface = self.scene.surface
        bare = Setup(surface.task, "sgd", {}, self.scene.start, surface.parameters)
        return racer.apply(bare.but(rest=surface.rest))

    def recompute(self, all_rates: bool = True) -> None:
        """Let all run anew; the step that is shown stays.

        Args:
            all_rates: whether what happens at other learning rates has changed too.
        """
        self.runs = [compute(self.setup(racer)) for racer in self.racers]
        self._show_limit(all_rates)
        self.playback.show(self.playback.shown)

    def draw(self) -> None:
        """Show how far all have come, everywhere."""
        page, surface, runs = self.page, self.scene.surface, self._shown()
        self.picture.draw(surface, runs)
        self.losses.draw(surface, runs)
        for index, one in enumerate(runs):
            words, mood = race.verdict(one.run, one.step, surface)
            page.text(**{f"loss-{index}": brief(one.row.loss), f"how-{index}": words})
            page.set(f"how-{index}", className=f"how {mood}")
        status = race_words.status(self.racers[self.chosen], runs[self.chosen], surface)
        page.text(steps=f"{self.playback.shown:,}", status=status)
        rows, longest = race_words.component_rows(self.racers, runs)
        page.html(components=rows)
        # in sixes, or the type would breathe from step to step
        page.css("components", characters=str(6 * math.ceil(max(longest, 30) / 6)))
        page.address(self._query)
        if not page.animated:
            self._describe(runs)

    def choose_surface(self, name: str) -> None:
        """Another surface."""
        if name in SURFACES or name == OWN:
            self.scene.take(name)
            self._surface_taken()

    def _surface_taken(self) -> None:
        self.racers = [
            replace(racer, rate=race.fitting(racer.method, self.scene.surface).rate)
            for racer in self.racers
        ]
        self.playback.pause()
        self.playback.shown = 0
        self._show_surface()
        self._show_racers()
        self.recompute()
        self._complain(self.picture.remark())
        self.try_angles()

    def move_start(self, x: float, y: float, done: bool = True) -> None:
        """Put the start somewhere else: everybody is back at it."""
        digits = max(-math.floor(math.log10(self.picture.height / 500)), 0)
        x, y = self.picture.inside(x, y)
        self._put_start((round(x, digits) + 0.0, round(y, digits) + 0.0), done)

    def _put_start(self, start: Point, done: bool = True) -> None:
        self.scene.start = start
        self.playback.pause()
        self.playback.shown = 0
        self.recompute(done)
        self._try_angles_later()

    def choose(self, index: int) -> None:
        """Show the panel and the arrows of one racer."""
        if 0 <= index < len(self.racers):
            self.chosen = index
            self._show_racers()
            self._show_limit()
            self.draw()

    def try_angles(self) -> None:
        """Run everybody at every angle of the bowl."""
        if self.scene.is_bowl:
            scene = self.scene
            self.by_angle = [
                race.steps_by_angle(self.setup(racer), scene.condition, scene.start_in_bowl)
                for racer in self.racers
            ]
            self.angles.draw(scene.degrees, self.by_angle)
            labels = [racer.label for racer in self.racers]
            self.page.describe("angles", race_words.by_angle(labels, self.by_angle))

    def _listen(self) -> None:
        page = self.page
        page.on("surface", self.choose_surface)
        page.on_typed("formula", self._take_formula, lambda taken: self._surface_taken())
        page.on_typed("from", lambda text: self._typed_ends(0, text), self._set_ends)
        page.on_typed("to", lambda text: self._typed_ends(1, text), self._set_ends)
        page.on("kappa", self._set_condition)
        page.on("turn", self._set_angle)
        page.on("choose", lambda index: self.choose(int(index)))
        page.on("remove", lambda index: self._remove(int(index)))
        page.on("add", lambda value: self._add())
        page.on("preset", self._preset)
        sharing.offer(
            page, "race", self._query,
            lambda: race.as_json(self._shown()),
            lambda: export.as_python([(one.run, one.step) for one in self._shown()]),
            lambda: moving.of_race(
                self.scene.surface, self.racers, self.runs, self.playback.shown,
                self.page.palette.name,
            ),
        )  # fmt: skip
        for number in range(race.LARGEST):
            page.on_key(str(number + 1), partial(self.choose, number))
        page.on_key("Shift+ArrowLeft", partial(self._nudge, -1, 0))
        page.on_key("Shift+ArrowRight", partial(self._nudge, 1, 0))
        page.on_key("Shift+ArrowUp", partial(self._nudge, 0, 1))
        page.on_key("Shift+ArrowDown", partial(self._nudge, 0, -1))
        page.on_pointer(
            self.picture.figure, self.move_start, lambda: partial(self._put_start, self.scene.start)
        )

        self.momentum.listen(page, self._take_momentum, self._remember_momentum)

    def _take_momentum(self, rate: float, momentum: float, done: bool) -> None:
        """Take a pair of the map, and launch that run once the finger is lifted."""
        if done:
            self.playback.reset()
        self.panel.set_momentum(rate, momentum, done)
        if done:
            self.playback.run()

    def _remember_momentum(self) -> Callable[[], None]:
        racer, shown_steps = self.racers[self.chosen], self.playback.shown

        def put_back() -> None:
            racer.put_into(self.panel)
            self.panel.draw()
            self._edited(True)
            self.playback.show(shown_steps)

        return put_back

    def _shown(self) -> list[Shown]:
        return [
            Shown(run, min(self.playback.shown, run.last), index + 1, index == self.chosen)
            for index, run in enumerate(self.runs)
        ]

    def _redraw(self) -> None:
        self.draw()
        self.page.flush()

    def _paint(self, palette: Palette) -> None:
        """The racers' colors, for the words as for the figures."""
        for number, color in enumerate(palette.race, 1):
            self.page.css("two", **{f"race-{number}": color, f"race-{number}-ink": ink_on(color)})
        self.draw()
        self.angles.draw(self.scene.degrees, self.by_angle)

    def _take_formula(self, text: str) -> None:
        self.scene.take(OWN, text)

    def _typed_ends(self, which: int, text: str) -> tuple[float, float]:
        """Both ends, one of which was typed now: the other may have been refused before."""
        self.ends[which] = text
        return fields.interval(*self.ends)

    def _set_ends(self, ends: tuple[float, float]) -> None:
        self.scene.ends = ends
        self.choose_surface(OWN)

    def _describe(self, runs: list[Shown]) -> None:
        page, surface = self.page, self.scene.surface
        labels = [racer.label for racer in self.racers]
        page.describe("surface", race_words.picture(surface, labels, runs))
        page.describe("losses", race_words.losses(labels, runs))

    def _set_condition(self, position: str) -> None:
        self.scene.set_condition(float(position))
        self._show_bowl()
        self.recompute()
        self._try_angles_later()

    def _set_angle(self, text: str) -> None:
        self.scene.turn_to(float(text))
        self._show_bowl()
        self.recompute()
        self.angles.draw(self.scene.degrees, self.by_angle)

    def _try_angles_later(self) -> None:
        """Try every angle once the hand is calm: a slider that moves would wait for it."""
        if self.scene.is_bowl:
            self.page.later(self.try_angles, CALM)

    def _edited(self, all_rates: bool) -> None:
        """Take over what the panel holds, for the chosen racer."""
        before, racer = self.racers[self.chosen], race.held_by(self.panel)
        try:
            self.runs[self.chosen] = compute(self.setup(racer))
        except (ValueError, TypeError) as error:  # hyperparameters that contradict one another
            self._complain(f"{racer.label}: {error}.")
            before.put_into(self.panel)
            self.panel.draw()
            return
        self._complain(self.picture.remark())
        self.racers[self.chosen] = racer
        if racer.method != before.method:
            self._show_racers()
        self.page.text(**{f"rate-{self.chosen}": shown(racer.rate)})
        self._show_limit(all_rates)
        self.playback.show(self.playback.shown)
        self._try_angles_later()

    def _add(self) -> None:
        if len(self.racers) < race.LARGEST:
            self.racers.append(race.newcomer(self.racers, self.scene.surface))
            self._raced_anew(len(self.racers) - 1)

    def _remove(self, index: int) -> None:
        if 0 <= index < len(self.racers) > 1:
            del self.racers[index]
            self._raced_anew(min(self.chosen - (index < self.chosen), len(self.racers) - 1))

    def _raced_anew(self, chosen: int) -> None:
        self.chosen = chosen
        self._show_racers()
        self.recompute()
        self.try_angles()

    def _nudge(self, x: int, y: int) -> None:
        step, (at_x, at_y) = self.picture.height / 40, self.scene.start
        self.move_start(at_x + x * step, at_y + y * step)

    def _preset(self, name: str) -> None:
        rate = self.panel.presets.get(name)
        if rate is not None:
            self.playback.reset()
            self.panel.set_rate(rate)
            self.playback.run()

    def _show_limit(self, all_rates: bool = True) -> None:
        """The chosen one's largest stable rate, and what becomes of it at every rate."""
        racer, surface = self.racers[self.chosen], self.scene.surface
        run = self.runs[self.chosen]
        limit, words = race_words.limit(racer, run, surface)
        if all_rates:
            found = outcomes(self.setup(racer))
            self.panel.draw_outcomes(found, presets(found, limit if surface.quadratic else None))
        self.panel.draw_limit(limit, words)
        self.momentum.draw(racer, run, race_words.minimum_of(run, surface), calm=all_rates)

    def _show_surface(self) -> None:
        scene, page = self.scene, self.page
        options = [(name, one.formula) for name, one in SURFACES.items()]
        page.html(
            surface=Markup().join(
                option(name, label) for name, label in (*options, (OWN, "your own formula"))
            )
        )
        page.set("surface", value=scene.name)
        page.set("own", hidden=not scene.own)
        page.set("bowl", hidden=not scene.is_bowl)
        page.set("angles", hidden=not scene.is_bowl)
        page.set("formula", value=scene.formula, aria_invalid=False)
        self.ends = [fields.exact(end) for end in scene.ends]
        for name, text in zip(("from", "to"), self.ends, strict=True):
            page.set(name, value=text, aria_invalid=False)
        self._show_bowl()

    def _show_bowl(self) -> None:
        page, condition, angle = self.page, self.scene.condition, f"{self.scene.degrees:g}"
        position = f"{self.scene.condition_position:.4f}"
        page.set("kappa", value=position, aria_valuetext=shown(condition))
        page.set("turn", value=angle, aria_valuetext=f"{angle} degrees")
        page.text(**{"kappa-value": brief(condition), "turn-value": f"{angle}°"})

    def _show_racers(self) -> None:
        """The rows of the race, and the panel of the chosen one."""
        alone = len(self.racers) == 1
        rows = [
            race_words.racer_row(racer, index, index == self.chosen, alone)
            for index, racer in enumerate(self.racers)
        ]
        self.page.html(racers=Markup().join(rows), badge=race_words.badge(self.chosen))
        self.page.set("add", disabled=len(self.racers) == race.LARGEST)
        self.racers[self.chosen].put_into(self.panel)
        self.panel.draw()

    def _read_address(self) -> list[str]:
        """Begin where the address says; returns what could not be read."""
        query = self.page.query
        values, complaints = address.read(query, READERS)
        complaints += self.scene.read(query)
        racers, more = race.read(query, self.panel, self.scene.surface)
        for racer in racers:
            try:
                compute(self.setup(racer))
            except (ValueError, TypeError) as error:
                more.append(f"{racer.label}: {error}")
                racer = race.fitting(racer.method, self.scene.surface)
            self.racers.append(racer)
        if not racers:
            self.racers = [race.fitting(method, self.scene.surface) for method in race.FIRST]
        self.chosen = values.get("chosen", 1) - 1
        if self.chosen >= len(self.racers):
            self.chosen = 0
            told = f"there are {len(self.racers)} optimizers"
            complaints.append(address.complaint("chosen", query["chosen"], told))
        self.playback.shown = values.get("step", 0)
        return complaints + more

    def _query(self) -> str:
        """The state as an address: the defaults are left out."""
        values = self.scene.written()
        for number, racer in enumerate(self.racers, 1):
            values |= racer.written(number)
        values |= {"chosen": self.chosen + 1, "step": self.playback.shown}
        return address.write(values, DEFAULTS)

    def _complain(self, sentence: str) -> None:
        self.page.text(problem=sentence)
