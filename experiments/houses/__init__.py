"""The parts of `house_prices`: the table of houses, the bowl of its squared error, the drawing."""
