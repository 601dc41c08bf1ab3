"""The parts of `local_minimum_escape`: gradient noise, full-batch basins, momentum."""
