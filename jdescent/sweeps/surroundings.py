"""What a process must have in common with another one to compute the same numbers."""

import contextlib
import functools
import importlib.metadata
import os
import platform
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax

from jdescent._jax import has_started, setting
from jdescent.core.identity import HARMLESS, HARMLESS_FLAGS, names_of_settings
from jdescent.sweeps.devices import compilation
from jdescent.sweeps.differences import differences

LIBRARIES = ("jdescent", "jax", "jaxlib", "numpy")
REFUSING = ("jax_debug_infs", "jax_debug_nans")
NOT_SHARED = ("jax_default_device",)
ON_THE_CLIENT = ("on the client", "on the worker")


class Surroundings(NamedTuple):
    """What of a process decides its numbers, apart from the program.

    Attributes:
        versions: of Python, whose minor versions read different pickled functions, and libraries.
        settings: of JAX, by name: those a trace depends on, and those that refuse programs.
        flags: what XLA is told, but for what belongs to one machine.
        cpu_devices: how many devices JAX makes of a CPU, if that is what it runs on.
    """

    versions: Mapping[str, str]
    settings: Mapping[str, Any]
    flags: str
    cpu_devices: int | None

    @classmethod
    def of_this_process(cls) -> "Surroundings":
        names = {*names_of_settings(), *HARMLESS, *REFUSING} - {*NOT_SHARED}
        values = jax.config.values
        cpu = jax.local_devices()[0].platform == "cpu"
        return cls(
            versions=versions_here(),
            settings={
                name: values[name]
                for name in sorted(names & values.keys())
                if isinstance(values[name], bool | int | float | str | None)
            },
            flags=" ".join(_shared_flags()),
            cpu_devices=len(jax.local_devices()) if cpu else None,
        )

    def what_differs_here(self) -> Iterator[tuple[str, str]]:
        """How the versions of this process differ, which is asked before anything is unpickled."""
        return differences(self.versions, versions_here(), ON_THE_CLIENT)

    def settle(self, threads: int) -> None:
        """Before JAX starts in this process, have its CPU devices and compiler set up alike.

        Of several devices, there are as many as this process may use threads, two at least.
        """
        if has_started():
            return
        own = os.environ.get("XLA_FLAGS", "").split()
        missing = [flag for flag in self.flags.split() if flag not in own]
        if missing:
            os.environ["XLA_FLAGS"] = " ".join([*own, *missing])
        if self.cpu_devices is not None:
            jax.config.update("jax_num_cpu_devices", max(2, threads) if self.cpu_devices > 1 else 1)

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """This thread under the same settings of JAX."""
        with contextlib.ExitStack() as entered:
            for name, value in self.settings.items():
                if name in jax.config.values and jax.config.values[name] != value:
                    entered.enter_context(setting(name, value))
            yield


def versions_here() -> dict[str, str]:
    python = ".".join(platform.python_version_tuple()[:2])
    return {"python": python} | versions_of_libraries()


@functools.cache
def versions_of_libraries() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in LIBRARIES}


class Devices(NamedTuple):
    """What a sweep is computed on, and how it is compiled for that."""

    platform: str
    device: str
    compilation: str

    @classmethod
    def of_this_process(cls) -> "Devices":
        first = jax.devices()[0]
        return cls(first.platform, first.device_kind, compilation())


def without_devices(identity: Mapping[str, Any]) -> dict[str, Any]:
    """The identity of a stored sweep, but for what it is computed on."""
    kept = {name: dict(identity[name]) for name in ("settings", "versions")}
    del kept["settings"]["platform"], kept["versions"]["device"], kept["versions"]["compilation"]
    return {**identity, **kept}


def on_devices(identity: Mapping[str, Any], devices: Devices) -> dict[str, Any]:
    """The identity of a stored sweep that is computed on these."""
    return {
        **identity,
        "settings": identity["settings"] | {"platform": devices.platform},
        "versions": identity["versions"]
        | {"device": devices.device, "compilation": devices.compilation},
    }


def _shared_flags() -> list[str]:
    told = os.environ.get("XLA_FLAGS", "").split()
    of_a_machine = [flag for flag in HARMLESS_FLAGS if not flag.startswith("--xla_backend_extra")]
    return [flag for flag in told if not flag.startswith(tuple(of_a_machine))]
