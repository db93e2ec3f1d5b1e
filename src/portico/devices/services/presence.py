"""Who is there: contacts come in batches from the gateway, silence is found by a sweep."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from portico.devices.enums import PresenceVia
from portico.devices.models import Device, Presence
from portico.kernel.outbox import publish_on_commit

# Offline after this silence as the database knows it. GW-3 allows 90 s; a gateway writes
# a device's contacts at most REFRESH late, and sweeps every second.
SILENCE = timedelta(seconds=80)
# A device that is known to be online is written again only this often: most contacts
# cost no write at all.
REFRESH = timedelta(seconds=20)
# Below the variable limit of every SQLite.
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Contact:
    """One device was heard of."""

    device_id: int
    seen_at: datetime
    via: PresenceVia
    lan_address: str = ""


def record_contacts(*, contacts: Sequence[Contact]) -> list[int]:
    """Write the newest contact of each device; returns who came online by it.

    Contacts of devices that are gone are dropped.
    """
    came: list[int] = []
    newest = {c.device_id: c for c in sorted(contacts, key=lambda c: c.seen_at)}
    ids = sorted(newest)
    for start in range(0, len(ids), _CHUNK):
        part = {each: newest[each] for each in ids[start : start + _CHUNK]}
        with transaction.atomic():
            came += _write(part)
    return came


def _write(newest: dict[int, Contact]) -> list[int]:
    sites = dict(Device.objects.filter(pk__in=newest).values_list("pk", "site_id"))
    # Held, in one order: another gateway's sweep must not turn one offline between our
    # look and our update.
    rows = Presence.objects.select_for_update().filter(pk__in=newest).order_by("pk")
    known = {row.pk: row for row in rows}
    fresh = [newest[pk] for pk in sites if pk not in known]
    Presence.objects.bulk_create(
        [
            Presence(
                device_id=contact.device_id,
                is_online=True,
                last_seen_at=contact.seen_at,
                changed_at=contact.seen_at,
                via=contact.via,
                lan_address=contact.lan_address,
            )
            for contact in fresh
        ],
        ignore_conflicts=True,
    )
    back = [pk for pk, row in known.items() if not row.is_online]
    for pk in back:
        contact = newest[pk]
        Presence.objects.filter(pk=pk, last_seen_at__lt=contact.seen_at).update(
            is_online=True, changed_at=contact.seen_at
        )
    _refresh(newest[pk] for pk in known)
    _note_addresses(known, newest, sites)
    came = [contact.device_id for contact in fresh] + back
    for pk in came:
        _announce(pk, str(sites[pk]), online=True)
    return came


def _refresh(contacts: Iterable[Contact]) -> None:
    # Rounded down to the second, many devices share one update; nobody is made younger
    # than he is.
    groups: dict[tuple[datetime, PresenceVia], list[int]] = defaultdict(list)
    for contact in contacts:
        second = contact.seen_at.replace(microsecond=0)
        groups[second, contact.via].append(contact.device_id)
    for (second, via), ids in groups.items():
        Presence.objects.filter(pk__in=ids, last_seen_at__lt=second).update(
            last_seen_at=second, via=via
        )


def _note_addresses(
    known: dict[int, Presence], newest: dict[int, Contact], sites: dict[int, UUID]
) -> None:
    """Keep where a device is on its LAN; its bridge is told, and checks for itself."""
    for pk, site_id in sites.items():
        address = newest[pk].lan_address
        row = known.get(pk)
        if not address or (row is not None and row.lan_address == address):
            continue
        Presence.objects.filter(pk=pk).update(lan_address=address[:63])
        publish_on_commit("roster.changed", site=str(site_id))


def note_registered(*, device_ids: Collection[int], now: datetime) -> None:
    """The SIP accounts of these devices are registered now."""
    Presence.objects.filter(pk__in=device_ids).update(sip_at=now)


def sweep_silent(*, now: datetime) -> list[int]:
    """Turn devices that have been silent too long offline; returns which."""
    limit = now - SILENCE
    silent = Presence.objects.filter(is_online=True, last_seen_at__lt=limit)
    went: list[int] = []
    for pk, site_id in list(silent.values_list("pk", "device__site_id")[:5_000]):
        with transaction.atomic():
            if silent.filter(pk=pk).update(is_online=False, changed_at=now):
                went.append(pk)
                _announce(pk, str(site_id), online=False)
    return went


def _announce(device_id: int, site_id: str, *, online: bool) -> None:
    publish_on_commit("presence.changed", device=device_id, site=site_id, online=online)
