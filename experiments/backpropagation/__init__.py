"""Backpropagation through fifty layers: how much of the blame for an error reaches each of them.

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

import jax
from matplotlib.figure import Figure

from experiments.backpropagation import signals, training
from experiments.backpropagation.config import COLORS, QUICK, Config
from experiments.common.number import Numbers
from experiments.common.report import stage
from jdescent import plotting

__all__ = ["QUICK", "Config", "numbers", "plot", "simulate"]


def simulate(config: Config) -> dict:
    """Error signals in float64, training in float32."""
    with jax.enable_x64(True), stage(f"blame through {config.depth} layers"):
        measured = signals.all_signals(config)
    with stage(f"{config.training_steps} steps of training from six starts"):
        trained = training.train_all(config)
    return {"signals": measured, "training": trained}


def numbers(data: dict, config: Config) -> Numbers:
    return {
        **signals.signal_numbers(data["signals"], config),
        **training.training_numbers(data["training"], config),
    }


def plot(data: dict, config: Config) -> Figure:
    measured, trained = data["signals"], data["training"]
    blue, orange, green = COLORS.values()
    steps = config.training_steps
    with plotting.panels([["a", "b"], ["c", "d"], ["e", "f"]], height=6.3) as (figure, axes):
        signals.draw_signals(axes["a"], "relu", measured)
        places = {"exploding": (18, 1e6), "balanced": (1, 1e1), "vanishing": (18, 1e-7)}
        signals.name_starts(axes["a"], "relu", places)
        plotting.title(axes["a"], "a", "error signal, relu")
        signals.draw_signals(axes["b"], "tanh", measured)
        places = {"exploding": (18, 3e2), "balanced": (1, 2.5), "vanishing": (18, 1e-3)}
        signals.name_starts(axes["b"], "tanh", places)
        plotting.title(axes["b"], "b", "error signal, tanh")
        signals.draw_shares(axes["c"], "tanh", measured)
        plotting.note(axes["c"], (6, 0.15), "exploding", green)
        plotting.note(axes["c"], (43, 0.15), "vanishing", blue, ha="right")
        plotting.note(axes["c"], (25, 5e-3), "balanced", orange, ha="center")
        plotting.title(axes["c"], "c", "every layer's share, tanh")
        signals.draw_differences(axes["d"], measured)
        plotting.title(axes["d"], "d", "hand-written backward pass")
        training.draw_training(axes["e"], "relu", trained, config)
        plotting.note(axes["e"], (0.02 * steps, 2.85), training.explosion(trained), green)
        plotting.note(axes["e"], (0.98 * steps, 2.4), "vanishing", blue, ha="right")
        plotting.note(axes["e"], (0.98 * steps, 1.1), "balanced", orange, ha="right")
        plotting.title(axes["e"], "e", "training, relu")
        training.draw_training(axes["f"], "tanh", trained, config)
        plotting.note(axes["f"], (0.2 * steps, 2.9), "exploding", green)
        plotting.note(axes["f"], (0.98 * steps, 2.4), "vanishing", blue, ha="right")
        plotting.note(axes["f"], (0.98 * steps, 0.15), "balanced", orange, ha="right")
        plotting.title(axes["f"], "f", "training, tanh")
    return figure
