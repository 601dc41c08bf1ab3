"""How much hangs on the learning rate: over the learners, between them, between widths, in time.

Scored is the share of what can be learned that a run learns, 1 − e with the excess e of the
learners: 1 at the bound, 0 where nothing was learned or the run diverged. Rates *within 10 % of the
best* are those that score at least 0.9 of the best score, the range of them that holds the best
one, its ends interpolated in log η; its middle is called the best rate, which is steadier than the
largest of eleven numbers. The runs are those of the learners, made once; two shapes of schedule
are run beside them, on the tables and the narrow nets:

    warm-up    η·min(t/(S/10), 1)        decay    η·(1 − t/S)        of S steps
"""

from jdescent.report_card.robustness.measuring import measure
from jdescent.report_card.robustness.panels import PANELS
from jdescent.report_card.robustness.ranges import Range, range_within, transfer_regret

NAME = "robustness"
TITLE = "How much hangs on the learning rate"

__all__ = ["NAME", "PANELS", "TITLE", "Range", "measure", "range_within", "transfer_regret"]
