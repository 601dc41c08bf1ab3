"""The card: all parts of one optimizer, measured one after the other, kept as they come."""

import dataclasses
import platform
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
from tqdm.auto import tqdm

from jdescent.report_card import (
    contract,
    identity,
    learners,
    noise,
    robustness,
    speed,
    stability,
    symmetries,
    unit_tests,
)
from jdescent.report_card.encoding import decoded, encoded
from jdescent.report_card.findings import Effort, Failure, Finding, Part, Table
from jdescent.report_card.naming import RAISED, said
from jdescent.report_card.subject import Subject
from jdescent.report_card.surroundings import as_on_record

PARTS: tuple[ModuleType, ...] = (
    contract, identity, symmetries, stability, speed, noise, unit_tests, learners, robustness,
)  # fmt: skip
FORMAT = 1  # of the JSON


@dataclasses.dataclass(frozen=True)
class Card:
    """What was measured of one optimizer.

    Attributes:
        name: of the optimizer.
        python: how it is made.
        parts: by name, in the order of the page.
        about: effort, seed, versions, machine and seconds.
    """

    name: str
    python: str
    parts: Mapping[str, Part]
    about: Mapping[str, Any]

    @property
    def findings(self) -> dict[str, Finding]:
        """All findings, as ``part.name``."""
        return {f"{p}.{f.name}": f for p, part in self.parts.items() for f in part.findings}

    @property
    def failures(self) -> list[Failure]:
        return [failure for part in self.parts.values() for failure in part.failures]

    def _repr_html_(self) -> str:
        """The page within a notebook's output."""
        import html

        from jdescent.report_card.page import page_of

        inner = html.escape(page_of(self), quote=True)
        return f'<iframe srcdoc="{inner}" style="width:100%;height:70vh;border:0"></iframe>'

    def __str__(self) -> str:
        nearest = self.findings.get("identity.nearest")
        count = len(self.failures)
        failures = f"{count} failure{'' if count == 1 else 's'}"
        lines = [f"{self.name}: {len(self.findings)} findings, {failures}"]
        lines += [f"nearest relative: {nearest.value} ({nearest.note})"] if nearest else []
        lines += [f"! {failure.where}: {failure.why}" for failure in self.failures]
        return "\n".join(lines)


@as_on_record()
def card_of(
    subject: Subject,
    effort: Effort,
    kept: Path | None = None,
    progress: bool = True,
    wanted: Sequence[str] | None = None,
) -> Card:
    """Measure all parts, or what is left of them.

    Args:
        subject: the optimizer.
        effort: how much is run.
        kept: a JSON file in which parts are kept as they are finished; those that stand there of
            the same optimizer, effort and version are not measured again.
        progress: whether a bar shows which part is measured.
        wanted: names of parts; all by default.
    """
    about = about_measuring(effort) | {
        "python": subject.python(),
        "fingerprint": subject.fingerprint,
    }
    parts, seconds = _kept_parts(kept, about)
    modules = [module for module in PARTS if wanted is None or module.NAME in wanted]
    bar = tqdm(modules, desc=subject.name, unit="part", disable=not progress)
    for module in bar:
        bar.set_postfix_str(module.TITLE.lower())
        if module.NAME not in parts:
            began = time.perf_counter()
            parts[module.NAME] = _measured(module, subject, effort)
            seconds[module.NAME] = time.perf_counter() - began
            card = _card(subject, parts, about | {"seconds": seconds})
            if kept is not None:
                write(card, kept)
    return _card(subject, parts, about | {"seconds": seconds})


def _card(subject: Subject, parts: Mapping[str, Part], about: Mapping[str, Any]) -> Card:
    ordered = {m.NAME: parts[m.NAME] for m in PARTS if m.NAME in parts}
    return Card(subject.name, subject.python(), ordered, about)


def _measured(module: ModuleType, subject: Subject, effort: Effort) -> Part:
    """A part; whatever goes wrong in it is a failure in words."""
    try:
        return module.measure(subject, effort)
    except RAISED as error:
        line = (
            "import jax.numpy as jnp, jdescent as jd\n"
            "jd.descend(lambda x: jnp.sum(x**2), jnp.ones(3), optimizer, 3)"
        )
        return Part(
            failures=[Failure(module.TITLE.lower(), said(error), subject.python(0.01, line))]
        )


def about_measuring(effort: Effort) -> dict[str, Any]:
    """How, with what and where a card is measured."""
    import jdescent

    return {
        "format": FORMAT,
        "thorough": effort.thorough,
        "seed": effort.seed,
        "jdescent": jdescent.__version__,
        "jax": jax.__version__,
        "device": jax.devices()[0].device_kind,
        "machine": platform.machine(),
    }


def _kept_parts(
    kept: Path | None, about: Mapping[str, Any]
) -> tuple[dict[str, Part], dict[str, float]]:
    """Those that are finished, and the seconds that they took."""
    if kept is None or not kept.exists() or not about["fingerprint"]:
        return {}, {}
    try:
        card = read(kept)
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        return {}, {}  # not a card, or one that was cut off: it is measured anew
    if any(card.about.get(key) != value for key, value in about.items()):
        return {}, {}
    seconds = card.about.get("seconds", {})
    return dict(card.parts), {name: seconds.get(name, 0.0) for name in card.parts}


# -- as JSON ---------------------------------------------------------------------------------------


def write(card: Card, path: Path) -> None:
    """The card as JSON; numbers that JSON lacks are written as words."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{uuid.uuid4().hex}.part")  # another run may write the same card
    unfinished.write_text(encoded(dataclasses.asdict(card)), encoding="utf-8")
    unfinished.replace(path)


def read(path: Path) -> Card:
    """The card in a JSON file.

    Raises:
        ValueError: it holds none.
    """
    content = decoded(path)
    if not isinstance(content, dict) or content.get("about", {}).get("format") != FORMAT:
        raise ValueError(f"{path} holds no report card of format {FORMAT}")
    parts = {
        name: Part(
            [Finding(**row) for row in part["findings"]],
            [Failure(**row) for row in part["failures"]],
            [Table(**row) for row in part["tables"]],
            part["series"],
        )
        for name, part in content["parts"].items()
    }
    return Card(content["name"], content["python"], parts, content["about"])
