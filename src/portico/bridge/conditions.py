"""Codes with conditions: hours, one reader alone, or another code every half minute."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from portico.protocols.bridge.messages import Guest, Hours, RollingCode
from portico.protocols.rolling import code_at

# A phone's clock and ours are this many periods apart at most.
_SLACK: Final = 1
_END_OF_DAY: Final = "23:59"


def in_hours(hours: Hours | None, at_ms: int) -> bool:
    """Whether the hours hold at that moment; never in a zone that nobody knows."""
    if hours is None:
        return True
    try:
        zone = ZoneInfo(hours.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
    clock = local.strftime("%H:%M")
    is_before_end = clock < hours.end or hours.end == _END_OF_DAY
    on_day = str(local.isoweekday() % 7) in hours.days
    return on_day and hours.start <= clock and is_before_end


def rolled(code: RollingCode | Guest, shown: str, at_ms: int) -> int | None:
    """The number of the period that ``shown`` is the code of; None: of no near one."""
    now = at_ms // 1000 // code.period
    found = None
    for number in range(now - _SLACK, now + _SLACK + 1):
        wanted = code_at(code.secret, number)
        if hmac.compare_digest(wanted.encode(), shown.encode()):
            found = number
    return found
