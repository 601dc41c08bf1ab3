"""Threads for what takes long to compile, which lets go of Python's lock."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Argument, Result = TypeVar("Argument"), TypeVar("Result")
THREADS = 2


def in_threads(
    function: Callable[[Argument], Result], arguments: Iterable[Argument]
) -> list[Result]:
    """The function of each argument, in order. A thread has JAX's settings from the function."""
    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(function, arguments))
