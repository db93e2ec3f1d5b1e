"""Every read of devices starts here: scope first, shape second."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from portico.accounts.models import User
from portico.devices.catalogue import DeviceModel, all_models
from portico.devices.enums import OPEN_STATES, CommandKind, CommandState
from portico.devices.models import (
    Bridge,
    Command,
    Device,
    DevicePicture,
    DeviceSecrets,
    FoundUnit,
    MacEntry,
    Presence,
    Relay,
)
from portico.kernel.errors import NotVisible
from portico.kernel.mac import InvalidMac, mac_part, parse_mac
from portico.sites.enums import ManagerRight
from portico.sites.models import Resident, Site
from portico.sites.selectors import (
    managed_communities,
    rows_below,
    sites_named,
    visible_rows,
    visible_sites,
)
from portico.tenancy.enums import PORTAL_ROLES, OrganizationKind
from portico.tenancy.selectors import (
    distributor_of,
    membership_of,
    organization_of,
)

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Use(TypedDict):
        is_used: bool

    UsedMacEntry = WithAnnotations[MacEntry, _Use]


def visible_devices(actor: User) -> QuerySet[Device]:
    """Devices ``actor`` may manage; the way in to ``Device`` for staff."""
    devices = Device.objects.select_related("site", "presence")
    return visible_rows(actor, devices, "site__")


def devices_below(actor: User) -> QuerySet[Device]:
    """The devices of all companies below that of ``actor``, to look at (ORG-4)."""
    devices = Device.objects.select_related("site__organization", "presence")
    return rows_below(actor, devices, "site__")


def get_visible_device(actor: User, mac: str) -> Device:
    """Return the device with ``mac``.

    :raises NotVisible: it is unknown, or not for this actor.
    """
    try:
        return visible_devices(actor).get(mac=mac)
    except Device.DoesNotExist:
        raise NotVisible from None


def managed_devices(
    actor: User, *, may: ManagerRight | None = None
) -> QuerySet[Device]:
    """The devices in the communities of a property manager, to look at (ORG-2)."""
    return Device.objects.filter(
        site__in=managed_communities(actor, may=may)
    ).select_related("site", "presence")


def get_managed_device(
    actor: User, mac: str, *, may: ManagerRight | None = None
) -> Device:
    """One of :func:`managed_devices`. :raises NotVisible: it is none of them."""
    device = managed_devices(actor, may=may).filter(mac=mac).first()
    if device is None:
        raise NotVisible
    return device


def devices_of_site(site: Site) -> QuerySet[Device]:
    """The devices of one site that the caller has already been shown."""
    return (
        site.devices.select_related("presence", "site")
        .prefetch_related("relays")
        .order_by("name", "pk")
    )


def devices_of_resident(resident: Resident) -> QuerySet[Device]:
    """The devices a resident sees in his app."""
    return devices_of_site(resident.site)


def get_relay(device: Device, kind: str, number: int) -> Relay:
    """The relay of ``device``.

    :raises NotVisible: it has none there.
    """
    relay = device.relays.filter(kind=kind, number=number).first()
    if relay is None:
        raise NotVisible
    return relay


def get_relay_of_resident(
    resident: Resident, mac: str, kind: str, number: int
) -> Relay:
    """One relay of a device that the resident sees, with device and site.

    :raises NotVisible: there is none.
    """
    rows = Relay.objects.select_related("device__site")
    try:
        return rows.get(
            device__mac=mac,
            device__site=resident.site_id,
            kind=kind,
            number=number,
        )
    except Relay.DoesNotExist:
        raise NotVisible from None


def visible_commands(actor: User) -> QuerySet[Command]:
    """Commands to devices that ``actor`` manages."""
    return Command.objects.filter(device__in=visible_devices(actor))


def get_visible_command(actor: User, command_id: uuid.UUID | str) -> Command:
    """Return one command.

    :raises NotVisible: it is unknown, or not for this actor.
    """
    try:
        return (
            visible_commands(actor)
            .select_related("device", "relay", "requested_by")
            .get(pk=command_id)
        )
    except (Command.DoesNotExist, ValidationError):
        raise NotVisible from None


def command_state(command_id: uuid.UUID) -> tuple[CommandState, str] | None:
    """State and reason of a command as it stands now, for whoever waits for it."""
    rows = Command.objects.filter(pk=command_id).values_list("state", "reason")
    for state, reason in rows:
        return CommandState(state), reason
    return None


def command_to_send(command_id: uuid.UUID) -> Command | None:
    """One command with what its message and its hint need of device and relay."""
    rows = Command.objects.select_related("device", "relay").only(
        "kind",
        "state",
        "expires_at",
        "device__mac",
        "device__site",
        "relay__kind",
        "relay__number",
        "relay__hold_seconds",
    )
    return next(iter(rows.filter(pk=command_id)), None)


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
class PresenceCounts:
    """How many devices are in which state."""

    online: int
    offline: int
    never_seen: int

    @property
    def total(self) -> int:
        return self.online + self.offline + self.never_seen


def presence_counts(devices: QuerySet[Device]) -> PresenceCounts:
    """Count ``devices`` by presence in one query."""
    found = devices.order_by().aggregate(
        online=Count("pk", filter=Q(presence__is_online=True)),
        offline=Count("pk", filter=Q(presence__is_online=False)),
        never=Count("pk", filter=Q(presence=None)),
    )
    return PresenceCounts(found["online"], found["offline"], found["never"])


def bridge_of(site: Site) -> Bridge | None:
    """The bridge in use in ``site``; a constraint sees to it that there is one."""
    return next(iter(site.bridges.filter(revoked_at=None)), None)


def live_bridge(bridge_id: uuid.UUID) -> Bridge | None:
    """An enrolled bridge that may connect."""
    return (
        Bridge.objects.select_related("site")
        .filter(pk=bridge_id, revoked_at=None, enrolled_at__isnull=False)
        .first()
    )


def secrets_by_file_digests(digests: Collection[str]) -> list[DeviceSecrets]:
    """Whose provisioning addresses these are; only the digests and MACs are read."""
    found = DeviceSecrets.objects.filter(file_digest__in=digests)
    return list(found.select_related("device").only("file_digest", "device__mac"))


def secrets_by_event_digests(digests: Collection[str]) -> list[DeviceSecrets]:
    """Whose action URLs these are; only the digests and MACs are read."""
    found = DeviceSecrets.objects.filter(event_digest__in=digests)
    return list(found.select_related("device").only("event_digest", "device__mac"))


def roster_devices(site: Site) -> QuerySet[Device]:
    """What a bridge of ``site`` serves, with everything it needs to know."""
    return site.devices.select_related("secrets", "presence").order_by("pk")


def waiting_commands(bridge: Bridge) -> QuerySet[Command]:
    """Commands that nobody has sent yet, for devices behind ``bridge``."""
    return Command.objects.filter(
        device__site=bridge.site_id, state="requested"
    ).select_related("device", "relay")


def all_waiting_commands() -> list[tuple[uuid.UUID, uuid.UUID]]:
    """(site, command) of everything that nobody has sent yet."""
    rows = Command.objects.filter(state="requested")
    return list(rows.values_list("device__site_id", "pk")[:500])


def device_by_id(device_id: int) -> Device | None:
    """One device, for the gateway that has authenticated it."""
    return Device.objects.filter(pk=device_id).first()


def device_by_sip_number(number: str) -> Device | None:
    """The device that registers as ``number``."""
    return Device.objects.select_related("sip").filter(sip__number=number).first()


def presence_of(device_ids: list[int]) -> dict[int, Presence]:
    """The presence rows of ``device_ids`` that exist."""
    return Presence.objects.in_bulk(device_ids)


# The presence that a list may be narrowed to.
PRESENCE_FILTERS = {
    "online": Q(presence__is_online=True),
    "offline": Q(presence__is_online=False),
    "never": Q(presence=None),
}


def search_devices(
    devices: QuerySet[Device], *, text: str, presence: str = ""
) -> QuerySet[Device]:
    """Narrow by name, model, site or MAC in any spelling, and by presence."""
    words = text.strip()
    if words:
        bare = mac_part(words)
        found = (
            Q(name__icontains=words)
            # In a query of its own: joined, every device would be read with its site.
            | Q(site__in=sites_named(words))
            | Q(model__iexact=words)
        )
        devices = devices.filter(found | Q(mac__contains=bare) if bare else found)
    if presence in PRESENCE_FILTERS:
        devices = devices.filter(PRESENCE_FILTERS[presence])
    return devices.order_by("name", "pk")


def offline_longer(
    devices: QuerySet[Device], *, hours: int, now: datetime
) -> QuerySet[Device]:
    """Those of ``devices`` that are offline and were last seen ``hours`` ago or before."""
    before = now - timedelta(hours=hours)
    return devices.filter(presence__is_online=False, presence__last_seen_at__lte=before)


def presence_by_site(
    site_ids: Collection[uuid.UUID],
) -> dict[uuid.UUID, PresenceCounts]:
    """Device counts of each of ``site_ids`` that has devices."""
    rows = (
        Device.objects.filter(site__in=site_ids)
        .values_list("site")
        .annotate(
            online=Count("pk", filter=PRESENCE_FILTERS["online"]),
            offline=Count("pk", filter=PRESENCE_FILTERS["offline"]),
            never=Count("pk", filter=PRESENCE_FILTERS["never"]),
        )
        .order_by()
    )
    return {site: PresenceCounts(*counts) for site, *counts in rows}


def bridges_by_site(site_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Bridge]:
    """The enrolled bridge of each of ``site_ids`` that has one."""
    bridges = Bridge.objects.filter(
        site__in=site_ids, revoked_at=None, enrolled_at__isnull=False
    )
    return {bridge.site_id: bridge for bridge in bridges}


def sites_without_bridge(actor: User) -> QuerySet[Site]:
    """Sites of ``actor`` that have devices and no enrolled bridge."""
    served = Bridge.objects.filter(
        site=OuterRef("pk"), revoked_at=None, enrolled_at__isnull=False
    )
    used = Device.objects.filter(site=OuterRef("pk"))
    return visible_sites(actor).filter(Exists(used) & ~Exists(served))


def bridgeless_counts(actor: User) -> dict[str, int]:
    """How many of :func:`sites_without_bridge` are of which kind."""
    rows = sites_without_bridge(actor).values_list("kind")
    return dict(rows.annotate(count=Count("pk")).order_by())


def recent_commands(
    devices: Sequence[Device], *, since: datetime
) -> dict[int, Command]:
    """The newest command of each relay of ``devices`` that was ordered after ``since``."""
    commands = (
        Command.objects.filter(device__in=devices, requested_at__gt=since)
        .exclude(relay=None)
        .select_related("device", "relay")
        .order_by("requested_at")
    )
    return {c.relay_id: c for c in commands if c.relay_id is not None}


def latest_order(
    device: Device, kind: CommandKind, *, since: datetime
) -> Command | None:
    """The newest order of ``kind`` to ``device`` that was given after ``since``."""
    orders = Command.objects.filter(device=device, kind=kind, requested_at__gt=since)
    return orders.select_related("device").order_by("-requested_at").first()


def picture_of(device: Device) -> DevicePicture | None:
    """The newest picture of a device that the caller has been shown."""
    return DevicePicture.objects.filter(device=device).first()


def picture_file(device: Device) -> bytes:
    """The JPEG itself.

    :raises NotVisible: there is none.
    """
    picture = picture_of(device)
    if picture is None:
        raise NotVisible
    try:
        with default_storage.open(picture.file) as file:
            content: bytes = file.read()
    except OSError:  # a newer one has just taken its place
        raise NotVisible from None
    return content


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


@dataclass(frozen=True, slots=True)
class PlatformNumbers:
    """What the operator sees of all houses: counts, and nothing of anybody."""

    presence: PresenceCounts
    sites: int
    bridges_online: int
    bridges: int
    open_commands: int


def platform_numbers(actor: User) -> PlatformNumbers:
    """Counts over the whole installation.

    :raises NotVisible: ``actor`` does not work for the operator.
    """
    organization_of(actor, OrganizationKind.OPERATOR)
    bridges = Bridge.objects.filter(revoked_at=None, enrolled_at__isnull=False)
    return PlatformNumbers(
        presence=presence_counts(Device.objects.all()),
        sites=Site.objects.count(),
        bridges_online=bridges.filter(is_online=True).count(),
        bridges=bridges.count(),
        open_commands=Command.objects.filter(state__in=OPEN_STATES).count(),
    )


def mac_counts(actor: User) -> tuple[int, int]:
    """How many MACs of ``actor``'s library are free and how many are used."""
    entries = visible_mac_entries(actor).order_by()
    total, used = entries.count(), entries.filter(is_used=True).count()
    return total - used, used
