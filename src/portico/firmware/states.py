"""The state machines of upgrades, as tables; docs/upgrades.md is drawn from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from portico.firmware.enums import CampaignState as C
from portico.firmware.enums import Projection, Why
from portico.firmware.enums import UpgradeState as U
from portico.firmware.enums import WaveState as W

CAMPAIGNS: Final[Mapping[C, frozenset[C]]] = {
    C.PREPARING: frozenset({C.SCHEDULED, C.STOPPED}),
    C.SCHEDULED: frozenset({C.PREPARING, C.RUNNING, C.STOPPED}),
    C.RUNNING: frozenset({C.PAUSED, C.COMPLETED, C.STOPPED}),
    C.PAUSED: frozenset({C.RUNNING, C.COMPLETED, C.STOPPED}),
    C.COMPLETED: frozenset(),
    C.STOPPED: frozenset(),
}

WAVES: Final[Mapping[W, frozenset[W]]] = {
    W.WAITING: frozenset({W.RUNNING, W.CANCELLED}),
    W.RUNNING: frozenset({W.SOAKING, W.TRIPPED, W.CANCELLED}),
    # Late devices fail, too, and one that failed may be let go on from.
    W.SOAKING: frozenset({W.PASSED, W.TRIPPED, W.CANCELLED}),
    W.TRIPPED: frozenset({W.RUNNING, W.CANCELLED}),
    W.PASSED: frozenset(),
    W.CANCELLED: frozenset(),
}

# Past the point of no return: they cannot be taken back, only waited for.
TOUCHED: Final = (U.INSTALLING, U.VERIFYING)
# Something is on its way to the device, or happens in it.
FLYING: Final = (U.OFFERED, U.DOWNLOADING, *TOUCHED)
OPEN: Final = (U.QUEUED, U.WAITING, *FLYING)
ENDED: Final = tuple(state for state in U if state not in OPEN)
# They count against the error limit.
ERRORS: Final = (U.FAILED, U.TIMED_OUT)
# The share of errors is one of these.
TRIED: Final = (U.SUCCEEDED, *ERRORS)

_TAKEN_BACK: Final = frozenset({U.QUEUED, U.WAITING, U.ABORTED, U.CANCELLED})
DEVICES: Final[Mapping[U, frozenset[U]]] = {
    U.QUEUED: frozenset(
        {U.WAITING, U.OFFERED, U.ALREADY_CURRENT, U.ABORTED, U.SKIPPED, U.CANCELLED}
    ),
    U.WAITING: frozenset(
        {
            U.WAITING,
            U.QUEUED,
            U.OFFERED,
            U.ALREADY_CURRENT,
            U.ABORTED,
            U.SKIPPED,
            U.CANCELLED,
        }
    ),
    U.OFFERED: _TAKEN_BACK | {U.DOWNLOADING, U.INSTALLING},
    U.DOWNLOADING: _TAKEN_BACK | {U.INSTALLING},
    U.INSTALLING: frozenset({U.VERIFYING, U.ABORTED, U.FAILED, U.TIMED_OUT}),
    U.VERIFYING: frozenset({U.SUCCEEDED, U.FAILED, U.TIMED_OUT}),
} | {state: frozenset() for state in ENDED}

# Worth trying again after a pause: the device was not touched, and the cause may pass.
RETRIED: Final = frozenset(
    {
        Why.DOWNLOAD_FAILED,
        Why.BAD_IMAGE,
        Why.UNREACHABLE,
        Why.BRIDGE_LOST,
        Why.NO_ROOM,
        Why.NOT_SAVED,
        Why.RETRY,
        Why.TROUBLE,
    }
)

PROJECTIONS: Final[Mapping[U, Projection]] = {
    U.QUEUED: Projection.PENDING,
    U.WAITING: Projection.PENDING,
    **dict.fromkeys(FLYING, Projection.PROCESSING),
    **dict.fromkeys(ENDED, Projection.EXECUTED),
}


def in_state(projection: Projection) -> tuple[U, ...]:
    """The states that the guide calls ``projection``."""
    return tuple(state for state, of in PROJECTIONS.items() if of == projection)
