"""What happens to residents' accounts."""

from __future__ import annotations

from datetime import datetime

from portico.accounts.services.app_sessions import session_for
from portico.accounts.services.people import send_resident_link, way_to
from portico.kernel.queue import enqueue
from portico.sites.models import Resident, Site

# The job that tells a house's units who lives there.
PEOPLE_CHANGED = "provisioning.people_changed"
# The job that finds out where a house is.
ADDRESS_CHANGED = "weather.address_changed"


def people_changed(*, site: Site) -> None:
    """Somebody of ``site`` came, left or has another name.

    Call inside the transaction of the change.
    """
    key = f"people:{site.pk}"
    enqueue(PEOPLE_CHANGED, unique_key=key, site_id=str(site.pk))


def address_changed(*, site: Site) -> None:
    """``site`` has an address, or another one. Call inside the transaction of the change."""
    if site.address:
        key = f"address:{site.pk}"
        enqueue(ADDRESS_CHANGED, unique_key=key, site_id=str(site.pk))


def welcome(*, resident: Resident, now: datetime) -> None:
    """Send a new resident a link to set his password, if there is a way to reach him.

    Call inside the transaction that makes the account.
    """
    if way_to(resident.user) is not None:
        send_resident_link(user=resident.user, house=resident.site.room_name, now=now)


def signed_in_by(*, token: str, now: datetime) -> Resident | None:
    """Who uses the app API with ``token``, with site, user and SIP account.

    One query, because a person at a door waits for it; using a session keeps it alive.
    """
    related = ("user__resident__site", "user__resident__sip")
    session = session_for(token=token, now=now, related=related)
    return None if session is None else getattr(session.user, "resident", None)


def mark_registered(*, resident: Resident, now: datetime) -> None:
    """The resident has signed in or set a password; later calls change nothing."""
    Resident.objects.filter(pk=resident.pk, registered_at=None).update(
        registered_at=now
    )
