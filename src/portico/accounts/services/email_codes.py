"""Six digits by mail: how they are made, sent, and tried."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from portico.accounts import letters
from portico.accounts.enums import CodePurpose
from portico.accounts.errors import CodeRefused, NoMailbox
from portico.accounts.models import EmailCode, User
from portico.accounts.services.throttle import spend
from portico.mail.services import send_letter

CODE_LIFETIME = timedelta(minutes=10)
CODE_TRIES = 5
# Mail takes a while; who presses again at once only fills his mailbox.
RESEND_AFTER = timedelta(seconds=60)
# Each code is five guesses at a million: fifty an hour, with the password already known.
CODES_PER_HOUR = 10
HOUR = timedelta(hours=1)


def minutes_of(lifetime: timedelta) -> int:
    """``lifetime`` as mails tell it."""
    return int(lifetime.total_seconds() // 60)


def next_code_at(*, user: User, purpose: CodePurpose, now: datetime) -> datetime:
    """When another code may be ordered: ``now``, unless one is on its way."""
    newest = _live(user, purpose, now).first()
    if newest is None or not newest.tries_left:
        return now
    return max(now, newest.created_at + RESEND_AFTER)


def order_sign_in_code(*, user: User, now: datetime) -> None:
    """Mail a sign-in code, unless one was sent within the last minute.

    :raises NoMailbox: the account has no email.
    :raises TooManyTries: too many codes within the hour.
    """
    if not user.email:
        raise NoMailbox
    purpose = CodePurpose.SIGN_IN
    if next_code_at(user=user, purpose=purpose, now=now) > now:
        return
    key, limit = str(user.pk), CODES_PER_HOUR
    spend(what="sign-in-code", key=key, limit=limit, per=HOUR, now=now)
    code = new_code()
    with transaction.atomic():
        row = store_code(
            user=user, purpose=purpose, email=user.email, code=code, now=now
        )
        send_letter(
            recipient=row.email,
            language=user.language,
            write=lambda: letters.sign_in_code(
                code=code, minutes=minutes_of(CODE_LIFETIME)
            ),
            useless_after=row.expires_at,
            now=now,
        )


def check_sign_in_code(*, user: User, code: str, now: datetime) -> None:
    """Spend the sign-in code of ``user``.

    Whoever has read it has also shown that he reads mails to that address.

    :raises CodeRefused: wrong, spent, expired, another account's, or no tries left.
    """
    row = spend_code(user=user, purpose=CodePurpose.SIGN_IN, code=code, now=now)
    unconfirmed = User.objects.filter(pk=user.pk, email_confirmed_at=None)
    if unconfirmed.filter(email=row.email).update(email_confirmed_at=now):
        user.email_confirmed_at = now


def new_code() -> str:
    """Six digits that nobody can foresee."""
    return f"{secrets.randbelow(1_000_000):06d}"


def store_code(
    *,
    user: User,
    purpose: CodePurpose,
    email: str,
    code: str,
    now: datetime,
    link_digest: str | None = None,
) -> EmailCode:
    """Keep the hash of ``code``; earlier ones of the same purpose stop working."""
    EmailCode.objects.filter(user=user, purpose=purpose, used_at=None).update(
        used_at=now
    )
    return EmailCode.objects.create(
        user=user,
        purpose=purpose,
        email=email,
        code_hash=make_password(code),
        link_digest=link_digest,
        tries_left=CODE_TRIES,
        created_at=now,
        expires_at=now + CODE_LIFETIME,
    )


def spend_code(
    *, user: User, purpose: CodePurpose, code: str, now: datetime
) -> EmailCode:
    """The row that ``code`` opens, which is spent by that.

    :raises CodeRefused: wrong, spent, expired, another account's, or no tries left.
    """
    live = _live(user, purpose, now)
    newest = live.first()
    # The try is spent before the code is looked at: parallel guesses share five tries.
    if newest is None or not live.filter(pk=newest.pk, tries_left__gt=0).update(
        tries_left=F("tries_left") - 1
    ):
        raise CodeRefused(_("This code no longer works. Send a new one."))
    if not check_password(code, newest.code_hash):
        raise CodeRefused(_("This code is wrong."))
    if not live.filter(pk=newest.pk).update(used_at=now):
        raise CodeRefused(_("This code no longer works. Send a new one."))
    return newest


def _live(user: User, purpose: CodePurpose, now: datetime) -> QuerySet[EmailCode]:
    codes = EmailCode.objects.filter(user=user, purpose=purpose, used_at=None)
    return codes.filter(expires_at__gt=now).order_by("-created_at", "-pk")
