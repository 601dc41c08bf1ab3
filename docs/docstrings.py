"""How jdescent's docstrings are read by mkdocstrings: an extension of griffe.

What is put into a docstring when the module runs, the arguments of an optimizer, is taken from
there; headings that griffe does not know become words.
"""

import importlib
import inspect
import re
from typing import Any

import griffe

from jdescent.core import hyperparameters_of

HEADINGS = re.compile(r"^(Reference|Differs from):[ \n]+", re.MULTILINE)
STAR = re.compile(r"(?<=[\w)\]])\*(?=[\s,.;:)²‖]|$)")


class Docstrings(griffe.Extension):
    """Reads every docstring of the package anew."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        thing = at_run_time(obj)
        if obj.docstring is not None:
            obj.docstring.value = for_griffe(inspect.getdoc(thing) or obj.docstring.value)
        if obj.is_function and thing is not None and hyperparameters_of(thing):
            for parameter in obj.parameters:  # the table says it in words
                parameter.annotation = None


def at_run_time(obj: griffe.Object) -> Any:
    """A function with a decorator, which griffe has not run; None for everything else."""
    if not (obj.is_function and obj.decorators and obj.parent is obj.module):
        return None
    return getattr(importlib.import_module(obj.module.path), obj.name)


def for_griffe(text: str) -> str:
    """The same docstring with sections that griffe knows, and x* with a star in Markdown."""
    text = re.sub(r"^Example:", "Examples:", text, flags=re.MULTILINE)
    parts = re.split(r"^((?:Reference|Differs from):)(.*?)(?=\n\n|\Z)", text, flags=re.M | re.S)
    for at in range(1, len(parts), 3):
        words = " ".join(parts[at + 1].split())
        parts[at : at + 2] = [f"**{parts[at].rstrip(':')}**", f" {words}"]
    return "\n".join(map(escaped, "".join(parts).split("\n")))


def escaped(line: str) -> str:
    return line if line.startswith("    ") else STAR.sub(r"\\*", line)
