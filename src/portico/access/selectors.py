"""Credentials and temp keys, seen by those whose house they open."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

from django.db.models import F, Prefetch, Q, QuerySet

from portico.access.enums import KeyState, Repeat
from portico.access.models import (
    AccessEntry,
    Credential,
    DeviceAccess,
    DoorUse,
    Face,
    Schedule,
    TempKey,
)
from portico.devices.enums import DeviceKind
from portico.devices.models import Device, Relay
from portico.kernel.errors import NotVisible
from portico.sites.models import Resident, Site
from portico.sites.rules import uses_premium
from portico.sites.selectors import entitlements_of

# Of a 64-bit id.
_MOST_ID_DIGITS = 18


def temp_keys_of(homes: Collection[Resident]) -> QuerySet[TempKey]:
    """The temp keys of somebody's houses that were not revoked, newest first."""
    sites = [home.site_id for home in homes]
    return (
        TempKey.objects.filter(site__in=sites, revoked_at=None)
        .prefetch_related("relays__device")
        .order_by("-created_at", "-pk")
    )


def get_temp_key(homes: Collection[Resident], key_id: str) -> TempKey:
    """One temp key of somebody's houses.

    :raises NotVisible: unknown, revoked, or another house's.
    """
    is_id = key_id.isascii() and key_id.isdigit() and len(key_id) <= _MOST_ID_DIGITS
    found = temp_keys_of(homes).filter(pk=key_id).first() if is_id else None
    if found is None:
        raise NotVisible
    return found


def _has_uses() -> Q:
    return Q(uses_in_all=None) | Q(uses_made__lt=F("uses_in_all"))


def live_temp_keys(sites: Collection[Site], now: datetime) -> QuerySet[TempKey]:
    """Keys of ``sites`` that open something now or later."""
    return TempKey.objects.filter(
        _has_uses(), site__in=sites, revoked_at=None, ends_at__gt=now
    ).prefetch_related("relays")


def dead_keys(now: datetime) -> QuerySet[TempKey]:
    """Keys that open nothing any more."""
    is_over = Q(ends_at__lte=now) | Q(revoked_at__isnull=False)
    return TempKey.objects.filter(is_over | ~_has_uses())


def live_keys_of(resident: Resident, now: datetime) -> QuerySet[TempKey]:
    """Keys that ``resident`` has made and that open something now or later."""
    return live_temp_keys([resident.site], now).filter(created_by=resident.user)


def temp_key_by_id(key_id: int) -> TempKey | None:
    """A key that was not revoked, for who holds a signed address of it."""
    return TempKey.objects.filter(pk=key_id, revoked_at=None).first()


def keys_of_site(site: Site) -> QuerySet[TempKey]:
    """All temp keys of a house, also those that are over."""
    return TempKey.objects.filter(site=site).prefetch_related("relays__device")


def keys_in_state(
    keys: QuerySet[TempKey], state: KeyState, now: datetime
) -> QuerySet[TempKey]:
    """Those of ``keys`` that stand so now; as :func:`rules.key_state` says of one."""
    if state == KeyState.REVOKED:
        return keys.filter(revoked_at__isnull=False)
    keys = keys.filter(revoked_at=None)
    if state == KeyState.OVER:
        return keys.filter(Q(ends_at__lte=now) | ~_has_uses())
    keys = keys.filter(_has_uses(), ends_at__gt=now)
    if state == KeyState.COMING:
        return keys.filter(starts_at__gt=now)
    return keys.filter(starts_at__lte=now)


def get_key_of_site(site: Site, key_id: int) -> TempKey:
    """:raises NotVisible: unknown, or another house's."""
    key = keys_of_site(site).filter(pk=key_id).first()
    if key is None:
        raise NotVisible
    return key


def relays_of(sites: Collection[Site]) -> QuerySet[Relay]:
    """All relays of the houses' door phones and terminals."""
    doors = Relay.objects.filter(device__site__in=sites).select_related("device")
    doors = doors.exclude(device__kind=DeviceKind.INDOOR_MONITOR)
    return doors.order_by("device__name", "device_id", "kind", "number")


def units_of(site: Site) -> QuerySet[Device]:
    """The devices of a house that hold codes, cards and faces."""
    return Device.objects.filter(site=site).exclude(kind=DeviceKind.INDOOR_MONITOR)


