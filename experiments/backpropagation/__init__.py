"""Backpropagation through fifty layers: how much of an error's signal reaches each of them.

Networks of 49 hidden layers of 64 units and a readout learn digits. Weights start from N(0,
σ_w²/fan-in); relu networks without biases, tanh networks with biases from N(0, 0.05). The backward
pass is written by hand, an assembly line run in reverse: δ_l = (δ_{l+1} W_{l+1}ᵀ) ⊙ σ′(z_l), and
∂L/∂W_l = x_lᵀ δ_l. (a, b) The error signal δ_l = ∂L/∂z_l of layer l over that of the last, for
starts where it vanishes, stays and explodes: medians of networks and bands of four in five. Dashed,
theory for infinite width: a layer multiplies ‖δ‖² by χ = σ_w² E σ′(z)², for relu σ_w²/2 (He et al.
2015), for tanh from the mean field (Poole et al. 2016, Schoenholz et al. 2017); 64 units multiply
an example's by some 4 % less (Hanin & Nica 2020), which the headline numbers are held to. (c) The
part of the squared weight gradient that each layer gets. With relu and no biases it is 1/50
everywhere on average, whatever the start: inputs grow by what signals shrink. (d) The largest
relative difference between ∂L/∂W_l by hand and by jax.grad, all networks; dashed, the precision's
ε. Gray, what float32 itself loses, as depth amplifies rounding. (e, f) Gradient descent with
Nesterov's momentum from these starts, three networks each (running means); dashed, log 10, which is
chance. Vanishing networks stand still. An exploding relu network diverges in one step; an exploding
tanh network, whose units are bounded, is thrown far from its start and stays at chance.
"""

from experiments.backpropagation.config import QUICK, Config
from experiments.backpropagation.figure import plot
from experiments.backpropagation.numbers import numbers
from experiments.backpropagation.simulate import simulate

__all__ = ["QUICK", "Config", "numbers", "plot", "simulate"]
