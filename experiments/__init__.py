"""One module a figure: `Config` -> `simulate(config)` -> `numbers(data)` and `plot(data)`.

The parts of the larger ones are in folders of their own; what the learning systems share (data,
models) is in `learners`.

``python -m experiments`` runs them all; ``python -m experiments NAME --help`` lists settings.
"""

NAMES = (
    "stability_boundary",
    "local_minimum_escape",
    "anisotropic_bowl",
    "trainability_boundary",
    "fit_line",
    "house_prices",
    "learning_rate_curves",
    "divergence_cures",
    "batch_size",
    "saddle_escape",
    "backpropagation",
    "overfitting",
    "many_minima",
    "one_loop",
    "conformance",
)
