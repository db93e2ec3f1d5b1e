"""What a roster says of codes: a part of ``gateway.domain``, with its access to the apps.

Codes go as digests that only this bridge can check; rolling ones with their secret.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from portico.access.enums import CredentialKind, Repeat
from portico.access.rules import BY_BRIDGE, opened_by
from portico.access.selectors import (
    bridge_credentials,
    door_uses,
    live_temp_keys,
    premium_runs,
    relays_of,
)
from portico.devices.enums import AccessMethod
from portico.kernel.clock import to_ms, utcnow
from portico.protocols import rolling
from portico.protocols.bridge import messages as wire

_EVERY_DAY = "0123456"


@dataclass(slots=True)
class Codes:
    """Of one device. ``keys`` and ``rolling`` are for bridges that know conditions."""

    guests: list[wire.Guest] = field(default_factory=list)
    keys: list[wire.Guest] = field(default_factory=list)
    rolling: list[wire.RollingCode] = field(default_factory=list)


def codes_of(bridges: Collection[Any]) -> dict[int, Codes]:
    """All codes that ``bridges`` check themselves, by device."""
    found: dict[int, Codes] = {}
    now = utcnow()
    of_site = {each.site_id: each for each in bridges}
    sites = [each.site for each in bridges]

    @functools.cache
    def has_premium(site_id: uuid.UUID) -> bool:
        return premium_runs(of_site[site_id].site, now)

    keys = list(live_temp_keys(sites, now))
    made = door_uses([key.pk for key in keys if key.is_per_door])
    for key in keys:
        if key.is_dynamic and not has_premium(key.site_id):
            continue
        for device_id, guests in _of_key(key, of_site[key.site_id], made).items():
            codes = found.setdefault(device_id, Codes())
            # Bridges of before would not obey hours, nor count doors apart.
            has_more = key.repeat != Repeat.NEVER or key.is_per_door or key.is_dynamic
            (codes.keys if has_more else codes.guests).extend(guests)
    relays: dict[uuid.UUID, list[Any]] = {}
    for relay in relays_of(sites):
        relays.setdefault(relay.device.site_id, []).append(relay)
    for credential in bridge_credentials(sites, BY_BRIDGE):
        doors = _local(opened_by(credential, relays.get(credential.site_id, ())))
        for device_id, own in _by_device(doors).items():
            codes = found.setdefault(device_id, Codes())
            numbers = tuple(relay.number for relay in own)
            if credential.kind == CredentialKind.QR:
                codes.keys.append(
                    _of_qr(credential, numbers, of_site[credential.site_id])
                )
            elif has_premium(credential.site_id):
                codes.rolling.append(
                    wire.RollingCode(
                        credential.entry_id,
                        bytes.fromhex(credential.value),
                        rolling.PERIOD,
                        numbers,
                    )
                )
    return found


def _of_key(
    key: Any, bridge: Any, made: dict[tuple[int, int], int]
) -> dict[int, list[wire.Guest]]:
    salt = hashlib.sha256(f"{bridge.pk}:{key.pk}".encode()).digest()[:16]
    # Of a code that rolls this is a digest of no digits, which nobody can type.
    digest = hmac.digest(salt, (key.secret or key.pin).encode(), "sha256")

    def guest(key_id: str, numbers: tuple[int, ...], left: int | None) -> wire.Guest:
        return wire.Guest(
            id=key_id,
            salt=salt,
            digest=digest,
            relays=numbers,
            valid_from=to_ms(key.starts_at),
            until=to_ms(key.ends_at),
            uses_left=left,
            hours=_hours(key, bridge.site),
            only="qr" if key.is_dynamic else "",
            secret=bytes.fromhex(key.secret),
            period=rolling.PERIOD if key.is_dynamic else 0,
        )

    found: dict[int, list[wire.Guest]] = {}
    doors = _local(key.relays.all())
    if key.is_dynamic:
        doors = [one for one in doors if AccessMethod.QR in one.access_methods]
    for device_id, own in _by_device(doors).items():
        if key.is_per_door and key.uses_allowed is not None:
            # Each door is an entry of its own, with its own count.
            lefts = [
                (relay, key.uses_allowed - made.get((key.pk, relay.pk), 0))
                for relay in own
            ]
            found[device_id] = [
                guest(f"{key.pk}:{relay.pk}", (relay.number,), left)
                for relay, left in lefts
                if left > 0
            ]
            continue
        in_all = key.uses_in_all
        left = None if in_all is None else in_all - key.uses_made
        found[device_id] = [guest(str(key.pk), tuple(r.number for r in own), left)]
    return found


def _of_qr(credential: Any, numbers: tuple[int, ...], bridge: Any) -> wire.Guest:
    site = bridge.site
    salt = hashlib.sha256(f"{bridge.pk}:{credential.entry_id}".encode()).digest()[:16]
    schedule = credential.schedule
    first = schedule.date_from if schedule else None
    last = schedule.date_until if schedule else None
    return wire.Guest(
        id=credential.entry_id,
        salt=salt,
        digest=hmac.digest(salt, credential.value.encode(), "sha256"),
        relays=numbers,
        valid_from=to_ms(_midnight(site, first)) if first else 0,
        until=to_ms(_midnight(site, last, after=1)) if last else None,
        uses_left=None,
        hours=_hours(schedule, site) if schedule else None,
        only="qr",
    )


def _hours(of: Any, site: Any) -> wire.Hours | None:
    """Of a temp key or a schedule; both say it in the same fields."""
    if getattr(of, "repeat", "") == Repeat.NEVER:
        return None
    start, end = of.time_from, of.time_until
    return wire.Hours(
        days=of.days or _EVERY_DAY,
        start=f"{start:%H:%M}" if start else "00:00",
        end=f"{end:%H:%M}" if end else "23:59",
        zone=site.time_zone,
    )


def _midnight(site: Any, day: date, *, after: int = 0) -> datetime:
    zone = ZoneInfo(site.time_zone)
    return datetime.combine(day + timedelta(days=after), time.min, tzinfo=zone)


def _local(relays: Iterable[Any]) -> list[Any]:
    """Bridges open local relays for guests."""
    return [relay for relay in relays if relay.kind == "local"]


def _by_device(relays: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for relay in relays:
        found.setdefault(relay.device_id, []).append(relay)
    return found
