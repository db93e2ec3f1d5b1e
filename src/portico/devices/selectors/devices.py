"""Devices, their presence, relays, bridges and pictures: scope first, shape second."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.files.storage import default_storage
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from portico.accounts.models import User
from portico.devices.enums import OPEN_STATES, DeviceKind
from portico.devices.models import (
    AccessWipe,
    Bridge,
    Command,
    Device,
    DevicePicture,
    DeviceSecrets,
    Presence,
    PushButton,
    Relay,
)
from portico.kernel.errors import NotVisible
from portico.kernel.mac import mac_part
from portico.sites.enums import ManagerRight
from portico.sites.models import Resident, Site
from portico.sites.selectors import (
    managed_communities,
    rows_below,
    rows_to_sort,
    sites_named,
    visible_rows,
    visible_sites,
)
from portico.tenancy.enums import OrganizationKind
from portico.tenancy.selectors import (
    organization_of,
)


def visible_devices(actor: User) -> QuerySet[Device]:
    """Devices ``actor`` may manage; the way in to ``Device`` for staff."""
    devices = Device.objects.select_related("site", "presence")
    return visible_rows(actor, devices, "site__")


def devices_below(actor: User) -> QuerySet[Device]:
    """The devices of all companies below that of ``actor``, to look at (ORG-4)."""
    devices = Device.objects.select_related("site__organization", "presence")
    return rows_below(actor, devices, "site__")


def devices_to_sort(actor: User) -> QuerySet[Device]:
    """Those of :func:`visible_devices`, not to be shown: see :func:`rows_to_sort`."""
    return rows_to_sort(actor, Device.objects.all(), "site__")


def devices_below_to_sort(actor: User) -> QuerySet[Device]:
    """Those of :func:`devices_below`, not to be shown.

    A list of many companies sorts every device: with 100,000 of them, asking each for its
    site took 0.2 seconds a page.
    """
    return rows_below(actor, Device.objects.all())


def get_device_below(actor: User, mac: str) -> Device:
    """One of :func:`devices_below`. :raises NotVisible: it is none of them."""
    device = devices_below(actor).filter(mac=mac).first()
    if device is None:
        raise NotVisible
    return device


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


def cameras_of_site(site: Site) -> QuerySet[Device]:
    """The devices of a site that the caller has been shown which have a camera."""
    return devices_of_site(site).exclude(kind=DeviceKind.INDOOR_MONITOR)


def devices_of_site(site: Site) -> QuerySet[Device]:
    """The devices of one site that the caller has already been shown."""
    return (
        site.devices.select_related("presence", "site")
        .prefetch_related("relays")
        .order_by("name", "pk")
    )


def waiting_wipes(site: Site) -> QuerySet[AccessWipe]:
    """The devices of a site that are still to forget codes, cards and faces (SITE-8)."""
    rows = AccessWipe.objects.filter(device__site=site, done_at=None)
    return rows.select_related("device__presence").order_by("device__name", "pk")


def devices_of_homes(homes: Collection[Resident]) -> QuerySet[Device]:
    """The devices somebody sees in his app; ``homes``: who he is in each of his houses."""
    rows = Device.objects.filter(site__in=[home.site_id for home in homes])
    shown = rows.select_related("presence", "site").prefetch_related("relays")
    return shown.order_by("name", "pk")


def buttons_of(device: Device) -> QuerySet[PushButton]:
    """The push buttons of a device that the caller has been shown, with whom they call."""
    rows = device.push_buttons.select_related("resident__user", "resident__sip")
    return rows.order_by("module", "key")


def get_relay(device: Device, kind: str, number: int) -> Relay:
    """The relay of ``device``.

    :raises NotVisible: it has none there.
    """
    relay = device.relays.filter(kind=kind, number=number).first()
    if relay is None:
        raise NotVisible
    return relay


def get_relay_of_homes(
    homes: Collection[Resident], mac: str, kind: str, number: int
) -> Relay:
    """One relay of a device in somebody's houses, with device and site.

    :raises NotVisible: there is none.
    """
    rows = Relay.objects.select_related("device__site")
    try:
        return rows.get(
            device__mac=mac,
            device__site__in=[home.site_id for home in homes],
            kind=kind,
            number=number,
        )
    except Relay.DoesNotExist:
        raise NotVisible from None


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
    return _live_bridges().filter(pk=bridge_id).first()


def secrets_by_file_digests(digests: Collection[str]) -> list[DeviceSecrets]:
    """Whose provisioning addresses these are; only the digests and MACs are read."""
    mine = Q(file_digest__in=digests) | Q(old_file_digest__in=digests)
    rows = DeviceSecrets.objects.filter(mine).select_related("device")
    return list(rows.only("file_digest", "old_file_digest", "device__mac"))


def secrets_by_event_digests(digests: Collection[str]) -> list[DeviceSecrets]:
    """Whose action URLs these are; only the digests and MACs are read."""
    mine = Q(event_digest__in=digests) | Q(old_event_digest__in=digests)
    rows = DeviceSecrets.objects.filter(mine).select_related("device")
    return list(rows.only("event_digest", "old_event_digest", "device__mac"))


def live_bridges(bridge_ids: Collection[uuid.UUID]) -> list[Bridge]:
    """Those of ``bridge_ids`` that may connect."""
    return list(_live_bridges().filter(pk__in=bridge_ids))


def _live_bridges() -> QuerySet[Bridge]:
    enrolled = Bridge.objects.filter(revoked_at=None, enrolled_at__isnull=False)
    return enrolled.select_related("site")


def roster_devices(sites: Collection[Site]) -> QuerySet[Device]:
    """What the bridges of ``sites`` serve, with everything they need to know."""
    found = Device.objects.filter(site__in=sites)
    return found.select_related("secrets", "presence").order_by("pk")


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


def narrow_devices(
    devices: QuerySet[Device],
    *,
    model: str = "",
    firmware: str = "",
    site: uuid.UUID | None = None,
) -> QuerySet[Device]:
    """Those of ``devices`` of one model, with one firmware version, of one site."""
    if model:
        devices = devices.filter(model=model)
    if firmware:
        devices = devices.filter(firmware=firmware)
    return devices.filter(site=site) if site else devices


def model_counts(devices: QuerySet[Device]) -> dict[str, int]:
    """How many of ``devices`` are of which model; empty: it is not known yet."""
    rows = devices.order_by().values_list("model").annotate(count=Count("pk"))
    return dict(rows.order_by("-count", "model"))


def firmware_versions(devices: QuerySet[Device], most: int) -> list[str]:
    """The first ``most`` of the versions that ``devices`` have reported."""
    rows = devices.exclude(firmware="").order_by("firmware")
    return list(rows.values_list("firmware", flat=True).distinct()[:most])


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
