"""The parts of `batch_size`: a network on digits, the noise of its gradient, and exact theory."""
