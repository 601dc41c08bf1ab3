"""The pages of the API: every public name, explained by its docstring."""

from collections.abc import Iterable, Iterator

from docs import public
from docs.families import page_of, title

FOLDER = "api"
OF_MODULES = """    options:
        members: false
        show_root_heading: false
        show_root_toc_entry: false
"""


def pages() -> dict[str, str]:
    """A page for the package and one for each public module, the playground's among them."""
    inner = {
        page_name(name): page(name, public.names_of(m)) for name, m in public.modules().items()
    }
    return {page_name(public.TOP): page(public.TOP, public.at_the_top()), **inner}


def page_name(module: str) -> str:
    return f"{FOLDER}/{module.removeprefix(public.TOP + '.')}.md"


def navigation() -> list[dict[str, str]]:
    names = (public.TOP, *public.modules())
    return [{name.removeprefix(public.TOP + "."): page_name(name)} for name in names]


def page(module: str, names: Iterable[str]) -> str:
    defined = module if module == public.TOP else public.modules()[module].__name__
    head = f'<a id="{module}"></a>\n\n# {module}\n\n::: {defined}\n{OF_MODULES}\n'
    return "\n".join([head, *entries(module, names)])


def entries(module: str, names: Iterable[str]) -> Iterator[str]:
    """What is explained here, and before it what stands elsewhere."""
    here, elsewhere = [], []
    for name in names:
        is_here = module == public.TOP or not public.is_at_the_top(f"{module}.{name}")
        (here if is_here else elsewhere).append(name)
    if elsewhere:
        links = (
            f"[`{name}`](jdescent.md#{public.TOP}.{name}){{#{module}.{name}}}" for name in elsewhere
        )
        yield f"Under `jdescent` itself: {', '.join(links)}.\n"
    if module == public.TOP:
        families = (f"[{title(name)}](../{page_of(name)})" for name in public.families())
        yield f"The optimizers, by family: {', '.join(families)}.\n"
    for name in here:
        yield public.entry(f"{module}.{name}")
