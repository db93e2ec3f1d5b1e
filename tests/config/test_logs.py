from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
from django.test import Client

from portico.accounts.services.password_links import issue_first_link
from portico.config.logs import configure_logs
from portico.kernel.clock import utcnow
from tests.factories import make_installer

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What goes to the log."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logs("json")
    text = io.StringIO()
    [handler] = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(text)
    yield text
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_link_from_a_mail_does_not_stand_in_the_log(written: io.StringIO) -> None:
    secret = issue_first_link(user=make_installer("ida"), now=utcnow())
    path = f"/password/set/{secret}/"
    # A browser that takes no cookies.
    client = Client(enforce_csrf_checks=True)
    assert client.post(path, {"password": "x"}).status_code == 403
    assert Client().put(path).status_code == 405
    assert "/password/set/[masked]/" in written.getvalue()
    assert secret not in written.getvalue()
