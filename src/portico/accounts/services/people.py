"""What others change about somebody's account, and how they let him in."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import translation
from django.utils.translation import gettext as _

from portico.accounts import letters
from portico.accounts.enums import Audience, LinkPurpose
from portico.accounts.errors import NoMailbox
from portico.accounts.models import PasswordLink, User
from portico.accounts.services.password_links import (
    INVITE_LIFETIME,
    end_access,
    issue_link,
)
from portico.mail.enums import Channel
from portico.mail.letters import Letter
from portico.mail.ports import sms_transport
from portico.mail.services import send_letter, send_sms

# Somebody who is told on the phone reads the mail in the evening.
NEW_PASSWORD_LIFETIME = timedelta(days=1)


def way_to(user: User) -> Channel | None:
    """How a link reaches a resident: by mail, else by SMS if this installation sends any."""
    if user.email:
        return Channel.EMAIL
    return Channel.SMS if user.phone and sms_transport() is not None else None


@transaction.atomic
def send_resident_link(*, user: User, house: str, now: datetime) -> Channel:
    """Send a resident a link to set his password; earlier links stop working.

    A password that he has goes on working until he has set the new one. Whether anybody
    may order that is decided by who calls.

    :raises NoMailbox: he has no email, and an SMS cannot be sent.
    """
    # Held, so that a password which is being set makes this link worthless, too.
    user = User.objects.select_for_update().get(pk=user.pk)
    way = way_to(user)
    if way is None:
        raise NoMailbox(
            _(
                "Nothing was sent: there is no email, and this installation sends no SMS."
                " Enter an email first."
            )
        )
    PasswordLink.objects.filter(user=user, used_at=None).update(used_at=now)
    is_new = not user.has_usable_password()
    purpose = LinkPurpose.INVITE if is_new else LinkPurpose.RESET
    lifetime = INVITE_LIFETIME if is_new else NEW_PASSWORD_LIFETIME
    secret = issue_link(user, purpose, Audience.RESIDENT, lifetime, now)

    def write() -> Letter:
        days, name = lifetime.days, user.email or ""
        if is_new:
            return letters.resident_welcome(
                secret=secret, house=house, name=name, days=days
            )
        return letters.resident_new_password(secret=secret, house=house, days=days)

    if way == Channel.EMAIL:
        send_letter(
            recipient=user.email or "",
            language=user.language,
            write=write,
            useless_after=now + lifetime,
            now=now,
        )
        return way
    with translation.override(user.language):
        text = letters.resident_message(secret=secret, house=house, days=lifetime.days)
    send_sms(recipient=user.phone or "", text=text, now=now)
    return way


def tell_of_house(*, user: User, house: str, now: datetime) -> None:
    """Mail somebody who has a password that his account opens ``house``, too.

    Who has no email is not told. Call inside the transaction that links the house.
    """
    if not user.email:
        return
    send_letter(
        recipient=user.email,
        language=user.language,
        write=lambda: letters.house_added(house=house),
        now=now,
    )


@transaction.atomic
def forget_ways_in(*, user: User, now: datetime) -> None:
    """Take email, number and password from ``user``, and end everything that they opened.

    The account stays, unused, until it gets another email or number. Nobody is told.
    """
    end_access(user=user, now=now)
    user.set_unusable_password()
    User.objects.filter(pk=user.pk).update(
        email=None,
        phone=None,
        email_confirmed_at=None,
        password=user.password,
        app_digest="",
        version=F("version") + 1,
    )
    user.refresh_from_db()
