"""The people of a company: made with an invitation, changed, disabled, deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from portico.accounts.models import User
from portico.accounts.services.app_sessions import revoke_sessions
from portico.accounts.services.email_address import leave_old_address
from portico.accounts.services.password_links import invite
from portico.accounts.services.portal_sessions import drop_sessions
from portico.accounts.services.second_factors import require_email_code
from portico.audit.services import record
from portico.kernel.rows import save_shown
from portico.tenancy.enums import Role
from portico.tenancy.errors import EmailTaken, LastOwner, UserNameTaken
from portico.tenancy.models import Membership, Organization
from portico.tenancy.services.organizations import add_member


@dataclass(frozen=True, slots=True)
class PersonData:
    """An account for somebody of the staff; ``username`` empty: signs in by email."""

    username: str
    name: str
    email: str
    language: str


@transaction.atomic
def create_member(
    *,
    actor: User | None,
    organization: Organization,
    data: PersonData,
    role: Role,
    now: datetime,
) -> Membership:
    """Make an account in ``organization`` and mail its invitation.

    Whether ``actor`` may is decided by who calls.

    :raises UserNameTaken, EmailTaken: another account has it; nothing was made.
    """
    _check_free(data, None)
    try:
        with transaction.atomic():
            user = User.objects.create_user(
                data.username or None,
                email=data.email,
                name=data.name,
                language=data.language,
                time_zone=organization.time_zone,
            )
    except IntegrityError:  # somebody was quicker, just now
        _check_free(data, None)
        raise
    membership = add_member(
        actor=actor, organization=organization, user=user, role=role, now=now
    )
    if organization.requires_email_code and actor is not None:
        require_email_code(actor=actor, user=user, required=True, now=now)
    invite(actor=actor, user=user, now=now)
    return membership


def _check_free(data: PersonData, mine: User | None) -> None:
    others = User.objects.exclude(pk=mine.pk) if mine else User.objects.all()
    if data.username and others.filter(username__iexact=data.username).exists():
        raise UserNameTaken(_("Another account has this user name. Choose another."))
    if others.filter(email=data.email.lower()).exists():
        raise EmailTaken(_("Another account has this email."))


@transaction.atomic
def change_member(
    *, actor: User, member: Membership, data: PersonData, version: int, now: datetime
) -> None:
    """Save what is known of a person; a new email has to be confirmed again.

    ``version`` is the one that was shown. The old mailbox is told, and what was sent there
    is worthless.

    :raises UserNameTaken, EmailTaken: another account has it.
    :raises ChangedMeanwhile: somebody else has saved since.
    """
    user = member.user
    _check_free(data, user)
    changes: dict[str, object] = {
        "username": data.username or None,
        "name": data.name,
        "email": data.email.lower(),
        "language": data.language,
    }
    before = {key: getattr(user, key) for key in changes}
    is_moved = before["email"] != changes["email"]
    unconfirmed = {"email_confirmed_at": None} if is_moved else {}
    try:
        save_shown(user, version, {**changes, **unconfirmed})
    except IntegrityError:
        _check_free(data, user)
        raise
    if before == changes:
        return
    if is_moved and before["email"]:
        leave_old_address(
            user=user, old=before["email"], new=data.email.lower(), now=now
        )
    _record(actor, member, "changed", before, changes, now=now)


@transaction.atomic
def set_member_active(
    *, actor: User, member: Membership, active: bool, now: datetime
) -> None:
    """Let an account sign in, or lock it out at once; its sessions end.

    :raises LastOwner: nobody could speak for the company any more.
    """
    if not active:
        _keep_an_owner(member)
    if not User.objects.filter(pk=member.user_id, is_active=not active).update(
        is_active=active
    ):
        return
    if not active:
        _end_sessions(member.user, now)
    before, after = {"active": not active}, {"active": active}
    _record(actor, member, "enabled" if active else "disabled", before, after, now=now)


@transaction.atomic
def delete_member(*, actor: User, member: Membership, now: datetime) -> None:
    """Delete an account; the logs keep its name.

    :raises LastOwner: nobody could speak for the company any more.
    """
    _keep_an_owner(member)
    _end_sessions(member.user, now)
    before = {"user": str(member.user), "role": member.role}
    _record(actor, member, "deleted", before, {}, now=now)
    User.objects.filter(pk=member.user_id).delete()


@transaction.atomic
def set_password_reminder(
    *, actor: User, member: Membership, wanted: bool, now: datetime
) -> None:
    """Remind a property manager once a month to change the password, or do not."""
    rows = Membership.objects.filter(pk=member.pk, password_reminder=not wanted)
    if rows.update(password_reminder=wanted, reminded_at=now if wanted else None):
        before, after = {"password_reminder": not wanted}, {"password_reminder": wanted}
        _record(actor, member, "changed", before, after, now=now)


def _end_sessions(user: User, now: datetime) -> None:
    drop_sessions(user=user)
    revoke_sessions(user=user, now=now)


def _keep_an_owner(member: Membership) -> None:
    if member.role != Role.OWNER:
        return
    # Held, so that two who delete each other at once do not both succeed.
    owners = Membership.objects.select_for_update().filter(
        organization=member.organization_id, role=Role.OWNER, user__is_active=True
    )
    if not [other for other in owners if other.pk != member.pk]:
        raise LastOwner(_("A company keeps one owner who can sign in."))


def _record(
    actor: User,
    member: Membership,
    verb: str,
    before: Mapping[str, object],
    after: Mapping[str, object],
    *,
    now: datetime,
) -> None:
    record(
        actor=actor,
        action=f"member.{verb}",
        subject=member.user,
        organization_id=member.organization_id,
        before=before,
        after=after,
        now=now,
    )
