"""Small learners with tuned rates: tables, digits, text, matrices, nets, moving targets.

Every optimizer is given the same rates, steps, starts and batches; a rate is chosen for each
learner, on other seeds than those that are reported. A learner is *solved* at a threshold that is
a stated share of the way from the best there is (the minimum by a solver, the noise, an entropy) to
having learned nothing. The shares were set with runs of sgd, adam, muon and lion from the usual
seeds in view, so that these differ: that bias remains, and another `Effort.seed` is free of it.
A method for matrices, such as Muon, does with the vectors of a landscape or a table what it does
with vectors.

``task("deep linear").run(jd.adam(0.01))`` is one of the runs.
"""

from jdescent.report_card.learners.measuring import measure
from jdescent.report_card.learners.panels import PANELS
from jdescent.report_card.learners.runs import outcomes, task, tasks
from jdescent.report_card.learners.task import Run, Task

NAME = "learners"
TITLE = "Small learners with tuned rates"

__all__ = ["NAME", "PANELS", "TITLE", "Run", "Task", "measure", "outcomes", "task", "tasks"]
