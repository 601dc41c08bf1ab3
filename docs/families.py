"""The pages of the optimizers, a family a page: from their code and from what is on record."""

import functools
import importlib
import inspect
import re
from collections.abc import Iterator

from docs import public
from docs.tables import Rows, shown
from experiments.common.markdown import table
from experiments.common.papers import cases

FOLDER = "optimizers"
INDEX = f"{FOLDER}/index.md"
SPELLED = {"lbfgs": "L-BFGS", "nadam": "NAdam", "radam": "RAdam"}
HEAD = """# Optimizers

{families} families, a file and a page each. Every optimizer is its paper's equations in the
paper's symbols; the columns say up to which rate it is stable on ½λx², the memory it keeps, what
it reads beside the gradient, and how far its path is from the paper's algorithm, transcribed apart
in NumPy, and from optax. What each of these means is told in [Stability](../theory/stability.md)
and in [How it is proved](../proof.md).

"""
IN_GALLERY = re.compile(r"\(README\.md#([\w-]+)\)")
FIRST_CELL = re.compile(r"^\| (\w+)(?=[ ,])", re.MULTILINE)
MEMORY_PATH = re.compile(r"[\"']\.memory\['(\w+)'\][\"']")
COLUMNS = ("optimizer", "largest stable ηλ", "memory", "reads", "its paper", "optax")


def pages() -> dict[str, str]:
    """The table of all of them and a page a family."""
    found = public.families()
    return {INDEX: index()} | {page_of(name): page(name, names) for name, names in found.items()}


def navigation() -> list[str | dict[str, str]]:
    return [INDEX, *({title(name): page_of(name)} for name in public.families())]


def page_of(family: str) -> str:
    return f"{FOLDER}/{family}.md"


def linked(text: str, up: str) -> str:
    """Tables whose rows begin with optimizers' names, with links to them and to other figures."""
    text = IN_GALLERY.sub(lambda link: f"({up}figures/{link[1].replace('-', '_')}.md)", text)
    found = {name: family for family, names in public.families().items() for name in names}
    return FIRST_CELL.sub(
        lambda row: (
            f"| [{row[1]}]({up}{page_of(found[row[1]])}#{row[1]})" if row[1] in found else row[0]
        ),
        text,
    )


def title(family: str) -> str:
    return SPELLED.get(family, family.replace("_", " ").capitalize())


def summary(family: str) -> str:
    """The first sentence of the family's file."""
    module = importlib.import_module(f"jdescent.optimizers.{family}")
    return " ".join((inspect.getdoc(module) or "").partition("\n\n")[0].split())


def index() -> str:
    families = public.families()
    parts = [HEAD.format(families=len(families))]
    for family, names in families.items():
        parts.append(f"## [{title(family)}]({family}.md)\n\n{summary(family)}\n\n")
        parts.append(table(COLUMNS, (index_row(family, name) for name in names)) + "\n\n")
    return "".join(parts)


def index_row(family: str, name: str) -> tuple[str, ...]:
    of_paper = facts_of(name)
    limit = stability().get(name, [{}])[0].get("largest stable ηλ", "")
    facts = (of_paper.get(head, "") for head in (MEMORY, READS, PAPER, OPTAX))
    return f"[{name}]({family}.md#{name})", limit, *facts


READS, MEMORY = "reads beside the gradient", "memory a parameter"
PAPER, OPTAX = "beside its paper", "optax beside it"


@functools.cache
def catalog() -> Rows:
    return shown("conformance", "source")


@functools.cache
def distances() -> Rows:
    return shown("conformance", "beside")


@functools.cache
def stability() -> Rows:
    return shown("stability_of_optimizers", "largest stable ηλ")


def facts_of(name: str) -> dict[str, str]:
    return catalog().get(name, [{}])[0]


def page(family: str, names: list[str]) -> str:
    head = f"# {title(family)}\n\n{summary(family)}\n\n`jdescent/optimizers/{family}.py`\n\n"
    return head + "\n".join(entry(name) for name in names)


def entry(name: str) -> str:
    """The optimizer's docstring, and what is known of it."""
    return f"{public.entry(f'{public.TOP}.{name}')}\n{known(name)}\n"


def known(name: str) -> str:
    rows = [*stability_rows(name), *conformance_rows(name)]
    return table(("on record", ""), rows) + "\n\n" + beside_others(name) if rows else ""


def stability_rows(name: str) -> Iterator[tuple[str, str]]:
    for row in stability().get(name, []):
        label = "largest stable ηλ" + ", v = 1 held" * row["optimizer"].endswith("v = 1")
        limit, measured = row["largest stable ηλ"], row["measured"]
        word = "; " if "stays within" in measured else ", measured "
        told = f"{limit}{word}{measured}" if measured else limit
        why = MEMORY_PATH.sub(r"\1", row["in words"])
        yield f"[{label}](../theory/stability.md)", f"{told} ({why})"


def conformance_rows(name: str) -> Iterator[tuple[str, str]]:
    facts = facts_of(name)
    for head in (READS, MEMORY):
        if facts.get(head):
            yield head, facts[head]
    if facts:
        where = f"`experiments/common/papers/{transcribed_in(name)}.py`"
        yield "[its path beside its paper's](../conformance.md)", f"{facts[PAPER]}; {where}"


def transcribed_in(name: str) -> str:
    """The file that holds the paper's algorithm in NumPy."""
    found = (case.paper for case in cases() if case.optimizer == name and case.paper is not None)
    return public.module_of(inspect.unwrap(getattr(function := next(found), "func", function)))


def beside_others(name: str) -> str:
    """Libraries' distances and their causes, to unfold."""
    others = [row for row in distances().get(name, []) if row["beside"] != "paper"]
    if not others:
        return ""
    heads = ("beside", "settings", "distance", "cause")
    rows = table(heads, ([row[head] for head in heads] for row in others))
    indented = "\n".join(f"    {line}" for line in rows.splitlines())
    return f'??? info "Beside other libraries"\n\n{indented}\n'
