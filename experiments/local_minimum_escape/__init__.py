"""Leaving a local minimum: gradient noise and momentum do it, full-batch descent never does.

(a) The double well x⁴/4 − x³/6 − 3x²/4: minima at −1 and 3/2, a barrier of height ΔU = 1/3 between
them; a run has escaped at x ≥ 1. (b) One run on mini-batches, drawn with replacement from the
well's 96 examples, and one on all of them. (c) The heavy ball from one start at three momenta,
against the damped oscillator x″ = −γx′ − U′(x), γ = (1 − β)√(2/(η(1 + β))), which it discretizes:
it stays, coasts over the barrier, or coasts over and comes back. (d) Mean steps to escape against
batch size, with 95 % intervals that count the runs still in the valley when watching ended, against
the exact mean of the Markov chain and Kramers' law; inset: relative to the exact mean, also of the
diffusion that small steps would be (dash-dotted); open dots: many more runs, each step of which
draws the mean of a batch from its exact law. (e) Share of runs still in the valley (Kaplan–Meier,
95 % bands), time in units of the exact mean N. It nears exp(−t/N), a wait without memory, as the
barrier grows over the noise; where it is low, runs stay a while before any leaves, as the exact
chain does (dotted). (f) Where full-batch descent ends, over start and learning rate η; unsettled
runs cycle or wander on one side of the barrier. Dashed: the largest stable rate of each minimum,
4/5 and 8/15; the rate from which a valley no longer holds its runs; and the starts 1/4 ± √(25/16 +
1/η), beyond which the first step passes the barrier. (g) Where the heavy ball ends, over start and
momentum β. Dashed: the starts from which the oscillator comes to rest on the barrier. The dots are
the runs of (c). The runs of (b, d, e) are in float32, all others in float64.
"""

from experiments.local_minimum_escape.config import QUICK, Config
from experiments.local_minimum_escape.figure import plot
from experiments.local_minimum_escape.numbers import numbers
from experiments.local_minimum_escape.simulate import simulate

__all__ = ["QUICK", "Config", "numbers", "plot", "simulate"]
