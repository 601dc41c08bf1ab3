"""What a player of the game has reached, on the page and in the address."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jdescent_playground.levels import LEVELS, WAYS, stars_shown
from jdescent_playground.numbers import counted
from jdescent_playground.page import Page


@dataclass
class Progress:
    """What was reached so far; it never goes down.

    Attributes:
        stars: of each level, up to three: one for reaching its goal, one a question.
        best: the fewest steps each goal was reached in, None where it was not.
        ways: the ways out of the trap that were found, of `levels.WAYS`.
    """

    stars: list[int] = field(default_factory=lambda: [0] * len(LEVELS))
    best: list[int | None] = field(default_factory=lambda: [None] * len(LEVELS))
    ways: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> "Progress":
        """What an address says, as `game_address.READERS` read it."""
        found = cls()
        found.stars = [stars or 0 for stars in values.get("stars", found.stars)]
        found.best = values.get("best", found.best)
        found.ways = values.get("ways", found.ways)
        return found

    def written(self) -> dict[str, str]:
        """As the address says it.

        Example:
            >>> progress = Progress()
            >>> progress.reach(1, steps=25)
            >>> progress.answer(1, right=2)
            >>> progress.written()
            {'stars': '0,3,0,0', 'best': '-,25,-,-', 'ways': ''}
        """
        return {
            "stars": ",".join(map(str, self.stars)),
            "best": ",".join("-" if best is None else str(best) for best in self.best),
            "ways": ",".join(name for name in WAYS if name in self.ways),
        }

    def reach(self, level: int, steps: int) -> None:
        """A level's goal was reached in so many steps."""
        best = self.best[level]
        self.best[level] = steps if best is None else min(best, steps)
        self.answer(level, right=0)

    def answer(self, level: int, right: int) -> None:
        """So many of the questions on a level that was reached were answered rightly."""
        self.stars[level] = max(self.stars[level], 1 + right)

    def draw(self, page: Page, level: int) -> None:
        """Show everything; this is the level that is played."""
        for n, stars in enumerate(self.stars):
            page.text(**{f"stars-{n}": stars_shown(stars)})
            page.set(f"level-{n}", aria_current="step" if n == level else "false")
            page.set(f"stars-{n}", aria_label=f"{stars} of 3 stars")
        best, unit = self.best[level], LEVELS[level].unit
        page.text(best="" if best is None else f"Your best: {counted(best, unit)}")
        page.set("over", hidden=not any(self.stars))
