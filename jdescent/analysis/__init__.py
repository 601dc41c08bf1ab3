"""Closed-form theory of descent, and the statistics that measure it.

- `stability_limits`: the largest stable learning rate of each method.
- `stability`: the same of any optimizer, found from its update.
- `adam_cycles`: the cycle of two steps that Adam and its kin have in place of a limit.
- `bowl_rates`: the exact factor per step on a quadratic, and the tuning that minimizes it.
- `heavy_ball_cycles`: where the heavy ball goes round for ever on a convex function.
- `stationary`: the variance, or excess loss, at which constant-rate SGD settles.
- `escape`: mean first-passage times over a barrier, from Kramers' law to the exact chain.
- `saddle`: steps to leave a saddle, with gradient noise and without.
- `survival`: first-passage statistics with censored runs.
- `curvature`: of a loss by Hessian products: sharpness, spectra, through any optimizer's eyes.
- `fractal`: the boundary between two outcomes and its box-counting dimension.
- `fractal_null`: the dimension that a smooth boundary with flipped pixels would have.
- `rates`: contraction factors and stability boundaries measured on recorded runs.

What a closed form gives is, to a few roundings, the exact answer for arguments within a few
roundings of those given. Near a stability limit, a root or a double root of the result that
matters: a product such as ηλ is rounded once, and 2 − ηλ or 1 − ηλ keeps of it only what was
not. Within rounding of a limit a variance may so be inf; float64 arguments bring one closer.
"""

from jdescent.analysis.adam_cycles import AdamCycle, adam_cycle
from jdescent.analysis.bowl_rates import (
    Tuning,
    chebyshev_bound,
    gd_rate,
    heavy_ball_rate,
    nesterov_rate,
    standard_nesterov,
    tuned_gd,
    tuned_heavy_ball,
    tuned_nesterov,
)
from jdescent.analysis.curvature import (
    CriticalSharpness,
    Eigenpairs,
    Estimate,
    SpectralDensity,
    critical_sharpness,
    directional_curvature,
    gauss_newton_operator,
    gauss_newton_product,
    hessian_operator,
    hessian_product,
    hessian_trace,
    preconditioned_sharpness,
    preconditioner,
    sharpness,
    spectral_density,
    top_eigenpairs,
)
from jdescent.analysis.escape import (
    GradientNoise,
    batch_noise,
    gaussian_chain_steps,
    gaussian_chain_survival,
    kramers_time,
    quadrature_time,
    sampled_chain_steps,
    temperature,
)
from jdescent.analysis.fractal import BoxCounts, box_counts, box_dimension, outcome_boundary
from jdescent.analysis.fractal_null import (
    NullDimension,
    boundary_surrogates,
    null_dimension,
    smooth_outcome,
)
from jdescent.analysis.heavy_ball_cycles import heavy_ball_cycle_margin
from jdescent.analysis.rates import Crossing, contraction_rate, crossing
from jdescent.analysis.saddle import (
    SaddleSteps,
    noisy_saddle_steps,
    saddle_growth,
    saddle_spread,
    saddle_steps,
    saddle_survival,
)
from jdescent.analysis.stability import (
    Oscillation,
    StableRate,
    largest_stable_rate,
    measured_largest_stable_rate,
)
from jdescent.analysis.stability_limits import (
    adam_critical_sharpness,
    adamw_limit,
    ema_momentum_limit,
    gd_limit,
    heavy_ball_limit,
    lookahead_limit,
    minibatch_limit,
    nadam_critical_sharpness,
    nesterov_limit,
    optimistic_limit,
    rmsprop_critical_sharpness,
    schedule_free_limit,
    sgdw_limit,
)
from jdescent.analysis.stationary import (
    epoch_shuffled_variance,
    heavy_ball_variance,
    nesterov_variance,
    regression_descent,
    regression_excess,
    sgd_variance,
)
from jdescent.analysis.survival import MeanTime, SurvivalCurve, exponential_mean, survival_curve

__all__ = [
    "AdamCycle",
    "BoxCounts",
    "CriticalSharpness",
    "Crossing",
    "Eigenpairs",
    "Estimate",
    "GradientNoise",
    "MeanTime",
    "NullDimension",
    "Oscillation",
    "SaddleSteps",
    "SpectralDensity",
    "StableRate",
    "SurvivalCurve",
    "Tuning",
    "adam_critical_sharpness",
    "adam_cycle",
    "adamw_limit",
    "batch_noise",
    "boundary_surrogates",
    "box_counts",
    "box_dimension",
    "chebyshev_bound",
    "contraction_rate",
    "critical_sharpness",
    "crossing",
    "directional_curvature",
    "ema_momentum_limit",
    "epoch_shuffled_variance",
    "exponential_mean",
    "gauss_newton_operator",
    "gauss_newton_product",
    "gaussian_chain_steps",
    "gaussian_chain_survival",
    "gd_limit",
    "gd_rate",
    "heavy_ball_cycle_margin",
    "heavy_ball_limit",
    "heavy_ball_rate",
    "heavy_ball_variance",
    "hessian_operator",
    "hessian_product",
    "hessian_trace",
    "kramers_time",
    "largest_stable_rate",
    "lookahead_limit",
    "measured_largest_stable_rate",
    "minibatch_limit",
    "nadam_critical_sharpness",
    "nesterov_limit",
    "nesterov_rate",
    "nesterov_variance",
    "noisy_saddle_steps",
    "null_dimension",
    "optimistic_limit",
    "outcome_boundary",
    "preconditioned_sharpness",
    "preconditioner",
    "quadrature_time",
    "regression_descent",
    "regression_excess",
    "rmsprop_critical_sharpness",
    "saddle_growth",
    "saddle_spread",
    "saddle_steps",
    "saddle_survival",
    "sampled_chain_steps",
    "schedule_free_limit",
    "sgd_variance",
    "sgdw_limit",
    "sharpness",
    "smooth_outcome",
    "spectral_density",
    "standard_nesterov",
    "survival_curve",
    "temperature",
    "top_eigenpairs",
    "tuned_gd",
    "tuned_heavy_ball",
    "tuned_nesterov",
]
