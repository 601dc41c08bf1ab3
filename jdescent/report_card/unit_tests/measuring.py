"""The unit tests as a part of a report card."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int
from scipy.stats import binomtest

from jdescent.report_card.findings import Effort, Failure, Finding, Part, Table
from jdescent.report_card.subject import Subject
from jdescent.report_card.unit_tests.cost import is_dear
from jdescent.report_card.unit_tests.draws import RUNS, STEPS
from jdescent.report_card.unit_tests.groups import FAMILIES, KINDS, family_of, kinds_of
from jdescent.report_card.unit_tests.reference import reference
from jdescent.report_card.unit_tests.running import DIMENSIONS, batch_of, gains
from jdescent.report_card.unit_tests.scoring import GOOD, LETTERS, NAMES, RED, VIOLET, colors
from jdescent.report_card.unit_tests.templates import UnitTest, all_tests

ONE_IN = 11  # no divisor of the numbers of noises, scales and drifts, so that all take part
WORST = 8


class Scored(NamedTuple):
    """The tests that SGD can improve, their colors at each rate, and there the first run of each
    that was not finite, or else 0."""

    numbers: Int[np.ndarray, " tests"]
    colors: Int[np.ndarray, "rates tests"]
    failed: Int[np.ndarray, "rates tests"]

    @property
    def tests(self) -> list[UnitTest]:
        return [all_tests()[number] for number in self.numbers]

    @property
    def good(self) -> Bool[np.ndarray, "rates tests"]:
        return np.isin(self.colors, GOOD)


def scored(
    subject: Subject, rates: Sequence[float] | np.ndarray, seed: int = 0, one_in: int = 1
) -> Scored:
    """All tests, or one in so many, at each rate."""
    each = []
    for dimensions in DIMENSIONS:
        batch = batch_of(dimensions, seed, one_in)
        numbers = np.array(batch.numbers)
        to_beat = reference(seed).gain[numbers]
        improved = to_beat < 0
        final = gains(subject, rates, batch)[:, improved]
        failed = np.isfinite(final).argmin(axis=-1)
        each.append((numbers[improved], colors(final, to_beat[improved]), failed))
    return Scored(*(np.concatenate(parts, axis=-1) for parts in zip(*each, strict=True)))


def measure(subject: Subject, effort: Effort) -> Part:
    """Its colors on all unit tests at each of its rates.

    At the usual effort an optimizer whose update loops or factors a matrix, as a line search does,
    takes one test in eleven, and one that is compiled anew for each rate half as many rates. The
    best rate is the one at which most tests are green or blue, and the smallest of those.
    """
    a_decade = 4 if effort.thorough else 2 if subject.rate_traces else 1
    tried = np.asarray(subject.rates(a_decade=a_decade))
    default = [] if subject.default_rate is None else [subject.default_rate]
    one_in = ONE_IN if is_dear(subject) and not effort.thorough else 1
    result = scored(subject, [*tried, *default], effort.seed, one_in)
    at = Scored(result.numbers, *(of_rates[: len(tried)] for of_rates in result[1:]))
    best = int(at.good.mean(axis=1).argmax())
    note = f"{len(at.numbers)} tests, {RUNS} runs of {STEPS} steps each, seed {effort.seed}"
    if one_in > 1:
        note += f"; one test in {one_in}, as its update is dear"
    findings = [*_at_a_rate(at, best, note)]
    if subject.takes_rate:
        findings += _over_rates(at, tried, a_decade, best)
    if default:
        findings.append(
            _share(
                "good_at_default_rate",
                f"tests green or blue at its default rate, {default[0]:g}",
                result.good[-1],
                note,
            )
        )
    findings += _by_kind(at, best)
    return Part(
        findings,
        [*_failures(at, best, subject, float(tried[best]), effort.seed)],
        [_worst(at, best, effort.seed)],
        _series(at, tried, best, subject.takes_rate, effort.seed),
    )


def _share(name: str, what: str, which: Bool[np.ndarray, " tests"], note: str = "") -> Finding:
    """A share with Wilson's interval, which is wide enough where tests differ in their chances."""
    low, high = binomtest(int(which.sum()), len(which)).proportion_ci(method="wilson")
    return Finding(
        name,
        f"share of {what}",
        float(which.mean()),
        interval=(float(low), float(high)),
        better="lower" if name in ("red", "orange", "violet", "yellow") else "higher",
        note=note or f"{len(which)} tests",
    )


