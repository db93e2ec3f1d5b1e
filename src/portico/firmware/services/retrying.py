"""What becomes of an offer that came to nothing: tried again, waited for, or given up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from portico.firmware.enums import UpgradeState, Way, Why
from portico.firmware.models import DeviceUpgrade
from portico.firmware.services.moving import move
from portico.firmware.states import RETRIED

_FIRST: Final = timedelta(minutes=1)
_LONGEST: Final = timedelta(minutes=30)
# Nobody comes home while the door restarts.
CALL_QUIET: Final = timedelta(minutes=5)
# Somebody is at the door: a call is over by then.
AFTER_CALL: Final = timedelta(minutes=2)
# How often one that is away is looked for.
LOOK_FOR: Final = timedelta(minutes=1)
# How often it is looked whether the image's address still stands in a unit's file.
FILE_LOOK: Final = timedelta(minutes=5)
# The bridge, or the unit at that moment, could not; it was no try.
_NOT_COUNTED: Final = frozenset({Why.IN_CALL, Why.OFFLINE, Why.WINDOW, Why.OTHER_DOOR})
_TAKEN: Final = {"command_id": None, "autop_item": None, "deadline_at": None}


def came_to_nothing(upgrade: DeviceUpgrade, why: Why, *, now: datetime) -> bool:
    """An offer ended before the point of no return, because of ``why``."""
    if why in _NOT_COUNTED:
        wait = AFTER_CALL if why == Why.IN_CALL else LOOK_FOR
        return _wait(upgrade, why, now + wait, now)
    if why == Why.NOT_SUPPORTED and upgrade.way == Way.BRIDGE:
        # Its file can tell it the same.
        return _wait(upgrade, why, now, now)
    if why in RETRIED and upgrade.misses < upgrade.campaign.retries:
        pause = min(_FIRST * 2**upgrade.misses, _LONGEST)
        # Units that failed together do not come back together.
        pause += _FIRST * (upgrade.pk % 30) / 30
        misses = upgrade.misses + 1
        return _wait(upgrade, why, now + pause, now, misses=misses)
    return bool(move([upgrade], UpgradeState.ABORTED, reason=why, now=now, **_TAKEN))


def _wait(
    upgrade: DeviceUpgrade, why: Why, until: datetime, now: datetime, **fields: object
) -> bool:
    moved = move(
        [upgrade],
        UpgradeState.WAITING,
        reason=why,
        now=now,
        next_at=until,
        **_TAKEN,
        **fields,
    )
    return bool(moved)
