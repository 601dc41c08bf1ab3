"""The record of all cards, by finding and optimizer."""

from collections.abc import Mapping
from typing import Any

from experiments.common.report import stage
from experiments.report_cards.config import Config
from jdescent.report_card.encoding import decoded
from jdescent.report_card.ranks import RECORD

Cards = Mapping[str, Mapping[str, Any]]


def simulate(config: Config) -> Cards:
    with stage("reading the cards"):
        found = decoded(RECORD)
    names = config.optimizers or tuple(found["failures"])
    missing = sorted(set(names) - set(found["failures"]))
    if missing:
        raise ValueError(f"there are no cards of {', '.join(missing)}")
    return {
        key: {name: value for name, value in row.items() if name in names}
        for key, row in found.items()
    }
