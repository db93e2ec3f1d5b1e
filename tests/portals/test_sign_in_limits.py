"""What a stranger at the sign-in page can find out, and how often he may try."""

from __future__ import annotations

import pytest
from django.test import Client

from portico.accounts.models import User
from tests.factories import PASSWORD, make_installer
from tests.portals.support import text_of

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
LOCKED = "Too many failed attempts"


def sign_in(login: str, password: str = "nonsense", address: str = "") -> str:  # noqa: S107
    data = {"login": login, "password": password}
    more = {"REMOTE_ADDR": address} if address else {}
    return text_of(Client(**more).post("/sign-in/", data))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "login",
    [
        "ida",
        "ida@example.com",
        "nobody",
        "nobody@example.com",
        "dora",
        "IDA@Example.com",
    ],
)
def test_every_failure_costs_one_look_at_a_password(
    login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_installer("ida")
    disabled = make_installer("dora")
    User.objects.filter(pk=disabled.pk).update(is_active=False)
    looks: list[str] = []
    check, make = User.check_password, User.set_password

    def checked(user: User, raw_password: str) -> bool:
        looks.append("check")
        return check(user, raw_password)

    def made(user: User, raw_password: str) -> None:
        looks.append("make")
        make(user, raw_password)

    monkeypatch.setattr(User, "check_password", checked)
    monkeypatch.setattr(User, "set_password", made)
    sign_in(login)

    assert len(looks) == 1


def test_user_name_and_email_of_an_account_share_its_limit() -> None:
    make_installer("ida")
    for login in ("ida", "ida@example.com", "IDA", "Ida@Example.com", "ida"):
        assert LOCKED not in sign_in(login)

    assert LOCKED in sign_in("ida@example.com", PASSWORD)
    assert LOCKED in sign_in("ida", PASSWORD)


def test_lock_of_an_account_does_not_lock_others() -> None:
    make_installer("ida")
    make_installer("ben")
    for _ in range(6):
        sign_in("ida")

    assert LOCKED not in sign_in("ben")


def test_an_address_runs_out_of_tries_whatever_the_names() -> None:
    make_installer("ida")
    pages = [sign_in(f"nobody{number}", address="10.0.0.9") for number in range(21)]

    assert LOCKED not in pages[19]
    assert LOCKED in pages[20]
    assert LOCKED in sign_in("ida", PASSWORD, "10.0.0.9")
    assert LOCKED not in sign_in("ida", PASSWORD, "10.0.0.8")
