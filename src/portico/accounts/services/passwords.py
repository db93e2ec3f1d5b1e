"""Passwords, and the digest that legacy app clients send instead of one."""

from __future__ import annotations

import hashlib

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from portico.accounts.errors import WeakPassword
from portico.accounts.models import User


def app_digest(password: str) -> str:
    """md5hex(md5hex(password)): the app API's wire form, as its clients compute it."""
    inner = hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()
    return hashlib.md5(inner.encode(), usedforsecurity=False).hexdigest()


def set_password(*, user: User, password: str) -> None:
    """Give ``user`` a new password, for the pages and for the app API.

    The digest is as good as a password to the app API, so it is kept like one: hashed
    with Argon2, never plain.

    :raises WeakPassword: too short, common, or like the user's name.
    """
    check_strength(password=password, user=user)
    user.set_password(password)
    user.app_digest = make_password(app_digest(password))
    user.save(update_fields=["password", "app_digest"])


def check_strength(*, password: str, user: User | None) -> None:
    """Whether ``password`` would do for ``user``.

    :raises WeakPassword: too short, common, or like the user's name.
    """
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise WeakPassword(" ".join(error.messages)) from None


def digest_matches(user: User | None, digest: str) -> bool:
    """Whether ``digest`` is the app digest of ``user``.

    Takes the same time for an unknown account: hashing happens either way.
    """
    if user is None or not user.app_digest:
        make_password(digest)
        return False
    return check_password(digest, user.app_digest)
