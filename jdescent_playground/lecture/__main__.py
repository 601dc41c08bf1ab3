"""``python -m jdescent_playground.lecture [FOLDER]`` writes the lecture, ``index.html``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from jdescent_playground.lecture import lecture


def main(arguments: Sequence[str] | None = None) -> None:
    """Compute every run of the lecture and write the page."""
    parser = argparse.ArgumentParser(
        prog="python -m jdescent_playground.lecture",
        description="Compute the lecture's runs and write it as one page that needs no server.",
    )
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path("docs/lecture"), help="default: %(default)s"
    )
    folder = parser.parse_args(arguments).folder.expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    page = lecture(lambda name: print(f"computing: {name}", file=sys.stderr, flush=True))
    (folder / "index.html").write_text(page, encoding="utf-8")
    print(f"wrote {folder / 'index.html'}, {len(page.encode()) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
