"""The gallery shows what is on record, and nothing else."""

import json

import pytest

from experiments import NAMES
from experiments.common import gallery

RECORD = {
    "caption": "What it shows. (a) A panel.",
    "numbers": {
        "edge": {
            "class": "theory",
            "measured": 0.25,
            "theory": 0.26,
            "tolerance": 0.1,
            "why": "grid step",
            "meaning": "a rate | in two words",
            "interval": [0.2, 0.3],
        },
        "score": {
            "class": "bound",
            "measured": 0.9,
            "theory": None,
            "tolerance": 0.1,
            "why": "coins",
            "meaning": "a share",
            "at_least": 0.5,
            "missed_by": 0.1,
            "baseline": {"name": "neighbors", "score": 0.95},
        },
    },
    "provenance": {"seconds": 3.4, "system": "Linux", "device": "cpu"},
}


@pytest.fixture
def page(tmp_path) -> str:
    for name in NAMES[:2]:
        (tmp_path / f"{name}.json").write_text(json.dumps({"experiment": name, **RECORD}))
    words = {"experiment": NAMES[2], **RECORD, "shown": "list: tuple, sequence"}
    (tmp_path / f"{NAMES[2]}.json").write_text(json.dumps(words))
    (tmp_path / f"{NAMES[1]}.gif").touch()
    return gallery.write_gallery(tmp_path).read_text(encoding="utf-8")


def test_each_figure_on_record_stands_in_order_with_its_caption(page):
    first, second = (page.index(f"]({name}.png)") for name in NAMES[:2])
    assert first < second
    assert page.count(RECORD["caption"]) == 3
    assert f"({NAMES[3]}.png)" not in page
    assert f"({NAMES[1]}.gif)" in page
    assert f"({NAMES[0]}.gif)" not in page


def test_each_number_stands_beside_its_interval_and_what_was_expected(page):
    expected = "theory 0.26, tolerance 0.1 (grid step)"
    assert f"| theory | a rate \\| in two words | 0.25 | 0.2 … 0.3 | {expected} |" in page
    assert "| bound | a share | 0.9 |  | at least 0.5 (coins); neighbors: 0.95 |" in page


def test_the_classes_of_all_numbers_shown_are_counted(page):
    table = (
        "| class | of 6 numbers | which are |\n| --- | --- | --- |\n| theory | 3 | a measurement"
    )
    assert table in page
    for kind, count in {"exact": 0, "bound": 3, "regression": 0}.items():
        assert f"\n| {kind} | {count} | " in page


def test_a_record_from_before_classes_says_how_to_make_it_anew(tmp_path):
    old = {"one": {"measured": 1.0, "theory": 1.0, "tolerance": 1.0, "meaning": "one"}}
    record = {"experiment": NAMES[0], **RECORD, "numbers": old}
    (tmp_path / f"{NAMES[0]}.json").write_text(json.dumps(record))
    with pytest.raises(SystemExit, match=rf"have no class.*python -m experiments {NAMES[0]}"):
        gallery.write_gallery(tmp_path)


def test_what_a_person_can_read_stands_below_the_numbers_of_its_figure(page):
    assert page.count("\nlist: tuple, sequence\n") == 1
    assert page.index("list: tuple") > page.index(f"({NAMES[2]}.png)")
