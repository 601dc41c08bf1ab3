"""Steps divided by the root of squared gradients: AdaGrad, SM3, RMSProp, AdaDelta."""

import functools
from typing import Annotated

import jax.numpy as jnp

from jdescent.core import (
    Coefficient,
    Decay,
    Mask,
    Memory,
    NonNegative,
    Optimizer,
    Rate,
    Scheduled,
    leafwise,
    optimizer,
)
from jdescent.numerics import hypotenuse, ratio, root


@optimizer
def adagrad(
    learning_rate: Rate,
    initial_accumulator_value: Annotated[NonNegative, "s₀, optax's 0.1"] = 0.1,
    eps: NonNegative = 1e-7,
    *,
    eps_in_sqrt: Annotated[bool, "ε inside the root (optax) or outside (the paper, torch)"] = True,
    lr_decay: Annotated[NonNegative, "c, torch's; 0 in the paper"] = 0.0,
) -> Optimizer:
    """AdaGrad: every coordinate's rate falls with the gradients it has seen.

        s ← s + g²
        lr_t ← lr/(1 + c·(t − 1))
        x ← x − lr_t·g/√(s + ε)         or −lr_t·g/(√s + ε) with eps_in_sqrt=False; 0/0 = 0

    Converges on a quadratic for every lr: s grows until √s exceeds lr·λ/2.

    Differs from: the paper and torch.optim.Adagrad put ε (torch's is 1e-10) outside the root and
    start at s₀ = 0, so that their first step is lr·sign(g); optax.adagrad is as here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.adagrad(1.0), steps=100)
        >>> print(f"{path.params:.4f}")
        3.0000

    Reference: J. Duchi, E. Hazan and Y. Singer, 2011, Adaptive Subgradient Methods for Online
    Learning and Stochastic Optimization, section 1.1 (diagonal matrices).
    """

    def rule(lr, t, g, s):
        s = s + g**2
        lr_t = lr / (1 + lr_decay * (t - 1))
        return -lr_t * (ratio(g, root(s, eps)) if eps_in_sqrt else ratio(g, root(s), eps)), s

    return leafwise(rule, learning_rate, s=Memory(initial_accumulator_value, wide=True))


@optimizer
def sm3(
    learning_rate: Rate,
    momentum: Annotated[Decay, "β"] = 0.9,
    *,
    eps: Annotated[NonNegative, "inside the root; optax's is 1e-8"] = 0.0,
) -> Optimizer:
    """SM3: AdaGrad that remembers one number for each row, each column, … of an array.

        ν ← min over axes of μ, + g²    at every element, of the μ of its row, its column, …
        μ ← max of ν                    of each row, of each column, …
        u ← β·u + (1 − β)·g/√(ν + ε)    0/0 = 0
        x ← x − lr·u

    ν is never less than AdaGrad's sum of squares; of vectors and scalars it is that sum. What is
    kept is √μ, as ε may be 0 and g² below what a dtype holds.

    Differs from: optax.sm3 has ε = 1e-8; the authors' code 1e-30; the paper none, which is taken
    here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer, g = jd.sm3(1.0, momentum=0.0), jnp.array([[3.0, 4.0], [0.0, 0.0]])
        >>> _, state = optimizer.update(g, optimizer.init(g))
        >>> rows, columns = state.root_mu
        >>> print(rows.ravel(), columns.ravel())
        [4. 0.] [3. 4.]

    Reference: R. Anil, V. Gupta, T. Koren and Y. Singer, 2019, Memory-Efficient Adaptive
    Optimization, Algorithm SM3-II, its cover as in section 4 and its momentum as in the
    experiments.
    """

    def rule(lr, g, root_mu, u):
        root_nu = hypotenuse(functools.reduce(jnp.minimum, root_mu), g)
        root_mu = _largest_along_each_axis(root_nu)
        root_with_eps = hypotenuse(root_nu, root(jnp.asarray(eps, g.dtype)))
        u = momentum * u + (1 - momentum) * ratio(g, root_with_eps)
        return -lr * u, root_mu, u

    def zeros(x):
        return _largest_along_each_axis(jnp.zeros_like(x))

    return leafwise(rule, learning_rate, root_mu=Memory(zeros, wide=True), u=0)


def _largest_along_each_axis(a):
    """For each axis the largest element of every slice across it; of a scalar, itself."""
    axes = range(a.ndim)
    slices = [tuple(other for other in axes if other != axis) for axis in axes] or [()]
    return [jnp.max(a, axis=across, keepdims=True, initial=0.0) for across in slices]


