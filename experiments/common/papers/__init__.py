"""Each optimizer's algorithm as its paper writes it, in NumPy float64, independent of jdescent.

One file a family, like `jdescent/optimizers`. An algorithm is a generator: it gets a `Problem`,
its settings, and yields the parameters after each step as one flat vector.
"""

import importlib
import pkgutil

from experiments.common.case import Case


def cases() -> list[Case]:
    """Those of all families."""
    families = (
        importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
    )
    return [case for family in families for case in family.CASES]
