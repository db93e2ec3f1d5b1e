"""The second step of signing in: who must take it, and who is told of changes."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from portico.accounts import letters
from portico.accounts.enums import SecurityChange
from portico.accounts.errors import OrderedByOthers
from portico.accounts.models import User
from portico.accounts.services.portal_sessions import distrust_all
from portico.audit.services import record
from portico.kernel.context import origin
from portico.mail.services import send_letter


@transaction.atomic
def require_email_code(
    *, actor: User, user: User, required: bool, now: datetime
) -> None:
    """Order a code by email at every sign-in of ``user``, or take the order back.

    Whether ``actor`` may is decided by who calls. The own choice of ``user`` stays.
    """
    changed = User.objects.filter(pk=user.pk).exclude(email_code_required=required)
    if not changed.update(email_code_required=required):
        return
    user.email_code_required = required
    record(
        actor=actor,
        action="account.email_code_required",
        subject=user,
        before={"required": not required},
        after={"required": required},
        now=now,
    )
    if not user.has_usable_password():
        return  # a new account, whose owner has not been here
    if required:
        _tell(user, SecurityChange.EMAIL_CODE_REQUIRED, now)
    elif not user.email_code_chosen:
        _tell(user, SecurityChange.EMAIL_CODE_OFF, now)


@transaction.atomic
def choose_email_code(*, user: User, chosen: bool, now: datetime) -> None:
    """Turn the own code by email on or off.

    :raises OrderedByOthers: off is not possible while those above have ordered it.
    """
    if user.email_code_required and not chosen:
        raise OrderedByOthers(
            _("The company that made your account requires the code.")
        )
    changed = User.objects.filter(pk=user.pk).exclude(email_code_chosen=chosen)
    if not changed.update(email_code_chosen=chosen):
        return
    user.email_code_chosen = chosen
    on, off = SecurityChange.EMAIL_CODE_ON, SecurityChange.EMAIL_CODE_OFF
    note_security_change(user=user, change=on if chosen else off, now=now)


@transaction.atomic
def note_security_change(*, user: User, change: SecurityChange, now: datetime) -> None:
    """Write down what has become of the sign-in of ``user``, and mail it to him.

    Browsers that were trusted before have to show the second step again.
    """
    distrust_all(user=user)
    record(actor=user, action=f"account.{change.value}", subject=user, now=now)
    _tell(user, change, now)


def _tell(user: User, change: SecurityChange, now: datetime) -> None:
    if not user.email:
        return
    address = origin.get().address
    send_letter(
        recipient=user.email,
        language=user.language,
        write=lambda: letters.security_changed(change=change, address=address),
        now=now,
    )