@optimizer
def rmsprop(
    learning_rate: Rate,
    decay: Annotated[Decay, "α"] = 0.9,
    eps: NonNegative = 1e-8,
    initial_scale: Annotated[NonNegative, "v₀"] = 0.0,
    eps_in_sqrt: Annotated[bool, "ε inside the root (optax's default) or outside (torch)"] = True,
    centered: Annotated[
        bool, "divide by the standard deviation rather than the root mean square"
    ] = False,
    momentum: Annotated[NonNegative | None, "none if None"] = None,
    nesterov: Annotated[bool, "look the velocity ahead by one step"] = False,
    bias_correction: Annotated[bool, "divide the means by 1 − αᵗ, as Adam does"] = False,
    *,
    lr_in_velocity: Annotated[bool, "lr inside the velocity (optax) or outside (torch)"] = True,
) -> Optimizer:
    """RMSProp: the gradient over the root of its running mean square.

        v ← α·v + (1 − α)·g²
        v̂ ← v/(1 − αᵗ)                  bias_correction only; v̂ = v otherwise
        u ← −lr·g/√(v̂ + ε)              or −lr·g/(√v̂ + ε) with eps_in_sqrt=False
        velocity ← β·velocity + u       momentum only, then u ← velocity,
                                        or u ← u + β·velocity with nesterov
        x ← x + u                       with lr_in_velocity=False lr is here, not in u

    Centered, v̂ is the variance: the mean square v̂ of the equations above, less the square of the
    mean m̂ of g taken alike. A difference of two large numbers loses what it is about, so v is the
    mean of squared deviations itself, which is equal and never negative:

        w ← 1 − α                       with bias_correction (1 − α)/(1 − αᵗ)
        v ← α·v + (1 − α)·(1 − w)·(g − m)²
        m ← m + w·(g − m)

    Without bias correction the first step is lr/√(1 − α) long: 3.162·lr at the default α.

    Differs from: torch.optim.RMSprop has ε outside the root and lr outside the velocity,
    ``eps_in_sqrt=False, lr_in_velocity=False``; TensorFlow has ε inside the root and v₀ = 1.
    optax.rmsprop is as here.

    Raises:
        TypeError, ValueError: an argument that is not what the table says; nesterov without
            momentum.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.rmsprop(0.01), steps=1)
        >>> print(f"{path.params:.5f}")
        0.03162

    Reference: T. Tieleman and G. Hinton, 2012, Lecture 6.5 - RMSProp; centered as in A. Graves,
    2013, Generating Sequences with Recurrent Neural Networks, eqs. (38)-(41), the variance by
    D. H. D. West, 1979, Updating Mean and Variance Estimates: An Improved Method.
    """
    if momentum is None and nesterov:
        raise ValueError("nesterov acts on the velocity: give momentum as well")

    def rule(lr, t, g, v, m=None, velocity=None):
        if centered:
            old = decay.unbiased_weights(t)[0] if bias_correction else decay
            v = decay * v + (1 - decay) * (old * (g - m) ** 2)
            m = decay.unbiased_mean(m, g, t) if bias_correction else decay * m + (1 - decay) * g
        else:
            v = decay * v + (1 - decay) * g**2
        v_hat = v / (1 - decay**t) if bias_correction else v
        inside, outside = (lr, 1) if lr_in_velocity else (1, lr)
        u = -inside * (ratio(g, root(v_hat, eps)) if eps_in_sqrt else ratio(g, root(v_hat), eps))
        if momentum is not None:
            velocity = momentum * velocity + u
            u = u + momentum * velocity if nesterov else velocity
        return outside * u, *(memory for memory in (v, m, velocity) if memory is not None)

    memories = {"v": Memory(initial_scale, wide=True)}
    memories |= {"m": Memory(wide=True)} if centered else {}
    memories |= {} if momentum is None else {"velocity": Memory()}
    return leafwise(rule, learning_rate, **memories)


@optimizer
def adadelta(
    learning_rate: Annotated[Rate, "1 in the paper"] = 1.0,
    rho: Decay = 0.9,
    eps: Annotated[NonNegative, "inside both roots; the first steps are √ε long"] = 1e-6,
    weight_decay: Annotated[Scheduled, "coupled: added to the gradient"] = 0.0,
    weight_decay_mask: Annotated[Mask | None, "True where to decay; everywhere if None"] = None,
) -> Optimizer:
    """AdaDelta: RMSProp whose step carries the units of the parameter.

        g ← g + w·x
        v ← ρ·v + (1 − ρ)·g²
        u ← √(s + ε)·g/√(v + ε)
        s ← ρ·s + (1 − ρ)·u²
        x ← x − lr·u

    Differs from: the paper has neither lr nor decay. optax.adadelta and torch.optim.Adadelta are as
    here.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.parabola(), jnp.array(0.0), jd.adadelta(1.0), steps=1)
        >>> print(f"{path.params:.5f}")
        0.00316

    Reference: M. D. Zeiler, 2012, ADADELTA: An Adaptive Learning Rate Method, Algorithm 1.
    """

    def rule(lr, g, x, w, v, s):
        g = g + w * x
        v = rho * v + (1 - rho) * g**2
        u = root(s, eps) * ratio(g, root(v, eps))
        s = rho * s + (1 - rho) * u**2
        return -lr * u, v, s

    w = Coefficient("weight_decay", weight_decay, weight_decay_mask)
    return leafwise(rule, learning_rate, w=w, v=Memory(wide=True), s=Memory(wide=True))
