from __future__ import annotations

import hashlib

import pytest
from pytest_django import Settings

from portico.accounts.errors import WeakPassword
from portico.accounts.services import passwords
from portico.accounts.services.passwords import (
    app_digest,
    digest_matches,
    set_password,
)
from tests.factories import PASSWORD, make_user

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

ARGON2 = ["django.contrib.auth.hashers.Argon2PasswordHasher"]


def test_the_app_digest_is_md5_of_the_hex_of_md5() -> None:
    inner = hashlib.md5(b"abc", usedforsecurity=False).hexdigest()

    assert inner == "900150983cd24fb0d6963f7d28e17f72"
    assert app_digest("abc") == "ec0405c5aef93e771cd80e0db180b88b"


def test_the_digest_is_kept_as_argon2(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ARGON2
    user = make_user()

    assert user.password.startswith("argon2$argon2id$")
    assert user.app_digest.startswith("argon2$argon2id$")
    assert app_digest(PASSWORD) not in user.app_digest
    assert digest_matches(user, app_digest(PASSWORD))
    assert not digest_matches(user, PASSWORD)
    assert not digest_matches(user, user.app_digest)


def test_the_digest_changes_with_the_password() -> None:
    user = make_user()
    set_password(user=user, password="another fine battery")

    assert not digest_matches(user, app_digest(PASSWORD))
    assert digest_matches(user, app_digest("another fine battery"))
    assert user.check_password("another fine battery")


@pytest.mark.parametrize("weak", ["short", "password123", "ada@example.com", "ada"])
def test_a_weak_password_changes_nothing(weak: str) -> None:
    user = make_user("ada")
    before = (user.password, user.app_digest)
    with pytest.raises(WeakPassword):
        set_password(user=user, password=weak)

    user.refresh_from_db()
    assert (user.password, user.app_digest) == before


@pytest.mark.parametrize("who", ["nobody", "without"])
def test_an_unknown_account_costs_a_hash_too(
    monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    """Else the time of the answer would tell whether there is an account."""
    hashed: list[str | None] = []
    user = None
    if who == "without":
        user = make_user()
        user.app_digest = ""
    monkeypatch.setattr(passwords, "make_password", hashed.append)

    assert not digest_matches(user, "x")
    assert hashed == ["x"]
