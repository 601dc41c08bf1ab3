"""A section's figure, and the numbers that its text quotes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jdescent_playground.player import Player


@dataclass(frozen=True)
class Section:
    """What a section of the lecture shows.

    Attributes:
        figure: the player.
        facts: numbers for its text, by name; text quotes no other that was computed.
    """

    figure: Player
    facts: Mapping[str, object] = field(default_factory=dict)
