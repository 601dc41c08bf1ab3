"""The parts of `learning_rate_curves`: training at many rates, schedules, the edge of descent."""
