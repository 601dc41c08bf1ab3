"""Where a small network trains, and whether the boundary is fractal: images this size do not tell.

Sohl-Dickstein 2024 (arXiv 2402.06184) finds it fractal. A network of 16 inputs and 16 hidden units
learns random targets by gradient descent, 500 steps in float64. Blue: the mean of its last 20
losses is below the first (converged). Yellow to brown: it is not (diverged). Within each, shades
rank the runs of an image by the sum of their losses ℓ, each over the first, or of the inverses.
(a–f) Six ways of training over two hyperparameters: tanh, ReLU and linear units, one example, mini-
batches of 16, and tanh with an offset added to W₀ once, at the start. There are 272 examples, one
for each weight; 16 in (c), 1 in (d). Each window is one where the boundary has structure, found by
looking, and (d) is on random numbers of its own for the same reason. Away from the boundary (a, b,
e, f) are coarser. D is the box-counting dimension of the boundary in the image; below it, the 95 %
range of null models: the boundary as it is once smoothed by 2, 4 or 8 pixels, with as many pixels
flipped at each distance from it, at random. A fractal's detail hangs together and reads lower than
such flips. In no image is D below all three ranges by more than the 0.04 that rounding moves it:
what is seen is more than a smooth boundary, and not told from flipped pixels. The paper reports D
from 1.17 to 1.98, as medians over many zooms at 4096 pixels a side; coarse images of one window,
such as these, underestimate D, which is still smaller with every second pixel alone. (g) The linear
network: the whole plane of (c), and windows in it, each five times smaller, where the boundary is
densest. Dashed: the edges 2/λmax of each layer when the other is frozen; what learns beyond them
does so because the other layer moves. (h) How many boxes of s × s pixels, N(s), cover the
boundaries of (a–f), in the colors of their frames; D is 1 minus the median slope, over all s drawn.
"""

from experiments.trainability_boundary.config import QUICK, Config
from experiments.trainability_boundary.figure import plot, save_animation
from experiments.trainability_boundary.numbers import numbers
from experiments.trainability_boundary.simulate import simulate

__all__ = ["QUICK", "Config", "numbers", "plot", "save_animation", "simulate"]
