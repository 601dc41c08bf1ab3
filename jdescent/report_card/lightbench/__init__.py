"""LightBench's tasks, rebuilt from their description: solved or not, in how many trials.

LightBench, the benchmark of the HeavyBall library, asks of an optimizer whether there are settings
at which it reaches a task's aim, and after how many trials a search finds them; most families of
tasks come in six levels. Here are those that two cores can search, in JAX, with a search of random
settings over the same ranges. The tasks whose coordinates do not see each other have thousands of
them there and `WIDTH` here: of the same losses a coordinate, so that each goes as it would among
all.

``task("saddle_point", "hard").run(jd.adam(1.0))`` is one trial of the search.

Two of them were changed before LightBench's results appeared in June 2025, but after these were
made: the results have the optimizer MSAM, of 29 April, and parameter_scale without its repair of 9
May. The tasks here are those of that time.

Reference: HomebrewML, 2025, the folder benchmark of HeavyBall at commit 80fe0aa of 3 May 2025,
github.com/HomebrewML/HeavyBall, now github.com/HomebrewML/LightBench; `published` has its results.
"""

from jdescent.report_card.lightbench.catalog import LEFT_OUT, families, task, tasks
from jdescent.report_card.lightbench.search import Draws, Search, draws, search, warmed_up
from jdescent.report_card.lightbench.task import LEVELS, WIDTH, Family, Task

__all__ = [
    "LEFT_OUT",
    "LEVELS",
    "WIDTH",
    "Draws",
    "Family",
    "Search",
    "Task",
    "draws",
    "families",
    "search",
    "task",
    "tasks",
    "warmed_up",
]
