"""Descent on bowls that curve more one way than the other, measured and predicted.

(a) Five methods on x² + 2y², where the condition number κ is 2: gradient descent, the heavy ball
and Nesterov's method tuned for the bowl, RMSProp at η = 0.1, Adam at 0.2. Descent (arrows) leaves
the contour at a right angle and so misses the minimum (cross); Adam starts along −sign(∇L). (b) The
same on ½x² + 50y², κ = 100, the y axis stretched. (c) Gradient descent on x² + 2y² from (1, 1),
coordinate by coordinate, against its exact solution. (d) The part of the error that one step
removes in the long run, 1 − ρ, against κ: tuned gradient descent and heavy ball, and Nesterov's
method at its standard and at its tuned constants; dashed, the formulas in the legend. (e) Adam at
η = 0.01 on a bowl with κ = 100 turned by 0°, 5° and 45°, its start (1, 1) turned with it, beside
tuned gradient descent, whose three curves are one. (f) Steps until the loss has fallen a
thousandfold, against the angle; the band spans starts in all directions.
"""

from experiments.anisotropic_bowl.config import QUICK, Config
from experiments.anisotropic_bowl.figure import plot
from experiments.anisotropic_bowl.numbers import numbers
from experiments.anisotropic_bowl.simulate import simulate

__all__ = ["QUICK", "Config", "numbers", "plot", "simulate"]
