"""The parts of `many_minima`: valleys of a plane; networks, their twins, paths between them."""
