"""Steps that are orthogonal matrices: every direction of a matrix moves by as much."""

import math
from typing import Annotated, Any, Literal

import jax.numpy as jnp
from jaxtyping import Array

from jdescent.core import (
    Base,
    Checked,
    Coefficient,
    Count,
    Decay,
    DType,
    Fraction,
    Mask,
    Memory,
    NonNegative,
    Optimizer,
    Rate,
    Scheduled,
    leafwise,
    optimizer,
)
from jdescent.core.trees import global_norm, scaled_norm
from jdescent.numerics import ratio, root
from jdescent.optimizers.adam import adamw, looked_ahead
from jdescent.optimizers.matrices import (
    MuonDimensionNumbers,
    coefficients,
    matrices_and_others,
    matrixwise,
    newton_schulz,
    steps_of,
)

NSCoefficients = Annotated[
    Any,
    Checked(coefficients, wrong=(("fast", ValueError), (1.0, TypeError), ((1, 2), ValueError))),
    "a, b, c of every Newton-Schulz step; or rows of them, one a step; or 'standard' or 'dion'",
]
NSSteps = Annotated[Count, "Newton-Schulz steps, where ns_coeffs are one row"]
Preconditioning = Annotated[
    Literal["frobenius", "spectral", "aol", "schatten"],
    "the bound of the singular values that a matrix is divided by first",
]
DimensionNumbers = Annotated[
    Any,
    "`MuonDimensionNumbers` of each parameter and None for those of AdamW, as a tree, a prefix or "
    "a function to it; None for all arrays of two axes, inputs × outputs",
]
MatrixDecay = Annotated[Scheduled, "of matrices, multiplied by lr"]
MatrixMask = Annotated[Mask | None, "True where to decay; all matrices if None"]
AdamRate = Annotated[Rate | None, "AdamW's lr, that of matrices if None"]
AdamDecay = Annotated[Scheduled, "AdamW's w"]


