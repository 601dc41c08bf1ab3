"""The unit tests of Schaul, Antonoglou & Silver (2013), as a part of a report card.

3,944 small losses, each with one difficulty, or a few: fifteen shapes, four scales, ten noises,
landscapes that drift, one, two and ten dimensions, rotations, curls. Ten runs of 100 steps each are
measured against SGD at the best of 34 rates.

Differs from the authors' code, where that differs from the paper: masks mask, the gradient of a
rotated test is that of its loss, expected losses are exact. Settled here: a drift is a random walk;
a slope that drifts stretches its landscape about the start, and leaves kinks where they are; each
test has its own noise and its own rotation; all is float32. Of the 3,944 tests 244 are another one
by another name, and are not run again.

Reference: Schaul, Antonoglou & Silver 2013, "Unit Tests for Stochastic Optimization",
arXiv 1312.6055.
"""

from jdescent.report_card.unit_tests.measuring import measure
from jdescent.report_card.unit_tests.pictures import PANELS
from jdescent.report_card.unit_tests.problems import Problem, unit_test

NAME = "unit_tests"
TITLE = "Unit tests"

__all__ = ["NAME", "PANELS", "TITLE", "Problem", "measure", "unit_test"]
