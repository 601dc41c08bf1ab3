"""The notebook as a page: its cells, and what they print and draw when they run."""

from collections.abc import Iterator
from pathlib import Path

import nbclient
import nbformat

FILE = "sweep.ipynb"
PAGE = "notebook.md"
PATH = Path(__file__).parent / "pages" / FILE
HEAD = f"*This page is [a notebook]({FILE}), run when the site was built.*\n"


def page() -> str:
    return "\n".join([HEAD, *map(cell, executed().cells)])


def executed() -> nbformat.NotebookNode:
    """The notebook after a fresh kernel has run it from top to bottom.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell ended with an error.
    """
    notebook = nbformat.read(PATH, as_version=4)
    nbformat.validate(notebook)
    client = nbclient.NotebookClient(notebook, timeout=300, coalesce_streams=True)
    client.create_kernel_manager().transport = "ipc"  # no port is opened
    return client.execute()


def cell(node: nbformat.NotebookNode) -> str:
    if node.cell_type == "markdown":
        return f"{node.source}\n"
    outputs = "\n".join(line for output in node.outputs for line in shown(output))
    return f"```python\n{node.source}\n```\n\n{outputs}\n"


def shown(output: nbformat.NotebookNode) -> Iterator[str]:
    """An output in Markdown: text as it is, a picture within the page; progress is left out."""
    data = output.get("data", {})
    if output.get("name") == "stderr":
        return
    if "image/png" in data:
        picture = "".join(data["image/png"].split())
        yield f"![what the cell draws](data:image/png;base64,{picture})\n"
    else:
        text = output.get("text") or data.get("text/plain", "")
        yield f"```text\n{text.rstrip()}\n```\n"
