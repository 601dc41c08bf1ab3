"""Ratios against peers and against the floor, each measured in one run: ``make bench``."""
