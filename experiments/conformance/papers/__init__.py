"""Each optimizer's algorithm as its paper writes it, in NumPy float64, independent of jdescent.

One file a family, like `jdescent/optimizers`. An algorithm is a generator: it gets a `Problem`,
its settings, and yields the parameters after each step as one flat vector.
"""
