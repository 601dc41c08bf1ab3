"""The page around players: style and script within it, and nothing of the network."""

import base64
import hashlib
import html
from pathlib import Path

WEB = Path(__file__).parent / "web"
SCRIPTS = ("plot.js", "views.js", "player.js")


def script() -> str:
    """The player's script, which looks numbers up and draws them."""
    parts = [(WEB / name).read_text(encoding="utf-8") for name in SCRIPTS]
    return "(() => {\n" + "\n".join(parts) + "\n})();\n"


def style() -> str:
    """The player's style."""
    return (WEB / "player.css").read_text(encoding="utf-8")


def page(title: str, body: str, more_style: str = "") -> str:
    """A whole page that asks nothing of the network and runs no other script.

    Args:
        title: of the page; plain text.
        body: HTML.
        more_style: CSS besides the player's.
    """
    code = script()
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode("ascii")
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; "
        "style-src 'unsafe-inline'; img-src data:"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>\n{style()}{more_style}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n<script>{code}</script>\n</body>\n</html>\n"
    )
