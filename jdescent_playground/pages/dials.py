"""What a person may turn in the game, and how it stands on the page."""

from dataclasses import dataclass

from jdescent_playground.game_address import RATES
from jdescent_playground.levels import BATCHES
from jdescent_playground.numbers import shown
from jdescent_playground.page import Page
from jdescent_playground.runs import Setup, Task


@dataclass
class Dials:
    """The numbers of a run.

    Attributes:
        start: where the ball begins.
        rate: the learning rate.
        momentum: β, 0 for plain descent.
        batch: examples a step, None for all of them.
        seed: of the batches.
    """

    start: float
    rate: float
    momentum: float = 0.0
    batch: int | None = None
    seed: int = 0

    def setup(self, task: Task, cures: bool) -> Setup:
        """What to compute; momentum and batches only where the level has these cures."""
        plain = Setup(task, "sgd", {"learning_rate": self.rate}, self.start)
        if not cures:
            return plain
        noisy = plain.but(batch_size=self.batch, seed=self.seed)
        return noisy.but(method="heavy_ball", momentum=self.momentum) if self.momentum else noisy

    def draw(self, page: Page) -> None:
        """Bring the sliders up to date."""
        page.set("rate", value=f"{RATES.position(self.rate):.4f}", aria_valuetext=shown(self.rate))
        page.text(rate_value=shown(self.rate))
        page.set("momentum", value=f"{self.momentum:g}")
        page.text(momentum_value=shown(self.momentum))
        size = "all 96" if self.batch is None else str(self.batch)
        page.set("batch", value=str(BATCHES.index(self.batch)), aria_valuetext=size)
        page.text(batch_value=size)
        page.set("start", value=f"{self.start:g}")
        page.text(start_value=shown(self.start))
        page.set("seed", disabled=self.batch is None)
