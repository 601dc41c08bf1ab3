"""Regenerate the figures of jdescent, or check them.

Without a NAME, all of them. Each experiment writes NAME.pdf, NAME.png and NAME.json (the headline
numbers beside their theory, the settings, versions, device and commit).
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

import jdescent as jd
from experiments import NAMES
from experiments.common import gallery, report


@dataclass(frozen=True)
class Options:
    """What applies to every experiment."""

    out: Path = report.FIGURES
    """Folder that the figures are written to, or compared with."""
    check: bool = False
    """Draw nothing: rerun with the settings on record there, compare the headline numbers with
    those on record and with theory, and exit with status 1 on a miss."""
    quick: bool = False
    """Small sizes, for trying out; needs an --out of its own."""


def main(arguments: list[str], prog: str = "python -m experiments") -> int:
    jd.use_all_cores()
    if arguments and not arguments[0].startswith("-"):
        name, *rest = arguments
        if name not in NAMES:
            print(
                f"no experiment is called {name}: choose from {', '.join(NAMES)}", file=sys.stderr
            )
            return 2
        options, config = parse_one(name, rest, prog)
        return execute({name: config}, options)
    description = f"{__doc__}\n\nNAMES: {', '.join(NAMES)}; `{prog} NAME --help`."
    options = tyro.cli(
        Options,
        args=arguments,
        prog=f"{prog} [NAME]",
        description=description,
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    return execute(dict.fromkeys(NAMES), options)


def parse_one(
    name: str, arguments: list[str], prog: str = "python -m experiments"
) -> tuple[Options, Any]:
    """The options and the experiment's own settings, with one --help for both."""
    experiment = report.load(name)
    settings = experiment.QUICK if "--quick" in arguments else experiment.Config()

    def command(options: Options, config: experiment.Config = settings):
        return options, config

    return tyro.cli(
        command,
        args=arguments,
        prog=f"{prog} {name}",
        description=experiment.__doc__,
        config=(tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff),
    )


def execute(configs: dict, options: Options) -> int:
    if options.quick and options.out == report.FIGURES:
        print(
            "--quick figures are not the ones on record: name a folder with --out", file=sys.stderr
        )
        return 2
    misses = []
    for place, (name, config) in enumerate(configs.items(), start=1):
        print(f"[{place}/{len(configs)}] {name}", file=sys.stderr)
        experiment = report.load(name)
        if options.check:
            misses += report.check(name, options.out)
        else:
            config = config or (experiment.QUICK if options.quick else experiment.Config())
            misses += report.run(name, config, options.out)
    if not options.check:
        print(f"gallery: {gallery.write_gallery(options.out)}", file=sys.stderr)
    for miss in misses:
        print(f"MISS {miss}", file=sys.stderr)
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
