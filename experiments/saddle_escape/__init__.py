"""Leaving a saddle: growth by a constant factor a step, from a start that noise provides.

(a) Gradient descent on Himmelblau's function, whose saddle (cross) parts two valleys: from the
point on the ridge that bisection to the last bit of float64 finds (blue, drawn up to the saddle),
from 0.001 beside it (green), and from the ridge with Gaussian gradient noise of three strengths
(red). (b) Their distances from the saddle. On a plain saddle a run that starts on the ridge stays
for ever (purple); on a curved ridge rounding is a noise of its own, and a run leaves as rᵗ,
r = 1 + ηγ (dashed), γ the size of the negative curvature. (c) Steps from (1, ε) to |y| ≥ δ = 1 on
½(x² − γy²) at ηγ = 0.05: without noise ⌈ln(δ/ε)/ln r⌉, with noise σ never more than from the saddle
itself. Dashed: theory. (d) Mean steps from the saddle itself against σ, and
[ln(δ/s) + (γ_E + ln 2)/2]/ln r + ½ with s = ησ/√(r² − 1) and Euler's γ_E (dashed). (e) The share of
runs still there, for every σ and γ of (d): rᵗ s|Z| reaches δ for a standard normal Z. (f) The heavy
ball, from ε without noise (gray) and from the saddle with noise (blue); dashed: theory, with r the
growing root of r² − (1 + β + ηγ)r + β; dotted: gradient descent from ε at the rate η/(1 − β). Dots
in (c, d, f) are means of 1,000 runs with 95 % intervals, mostly smaller than the dots. No run was
still there when watching ended. The runs with noise of (c–f) are in float32, all others in float64.
"""

from experiments.saddle_escape.config import QUICK, Config
from experiments.saddle_escape.figure import plot
from experiments.saddle_escape.numbers import numbers
from experiments.saddle_escape.simulate import simulate

__all__ = ["QUICK", "Config", "numbers", "plot", "simulate"]