@optimizer
def muon(
    learning_rate: Rate,
    ns_coeffs: NSCoefficients = (3.4445, -4.7750, 2.0315),
    ns_steps: NSSteps = 5,
    beta: Decay = 0.95,
    eps: Annotated[NonNegative, "added to ‖m̃‖, and AdamW's ε"] = 1e-8,
    weight_decay: MatrixDecay = 0.0,
    weight_decay_mask: MatrixMask = None,
    mu_dtype: Annotated[DType | None, "of m"] = None,
    *,
    nesterov: Annotated[bool, "look m ahead by one step"] = True,
    adaptive: Annotated[bool, "steps in proportion to the nuclear norm of m̃"] = False,
    preconditioning: Preconditioning = "frobenius",
    adam_b1: Annotated[Decay, "AdamW's β₁"] = 0.9,
    adam_b2: Annotated[Decay, "AdamW's β₂"] = 0.999,
    adam_eps_root: Annotated[NonNegative, "AdamW's ε inside the root"] = 0.0,
    adam_weight_decay: AdamDecay = 0.0,
    adam_learning_rate: AdamRate = None,
    muon_weight_dimension_numbers: DimensionNumbers = None,
    consistent_rms: Annotated[NonNegative | None, "r; 0.2 gives steps the size of AdamW's"] = None,
    bias_correction: Annotated[bool, "take m̃ as `nadam` does, as optax.contrib.muon does"] = False,
) -> Optimizer:
    """Muon: momentum, orthogonalized by Newton-Schulz steps; AdamW for what is no matrix.

        m ← β·m + (1 − β)·g
        m̃ ← β·m + (1 − β)·g            nesterov; m̃ = m otherwise
        O ← NS(m̃) ≈ U·Vᵀ               of m̃ = U·S·Vᵀ; with adaptive O ← ⟨m̃, O⟩·O
        x ← x − lr·(√max(1, outputs/inputs)·O + w·x)
                                        or r·√max(outputs, inputs) with consistent_rms

    The step does not depend on the size of g. With the default coefficients singular values of O
    lie between 0.68 and 1.21 where those of m̃ exceed 0.2 % of ‖m̃‖; with (1.875, -1.25, 0.375) they
    converge to 1. O is computed in float32 or wider.

    Differs from: the blog's B ← μ·B + G is m/(1 − β), of the same O; its authors' and torch.optim's
    code is as here, but rounds NS to bfloat16, counts rows as outputs (here
    ``muon_weight_dimension_numbers=MuonDimensionNumbers(1, 0)``) and torch calls
    ``consistent_rms=0.2`` ``adjust_lr_fn='match_rms_adamw'``. optax.contrib.muon takes m̃ as NAdam
    does and gives the rest to NAdamW (here ``bias_correction=True``): 0.1 % of a matrix's path of
    60 steps away, 2 % of the rest's; the other layout is 12 % away. Of rows of ns_coeffs it refuses
    more than ns_steps, and here each is a step.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.muon(1.0, (1.875, -1.25, 0.375), 20)
        >>> g = jnp.array([[3.0, 0.0], [0.0, -0.5]])
        >>> print(optimizer.update(g, optimizer.init(g), g)[0])
        [[-1. -0.]
         [-0.  1.]]

    Reference: K. Jordan et al., 2024, Muon: An Optimizer for Hidden Layers in Neural Networks
    (kellerjordan.github.io/posts/muon); consistent_rms from J. Liu et al., 2025, Muon is Scalable
    for LLM Training, eq. (4); adaptive from J. Bernstein and L. Newhouse, 2024, Old Optimizer, New
    Norm: An Anthology, Proposition 5.
    """
    steps = steps_of(ns_coeffs, ns_steps)

    def orthogonalized(m):
        o = newton_schulz(m, steps, preconditioning=preconditioning, eps=eps)
        return jnp.sum(m * o) * o if adaptive else o

    def of_matrices(numbers, mask):
        def rule(lr, t, g, x, w, m):
            m = beta * m + (1 - beta) * g
            if bias_correction:
                m_tilde = looked_ahead(beta, t, g, m) if nesterov else m / (1 - beta**t)
            else:
                m_tilde = beta * m + (1 - beta) * g if nesterov else m
            o = matrixwise(orthogonalized, m_tilde, numbers)
            return -lr * (scale_of(numbers, g, consistent_rms) * o + w * x), m

        w = Coefficient("weight_decay", weight_decay, mask)
        return leafwise(rule, learning_rate, w=w, m=Memory(dtype=mu_dtype))

    others = adamw(
        learning_rate if adam_learning_rate is None else adam_learning_rate,
        adam_b1, adam_b2, eps, adam_eps_root, mu_dtype, adam_weight_decay,
        nesterov=nesterov and bias_correction,
    )  # fmt: skip
    return matrices_and_others(
        of_matrices, others, muon_weight_dimension_numbers, weight_decay_mask
    )


def scale_of(numbers: MuonDimensionNumbers, g: Any, consistent_rms: Any) -> Any:
    outputs, inputs = numbers.sizes(g.shape)
    if consistent_rms is None:
        return math.sqrt(max(1, outputs / inputs))
    return consistent_rms * math.sqrt(max(outputs, inputs))


Others = Annotated[
    Base | None, "of what is no matrix: `adamw` without decay, of the same lr, if None"
]


