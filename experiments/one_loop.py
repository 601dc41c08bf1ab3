"""One loop, eight things learned: only the model, the loss and the data change.

(a–g) The loss of the batches, averaged over a hundredth of the steps, a curve a seed. (h) The
language model goes on to a second text: held-out bits per character, beside a new one (gray).
(i) The table: what was trained, how, and what it is worth on held-out data beside a baseline; means
over the seeds. (j) The recommender completes handwritten digits of which one pixel in five is
unknown (colored): as given, completed, and the truth. (k) The five words whose vectors lie nearest
to a word. (l) A held-out sentence, and the one found to follow it among all held out. (m) Text by
the language model, going on from held-out text (gray).
"""

import math
import platform
import string
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Annotated, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, PyTree
from matplotlib.figure import Figure
from tqdm import tqdm
from tyro.conf import Suppress

import jdescent as jd
from experiments import gallery
from experiments.learners import (
    corpus,
    digits,
    drawing,
    fine_tuning,
    language_model,
    ratings,
    sentences,
    tables,
    words,
)
from experiments.learners.fine_tuning import Comparison
from experiments.learners.problem import Data, Model
from experiments.learners.result import Result
from experiments.learners.seeds import mean_interval
from experiments.report import Number, Numbers, stage
from jdescent import losses, plotting
from jdescent.schedules import cosine


@dataclass(frozen=True)
class Config:
    """Eight learners and how long they learn."""

    seeds: int = 3
    """Trainings of each, from other first parameters on other batches; 2 or more."""
    effort: float = 1.0
    """Share of the steps to take. From 1 on, what is learned must beat its baseline."""
    language: Annotated[language_model.Settings, Suppress] = field(
        default_factory=language_model.Settings
    )
    second: Annotated[fine_tuning.Settings, Suppress] = field(default_factory=fine_tuning.Settings)

    def __post_init__(self) -> None:
        if self.seeds < 2:
            raise ValueError(f"seeds={self.seeds}: an interval needs 2 or more")
        if not 0 < self.effort < math.inf:
            raise ValueError(f"effort={self.effort} must be above 0, and finite")


QUICK = Config(seeds=2, effort=0.02, language=language_model.QUICK, second=fine_tuning.QUICK)


class Row(NamedTuple):
    """Something to learn.

    Attributes:
        method: the optimizer in words.
        optimizer: for how many steps it is given.
        segments: what its steps are cut into, to show progress.
        promise: the score it must reach; by default that of the baseline.
    """

    name: str
    model: Model
    loss: Callable[..., Callable[..., Array]]
    data: Data
    method: str
    optimizer: Callable[[int], jd.Optimizer]
    steps: int
    segments: int = 1
    promise: Callable[[Result], float] = lambda result: result.baseline


class Trained(NamedTuple):
    """What became of a row: everything a seed."""

    row: Row
    parameters: int
    steps: int
    seconds: float
    losses: Float[np.ndarray, "seeds rows"]
    params: PyTree
    results: list[Result]


def rows(config: Config) -> tuple[Row, ...]:
    gpt = config.language
    return (
        Row(
            "linear regression",
            tables.linear(10), losses.mean_squared_error, tables.diabetes(),
            "heavy ball", lambda steps: jd.heavy_ball(0.1, 0.9), 400,
        ),
        Row(
            "logistic regression",
            tables.linear(30), losses.binary_cross_entropy, tables.tumors(),
            "sgd", lambda steps: jd.sgd(0.3), 300,
        ),
        Row(
            "recommender",
            ratings.recommender(16), losses.mean_squared_error, ratings.pixels(4096),
            "adamw, cosine", lambda steps: jd.adamw(cosine(0.02, steps), weight_decay=0.1), 2000,
        ),
        Row(
            "neural network",
            digits.classifier(128), losses.cross_entropy, digits.pictures(64),
            "adam, cosine", lambda steps: jd.adam(cosine(3e-3, steps)), 1500,
            promise=lambda result: 0.97,
        ),
        Row(
            "word vectors",
            words.word2vec(64), losses.skip_gram, words.neighborhoods(512),
            "adam, cosine", lambda steps: jd.adam(cosine(3e-3, steps)), 3000,
        ),
        Row(
            "sentence vectors",
            sentences.encoder(256), losses.contrastive, sentences.neighbors(256),
            "adam, cosine", lambda steps: jd.adam(cosine(3e-3, steps)), 200,
            promise=lambda result: 10 * result.baseline,
        ),
        Row(
            "language model",
            language_model.transformer(len(language_model.help_text().characters), gpt),
            losses.next_token, language_model.reading(language_model.help_text(), gpt),
            "adamw, clipped",
            lambda steps: language_model.optimizer(steps, gpt.rate, gpt.weight_decay),
            gpt.steps, segments=10,
        ),
    )  # fmt: skip


