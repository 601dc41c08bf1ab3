"""The command ``jdescent``: ``jdescent play`` opens the playground."""

import sys
from collections.abc import Sequence

import jdescent

USAGE = """usage: jdescent play [--port PORT] [--address ADDRESS] [--allow-host HOST]
                     [--no-browser]
       jdescent [--help | --version]

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
    elif command == "play":
        import jdescent_playground

        try:
            jdescent_playground.main(rest[:-1])
        except ModuleNotFoundError as error:
            raise SystemExit(
                f"the playground needs {error.name}: pip install 'jdescent[playground]'"
            ) from error
    else:
        raise SystemExit(f"jdescent has no command {command!r}\n{USAGE}")


if __name__ == "__main__":
    main()
