"""What an upgrade may do, decided from plain values: waves, hours, error limits."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from portico.devices.enums import DeviceKind
from portico.firmware.enums import UpgradeState, Why

# The end of hours that do not end.
FOREVER = datetime.max.replace(tzinfo=UTC)
# As units report it: the model's id, and two to four more numbers.
_VERSION = re.compile(r"[0-9]{1,5}(\.[0-9]{1,5}){2,4}")


@dataclass(frozen=True, slots=True)
class Target:
    """A device for a wave. Of one house no two entrances go together."""

    device_id: int
    site_id: uuid.UUID
    is_entrance: bool


@dataclass(frozen=True, slots=True)
class Hours:
    """The hours on a site's clock in which its units may be touched.

    ``start`` after ``end``: over midnight. Equal: the whole day.
    """

    start: time
    end: time


def is_entrance(kind: str) -> bool:
    """Whether people come in by a device of this kind."""
    return kind != DeviceKind.INDOOR_MONITOR


def is_version(text: str) -> bool:
    """Whether ``text`` is a version as units report theirs."""
    return _VERSION.fullmatch(text) is not None


def order_of(version: str) -> tuple[int, ...]:
    """By this versions of one model are older and newer; empty: it is none."""
    return tuple(map(int, version.split("."))) if is_version(version) else ()


def unfit(
    *,
    model: str,
    firmware: str,
    for_model: str,
    version: str,
    allow_downgrade: bool,
    loses_way: bool,
) -> tuple[UpgradeState, str] | None:
    """What becomes of a device that cannot have ``version``, and why; None: it can.

    ``loses_way``: it is to be reset, and has no bridge to come back by.
    """
    if model != for_model:
        return UpgradeState.SKIPPED, Why.INCOMPATIBLE
    if firmware == version:
        return UpgradeState.ALREADY_CURRENT, ""
    if order_of(version) < order_of(firmware) and not allow_downgrade:
        return UpgradeState.SKIPPED, Why.DOWNGRADE
    if loses_way:
        return UpgradeState.SKIPPED, Why.RESET_NEEDS_BRIDGE
    return None


def plan_waves(targets: Sequence[Target], shares: Sequence[int]) -> list[list[Target]]:
    """Slice ``targets`` by ``shares`` (percent of all).

    The second entrance of a house waits for a later wave; where there is none, waves are
    added. No wave is empty.
    """
    total, left = len(targets), list(targets)
    waves: list[list[Target]] = []
    ends = [sum(shares[: place + 1]) for place in range(len(shares))]
    done = 0
    for end in ends:
        size = max(1, total * end // 100 - done)
        wave, left = _slice(left, size)
        if not wave:
            break
        done += len(wave)
        waves.append(wave)
    while left:
        wave, left = _slice(left, len(left))
        waves.append(wave)
    return waves


def _slice(left: Sequence[Target], size: int) -> tuple[list[Target], list[Target]]:
    wave: list[Target] = []
    later: list[Target] = []
    houses: set[uuid.UUID] = set()
    for target in left:
        is_second = target.is_entrance and target.site_id in houses
        if len(wave) >= size or is_second:
            later.append(target)
            continue
        wave.append(target)
        if target.is_entrance:
            houses.add(target.site_id)
    return wave, later


def is_over_limit(
    *, failed: int, tried: int, forgiven: int, percent: int, sample: int, cap: int
) -> bool:
    """Whether so many failures of ``tried`` stop the campaign.

    ``forgiven`` of both were looked at before somebody went on.
    """
    new_failed, new_tried = failed - forgiven, tried - forgiven
    if new_failed <= 0:
        return False
    if new_failed >= cap:
        return True
    return new_tried >= sample and new_failed * 100 > percent * new_tried


def local_moment(text: str, zone: str) -> datetime:
    """The moment that ``2026-11-30T02:00`` is on a clock in ``zone``.

    :raises ValueError: the text is no such time.
    """
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def open_until(hours: Hours | None, zone: str, now: datetime) -> datetime | None:
    """When the hours that ``now`` falls into end; None: it is not the time.

    Without hours it always is, until :data:`FOREVER`.
    """
    if hours is None or hours.start == hours.end:
        return FOREVER
    for start, end in _days(hours, zone, now):
        if start <= now < end:
            return end
    return None


def opens_at(hours: Hours, zone: str, now: datetime) -> datetime:
    """When the next hours begin; they are not now."""
    return min(start for start, _ in _days(hours, zone, now) if start > now)


def _days(hours: Hours, zone: str, now: datetime) -> list[tuple[datetime, datetime]]:
    """The hours of yesterday, today and the two days after, on the clock of ``zone``."""
    clock = ZoneInfo(zone)
    today = now.astimezone(clock).date()
    found = []
    for day in (today + timedelta(days=shift) for shift in range(-1, 3)):
        last = day if hours.start < hours.end else day + timedelta(days=1)
        start = datetime.combine(day, hours.start, tzinfo=clock).astimezone(UTC)
        end = datetime.combine(last, hours.end, tzinfo=clock).astimezone(UTC)
        found.append((start, end))
    return found