def train(row: Row, config: Config) -> Trained:
    """The one loop: down the loss of batches from random first parameters, a run a seed.

    The seeds run side by side on the devices. A long run is cut into segments to show progress.
    """
    began = time.perf_counter()
    loss = row.loss(row.model.predict)
    segment = math.ceil(config.effort * row.steps / row.segments)
    optimizer = row.optimizer(segment * row.segments)
    keys = jax.random.split(jax.random.key(0), config.seeds)

    def run(start: PyTree, key: Array) -> jd.Trajectory:
        return jd.descend(loss, start, optimizer, segment, batches=row.data.batches, key=key)

    go_on = language_model.side_by_side(run, config.seeds)
    place, seen = jax.jit(jax.vmap(row.model.start))(keys), []
    for _ in tqdm(range(row.segments), desc=f"  {row.name}", disable=None, leave=False):
        place = go_on(place, keys)
        seen.append(np.asarray(place.loss)[:, :-1])
    seconds = time.perf_counter() - began
    of_seed = [jax.tree.map(lambda leaf, i=i: leaf[i], place.params) for i in range(config.seeds)]
    return Trained(
        row,
        sum(leaf.size for leaf in jax.tree.leaves(of_seed[0])),
        segment * row.segments,
        seconds,
        np.concatenate(seen, axis=1),
        jax.device_get(place.params),  # on no device, for whatever comes next
        [row.data.evaluate(params) for params in of_seed],
    )


class Learned(NamedTuple):
    """All rows of the table, and how fine-tuning went beside training from scratch."""

    rows: list[Trained]
    compared: Comparison


def simulate(config: Config) -> Learned:
    trained = []
    table = rows(config)
    for place, row in enumerate(table, start=1):
        with stage(f"{place} of {len(table) + 1}: {row.name}"):
            trained.append(train(row, config))
    with stage(f"{len(table) + 1} of {len(table) + 1}: fine-tuning"):
        began = time.perf_counter()
        sizes = replace(config.language, window=config.second.window, batch=config.second.batch)
        second = language_model.reading(fine_tuning.second_text(), sizes)
        compared = fine_tuning.compare(
            trained[-1].row.model, trained[-1].params, second, config.second
        )
        row = trained[-1].row._replace(name="fine-tuning", steps=config.second.steps)
        trained.append(
            Trained(
                row,
                trained[-1].parameters,
                row.steps,
                time.perf_counter() - began,
                compared.fine_tuned,
                compared.params,
                compared.results(second),
            )
        )
    return Learned(trained, compared)


