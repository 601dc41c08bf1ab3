"""The parts of `anisotropic_bowl`: paths, rates, bowls turned against the axes."""
