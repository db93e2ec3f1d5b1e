"""What several tests of the pages need."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

HTMX = {"HX-Request": "true"}
# What the second of two who edit one record is told.
CHANGED = "Somebody else has changed this since you opened the page."


def text_of(response: object) -> str:
    """The body of a response."""
    assert isinstance(response, HttpResponse)
    return response.content.decode()


def queries_of(client: Client, url: str) -> int:
    """How many queries a page costs."""
    with CaptureQueriesContext(connection) as captured:
        response = client.get(url)
    assert response.status_code == 200
    return len(captured)


def assert_constant_queries(
    client: Client, url: str, add_two: Callable[[], None]
) -> None:
    """The page costs the same with one row and with three."""
    client.get(url)
    with_one = queries_of(client, url)
    add_two()
    assert queries_of(client, url) == with_one


class _Controls(HTMLParser):
    """Collects what the controls of a page would send."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}
        self._select = self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        name, value = has.get("name") or "", has.get("value")
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in has:
            self._send(self._select, value or "")
        elif tag == "textarea":
            self._area = name
        elif tag == "input" and name:
            is_tick = has.get("type") in {"checkbox", "radio"}
            if not is_tick or "checked" in has:
                self._send(name, value if value is not None else "on" * is_tick)

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self._send(self._area, data.removeprefix("\n"))

    def _send(self, name: str, value: str) -> None:
        self.found.setdefault(name, []).append(value)


def shown_form(page: str) -> dict[str, list[str]]:
    """What the forms of a page send when nothing is changed, its token left out."""
    controls = _Controls()
    controls.feed(page)
    return {k: v for k, v in controls.found.items() if k != "csrfmiddlewaretoken"}
