"""Accounts, found by how people name themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from allauth.mfa.models import Authenticator
from django.utils.crypto import constant_time_compare

from portico.accounts.gates import pending_gate
from portico.accounts.models import (
    PortalSession,
    ServiceProviderInformation,
    TrustedBrowser,
    User,
)
from portico.kernel.errors import NotVisible


def staff_by_id(user_id: str | None, session_hash: str | None) -> User | None:
    """The active user of a session that has not been ended, once past all gates."""
    if not user_id or not session_hash:
        return None
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None or not constant_time_compare(
        user.get_session_auth_hash(), session_hash
    ):
        return None
    return None if pending_gate(user) else user


def user_by_email(email: str) -> User | None:
    """The account with this email, in any case of letters."""
    return User.objects.filter(email=email.lower()).first()


def users_by_phone(country_code: str, national_tails: list[str]) -> list[User]:
    """Accounts of a country whose national number is one of ``national_tails``."""
    numbers = [f"+{country_code}{tail}" for tail in national_tails]
    return list(User.objects.filter(phone__in=numbers))


@dataclass(frozen=True, slots=True)
class Factors:
    """What ``user`` has as a second step of his own choice."""

    totp: Authenticator | None
    passkeys: Sequence[Authenticator]
    recovery_codes_left: int

    @property
    def has_any(self) -> bool:
        """Whether signing in takes one of them."""
        return self.totp is not None or bool(self.passkeys)


def factors_of(user: User) -> Factors:
    """The second factors of ``user``; one query."""
    found = list(Authenticator.objects.filter(user=user).order_by("pk"))
    kinds = Authenticator.Type
    codes = [row for row in found if row.type == kinds.RECOVERY_CODES]
    return Factors(
        totp=next((row for row in found if row.type == kinds.TOTP), None),
        passkeys=[row for row in found if row.type == kinds.WEBAUTHN],
        recovery_codes_left=sum(len(row.wrap().get_unused_codes()) for row in codes),
    )


def has_factor(user: User) -> bool:
    """Whether signing in takes an authenticator app or a passkey."""
    rows = Authenticator.objects.filter(user=user)
    return bool(rows.exclude(type=Authenticator.Type.RECOVERY_CODES).exists())


def passkey_of(user: User, passkey_id: int) -> Authenticator:
    """One passkey of ``user``.

    :raises NotVisible: he has no such passkey.
    """
    rows = Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN)
    found = rows.filter(pk=passkey_id).first()
    if found is None:
        raise NotVisible
    return found


def portal_sessions(user: User) -> list[PortalSession]:
    """The browsers that ``user`` is signed in with, the one used last first."""
    return list(PortalSession.objects.filter(user=user).order_by("-last_seen_at"))


def trusted_browsers(user: User, *, now: datetime) -> list[TrustedBrowser]:
    """The browsers that are not asked for the second step."""
    rows = TrustedBrowser.objects.filter(user=user, expires_at__gt=now)
    return list(rows.order_by("-created_at"))


def provider_information(user: User) -> ServiceProviderInformation | None:
    """What end users read about who serves them, if ``user`` has entered it."""
    return ServiceProviderInformation.objects.filter(user=user).first()
