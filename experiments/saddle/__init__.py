"""The parts of `saddle_escape`: two valleys and their ridge, and a plain saddle with noise."""
