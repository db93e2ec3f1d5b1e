"""Setting a password without knowing the old one: forgotten, or a new account."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from portico.accounts import letters
from portico.accounts.enums import Audience, LinkPurpose, SecurityChange
from portico.accounts.errors import CodeRefused, HasPassword, LinkSpent, NoMailbox
from portico.accounts.models import (
    EmailCode,
    OneTimeLogin,
    PasswordLink,
    PhoneCode,
    User,
)
from portico.accounts.services.app_sessions import revoke_sessions, spend_phone_code
from portico.accounts.services.passwords import check_strength, set_password
from portico.accounts.services.portal_sessions import drop_sessions
from portico.accounts.services.second_factors import note_security_change
from portico.accounts.services.throttle import spend
from portico.audit.services import record
from portico.kernel.context import origin
from portico.kernel.ids import new_secret, secret_digest
from portico.kernel.queue import enqueue
from portico.mail.services import send_letter

SEND_RESET = "accounts.send_password_reset"
RESET_LIFETIME = timedelta(hours=1)
# A new installer may be on holiday.
INVITE_LIFETIME = timedelta(days=7)
HOUR = timedelta(hours=1)
RESETS_PER_NAME = 5
# A company behind one address; more is somebody who tries names.
RESETS_PER_ADDRESS = 30
# Guesses at a code of six digits, whichever code it is.
CODE_GUESSES_PER_HOUR = 10


def request_reset(*, name: str, audience: Audience, now: datetime) -> None:
    """Order a mail with a link for the account that ``name`` means, if there is one.

    Nothing is looked up here, so that neither the answer nor its time can tell.

    :raises TooManyTries: for this name or from this address.
    """
    address, limit = origin.get().address, RESETS_PER_ADDRESS
    spend(what="reset-address", key=address, limit=limit, per=HOUR, now=now)
    key, limit = name.strip().lower(), RESETS_PER_NAME
    spend(what="reset", key=key, limit=limit, per=HOUR, now=now)
    enqueue(SEND_RESET, name=key[:254], audience=str(audience))


@transaction.atomic
def send_reset(*, name: str, audience: Audience, now: datetime) -> None:
    """Mail a link to the active account with this user name or email; else do nothing."""
    meant = Q(email=name.lower())
    if audience == Audience.STAFF:
        meant |= Q(username__iexact=name)
    user = User.objects.filter(meant, is_active=True).exclude(email=None).first()
    if user is None or not user.email:
        return
    secret = issue_link(user, LinkPurpose.RESET, audience, RESET_LIFETIME, now)
    minutes = int(RESET_LIFETIME.total_seconds() // 60)
    send_letter(
        recipient=user.email,
        language=user.language,
        write=lambda: letters.password_reset(secret=secret, minutes=minutes),
        useless_after=now + RESET_LIFETIME,
        now=now,
    )


@transaction.atomic
def invite(
    *,
    actor: User | None,
    user: User,
    now: datetime,
    audience: Audience = Audience.STAFF,
) -> None:
    """Mail ``user`` a link to set his first password; earlier invitations stop working.

    Whether ``actor`` may is decided by who calls.

    :raises NoMailbox: the account has no email.
    :raises HasPassword: there is one; only its owner asks for another.
    """
    # Held, so that a password which is being set makes this link worthless, too.
    user = User.objects.select_for_update().get(pk=user.pk)
    if user.has_usable_password():
        raise HasPassword(
            _(
                "This account has a password. Who has forgotten it uses “Forgot"
                " password” on the sign-in page."
            )
        )
    if not user.email:
        raise NoMailbox(_("This account has no email to send an invitation to."))
    PasswordLink.objects.filter(
        user=user, purpose=LinkPurpose.INVITE, used_at=None
    ).update(used_at=now)
    secret = issue_link(user, LinkPurpose.INVITE, audience, INVITE_LIFETIME, now)
    name = user.username or user.email
    send_letter(
        recipient=user.email,
        language=user.language,
        write=lambda: letters.invitation(
            secret=secret, name=name, days=INVITE_LIFETIME.days
        ),
        useless_after=now + INVITE_LIFETIME,
        now=now,
    )
    record(actor=actor, action="account.invited", subject=user, now=now)


def issue_first_link(*, user: User, now: datetime) -> str:
    """The secret of a link for the terminal, where the installation is set up."""
    return issue_link(user, LinkPurpose.INVITE, Audience.STAFF, RESET_LIFETIME, now)


def issue_link(
    user: User,
    purpose: LinkPurpose,
    audience: Audience,
    lifetime: timedelta,
    now: datetime,
) -> str:
    """The secret of a new link for ``user``; it is not stored."""
    secret = new_secret()
    PasswordLink.objects.create(
        user=user,
        purpose=purpose,
        audience=audience,
        digest=secret_digest(secret),
        created_at=now,
        expires_at=now + lifetime,
    )
    return secret


def password_link(*, secret: str, now: datetime) -> PasswordLink:
    """The link that ``secret`` opens, not spent by looking.

    :raises LinkSpent: used, expired or unknown, or the account is disabled.
    """
    links = PasswordLink.objects.filter(
        digest=secret_digest(secret), used_at=None, expires_at__gt=now
    )
    link = links.filter(user__is_active=True).select_related("user").first()
    if link is None:
        raise LinkSpent
    return link


@transaction.atomic
def set_password_by_link(*, secret: str, password: str, now: datetime) -> PasswordLink:
    """Give the account of the link a new password; everything that was open ends.

    :raises LinkSpent: used, expired or unknown, or the account is disabled.
    :raises WeakPassword: too short, common, or like the user's name; the link stays.
    """
    link = password_link(secret=secret, now=now)
    if not PasswordLink.objects.filter(pk=link.pk, used_at=None).update(used_at=now):
        raise LinkSpent
    replace_password(user=link.user, password=password, now=now)
    return link


def set_password_by_phone_code(
    *, phone: str, code: str, password: str, now: datetime
) -> User:
    """The same for a resident who shows the code that was sent to ``phone`` (E.164).

    :raises TooManyTries: for this number.
    :raises CodeRefused: wrong, spent or expired, or no such account.
    :raises WeakPassword: too short, common, or like the user's name; the code stays.
    """
    limit = CODE_GUESSES_PER_HOUR
    spend(what="reset-code", key=phone, limit=limit, per=HOUR, now=now)
    user = User.objects.filter(phone=phone, is_active=True).first()
    check_strength(password=password, user=user)
    if user is None:
        make_password(code)  # as long as looking at a code takes
    if user is None or not spend_phone_code(user=user, code=code, now=now):
        raise CodeRefused(_("This code is wrong or no longer works."))
    replace_password(user=user, password=password, now=now)
    return user


@transaction.atomic
def replace_password(*, user: User, password: str, now: datetime) -> None:
    """Set a new password, for pages and app API; end every session, code and link.

    :raises WeakPassword: too short, common, or like the user's name.
    """
    set_password(user=user, password=password)
    end_access(user=user, now=now)
    note_security_change(user=user, change=SecurityChange.PASSWORD, now=now)


def end_access(*, user: User, now: datetime) -> None:
    """End every session of ``user``, and every code and link that was sent to him."""
    drop_sessions(user=user)
    revoke_sessions(user=user, now=now)
    for proof in (PasswordLink, EmailCode, PhoneCode, OneTimeLogin):
        proof.objects.filter(user=user, used_at=None).update(used_at=now)
