from __future__ import annotations

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.sites.models import Site
from tests.factories import make_installer, make_site


def client_of(user: User) -> Client:
    """A browser in which ``user`` is signed in."""
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def installer(db: None) -> User:
    return make_installer("ida")


@pytest.fixture
def site(installer: User) -> Site:
    return make_site(installer, "Ryan")


@pytest.fixture
def browser(installer: User) -> Client:
    return client_of(installer)
