"""Where a race takes place: the surface with its numbers, and the start."""

import math
from collections.abc import Mapping
from typing import Any

from jdescent_playground import address, fields, surfaces
from jdescent_playground.expressions import ExpressionError, parse
from jdescent_playground.surfaces import LARGEST_CONDITION, SURFACES, Point, Surface, turned

OWN = "own"
SEEN = 100 * fields.FAR  # a view may be wider than the range that was typed
FIRST = "bowl-2-4"

_READERS: Mapping[str, address.Read] = {
    "surface": address.choice((*SURFACES, OWN)),
    "formula": str,
    "from": address.number(-fields.FAR, fields.FAR),
    "to": address.number(-fields.FAR, fields.FAR),
    "kappa": address.number(1.0, LARGEST_CONDITION),
    "turn": address.number(0.0, 90.0),
    "start": address.numbers(2, -SEEN, SEEN),
}


class Scene:
    """The surface there is, those that a person has set up, and the start.

    Attributes:
        surface: the one there is.
        own: whether it is a typed one.
        formula, ends: the typed one, and the range of x and of y.
        condition, degrees: of the bowl.
        start: where all begin.
        refused: a formula of the address that could not be read.
    """

    def __init__(self) -> None:
        self.surface: Surface = SURFACES[FIRST]
        self.own = False
        self.refused = ""
        self.formula, self.ends = "x^2/2 + y^2 + sin(3x)cos(2y)", (-4.0, 4.0)
        self.condition, self.degrees = 50.0, 0.0
        self.start: Point = self.surface.start

    @property
    def is_bowl(self) -> bool:
        return self.surface.name == "bowl"

    @property
    def name(self) -> str:
        return OWN if self.own else self.surface.name

    @property
    def start_in_bowl(self) -> Point:
        """The start as it would be with the bowl turned back."""
        return turned(self.start, -self.degrees)

    def take(self, name: str, formula: str | None = None) -> None:
        """A surface by its name, with its start; the typed one of a formula, or of the last.

        Raises:
            ExpressionError: it is the typed one, and cannot be read; all stays as it was.
        """
        if name == OWN:
            formula = self.formula if formula is None else formula
            self.surface = surfaces.typed(parse(formula, ("x", "y")), self.ends)
            self.formula = formula
        else:
            self.surface = self._bowl() if name == "bowl" else SURFACES[name]
        self.own = name == OWN
        self.start = self.surface.start
        if self.is_bowl:
            self.start = turned(self.start, self.degrees)

    def set_condition(self, position: float) -> None:
        """The bowl's condition number by the position of its slider, which is logarithmic."""
        share = min(max(position, 0.0), 1.0)
        self.condition = float(f"{LARGEST_CONDITION**share:.3g}")
        self.surface = self._bowl()

    @property
    def condition_position(self) -> float:
        return math.log(self.condition) / math.log(LARGEST_CONDITION)

    def turn_to(self, degrees: float) -> None:
        """Turn the bowl and the start with it, so that nothing but the coordinates changes."""
        before, self.degrees = self.degrees, min(max(round(degrees, 1), 0.0), 90.0)
        self.start = turned(self.start, self.degrees - before)
        self.surface = self._bowl()

    def read(self, query: Mapping[str, str]) -> list[str]:
        """Begin where an address says; returns what could not be read."""
        values, complaints = address.read(query, _READERS)
        if {"from", "to"} & set(values):
            given = zip(("from", "to"), map(fields.exact, self.ends), strict=True)
            try:
                self.ends = fields.interval(*(query.get(name, end) for name, end in given))
            except ValueError as error:
                complaints.append(f"the address is not read: {error}")
        self.condition = values.get("kappa", self.condition)
        self.degrees = values.get("turn", self.degrees)
        try:
            self.take(values.get("surface", FIRST), values.get("formula"))
        except ExpressionError as error:
            self.refused = values["formula"]
            complaints.append(address.complaint("formula", self.refused, str(error)))
        self.start = values.get("start", self.start)
        return complaints

    def written(self) -> dict[str, Any]:
        """Its part of an address."""
        values: dict[str, Any] = {"surface": self.name}
        if self.own:
            values |= {"formula": self.formula, "from": self.ends[0], "to": self.ends[1]}
        if self.is_bowl:
            values |= {"kappa": self.condition, "turn": self.degrees}
        return {**values, "start": self.start}

    def _bowl(self) -> Surface:
        return surfaces.bowl(self.condition, self.degrees)
