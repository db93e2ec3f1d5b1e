"""The people of a house: added, changed, let in anew, deleted (SITE-7, SITE-10)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from portico.accounts.models import User
from portico.accounts.services.email_address import leave_old_address
from portico.accounts.services.password_links import HOUR, end_access
from portico.accounts.services.people import send_resident_link
from portico.accounts.services.throttle import spend
from portico.audit.services import record
from portico.kernel.errors import NotVisible
from portico.kernel.rows import hold, save_shown
from portico.mail.enums import Channel
from portico.sites.enums import Feature, ResidentRole
from portico.sites.errors import MasterStays
from portico.sites.models import Resident, SipAccount, Site
from portico.sites.rules import no_more_members, service_state
from portico.sites.selectors import member_count
from portico.sites.services.entitlements import give_if_free
from portico.sites.services.linking import (
    check_unlinked,
    forget_accounts,
    hold_accounts,
)
from portico.sites.services.registration import (
    PersonData,
    add_resident,
    check_free,
    contact_of,
)
from portico.sites.services.residents import people_changed, welcome

# More are no help to anybody, and fill a mailbox.
LINKS_PER_HOUR = 5


@transaction.atomic
def add_family_member(
    *, actor: User, site: Site, data: PersonData, tell: bool = True, now: datetime
) -> Resident:
    """Add a family member, unregistered, and send him a link to set his password.

    With ``tell`` False the link is left to who calls.

    Beyond the free ones his app does nothing until he has an Additional App, which he has
    at once where it costs nothing. If ``data`` links the site to an account that there is,
    he has that one, and is told of the house.

    :raises NotVisible: a community, which has no family.
    :raises NotActivated: the app service of the house does not run.
    :raises ContactMissing, BadPhone, EmailTaken, PhoneTaken: as at registration.
    """
    if site.is_community:
        raise NotVisible
    # Held: whether this is one of the free ones must not change meanwhile.
    site = hold(site)
    refusal = no_more_members(service_state(site.entitlements.all(), now))
    if refusal is not None:
        raise refusal
    is_extra = member_count(site) >= site.free_members
    resident = add_resident(
        actor=actor, site=site, role=ResidentRole.MEMBER, data=data, now=now
    )
    if is_extra:
        give_if_free(
            site=site, feature=Feature.ADDITIONAL_APP, resident=resident, now=now
        )
    _record(actor, resident, "added", {}, _known(resident), now=now)
    if tell:
        welcome(resident=resident, now=now)
    return resident


@transaction.atomic
def change_resident(
    *, actor: User, resident: Resident, data: PersonData, version: int, now: datetime
) -> None:
    """Save what is known of a person; ``version`` is the one that was shown.

    Another email or number ends his sessions and everything that was sent to the old one;
    who has no password yet is sent a new link. With linked sites both stay.

    :raises ContactMissing, BadPhone, EmailTaken, PhoneTaken: as at registration.
    :raises AccountLinked: the account has linked sites, and another email or number.
    :raises ChangedMeanwhile: somebody else has saved since.
    """
    # Held: no site is linked to the account meanwhile.
    user, contact = hold(resident.user), contact_of(data)
    known = {key: getattr(user, key) for key in contact}
    check_unlinked(actor=actor, resident=resident, before=known, after=contact)
    check_free(contact, user)
    changes = {**contact, "name": data.name, "language": data.language}
    before = {key: getattr(user, key) for key in changes}
    is_moved = before["email"] != changes["email"]
    unconfirmed = {"email_confirmed_at": None} if is_moved else {}
    try:
        save_shown(user, version, {**changes, **unconfirmed})
    except IntegrityError:  # somebody was quicker, just now
        check_free(contact, user)
        raise
    if before == changes:
        return
    resident.user = user
    _record(actor, resident, "changed", before, changes, now=now)
    if before["name"] != data.name:
        for home in user.residents.select_related("site"):
            people_changed(site=home.site)
    if known != contact:
        _leave_old_ways(resident, before["email"] or "", now)


def _leave_old_ways(resident: Resident, old_email: str, now: datetime) -> None:
    """Whoever reads what goes to the old email or number is out from now on."""
    user, email = resident.user, resident.user.email or ""
    end_access(user=user, now=now)
    if old_email and old_email != email:
        leave_old_address(user=user, old=old_email, new=email, now=now)
    if not user.has_usable_password():
        welcome(resident=resident, now=now)


@transaction.atomic
def send_new_link(*, actor: User, resident: Resident, now: datetime) -> Channel:
    """Send a person a link to set a new password; earlier links stop working.

    :raises NoMailbox: he has no email, and an SMS cannot be sent.
    :raises TooManyTries: for this account.
    """
    user, house, limit = resident.user, resident.site.room_name, LINKS_PER_HOUR
    spend(what="resident-link", key=str(user.pk), limit=limit, per=HOUR, now=now)
    way = send_resident_link(user=user, house=house, now=now)
    _record(actor, resident, "link_sent", {}, {"by": way.value}, now=now)
    return way


@transaction.atomic
def delete_family_member(*, actor: User, resident: Resident, now: datetime) -> None:
    """Delete a family member's account; email and number are free, his SIP number is not.

    Apps are signed out at once; the logs keep his name. An account with linked sites stays
    with them, and reaches nothing of this one from now on. ``access`` ends what he has
    given out before it calls this.

    :raises MasterStays: he is the family master.
    :raises NotVisible: somebody else has deleted him.
    """
    if resident.role == ResidentRole.MASTER:
        raise MasterStays(_("The family master is deleted with the house only."))
    # Held: no site is linked to the account meanwhile.
    hold_accounts([resident.user_id])
    _record(actor, resident, "deleted", _known(resident), {}, now=now)
    rows = Resident.objects.filter(pk=resident.pk, role=ResidentRole.MEMBER)
    if not rows.delete()[0]:
        raise NotVisible
    # Numbers are counted up, so that this one is nobody's again.
    SipAccount.objects.filter(pk=resident.sip_id).delete()
    forget_accounts(user_ids=[resident.user_id], now=now)
    people_changed(site=resident.site)


def _known(resident: Resident) -> dict[str, object]:
    user = resident.user
    known = {key: getattr(user, key) for key in ("name", "email", "phone", "language")}
    return {**known, "sip": resident.sip.number}


def _record(
    actor: User,
    resident: Resident,
    verb: str,
    before: Mapping[str, object],
    after: Mapping[str, object],
    *,
    now: datetime,
) -> None:
    record(
        actor=actor,
        action=f"resident.{verb}",
        subject=resident.user,
        organization_id=resident.site.organization_id,
        site_id=resident.site_id,
        before=before,
        after=after,
        now=now,
    )
