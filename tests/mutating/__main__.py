"""Try a sample of faults, and print those that no test noticed."""

import argparse
import difflib
import functools
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

from mutating.mutants import Mutant, mutants, sample
from mutating.suites import MODULES, suite_of
from mutating.trying import (
    LEAST_LIMIT,
    LIMIT,
    ROOT,
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
    parser.add_argument(
        "--unchecked", action="store_true", help="skip the tests of each file as it is"
    )
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
                limit = LIMIT if options.unchecked else 3 * seconds_of(mutant.path, folder)
                outcome = put_to_the_test(mutant, folder, max(LEAST_LIMIT, limit))
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


def put_to_the_test(mutant: Mutant, folder: Path, limit: float) -> Outcome:
    """By the tests of its file."""
    (folder / mutant.path).write_text(mutant.code(), encoding="utf-8")
    try:
        return tried(folder, *suite_of(mutant.path), seconds=limit)
    finally:
        (folder / mutant.path).write_bytes(mutant.file.read_bytes())


@functools.cache
def seconds_of(path: Path, folder: Path) -> float:
    """Of the CPU, for the tests of a file as it is, which must pass."""
    outcome = tried(folder, *suite_of(path), seconds=LIMIT)
    if outcome.word != "passed":
        sys.exit(f"the tests of {path} fail without a fault:\n{outcome.output[-4000:]}")
    return outcome.seconds


def told(mutant: Mutant, outcome: Outcome) -> str:
    """One line with the test that noticed; of a fault that none did, what it is."""
    place = f"{outcome.seconds:5.1f} s  {mutant.path}:{mutant.place[0]} {mutant.operator}"
    if outcome.word != "passed":
        return f"  {outcome.word:8} {place}  {noticed_by(outcome)}"
    texts = mutant.file.read_text("utf-8").splitlines(), mutant.code().splitlines()
    changed = [line for line in difflib.ndiff(*texts) if line.startswith(("- ", "+ "))]
    return "\n".join([f"  SURVIVED {place}", *changed])


def noticed_by(outcome: Outcome) -> str:
    """The test that failed, or the error with which the library is not even imported."""
    found = re.search(r"^(?:FAILED|ERROR) (\S+)", outcome.output, re.MULTILINE)
    return found[1] if found else outcome.output.strip().rpartition("\n")[2]


if __name__ == "__main__":
    raise SystemExit(main())
