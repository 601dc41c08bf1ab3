"""A player: runs that were computed whole, shown step by step in a page that needs no server.

`player` takes what `jd.descend` or `jd.sweep` returned. What a slider, a drag or a click chooses is
one of the runs; the page looks numbers up and draws them, and interpolates nothing. It is one HTML
file, for a slide, an iframe or a learning platform, and shows itself in a notebook.
"""

from jdescent_playground.player.figure import Player, player
from jdescent_playground.player.ground import Ground
from jdescent_playground.player.views import History, Map, Plane, Sweep

__all__ = ["Ground", "History", "Map", "Plane", "Player", "Sweep", "player"]
