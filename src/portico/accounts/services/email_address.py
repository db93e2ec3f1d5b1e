"""An account's own address: entered, confirmed by code or link, changed."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _

from portico.accounts import letters
from portico.accounts.enums import CodePurpose
from portico.accounts.errors import AccountTaken, LinkSpent
from portico.accounts.models import EmailCode, PasswordLink, User
from portico.accounts.services.email_codes import (
    CODE_LIFETIME,
    HOUR,
    minutes_of,
    new_code,
    spend_code,
    store_code,
)
from portico.accounts.services.throttle import spend
from portico.audit.services import record
from portico.kernel.ids import new_secret, secret_digest
from portico.mail.services import checked_address, send_letter

# One account may not fill strangers' mailboxes.
MAILS_PER_ACCOUNT = 10
MAILS_PER_ADDRESS = 5


def order_confirmation(*, user: User, email: str, now: datetime) -> None:
    """Mail a code and a link to ``email``; it becomes the address when one comes back.

    An address that another account has gets a mail that says so: the page must not tell.

    :raises BadAddress: not one mail address.
    :raises TooManyTries: too many mails from this account or to this address.
    """
    target = checked_address(email.strip().lower())
    limit = MAILS_PER_ACCOUNT
    spend(what="confirm", key=str(user.pk), limit=limit, per=HOUR, now=now)
    limit = MAILS_PER_ADDRESS
    spend(what="confirm-address", key=target, limit=limit, per=HOUR, now=now)
    code, secret = new_code(), new_secret()
    with transaction.atomic():
        row = store_code(
            user=user,
            purpose=CodePurpose.CONFIRM,
            email=target,
            code=code,
            link_digest=secret_digest(secret),
            now=now,
        )
        if User.objects.filter(email=target).exclude(pk=user.pk).exists():
            send_letter(
                recipient=target,
                language=user.language,
                write=letters.email_in_use,
                now=now,
            )
            return
        send_letter(
            recipient=target,
            language=user.language,
            write=lambda: letters.confirm_email(
                code=code, secret=secret, minutes=minutes_of(CODE_LIFETIME)
            ),
            useless_after=row.expires_at,
            now=now,
        )


def pending_address(*, user: User, now: datetime) -> str:
    """The address that waits to be confirmed; empty: none does."""
    codes = EmailCode.objects.filter(
        user=user, purpose=CodePurpose.CONFIRM, used_at=None, expires_at__gt=now
    )
    newest = codes.order_by("-created_at", "-pk").first()
    return "" if newest is None else newest.email


def confirm_by_code(*, user: User, code: str, now: datetime) -> None:
    """Make the address that ``code`` was mailed to the one of ``user``.

    :raises CodeRefused: wrong, spent, expired, another account's, or no tries left.
    :raises AccountTaken: another account has taken the address meanwhile.
    """
    row = spend_code(user=user, purpose=CodePurpose.CONFIRM, code=code, now=now)
    _confirm(row, user, now)


@transaction.atomic
def confirm_by_link(*, secret: str, now: datetime) -> User:
    """Make the address that the link was mailed to the one of its account.

    :raises LinkSpent: used, expired, replaced or unknown, or the account is disabled.
    :raises AccountTaken: another account has taken the address meanwhile.
    """
    links = EmailCode.objects.filter(
        link_digest=secret_digest(secret), used_at=None, expires_at__gt=now
    )
    row = links.filter(user__is_active=True).select_related("user").first()
    if row is None or not links.filter(pk=row.pk).update(used_at=now):
        raise LinkSpent
    _confirm(row, row.user, now)
    return row.user


def _confirm(row: EmailCode, user: User, now: datetime) -> None:
    before = user.email
    try:
        with transaction.atomic():
            User.objects.filter(pk=user.pk).update(
                email=row.email, email_confirmed_at=now, version=F("version") + 1
            )
            record(
                actor=user,
                action="account.email_confirmed",
                subject=user,
                before={"email": before},
                after={"email": row.email},
                now=now,
            )
            if before and before != row.email:
                leave_old_address(user=user, old=before, new=row.email, now=now)
    except IntegrityError:
        raise AccountTaken(_("Another account has this email.")) from None
    user.email, user.email_confirmed_at = row.email, now


def leave_old_address(*, user: User, old: str, new: str, now: datetime) -> None:
    """Tell the old mailbox, and make every link and code that was sent worthless."""
    for proof in (PasswordLink, EmailCode):
        proof.objects.filter(user=user, used_at=None).update(used_at=now)
    if not user.has_usable_password():
        return  # nobody has used the account: a stranger may have that mailbox
    send_letter(
        recipient=old,
        language=user.language,
        write=lambda: letters.email_changed(new=new),
        now=now,
    )


def switch_notification_push(*, user: User, enabled: bool, now: datetime) -> None:
    """Turn the mailing of notifications on or off."""
    changed = User.objects.filter(pk=user.pk).exclude(notification_push=enabled)
    with transaction.atomic():
        if not changed.update(notification_push=enabled):
            return
        record(
            actor=user,
            action="account.notification_push_switched",
            subject=user,
            before={"enabled": not enabled},
            after={"enabled": enabled},
            now=now,
        )
    user.notification_push = enabled
