"""What every figure of the paper must be: one column wide, legible, within its page, labeled."""

import io
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from jdescent import plotting


def drawn(experiment: ModuleType, data: Any, config: Any) -> Figure:
    """The experiment's figure, as it is saved; nothing leaves it, no text is below 7 points."""
    with mpl.rc_context(plotting.STYLE):
        figure = experiment.plot(data, config)
        figure.savefig(io.BytesIO(), format="png")
        extents = figure.get_tightbbox().extents
    assert figure.get_figwidth() == plotting.COLUMN_WIDTH
    assert min(text.get_fontsize() for text in figure.findobj(Text) if text.get_text()) >= 7
    np.testing.assert_array_less([-0.01, -0.01], extents[:2])
    np.testing.assert_array_less(extents[2:], figure.get_size_inches() + 0.01)
    return figure


def assert_labeled(panels: Iterable[Axes]) -> None:
    """Every panel has a title, and both its axes a name."""
    for axes in panels:
        assert axes.get_title(loc="left")
        assert axes.get_xlabel()
        assert axes.get_ylabel()
