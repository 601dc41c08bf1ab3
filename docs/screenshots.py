"""Take the README's pictures of the playground anew: ``python -m docs.screenshots``."""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.playground import open_in, served

PICTURES = {
    "one_dimension": "/?learning_rate=0.4&start=-2.5&step=2",
    "two_dimensions": "/two?surface=bowl&kappa=8&turn=25&step=14",
    "game": "/game?level=4&momentum=0.85&step=1000",
}
FOLDER = Path(__file__).parent


def main() -> None:
    with served() as (address, _), sync_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        for name, path in PICTURES.items():
            open_in(page, address + path)
            page.wait_for_timeout(2000)  # every angle is tried once the hand is calm
            page.screenshot(path=FOLDER / f"{name}.png")
            print(FOLDER / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
