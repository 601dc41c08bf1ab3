"""Which faults there are in a file, and what it reads with one of them."""

import ast
import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

ROOT = Path(__file__).parents[2]
SWAPPED = {  # what one may write in the place of the other
    "Binary": ["Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Mul", "Mod_Mul", "Pow_Mul"],
    "Comparison": [
        "Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is",
        "Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Lt_GtE", "LtE_Gt", "Gt_LtE", "GtE_Lt",
    ],
    "Unary": ["Delete_USub", "Delete_Invert", "Delete_Not"],
}  # fmt: skip
OPERATORS = [
    *(f"Replace{kind}Operator_{swap}" for kind, swaps in SWAPPED.items() for swap in swaps),
    "ReplaceAndWithOr", "ReplaceOrWithAnd", "AddNot", "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue", "NumberReplacer", "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak", "ZeroIterationForLoop", "ExceptionReplacer", "RemoveDecorator",
]  # fmt: skip

Place = tuple[int, int]  # line, column


class Mutant(NamedTuple):
    """The n-th place of a file where a fault of one kind can be."""

    file: Path
    operator: str
    occurrence: int
    place: Place

    @property
    def path(self) -> Path:
        """Of the file in the repository."""
        return self.file.relative_to(ROOT)

    def code(self) -> str:
        """The file with this fault."""
        operator = get_operator(f"core/{self.operator}")()
        mutated = mutate_code(self.file.read_text("utf-8"), operator, self.occurrence)
        assert mutated is not None, self
        return mutated


def mutants(file: Path) -> Iterator[Mutant]:
    """Those of a file, outside of annotations: what is written there no operation reads."""
    source = file.read_text("utf-8")
    spans = list(annotations(source))
    nodes = list(ast_nodes(get_ast(source)))
    for name in OPERATORS:
        operator = get_operator(f"core/{name}")()
        places = (start for node in nodes for start, _ in operator.mutation_positions(node))
        for occurrence, place in enumerate(places):
            if not any(begin <= place < end for begin, end in spans):
                yield Mutant(file, name, occurrence, place)


def annotations(source: str) -> Iterator[tuple[Place, Place]]:
    """Where each annotation begins and ends."""
    for node in ast.walk(ast.parse(source)):
        for name in ("annotation", "returns"):
            if (found := getattr(node, name, None)) is not None:
                yield (found.lineno, found.col_offset), (found.end_lineno, found.end_col_offset)


def sample(found: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """So many at different places, each place as likely as any, in the order of the files."""
    at = defaultdict(list)
    for one in found:
        at[one.file, one.place].append(one)
    draw = random.Random(seed)
    chosen = draw.sample(sorted(at), min(count, len(at)))
    return sorted(draw.choice(at[place]) for place in chosen)
