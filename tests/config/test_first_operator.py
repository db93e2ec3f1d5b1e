"""What ``portico first-operator`` prints, followed to the dashboard (ACC-6)."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from django.test import Client

from portico.accounts.models import User
from portico.config.roles import first_operator
from tests.factories import PASSWORD, make_operator
from tests.portals.shared.support import enter
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_operator, "start_django", lambda: "")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    code = first_operator.main(["--username", "olga", *words])
    printed = capsys.readouterr()
    return printed.out.strip() if code == 0 else printed.err


def test_the_first_operator_sets_a_password_and_gets_in_without_a_mail_server(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = urlsplit(run(capsys, "--email", "Olga@Example.com")).path
    client = Client()
    data = {"password": PASSWORD, "repeated": PASSWORD}
    assert client.post(path, data).status_code == 302
    assert client.post(path, data).status_code == 410
    enter(client, "olga")
    client.post("/welcome/privacy/", {"decision": "agree"})
    assert client.get("/operator/").status_code == 200
    assert User.objects.get(username="olga").email == "olga@example.com"
    again = urlsplit(run(capsys)).path
    assert "Set a password" in text_of(Client().get(again))


@pytest.mark.parametrize("email", ["nonsense", "otto@example.com"])
def test_an_email_that_cannot_be_is_said(
    capsys: pytest.CaptureFixture[str], email: str
) -> None:
    make_operator("otto")
    assert "cannot be used" in run(capsys, "--email", email)
