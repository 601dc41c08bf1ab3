"""One folder a figure: `Config` -> `simulate(config)` -> `numbers(data)` and `plot(data)`.

Each has `config`, `simulate`, `numbers` and `figure`; what several use is in `common`.

``python -m experiments`` runs them all; ``python -m experiments NAME --help`` lists settings.
"""

NAMES = (
    "stability_boundary",
    "stability_of_optimizers",
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
    "counterexamples",
    "step_sizes",
    "rotational_equilibrium",
    "edge_of_stability",
    "catapult",
    "width_transfer",
    "batch_scaling",
    "tuned_optimizers",
    "report_cards",
    "lightbench",
)
