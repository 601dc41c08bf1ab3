"""The package as its users meet it: what an import costs, and what every name tells."""

import importlib.resources
import inspect
import subprocess
import sys
import types
from pathlib import Path

import jax.numpy as jnp
import optax
import pytest
from cases import TWINS

import jdescent as jd

HEAVY = ["matplotlib", "xarray", "pandas", "scipy.stats", "optax", "chex", "flax", "tyro"]


def test_importing_jdescent_imports_no_heavy_library():
    """What makes an import slow; what jax itself imports is not held against us."""
    code = """
import sys, jax, jax.numpy
before = set(sys.modules)
import jdescent
print(*set(sys.modules) - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    added = set(done.stdout.split())
    assert "jdescent.descend" in added
    assert not added & set(HEAVY)


def test_type_checkers_are_told_that_the_package_is_typed():
    """PEP 561: an empty file `py.typed` beside the modules, and in the wheel as they are."""
    assert (importlib.resources.files("jdescent") / "py.typed").read_bytes() == b""


def test_a_python_that_is_switched_off_is_passed_over(tmp_path):
    """A version manager puts names on the PATH whose Pythons do not run until they are chosen."""
    this = f"{sys.version_info.major}.{sys.version_info.minor}"
    for name, runs in (("python4.0", "false"), (f"python{this}", f'exec {sys.executable} "$@"')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{runs}\n")
        (tmp_path / name).chmod(0o755)
    finder = Path(__file__).parents[1] / ".ci" / "find-python"
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path)}

    def find(*versions):
        command = [finder, *versions]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    assert find("4.0", this).stdout.strip() == f"python{this}"
    assert find("4.0").returncode != 0
    assert "4.0" in find("4.0").stderr


def public_functions():
    """Every function that jdescent or one of its public modules offers by name."""
    for name in jd.__all__:
        thing = getattr(jd, name)
        if isinstance(thing, types.ModuleType):
            names = getattr(thing, "__all__", [n for n in vars(thing) if not n.startswith("_")])
            for inner in names:
                function = getattr(thing, inner)
                if inspect.isfunction(function) and function.__module__.startswith(thing.__name__):
                    yield f"{name}.{inner}", function
        elif inspect.isfunction(thing):
            yield name, thing


FUNCTIONS = dict(public_functions())


def test_every_promised_name_exists_once():
    assert len(set(jd.__all__)) == len(jd.__all__)
    assert len(FUNCTIONS) > 40


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_is_explained_with_an_example_that_runs(name):
    text = inspect.getdoc(FUNCTIONS[name])
    assert text, "no docstring"
    assert "Example:" in text
    assert ">>>" in text.split("Example:")[1]
    first = text.splitlines()[0]
    assert first.endswith((".", ":")), first


OTHERWISE = {"chain", "apply_updates", "global_norm", "add_noise", "partition", "masked"}
IN_OPTAX_TOO = {name for name in FUNCTIONS if name in vars(optax)} - OTHERWISE


def test_every_twin_of_one_name_is_among_those_that_are_compared():
    ours = {case.ours.__name__: case.twin for case in TWINS}
    names = {name for name, twin in ours.items() if twin is vars(optax).get(name)}
    assert len(names) > 10
    assert names <= IN_OPTAX_TOO


@pytest.mark.parametrize("name", sorted(IN_OPTAX_TOO))
def test_hyperparameters_that_optax_also_has_carry_its_names(name):
    twin = vars(optax)[name]  # getattr warns of what has moved
    ours = inspect.signature(FUNCTIONS[name]).parameters
    theirs = inspect.signature(twin).parameters
    missing = set(theirs) - set(ours)
    assert not missing, f"{name} lacks {missing}, which optax has"
    for parameter in (set(ours) & set(theirs)) - {"learning_rate", "linesearch"}:
        default = theirs[parameter].default
        if default is not inspect.Parameter.empty:
            ours_default = ours[parameter].default
            if callable(default):  # a dtype, of which ours has the name
                ours_default, default = jnp.dtype(ours_default), jnp.dtype(default)
            assert ours_default == default, parameter
