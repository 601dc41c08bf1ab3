"""The notebook of the documentation runs from top to bottom in a fresh kernel."""

import re

import pytest

notebook = pytest.importorskip("docs.notebook", reason="its kernel is of the extra docs")


def test_it_runs_and_says_what_theory_says():
    text = notebook.page()
    assert "data:image/png;base64," in text
    assert re.search(r"β = 0\.9: stable up to 0\.0037\d* \(linear\)", text)
    assert "Warning" not in text
