"""One loop, eight things learned: only the model, the loss and the data change.

(a–g) The loss of the batches, averaged over a hundredth of the steps, a curve a seed. (h) The
language model goes on to a second text: held-out bits per character, beside a new one (gray). (i)
The table: what was trained, how, and what it is worth on held-out data, means over the seeds,
beside the best simple method on the same data. To look up neighbors is better than what the
recommender and the neural network learned, and to count words better than the sentence vectors. (j)
The recommender completes handwritten digits of which one pixel in five is unknown (colored): as
given, completed, and the truth. (k) The five words whose vectors lie nearest to a word. (l) A
held-out sentence, and the one found to follow it among all held out. (m) Text by the language
model, going on from held-out text (gray).
"""

import math
import platform
import string
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float, PyTree
from matplotlib.figure import Figure
from tqdm import tqdm
from tyro.conf import Suppress

import jdescent as jd
from experiments.common import gallery, number
from experiments.common.number import Baseline, Number, Numbers
from experiments.common.report import stage
from experiments.common.statistics import Estimate, geometric_mean, mean_share, positive_mean
from experiments.one_loop import (
    classifier,
    corpus,
    drawing,
    fine_tuning,
    language_model,
    linear_models,
    ratings,
    sentences,
    words,
)
from experiments.one_loop.fine_tuning import Comparison
from experiments.one_loop.problem import Data, Model
from experiments.one_loop.result import Result
from jdescent import losses, plotting
from jdescent.schedules import cosine


@dataclass(frozen=True)
class Config:
    """Eight learners and how long they learn."""

    seeds: int = 3
    """Trainings of each, from other first parameters on other batches; 2 or more."""
    effort: float = 1.0
    """Share of the steps to take. From 1 on, what is learned must beat what it promises to."""
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
        promise: what its score must beat; by default the best simple method.
        random: whether seeds differ in anything, first parameters or batches.
    """

    name: str
    model: Model
    loss: Callable[..., Callable[..., Array]]
    data: Data
    method: str
    optimizer: Callable[[int], jd.Optimizer]
    steps: int
    segments: int = 1
    promise: Callable[[Result], Baseline] = lambda result: result.best
    random: bool = True


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
            linear_models.linear(10), losses.mean_squared_error, linear_models.diabetes(),
            "heavy ball", lambda steps: jd.heavy_ball(0.1, 0.9), 400, random=False,
        ),
        Row(
            "logistic regression",
            linear_models.linear(30), losses.binary_cross_entropy, linear_models.tumors(),
            "sgd", lambda steps: jd.sgd(0.3), 300, random=False,
        ),
        Row(
            "recommender",
            ratings.recommender(16), losses.mean_squared_error, ratings.pixels(4096),
            "adamw, cosine", lambda steps: jd.adamw(cosine(0.02, steps), weight_decay=0.1), 2000,
            promise=lambda result: Baseline(result.against, result.baseline),
        ),
        Row(
            "neural network",
            classifier.classifier(128), losses.cross_entropy, classifier.pictures(64),
            "adam, cosine", lambda steps: jd.adam(cosine(3e-3, steps)), 1500,
            promise=lambda result: Baseline(
                "softmax regression", result.more["softmax_regression"]
            ),
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
            promise=lambda result: Baseline(
                "untrained vectors", result.more["recall_at_10_untrained"]
            ),
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
    """The held-out score of each row, which must beat what the row promises to."""
    found: Numbers = {}
    for row, results in ((trained.row, trained.results) for trained in data.rows):
        name = row.name.replace(" ", "_").replace("-", "_")
        found[name] = score_number(row, results, config)
        if "p_value" in results[0].more:
            found[f"{name}_p_value"] = p_value_number(row, results, config)
    sooner = data.compared.steps_to_equal
    if np.isfinite(sooner).all():
        found["fine_tuning_steps_to_equal"] = from_full_effort(
            number.below, config, geometric_mean(sooner), float(config.second.steps),
            f"steps of fine-tuning that do what {config.second.steps} steps from scratch do, "
            "geometric mean",
            why="were the first text no help",
        )  # fmt: skip
    return found


def score_number(row: Row, results: list[Result], config: Config) -> Number:
    first = results[0]
    scores = [result.score for result in results]
    promised = row.promise(first)
    what = f"{row.name}: held-out {first.unit}; {first.against}: {first.baseline:.4g}"
    if not row.random:
        return deterministic_number(row, first, what, config)
    estimate = mean_share(scores) if first.higher_is_better else positive_mean(scores)
    return from_full_effort(
        number.above if first.higher_is_better else number.below, config, estimate, promised.score,
        f"{what}, mean over {config.seeds} seeds", why=promised.name, baseline=first.best,
    )  # fmt: skip


def deterministic_number(row: Row, result: Result, what: str, config: Config) -> Number:
    """All seeds are one run: least squares, where algebra knows them, or what is promised."""
    only = Estimate(result.score, 0.0, None)
    if "least_squares" in result.more:
        return number.theory(
            only,
            result.more["least_squares"],
            4 * result.more["distance_to_least_squares"],
            "four times what is left of the way of θ to least squares: R² moves by less than twice "
            "that times the root of the largest curvature, 2",
            f"{what}; theory: least squares",
            baseline=result.best,
            signed=True,
        )
    promised = row.promise(result)
    return from_full_effort(
        number.above, config, only, promised.score, what, why=promised.name, baseline=result.best
    )


def p_value_number(row: Row, results: list[Result], config: Config) -> Number:
    largest = max(result.more["p_value"] for result in results)
    what = (
        f"{row.name}: Mann–Whitney's p that related words lie no nearer than random ones, the "
        "largest of all seeds"
    )
    if config.effort < 1:
        return number.regression(
            largest, what, tolerance=largest / 2, why="half of it: less effort promises nothing"
        )
    why = "one in a thousand; vectors that know nothing, at ½ on average, would miss it"
    return number.bound(largest, why, what, at_most=1e-3, missed_by=0.5)


def from_full_effort(
    kept: Callable[..., Number], config: Config, estimate: Estimate, limit: float, what: str,
    **also: Any,
) -> Number:  # fmt: skip
    """The bound, from full effort on; less promises nothing."""
    if config.effort >= 1:
        return kept(estimate, limit, what, **also)
    return number.regression(estimate, what, baseline=also.get("baseline"))


HEAD = ("", "parameters", "loss", "optimizer", "held-out score", "best simple method")


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
                f"{results[0].best.score:.3g} {results[0].best.name}",
            )
        )
    return cells


def shown(data: Learned, config: Config) -> str:
    """The table with steps and seconds, and what the first seed of each learned, in Markdown."""
    head = (*HEAD, "with little or no learning", "steps", "seconds")
    lines = [gallery.table_row(head), gallery.table_row(("---",) * len(head))]
    for trained, cells in zip(data.rows, table(data), strict=True):
        least = f"{trained.results[0].baseline:.3g} {trained.results[0].against}"
        cells = (*cells, least.replace("-0", "−0"), f"{trained.steps:,}", f"{trained.seconds:.0f}")
        lines.append(gallery.table_row(cells))
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
