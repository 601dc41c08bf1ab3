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
    assert "jdescent figures [NAME]" in told
    assert "--version" in told


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_it_says_its_version(option, capsys):
    main([option])
    assert capsys.readouterr().out == f"jdescent {jdescent.__version__}\n"
    assert jdescent.__version__ == importlib.metadata.version("jdescent")


def test_a_command_that_is_not_there_is_an_error_with_the_usage():
    with pytest.raises(SystemExit, match=r"no command 'ply'\nusage: jdescent figures"):
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


def test_figures_has_a_help_that_says_which_there_are(capsys):
    with pytest.raises(SystemExit) as end:
        main(["figures", "--help"])
    assert end.value.code == 0
    told = capsys.readouterr().out
    assert "usage: jdescent figures [NAME]" in told
    assert "stability_boundary" in told


def test_a_figure_that_is_not_there_is_an_error_with_those_that_are(capsys):
    with pytest.raises(SystemExit) as end:
        main(["figures", "stability_boundry"])
    assert end.value.code == 2
    assert "choose from stability_boundary," in capsys.readouterr().err


def test_figures_without_their_libraries_say_how_to_install_them(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] in ("experiments", "tyro")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tyro", None)
    with pytest.raises(SystemExit, match=r"needs tyro: pip install 'jdescent\[figures\]'"):
        main(["figures"])
