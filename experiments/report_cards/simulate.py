"""The record of all cards, by finding and optimizer."""

import json
from collections.abc import Mapping
from typing import Any

from experiments.common.report import stage
from experiments.report_cards.config import Config
from jdescent.report_card.ranks import RECORD

Cards = Mapping[str, Mapping[str, Any]]
WORDS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": -float("inf")}


def simulate(config: Config) -> Cards:
    with stage("reading the cards"):
        found = json.loads(RECORD.read_text(encoding="utf-8"))
    names = config.optimizers or tuple(found["failures"])
    missing = sorted(set(names) - set(found["failures"]))
    if missing:
        raise ValueError(f"there are no cards of {', '.join(missing)}")
    return {
        key: {
            name: WORDS.get(value, value) if isinstance(value, str) else value
            for name, value in row.items()
            if name in names
        }
        for key, row in found.items()
    }
