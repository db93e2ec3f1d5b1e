"""Who may open what when: pure reading of users and schedules.

Field facts: C.5 (users), the manual (schedule types), pylocal-akuvox (week digits with
0 = Sunday, day flags, ``Daily``), the key-fob tool (``Schedule-SRelay``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from portico.simulator.catalogue import LETTERS

ALWAYS: Final = "1001"
NEVER: Final = "1002"
SCHEDULE_FIELDS: Final = ("ScheduleRelay", "Schedule-Relay", "Schedule")
_GRANT: Final = re.compile(r"(\d+)-(\d+)")
_DAILY: Final = re.compile(r"(\d{2}:\d{2})-(\d{2}:\d{2})")
_DAYS: Final = ("Sun", "Mon", "Tue", "Wed", "Thur", "Fri", "Sat")


def grants(text: str) -> list[tuple[str, str]]:
    """``1001-12;3-1`` as ``[("1001", "12"), ("3", "1")]``; ``,`` separates as well."""
    return [(match[1], match[2]) for match in _GRANT.finditer(text)]


def allowed_relays(
    user: Mapping[str, str], schedules: Iterable[Mapping[str, str]], now: datetime
) -> list[str]:
    """The relays (``A``, ``B``, ``SA``…) that the user may open at local time ``now``."""
    known = list(schedules)
    text = next((user[name] for name in SCHEDULE_FIELDS if user.get(name)), "")
    local = _open(grants(text), known, now)
    secured = _open(grants(user.get("Schedule-SRelay", "")), known, now)
    return [*local, *(f"S{letter}" for letter in secured)]


def is_active(schedule: Mapping[str, str], now: datetime) -> bool:
    """Whether a schedule holds at local time ``now``.

    ``Type`` 0: a range of dates (``YYYYMMDD``, both included), 1: days of the week,
    2: every day. Times are ``HH:MM``; the end is not included.
    """
    kind = schedule.get("Type", "")
    if kind == "0" and not _in_dates(schedule, now):
        return False
    if kind == "1" and not _on_day(schedule, now):
        return False
    return kind in ("0", "1", "2") and _in_hours(schedule, now)


def _open(
    given: Iterable[tuple[str, str]],
    schedules: list[Mapping[str, str]],
    now: datetime,
) -> list[str]:
    letters: set[str] = set()
    for schedule_id, digits in given:
        if _holds(schedule_id, schedules, now):
            letters |= {
                LETTERS[int(digit) - 1] for digit in digits if "1" <= digit <= "4"
            }
    return sorted(letters)


def _holds(schedule_id: str, schedules: list[Mapping[str, str]], now: datetime) -> bool:
    if schedule_id in (ALWAYS, NEVER):
        return schedule_id == ALWAYS
    for name in ("DisplayID", "ID"):
        for schedule in schedules:
            if schedule.get(name) == schedule_id:
                return is_active(schedule, now)
    return False


def _in_dates(schedule: Mapping[str, str], now: datetime) -> bool:
    today = now.strftime("%Y%m%d")
    first = schedule.get("DateStart") or "00000000"
    last = schedule.get("DateEnd") or "99999999"
    return first <= today <= last


def _on_day(schedule: Mapping[str, str], now: datetime) -> bool:
    weekday = now.isoweekday() % 7
    if schedule.get("Week"):
        return str(weekday) in schedule["Week"]
    return schedule.get(_DAYS[weekday]) == "1"


def _in_hours(schedule: Mapping[str, str], now: datetime) -> bool:
    clock = now.strftime("%H:%M")
    daily = _DAILY.fullmatch(schedule.get("Daily", ""))
    if daily and not schedule.get("TimeStart"):
        first, last = daily[1], daily[2]
    else:
        first = schedule.get("TimeStart") or "00:00"
        last = schedule.get("TimeEnd") or "24:00"
    if first <= last:
        return first <= clock < last or last == "23:59" <= clock
    return clock >= first or clock < last