def numbers(data: Learned, config: Config) -> Numbers:
    """The held-out score of each row, which must reach what the row promises."""
    found = {}
    for row, results in ((trained.row, trained.results) for trained in data.rows):
        first, name = results[0], row.name.replace(" ", "_").replace("-", "_")
        more = first.more
        mean, interval = mean_interval([result.score for result in results])
        # Rounding on another machine may send a run as far off as another seed.
        spread = max(3 * (interval[1] - mean), 0.01 * abs(mean))
        side = "at_least" if first.higher_is_better else "at_most"
        found[name] = Number(
            mean,
            more.get("least_squares") if config.effort >= 1 else None,
            spread,
            f"{row.name}: held-out {first.unit}, mean over {config.seeds} seeds; "
            f"{first.against}: {first.baseline:.4g}",
            interval,
            **({side: row.promise(first)} if config.effort >= 1 else {}),
        )
        if "p_value" in more:
            found[f"{name}_p_value"] = Number(
                max(result.more["p_value"] for result in results),
                None,
                1e-3,
                f"{row.name}: Mann–Whitney's p that related words lie no nearer than random ones, "
                "the largest of all seeds",
                at_most=1e-3 if config.effort >= 1 else None,
            )
    sooner = data.compared.steps_to_equal
    if np.isfinite(sooner).all():
        mean, interval = mean_interval(sooner)
        found["fine_tuning_steps_to_equal"] = Number(
            mean,
            None,
            max(3 * (interval[1] - mean), 0.1 * mean),
            f"steps of fine-tuning that do what {config.second.steps} steps from scratch do",
            interval,
            at_most=config.second.steps / 2 if config.effort >= 1 else None,
        )
    return found


HEAD = ("", "parameters", "loss", "optimizer", "held-out score", "baseline")


def table(data: Learned) -> list[tuple[str, ...]]:
    """A row of words and numbers for each thing learned."""
    cells: list[tuple[str, ...]] = []
    for trained in data.rows:
        row, results = trained.row, trained.results
        score = np.mean([result.score for result in results])
        cells.append(
            (
                row.name,
                f"{trained.parameters:,}",
                row.loss.__name__.replace("_", " "),
                row.method,
                f"{score:.3g} {results[0].unit}",
                f"{results[0].baseline:.3g} ".replace("-", "−") + results[0].against,
            )
        )
    return cells


def shown(data: Learned, config: Config) -> str:
    """The table with steps and seconds, and what the first seed of each learned, in Markdown."""
    head = (*HEAD, "steps", "seconds")
    lines = [gallery.table_row(head), gallery.table_row(("---",) * len(head))]
    for trained, cells in zip(data.rows, table(data), strict=True):
        lines.append(gallery.table_row((*cells, f"{trained.steps:,}", f"{trained.seconds:.0f}")))
    for trained in data.rows:
        result = trained.results[0]
        lines += ["", f"**{trained.row.name}**", ""]
        lines += [f"- `{text!r}`" if "\n" in text else f"- {text}" for text in result.shown]
        lines += [
            f"- {name.replace('_', ' ')}: {value:.4g}"
            for name, value in (result.more or {}).items()
        ]
    lines += ["", f"Text: SHA-256 {corpus.text_hash()}, Python {platform.python_version()}."]
    return "\n".join(lines)


def plot(data: Learned, config: Config) -> Figure:
    learned = {trained.row.name: trained for trained in data.rows}
    letters = string.ascii_lowercase
    layout = [
        [[list(letters[0:4])]],
        [[list(letters[4:8])]],
        [[["table"]]],
        [[["completed", "neighbors"]]],
        [[["sentences", "text"]]],
    ]
    heights = [1, 1, 1.5, 1, 1.2]
    with plotting.panels(layout, height=7.8, height_ratios=heights) as (figure, axes):
        for letter, trained in zip(letters, data.rows[:-1], strict=False):
            drawing.draw_losses(axes[letter], letter, trained.row.name, trained.losses)
        drawing.draw_fine_tuning(axes["h"], data.compared)
        drawing.draw_table(axes["table"], HEAD, table(data))
        drawing.draw_completed(
            axes["completed"], jax.tree.map(lambda leaf: leaf[0], learned["recommender"].params)
        )
        drawing.draw_text(axes["neighbors"], learned["word vectors"].results[0].shown)
        drawing.draw_text(axes["sentences"], learned["sentence vectors"].results[0].shown)
        given, continued = learned["language model"].results[0].shown
        drawing.draw_text(axes["text"], (given, continued), ("0.5", "black"))
        for name, letter, words in (
            ("table", "i", "the table"),
            ("completed", "j", "digits completed"),
            ("neighbors", "k", "the words nearest to a word"),
            ("sentences", "l", "a sentence, and the next one found"),
            ("text", "m", "text by the language model"),
        ):
            plotting.title(axes[name], letter, words)
    return figure
