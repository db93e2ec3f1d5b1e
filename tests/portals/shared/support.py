"""Signing in as a browser does, with what comes after the password."""

from __future__ import annotations

from django.http import HttpResponse
from django.test import Client

from portico.accounts.models import User
from tests.factories import PASSWORD
from tests.portals.support import text_of


def new_browser() -> Client:
    """A browser that knows nothing, at an address that passkeys are possible for."""
    agent = "Mozilla/5.0 (X11; Linux) Firefox/140.0"
    return Client(headers={"User-Agent": agent}, SERVER_NAME="localhost")


def enter(client: Client, login: str, password: str = PASSWORD) -> HttpResponse:
    """Send the sign-in form."""
    data = {"login": login, "password": password}
    response = client.post("/sign-in/", data)
    assert isinstance(response, HttpResponse)
    return response


def is_in(client: Client) -> bool:
    """Whether the portal opens."""
    return client.get("/installer/").status_code == 200


def signed_in(user: User) -> Client:
    """A browser in which ``user`` has signed in through the page."""
    client = new_browser()
    enter(client, str(user.username))
    assert is_in(client)
    return client


def fresh(client: Client, password: str = PASSWORD) -> Client:
    """Show once more who it is, as changes of factors ask for."""
    answer = client.post("/installer/setting/confirm/", {"password": password})
    assert answer.status_code == 302, text_of(answer)
    return client
