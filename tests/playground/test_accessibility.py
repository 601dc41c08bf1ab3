"""The pages by axe-core: nothing it knows of keeps anyone out, on a phone or a large screen."""

import pytest
from browsing import assert_accessible, wait_for_text

PAGES = [
    "/?curve=double-well&batch=4&learning_rate=0.1&start=-1&step=40",
    "/two?surface=bowl&chosen=2",
    "/game?level=3",
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing(open_page, path, width, theme):
    page = open_page(path, size=(width, 900), theme=theme)
    if "batch" in path:
        wait_for_text(page, "seeds-words", "of 50 runs")
    page.wait_for_timeout(300)  # until what fades in is there
    assert_accessible(page)
