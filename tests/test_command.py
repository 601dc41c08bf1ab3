"""The command line `jdescent`."""

import importlib.metadata
import sys

import pytest

import jdescent
from jdescent.__main__ import main


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_without_a_command_it_says_which_there_are(arguments, capsys):
    main(arguments)
    told = capsys.readouterr().out
    assert "jdescent play [--port PORT]" in told
    assert "--version" in told


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_it_says_its_version(option, capsys):
    main([option])
    assert capsys.readouterr().out == f"jdescent {jdescent.__version__}\n"
    assert jdescent.__version__ == importlib.metadata.version("jdescent")


def test_a_command_that_is_not_there_is_an_error_with_the_usage():
    with pytest.raises(SystemExit, match=r"no command 'ply'\nusage: jdescent play"):
        main(["ply"])


def test_play_has_a_help_of_its_own(capsys):
    with pytest.raises(SystemExit) as end:
        main(["play", "--help"])
    assert end.value.code == 0
    assert "--no-browser" in capsys.readouterr().out


def test_play_without_bokeh_says_how_to_install_it(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("jdescent_playground.")]:
        monkeypatch.delitem(sys.modules, name)
    for name in {"bokeh", *(name for name in sys.modules if name.startswith("bokeh."))}:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delattr("jdescent_playground.server", raising=False)
    with pytest.raises(SystemExit, match=r"pip install 'jdescent\[playground\]'"):
        main(["play"])
