"""Fine-tuning: a GPT that has read the help on Python goes on to the manual of `statistics`.

The second text is small, the docstrings of one module (18 kB in Python 3.11). Two models descend
the same loss on it, with the same optimizer, rate, batches and number of steps. One starts from
what it learned of the help, the other from random weights. The rate was chosen for the latter, for
which it is better than 0.0015 and 0.004.
"""

import ast
import functools
import hashlib
import inspect
import random
import statistics
from dataclasses import dataclass, replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

import jdescent as jd
from experiments.one_loop import language_model
from experiments.one_loop.language_model import Text, Transformer
from experiments.one_loop.learner import Data, Model, Result


@dataclass(frozen=True)
class Settings:
    """The training on the second text, the same from both starts."""

    window: int = 64
    batch: int = 4
    steps: int = 300
    rate: float = 2.5e-3
    weight_decay: float = 0.1
    every: int = 20
    """Steps between looks at the held-out text."""


QUICK = Settings(window=16, steps=40)


@functools.cache
def docstrings() -> str:
    """Those of `statistics`, each once, shuffled: so that those held out are like the others."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    code = ast.parse(inspect.getsource(statistics))
    found = [ast.get_docstring(node) for node in ast.walk(code) if isinstance(node, documented)]
    texts = list(dict.fromkeys(text for text in found if text))
    random.Random(0).shuffle(texts)
    return "\n\n".join(texts)


def docstrings_hash() -> str:
    """The SHA-256 of `docstrings()` in UTF-8, in hexadecimal: they differ between Pythons."""
    return hashlib.sha256(docstrings().encode()).hexdigest()


@functools.cache
def second_text() -> Text:
    """The docstrings in the characters of the help; the few that the help lacks are left out."""
    return language_model.split(docstrings(), language_model.help_text().characters, held_out=0.15)


class Comparison(NamedTuple):
    """Bits per character of what is held out of the second text, for each seed.

    Attributes:
        steps: at which it was looked at.
        fine_tuned, from_scratch: the bits there.
        params: the fine-tuned weights at the end.
    """

    steps: Int[np.ndarray, " looks"]
    fine_tuned: Float[np.ndarray, "seeds looks"]
    from_scratch: Float[np.ndarray, "seeds looks"]
    params: Transformer

    @property
    def steps_to_equal(self) -> Float[np.ndarray, " seeds"]:
        """Steps of fine-tuning until it is where the same seed from scratch ends."""
        ends = self.from_scratch[:, -1]
        pairs = zip(self.fine_tuned, ends, strict=True)
        return np.array([first_crossing(self.steps, bits, end) for bits, end in pairs])

    def results(self, data: Data) -> list[Result]:
        """What each fine-tuned model is worth beside the one from scratch."""
        evaluated = [
            data.evaluate(jax.tree.map(lambda leaf, i=seed: leaf[i], self.params))
            for seed in range(len(self.fine_tuned))
        ]
        return [
            replace(
                result,
                baseline=float(scratch),
                against="from scratch",
                more={"5-gram": result.baseline, "steps to equal": float(steps)},
            )
            for result, scratch, steps in zip(
                evaluated, self.from_scratch[:, -1], self.steps_to_equal, strict=True
            )
        ]


def first_crossing(steps: np.ndarray, values: np.ndarray, goal: float) -> float:
    """Where a curve first falls to the goal, straight between its points; inf if it never does."""
    reached = np.flatnonzero(values <= goal)
    if not reached.size:
        return np.inf
    looks = slice(max(reached[0] - 1, 0), reached[0] + 1)
    return float(np.interp(-goal, -values[looks], steps[looks]))


def compare(model: Model, pretrained: Transformer, data: Data, settings: Settings) -> Comparison:
    """Train on the second text from pretrained weights, a seed a row, and from as many new ones."""
    text = second_text()
    before, held_out = jnp.asarray(text.train), jnp.asarray(text.held_out)

    def look(point: jd.Point) -> Array:
        return language_model.held_out_bits(point.params, before, held_out, settings.window)

    def read(start: Transformer, key: PRNGKeyArray) -> jd.Trajectory:
        return jd.descend(
            jd.losses.next_token(model.predict),
            start,
            language_model.optimizer(settings.steps, settings.rate, settings.weight_decay),
            settings.steps,
            batches=data.batches,
            key=key,
            every=settings.every,
            record=look,
        )

    seeds = len(pretrained.head)
    keys = jax.random.split(jax.random.key(1), seeds)
    starts = jax.tree.map(
        lambda *both: jnp.concatenate(both), pretrained, jax.vmap(model.start)(keys)
    )
    runs = language_model.side_by_side(read, 2 * seeds)(starts, jnp.concatenate([keys, keys]))
    fine_tuned, from_scratch = np.split(np.asarray(runs.record), 2)
    params = jax.tree.map(lambda leaf: np.asarray(leaf)[:seeds], runs.params)
    return Comparison(np.asarray(runs.steps), fine_tuned, from_scratch, params)