def live_credentials(sites: Collection[Site]) -> QuerySet[Credential]:
    """What is in force, with all that units are told of it."""
    found = Credential.objects.filter(site__in=sites, revoked_at=None)
    # What a photo is, not the photo.
    found = found.select_related("schedule", "resident__user", "face")
    return found.defer("face__picture").prefetch_related("relays")


def credentials_of(resident: Resident) -> QuerySet[Credential]:
    """In force and revoked, with where they stand; the newest last, revoked at the end."""
    entries = AccessEntry.objects.select_related("device", "device__presence")
    return (
        Credential.objects.filter(resident=resident)
        .select_related("schedule")
        .prefetch_related(
            "relays__device", Prefetch("entries", entries.order_by("device__name"))
        )
        .order_by(F("revoked_at").desc(nulls_first=True), "pk")
    )


def get_credential(resident: Resident, credential_id: int) -> Credential:
    """:raises NotVisible: unknown, or another person's."""
    found = Credential.objects.filter(resident=resident, pk=credential_id).first()
    if found is None:
        raise NotVisible
    return found


def face_of(site: Site, credential_id: int) -> Face | None:
    """The photo of a credential in force of ``site``."""
    rows = Face.objects.filter(
        credential=credential_id,
        credential__site=site,
        credential__revoked_at=None,
    )
    return rows.first()


def bridge_credentials(
    sites: Collection[Site], kinds: Collection[str]
) -> list[Credential]:
    """Those in force that the bridges check themselves."""
    return list(live_credentials(sites).filter(kind__in=kinds))


def door_uses(key_ids: Collection[int]) -> dict[tuple[int, int], int]:
    """How often keys with uses per door have opened each: by key and relay."""
    rows = DoorUse.objects.filter(key__in=key_ids)
    return {(each.key_id, each.relay_id): each.made for each in rows}


def premium_runs(site: Site, now: datetime) -> bool:
    """Whether the house has the Premium Plan now."""
    return site.premium_plan and uses_premium(site, entitlements_of(site), now)


def entries_of_key(key: TempKey) -> QuerySet[AccessEntry]:
    """Where a temp key stands on the units."""
    entries = AccessEntry.objects.filter(temp_key=key)
    return entries.select_related("device", "device__presence").order_by("device__name")


def schedules_of(site: Site) -> QuerySet[Schedule]:
    return Schedule.objects.filter(site=site).order_by("name", "pk")


def get_schedule(site: Site, schedule_id: int) -> Schedule:
    """:raises NotVisible: unknown, or another house's."""
    found = Schedule.objects.filter(site=site, pk=schedule_id).first()
    if found is None:
        raise NotVisible
    return found


def access_of(device: Device) -> DeviceAccess | None:
    """How the unit's list stands; None: nothing was ever wanted of it."""
    return DeviceAccess.objects.filter(device=device).first()


def access_by_device(site: Site) -> dict[int, DeviceAccess]:
    found = DeviceAccess.objects.filter(device__site=site)
    return {each.device_id: each for each in found}


def is_on_device(device: Device, entry_id: str) -> bool:
    """Whether the unit should hold this entry."""
    wanted = AccessEntry.objects.filter(device=device, is_wanted=True)
    return wanted.filter(entry_id=entry_id).exists()


def confirmed_on(device: Device) -> set[str]:
    """The entries that the unit is known to hold as they are wanted."""
    rows = AccessEntry.objects.filter(device=device, is_wanted=True)
    rows = rows.exclude(confirmed_at=None)
    return set(rows.values_list("entry_id", flat=True))


def entries_of_device(device: Device) -> QuerySet[AccessEntry]:
    """What the unit holds or should, with whose it is; what waits first."""
    found = AccessEntry.objects.filter(device=device).select_related(
        "credential__resident__user", "temp_key"
    )
    return found.order_by(F("confirmed_at").desc(nulls_first=True), "pk")


def repeating_keys(site: Site, now: datetime) -> QuerySet[TempKey]:
    """Those that units may hold, now or later."""
    return live_temp_keys([site], now).exclude(repeat=Repeat.NEVER)


def sites_to_plan(now: datetime) -> list[uuid.UUID]:
    """Houses where a key has begun or ended since units were told."""
    rows = DeviceAccess.objects.filter(changes_at__lte=now)
    return list(rows.values_list("device__site", flat=True).distinct()[:100])
