"""Weight decay turns a learning rate into an angle: where normalized weights settle.

A weight vector x on whose length the loss does not depend, in gradients that are random, orthogonal
to it and as 1/‖x‖: a model of a layer before normalization. Updates lengthen it, decay shortens it,
until both balance. (a–c) Root mean square angle between the weights before and after a step, in
equilibrium, for three methods, against the product of learning rate η and weight decay w (SGDM's w
is added to the gradient): means of six random walks of 200 weights with 95 % intervals, smaller
than most dots. Dashed: closed form; dotted: the forms of Kosson, Messmer and Jaggi, its limit for
ηw ≪ 1 − β, which for AdamW and SGDM coincide with it here. (d–f) The norm at which they settle, in
units of the paper's form, with the same symbols and colors. (g) Norms that come from three times
and a third of the equilibrium's, ηw = 0.0002 (SGDM: 0.00002, that is the same over 1 − β): means of
six walks, mostly hidden by theory (dashed), which follows Adam's v and SGDM's 1/‖x‖; dotted: were
‖x‖² to approach its end as e^(−2ηwt). (h) A network on digits with two layers of normalized weights
(AdamW blue, SGDM red, Lion green), ηw = 0.001, half of the labels of each batch drawn at random:
angles of its neurons' weights over the closed form, mean over neurons and three seeds with 95 %
bands; blue dots: AdamW on clean labels, which it learns by heart. There the gradients are not those
of the model, and AdamW's and Lion's angles are not the model's.
"""

from experiments.rotational_equilibrium.claims import claims
from experiments.rotational_equilibrium.config import QUICK, Config
from experiments.rotational_equilibrium.figure import plot
from experiments.rotational_equilibrium.numbers import numbers
from experiments.rotational_equilibrium.simulate import simulate

__all__ = ["QUICK", "Config", "claims", "numbers", "plot", "simulate"]
