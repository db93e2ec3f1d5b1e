"""What a person changes about his own account."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from portico.accounts.enums import TimeFormat
from portico.accounts.errors import WrongPassword
from portico.accounts.models import User
from portico.accounts.services.password_links import replace_password
from portico.accounts.services.throttle import forgive, spend
from portico.audit.services import record

# Somebody at an unlocked screen does not get to guess the password.
PASSWORD_TRIES = 5
_OWN_PASSWORD = "own-password"  # noqa: S105 -- the name of a limit
PASSWORD_TRIES_PER = timedelta(minutes=5)


@transaction.atomic
def change_profile(
    *,
    user: User,
    name: str,
    time_zone: str,
    time_format: TimeFormat,
    language: str,
    now: datetime,
) -> None:
    """Save what ``user`` says about himself; ``time_zone`` and ``language`` exist."""
    changes = {
        "name": name.strip(),
        "time_zone": time_zone,
        "time_format": str(time_format),
        "language": language,
    }
    before = {key: getattr(user, key) for key in changes}
    if before == changes:
        return
    User.objects.filter(pk=user.pk).update(version=F("version") + 1, **changes)
    for key, value in changes.items():
        setattr(user, key, value)
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

    All sessions end, those of the app API too; whoever calls renews the one that goes on.

    :raises TooManyTries: of this account.
    :raises WrongPassword: ``current`` is not the password.
    :raises WeakPassword: ``new`` is too short, common, or like the user's name.
    """
    confirm_password(user=user, current=current, now=now)
    replace_password(user=user, password=new, now=now)


def confirm_password(*, user: User, current: str, now: datetime) -> None:
    """Let ``user`` show that he knows his password.

    :raises TooManyTries: of this account.
    :raises WrongPassword: it is not the password.
    """
    spend(
        what=_OWN_PASSWORD,
        key=str(user.pk),
        limit=PASSWORD_TRIES,
        per=PASSWORD_TRIES_PER,
        now=now,
    )
    if not user.check_password(current):
        raise WrongPassword(_("This is not your current password."))
    forgive(what=_OWN_PASSWORD, key=str(user.pk))
