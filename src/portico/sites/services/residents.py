"""What happens to residents' accounts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import F

from portico.accounts.enums import DateFormat
from portico.accounts.models import User
from portico.accounts.services.app_sessions import keep_alive, opened_by
from portico.accounts.services.people import send_resident_link, tell_of_house, way_to
from portico.kernel.queue import enqueue
from portico.sites.models import Resident, Site

# The job that tells a house's units who lives there.
PEOPLE_CHANGED = "provisioning.people_changed"
# The job that works out what a house's units should hold of codes and cards.
ACCESS_CHANGED = "access.changed"
# The job that finds out where a house is.
ADDRESS_CHANGED = "weather.address_changed"


def people_changed(*, site: Site) -> None:
    """Somebody of ``site`` came, left or has another name.

    Call inside the transaction of the change.
    """
    key = f"people:{site.pk}"
    enqueue(PEOPLE_CHANGED, unique_key=key, site_id=str(site.pk))
    access_changed(site=site)


def access_changed(*, site: Site) -> None:
    """Who opens which door of ``site`` may have changed. Call inside the transaction."""
    key = f"access:{site.pk}"
    enqueue(ACCESS_CHANGED, unique_key=key, site_id=str(site.pk))


def address_changed(*, site: Site) -> None:
    """``site`` has an address, or another one. Call inside the transaction of the change."""
    if site.address:
        key = f"address:{site.pk}"
        enqueue(ADDRESS_CHANGED, unique_key=key, site_id=str(site.pk))


def new_account(
    *,
    site: Site,
    name: str,
    language: str,
    time_format: str,
    email: str | None = None,
    phone: str | None = None,
) -> User:
    """A new account of who lives in ``site``, without a password.

    :raises django.db.IntegrityError: another account has this email or number.
    """
    return User.objects.create_user(
        None,
        email=email,
        phone=phone,
        name=name,
        time_zone=site.time_zone,
        language=language,
        time_format=time_format,
        # The one order that most clients of the app API can read.
        date_format=DateFormat.DMY,
    )


def welcome(*, resident: Resident, now: datetime) -> None:
    """Send a new resident a link to set his password, if there is a way to reach him.

    Who has a password, from another house, is told of this one. Call inside the
    transaction that makes the resident.
    """
    user, house = resident.user, resident.site.room_name
    if user.has_usable_password():
        tell_of_house(user=user, house=house, now=now)
    elif way_to(user) is not None:
        send_resident_link(user=user, house=house, now=now)


def signed_in_by(*, token: str, now: datetime) -> Sequence[Resident]:
    """Who uses the app API with ``token``: the resident of each house of the account.

    The house that he came to first stands first; nobody is nowhere at home. With site,
    user and SIP account, in one query, because a person at a door waits for it; using a
    session keeps it alive.
    """
    way = "user__app_sessions__"
    rows = Resident.objects.select_related("user", "site", "sip").order_by("pk")
    opened = rows.filter(opened_by(token=token, now=now, way=way))
    homes = list(opened.annotate(used_at=F(f"{way}last_used_at")))
    if homes:
        keep_alive(token=token, used_at=homes[0].used_at, now=now)
    return homes


def mark_registered(*, user: User, now: datetime) -> None:
    """A resident has signed in or set a password; later calls change nothing."""
    Resident.objects.filter(user=user, registered_at=None).update(registered_at=now)
