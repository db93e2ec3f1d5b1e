"""The MAC library, and units that a bridge has found."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

from django.db.models import Exists, OuterRef, Q, QuerySet

from portico.accounts.models import User
from portico.devices.catalogue import DeviceModel, all_models
from portico.devices.models import (
    Device,
    FoundUnit,
    MacEntry,
)
from portico.devices.selectors.devices import visible_devices
from portico.kernel.errors import NotVisible
from portico.kernel.mac import InvalidMac, mac_part, parse_mac
from portico.sites.models import Site
from portico.tenancy.enums import PORTAL_ROLES
from portico.tenancy.selectors import (
    distributor_of,
    membership_of,
)

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Use(TypedDict):
        is_used: bool

    UsedMacEntry = WithAnnotations[MacEntry, _Use]


def visible_mac_entries(actor: User) -> QuerySet[UsedMacEntry]:
    """The MAC library that ``actor`` works with, each entry with its use.

    A distributor sees his own, an installer and sub-distributor that of the distributor
    above, a property manager none. ``site_name`` of a use is shown only where the site is
    the actor's own.
    """
    membership, distributor = membership_of(actor), None
    if membership is not None and membership.role in PORTAL_ROLES:
        distributor = distributor_of(membership.organization)
    used = Device.objects.filter(mac=OuterRef("mac"))
    # Without a distributor nothing matches: every entry has one.
    entries = MacEntry.objects.filter(distributor=distributor)
    return entries.annotate(is_used=Exists(used))


def search_mac_entries(
    entries: QuerySet[UsedMacEntry], text: str
) -> QuerySet[UsedMacEntry]:
    """Narrow by a part of the MAC in any spelling, or by model."""
    words = text.strip()
    if not words:
        return entries
    bare = mac_part(words)
    part = Q(mac__contains=bare) if bare else Q()
    return entries.filter(Q(model__iexact=words) | part)


@dataclass(frozen=True, slots=True)
class MacFinding:
    """What the MAC library says of a MAC that somebody is typing."""

    mac: str
    model: DeviceModel | None
    is_listed: bool
    is_used: bool

    @property
    def may_be_added(self) -> bool:
        """Whether registration would take it."""
        return self.is_listed and not self.is_used


def look_up_mac(actor: User, text: str) -> MacFinding | None:
    """What ``actor``'s library says of ``text``; None while it is no MAC."""
    try:
        mac = parse_mac(text)
    except InvalidMac:
        return None
    return _finding(mac, visible_mac_entries(actor).filter(mac=mac).first())


def _finding(mac: str, entry: UsedMacEntry | None) -> MacFinding:
    if entry is None:
        return MacFinding(mac, None, is_listed=False, is_used=False)
    model = all_models().get(entry.model)
    return MacFinding(mac, model, is_listed=True, is_used=entry.is_used)


# A unit asks whenever it starts; after a week nobody is setting it up any more.
FOUND_FOR = timedelta(days=7)


def found_units(
    actor: User, site: Site, *, now: datetime
) -> list[tuple[FoundUnit, MacFinding]]:
    """What ``site``'s bridge has found, newest first, with what the library says.

    The caller has been shown the site.
    """
    own = Device.objects.filter(site=site, mac=OuterRef("mac"))
    rows = site.found_units.filter(~Exists(own), seen_at__gt=now - FOUND_FOR)
    units = list(rows.order_by("-seen_at", "mac"))
    wanted = [unit.mac for unit in units]
    entries = {e.mac: e for e in visible_mac_entries(actor).filter(mac__in=wanted)}
    return [(unit, _finding(unit.mac, entries.get(unit.mac))) for unit in units]


def get_visible_mac_entry(actor: User, entry_id: int) -> MacEntry:
    """One entry of the library that ``actor`` works with.

    :raises NotVisible: it is unknown, or of another distributor.
    """
    entry = visible_mac_entries(actor).filter(pk=entry_id).first()
    if entry is None:
        raise NotVisible
    return entry


def filter_mac_entries(
    entries: QuerySet[UsedMacEntry], state: str
) -> QuerySet[UsedMacEntry]:
    """Narrow to those that are ``free`` or ``used``; newest first."""
    if state in {"free", "used"}:
        entries = entries.filter(is_used=state == "used")
    return entries.order_by("-created_at", "-pk")


def own_devices_by_mac(actor: User, macs: Collection[str]) -> dict[str, Device]:
    """Those of ``macs`` that are devices of ``actor``."""
    return {d.mac: d for d in visible_devices(actor).filter(mac__in=macs)}


def mac_counts(actor: User) -> tuple[int, int]:
    """How many MACs of ``actor``'s library are free and how many are used."""
    entries = visible_mac_entries(actor).order_by()
    total, used = entries.count(), entries.filter(is_used=True).count()
    return total - used, used
