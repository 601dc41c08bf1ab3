"""The parts of `divergence_cures`: the run that diverges, its cures, what is drawn of them."""
