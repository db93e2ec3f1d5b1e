"""Linked sites (SITE-7): accounts that live in several houses, seen by who may see those."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portico.accounts.models import User
from portico.sites.models import Resident, Site
from portico.sites.selectors import visible_sites
from portico.tenancy.selectors import membership_of


@dataclass(frozen=True, slots=True)
class Links:
    """The other houses of an account, or of all accounts of a house.

    ``sites`` are those that the actor may see, by name; of the others there is but the
    number to be told.
    """

    sites: Sequence[Site] = ()
    hidden: frozenset[uuid.UUID] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.sites or self.hidden)

    @property
    def words(self) -> str:
        """The houses in one line."""
        names = ", ".join(site.room_name for site in self.sites)
        count = len(self.hidden)
        if not count:
            return names
        if self.sites:
            text = ngettext(
                "%(houses)s and %(n)d other", "%(houses)s and %(n)d others", count
            )
        else:
            text = ngettext("%(n)d other house", "%(n)d other houses", count)
        return text % {"houses": names, "n": count}

    @property
    def reason(self) -> str:
        """Why email, mobile number and country of the account are locked."""
        text = _("Cannot be changed while the account has linked sites: %(houses)s.")
        return text % {"houses": self.words}


def links_of(actor: User, resident: Resident) -> Links:
    """The other houses of the account of one resident."""
    rows = Resident.objects.filter(user=resident.user_id).exclude(pk=resident.pk)
    return _links(actor, rows).get(resident.user_id, Links())


def links_at(actor: User, site: Site) -> dict[int, Links]:
    """By the id of each account of ``site`` that lives elsewhere, too: where."""
    here = Resident.objects.filter(site=site).values("user")
    return _links(actor, Resident.objects.filter(user__in=here).exclude(site=site))


def all_of(links: Iterable[Links]) -> Links:
    """The houses of several accounts, each once."""
    sites = {site.pk: site for one in links for site in one.sites}
    hidden = frozenset(pk for one in links for pk in one.hidden)
    return Links(sorted(sites.values(), key=_by_name), hidden)


def _links(actor: User, rows: QuerySet[Resident]) -> dict[int, Links]:
    found: dict[int, list[Site]] = {}
    for row in rows.select_related("site"):
        found.setdefault(row.user_id, []).append(row.site)
    if not found:
        return {}
    pks = {site.pk for sites in found.values() for site in sites}
    visible = set(visible_sites(actor).filter(pk__in=pks).values_list("pk", flat=True))
    return {
        user_id: Links(
            sorted((site for site in sites if site.pk in visible), key=_by_name),
            frozenset(site.pk for site in sites if site.pk not in visible),
        )
        for user_id, sites in found.items()
    }


def _by_name(site: Site) -> tuple[str, str]:
    return site.room_name.casefold(), str(site.pk)


@dataclass(frozen=True, slots=True)
class LinkOffer:
    """An account that a site may be linked to: who has it, and by what he was found."""

    user: User
    house: Site
    by_email: bool
    by_phone: bool

    @property
    def words(self) -> str:
        """Whose account it is."""
        if self.by_email and self.by_phone:
            text = _("%(name)s of %(house)s has this email and mobile number.")
        elif self.by_email:
            text = _("%(name)s of %(house)s has this email.")
        else:
            text = _("%(name)s of %(house)s has this mobile number.")
        return text % {"name": self.user.name, "house": self.house.room_name}


def link_offer(
    actor: User, contact: Mapping[str, str | None], site: Site | None
) -> LinkOffer | None:
    """The account that has this email or number, if ``site`` may be linked to it.

    It is that of somebody who lives in a house that ``actor`` may see, and not in ``site``
    (None: a new one). None, too, if email and number are of two accounts.
    """
    email, phone = contact["email"], contact["phone"]
    by_email, by_phone = Q(email=email), Q(phone=phone)
    if not (email and phone):
        users = list(User.objects.filter(by_email if email else by_phone))
    else:
        users = list(User.objects.filter(by_email | by_phone))
    if len(users) != 1:
        return None
    user = users[0]
    if not user.is_active or membership_of(user) is not None:
        return None
    if site is not None and site.residents.filter(user=user).exists():
        return None
    houses = visible_sites(actor).filter(residents__user=user)
    house = houses.order_by("room_name", "pk").first()
    if house is None:
        return None
    return LinkOffer(
        user,
        house,
        by_email=bool(email) and user.email == email,
        by_phone=bool(phone) and user.phone == phone,
    )
