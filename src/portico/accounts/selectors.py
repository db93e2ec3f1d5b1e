"""Accounts, found by how people name themselves."""

from __future__ import annotations

from django.utils.crypto import constant_time_compare

from portico.accounts.models import User


def staff_by_id(user_id: str | None, session_hash: str | None) -> User | None:
    """The active user of a session, if its password has not changed since."""
    if not user_id or not session_hash:
        return None
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None or not constant_time_compare(
        user.get_session_auth_hash(), session_hash
    ):
        return None
    return user


def user_by_email(email: str) -> User | None:
    """The account with this email, in any case of letters."""
    return User.objects.filter(email=email.lower()).first()


def users_by_phone(country_code: str, national_tails: list[str]) -> list[User]:
    """Accounts of a country whose national number is one of ``national_tails``."""
    numbers = [f"+{country_code}{tail}" for tail in national_tails]
    return list(User.objects.filter(phone__in=numbers))
