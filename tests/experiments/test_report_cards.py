"""The table of all report cards."""

import numpy as np

from experiments.report_cards.columns import leaves, rank_share, symmetry
from jdescent.report_card.ranks import RECORD, library


def test_a_rank_is_the_share_that_is_better():
    cards = {"x": {"a": 3.0, "b": 1.0, "c": float("inf"), "d": 1.0, "e": float("nan")}}
    shares = rank_share(cards, "x", ["a", "b", "c", "d", "e", "f"])
    np.testing.assert_allclose(shares, [2 / 3, 0, 1, 0, np.nan, np.nan])


def test_a_symmetry_counts_with_whatever_rate():
    cards = {
        "symmetries.shift": {"a": "exactly, with the rate times 7⁻¹", "b": "nearly", "c": "no"}
    }
    np.testing.assert_allclose(symmetry(cards, "shift", ["c", "b", "a", "z"]), [1, 0.5, 0, np.nan])


def test_the_order_puts_alike_beside_alike():
    rows = np.array([[0.0, 0.0], [1.0, 1.0], [0.1, 0.0], [1.0, 0.9], [0.0, 0.1]])
    order = leaves(rows)
    assert sorted(order) == [0, 1, 2, 3, 4]
    assert abs(order.index(1) - order.index(3)) == 1
    assert leaves(rows[:2]) == [0, 1]


def test_the_record_is_of_every_optimizer_that_a_card_can_be_made_of():
    from jdescent.report_card.library import subjects

    assert RECORD.exists()
    assert set(library()["failures"]) == set(subjects())
