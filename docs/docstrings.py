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

SECTION = re.compile(r"^(Reference|Differs from):(.*?)(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)
EMPHASIS_OR_STAR = re.compile(r"((?<!\w)\*{1,2}\w[^*\n]*\*{1,2})|(?<=[\w)\]])\*(?=[\s,.;:)²‖]|$)")


class Docstrings(griffe.Extension):
    """Reads every docstring of the package anew."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        thing = at_run_time(obj)
        if obj.docstring is not None:
            obj.docstring.value = for_griffe(inspect.getdoc(thing) or obj.docstring.value)
        if obj.is_function and thing is not None and hyperparameters_of(thing):
            for parameter in obj.parameters:  # the table says it in words
                parameter.annotation = None

    def on_class_members(self, *, cls: griffe.Class, **_: Any) -> None:
        """Names the fields of a class whose docstring does not."""
        fields = [
            name
            for name, member in cls.members.items()
            if member.is_attribute and not name.startswith("_") and "property" not in member.labels
        ]
        if cls.docstring is not None and fields and "Attributes:" not in cls.docstring.value:
            named = ", ".join(f"`{name}`" for name in fields)
            first, _, rest = cls.docstring.value.partition("\n\n")
            cls.docstring.value = "\n\n".join([first, f"Fields: {named}.", rest])


def at_run_time(obj: griffe.Object) -> Any:
    """A function with a decorator, which griffe has not run; None for everything else."""
    if not (obj.is_function and obj.decorators and obj.parent is obj.module):
        return None
    return getattr(importlib.import_module(obj.module.path), obj.name)


def for_griffe(text: str) -> str:
    """The same docstring with sections that griffe knows, and x* with a star in Markdown."""
    text = re.sub(r"^Example:", "Examples:", text, flags=re.MULTILINE)
    text = re.sub(r"::$", ":", text, flags=re.MULTILINE)
    text = SECTION.sub(lambda part: f"**{part[1]}** {' '.join(part[2].split())}", text)
    return "\n".join(map(escaped, text.split("\n")))


def escaped(line: str) -> str:
    """The line with its stars as stars, where it is no code and they are no emphasis."""
    if line.startswith("    "):
        return line
    return EMPHASIS_OR_STAR.sub(lambda found: found[1] or r"\*", line)
