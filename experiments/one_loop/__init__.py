"""One loop, eight things learned: only the model, the loss and the data change.

(a–g) The loss of the batches, averaged over a hundredth of the steps, a curve a seed. (h) The
language model goes on to a second text: held-out bits per character, beside a new one (gray). (i)
The table: what was trained, how, and what it is worth on held-out data, means over the seeds,
beside the best simple method on the same data. To look up neighbors is better than what the
recommender and the neural network learned, and to count words better than the sentence vectors. (j)
The recommender completes handwritten digits of which one pixel in five is unknown (colored): as
given, completed, and the truth. (k) The five words whose vectors lie nearest to a word. (l) A
held-out sentence, and the one found to follow it among all held out. (m) Text by the language
model, going on from held-out text (gray).
"""

from experiments.one_loop.config import QUICK, Config
from experiments.one_loop.figure import plot
from experiments.one_loop.numbers import numbers
from experiments.one_loop.shown import shown
from experiments.one_loop.simulate import simulate

__all__ = ["QUICK", "Config", "numbers", "plot", "shown", "simulate"]
