"""The game: four levels on a loss landscape, won with the real optimizers."""

from collections.abc import Callable
from typing import Any

from bokeh.document import Document
from markupsafe import Markup

from jdescent_playground import address, export, moving, questions, sharing, words
from jdescent_playground import game_words as say
from jdescent_playground.catalog import stability_limit
from jdescent_playground.curves import Curve
from jdescent_playground.equation import update_lines, without_tags
from jdescent_playground.game_address import DEFAULTS, MOVES, RATES, READERS
from jdescent_playground.levels import (
    BATCHES,
    FAST,
    HIDDEN,
    LEVELS,
    SHORTEST,
    Point,
    aftermath,
    escape_step,
    found,
    way,
)
from jdescent_playground.numbers import shown
from jdescent_playground.page import Page
from jdescent_playground.pages.dials import Dials
from jdescent_playground.pages.game_figure import GameFigure
from jdescent_playground.pages.one_dimension_figures import LossFigure
from jdescent_playground.pages.question_panel import QuestionPanel
from jdescent_playground.playback import Playback
from jdescent_playground.progress import Progress
from jdescent_playground.questions import Question
from jdescent_playground.runs import Run, Setup, compute

FOG, SLOPE, RATE, TRAP = range(len(LEVELS))


def build(document: Document) -> None:
    """One person's page."""
    Game(document)


