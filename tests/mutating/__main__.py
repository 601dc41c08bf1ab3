"""Try a sample of faults, and print those that no test noticed."""

import argparse
import difflib
import functools
import sys
from collections import Counter, defaultdict
from pathlib import Path

from mutating.mutants import Mutant, mutants, sample
from mutating.suites import MODULES, suite_of
from mutating.trying import (
    ROOT,
    SECONDS_AT_LEAST,
    Outcome,
    copy_of_the_repository,
    import_what_all_need,
    tried,
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m mutating", description=__doc__)
    parser.add_argument(
        "--module", action="append", metavar="NAME", help=f"{', '.join(MODULES)}, or a file"
    )
    parser.add_argument("--count", type=int, default=20, help="of each module; default: 20")
    parser.add_argument("--seed", type=int, default=0, help="of the sample; default: 0")
    options = parser.parse_args()
    modules = {name: files_of(name) for name in options.module or MODULES}
    import_what_all_need()
    ended: dict[str, Counter] = defaultdict(Counter)
    with copy_of_the_repository() as folder:
        for name, files in modules.items():
            found = [one for file in files for one in mutants(file)]
            chosen = sample(found, options.count, options.seed)
            print(f"{name}: {len(chosen)} of {len({(m.file, m.place) for m in found})} places")
            for mutant in chosen:
                outcome = put_to_the_test(mutant, folder)
                ended[name][outcome.word] += 1
                print(told(mutant, outcome), flush=True)
    for name, words in ended.items():
        noticed = words["failed"] + words["hung"]
        print(f"{name}: {noticed} of {words.total()} noticed")
    return 0


def files_of(name: str) -> list[Path]:
    """Of a module by its name, or the one file."""
    if name in MODULES:
        return MODULES[name]
    if not (ROOT / name).is_file():
        sys.exit(f"--module must be one of {', '.join(MODULES)} or a file, got {name!r}")
    return [ROOT / name]


def put_to_the_test(mutant: Mutant, folder: Path) -> Outcome:
    """By the tests of its file, which must pass without it."""
    path = mutant.file.relative_to(ROOT)
    limit = max(SECONDS_AT_LEAST, 3 * seconds_of(path, folder))
    (folder / path).write_text(mutant.code(), encoding="utf-8")
    try:
        return tried(folder, *suite_of(path), seconds=limit)
    finally:
        (folder / path).write_bytes(mutant.file.read_bytes())


@functools.cache
def seconds_of(path: Path, folder: Path) -> float:
    """Of the CPU, for the tests of a file as it is."""
    outcome = tried(folder, *suite_of(path), seconds=3600)
    if outcome.word != "passed":
        sys.exit(f"the tests of {path} fail without a fault:\n{outcome.output[-4000:]}")
    return outcome.seconds


def told(mutant: Mutant, outcome: Outcome) -> str:
    """One line; of a fault that nobody noticed, what it is."""
    place = f"{mutant.file.relative_to(ROOT)}:{mutant.place[0]} {mutant.operator}"
    if outcome.word != "passed":
        return f"  {outcome.word:8} {outcome.seconds:5.1f} s  {place}"
    texts = mutant.file.read_text("utf-8").splitlines(), mutant.code().splitlines()
    changed = [line for line in difflib.ndiff(*texts) if line.startswith(("- ", "+ "))]
    return "\n".join([f"  SURVIVED {outcome.seconds:5.1f} s  {place}", *changed])


if __name__ == "__main__":
    raise SystemExit(main())
