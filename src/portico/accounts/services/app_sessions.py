"""Sign-in of the app API: several sessions per user, tokens kept as digests only."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import F, Q
from django.utils import translation

from portico.accounts.errors import SignInRefused
from portico.accounts.letters import code_message
from portico.accounts.models import AppSession, PhoneCode, User
from portico.accounts.services.passwords import digest_matches
from portico.accounts.services.throttle import spend
from portico.audit.services import record
from portico.kernel.context import origin
from portico.kernel.ids import new_secret, secret_digest
from portico.mail.services import send_sms

# What clients are told as token_valid, and expect: seven days. Counted from the last use,
# because some of them cannot refresh.
TOKEN_LIFETIME = timedelta(days=7)
# A phone that was off for the holidays refreshes; after a quarter one signs in again.
REFRESH_LIFETIME = timedelta(days=90)
CODE_LIFETIME = timedelta(minutes=10)
CODE_TRIES = 5
# One person retyping stays below; a guesser of six digits gets nowhere.
SIGN_INS_PER_MINUTE = 10
# A family behind one address; more is somebody who tries accounts.
SIGN_INS_PER_ADDRESS = 3 * SIGN_INS_PER_MINUTE
CODE_ADDRESSES = 10
# Clients ask every two seconds; a row that often would be a write that often.
TOUCH_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class AppTokens:
    """The plain tokens, shown to the client once."""

    token: str
    auth_token: str
    refresh_token: str


def _throttle_sign_in(names: Collection[str], now: datetime) -> None:
    """Count a try at every account that may have been meant, known or not.

    The address first: one that is over its limit adds no rows.
    """
    minute = timedelta(minutes=1)
    address = origin.get().address
    limit = SIGN_INS_PER_ADDRESS
    spend(what="app-address", key=address, limit=limit, per=minute, now=now)
    limit = SIGN_INS_PER_MINUTE
    for name in sorted(set(names)):
        spend(what="app-account", key=name, limit=limit, per=minute, now=now)


def sign_in_with_digest(
    *,
    user: User | None,
    names: Collection[str],
    digest: str,
    client: str,
    now: datetime,
) -> tuple[User, AppTokens]:
    """Check ``digest`` and open a session; ``names`` are all that the client may mean.

    :raises TooManyTries: of one of these names or from this address.
    :raises SignInRefused: unknown, disabled or wrong, without saying which.
    """
    _throttle_sign_in(names, now)
    matches = digest_matches(user, digest)
    if user is None or not matches or not user.is_active:
        raise SignInRefused
    return user, open_session(user=user, client=client, now=now)


@transaction.atomic
def open_session(*, user: User, client: str, now: datetime) -> AppTokens:
    """A new session of ``user``; others go on."""
    tokens = AppTokens(new_secret(), new_secret(), new_secret())
    AppSession.objects.create(
        user=user,
        token_digest=secret_digest(tokens.token),
        auth_digest=secret_digest(tokens.auth_token),
        refresh_digest=secret_digest(tokens.refresh_token),
        client=client[:255],
        address=origin.get().address,
        created_at=now,
        expires_at=now + TOKEN_LIFETIME,
        refresh_until=now + REFRESH_LIFETIME,
        last_used_at=now,
    )
    record(actor=user, action="sign_in.app", subject=user, now=now)
    return tokens


def opened_by(*, token: str, now: datetime, way: str = "") -> Q:
    """Which session is live and opened by ``token``.

    Asked of sessions, or with ``way`` of rows that name their user, for whom it must be
    possible to be found in the same query.
    """
    session = {
        f"{way}token_digest": secret_digest(token),
        f"{way}revoked_at": None,
        f"{way}expires_at__gt": now,
    }
    return Q(user__is_active=True, **session)


def keep_alive(*, token: str, used_at: datetime, now: datetime) -> None:
    """Note that the session of ``token``, used at ``used_at`` before, is in use now."""
    if now - used_at > TOUCH_EVERY:
        # Only while it is still this token's: a refresh may have come in between.
        AppSession.objects.filter(token_digest=secret_digest(token)).update(
            last_used_at=now, expires_at=now + TOKEN_LIFETIME
        )


def session_by_auth_token(*, auth_token: str, now: datetime) -> AppSession | None:
    """The session that ``auth_token`` was given with, while it can still be refreshed.

    It proves no more than that: clients keep it for good and send it only to ask for the
    list of servers, so it opens nothing else.
    """
    return (
        AppSession.objects.select_related("user")
        .filter(
            auth_digest=secret_digest(auth_token),
            revoked_at=None,
            refresh_until__gt=now,
            user__is_active=True,
        )
        .first()
    )


def refresh_session(*, refresh_token: str, now: datetime) -> AppTokens:
    """Replace token and refresh token of a session.

    :raises SignInRefused: the refresh token is unknown, spent, expired or revoked.
    """
    token, renewed = new_secret(), new_secret()
    digest = secret_digest(refresh_token)
    session = AppSession.objects.filter(
        refresh_digest=digest, user__is_active=True
    ).first()
    # On its own columns alone: of two updates through a join PostgreSQL lets both win.
    replaced = session is not None and AppSession.objects.filter(
        pk=session.pk,
        refresh_digest=digest,
        revoked_at=None,
        refresh_until__gt=now,
    ).update(
        token_digest=secret_digest(token),
        refresh_digest=secret_digest(renewed),
        expires_at=now + TOKEN_LIFETIME,
        refresh_until=now + REFRESH_LIFETIME,
        last_used_at=now,
    )
    if not replaced:
        raise SignInRefused
    return AppTokens(token, "", renewed)


def revoke_session(*, session: AppSession, now: datetime) -> None:
    """End one session; its tokens are worthless from now on."""
    AppSession.objects.filter(pk=session.pk, revoked_at=None).update(revoked_at=now)


def revoke_sessions(*, user: User, now: datetime) -> int:
    """End all app sessions of ``user``; returns how many there were."""
    return AppSession.objects.filter(user=user, revoked_at=None).update(revoked_at=now)


def order_phone_code(*, phone: str, now: datetime, for_password: bool = False) -> None:
    """Send a new six-digit code to ``phone`` (E.164); earlier ones stop working.

    It signs in, or with ``for_password`` lets set a new password; either is as good.

    Whether the number has an account is not told by the answer, and hardly by its time:
    the hash, which takes most of it, is made either way, and the limits allow no averages.

    :raises TooManyTries: too many codes for this number within the hour, or too many
        numbers from this address.
    """
    hour = timedelta(hours=1)
    per_hour: int = settings.APP_CODES_PER_HOUR
    address, limit = origin.get().address, per_hour * CODE_ADDRESSES
    spend(what="code-address", key=address, limit=limit, per=hour, now=now)
    spend(what="code", key=phone, limit=per_hour, per=hour, now=now)
    code = f"{secrets.randbelow(1_000_000):06d}"
    code_hash = make_password(code)
    user = User.objects.filter(phone=phone, is_active=True).first()
    if user is None:
        return
    with transaction.atomic():
        PhoneCode.objects.filter(user=user, used_at=None).update(used_at=now)
        PhoneCode.objects.create(
            user=user,
            code_hash=code_hash,
            tries_left=CODE_TRIES,
            created_at=now,
            expires_at=now + CODE_LIFETIME,
        )
        with translation.override(user.language):
            text = code_message(code=code, for_password=for_password)
        send_sms(recipient=phone, text=text, now=now)


def sign_in_with_code(
    *,
    users: Collection[User],
    names: Collection[str],
    code: str,
    client: str,
    now: datetime,
) -> tuple[User, AppTokens]:
    """Check ``code`` against the newest code of each of ``users``.

    Masked numbers are ambiguous (a leading digit may be lost), hence several users.

    :raises TooManyTries: of one of these names or from this address.
    :raises SignInRefused: no code, a wrong, spent or expired one, or no tries left.
    """
    _throttle_sign_in(names, now)
    for user in users:
        if user.is_active and spend_phone_code(user=user, code=code, now=now):
            return user, open_session(user=user, client=client, now=now)
    raise SignInRefused


def spend_phone_code(*, user: User, code: str, now: datetime) -> bool:
    """Whether ``code`` is the newest that was sent to ``user``; it is spent by that."""
    live = PhoneCode.objects.filter(user=user, used_at=None, expires_at__gt=now)
    newest = live.order_by("-created_at", "-pk").first()
    # The try is spent before the code is looked at: parallel guesses share five tries.
    if newest is None or not live.filter(pk=newest.pk, tries_left__gt=0).update(
        tries_left=F("tries_left") - 1
    ):
        return False
    if not check_password(code, newest.code_hash):
        return False
    return bool(live.filter(pk=newest.pk).update(used_at=now))