class Game:
    """The state of the game, and what the page's events do to it."""

    def __init__(self, document: Document) -> None:
        self._forget()
        self.picture, self.history = GameFigure(), LossFigure()
        figures = [self.picture.figure, self.history.figure]
        self.page = Page(document, "/game", "game.html", figures)
        self.panel = QuestionPanel(self.page, self._answered)
        self.playback = Playback(self.page, self._last, self.draw)
        self._listen()
        self.page.show(self._begin)

    def _begin(self) -> None:
        self._enter(FOG)
        complaints = self._read_address()
        self.page.on_paint(self.picture.paint)
        self.page.on_paint(self.history.paint)
        self.begin()
        self.page.text(problem="; ".join(complaints) + "." if complaints else "")

    @property
    def curve(self) -> Curve:
        return HIDDEN[self.valley] if self.level == FOG else LEVELS[self.level].curve

    @property
    def setup(self) -> Setup:
        return self.dials.setup(self.curve.task, cures=self.level == TRAP)

    @property
    def rate(self) -> float:
        return self.dials.rate

    def start_over(self) -> None:
        """Forget what was reached, here and in the browser."""
        self._forget()
        self.page.keep("")
        self.choose_level(FOG)

    def choose_level(self, level: int) -> None:
        """Go to a level, from its beginning; what was reached stays."""
        self.playback.pause()
        self._enter(level)
        self.begin()

    def begin(self) -> None:
        """Show the level, its run computed anew."""
        level = LEVELS[self.level]
        self.page.text(title=f"{self.level + 1} · {level.title}", story=level.story)
        fog, rate, trap = (self.level == one for one in (FOG, RATE, TRAP))
        for section, there in (
            ("moves", fog), ("walk", not fog), ("equation", not fog), ("python", not fog),
            ("gif", not fog),
            ("rate-section", rate), ("cures", trap),
        ):  # fmt: skip
            self.page.set(section, hidden=not there)
        if fog and not self.visits:
            self._stand(self.curve.start)
        self.recompute()

    def recompute(self) -> None:
        """Descend anew after something has changed."""
        self.run = compute(self.setup)
        self.after: list[Point] = aftermath(self.run) if self.level == RATE else []
        self.panel.ask([])
        self.dials.draw(self.page)
        self.playback.show(self.playback.shown)

    def draw(self) -> None:
        """Show the point that is reached, everywhere."""
        if not self.panel.asked:
            self._judge()
        if self.level == FOG:
            self._draw_fog()
        else:
            self._draw_run()
        self._draw_progress()
        self.page.address(self._query)
        if not self.page.animated:
            self._describe()

    def move_to(self, x: float) -> None:
        """Level 1: a move."""
        if len(self.visits) <= MOVES and not self._found:
            self._stand(x)
        self.draw()

    def move_start(self, x: float) -> None:
        """Begin somewhere else, at rest."""
        low, high = self.curve.domain
        self.dials.start = round(min(max(x, low), high), 2)
        self._anew()

    @property
    def _found(self) -> bool:
        return len(self.visits) > 1 and found(self.curve, self.visits[-1][1])

    def _forget(self) -> None:
        self.progress = Progress()
        self.valley = 0
        self.visits: list[tuple[float, float]] = []
        self.exploded: Run | None = None
        self.tried: dict[float, str] = {}

    def _enter(self, level: int) -> None:
        self.level = level
        self.dials = Dials(LEVELS[level].curve.start, LEVELS[level].rate)
        self.playback.shown = 0
        self.history.remember(None, 0)
        self.panel.ask([])

    def _last(self) -> int:
        """The last step to show: noise would never end, so its run ends when it has won."""
        if self.level == FOG:
            return 0
        escaped = escape_step(self.run) if self.level == TRAP else None
        return self.run.last if escaped is None else escaped

    def _anew(self) -> None:
        self.playback.pause()
        self.playback.shown = 0
        self.recompute()

    def _stand(self, x: float) -> None:
        low, high = self.curve.domain
        x = round(min(max(float(x), low), high), 2)
        if not self.visits or x != self.visits[-1][0]:
            self.visits.append((x, self.curve.height(x)))

    def _judge(self) -> None:
        """Whether what is shown reaches the level's goal."""
        run, step = self.run, self.playback.shown
        if self.level == FOG and self._found:
            self._win(questions.by_hand(self.visits), len(self.visits) - 1)
        if step < self._last():
            return
        if self.level == SLOPE and run.converged and step >= SHORTEST:
            self._win(questions.by_slope(run), step)
        if self.level == RATE:
            self.tried[self.dials.rate] = words.mood(run, step) or "slow"
            if run.diverged:
                self.exploded = run
            elif run.converged and 0 < step <= FAST and self.exploded is not None:
                self._win(questions.by_rate(self.exploded, run, self.curve), step)
        used = way(run.setup)
        if self.level == TRAP and escape_step(run) is not None and used is not None:
            self.progress.ways.add(used)
            self._win(questions.by_escape(run, self.curve), step)

    def _win(self, asked: list[Question], steps: int) -> None:
        self.panel.ask(asked)
        self.progress.reach(self.level, steps)
        self._keep()

    def _answered(self) -> None:
        self.progress.answer(self.level, self.panel.right)
        self._keep()
        self.draw()

    def _keep(self) -> None:
        self.page.keep(address.write(self.progress.written(), DEFAULTS))

    def _draw_fog(self, aim: float | None = None) -> None:
        page, (x, loss) = self.page, self.visits[-1]
        self.picture.draw_fog(self.curve, self.visits, self._found, aim)
        page.text(steps=f"{len(self.visits) - 1}", x=shown(x), loss=shown(loss), slope="?")
        page.html(rows=say.fog_table(self.visits))
        self._tell(say.fog_status(self.visits, self._found), "good" if self._found else "")

    def _draw_run(self) -> None:
        run, step, page = self.run, self.playback.shown, self.page
        row = run.row(step)
        self.picture.draw(self.curve, run, step)
        self.history.draw(self.curve, run, step)
        slope = float(row.gradient)
        page.text(steps=f"{step:,}", x=shown(float(row.x)), loss=shown(row.loss))
        page.text(slope=shown(slope))
        lines = update_lines(run, step)
        after = self.after if step == run.last else []
        page.html(update=words.update(lines), rows=say.run_table(run, step, after))
        page.css("update", characters=str(max(len(without_tags(one)) for _, one in lines)))
        mood = words.mood(run, step)
        if self.level == SLOPE:
            self._tell(say.slope_status(run, step), mood)
        elif self.level == RATE:
            self._tell(say.rate_status(run, step, after), mood)
            self._draw_tried()
        else:
            out = escape_step(run) is not None and step == self._last()
            stuck = step == self._last() and step > 0
            self._tell(say.trap_status(run, step), "good" if out else "bad" if stuck else "")

    def _describe(self) -> None:
        if self.level == FOG:
            self.page.describe("curve", say.fog_picture(self.visits, self._found))
        else:
            self.page.describe("curve", words.picture(self.curve, self.run, self.playback.shown))
            self.page.describe("loss", words.losses(self.run, self.playback.shown))

    def _tell(self, sentence: str, mood: str) -> None:
        self.page.text(status=sentence)
        self.page.set("status", className=f"status {mood}")

    def _draw_progress(self) -> None:
        page = self.page
        self.progress.draw(page, self.level)
        page.html(goals=say.goals(self._goals()))
        page.set("history-section", hidden=self.level == FOG or bool(self.panel.asked))
        self.panel.draw()
        page.set("next", hidden=not self.panel.asked or self.level == TRAP)
        page.set("next", className="main" if self.panel.done else "")

    def _goals(self) -> list[say.Goal]:
        won = bool(self.panel.asked)
        if self.level == FOG:
            return [(self._found, "find the lowest loss, to within 0.01")]
        if self.level == SLOPE:
            return [(won, "let it arrive, where the slope is zero")]
        if self.level == RATE:
            exploded = self.exploded is not None
            return [(exploded, "make it explode"),
                    (won, f"recover: arrive in {FAST} steps or fewer")]  # fmt: skip
        return say.trap_goals(self.progress.ways)

    def _draw_tried(self) -> None:
        """The rates that were tried, by how they ended; the border once the level is won."""
        dots = Markup().join(
            Markup('<b class="{}" style="--at:{:.4f}"></b>').format(mood, RATES.position(rate))
            for rate, mood in self.tried.items()
        )
        self.page.html(tried=dots)
        ((_, curvature),) = self.curve.minima
        limit = stability_limit("sgd", {}, curvature)
        self.page.css("limit", at=f"{RATES.position(limit):.4f}")
        self.page.set("limit", hidden=not self.panel.done)

    def _listen(self) -> None:
        page = self.page
        page.on("level", lambda value: self.choose_level(int(value)))
        page.on("over", lambda value: self.start_over())
        page.on("next", lambda value: self.choose_level(min(self.level + 1, TRAP)))
        page.on("move", lambda value: self._hop(float(value)))
        page.on("again", lambda value: self._another_valley())
        page.on("rate", lambda value: self._set(rate=float(RATES.value(float(value)) or 0.0)))
        page.on("momentum", lambda value: self._set(momentum=round(float(value), 2)))
        page.on("batch", lambda value: self._set(batch=BATCHES[int(float(value))]))
        page.on("seed", lambda value: self._set(seed=self.dials.seed + 1))
        page.on("start", lambda value: self.move_start(float(value)))
        page.on("reset", lambda value: self._reset())
        sharing.offer(
            page, "game", self._query, self._as_json,
            lambda: export.as_python([(self.run, self.playback.shown)]),
            lambda: moving.of_curve(
                self.curve, self.run, self.playback.shown or self._last(), page.palette.name
            ),
        )  # fmt: skip
        page.on_pointer(self.picture.figure, self._point, self._remember_start)
        page.on_key("ArrowRight", self._in_fog(lambda: self._hop(0.5), self.playback.step))
        page.on_key("ArrowLeft", self._in_fog(lambda: self._hop(-0.5), self.playback.back))
        page.on_key("Shift+ArrowRight", self._in_fog(lambda: self._hop(0.1), self._nudger(0.1)))
        page.on_key("Shift+ArrowLeft", self._in_fog(lambda: self._hop(-0.1), self._nudger(-0.1)))
        page.on_key("Space", self._in_fog(lambda: None, self.playback.run_or_pause))
        page.on_key("r R Home", self._in_fog(self._another_valley, self._reset))
        page.on_key("ArrowUp", lambda: self._turn(0.02))
        page.on_key("ArrowDown", lambda: self._turn(-0.02))
        for n in range(len(LEVELS)):
            page.on_key(str(n + 1), _chooser(self.choose_level, n))

    def _as_json(self) -> str:
        if self.level == FOG:
            return export.moves_as_json(self.visits)
        return export.as_json(self.run, self.playback.shown)

    def _in_fog(self, here: Callable[[], None], else_: Callable[[], None]) -> Callable[[], None]:
        return lambda: here() if self.level == FOG else else_()

    def _nudger(self, by: float) -> Callable[[], None]:
        return lambda: self.move_start(self.dials.start + by)

    def _hop(self, by: float) -> None:
        if self.level == FOG:
            self.move_to(self.visits[-1][0] + by)

    def _turn(self, by: float) -> None:
        """The arrow keys up and down turn the level's own dial."""
        if self.level == RATE:
            self._set(rate=float(RATES.value(RATES.position(self.dials.rate) + by) or 0.0))
        if self.level == TRAP:
            self._set(momentum=round(min(max(self.dials.momentum + 2.5 * by, 0.0), 0.95), 2))

    def _point(self, x: float, y: float, done: bool) -> None:
        del y
        if self.level != FOG:
            self.move_start(x)
        elif done:
            self.move_to(x)
        elif not self._found:
            self._draw_fog(aim=x)

    def _remember_start(self) -> Callable[[], None]:
        start, steps = self.dials.start, self.playback.shown

        def put_back() -> None:
            self.dials.start, self.playback.shown = start, steps
            self.begin()

        return put_back

    def _set(self, **changes: Any) -> None:
        """Turn a dial: the run begins again."""
        self.history.remember(self.run, self.playback.shown)
        for name, value in changes.items():
            setattr(self.dials, name, value)
        self._anew()

    def _reset(self) -> None:
        if self.level != FOG:
            self.history.remember(self.run, self.playback.shown)
            self.playback.reset()

    def _another_valley(self) -> None:
        if self.level == FOG:
            self.valley = (self.valley + 1) % len(HIDDEN)
            self.visits = []
            self.begin()

    def _read_address(self) -> list[str]:
        """Begin where the address says; returns what could not be read."""
        values, complaints = address.read(self.page.query, READERS)
        self._enter(values.get("level", 1) - 1)
        self.progress = Progress.read(values)
        self.valley = values.get("valley", self.valley)
        low, high = self.curve.domain
        if low <= values.get("start", low) <= high:
            self.dials.start = values.get("start", self.dials.start)
        else:
            told = f"start must be between {low:g} and {high:g} in this level"
            complaints.append(address.complaint("start", self.page.query["start"], told))
        self.dials.seed = values.get("seed", 0)
        self.dials.rate = (
            values.get("rate", self.dials.rate) if self.level == RATE else self.dials.rate
        )
        if self.level == RATE and "exploded" in values:
            run = compute(self.setup.but(learning_rate=values["exploded"]))
            if run.diverged:
                self.exploded = run
                self.tried[run.setup.learning_rate] = "bad"
            else:
                told = "nothing explodes at this rate"
                complaints.append(address.complaint("exploded", self.page.query["exploded"], told))
        self.dials.momentum = values.get("momentum", 0.0)
        batch = values.get("batch")
        self.dials.batch = None if batch is None else int(batch)
        self.playback.shown = values.get("step", 0)
        for x in values.get("visited", ()):
            self._stand(x)
        return complaints

    def _query(self) -> str:
        """The state as an address: the defaults are left out."""
        values: dict[str, Any] = {
            **self.progress.written(), "level": self.level + 1, "valley": self.valley,
        }  # fmt: skip
        if self.level == FOG:
            values["visited"] = tuple(x for x, _ in self.visits)
        else:
            values |= {"start": self.dials.start, "step": self.playback.shown}
        if self.level == RATE:
            values["rate"] = self.dials.rate
            if self.exploded is not None:
                values["exploded"] = self.exploded.setup.learning_rate
        if self.level == TRAP:
            values |= {
                "momentum": self.dials.momentum,
                "batch": self.dials.batch,
                "seed": self.dials.seed,
            }
        return address.write(values, DEFAULTS)


def _chooser(choose: Callable[[int], None], level: int) -> Callable[[], None]:
    return lambda: choose(level)
