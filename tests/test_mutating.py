"""Faults for mutation testing: where they are, that they are faults, and who is to notice them."""

import ast

import pytest

pytest.importorskip("cosmic_ray", reason="of the extra dev")

from mutating.mutants import mutants, sample
from mutating.suites import MODULES, ROOT, factories, suite_of

SOURCE = '''"""1 + 1"""

def step(x: int | None = 3, *, flip: bool = False) -> float | None:
    y: tuple[int, 2] = x * x - 1
    while y > 0 and not flip:
        y = -y
    return y
'''


@pytest.fixture
def found(tmp_path):
    path = tmp_path / "source.py"
    path.write_text(SOURCE)
    return list(mutants(path))


def test_a_mutant_is_another_program_that_differs_at_its_place(found):
    programs = {ast.dump(ast.parse(mutant.code())) for mutant in found}
    assert len(programs) == len(found) > 15
    assert ast.dump(ast.parse(SOURCE)) not in programs
    lines = SOURCE.splitlines()
    for mutant in found:
        changed = [n for n, (a, b) in enumerate(zip(lines, mutant.code().splitlines(), strict=True))
                   if a != b]  # fmt: skip
        assert changed == [mutant.place[0] - 1]


def test_words_and_annotations_have_none_and_what_is_computed_has(found):
    starts = {
        SOURCE.splitlines()[line - 1][column:][:1] for line, column in (m.place for m in found)
    }
    assert {"3", "F", "*", "-", "1", ">", "0", "n"} <= starts
    annotated = SOURCE.splitlines()[3].index("2")
    assert not any(m.place in ((1, 3), (4, annotated)) for m in found)


def test_a_sample_is_of_different_places_and_the_same_again(found):
    chosen = sample(found, 5, seed=1)
    assert chosen == sample(found, 5, seed=1)
    assert chosen != sample(found, 5, seed=2)
    assert len({mutant.place for mutant in chosen}) == 5
    everywhere = sample(found, 1000, seed=0)
    assert {mutant.place for mutant in everywhere} == {mutant.place for mutant in found}


@pytest.mark.parametrize("module", MODULES)
def test_every_file_has_tests_that_are_there(module):
    for file in MODULES[module]:
        arguments, plugins = suite_of(file.relative_to(ROOT))
        assert all((ROOT / argument).is_file() for argument in arguments)
        assert arguments[-1] == str(file.relative_to(ROOT))
        if module == "optimizers" and factories(file):
            assert set(factories(file)) <= plugins[0].names
