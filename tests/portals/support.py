"""What several tests of the pages need."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

HTMX = {"HX-Request": "true"}


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
