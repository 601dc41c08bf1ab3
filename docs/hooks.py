"""What MkDocs calls while it builds: adds the generated pages, and draws formulas."""

from pathlib import Path

from mkdocs.structure.files import File

from docs import api, families, figures, including, links, mathematics, notebook
from jdescent_playground.lecture import lecture

GENERATED = {"FAMILIES": families, "FIGURES": figures, "API": api}
LECTURE = "assets/lecture.html"
FOLDER = Path(__file__).parent


def on_config(config):
    """A name in capitals in the navigation stands for generated pages; files have no page 404."""
    config.theme.static_templates.discard("404.html")
    config.nav = [
        {
            name: GENERATED[entry].navigation()
            if isinstance(entry, str) and entry in GENERATED
            else entry
        }
        for part in config.nav
        for name, entry in part.items()
    ]
    return config


def on_files(files, config):
    """Adds the pages and pictures that are in no folder of MkDocs."""
    texts = {notebook.PAGE: notebook.page(), LECTURE: lecture()}
    for module in GENERATED.values():
        texts |= module.pages()
    for name, text in texts.items():
        files.append(File.generated(config, name, content=text))
    shots = {f"assets/playground/{path.name}": path for path in FOLDER.glob("*.png")}
    for name, path in (figures.pictures() | shots | mathematics.font()).items():
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown, page, config, files):
    return including.included(markdown, page.file.src_uri)


def on_page_content(html, page, config, files):
    return mathematics.drawn(html)


def on_post_build(config):
    """A link that leads nowhere, or a public name with no place, fails the build."""
    problems = links.problems(Path(config.site_dir))
    if problems:
        raise SystemExit("\n".join(problems))
