"""A browser's tab without a browser: what a page would be told, and what it would be sent."""

import base64
import json
from urllib.parse import parse_qsl

import pytest
from bokeh.document import Document

from jdescent_playground.page import Page


class Tab:
    """A page that was opened with an address, and what was put into its elements.

    Attributes:
        texts, htmls, properties: by element, the last that was sent.
        sent: every change.
    """

    def __init__(self, build, query=None):
        self.document = Document()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Page, "query", dict(query or {}))
            self.page = build(self.document)
        self.texts, self.htmls, self.properties = {}, {}, {}
        self.sent, self.address, self.files = [], "", {}
        self._take()

    def do(self, event, value=None):
        self.page.page.dispatch(event, value)
        self._take()

    @property
    def problem(self):
        return self.texts.get("problem", "")

    @property
    def query(self):
        return dict(parse_qsl(self.address, keep_blank_values=True))

    def _take(self):
        _, changes = json.loads(self.document.get_model_by_name("outbox").text)
        self.sent += changes
        for change in changes:
            name = change.get("id")
            for kind, known in (("text", self.texts), ("html", self.htmls)):
                if kind in change and name:
                    known[name] = change[kind]
            self.properties.setdefault(name, {}).update(change.get("set", {}))
            self.address = change.get("address", self.address)
            if "download" in change:
                coded = change.get("base64")
                content = change["text"] if coded is None else base64.b64decode(coded)
                self.files[change["download"]] = content
