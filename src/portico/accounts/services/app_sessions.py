"""Sign-in of the app API: several sessions per user, tokens kept as digests only."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from portico.accounts.errors import SignInRefused
from portico.accounts.models import AppSession, PhoneCode, User
from portico.accounts.services.passwords import digest_matches
from portico.accounts.services.throttle import spend
from portico.kernel.context import origin
from portico.kernel.ids import new_secret, secret_digest
from portico.mail.services import send_sms

# What clients are told as token_valid, and expect: seven days.
TOKEN_LIFETIME = timedelta(days=7)
# A phone that was off for the holidays refreshes; after a quarter one signs in again.
REFRESH_LIFETIME = timedelta(days=90)
CODE_LIFETIME = timedelta(minutes=10)
CODE_TRIES = 5
# One person retyping stays below; a guesser of six digits gets nowhere.
SIGN_INS_PER_MINUTE = 10
CODES_PER_HOUR = 5
# A client on a bad network repeats a request whose answer it lost.
TOUCH_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class AppTokens:
    """The plain tokens, shown to the client once."""

    token: str
    auth_token: str
    refresh_token: str


def _throttle_sign_in(account: str, now: datetime) -> None:
    minute = timedelta(minutes=1)
    limit = SIGN_INS_PER_MINUTE
    spend(what="app-account", key=account, limit=limit, per=minute, now=now)
    address = origin.get().address
    spend(what="app-address", key=address, limit=limit * 3, per=minute, now=now)


def sign_in_with_digest(
    *, user: User | None, account: str, digest: str, client: str, now: datetime
) -> tuple[User, AppTokens]:
    """Check ``digest`` and open a session; ``account`` is the name as sent.

    :raises TooManyTries: of this account or from this address.
    :raises SignInRefused: unknown, disabled or wrong, without saying which.
    """
    _throttle_sign_in(account, now)
    matches = digest_matches(user, digest)
    if user is None or not matches or not user.is_active:
        raise SignInRefused
    return user, open_session(user=user, client=client, now=now)


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
    return tokens


def session_for(*, token: str, now: datetime) -> AppSession | None:
    """The live session that ``token`` belongs to.

    Both the token and the long-lived auth token are accepted, as clients send either.
    """
    digest = secret_digest(token)
    live = AppSession.objects.select_related("user").filter(
        revoked_at=None, expires_at__gt=now, user__is_active=True
    )
    session = live.filter(token_digest=digest).first()
    session = session or live.filter(auth_digest=digest).first()
    if session is not None and now - session.last_used_at > TOUCH_EVERY:
        AppSession.objects.filter(pk=session.pk).update(last_used_at=now)
    return session


def refresh_session(*, refresh_token: str, now: datetime) -> AppTokens:
    """Replace token and refresh token of a session.

    :raises SignInRefused: the refresh token is unknown, spent, expired or revoked.
    """
    token, renewed = new_secret(), new_secret()
    replaced = AppSession.objects.filter(
        refresh_digest=secret_digest(refresh_token),
        revoked_at=None,
        refresh_until__gt=now,
        user__is_active=True,
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


def order_phone_code(*, phone: str, now: datetime) -> None:
    """Send a new six-digit code to ``phone`` (E.164); earlier ones stop working.

    Whether the number has an account is not told, neither by the answer nor its time.

    :raises TooManyTries: too many codes for this number within the hour, or too many
        numbers from this address.
    """
    hour = timedelta(hours=1)
    spend(what="code", key=phone, limit=CODES_PER_HOUR, per=hour, now=now)
    address = origin.get().address
    limit = CODES_PER_HOUR * 10
    spend(what="code-address", key=address, limit=limit, per=hour, now=now)
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
        text = _("%(code)s is your sign-in code. It is valid for 10 minutes.")
        send_sms(recipient=phone, text=text % {"code": code}, now=now)


def sign_in_with_code(
    *, users: list[User], account: str, code: str, client: str, now: datetime
) -> tuple[User, AppTokens]:
    """Check ``code`` against the newest code of each of ``users``.

    Masked numbers are ambiguous (a leading digit may be lost), hence several users.

    :raises TooManyTries: of this number or from this address.
    :raises SignInRefused: no code, a wrong, spent or expired one, or no tries left.
    """
    _throttle_sign_in(account, now)
    for user in users:
        if user.is_active and _spend_code(user, code, now):
            return user, open_session(user=user, client=client, now=now)
    raise SignInRefused


def _spend_code(user: User, code: str, now: datetime) -> bool:
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