@optimizer
def normuon(
    learning_rate: Rate,
    b1: Decay = 0.95,
    b2: Decay = 0.95,
    eps: NonNegative = 1e-8,
    weight_decay: MatrixDecay = 0.0,
    weight_decay_mask: MatrixMask = None,
    mu_dtype: Annotated[DType | None, "of m"] = None,
    *,
    ns_coeffs: NSCoefficients = (3.4445, -4.7750, 2.0315),
    ns_steps: NSSteps = 5,
    nesterov: Annotated[bool, "look m ahead by one step"] = False,
    muon_weight_dimension_numbers: DimensionNumbers = None,
    consistent_rms: Annotated[NonNegative | None, "r, the root mean square of O's step"] = 0.2,
    others: Others = None,
) -> Optimizer:
    """NorMuon: Muon whose outputs (neurons) each have a rate of their own.

        m ← β₁·m + (1 − β₁)·g
        O ← NS(m)                       of m̃ ← β₁·m + (1 − β₁)·g with nesterov
        v ← β₂·v + (1 − β₂)·mean O²     over the inputs: one number for each output
        Ô ← O/(√v + ε)
        x ← x − lr·(r·√(outputs·inputs)/‖Ô‖·Ô + w·x)
                                        or ‖O‖·√max(1, outputs/inputs)/‖Ô‖·Ô for r = None

    The root mean square of a step is r·lr. Parameters that are no matrices go to `others`.

    Differs from: the authors' code has r = None, nesterov and ε = 1e-10, and NS in bfloat16; in its
    layout and microsoft/dion's the outputs are rows.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.normuon(0.1)
        >>> g = jnp.array([[3.0, 0.0], [1.0, -0.5]])
        >>> updates, _ = optimizer.update(g, optimizer.init(g), g)
        >>> print(f"{jnp.sqrt(jnp.mean(updates**2)):.4f}")
        0.0200

    Reference: Z. Li et al., 2025, NorMuon: Making Muon More Efficient and Scalable, Algorithm 1.
    """
    steps = steps_of(ns_coeffs, ns_steps)

    def of_matrices(numbers, mask):
        def rule(lr, g, x, w, m, v):
            m = b1 * m + (1 - b1) * g
            m_tilde = b1 * m + (1 - b1) * g if nesterov else m
            o = matrixwise(lambda m: newton_schulz(m, steps, eps=eps), m_tilde, numbers)
            v = b2 * v + (1 - b2) * jnp.mean(o**2, numbers.of_rank(g.ndim)[0], keepdims=True)
            o_hat = ratio(o, root(v), eps)
            if consistent_rms is None:
                size = sizes_of(o, numbers) * scale_of(numbers, g, None)
            else:
                size = consistent_rms * math.sqrt(math.prod(numbers.sizes(g.shape)))
            return -lr * (size * ratio(o_hat, sizes_of(o_hat, numbers)) + w * x), m, v

        def one_of_each_output(x):
            return jnp.zeros_like(jnp.sum(x, numbers.of_rank(x.ndim)[0], keepdims=True))

        w = Coefficient("weight_decay", weight_decay, mask)
        m, v = Memory(dtype=mu_dtype), Memory(one_of_each_output, wide=True)
        return leafwise(rule, learning_rate, w=w, m=m, v=v)

    others = adamw(learning_rate, weight_decay=0.0) if others is None else others
    return matrices_and_others(
        of_matrices, others, muon_weight_dimension_numbers, weight_decay_mask
    )


def sizes_of(o: Array, numbers: MuonDimensionNumbers) -> Array:
    """‖·‖_F of each matrix of an array."""
    scale, _ = scaled_norm(o)
    return scale * root(jnp.sum((o / scale) ** 2, numbers.axes(o.ndim), keepdims=True))


@optimizer
def adamuon(
    learning_rate: Rate,
    b1: Decay = 0.95,
    b2: Decay = 0.95,
    eps: NonNegative = 1e-8,
    weight_decay: MatrixDecay = 0.0,
    weight_decay_mask: MatrixMask = None,
    mu_dtype: Annotated[DType | None, "of m"] = None,
    *,
    ns_coeffs: NSCoefficients = (3.4445, -4.7750, 2.0315),
    ns_steps: NSSteps = 5,
    signed: Annotated[bool, "orthogonalize the signs of m̃"] = True,
    nesterov: Annotated[bool, "look m ahead by one step"] = False,
    muon_weight_dimension_numbers: DimensionNumbers = None,
    consistent_rms: Annotated[NonNegative, "r, the root mean square of O's step"] = 0.2,
    others: Others = None,
) -> Optimizer:
    """AdaMuon: Muon with a rate for every element.

        m ← β₁·m + (1 − β₁)·g
        O ← NS(sign(m))                 of m̃ ← β₁·m + (1 − β₁)·g with nesterov
        v ← β₂·v + (1 − β₂)·O²
        Ô ← O/(√v + ε)
        x ← x − lr·(r·√(outputs·inputs)/‖Ô‖·Ô + w·x)

    The root mean square of a step is r·lr. Parameters that are no matrices go to `others`.

    Differs from: the paper's M ← β·M + G has the same signs, and one β for both. Its first version
    and the authors' code take no signs, but nesterov, with a v free of its bias, which ‖Ô‖ cancels
    up to ε (here ``signed=False, nesterov=True, b2=0.999``).

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> optimizer = jd.adamuon(0.1)
        >>> g = jnp.array([[3.0, 0.1], [1.0, -0.5]])
        >>> updates, _ = optimizer.update(g, optimizer.init(g), g)
        >>> print(f"{jnp.sqrt(jnp.mean(updates**2)):.4f}")
        0.0200

    Reference: C. Si, D. Zhang and W. Shen, 2025, AdaMuon: Adaptive Muon Optimizer, Algorithm 1.
    """
    steps = steps_of(ns_coeffs, ns_steps)

    def of_matrices(numbers, mask):
        def rule(lr, g, x, w, m, v):
            m = b1 * m + (1 - b1) * g
            m_tilde = b1 * m + (1 - b1) * g if nesterov else m
            s = jnp.sign(m_tilde) if signed else m_tilde
            o = matrixwise(lambda s: newton_schulz(s, steps, eps=eps), s, numbers)
            v = b2 * v + (1 - b2) * o**2
            o_hat = ratio(o, root(v), eps)
            size = consistent_rms * math.sqrt(math.prod(numbers.sizes(g.shape)))
            return -lr * (size * ratio(o_hat, sizes_of(o_hat, numbers)) + w * x), m, v

        w = Coefficient("weight_decay", weight_decay, mask)
        return leafwise(rule, learning_rate, w=w, m=Memory(dtype=mu_dtype), v=Memory(wide=True))

    others = adamw(learning_rate, weight_decay=0.0) if others is None else others
    return matrices_and_others(
        of_matrices, others, muon_weight_dimension_numbers, weight_decay_mask
    )


