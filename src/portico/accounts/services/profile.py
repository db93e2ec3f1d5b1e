"""What a person changes about his own account."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from portico.accounts.enums import TimeFormat
from portico.accounts.errors import WrongPassword
from portico.accounts.models import User
from portico.accounts.services.app_sessions import revoke_sessions
from portico.accounts.services.passwords import set_password
from portico.accounts.services.throttle import spend
from portico.audit.services import record

# Somebody at an unlocked screen does not get to guess the password.
PASSWORD_TRIES = 5
PASSWORD_TRIES_PER = timedelta(minutes=5)


@transaction.atomic
def change_profile(
    *, user: User, name: str, time_zone: str, time_format: TimeFormat, now: datetime
) -> None:
    """Save name, time zone and time format of ``user``; ``time_zone`` exists."""
    changes = {
        "name": name.strip(),
        "time_zone": time_zone,
        "time_format": str(time_format),
    }
    before = {key: getattr(user, key) for key in changes}
    if before == changes:
        return
    for key, value in changes.items():
        setattr(user, key, value)
    user.save(update_fields=list(changes))
    record(
        actor=user,
        action="account.changed",
        subject=user,
        before=before,
        after=changes,
        now=now,
    )


def change_password(*, user: User, current: str, new: str, now: datetime) -> None:
    """Replace the password of ``user``, who proves that he knows the ``current`` one.

    All other sessions of the pages end, and all of the app API.

    :raises TooManyTries: of this account.
    :raises WrongPassword: ``current`` is not the password.
    :raises WeakPassword: ``new`` is too short, common, or like the user's name.
    """
    spend(
        what="own-password",
        key=str(user.pk),
        limit=PASSWORD_TRIES,
        per=PASSWORD_TRIES_PER,
        now=now,
    )
    if not user.check_password(current):
        raise WrongPassword(_("This is not your current password."))
    with transaction.atomic():
        set_password(user=user, password=new)
        revoke_sessions(user=user, now=now)
        record(actor=user, action="account.password_changed", subject=user, now=now)
