"""What a sweep is, and what it was made with."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import jax

from jdescent.sweeps.axes import Axis
from jdescent.sweeps.choices import Choice
from jdescent.sweeps.devices import compilation
from jdescent.sweeps.programs import Program
from jdescent.sweeps.surroundings import versions_of_libraries


def identity_of(
    axes: Sequence[Axis | Choice], programs: Sequence[Program], options: Mapping[str, Any]
) -> dict[str, Any]:
    """What makes a sweep this one, as JSON: its axes, all its programs, how they are computed."""
    described = [
        {"function": list(each.identity.text), "constants": list(each.identity.constants)}
        for each in programs
    ]
    of_choices = {each.title: one for each, one in zip(programs, described, strict=True)}
    return {
        "axes": {axis.name: axis.identity() for axis in axes},
        **(described[0] if not programs[0].title else {"programs": of_choices}),
        "settings": programs[0].identity.settings,
        **options,
        "versions": versions_of_libraries()
        | {"device": jax.devices()[0].device_kind, "compilation": compilation()},
    }


def require_told_apart(programs: Sequence[Program]) -> None:
    """Refuse to store what calls Python that no store can tell from other Python."""
    opaque = {opaque.what: None for each in programs for opaque in each.identity.opaque}
    if opaque:
        raise ValueError(
            f"run calls Python that a store cannot tell from other Python ({'; '.join(opaque)}): "
            "give it a name with sweep(…, version='1'), and another one whenever that code or the "
            "data that it reads changes; or leave out store="
        )


def provenance(identity: Mapping[str, Any]) -> dict[str, str]:
    """Attributes of a result: a digest of what was computed, and what it was computed with.

    Equal calls give equal attributes, in memory and in a store.

    Example:
        >>> told = provenance({"function": ["program of x"], "versions": {"jax": "0.10"}})
        >>> len(told.pop("identity")), told
        (64, {'versions.jax': '0.10'})
    """
    what = {name: value for name, value in identity.items() if name != "versions"}
    digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
    versions = {
        f"versions.{name}": str(value) for name, value in identity.get("versions", {}).items()
    }
    return {"identity": digest, **versions}
