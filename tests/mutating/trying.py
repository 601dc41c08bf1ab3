"""Tests of a faulty library, in a process of their own."""

import importlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from mutating.mutants import ROOT

# What takes seconds to import, and knows nothing of the library.
IMPORTED_ONCE = (
    "beartype", "chex", "flax", "hypothesis", "jax", "jax.numpy", "jaxtyping", "numpy", "optax",
    "orbax.checkpoint", "pytest", "scipy", "scipy.optimize", "scipy.stats", "xarray", "zarr",
)  # fmt: skip
OPTIONS = (
    *("-x", "-q", "-p", "no:cacheprovider"),
    *("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"),
)
LEAST_LIMIT, LIMIT = 60, 1200  # seconds of CPU


class Outcome(NamedTuple):
    """How a suite ended, after how many seconds of CPU, and what it printed."""

    word: str  # passed, failed or hung
    seconds: float
    output: str


@contextmanager
def copy_of_the_repository() -> Iterator[Path]:
    """What git knows, and new files that it does not ignore, in a folder of its own."""
    with TemporaryDirectory() as folder:
        listed = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
        names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True)
        for name in filter(None, names.stdout.split("\0")):
            if (ROOT / name).exists():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, Path(folder) / name)
        yield Path(folder)


def import_what_all_need() -> None:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(ROOT / ".jax_cache"))
    for name in IMPORTED_ONCE:
        importlib.import_module(name)


def tried(folder: Path, arguments: list[str], plugins: list, seconds: float) -> Outcome:
    """Pytest in the copy, stopped after so many seconds of CPU, or four times as many in all."""
    output = folder / "output"
    child = os.fork()
    if not child:
        _test(folder, arguments, plugins, output, seconds)
    ended = time.monotonic() + 4 * seconds
    while not (found := os.wait4(child, os.WNOHANG))[0]:
        if time.monotonic() > ended:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.05)
    _, status, usage = found
    word = "hung" if os.WIFSIGNALED(status) else "failed" if status else "passed"
    return Outcome(word, usage.ru_utime + usage.ru_stime, output.read_text(errors="replace"))


def _test(folder, arguments, plugins, output, seconds) -> None:
    """In the child, which never returns."""
    status = 1
    try:
        os.chdir(folder)
        into = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(into, 1)
        os.dup2(into, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 5))
        import pytest

        sys.path[:] = [str(folder), *(path for path in sys.path if not _is_ours(path))]
        sys.dont_write_bytecode = True
        status = int(pytest.main([*OPTIONS, *arguments], plugins))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def _is_ours(path: str) -> bool:
    return Path(path or ".").resolve() in (ROOT, ROOT / "tests")
