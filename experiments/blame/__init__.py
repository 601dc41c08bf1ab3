"""The parts of `backpropagation`: a deep network, its blame by hand, theory, training."""
