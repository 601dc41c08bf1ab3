"""The parts of `overfitting`: few digits, some mislabeled; early stopping; runs; drawing."""