@optimizer
def scion(
    learning_rate: Annotated[Rate, "below 1 unless unconstrained"],
    alpha: Annotated[Fraction, "the weight of the new gradient, 1 − the usual momentum"] = 0.1,
    scale: Annotated[NonNegative, "ρ, the radius of the ball"] = 1.0,
    unconstrained: Annotated[bool, "step along the vertex, rather than towards it"] = False,
    eps: NonNegative = 1e-8,
    *,
    norm: Annotated[Literal["spectral", "sign"], "the ball of matrices"] = "spectral",
    ns_coeffs: NSCoefficients = (3.4445, -4.7750, 2.0315),
    ns_steps: NSSteps = 5,
    outputs_first: Annotated[bool, "as torch keeps its weights"] = False,
) -> Optimizer:
    """Scion: steps towards (or along) the vertex of a ball, where the gradient's plane is lowest.

        m ← (1 − α)·m + α·g
        x ← (1 − lr)·x + lr·ρ·lmo(m)
        x ← x + lr·ρ·lmo(m)             unconstrained

    lmo(m) is −√(outputs/inputs)·NS(m), or −sign(m)/inputs with norm="sign", of the matrices of the
    last two axes, of which an array of more axes is a batch; −m/(RMS(m) + ε) of a vector or a
    scalar. With lr ≤ 1 a constrained x that starts in the ball stays there (as far as NS is exact).
    Layers that need other balls are `partition`ed.

    Differs from: the authors' code takes a convolution, which is a batch here, for one matrix, and
    outputs for rows (here ``outputs_first=True``); its `momentum` is α, 1 by default.

    Example:
        >>> import jax.numpy as jnp, jdescent as jd
        >>> path = jd.descend(jd.losses.bowl(), jnp.array([3.0, 4.0]), jd.scion(0.5), steps=1)
        >>> print(path.params)
        [1.2517183 1.3379154]

    Reference: T. Pethick et al., 2025, Training Deep Learning Models with Norm-Constrained LMOs,
    Algorithms 1 and 2.
    """
    steps = steps_of(ns_coeffs, ns_steps)
    numbers = MuonDimensionNumbers(-1, -2) if outputs_first else MuonDimensionNumbers(-2, -1)

    def lmo(m):
        if m.ndim < 2:
            return -ratio(m, global_norm(m) / math.sqrt(m.size), eps)
        outputs, inputs = numbers.sizes(m.shape)
        if norm == "sign":
            return -jnp.sign(m) / inputs
        o = matrixwise(lambda m: newton_schulz(m, steps, eps=eps), m, numbers)
        return -math.sqrt(outputs / inputs) * o

    def rule(lr, g, x, m):
        m = (1 - alpha) * m + alpha * g
        vertex = scale * lmo(m)
        return lr * (vertex if unconstrained else vertex - x), m

    return leafwise(rule, learning_rate, m=0)