def _at_a_rate(at: Scored, best: int, note: str) -> Iterator[Finding]:
    yield _share("good", "tests green or blue at its best rate", at.good[best], note)
    for color, name in enumerate(NAMES):
        yield _share(name, f"tests {name} at its best rate", np.equal(at.colors[best], color))


def _over_rates(at: Scored, rates: np.ndarray, a_decade: int, best: int) -> Iterator[Finding]:
    yield Finding(
        "best_rate", "learning rate at which most tests are green or blue", float(rates[best])
    )
    yield _share(
        "good_at_some_rate", "tests green or blue at a rate of their own", np.any(at.good, axis=0)
    )
    yield Finding(
        "decades_of_rates",
        "decades of learning rates at which at least half of the tests are green or blue",
        float((at.good.mean(axis=1) >= 0.5).sum() / a_decade),
        better="higher",
        note=f"rates from {rates[0]:g} to {rates[-1]:g}, {a_decade} a decade",
    )
    yield Finding(
        "decades_a_test",
        "decades of learning rates at which a test is green or blue, mean over tests",
        float(at.good.sum(axis=0).mean() / a_decade),
        better="higher",
    )


def _by_kind(at: Scored, best: int) -> Iterator[Finding]:
    of_kinds = [set(kinds_of(test)) for test in at.tests]
    for kind, words in KINDS.items():
        its_own = np.array([kind in kinds for kinds in of_kinds])
        if its_own.any():
            yield _share(f"good/{kind}", f"tests green or blue {words}", at.good[best, its_own])


def _code(number: int, seed: int, run: int = 0) -> str:
    run_of = f", run={run}" if run else ""
    seed_of = f", seed={seed}" if seed else ""
    return f"unit_test({number}{run_of}{seed_of})"


def _failures(at: Scored, best: int, subject: Subject, rate: float, seed: int) -> Iterator[Failure]:
    why = {
        RED: "under half of the runs were finite and below 10¹⁰",
        VIOLET: "some of the ten runs were not finite",
    }
    for color, words in why.items():
        places = np.flatnonzero(at.colors[best] == color)
        if len(places):
            first = places[0]
            then = (
                "from jdescent import descend\n"
                "from jdescent.report_card.unit_tests import unit_test\n"
                f"test = {_code(at.numbers[first], seed, at.failed[best, first])}\n"
                f"path = descend(*test[:2], optimizer, {STEPS}, batches=test.batches)"
            )
            yield Failure(
                f"{len(places)} of {len(at.numbers)} unit tests, such as: {at.tests[first].words}",
                words,
                subject.python(rate, then),
            )


def _worst(at: Scored, best: int, seed: int) -> Table:
    """Prototypes, chains at a scale, in the order of their shares of green or blue."""
    prototypes: dict[tuple, list[int]] = {}
    for place, test in enumerate(at.tests):
        prototypes.setdefault((test.chains, test.scales), []).append(place)
    good = at.good[best]
    in_order = sorted(
        prototypes, key=lambda it: (good[prototypes[it]].mean(), -len(prototypes[it]))
    )
    rows = []
    for prototype in in_order[:WORST]:
        places = prototypes[prototype]
        color, _ = Counter(at.colors[best, places].tolist()).most_common(1)[0]
        shown = next(place for place in places if at.colors[best, place] == color)
        rows.append([
            at.tests[shown].prototype,
            f"{good[places].sum()} of {len(places)}",
            NAMES[color],
            _code(at.numbers[shown], seed),
        ])  # fmt: skip
    title = "Where it does worst at its best rate"
    return Table(title, ["prototype", "green or blue", "mostly", "one of them"], rows)


def _series(at: Scored, rates: np.ndarray, best: int, takes_rate: bool, seed: int) -> dict:
    """Colors as letters, a word for each rate, in the order of families and of SGD's best rate."""
    families = [family_of(test) for test in at.tests]
    names = list(FAMILIES)
    order = np.lexsort((reference(seed).rate[at.numbers], [names.index(f) for f in families]))
    letters = np.array(list(LETTERS))
    return {
        "rates": [float(rate) for rate in rates],
        "takes_rate": takes_rate,
        "best": best,
        "colors": ["".join(row) for row in letters[at.colors[:, order]]],
        "families": [FAMILIES[name] for name in names if name in families],
        "sizes": [families.count(name) for name in names if name in families],
    }
