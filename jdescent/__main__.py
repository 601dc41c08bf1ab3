"""The command ``jdescent``: figures, report cards, and the playground."""

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import jdescent

USAGE = """usage: jdescent figures [NAME] [--out FOLDER] [--check] [--quick] [SETTING …]
       jdescent report OPTIMIZER [--set NAME=VALUE] [--against NAME,NAME]
                       [--out FOLDER] [--thorough] [--fail-under FILE]
       jdescent play [--port PORT] [--address ADDRESS] [--allow-host HOST]
                     [--no-browser]
       jdescent [--help | --version]

  figures    make the figure NAME, or all of them; `jdescent figures --help` says which there are
  report     put an optimizer, the library's or your own, to every trial and write its
             card; `jdescent report --help` says more
  play       descend in the browser; `jdescent play --help` says more
  --help     show this
  --version  show the version

jdescent is above all a library: `import jdescent as jd`, then `help(jd.descend)`."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a subcommand; without one, say which there are."""
    command, *rest = [*(sys.argv[1:] if arguments is None else arguments), ""]
    if command in ("", "-h", "--help"):
        print(USAGE)
    elif command in ("-V", "--version"):
        print(f"jdescent {jdescent.__version__}")
    elif command in COMMANDS:
        run(command, rest[:-1])
    else:
        raise SystemExit(f"jdescent has no command {command!r}\n{USAGE}")


def run(command: str, arguments: list[str]) -> None:
    """A subcommand, whose libraries may be missing."""
    try:
        COMMANDS[command](arguments)
    except ModuleNotFoundError as error:
        extra = EXTRAS[command]
        raise SystemExit(
            f"`jdescent {command}` needs {error.name}: pip install 'jdescent[{extra}]'"
        ) from error


def play(arguments: list[str]) -> None:
    import jdescent_playground

    jdescent_playground.main(arguments)


def figures(arguments: list[str]) -> None:
    """Run the experiments: those of this clone, or those that the wheel brought along."""
    here = Path(jdescent.__file__).parent
    bundled = here / "bundled"
    sys.path.insert(0, str(bundled if bundled.exists() else here.parent))
    experiments = importlib.import_module("experiments.__main__")
    sys.exit(experiments.main(arguments, prog="jdescent figures"))


def report(arguments: list[str]) -> None:
    command = importlib.import_module("jdescent.report_card.command")
    sys.exit(command.main(arguments))


COMMANDS: Mapping[str, Callable[[list[str]], None]] = {
    "figures": figures, "play": play, "report": report,
}  # fmt: skip
EXTRAS = {"figures": "figures", "play": "playground", "report": "test"}

if __name__ == "__main__":
    main()
